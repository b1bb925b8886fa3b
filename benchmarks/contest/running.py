"""One case after another: contestants made, compared, timed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from .agreement import agree, expected
from .cases import Case
from .contestants import Contestant, Task, Work
from .timing import Plan, rounds

GENERATED = ("generated", "generated blockwise")


@dataclass(frozen=True)
class Outcome:
    """A case in one precision, forward alone or with the backward: contestant -> seconds in each round."""

    case: Case
    dtype: str
    backward: bool
    seconds: dict[str, list[float]]
    # Contestant -> largest difference from the reference, relative to the largest entry.
    differences: dict[str, float]

    @property
    def name(self) -> str:
        return f"{self.case.name}, {self.dtype}, {'forward and backward' if self.backward else 'forward'}"


def task_of(case: Case, dtype: str, backward: bool, seed: int = 0) -> Task:
    arrays = tuple(case.draw(np.dtype(dtype), seed))
    if not backward:
        return Task(case, arrays, None)
    [output] = expected(Task(case, arrays, None))
    dY = np.random.default_rng(seed + 1).standard_normal(output.shape).astype(dtype)
    return Task(case, arrays, np.asarray(dY))


def outcome(task: Task, contestants: Sequence[Contestant], plan: Plan, rng: random.Random) -> Outcome:
    """The times of those who can do the case, after their results were compared."""
    wanted = expected(task)
    groups: dict[str, dict[str, Work]] = {}
    differences = {}
    for contestant in contestants:
        if not contestant.can(task.case):
            continue
        work = contestant.prepare(task)
        groups.setdefault(contestant.threads_of, {})[contestant.name] = work
        if contestant.name != "matrix products":
            differences[contestant.name] = agree(contestant, task, contestant.arrays(work()), wanted)
    found = rounds(list(groups.values()), plan, rng)
    seconds = {contestant.name: found[contestant.name] for contestant in contestants if contestant.name in found}
    return Outcome(task.case, task.dtype.name, task.backward, seconds, differences)


def outcomes(
    cases: Sequence[Case], contestants: Sequence[Contestant], plan: Plan, dtypes: Sequence[str], seed: int = 0
) -> Iterator[Outcome]:
    rng = random.Random(seed)
    for case in cases:
        for dtype in dtypes:
            for backward in (False, True):
                yield outcome(task_of(case, dtype, backward, seed), contestants, plan, rng)
