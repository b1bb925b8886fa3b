"""The witnesses of second derivatives: H u and H against numbers that come from the oracle's forward alone.

    numeric differentiation  ⟨v, H u⟩ as the difference quotient along u of ∂⟨G, Y⟩/∂v, itself found by numbers
    gradient, moved          H u as the derivative by numbers of the interpreted gradient layer
    printed product          the H u that is printed against that of all variables together
    generated code           L_hvp and L_hessian against the interpreted equations
    symmetry                 ⟨v, H u⟩ = ⟨u, H v⟩, and H[α, β] = H[β, α]
    steps                    the lines of both derivations, one after the other

Where a layer is analytic the inner derivative is a complex step, and the quotient loses little to rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

import numeric
from derive.calculus.derivation import forget
from derive.calculus.jacobian import Jacobian, Refusal, forget_matrices, hessians
from derive.calculus.second import SecondOrder, forget_second, second_order
from derive.core.axes import Index
from derive.core.layer import Equation, Layer, Symbol
from derive.core.terms import Expr
from derive.errors import LoweringError
from derive.witnesses.check import FEW_LEADING, compare, oracle_forward
from derive.witnesses.entries import Array, entries_of
from derive.witnesses.evidence import analytic, moved_options, tupled, typed
from derive.witnesses.interpret import Oracle, interpret, oracle_of
from derive.witnesses.replay import first_definition
from derive.witnesses.report import Report
from derive.witnesses.sampling import Case, axis_lengths, cases, evaluation_work, oracle_work, signed
from derive.witnesses.tally import TOLERANCES, Tally

# How many factors the oracle may evaluate for each kind of evidence of a layer.
WORK, ENTRY_WORK, STEP_WORK = 60_000, 60_000, 60_000
CASES, FEWEST, MOST = 2, 2, 12
# The step of a difference quotient of fourth order: it errs by h⁴, and by rounding over h.
STEP, WIDE_STEP = 2.0**-11, 2.0**-7
# What two steps may differ by, relative to the value, before a kink is suspected.
KINK = 1e-3


@dataclass
class SecondEvidence:
    """A layer with its second derivatives; `module` stands in for the generated one."""

    layer: Layer
    seed: int = 0
    module: Any = None
    tally: Tally = field(init=False)

    def __post_init__(self) -> None:
        self.tally = Tally(self.layer.name)

    @cached_property
    def found(self) -> list[Jacobian]:
        return [h for h in self.everything if isinstance(h, Jacobian)]

    @cached_property
    def everything(self) -> list[Jacobian | Refusal]:
        return hessians(self.layer)

    @cached_property
    def together(self) -> SecondOrder:
        """All variables at once, as the code has them."""
        from derive.lowering.render import together

        return second_order(self.layer, together(self.layer, [h.wrt.name for h in self.found]))

    @cached_property
    def generated(self) -> Any:
        from derive.lowering.render import compiled_second

        return self.module or compiled_second(self.layer)

    @cached_property
    def points(self) -> list[Point]:
        """Cases with a direction in each variable."""
        rng = np.random.default_rng(self.seed)
        drawn = cases(self.layer, self.seed, WORK, FEW_LEADING, first=CASES)[:CASES]
        return [
            Point(self.together, c, {s.name: signed(c.arguments[s.name].shape, rng) for s in self.layer.variables})
            for c in drawn
        ]

    def product_symbol(self, name: str) -> Symbol:
        return Symbol(f"H_{name} u", self.layer_symbol(name).axes)

    def matrix_symbol(self, name: str) -> Symbol:
        return Symbol(f"H_{name}")

    def layer_symbol(self, name: str) -> Symbol:
        return next(s for s in self.layer.arguments if s.name == name)

    @property
    def values(self) -> list[Symbol]:
        return [f(h.wrt.name) for h in self.found for f in (self.product_symbol, self.matrix_symbol)]


@dataclass(frozen=True)
class Point:
    """A case, and a direction for each variable."""

    second: SecondOrder
    case: Case
    directions: Mapping[str, Array]

    def __str__(self) -> str:
        return str(self.case)

    def given(self, second: SecondOrder, **moved: Array) -> dict[str, Array]:
        """The arguments of the gradient layer; the cotangent of a loss is 1."""
        cotangents = dict(zip((c.name for c in second.cotangents), self.case.cotangents, strict=False))
        return {**self.case.arguments, **cotangents, **moved}

    def along(self, second: SecondOrder, directions: Mapping[str, Array]) -> dict[str, Array]:
        return {second.directions[name].name: directions[name] for name in second.wanted}

    def products(self, second: SecondOrder, directions: Mapping[str, Array]) -> dict[str, Array]:
        """H u by variable, by interpreting its equations."""
        layer = second.product_layer()
        values = interpret(layer, {**self.given(second), **self.along(second, directions)}, self.case.options)
        return {name: values[output] for name, output in zip(second.wanted, layer.outputs, strict=True)}

    @cached_property
    def derived(self) -> dict[str, Array]:
        return self.products(self.second, self.directions)

    @cached_property
    def cotangents(self) -> tuple[Array, ...]:
        return (np.ones(()),) if self.case.layer.scalar else self.case.cotangents

    def quotient(self, v: Mapping[str, Array], u: Mapping[str, Array]) -> float:
        """⟨v, H u⟩ from values of the oracle's forward alone; NaN where a kink is near."""
        forward, names = oracle_forward(self.case), list(self.case.arguments)
        smooth = analytic(self.case.layer)
        differentiate = numeric.complex_step_jvp if smooth else numeric.central_difference_jvp

        def slope(t: float) -> float:
            at = [self.case.arguments[n] + t * u[n] if n in u else self.case.arguments[n] for n in names]
            moved = tupled(differentiate(forward, at, [v.get(n) for n in names]))
            return float(sum(np.sum(g * y) for g, y in zip(self.cotangents, moved, strict=True)))

        steps = (STEP,) if smooth else (WIDE_STEP, STEP)
        return next((d for d in (difference(slope, s, KINK) for s in steps) if not math.isnan(d)), math.nan)


