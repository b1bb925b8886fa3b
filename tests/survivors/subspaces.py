"""The surviving mutants of the subspaces."""

from __future__ import annotations

from survivors.reasons import (
    DOT,
    EVEN,
    OTHER_TYPE,
    SYMMETRIC,
    WHOLE_SUM,
    Table,
)

GENERATED: Table = {
    OTHER_TYPE: (
        ("pca_bwd", "np.asarray(dL, dtype=X.dtype)", "dL"),
        ("rayleigh_quotient_bwd", "np.asarray(drho, dtype=C.dtype)", "drho"),
    ),
    EVEN: (
        ("pca", "pca_fwd(X, W)", "pca_fwd(-X, W)"),
        ("pca", "pca_fwd(X, W)", "pca_fwd(X, -W)"),
        ("rayleigh_quotient", "(C, x)", "(C, -x)"),
    ),
    DOT: (("rayleigh_quotient_fwd", "x @ (x @ C)", "x @ C @ x"),),
    SYMMETRIC: (
        ("rayleigh_quotient", "(C, x)", "(C.mT, x)"),
        ("rayleigh_quotient_fwd", "n = C.shape[0]", "n = C.shape[1]"),
        ("rayleigh_quotient_fwd", "n = C.shape[0]", "n = C.shape[-1]"),
        ("rayleigh_quotient_fwd", "x @ C)", "x @ C.mT)"),
        ("rayleigh_quotient_fwd", "x @ (x @ C)", "x @ (C @ x)"),
        ("rayleigh_quotient_fwd", "(C, x, rho)", "(C.mT, x, rho)"),
        ("rayleigh_quotient_bwd", "(drho / part * x)[:, None] * x", "((drho / part * x)[:, None] * x).mT"),
        ("rayleigh_quotient_bwd", "C @ x", "x @ C"),
        ("rayleigh_quotient_bwd", "C @ x", "C.mT @ x"),
        ("rayleigh_quotient_bwd", "(dC, dx)", "(dC.mT, dx)"),
    ),
}

HANDWRITTEN: Table = {
    EVEN: (
        ("pca", "pca_fwd(X, W)", "pca_fwd(-X, W)"),
        ("pca", "pca_fwd(X, W)", "pca_fwd(X, -W)"),
        ("pca_fwd", "R ** 2", "(-R) ** 2"),
        ("rayleigh_quotient", "(C, x)", "(C, -x)"),
    ),
    WHOLE_SUM: (
        ("pca_fwd", "R ** 2", "(R ** 2).mT"),
        ("pca_fwd", "R ** 2", "R.mT ** 2"),
    ),
    DOT: (("rayleigh_quotient_fwd", "x @ Cx", "Cx @ x"),),
    SYMMETRIC: (
        ("rayleigh_quotient", "(C, x)", "(C.mT, x)"),
        ("rayleigh_quotient_fwd", "C @ x", "x @ C"),
        ("rayleigh_quotient_fwd", "C @ x", "C.mT @ x"),
        ("rayleigh_quotient_bwd", "np.outer(share * x, x)", "np.outer(share * x, x).mT"),
    ),
}
