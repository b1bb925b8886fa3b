"""The scalar functions that both notations know, by their LaTeX, for real and for complex-step arguments."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable

import numpy as np

from .tokens import tokenize


def absolute(x):
    """|x| that a complex step passes through."""
    return np.where(np.real(x) < 0, -x, x)


def erf(x):
    """By its series, which converges for every number, and keeps its digits for small ones."""
    term, total = x, 0
    for n in range(1, 90):
        total = total + term / (2 * n - 1)
        term = -term * x * x / n
    return 2 / math.sqrt(math.pi) * total


SPELLINGS: dict[str, Callable] = {
    r"\exp": np.exp,
    r"\log": np.log,
    r"\ln": np.log,
    r"\sin": np.sin,
    r"\cos": np.cos,
    r"\tan": np.tan,
    r"\sinh": np.sinh,
    r"\cosh": np.cosh,
    r"\tanh": np.tanh,
    r"\arctan": np.arctan,
    r"\mathrm{erf}": erf,
    r"\mathrm{sigmoid}": lambda x: 1 / (1 + np.exp(-x)),
    r"\mathrm{softplus}": lambda x: np.log1p(np.exp(x)),
    r"\mathrm{sign}": lambda x: np.sign(np.real(x)),
}
FUNCTIONS = {tokenize(spelling): function for spelling, function in SPELLINGS.items()}
FUNCTIONS |= {tokenize(s.replace("mathrm", "operatorname")): f for s, f in SPELLINGS.items() if "mathrm" in s}

RELATIONS = {
    "=": operator.eq,
    r"\neq": operator.ne,
    r"\ne": operator.ne,
    r"\geq": operator.ge,
    r"\ge": operator.ge,
    r"\leq": operator.le,
    r"\le": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


def related(relation: str, left, right):
    """A comparison of real parts: a complex step does not change what holds."""
    return RELATIONS[relation](np.real(left), np.real(right))
