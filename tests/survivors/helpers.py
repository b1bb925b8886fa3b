"""The surviving mutants of the helpers, generated and handwritten."""

from __future__ import annotations

from survivors.reasons import (
    AGAIN,
    ALL_ROWS,
    AS_MANY,
    CANCELS,
    COMMUTES,
    EITHER_WAY,
    EVEN,
    EXCLUSIVE,
    INFERRED,
    ITSELF,
    KINK,
    MEET,
    NO_REACH,
    NOTHING,
    OF_ONE,
    OF_TWO,
    OVERWRITTEN,
    SATURATED,
    SHAPE_ONLY,
    TRUTH,
    TWICE,
    TYPE_ONLY,
    UNUSED,
    WIDER,
    Table,
)

ZEROS = "np.zeros((*array.shape[:split], *padded), array.dtype)"
CHEAPER = "summed < 2 * channels"
WAYS = (
    "summed > 2 * channels",
    "summed <= 2 * channels",
    "summed < 2",
    "summed < channels",
    "summed < -(2 * channels)",
)
WAYS += ("summed < 3 * channels", "summed < 1 * channels", "summed < 2 / channels", "summed < 2 + channels")
WAYS += ("-summed < 2 * channels", "summed < 2 * -channels")

GENERATED: Table = {
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
    AS_MANY: (
        ("_correlate", "places = len(rows)", "places = -len(rows)"),
        ("_correlate", "sizes[-places:]", "sizes[places:]"),
        ("_tap_products", "*sizes[:-places]", "*sizes[:places]"),
        ("_spread", "row[-places:]", "row[places:]"),
        ("_spread", "steps[:-places]", "steps[:places]"),
        ("_spread", "steps[-places:]", "steps[places:]"),
        ("_spread_maximum", "sizes[:-len(rows)]", "sizes[:len(rows)]"),
    ),
    EITHER_WAY: (
        *(("_spread", CHEAPER, way) for way in WAYS),
        ("_spread", "if summed == 1", "if -summed == 1"),
        ("_spread", "if summed == 1", "if summed == 0"),
    ),
    UNUSED: (
        ("_correlate", "np.matmul(kernels, columns,", "-np.matmul(kernels, columns,"),
        ("_correlate", "channels, -1))", "channels, -1)).mT"),
        ("_largest", "np.maximum(result, array, out=result)", "-np.maximum(result, array, out=result)"),
    ),
    ITSELF: (("_largest", "arrays[1:]", "arrays[0:]"),),
    OVERWRITTEN: (
        ("_erf", "values = np.empty_like", "values = -np.empty_like"),
        ("_correlate", "result = np.empty", "result = -np.empty"),
        ("_spread", "result = np.empty", "result = -np.empty"),
        ("_spread_maximum", "result = np.empty", "result = -np.empty"),
    ),
    OF_ONE: (("_tap_sum", "np.broadcast_arrays(windows, weights)", "np.broadcast_arrays(windows, weights.mT)"),),
    COMMUTES: (("_spread_maximum", "(windows[tap] == largest) & free", "free & (windows[tap] == largest)"),),
    KINK: (("_spread_maximum", "(windows[tap] == largest) & free", "windows[tap] == largest"),),
    SHAPE_ONLY: (
        ("_correlate", "len(array)", "len(-array)"),
        ("_correlate", "windows.reshape(len(part)", "windows.reshape(len(part.mT)"),
        ("_correlate", "part.reshape(len(part)", "part.reshape(len(part.mT)"),
        ("_tap_max", "range(len(axes))", "range(len(-axes))"),
        ("_tap_max", "windows.shape[:len(axes)]", "windows.shape[:len(-axes)]"),
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
        ("_erf_block", "np.abs(x)", "np.abs(-x)"),
        ("_softplus", "np.abs(x)", "np.abs(-x)"),
    ),
    CANCELS: (("_polynomial", "return value", "return -value"),),
    SATURATED: (
        ("_erf_block", "np.minimum(np.abs(x), 7)", "np.minimum(np.abs(x), 6)"),
        ("_erf_block", "np.minimum(np.abs(x), 7)", "np.minimum(np.abs(x), 8)"),
    ),
    MEET: (("_erf_block", "a < 0.46875", "a <= 0.46875"),),
    NOTHING: (
        ("_tap_sum", "total = np.zeros", "total = -np.zeros"),
        ("_add_at", "result = np.zeros", "result = -np.zeros"),
        ("_windows", ZEROS, f"-{ZEROS}"),
        ("_tap_products", "total = np.zeros", "total = -np.zeros"),
        ("_written", "total = np.zeros", "total = -np.zeros"),
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
