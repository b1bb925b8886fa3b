"""What must hold of sizes and options: declared with given(), kept to by the witnesses, checked at the door."""

import numpy as np
import pytest
import sympy

import derive
from derive.core.sizes import settled
from derive.errors import DefinitionError
from derive.language import Axis, Integer, Max, Parameter, Tensor, axes, define, given, layer
from derive.lowering.render import compiled, numpy_source
from derive.witnesses.sampling import cases

i, k = axes("i=n k=K")


@layer
def edges(x: Tensor[i], *, reach: Integer(1) = 1, margin: Integer() = 0):
    """The largest of a few neighbours, of which at least one must be there."""
    given(margin < reach)
    u = Axis("u", reach)
    t = Axis("t", i.size + 2 * margin - reach + 1)
    return define("y", (t,), Max(x[t + u - margin], u))


@layer
def wrapped(x: Tensor[i], w: Parameter[k]):
    """A kernel that goes round at most once."""
    given(k.size <= i.size)
    return define("y", (i,), sympy.Sum(w[k] * (x[i + k] + x[i + k - i.size]), k))


def test_the_witnesses_keep_to_it():
    assert all(case.options["margin"] < case.options["reach"] for case in cases(edges))
    assert all(case.sizes["K"] <= case.sizes["n"] for case in cases(wrapped))
    assert derive.check(edges).ok
    assert derive.check(wrapped).ok


def test_it_is_checked_where_the_code_is_called():
    with pytest.raises(ValueError) as caught:
        compiled(edges).edges(np.ones(5), reach=2, margin=2)
    assert str(caught.value) == "edges: margin < reach is required, but margin=2, reach=2."
    with pytest.raises(ValueError) as caught:
        compiled(wrapped).wrapped(np.ones(2), np.ones(3))
    assert str(caught.value) == "wrapped: K <= n is required, but K=3, n=2."
    assert compiled(edges).edges(np.arange(3.0), reach=2, margin=1).tolist() == [0, 1, 2, 2]


def test_a_caller_inherits_what_its_numbers_leave_open():
    @layer
    def outer(x: Tensor[i], *, margin: Integer() = 0):
        """A reach of two, and as much margin as asked for."""
        return edges(x, reach=2, margin=margin, name="y")

    assert [str(relation) for relation in outer.requires] == ["margin < 2"]
    assert "margin < 2" in numpy_source(outer)
    assert derive.check(outer).ok


def test_a_caller_with_numbers_that_hold_requires_nothing():
    @layer
    def outer(x: Tensor[i]):
        """Numbers that hold."""
        return edges(x, reach=3, margin=1, name="y")

    assert outer.requires == ()


def test_a_caller_with_numbers_that_do_not_hold_is_refused():
    def outer(x: Tensor[i]):
        """Numbers that do not hold."""
        return edges(x, reach=1, margin=1, name="y")

    with pytest.raises(DefinitionError) as caught:
        layer(outer)
    assert str(caught.value) == (
        "outer: edges requires margin < reach, which does not hold here. Give it other options."
    )


def test_the_gradient_requires_the_same():
    assert derive.gradients(edges).backward.requires == edges.requires


@pytest.mark.parametrize(
    "one, other", [("floor(n/2 - 1/2) + 1", "floor(n/2 + 1/2)"), ("floor((n - 5)/3)", "floor((n + 1)/3) - 2")]
)
def test_equal_sizes_look_alike(one, other):
    n = sympy.Symbol("n", integer=True, positive=True)
    first, second = (sympy.sympify(text, locals={"n": n}) for text in (one, other))
    assert sympy.expand(settled(first) - settled(second)) == 0
