"""Rows of length 1."""

from sympy import Sum, sqrt

from derive.language import Tensor, axes, define, layer, where

(j,) = axes("j=d")


@layer
def l2_normalize(X: Tensor[..., j]):
    """Y = X / ‖X‖ of each row (Schroff, Kalenichenko and Philbin, 2015); a row of zeros stays, and counts as constant.

    The inverse length r is 0 for a row of zeros, at which X / ‖X‖ has no value.
    """
    s = define("s", (...,), Sum(X[..., j] ** 2, j))
    r = define("r", (...,), where(s[...] > 0, 1 / sqrt(s[...])))
    return define("Y", (..., j), X[..., j] * r[...])
