"""Layers that read at integer tensors and that take maxima over axes, as a user would write them."""

from sympy import Eq, KroneckerDelta, Ne, Sum, exp, log

from derive.language import (
    Axis,
    Integer,
    Max,
    Parameter,
    Real,
    Tensor,
    axes,
    define,
    given,
    iverson,
    layer,
    leading,
    sigmoid,
    softplus,
    where,
)
from derive.layers.activations.softmax import softmax
from derive.layers.linear_maps.linear import linear

b, t, v, d, c = axes("b=B t=n v=V d=D c=C")
i, j, k, f, u = axes("i=n_i j=n_j k=K f=F u=U")
h, w, o = axes("h=H w=W o=d_out")
i2, t2, u2, v2 = Axis("i2", "n_i"), Axis("t2", "n"), Axis("u2", "U"), Axis("v2", "V")


# reads at positions


@layer
def lookup_table(token: Tensor[..., t].into(v), E: Parameter[v, d]):
    """A row of a table for each position."""
    return define("Y", (..., t, d), E[token[..., t], d])


@layer
def token_and_place(token: Tensor[b, t].into(v), E: Parameter[v, d], P: Parameter[t, d], gain: Parameter[v]):
    """A row for what stands somewhere, scaled by a number of its own, and a row for the place."""
    return define("H", (b, t, d), gain[token[b, t]] * E[token[b, t], d] + P[t, d])


@layer
def columns_of(A: Parameter[i, j], chosen: Tensor[..., k].into(j)):
    """Columns of a matrix, those that are asked for."""
    return define("Y", (..., i, k), A[i, chosen[..., k]])


@layer
def ratings(
    user: Tensor[k].into(u),
    item: Tensor[k].into(v),
    R: Tensor[k],
    P: Parameter[u, f],
    Q: Parameter[v, f],
    bias: Parameter[v],
):
    """Matrix factorisation from single ratings, with a bias for each item (Koren, Bell and Volinsky, 2009)."""
    e = define("e", (k,), R[k] - bias[item[k]] - Sum(P[user[k], f] * Q[item[k], f], f))
    return define("L", (), Sum(e[k] ** 2, k) / k.size)


@layer
def entries_of(M: Tensor[u, v], row: Tensor[k].into(u), column: Tensor[k].into(v)):
    """Single entries of a matrix."""
    return define("y", (k,), M[row[k], column[k]])


@layer
def one_row_of_each(X: Tensor[..., v, d], chosen: Tensor[...].into(v)):
    """Of each matrix one row: the positions have the leading axes of what is read."""
    return define("Y", (..., d), X[..., chosen[...], d])


@layer
def some_rows_of_each(X: Tensor[b, v, d], chosen: Tensor[b, k].into(v)):
    """Of each matrix some rows."""
    return define("Y", (b, k, d), X[b, chosen[b, k], d])


@layer
def relative_bias(S: Tensor[..., t, t2], bucket: Tensor[t].into(v), R: Parameter[v, v2]):
    """Scores with a bias for the kinds of both places."""
    return define("A", (..., t, t2), S[..., t, t2] + R[bucket[t], bucket[t2]])


@layer
def both_ways(token: Tensor[b, t].into(v), E: Parameter[v, d]):
    """Reads of an integer tensor at a shifted place, from its end and at its start."""
    s = Axis("s", t.size - 1)
    return define("Y", (b, s, d), E[token[b, s + 1], d] * E[token[b, t.size - 1 - s], d] - E[token[b, 0], d])


@layer
def routed(route: Tensor[..., t].into(c), X: Tensor[..., t, d], W: Parameter[c, d, o], a: Parameter[c, o]):
    """A linear layer of its own for each row, by its route (Jacobs et al., 1991, with hard gates)."""
    return define("Y", (..., t, o), Sum(X[..., t, d] * W[route[..., t], d, o], d) + a[route[..., t], o])


@layer
def energy_of_chosen(X: Tensor[..., v], chosen: Tensor[...].into(v)):
    """A sum over all leading axes of what was chosen in each."""
    return define("L", (), Sum(X[..., chosen[...]] ** 2, leading))


@layer
def columns_of_bands(A: Parameter[v, h], F: Parameter[u], row: Tensor[b].into(v)):
    """A convolution along a row that is looked up: a position and a shifted index in one read."""
    y = Axis("y", "H")
    return define("Y", (b, y), Sum(A[row[b], y + u - 1] * F[u], u))


@layer
def two_lists(X: Tensor[b, v], first: Tensor[b, t, k].into(v), second: Tensor[b].into(v)):
    """Reads of one tensor at positions of two shapes."""
    return define("Y", (b, t, k), X[b, first[b, t, k]] - X[b, second[b]] ** 2)


