"""Memory that is written to again: only the function's own, and only when nothing needs what was in it."""

import ast

import numpy as np
import pytest
from sympy import Sum, Symbol, exp, log, tanh

from derive.core.axes import Index
from derive.language import Tensor, axes, define, layer, where
from derive.loading import load
from derive.lowering.elementwise import MINUS_INFINITY, negated
from derive.lowering.memory import in_place
from derive.lowering.program import Assign
from derive.lowering.render import compiled, numpy_source
from derive.lowering.values import Contract, Expand, Map, Name, Number, Permute, Positions, Reduce, names_read
from derive.witnesses.evidence import tupled
from derive.witnesses.sampling import cases

n, m = (Symbol(name, integer=True, positive=True) for name in "nm")
i, j = Index("i", n), Index("j", m)
ROWS = (i, j)


def array(name, over=ROWS):
    return Name(name, axes=over)


def two(op, left, right, over=ROWS):
    return Map(op, (left, right), axes=over)


def of(function, value):
    return Map(function, (value,), axes=ROWS)


def printed(statements):
    """(target, how): in place under a function or by an operation, or anew."""
    return [(s.target, s.out or s.update or "new") for s in statements]


X, Y, s = array("X"), array("Y"), Name("s", axes=(i,))
FRESH = Assign("A", two("mul", X, Y))


def test_a_function_of_a_difference_goes_into_what_is_not_needed_any_more():
    result = in_place([FRESH, Assign("B", of("exp", two("sub", array("A"), X)))], ["B"], ["A", "B"])
    assert printed(result) == [("A", "new"), ("A", "sub"), ("B", "A")]


@pytest.mark.parametrize(
    "later",
    [Assign("C", two("add", array("A"), Y)), Assign("C", Reduce("sum", array("A"), (-1,), axes=(i,)))],
    ids=["it is read again", "it is summed"],
)
def test_what_is_read_later_is_not_written_to(later):
    result = in_place([FRESH, Assign("B", of("exp", two("sub", array("A"), X))), later], ["B", "C"], ["A", "B", "C"])
    assert printed(result)[:3] == [("A", "new"), ("B", "new"), ("B", "B")]


def test_what_is_handed_back_and_arguments_are_not_written_to():
    result = in_place([FRESH, Assign("B", of("exp", two("sub", array("A"), X)))], ["A", "B"], ["A", "B"])
    assert printed(result) == [("A", "new"), ("B", "new"), ("B", "B")]
    result = in_place([Assign("B", of("exp", two("sub", X, Y)))], ["B"], ["B"])
    assert printed(result) == [("B", "new"), ("B", "B")]


def test_what_a_view_shows_is_not_written_to():
    view = Assign("V", Permute(array("A"), (1, 0), axes=(j, i)))
    use = Assign("C", two("mul", Name("V", axes=(j, i)), Name("V", axes=(j, i)), (j, i)))
    result = in_place([FRESH, view, Assign("B", of("exp", two("sub", array("A"), X))), use], ["B", "C"], "ABCV")
    assert ("A", "sub") not in printed(result)


def test_a_matrix_product_with_something_smaller_is_written_to():
    """X (A @ B - s): under an operator with an operand of another shape the language takes new memory."""
    product = Contract(X, Y, axes=ROWS)
    lowered = two("sub", product, Expand(s, (True, False), axes=(i,)))
    for value in (two("mul", X, lowered), two("mul", lowered, X)):
        assert printed(in_place([Assign("T", value)], ["T"], ["T"])) == [("T", "new"), ("T", "sub"), ("T", "mul")]
    for value in (two("mul", X, two("sub", product, Y)), two("sub", lowered.operands[0], X), two("sub", Y, s)):
        assert printed(in_place([Assign("T", value)], ["T"], ["T"])) == [("T", "new")]


@pytest.mark.parametrize("scaled", [two("mul", X, s), two("mul", X, Y), of("exp", X)], ids=["row", "entry", "function"])
def test_what_is_added_to_a_new_array_and_is_smaller_is_written_into_it(scaled):
    for value in (two("add", scaled, s), two("add", s, scaled), two("sub", scaled, s), two("div", scaled, s)):
        assert printed(in_place([Assign("T", value)], ["T"], ["T"])) == [("T", "new"), ("T", value.op)]
    # A number is no array, and arrays of one size the language puts into one another.
    for value in (two("add", scaled, Number(2)), two("add", scaled, X), two("sub", s, scaled), two("div", X, scaled)):
        assert printed(in_place([Assign("T", value)], ["T"], ["T"])) == [("T", "new")]


