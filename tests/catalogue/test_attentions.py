"""The attentions: textbook forms, rows that are masked out whole, and scores of a thousand."""

from __future__ import annotations

import numpy as np
import pytest
from test_textbook import forms

import numeric
from derive.calculus.derivation import gradients
from derive.layers.attentions.alibi_attention import alibi_attention
from derive.layers.attentions.attention import attention
from derive.layers.attentions.biased_attention import biased_attention
from derive.layers.attentions.causal_attention import causal_attention
from derive.layers.attentions.cross_attention import cross_attention
from derive.layers.attentions.grouped_query_attention import grouped_query_attention
from derive.layers.attentions.linear_attention import linear_attention
from derive.layers.attentions.multi_head_attention import multi_head_attention
from derive.layers.attentions.multi_query_attention import multi_query_attention
from derive.layers.attentions.rotary import rotary
from derive.layers.attentions.rotary_attention import rotary_attention
from derive.layers.attentions.sliding_window_attention import sliding_window_attention
from derive.lowering.render import compiled
from derive.printers.text import index_text

PLAIN = forms(attention)
# dO is the adjoint of the heads' outputs, where they are projected.
HEADS = {
    "P": "dO Vᵀ",
    "δ": "(O ⊙ dO) 1",
    "S": "P ⊙ (dO Vᵀ - δ 1ᵀ)",
    "V": "Pᵀ dO",
    "K": "dSᵀ Q/√d_k",
    "Q": "dS K/√d_k",
}


def entries(of):
    """The gradient of every tensor in index notation, by the tensor's name."""
    found = gradients(of)
    return {tensor: index_text(d.expr, d.names) for tensor, d in found.derivations.items()}


def subset(forms, names):
    return {name: forms[name] for name in names}


# textbook forms


def test_the_form_that_all_others_have():
    assert PLAIN == {
        "V": "Pᵀ G",
        "P": "G Vᵀ",
        "S": "P ⊙ (G Vᵀ - δ 1ᵀ)",
        "δ": "(G ⊙ O) 1",
        "Q": "dS K/√d_k",
        "K": "dSᵀ Q/√d_k",
    }


@pytest.mark.parametrize("of", [causal_attention, sliding_window_attention], ids=lambda of: of.name)
def test_a_mask_changes_nothing_in_the_form(of):
    assert forms(of) == PLAIN


def test_a_bias_has_the_gradient_of_the_scores():
    assert forms(biased_attention) == {**PLAIN, "B": "dS"}


def test_a_slope_has_the_gradients_of_all_scores_of_its_head_times_the_distances():
    found = entries(alibi_attention)
    assert found["slope"] == "Σ_{ℓ,i,j} dS[ℓ,h,i,j] (j - i)"
    assert subset(forms_by_head(alibi_attention), PLAIN) == PLAIN


def test_the_keys_of_a_group_have_the_sum_over_its_heads():
    assert entries(grouped_query_attention) == {
        "P": "Σ_e G_O[ℓ,g,r,i,e] V[ℓ,g,j,e]",
        "S": "P[ℓ,g,r,i,j] (Σ_e G_O[ℓ,g,r,i,e] V[ℓ,g,j,e] - δ[ℓ,g,r,i])",
        "Q": "Σ_j K[ℓ,g,j,d] dS[ℓ,g,r,i,j]/√d_k",
        "K": "Σ_{r,i} Q[ℓ,g,r,i,d] dS[ℓ,g,r,i,j]/√d_k",
        "V": "Σ_{r,i} G_O[ℓ,g,r,i,e] P[ℓ,g,r,i,j]",
    }
    assert subset(entries(multi_query_attention), "KV") == {
        "K": "Σ_{h,i} Q[ℓ,h,i,d] dS[ℓ,h,i,j]/√d_k",
        "V": "Σ_{h,i} G[ℓ,h,i,e] P[ℓ,h,i,j]",
    }


def test_projections_have_the_gradients_of_linear_maps_head_by_head():
    assert subset(entries(multi_head_attention), ["X", "W_Q", "W_K", "W_V", "W_O"]) == {
        "X": ("Σ_{h,d} W_Q[c,h,d] dQ[ℓ,h,t,d] + Σ_{h,d} W_K[c,h,d] dK[ℓ,h,t,d] + Σ_{h,e} W_V[c,h,e] dV[ℓ,h,t,e]"),
        "W_Q": "Σ_{ℓ,t} X[ℓ,t,c] dQ[ℓ,h,t,d]",
        "W_K": "Σ_{ℓ,t} X[ℓ,t,c] dK[ℓ,h,t,d]",
        "W_V": "Σ_{ℓ,t} X[ℓ,t,c] dV[ℓ,h,t,e]",
        "W_O": "Σ_{ℓ,t} G[ℓ,t,o] O[ℓ,h,t,e]",
    }
    assert subset(entries(cross_attention), "XC") == {
        "X": "Σ_{h,d} W_Q[b,h,d] dQ[ℓ,h,i,d]",
        "C": "Σ_{h,d} W_K[c,h,d] dK[ℓ,h,j,d] + Σ_{h,e} W_V[c,h,e] dV[ℓ,h,j,e]",
    }
    for of in (multi_head_attention, cross_attention):
        assert subset(forms_by_head(of), HEADS) == HEADS


