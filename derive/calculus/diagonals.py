"""Matrices of derivatives as sums of blocks: Kronecker deltas of a row's and a column's index, times what is left.

    H[i,a,j,b] = δ_ij (VᵀV)_ab        H[i,j] = δ_ij p_i - p_i p_j

A delta of free indices never sits in a parenthesis, and what it multiplies is written in the row's index alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from derive.calculus.collect import MAX_TERMS
from derive.calculus.simplify import Context, multiply_out, simplify
from derive.calculus.steps import Rule, Trail
from derive.core import canonical
from derive.core.atoms import Atom, Bracket, Paren
from derive.core.axes import Affine, Index
from derive.core.terms import Expr, Term, add, atom, from_term, multiply, total

Pair = tuple[Index, Index]
Pairs = Sequence[Pair]

MULTIPLY_OUT = r"a\, (\delta_{i,j} + b) = a\, \delta_{i,j} + a\, b"
EXPAND = r"a\, (b + c) = a\, b + a\, c"
AT_DELTA = r"\delta_{i,j} f_{j} = \delta_{i,j} f_{i}"


@dataclass(frozen=True)
class Block:
    """A part of a matrix of derivatives: δ(row, column) for each of `deltas`, times `body`."""

    deltas: tuple[Pair, ...]
    body: Expr

    @property
    def whole(self) -> Expr:
        return multiply(*(atom(delta(pair)) for pair in self.deltas), self.body)


def delta(pair: Pair) -> Bracket:
    """[row = column]"""
    row, column = pair
    return Bracket("==", Affine.of(row) - Affine.of(column))


def blocks(value: Expr, pairs: Pairs) -> list[Block]:
    """The parts of an expression by the deltas that they have outside of parentheses; those with most of them first."""
    known = {delta(pair): pair for pair in pairs}
    groups: dict[tuple[Pair, ...], list[Expr]] = {}
    for term in value.terms:
        factors = {a for a, _ in term.factors}
        own = tuple(pair for d, pair in known.items() if d in factors)
        rest = tuple((a, e) for a, e in term.factors if a not in known)
        groups.setdefault(own, []).append(from_term(Term(term.coefficient, rest, term.bound)))
    found = [Block(deltas, add(*parts)) for deltas, parts in groups.items()]
    return sorted((b for b in found if b.body.terms), key=lambda b: -len(b.deltas))


def joined(parts: Sequence[Block]) -> Expr:
    return add(*(b.whole for b in parts))


def free_deltas(pairs: Pairs) -> Callable[[Expr], Expr]:
    """a (δ_ij + b) = a δ_ij + a b, for the deltas of a row and a column"""
    wanted = {delta(pair) for pair in pairs}

    def rule(value: Expr) -> Expr:
        pending, done = list(value.terms)[::-1], []
        while pending:
            term = pending.pop()
            place = next((n for n, (a, e) in enumerate(term.factors) if e == 1 and _holds(a, wanted)), None)
            if place is None:
                done.append(Expr((term,)))
                continue
            paren = term.factors[place][0]
            assert isinstance(paren, Paren)
            if len(pending) + len(done) + len(paren.body.terms) > MAX_TERMS:
                return value
            rest = from_term(Term(term.coefficient, term.factors[:place] + term.factors[place + 1 :]))
            pending.extend(
                t
                for part in _with_and_without(paren.body, wanted)
                for t in total(multiply(rest, part), term.bound).terms
            )
        return add(*done)

    return rule


def _with_and_without(body: Expr, wanted: set[Bracket]) -> Iterator[Expr]:
    """The terms with a delta one by one, those without together: they need no multiplying out."""
    plain = Expr(tuple(t for t in body.terms if not _has(t, wanted)))
    yield from (Expr((t,)) for t in body.terms if _has(t, wanted))
    if plain.terms:
        yield plain


def _has(term: Term, wanted: set[Bracket]) -> bool:
    return any(a in wanted or _holds(a, wanted) for a, _ in term.factors)


def _holds(factor: Atom, wanted: set[Bracket]) -> bool:
    return isinstance(factor, Paren) and any(_has(t, wanted) for t in factor.body.terms)


def at_deltas(pairs: Pairs) -> Callable[[Expr], Expr]:
    """δ_ij f_j = δ_ij f_i"""

    def rule(value: Expr) -> Expr:
        parts = []
        for block in blocks(value, pairs):
            rows = {column: Affine.of(row) for row, column in block.deltas}
            parts.append(replace(block, body=block.body.substitute(rows)))
        return joined(parts)

    return rule


def in_block(pairs: Pairs, deltas: tuple[Pair, ...], apply: Callable[[Expr], Expr]) -> Callable[[Expr], Expr]:
    """A rule of what stands beside some deltas, as a rule of the whole."""

    def rule(value: Expr) -> Expr:
        return joined([replace(b, body=apply(b.body)) if b.deltas == deltas else b for b in blocks(value, pairs)])

    return rule


def arrange(trail: Trail, pairs: Pairs, context: Context) -> list[Block]:
    """Take an expression apart into blocks, each in its cheapest form."""
    trail.take(Rule("multiply out deltas", MULTIPLY_OUT, free_deltas(pairs)))
    trail.take(Rule("at the delta", AT_DELTA, at_deltas(pairs)))
    for block in blocks(trail.value, pairs):
        inner = Trail(block.body)
        simplify(inner, context)
        for step in inner.steps:
            trail.take(replace(step.rule, apply=in_block(pairs, block.deltas, step.rule.apply)))
    for block in blocks(trail.value, pairs):
        out = multiply_out(block.body)
        rows = frozenset(row for row, _ in block.deltas)
        if not connects_pairs(block.body, rows) and connects_pairs(out, rows):
            rule = Rule("multiply out", EXPAND, in_block(pairs, block.deltas, multiply_out))
            trail.take(rule)
    return blocks(trail.value, pairs)


def connects_pairs(value: Expr, rows: frozenset[Index]) -> bool:
    """Is every term a product of parts with at most two free indices each, as (XᵀX)_ij (WᵀW)_ab is?

    What stands beside deltas is a matrix for each of their `rows`.
    """
    if len(value.free - rows) <= 2:
        return True
    for term in value.terms:
        outside, groups = canonical.components(term)
        parts = [a.free for a, _ in outside]
        parts += [frozenset().union(*(a.free for a, _ in factors)) - set(bound) for factors, bound in groups]
        if any(len(free) > 2 for free in parts):
            return False
    return True
