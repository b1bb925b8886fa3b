"""The same number of threads for all contestants. To be called before NumPy, PyTorch or JAX are imported."""

from __future__ import annotations

import os
import sys

VARIABLES = (
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
HEAVY = ("numpy", "torch", "jax")


def limit_threads(count: int) -> None:
    """At most so many threads, by each library's own variable and by the cores that the process may run on.

    JAX takes as many threads as the process has cores, so that the cores are the only limit all obey.
    """
    early = [name for name in HEAVY if name in sys.modules]
    if early:
        raise RuntimeError(f"the number of threads is set too late: {', '.join(early)} are imported already")
    for variable in VARIABLES:
        os.environ[variable] = str(count)
    if count == 1:
        os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_cpu_multi_thread_eigen=false"
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])


def available_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
