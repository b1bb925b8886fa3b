"""Layers that nobody planned for, as a user would write them in a file of their own."""

from sympy import Abs, And, KroneckerDelta, Max, Ne, Sum, exp, log, sqrt, tanh

from derive.language import (
    Axis,
    Integer,
    Parameter,
    Real,
    Tensor,
    axes,
    define,
    iverson,
    layer,
    leading,
    sigmoid,
    softplus,
    where,
)
from derive.layers.activations.elementwise import relu
from derive.layers.activations.softmax import softmax
from derive.layers.attentions.attention import attention
from derive.layers.linear_maps.linear import linear

b, i, j, k, o = axes("b=B i=n j=m k=K o=d_out")
i2 = Axis("i2", "n")
c, h, w, u, v = axes("c=C h=H w=W u=R v=S")
t, s, d, e = axes("t=T s=T d=D e=E")


@layer
def bilinear(x: Tensor[i], A: Parameter[i, j], y: Tensor[j]):
    """Bilinear form z = xᵀ A y."""
    return define("z", (), Sum(x[i] * A[i, j] * y[j], i, j))


@layer
def factorization_machine(X: Tensor[..., i], w0: Parameter[()], w1: Parameter[i], V: Parameter[i, k]):
    """Factorization machine of degree 2 (Rendle, 2010), by the identity that makes it linear in n."""
    F = define("F", (..., k), Sum(X[..., i] * V[i, k], i))
    squares = Sum(X[..., i] ** 2 * V[i, k] ** 2, i)
    pairs = Sum(F[..., k] ** 2 - squares, k) / 2
    return define("y", (...,), w0 + Sum(w1[i] * X[..., i], i) + pairs)


@layer
def gated_unit(X: Tensor[..., i], W: Parameter[i, o], V: Parameter[i, o]):
    """Gated linear unit (Dauphin et al., 2017)."""
    A = define("A", (..., o), Sum(X[..., i] * W[i, o], i))
    G = define("Gate", (..., o), sigmoid(Sum(X[..., i] * V[i, o], i)))
    return define("Y", (..., o), A[..., o] * G[..., o])


@layer
def squared_distances(X: Tensor[i, k], Z: Tensor[j, k]):
    """All squared distances between two sets of points."""
    return define("D", (i, j), Sum((X[i, k] - Z[j, k]) ** 2, k))


@layer
def rbf_kernel(X: Tensor[i, k], Z: Tensor[j, k], *, gamma: Real() = 0.5):
    """Gaussian kernel matrix."""
    D = define("D", (i, j), Sum((X[i, k] - Z[j, k]) ** 2, k))
    return define("Kern", (i, j), exp(-gamma * D[i, j]), latex=r"\mathcal{K}")


@layer
def weighted_log_sum_exp(x: Tensor[..., i], q: Parameter[i]):
    """Weighted log-sum-exp, with weights that softplus keeps positive."""
    return define("y", (...,), log(Sum(softplus(q[i]) * exp(x[..., i]), i)))


