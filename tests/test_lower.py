"""Lowering: what array statements an equation becomes."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator

import lowered_layers as own
import numpy as np
import pytest
import sympy

from derive.calculus.derivation import gradients
from derive.core.atoms import Maximum
from derive.core.axes import Affine, Index
from derive.core.layer import Equation, Layer, Role, Symbol
from derive.core.primitives import PRIMITIVES
from derive.core.terms import apply, atom, read
from derive.errors import LoweringError
from derive.loading import load
from derive.lowering.elementwise import Quotient
from derive.lowering.expressions import Expressions
from derive.lowering.lower import prepared
from derive.lowering.render import numpy_source
from derive.lowering.stability import shift
from derive.printers.numpy import FUNCTIONS, NUMBER_FUNCTIONS, NumpyPrinter
from derive.printers.numpy_module import helper_sources

i = Index("i", sympy.Symbol("n", integer=True, positive=True))


# What a function checks, unpacks and measures before it computes.
OPENING = re.compile(r"_\w+\(|[\w, ()]+ = (_floating\(|np\.asarray\(|residuals|\w+\.shape\b|float\()|n_\w+ = ")


def statements(layer: Layer, function: str) -> list[str]:
    """The lines of a generated function that compute, without what is checked and measured."""
    source = numpy_source(layer)
    (node,) = [n for n in ast.parse(source).body if isinstance(n, ast.FunctionDef) and n.name == function]
    return [line for line in lines(source, node.body[1:-1]) if not OPENING.match(line)]


def lines(source: str, nodes: list[ast.stmt]) -> Iterator[str]:
    """Each statement; of a loop its head, and what stands in it."""
    for node in nodes:
        if isinstance(node, ast.For):
            yield f"for {ast.unparse(node.target)} in {ast.unparse(node.iter)}:"
            yield from (f"    {line}" for line in lines(source, node.body))
        else:
            yield ast.get_source_segment(source, node)


EXPECTED = [
    (load("linear"), "linear_fwd", ["Y = (X.reshape(-1, d_in) @ W).reshape(*ell, d_out)", "Y += b"]),
    (
        load("linear"),
        "linear_bwd",
        [
            "dX = (dY.reshape(-1, d_out) @ W.T).reshape(*ell, d_in)",
            "dW = X.reshape(-1, d_in).T @ dY.reshape(-1, d_out)",
            "db = dY.reshape(-1, d_out).sum(axis=0)",
        ],
    ),
    (load("affine"), "affine_fwd", ["y = W @ x + b"]),
    (load("affine"), "affine_bwd", ["dx = dy @ W", "dW = dy[:, None] * x", "db = dy.copy()"]),
    (load("relu"), "relu_fwd", ["Y = np.maximum(X, 0)"]),
    (load("relu"), "relu_bwd", ["dX = _where(Y > 0, dY, 0)"]),
    (
        load("softmax"),
        "softmax_fwd",
        [
            "P = S - S.max(axis=-1, keepdims=True, initial=-np.inf)",
            "np.exp(P, out=P)",
            "P /= P.sum(axis=-1, keepdims=True)",
        ],
    ),
    (
        load("attention"),
        "attention_fwd",
        [
            "E = np.empty((*ell, n, m), Q.dtype)",
            "Z = np.empty((*ell, n), Q.dtype)",
            "O = np.empty((*ell, n, d_v), Q.dtype)",
            # a few items at a time, for which the scores become exponentials where they are kept, divided last
            "for at in _portions(ell, n * m):",
            "    np.matmul(Q[at] / math.sqrt(d_k), K[at].mT, out=E[at])",
            "    E[at] -= E[at].max(axis=-1, keepdims=True, initial=-np.inf)",
            "    np.exp(E[at], out=E[at])",
            "    Z[at] = E[at].sum(axis=-1)",
            "    np.matmul(E[at], V[at], out=O[at])",
            "    O[at] /= Z[at][..., None]",
        ],
    ),
    (
        load("attention"),
        "attention_bwd",
        [
            "dQ = np.empty((*ell, n, d_k), Q.dtype)",
            "dK = np.empty((*ell, m, d_k), Q.dtype)",
            "dV = np.empty((*ell, m, d_v), Q.dtype)",
            # dS is made of a few items at a time, and dropped
            "for at in _portions(ell, n * m):",
            "    dO_scaled = dO[at] / Z[at][..., None]",
            '    delta = np.einsum("...ie,...ie->...i", dO[at], O[at])',
            "    dS = dO_scaled @ V[at].mT",
            "    dS -= (delta / Z[at])[..., None]",
            "    dS *= E[at]",
            "    np.matmul(dS, K[at] / math.sqrt(d_k), out=dQ[at])",
            "    np.matmul(dS.mT, Q[at] / math.sqrt(d_k), out=dK[at])",
            "    np.matmul(E[at].mT, dO_scaled, out=dV[at])",
        ],
    ),
    (load("mse"), "mse_bwd", ["dY = 2 * dL / R.size * R", "dT = -dY"]),
    (
        load("toeplitz"),
        "toeplitz_fwd",
        ['y = np.einsum("tk,k->t", _windows(x, (n_t, K), (-padding, stride, dilation)), w)'],
    ),
    # the pair with the least work first
    (own.chain, "chain_fwd", ["Y = A @ (B @ x)"]),
    (own.batched, "batched_fwd", ["Y = (B.mT @ A.mT).transpose(1, 0, 2)"]),
    (own.transposed_trace, "transposed_trace_fwd", ["t = np.vdot(X, Y.T)"]),
    # a kernel's taps, no matrix of the shifted kernel
    (own.spread, "spread_fwd", ["y = _overlap_add(x, (n_t,), 1, (0, 1, stride), weights=w[:, None])"]),
    (
        own.spread_back,
        "spread_back_fwd",
        [
            "y_rows = _spread(w[None, :, None], x.reshape(-1, n)[:, None, :], (n_t,), (0, 1, stride))",
            "y = y_rows.reshape(*ell, n_t)",
        ],
    ),
    # tap by tap: no array of all products, and no copy of a window
    (own.window_sums, "window_sums_fwd", ["Y = _tap_sum(_windows(X, (K, n_t), (0, 1, 2)), -2)", "W = w.copy()"]),
    # columns of a piece of the window at a time, for the leading axes as one
    (
        own.own_kernels,
        "own_kernels_fwd",
        ["Y = _correlate(W[:, None, :], X.reshape(-1, D, n), (K, n_t), (1, 1, 1)).reshape(*ell, D, n_t)"],
    ),
    (
        own.own_kernels,
        "own_kernels_bwd",
        [
            "dX = _correlate(W[:, None, :], dY.reshape(-1, D, n_t), (K, n), (-1, -1, 1)).reshape(*ell, D, n)",
            "dY_rows = dY.reshape(-1, D, n_t)",
            "dW_rows = _tap_products(dY_rows[:, :, None, :], X.reshape(-1, D, n), (K, n_t), (1, 1, 1))",
            "dW = dW_rows.reshape(D, K)",
        ],
    ),
    (
        own.shifted_products,
        "shifted_products_fwd",
        [
            "X_windows = _windows(X, (D, n, m, 2, 2), (0, 0, 1, 0, 1, 0), (0, 0, 0, 1, 0, 1), (0, 1, 0, 0, 0, 0))",
            'Z = _tap_inner("dij,ijd->d", X_windows, Y, 2)',
        ],
    ),
    # there is no loop over data
    (
        own.shifted_products,
        "shifted_products_bwd",
        [
            "dZ_windows = _windows(dZ, (n, m, n, m), (0, -1, 0, 1, 0), (0, 0, -1, 0, 1))",
            'dX = np.einsum("dabij,abd->dij", dZ_windows, Y).transpose(1, 2, 0)',
            "X_windows = _windows(X, (2, 2, D, n, m), (0, 1, 0, 0, 1, 0), (0, 0, 1, 0, 0, 1), (0, 0, 0, 1, 0, 0))",
            "dY_part = _tap_sum(X_windows, (-5, -4), dZ.transpose(1, 2, 0)[:, :, :, None, None])",
            "dY = dY_part.transpose(1, 2, 0)",
        ],
    ),
    (own.diagonal, "diagonal_fwd", ["y = X.diagonal() ** 2 * Z.diagonal(axis1=-2, axis2=-1)"]),
    # the mask goes into the exponent, once, and is made before the loop
    (
        own.causal,
        "causal_fwd",
        [
            "mask = np.arange(n)[:, None] >= np.arange(n)",
            "E = np.empty((*ell, n, n), S.dtype)",
            "Z = np.empty((*ell, n), S.dtype)",
            "O = np.empty((*ell, n, D), S.dtype)",
            "for at in _portions(ell, n * n):",
            "    E[at] = np.where(mask, S[at], -np.inf)",
            "    E[at] -= E[at].max(axis=-1, keepdims=True, initial=-np.inf)",
            "    np.exp(E[at], out=E[at])",
            "    Z[at] = E[at].sum(axis=-1)",
            "    np.matmul(E[at], V[at], out=O[at])",
            "    O[at] /= Z[at][..., None]",
        ],
    ),
    (
        own.elu,
        "elu_fwd",
        [
            "y = np.empty(ell, x.dtype)",
            "for at in _portions(ell, 1):",
            "    y[at] = _where(x[at] > 0, x[at], alpha * np.expm1(np.minimum(x[at], 0)))",
        ],
    ),
    (own.two_outputs, "two_outputs_fwd", ["a = x * y", "b = a @ np.sin(x)"]),
    (own.copied, "copied_fwd", ["y = x.copy()", "z = X.T.copy()"]),
]


@pytest.mark.parametrize(("layer", "function", "expected"), EXPECTED, ids=lambda x: x if isinstance(x, str) else "")
def test_what_an_expert_would_write(layer, function, expected):
    assert statements(layer, function) == expected


def test_the_printed_functions_are_the_primitives_and_a_few_more():
    more = {"sqrt", "maximum", "minimum", "where", "select", "floor", "clip", "expm1", "sign", "not"}
    assert set(FUNCTIONS) == set(NUMBER_FUNCTIONS) == set(PRIMITIVES) | more


@pytest.mark.parametrize("name", PRIMITIVES)
def test_every_spelling_is_an_atom_with_the_primitives_values(name):
    x = Symbol("x", (i,), Role.INPUT)
    printer = NumpyPrinter({}, "x.dtype")
    value = Expressions({"x": x}).expr(apply(name, read("x", i) * 2 + 1), (i,))
    code = f"3 / {printer.print(value)}"
    points = np.linspace(-0.4, 2.5, 7)
    expected = [3 / PRIMITIVES[name].value(2 * p + 1) for p in points.tolist()]
    np.testing.assert_allclose(evaluated(code, x=points), expected, rtol=1e-12)
    number = NUMBER_FUNCTIONS[name].format(x="1 / 4")
    assert type(evaluated(f"3 / {number}")) is float
    assert np.isclose(evaluated(f"3 / {number}"), 3 / PRIMITIVES[name].value(0.25))


def evaluated(code: str, **names):
    """The value of a generated expression."""
    scope = {"np": np, "math": math, **names}
    exec("from numpy.lib.stride_tricks import as_strided\n" + "\n".join(helper_sources().values()), scope)
    return eval(code, scope)


def test_the_largest_value_of_a_window_leaves_out_what_lies_outside():
    k = Index("k", sympy.Integer(3))
    x = Symbol("x", (i,), Role.INPUT)
    body = read("x", Affine.build([(i, 2), (k, 1)], -1))
    value = Expressions({"x": x}).expr(atom(Maximum(body, (k,))), (i,))
    code = NumpyPrinter({}, "x.dtype").print(value)
    given = -np.arange(1.0, 6.0)
    result = evaluated(code, x=given, n=3)
    assert result.tolist() == [-1, -2, -4]


def test_a_sum_of_exponentials_is_shifted_by_its_largest_exponent():
    layer = load("softmax")
    (equation,) = layer.equations
    shifted = shift(equation.expr)
    assert "max[" in shifted.key and "max[" not in equation.expr.key
    assert shift(shift(equation.expr)).key == shifted.key


def test_what_cannot_overflow_is_left_alone():
    (equation,) = load("linear").equations
    assert shift(equation.expr) is equation.expr


def test_an_unknown_function_says_what_is_missing():
    x = Symbol("x", (i,), Role.INPUT)
    value = Expressions({"x": x}).expr(apply("gamma", read("x", i)), (i,))
    with pytest.raises(LoweringError, match="gamma has no spelling in NumPy. Add a row"):
        NumpyPrinter({}, "x.dtype").print(value)


def test_a_tensor_that_is_not_defined_is_named():
    with pytest.raises(LoweringError, match=r"Z\[i\]: Z is not defined"):
        Expressions({}).expr(read("Z", i), (i,))


def test_what_is_shown_along_a_new_axis_twice_is_computed_once():
    found = statements(own.cosine, "cosine_bwd")
    assert [line for line in found if "sqrt(" in line] == [
        '    sqrt_y = np.sqrt(np.einsum("...d,...d->...", y[at], y[at]))',
        '    sqrt_x = np.sqrt(np.einsum("...d,...d->...", x[at], x[at]))',
    ]


def test_a_quotient_keeps_its_numbers_together():
    x = read("x", i)
    value = Expressions({"x": Symbol("x", (i,), Role.INPUT), "n": Symbol("n", role=Role.SIZE)}).expr(
        x * 3 / read("n") / 7, (i,)
    )
    assert NumpyPrinter({}, "x.dtype").print(value) == "3 / (7 * n) * x"
    assert Quotient().trivial


def test_no_statement_without_its_equation():
    """Of the layer and its backward layer as they are written in code."""
    layer = load("attention")
    source = numpy_source(layer)
    for name, written in zip(("attention_fwd", "attention_bwd"), prepared(gradients(layer)), strict=True):
        part = source[source.index(f"def {name}(") :].partition("\n\n\n")[0]
        for equation in written.equations:
            assert isinstance(equation, Equation)
            assert f"# {equation.symbol.name}[" in part
