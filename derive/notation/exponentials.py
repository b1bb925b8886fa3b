"""Exponentials of one product as one, exp(a) exp(b) = exp(a + b): neither overflows where the product does not."""

from __future__ import annotations

from collections.abc import Iterable

from derive.core.atoms import Function
from derive.core.terms import Expr, Factor, add, scale


def gathered(factors: Iterable[Factor]) -> list[Factor]:
    """All exponentials of a product as one: exp(a) exp(b)^-1 is exp(a - b)."""
    kept, arguments = _split(factors)
    return kept + ([(Function("exp", add(*arguments)), 1)] if arguments else [])


def gathered_where_nested(factors: Iterable[Factor]) -> list[Factor]:
    """The same, but only where the indices of one are among those of the other."""
    kept, arguments = _split(factors)
    groups: list[Expr] = []
    for argument in sorted(arguments, key=lambda a: -len(a.free)):
        place = next((n for n, g in enumerate(groups) if argument.free <= g.free), None)
        if place is None:
            groups.append(argument)
        else:
            groups[place] = add(groups[place], argument)
    return kept + [(Function("exp", g), 1) for g in groups]


def _split(factors: Iterable[Factor]) -> tuple[list[Factor], list[Expr]]:
    """The other factors, and the arguments of the exponentials."""
    kept: list[Factor] = []
    arguments: list[Expr] = []
    for factor, exponent in factors:
        if isinstance(factor, Function) and factor.name == "exp":
            arguments.append(scale(factor.argument, exponent))
        else:
            kept.append((factor, exponent))
    return kept, arguments
