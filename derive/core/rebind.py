"""Carry an expression from one layer into another: rename its tensors, put in its options, bind its indices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import sympy

from derive.core.atoms import Argmax, Atom, Bracket, Lookup, Maximum, Position, Read
from derive.core.axes import LEADING_SIZE, Affine, Index, fresh, plain_number
from derive.core.sizes import settled, size_value
from derive.core.terms import Expr, add, atom, expr, multiply, power, total
from derive.core.traverse import rebuild

Groups = Mapping[Index, tuple[Affine, ...]]


@dataclass(frozen=True)
class Rebinding:
    """From a callee to its caller: `names` of tensors, `values` of sizes and options (as SymPy sees them).

    `orders` says, for a tensor whose axes the caller has in another order, which of the callee's each of them is;
    `letters` under which names the callee's indices are bound, where the caller has a name for them.
    """

    names: Mapping[str, str]
    values: Mapping[str, sympy.Expr]
    orders: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    letters: Mapping[Index, tuple[str, ...]] = field(default_factory=dict)

    def size(self, size: sympy.Expr) -> sympy.Expr:
        known = {s: self.values[str(s)] for s in size.free_symbols if str(s) in self.values}
        return settled(size.subs(known, simultaneous=True)) if known else size

    def index(self, index: Index, taken: set[str]) -> Index:
        """An index of the callee's own, under a name that the caller does not use here."""
        return fresh(Index(index.name, self.size(index.size)), taken)

    def expr(self, value: Expr, at: Groups) -> Expr:
        """`value` with the indices `at`; bound indices get names of their own."""
        result = []
        for term in value.terms:
            taken = {i.name for group in at.values() for a in group for i in a.indices}
            local, over = self.open(term.bound, at, taken)
            parts = [power(self.atom(a, local), e) for a, e in term.factors]
            result.append(total(multiply(expr(term.coefficient), *parts), over))
        return add(*result)

    def open(self, bound: tuple[Index, ...], at: Groups, taken: set[str]) -> tuple[Groups, list[Index]]:
        """Fresh indices for a scope; one for all leading axes becomes as many as the caller has there."""
        local, over = dict(at), []
        for index in bound:
            group = []
            sizes = self.group_sizes(index, at)
            for size, name in zip(sizes, self.letters.get(index, self.own_letters(index, sizes)), strict=True):
                new = fresh(Index(name, size), taken)
                taken.add(new.name)
                over.append(new)
                group.append(Affine.of(new))
            local[index] = tuple(group)
        return local, over

    @staticmethod
    def own_letters(index: Index, sizes: list[sympy.Expr]) -> tuple[str, ...]:
        return tuple(index.name if not index.leading or size == LEADING_SIZE else "b" for size in sizes)

    def group_sizes(self, index: Index, at: Groups) -> list[sympy.Expr]:
        if not index.leading:
            return [self.size(index.size)]
        whole = self.values.get(str(LEADING_SIZE))
        return list(whole.args) if isinstance(whole, sympy.Tuple) else [LEADING_SIZE]

    def affine(self, affine: Affine, at: Groups) -> tuple[Affine, ...]:
        plain = affine.plain
        if plain is not None:
            return at[plain]
        looked_up = ((self.lookup(r, at), self.coefficient(c)) for r, c in affine.lookups)
        result = Affine.build((), self.coefficient(affine.constant), looked_up)
        for index, coefficient in affine.terms:
            (target,) = at[index]
            result = result + target.times(self.coefficient(coefficient))
        return (result,)

    def coefficient(self, value):
        return value if isinstance(value, int) else plain_number(self.size(value))

    def atom(self, factor: Atom, at: Groups) -> Expr:
        if isinstance(factor, Read):
            if factor.tensor in self.values and not factor.at:
                return self.scalar(factor.tensor)
            return atom(self.read(factor, at))
        if isinstance(factor, (Bracket, Position)):
            (affine,) = self.affine(factor.affine, at) if factor.affine.plain is None else at[factor.affine.plain]
            return atom(Position(affine) if isinstance(factor, Position) else Bracket(factor.relation, affine))
        if isinstance(factor, Maximum):
            taken = {i.name for group in at.values() for a in group for i in a.indices}
            local, over = self.open(factor.over, at, taken)
            return atom(Maximum(self.expr(factor.body, local), tuple(over)))
        if isinstance(factor, Argmax):
            places = tuple(a for affine in factor.at for a in self.affine(affine, at))
            taken = {i.name for group in at.values() for a in group for i in a.indices}
            local, over = self.open(factor.over, at, taken)
            return atom(Argmax(self.expr(factor.body, local), tuple(over), places))
        return rebuild(factor, tuple(self.expr(c, at) for c in factor.children()))

    def read(self, factor: Read, at: Groups) -> Read:
        indices = tuple(a for affine in factor.at for a in self.affine(affine, at))
        if factor.tensor in self.orders:
            indices = tuple(indices[n] for n in self.orders[factor.tensor])
        return Read(self.names.get(factor.tensor, factor.tensor), indices)

    def lookup(self, factor: Lookup, at: Groups) -> Lookup:
        entry = self.read(factor, at)
        return Lookup(entry.tensor, entry.at, self.size(factor.size))

    def scalar(self, name: str) -> Expr:
        value = self.values[name]
        if isinstance(value, sympy.Tuple):
            return multiply(*(size_value(s) for s in value.args))
        return size_value(value)
