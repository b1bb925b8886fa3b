"""A normalised value that is summed over pairs is not formed: its numerator is summed, and what is smaller divided."""

import numpy as np
import pytest
from sympy import Sum, exp

from derive.calculus.derivation import gradients
from derive.language import Max, Tensor, axes, define, iverson, layer
from derive.layers.activations.softmax import softmax
from derive.lowering.quotients import with_divisions_last
from derive.lowering.render import compiled, numpy_source
from derive.witnesses.check import check_layer

i, j, d, e = axes("i=n j=m d=d_k e=d_v")


@layer
def pooled(S: Tensor[..., i, j], V: Tensor[..., j, e]):
    """Softmax, then a sum."""
    P = softmax(S, over=j, name="P")
    return define("O", (..., i, e), Sum(P[..., i, j] * V[..., j, e], j))


@layer
def masked(S: Tensor[..., i, j], V: Tensor[..., j, e]):
    """With a condition that always holds somewhere."""
    P = define("P", (..., i, j), exp(S[..., i, j]) * iverson(j <= i) / Sum(exp(S[..., i, j]) * iverson(j <= i), j))
    return define("O", (..., i, e), Sum(P[..., i, j] * V[..., j, e], j))


@layer
def handed_back(S: Tensor[i, j], V: Tensor[j, e]):
    """The quotient itself is wanted."""
    P = softmax(S, over=j, name="P")
    return P, define("O", (i, e), Sum(P[i, j] * V[j, e], j))


@layer
def compared(S: Tensor[i, j], T: Tensor[i, j]):
    """The quotient is summed, and its gradient is as large as it is."""
    P = softmax(S, over=j, name="P")
    return define("L", (), Sum(P[i, j] * (P[i, j] - T[i, j]), i, j))


@layer
def of_others(S: Tensor[i, j], W: Tensor[i, j], V: Tensor[j, e]):
    """The divisor is another sum than that of the numerators."""
    P = define("P", (i, j), exp(S[i, j]) / Sum(exp(S[i, j]) * W[i, j] ** 2, j))
    return define("O", (i, e), Sum(P[i, j] * V[j, e], j))


@layer
def perhaps_empty(S: Tensor[i, j], V: Tensor[j, e]):
    """Rows in which no condition may hold."""
    kept = iverson(j + 2 <= i)
    P = define("P", (i, j), exp(S[i, j]) * kept / Sum(exp(S[i, j]) * kept, j))
    return define("O", (i, e), Sum(P[i, j] * V[j, e], j))


@layer
def taken(S: Tensor[i, j], E: Tensor[j, e]):
    """The name E is the author's."""
    P = softmax(S, over=j, name="P")
    return define("O", (i, e), Sum(P[i, j] * E[j, e], j))


@layer
def largest(S: Tensor[i, j], V: Tensor[j, e]):
    """Another read of the quotient than in a product."""
    P = softmax(S, over=j, name="P")
    M = define("M", (i,), Max(P[i, j], j))
    return define("O", (i, e), M[i] * Sum(P[i, j] * V[j, e], j))


@layer
def twice(S: Tensor[..., i, j], T: Tensor[..., j, i], V: Tensor[..., i, e]):
    """Two of them, one on what the other gives."""
    P = softmax(S, over=j, name="P")
    H = define("H", (..., i), Sum(P[..., i, j] * T[..., j, i], j))
    Q = softmax(H, over=i, name="Q")
    return define("O", (..., e), Sum(Q[..., i] * V[..., i, e], i))


@layer
def nested(S: Tensor[..., i, j], T: Tensor[..., j, e], V: Tensor[..., e, d]):
    """The second has the first in its exponents."""
    P = softmax(S, over=j, name="P")
    above = exp(Sum(P[..., i, j] * T[..., j, e], j))
    Q = define("Q", (..., i, e), above / Sum(above, e))
    return define("O", (..., i, d), Sum(Q[..., i, e] * V[..., e, d], e))


SPLIT = (pooled, masked, taken)
WHOLE = (handed_back, compared, of_others, perhaps_empty, largest)


def residuals(of):
    _, saved = compiled(of), numpy_source(of)
    return saved.partition("_bwd needs: ")[2].partition('."""')[0].split(", ")


@pytest.mark.parametrize("of", SPLIT, ids=lambda of: of.name)
def test_numerator_and_divisor_are_handed_over(of):
    assert check_layer(of).ok
    assert "Z" in residuals(of)
    assert "P" not in residuals(of)


@pytest.mark.parametrize("of", WHOLE, ids=lambda of: of.name)
def test_what_would_be_divided_as_often_is_divided_at_once(of):
    derived = gradients(of)
    assert with_divisions_last(derived.layer, derived.backward) == (derived.layer, derived.backward)
    assert check_layer(of).ok


@pytest.mark.parametrize("of", [twice, nested], ids=lambda of: of.name)
def test_one_after_the_other(of):
    assert check_layer(of).ok
    assert "Z" in residuals(of)


def test_the_cotangent_is_divided_once():
    code = numpy_source(pooled).partition("_bwd(")[2]
    assert code.count("dO[at] / Z[at][..., None]") == 1
    assert "dV[at]" in code
    assert "np.matmul(E[at].mT, dO_scaled, out=dV[at])" in code


def test_the_names_are_none_of_the_authors():
    assert "E_2[" in numpy_source(taken)
    assert check_layer(taken).ok


def test_large_scores_do_not_overflow():
    rng = np.random.default_rng(0)
    S, V = 1000 * rng.standard_normal((3, 4)), rng.standard_normal((4, 2))
    module = compiled(pooled)
    O, saved = module.pooled_fwd(S, V)
    weights = np.exp(S - S.max(axis=-1, keepdims=True))
    np.testing.assert_allclose(O, weights / weights.sum(axis=-1, keepdims=True) @ V, rtol=1e-12)
    assert all(np.isfinite(g).all() for g in module.pooled_bwd(saved, np.ones_like(O)))


def test_the_comment_says_what_is_computed():
    lines = numpy_source(pooled).splitlines()
    place = next(n for n, line in enumerate(lines) if "# E[..., i, j] = exp(S[..., i, j] - max_k" in line)
    assert "shifted" not in lines[place + 1]
