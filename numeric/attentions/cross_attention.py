"""Multi-head attention from X to a context C: Y = Σ_h attention(X W_Q, C W_K, C W_V) W_O (Vaswani et al., 2017).

Each projection is a linear map to all heads at once; its gradients are those of a linear map, as dW_Q = Xᵀ dQ.
"""

from __future__ import annotations

from ..shapes import Array, Residuals, admit, cotangent
from .attention import backward, forward

Gradients = tuple[Array, Array, Array, Array, Array, Array]


def cross_attention(X: Array, C: Array, W_Q: Array, W_K: Array, W_V: Array, W_O: Array) -> Array:
    """X[..., i, b], C[..., j, c], W_Q[b, h, d], W_K[c, h, d], W_V[c, h, e], W_O[h, e, o] -> Y[..., i, o]"""
    return cross_attention_fwd(X, C, W_Q, W_K, W_V, W_O)[0]


def cross_attention_fwd(X: Array, C: Array, W_Q: Array, W_K: Array, W_V: Array, W_O: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    signature = "X[...,i,b] C[...,j,c] W_Q[b,h,d] W_K[c,h,d] W_V[c,h,e] W_O[h,e,o]"
    X, C, W_Q, W_K, W_V, W_O = admit("cross_attention", signature, X, C, W_Q, W_K, W_V, W_O)
    O, inside = forward(to_heads(X, W_Q), to_heads(C, W_K), to_heads(C, W_V))
    A = joined(O)
    return A @ W_O.reshape(-1, W_O.shape[-1]), (X, C, W_Q, W_K, W_V, W_O, A, inside)


def cross_attention_bwd(residuals: Residuals, dY: Array) -> Gradients:
    """dY[..., i, o] -> dX[..., i, b], dC[..., j, c], dW_Q[b, h, d], dW_K[c, h, d], dW_V[c, h, e], dW_O[h, e, o]"""
    X, C, W_Q, W_K, W_V, W_O, A, inside = residuals
    dY = cotangent("cross_attention_bwd", "dY[...,i,o]", dY, (*X.shape[:-1], W_O.shape[-1]), X.dtype)
    dA = dY @ W_O.reshape(-1, W_O.shape[-1]).T
    dO = dA.reshape(*dA.shape[:-1], *W_O.shape[:2]).swapaxes(-3, -2)
    dQ, dK, dV = (joined(heads) for heads in backward(inside, dO))
    dX = back(dQ, W_Q)
    dC = back(dK, W_K)
    dC += back(dV, W_V)
    dW_Q, dW_K = outer(X, dQ, W_Q.shape), outer(C, dK, W_K.shape)
    dW_V, dW_O = outer(C, dV, W_V.shape), outer(A, dY, W_O.shape)
    return dX, dC, dW_Q, dW_K, dW_V, dW_O


def to_heads(X: Array, W: Array) -> Array:
    """X[..., t, c], W[c, h, d] -> Q[..., h, t, d]: one matrix product for all heads."""
    c, h, d = W.shape
    return (X @ W.reshape(c, h * d)).reshape(*X.shape[:-1], h, d).swapaxes(-3, -2)


def joined(heads: Array) -> Array:
    """O[..., h, t, e] -> A[..., t, he]"""
    H, n, d = heads.shape[-3:]
    return heads.swapaxes(-3, -2).reshape(*heads.shape[:-3], n, H * d)


def back(dQ: Array, W: Array) -> Array:
    """dQ[..., t, hd], W[c, h, d] -> dX[..., t, c]"""
    return dQ @ W.reshape(W.shape[0], -1).T


def outer(X: Array, dY: Array, shape: tuple[int, ...]) -> Array:
    """X[..., t, c], dY[..., t, o] -> dW = Xᵀ dY over all t, in the shape of W."""
    return (X.reshape(-1, X.shape[-1]).T @ dY.reshape(-1, dY.shape[-1])).reshape(shape)
