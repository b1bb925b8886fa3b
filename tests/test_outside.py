"""What is read outside a tensor is 0, whatever its definition would be there: through every rewrite."""

import pytest
from sympy import Eq, Sum, cos, exp, log, sqrt
from whole_line import through_the_line

from derive.language import Parameter, Tensor, axes, define, layer, where
from derive.layers.activations.softmax import softmax

i, j, k, l, q = axes("i=n j=n k=m l=m q=K")


@layer
def there_and_back(x: Tensor[i], a: Tensor[q], b: Tensor[k]):
    """dT[q] = dY[q + 1] holds inside T only: dx[i] = dT[i - 1] is not dY[i]."""
    T = define("T", (q,), x[q + 1])
    return define("Y", (k,), T[k - 1])


@layer
def twice_shifted(x: Tensor[i], a: Tensor[q], b: Tensor[k]):
    T = define("T", (q,), exp(x[q + 1]) * a[q])
    U = define("U", (i,), cos(T[i - 1]))
    return define("Y", (k,), U[k - 1] * b[k] + U[2 * k])


@layer
def rows_that_are_not_there(S: Tensor[i, k], v: Tensor[q]):
    """A row of a softmax sums to 1, a row outside it to 0."""
    P = softmax(S, over=k, name="P")
    return define("Y", (q,), v[q] * Sum(P[q - 1, k], k))


@layer
def a_part_of_a_row(S: Tensor[i, k], v: Tensor[q]):
    P = softmax(S, over=k, name="P")
    return define("Y", (i,), Sum(v[q] * P[i, q + 1], q))


@layer
def divided_by_what_is_shifted(x: Tensor[i], a: Tensor[q]):
    """1 / T[q] must not become 1 / T[i - 1], which is 1 / 0 outside."""
    T = define("T", (q,), sqrt(2 + x[q + 1] ** 2))
    return define("Y", (q,), log(T[q]) / T[q])


@layer
def a_value_at_another_place(x: Tensor[i], b: Tensor[k], a: Tensor[q]):
    """exp(x[k + 1]) is T[k] only where T has an entry."""
    T = define("T", (q,), exp(x[q + 1]))
    Y = define("Y", (k,), b[k] * exp(x[k + 1]) * T[k + 1])
    return Y, T


@layer
def one_index_for_two_axes(A: Tensor[i, k], g: Tensor[l], a: Tensor[q]):
    """In the gradients, g is read at an index that runs further than g does, or less far."""
    return define("Y", (q, j), where(q > 2 * j, A[q + 1, q + 1]) * g[q + 1])


@layer
def a_delta_and_a_shift(x: Tensor[q], y: Tensor[k]):
    return define("Y", (k, q), sqrt(2 + where(Eq(q, k + q - 1), x[q], x[k - q]) ** 2) * y[k + 1])


LAYERS = [
    there_and_back,
    twice_shifted,
    rows_that_are_not_there,
    a_part_of_a_row,
    divided_by_what_is_shifted,
    a_value_at_another_place,
    one_index_for_two_axes,
    a_delta_and_a_shift,
]


@pytest.mark.parametrize("own", LAYERS, ids=lambda own: own.name)
def test_outside(own):
    through_the_line(own)


def test_a_divisor_under_a_sum_is_kept_in_range_by_the_conditions_outside_it():
    i, j, k = axes("i=n j=n k=m")

    @layer
    def drawn(Z: Parameter[k, j, i]):
        shifted = Z[j - 1, j + 1, j + 1] ** 2 + Z[j + i, j - 1, i + 1] ** 2
        return define("Y", (j, i), sqrt(2 + shifted))

    through_the_line(drawn)
