"""SymPy out: an expression of the engine as SymPy's `Indexed`, `Sum`, `KroneckerDelta` and `Piecewise`."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import sympy
from sympy.tensor.indexed import Idx

from derive.core.atoms import Atom, Bracket, Function, Maximum, Paren, Partial, Read, Test
from derive.core.axes import Affine, Index
from derive.core.primitives import PRIMITIVES
from derive.core.terms import Expr, Term
from derive.language.functions import MaxOver, Where

RELATIONS: dict[str, Callable] = {"==": sympy.Eq, "!=": sympy.Ne, ">=": sympy.Ge, ">": sympy.Gt}


def to_sympy(value: Expr) -> sympy.Expr:
    """An expression as SymPy writes it. `...` is the index of that name.

    A condition is a `Piecewise`; a `Where` of `derive.language.functions` where SymPy would move it out of its sum.
    """
    free = frozenset(i.name for i in value.free)
    written = Writer(lambda condition: sympy.Piecewise((1, condition), (0, True)), free).expr(value)
    return Writer(lambda condition: Where(condition, 1, 0), free).expr(value) if moved(written) else written


def moved(value: sympy.Expr) -> bool:
    """Has SymPy moved a condition on an index out of the sum over that index?"""
    for cases in value.atoms(sympy.Piecewise):
        summed = {limit[0] for part, _ in cases.args for s in part.atoms(sympy.Sum) for limit in s.limits}
        if any(condition.atoms(Idx) & summed for _, condition in cases.args):
            return True
    return False


def _index(index: Index) -> Idx:
    return Idx(sympy.Symbol(index.name, integer=True), (0, index.size - 1))


def _affine(affine: Affine) -> sympy.Expr:
    return sympy.Add(affine.constant, *(c * _index(i) for i, c in affine.terms))


def _read(factor: Read) -> sympy.Expr:
    if not factor.at:
        return sympy.pi if factor.tensor == "pi" else sympy.Symbol(factor.tensor, real=True)
    return sympy.Indexed(sympy.IndexedBase(factor.tensor, real=True), *(_affine(a) for a in factor.at))


class Writer:
    """Writes expressions with `iverson` for conditions. `taken` are the names of the indices in sight."""

    def __init__(self, iverson: Callable, taken: frozenset[str]):
        self.iverson = iverson
        self.taken = taken

    def expr(self, value: Expr) -> sympy.Expr:
        return sympy.Add(*(self.term(t) for t in value.terms))

    def term(self, term: Term) -> sympy.Expr:
        term = term.apart(self.taken)
        inner = Writer(self.iverson, self.taken | {i.name for i in term.bound})
        body = sympy.Mul(sympy.Rational(term.coefficient), *(inner.power(a, e) for a, e in term.factors))
        return sympy.Sum(body, *((_index(i), 0, i.size - 1) for i in term.bound)) if term.bound else body

    def power(self, factor: Atom, exponent) -> sympy.Expr:
        base = self.FORMS[type(factor)](self, factor)
        return base if exponent == 1 else sympy.Pow(base, sympy.Rational(exponent))

    def read(self, factor: Read) -> sympy.Expr:
        return _read(factor)

    def function(self, factor: Function) -> sympy.Expr:
        argument = self.expr(factor.argument)
        row = PRIMITIVES.get(factor.name)
        return row.sympy(argument) if row else sympy.floor(argument)

    def paren(self, factor: Paren) -> sympy.Expr:
        return self.expr(factor.body)

    def bracket(self, factor: Bracket) -> sympy.Expr:
        if factor.relation == "==" and len(factor.affine.terms) == 2 and factor.affine.constant == 0:
            (i, a), (j, b) = factor.affine.terms
            if a in (1, -1) and b == -a:
                return sympy.KroneckerDelta(_index(i), _index(j))
        return self.iverson(RELATIONS[factor.relation](_affine(factor.affine), 0))

    def test(self, factor: Test) -> sympy.Expr:
        return self.iverson(RELATIONS[factor.relation](self.expr(factor.argument), 0))

    def maximum(self, factor: Maximum) -> sympy.Expr:
        return MaxOver(self.expr(factor.body), *(_index(i) for i in factor.over))

    def partial(self, factor: Partial) -> sympy.Expr:
        return sympy.Derivative(self.expr(factor.of), _read(factor.entry))

    FORMS: ClassVar[dict[type, Callable]] = {
        Read: read,
        Function: function,
        Paren: paren,
        Bracket: bracket,
        Test: test,
        Maximum: maximum,
        Partial: partial,
    }
