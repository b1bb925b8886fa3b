"""SymPy out: an expression of the engine as SymPy's `Indexed`, `Sum`, `KroneckerDelta` and `Piecewise`."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import sympy
from sympy.tensor.indexed import Idx

from derive.core.atoms import Argmax, Atom, Bracket, Function, Maximum, Paren, Partial, Position, Read, Test, open_scope
from derive.core.axes import Affine, Index
from derive.core.primitives import PRIMITIVES
from derive.core.terms import Expr, Term
from derive.language.functions import ArgmaxIs, MaxOver, Where

RELATIONS: dict[str, Callable] = {"==": sympy.Eq, "!=": sympy.Ne, ">=": sympy.Ge, ">": sympy.Gt}


def to_sympy(value: Expr) -> sympy.Expr:
    """An expression as SymPy writes it. `...` is the index of that name.

    A condition is a `Piecewise`; a `Where` of `derive.language.functions` where SymPy would move it out of its sum.
    """
    free = frozenset(i.name for i in value.free)
    written = Writer(lambda condition: sympy.Piecewise((1, condition), (0, True)), free).expr(value)
    return Writer(lambda condition: Where(condition, 1, 0), free).expr(value) if moved(written) else written


def moved(value: sympy.Expr) -> bool:
    """Has SymPy moved a condition on an index out of the sum, or the maximum, over that index?"""
    for cases in value.atoms(sympy.Piecewise):
        bound = {i for part, _ in cases.args for inner in part.atoms(*SCOPES) for i in SCOPES[type(inner)](inner)}
        if any(condition.atoms(Idx) & bound for _, condition in cases.args):
            return True
    return False


# The indices of what has indices of its own.
SCOPES: dict[type, Callable] = {
    sympy.Sum: lambda node: [limit[0] for limit in node.limits],
    MaxOver: lambda node: node.args[1:],
    ArgmaxIs: lambda node: node.args[1],
}


def _index(index: Index) -> Idx:
    return Idx(sympy.Symbol(index.name, integer=True), (0, index.size - 1))


def _affine(affine: Affine) -> sympy.Expr:
    looked_up = (c * _entry(r, integer=True) for r, c in affine.lookups)
    return sympy.Add(affine.constant, *(c * _index(i) for i, c in affine.terms), *looked_up)


def _read(factor: Read) -> sympy.Expr:
    if not factor.at:
        return sympy.pi if factor.tensor == "pi" else sympy.Symbol(factor.tensor, real=True)
    return _entry(factor, real=True)


def _entry(factor: Read, **kind: bool) -> sympy.Indexed:
    return sympy.Indexed(sympy.IndexedBase(factor.tensor, **kind), *(_affine(a) for a in factor.at))


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
        if (
            factor.relation == "=="
            and len(factor.affine.terms) == 2
            and not (factor.affine.constant or factor.affine.lookups)
        ):
            (i, a), (j, b) = factor.affine.terms
            if a in (1, -1) and b == -a:
                return sympy.KroneckerDelta(_index(i), _index(j))
        return self.iverson(RELATIONS[factor.relation](_affine(factor.affine), 0))

    def position(self, factor: Position) -> sympy.Expr:
        return _affine(factor.affine)

    def test(self, factor: Test) -> sympy.Expr:
        return self.iverson(RELATIONS[factor.relation](self.expr(factor.argument), 0))

    def maximum(self, factor: Maximum) -> sympy.Expr:
        body, over = self.scope(factor)
        return MaxOver(body, *over)

    def argmax(self, factor: Argmax) -> sympy.Expr:
        body, over = self.scope(factor)
        return ArgmaxIs(body, sympy.Tuple(*over), sympy.Tuple(*map(_affine, factor.at)))

    def scope(self, factor: Maximum | Argmax) -> tuple[sympy.Expr, list[Idx]]:
        """What a maximum is taken of, and its indices, which are called unlike all others in sight."""
        body, over = open_scope(factor.body, factor.over, self.taken)
        return Writer(self.iverson, self.taken | {i.name for i in over}).expr(body), [_index(i) for i in over]

    def partial(self, factor: Partial) -> sympy.Expr:
        return sympy.Derivative(self.expr(factor.of), _read(factor.entry))

    FORMS: ClassVar[dict[type, Callable]] = {
        Read: read,
        Function: function,
        Paren: paren,
        Bracket: bracket,
        Position: position,
        Test: test,
        Maximum: maximum,
        Argmax: argmax,
        Partial: partial,
    }
