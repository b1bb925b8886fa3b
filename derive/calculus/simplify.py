"""Simplification: general rewrites until none makes the expression cheaper, each recorded as a step.

    facts · reuse of forward values · collecting factors · reuse of adjoints · multiplying out (where that leads on)

Every rewrite must lower one cost, so this ends. Multiplying out is tried when nothing else helps, and kept only if
what follows ends up cheaper.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from derive.calculus.collect import collect, expand
from derive.calculus.declared import Known, known_sum, symmetry_rule
from derive.calculus.deltas import contract, count
from derive.calculus.equated import LAW as EQUAL_SIDES
from derive.calculus.equated import equate
from derive.calculus.facts import candidates
from derive.calculus.reuse import reuse
from derive.calculus.steps import Rule, Trail, same_form
from derive.core.atoms import Argmax, Atom, Bracket, Function, Maximum, Paren, Partial, Position, Read, Test
from derive.core.facts import Fact, Symmetry
from derive.core.layer import Equation, Layer, Symbol
from derive.core.terms import Expr, Rational, Term, add, from_term, read
from derive.core.traverse import atoms, tensors_read


def _first_read(equation: Equation) -> str:
    return next(iter(equation.reads), "")


REUSE = r"\text{a value that has a name is called by it}"
MULTIPLY_OUT = r"\sum_{i} a\, (b_{i} + c) = \sum_{i} a\, b_{i} + n\, a\, c"


@dataclass(frozen=True)
class Context:
    """What simplification may use: the forward equations and the adjoints already derived."""

    forward: Mapping[str, Equation]
    by_read: Mapping[str, list[Equation]]
    adjoints: dict[str, list[Equation]] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()
    known_facts: dict[tuple[str, tuple[int, ...]], Known | None] = field(default_factory=dict)
    # What is declared of arguments, and these.
    declared: tuple[Fact, ...] = ()
    arguments: Mapping[str, Symbol] = field(default_factory=dict)

    @staticmethod
    def of(layer: Layer) -> Context:
        return replace(
            Context.from_equations(layer.equations),
            declared=layer.facts,
            arguments={s.name: s for s in layer.arguments},
        )

    @staticmethod
    def from_equations(equations: Iterable[Equation]) -> Context:
        forward = {e.symbol.name: e for e in equations}
        by_read: dict[str, list[Equation]] = {}
        for equation in forward.values():
            by_read.setdefault(_first_read(equation), []).append(equation)
        return Context(forward, by_read)

    def learn(self, equation: Equation) -> None:
        """Know one more adjoint equation."""
        self.adjoints.setdefault(_first_read(equation), []).append(equation)

    def without(self, names: Iterable[str]) -> Context:
        """The context in which some adjoints are not known by their names."""
        return replace(self, hidden=frozenset(names))

    def forward_reading(self, names: set[str]) -> list[Equation]:
        """The forward equations whose right-hand sides read nothing but `names`, in their order."""
        return [e for n in sorted(names | {""}) for e in self.by_read.get(n, ()) if names.issuperset(e.reads)]

    def adjoints_reading(self, names: set[str]) -> list[Equation]:
        """The adjoint equations whose right-hand sides read nothing but `names`."""
        found = [e for n in sorted(names) for e in self.adjoints.get(n, ()) if names.issuperset(e.reads)]
        return [e for e in found if e.symbol.name not in self.hidden]

    def fact(self, tensor: str, positions: tuple[int, ...]) -> Known | None:
        """What is known of the sum of a tensor over some of its axes, where it is a number or a size."""
        key = tensor, positions
        if key not in self.known_facts:
            self.known_facts[key] = known_sum(tensor, positions, self.forward, self.declared, self.arguments)
        return self.known_facts[key]


# Multiplying out has to save more than parentheses: a (1 - b) keeps digits that a - a b loses.
WORTH_IT = 4


def simplify(trail: Trail, context: Context) -> None:
    """Take the trail's expression to its cheapest form by the rules."""
    descend(trail, context)
    ahead = Trail(trail.value)
    if ahead.take(Rule("multiply out", MULTIPLY_OUT, multiply_out)):
        descend(ahead, context)
        if cost(ahead.value) + WORTH_IT <= cost(trail.value):
            trail.steps.extend(ahead.steps)
            trail.value = ahead.value


def multiply_out(value: Expr) -> Expr:
    """a (b + c) = a b + a c, with the indices counted that a sum then does not use."""
    return count(expand(value))


