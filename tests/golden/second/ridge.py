"""Second derivatives of ridge: products with a direction, and Hessians.

Ridge regression L = ‖X w - y‖² + λ ‖w‖² (Hoerl and Kennard, 1970).

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


def ridge_hvp(X, w, y, u, *, penalty=0.1):
    """The Hessian of L by w, times the direction u.

    X: (n, d_in), w: (d_in,), y: (n,), u: (d_in,) -> Hu: (d_in,)
    """
    penalty = float(penalty)
    _check("ridge_hvp", X=(X, "b i"), w=(w, "i"), y=(y, "b"), u=(u, "i"))
    X, w, y, u = _floating(X, w, y, u)
    # Hu[i] = 2 (penalty u[i] + Σ_{i1,b} u[i1] X[b, i1] X[b, i])
    Hu = 2 * (X.T @ (X @ u) + penalty * u)
    return Hu


def ridge_hessian(X, w, y, *, penalty=0.1):
    """The Hessian d²L/dw[i]dw[j] = H[i,j].

    X: (n, d_in), w: (d_in,), y: (n,) -> H: (d_in, d_in)
    """
    penalty = float(penalty)
    _check("ridge_hessian", X=(X, "b i"), w=(w, "i"), y=(y, "b"))
    X, w, y = _floating(X, w, y)
    d_in = X.shape[1]
    # H[i, j] = 2 Σ_b X[b, i] X[b, j] + 2 penalty δ(j,i)
    H = (2 * X).T @ X
    H[np.arange(d_in), np.arange(d_in)] += 2 * penalty
    return H
