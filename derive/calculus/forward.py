"""Forward mode: how outputs change as arguments move along tangents.

    tY[α] = Σ_X Σ_β ∂Y[α]/∂X[β] · tX[β]        over the tensors X in the equation for Y

Every tensor between the moving arguments and the outputs gets a tangent, an equation of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from derive.calculus.adjoint_names import AdjointNames, spelling
from derive.calculus.derivation import check_free
from derive.calculus.differentiate import differentiate
from derive.calculus.inline import inlined
from derive.calculus.reuse import unfold
from derive.calculus.second import live
from derive.calculus.simplify import Context, cost, is_multiple, simplify
from derive.calculus.steps import Derivation, Rule, Trail, replace
from derive.core.atoms import Partial, Read
from derive.core.axes import Affine, Index, fresh
from derive.core.layer import Equation, Layer, Role, Symbol, expect_layer
from derive.core.terms import ZERO, Expr, add, atom, multiply, read, total
from derive.core.traverse import bound_indices, tensors_read
from derive.errors import UsageError

CHAIN = r"\dot{Y} = \sum_{X} \sum_{\beta} \frac{\partial Y}{\partial X_{\beta}} \dot{X}_{\beta}"
DEFINITION = r"\text{a name and its definition are equal}"


@dataclass(frozen=True)
class Tangents:
    """J u: the tangents of the outputs, for tangents of some arguments.

    `derivations` holds the steps for every tensor that moves, in order; `tangents` are the equations they make up,
    `directions` the tangents of the arguments, by argument.
    """

    layer: Layer
    directions: Mapping[str, Symbol]
    derivations: Mapping[str, Derivation]
    tangents: tuple[Equation, ...]
    names: Mapping[str, Symbol] = field(repr=False)

    def __getitem__(self, tensor: str) -> Derivation:
        """The derivation of the tangent of one tensor."""
        if tensor not in self.derivations:
            known = ", ".join(self.derivations)
            raise UsageError(f"{self.layer.name}: {tensor!r} has no tangent. Choose from {known}.")
        return self.derivations[tensor]

    def __repr__(self) -> str:
        return f"<tangents of {self.layer.name} along {', '.join(self.directions)}>"

    def _repr_latex_(self) -> str:
        from derive.documents.second_order import notebook_tangents

        return notebook_tangents(self)

    def tangent_layer(self) -> Layer:
        """J u as a layer: of the arguments and their tangents."""
        whole = inlined(self.layer)
        tangents = {s.name: self.derivations[s.name].symbol.name for s in whole.output_symbols}
        outputs = tuple(tangents[name] for name in whole.outputs)
        return Layer(
            f"{whole.name}_jvp",
            (*whole.arguments, *self.directions.values()),
            whole.options,
            live((*whole.statements, *self.tangents), outputs),
            outputs,
            f"The tangents of {whole.name}.",
            whole.spellings,
            typical=whole.typical,
            facts=whole.facts,
            requires=whole.requires,
        )


def jvp(layer: Layer, wrt: Iterable[str] | None = None) -> Tangents:
    """Derive how the outputs of a layer change along tangents of `wrt`, all its variables if that is None.

    Raises UsageError where a name is not that of a variable, DifferentiationError where something has no derivative.
    """
    layer = expect_layer(layer)
    variables = [s.name for s in layer.variables]
    wanted = tuple(dict.fromkeys(wrt)) if wrt is not None else tuple(variables)
    for name in wanted:
        check_free(layer, name)
        if name not in variables:
            raise UsageError(f"{layer.name}: {name!r} is not a variable. Choose from {', '.join(variables)}.")
    return _jvp(layer, wanted)


@lru_cache(maxsize=256)
def _jvp(layer: Layer, wanted: tuple[str, ...]) -> Tangents:
    return Forward(layer, inlined(layer), wanted).run()


class Forward:
    """One forward sweep over the equations of a layer."""

    def __init__(self, layer: Layer, whole: Layer, wanted: tuple[str, ...]):
        self.layer, self.whole = layer, whole
        self.names = AdjointNames(whole)
        self.context = Context.of(whole)
        self.moving = {name: self.tangent(whole.symbols[name], Role.COTANGENT) for name in wanted}
        self.directions = dict(self.moving)
        self.equations: dict[str, Equation] = {}

    def tangent(self, symbol: Symbol, role: Role) -> Symbol:
        """tX, displayed with a dot."""
        name = self.names.fresh(f"t{symbol.name}")
        latex = rf"\dot{{{spelling(symbol)}}}"
        return self.names.declare(Symbol(name, symbol.axes, role, latex=latex, text=f"t{symbol.shown}"))

    def run(self) -> Tangents:
        derivations = {}
        for equation in self.whole.equations:
            moved = [name for name in equation.reads if name in self.moving]
            if moved or equation.symbol.name in self.whole.outputs:
                derivations[equation.symbol.name] = self.derive(equation, moved)
        names = self.names.symbols
        return Tangents(self.layer, self.directions, derivations, tuple(self.equations.values()), names)

    def derive(self, equation: Equation, moved: list[str]) -> Derivation:
        symbol = self.tangent(equation.symbol, Role.ADJOINT)
        self.moving[equation.symbol.name] = symbol
        axes = equation.symbol.axes
        start = read(symbol.name, *axes)
        trail = Trail(start)
        parts = [self.link(equation, name) for name in moved]
        trail.take(Rule("chain rule", CHAIN, replace(start, add(*parts) if parts else ZERO)))
        differentiate(trail, {equation.symbol.name: equation}, self.names.symbols)
        simplify(trail, self.context)
        self.put_in(trail)
        result = Equation(symbol, trail.value)
        self.equations[symbol.name] = result
        if not is_multiple(result.expr):
            self.context.learn(result)
        return Derivation(equation.symbol, symbol, axes, trail.value, tuple(trail.steps), self.names.symbols,
                          symbol.name, (), self.whole)  # fmt: skip

    def link(self, equation: Equation, name: str) -> Expr:
        """Σ_β ∂Y[α]/∂X[β] · tX[β]"""
        taken = {i.name for i in equation.symbol.axes} | {i.name for i in bound_indices(equation.expr)}
        beta: list[Index] = []
        for axis in self.whole.symbols[name].axes:
            beta.append(fresh(axis, taken | {i.name for i in beta}))
        entry = Read(name, tuple(map(Affine.of, beta)))
        local = atom(Partial(equation.symbol.value(), entry))
        return total(multiply(local, read(self.moving[name].name, *beta)), beta)

    def put_in(self, trail: Trail) -> None:
        """The tangents that are no more than another one, or a multiple, need no name."""
        for name in tensors_read(trail.value):
            known = self.equations.get(name)
            if known is not None and is_multiple(known.expr):
                trial = Trail(trail.value)
                trial.take(Rule(f"definition of {known.symbol.shown}", DEFINITION, unfold(known)))
                simplify(trial, self.context)
                if cost(trial.value) <= cost(trail.value):
                    trail.steps.extend(trial.steps)
                    trail.value = trial.value
