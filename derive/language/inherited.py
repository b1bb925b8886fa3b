"""Declared facts across a call: a callee has the use of those that its caller declares of the tensors it gives.

A fact is never assumed of a tensor whose layer does not declare it: there the callee is derived without it.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from derive.core.facts import Fact
from derive.core.layer import Call, Layer
from derive.core.rebind import Rebinding
from derive.core.terms import Expr
from derive.language.binding import Binding


def facts_in_common(binding: Binding, rebinding: Rebinding) -> tuple[Fact, ...]:
    """The facts of the callee that the caller declares too."""
    declared = binding.scope.facts
    return tuple(f for f in binding.callee.facts if declared and in_caller(f, binding, rebinding) in declared)


def in_caller(fact: Fact, binding: Binding, rebinding: Rebinding) -> Fact:
    """What a fact of the callee says of the tensor that the caller gives."""
    number = [s.name for s in binding.callee.arguments].index(fact.tensor)
    own, given = binding.callee.arguments[number], binding.tensors[number]
    value = getattr(fact, "value", Expr())
    return fact.moved(given.name, places(binding, own.name, own.axes, len(given.axes)), rebinding.expr(value, {}))


def places(binding: Binding, tensor: str, axes, rank: int) -> tuple[tuple[int, ...], ...]:
    """For each axis of a callee's tensor, at which positions it stands in the caller's; `...` may stand at several."""
    order = binding.orders.get(tensor, tuple(range(rank)))
    found, start = [], 0
    for axis in axes:
        count = rank - len(axes) + 1 if axis.leading else 1
        found.append(tuple(order.index(n) for n in range(start, start + count)))
        start += count
    return tuple(found)


@lru_cache(maxsize=256)
def with_facts(layer: Layer, facts: tuple[Fact, ...]) -> Layer:
    """The layer with no more declared of its arguments than these facts, and neither of those that it calls."""
    if facts == layer.facts:
        return layer
    statements = tuple(
        replace(s, layer=with_facts(s.layer, ())) if isinstance(s, Call) else s for s in layer.statements
    )
    return replace(layer, statements=statements, facts=facts)
