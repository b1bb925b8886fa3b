"""The door of every layer: arrays of one floating dtype whose axes agree, or a ValueError.

A door is written as the layer's signature in index notation, `X[...,i] W[i,o] b[o]`: one letter is
one size wherever it stands, and `...` is one group of leading axes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np

Array = np.ndarray
Residuals = tuple[Any, ...]
Axes = tuple[str, ...]

LEADING = "..."


def admit(layer: str, signature: str, *values: Any) -> list[Array]:
    """The values as arrays of their common floating dtype, shapes checked against the signature.

    Lists and integers become float64. An array that already fits is passed on, not copied.
    """
    arguments = _parse(signature)
    arrays = [np.asarray(value) for value in values]
    for (name, _), array in zip(arguments, arrays, strict=True):
        if array.dtype.kind not in "biufc":
            raise ValueError(f"{layer}: {name}: expected numbers, given dtype {array.dtype}.")
    dtype = np.result_type(*arrays)
    if dtype.kind in "biu":
        dtype = np.dtype(np.float64)

    seen: dict[str, tuple[Any, str]] = {}
    for (name, axes), array in zip(arguments, arrays, strict=True):
        _check_axes(layer, name, axes, array.shape, seen)
    return [array.astype(dtype, copy=False) for array in arrays]


def positions(layer: str, signature: str, value: Any, size: int, length: int | None = None) -> Array:
    """The value as an integer array, so long, whose entries are positions along an axis of that size."""
    [(name, axes)] = _parse(signature)
    array = np.asarray(value)
    if array.dtype.kind not in "iu":
        raise ValueError(f"{layer}: {name}: expected integers, given dtype {array.dtype}.")
    _check_axes(layer, name, axes, array.shape, {} if length is None else {axes[0]: (length, "the logits")})
    outside = (array < 0) | (array >= size)
    if outside.any():
        raise ValueError(f"{layer}: {name}: expected positions from 0 to {size - 1}, given {array[outside][0]}.")
    return array


def cotangent(layer: str, signature: str, value: Any, shape: tuple[int, ...], dtype: np.dtype) -> Array:
    """The cotangent of an output of the given shape, in that output's dtype."""
    [(name, axes)] = _parse(signature)
    output = name.removeprefix("d")
    expected = {axis: (size, output) for axis, size in _bind(axes, shape).items()}
    array = np.asarray(value)
    _check_axes(layer, name, axes, array.shape, expected)
    # A complex cotangent stays complex: a backward can be differentiated by the complex step too.
    return array if array.dtype.kind == "c" else array.astype(dtype, copy=False)


def _check_axes(layer: str, name: str, axes: Axes, shape: tuple[int, ...], seen: dict[str, tuple[Any, str]]) -> None:
    """Check one argument's shape against the sizes seen so far, and add what it binds."""
    named = len(axes) - (LEADING in axes)
    if len(shape) < named or (len(shape) > named and LEADING not in axes):
        raise ValueError(f"{layer}: {name}: expected axes [{', '.join(axes)}], given shape {shape}.")
    for axis, given in _bind(axes, shape).items():
        expected, source = seen.setdefault(axis, (given, name))
        if given != expected:
            wanted = f"expected {expected} (as in {source})"
            raise ValueError(f"{layer}: {name}, axis {axis}: {wanted}, given {given}.")


def _bind(axes: Axes, shape: tuple[int, ...]) -> dict[str, Any]:
    """(..., i), (2, 3, 5) -> {...: (2, 3), i: 5}"""
    leading = len(shape) - len(axes) + 1 if LEADING in axes else 0
    sizes: dict[str, Any] = {LEADING: shape[:leading]} if LEADING in axes else {}
    return sizes | dict(zip([axis for axis in axes if axis != LEADING], shape[leading:], strict=True))


@lru_cache
def _parse(signature: str) -> tuple[tuple[str, Axes], ...]:
    """'X[...,i] b[o]' -> (('X', ('...', 'i')), ('b', ('o',)))"""
    return tuple(
        (name, tuple(filter(None, axes.split(",")))) for name, axes in re.findall(r"(\w+)\[(.*?)\]", signature)
    )


def row_blocks(rows: Array, entries: int = 2**16) -> Iterator[slice]:
    """A few rows[b, j] at a time, about so many entries: several passes over them then read from the cache."""
    count = max(1, entries // max(1, rows.shape[-1]))
    return (slice(start, start + count) for start in range(0, len(rows), count))


def portions(leading: int, *arrays: Array, entries: int = 2**16) -> Iterable[tuple[Array, ...]]:
    """A few items at a time of arrays that share so many leading axes: views [item, ...], so many entries of the first.

    Several passes over a portion then read from the cache. Where one portion is enough, it is the arrays as they are.
    """
    size = arrays[0].size
    if size <= entries:
        return (arrays,)
    count = math.prod(arrays[0].shape[:leading])
    step = max(1, entries * count // size)
    # What is written to has to be in order, as np.empty makes it: reshape copies an array that is not.
    items = [array.reshape(count, *array.shape[leading:]) for array in arrays]
    return (tuple(array[n : n + step] for array in items) for n in range(0, count, step))
