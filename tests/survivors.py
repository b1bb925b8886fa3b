"""The mutants that no witness notices, by reason: (function, part of a line, the same part in the mutant).

Most compute the same values in another way. The others do differ: for each of those reasons there is a probe in the
tests, which notices what stands under it.
"""

from __future__ import annotations

Row = tuple[str, str, str]
Table = dict[str, tuple[Row, ...]]

# Other values, where the witnesses do not look.
OTHER_TYPE = "the witnesses give cotangents of the type of the arguments: of another, they are converted"
OVERFLOW = "what is the same along a row cancels in the quotient: the shift only keeps exp from overflowing"
KINK = "at the kink there is no derivative, and the witnesses keep away from it"
ALIAS = "a gradient that is the cotangent itself has the right values, but whoever writes to one changes the other"

# The same values.
SUBLAYER = "the layer that is called converts it"
EVEN = "even powers and absolute values forget the sign"
CANCELS = "the sign cancels in the quotient"
UNUSED = "the value is not used: the function writes to its argument"
WHOLE_SUM = "the sum over all axes does not depend on their order"
DOT = "the inner product of two vectors is symmetric"
SHAPE_ONLY = "only the shape is read"
ONE_AXIS = "of one axis, the first is the last"
NOTHING = "minus nothing is nothing"
WIDER = "wider margins than needed: more zeros around, of which none is read"
NO_REACH = "whether a reach of 0 counts as forwards or backwards, it adds 0"
ALL_ROWS = "all rows are of one length"
MORE_TAPS = "a longer loop adds the same entries one by one"
LONG_WAY = "padding by nothing is a copy"
WRITEABLE = "a view that may be written to is only read"

ZEROS = "np.zeros((*array.shape[:split], *padded), array.dtype)"
TOTAL = "np.zeros((*values.shape[:split], *padded), values.dtype)"

GENERATED: Table = {
    OTHER_TYPE: (
        ("affine_bwd", "np.asarray(dy, dtype=x.dtype)", "dy"),
        ("attention_bwd", "np.asarray(dO, dtype=Q.dtype)", "dO"),
        ("conv1d_bwd", "np.asarray(dY, dtype=X.dtype)", "dY"),
        ("least_squares_bwd", "np.asarray(dL, dtype=X.dtype)", "dL"),
        ("linear_bwd", "np.asarray(dY, dtype=X.dtype)", "dY"),
        ("mse_bwd", "np.asarray(dL, dtype=Y.dtype)", "dL"),
        ("relu_bwd", "np.asarray(dY, dtype=X.dtype)", "dY"),
        ("sigmoid_bwd", "np.asarray(dY, dtype=Y.dtype)", "dY"),
        ("softmax_bwd", "np.asarray(dP, dtype=P.dtype)", "dP"),
        ("tanh_bwd", "np.asarray(dY, dtype=Y.dtype)", "dY"),
        ("toeplitz_bwd", "np.asarray(dy, dtype=x.dtype)", "dy"),
    ),
    OVERFLOW: (
        ("softmax_fwd", "S - S.max(axis=-1, keepdims=True)", "S"),
        ("softmax_fwd", "S - S.max", "S + S.max"),
        ("softmax_fwd", "S - S.max", "S - -S.max"),
        ("softmax_fwd", "S - S.max", "S - S.min"),
        ("attention_fwd", "S - S.max(axis=-1, keepdims=True)", "S"),
        ("attention_fwd", "S - S.max", "S + S.max"),
        ("attention_fwd", "S - S.max", "S - -S.max"),
        ("attention_fwd", "S - S.max", "S - S.min"),
    ),
    KINK: (
        ("relu_bwd", "X > 0", "X >= 0"),
        ("mlp_bwd", "H > 0", "H >= 0"),
    ),
    ALIAS: (("affine_bwd", "dy.copy()", "dy"),),
    SUBLAYER: (("mlp_bwd", "np.asarray(dY, dtype=X.dtype)", "dY"),),
    EVEN: (
        ("least_squares_fwd", "(X @ W - Y) ** 2", "(Y - X @ W) ** 2"),
        ("least_squares_fwd", "(X @ W - Y) ** 2", "(-(X @ W - Y)) ** 2"),
        ("mse_fwd", "(Y - T) ** 2", "(T - Y) ** 2"),
        ("mse_fwd", "(Y - T) ** 2", "(-(Y - T)) ** 2"),
        ("tanh_fwd", "(Y,)", "(-Y,)"),
        ("tanh_bwd", "Y ** 2", "(-Y) ** 2"),
        ("_sigmoid", "np.abs(x)", "np.abs(-x)"),
    ),
    CANCELS: (
        ("softmax_fwd", "np.exp", "-np.exp"),
        ("attention_fwd", "np.exp", "-np.exp"),
    ),
    WHOLE_SUM: (
        ("least_squares_fwd", "(X @ W - Y) ** 2", "((X @ W - Y) ** 2).mT"),
        ("least_squares_fwd", "(X @ W - Y) ** 2", "(X @ W - Y).mT ** 2"),
    ),
    ONE_AXIS: (
        ("toeplitz_fwd", "x.shape[0]", "x.shape[-1]"),
        ("toeplitz_fwd", "w.shape[0]", "w.shape[-1]"),
        ("toeplitz_bwd", "x.shape[0]", "x.shape[-1]"),
        ("toeplitz_bwd", "w.shape[0]", "w.shape[-1]"),
    ),
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
    MORE_TAPS: (
        ("toeplitz_bwd", "_overlap_add(dx_taps, (n,), 1,", "_overlap_add(dx_taps, (n,), 2,"),
        ("conv1d_bwd", "_overlap_add(dX_taps, (n,), 1,", "_overlap_add(dX_taps, (n,), 2,"),
    ),
}

