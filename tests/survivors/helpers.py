"""The surviving mutants of the helpers, generated and handwritten."""

from __future__ import annotations

from survivors.reasons import (
    ALL_ROWS,
    CANCELS,
    DIGITS,
    EVEN,
    INFERRED,
    LONG_WAY,
    MEET,
    NO_REACH,
    NOTHING,
    OVERWRITTEN,
    SATURATED,
    WIDER,
    WRITEABLE,
    Table,
)

ZEROS = "np.zeros((*array.shape[:split], *padded), array.dtype)"
TOTAL = "np.zeros((*values.shape[:split], *padded), values.dtype)"

GENERATED: Table = {
    EVEN: (
        ("_erf", "np.abs(x)", "np.abs(-x)"),
        ("_softplus", "np.abs(x)", "np.abs(-x)"),
    ),
    CANCELS: (("_polynomial", "return value", "return -value"),),
    SATURATED: (
        ("_erf", "np.minimum(np.abs(x), 7)", "np.minimum(np.abs(x), 6)"),
        ("_erf", "np.minimum(np.abs(x), 7)", "np.minimum(np.abs(x), 8)"),
    ),
    MEET: (("_erf", "a < 0.46875", "a <= 0.46875"),),
    DIGITS: (("_erf", "a < 0.46875", "a < -0.53125"),),
    NOTHING: (
        ("_windows", ZEROS, f"-{ZEROS}"),
        ("_overlap_add", TOTAL, f"-{TOTAL}"),
    ),
    WIDER: (
        ("_margins", "(size - 1)", "size"),
        ("_margins", "(size - 1)", "(size + 1)"),
        ("_margins", "(size - 1)", "(size - 0)"),
        ("_margins", "last + 1", "last + 2"),
    ),
    NO_REACH: (
        ("_margins", "r < 0", "r <= 0"),
        ("_margins", "r < 0", "r < 1"),
        ("_margins", "r > 0", "r >= 0"),
        ("_margins", "r > 0", "r > -1"),
    ),
    ALL_ROWS: (("_overlap_add", "rows[0]", "rows[-1]"),),
}

HANDWRITTEN: Table = {
    INFERRED: (("_each_channel_bwd", "(prod(X.shape", "(-prod(X.shape"),),
    OVERWRITTEN: (
        ("_each_channel", "Y = np.empty", "Y = -np.empty"),
        ("_each_channel_bwd", "dW = np.empty", "dW = -np.empty"),
    ),
    EVEN: (("smooth_ramp", "np.abs(X)", "np.abs(-X)"),),
    NOTHING: (
        ("_means", "total = np.zeros", "total = -np.zeros"),
        ("_shares", "padded = blank", "padded = -blank"),
        ("_each_channel_bwd", "dX_padded = blank", "dX_padded = -blank"),
        ("pad", "padded = np.zeros", "padded = -np.zeros"),
        ("pad", "if padding == 0", "if -padding == 0"),
    ),
    LONG_WAY: (("pad", "if padding == 0", "if padding == -1"),),
    WRITEABLE: (("windows", "writeable=False", "writeable=True"),),
}
