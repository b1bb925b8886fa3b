"""Put arrays into the layout that an operation needs: axes permuted, broadcast, merged. Nothing is computed here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import sympy

from derive.core.axes import Affine, Index
from derive.lowering.values import Expand, Permute, Reshape, Size, Value, Window

# The number of entries over all leading axes, for a leading group that has been flattened into one axis.
FLAT_SIZE = sympy.Symbol("...flat", integer=True, positive=True)


def group_of(indices: Iterable[Index]) -> Index | None:
    """The leading group among indices; at most one can stand in an array."""
    return next((i for i in indices if i.leading), None)


def ordered(indices: Iterable[Index], order: Sequence[Index]) -> tuple[Index, ...]:
    """Indices in a given order, the leading group first, those that the order does not know last."""
    rank = {index: n for n, index in enumerate(dict.fromkeys(order))}
    distinct = dict.fromkeys(indices)
    return tuple(sorted(distinct, key=lambda i: (not i.leading, rank.get(i, len(rank)))))


def union(values: Iterable[Value], order: Sequence[Index]) -> tuple[Index, ...]:
    """The axes of an array over all indices of the values."""
    return ordered((i for v in values for i in v.axes), order)


def permute(value: Value, axes: Sequence[Index]) -> Value:
    """The value with its axes in the order of `axes`."""
    axes = tuple(axes)
    if axes == value.axes:
        return value
    size = len(axes)
    order = tuple(value.axes.index(a) - size for a in axes)
    moved = [n for n in range(-size, 0) if order[n + size] != n]
    if isinstance(value, Window) and moved and -moved[0] <= len(value.sizes):
        return _window_permuted(value, order, axes)
    if isinstance(value, Permute):
        order = tuple(value.order[n] for n in order)
        value = value.operand
        if order == tuple(range(-size, 0)):
            return value
    return Permute(value, order, value.kind, axes=axes)


def _window_permuted(value: Window, order: tuple[int, ...], axes: tuple[Index, ...]) -> Value:
    """A window whose own axes come in another order is another window."""
    count = len(value.sizes)
    own = [n + count for n in order[-count:]]
    sizes = tuple(value.sizes[n] for n in own)
    rows = tuple((row[0], *(row[1 + n] for n in own)) for row in value.rows)
    return replace(value, sizes=sizes, rows=rows, axes=axes)


def expand(value: Value, axes: Sequence[Index]) -> Value:
    """The value with an axis of size one for every index of `axes` that it lacks, except in front."""
    present = [a in value.axes for a in axes if not a.leading]
    if group_of(value.axes) is None:
        while present and not present[0]:
            present.pop(0)
    if all(present):
        return value
    return Expand(value, tuple(present), value.kind, axes=value.axes)


def align(value: Value, axes: Sequence[Index]) -> Value:
    """The value laid out so that it broadcasts against an array with these axes."""
    if not value.axes:
        return value
    return expand(permute(value, [a for a in axes if a in value.axes]), axes)


def size_of(indices: Sequence[Index]) -> Size:
    """The number of entries over some indices: a single size, or the sizes of a product."""
    sizes = tuple(FLAT_SIZE if i.leading else i.size for i in indices)
    return sizes if len(sizes) != 1 else sizes[0]


def shape_of(groups: Sequence[Sequence[Index]], rest: int | None = None) -> tuple[Size, ...]:
    """The shape of an array whose axes are groups of indices; the group at `rest` is left for the language to infer."""
    shape: list[Size] = []
    for number, group in enumerate(groups):
        if number == rest:
            shape.append("rest")
        elif len(group) == 1 and group[0].leading:
            shape.append("group")
        else:
            shape.append(size_of(group))
    return tuple(shape)


def merge(value: Value, groups: Sequence[Sequence[Index]]) -> Value:
    """The value with each group of indices merged into one axis, for which its first index stands."""
    groups = [tuple(g) for g in groups]
    order = [i for g in groups for i in g]
    merged = [n for n, g in enumerate(groups) if len(g) > 1]
    if not merged:
        return permute(value, order)
    source = _before_flattening(value, order)
    counted = [n for n, g in enumerate(groups) if any(i.size == FLAT_SIZE for i in g)]
    # Of no entries over the leading axes, what is left over cannot be told.
    whole = groups[0][0].leading
    rest = 0 if source.axes[0].leading and not whole else None if whole else [*counted, merged[0]][0]
    return Reshape(source, shape_of(groups, rest), axes=tuple(g[0] for g in groups))


def _before_flattening(value: Value, order: Sequence[Index]) -> Value:
    """The permuted value; if its flattened leading group stays in front, the array before that was flattened."""
    if isinstance(value, Reshape) and value.axes[0].size == FLAT_SIZE and order[0] == value.axes[0]:
        group = group_of(value.operand.axes)
        if group is not None and len(value.operand.axes) == len(value.axes):
            return permute(value.operand, [group, *order[1:]])
    return permute(value, order)


def flatten_group(value: Value) -> Value:
    """The value with its leading group flattened into one plain axis: of a view, that of what it shows."""
    group = group_of(value.axes)
    if group is None:
        return value
    axes = (flat(group), *value.axes[1:])
    if isinstance(value, Reshape) and value.shape[0] == "group" and value.operand.axes == axes:
        return value.operand
    if isinstance(value, (Permute, Window)) and group_of(value.operand.axes) is not None:
        return replace(value, operand=flatten_group(value.operand), axes=axes)
    return Reshape(value, shape_of([(a,) for a in axes], 0), axes=axes)


def unflattened(value: Value, group: Index) -> Value:
    """Undo `flatten_group`: the plain axis becomes the leading group again."""
    axes = (group, *(i for i in value.axes if i != flat(group)))
    value = permute(value, [flat(group), *axes[1:]])
    return Reshape(value, shape_of([(a,) for a in axes]), value.kind, axes=axes)


def flat(group: Index) -> Index:
    """A plain index that runs over all entries of a leading group."""
    return Index(group.name, FLAT_SIZE)


def flat_substitution(groups: Iterable[Index]) -> dict[Index, Affine]:
    return {g: Affine.of(flat(g)) for g in groups}


def split(value: Value, groups: Sequence[Sequence[Index]]) -> Value:
    """Undo `merge`: the merged axes become the indices of their groups again."""
    axes = tuple(i for g in groups for i in g)
    if all(len(g) == 1 for g in groups):
        return value
    return Reshape(value, shape_of([(a,) for a in axes]), axes=axes)


def positions(value: Value, over: Iterable[Index]) -> tuple[int, ...]:
    """Where indices stand among the axes of a value, counted from the end."""
    return tuple(sorted(value.axes.index(i) - len(value.axes) for i in over))


__all__ = [
    "FLAT_SIZE",
    "align",
    "expand",
    "flat",
    "flat_substitution",
    "flatten_group",
    "group_of",
    "merge",
    "ordered",
    "permute",
    "positions",
    "shape_of",
    "size_of",
    "split",
    "unflattened",
    "union",
]
