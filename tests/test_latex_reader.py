"""The reader reads textbook strings typed by hand: what it evaluates them to is what NumPy gives."""

from __future__ import annotations

import numpy as np
import pytest
from latex_reader import ReaderError, evaluate_index, evaluate_matrix
from reader_values import (
    ATTENTION,
    DELTA,
    DS,
    GAIN,
    GO,
    GS,
    HEAD,
    KEYS,
    LENGTH,
    LINEAR,
    NORM,
    OPTIONS,
    PS,
    SOFTMAX,
    TARGET,
    TOEPLITZ,
    A,
    B,
    D,
    E,
    G,
    I,
    K,
    M,
    N,
    O,
    P,
    Q,
    S,
    T,
    W,
    X,
    Y,
    c,
    g,
    layer_norm_gradient,
    softmax,
    toeplitz,
    v,
    w,
    windows,
    x,
)

# (latex, names, scalars, shape, value)
MATRIX = {
    "linear": (r"X W + \mathbf{1} b^{\top}", LINEAR, {}, (B, O), X @ W + c),
    "linear dX": (r"G W^{\top}", LINEAR, {}, (B, I), G @ W.T),
    "linear dW": (r"X^{\top} G", LINEAR, {}, (I, O), X.T @ G),
    "linear db": (r"G^{\top} \mathbf{1}", LINEAR, {}, (O,), G.sum(0)),
    "affine": (r"W^\top v + c", LINEAR, {}, (O,), W.T @ v + c),
    "outer product": (r"v c^{\top}", LINEAR, {}, (I, O), np.outer(v, c)),
    "Toeplitz": (r"T(w) x", TOEPLITZ, {}, (T,), toeplitz(w) @ x),
    "Toeplitz dx": (r"T(w)^{\top} g", TOEPLITZ, {}, (LENGTH,), toeplitz(w).T @ g),
    "Toeplitz dw": (r"U\left(x\right)^{\top} g", TOEPLITZ, {}, (K,), windows(x).T @ g),
    "relu": (r"G \odot \left[S > 0\right]", SOFTMAX, {}, (N, M), GS * (S > 0)),
    "tanh": (
        r"G \odot \left(1 - P^{\odot 2}\right)",
        SOFTMAX,
        {},
        (N, M),
        GS * (1 - PS**2),
    ),
    "sigmoid": (r"G \odot P \odot \left(1 - P\right)", SOFTMAX, {}, (N, M), GS * PS * (1 - PS)),
    "softmax dS": (
        r"P \odot \left(G - \left(P \odot G\right) \mathbf{1} \mathbf{1}^{\top}\right)",
        SOFTMAX,
        {},
        (N, M),
        PS * (GS - (PS * GS).sum(1, keepdims=True)),
    ),
    "softmax with diag": (
        r"\mathrm{diag}\left(\exp\left(S\right) \mathbf{1}\right)^{\top} P",
        SOFTMAX,
        {},
        (N, M),
        np.exp(S),
    ),
    "attention S": (r"Q K^{\top} / \sqrt{d_{k}}", ATTENTION, HEAD, (N, M), Q @ KEYS.T / np.sqrt(D)),
    "attention dV": (r"P^{\top} G", ATTENTION, HEAD, (M, E), P.T @ GO),
    "attention δ": (r"\left(G \odot O\right) \mathbf{1}", ATTENTION, HEAD, (N,), DELTA),
    "attention dS": (
        r"P \odot \left(G V^{\top} - \delta \mathbf{1}^{\top}\right)",
        ATTENTION,
        HEAD,
        (N, M),
        DS,
    ),
    "attention dQ": (r"\mathrm{d}S K / \sqrt{d_k}", ATTENTION, HEAD, (N, D), DS @ KEYS / np.sqrt(D)),
    "attention dK": (
        r"{\mathrm{d}S}^{\top} Q / \sqrt{d_{k}}",
        ATTENTION,
        HEAD,
        (M, D),
        DS.T @ Q / np.sqrt(D),
    ),
    "layer norm": (
        r"\mathrm{diag}\left(\sigma\right)^{\top} X \odot G",
        NORM,
        {},
        (N, M),
        S.std(1)[:, None] * S * GS,
    ),
    "layer norm dX": (
        r"\sigma^{\odot -1} \mathbf{1}^{\top} \odot \left(H - \frac{1}{m} H \mathbf{1} \mathbf{1}^{\top}"
        r" - \frac{1}{m} \hat{x} \odot \left(H \odot \hat{x}\right) \mathbf{1} \mathbf{1}^{\top}\right)",
        NORM,
        {"m": M},
        (N, M),
        layer_norm_gradient(S, GS, GAIN),
    ),
    "cross-entropy": (
        r"\frac{P - T}{B}",
        {"P": PS, "T": TARGET},
        {"B": N},
        (N, M),
        (PS - TARGET) / N,
    ),
    "least squares": (
        r"\left\Vert X W - Y \right\Vert^{2}",
        LINEAR,
        {},
        (),
        ((X @ W - Y) ** 2).sum(),
    ),
    "least squares dW": (r"2 X^{\top} \left(X W - Y\right)", LINEAR, {}, (I, O), 2 * X.T @ (X @ W - Y)),
    "mean squared error": (
        r"\frac{1}{B} \mathrm{tr}\left(\left(X W - Y\right)^{\top} \left(X W - Y\right)\right)",
        LINEAR,
        {"B": B},
        (),
        ((X @ W - Y) ** 2).sum() / B,
    ),
    "quadratic form": (r"v^{\top} A v", LINEAR, {}, (), v @ A @ v),
    "quadratic form dv": (r"\left(A + A^{\top}\right) v", LINEAR, {}, (I,), (A + A.T) @ v),
    "log-sum-exp": (
        r"\log\left(\mathbf{1}^{\top} \exp\left(v\right)\right)",
        LINEAR,
        {},
        (),
        np.log(np.exp(v).sum()),
    ),
    "log-sum-exp dv": (
        r"\exp\left(v\right) / \left(\mathbf{1}^{\top} \exp\left(v\right)\right)",
        LINEAR,
        {},
        (I,),
        softmax(v),
    ),
    "bilinear dA": (
        r"v \left(W c\right)^{\top} + \frac{1}{2} \left|A\right|",
        LINEAR,
        {},
        (I, I),
        np.outer(v, W @ c) + abs(A) / 2,
    ),
    "causal mask": (r"A \odot \left[j \leq i\right]", LINEAR, {}, (I, I), np.tril(A)),
    "a size that is a floor": (
        r"X / \left(1 + \left\lfloor \left(n - 2\right) / s\right\rfloor\right)",
        LINEAR,
        {"n": 9, "s": 2},
        (B, I),
        X / 4,
    ),
    "zero": ("0", LINEAR, {}, (I, O), np.zeros((I, O))),
    "diagonal": (r"\mathrm{diag}\left(A\right) - v", LINEAR, {}, (I,), np.diag(A) - v),
}
OPERATORS = {"T": toeplitz, "U": windows}


