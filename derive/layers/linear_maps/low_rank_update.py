"""A linear map with an update of low rank."""

from sympy import Sum

from derive.language import Parameter, Real, Tensor, axes, define, layer

i, o, r = axes("i=d_in o=d_out r=R")


@layer
def low_rank_update(
    X: Tensor[..., i], W: Parameter[i, o], A: Parameter[i, r], B: Parameter[r, o], *, scale: Real(latex="s") = 1.0
):
    """Low-rank update Y = X (W + s A B) of a linear map, over any leading axes (Hu et al., 2022, LoRA)."""
    H = define("H", (..., r), Sum(X[..., i] * A[i, r], i))
    return define("Y", (..., o), Sum(X[..., i] * W[i, o], i) + scale * Sum(H[..., r] * B[r, o], r))
