"""A generated module under observation: every array that it makes, and every line that it runs."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable
from types import ModuleType

import numpy as np


class Watched(np.ndarray):
    """An array that reports each array that is made of it."""

    made: list[tuple[np.dtype, int]] | None = None

    def __array_finalize__(self, other):
        # What only shows the memory of another array is not made.
        if Watched.made is not None and self.flags.owndata:
            Watched.made.append((self.dtype, self.size))

    def __array_wrap__(self, array, context=None, return_scalar=False):
        # What an operator gives is an array of the common kind first.
        if Watched.made is not None:
            Watched.made.append((array.dtype, array.size))
        return super().__array_wrap__(array, context, return_scalar)


class Observed:
    """NumPy, or a function of it, whose results are watched; types are left as they are."""

    def __init__(self, of: object):
        self.of = of

    def __getattr__(self, name: str):
        value = getattr(self.of, name)
        return value if isinstance(value, type) or not callable(value) else Observed(value)

    def __call__(self, *arguments, **keywords):
        return watched(self.of(*arguments, **keywords))


def watched(value):
    """The value, with every array in it watched; a list or tuple of arrays too."""
    if isinstance(value, (list, tuple)):
        return type(value)(map(watched, value))
    if not isinstance(value, np.ndarray) or isinstance(value, Watched):
        return value
    if Watched.made is not None and value.flags.owndata:
        Watched.made.append((value.dtype, value.size))
    return value.view(Watched)


def observe(module: ModuleType) -> None:
    """Have the functions of a module tell of their arrays."""
    for name in ("np", "as_strided"):
        if name in vars(module):
            setattr(module, name, Observed(vars(module)[name]))


def arrays_made(work: Callable[[], object]) -> list[tuple[np.dtype, int]]:
    """The type and the number of entries of every array that is made by the functions of observed modules."""
    Watched.made = []
    try:
        work()
        return Watched.made
    finally:
        Watched.made = None


def lines_run(work: Callable[[], object], files: Iterable[str]) -> Counter[tuple[str, int]]:
    """How often each line of some files runs; a comprehension counts with each entry."""
    files = set(files)
    counted: Counter[tuple[str, int]] = Counter()

    def local(frame, event, _):
        if event == "line":
            counted[frame.f_code.co_name, frame.f_lineno] += 1
        return local

    def enter(frame, event, _):
        return local if frame.f_code.co_filename in files else None

    before = sys.gettrace()
    sys.settrace(enter)
    try:
        work()
    finally:
        sys.settrace(before)
    return counted
