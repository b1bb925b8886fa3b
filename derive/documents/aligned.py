"""Equations as rows of `aligned`: equals signs below one another, remarks at the right, no row wider than its page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from derive.documents.typeset import Line
from derive.printers.lines import broken, continued, width

# Widths of a text block, in points: that of an article as it comes, and that of our own page.
ARTICLE, PAGE = 338.0, 450.0
# How high a display may get before it is set as two, so that a page can break between them.
TALLEST = 230.0
# How high a single equation may get before it is cut.
HIGHEST = 310.0
# A wider remark stands beside its line only where no line has to be broken for it.
WIDEST_REMARK = 125.0


def aligned(lines: Sequence[Line], room: float) -> str:
    """Lines as one aligned environment."""
    return "\n".join([r"\begin{aligned}", *rows(lines, room), r"\end{aligned}"])


def chunks(lines: Sequence[Line], room: float) -> list[list[str]]:
    """Lines as blocks of rows, none too high for a page; a block starts with its left-hand side where it can."""
    blocks: list[list[str]] = [[]]
    height, left = 0.0, ""
    for line, own in zip(lines, _broken(lines, room), strict=True):
        left = line.left or left
        more = sum(map(_height, own))
        if blocks[-1] and height + more > TALLEST:
            blocks.append([])
            height = 0.0
            own = own if line.left else [f"{left} {own[0]}", *own[1:]]
        blocks[-1].extend(own)
        height += more
    return [_ended(part) for block in blocks if block for part in _short(block)]


def _short(block: list[str]) -> Iterator[list[str]]:
    """The rows of a block, cut where a single line is higher than a page allows."""
    part: list[str] = []
    height = 0.0
    for row in block:
        if part and height + _height(row) > HIGHEST:
            yield part
            part, height = [], 0.0
        part.append(row)
        height += _height(row)
    yield part


def _height(row: str) -> float:
    return 27.0 if r"\frac" in row or r"\sum" in row else 16.0


def _room(lines: Sequence[Line], room: float) -> float:
    """What is left for right-hand sides beside left-hand sides and remarks that stand at the right."""
    left = max(width(line.left) for line in lines)
    return room - left - 13.0 - (_remark_width(lines, room) or 0.0)


def _remark_width(lines: Sequence[Line], room: float) -> float | None:
    """How wide the column of remarks is; None where remarks must stand on rows of their own."""
    left = max(width(line.left) for line in lines)
    remark = max(width(line.remark) for line in lines)
    if not remark:
        return 0.0
    beside = remark + 24.0
    fitted = room - left - 13.0 - beside
    narrow = remark <= WIDEST_REMARK or all(width(line.right) <= fitted for line in lines)
    if not narrow or fitted <= room / 3 - 13.0:
        return None
    # What cannot be broken into rows as narrow as that needs the place of the remarks.
    return beside if all(width(part) <= fitted for line in lines for part in broken(line.right, fitted)) else None


def rows(lines: Sequence[Line], room: float) -> list[str]:
    """Rows of an aligned environment: left &= right && remark, broken where they would leave the page."""
    return _ended([row for own in _broken(lines, room) for row in own])


def _broken(lines: Sequence[Line], room: float) -> list[list[str]]:
    """The rows of each line."""
    beside = _remark_width(lines, room) is not None
    fitted = _room(lines, room)
    result = []
    for line in lines:
        first, *others = broken(line.right, fitted)
        remark = f" && {line.remark}" if line.remark and beside else ""
        own = [f"{line.left} &= {first}{remark}".strip()]
        own.extend(rf"&\quad {continued(other)}" for other in others)
        if line.remark and not beside:
            own.append(rf"&\qquad {line.remark}")
        result.append(own)
    return result


def _ended(block: list[str]) -> list[str]:
    """Every row but the last ends with a line break."""
    return [row + r" \\" for row in block[:-1]] + block[-1:]
