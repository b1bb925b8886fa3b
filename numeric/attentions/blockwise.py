"""Attention block by block: no array of all scores is ever made, O(n · block) memory instead of O(n²).

Over blocks J of keys, for a block of queries, with the running maximum m and what is summed up to it:

    m' = max(m, max_J S)        [O Z] ← exp(m - m') [O Z] + exp(S - m') [V 1],   S = Q K[J]ᵀ / √d_k

in the end O / Z, and L = m + log Z is kept in place of P, which the backward forms again: P = exp(S - L). The gradients
are those of attention, summed over the blocks (Milakov and Gimelshein, 2018; Rabe and Staats, 2021; Dao et al., 2022).

A sum over a row, or a number taken off each row, is one more column of a matrix product: [Q -L] [K 1]ᵀ = Q Kᵀ - L 1ᵀ.
It saves a pass over each block of scores.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from ..shapes import Array, Residuals, admit, cotangent

SIGNATURE = "Q[...,i,d] K[...,j,d] V[...,j,e]"
Gradients = tuple[Array, Array, Array]


def blockwise_attention(Q: Array, K: Array, V: Array, *, block: int = 256) -> Array:
    """Q[..., i, d], K[..., j, d], V[..., j, e] -> O[..., i, e]"""
    return blockwise_attention_fwd(Q, K, V, block=block)[0]


def blockwise_attention_fwd(Q: Array, K: Array, V: Array, *, block: int = 256) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    Q, K, V = admit("blockwise_attention", SIGNATURE, Q, K, V)
    return _forward(Q, K, V, _size("blockwise_attention", block), None)


def blockwise_attention_bwd(residuals: Residuals, dO: Array) -> Gradients:
    """dO[..., i, e] -> dQ[..., i, d], dK[..., j, d], dV[..., j, e]"""
    O = residuals[3]
    return _backward(residuals, cotangent("blockwise_attention_bwd", "dO[...,i,e]", dO, O.shape, O.dtype))


def blockwise_causal_attention(Q: Array, K: Array, V: Array, *, past: int = 0, block: int = 256) -> Array:
    """Q[..., i, d], K[..., j, d], V[..., j, e] -> O[..., i, e], where query i sees the keys j ≤ i + past"""
    return blockwise_causal_attention_fwd(Q, K, V, past=past, block=block)[0]


def blockwise_causal_attention_fwd(
    Q: Array, K: Array, V: Array, *, past: int = 0, block: int = 256
) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    Q, K, V = admit("blockwise_causal_attention", SIGNATURE, Q, K, V)
    return _forward(Q, K, V, _size("blockwise_causal_attention", block), past)


def blockwise_causal_attention_bwd(residuals: Residuals, dO: Array) -> Gradients:
    """dO[..., i, e] -> dQ[..., i, d], dK[..., j, d], dV[..., j, e]"""
    O = residuals[3]
    return _backward(residuals, cotangent("blockwise_causal_attention_bwd", "dO[...,i,e]", dO, O.shape, O.dtype))


def _forward(Q: Array, K: Array, V: Array, block: int, past: int | None) -> tuple[Array, Residuals]:
    n, m = Q.shape[-2], K.shape[-2]
    O = np.empty((*Q.shape[:-1], V.shape[-1]), Q.dtype)
    L = np.empty(Q.shape[:-1], Q.dtype)
    # One matrix after the other: their blocks of scores stay in the cache.
    for lead in np.ndindex(Q.shape[:-2]):
        q, k, v = Q[lead] / math.sqrt(Q.shape[-1]), K[lead], _beside(V[lead], 1)
        for I in _blocks(n, block):
            top = np.full(len(q[I]), np.finfo(Q.dtype).min, Q.dtype)
            o = np.zeros((len(top), v.shape[-1]), Q.dtype)
            for J, hidden in _seen(I, m, block, past):
                # A column for each query: the maximum of all columns is one vectorized pass.
                S = k[J] @ q[I].T
                if hidden is not None:
                    np.copyto(S, -np.inf, where=hidden)
                last, top = top, np.maximum(top, S.max(axis=0))
                S -= top
                np.exp(S, out=S)
                o *= np.exp(last - top)[:, None]
                o += S.T @ v[J]
            Z = o[:, -1:]
            # A query without keys gives zeros.
            Z[Z == 0] = 1
            np.divide(o[:, :-1], Z, out=O[lead][I])
            L[lead][I] = top + np.log(Z[:, 0])
    return O, (Q, K, V, O, L, block, past)


def _backward(residuals: Residuals, dO: Array) -> Gradients:
    Q, K, V, O, L, block, past = residuals
    scale, (n, m) = math.sqrt(Q.shape[-1]), (Q.shape[-2], K.shape[-2])
    dQ, dK, dV = (np.zeros(array.shape, np.result_type(array, dO)) for array in (Q, K, V))
    delta = np.einsum("...e,...e->...", dO, O)
    for lead in np.ndindex(Q.shape[:-2]):
        q, k, v, g = Q[lead] / scale, K[lead], V[lead], dO[lead]
        q_L, k_1 = _beside(q, -L[lead]), _beside(k, 1)
        g_delta, v_1 = _beside(g, -delta[lead]), _beside(v, 1)
        for I in _blocks(n, block):
            for J, hidden in _seen(I, m, block, past):
                P = k_1[J] @ q_L[I].T
                if hidden is not None:
                    np.copyto(P, -np.inf, where=hidden)
                np.exp(P, out=P)
                dS = v_1[J] @ g_delta[I].T
                dS *= P
                dQ[lead][I] += dS.T @ k[J]
                dK[lead][J] += dS @ q[I]
                dV[lead][J] += P @ g[I]
    dQ /= scale
    return dQ, dK, dV


def _blocks(size: int, block: int) -> Iterator[slice]:
    """Slices that cover an axis."""
    return (slice(start, min(start + block, size)) for start in range(0, size, block))


def _seen(I: slice, m: int, block: int, past: int | None) -> Iterator[tuple[slice, Array | None]]:
    """The blocks of keys that some query of I sees, and [j, i] where a query does not; None where all see all."""
    if past is None:
        yield from ((J, None) for J in _blocks(m, block))
        return
    for J in _blocks(min(m, I.stop + past), block):
        all_seen = J.stop <= I.start + past + 1
        queries, keys = I.stop - I.start, J.stop - J.start
        yield J, None if all_seen else np.tri(keys, queries, J.start - I.start - past - 1, dtype=bool)


def _beside(A: Array, column: Array | int) -> Array:
    """[A column]"""
    wide = np.empty((len(A), A.shape[1] + 1), np.result_type(A, column) if isinstance(column, np.ndarray) else A.dtype)
    wide[:, :-1] = A
    wide[:, -1] = column
    return wide


def _size(layer: str, block: int) -> int:
    if isinstance(block, bool) or not isinstance(block, (int, np.integer)) or block < 1:
        raise ValueError(f"{layer}: block: expected an integer of at least 1, given {block!r}.")
    return int(block)
