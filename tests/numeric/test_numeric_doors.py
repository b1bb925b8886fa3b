"""Wrong arguments are turned away at the door; the table holds the calls and what they are told."""

import re

import numpy as np
import pytest

import numeric


def ones(*shape):
    return np.ones(shape)


EMPTY = "{}: the output would be empty: expected at least 7 entries with the padding "

BAD_FORWARDS = [
    (
        "affine",
        [ones(5), ones(3, 2), ones(3)],
        {},
        "affine: W, axis i: expected 5 (as in x), given 2.",
    ),
    (
        "affine",
        [ones(5), ones(3, 5), ones(2)],
        {},
        "affine: b, axis o: expected 3 (as in W), given 2.",
    ),
    (
        "affine",
        [ones(2, 5), ones(3, 5), ones(3)],
        {},
        "affine: x: expected axes [i], given shape (2, 5).",
    ),
    (
        "linear",
        [ones(7, 5), ones(3, 5), ones(3)],
        {},
        "linear: W, axis i: expected 5 (as in X), given 3.",
    ),
    (
        "linear",
        [ones(7, 5), ones(5, 3), ones(1)],
        {},
        "linear: b, axis o: expected 3 (as in W), given 1.",
    ),
    (
        "linear",
        [1.0, ones(5, 3), ones(3)],
        {},
        "linear: X: expected axes [..., i], given shape ().",
    ),
    ("linear", [["a"], ones(5, 3), ones(3)], {}, "linear: X: expected numbers, given dtype <U1."),
    ("relu", [None], {}, "relu: X: expected numbers, given dtype object."),
    ("softmax", [1.0], {}, "softmax: S: expected axes [..., j], given shape ()."),
    (
        "attention",
        [ones(5, 3), ones(7, 2), ones(7, 2)],
        {},
        "attention: K, axis d: expected 3 (as in Q), given 2.",
    ),
    (
        "attention",
        [ones(5, 3), ones(7, 3), ones(5, 2)],
        {},
        "attention: V, axis j: expected 7 (as in K), given 5.",
    ),
    (
        "attention",
        [ones(2, 5, 3), ones(2, 7, 3), ones(7, 2)],
        {},
        "attention: V, axis ...: expected (2,) (as in Q), given ().",
    ),
    (
        "least_squares",
        [ones(7, 5), ones(5, 3), ones(7)],
        {},
        "least_squares: Y: expected axes [b, o], given shape (7,).",
    ),
    (
        "least_squares",
        [ones(7, 5), ones(5, 3), ones(5, 3)],
        {},
        "least_squares: Y, axis b: expected 7 (as in X), given 5.",
    ),
    ("mse", [ones(2, 3), ones(3)], {}, "mse: T, axis ...: expected (2, 3) (as in Y), given (3,)."),
    (
        "mse",
        [ones(0, 3), ones(0, 3)],
        {},
        "mse: Y, axis ...: expected at least 1 entry, given shape (0, 3).",
    ),
    (
        "mlp",
        [ones(7, 5), ones(5, 11), ones(11), ones(3, 11), ones(3)],
        {},
        "mlp: W2, axis h: expected 11 (as in W1), given 3.",
    ),
    (
        "toeplitz",
        [ones(5), ones(3)],
        {"dilation": 3},
        EMPTY.format("toeplitz: x, axis j") + "(3 taps, dilation 3), given 5 + 2*0.",
    ),
    (
        "toeplitz",
        [ones(5), ones(0)],
        {},
        "toeplitz: w, axis k: expected at least 1 tap, given 0.",
    ),
    (
        "toeplitz",
        [ones(5), ones(3)],
        {"stride": 0},
        "toeplitz: stride: expected an integer of at least 1, given 0.",
    ),
    (
        "toeplitz",
        [ones(5), ones(3)],
        {"padding": -1},
        "toeplitz: padding: expected an integer of at least 0, given -1.",
    ),
    (
        "toeplitz",
        [ones(5), ones(3)],
        {"dilation": 1.5},
        "toeplitz: dilation: expected an integer of at least 1, given 1.5.",
    ),
    (
        "conv1d",
        [ones(7, 2, 11), ones(5, 3, 3), ones(5)],
        {},
        "conv1d: W, axis c: expected 2 (as in X), given 3.",
    ),
    (
        "conv1d",
        [ones(11), ones(5, 2, 3), ones(5)],
        {},
        "conv1d: X: expected axes [..., c, l], given shape (11,).",
    ),
    (
        "conv1d",
        [ones(2, 1), ones(5, 2, 7), ones(5)],
        {"padding": 2},
        EMPTY.format("conv1d: X, axis l") + "(7 taps, dilation 1), given 1 + 2*2.",
    ),
    (
        "conv1d",
        [ones(2, 11), ones(5, 2, 3), ones(5)],
        {"dilation": 0},
        "conv1d: dilation: expected an integer of at least 1, given 0.",
    ),
]

