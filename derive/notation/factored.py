"""Entries of a tensor of higher rank as a product of matrices, each at the pair of indices that it connects.

2 Σ_o δ_ij V[o,a] V[o,b]  →  2 δ_ij (VᵀV)_ab
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from derive.core import canonical
from derive.core.atoms import Bracket
from derive.core.axes import Affine, Index
from derive.core.terms import Expr, Rational, Term, atom, from_term
from derive.notation.matrices import Matrix
from derive.notation.matrix import matrix_form
from derive.notation.ordering import Names, Order


@dataclass(frozen=True)
class Factored:
    """coefficient · Π scalars · Π deltas · Π (matrix)_indices"""

    coefficient: Rational
    scalars: Expr
    deltas: tuple[tuple[Index, Index], ...]
    factors: tuple[tuple[Matrix, tuple[Index, ...]], ...]


def factored(value: Expr, axes: Sequence[Index], names: Names) -> list[Factored] | None:
    """Every term as such a product, or None where one has a factor that connects more than two indices."""
    terms = [_factored(t, axes, names) for t in Order(names).summands(value, axes)]
    return None if any(t is None for t in terms) else [t for t in terms if t is not None]


def _factored(term: Term, axes: Sequence[Index], names: Names) -> Factored | None:
    outside, groups = canonical.components(term)
    deltas, scalars = [], []
    pieces: dict[frozenset[Index], list[Expr]] = {}
    for factor, exponent in outside:
        pair = _pair(factor, axes) if isinstance(factor, Bracket) else None
        if pair is not None:
            deltas.append(pair)
        elif not factor.free:
            scalars.append(atom(factor, exponent))
        else:
            pieces.setdefault(factor.free, []).append(atom(factor, exponent))
    for factors, bound in groups:
        piece = from_term(Term(1, tuple(factors), tuple(bound)))
        if piece.free:
            pieces.setdefault(piece.free, []).append(piece)
        else:
            scalars.append(piece)
    matrices: list[tuple[Matrix, tuple[Index, ...]]] = []
    for free, parts in pieces.items():
        at = tuple(i for i in axes if i in free)
        body = _product(parts)
        found = matrix_form(body, at, names) if len(at) <= 2 else None
        if found is None or found.batch:
            return None
        matrices.append((found.tree, at))
    matrices.sort(key=lambda pair: [list(axes).index(i) for i in pair[1]])
    return Factored(term.coefficient, _product(scalars), tuple(deltas), tuple(matrices))


def _product(parts: Sequence[Expr]) -> Expr:
    result = from_term(Term(1))
    for part in parts:
        result = result * part
    return result


def _pair(factor: Bracket, axes: Sequence[Index]) -> tuple[Index, Index] | None:
    pair = [i for i in axes if i in factor.free]
    if len(pair) == 2 and factor == Bracket("==", Affine.of(pair[0]) - Affine.of(pair[1])):
        return pair[0], pair[1]
    return None
