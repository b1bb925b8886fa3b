"""Which columns a block of rows has to look at, and which blocks conditions on indices leave whole.

[j ≤ i + p]        rows i0 to i1 look at columns below i1 + p, and all of a block takes part if j1 - 1 ≤ i0 + p
"""

from __future__ import annotations

import sympy

from derive.calculus.families import Family
from derive.core.atoms import Atom, Bracket
from derive.core.axes import Coefficient, symbolic
from derive.lowering.program import edge

Ends = tuple[Coefficient, ...]


def columns_of(family: Family) -> tuple[Ends, Ends]:
    """The columns of a block of rows: they start at the largest of some numbers, and stop at the smallest of others."""
    starts: list[Coefficient] = [0]
    stops: list[Coefficient] = [family.column.size]
    for condition in family.softmax.conditions:
        if not isinstance(condition, Bracket) or (most := most_of(condition, family)) is None:
            continue
        step = condition.affine.coefficient(family.column)
        if step == -1:
            stops.append(most + 1)
        elif step == 1:
            starts.append(-most)
    return tuple(starts), tuple(stops)


def most_of(condition: Bracket, family: Family) -> Coefficient | None:
    """The largest value in a block of rows of what a condition compares the column with; None where it is not known."""
    if condition.relation != ">=" or condition.affine.lookups:
        return None
    rest = condition.affine.without(family.column)
    step = symbolic(rest.coefficient(family.row))
    if rest.without(family.row).terms or not step.is_number:
        return None
    last = edge(family.row.name, "stop") - 1
    return sympy.expand(rest.constant + step * (last if step >= 0 else edge(family.row.name, "start")))


def somewhere_out(condition: Atom, family: Family) -> tuple[Coefficient | None, Coefficient | None]:
    """Two numbers of which the first is smaller where the condition fails somewhere in the block; None if not known."""
    if not isinstance(condition, Bracket) or condition.relation != ">=" or condition.affine.lookups:
        return None, None
    below = above = sympy.Integer(0)
    for index, coefficient in condition.affine.terms:
        step = symbolic(coefficient)
        if index not in (family.row, family.column) or not step.is_number:
            return None, None
        end = edge(index.name, "start") if step > 0 else edge(index.name, "stop") - 1
        below, above = (below + step * end, above) if step > 0 else (below, above - step * end)
    return sympy.expand(below + symbolic(condition.affine.constant)), sympy.expand(above)
