"""Fit values to what stands around them: exactly these axes, harmless where guards fail, read only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from derive.core.axes import Index
from derive.lowering.elementwise import ZERO, choose, compare, conjunction, operate
from derive.lowering.layout import align, ordered, permute, shape_of
from derive.lowering.values import Expand, Fill, Map, Number, Value

Order = Sequence[Index]
Guards = tuple[Value, ...]


def fit(value: Value, axes: Sequence[Index]) -> Value:
    """The value with exactly these axes: transposed, and repeated along those that it lacks."""
    axes = tuple(axes)
    if set(value.axes) == set(axes) and not value.is_number:
        return permute(value, axes)
    return Fill(align(value, axes), shape_of([(i,) for i in axes]), axes=axes)


def weighted(value: Value, axes: Sequence[Index], taps: Sequence[Index]) -> tuple[Value, Value | None]:
    """A product of two arrays that are both smaller than it, as data and weights; else the value with these axes."""
    if isinstance(value, Map) and value.op == "mul" and set(value.axes) == set(axes):
        if all(o.axes and set(o.axes) < set(axes) for o in unexpanded(value.operands)):
            data, weights = sorted(unexpanded(value.operands), key=lambda o: any(i in taps for i in o.axes))
            return align(data, axes), align(weights, axes)
    return fit(value, axes), None


def unexpanded(values: Sequence[Value]) -> list[Value]:
    """The values without the axes of size one that were put in for broadcasting."""
    return [v.operand if isinstance(v, Expand) else v for v in values]


def read_only(value: Value) -> Value:
    """What is broadcast, and only read, need not be copied."""
    return replace(value, own=False) if isinstance(value, Fill) else value


def guarded(value: Value, guards: Guards, harmless: int, order: Order) -> Value:
    """The value where the guards hold, else one at which nothing overflows or divides by zero."""
    if not guards or value.is_number:
        return value
    if harmless == 0 and len(guards) == 1 and guards[0] in (compare(r, value, ZERO, order) for r in ("<=", "<")):
        return operate("minimum", (value, ZERO), order)
    axes = ordered([*value.axes, *(i for g in guards for i in g.axes)], order)
    return choose(conjunction(guards, order), value, Number(harmless), axes)
