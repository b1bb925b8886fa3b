"""Layers that read windows and tables in ways that no layer of the catalogue does: ahead, backwards, in rows."""

from sympy import Sum

from derive.language.definition import Axis, Integer, Parameter, Tensor, axes, define, layer

i, j, k, r = axes("i=n j=m k=K r=R")


@layer
def ahead(X: Tensor[..., i], w: Parameter[k]):
    """The first entry is never read."""
    y = Axis("y", i.size - k.size)
    return define("Y", (..., y), Sum(X[..., y + k + 1] * w[k], k))


@layer
def flipped(X: Tensor[..., i], w: Parameter[k]):
    """A convolution in the mathematical sense, where the kernel runs backwards."""
    y = Axis("y", i.size - k.size + 1)
    return define("Y", (..., y), Sum(X[..., y - k + k.size - 1] * w[k], k))


@layer
def slanted(X: Tensor[i, j], w: Parameter[k]):
    """Both axes move with both indices, one of them backwards."""
    y = Axis("y", i.size - k.size + 1)
    return define("Y", (y,), Sum(X[y + k, y - k] * w[k], k))


@layer
def twofold(x: Tensor[i], w: Parameter[k], v: Parameter[r], *, stride: Integer(1) = 1):
    """One axis is read through two kernels."""
    y = Axis("y", (i.size - k.size - r.size + 1) // stride + 1)
    return define("y", (y,), Sum(w[k] * v[r] * x[stride * y + k + r], k, r))


@layer
def picked(X: Tensor[..., j, k], place: Tensor[i].into(j)):
    """Rows out of each of several tables."""
    return define("Y", (..., i, k), X[..., place[i], k])


@layer
def chosen(X: Tensor[..., j], place: Tensor[i, k].into(j)):
    """A grid of entries out of each of several rows."""
    return define("Y", (..., i, k), X[..., place[i, k]])


@layer
def own_choice(X: Tensor[r, j, k], place: Tensor[r, i].into(j)):
    """Rows out of each of several tables, other rows of each."""
    return define("Y", (r, i, k), X[r, place[r, i], k])


@layer
def counted(x: Tensor[j], place: Tensor[i, k].into(j)):
    """Entries of one row, in a grid."""
    return define("Y", (i, k), x[place[i, k]])


@layer
def neighbours(X: Tensor[i, j, k], Y: Tensor[i, j, k]):
    """What two grids of vectors have in common where one is moved a little; the vectors come last."""
    u, v = Axis("u", 2), Axis("v", 3)
    return define("Z", (k, u, v), Sum(X[i + u, j + v, k] * Y[i, j, k], i, j))
