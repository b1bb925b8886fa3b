"""Backward equations in the forward values that serve best: fewer operations for each entry, and less to be kept.

    A = [H > 0] H        [H > 0]                →  [A > 0]                      H is not needed any more
    Y = X S              S (X (1 - S) + 1)      →  Y (1 - S) + S                a product less

The derivation stays as it is; what is said in another way is the equation that code is generated for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from derive.calculus.matching import match_atom
from derive.calculus.reuse import reuse
from derive.core.atoms import Atom, Paren, Read, Test
from derive.core.axes import Index
from derive.core.layer import Call, Equation, Statement
from derive.core.terms import Expr, Term, add, atom, expr, from_term, multiply, total
from derive.core.traverse import rebuild


def restated(statements: Sequence[Statement], forward: Sequence[Equation]) -> list[Statement]:
    """The statements, each equation in the forward values that serve best."""
    serving = [(frozenset(e.reads), e) for e in forward if len(e.expr.terms) == 1]
    return [s if isinstance(s, Call) else _restated(s, serving) for s in statements]


def _restated(statement: Equation, serving: Sequence[tuple[frozenset[str], Equation]]) -> Equation:
    value = statement.expr
    # What stands in it reads nothing that it does not read.
    near = [equation for reads, equation in serving if reads <= set(statement.reads)]
    for equation in near:
        value = with_sign_of(value, equation)
    for equation in near:
        value = min([value, *distributed(value, equation)], key=operations)
    return Equation(statement.symbol, value) if value is not statement.expr else statement


# the sign of what is cut off at 0


def with_sign_of(value: Expr, equation: Equation) -> Expr:
    """[x > 0] = [y > 0] where y = [x > 0] x"""
    cut = cut_off(equation)
    return value if cut is None else _tests_replaced(value, equation, cut)


def cut_off(equation: Equation) -> Test | None:
    """The condition [x > 0] of an equation y = [x > 0] x."""
    term = equation.expr.only
    if term is None or term.bound:
        return None
    for condition, _ in term.factors:
        if isinstance(condition, Test) and condition.relation == ">" and condition.free == set(equation.symbol.axes):
            rest = tuple(f for f in term.factors if f[0] != condition)
            if from_term(Term(term.coefficient, rest)) == condition.argument:
                return condition
    return None


def _tests_replaced(value: Expr, equation: Equation, cut: Test) -> Expr:
    terms = []
    for term in value.terms:
        parts = [_replaced(factor, equation, cut) ** exponent for factor, exponent in term.factors]
        terms.append(total(multiply(expr(term.coefficient), *parts), term.bound))
    return add(*terms)


def _replaced(factor: Atom, equation: Equation, cut: Test) -> Expr:
    if isinstance(factor, Test):
        for binding in match_atom(cut, factor, {}):
            if all(i in binding for i in equation.symbol.axes):
                named = Read(equation.symbol.name, tuple(binding[i] for i in equation.symbol.axes))
                return atom(Test(">", atom(named)))
    return rebuild(factor, tuple(_tests_replaced(c, equation, cut) for c in factor.children()))


# a factor taken into a sum


def distributed(value: Expr, equation: Equation) -> Iterator[Expr]:
    """a (b c + 1) as d c + a, where an equation says d = a b."""
    if len(equation.expr.terms) != 1 or len(equation.expr.terms[0].factors) < 2:
        return
    for position, term in enumerate(value.terms):
        others = Expr(value.terms[:position] + value.terms[position + 1 :])
        for new in _into_sums(term, value.free):
            named = reuse(new, equation)
            if named != new:
                yield add(others, named)


def _into_sums(term: Term, free: frozenset[Index]) -> Iterator[Expr]:
    """The term with one of its factors, an entry of an array, taken into one of its sums."""
    if term.bound:
        return
    for paren in (f for f in term.factors if isinstance(f[0], Paren) and f[1] == 1):
        for factor in (f for f in term.factors if isinstance(f[0], Read) and f[1] == 1 and f[0].free == free):
            assert isinstance(paren[0], Paren)
            inside = add(*(multiply(atom(factor[0]), from_term(t)) for t in paren[0].body.terms))
            rest = tuple(f for f in term.factors if f not in (paren, factor))
            yield from_term(Term(term.coefficient, (*rest, (Paren(inside), 1))))


def operations(value: Expr) -> int:
    """How many operations an entry takes: products, sums, functions; those of numbers do not count."""
    return sum(_of_term(t) for t in value.terms) + max(len(value.terms) - 1, 0)


def _of_term(term: Term) -> int:
    arrays = [a for a, _ in term.factors if a.free]
    inside = sum(operations(c) for a in arrays for c in a.children())
    functions = sum(not isinstance(a, (Read, Paren)) for a in arrays)
    return max(len(arrays) - 1, 0) + functions + inside + sum(abs(e) != 1 for a, e in term.factors if a.free)
