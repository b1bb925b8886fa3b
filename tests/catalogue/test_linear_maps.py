"""The linear maps: textbook forms."""

import numpy as np
import pytest
from test_textbook import forms

import numeric
from derive.calculus.derivation import gradients
from derive.layers.linear_maps.bilinear import bilinear
from derive.layers.linear_maps.low_rank_update import low_rank_update
from derive.layers.linear_maps.matrix_factorization import matrix_factorization
from derive.lowering.render import compiled
from derive.printers.text import index_text

FORMS = [
    (
        low_rank_update,
        {
            "H": "scale G Bᵀ",
            "X": "G Wᵀ + dH Aᵀ",
            "W": "Xᵀ G",
            "A": "Xᵀ dH",
            "B": "scale Hᵀ G",
        },
    ),
    (matrix_factorization, {"E": "2 M ⊙ E", "R": "dE", "M": "E^{⊙2}", "U": "-dE V", "V": "-dEᵀ U"}),
]


@pytest.mark.parametrize(("of", "expected"), FORMS, ids=[of.name for of, _ in FORMS])
def test_the_textbook_form(of, expected):
    assert forms(of) == expected


def test_a_bilinear_map_has_three_axes_and_stays_in_index_notation():
    found = gradients(bilinear)
    assert {d.wrt.name: index_text(d.expr, d.names) for d in found.derivations.values()} == {
        "x": "Σ_{o,j} g[ℓ,o] A[o,i,j] z[ℓ,j]",
        "A": "Σ_ℓ g[ℓ,o] x[ℓ,i] z[ℓ,j]",
        "z": "Σ_{o,i} g[ℓ,o] x[ℓ,i] A[o,i,j]",
    }


@pytest.mark.parametrize(
    ("module", "options"),
    [(compiled(low_rank_update), {"scale": 2.0}), (numeric, {})],
    ids=["generated", "handwritten"],
)
def test_an_update_by_zero_changes_nothing_and_can_be_learned(module, options):
    """As it is initialised, B = 0: the output is X W, A has no gradient yet and B has one (Hu et al., 2022, §4.1)."""
    rng = np.random.default_rng(0)
    X, W, A = rng.normal(size=(5, 3)), rng.normal(size=(3, 2)), rng.normal(size=(3, 1))
    Y, residuals = module.low_rank_update_fwd(X, W, A, np.zeros((1, 2)), scale=2.0)
    np.testing.assert_array_equal(Y, X @ W)
    _, _, dA, dB = module.low_rank_update_bwd(residuals, np.ones_like(Y), **options)
    assert not dA.any() and dB.all()


@pytest.mark.parametrize("module", [compiled(matrix_factorization), numeric], ids=["generated", "handwritten"])
def test_what_is_not_known_has_no_part_in_a_factorization(module):
    rng = np.random.default_rng(0)
    R, U, V = rng.normal(size=(4, 3)), rng.normal(size=(4, 2)), rng.normal(size=(3, 2))
    M = np.ones((4, 3))
    M[1, 2] = 0
    loss, residuals = module.matrix_factorization_fwd(R, M, U, V)
    R[1, 2] += 100
    assert module.matrix_factorization(R, M, U, V) == loss
    assert module.matrix_factorization_bwd(residuals, np.ones(()))[0][1, 2] == 0
