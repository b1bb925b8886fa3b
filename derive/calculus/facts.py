"""Forward facts: what the equations themselves say about sums of a value, as Σ_j P[i,j] = 1 for a softmax.

A fact is found by putting in definitions one level at a time and working the sum out; none is typed in.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from derive.calculus.collect import expand
from derive.calculus.deltas import contract, within
from derive.calculus.reuse import unfold
from derive.core.atoms import Read
from derive.core.axes import Index
from derive.core.facts import SumFact
from derive.core.layer import Equation, Symbol
from derive.core.terms import Expr, Term, from_term, total
from derive.core.traverse import map_children, tensors_read

LEVELS = 3
Declared = Sequence[tuple[Symbol, SumFact]]


def sum_of(
    equation: Equation, axes: Sequence[Index], equations: Mapping[str, Equation], declared: Declared = ()
) -> Expr | None:
    """The sum of a tensor over some of its axes where the definitions make it a number or a size, else None.

    The definitions, and what is `declared` of the arguments that they read.
    """
    value = total(equation.expr, axes)
    for _ in range(LEVELS):
        value = contract(expand(contract(value)))
        for symbol, fact in declared:
            value = contract(apply_fact(value, symbol, fact.over, fact.value))
        if not value.free and not any(_is_tensor(a) for t in value.terms for a, _ in t.factors):
            return value
        inner = next((n for n in tensors_read(value) if n in equations and n != equation.symbol.name), None)
        if inner is None:
            return None
        value = unfold(equations[inner])(value)
    return None


def _is_tensor(factor) -> bool:
    return not isinstance(factor, Read) or bool(factor.at)


def apply_fact(value: Expr, tensor: Symbol, positions: Collection[int], fact: Expr) -> Expr:
    """Replace Σ_j Y[…, j, …] by its value wherever the indices at these positions stand in nothing else."""
    value = map_children(value, lambda child: apply_fact(child, tensor, positions, fact))
    result = Expr()
    for term in value.terms:
        result = result + _apply_to_term(term, tensor, positions, fact)
    return result


def _apply_to_term(term: Term, tensor: Symbol, positions: Collection[int], fact: Expr) -> Expr:
    for place, (factor, exponent) in enumerate(term.factors):
        if not isinstance(factor, Read) or factor.tensor != tensor.name or exponent != 1:
            continue
        if not within(factor, tensor.axes):
            continue
        alone = _alone(term, place)
        if not alone.keys() >= set(positions):
            continue
        summed = [alone[n] for n in positions]
        others = term.factors[:place] + term.factors[place + 1 :]
        rest = Term(term.coefficient, others, tuple(i for i in term.bound if i not in summed))
        return fact * from_term(rest)
    return Expr((term,))


def _alone(term: Term, place: int) -> dict[int, Index]:
    """The positions of a read at which a bound index stands that stands nowhere else in the term."""
    read = term.factors[place][0]
    assert isinstance(read, Read)
    others = [a.free for n, (a, _) in enumerate(term.factors) if n != place] + [a.indices for a in read.at]
    bound = [(n, a.plain) for n, a in enumerate(read.at) if a.plain in term.bound]
    return {n: i for n, i in bound if i is not None and sum(i in indices for indices in others) == 1}


def candidates(value: Expr) -> set[tuple[str, tuple[int, ...]]]:
    """The tensors and axes over which an expression sums nothing but that tensor: each axis, and all of them."""
    found: set[tuple[str, tuple[int, ...]]] = set()
    for term in value.terms:
        for place, (factor, exponent) in enumerate(term.factors):
            for child in factor.children():
                found |= candidates(child)
            if isinstance(factor, Read) and exponent == 1 and (positions := tuple(_alone(term, place))):
                found |= {(factor.tensor, positions), *((factor.tensor, (n,)) for n in positions)}
    return found
