"""Canonical keys: two terms have the same key exactly when renaming bound indices makes them the same.

Bound indices get labels by colour refinement: an index is told from the others by the factors in which it stands and
where. What refinement cannot tell apart is tried in turn, and the least serialisation wins. Connected components
(indices that share no factor) are keyed apart, so that their order is free.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from derive.core.axes import Index

if TYPE_CHECKING:
    from derive.core.terms import Factor, Term

Labels = Mapping[Index, str]


def components(term: Term) -> tuple[list[Factor], list[tuple[list[Factor], list[Index]]]]:
    """The factors without bound indices, and the groups of factors that share bound indices."""
    outside: list[Factor] = []
    groups: list[tuple[list[Factor], list[Index]]] = []
    bound = set(term.bound)
    for factor in term.factors:
        indices = [i for i in term.bound if i in factor[0].free]
        if not indices:
            outside.append(factor)
            continue
        touching = [g for g in groups if not bound.isdisjoint(indices) and any(i in g[1] for i in indices)]
        factors = [f for g in touching for f in g[0]] + [factor]
        joined = [i for g in touching for i in g[1]]
        groups = [g for g in groups if g not in touching]
        groups.append((factors, joined + [i for i in indices if i not in joined]))
    used = {i for g in groups for i in g[1]}
    groups.extend(([], [i]) for i in term.bound if i not in used)
    return outside, groups


def term_key(term: Term, labels: Labels, depth: int) -> str:
    """The key of a term without its coefficient."""
    if not term.bound:
        return serialise(term.factors, labels, depth)
    labels = {i: name for i, name in labels.items() if i not in term.bound}
    outside, groups = components(term)
    parts = [serialise(outside, labels, depth)] if outside else []
    return "*".join(parts + sorted(component_key(f, b, labels, depth) for f, b in groups))


def serialise(factors: Sequence[Factor], labels: Labels, depth: int) -> str:
    return "*".join(sorted(f"{a.labelled(labels, depth)}^{e}" for a, e in factors))


def component_key(factors: Sequence[Factor], bound: Sequence[Index], labels: Labels, depth: int) -> str:
    """The least serialisation of one component over the orders of its bound indices that refinement leaves open."""
    colours = {i: f"?{i.size}" for i in bound}
    return _least(factors, list(bound), colours, labels, depth)


def _least(factors: Sequence[Factor], bound: list[Index], colours: dict[Index, str], labels: Labels, depth: int) -> str:
    colours = _refine(factors, bound, colours, labels, depth)
    classes: dict[str, list[Index]] = {}
    for index in bound:
        classes.setdefault(colours[index], []).append(index)
    tied = next((classes[c] for c in sorted(classes) if len(classes[c]) > 1), None)
    if tied is None:
        ordered = sorted(bound, key=lambda i: colours[i])
        names = {**labels, **{i: f"#{depth}.{n}" for n, i in enumerate(ordered)}}
        sizes = ",".join(str(i.size) for i in ordered)
        return f"Σ[{sizes}]({serialise(factors, names, depth + 1)})"
    best = ""
    for chosen in _inequivalent(factors, bound, tied, colours, labels, depth):
        key = _least(factors, bound, {**colours, chosen: colours[chosen] + "!"}, labels, depth)
        best = min(best, key) if best else key
    return best


def _inequivalent(factors, bound, tied, colours, labels, depth) -> list[Index]:
    """One of each set of tied indices that swapping carries into one another."""
    kept: list[Index] = []
    plain = {i: f"@{i.name}" for i in bound}
    here = serialise(factors, {**labels, **plain}, depth + 1)
    for index in tied:
        swaps = ({**plain, index: plain[other], other: plain[index]} for other in kept)
        if not any(serialise(factors, {**labels, **swap}, depth + 1) == here for swap in swaps):
            kept.append(index)
    return kept


def _refine(factors, bound, colours, labels, depth) -> dict[Index, str]:
    """Colour every index by the factors in which it stands until nothing more is told apart."""
    if len(bound) == 1:
        return colours
    count = len(set(colours.values()))
    while count < len(bound):
        seen: dict[Index, str] = {}
        for index in bound:
            env = {**labels, **colours, index: "*"}
            around = serialise([f for f in factors if index in f[0].free], env, depth + 1)
            seen[index] = f"{colours[index]}|{around}"
        ranks = {colour: f"?{n}" for n, colour in enumerate(sorted(set(seen.values())))}
        colours = {i: ranks[c] for i, c in seen.items()}
        if len(ranks) == count:
            break
        count = len(ranks)
    return colours
