"""Arrays of ones and zeros that are never made, and choices that take no branch."""

import math

import numpy as np
import pytest
from sympy import Eq, Sum, exp, log

from derive import check, compiled, numpy_source
from derive.language import Tensor, axes, define, iverson, layer
from derive.lowering.ones import ones
from derive.printers.numpy_helpers import _erf, _sigmoid, _where

a, b, c = axes("a=n b=m c=q")
p, r = axes("p=n r=n")


@layer
def marks(x: Tensor[a, c], label: Tensor[a].into(c), w: Tensor[a]):
    """Something is taken away in one column of each row, more in some rows than in others."""
    return define("y", (a, c), exp(x[a, c]) - 3 * w[a] * iverson(Eq(c, label[a])))


@layer
def shared_factor(x: Tensor[a, b, c], label: Tensor[a, b].into(c), w: Tensor[a]):
    """The same inside a product with rows, with two axes of rows."""
    return define("y", (a, b, c), w[a] * (x[a, b, c] + iverson(Eq(c, label[a, b])) / 2))


@layer
def identity_less(x: Tensor[p, r]):
    """The identity is taken away from what is the argument's own memory."""
    return define("y", (p, r), x[p, r] - iverson(Eq(p, r)))


@layer
def log_loss(x: Tensor[a, c], label: Tensor[a].into(c)):
    """Its gradient has the ones."""
    z = define("z", (a,), log(Sum(exp(x[a, c]), c)))
    return define("L", (), Sum(z[a] - Sum(x[a, c] * iverson(Eq(c, label[a])), c), a))


@layer
def one_hot(x: Tensor[a, c], label: Tensor[a].into(c)):
    """Where each entry is multiplied, there is no sum to add to."""
    return define("y", (a, c), x[a, c] * iverson(Eq(c, label[a])))


LAYERS = (marks, shared_factor, identity_less, log_loss)


@pytest.mark.parametrize("of", LAYERS, ids=lambda of: of.name)
def test_something_is_added_at_single_places(of):
    source = numpy_source(of)
    assert "np.eye" not in source and "np.arange(q) ==" not in source
    assert "] -= " in source or "] += " in source
    assert check(of).ok


def test_an_argument_is_copied_before_something_is_added_to_it():
    x = np.ones((3, 3))
    x.flags.writeable = False
    np.testing.assert_array_equal(compiled(identity_less).identity_less(x), 1 - np.eye(3))


def test_a_product_with_ones_is_no_sum():
    (equation,) = one_hot.equations
    assert ones(equation) is None
    assert check(one_hot).ok


# choices


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_a_choice_is_that_of_numpy(dtype):
    rng = np.random.default_rng(3)
    x, y = (rng.standard_normal((5, 7)).astype(dtype) for _ in range(2))
    x[0], y[1] = np.inf, np.nan
    mask = rng.standard_normal((5, 7)) > 0
    for one, other in ((x, y), (x, 0), (2, y), (x, -1.5), (x[0], y), (x, y[:, :1]), (x.T, y.T), (x[0, 0], y[1, 1])):
        held = mask if np.ndim(one) != 2 or one.shape == mask.shape else mask.T
        expected = np.where(held, np.asarray(one, dtype), np.asarray(other, dtype))
        found = _where(held, one, other)
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, expected)
        assert not np.any(np.signbit(found) != np.signbit(expected))


def test_what_is_not_chosen_may_be_infinite():
    with np.errstate(all="raise"):
        x = np.float32([np.inf, np.nan, -1])
        np.testing.assert_array_equal(_where(np.array([False, False, True]), x, 0), np.float32([0, 0, -1]))


def test_a_choice_goes_where_it_is_told():
    x = np.arange(4, dtype=np.float32)
    result = _where(x > 1, x, 0, out=x)
    assert np.shares_memory(result, x)
    np.testing.assert_array_equal(x, [0, 0, 2, 3])


# functions


@pytest.mark.parametrize("dtype, tolerance", [(np.float32, 3e-7), (np.float64, 3e-16)])
def test_the_error_function_is_that_of_the_standard_library(dtype, tolerance):
    """On several blocks, of any shape; a number gives a number's shape."""
    x = np.linspace(-7, 7, 40_002).astype(dtype)
    expected = np.array([math.erf(value) for value in x.tolist()])
    assert np.abs(_erf(x) - expected).max() <= tolerance
    assert _erf(x).dtype == dtype
    np.testing.assert_array_equal(_erf(x.reshape(2, -1).T), _erf(x).reshape(2, -1).T)
    assert np.shape(_erf(x[0])) == ()


def test_the_sigmoid_of_anything():
    with np.errstate(all="raise", under="ignore"):
        found = _sigmoid(np.array([-1e4, -50, 0, 50, 1e4]))
    np.testing.assert_allclose(found, [0, math.exp(-50), 0.5, 1, 1], rtol=1e-15)
    assert _sigmoid(np.float32(1)).dtype == np.float32
