"""Reads at the entries of integer tensors, and their adjoint: entries are added up where they were read.

E[token[t], d]                      →  E[token]                           gather
Σ_t G[t, d] [v = token[t]]          →  out[token[t], d] += G[t, d]        scatter-add
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from derive.calculus.deltas import contract
from derive.core.atoms import Bracket, Lookup, Read
from derive.core.axes import Affine, Index, fresh
from derive.core.terms import Expr, Term, from_term
from derive.core.traverse import atoms
from derive.lowering.layout import align, expand, group_of, ordered, permute
from derive.lowering.values import Gather, Value, Window

# The array of an integer tensor's entries.
Positions = Callable[[Lookup], Value]


def looked_up(value: Expr) -> Expr:
    """Σ_c x[b,c] [c = label[b]] = x[b,label[b]]"""
    conditions = (a for a in atoms(value) if isinstance(a, Bracket) and a.relation == "==")
    return contract(value) if any(c.lookups() for c in conditions) else value


def gathered_read(value: Value, at: Sequence[Affine], positions: Positions) -> Value | None:
    """The array of the reads of a tensor, `value`, some of whose places are looked up; None where that takes a mask."""
    if any(a.lookups and a.looked_up is None for a in at):
        return None
    plain = [a.plain for a in at if not a.lookups]
    if None in plain or len(set(plain)) < len(plain):
        return None
    entries = [positions(a.looked_up) for a in at if a.looked_up is not None]
    value = replace(value, axes=tuple(a.plain or axis for a, axis in zip(at, value.axes, strict=True)))
    places = [axis for a, axis in zip(at, value.axes, strict=True) if a.lookups]
    if all(set(plain).isdisjoint(p.axes) for p in entries):
        return _taken(value, places, entries)
    return _taken_along(value, places[0], entries[0]) if len(entries) == 1 else None


def _taken(value: Value, places: Sequence[Index], entries: Sequence[Value]) -> Value:
    """E[token] where the tensor and its positions share no index: the looked-up axes give way to the positions'."""
    group = [i for i in value.axes if i.leading]
    rest = [i for i in value.axes if i not in (*group, *places)]
    value = permute(value, [*group, *places, *rest])
    over = ordered((i for p in entries for i in p.axes), ())
    aligned = tuple(align(p, over) for p in entries)
    return Gather(value, aligned, along=False, behind=len(rest), axes=(*group, *over, *rest))


def _taken_along(value: Value, place: Index, entries: Value) -> Value | None:
    """Z[b, label[b]] where they share indices: along the last axis, row by row."""
    others = [i for i in value.axes if i != place]
    shared = [i for i in others if i in entries.axes]
    own = [i for i in entries.axes if i not in others]
    if len(own) > 1 or group_of(own) is not None:
        return None
    others = [*shared, *(i for i in others if i not in shared)]
    if group_of(others) is not None and not others[0].leading:
        return None
    value = permute(value, [*others, place])
    column = own[0] if own else fresh(place, {i.name for i in others})
    entries = expand(permute(entries, [*shared, *own]), [*others, column])
    found = Gather(value, (entries,), along=True, axes=(*others, column))
    return found if own else Window(found, (), ((0,),), axes=tuple(others))


def one_hot(factor: Read, names: set[str]) -> Expr:
    """The read as a sum under conditions: Σ_v [v = token[t]] E[v, d]."""
    conditions: list[tuple[Bracket, int]] = []
    bound: list[Index] = []
    places = list(factor.at)
    for n, place in enumerate(factor.at):
        if place.looked_up is not None:
            index = fresh(Index("v", place.looked_up.size), names)
            names.add(index.name)
            bound.append(index)
            conditions.append((Bracket("==", Affine.of(index) - place), 1))
            places[n] = Affine.of(index)
    return from_term(Term(1, ((Read(factor.tensor, tuple(places)), 1), *conditions), tuple(bound)))


@dataclass(frozen=True)
class AddingPlan:
    """Σ over `summed` of `rest`, added at the positions of `entry` along `target`, in front of the axes `behind`."""

    target: Index
    entry: Lookup
    summed: tuple[Index, ...]
    front: tuple[Index, ...]
    behind: tuple[Index, ...]
    rest: Term


def plan_adding(term: Term, order: Sequence[Index]) -> AddingPlan | None:
    """How to add up a sum by the positions in which its entries belong; None where no condition says so."""
    for bracket in (a for a, _ in term.factors if isinstance(a, Bracket)):
        target = _target(bracket, term)
        if target is None:
            continue
        ((entry, _),) = bracket.affine.lookups
        rest = tuple((a, e) for a, e in term.factors if a is not bracket)
        summed = ordered((i for i in term.bound if i in entry.free), order)
        shared = [i for i in entry.free if i not in summed]
        others = ordered((i for i in term.free if i != target and i not in shared), order)
        front = ordered([*shared, *(i for i in others if i.leading)], order)
        if group_of(summed) is not None and front or any(i in a.free for a, _ in rest for i in [target]):
            return None
        inner = Term(term.coefficient, rest, tuple(i for i in term.bound if i not in summed))
        return AddingPlan(target, entry, summed, front, tuple(i for i in others if not i.leading), inner)
    return None


def _target(bracket: Bracket, term: Term) -> Index | None:
    """The free index that [v = token[t]] says is where the entries over t go."""
    affine = bracket.affine
    if bracket.relation != "==" or len(affine.lookups) != 1 or len(affine.terms) != 1 or affine.constant != 0:
        return None
    ((entry, coefficient),), ((target, step),) = affine.lookups, affine.terms
    opposite = coefficient == -step and step in (1, -1)
    if not opposite or target in term.bound or target in entry.free or entry.free.isdisjoint(term.bound):
        return None
    return target
