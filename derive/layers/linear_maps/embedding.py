"""Rows of a table, looked up by integers."""

from sympy import Sum

from derive.language import Axis, Parameter, Tensor, axes, define, layer
from derive.layers.linear_maps.linear import linear

t, v, d = axes("t=n v=V d=D")
w, e = Axis("w", v.size), Axis("e", d.size)


@layer
def embedding(token: Tensor[..., t].into(v), E: Parameter[v, d]):
    """Embedding Y[t] = E[token[t]]: a row of the table for each token (Bengio et al., 2003)."""
    return define("Y", (..., t, d), E[token[..., t], d])


@layer
def tied_embedding(token: Tensor[..., t].into(v), E: Parameter[v, d], W: Parameter[d, e], b: Parameter[e]):
    """Scores Z = (E[token] W + 1 bᵀ) Eᵀ of words, with one table for input and output (Press and Wolf, 2017)."""
    X = embedding(token, E, name="X")
    H = linear(X, W, b, name="H")
    return define("Z", (..., t, w), Sum(H[..., t, e] * E[w, e], e))