@layer
def diagonal_positions(A: Tensor[u, u2], p: Tensor[k].into(u)):
    """Entries of the diagonal, by their positions; a tensor is read twice at one of them."""
    return define("y", (k,), A[p[k], p[k]])


# positions compared with indices


@layer
def segment_sums(x: Tensor[..., t, d], segment: Tensor[t].into(v), *, V: Integer(1) = 3):
    """The sum of the rows of each segment, of which there may be any number."""
    return define("Y", (..., v, d), Sum(iverson(Eq(v, segment[t])) * x[..., t, d], t))


@layer
def passed_messages(X: Tensor[i, d], W: Parameter[d, o], source: Tensor[k].into(i), target: Tensor[k].into(i)):
    """One round of messages along the edges of a graph (Gilmer et al., 2017)."""
    M = define("M", (i, o), Sum(X[i, d] * W[d, o], d))
    return define("Y", (i, o), Sum(iverson(Eq(i, target[k])) * sigmoid(M[source[k], o]), k))


@layer
def smoothed_class_loss(Z: Tensor[b, c], label: Tensor[b].into(c), *, epsilon: Real(latex=r"\epsilon") = 0.1):
    """Cross-entropy with smoothed labels (Szegedy et al., 2016)."""
    T = define("T", (b, c), (1 - epsilon) * KroneckerDelta(c, label[b]) + epsilon / c.size)
    P = softmax(Z, over=c, name="P")
    return define("L", (), -Sum(T[b, c] * log(P[b, c]), b, c) / b.size)


@layer
def others_only(Z: Tensor[b, c], label: Tensor[b].into(c)):
    """The log-sum-exp of all classes but one, of those up to it, and of one at a distance from it."""
    rest = Sum(where(Ne(c, label[b]), exp(Z[b, c])), c)
    below = Sum(iverson(c <= label[b]) * Z[b, c] ** 2, c)
    after = Sum(iverson(Eq(c, label[b] + 1)) * Z[b, c], c)
    return define("y", (b,), log(rest) + below + 2 * after)


@layer
def agreements(p: Tensor[t].into(v), q: Tensor[h].into(v), x: Tensor[h], y: Tensor[v]):
    """Positions compared with one another."""
    earlier = Sum(iverson(p[t] < q[h]) * x[h], h)
    return define("z", (t,), Sum(iverson(Eq(p[t], q[h])) * x[h] ** 2, h) + earlier * y[p[t]])


@layer
def class_loss(Z: Tensor[..., c], label: Tensor[...].into(c)):
    """Cross-entropy from logits and the position of the right class."""
    return define("L", (...,), log(Sum(exp(Z[..., c]), c)) - Z[..., label[...]])


@layer
def skip_gram(word: Tensor[k].into(v), context: Tensor[k].into(v), noise: Tensor[k, f].into(v), E: Parameter[v, d]):
    """Word vectors by negative sampling, with one table for words and contexts (Mikolov et al., 2013)."""
    s = define("s", (k,), Sum(E[word[k], d] * E[context[k], d], d))
    n = define("n", (k, f), Sum(E[word[k], d] * E[noise[k, f], d], d))
    return define("L", (), Sum(softplus(-s[k]), k) + Sum(softplus(n[k, f]), k, f))


# positions in what is composed


@layer
def tagger(
    token: Tensor[..., t].into(v),
    label: Tensor[..., t].into(c),
    E: Parameter[v, d],
    W: Parameter[d, c],
    a: Parameter[c],
):
    """A class for each word: a table, a linear layer and a loss, called one after the other."""
    H = lookup_table(token, E, name="H")
    Z = linear(H, W, a, name="Z")
    L = class_loss(Z, label, name="Loss")
    return define("L", (...,), Sum(L[..., t], t))


@layer
def one_table_twice(question: Tensor[b, t].into(v), answer: Tensor[b, t].into(v), E: Parameter[v, d]):
    """Two lists looked up in one table, and compared."""
    Q = lookup_table(question, E, name="Q")
    A = lookup_table(answer, E, name="A")
    return define("y", (b,), Sum(Q[b, t, d] * A[b, t, d], t, d))


@layer
def tied_table(token: Tensor[t].into(v), following: Tensor[t].into(v), E: Parameter[v, d]):
    """A table for what comes in and what goes out (Press and Wolf, 2017)."""
    H = lookup_table(token, E, name="H")
    Z = define("Z", (t, v), Sum(H[t, d] * E[v, d], d))
    L = class_loss(Z, following, name="Loss")
    return define("L", (), Sum(L[t], t) / t.size)


# maxima over axes


@layer
def largest(X: Tensor[..., i]):
    """The largest entry of each row."""
    return define("y", (...,), Max(X[..., i], i))


