"""Declared facts: used by name where they are declared, never assumed, and never silently wrong."""

import numpy as np
import pytest
from latex_reader import evaluate_index
from printed import readings
from sympy import Eq, Sum, exp
from test_textbook import forms

from derive.api import latex, show
from derive.calculus.declared import symmetric
from derive.calculus.derivation import gradients
from derive.calculus.simplify import Context, simplify
from derive.calculus.steps import Trail
from derive.core.axes import Index
from derive.core.facts import SumFact, Symmetry
from derive.core.terms import ONE, multiply, power, read, total
from derive.errors import CheckError, DifferentiationError
from derive.language import Parameter, Real, Tensor, axes, define, given, layer
from derive.lowering.render import numpy_source
from derive.witnesses.check import check_layer
from derive.witnesses.sampling import cases

b, c, i, j, k, h = axes("b=B c=C i=n j=n k=C h=H")


# layers outside the catalogue


@layer
def weighted(X: Tensor[b, c], W: Tensor[b, c]):
    """A loss whose gradient sums the weights of a row."""
    given(Eq(Sum(W[b, c], c), 1))
    M = define("M", (b,), Sum(X[b, c], c))
    return define("L", (), Sum(W[b, c] * (X[b, c] - M[b]) ** 2, b, c) / 2)


@layer
def scaled(X: Tensor[b, c], W: Tensor[b, c], *, mass: Real() = 2.0):
    """The same with weights that sum to an option."""
    given(Eq(mass, Sum(W[b, c], c)))
    S = define("S", (b, c), 3 * W[b, c])
    return define("y", (b,), Sum(S[b, c] * X[b, k], c, k))


@layer
def energy(A: Parameter[i, j], x: Tensor[..., j]):
    """A quadratic form of a symmetric matrix."""
    given(Eq(A[i, j], A[j, i]))
    return define("y", (...,), Sum(x[..., i] * A[i, j] * x[..., j], i, j))


@layer
def doubly(X: Tensor[i], A: Tensor[i, j]):
    """Of a symmetric matrix whose rows sum to 1 the columns do so too."""
    given(Eq(Sum(A[i, j], j), 1))
    given(Eq(A[i, j], A[j, i]))
    return define("L", (), Sum(A[i, j] * (X[i] - X[j]) ** 2, i, j) / 2)


@layer
def with_declaration(A: Parameter[i, j], x: Tensor[b, j]):
    given(Eq(A[i, j], A[j, i]))
    return energy(A, x, name="y")


@layer
def without_declaration(A: Parameter[i, j], x: Tensor[b, j]):
    return energy(A, x, name="y")


@layer
def of_a_tensor(A: Parameter[i, j], x: Tensor[b, j]):
    given(Eq(A[i, j], A[j, i]))
    D = define("D", (i, j), exp(A[i, j]))
    return energy(D, x, name="y")


def text_of(of, tensor):
    return forms(of)[tensor]


# the rules


n, m = Index("i", i.size), Index("j", i.size)
p = Index("p", i.size)


def A(x, y):
    return read("A", x, y)


def test_a_symmetry_brings_equal_terms_together():
    before = total(A(p, m) * read("x", m), (m,)) + total(A(n, p) * read("x", n), (n,))
    assert symmetric(Symmetry("A", (0, 1)))(before) == 2 * total(A(p, m) * read("x", m), (m,))


def test_a_symmetry_asks_for_few_transposes():
    X = total(read("X", Index("b", b.size), m) * A(p, m), (m,))
    assert symmetric(Symmetry("A", (0, 1)))(X) == total(read("X", Index("b", b.size), m) * A(m, p), (m,))


def test_a_symmetry_reaches_parentheses_and_leaves_other_tensors():
    B = read("B", p, n)
    before = B * power(read("B", n, p) + A(n, p) + A(p, n), 2)
    after = symmetric(Symmetry("A", (0, 1)))(before)
    assert after == B * power(read("B", n, p) + 2 * A(n, p), 2)


def test_a_declared_sum_is_a_named_step():
    symbol = weighted.symbols["W"]
    context = Context.of(weighted)
    rest = read("u", symbol.axes[0])
    trail = Trail(multiply(rest, total(symbol.value(), [symbol.axes[1]])))
    simplify(trail, context)
    assert trail.value == rest
    (step,) = trail.steps
    assert step.rule.name == "declared: sum of W over c" and step.rule.pins == {"W": weighted.facts[0]}
    assert weighted.facts == (SumFact("W", (1,), ONE),)


