"""Pre-norm transformer block: attention and a perceptron, each added to what it read (Xiong et al., 2020).

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


def _erf(x):
    """The error function, a block at a time: what is computed on the way stays in the cache."""
    flat = np.reshape(x, -1)
    values = np.empty_like(flat)
    for start in range(0, flat.size, 16384):
        block = flat[start : start + 16384]
        values[start : start + 16384] = _erf_block(block)
    return values.reshape(np.shape(x))


def _erf_block(x):
    """The rational approximations of W. J. Cody (1969); highest powers first."""
    a = np.minimum(np.abs(x), 7)
    above = (0.185777706184603153, 3.16112374387056560, 113.864154151050156, 377.485237685302021, 3209.37758913846947)
    below = (1.0, 23.6012909523441209, 244.024637934444173, 1282.61652607737228, 2844.23683343917062)
    near = x * (_polynomial(a * a, above) / _polynomial(a * a, below))
    above = (2.15311535474403846e-8, 0.564188496988670089, 8.88314979438837594, 66.1191906371416295)
    above += (298.635138197400131, 881.952221241769090, 1712.04761263407058, 2051.07837782607147, 1230.33935479799725)
    below = (1.0, 15.7449261107098347, 117.693950891312499, 537.181101862009858)
    below += (1621.38957456669019, 3290.79923573345963, 4362.61909014324716, 3439.36767414372164, 1230.33935480374942)
    far = np.sign(x) * (1 - np.exp(-a * a) * _polynomial(a, above) / _polynomial(a, below))
    return _where(a < 0.46875, near, far)


def _polynomial(x, coefficients):
    """Horner's rule: the coefficients of the highest power first."""
    value = coefficients[0] * x + coefficients[1]
    for coefficient in coefficients[2:]:
        value *= x
        value += coefficient
    return value


def _portions(leading, entries):
    """Where a few items lie along some first axes, portion by portion: what is made of 2**16 entries stays in cache."""
    for axis, length in enumerate(leading if math.prod(leading) else ()):
        inside = entries * math.prod(leading[axis + 1 :])
        if inside <= 2**16 or axis == len(leading) - 1:
            step = 2**16 // max(1, inside) or 1
            places = [slice(n, n + step) for n in range(0, length, step)]
            return [(*at, place) for at in np.ndindex(leading[:axis]) for place in places] if axis else places
    return [...]


def layer_norm(X, gamma, beta, *, eps=1e-05):
    """Layer normalization: each row to mean 0 and variance 1, then scaled and shifted (Ba, Kiros and Hinton, 2016).

    X: (..., d), gamma: (d,), beta: (d,) -> Y: (..., d)
    """
    return layer_norm_fwd(X, gamma, beta, eps=eps)[0]


def layer_norm_fwd(X, gamma, beta, *, eps=1e-05):
    """The output Y, and what layer_norm_bwd needs: gamma, r, xhat."""
    eps = float(eps)
    _check("layer_norm", X=(X, "... j"), gamma=(gamma, "j"), beta=(beta, "j"))
    X, gamma, beta = _floating(X, gamma, beta)
    d = X.shape[-1]
    # mu[...] = Σ_j X[..., j] / d
    mu = X.sum(axis=-1) / d
    # var[...] = Σ_j (X[..., j] - mu[...])² / d
    xhat = X - mu[..., None]
    var = np.einsum("...j,...j->...", xhat, xhat) / d
    # r[...] = 1 / √(var[...] + eps)
    r = 1 / np.sqrt(var + eps)
    # xhat[..., j] = r[...] (X[..., j] - mu[...])
    xhat *= r[..., None]
    # Y[..., j] = gamma[j] xhat[..., j] + beta[j]
    Y = gamma * xhat
    Y += beta
    return Y, (gamma, r, xhat)


