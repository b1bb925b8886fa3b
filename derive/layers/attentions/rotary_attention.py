"""Attention whose queries and keys are turned by their places."""

from sympy import Sum, sqrt

from derive.language import Axis, Integer, Real, Tensor, axes, define, layer
from derive.layers.activations.softmax import softmax
from derive.layers.attentions.rotary import rotary

i, j, p, e = axes("i=n j=m p=r e=d_v")
c = Axis("c", 2)


@layer
def rotary_attention(
    Q: Tensor[..., i, c, p],
    K: Tensor[..., j, c, p],
    V: Tensor[..., j, e],
    *,
    base: Real(latex="b") = 10000,
    past: Integer() = 0,
):
    """Attention with rotary embedding of queries and keys: the scores depend on i - j alone (Su et al., 2021).

    Query i stands at place i + past, key j at place j.
    """
    A = rotary(Q, base=base, past=past, name="A")
    B = rotary(K, base=base, name="B")
    S = define("S", (..., i, j), Sum(A[..., i, c, p] * B[..., j, c, p], c, p) / sqrt(2 * p.size))
    P = softmax(S, over=j)
    return define("O", (..., i, e), Sum(P[..., i, j] * V[..., j, e], j))
