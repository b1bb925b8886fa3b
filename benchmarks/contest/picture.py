"""The ratios as a picture: a row for each case, a dot for each contestant, the interval as a line through it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .report import Row, rows
from .running import Outcome

COLOURS = {
    "handwritten": "#222222",
    "matrix products": "#999999",
    "autograd": "#1b9e77",
    "torch": "#d95f02",
    "torch fused": "#e6ab02",
    "jax": "#7570b3",
}


def draw(outcomes: Sequence[Outcome], machine: str, file: Path) -> None:
    """Two panels, forward alone and with the backward, in the precision measured first."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot, ticker

    dtype = outcomes[0].dtype
    shown = [o for o in outcomes if o.dtype == dtype]
    labels = list(dict.fromkeys(label(row) for o in shown for row in rows(o)))
    height = 1.8 + 0.36 * len(labels)
    figure, panels = pyplot.subplots(1, 2, figsize=(12, height), sharey=True, layout="constrained")
    for panel, backward in zip(panels, (False, True), strict=True):
        for row in (row for o in shown if o.backward == backward for row in rows(o)):
            name = row.contestant.removesuffix(" blockwise")
            # One above the other within a row, so that none hides another.
            place = len(labels) - 1 - labels.index(label(row)) + 0.3 - 0.12 * list(COLOURS).index(name)
            colour = COLOURS[name]
            panel.plot([max(row.ratio.low, 1e-3), min(row.ratio.high, 1e3)], [place, place], color=colour, linewidth=1)
            panel.plot(row.ratio.median, place, "o", color=colour, markersize=4)
        panel.axvline(1, color="black", linewidth=0.8)
        panel.set_xscale("log")
        panel.xaxis.set_major_locator(ticker.LogLocator(10, subs=(1, 2, 5)))
        panel.xaxis.set_major_formatter(ticker.FuncFormatter(lambda ratio, _: f"{ratio:g}"))
        panel.xaxis.set_minor_formatter(ticker.NullFormatter())
        panel.set_title("forward and backward" if backward else "forward")
        panel.set_xlabel("time of the generated code / time of the other")
        for between in range(1, len(labels)):
            panel.axhline(between - 0.5, color="#dddddd", linewidth=0.5)
    panels[0].set_yticks(range(len(labels)), labels[::-1], fontsize=8)
    panels[0].set_ylim(-0.7, len(labels) - 0.3)
    taking_part = {row.contestant.removesuffix(" blockwise") for o in shown for row in rows(o)}
    dots = [
        pyplot.Line2D([], [], marker="o", linestyle="", color=colour, label=name)
        for name, colour in COLOURS.items()
        if name in taking_part
    ]
    figure.legend(handles=dots, loc="outside upper center", ncols=len(dots), frameon=False)
    meaning = f"{dtype}, medians and 95 % intervals; left of 1 the generated code is the faster"
    figure.supxlabel(f"{meaning}. {machine}", fontsize=7)
    figure.savefig(file, dpi=120)
    pyplot.close(figure)


def label(row: Row) -> str:
    """What stands at the row's left."""
    return row.outcome.case.name + (", blockwise" if row.form.endswith("blockwise") else "")
