"""In which order names, factors and summands are read: cotangents, arguments in signature order, values, adjoints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import count

from derive.core.layer import Role, Symbol
from derive.core.terms import Expr, Term
from derive.core.traverse import tensors_read

Names = Mapping[str, Symbol]

ROLES = {
    Role.OPTION: 0,
    Role.SIZE: 0,
    Role.COTANGENT: 1,
    Role.INPUT: 2,
    Role.PARAMETER: 2,
    Role.VALUE: 3,
    Role.ADJOINT: 4,
}
LAST = (9, 0)


class Order:
    """Ranks of names, by role and then by where they stand in the scope."""

    def __init__(self, names: Names):
        self.names = names
        self.places = dict(zip(names, count(), strict=False))

    def rank(self, name: str) -> tuple[int, int]:
        return (ROLES[self.names[name].role], self.places[name]) if name in self.places else LAST

    def first(self, names: Iterable[str]) -> tuple[int, int]:
        """The rank of the name that comes first, sizes and options apart."""
        ranks = [r for r in map(self.rank, names) if r[0]]
        return min(ranks, default=LAST)

    def summand(self, term: Term, free: Iterable) -> tuple:
        """Positive first; those with all free indices before broadcast ones; then by their first name; short first."""
        names = list(tensors_read(Expr((term,))))
        ranks = sorted(self.rank(n) for n in names)
        missing = len(set(free) - term.free)
        return term.coefficient < 0, missing, self.first(names), len(term.factors), ranks

    def summands(self, value: Expr, free: Iterable) -> list[Term]:
        free = tuple(free)
        return sorted(value.terms, key=lambda t: self.summand(t, free))
