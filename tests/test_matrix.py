"""Matrix notation: what index notation becomes, with the same value and shape, and what has no matrix form."""

from __future__ import annotations

import random
from fractions import Fraction

import numpy as np
import pytest
import sympy
from latex_reader import evaluate_index, evaluate_matrix

from derive.core.atoms import Bracket, Maximum, Test
from derive.core.axes import LEADING, Affine, Index
from derive.core.layer import Role, Symbol
from derive.core.terms import ONE, Expr, apply, atom, power, read, total
from derive.notation.matrix import matrix_form
from derive.printers.latex import index_latex, matrix_latex
from derive.printers.text import matrix_text

SIZES = {"i": 3, "j": 4, "k": 5, "l": 2, "m": 3, "c": 7}
i, j, k, l, m, c = (Index(name, sympy.Symbol(f"n_{name}", integer=True, positive=True)) for name in SIZES)  # noqa: E741
AXES = (i, j, k, l, m, c)


def symbol(name, *axes, role=Role.INPUT):
    return Symbol(name, axes, role, latex={"G": "G", "d": "\\delta"}.get(name))


NAMES = {
    s.name: s
    for s in (
        symbol("A", i, j),
        symbol("B", j, k),
        symbol("C", k, i),
        symbol("D", i, j),
        symbol("E", k, j),
        symbol("S", i, i),
        symbol("R", i, j, k),
        symbol("x", i),
        symbol("y", j),
        symbol("z", k),
        symbol("u", i),
        symbol("a"),
        symbol("n_i", role=Role.SIZE),
        symbol("n_j", role=Role.SIZE),
        symbol("n_k", role=Role.SIZE),
    )
}
i2 = Index("i2", i.size)


def A(p=i, q=j):  # noqa: N802
    return read("A", p, q)


def B(p=j, q=k):  # noqa: N802
    return read("B", p, q)


def C(p=k, q=i):  # noqa: N802
    return read("C", p, q)


def D(p=i, q=j):  # noqa: N802
    return read("D", p, q)


def S(p=i, q=i2):  # noqa: N802
    return read("S", p, q)


def x(p=i):
    return read("x", p)


def y(p=j):
    return read("y", p)


def z(p=k):
    return read("z", p)


def u(p=i):
    return read("u", p)


a = read("a")
n = read("n_i")


def positive(value):
    return atom(Test(">", value))


FORMS = [
    # products and transposes
    (total(A() * B(), [j]), (i, k), "A B"),
    (total(A() * B(), [j]), (k, i), "Bᵀ Aᵀ"),
    (total(A() * B() * C(k, i2), [j, k]), (i, i2), "A B C"),
    (total(A() * D(i, Index("j2", j.size)), [i]), (j, Index("j2", j.size)), "Aᵀ D"),
    (A(), (j, i), "Aᵀ"),
    (A() - D(), (j, i), "Aᵀ - Dᵀ"),
    (total((A() - D()) * x(), [i]), (j,), "(A - D)ᵀ x"),
    # columns
    (total(A() * y(), [j]), (i,), "A y"),
    (total(A(), [j]), (i,), "A 1"),
    (total(A(), [i]), (j,), "Aᵀ 1"),
    (total(A() * B() * z(), [j, k]), (i,), "A B z"),
    (x() * total(A() * y(), [j]), (i,), "x ⊙ (A y)"),
    # numbers
    (total(x() * u(), [i]), (), "xᵀ u"),
    (total(x() ** 2, [i]), (), "‖x‖²"),
    (total(x(), [i]), (), "1ᵀ x"),
    (total(x() * A() * y(), [i, j]), (), "xᵀ A y"),
    (total(A(), [i, j]), (), "1ᵀ A 1"),
    (total(A() ** 2, [i, j]), (), "‖A‖²"),
    (total(A() * D(), [i, j]), (), "tr(Aᵀ D)"),
    (total(A() * B() * C(), [i, j, k]), (), "tr(A B C)"),
    (total(read("S", i, i), [i]), (), "tr(S)"),
    (total(x() * u() * S() * x(i2), [i, i2]), (), "(x ⊙ u)ᵀ S x"),
    # entrywise
    (A() * D(), (i, j), "A ⊙ D"),
    (A() * total(B() * C(), [k]), (i, j), "A ⊙ (Cᵀ Bᵀ)"),
    (total(A() * D() * y(), [j]), (i,), "(A ⊙ D) y"),
    (read("S", i, i) * x(), (i,), "x ⊙ diag(S)"),
    (A() ** 2, (i, j), "A^{⊙2}"),
    (power(A(), Fraction(-1, 2)), (i, j), "A^{⊙-1/2}"),
    (1 - A() ** 2, (i, j), "1 - A^{⊙2}"),
    (apply("tanh", A() - D()), (i, j), "tanh(A - D)"),
    (D() * positive(A()), (i, j), "D ⊙ [A > 0]"),
    (D() * positive(A() - x()), (i, j), "D ⊙ [A > x 1ᵀ]"),
    (apply("exp", A() - x()), (i, j), "exp(A - x 1ᵀ)"),
    # broadcast
    (x() * y(), (i, j), "x yᵀ"),
    (A() + y(), (i, j), "A + 1 yᵀ"),
    (A() - x(), (i, j), "A - x 1ᵀ"),
    (x() + 0 * y() + y(), (i, j), "x 1ᵀ + 1 yᵀ"),
    (total(B(), [k]), (i, j), "1 1ᵀ Bᵀ"),
    (a + ONE * 0, (i,), "a 1"),
    (A() + a, (i, j), "A + a 1 1ᵀ"),
    # diagonals
    (A() * x(), (i, j), "diag(x) A"),
    (A() * y(), (i, j), "A diag(y)"),
    (total(A() * y() * B(), [j]), (i, k), "A diag(y) B"),
    (x() * atom(Bracket("==", Affine.of(i) - Affine.of(i2))), (i, i2), "diag(x)"),
    # numbers in front and behind
    (2 * total(A() * B(), [j]), (i, k), "2 A B"),
    (total(A() * B(), [j]) / n, (i, k), "A B/n_i"),
    (a * A() / power(n, Fraction(1, 2)), (i, j), "a A/√n_i"),
    (-A(), (i, j), "-A"),
    (Fraction(1, 2) * A() * D(), (i, j), "(1/2) A ⊙ D"),
    ((A() - D()) / (n * read("n_j")), (i, j), "(A - D)/(n_i n_j)"),
    (total(x() * u(), [i]) * y(), (j,), "(xᵀ u) y"),
    (total((x() - y()) * B(), [j]), (i, k), "(x 1ᵀ - 1 yᵀ) B"),
    # multiplied out where three indices stand in one parenthesis
    (total(A() * (B() - C()), [j]), (i, k), "A B - diag(A 1) Cᵀ"),
    (total((A() - read("E", k, j)) ** 2, [j]), (i, k), "A^{⊙2} 1 1ᵀ + 1 1ᵀ (E^{⊙2})ᵀ - 2 A Eᵀ"),
]


