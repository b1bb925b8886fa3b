"""Lower a scalar expression to an array over its free indices: one method for each kind of atom and of term."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

import sympy

from derive import canonical
from derive.axes import LEADING, Index
from derive.contract import contract, reduce, weight
from derive.elementwise import (
    ZERO,
    Quotient,
    choose,
    compare,
    conjunction,
    operate,
    power,
    summed,
)
from derive.errors import LoweringError
from derive.layer import Role, Symbol
from derive.layout import FLAT_SIZE, align, flat_substitution, flatten_group, ordered, permute, shape_of
from derive.program import (
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
from derive.terms import (
    Atom,
    Bracket,
    Expr,
    Factor,
    Function,
    Maximum,
    Paren,
    Rational,
    Read,
    Term,
    Test,
    add,
    from_term,
)
from derive.windows import ScatterPlan, plan_scatter, read_entries, row_of, solve, solve_any

Order = Sequence[Index]
Guards = tuple[Value, ...]

MINUS_INFINITY = Number("-inf")
# Where a condition fails, the argument of a function that is not finite everywhere is replaced by a harmless one.
HARMLESS = {"exp": 0, "log": 1, "sinh": 0, "cosh": 0}


class Expressions:
    """Lowers expressions over the names of one layer."""

    def __init__(self, symbols: Mapping[str, Symbol]):
        self.symbols = symbols

    # sums of terms

    def expr(self, value: Expr, order: Order, guards: Guards = ()) -> Value:
        """The value of an expression; its axes are its free indices, in the given order as far as possible."""
        terms = [self.apart(t, guards) for t in value.terms]
        masks = [t for t in terms if _log_of_condition(t)]
        terms = [t for t in terms if t not in masks]
        signed = list(self.summands(terms, order, guards))
        result = summed(signed, order) if signed else ZERO
        for mask in masks:
            (logarithm, _), *_ = mask.factors
            (argument,) = logarithm.children()
            condition = self.conditions(argument.terms[0].factors, order, guards)
            result = choose(conjunction(condition, order), result, MINUS_INFINITY, order)
        return result

    @staticmethod
    def apart(term: Term, guards: Guards) -> Term:
        """The term with bound indices unlike those of the guards."""
        return term.apart(i.name for g in guards for i in g.axes)

    def summands(self, terms: Sequence[Term], order: Order, guards: Guards) -> Iterator[tuple[int, Value]]:
        """Sign and value of every term; two terms that are the larger, or the smaller, of two values are one."""
        rest = list(terms)
        while rest:
            term = rest.pop(0)
            partner = next((t for t in rest if _extremum(term, t)), None)
            if partner is not None:
                rest.remove(partner)
                yield 1, self.extremum(*_ordered_pair(term, partner), order, guards)
            elif (op := _rectified(term)) is not None:
                yield 1, operate(op, (self.expr(_without_test(term), order, guards), ZERO), order)
            elif term.coefficient < 0:
                yield -1, self.term(term.scaled(-1), order, guards)
            else:
                yield 1, self.term(term, order, guards)

    def extremum(self, first: Term, second: Term, order: Order, guards: Guards) -> Value:
        op = _extremum(first, second)
        a, b = (self.expr(_without_test(t), order, guards) for t in (first, second))
        return operate(op or "maximum", (a, b), order)

    # one term

    def term(self, term: Term, order: Order, guards: Guards) -> Value:
        """A positive coefficient times a product of atoms, summed over the bound indices."""
        if term.bound:
            term = solve(term, self.symbols)
        if not term.coefficient:
            return ZERO
        factors = _gathered(term)
        outside, groups = canonical.components(Term(term.coefficient, factors, term.bound))
        outer = _coefficient(term.coefficient).times(self.product(outside, order, guards))
        if len(groups) == 1:
            scalars, outer = _scalars(outer)
            outer = outer.times(self.group(*groups[0], order, guards, scalars))
        else:
            for group in groups:
                outer = outer.times(self.group(*group, order, guards, Quotient()))
        return outer.value(ordered(outer.indices, order))

    def product(self, factors: Sequence[Factor], order: Order, guards: Guards) -> Quotient:
        """A product of atoms without bound indices, as one quotient."""
        conditions = self.conditions(factors, order, guards)
        result = Quotient()
        for quotient in self.operands(factors, order, guards, conditions, conditions):
            result = result.times(quotient)
        return result if _absorbed(factors, conditions, conditions) else replace(result, conditions=tuple(conditions))

    def operands(
        self, factors: Sequence[Factor], order: Order, guards: Guards, conditions: Guards, together: Guards
    ) -> Iterator[Quotient]:
        """One quotient for each factor. Conditions go into an exponential, and guard what may not be finite."""
        absorbed = _absorbed(factors, conditions, together)
        for factor, exponent in factors:
            if factor.boolean:
                continue
            mine = tuple(c for c in absorbed if set(c.axes) <= factor.free)
            if _is_exponential(factor) and mine:
                yield Quotient((self.masked_exponential(factor, mine, order, guards),))
                continue
            relevant = tuple(c for c in conditions if c in together or set(c.axes) <= factor.free)
            yield self.power(factor, exponent, order, (*guards, *relevant) if relevant else guards)

    def masked_exponential(self, factor: Atom, conditions: Guards, order: Order, guards: Guards) -> Value:
        """[c] exp(x) is exp(x) with x = -inf where c fails."""
        (argument,) = factor.children()
        value = self.expr(argument, order, guards)
        masked = choose(conjunction(conditions, order), value, MINUS_INFINITY, order)
        return operate("exp", (masked,), order)

    def power(self, factor: Atom, exponent: Rational, order: Order, guards: Guards) -> Quotient:
        base = self.atom(factor, order, guards)
        if (exponent < 0 or Fraction(exponent).denominator != 1) and not base.is_number:
            base = guarded(base, guards, 1, order)
        value = power(base, abs(exponent), order)
        return Quotient((), (value,)) if exponent < 0 else Quotient((value,))

    # sums

    def group(
        self, factors: Sequence[Factor], bound: Sequence[Index], order: Order, guards: Guards, scalars: Quotient
    ) -> Quotient:
        """scalars · Σ_bound Π factors, where the factors hang together by bound indices."""
        if not factors:
            return scalars.times(Quotient(tuple(Extent(i.size) for i in bound)))
        term = _with_one_group(Term(1, tuple(factors), tuple(bound)))
        plan = plan_scatter(term, self.symbols)
        if plan is not None:
            return Quotient((self.scatter(plan, order, guards, scalars),))
        solved = solve_any(term)
        if solved is not term:
            return scalars.times(Quotient((self.expr(from_term(solved), order, guards),)))
        inner_order = [*order, *(i for i in term.bound if i not in order)]
        conditions = self.conditions(term.factors, inner_order, guards)
        tests = self.conditions([f for f in term.factors if isinstance(f[0], Test)], inner_order, guards)
        absorbed = _absorbed(term.factors, conditions, ())
        operands = list(self.operands(term.factors, inner_order, guards, conditions, tests))
        operands = _attach([c for c in conditions if c not in absorbed], operands)
        position = _smallest(operands, term)
        if position is None:
            return scalars.times(Quotient((contract(operands, term.bound, order),)))
        operands[position] = scalars.times(operands[position])
        return Quotient((contract(operands, term.bound, order),))

    def scatter(self, plan: ScatterPlan, order: Order, guards: Guards, scalars: Quotient) -> Value:
        sources = (*plan.slices, *plan.taps)
        kept = ordered((i for i in plan.rest.free if i not in sources), order)
        axes = (*kept, *sources)
        whole = scalars.times(Quotient((self.term(plan.rest, axes, guards),)))
        values = fit(whole.value(axes), axes)
        rows = tuple(row_of(row, sources) for row in plan.rows)
        taps = len(plan.taps) if plan.injective else None
        return Scatter(values, tuple(i.size for i in plan.targets), rows, taps, axes=(*kept, *plan.targets))

    # conditions

    def conditions(self, factors: Sequence[Factor], order: Order, guards: Guards) -> Guards:
        return tuple(self.condition(b, order, guards) for b, _ in factors if b.boolean)

    def condition(self, bracket: Atom, order: Order, guards: Guards) -> Value:
        if isinstance(bracket, Bracket):
            return self.index_condition(bracket, order)
        assert isinstance(bracket, Test)
        positive = Expr(tuple(t for t in bracket.argument.terms if t.coefficient > 0))
        negated = Expr(tuple(t.scaled(-1) for t in bracket.argument.terms if t.coefficient < 0))
        left, right = (self.expr(side, order, guards) for side in (positive, negated))
        return _relation(bracket.relation, left, right, order)

    def index_condition(self, bracket: Bracket, order: Order) -> Value:
        """A condition on indices: positive terms on the left, negative ones on the right."""
        sides: tuple[list[Value], list[Value]] = ([], [])
        order = ordered(bracket.affine.indices, order)
        for index, coefficient in bracket.affine.terms:
            value: Value = Positions(index.size, axes=(index,))
            below = _is_negative(coefficient)
            step = -coefficient if below else coefficient
            if step != 1:
                value = operate("mul", (Extent(step), value), order, "positions")
            sides[below].append(value)
        constant = bracket.affine.constant
        if constant != 0:
            below = _is_negative(constant)
            sides[below].append(Extent(-constant if below else constant))
        left, right = (summed([(1, v) for v in side], order) if side else ZERO for side in sides)
        return _relation(bracket.relation, left, right, order)

    # atoms

    def atom(self, factor: Atom, order: Order, guards: Guards) -> Value:
        method = self.METHODS.get(type(factor))
        if method is None:
            raise LoweringError(f"{type(factor).__name__} cannot be lowered: {factor.key}. Write it with primitives.")
        return method(self, factor, order, guards)

    def read(self, factor: Read, order: Order, guards: Guards) -> Value:
        symbol = self.symbols.get(factor.tensor)
        if not factor.at:
            return self.scalar(factor.tensor, symbol)
        if symbol is None:
            raise LoweringError(f"{factor.tensor} is read but not defined: {factor.key}. Define it.")
        value: Value = Name(factor.tensor, axes=symbol.axes)
        first = factor.at[0].plain
        if symbol.axes[0].leading:
            value = replace(value, axes=(LEADING, *symbol.axes[1:]))
            if first is not None and first.size == FLAT_SIZE:
                value = flatten_group(value)
        return read_entries(value, factor.at, order)

    @staticmethod
    def scalar(name: str, symbol: Symbol | None) -> Value:
        if symbol is None or symbol.role in (Role.SIZE, Role.OPTION):
            return Number("pi") if symbol is None and name == "pi" else Extent(sympy.Symbol(name))
        return Name(name)

    def function(self, factor: Function, order: Order, guards: Guards) -> Value:
        value = self.expr(factor.argument, order, guards)
        if factor.name in HARMLESS and not value.is_number:
            value = guarded(value, guards, HARMLESS[factor.name], order)
        return operate(factor.name, (value,), order)

    def paren(self, factor: Paren, order: Order, guards: Guards) -> Value:
        return self.expr(factor.body, order, guards)

    def maximum(self, factor: Maximum, order: Order, guards: Guards) -> Value:
        """The largest value; what a window reads outside its tensor takes no part."""
        body, over = _one_group(factor.body, factor.over)
        inner_order = [*order, *over]
        value = self.expr(body, inner_order, guards)
        for window in {w: None for w in walk(value) if isinstance(w, Window)}:
            inside = Inside(window.operand, window.sizes, window.rows, axes=window.axes[-len(window.sizes) :])
            value = choose(inside, value, MINUS_INFINITY, inner_order)
        return reduce(value, [i for i in over if i in value.axes], "max") if value.axes else value

    def boolean(self, factor: Atom, order: Order, guards: Guards) -> Value:
        mask = self.condition(factor, order, guards)
        return mask if mask.is_number else Cast(mask, axes=mask.axes)

    METHODS = {
        Read: read,
        Function: function,
        Paren: paren,
        Maximum: maximum,
        Bracket: boolean,
        Test: boolean,
    }


def fit(value: Value, axes: Sequence[Index]) -> Value:
    """The value with exactly these axes: transposed, and repeated along those that it lacks."""
    axes = tuple(axes)
    if set(value.axes) == set(axes) and not (value.is_number or value.kind == "positions"):
        return permute(value, axes)
    return Fill(align(value, axes), shape_of([(i,) for i in axes]), axes=axes)


def guarded(value: Value, guards: Guards, harmless: int, order: Order) -> Value:
    """The value where the guards hold, else one at which nothing overflows or divides by zero."""
    if not guards:
        return value
    return choose(conjunction(guards, order), value, Number(harmless), ordered([*value.axes, *_axes(guards)], order))


def _axes(values: Sequence[Value]) -> Iterator[Index]:
    for value in values:
        yield from value.axes


def _relation(relation: str, left: Value, right: Value, order: Order) -> Value:
    flipped = {">": "<", ">=": "<=", "==": "==", "!=": "!="}
    if left == ZERO and right != ZERO:
        return compare(flipped[relation], right, left, order)
    return compare(relation, left, right, order)


def _is_negative(coefficient) -> bool:
    if isinstance(coefficient, int):
        return coefficient < 0
    return bool(coefficient.could_extract_minus_sign())


# terms


def _coefficient(coefficient: Rational) -> Quotient:
    """A rational number as a quotient: decimal where it is one, else a division."""
    if coefficient == 1:
        return Quotient()
    number = Fraction(coefficient)
    denominator = number.denominator
    for prime in (2, 5):
        while denominator % prime == 0:
            denominator //= prime
    if denominator == 1:
        return Quotient((Number(coefficient),))
    above = (Number(number.numerator),) if number.numerator != 1 else ()
    return Quotient(above, (Number(number.denominator),))


def _scalars(quotient: Quotient) -> tuple[Quotient, Quotient]:
    """What has no axes, and the rest."""
    plain = Quotient(
        tuple(n for n in quotient.numerators if not n.axes), tuple(d for d in quotient.denominators if not d.axes)
    )
    rest = Quotient(
        tuple(n for n in quotient.numerators if n.axes),
        tuple(d for d in quotient.denominators if d.axes),
        quotient.conditions,
    )
    return plain, rest


def _smallest(operands: Sequence[Quotient], term: Term) -> int | None:
    """The operand to scale: the smallest, unless the result is smaller still."""
    if len(operands) < 2:
        return None
    weights = [weight(o.indices) for o in operands]
    if weight(term.free) < min(weights):
        return None
    return weights.index(min(weights))


def _attach(conditions: Sequence[Value], operands: list[Quotient]) -> list[Quotient]:
    """Every condition goes to the smallest operand over its indices; without one it is an operand of its own."""
    result = list(operands)
    for condition in conditions:
        indices = set(condition.axes)
        able = [n for n, o in enumerate(result) if indices <= o.indices]
        if able:
            best = min(able, key=lambda n: weight(result[n].indices))
            result[best] = result[best].times(Quotient(conditions=(condition,)))
        else:
            result.append(Quotient(conditions=(condition,)))
    return result


def _is_exponential(factor: Atom) -> bool:
    return isinstance(factor, Function) and factor.name == "exp"


def _absorbed(factors: Sequence[Factor], conditions: Guards, together: Guards) -> Guards:
    """The conditions that an exponential takes in; those that belong together only all at once."""
    for factor, _ in factors:
        if _is_exponential(factor):
            mine = tuple(c for c in conditions if set(c.axes) <= factor.free and c.axes)
            return mine if all(c in mine for c in together) else ()
    return ()


def _gathered(term: Term) -> tuple[Factor, ...]:
    """Exponentials as one, exp(a) exp(b) = exp(a + b): all of them, or where one runs over the others' indices."""
    result: list[Factor] = []
    merged: list[tuple[int, Expr]] = []
    for factor, exponent in term.factors:
        if not _is_exponential(factor):
            result.append((factor, exponent))
            continue
        (argument,) = factor.children()
        argument = Expr(tuple(t.scaled(exponent) for t in argument.terms))
        free = factor.free
        alike = (n for n, (_, e) in enumerate(merged) if not term.bound or e.free <= free or free <= e.free)
        same = next(alike, None)
        if same is None:
            merged.append((len(result), argument))
        else:
            merged[same] = (merged[same][0], add(merged[same][1], argument))
    for place, argument in reversed(merged):
        result.insert(place, (Function("exp", argument), 1))
    return tuple(result)