BAD_COTANGENTS = [
    (
        "affine",
        [ones(5), ones(3, 5), ones(3)],
        ones(5),
        "affine_bwd: dy, axis o: expected 3 (as in y), given 5.",
    ),
    (
        "linear",
        [ones(7, 5), ones(5, 3), ones(3)],
        ones(7, 5),
        "linear_bwd: dY, axis o: expected 3 (as in Y), given 5.",
    ),
    (
        "linear",
        [ones(7, 5), ones(5, 3), ones(3)],
        ones(3),
        "linear_bwd: dY, axis ...: expected (7,) (as in Y), given ().",
    ),
    ("relu", [ones(3)], ones(2), "relu_bwd: dY, axis ...: expected (3,) (as in Y), given (2,)."),
    ("tanh", [ones(3)], 1.0, "tanh_bwd: dY, axis ...: expected (3,) (as in Y), given ()."),
    (
        "sigmoid",
        [ones(3)],
        ones(1, 3),
        "sigmoid_bwd: dY, axis ...: expected (3,) (as in Y), given (1, 3).",
    ),
    (
        "softmax",
        [ones(2, 3)],
        ones(2, 2),
        "softmax_bwd: dP, axis j: expected 3 (as in P), given 2.",
    ),
    (
        "toeplitz",
        [ones(5), ones(3)],
        ones(5),
        "toeplitz_bwd: dy, axis t: expected 3 (as in y), given 5.",
    ),
    (
        "conv1d",
        [ones(2, 11), ones(5, 2, 3), ones(5)],
        ones(5, 11),
        "conv1d_bwd: dY, axis t: expected 9 (as in Y), given 11.",
    ),
    (
        "attention",
        [ones(5, 3), ones(7, 3), ones(7, 2)],
        ones(7, 2),
        "attention_bwd: dO, axis i: expected 5 (as in O), given 7.",
    ),
    (
        "least_squares",
        [ones(7, 5), ones(5, 3), ones(7, 3)],
        ones(7),
        "least_squares_bwd: dL: expected axes [], given shape (7,).",
    ),
    ("mse", [ones(3), ones(3)], ones(3), "mse_bwd: dL: expected axes [], given shape (3,)."),
    (
        "mlp",
        [ones(7, 5), ones(5, 11), ones(11), ones(11, 3), ones(3)],
        ones(7, 2),
        "mlp_bwd: dY, axis o: expected 3 (as in Y), given 2.",
    ),
]


def exactly(text):
    return f"^{re.escape(text)}$"


@pytest.mark.parametrize("name, args, options, message", BAD_FORWARDS)
def test_bad_arguments(name, args, options, message):
    for function in (getattr(numeric, name), getattr(numeric, f"{name}_fwd")):
        with pytest.raises(ValueError, match=exactly(message)):
            function(*args, **options)


@pytest.mark.parametrize("name, args, dY, message", BAD_COTANGENTS)
def test_bad_cotangents(name, args, dY, message):
    _, residuals = getattr(numeric, f"{name}_fwd")(*args)
    with pytest.raises(ValueError, match=exactly(message)):
        getattr(numeric, f"{name}_bwd")(residuals, dY)


def test_every_backward_is_in_the_table():
    assert {f"{name}_bwd" for name, *_ in BAD_COTANGENTS} == {name for name in numeric.__all__ if name.endswith("_bwd")}


def test_toeplitz_matrix_checks_its_options():
    with pytest.raises(ValueError, match=r"toeplitz_matrix: w: expected axes \[k\], given shape \(2, 3\)"):
        numeric.toeplitz_matrix(ones(2, 3), 5)
    with pytest.raises(ValueError, match="toeplitz_matrix: x, axis j: the output would be empty"):
        numeric.toeplitz_matrix(ones(3), 2)
