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
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

import numeric
from derive.calculus.derivation import forget
from derive.calculus.jacobian import Refusal, forget_matrices
from derive.calculus.second import forget_second
from derive.core.layer import Layer
from derive.witnesses.check import compare
from derive.witnesses.entries import Array
from derive.witnesses.evidence import analytic, moved_options, tupled, typed
from derive.witnesses.interpret import interpret
from derive.witnesses.report import Report
from derive.witnesses.sampling import signed
from derive.witnesses.second_entries import jacobian_entries, matrices
from derive.witnesses.second_evidence import (
    SecondEvidence,
    drawn_places,
    entries_by_numbers,
    numeric_row,
    unit_at,
)
from derive.witnesses.second_steps import steps
from derive.witnesses.tally import TOLERANCES


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


WITNESSES: dict[str, Callable[[SecondEvidence], None]] = {
    "numeric differentiation": numeric_differentiation,
    "gradient, moved": gradient_moved,
    "printed product": printed_product,
    "generated code": generated_code,
    "matrices": matrices,
    "Jacobians": jacobian_entries,
    "symmetry": symmetry,
    "steps": steps,
}
