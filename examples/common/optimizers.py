"""Optimizers as layers: a step is a few equations on parameters w and their gradient g, run as generated NumPy code.

A layer with arguments (w, g, state…) and outputs (w, state…), in that order, is all that an optimizer is. A state
begins at zero.
"""

from sympy import sqrt

from derive.language import Real, Tensor, define, layer


@layer
def gradient_descent(w: Tensor[...], g: Tensor[...], *, rate: Real(latex=r"\eta") = 0.1):
    """Gradient descent: downhill, as far as it is steep (Cauchy, 1847)."""
    return define("w_next", (...,), w[...] - rate * g[...])


@layer
def momentum(
    w: Tensor[...],
    g: Tensor[...],
    v: Tensor[...],
    *,
    rate: Real(latex=r"\eta") = 0.1,
    memory: Real(latex=r"\mu") = 0.9,
):
    """Momentum: the velocity v is a fading sum of gradients (Polyak, 1964)."""
    v_next = define("v_next", (...,), memory * v[...] + g[...])
    return define("w_next", (...,), w[...] - rate * v_next[...]), v_next


@layer
def adam(
    w: Tensor[...],
    g: Tensor[...],
    m: Tensor[...],
    v: Tensor[...],
    a: Tensor[()],
    b: Tensor[()],
    *,
    rate: Real(latex=r"\eta") = 0.001,
    beta1: Real(latex=r"\beta_{1}") = 0.9,
    beta2: Real(latex=r"\beta_{2}") = 0.999,
    eps: Real(latex=r"\epsilon") = 1e-8,
):
    """Adam: the mean of gradients over the root of the mean of their squares (Kingma and Ba, 2015).

    Means that begin at zero are too small by 1 - βᵗ. That is the mean of ones, a and b, by which they are divided.
    """
    m_next = define("m_next", (...,), beta1 * m[...] + (1 - beta1) * g[...])
    v_next = define("v_next", (...,), beta2 * v[...] + (1 - beta2) * g[...] ** 2)
    a_next = define("a_next", (), beta1 * a[()] + 1 - beta1)
    b_next = define("b_next", (), beta2 * b[()] + 1 - beta2)
    change = (m_next[...] / a_next[()]) / (sqrt(v_next[...] / b_next[()]) + eps)
    return define("w_next", (...,), w[...] - rate * change), m_next, v_next, a_next, b_next
