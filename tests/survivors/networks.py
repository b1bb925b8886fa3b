"""The surviving mutants of the networks."""

from __future__ import annotations

from survivors.reasons import KINK, SUBLAYER, Table

GENERATED: Table = {
    KINK: (("mlp_bwd", "H > 0", "H >= 0"),),
    SUBLAYER: (("mlp_bwd", "np.asarray(dY, dtype=X.dtype)", "dY"),),
}

HANDWRITTEN: Table = {}
