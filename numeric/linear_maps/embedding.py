"""Rows of a table by integers, and scores by the same table.

    Y[..., t] = E[token[..., t]]        dE[v] = Σ_t [v = token[t]] dY[t]

A gather forward is a scatter-add backward: rows that are read twice get both cotangents.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..shapes import Array, Residuals, admit, cotangent, positions
from .linear import linear_bwd, linear_fwd


def embedding(token: Any, E: Array) -> Array:
    """token[..., t], E[v, d] -> Y[..., t, d]"""
    return embedding_fwd(token, E)[0]


def embedding_fwd(token: Any, E: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    [E] = admit("embedding", "E[v,d]", E)
    token = positions("embedding", "token[...,t]", token, len(E))
    return E[token], (token, E)


def embedding_bwd(residuals: Residuals, dY: Array) -> Array:
    """dY[..., t, d] -> dE[v, d]"""
    token, E = residuals
    dY = cotangent("embedding_bwd", "dY[...,t,d]", dY, (*token.shape, E.shape[1]), E.dtype)
    return add_rows(dY.reshape(token.size, dY.shape[-1]), token.reshape(-1), len(E))


def tied_embedding(token: Any, E: Array, W: Array, b: Array) -> Array:
    """token[..., t], E[v, d], W[d, e], b[e] -> Z[..., t, w], with as many e as d and w as v"""
    return tied_embedding_fwd(token, E, W, b)[0]


def tied_embedding_fwd(token: Any, E: Array, W: Array, b: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    E, W, b = admit("tied_embedding", "E[v,d] W[d,d] b[d]", E, W, b)
    X, read = embedding_fwd(token, E)
    H, mixed = linear_fwd(X, W, b)
    return H @ E.T, (E, H, read, mixed)


def tied_embedding_bwd(residuals: Residuals, dZ: Array) -> tuple[Array, Array, Array]:
    """dZ[..., t, w] -> dE[v, d], dW[d, e], db[e]"""
    E, H, read, mixed = residuals
    dZ = cotangent("tied_embedding_bwd", "dZ[...,w]", dZ, (*H.shape[:-1], len(E)), E.dtype)
    dX, dW, db = linear_bwd(mixed, dZ @ E)
    dE = embedding_bwd(read, dX)
    dE += dZ.reshape(-1, len(E)).T @ H.reshape(-1, H.shape[-1])
    return dE, dW, db


def add_rows(rows: Array, at: Array, size: int) -> Array:
    """S[v] = Σ_t [v = at[t]] rows[t]: sorted by v, each run is one sum."""
    order = np.argsort(at, kind="stable")
    starts = np.flatnonzero(np.diff(at[order], prepend=-1))
    total = np.zeros((size, rows.shape[1]), rows.dtype)
    if len(order):
        total[at[order][starts]] = np.add.reduceat(rows[order], starts, axis=0)
    return total
