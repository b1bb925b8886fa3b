"""Contractions of many operands: which pair comes first, and what is a sum of one operand alone.

Σ_{b,o} A[b,i] B[b,o] C[o,j]        the pair with the least work, until one operand is left
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from types import MappingProxyType

from derive.core.axes import Index
from derive.lowering.elementwise import Quotient
from derive.lowering.layout import flat, flatten_group, group_of, ordered, permute, positions
from derive.lowering.matmul import einsum, matmul
from derive.lowering.orders import cheapest_pair, weight
from derive.lowering.taps import largest_of_taps, runs_over_taps, sum_of_taps
from derive.lowering.values import Contract, Inner, Map, Number, Reduce, Value

NONE: Mapping[str, int] = MappingProxyType({})


def contract(
    operands: Sequence[Quotient], bound: Sequence[Index], order: Sequence[Index], typical: Mapping[str, int] = NONE
) -> Value:
    """Σ over `bound` of the product of the operands, pair by pair; `order` is the wanted order of what is left.

    Of orders of products, the one that takes the least work where sizes are `typical`, if that is known of all.
    """
    left = _merged(sum_alone(operands, bound, order))
    while len(left) > 1:
        best = cheapest_pair([o.indices for o in left], bound, typical) if len(left) > 2 else None
        first, second = (left[n] for n in best) if best else _best_pair(left, bound)
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
    """The pair with the least work, then with the least result, then the first one.

    Of results with as many axes, one with several of the same size is taken for the smaller: v_jk v_jl is made before
    M_ij v_jk.
    """

    def cost(pair: tuple[Quotient, Quotient]) -> tuple[int, int, int, bool]:
        first, second = pair
        outside = frozenset().union(*(o.indices for o in operands if o is not first and o is not second))
        joint = first.indices | second.indices
        kept = frozenset(i for i in joint if i not in bound or i in outside)
        sizes = len({i.size for i in kept})
        return weight(joint), weight(kept), sizes, first.indices.isdisjoint(second.indices)

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
    parts = _square(operand.numerators) or operand.numerators
    arrays = [p for p in parts if p.axes]
    if len(arrays) == len(parts) == 2 and not operand.denominators and not operand.conditions:
        if set(arrays[0].axes) == set(arrays[1].axes):
            return inner(arrays[0], permute(arrays[1], arrays[0].axes), over, order)
    return reduce(operand.value(own), over)


def _square(parts: Sequence[Value]) -> tuple[Value, ...]:
    """x² as x and x: the sum of it is an inner product; nothing where it is something else."""
    if len(parts) != 1 or not isinstance(parts[0], Map) or parts[0].op != "pow" or parts[0].operands[1] != Number(2):
        return ()
    return parts[0].operands[:1] * 2


def reduce(value: Value, over: Sequence[Index], op: str = "sum") -> Value:
    """Reduce over some axes; a leading group is flattened first, unless nothing else is left."""
    group = group_of(value.axes)
    left = tuple(a for a in value.axes if a not in over)
    if not left:
        return Reduce(op, value, (), axes=())
    if runs_over_taps(value, over):
        return sum_of_taps(value, None, over) if op == "sum" else largest_of_taps(value, over)
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
    if len(over) == len(a.axes):
        return Inner(a, b, (tuple(range(len(a.axes))), tuple(range(len(a.axes))), ()), axes=())
    if group is not None and group in over:
        a, b, over = flatten_group(a), flatten_group(b), [flat(group) if i == group else i for i in over]
    return einsum(a, b, [i for i in a.axes if i not in over])
