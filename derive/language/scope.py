"""What a definition has said so far, and what it may not say: every check that needs more than one expression."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import sympy

from derive.core.axes import LEADING, LEADING_SIZE, Index
from derive.core.facts import Fact
from derive.core.layer import Call, Equation, Layer, Role, Statement, Symbol
from derive.core.names import latex_of
from derive.errors import DefinitionError
from derive.language.functions import entry
from derive.language.handles import index_of
from derive.language.scalars import Converter, UndefinedTensor

MAX_RANK = 12


@dataclass
class Scope:
    """One is open while a layer's function runs.

    `indices` holds every index by name, `unresolved` the reads of what is not defined so far.
    """

    name: str
    symbols: dict[str, Symbol] = field(default_factory=dict)
    statements: list[Statement] = field(default_factory=list)
    indices: dict[str, Index] = field(default_factory=dict)
    spellings: dict[str, str] = field(default_factory=dict)
    typical: dict[str, int] = field(default_factory=dict)
    unresolved: list[UndefinedTensor] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    requires: list[sympy.Basic] = field(default_factory=list)

    def shape(self, owner: str, shape: Iterable[object]) -> tuple[Index, ...]:
        """The axes of a declared tensor, checked against all others of the layer."""
        shape = tuple(shape)
        if len(shape) > MAX_RANK:
            raise DefinitionError(
                f"{self.name}: {owner} has {len(shape)} axes, more than {MAX_RANK}. Split it into several tensors."
            )
        result: list[Index] = []
        for position, axis in enumerate(shape):
            index = index_of(axis, owner)
            if index == LEADING and position:
                raise DefinitionError(
                    f"{self.name}: in {owner}[{_listed(shape)}], '...' stands behind an axis. Put it first."
                )
            if index in result:
                raise DefinitionError(
                    f"{self.name}: {owner}[{_listed(shape)}] has axis {index} twice. Give each axis its own index, and "
                    "read a diagonal as X[i, i]."
                )
            self.meet(index, f"{self.name}: {owner}[{_listed(shape)}]")
            spelling = getattr(axis, "latex", None)
            if spelling:
                self.spellings[index.name] = spelling
            self.typical.update(getattr(axis, "typical", None) or {})
            result.append(index)
        self.declare_sizes(result)
        return tuple(result)

    def meet(self, index: Index, where: str) -> None:
        """See an index; it must have the size that it had before."""
        known = self.indices.setdefault(index.name, index)
        if known.size != index.size and sympy.expand(known.size - index.size) != 0:
            raise DefinitionError(
                f"{where}: index {index} has two sizes, {known.size} and {index.size}. Use an index for each size."
            )

    def declare_sizes(self, indices: Iterable[Index]) -> None:
        for index in indices:
            for size in sorted(index.size.free_symbols, key=str):
                symbol = self.symbols.get(str(size))
                if symbol is not None and symbol.role not in (Role.SIZE, Role.OPTION):
                    raise DefinitionError(
                        f"{self.name}: {size} is both a tensor and the size of index {index}. Rename one of them."
                    )
                self.symbols.setdefault(str(size), Symbol(str(size), role=Role.SIZE))

    def declare(self, symbol: Symbol) -> None:
        known = self.symbols.get(symbol.name)
        if known is not None:
            raise DefinitionError(
                f"{self.name}: the name {symbol.name} is used twice, for {described(known)} and for "
                f"{described(symbol)}. Rename one of them."
            )
        self.symbols[symbol.name] = symbol

    def define(self, symbol: Symbol, value: object) -> UndefinedTensor | None:
        """Record an equation; keep a read of what is not defined until it is known whether it comes later."""
        where = f"{self.name}: {symbol.read_as}"
        try:
            body = Converter(self.symbols, where, self.meet).convert(entry(value, where))
        except UndefinedTensor as error:
            self.declare(symbol)
            self.unresolved.append(error)
            return error
        left, right = set(symbol.axes), body.free
        if right - left:
            index = min(right - left, key=lambda i: i.name)
            raise DefinitionError(
                f"{where}: index {index} is free on the right but does not stand on the left. "
                f"Sum over it, or add it to the axes of {symbol.name}."
            )
        if left - right:
            index = min(left - right, key=lambda i: i.name)
            raise DefinitionError(
                f"{where}: index {index} stands on the left but nowhere on the right. "
                f"Drop it from the axes of {symbol.name}, or use it on the right."
            )
        self.declare(symbol)
        self.statements.append(Equation(symbol, body))
        return None

    def check_resolved(self) -> None:
        """Raise the first read of a tensor that is not defined above it."""
        for error in self.unresolved:
            if error.tensor == error.owner:
                own = DefinitionError(
                    f"{error.where}: {error.tensor} is read in its own definition. An equation reads what is defined "
                    "above it. Give the new value a name of its own."
                )
                raise own.with_traceback(error.__traceback__)
            if error.tensor in self.symbols:
                later = DefinitionError(
                    f"{error.where}: {error.tensor} is read here but defined later. "
                    f"Move the definition of {error.tensor} above the one of {error.owner}."
                )
                raise later.with_traceback(error.__traceback__)
            raise error

    # the whole layer

    def check(self, arguments: tuple[Symbol, ...]) -> None:
        """What can only be seen when all equations are known."""
        self.declare_sizes(self.indices.values())
        self.check_sizes(arguments)
        self.check_index_names()
        self.check_spellings()
        self.check_functions()

    def check_sizes(self, arguments: tuple[Symbol, ...]) -> None:
        """Every size is known from the shape of an argument, or is an option."""
        known = {str(i.size) for s in arguments for i in s.axes if i.size.is_Symbol}
        known |= {s.name for s in self.symbols.values() if s.role is Role.OPTION}
        for index in self.indices.values():
            for size in sorted(map(str, index.size.free_symbols - {LEADING_SIZE})):
                if size not in known:
                    raise DefinitionError(
                        f"{self.name}: the size {size} of index {index} cannot be told from any argument. "
                        f"Declare an argument with an axis of size {size}, or an option {size}: Integer(1) = 1."
                    )
        if LEADING.name in self.indices and not any(LEADING in s.axes for s in arguments):
            raise DefinitionError(
                f"{self.name}: '...' stands in no argument. Declare one, for example X: Tensor[..., i]."
            )

    def check_index_names(self) -> None:
        for symbol in self.symbols.values():
            if not symbol.axes and symbol.name in self.indices and symbol.name != LEADING.name:
                raise DefinitionError(
                    f"{self.name}: {symbol.name} is both an index and {described(symbol)}. Rename one of them."
                )

    def check_spellings(self) -> None:
        seen: dict[str, Symbol] = {}
        for symbol in self.symbols.values():
            latex = symbol.latex or latex_of(symbol.name)
            other = seen.setdefault(latex, symbol)
            if other is not symbol:
                raise DefinitionError(
                    f"{self.name}: {other.name} and {symbol.name} are both spelled {latex} in LaTeX. "
                    "Rename one, or give it a spelling with latex=…."
                )

    def check_functions(self) -> None:
        """The functions that generated code calls must not be hidden by this layer's names, or by one another."""
        called = list(callees(self.statements))
        functions: dict[str, Layer | None] = dict.fromkeys(functions_of(self.name))
        for callee in called:
            for name in functions_of(callee.name):
                if functions.setdefault(name, callee) is not callee:
                    raise DefinitionError(
                        f"{self.name}: it calls a layer {callee.name}, and another function of the generated code is "
                        f"also called {name}. Rename one of the layers."
                    )
        for statement in self.statements:
            if isinstance(statement, Call):
                for name in functions_of(statement.layer.name):
                    if name in self.symbols:
                        raise DefinitionError(
                            f"{self.name}: {described(self.symbols[name])} has the name of a function that generated "
                            f"code calls for the layer {statement.layer.name}. Rename it."
                        )


