"""Layers that put lowering to the test: every way to read a tensor, conditions, maxima, leading axes, other layers."""

from sympy import Abs, Eq, Min, Ne, Rational, Sum, exp, log, pi, sin, sqrt, tanh

from derive.language.definition import (
    Axis,
    Integer,
    Max,
    Parameter,
    Real,
    Tensor,
    axes,
    define,
    layer,
    leading,
    sigmoid,
    softplus,
    where,
)
from derive.layers.activations.softmax import softmax
from derive.layers.convolutions.conv1d import conv1d
from derive.layers.linear_maps.linear import linear

i, j, k, d, e = axes("i=n j=m k=K d=D e=E")
i2, j2 = axes("i2=n j2=m")
n, m, K = i.size, j.size, k.size
u, v = Axis("u", 3), Axis("v", 4)


# contractions


@layer
def cosine(x: Tensor[..., d], y: Tensor[..., d]):
    return define("c", (...,), Sum(x[..., d] * y[..., d], d) / sqrt(Sum(x[..., d] ** 2, d) * Sum(y[..., d] ** 2, d)))


@layer
def trilinear(x: Tensor[..., i], W: Parameter[i, j, k], y: Tensor[..., j]):
    return define("z", (..., k), Sum(x[..., i] * W[i, j, k] * y[..., j], i, j))


@layer
def chain(A: Tensor[i, j], B: Tensor[j, k], x: Tensor[k]):
    return define("Y", (i,), Sum(A[i, j] * B[j, k] * x[k], j, k))


@layer
def batched(A: Tensor[i, j, k], B: Tensor[i, k, d]):
    return define("Y", (d, i, j), Sum(A[i, j, k] * B[i, k, d], k))


@layer
def heads(X: Tensor[..., i, d], W: Parameter[j, d, e]):
    return define("Y", (..., j, i, e), Sum(X[..., i, d] * W[j, d, e], d))


@layer
def transposed_trace(X: Tensor[i, j], Y: Tensor[j, i]):
    return define("t", (), Sum(X[i, j] * Y[j, i], i, j))


@layer
def machine(x: Tensor[..., i], V: Parameter[i, k], w: Parameter[i]):
    s = define("s", (..., k), Sum(x[..., i] * V[i, k], i))
    pairs = Sum(s[..., k] ** 2, k) / 2 - Sum(x[..., i] ** 2 * V[i, k] ** 2, i, k) / 2
    return define("y", (...,), Sum(w[i] * x[..., i], i) + pairs)


@layer
def vectors(a: Tensor[..., i], B: Tensor[..., i, j], x: Tensor[j], C: Parameter[k, i, j]):
    first = define("p", (..., j), Sum(a[..., i] * B[..., i, j], i))
    second = define("q", (..., j, k), Sum(x[j2] * B[..., i, j2] * C[k, i, j], i, j2))
    return define("y", (..., k), Sum(first[..., j] * second[..., j, k], j))


@layer
def grouped(X: Tensor[..., k, i], W: Parameter[k, i, j]):
    return define("Y", (..., k, j), Sum(X[..., k, i] * W[k, i, j], i))


# reads