@pytest.mark.parametrize("name", MATRIX)
def test_matrix_notation_agrees_with_numpy(name):
    latex, arrays, scalars, shape, expected = MATRIX[name]
    found = evaluate_matrix(latex, arrays, scalars, shape, OPERATORS, indices=("i", "j"))
    assert found.shape == shape
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


DEFINITIONS = {
    "Y": (("b", "o"), r"\sum_{i} X_{b,i}\,W_{i,o} + c_{o}"),
    "P": (("i", "j"), r"\frac{\exp\left(S_{i,j}\right)}{\sum_{k} \exp\left(S_{i,k}\right)}"),
    "y": (("t",), r"\sum_{k} w_{k}\,x_{s t + d k - p}"),
}

# (latex, free indices, names, scalars, value)
INDEX = {
    "linear": (r"\sum_{i} X_{b,i}\,W_{i,o} + c_{o}", "bo", LINEAR, {}, X @ W + c),
    "linear dW": (r"\sum_{b} X_{b,p}\,G_{b,q}", "pq", LINEAR, {}, X.T @ G),
    "linear db": (r"\sum_{b} G_{b,q}", "q", LINEAR, {}, G.sum(0)),
    "chain rule": (
        r"\sum_{b,o} G_{b,o}\,\frac{\partial Y_{b,o}}{\partial W_{p,q}}",
        "pq",
        LINEAR,
        {},
        X.T @ G,
    ),
    "definition": (
        r"\sum_{b,o} G_{b,o}\,\frac{\partial}{\partial W_{p,q}}\left(\sum_{i} X_{b,i}\,W_{i,o} + c_{o}\right)",
        "pq",
        LINEAR,
        {},
        X.T @ G,
    ),
    "independent entries": (
        r"\sum_{b,o} G_{b,o} \left(\sum_{i} X_{b,i}\,\frac{\partial W_{i,o}}{\partial W_{p,q}}\right)",
        "pq",
        LINEAR,
        {},
        X.T @ G,
    ),
    "deltas": (r"\sum_{b,o,i} G_{b,o}\,X_{b,i}\,\delta_{i,p}\,\delta_{o,q}", "pq", LINEAR, {}, X.T @ G),
    "least squares": (
        r"\sum_{b,o} \left(\sum_{i} X_{b,i} W_{i,o} - Y_{b,o}\right)^{2}",
        "",
        LINEAR,
        {},
        ((X @ W - Y) ** 2).sum(),
    ),
    "least squares dW": (
        r"2 \sum_{b} X_{b,p} \left(\sum_{i} X_{b,i} W_{i,q} - Y_{b,q}\right)",
        "pq",
        LINEAR,
        {},
        2 * X.T @ (X @ W - Y),
    ),
    "quadratic form": (r"\sum_{i,j} v_{i}\,A_{i,j}\,v_{j}", "", LINEAR, {}, v @ A @ v),
    "quadratic form dv": (
        r"\frac{\partial}{\partial v_{p}}\left(\sum_{i,j} v_{i}\,A_{i,j}\,v_{j}\right)",
        "p",
        LINEAR,
        {},
        (A + A.T) @ v,
    ),
    "log-sum-exp": (r"\log\left(\sum_{i} \exp\left(v_{i}\right)\right)", "", LINEAR, {}, np.log(np.exp(v).sum())),
    "log-sum-exp dv": (
        r"\frac{\exp\left(v_{p}\right)}{\sum_{i} \exp\left(v_{i}\right)}",
        "p",
        LINEAR,
        {},
        softmax(v),
    ),
    "shifted softmax": (
        r"\frac{\exp\left(v_{p} - \max_{i} \left(v_{i}\right)\right)}"
        r"{\sum_{j} \exp\left(v_{j} - \max_{i} \left(v_{i}\right)\right)}",
        "p",
        LINEAR,
        {},
        softmax(v),
    ),
    "Toeplitz": (r"\sum_{k} w_{k}\,x_{s t + d k - p}", "t", TOEPLITZ, OPTIONS, toeplitz(w) @ x),
    "Toeplitz dx": (
        r"\sum_{t,k} g_{t}\,w_{k} \left[j = s t + d k - p\right]",
        "j",
        TOEPLITZ,
        OPTIONS,
        toeplitz(w).T @ g,
    ),
    "Toeplitz dw": (r"\sum_{t} g_{t}\,x_{s t + d k - p}", "k", TOEPLITZ, OPTIONS, windows(x).T @ g),
    "Toeplitz chain rule": (
        r"\sum_{t} g_{t}\,\frac{\partial y_{t}}{\partial x_{j}}",
        "j",
        {**TOEPLITZ, "y": toeplitz(w) @ x},
        OPTIONS,
        toeplitz(w).T @ g,
    ),
    "softmax dS": (
        r"P_{i,j} \left(G_{i,j} - \sum_{k} P_{i,k}\,G_{i,k}\right)",
        "ij",
        SOFTMAX,
        {},
        PS * (GS - (PS * GS).sum(1, keepdims=True)),
    ),
    "softmax chain rule": (
        r"\sum_{i,j} G_{i,j}\,\frac{\partial P_{i,j}}{\partial S_{p,q}}",
        "pq",
        SOFTMAX,
        {},
        PS * (GS - (PS * GS).sum(1, keepdims=True)),
    ),
    "attention dQ": (
        r"\frac{1}{\sqrt{d_{k}}} \sum_{j} {\mathrm{d}S}_{p,j}\,K_{j,q}",
        "pq",
        ATTENTION,
        HEAD,
        DS @ KEYS / np.sqrt(D),
    ),
    "attention δ": (r"\sum_{e} G_{i,e}\,O_{i,e}", "i", ATTENTION, HEAD, DELTA),
    "attention dS": (
        r"P_{i,j} \left(\sum_{e} G_{i,e} V_{j,e} - \delta_{i}\right)",
        "ij",
        ATTENTION,
        HEAD,
        DS,
    ),
    "causal mask": (r"\left[j \leq i\right] A_{i,j}", "ij", LINEAR, {}, np.tril(A)),
    "relu": (r"G_{i,j} \left[S_{i,j} > 0\right]", "ij", SOFTMAX, {}, GS * (S > 0)),
    "strong zero": (
        r"\frac{\left[S_{i,j} > 0\right]}{\sqrt{S_{i,j}}} + \left[S_{i,j} > 0\right] \log\left(S_{i,j}\right)",
        "ij",
        SOFTMAX,
        {},
        np.where(S > 0, 1 / np.sqrt(abs(S)) + np.log(abs(S)), 0),
    ),
    "layer norm σ": (
        r"\left(\frac{1}{m} \sum_{j} \left(X_{i,j} - \frac{1}{m} \sum_{k} X_{i,k}\right)^{2}\right)^{1/2}",
        "i",
        NORM,
        {"m": M},
        S.std(1),
    ),
    "absolute value": (
        r"\frac{\partial}{\partial v_{p}}\left(\sum_{i} \left|v_{i}\right|\right)",
        "p",
        LINEAR,
        {},
        np.sign(v),
    ),
    "leading axes": (
        r"\frac{1}{|\ell|} \sum_{\ell} X_{\ell,i}",
        "i",
        LINEAR,
        {r"|\ell|": B},
        X.mean(0),
    ),
    "subscripted names": (
        r"\sum_{i} X_{b,i}\,{W_{1}}_{i,h}^{2} - {W_1}_{0,h}",
        "bh",
        {"X": X, "W_{1}": W},
        {},
        X @ W**2 - W[0],
    ),
    "constants": (r"2 \pi\,\delta_{i,j}", "ij", {}, {r"\pi": np.pi}, 2 * np.pi * np.eye(4)),
}


