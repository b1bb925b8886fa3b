"""The surviving mutants of the linear maps."""

from __future__ import annotations

from survivors.reasons import ALIAS, OTHER_TYPE, Table

GENERATED: Table = {
    OTHER_TYPE: (
        ("affine_bwd", "np.asarray(dy, dtype=x.dtype)", "dy"),
        ("linear_bwd", "np.asarray(dY, dtype=X.dtype)", "dY"),
    ),
    ALIAS: (("affine_bwd", "dy.copy()", "dy"),),
}

HANDWRITTEN: Table = {
    ALIAS: (("affine_bwd", "dy.copy()", "dy"),),
}
