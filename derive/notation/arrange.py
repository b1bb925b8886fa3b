"""In which order entrywise factors are read: what stands further left first, then by role; tensors before the rest."""

from __future__ import annotations

from dataclasses import fields, replace

from derive.notation.matrices import (
    Condition,
    Hadamard,
    Leaf,
    Mask,
    Matrix,
    Power,
    Product,
    Sum,
    Trace,
    Transpose,
    names,
)
from derive.notation.ordering import Order


def arrange(tree: Matrix, order: Order) -> Matrix:
    """The same tree with every entrywise product in reading order."""
    return _Arranger(order).visit(tree)


class _Arranger:
    def __init__(self, order: Order):
        self.order = order
        self.seen: dict[str, int] = {}

    def visit(self, tree: Matrix) -> Matrix:
        for name in names(tree) if isinstance(tree, Leaf) else ():
            self.seen.setdefault(name, len(self.seen))
        if isinstance(tree, Hadamard):
            tree = Hadamard(tuple(sorted(tree.factors, key=self._key)))
        if isinstance(tree, Trace) and isinstance(tree.of, Product):
            tree = Trace(Product(self._rotated(tree.of.factors)))
        changes = {f.name: self._field(getattr(tree, f.name)) for f in fields(tree)}  # type: ignore[arg-type]
        return replace(tree, **changes)  # type: ignore[type-var]

    def _rotated(self, factors: tuple[Matrix, ...]) -> tuple[Matrix, ...]:
        """tr(B C A) = tr(A B C)"""
        first = min(range(len(factors)), key=lambda n: self.order.first(names(factors[n])))
        return factors[first:] + factors[:first]

    def _field(self, value):
        if isinstance(value, Matrix):
            return self.visit(value)
        if isinstance(value, tuple):
            return tuple(self._field(v) for v in value)
        return value

    def _key(self, factor: Matrix) -> tuple:
        inside = list(names(factor))
        seen = min((self.seen[n] for n in inside if n in self.seen), default=len(self.seen))
        return _kind(factor), seen, self.order.first(inside), [self.order.rank(n) for n in inside]


def _kind(factor: Matrix) -> int:
    """Tensors, then products and functions, then sums in parentheses, then conditions."""
    if isinstance(factor, Transpose):
        return _kind(factor.of)
    if isinstance(factor, Leaf) or isinstance(factor, Power) and isinstance(factor.of, Leaf):
        return 0
    return {Sum: 2, Condition: 3, Mask: 4}.get(type(factor), 1)
