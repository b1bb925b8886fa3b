"""The generated modules: committed text, values against the oracle, dtypes, stability, and what they refuse."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import warnings
from dataclasses import replace
from functools import cache
from pathlib import Path

import lowered_layers
import numpy as np
import pytest

import numeric
from derive.calculus.derivation import gradients
from derive.core.layer import Layer
from derive.loading import all_layers, layers_of
from derive.lowering.lower import prepared
from derive.lowering.render import compiled, numpy_source
from derive.witnesses.evidence import typed
from derive.witnesses.interpret import interpret
from derive.witnesses.sampling import Case, cases

CATALOGUE = all_layers()
OWN = {name: layer for name, layer in layers_of(lowered_layers).items() if name not in CATALOGUE}
ALL = CATALOGUE | OWN
ROOT = Path(__file__).resolve().parent.parent


def as_tuple(value) -> tuple:
    return value if isinstance(value, tuple) else (value,)


def close(actual, expected, tolerance: float, what: str) -> None:
    expected = np.asarray(expected, dtype=float)
    assert np.shape(actual) == expected.shape, what
    least = tolerance * max(1.0, np.abs(expected).max(initial=0))
    np.testing.assert_allclose(np.asarray(actual, float), expected, rtol=tolerance, atol=least, err_msg=what)


# text


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_text_is_the_committed_one(name, golden):
    golden(f"numpy/{name}.py", numpy_source(CATALOGUE[name]))


def test_no_golden_file_is_left_over():
    assert {p.stem for p in (ROOT / "tests/golden/numpy").glob("*.py")} == set(CATALOGUE)


def test_the_text_does_not_depend_on_the_order_of_sets():
    code = "from derive import *; import derive; print(derive.numpy_source(derive.load('attention')))"
    texts = set()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"}
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, check=True)
        texts.add(done.stdout.decode())
    assert len(texts) == 1


def test_ruff_has_nothing_to_say(tmp_path):
    for name, layer in ALL.items():
        (tmp_path / f"{name}.py").write_text(numpy_source(layer), encoding="utf-8")
    for options in (["--isolated"], ["--isolated", "--select", "F,E,W,B,I,UP,C4", "--line-length", "120"]):
        command = [sys.executable, "-m", "ruff", "check", *options, str(tmp_path)]
        done = subprocess.run(command, capture_output=True, encoding="utf-8")
        if "No module named ruff" in done.stderr:
            pytest.skip("ruff is not installed")
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", ALL)
def test_a_module_needs_numpy_only_and_loops_over_taps_pieces_and_portions_only(name):
    tree = ast.parse(numpy_source(ALL[name]))
    imported = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    imported |= {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    assert imported <= {"math", "numpy", "numpy.lib.stride_tricks"}
    functions = [n for n in tree.body if isinstance(n, ast.FunctionDef) and not n.name.startswith("_")]
    loops = [n for f in functions for n in ast.walk(f) if isinstance(n, (ast.For, ast.While, ast.ListComp))]
    assert all(isinstance(n, ast.For) and ast.unparse(n.iter).startswith("_portions(") for n in loops)
    loops = [n for f in tree.body if f not in functions for n in ast.walk(f) if isinstance(n, ast.For)]
    assert {ast.unparse(n.iter) for n in loops} <= {
        "arguments.items()",
        "zip(axes, sizes, strict=True)",
        "zip(shape, sizes, strict=True)",
        "zip(shape, rows, strict=True)",
        "np.ndindex(*sizes)",
        "np.ndindex(*sizes[:taps])",
        "np.ndindex(*taps)",
        "enumerate(np.ndindex(*taps))",
        "arrays[1:]",
        "_pieces(array, sizes, rows, lines=lines)",
        "_pieces(array, sizes, rows, at=-places - 1)",
        "parts",
        "steps",
        "_parts(len(array), 4 * result.nbytes)",
        "enumerate(leading if math.prod(leading) else ())",
        "coefficients[2:]",
        "range(0, flat.size, 16384)",
    }


@pytest.mark.parametrize("name", ALL)
def test_no_product_of_many_operands_is_left_to_einsum(name):
    for call in re.findall(r"np\.einsum\(\"([^\"]*)\"", numpy_source(ALL[name])):
        assert call.count(",") == 1


@pytest.mark.parametrize("text", ["Luong's attention.", "A 'quoted' word.", r"ends \' so", r"a \\' b", "\"' both"])
def test_an_apostrophe_in_a_docstring_stays_what_it_is(text):
    source = numpy_source(replace(CATALOGUE["relu"], doc=text))
    assert ast.get_docstring(ast.parse(source)).startswith(text)
    assert ("\\'" in source) == ("\\" in text)


def test_a_docstring_stays_text():
    hostile = Layer(
        "hostile", *[getattr(CATALOGUE["relu"], f) for f in ("arguments", "options", "statements", "outputs")],
        doc='ends """\nimport os; os.abort()\n\\"""\\ \x00 "',
    )  # fmt: skip
    tree = ast.parse(numpy_source(hostile))
    assert [type(n).__name__ for n in tree.body].count("Import") == 1
    assert 'ends """' in ast.get_docstring(tree)
    assert compiled(hostile).hostile(np.ones(2)).tolist() == [1, 1]


