"""A bilinear map of two vectors."""

from sympy import Sum

from derive.language import Parameter, Tensor, axes, define, layer

i, j, o = axes("i=n j=m o=d_out")


@layer
def bilinear(x: Tensor[..., i], A: Parameter[o, i, j], z: Tensor[..., j]):
    """Bilinear map y[o] = xᵀ A[o] z over any leading axes (Socher et al., 2013, Neural Tensor Networks)."""
    return define("y", (..., o), Sum(x[..., i] * A[o, i, j] * z[..., j], i, j))
