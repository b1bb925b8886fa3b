"""One block of a matrix of pairs: expressions in it, and the parts of tensors that they read.

A loop runs over every entry of some axes and over blocks of two others, the rows i and the columns j. Inside, an axis
that is looped over is gone, and i and j run over their blocks:

    S[h, i, j] = Σ_d Q[h, i, d] K[h, j, d]    →    S[j, i] = Σ_d K[h][j, d] Q[h][i, d]

A block stands with its columns first: maxima and sums over j then run along whole rows of memory.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

import sympy

from derive.core.atoms import Atom, Bracket, Maximum, Position, Read
from derive.core.axes import LEADING, Affine, Index
from derive.core.layer import Role, Symbol
from derive.core.terms import Expr, Term, add, atom, multiply, power, total
from derive.core.traverse import rebuild
from derive.errors import LoweringError
from derive.lowering.expressions import Expressions
from derive.lowering.fitting import fit
from derive.lowering.program import edge
from derive.lowering.sharing import rebuild as rebuilt
from derive.lowering.values import Name, Part, Positions, Value


@dataclass
class Tile:
    """The block at which the loops are. `group` is the name of a position along all leading axes."""

    row: Index
    column: Index
    looped: tuple[Index, ...]
    group: str
    # The tensors outside the loops, and the arrays of pairs inside them.
    symbols: Mapping[str, Symbol]
    local: dict[str, Symbol] = field(default_factory=dict)
    # The parts that were read, by the names that stand for them.
    parts: dict[str, Part] = field(default_factory=dict)

    @property
    def inside(self) -> dict[Index, Index]:
        """An index over an axis, and over a block of it."""
        return {i: Index(i.name, edge(i.name, "stop") - edge(i.name, "start")) for i in (self.row, self.column)}

    def axes(self, axes: Iterable[Index]) -> tuple[Index, ...]:
        """The axes of an array in the block."""
        return tuple(self.inside.get(i, i) for i in axes if i not in self.looped)

    def pair(self, axes: Collection[Index]) -> tuple[Index, ...]:
        """The axes of an array of pairs: columns first, the rows next."""
        others = [i for i in axes if i not in (self.row, self.column)]
        return self.axes((self.column, self.row, *others))

    def at(self, axes: Iterable[Index | None]) -> tuple[str, ...]:
        """A subscript: what each axis of a tensor is read at, None for all of it."""
        slots = [self._slot(i) for i in axes]
        while slots and slots[-1] == ":":
            slots.pop()
        # An index by itself may be all leading axes at once.
        return (self.group,) if slots == [f"*{self.group}"] else tuple(slots)

    def _slot(self, index: Index | None) -> str:
        if index in (self.row, self.column):
            return index.name
        if index in self.looped:
            return f"*{self.group}" if index.leading else index.name
        return ":"

    def lower(self, value: Expr, axes: tuple[Index, ...]) -> Value:
        """An expression over the pairs as an array with these axes in the block."""
        inside = self.expr(value)
        sizes = {n: s for n, s in self.symbols.items() if s.role in (Role.SIZE, Role.OPTION)}
        return fit(Expressions({**sizes, **self.local}).expr(inside, axes), axes)

    def expr(self, value: Expr) -> Expr:
        """The expression inside the loops."""
        terms = []
        for term in value.terms:
            parts = [power(self.atom(a), e) for a, e in term.factors]
            bound = [self.inside.get(i, i) for i in term.bound if i not in self.looped]
            terms.append(total(multiply(Expr((Term(term.coefficient),)), *parts), bound))
        return add(*terms)

    def atom(self, factor: Atom) -> Expr:
        if isinstance(factor, Read):
            return atom(self.read(factor)) if factor.at else atom(factor)
        if isinstance(factor, Bracket):
            return atom(Bracket(factor.relation, self.affine(factor.affine)))
        if isinstance(factor, Position):
            return atom(Position(self.affine(factor.affine)))
        if isinstance(factor, Maximum):
            return atom(Maximum(self.expr(factor.body), tuple(self.inside.get(i, i) for i in factor.over)))
        return rebuild(factor, tuple(self.expr(c) for c in factor.children()))

    def affine(self, affine: Affine) -> Affine:
        """A sum of indices: those that are looped over are numbers."""
        if LEADING in affine.indices or affine.lookups:
            raise LoweringError(f"{affine.key({})}: it has no form in a block. Leave the softmax as it is.")
        mapping = {i: Affine.of(j) for i, j in self.inside.items()}
        numbers = {i: Affine((), sympy.Symbol(i.name, integer=True, nonnegative=True)) for i in self.looped}
        return affine.substitute({**mapping, **numbers})

    def read(self, factor: Read) -> Read:
        """The read of a part of a tensor, or of an array in the block."""
        moving = {self.row, self.column, *self.looped}
        plain = [a.plain if not a.indices.isdisjoint(moving) else None for a in factor.at]
        if any(p is None and not a.indices.isdisjoint(moving) for p, a in zip(plain, factor.at, strict=True)):
            raise LoweringError(
                f"{factor.key}: it is read at a sum of indices, of which there is no block. Define a tensor over plain "
                "indices for it first."
            )
        kept = [(n, a) for n, (p, a) in enumerate(zip(plain, factor.at, strict=True)) if p not in self.looped]
        at = tuple(Affine.of(self.inside[p]) if (p := plain[n]) in self.inside else a for n, a in kept)
        if factor.tensor in self.local and factor.tensor not in self.parts:
            # Pairs are read at their own place: every equation is in their alphabet.
            return Read(factor.tensor, tuple(map(Affine.of, self.local[factor.tensor].axes)))
        symbol = self.symbols[factor.tensor]
        where = self.at(plain)
        if not where:
            self.local.setdefault(factor.tensor, symbol)
            self.parts.setdefault(factor.tensor, Part(factor.tensor, ()))
            return Read(factor.tensor, at)
        name = f"{factor.tensor}[{', '.join(where)}]"
        axes = tuple(self.inside.get(plain[n], symbol.axes[n]) for n, _ in kept)  # type: ignore[arg-type]
        self.parts[name] = Part(factor.tensor, where)
        self.local[name] = replace(symbol, name=name, axes=axes)
        return Read(name, at)

    # afterwards

    def in_parts(self, value: Value) -> Value:
        """The value with parts of tensors in the place of the names that stand for them, and positions in the block."""
        if isinstance(value, Name) and value.name in self.parts:
            part = self.parts[value.name]
            return Part(part.name, part.at, axes=value.axes) if part.at else value
        if isinstance(value, Positions) and len(value.axes) == 1 and value.axes[0] in self.inside.values():
            return replace(value, first=edge(value.axes[0].name, "start"))
        return rebuilt(value, self.in_parts)
