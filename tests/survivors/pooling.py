"""The surviving mutants of the pooling layers."""

from __future__ import annotations

from survivors.reasons import (
    ALIAS,
    EVEN,
    KINK,
    LONG_WAY,
    MORE_TAPS,
    NOTHING,
    OF_ONE,
    OTHER_TYPE,
    SHAPE_ONLY,
    WHOLE_SUM,
    Table,
)

WINDOWS = "(-padding, stride, 0, 1, 0), (-padding, 0, stride, 0, 1), outside=-np.inf)"

GENERATED: Table = {
    OTHER_TYPE: (
        ("avg_pool1d_bwd", "np.asarray(dY, dtype=X.dtype)", "dY"),
        ("avg_pool2d_bwd", "np.asarray(dY, dtype=X.dtype)", "dY"),
        ("global_avg_pool_bwd", "np.asarray(dY, dtype=X.dtype)", "dY"),
        ("max_pool1d_bwd", "np.asarray(dY, dtype=X.dtype)", "dY"),
        ("max_pool2d_bwd", "np.asarray(dY, dtype=X.dtype)", "dY"),
    ),
    MORE_TAPS: (
        ("avg_pool1d_bwd", "_overlap_add(dX_taps, (n,), 1,", "_overlap_add(dX_taps, (n,), 2,"),
        ("avg_pool2d_bwd", "_overlap_add(dX_taps, (n_h, n_w), 2,", "_overlap_add(dX_taps, (n_h, n_w), 3,"),
    ),
    WHOLE_SUM: (
        ("max_pool2d_fwd", WINDOWS, f"{WINDOWS}.mT"),
        ("max_pool2d_fwd", "_tap_max(X_windows", "_tap_max(X_windows.mT"),
        ("global_avg_pool", "global_avg_pool_fwd(X)", "global_avg_pool_fwd(X.mT)"),
    ),
    SHAPE_ONLY: (
        ("avg_pool1d_fwd", "(Y, (X,))", "(Y, (-X,))"),
        ("avg_pool2d_fwd", "(Y, (X,))", "(Y, (-X,))"),
        ("global_avg_pool_fwd", "(Y, (X,))", "(Y, (-X,))"),
    ),
    EVEN: (
        ("avg_pool2d_fwd", "window ** 2", "(-window) ** 2"),
        ("avg_pool2d_bwd", "window ** 2", "(-window) ** 2"),
    ),
    OF_ONE: (("global_avg_pool_bwd", "[..., None, None]", "[..., None, None].mT"),),
    ALIAS: (("global_avg_pool_bwd", "(*ell, n_h, n_w)).copy()", "(*ell, n_h, n_w))"),),
}

HANDWRITTEN: Table = {
    WHOLE_SUM: (("global_avg_pool", "global_avg_pool_fwd(X)", "global_avg_pool_fwd(X.mT)"),),
    OF_ONE: (("global_avg_pool_bwd", "[..., None, None]", "[..., None, None].mT"),),
    ALIAS: (("global_avg_pool_bwd", "shape).copy()", "shape)"),),
    KINK: (("_pooled", "tap > Y", "tap >= Y"),),
    SHAPE_ONLY: (
        ("max_pool1d_fwd", "X, (window, stride, padding)", "-X, (window, stride, padding)"),
        ("max_pool2d_fwd", "X, (window, stride, padding)", "-X, (window, stride, padding)"),
    ),
    NOTHING: (
        ("_padded", "if padding == 0", "if -padding == 0"),
        ("_pooled", "np.zeros(Y.shape, np.intp)", "-np.zeros(Y.shape, np.intp)"),
        ("_spread", "spread = np.zeros", "spread = -np.zeros"),
    ),
    LONG_WAY: (("_padded", "if padding == 0", "if padding == -1"),),
}
