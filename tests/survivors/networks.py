"""The surviving mutants of the networks."""

from __future__ import annotations

from survivors.reasons import (
    AT_HAND,
    CONVERTED,
    EVEN,
    FOLDED,
    GIVEN,
    LEFT_OVER,
    NOTHING,
    OF_ONE,
    OF_TWO,
    ONE_AXIS,
    OTHER_TYPE,
    OVERFLOW,
    OVERWRITTEN,
    SHAPE_ONLY,
    SQUARE,
    SUBLAYER,
    UNIFORM,
    WHOLE_SUM,
    Table,
)

GENERATED: Table = {
    UNIFORM: (
        ("transformer_block_bwd", "eps=1e-05", "eps=1.00001"),
        ("transformer_block_bwd", "eps=1e-05", "eps=-0.99999"),
    ),
    EVEN: (("transformer_block_bwd", "H[at] ** 2", "(-H[at]) ** 2"),),
    OF_ONE: (("classifier_fwd", "axis=-1)[:, 0]", "axis=-1)[:, -1]"),),
    OTHER_TYPE: (("cnn_bwd", "np.asarray(dZ, dtype=X.dtype)", "dZ"),),
    SQUARE: (
        ("cnn_fwd", "W1.shape[2]", "W1.shape[3]"),
        ("cnn_fwd", "W2.shape[2]", "W2.shape[3]"),
        ("cnn_bwd", "W1.shape[2]", "W1.shape[3]"),
        ("cnn_bwd", "W2.shape[2]", "W2.shape[3]"),
    ),
    LEFT_OVER: (
        ("cnn_bwd", "C_1 = W1", "C_1 = -W1"),
        ("cnn_bwd", "C_2 = W2", "C_2 = -W2"),
    ),
    WHOLE_SUM: (("cnn_fwd", "(0, 0, 2, 0, 1)), (-2, -1))", "(0, 0, 2, 0, 1)).mT, (-2, -1))"),),
    OF_TWO: (
        ("classifier_fwd", "Z.max(axis=-1", "Z.max(axis=1"),
        ("classifier_fwd", "P.sum(axis=-1)", "P.sum(axis=1)"),
        ("classifier_fwd", "label[:, None], axis=-1)", "label[:, None], axis=1)"),
    ),
    OVERFLOW: (("classifier_fwd", "Z.max", "-Z.max"),),
    SUBLAYER: (
        ("classifier_bwd", "np.asarray(dL, dtype=X.dtype)", "dL"),
        ("mlp_bwd", "np.asarray(dY, dtype=X.dtype)", "dY"),
        ("transformer_block_bwd", "np.asarray(dY, dtype=gamma1.dtype)", "dY"),
    ),
}

# The layers that transformer_block calls, in its module, where they are others than at home.
SUBLAYERS: Table = {
    GIVEN: (
        ("layer_norm_fwd", "eps=1e-05", "eps=1.00001"),
        ("layer_norm_fwd", "eps=1e-05", "eps=-0.99999"),
    ),
    UNIFORM: (
        ("layer_norm_bwd", "eps=1e-05", "eps=1.00001"),
        ("layer_norm_bwd", "eps=1e-05", "eps=-0.99999"),
    ),
    CONVERTED: (("layer_norm_bwd", "np.asarray(dY, dtype=gamma.dtype)", "dY"),),
    OTHER_TYPE: (("multi_head_attention_bwd", "np.asarray(dY, dtype=X.dtype)", "dY"),),
    OVERFLOW: (
        ("multi_head_attention_fwd", "P[at] -= P[at].max", "P[at] += P[at].max"),
        ("multi_head_attention_fwd", "P[at] -= P[at].max", "P[at] -= -P[at].max"),
    ),
    FOLDED: (
        ("multi_head_attention_bwd", "dY.reshape(-1, d_out) @ W_O", "dY @ W_O"),
        *(("multi_head_attention_fwd", f"X.reshape(-1, d_in) @ {w}", f"X @ {w}") for w in ("W_Q", "W_K", "W_V")),
    ),
    OVERWRITTEN: (
        (
            "multi_head_attention_fwd",
            "P = np.empty((*ell, H, n, n), X.dtype)",
            "P = np.empty((*ell, H, n, n), X.dtype).mT",
        ),
    ),
    ONE_AXIS: (("layer_norm_bwd", "gamma.shape[0]", "gamma.shape[-1]"),),
    NOTHING: (
        ("layer_norm_bwd", "dgamma = np.zeros", "dgamma = -np.zeros"),
        ("layer_norm_bwd", "dbeta = np.zeros", "dbeta = -np.zeros"),
    ),
    AT_HAND: (
        ("layer_norm_fwd", "(gamma, r, xhat)", "(-gamma, r, xhat)"),
        *(("multi_head_attention_fwd", f"{x}, ", f"-{x}, ") for x in ("X", "W_Q", "W_K", "W_V", "W_O")),
        *(("multi_head_attention_fwd", f"{x}, ", f"{x}.mT, ") for x in ("X", "W_Q", "W_K", "W_V", "W_O")),
    ),
}

HANDWRITTEN: Table = {SHAPE_ONLY: (("cnn_fwd", "len(P2)", "len(P2.mT)"),)}
