"""Lower a scalar expression to an array over its free indices: one method for each kind of atom and of term."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import ClassVar

from derive.core import canonical
from derive.core.atoms import Argmax, Atom, Bracket, Function, Maximum, Paren, Position, Read, Test, exponential
from derive.core.axes import Index
from derive.core.terms import Expr, Factor, Rational, Term
from derive.core.traverse import atoms
from derive.errors import LoweringError
from derive.lowering.choices import Choice, Clip, choice, clip, less_one, spread
from derive.lowering.conditions import (
    HARMLESS,
    LOWEST,
    Condition,
    Extremum,
    extremum,
    holds_somewhere,
    logarithm_of_condition,
    rectified,
)
from derive.lowering.contract import reduce
from derive.lowering.elementwise import (
    MINUS_INFINITY,
    ONE,
    ZERO,
    Quotient,
    choose,
    compare,
    conjunction,
    operate,
    power,
    powers,
    select,
    summed,
)
from derive.lowering.fitting import guarded
from derive.lowering.layout import ordered
from derive.lowering.positivity import redundant, vanishes_with
from derive.lowering.products import coefficient_of, gathered, one_group, scalars_of, sign_folds, summand_rank
from derive.lowering.reads import Guards, Order
from derive.lowering.signs import function_defined, power_defined
from derive.lowering.sums import Sums
from derive.lowering.values import Reduce, Value
from derive.lowering.windows import simplified
from derive.notation.roots import joined_roots


class Expressions(Sums):
    """Lowers expressions over the names of one layer.

    `order` is the order in which axes are wanted; it is kept where that costs nothing. `guards` are masks outside of
    which the value does not matter, and no operation may fail.
    """

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
        return None if first.is_number and second.is_number else select(mask, first, second, order)

    def clipped(self, found: Clip, order: Order, guards: Guards) -> Value:
        return operate("clip", [self.expr(e, order, guards) for e in (found.of, found.low, found.high)], order)

    def extremum(self, found: Extremum, order: Order, guards: Guards) -> Value:
        first, second = self.expr(found.first, order, guards), self.expr(found.second, order, guards)
        if isinstance(first, Reduce) and first.op == found.op[:3] and second.is_number:
            # The larger of a number and a maximum is a maximum in which the number takes part.
            return replace(first, initial=second)
        return operate(found.op, (first, second), order)

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
        cut, factors = self.cut_off(factors, order, guards, own_order)
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
        return [*cut, *result], [c for c in conditions if c not in taken]

    def cut_off(
        self, factors: Sequence[Factor], order: Order, guards: Guards, own_order: Callable[[Atom], Order]
    ) -> tuple[list[Quotient], Sequence[Factor]]:
        """[a > 0] (a) in a product is the larger of a and 0; and what is left of the product."""
        for test in (f for f in factors if isinstance(f[0], Test)):
            for whole in (f for f in factors if isinstance(f[0], Paren) and f[1] == 1):
                found = rectified(Term(1, (test, whole)))
                if found is not None:
                    value = self.extremum(found, own_order(whole[0]), guards)
                    return [Quotient((value,))], [f for f in factors if f not in (test, whole)]
        return [], factors

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

    def atom(self, factor: Atom, order: Order, guards: Guards) -> Value:
        method = self.METHODS.get(type(factor))
        if method is None:
            raise LoweringError(f"{type(factor).__name__} {factor.key} has no array form. Write it with primitives.")
        return method(self, factor, order, guards)

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

    METHODS: ClassVar[dict[type, Callable[..., Value]]] = {
        Read: Sums.read,
        Function: function,
        Paren: paren,
        Maximum: maximum,
        Argmax: Sums.indicator,
        Bracket: Sums.indicator,
        Position: Sums.position,
        Test: Sums.indicator,
    }
