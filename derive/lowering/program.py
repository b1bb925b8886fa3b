"""What a layer is lowered to: functions of array statements in order, as frozen values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import sympy

from derive.core.axes import Coefficient, Index
from derive.core.layer import Equation, Layer, Symbol
from derive.lowering.values import Size, Value


@dataclass(frozen=True)
class Assign:
    """`target = value`, and the equation that it implements.

    In place: `target op= value` where `update` is the operation, at some places of it `target[at] op= value`,
    where it is "set" what stands there is given up;
    `target = f(x, out=x)` where `out` is the name x.
    Where loops are, it is the `part` of the target at which they are.
    """

    target: str
    value: Value
    implements: Equation | None = None
    out: str | None = None
    update: str | None = None
    at: tuple[Value, ...] = ()
    part: tuple[str, ...] = ()

    @property
    def values(self) -> tuple[Value, ...]:
        """All that is read but what it writes into."""
        return (self.value, *self.at)


@dataclass(frozen=True)
class CallLayer:
    """`targets = function(arguments)`; a backward function takes residuals first, a forward one hands them back."""

    function: str
    targets: tuple[str, ...]
    arguments: tuple[str, ...]
    residuals: tuple[str, ...] | None = None
    backward: bool = False
    options: tuple[tuple[str, sympy.Expr | int | float], ...] = ()


@dataclass(frozen=True)
class Note:
    """A remark in the code."""

    text: str


@dataclass(frozen=True)
class MaskOut:
    """Minus infinity where the mask holds, if `below < above`: else it holds nowhere."""

    target: str
    mask: Value
    below: Coefficient | None = None
    above: Coefficient | None = None


@dataclass(frozen=True)
class Each:
    """Loop over every entry of some axes, one by one; the leading group is taken apart by the name `group`."""

    over: tuple[Index, ...]
    group: str
    statements: tuple[Statement, ...]


@dataclass(frozen=True)
class Blocks:
    """Loop over blocks of an axis, from the largest of some starts to the smallest of some stops: `name` is a slice."""

    name: str
    starts: tuple[Coefficient, ...]
    stops: tuple[Coefficient, ...]
    length: str
    statements: tuple[Statement, ...]


@dataclass(frozen=True)
class Portions:
    """Loop over a few items of some first axes at a time: `at` is where they are; an item has so many entries."""

    at: str
    over: tuple[Index, ...]
    entries: Size
    statements: tuple[Statement, ...]


Statement = Assign | CallLayer | Note | MaskOut | Each | Blocks | Portions
LOOPS = (Each, Blocks, Portions)


def edge(name: str, which: str) -> sympy.Symbol:
    """Where a block starts or stops."""
    return sympy.Symbol(f"{name}.{which}", integer=True, nonnegative=True)


def flattened(statements: Iterable[Statement]) -> Iterator[Statement]:
    """The statements and those inside loops, in order."""
    for statement in statements:
        yield statement
        if isinstance(statement, LOOPS):
            yield from flattened(statement.statements)


@dataclass(frozen=True)
class Function:
    """A generated function. `residuals` are saved by a forward function and unpacked by a backward one."""

    name: str
    layer: Layer
    arguments: tuple[Symbol, ...]
    residuals: tuple[Symbol, ...]
    statements: tuple[Statement, ...]
    outputs: tuple[Symbol, ...]
    backward: bool
    # A function by itself: it neither saves nor takes residuals, and its documentation is given.
    alone: bool = False
    doc: tuple[str, ...] = ()


@dataclass(frozen=True)
class Program:
    """The functions of a layer and of those that it calls, callees first."""

    layer: Layer
    functions: tuple[Function, ...]
    # What the module says of itself, where that is not what its layer says.
    doc: tuple[str, ...] = ()
