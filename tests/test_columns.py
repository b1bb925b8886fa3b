"""Contractions with windows, of expressions that are in no layer of the catalogue: matrix products, piece by piece."""

import re
import tracemalloc
from itertools import product

import numpy as np
import pytest
from sympy import Eq, Sum

from derive import check, compiled, numpy_source
from derive.language.definition import Axis, Integer, Max, Parameter, Tensor, axes, define, iverson, layer, sigmoid
from derive.printers import numpy_helpers as helpers

n, c, o, g, i, k, l, h, w, u, v = axes("n=N c=C o=O g=G i=I k=K l=L h=H w=W u=U v=V")


@layer
def listed(F: Parameter[k, o, c], X: Tensor[c, n, i], *, stride: Integer(1) = 2):
    """Signals in a list, the kernel's channels last, everything else in another order as well."""
    t = Axis("t", (i.size - k.size) // stride + 1)
    return define("Y", (t, n, o), Sum(F[k, o, c] * X[c, n, stride * t + k], c, k))


@layer
def maps(X: Tensor[..., h, w], F: Parameter[u, v]):
    """One kernel for all maps, which have no channels."""
    y, x = Axis("y", h.size - u.size + 1), Axis("x", w.size - v.size + 1)
    return define("Y", (..., y, x), Sum(X[..., y + u, x + v] * F[u, v], u, v))


@layer
def matrices(X: Tensor[n, i], F: Parameter[o, l, k]):
    """Two axes of rows: every signal gives a matrix for each place."""
    t = Axis("t", i.size - 2 * k.size + 2)
    return define("Y", (n, o, l, t), Sum(F[o, l, k] * X[n, t + 2 * k], k))


@layer
def own_windows(X: Tensor[n, g, i], F: Tensor[n, g, k]):
    """Every signal has kernels of its own."""
    t = Axis("t", i.size - k.size + 1)
    return define("Y", (n, g, t), Sum(F[n, g, k] * X[n, g, t + k], k))


@layer
def channels_last(X: Tensor[n, i, c], F: Parameter[k, c, o]):
    """What lies side by side in memory belongs to the sum."""
    t = Axis("t", i.size - k.size + 1)
    return define("Y", (n, t, o), Sum(F[k, c, o] * X[n, t + k, c], c, k))


@layer
def peaks(X: Tensor[..., i], *, window: Integer(1) = 3):
    """Every window of a row has its peak, and the square of that is what counts."""
    t = Axis("t", i.size - window + 1)
    j = Axis("j", window)
    M = define("M", (..., t), Max(X[..., t + j], j))
    return define("L", (...,), Sum(M[..., t] ** 2, t))


@layer
def pairs(X: Tensor[n, g, i], W: Parameter[g, l]):
    """The larger of two neighbours, in two axes of signals; a weight for each comes before its gradient is spread."""
    t, j = Axis("t", i.size // 2), Axis("j", 2)
    M = define("M", (n, g, t), Max(X[n, g, 2 * t + j], j))
    return define("Y", (n, l), Sum(M[n, g, t] ** 2 * W[g, l], g, t))


LAYERS = (listed, maps, matrices, own_windows, channels_last, peaks, pairs)


@pytest.mark.parametrize("own", LAYERS, ids=lambda own: own.name)
def test_every_witness_agrees(own):
    report = check(own)
    assert report.ok, f"\n{report}"


@pytest.mark.parametrize(
    ("own", "forward", "backward"),
    [
        (listed, {"_correlate"}, {"_spread", "_tap_products"}),
        (maps, {"_correlate"}, {"_correlate", "_tap_products"}),
        (matrices, {"_correlate"}, {"_correlate", "_tap_products"}),
        (peaks, {"_tap_max"}, {"_spread_maximum"}),
        (pairs, {"_tap_max"}, {"_spread_maximum"}),
    ],
    ids=lambda own: getattr(own, "name", ""),
)
def test_which_products_there_are(own, forward, backward):
    source = numpy_source(own)
    _, body = source.split(f"def {own.name}_fwd")
    ahead, back = body.split(f"def {own.name}_bwd")
    called = [set(re.findall(r"\b(_correlate|_spread\w*|_tap\w+|_overlap_add)\(", text)) for text in (ahead, back)]
    assert called == [forward, backward]


# what a scatter of products costs


def spread(kernels, values, length, dilation, stride):
    """Entry by entry, as its docstring says."""
    channels, taps, summed = kernels.shape
    result = np.zeros((len(values), channels, length))
    for row, a, j, b, t in product(*map(range, (len(values), channels, taps, summed, values.shape[-1]))):
        place = dilation * j + stride * t - 1
        if 0 <= place < length:
            result[row, a, place] += kernels[a, j, b] * values[row, b, t]
    return result


@pytest.mark.parametrize(
    ("channels", "summed", "stride", "gathers"),
    [(2, 3, 1, True), (2, 4, 1, False), (2, 3, 2, False), (1, 1, 1, True), (3, 1, 2, False)],
)
def test_what_is_written_is_gathered_where_that_is_cheaper(channels, summed, stride, gathers, monkeypatch):
    calls = []
    correlate = helpers._correlate
    monkeypatch.setattr(helpers, "_correlate", lambda *a, **k: calls.append(a) or correlate(*a, **k))
    random = np.random.default_rng(0)
    kernels, values = random.standard_normal((channels, 3, summed)), random.standard_normal((2, summed, 5))
    found = helpers._spread(kernels, values, (11,), (-1, 2, stride))
    assert np.allclose(found, spread(kernels, values, 11, 2, stride))
    assert bool(calls) is gathers


# lines: maps that have a kernel each, and places that move by one


@layer
def volumes(X: Tensor[n, c, l, h, w], F: Parameter[c, k, u, v], b: Parameter[c], *, dilation: Integer(1) = 2):
    """A kernel for each channel, in three directions, with room in front of the first."""
    z, y = Axis("z", l.size - k.size + 3), Axis("y", h.size - dilation * (u.size - 1))
    x = Axis("x", w.size - dilation * (v.size - 1))
    read = X[n, c, z + k - 2, y + dilation * u, x + dilation * v]
    return define("Y", (n, c, z, y, x), b[c] + Sum(read * F[c, k, u, v], k, u, v))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("own", [maps, volumes], ids=lambda own: own.name)
def test_maps_with_a_kernel_each_are_read_as_lines(own, dtype, monkeypatch):
    assert check(own).ok
    calls = []
    pieces, lines = helpers._pieces, helpers._tap_products_lines
    monkeypatch.setattr(helpers, "_pieces", lambda *a, **k: calls.append(k["lines"]) or pieces(*a, **k))
    monkeypatch.setattr(helpers, "_tap_products_lines", lambda *a: calls.append("inner") or lines(*a))
    random = np.random.default_rng(0)
    # Pieces of one to two megabytes: the last of them smaller.
    X, W = random.standard_normal((7, 5, 40, 50)).astype(dtype), random.standard_normal((5, 3, 4)).astype(dtype)
    rows = [(-2, 1, 0, 1, 0), (-1, 0, 2, 0, 1)]
    sizes = (3, 4, 40, 45)
    windows = helpers._windows(X, sizes, *rows)
    Y = helpers._correlate(W.reshape(5, 1, -1), X, sizes, *rows, bias=W[:, :1, 0])
    bias = W[:, :1, 0, None]
    assert Y.dtype == dtype and calls == [True]
    assert np.allclose(Y[:, :, 0], np.einsum("ncuvij,cuv->ncij", windows, W) + bias, atol=1e-4)
    dW = helpers._tap_products(Y, X, sizes, *rows)
    assert dW.dtype == dtype and calls == [True, "inner"]
    assert np.allclose(dW[:, 0], np.einsum("ncuvij,ncij->cuv", windows, Y[:, :, 0]), rtol=1e-4, atol=1e-1)


@pytest.mark.parametrize(("kernels", "step"), [((5, 2, 6), 1), ((5, 1, 6), 2)], ids=["two rows", "by two"])
def test_others_are_read_as_windows(kernels, step, monkeypatch):
    calls = []
    pieces = helpers._pieces
    monkeypatch.setattr(helpers, "_pieces", lambda *a, **k: calls.append(k["lines"]) or pieces(*a, **k))
    X = np.random.default_rng(0).standard_normal((2, 5, 8, 9))
    W = np.random.default_rng(1).standard_normal(kernels)
    rows, sizes = [(0, 1, 0, step, 0), (0, 0, 1, 0, 1)], (2, 3, 3, 7)
    windows = helpers._windows(X, sizes, *rows)
    Y = helpers._correlate(W, X, sizes, *rows)
    assert np.allclose(Y, np.einsum("ncuvij,couv->ncoij", windows, W.reshape(*kernels[:2], 2, 3)))
    assert calls == [False]


def test_no_items_give_no_places_and_no_products():
    rows, sizes = [(-1, 1, 0, 1, 0), (0, 0, 1, 0, 1)], (2, 3, 6, 3)
    X = np.empty((0, 4, 5, 5))
    for kernels in (np.ones((4, 1, 6)), np.ones((4, 2, 6))):
        Y = helpers._correlate(kernels, X, sizes, *rows, bias=kernels[..., 0])
        assert Y.shape == (0, *kernels.shape[:2], 6, 3)
        assert helpers._tap_products(Y, X, sizes, *rows).tolist() == np.zeros((*kernels.shape[:2], 2, 3)).tolist()
        back = helpers._spread(kernels.reshape(4, 1, 2, 3, -1), Y, (5, 5), *rows)
        assert back.shape == (0, 4, 1, 5, 5)


# what is added to each place


@layer
def biased(X: Tensor[n, g, c, i], F: Parameter[k, o, g, c], b: Parameter[o, g], *, stride: Integer(1) = 2):
    """Groups, the bias in another order than its convolution."""
    t = Axis("t", (i.size - k.size) // stride + 1)
    return define("Y", (n, g, o, t), b[o, g] + Sum(F[k, o, g, c] * X[n, g, c, stride * t + k], c, k))


@layer
def grown(X: Tensor[..., c, i], F: Parameter[c, o, k], b: Parameter[o]):
    """The adjoint of a convolution, by steps of two."""
    t = Axis("t", 2 * i.size + k.size - 2)
    return define("Y", (..., o, t), Sum(X[..., c, i] * F[c, o, k] * iverson(Eq(t, 2 * i + k)), c, i, k) + b[o])


@layer
def along(X: Tensor[n, c, i], F: Parameter[o, c, k], e: Tensor[o, l]):
    """What is added differs from place to place."""
    t = Axis("t", l.size)
    return define("Y", (n, o, t), Sum(F[o, c, k] * X[n, c, t + k], c, k) + e[o, t])


@layer
def twice(X: Tensor[n, c, i], F: Parameter[o, c, k], b: Parameter[o]):
    """The convolution stands for itself, too."""
    t = Axis("t", i.size - k.size + 1)
    S = Sum(F[o, c, k] * X[n, c, t + k], c, k)
    return define("Y", (n, o, t), sigmoid(S + b[o]) * S)


@pytest.mark.parametrize(
    ("own", "bias"), [(biased, "bias=b.T"), (grown, "bias=b"), (volumes, "bias=b[:, None]"), (along, ""), (twice, "")]
)
def test_what_is_added_to_each_place_goes_into_the_convolution(own, bias):
    report = check(own)
    assert report.ok, f"\n{report}"
    _, body = numpy_source(own).split(f"def {own.name}_fwd")
    forward, _ = body.split(f"def {own.name}_bwd")
    assert forward.count("bias=") == bool(bias) and re.search(rf"{re.escape(bias)}[,)\s]", forward)
    assert len(re.findall(r"_correlate|_spread", forward)) == 1


# pieces


@pytest.mark.parametrize(("count", "total"), [(0, 0), (1, 2**30), (7, 0), (7, 2**21), (7, 5 * 2**20), (100, 2**28)])
def test_parts_are_all_there_is(count, total):
    parts = helpers._parts(count, total)
    assert [n for part in parts for n in range(count)[part]] == list(range(count))
    assert all(total * (part.stop - part.start) <= 2**21 * count for part in parts if part.stop - part.start > 1)


SIZES = [((1, 8, 300_000), (4, 8, 5)), ((40, 8, 5000), (4, 8, 5))]


@pytest.mark.parametrize(("signals", "kernels"), SIZES, ids=["long", "many"])
def test_pieces_are_put_together_again(signals, kernels):
    """Cut along the signals, and along their places."""
    random = np.random.default_rng(0)
    X, W = random.standard_normal(signals), random.standard_normal(kernels)
    places = signals[-1] + 2 - 4
    rows = (-1, 1, 1)
    sizes = [piece.nbytes for _, piece in helpers._pieces(X, (5, places), [rows])]
    assert len(sizes) > 3 and 2**19 < max(sizes) <= 2**23
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(X, ((0, 0), (0, 0), (1, 1))), 5, axis=-1)
    Y = helpers._correlate(W.reshape(4, -1), X, (5, places), rows)
    assert np.allclose(Y, np.einsum("nctk,ock->not", windows, W, optimize=True))
    assert np.allclose(
        helpers._tap_products(Y, X, (5, places), rows), np.einsum("not,nctk->ock", Y, windows, optimize=True)
    )
    # The adjoint, gathered and scattered: <Y, correlate(X)> = <spread(Y), X>.
    for kernel in (W, np.concatenate([W] * 5)):
        Z = helpers._correlate(kernel.reshape(len(kernel), -1), X, (5, places), rows)
        back = helpers._spread(kernel.transpose(1, 2, 0), Z, signals[-1:], rows)
        assert np.isclose((back * X).sum(), (Z * Z).sum())


def test_the_columns_of_all_windows_are_never_there():
    signals, kernels = np.ones((16, 8, 4096), np.float32), np.ones((9, 4, 8), np.float32)
    run = compiled(listed)
    columns = 9 * signals.nbytes
    tracemalloc.start()
    _, residuals = run.listed_fwd(kernels, signals.swapaxes(0, 1), stride=1)
    assert tracemalloc.get_traced_memory()[1] < columns / 2
    tracemalloc.stop()


def test_the_first_of_several_largest_entries_takes_the_cotangent():
    run = compiled(peaks)
    X = np.array([[1.0, 1, 0, 0, 2, 2]])
    _, residuals = run.peaks_fwd(X)
    (found,) = [run.peaks_bwd(residuals, np.ones(1))]
    # Windows 1 1 0, 1 0 0, 0 0 2, 0 2 2.
    assert found.tolist() == [[2, 2, 0, 0, 8, 0]]
