"""Rotary position embedding: pair p at place t is turned by the angle t b^(-p/r) (Su et al., RoFormer, 2021).

A rotation's transpose is its inverse: the gradient is the cotangent, turned back by the same angles.
"""

from __future__ import annotations

import numpy as np

from ..shapes import Array, Residuals, admit, cotangent


def rotary(X: Array, *, base: float = 10000, past: int = 0) -> Array:
    """X[..., t, c, p] -> Y[..., t, c, p], with two entries c in a pair"""
    return rotary_fwd(X, base=base, past=past)[0]


def rotary_fwd(X: Array, *, base: float = 10000, past: int = 0) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    [X] = admit("rotary", "X[...,t,c,p]", X)
    n, two, r = X.shape[-3:]
    if two != 2:
        raise ValueError(f"rotary: X, axis c: expected 2, given {two}.")
    angles = np.outer(np.arange(past, past + n), float(base) ** (-np.arange(r) / r))
    C, S = np.cos(angles).astype(X.dtype), np.sin(angles).astype(X.dtype)
    return turned(X, C, S), (C, S, X.shape)


def rotary_bwd(residuals: Residuals, dY: Array, *, base: float = 10000, past: int = 0) -> Array:
    """dY[..., t, c, p] -> dX[..., t, c, p]"""
    C, S, shape = residuals
    dY = cotangent("rotary_bwd", "dY[...,t,c,p]", dY, shape, C.dtype)
    return turned(dY, C, -S)


def turned(X: Array, C: Array, S: Array) -> Array:
    """Each pair of X, turned by the angle with this cosine and sine."""
    Y = np.empty_like(X)
    Y[..., 0, :] = X[..., 0, :] * C - X[..., 1, :] * S
    Y[..., 1, :] = X[..., 1, :] * C + X[..., 0, :] * S
    return Y
