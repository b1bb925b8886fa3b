"""Arrays of textbook layers, by the names that these have in LaTeX, and what is made of them by hand."""

from __future__ import annotations

import numpy as np

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
