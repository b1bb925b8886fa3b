"""Cross-entropy of logits, where labels are the numbers of the classes, smoothed or not.

    L = -Σ_b Σ_c T[b, c] log P[b, c] / B,   P = softmax(Z),   T[b, c] = (1 - ε) [c = label[b]] + ε / C

With log P = Z - log Σ exp Z nothing is exponentiated that is not at most 0, and dZ = (P - T) / B.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..shapes import Array, Residuals, admit, cotangent, positions, row_blocks


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
    total, top, logs = Z.dtype.type(0), *np.empty((2, rows, 1), Z.dtype)
    for part in row_blocks(Z):
        top[part] = Z[part].max(axis=-1, keepdims=True)
        shifted = Z[part] - top[part]
        likely = (1 - epsilon) * np.take_along_axis(shifted, label[part, None], axis=-1)
        if epsilon:
            likely += epsilon / classes * shifted.sum(axis=-1, keepdims=True)
        logs[part] = np.log(np.exp(shifted, out=shifted).sum(axis=-1, keepdims=True))
        total += np.sum(logs[part] - likely)
    # log P = (Z - top) - logs is formed again rather than kept: Z is there already.
    return np.asarray(total / rows, Z.dtype), (Z, top, logs, label, epsilon)


def _backward(layer: str, residuals: Residuals, dL: Array) -> Array:
    Z, top, logs, label, epsilon = residuals
    dL = cotangent(layer, "dL[]", dL, (), Z.dtype)
    rows, classes = Z.shape
    share = dL / rows
    dZ = np.empty(Z.shape, share.dtype)
    for part in row_blocks(Z):
        P = Z[part] - top[part]
        P -= logs[part]
        np.exp(P, out=P)
        if epsilon:
            P -= epsilon / classes
        np.multiply(P, share, out=dZ[part])
    dZ[np.arange(rows), label] -= (1 - epsilon) * share
    return dZ
