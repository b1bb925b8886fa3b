"""Attention with rotary embedding of queries and keys: the scores depend on i - j alone (Su et al., 2021).

Query i stands at place i + past, key j at place j.

Each gradient is shaped like its variable: dQ like Q.
... stands for any number of leading axes.
What is read outside a tensor is 0.
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


def _check_size(function, axis, name, size, expected):
    """Raise a ValueError unless an axis has the size that others imply."""
    if size != expected:
        raise ValueError(f"{function}: axis {axis} of {name} has size {size}, expected {expected}.")


def _check_option(function, name, value, least):
    """Raise a ValueError unless an option is an integer that is large enough."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ValueError(f"{function}: {name} is {value!r}, expected an integer of at least {least}.")


def _portions(leading, entries):
    """Where a few items lie along some first axes, portion by portion: what is made of 2**16 entries stays in cache."""
    for axis, length in enumerate(leading if math.prod(leading) else ()):
        inside = entries * math.prod(leading[axis + 1 :])
        if inside <= 2**16 or axis == len(leading) - 1:
            step = 2**16 // max(1, inside) or 1
            places = [slice(n, n + step) for n in range(0, length, step)]
            return [(*at, place) for at in np.ndindex(leading[:axis]) for place in places] if axis else places
    return [...]


def rotary_attention(Q, K, V, *, base=10000, past=0):
    """Attention with rotary embedding of queries and keys: the scores depend on i - j alone (Su et al., 2021).

    Q: (..., n, 2, r), K: (..., m, 2, r), V: (..., m, d_v) -> O: (..., n, d_v)
    """
    return rotary_attention_fwd(Q, K, V, base=base, past=past)[0]


def rotary_attention_fwd(Q, K, V, *, base=10000, past=0):
    """The output O, and what rotary_attention_bwd needs: V, cosine, sine, A, cosine1, sine1, B, E, Z,
    O.
    """
    base = float(base)
    _check_option("rotary_attention", "past", past, 0)
    _check("rotary_attention", Q=(Q, "... i c p"), K=(K, "... j c p"), V=(V, "... j e"))
    Q, K, V = _floating(Q, K, V)
    ell = Q.shape[:-3]
    n = Q.shape[-3]
    r = Q.shape[-1]
    m = K.shape[-3]
    d_v = V.shape[-1]
    _check_size("rotary_attention", "c", "Q", Q.shape[-2], 2)
    # cosine[i, p] = cos((i + past) exp(-p log(base) / r))
    E_2 = np.exp(-math.log(base) / r * np.arange(r).astype(Q.dtype))
    part = (np.arange(n) + past).astype(Q.dtype)[:, None] * E_2
    cosine = np.cos(part)
    # sine[i, p] = sin((i + past) exp(-p log(base) / r))
    sine = np.sin(part)
    # A[..., i, c, p] = Q[..., i, c, p] cosine[i, p] + Q[..., i, 1 - c, p] sine[i, p] (2 c - 1)
    part_2 = (2 * np.arange(2) - 1).astype(Q.dtype)
    A = cosine[:, None, :] * Q + sine[:, None, :] * part_2[:, None] * Q[..., ::-1, :]
    # cosine1[j, p] = cos(j exp(-p log(base) / r))
    part_3 = np.arange(m).astype(Q.dtype)[:, None] * E_2
    cosine1 = np.cos(part_3)
    # sine1[j, p] = sin(j exp(-p log(base) / r))
    sine1 = np.sin(part_3)
    # B[..., j, c, p] = K[..., j, c, p] cosine1[j, p] + K[..., j, 1 - c, p] sine1[j, p] (2 c -
    #     1)
    B = cosine1[:, None, :] * K + sine1[:, None, :] * part_2[:, None] * K[..., ::-1, :]
    # S[..., i, j] = Σ_{c,p} A[..., i, c, p] B[..., j, c, p] / √(2 r)
    S = A.reshape(*ell, n, 2 * r) @ B.reshape(*ell, m, 2 * r).mT / math.sqrt(2 * r)
    E = np.empty((*ell, n, m), Q.dtype)
    Z = np.empty((*ell, n), Q.dtype)
    O = np.empty((*ell, n, d_v), Q.dtype)
    for at in _portions(ell, n * m):
        # E[..., i, j] = exp(S[..., i, j] - max_k1 (S[..., i, k1]))
        np.subtract(S[at], S[at].max(axis=-1, keepdims=True, initial=-np.inf), out=E[at])
        np.exp(E[at], out=E[at])
        # Z[..., i] = Σ_k E[..., i, k]
        Z[at] = E[at].sum(axis=-1)
        # O[..., i, e] = Σ_j V[..., j, e] E[..., i, j] / Z[..., i]
        np.matmul(E[at], V[at], out=O[at])
        O[at] /= Z[at][..., None]
    return O, (V, cosine, sine, A, cosine1, sine1, B, E, Z, O)


