"""SymPy out: an expression of the engine as SymPy's `Indexed`, `Sum`, `KroneckerDelta` and `Piecewise`."""

from __future__ import annotations

from collections.abc import Callable

import sympy
from sympy.tensor.indexed import Idx

from derive.axes import Affine, Index
from derive.primitives import PRIMITIVES
from derive.scalars import MaxOver
from derive.terms import Atom, Bracket, Expr, Function, Maximum, Paren, Partial, Read, Term, Test

RELATIONS: dict[str, Callable] = {"==": sympy.Eq, "!=": sympy.Ne, ">=": sympy.Ge, ">": sympy.Gt}


def to_sympy(value: Expr) -> sympy.Expr:
    """An expression as SymPy writes it. `...` is the index of that name."""
    return sympy.Add(*(_term(t) for t in value.terms))


def _term(term: Term) -> sympy.Expr:
    body = sympy.Mul(sympy.Rational(term.coefficient), *(_power(a, e) for a, e in term.factors))
    return sympy.Sum(body, *((_index(i), 0, i.size - 1) for i in term.bound)) if term.bound else body


def _power(factor: Atom, exponent) -> sympy.Expr:
    base = _FORMS[type(factor)](factor)
    return base if exponent == 1 else sympy.Pow(base, sympy.Rational(exponent))


def _index(index: Index) -> Idx:
    return Idx(sympy.Symbol(index.name, integer=True), (0, index.size - 1))


def _affine(affine: Affine) -> sympy.Expr:
    return sympy.Add(affine.constant, *(c * _index(i) for i, c in affine.terms))


def _read(factor: Read) -> sympy.Expr:
    if not factor.at:
        return sympy.pi if factor.tensor == "pi" else sympy.Symbol(factor.tensor, real=True)
    return sympy.Indexed(sympy.IndexedBase(factor.tensor, real=True), *(_affine(a) for a in factor.at))


def _function(factor: Function) -> sympy.Expr:
    argument = to_sympy(factor.argument)
    row = PRIMITIVES.get(factor.name)
    return row.sympy(argument) if row else sympy.floor(argument)


def _bracket(factor: Bracket) -> sympy.Expr:
    if factor.relation == "==" and len(factor.affine.terms) == 2 and factor.affine.constant == 0:
        (i, a), (j, b) = factor.affine.terms
        if a in (1, -1) and b == -a:
            return sympy.KroneckerDelta(_index(i), _index(j))
    return _iverson(RELATIONS[factor.relation](_affine(factor.affine), 0))


def _test(factor: Test) -> sympy.Expr:
    return _iverson(RELATIONS[factor.relation](to_sympy(factor.argument), 0))


def _iverson(condition) -> sympy.Expr:
    return sympy.Piecewise((1, condition), (0, True))


def _maximum(factor: Maximum) -> sympy.Expr:
    return MaxOver(to_sympy(factor.body), *(_index(i) for i in factor.over))


def _partial(factor: Partial) -> sympy.Expr:
    return sympy.Derivative(to_sympy(factor.of), _read(factor.entry))


_FORMS: dict[type, Callable] = {
    Read: _read,
    Function: _function,
    Paren: lambda factor: to_sympy(factor.body),
    Bracket: _bracket,
    Test: _test,
    Maximum: _maximum,
    Partial: _partial,
}
