"""Index notation in LaTeX, Unicode and ASCII: every atom, order, names of bound indices, breaking lines."""

from __future__ import annotations

import random
from fractions import Fraction

import numpy as np
import pytest
import sympy
from latex_reader import evaluate_index
from values import shapes, value_at

from derive.core.atoms import Bracket, Function, Maximum, Partial, Read, Test
from derive.core.axes import LEADING, Affine, Index
from derive.core.layer import Role, Symbol
from derive.core.primitives import PRIMITIVES
from derive.core.terms import ONE, ZERO, Expr, apply, atom, power, read, total
from derive.core.traverse import atoms
from derive.errors import NotationError
from derive.printers.base import IndexPrinter
from derive.printers.code_style import wrapped
from derive.printers.escape import escape
from derive.printers.latex import LatexStyle, index_latex
from derive.printers.lines import CLOSE, FACTOR, OPEN, TERM, broken, plain, width
from derive.printers.spelling import composite, latex_index, latex_name, text_name
from derive.printers.style import Style
from derive.printers.text import AsciiStyle, TextStyle, index_text


def size(name):
    return sympy.Symbol(name, integer=True, positive=True)


i, j, k, t = (Index(name, size(n)) for name, n in (("i", "n"), ("j", "m"), ("k", "K"), ("t", "T_y")))
stride, padding = sympy.Symbol("stride", integer=True), sympy.Symbol("padding", integer=True)

NAMES = {
    s.name: s
    for s in (
        Symbol("X", (i, j), Role.INPUT),
        Symbol("W1", (j, k), Role.PARAMETER),
        Symbol("x", (i,), Role.INPUT),
        Symbol("gamma", (j,), Role.PARAMETER),
        Symbol("stride", (), Role.OPTION, latex="s"),
        Symbol("padding", (), Role.OPTION, latex="p"),
        Symbol("d_k", (), Role.SIZE),
        Symbol("dY", (i, j), Role.COTANGENT, latex="G", text="G"),
        Symbol("dX", (i, j), Role.ADJOINT),
        Symbol("xhat", (i,), Role.VALUE),
    )
}


def X(a=i, b=j):  # noqa: N802
    return read("X", a, b)


def x(a=i):
    return read("x", a)


W = read("W1", j, k)
G = read("dY", i, j)
moved = Affine(((k, 1), (t, stride)), -padding)
entry = Read("X", (Affine.of(i), Affine.of(j)))

