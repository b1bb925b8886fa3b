"""Second derivatives of softmax: products with a direction, and Hessians.

Softmax P[j] = exp(S[j]) / Σ_k exp(S[k]) of each row (Bridle, 1990).

L stands for <dP, P>, with dP held fixed.
"""

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


def _portions(leading, entries):
    """Where a few items lie along some first axes, portion by portion: what is made of 2**16 entries stays in cache."""
    for axis, length in enumerate(leading if math.prod(leading) else ()):
        inside = entries * math.prod(leading[axis + 1 :])
        if inside <= 2**16 or axis == len(leading) - 1:
            step = 2**16 // max(1, inside) or 1
            places = [slice(n, n + step) for n in range(0, length, step)]
            return [(*at, place) for at in np.ndindex(leading[:axis]) for place in places] if axis else places
    return [...]


def softmax_hvp(S, dP, U):
    """The Hessian of L by S, times the direction U.

    S: (..., n), dP: (..., n), U: (..., n) -> HU: (..., n)
    """
    _check("softmax_hvp", S=(S, "... j"), dP=(dP, "... j"), U=(U, "... j"))
    S, dP, U = _floating(S, dP, U)
    ell = S.shape[:-1]
    n = S.shape[-1]
    HU = np.empty((*ell, n), S.dtype)
    for at in _portions(ell, n):
        # P[..., j] = exp(S[..., j]) / (Σ_k exp(S[..., k]))
        # (shifted by the maximum: exp cannot overflow, and the value is the same)
        P = S[at] - S[at].max(axis=-1, keepdims=True, initial=-np.inf)
        np.exp(P, out=P)
        P /= P.sum(axis=-1, keepdims=True)
        # dP_1[..., j] = U[..., j] (dP[..., j] - Σ_j1 dP[..., j1] P[..., j1]) - dP[..., j] Σ_j1
        #     U[..., j1] P[..., j1]
        dP_1 = U[at] * (dP[at] - np.einsum("...j,...j->...", dP[at], P)[..., None])
        dP_1 -= dP[at] * np.einsum("...a,...a->...", U[at], P)[..., None]
        # HU[..., j] = P[..., j] (dP_1[..., j] - Σ_j1 P[..., j1] dP_1[..., j1])
        np.multiply(P, dP_1 - np.einsum("...j,...j->...", dP_1, P)[..., None], out=HU[at])
    return HU


def softmax_hessian(S, dP):
    """The Hessian d²L/dS[...,j]dS[...',l] = [... = ...'] H[...,j,l].

    S: (..., n), dP: (..., n) -> H: (..., n, n)
    """
    _check("softmax_hessian", S=(S, "... j"), dP=(dP, "... j"))
    S, dP = _floating(S, dP)
    ell = S.shape[:-1]
    n = S.shape[-1]
    mask = np.arange(n)[:, None] == np.arange(n)
    H = np.empty((*ell, n, n), S.dtype)
    for at in _portions(ell, n * n):
        # P[..., j] = exp(S[..., j]) / (Σ_k exp(S[..., k]))
        # (shifted by the maximum: exp cannot overflow, and the value is the same)
        P = S[at] - S[at].max(axis=-1, keepdims=True, initial=-np.inf)
        np.exp(P, out=P)
        P /= P.sum(axis=-1, keepdims=True)
        # dS[..., j] = P[..., j] (dP[..., j] - Σ_j1 dP[..., j1] P[..., j1])
        part = np.einsum("...j,...j->...", dP[at], P)
        dS = P * (dP[at] - part[..., None])
        # H[..., j, l] = P[..., j] P[..., l] (2 Σ_j1 dP[..., j1] P[..., j1] - dP[..., l] -
        #     dP[..., j]) + dS[..., j] δ(l,j)
        H[at] = np.where(mask, dS[..., None], 0)
        H_part = ((2 * part)[..., None] - dP[at])[..., None, :] - dP[at][..., None]
        H[at] += P[..., None, :] * P[..., None] * H_part
    return H
