"""Planted faults: each sign, operator, transpose and constant of the code is changed in turn, and a witness notices.

What no witness notices stands in a table, with its reason; a row that is noticed after all has to leave it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cache, partial
from importlib import import_module

import mutations
import numpy as np
import own_layers
import pytest
import survivors
import sympy
import window_layers
from mutations import RULES, Mutant, mutants
from planted import Bench, ChosenBench, EntrywiseBench, GeneratedBench, HandwrittenBench, unnoticed

import numeric
from derive.calculus.derivation import forget
from derive.cli import main
from derive.core.atoms import Function
from derive.core.layer import Call, Layer
from derive.core.primitives import PRIMITIVES, Primitive
from derive.core.terms import ONE
from derive.core.traverse import atoms, tensors_read
from derive.loading import all_layers, families, load_all
from derive.lowering import render
from derive.lowering.render import compiled
from derive.witnesses.check import WITNESSES
from derive.witnesses.evidence import Code, tupled, typed
from derive.witnesses.sampling import Case

LAYERS = all_layers()
MAKERS = {"generated": GeneratedBench, "handwritten": HandwrittenBench}
TABLES = {"generated": survivors.GENERATED, "handwritten": survivors.HANDWRITTEN}


@cache
def bench(kind: str, layer: Layer) -> Bench:
    return MAKERS[kind](layer)


def compare_with_table(table: survivors.Table, found: Iterable[Mutant], benches: Iterable[Bench]) -> None:
    """What is not noticed is in the table, and what the table says of these functions is not noticed."""
    found = list(found)
    functions = {mutant.function for mutant in found}
    rows = [row for group in table.values() for row in group if row[0] in functions]
    passed = unnoticed(found, benches)
    assert [str(mutant) for mutant in passed if not any(mutant.changes(*row) for row in rows)] == []
    assert [row for row in rows if not any(mutant.changes(*row) for mutant in passed)] == []


# the mutator

EXAMPLES = [
    (mutations.operator, "x = a * b", "x = a / b"),
    (mutations.operator, "x += a", "x -= a"),
    (mutations.comparison, "x = a > b", "x = a >= b"),
    (mutations.operands, "x = a @ b", "x = b @ a"),
    (mutations.operands, "x = a - b", "x = a"),
    (mutations.operands, "np.subtract(a, b, out=x)", "np.subtract(b, a, out=x)"),
    (mutations.lost_sign, "x = -a", "x = a"),
    (mutations.added_sign, "x = a @ b", "x = a @ -b"),
    (mutations.transpose, "x = a.T", "x = a"),
    (mutations.transpose, "x = a @ b", "x = a.mT @ b"),
    (mutations.constant, "x = a.sum(axis=0)", "x = a.sum(axis=1)"),
    (mutations.constant, "x = a.sum(axis=-1, keepdims=True)", "x = a.sum(axis=-1, keepdims=False)"),
    (mutations.new_axis, "x = a[:, None]", "x = a[None, :]"),
    (mutations.lost_call, "x = np.exp(a)", "x = a"),
    (mutations.lost_call, "x = a.swapaxes(0, 1)", "x = a"),
    (mutations.other_function, "x = np.maximum(a, 0)", "x = np.minimum(a, 0)"),
    (mutations.other_function, "np.add(a, b, out=x)", "np.subtract(a, b, out=x)"),
    (mutations.branches, "x = np.where(a, b, 0)", "x = np.where(a, 0, b)"),
    (mutations.subscripts, "x = np.einsum('ij,j->i', a, b)", "x = np.einsum('ij,z->i', a, b)"),
]


CHECKED = """
def f(x):
    '1 - x'
    check(-x, 1)
    if x < 1:
        raise ValueError(x + 1)
    for a, b in zip(strict=True):
        pass
    a = x.reshape(-1)
