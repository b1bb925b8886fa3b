"""Comparisons with zero as people write them, with two sides: a - b > 0 is a > b, and i - j ≥ 0 is j ≤ i."""

from __future__ import annotations

from dataclasses import replace

from derive.core.atoms import Bracket, Test
from derive.core.axes import Affine, Coefficient, symbolic
from derive.core.terms import Expr

MIRRORED = {">": "<", ">=": "<=", "==": "==", "!=": "!="}


def sides(test: Test) -> tuple[Expr, str, Expr]:
    """A condition on data with positive terms on each side; numbers stand on the right: |r| ≤ δ, y t < 1."""
    left = Expr(tuple(t for t in test.argument.terms if t.coefficient > 0))
    right = Expr(tuple(t.scaled(-1) for t in test.argument.terms if t.coefficient < 0))
    # x + 1 > 0 is x > -1.
    if not right.terms:
        left, right = _number_apart(left)
    elif not left.terms:
        right, left = _number_apart(right)
    turned = right.free > left.free if left.terms else True
    return (right, MIRRORED[test.relation], left) if turned else (left, test.relation, right)


def _number_apart(value: Expr) -> tuple[Expr, Expr]:
    """What has factors, and minus the number beside it; a number alone stays."""
    data = Expr(tuple(t for t in value.terms if t.factors or t.bound))
    return (data, data - value) if data.free else (value, Expr())


def balanced(bracket: Bracket) -> tuple[Affine, str, Affine]:
    """A condition on indices with positive terms on each side, one index alone on the left where that can be."""
    negated = bracket.affine.times(-1)
    positive, negative = _positive_part(bracket.affine), _positive_part(negated)
    constant = bracket.affine.constant
    if bracket.relation != ">=":
        if _alone(negative) and not _alone(positive):
            positive, negative, constant = negative, positive, -constant
        return positive, bracket.relation, replace(negative, constant=-constant)
    if negative == Affine(()):
        return positive, ">=", Affine((), -constant)
    if constant == -1 and positive != Affine(()):
        return negative, "<", positive
    return negative, "<=", replace(positive, constant=constant)


def _positive_part(affine: Affine) -> Affine:
    """The terms with positive coefficients, without the constant."""
    terms = tuple((i, c) for i, c in affine.terms if not _is_negative(c))
    return Affine(terms, 0, tuple((r, c) for r, c in affine.lookups if not _is_negative(c)))


def _alone(affine: Affine) -> bool:
    return affine.plain is not None


def _is_negative(value: Coefficient) -> bool:
    return bool(symbolic(value).could_extract_minus_sign())
