"""Gated linear units: a tensor A times an activation of another, B, the gate; and a feed-forward layer built on one."""

from sympy import Sum

from derive.language import Parameter, Tensor, axes, define, layer
from derive.layers.activations.elementwise import gelu, sigmoid, silu

i, h, o = axes("i=d h=d_h o=d")


@layer
def glu(A: Tensor[...], B: Tensor[...]):
    """Gated linear unit Y = A ⊙ sigmoid(B) (Dauphin et al., 2017)."""
    S = sigmoid(B, name="S")
    return define("Y", (...,), A[...] * S[...])


@layer
def geglu(A: Tensor[...], B: Tensor[...]):
    """Gated linear unit with a GELU: Y = A ⊙ gelu(B) (Shazeer, 2020)."""
    H = gelu(B, name="H")
    return define("Y", (...,), A[...] * H[...])


@layer
def swiglu(A: Tensor[...], B: Tensor[...]):
    """Gated linear unit with a SiLU: Y = A ⊙ silu(B) (Shazeer, 2020)."""
    H = silu(B, name="H")
    return define("Y", (...,), A[...] * H[...])


@layer
def swiglu_feed_forward(X: Tensor[..., i], W: Parameter[i, h], V: Parameter[i, h], U: Parameter[h, o]):
    """Feed-forward layer with a gated unit: Y = (silu(X W) ⊙ X V) U (Shazeer, 2020)."""
    A = define("A", (..., h), Sum(X[..., i] * V[i, h], i))
    B = define("B", (..., h), Sum(X[..., i] * W[i, h], i))
    Z = swiglu(A, B, name="Z")
    return define("Y", (..., o), Sum(Z[..., h] * U[h, o], h))
