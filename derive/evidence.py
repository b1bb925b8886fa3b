"""What a layer is checked on: its gradients, its code and the cases, each computed once."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from types import SimpleNamespace
from typing import Any, NoReturn

from derive.derivation import gradients
from derive.entries import Array
from derive.errors import CheckError
from derive.interpret import interpret
from derive.layer import Call, Layer, Role, Symbol
from derive.primitives import PRIMITIVES
from derive.sampling import WORK, Case, cases
from derive.steps import Gradients
from derive.tally import Tally
from derive.terms import Atom, Function, Maximum, Test, atoms


@dataclass
class Evidence:
    """A layer with all that the witnesses share; `source` replaces the text of its generated module."""

    layer: Layer
    seed: int = 0
    source: str | None = None
    tally: Tally = field(init=False)

    def __post_init__(self) -> None:
        self.tally = Tally(self.layer.name)

    @cached_property
    def gradients(self) -> Gradients:
        return gradients(self.layer)

    @cached_property
    def cases(self) -> list[Case]:
        # A central difference takes five evaluations where a complex step takes one.
        return cases(self.layer, self.seed, WORK if analytic(self.layer) else WORK // 5)

    @cached_property
    def derived(self) -> list[tuple[Array, ...]]:
        """For each case the gradients, by interpreting the backward layer."""
        return [derived_gradients(self.gradients.backward, case) for case in self.cases]

    @property
    def gradient_symbols(self) -> tuple[Symbol, ...]:
        return self.gradients.backward.output_symbols

    @property
    def values(self) -> tuple[Symbol, ...]:
        """Whatever is checked: outputs, gradients, and what the derivations name on the way."""
        between = (d.symbol for d in self.gradients.derivations.values())
        return (*self.layer.output_symbols, *self.gradient_symbols, *between)

    @cached_property
    def generated(self) -> Code:
        """The generated functions."""
        from derive.render import compiled

        return Code.of(compiled(self.layer), self.layer.name) if self.source is None else self.replacement(self.source)

    def replacement(self, source: str) -> Code:
        """The functions of another module's text; if it cannot even be loaded, functions that say so."""
        namespace: dict[str, Any] = {"__name__": "generated"}
        try:
            exec(compile(source, "<generated>", "exec"), namespace)
            return Code.of(SimpleNamespace(**namespace), self.layer.name)
        except Exception as error:
            return Code(*[partial(fail, error)] * 3)


def fail(error: Exception, *_: Any, **__: Any) -> NoReturn:
    raise error


def derived_gradients(backward: Layer, case: Case) -> tuple[Array, ...]:
    """The gradients that the backward layer's equations give, on the oracle's values."""
    arrays = backward_arguments(backward, case.values, case.cotangents)
    values = interpret(backward, arrays, case.options)
    return tuple(values[name] for name in backward.outputs)


def backward_arguments(
    backward: Layer, values: Mapping[str, Array], cotangents: Sequence[Array]
) -> dict[str, Array]:
    """Residuals and cotangents under the backward layer's names."""
    names = [s.name for s in backward.arguments if s.role is Role.COTANGENT]
    known = {**values, **dict(zip(names, cotangents, strict=True))}
    return {s.name: known[s.name] for s in backward.arguments}


@dataclass(frozen=True)
class Code:
    """The three functions of a layer, generated or handwritten."""

    plain: Callable
    forward: Callable
    backward: Callable

    @staticmethod
    def of(module: Any, name: str) -> Code:
        return Code(*(getattr(module, name + suffix) for suffix in ("", "_fwd", "_bwd")))

    def outputs(self, case: Case, dtype: str = "float64") -> tuple:
        return tupled(self.plain(*typed(case.arguments.values(), dtype), **case.options))

    def outputs_and_gradients(self, case: Case, cotangents: Sequence[Array], dtype: str = "float64") -> tuple:
        """(outputs…, gradients…), by way of the residuals."""
        outputs, residuals = self.forward(*typed(case.arguments.values(), dtype), **case.options)
        options = {name: value for name, value in case.options.items() if accepts(self.backward, name)}
        gradients = self.backward(residuals, *typed(cotangents, dtype), **options)
        return (*tupled(outputs), *tupled(gradients))


def typed(arrays, dtype: str) -> list[Array]:
    """Copies in one dtype, so that nothing that is done to them is seen elsewhere."""
    return [array.astype(dtype) for array in arrays]


def tupled(value: Any) -> tuple:
    return value if isinstance(value, tuple) else (value,)


def accepts(function: Callable, keyword: str) -> bool:
    """Does a function take this keyword?"""
    parameters = inspect.signature(function).parameters
    return keyword in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


def has_layer(module: object, layer: Layer) -> bool:
    """Does a module have the functions of the layer, of its name and signature?"""
    function = getattr(module, layer.name, None)
    if not callable(function) or not hasattr(module, f"{layer.name}_bwd"):
        return False
    return list(inspect.signature(function).parameters) == [s.name for s in (*layer.arguments, *layer.options)]


def same_count(values: Sequence, wanted: Sequence[Symbol]) -> None:
    if len(values) != len(wanted):
        names = ", ".join(s.name for s in wanted)
        raise CheckError(f"{len(values)} values come back instead of {len(wanted)} ({names})")


def analytic(layer: Layer) -> bool:
    """Does the complex step see the whole derivative? Not through maxima, |x| and conditions on data."""
    return all(
        analytic(s.layer) if isinstance(s, Call) else not any(map(kinked, atoms(s.expr))) for s in layer.statements
    )


def kinked(atom: Atom) -> bool:
    if isinstance(atom, Function):
        return not PRIMITIVES[atom.name].analytic
    return isinstance(atom, (Test, Maximum))
