"""One layer through the whole line: derived, printed, read back, lowered, and everything compared with the oracle."""

from __future__ import annotations

import warnings
from collections import defaultdict

import numpy as np
from latex_reader import evaluate_index

import numeric
from derive.calculus.deltas import within
from derive.calculus.derivation import gradients
from derive.core.atoms import Read
from derive.core.axes import LEADING, LEADING_SIZE
from derive.core.names import latex_of
from derive.core.traverse import atoms, bound_indices
from derive.lowering.render import compiled
from derive.printers.latex import index_latex
from derive.printers.text import index_text
from derive.witnesses.check import numeric_gradient
from derive.witnesses.entries import evaluated
from derive.witnesses.evidence import Code, all_saves, analytic
from derive.witnesses.interpret import interpret
from derive.witnesses.sampling import cases

# How many factors the oracle may evaluate for one numeric gradient, and how many cases of sizes there are.
WORK = 3000
CASES = 2
# Where there is a condition on data or an absolute value, central differences take the place of the complex step.
TOLERANCES = {True: 1e-9, False: 2e-6}


def through_the_line(layer):
    derived = gradients(layer)
    code = Code.of(compiled(layer), layer.name)
    for case in cases(layer, 0, WORK, first=CASES)[:CASES]:
        values = all_values(derived, case)
        found = [values[name] for name in derived.backward.outputs]
        for number, (value, name) in enumerate(zip(found, derived.backward.outputs, strict=True)):
            agree(value, numeric_gradient(case, number), TOLERANCES[analytic(layer)], f"{name} at {case}")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            results = (*code.outputs(case), *code.outputs_and_gradients(case, case.cotangents))
        for result, value in zip(results, (*case.outputs, *case.outputs, *found), strict=True):
            agree(result, value, 1e-10, f"generated code at {case}")
        print_and_read_back(derived, values, case)


def all_values(derived, case):
    """Everything that the layer and its backward layer name, by the oracle."""
    forward = interpret(case.layer, case.arguments, case.options, all_saves(derived))
    cotangents = derived.backward.arguments[len(derived.backward.arguments) - len(case.cotangents) :]
    known = {**forward, **{s.name: v for s, v in zip(cotangents, case.cotangents, strict=True)}}
    residuals = {s.name: known[s.name] for s in derived.backward.arguments}
    return known | interpret(derived.backward, residuals, case.options)


def agree(actual, expected, tolerance, what):
    found = numeric.compare(actual, expected, tolerance=tolerance, floor=1e-2)
    assert found.ok, f"{what}: {found}"


# print


def print_and_read_back(derived, values, case):
    """Every equation is printed, as text and as LaTeX; what is printed has the value that it stands for."""
    names = derived.names
    spelled = {name: symbol.latex or latex_of(name) for name, symbol in names.items()}
    arrays = {spelled[n]: flat(values[n], s) for n, s in names.items() if s.axes and n in values}
    scalars = {spelled[n]: float(values[n]) for n, s in names.items() if not s.axes and n in values}
    scalars |= {spelled.get(n, n): float(v) for n, v in {**case.sizes, **case.options}.items()}
    scalars |= {r"\pi": np.pi, r"|\ell|": float(case.sizes.get(LEADING_SIZE.name, 1))}
    for equation in (*derived.layer.equations, *derived.backward.equations):
        symbol = equation.symbol
        assert index_text(equation.expr, names, free=symbol.axes)
        index_text(equation.expr, names, ascii=True, free=symbol.axes).encode("ascii")
        text = index_latex(equation.expr, names, free=symbol.axes)
        if readable(equation, names):
            free = [spelled_index(i.name) for i in symbol.axes]
            value = evaluate_index(text, free, arrays, index_lengths(equation, case), scalars)
            agree(value, flat(values[symbol.name], symbol), 1e-9, text)


def readable(equation, names):
    """Can the reader read it? It takes a plain index to run over the whole axis, and a letter to have one meaning."""
    reads = [a for a in atoms(equation.expr) if isinstance(a, Read) and a.at]
    plain = all(
        within(Read(r.tensor, (place,)), (axis,))
        for r in reads
        for place, axis in zip(r.at, names[r.tensor].axes, strict=True)
        if place.plain is not None
    )
    letters = {i.name for i in (*equation.symbol.axes, *bound_indices(equation.expr))}
    return plain and letters.isdisjoint(names)


def flat(array, symbol):
    """All leading axes as one."""
    own = sum(not axis.leading for axis in symbol.axes)
    return np.reshape(array, (-1, *array.shape[array.ndim - own :])) if own < len(symbol.axes) else array


def spelled_index(name):
    return r"\ell" if name == LEADING.name else latex_of(name)


def index_lengths(equation, case):
    """How far the indices of an equation run, also those that the printer tells apart from others by a number."""
    scalars = {**case.options, **case.sizes}
    lengths = defaultdict(set)
    for index in (*equation.symbol.axes, *bound_indices(equation.expr)):
        for name in (index.name, *(f"{index.name}_{number}" for number in range(1, 4))):
            lengths[spelled_index(name)].add(int(evaluated(index.size, scalars)))
    # An index that is read plainly tells its length itself.
    return {name: min(found) for name, found in lengths.items() if len(found) == 1}
