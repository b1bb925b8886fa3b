"""The oracle: a layer's values by looping over its index equations, one entry at a time.

    Y[b, o] = Σ_i X[b, i] W[i, o]     →     for b: for o: Y[b, o] = sum(X[b, i] * W[i, o] for i)

It knows nothing of how code is generated. Numbers are whatever Python can add and multiply: floats, complex numbers
(for the complex step), fractions (exact), dual numbers (exact derivatives). The leading axes are one flat index.
"""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from derive.core.atoms import Argmax, Atom, Bracket, Function, Lookup, Maximum, Paren, Partial, Position, Read, Test
from derive.core.axes import Affine, Coefficient, Index
from derive.core.layer import Call, Equation, Layer, Statement, Symbol
from derive.core.primitives import PRIMITIVES
from derive.core.terms import Expr, Factor, Term
from derive.errors import CheckError
from derive.notation.exponentials import gathered
from derive.witnesses.entries import Array, Entries, Number, Place, bind, entries_of, evaluated, filled, integer, leads

At = Mapping[str, int]
Weighted = Sequence[tuple[Any, int]]
Saves = Mapping[Statement, tuple[tuple[str, Symbol], ...]]

STEP = 1e-30
HOLDS: dict[str, Callable[[Number], bool]] = {
    "==": lambda x: x == 0,
    "!=": lambda x: x != 0,
    ">=": lambda x: x >= 0,
    ">": lambda x: x > 0,
}


class Outside(Exception):
    """Inside a maximum, a read outside its tensor: the entry takes no part."""


@lru_cache(maxsize=4096)
def conditions(term: Term) -> tuple[Atom, ...]:
    """The factors that are 0 or 1, those first that do not look at data."""
    return tuple(a for kind in (Bracket, Argmax, Test) for a, _ in term.factors if isinstance(a, kind))


@lru_cache(maxsize=4096)
def numeric_factors(term: Term) -> tuple[Factor, ...]:
    """The factors that are not conditions; exponentials as one, or exp(x²)^-1 would overflow on its way to 0."""
    return tuple((a, e) for a, e in gathered(term.factors) if not a.boolean)


