"""The reader reads textbook strings typed by hand, rejects planted faults, and raises on what it does not know."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
from latex_reader import ReaderError, evaluate_index, evaluate_matrix, split_aligned, split_entry, split_matrix

RNG = np.random.default_rng(7)
B, I, O, N, M, D, E, K, T = 5, 3, 2, 4, 7, 3, 2, 3, 5  # noqa: E741 (the sizes of the axes b, i, o, …)
STRIDE, PADDING, DILATION = 2, 1, 2
LENGTH = STRIDE * (T - 1) + DILATION * (K - 1) + 1 - 2 * PADDING


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape)


def softmax(scores: np.ndarray) -> np.ndarray:
    weights = np.exp(scores)
    return weights / weights.sum(axis=-1, keepdims=True)


def layer_norm_gradient(x, cotangent, gain):
    """The projection form, row by row, from the Jacobian of each row."""
    result = np.empty_like(x)
    for n, row in enumerate(x):
        size, centred = len(row), row - row.mean()
        deviation = np.sqrt((centred**2).mean())
        normed = centred / deviation
        jacobian = (np.eye(size) - 1 / size - np.outer(normed, normed) / size) / deviation
        result[n] = jacobian.T @ (cotangent[n] * gain)
    return result


# Linear and least squares: X is B × I, W is I × O.
X, W, G, Y, c, v = normal(B, I), normal(I, O), normal(B, O), normal(B, O), normal(O), normal(I)
A = normal(I, I)
# Attention: Q is N × D, K M × D, V M × E.
Q, KEYS, V, GO = normal(N, D), normal(M, D), normal(M, E), normal(N, E)
P = softmax(Q @ KEYS.T / np.sqrt(D))
OUT = P @ V
DELTA = (GO * OUT).sum(axis=1)
DS = P * (GO @ V.T - DELTA[:, None])
# Softmax and layer norm: N × M.
S, GS = normal(N, M), normal(N, M)
PS = softmax(S)
GAIN = normal(M)
XHAT = (S - S.mean(1, keepdims=True)) / S.std(1, keepdims=True)
H = GS * GAIN
TARGET = softmax(normal(N, M))
# Toeplitz: x has LENGTH entries, w has K, g has T.
x, w, g = normal(LENGTH), normal(K), normal(T)


def toeplitz(kernel: np.ndarray) -> np.ndarray:
    matrix = np.zeros((T, LENGTH))
    for t in range(T):
        for k in range(K):
            j = STRIDE * t + DILATION * k - PADDING
            if 0 <= j < LENGTH:
                matrix[t, j] += kernel[k]
    return matrix


def windows(signal: np.ndarray) -> np.ndarray:
    padded = np.pad(signal, PADDING)
    return np.array([[padded[STRIDE * t + DILATION * k] for k in range(K)] for t in range(T)])


LINEAR = {"X": X, "W": W, "G": G, "Y": Y, "c": c, "b": c, "A": A, "v": v}
ATTENTION = {"Q": Q, "K": KEYS, "V": V, "G": GO, "P": P, "O": OUT, r"\delta": DELTA, r"\mathrm{d}S": DS}
SOFTMAX = {"S": S, "G": GS, "P": PS}
NORM = {"X": S, "G": GS, r"\hat{x}": XHAT, r"\gamma": GAIN, "H": H, r"\sigma": S.std(1)}
TOEPLITZ = {"x": x, "w": w, "g": g}
OPTIONS = {"s": STRIDE, "p": PADDING, "d": DILATION}
HEAD = {"d_{k}": D}

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


# (what is right, the same with a planted fault, names, shape)
FAULTS = {
    "dropped transpose": (r"X^{\top} G", r"X G", LINEAR, (I, O)),
    "dropped transpose of a square matrix": (r"A^{\top} v", r"A v", LINEAR, (I,)),
    "transposed result": (r"X^{\top} G", r"G^{\top} X", LINEAR, (I, O)),
    "a row for a column": (r"G^{\top} \mathbf{1}", r"\mathbf{1}^{\top} G", LINEAR, (O,)),
    "swapped factors": (r"G W^{\top}", r"W^{\top} G", LINEAR, (B, I)),
    "swapped square factors": (r"A A^{\top}", r"A^{\top} A", LINEAR, (I, I)),
    "flipped sign": (r"2 X^{\top} \left(X W - Y\right)", r"2 X^{\top} \left(X W + Y\right)", LINEAR, (I, O)),
    "the rival's least squares": (
        r"2 X^{\top} \left(X W - Y\right)",
        r"2 X^{\top} X W - 2 Y^{\top} X",
        LINEAR,
        (I, O),
    ),
    "lost factor": (r"2 X^{\top} \left(X W - Y\right)", r"X^{\top} \left(X W - Y\right)", LINEAR, (I, O)),
    "lost broadcast": (
        r"P \odot \left(G V^{\top} - \delta \mathbf{1}^{\top}\right)",
        r"P \odot \left(G V^{\top} - \delta\right)",
        ATTENTION,
        (N, M),
    ),
    "product for entrywise product": (r"P \odot G", r"P G", SOFTMAX, (N, M)),
    "lost sum": (
        r"P \odot \left(G - \left(P \odot G\right) \mathbf{1} \mathbf{1}^{\top}\right)",
        r"P \odot \left(G - \left(P \odot G\right)\right)",
        SOFTMAX,
        (N, M),
    ),
    "forgotten parentheses": (
        r"G \odot \left(1 - P^{\odot 2}\right)",
        r"G \odot 1 - P^{\odot 2}",
        SOFTMAX,
        (N, M),
    ),
}


def rejected(right: str, wrong: str, read) -> bool:
    expected = read(right)
    try:
        found = read(wrong)
    except ReaderError:
        return True
    return found.shape != expected.shape or not np.allclose(found, expected)


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_in_matrix_notation_is_rejected(name):
    right, wrong, arrays, shape = FAULTS[name]
    assert rejected(right, wrong, lambda latex: evaluate_matrix(latex, arrays, HEAD, shape))


def test_the_rivals_least_squares_is_rejected_for_its_shape():
    with pytest.raises(ReaderError, match="in a sum"):
        evaluate_matrix(r"2 X^{\top} X W - 2 Y^{\top} X", LINEAR, shape=(I, O))


INDEX_FAULTS = {
    "dropped transpose": (r"\sum_{b} X_{b,p}\,G_{b,q}", r"\sum_{b} X_{p,b}\,G_{b,q}", "pq"),
    "swapped free indices": (r"\sum_{b} X_{b,p}\,G_{b,q}", r"\sum_{b} X_{b,q}\,G_{b,p}", "pq"),
    "transposed square matrix": (r"\sum_{i} A_{i,p}\,v_{i}", r"\sum_{i} A_{p,i}\,v_{i}", "p"),
    "flipped sign": (r"v_{p} - \sum_{o} W_{p,o}", r"v_{p} + \sum_{o} W_{p,o}", "p"),
    "lost sum": (r"\sum_{b} G_{b,q}", r"G_{0,q}", "q"),
    "swapped factor": (r"\sum_{b} X_{b,p}\,G_{b,q}", r"\sum_{b} X_{b,p}\,Y_{b,q}", "pq"),
    "a sum that reaches too far": (r"\sum_{o} c_{o} + v_{p}", r"\sum_{o} \left(c_{o} + v_{p}\right)", "p"),
}


@pytest.mark.parametrize("name", INDEX_FAULTS)
def test_a_planted_fault_in_index_notation_is_rejected(name):
    right, wrong, free = INDEX_FAULTS[name]
    # Sizes are those of the right result.
    sizes = {"p": I, "q": O}
    assert rejected(right, wrong, lambda latex: evaluate_index(latex, tuple(free), LINEAR, sizes))


MALFORMED_MATRIX = {
    "unknown name": r"X Z",
    "unknown command": r"X \star W",
    "unknown character": r"X # W",
    "unclosed parenthesis": r"\left(X W",
    "wrong closing delimiter": r"\left(X W\right]",
    "nothing": r"",
    "no factor after a sign": r"X W +",
    "no factor after ⊙": r"X \odot",
    "function without parentheses": r"\exp X",
    "sum in invisible braces": r"{X + X} W",
    "a number behind": r"X 2",
    "ambiguous division": r"X / 2 W",
    "power of a matrix": r"A^{2}",
    "division by a matrix": r"\frac{X}{A}",
    "subscript": r"X_{1} W",
    "transposed scalar": r"2^{\top} X",
    "number for a matrix": r"1",
    "scalar plus matrix": r"v^{\top} v + X",
    "an undetermined length": r"\mathbf{1} \mathbf{1}^{\top}",
    "bracket without a condition": r"\left[X\right]",
    "unbraced long superscript": r"X^\mathrm{T}",
}


@pytest.mark.parametrize("name", MALFORMED_MATRIX)
def test_malformed_matrix_notation_raises(name):
    with pytest.raises(ReaderError):
        evaluate_matrix(MALFORMED_MATRIX[name], LINEAR, shape=(B, O) if name == "number for a matrix" else None)


MALFORMED_INDEX = {
    "unknown name": r"Z_{b,i}",
    "unknown index": r"X_{b,z}",
    "index as a number": r"b X_{b,i}",
    "too few indices": r"X_{b}",
    "no indices": r"X",
    "indices without commas": r"X_{b i}",
    "one index for two sizes": r"X_{i,b}",
    "index bound twice": r"\sum_{b} X_{b,i}",
    "index bound twice at once": r"\sum_{j,j} A_{j,j}",
    "a sum without a term": r"\sum_{j}",
    "range of a sum": r"\sum_{j=1}^{n} A_{j,i}",
    "trailing text": r"X_{b,i} )",
    "subscript after superscript": r"X^{2}_{b,i}",
    "ambiguous division": r"1 / 2 X_{b,i}",
    "delta of one index": r"\delta_{i}",
    "bracket without a condition": r"\left[i\right]",
    "index that is a value too": r"X_{b,o}",
    "index of unknown size": r"\sum_{z} X_{b,2 z}",
    "derivative of nothing": r"\frac{\partial}{\partial X_{b,i}} X_{b,i}",
    "derivative by a number": r"\frac{\partial X_{b,i}}{\partial 2}",
    "condition that is no index": r"X_{b,\frac{i}{2}}",
}


@pytest.mark.parametrize("name", MALFORMED_INDEX)
def test_malformed_index_notation_raises(name):
    with pytest.raises(ReaderError):
        evaluate_index(MALFORMED_INDEX[name], ("b", "i"), {**LINEAR, "b": c[0]}, {}, {"o": 1})


def test_lines_of_a_derivation_are_split():
    latex = r"""\begin{aligned}
      \frac{\partial L}{\partial W_{p,q}} &= \sum_{b,o} \left[b = 0\right] G_{b,o} && \text{chain rule} \\[2pt]
      &= G_{0,q} \\
      &\quad {} + X_{b,p} \biggl( & \text{definition of $Y$} \\
      &\quad 1 \biggr) \left[p = 0\right] \\
      \frac{\partial L}{\partial W} &= X^{\top} G && \text{matrix product}
    \end{aligned}"""
    entry = r"\frac{\partial L}{\partial W_{p,q}}"
    lines = split_aligned(latex)
    assert [left for left, _, _ in lines] == [entry, entry, r"\frac{\partial L}{\partial W}"]
    assert [rule for _, _, rule in lines] == ["chain rule", "definition of $Y$", "matrix product"]
    assert lines[0][1] == r"\sum_{b,o} \left[b = 0\right] G_{b,o}"
    assert "".join(lines[1][1].split()) == r"G_{0,q}\quad+X_{b,p}\biggl(\quad1\biggr)\left[p=0\right]"
    assert lines[2][1] == r"X^{\top} G"


def test_a_matrix_written_out_is_split():
    latex = r"T(w) &= \begin{pmatrix} w_{0} & w_{1} & 0 \\ 0 & w_{0} & w_{1} \end{pmatrix}"
    ((left, right, _),) = split_aligned(latex)
    assert (left, split_matrix(right)) == ("T(w)", [["w_{0}", "w_{1}", "0"], ["0", "w_{0}", "w_{1}"]])
    with pytest.raises(ReaderError):
        split_matrix(r"\begin{pmatrix} 1 & 2 \\ 3 \end{pmatrix}")


@pytest.mark.parametrize(
    ("latex", "name", "indices"),
    [
        ("X_{b,i}", "X", ("b", "i")),
        (r"{W_{1}}_{i,h}", "W_{1}", ("i", "h")),
        (r"{\mathrm{d}S}_{\ell,p}", r"\mathrm{d}S", (r"\ell", "p")),
        (r"\mathrm{d}S", r"\mathrm{d}S", ()),
        (r"P_{\ell_{1},q}", "P", (r"\ell_{1}", "q")),
        ("G", "G", ()),
        (r"{\hat{x}\!\,}_{i}", r"\hat{x}", ("i",)),
    ],
)
def test_a_left_side_is_split(latex, name, indices):
    assert split_entry(latex) == (name, indices)


def test_the_reader_imports_nothing_from_derive():
    for path in (Path(__file__).parent / "latex_reader").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            modules = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            assert not {m.split(".")[0] for m in modules} & {"derive", "numeric", "sympy"}, path