def test_a_difference_goes_into_what_is_subtracted():
    """X - Y s: the language has room for it in X alone, which is needed."""
    result = in_place([Assign("T", two("sub", X, two("mul", Y, s)))], ["T"], ["T"])
    assert printed(result) == [("T", "new"), ("T", "T")]
    # And so on outwards.
    result = in_place([Assign("T", two("mul", s, two("sub", X, two("mul", Y, s))))], ["T"], ["T"])
    assert printed(result) == [("T", "new"), ("T", "T"), ("T", "mul")]


# masks

LATER = Map(">=", (Expand(Positions(n), (True, False), axes=(i,)), Positions(m)), "mask", axes=ROWS)
SEEN = Map(">", (Y, Number(0)), "mask", axes=ROWS)


def masked(mask, other=MINUS_INFINITY, target="M"):
    return Assign(target, Map("where", (mask, array("A"), other), axes=ROWS))


@pytest.mark.parametrize("mask", [LATER, SEEN, Name("mask", "mask", axes=ROWS)], ids=["positions", "data", "named"])
def test_minus_infinity_goes_into_what_is_masked(mask):
    first, second, last = in_place([FRESH, masked(mask), Assign("B", of("exp", array("M")))], ["B"], ["B"])
    assert (second.target, second.value, second.update) == ("A", MINUS_INFINITY, "set")
    assert second.at == (negated(mask),)
    # What reads it finds it under the name of what it was written to.
    assert list(names_read([last.value])) == [first.target]


@pytest.mark.parametrize(
    ("statements", "kept"),
    [
        ([FRESH, masked(SEEN), Assign("B", two("add", array("A"), array("M")))], ["B"]),
        ([FRESH, masked(SEEN), Assign("B", of("exp", array("M")))], ["A", "B"]),
        ([masked(SEEN), Assign("B", of("exp", array("M")))], ["B"]),
        ([FRESH, masked(SEEN, Number(1)), Assign("B", of("exp", array("M")))], ["B"]),
    ],
    ids=["it is read later", "it is handed back", "it is an argument", "another number"],
)
def test_what_is_needed_as_it_is_is_not_masked_in_place(statements, kept):
    assert "set" not in {s.update for s in in_place(statements, kept, ["B"])}


def test_what_the_author_named_is_not_masked_under_another_name():
    result = in_place([FRESH, masked(SEEN), Assign("B", of("exp", array("M")))], ["B"], ["B", "M"])
    assert ("M", "new") in printed(result)


def test_a_smaller_array_has_no_room_for_a_mask():
    small = Assign("A", Map("exp", (s,), axes=(i,)))
    spread = Map("where", (SEEN, Expand(Name("A", axes=(i,)), (True, False), axes=(i,)), MINUS_INFINITY), axes=ROWS)
    result = in_place([small, Assign("M", spread), Assign("B", of("exp", array("M")))], ["B"], ["B"])
    assert "set" not in {s.update for s in result}


OPPOSITES = [(">=", "<"), ("<", ">="), ("<=", ">"), (">", "<="), ("==", "!="), ("!=", "==")]


@pytest.mark.parametrize(("relation", "opposite"), OPPOSITES)
def test_a_relation_of_positions_fails_where_its_opposite_holds(relation, opposite):
    mask = Map(relation, (Positions(m), Number(2)), "mask", axes=(j,))
    assert negated(mask) == Map(opposite, (Positions(m), Number(2)), "mask", axes=(j,))
    shown = Expand(mask, (False, True), "mask", axes=(j,))
    assert negated(shown).operand == negated(mask)


@pytest.mark.parametrize("relation", [first for first, _ in OPPOSITES])
def test_a_relation_of_data_is_not_turned_around(relation):
    """Beside a number that is none, neither holds."""
    mask = Map(relation, (Y, Number(2)), "mask", axes=ROWS)
    assert negated(mask) == Map("not", (mask,), "mask", axes=ROWS)
    both = Map("and", (mask, LATER), "mask", axes=ROWS)
    assert negated(both) == Map("not", (both,), "mask", axes=ROWS)


