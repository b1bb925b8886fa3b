"""HIPS autograd: reverse mode over NumPy's functions."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import partial
from typing import Any

import autograd.numpy as np
from autograd import make_vjp
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


def _reads(padded: Tensor, taps: tuple[int, ...], stride: int) -> Iterator[tuple[tuple[int, ...], Tensor]]:
    """Each tap, and what it reads."""
    sides = padded.shape[-len(taps) :]
    for tap in itertools.product(*map(range, taps)):
        starts = zip(tap, sides, taps, strict=True)
        yield tap, padded[(..., *(slice(u, n - k + u + 1, stride) for u, n, k in starts))]


def _conv(X: Tensor, W: Tensor, b: Tensor, *, padding: int, stride: int = 1, rank: int = 2) -> Tensor:
    """Tap by tap, with a matrix product for each. Its own `convolve` has no stride, and takes 20 times as long."""
    Y: Tensor = 0.0
    for tap, reads in _reads(_pad(X, padding, rank), W.shape[-rank:], stride):
        sides = reads.shape[-rank:]
        Y = Y + W[(..., *tap)] @ np.reshape(reads, (*reads.shape[:-rank], -1))
    return np.reshape(Y, (*Y.shape[:-1], *sides)) + np.reshape(b, (*b.shape, *[1] * rank))


def _depthwise(X: Tensor, W: Tensor, b: Tensor, *, padding: int, stride: int) -> Tensor:
    Y = b[:, None, None]
    for tap, reads in _reads(_pad(X, padding, 2), W.shape[-2:], stride):
        Y = Y + W[(..., *tap, None, None)] * reads
    return Y


FORMULAS = formulas(Spelling(np, erf, _softmax, _log_softmax)) | {
    "conv1d": partial(_conv, rank=1),
    "conv2d": _conv,
    "grouped_conv2d": _conv,
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
