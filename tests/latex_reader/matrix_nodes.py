"""The syntax tree of matrix notation: every node says its shape, then its value.

A scalar is an array of rank 0; everything else has rank 2, vectors as columns and their transposes as rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from .dimensions import ONE, SCALAR, Dimension, Shape
from .functions import related
from .tokens import ReaderError


class Node:
    """`shape` is found once, from the leaves up; finding it checks that everything fits."""

    # Is this nothing but numbers? Then it stands for a matrix full of it where a matrix is needed.
    plain = False

    @cached_property
    def shape(self) -> Shape:
        return self.find_shape()

    def find_shape(self) -> Shape:
        raise NotImplementedError

    def evaluate(self) -> np.ndarray:
        raise NotImplementedError

    def factors(self) -> tuple[list[Node], list[Node]]:
        """What is multiplied entry by entry here, and the tests under which it is not 0."""
        return [self], []


@dataclass(eq=False)
class Value(Node):
    """An array with the rank of a scalar, a column or a matrix."""

    array: np.ndarray
    plain: bool = False

    def find_shape(self) -> Shape:
        if self.array.ndim == 0:
            return SCALAR
        columns = ONE if self.array.ndim == 1 else Dimension(self.array.shape[1])
        return Shape(Dimension(self.array.shape[0]), columns)

    def evaluate(self) -> np.ndarray:
        return self.array[:, None] if self.array.ndim == 1 else self.array


@dataclass(eq=False)
class Ones(Node):
    """A column of ones as long as its place asks for."""

    length: Dimension = field(default_factory=Dimension)

    def find_shape(self) -> Shape:
        return Shape(self.length, ONE)

    def evaluate(self) -> np.ndarray:
        return np.ones((self.length.known("a vector of ones"), 1))


@dataclass(eq=False)
class Counter(Node):
    """The number of the row or column of each entry: an index in a mask."""

    along_rows: bool

    def find_shape(self) -> Shape:
        return Shape(Dimension(), Dimension())

    def evaluate(self) -> np.ndarray:
        rows, columns = np.indices(self.shape.lengths("a mask"))
        return rows if self.along_rows else columns


@dataclass(eq=False)
class Listed(Node):
    """An entry of an array at the row or the column, in a mask: [c = label_b]."""

    array: np.ndarray
    at: tuple[Counter, ...]

    def find_shape(self) -> Shape:
        result = self.at[0].shape
        for other in self.at[1:]:
            result.equate(other.shape, "an entry in a mask")
        return result

    def evaluate(self) -> np.ndarray:
        places = tuple(counter.evaluate() for counter in self.at)
        for place, size in zip(places, self.array.shape, strict=True):
            if place.max(initial=0) >= size:
                raise ReaderError(f"a mask reads an array of {size} entries at {place.max()}")
        return self.array[places]


@dataclass(eq=False)
class Transpose(Node):
    body: Node

    def find_shape(self) -> Shape:
        if self.body.shape.scalar:
            raise ReaderError("a scalar has no transpose")
        return self.body.shape.transposed()

    def evaluate(self) -> np.ndarray:
        return self.body.evaluate().T


@dataclass(eq=False)
class Plus(Node):
    """A sum; a plain number in a sum with matrices is added to every entry."""

    terms: list[tuple[int, Node]]

    @cached_property
    def plain(self) -> bool:
        return all(t.plain for _, t in self.terms)

    def find_shape(self) -> Shape:
        shaped = [t.shape for _, t in self.terms if not t.plain] or [self.terms[0][1].shape]
        result = shaped[0]
        for other in shaped[1:]:
            result.equate(other, "in a sum")
        return result

    def evaluate(self) -> np.ndarray:
        return sum(s * t.evaluate() for s, t in self.terms)


@dataclass(eq=False)
class Product(Node):
    """A matrix product from left to right; scalars scale."""

    left: Node
    right: Node

    @cached_property
    def plain(self) -> bool:
        return self.left.plain and self.right.plain

    def find_shape(self) -> Shape:
        left, right = self.left.shape, self.right.shape
        if left.scalar or right.scalar:
            return right if left.scalar else left
        left.columns.equate(right.rows, "in a matrix product")
        return SCALAR if left.row and right.column else Shape(left.rows, right.columns)

    def evaluate(self) -> np.ndarray:
        left, right = self.left.evaluate(), self.right.evaluate()
        if self.left.shape.scalar or self.right.shape.scalar:
            return left * right
        product = left @ right
        return product[0, 0] if self.shape.scalar else product

    def factors(self) -> tuple[list[Node], list[Node]]:
        """A scale in front of a test leaves it a test."""
        if self.left.shape.scalar and not self.right.shape.scalar:
            factors, tests = self.right.factors()
            return [self.left, *factors], tests
        return [self], []


@dataclass(eq=False)
class Entrywise(Node):
    """A ⊙ B ⊙ …: 0 where a test among them fails, whatever the others are."""

    parts: list[Node]

    def find_shape(self) -> Shape:
        for part in self.parts[1:]:
            self.parts[0].shape.equate(part.shape, "in an entrywise product")
        return self.parts[0].shape

    def factors(self) -> tuple[list[Node], list[Node]]:
        pairs = [p.factors() for p in self.parts]
        return [f for fs, _ in pairs for f in fs], [t for _, ts in pairs for t in ts]

    def evaluate(self) -> np.ndarray:
        factors, tests = self.factors()
        result = np.asarray(np.prod(np.broadcast_arrays(1.0, *(f.evaluate() for f in factors)), axis=0))
        for test in tests:
            result = np.where(test.evaluate() != 0, result, 0)
        return np.broadcast_to(result, self.shape.lengths("an entrywise product"))


@dataclass(eq=False)
class Divide(Node):
    body: Node
    divisor: Node

    @cached_property
    def plain(self) -> bool:
        return self.body.plain and self.divisor.plain

    def find_shape(self) -> Shape:
        if not self.divisor.shape.scalar:
            raise ReaderError("the divisor is not a scalar")
        return self.body.shape

    def evaluate(self) -> np.ndarray:
        return self.body.evaluate() / self.divisor.evaluate()

    def factors(self) -> tuple[list[Node], list[Node]]:
        factors, tests = self.body.factors()
        return [*factors, Divide(Value(np.asarray(1.0)), self.divisor)], tests


@dataclass(eq=False)
class Apply(Node):
    """A scalar function of every entry."""

    function: Callable
    body: Node

    @cached_property
    def plain(self) -> bool:
        return self.body.plain

    def find_shape(self) -> Shape:
        return self.body.shape

    def evaluate(self) -> np.ndarray:
        return self.function(np.asarray(self.body.evaluate(), dtype=float))


@dataclass(eq=False)
class Power(Node):
    """A power of a scalar, or of every entry (`^{\\odot 2}`)."""

    body: Node
    exponent: float
    entrywise: bool

    @cached_property
    def plain(self) -> bool:
        return self.body.plain

    def find_shape(self) -> Shape:
        if not self.entrywise and not self.body.shape.scalar:
            raise ReaderError("a power of a matrix that is not entrywise")
        return self.body.shape

    def evaluate(self) -> np.ndarray:
        return np.asarray(self.body.evaluate(), dtype=float) ** self.exponent


@dataclass(eq=False)
class Test(Node):
    """[a < b]: 1 in each entry where it holds, else 0."""

    __test__ = False

    sides: list[Node]
    relations: list[str]

    def find_shape(self) -> Shape:
        shaped = [s.shape for s in self.sides if not s.plain]
        if not shaped:
            raise ReaderError("a test of plain numbers")
        for other in shaped[1:]:
            shaped[0].equate(other, "in a test")
        return shaped[0]

    def evaluate(self) -> np.ndarray:
        values = [s.evaluate() for s in self.sides]
        steps = zip(self.relations, values, values[1:], strict=False)
        holds = np.logical_and.reduce(np.broadcast_arrays(*(related(r, a, b) for r, a, b in steps)))
        return holds.astype(float)

    def factors(self) -> tuple[list[Node], list[Node]]:
        return [], [self]


@dataclass(eq=False)
class Diagonal(Node):
    """The diagonal matrix of a vector, or the diagonal of a matrix as a vector."""

    body: Node

    def find_shape(self) -> Shape:
        inner = self.body.shape
        if inner.scalar or inner.row:
            raise ReaderError("diag of a scalar or a row")
        if inner.column:
            return Shape(inner.rows, inner.rows)
        inner.rows.equate(inner.columns, "in the diagonal of a matrix")
        return Shape(inner.rows, ONE)

    def evaluate(self) -> np.ndarray:
        value = self.body.evaluate()
        return np.diag(value[:, 0]) if self.body.shape.column else np.diag(value)[:, None]


@dataclass(eq=False)
class Trace(Node):
    body: Node

    def find_shape(self) -> Shape:
        inner = self.body.shape
        if inner.scalar or inner.column or inner.row:
            raise ReaderError("the trace of something that is no matrix")
        inner.rows.equate(inner.columns, "in a trace")
        return SCALAR

    def evaluate(self) -> np.ndarray:
        return np.trace(self.body.evaluate())


@dataclass(eq=False)
class Norm(Node):
    """The root of the sum of the squares of all entries."""

    body: Node

    def find_shape(self) -> Shape:
        if self.body.shape.scalar:
            raise ReaderError("the norm of a scalar")
        return SCALAR

    def evaluate(self) -> np.ndarray:
        return np.sqrt((self.body.evaluate() ** 2).sum())
