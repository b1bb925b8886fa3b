"""The surviving mutants of the attentions."""

from __future__ import annotations

from survivors.reasons import (
    AT_LEAST_ONE,
    CANCELS,
    COMMUTES,
    CONVERTED,
    EMPTY,
    EVEN,
    FOLDED,
    LEFT_OVER,
    MEET,
    NO_SHARE,
    NOT_TAKEN,
    NOTHING,
    OF_ONE,
    ONE_OVER,
    OTHER_TYPE,
    OVERFLOW,
    OVERWRITTEN,
    ROW,
    SHAPE_ONLY,
    SINGLE,
    UNIFORM,
    Table,
)

# The gradients are written into arrays a few items at a time.
IN_PORTIONS = (
    "attention",
    "biased_attention",
    "causal_attention",
    "sliding_window_attention",
    "alibi_attention",
    "linear_attention",
)

GENERATED: Table = {
    OTHER_TYPE: (
        ("grouped_query_attention_bwd", "np.asarray(dO, dtype=Q.dtype)", "dO"),
        ("multi_query_attention_bwd", "np.asarray(dO, dtype=Q.dtype)", "dO"),
        ("cross_attention_bwd", "np.asarray(dY, dtype=X.dtype)", "dY"),
        ("multi_head_attention_bwd", "np.asarray(dY, dtype=X.dtype)", "dY"),
        ("rotary_bwd", "np.asarray(dY, dtype=cosine.dtype)", "dY"),
    ),
    OVERFLOW: (
        ("attention_fwd", "E[at] -= E[at].max", "E[at] += E[at].max"),
        ("attention_fwd", "E[at] -= E[at].max", "E[at] -= -E[at].max"),
        ("grouped_query_attention_fwd", "S -= S.max", "S += S.max"),
        ("grouped_query_attention_fwd", "S -= S.max", "S -= -S.max"),
        ("multi_query_attention_fwd", "S -= S.max", "S += S.max"),
        ("multi_query_attention_fwd", "S -= S.max", "S -= -S.max"),
        ("rotary_attention_fwd", "S[at].max", "-S[at].max"),
        ("rotary_attention_fwd", "np.subtract(S[at], S[at].max", "np.add(S[at], S[at].max"),
        ("cross_attention_fwd", "E[at] -= E[at].max", "E[at] += E[at].max"),
        ("cross_attention_fwd", "E[at] -= E[at].max", "E[at] -= -E[at].max"),
        ("multi_head_attention_fwd", "E[at] -= E[at].max", "E[at] += E[at].max"),
        ("multi_head_attention_fwd", "E[at] -= E[at].max", "E[at] -= -E[at].max"),
        ("biased_attention_fwd", "P[at] -= P[at].max", "P[at] += P[at].max"),
        ("biased_attention_fwd", "P[at] -= P[at].max", "P[at] -= -P[at].max"),
        ("causal_attention_fwd", "E[at] -= E[at].max", "E[at] += E[at].max"),
        ("causal_attention_fwd", "E[at] -= E[at].max", "E[at] -= -E[at].max"),
        ("sliding_window_attention_fwd", "P[at] -= P[at].max", "P[at] += P[at].max"),
        ("sliding_window_attention_fwd", "P[at] -= P[at].max", "P[at] -= -P[at].max"),
        ("alibi_attention_fwd", "E[at] -= E[at].max", "E[at] += E[at].max"),
        ("alibi_attention_fwd", "E[at] -= E[at].max", "E[at] -= -E[at].max"),
    ),
    CANCELS: (
        ("grouped_query_attention_fwd", "np.exp", "-np.exp"),
        ("multi_query_attention_fwd", "np.exp", "-np.exp"),
    ),
    EMPTY: (
        ("biased_attention_fwd", "P_sum > 0", "P_sum >= 0"),
        ("biased_attention_fwd", "P_sum > 0", "P_sum > -1"),
        ("biased_attention_fwd", "P_sum, 1", "P_sum, 0"),
        ("sliding_window_attention_fwd", "P_sum > 0", "P_sum >= 0"),
        ("sliding_window_attention_fwd", "P_sum > 0", "P_sum > -1"),
        ("sliding_window_attention_fwd", "P_sum, 1", "P_sum, 0"),
    ),
    AT_LEAST_ONE: (
        ("biased_attention_fwd", "P_sum > 0", "P_sum > 1"),
        ("sliding_window_attention_fwd", "P_sum > 0", "P_sum > 1"),
    ),
    NO_SHARE: (
        ("biased_attention_fwd", "P_sum, 1", "P_sum, 2"),
        ("sliding_window_attention_fwd", "P_sum, 1", "P_sum, 2"),
    ),
    UNIFORM: (
        ("causal_attention_bwd", "past=0", "past=1"),
        ("sliding_window_attention_bwd", "window=1", "window=2"),
        ("sliding_window_attention_bwd", "window=1", "window=0"),
        ("rotary_bwd", "base=10000", "base=10001"),
        ("rotary_bwd", "base=10000", "base=9999"),
        ("rotary_bwd", "past=0", "past=1"),
        ("rotary_attention_bwd", "base=10000", "base=10001"),
        ("rotary_attention_bwd", "base=10000", "base=9999"),
        ("rotary_attention_bwd", "past=0", "past=1"),
        ("linear_attention_bwd", "eps=1e-06", "eps=1.000001"),
        ("linear_attention_bwd", "eps=1e-06", "eps=-0.999999"),
    ),
    COMMUTES: (
        (
            "sliding_window_attention_fwd",
            "(np.arange(n)[:, None] >= np.arange(m)) & mask_2",
            "mask_2 & (np.arange(n)[:, None] >= np.arange(m))",
        ),
    ),
    SINGLE: (
        (
            "alibi_attention_bwd",
            "(np.arange(m) - np.arange(n)[:, None]).astype(Q.dtype)",
            "(np.arange(m) - np.arange(n)[:, None])",
        ),
        ("rotary_fwd", "np.arange(r).astype(X.dtype)", "np.arange(r)"),
        ("rotary_fwd", "(np.arange(n) + past).astype(X.dtype)", "(np.arange(n) + past)"),
        ("rotary_attention_bwd", "(1 - 2 * np.arange(2)).astype(V.dtype)", "1 - 2 * np.arange(2)"),
        ("rotary_attention_fwd", "np.arange(r).astype(Q.dtype)", "np.arange(r)"),
        ("rotary_attention_fwd", "(np.arange(n) + past).astype(Q.dtype)", "(np.arange(n) + past)"),
        ("rotary_attention_fwd", "(2 * np.arange(2) - 1).astype(Q.dtype)", "2 * np.arange(2) - 1"),
        ("rotary_attention_fwd", "np.arange(m).astype(Q.dtype)", "np.arange(m)"),
    ),
    ROW: (
        ("alibi_attention_bwd", "np.arange(m) - np.arange(n)", "np.arange(m) + np.arange(n)"),
        ("alibi_attention_fwd", "np.arange(m) - np.arange(n)", "np.arange(m) + np.arange(n)"),
        ("alibi_attention_bwd", "np.arange(m) - np.arange(n)", "np.arange(m) - -np.arange(n)"),
        ("alibi_attention_fwd", "np.arange(m) - np.arange(n)", "np.arange(m) - -np.arange(n)"),
        ("alibi_attention_fwd", "(np.arange(m) - np.arange(n)[:, None])", "np.arange(m)"),
    ),
    OF_ONE: (("alibi_attention_fwd", "slope[:, None, None]", "slope[:, None, None].mT"),),
    CONVERTED: (
        *((f"{name}_bwd", "np.asarray(dO, dtype=Q.dtype)", "dO") for name in IN_PORTIONS),
        ("rotary_attention_bwd", "np.asarray(dO, dtype=V.dtype)", "dO"),
        ("alibi_attention_fwd", ".astype(Q.dtype)", ""),
        ("rotary_bwd", ".astype(cosine.dtype)", ""),
        ("rotary_fwd", "- 1).astype(X.dtype)", "- 1)"),
    ),
    ONE_OVER: (
        ("rotary_bwd", "* (1 - 2", "/ (1 - 2"),
        ("rotary_fwd", "* (2 * np", "/ (2 * np"),
        ("rotary_attention_bwd", "* part_2", "/ part_2"),
        ("rotary_attention_fwd", "* part_2", "/ part_2"),
    ),
    EVEN: (
        ("rotary_fwd", "np.cos(part)", "np.cos(-part)"),
        ("rotary_attention_fwd", "np.cos(part)", "np.cos(-part)"),
        ("rotary_attention_fwd", "np.cos(part_3)", "np.cos(-part_3)"),
        ("linear_attention_bwd", "s[at] ** 2", "(-s[at]) ** 2"),
    ),
    LEFT_OVER: (
        *(
            (f"{layer}_attention_{function}", *change)
            for layer in ("grouped_query", "multi_query")
            for function in ("fwd", "bwd")
            for change in (("d_v = V", "d_v = -V"), ("m = K", "m = -K"))
        ),
    ),
    OVERWRITTEN: (
        ("multi_head_attention_fwd", "np.empty((*ell, H, n, n), X.dtype)", "np.empty((*ell, H, n, n), X.dtype).mT"),
    ),
    MEET: (
        ("linear_attention_bwd", "Q[at] > 0", "Q[at] >= 0"),
        ("linear_attention_fwd", "Q[at] > 0", "Q[at] >= 0"),
        ("linear_attention_bwd", "K[at] > 0", "K[at] >= 0"),
        ("linear_attention_fwd", "K[at] > 0", "K[at] >= 0"),
    ),
    NOT_TAKEN: (
        ("linear_attention_fwd", "minimum(Q[at], 0)", "minimum(Q[at], 1)"),
        ("linear_attention_fwd", "minimum(K[at], 0)", "minimum(K[at], 1)"),
    ),
    FOLDED: (
        ("cross_attention_fwd", "X.reshape(-1, d_in) @ W_Q", "X @ W_Q"),
        ("cross_attention_fwd", "C.reshape(-1, d_ctx) @ W_K", "C @ W_K"),
        ("cross_attention_fwd", "C.reshape(-1, d_ctx) @ W_V", "C @ W_V"),
        ("cross_attention_bwd", "dY.reshape(-1, d_in) @ W_O", "dY @ W_O"),
        ("multi_head_attention_fwd", "X.reshape(-1, d_in) @ W_Q", "X @ W_Q"),
        ("multi_head_attention_fwd", "X.reshape(-1, d_in) @ W_K", "X @ W_K"),
        ("multi_head_attention_fwd", "X.reshape(-1, d_in) @ W_V", "X @ W_V"),
        ("multi_head_attention_bwd", "dY.reshape(-1, d_out) @ W_O", "dY @ W_O"),
    ),
}

