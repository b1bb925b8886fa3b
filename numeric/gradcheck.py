"""Derivatives by numbers: complex step, central differences that notice kinks, inner products.

All of them see a function only by its values. `f` takes the arrays `args` and gives one array or a
tuple of arrays. With its Jacobian J, the two directions of differentiation are

    jvp:  J u, one array for each output         for tangents u, shaped like the arguments
    vjp:  Jᵀ v, shaped like argument `wrt`       for a cotangent v, shaped like the outputs

- complex step (Squire & Trapp, 1998): f'(x) = Im f(x + i h) / h. Nothing is subtracted, so h can be
  so small that the result is exact up to rounding; f has to be analytic and take complex arrays.
- central differences: (f(x + h) - f(x - h)) / 2h, at two step sizes; works for every f, to about
  1e-10. With a kink within reach the derivative is NaN, which `compare` takes as "unknown".
- inner products: ⟨v, J u⟩ = ⟨Jᵀ v, u⟩ for random u and v, at the cost of a few calls of f.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.exceptions import ComplexWarning

from .comparison import Comparison, compare

Array = np.ndarray
Function = Callable[..., Any]

COMPLEX_STEP = 1e-30
# A power of two, so that x ± h is mostly exact. Truncation errs by about h⁴, rounding by 1e-16 / h.
STEP = 2.0**-15
# What a smooth function may leave unexplained, relative to its largest derivative (at least 1). A
# kink leaves about as much as the error it causes, so what gets past the guard is as harmless.
KINK = 1e-7


def complex_step(f: Function, args: Sequence[Any], wrt: int, cotangent: Any) -> Array:
    """The gradient of ⟨cotangent, f(args)⟩ by argument number `wrt`, exact up to rounding.

    >>> complex_step(np.square, [np.array([1.0, 2.0, 3.0])], 0, np.ones(3))
    array([2., 4., 6.])
    """
    return _vjp(complex_step_jvp, f, args, wrt, cotangent)


def central_difference(f: Function, args: Sequence[Any], wrt: int, cotangent: Any) -> Array:
    """The gradient of ⟨cotangent, f(args)⟩ by argument number `wrt`; NaN where a kink is too near.

    >>> central_difference(np.abs, [np.array([2.0, 0.0, -3.0])], 0, np.ones(3)).round(6)
    array([ 1., nan, -1.])
    """
    return _vjp(central_difference_jvp, f, args, wrt, cotangent)


def complex_step_jvp(f: Function, args: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """The derivative of f(args) along `tangents` (None: that argument is held), to rounding."""
    moved = _moved(_widened(args), tangents, 1j * COMPLEX_STEP)
    with warnings.catch_warnings():
        # A complex number cast to a real one loses the derivative: better no answer than 0.
        warnings.simplefilter("error", ComplexWarning)
        result = f(*moved)
    outputs = _outputs(result)
    if not any(np.iscomplexobj(y) for y in outputs):
        raise ValueError(
            "complex step: f gives real values for complex arguments, so it isn't analytic "
            "(np.abs and .real are not) or doesn't depend on them; use central_difference."
        )
    return _like(result, [y.imag / COMPLEX_STEP for y in outputs])


def central_difference_jvp(f: Function, args: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """The derivative of f(args) along `tangents` (None: that argument is held), NaN at kinks."""
    args = _widened(args)
    h = _step(args, tangents)

    def along(t: float) -> Any:
        return f(*_moved(args, tangents, t))

    results = [along(t) for t in (0.0, h, -h, h / 2, -h / 2)]
    values = zip(*map(_outputs, results), strict=True)
    return _like(results[0], [_slope(h, *value) for value in values])


def inner_product_test(
    f: Function,
    bwd: Callable[[Any], Any],
    args: Sequence[Any],
    *,
    rng: np.random.Generator,
    jvp: Callable[..., Any] = complex_step_jvp,
    tolerance: float = 1e-9,
    trials: int = 3,
) -> Comparison:
    """⟨Jᵀ v, u⟩ from `bwd` against ⟨v, J u⟩ from the values of f, for random u and v.

    `bwd` maps a cotangent of f's output (a tuple for several) to one gradient per argument, None
    for an argument that has none: `partial(linear_bwd, residuals)`. The comparison has one entry
    per trial.
    """
    pairs = [_inner_products(f, bwd, args, rng, jvp) for _ in range(trials)]
    actual, expected = zip(*pairs, strict=True)
    return compare(actual, expected, tolerance=tolerance, name="<J'v, u>")


def _inner_products(
    f: Function, bwd: Callable[[Any], Any], args: Sequence[Any], rng: np.random.Generator, jvp: Any
) -> tuple[float, float]:
    """⟨Jᵀ v, u⟩, ⟨v, J u⟩"""
    u = [rng.standard_normal(np.shape(a)) if _is_real(np.asarray(a)) else None for a in args]
    result = jvp(f, args, u)
    slopes = _outputs(result)
    # v is 0 on the outputs whose slope is unknown. If that is most of them, nothing is tested.
    unknown = [np.isnan(slope) for slope in slopes]
    if 2 * sum(int(m.sum()) for m in unknown) > sum(m.size for m in unknown):
        return 0.0, np.nan
    v = [np.where(mask, 0.0, rng.standard_normal(mask.shape)) for mask in unknown]
    gradients = _outputs(bwd(_like(result, v)))
    for gradient, tangent in zip(gradients, u, strict=True):
        if tangent is not None and gradient.shape != tangent.shape:
            return np.nan, 0.0
    actual = sum(float(np.vdot(g, t)) for g, t in zip(gradients, u, strict=True) if t is not None)
    return actual, sum(_dot(vk, slope) for vk, slope in zip(v, slopes, strict=True))


def _vjp(jvp: Function, f: Function, args: Sequence[Any], wrt: int, cotangent: Any) -> Array:
    """(Jᵀ v)[p] = ⟨v, J e_p⟩, one unit tangent at a time."""
    weights = _outputs(cotangent)
    tangents: list[Any] = [None] * len(args)
    gradient = np.empty(np.shape(args[wrt]))
    for index in np.ndindex(gradient.shape):
        tangents[wrt] = np.zeros(gradient.shape)
        tangents[wrt][index] = 1.0
        slopes = _outputs(jvp(f, args, tangents))
        gradient[index] = sum(_dot(v, slope) for v, slope in zip(weights, slopes, strict=True))
    return gradient


def _dot(v: Array, slope: Array) -> float:
    if v.shape != slope.shape:
        raise ValueError(f"cotangent: expected shape {slope.shape}, as f's output, given {v.shape}.")
    # Where v is 0 it doesn't matter that a slope is unknown.
    return float(np.sum(v * slope, where=v != 0))


@np.errstate(invalid="ignore")
def _slope(h: float, y: Array, ahead: Array, behind: Array, ahead2: Array, behind2: Array) -> Array:
    """The derivative from f at 0, ±h and ±h/2, by Richardson extrapolation; NaN at a kink.

    The two one-sided slopes differ by about h f''. For a smooth f that halves with h, and the
    central slope moves by no more than h². A kink anywhere between -h and h breaks one of the two.
    """
    central, central2 = (ahead - behind) / (2 * h), (ahead2 - behind2) / h
    jump, jump2 = (ahead - 2 * y + behind) / h, (ahead2 - 2 * y + behind2) / (h / 2)
    slope = (4 * central2 - central) / 3
    unexplained = np.maximum(np.abs(jump - 2 * jump2), np.abs(central - central2))
    rounding = 32 * np.finfo(np.float64).eps * np.abs(y).max(initial=0.0) / h
    allowed = KINK * np.abs(central2).max(initial=1.0, where=np.isfinite(central2)) + rounding
    # Written so that NaN counts as unexplained.
    return np.where(unexplained <= allowed, slope, np.nan)


def _moved(args: Sequence[Array], tangents: Sequence[Any], t: complex) -> list[Array]:
    """args + t · tangents"""
    pairs = zip(args, tangents, strict=True)
    return [arg if tangent is None else arg + t * np.asarray(tangent) for arg, tangent in pairs]


def _step(args: Sequence[Array], tangents: Sequence[Any]) -> float:
    """The largest h by which no entry x moves further than STEP · max(1, |x|)."""
    h = np.inf
    for arg, tangent in zip(args, tangents, strict=True):
        if tangent is not None:
            moves = np.broadcast_to(np.abs(tangent), arg.shape)
            room = np.maximum(1.0, np.abs(arg)) / np.where(moves > 0, moves, np.nan)
            h = np.fmin.reduce(room, axis=None, initial=h)
    return STEP * h if np.isfinite(h) else STEP


def _widened(args: Sequence[Any]) -> list[Array]:
    """The real arguments in float64; integers (labels, tokens) as they are."""
    arrays = [np.asarray(arg) for arg in args]
    return [array.astype(np.float64) if _is_real(array) else array for array in arrays]


def _is_real(array: Array) -> bool:
    return array.dtype.kind == "f"


def _outputs(result: Any) -> list[Array]:
    """One array or a tuple of arrays, as a list."""
    return [np.asarray(y) for y in (result if isinstance(result, tuple) else (result,))]


def _like(result: Any, outputs: list[Any]) -> Any:
    """The outputs, as a tuple where `result` is one."""
    return tuple(outputs) if isinstance(result, tuple) else outputs[0]
