"""A Toeplitz operator written out: the matrix itself, for small concrete sizes."""

from __future__ import annotations

from collections.abc import Mapping

import sympy

from derive.core.axes import Affine, Coefficient, Index, symbolic
from derive.errors import NotationError
from derive.notation.operators import Operator
from derive.notation.ordering import Names
from derive.printers.latex import LatexStyle

LARGEST = 12


def toeplitz_matrix_latex(
    operator: Operator, sizes: Mapping[str, int], names: Names, spellings: Mapping[str, str] | None = None
) -> str:
    """The matrix T(w) or U(x) as a pmatrix, for numbers given for every size and option.

    Options that are not in `sizes` take their defaults. Raises NotationError where a number is missing or the matrix
    is empty or larger than 12 in a direction.
    """
    numbers = {n: s.default for n, s in names.items() if s.default is not None} | dict(sizes)
    style = LatexStyle(names, spellings)
    rows, columns, taps = (number(i.size, numbers) for i in (operator.row, operator.column, operator.tap))
    if not (1 <= rows <= LARGEST and 1 <= columns <= LARGEST):
        raise NotationError(
            f"{operator.letter}({operator.of}) is {rows} x {columns} with these sizes. Choose sizes that make it "
            f"between 1 and {LARGEST} in each direction."
        )
    shown = (
        " & ".join(_entry(operator, row, column, taps, numbers, style) for column in range(columns))
        for row in range(rows)
    )
    return r"\begin{pmatrix} " + r" \\ ".join(shown) + r" \end{pmatrix}"


def _entry(operator: Operator, row: int, column: int, taps: int, numbers: Mapping, style: LatexStyle) -> str:
    if not operator.is_kernel:
        read = place(operator.at, {operator.row: row, operator.tap: column}, numbers)
        inside = 0 <= read < number(_axis(operator, style), numbers)
        return style.entry(operator.of, [str(read)]) if inside else "0"
    hits = [k for k in range(taps) if place(operator.at, {operator.row: row, operator.tap: k}, numbers) == column]
    return " + ".join(style.entry(operator.of, [str(k)]) for k in hits) or "0"


def _axis(operator: Operator, style: LatexStyle) -> Coefficient:
    return style.names[operator.of].axes[-1].size


def place(at: Affine, values: Mapping[Index, int], numbers: Mapping) -> int:
    """An affine index as a number."""
    return sum(number(c, numbers) * values[i] for i, c in at.terms) + number(at.constant, numbers)


def number(value: Coefficient, numbers: Mapping) -> int:
    """A size or a coefficient as a number, or a NotationError where one that it needs is missing."""
    value = symbolic(value)
    given = {s: sympy.Integer(int(numbers[str(s)])) for s in value.free_symbols if str(s) in numbers}
    missing = sorted(str(s) for s in value.free_symbols - set(given))
    if missing:
        raise NotationError(f"the matrix needs a number for {', '.join(missing)}. Give one for each size and option.")
    return int(value.xreplace(given))


def example_sizes(operator: Operator, names: Names) -> dict[str, int]:
    """Small numbers that show the pattern: the defaults of the options, three taps, six columns."""
    sizes: dict[str, int] = {}
    tap = 3
    for index, number in ((operator.tap, tap), (_moving(operator, names), 6)):
        for symbol in sorted(index.size.free_symbols, key=str):
            sizes.setdefault(str(symbol), number)
    for value in (operator.row.size, operator.at.constant, *(c for _, c in operator.at.terms)):
        for symbol in sorted(symbolic(value).free_symbols, key=str):
            default = names[str(symbol)].default if str(symbol) in names else None
            sizes.setdefault(str(symbol), 2 if default is None else int(default))
    return sizes


def _moving(operator: Operator, names: Names) -> Index:
    return operator.column if operator.is_kernel else names[operator.of].axes[-1]
