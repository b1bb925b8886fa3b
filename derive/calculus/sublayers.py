"""Reverse mode through calls of sublayers: a sublayer is derived once, and its backward layer called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import sympy

from derive.calculus.adjoint_names import AdjointNames
from derive.core.axes import LEADING, LEADING_SIZE, Affine, Index
from derive.core.layer import Call, Layer, Role, Symbol
from derive.core.names import latex_of
from derive.core.rebind import Rebinding
from derive.core.terms import Expr, read


@dataclass(frozen=True)
class Sublayer:
    """The backward call of a call: what it adds to the gradient of each of its variables."""

    call: Call
    backward: Call

    def entry(self, position: int, at: tuple[Index, ...]) -> Expr:
        """The gradient of a variable as the backward call gives it."""
        return read(self.backward.outputs[position].name, *at)

    def formula(self, position: int, at: tuple[Index, ...]) -> Expr:
        """The gradient of an argument as the sublayer's own derivation has it, where that needs no name of its own."""
        layer = self.backward.layer
        equation = next((e for e in layer.equations if e.symbol.name == layer.outputs[position]), None)
        defined = {s.name for statement in layer.statements for s in statement.defines}
        if equation is None or not defined.isdisjoint(equation.reads):
            return self.entry(position, at)
        names = dict(zip((s.name for s in layer.arguments), self.backward.arguments, strict=True))
        letters = {i: tuple(own.name for own in group) for i, group in self.call.axes.items()}
        rebinding = Rebinding(names, call_values(self.call), letters=letters)
        own = [i for i in equation.symbol.axes if not i.leading]
        groups: dict[Index, tuple[Affine, ...]] = {
            i: (Affine.of(p),) for i, p in zip(own, at[len(at) - len(own) :], strict=True)
        }
        if LEADING in equation.symbol.axes:
            groups[LEADING] = tuple(Affine.of(p) for p in at[: len(at) - len(own)])
        return rebinding.expr(equation.expr, groups)


class Sublayers:
    """The backward calls of a layer's calls, each made once, and the callees' values that they need."""

    def __init__(self, names: AdjointNames, derive_backward: Callable[[Layer], Layer]):
        self.names = names
        self.derive_backward = derive_backward
        self.made: dict[Call, Sublayer] = {}
        self.saves: dict[Call, tuple[tuple[str, Symbol], ...]] = {}

    def make(self, call: Call, alone: Mapping[str, bool]) -> Sublayer:
        """The backward call of a call. A gradient to which `alone` this call adds is named for its tensor."""
        backward = self.derive_backward(call.layer)
        outputs = tuple(
            self.names.adjoint(tensor) if alone[tensor] else self.names.share(tensor, call.outputs[0])
            for tensor in call.variables
        )
        arguments = tuple(self.arguments(call, backward))
        self.made[call] = Sublayer(call, Call(backward, arguments, outputs, call.axes, call.options))
        return self.made[call]

    def arguments(self, call: Call, backward: Layer) -> list[str]:
        """The caller's names of the callee's residuals and cotangents."""
        known = dict(zip((s.name for s in call.layer.arguments), call.arguments, strict=True))
        known.update(zip(call.layer.outputs, (s.name for s in call.outputs), strict=True))
        # The cotangents come last. Residuals may have been cotangents themselves, where the callee is a gradient.
        count = len(backward.arguments) - len(call.outputs)
        residuals = (known[s.name] if s.name in known else self.saved(call, s).name for s in backward.arguments[:count])
        return [*residuals, *(self.names.adjoints[s.name].name for s in call.outputs)]

    def saved(self, call: Call, symbol: Symbol) -> Symbol:
        """The caller's name of a value inside a called layer that its backward pass reads."""
        output = call.outputs[0]
        latex = f"{symbol.latex or latex_of(symbol.name)}^{{({output.latex or latex_of(output.name)})}}"
        name = self.names.fresh(f"{output.name}_{symbol.name}")
        outer = self.names.declare(Symbol(name, call_axes(call, symbol), Role.VALUE, latex=latex))
        self.saves[call] = (*self.saves.get(call, ()), (symbol.name, outer))
        return outer


def call_axes(call: Call, symbol: Symbol) -> tuple[Index, ...]:
    """The caller's indices for a tensor inside a called layer."""
    rebinding = Rebinding({}, call_values(call))
    axes: list[Index] = []
    for index in symbol.axes:
        # A group of no leading axes is a group too.
        axes.extend(call.axes[index] if index in call.axes else (Index(index.name, rebinding.size(index.size)),))
    return tuple(axes)


def call_values(call: Call) -> dict[str, sympy.Expr]:
    """The sizes and options of a called layer in the caller's terms."""
    values = dict(call.options)
    for index, group in call.axes.items():
        if index.leading:
            values[str(LEADING_SIZE)] = sympy.Tuple(*(i.size for i in group))
        elif index.size.is_Symbol:
            values.setdefault(str(index.size), group[0].size)
    return values
