"""Second derivatives: the closed forms, string for string; their structure, code and cost; what they refuse."""

from __future__ import annotations

import re
import tracemalloc

import numpy as np
import pytest
import sympy
from second_layers import LAYERS, cubes_of_absolute_values, sum_of_cubes

from derive import check, compiled, hessian, jacobian, jvp, latex, load, show
from derive.calculus.diagonals import at_deltas, blocks, delta, free_deltas
from derive.calculus.jacobian import Refusal, hessians, unit
from derive.calculus.kinks import kinks
from derive.calculus.second import second_order
from derive.core.axes import Index
from derive.core.terms import add, atom, multiply, read, scale, total
from derive.documents.second_typeset import SecondTypesetter
from derive.errors import DifferentiationError, UsageError
from derive.loading import families
from derive.lowering.render import compiled_second, numpy_second_source
from derive.printers.lines import plain
from derive.printers.text import TextStyle

N = sympy.Symbol("n", integer=True, positive=True)


def printed(of) -> str:
    return plain(SecondTypesetter(of, TextStyle).line(False).right)


def product(of) -> str:
    return plain(SecondTypesetter(of, TextStyle).products(False)[-1].right)


# closed forms

CLOSED = [
    ("log_sum_exp", "x", "diag(p) - p pᵀ"),
    ("logistic_regression", "w", "Xᵀ diag(s ⊙ (1 - s)) X"),
    ("half_squares", "w", "Xᵀ X"),
    ("quadratic_form", "x", "A + Aᵀ"),
    ("factorization", "U", "2 δ_ij (VᵀV)_ab"),
    ("factorization", "V", "2 δ_op (UᵀU)_ab"),
]
PRODUCTS = [
    ("log_sum_exp", "x", "p ⊙ (u - (uᵀ p) 1)"),
    ("logistic_regression", "w", "Xᵀ (s ⊙ (X u) ⊙ (1 - s))"),
    ("half_squares", "w", "Xᵀ X u"),
    ("quadratic_form", "x", "(Aᵀ + A) u"),
    ("factorization", "U", "2 D Vᵀ V"),
]
LATEX = [
    ("log_sum_exp", "x", r"\mathrm{diag}\left(p\right) - p p^{\top}"),
    ("logistic_regression", "w", r"X^{\top} \mathrm{diag}\left(s \odot \left(1 - s\right)\right) X"),
    ("half_squares", "w", r"X^{\top} X"),
    ("quadratic_form", "x", r"A + A^{\top}"),
    ("factorization", "U", r"2 \delta_{i,j} \, \left(V^{\top} V\right)_{a,b}"),
]
CATALOGUE = [
    ("cross_entropy", "Z", "δ_bd δ_ce P_bc/B - δ_bd P_bc P_be/B"),
    ("least_squares", "W", "2 δ_op (XᵀX)_ij"),
    ("least_squares", "X", "2 δ_bc (WWᵀ)_ij"),
    ("ridge", "w", "2 Xᵀ X + 2 penalty I"),
    ("pca", "W", "2 (XᵀH)_il W_jk + 2 W_il (HᵀX)_kj + 2 (XᵀX)_ij (WᵀW)_kl + 2 δ_ij (HᵀH)_kl - 2 δ_kl (Xᵀ R + Rᵀ X)_ij"),
    ("tanh", "X", "-2 diag(Y ⊙ dX)"),
    ("mse", "Y", "2 I/|ℓ|"),
    ("attention", "V", "0"),
    ("linear", "W", "0"),
]


@pytest.mark.parametrize("name, wrt, expected", CLOSED)
def test_hessians_print_in_closed_form(name, wrt, expected):
    assert printed(hessian(LAYERS[name], wrt)) == expected


@pytest.mark.parametrize("name, wrt, expected", PRODUCTS)
def test_products_print_in_closed_form(name, wrt, expected):
    assert product(hessian(LAYERS[name], wrt)) == expected


@pytest.mark.parametrize("name, wrt, expected", LATEX)
def test_hessians_print_in_latex(name, wrt, expected):
    assert f"&= {expected}\n" in latex(hessian(LAYERS[name], wrt))


@pytest.mark.parametrize("name, wrt, expected", CATALOGUE)
def test_hessians_of_the_catalogue(name, wrt, expected):
    assert printed(hessian(load(name), wrt)) == expected


def test_the_softmax_jacobian():
    of = jacobian(LAYERS["softmax_vector"], "s")
    assert printed(of) == "diag(p) - p pᵀ"
    assert r"\frac{\partial p}{\partial s} &= \mathrm{diag}\left(p\right) - p p^{\top}" in latex(of)
    assert printed(jacobian(load("softmax"), "S")) == "diag(P) - P Pᵀ"


JACOBIANS = [
    ("linear", "X", "Wᵀ"),
    ("linear", "W", "δ_op X_ℓi"),
    ("affine", "x", "W"),
    ("relu", "X", "diag([X > 0])"),
    ("tanh", "X", "diag(1 - Y^{⊙2})"),
    ("l2_normalize", "X", "r I - r Y Yᵀ"),
]


