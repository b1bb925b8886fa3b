"""The peak of memory that one call needs beyond its arguments, with what it returns.

What is made of NumPy's arrays is counted exactly, by tracemalloc. PyTorch and JAX allocate behind Python's back: there
it is how far the resident memory of a process of their own rises in a call, after one call before it and with free
memory given back (Linux only). That counts whole pages, and whatever the library keeps for itself aside.
"""

from __future__ import annotations

import ctypes
import gc
import json
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path

from .cases import CASES, Case
from .contestants import PACKAGES, Contestant, contestant
from .running import task_of

Work = Callable[[], object]
RESET = Path("/proc/self/clear_refs")
STATUS = Path("/proc/self/status")
# case's name -> contestant -> bytes
Peaks = dict[str, dict[str, int]]


def traced(work: Work) -> int:
    """The peak of what Python and NumPy allocate in a call."""
    work()
    gc.collect()
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def resident(work: Work) -> int | None:
    """How far this process's resident memory rises in a call; None where the system does not say."""
    if not (RESET.exists() and STATUS.exists()):
        return None
    work()
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    before = _kilobytes("VmRSS")
    # 5 sets the highest value so far to the present one.
    RESET.write_text("5")
    work()
    return 1024 * max(0, _kilobytes("VmHWM") - before)


def _kilobytes(field: str) -> int:
    for line in STATUS.read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1])
    raise LookupError(field)


def allocates_unseen(name: str) -> bool:
    """Whether tracemalloc sees nothing of it."""
    return PACKAGES.get(name) in ("torch", "jax")


def peak(case: Case, one: Contestant, dtype: str) -> int | None:
    """Bytes for a forward and a backward pass."""
    work = one.prepare(task_of(case, dtype, backward=True))
    return resident(work) if allocates_unseen(one.name) else traced(work)


def peaks(cases: Sequence[Case], names: Sequence[str], threads: int, dtype: str = "float32") -> Peaks:
    """case's name -> contestant -> bytes, for those who can do the case."""
    found: Peaks = {case.name: {} for case in cases}
    for name in names:
        of_one: dict[str, int | None]
        if allocates_unseen(name):
            # A process for each case: what an earlier one left free would be taken again, unseen.
            of_one = {}
            for case in cases:
                of_one |= _in_a_process([case], name, threads, dtype)
        else:
            of_one = {case.name: peak(case, contestant(name), dtype) for case in _able(cases, name)}
        for case_name, size in of_one.items():
            if size is not None:
                found[case_name][name] = size
    return found


def _able(cases: Sequence[Case], name: str) -> list[Case]:
    return [case for case in cases if contestant(name).can(case)]


def _in_a_process(cases: Sequence[Case], name: str, threads: int, dtype: str) -> dict[str, int | None]:
    """The same by a process that runs nothing else."""
    wanted = json.dumps([threads, dtype, name, [case.name for case in cases]])
    command = [sys.executable, "-c", "from contest import child; child.main()"]
    folder = Path(__file__).resolve().parent.parent
    answer = subprocess.run(command, input=wanted, cwd=folder, text=True, capture_output=True, check=False)
    if answer.returncode:
        raise RuntimeError(f"the memory of {name} could not be measured:\n{answer.stderr}")
    return json.loads(answer.stdout.splitlines()[-1])


def answer(dtype: str, name: str, wanted: Sequence[str]) -> dict[str, int | None]:
    """What that process does."""
    cases = [case for case in CASES if case.name in wanted]
    return {case.name: peak(case, contestant(name), dtype) for case in _able(cases, name)}