def _with_one_group(term: Term) -> Term:
    """Bound leading groups flattened, where the term has a second group."""
    body, bound = _one_group(Expr((Term(term.coefficient, term.factors),)), term.bound)
    if bound == term.bound:
        return term
    only = body.only
    return Term(term.coefficient, only.factors if only else (), bound)


def _one_group(body: Expr, over: Sequence[Index]) -> tuple[Expr, tuple[Index, ...]]:
    groups = [i for i in {*body.free, *over} if i.leading]
    surplus = [i for i in over if i.leading] if len(groups) > 1 else []
    mapping = flat_substitution(surplus)
    bound = tuple(mapping[i].plain or i if i in mapping else i for i in over)
    return (body.substitute(mapping) if mapping else body), bound


# conditions that are logarithms, maxima and minima


def _log_of_condition(term: Term) -> bool:
    """log [c], which is 0 where c holds and minus infinity elsewhere."""
    if term.bound or len(term.factors) != 1 or term.coefficient != 1:
        return False
    factor, exponent = term.factors[0]
    if not isinstance(factor, Function) or factor.name != "log" or exponent != 1:
        return False
    inner = factor.argument.only
    return bool(inner and inner.factors and not inner.bound and all(a.boolean for a, _ in inner.factors))


def _tests(term: Term) -> list[Test]:
    return [a for a, _ in term.factors if isinstance(a, Test)]