# the forms


def test_what_is_declared_is_used():
    assert text_of(energy, "x") == "2 diag(g) x A"
    assert "declared: A is symmetric" in [s.rule.name for s in gradients(energy)["x"].steps]


def test_a_sum_may_be_an_option_and_reach_what_is_made_of_it():
    assert text_of(scaled, "X") == "3 mass g 1ᵀ"


def test_it_is_never_assumed_where_it_is_not_declared():
    assert text_of(with_declaration, "x") == "2 diag(g) x A"
    assert text_of(without_declaration, "x") == "diag(g) (x Aᵀ + x A)"
    assert text_of(of_a_tensor, "x") == "diag(g) (x Dᵀ + x D)"


@pytest.mark.parametrize(
    "of", [weighted, scaled, energy, doubly, with_declaration, without_declaration], ids=lambda of: of.name
)
def test_every_witness_agrees_on_data_of_which_it_is_true(of):
    report = check_layer(of)
    assert report.ok, str(report)


# differentiated again


def test_the_gradient_of_a_gradient_says_where_a_declaration_was_used():
    backward = gradients(energy).backward
    gradients(backward, ["x", "dy"])
    for wrt in (None, ["A"]):
        with pytest.raises(DifferentiationError) as caught:
            gradients(backward, wrt)
        assert str(caught.value) == (
            "energy_bwd: it has no gradient by A, because its equations were simplified by what is declared, "
            "A[i, j] = A[j, i], and hold only where that does. Leave the declaration out to differentiate by A."
        )


def test_what_fell_out_by_a_declaration_has_no_gradient_either():
    """The gradient by X does not read W any more, but it would not be the same for other W."""
    backward = gradients(scaled, ["X"]).backward
    assert "W" not in backward.symbols and "S" not in backward.symbols
    for tensor in ("S",):
        with pytest.raises(DifferentiationError, match=f"it has no gradient by {tensor}, because"):
            gradients(backward, [tensor])


def test_the_gradient_of_a_network_s_gradient_says_so_too():
    with pytest.raises(DifferentiationError, match="it has no gradient by A, because"):
        gradients(gradients(with_declaration).backward)
    assert gradients(gradients(without_declaration).backward)["A"]


# data


def test_data_are_drawn_for_which_it_holds():
    for case in cases(doubly):
        matrix = case.arguments["A"]
        np.testing.assert_allclose(matrix, matrix.T, atol=1e-12)
        np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-12)
    for case in cases(scaled):
        np.testing.assert_allclose(case.arguments["W"].sum(axis=1), case.options["mass"], atol=1e-12)


def test_declarations_that_exclude_one_another_are_said_to():
    @layer
    def impossible(W: Tensor[b, c]):
        given(Eq(Sum(W[b, c], c), 1))
        given(Eq(Sum(W[b, c], b, c), 0))
        return define("L", (), Sum(W[b, c] ** 2, b, c))

    with pytest.raises(
        CheckError, match=r"no data were found for which all holds that is declared: Sum\(W\[b, c\], c\)"
    ):
        check_layer(impossible)


# what is said of it


def test_documents_and_code_say_what_is_given():
    assert "Given: Σ_c W[b,c] = mass." in show(scaled)
    assert r"\sum_{c} W_{b,c} &= \mathit{mass}" in latex(scaled, document=True)
    assert r"% Given: A_{i,j} = A_{j,i}." in latex(energy)
    assert "    Given: A[i, j] = A[j, i].\n" in numpy_source(energy)


@pytest.mark.parametrize(("of", "indices"), [(scaled, ("b",)), (energy, ("i", "j"))], ids=["sum", "symmetry"])
def test_what_a_document_says_is_given_is_read_back(of, indices):
    for reading in readings(of):
        ((left, right),) = reading.document.given
        sides = [evaluate_index(s, indices, reading.arrays, reading.sizes, reading.scalars) for s in (left, right)]
        np.testing.assert_allclose(*np.broadcast_arrays(*sides), rtol=1e-12)
