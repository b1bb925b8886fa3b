"""The surviving mutants of the helpers, generated and handwritten."""

from __future__ import annotations

from survivors.reasons import (
    AGAIN,
    ALL_ROWS,
    ANEW,
    AS_MANY,
    CANCELS,
    COMMUTES,
    DIGITS,
    EITHER_WAY,
    EVEN,
    EXCLUSIVE,
    FOLDED,
    FROM_END,
    GENERAL,
    INFERRED,
    ITSELF,
    KINK,
    LONG_WAY,
    MEET,
    NO_IMAGES,
    NO_REACH,
    NO_WIDTH,
    NOTHING,
    OF_ONE,
    OF_TWO,
    ONE_AXIS,
    ONE_BY_ONE,
    OVERWRITTEN,
    PICKED,
    ROOMIER,
    SATURATED,
    SHAPE_ONLY,
    TRUTH,
    WIDER,
    WRITEABLE,
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

ONE_ROW = "channels == 1 and places > 1 and _by_one(rows)"
OTHER_LINES = tuple(ONE_ROW.replace("channels == 1", f"channels {other}") for other in ("!= 1", "== 2", "== 0"))
OTHER_LINES += tuple(ONE_ROW.replace("places > 1", f"places {other}") for other in ("< 1", ">= 1", "> 2", "> 0"))
OTHER_LINES += (f"-{ONE_ROW}", ONE_ROW.replace("places >", "-places >"))
ONE_MAP = "values.shape[:-places] == (*array.shape[:-places], 1)"
OTHER_MAPS = tuple(ONE_MAP.replace(", 1)", f", {other})") for other in (0, 2))
OTHER_MAPS += tuple(ONE_MAP.replace(f"{name}.shape[:-", f"{name}.shape[:") for name in ("values", "array"))

GENERATED: Table = {
    AGAIN: (("_erf", "flat.size, 16384", "flat.size, 16383"),),
    EXCLUSIVE: (
        ("_where", "(x ^ y) * mask ^ y)", "y ^ (x ^ y) * mask)"),
        ("_where", "x ^ y", "y ^ x"),
    ),
    OF_TWO: (("_tap_inner", "np.stack(found, axis=-1)", "np.stack(found, axis=1)"),),
    AS_MANY: (
        ("_correlate", "part.shape[-places:]", "part.shape[places:]"),
        ("_room", "len(sizes) - len(shape) + 1", "len(shape) + 1"),
        ("_tap_products_lines", "sizes[:-places]", "sizes[:places]"),
        ("_tap_products_lines", "sizes[-places:]", "sizes[places:]"),
        ("_correlate", "sizes[-places:]", "sizes[places:]"),
        ("_tap_products", "*sizes[:-places]", "*sizes[:places]"),
        ("_spread", "steps[:-places]", "steps[:places]"),
        ("_spread", "steps[-places:]", "steps[places:]"),
        ("_spread_maximum", "sizes[:-len(rows)]", "sizes[:len(rows)]"),
    ),
    EITHER_WAY: (
        *(("_spread", CHEAPER, way) for way in WAYS),
        *(("_correlate", ONE_ROW, way) for way in OTHER_LINES),
        *(("_tap_products", ONE_MAP, way) for way in OTHER_MAPS),
        ("_by_one", "row[-len(rows):]", "row[len(rows):]"),
        ("_tap_products_lines", "lines=True", "lines=False"),
        ("_spread", "if summed == 1", "if -summed == 1"),
        ("_spread", "if summed == 1", "if summed == 0"),
    ),
    ITSELF: (("_largest", "arrays[1:]", "arrays[0:]"),),
    OF_ONE: (("_tap_sum", "np.broadcast_arrays(windows, weights)", "np.broadcast_arrays(windows, weights.mT)"),),
    COMMUTES: (("_spread_maximum", "(windows[tap] == largest) & free", "free & (windows[tap] == largest)"),),
    KINK: (("_spread_maximum", "(windows[tap] == largest) & free", "windows[tap] == largest"),),
    SHAPE_ONLY: (
        ("_correlate", "columns.reshape(len(part)", "columns.reshape(len(part.mT)"),
        ("_spread", "[:len(part)]", "[:len(part.mT)]"),
    ),
    ROOMIER: (
        ("_pieces", "parts[0].stop", "parts[-1].stop"),
        ("_spread", "parts[0].stop", "parts[-1].stop"),
        ("_tap_products_lines", "parts[0].stop", "parts[-1].stop"),
    ),
    ANEW: (("_pieces", "piece = buffer", "piece = -buffer"),),
    INFERRED: (("_tap_products", "count = math.prod", "count = -math.prod"),),
    LONG_WAY: (("_windows", "if np.any(margins)", "if margins"),),
    TRUTH: (
        ("_correlate", "if lines", "if -lines"),
        ("_room", "if lines", "if -lines"),
        ("_spread", "and _by_one", "and -_by_one"),
        ("_tap_products", "and _by_one", "and -_by_one"),
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
        ("_tap_products_lines", "total = np.zeros", "total = -np.zeros"),
        ("_room", "total = np.zeros", "total = -np.zeros"),
    ),
    WIDER: (
        ("_margins", "(size - 1)", "size"),
        ("_margins", "(size - 1)", "(size + 1)"),
        ("_margins", "(size - 1)", "(size - 0)"),
        ("_margins", "last + 1", "last + 2"),
        ("_margins", "last + 1 - length", "last + 1"),
        ("_margins", "last + 1 - length", "last + 1 + length"),
        ("_margins", "last + 1 - length", "last + 1 - -length"),
        ("_margins", "max(0, -first)", "max(1, -first)"),
        ("_margins", "max(0, last", "max(1, last"),
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

EACH_CHANNEL = ("_each_channel", "_each_channel_bwd")

HANDWRITTEN: Table = {
    TRUTH: (
        *((f, "if any(", "if -any(") for f in EACH_CHANNEL),
        *((f, "not X.size", "not -X.size") for f in EACH_CHANNEL),
        ("pad", "any(", "-any("),
        ("pad", "d.before", "-d.before"),
        ("pad", "d.after", "-d.after"),
    ),
    SHAPE_ONLY: (
        ("_columns", "len(images)", "len(images.mT)"),
        ("_columns", "len(part)", "len(part.mT)"),
        ("correlate", "_images(X, W)", "_images(X, -W)"),
        ("correlate", "_images(X, W)", "_images(X, W.mT)"),
        ("spread", "_images(Y, W)", "_images(Y, -W)"),
        ("spread", "_images(Y, W)", "_images(Y, W.mT)"),
        ("spread", "len(X)", "len(X.mT)"),
        ("spread", "len(part)", "len(part.mT)"),
        ("kernel", "len(images)", "len(images.mT)"),
    ),
    NO_IMAGES: (("_columns", "max(1, count)", "max(0, count)"),),
    FOLDED: (
        ("_images", "W.ndim - 1", "W.ndim"),
        ("_images", "W.ndim - 1", "W.ndim + 1"),
        ("_images", "W.ndim - 1", "W.ndim - 0"),
    ),
    ONE_AXIS: (
        ("line_windows", "axis=-1", "axis=-0"),
        ("pad_line", "x.shape[-1]", "x.shape[-0]"),
        ("pad_line", "x.shape[:-1]", "x.shape[:-0]"),
        ("pad_line", "x.shape[:-1]", "x.shape[:-2]"),
        ("pad_line", "[..., padding:padding + n]", "[padding:padding + n, ...]"),
    ),
    WRITEABLE: (
        ("windows", "writeable=False", "writeable=True"),
        ("line_windows", "writeable=False", "writeable=True"),
    ),
    LONG_WAY: (("pad_line", "padding == 0", "padding == -1"),),
    GENERAL: (
        *((f, "d.stride > 1", "d.stride >= 1") for f in EACH_CHANNEL),
        *((f, "d.stride > 1", "d.stride > 0") for f in EACH_CHANNEL),
    ),
    ONE_BY_ONE: (
        ("_each_channel", "len(maps))", "len(maps.mT))"),
        ("_each_channel", "len(maps))", "-len(maps))"),
        ("_each_channel", "X.dtype, len(maps)", "X.dtype, -len(maps)"),
        ("_each_channel_bwd", "X.dtype, len(maps)", "X.dtype, -len(maps)"),
        ("_each_channel_bwd", "X.dtype, len(maps)", "X.dtype, len(maps.mT)"),
    ),
    FROM_END: tuple((f, "% len(W)", "% -len(W)") for f in EACH_CHANNEL),
    INFERRED: (("_columns", "= (prod(steps", "= (-prod(steps"),),
    OVERWRITTEN: (
        ("_each_channel", "= (lines.room()", "= (-lines.room()"),
        ("_each_channel", ", lines.room()", ", -lines.room()"),
        ("_each_channel_bwd", ", written.room()", ", -written.room()"),
    ),
    EVEN: (
        ("smooth_ramp", "np.abs(X)", "np.abs(-X)"),
        ("normal_distribution", "np.abs(x)", "np.abs(-x)"),
        ("normal_distribution", "np.copysign(1 - tail", "np.copysign(tail - 1"),
        ("normal_distribution", "np.copysign(1 - tail", "np.copysign(-(1 - tail)"),
    ),
    CANCELS: (("_polynomial", "return value", "return -value"),),
    SATURATED: (
        ("normal_distribution", "np.minimum(np.abs(x), 7)", "np.minimum(np.abs(x), 6)"),
        ("normal_distribution", "np.minimum(np.abs(x), 7)", "np.minimum(np.abs(x), 8)"),
    ),
    MEET: (("normal_distribution", "a < NEAR", "a <= NEAR"),),
    DIGITS: (("normal_distribution", "a < NEAR", "a < -NEAR"),),
    PICKED: (("normal_distribution", "np.flatnonzero(a < NEAR)", "a < NEAR"),),
    COMMUTES: (("where_else_zero", "(bits & -condition.view(np.int8))", "(-condition.view(np.int8) & bits)"),),
    NO_WIDTH: (("where_else_zero", "itemsize > 8", "itemsize > 9"),),
    NOTHING: (
        ("blank", "return np.zeros", "return -np.zeros"),
        ("pad", "padded = blank", "padded = -blank"),
        ("pad_line", "padding == 0", "-padding == 0"),
        ("pad_line", "padded = np.zeros", "padded = -np.zeros"),
        ("_columns", "padded = blank", "padded = -blank"),
        ("spread", "padded = blank", "padded = -blank"),
        ("kernel", "W = np.zeros", "W = -np.zeros"),
        ("_means", "total = np.zeros", "total = -np.zeros"),
        ("_shares", "padded = blank", "padded = -blank"),
        ("_each_channel_bwd", "= (written.room()", "= (-written.room()"),
    ),
}
