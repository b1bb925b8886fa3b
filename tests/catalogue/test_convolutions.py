"""The convolutions: textbook forms, what is the transpose of what, matrices of blocks, and a grid of all options."""

import re
from dataclasses import replace
from functools import cache
from itertools import product

import numpy as np
import pytest
from sympy import Sum

import numeric
from derive.calculus.derivation import gradients
from derive.calculus.equality import Equality, equal
from derive.core.axes import Affine
from derive.core.layer import Layer, Role
from derive.core.terms import Expr
from derive.documents.block_toeplitz import block_example, block_operators, block_toeplitz_latex
from derive.documents.document import latex
from derive.errors import NotationError
from derive.language import Axis, Integer, Parameter, Tensor, axes, define, layer
from derive.layers.convolutions.conv1d import conv1d
from derive.layers.convolutions.conv2d import conv2d
from derive.layers.convolutions.conv_transpose import conv_transpose1d, conv_transpose2d
from derive.loading import load
from derive.lowering.render import compiled
from derive.notation.kernels import Kernel, kernels
from derive.notation.matrix import matrix_form
from derive.notation.operators import find_operators
from derive.printers.text import index_text, matrix_text

module_of = cache(lambda name: compiled(load(name)))


@pytest.fixture
def rng():
    return np.random.default_rng(0)


T = "stride·t + dilation·k - padding"
I, J = "stride·i + dilation·u - padding", "stride·j + dilation·v - padding"
H, W = "stride·h + dilation·u - padding", "stride·w + dilation·v - padding"
FORMS = {
    "conv1d": {
        "X": f"Σ_{{o,t,k}} G[ℓ,o,t] W[o,c,k] [l = {T}]",
        "W": f"Σ_{{ℓ,t}} G[ℓ,o,t] X[ℓ,c,{T}]",
        "b": "Σ_{ℓ,t} G[ℓ,o,t]",
    },
    "conv2d": {
        "X": f"Σ_{{o,i,j,u,v}} G[ℓ,o,i,j] W[o,c,u,v] [h = {I}] [w = {J}]",
        "W": f"Σ_{{ℓ,i,j}} G[ℓ,o,i,j] X[ℓ,c,{I},{J}]",
        "b": "Σ_{ℓ,i,j} G[ℓ,o,i,j]",
    },
    "grouped_conv1d": {
        "X": f"Σ_{{o,t,k}} G[ℓ,g,o,t] W[g,o,c,k] [l = {T}]",
        "W": f"Σ_{{ℓ,t}} G[ℓ,g,o,t] X[ℓ,g,c,{T}]",
        "b": "Σ_{ℓ,t} G[ℓ,g,o,t]",
    },
    "asymmetric_conv1d": {
        "X": "Σ_{o,t,k} G[ℓ,o,t] W[o,c,k] [l = stride·t + dilation·k - left]",
        "W": "Σ_{ℓ,t} G[ℓ,o,t] X[ℓ,c,stride·t + dilation·k - left]",
        "b": "Σ_{ℓ,t} G[ℓ,o,t]",
    },
    "depthwise_conv2d": {
        "X": f"Σ_{{i,j,u,v}} G[ℓ,c,i,j] W[c,u,v] [h = {I}] [w = {J}]",
        "W": f"Σ_{{ℓ,i,j}} G[ℓ,c,i,j] X[ℓ,c,{I},{J}]",
        "b": "Σ_{ℓ,i,j} G[ℓ,c,i,j]",
    },
    "pointwise_conv2d": {
        "X": "Σ_o G[ℓ,o,h,w] W[o,c]",
        "W": "Σ_{ℓ,h,w} G[ℓ,o,h,w] X[ℓ,c,h,w]",
        "b": "Σ_{ℓ,h,w} G[ℓ,o,h,w]",
    },
    "causal_conv1d": {
        "X": "Σ_{o,k} G[ℓ,o,l + dilation·k] W[o,c,k]",
        "W": "Σ_{ℓ,l} G[ℓ,o,l] X[ℓ,c,l - dilation·k]",
        "b": "Σ_{ℓ,l} G[ℓ,o,l]",
    },
    "conv_transpose1d": {
        "X": "Σ_{o,k} G[ℓ,o,stride·l + dilation·k - padding] W[c,o,k]",
        "W": "Σ_{ℓ,l} G[ℓ,o,stride·l + dilation·k - padding] X[ℓ,c,l]",
        "b": "Σ_{ℓ,t} G[ℓ,o,t]",
    },
    "conv_transpose2d": {
        "X": f"Σ_{{o,u,v}} G[ℓ,o,{H},{W}] W[c,o,u,v]",
        "W": f"Σ_{{ℓ,h,w}} G[ℓ,o,{H},{W}] X[ℓ,c,h,w]",
        "b": "Σ_{ℓ,i,j} G[ℓ,o,i,j]",
    },
    "circular_conv1d": {"z": "Σ_k g[m + k + 1 - K] w[k]", "x": "dz[j + K - 1] + dz[j + K - n - 1]"},
}