def test_a_module_says_how_gradients_are_laid_out():
    doc = ast.get_docstring(ast.parse(numpy_source(CATALOGUE["conv1d"])))
    assert "Each gradient is shaped like its variable" in doc
    assert "cross-correlation" in doc


# values


@pytest.fixture(scope="module")
def modules():
    return {name: compiled(layer) for name, layer in ALL.items()}


@cache
def cases_of(layer: Layer) -> list[Case]:
    return cases(layer, seed=7, work=30_000)


def forward(module, case: Case, dtype: str = "float64") -> tuple:
    return getattr(module, f"{case.layer.name}_fwd")(*typed(case.arguments.values(), dtype), **case.options)


@pytest.mark.parametrize("name", ALL)
def test_values_and_gradients_are_those_of_the_equations(name, modules):
    layer, module = ALL[name], modules[name]
    # What the code hands over is not always what the equations read.
    _, backward = prepared(gradients(layer))
    for case in cases_of(layer):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            outputs, residuals = forward(module, case)
            found = getattr(module, f"{name}_bwd")(residuals, *case.cotangents, **case.options)
        for symbol, output in zip(layer.outputs, as_tuple(outputs), strict=True):
            close(output, case.values[symbol], 1e-9, f"{symbol} {case}")
        arguments = {s.name: r for s, r in zip(backward.arguments, [*residuals, *case.cotangents], strict=True)}
        expected = interpret(backward, arguments, case.options)
        for symbol, gradient in zip(backward.outputs, as_tuple(found), strict=True):
            close(gradient, expected[symbol], 1e-8, f"{symbol} {case}")
        for symbol, gradient in zip(layer.variables, as_tuple(found), strict=True):
            assert np.shape(gradient) == case.arguments[symbol.name].shape


@pytest.mark.parametrize("name", ALL)
def test_float32_stays_float32(name, modules):
    for case in cases(ALL[name], seed=1, work=2_000, first=2)[:2]:
        outputs, residuals = forward(modules[name], case, "float32")
        cotangents = [c.astype("float32") for c in case.cotangents]
        found = getattr(modules[name], f"{name}_bwd")(residuals, *cotangents, **case.options)
        types = [np.asarray(x).dtype for x in (*as_tuple(outputs), *as_tuple(found))]
        assert set(types) == {np.dtype("float32")}


@pytest.mark.parametrize("name", ALL)
def test_arguments_are_neither_written_to_nor_handed_back(name, modules):
    case = cases(ALL[name], seed=2, work=2_000, first=1)[0]
    arguments = [np.array(a) for a in case.arguments.values()]
    cotangents = [np.array(c) for c in case.cotangents]
    for array in (*arguments, *cotangents):
        array.flags.writeable = False
    outputs, residuals = getattr(modules[name], f"{name}_fwd")(*arguments, **case.options)
    found = getattr(modules[name], f"{name}_bwd")(residuals, *cotangents, **case.options)
    for given in (*arguments, *cotangents):
        for result in (*as_tuple(outputs), *as_tuple(found)):
            assert given.size == 0 or not np.shares_memory(given, result)


