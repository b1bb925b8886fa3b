"""Somebody's own handwritten backward, f(inputs…, cotangents…) -> gradients, against the witnesses.

At small sizes it is compared with numeric differentiation of the oracle's forward; at all sizes with the generated
backward, which is itself compared with numeric differentiation at small sizes first.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from derive.core.axes import LEADING_SIZE
from derive.core.layer import Layer
from derive.errors import CheckError, UsageError
from derive.loading import nearest
from derive.witnesses.check import compare, numeric_gradient
from derive.witnesses.entries import Array, Place
from derive.witnesses.evidence import Code, Evidence, analytic
from derive.witnesses.report import Report
from derive.witnesses.sampling import (
    DATA,
    WORK,
    Case,
    axis_lengths,
    choose_sizes,
    entry_count,
    filled_case,
    free_sizes,
    groups_of,
    oracle_work,
    sample,
)
from derive.witnesses.subject import Subject
from derive.witnesses.tally import Tally

# With more settings of the options than these, each of them gets less work.
SETTINGS = 3


def check_against(
    layer: Layer,
    function: Callable,
    *,
    dtype: str = "float64",
    sizes: Mapping[str, int] | None = None,
    seed: int = 0,
) -> Report:
    """Compare a handwritten backward of `layer` with the witnesses, on arrays of `dtype`.

    `function` takes the layer's arguments and the cotangents of its outputs, and returns the gradients in the order of
    the arguments: a tuple, or a bare array if there is one; options are passed as keywords where it accepts them. A
    scalar loss may leave its cotangent out. `sizes` fixes sizes of axes, which are small primes otherwise. Raises
    CheckError where the function cannot be called or does not return what it should.
    """
    evidence = Evidence(layer, seed)
    subject = Subject.of(evidence, function, dtype)
    chosen, notes = runnable_cases(subject, evidence, sizes or {})
    verify_generated(evidence, evidence.cases if sizes else chosen)
    for case in chosen:
        compare_case(evidence, subject, subject.given(case))
    return replace(evidence.tally.report(evidence.values), note=" ".join([*notes, *subject.notes()]))


def compare_case(evidence: Evidence, subject: Subject, case: Case) -> None:
    """Put the function's gradients beside those of each witness."""
    gradients, generated = subject.gradients(case), generated_gradients(evidence, case)
    references = {"generated code": (generated, subject.dtype)}
    if numeric_is_cheap(case):
        by_numbers = [numeric_gradient(case, wrt) for wrt in range(len(case.layer.variables))]
        coarse = subject.dtype == "float64" and not analytic(case.layer)
        row = "numeric differentiation, central" if coarse else subject.dtype
        references = {"numeric differentiation": (tuple(by_numbers), row), **references}
    size = largest_entry(generated)
    for witness, (reference, row) in references.items():
        for symbol, value, expected in zip(subject.symbols, gradients, reference, strict=True):
            compare(evidence.tally, witness, symbol, value, expected, case, row=row, size=size)


# cases


def runnable_cases(subject: Subject, evidence: Evidence, sizes: Mapping[str, int]) -> tuple[list[Case], list[str]]:
    """Cases with as many leading axes as the function can take: one, none or two; and a note if it is not one."""
    layer = subject.layer
    if LEADING_SIZE.name in sizes:
        return list(sized_cases(subject, evidence, sizes, (sizes[LEADING_SIZE.name],))), []
    groups = groups_of(layer)
    first = list(sized_cases(subject, evidence, sizes, groups[0]))
    if all(subject.runs(case) for case in first):
        return first, []
    for group in groups[1:]:
        found = list(sized_cases(subject, evidence, sizes, group))
        if all(subject.runs(case) for case in found):
            how = "without leading axes" if not group else f"with {len(group)} leading axes"
            return found, [f"{subject.name} was checked {how} only: with one it does not return the right shapes."]
    return first, []


