"""Every rule on an expression that no layer has: what it gives, and that the value stays what it was."""

from fractions import Fraction

import numpy as np
import pytest
from sympy import Symbol
from values import value_at

from derive.calculus.collect import collect, expand
from derive.calculus.deltas import contract, count, distribute
from derive.calculus.equated import equate
from derive.calculus.facts import apply_fact, sum_of
from derive.calculus.guards import guards
from derive.calculus.reuse import reuse, unfold
from derive.calculus.rules import (
    d_entry,
    d_function,
    d_maximum,
    d_power,
    d_product,
    d_sum,
    definition,
    rewrite_partials,
)
from derive.calculus.simplify import Context, cost, multiply_out, simplify
from derive.calculus.steps import Trail
from derive.core.atoms import Argmax, Bracket, Function, Lookup, Maximum, Partial, Position, Read, Test
from derive.core.axes import Affine, Index
from derive.core.layer import Equation
from derive.core.layer import Symbol as Named
from derive.core.terms import ONE, ZERO, apply, atom, multiply, power, read, total
from derive.errors import DifferentiationError

SIZES = {"n": 3, "m": 5, "r": 2}
n, m, r = (Symbol(name, integer=True, positive=True) for name in "nmr")
i, j, k = (Index(name, n) for name in "ijk")
a, b = (Index(name, m) for name in "ab")
p, q = Index("p", n), Index("q", m)
q2 = Index("q2", n)


def A(x, y):
    return read("A", x, y)


def B(x, y):
    return read("B", x, y)


def u(x):
    return read("u", x)


def v(x):
    return read("v", x)


def delta(x, y):
    return atom(Bracket("==", Affine.of(x) - Affine.of(y)))


def same_value(before, after):
    np.testing.assert_allclose(value_at(after, SIZES, like=before), value_at(before, SIZES), rtol=1e-12)


def partial(of, entry):
    return atom(Partial(of, entry))


def largest(body, *over):
    return atom(Maximum(body, over))


def position(tensor, *at):
    """An entry of an integer tensor of positions along the axis of a and b."""
    return Affine.look_up(Lookup(tensor, tuple(Affine.of(x) for x in at), m))


# differentiation


def test_linearity_takes_sums_and_constants_out():
    entry = Read("u", (Affine.of(p),))
    of = 3 * total(A(i, a) * u(i), (i,)) + v(a)
    assert rewrite_partials(partial(of, entry), d_sum) == 3 * total(A(i, a) * partial(u(i), entry), (i,))


def test_linearity_does_not_capture_the_entry():
    entry = Read("u", (Affine.of(i),))
    result = rewrite_partials(partial(total(power(u(i), 2), (i,)), entry), d_sum)
    assert result == total(partial(power(u(k), 2), entry), (k,))


def test_product_rule():
    entry = Read("u", (Affine.of(p),))
    of = u(i) * apply("sin", u(j))
    expected = partial(u(i), entry) * apply("sin", u(j)) + u(i) * partial(apply("sin", u(j)), entry)
    assert rewrite_partials(partial(of, entry), d_product) == expected


@pytest.mark.parametrize("exponent", [3, -2, Fraction(1, 2)])
def test_power_rule(exponent):
    entry = Read("u", (Affine.of(p),))
    base = u(i) + v(i)
    expected = exponent * multiply(power(base, exponent - 1), partial(base, entry))
    assert rewrite_partials(partial(power(base, exponent), entry), d_power) == expected


def test_a_power_of_an_exponential_is_an_exponential():
    """∂exp(-u) = -exp(-u) ∂u, though the normal form has it as exp(u)^(-1)."""
    entry = Read("u", (Affine.of(p),))
    of = apply("exp", -u(i))
    assert rewrite_partials(partial(of, entry), d_power) == partial(of, entry)
    assert rewrite_partials(partial(of, entry), d_function) == of * partial(-u(i), entry)


def test_function_rule_uses_the_table():
    entry = Read("u", (Affine.of(p),))
    of = apply("tanh", 2 * u(i))
    assert rewrite_partials(partial(of, entry), d_function) == (1 - of**2) * partial(2 * u(i), entry)


