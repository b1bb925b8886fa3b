"""Principal components as the subspace that loses least."""

from sympy import Sum

from derive.language import Parameter, Tensor, axes, define, layer

b, i, k = axes("b=n i=d k=K")


@layer
def pca(X: Tensor[b, i], W: Parameter[i, k]):
    """Reconstruction loss L = ‖X - X W Wᵀ‖² of the rows of X from K coordinates (Baldi and Hornik, 1989).

    It is least where the columns of W are an orthonormal basis of the K leading principal directions of centred data.
    """
    H = define("H", (b, k), Sum(X[b, i] * W[i, k], i))
    R = define("R", (b, i), X[b, i] - Sum(H[b, k] * W[i, k], k))
    return define("L", (), Sum(R[b, i] ** 2, b, i))