@pytest.mark.parametrize("name", FORMS)
def test_the_textbook_form(name):
    found = gradients(load(name)).derivations
    shown = {tensor: index_text(found[tensor].expr, found[tensor].names) for tensor in found}
    assert {tensor: shown[tensor] for tensor in FORMS[name]} == FORMS[name]


def matrix_forms(of: Layer, *tensors: str) -> list[str | None]:
    found, operators = gradients(of), find_operators(of)
    trees = [(d, matrix_form(d.expr, d.symbol.axes, d.names, operators)) for d in map(found.__getitem__, tensors)]
    return [matrix_text(tree, d.names, axes=d.symbol.axes) if tree else None for d, tree in trees]


def test_a_circular_convolution_in_matrix_notation():
    assert matrix_forms(load("circular_conv1d"), "z", "w", "x") == ["T(w)ᵀ g", "U(z)ᵀ g", None]


def test_the_separable_layer_refers_to_the_layers_it_is_made_of():
    found = gradients(load("depthwise_separable_conv2d"))
    called = [(c.layer.name, [s.name for s in c.outputs]) for c in found.backward.statements]
    assert called == [("pointwise_conv2d_bwd", ["dH", "dP", "db"]), ("depthwise_conv2d_bwd", ["dX", "dD", "da"])]


# rules that came with them, on layers of nobody's

s, t, r = axes("s=p t=q r=R")


@layer
def ahead(v: Tensor[s], a: Parameter[r]):
    """A kernel of unit steps that leaves no condition behind in the gradient."""
    z = Axis("z", s.size - r.size + 1)
    return define("y", (z,), Sum(a[r] * v[z - r + r.size - 1], r))


def test_what_is_read_backwards_through_a_kernel_is_its_transpose():
    assert matrix_forms(ahead, "v", "a") == ["T(a)ᵀ g", "U(v)ᵀ g"]


def test_which_way_kernels_run():
    known = {
        Kernel.FORWARD: ("conv1d", "conv2d", "toeplitz", "depthwise_separable_conv2d", "grouped_conv3d"),
        Kernel.BACKWARD: ("causal_conv1d", "circular_conv1d"),
        Kernel.NONE: ("avg_pool1d", "avg_pool2d"),
    }
    for kind, names in known.items():
        assert [kernels(load(name)) for name in names] == [[kind]] * len(names)
    assert kernels(load("linear")) == kernels(load("conv_transpose1d")) == []
    assert kernels(ahead) == [Kernel.BACKWARD]


# transposes

c, o, l, k, h, w, u, v = axes("c=c_in o=c_out l=n k=K h=n_h w=n_w u=K_h v=K_w")
n_t = conv1d.output_symbols[0].axes[-1].size
n_i, n_j = (i.size for i in conv2d.output_symbols[0].axes[-2:])
m_t = conv_transpose1d.output_symbols[0].axes[-1].size
m_i, m_j = (i.size for i in conv_transpose2d.output_symbols[0].axes[-2:])
at, ai, aj = Axis("t", n_t), Axis("i", n_i), Axis("j", n_j)
bt, bi, bj = Axis("t", m_t), Axis("i", m_i), Axis("j", m_j)


def in_equations(of: Layer) -> Layer:
    """The layer with its parameters as inputs, so that a call of it is its equations."""
    return replace(of, arguments=tuple(symbol.renamed(role=Role.INPUT) for symbol in of.arguments))


def left_over(length, steps, stride, padding, dilation, taps):
    """What a convolution leaves unread behind, which its transpose pads: (n + 2p - d (K - 1) - 1) mod s."""
    return length - (stride * (steps - 1) - 2 * padding + dilation * (taps - 1) + 1)