def test_entries_are_independent():
    entry = Read("A", (Affine.of(p), Affine.of(q)))
    assert rewrite_partials(partial(A(i, a), entry), d_entry) == delta(i, p) * delta(a, q)
    assert rewrite_partials(partial(B(i, a), entry), d_entry) == ZERO


def test_a_definition_is_put_in_at_the_indices_of_the_read():
    equation = Equation(Named("y", (i,)), total(A(i, a) * v(a), (a,)))
    entry = Read("A", (Affine.of(p), Affine.of(q)))
    result = rewrite_partials(partial(read("y", k), entry), definition({"y": equation}))
    assert result == partial(total(A(k, b) * v(b), (b,)), entry)


def test_a_condition_is_constant():
    entry = Read("u", (Affine.of(p),))
    of = atom(Test(">", u(i))) * u(i)
    assert rewrite_partials(partial(of, entry), d_sum) == atom(Test(">", u(i))) * partial(u(i), entry)


def test_what_has_no_rule_is_an_error_and_not_zero():
    """A floor is of sizes alone in what people write; as a function of data it has no row in the table."""
    entry = Read("u", (Affine.of(p),))
    with pytest.raises(DifferentiationError, match="floor has no derivative. Add it to the table of primitives."):
        rewrite_partials(partial(atom(Function("floor", u(i))), entry), d_function)


def test_the_first_maximum_takes_the_derivative():
    """∂ max_a B_ia u_i v_a = Σ_a [a is the first that is largest] ∂(B_ia u_i v_a), for each i."""
    entry = Read("v", (Affine.of(q),))
    body = B(i, a) * u(i) * v(a)
    first = atom(Argmax(B(i, b) * u(i) * v(b), (b,), (Affine.of(a),)))
    result = rewrite_partials(partial(largest(body, a), entry), d_maximum)
    assert result == total(first * partial(body, entry), (a,))
    assert rewrite_partials(partial(power(largest(body, a), 2), entry), d_maximum) == partial(
        power(largest(body, a), 2), entry
    )


def test_the_first_maximum_does_not_capture_the_entry():
    """The index of the maximum and that of the entry are two, whatever they are called."""
    entry = Read("u", (Affine.of(i),))
    result = rewrite_partials(partial(largest(power(u(i), 3), i), entry), d_maximum)
    assert result == total(atom(Argmax(power(u(k), 3), (k,), (Affine.of(j),))) * partial(power(u(j), 3), entry), (j,))


def test_a_maximum_is_differentiated_by_the_first_of_the_largest_in_values_too():
    """Differences of the maximum of a product over two indices, against the product at its first largest place."""
    entry = Read("u", (Affine.of(p),))
    body = A(i, a) * u(i) * v(a)
    derived = rewrite_partials(partial(largest(body, i, a), entry), d_maximum)
    derived = contract(rewrite_partials(rewrite_partials(rewrite_partials(derived, d_sum), d_product), d_entry))
    first = Argmax(body, (i, a), (Affine.of(p), Affine.of(b)))
    assert derived == total(atom(first) * A(p, b) * v(b), (b,))
    values = value_at(body, SIZES, like=body)
    row, column = np.unravel_index(values.T.argmax(), values.T.shape)
    expected = np.zeros(SIZES["n"])
    expected[row] = values.max() / value_at(u(i), SIZES, like=body)[row]
    np.testing.assert_allclose(value_at(derived, SIZES, like=body), expected)


def test_where_the_largest_is_does_not_depend_on_data():
    entry = Read("u", (Affine.of(p),))
    first = atom(Argmax(u(j) * v(a), (j,), (Affine.of(i),)))
    assert rewrite_partials(partial(first * u(i), entry), d_sum) == first * partial(u(i), entry)


# deltas


def test_contract_substitutes_a_plain_index():
    before = total(A(i, a) * delta(i, p) * delta(a, q), (i, a))
    assert contract(before) == A(p, q)
    same_value(before, A(p, q))


