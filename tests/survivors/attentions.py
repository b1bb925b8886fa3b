"""The surviving mutants of the attentions."""

from __future__ import annotations

from survivors.reasons import CANCELS, OTHER_TYPE, OVERFLOW, SHAPE_ONLY, Table

GENERATED: Table = {
    OTHER_TYPE: (("attention_bwd", "np.asarray(dO, dtype=Q.dtype)", "dO"),),
    OVERFLOW: (
        ("attention_fwd", "S - S.max(axis=-1, keepdims=True)", "S"),
        ("attention_fwd", "S - S.max", "S + S.max"),
        ("attention_fwd", "S - S.max", "S - -S.max"),
        ("attention_fwd", "S - S.max", "S - S.min"),
    ),
    CANCELS: (("attention_fwd", "np.exp", "-np.exp"),),
}

HANDWRITTEN: Table = {
    SHAPE_ONLY: (
        ("attention_fwd", "_scale(Q)", "_scale(-Q)"),
        ("attention_bwd", "dQ /= _scale(Q)", "dQ /= _scale(-Q)"),
        ("attention_bwd", "dK /= _scale(Q)", "dK /= _scale(-Q)"),
    ),
}
