"""InfoNCE L = -Σ_i log P[i, i] / n, P = softmax(U Vᵀ / τ): of all rows of V, each of U finds its own.

The rows of V that belong to the other rows of U are its negatives (van den Oord, Li and Vinyals, 2018).

Each gradient is shaped like its variable: dU like U.
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


def _check_size(function, axis, name, size, expected):
    """Raise a ValueError unless an axis has the size that others imply."""
    if size != expected:
        raise ValueError(f"{function}: axis {axis} of {name} has size {size}, expected {expected}.")


def info_nce(U, V, *, temperature=0.5):
    """InfoNCE L = -Σ_i log P[i, i] / n, P = softmax(U Vᵀ / τ): of all rows of V, each of U finds its own.

    U: (n, D), V: (n, D) -> L: scalar
    """
    return info_nce_fwd(U, V, temperature=temperature)[0]


def info_nce_fwd(U, V, *, temperature=0.5):
    """The output L, and what info_nce_bwd needs: U, V, P."""
    temperature = float(temperature)
    _check("info_nce", U=(U, "i d"), V=(V, "j d"))
    U, V = _floating(U, V)
    n = U.shape[0]
    _check_size("info_nce", "j", "V", V.shape[0], n)
    # S[i, j] = Σ_d U[i, d] V[j, d] / temperature
    S = U / temperature @ V.T
    # P[i, j] = exp(S[i, j]) / (Σ_k exp(S[i, k]))
    # (shifted by the maximum: exp cannot overflow, and the value is the same)
    logP = S - S.max(axis=-1, keepdims=True, initial=-np.inf)
    P = np.exp(logP)
    P_sum = P.sum(axis=-1)
    P /= P_sum[:, None]
    # logP[i, j] = S[i, j] - log(Σ_k exp(S[i, k]))
    # (shifted by the maximum: exp cannot overflow, and the value is the same)
    logP -= np.log(P_sum)[:, None]
    # L = -Σ_i logP[i, i] / n
    L = -(logP.diagonal().sum() / n)
    return L, (U, V, P)


def info_nce_bwd(residuals, dL, *, temperature=0.5):
    """The gradients dU, dV, given the cotangent dL.

    dL: scalar -> dU: (n, D), dV: (n, D)
    """
    temperature = float(temperature)
    U, V, P = residuals
    dL = np.asarray(dL, dtype=U.dtype)
    _check("info_nce_bwd", dL=(dL, ""))
    n = U.shape[0]
    # dS[i, j] = dL (P[i, j] - δ(j,i)) / n
    dS = dL / n * P
    dS[np.arange(n), np.arange(n)] -= dL / n
    # dU[i, d] = Σ_j V[j, d] dS[i, j] / temperature
    dU = dS @ (V / temperature)
    # dV[j, d] = Σ_i U[i, d] dS[i, j] / temperature
    dV = dS.T @ (U / temperature)
    return dU, dV