HANDWRITTEN: Table = {
    OVERFLOW: (
        ("softmax_fwd", "S - S.max(axis=-1, keepdims=True, initial=-np.inf)", "S"),
        ("softmax_fwd", "S - S.max", "S + S.max"),
        ("softmax_fwd", "S - S.max", "S - -S.max"),
    ),
    ALIAS: (("affine_bwd", "dy.copy()", "dy"),),
    EVEN: (
        ("least_squares_fwd", "R ** 2", "(-R) ** 2"),
        ("mse_fwd", "R ** 2", "(-R) ** 2"),
        ("tanh_fwd", "(Y,)", "(-Y,)"),
        ("tanh_bwd", "Y ** 2", "(-Y) ** 2"),
    ),
    UNUSED: (("softmax_fwd", "np.exp(P, out=P)", "-np.exp(P, out=P)"),),
    WHOLE_SUM: (
        ("least_squares_fwd", "R ** 2", "(R ** 2).mT"),
        ("least_squares_fwd", "R ** 2", "R.mT ** 2"),
    ),
    DOT: (("toeplitz_bwd", "tap @ dy", "dy @ tap"),),
    SHAPE_ONLY: (
        ("attention_fwd", "_scale(Q)", "_scale(-Q)"),
        ("attention_bwd", "dQ /= _scale(Q)", "dQ /= _scale(-Q)"),
        ("attention_bwd", "dK /= _scale(Q)", "dK /= _scale(-Q)"),
    ),
    NOTHING: (
        ("conv1d_bwd", "dX_padded = np.zeros", "dX_padded = -np.zeros"),
        ("toeplitz_bwd", "dx_padded = np.zeros", "dx_padded = -np.zeros"),
        ("pad", "padded = np.zeros", "padded = -np.zeros"),
        ("pad", "if padding == 0", "if -padding == 0"),
    ),
    LONG_WAY: (("pad", "if padding == 0", "if padding == -1"),),
    WRITEABLE: (("windows", "writeable=False", "writeable=True"),),
}