def difference(function: Callable[[float], float], step: float, kink: float) -> float:
    """The derivative at 0, of fourth order, at two steps; NaN where these do not agree."""

    def at(h: float) -> float:
        return (8 * (function(h) - function(-h)) - (function(2 * h) - function(-2 * h))) / (12 * h)

    coarse, fine = at(step), at(step / 2)
    return fine if abs(coarse - fine) <= kink * max(1.0, abs(fine)) else math.nan


def check_second(
    layer: Layer, seed: int = 0, *, module: Any = None, progress: Callable[[str], None] = lambda _: None
) -> Report:
    """Put every witness of the second derivatives of a layer to the test, as `check_layer` does for gradients."""
    forget()
    forget_second()
    forget_matrices()
    evidence = SecondEvidence(layer, seed, module)
    if evidence.found:
        for name, witness in WITNESSES.items():
            progress(name)
            witness(evidence)
    report = evidence.tally.report(evidence.values)
    notes = [f"{layer.name}, {f.wrt}: {f.reason}" for f in evidence.everything if isinstance(f, Refusal)]
    return replace(report, note="\n".join(notes))


def numeric_row(layer: Layer) -> str:
    return "second order, numeric" + ("" if analytic(layer) else ", central")


def numeric_differentiation(evidence: SecondEvidence) -> None:
    """Some entries of every H u, in a direction in all variables together."""
    rng = np.random.default_rng(evidence.seed)
    for point in evidence.points:
        u = {name: point.directions[name] for name in point.second.wanted}
        for name, product in point.derived.items():
            expected = np.array(product, dtype=float)
            places = drawn_places(product.shape, entries_by_numbers(evidence, point), rng)
            for place in places:
                expected[place] = point.quotient({name: unit_at(product.shape, place)}, u)
            if all(math.isnan(expected[place]) for place in places):
                # A kink is near in this direction: other cases and witnesses see the value.
                continue
            compare(evidence.tally, "numeric differentiation", evidence.product_symbol(name), product, expected, point,
                    row=numeric_row(evidence.layer))  # fmt: skip


