"""Logarithms of a softmax or a sigmoid that somebody wrote by hand: finite wherever the mathematics is."""

import numpy as np
import pytest
from sympy import Sum, exp, log

from derive import Tensor, axes, check, compiled, define, gradients, iverson, layer, numpy_source, sigmoid
from derive.layers.activations.softmax import softmax
from derive.lowering.logarithms import with_logarithms

b, c, k, q = axes("b=B c=B k=K q=m")


@layer
def picked(Z: Tensor[b, k], label: Tensor[b].into(k)):
    P = softmax(Z, over=k, name="P")
    return define("L", (), -Sum(log(P[b, label[b]]), b))


@layer
def entropy(Z: Tensor[b, k]):
    P = softmax(Z, over=k, name="P")
    return define("H", (b,), -Sum(P[b, k] * log(P[b, k]), k))


@layer
def coded(x: Tensor[b], t: Tensor[b]):
    p = define("p", (b,), sigmoid(x[b]))
    return define("L", (), -Sum(t[b] * log(p[b]) + (1 - t[b]) * log(1 - p[b]), b))


@layer
def unnamed(x: Tensor[b], t: Tensor[b]):
    return define("L", (), -Sum(t[b] * log(sigmoid(2 * x[b])) + log(exp(x[b]) / Sum(exp(x[c]), c)), b))


LAYERS = {of.name: of for of in (picked, entropy, coded, unnamed)}


@pytest.mark.parametrize("name", LAYERS)
def test_every_witness_agrees(name):
    assert check(LAYERS[name]).ok


def loss_at(name, dtype):
    run, rng = compiled(LAYERS[name]), np.random.default_rng(3)
    large = np.array([[1000, -1000, 0], [-1000, 3, 1000]], dtype)
    rest = {"picked": [np.array([1, 0])], "entropy": [], "coded": [dtype([1, 0, 0.5])], "unnamed": [dtype([1, 0, 0.5])]}
    first = large if name in ("picked", "entropy") else large[0]
    value, residuals = getattr(run, f"{name}_fwd")(first, *rest[name])
    found = getattr(run, f"{name}_bwd")(residuals, np.asarray(rng.standard_normal(np.shape(value)), dtype))
    return value, found if isinstance(found, tuple) else (found,)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", LAYERS)
def test_logits_of_a_thousand_have_finite_logarithms(name, dtype):
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        value, found = loss_at(name, dtype)
    assert np.all(np.isfinite(value))
    assert all(np.all(np.isfinite(gradient)) for gradient in found)


def test_the_logarithm_of_what_underflows_is_exact():
    value, _ = loss_at("picked", np.float64)
    assert value == 2000 + 2000
    assert loss_at("entropy", np.float64)[0].tolist() == [0, 0]


def test_the_backward_pass_keeps_a_logarithm_that_it_reads_and_no_other():
    assert [s.name for s in with_logarithms(*both(entropy))[1].arguments] == ["P", "H", "log_P", "dH"]
    assert [s.name for s in with_logarithms(*both(picked))[1].arguments] == ["label", "P", "dL"]


def both(of):
    derived = gradients(of)
    return derived.layer, derived.backward


@layer
def shifted(Z: Tensor[b, k], w: Tensor[q]):
    """P[b, q + 1] is 0 where there is no such entry, and its logarithm is minus infinity and not 0."""
    P = softmax(Z, over=k, name="P")
    return define("Y", (b, q), w[q] * exp(2 * log(P[b, q + 1])))


@layer
def halved(Z: Tensor[b, k]):
    """Not a product of exponentials: half of one."""
    P = define("P", (b, k), exp(Z[b, k]) / 2)
    return define("Y", (b, k), log(P[b, k] + iverson(k > 1)))


@pytest.mark.parametrize("of", [shifted, halved], ids=lambda of: of.name)
def test_other_logarithms_are_left_as_they_are(of):
    assert with_logarithms(*both(of)) == both(of)
    assert "log_P" not in numpy_source(of)


def test_a_name_that_is_taken_is_not_given_twice():
    @layer
    def taken(Z: Tensor[b, k], log_P: Tensor[b, k]):
        P = softmax(Z, over=k, name="P")
        return define("L", (), Sum(log_P[b, k] * log(P[b, k]), b, k))

    assert check(taken).ok
