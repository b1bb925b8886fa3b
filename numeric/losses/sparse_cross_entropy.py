"""Cross-entropy of logits, where labels are the numbers of the classes, smoothed or not.

    L = -Σ_b Σ_c T[b, c] log P[b, c] / B,   P = softmax(Z),   T[b, c] = (1 - ε) [c = label[b]] + ε / C

With log P = Z - log Σ exp Z nothing is exponentiated that is not at most 0, and dZ = (P - T) / B.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..shapes import Array, Residuals, admit, cotangent, positions


def sparse_cross_entropy(Z: Array, label: Any) -> Array:
    """Z[b, c], label[b] -> L"""
    return sparse_cross_entropy_fwd(Z, label)[0]


def sparse_cross_entropy_fwd(Z: Array, label: Any) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    return _forward("sparse_cross_entropy", Z, label, 0.0)


def sparse_cross_entropy_bwd(residuals: Residuals, dL: Array) -> Array:
    """dL -> dZ[b, c]"""
    return _backward("sparse_cross_entropy_bwd", residuals, dL)


def smoothed_cross_entropy(Z: Array, label: Any, *, epsilon: float = 0.1) -> Array:
    """Z[b, c], label[b] -> L"""
    return smoothed_cross_entropy_fwd(Z, label, epsilon=epsilon)[0]


def smoothed_cross_entropy_fwd(Z: Array, label: Any, *, epsilon: float = 0.1) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    return _forward("smoothed_cross_entropy", Z, label, epsilon)


def smoothed_cross_entropy_bwd(residuals: Residuals, dL: Array) -> Array:
    """dL -> dZ[b, c]"""
    return _backward("smoothed_cross_entropy_bwd", residuals, dL)


def _forward(layer: str, Z: Array, label: Any, epsilon: float) -> tuple[Array, Residuals]:
    [Z] = admit(layer, "Z[b,c]", Z)
    rows, classes = Z.shape
    label = positions(layer, "label[b]", label, classes, rows)
    logarithms = Z - Z.max(axis=-1, keepdims=True)
    P = np.exp(logarithms)
    total = P.sum(axis=-1, keepdims=True)
    logarithms -= np.log(total)
    P /= total
    L = -(1 - epsilon) * logarithms[np.arange(rows), label].sum()
    if epsilon:
        L -= epsilon / classes * logarithms.sum()
    return np.asarray(L / rows, Z.dtype), (P, label, epsilon)


def _backward(layer: str, residuals: Residuals, dL: Array) -> Array:
    P, label, epsilon = residuals
    dL = cotangent(layer, "dL[]", dL, (), P.dtype)
    rows, classes = P.shape
    dZ = P - epsilon / classes
    dZ[np.arange(rows), label] -= 1 - epsilon
    dZ *= dL / rows
    return dZ
