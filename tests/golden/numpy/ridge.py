"""Ridge regression L = ‖X w - y‖² + λ ‖w‖² (Hoerl and Kennard, 1970).

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


def ridge(X, w, y, *, penalty=0.1):
    """Ridge regression L = ‖X w - y‖² + λ ‖w‖² (Hoerl and Kennard, 1970).

    X: (n, d_in), w: (d_in,), y: (n,) -> L: scalar
    """
    return ridge_fwd(X, w, y, penalty=penalty)[0]


def ridge_fwd(X, w, y, *, penalty=0.1):
    """The output L, and what ridge_bwd needs: X, w, r."""
    penalty = float(penalty)
    _check("ridge", X=(X, "b i"), w=(w, "i"), y=(y, "b"))
    X, w, y = _floating(X, w, y)
    # r[b] = Σ_i X[b, i] w[i] - y[b]
    r = X @ w - y
    # L = penalty Σ_i w[i]² + Σ_b r[b]²
    L = penalty * (w @ w) + r @ r
    return L, (X, w, r)


def ridge_bwd(residuals, dL, *, penalty=0.1):
    """The gradients dX, dw, dy, given the cotangent dL.

    dL: scalar -> dX: (n, d_in), dw: (d_in,), dy: (n,)
    """
    penalty = float(penalty)
    X, w, r = residuals
    dL = np.asarray(dL, dtype=X.dtype)
    _check("ridge_bwd", dL=(dL, ""))
    # dX[b, i] = 2 dL w[i] r[b]
    part = 2 * dL * r
    dX = part[:, None] * w
    # dw[i] = 2 dL (Σ_b X[b, i] r[b] + penalty w[i])
    dw = 2 * dL * (r @ X + penalty * w)
    # dy[b] = -2 dL r[b]
    dy = -part
    return dX, dw, dy