@pytest.mark.parametrize("name", INDEX)
def test_index_notation_agrees_with_numpy(name):
    latex, free, arrays, scalars, expected = INDEX[name]
    free = tuple(r"\ell" if index == "l" else index for index in free)
    sizes = {"j": 4, "i": 4} if name == "constants" else {"t": T, "j": LENGTH, "k": K} if arrays is TOEPLITZ else {}
    sizes = {"j": LENGTH} if name == "Toeplitz chain rule" else sizes
    found = evaluate_index(latex, free, arrays, sizes, scalars, DEFINITIONS)
    assert found.shape == np.shape(expected)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


def test_a_read_at_an_index_that_runs_too_far_is_0_where_that_is_admitted():
    arrays = {"x": v, "y": np.ones(I + 2)}
    with pytest.raises(ReaderError, match="runs over"):
        evaluate_index("x_{i} y_{i}", ("i",), arrays, {"i": I + 2})
    found = evaluate_index("x_{i} y_{i}", ("i",), arrays, {"i": I + 2}, strict=False)
    np.testing.assert_array_equal(found, [*v, 0, 0])


def test_a_copy_of_an_index_runs_as_far_as_the_index():
    """And k_1 is the copy of an index even where a tensor is called k."""
    arrays = {"k": X, "x": v}
    found = evaluate_index(r"\sum_{i',k_{1}} x_{2 i'} k_{0,k_{1}}", (), arrays, {"i": I, "k": I})
    np.testing.assert_allclose(found, v[::2].sum() * X[0].sum(), rtol=1e-12)


def test_a_definition_has_indices_of_its_own():
    """The p of the definition is not the p of the entry that is differentiated by, and runs elsewhere."""
    arrays = {"X": X, "W": W, "Y": Y, "G": G}
    definitions = {"Y": (("b", "o"), r"\sum_{p} X_{b,p} W_{p,o}")}
    latex = r"\sum_{b,o} G_{b,o} \frac{\partial Y_{b,o}}{\partial X_{p,q}}"
    found = evaluate_index(latex, ("p", "q"), arrays, {"p": B, "q": I}, {}, definitions)
    np.testing.assert_allclose(found, G @ W.T, rtol=1e-12)
