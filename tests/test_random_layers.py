"""Random layers through the whole line: none may raise, and every value agrees with the oracle and its derivatives.

DERIVE_RANDOM_LAYERS says how many valid ones are drawn (200 if it is not set), DERIVE_RANDOM_SEED makes them others.
"""

from __future__ import annotations

import os
import warnings
from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from latex_reader import evaluate_index
from strategies import MISTAKES, layers, spoiled_layers
from strategies.layers import shares
from strategies.source import build

import numeric
from derive.axes import LEADING_SIZE
from derive.check import numeric_gradient
from derive.derivation import gradients
from derive.errors import DeriveError
from derive.evidence import Code, analytic
from derive.names import latex_of
from derive.printers.latex import index_latex
from derive.printers.text import index_text
from derive.render import compiled
from derive.replay import replay
from derive.sampling import cases

COUNT = int(os.environ.get("DERIVE_RANDOM_LAYERS", "200"))
SEED = os.environ.get("DERIVE_RANDOM_SEED")
# How many factors the oracle may evaluate for one numeric gradient, and how many cases of sizes there are.
WORK = 3000
CASES = 2
# Where there is a condition on data or an absolute value, central differences take the place of the complex step.
TOLERANCES = {True: 1e-9, False: 2e-6}
LEAST_SHARE = 20
SHARES = ("affine reads", "conditions", "a tensor read twice", "several equations", "a sublayer")

drawing = settings(
    database=None,
    deadline=None,
    derandomize=SEED is None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate, Phase.shrink],
    print_blob=False,
)


def seeded(test):
    return test if SEED is None else seed(int(SEED))(test)


def test_random_layers(capsys):
    """Valid layers derive, print, lower and agree; the shares of what they contain are printed."""
    found: Counter[str] = Counter()

    @seeded
    @settings(drawing, max_examples=COUNT)
    @given(layers())
    def drive(drawn):
        layer = build(drawn.text)
        through_the_line(layer)
        found.update(shares(drawn, layer), drawn=1)

    drive()
    total = found["drawn"]
    percent = {name: round(100 * count / total) for name, count in found.most_common() if name != "drawn"}
    with capsys.disabled():
        print(f"\n{total} random layers: " + ", ".join(f"{name} {share} %" for name, share in percent.items()))
    assert total >= COUNT
    assert all(percent[name] >= LEAST_SHARE for name in SHARES), percent


def through_the_line(layer):
    derived = gradients(layer)
    code = Code.of(compiled(layer), layer.name)
    print_everything(derived)
    for case in cases(layer, 0, WORK)[:CASES]:
        values = replay(derived, case)
        names = [symbol.name for symbol in derived.backward.output_symbols]
        found = [array(values, name) for name in names]
        for number, (name, value) in enumerate(zip(names, found, strict=True)):
            agree(value, numeric_gradient(case, number), TOLERANCES[analytic(layer)], f"{name} at {case}")
        shaped = [np.reshape(v, case.arguments[s.name].shape) for v, s in zip(found, layer.arguments, strict=True)]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            results = (*code.outputs(case), *code.outputs_and_gradients(case, case.cotangents))
        for result, value in zip(results, (*case.outputs, *case.outputs, *shaped), strict=True):
            agree(result, value, 1e-10, f"generated code at {case}")
        read_back(derived, values, case)


def array(values, name):
    entries = values.tensors[name]
    shape = tuple(max(axis) + 1 for axis in zip(*entries, strict=True))
    return np.array(list(entries.values()), dtype=float).reshape(shape)


def agree(actual, expected, tolerance, what):
    found = numeric.compare(np.reshape(actual, np.shape(expected)), expected, tolerance=tolerance, floor=1e-2)
    assert found.ok, f"{what}: {found}"


def print_everything(derived):
    """Every equation of the gradients as LaTeX and as text."""
    for equation in derived.backward.equations:
        latex = index_latex(equation.expr, derived.names, free=equation.symbol.axes)
        assert latex and latex.count("{") == latex.count("}")
        assert index_text(equation.expr, derived.names, free=equation.symbol.axes)
        index_text(equation.expr, derived.names, ascii=True, free=equation.symbol.axes).encode("ascii")


def read_back(derived, values, case):
    """The printed LaTeX of every gradient has its value."""
    names = derived.names
    spelled = {name: symbol.latex or latex_of(name) for name, symbol in names.items()}
    scalars = {spelled[n]: float(e[()]) for n, e in values.tensors.items() if n in names and () in e}
    scalars |= {r"\pi": np.pi, r"|\ell|": float(case.sizes.get(LEADING_SIZE.name, 1))}
    arrays = {spelled[n]: array(values, n) for n, e in values.tensors.items() if n in names and () not in e}
    lengths = {i.name: int(values.number(i.size)) for s in names.values() for i in s.axes}
    sizes = {r"\ell" if n == "..." else latex_of(n): length for n, length in lengths.items()}
    for equation in derived.backward.equations:
        free = [r"\ell" if i.leading else latex_of(i.name) for i in equation.symbol.axes]
        text = index_latex(equation.expr, names, free=equation.symbol.axes)
        agree(evaluate_index(text, free, arrays, sizes, scalars), array(values, equation.symbol.name), 1e-9, text)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_random_mistakes(mistake):
    """A layer with a mistake is refused, and by an error that is meant for the person who made it."""
    texts = set()

    @seeded
    @settings(drawing, max_examples=max(10, COUNT // 20))
    @given(spoiled_layers(mistake))
    def drive(spoiled):
        texts.add(spoiled.text)
        with pytest.raises(DeriveError) as caught:
            build(spoiled.text)
        assert str(caught.value).endswith((".", "…"))
        assert "object at 0x" not in str(caught.value)

    drive()
    assert len(texts) >= 8


def test_seeds_give_other_layers():
    """The generator does not draw the same layer over and over."""
    texts = set()

    @settings(drawing, max_examples=100)
    @given(layers())
    def collect(drawn):
        texts.add(drawn.text)

    collect()
    assert len(texts) >= 90
