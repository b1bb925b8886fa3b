"""Every layer's forward against plain loops, its backward against derivatives by numbers."""

import ast
import math
import sys
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import pytest

import numeric
from numeric import LinearLayer, central_difference, compare, complex_step, inner_product_test

# -------------------------------------------------------------- the mathematics, index by index


def loop_affine(x, W, b):
    return np.array([sum(W[o, i] * x[i] for i in range(len(x))) + b[o] for o in range(len(b))])


def loop_linear(X, W, b):
    Y = np.empty(X.shape[:-1] + b.shape)
    for lead in np.ndindex(X.shape[:-1]):
        Y[lead] = loop_affine(X[lead], W.T, b)
    return Y


def each(scalar):
    return lambda X: np.array([scalar(x) for x in X.flat]).reshape(X.shape)


def loop_softmax(S):
    P = np.empty(S.shape)
    for lead in np.ndindex(S.shape[:-1]):
        total = sum(math.exp(s) for s in S[lead])
        P[lead] = [math.exp(s) / total for s in S[lead]]
    return P


def loop_conv1d(X, W, b, stride=1, padding=0, dilation=1):
    n, (outputs, channels, taps) = X.shape[-1], W.shape
    size = (n + 2 * padding - dilation * (taps - 1) - 1) // stride + 1
    Y = np.zeros((*X.shape[:-2], outputs, size))
    for *lead, o, t in np.ndindex(Y.shape):
        total = b[o]
        for c, k in product(range(channels), range(taps)):
            j = stride * t + dilation * k - padding
            total += W[o, c, k] * X[(*lead, c, j)] if 0 <= j < n else 0.0
        Y[(*lead, o, t)] = total
    return Y


def loop_toeplitz(x, w, **options):
    return loop_conv1d(x[None], w[None, None], np.zeros(1), **options)[0]


def loop_attention(Q, K, V):
    O = np.empty((*Q.shape[:-1], V.shape[-1]))
    for lead in np.ndindex(Q.shape[:-2]):
        for i, q in enumerate(Q[lead]):
            scores = [sum(a * b for a, b in zip(q, k, strict=True)) / math.sqrt(len(q)) for k in K[lead]]
            total = sum(math.exp(s) for s in scores)
            O[(*lead, i)] = sum(math.exp(s) / total * v for s, v in zip(scores, V[lead], strict=True))
    return O


def loop_least_squares(X, W, Y):
    return sum((loop_linear(X, W, 0 * Y[0]) - Y).flat[n] ** 2 for n in range(Y.size))


def loop_mse(Y, T):
    return sum((y - t) ** 2 for y, t in zip(Y.flat, T.flat, strict=True)) / Y.size


def loop_mlp(X, W1, b1, W2, b2):
    return loop_linear(np.maximum(loop_linear(X, W1, b1), 0.0), W2, b2)


# ------------------------------------------------------------------------------ the cases

LOOPS = {
    "affine": loop_affine,
    "linear": loop_linear,
    "relu": each(lambda x: max(x, 0.0)),
    "tanh": each(math.tanh),
    "sigmoid": each(lambda x: 1 / (1 + math.exp(-x))),
    "softmax": loop_softmax,
    "toeplitz": loop_toeplitz,
    "conv1d": loop_conv1d,
    "attention": loop_attention,
    "least_squares": loop_least_squares,
    "mse": loop_mse,
    "mlp": loop_mlp,
}
KINKED = {"relu", "mlp"}
SHIFTED = {"stride": 2, "padding": 3, "dilation": 2}

