"""The surviving mutants of the losses."""

from __future__ import annotations

from survivors.reasons import EVEN, OTHER_TYPE, WHOLE_SUM, Table

GENERATED: Table = {
    OTHER_TYPE: (
        ("least_squares_bwd", "np.asarray(dL, dtype=X.dtype)", "dL"),
        ("mse_bwd", "np.asarray(dL, dtype=Y.dtype)", "dL"),
    ),
    EVEN: (
        ("least_squares_fwd", "(X @ W - Y) ** 2", "(Y - X @ W) ** 2"),
        ("least_squares_fwd", "(X @ W - Y) ** 2", "(-(X @ W - Y)) ** 2"),
        ("mse_fwd", "(Y - T) ** 2", "(T - Y) ** 2"),
        ("mse_fwd", "(Y - T) ** 2", "(-(Y - T)) ** 2"),
    ),
    WHOLE_SUM: (
        ("least_squares_fwd", "(X @ W - Y) ** 2", "((X @ W - Y) ** 2).mT"),
        ("least_squares_fwd", "(X @ W - Y) ** 2", "(X @ W - Y).mT ** 2"),
    ),
}

HANDWRITTEN: Table = {
    EVEN: (
        ("least_squares_fwd", "R ** 2", "(-R) ** 2"),
        ("mse_fwd", "R ** 2", "(-R) ** 2"),
    ),
    WHOLE_SUM: (
        ("least_squares_fwd", "R ** 2", "(R ** 2).mT"),
        ("least_squares_fwd", "R ** 2", "R.mT ** 2"),
    ),
}
