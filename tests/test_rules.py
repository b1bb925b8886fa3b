"""Every rule on an expression that no layer has: what it gives, and that the value stays what it was."""

from fractions import Fraction

import numpy as np
import pytest
from sympy import Symbol
from values import value_at

from derive.calculus.collect import collect, expand
from derive.calculus.deltas import contract, count, distribute
from derive.calculus.facts import apply_fact, sum_of
from derive.calculus.reuse import reuse, unfold
from derive.calculus.rules import d_entry, d_function, d_power, d_product, d_sum, definition, rewrite_partials
from derive.calculus.simplify import Context, cost, simplify
from derive.calculus.steps import Trail
from derive.core.atoms import Bracket, Maximum, Partial, Read, Test
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
    entry = Read("u", (Affine.of(p),))
    with pytest.raises(DifferentiationError, match="Max over i of an expression in u has no derivative rule"):
        rewrite_partials(partial(atom(Maximum(u(i), (i,))), entry), d_sum)


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


def test_contract_counts_an_index_that_nothing_uses():
    before = total(u(i), (a,))
    assert contract(before) == u(i) * read("m")
    same_value(before, contract(before))


def test_contract_leaves_a_delta_between_free_indices():
    assert contract(delta(i, p) * u(i)) == delta(i, p) * u(i)


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
    assert "count indices" in [step.rule.name for step in trail.steps]


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
    assert sum_of(weights, a, equations) == ONE
    assert sum_of(centred, a, equations) == ZERO
    assert sum_of(weights, i, equations) is None
    before = total(read("w", p, b) * u(p), (b,))
    assert apply_fact(before, weights.symbol, 1, ONE) == u(p)
    kept = total(read("w", p, b) * v(b), (b,))
    assert apply_fact(kept, weights.symbol, 1, ONE) == kept


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
