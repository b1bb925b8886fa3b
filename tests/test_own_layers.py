"""Layers of somebody's own go through the whole line: every witness, both notations, steps, text and NumPy."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import own_layers
import own_values
import pytest

import derive
from derive.cli import main
from derive.core.layer import Layer
from derive.loading import load_all
from derive.witnesses.sampling import cases

FILE = Path(own_layers.__file__)
LAYERS = {layer.name: layer for layer in load_all(str(FILE))}

WITNESSES = {"generated code", "generated code, float32", "numeric differentiation", "inner products", "steps"}


def test_there_are_many():
    assert len(LAYERS) >= 20
    assert all(isinstance(layer, Layer) for layer in LAYERS.values())


@pytest.mark.parametrize("name", LAYERS)
def test_it_means_what_its_author_meant(name):
    """The oracle's forward is what the author has written in NumPy."""
    for case in cases(LAYERS[name], seed=3):
        values = getattr(own_values, name)(*case.arguments.values(), **case.options)
        for value, expected in zip(case.outputs, values if isinstance(values, tuple) else (values,), strict=True):
            np.testing.assert_allclose(value, expected, rtol=1e-9, atol=1e-9, err_msg=str(case))


@pytest.mark.parametrize("name", LAYERS)
def test_every_witness_agrees(name):
    report = derive.check(LAYERS[name])
    assert report.ok, f"\n{report}"
    assert {check.witness for check in report.checks} >= WITNESSES
    gradients = {f"d{symbol.name}" for symbol in LAYERS[name].arguments}
    assert {check.value for check in report.checks} >= gradients


@pytest.mark.parametrize("name", LAYERS)
def test_it_is_shown(name):
    text = derive.show(LAYERS[name])
    for symbol in LAYERS[name].arguments:
        assert f"d{symbol.name}" in text
    derive.show(LAYERS[name], ascii=True).encode("ascii")


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("notation", ["matrix", "index"])
def test_it_is_typeset(name, notation):
    for steps in (False, True):
        text = derive.latex(LAYERS[name], notation=notation, steps=steps)
        assert text.count("{") == text.count("}")
        assert text.count(r"\begin{") == text.count(r"\end{") > 0
    assert r"\documentclass" in derive.latex(LAYERS[name], notation=notation, steps=True, document=True)


@pytest.mark.parametrize("name", LAYERS)
def test_code_in_a_hurry(name):
    """The generated module alone: it imports nothing of the generator's, and rejects an argument that is too flat."""
    source = derive.numpy_source(LAYERS[name])
    assert "import derive" not in source and "from derive" not in source
    function = getattr(derive.compiled(LAYERS[name]), name)
    shaped = [symbol for symbol in LAYERS[name].arguments if any(not axis.leading for axis in symbol.axes)]
    if shaped:
        arguments = [np.zeros(()) for _ in LAYERS[name].arguments]
        with pytest.raises(ValueError, match=name):
            function(*arguments)


def test_on_the_command_line(tmp_path, capsys):
    """A file of somebody's own stands wherever a layer's name does."""
    spec = f"{FILE}:gated_unit"
    for command in (["show", spec], ["latex", spec, "--steps"], ["numpy", spec], ["check", spec]):
        assert main(command) == 0
        assert capsys.readouterr().out
    assert main(["check", spec, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ok"] is True