def ids(table):
    return [row[-1] for row in table]


@pytest.mark.parametrize(("value", "axes", "text"), FORMS, ids=ids(FORMS))
def test_form(value, axes, text):
    form = matrix_form(value, axes, NAMES)
    assert form is not None
    assert matrix_text(form, NAMES) == text


@pytest.mark.parametrize(("value", "axes", "text"), FORMS, ids=ids(FORMS))
def test_form_and_index_notation_have_the_same_value(value, axes, text):
    agree(value, axes)


MASK = atom(Bracket(">=", Affine.of(i) - Affine.of(i2)))

NOTHING = [
    ("three edges at a bound index", total(A() * B(j, k) * read("F", j, l), [j]), (i, k, l)),
    ("rank three", total(read("R", i, j, k), [i]), (j, k)),
    ("every two of four", total(A() * B() * C() * read("E", i, l) * read("F", j, l) * read("H", k, l), AXES[:4]), ()),
    ("a mask on an index that another sum hides", S(i, i2) * total(S(i, i2) * MASK, [i]), (i, i2)),
    ("a mask on one index", x() * atom(Bracket(">=", Affine(((i, 1),), -1))), (i,)),
    ("a maximum", atom(Maximum(A(), (j,))), (i,)),
    ("a constant index", Expr(read("A", Affine((), 0), j).terms), (j,)),
    ("a mask on an index that is summed", total(A() * atom(Bracket(">=", Affine.of(i) - Affine.of(j))), [j]), (i,)),
    ("an affine read without an operator", read("x", Affine.of(j) + Affine.of(k)), (j, k)),
]


@pytest.mark.parametrize(("value", "axes"), [row[1:] for row in NOTHING], ids=[row[0] for row in NOTHING])
def test_no_form(value, axes):
    assert matrix_form(value, axes, NAMES) is None


def test_a_mask_on_the_result_is_written_in_its_indices():
    form = matrix_form(S() * MASK, (i, i2), NAMES)
    assert matrix_text(form, NAMES, axes=(i, i2)) == "S ⊙ [i2 ≤ i]"
    form = matrix_form(S() * MASK, (i2, i), NAMES)
    assert matrix_text(form, NAMES, axes=(i2, i)) == "Sᵀ ⊙ [i2 ≤ i]"


# leading axes

LEAD = {
    s.name: s
    for s in (
        symbol("X", LEADING, i),
        symbol("W", i, j),
        symbol("Q", LEADING, i, k),
        symbol("K", LEADING, j, k),
        symbol("V", LEADING, k),
    )
}


