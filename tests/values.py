"""Values of expressions of the engine at small sizes, by the oracle: for tests of single rules."""

import itertools

import numpy as np

from derive.core.atoms import Read
from derive.core.terms import Expr
from derive.core.traverse import atoms
from derive.witnesses.interpret import Oracle


def value_at(expr: Expr, sizes: dict[str, int], like: Expr | None = None) -> np.ndarray:
    """The values of an expression over its free indices, in alphabetical order, on positive random tensors.

    Tensors have the shapes that the reads of `like` give them; those of integers hold positions along their axis.
    """
    tensors = {name: {(): size} for name, size in sizes.items()}
    spans_of = {r.tensor: sizes[str(r.size)] for e in (expr, like or expr) for a in atoms(e) for r in a.lookups()}
    for name, shape in sorted({**shapes(expr, sizes), **shapes(like or expr, sizes)}.items()):
        rng = np.random.default_rng([*name.encode()])
        array = rng.integers(0, spans_of[name], shape) if name in spans_of else rng.uniform(0.5, 1.5, shape)
        tensors.setdefault(name, dict(zip(np.ndindex(shape), array.ravel().tolist(), strict=True)))
    free = sorted(expr.free, key=lambda i: i.name)
    spans = [range(sizes[str(i.size)]) for i in free]
    oracle = Oracle(tensors)
    values = [
        float(oracle.expr(expr, dict(zip((i.name for i in free), point, strict=True))))
        for point in itertools.product(*spans)
    ]
    return np.array(values).reshape([len(s) for s in spans])


def shapes(expr: Expr, sizes: dict[str, int]) -> dict[str, tuple[int, ...]]:
    """The shapes of all tensors read, as the sizes of the plain indices at which they are read."""
    found: dict[str, list[int]] = {}
    for factor in atoms(expr):
        for read in (*([factor] if isinstance(factor, Read) else []), *factor.lookups()):
            shape = found.setdefault(read.tensor, [1] * len(read.at))
            for position, affine in enumerate(read.at):
                whole = affine.plain or affine.looked_up
                if whole is not None:
                    shape[position] = sizes[str(whole.size)]
    return {name: tuple(shape) for name, shape in found.items()}
