"""Lower conditions on indices and on data to masks, and what a maximum is taken over."""

from __future__ import annotations

from dataclasses import replace

from derive.calculus.rules import bare_read
from derive.core.atoms import Argmax, Atom, Bracket, Test
from derive.core.axes import Affine, symbolic
from derive.core.terms import Expr
from derive.errors import LoweringError
from derive.lowering.elementwise import MINUS_INFINITY, ZERO, choose, compare, conjunction, operate, summed
from derive.lowering.fitting import fit
from derive.lowering.layout import flat, group_of, ordered, unflattened
from derive.lowering.reach import taking_part
from derive.lowering.reads import Guards, Order, Reads
from derive.lowering.values import Cast, Extent, FirstMaximum, Positions, Value, Window
from derive.notation.comparisons import sides

MIRRORED = {">": "<", ">=": "<=", "==": "==", "!=": "!="}


class Masks(Reads):
    """Lowers conditions to arrays of truth values."""

    def mask(self, bracket: Atom, order: Order, guards: Guards) -> Value:
        """A condition, on indices or on data, as an array of truth values."""
        if isinstance(bracket, Bracket):
            return self.index_mask(bracket, order)
        if isinstance(bracket, Argmax):
            return self.first_maximum(bracket, order, guards)
        assert isinstance(bracket, Test)
        left, relation, right = sides(bracket)
        return _relation(relation, self.expr(left, order, guards), self.expr(right, order, guards), order)

    def index_mask(self, bracket: Bracket, order: Order) -> Value:
        order = ordered(bracket.affine.indices, order)
        return _relation(bracket.relation, *self.sides(bracket.affine, order), order)

    def sides(self, affine: Affine, order: Order) -> tuple[Value, Value]:
        """A sum of indices as a difference: the positive terms, and the negative ones."""
        left: list[Value] = []
        right: list[Value] = []
        for index, coefficient in affine.terms:
            below = bool(symbolic(coefficient).could_extract_minus_sign())
            step = -coefficient if below else coefficient
            value: Value = Positions(index.size, axes=(index,))
            if step != 1:
                value = operate("mul", (Extent(step), value), order, "positions")
            (right if below else left).append(value)
        for entry, coefficient in affine.lookups:
            below = bool(symbolic(coefficient).could_extract_minus_sign())
            step = -coefficient if below else coefficient
            value = self.read(entry, order, ())
            if step != 1:
                value = operate("mul", (Extent(step), value), order, "positions")
            (right if below else left).append(value)
        constant = affine.constant
        if constant != 0:
            below = bool(symbolic(constant).could_extract_minus_sign())
            (right if below else left).append(Extent(-constant if below else constant))
        above, under = (summed([(1, v) for v in side], order) if side else ZERO for side in (left, right))
        return above, under

    def candidates(self, body: Expr, inner: Order, guards: Guards) -> Value:
        """What a maximum is taken over; an entry for which something is read outside its tensor takes no part."""
        conditions = taking_part(body, self.symbols)
        if not conditions:
            return self.expr(body, inner, guards)
        window = self.expr(body, inner, guards) if bare_read(body) else None
        if isinstance(window, Window):
            return replace(window, lowest=True)
        inside = conjunction([self.index_mask(c, inner) for c in conditions], inner)
        return choose(inside, self.expr(body, inner, (*guards, inside)), MINUS_INFINITY, inner)

    def first_maximum(self, factor: Argmax, order: Order, guards: Guards) -> Value:
        """The mask of the first places at which an expression is largest."""
        places = [a.plain for a in factor.at]
        taken = factor.body.free - set(factor.over)
        if None in places or len(set(places)) < len(places) or not taken.isdisjoint(i for i in places if i):
            raise LoweringError(f"{factor.key}: the place of the maximum is no index of its own. Sum over an index.")
        at = [i for i in places if i is not None]
        group = group_of(at)
        over = [flat(i) if i.leading else i for i in at]
        body = factor.body.substitute({i: Affine.of(j) for i, j in zip(factor.over, over, strict=True)})
        value = self.candidates(body, [*order, *over], guards)
        rest = ordered((i for i in value.axes if i not in over), order)
        mask = FirstMaximum(fit(value, (*rest, *over)), len(over), axes=(*rest, *over))
        return mask if group is None else unflattened(mask, group)

    def indicator(self, factor: Atom, order: Order, guards: Guards) -> Value:
        mask = self.mask(factor, order, guards)
        return mask if mask.is_number else Cast(mask, axes=mask.axes)


def _relation(relation: str, left: Value, right: Value, order: Order) -> Value:
    if left.is_number and not right.is_number:
        return compare(MIRRORED[relation], right, left, order)
    return compare(relation, left, right, order)