@layer
def transposed1d(
    G: Tensor[..., o, at],
    W: Tensor[o, c, k],
    none: Tensor[c],
    x: Tensor[l],
    *,
    stride: Integer(1) = 1,
    padding: Integer(0) = 0,
    dilation: Integer(1) = 1,
):
    more = left_over(l.size, n_t, stride, padding, dilation, k.size)
    options = {"stride": stride, "padding": padding, "dilation": dilation}
    return in_equations(conv_transpose1d)(G, W, none, output_padding=more, **options)


@layer
def convolved1d(
    G: Tensor[..., o, bt],
    W: Tensor[c, o, k],
    none: Tensor[c],
    x: Tensor[l],
    *,
    stride: Integer(1) = 1,
    padding: Integer(0) = 0,
    dilation: Integer(1) = 1,
    output_padding: Integer(0) = 0,
):
    return in_equations(conv1d)(G, W, none, stride=stride, padding=padding, dilation=dilation)


@layer
def convolved2d(
    G: Tensor[..., o, bi, bj],
    W: Tensor[c, o, u, v],
    none: Tensor[c],
    x: Tensor[h, w],
    *,
    stride: Integer(1) = 1,
    padding: Integer(0) = 0,
    dilation: Integer(1) = 1,
    output_padding: Integer(0) = 0,
):
    return in_equations(conv2d)(G, W, none, stride=stride, padding=padding, dilation=dilation)


@layer
def transposed2d(
    G: Tensor[..., o, ai, aj],
    W: Tensor[o, c, u, v],
    none: Tensor[c],
    x: Tensor[h, w],
    *,
    stride: Integer(1) = 1,
    padding: Integer(0) = 0,
    dilation: Integer(1) = 1,
    output_padding: Integer(0) = 0,
):
    return in_equations(conv_transpose2d)(
        G, W, none, stride=stride, padding=padding, dilation=dilation, output_padding=output_padding
    )


def without_bias(of: Layer, free) -> Expr:
    """The sum in the only equation of a layer, at other free indices."""
    (equation,) = of.equations
    whole = Expr(tuple(term for term in equation.expr.terms if term.bound))
    return whole.substitute({i: Affine.of(p) for i, p in zip(equation.symbol.axes, free, strict=True)})


@pytest.mark.parametrize(
    "of, other",
    [
        (conv1d, transposed1d),
        (conv2d, transposed2d),
        (conv_transpose1d, convolved1d),
        (conv_transpose2d, convolved2d),
    ],
    ids=lambda of: of.name,
)
def test_the_gradient_by_the_input_is_the_transposed_layer(of, other):
    """Of a convolution it is the transposed convolution, and the other way round."""
    found = gradients(of)["X"]
    assert equal(found, without_bias(other, found.at), rename={"dY": "G"}) is Equality.EQUAL
    assert equal(found, without_bias(other, found.at), rename={"dY": "W", "W": "G"}) is Equality.NOT_SHOWN


def test_the_transposed_layer_has_the_size_that_the_convolution_came_from():
    (equation,) = transposed1d.equations
    assert [i.size for i in equation.symbol.axes[1:]] == [c.size, l.size]


# blocks


def dense(name: str, kernel: np.ndarray, shape: tuple[int, ...], **options) -> np.ndarray:
    """The matrix of a layer of one channel: a column for each entry of the input."""
    columns = [
        getattr(numeric, name)(unit.reshape(1, *shape), kernel[None, None], np.zeros(1), **options).ravel()
        for unit in np.eye(int(np.prod(shape)))
    ]
    return np.array(columns).T


@pytest.mark.parametrize(
    "options", [{}, {"stride": 2}, {"padding": 1, "stride": 3}, {"padding": 2, "stride": 2, "dilation": 2}], ids=str
)
def test_the_block_matrix_has_the_entries_of_the_dense_one(options):
    (operator,) = block_operators(conv2d)
    kernel = np.arange(2.0, 8.0).reshape(2, 3)
    shown = block_toeplitz_latex(operator, {"n_h": 3, "n_w": 4, "K_h": 2, "K_w": 3} | options, conv2d.symbols)
    inside = re.sub(r"\\left\(\\begin\{array\}\{[c|]*\}|\\end\{array\}\\right\)|\\hline", "", shown)
    rows = [[entry.strip() for entry in row.split("&")] for row in inside.split(r"\\")]
    found = [[kernel[tuple(map(int, e[3:-1].split(",")))] if e != "0" else 0.0 for e in row] for row in rows]
    np.testing.assert_array_equal(found, dense("conv2d", kernel, (3, 4), **options))


