"""The contraction of two operands as one matrix product.

Σ_s A[r,s] B[s,c]  →  A @ B         with batch indices in front; rows, sums and columns merged where needed
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from derive.core.axes import Index
from derive.lowering.columns import windowed
from derive.lowering.layout import flat, flatten_group, group_of, merge, permute, shape_of, split
from derive.lowering.taps import tap_inner, tap_sum
from derive.lowering.values import Contract, Inner, Name, Permute, Reshape, Value, Window, is_new

Groups = list[tuple[Index, ...]]


@dataclass(frozen=True)
class Sides:
    """What the indices of two operands are to their product. The leading group is told apart."""

    group: Index | None
    group_in_left: bool
    group_in_right: bool
    batch: tuple[Index, ...]
    rows: tuple[Index, ...]
    sums: tuple[Index, ...]
    columns: tuple[Index, ...]

    @staticmethod
    def of(a: Value, b: Value, sums: Sequence[Index]) -> Sides:
        group = group_of([*a.axes, *b.axes])
        shared = [i for i in a.axes if i in b.axes and i not in sums]
        return Sides(
            group,
            group in a.axes,
            group in b.axes,
            tuple(i for i in shared if i != group),
            tuple(i for i in a.axes if i not in b.axes and i != group),
            tuple(i for i in a.axes if i in sums),
            tuple(i for i in b.axes if i not in a.axes and i != group),
        )

    @property
    def vector(self) -> bool:
        """Is one of the operands a vector, but for the batch?"""
        group_rows = self.group_in_left and not self.group_in_right
        return not self.columns or not (self.rows or group_rows)

    @property
    def batched(self) -> bool:
        return bool(self.batch) or (self.group_in_left and self.group_in_right)

    def front(self, present: bool = True) -> Groups:
        """The leading group and the batch, as axes of their own."""
        return [*([(self.group,)] if self.group and present else []), *((i,) for i in self.batch)]


def matmul(a: Value, b: Value, sums: Sequence[Index], order: Sequence[Index]) -> Value:
    """Σ over `sums` of a·b, its result over the other indices, in `order` where that costs nothing."""
    by_columns = windowed(a, b, sums)
    if by_columns is not None:
        return by_columns
    group = group_of([*a.axes, *b.axes])
    if group is not None and group in sums:
        sums = [flat(group) if i == group else i for i in sums]
        a, b = flatten_group(a), flatten_group(b)
    if _columns_first(a, b, sums, order):
        a, b = b, a
    sides = Sides.of(a, b, sums)
    # Vectors in a batch gain nothing from a matrix product, and rows that overlap in memory would be copied for it.
    overlapping = len(sums) == 1 and (isinstance(a, Window) or isinstance(b, Window))
    if sides.vector and (sides.batched or overlapping):
        by_taps = tap_sum(a, b, sums) if sides.batched else None
        kept = [*(i for g in sides.front() for i in g), *sides.rows, *sides.columns]
        return by_taps or tap_inner(a, b, sums) or einsum(a, b, kept)
    if not sides.batch and not sides.group_in_right:
        return _plain_product(a, b, sides)
    if sides.batch and not sides.rows and not sides.group_in_right:
        return _group_as_rows(a, b, sums, order)
    return _batched_product(a, b, sides)


def einsum(a: Value, b: Value, result: Sequence[Index]) -> Value:
    """The sum of a·b over all indices that the result lacks."""
    number = {index: n for n, index in enumerate(dict.fromkeys([*a.axes, *b.axes]))}
    left, right, kept = (tuple(number[i] for i in axes) for axes in (a.axes, b.axes, result))
    return Inner(a, b, (left, right, kept), axes=tuple(result))


def _columns_first(a: Value, b: Value, sums: Sequence[Index], order: Sequence[Index]) -> bool:
    """Should the operands change places, so that the result comes out in order?"""
    only_a = [i for i in a.axes if i not in b.axes]
    only_b = [i for i in b.axes if i not in a.axes]
    plain_a, plain_b = ([i for i in side if not i.leading] for side in (only_a, only_b))
    if group_of(only_b) and not plain_b:
        return True
    if group_of(only_a) and not plain_a or not plain_b:
        return False
    if not plain_a:
        # A vector comes behind a matrix that stands with its summed axis last, else in front of it.
        return list(b.axes)[-len(sums) :] == [i for i in b.axes if i in sums]
    wanted = [i for i in dict.fromkeys(order) if i in plain_a or i in plain_b]
    if len(wanted) == len(plain_a) + len(plain_b) > 2:
        # Neither way in order, as for heads: the columns of one matrix for all of them are moved afterwards.
        return wanted == [*plain_b, *plain_a] or wanted != [*plain_a, *plain_b] and group_of(only_b) is not None
    if len(wanted) < len(plain_a) + len(plain_b) and _in_place_for(a, b, sums):
        # What is summed over later: as they stand.
        return False
    rank = {index: n for n, index in enumerate(wanted)}
    return rank.get(plain_b[0], len(rank)) < rank.get(plain_a[0], len(rank))


def _in_place_for(a: Value, b: Value, sums: Sequence[Index]) -> bool:
    """Do the summed axes stand last in one operand and first in the other?"""
    return list(a.axes[-len(sums) :]) == list(b.axes[: len(sums)]) == list(sums)


def _plain_product(a: Value, b: Value, sides: Sides) -> Value:
    """[…, rows, s] @ [s, columns]: the right operand is one matrix, or a vector."""
    if sides.group is not None and sides.columns and _side_by_side(a, [sides.group, *sides.rows, *sides.sums]):
        return _folded_product(a, b, sides, sides.group)
    # Merging the rows makes it one product of two matrices; where the summed axes are merged too, that costs nothing.
    beside = _side_by_side(a, [*sides.rows, *sides.sums]) or _side_by_side(a, [*sides.sums, *sides.rows])
    merged = sides.rows and (len(sides.sums) > 1 or sides.columns and beside) and not sides.group
    rows: Groups = [sides.rows] if merged else [(r,) for r in sides.rows]
    columns = [sides.columns] if sides.columns else []
    left = _laid_out(a, [*sides.front(), *rows, sides.sums])
    right = _laid_out(b, [sides.sums, *columns])
    return _product(left, right, [*sides.front(), *rows, *columns])


def _folded_product(a: Value, b: Value, sides: Sides, group: Index) -> Value:
    """All leading axes as the rows of one matrix: one product in place of many small ones."""
    whole = (flat(group), *sides.rows)
    left = merge(flatten_group(a), [whole, sides.sums])
    right = _laid_out(b, [sides.sums, sides.columns])
    axes = (group, *sides.rows, *sides.columns)
    product = Contract(left, right, axes=(whole[0], sides.columns[0]))
    return Reshape(product, shape_of([(i,) for i in axes]), axes=axes)


def _side_by_side(value: Value, axes: Sequence[Index]) -> bool:
    """Do the entries lie in memory, as far as one can tell, in this order of the axes?"""
    stored = isinstance(value, (Name, Reshape)) or is_new(value) and not isinstance(value, Permute)
    return stored and list(value.axes) == list(axes)


def _batched_product(a: Value, b: Value, sides: Sides) -> Value:
    """[…, batch, rows, s] @ […, batch, s, columns]"""
    rows = [sides.rows] if sides.rows else []
    left = _laid_out(a, [*sides.front(sides.group_in_left), *rows, sides.sums])
    right = _laid_out(b, [*sides.front(sides.group_in_right), sides.sums, sides.columns])
    return _product(left, right, [*sides.front(), *rows, sides.columns])


def _group_as_rows(a: Value, b: Value, sums: Sequence[Index], order: Sequence[Index]) -> Value:
    """Leading axes that only the left operand has are the rows of its matrices."""
    group = a.axes[0]
    product = matmul(flatten_group(a), b, sums, order)
    axes = (flat(group), *(i for i in product.axes if i != flat(group)))
    return Reshape(permute(product, axes), shape_of([(group,), *((i,) for i in axes[1:])]), axes=(group, *axes[1:]))


def _product(left: Value, right: Value, groups: Groups) -> Value:
    return split(Contract(left, right, axes=tuple(g[0] for g in groups)), groups)


def _laid_out(value: Value, groups: Groups) -> Value:
    """The value with these groups of indices as its axes, the last two merged before they are transposed if better."""
    if len(groups) > 1:
        *front, first, last = groups
        swapped = [*front, last, first]
        order = [i for g in swapped for i in g]
        view = list(value.axes) == order != [i for g in groups for i in g]
        if view or _runs_on(value, first, last):
            merged = merge(value, swapped)
            return permute(merged, [g[0] for g in groups])
    return merge(value, groups)


def _runs_on(value: Value, first: Sequence[Index], last: Sequence[Index]) -> bool:
    """Is a copy of the value better made with `first` innermost, since that is what lies side by side in memory?"""
    if len(first) == len(last) == 1:
        return False
    if isinstance(value, Window):
        # Data lie side by side, taps do not.
        own = value.own
        return first[-1] in own and (last[-1] not in own or own.index(first[-1]) < own.index(last[-1]))
    while isinstance(value, Permute):
        value = value.operand
    return isinstance(value, (Name, Reshape)) and value.axes[-1] == first[-1]
