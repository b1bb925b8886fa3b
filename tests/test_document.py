"""Documents: what they hold, that every line stays on its page, and that LaTeX sets them."""

import re
import shutil
import subprocess

import jinja2
import numpy as np
import pytest
from latex_reader import split_aligned
from latex_reader.tokens import tokenize
from sympy import Sum, exp, tanh

import derive
from derive.calculus.derivation import gradients
from derive.core.layer import Layer
from derive.documents.aligned import ARTICLE, PAGE, aligned, chunks
from derive.documents.document import derivation_latex, equation_line, gradients_text, latex, show_text
from derive.documents.toeplitz_matrix import example_sizes, toeplitz_matrix_latex
from derive.documents.typeset import Line, Typesetter
from derive.errors import NotationError, UsageError
from derive.language.definition import Axis, Parameter, Tensor, axes, define, layer
from derive.layers.convolutions.conv1d import conv1d
from derive.layers.networks.mlp import mlp
from derive.loading import all_layers, load
from derive.notation.kernels import Kernel, kernels
from derive.notation.operators import find_operators
from derive.printers.latex import LatexStyle
from derive.printers.lines import plain, width
from derive.templating import environment, folder, latex_environment

LAYERS = all_layers()
b, i, o, t, k, j = axes("b=B i=d_in o=d_out t=T_y k=K_w j=n")


@layer
def rude(X: Tensor[b, i], W: Parameter[i, o].latex(r"\hat{W}^{\star}")):
    r"""50% of $X$ & \input{secrets} #1 ~ W_1^2 {Kᵀ √d 漢}

    Not the first paragraph.
    """
    return define("Y_50", (b, o), Sum(X[b, i] * W[i, o], i))


@layer
def accents(xhat1: Tensor[b, i], Wbar_2: Parameter[i, o]):
    """Names with accents and subscripts."""
    return define("Ytilde_1", (b, o), Sum(xhat1[b, i] * Wbar_2[i, o] ** 2, i))


@layer
def swell(X: Tensor[b, i], W: Parameter[i, o]):
    """A long product, whose derivative is longer."""
    S = define("S", (b, o), Sum(X[b, i] * W[i, o], i))
    value = 1
    for number in range(1, 6):
        value = value * (tanh(number * S[b, o]) + exp(-(S[b, o] ** 2)) / number)
    return define("Y", (b, o), value)


EXTRA = {"rude": rude, "accents": accents, "swell": swell}
EVERY = {**LAYERS, **EXTRA}


# the whole file


needs_latex = pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")


def typeset(tmp_path, source: str) -> str:
    """What pdflatex says."""
    (tmp_path / "page.tex").write_text(source, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=120)
    said = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0, said[-2000:]
    return said


@needs_latex
@pytest.mark.parametrize("name", EVERY)
def test_a_document_compiles_and_no_line_leaves_its_page(name, tmp_path):
    said = typeset(tmp_path, latex(gradients(EVERY[name]), steps=True, document=True))
    assert not [line for line in said.splitlines() if "Overfull" in line or "Missing character" in line]


@needs_latex
@pytest.mark.parametrize("name", EVERY)
def test_a_fragment_fits_into_an_article_as_it_comes(name, tmp_path):
    parts = [latex(gradients(EVERY[name]), notation, steps) for notation in ("matrix", "index") for steps in (0, 1)]
    source = "\\documentclass{article}\\usepackage{amsmath}\\begin{document}\n" + "\n".join(parts) + "\\end{document}\n"
    said = typeset(tmp_path, source)
    assert not [line for line in said.splitlines() if "Overfull" in line or "Missing character" in line]


@pytest.mark.parametrize("name", EVERY)
def test_a_document_says_what_a_reader_needs(name):
    text = latex(gradients(EVERY[name]), document=True)
    assert text.startswith("\\documentclass")
    assert text.rstrip().endswith("\\end{document}")
    for title in ("Forward equations", "Conventions", "Gradients", "Symbols and shapes"):
        assert title in text
    assert "Each gradient is laid out in the shape of its variable." in text
    assert ("cross-correlation: the kernel" in text) == (Kernel.FORWARD in kernels(EVERY[name]))
    assert text.isascii() or name == "rude"


def test_every_symbol_is_in_the_table():
    text = latex(gradients(load("attention")), document=True)
    rows = text[text.index("longtable") :]
    for code in ("Q", "S", "dO", "dS", "delta", "d\\_k", "n"):
        assert f"\\texttt{{{code}}}" in rows
    assert r"$Q_{\ell,i,d}$ & \texttt{Q} & $|\ell| \times n \times d_{k}$ & input" in rows


def test_what_a_user_wrote_is_escaped():
    text = latex(gradients(rude), document=True)
    assert r"50\% of \$X\$ \& \textbackslash{}input\{secrets\} \#1" in text
    assert "Not the first paragraph" not in text


