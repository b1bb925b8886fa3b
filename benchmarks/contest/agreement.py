"""Equal results first: the output and every gradient of each contestant against the handwritten ones in float64."""

from __future__ import annotations

import numpy as np

from .contestants import Contestant, Handwritten, Task

Array = np.ndarray
# Of the largest entry. Rounding alone stays a factor of ten or more below.
TOLERANCES = {"float32": 1e-4, "float64": 1e-11}


class Disagreement(Exception):
    """A contestant computes something else, so that its time says nothing."""


def expected(task: Task) -> list[Array]:
    """The output and the gradients, in float64."""
    arrays = tuple(a.astype(np.float64) if a.dtype.kind == "f" else a for a in task.arrays)
    dY = None if task.cotangent is None else task.cotangent.astype(np.float64)
    reference = Handwritten()
    return reference.arrays(reference.prepare(Task(task.case, arrays, dY))())


def differences(found: list[Array], wanted: list[Array]) -> list[float]:
    """How far each array is from what it should be, relative to its largest entry; inf for another shape or a NaN.

    >>> differences([np.array([1.0, 2.5])], [np.array([1.0, 2.0])])
    [0.25]
    """
    return [_difference(a, b) for a, b in zip(found, wanted, strict=True)]


def _difference(found: Array, wanted: Array) -> float:
    if found.shape != wanted.shape:
        return np.inf
    scale = float(np.max(np.abs(wanted), initial=0)) or 1.0
    worst = float(np.max(np.abs(found - wanted), initial=0)) / scale
    return worst if worst == worst else np.inf


def agree(contestant: Contestant, task: Task, result: list[Array], wanted: list[Array]) -> float:
    """The largest difference; a Disagreement where it is above the tolerance, or the dtype is another."""
    names = ["the output", *(f"the gradient of {list(task.case.shapes)[n]}" for n in task.case.floating)]
    where = f"{contestant.name}, {task.case.name}, {task.dtype}"
    if len(result) != len(wanted):
        raise Disagreement(f"{where}: {len(result)} arrays, expected {len(wanted)}.")
    tolerance = TOLERANCES[task.dtype.name]
    for name, array, difference in zip(names, result, differences(result, wanted), strict=False):
        if array.dtype != task.dtype:
            raise Disagreement(f"{where}: {name} is {array.dtype}.")
        if difference > tolerance:
            raise Disagreement(
                f"{where}: {name} differs from the handwritten one in float64 by {difference:.1e} of its largest "
                f"entry; allowed is {tolerance:.0e}."
            )
    return max(differences(result, wanted))
