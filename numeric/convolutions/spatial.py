"""Kernels that move over the last axes of an array: what they read, and the three sums that convolutions are made of.

    correlate    Y[o, i] = Σ_{c,u} W[o, c, u] X[c, s i + d u - p]
    spread       X[c, s i + d u - p] += Σ_o W[o, c, u] Y[o, i]         its transpose by X
    kernel       W[o, c, u] = Σ_i Y[o, i] X[c, s i + d u - p]          its transpose by W

each in any number of directions, for which i and u stand here, with any leading axes of X and Y; W may have an axis of
groups in front, which X and Y have in front of their channels. A read outside X is 0. A convolution is `correlate`, its
backward is `spread` and `kernel`; a transposed convolution is `spread`, its backward is `correlate` and `kernel`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..shapes import Array


class Direction(NamedTuple):
    """How a kernel moves along one axis: `steps` places of `taps` taps, over `length` entries between zeros."""

    length: int
    taps: int
    steps: int
    stride: int
    dilation: int
    before: int
    after: int

    @property
    def span(self) -> int:
        """How many entries lie under the kernel, those between the taps included."""
        return self.dilation * (self.taps - 1) + 1


Directions = Sequence[Direction]
# The others are paddings.
AT_LEAST_ONE = ("stride", "dilation", "window")


def option(layer: str, name: str, given: Any) -> int:
    """An integer that is large enough for an option of this name, or a ValueError."""
    least = 1 if name.startswith(AT_LEAST_ONE) else 0
    if isinstance(given, bool) or not isinstance(given, (int, np.integer)) or given < least:
        raise ValueError(f"{layer}: {name}: expected an integer of at least {least}, given {given!r}.")
    return int(given)


def direction(
    layer: str, axis: str, length: int, taps: int, stride: int, dilation: int, before: int, after: int
) -> Direction:
    """⌊(n + before + after - d (taps - 1) - 1) / s⌋ + 1 steps, or a ValueError if that leaves nothing."""
    if taps < 1:
        raise ValueError(f"{layer}: X, axis {axis}: expected at least 1 tap, given 0.")
    span = dilation * (taps - 1) + 1
    if length + before + after < span:
        raise ValueError(
            f"{layer}: X, axis {axis}: the output would be empty: expected at least {span} entries with "
            f"the padding ({taps} taps, dilation {dilation}), given {length} + {before} + {after}."
        )
    steps = (length + before + after - span) // stride + 1
    return Direction(length, taps, steps, stride, dilation, before, after)


def alike(
    layer: str, axes: str, shape: Sequence[int], kernel: Sequence[int], stride: int, padding: int, dilation: int
) -> Directions:
    """The same stride, padding and dilation along the last axes of X and of its kernel, given by their shapes."""
    stride, dilation = option(layer, "stride", stride), option(layer, "dilation", dilation)
    padding = option(layer, "padding", padding)
    return [
        direction(layer, axis, length, taps, stride, dilation, padding, padding)
        for axis, length, taps in zip(axes, shape[-len(axes) :], kernel[-len(axes) :], strict=True)
    ]


def steps(directions: Directions) -> tuple[int, ...]:
    return tuple(d.steps for d in directions)


def taps(directions: Directions) -> tuple[int, ...]:
    return tuple(d.taps for d in directions)


# what is read


def pad(X: Array, directions: Directions) -> Array:
    """X with zeros at both ends of its last axes (np.pad takes several times as long)."""
    if not any(d.before or d.after for d in directions):
        return X
    padded = blank(X.shape[: X.ndim - len(directions)], directions, X.dtype)
    padded[inside(directions)] = X
    return padded


def blank(front: tuple[int, ...], directions: Directions, dtype: np.dtype) -> Array:
    """Zeros of the padded shape."""
    return np.zeros((*front, *(d.before + d.length + d.after for d in directions)), dtype)


def inside(directions: Directions) -> tuple:
    """Where X lies in the padded array."""
    return (..., *(slice(d.before, d.before + d.length) for d in directions))


def windows(padded: Array, directions: Directions, *, writeable: bool = False) -> Array:
    """The view V[..., i, u] = padded[..., s i + d u]; tap u, V[..., u], touches no entry twice."""
    rank = len(directions)
    spans = tuple(d.span for d in directions)
    view = sliding_window_view(padded, spans, axis=tuple(range(-rank, 0)), writeable=writeable)
    places = [slice(0, d.stride * (d.steps - 1) + 1, d.stride) for d in directions]
    under: tuple[Any, ...] = (..., *places, *(slice(None, None, d.dilation) for d in directions))
    return view[under]


# the three sums: as matrix products with what is read as columns, of a few images at a time, so that these columns
# stay in the cache (all at once they take half as long again)

# As many entries of columns at a time as fit.
ENTRIES = 2**19


def correlate(X: Array, W: Array, directions: Directions, b: Array | None = None) -> Array:
    """X[..., c, n…], W[o, c, u…], b[o] -> Y[..., o, i…]"""
    rank = len(directions)
    images, rows = _images(X, W), W.reshape(*W.shape[: -rank - 1], -1)
    Y = np.empty((*images.shape[: -rank - 1], rows.shape[-2], prod(steps(directions))), np.result_type(X, W))
    for part, columns in _columns(images, directions):
        np.matmul(rows, columns, out=Y[part])
        if b is not None:
            Y[part] += b[..., None]
    return Y.reshape(*X.shape[: -rank - 1], rows.shape[-2], *steps(directions))


def spread(Y: Array, W: Array, directions: Directions) -> Array:
    """Y[..., o, i…], W[o, c, u…] -> X[..., c, n…]"""
    rank = len(directions)
    images, rows = _images(Y, W), W.reshape(*W.shape[: -rank - 1], -1)
    dtype = np.result_type(Y, W)
    front = (*images.shape[: -rank - 1], W.shape[-rank - 1])
    X = np.empty((*front, *(d.length for d in directions)), dtype)
    count = _at_a_time(prod(front[1:]) * prod(taps(directions)) * prod(steps(directions)))
    padded = blank((min(count, len(X)), *front[1:]), directions, dtype)
    writes = windows(padded, directions, writeable=True)
    for start in range(0, len(X), count):
        part = images[start : start + count]
        columns = rows.swapaxes(-1, -2) @ part.reshape(*part.shape[:-rank], prod(steps(directions)))
        columns = columns.reshape(*columns.shape[:-2], -1, *taps(directions), *steps(directions))
        padded[...] = 0
        for tap in np.ndindex(*taps(directions)):
            writes[(slice(len(part)), ..., *tap)] += columns[(..., *tap, *[slice(None)] * rank)]
        X[start : start + count] = padded[inside(directions)][: len(part)]
    return X.reshape(*Y.shape[: -rank - 1], *X.shape[-rank - 1 :])


def kernel(X: Array, Y: Array, directions: Directions, groups: bool = False) -> Array:
    """X[..., c, n…], Y[..., o, i…] -> W[o, c, u…]"""
    rank = len(directions)
    kept = rank + 1 + groups
    images = X.reshape(prod(X.shape[:-kept]), *X.shape[-kept:])
    rows = Y.reshape(len(images), *Y.shape[-kept:-rank], prod(steps(directions)))
    W = np.zeros((*rows.shape[1:-1], X.shape[-rank - 1] * prod(taps(directions))), np.result_type(X, Y))
    for part, columns in _columns(images, directions):
        W += (rows[part] @ columns.swapaxes(-1, -2)).sum(axis=0)
    return W.reshape(*W.shape[:-1], X.shape[-rank - 1], *taps(directions))


def bias(Y: Array, rank: int, groups: bool = False) -> Array:
    """Y[..., o, i…] -> b[o], the sum over everything else."""
    kept = Y.ndim - rank - 1 - groups
    return Y.sum(axis=(*range(kept), *range(-rank, 0)))


def _images(X: Array, W: Array) -> Array:
    """X[..., c, n…] -> [images, c, n…], or with the groups that W has in front of its channels."""
    kept = W.ndim - 1
    return X.reshape(prod(X.shape[:-kept]), *X.shape[-kept:])


def _at_a_time(entries: int) -> int:
    """How many images, each with so many entries of columns."""
    return max(1, ENTRIES // max(1, entries))


def _columns(images: Array, directions: Directions) -> Iterator[tuple[slice, Array]]:
    """images[n, …, c, l…] -> parts of them, with what is read there: columns[part, …, c·u…, i…], in one buffer."""
    rank = len(directions)
    places, channels = prod(steps(directions)), images.shape[1:-rank]
    count = min(len(images), _at_a_time(prod(channels) * prod(taps(directions)) * places))
    padded = blank((count, *channels), directions, images.dtype)
    reads = np.moveaxis(windows(padded, directions), range(-rank, 0), range(-2 * rank, -rank))
    columns = np.empty(reads.shape, images.dtype)
    matrix = columns.reshape(count, *channels[:-1], channels[-1] * prod(taps(directions)), places)
    for start in range(0, len(images), max(1, count)):
        part = images[start : start + count]
        padded[inside(directions)][: len(part)] = part
        columns[: len(part)] = reads[: len(part)]
        yield slice(start, start + len(part)), matrix[: len(part)]