def callees(statements: Iterable[Statement]) -> dict[Layer, None]:
    """Every layer that is called, at any depth."""
    found: dict[Layer, None] = {}
    for statement in statements:
        if isinstance(statement, Call) and statement.layer not in found:
            found[statement.layer] = None
            found.update(callees(statement.layer.statements))
    return found


def functions_of(layer: str) -> tuple[str, str, str]:
    """The functions that are generated for a layer."""
    return layer, f"{layer}_fwd", f"{layer}_bwd"


def described(symbol: Symbol) -> str:
    """A symbol in a message: parameter W[i, o]."""
    what = "tensor" if symbol.role is Role.VALUE else symbol.role.value
    return f"{what} {symbol.read_as}"


def _listed(items: Iterable[object]) -> str:
    return ", ".join("..." if i is Ellipsis else getattr(i, "name", str(i)) for i in items)


_scopes: list[Scope] = []


def current_scope(what: str) -> Scope:
    """The definition that is running; an error when there is none."""
    if not _scopes:
        raise DefinitionError(f"{what} stands outside a layer. Call it inside a function decorated with @layer.")
    return _scopes[-1]


class Opened:
    """`with Opened(scope):` makes it the current one."""

    def __init__(self, scope: Scope):
        self.scope = scope

    def __enter__(self) -> Scope:
        _scopes.append(self.scope)
        return self.scope

    def __exit__(self, *_error: object) -> None:
        _scopes.pop()