def test_integers_and_lists_become_float64(modules):
    Y = modules["linear"].linear([[1, 2]], [[1], [0]], [3])
    assert Y.dtype == np.float64 and Y.tolist() == [[4]]
    assert modules["relu"].relu(np.float32([1])).dtype == np.float32


def test_any_number_of_leading_axes(modules):
    rng = np.random.default_rng(0)
    X, W, b = rng.normal(size=(2, 3, 4, 5)), rng.normal(size=(5, 2)), rng.normal(size=2)
    whole = modules["linear"].linear(X, W, b)
    assert whole.shape == (2, 3, 4, 2)
    np.testing.assert_allclose(modules["linear"].linear(X[1, 2, 3], W, b), whole[1, 2, 3])
    outputs, residuals = modules["linear"].linear_fwd(X[:, :0], W, b)
    assert modules["linear"].linear_bwd(residuals, outputs)[1].tolist() == np.zeros((5, 2)).tolist()


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_handwritten_layer_agrees(name, modules):
    for case in cases_of(CATALOGUE[name]):
        outputs, residuals = forward(modules[name], case)
        expected, theirs = getattr(numeric, f"{name}_fwd")(*case.arguments.values(), **case.options)
        found = getattr(modules[name], f"{name}_bwd")(residuals, *case.cotangents, **case.options)
        reference = getattr(numeric, f"{name}_bwd")(theirs, *case.cotangents)
        pairs = zip((*as_tuple(outputs), *as_tuple(found)), (*as_tuple(expected), *as_tuple(reference)), strict=True)
        for ours, other in pairs:
            close(ours, other, 1e-10, str(case))


# stability


LARGE = np.array([[1000.0, -1000.0, 0.0], [-1000.0, -1000.0, -999.0], [1000.0, 1000.0, 1000.0]])


def quiet(function, *arguments):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return function(*arguments)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_logits_of_a_thousand(dtype, modules):
    S = LARGE.astype(dtype)
    P, residuals = quiet(modules["softmax"].softmax_fwd, S)
    np.testing.assert_allclose(P.sum(axis=-1), 1, rtol=1e-6)
    assert np.isfinite(quiet(modules["softmax"].softmax_bwd, residuals, S)).all()
    root = S[:, :1] * 1000
    O, residuals = quiet(modules["attention"].attention_fwd, S, S, root)
    assert np.isfinite(O).all()
    assert all(np.isfinite(g).all() for g in quiet(modules["attention"].attention_bwd, residuals, O))
    for name in ("sigmoid", "tanh", "relu", "elu"):
        Y, residuals = quiet(getattr(modules[name], f"{name}_fwd"), S)
        assert np.isfinite(Y).all()
        assert np.isfinite(quiet(getattr(modules[name], f"{name}_bwd"), residuals, np.ones_like(S))).all()
    w = np.ones(3, dtype)
    for name, arguments in {"log_sum": (S, w), "log_sum_one": (S[0], S[1]), "log_sum_one ": (-S[1], -S[2])}.items():
        name = name.strip()
        y, residuals = quiet(getattr(modules[name], f"{name}_fwd"), *arguments)
        assert np.isfinite(y).all()
        assert all(np.isfinite(g).all() for g in quiet(getattr(modules[name], f"{name}_bwd"), residuals, y))
    P = quiet(modules["causal"].causal, S, w[:, None])
    np.testing.assert_allclose(P, 1, rtol=1e-6)


def test_a_row_that_is_masked_out_whole_is_zero(modules):
    P, _ = quiet(modules["strictly_causal"].strictly_causal_fwd, LARGE)
    assert P[0].tolist() == [0, 0, 0] and P[1].tolist() == [1, 0, 0]


def test_small_probabilities_keep_their_digits(modules):
    Y = modules["sigmoid"].sigmoid(np.float32([-30, -80]))
    np.testing.assert_allclose(Y, np.exp([-30.0, -80.0]), rtol=1e-5)


# at the door


