"""Cross-entropy of a two-layer perceptron: the loss that a classifier is trained by.

Composed of its layers; the backward is theirs in reverse.
"""

from __future__ import annotations

from typing import Any

from ..losses.sparse_cross_entropy import sparse_cross_entropy_bwd, sparse_cross_entropy_fwd
from ..shapes import Array, Residuals, admit
from .mlp import mlp_bwd, mlp_fwd


def classifier(X: Array, label: Any, W1: Array, b1: Array, W2: Array, b2: Array) -> Array:
    """X[b, i], label[b], W1[i, h], b1[h], W2[h, c], b2[c] -> L"""
    return classifier_fwd(X, label, W1, b1, W2, b2)[0]


def classifier_fwd(X: Array, label: Any, W1: Array, b1: Array, W2: Array, b2: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    X, W1, b1, W2, b2 = admit("classifier", "X[b,i] W1[i,h] b1[h] W2[h,c] b2[c]", X, W1, b1, W2, b2)
    Z, network = mlp_fwd(X, W1, b1, W2, b2)
    L, loss = sparse_cross_entropy_fwd(Z, label)
    return L, (network, loss)


def classifier_bwd(residuals: Residuals, dL: Array) -> tuple[Array, Array, Array, Array, Array]:
    """dL -> dX[b, i], dW1[i, h], db1[h], dW2[h, c], db2[c]"""
    network, loss = residuals
    return mlp_bwd(network, sparse_cross_entropy_bwd(loss, dL))
