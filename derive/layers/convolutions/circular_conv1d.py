"""Convolution on a circle."""

from sympy import Sum

from derive.language import Axis, Parameter, Tensor, axes, define, given, layer

j, t, k = axes("j=n t=n k=K")


@layer
def circular_conv1d(x: Tensor[j], w: Parameter[k]):
    """Circular convolution y[t] = Σ_k w[k] x[(t - k) mod n], of a kernel with at most n taps (Gray, 2006).

    y = C x with the circulant matrix C[t, j] = w[(t - j) mod n]. The discrete Fourier transform F diagonalises every
    circulant matrix, C = F⁻¹ diag(F w) F for w filled up with zeros, so that F y = F w ⊙ F x. z is x with its last
    K - 1 entries once more in front: a sum of two shifted reads, of which one is outside x and 0.
    """
    given(k.size <= j.size)
    m = Axis("m", j.size + k.size - 1)
    z = define("z", (m,), x[m - k.size + 1] + x[m - k.size + 1 + j.size])
    return define("y", (t,), Sum(w[k] * z[t - k + k.size - 1], k))
