"""The witnesses side by side: independent ways to compute the same value, compared on small random cases.

    generated code           against the oracle, in float64 and in float32
    handwritten code         `numeric`, where it has the layer, against the oracle
    blockwise code           the code of its blockwise form, where it has one, for blocks of several sizes
    numeric differentiation  of the oracle's forward, against the derived gradient
    inner products           ⟨Jᵀv, u⟩ from the generated code, ⟨v, Ju⟩ from the oracle's forward
    exact arithmetic         for rational layers, in fractions: equality
    steps                    the lines of each derivation, one after the other, all of one value

No tolerance depends on how large the arrays are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np

import numeric
from derive.calculus.derivation import forget
from derive.core.layer import Layer, Symbol
from derive.witnesses.code import (
    blockwise_code,
    blockwise_float32,
    compare,
    compare_code,
    generated_code,
    generated_float32,
    handwritten_code,
)
from derive.witnesses.entries import Array
from derive.witnesses.evidence import Code, Evidence, analytic, derived_gradients, tupled
from derive.witnesses.exact import exact_gradient, rational
from derive.witnesses.interpret import interpret
from derive.witnesses.replay import replay, step_values
from derive.witnesses.report import Report
from derive.witnesses.sampling import DRAWS, Case, cases, evaluation_work, fractions, largest_value
from derive.witnesses.satisfied import satisfying
from derive.witnesses.tally import TOLERANCES, entry_name

# How many factors the oracle may evaluate for all gradients by numbers of a layer: about a second. At least so many
# entries are found of each gradient in each case.
GRADIENT_WORK = 300_000
FEWEST_ENTRIES = 4
EXACT_WORK = 20_000
EXACT_CASES = 3
STEP_WORK = 20_000
STEP_CASES = 2
# Leading axes where the work is more than for one numeric gradient.
FEW_LEADING = ((), (2,))


def check_layer(
    layer: Layer, seed: int = 0, *, module: Any = None, progress: Callable[[str], None] = lambda _: None
) -> Report:
    """Put every witness that applies to `layer` to the test, on data drawn with `seed`.

    `module` holds the three functions to check in place of the generated ones; `progress` is told each witness as its
    turn comes. Raises CheckError where no case can be found.
    """
    # What was derived before, perhaps from another table of primitives, does not vouch for what is derived now.
    forget()
    evidence = Evidence(layer, seed, module)
    for name, witness in WITNESSES.items():
        progress(name)
        witness(evidence)
    return evidence.tally.report(evidence.values)


# derivatives by numbers


def oracle_forward(case: Case) -> Callable[..., tuple[Array, ...]]:
    """The oracle's forward as a function of arrays; its outputs are complex where an argument is."""

    def forward(*arrays: Array) -> tuple[Array, ...]:
        values = interpret(case.layer, dict(zip(case.arguments, arrays, strict=True)), case.options)
        kind = complex if any(map(np.iscomplexobj, arrays)) else float
        return tuple(values[name].astype(kind) for name in case.layer.outputs)

    return forward


def numeric_gradient(case: Case, wrt: int) -> Array:
    """The gradient of ⟨cotangents, outputs⟩ by one variable, from values of the oracle's forward alone."""
    name = case.layer.variables[wrt].name
    return numeric_entries(case, wrt, np.arange(case.arguments[name].size)).reshape(case.arguments[name].shape)


def numeric_entries(case: Case, wrt: int, entries: Array) -> Array:
    """Some entries of the gradient, by their numbers in the flattened variable."""
    differentiate = numeric.complex_step if analytic(case.layer) else numeric.central_difference
    arrays = list(case.arguments.values())
    place = list(case.arguments).index(case.layer.variables[wrt].name)
    forward = oracle_forward(case)

    def moved(values: Array) -> tuple[Array, ...]:
        whole = arrays[place].astype(values.dtype)
        whole.flat[entries] = values
        return forward(*arrays[:place], whole, *arrays[place + 1 :])

    return differentiate(moved, [arrays[place].ravel()[entries]], 0, case.cotangents)


def numeric_differentiation(evidence: Evidence) -> None:
    """Every entry of small gradients, of large ones some that are drawn."""
    witness = "numeric differentiation"
    row = witness if analytic(evidence.layer) else f"{witness}, central"
    rng = np.random.default_rng(evidence.seed)
    for case, derived in zip(evidence.cases, evidence.derived, strict=True):
        count = entries_by_numbers(evidence, case)
        for wrt, (symbol, gradient) in enumerate(zip(evidence.gradient_symbols, derived, strict=True)):
            entries = np.sort(rng.permutation(gradient.size)[:count])
            expected = np.array(gradient, dtype=float)
            expected.flat[entries] = numeric_entries(case, wrt, entries)
            compare(evidence.tally, witness, symbol, gradient, expected, case, row=row)


