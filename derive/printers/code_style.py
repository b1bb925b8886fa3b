"""What people read in generated code: equations as comments, in the names of the code, and docstrings."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from derive.core.layer import Equation, Layer
from derive.notation.ordering import Names
from derive.printers.base import IndexPrinter
from derive.printers.lines import plain
from derive.printers.text import TextStyle

WIDTH = 100
# A line of code that cannot be told in parts may be this long.
LONGEST = 120
INDENT = 4


class CodeStyle(TextStyle):
    """Index notation in the names of the code: dY, not G, and `...` for the leading axes."""

    times = " "

    def name(self, name: str) -> str:
        return "|...|" if name == "..." else name

    def index(self, name: str) -> str:
        return "..." + "'" * int(name[3:] or 0) if name.startswith("...") else name

    def entry(self, tensor: str, at: Sequence[str]) -> str:
        return self.name(tensor) + (f"[{', '.join(at)}]" if at else "")

    def total(self, indices: Sequence[str]) -> str:
        return f"{self.sigma}_{indices[0]}" if len(indices) == 1 else f"{self.sigma}_{{{','.join(indices)}}}"

    def _over(self, above: str, below: Sequence[str]) -> str:
        return super()._over(above, below).replace(f"{above}/", f"{above} / ", 1) if below else above


@lru_cache(maxsize=16)
def _printer(layer: Layer) -> IndexPrinter:
    """A printer for the comments in a layer's code, where every tensor is called by its name."""
    names: Names = {name: replace(s, text=None) for name, s in layer.symbols.items()}
    return IndexPrinter(CodeStyle(names), names)


def equation_text(equation: Equation, layer: Layer) -> str:
    printer = _printer(layer)
    axes = equation.symbol.axes
    return plain(f"{printer.entry(equation.symbol.name, axes)} = {printer.print(equation.expr, axes)}")


def given_text(layer: Layer) -> str:
    """What is declared of the layer's arguments, in one line; nothing where nothing is."""
    printer = _printer(layer)
    facts = []
    for fact in layer.facts:
        symbol = layer.symbols[fact.tensor]
        left, right = fact.sides(symbol)
        axes = [i for i in symbol.axes if i in left.free]
        facts.append(" = ".join(plain(printer.print(side, axes)) for side in (left, right)))
    return f"Given: {', '.join(facts)}." if facts else ""


def comment(text: str, indent: int = 0) -> list[str]:
    lines = textwrap.wrap(text, WIDTH - INDENT - 6 - indent, break_long_words=False, break_on_hyphens=False)
    return [f"# {lines[0]}", *(f"#     {line}" for line in lines[1:])]


def filled(names: Sequence[str]) -> list[str]:
    """Names in parentheses, on lines of their own."""
    lines = textwrap.wrap(", ".join(names) + ",", LONGEST - 2 * INDENT, break_long_words=False)
    return ["(", *(" " * INDENT + line for line in lines), ")"]


def wrapped(line: str, width: int) -> list[str]:
    """A line of code; if it is too long, the arguments of its longest call stand on a line, or lines, of their own."""
    if len(line) <= width or line.lstrip().startswith("#"):
        return [line]
    depth, start, groups = 0, 0, []
    for place, character in enumerate(line):
        if character in "([{":
            start = place if depth == 0 else start
            depth += 1
        elif character in ")]}":
            depth -= 1
            if depth == 0 and line[start] == "(":
                groups.append((start, place))
    if not groups:
        return [line]
    start, end = max(groups, key=lambda group: group[1] - group[0])
    inside = [f"    {line[start + 1 : end]}"]
    if len(inside[0]) > width:
        inside = [f"    {part.strip()}," for part in _parts(line[start + 1 : end])]
    return [line[: start + 1], *inside, line[end:]]


def _parts(text: str) -> list[str]:
    """What stands between the commas of a list of arguments, those inside brackets and subscripts aside."""
    parts, depth, quoted = [""], 0, False
    for character in text:
        quoted ^= character == '"'
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 0 and not quoted:
            parts.append("")
        else:
            parts[-1] += character
    return [part for part in parts if part.strip()]


def docstring(lines: Sequence[str]) -> list[str]:
    """The lines of a docstring between quotes; whatever they hold, they stay text."""
    safe = [_safe(line).rstrip() for line in lines]
    while safe and not safe[-1]:
        safe.pop()
    if len(safe) == 1:
        return [f'"""{safe[0]}"""']
    return [f'"""{safe[0]}', *safe[1:], '"""']


def _safe(line: str) -> str:
    """The line as repr writes it: no control characters, no backslash and no quotation mark that could end it."""
    inside = repr(line + "'\"")[1:-1].removesuffix("\\'\"")
    # An apostrophe needs no backslash between double quotes.
    inside = re.sub(r"\\(.)", lambda escaped: "'" if escaped[1] == "'" else escaped[0], inside)
    return inside.replace('"', '\\"') if '""' in inside or inside.endswith('"') else inside
