"""Wrong arguments are turned away at the door; the table holds the calls and what they are told."""

import re

import numpy as np
import pytest

import numeric
from derive.loading import all_layers


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
    ("huber", [ones(0), ones(0)], {}, "huber: Y, axis ...: expected at least 1 entry, given shape (0,)."),
    ("hinge", [ones(2, 3), ones(3)], {}, "hinge: T, axis ...: expected (2, 3) (as in Y), given (3,)."),
    (
        "cross_entropy",
        [ones(0, 3), ones(0, 3)],
        {},
        "cross_entropy: Z, axis b: expected at least 1 entry, given shape (0, 3).",
    ),
    ("info_nce", [ones(5, 3), ones(4, 3)], {}, "info_nce: V, axis i: expected 5 (as in U), given 4."),
    ("bilinear", [ones(5), ones(2, 5, 3), ones(4)], {}, "bilinear: z, axis j: expected 3 (as in A), given 4."),
    (
        "low_rank_update",
        [ones(5), ones(5, 3), ones(5, 2), ones(3, 3)],
        {},
        "low_rank_update: B, axis r: expected 2 (as in A), given 3.",
    ),
    ("rayleigh_quotient", [ones(3, 4), ones(3)], {}, "rayleigh_quotient: C, axis i: expected 3 (as in x), given 4."),
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
        "blockwise_attention",
        [ones(5, 3), ones(7, 3), ones(7, 2)],
        ones(7, 2),
        "blockwise_attention_bwd: dO, axis i: expected 5 (as in O), given 7.",
    ),
    (
        "blockwise_causal_attention",
        [ones(5, 3), ones(5, 3), ones(5, 2)],
        ones(7, 2),
        "blockwise_causal_attention_bwd: dO, axis i: expected 5 (as in O), given 7.",
    ),
    (
        "least_squares",
        [ones(7, 5), ones(5, 3), ones(7, 3)],
        ones(7),
        "least_squares_bwd: dL: expected axes [], given shape (7,).",
    ),
    ("mse", [ones(3), ones(3)], ones(3), "mse_bwd: dL: expected axes [], given shape (3,)."),
    (
        "mean_absolute_error",
        [ones(3), ones(3)],
        ones(3),
        "mean_absolute_error_bwd: dL: expected axes [], given shape (3,).",
    ),
    ("huber", [ones(3), ones(3)], ones(3), "huber_bwd: dL: expected axes [], given shape (3,)."),
    ("hinge", [ones(3), ones(3)], ones(3), "hinge_bwd: dL: expected axes [], given shape (3,)."),
    ("logistic_loss", [ones(3), ones(3)], ones(3), "logistic_loss_bwd: dL: expected axes [], given shape (3,)."),
    (
        "binary_cross_entropy",
        [ones(3), ones(3)],
        ones(3),
        "binary_cross_entropy_bwd: dL: expected axes [], given shape (3,).",
    ),
    ("cross_entropy", [ones(5, 3), ones(5, 3)], ones(3), "cross_entropy_bwd: dL: expected axes [], given shape (3,)."),
    ("kl_divergence", [ones(5, 3), ones(5, 3)], ones(3), "kl_divergence_bwd: dL: expected axes [], given shape (3,)."),
    ("info_nce", [ones(5, 3), ones(5, 3)], ones(3), "info_nce_bwd: dL: expected axes [], given shape (3,)."),
    ("ridge", [ones(5, 3), ones(3), ones(5)], ones(3), "ridge_bwd: dL: expected axes [], given shape (3,)."),
    (
        "matrix_factorization",
        [ones(5, 3), ones(5, 3), ones(5, 2), ones(3, 2)],
        ones(3),
        "matrix_factorization_bwd: dL: expected axes [], given shape (3,).",
    ),
    ("pca", [ones(5, 3), ones(3, 2)], ones(3), "pca_bwd: dL: expected axes [], given shape (3,)."),
    (
        "label_smoothing",
        [ones(5, 3), ones(5, 3)],
        ones(3),
        "cross_entropy_bwd: dL: expected axes [], given shape (3,).",
    ),
    (
        "rayleigh_quotient",
        [ones(3, 3), ones(3)],
        ones(3),
        "rayleigh_quotient_bwd: drho: expected axes [], given shape (3,).",
    ),
    ("log_softmax", [ones(5, 3)], ones(5, 2), "log_softmax_bwd: dA, axis j: expected 3 (as in A), given 2."),
    (
        "bilinear",
        [ones(7, 5), ones(2, 5, 3), ones(7, 3)],
        ones(7, 3),
        "bilinear_bwd: dy, axis o: expected 2 (as in y), given 3.",
    ),
    (
        "low_rank_update",
        [ones(7, 5), ones(5, 3), ones(5, 2), ones(2, 3)],
        ones(7, 2),
        "low_rank_update_bwd: dY, axis o: expected 3 (as in Y), given 2.",
    ),
    (
        "mlp",
        [ones(7, 5), ones(5, 11), ones(11), ones(11, 3), ones(3)],
        ones(7, 2),
        "mlp_bwd: dY, axis o: expected 3 (as in Y), given 2.",
    ),
    (
        "conv2d",
        [ones(2, 5, 6), ones(3, 2, 2, 3), ones(3)],
        ones(3, 4, 5),
        "conv2d_bwd: dY, axis j: expected 4 (as in Y), given 5.",
    ),
    (
        "conv3d",
        [ones(2, 5, 6, 7), ones(3, 2, 2, 3, 2), ones(3)],
        ones(3, 4, 4, 7),
        "conv3d_bwd: dY, axis j: expected 6 (as in Y), given 7.",
    ),
    (
        "asymmetric_conv1d",
        [ones(2, 11), ones(5, 2, 3), ones(5)],
        ones(5, 11),
        "asymmetric_conv1d_bwd: dY, axis t: expected 9 (as in Y), given 11.",
    ),
    (
        "asymmetric_conv2d",
        [ones(2, 5, 6), ones(3, 2, 2, 3), ones(3)],
        ones(3, 5, 4),
        "asymmetric_conv2d_bwd: dY, axis i: expected 4 (as in Y), given 5.",
    ),
    (
        "asymmetric_conv3d",
        [ones(2, 5, 6, 7), ones(3, 2, 2, 3, 2), ones(3)],
        ones(3, 5, 4, 6),
        "asymmetric_conv3d_bwd: dY, axis t: expected 4 (as in Y), given 5.",
    ),
    (
        "grouped_conv1d",
        [ones(2, 3, 11), ones(2, 5, 3, 3), ones(2, 5)],
        ones(2, 3, 9),
        "grouped_conv1d_bwd: dY, axis o: expected 5 (as in Y), given 3.",
    ),
    (
        "grouped_conv2d",
        [ones(2, 3, 5, 6), ones(2, 5, 3, 2, 3), ones(2, 5)],
        ones(3, 5, 4, 4),
        "grouped_conv2d_bwd: dY, axis g: expected 2 (as in Y), given 3.",
    ),
    (
        "grouped_conv3d",
        [ones(2, 3, 5, 6, 7), ones(2, 5, 3, 2, 3, 2), ones(2, 5)],
        ones(2, 5, 4, 4, 7),
        "grouped_conv3d_bwd: dY, axis j: expected 6 (as in Y), given 7.",
    ),
    (
        "depthwise_conv1d",
        [ones(2, 11), ones(2, 3), ones(2)],
        ones(2, 11),
        "depthwise_conv1d_bwd: dY, axis t: expected 9 (as in Y), given 11.",
    ),
    (
        "depthwise_conv2d",
        [ones(2, 5, 6), ones(2, 2, 3), ones(2)],
        ones(3, 4, 4),
        "depthwise_conv2d_bwd: dY, axis c: expected 2 (as in Y), given 3.",
    ),
    (
        "pointwise_conv2d",
        [ones(2, 5, 6), ones(3, 2), ones(3)],
        ones(2, 5, 6),
        "pointwise_conv2d_bwd: dY, axis o: expected 3 (as in Y), given 2.",
    ),
    (
        "depthwise_separable_conv2d",
        [ones(2, 5, 6), ones(2, 2, 3), ones(2), ones(3, 2), ones(3)],
        ones(3, 4, 5),
        "pointwise_conv2d_bwd: dY, axis w: expected 4 (as in Y), given 5.",
    ),
    (
        "causal_conv1d",
        [ones(2, 11), ones(5, 2, 3), ones(5)],
        ones(5, 9),
        "causal_conv1d_bwd: dY, axis l: expected 11 (as in Y), given 9.",
    ),
    (
        "circular_conv1d",
        [ones(5), ones(3)],
        ones(3),
        "circular_conv1d_bwd: dy, axis t: expected 5 (as in y), given 3.",
    ),
    (
        "conv_transpose1d",
        [ones(2, 5), ones(2, 3, 3), ones(3)],
        ones(3, 5),
        "conv_transpose1d_bwd: dY, axis t: expected 7 (as in Y), given 5.",
    ),
    (
        "conv_transpose2d",
        [ones(2, 5, 6), ones(2, 3, 2, 3), ones(3)],
        ones(3, 6, 6),
        "conv_transpose2d_bwd: dY, axis j: expected 8 (as in Y), given 6.",
    ),
    (
        "avg_pool1d",
        [ones(6)],
        ones(6),
        "avg_pool1d_bwd: dY, axis t: expected 3 (as in Y), given 6.",
    ),
    (
        "avg_pool2d",
        [ones(6, 8)],
        ones(3, 3),
        "avg_pool2d_bwd: dY, axis j: expected 4 (as in Y), given 3.",
    ),
    (
        "global_avg_pool",
        [ones(2, 5, 6)],
        ones(5),
        "global_avg_pool_bwd: dY, axis ...: expected (2,) (as in Y), given (5,).",
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


def test_every_backward_function_is_tried():
    """In the table; those of the catalogue's layers, which are all tried beside the generated ones, may stand there."""
    there = {name for name in numeric.__all__ if name.endswith("_bwd") and not name.startswith("_")}
    tabled, layers = ({f"{name}_bwd" for name in names} for names in ((row[0] for row in BAD_COTANGENTS), all_layers()))
    assert tabled <= there == tabled | layers


def test_toeplitz_matrix_checks_its_options():
    with pytest.raises(ValueError, match=r"toeplitz_matrix: w: expected axes \[k\], given shape \(2, 3\)"):
        numeric.toeplitz_matrix(ones(2, 3), 5)
    with pytest.raises(ValueError, match="toeplitz_matrix: x, axis j: the output would be empty"):
        numeric.toeplitz_matrix(ones(3), 2)
