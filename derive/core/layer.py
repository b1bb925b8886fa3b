"""A layer: an ordered list of equations with arguments, options and outputs. Frozen values without behaviour."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING

import sympy

from derive.core.atoms import Read
from derive.core.axes import LEADING, Affine, Index
from derive.core.terms import Expr, read
from derive.core.traverse import tensors_read
from derive.errors import UsageError

if TYPE_CHECKING:
    from derive.core.facts import Fact


class Role(Enum):
    """What a named quantity is to its layer; printers order factors by it."""

    COTANGENT = "cotangent"
    INPUT = "input"
    PARAMETER = "parameter"
    VALUE = "value"
    ADJOINT = "adjoint"
    OPTION = "option"
    SIZE = "size"


@dataclass(frozen=True)
class Symbol:
    """A named quantity: a tensor with its axes, an option or a size.

    `name` stands in code. `text` and `latex` are what people read (the cotangent dY is displayed as G).
    """

    name: str
    axes: tuple[Index, ...] = ()
    role: Role = Role.VALUE
    latex: str | None = None
    text: str | None = None
    # Of an option; of a size, what is typical.
    default: sympy.Expr | int | float | None = None
    # Options only: the least value allowed; None for a real number.
    least: int | None = None
    # Integer tensors only: the axis along which the entries are positions.
    into: Index | None = None

    @cached_property
    def shown(self) -> str:
        return self.text or self.name

    def entry(self) -> Read:
        return Read(self.name, tuple(Affine.of(i) for i in self.axes))

    def value(self) -> Expr:
        return read(self.name, *self.axes)

    @property
    def read_as(self) -> str:
        """An entry as a person writes it: W[i, o], or c for a number."""
        return f"{self.name}[{', '.join(i.name for i in self.axes)}]" if self.axes else self.name

    def renamed(self, **changes) -> Symbol:
        return replace(self, **changes)


@dataclass(frozen=True, eq=False)
class Equation:
    """`symbol[axes] = expr`: one tensor defined by one scalar expression whose free indices are the axes."""

    symbol: Symbol
    expr: Expr

    @property
    def defines(self) -> tuple[Symbol, ...]:
        return (self.symbol,)

    @cached_property
    def reads(self) -> tuple[str, ...]:
        return tuple(tensors_read(self.expr))


@dataclass(frozen=True, eq=False)
class Call:
    """`outputs = layer(arguments)`: a sublayer with parameters, derived once and called in the code.

    `axes` says which of the caller's indices each of the callee's stands for (`...` may stand for several);
    `options` gives the callee's options as numbers or expressions in the caller's options.
    """

    layer: Layer
    arguments: tuple[str, ...]
    outputs: tuple[Symbol, ...]
    axes: Mapping[Index, tuple[Index, ...]] = field(default_factory=dict)
    options: Mapping[str, sympy.Expr] = field(default_factory=dict)

    @property
    def defines(self) -> tuple[Symbol, ...]:
        return self.outputs

    @property
    def reads(self) -> tuple[str, ...]:
        return self.arguments

    @property
    def variables(self) -> tuple[str, ...]:
        """The arguments that have a gradient, in order."""
        pairs = zip(self.layer.arguments, self.arguments, strict=True)
        return tuple(name for symbol, name in pairs if symbol.into is None)


Statement = Equation | Call


@dataclass(frozen=True, eq=False)
class Layer:
    """A layer as mathematics. `arguments` are tensors (inputs, parameters) in call order; `options` are keywords."""

    name: str
    arguments: tuple[Symbol, ...]
    options: tuple[Symbol, ...]
    statements: tuple[Statement, ...]
    outputs: tuple[str, ...]
    doc: str = ""
    # How axes and sizes are spelled in LaTeX, where their author said so.
    spellings: Mapping[str, str] = field(default_factory=dict)
    # The module whose function it was made of.
    module: str = ""
    # About how large sizes are, where their author said so: of two ways to compute, it decides which is the better.
    typical: Mapping[str, int] = field(default_factory=dict)
    # What is declared of arguments, for simplification to use.
    facts: tuple[Fact, ...] = ()
    # What must hold of sizes and options, as relations of SymPy's.
    requires: tuple[sympy.Basic, ...] = ()
    # The tensors of which a fact was used to simplify the equations: those hold where the fact does, and say nothing
    # of what changes when entries leave it.
    pinned: Mapping[str, Fact] = field(default_factory=dict)
    # The symbols of the cotangents of outputs, where these have names of their own: the directions u of a gradient.
    directions: Mapping[str, Symbol] = field(default_factory=dict)

    @cached_property
    def symbols(self) -> dict[str, Symbol]:
        """Every name in scope: arguments, options, defined tensors, and the sizes of all axes."""
        named = {s.name: s for s in (*self.arguments, *self.options)}
        for statement in self.statements:
            named.update((s.name, s) for s in statement.defines)
        for index in self.indices:
            for size in sorted(index.size.free_symbols, key=str):
                named.setdefault(str(size), self.size_symbol(str(size)))
        return named

    def size_symbol(self, name: str) -> Symbol:
        return Symbol(name, role=Role.SIZE, latex=self.spellings.get(name), default=self.typical.get(name))

    @cached_property
    def indices(self) -> tuple[Index, ...]:
        """The axes of all tensors, in order of appearance."""
        seen: dict[str, Index] = {}
        for symbol in (*self.arguments, *(s for t in self.statements for s in t.defines)):
            for index in (*symbol.axes, *([symbol.into] if symbol.into else [])):
                seen.setdefault(index.name, index)
        return tuple(seen.values())

    @property
    def equations(self) -> Iterator[Equation]:
        return (s for s in self.statements if isinstance(s, Equation))

    @cached_property
    def parameters(self) -> tuple[Symbol, ...]:
        return tuple(s for s in self.arguments if s.role is Role.PARAMETER)

    @cached_property
    def variables(self) -> tuple[Symbol, ...]:
        """The arguments that have a gradient: all but integer tensors."""
        return tuple(s for s in self.arguments if s.into is None)

    @cached_property
    def output_symbols(self) -> tuple[Symbol, ...]:
        return tuple(self.symbols[name] for name in self.outputs)

    @cached_property
    def scalar(self) -> bool:
        """Is this a loss: one output without axes?"""
        return len(self.outputs) == 1 and not self.output_symbols[0].axes

    @property
    def has_leading(self) -> bool:
        return any(LEADING in s.axes for s in self.symbols.values())

    def __call__(self, *arguments, **keywords):
        """Compose: use this layer inside the definition of another (see `derive.language.definition`)."""
        from derive.language.compose import call

        return call(self, arguments, keywords)

    def __repr__(self) -> str:
        return f"<layer {self.name}({', '.join(s.name for s in self.arguments)}) -> {', '.join(self.outputs)}>"

    def _repr_latex_(self) -> str:
        from derive.documents.notebook import notebook_layer

        return notebook_layer(self)


def expect_layer(value: object) -> Layer:
    """The value, if it is a layer."""
    if isinstance(value, Layer):
        return value
    raise UsageError(
        f"{value!r} is not a layer. Give what @layer made of a function, or what load(…) gives for a name."
    )
