"""The entries of H and of J, as they are printed: against numbers, each other, and the generated arrays."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from derive.calculus.jacobian import Jacobian
from derive.core.axes import Index
from derive.core.layer import Symbol
from derive.errors import LoweringError
from derive.witnesses.check import compare
from derive.witnesses.entries import Array
from derive.witnesses.evidence import analytic, moved_options, tupled, typed
from derive.witnesses.interpret import Oracle, oracle_of
from derive.witnesses.second_evidence import (
    ENTRY_WORK,
    FEWEST,
    MOST,
    Point,
    SecondEvidence,
    drawn_pairs,
    entries_by_numbers,
    entry_work,
    numeric_row,
    unit_at,
)


def matrices(evidence: SecondEvidence) -> None:
    """Some entries of H, as they are printed: against numbers, the entries opposite, and the generated arrays."""
    rng = np.random.default_rng(evidence.seed)
    for point in evidence.points:
        for one in evidence.found:
            if one.closed:
                _matrix(evidence, point, one, rng)


def _matrix(evidence: SecondEvidence, point: Point, one: Jacobian, rng: np.random.Generator) -> None:
    second = one.second
    assert second is not None
    symbol, name = evidence.matrix_symbol(one.wrt.name), one.wrt.name
    oracle, _ = oracle_of(second.gradient, point.given(second), point.case.options)
    shape = tuple(oracle.number(i.size) for i in one.rows)
    array_shape = point.case.arguments[name].shape
    count = min(MOST, max(FEWEST, ENTRY_WORK // max(1, entry_work(point, one.result, one.within))))
    pairs = drawn_pairs(shape, count, rng)
    entries = np.array([entry(oracle, one, a, b) for a, b in pairs])
    opposite = np.array([entry(oracle, one, b, a) for a, b in pairs])
    compare(evidence.tally, "symmetry", symbol, entries, opposite, point)
    few = pairs[: entries_by_numbers(evidence, point)]
    units = [tuple(unit_at(shape, p).reshape(array_shape) for p in pair) for pair in few]
    numbers = np.array([point.quotient({name: a}, {name: b}) for a, b in units])
    if not np.isnan(numbers).all():
        compare(evidence.tally, "numeric differentiation", symbol, entries[: len(few)], numbers, point,
                row=numeric_row(evidence.layer))  # fmt: skip
    _generated_matrix(evidence, point, one, pairs, entries, group_shape(array_shape, shape))


def group_shape(array: tuple[int, ...], flat: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of the leading axes, which the oracle has as one index."""
    return array[: len(array) - len(flat) + 1]


def entry(oracle: Oracle, one: Jacobian, row: Sequence[int], column: Sequence[int]) -> float:
    at = dict(zip((i.name for i in one.at), (*row, *column), strict=True))
    return float(oracle.expr(one.result, at).real)


def _generated_matrix(
    evidence: SecondEvidence, point: Point, one: Jacobian, pairs: list[tuple], entries: Array, group: tuple[int, ...]
) -> None:
    """The arrays of L_hessian, put together as the documentation says."""
    from derive.lowering.second import parts_of

    try:
        parts_of(one)
    except LoweringError:
        return
    symbol = evidence.matrix_symbol(one.wrt.name)
    suffix = "" if len(evidence.found) == 1 else f"_{one.wrt.name}"
    function = getattr(evidence.generated, f"{evidence.layer.name}_hessian{suffix}", None)
    if function is None:
        # The module says why there is none.
        return
    assert one.second is not None
    given = list(point.given(one.second).values())
    compare_arrays(evidence, point, one, symbol, function, given, pairs, entries, group)