X, W, b = np.ones((4, 5)), np.ones((5, 2)), np.ones(2)
REFUSED = [
    ("linear", (X, np.ones((4, 2)), b), {}, "linear: axis i of W has size 4, expected 5 (axis i of X)."),
    ("linear", (X, W, np.ones(3)), {}, "linear: axis o of b has size 3, expected 2 (axis o of W)."),
    ("linear", (X, np.ones(5), b), {}, "linear: W[i, o] has shape (5,), expected 2 axes."),
    ("linear", (np.ones(()), W, b), {}, "linear: X[..., i] has shape (), expected at least 1 axes."),
    ("mse", (X, X[:3]), {}, "mse: axis ... of T has size (3, 5), expected (4, 5) (axis ... of Y)."),
    ("toeplitz", (np.ones(2), np.ones(3)), {}, "toeplitz: axis t of y would have size 0, expected at least 1."),
    (
        "toeplitz",
        (np.ones(5), np.ones(3)),
        {"stride": 0},
        "toeplitz: stride is 0, expected an integer of at least 1.",
    ),
    (
        "conv1d",
        (np.ones((2, 9)), np.ones((3, 2, 2)), np.ones(3)),
        {"padding": 0.5},
        "conv1d: padding is 0.5, expected an integer of at least 0.",
    ),
    (
        "conv1d",
        (np.ones((2, 9)), np.ones((3, 1, 2)), np.ones(3)),
        {},
        "conv1d: axis c of W has size 1, expected 2 (axis c of X).",
    ),
    ("causal", (np.ones((3, 4)), np.ones((3, 2))), {}, "causal: axis i2 of S has size 4, expected 3."),
    ("linear", (X, np.array([["a"]]), b), {}, "linear: W is an array of <U1, expected numbers."),
]


@pytest.mark.parametrize(("name", "arguments", "options", "message"), REFUSED, ids=[m[3] for m in REFUSED])
def test_a_wrong_shape_is_refused(name, arguments, options, message, modules):
    for function in (name, f"{name}_fwd"):
        with pytest.raises(ValueError) as caught:
            getattr(modules[name], function)(*arguments, **options)
        assert str(caught.value) == message


def test_a_wrong_cotangent_is_refused(modules):
    _, residuals = modules["linear"].linear_fwd(X, W, b)
    with pytest.raises(ValueError) as caught:
        modules["linear"].linear_bwd(residuals, np.ones((4, 3)))
    assert str(caught.value) == "linear_bwd: axis o of dY has size 3, expected 2 (axis o of W)."
    _, residuals = modules["toeplitz"].toeplitz_fwd(np.ones(7), np.ones(3))
    with pytest.raises(ValueError) as caught:
        modules["toeplitz"].toeplitz_bwd(residuals, np.ones(7))
    assert str(caught.value) == "toeplitz_bwd: axis t of dy has size 7, expected 5."
    _, residuals = modules["mse"].mse_fwd(X, X)
    with pytest.raises(ValueError, match=r"mse_bwd: dL\[\] has shape \(1,\), expected 0 axes."):
        modules["mse"].mse_bwd(residuals, np.ones(1))


# parts of a gradient


def test_one_gradient_alone_is_handed_back_bare():
    module = compiled(CATALOGUE["linear"], wrt=["b"])
    _, residuals = module.linear_fwd(X, W, b)
    assert module.linear_bwd(residuals, np.ones((4, 2))).tolist() == [4, 4]
    assert len(numpy_source(CATALOGUE["linear"], wrt=["b"])) < len(numpy_source(CATALOGUE["linear"]))


def test_several_outputs_take_a_cotangent_each(modules):
    module = modules["two_outputs"]
    (a, total), residuals = module.two_outputs_fwd(np.ones(3), np.ones(3))
    dx, dy = module.two_outputs_bwd(residuals, np.zeros(3), 1.0)
    np.testing.assert_allclose(dx, np.sin(1) + np.cos(1))
    np.testing.assert_allclose(dy, np.sin(1))
    assert module.two_outputs(np.ones(3), np.ones(3))[0].tolist() == a.tolist()
    assert np.ndim(total) == 0


def test_a_gradient_is_a_layer_that_can_be_lowered_too():
    backward = gradients(CATALOGUE["tanh"]).backward
    module = compiled(backward)
    Y, dY = np.tanh(np.linspace(-1, 1, 5)), np.ones(5)
    np.testing.assert_allclose(module.tanh_bwd(Y, dY), 1 - Y**2)
