"""Matrix notation, recovered from index notation: Σ_i X[b,i] W[i,o] → X W.

Every term is a network of indices (`network`); a sum of terms is a sum of matrices of the same shape, each padded with
ones over the axes that it lacks (`matrix_terms`). The first axes of a result of higher rank are stripped where they
stand plainly and first in every tensor that has them: the form then holds for each of their values.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from derive.core.atoms import Bracket, Read
from derive.core.axes import LEADING, Index
from derive.core.terms import Expr
from derive.core.traverse import atoms
from derive.errors import InternalError
from derive.notation.arrange import arrange
from derive.notation.matrices import Mask, Matrix, MatrixForm, Transpose
from derive.notation.matrix_terms import Builder
from derive.notation.network import NoForm
from derive.notation.operators import Operator
from derive.notation.ordering import Names, Order


def matrix_form(
    value: Expr, axes: Sequence[Index], names: Names, operators: Iterable[Operator] = ()
) -> MatrixForm | None:
    """The matrix notation of a tensor with these axes whose entries are `value`, or None where there is none."""
    axes, operators = tuple(axes), tuple(operators)
    if value.free - set(axes):
        raise InternalError(f"{value} has indices other than {axes}")
    for count in range(_first_strip(axes, names), len(axes) + 1):
        batch, rest = axes[:count], axes[count:]
        if len(rest) > 2 or not _strippable(value, batch, names):
            continue
        try:
            tree = Builder(batch, rest, names, operators).sum(value, rest)
        except NoForm:
            continue
        if not _masks_turned(tree):
            return MatrixForm(arrange(tree, Order(names)), batch)
    return None


def _first_strip(axes: tuple[Index, ...], names: Names) -> int:
    """Leading axes are rows like any other, unless some tensor would then be more than a matrix."""
    crowded = any(LEADING in s.axes and len(s.axes) > 2 for s in names.values())
    return int(bool(axes) and axes[0].leading and crowded)


def _strippable(value: Expr, batch: tuple[Index, ...], names: Names) -> bool:
    """Do these indices stand plainly and first in every read that has them, or in every read if not all are leading?"""
    if not batch:
        return True
    leading = all(i.leading for i in batch)
    for factor in atoms(value):
        inside = not factor.free.isdisjoint(batch)
        if isinstance(factor, Bracket) and inside:
            return False
        if isinstance(factor, Read) and factor.at and (inside or not leading) and not _first(factor, batch):
            return False
    return True


def _first(factor: Read, batch: tuple[Index, ...]) -> bool:
    """Is the tensor read at these indices in its first axes and nowhere else?"""
    count = len(batch)
    plainly = tuple(a.plain for a in factor.at[:count]) == batch
    return plainly and all(a.indices.isdisjoint(batch) for a in factor.at[count:])


def _masks_turned(tree: Matrix) -> bool:
    """Is an index mask transposed, so that its rows are not the rows of the result?"""
    if isinstance(tree, Transpose) and isinstance(tree.of, Mask):
        return True
    return any(_masks_turned(part) for part in tree.parts)