def test_the_block_matrix_in_latex():
    (operator,) = block_operators(conv2d)
    sizes = {"n_h": 2, "n_w": 3, "K_h": 1, "K_w": 2}
    assert block_toeplitz_latex(operator, sizes, conv2d.symbols) == (
        r"\left(\begin{array}{ccc|ccc} W_{0,0} & W_{0,1} & 0 & 0 & 0 & 0 \\ 0 & W_{0,0} & W_{0,1} & 0 & 0 & 0 \\"
        r" \hline 0 & 0 & 0 & W_{0,0} & W_{0,1} & 0 \\ 0 & 0 & 0 & 0 & W_{0,0} & W_{0,1} \end{array}\right)"
    )
    assert block_example(operator, conv2d.symbols) == {
        "K_h": 2, "K_w": 2, "n_h": 3, "n_w": 4, "dilation": 1, "padding": 0, "stride": 1,
    }  # fmt: skip


def test_a_block_matrix_needs_small_numbers():
    (operator,) = block_operators(conv2d)
    with pytest.raises(NotationError, match="needs a number for K_h"):
        block_toeplitz_latex(operator, {"n_h": 3, "n_w": 3}, conv2d.symbols)
    with pytest.raises(NotationError, match=r"T\(W\) is 16 x 25 with these sizes. Choose sizes"):
        block_toeplitz_latex(operator, {"n_h": 5, "n_w": 5, "K_h": 2, "K_w": 2}, conv2d.symbols)


def test_three_directions_have_two_lines_between_the_outer_blocks():
    (operator,) = block_operators(load("conv3d"))
    sizes = {"n_f": 2, "n_h": 2, "n_w": 2, "K_f": 1, "K_h": 1, "K_w": 1}
    shown = block_toeplitz_latex(operator, sizes, load("conv3d").symbols)
    assert shown.startswith(r"\left(\begin{array}{cc|cc||cc|cc} W_{0,0,0} & 0") and shown.count(r"\hline \hline") == 1


def test_a_document_shows_the_matrix_and_its_entries():
    text = latex(gradients(conv2d), document=True)
    assert r"\section*{Block Toeplitz matrices}" in text
    assert r"T(W)_{(i,j),(h,w)} &= \sum_{u,v} W_{o,c,u,v} \, \left[h = s i + d u - p\right]" in text
    assert r"T(W) &= \left(\begin{array}{cccc|cccc|cccc} W_{0,0} & W_{0,1} & 0 & 0 & W_{1,0}" in text
    assert "Block Toeplitz" not in latex(gradients(conv1d), document=True)


# every setting

SHAPES = {
    "toeplitz": [(9,), (3,)],
    "conv1d": [(2, 2, 9), (3, 2, 3), (3,)],
    "conv2d": [(2, 2, 6, 9), (3, 2, 2, 3), (3,)],
    "conv3d": [(2, 5, 6, 7), (3, 2, 2, 3, 1), (3,)],
    "grouped_conv1d": [(2, 2, 3, 9), (2, 5, 3, 3), (2, 5)],
    "grouped_conv2d": [(2, 2, 3, 6, 9), (2, 5, 3, 2, 3), (2, 5)],
    "grouped_conv3d": [(3, 2, 5, 6, 7), (3, 5, 2, 2, 3, 1), (3, 5)],
    "depthwise_conv1d": [(2, 3, 9), (3, 3), (3,)],
    "depthwise_conv2d": [(2, 3, 6, 9), (3, 2, 3), (3,)],
    "depthwise_separable_conv2d": [(2, 3, 6, 9), (3, 2, 3), (3,), (5, 3), (5,)],
    "conv_transpose1d": [(2, 2, 9), (2, 3, 3), (3,)],
    "conv_transpose2d": [(2, 2, 6, 9), (2, 3, 2, 3), (3,)],
}
GRID = [
    {"stride": stride, "padding": padding, "dilation": dilation}
    for stride, padding, dilation in product((1, 2, 3, 4), (0, 1, 2, 3), (1, 2, 3))
]


