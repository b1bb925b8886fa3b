"""Somebody's own backward against the witnesses: what is wrong, where, both numbers, and what it looks like."""

import json

import pytest

from derive.cli import main

MINE = """
import numpy as np

def right(X, W, b, dY):
    return dY @ W.T, X.T @ dY, dY.sum(0)

def annotated(X, W, b, dY, *, scale=1.0):
    return [dY @ W.T, X.T @ dY, dY.sum(0)]

def any_leading(X, W, b, dY):
    rows = dY.reshape(-1, dY.shape[-1])
    return dY @ W.T, X.reshape(-1, X.shape[-1]).T @ rows, rows.sum(0)

def vectors(X, W, b, dY):
    return W @ dY, np.outer(X, dY), dY

def transposed(X, W, b, dY):
    return dY @ W.T, dY.T @ X, dY.sum(0)

def sign(X, W, b, dY):
    return dY @ W.T, -X.T @ dY, dY.sum(0)

def factor(X, W, b, dY):
    return dY @ W.T, X.T @ dY / 2, dY.sum(0)

def missing(X, W, b, dY):
    return dY @ W.T, X.T @ dY, dY

def entry(X, W, b, dY):
    dW = X.T @ dY
    dW[2, 1] += 1e-3
    return dY @ W.T, dW, dY.sum(0)

def no_number(X, W, b, dY):
    return dY @ W.T, None, dY.sum(0)

def two(X, W, b, dY):
    return dY @ W.T, X.T @ dY

def leaves(X, W, b, dY):
    raise SystemExit(0)


def raises(X, W, b, dY):
    return dY @ W, X.T @ dY, dY.sum(0)

def few(X, W, dY):
    return dY @ W.T

def overwrites(X, W, b, dY):
    X *= 0
    dY *= 0
    return W, X, b

def loss(Y, T, dL):
    R = 2 * dL * (Y - T) / Y.size
    return R, -R

def loss_alone(Y, T):
    return loss(Y, T, 1.0)

def loss_sum(Y, T):
    return 2 * (Y - T), 2 * (T - Y)

def convolution(x, w, dy, stride=1, padding=0, dilation=1):
    dx, dw = np.zeros(len(x) + 2 * padding), np.zeros_like(w)
    padded = np.pad(x, padding)
    for t in range(len(dy)):
        for k in range(len(w)):
            dx[stride * t + dilation * k] += dy[t] * w[k]
            dw[k] += dy[t] * padded[stride * t + dilation * k]
    return dx[padding : padding + len(x)], dw

def plain_convolution(x, w, dy):
    return convolution(x, w, dy)

def without_padding(x, w, dy, stride, padding, dilation):
    return convolution(x, w, np.resize(dy, (len(x) - dilation * (len(w) - 1) - 1) // stride + 1), stride, 0, dilation)

def relu(X, dY):
    return dY * (X > 0)

def leaky(X, dY):
    return dY * np.where(X > 0, 1, 0.01)
"""


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    path = tmp_path_factory.mktemp("own") / "mine.py"
    path.write_text(MINE, encoding="utf-8")
    return path


@pytest.fixture
def check(mine, capsys):
    def check(layer: str, function: str, *options: str):
        code = main(["check", layer, "--against", f"{mine}:{function}", *options])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return check


@pytest.mark.parametrize(
    "layer, function",
    [
        ("linear", "right"),
        ("linear", "annotated"),
        ("linear", "any_leading"),
        ("mse", "loss"),
        ("mse", "loss_alone"),
        ("toeplitz", "convolution"),
        ("relu", "relu"),
    ],
)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_right_backward_passes(check, layer, function, dtype):
    code, out, _ = check(layer, function, "--dtype", dtype)
    assert code == 0, out
    assert "numeric differentiation" in out and "generated code" in out and "FAILED" not in out


WRONG = [
    ("linear", "transposed", "dW", "looks like: transposed"),
    ("linear", "sign", "dW", "looks like: sign flipped"),
    ("linear", "factor", "dW", "looks like: a constant factor of 0.5"),
    ("linear", "missing", "db", "looks like: a missing sum over axis 0"),
    ("linear", "no_number", "dW", "dW is not an array of numbers"),
    ("mse", "loss_sum", "dY", "looks like: a constant factor of 11"),
    ("relu", "leaky", "dX", "dX["),
]


@pytest.mark.parametrize("layer, function, value, detail", WRONG, ids=[row[1] for row in WRONG])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_wrong_backward_is_answered(check, layer, function, value, detail, dtype):
    code, out, _ = check(layer, function, "--dtype", dtype)
    assert code == 1
    lines = [
        line for line in out.splitlines() if line.startswith(f"FAILED  {layer}, {value}, numeric differentiation:")
    ]
    assert lines and detail in lines[0]


