"""The surviving mutants of the linear maps."""

from __future__ import annotations

from survivors.reasons import (
    ALIAS,
    EVEN,
    FOLDED,
    FOLDED_AGAIN,
    LEFT_OVER,
    NOTHING,
    ONE_AXIS,
    OTHER_TYPE,
    SHAPE_ONLY,
    TIES,
    WHOLE_SUM,
    Table,
)

GENERATED: Table = {
    OTHER_TYPE: (
        ("affine_bwd", "np.asarray(dy, dtype=x.dtype)", "dy"),
        ("bilinear_bwd", "np.asarray(dy, dtype=x.dtype)", "dy"),
        ("embedding_bwd", "np.asarray(dY, dtype=E.dtype)", "dY"),
        ("linear_bwd", "np.asarray(dY, dtype=X.dtype)", "dY"),
        ("low_rank_update_bwd", "np.asarray(dY, dtype=X.dtype)", "dY"),
        ("matrix_factorization_bwd", "np.asarray(dL, dtype=M.dtype)", "dL"),
        ("tied_embedding_bwd", "np.asarray(dZ, dtype=E.dtype)", "dZ"),
    ),
    ALIAS: (("affine_bwd", "dy.copy()", "dy"),),
    EVEN: (
        ("matrix_factorization_fwd", "E ** 2", "(-E) ** 2"),
        ("matrix_factorization_bwd", "E ** 2", "(-E) ** 2"),
    ),
    SHAPE_ONLY: (
        ("embedding_fwd", "(token, E)", "(token, -E)"),
        ("tied_embedding_bwd", "embedding_bwd((token, E), dX)", "embedding_bwd((token, -E), dX)"),
    ),
    FOLDED: (
        ("linear_fwd", "X.reshape(-1, d_in) @ W", "X @ W"),
        ("linear_bwd", "dY.reshape(-1, d_out) @ W.T", "dY @ W.T"),
        ("low_rank_update_fwd", "X.reshape(-1, d_in) @ A", "X @ A"),
        ("low_rank_update_fwd", "X.reshape(-1, d_in) @ W", "X @ W"),
        ("low_rank_update_fwd", "H.reshape(-1, R) @ (scale", "H @ (scale"),
        ("low_rank_update_bwd", "dH.reshape(-1, R) @ A.T", "dH @ A.T"),
        ("low_rank_update_bwd", "dY.reshape(-1, d_out) @ (scale", "dY @ (scale"),
        ("low_rank_update_bwd", "dY.reshape(-1, d_out) @ W.T", "dY @ W.T"),
        ("tied_embedding_fwd", "H.reshape(-1, D) @ E.T", "H @ E.T"),
        ("tied_embedding_bwd", "dZ.reshape(-1, V) @ E)", "dZ @ E)"),
    ),
    FOLDED_AGAIN: (
        ("low_rank_update_fwd", "H = (X.reshape(-1, d_in) @ A).reshape(*ell, R)", "H = X.reshape(-1, d_in) @ A"),
        (
            "low_rank_update_bwd",
            "dH = (dY.reshape(-1, d_out) @ (scale * B).T).reshape(*ell, R)",
            "dH = dY.reshape(-1, d_out) @ (scale * B).T",
        ),
    ),
    LEFT_OVER: (
        ("linear_fwd", "d_out = W.shape", "d_out = -W.shape"),
        ("low_rank_update_fwd", "d_out = W.shape", "d_out = -W.shape"),
        ("tied_embedding_fwd", "n = token.shape", "n = -token.shape"),
        ("tied_embedding_bwd", "n = token.shape", "n = -token.shape"),
    ),
}

HANDWRITTEN: Table = {
    ALIAS: (("affine_bwd", "dy.copy()", "dy"),),
    EVEN: (("matrix_factorization_fwd", "E ** 2", "(-E) ** 2"),),
    WHOLE_SUM: (("matrix_factorization_fwd", "M * E ** 2", "(M * E ** 2).mT"),),
    ONE_AXIS: (
        ("bilinear_fwd", "[:, :, 0]", "[:, :, -1]"),
        ("bilinear_bwd", "[:, 0, :]", "[:, -1, :]"),
    ),
    SHAPE_ONLY: (("embedding_fwd", "(token, E)", "(token, -E)"),),
    TIES: (
        ("add_rows", "np.argsort(at,", "np.argsort(-at,"),
        ("add_rows", "np.diff(at[order], prepend=-1)", "-np.diff(at[order], prepend=-1)"),
        ("add_rows", "np.diff(at[order], prepend=-1)", "np.diff(-at[order], prepend=-1)"),
        ("add_rows", "prepend=-1", "prepend=-2"),
        ("add_rows", "prepend=-1", "prepend=1"),
    ),
    NOTHING: (
        ("add_rows", "total = np.zeros", "total = -np.zeros"),
        ("add_rows", "if len(order)", "if -len(order)"),
    ),
}