@pytest.mark.parametrize("name, wrt, expected", JACOBIANS)
def test_jacobians(name, wrt, expected):
    assert printed(jacobian(load(name), wrt)) == expected


def test_no_delta_of_a_row_and_a_column_sits_in_a_parenthesis():
    for name in ("softmax", "cross_entropy", "attention", "batch_norm", "pca"):
        for found in hessians(load(name)):
            if isinstance(found, Refusal):
                continue
            pairs = {pair for block in found.blocks for pair in block.deltas}
            for row, column in pairs:
                for term in found.result.terms:
                    inside = [a for a, _ in term.factors if a.children() and {row, column} <= a.free]
                    assert not any(f"{row}+-1*{column}" in a.key for a in inside), (name, found.wrt.name)


# jacobian of a product: the row's index is captured by no sum


def test_a_row_is_not_a_summed_index():
    of = jacobian(load("attention"), "K")
    (block,) = of.blocks
    assert {i.name for i in of.at} - {"...1"} <= {i.name for i in block.body.free}


# documents


def test_a_loss_is_called_by_its_name_and_a_cotangent_is_held_fixed():
    text = show(hessian(LAYERS["factorization"], "U"))
    assert "H = ∂²L/∂U², and D is any direction shaped like U." in text
    text = show(hessian(load("softmax"), "S"))
    assert "G = ∂L/∂P is given, and held fixed." in text
    assert "(for each ℓ)" in text


def test_kinks_are_said():
    assert "Not twice differentiable where X[ℓ] = 0; elsewhere as printed." in show(hessian(load("relu"), "X"))
    assert "tie for the largest" in show(hessian(load("max_pool1d"), "X"))
    assert kinks(load("softmax"), "S") == []
    assert kinks(load("classifier"), "W2") == []
    assert kinks(load("classifier"), "W1") != []


def test_steps_are_named_and_end_in_what_is_printed():
    of = hessian(LAYERS["log_sum_exp"], "x")
    names = [step.rule.name for step in of.steps]
    assert "unit direction" in names and "multiply out deltas" in names
    assert "simplify" not in names
    for one, two in zip(of.steps, of.steps[1:], strict=False):
        assert one.after.key == two.before.key
    for step in of.steps:
        assert step.rule.apply(step.before).key == step.after.key
    assert of.steps[-1].after.key == of.result.key


@pytest.mark.parametrize("name", ["factorization", "logistic_regression"])
def test_documents_are_the_committed_ones(name, golden):
    wrt = {"factorization": "U", "logistic_regression": "w"}[name]
    of = hessian(LAYERS[name], wrt)
    golden(f"second/{name}.txt", show(of))
    golden(f"second/{name}.tex", latex(of, steps=True, document=True))
    golden(f"second/{name}.py", numpy_second_source(LAYERS[name], [wrt]))


@pytest.mark.parametrize("name, wrt", [("softmax", "S"), ("matrix_factorization", "U"), ("ridge", "w")])
def test_generated_modules_are_the_committed_ones(name, wrt, golden):
    golden(f"second/{name}.py", numpy_second_source(load(name), [wrt]))


def test_notebooks_show_them():
    for of in (hessian(load("ridge"), "w"), jacobian(load("softmax"), "S"), jvp(load("attention"))):
        assert of._repr_latex_().startswith(r"$\displaystyle \begin{aligned}")


# code


def test_the_structured_hessian_holds_no_array_larger_than_n_by_n():
    n, m, k = 200, 200, 5
    rng = np.random.default_rng(0)
    R, M, U, V = rng.normal(size=(n, m)), np.ones((n, m)), rng.normal(size=(n, k)), rng.normal(size=(m, k))
    plain_code, masked = (
        compiled_second(LAYERS["factorization"], ["U"]),
        compiled_second(load("matrix_factorization"), ["U"]),
    )
    calls = (
        (lambda: plain_code.factorization_hessian(R, U, V), (k, k), lambda H: H, 0.1),
        (lambda: masked.matrix_factorization_hessian(R, M, U, V), (n, k, k), lambda H: H[7], 2.0),
    )
    for call, shape, block, most in calls:
        tracemalloc.start()
        H = call()
        largest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert H.shape == shape and H.size <= n * n
        # All that is alive at one time, in arrays of n by n.
        assert largest / (8 * n * n) <= most
        np.testing.assert_allclose(block(H), 2 * V.T @ V, rtol=1e-12)


def test_the_jacobian_and_forward_mode_as_code():
    s = np.random.default_rng(0).normal(size=5)
    p = np.exp(s) / np.exp(s).sum()
    J = compiled(jacobian(LAYERS["softmax_vector"], "s")).softmax_vector_jacobian(s)
    np.testing.assert_allclose(J, np.diag(p) - np.outer(p, p), atol=1e-15)
    run = compiled(jvp(LAYERS["softmax_vector"]))
    value, tangent = run.softmax_vector_jvp(s, np.ones(5))
    np.testing.assert_allclose(value, p)
    np.testing.assert_allclose(tangent, 0, atol=1e-15)


