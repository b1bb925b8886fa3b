"""What goes item by item: a value of which each entry of the leading axes is computed from that entry of the operands.

Y[ℓ, i] = f(X[ℓ, i], Σ_j X[ℓ, j], w[i])        item by item
s[i]    = Σ_ℓ f(X[ℓ, i])                        a sum over the items, to which each adds its own part
"""

from __future__ import annotations

from enum import Enum

import sympy

from derive.lowering.layout import FLAT_SIZE, group_of
from derive.lowering.program import Assign, Statement
from derive.lowering.values import (
    LEAVES,
    Cast,
    Contract,
    Copy,
    Diagonal,
    Expand,
    FirstMaximum,
    Inner,
    Map,
    Permute,
    Reduce,
    Reshape,
    Value,
    operands,
    sizes_used,
    walk,
)

# What looks at the last axes alone, if the leading ones are among its own.
WITHIN = (Map, Reduce, Contract, Inner, Permute, Expand, Diagonal, Cast, Copy, FirstMaximum)
SCALING = ("mul", "div", "neg")


class Kind(Enum):
    """How a statement goes with the items of the leading axes."""

    ITEM = "item by item"
    SUM = "a sum over the items"
    FREE = "the same for all items"
    WHOLE = "all items at once"


def kind_of(statement: Statement) -> Kind:
    if not isinstance(statement, Assign):
        return Kind.WHOLE
    value = statement.value
    if group_of(value.axes) is not None:
        return Kind.ITEM if item_by_item(value) else Kind.WHOLE
    if not over_items_inside(value):
        return Kind.FREE if not _told(value) & {"group", FLAT_SIZE} else Kind.WHOLE
    return Kind.SUM if sum_over_items(value) else Kind.WHOLE


def over_items(value: Value) -> bool:
    """Does an array have the leading axes, one by one or as one?"""
    return any(i.leading or i.size == FLAT_SIZE for i in value.axes)


def item_by_item(value: Value) -> bool:
    """Is each entry of the leading axes computed from that entry of what it is made of?"""
    if not over_items(value):
        return not over_items_inside(value) and not _told(value) & {"group", FLAT_SIZE}
    if isinstance(value, LEAVES):
        return group_of(value.axes) is not None
    if not isinstance(value, WITHIN) or group_of(value.axes) is None:
        return False
    if isinstance(value, Contract) and not all(group_of(o.axes) or len(o.axes) == 1 for o in operands(value)):
        # A product with one matrix for all items is better made for all at once; with one vector, it is a sum.
        return False
    return all(map(item_by_item, operands(value)))


def sum_over_items(value: Value) -> bool:
    """Is it a sum to which every item adds its part, perhaps times a number, or made of such sums?"""
    if isinstance(value, Map) and value.op in ("add", "sub"):
        return all(map(sum_over_items, value.operands))
    if isinstance(value, Map) and value.op in SCALING:
        scaled = [o for o in value.operands if over_items_inside(o)]
        divided = value.op == "div" and over_items_inside(value.operands[-1])
        return len(scaled) == 1 and not divided and sum_over_items(scaled[0])
    if over_items(value):
        return False
    summed = isinstance(value, Reduce) and value.op == "sum" and value.initial is None
    summed = summed or isinstance(value, Inner) or isinstance(value, Contract) and not value.axes
    if isinstance(value, Reduce) and not over_items(value.operand):
        return sum_over_items(value.operand) if summed else False
    return summed and all(over_items(o) and item_by_item(_flattened(o)) for o in operands(value))


def over_items_inside(value: Value) -> bool:
    """Is it, or anything that it is computed from, an array over the items?"""
    return any(map(over_items, walk(value)))


def _flattened(value: Value) -> Value:
    """What a reshape shows that makes one axis of the leading ones, and keeps the others."""
    if isinstance(value, Reshape) and value.shape[0] == "rest" and group_of(value.operand.axes) is not None:
        if len(value.shape) == len(value.operand.axes):
            return value.operand
    return value


def _told(value: Value) -> set[object]:
    """What of the leading axes the value mentions: their shape, or how many entries they have."""
    found: set[object] = set()
    for size in sizes_used(value):
        found |= set(size.free_symbols) if isinstance(size, sympy.Basic) else {size}
    return found
