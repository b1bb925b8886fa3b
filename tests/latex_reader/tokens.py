"""LaTeX as tokens, and a cursor over them: what the readers of both notations share."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeVar

Found = TypeVar("Found")
Key = tuple[str, ...]

TOKEN = re.compile(r"\s+|\\[A-Za-z]+|\\.|\d+(?:\.\d+)?|[A-Za-z{}^_+\-/()\[\]|,=<>&'*~.]")
SPACING = frozenset({r"\,", r"\;", r"\:", r"\!", r"\ ", r"\quad", r"\qquad", "~", r"\displaystyle"})
# Delimiters that grow (\left) or are sized by hand (\bigl) mean the same.
GROWING = {r"\left": r"\right"} | {rf"\{size}l": rf"\{size}r" for size in ("big", "Big", "bigg", "Bigg")}
CLOSING = {"(": ")", "[": "]", "|": "|", r"\Vert": r"\Vert", r"\|": r"\|"}
CLOSING |= {rf"\l{name}": rf"\r{name}" for name in ("floor", "vert", "Vert")}


class ReaderError(ValueError):
    """The text is not in the notation, or does not fit the arrays that it was given."""


def scan(latex: str) -> list[tuple[str, int, int]]:
    """Every token with its place; anything that is not a token is an error."""
    found, at = [], 0
    while at < len(latex):
        match = TOKEN.match(latex, at)
        if match is None:
            raise ReaderError(f"unknown character {latex[at]!r} in {latex!r}")
        if not match.group().isspace():
            found.append((match.group(), at, match.end()))
        at = match.end()
    return found


def tokenize(latex: str) -> Key:
    """The tokens that mean something, with every sub- and superscript in braces: d_k → d _ { k }."""
    plain = [token for token, _, _ in scan(latex) if token not in SPACING]
    tokens: list[str] = []
    for token in plain:
        if tokens and tokens[-1] in "_^" and token != "{":
            takes_more = token == "}" or token.startswith((r"\math", r"\frac", r"\sqrt"))
            if takes_more or len(token) > 1 and token[0].isdigit():
                raise ReaderError(f"the script {token!r} needs braces in {latex!r}")
            tokens.extend(("{", token, "}"))
        else:
            tokens.append(token)
    return tuple(tokens)


def keyed(names: Mapping[str, Found]) -> dict[Key, Found]:
    """The same mapping with every spelling as its tokens, so that d_k and d_{k} are one name."""
    result = {tokenize(name): value for name, value in names.items()}
    if len(result) < len(names):
        raise ReaderError(f"two names are spelled alike: {sorted(names)}")
    return result


def spelled(key: Key) -> str:
    return " ".join(key)


class Cursor:
    """A place in the tokens of one expression."""

    def __init__(self, latex: str):
        self.latex = latex
        self.tokens = tokenize(latex)
        self.at = 0

    def fail(self, what: str) -> ReaderError:
        here = " ".join(self.tokens[self.at : self.at + 8]) or "the end"
        return ReaderError(f"{what}, at {here!r} of {self.latex!r}")

    def peek(self, ahead: int = 0) -> str:
        place = self.at + ahead
        return self.tokens[place] if place < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self.at += 1
        return token

    def follows(self, *tokens: str) -> bool:
        return self.tokens[self.at : self.at + len(tokens)] == tokens

    def accept(self, *tokens: str) -> bool:
        found = self.follows(*tokens)
        self.at += len(tokens) if found else 0
        return found

    def expect(self, *tokens: str) -> None:
        if not self.accept(*tokens):
            raise self.fail(f"expected {' '.join(tokens)!r}")

    def finish(self) -> None:
        if self.at < len(self.tokens):
            raise self.fail("cannot be read")

    def word(self, names: Mapping[Key, Found]) -> tuple[Key, Found] | None:
        """Take the longest of the names that starts here."""
        for length in sorted({len(key) for key in names}, reverse=True):
            key = self.tokens[self.at : self.at + length]
            if len(key) == length and key in names:
                self.at += length
                return key, names[key]
        return None

    def braced_word(self, names: Mapping[Key, Found]) -> tuple[Key, Found] | None:
        """Take a name, or a name in braces of its own: {W_{1}}."""
        start = self.at
        if self.accept("{"):
            found = self.braced_word(names)
            if found is not None and self.accept("}"):
                return found
            self.at = start
            return None
        return self.word(names)

    def number(self) -> float | None:
        return float(self.take()) if self.peek()[:1].isdigit() else None

    def group(self, read: Callable[[], Found]) -> Found:
        self.expect("{")
        result = read()
        self.expect("}")
        return result

    def opens(self, *delimiters: str) -> str | None:
        """The opening delimiter that stands here, bare or growing."""
        token = self.peek(1) if self.peek() in GROWING else self.peek()
        return token if token in delimiters else None

    def delimited(self, read: Callable[[], Found]) -> Found:
        """What `read` finds between the opening delimiter here and the closing one that fits it."""
        growing = GROWING.get(self.peek())
        if growing:
            self.take()
        closing = CLOSING[self.take()]
        result = read()
        self.expect(*((growing, closing) if growing else (closing,)))
        return result
