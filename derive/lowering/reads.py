"""Lower the reads of tensors: at indices, through windows, at the entries of integer tensors; sizes and positions."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace

import sympy

from derive.core.atoms import Position, Read
from derive.core.axes import LEADING, LEADING_SIZE, Affine, Index
from derive.core.layer import Role, Symbol
from derive.core.terms import Expr
from derive.errors import LoweringError
from derive.lowering.conditions import LOWEST
from derive.lowering.elementwise import ZERO, operate
from derive.lowering.gathers import gathered_read, one_hot
from derive.lowering.layout import FLAT_SIZE, flatten_group, ordered
from derive.lowering.values import Cast, Extent, Name, Number, Value, Window
from derive.lowering.windows import read_entries

Order = Sequence[Index]
Guards = tuple[Value, ...]
CONSTANTS = {"pi": "pi", LOWEST: "lowest"}


class Reads:
    """Lowers reads over the names of one layer; `order` is the order in which axes are wanted."""

    def __init__(self, symbols: Mapping[str, Symbol]):
        self.symbols = symbols
        self.typical = {n: int(s.default) for n, s in symbols.items() if s.role is Role.SIZE and s.default is not None}

    @abstractmethod
    def expr(self, value: Expr, order: Order, guards: Guards = ()) -> Value:
        """The value of an expression over its free indices."""

    @abstractmethod
    def sides(self, affine: Affine, order: Order) -> tuple[Value, Value]:
        """The positive terms of an affine index, and the negative ones."""

    def read(self, factor: Read, order: Order, guards: Guards) -> Value:
        symbol = self.symbols.get(factor.tensor)
        if not factor.at:
            return self.scalar(factor.tensor, symbol)
        if symbol is None:
            raise LoweringError(f"{factor.key}: {factor.tensor} is not defined. Define it, or make it an argument.")
        value: Value = Name(factor.tensor, axes=symbol.axes)
        if symbol.axes[0].leading:
            value = replace(value, axes=(LEADING, *symbol.axes[1:]))
            first = factor.at[0].plain
            if first is not None and first.size == FLAT_SIZE:
                value = flatten_group(value)
        if not factor.lookups():
            value = read_entries(value, factor.at, order)
            return replace(value, taps=self.taps_among(value.own)) if isinstance(value, Window) else value
        gathered_entries = gathered_read(value, factor.at, lambda entry: self.read(entry, order, guards))
        if gathered_entries is None:
            return self.expr(one_hot(factor, {i.name for i in (*factor.free, *order)}), order, guards)
        return gathered_entries

    def taps_among(self, indices: Sequence[Index]) -> tuple[Index, ...]:
        """The indices that run over few entries: as many as a kernel has, or as options say, or a number of them."""
        kernels = {i.size for s in self.symbols.values() if s.role is Role.PARAMETER for i in s.axes}
        options = {s.name for s in self.symbols.values() if s.role is Role.OPTION}
        return tuple(i for i in indices if i.size in kernels or {str(s) for s in i.size.free_symbols} <= options)

    @staticmethod
    def scalar(name: str, symbol: Symbol | None) -> Value:
        if name == LEADING.name:
            return Extent(LEADING_SIZE)
        if symbol is None and name in CONSTANTS:
            return Number(CONSTANTS[name])
        if symbol is None or symbol.role in (Role.SIZE, Role.OPTION):
            return Extent(sympy.Symbol(name))
        return Name(name)

    def position(self, factor: Position, order: Order, guards: Guards) -> Value:
        """A sum of indices, as an array of numbers."""
        order = ordered(factor.affine.indices, order)
        above, under = self.sides(factor.affine, order)
        places = above if under == ZERO else operate("sub", (above, under), order, "positions")
        return Cast(places, axes=places.axes)
