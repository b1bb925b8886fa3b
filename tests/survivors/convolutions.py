"""The surviving mutants of the convolutions."""

from __future__ import annotations

from survivors.reasons import DOT, MORE_TAPS, NOTHING, ONE_AXIS, OTHER_TYPE, Table

GENERATED: Table = {
    OTHER_TYPE: (
        ("conv1d_bwd", "np.asarray(dY, dtype=X.dtype)", "dY"),
        ("toeplitz_bwd", "np.asarray(dy, dtype=x.dtype)", "dy"),
    ),
    ONE_AXIS: (
        ("toeplitz_fwd", "x.shape[0]", "x.shape[-1]"),
        ("toeplitz_fwd", "w.shape[0]", "w.shape[-1]"),
        ("toeplitz_bwd", "x.shape[0]", "x.shape[-1]"),
        ("toeplitz_bwd", "w.shape[0]", "w.shape[-1]"),
    ),
    MORE_TAPS: (
        ("toeplitz_bwd", "_overlap_add(dx_taps, (n,), 1,", "_overlap_add(dx_taps, (n,), 2,"),
        ("conv1d_bwd", "_overlap_add(dX_taps, (n,), 1,", "_overlap_add(dX_taps, (n,), 2,"),
    ),
}

HANDWRITTEN: Table = {
    DOT: (("toeplitz_bwd", "tap @ dy", "dy @ tap"),),
    NOTHING: (
        ("conv1d_bwd", "dX_padded = np.zeros", "dX_padded = -np.zeros"),
        ("toeplitz_bwd", "dx_padded = np.zeros", "dx_padded = -np.zeros"),
    ),
}
