"""The lines of an `aligned` derivation: what is equal to what, and by which rule. And matrices written out."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .tokens import GROWING, ReaderError, scan

ALIGNED = re.compile(r"\\begin\{(aligned|align\*?|split|gathered)\}(?:\[[tbc]\])?(.*)\\end\{\1\}", re.DOTALL)
MATRIX = re.compile(r"\s*\\begin\{([pb]matrix)\}(.*)\\end\{\1\}\s*\Z", re.DOTALL)
PIECE = re.compile(r"\\(?:begin|end)\{[a-z]+\*?\}|\\.|.", re.DOTALL)
ROW_SPACE = re.compile(r"\s*\[-?[\d.]+(?:pt|em|ex)\]")
SPACES = re.compile(r"(?:\\[,;:! ]|\s)+\Z")
TEXT = re.compile(r"\\text(?:rm|it|normal)?\{")


def split_aligned(latex: str) -> list[tuple[str, str, str]]:
    """(left, right, rule) for each `=` of the derivation; a line without one goes on with the line before."""
    found = ALIGNED.search(latex)
    lines: list[tuple[str, str, str]] = []
    left = ""
    for row in _split(found.group(2) if found else latex, r"\\"):
        mathematics, rule = _without_text(row)
        cells = [cell.replace("{}", " ").strip() for cell in _split(mathematics, "&")]
        mathematics = " ".join(cells).strip()
        if not mathematics and not rule:
            continue
        sides = _sides(cells)
        if sides is not None:
            left = sides[0] or left
            lines.append((left, sides[1], rule))
        elif lines:
            left, right, known = lines[-1]
            lines[-1] = (left, f"{right} {mathematics}".strip(), f"{known} {rule}".strip())
        else:
            raise ReaderError(f"the first line says nothing equal: {row!r}")
    return lines


def split_matrix(latex: str) -> list[list[str]]:
    """The entries of a pmatrix or bmatrix, row by row."""
    found = MATRIX.match(latex)
    if found is None:
        raise ReaderError(f"not a matrix written out: {latex!r}")
    rows = [[entry.strip() for entry in _split(row, "&")] for row in _split(found.group(2), r"\\") if row.strip()]
    if len({len(row) for row in rows}) != 1:
        raise ReaderError(f"rows of different lengths in {latex!r}")
    return rows


def split_entry(latex: str) -> tuple[str, tuple[str, ...]]:
    """The name and the indices of an entry: {W_{1}}_{i,h} is W_{1} at i, h. A name without a subscript has none."""
    latex = latex.strip()
    if not latex.endswith("}"):
        return latex, ()
    depth, at = 0, len(latex)
    while at and (depth or at == len(latex)):
        at -= 1
        depth += (latex[at] == "}") - (latex[at] == "{")
    if at == 0 or latex[at - 1] != "_":
        return latex, ()
    name = latex[: at - 1]
    if name.startswith("{") and name.endswith("}"):
        name = SPACES.sub("", name[1:-1])
    # The gap behind a name with a subscript of its own: {W_{1}}_{\,i,h}.
    indices = latex[at + 1 : -1].removeprefix(r"\,")
    return name, tuple(i.strip() for i in indices.split(","))


def _split(body: str, mark: str) -> Iterator[str]:
    """Split at the marks that stand outside braces and environments."""
    start = depth = 0
    for at, piece in _pieces(body):
        depth += (piece == "{" or piece.startswith(r"\begin")) - (piece == "}" or piece.startswith(r"\end"))
        if piece == mark and depth == 0:
            yield body[start:at]
            space = ROW_SPACE.match(body, at + len(mark))
            start = space.end() if space else at + len(mark)
    if depth:
        raise ReaderError(f"braces or environments do not match in {body!r}")
    yield body[start:]


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    for match in PIECE.finditer(text):
        yield match.start(), match.group()


def _without_text(row: str) -> tuple[str, str]:
    """The mathematics of a row, and what its \\text{…} says."""
    said = []
    while (found := TEXT.search(row)) is not None:
        depth, end = 1, None
        for at, piece in _pieces(row[found.end() :]):
            depth += (piece == "{") - (piece == "}")
            if depth == 0:
                end = found.end() + at
                break
        if end is None:
            raise ReaderError(f"braces do not match in {row!r}")
        said.append(row[found.end() : end].strip())
        row = row[: found.start()] + row[end + 1 :]
    return row, " ".join(said)


def _sides(cells: list[str]) -> tuple[str, str] | None:
    """The two sides of a row's =, which stands behind the first &, or without one outside all delimiters."""
    if len(cells) > 1:
        return (cells[0], " ".join(cells[1:])[1:].strip()) if cells[1].startswith("=") else None
    depth = 0
    shrinking = set(GROWING.values())
    for token, start, _ in scan(cells[0]):
        depth += (token == "{" or token in GROWING) - (token == "}" or token in shrinking)
        if token == "=" and depth == 0:
            return cells[0][:start].strip(), cells[0][start + 1 :].strip()
    return None