"""


@pytest.mark.parametrize("rule, before, after", EXAMPLES, ids=[f"{b} to {a}" for _, b, a in EXAMPLES])
def test_a_rule_changes_a_line(rule, before, after, monkeypatch):
    monkeypatch.setattr(mutations, "RULES", (rule,))
    found = list(mutants(f"def f(a, b, x):\n    {before}\n    return x", ["f"]))
    assert (before, after) in {(mutant.before, mutant.after) for mutant in found}


def test_every_rule_has_an_example():
    assert {rule for rule, _, _ in EXAMPLES} == set(RULES)


def test_what_only_checks_is_left_alone():
    found = list(mutants(CHECKED, ["f"], ["check"]))
    assert {mutant.before for mutant in found} == {"for a, b in zip(strict=True):", "a = x.reshape(-1)"}
    assert not any("False" in mutant.after or "-2" in mutant.after for mutant in found)


def test_what_changes_no_value_is_left_alone():
    """A sign of what is not yet written or only counted, and a sign or a transpose of what nobody takes."""
    for line in ("a = np.empty(3)", "np.exp(a, out=a)", "a = len(x)", "a = np.result_type(x, 1)"):
        found = {mutant.after for mutant in mutants(f"def f(a, x):\n    {line}", ["f"])}
        assert not {"a = -np.empty(3)", "-np.exp(a, out=a)", "np.exp(a, out=a).mT", "a = len(-x)"} & found, line
        assert not any("(-x" in after or "x.mT, 1" in after for after in found), line
        assert found


# every mutant


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("name", sorted(LAYERS))
def test_every_fault_in_a_layer_is_noticed(kind, name):
    own = bench(kind, LAYERS[name])
    assert own.passes(None)
    assert len(own.mutants) > 20
    compare_with_table(TABLES[kind], own.mutants, [own])


def others() -> list[Layer]:
    """Layers that are in no catalogue, and use helpers in other ways."""
    return [layer for module in (window_layers, own_layers) for layer in load_all(module.__file__)]


def test_every_fault_in_a_generated_helper_is_noticed():
    """By one of the layers that use it: those of the catalogue read windows in few ways."""
    benches = [own for own in (bench("generated", layer) for layer in (*LAYERS.values(), *others())) if own.helpers]
    for own in benches:
        assert own.passes(None), own.layer.name
    found = {str(mutant): mutant for own in benches for mutant in own.helpers}
    entrywise = EntrywiseBench()
    assert entrywise.passes(None)
    compare_with_table(survivors.GENERATED, found.values(), [*benches, entrywise])


def test_every_fault_in_a_handwritten_helper_is_noticed():
    benches = [bench("handwritten", layer) for layer in LAYERS.values()]
    found = {str(mutant): mutant for own in benches for mutant in own.helpers}
    compare_with_table(survivors.HANDWRITTEN, found.values(), [*benches, ChosenBench()])


# Where a layer is called, its forward function keeps what at home the backward one computes again, or divides by.
OTHERS = {
    "transformer_block": {
        "layer_norm_fwd",
        "layer_norm_bwd",
        "multi_head_attention_fwd",
        "multi_head_attention_bwd",
    },
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_sublayer_is_the_layer_itself(name):
    """The module of a layer holds those that it calls: their faults are noticed where they are at home, or below."""
    functions = bench("generated", LAYERS[name]).functions
    homes = [bench("generated", layer) for layer in LAYERS.values()]
    shared = {(function, home.functions[function]) for home in homes for function in home.own if function in functions}
    assert {function for function, text in shared if functions[function] != text} == OTHERS.get(name, set())


@pytest.mark.parametrize("name", OTHERS)
def test_every_fault_in_a_sublayer_that_is_another_is_noticed(name):
    own = bench("generated", LAYERS[name])
    compare_with_table(survivors.SUBLAYERS, own.mutants_of(OTHERS[name]), [own])


@pytest.mark.parametrize("kind", TABLES)
def test_the_table_is_of_functions_that_there_are(kind):
    benches = [bench(kind, layer) for layer in LAYERS.values()]
    helping = [*benches, *(bench(kind, layer) for layer in (others() if kind == "generated" else ()))]
    functions = {mutant.function for own in benches for mutant in own.mutants}
    functions |= {mutant.function for own in helping for mutant in own.helpers}
    rows = [row for group in TABLES[kind].values() for row in group]
    assert {function for function, _, _ in rows} <= functions
    assert len(set(rows)) == len(rows)


# what differs where no witness looks


def at_a_thousand(code: Code, case: Case) -> tuple:
    with np.errstate(over="raise", invalid="raise"):
        return code.outputs(with_data(case, lambda array: 1000 * array))


def at_integers(code: Code, case: Case) -> tuple:
    whole = with_data(case, lambda array: np.rint(array / 2))
    return code.outputs_and_gradients(whole, case.cotangents)


def at_twice(code: Code, case: Case) -> tuple:
    return code.outputs(with_data(case, lambda array: 2 * array))


def of_no_images(code: Code, case: Case) -> tuple:
    """Where there are leading axes, with nothing along the first."""
    arguments = dict(case.arguments)
    for symbol in case.layer.arguments:
        array = arguments[symbol.name]
        arguments[symbol.name] = array[:0] if array.ndim > len(symbol.axes) else array
    return code.outputs(replace(case, arguments=arguments))


def near_zero(code: Code, case: Case) -> tuple:
    return code.outputs(with_data(case, lambda array: 1e-9 * array))


def at_short_rows(code: Code, case: Case) -> tuple:
    """At zero, and near it."""
    with np.errstate(divide="raise", invalid="raise"):
        zero, near = (with_data(case, lambda array, scale=scale: scale * array) for scale in (0, 0.01))
        return (
            *code.outputs_and_gradients(zero, case.cotangents),
            *code.outputs_and_gradients(near, case.cotangents),
        )


def with_data(case: Case, change: Callable) -> Case:
    """The case with other data; positions are left as they are."""
    variables = {symbol.name for symbol in case.layer.variables}
    return replace(case, arguments={n: change(a) if n in variables else a for n, a in case.arguments.items()})


def from_other_types(code: Code, case: Case) -> tuple:
    """The types of the gradients where the cotangents alone are of double precision."""
    _, residuals = code.forward(*typed(case.arguments.values(), "float32"))
    return tuple(gradient.dtype.name for gradient in tupled(code.backward(residuals, *case.cotangents)))


def at_masked_rows(code: Code, case: Case) -> tuple:
    """With more queries than keys, and where there is a bias, a query for which it is minus infinity."""
    arguments = {}
    for symbol in case.layer.arguments:
        array, names = case.arguments[symbol.name], [index.name for index in symbol.axes]
        for axis, name in enumerate(reversed(names), start=1):
            array = array[(..., slice(1), *[slice(None)] * (axis - 1))] if name == "j" else array
            array = np.repeat(array, 9, axis=-axis) if name == "i" else array
        if names[-2:] == ["i", "j"]:
            array[..., 0, :] = -np.inf
        arguments[symbol.name] = array
    with np.errstate(divide="raise", invalid="raise"):
        return code.outputs(replace(case, arguments=arguments))


def in_single_precision(code: Code, case: Case) -> tuple:
    """The types of the outputs and gradients of arguments of single precision."""
    outputs, residuals = code.forward(*typed(case.arguments.values(), "float32"))
    gradients = code.backward(residuals, *typed(case.cotangents, "float32"))
    return tuple(array.dtype.name for array in (*tupled(outputs), *tupled(gradients)))


def written_to(code: Code, case: Case) -> tuple:
    """The cotangents, after the gradients have been written to."""
    _, residuals = code.forward(*case.arguments.values())
    cotangents = tuple(cotangent.copy() for cotangent in case.cotangents)
    for gradient in tupled(code.backward(residuals, *cotangents)):
        gradient += 1
    return cotangents


PROBES: dict[str, Callable[[Code, Case], tuple]] = {
    survivors.OVERFLOW: at_a_thousand,
    survivors.KINK: at_integers,
    survivors.SUMS_TO_ONE: at_twice,
    survivors.NO_IMAGES: of_no_images,
    survivors.SHORT: at_short_rows,
    survivors.DIGITS: near_zero,
    survivors.OTHER_TYPE: from_other_types,
    survivors.ALIAS: written_to,
    survivors.EMPTY: at_masked_rows,
    survivors.SINGLE: in_single_precision,
}


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize("reason", PROBES)
def test_what_the_witnesses_do_not_look_at_is_looked_at_here(kind, reason):
    for row in TABLES[kind].get(reason, ()):
        own = LAYERS.get(row[0].rpartition("_")[0])
        if own is not None:
            for mutant in (mutant for mutant in bench(kind, own).mutants if mutant.changes(*row)):
                assert differs(PROBES[reason], bench(kind, own), mutant), str(mutant)
            continue
        benches = [b for b in (bench(kind, layer) for layer in LAYERS.values()) if row[0] in b.functions]
        for mutant in {str(m): m for b in benches for m in b.helpers if m.changes(*row)}.values():
            assert any(differs(PROBES[reason], b, mutant) for b in benches), str(mutant)


def differs(probe: Callable[[Code, Case], tuple], own: Bench, mutant: Mutant) -> bool:
    name = own.layer.name
    for case in own.evidence.cases:
        right = probe(Code.of(own.module(), name), case)
        try:
            wrong = probe(Code.of(own.module(mutant), name), case)
        except Exception:
            return True
        if not all(np.array_equal(a, b) for a, b in zip(right, wrong, strict=True)):
            return True
    return False


# derive check, from the command line


@pytest.fixture
def small(monkeypatch):
    """Little work for the oracle; what was derived from a wrong table must not outlive the test."""
    monkeypatch.setattr("derive.witnesses.evidence.WORK", 5_000)
    # Under its own name in the package stands the function check.
    module = import_module("derive.witnesses.check")
    monkeypatch.setattr(module, "EXACT_WORK", 1_000)
    monkeypatch.setattr(module, "STEP_WORK", 1_000)
    yield
    forget()


def failures(spec: str, name: str, capsys: pytest.CaptureFixture) -> set[tuple[str, str]]:
    """The (value, witness) that a failing `derive check` names for a layer, each with what is wrong there."""
    capsys.readouterr()
    assert main(["check", spec]) == 1
    found = re.findall(rf"^FAILED  {name}, (\w+), ([^:]+): .+", capsys.readouterr().out, re.MULTILINE)
    assert found and {witness for _, witness in found} <= set(WITNESSES)
    return set(found)


def fault(own: Bench) -> tuple[Mutant, set[str]]:
    """A mutant of the backward that is noticed in its first line for a gradient, and the gradients of that line."""
    gradients = {symbol.name for symbol in own.evidence.gradient_symbols}
    for mutant in own.mutants:
        names = set(re.findall(r"\w+", mutant.before.partition(" = ")[0]))
        returned = mutant.before.startswith("return")
        if mutant.function == own.own[2] and (returned or names <= gradients) and not own.passes(mutant):
            return mutant, gradients if returned else names
    raise AssertionError(own.layer.name)


# Each fault is noticed by what compares values; that the command says so is tried on a layer or two of each family.
TRIED = (
    "affine",
    "attention",
    "avg_pool1d",
    "conv1d",
    "embedding",
    "layer_norm",
    "linear",
    "mlp",
    "mse",
    "pca",
    "relu",
    "softmax",
    "sparse_cross_entropy",
    "toeplitz",
)


def test_every_family_is_tried():
    assert all(set(TRIED) & set(layers) for layers in families().values())


@pytest.mark.parametrize("name", TRIED)
def test_a_fault_in_generated_code_makes_the_check_fail(name, small, monkeypatch, capsys):
    own = bench("generated", LAYERS[name])
    mutant, gradients = fault(own)
    # Its blockwise form is other code, in which there is no fault.
    planted = {id(own.layer): own.module(mutant)}
    monkeypatch.setattr(render, "compiled", lambda form: planted.get(id(form)) or compiled(form))
    found = failures(name, name, capsys)
    assert any(value in gradients for value, _ in found)
    assert {witness for _, witness in found} == {"generated code", "generated code, float32", "inner products"}


@pytest.mark.parametrize("name", TRIED)
def test_a_fault_in_handwritten_code_makes_the_check_fail(name, small, monkeypatch, capsys):
    own = bench("handwritten", LAYERS[name])
    mutant, gradients = fault(own)
    monkeypatch.setattr(numeric, mutant.function, getattr(own.module(mutant), mutant.function))
    found = failures(name, name, capsys)
    assert any(value in gradients for value, _ in found)
    assert {witness for _, witness in found} == {"handwritten code"}


# wrong rows in the table of primitives


def times(factor: int, row: Primitive) -> Primitive:
    """The row with a multiple of its derivative; of one that is 0, with 1."""
    return replace(row, derivative=lambda x, y: factor * row.derivative(x, y) if row.derivative(x, y).terms else ONE)


WRONG: Mapping[str, Callable[[Primitive], Primitive]] = {
    "negated": partial(times, -1),
    "doubled": partial(times, 2),
    "another value": lambda row: replace(row, value=lambda x: 2 * row.value(x)),
}
SYMPY_NAMES = {"abs": "Abs"}
OWN = """
from derive.language.definition import Tensor, axes, define, layer
from {module} import {function}
(i,) = axes("i=n")
@layer
def own(x: Tensor[i]):
    return define("y", (i,), x[i] * {function}(x[i]))
