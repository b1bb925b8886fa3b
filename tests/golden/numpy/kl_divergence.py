"""Divergence of Q = softmax(B) from P = softmax(A), the mean of n rows (Kullback and Leibler, 1951).

Each gradient is shaped like its variable: dA like A.
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


def kl_divergence(A, B):
    """Divergence of Q = softmax(B) from P = softmax(A), the mean of n rows (Kullback and Leibler, 1951).

    A: (n, C), B: (n, C) -> L: scalar
    """
    return kl_divergence_fwd(A, B)[0]


def kl_divergence_fwd(A, B):
    """The output L, and what kl_divergence_bwd needs: P, Q, D, R."""
    _check("kl_divergence", A=(A, "b c"), B=(B, "b c"))
    A, B = _floating(A, B)
    n = A.shape[0]
    # P[b, c] = exp(A[b, c]) / (Σ_k exp(A[b, k]))
    # (shifted by the maximum: exp cannot overflow, and the value is the same)
    logP = A - A.max(axis=-1, keepdims=True, initial=-np.inf)
    P = np.exp(logP)
    P_sum = P.sum(axis=-1)
    P /= P_sum[:, None]
    # Q[b, c] = exp(B[b, c]) / (Σ_k exp(B[b, k]))
    # (shifted by the maximum: exp cannot overflow, and the value is the same)
    logQ = B - B.max(axis=-1, keepdims=True, initial=-np.inf)
    Q = np.exp(logQ)
    Q_sum = Q.sum(axis=-1)
    Q /= Q_sum[:, None]
    # logP[b, c] = A[b, c] - log(Σ_k exp(A[b, k]))
    # (shifted by the maximum: exp cannot overflow, and the value is the same)
    logP -= np.log(P_sum)[:, None]
    # logQ[b, c] = B[b, c] - log(Σ_k exp(B[b, k]))
    # (shifted by the maximum: exp cannot overflow, and the value is the same)
    logQ -= np.log(Q_sum)[:, None]
    # R[b, c] = logP[b, c] - logQ[b, c]
    R = logP - logQ
    # D[b] = Σ_c P[b, c] R[b, c]
    D = np.einsum("bc,bc->b", R, P)
    # L = Σ_b D[b] / n
    L = D.sum() / n
    return L, (P, Q, D, R)


def kl_divergence_bwd(residuals, dL):
    """The gradients dA, dB, given the cotangent dL.

    dL: scalar -> dA: (n, C), dB: (n, C)
    """
    P, Q, D, R = residuals
    dL = np.asarray(dL, dtype=P.dtype)
    _check("kl_divergence_bwd", dL=(dL, ""))
    n = P.shape[0]
    # dA[b, c] = dL P[b, c] (R[b, c] - D[b]) / n
    dA = dL / n * P * (R - D[:, None])
    # dB[b, c] = dL (Q[b, c] - P[b, c]) / n
    dB = dL / n * (Q - P)
    return dA, dB
