"""What a generated function settles before it computes: which axes must agree, which sizes it needs and where they are.

An axis has one size throughout. Sizes that stand in a shape are measured there; compound ones, as the length of a
convolution's output, are computed once. What is handed back by the forward function is trusted by the backward one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import sympy

from derive.core.axes import LEADING_SIZE, Index
from derive.core.layer import Call, Symbol
from derive.errors import LoweringError
from derive.lowering.layout import FLAT_SIZE
from derive.lowering.program import Assign, Blocks, CallLayer, Each, Function, MaskOut, Portions, flattened
from derive.lowering.sharing import fresh_name
from derive.lowering.values import Size, sizes_used


@dataclass(frozen=True)
class Place:
    """An axis of an argument, counted from the front, or from the end where there may be leading axes."""

    tensor: Symbol
    position: int


@dataclass(frozen=True)
class Measure:
    """`name` is the length of an axis, or a size computed from others."""

    name: str
    value: Place | sympy.Expr


@dataclass(frozen=True)
class Demand:
    """An axis must have this size, or, without a place, a computed size must be at least 1."""

    axis: str
    tensor: str
    size: sympy.Expr
    place: Place | None


@dataclass
class Door:
    """What is checked and measured, in this order: options, shapes, measures, demands."""

    options: tuple[Symbol, ...]
    shapes: list[Symbol] = field(default_factory=list)
    leading: Symbol | None = None
    measures: list[Measure] = field(default_factory=list)
    demands: list[Demand] = field(default_factory=list)
    # The names of computed sizes, and of the number of entries over the leading axes.
    names: dict[sympy.Expr, str] = field(default_factory=dict)


def door_of(function: Function) -> Door:
    """The door of a function."""
    return Doorman(function).door()


class Doorman:
    """Finds out what a function has to check and to measure."""

    def __init__(self, function: Function):
        self.function = function
        self.layer = function.layer
        self.sources = (*function.residuals, *function.arguments) if function.backward else function.arguments
        self.options = {sympy.Symbol(s.name).name for s in self.layer.options}
        self.result = Door(self.layer.options)
        self.places = dict(self._places())
        self.taken = {*self.layer.symbols, *(i.name for i in self.layer.indices)}
        self.statements = list(flattened(function.statements))
        self.taken |= {s.target for s in self.statements if isinstance(s, Assign)}

    def _places(self) -> Iterator[tuple[str, Place]]:
        """Where each plain size can be measured: its first place."""
        seen: set[str] = set()
        for symbol in self.sources:
            for index in symbol.axes:
                if index.size.is_Symbol and not index.leading and str(index.size) not in seen:
                    seen.add(str(index.size))
                    if symbol in self.function.residuals or not self._follows(index.size):
                        yield str(index.size), place_of(symbol, index)

    def _follows(self, size: sympy.Symbol) -> bool:
        """Does what the forward function handed back tell the length of a cotangent's axis? z[m] of n + K - 1 does."""
        compound = (i.size for s in self.function.residuals for i in s.axes if size in i.size.free_symbols)
        return self.function.backward and any(abs(sympy.expand(c).coeff(size, 1)) == 1 for c in compound)

    def door(self) -> Door:
        door = self.result
        door.shapes = self._shapes()
        door.demands = list(self._demands())
        needed = set(self._used())
        if not self.function.backward:
            needed |= {s.into.size for s in self.function.arguments if s.into is not None}
            needed |= {size for relation in self.layer.requires for size in relation.args}
        for demand in door.demands:
            needed.add(demand.size)
        compound = _inner_first([size for size in _compound(self.layer.indices) if size in needed])
        self._leading(needed)
        self._name_compound(compound)
        symbols = {s for size in needed if isinstance(size, sympy.Expr) for s in size.free_symbols}
        names = {s.name for s in symbols if s not in (LEADING_SIZE, FLAT_SIZE)} - self._loop_names()
        self._measure([*(n for n in self.places if n in names), *sorted(names - set(self.places))])
        measured = {measure.name for measure in door.measures}
        door.measures += [Measure(door.names[size], size) for size in compound if door.names[size] not in measured]
        return door

    def _shapes(self) -> list[Symbol]:
        """The arguments to compare: all of a forward function; cotangents and what has their axes."""
        if not self.function.backward:
            return list(self.function.arguments)
        open_axes = {i for s in self.function.arguments for i in s.axes}
        chosen: list[Symbol] = []
        while found := max(self.function.residuals, key=lambda s: len(open_axes & set(s.axes)), default=None):
            if not open_axes & set(found.axes):
                break
            chosen.append(found)
            open_axes -= set(found.axes)
        return [s for s in self.function.residuals if s in chosen] + list(self.function.arguments)

    def _demands(self) -> Iterator[Demand]:
        seen: dict[str, str] = {}
        residual_axes = {i.name for s in self.function.residuals for i in s.axes} if self.function.backward else set()
        for symbol in self.function.arguments:
            for index in symbol.axes:
                if index.leading or index.name in seen or index.name in residual_axes:
                    continue
                seen[index.name] = symbol.name
                place = place_of(symbol, index)
                if self.places.get(str(index.size)) != place:
                    yield Demand(index.name, symbol.name, index.size, place)
        if not self.function.backward:
            yield from self._least_sizes(seen)

    def _least_sizes(self, seen: dict[str, str]) -> Iterator[Demand]:
        """A computed size that may come out as nothing; a layer that is called looks after its own."""
        for statement in self.layer.statements:
            for symbol in statement.defines:
                for index in symbol.axes:
                    if isinstance(statement, Call):
                        seen.setdefault(index.name, symbol.name)
                    if index.name not in seen and not index.size.is_Symbol and not index.size.is_positive:
                        seen[index.name] = symbol.name
                        yield Demand(index.name, symbol.name, index.size, None)

    def _used(self) -> Iterator[Size]:
        for statement in self.statements:
            if isinstance(statement, Assign):
                for value in statement.values:
                    yield from sizes_used(value)
            elif isinstance(statement, MaskOut):
                yield from sizes_used(statement.mask)
                yield from (c for c in (statement.below, statement.above) if c is not None)
            elif isinstance(statement, Blocks):
                yield from (*statement.starts, *statement.stops)
            elif isinstance(statement, Each):
                yield from ("group" if i.leading else i.size for i in statement.over)
            elif isinstance(statement, Portions):
                entries = statement.entries if isinstance(statement.entries, tuple) else (statement.entries,)
                yield from (*entries, *("group" if i.leading else i.size for i in statement.over))
            elif isinstance(statement, CallLayer):
                yield from (value for _, value in statement.options if isinstance(value, sympy.Expr))

    def _loop_names(self) -> set[str]:
        """What is a number inside a loop: an index, and where a block starts and stops."""
        each = {i.name for s in self.statements if isinstance(s, Each) for i in s.over}
        blocks = [s.name for s in self.statements if isinstance(s, Blocks)]
        return each | {f"{name}.{end}" for name in blocks for end in ("start", "stop")}

    def _leading(self, needed: set[Size]) -> None:
        """The shape of the leading axes, and the number of entries over them."""
        if not needed & {LEADING_SIZE, FLAT_SIZE, "group"}:
            return
        leading = [s for s in self.sources if s.axes and s.axes[0].leading]
        bare = next((s for s in leading if len(s.axes) == 1), None)
        count = f"{bare.name}.size" if bare else "math.prod(ell)"
        self.result.names.update({LEADING_SIZE: count, FLAT_SIZE: count})
        if "group" in needed or not bare:
            self.result.leading = bare or leading[0]

    def _name_compound(self, sizes: Iterable[sympy.Expr]) -> None:
        for size in sizes:
            index = next(i for i in self.layer.indices if i.size == size)
            self.result.names[size] = fresh_name(f"n_{index.name}", self.taken)

    def _measure(self, names: Iterable[str]) -> None:
        for name in names:
            if name in self.options:
                continue
            if name in self.places:
                self.result.measures.append(Measure(name, self.places[name]))
            else:
                self.result.measures += self._solved(name)

    def _solved(self, name: str) -> list[Measure]:
        """A size that stands in no shape by itself, solved for from one that is linear in it."""
        for symbol in self.sources:
            for index in symbol.axes:
                unknown = next((s for s in index.size.free_symbols if s.name == name), None)
                factor = sympy.expand(index.size).coeff(unknown, 1) if unknown is not None else None
                rest = sympy.expand(index.size - factor * unknown) if factor else None
                if rest is not None and unknown not in rest.free_symbols:
                    own = self.result.names.get(index.size) or fresh_name(f"n_{index.name}", self.taken)
                    length = sympy.Symbol(own, integer=True, positive=True)
                    solution = sympy.floor((length - rest) / factor)
                    return [Measure(length.name, place_of(symbol, index)), Measure(name, solution)]
        raise LoweringError(
            f"{self.function.name}: the size {name} is not the size of an axis of any argument. Give one such an axis."
        )


def place_of(symbol: Symbol, index: Index) -> Place:
    position = symbol.axes.index(index)
    leading = symbol.axes[0].leading
    return Place(symbol, position - len(symbol.axes) if leading else position)


def _compound(indices: Iterable[Index]) -> list[sympy.Expr]:
    """The sizes that are neither a name nor a number, each once."""
    sizes = (i.size for i in indices if not i.size.is_Symbol and not i.size.is_Integer)
    return list(dict.fromkeys(sizes))


def _inner_first(sizes: list[sympy.Expr]) -> list[sympy.Expr]:
    """A size that is part of others is computed before them: it takes fewer operations."""
    return sorted(sizes, key=lambda size: size.count_ops())