TABLE = [
    # value, LaTeX, Unicode, ASCII
    (ZERO, "0", "0", "0"),
    (ONE * Fraction(2, 3), r"\frac{2}{3}", "(2/3)", "(2/3)"),
    (X(), "X_{i,j}", "X[i,j]", "X[i,j]"),
    (W, r"{W_{1}}_{\,j,k}", "W1[j,k]", "W1[j,k]"),
    (W**2, r"{W_{1}}_{\,j,k}^{2}", "W1[j,k]²", "W1[j,k]^2"),
    (read("gamma", j), r"\gamma_{j}", "γ[j]", "gamma[j]"),
    (read("dX", i, j), r"{\mathrm{d}X}_{i,j}", "dX[i,j]", "dX[i,j]"),
    (read("xhat", i), r"\hat{x}_{i}", "xhat[i]", "xhat[i]"),
    (G * X(), r"G_{i,j} \, X_{i,j}", "G[i,j] X[i,j]", "G[i,j] X[i,j]"),
    (read("X", LEADING, j), r"X_{\ell,j}", "X[ℓ,j]", "X[...,j]"),
    (read("..."), r"|\ell|", "|ℓ|", "|...|"),
    (read("pi"), r"\pi", "π", "pi"),
    (2 * X() - x() + 1, "2 X_{i,j} + 1 - x_{i}", "2 X[i,j] + 1 - x[i]", "2 X[i,j] + 1 - x[i]"),
    (-X(), "- X_{i,j}", "-X[i,j]", "-X[i,j]"),
    (X() / power(read("d_k"), Fraction(1, 2)), r"\frac{1}{\sqrt{d_{k}}} X_{i,j}", "X[i,j]/√d_k", "X[i,j]/sqrt(d_k)"),
    (Fraction(1, 2) * X() * read("d_k"), r"\frac{1}{2} d_{k} \, X_{i,j}", "(1/2) d_k X[i,j]", "(1/2) d_k X[i,j]"),
    (1 / x(), r"\frac{1}{x_{i}}", "1/x[i]", "1/x[i]"),
    (X() / x() ** 2, r"\frac{X_{i,j}}{x_{i}^{2}}", "X[i,j]/x[i]²", "X[i,j]/(x[i]^2)"),
    (
        (X() - x()) / (x() + 1),
        r"\frac{X_{i,j} - x_{i}}{x_{i} + 1}",
        "(X[i,j] - x[i])/(x[i] + 1)",
        "(X[i,j] - x[i])/(x[i] + 1)",
    ),
    (power(x() + 1, Fraction(1, 2)), r"\sqrt{x_{i} + 1}", "√(x[i] + 1)", "sqrt(x[i] + 1)"),
    (power(x() + 1, Fraction(3, 2)), r"\left(x_{i} + 1\right)^{3/2}", "(x[i] + 1)^(3/2)", "(x[i] + 1)^(3/2)"),
    (2 * (X() + x()), r"2 \left(X_{i,j} + x_{i}\right)", "2 (X[i,j] + x[i])", "2 (X[i,j] + x[i])"),
    # sums: what does not depend on the index stands before it
    (total(X() * W, [j]), r"\sum_{j} X_{i,j} \, {W_{1}}_{\,j,k}", "Σ_j X[i,j] W1[j,k]", "sum_j X[i,j] W1[j,k]"),
    (total(X(), [i, j]), r"\sum_{i,j} X_{i,j}", "Σ_{i,j} X[i,j]", "sum_{i,j} X[i,j]"),
    (x() * total(X(), [j]), r"x_{i} \sum_{j} X_{i,j}", "x[i] Σ_j X[i,j]", "x[i] sum_j X[i,j]"),
    (total(X(), [j]) ** 2, r"\left(\sum_{j} X_{i,j}\right)^{2}", "(Σ_j X[i,j])²", "(sum_j X[i,j])^2"),
    # exponentials of one term are one
    (
        apply("exp", X()) / apply("exp", x()),
        r"\exp\left(X_{i,j} - x_{i}\right)",
        "exp(X[i,j] - x[i])",
        "exp(X[i,j] - x[i])",
    ),
    (
        apply("exp", X()) / total(apply("exp", X(i, k)), [k]),
        r"\frac{\exp\left(X_{i,j}\right)}{\sum_{k} \exp\left(X_{i,k}\right)}",
        "exp(X[i,j])/(Σ_k exp(X[i,k]))",
        "exp(X[i,j])/(sum_k exp(X[i,k]))",
    ),
    (apply("tanh", x()) ** 2, r"\tanh\left(x_{i}\right)^{2}", "tanh(x[i])²", "tanh(x[i])^2"),
    # conditions
    (atom(Test(">", x())), r"\left[x_{i} > 0\right]", "[x[i] > 0]", "[x[i] > 0]"),
    (atom(Test(">=", X() - x())), r"\left[X_{i,j} \geq x_{i}\right]", "[X[i,j] ≥ x[i]]", "[X[i,j] >= x[i]]"),
    (atom(Test(">", -x())), r"\left[x_{i} < 0\right]", "[x[i] < 0]", "[x[i] < 0]"),
    (atom(Bracket("==", Affine.of(i) - Affine.of(j))), r"\delta_{j,i}", "δ(j,i)", "delta(j,i)"),
    (atom(Bracket(">=", Affine.of(i) - Affine.of(j))), r"\left[j \leq i\right]", "[j ≤ i]", "[j <= i]"),
    (atom(Bracket(">=", Affine(((i, 1), (j, -1)), -1))), r"\left[j < i\right]", "[j < i]", "[j < i]"),
    (atom(Bracket("!=", Affine(((i, 1),), -2))), r"\left[i \neq 2\right]", "[i ≠ 2]", "[i != 2]"),
    (atom(Bracket(">=", Affine(((i, -1),), 3))), r"\left[i \leq 3\right]", "[i ≤ 3]", "[i <= 3]"),
    (
        total(read("dY", t) * atom(Bracket("==", Affine.of(j) - moved)), [t, k]),
        r"\sum_{t,k} G_{t} \, \left[j = s t + k - p\right]",
        "Σ_{t,k} G[t] [j = stride·t + k - padding]",
        "sum_{t,k} G[t] [j = stride*t + k - padding]",
    ),
    (
        atom(Maximum(X(), (j,))),
        r"\max_{j} \left(X_{i,j}\right)",
        "max_j (X[i,j])",
        "max_j (X[i,j])",
    ),
    # derivatives
    (
        atom(Partial(read("dY", i, j), entry)),
        r"\frac{\partial G_{i,j}}{\partial X_{i,j}}",
        "∂G[i,j]/∂X[i,j]",
        "dG[i,j]/dX[i,j]",
    ),
    (
        atom(Partial(x() + 1, entry)),
        r"\frac{\partial}{\partial X_{i,j}}\left(x_{i} + 1\right)",
        "∂/∂X[i,j] (x[i] + 1)",
        "d/dX[i,j] (x[i] + 1)",
    ),
]