WITH_ROOM = (
    "forward",
    *(f"{name}_attention_fwd" for name in ("alibi", "biased")),
)

HANDWRITTEN: Table = {
    SHAPE_ONLY: (
        *((f, "room(Q, K, V)", "room(Q, -K, V)") for f in WITH_ROOM),
        *((f, "room(Q, K, V)", "room(Q, K, -V)") for f in WITH_ROOM),
        ("alibi_attention_bwd", "_distances(E)", "_distances(-E)"),
        ("alibi_attention_fwd", "_distances(E)", "_distances(-E)"),
        ("rotary_attention_fwd", "inside, O)", "inside, -O)"),
        ("multi_head_attention_bwd", "(residuals[0]", "(-residuals[0]"),
        ("multi_head_attention_bwd", "(residuals[0]", "(residuals[1]"),
        ("multi_head_attention_bwd", " residuals[5]", " -residuals[5]"),
    ),
    NOTHING: (("hiding", "dtype.type(0)", "-dtype.type(0)"),),
    ROW: (
        ("hiding", "dtype.type(0)", "dtype.type(1)"),
        ("hiding", "dtype.type(0)", "dtype.type(-1)"),
    ),
    EMPTY: (("exponentials", "np.maximum(Z, 1", "np.maximum(Z, 0"),),
    SINGLE: (("_distances", ".astype(S.dtype)", ""),),
    UNIFORM: (
        ("causal_attention_bwd", "past=0", "past=1"),
        ("rotary_bwd", "past=0", "past=1"),
        ("rotary_attention_bwd", "past=0", "past=1"),
        ("causal_attention_bwd", "past=0", "past=-1"),
        ("rotary_bwd", "past=0", "past=-1"),
        ("rotary_attention_bwd", "past=0", "past=-1"),
        ("rotary_bwd", "base=10000", "base=10001"),
        ("rotary_bwd", "base=10000", "base=9999"),
        ("rotary_attention_bwd", "base=10000", "base=10001"),
        ("rotary_attention_bwd", "base=10000", "base=9999"),
        ("sliding_window_attention_bwd", "window=1", "window=2"),
        ("sliding_window_attention_bwd", "window=1", "window=0"),
        ("linear_attention_bwd", "eps=1e-06", "eps=1.000001"),
        ("linear_attention_bwd", "eps=1e-06", "eps=-0.999999"),
    ),
    COMMUTES: (
        (
            "sliding_window_attention_fwd",
            "np.tri(n, m, dtype=bool) & ~np.tri(n, m, -window - 1, dtype=bool)",
            "~np.tri(n, m, -window - 1, dtype=bool) & np.tri(n, m, dtype=bool)",
        ),
    ),
    CONVERTED: (
        ("rotary_fwd", "np.cos(angles).astype(X.dtype)", "np.cos(angles)"),
        ("rotary_fwd", "np.sin(angles).astype(X.dtype)", "np.sin(angles)"),
    ),
    EVEN: (("rotary_fwd", "np.cos(angles)", "np.cos(-angles)"),),
}