@dataclass
class Oracle:
    """The values of all names in scope; sizes and options are tensors without axes."""

    tensors: dict[str, Entries]
    definitions: Mapping[str, Statement] = field(default_factory=dict)
    # The values inside a call that the caller has names for: (the callee's name, the caller's symbol).
    saves: Saves = field(default_factory=dict)
    inside_only: bool = False
    # Are arrays of exact numbers, fractions or dual numbers over them?
    exact: bool = False
    # Sizes, and places with their coefficients as numbers, by identity: SymPy takes long to compare expressions.
    numbers: dict[int, tuple[Coefficient, int]] = field(default_factory=dict)
    places: dict[int, tuple[Affine, int, Weighted, Weighted]] = field(default_factory=dict)
    # For derivatives: this oracle with one entry moved, by name and place, and what the calls then give.
    moved: dict[tuple[str, Place], Oracle] = field(default_factory=dict, init=False)
    calls: dict[Call, dict[str, Entries]] = field(default_factory=dict, init=False)

    def expr(self, value: Expr, at: At) -> Number:
        return sum(self.term(term, at) for term in value.terms)

    def term(self, term: Term, at: At) -> Number:
        if not term.bound:
            return self.product(term, at)
        brackets = [a for a, _ in term.factors if isinstance(a, Bracket)]
        return sum([self.product(term, here) for here in self.points(term.bound, at, brackets)])

    def product(self, term: Term, at: At) -> Number:
        """The product of the factors; 0 where a bracket is, whatever the others are."""
        if self.inside_only:
            # An entry that reads outside takes no part, whatever what is read there is multiplied by.
            for factor, _ in term.factors:
                self.atom(factor, at)
        for condition in conditions(term):
            if not self.atom(condition, at):
                return 0
        value: Number = term.coefficient
        for factor, exponent in numeric_factors(term):
            number = self.METHODS[type(factor)](self, factor, at)
            value = value * (number if exponent == 1 else power(number, exponent))
        return value

    def points(self, indices: Sequence[Index], at: At, conditions: Sequence[Bracket] = ()) -> Iterator[At]:
        """`at` with the indices running over all their values, those aside at which a condition fails."""
        if conditions and indices:
            first, *rest = sorted(indices, key=lambda i: not any(i in c.free for c in conditions[:1]))
            # An index that is still to come may have the name of one outside, whose value is none of its own.
            known = {*at, first.name} - {i.name for i in rest}
            ready = [c for c in conditions if {i.name for i in c.free} <= known]
            later = [c for c in conditions if c not in ready]
            for value in range(self.number(first.size)):
                here = {**at, first.name: value}
                if all(self.atom(c, here) for c in ready):
                    yield from self.points(rest, here, later)
            return
        names = [i.name for i in indices]
        for point in itertools.product(*[range(self.number(i.size)) for i in indices]):
            yield {**at, **dict(zip(names, point, strict=True))}

    def number(self, value: Coefficient) -> int:
        """A size or a coefficient of an index, as an integer."""
        if isinstance(value, int):
            return value
        if id(value) not in self.numbers:
            # With the expression beside its number, so that no other one gets its identity.
            self.numbers[id(value)] = value, integer(value, {n: e[()] for n, e in self.tensors.items() if () in e})
        return self.numbers[id(value)][1]

    def place(self, affine: Affine, at: At) -> int:
        if affine.plain is not None:
            return at[affine.plain.name]
        if id(affine) not in self.places:
            terms = [(index.name, self.number(c)) for index, c in affine.terms]
            lookups = [(entry, self.number(c)) for entry, c in affine.lookups]
            self.places[id(affine)] = affine, self.number(affine.constant), terms, lookups
        _, place, plain, looked_up = self.places[id(affine)]
        for name, coefficient in plain:
            place += coefficient * at[name]
        for entry, coefficient in looked_up:
            place += coefficient * self.position(entry, at)
        return place

    def position(self, entry: Lookup, at: At) -> int:
        """An entry of an integer tensor; one that is no position along its axis is an error, not a 0."""
        place = tuple(self.place(a, at) for a in entry.at)
        position = int(self.tensors[entry.tensor][place].real)
        if not 0 <= position < self.number(entry.size):
            raise CheckError(f"{entry.tensor}{list(place)} is {position}, no position along an axis of {entry.size}.")
        return position

    # one method for each kind of atom

    def atom(self, factor, at: At) -> Number:
        return self.METHODS[type(factor)](self, factor, at)

    def read(self, factor: Read, at: At) -> Number:
        """An entry; 0 outside the tensor."""
        place = tuple([self.place(a, at) for a in factor.at])
        entries = self.tensors[factor.tensor]
        if self.inside_only and place not in entries:
            raise Outside
        return entries.get(place, 0)

    def function(self, factor: Function, at: At) -> Number:
        # A floor is of sizes and options only; it is no primitive.
        value = math.floor if factor.name == "floor" else PRIMITIVES[factor.name].value
        return attempt(value, self.expr(factor.argument, at))

    def paren(self, factor: Paren, at: At) -> Number:
        return self.expr(factor.body, at)

    def bracket(self, factor: Bracket, at: At) -> bool:
        return HOLDS[factor.relation](self.place(factor.affine, at))

    def counted(self, factor: Position, at: At) -> int:
        """The indices themselves, as a number."""
        return self.place(factor.affine, at)

    def test(self, factor: Test, at: At) -> bool:
        return HOLDS[factor.relation](self.expr(factor.argument, at).real)

    def candidates(self, factor: Maximum | Argmax, at: At) -> Iterator[tuple[Place, Number]]:
        """What a maximum is taken over, with its place; what reads outside a tensor takes no part."""
        strict = replace(self, inside_only=True)
        for here in self.points(factor.over, at):
            with contextlib.suppress(Outside):
                yield tuple(here[i.name] for i in factor.over), strict.expr(factor.body, here)

    def maximum(self, factor: Maximum, at: At) -> Number:
        return max((value for _, value in self.candidates(factor, at)), key=real_part, default=-math.inf)

    def argmax(self, factor: Argmax, at: At) -> bool:
        """Of several largest values, Python's max gives the first."""
        first = max(self.candidates(factor, at), key=lambda pair: real_part(pair[1]), default=None)
        return first is not None and first[0] == tuple(self.place(a, at) for a in factor.at)

    def partial(self, factor: Partial, at: At) -> float:
        """The derivative by one entry, by complex step; every other tensor with a name is held."""
        name, place = factor.entry.tensor, tuple(self.place(a, at) for a in factor.entry.at)
        entries = self.tensors[name]
        if place not in entries:
            return 0.0
        if (name, place) not in self.moved:
            # A line differentiates by one entry after the other: the last one is kept.
            self.moved.clear()
            tensors = {**self.tensors, name: {**entries, place: entries[place] + 1j * STEP}}
            self.moved[name, place] = replace(self, tensors=tensors)
        return self.moved[name, place].one_level(factor.of, at, held=name).imag / STEP

    def one_level(self, value: Expr, at: At, held: str) -> Number:
        """The value; a bare read of a tensor that is defined in terms of others, by its definition."""
        factor = bare_read(value)
        if factor is None or factor.tensor == held or factor.tensor not in self.definitions:
            return self.expr(value, at)
        statement = self.definitions[factor.tensor]
        place = tuple(self.place(a, at) for a in factor.at)
        if place not in self.tensors[factor.tensor] or held not in statement.reads:
            return 0
        if isinstance(statement, Call):
            if statement not in self.calls:
                self.calls[statement] = self.call(statement)
            return self.calls[statement][factor.tensor][place]
        names = (i.name for i in statement.symbol.axes)
        return self.expr(statement.expr, dict(zip(names, place, strict=True)))

    METHODS: ClassVar[dict[type, Callable]] = {
        Read: read,
        Function: function,
        Paren: paren,
        Bracket: bracket,
        Position: counted,
        Test: test,
        Maximum: maximum,
        Argmax: argmax,
        Partial: partial,
    }

    # statements

    def run(self, statement: Statement) -> None:
        """Add what a statement defines to the names in scope."""
        self.tensors.update(self.call(statement) if isinstance(statement, Call) else self.equation(statement))

    def equation(self, statement: Equation) -> dict[str, Entries]:
        axes = statement.symbol.axes
        entries = {tuple(at[i.name] for i in axes): self.expr(statement.expr, at) for at in self.points(axes, {})}
        return {statement.symbol.name: entries}

    def call(self, statement: Call) -> dict[str, Entries]:
        """The callee, interpreted on the caller's values."""
        callee = statement.layer
        arguments = {s.name: self.array(name) for s, name in zip(callee.arguments, statement.arguments, strict=True)}
        scalars = {n: e[()] for n, e in self.tensors.items() if () in e}
        options = {name: evaluated(value, scalars) for name, value in statement.options.items()}
        values = interpret(callee, arguments, options, self.saves)
        named = (*zip(callee.outputs, statement.outputs, strict=True), *self.saves.get(statement, ()))
        return {symbol.name: entries_of(values[name], symbol) for name, symbol in named}

    def array(self, name: str) -> Array:
        """A tensor as an array of Python numbers."""
        entries = self.tensors[name]
        shape = tuple(max(axis) + 1 for axis in zip(*entries, strict=True))
        return filled(entries, shape, self.exact)


