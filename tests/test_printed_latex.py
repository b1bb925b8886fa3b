"""Every line that is printed is read back: it has the value and the shape that numeric differentiation gives."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import own_layers
import position_layers
import pytest
from latex_reader import ReaderError, evaluate_index, split_matrix
from printed import DERIVATIVE, OPERATOR, SEED, VARIANTS, faults_in_print, lines_of, printed, readings, wrong
from printed_layers import OWN, SECOND

from derive.calculus.derivation import gradients
from derive.core.layer import Call
from derive.loading import all_layers, load_all

CATALOGUE = all_layers()
# A person's own layer may be called like one of the catalogue.
NAMED = {layer.name: layer for file in (own_layers, position_layers) for layer in load_all(file.__file__)}
FROM_FILE = {f"own {name}" if name in CATALOGUE else name: layer for name, layer in NAMED.items()}
LAYERS = {**CATALOGUE, **FROM_FILE, **OWN, **SECOND}
assert len(LAYERS) == len(CATALOGUE) + len(FROM_FILE) + len(OWN) + len(SECOND), "two layers of one name"


@pytest.fixture(params=LAYERS, scope="module")
def name(request):
    """All tests of one layer in a row: they share what is read."""
    return request.param


def test_every_printed_line_has_the_value_and_shape_of_numeric_differentiation(name):
    assert any(DERIVATIVE.match(line.left) for line in lines_of(LAYERS[name]))
    assert not faults_in_print(LAYERS[name])


def test_every_argument_has_a_gradient_in_both_notations(name):
    layer = LAYERS[name]
    for notation, steps, document in VARIANTS:
        lefts = [line.left for line in printed(layer, notation, steps, document).lines]
        reading = readings(LAYERS[name])[0]
        entries = [m.group(2) if (m := DERIVATIVE.match(left)) else left for left in lefts]
        shown = {reading.codes.get(reading.named(entry)[0]) for entry in entries}
        for symbol in layer.variables:
            gradient = gradients(layer).derivations[symbol.name].symbol
            assert {symbol.name, gradient.name} & shown, f"no gradient by {symbol.name}"


def test_the_table_of_symbols_states_shapes(name):
    for reading in readings(LAYERS[name]):
        for entry, code, shape in reading.document.symbols:
            found = reading.value(code).shape
            sizes = () if shape == "number" else shape.split(r" \times ")
            stated = tuple(int(evaluate_index(s, (), {}, {}, reading.scalars)) for s in sizes)
            assert stated == found, f"{entry}: {shape}"


CALLERS = [name for name in LAYERS if any(isinstance(s, Call) for s in LAYERS[name].statements)]


@pytest.mark.parametrize("name", CALLERS)
def test_the_equations_of_sublayers_are_those_of_the_layers(name):
    for line in lines_of(LAYERS[name]):
        if line.callee is not None:
            own = {(mine.left, mine.right, mine.each) for mine in lines_of(LAYERS[line.callee])}
            assert (line.left, line.right, line.each) in own


WITH_OPERATORS = ["toeplitz"]


@pytest.mark.parametrize("name", WITH_OPERATORS)
def test_an_operator_written_out_has_the_entries_of_its_formula(name):
    examples = [line for line in lines_of(LAYERS[name]) if line.example]
    assert {OPERATOR.match(line.left).group(1) for line in examples} == set(readings(LAYERS[name])[0].operators)
    for line in examples:
        letter, of, _ = OPERATOR.match(line.left).groups()
        rows = split_matrix(line.right)
        scalars = dict(line.example)
        array = np.random.default_rng(SEED).normal(size=scalars["K"] if letter == "T" else scalars["n"])
        found = np.array([[float(evaluate_index(e, (), {of: array}, {})) for e in row] for row in rows])
        formula = next(m for m in lines_of(LAYERS[name]) if m.left.startswith(f"{letter}({of})_"))
        at = OPERATOR.match(formula.left).group(3).split(",")
        sizes = dict(zip(at, found.shape, strict=True))
        expected = evaluate_index(formula.right, at, {of: array}, sizes, scalars)
        np.testing.assert_array_equal(found, expected)


# planted faults: each of these turns a right line into one that must be rejected

FAULTS = {
    "dropped transpose": (r"\^\{\\top\}", ""),
    "flipped sign": (r" - ", " + "),
    "lost sign": (r"\A- ?", ""),
    "lost entrywise product": (r" \\odot ", " "),
    "transposed": (r"\A(.*)\Z", r"\\left(\1\\right)^{\\top}"),
    "lost broadcast": (r" \\mathbf\{1\}\^\{\\top\}", ""),
    "lost scale": (r" / (.*)\Z", ""),
    "lost factor": (r"\A2 ", ""),
    "lost square": (r"\^\{\\odot 2\}", ""),
    "lost position": (r"\\left\[\w+ = \\mathit\{\w+\}_\{[^}]*\}\\right\]", ""),
    "the smallest": (r"(\\arg\\max_\{[^(]*\} \\left\()", r"\1-"),
}


# What survives, and why: lines of layers in which a fault changes nothing.
BESIDE_ZERO = "in a step it stands beside the factor Σ (X - μ), which is 0"
ROW_SUMS = (
    "a row of the adjoint of a softmax's argument sums to 0: what is the same along it, as the i of j - i, is lost"
)
SYMMETRIC = "the identity and x xᵀ are their own transposes"
NO_SHIFT = "a softmax does not depend on its shift: what goes through it is 0"
COMMUTES = "a number may stand on either side of a matrix"
ALL_ALIKE = "all entries of the matrix are the same, and nothing but its shape would tell"
ONE_ENTRY = "of what does not vary, the largest is the smallest"
EQUIVALENT = {
    ("own layer_norm", "flipped sign"): BESIDE_ZERO,
    **{(f"{name}_norm", "lost sign"): BESIDE_ZERO for name in ("layer", "batch", "group", "instance")},
    ("batch_norm2d", "lost sign"): BESIDE_ZERO,
    ("spelled_layer_norm", "flipped sign"): BESIDE_ZERO,
    ("alibi_attention", "flipped sign"): ROW_SUMS,
    ("shifted_softmax", "flipped sign"): NO_SHIFT,
    ("shifted_softmax", "lost sign"): NO_SHIFT,
    ("shifted_softmax", "the smallest"): NO_SHIFT,
    ("global_avg_pool", "transposed"): ALL_ALIKE,
    ("largest_of_largest", "the smallest"): ONE_ENTRY,
    ("one_table_twice", "swapped factors"): COMMUTES,
    ("info_nce", "transposed"): SYMMETRIC,
    ("rayleigh_quotient", "transposed"): SYMMETRIC,
}


def swapped(right: str) -> str | None:
    """The first two plain factors of a matrix product, the other way round; a fraction is a number."""
    match = re.match(r"(?!\\frac)(?P<a>\{?[A-Za-z\\]\S*) (?P<b>[A-Za-z]\S*)\Z", right)
    return f"{match.group('b')} {match.group('a')}" if match else None


def mutants(right: str):
    for fault, (pattern, instead) in FAULTS.items():
        mutant = re.sub(pattern, instead, right, count=1)
        if mutant != right:
            yield fault, mutant
    if swapped(right):
        yield "swapped factors", swapped(right)


def test_planted_faults_in_printed_gradients_are_rejected(name):
    reading = readings(LAYERS[name])[-1]
    survivors = []
    for line in lines_of(LAYERS[name]):
        # A sign inside a derivative may stand before what it does not depend on.
        if not DERIVATIVE.match(line.left) or line.callee or r"\partial" in line.right:
            continue
        expected, indices = reading.expected(line)
        for fault, mutant in mutants(line.right):
            matrix = not indices and np.ndim(expected) == 2 + len(line.each) and expected.shape[-2:] != (1, 1)
            if fault == "transposed" and not matrix:
                continue
            try:
                found = reading.read(replace(line, right=mutant))
            except ReaderError:
                continue
            if wrong(line, found, expected) is None and (name, fault) not in EQUIVALENT:
                survivors.append(f"{fault}: {line.left} = {mutant}")
    assert not survivors, "\n".join(survivors)


def test_a_wrong_partial_derivative_in_a_step_is_rejected():
    """Swapped indices and a lost Kronecker delta, in a line of the steps."""
    reading = readings(LAYERS["linear"])[0]
    lines = lines_of(LAYERS["linear"])
    line = next(x for x in lines if x.right.count(r"\delta_{") == 2 and r"X_{\ell,i}" in x.right)
    assert wrong(line, reading.read(line), reading.expected(line)[0]) is None
    turned, lost = line.right.replace(r"X_{\ell,i}", r"X_{i,\ell}"), re.sub(r"\\delta_\{.,.\}", "", line.right, count=1)
    for mutant in (turned, lost):
        with pytest.raises((ReaderError, AssertionError)):
            assert wrong(line, reading.read(replace(line, right=mutant)), reading.expected(line)[0]) is None
