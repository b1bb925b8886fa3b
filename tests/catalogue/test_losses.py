"""The losses: textbook forms, large logits, and what declared facts change."""

from types import SimpleNamespace

import numpy as np
import pytest
from sympy import Eq, Sum
from test_textbook import forms

import numeric
from derive.calculus.derivation import gradients
from derive.language import Tensor, axes, define, given, layer
from derive.layers.activations.log_softmax import log_softmax
from derive.layers.activations.softmax import softmax
from derive.layers.losses.binary_cross_entropy import binary_cross_entropy
from derive.layers.losses.cross_entropy import cross_entropy
from derive.layers.losses.hinge import hinge
from derive.layers.losses.huber import huber
from derive.layers.losses.info_nce import info_nce
from derive.layers.losses.kl_divergence import kl_divergence
from derive.layers.losses.label_smoothing import label_smoothing
from derive.layers.losses.least_squares import least_squares
from derive.layers.losses.logistic_loss import logistic_loss
from derive.layers.losses.mean_absolute_error import mean_absolute_error
from derive.layers.losses.mse import mse
from derive.layers.losses.ridge import ridge
from derive.lowering.render import compiled

b, c, k = axes("b=B c=C k=C")


@layer
def undeclared(Z: Tensor[b, c], T: Tensor[b, c]):
    """Cross-entropy of targets of which nothing is declared."""
    softmax(Z, over=c, name="P")
    logP = log_softmax(Z, over=c, name="logP")
    return define("L", (), -Sum(T[b, c] * logP[b, c], b, c) / b.size)


@layer
def columns(Z: Tensor[c, b], T: Tensor[c, b]):
    """Cross-entropy of one class per column."""
    given(Eq(Sum(T[c, b], c), 1))
    softmax(Z, over=c, name="P")
    logP = log_softmax(Z, over=c, name="logP")
    return define("L", (), -Sum(T[c, b] * logP[c, b], b, c) / b.size)


FORMS = [
    (log_softmax, {"S": "G - diag(G 1) exp(A)"}),
    (mse, {"Y": "2 (Y - T)/|ℓ|", "T": "-dY"}),
    (mean_absolute_error, {"R": "sign(R)/|ℓ|", "Y": "dR", "T": "-dR"}),
    (huber, {"R": "(R ⊙ [|R| ≤ δ] + δ sign(R) ⊙ [|R| > δ])/|ℓ|", "Y": "dR", "T": "-dR"}),
    (hinge, {"Y": "-T ⊙ [T ⊙ Y < 1]/|ℓ|", "T": "-Y ⊙ [Y ⊙ T < 1]/|ℓ|"}),
    (logistic_loss, {"Z": "-T ⊙ sigmoid(-T ⊙ Z)/|ℓ|", "T": "-Z ⊙ sigmoid(-Z ⊙ T)/|ℓ|"}),
    (binary_cross_entropy, {"Z": "(sigmoid(Z) - T)/|ℓ|", "T": "-Z/|ℓ|"}),
    (cross_entropy, {"logP": "-T/B", "Z": "(P - T)/B", "T": "-logP/B"}),
    (undeclared, {"logP": "-T/B", "Z": "(diag(T 1) P - T)/B", "T": "-logP/B"}),
    (columns, {"logP": "-T/B", "Z": "(P - T)/B", "T": "-logP/B"}),
    (
        label_smoothing,
        {"logP": "-S/B", "S": "-logP/B", "Z": "(P - S)/B", "T": "-(1 - ε) logP/B"},
    ),
    (
        kl_divergence,
        {
            "D": "1/n",
            "P": "(logP - logQ)/n",
            "logP": "P/n",
            "logQ": "-P/n",
            "A": "P ⊙ (logP - logQ - D 1ᵀ)/n",
            "B": "(Q - P)/n",
        },
    ),
    (
        info_nce,
        {"logP": "-I/n", "S": "(P - I)/n", "U": "dS V/temperature", "V": "dSᵀ U/temperature"},
    ),
    (least_squares, {"X": "2 (X W - Y) Wᵀ", "W": "2 Xᵀ (X W - Y)", "Y": "-2 (X W - Y)"}),
    (ridge, {"X": "2 (X w - y) wᵀ", "w": "2 (Xᵀ (X w - y) + penalty w)", "y": "-2 (X w - y)"}),
]


