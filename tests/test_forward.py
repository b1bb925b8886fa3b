"""Forward mode: tangents in textbook form, and against numbers from the oracle's forward; calls written out."""

from __future__ import annotations

import numpy as np
import pytest

import numeric
from derive import compiled, gradients, jvp, load, show
from derive.calculus.inline import inlined
from derive.core.layer import Call
from derive.loading import all_layers
from derive.witnesses.check import oracle_forward
from derive.witnesses.evidence import analytic, tupled
from derive.witnesses.interpret import interpret
from derive.witnesses.sampling import cases

SLOW = {"cnn", "transformer_block"}


@pytest.mark.parametrize(
    "name, line",
    [
        ("linear", "tY = tX W + X tW + 1 tbᵀ"),
        ("softmax", "tP = P ⊙ (tS - (P ⊙ tS) 1 1ᵀ)"),
        ("attention", "tO = P tV + tP V"),
        ("tanh", "tY = tX ⊙ (1 - Y^{⊙2})"),
    ],
)
def test_tangents_print_in_textbook_form(name, line):
    assert line in [text.strip() for text in show(jvp(load(name))).splitlines()]


@pytest.mark.parametrize("name", all_layers())
def test_tangents_agree_with_numbers(name):
    layer = load(name)
    of = jvp(layer)
    whole = of.tangent_layer()
    case = cases(layer, 0, 20_000, ((), (2,)), first=1)[0]
    rng = np.random.default_rng(0)
    u = {n: rng.normal(size=case.arguments[n].shape) for n in of.directions}
    given = {**case.arguments, **{of.directions[n].name: u[n] for n in u}}
    values = interpret(whole, given, case.options)
    differentiate = numeric.complex_step_jvp if analytic(layer) else numeric.central_difference_jvp
    found = tupled(
        differentiate(oracle_forward(case), list(case.arguments.values()), [u.get(n) for n in case.arguments])
    )
    run = getattr(compiled(of), f"{name}_jvp")
    returned = tupled(run(*given.values(), **case.options))
    for place, (output, expected) in enumerate(zip(whole.outputs, found, strict=True)):
        known = ~np.isnan(expected)
        actual = np.asarray(values[output], float)
        np.testing.assert_allclose(actual[known], np.asarray(expected)[known], rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(returned[len(found) + place], actual, rtol=1e-9, atol=1e-10)


def test_tangents_of_some_arguments_only():
    of = jvp(load("linear"), ["W"])
    assert list(of.directions) == ["W"]
    assert "tY = X tW" in show(of)


@pytest.mark.parametrize("name", [n for n, layer in all_layers().items() if n not in SLOW])
def test_calls_written_out_have_the_same_values(name):
    layer = load(name)
    whole = inlined(layer)
    assert not any(isinstance(s, Call) for s in whole.statements)
    if whole is layer:
        return
    case = cases(layer, 0, 20_000, ((), (2,)), first=1)[0]
    values = interpret(whole, case.arguments, case.options)
    for output, expected in zip(whole.outputs, case.outputs, strict=True):
        np.testing.assert_allclose(values[output], expected, rtol=1e-12)
    assert len(gradients(whole).backward.outputs) == len(layer.variables)
