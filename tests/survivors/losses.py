"""The surviving mutants of the losses."""

from __future__ import annotations

from survivors.reasons import (
    CONVERTED,
    EVEN,
    KINK,
    MEET,
    NOTHING,
    OF_ONE,
    OF_TWO,
    ON_DIAGONAL,
    ONE_AXIS,
    OTHER_TYPE,
    OVERFLOW,
    SHAPE_ONLY,
    SUMS_TO_ONE,
    TRUTH,
    UNIFORM,
    WHOLE_SUM,
    Table,
)

# Sums are begun with 0, and gradients written into arrays, a few items at a time.
IN_PORTIONS = (
    ("binary_cross_entropy", "Z"),
    ("hinge", "Y"),
    ("huber", "Y"),
    ("logistic_loss", "Z"),
    ("mean_absolute_error", "Y"),
)

GENERATED: Table = {
    UNIFORM: (
        ("smoothed_cross_entropy_bwd", "epsilon=0.1", "epsilon=1.1"),
        ("smoothed_cross_entropy_bwd", "epsilon=0.1", "epsilon=-0.9"),
    ),
    ONE_AXIS: (("sparse_cross_entropy_bwd", "label.shape[0]", "label.shape[-1]"),),
    OF_ONE: (("sparse_cross_entropy_fwd", "axis=-1)[:, 0]", "axis=-1)[:, -1]"),),
    OTHER_TYPE: (
        ("sparse_cross_entropy_bwd", "np.asarray(dL, dtype=P.dtype)", "dL"),
        ("smoothed_cross_entropy_bwd", "np.asarray(dL, dtype=T.dtype)", "dL"),
        ("cross_entropy_bwd", "np.asarray(dL, dtype=T.dtype)", "dL"),
        ("info_nce_bwd", "np.asarray(dL, dtype=U.dtype)", "dL"),
        ("kl_divergence_bwd", "np.asarray(dL, dtype=P.dtype)", "dL"),
        ("label_smoothing_bwd", "np.asarray(dL, dtype=S.dtype)", "dL"),
        ("least_squares_bwd", "np.asarray(dL, dtype=X.dtype)", "dL"),
        ("mse_bwd", "np.asarray(dL, dtype=R.dtype)", "dL"),
        ("ridge_bwd", "np.asarray(dL, dtype=X.dtype)", "dL"),
    ),
    OVERFLOW: (
        ("sparse_cross_entropy_fwd", "Z.max", "-Z.max"),
        ("smoothed_cross_entropy_fwd", "Z - Z.max(axis=-1, keepdims=True, initial=-np.inf)", "Z"),
        ("smoothed_cross_entropy_fwd", "Z - Z.max", "Z + Z.max"),
        ("smoothed_cross_entropy_fwd", "Z - Z.max", "Z - -Z.max"),
        ("cross_entropy_fwd", "Z - Z.max(axis=-1, keepdims=True, initial=-np.inf)", "Z"),
        ("cross_entropy_fwd", "Z - Z.max", "Z + Z.max"),
        ("cross_entropy_fwd", "Z - Z.max", "Z - -Z.max"),
        ("info_nce_fwd", "S - S.max(axis=-1, keepdims=True, initial=-np.inf)", "S"),
        ("info_nce_fwd", "S - S.max", "S + S.max"),
        ("info_nce_fwd", "S - S.max", "S - -S.max"),
        ("kl_divergence_fwd", "A - A.max(axis=-1, keepdims=True, initial=-np.inf)", "A"),
        ("kl_divergence_fwd", "A - A.max", "A + A.max"),
        ("kl_divergence_fwd", "A - A.max", "A - -A.max"),
        ("kl_divergence_fwd", "B - B.max(axis=-1, keepdims=True, initial=-np.inf)", "B"),
        ("kl_divergence_fwd", "B - B.max", "B + B.max"),
        ("kl_divergence_fwd", "B - B.max", "B - -B.max"),
        ("label_smoothing_fwd", "Z - Z.max(axis=-1, keepdims=True, initial=-np.inf)", "Z"),
        ("label_smoothing_fwd", "Z - Z.max", "Z + Z.max"),
        ("label_smoothing_fwd", "Z - Z.max", "Z - -Z.max"),
    ),
    KINK: (
        ("hinge_bwd", "T[at] * Y[at] < 1", "T[at] * Y[at] <= 1"),
        ("huber_bwd", "delta * np.sign(R)", "delta / np.sign(R)"),
        ("mean_absolute_error_bwd", "np.multiply", "np.divide"),
    ),
    CONVERTED: tuple((f"{name}_bwd", f"np.asarray(dL, dtype={x}.dtype)", "dL") for name, x in IN_PORTIONS),
    NOTHING: tuple((f"{name}_fwd", "L = ", "L = -") for name, _ in IN_PORTIONS),
    EVEN: (
        *((f"{name}_fwd", "R = Y[at] - T[at]", "R = T[at] - Y[at]") for name in ("huber", "mean_absolute_error")),
        *((f"{name}_fwd", "R = Y[at] - T[at]", "R = -(Y[at] - T[at])") for name in ("huber", "mean_absolute_error")),
        ("huber_fwd", "np.abs(R)", "np.abs(-R)"),
        ("huber_fwd", "R ** 2", "(-R) ** 2"),
        ("huber_bwd", "np.abs(R)", "np.abs(-R)"),
        ("mean_absolute_error_fwd", "np.abs(R)", "np.abs(-R)"),
    ),
    OF_TWO: (
        ("sparse_cross_entropy_fwd", "label[:, None], axis=-1)", "label[:, None], axis=1)"),
        ("smoothed_cross_entropy_fwd", "Z.max(axis=-1", "Z.max(axis=1"),
        ("smoothed_cross_entropy_fwd", "P.sum(axis=-1)", "P.sum(axis=1)"),
        ("sparse_cross_entropy_fwd", "Z.max(axis=-1", "Z.max(axis=1"),
        ("sparse_cross_entropy_fwd", "P.sum(axis=-1)", "P.sum(axis=1)"),
        ("cross_entropy_fwd", "Z.max(axis=-1", "Z.max(axis=1"),
        ("cross_entropy_fwd", "P.sum(axis=-1)", "P.sum(axis=1)"),
        ("info_nce_fwd", "S.max(axis=-1", "S.max(axis=1"),
        ("info_nce_fwd", "P.sum(axis=-1)", "P.sum(axis=1)"),
        ("kl_divergence_fwd", "A.max(axis=-1", "A.max(axis=1"),
        ("kl_divergence_fwd", "P.sum(axis=-1)", "P.sum(axis=1)"),
        ("kl_divergence_fwd", "B.max(axis=-1", "B.max(axis=1"),
        ("kl_divergence_fwd", "Q.sum(axis=-1)", "Q.sum(axis=1)"),
        ("label_smoothing_fwd", "Z.max(axis=-1", "Z.max(axis=1"),
        ("label_smoothing_fwd", "P.sum(axis=-1)", "P.sum(axis=1)"),
    ),
    ON_DIAGONAL: (
        ("info_nce_fwd", "np.log(P_sum)[:, None]", "np.log(P_sum)[:, None].mT"),
        ("info_nce_fwd", "np.log(P_sum)[:, None]", "np.log(P_sum)[None, :]"),
        ("info_nce_fwd", "np.log(P_sum)[:, None]", "np.log(P_sum)"),
    ),
    MEET: (
        ("huber_fwd", "part > delta", "part >= delta"),
        ("huber_bwd", "np.abs(R) > delta", "np.abs(R) >= delta"),
    ),
}

