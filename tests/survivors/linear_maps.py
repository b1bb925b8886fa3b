"""The surviving mutants of the linear maps."""

from __future__ import annotations

from survivors.reasons import ALIAS, EVEN, NOTHING, ONE_AXIS, OTHER_TYPE, SHAPE_ONLY, TIES, WHOLE_SUM, Table

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
}

HANDWRITTEN: Table = {
    ALIAS: (("affine_bwd", "dy.copy()", "dy"),),
    EVEN: (("matrix_factorization_fwd", "E ** 2", "(-E) ** 2"),),
    WHOLE_SUM: (("matrix_factorization_fwd", "M * E ** 2", "(M * E ** 2).mT"),),
    ONE_AXIS: (
        ("bilinear_fwd", "[:, :, 0]", "[:, :, -1]"),
        ("bilinear_bwd", "[:, 0, :]", "[:, -1, :]"),
    ),
    SHAPE_ONLY: (
        ("embedding_fwd", "(token, E)", "(token, -E)"),
        ("embedding_fwd", "token, len(E)", "token, len(-E)"),
        ("embedding_bwd", "len(E)", "len(-E)"),
        ("add_rows", "if len(order)", "if len(-order)"),
    ),
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
