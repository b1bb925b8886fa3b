"""Where a layer is not twice differentiable: on the borders of its conditions, and where the largest entries are equal.

Everywhere else a condition is constant, and the second derivative is what the rules say.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from derive.calculus.inline import inlined
from derive.core.atoms import Argmax, Atom, Function, Maximum, Test
from derive.core.layer import Layer
from derive.core.primitives import PRIMITIVES
from derive.core.terms import Expr
from derive.core.traverse import atoms, tensors_read


@dataclass(frozen=True)
class Kink:
    """There is a kink, or a jump of a derivative, where `value` is 0; where two of its entries tie, for a maximum."""

    value: Expr
    tie: bool = False


def kinks(layer: Layer, wrt: str) -> list[Kink]:
    """The places at which second derivatives by a variable need not exist, each once."""
    moving = {wrt}
    found: dict[Kink, None] = {}
    for equation in inlined(layer).equations:
        if moving.isdisjoint(equation.reads):
            continue
        moving.add(equation.symbol.name)
        for factor in atoms(equation.expr):
            found.update((k, None) for k in _kinks_of(factor) if not moving.isdisjoint(tensors_read(k.value)))
    return list(found)


def _kinks_of(factor: Atom) -> Iterator[Kink]:
    if isinstance(factor, Test):
        yield Kink(factor.argument)
    elif isinstance(factor, (Maximum, Argmax)):
        yield Kink(factor.body, tie=True)
    elif isinstance(factor, Function) and factor.name in PRIMITIVES and not PRIMITIVES[factor.name].analytic:
        yield Kink(factor.argument)