FORWARDS = ("_forward", "cross_entropy_fwd")
ROW_LOSSES = "logs[part] * T[part].sum(axis=-1, keepdims=True) - likely"

HANDWRITTEN: Table = {
    TRUTH: (
        ("_forward", "if epsilon", "if -epsilon"),
        ("_backward", "if epsilon", "if -epsilon"),
    ),
    NOTHING: (
        *((f, "logs = (Z", "logs = (-Z") for f in FORWARDS),
        *((f"{name}_fwd", "Y.dtype.type(0)", "-Y.dtype.type(0)") for name in ("hinge", "huber")),
        *((f"{name}_fwd", "Z.dtype.type(0)", "-Z.dtype.type(0)") for name in ("binary_cross_entropy", "logistic_loss")),
    ),
    OVERFLOW: (
        *((f, "= Z[part].max", "= -Z[part].max") for f in FORWARDS),
        *((f, "Z[part].max", "Z[part].min") for f in FORWARDS),
    ),
    OF_TWO: (*((f, "axis=-1", "axis=1") for f in FORWARDS),),
    SUMS_TO_ONE: (
        ("cross_entropy_fwd", "logs[part] * T[part].sum(axis=-1, keepdims=True)", "logs[part]"),
        ("cross_entropy_fwd", "logs[part] * T[part].sum", "logs[part] / T[part].sum"),
    ),
    KINK: (
        ("hinge_bwd", "t * y < 1", "t * y <= 1"),
        ("mean_absolute_error_bwd", "dL / R.size * np.sign(R)", "dL / R.size / np.sign(R)"),
    ),
    EVEN: (
        ("least_squares_fwd", "R ** 2", "(-R) ** 2"),
        ("mean_absolute_error_fwd", "np.abs(R)", "np.abs(-R)"),
        ("mse_fwd", "R.reshape", "-R.reshape"),
    ),
    WHOLE_SUM: (
        ("_forward", "logs[part] - likely", "(logs[part] - likely).mT"),
        ("cross_entropy_fwd", ROW_LOSSES, f"({ROW_LOSSES}).mT"),
        ("kl_divergence_fwd", "np.mean(D)", "np.mean(D.mT)"),
        ("least_squares_fwd", "R ** 2", "(R ** 2).mT"),
        ("least_squares_fwd", "R ** 2", "R.mT ** 2"),
    ),
    SHAPE_ONLY: (
        ("info_nce_bwd", "from(dS)", "from(-dS)"),
        ("info_nce_bwd", "from(dS)", "from(dS.mT)"),
    ),
    ON_DIAGONAL: (("info_nce_fwd", "np.trace(logP)", "np.trace(logP.mT)"),),
}
