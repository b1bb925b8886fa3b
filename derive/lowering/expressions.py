"""Lower a scalar expression to an array over its free indices: one method for each kind of atom and of term."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

import sympy

from derive.core import canonical
from derive.core.atoms import Atom, Bracket, Function, Maximum, Paren, Read, Test
from derive.core.axes import LEADING, LEADING_SIZE, Index, symbolic
from derive.core.layer import Role, Symbol
from derive.core.terms import Expr, Factor, Rational, Term, from_term
from derive.errors import LoweringError
from derive.lowering.conditions import (
    HARMLESS,
    Condition,
    Extremum,
    exponential,
    extremum,
    holds_somewhere,
    logarithm_of_condition,
    rectified,
)
from derive.lowering.contract import contract, reduce, sum_alone
from derive.lowering.elementwise import ZERO, Quotient, choose, compare, conjunction, operate, power, summed
from derive.lowering.layout import FLAT_SIZE, align, flatten_group, ordered, permute, shape_of
from derive.lowering.products import (
    attached,
    coefficient_of,
    gathered,
    native_order,
    one_group,
    scalars_of,
    sign_folds,
    summand_rank,
    to_scale,
    with_one_group,
)
from derive.lowering.program import (
    Cast,
    Extent,
    Fill,
    Inside,
    Name,
    Number,
    Positions,
    Scatter,
    Value,
    Window,
    walk,
)
from derive.lowering.signs import function_defined, power_defined
from derive.lowering.windows import ScatterPlan, plan_scatter, rank, read_entries, row_of, simplified, solve_any

Order = Sequence[Index]
Guards = tuple[Value, ...]

MINUS_INFINITY = Number("-inf")
MIRRORED = {">": "<", ">=": "<=", "==": "==", "!=": "!="}


class Expressions:
    """Lowers expressions over the names of one layer.

    `order` is the order in which axes are wanted; it is kept where that costs nothing. `guards` are masks outside of
    which the value does not matter, and no operation may fail.
    """

    def __init__(self, symbols: Mapping[str, Symbol]):
        self.symbols = symbols

    # sums of terms

    def expr(self, value: Expr, order: Order, guards: Guards = ()) -> Value:
        """The value of an expression over its free indices."""
        names = {i.name for g in guards for i in g.axes}
        terms = [t.apart(names) for t in value.terms]
        brackets = [b for t in terms for b in logarithm_of_condition(t)]
        finite = [t for t in terms if not logarithm_of_condition(t)]
        signed = sorted(self.summands(finite, order, guards), key=summand_rank)
        result = summed(signed, order) if signed else ZERO
        if not brackets:
            return result
        mask = conjunction([self.mask(b, order, guards) for b in brackets], order)
        return choose(mask, result, MINUS_INFINITY, order)

    def summands(self, terms: Sequence[Term], order: Order, guards: Guards) -> Iterator[tuple[int, Value]]:
        """Sign and value of every term; two terms that are the larger, or the smaller, of two values are one."""
        rest = list(terms)
        while rest:
            term = rest.pop(0)
            partner = next((t for t in rest if extremum(term, t)), None)
            found = extremum(term, partner) if partner is not None else rectified(term)
            if found is not None:
                yield found.sign, self.extremum(found, order, guards)
                rest = [t for t in rest if t is not partner]
            elif term.coefficient < 0 and not (len(terms) == 1 and sign_folds(term)):
                yield -1, self.term(term.scaled(-1), order, guards)
            else:
                yield 1, self.term(term, order, guards)

    def extremum(self, found: Extremum, order: Order, guards: Guards) -> Value:
        both = (self.expr(found.first, order, guards), self.expr(found.second, order, guards))
        return operate(found.op, both, order)

    # one term

    def term(self, term: Term, order: Order, guards: Guards) -> Value:
        """A coefficient times a product of atoms, summed over the bound indices."""
        if term.bound:
            term = simplified(term, self.symbols)
        if not term.coefficient:
            return ZERO
        outside, groups = canonical.components(Term(term.coefficient, gathered(term), term.bound))
        outer = coefficient_of(term.coefficient).times(self.product(outside, order, guards))
        if len(groups) == 1:
            scalars, outer = scalars_of(outer)
            inner = (*guards, *self.guards_for(groups[0][0], outside, order, guards))
            outer = outer.times(self.group(*groups[0], order, inner, scalars))
        else:
            for factors, bound in groups:
                inner = (*guards, *self.guards_for(factors, outside, order, guards))
                outer = outer.times(self.group(factors, bound, order, inner, Quotient()))
        return outer.value(ordered(outer.indices, order))

    def guards_for(self, factors: Sequence[Factor], outside: Sequence[Factor], order: Order, guards: Guards) -> Guards:
        """The conditions outside a sum that say nothing of other indices than it has: they hold inside it too."""
        inside = frozenset[Index]().union(*(a.free for a, _ in factors))
        return tuple(self.mask(b, order, guards) for b, _ in outside if b.boolean and b.free <= inside)

    def product(self, factors: Sequence[Factor], order: Order, guards: Guards) -> Quotient:
        """A product of atoms without bound indices, as one quotient."""
        operands, conditions = self.operands(factors, order, guards, lambda factor: order)
        result = Quotient(conditions=tuple(c.mask for c in conditions))
        for operand in operands:
            result = result.times(operand)
        return result

    def operands(
        self, factors: Sequence[Factor], order: Order, guards: Guards, own_order: Callable[[Atom], Order]
    ) -> tuple[list[Quotient], list[Condition]]:
        """One quotient for each factor but the conditions, and the conditions that none has taken in."""
        conditions = [Condition(b, self.mask(b, order, guards)) for b, _ in factors if b.boolean]
        plain = [f for f in factors if not f[0].boolean]
        taker = next((a for a, _ in plain if exponential(a) and any(c.within(a) for c in conditions)), None)
        taken = [c for c in conditions if taker is not None and c.within(taker)]
        result = []
        for factor, exponent in plain:
            if factor is taker:
                result.append(Quotient((self.masked_exponential(factor, taken, order, guards),)))
            else:
                relevant = tuple(c.mask for c in conditions if c.guards(factor))
                result.append(self.power(factor, exponent, own_order(factor), (*guards, *relevant)))
        return result, [c for c in conditions if c not in taken]

    def masked_exponential(self, factor: Atom, conditions: Sequence[Condition], order: Order, guards: Guards) -> Value:
        """[c] exp(x) is exp(x) with x = -inf where c fails."""
        (argument,) = factor.children()
        mask = conjunction([c.mask for c in conditions], order)
        wide = [t for t in argument.terms if all(c.bracket.free <= t.free for c in conditions)]
        narrow = Expr(tuple(t for t in argument.terms if t not in wide))
        # What is the same along the masked axes, as their maximum, is finite where the mask holds at all.
        brackets = [c.bracket for c in conditions if isinstance(c.bracket, Bracket)]
        if len(brackets) < len(conditions) or not all(holds_somewhere(b, narrow.free) for b in brackets) or not wide:
            value = self.expr(argument, order, guards)
            return operate("exp", (choose(mask, value, MINUS_INFINITY, order),), order)
        value = choose(mask, self.expr(Expr(tuple(wide)), order, guards), MINUS_INFINITY, order)
        rest = self.summands(narrow.terms, order, guards) if narrow.terms else ()
        return operate("exp", (summed([(1, value), *rest], order),), order)

    def power(self, factor: Atom, exponent: Rational, order: Order, guards: Guards) -> Quotient:
        base = self.atom(factor, order, guards)
        if not power_defined(factor, exponent, self.symbols):
            base = guarded(base, guards, 1, order)
        value = power(base, -exponent if exponent < 0 else exponent, order)
        return Quotient((), (value,)) if exponent < 0 else Quotient((value,))

    # sums

    def group(
        self, factors: Sequence[Factor], bound: Sequence[Index], order: Order, guards: Guards, scalars: Quotient
    ) -> Quotient:
        """scalars · Σ_bound Π factors, where the factors hang together by bound indices."""
        if not factors:
            return scalars.times(Quotient(tuple(Extent(i.size) for i in bound)))
        term = with_one_group(Term(1, tuple(factors), tuple(bound)))
        plan = plan_scatter(term, self.symbols)
        if plan is not None:
            return Quotient((self.scatter(plan, order, guards, scalars),))
        solved = solve_any(term, self.symbols)
        if solved is not term:
            return scalars.times(Quotient((self.expr(from_term(solved), order, guards),)))
        return self.contraction(term, order, guards, scalars)

    def contraction(self, term: Term, order: Order, guards: Guards, scalars: Quotient) -> Quotient:
        """A sum of products, pair by pair; the numbers go to its smallest operand."""
        inner = [*order, *(i for i in term.bound if i not in order)]
        names = list(self.symbols)
        by_data = sorted(inner, key=lambda i: rank(i, term.factors, self.symbols))

        def own_order(factor: Atom) -> Order:
            inside = factor.children()
            return native_order(inside[0], inner, names) if inside else by_data

        operands, conditions = self.operands(term.factors, inner, guards, own_order)
        operands = sum_alone(attached([c.mask for c in conditions], operands), term.bound, order)
        position = to_scale(operands, term.free, scalars, names)
        if position is None:
            return scalars.times(Quotient((contract(operands, term.bound, order),)))
        operands[position] = scalars.times(operands[position])
        return Quotient((contract(operands, term.bound, order),))

    def scatter(self, plan: ScatterPlan, order: Order, guards: Guards, scalars: Quotient) -> Value:
        sources = (*plan.taps, *plan.slices)
        # Where an entry comes from says nothing of conditions on where it goes.
        guards = tuple(g for g in guards if not set(plan.targets) & set(g.axes))
        inside = [*order, *sources]
        whole = scalars.times(Quotient((self.term(plan.rest, inside, guards),))).value(inside)
        kept = ordered((i for i in whole.axes if i not in sources), order)
        values = fit(whole, (*kept, *sources))
        rows = tuple(row_of(row, sources) for row in plan.rows)
        taps = len(plan.taps) if plan.injective else None
        return Scatter(values, tuple(i.size for i in plan.targets), rows, taps, axes=(*kept, *plan.targets))

    # conditions

    def mask(self, bracket: Atom, order: Order, guards: Guards) -> Value:
        """A condition, on indices or on data, as an array of truth values."""
        if isinstance(bracket, Bracket):
            return self.index_mask(bracket, order)
        assert isinstance(bracket, Test)
        positive = Expr(tuple(t for t in bracket.argument.terms if t.coefficient > 0))
        negated = Expr(tuple(t.scaled(-1) for t in bracket.argument.terms if t.coefficient < 0))
        left, right = (self.expr(side, order, guards) for side in (positive, negated))
        return _relation(bracket.relation, left, right, order)

    def index_mask(self, bracket: Bracket, order: Order) -> Value:
        """Positive terms on the left, negative ones on the right."""
        left: list[Value] = []
        right: list[Value] = []
        order = ordered(bracket.affine.indices, order)
        for index, coefficient in bracket.affine.terms:
            below = bool(symbolic(coefficient).could_extract_minus_sign())
            step = -coefficient if below else coefficient
            value: Value = Positions(index.size, axes=(index,))
            if step != 1:
                value = operate("mul", (Extent(step), value), order, "positions")
            (right if below else left).append(value)
        constant = bracket.affine.constant
        if constant != 0:
            below = bool(symbolic(constant).could_extract_minus_sign())
            (right if below else left).append(Extent(-constant if below else constant))
        above, under = (summed([(1, v) for v in side], order) if side else ZERO for side in (left, right))
        return _relation(bracket.relation, above, under, order)

    # atoms

    def atom(self, factor: Atom, order: Order, guards: Guards) -> Value:
        method = self.METHODS.get(type(factor))
        if method is None:
            raise LoweringError(f"{type(factor).__name__} {factor.key} has no array form. Write it with primitives.")
        return method(self, factor, order, guards)

    def read(self, factor: Read, order: Order, guards: Guards) -> Value:
        symbol = self.symbols.get(factor.tensor)
        if not factor.at:
            return self.scalar(factor.tensor, symbol)
        if symbol is None:
            raise LoweringError(f"{factor.key}: {factor.tensor} is not defined. Define it, or make it an argument.")
        value: Value = Name(factor.tensor, axes=symbol.axes)
        if symbol.axes[0].leading:
            value = replace(value, axes=(LEADING, *symbol.axes[1:]))
            first = factor.at[0].plain
            if first is not None and first.size == FLAT_SIZE:
                value = flatten_group(value)
        return read_entries(value, factor.at, order)

    @staticmethod
    def scalar(name: str, symbol: Symbol | None) -> Value:
        if name == LEADING.name:
            return Extent(LEADING_SIZE)
        if symbol is None and name == "pi":
            return Number("pi")
        if symbol is None or symbol.role in (Role.SIZE, Role.OPTION):
            return Extent(sympy.Symbol(name))
        return Name(name)

    def function(self, factor: Function, order: Order, guards: Guards) -> Value:
        value = self.expr(factor.argument, order, guards)
        if factor.name in HARMLESS and not function_defined(factor, self.symbols):
            value = guarded(value, guards, HARMLESS[factor.name], order)
        return operate(factor.name, (value,), order)

    def paren(self, factor: Paren, order: Order, guards: Guards) -> Value:
        return self.expr(factor.body, order, guards)

    def maximum(self, factor: Maximum, order: Order, guards: Guards) -> Value:
        """The largest value; what a window reads outside its tensor takes no part."""
        body, over = one_group(factor.body, factor.over)
        inner = [*order, *over]
        value = self.expr(body, inner, guards)
        for window in dict.fromkeys(w for w in walk(value) if isinstance(w, Window)):
            inside = Inside(window.operand, window.sizes, window.rows, axes=window.axes[-len(window.sizes) :])
            value = choose(inside, value, MINUS_INFINITY, inner)
        return reduce(value, [i for i in over if i in value.axes], "max") if value.axes else value

    def indicator(self, factor: Atom, order: Order, guards: Guards) -> Value:
        mask = self.mask(factor, order, guards)
        return mask if mask.is_number else Cast(mask, axes=mask.axes)

    METHODS: ClassVar[dict[type, Callable[..., Value]]] = {
        Read: read,
        Function: function,
        Paren: paren,
        Maximum: maximum,
        Bracket: indicator,
        Test: indicator,
    }


def fit(value: Value, axes: Sequence[Index]) -> Value:
    """The value with exactly these axes: transposed, and repeated along those that it lacks."""
    axes = tuple(axes)
    if set(value.axes) == set(axes) and not value.is_number:
        return permute(value, axes)
    return Fill(align(value, axes), shape_of([(i,) for i in axes]), axes=axes)


def guarded(value: Value, guards: Guards, harmless: int, order: Order) -> Value:
    """The value where the guards hold, else one at which nothing overflows or divides by zero."""
    if not guards or value.is_number:
        return value
    axes = ordered([*value.axes, *(i for g in guards for i in g.axes)], order)
    return choose(conjunction(guards, order), value, Number(harmless), axes)


def _relation(relation: str, left: Value, right: Value, order: Order) -> Value:
    if left.is_number and not right.is_number:
        return compare(MIRRORED[relation], right, left, order)
    return compare(relation, left, right, order)