@pytest.mark.parametrize("name", SHAPES)
def test_generated_and_handwritten_code_agree_at_every_setting(name, rng):
    """The data are small integers: all sums are exact."""
    more = [{"output_padding": q} for q in (0, 1, 5)] if "transpose" in name else [{}]
    checked = 0
    for options, extra in product(GRID, more):
        arguments = [rng.integers(-4, 5, shape).astype(float) for shape in SHAPES[name]]
        assert both(name, arguments, options | extra, rng)
        checked += 1
    assert checked == len(GRID) * len(more)


def both(name, arguments, options, rng) -> bool:
    """Are outputs and gradients equal, or do both reject what would leave nothing?"""
    code = module_of(name)
    try:
        expected, saved = getattr(numeric, f"{name}_fwd")(*arguments, **options)
    except ValueError as error:
        assert "the output would be empty" in str(error)
        with pytest.raises(ValueError, match="would have size -?[0-9]+, expected at least 1"):
            getattr(code, name)(*arguments, **options)
        return True
    found, residuals = getattr(code, f"{name}_fwd")(*arguments, **options)
    cotangent = rng.integers(-4, 5, expected.shape).astype(float)
    pairs = zip(
        (found, *getattr(code, f"{name}_bwd")(residuals, cotangent, **options)),
        (expected, *getattr(numeric, f"{name}_bwd")(saved, cotangent)),
        strict=True,
    )
    return all(np.array_equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("side", ["generated", "handwritten"])
def test_paddings_at_each_side_are_what_is_put_there(side, rng):
    source = module_of("asymmetric_conv2d") if side == "generated" else numeric
    X, W = rng.integers(-4, 5, (2, 2, 5, 6)).astype(float), rng.integers(-4, 5, (3, 2, 2, 3)).astype(float)
    for top, bottom, left, right in product((0, 1, 3), repeat=4):
        ends = {"top": top, "bottom": bottom, "left": left, "right": right}
        padded = np.pad(X, ((0, 0), (0, 0), (top, bottom), (left, right)))
        found = source.asymmetric_conv2d(X, W, np.zeros(3), stride_h=2, dilation_w=2, **ends)
        expected = source.asymmetric_conv2d(padded, W, np.zeros(3), stride_h=2, dilation_w=2)
        np.testing.assert_array_equal(found, expected)


# doors

EMPTY = [name for name in SHAPES if "transpose" not in name]


@pytest.mark.parametrize("name", EMPTY)
def test_an_output_that_would_be_empty_is_rejected(name):
    arguments = [np.ones(shape) for shape in SHAPES[name]]
    with pytest.raises(ValueError, match=r"axis [tij] of [yYH] would have size -?\d+, expected at least 1"):
        getattr(module_of(name), name)(*arguments, dilation=9)
    with pytest.raises(ValueError, match="the output would be empty: expected at least"):
        getattr(numeric, name)(*arguments, dilation=9)


def test_a_transposed_output_that_padding_leaves_nothing_of_is_rejected():
    arguments = [np.ones(shape) for shape in SHAPES["conv_transpose1d"]]
    with pytest.raises(ValueError, match="conv_transpose1d: axis t of Y would have size -1, expected at least 1"):
        module_of("conv_transpose1d").conv_transpose1d(*arguments, padding=6)
    with pytest.raises(ValueError, match="the output would be empty: 9 entries, 3 taps, stride 1, padding 6"):
        numeric.conv_transpose1d(*arguments, padding=6)


def test_a_circular_kernel_is_no_longer_than_the_circle():
    with pytest.raises(ValueError, match="circular_conv1d: K <= n is required, but K=4, n=3"):
        module_of("circular_conv1d").circular_conv1d(np.ones(3), np.ones(4))
    with pytest.raises(ValueError, match=r"circular_conv1d: w, axis k: expected 1 to 3 taps \(as in x\), given 4"):
        numeric.circular_conv1d(np.ones(3), np.ones(4))


def test_no_dense_matrix_is_made():
    """A matrix for a signal of this length would have 40 thousand million entries."""
    x, kernel = np.ones(200_000, np.float32), np.ones(3, np.float32)
    for name in ("toeplitz", "circular_conv1d"):
        y, residuals = getattr(module_of(name), f"{name}_fwd")(x, kernel)
        dx, dw = getattr(module_of(name), f"{name}_bwd")(residuals, y)
        assert dx.shape == x.shape and dw.tolist() == pytest.approx([3 * y.size] * 3, rel=1e-2)
