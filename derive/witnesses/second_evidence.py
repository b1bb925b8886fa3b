"""What second derivatives are checked on: the Hessians, their code, cases and directions, each computed once."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

import numeric
from derive.calculus.jacobian import Jacobian, Refusal, hessians, jacobian
from derive.calculus.second import SecondOrder, second_order
from derive.core.layer import Equation, Layer, Symbol
from derive.core.terms import Expr
from derive.witnesses.check import FEW_LEADING, oracle_forward
from derive.witnesses.entries import Array, Place
from derive.witnesses.evidence import analytic, tupled
from derive.witnesses.interpret import interpret
from derive.witnesses.sampling import Case, axis_lengths, cases, evaluation_work, oracle_work, signed
from derive.witnesses.tally import Tally

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

    @cached_property
    def jacobians(self) -> list[Jacobian]:
        """Those of the first output, by every variable."""
        return [jacobian(self.layer, s.name, self.layer.outputs[0]) for s in self.layer.variables]

    @cached_property
    def generated_jacobians(self) -> Any:
        from derive.lowering.render import loaded, numpy_jacobian_source

        if len(self.layer.outputs) > 1:
            return None
        return loaded(f"{self.layer.name}_jacobians", numpy_jacobian_source(self.layer))

    def jacobian_symbol(self, one: Jacobian) -> Symbol:
        return Symbol(f"J_{one.wrt.name}")

    @property
    def values(self) -> list[Symbol]:
        names = [h.wrt.name for h in self.found]
        second = [f(name) for name in names for f in (self.product_symbol, self.matrix_symbol)]
        return [*second, *(Symbol(f"J_{s.name}") for s in self.layer.variables)]


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

    def slope(self, of: str, rows: Place, row: Place, by: str, columns: Place, column: Place) -> float:
        """One entry of a Jacobian, from values of the oracle's forward alone; leading axes are one."""
        smooth = analytic(self.case.layer)
        differentiate = numeric.complex_step_jvp if smooth else numeric.central_difference_jvp
        arrays = self.case.arguments
        direction = unit_at(columns, column).reshape(arrays[by].shape)
        try:
            moved = differentiate(
                oracle_forward(self.case), list(arrays.values()), [direction if n == by else None for n in arrays]
            )
        except ValueError:
            # No output is complex: none depends on the variable.
            return 0.0
        output = tupled(moved)[self.case.layer.outputs.index(of)]
        return float(np.asarray(output).reshape(rows)[row])

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


def numeric_row(layer: Layer) -> str:
    return "second order, numeric" + ("" if analytic(layer) else ", central")


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


def drawn_pairs(shape: tuple[int, ...], count: int, rng: np.random.Generator) -> list[tuple]:
    """Pairs of entries; half of them close to one another, where deltas are not 0."""
    places = [tuple(int(rng.integers(n)) for n in shape) for _ in range(2 * count)]
    pairs = list(zip(places[:count], places[count:], strict=True))
    return [(a, tuple(x if rng.random() < 0.6 else y for x, y in zip(a, b, strict=True))) if n % 2 else (a, b)
            for n, (a, b) in enumerate(pairs)]  # fmt: skip


def entry_work(point: Point, value: Expr, within: Layer) -> int:
    scalars = {**point.case.options, **point.case.sizes}
    lengths = axis_lengths(within, scalars) or {}
    return oracle_work(replace(within, statements=(Equation(Symbol("H"), value),)), lengths, scalars)