CASES = [
    ("affine", [(5,), (3, 5), (3,)], {}),
    ("linear", [(5,), (5, 3), (3,)], {}),
    ("linear", [(7, 5), (5, 3), (3,)], {}),
    ("linear", [(2, 7, 5), (5, 3), (3,)], {}),
    *((name, [shape], {}) for name in ("relu", "tanh", "sigmoid") for shape in ((), (3, 5, 2))),
    ("softmax", [(5,)], {}),
    ("softmax", [(2, 3, 5)], {}),
    ("toeplitz", [(11,), (3,)], {}),
    ("toeplitz", [(11,), (3,)], SHIFTED),
    ("conv1d", [(2, 11), (5, 2, 3), (5,)], {}),
    ("conv1d", [(7, 2, 11), (5, 2, 3), (5,)], SHIFTED),
    ("conv1d", [(3, 7, 2, 11), (5, 2, 3), (5,)], {"stride": 3}),
    ("attention", [(5, 3), (7, 3), (7, 2)], {}),
    ("attention", [(2, 11, 5, 3), (2, 11, 7, 3), (2, 11, 7, 2)], {}),
    ("least_squares", [(7, 5), (5, 3), (7, 3)], {}),
    ("mse", [(), ()], {}),
    ("mse", [(2, 5, 3), (2, 5, 3)], {}),
    ("mlp", [(5,), (5, 11), (11,), (11, 3), (3,)], {}),
    ("mlp", [(2, 7, 5), (5, 11), (11,), (11, 3), (3,)], {}),
]


def of_layer(*names):
    return [case for case in CASES if not names or case[0] in names]


def over(cases):
    ids = [f"{name}-{'x'.join(map(str, shapes[0]))}" for name, shapes, _ in cases]
    return pytest.mark.parametrize("name, shapes, options", cases, ids=ids)


def layer(name, options):
    return (
        partial(getattr(numeric, name), **options),
        partial(getattr(numeric, f"{name}_fwd"), **options),
        getattr(numeric, f"{name}_bwd"),
    )


def draw(rng, shapes, dtype=np.float64):
    return [np.asarray(rng.standard_normal(shape), dtype) for shape in shapes]


def as_tuple(gradients):
    return gradients if isinstance(gradients, tuple) else (gradients,)


def test_every_loop_has_a_case():
    forwards = {name.removesuffix("_fwd") for name in numeric.__all__ if name.endswith("_fwd")}
    assert forwards >= set(LOOPS) == {name for name, _, _ in CASES}


# ------------------------------------------------------------------------------ the tests


def test_only_numpy_and_the_standard_library_are_imported():
    for path in Path(numeric.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module]
            roots = {name.partition(".")[0] for name in names}
            assert roots <= sys.stdlib_module_names | {"numpy"}, path


@over(CASES)
def test_forward_is_the_equation(name, shapes, options, rng):
    f, fwd, _ = layer(name, options)
    args = draw(rng, shapes)
    expected = LOOPS[name](*args, **options)
    np.testing.assert_allclose(f(*args), expected, rtol=1e-13, atol=1e-13)
    np.testing.assert_array_equal(fwd(*args)[0], f(*args))


@over(CASES)
def test_backward_is_the_derivative(name, shapes, options, rng):
    f, fwd, bwd = layer(name, options)
    args = draw(rng, shapes)
    Y, residuals = fwd(*args)
    dY = rng.standard_normal(np.shape(Y))
    gradients = as_tuple(bwd(residuals, dY))
    assert len(gradients) == len(args)
    check, tolerance = (central_difference, 1e-9) if name in KINKED else (complex_step, 1e-13)
    for wrt, gradient in enumerate(gradients):
        expected = check(f, args, wrt, dY)
        verdict = compare(gradient, expected, tolerance=tolerance, name=f"{name} by {wrt}")
        assert verdict.ok, str(verdict)
        assert verdict.skipped == 0


@over(CASES)
def test_inner_products(name, shapes, options, rng):
    f, fwd, bwd = layer(name, options)
    args = draw(rng, shapes)
    jvp = numeric.central_difference_jvp if name in KINKED else numeric.complex_step_jvp
    backward = partial(bwd, fwd(*args)[1])
    verdict = inner_product_test(f, backward, args, rng=rng, jvp=jvp, tolerance=1e-8)
    assert verdict.ok, str(verdict)


