"""Where a line of LaTeX may break, how wide it is, and breaking it so that it stays on its page.

Printers leave marks in what they print: TERM before the sign of a summand, FACTOR between factors, OPEN and CLOSE
around what stands in parentheses. `plain` drops the marks; `broken` breaks at them: at signs first, then between
factors, then inside the widest parentheses.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property, lru_cache

TERM, FACTOR, OPEN, CLOSE = "\ue000", "\ue001", "\ue002", "\ue003"
MARKS = str.maketrans("", "", TERM + FACTOR + OPEN + CLOSE)

# Widths in points at ten points, by kind of glyph, a little generous.
WIDE = {"\\sum": 16.0, "\\max": 22.0, "\\quad": 10.0, "\\qquad": 20.0, "\\,": 1.7, "\\odot": 12.5, "\\mid": 7.0,
        "\\left": 1.3, "\\right": 1.3}  # fmt: skip
FUNCTIONS = {"exp": 18, "log": 16, "sin": 15, "cos": 16, "tanh": 23, "sinh": 22, "cosh": 23, "arctan": 31}
RELATIONS = {"=", "<", ">", "+", "-", "\\neq", "\\geq", "\\leq", "\\in"}
SILENT = {"\\mathrm", "\\mathit", "\\mathbf", "\\text", "\\displaystyle", "\\begin", "\\end", "&",
          "\\operatorname", "\\mathcal", "\\hat", "\\bar", "\\tilde", "\\lvert", "\\rvert"}  # fmt: skip
NARROW = set("()[]|,.'ijlt/!:;")
BROAD = set("DHKMNWX")
TOKEN = re.compile(r"\\[A-Za-z]+|\\.|.", re.DOTALL)
# A script, and one in a script: the smallest letters are the broadest for their size.
SCRIPT, NESTED = 0.72, 0.95


def plain(marked: str) -> str:
    """What was printed, without the marks."""
    return marked.translate(MARKS)


def width(text: str) -> float:
    """About how wide this is in print, in points."""
    return _width(plain(text))


@lru_cache(maxsize=4096)
def _width(text: str) -> float:
    return _Ruler(TOKEN.findall(text)).run()


class _Ruler:
    """Adds up glyphs; scripts are smaller, a fraction is as wide as its wider half."""

    def __init__(self, tokens: list[str]):
        self.tokens = tokens[::-1]
        self.depth = 0

    def run(self) -> float:
        total = 0.0
        while self.tokens and self.tokens[-1] != "}":
            total += self.one()
        return total

    def one(self) -> float:
        token = self.tokens.pop()
        if token == "{":
            inner = self.run()
            if self.tokens:
                self.tokens.pop()
            return inner
        if token == "\\frac":
            return max(self.argument(), self.argument()) + 3.0
        if token in ("_", "^"):
            return self.scripts(token)
        if token == "\\sum":
            return self.operator()
        return glyph(token)

    def argument(self) -> float:
        while self.tokens and self.tokens[-1] == " ":
            self.tokens.pop()
        return self.one() if self.tokens else 0.0

    def scripts(self, token: str) -> float:
        """A subscript and a superscript stand above one another."""
        self.depth += 1
        widest = self.argument()
        if self.tokens and self.tokens[-1] in ("_", "^") and self.tokens[-1] != token:
            self.tokens.pop()
            widest = max(widest, self.argument())
        self.depth -= 1
        return widest * (NESTED if self.depth else SCRIPT)

    def operator(self) -> float:
        if self.tokens and self.tokens[-1] == "_":
            self.tokens.pop()
            return max(WIDE["\\sum"], self.argument() * SCRIPT + 2)
        return WIDE["\\sum"]


def glyph(token: str) -> float:
    if token in SILENT or token in " \n{}":
        return 0.0
    if token in WIDE:
        return WIDE[token]
    if token in RELATIONS:
        return 13.0
    if token in NARROW:
        return 4.0
    if token[0] == "\\":
        return FUNCTIONS.get(token[1:], 6.3)
    return 9.0 if token in BROAD else 7.5 if token.isupper() else 5.4


# breaking


class _Group:
    """Marked text as a tree: strings, marks, and the groups between OPEN and CLOSE."""

    def __init__(self, items: list):
        self.items = items

    @staticmethod
    def parse(marked: str) -> _Group:
        stack: list[list] = [[]]
        for piece in re.split(f"([{TERM}{FACTOR}{OPEN}{CLOSE}])", marked):
            if piece == OPEN:
                stack.append([])
            elif piece == CLOSE:
                done = _Group(stack.pop())
                stack[-1].append(done)
            elif piece:
                stack[-1].append(piece)
        return _Group(stack[0])

    @cached_property
    def flat(self) -> str:
        return "".join(i.flat if isinstance(i, _Group) else "" if i in (TERM, FACTOR) else i for i in self.items)

    def split(self, mark: str) -> list[_Group]:
        parts: list[list] = [[]]
        for item in self.items:
            if item == mark:
                parts.append([])
            else:
                parts[-1].append(item)
        return [_Group(p) for p in parts if p]


def broken(marked: str, room: float) -> list[str]:
    """The lines of an expression, none wider than `room` where that can be helped."""
    return [line.strip().removesuffix("\\,").strip() for line in _lines(_Group.parse(marked), room)]


def _lines(group: _Group, room: float) -> list[str]:
    if width(group.flat) <= room:
        return [group.flat]
    for mark in (TERM, FACTOR):
        parts = group.split(mark)
        if len(parts) > 1:
            return _filled(parts, room)
    return _opened(group, room)


def _filled(parts: Sequence[_Group], room: float) -> list[str]:
    """Parts put on lines, as many on each as fit; a part too wide for any starts where it can."""
    lines: list[str] = []
    current = ""
    for part in parts:
        if width(current + part.flat) <= room:
            current += part.flat
            continue
        first, *others = _lines(part, room)
        if current and not (others and width(current + first) <= room):
            lines.append(current)
            current = ""
        *full, current = [current + first, *others]
        lines.extend(full)
    return [*lines, current]


def _opened(group: _Group, room: float) -> list[str]:
    """The lines of a group whose widest parenthesis is broken; its delimiters are sized by hand to span lines."""
    inner = [n for n, item in enumerate(group.items) if isinstance(item, _Group)]
    if not inner:
        return [group.flat]
    widest = max(inner, key=lambda n: width(group.items[n].flat))
    before, after = _Group(group.items[:widest]).flat, _Group(group.items[widest + 1 :]).flat
    lines = _lines(group.items[widest], room - INDENT)
    if len(lines) == 1:
        return [group.flat]
    lines[0] = _sized(before, "left", "l", last=True) + lines[0]
    lines[-1] += _sized(after, "right", "r", last=False)
    return lines


INDENT = 20.0


def _sized(text: str, name: str, side: str, last: bool) -> str:
    r"""\left( becomes \biggl(, for a parenthesis that closes on another line."""
    head, mark, tail = text.rpartition("\\" + name) if last else text.partition("\\" + name)
    return f"{head}\\bigg{side}{tail}" if mark else text


def continued(line: str) -> str:
    """A line that starts with a sign, set as the binary operator that it is."""
    return "{}" + line if line[:1] in "+-" else line