@pytest.mark.parametrize(("value", "latex", "text", "ascii"), TABLE, ids=[row[3] for row in TABLE])
def test_spelling(value, latex, text, ascii):
    assert index_latex(value, NAMES) == latex
    assert index_text(value, NAMES) == text
    assert index_text(value, NAMES, ascii=True) == ascii
    assert ascii.isascii()


def test_a_kronecker_delta_is_a_bracket_where_a_tensor_is_called_delta():
    names = {**NAMES, "delta": Symbol("delta", (i,), Role.ADJOINT)}
    value = atom(Bracket("==", Affine.of(i) - Affine.of(j)))
    assert index_latex(value, names) == r"\left[j = i\right]"
    assert index_text(value, names) == "[j = i]"


@pytest.mark.parametrize("style", [LatexStyle, TextStyle, AsciiStyle])
def test_every_primitive_has_a_spelling(style: type[Style]):
    assert set(style.functions) == {*PRIMITIVES, "floor"}
    for name in style.functions:
        assert "x_1" in style({}).function(name, "x_1")


def test_a_function_without_a_spelling_is_an_error():
    value = atom(Function("gudermannian", x()))
    with pytest.raises(NotationError, match="gudermannian has no spelling in LatexStyle. Add a row"):
        index_latex(value, NAMES)


# names of indices


def test_a_bound_index_does_not_shadow_one_in_sight():
    inner = Expr(total(X(i, j) * x(), [i]).terms)
    value = total(x() * (inner + x()) * read("gamma", j), [i])
    assert index_latex(value, NAMES) == (
        r"\gamma_{j} \sum_{i} x_{i} \, \left(\sum_{i_{1}} X_{i_{1},j} \, x_{i_{1}} + x_{i}\right)"
    )


def test_a_copy_of_the_leading_group_has_a_prime():
    copy = Index("...1", LEADING.size)
    value = total(read("X", copy, j) * read("X", LEADING, j), [copy])
    assert index_latex(value, NAMES) == r"X_{\ell,j} \sum_{\ell'} X_{\ell',j}"
    assert index_text(value, NAMES) == "X[ℓ,j] Σ_{ℓ'} X[ℓ',j]"
    assert index_text(value, NAMES, ascii=True) == "X[...,j] sum_{...'} X[...',j]"


def test_an_index_is_not_spelled_like_a_number_in_sight():
    p = Index("p", size("n"))
    assert index_latex(read("x", p) * read("padding"), NAMES) == r"p \, x_{p_{1}}"