def _without_test(term: Term) -> Expr:
    return from_term(Term(term.coefficient, tuple(f for f in term.factors if not isinstance(f[0], Test)), term.bound))


def _ordered_pair(first: Term, second: Term) -> tuple[Term, Term]:
    return (first, second) if _tests(first)[0].relation == ">" else (second, first)


def _extremum(first: Term, second: Term) -> str | None:
    """[a > b] a + [b ≥ a] b is the larger of the two, [a > b] b + [b ≥ a] a the smaller."""
    tests = [_tests(t) for t in (first, second)]
    if any(len(t) != 1 for t in tests):
        return None
    one, two = tests[0][0], tests[1][0]
    if {one.relation, two.relation} != {">", ">="} or add(one.argument, two.argument).terms:
        return None
    first, second = _ordered_pair(first, second)
    difference = _without_test(first) - _without_test(second)
    strict = _tests(first)[0].argument
    if difference == strict:
        return "maximum"
    return "minimum" if -difference == strict else None


def _rectified(term: Term) -> str | None:
    """[a > 0] a is the larger of a and 0."""
    tests = _tests(term)
    if len(tests) != 1 or tests[0].relation not in (">", ">="):
        return None
    rest = _without_test(term)
    if rest == tests[0].argument:
        return "maximum"
    return "minimum" if -rest == tests[0].argument else None

