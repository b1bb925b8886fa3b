"""What code is generated for: forward values that serve best, cases by their names, gradients that are used."""

import re

import numpy as np
import pytest
from sympy import Sum, exp, sin, tanh

from derive import check, compiled, gradients, numpy_source
from derive.calculus.cases import cases, negation
from derive.calculus.restate import cut_off, operations, restated
from derive.errors import UsageError
from derive.language import Parameter, Tensor, axes, define, layer, sigmoid, where
from derive.witnesses.evidence import tupled

i, j, k = axes("i=n j=m k=d")


@layer
def gate(x: Tensor[i, j]):
    """A product with a bounded function of itself: the derivative holds that function and the product."""
    s = define("s", (i, j), sigmoid(x[i, j]))
    return define("y", (i, j), x[i, j] * s[i, j])


@layer
def clipped_twice(x: Tensor[i, j], w: Parameter[j, k]):
    """What is cut off at zero, times a matrix, cut off again."""
    a = define("a", (i, j), where(x[i, j] > 0, x[i, j], 0))
    h = define("h", (i, k), Sum(a[i, j] * w[j, k], j))
    return define("y", (i, k), where(h[i, k] > 0, h[i, k], 0))


@layer
def bent(x: Tensor[i, j]):
    """Two pieces that meet in a corner; the second takes time."""
    y = define("y", (i, j), where(x[i, j] > 0, 3 * x[i, j], exp(2 * x[i, j]) * sin(x[i, j])))
    return define("z", (i, j), y[i, j] ** 2)


@layer
def product(x: Tensor[i, j], w: Parameter[j, k], b: Parameter[k]):
    """A matrix product with an offset."""
    return define("y", (i, k), Sum(x[i, j] * w[j, k], j) + b[k])


@layer
def nested(x: Tensor[i, j], v: Parameter[j, k], c: Parameter[k]):
    """A layer that calls one."""
    h = product(x, v, c, name="h")
    return define("z", (i, k), tanh(h[i, k]))


@layer
def twice_nested(x: Tensor[i, j], v: Parameter[j, k], c: Parameter[k], u: Parameter[k, j], e: Parameter[j]):
    """A layer that calls one that calls one."""
    z = nested(x, v, c, name="z")
    return product(z, u, e, name="y")


# the sign of what is cut off


def test_the_sign_of_what_is_cut_off_is_that_of_what_is_left():
    assert [s.name for s in gradients(clipped_twice).backward.arguments] == ["w", "a", "y", "dy"]
    assert check(clipped_twice).ok


def test_only_what_is_itself_above_zero_is_cut_off():
    (a, _, y) = gradients(clipped_twice).layer.statements
    assert cut_off(a) is not None and cut_off(y) is not None
    assert all(cut_off(e) is None for of in (gate, bent, product) for e in of.equations)


# products taken into sums


def test_a_factor_goes_into_a_sum_where_that_makes_a_value_that_is_there():
    """dy s (x (1 - s) + 1) = dy (y (1 - s) + s)"""
    derived = gradients(gate)
    (equation,) = derived.backward.equations
    assert operations(equation.expr) == operations(derived["x"].expr) - 1
    assert [s.name for s in derived.backward.arguments] == ["s", "y", "dy"]
    assert check(gate).ok


def test_operations_are_counted_by_entry():
    (square,) = [e for e in bent.equations if e.symbol.name == "z"]
    assert operations(square.expr) == 1
    (h,) = [e for e in clipped_twice.equations if e.symbol.name == "h"]
    assert operations(h.expr) == 1


def test_nothing_is_restated_without_gain():
    statements = list(gradients(product).backward.statements)
    assert restated(statements, tuple(product.equations)) == statements


# cases


def test_under_its_condition_a_value_by_cases_is_that_case():
    assert any(step.rule.name == "reuse y" for step in gradients(bent)["x"].steps)
    # The derivative has the cosine; the piece itself is not computed a second time.
    assert "np.sin(" not in numpy_source(bent).split("def bent_bwd")[1]
    assert check(bent).ok


def test_the_cases_exclude_one_another():
    (y, _) = bent.statements
    found = list(cases(y))
    assert len(found) == 2
    assert negation(found[0][0]) == found[1][0]
    assert list(cases(next(product.equations))) == []


# gradients that are used


def test_a_sublayer_computes_the_gradients_that_are_used():
    source = numpy_source(twice_nested, wrt=["c"])
    assert "def product_bwd_db(" in source and "def nested_bwd_dc(" in source and "def product_bwd_dx(" in source
    assert not re.search(r"\b_,|, _\b", source.split("def twice_nested_bwd")[1])


@pytest.mark.parametrize("wrt", [["x"], ["c"], ["u"], ["v", "e"], ["x", "v", "c", "u", "e"]], ids=" ".join)
def test_some_of_the_gradients_are_those_of_all(wrt):
    rng = np.random.default_rng(5)
    sizes = {"x": (3, 4), "v": (4, 5), "c": (5,), "u": (5, 4), "e": (4,)}
    arguments = [rng.standard_normal(s) for s in sizes.values()]
    G = rng.standard_normal((3, 4))
    everything, some = compiled(twice_nested), compiled(twice_nested, wrt=wrt)
    full = dict(zip(sizes, everything.twice_nested_bwd(everything.twice_nested_fwd(*arguments)[1], G), strict=True))
    found = tupled(some.twice_nested_bwd(some.twice_nested_fwd(*arguments)[1], G))
    for name, value in zip(wrt, found, strict=True):
        np.testing.assert_allclose(value, full[name], rtol=1e-12)


def test_what_is_not_needed_is_not_kept():
    assert [s.name for s in gradients(twice_nested, ["e"]).backward.arguments] == ["dy"]


def test_gradients_by_nothing_are_refused():
    with pytest.raises(UsageError, match="nested: no tensor is named to differentiate by. Choose from x, v, c, h."):
        compiled(nested, wrt=())
