"""The surviving mutants of the activations."""

from __future__ import annotations

from survivors.reasons import CANCELS, EVEN, KINK, OTHER_TYPE, OVERFLOW, UNUSED, Table

GENERATED: Table = {
    OTHER_TYPE: (
        ("relu_bwd", "np.asarray(dY, dtype=X.dtype)", "dY"),
        ("sigmoid_bwd", "np.asarray(dY, dtype=Y.dtype)", "dY"),
        ("softmax_bwd", "np.asarray(dP, dtype=P.dtype)", "dP"),
        ("tanh_bwd", "np.asarray(dY, dtype=Y.dtype)", "dY"),
    ),
    OVERFLOW: (
        ("softmax_fwd", "S - S.max(axis=-1, keepdims=True)", "S"),
        ("softmax_fwd", "S - S.max", "S + S.max"),
        ("softmax_fwd", "S - S.max", "S - -S.max"),
        ("softmax_fwd", "S - S.max", "S - S.min"),
    ),
    KINK: (("relu_bwd", "X > 0", "X >= 0"),),
    EVEN: (
        ("tanh_fwd", "(Y,)", "(-Y,)"),
        ("tanh_bwd", "Y ** 2", "(-Y) ** 2"),
    ),
    CANCELS: (("softmax_fwd", "np.exp", "-np.exp"),),
}

HANDWRITTEN: Table = {
    OVERFLOW: (
        ("softmax_fwd", "S - S.max(axis=-1, keepdims=True, initial=-np.inf)", "S"),
        ("softmax_fwd", "S - S.max", "S + S.max"),
        ("softmax_fwd", "S - S.max", "S - -S.max"),
    ),
    EVEN: (
        ("tanh_fwd", "(Y,)", "(-Y,)"),
        ("tanh_bwd", "Y ** 2", "(-Y) ** 2"),
    ),
    UNUSED: (("softmax_fwd", "np.exp(P, out=P)", "-np.exp(P, out=P)"),),
}
