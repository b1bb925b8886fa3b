"""Go through the leading axes a few items at a time: what is made of these stays in the cache, and is dropped there.

    T = f(X)                        Y, s = np.empty(…), np.zeros(…)
    Y = g(T, X)          →          for at in _portions(ell, n):
    s = Σ_ℓ h(T)                        T = f(X[at])
                                        Y[at] = g(T, X[at])
                                        s += Σ h(T)

A pass over a large array is a pass over memory, and a temporary is new memory besides. There is a loop where
several passes are saved that way: where something that is not handed back is made on the way, or a matrix product
is followed by passes over it. Where all passes are over what is handed back anyway, nothing is gained.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from derive.core.axes import Index
from derive.core.layer import Symbol
from derive.lowering.elementwise import ZERO
from derive.lowering.itemwise import Kind, kind_of, over_items_inside
from derive.lowering.layout import group_of, shape_of, size_of
from derive.lowering.memory import FUNCTIONS, OPERATORS, in_place, renamed
from derive.lowering.program import Assign, CallLayer, Portions, Statement
from derive.lowering.sharing import fresh_name, rebuild, temporary_name
from derive.lowering.values import (
    Contract,
    Copy,
    Fill,
    Inner,
    Map,
    Name,
    Part,
    Reduce,
    Reshape,
    Room,
    Value,
    names_read,
    operands,
    walk,
)

# How often arrays must be touched that are made and dropped in the loop, or passed over beside a matrix product,
# for a loop to be worth its lines: below, little or nothing is gained (measured on each layer of the catalogue).
DROPPED, PASSES = 3, 4
# Operations that can be told where to write.
WITH_OUT = (*OPERATORS, *FUNCTIONS, "neg", "maximum", "minimum")


def in_portions(
    statements: Sequence[Statement], wanted: Collection[str], symbols: Mapping[str, Symbol], taken: Iterable[str]
) -> list[Statement]:
    """The statements, with those that go item by item in loops over a few items at a time where that saves passes."""
    result: list[Statement] = []
    after = needed_after(statements, wanted)
    place = 0
    while place < len(statements):
        run = run_of(statements[place:])
        step = max(1, len(run))
        loop = Loop(run, after[place + step - 1], symbols, {*taken, *targets(statements)}) if run else None
        result += loop.statements() if loop is not None and loop.worthwhile else statements[place : place + step]
        place += step
    return result


def run_of(statements: Sequence[Statement]) -> list[Assign]:
    """The statements from the first on that one loop can compute."""
    run: list[Assign] = []
    known: dict[str, Kind] = {}
    for statement in statements:
        kind = kind_of(statement)
        if not isinstance(statement, Assign) or kind is Kind.WHOLE:
            break
        reads = {known[name] for name in names_read(statement.values) if name in known}
        if Kind.SUM in reads or (kind is Kind.FREE and Kind.ITEM in reads):
            break
        known[statement.target] = kind
        run.append(statement)
    while run and known[run[-1].target] is Kind.FREE:
        run.pop()
    return run


def needed_after(statements: Sequence[Statement], wanted: Collection[str]) -> list[frozenset[str]]:
    """For each statement what those after it read, or what is wanted in the end."""
    needed = [frozenset(wanted)]
    for statement in reversed(statements[1:]):
        needed.append(needed[-1].union(reads_of(statement)))
    return needed[::-1]


def reads_of(statement: Statement) -> Iterable[str]:
    if isinstance(statement, Assign):
        return names_read(statement.values)
    return (*statement.arguments, *(statement.residuals or ())) if isinstance(statement, CallLayer) else ()


def targets(statements: Iterable[Statement]) -> set[str]:
    return {s.target for s in statements if isinstance(s, Assign)}


class Loop:
    """A run of statements as a loop. `kept` are the names that are needed after it."""

    def __init__(self, run: Sequence[Assign], kept: Collection[str], symbols: Mapping[str, Symbol], taken: set[str]):
        kinds = {s.target: kind_of(s) for s in run}
        self.free = [s for s in run if kinds[s.target] is Kind.FREE]
        inside = [s for s in run if kinds[s.target] is not Kind.FREE]
        self.arrays = {s.target: s.value.axes for s in inside if kinds[s.target] is Kind.ITEM and s.target in kept}
        self.sums = {s.target: s.value.axes for s in inside if kinds[s.target] is Kind.SUM}
        self.taken = taken
        self.at = fresh_name("at", taken)
        self.body = self._into_results(in_place(inside, [*self.arrays, *self.sums], symbols))
        self.made = {s.target: s.value for s in self.body if not s.update and s.out != s.target}
        self.local = targets(self.body) - set(self.arrays) - set(self.sums)

    @cached_property
    def largest(self) -> tuple[Index, ...]:
        """The axes of the largest array, as far as one can tell without numbers: of those, the most passed over."""
        passed = Counter(v.axes for s in self.body for v in walk(s.value) if isinstance(v, Map))
        passed.update(o.axes for s in self.body for v in walk(s.value) if isinstance(v, Reduce) for o in operands(v))
        passed.update(self.made[s.target].axes for s in self.body if s.update)
        values = dict.fromkeys(v.axes for s in self.body for v in walk(s.value) if group_of(v.axes) is not None)
        return max(values, key=lambda axes: (len(axes), passed[axes]), default=())

    @property
    def worthwhile(self) -> bool:
        """Is enough made and dropped in the loop, or is it a matrix product that is passed over?"""
        if len(self.sums) != sum(s.target in self.sums for s in self.body):
            return False
        if any(self.made[name].kind != "array" for name in self.arrays):
            return False
        values = [v for s in self.body for v in walk(s.value)]
        nested = [v for s in self.body for v in walk(s.value) if v is not s.value and isinstance(v, Map)]
        dropped = sum(v.kind == "array" and self._fills(v) for v in nested)
        dropped += sum(self._touched(name) for name in self.local if self._fills(self.made[name]))
        passes = sum(map(self._passes, values))
        passes += sum(self._fills(self.made[s.target]) for s in self.body if s.update)
        return dropped >= DROPPED or passes >= PASSES and any(isinstance(v, Contract) for v in values)

    def _fills(self, value: Value) -> bool:
        """Is it as large as the largest array?"""
        return group_of(value.axes) is not None and len(value.axes) == len(self.largest)

    def _passes(self, value: Value) -> bool:
        """Is the value computed by a pass over large arrays?"""
        if isinstance(value, (Reduce, Inner)):
            return any(map(self._fills, operands(value)))
        return isinstance(value, Map) and self._fills(value)

    def _touched(self, name: str) -> int:
        """How many times an array is written or read."""
        reads = sum(name in names_read(s.values) for s in self.body)
        return reads + sum(s.target == name for s in self.body)

    def statements(self) -> list[Statement]:
        """Room for what is kept, and the loop."""
        body = [self._without_invariants(self._placed(replace(s, value=self._grouped(s.value)))) for s in self.body]
        rooms = [Assign(name, Room(_shape(axes), axes=axes)) for name, axes in self.arrays.items()]
        zeros = [Assign(name, Fill(ZERO, _shape(axes), axes=axes)) for name, axes in self.sums.items()]
        over = self.over
        entries = size_of([i for i in self.largest if i not in over]) or 1
        return [*self.free, *rooms, *zeros, Portions(self.at, over, entries, tuple(body))]

    @cached_property
    def over(self) -> tuple[Index, ...]:
        """The axes that are gone through: the leading ones, and those behind them that all arrays have, as heads."""
        values = [v for s in self.body for v in walk(s.value) if v.axes]
        others = {i for v in values if group_of(v.axes) is None for i in v.axes}
        arrays = [v.axes[1:] for v in values if group_of(v.axes) is not None]
        group, *behind = self.largest
        if self.sums or any(isinstance(v, Reshape) for v in values):
            return (group,)
        together = (n for n, i in enumerate(behind) if i in others or any(a[n : n + 1] != (i,) for a in arrays))
        return (group, *behind[: next(together, len(behind))])

    def _grouped(self, value: Value) -> Value:
        """The value with axes that a portion may lack, all but the last of those gone through, among the leading."""
        value = rebuild(value, self._grouped)
        if not isinstance(value, Inner):
            return value
        axes = list(dict.fromkeys([*value.left.axes, *value.right.axes]))
        left, right, result = (tuple(n for n in p if axes[n] not in self.over[1:-1]) for p in value.pattern)
        return replace(value, pattern=(left, right, result))

    def _into_results(self, body: Sequence[Statement]) -> list[Assign]:
        """What is written over to become a result is in the memory of the result from the start."""
        result = [s for s in body if isinstance(s, Assign)]
        for statement in reversed(result[:]):
            if statement.target in self.arrays and statement.out and statement.out not in self.arrays:
                names = {statement.out: statement.target}
                result = [renamed(s, names) for s in result]
        return result

    def _placed(self, statement: Assign) -> Assign:
        """A statement of the loop: parts of arrays in the place of the whole."""
        value = self._parts(statement.value)
        places = tuple(self._parts(p) for p in statement.at)
        name = statement.target
        if name in self.sums:
            return replace(statement, value=value, at=places, update="add")
        if name not in self.arrays:
            return replace(statement, value=value, at=places)
        told = statement.out == name or statement.update is None and _has_out(value)
        value = value.operand if isinstance(value, Copy) else value
        return replace(statement, value=value, at=places, part=(self.at,), out=name if told else None)

    def _without_invariants(self, statement: Assign) -> Assign:
        at = tuple(map(self._taken_out, statement.at))
        return replace(statement, value=self._taken_out(statement.value), at=at)

    def _taken_out(self, value: Value) -> Value:
        """The value with what is the same for all items computed before the loop, once."""
        if value.axes and isinstance(value, (Map, Contract, Reduce, Inner)) and not over_items_inside(value):
            known = next((s.target for s in self.free if s.value == value), None)
            if known is None:
                known = fresh_name(temporary_name(value), self.taken)
                self.free.append(Assign(known, value))
            return Name(known, value.kind, axes=value.axes)
        return rebuild(value, self._taken_out)

    def _parts(self, value: Value) -> Value:
        """The value with a few items of each array that is not the loop's own."""
        if isinstance(value, Name) and value.name not in self.local and group_of(value.axes) is not None:
            return Part(value.name, (self.at,), axes=value.axes)
        return rebuild(value, self._parts)


def _has_out(value: Value) -> bool:
    """Can it be told where to write?"""
    return isinstance(value, Contract) or isinstance(value, Map) and value.op in WITH_OUT


def _shape(axes: Sequence[Index]):
    return shape_of([(i,) for i in axes])
