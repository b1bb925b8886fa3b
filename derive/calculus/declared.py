"""Declared facts in simplification: a sum takes its declared value, and entries that are declared equal are merged.

Facts are used after differentiation only: entries are independent there, and a fact is true of the values at which a
gradient is taken, not of their neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product as choices

from derive.calculus.facts import apply_fact, sum_of
from derive.calculus.steps import Rule
from derive.core.atoms import Read
from derive.core.facts import Fact, SumFact, Symmetry
from derive.core.layer import Equation, Symbol
from derive.core.terms import Expr, Term, add, from_term
from derive.core.traverse import map_children

# Above this many reads of a symmetric tensor in one term, only their own order is tried.
MAX_READS = 6

FACT = r"\text{the sum that the forward equations give}"
DECLARED = r"\text{the sum that is declared}"
SYMMETRIC = r"A_{i,j} = A_{j,i}"


@dataclass(frozen=True)
class Known:
    """The value of the sum of a tensor over some of its axes, and the declared facts from which it is known."""

    value: Expr
    tensor: Symbol
    positions: tuple[int, ...]
    pins: Mapping[str, Fact]

    def rule(self) -> Rule:
        declared = any(f.tensor == self.tensor.name for f in self.pins.values())
        over = ", ".join(str(self.tensor.axes[n]) for n in self.positions)
        name = f"{'declared' if declared else 'fact'}: sum of {self.tensor.name} over {over}"
        return Rule(name, DECLARED if declared else FACT, self.apply, self.pins)

    def apply(self, value: Expr) -> Expr:
        return apply_fact(value, self.tensor, self.positions, self.value)


def known_sum(
    tensor: str,
    positions: tuple[int, ...],
    forward: Mapping[str, Equation],
    declared: tuple[Fact, ...],
    arguments: Mapping[str, Symbol],
) -> Known | None:
    """The sum of a tensor over the axes at some positions, as it is declared or as the forward equations give it."""
    sums = [(arguments[f.tensor], f) for f in declared if isinstance(f, SumFact)]
    for symbol, fact in sums:
        if (fact.tensor, fact.over) == (tensor, positions):
            return Known(fact.value, symbol, positions, {tensor: fact})
    if tensor not in forward:
        return None
    equation = forward[tensor]
    axes = [equation.symbol.axes[n] for n in positions]
    # By themselves, with one declared fact, with all: a gradient must not rest on a fact that it has no need of.
    for used in ([], *([pair] for pair in sums), sums):
        value = sum_of(equation, axes, forward, used)
        if value is not None:
            return Known(value, equation.symbol, positions, {tensor: used[0][1]} if used else {})
    return None


def symmetric(fact: Symmetry) -> Callable[[Expr], Expr]:
    """A[j, i] = A[i, j]: every read in the order in which terms that are equal up to the exchange look the same."""

    def rule(value: Expr) -> Expr:
        value = map_children(value, rule)
        return add(*(from_term(min(_orders(t, fact), key=_preference)) for t in value.terms))

    return rule


def _orders(term: Term, fact: Symmetry) -> Iterator[Term]:
    """A term with the indices of each read of the tensor as they are and exchanged."""
    places = [n for n, (a, _) in enumerate(term.factors) if isinstance(a, Read) and a.tensor == fact.tensor]
    if len(places) > MAX_READS:
        yield term
        return
    for exchanged in choices((False, True), repeat=len(places)):
        factors = list(term.factors)
        for place, swap in zip(places, exchanged, strict=True):
            factor, exponent = factors[place]
            assert isinstance(factor, Read)
            if swap:
                factors[place] = Read(factor.tensor, fact.exchange(factor.at)), exponent
        yield Term(term.coefficient, tuple(factors), term.bound)


def _preference(term: Term) -> tuple[int, str]:
    """As few transposes as can be: A x and X A have none."""
    return sum(map(_transposed, _meetings(term))), term.body_key


def _meetings(term: Term) -> Iterator[tuple[int, int, int, int]]:
    """Where two reads share a summed index: (its position in the one, that one's rank, the same of the other)."""
    reads = [a for a, e in term.factors if isinstance(a, Read) and a.at]
    for number, one in enumerate(reads):
        for other in reads[number + 1 :]:
            for m, at in enumerate(one.at):
                for n, there in enumerate(other.at):
                    if at.plain is not None and at.plain == there.plain and at.plain in term.bound:
                        yield m, len(one.at), n, len(other.at)


def _transposed(meeting: tuple[int, int, int, int]) -> bool:
    """Does a product along a summed index take a transpose? Not from the last axis of one to the first of another."""
    m, rank, n, other = meeting
    if other == 1:
        return m != rank - 1
    if rank == 1:
        return n != other - 1
    return (m == 0) == (n == 0)


def symmetry_rule(fact: Symmetry) -> Rule:
    """The rule that uses a declared symmetry."""
    return Rule(f"declared: {fact.tensor} is symmetric", SYMMETRIC, symmetric(fact), {fact.tensor: fact})