def descend(trail: Trail, context: Context) -> None:
    """Always the cheapest result of one rule, while it is strictly cheaper; among equals the first rule."""
    while True:
        here = cost(trail.value)
        best, lowest = None, here
        for rule in rules(trail.value, context):
            price = cost(rule.apply(trail.value))
            if price < lowest:
                best, lowest = rule, price
        if best is None or not trail.take(best):
            return


def rules(value: Expr, context: Context) -> Iterator[Rule]:
    """The rules that could apply, in order of preference."""
    for tensor, positions in sorted(candidates(value)):
        known = context.fact(tensor, positions)
        if known is not None:
            yield known.rule()
    names = set(tensors_read(value))
    yield from (symmetry_rule(f) for f in context.declared if isinstance(f, Symmetry) and f.tensor in names)
    for equation in context.forward_reading(names):
        yield Rule(f"reuse {equation.symbol.shown}", REUSE, _reuse_rule(equation))
    yield Rule("collect", r"a b + a c = a (b + c)", collect)
    yield Rule("count indices", r"\sum_{i} a = n a", count)
    if any(isinstance(a, Bracket) and a.relation == "==" for a in atoms(value)):
        yield Rule("contract deltas", r"\sum_{j} \delta_{j,k} f_{j} = f_{k}", contract)
        yield Rule("under the condition", EQUAL_SIDES, equate)
    for equation in context.adjoints_reading(names):
        yield Rule(f"reuse {equation.symbol.shown}", REUSE, _reuse_rule(equation))


def _reuse_rule(equation: Equation) -> Callable[[Expr], Expr]:
    return lambda value: reuse(value, equation)


def cost(value: Expr) -> int:
    """One price for an expression: reads, functions, sums, terms, powers."""
    return sum(_term_cost(t) for t in value.terms)


def _term_cost(term: Term) -> int:
    price = 2 + 4 * len(term.bound) + 4 * (abs(term.coefficient) != 1)
    return price + sum(_atom_cost(a) + _power_cost(e) for a, e in term.factors)


def _power_cost(exponent: Rational) -> int:
    """A root costs more than a power: r³ is simpler than s^(-3/2)."""
    return 0 if exponent == 1 else 2 if isinstance(exponent, int) else 3


def _atom_cost(factor: Atom) -> int:
    inner = sum(cost(c) for c in factor.children())
    if isinstance(factor, Read):
        return 10 if factor.at else 3
    return ATOM_COSTS[type(factor)] + inner


ATOM_COSTS = {Function: 6, Paren: 1, Bracket: 5, Position: 5, Test: 4, Maximum: 10, Argmax: 10, Partial: 50}


def is_multiple(value: Expr) -> bool:
    """Is this nothing but a number, or a number times an entry of one tensor? Sizes and options are numbers."""
    term = value.only
    if term is None or term.bound:
        return not value.terms
    entries = [e for a, e in term.factors if not isinstance(a, Read) or a.at]
    return len(entries) <= 1 and all(isinstance(a, Read) and (not a.at or e == 1) for a, e in term.factors)


def name_broadcasts(value: Expr, name: Callable[[], str]) -> tuple[Expr, str, Expr] | None:
    """Name a summand that sums something up and is the same along a free index of the whole: a statistic of a row.

    Returns the expression with the name in it, the name, and what it stands for; None where there is no such summand.
    """
    term = value.only
    if term is None or len(value.free) < 2:
        return None
    for place, (factor, exponent) in enumerate(term.factors):
        if not isinstance(factor, Paren) or exponent != 1 or not factor.free >= value.free:
            continue
        for summand in factor.body.terms:
            if summand.bound and summand.free and summand.free < value.free:
                called = name()
                statistic = from_term(summand.scaled(summand.coefficient if summand.coefficient == -1 else 1))
                sign = -1 if summand.coefficient == -1 else 1
                axes = sorted(summand.free, key=lambda i: (not i.leading, i.name))
                named = read(called, *axes) * sign
                others = tuple(t for t in factor.body.terms if t is not summand)
                body = add(Expr(others), named)
                rest = term.factors[:place] + ((Paren(body), 1),) + term.factors[place + 1 :]
                return from_term(Term(term.coefficient, rest, term.bound)), called, statistic
    return None


__all__ = ["Context", "cost", "is_multiple", "name_broadcasts", "same_form", "simplify"]
