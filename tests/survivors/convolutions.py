"""The surviving mutants of the convolutions."""

from __future__ import annotations

from survivors.reasons import (
    BESIDE_ONE,
    DOT,
    INFERRED,
    MORE_TAPS,
    NOTHING,
    OF_ONE,
    ONE_AXIS,
    OTHER_TYPE,
    SUBLAYER,
    WHOLE_SUM,
    Table,
)

CHANNELS = (
    "conv1d",
    "conv2d",
    "conv3d",
    "asymmetric_conv1d",
    "asymmetric_conv2d",
    "asymmetric_conv3d",
    "causal_conv1d",
    "conv_transpose1d",
    "conv_transpose2d",
    "depthwise_conv1d",
    "depthwise_conv2d",
    "grouped_conv1d",
    "grouped_conv2d",
    "grouped_conv3d",
    "pointwise_conv2d",
)

DEPTHWISE = "(K, n_t), (-padding, dilation, stride))"

GENERATED: Table = {
    OTHER_TYPE: (
        ("toeplitz_bwd", "np.asarray(dy, dtype=x.dtype)", "dy"),
        ("circular_conv1d_bwd", "np.asarray(dy, dtype=w.dtype)", "dy"),
        *((f"{name}_bwd", "np.asarray(dY, dtype=X.dtype)", "dY") for name in CHANNELS),
    ),
    SUBLAYER: (("depthwise_separable_conv2d_bwd", "np.asarray(dY, dtype=X.dtype)", "dY"),),
    ONE_AXIS: (
        ("toeplitz_fwd", "x.shape[0]", "x.shape[-1]"),
        ("toeplitz_fwd", "w.shape[0]", "w.shape[-1]"),
        ("toeplitz_bwd", "x.shape[0]", "x.shape[-1]"),
        ("toeplitz_bwd", "w.shape[0]", "w.shape[-1]"),
        ("circular_conv1d_fwd", "x.shape[0]", "x.shape[-1]"),
        ("circular_conv1d_fwd", "w.shape[0]", "w.shape[-1]"),
        ("circular_conv1d_bwd", "w.shape[0]", "w.shape[-1]"),
        ("circular_conv1d_bwd", "z.shape[0]", "z.shape[-1]"),
    ),
    MORE_TAPS: (("toeplitz_bwd", "_overlap_add(dy, (n,), 1,", "_overlap_add(dy, (n,), 2,"),),
    BESIDE_ONE: (
        ("depthwise_conv1d_fwd", "bias=b[:, None])", "bias=b[:, None]).mT"),
        (
            "depthwise_conv1d_bwd",
            "None, :], (n,), (-padding, dilation, stride))",
            "None, :], (n,), (-padding, dilation, stride)).mT",
        ),
        ("depthwise_conv1d_bwd", f"X_rows, {DEPTHWISE}", f"X_rows, {DEPTHWISE}.mT"),
    ),
    OF_ONE: (("pointwise_conv2d_fwd", "b[:, None, None]", "b[:, None, None].mT"),),
    INFERRED: (
        ("pointwise_conv2d_fwd", "c_out = W.shape[0]", "c_out = -W.shape[0]"),
        ("conv_transpose1d_fwd", "c_out = W.shape[1]", "c_out = -W.shape[1]"),
        ("conv_transpose2d_fwd", "c_out = W.shape[1]", "c_out = -W.shape[1]"),
    ),
}

HANDWRITTEN: Table = {
    DOT: (("toeplitz_bwd", "tap @ dy", "dy @ tap"),),
    NOTHING: (("toeplitz_bwd", "dx_padded = np.zeros", "dx_padded = -np.zeros"),),
    OF_ONE: (("conv_transpose2d_fwd", "b[:, None, None]", "b[:, None, None].mT"),),
    WHOLE_SUM: (
        ("conv2d_bwd", "bias(dY, 2", "bias(dY.mT, 2"),
        ("conv3d_bwd", "bias(dY, 3", "bias(dY.mT, 3"),
        ("asymmetric_conv2d_bwd", "bias(dY, 2", "bias(dY.mT, 2"),
        ("asymmetric_conv3d_bwd", "bias(dY, 3", "bias(dY.mT, 3"),
        ("grouped_conv2d_bwd", "bias(dY, 2", "bias(dY.mT, 2"),
        ("grouped_conv3d_bwd", "bias(dY, 3", "bias(dY.mT, 3"),
        ("conv_transpose2d_bwd", "bias(dY, 2", "bias(dY.mT, 2"),
        ("pointwise_conv2d_bwd", "bias(dY, 2", "bias(dY.mT, 2"),
    ),
}
