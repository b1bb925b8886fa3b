"""Lower sums of products: as contractions, as scatters to where conditions say, or once their conditions are solved."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence

from derive.calculus.rules import bare_read
from derive.core.atoms import Argmax, Atom
from derive.core.axes import Index
from derive.core.terms import Factor, Term, from_term
from derive.lowering.columns import spread, spread_maximum
from derive.lowering.conditions import Condition
from derive.lowering.contract import contract, sum_alone
from derive.lowering.elementwise import Quotient
from derive.lowering.fitting import fit, read_only, weighted
from derive.lowering.gathers import AddingPlan, plan_adding
from derive.lowering.layout import align, group_of, ordered
from derive.lowering.masks import Masks
from derive.lowering.products import attached, native_order, to_scale, with_one_group
from derive.lowering.reads import Guards, Order
from derive.lowering.values import AddAt, Extent, Scatter, Value
from derive.lowering.windows import ScatterPlan, data_first, plan_scatter, row_of, solve_any


class Sums(Masks):
    """Lowers a sum over bound indices that hang together."""

    @abstractmethod
    def term(self, term: Term, order: Order, guards: Guards) -> Value:
        """A coefficient times a product of atoms, summed over the bound indices."""

    @abstractmethod
    def operands(
        self, factors: Sequence[Factor], order: Order, guards: Guards, own_order: Callable[[Atom], Order]
    ) -> tuple[list[Quotient], list[Condition]]:
        """One quotient for each factor but the conditions, and the conditions that none has taken in."""

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
            return scalars.times(Quotient((contract(operands, term.bound, order, self.typical),)))
        operands[position] = scalars.times(operands[position])
        return Quotient((contract(operands, term.bound, order, self.typical),))

    def scatter(self, plan: ScatterPlan, order: Order, guards: Guards, scalars: Quotient) -> Value:
        sources = (*plan.taps, *plan.slices)
        # Where an entry comes from says nothing of conditions on where it goes.
        guards = tuple(g for g in guards if not set(plan.targets) & set(g.axes))
        everything = [*order, *sources]
        product = self.spread(plan, everything, guards, scalars) or self.at_maximum(plan, everything, guards, scalars)
        if product is not None:
            return product
        whole = scalars.times(Quotient((self.term(plan.rest, everything, guards),))).value(everything)
        kept = ordered((i for i in whole.axes if i not in sources), order)
        inside = (*kept, *sources)
        values, weights = weighted(whole, inside, plan.taps) if plan.injective else (fit(whole, inside), None)
        rows = tuple(row_of(row, sources) for row in plan.rows)
        taps = len(plan.taps) if plan.injective else None
        shape = tuple(i.size for i in plan.targets)
        return Scatter(read_only(values), shape, rows, taps, weights, axes=(*kept, *plan.targets))

    def spread(self, plan: ScatterPlan, order: Order, guards: Guards, scalars: Quotient) -> Value | None:
        """A scatter of a product of two arrays, one with the taps and one with the places."""
        factors = plan.rest.factors
        if not plan.injective or len(factors) != 2:
            return None
        found, conditions = self.operands(factors, order, guards, lambda factor: order)
        if conditions or len(found) != 2 or not found[0].indices or not found[1].indices:
            return None
        taps = set(plan.taps)
        kernels, values = sorted(found, key=lambda o: taps.isdisjoint(o.indices))
        left, right = (o.value(ordered(o.indices, order)) for o in (kernels, values))
        return spread(scalars.times(Quotient((left,))).value(left.axes), right, plan)

    def at_maximum(self, plan: ScatterPlan, order: Order, guards: Guards, scalars: Quotient) -> Value | None:
        """A scatter to the first place at which a tensor is largest among its reads at the taps."""
        found = [a for a, e in plan.rest.factors if isinstance(a, Argmax) and {i.plain for i in a.at} == set(plan.taps)]
        if not plan.injective or len(found) != 1 or not bare_read(found[0].body):
            return None
        (place,) = found
        at = dict(zip(place.over, place.at, strict=True))
        windows = self.candidates(place.body.substitute(at), order, guards)
        rest = Term(plan.rest.coefficient, tuple(f for f in plan.rest.factors if f[0] != place), plan.rest.bound)
        values = scalars.times(Quotient((self.term(rest, order, guards),))).value(order)
        return spread_maximum(values, windows, plan)

    def added(self, plan: AddingPlan, order: Order, guards: Guards, scalars: Quotient) -> Value:
        guards = tuple(g for g in guards if plan.target not in g.axes)
        inside = (*plan.front, *plan.summed, *plan.behind)
        rows = fit(scalars.times(Quotient((self.term(plan.rest, inside, guards),))).value(inside), inside)
        positions = align(self.read(plan.entry, inside, guards), (*plan.front, *plan.summed))
        summed = None if group_of(plan.summed) else len(plan.summed)
        axes = (*plan.front, plan.target, *plan.behind)
        return AddAt(rows, positions, plan.target.size, len(plan.behind), summed, axes=axes)
