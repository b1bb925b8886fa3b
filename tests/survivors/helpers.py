"""The surviving mutants of the helpers, generated and handwritten."""

from __future__ import annotations

from survivors.reasons import (
    AGAIN,
    ALL_ROWS,
    CANCELS,
    EVEN,
    EXCLUSIVE,
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
    TYPE_ONLY,
    WIDER,
    Table,
)

ZEROS = "np.zeros((*array.shape[:split], *padded), array.dtype)"
TOTAL = "np.zeros((*values.shape[:split], *padded), values.dtype)"

GENERATED: Table = {
    OVERWRITTEN: (("_erf", "values = np.empty_like", "values = -np.empty_like"),),
    AGAIN: (("_erf", "flat.size, 16384", "flat.size, 16383"),),
    TYPE_ONLY: (
        ("_erf", "np.empty_like(flat)", "np.empty_like(-flat)"),
        ("_where", "result_type(x", "result_type(-x"),
        ("_where", "result_type(x, y", "result_type(x, -y"),
    ),
    EXCLUSIVE: (
        ("_where", "(x ^ y) * mask ^ y)", "y ^ (x ^ y) * mask)"),
        ("_where", "x ^ y", "y ^ x"),
    ),
    OF_TWO: (("_tap_inner", "np.stack(found, axis=-1)", "np.stack(found, axis=1)"),),
    SHAPE_ONLY: (
        ("_tap_sum", "range(len(axes))", "range(len(-axes))"),
        ("_tap_sum", "windows.shape[:len(axes)]", "windows.shape[:len(-axes)]"),
        ("_tap_sum", "windows.shape[len(axes):]", "windows.shape[len(-axes):]"),
    ),
    TRUTH: (
        ("_windows", "if outside", "if -outside"),
        ("_where", "if y.ndim", "if -y.ndim"),
        ("_where", "or y != 0", "or -y != 0"),
    ),
    EVEN: (
        ("_erf_double", "np.abs(x)", "np.abs(-x)"),
        ("_softplus", "np.abs(x)", "np.abs(-x)"),
    ),
    CANCELS: (("_polynomial", "return value", "return -value"),),
    SATURATED: (
        ("_erf_double", "np.minimum(np.abs(x), 7)", "np.minimum(np.abs(x), 6)"),
        ("_erf_double", "np.minimum(np.abs(x), 7)", "np.minimum(np.abs(x), 8)"),
    ),
    MEET: (("_erf_double", "a < 0.46875", "a <= 0.46875"),),
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