@pytest.mark.parametrize(("of", "expected"), FORMS, ids=[of.name for of, _ in FORMS])
def test_the_textbook_form(of, expected):
    assert forms(of) == expected


def test_the_declared_fact_is_a_step():
    """Named after the fact, and only where it is declared."""
    names = {of: [s.rule.name for s in gradients(of)["Z"].steps] for of in (cross_entropy, undeclared, label_smoothing)}
    assert "declared: sum of T over c" in names[cross_entropy]
    assert not any("sum of" in name for name in names[undeclared])
    assert "fact: sum of S over c" in names[label_smoothing]


# finite everywhere that the mathematics is


def codes(of):
    """The three functions of a layer, generated and handwritten."""
    generated = compiled(of)
    for module in (generated, numeric):
        yield SimpleNamespace(**{kind: getattr(module, f"{of.name}{kind}") for kind in ("_fwd", "_bwd")})


EXTREMES = np.float32([[1000, -1000, 0], [-1000, -1000, -1000], [1000, 1000, 999], [0, 1, -1]])
ONE_HOT = np.eye(3, dtype=np.float32)[[1, 0, 2, 0]]
SIGNS = np.float32([[1, -1, 1], [-1, 1, 1], [1, 1, -1], [-1, -1, 1]])
BOTH = {of.name: (of, targets) for of, targets in [(cross_entropy, ONE_HOT), (label_smoothing, ONE_HOT)]}
LARGE = {
    **BOTH,
    "kl_divergence": (kl_divergence, EXTREMES[::-1].copy()),
    "binary_cross_entropy": (binary_cross_entropy, ONE_HOT),
    "logistic_loss": (logistic_loss, SIGNS),
    "hinge": (hinge, SIGNS),
    "huber": (huber, ONE_HOT),
    "mean_absolute_error": (mean_absolute_error, ONE_HOT),
}


@pytest.mark.parametrize("name", LARGE)
def test_scores_of_a_thousand(name):
    """No overflow, nothing that is not a number, and both codes say the same. (Underflow to 0 is the right value.)"""
    of, other = LARGE[name]
    found = []
    for code in codes(of):
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            loss, residuals = code._fwd(EXTREMES, other)
            found.append((loss, *code._bwd(residuals, np.float32(1))))
    for generated, handwritten in zip(*found, strict=True):
        assert np.isfinite(generated).all() and generated.dtype == np.float32
        np.testing.assert_allclose(generated, handwritten, rtol=1e-5, atol=1e-6)


def test_pairs_that_are_far_apart():
    """InfoNCE of inner products of ±1000."""
    U = np.float32([[1000], [-1000], [0]])
    V = np.float32([[-1], [1], [1]])
    for code in codes(info_nce):
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            loss, residuals = code._fwd(U, V)
            dU, dV = code._bwd(residuals, np.float32(1))
        assert loss == pytest.approx((8000 + np.log(2) + np.log(3)) / 3, rel=1e-5)
        assert np.isfinite(dU).all() and np.isfinite(dV).all()


def test_a_confident_and_right_answer_has_a_small_loss_with_its_digits():
    """log P of a probability that rounds to 1 is -exp(-20), not 0."""
    Z, T = np.array([[20.0, 0.0]]), np.array([[1.0, 0.0]])
    for code in codes(cross_entropy):
        assert code._fwd(Z, T)[0] == pytest.approx(np.log1p(np.exp(-20.0)), rel=1e-6)


# with the handwritten activation


def test_log_softmax_of_a_thousand():
    for code in codes(log_softmax):
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            A, residuals = code._fwd(EXTREMES)
            dS = code._bwd(residuals, np.ones_like(A))
        assert np.isfinite(A).all() and np.isfinite(dS).all()
        np.testing.assert_allclose(A[0], [0, -2000, -1000])
