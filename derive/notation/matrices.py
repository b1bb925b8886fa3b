"""The language of matrix notation: small frozen trees of matrices, columns and scalars, and how they are transposed.

A tree has two sides, one or none: a matrix, a column or a scalar. Columns transpose to rows, so that u vᵀ is a product.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace

from derive.core.atoms import Bracket
from derive.core.axes import Index
from derive.core.terms import Rational, rational
from derive.notation.operators import Operator


class Matrix:
    """A tree of matrix notation."""

    @property
    def parts(self) -> Iterator[Matrix]:
        """The trees directly inside, in reading order."""
        for field in fields(self):  # type: ignore[arg-type]
            yield from _matrices(getattr(self, field.name))


def _matrices(value) -> Iterator[Matrix]:
    if isinstance(value, Matrix):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _matrices(item)


@dataclass(frozen=True)
class Leaf(Matrix):
    """A tensor by name: of rank 2 a matrix, of rank 1 a column, of rank 0 a scalar."""

    name: str
    rank: int


@dataclass(frozen=True)
class Applied(Matrix):
    """A Toeplitz operator of a tensor: the matrix T(w), or U(x)."""

    operator: Operator


@dataclass(frozen=True)
class Ones(Matrix):
    """The column of ones, as long as its place asks for."""


@dataclass(frozen=True)
class Number(Matrix):
    """One number in every entry."""

    value: Rational


@dataclass(frozen=True)
class Transpose(Matrix):
    of: Matrix


@dataclass(frozen=True)
class Product(Matrix):
    """The matrix product."""

    factors: tuple[Matrix, ...]


@dataclass(frozen=True)
class Hadamard(Matrix):
    """The product entry by entry."""

    factors: tuple[Matrix, ...]


@dataclass(frozen=True)
class Power(Matrix):
    """The power entry by entry."""

    of: Matrix
    exponent: Rational


@dataclass(frozen=True)
class Apply(Matrix):
    """A scalar function, entry by entry."""

    function: str
    of: Matrix


@dataclass(frozen=True)
class Condition(Matrix):
    """The comparison entry by entry: 1 where it holds, else 0."""

    relation: str
    left: Matrix
    right: Matrix


@dataclass(frozen=True)
class Mask(Matrix):
    """An Iverson bracket on the indices of the result itself: row i, column j."""

    bracket: Bracket


@dataclass(frozen=True)
class Diag(Matrix):
    """The diagonal matrix of a column."""

    of: Matrix


@dataclass(frozen=True)
class Diagonal(Matrix):
    """The diagonal of a matrix, as a column."""

    of: Matrix


@dataclass(frozen=True)
class Trace(Matrix):
    of: Matrix


@dataclass(frozen=True)
class SquaredNorm(Matrix):
    """The sum of the squares of all entries of a matrix (rank 2) or a column (rank 1)."""

    of: Matrix
    rank: int


@dataclass(frozen=True)
class Scaled(Matrix):
    """coefficient · Π scalar^exponent · body; without a body, a scalar."""

    coefficient: Rational
    scalars: tuple[tuple[Matrix, Rational], ...] = ()
    body: Matrix | None = None


@dataclass(frozen=True)
class Sum(Matrix):
    terms: tuple[Matrix, ...]


@dataclass(frozen=True)
class MatrixForm:
    """An expression in matrix notation: the tree, for each value of the `batch` indices."""

    tree: Matrix
    batch: tuple[Index, ...] = ()


ENTRYWISE = (Hadamard, Power, Apply, Condition, Scaled, Sum)


def transposes(tree: Matrix) -> int:
    """How many transposition signs a tree is printed with."""
    return isinstance(tree, Transpose) + sum(transposes(part) for part in tree.parts)


def transpose(tree: Matrix) -> Matrix:
    """treeᵀ with the fewest signs: (AB)ᵀ → Bᵀ Aᵀ, (A - B)ᵀ and A ⊙ Bᵀ stay short."""
    if isinstance(tree, Transpose):
        return tree.of
    if isinstance(tree, Product):
        return Product(tuple(transpose(f) for f in reversed(tree.factors)))
    if isinstance(tree, (Number, Diag)):
        return tree
    if not isinstance(tree, ENTRYWISE):
        return Transpose(tree)
    pushed = _inside(tree)
    return pushed if transposes(pushed) < 1 + transposes(tree) else Transpose(tree)


def _inside(tree: Matrix) -> Matrix:
    """The transpose of an entrywise tree, entry by entry."""
    changes: dict[str, Matrix | tuple[Matrix, ...]] = {}
    for field in fields(tree):  # type: ignore[arg-type]
        value = getattr(tree, field.name)
        if field.name == "scalars":
            continue
        if isinstance(value, Matrix):
            changes[field.name] = transpose(value)
        elif isinstance(value, tuple):
            changes[field.name] = tuple(transpose(v) for v in value)
    return replace(tree, **changes)  # type: ignore[type-var]


def cheapest(tree: Matrix) -> Matrix:
    """The same matrix with the fewest transposition signs: Wᵀ Xᵀ - Yᵀ → (X W - Y)ᵀ."""
    turned = transpose(tree)
    if isinstance(turned, Transpose) or transposes(turned) + 1 >= transposes(tree):
        return tree
    return Transpose(turned)


def matmul(*factors: Matrix) -> Matrix:
    """The matrix product, flat."""
    flat: list[Matrix] = []
    for factor in factors:
        flat.extend(factor.factors if isinstance(factor, Product) else (factor,))
    return flat[0] if len(flat) == 1 else Product(tuple(flat))


def hadamard(factors: Iterable[Matrix]) -> Matrix:
    """The entrywise product, flat; all transposed together where that saves signs."""
    flat: list[Matrix] = []
    for factor in factors:
        flat.extend(factor.factors if isinstance(factor, Hadamard) else (factor,))
    if not flat:
        return Ones()
    return flat[0] if len(flat) == 1 else cheapest(Hadamard(tuple(flat)))


def power(tree: Matrix, exponent: Rational) -> Matrix:
    """The entrywise power."""
    exponent = rational(exponent)
    if exponent == 1:
        return tree
    if isinstance(tree, Transpose):
        return Transpose(power(tree.of, exponent))
    return Power(tree, exponent)


def ones(rank: int) -> Matrix:
    """All ones: a column 1, or a matrix 1 1ᵀ."""
    return Ones() if rank == 1 else Product((Ones(), Transpose(Ones())))


def divides_by_rows(tree: Matrix) -> bool:
    """Does a matrix divide rows or columns, as diag(v^{⊙-1}) M? Index notation reads better there."""
    here = isinstance(tree, Diag) and isinstance(tree.of, Power) and tree.of.exponent < 0
    return here or any(divides_by_rows(part) for part in tree.parts)


def names(tree: Matrix) -> Iterator[str]:
    """The tensors of a tree, in reading order."""
    if isinstance(tree, Leaf):
        yield tree.name
    elif isinstance(tree, Applied):
        yield tree.operator.of
    for part in tree.parts:
        yield from names(part)
