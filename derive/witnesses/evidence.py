"""What a layer is checked on: its gradients, its code and the cases, each computed once."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from derive.calculus.blockwise import blockwise, forget
from derive.calculus.derivation import gradients
from derive.calculus.online_softmax import applies
from derive.calculus.steps import Gradients
from derive.core.atoms import Argmax, Atom, Function, Maximum, Test
from derive.core.layer import Call, Layer, Symbol
from derive.core.primitives import PRIMITIVES
from derive.core.traverse import atoms
from derive.errors import CheckError, LoweringError
from derive.witnesses.entries import Array
from derive.witnesses.interpret import Saves, interpret
from derive.witnesses.sampling import WORK, Case, cases
from derive.witnesses.tally import Tally


@dataclass
class Evidence:
    """A layer with all that the witnesses share; `module` stands in for the generated one."""

    layer: Layer
    seed: int = 0
    module: Any = None
    tally: Tally = field(init=False)

    def __post_init__(self) -> None:
        self.tally = Tally(self.layer.name)

    @cached_property
    def gradients(self) -> Gradients:
        return gradients(self.layer)

    @cached_property
    def cases(self) -> list[Case]:
        # A central difference takes five evaluations where a complex step takes one.
        work = WORK if analytic(self.layer) else WORK // 5
        return cases(self.layer, self.seed, work, some_entries=True)

    @cached_property
    def derived(self) -> list[tuple[Array, ...]]:
        """For each case the gradients, by interpreting the backward layer."""
        return [derived_gradients(self.gradients, case) for case in self.cases]

    def with_module(self, module: Any) -> Evidence:
        """The same evidence, what is known of it included, for another module's functions."""
        other = Evidence(self.layer, self.seed, module)
        for name in ("gradients", "cases", "derived"):
            other.__dict__[name] = getattr(self, name)
        return other

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
        from derive.lowering.render import compiled

        return Code.of(self.module or compiled(self.layer), self.layer.name)

    @cached_property
    def blockwise(self) -> Any:
        """The module of the blockwise form; None where there is none. Why not is said where that form is asked for."""
        from derive.lowering.render import compiled

        if not applies(self.layer):
            return None
        # It is made of what is derived now.
        forget()
        try:
            return compiled(blockwise(self.layer))
        except LoweringError:
            return None


def derived_gradients(derived: Gradients, case: Case) -> tuple[Array, ...]:
    """The gradients that the backward layer's equations give, on the oracle's values."""
    backward, saves = derived.backward, all_saves(derived)
    values = interpret(case.layer, case.arguments, case.options, saves) if saves else case.values
    known = {**values, **dict(zip((s.name for s in cotangent_symbols(derived)), case.cotangents, strict=True))}
    values = interpret(backward, {s.name: known[s.name] for s in backward.arguments}, case.options)
    return tuple(values[name] for name in backward.outputs)


def cotangent_symbols(derived: Gradients) -> tuple[Symbol, ...]:
    """The cotangents of the outputs; they come last among the backward layer's arguments."""
    return derived.backward.arguments[-len(derived.layer.outputs) :]


def all_saves(derived: Gradients) -> Saves:
    """The values inside calls that backward passes need, of the layer and of all that it calls."""
    saves: dict = dict(derived.saves)
    for statement in derived.layer.statements:
        if isinstance(statement, Call):
            saves.update(all_saves(gradients(statement.layer)))
    return saves


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
        return counted(self.plain(*typed(case.arguments.values(), dtype), **moved_options(case)), case.layer.outputs)

    def outputs_and_gradients(self, case: Case, cotangents: Sequence[Array], dtype: str = "float64") -> tuple:
        """(outputs…, gradients…), by way of the residuals."""
        outputs, residuals = self.forward(*typed(case.arguments.values(), dtype), **moved_options(case))
        options = accepted(self.backward, moved_options(case))
        gradients = self.backward(residuals, *typed(cotangents, dtype), **options)
        return (*counted(outputs, case.layer.outputs), *counted(gradients, case.layer.variables))


def typed(arrays, dtype: str) -> list[Array]:
    """Copies in one dtype, so that nothing that is done to them is seen elsewhere; integers stay integers."""
    return [array.copy() if array.dtype.kind in "iu" else array.astype(dtype) for array in arrays]


def moved_options(case: Case) -> dict[str, Any]:
    """The options that are not at their defaults: those are left to the code, which has defaults of its own."""
    defaults = {option.name: option.default for option in case.layer.options}
    return {name: value for name, value in case.options.items() if value != defaults[name]}


def counted(value: Any, wanted: Sequence) -> tuple:
    """What a function returned, as a tuple; one value alone is returned bare."""
    if len(wanted) == 1 and isinstance(value, tuple):
        raise CheckError(f"a tuple of {len(value)} comes back instead of one value, bare")
    return tupled(value)


def tupled(value: Any) -> tuple:
    return value if isinstance(value, tuple) else (value,)


def accepts(function: Callable, keyword: str) -> bool:
    """Does a function take this keyword?"""
    return bool(accepted(function, {keyword: None}))


def accepted(function: Callable, options: dict[str, Any]) -> dict[str, Any]:
    """Those of the options that a function takes."""
    parameters = inspect.signature(function).parameters if options else {}
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return options
    return {name: value for name, value in options.items() if name in parameters}


def has_layer(module: object, layer: Layer) -> bool:
    """Does a module have the functions of the layer, of its name and signature?"""
    function = getattr(module, layer.name, None)
    if not callable(function) or not hasattr(module, f"{layer.name}_bwd"):
        return False
    return list(inspect.signature(function).parameters) == [s.name for s in (*layer.arguments, *layer.options)]


def arrays(values: Sequence, wanted: Sequence[Symbol]) -> list[Array]:
    """The values as arrays (of no axes, where NumPy gives a number). Raises CheckError where one is something else."""
    if len(values) != len(wanted):
        names = ", ".join(s.name for s in wanted)
        raise CheckError(f"{len(values)} values come back instead of {len(wanted)} ({names})")
    for value, symbol in zip(values, wanted, strict=True):
        if not isinstance(value, (np.ndarray, np.generic)):
            raise CheckError(f"{symbol.name} comes back as {type(value).__name__} instead of an array")
    return [np.asarray(value) for value in values]


def analytic(layer: Layer) -> bool:
    """Does the complex step see the whole derivative? Not through maxima, |x| and conditions on data."""
    return all(
        analytic(s.layer) if isinstance(s, Call) else not any(map(kinked, atoms(s.expr))) for s in layer.statements
    )


def kinked(atom: Atom) -> bool:
    if isinstance(atom, Function):
        return atom.name in PRIMITIVES and not PRIMITIVES[atom.name].analytic
    return isinstance(atom, (Test, Argmax, Maximum))