@layer
def scaled(X: Tensor[b, i], gamma: Parameter[i]):
    """A Greek name."""
    return define("Y", (b, i), X[b, i] * gamma[i])


def test_the_gradient_by_a_greek_name_is_spelled_like_it():
    assert "    dγ = (G ⊙ X)ᵀ 1\n" in show_text(gradients(scaled))
    assert "    dgamma = (G .* X)^T 1\n" in show_text(gradients(scaled), ascii=True)


# sublayers


h = Axis("h", "d_hidden")


@layer
def calls(X: Tensor[i, k], W1: Parameter[k, h], b1: Parameter[h], W2: Parameter[h, k], b2: Parameter[k]):
    """A multilayer perceptron called twice with the same weights."""
    Y = mlp(X, W1, b1, W2, b2, name="Y")
    return mlp(Y, W1, b1, W2, b2, name="Z")


@layer
def strided(X: Tensor[..., i, t], W: Parameter[o, i, k], c: Parameter[o]):
    """A convolution called with an option."""
    return conv1d(X, W, c, stride=2, name="Y")


def test_a_call_shows_its_options():
    assert equation_line(strided) == "Y = conv1d(X, W, c, stride = 2, padding = 0, dilation = 1)"
    text = latex(gradients(strided), document=True)
    assert r"Y &= \mathrm{conv1d}\left(X, W, c, s = 2, p = 0, d = 1\right)" in text
    assert r"The layer $\mathrm{conv1d}\left(X, W, b, s, p, d\right)$ is" in text


def test_the_layers_that_a_sublayer_calls_are_written_out_once_each():
    text = latex(gradients(calls), document=True)
    for callee in ("mlp", "linear"):
        assert text.count(rf"The layer $\mathrm{{{callee}}}") == 1
    assert text.count(r"H &= \mathrm{linear}\left(X, W_{1}, b_{1}\right)") == 1


def test_a_gradient_that_a_sublayer_gives_is_stated_by_the_chain_rule():
    shown = show_text(gradients(calls))
    assert "dX[i,k] = Σ_{i1,k1} dY[i1,k1] ∂Y[i1,k1]/∂X[i,k]   (derivation of mlp)" in shown
    text = latex(gradients(calls), document=True, steps=True)
    signature = r"$\mathrm{mlp}\left(X, W_{1}, b_{1}, W_{2}, b_{2}\right)$"
    assert text.count(rf"The gradients of {signature}, given $G = \partial L / \partial Y$:") == 1


def test_contributions_through_calls_are_defined():
    shown = show_text(gradients(calls))
    assert "dW1 = dW1_Z + dW1_Y" in shown
    assert "\nmlp, which gives Z, contributes dW1_Z to dW1, db1_Z to db1, dW2_Z to dW2, db2_Z to db2.\n" in shown
    rows = latex(gradients(calls), document=True).partition("longtable")[2]
    assert r"\texttt{dW1\_Z} & $K_{w} \times d_{\mathit{hidden}}$ & contribution to $\mathrm{d}W_{1}$" in rows


def test_values_inside_calls_are_defined():
    @layer
    def weighted(X: Tensor[i, k], w: Parameter[k], V: Tensor[i, o]):
        A = define("A", (i,), tanh(Sum(X[i, k] * w[k], k)))
        return define("Y", (i, o), A[i] * V[i, o])

    @layer
    def outer(X: Tensor[i, k], w: Parameter[k], V: Tensor[i, o]):
        return weighted(X, w, V, name="Y")

    assert "\nY_A is the A inside weighted, which gives Y." in show_text(gradients(outer))


def test_sizes_of_several_terms_stand_in_parentheses_in_shapes():
    text = latex(gradients(load("conv1d")), document=True)
    assert r"|\ell| \times c_{\mathit{out}} \times (\left\lfloor" in text


def test_a_derivation_alone_knows_its_layer():
    """Spellings of options, the operators with their entries, and the name of the loss."""
    text = derivation_latex(gradients(load("toeplitz"))["x"])
    assert r"\frac{\partial L}{\partial x} &= T(w)^{\top} g" in text
    assert r"T(w)_{t,j} &= \sum_{k} w_{k} \, \left[j = s t + d k - p\right]" in text
    assert r"\frac{\partial L}{\partial Y_{\ell}}" in derivation_latex(gradients(load("mse"))["Y"])


# the fragment


