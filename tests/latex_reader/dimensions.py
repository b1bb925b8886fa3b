"""Shapes by unification: a dimension is a number, or unknown and equal to others until something says its length."""

from __future__ import annotations

from dataclasses import dataclass

from .tokens import ReaderError


@dataclass(eq=False)
class Dimension:
    """A length, known or not yet. `link` leads to what it was found equal to."""

    length: int | None = None
    link: Dimension | None = None

    def root(self) -> Dimension:
        return self.link.root() if self.link else self

    def equate(self, other: Dimension, what: str) -> None:
        a, b = self.root(), other.root()
        if a is b:
            return
        if a.length is not None and b.length is not None and a.length != b.length:
            raise ReaderError(f"{what}: {a.length} does not fit {b.length}")
        if a.length is None:
            a.link = b
        elif b.length is None:
            b.link = a

    def known(self, what: str) -> int:
        length = self.root().length
        if length is None:
            raise ReaderError(f"nothing says how long {what} is")
        return length


# A column's width and a row's height. Its identity tells a column from a matrix that is one wide.
ONE = Dimension(1)


@dataclass(frozen=True)
class Shape:
    """Rows and columns; a scalar has neither."""

    rows: Dimension | None = None
    columns: Dimension | None = None

    @property
    def scalar(self) -> bool:
        return self.rows is None

    @property
    def column(self) -> bool:
        return self.columns is ONE

    @property
    def row(self) -> bool:
        return self.rows is ONE

    def transposed(self) -> Shape:
        return Shape(self.columns, self.rows)

    def equate(self, other: Shape, what: str) -> Shape:
        if self.scalar or other.scalar:
            if self.scalar and other.scalar:
                return self
            raise ReaderError(f"{what}: a scalar does not fit a matrix")
        if self.column != other.column or self.row != other.row:
            raise ReaderError(f"{what}: a vector does not fit a matrix or a vector that lies the other way")
        self.rows.equate(other.rows, what)
        self.columns.equate(other.columns, what)
        return self

    def lengths(self, what: str) -> tuple[int, ...]:
        return () if self.scalar else (self.rows.known(what), self.columns.known(what))


SCALAR = Shape()