def test_the_gradient_of_a_rotation_is_the_rotation_back():
    (equation,) = [e for e in rotary.equations if e.symbol.name == "Y"]
    turned = index_text(equation.expr, rotary.symbols)
    assert turned == "X[ℓ,t,c,p] cosine[t,p] + X[ℓ,t,1 - c,p] sine[t,p] (2·c - 1)"
    assert entries(rotary)["X"] == "G[ℓ,t,c,p] cosine[t,p] + G[ℓ,t,1 - c,p] sine[t,p] (1 - 2·c)"
    assert entries(rotary_attention)["Q"] == "cosine[i,p] dA[ℓ,i,c,p] + sine[i,p] dA[ℓ,i,1 - c,p] (1 - 2·c)"


def test_linear_attention_goes_through_one_matrix_for_all_queries():
    found = forms(linear_attention)
    assert subset(found, "MCAV") == {
        "M": "Aᵀ dN",
        "C": "V dMᵀ + 1 dsᵀ A",
        "A": "dN Mᵀ + ds zᵀ",
        "V": "C dM",
    }
    assert found["Q"] == "([Q > 0] + A ⊙ [Q ≤ 0]) ⊙ (dN Mᵀ + ds zᵀ)"


def forms_by_head(of):
    """The matrix forms of those gradients that have one for each head."""
    from derive.notation.matrix import matrix_form
    from derive.printers.text import matrix_text

    found = gradients(of)
    shown = [(t, d.expr, d.symbol.axes) for t, d in found.derivations.items()]
    shown += [("δ", a.expr, s.axes) for a in found.adjoints for s in a.defines if s.text and s.text.startswith("δ")]
    trees = [(name, matrix_form(value, axes, found.names), axes) for name, value, axes in shown]
    return {name: matrix_text(tree, found.names, axes=axes) for name, tree, axes in trees if tree is not None}


# what the mathematics says of masked rows

MODULES = ["generated", "handwritten"]


def functions(name, kind):
    module = compiled(LAYERS[name]) if kind == "generated" else numeric
    return getattr(module, f"{name}_fwd"), getattr(module, f"{name}_bwd")


LAYERS = {
    of.name: of
    for of in (
        alibi_attention,
        attention,
        biased_attention,
        causal_attention,
        cross_attention,
        grouped_query_attention,
        linear_attention,
        multi_head_attention,
        multi_query_attention,
        rotary,
        rotary_attention,
        sliding_window_attention,
    )
}


def tensors(*shapes, dtype="float64"):
    rng = np.random.default_rng(7)
    return [rng.normal(size=shape).astype(dtype) for shape in shapes]


@pytest.mark.parametrize("kind", MODULES)
def test_a_row_whose_bias_masks_every_key_is_zero(kind):
    Q, K, V, B, dO = tensors((2, 3, 4), (2, 5, 4), (2, 5, 6), (2, 3, 5), (2, 3, 6))
    B[0, 1], B[1, :, 2] = -np.inf, -np.inf
    forward, backward = functions("biased_attention", kind)
    with np.errstate(all="raise"):
        O, residuals = forward(Q, K, V, B)
        dQ, dK, dV, dB = backward(residuals, dO)
    assert not O[0, 1].any() and not dQ[0, 1].any() and not dB[0, 1].any()
    assert O[0, 0].all() and not dK[1, 2].any() and not dV[1, 2].any()
    # The other rows are what they are without it.
    for row in (0, 2):
        alone, kept = forward(Q[0, [row]], K[0], V[0], B[0, [row]])
        np.testing.assert_allclose(alone, O[0, [row]], rtol=1e-12)
        np.testing.assert_allclose(backward(kept, dO[0, [row]])[0], dQ[0, [row]], rtol=1e-12)


@pytest.mark.parametrize("kind", MODULES)
def test_a_mask_of_minus_infinities_is_the_causal_one(kind):
    Q, K, V, dO = tensors((4, 3), (6, 3), (6, 2), (4, 2))
    mask = np.where(np.arange(6) <= np.arange(4)[:, None] + 2, 0, -np.inf)
    (one, one_back), (two, two_back) = (functions(n, kind) for n in ("biased_attention", "causal_attention"))
    O, residuals = two(Q, K, V, past=2)
    expected, kept = one(Q, K, V, mask)
    np.testing.assert_allclose(O, expected, rtol=1e-12)
    for found, wanted in zip(two_back(residuals, dO, past=2), one_back(kept, dO), strict=False):
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("kind", MODULES)
def test_a_query_with_no_key_in_its_window_is_zero(kind):
    Q, K, V, dO = tensors((6, 4), (3, 4), (3, 2), (6, 2))
    forward, backward = functions("sliding_window_attention", kind)
    with np.errstate(all="raise"):
        O, residuals = forward(Q, K, V, window=1)
        dQ, dK, dV = backward(residuals, dO, window=1)
    assert O[:4].all() and not O[4:].any()
    # A single key has all of the attention, whatever the query is.
    assert dQ[1:3].all() and not dQ[3:].any()
    np.testing.assert_allclose(O[[0, 3]], V[[0, 2]], rtol=1e-12)


