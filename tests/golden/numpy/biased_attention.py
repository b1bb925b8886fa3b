"""Attention with a bias O = softmax(Q Kᵀ / √d_k + B) V (Raffel et al., T5, 2020).

A bias of -∞ masks a key. Where a row has no other, Σ_k exp(S[k]) is 0, and so are P and O.

Each gradient is shaped like its variable: dQ like Q.
... stands for any number of leading axes.
"""

# ruff: noqa: E741, RUF100 (the names are those of the equations)

import math

import numpy as np


def _floating(*arrays):
    """The arguments as arrays of their common floating type; integers become float64."""
    arrays = [np.asarray(array) for array in arrays]
    dtype = np.result_type(*arrays)
    if not np.issubdtype(dtype, np.inexact):
        dtype = np.float64
    return [array.astype(dtype, copy=False) for array in arrays]


def _check(function, /, **arguments):
    """Raise a ValueError unless every axis has one size throughout; an argument is (array, "names of its axes")."""
    known = {}
    for name, (array, axes) in arguments.items():
        array, axes = np.asarray(array), axes.split()
        if array.dtype.kind not in "biufc":
            raise ValueError(f"{function}: {name} is an array of {array.dtype}, expected numbers.")
        leading = axes[:1] == ["..."]
        named = len(axes) - leading
        if array.ndim < named or (array.ndim > named and not leading):
            expected = f"at least {named}" if leading else named
            entry = f"{name}[{', '.join(axes)}]"
            raise ValueError(f"{function}: {entry} has shape {array.shape}, expected {expected} axes.")
        split = array.ndim - named
        sizes = [array.shape[:split], *array.shape[split:]] if leading else array.shape
        for axis, size in zip(axes, sizes, strict=True):
            expected, source = known.setdefault(axis, (size, name))
            if size != expected:
                raise ValueError(
                    f"{function}: axis {axis} of {name} has size {size}, expected {expected} (axis {axis} of {source})."
                )


def biased_attention(Q, K, V, B):
    """Attention with a bias O = softmax(Q Kᵀ / √d_k + B) V (Raffel et al., T5, 2020).

    Q: (..., n, d_k), K: (..., m, d_k), V: (..., m, d_v), B: (..., n, m) -> O: (..., n, d_v)
    """
    return biased_attention_fwd(Q, K, V, B)[0]


def biased_attention_fwd(Q, K, V, B):
    """The output O, and what biased_attention_bwd needs: Q, K, V, P, O."""
    _check(
        "biased_attention",
        Q=(Q, "... i d"),
        K=(K, "... j d"),
        V=(V, "... j e"),
        B=(B, "... i j"),
    )
    Q, K, V, B = _floating(Q, K, V, B)
    d_k = Q.shape[-1]
    # S[..., i, j] = Σ_d Q[..., i, d] K[..., j, d] / √d_k + B[..., i, j]
    S = Q / math.sqrt(d_k) @ K.mT + B
    # P[..., i, j] = exp(S[..., i, j]) [Σ_k exp(S[..., i, k]) > 0] / (Σ_k exp(S[..., i, k]))
    # (shifted by the maximum: exp cannot overflow, and the value is the same)
    S -= S.max(axis=-1, keepdims=True, initial=np.finfo(Q.dtype).min)
    P = np.exp(S, out=S)
    P_sum = P.sum(axis=-1)
    P /= np.where(P_sum > 0, P_sum, 1)[..., None]
    # O[..., i, e] = Σ_j V[..., j, e] P[..., i, j]
    O = P @ V
    return O, (Q, K, V, P, O)


def biased_attention_bwd(residuals, dO):
    """The gradients dQ, dK, dV, dB, given the cotangent dO.

    dO: (..., n, d_v) -> dQ: (..., n, d_k), dK: (..., m, d_k), dV: (..., m, d_v), dB: (..., n, m)
    """
    Q, K, V, P, O = residuals
    dO = np.asarray(dO, dtype=Q.dtype)
    _check("biased_attention_bwd", O=(O, "... i e"), dO=(dO, "... i e"))
    d_k = Q.shape[-1]
    # delta[..., i] = Σ_e dO[..., i, e] O[..., i, e]
    delta = np.einsum("...ie,...ie->...i", dO, O)
    # dB[..., i, j] = P[..., i, j] (Σ_e dO[..., i, e] V[..., j, e] - delta[..., i])
    dB = dO @ V.mT
    dB -= delta[..., None]
    dB *= P
    # dQ[..., i, d] = Σ_j K[..., j, d] dB[..., i, j] / √d_k
    dQ = dB @ (K / math.sqrt(d_k))
    # dK[..., j, d] = Σ_i Q[..., i, d] dB[..., i, j] / √d_k
    dK = dB.mT @ (Q / math.sqrt(d_k))
    # dV[..., j, e] = Σ_i dO[..., i, e] P[..., i, j]
    dV = P.mT @ dO
    return dQ, dK, dV, dB
