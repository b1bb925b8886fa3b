"""Are two derivations the same? Shown by bringing both to one form; never denied on the strength of form alone."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from derive.calculus.collect import expand
from derive.calculus.deltas import contract
from derive.calculus.steps import Derivation
from derive.core.atoms import Atom, Read
from derive.core.axes import Affine
from derive.core.layer import Symbol
from derive.core.terms import Expr, multiply, power, total
from derive.core.terms import add as add_terms
from derive.core.terms import atom as as_expr
from derive.core.terms import expr as number
from derive.core.traverse import map_children


class Equality(Enum):
    """The answer of `equal`. Only EQUAL is true; NOT_SHOWN does not say that the two differ."""

    EQUAL = "equal"
    NOT_SHOWN = "not shown"

    def __bool__(self) -> bool:
        return self is Equality.EQUAL


def equal(a: Derivation | Expr, b: Derivation | Expr, rename: Mapping[str, str] | None = None) -> Equality:
    """Are two results equal up to the names of indices, the order of factors and multiplying out?

    Derivations are compared entry by entry, their axes matched by position. `rename` gives names in `b` for tensors
    of `a` that are called otherwise there.
    """
    left, right = _entry(a), _entry(b)
    if isinstance(a, Derivation) and isinstance(b, Derivation):
        if len(a.at) != len(b.at):
            return Equality.NOT_SHOWN
        right = right.substitute({q: Affine.of(p) for p, q in zip(a.at, b.at, strict=True)})
    if rename:
        left = renamed(left, rename)
    same = _form(left, _names(a)) == _form(right, _names(b))
    return Equality.EQUAL if same else Equality.NOT_SHOWN


def _entry(value: Derivation | Expr) -> Expr:
    return value.result if isinstance(value, Derivation) else value


def _names(value: Derivation | Expr) -> Mapping[str, Symbol]:
    return value.names if isinstance(value, Derivation) else {}


def _form(value: Expr, names: Mapping[str, Symbol]) -> Expr:
    return contract(expand(contract(value, names)), names)


def renamed(value: Expr, names: Mapping[str, str]) -> Expr:
    """An expression with tensors called otherwise."""

    def factor(a: Atom) -> Expr:
        return as_expr(Read(names.get(a.tensor, a.tensor), a.at)) if isinstance(a, Read) else as_expr(a)

    value = map_children(value, lambda child: renamed(child, names))
    return add_terms(
        *(
            total(multiply(number(t.coefficient), *(power(factor(a), e) for a, e in t.factors)), t.bound)
            for t in value.terms
        )
    )
