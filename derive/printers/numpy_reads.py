"""Spell reads at sums of indices and at positions, sums over them, and their adjoints: mostly calls of helpers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from string import ascii_lowercase

import sympy

from derive.core.axes import Coefficient, Index
from derive.lowering.layout import group_of
from derive.lowering.values import (
    AddAt,
    Correlate,
    FirstMaximum,
    Gather,
    Row,
    Scatter,
    Size,
    Spread,
    SpreadMaximum,
    TapInner,
    TapMax,
    TapProducts,
    TapSum,
    Value,
    Window,
)
from derive.printers.numpy_sizes import ATOM, Printed


class ReadsPrinter:
    """Prints what reads more than whole arrays, and what adds to places of them."""

    @abstractmethod
    def print(self, value: Value) -> str:
        """The value as an expression of Python."""

    @abstractmethod
    def at_least(self, value: Value, level: int) -> str:
        """In parentheses unless it binds at least as tightly as `level`."""

    @abstractmethod
    def size_text(self, size: Size) -> str:
        """A size as Python."""

    # windows

    def window(self, value: Window) -> Printed:
        slots = self._slots(value)
        if slots is not None:
            return f"{self.at_least(value.operand, ATOM)}[{', '.join(slots)}]", ATOM
        outside = ", outside=-np.inf" if value.lowest else ""
        return f"_windows({self.print(value.operand)}, {self._windowed(value.sizes, value.rows)}{outside})", ATOM

    def first_maximum(self, value: FirstMaximum) -> Printed:
        return f"_first_maximum({self.print(value.operand)}, {value.count})", ATOM

    @staticmethod
    def _slots(value: Window) -> list[str] | None:
        """The window as a subscript, where it is the first or last entry, all of an axis, or all of it backwards."""
        axes = value.operand.axes
        lengths = [i.size for i in axes[len(axes) - len(value.rows) :]]
        slots: list[str] = []
        used: list[int] = []
        for length, (start, *steps) in zip(lengths, value.rows, strict=True):
            running = [n for n, step in enumerate(steps) if step != 0]
            last = sympy.expand(start - length + 1) == 0
            if not running and (last or start == 0):
                slots.append("0" if start == 0 else "-1")
            elif len(running) == 1 and value.sizes[running[0]] == length and (start, steps[running[0]]) == (0, 1):
                slots.append(":")
            elif len(running) == 1 and value.sizes[running[0]] == length and last and steps[running[0]] == -1:
                slots.append("::-1")
            else:
                return None
            used += running
        if used != list(range(len(value.sizes))):
            return None
        return [*(["..."] if group_of(axes) else [":"] * (len(axes) - len(lengths))), *slots]

    def _windowed(self, sizes: Sequence[Coefficient], rows: Sequence[Row]) -> str:
        return ", ".join([tuple_of([self.size_text(s) for s in sizes]), *(self.row(row) for row in rows)])

    def row(self, row: Row) -> str:
        return tuple_of([self.size_text(c) for c in row])

    # sums over windows

    @staticmethod
    def subscripts(pattern: Sequence[Sequence[int]], left: Sequence[Index], right: Sequence[Index]) -> str:
        """The subscripts of an einsum: ij,jk->ik"""
        axes = list(dict.fromkeys([*left, *right]))
        plain = [i for i in axes if not i.leading]
        letters = dict(zip(plain, einsum_letters(plain), strict=True))
        first, second, result = ("".join(letters.get(axes[n], "...") for n in part) for part in pattern)
        return f"{first},{second}->{result}"

    def tap_sum(self, value: TapSum) -> Printed:
        over = str(value.over[0]) if len(value.over) == 1 else tuple_of(value.over)
        arguments = [self.print(value.operand), over, *([self.print(value.weights)] if value.weights else [])]
        return f"_tap_sum({', '.join(arguments)})", ATOM

    def tap_max(self, value: TapMax) -> Printed:
        over = str(value.over[0]) if len(value.over) == 1 else tuple_of(value.over)
        return f"_tap_max({self.print(value.operand)}, {over})", ATOM

    def tap_inner(self, value: TapInner) -> Printed:
        pattern = self.subscripts(value.pattern, value.operand.axes[: -value.taps], value.other.axes)
        return f'_tap_inner("{pattern}", {self.print(value.operand)}, {self.print(value.other)}, {value.taps})', ATOM

    def correlate(self, value: Correlate) -> Printed:
        return self.helper("_correlate", value.kernels, value.operand, value.sizes, value.rows, value.bias)

    def tap_products(self, value: TapProducts) -> Printed:
        return self.helper("_tap_products", value.values, value.operand, value.sizes, value.rows)

    def spread(self, value: Spread) -> Printed:
        return self.helper("_spread", value.kernels, value.values, value.shape, value.rows, value.bias)

    def spread_maximum(self, value: SpreadMaximum) -> Printed:
        return self.helper("_spread_maximum", value.values, value.operand, value.sizes, value.rows)

    def helper(
        self,
        name: str,
        a: Value,
        b: Value,
        sizes: Sequence[Coefficient],
        rows: Sequence[Row],
        bias: Value | None = None,
    ) -> Printed:
        added = f", bias={self.print(bias)}" if bias is not None else ""
        return f"{name}({self.print(a)}, {self.print(b)}, {self._windowed(sizes, rows)}{added})", ATOM

    # places

    def scatter(self, value: Scatter) -> Printed:
        rows = ", ".join(self.row(row) for row in value.rows)
        shape = tuple_of([self.size_text(s) for s in value.shape])
        if value.weights is not None:
            rows += f", weights={self.print(value.weights)}"
        if value.taps is None:
            return f"_scatter_add({self.print(value.operand)}, {shape}, {rows})", ATOM
        return f"_overlap_add({self.print(value.operand)}, {shape}, {value.taps}, {rows})", ATOM

    def gather(self, value: Gather) -> Printed:
        """E[token], or row by row."""
        places = [self.print(p) for p in value.positions]
        if value.along:
            return f"np.take_along_axis({self.print(value.operand)}, {places[0]}, axis=-1)", ATOM
        if group_of(value.operand.axes):
            places = ["...", *places, *[":"] * value.behind]
        return f"{self.at_least(value.operand, ATOM)}[{', '.join(places)}]", ATOM

    def add_at(self, value: AddAt) -> Printed:
        size = self.size_text(value.size)
        extra = [f"behind={value.behind}"] if value.behind else []
        extra += [f"summed={value.summed}"] if value.summed is not None else []
        positions = self.print(value.positions)
        return f"_add_at({', '.join([self.print(value.operand), positions, size, *extra])})", ATOM


def einsum_letters(indices: Sequence[Index]) -> list[str]:
    """One letter for each index: its own where it has one."""
    chosen: list[str] = []
    own = [i.name for i in indices if len(i.name) == 1 and i.name.isalpha()]
    spare = iter([x for x in ascii_lowercase if x not in own])
    for index in indices:
        letter = index.name if index.name in own and index.name not in chosen else next(spare)
        chosen.append(letter)
    return chosen


def tuple_of(items: Sequence[object]) -> str:
    """A tuple in Python; that of all leading axes has a name."""
    if list(items) == ["*ell"]:
        return "ell"
    shown = ", ".join(map(str, items))
    return f"({shown},)" if len(items) == 1 else f"({shown})"
