"""Rounds in which each contestant has a turn, in an order drawn anew: what disturbs the machine disturbs all alike.

A turn is one call that is not counted, which brings the contestant's data back to the caches and wakes its threads,
and then as many calls as fill `TURN`, of which the mean counts. After its last call, a library's threads spin for some
time in wait for more, on the cores that the next one needs. So contestants with the same threads have their turns one
after another, and before those with others come, a short rest lets the first go to sleep.
"""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Work = Callable[[], object]
Clock = Callable[[], float]

# Seconds. OpenBLAS spins for 2^26 cycles.
TURN = 0.005
REST = 0.03
# A call this long needs no other before it: what it finds in the caches is of no weight.
LONG = 0.02


@dataclass(frozen=True)
class Plan:
    """At most so many rounds, and no new one after so many seconds, but the least in any case."""

    rounds: int = 15
    seconds: float = 2.5
    # Six paired ratios are the fewest of which the range is a 95 % interval of the median.
    least: int = 6
    # On a machine that others use, the processor's time instead, which takes one thread to mean anything.
    clock: Clock = time.perf_counter
    # Needless where there is one thread.
    rest: float = REST


def timed(work: Work, clock: Clock, calls: int = 1) -> float:
    """Seconds for one call, the mean of several."""
    start = clock()
    for _ in range(calls):
        work()
    return (clock() - start) / calls


@dataclass(frozen=True)
class Turn:
    """What one contestant does in each round."""

    work: Work
    calls: int
    # Whether a call that is not counted goes before.
    warm: bool

    def seconds(self, clock: Clock) -> float:
        """For one call, the mean of those that are counted."""
        if self.warm:
            self.work()
        return timed(self.work, clock, self.calls)


def turn(work: Work, clock: Clock) -> Turn:
    """As many calls as fill a turn. The first call of all is not counted."""
    work()
    once = max(timed(work, clock), 1e-7)
    return Turn(work, max(1, round(TURN / once)), warm=once < LONG)


def rounds(groups: Sequence[Mapping[str, Work]], plan: Plan, rng: random.Random) -> dict[str, list[float]]:
    """name -> seconds for one call, in each round; those of one group have their threads in common."""
    turns = [[(name, turn(work, plan.clock)) for name, work in group.items()] for group in groups]
    seconds: dict[str, list[float]] = {name: [] for group in groups for name in group}
    end = time.perf_counter() + plan.seconds
    collecting = gc.isenabled()
    gc.disable()
    try:
        for n in range(plan.rounds):
            if n >= plan.least and time.perf_counter() > end:
                break
            for group in rng.sample(turns, len(turns)):
                time.sleep(plan.rest)
                for name, its in rng.sample(group, len(group)):
                    seconds[name].append(its.seconds(plan.clock))
            gc.collect(0)
    finally:
        if collecting:
            gc.enable()
    return seconds
