"""Multi-head self-attention: attention from X to itself, with its projections (Vaswani et al., 2017).

X is both the source and the context, so that its gradient is the sum of theirs.
"""

from __future__ import annotations

from ..shapes import Array, Residuals, admit, cotangent
from .cross_attention import cross_attention_bwd, cross_attention_fwd


def multi_head_attention(X: Array, W_Q: Array, W_K: Array, W_V: Array, W_O: Array) -> Array:
    """X[..., t, c], W_Q[c, h, d], W_K[c, h, d], W_V[c, h, e], W_O[h, e, o] -> Y[..., t, o]"""
    return multi_head_attention_fwd(X, W_Q, W_K, W_V, W_O)[0]


def multi_head_attention_fwd(X: Array, W_Q: Array, W_K: Array, W_V: Array, W_O: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    signature = "X[...,t,c] W_Q[c,h,d] W_K[c,h,d] W_V[c,h,e] W_O[h,e,o]"
    X, W_Q, W_K, W_V, W_O = admit("multi_head_attention", signature, X, W_Q, W_K, W_V, W_O)
    return cross_attention_fwd(X, X, W_Q, W_K, W_V, W_O)


def multi_head_attention_bwd(residuals: Residuals, dY: Array) -> tuple[Array, Array, Array, Array, Array]:
    """dY[..., t, o] -> dX[..., t, c], dW_Q[c, h, d], dW_K[c, h, d], dW_V[c, h, e], dW_O[h, e, o]"""
    X, W_O = residuals[0], residuals[5]
    dY = cotangent("multi_head_attention_bwd", "dY[...,t,o]", dY, (*X.shape[:-1], W_O.shape[-1]), X.dtype)
    dX, dC, dW_Q, dW_K, dW_V, dW_O = cross_attention_bwd(residuals, dY)
    dX += dC
    return dX, dW_Q, dW_K, dW_V, dW_O
