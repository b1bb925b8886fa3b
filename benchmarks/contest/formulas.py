"""The layers as their users write them in a library with NumPy's names: for JAX and for HIPS autograd.

`xp` is the library's namespace; what the two spell differently is in `Spelling`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Tensor = Any


@dataclass(frozen=True)
class Spelling:
    xp: Any
    erf: Callable[[Tensor], Tensor]
    softmax: Callable[[Tensor], Tensor]
    log_softmax: Callable[[Tensor], Tensor]


def formulas(spelling: Spelling) -> dict[str, Callable[..., Tensor]]:
    """Layer's name -> function of its arguments; convolutions aside, which have no spelling in common."""
    xp, softmax = spelling.xp, spelling.softmax

    def linear(X, W, b):
        return X @ W + b

    def mlp4(X, *parameters):
        for n in range(0, len(parameters), 2):
            X = linear(xp.maximum(X, 0) if n else X, *parameters[n : n + 2])
        return X

    def scores(Q, K):
        return Q @ xp.swapaxes(K, -1, -2) / math.sqrt(Q.shape[-1])

    def attention(Q, K, V):
        return softmax(scores(Q, K)) @ V

    def causal_attention(Q, K, V):
        seen = xp.tril(xp.ones((Q.shape[-2], K.shape[-2]), dtype=bool))
        return softmax(xp.where(seen, scores(Q, K), -xp.inf)) @ V

    def layer_norm(X, gamma, beta):
        centred = X - xp.mean(X, axis=-1, keepdims=True)
        variance = xp.mean(centred * centred, axis=-1, keepdims=True)
        return centred / xp.sqrt(variance + 1e-5) * gamma + beta

    def cross_entropy(Z, T):
        return -xp.sum(T * spelling.log_softmax(Z)) / Z.shape[0]

    def sparse_cross_entropy(Z, label):
        return -xp.sum(spelling.log_softmax(Z)[xp.arange(Z.shape[0]), label]) / Z.shape[0]

    def heads(X, W):
        projected = X @ xp.reshape(W, (W.shape[0], -1))
        return xp.swapaxes(xp.reshape(projected, (*X.shape[:-1], *W.shape[1:])), -3, -2)

    def transformer_block(X, gamma1, beta1, W_Q, W_K, W_V, W_O, gamma2, beta2, W1, b1, W2, b2):
        N = layer_norm(X, gamma1, beta1)
        O = xp.swapaxes(attention(heads(N, W_Q), heads(N, W_K), heads(N, W_V)), -3, -2)
        R = X + xp.reshape(O, (*X.shape[:-1], -1)) @ xp.reshape(W_O, (-1, W_O.shape[-1]))
        H = linear(layer_norm(R, gamma2, beta2), W1, b1)
        return R + linear(0.5 * H * (1 + spelling.erf(H / math.sqrt(2))), W2, b2)

    table = (
        linear,
        mlp4,
        attention,
        causal_attention,
        layer_norm,
        cross_entropy,
        sparse_cross_entropy,
        transformer_block,
    )
    return {function.__name__: function for function in table}