def layer_norm_bwd(residuals, dY, *, eps=1e-05):
    """The gradients dX, dgamma, dbeta, given the cotangent dY.

    dY: (..., d) -> dX: (..., d), dgamma: (d,), dbeta: (d,)
    """
    gamma, r, xhat = residuals
    dY = np.asarray(dY, dtype=gamma.dtype)
    _check("layer_norm_bwd", xhat=(xhat, "... j"), dY=(dY, "... j"))
    ell = r.shape
    d = gamma.shape[0]
    dX = np.empty((*ell, d), gamma.dtype)
    dgamma = np.zeros((d,), gamma.dtype)
    dbeta = np.zeros((d,), gamma.dtype)
    for at in _portions(ell, d):
        # dxhat[..., j] = dY[..., j] gamma[j]
        dxhat = dY[at] * gamma
        # dX[..., j] = r[...] (dxhat[..., j] - xhat[..., j] Σ_j1 xhat[..., j1] dxhat[..., j1] /
        #     d - Σ_j1 dxhat[..., j1] / d)
        np.multiply(xhat[at], (np.einsum("...a,...a->...", dxhat, xhat[at]) / d)[..., None], out=dX[at])
        np.subtract(dxhat, dX[at], out=dX[at])
        dX[at] -= (dxhat.sum(axis=-1) / d)[..., None]
        dX[at] *= r[at][..., None]
        # dgamma[j] = Σ_... dY[..., j] xhat[..., j]
        dgamma += np.einsum("aj,aj->j", dY[at].reshape(-1, d), xhat[at].reshape(-1, d))
        # dbeta[j] = Σ_... dY[..., j]
        dbeta += dY[at].reshape(-1, d).sum(axis=0)
    return dX, dgamma, dbeta


def multi_head_attention(X, W_Q, W_K, W_V, W_O):
    """Multi-head self-attention Y = Σ_h attention(X W_Q, X W_K, X W_V) W_O (Vaswani et al., 2017).

    X: (..., n, d_in), W_Q: (d_in, H, d_k), W_K: (d_in, H, d_k), W_V: (d_in, H, d_v), W_O: (H, d_v,
       d_out)
    -> Y: (..., n, d_out)
    """
    return multi_head_attention_fwd(X, W_Q, W_K, W_V, W_O)[0]


def multi_head_attention_fwd(X, W_Q, W_K, W_V, W_O):
    """The output Y, and what multi_head_attention_bwd needs: X, W_Q, W_K, W_V, W_O, Q, K, V, P, O."""
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
    P = np.empty((*ell, H, n, n), X.dtype)
    O = np.empty((*ell, H, n, d_v), X.dtype)
    for at in _portions((*ell, H), n * n):
        # S[..., h, t, t1] = Σ_d Q[..., h, t, d] K[..., h, t1, d] / √d_k
        np.matmul(Q[at] / math.sqrt(d_k), K[at].mT, out=P[at])
        # P[..., h, t, t1] = exp(S[..., h, t, t1]) / (Σ_k exp(S[..., h, t, k]))
        # (shifted by the maximum: exp cannot overflow, and the value is the same)
        P[at] -= P[at].max(axis=-1, keepdims=True, initial=-np.inf)
        np.exp(P[at], out=P[at])
        P[at] /= P[at].sum(axis=-1, keepdims=True)
        # O[..., h, t, e] = Σ_j V[..., h, j, e] P[..., h, t, j]
        np.matmul(P[at], V[at], out=O[at])
    # Y[..., t, o] = Σ_{h,e} W_O[h, e, o] O[..., h, t, e]
    Y = O.swapaxes(-3, -2).reshape(*ell, n, H * d_v) @ W_O.reshape(-1, d_out)
    return Y, (X, W_Q, W_K, W_V, W_O, Q, K, V, P, O)


def multi_head_attention_bwd(residuals, dY):
    """The gradients dX, dW_Q, dW_K, dW_V, dW_O, given the cotangent dY.

    dY: (..., n, d_out)
    -> dX: (..., n, d_in), dW_Q: (d_in, H, d_k), dW_K: (d_in, H, d_k), dW_V: (d_in, H, d_v), dW_O:
       (H, d_v, d_out)
    """
    X, W_Q, W_K, W_V, W_O, Q, K, V, P, O = residuals
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
        # delta[..., h, t] = Σ_e O[..., h, t, e] dO[..., h, t, e]
        delta = np.einsum("...hte,...hte->...ht", dO[at], O[at])
        # dS[..., h, t, t1] = P[..., h, t, t1] (Σ_e V[..., h, t1, e] dO[..., h, t, e] -
        #     delta[..., h, t])
        dS = dO[at] @ V[at].mT
        dS -= delta[..., None]
        dS *= P[at]
        # dV[..., h, t, e] = Σ_t1 P[..., h, t1, t] dO[..., h, t1, e]
        np.matmul(P[at].mT, dO[at], out=dV[at])
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


