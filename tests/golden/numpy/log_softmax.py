"""Log-softmax A[j] = S[j] - log Σ_k exp(S[k]) of each row (Goodfellow, Bengio and Courville, 2016, §6.2.2.3).

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


def log_softmax(S):
    """Log-softmax A[j] = S[j] - log Σ_k exp(S[k]) of each row (Goodfellow, Bengio and Courville, 2016, §6.2.2.3).

    S: (..., n) -> A: (..., n)
    """
    return log_softmax_fwd(S)[0]


def log_softmax_fwd(S):
    """The output A, and what log_softmax_bwd needs: A."""
    _check("log_softmax", S=(S, "... j"))
    (S,) = _floating(S)
    # A[..., j] = S[..., j] - log(Σ_k exp(S[..., k]))
    # (shifted by the maximum: exp cannot overflow, and the value is the same)
    A = S - S.max(axis=-1, keepdims=True, initial=-np.inf)
    A -= np.log(np.sum(np.exp(A), axis=-1))[..., None]
    return A, (A,)


def log_softmax_bwd(residuals, dA):
    """The gradient dS, given the cotangent dA.

    dA: (..., n) -> dS: (..., n)
    """
    (A,) = residuals
    dA = np.asarray(dA, dtype=A.dtype)
    _check("log_softmax_bwd", A=(A, "... j"), dA=(dA, "... j"))
    # dS[..., j] = dA[..., j] - exp(A[..., j]) Σ_j1 dA[..., j1]
    dS = np.exp(A)
    dS *= dA.sum(axis=-1, keepdims=True)
    np.subtract(dA, dS, out=dS)
    return dS
