"""Printing index notation: the walk over expressions, the order of what is read, and the names of bound indices.

A `Style` spells the pieces for one target. Everything a style returns may hold the marks of `lines`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from functools import cached_property

from derive.core.atoms import Argmax, Atom, Bracket, Function, Maximum, Paren, Partial, Position, Read, Test
from derive.core.axes import Affine, Coefficient, Index, symbolic
from derive.core.layer import Role
from derive.core.terms import Expr, Rational, Term
from derive.core.traverse import atoms
from derive.notation.comparisons import balanced, sides
from derive.notation.exponentials import gathered
from derive.notation.ordering import Names, Order
from derive.notation.roots import joined_roots
from derive.printers.lines import plain
from derive.printers.scope import Scope
from derive.printers.sizes import SizePrinter
from derive.printers.style import Fractions, Style, magnitude


class IndexPrinter:
    """Prints expressions over named tensors in one style."""

    def __init__(self, style: Style, names: Names):
        self.style = style
        self.names = names
        self.order = Order(names)
        self.sizes = SizePrinter(style)
        # The indices of the sums and maxima printed so far, by the name that each is shown by.
        self.bound: dict[str, Index] = {}

    def scope(self, free: Iterable[Index]) -> Scope:
        """The scope of the free indices; an index spelled like a number in sight gets another name."""
        return self.outermost.bind(free, self.style)

    @cached_property
    def outermost(self) -> Scope:
        numbers = {self.style.name(n) for n, s in self.names.items() if not s.axes}
        sizes = {self.style.index(i.name): i.size for s in reversed(list(self.names.values())) for i in s.axes}
        return Scope({}, frozenset(numbers), sizes=sizes)

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
        term = joined_roots(term)
        factors = sorted(gathered(term.factors), key=self._rank)
        leaders = [i for a, _ in factors if self._is_data(a) for i in plain_indices(a)]
        bound = sorted(term.bound, key=lambda i: (not i.leading, appearance(factors, i)))
        inner = self._bind(scope, bound, leaders)
        inside = [f for f in factors if not f[0].free.isdisjoint(bound)]
        outside = [f for f in factors if f[0].free.isdisjoint(bound)]
        total = self.style.total([inner.shown[i] for i in bound]) if bound else ""
        text = self.style.term(
            magnitude(term.coefficient), self.fractions(outside, inner), total, self.fractions(inside, inner)
        )
        return term.coefficient < 0, text

    def _bind(self, scope: Scope, indices: Sequence[Index], first: Iterable[Index] = ()) -> Scope:
        inner = scope.bind(indices, self.style, first)
        self.bound.update((inner.shown[i], i) for i in indices)
        return inner

    def _is_data(self, factor: Atom) -> bool:
        """Not a kernel: what runs over data is read before what runs over taps."""
        return isinstance(factor, Read) and factor.tensor in self.names and self._role(factor) is not Role.PARAMETER

    def _role(self, factor: Read) -> Role:
        return self.names[factor.tensor].role

    def _rank(self, factor: tuple[Atom, Rational]) -> tuple:
        """Numbers, reads, functions, parentheses, derivatives, conditions; among them by name."""
        inner = factor[0]
        names = [a.tensor for a in atoms(Expr((Term(1, (factor,)),))) if isinstance(a, Read)]
        scalar = _is_scalar(inner)
        return KINDS[type(inner)], not scalar, self.order.first(names), len(names), inner.key

    def fractions(self, factors: Iterable[tuple[Atom, Rational]], scope: Scope) -> Fractions:
        result = Fractions()
        factors = list(factors)
        for factor, exponent in factors:
            text = self.power(factor, magnitude(exponent), scope)
            if isinstance(factor, (Partial, Test, Argmax, Bracket)):
                result.behind.append(text)
                continue
            scalar = _is_scalar(factor)
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
            bare = self.expr(factor.body, scope) if isinstance(factor, Paren) else self.atom(factor, scope)
            return self.style.root(bare)
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
        if len(pair) == 2 and not affine.lookups and factor == Bracket("==", Affine(((pair[0], 1), (pair[1], -1)))):
            inner, outer = sorted(pair, key=list(scope.shown).index, reverse=True)
            shown = scope.shown[inner], scope.shown[outer]
            return self.style.delta(*shown) or self.style.iverson(shown[0], "==", shown[1])
        left, relation, right = balanced(factor)
        return self.style.iverson(self.affine(left, scope), relation, self.affine(right, scope))

    def _position(self, factor: Position, scope: Scope) -> str:
        text = self.affine(factor.affine, scope)
        return text if factor.affine.plain else self.style.parens(text)

    def _test(self, factor: Test, scope: Scope) -> str:
        left, relation, right = sides(factor)
        return self.style.iverson(self.expr(left, scope), relation, self.expr(right, scope))

    def _maximum(self, factor: Maximum, scope: Scope) -> str:
        inner = self._bind(scope, factor.over)
        return self.style.maximum([inner.shown[i] for i in factor.over], self.expr(factor.body, inner))

    def _argmax(self, factor: Argmax, scope: Scope) -> str:
        inner = self._bind(scope, factor.over)
        places = [self.affine(a, scope) for a in factor.at]
        place = places[0] if len(places) == 1 else f"({','.join(places)})"
        found = self.style.argmax([inner.shown[i] for i in factor.over], self.expr(factor.body, inner))
        return self.style.iverson(place, "==", found)

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
        """s t + d k - p, in the order in which the indices are read; the positive first. No line breaks inside."""
        terms = []
        for index, coefficient in sorted(value.terms, key=lambda ic: scope.place(ic[0])):
            negative, factor = self.sizes.coefficient(coefficient)
            shown = scope.shown.get(index) or self.style.index(index.name)
            terms.append((negative, self.style.times.join(f for f in (factor, shown) if f)))
        for entry, coefficient in value.lookups:
            negative, factor = self.sizes.coefficient(coefficient)
            shown = self._read(entry, scope)
            terms.append((negative, self.style.times.join(f for f in (factor, shown) if f)))
        constant = symbolic(value.constant)
        if constant != 0 or not terms:
            terms.extend(self.sizes.terms(constant))
        return plain(self.style.sum(sorted(terms, key=lambda t: t[0])))

    def size(self, value: Coefficient) -> str:
        """The size of an axis."""
        return self.sizes.size(value)


ATOMS: dict[type[Atom], Callable[..., str]] = {
    Read: IndexPrinter._read,
    Function: IndexPrinter._function,
    Paren: IndexPrinter._paren,
    Bracket: IndexPrinter._bracket,
    Position: IndexPrinter._position,
    Test: IndexPrinter._test,
    Maximum: IndexPrinter._maximum,
    Argmax: IndexPrinter._argmax,
    Partial: IndexPrinter._partial,
}
KINDS: dict[type[Atom], int] = {
    Position: 0,
    Read: 0,
    Function: 1,
    Paren: 2,
    Maximum: 3,
    Partial: 4,
    Test: 5,
    Argmax: 5,
    Bracket: 6,
}


def _is_scalar(factor: Atom) -> bool:
    """A number, a size or an option, or an expression in them."""
    if isinstance(factor, Paren):
        return not any(t.bound or not all(_is_scalar(a) for a, _ in t.factors) for t in factor.body.terms)
    return isinstance(factor, Read) and not factor.at


def plain_indices(factor: Atom) -> list[Index]:
    """The indices that stand by themselves in a read, or in those of a parenthesis, in order."""
    reads = (a for a in atoms(Expr((Term(1, ((factor, 1),)),))) if isinstance(a, Read))
    return list(dict.fromkeys(i for r in reads for a in r.at if (i := a.plain) is not None))


def appearance(factors: Sequence[tuple[Atom, Rational]], index: Index) -> tuple:
    """Where an index is first read: by itself, if it ever is."""
    plain = [(n, m) for n, (a, _) in enumerate(factors) for m, i in enumerate(plain_indices(a)) if i == index]
    anywhere = [(n, 0) for n, (a, _) in enumerate(factors) if index in a.free]
    return (0, *plain[0]) if plain else (1, *(anywhere[0] if anywhere else (99, 0)), index.name)
