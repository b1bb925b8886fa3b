"""The matrix products of the same work, and nothing else: the floor under what is made of them.

A forward product A B has two in its backward, G Bᵀ and Aᵀ G; where an argument is transposed here, it is a view, as in
what is measured. Of a convolution they are those of its columns, which are not formed; of causal attention all of them.
"""

from __future__ import annotations

from math import prod

import numpy as np

from .cases import Case
from .contestants import Contestant, Task, Work

Array = np.ndarray
Shape = tuple[int, ...]


def pairs(case: Case) -> list[tuple[Shape, Shape]] | None:
    """The shapes of the factors of each forward product; None where the work is none of products.

    >>> from .cases import linear
    >>> pairs(linear("tiny", 4, 8, 5))
    [((4, 8), (8, 5))]
    """
    shapes = case.shapes
    if case.layer == "linear":
        return [(shapes["X"], shapes["W"])]
    if case.layer == "mlp4":
        rows = shapes["X"][0]
        return [((rows, shapes[W][0]), shapes[W]) for W in ("W1", "W2", "W3", "W4")]
    if case.layer in ("attention", "causal_attention"):
        *front, n, d = shapes["Q"]
        return [((*front, n, d), (*front, d, n)), ((*front, n, n), (*front, n, d))]
    if case.layer in ("conv1d", "conv2d", "grouped_conv2d"):
        W, X = shapes["W"], shapes["X"]
        rank = 1 if case.layer == "conv1d" else 2
        groups = W[: -rank - 2]
        stride, padding = case.options.get("stride", 1), case.options["padding"]
        places = prod((n + 2 * padding - k) // stride + 1 for n, k in zip(X[-rank:], W[-rank:], strict=True))
        read = prod(W[-rank - 1 :])
        return [((*groups, W[-rank - 2], read), (X[0], *groups, read, places))]
    return None


class Products(Contestant):
    name = "matrix products"

    def can(self, case: Case) -> bool:
        return pairs(case) is not None

    def prepare(self, task: Task) -> Work:
        rng = np.random.default_rng(1)
        found = pairs(task.case)
        assert found is not None
        factors = [tuple(rng.standard_normal(shape).astype(task.dtype) for shape in pair) for pair in found]
        if not task.backward:
            return lambda: [A @ B for A, B in factors]
        cotangents = [np.ones_like(A @ B) for A, B in factors]

        def work() -> list[Array]:
            return [product for (A, B), G in zip(factors, cotangents, strict=True) for product in _three(A, B, G)]

        return work


def _three(A: Array, B: Array, G: Array) -> tuple[Array, Array, Array]:
    return A @ B, G @ B.mT, A.mT @ G
