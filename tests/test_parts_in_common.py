"""In code: a sum that both passes compute is handed over, and what is returned has the name of what is returned."""

import ast

import numpy as np
import pytest
from sympy import Sum, exp, log

from derive.calculus.derivation import gradients
from derive.language import Parameter, Tensor, axes, define, layer
from derive.lowering.lower import residuals_of
from derive.lowering.render import compiled, numpy_source
from derive.lowering.residuals import with_parts_in_common
from derive.lowering.returned import named_as_returned
from derive.witnesses.check import check_layer

b, i, o = axes("b=n i=d_in o=d_out")


@layer
def distance(X: Tensor[b, i], C: Parameter[b, i]):
    """Fourth powers of differences."""
    return define("L", (), Sum((X[b, i] - C[b, i]) ** 4, b, i))


@layer
def fit(A: Parameter[i, o], x: Tensor[i], y: Tensor[o]):
    """Squares of what a linear map leaves, of one vector."""
    return define("L", (), Sum((Sum(A[i, o] * x[i], i) - y[o]) ** 2, o))


@layer
def taken(X: Tensor[b, i], R: Tensor[b, i]):
    """The name R is the author's."""
    return define("L", (), Sum((X[b, i] - R[b, i]) ** 2, b, i))


@layer
def logarithms(X: Tensor[b, i], C: Tensor[b, i]):
    """What may have no value is left where its author put it."""
    return define("L", (), Sum((log(X[b, i]) - exp(C[b, i])) ** 2, b, i))


@layer
def differences(X: Tensor[b], Y: Tensor[b]):
    """A named value whose adjoint is returned as it is."""
    D = define("D", (b,), X[b] - Y[b])
    return define("L", (), Sum(exp(D[b]) * D[b], b))


def body(of, function):
    tree = ast.parse(numpy_source(of))
    (node,) = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == function]
    return [ast.unparse(n) for n in node.body]


@pytest.mark.parametrize("of", [distance, fit, taken, logarithms, differences], ids=lambda of: of.name)
def test_the_code_is_right(of):
    assert check_layer(of).ok


def test_a_difference_is_handed_over_in_the_place_of_two_arguments():
    forward, backward = with_parts_in_common(gradients(distance).layer, gradients(distance).backward)
    assert [s.name for s in backward.arguments] == ["R", "dL"]
    assert forward.statements[0].symbol.read_as == "R[b, i]"
    assert "R = X - C" in body(distance, "distance_fwd")
    assert "return (L, (R,))" in body(distance, "distance_fwd")


def test_a_product_is_not_computed_twice():
    assert "r = x @ A - y" in body(fit, "fit_fwd")
    assert not any("- y" in line for line in body(fit, "fit_bwd"))


@pytest.mark.parametrize("of", [taken, logarithms], ids=lambda of: of.name)
def test_otherwise_the_equations_are_lowered_as_they_stand(of):
    derived = gradients(of)
    assert with_parts_in_common(derived.layer, derived.backward) == (derived.layer, derived.backward)
    assert residuals_of(derived) == derived.backward.arguments[:-1]


def test_an_adjoint_that_is_returned_is_called_by_what_it_is_returned_as():
    lines = body(differences, "differences_bwd")
    assert not any(line.startswith(("dD =", "dX = dD")) for line in lines)
    statements = gradients(differences).backward.statements
    kept = named_as_returned(statements, ("dX", "dY"))
    assert [s.symbol.name for s in kept] == ["dX", "dY"] and kept[1].reads == ("dX",)


def test_gradients_share_no_memory():
    module = compiled(differences)
    X, Y = np.arange(3.0), np.ones(3)
    _, residuals = module.differences_fwd(X, Y)
    dX, dY = module.differences_bwd(residuals, np.ones(()))
    dX += 1
    np.testing.assert_array_equal(dX - 1, -dY)
