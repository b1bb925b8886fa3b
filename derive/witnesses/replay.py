"""The values of the steps of a derivation: every line is evaluated as it stands, all names by their definitions.

∂L/∂X stands for the derivative of Σ (cotangents · outputs), of which each later line is another way to write it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

from derive.calculus.steps import Derivation, Gradients
from derive.core.atoms import Partial
from derive.core.layer import Statement
from derive.core.terms import Expr
from derive.core.traverse import atoms
from derive.witnesses.entries import Array, Entries, Number, entries_of
from derive.witnesses.evidence import all_saves, cotangent_symbols
from derive.witnesses.interpret import STEP, At, Oracle, bare_read, oracle_of
from derive.witnesses.sampling import Case


@dataclass
class Replay(Oracle):
    """An oracle that also knows the loss."""

    loss: str = ""
    weights: Mapping[str, Entries] = field(default_factory=dict)
    forward: tuple[Statement, ...] = ()

    def partial(self, factor: Partial, at: At) -> Number:
        of = bare_read(factor.of)
        if of is None or of.tensor != self.loss:
            return Oracle.partial(self, factor, at)
        name, place = factor.entry.tensor, tuple(self.place(a, at) for a in factor.entry.at)
        return self.loss_after(name, place).imag / STEP

    def loss_after(self, name: str, place: tuple[int, ...]) -> Number:
        """The loss when one entry has moved, and all that is computed from it has followed."""
        entries = self.tensors[name]
        moved = replace(self, tensors={**self.tensors, name: {**entries, place: entries[place] + 1j * STEP}})
        for statement in statements_after(self.forward, name):
            moved.run(statement)
        return sum(v * moved.tensors[output][p] for output, weight in self.weights.items() for p, v in weight.items())

    METHODS: ClassVar[dict] = {**Oracle.METHODS, Partial: partial}


def statements_after(statements: tuple[Statement, ...], name: str) -> tuple[Statement, ...]:
    """The statements that may depend on a tensor: those after the one that defines it."""
    for number, statement in enumerate(statements):
        if any(symbol.name == name for symbol in statement.defines):
            return statements[number + 1 :]
    return statements


def replay(gradients: Gradients, case: Case) -> Replay:
    """All names of the layer and of its derivations with their values."""
    layer = gradients.layer
    saves = all_saves(gradients)
    oracle, _ = oracle_of(layer, case.arguments, case.options, saves)
    cotangents = cotangent_entries(gradients, case)
    forward = tuple(layer.statements)
    result = Replay(
        oracle.tensors | cotangents,
        {symbol.name: statement for statement in forward for symbol in statement.defines},
        saves,
        weights=dict(zip(layer.outputs, cotangents.values(), strict=True)),
        forward=forward,
    )
    for statement in gradients.adjoints:
        result.run(statement)
    return result


def cotangent_entries(gradients: Gradients, case: Case) -> dict[str, Entries]:
    """The cotangents by name; that of a scalar loss is 1, as in its derivation."""
    symbols = cotangent_symbols(gradients)
    arrays = [np.ones(()) if gradients.layer.scalar else array for array in case.cotangents]
    return {s.name: entries_of(array, s) for s, array in zip(symbols, arrays, strict=True)}


def step_values(derivation: Derivation, oracle: Replay) -> list[Array]:
    """The value of every line of a derivation: before the first step, and after each."""
    oracle = replace(oracle, loss=derivation.loss)
    held = replace(oracle, definitions={})
    lines = [step.before for step in derivation.steps[:1]] + [step.after for step in derivation.steps]
    opened = first_definition(derivation)
    return [line_value(line, derivation, held if n > opened else oracle) for n, line in enumerate(lines)]


def first_definition(derivation: Derivation) -> int:
    """The number of the last line before definitions are put in.

    Up to there, ∂Y/∂X is the derivative of what Y is defined to be; from there on Y is held like any other name.
    """
    for number, step in enumerate(derivation.steps):
        if step.rule.name.startswith("definition of") and any(isinstance(a, Partial) for a in atoms(step.before)):
            return number
    return len(derivation.steps)


def line_value(line: Expr, derivation: Derivation, oracle: Replay) -> Array:
    shape = tuple(oracle.number(i.size) for i in derivation.at)
    values = [float(oracle.expr(line, at).real) for at in oracle.points(derivation.at, {})]
    return np.array(values).reshape(shape)
