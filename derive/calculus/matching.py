"""Matching up to renaming: find where an expression stands inside another, and what its indices are there.

A pattern's indices are variables. Free ones bind to plain indices; bound ones to distinct bound indices of the target
that stand nowhere else in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from derive.calculus.deltas import same_size
from derive.core.atoms import Argmax, Atom, Bracket, Function, Maximum, Paren, Partial, Position, Read, Test
from derive.core.axes import Affine, Index
from derive.core.terms import Expr, Factor, Rational, Term

Binding = dict[Index, Affine]


def match_affine(pattern: Affine, target: Affine, binding: Binding) -> Iterator[Binding]:
    plain = pattern.plain
    if plain is not None:
        if plain in binding:
            if binding[plain] == target:
                yield binding
        elif (whole := target.plain or target.looked_up) is not None and same_size(plain.size, whole.size):
            yield {**binding, plain: target}
        return
    if pattern.constant != target.constant or len(pattern.terms) != len(target.terms):
        return
    for extended in _match_lookups(pattern.lookups, target.lookups, binding):
        yield from _match_affine_terms(pattern.terms, target.terms, extended)


def _match_lookups(patterns, targets, binding: Binding) -> Iterator[Binding]:
    if len(patterns) != len(targets):
        return
    if not patterns:
        yield binding
        return
    (entry, coefficient), *rest = patterns
    for position, (other, factor) in enumerate(targets):
        if factor == coefficient and other.tensor == entry.tensor:
            for extended in _match_all(entry.at, other.at, binding):
                yield from _match_lookups(rest, targets[:position] + targets[position + 1 :], extended)


def _match_affine_terms(pattern, target, binding: Binding) -> Iterator[Binding]:
    if not pattern:
        yield binding
        return
    (index, coefficient), *rest = pattern
    for position, (other, factor) in enumerate(target):
        if factor == coefficient:
            for extended in match_affine(Affine.of(index), Affine.of(other), binding):
                yield from _match_affine_terms(rest, target[:position] + target[position + 1 :], extended)


def match_atom(pattern: Atom, target: Atom, binding: Binding) -> Iterator[Binding]:
    if type(pattern) is not type(target):
        return
    if isinstance(pattern, Read) and isinstance(target, Read):
        if pattern.tensor == target.tensor and len(pattern.at) == len(target.at):
            yield from _match_all(pattern.at, target.at, binding)
    elif isinstance(pattern, Bracket) and isinstance(target, Bracket):
        if pattern.relation == target.relation:
            yield from match_affine(pattern.affine, target.affine, binding)
    elif isinstance(pattern, Position) and isinstance(target, Position):
        yield from match_affine(pattern.affine, target.affine, binding)
    elif isinstance(pattern, Function) and isinstance(target, Function):
        if pattern.name == target.name:
            yield from match_expr(pattern.argument, target.argument, binding)
    elif isinstance(pattern, Test) and isinstance(target, Test):
        if pattern.relation == target.relation:
            yield from match_expr(pattern.argument, target.argument, binding)
    elif isinstance(pattern, Paren) and isinstance(target, Paren):
        yield from match_expr(pattern.body, target.body, binding)
    elif isinstance(pattern, (Argmax, Maximum, Partial)) and pattern == target:
        yield binding


def _match_all(patterns: Sequence[Affine], targets: Sequence[Affine], binding: Binding) -> Iterator[Binding]:
    if not patterns:
        yield binding
        return
    for extended in match_affine(patterns[0], targets[0], binding):
        yield from _match_all(patterns[1:], targets[1:], extended)


def match_expr(pattern: Expr, target: Expr, binding: Binding, ratio: Rational = 1) -> Iterator[Binding]:
    """Bindings under which target = ratio · pattern, term for term."""
    if len(pattern.terms) == len(target.terms):
        yield from match_terms(pattern.terms, target.terms, binding, ratio, [])


def match_terms(
    patterns: Sequence[Term], targets: Sequence[Term], binding: Binding, ratio: Rational, used: list[Term]
) -> Iterator[Binding]:
    """Bindings under which each pattern term is, times the ratio, a target term of its own; `used` collects them."""
    if not patterns:
        yield binding
        return
    first, rest = patterns[0], patterns[1:]
    for target in targets:
        if any(target is u for u in used) or first.coefficient * ratio != target.coefficient:
            continue
        for extended in match_whole_term(first, target, binding):
            used.append(target)
            yield from match_terms(rest, targets, extended, ratio, used)
            used.pop()


def match_whole_term(pattern: Term, target: Term, binding: Binding) -> Iterator[Binding]:
    """Bindings under which the terms agree but for their coefficients."""
    if len(pattern.factors) != len(target.factors) or len(pattern.bound) != len(target.bound):
        return
    inner = {i: a for i, a in binding.items() if i not in pattern.bound}
    for extended, rest in match_factors(pattern.factors, target.factors, inner, exact=True):
        images = [extended.get(i) for i in pattern.bound]
        plain = {a.plain for a in images if a is not None}
        if not rest and plain == set(target.bound):
            outer = {i: a for i, a in extended.items() if i not in pattern.bound}
            yield {**outer, **{i: binding[i] for i in pattern.bound if i in binding}}


def match_factors(
    patterns: Sequence[Factor], targets: Sequence[Factor], binding: Binding, exact: bool
) -> Iterator[tuple[Binding, tuple[Factor, ...]]]:
    """Bindings under which the pattern's factors stand among the target's, with what is left of the target."""
    if not patterns:
        yield binding, tuple(targets)
        return
    (atom, exponent), *rest = sorted(patterns, key=lambda f: not isinstance(f[0], Read))
    for position, (other, power) in enumerate(targets):
        left = power - exponent
        if (left != 0) if exact else not _contains(power, exponent, atom):
            continue
        if atom.boolean:
            left = 0
        for extended in match_atom(atom, other, binding):
            remaining = [*targets[:position], *([(other, left)] if left else []), *targets[position + 1 :]]
            yield from match_factors(rest, remaining, extended, exact)


def _contains(power: Rational, exponent: Rational, atom: Atom) -> bool:
    """Does a^power hold a^exponent with something of the same sign, or nothing, left over?"""
    return (
        power == exponent
        or power * exponent > 0
        and abs(Fraction(power)) > abs(Fraction(exponent))
        or _free_power(atom)
    )


def _free_power(atom: Atom) -> bool:
    """exp is never zero, so any power of it may be split off."""
    return isinstance(atom, Function) and atom.name == "exp"


def match_product(pattern: Term, target: Term) -> Iterator[tuple[Binding, tuple[Factor, ...]]]:
    """Where the pattern's product (with its sums) stands inside the target's: binding, and the factors left over."""
    if len(pattern.factors) > len(target.factors) or len(pattern.bound) > len(target.bound):
        return
    for binding, rest in match_factors(pattern.factors, target.factors, {}, exact=False):
        images = [binding[i].plain for i in pattern.bound if i in binding]
        if len(set(images)) < len(pattern.bound) or not set(images) <= set(target.bound):
            continue
        outside = frozenset().union(*(a.free for a, _ in rest))
        outside |= {j for i, a in binding.items() if i not in pattern.bound for j in a.indices}
        if outside.isdisjoint(i for i in images if i is not None):
            yield binding, rest
