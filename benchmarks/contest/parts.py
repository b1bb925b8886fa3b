"""What a case is made of at the least, in NumPy: each part by itself, as calls that no program can do without.

A part does what its name says on arrays of the right shapes, and nothing else: no checks, no new arrays, data in the
cache where a program can have them there. Together they are a floor under any program of NumPy's calls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod

import numpy as np

from .cases import Case
from .contestants import Work
from .products import pairs

Array = np.ndarray
Parts = Mapping[str, Work]
# Rows and columns of a block of attention, and the entries of arrays of which several are in the cache at once.
BLOCK, ENTRIES = 256, 2**16


def times(work: Work, count: int) -> Work:
    def repeated() -> None:
        for _ in range(count):
            work()

    return repeated


def passes(over: int, /, **counts: int) -> Parts:
    """So many passes of each kind over so many entries, a block in the cache at a time."""
    rng = np.random.default_rng(0)
    A, B = (rng.random((64, ENTRIES // 64)).astype(np.float32) for _ in range(2))
    row, column, out = B[0].copy(), B[:, :1].copy(), np.empty_like(A)
    kinds: dict[str, Work] = {
        "exponentials": lambda: np.exp(A, out=out),
        "largest": lambda: A.max(axis=-1),
        "sums": lambda: A.sum(axis=-1),
        "inner": lambda: np.einsum("ij,ij->i", A, B),
        "by_rows": lambda: np.multiply(A, row, out=out),
        "by_columns": lambda: np.subtract(A, column, out=out),
        "entries": lambda: np.multiply(A, B, out=out),
        "down": lambda: np.einsum("ij,ij->j", A, B),
    }
    works = [times(kinds[kind], count) for kind, count in counts.items()]
    text = f"{sum(counts.values())} passes in the cache"
    return {text: times(lambda: [work() for work in works], max(1, round(over / ENTRIES)))}


def memory(entries: int, read: int, written: int) -> Parts:
    """Reading so many arrays and writing so many, from memory and to it."""
    source, target = np.ones(entries, np.float32), np.empty(entries, np.float32)
    both = min(read, written)
    works = [times(lambda: np.copyto(target, source), both), times(source.max, read - both)]
    return {f"{read} arrays read, {written} written": lambda: [work() for work in works]}


def attention(case: Case) -> Parts:
    """Seven products of blocks; exponentials in both passes; maximum, differences, sums, products."""
    *front, n, d = case.shapes["Q"]
    half = (n // BLOCK + 1) / (2 * (n // BLOCK)) if case.layer == "causal_attention" else 1
    blocks = round(prod(front) * (n // BLOCK) ** 2 * half)
    rng = np.random.default_rng(0)
    Q, K = (rng.random((BLOCK, d)).astype(np.float32) for _ in range(2))
    S, O = np.empty((BLOCK, BLOCK), np.float32), np.empty((BLOCK, d), np.float32)

    def products() -> None:
        for _ in range(3):
            np.matmul(K, Q.T, out=S)
        for _ in range(2):
            np.matmul(S, Q, out=O)
            np.matmul(S.T, Q, out=O)

    S[:] = 0
    entries = blocks * BLOCK**2
    exponents = passes(entries, exponentials=2)
    others = passes(entries, largest=1, by_columns=3, sums=1, entries=1)
    return {
        "7 matrix products, in blocks": times(products, blocks),
        "2 passes of exponentials": next(iter(exponents.values())),
        "6 other passes in the cache": next(iter(others.values())),
    }


def layer_norm(case: Case) -> Parts:
    entries = prod(case.shapes["X"])
    counts = {"sums": 3, "by_columns": 6, "inner": 2, "by_rows": 3, "entries": 1, "down": 2}
    return {**passes(entries, **counts), **memory(entries, 3, 2)}


def cross_entropy(case: Case) -> Parts:
    entries = prod(case.shapes["Z"])
    dense = {"entries": 1, "by_columns": 1, "inner": 1} if case.layer == "cross_entropy" else {}
    counts = {"largest": 1, "by_columns": 2, "exponentials": 1, "sums": 1}
    both = {kind: counts.get(kind, 0) + dense.get(kind, 0) for kind in {**counts, **dense}}
    return {**passes(entries, **both, **({} if dense else {"by_rows": 1})), **memory(entries, 2, 2)}


def depthwise(case: Case) -> Parts:
    """For each tap a product and a sum, in the forward pass and for the data; inner products for the kernel."""
    entries, taps = prod(case.shapes["X"]), prod(case.shapes["W"][-2:])
    return {
        **passes(entries, by_rows=2 * taps, entries=2 * taps, inner=taps),
        **memory(entries, 3, 2),
    }


def convolution(case: Case) -> Parts:
    """Three matrix products; what is read three times, laid out as columns, or added up from them."""
    found = pairs(case)
    assert found is not None
    [((*groups, out, read), (images, *_, places))] = found
    rng = np.random.default_rng(0)
    W = rng.random((*groups, out, read)).astype(np.float32)
    X, Y = (rng.random((*groups, rows, places)).astype(np.float32) for rows in (read, out))
    columns, kernels = np.empty_like(X), np.empty_like(W)

    def products() -> None:
        np.matmul(W, X, out=Y)
        np.matmul(W.mT, Y, out=columns)
        np.matmul(Y, X.mT, out=kernels)

    side = int(places**0.5)
    taps = prod(case.shapes["W"][-2:])
    data = rng.random((read * prod(groups) // taps, side + 8, side + 8)).astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(data, (side, side), axis=(-2, -1))
    shown = windows[:, : case.shapes["W"][-2], : case.shapes["W"][-1]]
    room = np.empty(shown.shape, np.float32)
    return {
        "3 matrix products": times(products, images),
        "3 times what is read, as columns": times(lambda: np.copyto(room, shown), 3 * images),
    }


PARTS: dict[str, Callable[[Case], Parts]] = {
    "attention": attention,
    "causal_attention": attention,
    "layer_norm": layer_norm,
    "cross_entropy": cross_entropy,
    "sparse_cross_entropy": cross_entropy,
    "depthwise_conv2d": depthwise,
    "conv2d": convolution,
    "grouped_conv2d": convolution,
}
