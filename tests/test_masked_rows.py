"""Sums that may be empty, and exponentials that may all be 0: what the lowering knows of them, on layers of its own."""

import numpy as np
import pytest
from sympy import And, Gt, Symbol, exp
from sympy import Sum as Total

from derive.core.atoms import Bracket, Maximum, Read, Test
from derive.core.axes import Affine, Index
from derive.core.terms import Expr, add, apply, atom, multiply, read, total
from derive.language import Tensor, axes, define, layer, where
from derive.lowering.conditions import LOWEST, larger
from derive.lowering.positivity import redundant, vanishes_with
from derive.lowering.render import compiled, numpy_source
from derive.lowering.signs import lowered_by_maximum
from derive.lowering.stability import shift

n = Symbol("n", integer=True, positive=True)
i, j, k = (Index(name, n) for name in "ijk")


def S(x, y):
    return read("S", x, y)


def below(x, y):
    return Bracket(">=", Affine.build([(x, 1), (y, -1)], -1))


def factors(value: Expr):
    assert value.only is not None
    return value.only.factors


# a sum of what is never negative


def test_the_condition_that_there_is_anything_is_redundant_beside_a_part_of_it():
    """[Σ_k f_k > 0] f_j = f_j"""
    weights = total(apply("exp", S(i, k)), (k,))
    asked = Test(">", weights)
    assert redundant(asked, factors(apply("exp", S(i, j)) * read("u", j)), {})
    assert not redundant(asked, factors(apply("exp", S(j, i)) * read("u", j)), {})
    assert not redundant(asked, factors(read("u", j)), {})
    # Of numbers of either sign, the sum may be 0 where a part of it is not.
    assert not redundant(Test(">", total(S(i, k), (k,))), factors(S(i, j)), {})


def test_a_quotient_of_a_part_by_the_sum_is_0_by_0_at_worst():
    weights = total(multiply(atom(below(i, k)), apply("exp", S(i, k))), (k,))
    part = factors(multiply(atom(below(i, j)), apply("exp", S(i, j))))
    assert vanishes_with(weights, part, {})
    assert not vanishes_with(weights, part[1:], {})
    # Where the sum is never empty, nothing has to be done.
    always = total(multiply(atom(Bracket(">=", Affine.of(i) - Affine.of(k))), apply("exp", S(i, k))), (k,))
    assert not vanishes_with(
        always, factors(multiply(atom(Bracket(">=", Affine.of(i) - Affine.of(j))), apply("exp", S(i, j)))), {}
    )


# the shift by a maximum


def test_a_value_is_never_above_its_maximum():
    largest = atom(Maximum(S(i, k), (k,)))
    assert lowered_by_maximum(S(i, j) - largest)
    assert lowered_by_maximum(add(S(i, j), -larger(largest, read(LOWEST))))
    assert not lowered_by_maximum(S(j, i) - largest)
    assert not lowered_by_maximum(2 * S(i, j) - largest)


def test_a_sum_that_is_asked_whether_it_is_0_is_shifted_by_a_finite_number():
    weights = total(apply("exp", S(i, k)), (k,))
    shifted = shift(multiply(atom(Test(">", weights)), read("u", i)))
    (test,) = [a for a, _ in factors(shifted) if isinstance(a, Test)]
    bound = larger(atom(Maximum(S(i, k), (k,))), read(LOWEST))
    assert test.argument != weights
    assert any(isinstance(a, Read) and a.tensor == LOWEST for a, _ in bound.terms[1].factors)
    assert LOWEST in test.argument.key


# layers

t, u, v = axes("t=T u=U v=U")


@layer
def recent_mean(W: Tensor[..., t, u], x: Tensor[..., u]):
    """A mean of what lies strictly before, weighted by exponentials; 0 where nothing does."""
    Z = Total(where(And(v < t, t - 3 <= v), exp(W[..., t, v])), v)
    A = define("A", (..., t, u), where(And(u < t, t - 3 <= u), exp(W[..., t, u]) / Z))
    return define("y", (..., t), Total(A[..., t, u] * x[..., u], u))


@layer
def shares(W: Tensor[..., u]):
    """Shares of weights of which some, or all, are exp(-∞)."""
    Z = Total(exp(W[..., v]), v)
    return define("q", (..., u), where(Gt(Z, 0, evaluate=False), exp(W[..., u]) / Z))


def test_an_empty_mean_is_0_and_has_no_gradient():
    module = compiled(recent_mean)
    rng = np.random.default_rng(3)
    W, x = 1000 * rng.normal(size=(2, 9, 4)).astype("float32"), rng.normal(size=(2, 4)).astype("float32")
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        y, residuals = module.recent_mean_fwd(W, x)
        dW, dx = module.recent_mean_bwd(residuals, np.ones_like(y))
    empty = [0, 7, 8]
    assert not y[:, empty].any() and not dW[:, empty].any()
    assert np.isfinite(y).all() and np.isfinite(dW).all() and np.isfinite(dx).all()
    np.testing.assert_allclose(y[:, 1], x[:, 0], rtol=1e-6)


@pytest.mark.parametrize("size", [0, 3])
def test_shares_of_nothing_are_0(size):
    W = np.full((2, size), -np.inf)
    W[1, 1:] = 1000
    with np.errstate(all="raise"):
        q, residuals = compiled(shares).shares_fwd(W)
        dW = compiled(shares).shares_bwd(residuals, np.arange(2.0 * size).reshape(2, size))
    assert not q[0].any() and not dW[0].any()
    np.testing.assert_array_equal(q[1], [0, 0.5, 0.5] if size else [])


def test_the_code_divides_by_1_in_the_place_of_0_once_for_a_row():
    source = numpy_source(shares)
    assert "q /= np.where(q_sum > 0, q_sum, 1)[..., None]" in source
    assert "initial=np.finfo(W.dtype).min" in source and "np.where(q_sum > 0, q /" not in source
