"""Values of which only picked entries are read: computed at these alone, where nothing else needs them."""

import pytest
from sympy import Sum, exp

from derive import Parameter, Tensor, axes, check, define, gradients, layer, numpy_source
from derive.lowering.picked import with_picked_entries

b, k, d = axes("b=B k=K d=D")


@layer
def scored(X: Tensor[b, d], W: Parameter[d, k], label: Tensor[b].into(k)):
    """The score of one class, of scores that nothing else reads."""
    S = define("S", (b, k), Sum(X[b, d] * W[d, k], d))
    return define("y", (b,), 3 * S[b, label[b]])


@layer
def read_whole_too(Z: Tensor[b, k], label: Tensor[b].into(k)):
    S = define("S", (b, k), 2 * Z[b, k])
    return define("y", (b,), S[b, label[b]] + Sum(S[b, k] ** 2, k))


@layer
def handed_back(Z: Tensor[b, k], label: Tensor[b].into(k)):
    S = define("S", (b, k), 2 * Z[b, k])
    y = define("y", (b,), S[b, label[b]])
    return y, S


@layer
def kept_for_the_gradient(Z: Tensor[b, k], label: Tensor[b].into(k)):
    """The gradient of exp is the value, and the backward pass reads it."""
    E = define("E", (b, k), exp(Z[b, k]))
    return define("y", (b,), E[b, label[b]] ** 2)


def names(of) -> list[str]:
    derived = gradients(of)
    return [s.name for t in with_picked_entries(derived.layer, derived.backward)[0].statements for s in t.defines]


def test_a_value_is_put_in_where_entries_of_it_are_picked():
    assert names(scored) == ["y"]
    assert "# S[" not in numpy_source(scored)


@pytest.mark.parametrize("of", [read_whole_too, handed_back, kept_for_the_gradient], ids=lambda of: of.name)
def test_a_value_that_is_needed_whole_stays(of):
    assert len(names(of)) == 2


@pytest.mark.parametrize("of", [scored, read_whole_too, handed_back, kept_for_the_gradient], ids=lambda of: of.name)
def test_every_witness_agrees(of):
    assert check(of).ok