def linear(X, W, b):
    """Linear layer Y = XW + 1bᵀ over any leading axes (Goodfellow, Bengio and Courville, Deep Learning, 2016, §6.1).

    X: (..., d_in), W: (d_in, d_out), b: (d_out,) -> Y: (..., d_out)
    """
    return linear_fwd(X, W, b)[0]


def linear_fwd(X, W, b):
    """The output Y, and what linear_bwd needs: X, W."""
    _check("linear", X=(X, "... i"), W=(W, "i o"), b=(b, "o"))
    X, W, b = _floating(X, W, b)
    ell = X.shape[:-1]
    d_in = X.shape[-1]
    d_out = W.shape[1]
    # Y[..., o] = Σ_i X[..., i] W[i, o] + b[o]
    Y = (X.reshape(-1, d_in) @ W).reshape(*ell, d_out)
    Y += b
    return Y, (X, W)


def linear_bwd(residuals, dY):
    """The gradients dX, dW, db, given the cotangent dY.

    dY: (..., d_out) -> dX: (..., d_in), dW: (d_in, d_out), db: (d_out,)
    """
    X, W = residuals
    dY = np.asarray(dY, dtype=X.dtype)
    _check("linear_bwd", X=(X, "... i"), W=(W, "i o"), dY=(dY, "... o"))
    ell = X.shape[:-1]
    d_in = X.shape[-1]
    d_out = W.shape[1]
    # dX[..., i] = Σ_o dY[..., o] W[i, o]
    dX = (dY.reshape(-1, d_out) @ W.T).reshape(*ell, d_in)
    # dW[i, o] = Σ_... dY[..., o] X[..., i]
    dW = X.reshape(-1, d_in).T @ dY.reshape(-1, d_out)
    # db[o] = Σ_... dY[..., o]
    db = dY.reshape(-1, d_out).sum(axis=0)
    return dX, dW, db


def transformer_block(X, gamma1, beta1, W_Q, W_K, W_V, W_O, gamma2, beta2, W1, b1, W2, b2):
    """Pre-norm transformer block: attention and a perceptron, each added to what it read (Xiong et al., 2020).

    X: (..., n, d_model), gamma1: (d_model,), beta1: (d_model,), W_Q: (d_model, n_h, d_k), W_K:
       (d_model, n_h, d_k), W_V: (d_model, n_h, d_v), W_O: (n_h, d_v, d_model), gamma2: (d_model,),
       beta2: (d_model,), W1: (d_model, d_ff), b1: (d_ff,), W2: (d_ff, d_model), b2: (d_model,)
    -> Y: (..., n, d_model)
    """
    return transformer_block_fwd(X, gamma1, beta1, W_Q, W_K, W_V, W_O, gamma2, beta2, W1, b1, W2, b2)[0]


def transformer_block_fwd(X, gamma1, beta1, W_Q, W_K, W_V, W_O, gamma2, beta2, W1, b1, W2, b2):
    """The output Y, and what transformer_block_bwd needs: gamma1, W_Q, W_K, W_V, W_O, gamma2, W1, W2,
    N1, N2, H, Phi, G, N2_r, N2_xhat, A_Q, A_K, A_V, A_P, A_O, N1_r, N1_xhat.
    """
    _check(
        "transformer_block",
        X=(X, "... t c"),
        gamma1=(gamma1, "c"),
        beta1=(beta1, "c"),
        W_Q=(W_Q, "c h d"),
        W_K=(W_K, "c h d"),
        W_V=(W_V, "c h e"),
        W_O=(W_O, "h e o"),
        gamma2=(gamma2, "c"),
        beta2=(beta2, "c"),
        W1=(W1, "c f"),
        b1=(b1, "f"),
        W2=(W2, "f o"),
        b2=(b2, "o"),
    )
    (
        X, gamma1, beta1, W_Q, W_K, W_V, W_O, gamma2, beta2, W1, b1, W2, b2,
    ) = _floating(
        X, gamma1, beta1, W_Q, W_K, W_V, W_O, gamma2, beta2, W1, b1, W2, b2,
    )
    ell = X.shape[:-2]
    n, d_model = X.shape[-2:]
    d_ff = W1.shape[1]
    _check_size("transformer_block", "o", "W_O", W_O.shape[2], d_model)
    N1, (_, N1_r, N1_xhat) = layer_norm_fwd(X, gamma1, beta1, eps=1e-05)
    A, (_, _, _, _, _, A_Q, A_K, A_V, A_P, A_O) = multi_head_attention_fwd(N1, W_Q, W_K, W_V, W_O)
    # R[..., t, c] = X[..., t, c] + A[..., t, c]
    R = A + X
    N2, (_, N2_r, N2_xhat) = layer_norm_fwd(R, gamma2, beta2, eps=1e-05)
    H = linear(N2, W1, b1)
    Phi = np.empty((*ell, n, d_ff), X.dtype)
    G = np.empty((*ell, n, d_ff), X.dtype)
    for at in _portions((*ell, n, d_ff), 1):
        # Phi[..., t, f] = (1/2) erf(H[..., t, f] / √2) + (1/2)
        np.add(0.5 * _erf(H[at] / math.sqrt(2)), 0.5, out=Phi[at])
        # G[..., t, f] = H[..., t, f] Phi[..., t, f]
        np.multiply(Phi[at], H[at], out=G[at])
    F = linear(G, W2, b2)
    # Y[..., t, c] = R[..., t, c] + F[..., t, c]
    Y = F + R
    return Y, (
        gamma1, W_Q, W_K, W_V, W_O, gamma2, W1, W2, N1, N2, H, Phi, G, N2_r, N2_xhat, A_Q, A_K, A_V, A_P, A_O, N1_r,
        N1_xhat,
    )