def test_contract_substitutes_an_affine_index_only_under_a_bare_read():
    t, tap = Index("t", n), Index("k", r)
    at = Affine.of(t).times(2) + Affine.of(tap)
    condition = atom(Bracket("==", Affine.of(a) - at))
    names = {"v": Named("v", (a,)), "longer": Named("longer", (i,))}
    bare = total(v(a) * condition, (a,))
    assert contract(bare, names) == read("v", at)
    same_value(bare, contract(bare, names))
    assert contract(bare) == bare, "without its axes, nobody knows where v ends"
    beyond = total(read("longer", a) * condition, (a,))
    assert contract(beyond, names) == beyond, "the tensor does not end where the index does"
    for not_zero_outside in (apply("exp", v(a)), power(v(a), -1), v(a) * power(read("w", a), -1)):
        kept = total(not_zero_outside * condition, (a,))
        assert contract(kept, names) == kept


def test_contract_puts_a_position_in_the_place_of_an_index():
    """Σ_a f(a) [a = t_i] = f(t_i): a position is never outside, so f may be anything."""
    at = position("t", i)
    condition = atom(Bracket("==", Affine.of(a) - at))
    for f in (B(i, a), power(v(a), -1) * B(j, a), apply("exp", v(a)) * u(j), largest(B(k, a) * u(k), k)):
        before = total(f * condition, (a,))
        assert contract(before) == f.substitute({a: at})
        same_value(before, contract(before))


def test_contract_leaves_a_position_that_stands_in_no_place_of_its_own():
    """A read that is moved from the index, an axis of another size, and a position that the sum runs over itself."""
    at = position("t", i)
    moved = total(read("v", Affine.of(a) + Affine.of(k)) * atom(Bracket("==", Affine.of(a) - at)), (a,))
    assert contract(moved) == moved
    other = total(u(j) * atom(Bracket("==", Affine.of(j) - at)), (j,))
    assert contract(other) == other
    listed = multiply(read("w", i), read("E", Affine.look_up(Lookup("t", (Affine.of(i),), m))))
    moved = total(listed * atom(Bracket("==", Affine.of(i) - Affine.of(j) - Affine.of(k))), (i,))
    assert contract(moved, {"w": Named("w", (i,))}) == moved, "w[j + k] may lie outside, and there is no t[j + k]"
    own = total(v(a) * atom(Bracket("==", Affine.of(a) - position("s", a))), (a,))
    assert contract(own) == own


def test_contract_counts_an_index_that_nothing_uses():
    before = total(u(i), (a,))
    assert contract(before) == u(i) * read("m")
    same_value(before, contract(before))


def test_contract_leaves_a_delta_between_free_indices():
    assert contract(delta(i, p) * u(i)) == delta(i, p) * u(i)


def test_under_an_equality_either_side_stands_for_the_other_where_factors_cancel():
    weighted = power(A(i, q), -1) * A(j, q) * delta(i, j)
    assert equate(weighted) == delta(i, j)
    label = Affine.look_up(Lookup("label", (Affine.of(i),), m))
    first = atom(Bracket("==", Affine.of(a) - label))
    picked = atom(Read("A", (Affine.of(i), label)), -1)
    assert equate(A(i, a) * picked * first) == first
    # Nothing cancels, or the axes are not of one size: left as it stands.
    for value in (
        A(i, q) * B(j, q) * delta(i, j),
        power(u(p), -1) * v(q) * atom(Bracket("==", Affine.of(p) - Affine.of(q))),
    ):
        assert equate(value) == value


def test_distribute_reaches_the_deltas_of_a_sum():
    before = total(u(i) * (v(q) * delta(i, p) + A(i, q)), (i,))
    assert distribute(before) == total(u(i) * v(q) * delta(i, p), (i,)) + total(u(i) * A(i, q), (i,))
    same_value(before, distribute(before))


# simplification


def test_collect_takes_out_what_terms_share():
    before = A(i, a) * u(i) * v(a) - 2 * A(i, a) * u(i) * total(B(j, a) * u(j), (j,))
    after = A(i, a) * u(i) * (v(a) - 2 * total(B(j, a) * u(j), (j,)))
    assert collect(before) == after
    same_value(before, after)


def test_collect_takes_out_numbers_and_powers():
    before = 6 * power(u(i), 3) + 4 * power(u(i), 2) * v(q)
    assert collect(before) == 2 * power(u(i), 2) * (3 * u(i) + 2 * v(q))
    same_value(before, collect(before))


