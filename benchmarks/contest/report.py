"""What is said about the times: rows, as a table for the terminal, as Markdown and as JSON."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .cases import Case
from .contestants import EVERYBODY
from .intervals import Interval, geometric_mean, paired, spread
from .memory import Peaks
from .running import Outcome
from .targets import GEOMETRIC_MEAN, target, verdict

# The form that is blockwise -> the handwritten one that is, too; in the table they stand in the plain ones' columns.
TWINS = {"generated": "handwritten", "generated blockwise": "handwritten blockwise"}
MARKS = {"met": "", "open": "?", "missed": "*", None: ""}


@dataclass(frozen=True)
class Row:
    """A generated form in one outcome, against one other contestant."""

    outcome: Outcome
    form: str
    contestant: str
    ratio: Interval
    at_most: float | None

    @property
    def verdict(self) -> str | None:
        return None if self.at_most is None else verdict(self.ratio, self.at_most)


def rows(outcome: Outcome) -> list[Row]:
    """The ratios of each generated form to the handwritten one of the same form, and to everybody else."""
    found = []
    for form, twin in TWINS.items():
        if form not in outcome.seconds:
            continue
        for contestant, seconds in outcome.seconds.items():
            if contestant in (*TWINS, *TWINS.values()) and contestant != twin:
                continue
            wanted = target(outcome.case, form, contestant)
            ratio = paired(outcome.seconds[form], seconds)
            found.append(Row(outcome, form, contestant, ratio, wanted.at_most if wanted else None))
    return found


def median_time(outcome: Outcome, contestant: str) -> str:
    return duration(statistics.median(outcome.seconds[contestant]))


def duration(seconds: float) -> str:
    """
    >>> duration(0.0123), duration(0.0000123)
    ('12.3 ms', '0.012 ms')
    """
    milliseconds = 1e3 * seconds
    places = 3 if milliseconds < 1 else 2 if milliseconds < 10 else 1 if milliseconds < 100 else 0
    return f"{milliseconds:.{places}f} ms"


# the table


def head(contestants: Sequence[str]) -> list[str]:
    """The first line of the table, where these take part."""
    others = (name for name in contestants if name not in TWINS and name != "handwritten blockwise")
    return ["case", "dtype", "work", "form", "time", *others]


def lines(outcome: Outcome, contestants: Sequence[str]) -> Iterator[list[str]]:
    """The cells of an outcome: a line for each generated form, its time, and its ratios to the others."""
    by_form: dict[str, dict[str, Row]] = {}
    for row in rows(outcome):
        by_form.setdefault(row.form, {})[row.contestant] = row
    for form, found in by_form.items():
        if TWINS[form] in found:
            found["handwritten"] = found.pop(TWINS[form])
        cells = [cell(found[name]) if name in found else "" for name in head(contestants)[5:]]
        work = "fwd + bwd" if outcome.backward else "fwd"
        short = form.removeprefix("generated").strip() or "plain"
        yield [outcome.case.name, outcome.dtype, work, short, median_time(outcome, form), *cells]


def cell(row: Row) -> str:
    """The ratio, marked where a target is missed or open."""
    return f"{row.ratio.median:.2f}{MARKS[row.verdict]}"


def text(line: Sequence[str], contestants: Sequence[str], cases: Sequence[Case]) -> str:
    """A line of the table for the terminal, in columns that all lines of these cases fit."""
    widths = [max(len(case.name) for case in cases), 7, 9, 9, 8, *(max(6, len(name)) for name in head(contestants)[5:])]
    padded = (
        cell.ljust(width) if n < 4 else cell.rjust(width)
        for n, (cell, width) in enumerate(zip(line, widths, strict=True))
    )
    return "  ".join(padded).rstrip()


def brief(outcomes: Sequence[Outcome], contestants: Sequence[str]) -> list[list[str]]:
    """What fits a page: forward and backward in the precision measured first, without tiny sizes."""
    shown = [o for o in outcomes if o.backward and o.dtype == outcomes[0].dtype and o.case.size != "tiny"]
    table = [head(contestants), *(line for outcome in shown for line in lines(outcome, contestants))]
    # Without the columns that are the same in all lines.
    return [[line[0], *line[3:]] for line in table]


def markdown(table: Sequence[Sequence[str]], left: int = 2) -> str:
    """The table in Markdown, where an asterisk has to be escaped."""
    first, *body = table
    rule = ["---"] * left + ["---:"] * (len(first) - left)
    return "\n".join(f"| {' | '.join(line).replace('*', chr(92) + '*')} |" for line in (first, rule, *body))


# targets


def judged(outcomes: Sequence[Outcome]) -> list[Row]:
    return [row for outcome in outcomes for row in rows(outcome) if row.verdict]


def summary(outcomes: Sequence[Outcome]) -> str:
    """Which targets are met: a count for each contestant, the worst cases, and the geometric mean."""
    found = judged(outcomes)
    said = []
    for contestant in dict.fromkeys(row.contestant for row in found):
        against = [row for row in found if row.contestant == contestant]
        counts = [sum(row.verdict == kind for row in against) for kind in ("met", "open", "missed")]
        said.append(f"against {contestant}: {counts[0]} met, {counts[1]} open, {counts[2]} missed")
    mean = handwritten_mean(outcomes)
    if mean is not None:
        name, at_most = GEOMETRIC_MEAN
        kind = "met" if mean <= at_most else "missed"
        said.append(f"geometric mean against {name}: {mean:.3f}, at most {at_most:g}: {kind}")
    for row in sorted((r for r in found if r.verdict != "met"), key=_excess, reverse=True):
        low, high = row.ratio.low, row.ratio.high
        said.append(
            f"  {row.verdict:6}  {row.outcome.name}: {row.form} / {row.contestant} = {row.ratio.median:.2f} "
            f"[{low:.2f}, {high:.2f}], at most {row.at_most:g}{limit(row)}"
        )
    return "\n".join(said)


def limit(row: Row) -> str:
    """Where the matrix products alone take so long, what the ratio would be if there were nothing else to do."""
    products = row.outcome.seconds.get("matrix products")
    if products is None or row.contestant == "matrix products":
        return ""
    floor = paired(products, row.outcome.seconds[row.contestant]).median
    return f" (its matrix products alone: {floor:.2f})"


def own_products(outcomes: Sequence[Outcome]) -> list[list[str]]:
    """The handwritten forms against the matrix products of the same work, a line for each outcome that has some."""
    table = [["case", "dtype", "work", "form", "time", "matrix products"]]
    for outcome in outcomes:
        if "matrix products" not in outcome.seconds:
            continue
        for form in TWINS.values():
            if form in outcome.seconds:
                ratio = paired(outcome.seconds[form], outcome.seconds["matrix products"])
                work = "fwd + bwd" if outcome.backward else "fwd"
                time = median_time(outcome, form)
                table.append([outcome.case.name, outcome.dtype, work, form, time, f"{ratio.median:.2f}"])
    return table


def memory_table(peaks: Peaks) -> list[list[str]]:
    """Peak memory in MB, a line for each case."""
    names = [name for name in EVERYBODY if any(name in of_case for of_case in peaks.values())]
    lines = [
        [case, *(f"{of_case[name] / 2**20:.1f}" if name in of_case else "" for name in names)]
        for case, of_case in peaks.items()
    ]
    return [["peak, MB", *names], *lines]


def aligned(table: Sequence[Sequence[str]], left: int = 1) -> str:
    """A table in columns, the first of them to the left."""
    widths = [max(len(line[n]) for line in table) for n in range(len(table[0]))]
    return "\n".join(
        "  ".join(c.ljust(w) if n < left else c.rjust(w) for n, (c, w) in enumerate(zip(line, widths, strict=True)))
        for line in table
    )


def _excess(row: Row) -> float:
    assert row.at_most is not None
    return row.ratio.median / row.at_most


def handwritten_mean(outcomes: Sequence[Outcome]) -> float | None:
    """The geometric mean of the ratios to the handwritten code that are judged."""
    name, _ = GEOMETRIC_MEAN
    ratios = [row.ratio.median for row in judged(outcomes) if row.contestant.startswith(name)]
    return geometric_mean(ratios) if ratios else None


# JSON


def as_json(outcomes: Sequence[Outcome], peaks: Peaks, about: dict[str, Any]) -> dict[str, Any]:
    """Everything measured: all rounds' seconds, the ratios with their intervals, and what is to be reached."""
    return {
        **about,
        "geometric mean": handwritten_mean(outcomes),
        "peak bytes": peaks,
        "cases": [_outcome_json(o) for o in outcomes],
    }


def _outcome_json(outcome: Outcome) -> dict[str, Any]:
    case = outcome.case
    return {
        "case": case.name,
        "layer": case.layer,
        "size": case.size,
        "shapes": {name: list(shape) for name, shape in case.shapes.items()},
        "options": dict(case.options),
        "dtype": outcome.dtype,
        "backward": outcome.backward,
        "contestants": {name: _times_json(outcome, name) for name in outcome.seconds},
        "ratios": [_row_json(row) for row in rows(outcome)],
    }


def _times_json(outcome: Outcome, name: str) -> dict[str, Any]:
    seconds = outcome.seconds[name]
    return {
        "median": statistics.median(seconds),
        "quartiles": list(spread(seconds)),
        "least": min(seconds),
        "difference": outcome.differences.get(name),
        "seconds": seconds,
    }


def _row_json(row: Row) -> dict[str, Any]:
    # JSON knows no infinity.
    low, high = (bound if 0 < bound < float("inf") else None for bound in row.ratio[1:])
    return {
        "of": row.form,
        "to": row.contestant,
        "median": row.ratio.median,
        "interval": [low, high],
        "at most": row.at_most,
        "verdict": row.verdict,
    }
