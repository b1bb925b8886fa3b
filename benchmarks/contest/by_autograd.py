"""HIPS autograd: reverse mode over NumPy's functions."""

from __future__ import annotations

from typing import Any

import autograd.numpy as np
from autograd import make_vjp
from autograd.scipy.signal import convolve
from autograd.scipy.special import erf
from autograd.tracer import getval

from .cases import Case
from .contestants import Contestant, Task, Work
from .formulas import Spelling, formulas

Tensor = Any


def _softmax(S: Tensor) -> Tensor:
    # The maximum is taken as a constant: the shift by it changes nothing.
    E = np.exp(S - getval(S).max(axis=-1, keepdims=True))
    return E / np.sum(E, axis=-1, keepdims=True)


def _log_softmax(S: Tensor) -> Tensor:
    shifted = S - getval(S).max(axis=-1, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=-1, keepdims=True))


def _pad(X: Tensor, padding: int, rank: int) -> Tensor:
    return np.pad(X, [(0, 0)] * (X.ndim - rank) + [(padding, padding)] * rank, "constant")


def _conv(X: Tensor, W: Tensor, b: Tensor, *, padding: int, stride: int = 1) -> Tensor:
    """Its own convolution, which flips the kernel; it knows no stride, so that what is not wanted is dropped."""
    rank = X.ndim - 2
    along = list(range(2, 2 + rank))
    flipped = W[(slice(None), slice(None), *[slice(None, None, -1)] * rank)]
    Y = convolve(_pad(X, padding, rank), flipped, axes=(along, along), dot_axes=([1], [1]), mode="valid")
    return Y[(..., *[slice(None, None, stride)] * rank)] + np.reshape(b, (-1, *[1] * rank))


def _grouped(X: Tensor, W: Tensor, b: Tensor, *, padding: int, stride: int) -> Tensor:
    return np.stack([_conv(X[:, g], W[g], b[g], padding=padding, stride=stride) for g in range(W.shape[0])], axis=1)


def _depthwise(X: Tensor, W: Tensor, b: Tensor, *, padding: int, stride: int) -> Tensor:
    """Tap by tap: its own convolution has no axis that both share."""
    padded = _pad(X, padding, 2)
    height, width = (padded.shape[2 + n] - W.shape[1 + n] + 1 for n in range(2))
    Y = b[:, None, None]
    for u in range(W.shape[1]):
        for v in range(W.shape[2]):
            Y = Y + W[:, u, v, None, None] * padded[:, :, u : u + height : stride, v : v + width : stride]
    return Y


FORMULAS = formulas(Spelling(np, erf, _softmax, _log_softmax)) | {
    "conv1d": _conv,
    "conv2d": _conv,
    "grouped_conv2d": _grouped,
    "depthwise_conv2d": _depthwise,
}


class ByAutograd(Contestant):
    name = "autograd"
    package = "autograd"

    def can(self, case: Case) -> bool:
        return case.layer in FORMULAS

    def prepare(self, task: Task) -> Work:
        formula, arrays, options = FORMULAS[task.case.layer], task.arrays, task.case.options
        dY, floating = task.cotangent, task.case.floating
        if dY is None:
            return lambda: (formula(*arrays, **options),)

        def of_floating(values: tuple) -> Tensor:
            given = list(arrays)
            for place, value in zip(floating, values, strict=True):
                given[place] = value
            return formula(*given, **options)

        start = tuple(arrays[place] for place in floating)

        def work() -> tuple:
            vjp, Y = make_vjp(of_floating)(start)
            return (Y, *vjp(dY))

        return work
