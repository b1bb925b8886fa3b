"""What is added to each place of a convolution goes into it: a piece of the result is still in the cache then.

    Y = correlate(W, X)          →    Y = correlate(W, X, bias=b)
    Y += b[:, None]

It is an addend with the axes of the kernels' rows, all of them and no others: not the items, not the places.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from derive.lowering.columns import as_groups
from derive.lowering.fitting import unexpanded
from derive.lowering.program import Assign, Statement
from derive.lowering.sharing import rebuild
from derive.lowering.values import Correlate, Map, Reshape, Spread, Value, walk

Placed = Correlate | Spread


def with_addends(statements: Sequence[Statement]) -> list[Statement]:
    """The statements with such addends in the convolutions that nothing else needs without them."""
    values = [s.value for s in statements if isinstance(s, Assign)]
    count = Counter(part for value in values for part in walk(value) if isinstance(part, Placed))

    def added(value: Value) -> Value:
        value = rebuild(value, added)
        return (_joined(value, lambda product: count[product] == 1) if isinstance(value, Map) else None) or value

    return [replace(s, value=added(s.value)) if isinstance(s, Assign) else s for s in statements]


def _joined(whole: Map, alone: Callable[[Placed], bool]) -> Value | None:
    """a + b as one of them with the other in it."""
    if whole.op != "add":
        return None
    for value, addend in (whole.operands, whole.operands[::-1]):
        product = value.operand if isinstance(value, Reshape) else value
        if not isinstance(product, Placed) or product.bias is not None or value.axes != whole.axes:
            continue
        [bias] = unexpanded([addend])
        channels = value.axes[1 : -len(product.rows)]
        if bias.axes and set(bias.axes) == set(channels) and alone(product):
            data = product.operand if isinstance(product, Correlate) else product.values
            batch = [i for i in channels if i in data.axes]
            rows = tuple(i for i in channels if i not in batch)
            joined = replace(product, bias=as_groups(bias, [*((i,) for i in batch), rows]))
            return replace(value, operand=joined) if isinstance(value, Reshape) else joined
    return None
