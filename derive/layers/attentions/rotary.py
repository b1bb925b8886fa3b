"""Rotary position embedding."""

from sympy import cos, exp, log, sin

from derive.language import Axis, Integer, Real, Tensor, axes, define, layer, position

t, p = axes("t=n p=r")
c = Axis("c", 2)


@layer
def rotary(X: Tensor[..., t, c, p], *, base: Real(latex="b") = 10000, past: Integer() = 0):
    """Rotary embedding: pair p at place t turned by the angle t b^(-p/r) (Su et al., RoFormer, 2021).

    The d = 2 r features of a row come as two halves, and a pair is (x_0, x_1) = (X[0, p], X[1, p]). It is turned to
    (x_0 cos - x_1 sin, x_1 cos + x_0 sin).
    """
    angle = position(t + past) * exp(-position(p) / p.size * log(base))
    cosine = define("cosine", (t, p), cos(angle))
    sine = define("sine", (t, p), sin(angle))
    turned = X[..., t, c, p] * cosine[t, p] + position(2 * c - 1) * X[..., t, 1 - c, p] * sine[t, p]
    return define("Y", (..., t, c, p), turned)