def sized_cases(subject: Subject, evidence: Evidence, fixed: Mapping[str, int], group: Place) -> Iterator[Case]:
    """Cases of the sizes asked for: all settings of the options that the function knows, at small sizes; else one."""
    layer = subject.layer
    rng = np.random.default_rng(evidence.seed)
    settings = [case.options for case in evidence.cases] if subject.takes_options() and not fixed else [defaults(layer)]
    fixed = {name: n for name, n in fixed.items() if name != LEADING_SIZE.name}
    settings = unique(settings)
    work = math.inf if fixed else WORK / max(1, len(settings) / SETTINGS)
    for options in settings:
        sizes = choose_sizes(layer, options, group, rng, fixed=fixed, work=work)
        if sizes is None:
            given = ", ".join(f"{name}={n}" for name, n in fixed.items())
            raise CheckError(f"{layer.name}: an axis would be empty with {given}. Give other sizes.")
        if fixed:
            bounded(layer, {**sizes, **options})
            yield large_sample(evidence.generated, layer, sizes, group, options, rng)
        else:
            yield sample(layer, sizes, group, options, rng)


def bounded(layer: Layer, scalars: Mapping[str, Any]) -> None:
    """See to it that the arrays fit into memory."""
    lengths = axis_lengths(layer, scalars) or {}
    tensors = (*layer.arguments, *(s for statement in layer.statements for s in statement.defines))
    largest = max(tensors, key=lambda symbol: math.prod(lengths[i.size] for i in symbol.axes))
    entries = math.prod(lengths[i.size] for i in largest.axes)
    if entries > MAX_ENTRIES:
        raise UsageError(f"{layer.name}: {largest.name} would have {entries:,} entries. Give smaller --sizes.")


def defaults(layer: Layer) -> dict[str, Any]:
    return {s.name: s.default for s in layer.options}


def unique(settings: Sequence[Mapping]) -> list[Mapping]:
    return [options for n, options in enumerate(settings) if options not in settings[:n]]


def large_sample(code: Code, layer: Layer, sizes, group: Place, options, rng: np.random.Generator) -> Case:
    """As `sample`, with the generated forward in the place of the oracle."""
    for data in DATA:
        case = filled_case(layer, sizes, group, options, data, rng)
        with np.errstate(all="ignore"):
            if all(np.isfinite(output).all() for output in code.outputs(case)):
                return case
    raise CheckError(f"{layer.name}: it has no value on random data, positive data or data between 0 and 1, at {case}.")


def largest_entry(gradients: Sequence[Array]) -> float:
    """The size by which errors are measured, so that they show in small gradients too."""
    largest = max(float(np.abs(g).max(initial=0)) for g in gradients)
    return largest if 0 < largest < math.inf else 1.0


def numeric_is_cheap(case: Case) -> bool:
    scalars = {**case.sizes, **case.options}
    lengths = axis_lengths(case.layer, scalars) or {}
    return entry_count(case.layer, lengths) * oracle_work(case.layer, lengths, scalars) <= 2 * WORK


# the generated backward as a reference


def generated_gradients(evidence: Evidence, case: Case) -> tuple[Array, ...]:
    return evidence.generated.outputs_and_gradients(case, case.cotangents)[len(case.layer.outputs) :]


def verify_generated(evidence: Evidence, small: Sequence[Case]) -> None:
    """See to it that the generated backward may stand as a reference."""
    tally = Tally(evidence.layer.name)
    row = "numeric differentiation" + ("" if analytic(evidence.layer) else ", central")
    for case in small:
        generated = generated_gradients(evidence, case)
        for wrt, (symbol, gradient) in enumerate(zip(evidence.gradient_symbols, generated, strict=True)):
            compare(tally, "generated code", symbol, gradient, numeric_gradient(case, wrt), case, row=row)
    failures = tally.report(evidence.values).failures
    if failures:
        raise CheckError(f"{evidence.layer.name}: the generated {failures[0].value} is wrong itself. Run derive check.")


# the command line


def parse_sizes(layer: Layer, text: str) -> dict[str, int]:
    """`n=64,d=32` as numbers by name. Raises UsageError where the layer has no such size."""
    known = free_sizes(layer) + ([LEADING_SIZE.name] if layer.has_leading else [])
    sizes: dict[str, int] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        name, _, number = (p.strip() for p in part.partition("="))
        if name not in known:
            raise UsageError(f"--sizes {part}: {layer.name} has no size {name!r}. {nearest(name, known)}")
        if not number.isdecimal() or not 0 < int(number) <= MAX_SIZE:
            raise UsageError(f"--sizes {part}: a size is an integer from 1 to {MAX_SIZE}, as in {name}=64.")
        sizes[name] = int(number)
    return sizes


MAX_SIZE = 1_000_000
MAX_ENTRIES = 50_000_000