def transformer_block_bwd(residuals, dY):
    """The gradients dX, dgamma1, dbeta1, dW_Q, dW_K, dW_V, dW_O, dgamma2, dbeta2, dW1, db1, dW2, db2,
    given the cotangent dY.

    dY: (..., n, d_model)
    -> dX: (..., n, d_model), dgamma1: (d_model,), dbeta1: (d_model,), dW_Q: (d_model, n_h, d_k),
       dW_K: (d_model, n_h, d_k), dW_V: (d_model, n_h, d_v), dW_O: (n_h, d_v, d_model), dgamma2:
       (d_model,), dbeta2: (d_model,), dW1: (d_model, d_ff), db1: (d_ff,), dW2: (d_ff, d_model),
       db2: (d_model,)
    """
    (
        gamma1, W_Q, W_K, W_V, W_O, gamma2, W1, W2, N1, N2, H, Phi, G, N2_r, N2_xhat, A_Q, A_K, A_V, A_P, A_O, N1_r,
        N1_xhat,
    ) = residuals
    dY = np.asarray(dY, dtype=gamma1.dtype)
    _check("transformer_block_bwd", N1=(N1, "... t c"), dY=(dY, "... t c"))
    ell = N1.shape[:-2]
    d_ff = W1.shape[1]
    n = N1.shape[-2]
    # dF[..., t, o] = dY[..., t, o]
    dF = dY
    dG, dW2, db2 = linear_bwd((G, W2), dF)
    dH = np.empty((*ell, n, d_ff), gamma1.dtype)
    for at in _portions((*ell, n, d_ff), 1):
        # dH[..., t, f] = dG[..., t, f] (H[..., t, f] exp(-(1/2) H[..., t, f]²) / √(2 pi) +
        #     Phi[..., t, f])
        np.multiply(dG[at], H[at] * np.exp(-0.5 * H[at] ** 2) / math.sqrt(2 * math.pi) + Phi[at], out=dH[at])
    dN2, dW1, db1 = linear_bwd((N2, W1), dH)
    dR_N2, dgamma2, dbeta2 = layer_norm_bwd((gamma2, N2_r, N2_xhat), dN2, eps=1e-05)
    # dR[..., t, c] = dY[..., t, c] + dR_N2[..., t, c]
    dR = dY + dR_N2
    # dA[..., t, o] = dR[..., t, o]
    dA = dR
    dN1, dW_Q, dW_K, dW_V, dW_O = multi_head_attention_bwd((N1, W_Q, W_K, W_V, W_O, A_Q, A_K, A_V, A_P, A_O), dA)
    dX_N1, dgamma1, dbeta1 = layer_norm_bwd((gamma1, N1_r, N1_xhat), dN1, eps=1e-05)
    # dX[..., t, c] = dR[..., t, c] + dX_N1[..., t, c]
    dX = dR + dX_N1
    return dX, dgamma1, dbeta1, dW_Q, dW_K, dW_V, dW_O, dgamma2, dbeta2, dW1, db1, dW2, db2
