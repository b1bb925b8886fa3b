"""Linear attention O = A (Cᵀ V) / (A Cᵀ 1 + ε), A = elu(Q) + 1, C = elu(K) + 1 (Katharopoulos et al., 2020).

Each gradient is shaped like its variable: dQ like Q.
... stands for any number of leading axes.
"""

# ruff: noqa: E741, RUF100 (the names are those of the equations)

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


def _portions(leading, entries):
    """Where a few items lie along some first axes, portion by portion: what is made of 2**16 entries stays in cache."""
    for axis, length in enumerate(leading if math.prod(leading) else ()):
        inside = entries * math.prod(leading[axis + 1 :])
        if inside <= 2**16 or axis == len(leading) - 1:
            step = 2**16 // max(1, inside) or 1
            places = [slice(n, n + step) for n in range(0, length, step)]
            return [(*at, place) for at in np.ndindex(leading[:axis]) for place in places] if axis else places
    return [...]


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
    ell = Q.shape[:-2]
    n, d_k = Q.shape[-2:]
    m = K.shape[-2]
    d_v = V.shape[-1]
    A = np.empty((*ell, n, d_k), Q.dtype)
    C = np.empty((*ell, m, d_k), Q.dtype)
    M = np.empty((*ell, d_k, d_v), Q.dtype)
    z = np.empty((*ell, d_k), Q.dtype)
    N = np.empty((*ell, n, d_v), Q.dtype)
    s = np.empty((*ell, n), Q.dtype)
    O = np.empty((*ell, n, d_v), Q.dtype)
    for at in _portions(ell, m * d_k):
        # A[..., i, d] = (Q[..., i, d] + 1) [Q[..., i, d] > 0] + exp(Q[..., i, d]) [Q[..., i, d]
        #     ≤ 0]
        A[at] = _where(Q[at] > 0, Q[at] + 1, np.exp(np.minimum(Q[at], 0)))
        # C[..., j, d] = (K[..., j, d] + 1) [K[..., j, d] > 0] + exp(K[..., j, d]) [K[..., j, d]
        #     ≤ 0]
        C[at] = _where(K[at] > 0, K[at] + 1, np.exp(np.minimum(K[at], 0)))
        # M[..., d, e] = Σ_j V[..., j, e] C[..., j, d]
        np.matmul(C[at].mT, V[at], out=M[at])
        # z[..., d] = Σ_j C[..., j, d]
        z[at] = C[at].sum(axis=-2)
        # N[..., i, e] = Σ_d A[..., i, d] M[..., d, e]
        np.matmul(A[at], M[at], out=N[at])
        # s[..., i] = Σ_d A[..., i, d] z[..., d] + eps
        np.add(np.einsum("...id,...d->...i", A[at], z[at]), eps, out=s[at])
        # O[..., i, e] = N[..., i, e] / s[..., i]
        np.divide(N[at], s[at][..., None], out=O[at])
    return O, (Q, K, V, A, C, M, z, N, s)


def linear_attention_bwd(residuals, dO, *, eps=1e-06):
    """The gradients dQ, dK, dV, given the cotangent dO.

    dO: (..., n, d_v) -> dQ: (..., n, d_k), dK: (..., m, d_k), dV: (..., m, d_v)
    """
    Q, K, V, A, C, M, z, N, s = residuals
    dO = np.asarray(dO, dtype=Q.dtype)
    _check("linear_attention_bwd", N=(N, "... i e"), dO=(dO, "... i e"))
    ell = Q.shape[:-2]
    n, d_k = Q.shape[-2:]
    m = K.shape[-2]
    d_v = V.shape[-1]
    dQ = np.empty((*ell, n, d_k), Q.dtype)
    dK = np.empty((*ell, m, d_k), Q.dtype)
    dV = np.empty((*ell, m, d_v), Q.dtype)
    for at in _portions(ell, n * d_k):
        # ds[..., i] = -Σ_e dO[..., i, e] N[..., i, e] / s[..., i]²
        ds = -(np.einsum("...ie,...ie->...i", dO[at], N[at]) / s[at] ** 2)
        # dN[..., i, e] = dO[..., i, e] / s[..., i]
        dN = dO[at] / s[at][..., None]
        # dM[..., d, e] = Σ_i A[..., i, d] dN[..., i, e]
        dM = A[at].mT @ dN
        # dQ[..., i, d] = ([Q[..., i, d] > 0] + A[..., i, d] [Q[..., i, d] ≤ 0]) (Σ_e M[..., d,
        #     e] dN[..., i, e] + z[..., d] ds[..., i])
        np.multiply(dN @ M[at].mT + ds[..., None] * z[at][..., None, :], _where(Q[at] > 0, 1, A[at]), out=dQ[at])
        # dK[..., j, d] = ([K[..., j, d] > 0] + C[..., j, d] [K[..., j, d] ≤ 0]) (Σ_e V[..., j,
        #     e] dM[..., d, e] + Σ_i A[..., i, d] ds[..., i])
        np.matmul(V[at], dM.mT, out=dK[at])
        dK[at] += np.einsum("...i,...id->...d", ds, A[at])[..., None, :]
        dK[at] *= _where(K[at] > 0, 1, C[at])
        # dV[..., j, e] = Σ_d C[..., j, d] dM[..., d, e]
        np.matmul(C[at], dM, out=dV[at])
    return dQ, dK, dV
