"""The gradient checkers: right where f is smooth, honest at kinks, not fooled by planted faults."""

import dataclasses
import math
from functools import partial

import numpy as np
import pytest

import numeric
from numeric import (
    central_difference,
    central_difference_jvp,
    compare,
    complex_step,
    complex_step_jvp,
    inner_product_test,
)
from numeric.gradcheck import STEP

SMOOTH = [
    (np.exp, np.exp),
    (np.sin, np.cos),
    (np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    (lambda x: x**3 - x, lambda x: 3 * x**2 - 1),
    (lambda x: 1 / (3 + x), lambda x: -1 / (3 + x) ** 2),
    (lambda x: np.log(3 + x), lambda x: 1 / (3 + x)),
    (lambda x: 0 * x, lambda x: 0 * x),
    (lambda x: 1e6 + x**2, lambda x: 2 * x),
    (lambda x: 1e4 * np.sin(10 * x), lambda x: 1e5 * np.cos(10 * x)),
]
POINTS = np.array([-2.0, -1.0, -1 / math.sqrt(3), 0.0, 1e-9, math.pi / 6, 1.5])


@pytest.mark.parametrize("f, derivative", SMOOTH)
def test_smooth_functions_have_no_kinks(f, derivative):
    v = np.linspace(-1, 2, POINTS.size)
    near = central_difference(f, [POINTS], 0, v)
    # Rounding leaves about 1e-16 · |f| / h.
    allowed = max(1e-9, 1e-10 * np.abs(f(POINTS)).max())
    assert compare(near, v * derivative(POINTS), tolerance=allowed).ok
    assert not np.isnan(near).any()
    exact = complex_step(f, [POINTS], 0, v)
    np.testing.assert_allclose(exact, v * derivative(POINTS), rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("kinked", [np.abs, lambda x: np.maximum(x, 0.0), lambda x: np.minimum(x, 2 * x)])
def test_a_kink_anywhere_in_reach_is_noticed_or_harmless(kinked):
    offsets = STEP * np.concatenate([np.linspace(-1.5, 1.5, 601), [1 / 3, 0.5, 4 / 9, -1 / 3]])
    slopes = central_difference(lambda x: kinked(x) + np.sin(x), [offsets], 0, np.ones(offsets.size))
    left, right = kinked(np.array(-1.0)) * -1 + 1, kinked(np.array(1.0)) + 1
    truth = np.where(offsets < 0, left, right)
    unknown = np.isnan(slopes)
    np.testing.assert_allclose(slopes[~unknown], truth[~unknown], atol=1e-6)
    # Nearer than 0.99 steps nothing gets through, and further than a step everything does.
    assert unknown[np.abs(offsets) < 0.99 * STEP].all()
    assert not unknown[np.abs(offsets) > 1.01 * STEP].any()


def test_a_kink_is_skipped_and_the_rest_checked(rng):
    X = rng.standard_normal((3, 5))
    X[1, 2] = 0.0
    Y, residuals = numeric.relu_fwd(X)
    expected = central_difference(numeric.relu, [X], 0, np.ones_like(Y))
    verdict = compare(numeric.relu_bwd(residuals, np.ones_like(Y)), expected, tolerance=1e-9, name="dX")
    assert verdict.ok and (verdict.checked, verdict.skipped) == (14, 1)
    assert np.isnan(expected[1, 2])
    assert str(verdict).endswith("14 checked, 1 skipped")


def test_the_guard_cannot_hide_everything():
    X = np.zeros(7)
    X[:3] = 1.0
    expected = central_difference(numeric.relu, [X], 0, np.ones(7))
    verdict = compare(np.where(X > 0, 1.0, 0.0), expected, tolerance=1e-9, name="dX")
    assert not verdict.ok
    assert str(verdict) == "dX: only 3 of 7 entries can be checked, 3 checked, 4 skipped"


def test_half_unknown_is_still_a_comparison():
    assert compare(np.ones(4), np.array([1.0, np.nan, np.nan, 1.0]), tolerance=1e-9).ok
    assert not compare(np.ones(3), np.array([1.0, np.nan, np.nan]), tolerance=1e-9).ok


def test_an_unknown_output_that_the_cotangent_ignores_does_no_harm():
    gradient = central_difference(lambda x: (x**2, np.abs(x)), [np.zeros(2)], 0, (np.ones(2), np.zeros(2)))
    np.testing.assert_allclose(gradient, 0.0, atol=1e-12)


def test_jvps_are_the_directional_derivative(rng):
    args = [rng.standard_normal(shape) for shape in ((7, 5), (5, 3), (3,))]
    U = [rng.standard_normal(arg.shape) for arg in args]
    (X, W, _), (dX, dW, db) = args, U
    expected = dX @ W + X @ dW + db
    assert compare(complex_step_jvp(numeric.linear, args, U), expected, tolerance=1e-14).ok
    assert compare(central_difference_jvp(numeric.linear, args, U), expected, tolerance=1e-9).ok
    held = [None, dW, None]
    assert compare(complex_step_jvp(numeric.linear, args, held), X @ dW, tolerance=1e-14).ok
    assert compare(central_difference_jvp(numeric.linear, args, held), X @ dW, tolerance=1e-9).ok


def test_several_outputs_and_integer_arguments(rng):
    def f(x, label):
        return x**2, np.sum(x[label] * x)

    x, label, v = np.array([2.0, 3.0, 5.0]), np.array(1), (np.array([1.0, 0.0, 2.0]), np.array(7.0))
    expected = 2 * x * v[0] + 7.0 * (x[1] + np.array([0.0, x.sum(), 0.0]))
    for check in (complex_step, central_difference):
        np.testing.assert_allclose(check(f, [x, label], 0, v), expected, rtol=1e-9)
    by_square, by_sum = complex_step_jvp(f, [x, label], [np.ones(3), None])
    assert by_square.shape == (3,) and by_sum.shape == ()

    def bwd(v):
        return 2 * x * v[0] + v[1] * (x[1] + np.array([0.0, x.sum(), 0.0])), None

    assert inner_product_test(f, bwd, [x, label], rng=rng).ok


def test_float32_arguments_are_differentiated_in_float64():
    x = np.array([0.5, 2.0], np.float32)
    np.testing.assert_allclose(central_difference(np.sin, [x], 0, np.ones(2)), np.cos([0.5, 2.0]), rtol=1e-10)


def test_large_and_small_arguments_get_steps_of_their_own_size():
    x = np.array([1e-3, 1.0, 1e6])
    np.testing.assert_allclose(central_difference(np.square, [x], 0, np.ones(3)), 2 * x, rtol=1e-8)


def test_complex_step_refuses_what_drops_the_imaginary_part():
    for f in (np.abs, np.real):
        with pytest.raises(ValueError, match="use central_difference"):
            complex_step(f, [np.ones(2)], 0, np.ones(2))

    def casts(x):
        out = np.empty(2)
        out[:] = x
        return out + 0j

    with pytest.raises(np.exceptions.ComplexWarning):
        complex_step(casts, [np.ones(2)], 0, np.ones(2))


def test_a_cotangent_of_the_wrong_shape_is_named():
    with pytest.raises(ValueError, match=r"cotangent: expected shape \(2,\), as f's output, given \(3,\)"):
        complex_step(np.exp, [np.ones(2)], 0, np.ones(3))


# ------------------------------------------------------------------------------ planted faults

E = np.array([[2.0, -3.0, 5.0], [7.0, 11.0, -13.0], [17.0, 19.0, 23.0]])
PLANTED = [
    ("transposed", E.T, E),
    ("transposed", E[:2].T, E[:2]),
    ("transposed", np.stack([E, 2 * E]).swapaxes(1, 2), np.stack([E, 2 * E])),
    ("transposed to axes (1, 0, 2)", np.stack([E, 2 * E]).swapaxes(0, 1), np.stack([E, 2 * E])),
    ("sign flipped", -E, E),
    ("sign flipped", -2.0, 2.0),
    ("a constant factor of 2", 2 * E, E),
    ("a constant factor of 0.333333", E / 3, E),
    ("a constant factor of -0.5", -E / 2, E),
    ("a constant factor of 3", np.array([6.0, 9.0]), np.array([2.0, 3.0])),
    ("all entries 0", 0 * E, E),
    ("a missing sum over axis 0", E[:2], E[:2].sum(axis=0)),
    ("a missing sum over axis 1", E[:2], E[:2].sum(axis=1)),
    ("a missing sum over axes (0, 1)", np.stack([E, 3 * E]), 4 * E.sum(axis=0)),
    ("summed over axis 0", E[:2].sum(axis=0), E[:2]),
    ("summed over axis 1", E.sum(axis=1, keepdims=True), E),
    ("summed over axis 1", np.repeat(E.sum(axis=1, keepdims=True), 3, axis=1), E),
    ("summed over axes (0, 1)", E.sum(), E),
    ("", E + np.eye(3), E),
    ("", 3.0, 2.0),
    ("", np.zeros(3), np.array([0.0, 0.0, 1.0])),
    ("", np.ones((2, 5)), E),
]


@pytest.mark.parametrize("pattern, actual, expected", PLANTED)
def test_patterns(pattern, actual, expected):
    verdict = compare(actual, expected, tolerance=1e-9, name="dW")
    assert not verdict.ok
    assert verdict.pattern == pattern


def test_patterns_are_seen_around_skipped_entries():
    expected = E.copy()
    expected[0, 1] = np.nan
    assert compare(E.T, expected, tolerance=1e-9).pattern == "transposed"
    assert compare(-3 * E, expected, tolerance=1e-9).pattern == "a constant factor of -3"


def test_tiny_arrays_have_patterns_too():
    assert compare(-1e-6 * E, 1e-6 * E, tolerance=1e-9).pattern == "sign flipped"


@pytest.mark.parametrize(
    "fault, pattern",
    [
        (lambda dX, dW, db: (dX, dW.T, db), "transposed"),
        (lambda dX, dW, db: (dX, -dW, db), "sign flipped"),
        (lambda dX, dW, db: (dX, 2 * dW, db), "a constant factor of 2"),
    ],
)
def test_faults_in_a_backward_are_caught(fault, pattern, rng):
    args = [rng.standard_normal(shape) for shape in ((7, 5), (5, 5), (5,))]
    Y, residuals = numeric.linear_fwd(*args)
    dY = rng.standard_normal(Y.shape)

    def faulty_bwd(v):
        return fault(*numeric.linear_bwd(residuals, v))

    expected = complex_step(numeric.linear, args, 1, dY)
    verdict = compare(faulty_bwd(dY)[1], expected, tolerance=1e-12, name="dW")
    assert not verdict.ok and verdict.pattern == pattern
    i, o = verdict.worst
    assert verdict.place == f"dW[{i}, {o}]"
    assert verdict.actual_value == faulty_bwd(dY)[1][i, o]
    assert verdict.expected_value == expected[i, o]
    assert abs(verdict.actual_value - verdict.expected_value) == np.abs(faulty_bwd(dY)[1] - expected).max()
    assert not inner_product_test(numeric.linear, faulty_bwd, args, rng=rng).ok


def test_a_lost_sum_in_the_bias_is_caught(rng):
    args = [rng.standard_normal(shape) for shape in ((7, 5), (5, 3), (3,))]
    dY = rng.standard_normal((7, 3))
    expected = complex_step(numeric.linear, args, 2, dY)
    verdict = compare(dY, expected, tolerance=1e-12, name="db")
    assert str(verdict) == "db: expected shape (3,), given (7, 3), 0 checked; looks like: a missing sum over axis 0"


def test_a_lost_term_is_caught_by_inner_products(rng):
    S = rng.standard_normal((3, 5))
    P, residuals = numeric.softmax_fwd(S)
    assert inner_product_test(numeric.softmax, partial(numeric.softmax_bwd, residuals), [S], rng=rng).ok
    verdict = inner_product_test(numeric.softmax, lambda v: P * v, [S], rng=rng)
    assert not verdict.ok and verdict.checked == 3


def test_inner_products_see_a_gradient_of_the_wrong_shape(rng):
    args = [rng.standard_normal(shape) for shape in ((7, 5), (5, 3), (3,))]
    _, residuals = numeric.linear_fwd(*args)

    def faulty_bwd(v):
        dX, dW, _ = numeric.linear_bwd(residuals, v)
        return dX, dW, v

    verdict = inner_product_test(numeric.linear, faulty_bwd, args, rng=rng)
    assert not verdict.ok and verdict.error == math.inf


def test_inner_products_leave_out_outputs_at_a_kink(rng):
    X = rng.standard_normal(7)
    X[3] = 0.0
    _, residuals = numeric.relu_fwd(X)
    test = partial(inner_product_test, numeric.relu, args=[X], rng=rng, jvp=central_difference_jvp)
    assert test(bwd=partial(numeric.relu_bwd, residuals)).ok
    assert not test(bwd=lambda v: v).ok
    # At the kink either slope is right, since nothing is asked there.
    assert test(bwd=lambda v: np.where(X >= 0, v, 0.0)).ok
    X[:5] = 0.0
    nothing_left = test(bwd=partial(numeric.relu_bwd, residuals))
    assert not nothing_left.ok and nothing_left.skipped == 3


# -------------------------------------------------------------------------------- the comparison


def test_the_worst_entry_is_named_with_both_values():
    actual = E.copy()
    actual[2, 1] += 0.5
    actual[0, 0] += 0.25
    verdict = compare(actual, E, tolerance=1e-9, name="dW")
    assert (verdict.worst, verdict.actual_value, verdict.expected_value) == ((2, 1), 19.5, 19.0)
    assert verdict.error == pytest.approx(0.5 / 23)
    assert str(verdict) == ("dW: worst at dW[2, 1], expected 19, given 19.5, error 0.022 > 1e-09, 9 checked")
    with pytest.raises(dataclasses.FrozenInstanceError):
        verdict.ok = True


def test_a_scalar_has_no_index():
    assert str(compare(3.0, 2.0, tolerance=1e-9, name="L")) == (
        "L: worst at L, expected 2, given 3, error 0.5 > 1e-09, 1 checked"
    )


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_never_ok(bad):
    actual = E.copy()
    actual[1, 2] = bad
    verdict = compare(actual, E, tolerance=1e9)
    assert not verdict.ok and verdict.worst == (1, 2) and verdict.error == math.inf
    hidden = E.copy()
    hidden[1, 2] = np.nan
    assert compare(actual, hidden, tolerance=1e9).ok is not np.isnan(bad)


def test_a_wrong_shape_is_never_ok():
    for actual in (E[0], E[None], E[:, :1], 0.0):
        verdict = compare(actual, E, tolerance=1e9)
        assert not verdict.ok and verdict.error == math.inf and verdict.worst is None


def test_the_tolerance_does_not_grow_with_the_size():
    errors = []
    for n in (1, 1000):
        actual = np.ones(n)
        actual[0] += 1e-6
        errors.append(compare(actual, np.ones(n), tolerance=1e-9).error)
    assert errors[0] == errors[1] == pytest.approx(1e-6)


def test_small_values_can_be_compared_on_their_own_scale():
    assert compare(np.array([2e-10]), np.array([1e-10]), tolerance=1e-9).ok
    assert not compare(np.array([2e-10]), np.array([1e-10]), tolerance=1e-9, floor=1e-12).ok


def test_nothing_to_compare_is_ok_if_the_shape_is_right():
    assert compare(np.ones((0, 3)), np.ones((0, 3)), tolerance=1e-9).ok
    assert not compare(np.ones((0, 3)), np.ones((3, 0)), tolerance=1e-9).ok
