"""Lower a scalar expression to an array over its free indices: one method for each kind of atom and of term."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

import sympy

from derive.calculus.rules import bare_read
from derive.core import canonical
from derive.core.atoms import Argmax, Atom, Bracket, Function, Maximum, Paren, Position, Read, Test
from derive.core.axes import LEADING, LEADING_SIZE, Affine, Index, symbolic
from derive.core.layer import Role, Symbol
from derive.core.terms import Expr, Factor, Rational, Term, from_term
from derive.core.traverse import atoms
from derive.errors import LoweringError
from derive.lowering.choices import Choice, Clip, choice, clip, less_one, spread
from derive.lowering.conditions import (
    HARMLESS,
    LOWEST,
    Condition,
    Extremum,
    exponential,
    extremum,
    holds_somewhere,
    logarithm_of_condition,
    rectified,
)
from derive.lowering.contract import contract, reduce, sum_alone
from derive.lowering.elementwise import (
    ONE,
    ZERO,
    Quotient,
    choose,
    compare,
    conjunction,
    operate,
    power,
    powers,
    summed,
)
from derive.lowering.gathers import AddingPlan, gathered_read, one_hot, plan_adding
from derive.lowering.layout import (
    FLAT_SIZE,
    align,
    flat,
    flatten_group,
    group_of,
    ordered,
    permute,
    shape_of,
    unflattened,
)
from derive.lowering.positivity import redundant, vanishes_with
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
    AddAt,
    Cast,
    Expand,
    Extent,
    Fill,
    FirstMaximum,
    Map,
    Name,
    Number,
    Positions,
    Reduce,
    Scatter,
    Value,
    Window,
)
from derive.lowering.reach import taking_part
from derive.lowering.signs import function_defined, power_defined
from derive.lowering.windows import ScatterPlan, data_first, plan_scatter, read_entries, row_of, simplified, solve_any
from derive.notation.comparisons import sides
from derive.notation.roots import joined_roots

Order = Sequence[Index]
Guards = tuple[Value, ...]

MINUS_INFINITY = Number("-inf")
CONSTANTS = {"pi": "pi", LOWEST: "lowest"}
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
        """Sign and value of every term; terms that are one value together, as the larger of two, are one."""
        rest = list(terms)
        clipped = clip(rest)
        if clipped is not None:
            rest = [t for t in rest if t not in clipped.terms]
            yield 1, self.clipped(clipped, order, guards)
        while rest:
            term = rest.pop(0)
            partner = next((t for t in rest if extremum(term, t)), None)
            found = extremum(term, partner) if partner is not None else rectified(term)
            pair = self.pair(term, rest, order, guards) if partner is None else None
            if pair is not None:
                sign, value, partner = pair
                yield sign, value
                rest = [t for t in rest if t is not partner]
            elif found is not None:
                yield found.sign, self.extremum(found, order, guards)
                rest = [t for t in rest if t is not partner]
            elif term.coefficient < 0 and not (len(terms) == 1 and sign_folds(term)):
                yield -1, self.term(term.scaled(-1), order, guards)
            else:
                yield 1, self.term(term, order, guards)

    def pair(self, term: Term, others: Sequence[Term], order: Order, guards: Guards) -> tuple[int, Value, Term] | None:
        """Sign and value of a term and one other, where there is more to say of both than of each; and the other."""
        for other in others:
            found = choice(term, other)
            value = self.choice(found, order, guards) if found is not None else None
            if value is not None:
                return 1, value, other
            below = less_one(term, other) or less_one(other, term)
            if below is not None:
                sign, argument = below
                return sign, self.function(Function("expm1", argument), order, guards), other
        return None

    def choice(self, found: Choice, order: Order, guards: Guards) -> Value | None:
        """One pass that chooses; none where it would be between numbers, which have no type of their own."""
        mask, opposite = (self.mask(c, order, guards) for c in (found.condition, found.opposite))
        first = self.expr(found.first, order, (*guards, mask))
        second = self.expr(found.second, order, (*guards, opposite))
        return None if first.is_number and second.is_number else choose(mask, first, second, order)

    def clipped(self, found: Clip, order: Order, guards: Guards) -> Value:
        return operate("clip", [self.expr(e, order, guards) for e in (found.of, found.low, found.high)], order)

    def extremum(self, found: Extremum, order: Order, guards: Guards) -> Value:
        first, second = self.expr(found.first, order, guards), self.expr(found.second, order, guards)
        if isinstance(first, Reduce) and first.op == found.op[:3] and second.is_number:
            # The larger of a number and a maximum is a maximum in which the number takes part.
            return replace(first, initial=second)
        return operate(found.op, (first, second), order)

    # one term

    def term(self, term: Term, order: Order, guards: Guards) -> Value:
        """A coefficient times a product of atoms, summed over the bound indices."""
        if term.bound:
            term = simplified(term, self.symbols)
        if not term.coefficient:
            return ZERO
        if (chosen := spread(term)) is not None:
            return self.expr(chosen, order, guards)
        term = joined_roots(term)
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
        telling = [b for b, _ in factors if b.boolean and not redundant(b, factors, self.symbols)]
        conditions = [Condition(b, self.mask(b, order, guards)) for b in telling]
        plain = [f for f in factors if not f[0].boolean]
        taker = next((a for a, _ in plain if exponential(a) and any(c.within(a) for c in conditions)), None)
        taken = [c for c in conditions if taker is not None and c.within(taker)]
        result = []
        for factor, exponent in plain:
            if factor is taker:
                result.append(Quotient((self.masked_exponential(factor, taken, order, guards),)))
            elif isinstance(factor, Paren) and exponent < 0 and vanishes_with(factor.body, factors, self.symbols):
                result.append(self.divisor(factor, exponent, own_order(factor)))
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
        if not wide or not self.finite_where_none_holds(narrow, conditions):
            value = self.expr(argument, order, guards)
            return operate("exp", (choose(mask, value, MINUS_INFINITY, order),), order)
        value = choose(mask, self.expr(Expr(tuple(wide)), order, guards), MINUS_INFINITY, order)
        rest = self.summands(narrow.terms, order, guards) if narrow.terms else ()
        return operate("exp", (summed([(1, value), *rest], order),), order)

    @staticmethod
    def finite_where_none_holds(value: Expr, conditions: Sequence[Condition]) -> bool:
        """Is what is the same along the masked axes, as their maximum, finite for every entry of the others?"""
        if any(isinstance(a, Read) and a.tensor == LOWEST for a in atoms(value)):
            return True
        return all(isinstance(c.bracket, Bracket) and holds_somewhere(c.bracket, value.free) for c in conditions)

    def power(self, factor: Atom, exponent: Rational, order: Order, guards: Guards) -> Quotient:
        base = self.atom(factor, order, guards)
        if not power_defined(factor, exponent, self.symbols):
            base = guarded(base, guards, 1, order)
        values = powers(base, -exponent if exponent < 0 else exponent, order)
        return Quotient((), values) if exponent < 0 else Quotient(values)

    def divisor(self, factor: Paren, exponent: Rational, order: Order) -> Quotient:
        """a/Σ where a is 0 if the sum is: the sum, or 1 in the place of 0."""
        base = self.atom(factor, order, ())
        base = choose(compare(">", base, ZERO, order), base, ONE, order)
        return Quotient((), (power(base, -exponent, order),))

    # sums

    def group(
        self, factors: Sequence[Factor], bound: Sequence[Index], order: Order, guards: Guards, scalars: Quotient
    ) -> Quotient:
        """scalars · Σ_bound Π factors, where the factors hang together by bound indices."""
        if not factors:
            return scalars.times(Quotient(tuple(Extent(i.size) for i in bound)))
        adding = plan_adding(Term(1, tuple(factors), tuple(bound)), order)
        if adding is not None:
            return Quotient((self.added(adding, order, guards, scalars),))
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
        by_data = data_first(inner, term.factors, self.symbols)

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
        everything = [*order, *sources]
        whole = scalars.times(Quotient((self.term(plan.rest, everything, guards),))).value(everything)
        kept = ordered((i for i in whole.axes if i not in sources), order)
        inside = (*kept, *sources)
        values, weights = weighted(whole, inside, plan.taps) if plan.injective else (fit(whole, inside), None)
        rows = tuple(row_of(row, sources) for row in plan.rows)
        taps = len(plan.taps) if plan.injective else None
        shape = tuple(i.size for i in plan.targets)
        return Scatter(read_only(values), shape, rows, taps, weights, axes=(*kept, *plan.targets))

    def added(self, plan: AddingPlan, order: Order, guards: Guards, scalars: Quotient) -> Value:
        guards = tuple(g for g in guards if plan.target not in g.axes)
        inside = (*plan.front, *plan.summed, *plan.behind)
        rows = fit(scalars.times(Quotient((self.term(plan.rest, inside, guards),))).value(inside), inside)
        positions = align(self.read(plan.entry, inside, guards), (*plan.front, *plan.summed))
        summed = None if group_of(plan.summed) else len(plan.summed)
        axes = (*plan.front, plan.target, *plan.behind)
        return AddAt(rows, positions, plan.target.size, len(plan.behind), summed, axes=axes)

    # conditions

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
        if not factor.lookups():
            value = read_entries(value, factor.at, order)
            return replace(value, taps=self.taps_among(value.own)) if isinstance(value, Window) else value
        gathered_entries = gathered_read(value, factor.at, lambda entry: self.read(entry, order, guards))
        if gathered_entries is None:
            return self.expr(one_hot(factor, {i.name for i in (*factor.free, *order)}), order, guards)
        return gathered_entries

    def taps_among(self, indices: Sequence[Index]) -> tuple[Index, ...]:
        """The indices that run over few entries: as many as a kernel has, or as options say, or a number of them."""
        kernels = {i.size for s in self.symbols.values() if s.role is Role.PARAMETER for i in s.axes}
        options = {s.name for s in self.symbols.values() if s.role is Role.OPTION}
        return tuple(i for i in indices if i.size in kernels or {str(s) for s in i.size.free_symbols} <= options)

    @staticmethod
    def scalar(name: str, symbol: Symbol | None) -> Value:
        if name == LEADING.name:
            return Extent(LEADING_SIZE)
        if symbol is None and name in CONSTANTS:
            return Number(CONSTANTS[name])
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
        """The largest value."""
        body, over = one_group(factor.body, factor.over)
        value = self.candidates(body, [*order, *over], guards)
        over = tuple(i for i in over if i in value.axes)
        return reduce(value, over, "max") if over else value

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

    def position(self, factor: Position, order: Order, guards: Guards) -> Value:
        """A sum of indices, as an array of numbers."""
        order = ordered(factor.affine.indices, order)
        above, under = self.sides(factor.affine, order)
        places = above if under == ZERO else operate("sub", (above, under), order, "positions")
        return Cast(places, axes=places.axes)

    def indicator(self, factor: Atom, order: Order, guards: Guards) -> Value:
        mask = self.mask(factor, order, guards)
        return mask if mask.is_number else Cast(mask, axes=mask.axes)

    METHODS: ClassVar[dict[type, Callable[..., Value]]] = {
        Read: read,
        Function: function,
        Paren: paren,
        Maximum: maximum,
        Argmax: indicator,
        Bracket: indicator,
        Position: position,
        Test: indicator,
    }


def fit(value: Value, axes: Sequence[Index]) -> Value:
    """The value with exactly these axes: transposed, and repeated along those that it lacks."""
    axes = tuple(axes)
    if set(value.axes) == set(axes) and not value.is_number:
        return permute(value, axes)
    return Fill(align(value, axes), shape_of([(i,) for i in axes]), axes=axes)


def weighted(value: Value, axes: Sequence[Index], taps: Sequence[Index]) -> tuple[Value, Value | None]:
    """A product of two arrays that are both smaller than it, as data and weights; else the value with these axes."""
    if isinstance(value, Map) and value.op == "mul" and set(value.axes) == set(axes):
        if all(o.axes and set(o.axes) < set(axes) for o in unexpanded(value.operands)):
            data, weights = sorted(unexpanded(value.operands), key=lambda o: any(i in taps for i in o.axes))
            return align(data, axes), align(weights, axes)
    return fit(value, axes), None


def unexpanded(values: Sequence[Value]) -> list[Value]:
    """The values without the axes of size one that were put in for broadcasting."""
    return [v.operand if isinstance(v, Expand) else v for v in values]


def read_only(value: Value) -> Value:
    """What is broadcast, and only read, need not be copied."""
    return replace(value, own=False) if isinstance(value, Fill) else value


def guarded(value: Value, guards: Guards, harmless: int, order: Order) -> Value:
    """The value where the guards hold, else one at which nothing overflows or divides by zero."""
    if not guards or value.is_number:
        return value
    if harmless == 0 and len(guards) == 1 and guards[0] in (compare(r, value, ZERO, order) for r in ("<=", "<")):
        return operate("minimum", (value, ZERO), order)
    axes = ordered([*value.axes, *(i for g in guards for i in g.axes)], order)
    return choose(conjunction(guards, order), value, Number(harmless), axes)


def _relation(relation: str, left: Value, right: Value, order: Order) -> Value:
    if left.is_number and not right.is_number:
        return compare(MIRRORED[relation], right, left, order)
    return compare(relation, left, right, order)