def test_a_fragment_says_what_it_needs_in_comments():
    lines = latex(gradients(load("linear"))).splitlines()
    comments = [line for line in lines if line.startswith("%")]
    assert comments == [
        r"% The gradients of linear. Needs \usepackage{amsmath}.",
        "% Each gradient is laid out in the shape of its variable.",
        "% G = dL/dY is given, L any scalar.",
        r"% \ell stands for all leading axes.",
    ]
    assert lines[4:] == [
        r"\[",
        r"\begin{aligned}",
        r"\frac{\partial L}{\partial X} &= G W^{\top} \\",
        r"\frac{\partial L}{\partial W} &= X^{\top} G \\",
        r"\frac{\partial L}{\partial b} &= G^{\top} \mathbf{1}",
        r"\end{aligned}",
        r"\]",
    ]


def test_a_derivation_goes_from_the_chain_rule_to_matrix_notation():
    lines = split_aligned(derivation_latex(gradients(load("linear"))["W"]))
    assert lines[0][0] == r"\frac{\partial L}{\partial W_{p,q}}"
    assert lines[0][2] == "chain rule"
    assert lines[-1] == (r"\frac{\partial L}{\partial W}", r"X^{\top} G", "in matrix notation")


def test_a_loss_is_differentiated_by_its_own_name():
    text = latex(gradients(load("mse")), steps=True)
    assert r"\frac{\partial L}{\partial Y_{\ell}} &=" in text
    assert "loss" not in text


def test_operators_are_defined_beside_the_gradients_that_use_them():
    text = latex(gradients(load("toeplitz")))
    assert r"\frac{\partial L}{\partial x} &= T(w)^{\top} g" in text
    assert r"\frac{\partial L}{\partial w} &= U(x)^{\top} g" in text
    assert r"T(w)_{t,j} &= \sum_{k} w_{k} \, \left[j = s t + d k - p\right]" in text
    assert r"U(x)_{t,k} &= x_{s t + d k - p}" in text


def test_where_there_is_no_matrix_form_the_index_form_says_so():
    text = latex(gradients(load("conv1d")))
    assert text.count(r"\text{no matrix form}") == 3
    assert r"\frac{\partial L}{\partial b_{o}} &= \sum_{\ell,t} G_{\ell,o,t}" in text


def test_an_unknown_notation_is_an_error():
    with pytest.raises(UsageError, match="there is no notation 'matrices'. Use matrix or index."):
        latex(gradients(load("linear")), "matrices")


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("room", [ARTICLE, PAGE])
def test_breaking_lines_changes_no_token(name, room):
    found = gradients(EVERY[name])
    setter = Typesetter.of(found, LatexStyle)
    for derivation in found.derivations.values():
        lines = setter.steps(derivation, True)
        read = split_aligned(aligned(lines, room))
        assert len(read) == len(lines)
        for (_, right, rule), line in zip(read, lines, strict=True):
            unsized = re.sub(r"\\bigg[lr]", lambda m: r"\left" if m[0][-1] == "l" else r"\right", right)
            assert tokenize(unsized) == tokenize(plain(line.right))
            assert rule in line.remark


def test_long_derivations_are_set_as_several_displays():
    lines = [Line(r"\frac{a}{b}" if not n else "", r"\frac{c}{d}", "") for n in range(30)]
    blocks = chunks(lines, PAGE)
    assert len(blocks) > 1
    assert all(block[0].startswith(r"\frac{a}{b} &= ") for block in blocks)


def test_a_remark_that_is_too_wide_stands_below_its_line():
    remark = r"\text{" + "many words " * 12 + "}"
    rows = aligned([Line("y", "x", remark)], ARTICLE).splitlines()
    assert rows[1:3] == [r"y &= x \\", rf"&\qquad {remark}"]
    assert width(remark) > 125


# text


SHOWN = """\
toeplitz: Toeplitz operator y = T(w) x: cross-correlation of one channel, with zero padding.

    y = T(w) x

    dx = T(w)ᵀ g
    dw = U(x)ᵀ g

where T(w)[t,j] = Σ_k w[k] [j = stride·t + dilation·k - padding]
where U(x)[t,k] = x[stride·t + dilation·k - padding]

Each gradient is laid out in the shape of its variable.
g = ∂L/∂y is given, L any scalar.
Convolution here is cross-correlation: the kernel is not flipped. A read outside a tensor is 0 (zero padding).
"""


def test_show():
    text = show_text(gradients(load("toeplitz")))
    assert text.partition("\n")[2] == SHOWN.partition("\n")[2]


@pytest.mark.parametrize("name", EVERY)
def test_text_falls_back_to_ascii(name):
    assert show_text(gradients(EVERY[name]), ascii=True).isascii()
    assert equation_line(EVERY[name], ascii=True).isascii()


def test_a_remark_that_all_share_stands_above():
    text = show_text(gradients(load("attention")))
    assert text.count("for each ℓ") == 2
    assert "    dS = P ⊙ (G Vᵀ - δ 1ᵀ)\n" in text