def compare_arrays(
    evidence: SecondEvidence,
    point: Point,
    one: Jacobian,
    symbol: Symbol,
    function: Callable,
    given: Sequence[Array],
    pairs: Sequence[tuple],
    entries: Array,
    group: tuple[int, ...],
) -> None:
    """What a generated function gives, put together as its documentation says, against the printed entries."""
    from derive.lowering.second import parts_of

    parts = parts_of(one)
    try:
        arrays = tupled(function(*typed(given, "float64"), **moved_options(point.case)))
        flat = [flattened(np.asarray(a), p.symbol, group) for a, p in zip(arrays, parts, strict=True)]
        found = np.array([assembled(flat, parts, one, a, b) for a, b in pairs])
    except Exception as error:
        # Whatever the code under test raises is what the check has found.
        evidence.tally.broke("generated code", [symbol], error, point)
        return
    compare(evidence.tally, "generated code", symbol, found, entries, point)


def flattened(array: Array, symbol: Symbol, group: tuple[int, ...]) -> Array:
    """The leading axes as one."""
    if not symbol.axes or not symbol.axes[0].leading:
        return array
    return array.reshape(math.prod(group), *array.shape[array.ndim - len(symbol.axes) + 1 :])


def assembled(arrays: Sequence[Array], parts, one: Jacobian, row: Sequence[int], column: Sequence[int]) -> float:
    at: dict[Index, int] = dict(zip(one.at, (*row, *column), strict=True))
    return sum(
        float(array[tuple(at[i] for i in part.symbol.axes)])
        for array, part in zip(arrays, parts, strict=True)
        if all(at[r] == at[c] for r, c in part.deltas)
    )


# Jacobians


def jacobian_entries(evidence: SecondEvidence) -> None:
    """Some entries of every Jacobian: against numbers from the oracle's forward, and the generated arrays."""
    layer = evidence.layer
    if layer.scalar:
        return
    rng = np.random.default_rng(evidence.seed)
    for point in evidence.points:
        for one in evidence.jacobians:
            if one.closed:
                _jacobian(evidence, point, one, rng)


def _jacobian(evidence: SecondEvidence, point: Point, one: Jacobian, rng: np.random.Generator) -> None:
    case, name = point.case, one.wrt.name
    symbol = evidence.jacobian_symbol(one)
    oracle, _ = oracle_of(one.within, case.arguments, case.options)
    rows, columns = (tuple(oracle.number(i.size) for i in axes) for axes in (one.rows, one.columns))
    count = min(MOST, max(FEWEST, ENTRY_WORK // max(1, entry_work(point, one.result, one.within))))
    pairs = [(a, b) for a, b in zip(places(rows, count, rng), places(columns, count, rng), strict=True)]
    pairs = [(a, close_by(one, a, b)) if n % 2 else (a, b) for n, (a, b) in enumerate(pairs)]
    entries = np.array([entry(oracle, one, a, b) for a, b in pairs])
    few = pairs[: entries_by_numbers(evidence, point)]
    numbers = np.array([point.slope(one.of.name, rows, a, name, columns, b) for a, b in few])
    if not np.isnan(numbers).all():
        row = "numeric differentiation" + ("" if analytic(evidence.layer) else ", central")
        compare(evidence.tally, "numeric differentiation", symbol, entries[: len(few)], numbers, point, row=row)
    module, suffix = evidence.generated_jacobians, "" if len(evidence.jacobians) == 1 else f"_{name}"
    function = getattr(module, f"{evidence.layer.name}_jacobian{suffix}", None)
    if function is not None:
        group = group_shape(case.outputs[evidence.layer.outputs.index(one.of.name)].shape, rows)
        compare_arrays(evidence, point, one, symbol, function, list(case.arguments.values()), pairs, entries, group)


def places(shape: tuple[int, ...], count: int, rng: np.random.Generator) -> list[tuple[int, ...]]:
    return [tuple(int(rng.integers(n)) for n in shape) for _ in range(count)]


def close_by(one: Jacobian, row: tuple[int, ...], column: tuple[int, ...]) -> tuple[int, ...]:
    """The column moved to where the first deltas are not 0."""
    at = dict(zip(one.rows, row, strict=True))
    wanted = {c: at[r] for block in one.blocks[:1] for r, c in block.deltas}
    return tuple(wanted.get(i, n) for i, n in zip(one.columns, column, strict=True))