def test_axes_are_spelled_as_their_author_says():
    assert index_latex(x(), NAMES, {"i": r"\iota"}) == r"x_{\iota}"
    assert latex_index("i2", {"i": r"\iota"}) == r"\iota_{2}"
    assert latex_index("h1", {}) == "h_{1}"


def test_names():
    assert latex_name("dX", NAMES) == r"\mathrm{d}X"
    assert latex_name("dY", NAMES) == "G"
    assert latex_name("W1", NAMES) == "W_{1}"
    assert text_name("dY", NAMES, ascii=False) == "G"
    assert text_name("gamma_2", {}, ascii=False) == "γ_2"
    assert text_name("gamma_2", {}, ascii=True) == "gamma_2"
    assert not any(composite(n) for n in ("X", r"\gamma", r"\hat{x}"))
    assert all(composite(n) for n in ("W_{1}", r"\mathrm{d}X", "X'"))


def test_names_that_would_look_alike_are_told_apart():
    names = {n: Symbol(n, (j, k), Role.PARAMETER) for n in ("W1", "W_1")}
    assert index_latex(read("W1", j, k) - read("W_1", j, k), names) == r"{W_{1}}_{\,j,k} - {W_{1}'}_{\,j,k}"


def test_a_lone_accent_keeps_its_braces():
    names = {"xhat1": Symbol("xhat1", (i,), Role.VALUE)}
    assert index_latex(read("xhat1", i), names) == r"{\hat{x}_{1}\!\,}_{\,i}"


def test_sizes():
    n, K, s, p = (sympy.Symbol(x, integer=True) for x in ("n", "K", "stride", "padding"))
    printer = IndexPrinter(LatexStyle(NAMES), NAMES)
    length = (n + 2 * p - (K - 1) - 1) // s + 1
    assert plain(printer.size(length)) == r"\left\lfloor \frac{n + 2 p - K}{s}\right\rfloor + 1"
    assert plain(printer.size(n * (K + 1))) in (r"n \, \left(K + 1\right)", r"\left(K + 1\right) \, n")
    text = IndexPrinter(TextStyle(NAMES), NAMES)
    assert text.size((n + 2 * p) // s) == "⌊(n + 2 padding)/stride⌋"


# both orders of factors and terms, and any names of bound indices, print alike


def test_printing_does_not_depend_on_the_order_of_building():
    one = total(G * X() * W, [j]) + x()
    other = x() + total(W * X() * G, [j])
    assert index_latex(one, NAMES) == index_latex(other, NAMES)


# values: what is printed is what is meant


def random_atom(rng: random.Random, depth: int) -> Expr:
    kind = rng.random()
    if kind < 0.45:
        return rng.choice([X(), x(), read("gamma", j), X(i, k) if depth else X(), read("d_k")])
    if kind < 0.55:
        return read("x", Affine(((i, 1), (j, 2)), -1))
    if kind < 0.65:
        return atom(Bracket(rng.choice(["==", ">=", "!="]), Affine(((i, 1), (j, -1)), rng.choice([0, -1, 1]))))
    if kind < 0.7:
        return atom(Test(rng.choice([">", ">="]), X() - x()))
    if not depth:
        return x()
    inner = random_value(rng, depth - 1)
    if kind < 0.8:
        return apply(rng.choice(["exp", "tanh", "sigmoid", "softplus", "sin"]), inner)
    if kind < 0.87:
        return power(inner * inner + 1, rng.choice([-1, -2, Fraction(1, 2), Fraction(-1, 2), Fraction(3, 2)]))
    if kind < 0.92 and i in inner.free and not reads_outside(inner):
        return atom(Maximum(inner, (i,)))
    return total(inner, [index for index in sorted(inner.free, key=lambda a: a.name) if rng.random() < 0.5])


def reads_outside(value: Expr) -> bool:
    """A maximum over reads outside a tensor is left to the oracle's own tests."""
    return any(isinstance(a, Read) and any(at.plain is None for at in a.at) for a in atoms(value))


def random_value(rng: random.Random, depth: int) -> Expr:
    value = ZERO
    for _ in range(rng.randint(1, 3)):
        term = ONE * rng.choice([1, 1, 2, -1, Fraction(-1, 2)])
        for _ in range(rng.randint(1, 3)):
            term = term * random_atom(rng, depth)
        value = value + term
    return value


SIZES = {"n": 3, "m": 2, "K": 2, "d_k": 4}
LIKE = X() + x() + read("gamma", j)


@pytest.mark.parametrize("block", range(8))
def test_printed_latex_has_the_value_of_the_expression(block):
    for seed in range(block * 25, block * 25 + 25):
        value = random_value(random.Random(seed), 2)
        expected = value_at(value, SIZES, LIKE)
        free = sorted(value.free, key=lambda index: index.name)
        arrays = {
            latex_name(name, NAMES): np.random.default_rng([*name.encode()]).uniform(0.5, 1.5, shape)
            for name, shape in {**shapes(value, SIZES), **shapes(LIKE, SIZES)}.items()
            if name not in SIZES
        }
        sizes = {index.name: SIZES[str(index.size)] for index in (i, j, k)}
        sizes |= {f"{name}_{{{n}}}": number for name, number in sizes.items() for n in range(1, 9)}
        latex = index_latex(value, NAMES, free=free)
        found = evaluate_index(latex, [a.name for a in free], arrays, sizes, {"d_{k}": 4.0})
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12, err_msg=latex)
        lines = " ".join(broken(IndexPrinter(LatexStyle(NAMES), NAMES).print(value, free), 120.0))
        again = evaluate_index(lines, [a.name for a in free], arrays, sizes, {"d_{k}": 4.0})
        np.testing.assert_allclose(again, expected, rtol=1e-9, atol=1e-12, err_msg=lines)