def test_a_temporary_takes_the_name_of_what_it_becomes():
    statements = [Assign("E", of("exp", X)), Assign("P", two("div", array("E"), s))]
    assert printed(in_place(statements, ["P"], ["P"])) == [("P", "new"), ("P", "div")]
    # A tensor that the author named keeps its name.
    assert printed(in_place(statements, ["P"], ["E", "P"])) == [("E", "new"), ("P", "new")]


def test_a_smaller_array_has_no_room():
    small = Assign("E", Map("exp", (s,), axes=(i,)))
    statements = [small, Assign("P", two("mul", Name("E", axes=(i,)), X))]
    assert printed(in_place(statements, ["P"], ["P"])) == [("E", "new"), ("P", "new")]


# layers

a, b = axes("a=n b=m")


@layer
def chained(x: Tensor[..., a, b], y: Tensor[..., b]):
    """Functions of differences, one behind the other; the first is needed at the end."""
    p = define("p", (..., a, b), exp(x[..., a, b] - y[..., b]))
    q = define("q", (..., a, b), tanh(p[..., a, b] - 1))
    return define("r", (..., a, b), log(q[..., a, b] ** 2 + p[..., a, b]) * p[..., a, b])


@layer
def standardized(x: Tensor[..., a, b], y: Tensor[..., b]):
    """A difference of products with rows and columns, outside a product with rows."""
    p = define("p", (..., a, b), exp(x[..., a, b]))
    q = define("q", (..., a), Sum(p[..., a, b] * x[..., a, b], b))
    return define("r", (..., a, b), y[..., b] * (p[..., a, b] - q[..., a] * x[..., a, b]) - q[..., a])


@layer
def chosen(S: Tensor[a, b], x: Tensor[b]):
    """Where what is compared may be no number, and what is masked is new."""
    A = define("A", (a, b), S[a, b] ** 2)
    E = where(x[b] > 0, exp(A[a, b]))
    return define("P", (a, b), E / Sum(E, b))


@layer
def scalars(x: Tensor[...]):
    """Of entries alone, which may be a single number."""
    return define("y", (...,), exp(x[...] - 1) / (1 + exp(x[...] - 1)))


WRITTEN = ("softmax", "attention", "sliding_window_attention", "rotary_attention", "mlp")
OWN = {of.name: of for of in (chained, standardized, chosen, scalars)}
LAYERS = {**{name: load(name) for name in WRITTEN}, **OWN}


@pytest.mark.parametrize("name", LAYERS)
def test_neither_arguments_nor_residuals_are_written_to(name):
    """The backward function gives the same a second time, and all arrays that it is given are closed for writing."""
    case = cases(LAYERS[name], seed=2, work=3000, first=1)[0]
    module = compiled(LAYERS[name])
    arguments = [np.array(value) for value in case.arguments.values()]
    close(arguments)
    outputs, residuals = getattr(module, f"{name}_fwd")(*arguments, **case.options)
    close([*tupled(outputs), *flat(residuals)])
    twice = [tupled(getattr(module, f"{name}_bwd")(residuals, *case.cotangents, **case.options)) for _ in range(2)]
    for first, second in zip(*twice, strict=True):
        np.testing.assert_array_equal(first, second)


def close(arrays):
    for value in arrays:
        if isinstance(value, np.ndarray):
            value.flags.writeable = False


def flat(residuals):
    for value in residuals:
        yield from flat(value) if isinstance(value, tuple) else (value,)


def test_differences_and_products_are_written_in_place():
    source = numpy_source(standardized)
    for line in ("np.subtract(p, r, out=r)", "r *= y", "r -= q[..., None]"):
        assert line in source


def test_what_is_no_number_does_not_pass_a_mask():
    """x > 0 does not hold of it, and no more does x ≤ 0."""
    source = numpy_source(chosen)
    assert "np.copyto(A, -np.inf, where=np.logical_not(x > 0))" in source
    S, x = np.array([[0.5, 2.0, 1.0]]), np.array([1.0, np.nan, 2.0])
    weights = np.exp([0.25, 1.0])
    expected = np.array([[weights[0], 0, weights[1]]]) / weights.sum()
    np.testing.assert_allclose(compiled(chosen).chosen(S, x), expected)


def test_a_number_is_not_written_to():
    assert compiled(scalars).scalars(np.float64(1)) == pytest.approx(0.5)
    assert not any(isinstance(node, ast.AugAssign) for node in ast.walk(ast.parse(numpy_source(scalars))))
