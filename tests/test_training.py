"""The examples train on generated code alone, to the figures that the README states; what they need, only they need."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
from source import ROOT

import attention
import choose
import convolution
import digits
import least_squares
import logistic_regression
import perceptron
import principal_components
import rayleigh_quotient
from common.data import Part
from common.optimizers import adam, gradient_descent, momentum
from common.progress import Progress
from common.stepping import Optimizer
from common.training import batches, train
from derive import gradients, load
from derive.printers.latex import LatexStyle
from derive.printers.lines import plain
from derive.printers.text import TextStyle

EXAMPLES = ROOT / "examples"
MODELS = {example.__name__: example for example in (logistic_regression, perceptron, convolution, attention)}
TWO_MINUTES = 120


@pytest.fixture(scope="module")
def experiments() -> dict:
    return {name: example.experiment() for name, example in MODELS.items()}


@pytest.fixture
def images() -> Part:
    """Noisy copies of one image for each digit."""
    rng = np.random.default_rng(0)
    labels = np.tile(np.arange(10), 8)
    return Part(rng.random((10, 64))[labels] + 0.1 * rng.standard_normal((80, 64)), labels)


# the models


@pytest.mark.parametrize("name", MODELS)
def test_the_gradient_is_that_of_the_loss(name, experiments, images):
    """The chain rule joins two generated modules: it gives what numeric differentiation of the loss gives."""
    model, rng = experiments[name].model, np.random.default_rng(1)
    w = model.start(rng, np.float64) + 0.1 * rng.standard_normal(sum(map(int, model.sizes)))
    direction = rng.standard_normal(w.shape) / np.sqrt(len(w))
    _, g = model.gradient(w, images)
    step = 1e-6
    difference = model.gradient(w + step * direction, images)[0] - model.gradient(w - step * direction, images)[0]
    assert g @ direction == pytest.approx(difference / (2 * step), rel=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_a_few_steps_reduce_the_loss(name, experiments, images):
    said = []
    trained = train(replace(experiments[name], epochs=4, batch=20), images, seed=0, after_epoch=said.append)
    assert said == list(trained.losses)
    assert trained.losses[-1] < 0.8 * trained.losses[0]
    assert trained.accuracy(images) > 0.5


@pytest.mark.parametrize("name", MODELS)
def test_training_computes_in_the_precision_of_the_images(name, experiments, images):
    single = Part(images.images.astype(np.float32), images.labels)
    trained = train(replace(experiments[name], epochs=1), single)
    assert trained.w.dtype == np.float32
    assert experiments[name].model.gradient(trained.w, single)[1].dtype == np.float32


def test_a_seed_decides_everything(experiments, images):
    short = replace(experiments["perceptron"], epochs=2)
    assert np.array_equal(train(short, images, seed=3).w, train(short, images, seed=3).w)
    assert not np.array_equal(train(short, images, seed=3).w, train(short, images, seed=4).w)


@pytest.mark.parametrize("name", MODELS)
def test_what_computes_is_generated(name, experiments):
    model = experiments[name].model
    functions = [*model.functions, Optimizer(experiments[name].optimizer).forward]
    assert {f.__code__.co_filename.partition(" ")[0] for f in functions} == {"<generated"}


def test_batches_are_every_image_once(images):
    parts = list(batches(Part(np.arange(80), np.arange(80)), 32, np.random.default_rng(0)))
    assert [len(part) for part in parts] == [32, 32, 16]
    assert sorted(np.concatenate([part.labels for part in parts])) == list(range(80))


@pytest.mark.parametrize("name", MODELS)
def test_the_default_is_among_the_settings_that_were_tried(name):
    example = MODELS[name]
    defaults = dict(zip(example.experiment.__code__.co_varnames, example.experiment.__defaults__, strict=False))
    assert {key: defaults[key] for key in example.TRIED} in choose.settings(example)


# the optimizers, on the quadratic a w² / 2, whose gradient is a w

CURVATURE = np.array([0.5, 1.0, 3.0])


def steps(optimizer: Optimizer, count: int, w: np.ndarray) -> np.ndarray:
    for _ in range(count):
        w = optimizer.step(w, CURVATURE * w)
    return w


def test_gradient_descent_shrinks_by_a_constant_factor():
    w = steps(Optimizer(gradient_descent, rate=0.1), 7, np.ones(3))
    assert w == pytest.approx((1 - 0.1 * CURVATURE) ** 7, rel=1e-13)


def test_momentum_is_a_linear_recurrence():
    w = steps(Optimizer(momentum, rate=0.1, memory=0.8), 7, np.ones(3))
    for a, entry in zip(CURVATURE, w, strict=True):
        once = np.array([[1 - 0.1 * a, -0.1 * 0.8], [a, 0.8]])
        assert entry == pytest.approx((np.linalg.matrix_power(once, 7) @ [1, 0])[0], rel=1e-12)


def test_adam_steps_by_the_rate_where_the_gradient_is_constant():
    optimizer, w, g = Optimizer(adam, rate=0.01), np.zeros(3), np.array([1e-3, -2.0, 5e4])
    for count in range(1, 6):
        w = optimizer.step(w, g)
        assert w == pytest.approx(-0.01 * count * np.sign(g), rel=2e-5)


def test_adam_is_that_of_the_paper():
    """Kingma and Ba, 2015, algorithm 1."""
    optimizer, w = Optimizer(adam, rate=0.1), np.ones(3)
    theta, m, v = np.ones(3), np.zeros(3), np.zeros(3)
    for t in range(1, 20):
        g = CURVATURE * theta
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        theta = theta - 0.1 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        w = optimizer.step(w, CURVATURE * w)
        assert w == pytest.approx(theta, rel=1e-11)


# principal components, least squares, the Rayleigh quotient


def test_principal_angles():
    angle = 1e-11
    A, B = np.eye(4)[:, :2], np.eye(4)[:, :2]
    B[:, 1] = [0, np.cos(angle), np.sin(angle), 0]
    assert principal_components.principal_angles(A, 3 * B) == pytest.approx([angle, 0], rel=1e-9, abs=1e-15)
    assert principal_components.principal_angles(A, np.eye(4)[:, 2:]) == pytest.approx([np.pi / 2] * 2)


def test_descent_finds_the_principal_subspace():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((50, 6)) * [3, 2.5, 2, 0.5, 0.3, 0.1]
    values, V = principal_components.eigenbasis(X - X.mean(axis=0), 3)
    W, loss = principal_components.descended(X - X.mean(axis=0), 3, 8 * values[0], 600, seed=0)
    assert loss == pytest.approx(values[3:].sum(), rel=1e-12)
    assert principal_components.principal_angles(V, W).max() < 1e-12
    assert W.T @ W == pytest.approx(np.eye(3), abs=1e-12)


def test_descent_finds_the_least_squares():
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((40, 5)), rng.standard_normal((40, 2))
    curvature = np.linalg.eigvalsh(2 * X.T @ X)
    W = least_squares.descended(X, Y, 1 / curvature[-1], 400)
    assert pytest.approx(W, rel=1e-12) == least_squares.cholesky(X, Y)


def test_the_rayleigh_quotient_is_stationary_at_eigenvectors():
    text = rayleigh_quotient.text(gradients(rayleigh_quotient.rayleigh)["w"])
    ending = "\n".join(text.splitlines()[-5:])
    assert ending.endswith("  C w = ρ w    [eigenvalue equation]")
    assert f"```text\n{ending}\n```" in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("style", "equation"), [(TextStyle, "C x = ρ x"), (LatexStyle, r"C x = \rho x")])
def test_the_catalogue_says_the_same(style, equation):
    last = rayleigh_quotient.conclusion(gradients(load("rayleigh_quotient"))["x"], style)[-1]
    assert f"{plain(last.left)} = {plain(last.right)}" == equation


# the display


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(stream: io.StringIO) -> str:
    with Progress("walk", 10, stream) as progress:
        for number in range(10):
            progress.advance(f"at {number}")
    return stream.getvalue()


def test_progress_is_one_line_on_a_terminal():
    text = shown(Terminal())
    assert text.count("\r") == 10 and text.count("\n") == 1
    assert text.endswith(f"walk {'█' * 24} 10/10  at 9\x1b[K\n")


def test_progress_is_a_few_lines_elsewhere():
    assert shown(io.StringIO()).splitlines() == [f"walk {n}/10  at {n - 1}" for n in (2, 4, 6, 8, 10)]


# the examples as commands

NEEDS_DATA = pytest.mark.skipif(find_spec("sklearn") is None, reason="scikit-learn is not installed")


def python(*arguments: str) -> str:
    command = [sys.executable, *arguments]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=TWO_MINUTES, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_examples_are_read_without_what_only_they_need():
    """Nothing but running an example asks for its extra: scikit-learn, matplotlib."""
    names = ", ".join(path.stem for path in EXAMPLES.glob("*.py"))
    absent = "for name in ('sklearn', 'threadpoolctl', 'matplotlib'): sys.modules[name] = None"
    python("-c", f"import sys\n{absent}\nsys.path.insert(0, 'examples')\nimport common.charts, {names}")


@NEEDS_DATA
@pytest.mark.parametrize(
    ("name", "least"), [("logistic_regression", 0.95), ("perceptron", 0.97), ("convolution", 0.97), ("attention", 0.97)]
)
def test_held_out_accuracy(name, least):
    found = re.search(r"^held-out accuracy ([\d.]+) .*, seed 0,", python(f"examples/{name}.py"), re.MULTILINE)
    assert found and float(found[1]) >= least


@NEEDS_DATA
def test_the_picture(monkeypatch, tmp_path, capsys, experiments):
    """All four in a row, here for one epoch each."""
    for example in digits.EXAMPLES:
        short = replace(experiments[example.__name__], epochs=1)
        monkeypatch.setattr(example, "experiment", lambda short=short: short)
    picture = tmp_path / "curves.png"
    monkeypatch.setattr(sys, "argv", ["digits.py", "--seed", "7", "--picture", str(picture)])
    digits.main()
    assert capsys.readouterr().out.count(", seed 7, ") == 4
    assert picture.read_bytes().startswith(b"\x89PNG")


@NEEDS_DATA
def test_principal_components_of_the_digits():
    printed = python("examples/principal_components.py")
    angles = re.search(r"^principal angles \(rad\) (.*), seed 0$", printed, re.MULTILINE)
    assert angles and len(angles[1].split()) == 10
    assert max(map(float, angles[1].split())) < 1e-8


@NEEDS_DATA
def test_least_squares_of_the_patients():
    printed = python("examples/least_squares.py")
    found = re.search(r"difference to the Cholesky solution: (\S+) of", printed)
    assert found and float(found[1]) < 1e-9


@NEEDS_DATA
def test_rayleigh_quotient_of_the_digits():
    printed = python("examples/rayleigh_quotient.py")
    assert "C w = ρ w" in printed
    found = re.search(r"end at ρ = (\S+); the largest eigenvalue is (\S+)\.$", printed, re.MULTILINE)
    assert found and found[1] == found[2]
