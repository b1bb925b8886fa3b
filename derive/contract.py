"""Contractions: which pair of operands comes first, and which matrix product a pair is.

    Σ_{b,o} A[b,i] B[b,o] C[o,j]        the pair whose product is smallest, until one operand is left
    Σ_s A[r,s] B[s,c]  →  A @ B         with the batch indices in front, rows, sums and columns merged where needed
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from derive.axes import Index
from derive.elementwise import Quotient, power
from derive.layout import flat, flatten_group, group_of, merge, ordered, permute, positions, shape_of, split
from derive.program import Contract, Inner, Map, Reduce, Reshape, Value, Window

Indices = frozenset[Index]


def weight(indices: Indices) -> int:
    """How large an array over these indices is, as far as one can tell without numbers."""
    return sum(2 if i.leading else 1 for i in indices)


def contract(operands: Sequence[Quotient], bound: Sequence[Index], order: Sequence[Index]) -> Value:
    """Σ over `bound` of the product of the operands, pair by pair; `order` is the wanted order of what is left."""
    left = _merged(sum_alone(operands, bound, order))
    while len(left) > 1:
        first, second = _best_pair(left, bound)
        others = [o for o in left if o is not first and o is not second]
        outside = frozenset().union(*(o.indices for o in others))
        sums = [i for i in bound if i in first.indices & second.indices and i not in outside]
        left = sum_alone(_merged([*others, _pair(first, second, sums, order)]), bound, order)
    (last,) = left
    return reduce_sum(last, [i for i in bound if i in last.indices], order)


def _merged(operands: Sequence[Quotient]) -> list[Quotient]:
    """Operands over the same indices are one, entry by entry; so is a number with any other."""
    result: list[Quotient] = []
    for operand in operands:
        same = next((n for n, o in enumerate(result) if o.indices == operand.indices), None)
        if same is None:
            result.append(operand)
        else:
            result[same] = result[same].times(operand)
    return result


def sum_alone(operands: Sequence[Quotient], bound: Sequence[Index], order: Sequence[Index]) -> list[Quotient]:
    """The operands, each summed over the indices that no other has; a single one is left as it is."""
    result = list(operands)
    for number, operand in enumerate(operands):
        others = frozenset().union(*(o.indices for n, o in enumerate(operands) if n != number))
        alone = [i for i in bound if i in operand.indices and i not in others]
        if alone and len(operands) > 1:
            result[number] = Quotient((reduce_sum(operand, alone, order),))
    return result


def _best_pair(operands: Sequence[Quotient], bound: Sequence[Index]) -> tuple[Quotient, Quotient]:
    """The pair with the least work, then with the least result, then the first one."""

    def cost(pair: tuple[Quotient, Quotient]) -> tuple[int, int, bool]:
        first, second = pair
        outside = frozenset().union(*(o.indices for o in operands if o is not first and o is not second))
        joint = first.indices | second.indices
        kept = frozenset(i for i in joint if i not in bound or i in outside)
        return weight(joint), weight(kept), first.indices.isdisjoint(second.indices)

    return min(combinations(operands, 2), key=cost)


def _pair(first: Quotient, second: Quotient, sums: Sequence[Index], order: Sequence[Index]) -> Quotient:
    if not sums:
        return first.times(second)
    a, b = (o.value(_own_order(o, order, sums)) for o in (first, second))
    return Quotient((matmul(a, b, sums, order),))


def _own_order(operand: Quotient, order: Sequence[Index], sums: Sequence[Index]) -> tuple[Index, ...]:
    """The order in which an operand is best computed: that of its largest part."""
    largest = max(operand.parts, key=lambda v: len(v.axes))
    return ordered(operand.indices, [*largest.axes, *order, *sums])


def reduce_sum(operand: Quotient, over: Sequence[Index], order: Sequence[Index]) -> Value:
    """Σ over some indices of a product, entry by entry."""
    own = _own_order(operand, order, over)
    if not over:
        return operand.value(order)
    parts = operand.numerators
    arrays = [p for p in parts if p.axes]
    if len(arrays) == len(parts) == 2 and not operand.denominators and not operand.conditions:
        if set(arrays[0].axes) == set(arrays[1].axes):
            return inner(arrays[0], permute(arrays[1], arrays[0].axes), over, order)
    return reduce(operand.value(own), over)


def reduce(value: Value, over: Sequence[Index], op: str = "sum") -> Value:
    """Reduce over some axes; a leading group is flattened first, unless nothing else is left."""
    group = group_of(value.axes)
    left = tuple(a for a in value.axes if a not in over)
    if not left:
        return Reduce(op, value, (), axes=())
    if group is None or group not in over:
        return Reduce(op, value, positions(value, over), axes=left)
    plain = [i for i in over if i != group]
    if plain:
        value = reduce(value, plain, op)
    return reduce(flatten_group(value), [flat(group)], op)


def inner(a: Value, b: Value, over: Sequence[Index], order: Sequence[Index]) -> Value:
    """Σ over some axes of a·b, for operands over the same indices."""
    group = group_of(a.axes)
    if len(a.axes) == 1 and group is None:
        return Contract(a, b, axes=())
    if group is not None and group in over:
        if len(over) == len(a.axes):
            return Reduce("sum", Map("mul", (a, b), axes=a.axes), (), axes=())
        a, b, over = flatten_group(a), flatten_group(b), [flat(group) if i == group else i for i in over]
    if a == b:
        return reduce(power(a, 2, a.axes), over)
    return einsum(a, b, [i for i in a.axes if i not in over])


def einsum(a: Value, b: Value, result: Sequence[Index]) -> Value:
    """The sum of a·b over all indices that the result lacks."""
    number = {index: n for n, index in enumerate(dict.fromkeys([*a.axes, *b.axes]))}
    left, right, kept = (tuple(number[i] for i in axes) for axes in (a.axes, b.axes, result))
    return Inner(a, b, (left, right, kept), axes=tuple(result))


def matmul(a: Value, b: Value, sums: Sequence[Index], order: Sequence[Index]) -> Value:
    """Σ over `sums` of a·b as one matrix product, its result over the other indices."""
    group = group_of([*a.axes, *b.axes])
    if group is not None and group in sums:
        sums = [flat(group) if i == group else i for i in sums]
        a, b = (_flattened(v, sums) for v in (a, b))
    if _columns_first(a, b, sums, order):
        a, b = b, a
    sums = [i for i in a.axes if i in sums] if len(sums) > 1 else list(sums)
    shared = [i for i in a.axes if i in b.axes and i not in sums]
    group = group_of([*a.axes, *b.axes])
    batch = [i for i in shared if i != group]
    rows = [i for i in a.axes if i not in b.axes and i != group]
    columns = [i for i in b.axes if i not in a.axes and i != group]
    vector = not columns or not rows and (group not in a.axes or group in shared)
    # Vectors in a batch gain nothing from a matrix product, and rows that overlap in memory would be copied for it.
    batched = bool(batch) or group in shared
    overlapping = len(sums) == 1 and (isinstance(a, Window) or isinstance(b, Window))
    if vector and (batched or overlapping):
        return einsum(a, b, [*([group] if group else []), *batch, *rows, *columns])
    if not batch and group_of(b.axes) is None:
        return _plain_product(a, b, group, rows, sums, columns)
    if batch and not rows and group_of(a.axes) and not group_of(b.axes):
        return _group_as_rows(a, b, sums, order)
    return _batched_product(a, b, group, batch, rows, sums, columns)


def _group_as_rows(a: Value, b: Value, sums: Sequence[Index], order: Sequence[Index]) -> Value:
    """Leading axes that only the left operand has are the rows of its matrices."""
    group = a.axes[0]
    product = matmul(flatten_group(a), b, sums, order)
    axes = (flat(group), *(i for i in product.axes if i != flat(group)))
    return Reshape(permute(product, axes), shape_of([(group,), *((i,) for i in axes[1:])]), axes=(group, *axes[1:]))


def _flattened(value: Value, sums: Sequence[Index]) -> Value:
    """A leading group that is summed over becomes a plain axis; what else is summed comes next to it."""
    group = group_of(value.axes)
    if group is None:
        return value
    rest = [i for i in value.axes if i != group]
    together = [i for i in rest if i in sums]
    return flatten_group(permute(value, [group, *together, *(i for i in rest if i not in sums)]))


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
    rank = {index: n for n, index in enumerate(dict.fromkeys(order))}
    return rank.get(plain_b[0], len(rank)) < rank.get(plain_a[0], len(rank))


def _plain_product(a, b, group, rows, sums, columns) -> Value:
    """[…, rows, s] @ [s, columns]: the right operand is one matrix, or a vector."""
    front = [(group,)] if group else []
    # Where the summed axes have to be merged, merging the rows as well makes it one product of two matrices.
    blocks = [tuple(rows)] if rows and len(sums) > 1 and not group else [(r,) for r in rows]
    last = [tuple(columns)] if columns else []
    left = _laid_out(a, [*front, *blocks, tuple(sums)])
    right = _laid_out(b, [tuple(sums), *last])
    return _product(left, right, [*front, *blocks, *last])


def _product(left: Value, right: Value, groups: list[tuple[Index, ...]]) -> Value:
    return split(Contract(left, right, axes=tuple(g[0] for g in groups)), groups)


def _laid_out(value: Value, groups: list[tuple[Index, ...]]) -> Value:
    """The value with these groups of indices as its axes; merged before it is transposed where that is a view."""
    backwards = groups[::-1]
    if len(groups) == 2 and list(value.axes) == [i for g in backwards for i in g] != [i for g in groups for i in g]:
        merged = merge(value, backwards)
        return permute(merged, merged.axes[::-1])
    return merge(value, groups)


def _batched_product(a, b, group, batch, rows, sums, columns) -> Value:
    """[…, batch, rows, s] @ […, batch, s, columns]"""
    singles = [(i,) for i in batch]
    front = [(group,)] if group else []
    left = _laid_out(a, [*(front if group in a.axes else []), *singles, *([tuple(rows)] if rows else []), tuple(sums)])
    right = _laid_out(b, [*(front if group in b.axes else []), *singles, tuple(sums), tuple(columns)])
    return _product(left, right, [*front, *singles, *([tuple(rows)] if rows else []), tuple(columns)])
