"""A sum in which an array of ones and zeros stands, with a single one in each row: something is added there alone.

P[b,c] - [c = label[b]]     →    D = P.copy()                       and no array of ones and zeros is made
                                 D[np.arange(B), label] -= 1
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from derive.core.atoms import Bracket, Paren
from derive.core.axes import Affine, Index
from derive.core.layer import Equation
from derive.core.terms import Expr, Term, from_term, multiply
from derive.lowering.fitting import fit
from derive.lowering.layout import align
from derive.lowering.program import Assign, Statement
from derive.lowering.values import Copy, Marked, Positions, Value, is_new

Lowered = Callable[[Expr, Sequence[Index]], Value]


@dataclass(frozen=True)
class Ones:
    """rest + amount · [column = place]: what is added, in which column of each row, and to what."""

    rest: Expr
    amount: Expr
    column: Index
    place: Affine


def ones(equation: Equation) -> Ones | None:
    """The equation as something added in one column of each row; None where it is not that, or nothing is left."""
    axes = equation.symbol.axes
    if len(axes) < 2 or any(i.leading for i in axes):
        return None
    for others, terms in _sums(equation.expr):
        for term in terms:
            rest = Expr(tuple(t for t in terms if t is not term))
            for found in _in_term(term, rest, axes):
                if rest.terms and others.free.isdisjoint({found.column}):
                    return Ones(multiply(others, rest), multiply(others, found.amount), found.column, found.place)
    return None


def _sums(value: Expr) -> Iterator[tuple[Expr, tuple[Term, ...]]]:
    """Σ terms, or f · Σ terms as f and the terms."""
    term = value.only
    if term is None:
        yield Expr((Term(1),)), value.terms
    elif not term.bound:
        for place, (factor, exponent) in enumerate(term.factors):
            if isinstance(factor, Paren) and exponent == 1 and len(factor.body.terms) > 1:
                rest = term.factors[:place] + term.factors[place + 1 :]
                yield from_term(Term(term.coefficient, rest)), factor.body.terms


def _in_term(term: Term, rest: Expr, axes: Sequence[Index]) -> Iterator[Ones]:
    """The ways in which a term is a multiple of [column = place], the same for all columns."""
    for factor, _ in term.factors:
        if not isinstance(factor, Bracket) or factor.relation != "==" or not factor.free <= set(axes):
            continue
        amount = from_term(Term(term.coefficient, tuple(f for f in term.factors if f[0] != factor), term.bound))
        for column in reversed(axes):
            sign = factor.affine.coefficient(column)
            place = factor.affine.without(column).times(-1) if sign == 1 else factor.affine.without(column)
            known = place.looked_up is not None or place.plain is not None and place.plain.size == column.size
            if sign in (1, -1) and known and column not in place.indices | amount.free:
                yield Ones(rest, amount, column, place)


def marked(found: Ones, axes: Sequence[Index], lowered: Lowered, read: Callable[..., Value]) -> Marked:
    """The sum as an array with something added at places that differ from row to row."""
    rows = [i for i in axes if i != found.column]
    base = fit(lowered(found.rest, axes), axes)
    below = all(t.coefficient < 0 for t in found.amount.terms)
    amount = lowered(-found.amount if below else found.amount, rows)
    entry = found.place.looked_up
    at = found.place.plain
    column = read(entry, rows, ()) if entry is not None else _positions(at or found.column)
    places = tuple(align(column if i == found.column else _positions(i), rows) for i in axes)
    return Marked(base, align(amount, rows), places, "sub" if below else "add", axes=tuple(axes))


def _positions(index: Index) -> Value:
    return Positions(index.size, axes=(index,))


def marked_afterwards(statements: Sequence[Statement]) -> list[Statement]:
    """The statements, each with marks as two: the array, in memory of its own, then what is added to it."""
    result: list[Statement] = []
    for statement in statements:
        if isinstance(statement, Assign) and isinstance(statement.value, Marked):
            marks = statement.value
            base = marks.operand if is_new(marks.operand) else Copy(marks.operand, axes=marks.axes)
            result.append(Assign(statement.target, base, statement.implements))
            result.append(Assign(statement.target, marks.amount, update=marks.op, at=marks.places))
        else:
            result.append(statement)
    return result