def test_what_is_zero_has_no_array_of_zeros():
    source = numpy_second_source(load("linear"))
    assert "There is no function for the Hessian by W: it is 0." in source
    assert "def linear_hvp(" in source and "def linear_hessian" not in source


def test_generated_products_refuse_a_wrong_shape():
    run = compiled_second(load("ridge"), ["w"])
    with pytest.raises(ValueError, match="axis i of u has size 4, expected 3"):
        run.ridge_hvp(np.ones((2, 3)), np.ones(3), np.ones(2), np.ones(4))


def test_float32_stays_float32():
    run = compiled_second(load("softmax"))
    S = np.array([[1000.0, -1000.0, 3.0]], np.float32)
    H, Hu = run.softmax_hessian(S, S), run.softmax_hvp(S, np.ones_like(S), np.ones_like(S))
    assert H.dtype == Hu.dtype == np.float32
    assert np.isfinite(H).all() and np.isfinite(Hu).all()


# refusals


def test_what_is_no_variable_is_refused():
    with pytest.raises(UsageError, match=re.escape("linear: no second derivative by 'Y', it is no variable")):
        hessian(load("linear"), "Y")
    with pytest.raises(UsageError, match="is not an output"):
        jacobian(load("linear"), "X", of="X")
    with pytest.raises(UsageError, match="is not a variable"):
        jvp(load("linear"), ["Y"])


def test_a_gradient_that_rests_on_a_fact_is_not_differentiated_by_it():
    with pytest.raises(DifferentiationError, match="hold only where that does"):
        second_order(load("cross_entropy"), ["Z", "T"])
    assert all(not isinstance(f, Refusal) for f in hessians(load("cross_entropy")))


def test_powers_and_kinks_of_own_layers():
    assert printed(hessian(sum_of_cubes, "x")) == "6 diag(x)"
    assert "Not twice differentiable where x[i] = 0" in show(hessian(cubes_of_absolute_values, "x"))
    assert check(cubes_of_absolute_values, order=2).ok


# witnesses


@pytest.mark.parametrize("name", LAYERS)
def test_all_witnesses_of_the_textbook_layers_agree(name):
    report = check(LAYERS[name], order=2)
    assert report.ok, str(report)


# One or more of each family, as all would take minutes; `derive check --order 2` goes over all of them.
TRIED = (
    "affine",
    "attention",
    "avg_pool1d",
    "classifier",
    "conv1d",
    "cross_entropy",
    "embedding",
    "gelu",
    "huber",
    "info_nce",
    "layer_norm",
    "linear",
    "matrix_factorization",
    "max_pool1d",
    "mlp",
    "pca",
    "ridge",
    "rms_norm",
    "softmax",
    "sparse_cross_entropy",
    "swiglu",
    "toeplitz",
)


@pytest.mark.parametrize("name", TRIED)
def test_all_witnesses_of_second_order_agree(name):
    report = check(load(name), order=2)
    assert report.ok, str(report)


def test_every_family_is_tried():
    assert all(set(TRIED) & set(layers) for layers in families().values())


# names


def test_names_of_ours_are_none_of_the_layer():
    text = show(hessian(LAYERS["clashing_letters"], "u"))
    assert "Hess = ∂²H/∂u², and a is any direction shaped like u." in text
    assert "Hess = 2 (v ⊙ exp(d)) (v ⊙ exp(d))ᵀ" in text


def test_a_parameter_may_be_one_number_and_outputs_several():
    assert printed(hessian(LAYERS["scaled_exponentials"], "c")) == "(x^{⊙2})ᵀ exp(c x)"
    assert printed(jacobian(LAYERS["two_outputs"], "x", "z")) == "diag(x^{⊙2}) A diag(cos(x)) + 2 diag(x ⊙ y)"
    assert "g_z = ∂L/∂z is given, and held fixed." in show(hessian(LAYERS["two_outputs"], "x"))


# rules, on expressions outside any layer


def test_deltas_are_multiplied_out_and_taken_at_the_row():
    row, column = Index("i", N), Index("j", N)
    pairs = [(row, column)]
    d = atom(delta((row, column)))
    value = multiply(read("a", column), add(d, scale(read("b", row), -1)))
    out = free_deltas(pairs)(value)
    assert out == add(multiply(d, read("a", column)), scale(multiply(read("a", column), read("b", row)), -1))
    there = at_deltas(pairs)(out)
    assert there == add(multiply(d, read("a", row)), scale(multiply(read("a", column), read("b", row)), -1))
    assert [b.deltas for b in blocks(there, pairs)] == [((row, column),), ()]


def test_a_unit_direction_captures_no_summed_index():
    row, summed = Index("i", N), Index("i", N)
    inner = add(read("u", summed), read("b", summed))
    value = total(multiply(read("a", summed), inner), [summed])
    found = unit(value, "u", (row,))
    (term,) = found.terms
    assert {i.name for i in found.free} == {"i"} and all(i.name != "i" for i in term.bound)