def test_collect_takes_out_no_number_that_only_makes_others():
    """a/2 + b/3 is no simpler as (3 a + 2 b)/6."""
    before = Fraction(8943, 200000) * power(u(i), 3) + u(i)
    assert collect(before) == u(i) * (Fraction(8943, 200000) * power(u(i), 2) + 1)
    assert collect(u(i) * Fraction(1, 2) + v(q) * Fraction(1, 3)) == u(i) * Fraction(1, 2) + v(q) * Fraction(1, 3)
    assert collect(u(i) * Fraction(1, 2) - v(q) * Fraction(1, 6)) == Fraction(1, 6) * (3 * u(i) - v(q))


def test_collect_takes_no_size_out_of_part_of_a_sum():
    """a/n + b/n + c is no simpler as (a + b)/n + c."""
    size = read("n")
    before = A(i, a) / size + v(a) / size
    assert collect(before) == (A(i, a) + v(a)) / size
    assert collect(before + u(i)) == before + u(i)
    assert collect(u(i) * Fraction(1, 2) + v(q)) == u(i) * Fraction(1, 2) + v(q)


def test_collect_goes_by_groups_where_not_all_share():
    before = A(i, a) * u(i) + A(i, a) * v(a) + B(i, a)
    assert collect(before) == A(i, a) * (u(i) + v(a)) + B(i, a)


def test_count_counts_what_a_sum_does_not_use():
    """Σ_j u_i / n is u_i, at every depth."""
    before = A(i, a) * (total(u(i) / read("n"), (j,)) - 3 * v(a))
    assert count(before) == A(i, a) * (u(i) - 3 * v(a))


def test_an_index_that_falls_out_of_use_is_counted():
    """Σ_j (u_j - s) / n, where s = Σ_k u_k / n, is 0."""
    mean = named("s", (), total(u(k), (k,)) / read("n"))
    trail = Trail(v(a) * total(u(j) - read("s"), (j,)) / read("n"))
    simplify(trail, Context.from_equations([mean]))
    assert trail.value == ZERO
    assert [step.rule.name for step in trail.steps] == ["multiply out", "reuse s"]


def test_multiplying_out_counts_what_a_sum_does_not_use():
    """Σ_j a (u_j + c) is Σ_j a u_j + n a c."""
    before = v(a) * total(u(j) + read("s"), (j,))
    assert multiply_out(before) == v(a) * total(u(j), (j,)) + read("n") * v(a) * read("s")
    same_value(before, multiply_out(before))


def test_expand_multiplies_out_under_a_sum():
    before = total(A(i, a) * (u(i) + B(i, b)), (i,))
    assert expand(before) == total(A(i, a) * u(i), (i,)) + total(A(i, a) * B(i, b), (i,))
    same_value(before, expand(before))


def named(name, axes, expr):
    return Equation(Named(name, axes), expr)


def test_reuse_finds_a_product_with_its_sum():
    equation = named("C", (i, j), total(A(i, a) * B(j, a), (a,)))
    before = total(B(p, b) * u(p) * A(k, b), (b,))
    assert reuse(before, equation) == u(p) * read("C", k, p)


def test_reuse_finds_a_value_at_a_position():
    """Σ_b A[t_i, b] B[k, b] is C[t_i, k] where C[j, k] = Σ_b A[j, b] B[k, b]."""
    at = Affine.look_up(Lookup("t", (Affine.of(i),), n))
    equation = named("C", (j, k), total(A(j, a) * B(k, a), (a,)))
    before = u(i) * total(read("A", at, b) * B(q2, b), (b,))
    assert reuse(before, equation) == u(i) * read("C", at, q2)
    other = total(read("A", at, b) * read("B", Affine.look_up(Lookup("s", (Affine.of(i),), m)), b), (b,))
    assert reuse(other, equation) == other, "the position is along an axis of another size"