# breaking lines


def test_lines_break_at_signs_first():
    long = sum((read("X", i, j) * read(f"A{n}", i) for n in range(12)), ZERO)
    lines = broken(IndexPrinter(LatexStyle({}), {}).print(long), 200.0)
    assert len(lines) > 1
    assert all(width(line) <= 200.0 for line in lines)
    assert all(line[0] == "+" for line in lines[1:])


def test_lines_break_inside_parentheses_that_are_sized_by_hand():
    inner = sum((read(f"A{n}", i) for n in range(9)), ZERO)
    lines = broken(IndexPrinter(LatexStyle({}), {}).print(2 * x() * inner), 100.0)
    assert len(lines) > 1 and r"\biggl(" in lines[0] and lines[-1].endswith(r"\biggr)")
    assert not any("left" in line for line in lines)


def test_what_fits_is_one_line_without_marks():
    marked = IndexPrinter(LatexStyle(NAMES), NAMES).print(2 * (X() + x()))
    (line,) = broken(marked, 300.0)
    assert line == plain(marked)
    assert not any(mark in line for mark in (TERM, FACTOR, OPEN, CLOSE))


def test_a_fraction_is_as_wide_as_its_wider_half():
    assert width(r"\frac{abcdef}{g}") == pytest.approx(width("abcdef") + 3)
    assert width("x_{i}^{2}") < width("x i 2")


# prose


def test_the_arguments_of_a_long_call_stand_on_lines_of_their_own():
    """The subscripts of an einsum, in which there are commas too, in one."""
    line = 'A = np.einsum("...ij,...ij->...i", np.moveaxis(X, (-2, -1), (-1, -2)), Y[at])'
    assert wrapped(line, 120) == [line]
    assert wrapped(line, 40) == [
        "A = np.einsum(",
        '    "...ij,...ij->...i",',
        "    np.moveaxis(X, (-2, -1), (-1, -2)),",
        "    Y[at],",
        ")",
    ]


def test_prose_is_escaped():
    assert escape(r"\input{x} 50% & $a_1$ ~ #") == (r"\textbackslash{}input\{x\} 50\% \& \$a\_1\$ \textasciitilde{} \#")
    assert escape("Q Kᵀ / √d § é 漢") == r"Q K$^{\top}$ / $\surd$d \S{} é ?"