@layer
def image(X: Tensor[..., i, j], W: Parameter[d, e], *, stride: Integer(1) = 2, padding: Integer(0) = 1):
    a = Axis("a", (n + 2 * padding - d.size) // stride + 1)
    b = Axis("b", (m + 2 * padding - e.size) // stride + 1)
    read = X[..., stride * a + d - padding, stride * b + e - padding]
    return define("Y", (..., a, b), Sum(W[d, e] * read, d, e))


@layer
def spread(x: Tensor[i], w: Parameter[k], *, stride: Integer(1) = 2):
    t = Axis("t", stride * (n - 1) + K)
    return define("y", (t,), Sum(x[i] * w[k] * where(Eq(t, stride * i + k), 1), i, k))


@layer
def spread_back(x: Tensor[..., i], w: Parameter[k], *, stride: Integer(1) = 2):
    t = Axis("t", stride * (n - 1) + K)
    return define("y", (..., t), Sum(x[..., i] * w[t - stride * i], i))


@layer
def window_sums(X: Tensor[..., d, i], w: Parameter[k]):
    t = Axis("t", (n - K) // 2 + 1)
    return define("Y", (..., d, t), Sum(X[..., d, 2 * t + k], k)), define("W", (k,), w[k])


@layer
def own_kernels(X: Tensor[..., d, i], W: Parameter[d, k]):
    t = Axis("t", n - K)
    return define("Y", (..., d, t), Sum(X[..., d, t + k + 1] * W[d, k], k))


@layer
def shifted_products(X: Tensor[i, j, d], Y: Tensor[i, j, d]):
    s, r = Axis("s", 2), Axis("r", 2)
    return define("Z", (d, s, r), Sum(X[i + s, j + r, d] * Y[i, j, d], i, j))


@layer
def diagonal(X: Tensor[i, i2], Z: Tensor[..., i, i2]):
    return define("y", (..., i), X[i, i] ** 2 * Z[..., i, i])


@layer
def shifted(x: Tensor[i], z: Tensor[j]):
    return define("y", (j,), x[n - 1 - j] * x[j - 1] + x[2 * j - 1] ** 2 + x[3 * j] + z[m - 1 - j] * x[0])


@layer
def crossed(X: Tensor[i, j]):
    return define("y", (u, v), X[u + v, u - v] + X[u + 2 * v, 1] + X[0, m - 1])


@layer
def correlation(x: Tensor[i]):
    return define("y", (i2,), Sum(x[i] * x[i + i2], i))


@layer
def unequal(X: Tensor[i, j]):
    return define("y", (), Sum(where(Eq(i, j), X[i, j] ** 2), i, j))


@layer
def overlapping(x: Tensor[i], w: Tensor[j], *, p: Integer(0) = 0):
    return define("y", (i,), Sum(w[j] * x[p * i + 2 * j], j))


# conditions


@layer
def causal(S: Tensor[..., i, i2], V: Tensor[..., i, d]):
    seen = where(i2 <= i, exp(S[..., i, i2]))
    P = define("P", (..., i, i2), seen / Sum(seen, i2))
    return define("O", (..., i, d), Sum(P[..., i, i2] * V[..., i2, d], i2))


@layer
def strictly_causal(S: Tensor[..., i, i2]):
    seen = where(i2 < i, exp(S[..., i, i2]))
    return define("P", (..., i, i2), seen / Sum(seen, i2))


@layer
def guarded(x: Tensor[i], y: Tensor[j]):
    return define("z", (i, j), where(x[i] > 0, log(x[i]) * y[j] + sqrt(x[i])) + where(y[j] > 0, 1 / y[j]))


@layer
def repulsion(x: Tensor[i]):
    return define("E", (), Sum(where(Ne(i, i2), 1 / Abs(x[i] - x[i2])), i, i2))


@layer
def elu(x: Tensor[...], *, alpha: Real() = 0.7):
    return define("y", (...,), where(x[...] > 0, x[...], alpha * (exp(x[...]) - 1)))


@layer
def clipped(x: Tensor[...], y: Tensor[...]):
    return define("z", (...,), Max(Min(x[...], 1), -1) * y[...] + Max(x[...], y[...]) - Min(x[...], 2 * y[...]))


@layer
def counts(x: Tensor[i]):
    before = Sum(where(i2 <= i, 1), i2)
    return define("y", (i,), x[i] * before + Sum(where(x[i] > x[i2], 1), i2))


@layer
def masked_windows(x: Tensor[i, j], w: Parameter[k]):
    return define("y", (i,), Sum(where(x[i, j] > 0, w[k] * log(x[i, j]) * x[i, j + k]), j, k))


# functions, powers, numbers


@layer
def powers(x: Tensor[i]):
    square = 1 + x[i] ** 2
    ratio = square ** Rational(3, 2) / (1 + square) ** Rational(5, 2)
    return define("y", (i,), ratio - x[i] ** 3 / 3 + 1 / sqrt(square))


@layer
def numbers(x: Tensor[i], a: Tensor[()]):
    terms = pi * x[i] / 3 + sqrt(pi) * softplus(x[i]) + 0.1 * tanh(x[i]) * a + a**2 + n * sigmoid(sin(x[i]))
    return define("y", (i,), terms + 10**20 - 10**20 + sqrt(n))


@layer
def log_sum(x: Tensor[..., i], w: Parameter[i]):
    return define("y", (...,), log(Sum(w[i] ** 2 * exp(x[..., i]), i)))


@layer
def log_sum_one(x: Tensor[i], y: Tensor[i]):
    return define("z", (), log(Sum(exp(2 * x[i] + y[i]), i) + 1))


@layer
def pairwise(x: Tensor[i], y: Tensor[j], C: Tensor[i, j]):
    return define("z", (i,), Sum(exp(x[i]) * exp(-y[j]) * C[i, j], j))


# leading axes, several equations, other layers


@layer
def whole_norm(X: Tensor[..., i]):
    return define("Y", (..., i), X[..., i] / sqrt(Sum(X[..., i] ** 2, leading, i) + 1))


@layer
def normalised(x: Tensor[..., i], g: Parameter[i], *, eps: Real() = 1e-5):
    mu = define("mu", (...,), Sum(x[..., i], i) / n)
    v = define("v", (...,), Sum((x[..., i] - mu[...]) ** 2, i) / n)
    h = define("h", (..., i), (x[..., i] - mu[...]) / sqrt(v[...] + eps))
    return define("y", (..., i), g[i] * h[..., i])


@layer
def two_outputs(x: Tensor[i], y: Tensor[i]):
    a = define("a", (i,), x[i] * y[i])
    b = define("b", (), Sum(a[i] * sin(x[i]), i))
    return a, b


@layer
def classifier(X: Tensor[..., i], W: Parameter[i, j], b: Parameter[j]):
    H = linear(X, W, b, name="H")
    P = softmax(H, over=j)
    return define("L", (), Sum(P[..., j] ** 2, leading, j))


@layer
def strided_net(X: Tensor[..., i, j], W: Parameter[d, i, k], b: Parameter[d]):
    Y = conv1d(X, W, b, stride=2, padding=1, name="Y")
    t = Axis("t", (m + 2 - K) // 2 + 1)
    return define("L", (), Sum(tanh(Y[..., d, t]), leading, d, t))


@layer
def copied(x: Tensor[i], X: Tensor[i, j]):
    y = define("y", (i,), x[i])
    z = define("z", (j, i), X[i, j])
    return y, z
