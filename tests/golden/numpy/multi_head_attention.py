"""Multi-head self-attention Y = Σ_h attention(X W_Q, X W_K, X W_V) W_O (Vaswani et al., 2017).

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


def _portions(leading, entries):
    """Where a few items lie along some first axes, portion by portion: what is made of 2**16 entries stays in cache."""
    for axis, length in enumerate(leading if math.prod(leading) else ()):
        inside = entries * math.prod(leading[axis + 1 :])
        if inside <= 2**16 or axis == len(leading) - 1:
            step = 2**16 // max(1, inside) or 1
            places = [slice(n, n + step) for n in range(0, length, step)]
            return [(*at, place) for at in np.ndindex(leading[:axis]) for place in places] if axis else places
    return [...]


def multi_head_attention(X, W_Q, W_K, W_V, W_O):
    """Multi-head self-attention Y = Σ_h attention(X W_Q, X W_K, X W_V) W_O (Vaswani et al., 2017).

    X: (..., n, d_in), W_Q: (d_in, H, d_k), W_K: (d_in, H, d_k), W_V: (d_in, H, d_v), W_O: (H, d_v,
       d_out)
    -> Y: (..., n, d_out)
    """
    return multi_head_attention_fwd(X, W_Q, W_K, W_V, W_O)[0]


def multi_head_attention_fwd(X, W_Q, W_K, W_V, W_O):
    """The output Y, and what multi_head_attention_bwd needs: X, W_Q, W_K, W_V, W_O, Q, K, V, E, Z, O."""
    _check(
        "multi_head_attention",
        X=(X, "... t c"),
        W_Q=(W_Q, "c h d"),
        W_K=(W_K, "c h d"),
        W_V=(W_V, "c h e"),
        W_O=(W_O, "h e o"),
    )
    X, W_Q, W_K, W_V, W_O = _floating(X, W_Q, W_K, W_V, W_O)
    ell = X.shape[:-2]
    n, d_in = X.shape[-2:]
    H = W_Q.shape[1]
    d_k = W_Q.shape[2]
    d_v = W_V.shape[2]
    d_out = W_O.shape[2]
    # Q[..., h, t, d] = Σ_c X[..., t, c] W_Q[c, h, d]
    Q = (X.reshape(-1, d_in) @ W_Q.reshape(d_in, -1)).reshape(*ell, n, H, d_k).swapaxes(-3, -2)
    # K[..., h, t, d] = Σ_c X[..., t, c] W_K[c, h, d]
    K = (X.reshape(-1, d_in) @ W_K.reshape(d_in, -1)).reshape(*ell, n, H, d_k).swapaxes(-3, -2)
    # V[..., h, t, e] = Σ_c X[..., t, c] W_V[c, h, e]
    V = (X.reshape(-1, d_in) @ W_V.reshape(d_in, -1)).reshape(*ell, n, H, d_v).swapaxes(-3, -2)
    E = np.empty((*ell, H, n, n), X.dtype)
    Z = np.empty((*ell, H, n), X.dtype)
    O = np.empty((*ell, H, n, d_v), X.dtype)
    for at in _portions((*ell, H), n * n):
        # S[..., h, t, t1] = Σ_d Q[..., h, t, d] K[..., h, t1, d] / √d_k
        np.matmul(Q[at] / math.sqrt(d_k), K[at].mT, out=E[at])
        # E[..., h, t, t1] = exp(S[..., h, t, t1] - max_k1 (S[..., h, t, k1]))
        E[at] -= E[at].max(axis=-1, keepdims=True, initial=-np.inf)
        np.exp(E[at], out=E[at])
        # Z[..., h, t] = Σ_k E[..., h, t, k]
        Z[at] = E[at].sum(axis=-1)
        # O[..., h, t, e] = Σ_j V[..., h, j, e] E[..., h, t, j] / Z[..., h, t]
        np.matmul(E[at], V[at], out=O[at])
        O[at] /= Z[at][..., None]
    # Y[..., t, o] = Σ_{h,e} W_O[h, e, o] O[..., h, t, e]
    Y = O.swapaxes(-3, -2).reshape(*ell, n, H * d_v) @ W_O.reshape(-1, d_out)
    return Y, (X, W_Q, W_K, W_V, W_O, Q, K, V, E, Z, O)


def multi_head_attention_bwd(residuals, dY):
    """The gradients dX, dW_Q, dW_K, dW_V, dW_O, given the cotangent dY.

    dY: (..., n, d_out)
    -> dX: (..., n, d_in), dW_Q: (d_in, H, d_k), dW_K: (d_in, H, d_k), dW_V: (d_in, H, d_v), dW_O:
       (H, d_v, d_out)
    """
    X, W_Q, W_K, W_V, W_O, Q, K, V, E, Z, O = residuals
    dY = np.asarray(dY, dtype=X.dtype)
    _check("multi_head_attention_bwd", X=(X, "... t c"), W_O=(W_O, "h e o"), dY=(dY, "... t o"))
    ell = X.shape[:-2]
    n, d_in = X.shape[-2:]
    H = W_Q.shape[1]
    d_k = W_Q.shape[2]
    d_v = W_V.shape[2]
    d_out = W_O.shape[2]
    # dO[..., h, t, e] = Σ_o dY[..., t, o] W_O[h, e, o]
    dO_part = (dY.reshape(-1, d_out) @ W_O.reshape(-1, d_out).T).reshape(*ell, n, H, d_v)
    dO = dO_part.swapaxes(-3, -2)
    dV = np.empty((*ell, H, n, d_v), X.dtype)
    dK = np.empty((*ell, H, n, d_k), X.dtype)
    dQ = np.empty((*ell, H, n, d_k), X.dtype)
    for at in _portions((*ell, H), n * n):
        # dO_scaled[..., h, t, e] = dO[..., h, t, e] / Z[..., h, t]
        dO_scaled = dO[at] / Z[at][..., None]
        # delta[..., h, t] = Σ_e O[..., h, t, e] dO[..., h, t, e]
        delta = np.einsum("...hte,...hte->...ht", dO[at], O[at])
        # dS[..., h, t, t1] = E[..., h, t, t1] (Σ_e V[..., h, t1, e] dO_scaled[..., h, t, e] -
        #     delta[..., h, t] / Z[..., h, t])
        dS = dO_scaled @ V[at].mT
        dS -= (delta / Z[at])[..., None]
        dS *= E[at]
        # dV[..., h, t, e] = Σ_t1 E[..., h, t1, t] dO_scaled[..., h, t1, e]
        np.matmul(E[at].mT, dO_scaled, out=dV[at])
        # dK[..., h, t, d] = Σ_t1 Q[..., h, t1, d] dS[..., h, t1, t] / √d_k
        np.matmul(dS.mT, Q[at] / math.sqrt(d_k), out=dK[at])
        # dQ[..., h, t, d] = Σ_t1 K[..., h, t1, d] dS[..., h, t, t1] / √d_k
        np.matmul(dS, K[at] / math.sqrt(d_k), out=dQ[at])
    # dX[..., t, c] = Σ_{h,d} W_Q[c, h, d] dQ[..., h, t, d] + Σ_{h,d} W_K[c, h, d] dK[..., h, t,
    #     d] + Σ_{h,e} W_V[c, h, e] dV[..., h, t, e]
    dX = dQ.swapaxes(-3, -2).reshape(*ell, n, H * d_k) @ W_Q.reshape(d_in, -1).T
    dX += dK.swapaxes(-3, -2).reshape(*ell, n, H * d_k) @ W_K.reshape(d_in, -1).T
    dX += dV.swapaxes(-3, -2).reshape(*ell, n, H * d_v) @ W_V.reshape(d_in, -1).T
    # dW_Q[c, h, d] = Σ_{...,t} X[..., t, c] dQ[..., h, t, d]
    dW_Q = (X.reshape(-1, d_in).T @ dQ.swapaxes(-3, -2).reshape(-1, H * d_k)).reshape(d_in, H, d_k)
    # dW_K[c, h, d] = Σ_{...,t} X[..., t, c] dK[..., h, t, d]
    dW_K = (X.reshape(-1, d_in).T @ dK.swapaxes(-3, -2).reshape(-1, H * d_k)).reshape(d_in, H, d_k)
    # dW_V[c, h, e] = Σ_{...,t} X[..., t, c] dV[..., h, t, e]
    dW_V = (X.reshape(-1, d_in).T @ dV.swapaxes(-3, -2).reshape(-1, H * d_v)).reshape(d_in, H, d_v)
    # dW_O[h, e, o] = Σ_{...,t} dY[..., t, o] O[..., h, t, e]
    dW_O_matrix = O.swapaxes(-3, -2).reshape(-1, H * d_v).T @ dY.reshape(-1, d_out)
    dW_O = dW_O_matrix.reshape(H, d_v, d_out)
    return dX, dW_Q, dW_K, dW_V, dW_O
