"""Cross-entropy L = -Σ T log P / B of target probabilities T and P = softmax(Z) (Bishop, 2006, §4.3.4).

Each gradient is shaped like its variable: dZ like Z.
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


def cross_entropy(Z, T):
    """Cross-entropy L = -Σ T log P / B of target probabilities T and P = softmax(Z) (Bishop, 2006, §4.3.4).

    Z: (B, C), T: (B, C) -> L: scalar
    Given: Σ_c T[b, c] = 1.
    """
    return cross_entropy_fwd(Z, T)[0]


def cross_entropy_fwd(Z, T):
    """The output L, and what cross_entropy_bwd needs: T, P, logP."""
    _check("cross_entropy", Z=(Z, "b c"), T=(T, "b c"))
    Z, T = _floating(Z, T)
    B = Z.shape[0]
    # P[b, c] = exp(Z[b, c]) / (Σ_k exp(Z[b, k]))
    # (shifted by the maximum: exp cannot overflow, and the value is the same)
    logP = Z - Z.max(axis=-1, keepdims=True, initial=-np.inf)
    P = np.exp(logP)
    P_sum = P.sum(axis=-1)
    P /= P_sum[:, None]
    # logP[b, c] = Z[b, c] - log(Σ_k exp(Z[b, k]))
    # (shifted by the maximum: exp cannot overflow, and the value is the same)
    logP -= np.log(P_sum)[:, None]
    # L = -Σ_{b,c} T[b, c] logP[b, c] / B
    L = -(np.vdot(T, logP) / B)
    return L, (T, P, logP)


def cross_entropy_bwd(residuals, dL):
    """The gradients dZ, dT, given the cotangent dL.

    dL: scalar -> dZ: (B, C), dT: (B, C)
    Given: Σ_c T[b, c] = 1.
    """
    T, P, logP = residuals
    dL = np.asarray(dL, dtype=T.dtype)
    _check("cross_entropy_bwd", dL=(dL, ""))
    B = T.shape[0]
    # dZ[b, c] = dL (P[b, c] - T[b, c]) / B
    dZ = dL / B * (P - T)
    # dT[b, c] = -dL logP[b, c] / B
    dT = -(dL / B * logP)
    return dZ, dT
