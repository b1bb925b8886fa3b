"""Second derivatives: the gradient of a layer is a layer, and is differentiated again.

    s(x) = ⟨u, ∂L/∂x⟩        H u = ∂s/∂x        for any direction u

Of a loss L the second derivative is the loss's own; of any other layer it is that of L = ⟨G, Y⟩, with the cotangent G
held fixed. Calls of sublayers are written out first, so that the closed forms can be seen through them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from derive.calculus.adjoint_names import spelling
from derive.calculus.derivation import Reverse, check_free, gradients, on_the_way
from derive.calculus.inline import inlined
from derive.calculus.steps import Derivation, Gradients
from derive.core.facts import Fact
from derive.core.layer import Layer, Role, Statement, Symbol, expect_layer
from derive.core.names import latex_of
from derive.errors import UsageError

LETTERS = "uvdabchkst"


@dataclass(frozen=True)
class SecondOrder:
    """The Hessian-vector products of a layer by some of its variables.

    `gradient` is the layer that computes the gradients from the arguments, and the cotangents of the outputs unless
    there is a loss. `products` holds the derivation of each Σ_Y ∂²L/∂X∂Y u_Y, Y over all the variables; `adjoints`
    define every name in them, and `directions` are the u, by variable.
    """

    layer: Layer
    first: Gradients
    gradient: Layer
    cotangents: tuple[Symbol, ...]
    directions: Mapping[str, Symbol]
    products: Mapping[str, Derivation]
    adjoints: tuple[Statement, ...]
    names: Mapping[str, Symbol] = field(repr=False)
    pins: Mapping[str, Fact] = field(default_factory=dict, repr=False)

    @property
    def wanted(self) -> tuple[str, ...]:
        return tuple(self.directions)

    def product_layer(self) -> Layer:
        """H u as a layer: of the arguments, the cotangents and the directions."""
        outputs = tuple(self.products[name].symbol.name for name in self.wanted)
        return Layer(
            f"{self.layer.name}_hvp",
            (*self.gradient.arguments, *self.directions.values()),
            self.layer.options,
            live((*self.gradient.statements, *self.adjoints), outputs),
            outputs,
            f"Hessian-vector products of {self.layer.name}.",
            self.layer.spellings,
            typical=self.layer.typical,
            facts=self.layer.facts,
            requires=self.layer.requires,
            pinned=dict(self.pins),
        )


def second_order(layer: Layer, wrt: Iterable[str] | None = None) -> SecondOrder:
    """Differentiate the gradient of a layer by `wrt` (all its variables if None), along directions in them.

    Raises UsageError where a name is not that of a variable, DifferentiationError where something has no derivative.
    """
    layer = expect_layer(layer)
    variables = [s.name for s in layer.variables]
    wanted = tuple(dict.fromkeys(wrt)) if wrt is not None else tuple(variables)
    for name in wanted:
        if name not in variables:
            raise UsageError(
                f"{layer.name}: no second derivative by {name!r}, it is no variable of the layer. "
                f"Choose from {', '.join(variables)}."
            )
    return _second_order(layer, wanted)


def forget_second() -> None:
    """Empty the cache of second derivatives."""
    _second_order.cache_clear()


@lru_cache(maxsize=256)
def _second_order(layer: Layer, wanted: tuple[str, ...]) -> SecondOrder:
    first = gradients(inlined(layer), wanted)
    combined, cotangents, directions = gradient_layer(first, wanted)
    for name in wanted:
        check_free(combined, name)
    sweep = Reverse(combined, wanted, seeded=False)
    products, adjoints = on_the_way(sweep.run(required=wanted), wanted, sweep)
    scalar = _inner_product(sweep.names.loss, combined, directions)
    names = {**combined.symbols, **sweep.names.symbols, scalar.name: scalar}
    given = dict(zip(wanted, directions, strict=True))
    pins = sweep.pins
    return SecondOrder(layer, first, combined, cotangents, given, products, adjoints, names, pins)


def gradient_layer(first: Gradients, wanted: Sequence[str]) -> tuple[Layer, tuple[Symbol, ...], tuple[Symbol, ...]]:
    """The layer from arguments and cotangents to gradients; also the cotangents, and a direction for each gradient."""
    layer = first.layer
    count = len(layer.outputs)
    cotangents = () if layer.scalar else first.backward.arguments[len(first.backward.arguments) - count :]
    outputs = tuple(first[name].symbol for name in wanted)
    pins = {t: f for d in first.derivations.values() for step in d.steps for t, f in step.rule.pins.items()}
    statements = live((*layer.statements, *first.adjoints), [s.name for s in outputs])
    taken = {*layer.symbols, *(s.name for t in statements for s in t.defines), *(c.name for c in cotangents)}
    spelled = {spelling(s) for s in (*layer.symbols.values(), *cotangents)} | {i.name for i in layer.indices}
    directions = tuple(direction_of(layer.symbols[name], len(wanted) == 1, taken, spelled) for name in wanted)
    combined = Layer(
        f"{layer.name}_grad",
        (*layer.arguments, *cotangents),
        layer.options,
        statements,
        tuple(s.name for s in outputs),
        f"The gradient of {layer.name}.",
        layer.spellings,
        typical=layer.typical,
        facts=layer.facts,
        requires=layer.requires,
        pinned={**layer.pinned, **pins},
        directions={s.name: u for s, u in zip(outputs, directions, strict=True)},
    )
    return combined, cotangents, directions


def direction_of(variable: Symbol, alone: bool, taken: set[str], spelled: set[str]) -> Symbol:
    """A direction in the space of a variable: u, or U for a name in capitals, in letters that are free."""
    capital = variable.name[0].isupper()
    letters = [c.upper() if capital else c for c in LETTERS]
    if alone:
        letter = next((c for c in letters if c not in taken and c not in spelled), letters[0])
        latex = text = letter
    else:
        letter = letters[0]
        latex, text = f"{letter}_{{{spelling(variable)}}}", f"{letter}_{variable.shown}"
    name = letter if alone and letter not in taken else f"{letter}_{variable.name}"
    while name in taken:
        name += "_1"
    taken.add(name)
    return Symbol(name, variable.axes, Role.COTANGENT, latex=latex, text=text)


def _inner_product(name: str, combined: Layer, directions: Sequence[Symbol]) -> Symbol:
    """The scalar that is differentiated: ⟨u, dx⟩, a sum where there are several."""
    pairs = [(u, combined.symbols[output]) for u, output in zip(directions, combined.outputs, strict=True)]
    text = " + ".join(f"⟨{u.shown},{g.shown}⟩" for u, g in pairs)
    latex = " + ".join(rf"\langle {spelling(u)}, {g.latex or latex_of(g.name)} \rangle" for u, g in pairs)
    return Symbol(name, (), Role.ADJOINT, latex=latex, text=text)


def live(statements: Sequence[Statement], outputs: Iterable[str]) -> tuple[Statement, ...]:
    """The statements that the outputs depend on, in order."""
    needed, kept = set(outputs), []
    for statement in reversed(statements):
        if not needed.isdisjoint(s.name for s in statement.defines):
            kept.append(statement)
            needed.update(statement.reads)
    return tuple(kept[::-1])
