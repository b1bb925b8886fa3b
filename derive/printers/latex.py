"""LaTeX: the spelling of index and matrix notation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from derive.core.axes import Index
from derive.core.terms import Expr, Rational
from derive.notation.matrices import Matrix, MatrixForm
from derive.notation.ordering import Names
from derive.printers.base import IndexPrinter
from derive.printers.escape import escape
from derive.printers.lines import CLOSE, FACTOR, OPEN, TERM, plain, width
from derive.printers.spelling import composite, distinct, group, latex_index, latex_name
from derive.printers.style import Fractions, Style, decimal
from derive.printers.tree import MatrixPrinter

# A fraction whose upper half is wider than this is set beside it.
WIDEST_NUMERATOR = 170.0


def _call(name: str) -> str:
    return rf"{name}\left({OPEN}{{x}}{CLOSE}\right)"


class LatexStyle(Style):
    times = r" "
    ones = r"\mathbf{1}"
    identity = r"\mathbf{I}"
    hadamard = r"\odot"
    relations = {"==": "=", "!=": r"\neq", ">=": r"\geq", ">": ">", "<=": r"\leq", "<": "<"}
    functions = {
        "exp": _call(r"\exp"),
        "log": _call(r"\log"),
        "sin": _call(r"\sin"),
        "cos": _call(r"\cos"),
        "sinh": _call(r"\sinh"),
        "cosh": _call(r"\cosh"),
        "tanh": _call(r"\tanh"),
        "atan": _call(r"\arctan"),
        "erf": _call(r"\mathrm{erf}"),
        "sigmoid": _call(r"\mathrm{sigmoid}"),
        "softplus": _call(r"\mathrm{softplus}"),
        "sign": _call(r"\mathrm{sign}"),
        "abs": rf"\left|{OPEN}{{x}}{CLOSE}\right|",
        "floor": rf"\left\lfloor {OPEN}{{x}}{CLOSE}\right\rfloor",
    }

    def __init__(self, names: Names, spellings: Mapping[str, str] | None = None):
        super().__init__(names, spellings)
        self.spelled = distinct(names)
        self.indices: dict[str, str] = {}
        # Names that need braces before they take a power.
        self.stiff = {latex for latex in self.spelled.values() if not _takes_power(latex)}
        self.delta_taken = r"\delta" in self.spelled.values()

    def name(self, name: str) -> str:
        if name not in self.spelled:
            self.spelled[name] = latex_name(name, self.names)
        return self.spelled[name]

    def index(self, name: str) -> str:
        if name not in self.indices:
            self.indices[name] = latex_index(name, self.spellings)
        return self.indices[name]

    def entry(self, tensor: str, at: Sequence[str]) -> str:
        name = self.name(tensor)
        # A gap tells the indices from a subscript of the name's own: W₁ at p, q.
        gap = r"\," if "_" in name else ""
        return f"{_braced(name)}_{{{gap}{','.join(at)}}}" if at else name

    def number(self, value: Rational) -> str:
        if (shown := decimal(value)) is not None:
            return shown
        if isinstance(value, Fraction) and value.denominator != 1:
            return rf"\frac{{{value.numerator}}}{{{value.denominator}}}"
        return str(value)

    def sum(self, terms: Sequence[tuple[bool, str]]) -> str:
        (negative, first), *others = terms
        signed = ("- " if negative else "") + first
        return signed + "".join(f" {TERM}{'-' if minus else '+'} {text}" for minus, text in others)

    def term(self, coefficient: Rational, outside: Fractions, total: str, inside: Fractions) -> str:
        head = self._product(Fraction(coefficient), outside, hide_one=bool(total))
        if not total:
            return head
        body = self._product(Fraction(1), inside, hide_one=False)
        return (f"{head} {FACTOR}" if head else "") + f"{total} {body}"

    def _product(self, coefficient: Fraction, parts: Fractions, hide_one: bool) -> str:
        front = self._quotient(coefficient, parts, hide_one or bool(parts.behind))
        return _times([f for f in (front, *parts.behind) if f])

    def _quotient(self, coefficient: Fraction, parts: Fractions, hide_one: bool) -> str:
        """Numbers over numbers first; one fraction for all where something with indices stands below."""
        shown = decimal(coefficient)
        top = ([shown] if shown else [str(coefficient.numerator)] * (coefficient.numerator != 1)) + parts.scalars
        numbers = [] if shown else [str(coefficient.denominator)] * (coefficient.denominator != 1)
        bottom = [*numbers, *parts.scalars_below, *parts.below]
        below = self._single(bottom, parts.bare_below, parts.below)
        if not bottom:
            factors = [*top, *parts.above]
            return _times(factors) if factors else "" if hide_one else "1"
        if parts.below and width(" ".join(parts.above)) <= WIDEST_NUMERATOR:
            above = self._single([*top, *parts.above], parts.bare, parts.above)
            return self._fraction(above or "1", below)
        if bottom == numbers:
            beside, top = parts.scalars + parts.above, top[: len(top) - len(parts.scalars)]
            return _times([self._fraction(_times(top) or "1", below), *beside])
        return _times([self._fraction(_times(top) or "1", below), *parts.above])

    @staticmethod
    def _single(factors: list[str], bare: str | None, indexed: list[str]) -> str:
        """A parenthesis that is all there is above or below a line needs no parentheses."""
        return bare if bare is not None and factors == indexed else _times(factors)

    @staticmethod
    def _fraction(above: str, below: str) -> str:
        return rf"\frac{{{plain(above)}}}{{{plain(below)}}}"

    def parens(self, body: str) -> str:
        return rf"\left({OPEN}{body}{CLOSE}\right)"

    def power(self, base: str, exponent: Rational) -> str:
        """base^exponent of one factor; a name that is composite or has a power of its own is braced."""
        return f"{self._powered(base)}^{{{exponent}}}"

    def _powered(self, base: str) -> str:
        return group(base) if base in self.stiff else base

    def root(self, radicand: str) -> str:
        return rf"\sqrt{{{plain(radicand)}}}"

    def total(self, indices: Sequence[str]) -> str:
        return rf"\sum_{{{','.join(indices)}}}"

    def maximum(self, indices: Sequence[str], body: str) -> str:
        return rf"\max_{{{','.join(indices)}}} {self.parens(body)}"

    def argmax(self, indices: Sequence[str], body: str) -> str:
        return rf"\arg\max_{{{','.join(indices)}}} {self.parens(body)}"

    def iverson(self, left: str, relation: str, right: str) -> str:
        return rf"\left[{OPEN}{left} {self.relations[relation]} {right}{CLOSE}\right]"

    def delta(self, first: str, second: str) -> str | None:
        return None if self.delta_taken else rf"\delta_{{{first},{second}}}"

    def partial(self, of: str, entry: str) -> str:
        return rf"\frac{{\partial {of}}}{{\partial {entry}}}"

    def derivative(self, entry: str, body: str) -> str:
        return rf"\frac{{\partial}}{{\partial {entry}}}{self.parens(body)}"

    def second(self, of: str, by: str, column: str = "") -> str:
        below = rf"\partial {by} \, \partial {column}" if column else rf"\partial {self._powered(by)}^{{2}}"
        return rf"\frac{{\partial^{{2}} {of}}}{{{below}}}"

    def subscripted(self, body: str, at: Sequence[str], single: bool) -> str:
        return f"{_braced(body) if single else self.parens(body)}_{{{','.join(at)}}}"

    # matrices

    def tensor(self, name: str) -> str:
        return self._powered(self.name(name))

    def operator(self, letter: str, of: str) -> str:
        return f"{letter}({self.name(of)})"

    def transpose(self, base: str) -> str:
        return rf"{base}^{{\top}}"

    def entrywise_power(self, base: str, exponent: Rational) -> str:
        return rf"{base}^{{\odot {exponent}}}"

    def named(self, name: str, body: str) -> str:
        return rf"\mathrm{{{name}}}\left({OPEN}{body}{CLOSE}\right)"

    def squared_norm(self, body: str, rank: int) -> str:
        return rf"\left\lVert {OPEN}{body}{CLOSE}\right\rVert{'_{F}' if rank == 2 else ''}^{{2}}"

    def product(self, factors: Sequence[str]) -> str:
        r"""Side by side; a composite name keeps its distance: \mathrm{d}S \, K."""
        text = ""
        for number, factor in enumerate(factors):
            space = rf" \, {FACTOR}" if factors[number - 1].startswith(r"\mathrm{d}") else f" {FACTOR}"
            text += space + factor if number else factor
        return text

    def over(self, above: str, below: Sequence[str]) -> str:
        return f"{above} / {below[0] if len(below) == 1 else self.parens(' '.join(below))}"

    def operator_entry(self, letter: str, of: str, at: Sequence[str]) -> str:
        return f"{self.operator(letter, of)}_{{{','.join(at)}}}"

    # remarks beside equations

    def each(self, indices: Sequence[str]) -> str:
        return rf"\text{{for each \({', '.join(indices)}\)}}"

    def remark(self, prose: str) -> str:
        return rf"\text{{{escape(prose)}}}"

    def rule(self, name: str) -> str:
        return rf"\text{{{self._rule(name)}}}"

    def _rule(self, name: str) -> str:
        """In "definition of A, B" the names are those of tensors, as they are shown."""
        verb, rest = re.match(r"(definition of |reuse |name )?(.*)\Z", name, re.DOTALL).groups()  # type: ignore[union-attr]
        if not verb:
            return escape(name)
        shown = {s.shown: n for n, s in self.names.items()}
        words = [rf"\({self.name(shown[w])}\)" if w in shown else escape(w) for w in rest.split(", ")]
        return escape(verb) + ", ".join(words)

    def call(self, layer: str, arguments: Sequence[str]) -> str:
        return self.layer(layer) + self.parens(", ".join(arguments))

    def layer(self, name: str) -> str:
        return rf"\mathrm{{{escape(name)}}}"

    def quote(self, formula: str) -> str:
        return f"${formula}$"


def _times(factors: Sequence[str]) -> str:
    """Factors side by side; a number needs no space behind it."""
    text = ""
    for n, factor in enumerate(factors):
        if n:
            number = factors[n - 1].isdigit() or factors[n - 1].startswith(r"\frac")
            text += f" {FACTOR}" if number else rf" \, {FACTOR}"
        text += factor
    return text


def _braced(name: str) -> str:
    return group(name) if composite(name) else name


def _takes_power(name: str) -> bool:
    """Can a superscript follow as it is? One letter with a subscript can, a composite name cannot."""
    stem, mark, rest = name.partition("_")
    return not composite(stem) and "^" not in rest and "'" not in rest


def index_latex(
    value: Expr, names: Names, spellings: Mapping[str, str] | None = None, free: Sequence[Index] | None = None
) -> str:
    """An expression in index notation."""
    return plain(IndexPrinter(LatexStyle(names, spellings), names).print(value, free))


def matrix_latex(
    tree: Matrix | MatrixForm, names: Names, spellings: Mapping[str, str] | None = None, axes: Iterable[Index] = ()
) -> str:
    """A tree in matrix notation; `axes` are those of the result, for masks on its indices."""
    return plain(MatrixPrinter(LatexStyle(names, spellings), names).print(tree, tuple(axes)))
