"""Second derivatives of logistic_regression: products with a direction, and Hessians.

Logistic regression with labels 0 and 1.

L stands for the loss L.
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


def _sigmoid(x):
    """1 / (1 + exp(-x)); where exp overflows to inf, 1 / inf is the 0 that is wanted."""
    with np.errstate(over="ignore"):
        y = np.asarray(np.exp(-x))
    y += 1
    return np.reciprocal(y, out=y)


def logistic_regression_hvp(X, y, w, u):
    """The Hessian of L by w, times the direction u.

    X: (m, n), y: (m,), w: (n,), u: (n,) -> Hu: (n,)
    """
    _check("logistic_regression_hvp", X=(X, "b i"), y=(y, "b"), w=(w, "i"), u=(u, "i"))
    X, y, w, u = _floating(X, y, w, u)
    # z[b] = Σ_i X[b, i] w[i]
    z = X @ w
    # s[b] = sigmoid(z[b])
    s = _sigmoid(z)
    # Hu[i] = Σ_{i1,b} u[i1] X[b, i1] X[b, i] s[b] (1 - s[b])
    Hu = (1 - s) * s * (X @ u) @ X
    return Hu


def logistic_regression_hessian(X, y, w):
    """The Hessian d²L/dw[i]dw[j] = H[i,j].

    X: (m, n), y: (m,), w: (n,) -> H: (n, n)
    """
    _check("logistic_regression_hessian", X=(X, "b i"), y=(y, "b"), w=(w, "i"))
    X, y, w = _floating(X, y, w)
    # z[b] = Σ_i X[b, i] w[i]
    z = X @ w
    # s[b] = sigmoid(z[b])
    s = _sigmoid(z)
    # H[i, j] = Σ_b X[b, i] X[b, j] s[b] (1 - s[b])
    H = X.T @ (((1 - s) * s)[:, None] * X)
    return H
