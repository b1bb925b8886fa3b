"""The surviving mutants of the helpers, generated and handwritten."""

from __future__ import annotations

from survivors.reasons import (
    ALL_ROWS,
    CANCELS,
    DIGITS,
    EVEN,
    INFERRED,
    MEET,
    NO_REACH,
    NOTHING,
    OF_TWO,
    OVERWRITTEN,
    SATURATED,
    SHAPE_ONLY,
    TRUTH,
    TWICE,
    WIDER,
    Table,
)

ZEROS = "np.zeros((*array.shape[:split], *padded), array.dtype)"
TOTAL = "np.zeros((*values.shape[:split], *padded), values.dtype)"

GENERATED: Table = {
    OF_TWO: (("_tap_inner", "np.stack(found, axis=-1)", "np.stack(found, axis=1)"),),
    SHAPE_ONLY: (
        ("_tap_sum", "range(len(axes))", "range(len(-axes))"),
        ("_tap_sum", "windows.shape[:len(axes)]", "windows.shape[:len(-axes)]"),
        ("_tap_sum", "windows.shape[len(axes):]", "windows.shape[len(-axes):]"),
    ),
    TRUTH: (("_windows", "if outside", "if -outside"),),
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
        ("_tap_sum", "total = np.zeros", "total = -np.zeros"),
        ("_add_at", "result = np.zeros", "result = -np.zeros"),
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
    ALL_ROWS: (
        ("_overlap_add", "rows[0]", "rows[-1]"),
        ("_tap_inner", "*found[0].shape", "*found[1].shape"),
        ("_tap_inner", "*found[0].shape", "*found[-1].shape"),
    ),
}

HANDWRITTEN: Table = {
    TWICE: (
        ("_channels_first", "np.moveaxis(array,", "-np.moveaxis(array,"),
        ("_channels_first", "np.moveaxis(array,", "np.moveaxis(-array,"),
        ("_channels_first", "return moved", "return -moved"),
    ),
    TRUTH: (
        ("_channels_first", "if groups", "if -groups"),
        ("kernel", "rank, groups)", "rank, -groups)"),
    ),
    INFERRED: (("_each_channel_bwd", "(prod(X.shape", "(-prod(X.shape"),),
    OVERWRITTEN: (
        ("kernel", "W = np.empty", "W = -np.empty"),
        ("_each_channel", "Y = np.empty", "Y = -np.empty"),
        ("_each_channel_bwd", "dW = np.empty", "dW = -np.empty"),
    ),
    EVEN: (("smooth_ramp", "np.abs(X)", "np.abs(-X)"),),
    NOTHING: (
        ("blank", "return np.zeros", "return -np.zeros"),
        ("spread", "padded = blank", "padded = -blank"),
        ("_means", "total = np.zeros", "total = -np.zeros"),
        ("_shares", "padded = blank", "padded = -blank"),
        ("_each_channel_bwd", "dX_padded = blank", "dX_padded = -blank"),
    ),
}
