"""Forward facts: what the equations themselves say about sums of a value, as Σ_j P[i,j] = 1 for a softmax.

A fact is found by putting in definitions one level at a time and working the sum out; none is typed in.
"""

from __future__ import annotations

from collections.abc import Mapping

from derive.calculus.collect import expand
from derive.calculus.deltas import contract, within
from derive.calculus.reuse import unfold
from derive.core.atoms import Read
from derive.core.axes import Index
from derive.core.layer import Equation, Symbol
from derive.core.terms import Expr, Term, from_term, total
from derive.core.traverse import map_children, tensors_read

LEVELS = 3


def sum_of(equation: Equation, axis: Index, equations: Mapping[str, Equation]) -> Expr | None:
    """Σ_axis of a tensor where the definitions make it a number or a size, else None."""
    value = total(equation.expr, (axis,))
    for _ in range(LEVELS):
        value = contract(expand(contract(value)))
        if not value.free and not any(_is_tensor(a) for t in value.terms for a, _ in t.factors):
            return value
        inner = next((n for n in tensors_read(value) if n in equations and n != equation.symbol.name), None)
        if inner is None:
            return None
        value = unfold(equations[inner])(value)
    return None


def _is_tensor(factor) -> bool:
    return not isinstance(factor, Read) or bool(factor.at)


def apply_fact(value: Expr, tensor: Symbol, position: int, fact: Expr) -> Expr:
    """Replace Σ_j Y[…, j, …] by its value wherever j stands in nothing else."""
    value = map_children(value, lambda child: apply_fact(child, tensor, position, fact))
    result = Expr()
    for term in value.terms:
        result = result + _apply_to_term(term, tensor, position, fact)
    return result


def _apply_to_term(term: Term, tensor: Symbol, position: int, fact: Expr) -> Expr:
    for place, (factor, exponent) in enumerate(term.factors):
        if not isinstance(factor, Read) or factor.tensor != tensor.name or exponent != 1:
            continue
        if not within(factor, tensor.axes):
            continue
        index = factor.at[position].plain
        others = term.factors[:place] + term.factors[place + 1 :]
        elsewhere = [a.plain for n, a in enumerate(factor.at) if n != position]
        if index not in term.bound or index in elsewhere or any(index in a.free for a, _ in others):
            continue
        rest = Term(term.coefficient, others, tuple(i for i in term.bound if i != index))
        return fact * from_term(rest)
    return Expr((term,))


def candidates(value: Expr) -> set[tuple[str, int]]:
    """The tensors and axes over which an expression sums nothing but that tensor."""
    found: set[tuple[str, int]] = set()
    for term in value.terms:
        for factor, exponent in term.factors:
            for child in factor.children():
                found |= candidates(child)
            if not isinstance(factor, Read) or exponent != 1:
                continue
            for position, affine in enumerate(factor.at):
                index = affine.plain
                if index in term.bound and sum(index in a.free for a, _ in term.factors) == 1:
                    found.add((factor.tensor, position))
    return found