def test_the_worst_entry_and_both_numbers(check):
    code, out, _ = check("linear", "entry")
    assert code == 1
    line = next(line for line in out.splitlines() if line.startswith("FAILED"))
    place, numbers = line.split("numeric differentiation: ")[1].split(" is ")
    assert place == "dW[i=2, o=1]"
    given, expected = (float(x) for x in numbers.split(", at ")[0].split(" instead of "))
    assert given - expected == pytest.approx(1e-3)


def test_right_for_vectors_only(check):
    code, out, _ = check("linear", "vectors")
    assert code == 0
    assert "vectors was checked without leading axes only: with one it does not return the right shapes." in out


def test_an_option_that_is_ignored(check):
    code, out, _ = check("toeplitz", "without_padding")
    assert code == 1


def test_a_function_without_the_options(check):
    code, out, _ = check("toeplitz", "plain_convolution")
    assert code == 0
    assert "checked at stride=1, padding=0, dilation=1 only: it does not take all options." in out


def test_what_the_function_overwrites_is_its_own(check):
    code, out, _ = check("linear", "overwrites")
    assert code == 1
    assert "FAILED  linear, dX" in out


CANNOT = {
    "two": "two returns 2 gradients but linear has 3 variables. Return (dX, dW, db), in this order.",
    "leaves": "leaves raises SystemExit: 0",
    "raises": "raises raises ValueError: matmul: Input operand 1 has a mismatch",
    "few": "few(X, W, dY) cannot be called with 4 arguments. For linear it is called as few(X, W, b, dY).",
    "rihgt": "has no function 'rihgt'. Did you mean right?",
}


@pytest.mark.parametrize("function", CANNOT)
def test_functions_that_cannot_be_checked(check, function):
    code, out, err = check("linear", function)
    assert (code, out) == (2, "")
    assert CANNOT[function] in err and err.count("\n") == 1


def test_the_line_of_an_error_is_given(check):
    _, _, err = check("linear", "raises")
    line = MINE.splitlines().index("def raises(X, W, b, dY):") + 2
    assert f"(line {line})" in err and "arrays of shape (4, " in err


# sizes


def test_sizes(check):
    code, out, _ = check("linear", "right", "--sizes", "d_in=64, d_out=32,...=16", "--dtype", "float32")
    assert code == 0, out
    code, out, _ = check("linear", "entry", "--sizes", "d_in=64,d_out=32")
    assert code == 1
    assert "dW[i=2, o=1]" in out and "at d_in=64, d_out=32, ...=4" in out


def test_small_gradients_are_not_taken_for_zero(check):
    code, out, _ = check("mse", "loss_sum", "--sizes", "...=100000", "--dtype", "float32")
    assert code == 1 and "looks like: a constant factor of 100000" in out
    code, out, _ = check("mse", "loss_alone", "--sizes", "...=100000", "--dtype", "float32")
    assert code == 0, out


BAD_SIZES = {
    "d_x=3": "linear has no size 'd_x'. Did you mean d_in or d_out?",
    "d_in=0": "a size is an integer from 1 to 1000000, as in d_in=64.",
    "d_in=x": "a size is an integer from 1",
    "d_in": "a size is an integer from 1",
}


@pytest.mark.parametrize("sizes", BAD_SIZES)
def test_sizes_that_cannot_be(check, sizes):
    code, _, err = check("linear", "right", "--sizes", sizes)
    assert code == 2 and BAD_SIZES[sizes] in err


def test_sizes_that_do_not_fit(check):
    code, _, err = check("linear", "right", "--sizes", "d_in=1000000,d_out=1000")
    assert code == 2 and "linear: W would have 1,000,000,000 entries. Give smaller --sizes." in err


def test_sizes_that_leave_an_axis_empty(check):
    code, _, err = check("toeplitz", "convolution", "--sizes", "n=3,K=5")
    assert code == 2 and "toeplitz: an axis would be empty with n=3, K=5. Give other sizes." in err


# the command line


def test_json(check):
    code, out, _ = check("linear", "sign", "--json")
    report = json.loads(out)
    assert code == 1 and report["ok"] is False and report["layers"][0]["layer"] == "linear"
    assert {c["value"]: c["ok"] for c in report["layers"][0]["checks"]} == {"dX": True, "dW": False, "db": True}


def test_one_layer_at_a_time(mine, capsys):
    assert main(["check", "linear", "mse", "--against", f"{mine}:right"]) == 2
    assert "Name exactly one LAYER" in capsys.readouterr().err
    assert main(["check", "--sizes", "n=3"]) == 2
    assert "Give --against too." in capsys.readouterr().err
