"""The steps of both derivations: those that lead to H u, and those that lead from it to H."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from derive.calculus.jacobian import Jacobian
from derive.core.axes import Index
from derive.core.terms import Expr
from derive.witnesses.check import compare
from derive.witnesses.entries import Array, entries_of
from derive.witnesses.interpret import Oracle, oracle_of
from derive.witnesses.replay import first_definition
from derive.witnesses.second_evidence import (
    FEWEST,
    MOST,
    STEP_WORK,
    Point,
    SecondEvidence,
    drawn_pairs,
    drawn_places,
    entry_work,
    unit_at,
)


def steps(evidence: SecondEvidence) -> None:
    """The lines of the derivation of H u, and of that of H: for each of some entries, all of one value."""
    rng = np.random.default_rng(evidence.seed)
    for point in evidence.points[:1]:
        for one in evidence.found:
            compare_steps(evidence, point, one, rng)


def compare_steps(evidence: SecondEvidence, point: Point, one: Jacobian, rng: np.random.Generator) -> None:
    name = one.wrt.name
    product_lines = list(product_values(point, one, rng))
    for (_, before), (step, after) in pairwise(product_lines):
        where = f"{point}, after the step {step!r}"
        compare(evidence.tally, "steps", evidence.product_symbol(name), after, before, where)
    for (_, before), (step, after) in pairwise(matrix_values(point, one, rng)):
        where = f"{point}, after the step {step!r}"
        compare(evidence.tally, "steps", evidence.matrix_symbol(name), after, before, where)


def with_direction(point: Point, one: Jacobian, direction: Array) -> Oracle:
    """Every name of the derivations with its value."""
    second = one.second
    assert second is not None
    oracle, _ = oracle_of(second.gradient, point.given(second), point.case.options)
    oracle.tensors[one.direction.name] = entries_of(direction, one.direction)
    for statement in second.adjoints:
        oracle.run(statement)
    return oracle


def product_values(point: Point, one: Jacobian, rng: np.random.Generator) -> Iterator[tuple[str, Array]]:
    """The lines of the derivation of H u from the first in which no derivative is left of a name in scope."""
    oracle = with_direction(point, one, point.directions[one.wrt.name])
    derivation = one.product
    opened = first_definition(derivation)
    shape = tuple(oracle.number(i.size) for i in derivation.at)
    lines = [(step.rule.name, step.after) for step in derivation.steps]
    work = sum(entry_work(point, line, one.within) for _, line in lines)
    places = drawn_places(shape, min(MOST, max(FEWEST, STEP_WORK // max(1, work))), rng)
    held = replace(oracle, definitions={})
    known = {s.name: t for t in one.within.statements for s in t.defines}
    named = replace(oracle, definitions=known)
    for number, (rule, line) in enumerate(lines):
        here = held if number >= opened else named
        yield rule, np.array([value_at(here, line, derivation.at, place) for place in places])


def matrix_values(point: Point, one: Jacobian, rng: np.random.Generator) -> Iterator[tuple[str, Array]]:
    """The lines of the derivation of H: the direction is the unit direction of the row throughout."""
    lines = [("", one.steps[0].before)] if one.steps else []
    lines += [(step.rule.name, step.after) for step in one.steps]
    array = point.case.arguments[one.wrt.name]
    oracle = with_direction(point, one, np.zeros(array.shape))
    shape = tuple(oracle.number(i.size) for i in one.rows)
    work = sum(entry_work(point, line, one.within) for _, line in lines)
    pairs = drawn_pairs(shape, min(MOST, max(FEWEST, STEP_WORK // max(1, work))), rng)
    oracles = [with_direction(point, one, unit_at(shape, row).reshape(array.shape)) for row, _ in pairs]
    for rule, line in lines:
        values = [value_at(o, line, one.at, (*a, *b)) for o, (a, b) in zip(oracles, pairs, strict=True)]
        yield rule, np.array(values)


def value_at(oracle: Oracle, line: Expr, at: Sequence[Index], place: Sequence[int]) -> float:
    return float(oracle.expr(line, dict(zip((i.name for i in at), place, strict=True))).real)
