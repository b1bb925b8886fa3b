"""Cross-entropy of a two-layer perceptron (Goodfellow, Bengio and Courville, Deep Learning, 2016, §6.2).

Each gradient is shaped like its variable: dX like X.
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


def _check_positions(function, name, array, size):
    """An integer array, whose entries are positions along an axis of that size; ValueError where they are not."""
    array = np.asarray(array)
    if array.dtype.kind not in "iu":
        raise ValueError(f"{function}: {name} is an array of {array.dtype}, expected integers.")
    if array.size and not 0 <= array.min() <= array.max() < size:
        raise ValueError(f"{function}: {name} runs from {array.min()} to {array.max()}, expected 0 to {size - 1}.")
    return array


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


def mlp(X, W1, b1, W2, b2):
    """Two linear layers with a rectifier between them (Goodfellow, Bengio and Courville, Deep Learning, 2016, §6.1).

    X: (..., d_in), W1: (d_in, d_hidden), b1: (d_hidden,), W2: (d_hidden, d_out), b2: (d_out,)
    -> Y: (..., d_out)
    """
    return mlp_fwd(X, W1, b1, W2, b2)[0]


def mlp_fwd(X, W1, b1, W2, b2):
    """The output Y, and what mlp_bwd needs: X, W1, W2, A."""
    _check("mlp", X=(X, "... i"), W1=(W1, "i h"), b1=(b1, "h"), W2=(W2, "h o"), b2=(b2, "o"))
    X, W1, b1, W2, b2 = _floating(X, W1, b1, W2, b2)
    H = linear(X, W1, b1)
    # A[..., h] = H[..., h] [H[..., h] > 0]
    A = np.maximum(H, 0, out=H)
    Y = linear(A, W2, b2)
    return Y, (X, W1, W2, A)


def mlp_bwd(residuals, dY):
    """The gradients dX, dW1, db1, dW2, db2, given the cotangent dY.

    dY: (..., d_out)
    -> dX: (..., d_in), dW1: (d_in, d_hidden), db1: (d_hidden,), dW2: (d_hidden, d_out), db2:
       (d_out,)
    """
    X, W1, W2, A = residuals
    dY = np.asarray(dY, dtype=X.dtype)
    _check("mlp_bwd", X=(X, "... i"), W2=(W2, "h o"), dY=(dY, "... o"))
    dA, dW2, db2 = linear_bwd((A, W2), dY)
    # dH[..., h] = dA[..., h] [A[..., h] > 0]
    dH = _where(A > 0, dA, 0, out=dA)
    dX, dW1, db1 = linear_bwd((X, W1), dH)
    return dX, dW1, db1, dW2, db2


def classifier(X, label, W1, b1, W2, b2):
    """Cross-entropy of a two-layer perceptron (Goodfellow, Bengio and Courville, Deep Learning, 2016, §6.2).

    X: (B, d_in), label: (B,), W1: (d_in, d_hidden), b1: (d_hidden,), W2: (d_hidden, C), b2: (C,)
    -> L: scalar
    """
    return classifier_fwd(X, label, W1, b1, W2, b2)[0]


def classifier_fwd(X, label, W1, b1, W2, b2):
    """The output L, and what classifier_bwd needs: X, label, W1, W2, P, Z_A."""
    _check(
        "classifier",
        X=(X, "b i"),
        label=(label, "b"),
        W1=(W1, "i h"),
        b1=(b1, "h"),
        W2=(W2, "h c"),
        b2=(b2, "c"),
    )
    X, W1, b1, W2, b2 = _floating(X, W1, b1, W2, b2)
    B = X.shape[0]
    C = W2.shape[1]
    label = _check_positions("classifier", "label", label, C)
    Z, (_, _, _, Z_A) = mlp_fwd(X, W1, b1, W2, b2)
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
    return L, (X, label, W1, W2, P, Z_A)


def classifier_bwd(residuals, dL):
    """The gradients dX, dW1, db1, dW2, db2, given the cotangent dL.

    dL: scalar
    -> dX: (B, d_in), dW1: (d_in, d_hidden), db1: (d_hidden,), dW2: (d_hidden, C), db2: (C,)
    """
    X, label, W1, W2, P, Z_A = residuals
    dL = np.asarray(dL, dtype=X.dtype)
    _check("classifier_bwd", dL=(dL, ""))
    B = X.shape[0]
    # dZ[b, c] = dL (P[b, c] - [c = label[b]]) / B
    dZ = dL / B * P
    dZ[np.arange(B), label] -= dL / B
    dX, dW1, db1, dW2, db2 = mlp_bwd((X, W1, W2, Z_A), dZ)
    return dX, dW1, db1, dW2, db2
