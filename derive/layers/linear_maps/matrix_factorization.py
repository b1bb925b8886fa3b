"""A matrix as the product of two narrow ones."""

from sympy import Sum

from derive.language import Parameter, Tensor, axes, define, layer

i, j, k = axes("i=n j=m k=K")


@layer
def matrix_factorization(R: Tensor[i, j], M: Tensor[i, j], U: Parameter[i, k], V: Parameter[j, k]):
    """Squared error L = Σ M (R - U Vᵀ)² of a factorization, M is 1 where R is known, else 0 (Koren et al., 2009)."""
    E = define("E", (i, j), R[i, j] - Sum(U[i, k] * V[j, k], k))
    return define("L", (), Sum(M[i, j] * E[i, j] ** 2, i, j))
