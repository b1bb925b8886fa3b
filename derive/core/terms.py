"""The normal form: an expression is a sum of terms, a term is a coefficient times powers of atoms, summed over indices.

    expression  =  Σ  coefficient · Π atom^exponent,  each term under its own bound indices
    atom        =  read | function | parenthesis | bracket | test | maximum | partial derivative

Everything is frozen. Two values are equal when they are the same up to the names of bound indices, the order of
factors and the order of terms (`key`, from `canonical`); nothing is multiplied out unasked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from derive.core import canonical
from derive.core.atoms import Atom, Bracket, Function, Labels, Paren, Read, Substitution, Test
from derive.core.axes import Affine, Index, fresh

Rational = int | Fraction
Factor = tuple[Atom, Rational]


def rational(value: Rational) -> Rational:
    """An int where the value is one, else a Fraction."""
    return value.numerator if isinstance(value, Fraction) and value.denominator == 1 else value


@dataclass(frozen=True, eq=False)
class Term:
    """coefficient · Π atom^exponent, summed over the bound indices. Built by `product`."""

    coefficient: Rational
    factors: tuple[Factor, ...] = ()
    bound: tuple[Index, ...] = ()

    @cached_property
    def free(self) -> frozenset[Index]:
        inside: frozenset[Index] = frozenset().union(*(a.free for a, _ in self.factors))
        return inside - set(self.bound)

    @cached_property
    def body_key(self) -> str:
        """The key without the coefficient: terms that share it are added up."""
        return canonical.term_key(self, {}, 0)

    def key_in(self, labels: Labels, depth: int) -> str:
        body = canonical.term_key(self, labels, depth) if labels else self.body_key
        return f"{self.coefficient}*{body}"

    def apart(self, taken: Iterable[str]) -> Term:
        """The same term with bound indices named unlike `taken`."""
        taken = set(taken)
        if not any(i.name in taken for i in self.bound):
            return self
        used = taken | {i.name for i in self.free} | {i.name for i in self.bound}
        mapping: dict[Index, Index] = {}
        for index in self.bound:
            if index.name in taken:
                mapping[index] = fresh(index, used)
                used.add(mapping[index].name)
        inner = {i: Affine.of(j) for i, j in mapping.items()}
        factors = tuple((a.substitute(inner), e) for a, e in self.factors)
        return Term(self.coefficient, factors, tuple(mapping.get(i, i) for i in self.bound))

    def substitute(self, mapping: Substitution) -> Term:
        mapping = {i: a for i, a in mapping.items() if i in self.free}
        if not mapping:
            return self
        term = self.apart(i.name for a in mapping.values() for i in a.indices)
        return product(term.coefficient, [(a.substitute(mapping), e) for a, e in term.factors], term.bound)

    def scaled(self, factor: Rational) -> Term:
        return Term(rational(self.coefficient * factor), self.factors, self.bound)


@dataclass(frozen=True, eq=False)
class Expr:
    """A sum of terms. Built by `add`, `multiply`, `power`, `total`, `apply` and the operators."""

    terms: tuple[Term, ...] = ()

    @cached_property
    def free(self) -> frozenset[Index]:
        return frozenset().union(*(t.free for t in self.terms))

    @cached_property
    def key(self) -> str:
        return self.key_in({}, 0)

    def key_in(self, labels: Labels, depth: int) -> str:
        if labels:
            labels = {i: labels[i] for i in self.free if i in labels}
            if not labels:
                return self.key
        return " + ".join(sorted(t.key_in(labels, depth) for t in self.terms))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expr) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __repr__(self) -> str:
        return f"Expr({self.key})"

    def substitute(self, mapping: Substitution) -> Expr:
        mapping = {i: a for i, a in mapping.items() if i in self.free}
        return add(*(Expr((t.substitute(mapping),)) for t in self.terms)) if mapping else self

    @property
    def only(self) -> Term | None:
        """The term, when there is exactly one."""
        return self.terms[0] if len(self.terms) == 1 else None

    @property
    def constant(self) -> Rational | None:
        """The number, when this is nothing but a number."""
        if not self.terms:
            return 0
        term = self.only
        return term.coefficient if term and not term.factors and not term.bound else None

    def __add__(self, other: Expr | Rational) -> Expr:
        return add(self, expr(other))

    def __radd__(self, other: Rational) -> Expr:
        return add(expr(other), self)

    def __neg__(self) -> Expr:
        return scale(self, -1)

    def __sub__(self, other: Expr | Rational) -> Expr:
        return add(self, scale(expr(other), -1))

    def __rsub__(self, other: Rational) -> Expr:
        return add(expr(other), scale(self, -1))

    def __mul__(self, other: Expr | Rational) -> Expr:
        return multiply(self, expr(other))

    def __rmul__(self, other: Rational) -> Expr:
        return multiply(expr(other), self)

    def __truediv__(self, other: Expr | Rational) -> Expr:
        return multiply(self, power(expr(other), -1))

    def __rtruediv__(self, other: Rational) -> Expr:
        return multiply(expr(other), power(self, -1))

    def __pow__(self, exponent: Rational) -> Expr:
        return power(self, exponent)


ZERO = Expr()
ONE = Expr((Term(1),))


def expr(value: Expr | Rational) -> Expr:
    """A number as an expression; an expression as it is."""
    if isinstance(value, Expr):
        return value
    return Expr((Term(rational(value)),)) if value else ZERO


def atom(factor: Atom, exponent: Rational = 1) -> Expr:
    """A power of one atom."""
    return Expr((Term(1, ((factor, exponent),)),)) if exponent else ONE


def read(tensor: str, *at: Index | Affine) -> Expr:
    """An entry of a tensor."""
    return atom(Read(tensor, tuple(Affine.of(a) if isinstance(a, Index) else a for a in at)))


def scale(value: Expr, factor: Rational) -> Expr:
    """factor · value, kept in parentheses: 2·(a + b), except that a sign goes inside."""
    if factor == -1 or len(value.terms) <= 1:
        return Expr(tuple(t.scaled(factor) for t in value.terms))
    return multiply(expr(factor), value)


def add(*values: Expr) -> Expr:
    """a + b: terms alike up to renaming are added up; a sum inside the sum is spliced in."""
    merged: dict[str, Term] = {}
    for term in (t for v in values for t in _spliced(v)):
        known = merged.get(term.body_key)
        if known is None:
            merged[term.body_key] = term
        else:
            merged[term.body_key] = Term(rational(known.coefficient + term.coefficient), known.factors, known.bound)
    return Expr(tuple(t for t in merged.values() if t.coefficient))


def _spliced(value: Expr) -> Iterator[Term]:
    for term in value.terms:
        if len(term.factors) == 1 and not term.bound and term.coefficient in (1, -1):
            factor, exponent = term.factors[0]
            if isinstance(factor, Paren) and exponent == 1:
                for inner in _spliced(factor.body):
                    yield inner.scaled(term.coefficient)
                continue
        yield term


def multiply(*values: Expr) -> Expr:
    """a · b: sums stay in parentheses."""
    coefficient: Rational = 1
    factors: list[Factor] = []
    bound: list[Index] = []
    names: set[str] = {i.name for v in values for i in v.free}
    for value in values:
        if not value.terms:
            return ZERO
        term = value.only
        if term is None:
            factors.append((Paren(value), 1))
            continue
        term = term.apart(names)
        names.update(i.name for i in term.bound)
        coefficient *= term.coefficient
        factors.extend(term.factors)
        bound.extend(term.bound)
    return _as_expr(product(coefficient, factors, tuple(bound)))


def power(base: Expr, exponent: Rational) -> Expr:
    """base^exponent: integer powers go to the factors, (ab)² = a²b²; other powers keep the parenthesis."""
    exponent = rational(exponent)
    if exponent == 0:
        return ONE
    if exponent == 1:
        return base
    constant = base.constant
    if constant is not None:
        number = _number_power(constant, exponent)
        return atom(Paren(base), exponent) if number is None else expr(number)
    return _as_expr(product(1, [(Paren(base), exponent)], ()))


def _number_power(base: Rational, exponent: Rational) -> Rational | None:
    """The power where it is a rational number, else None."""
    if base == 0:
        if exponent < 0:
            raise ZeroDivisionError
        return 0
    if isinstance(exponent, int):
        return rational(Fraction(base) ** exponent)
    if base < 0:
        return None
    root = [round(part ** (1 / exponent.denominator)) for part in Fraction(base).as_integer_ratio()]
    exact = Fraction(root[0], root[1])
    return rational(exact**exponent.numerator) if exact**exponent.denominator == base else None


def total(value: Expr, over: Iterable[Index]) -> Expr:
    """Σ over indices; a sum of several terms stays in parentheses under one Σ."""
    over = tuple(over)
    if not over or not value.terms:
        return value
    term = value.only
    if term is None:
        return Expr((Term(1, ((Paren(value), 1),), over),))
    term = term.apart(i.name for i in over)
    return _as_expr(product(term.coefficient, term.factors, term.bound + over))


def apply(function: str, argument: Expr) -> Expr:
    """A scalar function of an expression; exp of a sum is a product, exp(a + b) = exp(a) exp(b)."""
    if function == "exp":
        return multiply(*(_exp(t) for t in _spliced(argument)))
    if function == "log":
        term = argument.only
        if argument.constant == 1:
            return ZERO
        if term and term.coefficient == 1 and not term.bound and len(term.factors) == 1:
            inner, exponent = term.factors[0]
            if isinstance(inner, Function) and inner.name == "exp":
                return multiply(expr(exponent), inner.argument)
    return atom(Function(function, argument))


def _exp(term: Term) -> Expr:
    """exp(2 x) = exp(x)², so that equal exponentials meet and cancel; exp(2 log x) = x²."""
    if len(term.factors) == 1 and not term.bound:
        inner, exponent = term.factors[0]
        if isinstance(inner, Function) and inner.name == "log" and exponent == 1:
            return power(inner.argument, term.coefficient)
    return atom(Function("exp", Expr((term.scaled(Fraction(1) / term.coefficient),))), term.coefficient)


def product(coefficient: Rational, factors: Iterable[Factor], bound: tuple[Index, ...]) -> Term:
    """A term in normal form: equal atoms combined, parentheses of one term spliced, zero and one removed."""
    merged: dict[Atom, Rational] = {}
    queue = list(factors)[::-1]
    names = {i.name for a, _ in queue for i in a.free} | {i.name for i in bound}
    while queue and coefficient:
        factor, exponent = queue.pop()
        if isinstance(factor, Paren):
            inner = factor.body.only
            if not factor.body.terms:
                if exponent < 0:
                    raise ZeroDivisionError
                coefficient = 0
                break
            if inner is not None and (isinstance(exponent, int) or _one_atom(inner)):
                scaled = _number_power(inner.coefficient, exponent)
                if scaled is not None and (exponent == 1 or not inner.bound):
                    inner = inner.apart(names)
                    names.update(i.name for i in inner.bound)
                    bound += inner.bound
                    coefficient = rational(coefficient * scaled)
                    queue.extend((a, rational(e * exponent)) for a, e in reversed(inner.factors))
                    continue
                if scaled is not None and inner.bound:
                    parts = _parts(inner)
                    if scaled != 1 or len(parts) > 1:
                        coefficient = rational(coefficient * scaled)
                        queue.extend((a, rational(e * exponent)) for a, e in reversed(parts))
                        continue
        elif isinstance(factor, Bracket) and isinstance(constant := factor.affine.number, int):
            holds = {"==": constant == 0, "!=": constant != 0, ">=": constant >= 0}[factor.relation]
            coefficient = coefficient if holds else 0
            continue
        elif isinstance(factor, Test) and factor.argument.constant is not None:
            value = factor.argument.constant
            holds = {">": value > 0, ">=": value >= 0, "==": value == 0, "!=": value != 0}[factor.relation]
            coefficient = coefficient if holds else 0
            continue
        known = merged.pop(factor, 0)
        exponent = 1 if factor.boolean else rational(known + exponent)
        if isinstance(factor, Paren) and exponent == 1 and known:
            queue.append((factor, 1))
        elif exponent:
            merged[factor] = exponent
    if not coefficient:
        return Term(0)
    term = Term(rational(coefficient), tuple(merged.items()), bound)
    return _cancelled(term) if bound else term


def _one_atom(term: Term) -> bool:
    """May any power go to the factors? (x²)^½ is |x|, so only where there is at most one, to the first power."""
    return not term.bound and all(e == 1 for _, e in term.factors) and len(term.factors) <= 1


def _parts(term: Term) -> list[Factor]:
    """The independent factors of a sum: Σ_ij a b_i c_j is a · (Σ_i b_i) · (Σ_j c_j)."""
    outside, groups = canonical.components(term)
    return outside + [(Paren(Expr((Term(1, tuple(f), tuple(b)),))), 1) for f, b in groups]


def _cancelled(term: Term) -> Term:
    """Combine equal sums: (Σ_i a_i) (Σ_j a_j)^-1 = 1, as equal atoms are combined."""
    sums = [a for a, _ in term.factors if isinstance(a, Paren) and (t := a.body.only) is not None and t.bound]
    outside, groups = canonical.components(term)
    if not sums and len(groups) < 2:
        return term
    powers: dict[Atom, Rational] = dict(outside)
    kept: list[Factor] = []
    bound: list[Index] = []
    parts = [Paren(Expr((Term(1, tuple(f), tuple(b)),))) for f, b in groups]
    if not any(part in sums or parts.count(part) > 1 for part in parts):
        return term
    for part, (factors, indices) in zip(parts, groups, strict=True):
        if part in sums or parts.count(part) > 1:
            powers[part] = powers.get(part, 0) + 1
        else:
            kept.extend(factors)
            bound.extend(indices)
    return product(term.coefficient, [*((a, e) for a, e in powers.items() if e), *kept], tuple(bound))


def _as_expr(term: Term) -> Expr:
    if not term.coefficient:
        return ZERO
    if term.coefficient == 1 and not term.bound and len(term.factors) == 1:
        factor, exponent = term.factors[0]
        if isinstance(factor, Paren) and exponent == 1:
            return factor.body
    return Expr((term,))


def from_term(term: Term) -> Expr:
    """A term as an expression, put into normal form again."""
    return _as_expr(product(term.coefficient, term.factors, term.bound))
