"""What is computed a few at a time is what is computed at once: blocks of attention, parts of a batch, rows."""

import math
import sys
import tracemalloc
from functools import partial

import numpy as np
import pytest

import numeric
from numeric.convolutions import lines, spatial
from numeric.shapes import portions


def close(found, wanted):
    found, wanted = (x if isinstance(x, tuple) else (x,) for x in (found, wanted))
    for a, b in zip(found, wanted, strict=True):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        tolerance = 1e-12 if b.dtype == np.float64 else 2e-5
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * max(1, np.max(np.abs(b), initial=0)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("leading", [(), (2, 3)])
@pytest.mark.parametrize("n, m, block", [(7, 5, 2), (5, 11, 3), (8, 8, 4), (1, 1, 4), (6, 0, 2), (13, 13, 256)])
@pytest.mark.parametrize(
    "name, options",
    [
        ("attention", {}),
        ("causal_attention", {}),
        ("causal_attention", {"past": 2}),
        ("causal_attention", {"past": 99}),
    ],
)
def test_blockwise_attention_is_attention(name, options, n, m, block, leading, dtype, rng):
    shapes = [(*leading, n, 4), (*leading, m, 4), (*leading, m, 6)]
    arguments = [3 * rng.standard_normal(shape).astype(dtype) for shape in shapes]
    O, residuals = getattr(numeric, f"{name}_fwd")(*arguments, **options)
    found, kept = getattr(numeric, f"blockwise_{name}_fwd")(*arguments, **options, block=block)
    close(found, O)
    close(getattr(numeric, f"blockwise_{name}")(*arguments, **options, block=block), O)
    dO = rng.standard_normal(O.shape).astype(dtype)
    close(getattr(numeric, f"blockwise_{name}_bwd")(kept, dO), getattr(numeric, f"{name}_bwd")(residuals, dO))


def test_blockwise_attention_with_large_logits_stays_finite(rng):
    Q, K, V = (1e3 * rng.standard_normal((9, 4)) for _ in range(3))
    O, residuals = numeric.blockwise_attention_fwd(Q, K, V, block=2)
    assert np.isfinite(O).all()
    assert all(np.isfinite(g).all() for g in numeric.blockwise_attention_bwd(residuals, np.ones_like(O)))


def test_blockwise_attention_needs_no_matrix_of_all_scores(rng):
    Q, K, V = (rng.standard_normal((1024, 8)).astype(np.float32) for _ in range(3))
    tracemalloc.start()
    O, residuals = numeric.blockwise_attention_fwd(Q, K, V, block=64)
    numeric.blockwise_attention_bwd(residuals, np.ones_like(O))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * 1024 * 1024 / 5


@pytest.mark.parametrize("name", ["blockwise_attention", "blockwise_causal_attention"])
@pytest.mark.parametrize("block", [0, -1, 2.0, True])
def test_a_block_is_an_integer_of_at_least_one(name, block):
    with pytest.raises(ValueError, match=f"^{name}: block: expected an integer of at least 1, given {block}"):
        getattr(numeric, name)(np.ones((2, 3)), np.ones((2, 3)), np.ones((2, 3)), block=block)


CONVOLUTIONS = [
    ("conv1d", [(5, 3, 9), (4, 3, 3), (4,)], {"stride": 2, "padding": 1}),
    ("conv2d", [(2, 5, 3, 7, 6), (4, 3, 3, 2), (4,)], {"padding": 1, "dilation": 2}),
    ("grouped_conv2d", [(5, 2, 3, 7, 6), (2, 4, 3, 3, 2), (2, 4)], {"stride": 2, "padding": 1}),
    ("conv_transpose2d", [(5, 3, 4, 5), (3, 2, 3, 2), (2,)], {"stride": 2, "padding": 1}),
    ("depthwise_conv1d", [(5, 3, 9), (3, 3), (3,)], {"padding": 2, "dilation": 2}),
    ("depthwise_conv2d", [(5, 3, 7, 6), (3, 3, 2), (3,)], {"padding": 1, "dilation": 2}),
    ("depthwise_conv2d", [(5, 3, 7, 6), (3, 3, 2), (3,)], {"stride": 2, "padding": 1}),
]


@pytest.mark.parametrize("name, shapes, options", CONVOLUTIONS)
@pytest.mark.parametrize("entries", [1, 100, 400])
def test_convolutions_in_parts(name, shapes, options, entries, rng, monkeypatch):
    arguments = [rng.standard_normal(shape) for shape in shapes]

    def both():
        Y, residuals = getattr(numeric, f"{name}_fwd")(*arguments, **options)
        return (Y, *getattr(numeric, f"{name}_bwd")(residuals, np.sin(Y)))

    whole = both()
    monkeypatch.setattr(spatial, "ENTRIES", entries)
    monkeypatch.setattr(lines, "ENTRIES", entries)
    close(both(), whole)


def test_rows_in_parts(rng):
    """More rows than go at once: each is what it is alone."""
    X, gamma, beta, dY = (rng.standard_normal(shape) for shape in [(3, 100, 512), (512,), (512,), (3, 100, 512)])
    Y, residuals = numeric.layer_norm_fwd(X, gamma, beta)
    dX, dgamma, dbeta = numeric.layer_norm_bwd(residuals, dY)
    alone = [numeric.layer_norm_fwd(x, gamma, beta) for x in X.reshape(300, 1, 512)]
    gradients = [numeric.layer_norm_bwd(kept, g) for (_, kept), g in zip(alone, dY.reshape(300, 1, 512), strict=True)]
    close(Y.reshape(300, 1, 512), np.array([y for y, _ in alone]))
    close(dX.reshape(300, 1, 512), np.array([g[0] for g in gradients]))
    close((dgamma, dbeta), tuple(np.sum([g[n] for g in gradients], axis=0) for n in (1, 2)))


@pytest.mark.parametrize("name", ["cross_entropy", "sparse_cross_entropy", "smoothed_cross_entropy"])
def test_losses_in_parts(name, rng):
    Z = rng.standard_normal((300, 512))
    T = rng.random((300, 512)) if name == "cross_entropy" else rng.integers(512, size=300)
    L, residuals = getattr(numeric, f"{name}_fwd")(Z, T)
    halves = [getattr(numeric, f"{name}_fwd")(Z[part], T[part]) for part in (slice(100), slice(100, 300))]
    close(L, np.asarray((halves[0][0] + 2 * halves[1][0]) / 3))
    gradient = getattr(numeric, f"{name}_bwd")
    dZ, first, second = (
        g[0] if isinstance(g, tuple) else g
        for g in (gradient(kept, 3.0) for kept in (residuals, *(kept for _, kept in halves)))
    )
    close(dZ, np.concatenate([first / 3, second * 2 / 3]))


QKV = [(2, 3, 7, 4), (2, 3, 5, 4), (2, 3, 5, 6)]
HEADS = [(3, 2, 4), (3, 2, 4), (3, 2, 5), (2, 5, 6)]
MAPS = [(4, 2, 3, 2, 5), (2, 3), (2, 3)]
PORTIONED = {
    **dict.fromkeys(["attention", "causal_attention", "sliding_window_attention", "linear_attention"], QKV),
    "biased_attention": [*QKV, (2, 3, 7, 5)],
    "alibi_attention": [*QKV, (3,)],
    "multi_query_attention": [(4, 2, 7, 4), (4, 5, 4), (4, 5, 6)],
    "multi_head_attention": [(4, 7, 3), *HEADS],
    "cross_attention": [(4, 7, 3), (4, 5, 3), *HEADS],
    **dict.fromkeys(["leaky_relu", "elu", "gelu", "gelu_tanh", "silu", "mish", "sigmoid", "log_softmax"], [(3, 5, 7)]),
    **dict.fromkeys(["glu", "geglu", "swiglu"], [(3, 5, 7), (3, 5, 7)]),
    **dict.fromkeys(["hinge", "logistic_loss", "binary_cross_entropy", "huber"], [(3, 5, 7), (3, 5, 7)]),
    "kl_divergence": [(13, 7), (13, 7)],
    "rms_norm": [(3, 5, 7), (7,)],
    "l2_normalize": [(3, 5, 7)],
    "group_norm": MAPS,
    "instance_norm": [(4, 3, 2, 5), (3,), (3,)],
}


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("entries", [1, 50])
@pytest.mark.parametrize("name", PORTIONED)
def test_a_few_items_at_a_time(name, entries, order, rng, monkeypatch):
    """However the arguments lie in memory."""
    arguments = [np.asarray(rng.standard_normal(shape), order=order) for shape in PORTIONED[name]]

    def both(entries):
        for module in [m for n, m in sys.modules.items() if n.startswith("numeric.") and "portions" in vars(m)]:
            monkeypatch.setattr(module, "portions", partial(portions, entries=entries))
        Y, residuals = getattr(numeric, f"{name}_fwd")(*arguments)
        gradients = getattr(numeric, f"{name}_bwd")(residuals, np.sin(np.asarray(Y), order=order))
        return (Y, *gradients) if isinstance(gradients, tuple) else (Y, gradients)

    close(both(entries), both(10**9))


def test_portions_hold_every_item_once(rng):
    X, Y, z = rng.standard_normal((2, 5, 3)), np.zeros((2, 5, 4)), np.zeros((2, 5))
    for x, y, s in portions(2, X, Y, z, entries=7):
        assert len(x) == len(y) == len(s) <= 2
        y += 1
        s += x.sum(axis=-1)
    assert (Y == 1).all()
    close(z, X.sum(axis=-1))
    assert list(portions(2, X, Y, entries=30)) == [(X, Y)]
    assert len(list(portions(2, X, Y, entries=1))) == 10


def test_the_normal_distribution_entry_by_entry(rng):
    x = np.concatenate([np.linspace(-9, 9, 20001), [0.0, -0.0, np.inf, -np.inf, 1e300]])
    expected = np.array([0.5 * (1 + math.erf(v / math.sqrt(2))) for v in x])
    np.testing.assert_allclose(numeric.activations.elementwise.normal_distribution(x), expected, rtol=0, atol=3e-16)


def test_an_infinite_cotangent_of_a_dead_unit_is_zero():
    for dtype in (np.float32, np.float64):
        _, residuals = numeric.relu_fwd(np.array([-1, 0, 2], dtype))
        found = numeric.relu_bwd(residuals, np.array([np.inf, np.nan, -np.inf], dtype))
        np.testing.assert_array_equal(found, np.array([0, 0, -np.inf], dtype))