def test_reuse_finds_an_equation_that_reads_at_positions():
    """X[t_i, a] v[a] and its like at another index of the same list, but not at another list."""
    equation = named("C", (i,), total(read("A", Affine.look_up(Lookup("t", (Affine.of(i),), n)), a) * v(a), (a,)))
    at_k, other = (Affine.look_up(Lookup(name, (Affine.of(k),), n)) for name in "ts")
    assert reuse(total(read("A", at_k, b) * v(b), (b,)) * u(k), equation) == read("C", k) * u(k)
    before = total(read("A", other, b) * v(b), (b,)) * u(k)
    assert reuse(before, equation) == before


def test_reuse_exchanges_sums():
    """Σ_j (Σ_a G[a] B[j,a]) A[i,j] is Σ_a G[a] C[i,a] where C[i,a] = Σ_j A[i,j] B[j,a]."""
    equation = named("C", (i, a), total(read("D", i, j) * B(j, a), (j,)))
    before = total(read("D", p, k) * total(v(b) * B(k, b), (b,)), (k,))
    assert reuse(before, equation) == total(v(b) * read("C", p, b), (b,))


def test_reuse_leaves_a_sum_whose_index_stands_elsewhere():
    equation = named("C", (i, j), total(A(i, a) * B(j, a), (a,)))
    before = total(A(i, a) * B(j, a) * v(a), (a,))
    assert reuse(before, equation) == before


def test_reuse_leaves_a_tensor_that_is_constant_along_an_axis():
    """C[a, i] = u[i] Σ_a B[i, a] does not say which of its entries a product u[i] Σ_a B[i, a] is."""
    equation = named("C", (a, i), u(i) * total(B(i, a), (a,)))
    before = total(u(i) * total(B(i, b), (b,)), (i,))
    assert reuse(before, equation) == before


def test_reuse_finds_powers_of_a_power():
    equation = named("r", (i,), power(u(i) + read("eps"), Fraction(-1, 2)))
    assert reuse(power(u(p) + read("eps"), Fraction(-3, 2)) * v(q), equation) == power(read("r", p), 3) * v(q)


def test_reuse_finds_a_sum_in_parentheses_with_a_factor():
    equation = named("d", (i, a), A(i, a) - B(i, a))
    before = v(q) * power(2 * A(p, q) - 2 * B(p, q), 2)
    assert reuse(before, equation) == 4 * v(q) * power(read("d", p, q), 2)


def test_reuse_finds_some_of_the_terms_of_a_sum():
    equation = named("d", (i, a), A(i, a) - B(i, a))
    assert reuse(3 * A(p, q) + u(p) - 3 * B(p, q), equation) == u(p) + 3 * read("d", p, q)


def test_facts_are_found_from_the_equations():
    weights = named("w", (i, a), multiply(A(i, a), power(total(A(i, b), (b,)), -1)))
    mean = named("mu", (i,), total(B(i, a), (a,)) * power(read("m"), -1))
    centred = named("c", (i, a), B(i, a) - read("mu", i))
    equations = {e.symbol.name: e for e in (weights, mean, centred)}
    assert sum_of(weights, (a,), equations) == ONE
    assert sum_of(centred, (a,), equations) == ZERO
    assert sum_of(weights, (i,), equations) is None
    before = total(read("w", p, b) * u(p), (b,))
    assert apply_fact(before, weights.symbol, (1,), ONE) == u(p)
    kept = total(read("w", p, b) * v(b), (b,))
    assert apply_fact(kept, weights.symbol, (1,), ONE) == kept


def test_facts_are_found_over_several_axes_at_once():
    """Neither Σ_i c nor Σ_a c is a number, but the sum over both is."""
    mean = named("mu", (), total(B(i, a), (i, a)) / read("n") / read("m"))
    centred = named("c", (i, a), B(i, a) - read("mu"))
    equations = {e.symbol.name: e for e in (mean, centred)}
    assert sum_of(centred, (i, a), equations) == ZERO
    assert sum_of(centred, (i,), equations) is None
    trail = Trail(u(p) * total(read("c", k, b), (k, b)) + A(p, q))
    simplify(trail, Context.from_equations(equations.values()))
    assert trail.value == A(p, q)
    assert [step.rule.name for step in trail.steps] == ["fact: sum of c over i, a"]


