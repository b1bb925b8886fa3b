"""Layers that put loops over portions to the test: what goes item by item, what is summed, and what does neither."""

from sympy import Abs, Sum, exp, log, sqrt, tanh

from derive.language import Parameter, Tensor, axes, define, layer, leading, where

i, j, d, h, o = axes("i=n j=m d=D h=H o=O")
i2, j2, d2 = axes("i2=n j2=m d2=D")


@layer
def bump(X: Tensor[...]):
    """Entry by entry: much is made and dropped."""
    return define("Y", (...,), X[...] * exp(-(X[...] ** 2)) / (1 + tanh(X[...]) ** 2))


@layer
def rows(X: Tensor[..., d], g: Parameter[d], b: Parameter[d]):
    """Rows without their mean, through a function; the gradients of g and b are sums over the items."""
    mu = define("mu", (...,), Sum(X[..., d], d) / d.size)
    C = define("C", (..., d), X[..., d] - mu[...])
    s = define("s", (...,), sqrt(Sum(C[..., d] ** 2, d) / d.size + 1))
    return define("Y", (..., d), g[d] * tanh(C[..., d] / s[...]) + b[d])


@layer
def penalty(X: Tensor[..., d], T: Tensor[..., d]):
    """One number, added up over the items."""
    R = define("R", (..., d), X[..., d] - T[..., d])
    return define("L", (), Sum(log(1 + R[..., d] ** 2) + Abs(R[..., d]), leading, d) / d.size)


@layer
def mixing(Q: Tensor[..., h, i, d], K: Tensor[..., h, i, d]):
    """A matrix for each item and head, of which half is masked."""
    S = define("S", (..., h, i, i2), Sum(Q[..., h, i, d] * K[..., h, i2, d], d))
    P = define("P", (..., h, i, i2), where(i2 <= i, exp(S[..., h, i, i2])))
    return define("Y", (..., h, i, d), Sum(P[..., h, i, i2] / (1 + P[..., h, i, i2]) * K[..., h, i2, d], i2))


@layer
def one_matrix(X: Tensor[..., d], W: Parameter[d, o]):
    """A product with one matrix for all items, between functions of each entry."""
    A = define("A", (..., d), tanh(X[..., d]) * exp(-(X[..., d] ** 2)) + X[..., d] ** 2)
    Z = define("Z", (..., o), Sum(A[..., d] * W[d, o], d))
    return define("Y", (..., o), tanh(Z[..., o]) * exp(-(Z[..., o] ** 2)) + Z[..., o] ** 2)


@layer
def halves(X: Tensor[..., d], W: Parameter[d, d2]):
    """A mask that is needed on both sides of a product with one matrix."""
    A = define("A", (..., d), where(X[..., d] > 0, tanh(X[..., d]) * exp(-(X[..., d] ** 2))))
    Z = define("Z", (..., d), Sum(A[..., d2] * W[d2, d], d2))
    return define("Y", (..., d), where(X[..., d] > 0, Z[..., d]))


@layer
def cut(X: Tensor[...]):
    """One pass over what is handed back."""
    return define("Y", (...,), where(X[...] > 0, X[...]))


@layer
def shares(X: Tensor[..., d]):
    """All passes are over what is handed back."""
    return define("Y", (..., d), exp(X[..., d]) / Sum(exp(X[..., d2]), d2))


@layer
def weighed(S: Tensor[..., h, i, j]):
    """Rows of each head and position: all these axes are gone through."""
    A = define("A", (..., h, i, j), S[..., h, i, j] ** 2)
    return define("P", (..., h, i, j), exp(A[..., h, i, j]) / Sum(exp(A[..., h, i, j2]), j2))


@layer
def whole(X: Tensor[..., d]):
    """Each item over a sum of all items, for which these are gone through twice."""
    E = define("E", (..., d), exp(-(X[..., d] ** 2)) * tanh(X[..., d]) ** 2 + X[..., d] ** 2)
    s = define("s", (), Sum(E[..., d], leading, d))
    return define("Y", (..., d), tanh(X[..., d] / (1 + s)) * exp(-(X[..., d] ** 2)) + X[..., d] ** 2)


@layer
def passed(X: Tensor[...], Z: Tensor[...]):
    """The gradient of X is the cotangent itself, beside one of which much is made and dropped."""
    return define("Y", (...,), X[...] + Z[...] * exp(-(Z[...] ** 2)) / (1 + tanh(Z[...]) ** 2))


@layer
def alone(X: Tensor[i, d]):
    """No leading axes, however much is made and dropped."""
    return define("Y", (i, d), X[i, d] * exp(-(X[i, d] ** 2)) / (1 + tanh(X[i, d]) ** 2))
