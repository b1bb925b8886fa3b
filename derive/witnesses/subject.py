"""A handwritten backward under test: how it is called, and what it must return."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from derive.core.layer import Layer, Symbol
from derive.errors import CheckError
from derive.witnesses.entries import Array
from derive.witnesses.evidence import Evidence, accepted, accepts, cotangent_symbols, typed
from derive.witnesses.sampling import Case


@dataclass(frozen=True)
class Subject:
    """The function under test, and how it is called."""

    layer: Layer
    function: Callable
    symbols: tuple[Symbol, ...]
    dtype: str
    takes_cotangents: bool

    @staticmethod
    def of(evidence: Evidence, function: Callable, dtype: str) -> Subject:
        """Check how many arguments the function takes."""
        layer, symbols = evidence.layer, evidence.gradient_symbols
        wanted = [s.name for s in (*layer.arguments, *cotangent_symbols(evidence.gradients))]
        if fits(function, layer, len(wanted)):
            return Subject(layer, function, symbols, dtype, True)
        if layer.scalar and fits(function, layer, len(wanted) - 1):
            return Subject(layer, function, symbols, dtype, False)
        raise CheckError(
            f"{name_of(function)}{inspect.signature(function)} cannot be called with {len(wanted)} arguments. "
            f"For {layer.name} it is called as {name_of(function)}({', '.join(wanted)})."
        )

    @property
    def name(self) -> str:
        return name_of(self.function)

    def takes_options(self) -> bool:
        return all(accepts(self.function, s.name) for s in self.layer.options)

    def notes(self) -> Iterator[str]:
        """What the function was not asked."""
        if not self.takes_options():
            settings = ", ".join(f"{s.name}={s.default}" for s in self.layer.options)
            yield f"{self.name} was checked at {settings} only: it does not take all options."

    def given(self, case: Case) -> Case:
        """The case at the very numbers that the function is given; a cotangent that it does not take is 1."""
        arrays = {name: self.rounded(array) for name, array in case.arguments.items()}
        cotangents = case.cotangents if self.takes_cotangents else (np.ones(()),)
        return replace(case, arguments=arrays, cotangents=tuple(map(self.rounded, cotangents)))

    def rounded(self, array: Array) -> Array:
        return array if array.dtype.kind in "iu" else array.astype(self.dtype).astype(float)

    def runs(self, case: Case) -> bool:
        """Does the function return arrays of the right shapes?"""
        try:
            shapes = [np.shape(gradient) for gradient in self.gradients(case)]
        except (CheckError, ValueError):
            return False
        return shapes == [case.arguments[s.name].shape for s in self.layer.variables]

    def gradients(self, case: Case) -> list[Any]:
        """What the function returns, one value for each variable of the layer."""
        arrays = typed(case.arguments.values(), self.dtype)
        if self.takes_cotangents:
            arrays += typed(case.cotangents, self.dtype)
        options = accepted(self.function, dict(case.options))
        try:
            result = self.function(*arrays, **options)
        except (Exception, SystemExit) as error:
            shapes = ", ".join(str(array.shape) for array in arrays)
            raise CheckError(
                f"{self.name} raises {type(error).__name__}: {error}{line_of(error)}. It was called with arrays of "
                f"shape {shapes} ({case})."
            ) from None
        gradients = list(result) if isinstance(result, (tuple, list)) else [result]
        if len(gradients) != len(self.symbols):
            names = ", ".join(s.name for s in self.symbols)
            raise CheckError(
                f"{self.name} returns {count(gradients)} but {self.layer.name} has {len(self.symbols)} variables. "
                f"Return ({names}), in this order."
            )
        return gradients


def fits(function: Callable, layer: Layer, arguments: int) -> bool:
    """Can the function be called with so many arrays, and the options that it accepts?"""
    options = {s.name: None for s in layer.options if accepts(function, s.name)}
    try:
        inspect.signature(function).bind(*range(arguments), **options)
    except TypeError:
        return False
    return True


def name_of(function: Callable) -> str:
    return getattr(function, "__name__", type(function).__name__)


def count(values: Sequence) -> str:
    return "1 gradient" if len(values) == 1 else f"{len(values)} gradients"


def line_of(error: BaseException) -> str:
    """Where in the function's own file it went wrong."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename != __file__]
    return f" (line {frames[0].lineno})" if frames else ""
