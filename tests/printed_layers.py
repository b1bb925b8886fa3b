"""More layers whose print is read back: awkward names, spellings and scopes, and second derivatives."""

from own_layers import bilinear, gated_unit
from sympy import Abs, Max, Min, Sum, exp, log, sin, sqrt
from sympy import tanh as tanh_of

from derive.calculus.derivation import gradients
from derive.language.definition import Axis, Parameter, Real, Tensor, axes, define, iverson, layer, leading, where
from derive.layers.activations.elementwise import tanh
from derive.layers.activations.softmax import softmax
from derive.layers.linear_maps.linear import linear
from derive.layers.networks.mlp import mlp

b, i, j, k, o = axes("b=n i=d j=m k=r o=q")
(h,) = axes("h=height")
i2 = Axis("i2", "d")


@layer
def spelled_layer_norm(
    X: Tensor[b, i],
    gain: Parameter[i].latex(r"\gamma"),
    shift: Parameter[i].latex(r"\beta"),
    *,
    eps: Real(latex=r"\varepsilon") = 1e-3,
):
    """Layer norm with its textbook names."""
    mu = define("mu", (b,), Sum(X[b, i], i) / i.size)
    r = define("r", (b,), 1 / sqrt(Sum((X[b, i] - mu[b]) ** 2, i) / i.size + eps))
    xhat = define("xhat", (b, i), (X[b, i] - mu[b]) * r[b], latex=r"\hat{x}")
    return define("Y", (b, i), xhat[b, i] * gain[i] + shift[i])


@layer
def masked_attention(Q: Tensor[i, k], K: Tensor[i2, k], V: Tensor[i2, o]):
    """Masked scores, with a tensor that is spelled like a Kronecker delta."""
    S = define("delta", (i, i2), Sum(Q[i, k] * K[i2, k], k) / sqrt(k.size))
    E = define("E", (i, i2), where(i2 <= i, exp(S[i, i2])))
    j2 = Axis("j2", "d")
    P = define("P", (i, i2), E[i, i2] / Sum(E[i, j2], j2))
    return define("O", (i, o), Sum(P[i, i2] * V[i2, o], i2))


@layer
def kinks(x: Tensor[i], y: Tensor[i]):
    """Absolute values, the larger, the smaller, and a condition on data that keeps a logarithm in its domain."""
    kinked = Max(x[i], y[i]) * Abs(x[i] - 2 * y[i]) + Min(x[i], 0) ** 2
    return define("z", (i,), kinked + where(x[i] > 0, log(Abs(x[i]))) * y[i])


@layer
def twice(X: Tensor[..., i], W: Parameter[i, i2], c: Parameter[i2]):
    """A layer with parameters called twice with the same weight, and a sublayer that is put in."""
    H = linear(X, W, c, name="H")
    T = tanh(H, name="T")
    return linear(T, W, c, name="Y")


@layer
def scaled_scores(Q: Tensor[..., i, k], K: Tensor[..., j, k], w: Parameter[k], *, scale: Real(latex="c") = 2.0):
    """Softmax of weighted scores: its gradients go through names of its own."""
    S = define("S", (..., i, j), scale * Sum(Q[..., i, k] * K[..., j, k] * w[k], k))
    return softmax(S, over=j, name="P")


@layer
def through_names(X: Tensor[i, k], W1: Parameter[k, h], b1: Parameter[h], W2: Parameter[h, k], b2: Parameter[k]):
    """A sublayer called twice with the same weights, whose gradients go through names of its own."""
    Y = mlp(X, W1, b1, W2, b2, name="Y")
    return mlp(Y, W1, b1, W2, b2, name="Z")


@layer
def to_itself(X: Tensor[i, k], w: Parameter[k], *, sharp: Real(latex=r"\lambda") = 0.5):
    """A tensor that is two arguments of one call, with an option passed on."""
    P = scaled_scores(X, X, w, scale=3 * sharp, name="P")
    return define("Y", (i, k), Sum(P[i, i2] * X[i2, k], i2))


@layer
def mixed(A: Tensor[i, j], p: Tensor[i], q: Tensor[j], g: Tensor[i]):
    """Tensors called like the letters of free indices and cotangents."""
    s = define("s", (i,), Sum(A[i, j] * q[j], j) * p[i] + g[i] ** 3)
    return define("L", (i,), sin(s[i]) / (1 + s[i] ** 2))


@layer
def standardised(X: Tensor[..., i]):
    """The mean over all leading axes is taken away."""
    mean = define("mean", (i,), Sum(X[..., i], leading) / leading.size, latex=r"\bar{X}")
    return define("Y", (..., i), X[..., i] - mean[i])


@layer
def band(A: Tensor[i, i2], x: Tensor[i2]):
    """A condition on indices and reads at shifted places."""
    near = iverson(i2 <= i + 1) * A[i, i2] * x[i2]
    return define("y", (i,), Sum(near, i2) + x[i + 1] - 2 * x[i] + x[i - 1])


@layer
def attention_by_layers(Q: Tensor[..., i, k], K: Tensor[..., j, k]):
    """Softmax of scores along another axis than the last."""
    S = define("S", (..., i, j), Sum(Q[..., i, k] * K[..., j, k], k))
    return softmax(S, over=i, name="P")


@layer
def heads(Q: Tensor[..., h, i, k], K: Tensor[..., h, j, k], W: Parameter[h, k]):
    """Scores of several heads: a form for each of two indices."""
    S = define("S", (..., h, i, j), Sum(Q[..., h, i, k] * K[..., h, j, k], k))
    return define("Y", (..., h, i, j), tanh_of(S[..., h, i, j]) + Sum(Q[..., h, i, k] * W[h, k], k))


@layer
def pages(P: Tensor[h, i, j], V: Tensor[h, j, k]):
    """A matrix product for each value of a plain index."""
    return define("O", (h, i, k), Sum(P[h, i, j] * V[h, j, k], j))


# The gradient of a layer is a layer: these are second derivatives.
SECOND = {f"{one.name}_bwd": gradients(one).backward for one in (bilinear, tanh, linear, gated_unit)}

OWN = {
    one.name: one
    for one in (
        spelled_layer_norm,
        masked_attention,
        kinks,
        twice,
        through_names,
        scaled_scores,
        to_itself,
        mixed,
        standardised,
        band,
        attention_by_layers,
        heads,
        pages,
    )
}