@over(CASES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept(name, shapes, options, dtype, rng):
    f, fwd, bwd = layer(name, options)
    args = draw(rng, shapes, dtype)
    Y, residuals = fwd(*args)
    assert Y.dtype == f(*args).dtype == dtype
    # Also for a cotangent that comes as Python's or NumPy's own double.
    for gradient in as_tuple(bwd(residuals, np.ones(np.shape(Y)))):
        assert gradient.dtype == dtype
    wide = [arg.astype(np.float64) for arg in args]
    np.testing.assert_allclose(Y, f(*wide), rtol=1e-4, atol=1e-5)


@over(CASES)
def test_arguments_are_neither_written_nor_handed_out(name, shapes, options, rng):
    _, fwd, bwd = layer(name, options)
    args = draw(rng, shapes)
    copies = [arg.copy() for arg in args]
    for arg in args:
        arg.flags.writeable = False
    Y, residuals = fwd(*args)
    dY = np.asarray(rng.standard_normal(np.shape(Y)))
    dY.flags.writeable = False
    gradients = as_tuple(bwd(residuals, dY))
    again = as_tuple(bwd(residuals, dY))
    for arg, copy, gradient, same in zip(args, copies, gradients, again, strict=True):
        np.testing.assert_array_equal(arg, copy)
        np.testing.assert_array_equal(gradient, same)
        assert gradient.shape == arg.shape
        assert not any(np.shares_memory(out, a) for out in (Y, gradient) for a in (*args, dY))


@over(CASES)
def test_memory_layout_does_not_matter(name, shapes, options, rng):
    _, fwd, bwd = layer(name, options)
    args = draw(rng, shapes)
    Y, residuals = fwd(*args)
    dY = np.asarray(rng.standard_normal(np.shape(Y)))
    Y2, residuals2 = fwd(*(np.asarray(arg, order="F") for arg in args))
    np.testing.assert_allclose(Y2, Y, rtol=1e-13, atol=1e-13)
    gradients = zip(as_tuple(bwd(residuals, dY)), as_tuple(bwd(residuals2, np.asarray(dY, order="F"))), strict=True)
    for gradient, gradient2 in gradients:
        np.testing.assert_allclose(gradient2, gradient, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "softmax", "relu"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.filterwarnings("error")
def test_large_inputs_stay_finite(name, dtype):
    _, fwd, bwd = layer(name, {})
    X = np.array([[-1000, 0, 1000], [1000, 1000, -1000], [-1000, -1000, -1000]], dtype)
    Y, residuals = fwd(X)
    gradient = bwd(residuals, np.ones_like(X))
    assert np.isfinite(Y).all() and np.isfinite(gradient).all()
    assert Y.dtype == gradient.dtype == dtype


@pytest.mark.filterwarnings("error")
def test_attention_with_large_logits_stays_finite(rng):
    Q, K, V = (
        1000 * rng.standard_normal((3, 5, 2)),
        rng.choice([-1, 1], (3, 7, 2)),
        np.ones((3, 7, 11)),
    )
    O, residuals = numeric.attention_fwd(Q, K, V)
    np.testing.assert_allclose(O, 1.0)
    assert all(np.isfinite(g).all() for g in numeric.attention_bwd(residuals, np.ones_like(O)))


def test_values_at_special_points():
    np.testing.assert_array_equal(numeric.sigmoid([-1000.0, 0.0, 1000.0]), [0.0, 0.5, 1.0])
    np.testing.assert_allclose(numeric.sigmoid(-40.0), math.exp(-40), rtol=1e-14)
    np.testing.assert_array_equal(numeric.softmax([1000.0, 1000.0]), [0.5, 0.5])
    _, residuals = numeric.relu_fwd(np.array([-1.0, 0.0, 2.0]))
    np.testing.assert_array_equal(numeric.relu_bwd(residuals, [np.inf, 3.0, 3.0]), [0.0, 0.0, 3.0])


def test_softmax_rows_sum_to_one_and_ignore_a_shift(rng):
    S = rng.standard_normal((3, 5))
    np.testing.assert_allclose(numeric.softmax(S).sum(axis=-1), 1.0, rtol=1e-15)
    np.testing.assert_allclose(numeric.softmax(S + 700.0), numeric.softmax(S), rtol=1e-12)


def test_integers_and_lists_become_float64():
    Y, residuals = numeric.linear_fwd([[1, 2]], [[3], [4]], [5])
    assert Y.dtype == np.float64 and Y.tolist() == [[16.0]]
    assert [g.tolist() for g in numeric.linear_bwd(residuals, [[1]])] == [[[3, 4]], [[1], [2]], [1]]
    assert numeric.softmax([0, 0]).tolist() == [0.5, 0.5]


def test_mixed_dtypes_take_the_common_one(rng):
    X, W, b = draw(rng, [(7, 5), (5, 3), (3,)])
    Y, residuals = numeric.linear_fwd(X.astype(np.float32), W, b)
    assert Y.dtype == np.float64
    assert {g.dtype for g in numeric.linear_bwd(residuals, Y)} == {np.dtype(np.float64)}


@pytest.mark.filterwarnings("error")
def test_empty_batches():
    X, W, b = np.ones((2, 0, 5)), np.ones((5, 3)), np.ones(3)
    Y, residuals = numeric.linear_fwd(X, W, b)
    assert Y.shape == (2, 0, 3)
    dX, dW, db = numeric.linear_bwd(residuals, Y)
    assert dX.shape == X.shape and not dW.any() and not db.any()
    assert numeric.linear(np.ones((7, 0)), np.ones((0, 3)), b).tolist() == [[1.0] * 3] * 7
    assert numeric.softmax(np.ones((3, 0))).shape == (3, 0)
    assert numeric.conv1d(np.ones((0, 2, 5)), np.ones((3, 2, 2)), np.ones(3)).shape == (0, 3, 4)
    no_keys = numeric.attention(np.ones((5, 3)), np.ones((0, 3)), np.ones((0, 2)))
    assert no_keys.tolist() == np.zeros((5, 2)).tolist()


# ------------------------------------------------------------------------- the class LinearLayer


def test_linear_layer_as_in_a_tutorial(rng):
    linear_layer = LinearLayer(3, 2, rng=rng)
    assert linear_layer.weights.shape == (3, 2) and linear_layer.bias.shape == (2,)
    x, grad_output = rng.standard_normal((4, 3)), rng.standard_normal((4, 2))
    y = linear_layer.forward(x)
    np.testing.assert_allclose(y, x @ linear_layer.weights + linear_layer.bias)
    grad_input, grad_weights, grad_bias = linear_layer.backward(grad_output, x)
    np.testing.assert_allclose(grad_input, grad_output @ linear_layer.weights.T)
    np.testing.assert_allclose(grad_weights, x.T @ grad_output)
    np.testing.assert_allclose(grad_bias, grad_output.sum(axis=0))


def test_linear_layer_is_drawn_from_its_seed():
    first, second, other = (LinearLayer(101, 53, rng=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.weights, second.weights)
    assert not np.array_equal(first.weights, other.weights)
    assert first.weights.std() == pytest.approx(1 / math.sqrt(101), rel=0.05)
    assert abs(first.weights.mean()) < 0.01
    assert not first.bias.any()


def test_linear_layer_checks_its_sizes(rng):
    with pytest.raises(ValueError, match="LinearLayer: output_size: expected at least 1, given 0"):
        LinearLayer(3, 0)
    with pytest.raises(ValueError, match=r"LinearLayer.backward: W, axis i: expected 5 \(as in X\), given 3"):
        LinearLayer(3, 2, rng=rng).backward(np.ones((4, 2)), np.ones((4, 5)))
