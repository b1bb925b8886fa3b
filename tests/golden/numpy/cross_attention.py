"""Multi-head attention from X to a context C (Vaswani et al., 2017, §3.2.3).

Each gradient is shaped like its variable: dX like X.
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


def _check_size(function, axis, name, size, expected):
    """Raise a ValueError unless an axis has the size that others imply."""
    if size != expected:
        raise ValueError(f"{function}: axis {axis} of {name} has size {size}, expected {expected}.")


def _portions(leading, entries):
    """Where a few items lie along some first axes, portion by portion: what is made of 2**16 entries stays in cache."""
    for axis, length in enumerate(leading if math.prod(leading) else ()):
        inside = entries * math.prod(leading[axis + 1 :])
        if inside <= 2**16 or axis == len(leading) - 1:
            step = 2**16 // max(1, inside) or 1
            places = [slice(n, n + step) for n in range(0, length, step)]
            return [(*at, place) for at in np.ndindex(leading[:axis]) for place in places] if axis else places
    return [...]


def cross_attention(X, C, W_Q, W_K, W_V, W_O):
    """Multi-head attention from X to a context C (Vaswani et al., 2017, §3.2.3).

    X: (..., n, d_in), C: (..., m, d_ctx), W_Q: (d_in, H, d_k), W_K: (d_ctx, H, d_k), W_V: (d_ctx,
       H, d_v), W_O: (H, d_v, d_in)
    -> Y: (..., n, d_in)
    """
    return cross_attention_fwd(X, C, W_Q, W_K, W_V, W_O)[0]


def cross_attention_fwd(X, C, W_Q, W_K, W_V, W_O):
    """The output Y, and what cross_attention_bwd needs: X, C, W_Q, W_K, W_V, W_O, Q, K, V, E, Z, O."""
    _check(
        "cross_attention",
        X=(X, "... i b"),
        C=(C, "... j c"),
        W_Q=(W_Q, "b h d"),
        W_K=(W_K, "c h d"),
        W_V=(W_V, "c h e"),
        W_O=(W_O, "h e o"),
    )
    X, C, W_Q, W_K, W_V, W_O = _floating(X, C, W_Q, W_K, W_V, W_O)
    ell = X.shape[:-2]
    n, d_in = X.shape[-2:]
    m, d_ctx = C.shape[-2:]
    H = W_Q.shape[1]
    d_k = W_Q.shape[2]
    d_v = W_V.shape[2]
    _check_size("cross_attention", "o", "W_O", W_O.shape[2], d_in)
    # Q[..., h, i, d] = Σ_b X[..., i, b] W_Q[b, h, d]
    Q = (X.reshape(-1, d_in) @ W_Q.reshape(d_in, -1)).reshape(*ell, n, H, d_k).swapaxes(-3, -2)
    # K[..., h, j, d] = Σ_c C[..., j, c] W_K[c, h, d]
    K = (C.reshape(-1, d_ctx) @ W_K.reshape(d_ctx, -1)).reshape(*ell, m, H, d_k).swapaxes(-3, -2)
    # V[..., h, j, e] = Σ_c C[..., j, c] W_V[c, h, e]
    V = (C.reshape(-1, d_ctx) @ W_V.reshape(d_ctx, -1)).reshape(*ell, m, H, d_v).swapaxes(-3, -2)
    E = np.empty((*ell, H, n, m), X.dtype)
    Z = np.empty((*ell, H, n), X.dtype)
    O = np.empty((*ell, H, n, d_v), X.dtype)
    for at in _portions((*ell, H), n * m):
        # S[..., h, i, j] = Σ_d Q[..., h, i, d] K[..., h, j, d] / √d_k
        np.matmul(Q[at] / math.sqrt(d_k), K[at].mT, out=E[at])
        # E[..., h, i, j] = exp(S[..., h, i, j] - max_k1 (S[..., h, i, k1]))
        E[at] -= E[at].max(axis=-1, keepdims=True, initial=-np.inf)
        np.exp(E[at], out=E[at])
        # Z[..., h, i] = Σ_k E[..., h, i, k]
        Z[at] = E[at].sum(axis=-1)
        # O[..., h, i, e] = Σ_j V[..., h, j, e] E[..., h, i, j] / Z[..., h, i]
        np.matmul(E[at], V[at], out=O[at])
        O[at] /= Z[at][..., None]
    # Y[..., i, o] = Σ_{h,e} W_O[h, e, o] O[..., h, i, e]
    Y = O.swapaxes(-3, -2).reshape(*ell, n, H * d_v) @ W_O.reshape(-1, d_in)
    return Y, (X, C, W_Q, W_K, W_V, W_O, Q, K, V, E, Z, O)


def cross_attention_bwd(residuals, dY):
    """The gradients dX, dC, dW_Q, dW_K, dW_V, dW_O, given the cotangent dY.

    dY: (..., n, d_in)
    -> dX: (..., n, d_in), dC: (..., m, d_ctx), dW_Q: (d_in, H, d_k), dW_K: (d_ctx, H, d_k), dW_V:
       (d_ctx, H, d_v), dW_O: (H, d_v, d_in)
    """
    X, C, W_Q, W_K, W_V, W_O, Q, K, V, E, Z, O = residuals
    dY = np.asarray(dY, dtype=X.dtype)
    _check("cross_attention_bwd", X=(X, "... i b"), W_O=(W_O, "h e o"), dY=(dY, "... i o"))
    ell = X.shape[:-2]
    n, d_in = X.shape[-2:]
    m, d_ctx = C.shape[-2:]
    H = W_Q.shape[1]
    d_k = W_Q.shape[2]
    d_v = W_V.shape[2]
    # dO[..., h, i, e] = Σ_o dY[..., i, o] W_O[h, e, o]
    dO = (dY.reshape(-1, d_in) @ W_O.reshape(-1, d_in).T).reshape(*ell, n, H, d_v).swapaxes(-3, -2)
    dV = np.empty((*ell, H, m, d_v), X.dtype)
    dK = np.empty((*ell, H, m, d_k), X.dtype)
    dQ = np.empty((*ell, H, n, d_k), X.dtype)
    for at in _portions((*ell, H), n * m):
        # dO_scaled[..., h, i, e] = dO[..., h, i, e] / Z[..., h, i]
        dO_scaled = dO[at] / Z[at][..., None]
        # delta[..., h, i] = Σ_e O[..., h, i, e] dO[..., h, i, e]
        delta = np.einsum("...hie,...hie->...hi", dO[at], O[at])
        # dS[..., h, i, j] = E[..., h, i, j] (Σ_e V[..., h, j, e] dO_scaled[..., h, i, e] -
        #     delta[..., h, i] / Z[..., h, i])
        dS = dO_scaled @ V[at].mT
        dS -= (delta / Z[at])[..., None]
        dS *= E[at]
        # dV[..., h, j, e] = Σ_i E[..., h, i, j] dO_scaled[..., h, i, e]
        np.matmul(E[at].mT, dO_scaled, out=dV[at])
        # dK[..., h, j, d] = Σ_i Q[..., h, i, d] dS[..., h, i, j] / √d_k
        np.matmul(dS.mT, Q[at] / math.sqrt(d_k), out=dK[at])
        # dQ[..., h, i, d] = Σ_j K[..., h, j, d] dS[..., h, i, j] / √d_k
        np.matmul(dS, K[at] / math.sqrt(d_k), out=dQ[at])
    # dX[..., i, b] = Σ_{h,d} W_Q[b, h, d] dQ[..., h, i, d]
    dX = dQ.swapaxes(-3, -2).reshape(*ell, n, H * d_k) @ W_Q.reshape(d_in, -1).T
    # dC[..., j, c] = Σ_{h,d} W_K[c, h, d] dK[..., h, j, d] + Σ_{h,e} W_V[c, h, e] dV[..., h, j,
    #     e]
    dC = dK.swapaxes(-3, -2).reshape(*ell, m, H * d_k) @ W_K.reshape(d_ctx, -1).T
    dC += dV.swapaxes(-3, -2).reshape(*ell, m, H * d_v) @ W_V.reshape(d_ctx, -1).T
    # dW_Q[b, h, d] = Σ_{...,i} X[..., i, b] dQ[..., h, i, d]
    dW_Q = (X.reshape(-1, d_in).T @ dQ.swapaxes(-3, -2).reshape(-1, H * d_k)).reshape(d_in, H, d_k)
    # dW_K[c, h, d] = Σ_{...,j} C[..., j, c] dK[..., h, j, d]
    dW_K_matrix = C.reshape(-1, d_ctx).T @ dK.swapaxes(-3, -2).reshape(-1, H * d_k)
    dW_K = dW_K_matrix.reshape(d_ctx, H, d_k)
    # dW_V[c, h, e] = Σ_{...,j} C[..., j, c] dV[..., h, j, e]
    dW_V_matrix = C.reshape(-1, d_ctx).T @ dV.swapaxes(-3, -2).reshape(-1, H * d_v)
    dW_V = dW_V_matrix.reshape(d_ctx, H, d_v)
    # dW_O[h, e, o] = Σ_{...,i} dY[..., i, o] O[..., h, i, e]
    dW_O = (O.swapaxes(-3, -2).reshape(-1, H * d_v).T @ dY.reshape(-1, d_in)).reshape(H, d_v, d_in)
    return dX, dC, dW_Q, dW_K, dW_V, dW_O
