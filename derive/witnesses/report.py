"""What a check found, as frozen values, as JSON and as a table for people."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One value seen by one witness: the largest error over all cases; `detail` says where it is."""

    witness: str
    value: str
    error: float
    tolerance: float
    ok: bool
    detail: str = ""


@dataclass(frozen=True)
class Report:
    """The checks of one layer."""

    layer: str
    checks: tuple[Check, ...]
    note: str = ""

    @property
    def ok(self) -> bool:
        return bool(self.checks) and all(check.ok for check in self.checks)

    @property
    def failures(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if not check.ok)

    def __str__(self) -> str:
        return table([self])


def as_json(reports: Iterable[Report]) -> dict:
    """The reports as plain values; JSON has no infinity, so an error that has no size is the largest float."""
    layers = [
        {
            "layer": report.layer,
            "ok": report.ok,
            "checks": [
                {
                    "witness": check.witness,
                    "value": check.value,
                    "error": check.error if math.isfinite(check.error) else sys.float_info.max,
                    "tolerance": check.tolerance,
                    "ok": check.ok,
                }
                for check in report.checks
            ],
        }
        for report in reports
    ]
    return {"ok": all(layer["ok"] for layer in layers), "layers": layers}


HEADINGS = ("layer", "value", "witness", "error", "tolerance", "verdict")


def table(reports: Sequence[Report]) -> str:
    """The reports as a table, what failed with the place and both numbers, and the count."""
    rows = [HEADINGS]
    details: list[str] = []
    for report in reports:
        for check in report.checks:
            rows.append((report.layer, check.value, check.witness, *numbers(check), "ok" if check.ok else "FAILED"))
            if not check.ok:
                details.append(f"FAILED  {report.layer}, {check.value}, {check.witness}: {check.detail}".rstrip(": "))
        details += [report.note] if report.note else []
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.insert(1, "-" * max(map(len, lines)))
    failed = sum(len(report.failures) for report in reports)
    total = sum(len(report.checks) for report in reports)
    verdict = f"{failed} of {total} checks failed" if failed else f"all {total} checks passed"
    return "\n".join([*lines, "", *details, *([""] if details else []), f"{verdict}, {plural(len(reports), 'layer')}"])


def numbers(check: Check) -> tuple[str, str]:
    """Error and tolerance, short."""
    return (f"{check.error:.1e}" if check.error else "0", f"{check.tolerance:.0e}" if check.tolerance else "exact")


def plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