def entries_by_numbers(evidence: SecondEvidence, point: Point) -> int:
    each = evaluation_work(point.case) * 8 * (1 if analytic(evidence.layer) else 5)
    return min(MOST, max(FEWEST, WORK // max(1, each * len(evidence.found))))


def drawn_places(shape: tuple[int, ...], count: int, rng: np.random.Generator) -> list[tuple[int, ...]]:
    size = math.prod(shape)
    return [tuple(map(int, np.unravel_index(n, shape))) for n in np.sort(rng.permutation(size)[:count])]


def unit_at(shape: tuple[int, ...], place: tuple[int, ...]) -> Array:
    array = np.zeros(shape)
    array[place] = 1.0
    return array


def gradient_moved(evidence: SecondEvidence) -> None:
    """The derivative by numbers, along u, of the gradient that the interpreted equations give."""
    smooth = analytic(evidence.layer)
    for point in evidence.points:
        second = point.second
        names, outputs = list(second.wanted), second.gradient.outputs

        def gradient(*moved: Array, second=second, point=point, names=names, outputs=outputs) -> tuple[Array, ...]:
            given = point.given(second, **dict(zip(names, moved, strict=True)))
            values = interpret(second.gradient, given, point.case.options)
            kind = complex if any(map(np.iscomplexobj, moved)) else float
            return tuple(values[o].astype(kind) for o in outputs)

        differentiate = numeric.complex_step_jvp if smooth else numeric.central_difference_jvp
        constant = all(not second.products[n].result.terms for n in names)
        if constant and smooth:
            differentiate = numeric.central_difference_jvp
        at = [point.case.arguments[n] for n in names]
        found = tupled(differentiate(gradient, at, [point.directions[n] for n in names]))
        row = "gradient, moved" + ("" if smooth else ", central")
        for name, expected in zip(names, found, strict=True):
            compare(evidence.tally, "gradient, moved", evidence.product_symbol(name), point.derived[name], expected,
                    point, row=row)  # fmt: skip


def printed_product(evidence: SecondEvidence) -> None:
    """What is printed for one variable, against all together with directions of 0 in the others."""
    for point in evidence.points:
        for one in evidence.found:
            name = one.wrt.name
            if name not in point.second.wanted:
                continue
            others = {n: u if n == name else np.zeros_like(u) for n, u in point.directions.items()}
            expected = point.products(point.second, others)[name]
            assert one.second is not None
            actual = point.products(one.second, point.directions)[name]
            compare(evidence.tally, "printed product", evidence.product_symbol(name), actual, expected, point)


def generated_code(evidence: SecondEvidence) -> None:
    for dtype, witness in (("float64", "generated code"), ("float32", "generated code, float32")):
        for point in evidence.points:
            second = point.second
            symbols = [evidence.product_symbol(n) for n in second.wanted]
            try:
                function = getattr(evidence.generated, f"{evidence.layer.name}_hvp")
                given = [*point.given(second).values(), *point.along(second, point.directions).values()]
                found = tupled(function(*typed(given, dtype), **moved_options(point.case)))
                if len(found) != len(symbols):
                    raise ValueError(f"{len(found)} values come back instead of {len(symbols)}")
            except Exception as error:
                # Whatever the code under test raises is what the check has found.
                evidence.tally.broke(witness, symbols, error, point)
                continue
            for symbol, value, expected in zip(symbols, found, point.derived.values(), strict=True):
                if np.asarray(value).dtype != dtype:
                    evidence.tally.broke(witness, [symbol], f"it is {np.asarray(value).dtype}", point)
                row = witness if dtype == "float64" else "second order, float32"
                compare(evidence.tally, witness, symbol, value, expected, point, row=row)


# the entries of H


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


def drawn_pairs(shape: tuple[int, ...], count: int, rng: np.random.Generator) -> list[tuple]:
    """Pairs of entries; half of them close to one another, where deltas are not 0."""
    places = [tuple(int(rng.integers(n)) for n in shape) for _ in range(2 * count)]
    pairs = list(zip(places[:count], places[count:], strict=True))
    return [(a, tuple(x if rng.random() < 0.6 else y for x, y in zip(a, b, strict=True))) if n % 2 else (a, b)
            for n, (a, b) in enumerate(pairs)]  # fmt: skip


def entry(oracle: Oracle, one: Jacobian, row: Sequence[int], column: Sequence[int]) -> float:
    at = dict(zip((i.name for i in one.at), (*row, *column), strict=True))
    return float(oracle.expr(one.result, at).real)


def entry_work(point: Point, value: Expr, within: Layer) -> int:
    scalars = {**point.case.options, **point.case.sizes}
    lengths = axis_lengths(within, scalars) or {}
    return oracle_work(replace(within, statements=(Equation(Symbol("H"), value),)), lengths, scalars)


def _generated_matrix(
    evidence: SecondEvidence, point: Point, one: Jacobian, pairs: list[tuple], entries: Array, group: tuple[int, ...]
) -> None:
    """The arrays of L_hessian, put together as the documentation says."""
    from derive.lowering.second import parts_of

    try:
        parts = parts_of(one)
    except LoweringError:
        return
    symbol = evidence.matrix_symbol(one.wrt.name)
    suffix = "" if len(evidence.found) == 1 else f"_{one.wrt.name}"
    function = getattr(evidence.generated, f"{evidence.layer.name}_hessian{suffix}", None)
    if function is None:
        # The module says why there is none.
        return
    assert one.second is not None
    try:
        given = point.given(one.second).values()
        arrays = tupled(function(*typed(given, "float64"), **moved_options(point.case)))
        flat = [flattened(np.asarray(a), p.symbol, group) for a, p in zip(arrays, parts, strict=True)]
        found = np.array([assembled(flat, parts, one, a, b) for a, b in pairs])
    except Exception as error:
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


def symmetry(evidence: SecondEvidence) -> None:
    """⟨v, H u⟩ = ⟨u, H v⟩, with v in one variable at a time."""
    rng = np.random.default_rng(evidence.seed + 1)
    tolerance = TOLERANCES["inner products"][0]
    for point in evidence.points:
        for name in point.second.wanted:
            zeros = {n: np.zeros_like(u) for n, u in point.directions.items()}
            v = {**zeros, name: signed(point.directions[name].shape, rng)}
            back = point.products(point.second, v)
            left = float(np.sum(v[name] * point.derived[name]))
            right = float(sum(np.sum(point.directions[n] * back[n]) for n in back))
            error = abs(left - right) / max(1.0, abs(left), abs(right))
            detail = f"⟨v, Hu⟩ is {left:.10g} but ⟨u, Hv⟩ is {right:.10g}, at {point}"
            evidence.tally.add("symmetry", evidence.product_symbol(name), error, tolerance, error <= tolerance, detail)


# steps


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


WITNESSES: dict[str, Callable[[SecondEvidence], None]] = {
    "numeric differentiation": numeric_differentiation,
    "gradient, moved": gradient_moved,
    "printed product": printed_product,
    "generated code": generated_code,
    "matrices": matrices,
    "symmetry": symmetry,
    "steps": steps,
}
