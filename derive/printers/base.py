"""Printing index notation: the walk over expressions, the order of what is read, and the names of bound indices.

A `Style` spells the pieces for one target. Everything a style returns may hold the marks of `lines`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING

import sympy

from derive.axes import LEADING, Affine, Coefficient, Index, fresh
from derive.errors import NotationError
from derive.layer import Role
from derive.ordering import Names, Order
from derive.terms import (
    Atom,
    Bracket,
    Expr,
    Function,
    Maximum,
    Paren,
    Partial,
    Rational,
    Read,
    Term,
    Test,
    add,
    atoms,
    scale,
)

if TYPE_CHECKING:
    from derive.printers.style import Style


@dataclass
class Fractions:
    """The factors of a product above, below and behind the line, numbers and sizes apart from what has indices."""

    scalars: list[str] = field(default_factory=list)
    above: list[str] = field(default_factory=list)
    scalars_below: list[str] = field(default_factory=list)
    below: list[str] = field(default_factory=list)
    behind: list[str] = field(default_factory=list)
    # The content of the one parenthesis above, and of the one below, where that is all there is.
    bare: str | None = None
    bare_below: str | None = None


@dataclass(frozen=True)
class Scope:
    """The indices in scope: how each is shown, what is taken, and in which order they are read."""

    shown: Mapping[Index, str]
    taken: frozenset[str]
    order: tuple[Index, ...] = ()

    def bind(self, indices: Iterable[Index], style: Style, first: Iterable[Index] = ()) -> Scope:
        """The scope inside a sum: indices that would shadow one in sight get another name."""
        shown, taken = dict(self.shown), set(self.taken)
        new = []
        for index in indices:
            copy, avoided = (LEADING if index.leading else index), set()
            while style.index(copy.name) in taken:
                avoided.add(copy.name)
                copy = fresh(copy, avoided)
            shown[index] = style.index(copy.name)
            taken.add(shown[index])
            new.append(index)
        order = tuple(dict.fromkeys((*first, *self.order, *new)))
        return Scope(shown, frozenset(taken), order)

    def place(self, index: Index) -> tuple:
        return (self.order.index(index) if index in self.order else len(self.order), index.name)


class IndexPrinter:
    """Prints expressions over named tensors in one style."""

    def __init__(self, style: Style, names: Names):
        self.style = style
        self.names = names
        self.order = Order(names)

    def scope(self, free: Iterable[Index]) -> Scope:
        """The scope of the free indices; an index spelled like a number in sight gets another name."""
        numbers = {self.style.name(n) for n, s in self.names.items() if not s.axes}
        return Scope({}, frozenset(numbers)).bind(free, self.style)

    def print(self, value: Expr, free: Sequence[Index] | None = None) -> str:
        free = sorted(value.free, key=lambda i: i.name) if free is None else free
        return self.expr(value, self.scope(free))

    def entry(self, tensor: str, at: Sequence[Index]) -> str:
        """An entry at free indices: a left-hand side."""
        scope = self.scope(at)
        return self.style.entry(tensor, [scope.shown[i] for i in at])

    def expr(self, value: Expr, scope: Scope) -> str:
        terms = [self.term(t, scope) for t in self.order.summands(value, value.free)]
        return self.style.sum(terms) if terms else "0"

    def term(self, term: Term, scope: Scope) -> tuple[bool, str]:
        """Is the term negative, and its absolute value: numbers, factors outside its sum, the sum."""
        factors = sorted(gathered(term.factors), key=self._rank)
        leaders = [i for a, _ in factors if self._is_cotangent(a) for i in plain_indices(a)]
        bound = sorted(term.bound, key=lambda i: (not i.leading, appearance(factors, i)))
        inner = scope.bind(bound, self.style, leaders)
        inside = [f for f in factors if not f[0].free.isdisjoint(bound)]
        outside = [f for f in factors if f[0].free.isdisjoint(bound)]
        total = self.style.total([inner.shown[i] for i in bound]) if bound else ""
        text = self.style.term(
            abs(term.coefficient), self.fractions(outside, inner), total, self.fractions(inside, inner)
        )
        return term.coefficient < 0, text

    def _is_cotangent(self, factor: Atom) -> bool:
        return isinstance(factor, Read) and factor.tensor in self.names and self._role(factor) is Role.COTANGENT

    def _role(self, factor: Read) -> Role:
        return self.names[factor.tensor].role

    def _rank(self, factor: tuple[Atom, Rational]) -> tuple:
        """Numbers, reads, functions, parentheses, derivatives, conditions; among them by name."""
        inner = factor[0]
        names = [a.tensor for a in atoms(Expr((Term(1, (factor,)),))) if isinstance(a, Read)]
        scalar = isinstance(inner, Read) and not inner.at
        return KINDS[type(inner)], not scalar, self.order.first(names), len(names), inner.key

    def fractions(self, factors: Iterable[tuple[Atom, Rational]], scope: Scope) -> Fractions:
        result = Fractions()
        factors = list(factors)
        for factor, exponent in factors:
            text = self.power(factor, abs(exponent), scope)
            if isinstance(factor, (Partial, Test, Bracket)):
                result.behind.append(text)
                continue
            scalar = isinstance(factor, Read) and not factor.at
            above = result.scalars if scalar else result.above
            below = result.scalars_below if scalar else result.below
            (above if exponent > 0 else below).append(text)
        result.bare = self._bare([f for f in factors if f[1] > 0 and KINDS[type(f[0])] < KINDS[Partial]], scope)
        result.bare_below = self._bare([(a, -e) for a, e in factors if e < 0], scope)
        return result

    def _bare(self, factors: list[tuple[Atom, Rational]], scope: Scope) -> str | None:
        if len(factors) == 1 and isinstance(factors[0][0], Paren) and factors[0][1] == 1:
            return self.expr(factors[0][0].body, scope)
        return None

    def power(self, factor: Atom, exponent: Rational, scope: Scope) -> str:
        if exponent == Fraction(1, 2):
            return self.style.root(self.expr(factor.body, scope) if isinstance(factor, Paren) else self.atom(factor, scope))
        text = self.atom(factor, scope)
        return text if exponent == 1 else self.style.power(text, exponent)

    # atoms

    def atom(self, factor: Atom, scope: Scope) -> str:
        return ATOMS[type(factor)](self, factor, scope)

    def _read(self, factor: Read, scope: Scope) -> str:
        return self.style.entry(factor.tensor, [self.affine(a, scope) for a in factor.at])

    def _function(self, factor: Function, scope: Scope) -> str:
        return self.style.function(factor.name, self.expr(factor.argument, scope))

    def _paren(self, factor: Paren, scope: Scope) -> str:
        return self.style.parens(self.expr(factor.body, scope))

    def _bracket(self, factor: Bracket, scope: Scope) -> str:
        affine = factor.affine
        pair = [i for i, _ in affine.terms]
        if len(pair) == 2 and factor == Bracket("==", Affine(((pair[0], 1), (pair[1], -1)))):
            inner, outer = sorted(pair, key=list(scope.shown).index, reverse=True)
            shown = scope.shown[inner], scope.shown[outer]
            return self.style.delta(*shown) or self.style.iverson(shown[0], "==", shown[1])
        left, relation, right = balanced(factor)
        return self.style.iverson(self.affine(left, scope), relation, self.affine(right, scope))

    def _test(self, factor: Test, scope: Scope) -> str:
        positive = [t for t in factor.argument.terms if t.coefficient > 0]
        negative = [t.scaled(-1) for t in factor.argument.terms if t.coefficient < 0]
        left, right, relation = Expr(tuple(positive)), Expr(tuple(negative)), factor.relation
        if not positive:
            left, right, relation = right, left, MIRRORED[relation]
        return self.style.iverson(self.expr(left, scope), relation, self.expr(right, scope))

    def _maximum(self, factor: Maximum, scope: Scope) -> str:
        inner = scope.bind(factor.over, self.style)
        return self.style.maximum([inner.shown[i] for i in factor.over], self.expr(factor.body, inner))

    def _partial(self, factor: Partial, scope: Scope) -> str:
        entry = self._read(factor.entry, scope)
        only = factor.of.only
        if only and only.coefficient == 1 and not only.bound and len(only.factors) == 1 and only.factors[0][1] == 1:
            of = only.factors[0][0]
            if isinstance(of, Read):
                return self.style.partial(self._read(of, scope), entry)
        return self.style.derivative(entry, self.expr(factor.of, scope))

    # affine indices and sizes

    def affine(self, value: Affine, scope: Scope) -> str:
        """s t + d k - p, in the order in which the indices are read; the positive first."""
        terms = []
        for index, coefficient in sorted(value.terms, key=lambda ic: scope.place(ic[0])):
            negative, factor = self.coefficient(coefficient)
            shown = scope.shown.get(index) or self.style.index(index.name)
            terms.append((negative, self.style.times.join(f for f in (factor, shown) if f)))
        constant = sympy.sympify(value.constant)
        if constant != 0 or not terms:
            terms.extend(self._size_terms(constant))
        return self.style.sum(sorted(terms, key=lambda t: t[0]))

    def coefficient(self, value: Coefficient) -> tuple[bool, str]:
        """Sign and absolute value of a coefficient; nothing for one."""
        terms = self._size_terms(sympy.sympify(value))
        if len(terms) > 1:
            return False, self.style.parens(self.style.sum(terms))
        negative, text = terms[0]
        return negative, "" if text == "1" else text

    def size(self, value: Coefficient) -> str:
        """The size of an axis, or a coefficient."""
        return self.style.sum(self._size_terms(sympy.sympify(value)))

    def _size_terms(self, value: sympy.Expr) -> list[tuple[bool, str]]:
        parts = sorted(sympy.Add.make_args(value), key=lambda a: (a.is_number, not a.is_Symbol, str(a)))
        return sorted((self._size_term(a) for a in parts), key=lambda t: t[0])

    def _size_term(self, value: sympy.Expr) -> tuple[bool, str]:
        number, rest = value.as_coeff_Mul()
        fractions = Fractions()
        for factor in sympy.Mul.make_args(rest) if rest != 1 else ():
            base, exponent = factor.as_base_exp()
            text = self._size_atom(base)
            power = abs(int(exponent))
            text = text if power == 1 else self.style.power(text, power)
            (fractions.scalars if exponent > 0 else fractions.scalars_below).append(text)
        coefficient = abs(Fraction(int(number.p), int(number.q)))
        return bool(number < 0), self.style.term(coefficient, fractions, "", Fractions())

    def _size_atom(self, value: sympy.Expr) -> str:
        if value.is_Symbol:
            return self.style.name(str(value))
        if isinstance(value, sympy.floor):
            return self.style.function("floor", self._floored(value.args[0]))
        if value.is_Add:
            return self.style.parens(self.size(value))
        raise NotationError(f"the size {value} is made of {type(value).__name__}. Use sums, products and floor division.")

    def _floored(self, value: sympy.Expr) -> str:
        """⌊(a + b)/c⌋ with one denominator."""
        above, below = sympy.fraction(sympy.together(value))
        if below == 1:
            return self.size(above)
        fractions = Fractions(bare=self.size(above), bare_below=self.size(below))
        fractions.above, fractions.below = [self.style.parens(fractions.bare)], [self.style.parens(fractions.bare_below)]
        if not above.is_Add:
            fractions.above = [fractions.bare]
        if below.is_Symbol:
            fractions.below = [fractions.bare_below]
        return self.style.term(1, fractions, "", Fractions())


ATOMS = {
    Read: IndexPrinter._read,
    Function: IndexPrinter._function,
    Paren: IndexPrinter._paren,
    Bracket: IndexPrinter._bracket,
    Test: IndexPrinter._test,
    Maximum: IndexPrinter._maximum,
    Partial: IndexPrinter._partial,
}
KINDS = {Read: 0, Function: 1, Paren: 2, Maximum: 3, Partial: 4, Test: 5, Bracket: 6}
MIRRORED = {">": "<", ">=": "<=", "==": "==", "!=": "!="}


def gathered(factors: Iterable[tuple[Atom, Rational]]) -> list[tuple[Atom, Rational]]:
    """All exponentials of a product as one: exp(a) exp(b)^-1 is exp(a - b)."""
    factors = list(factors)
    exponentials = [(a, e) for a, e in factors if isinstance(a, Function) and a.name == "exp"]
    if not exponentials:
        return factors
    argument = add(*(scale(a.argument, e) for a, e in exponentials))
    return [f for f in factors if f not in exponentials] + [(Function("exp", argument), 1)]


def plain_indices(factor: Atom) -> list[Index]:
    """The indices that stand by themselves in a read, in its order."""
    return [i for a in factor.at if (i := a.plain) is not None] if isinstance(factor, Read) else []


def appearance(factors: Sequence[tuple[Atom, Rational]], index: Index) -> tuple:
    """Where an index is first read: by itself, if it ever is."""
    plain = [(n, m) for n, (a, _) in enumerate(factors) for m, i in enumerate(plain_indices(a)) if i == index]
    anywhere = [(n, 0) for n, (a, _) in enumerate(factors) if index in a.free]
    return (0, *plain[0]) if plain else (1, *(anywhere[0] if anywhere else (99, 0)), index.name)


def balanced(bracket: Bracket) -> tuple[Affine, str, Affine]:
    """An Iverson bracket with positive terms on each side, one index alone on the left where that can be."""
    affine = bracket.affine
    positive = Affine(tuple((i, c) for i, c in affine.terms if not is_negative(c)))
    negative = Affine(tuple((i, -c) for i, c in affine.terms if is_negative(c)))
    constant = affine.constant
    if bracket.relation != ">=":
        if alone(negative) and not alone(positive):
            positive, negative, constant = negative, positive, -constant
        return positive, bracket.relation, replace(negative, constant=-constant)
    if not negative.terms:
        return positive, ">=", Affine((), -constant)
    if constant == -1 and positive.terms:
        return negative, "<", positive
    return negative, "<=", replace(positive, constant=constant)


def alone(affine: Affine) -> bool:
    return len(affine.terms) == 1 and affine.terms[0][1] == 1


def is_negative(value: Coefficient) -> bool:
    return bool(sympy.sympify(value).could_extract_minus_sign())
