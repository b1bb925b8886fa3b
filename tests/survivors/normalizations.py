"""The surviving mutants of the normalizations."""

from __future__ import annotations

from survivors.reasons import (
    ALIAS,
    CONVERTED,
    EVEN,
    FROM_END,
    NOT_TAKEN,
    NOTHING,
    OF_ONE,
    OF_TWO,
    ONE_AXIS,
    OTHER_TYPE,
    SHORT,
    UNIFORM,
    WHOLE_SUM,
    Table,
)

AFFINE = ("layer_norm", "rms_norm", "batch_norm", "batch_norm2d", "group_norm", "instance_norm")
BATCHES = ("batch_norm", "batch_norm2d")
ADDED = ("layer_norm", "group_norm", "instance_norm")
MATRICES = ("batch_norm2d", "group_norm", "instance_norm")

GENERATED: Table = {
    OTHER_TYPE: (
        *((f"{name}_bwd", "np.asarray(dY, dtype=gamma.dtype)", "dY") for name in BATCHES),
        ("l2_normalize_bwd", "np.asarray(dY, dtype=r.dtype)", "dY"),
    ),
    CONVERTED: tuple((f"{name}_bwd", "np.asarray(dY, dtype=X.dtype)", "dY") for name in AFFINE if name not in BATCHES),
    UNIFORM: (
        *((f"{name}_bwd", "eps=1e-05", "eps=1.00001") for name in AFFINE if name != "rms_norm"),
        *((f"{name}_bwd", "eps=1e-05", "eps=-0.99999") for name in AFFINE if name != "rms_norm"),
        ("rms_norm_bwd", "eps=1e-06", "eps=1.000001"),
        ("rms_norm_bwd", "eps=1e-06", "eps=-0.999999"),
    ),
    ONE_AXIS: (("batch_norm_bwd", "gamma.shape[0]", "gamma.shape[-1]"),),
    NOTHING: (
        *((f"{name}_bwd", "dgamma = np.zeros", "dgamma = -np.zeros") for name in AFFINE if name not in BATCHES),
        *((f"{name}_bwd", "dbeta = np.zeros", "dbeta = -np.zeros") for name in ADDED),
    ),
    EVEN: (("l2_normalize_fwd", "(r, Y)", "(r, -Y)"),),
    OF_ONE: (*((f"{name}_{way}", "None, None]", "None, None].mT") for name in MATRICES for way in ("fwd", "bwd")),),
    SHORT: (
        ("l2_normalize_fwd", "s > 0", "s >= 0"),
        ("l2_normalize_fwd", "s > 0", "s > 1"),
        ("l2_normalize_fwd", "s > 0", "s > -1"),
        ("l2_normalize_fwd", "np.where(mask, s, 1)), 0)", "np.where(mask, s, 0)), 0)"),
        ("l2_normalize_fwd", "np.where(mask, s, 1)), 0)", "np.where(mask, s, 1)), 1)"),
        ("l2_normalize_fwd", "np.where(mask, s, 1)), 0)", "np.where(mask, s, 1)), -1)"),
    ),
    NOT_TAKEN: (("l2_normalize_fwd", "np.where(mask, s, 1)", "np.where(mask, s, 2)"),),
}

OF_GROUPS = ("groups_forward", "groups_backward")
OF_IMAGES = ("batch_norm2d_fwd", "batch_norm2d_bwd")

HANDWRITTEN: Table = {
    OF_TWO: (
        ("layer_norm_fwd", "axis=-1", "axis=1"),
        ("layer_norm_bwd", "axis=-1", "axis=1"),
    ),
    ALIAS: (("layer_norm_bwd", "np.empty_like(G)", "G"),),
    NOTHING: (
        ("rms_norm_bwd", "np.zeros", "-np.zeros"),
        ("layer_norm_bwd", "(G), np.zeros", "(G), -np.zeros"),
        ("layer_norm_bwd", "G.dtype), np.zeros", "G.dtype), -np.zeros"),
    ),
    EVEN: (
        ("standardized", "xhat ** 2", "(-xhat) ** 2"),
        ("l2_normalize_fwd", "(r, Y)", "(r, -Y)"),
    ),
    OF_ONE: (
        *((function, "None, None]", "None, None].mT") for function in (*OF_GROUPS, *OF_IMAGES)),
        ("batch_norm2d_fwd", "xhat, r)", "xhat, r.mT)"),
        ("batch_norm2d_bwd", "(xhat, r,", "(xhat, r.mT,"),
    ),
    WHOLE_SUM: (
        ("groups_forward", "np.sum(x", "np.sum(x.mT"),
        ("groups_backward", "np.sum(g", "np.sum(g.mT"),
    ),
    FROM_END: (
        ("groups_forward", "axis=(-3, -2", "axis=(-3, 2"),
        ("groups_backward", "axis=(-2", "axis=(2"),
    ),
    SHORT: (
        ("l2_normalize_fwd", "r > 0", "r >= 0"),
        ("l2_normalize_fwd", "r > 0", "r > 1"),
        ("l2_normalize_fwd", "r > 0", "r > -1"),
    ),
}
