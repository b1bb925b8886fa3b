"""Mean cross-entropy against labels that leave ε to all classes alike (Szegedy et al., 2016, §7).

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


def _check_positions(function, name, array, size):
    """An integer array, whose entries are positions along an axis of that size; ValueError where they are not."""
    array = np.asarray(array)
    if array.dtype.kind not in "iu":
        raise ValueError(f"{function}: {name} is an array of {array.dtype}, expected integers.")
    if array.size and not 0 <= array.min() <= array.max() < size:
        raise ValueError(f"{function}: {name} runs from {array.min()} to {array.max()}, expected 0 to {size - 1}.")
    return array


def smoothed_cross_entropy(Z, label, *, epsilon=0.1):
    """Mean cross-entropy against labels that leave ε to all classes alike (Szegedy et al., 2016, §7).

    Z: (B, C), label: (B,) -> L: scalar
    """
    return smoothed_cross_entropy_fwd(Z, label, epsilon=epsilon)[0]


def smoothed_cross_entropy_fwd(Z, label, *, epsilon=0.1):
    """The output L, and what smoothed_cross_entropy_bwd needs: T, P."""
    epsilon = float(epsilon)
    _check("smoothed_cross_entropy", Z=(Z, "b c"), label=(label, "b"))
    (Z,) = _floating(Z)
    B, C = Z.shape
    label = _check_positions("smoothed_cross_entropy", "label", label, C)
    # T[b, c] = (1 - epsilon) [c = label[b]] + epsilon / C
    T = np.full((B, C), epsilon / C, Z.dtype)
    T[np.arange(B), label] += 1 - epsilon
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
    return L, (T, P)


def smoothed_cross_entropy_bwd(residuals, dL, *, epsilon=0.1):
    """The gradient dZ, given the cotangent dL.

    dL: scalar -> dZ: (B, C)
    """
    T, P = residuals
    dL = np.asarray(dL, dtype=T.dtype)
    _check("smoothed_cross_entropy_bwd", dL=(dL, ""))
    B = T.shape[0]
    # dZ[b, c] = dL (P[b, c] - T[b, c]) / B
    dZ = dL / B * (P - T)
    return dZ
