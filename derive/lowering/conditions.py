"""Iverson brackets in a product: where they guard a factor, where an exponential takes them in, which are maxima.

[c] exp(x) = exp(x + log [c])        log [c] is 0 where c holds, else minus infinity
[c] log(x)                           is 0 where c fails, whatever x is there: the argument is replaced
[a > b] a + [b ≥ a] b = max(a, b)
"""

from __future__ import annotations

from dataclasses import dataclass

from derive.core.atoms import Atom, Bracket, Function, Test
from derive.core.axes import Coefficient, Index, symbolic
from derive.core.terms import Expr, Term, add, atom, from_term, multiply
from derive.lowering.values import Value

# A read of the least number that is finite. No tensor's name has a space.
LOWEST = "lowest number"
# What stands in for the argument of a function that is not finite everywhere, where a condition fails.
HARMLESS = {"exp": 0, "expm1": 0, "log": 1, "sinh": 0, "cosh": 0}


@dataclass(frozen=True)
class Condition:
    """A bracket and the mask that it is."""

    bracket: Atom
    mask: Value

    def guards(self, factor: Atom) -> bool:
        """May there be points of the factor at which its value is never needed?"""
        if isinstance(self.bracket, Bracket) and not self.bracket.free <= factor.free:
            return not holds_somewhere(self.bracket, factor.free)
        return True

    def within(self, factor: Atom) -> bool:
        return self.bracket.free <= factor.free and bool(self.mask.axes)


def holds_somewhere(bracket: Bracket, given: frozenset[Index]) -> bool:
    """Is there, for all values of the given indices, a value of the others at which the condition holds?"""
    if bracket.relation != ">=":
        return bracket.relation == "==" and _solvable(bracket, given)
    least: Coefficient = bracket.affine.constant
    for index, coefficient in bracket.affine.terms:
        highest = index not in given and symbolic(coefficient).is_positive
        if highest:
            least = least + coefficient * (index.size - 1)
        elif index in given and not symbolic(coefficient).is_nonnegative:
            return False
    return bool(symbolic(least).is_nonnegative)


def maybe_empty(term: Term) -> bool:
    """May no condition of a sum hold, for some values of its free indices?"""
    conditions = [a for a, _ in term.factors if a.boolean]
    if len(conditions) == 1 and isinstance(conditions[0], Bracket):
        return not holds_somewhere(conditions[0], term.free)
    return bool(conditions)


def _solvable(bracket: Bracket, given: frozenset[Index]) -> bool:
    """[i = j] holds for some j, whatever i is."""
    if len(bracket.affine.terms) != 2 or bracket.affine.constant != 0:
        return False
    (a, first), (b, second) = bracket.affine.terms
    return {first, second} == {1, -1} and a.size == b.size and not {a, b} <= given


def logarithm_of_condition(term: Term) -> tuple[Atom, ...]:
    """The brackets c of a term that is log [c]; none if it is something else."""
    if term.bound or len(term.factors) != 1 or term.coefficient != 1:
        return ()
    factor, exponent = term.factors[0]
    if not isinstance(factor, Function) or factor.name != "log" or exponent != 1:
        return ()
    inner = factor.argument.only
    if inner is None or inner.bound or inner.coefficient != 1 or not all(a.boolean for a, _ in inner.factors):
        return ()
    return tuple(a for a, _ in inner.factors)


# the larger and the smaller of two values


def tests(term: Term) -> list[Test]:
    return [a for a, _ in term.factors if isinstance(a, Test)]


def without_tests(term: Term) -> Expr:
    return from_term(Term(term.coefficient, tuple(f for f in term.factors if not isinstance(f[0], Test)), term.bound))


@dataclass(frozen=True)
class Extremum:
    """The larger, or the smaller, of two values; `sign` is that of the whole."""

    op: str
    first: Expr
    second: Expr
    sign: int = 1


OPPOSITE = {"maximum": "minimum", "minimum": "maximum"}


def extremum(first: Term, second: Term) -> Extremum | None:
    """[a > b] a + [b ≥ a] b is the larger of the two, [a > b] b + [b ≥ a] a the smaller."""
    both = [tests(t) for t in (first, second)]
    if any(len(t) != 1 for t in both):
        return None
    (one,), (two,) = both
    if {one.relation, two.relation} != {">", ">="} or add(one.argument, two.argument).terms:
        return None
    if one.relation == ">=":
        first, second, one = second, first, two
    a, b = without_tests(first), without_tests(second)
    if a - b != one.argument and b - a != one.argument:
        return None
    op = "maximum" if a - b == one.argument else "minimum"
    if first.coefficient < 0 and second.coefficient < 0:
        return Extremum(OPPOSITE[op], -a, -b, -1)
    return Extremum(op, a, b)


def larger(a: Expr, b: Expr) -> Expr:
    """max(a, b) = [a > b] a + [b ≥ a] b"""
    return add(multiply(atom(Test(">", a - b)), a), multiply(atom(Test(">=", b - a)), b))


def rectified(term: Term) -> Extremum | None:
    """[a > 0] a is the larger of a and 0."""
    found = tests(term)
    if len(found) != 1 or found[0].relation not in (">", ">="):
        return None
    rest = without_tests(term)
    if rest == found[0].argument:
        return Extremum("maximum", rest, Expr())
    return Extremum("minimum", rest, Expr()) if -rest == found[0].argument else None
