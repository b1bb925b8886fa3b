"""Layers that contract a softmax, in other words than the catalogue's: other names, orders and layouts, more of it."""

from sympy import And, Gt, Sum, exp, sqrt, tanh

from derive.language import Integer, Parameter, Tensor, axes, define, layer, where
from derive.layers.activations.softmax import softmax

i, j, k, d, e, h, f = axes("i=n j=m k=m d=d_k e=d_v h=H f=d_f")
s, t, u = axes("s=n t=n u=n")


@layer
def transposed(A: Tensor[d, i], B: Tensor[d, j], C: Tensor[e, j]):
    """Everything stands transposed, without leading axes."""
    R = define("R", (j, i), Sum(B[d, j] * A[d, i], d))
    W = softmax(R, over=j, name="W")
    return define("Y", (e, i), Sum(C[e, j] * W[j, i], j))


@layer
def heads_between(Q: Tensor[..., i, h, d], K: Tensor[..., j, h, d], V: Tensor[..., j, h, e]):
    """The heads stand between positions and features."""
    S = define("S", (..., i, h, j), Sum(K[..., j, h, d] * Q[..., i, h, d], d) / sqrt(d.size))
    P = softmax(S, over=j)
    return define("O", (..., i, h, e), Sum(P[..., i, h, j] * V[..., j, h, e], j))


@layer
def unnamed_scores(Q: Tensor[..., i, d], K: Tensor[..., j, d], V: Tensor[..., j, e]):
    """The scores have no name."""
    Z = Sum(exp(Sum(Q[..., i, d] * K[..., k, d], d)), k)
    P = define("P", (..., i, j), exp(Sum(Q[..., i, d] * K[..., j, d], d)) / Z)
    return define("O", (..., i, e), Sum(P[..., i, j] * V[..., j, e], j))


@layer
def capped(Q: Tensor[..., i, d], K: Tensor[..., j, d], V: Tensor[..., j, e]):
    """Scores through a hyperbolic tangent, and masked."""
    A = define("A", (..., i, j), Sum(Q[..., i, d] * K[..., j, d], d))
    S = define("S", (..., i, j), 3 * tanh(A[..., i, j] / 3))
    Z = Sum(where(k <= i, exp(S[..., i, k])), k)
    P = define("P", (..., i, j), where(j <= i, exp(S[..., i, j]) / Z))
    return define("O", (..., i, e), Sum(P[..., i, j] * V[..., j, e], j))


@layer
def projected(X: Tensor[..., s, f], K: Tensor[..., t, f], V: Tensor[..., t, e], W: Parameter[e, f], b: Parameter[f]):
    """A skip connection, a projection and a bias in the equation of the contraction."""
    S = define("S", (..., s, t), Sum(X[..., s, f] * K[..., t, f], f))
    P = softmax(S, over=t)
    return define("Y", (..., s, f), X[..., s, f] + b[f] + Sum(P[..., s, t] * V[..., t, e] * W[e, f], t, e))


@layer
def of_itself(X: Tensor[..., s, f]):
    """Queries, keys and values are one tensor."""
    S = define("S", (..., s, t), Sum(X[..., s, f] * X[..., t, f], f))
    P = softmax(S, over=t)
    return define("Y", (..., s, f), Sum(P[..., s, t] * X[..., t, f], t))


@layer
def tempered(Q: Tensor[h, i, d], K: Tensor[h, j, d], V: Tensor[h, j, e], tau: Parameter[h]):
    """Each head has a temperature that is learned."""
    A = define("A", (h, i, j), Sum(Q[h, i, d] * K[h, j, d], d))
    S = define("S", (h, i, j), tau[h] * A[h, i, j])
    P = softmax(S, over=j)
    return define("O", (h, i, e), Sum(P[h, i, j] * V[h, j, e], j))


@layer
def dropped(Q: Tensor[..., i, d], K: Tensor[..., j, d], V: Tensor[..., j, e], D: Tensor[..., i, j]):
    """Some of the weights are dropped."""
    S = define("S", (..., i, j), Sum(Q[..., i, d] * K[..., j, d], d))
    P = softmax(S, over=j)
    A = define("A", (..., i, j), P[..., i, j] * D[..., i, j])
    return define("O", (..., i, e), Sum(A[..., i, j] * V[..., j, e], j))


@layer
def two_values(Q: Tensor[..., i, d], K: Tensor[..., j, d], V: Tensor[..., j, e], U: Tensor[..., j, f]):
    """One softmax, contracted twice."""
    S = define("S", (..., i, j), Sum(Q[..., i, d] * K[..., j, d], d))
    P = softmax(S, over=j)
    O = define("O", (..., i, e), Sum(P[..., i, j] * V[..., j, e], j))
    return O, define("T", (..., i, f), Sum(U[..., j, f] * P[..., i, j], j))


@layer
def two_softmaxes(Q: Tensor[..., s, f], K: Tensor[..., t, f], V: Tensor[..., t, f]):
    """The output of one goes into the next."""
    S = define("S", (..., s, t), Sum(Q[..., s, f] * K[..., t, f], f))
    P = softmax(S, over=t)
    H = define("H", (..., s, f), Sum(P[..., s, t] * V[..., t, f], t))
    R = define("R", (..., s, t), Sum(H[..., s, f] * K[..., t, f], f))
    W = softmax(R, over=t, name="W")
    return define("Y", (..., s, f), Sum(W[..., s, t] * H[..., t, f], t))


@layer
def masked_by_data(Q: Tensor[..., i, d], K: Tensor[..., j, d], V: Tensor[..., j, e], B: Tensor[..., j]):
    """A key takes part where its number is positive; where none is, the row is 0."""
    S = define("S", (..., i, j), Sum(Q[..., i, d] * K[..., j, d], d))
    Z = Sum(where(Gt(B[..., k], 0), exp(S[..., i, k])), k)
    P = define("P", (..., i, j), where(Gt(B[..., j], 0), exp(S[..., i, j]) / Z))
    return define("O", (..., i, e), Sum(P[..., i, j] * V[..., j, e], j))


@layer
def near(Q: Tensor[..., s, d], K: Tensor[..., t, d], V: Tensor[..., t, e], *, reach: Integer() = 1):
    """Keys on both sides, up to a distance."""
    S = define("S", (..., s, t), Sum(Q[..., s, d] * K[..., t, d], d))
    Z = Sum(where(And(u <= s + reach, s - reach <= u), exp(S[..., s, u])), u)
    P = define("P", (..., s, t), where(And(t <= s + reach, s - reach <= t), exp(S[..., s, t]) / Z))
    return define("O", (..., s, e), Sum(P[..., s, t] * V[..., t, e], t))


@layer
def a_loss(Q: Tensor[i, d], K: Tensor[j, d], V: Tensor[j, e], T: Tensor[i, e]):
    """A loss of what is contracted: its name is that of the logarithm elsewhere."""
    S = define("S", (i, j), Sum(Q[i, d] * K[j, d], d))
    P = softmax(S, over=j)
    O = define("O", (i, e), Sum(P[i, j] * V[j, e], j))
    return define("L", (), Sum((O[i, e] - T[i, e]) ** 2, i, e))
