"""Plain text for the terminal, in Unicode or in ASCII: the spelling of index and matrix notation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from derive.core.axes import Index
from derive.core.terms import Expr, Rational
from derive.notation.matrices import Matrix, MatrixForm
from derive.notation.ordering import Names
from derive.printers.base import IndexPrinter
from derive.printers.lines import plain
from derive.printers.spelling import text_index, text_name
from derive.printers.style import Fractions, Style, decimal
from derive.printers.tree import MatrixPrinter

SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
CALLS = ("exp", "log", "sin", "cos", "sinh", "cosh", "tanh", "atan", "erf", "sigmoid", "softplus", "sign")
# What a divisor may be without parentheses: one name, entry, number, function or root.
SINGLE = re.compile(r"√?[^\s()\[\]/+-]+(\[[^\[\]]*\]|\([^()]*\))?[⁰¹²³⁴⁵⁶⁷⁸⁹]*\Z")


class TextStyle(Style):
    """Unicode."""

    ascii = False
    times = "·"
    ones = "1"
    identity = "I"
    hadamard = "⊙"
    relations = {"==": "=", "!=": "≠", ">=": "≥", ">": ">", "<=": "≤", "<": "<"}
    functions = {name: f"{name}({{x}})" for name in CALLS} | {"abs": "|{x}|", "floor": "⌊{x}⌋"}
    sigma = "Σ"
    d = "∂"

    def name(self, name: str) -> str:
        return text_name(name, self.names, self.ascii)

    def index(self, name: str) -> str:
        return text_index(name, self.ascii)

    def entry(self, tensor: str, at: Sequence[str]) -> str:
        return self.name(tensor) + (f"[{','.join(at)}]" if at else "")

    def number(self, value: Rational) -> str:
        if Fraction(value).denominator == 1:
            return str(value)
        return decimal(value) or f"({value})"

    def sum(self, terms: Sequence[tuple[bool, str]]) -> str:
        (negative, first), *others = terms
        return ("-" if negative else "") + first + "".join(f" {'-' if n else '+'} {t}" for n, t in others)

    def term(self, coefficient: Rational, outside: Fractions, total: str, inside: Fractions) -> str:
        """Numbers, factors, the sum, and all divisors behind."""
        number = Fraction(coefficient)
        scalars = [*outside.scalars, *outside.above]
        below = [*outside.scalars_below, *outside.below, *inside.scalars_below, *inside.below]
        scalars += outside.behind
        factors = [*scalars, total, *inside.scalars, *inside.above, *inside.behind] if total else scalars
        leading = [self.number(number)] if number != 1 or not factors else []
        if len(factors) == 0 and below:
            whole = number.denominator == 1 or decimal(number)
            leading = [self.number(number) if whole else str(number.numerator)]
            below = below if whole else [str(number.denominator), *below]
        if total and factors[-1] == total:
            factors.append("1")
        return self._over(" ".join([*leading, *factors]), below)

    def _over(self, above: str, below: Sequence[str]) -> str:
        if not below:
            return above
        divisor = " ".join(below)
        return f"{above}/{divisor}" if len(below) == 1 and _single(divisor) else f"{above}/({_stripped(divisor)})"

    def parens(self, body: str) -> str:
        return f"({body})"

    def power(self, base: str, exponent: Rational) -> str:
        if Fraction(exponent).denominator != 1:
            return f"{base}^({exponent})"
        return base + str(exponent).translate(SUPERSCRIPTS)

    def root(self, radicand: str) -> str:
        return f"√{radicand}" if _single(radicand) else f"√({radicand})"

    def total(self, indices: Sequence[str]) -> str:
        return f"{self.sigma}_{_listed(indices)}"

    def maximum(self, indices: Sequence[str], body: str) -> str:
        return f"max_{_listed(indices)} ({body})"

    def argmax(self, indices: Sequence[str], body: str) -> str:
        return f"argmax_{_listed(indices)} ({body})"

    def iverson(self, left: str, relation: str, right: str) -> str:
        return f"[{left} {self.relations[relation]} {right}]"

    def delta(self, first: str, second: str) -> str | None:
        letter = "delta" if self.ascii else "δ"
        return None if any(self.name(n) == letter for n in self.names) else f"{letter}({first},{second})"

    def partial(self, of: str, entry: str) -> str:
        return f"{self.d}{of}/{self.d}{entry}"

    def derivative(self, entry: str, body: str) -> str:
        return f"{self.d}/{self.d}{entry} ({body})"

    def second(self, of: str, by: str, column: str = "") -> str:
        return f"{self.power(self.d, 2)}{of}/{self.d}{by}" + (f"{self.d}{column}" if column else self.power("", 2))

    def subscripted(self, body: str, at: Sequence[str], single: bool) -> str:
        """(VᵀV)_ab: symbols of one letter stand close together."""
        words = plain(body).split(" ")
        close = all(re.fullmatch(r"\w(\^T|ᵀ)?", word) for word in words) and not self.ascii
        shown = "".join(words) if close else body
        indices = "".join(at) if all(len(i) == 1 for i in at) else "{" + ",".join(at) + "}"
        return f"{shown if single else self.parens(shown)}_{indices}"

    # matrices

    def tensor(self, name: str) -> str:
        return self.name(name)

    def operator(self, letter: str, of: str) -> str:
        return f"{letter_text(letter)}({self.name(of)})"

    def transpose(self, base: str) -> str:
        return f"{base}ᵀ"

    def entrywise_power(self, base: str, exponent: Rational) -> str:
        return f"{base}^{{⊙{exponent}}}"

    def named(self, name: str, body: str) -> str:
        return f"{name}({body})"

    def squared_norm(self, body: str, rank: int) -> str:
        return f"‖{body}‖²"

    def over(self, above: str, below: Sequence[str]) -> str:
        return self._over(above, below)

    def operator_entry(self, letter: str, of: str, at: Sequence[str]) -> str:
        return f"{self.operator(letter, of)}[{','.join(at)}]"

    # remarks beside equations

    def each(self, indices: Sequence[str]) -> str:
        return f"for each {', '.join(indices)}"

    def remark(self, prose: str) -> str:
        return prose

    def rule(self, name: str) -> str:
        return name

    def call(self, layer: str, arguments: Sequence[str]) -> str:
        return f"{layer}({', '.join(arguments)})"


class AsciiStyle(TextStyle):
    """ASCII."""

    ascii = True
    times = "*"
    hadamard = ".*"
    relations = {"==": "=", "!=": "!=", ">=": ">=", ">": ">", "<=": "<=", "<": "<"}
    functions = TextStyle.functions | {"floor": "floor({x})"}
    sigma = "sum"
    d = "d"

    def power(self, base: str, exponent: Rational) -> str:
        return f"{base}^{exponent}" if Fraction(exponent).denominator == 1 else f"{base}^({exponent})"

    def root(self, radicand: str) -> str:
        return f"sqrt({radicand})"

    def transpose(self, base: str) -> str:
        return f"{base}^T"

    def entrywise_power(self, base: str, exponent: Rational) -> str:
        return f"{base}.^{exponent}" if Fraction(exponent).denominator == 1 else f"{base}.^({exponent})"

    def squared_norm(self, body: str, rank: int) -> str:
        return f"||{body}||^2"


def letter_text(letter: str) -> str:
    r"""\mathcal{T}_{1} → T_1"""
    return re.sub(r"\\mathcal|[{}]", "", letter) + ("_" if letter.startswith("\\") and letter.endswith("}") else "")


def _listed(indices: Sequence[str]) -> str:
    only = indices[0] if len(indices) == 1 else ""
    return only if only and all(c.isalnum() or c == "_" for c in only) else "{" + ",".join(indices) + "}"


def _single(text: str) -> bool:
    return bool(SINGLE.match(text))


def _stripped(text: str) -> str:
    """A parenthesis that is the whole divisor is not doubled."""
    if not (text.startswith("(") and text.endswith(")")):
        return text
    depth = 0
    for place, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return text[1:-1] if place == len(text) - 1 else text
    return text


def style(names: Names, spellings: Mapping[str, str] | None = None, ascii: bool = False) -> TextStyle:
    return (AsciiStyle if ascii else TextStyle)(names, spellings)


def index_text(value: Expr, names: Names, ascii: bool = False, free: Sequence[Index] | None = None) -> str:
    """An expression in index notation."""
    return plain(IndexPrinter(style(names, ascii=ascii), names).print(value, free))


def matrix_text(tree: Matrix | MatrixForm, names: Names, ascii: bool = False, axes: Iterable[Index] = ()) -> str:
    """A tree in matrix notation; `axes` are those of the result, for masks on its indices."""
    return plain(MatrixPrinter(style(names, ascii=ascii), names).print(tree, tuple(axes)))
