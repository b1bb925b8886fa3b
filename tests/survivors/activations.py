"""The surviving mutants of the activations."""

from __future__ import annotations

from survivors.reasons import (
    BALANCED,
    COMMUTES,
    CONVERTED,
    EVEN,
    FOLDED,
    KINK,
    MEET,
    NOT_TAKEN,
    OTHER_TYPE,
    OVERFLOW,
    Table,
)

OF_X = ("leaky_relu", "softplus", "hard_tanh", "swiglu_feed_forward")
# The gradients are written into arrays a few items at a time.
IN_PORTIONS = (
    ("elu", "X"),
    ("gelu", "X"),
    ("gelu_tanh", "X"),
    ("mish", "X"),
    ("silu", "S"),
    ("geglu", "A"),
    ("swiglu", "A"),
)
BOTH_BRANCHES = ("leaky_relu_fwd", "X > 0", "X >= 0")
BOUNDS = (
    ("hard_tanh_bwd", "X > -1", "X >= -1"),
    ("hard_tanh_bwd", "X < 1", "X <= 1"),
)
EITHER_ORDER = (("hard_tanh_bwd", "(X > -1) & (X < 1)", "(X < 1) & (X > -1)"),)
SQUARED = (("gelu_tanh_bwd", "T"), ("gelu_tanh_bwd", "X"), ("gelu_tanh_fwd", "X"), ("mish_bwd", "T"))
SQUARES = (
    ("tanh_fwd", "(Y,)", "(-Y,)"),
    ("tanh_bwd", "Y ** 2", "(-Y) ** 2"),
)

GENERATED: Table = {
    OTHER_TYPE: (
        *((f"{name}_bwd", "np.asarray(dY, dtype=X.dtype)", "dY") for name in OF_X),
        ("glu_bwd", "np.asarray(dY, dtype=S.dtype)", "dY"),
        ("relu_bwd", "np.asarray(dY, dtype=Y.dtype)", "dY"),
        ("sigmoid_bwd", "np.asarray(dY, dtype=Y.dtype)", "dY"),
        ("softmax_bwd", "np.asarray(dP, dtype=P.dtype)", "dP"),
        ("tanh_bwd", "np.asarray(dY, dtype=Y.dtype)", "dY"),
    ),
    CONVERTED: (
        ("log_softmax_bwd", "np.asarray(dA, dtype=A.dtype)", "dA"),
        *((f"{name}_bwd", f"np.asarray(dY, dtype={x}.dtype)", "dY") for name, x in IN_PORTIONS),
    ),
    OVERFLOW: (
        ("log_softmax_fwd", "S - S.max(axis=-1, keepdims=True, initial=-np.inf)", "S"),
        ("log_softmax_fwd", "S - S.max", "S + S.max"),
        ("log_softmax_fwd", "S - S.max", "S - -S.max"),
        ("softmax_fwd", "S - S.max(axis=-1, keepdims=True, initial=-np.inf)", "S"),
        ("softmax_fwd", "S - S.max", "S + S.max"),
        ("softmax_fwd", "S - S.max", "S - -S.max"),
    ),
    KINK: (
        ("leaky_relu_bwd", "X > 0", "X >= 0"),
        ("elu_bwd", "X[at] > 0", "X[at] >= 0"),
        *BOUNDS,
    ),
    MEET: (BOTH_BRANCHES, ("elu_fwd", "X[at] > 0", "X[at] >= 0")),
    NOT_TAKEN: (
        ("elu_fwd", "np.minimum(X[at], 0)", "np.minimum(X[at], 1)"),
        ("elu_bwd", "np.minimum(X[at], 0)", "np.minimum(X[at], 1)"),
    ),
    COMMUTES: EITHER_ORDER,
    BALANCED: (("hard_tanh_fwd", "(X,)", "(-X,)"),),
    EVEN: (
        *SQUARES,
        *((name, f"{x}[at] ** 2", f"(-{x}[at]) ** 2") for name, x in (*SQUARED, ("gelu_bwd", "X"), ("geglu_bwd", "B"))),
    ),
    FOLDED: (
        ("swiglu_feed_forward_fwd", "X.reshape(-1, d) @ V", "X @ V"),
        ("swiglu_feed_forward_fwd", "X.reshape(-1, d) @ W", "X @ W"),
        ("swiglu_feed_forward_fwd", "Z.reshape(-1, d_h) @ U", "Z @ U"),
        ("swiglu_feed_forward_bwd", "dY.reshape(-1, d) @ U.T", "dY @ U.T"),
        ("swiglu_feed_forward_bwd", "dA.reshape(-1, d_h) @ V.T", "dA @ V.T"),
        ("swiglu_feed_forward_bwd", "dB.reshape(-1, d_h) @ W.T", "dB @ W.T"),
    ),
}

HANDWRITTEN: Table = {
    OVERFLOW: (
        ("log_softmax_fwd", "S - S.max(axis=-1, keepdims=True, initial=-np.inf)", "S"),
        ("log_softmax_fwd", "S - S.max", "S + S.max"),
        ("log_softmax_fwd", "S - S.max", "S - -S.max"),
        ("softmax_fwd", "S - S.max(axis=-1, keepdims=True, initial=-np.inf)", "S"),
        ("softmax_fwd", "S - S.max", "S + S.max"),
        ("softmax_fwd", "S - S.max", "S - -S.max"),
    ),
    KINK: (
        ("leaky_relu_bwd", "x > 0", "x >= 0"),
        ("elu_bwd", "x > 0", "x >= 0"),
        *BOUNDS,
    ),
    COMMUTES: EITHER_ORDER,
    BALANCED: (("hard_tanh_fwd", "(X,)", "(-X,)"),),
    EVEN: (
        ("gelu_slope", "np.square(X", "np.square(-X"),
        ("gelu_tanh_bwd", "np.square(x", "np.square(-x"),
        ("gelu_tanh_fwd", "np.square(x", "np.square(-x"),
        ("mish_bwd", "np.square(t", "np.square(-t"),
        ("tanh_fwd", "(Y,)", "(-Y,)"),
        ("tanh_bwd", "Y ** 2", "(-Y) ** 2"),
    ),
}
