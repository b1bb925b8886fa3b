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


def comment(text: str) -> list[str]:
    lines = textwrap.wrap(text, WIDTH - INDENT - 6, break_long_words=False, break_on_hyphens=False)
    return [f"# {lines[0]}", *(f"#     {line}" for line in lines[1:])]


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
