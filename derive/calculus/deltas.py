"""Contract Kronecker deltas: Σ_j [j = k] f(j) → f(k), so that none survives into code without need.

A plain index of equal size substitutes. An affine index j = s·i + d·k - p substitutes only where a bare read carries
j, because that read is 0 where j is out of range; elsewhere the condition stays under the sum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import sympy

from derive.core.atoms import Bracket, Paren, Position, Read
from derive.core.axes import Affine, Coefficient, Index
from derive.core.layer import Symbol
from derive.core.sizes import size_value
from derive.core.terms import Expr, Factor, Term, add, expr, from_term, multiply, product, total
from derive.core.traverse import atoms, transform

Names = Mapping[str, Symbol]


def contract(value: Expr, names: Names = MappingProxyType({})) -> Expr:
    """Contract every delta that a sum can absorb, at every depth, and count out the indices that nothing uses.

    `names` tells the axes of tensors; only a tensor whose axes are known can carry an affine index.
    """
    return transform(value, lambda e: add(*(_contract_term(t, names) for t in e.terms)))


def distribute(value: Expr) -> Expr:
    """Multiply out the parentheses that hold deltas of the sums around them: Σ G (a δ + b δ) = Σ G a δ + Σ G b δ."""
    return transform(value, lambda e: add(*(_distribute_term(t) for t in e.terms)))


def _contract_term(term: Term, names: Names) -> Expr:
    while True:
        found = _next_substitution(term, names)
        if found is None:
            break
        bracket, index, target = found
        factors = [(a.substitute({index: target}), e) for a, e in term.factors if a is not bracket]
        term = product(term.coefficient, factors, tuple(i for i in term.bound if i != index))
    return _count_term(term)


def count(value: Expr) -> Expr:
    """Count out the indices that nothing under their sum uses, at every depth: Σ_i a = n a."""
    return transform(value, lambda e: add(*map(_count_term, e.terms)))


def _count_term(term: Term) -> Expr:
    unused = [i for i in term.bound if not any(i in a.free for a, _ in term.factors)]
    if not unused:
        return from_term(term)
    kept = from_term(Term(term.coefficient, term.factors, tuple(i for i in term.bound if i not in unused)))
    return multiply(kept, *(size_value(i.size) for i in unused))


def _next_substitution(term: Term, names: Names) -> tuple[Bracket, Index, Affine] | None:
    """A bound index that an equality determines: by another index of equal size first, else by an affine index."""
    affine = None
    for factor, _ in term.factors:
        if not isinstance(factor, Bracket) or factor.relation != "==":
            continue
        for index in term.bound:
            coefficient = factor.affine.coefficient(index)
            if coefficient not in (1, -1):
                continue
            target = factor.affine.without(index).times(-coefficient)
            plain = target.plain
            if plain is not None and same_size(plain.size, index.size):
                return factor, index, target
            if target.lookups:
                if _can_be_looked_up(index, target, term.factors):
                    affine = factor, index, target
                continue
            if affine is None and _forward(target) and _vanishes_outside(index, term.factors, names):
                affine = factor, index, target
    return affine


def _can_be_looked_up(index: Index, target: Affine, factors: tuple[Factor, ...]) -> bool:
    """May an entry of an integer tensor stand for the index? It is a position along the axis, so it is never outside.

    But it has to stand alone: an index that is moved, as in X[s i + k], stays.
    """
    entry = target.looked_up
    if entry is None or not same_size(entry.size, index.size) or index in target.indices:
        return False
    inside = (a for a in atoms(Expr((Term(1, factors),))) if index in a.free)
    return all(a.plain == index for read in inside if isinstance(read, Read) for a in read.at if index in a.indices)


def _forward(target: Affine) -> bool:
    """Is the position one that runs forward in all its indices, as stride·i + dilation·k - padding does?

    The kernel's index, k = j - i + padding where the dilation is 1, stays under the condition: putting it in would
    turn a kernel into a matrix with a row for every position.
    """
    return len(target.terms) <= 1 or not any(_negative(c) for _, c in target.terms)


def _negative(coefficient: Coefficient) -> bool:
    return coefficient < 0 if isinstance(coefficient, int) else coefficient.could_extract_minus_sign()


def within(read: Read, axes: Sequence[Index]) -> bool:
    """Does a read lie inside its tensor, whatever its indices are?"""
    return all(
        same_size(whole.size, axis.size) if (whole := place.plain or place.looked_up) else place == Affine(())
        for place, axis in zip(read.at, axes, strict=True)
    )


def same_size(a: sympy.Expr, b: sympy.Expr) -> bool:
    return a == b or sympy.expand(a - b) == 0


def _vanishes_outside(index: Index, factors: tuple[Factor, ...], names: Names) -> bool:
    """Does a bare read with a positive exponent carry the index, so that the product is 0 out of its range?

    Only other reads, brackets and the index as a number may carry it too: 1/X[j] and log(X[j]) are not finite where
    X[j] reads 0. And no integer tensor may be read at it: outside of one there is no position.
    """
    carrying = [(a, e) for a, e in factors if index in a.free]
    if any(index in entry.free for a, _ in carrying for entry in a.lookups()):
        return False
    tame = all(isinstance(a, Bracket) or isinstance(a, (Read, Position)) and e > 0 for a, e in carrying)
    return tame and any(isinstance(a, Read) and ends_with(index, a, names) for a, _ in carrying)


def ends_with(index: Index, read: Read, names: Names) -> bool:
    """Does the tensor end where the index does, on an axis at which it is read plainly at it?"""
    axes = names[read.tensor].axes if read.tensor in names else ()
    return any(a.plain == index and same_size(axis.size, index.size) for a, axis in zip(read.at, axes, strict=False))


def _distribute_term(term: Term) -> Expr:
    for position, (factor, exponent) in enumerate(term.factors):
        if isinstance(factor, Paren) and exponent == 1 and _holds_delta(factor.body, term.bound):
            rest = expr_of(term.coefficient, term.factors[:position] + term.factors[position + 1 :])
            parts = [total_of(multiply(rest, from_term(t)), term.bound) for t in factor.body.terms]
            return add(*(distribute(p) for p in parts))
    return from_term(term)


def _holds_delta(body: Expr, bound: tuple[Index, ...]) -> bool:
    return any(
        isinstance(a, Bracket)
        and a.relation == "=="
        and not a.free.isdisjoint(bound)
        or isinstance(a, Paren)
        and e == 1
        and _holds_delta(a.body, bound)
        for t in body.terms
        for a, e in t.factors
    )


def expr_of(coefficient, factors: tuple[Factor, ...]) -> Expr:
    """A product without bound indices as an expression."""
    return from_term(Term(coefficient, factors)) if coefficient else expr(0)


def total_of(value: Expr, over: tuple[Index, ...]) -> Expr:
    """Σ over indices of each term by itself."""
    return add(*(total(from_term(t), over) for t in value.terms))
