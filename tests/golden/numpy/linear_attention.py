"""Linear attention O = A (Cᵀ V) / (A Cᵀ 1 + ε), A = elu(Q) + 1, C = elu(K) + 1 (Katharopoulos et al., 2020).

Each gradient is shaped like its variable: dQ like Q.
... stands for any number of leading axes.
"""

# ruff: noqa: E741, RUF100 (the names are those of the equations)

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


def _where(mask, x, y, out=None):
    """np.where on the bits, y ^ (x ^ y) mask: of signs in no order, a branch for every entry takes far longer.

    Where y is 0, the result may be written to `out`.
    """
    dtype = np.result_type(x, y)
    if dtype not in (np.float32, np.float64):
        return np.where(mask, x, y)
    x, y = (np.asarray(value, dtype).view(f"i{dtype.itemsize}") for value in (x, y))
    if y.ndim or y != 0:
        return ((x ^ y) * mask ^ y).view(dtype)
    return np.multiply(x, mask, out=None if out is None else out.view(x.dtype)).view(dtype)


def linear_attention(Q, K, V, *, eps=1e-06):
    """Linear attention O = A (Cᵀ V) / (A Cᵀ 1 + ε), A = elu(Q) + 1, C = elu(K) + 1 (Katharopoulos et al., 2020).

    Q: (..., n, d_k), K: (..., m, d_k), V: (..., m, d_v) -> O: (..., n, d_v)
    """
    return linear_attention_fwd(Q, K, V, eps=eps)[0]


def linear_attention_fwd(Q, K, V, *, eps=1e-06):
    """The output O, and what linear_attention_bwd needs: Q, K, V, A, C, M, z, N, s."""
    eps = float(eps)
    _check("linear_attention", Q=(Q, "... i d"), K=(K, "... j d"), V=(V, "... j e"))
    Q, K, V = _floating(Q, K, V)
    # A[..., i, d] = (Q[..., i, d] + 1) [Q[..., i, d] > 0] + exp(Q[..., i, d]) [Q[..., i, d] ≤
    #     0]
    A = _where(Q > 0, Q + 1, np.exp(np.minimum(Q, 0)))
    # C[..., j, d] = (K[..., j, d] + 1) [K[..., j, d] > 0] + exp(K[..., j, d]) [K[..., j, d] ≤
    #     0]
    C = _where(K > 0, K + 1, np.exp(np.minimum(K, 0)))
    # M[..., d, e] = Σ_j V[..., j, e] C[..., j, d]
    M = C.mT @ V
    # z[..., d] = Σ_j C[..., j, d]
    z = C.sum(axis=-2)
    # N[..., i, e] = Σ_d A[..., i, d] M[..., d, e]
    N = A @ M
    # s[..., i] = Σ_d A[..., i, d] z[..., d] + eps
    s = np.einsum("...id,...d->...i", A, z) + eps
    # O[..., i, e] = N[..., i, e] / s[..., i]
    O = N / s[..., None]
    return O, (Q, K, V, A, C, M, z, N, s)


def linear_attention_bwd(residuals, dO, *, eps=1e-06):
    """The gradients dQ, dK, dV, given the cotangent dO.

    dO: (..., n, d_v) -> dQ: (..., n, d_k), dK: (..., m, d_k), dV: (..., m, d_v)
    """
    Q, K, V, A, C, M, z, N, s = residuals
    dO = np.asarray(dO, dtype=Q.dtype)
    _check("linear_attention_bwd", N=(N, "... i e"), dO=(dO, "... i e"))
    # ds[..., i] = -Σ_e dO[..., i, e] N[..., i, e] / s[..., i]²
    ds = -(np.einsum("...ie,...ie->...i", dO, N) / s**2)
    # dN[..., i, e] = dO[..., i, e] / s[..., i]
    dN = dO / s[..., None]
    # dM[..., d, e] = Σ_i A[..., i, d] dN[..., i, e]
    dM = A.mT @ dN
    # dQ[..., i, d] = ([Q[..., i, d] > 0] + A[..., i, d] [Q[..., i, d] ≤ 0]) (Σ_e M[..., d, e]
    #     dN[..., i, e] + z[..., d] ds[..., i])
    dQ = (dN @ M.mT + ds[..., None] * z[..., None, :]) * _where(Q > 0, 1, A)
    # dK[..., j, d] = ([K[..., j, d] > 0] + C[..., j, d] [K[..., j, d] ≤ 0]) (Σ_e V[..., j, e]
    #     dM[..., d, e] + Σ_i A[..., i, d] ds[..., i])
    dK = V @ dM.mT
    dK += np.einsum("...i,...id->...d", ds, A)[..., None, :]
    dK *= _where(K > 0, 1, C)
    # dV[..., j, e] = Σ_d C[..., j, d] dM[..., d, e]
    dV = C @ dM
    return dQ, dK, dV
