"""The subspaces: textbook forms, and the points where the gradients vanish."""

import numpy as np
import pytest
from sympy import Sum
from test_textbook import forms

import numeric
from derive.language import Parameter, Tensor, axes, define, layer
from derive.layers.subspaces.pca import pca
from derive.layers.subspaces.rayleigh_quotient import rayleigh_quotient
from derive.lowering.render import compiled

b, i, j, k = axes("b=n i=d j=d k=K")


@layer
def unnamed_pca(X: Tensor[b, i], W: Parameter[i, k]):
    """The reconstruction loss without a name for the coordinates."""
    R = define("R", (b, i), X[b, i] - Sum(X[b, j] * W[j, k] * W[i, k], j, k))
    return define("L", (), Sum(R[b, i] ** 2, b, i))


@layer
def asymmetric_quotient(C: Tensor[i, j], x: Parameter[i]):
    """The Rayleigh quotient of a matrix of which nothing is declared."""
    return define("rho", (), Sum(x[i] * C[i, j] * x[j], i, j) / Sum(x[i] ** 2, i))


FORMS = [
    (pca, {"R": "2 R", "H": "-2 R W", "X": "dH Wᵀ + 2 R", "W": "Xᵀ dH - 2 Rᵀ H"}),
    (unnamed_pca, {"R": "2 R", "X": "2 (R - R W Wᵀ)", "W": "-2 (Rᵀ X W + Xᵀ R W)"}),
    (rayleigh_quotient, {"C": "x xᵀ/‖x‖²", "x": "2 (C x - ρ x)/‖x‖²"}),
    (asymmetric_quotient, {"C": "x xᵀ/‖x‖²", "x": "(C x + Cᵀ x - 2 ρ x)/‖x‖²"}),
]


@pytest.mark.parametrize(("of", "expected"), FORMS, ids=[of.name for of, _ in FORMS])
def test_the_textbook_form(of, expected):
    assert forms(of) == expected


@pytest.mark.parametrize("module", [compiled(pca), numeric], ids=["generated", "handwritten"])
def test_the_principal_subspace_is_a_stationary_point_whose_loss_is_what_it_leaves_out(module):
    X = np.random.default_rng(0).normal(size=(7, 4))
    _, singular, right = np.linalg.svd(X)
    loss, residuals = module.pca_fwd(X, right[:2].T)
    assert loss == pytest.approx(np.sum(singular[2:] ** 2))
    np.testing.assert_allclose(module.pca_bwd(residuals, np.ones(()))[1], 0, atol=1e-12)


@pytest.mark.parametrize("module", [compiled(rayleigh_quotient), numeric], ids=["generated", "handwritten"])
def test_an_eigenvector_is_a_stationary_point_whose_quotient_is_its_eigenvalue(module):
    C = np.random.default_rng(0).normal(size=(4, 4))
    C += C.T
    values, vectors = np.linalg.eigh(C)
    for value, vector in zip(values, vectors.T, strict=True):
        quotient, residuals = module.rayleigh_quotient_fwd(C, 3 * vector)
        assert quotient == pytest.approx(value)
        np.testing.assert_allclose(module.rayleigh_quotient_bwd(residuals, np.ones(()))[1], 0, atol=1e-12)
