"""In which order products of many arrays are summed: by degree, and by what sizes typically are."""

import pytest
from sympy import Sum, Symbol

from derive.core.axes import LEADING, Index
from derive.errors import DefinitionError
from derive.language import Axis, Parameter, Tensor, axes, define, layer
from derive.lowering.orders import MOST, cheapest_pair
from derive.lowering.render import numpy_source
from derive.witnesses.check import check_layer

i, j, k, h = (Index(name, Symbol(name.upper(), integer=True, positive=True)) for name in "ijkh")
SIZES = {"I": 1000, "J": 10, "K": 1000, "H": 1000}


def indices(*groups):
    return [frozenset(group) for group in groups]


def factored(text):
    n, r, o = axes(text)

    @layer
    def two_factors(X: Tensor[..., n], A: Parameter[n, r], B: Parameter[r, o]):
        """A linear map by two factors."""
        return define("Y", (..., o), Sum(X[..., n] * A[n, r] * B[r, o], n, r))

    return two_factors


def test_the_cheaper_order_of_one_degree_is_taken():
    chain = indices((k, i), (i, j), (j, h))
    assert cheapest_pair(chain, [i, j], SIZES) == (0, 1)
    assert cheapest_pair(chain, [i, j], {**SIZES, "J": 1000, "I": 10}) == (1, 2)


def test_a_lower_degree_comes_before_what_is_typical():
    """v_i A_ij B_jh is a matrix and a vector twice, however long the vectors are."""
    chain = indices((i,), (i, j), (j, h))
    assert cheapest_pair(chain, [i, j], {**SIZES, "I": 10**6, "J": 1, "H": 1}) == (0, 1)


def test_leading_axes_count_as_many():
    chain = indices((LEADING, i), (i, j), (j, h))
    assert cheapest_pair(chain, [i, j], {**SIZES, "J": 4}) == (0, 1)
    assert cheapest_pair(chain, [i, j], {"I": 30, "J": 30, "H": 30}) == (1, 2)


def test_nothing_is_said_where_a_size_is_unknown_or_arrays_are_many():
    assert cheapest_pair(indices((k, i), (i, j), (j, h)), [i, j], {"I": 3}) is None
    assert cheapest_pair(indices((i,), (j,)) * MOST, [i, j], SIZES) is None


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("n=N r=R o=M", "Y = (X.reshape(-1, N) @ (A @ B)).reshape(*ell, M)"),
        ("n=N~512 r=R~8 o=M~512", "Y = (X.reshape(-1, N) @ A @ B).reshape(*ell, M)"),
        ("n=N~8 r=R~512 o=M~8", "Y = (X.reshape(-1, N) @ (A @ B)).reshape(*ell, M)"),
    ],
)
def test_code_for_typical_sizes(text, line):
    of = factored(text)
    assert f"    {line}\n" in numpy_source(of)
    assert check_layer(of).ok


def test_gradients_know_what_is_typical():
    source = numpy_source(factored("n=N~512 r=R~8 o=M~512"))
    assert "dY.reshape(-1, M) @ B.T\n" in source
    assert "A @ B" not in source.partition("_bwd(")[2]


@pytest.mark.parametrize("text", ["i=n~x", "i=n~0", "i=n~", "i=n~1~2", "i=3~4", "i=n~-1"])
def test_what_is_not_a_typical_size(text):
    with pytest.raises(DefinitionError, match="axis i: .* (typical size. Give a positive integer|to be typical of)"):
        axes(text)


def test_an_axis_by_itself_has_a_typical_size_too():
    (declared,) = axes("i=n~20")
    assert declared.typical == Axis("i", "n", typical=20).typical == {"n": 20}
    assert Axis("i", "n").typical is None