def test_one_line_for_each():
    assert equation_line(load("linear")) == "Y = X W + 1 bᵀ"
    assert equation_line(load("mlp")) == "H = linear(X, W1, b1); A = H ⊙ [H > 0]; Y = linear(A, W2, b2)"
    assert gradients_text(gradients(load("linear"))) == "dX = G Wᵀ\ndW = Xᵀ G\ndb = Gᵀ 1"


# notebooks


@pytest.mark.parametrize("name", ["linear", "attention", "conv1d"])
def test_objects_show_themselves_in_a_notebook(name):
    found = gradients(load(name))
    for shown in (load(name), found, *found.derivations.values()):
        text = shown._repr_latex_()
        assert text.startswith(r"$\displaystyle \begin{aligned}")
        assert text.endswith(r"\end{aligned}$")
        assert "$" not in text[1:-1]


# Toeplitz matrices


def operators_of(of: Layer):
    return {operator.letter: operator for operator in find_operators(of)}


def test_a_toeplitz_matrix_written_out():
    toeplitz = load("toeplitz")
    letters = operators_of(toeplitz)
    sizes = {"n": 4, "K": 3, "padding": 1}
    assert toeplitz_matrix_latex(letters["T"], sizes, toeplitz.symbols) == (
        r"\begin{pmatrix} w_{1} & w_{2} & 0 & 0 \\ w_{0} & w_{1} & w_{2} & 0 \\ 0 & w_{0} & w_{1} & w_{2} \\ "
        r"0 & 0 & w_{0} & w_{1} \end{pmatrix}"
    )
    assert toeplitz_matrix_latex(letters["U"], sizes, toeplitz.symbols) == (
        r"\begin{pmatrix} 0 & x_{0} & x_{1} \\ x_{0} & x_{1} & x_{2} \\ x_{1} & x_{2} & x_{3} \\ "
        r"x_{2} & x_{3} & 0 \end{pmatrix}"
    )


@pytest.mark.parametrize(("stride", "padding", "dilation"), [(1, 0, 1), (2, 1, 1), (1, 2, 2), (3, 1, 2)])
def test_a_toeplitz_matrix_has_the_entries_of_the_dense_one(stride, padding, dilation):
    from numeric.convolutions.toeplitz import toeplitz_matrix

    toeplitz = load("toeplitz")
    options = {"stride": stride, "padding": padding, "dilation": dilation}
    shown = toeplitz_matrix_latex(operators_of(toeplitz)["T"], {"n": 8, "K": 3, **options}, toeplitz.symbols)
    w = np.array([2.0, 3.0, 5.0])
    inside = shown.removeprefix(r"\begin{pmatrix}").removesuffix(r"\end{pmatrix}")
    entries = [row.split("&") for row in inside.split(r"\\")]
    found = [[0.0 if e.strip() == "0" else w[int(e.strip()[3:-1])] for e in row] for row in entries]
    np.testing.assert_array_equal(found, toeplitz_matrix(w, 8, **options))


def test_the_sizes_of_the_example_show_the_pattern():
    toeplitz = load("toeplitz")
    assert example_sizes(operators_of(toeplitz)["T"], toeplitz.symbols) == {
        "K": 3, "n": 6, "dilation": 1, "padding": 0, "stride": 1,
    }  # fmt: skip


def test_a_toeplitz_matrix_needs_small_numbers():
    toeplitz = load("toeplitz")
    operator = operators_of(toeplitz)["T"]
    with pytest.raises(NotationError, match=r"needs a number for K"):
        toeplitz_matrix_latex(operator, {"n": 4}, toeplitz.symbols)
    with pytest.raises(NotationError, match=r"T\(w\) is 48 x 50 with these sizes. Choose sizes"):
        toeplitz_matrix_latex(operator, {"n": 50, "K": 3}, toeplitz.symbols)


# templates


@pytest.mark.parametrize("make", [environment, latex_environment])
def test_a_template_that_lacks_a_field_is_an_error(make):
    with pytest.raises(jinja2.UndefinedError):
        template = "{{ missing }}" if make is environment else "((( missing )))"
        make().from_string(template).render()


def test_the_templates_are_found():
    assert (folder() / "latex.tex.j2").is_file()


# at the prompt


def test_values_introduce_themselves_in_a_line():
    found = gradients(load("linear"))
    assert repr(load("linear")) == "<layer linear(X, W, b) -> Y>"
    assert repr(found) == "<gradients of linear by X, W, b>"
    assert repr(found["W"]) == "<derivation of dW[i, o], 5 steps>"


@pytest.mark.parametrize("verb", [derive.show, derive.latex, derive.check, derive.gradients, derive.compiled])
def test_what_is_no_layer_is_turned_away_with_the_way_to_one(verb):
    with pytest.raises(UsageError, match=re.escape("'linear' is not a layer. Give what @layer made of a function")):
        verb("linear")
