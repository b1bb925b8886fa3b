"""The surviving mutants of the networks."""

from __future__ import annotations

from survivors.reasons import (
    EVEN,
    OF_ONE,
    OF_TWO,
    OVERFLOW,
    SUBLAYER,
    UNIFORM,
    Table,
)

GENERATED: Table = {
    UNIFORM: (
        ("transformer_block_bwd", "eps=1e-05", "eps=1.00001"),
        ("transformer_block_bwd", "eps=1e-05", "eps=-0.99999"),
    ),
    EVEN: (("transformer_block_bwd", "H ** 2", "(-H) ** 2"),),
    OF_ONE: (("classifier_fwd", "axis=-1)[:, 0]", "axis=-1)[:, -1]"),),
    OF_TWO: (
        ("classifier_fwd", "Z.max(axis=-1", "Z.max(axis=1"),
        ("classifier_fwd", "P.sum(axis=-1)", "P.sum(axis=1)"),
        ("classifier_fwd", "label[:, None], axis=-1)", "label[:, None], axis=1)"),
    ),
    OVERFLOW: (
        ("classifier_fwd", "Z - Z.max(axis=-1, keepdims=True)", "Z"),
        ("classifier_fwd", "Z - Z.max", "Z + Z.max"),
        ("classifier_fwd", "Z - Z.max", "Z - -Z.max"),
        ("classifier_fwd", "Z - Z.max", "Z - Z.min"),
    ),
    SUBLAYER: (
        ("classifier_bwd", "np.asarray(dL, dtype=X.dtype)", "dL"),
        ("mlp_bwd", "np.asarray(dY, dtype=X.dtype)", "dY"),
        ("transformer_block_bwd", "np.asarray(dY, dtype=gamma1.dtype)", "dY"),
    ),
}

HANDWRITTEN: Table = {}
