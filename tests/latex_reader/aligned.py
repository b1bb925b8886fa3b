"""The lines of an `aligned` derivation: what is equal to what, and by which rule."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .tokens import GROWING, ReaderError, scan

ENVIRONMENT = re.compile(r"\\begin\{(aligned|align\*?|split|gathered)\}(?:\[[tbc]\])?(.*)\\end\{\1\}", re.DOTALL)
ROW_SPACE = re.compile(r"\s*\[-?[\d.]+(?:pt|em|ex)\]")
TEXT = re.compile(r"\\text(?:rm|it|normal)?\{")


def split_aligned(latex: str) -> list[tuple[str, str, str]]:
    """(left, right, rule) for each `=` of the derivation; a line without one goes on with the line before."""
    found = ENVIRONMENT.search(latex)
    lines: list[tuple[str, str, str]] = []
    left = ""
    for row in _rows(found.group(2) if found else latex):
        mathematics, rule = _without_text(row)
        mathematics = mathematics.replace("&", " ").replace("{}", " ").strip()
        if not mathematics and not rule:
            continue
        equals = _top_level(mathematics, "=")
        if equals is not None:
            left = mathematics[:equals].strip() or left
            lines.append((left, mathematics[equals + 1 :].strip(), rule))
        elif lines:
            left, right, known = lines[-1]
            lines[-1] = (left, f"{right} {mathematics}".strip(), f"{known} {rule}".strip())
        else:
            raise ReaderError(f"the first line says nothing equal: {row!r}")
    return lines


def _rows(body: str) -> Iterator[str]:
    """Split at the line breaks that stand outside braces."""
    start = depth = 0
    for at, character in _characters(body):
        depth += (character == "{") - (character == "}")
        if character == r"\\" and depth == 0:
            yield body[start:at]
            space = ROW_SPACE.match(body, at + 2)
            start = space.end() if space else at + 2
    if depth:
        raise ReaderError(f"braces do not match in {body!r}")
    yield body[start:]


def _characters(text: str) -> Iterator[tuple[int, str]]:
    for match in re.finditer(r"\\.|.", text, re.DOTALL):
        yield match.start(), match.group()


def _without_text(row: str) -> tuple[str, str]:
    """The mathematics of a row, and what its \\text{…} says."""
    said = []
    while (found := TEXT.search(row)) is not None:
        depth, end = 1, None
        for at, character in _characters(row[found.end() :]):
            depth += (character == "{") - (character == "}")
            if depth == 0:
                end = found.end() + at
                break
        if end is None:
            raise ReaderError(f"braces do not match in {row!r}")
        said.append(row[found.end() : end].strip())
        row = row[: found.start()] + row[end + 1 :]
    return row, " ".join(said)


def _top_level(mathematics: str, wanted: str) -> int | None:
    """Where the token stands first outside every brace and delimiter."""
    depth = 0
    shrinking = set(GROWING.values())
    for token, start, _ in scan(mathematics):
        depth += (token == "{" or token in GROWING) - (token == "}" or token in shrinking)
        if token == wanted and depth == 0:
            return start
    return None