def test_reuse_keeps_a_condition_that_guards_what_is_left():
    """Where Y = [s > 0] A/s, the rest of [s > 0] A/s² is 1/s, which has no value at s = 0."""
    size = read("s", i)
    condition = atom(Test(">", size))
    equation = named("Y", (i, a), A(i, a) * condition / size)
    at = read("s", p)
    kept = atom(Test(">", at))
    assert reuse(A(p, q) * kept / at**2, equation) == read("Y", p, q) * kept / at
    assert reuse(A(p, q) * v(q) * kept / at, equation) == read("Y", p, q) * v(q)


def test_a_condition_serves_every_value_that_carries_it():
    """Where Y = [s > 0] A/s, one [s > 0] stands in both values of Y in [s > 0] A A/s²: brackets are idempotent."""
    equation = named("Y", (i, a), A(i, a) * atom(Test(">", read("s", i))) / read("s", i))
    at = read("s", p)
    before = A(p, q) * A(p, b) * v(q) * atom(Test(">", at)) / at**2
    assert reuse(before, equation) == read("Y", p, q) * read("Y", p, b) * v(q)


def test_a_value_lends_its_conditions_to_another_value_of_the_same_equation():
    """Where Y = [s > 0] A/s, A/s beside a Y of the same row is Y; of another row it is not."""
    equation = named("Y", (i, a), A(i, a) * atom(Test(">", read("s", i))) / read("s", i))
    rest = A(p, q) / read("s", p)
    assert reuse(read("Y", p, b) * rest, equation) == read("Y", p, b) * read("Y", p, q)
    assert reuse(read("Y", k, b) * rest, equation) == read("Y", k, b) * rest
    assert reuse(rest, equation) == rest


def test_an_index_is_a_number_that_does_not_vary():
    entry = Read("u", (Affine.of(p),))
    place = atom(Position(Affine.of(i) - Affine.of(j)))
    assert rewrite_partials(partial(place * u(i), entry), d_sum) == place * partial(u(i), entry)
    before = total(place * u(j) * delta(j, k), (j,))
    assert contract(before) == atom(Position(Affine.of(i) - Affine.of(k))) * u(k)
    same_value(before, contract(before))


def test_an_affine_place_is_put_in_where_the_index_stands_as_a_number():
    """Σ_j (2 j + 1) u[j] [j = n - 1 - i] = (2 n - 2 i - 1) u[n - 1 - i]: where the place is outside, u is 0."""
    back = Affine.build([(i, -1)], n - 1)
    odd = Affine.build([(j, 2)], 1)
    before = total(atom(Position(odd)) * u(j) * atom(Bracket("==", Affine.of(j) - back)), (j,))
    after = contract(before, {"u": Named("u", (i,))})
    assert after == atom(Position(odd.substitute({j: back}))) * atom(Read("u", (back,)))
    same_value(before, after)


def test_a_condition_guards_what_may_not_exist():
    condition = Test(">", read("s", i))
    for partial_factor in (read("s", i) ** -1, power(read("s", i), Fraction(1, 2)), apply("log", read("s", i))):
        assert guards(condition, partial_factor.terms[0].factors[0])
    for harmless in (read("s", i) ** 2, apply("exp", -u(i)), read("n") ** -1, apply("tanh", read("s", i))):
        assert not guards(condition, harmless.terms[0].factors[0])


def test_unfolding_and_reusing_are_inverse():
    equation = named("C", (i, j), total(A(i, a) * B(j, a), (a,)))
    before = total(u(k) * read("C", k, p), (k,))
    assert reuse(unfold(equation)(before), equation) == before


def test_simplify_records_steps_that_replay_and_lower_the_cost():
    weights = named("w", (i, a), multiply(A(i, a), power(total(A(i, b), (b,)), -1)))
    context = Context.from_equations([weights])
    total_a = power(total(A(p, b), (b,)), -1)
    trail = Trail(A(p, q) * total_a * v(q) - A(p, q) * total_a * u(p))
    start = trail.value
    simplify(trail, context)
    assert trail.value == read("w", p, q) * (v(q) - u(p))
    assert trail.steps and cost(trail.value) < cost(start)
    for step in trail.steps:
        assert step.rule.apply(step.before) == step.after
        assert step.rule.name and step.rule.law