@layer
def convolution_2d(
    X: Tensor[..., c, h, w],
    F: Parameter[o, c, u, v],
    bias: Parameter[o],
    *,
    stride: Integer(1, latex="s") = 1,
    padding: Integer(0, latex="p") = 0,
):
    """Two-dimensional convolution, as cross-correlation with zero padding, written by its equation."""
    y = Axis("y", (h.size + 2 * padding - u.size) // stride + 1)
    z = Axis("z", (w.size + 2 * padding - v.size) // stride + 1)
    patch = X[..., c, stride * y + u - padding, stride * z + v - padding]
    return define("Y", (..., o, y, z), Sum(F[o, c, u, v] * patch, c, u, v) + bias[o])


@layer
def depthwise(X: Tensor[..., c, h], F: Parameter[c, u], *, dilation: Integer(1) = 1):
    """Causal depthwise convolution: the past only, each channel by itself."""
    return define("Y", (..., c, h), Sum(F[c, u] * X[..., c, h - dilation * u], u))


@layer
def layer_norm(
    X: Tensor[..., i],
    g: Parameter[i].latex(r"\gamma"),
    shift: Parameter[i].latex(r"\beta"),
    *,
    eps: Real(latex=r"\varepsilon") = 1e-5,
):
    """Layer normalisation (Ba, Kiros and Hinton, 2016)."""
    mu = define("mu", (...,), Sum(X[..., i], i) / i.size)
    r = define("r", (...,), 1 / sqrt(Sum((X[..., i] - mu[...]) ** 2, i) / i.size + eps))
    N = define("Xhat", (..., i), (X[..., i] - mu[...]) * r[...])
    return define("Y", (..., i), g[i] * N[..., i] + shift[i])


@layer
def cosine_similarity(X: Tensor[i, k], Z: Tensor[j, k]):
    """The cosines between two sets of vectors."""
    p = define("p", (i,), sqrt(Sum(X[i, k] ** 2, k)))
    q = define("q", (j,), sqrt(Sum(Z[j, k] ** 2, k)))
    return define("C", (i, j), Sum(X[i, k] * Z[j, k], k) / (p[i] * q[j]))


@layer
def causal_attention(Q: Tensor[..., t, d], K: Tensor[..., s, d], V: Tensor[..., s, e], R: Parameter[s]):
    """Attention to the past, with a bias for each distance; the mask is a condition on indices."""
    r = Axis("r", "T")
    S = define("S", (..., t, s), Sum(Q[..., t, d] * K[..., s, d], d) / sqrt(d.size) + R[t - s])
    A = define("A", (..., t, s), where(s <= t, exp(S[..., t, s])))
    P = define("P", (..., t, s), A[..., t, s] / Sum(A[..., t, r], r))
    return define("O", (..., t, e), Sum(P[..., t, s] * V[..., s, e], s))


@layer
def self_attention(X: Tensor[..., t, d], A: Parameter[d, e], a: Parameter[e]):
    """Attention of a sequence to itself: one projection for queries and keys, used twice."""
    Q = linear(X, A, a, name="Q")
    return attention(Q, Q, X, name="Y")


@layer
def tied_autoencoder(X: Tensor[..., i], W: Parameter[i, k], a: Parameter[k]):
    """Softmax code of a linear layer, read out with the same weight."""
    H = linear(X, W, a, name="H")
    P = softmax(H, over=k, name="P")
    Y = define("Y", (..., i), Sum(P[..., k] * W[i, k], k))
    L = define("L", (...,), Sum((X[..., i] - Y[..., i]) ** 2, i))
    return L, P


@layer
def recurrent_twice(X: Tensor[..., i], W: Parameter[i, i2], a: Parameter[i2]):
    """The same linear layer applied twice, with a rectifier between."""
    H = linear(X, W, a, name="H")
    A = relu(H, name="A")
    return linear(A, W, a, name="Y")


@layer
def huber(y: Tensor[...], target: Tensor[...], *, width: Real(latex=r"\delta") = 1.0):
    """Huber loss: quadratic near 0, linear beyond a width (Huber, 1964)."""
    r = define("r", (...,), y[...] - target[...])
    near = r[...] ** 2 / 2
    far = width * (Abs(r[...]) - width / 2)
    return define("L", (), Sum(where(Abs(r[...]) <= width, near, far), leading) / leading.size)


@layer
def hinge(X: Tensor[b, i], q: Parameter[i], y: Tensor[b]):
    """Squared hinge loss with weight decay."""
    margin = Max(0, 1 - y[b] * Sum(q[i] * X[b, i], i))
    return define("L", (), Sum(margin**2, b) / b.size + 0.1 * Sum(q[i] ** 2, i))


@layer
def cross_entropy(S: Tensor[b, j], T: Tensor[b, j]):
    """Cross-entropy of a softmax with given distributions, by log-sum-exp."""
    j2 = Axis("j2", "m")
    z = define("z", (b,), log(Sum(exp(S[b, j2]), j2)))
    return define("L", (), Sum(T[b, j] * (z[b] - S[b, j]), b, j) / b.size)


@layer
def smoothness(x: Tensor[i], *, alpha: Real() = 0.5):
    """Second differences inside, first differences at the ends, and an off-diagonal of the outer product."""
    inside = And(i >= 1, i <= i.size - 2)
    bend = x[i + 1] - 2 * x[i] + x[i - 1]
    pairs = Sum(iverson(Ne(i, i2)) * tanh(x[i] * x[i2]), i2)
    return define("L", (), Sum(where(inside, bend**2, alpha * x[i] ** 2) + pairs / i.size, i))


@layer
def upsample(x: Tensor[..., i], F: Parameter[u], *, stride: Integer(1) = 2):
    """Transposed convolution, written as the scatter that it is."""
    y = Axis("y", stride * (i.size - 1) + u.size)
    return define("Y", (..., y), Sum(x[..., i] * F[y - stride * i], i))


@layer
def quadratic_trace(A: Tensor[i, i2], B: Parameter[i2, i]):
    """tr(A B)², the diagonal of A, and A with its diagonal doubled."""
    q = define("q", (), Sum(A[i, i2] * B[i2, i], i, i2) ** 2)
    g = define("g", (i,), A[i, i] * q[()])
    H = define("Hess", (i, i2), A[i, i2] * (1 + KroneckerDelta(i, i2)))
    return q, g, H


@layer
def pooled_energy(X: Tensor[..., h], F: Parameter[u], *, stride: Integer(1) = 2):
    """The mean energy of a strided convolution; the length of what is averaged is a floor."""
    y = Axis("y", (h.size - u.size) // stride + 1)
    Y = define("Y", (..., y), Sum(F[u] * X[..., stride * y + u], u))
    return define("M", (...,), Sum(Y[..., y] ** 2, y) / y.size)