def rotary_attention_bwd(residuals, dO, *, base=10000, past=0):
    """The gradients dQ, dK, dV, given the cotangent dO.

    dO: (..., n, d_v) -> dQ: (..., n, 2, r), dK: (..., m, 2, r), dV: (..., m, d_v)
    """
    _check_option("rotary_attention_bwd", "past", past, 0)
    V, cosine, sine, A, cosine1, sine1, B, E, Z, O = residuals
    dO = np.asarray(dO, dtype=V.dtype)
    _check("rotary_attention_bwd", O=(O, "... i e"), dO=(dO, "... i e"))
    ell = V.shape[:-2]
    m, d_v = V.shape[-2:]
    n, r = cosine.shape
    dO_scaled = np.empty((*ell, n, d_v), V.dtype)
    part = np.empty((*ell, n, m), V.dtype)
    for at in _portions(ell, n * m):
        # dO_scaled[..., i, e] = dO[..., i, e] / Z[..., i]
        np.divide(dO[at], Z[at][..., None], out=dO_scaled[at])
        # delta[..., i] = Σ_e dO[..., i, e] O[..., i, e]
        delta = np.einsum("...ie,...ie->...i", dO[at], O[at])
        # dS[..., i, j] = E[..., i, j] (Σ_e V[..., j, e] dO_scaled[..., i, e] - delta[..., i] /
        #     Z[..., i])
        dS = dO_scaled[at] @ V[at].mT
        dS -= (delta / Z[at])[..., None]
        dS *= E[at]
        # dB[..., j, c, p] = Σ_i A[..., i, c, p] dS[..., i, j] / √(2 r)
        np.divide(dS, math.sqrt(2 * r), out=part[at])
    dB = (part.mT @ A.reshape(*ell, n, 2 * r)).reshape(*ell, m, 2, r)
    # dA[..., i, c, p] = Σ_j B[..., j, c, p] dS[..., i, j] / √(2 r)
    dA = (part @ B.reshape(*ell, m, 2 * r)).reshape(*ell, n, 2, r)
    # dQ[..., i, c, p] = cosine[i, p] dA[..., i, c, p] + sine[i, p] dA[..., i, 1 - c, p] (1 - 2
    #     c)
    part_2 = (1 - 2 * np.arange(2)).astype(V.dtype)
    dQ = dA * cosine[:, None, :] + sine[:, None, :] * part_2[:, None] * dA[..., ::-1, :]
    # dK[..., j, c, p] = cosine1[j, p] dB[..., j, c, p] + sine1[j, p] dB[..., j, 1 - c, p] (1 -
    #     2 c)
    dK = dB * cosine1[:, None, :] + sine1[:, None, :] * part_2[:, None] * dB[..., ::-1, :]
    # dV[..., j, e] = Σ_i E[..., i, j] dO_scaled[..., i, e]
    dV = E.mT @ dO_scaled
    return dQ, dK, dV
