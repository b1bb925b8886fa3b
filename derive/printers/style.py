"""What a target must be able to spell. Strings in, strings out; no mathematics."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import gcd
from typing import ClassVar

from derive.core.terms import Rational
from derive.errors import NotationError
from derive.notation.ordering import Names
from derive.printers.lines import FACTOR

# A number with more places is a fraction.
MOST_PLACES = 9


def magnitude(value: Rational) -> Rational:
    """|value|"""
    return -value if value < 0 else value


def decimal(value: Rational) -> str | None:
    """A fraction as a decimal, where it is one and that is the shorter to read: 0.01, but 1/2."""
    numerator, denominator = Fraction(value).as_integer_ratio()
    rest, places = denominator, 0
    while places < MOST_PLACES and rest != 1:
        places += 1
        rest = denominator // gcd(denominator, 10**places)
    if denominator == 1 or rest != 1:
        return None
    digits = str(abs(numerator) * 10**places // denominator).rjust(places + 1, "0")
    shown = f"{'-' if numerator < 0 else ''}{digits[:-places]}.{digits[-places:]}"
    return shown if len(shown) < len(f"{numerator}/{denominator}") else None


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


class Style(ABC):
    """One target's spelling of the pieces of index and matrix notation."""

    times: ClassVar[str] = " "
    relations: ClassVar[Mapping[str, str]]
    functions: ClassVar[Mapping[str, str]]
    ones: ClassVar[str]
    identity: ClassVar[str]
    hadamard: ClassVar[str]

    def __init__(self, names: Names, spellings: Mapping[str, str] | None = None):
        self.names = names
        self.spellings = spellings or {}

    def function(self, name: str, argument: str) -> str:
        """A scalar function of an argument that needs no parentheses of its own."""
        if name not in self.functions:
            raise NotationError(
                f"the function {name} has no spelling in {type(self).__name__}. Add a row to its table of functions."
            )
        return self.functions[name].replace("{x}", argument)

    @abstractmethod
    def name(self, name: str) -> str: ...

    @abstractmethod
    def index(self, name: str) -> str: ...

    @abstractmethod
    def entry(self, tensor: str, at: Sequence[str]) -> str: ...

    @abstractmethod
    def number(self, value: Rational) -> str: ...

    @abstractmethod
    def sum(self, terms: Sequence[tuple[bool, str]]) -> str: ...

    @abstractmethod
    def term(self, coefficient: Rational, outside: Fractions, total: str, inside: Fractions) -> str: ...

    @abstractmethod
    def parens(self, body: str) -> str: ...

    @abstractmethod
    def power(self, base: str, exponent: Rational) -> str: ...

    @abstractmethod
    def root(self, radicand: str) -> str: ...

    @abstractmethod
    def total(self, indices: Sequence[str]) -> str: ...

    @abstractmethod
    def maximum(self, indices: Sequence[str], body: str) -> str: ...

    @abstractmethod
    def argmax(self, indices: Sequence[str], body: str) -> str: ...

    @abstractmethod
    def iverson(self, left: str, relation: str, right: str) -> str: ...

    @abstractmethod
    def delta(self, first: str, second: str) -> str | None:
        """A Kronecker delta, or None where the letter is taken."""

    @abstractmethod
    def partial(self, of: str, entry: str) -> str: ...

    @abstractmethod
    def second(self, of: str, by: str, column: str = "") -> str:
        """The second derivative of a number: by an entry and another, or, without the other, the whole Hessian."""

    @abstractmethod
    def subscripted(self, body: str, at: Sequence[str], single: bool) -> str:
        """An entry of a matrix that is written out; `single` if that is one symbol."""

    @abstractmethod
    def derivative(self, entry: str, body: str) -> str: ...

    # matrices

    @abstractmethod
    def tensor(self, name: str) -> str:
        """A whole tensor, ready to take a transposition sign or a power."""

    @abstractmethod
    def operator(self, letter: str, of: str) -> str: ...

    @abstractmethod
    def transpose(self, base: str) -> str: ...

    @abstractmethod
    def entrywise_power(self, base: str, exponent: Rational) -> str: ...

    @abstractmethod
    def named(self, name: str, body: str) -> str:
        """diag(…), tr(…)"""

    @abstractmethod
    def squared_norm(self, body: str, rank: int) -> str: ...

    def product(self, factors: Sequence[str]) -> str:
        """Matrices side by side."""
        return f" {FACTOR}".join(factors)

    @abstractmethod
    def over(self, above: str, below: Sequence[str]) -> str:
        """A division behind what is divided."""

    @abstractmethod
    def operator_entry(self, letter: str, of: str, at: Sequence[str]) -> str: ...

    # remarks beside equations

    @abstractmethod
    def each(self, indices: Sequence[str]) -> str:
        """For each value of these indices."""

    @abstractmethod
    def remark(self, prose: str) -> str: ...

    @abstractmethod
    def rule(self, name: str) -> str:
        """The name of a rule, with the names of tensors in it as they are shown."""

    @abstractmethod
    def call(self, layer: str, arguments: Sequence[str]) -> str: ...

    def layer(self, name: str) -> str:
        """The name of a layer."""
        return name

    def quote(self, formula: str) -> str:
        """A formula inside a sentence."""
        return formula
