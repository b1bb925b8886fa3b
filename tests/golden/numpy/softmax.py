"""Softmax P[j] = exp(S[j]) / Σ_k exp(S[k]) of each row (Bridle, 1990).

Each gradient is shaped like its variable: dS like S.
... stands for any number of leading axes.
"""

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


def softmax(S):
    """Softmax P[j] = exp(S[j]) / Σ_k exp(S[k]) of each row (Bridle, 1990).

    S: (..., n) -> P: (..., n)
    """
    return softmax_fwd(S)[0]


def softmax_fwd(S):
    """The output P, and what softmax_bwd needs: P."""
    _check("softmax", S=(S, "... j"))
    (S,) = _floating(S)
    # P[..., j] = exp(S[..., j]) / (Σ_k exp(S[..., k]))
    # (shifted by the maximum: exp cannot overflow, and the value is the same)
    P = S - S.max(axis=-1, keepdims=True, initial=-np.inf)
    np.exp(P, out=P)
    P /= P.sum(axis=-1, keepdims=True)
    return P, (P,)


def softmax_bwd(residuals, dP):
    """The gradient dS, given the cotangent dP.

    dP: (..., n) -> dS: (..., n)
    """
    (P,) = residuals
    dP = np.asarray(dP, dtype=P.dtype)
    _check("softmax_bwd", P=(P, "... j"), dP=(dP, "... j"))
    # dS[..., j] = P[..., j] (dP[..., j] - Σ_j1 dP[..., j1] P[..., j1])
    dS = P * (dP - np.einsum("...j,...j->...", dP, P)[..., None])
    return dS