"""


@pytest.mark.parametrize("how", WRONG)
@pytest.mark.parametrize("row", PRIMITIVES)
def test_a_wrong_row_makes_the_check_fail(row, how, small, monkeypatch, capsys, tmp_path):
    function = SYMPY_NAMES.get(row, row)
    file = tmp_path / "own.py"
    module = "sympy" if hasattr(sympy, function) else "derive.language.definition"
    file.write_text(OWN.format(module=module, function=function), encoding="utf-8")
    assert main(["check", str(file)]) == 0
    monkeypatch.setitem(PRIMITIVES, row, WRONG[how](PRIMITIVES[row]))
    found = failures(str(file), "own", capsys)
    assert ("y", "generated code") in found if how == "another value" else ("dx", "numeric differentiation") in found


def applied(layer: Layer) -> set[str]:
    """The rows that a layer applies to what depends on its variables."""
    moving = {symbol.name for symbol in layer.variables}
    found: set[str] = set()
    for statement in layer.statements:
        if isinstance(statement, Call):
            found |= applied(statement.layer)
        else:
            functions = (a for a in atoms(statement.expr) if isinstance(a, Function))
            found |= {f.name for f in functions if moving.intersection(tensors_read(f.argument))}
        if moving.intersection(statement.reads):
            moving |= {symbol.name for symbol in statement.defines}
    return found & set(PRIMITIVES)


def users(row: str, count: int = 2) -> list[str]:
    """The first layers that apply a row; the small ones first."""
    small = sorted(LAYERS, key=lambda name: (len(LAYERS[name].statements), name))
    return [name for name in small if row in applied(LAYERS[name])][:count]


USES = [(name, row) for row in PRIMITIVES for name in users(row)]


@pytest.mark.parametrize("name, row", USES)
def test_a_wrong_row_makes_the_check_of_a_layer_fail(name, row, small, monkeypatch, capsys):
    monkeypatch.setitem(PRIMITIVES, row, WRONG["negated"](PRIMITIVES[row]))
    found = failures(name, name, capsys)
    assert "numeric differentiation" in {witness for _, witness in found}


def test_rows_are_used():
    assert {row for _, row in USES} >= {"exp", "tanh", "sigmoid"}
