"""Mean cross-entropy -Σ_b log P[b, label[b]] / B of P = softmax(Z) (Bishop, Pattern Recognition, 2006, §4.3).

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


def sparse_cross_entropy(Z, label):
    """Mean cross-entropy -Σ_b log P[b, label[b]] / B of P = softmax(Z) (Bishop, Pattern Recognition, 2006, §4.3).

    Z: (B, C), label: (B,) -> L: scalar
    """
    return sparse_cross_entropy_fwd(Z, label)[0]


def sparse_cross_entropy_fwd(Z, label):
    """The output L, and what sparse_cross_entropy_bwd needs: label, P."""
    _check("sparse_cross_entropy", Z=(Z, "b c"), label=(label, "b"))
    (Z,) = _floating(Z)
    B, C = Z.shape
    label = _check_positions("sparse_cross_entropy", "label", label, C)
    # P[b, c] = exp(Z[b, c]) / (Σ_k exp(Z[b, k]))
    # (shifted by the maximum: exp cannot overflow, and the value is the same)
    Z_max = Z.max(axis=-1, initial=-np.inf)
    P = Z - Z_max[:, None]
    np.exp(P, out=P)
    P_sum = P.sum(axis=-1)
    P /= P_sum[:, None]
    # L = -Σ_b (Z[b, label[b]] - log(Σ_k exp(Z[b, k]))) / B
    # (shifted by the maximum: exp cannot overflow, and the value is the same)
    L = -(np.sum(np.take_along_axis(Z, label[:, None], axis=-1)[:, 0] - Z_max - np.log(P_sum)) / B)
    return L, (label, P)


def sparse_cross_entropy_bwd(residuals, dL):
    """The gradient dZ, given the cotangent dL.

    dL: scalar -> dZ: (B, C)
    """
    label, P = residuals
    dL = np.asarray(dL, dtype=P.dtype)
    _check("sparse_cross_entropy_bwd", dL=(dL, ""))
    B = label.shape[0]
    # dZ[b, c] = dL (P[b, c] - [c = label[b]]) / B
    dZ = dL / B * P
    dZ[np.arange(B), label] -= dL / B
    return dZ
