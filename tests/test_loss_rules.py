"""The rules that losses brought, each on an expression that no layer has."""

import numpy as np
from sympy import Sum, Symbol
from test_textbook import forms
from values import value_at

from derive.api import show
from derive.calculus.collect import collect
from derive.calculus.reuse import reuse
from derive.calculus.simplify import Context, is_multiple, simplify
from derive.calculus.steps import Trail
from derive.core.atoms import Bracket
from derive.core.axes import Affine, Index
from derive.core.layer import Equation
from derive.core.layer import Symbol as Named
from derive.core.terms import apply, atom, multiply, power, read, scale, total
from derive.language import Parameter, Tensor, axes, define, layer

SIZES = {"n": 3, "m": 5}
n, m = (Symbol(name, integer=True, positive=True) for name in "nm")
i, j, k, p = (Index(name, n) for name in "ijkp")
a, q = Index("a", m), Index("q", m)


def A(x, y):
    return read("A", x, y)


def u(x):
    return read("u", x)


def same_value(before, after):
    np.testing.assert_allclose(value_at(after, SIZES, like=before), value_at(before, SIZES), rtol=1e-12)


def test_an_exponential_of_a_named_logarithm():
    """A[i, j] / Σ_k A[i, k]² is exp(Y[i, j]), where Y = log A - log Σ_k A[i, k]²."""
    square = total(power(A(i, k), 2), (k,))
    equation = Equation(Named("Y", (i, j)), apply("log", A(i, j)) - apply("log", square))
    before = multiply(u(p), A(p, q), power(total(power(A(p, a), 2), (a,)), -1))
    assert reuse(before, equation) == before, "q runs over another size than j"
    before = multiply(u(p), A(p, j), power(total(power(A(p, k), 2), (k,)), -1))
    assert reuse(before, equation) == multiply(u(p), apply("exp", read("Y", p, j)))


def test_the_exponential_of_a_logarithm_is_what_it_was_taken_of():
    assert apply("exp", scale(apply("log", u(i)), 3)) == power(u(i), 3)
    assert apply("exp", apply("log", u(i)) + u(j)) == multiply(u(i), apply("exp", u(j)))


def test_collect_takes_out_a_sign_with_a_number():
    before = scale(A(i, a), -2) - scale(u(i), 6)
    assert collect(before) == scale(A(i, a) + scale(u(i), 3), -2)
    same_value(before, collect(before))


def test_deltas_that_come_with_a_definition_are_contracted():
    delta = atom(Bracket("==", Affine.of(j) - Affine.of(p)))
    trail = Trail(total(A(j, a) * delta, (j,)))
    simplify(trail, Context.from_equations([]))
    assert trail.value == A(p, a)
    assert [s.rule.name for s in trail.steps] == ["contract deltas"]


def test_what_is_a_multiple_of_another_value_has_no_need_of_a_name():
    assert is_multiple(scale(A(i, a), -2) / read("n")) and is_multiple(multiply(read("n")))
    assert not is_multiple(A(i, a) * u(i)) and not is_multiple(power(u(i), 2)) and not is_multiple(total(u(i), (i,)))


# The same on layers: identities, scalars among matrices, multiples put in.

r, s, t = axes("r=n s=n t=d")


@layer
def self_distance(X: Tensor[r, t], W: Parameter[t]):
    """A matrix of inner products, of which the diagonal counts."""
    S = define("S", (r, s), Sum(X[r, t] * X[s, t] * W[t], t) + 3)
    return define("y", (r,), S[r, r] * 2 - Sum(S[r, s], s))


@layer
def twice_used(X: Tensor[r, t], W: Parameter[t]):
    """The adjoint of E is a multiple of E, and two gradients need it."""
    E = define("E", (r, t), X[r, t] * W[t])
    return define("L", (), Sum(E[r, t] ** 2, r, t) / r.size)


def test_a_number_among_matrices_stands_for_all_entries():
    assert "S = X diag(W) Xᵀ + 3" in show(self_distance)


def test_the_identity_is_printed_as_one():
    assert forms(self_distance)["S"] == "diag(g) (2 I - 1)"


def test_a_multiple_of_a_value_is_put_in():
    assert forms(twice_used) == {"E": "2 E/n", "X": "2 E diag(W)/n", "W": "2 (X ⊙ E)ᵀ 1/n"}