def interpret(
    layer: Layer, arrays: Mapping[str, Array], options: Mapping[str, Number] | None = None, saves: Saves | None = None
) -> dict[str, Array]:
    """Every tensor that `layer` reads or defines, by name, from its arguments and options by name."""
    oracle, group = oracle_of(layer, arrays, options, saves)
    saved = [symbol for statement in layer.statements for _, symbol in oracle.saves.get(statement, ())]
    defined = [symbol for statement in layer.statements for symbol in statement.defines]
    return {**arrays, **{symbol.name: unflattened(oracle, symbol, group) for symbol in (*defined, *saved)}}


def oracle_of(
    layer: Layer, arrays: Mapping[str, Array], options: Mapping[str, Number] | None = None, saves: Saves | None = None
) -> tuple[Oracle, Place]:
    """The layer's values as an oracle, and the shape of the group of leading axes."""
    sizes, group = bind(layer, {name: np.shape(array) for name, array in arrays.items()})
    scalars = {s.name: s.default for s in layer.options} | dict(options or {}) | sizes
    named: dict[str, Entries] = {name: {(): value} for name, value in {**scalars, "pi": math.pi}.items()}
    oracle = Oracle(named, saves=saves or {}, exact=any(np.asarray(a).dtype == object for a in arrays.values()))
    for symbol in layer.arguments:
        oracle.tensors[symbol.name] = entries_of(arrays[symbol.name], symbol)
    for statement in layer.statements:
        oracle.run(statement)
    return oracle, group


def unflattened(oracle: Oracle, symbol: Symbol, group: Place) -> Array:
    shape = tuple(oracle.number(i.size) for i in symbol.axes)
    if leads(symbol):
        shape = (*group, *shape[1:])
    return filled(oracle.tensors[symbol.name], shape, oracle.exact)


def real_part(value: Number) -> Number:
    return value.real


def bare_read(value: Expr) -> Read | None:
    """The read that the expression is, if it is nothing else."""
    term = value.only
    if term is None or term.coefficient != 1 or term.bound or len(term.factors) != 1:
        return None
    factor, exponent = term.factors[0]
    return factor if isinstance(factor, Read) and exponent == 1 else None


def power(base: Number, exponent: int | Fraction) -> Number:
    """base^exponent; a fractional power of a negative number has no value."""
    if exponent == 1:
        return base
    if isinstance(base, int):
        base = Fraction(base)
    if exponent.denominator != 1 and not isinstance(base, complex) and base.real < 0:
        return math.nan
    return attempt(lambda x: x**exponent, base)


def attempt(function: Callable[[Number], Number], x: Number) -> Number:
    """function(x), or NaN where it has no value."""
    try:
        return function(x)
    except (ValueError, ZeroDivisionError, OverflowError):
        return math.nan
