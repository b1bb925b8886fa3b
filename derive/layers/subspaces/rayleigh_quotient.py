"""The Rayleigh quotient: variance along a direction."""

from sympy import Eq, Sum

from derive.language import Parameter, Tensor, axes, define, given, layer

i, j = axes("i=n j=n")


@layer
def rayleigh_quotient(C: Tensor[i, j], x: Parameter[i]):
    """Rayleigh quotient ρ = xᵀ C x / xᵀ x of a symmetric matrix (Golub and Van Loan, 2013, §8.2)."""
    given(Eq(C[i, j], C[j, i]))
    return define("rho", (), Sum(x[i] * C[i, j] * x[j], i, j) / Sum(x[i] ** 2, i))
