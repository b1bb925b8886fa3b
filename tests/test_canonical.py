"""Equality up to renaming: what must be the same, and what must not."""

from fractions import Fraction
from itertools import permutations

import pytest
from sympy import Symbol

from derive.core.atoms import Argmax, Bracket, Lookup, Maximum
from derive.core.axes import Affine, Index
from derive.core.terms import apply, atom, multiply, power, read, total

n, m = Symbol("n", integer=True, positive=True), Symbol("m", integer=True, positive=True)
i, j, k, l = (Index(name, n) for name in "ijkl")
a, b = Index("a", m), Index("b", m)


def test_bound_indices_may_be_called_anything():
    for x, y, z in permutations([i, j, k]):
        value = total(multiply(read("A", x, y), read("B", y, z), read("C", z, x)), (x, y, z))
        assert value == total(multiply(read("C", k, i), read("A", i, j), read("B", j, k)), (i, j, k))


def test_ties_that_refinement_leaves_are_tried_out():
    ring = total(multiply(*(read("A", x, y) for x, y in [(i, j), (j, k), (k, l), (l, i)])), (i, j, k, l))
    turned = total(multiply(*(read("A", x, y) for x, y in [(l, i), (i, k), (k, j), (j, l)])), (i, j, k, l))
    assert ring == turned
    pairs = total(multiply(*(read("A", x, y) for x, y in [(i, j), (j, i), (k, l), (l, k)])), (i, j, k, l))
    assert ring != pairs


def test_a_nested_sum_may_reuse_a_name_from_outside():
    inner = power(total(read("x", j), (j,)), 2)
    assert total(multiply(read("y", j), inner), (j,)) == total(multiply(read("y", k), inner), (k,))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (total(read("A", i, i), (i,)), total(read("A", i, j), (i, j))),
        (total(read("A", i, j), (j,)), total(read("A", j, i), (j,))),
        (total(read("x", i), (i,)), total(read("x", a), (a,))),
        (read("A", i, j), read("A", j, i)),
        (power(total(read("x", i), (i,)), 2), total(power(read("x", i), 2), (i,))),
    ],
)
def test_what_differs_is_told_apart(left, right):
    assert left != right


def test_an_equality_has_no_direction():
    forth, back = Affine.of(i) - Affine.of(j), Affine.of(j) - Affine.of(i)
    assert atom(Bracket("==", forth)) == atom(Bracket("==", back))
    assert atom(Bracket(">=", forth)) != atom(Bracket(">=", back))


def test_terms_alike_are_added_up():
    first = total(multiply(read("x", i), read("y", i)), (i,))
    second = total(multiply(read("y", k), read("x", k)), (k,))
    assert first + second == 2 * first
    assert (first - second).terms == ()


def test_substitution_does_not_capture():
    value = total(multiply(read("A", i, j), read("x", j)), (j,)).substitute({i: Affine.of(j)})
    assert value == total(multiply(read("A", j, k), read("x", k)), (k,))
    nested = power(total(read("A", i, j), (j,)), 3).substitute({i: Affine.of(j)})
    assert nested == power(total(read("A", j, k), (k,)), 3)


def test_equal_sums_cancel():
    one = multiply(total(read("x", i), (i,)), power(total(read("x", j), (j,)), -1))
    assert one.constant == 1
    doubled = multiply(
        read(
            "c",
        ),
        total(apply("exp", read("x", i)), (i,)),
    )
    assert multiply(doubled, power(total(apply("exp", read("x", k)), (k,)), -1)) == read("c")


def test_exponentials_are_multiplied_by_adding_exponents():
    x, y = read("x", i), read("y", i)
    assert apply("exp", x + y) == apply("exp", x) * apply("exp", y)
    assert (apply("exp", x) * apply("exp", -x)).constant == 1


def test_roots_keep_what_they_cannot_take_apart():
    x, half = read("x", i), Fraction(1, 2)
    assert power(power(x, 2), half) != x
    assert power(power(x, half), 2) == x
    assert power(power(x, 2), 3) == power(x, 6)


def at(tensor, index):
    return Affine.look_up(Lookup(tensor, (Affine.of(index),), m))


def test_positions_are_read_at_bound_indices_by_any_name():
    """Σ_i E[t_i] u_i is the same for every name of i; another list, or another place of the same, is another value."""
    value = total(multiply(read("E", at("t", i)), read("u", i)), (i,))
    assert value == total(multiply(read("E", at("t", k)), read("u", k)), (k,))
    assert value != total(multiply(read("E", at("s", i)), read("u", i)), (i,))
    pair = total(multiply(read("E", at("t", i)), read("u", j)), (i, j))
    assert value != pair
    assert pair == total(multiply(read("E", at("t", j)), read("u", i)), (i, j))


def test_a_comparison_of_positions_has_no_direction():
    forth, back = at("t", i) - Affine.of(a), Affine.of(a) - at("t", i)
    assert atom(Bracket("==", forth)) == atom(Bracket("==", back))
    assert atom(Bracket(">=", forth)) != atom(Bracket(">=", back))


def test_the_indices_of_a_maximum_may_be_called_anything():
    def first(x, y, place):
        body = multiply(read("A", x, y), read("v", y), read("u", x))
        return atom(Argmax(body, (y,), (Affine.of(place),)))

    assert first(i, a, b) == first(i, b, b) == first(i, Index("c", m), b)
    assert first(i, a, a) != first(i, a, b)
    assert total(multiply(first(i, a, b), read("w", i)), (i,)) == total(multiply(first(k, b, b), read("w", k)), (k,))
    body = multiply(read("A", i, j), read("w", j))
    swapped = multiply(read("A", j, i), read("w", i))
    assert atom(Argmax(body, (i, j), (Affine.of(k), Affine.of(l)))) == atom(
        Argmax(swapped, (j, i), (Affine.of(k), Affine.of(l)))
    )
    assert atom(Argmax(body, (i, j), (Affine.of(k), Affine.of(l)))) != atom(
        Argmax(body, (j, i), (Affine.of(k), Affine.of(l)))
    ), "which of several is first depends on the order"


def test_substitution_does_not_reach_into_a_maximum():
    """An index of the maximum's own stays, and is renamed where what comes in is called like it or its new name."""
    j1 = Index("j1", n)
    inner = Maximum(multiply(read("A", i, j), read("w", j)), (j,))
    assert inner.substitute({j: Affine.of(k)}) == inner
    expected = Maximum(multiply(read("A", j, k), read("w", k)), (k,))
    assert inner.substitute({i: Affine.of(j)}) == inner.substitute({i: Affine.of(j), j: Affine.of(i)}) == expected
    assert inner.substitute({j1: Affine.of(j)}) == inner
    both = Maximum(multiply(read("A", i, j), read("B", j, j1)), (j, j1))
    assert both.substitute({i: Affine.of(j)}) == Maximum(multiply(read("A", j, k), read("B", k, l)), (k, l))
    first = Argmax(inner.body, inner.over, (Affine.of(j),))
    assert first.substitute({j: Affine.of(k)}) == Argmax(inner.body, inner.over, (Affine.of(k),))
