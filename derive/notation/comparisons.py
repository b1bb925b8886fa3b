"""Comparisons with zero as people write them, with two sides: a - b > 0 is a > b, and i - j ≥ 0 is j ≤ i."""

from __future__ import annotations

from dataclasses import replace

from derive.core.atoms import Bracket, Test
from derive.core.axes import Affine, Coefficient, symbolic
from derive.core.terms import Expr

MIRRORED = {">": "<", ">=": "<=", "==": "==", "!=": "!="}


def sides(test: Test) -> tuple[Expr, str, Expr]:
    """A condition on data with positive terms on each side."""
    left = Expr(tuple(t for t in test.argument.terms if t.coefficient > 0))
    right = Expr(tuple(t.scaled(-1) for t in test.argument.terms if t.coefficient < 0))
    return (left, test.relation, right) if left.terms else (right, MIRRORED[test.relation], left)


def balanced(bracket: Bracket) -> tuple[Affine, str, Affine]:
    """A condition on indices with positive terms on each side, one index alone on the left where that can be."""
    positive = Affine(tuple((i, c) for i, c in bracket.affine.terms if not _is_negative(c)))
    negative = Affine(tuple((i, -c) for i, c in bracket.affine.terms if _is_negative(c)))
    constant = bracket.affine.constant
    if bracket.relation != ">=":
        if _alone(negative) and not _alone(positive):
            positive, negative, constant = negative, positive, -constant
        return positive, bracket.relation, replace(negative, constant=-constant)
    if not negative.terms:
        return positive, ">=", Affine((), -constant)
    if constant == -1 and positive.terms:
        return negative, "<", positive
    return negative, "<=", replace(positive, constant=constant)


def _alone(affine: Affine) -> bool:
    return len(affine.terms) == 1 and affine.terms[0][1] == 1


def _is_negative(value: Coefficient) -> bool:
    return bool(symbolic(value).could_extract_minus_sign())