@pytest.mark.parametrize("kind", MODULES)
def test_no_query_sees_what_comes_later(kind):
    for name, heads in (("causal_attention", ()), ("sliding_window_attention", ()), ("alibi_attention", (2,))):
        Q, K, V = tensors((*heads, 5, 3), (*heads, 5, 3), (*heads, 5, 2))
        slope = [np.array([0.5, 0.25])] if heads else []
        forward, _ = functions(name, kind)
        before = forward(Q, K, V, *slope)[0]
        K[..., 3:, :], V[..., 3:, :] = 100, 100
        np.testing.assert_array_equal(forward(Q, K, V, *slope)[0][..., :3, :], before[..., :3, :])


# finite everywhere

SHAPES = {
    "attention": ((3, 4), (5, 4), (5, 2)),
    "biased_attention": ((3, 4), (5, 4), (5, 2), (3, 5)),
    "causal_attention": ((3, 4), (5, 4), (5, 2)),
    "sliding_window_attention": ((7, 4), (5, 4), (5, 2)),
    "alibi_attention": ((2, 3, 4), (2, 5, 4), (2, 5, 2), (2,)),
    "grouped_query_attention": ((2, 3, 5, 4), (2, 7, 4), (2, 7, 2)),
    "multi_query_attention": ((3, 5, 4), (7, 4), (7, 2)),
    "rotary_attention": ((3, 2, 2), (5, 2, 2), (5, 4)),
    "linear_attention": ((3, 4), (5, 4), (5, 2)),
}


@pytest.mark.parametrize("kind", MODULES)
@pytest.mark.parametrize("name", SHAPES)
def test_scores_of_a_thousand_in_single_precision(name, kind):
    forward, backward = functions(name, kind)
    for scale in (1000, -1000):
        arguments = tensors(*SHAPES[name], dtype="float32")
        for array in arguments[:2]:
            array[...] = np.sign(array) * abs(scale) ** 0.5 * np.sign(scale)
        if name == "linear_attention":
            # Where every feature is exp(-1000), it is 0 in single precision.
            arguments[0][...] = scale
        with np.errstate(over="raise", divide="raise", invalid="raise"):
            O, residuals = forward(*arguments)
            found = backward(residuals, np.ones_like(O))
        assert O.dtype == np.float32
        for array in (O, *found):
            assert np.isfinite(array).all()


# what is special about rotations


@pytest.mark.parametrize("kind", MODULES)
def test_a_rotation_keeps_lengths_and_is_undone_by_its_gradient(kind):
    [X] = tensors((2, 5, 2, 3))
    forward, backward = functions("rotary", kind)
    Y, residuals = forward(X, past=4)
    np.testing.assert_allclose(np.linalg.norm(Y, axis=-2), np.linalg.norm(X, axis=-2), rtol=1e-12)
    np.testing.assert_allclose(backward(residuals, Y, past=4), X, rtol=1e-12)


@pytest.mark.parametrize("kind", MODULES)
def test_rotated_scores_depend_on_distances_alone(kind):
    Q, K = tensors((2, 3), (2, 3))
    forward, _ = functions("rotary", kind)
    scores = []
    for past in (0, 11):
        queries = forward(np.broadcast_to(Q, (6, 2, 3)), past=past)[0]
        keys = forward(np.broadcast_to(K, (6, 2, 3)), past=past)[0]
        scores.append(np.einsum("icp,jcp->ij", queries, keys))
    np.testing.assert_allclose(scores[0], scores[1], rtol=1e-10)
    for distance in range(-5, 6):
        np.testing.assert_allclose(np.ptp(np.diagonal(scores[0], distance)), 0, atol=1e-12)


@pytest.mark.parametrize("kind", MODULES)
def test_linear_attention_is_attention_with_scores_that_are_products(kind):
    Q, K, V = tensors((3, 4), (5, 4), (5, 2))
    A, C = (np.where(x > 0, x + 1, np.exp(x)) for x in (Q, K))
    P = A @ C.T
    forward, _ = functions("linear_attention", kind)
    np.testing.assert_allclose(forward(Q, K, V, eps=0)[0], P / P.sum(axis=1, keepdims=True) @ V, rtol=1e-12)