def entries_by_numbers(evidence: Evidence, case: Case) -> int:
    """How many entries of each gradient can be found by numbers in the time that a layer has for that."""
    work = GRADIENT_WORK // (len(evidence.cases) * len(evidence.gradient_symbols))
    return max(FEWEST_ENTRIES, work // max(1, evaluation_work(case) * (1 if analytic(evidence.layer) else 5)))


def inner_products(evidence: Evidence) -> None:
    """One variable moves at a time, so that a failure names its gradient."""
    rng, code = np.random.default_rng(evidence.seed), evidence.generated
    for case in evidence.cases:
        for wrt, symbol in enumerate(evidence.gradient_symbols):
            try:
                found = inner_product(code, case, wrt, rng)
            except Exception as error:
                evidence.tally.broke("inner products", [symbol], error, case)
                continue
            if found.checked:
                detail = f"⟨Jᵀv, u⟩ is {found.actual_value:.10g} but ⟨v, Ju⟩ is {found.expected_value:.10g}, at {case}"
                evidence.tally.add("inner products", symbol, found.error, found.tolerance, found.ok, detail)


def inner_product(code: Code, case: Case, wrt: int, rng: np.random.Generator) -> numeric.Comparison:
    arrays = list(case.arguments.values())
    place = list(case.arguments).index(case.layer.variables[wrt].name)
    smooth = analytic(case.layer)

    def forward(moved: Array) -> tuple[Array, ...]:
        return oracle_forward(case)(*arrays[:place], moved, *arrays[place + 1 :])

    def backward(cotangents: Any) -> Array:
        values = code.outputs_and_gradients(case, tupled(cotangents))
        return values[len(case.layer.outputs) + wrt]

    return numeric.inner_product_test(
        forward,
        backward,
        [arrays[place]],
        rng=rng,
        jvp=numeric.complex_step_jvp if smooth else numeric.central_difference_jvp,
        tolerance=TOLERANCES["inner products" if smooth else "inner products, central"][0],
        trials=1,
    )


# exact arithmetic


def exact_arithmetic(evidence: Evidence) -> None:
    """The backward layer in fractions against dual numbers through the forward layer: no tolerance."""
    if not (rational(evidence.layer) and rational(evidence.gradients.backward)):
        return
    rng = np.random.default_rng(evidence.seed)
    for case in cases(evidence.layer, evidence.seed, EXACT_WORK, FEW_LEADING, first=EXACT_CASES):
        drawn = (exact_case(case, rng) for _ in range(DRAWS))
        exact = next((case for case in drawn if largest_value(case) < math.inf), None)
        if exact is not None:
            compare_exactly(evidence, exact)


def exact_case(case: Case, rng: np.random.Generator) -> Case:
    """A case of the same shapes in fractions."""
    options = {name: value if isinstance(value, int) else Fraction(str(value)) for name, value in case.options.items()}
    arguments = {s.name: exact_data(s, case.arguments[s.name], rng) for s in case.layer.arguments}
    return Case(
        case.layer,
        case.sizes,
        options,
        satisfying(case.layer, arguments, {**options, **case.sizes}),
        tuple(fractions(array.shape, rng) for array in case.cotangents),
    )


def exact_data(symbol: Symbol, array: Array, rng: np.random.Generator) -> Array:
    return array if symbol.into is not None else fractions(array.shape, rng)


def compare_exactly(evidence: Evidence, case: Case) -> None:
    derived = derived_gradients(evidence.gradients, case)
    names = (s.name for s in case.layer.variables)
    for name, symbol, gradient in zip(names, evidence.gradient_symbols, derived, strict=True):
        expected = exact_gradient(case.layer, case.arguments, case.options, name, case.cotangents)
        differences = abs(gradient - expected)
        worst = np.unravel_index(int(np.argmax(differences)), np.shape(differences))
        place: Sequence[int] = [int(n) for n in worst]
        detail = f"{entry_name(symbol, place)} is {gradient[worst]} instead of {expected[worst]}, at {case}"
        error = float(np.max(differences))
        evidence.tally.add("exact arithmetic", symbol, error, 0.0, error == 0, detail)


# steps


def steps(evidence: Evidence) -> None:
    """Every line of every derivation against the line before."""
    for case in cases(evidence.layer, evidence.seed, STEP_WORK, FEW_LEADING, first=STEP_CASES):
        oracle = replay(evidence.gradients, case)
        for derivation in evidence.gradients.derivations.values():
            values = step_values(derivation, oracle)
            for step, (before, after) in zip(derivation.steps, pairwise(values), strict=True):
                where = f"{case}, after the step {step.rule.name!r}"
                compare(evidence.tally, "steps", derivation.symbol, after, before, where)


WITNESSES: dict[str, Callable[[Evidence], None]] = {
    "generated code": generated_code,
    "generated code, float32": generated_float32,
    "handwritten code": handwritten_code,
    "blockwise code": blockwise_code,
    "blockwise code, float32": blockwise_float32,
    "numeric differentiation": numeric_differentiation,
    "inner products": inner_products,
    "exact arithmetic": exact_arithmetic,
    "steps": steps,
}

__all__ = ["WITNESSES", "check_layer", "compare", "compare_code"]
