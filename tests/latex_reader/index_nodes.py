"""The syntax tree of index notation; every node evaluates to a grid over the indices that it depends on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from .functions import related
from .grids import Axis, Grid, combine, counted, gather, product, union
from .tokens import Key, ReaderError, spelled

STEP = 1e-30
DIFFERENCE = 1e-5


@dataclass(frozen=True)
class Scope:
    """The arrays by name, and where a maximum is taken: which entries of it were read inside their tensors."""

    arrays: dict[Key, np.ndarray]
    inside: list[Grid] | None = None
    stepping: bool = False

    def bumped(self, name: Key, at: tuple[int, ...], by: complex) -> Scope:
        array = np.array(self.arrays[name], dtype=np.result_type(float, type(by), self.arrays[name]))
        array[at] += by
        return replace(self, arrays={**self.arrays, name: array}, stepping=True)


class Node:
    def evaluate(self, scope: Scope) -> Grid:
        raise NotImplementedError

    def factors(self, scope: Scope) -> tuple[list[Grid], list[Grid]]:
        """What stands in the product that this node is, and the conditions under which it is not 0."""
        return [self.evaluate(scope)], []


@dataclass(frozen=True)
class Number(Node):
    value: float

    def evaluate(self, scope: Scope) -> Grid:
        return Grid(np.asarray(self.value))


@dataclass(frozen=True)
class IndexValue(Node):
    axis: Axis

    def evaluate(self, scope: Scope) -> Grid:
        return counted(self.axis)


@dataclass(frozen=True)
class Entry(Node):
    """An entry of a tensor; 0 outside of it."""

    name: Key
    at: tuple[Node, ...]

    def evaluate(self, scope: Scope) -> Grid:
        found, inside = gather(scope.arrays[self.name], self.places(scope))
        if scope.inside is not None:
            scope.inside.append(inside)
        return found

    def places(self, scope: Scope) -> list[Grid]:
        return [_whole(p.evaluate(scope), self.name) for p in self.at]


def _whole(place: Grid, name: Key) -> Grid:
    rounded = np.rint(np.real(place.values)).astype(int)
    if not (np.abs(rounded - place.values) <= 1e-9).all():
        raise ReaderError(f"an index of {spelled(name)} is not a whole number")
    return Grid(rounded, place.axes)


@dataclass(frozen=True)
class Plus(Node):
    terms: tuple[tuple[int, Node], ...]

    def evaluate(self, scope: Scope) -> Grid:
        grids = [t.evaluate(scope) for _, t in self.terms]
        return combine(lambda *v: sum(s * x for (s, _), x in zip(self.terms, v, strict=True)), *grids)


@dataclass(frozen=True)
class Times(Node):
    parts: tuple[Node, ...]

    def evaluate(self, scope: Scope) -> Grid:
        return product(*self.factors(scope))

    def factors(self, scope: Scope) -> tuple[list[Grid], list[Grid]]:
        pairs = [p.factors(scope) for p in self.parts]
        return [g for gs, _ in pairs for g in gs], [m for _, ms in pairs for m in ms]


@dataclass(frozen=True)
class Quotient(Node):
    above: Node
    below: Node

    def evaluate(self, scope: Scope) -> Grid:
        return product(*self.factors(scope))

    def factors(self, scope: Scope) -> tuple[list[Grid], list[Grid]]:
        above, masks = self.above.factors(scope)
        return [*above, combine(lambda v: 1 / v, self.below.evaluate(scope))], masks


@dataclass(frozen=True)
class Power(Node):
    base: Node
    exponent: Node

    def evaluate(self, scope: Scope) -> Grid:
        return combine(_power, self.base.evaluate(scope), self.exponent.evaluate(scope))

    def factors(self, scope: Scope) -> tuple[list[Grid], list[Grid]]:
        if isinstance(self.base, Iverson) and isinstance(self.exponent, Number):
            return self.base.factors(scope)
        return super().factors(scope)


def _power(base: np.ndarray, exponent: np.ndarray) -> np.ndarray:
    if exponent.size == 1 and float(exponent.real.item()).is_integer():
        return base.astype(np.result_type(base, float)) ** int(exponent.real.item())
    return base.astype(np.result_type(base, float)) ** exponent


@dataclass(frozen=True)
class Apply(Node):
    function: Callable
    arguments: tuple[Node, ...]

    def evaluate(self, scope: Scope) -> Grid:
        return combine(self.function, *(a.evaluate(scope) for a in self.arguments))


@dataclass(frozen=True)
class Total(Node):
    """Σ over indices."""

    over: tuple[Axis, ...]
    body: Node

    def evaluate(self, scope: Scope) -> Grid:
        return product(*self.body.factors(scope), over=self.over)


@dataclass(frozen=True)
class Largest(Node):
    """max over indices, among the entries that read nothing outside a tensor."""

    over: tuple[Axis, ...]
    body: Node

    def evaluate(self, scope: Scope) -> Grid:
        found = self.candidates(scope)
        places = np.real(found.values).argmax(axis=-1)[..., None]
        return Grid(np.take_along_axis(found.values, places, axis=-1)[..., 0], found.axes)

    def first(self, scope: Scope) -> Grid:
        """The place of the first of the largest, counted with the last index running fastest; -1 if nothing is left."""
        found = self.candidates(scope)
        values = np.real(found.values)
        return Grid(np.where(values.max(axis=-1) > -np.inf, values.argmax(axis=-1), -1), found.axes)

    def candidates(self, scope: Scope) -> Grid:
        """The values over all places, in a last axis that has no name; -inf where something is read outside."""
        inside: list[Grid] = []
        body = self.body.evaluate(replace(scope, inside=inside))
        axes = tuple(dict.fromkeys((*body.axes, *self.over)))
        taking_part = np.ones([a.known() for a in axes], dtype=bool)
        for mask in inside:
            deeper = [a for a in mask.axes if a not in axes]
            everywhere = mask.over([*axes, *deeper]).all(axis=tuple(range(len(axes), len(axes) + len(deeper))))
            taking_part = taking_part & everywhere
        kept = tuple(a for a in axes if a not in self.over)
        order = [axes.index(a) for a in (*kept, *self.over)]
        shape = [a.known() for a in kept]
        values = np.where(taking_part, body.filled(axes), -np.inf)
        return Grid(values.transpose(order).reshape(*shape, -1), kept)


@dataclass(frozen=True)
class FirstLargest(Node):
    """[(i, j) = arg max …]: 1 where places are those of the first of the largest, else 0."""

    at: tuple[Node, ...]
    largest: Largest

    def holds(self, scope: Scope) -> Grid:
        sizes = [axis.known() for axis in self.largest.over]

        def compare(first, *places):
            counted, inside = np.zeros((), int), np.True_
            for place, size in zip(places, sizes, strict=True):
                counted, inside = counted * size + place, inside & (place >= 0) & (place < size)
            return inside & (first == counted)

        return combine(compare, self.largest.first(scope), *(_whole(p.evaluate(scope), ("arg max",)) for p in self.at))

    def evaluate(self, scope: Scope) -> Grid:
        holds = self.holds(scope)
        return Grid(holds.values.astype(float), holds.axes)

    def factors(self, scope: Scope) -> tuple[list[Grid], list[Grid]]:
        return [], [self.holds(scope)]


@dataclass(frozen=True)
class Iverson(Node):
    """[a < b < c]: 1 where every comparison holds, else 0."""

    sides: tuple[Node, ...]
    relations: tuple[str, ...]

    def holds(self, scope: Scope) -> Grid:
        grids = [s.evaluate(scope) for s in self.sides]

        def compare(*values):
            steps = zip(self.relations, values, values[1:], strict=False)
            return np.logical_and.reduce(np.broadcast_arrays(*(related(r, a, b) for r, a, b in steps)))

        return combine(compare, *grids)

    def evaluate(self, scope: Scope) -> Grid:
        holds = self.holds(scope)
        return Grid(holds.values.astype(float), holds.axes)

    def factors(self, scope: Scope) -> tuple[list[Grid], list[Grid]]:
        return [], [self.holds(scope)]


@dataclass(frozen=True)
class Definition:
    """The tensor that a name stands for: the indices of its entries, and their value."""

    axes: tuple[Axis, ...]
    body: Node


@dataclass(frozen=True)
class Computed(Node):
    """A tensor that a function computes from all arrays by spelling."""

    function: Callable[[dict[str, np.ndarray]], np.ndarray]
    spellings: Mapping[Key, str]
    axes: tuple[Axis, ...]

    def evaluate(self, scope: Scope) -> Grid:
        return Grid(np.asarray(self.function({self.spellings[key]: a for key, a in scope.arrays.items()})), self.axes)


@dataclass(frozen=True)
class Derivative(Node):
    """∂body/∂entry, every other name held fixed; `at` picks an entry where the body is a whole defined tensor."""

    body: Node
    entry: Entry
    axes: tuple[Axis, ...] | None = None
    at: tuple[Node, ...] = ()

    def evaluate(self, scope: Scope) -> Grid:
        axes, slopes = self._slopes(scope)
        if self.axes is None:
            places = [counted(a) for a in axes]
        else:
            places = [_whole(p.evaluate(scope), self.entry.name) for p in self.at]
        return gather(slopes, [*self.entry.places(scope), *places])[0]

    def _slopes(self, scope: Scope) -> tuple[tuple[Axis, ...], np.ndarray]:
        """The derivatives by every entry of the array, in front of the axes of the body."""
        shape = scope.arrays[self.entry.name].shape
        axes = self.axes if self.axes is not None else union([self.body.evaluate(scope)])
        slopes = [self._slope(scope, at).filled(axes) for at in np.ndindex(shape)]
        return axes, np.reshape(slopes, (*shape, *(a.known() for a in axes)))

    def _slope(self, scope: Scope, at: tuple[int, ...]) -> Grid:
        """By complex step; inside another derivative, by central differences."""
        name = self.entry.name
        if not scope.stepping:
            stepped = self.body.evaluate(scope.bumped(name, at, 1j * STEP))
            return Grid(np.imag(stepped.values) / STEP, stepped.axes)
        ahead = self.body.evaluate(scope.bumped(name, at, DIFFERENCE))
        behind = self.body.evaluate(scope.bumped(name, at, -DIFFERENCE))
        return combine(lambda a, b: (a - b) / (2 * DIFFERENCE), ahead, behind)


@dataclass(frozen=True)
class SameEntry(Node):
    """∂X[β]/∂X[p]: 1 where all indices are equal, and inside the tensor."""

    left: Entry
    right: Entry

    def evaluate(self, scope: Scope) -> Grid:
        holds = self._holds(scope)
        return Grid(holds.values.astype(float), holds.axes)

    def factors(self, scope: Scope) -> tuple[list[Grid], list[Grid]]:
        return [], [self._holds(scope)]

    def _holds(self, scope: Scope) -> Grid:
        inside = gather(scope.arrays[self.left.name], self.left.places(scope))[1]
        pairs = zip(self.left.places(scope), self.right.places(scope), strict=True)
        return combine(_all, inside, *(combine(np.equal, a, b) for a, b in pairs))


def _all(*masks: np.ndarray) -> np.ndarray:
    return np.logical_and.reduce(np.broadcast_arrays(*masks))


def indices_in(nodes: Iterable[Node]) -> bool:
    """Does an index stand in one of these as a number?"""
    return any(isinstance(n, IndexValue) or _below(n) and indices_in(_below(n)) for n in nodes)


def _below(node: Node) -> tuple[Node, ...]:
    if isinstance(node, Plus):
        return tuple(t for _, t in node.terms)
    return node.parts if isinstance(node, Times) else ()
