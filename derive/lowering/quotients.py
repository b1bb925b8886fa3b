"""Divide what is smaller: a quotient over pairs that is summed is not formed, what comes of its numerator is divided.

    P[i,j] = E[i,j] / Z[i],   Z[i] = Σ_k E[i,k]                    i·j divisions
    O[i,e] = Σ_j P[i,j] V[j,e]            =  (Σ_j E[i,j] V[j,e]) / Z[i]             i·e
    dV[j,e] = Σ_i P[i,j] dO[i,e]          =  Σ_i E[i,j] (dO[i,e] / Z[i])            i·e
    dS[i,j] = P[i,j] (Σ_e dO[i,e] V[j,e] - δ[i])  =  E[i,j] (Σ_e (dO[i,e] / Z[i]) V[j,e] - δ[i] / Z[i])

The equations stay as their author wrote them; only the code has E and Z.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from derive.calculus.backward import with_sizes
from derive.calculus.reuse import unfold
from derive.core.atoms import Atom, Paren, Read, Test, exponential
from derive.core.axes import Affine
from derive.core.layer import Call, Equation, Layer, Statement, Symbol
from derive.core.terms import Expr, Term, add, atom, multiply, power, total
from derive.core.traverse import atoms
from derive.lowering.conditions import maybe_empty
from derive.lowering.orders import weight
from derive.lowering.residuals import with_name, with_statements
from derive.lowering.sharing import fresh_name
from derive.lowering.stability import in_one_exponential, shift


def with_divisions_last(forward: Layer, backward: Layer) -> tuple[Layer, Layer]:
    """The layer and its backward layer, where numerator and divisor stand for a normalised value that is summed."""
    for name in [e.symbol.name for e in forward.equations if any(map(exponential, atoms(e.expr)))]:
        # What one value becomes may stand in the equation of the next.
        place, equation = next((n, s) for n, s in enumerate(forward.statements) if name in {d.name for d in s.defines})
        if not isinstance(equation, Equation) or not _only_summed(equation.symbol, forward, backward):
            continue
        taken = {*forward.symbols, *backward.symbols, *(i.name for i in (*forward.indices, *backward.indices))}
        found = Undivided.of(equation, taken)
        if found is not None:
            later = [found.put_in(s) for s in forward.statements[place + 1 :]]
            statements = (*forward.statements[:place], found.numerator, found.divisor, *later)
            behind = found.backward(forward, backward, taken)
            if not any(found.divides_as_much(s) for s in (*later, *behind.statements)):
                forward, backward = with_statements(forward, statements), behind
    return forward, backward


def _only_summed(symbol: Symbol, forward: Layer, backward: Layer) -> bool:
    """Is it no output, and read at its own place alone, somewhere in a sum over one of its axes?"""
    if symbol.name in forward.outputs:
        return False
    readers = [s for s in (*forward.statements, *backward.statements) if symbol.name in s.reads]
    if any(isinstance(s, Call) for s in readers):
        return False
    values = [s.expr for s in readers if isinstance(s, Equation)]
    reads = [a for value in values for a in atoms(value) if isinstance(a, Read) and a.tensor == symbol.name]
    summed = any(a in reads and a.free & set(t.bound) for value in values for t in value.terms for a, _ in t.factors)
    return summed and all(p.plain for a in reads for p in a.at)


@dataclass(frozen=True)
class Undivided:
    """E and Z of a value E / Z."""

    value: Equation
    numerator: Equation
    divisor: Equation

    @staticmethod
    def of(equation: Equation, taken: set[str]) -> Undivided | None:
        """The parts of a quotient whose divisor sums its numerator, and has fewer axes; None of anything else."""
        term = shift(equation.expr).only
        if term is None or term.bound or any(isinstance(a, Test) for a, _ in term.factors):
            return None
        sums = [a for a, e in term.factors if isinstance(a, Paren) and e == -1]
        axes = equation.symbol.axes
        if len(sums) != 1 or not any(exponential(a) for a, _ in term.factors) or not sums[0].free < set(axes):
            return None
        body = sums[0].body
        if not sums[0].free or all(maybe_empty(t) for t in body.terms):
            return None
        rest = in_one_exponential(Term(term.coefficient, tuple(f for f in term.factors if f[0] is not sums[0])))
        name, total_name = (fresh_name(n, taken) for n in ("E", "Z"))
        numerator = Equation(Symbol(name, axes), Expr((rest,)))
        summed = sum_of(numerator, body)
        if summed is None:
            return None
        divisor = Equation(Symbol(total_name, tuple(i for i in axes if i in sums[0].free)), summed)
        quotient = multiply(numerator.symbol.value(), power(divisor.symbol.value(), -1))
        return Undivided(Equation(equation.symbol, quotient), numerator, divisor)

    def put_in(self, statement: Statement) -> Statement:
        """The statement with the quotient for its value, its divisor inside sums of several terms."""
        if not isinstance(statement, Equation) or self.value.symbol.name not in statement.reads:
            return statement
        return Equation(statement.symbol, self.spread(unfold(self.value)(statement.expr)))

    def spread(self, value: Expr) -> Expr:
        """(a + b) / Z as a / Z + b / Z"""
        return add(*(self._spread(term) for term in value.terms))

    def _spread(self, term: Term) -> Expr:
        divisor = next(((a, e) for a, e in term.factors if self.is_divisor(a) and e == -1), None)
        whole = next((f for f in term.factors if isinstance(f[0], Paren) and f[1] == 1), None)
        if divisor is None or whole is None or not isinstance(whole[0], Paren) or not divisor[0].free <= whole[0].free:
            return Expr((term,))
        inside = add(*(multiply(Expr((t,)), atom(*divisor)) for t in whole[0].body.terms))
        rest = tuple(f for f in term.factors if f not in (divisor, whole))
        return total(multiply(Expr((Term(term.coefficient, rest),)), inside), term.bound)

    def is_divisor(self, factor: Atom) -> bool:
        return isinstance(factor, Read) and factor.tensor == self.divisor.symbol.name

    def backward(self, forward: Layer, backward: Layer, taken: set[str]) -> Layer:
        """The backward layer with E and Z for the value, and a name for what is divided by Z."""
        statements = [self.put_in(s) for s in backward.statements]
        count = len(forward.outputs)
        given, cotangents = list(backward.arguments[:-count]), list(backward.arguments[-count:])
        symbols = {s.name: s for s in (*backward.arguments, *(d for s in statements for d in s.defines))}
        for name in dict.fromkeys(n for s in statements if isinstance(s, Equation) for n in self.partners(s.expr)):
            scaled = Equation(
                Symbol(fresh_name(f"{name}_scaled", taken), symbols[name].axes), self.divided(symbols[name])
            )
            at = next((n for n, s in enumerate(statements) if any(d.name == name for d in s.defines)), -1) + 1
            statements = [with_name(s, scaled) for s in statements]
            statements.insert(at, scaled)
        place = next((n for n, s in enumerate(given) if s.name == self.value.symbol.name), len(given))
        known = [*given[:place], self.numerator.symbol, self.divisor.symbol, *given[place:]]
        reads = {name for s in statements for name in s.reads}
        residuals = with_sizes([s for s in known if s.name in reads], cotangents, statements, known)
        return replace(backward, arguments=(*residuals, *cotangents), statements=tuple(statements))

    def partners(self, value: Expr) -> Iterator[str]:
        """What stands beside 1 / Z in a product, has its axes and more, and is no larger than E nor over the same."""
        for term in value.terms:
            for factor, _ in term.factors:
                yield from (name for child in factor.children() for name in self.partners(child))
            divisors = [a for a, e in term.factors if self.is_divisor(a) and e == -1]
            pairs = [a.free for a, _ in term.factors if isinstance(a, Read) and a.tensor == self.numerator.symbol.name]
            for factor, exponent in term.factors:
                if isinstance(factor, Read) and exponent == 1 and all(p.plain for p in factor.at):
                    smaller = weight(factor.free) <= weight(self.numerator.symbol.axes) and factor.free not in pairs
                    if smaller and any(d.free < factor.free for d in divisors) and len(factor.free) == len(factor.at):
                        yield factor.tensor

    def divides_as_much(self, statement: Statement) -> bool:
        """Is something as large as the value divided after all?"""
        return isinstance(statement, Equation) and self._divides_as_much(statement.expr)

    def _divides_as_much(self, value: Expr) -> bool:
        sizes = Counter(i.size for i in self.value.symbol.axes)
        for term in value.terms:
            if any(self.is_divisor(a) for a, _ in term.factors) and sizes <= Counter(i.size for i in term.free):
                return True
            if any(self._divides_as_much(child) for a, _ in term.factors for child in a.children()):
                return True
        return False

    def divided(self, symbol: Symbol) -> Expr:
        """R / Z"""
        return multiply(symbol.value(), power(self.divisor.symbol.value(), -1))


def sum_of(numerator: Equation, value: Expr) -> Expr | None:
    """The value as the sum of the numerator's entries over the axes that it lacks; None where it is another."""
    term, own = value.only, numerator.expr.only
    over = [i for i in numerator.symbol.axes if i not in value.free]
    if term is None or own is None or [i.size for i in term.bound] != [i.size for i in over]:
        return None
    renaming = {i: Affine.of(k) for i, k in zip(over, term.bound, strict=True)}
    renamed = {(a.substitute(renaming), e) for a, e in own.factors}
    if renamed != set(term.factors) or own.coefficient != term.coefficient:
        return None
    return total(atom(numerator.symbol.entry().substitute(renaming)), term.bound)
