"""Keeps the worst of all comparisons for each value and witness, and says in words what was wrong there."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from derive.core.layer import Symbol
from derive.witnesses.report import Check, Report

# For each witness: the largest error allowed, relative to the largest entry, and the size of entries below which it
# is relative to that size instead, so that a gradient that is 0 can be compared. Neither depends on an array's size.
TOLERANCES = {
    "generated code": (1e-10, 1e-2),
    "generated code, float32": (1e-4, 1e-1),
    "handwritten code": (1e-10, 1e-2),
    "blockwise code": (1e-10, 1e-2),
    "blockwise code, float32": (1e-4, 1e-1),
    "numeric differentiation": (1e-10, 1e-2),
    "numeric differentiation, central": (1e-6, 1e-2),
    "inner products": (1e-9, 1.0),
    "inner products, central": (1e-6, 1.0),
    "exact arithmetic": (0.0, 0.0),
    "steps": (1e-9, 1e-2),
    # Of second derivatives: difference quotients of numeric derivatives, and of the interpreted gradient.
    "second order, numeric": (1e-7, 1.0),
    "second order, numeric, central": (1e-4, 1.0),
    "second order, float32": (2e-4, 1.0),
    "gradient, moved": (1e-10, 1e-1),
    "gradient, moved, central": (1e-6, 1e-1),
    "printed product": (1e-10, 1e-2),
    "symmetry": (1e-10, 1e-2),
    # A function of somebody's own, by the type of the arrays that it is given.
    "float64": (1e-9, 1e-3),
    "float32": (5e-4, 1e-2),
}


@dataclass
class Tally:
    """The checks of one layer so far."""

    layer: str
    found: dict[tuple[str, str], Check] = field(default_factory=dict)

    def add(self, witness: str, symbol: Symbol, error: float, tolerance: float, ok: bool, detail: str) -> None:
        """Count one comparison; what is already known stays if it is worse."""
        error = float(error) if not math.isnan(error) else math.inf
        check = Check(witness, symbol.name, error, tolerance, bool(ok), "" if ok else detail)
        known = self.found.setdefault((check.value, witness), check)
        if (not check.ok, check.error) > (not known.ok, known.error):
            self.found[check.value, witness] = check

    def compared(self, witness: str, symbol: Symbol, found: Any, at: object) -> None:
        """Count a `numeric.Comparison`."""
        self.add(witness, symbol, found.error, found.tolerance, found.ok, f"{describe(found, symbol)}, at {at}")

    def broke(self, witness: str, symbols: Iterable[Symbol], what: object, at: object) -> None:
        """Count a failure that has no size: an exception, a wrong type."""
        text = f"{type(what).__name__}: {what}" if isinstance(what, Exception) else str(what)
        for symbol in symbols:
            self.add(witness, symbol, math.inf, TOLERANCES[witness][0], False, f"{text}, at {at}")

    def report(self, order: Sequence[Symbol]) -> Report:
        """The checks, value by value."""
        names = [symbol.name for symbol in order]
        return Report(self.layer, tuple(sorted(self.found.values(), key=lambda check: names.index(check.value))))


def describe(found: Any, symbol: Symbol) -> str:
    """Where two arrays differ most, both numbers there, and what the difference looks like."""
    given, expected = found.shapes
    looks = f"; looks like: {found.pattern}" if found.pattern else ""
    if given != expected:
        return f"{symbol.name} has shape {given} instead of {expected}{looks}"
    if found.worst is None or found.error <= found.tolerance:
        return f"only {found.checked} of {found.checked + found.skipped} entries can be checked"
    place = entry_name(symbol, found.worst)
    return f"{place} is {found.actual_value:.10g} instead of {found.expected_value:.10g}{looks}"


def entry_name(symbol: Symbol, place: Sequence[int]) -> str:
    """An entry in index notation: dW[i=2, o=1]; leading axes have no names."""
    named = [i for i in symbol.axes if not i.leading]
    lead = len(place) - len(named)
    parts = [str(n) for n in place[:lead]] + [f"{i.name}={n}" for i, n in zip(named, place[lead:], strict=True)]
    return f"{symbol.name}[{', '.join(parts)}]" if parts else symbol.name
