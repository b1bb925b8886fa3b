"""Huber's loss: squares near zero, absolute values beyond δ."""

from sympy import Abs, Sum

from derive.language import Real, Tensor, define, layer, leading, where


@layer
def huber(Y: Tensor[...], T: Tensor[...], *, delta: Real(latex=r"\delta") = 1.0):
    """Huber loss, the mean of r²/2 where |r| ≤ δ and of δ (|r| - δ/2) beyond, r = Y - T (Huber, 1964)."""
    R = define("R", (...,), Y[...] - T[...])
    size = Abs(R[...])
    return define(
        "L", (), Sum(where(size <= delta, R[...] ** 2 / 2, delta * (size - delta / 2)), leading) / leading.size
    )