@layer
def windows_1d(
    X: Tensor[..., h],
    *,
    window: Integer(1, latex="k") = 3,
    stride: Integer(1, latex="s") = 2,
    padding: Integer(0, latex="p") = 1,
):
    """The largest entry of each window; what lies outside takes no part."""
    given(padding < window)
    q = Axis("q", window)
    y = Axis("y", (h.size + 2 * padding - window) // stride + 1)
    return define("Y", (..., y), Max(X[..., stride * y + q - padding], q))


@layer
def windows_2d(X: Tensor[..., h, w], *, window: Integer(1, latex="k") = 3, padding: Integer(0, latex="p") = 1):
    """The largest entry of each square."""
    given(padding < window)
    q, r = Axis("q", window), Axis("r", window)
    y = Axis("y", h.size + 2 * padding - window + 1)
    x = Axis("x", w.size + 2 * padding - window + 1)
    return define("Y", (..., y, x), Max(X[..., y + q - padding, x + r - padding], q, r))


@layer
def maxout(X: Tensor[..., i], W: Parameter[o, k, i], a: Parameter[o, k]):
    """The largest of several linear layers (Goodfellow et al., 2013)."""
    return define("Y", (..., o), Max(Sum(W[o, k, i] * X[..., i], i) + a[o, k], k))


@layer
def largest_product(A: Tensor[i, j], p: Tensor[i], q: Tensor[j]):
    """The largest of all products, and its square."""
    y = define("y", (), Max(A[i, j] * p[i] * q[j], i, j))
    return define("z", (), y + y**2)


@layer
def shifted_softmax(S: Tensor[..., j]):
    """A softmax with its shift written out."""
    j2 = Axis("j2", "n_j")
    m = define("m", (...,), Max(S[..., j], j))
    E = define("E", (..., j), exp(S[..., j] - m[...]))
    return define("P", (..., j), E[..., j] / Sum(E[..., j2], j2))


@layer
def hausdorff(X: Tensor[i, k], Z: Tensor[j, k]):
    """The largest distance from a point of one set to the other set, squared (Hausdorff, 1914)."""
    D = define("D", (i, j), Sum((X[i, k] - Z[j, k]) ** 2, k))
    near = define("near", (i,), -Max(-D[i, j], j))
    return define("L", (), Max(near[i], i))


@layer
def dilation(X: Tensor[..., h], F: Parameter[u]):
    """Morphological dilation: a convolution with the maximum for the sum (Serra, 1982)."""
    y = Axis("y", h.size - u.size + 1)
    return define("Y", (..., y), Max(X[..., y + u] + F[u], u))


@layer
def best_path(start: Tensor[i], A: Parameter[i, i2], B: Tensor[t, i]):
    """Two steps of the best path through a chain of states (Viterbi, 1967)."""
    i3 = Axis("i3", "n_i")
    one = define("one", (i2,), Max(start[i] + A[i, i2], i) + B[0, i2])
    two = define("two", (i2,), Max(one[i] + A[i, i2], i) + B[1, i2])
    return define("y", (), Max(two[i3], i3))


@layer
def class_margins(Z: Tensor[b, c], label: Tensor[b].into(c)):
    """Hinge loss of several classes (Crammer and Singer, 2001): a maximum with positions in it."""
    worst = Max(Z[b, c] + iverson(Ne(c, label[b])), c)
    return define("L", (), Sum(worst - Z[b, label[b]], b) / b.size)


@layer
def largest_squares(A: Tensor[i, j], x: Tensor[j]):
    """The squares of the largest terms, for second derivatives."""
    return define("y", (i,), Max(A[i, j] * x[j], j) ** 2)


@layer
def largest_of_group(X: Tensor[..., i]):
    """The largest row sum over all leading axes."""
    return define("y", (i,), Max(X[..., i], leading))


@layer
def pooled_words(token: Tensor[..., t].into(v), E: Parameter[v, d]):
    """The largest of the rows that are looked up (Collobert and Weston, 2008)."""
    return define("Y", (..., d), Max(E[token[..., t], d], t))


@layer
def largest_response(X: Tensor[..., h, d], F: Parameter[c, u, d]):
    """The largest response of a convolution over time (Collobert et al., 2011), none of it beyond the ends."""
    given(u.size <= h.size)
    y = Axis("y", h.size + 2)
    return define("Y", (..., c), Max(Sum(F[c, u, d] * X[..., y + u - 2, d], u, d), y))


@layer
def largest_of_largest(X: Tensor[..., h], w: Parameter[u]):
    """A maximum within a maximum, and one over an index that does not stand in it."""
    y = Axis("y", h.size - u.size + 1)
    return define("Y", (...,), Max(Max(X[..., y + u] * w[u], u) ** 2, y) + Max(X[..., 0], u))