def test_leading_axes_are_rows_where_that_makes_matrices():
    flat = {n: s for n, s in LEAD.items() if len(s.axes) < 3}
    form = matrix_form(total(read("X", LEADING, i) * read("W", i, j), [i]), (LEADING, j), flat)
    assert (matrix_text(form, flat), form.batch) == ("X W", ())


def test_leading_axes_are_stripped_where_a_tensor_has_two_more():
    value = total(read("Q", LEADING, i, k) * read("K", LEADING, j, k), [k])
    form = matrix_form(value, (LEADING, i, j), LEAD)
    assert (matrix_text(form, LEAD), form.batch) == ("Q Kᵀ", (LEADING,))


def test_leading_axes_that_are_summed_over_have_no_form():
    value = total(read("Q", LEADING, i, k) * read("K", LEADING, j, k), [LEADING, k])
    assert matrix_form(value, (i, j), LEAD) is None


def test_batch_axes_are_stripped_where_they_stand_first():
    names = {s.name: s for s in (symbol("Q", l, m, i, k), symbol("K", l, m, j, k))}
    value = total(read("Q", l, m, i, k) * read("K", l, m, j, k), [k])
    form = matrix_form(value, (l, m, i, j), names)
    assert (matrix_text(form, names), form.batch) == ("Q Kᵀ", (l, m))
    swapped = total(read("Q", l, m, i, k) * read("K", l, j, m, k), [k])
    assert matrix_form(swapped, (l, m, i, j), {**names, "K": symbol("K", l, j, m, k)}) is None


# random terms: both notations say the same, in value and in shape

VECTORS = {i: ("x", "u"), j: ("y",), k: ("z",)}
MATRICES = {"A": (i, j), "B": (j, k), "C": (k, i), "D": (i, j)}


def random_factor(rng: random.Random) -> Expr:
    if rng.random() < 0.3:
        axis = rng.choice(list(VECTORS))
        return read(rng.choice(VECTORS[axis]), axis)
    name = rng.choice(list(MATRICES))
    value = read(name, *MATRICES[name])
    wrap = rng.random()
    if wrap < 0.15:
        return apply(rng.choice(["tanh", "exp", "sigmoid"]), value)
    if wrap < 0.3:
        return value - read(rng.choice(VECTORS[MATRICES[name][0]]), MATRICES[name][0])
    if wrap < 0.4:
        return positive(value)
    if wrap < 0.5:
        return value**2
    return value


def random_term(rng: random.Random) -> Expr:
    value = ONE * rng.choice([1, 2, -1, Fraction(1, 2)])
    for _ in range(rng.randint(1, 4)):
        value = value * random_factor(rng)
    if rng.random() < 0.2:
        value = value / power(n, Fraction(1, rng.choice([1, 2])))
    return value


def random_case(seed: int):
    rng = random.Random(seed)
    axes = tuple(rng.sample([i, j, k], rng.randint(0, 2)))
    value = ONE * 0
    for _ in range(rng.randint(1, 3)):
        term = random_term(rng)
        value = value + total(term, sorted(term.free - set(axes), key=lambda index: index.name))
    return value, axes


def agree(value: Expr, axes) -> bool:
    form = matrix_form(value, axes, NAMES)
    if form is None:
        return False
    rng = np.random.default_rng(3)
    numbers = {s: SIZES[s[2]] for s in ("n_i", "n_j", "n_k")}
    arrays = {
        (s.latex or name): rng.uniform(0.5, 1.5, [SIZES[a.name] for a in s.axes]) * rng.choice([1, -1])
        for name, s in NAMES.items()
        if name not in numbers
    }
    arrays = {name: np.abs(v) if name in ("A", "x") else v for name, v in arrays.items()}
    scalars = {f"n_{{{s[2]}}}": v for s, v in numbers.items()} | {"a": float(arrays.pop("a"))}
    sizes = {index.name: SIZES[index.name[0]] for index in AXES} | {"i_{2}": SIZES["i"], "j_{2}": SIZES["j"]}
    free = ["i_{2}" if a.name == "i2" else "j_{2}" if a.name == "j2" else a.name for a in axes]
    expected = evaluate_index(index_latex(value, NAMES, free=axes), free, arrays, sizes, scalars)
    shape = tuple(SIZES[a.name[0]] for a in axes)
    found = evaluate_matrix(matrix_latex(form, NAMES, axes=axes), arrays, scalars, shape)
    assert found.shape == expected.shape == shape
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
    return True


@pytest.mark.parametrize("block", range(10))
def test_random_terms_have_the_same_value_in_both_notations(block):
    found = [agree(*random_case(seed)) for seed in range(block * 40, block * 40 + 40)]
    assert sum(found) > 20
