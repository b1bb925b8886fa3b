"""Reverse mode over the equations of a layer: from the cotangents of the outputs to the gradient of every argument.

    ∂L/∂X[p] = Σ_Y Σ_α ∂L/∂Y[α] · ∂Y[α]/∂X[p]        over the equations for Y in which X stands

Each gradient is derived step by step and simplified where it arises. The adjoint of an intermediate that several
others need stays a named equation; one that a single other needs is put in where that makes the whole no longer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

from derive.calculus.adjoint_names import AdjointNames
from derive.calculus.backward import backward_layer
from derive.calculus.differentiate import DEFINITION, differentiate
from derive.calculus.reuse import unfold
from derive.calculus.simplify import Context, cost, is_multiple, name_broadcasts, simplify
from derive.calculus.steps import Derivation, Gradients, Rule, Trail, replace, swap
from derive.calculus.sublayers import Sublayer, Sublayers
from derive.core.atoms import Argmax, Bracket, Partial, Read
from derive.core.axes import Affine, Index, fresh
from derive.core.facts import Fact
from derive.core.layer import Call, Equation, Layer, Role, Statement, Symbol, expect_layer
from derive.core.terms import ONE, ZERO, Expr, add, atom, multiply, read, total
from derive.core.traverse import tensors_read
from derive.errors import DifferentiationError, UsageError

CHAIN = (
    r"\frac{\partial L}{\partial X} = "
    r"\sum_{Y} \sum_{\alpha} \frac{\partial L}{\partial Y_{\alpha}} \frac{\partial Y_{\alpha}}{\partial X}"
)
CALL = r"\text{derived once, for the layer itself}"
NAMING = r"\text{a name for a subexpression}"


def gradients(layer: Layer, wrt: Iterable[str] | None = None) -> Gradients:
    """Derive the gradient of a layer by each of its arguments, or by the tensors named in `wrt`.

    A gradient is shaped like its tensor. Raises UsageError where a name in `wrt` is not an argument or an
    intermediate of the layer, DifferentiationError where an expression has no derivative rule.
    """
    layer = expect_layer(layer)
    wanted = tuple(dict.fromkeys(wrt)) if wrt is not None else tuple(s.name for s in layer.variables)
    values = [s.name for t in layer.statements for s in t.defines if s.name not in layer.outputs]
    tensors = [s.name for s in layer.variables] + values
    if wrt is not None and not wanted:
        raise UsageError(f"{layer.name}: no tensor is named to differentiate by. Choose from {', '.join(tensors)}.")
    for name in wanted:
        check_free(layer, name)
        if name not in tensors:
            hint = "its gradient is the cotangent" if name in layer.outputs else "it has no such tensor"
            hint = "its entries are positions" if name in {s.name for s in layer.arguments} else hint
            raise UsageError(f"{layer.name}: no gradient by {name!r}, {hint}. Choose from {', '.join(tensors)}.")
    return _gradients(layer, wanted)


def check_free(layer: Layer, tensor: str) -> None:
    """Raise a DifferentiationError where the layer's equations hold only for what is declared of a tensor."""
    fact = layer.pinned.get(tensor)
    if fact is not None:
        raise DifferentiationError(
            f"{layer.name}: it has no gradient by {tensor}, because its equations were simplified by what is declared, "
            f"{fact.text}, and hold only where that does. Leave the declaration out to differentiate by {tensor}."
        )


def forget() -> None:
    """Empty the cache of derivations."""
    _gradients.cache_clear()


@lru_cache(maxsize=512)
def _gradients(layer: Layer, wanted: tuple[str, ...]) -> Gradients:
    # Derived as if by every argument: what is named and what put in does not depend on what is asked for.
    everything = tuple(dict.fromkeys((*(s.name for s in layer.variables), *wanted)))
    sweep = Reverse(layer, everything, seeded=layer.scalar)
    derivations, adjoints = on_the_way(sweep.run(required=wanted), wanted, sweep)
    # The printed gradient of a loss takes ∂L/∂L = 1; the code multiplies by the cotangent that it is given.
    coded = sweep
    if layer.scalar:
        coded = Reverse(layer, everything, seeded=False)
        coded.run(required=wanted)
    backward = backward_layer(layer, wanted, coded.names, coded.trace, coded.sublayers.saves, coded.pins)
    forward_calls = {made.backward: call for call, made in sweep.sublayers.made.items()}
    kept = {s.name for s in backward.arguments}
    saves = {c: tuple(pair for pair in pairs if pair[1].name in kept) for c, pairs in coded.sublayers.saves.items()}
    saves = {call: pairs for call, pairs in saves.items() if pairs}
    return Gradients(layer, backward, derivations, adjoints, saves, forward_calls)


def on_the_way(
    derivations: dict[str, Derivation], wanted: tuple[str, ...], sweep: Reverse
) -> tuple[dict[str, Derivation], tuple[Statement, ...]]:
    """The derivations of what is wanted and of the adjoints that these speak of, and the statements defining them."""
    definers = {s.name: statement for statement in sweep.trace for s in statement.defines}
    pending = [sweep.names.adjoints[tensor].name for tensor in wanted]
    kept: set[str] = set()
    while pending:
        name = pending.pop()
        if name in kept or name not in definers:
            continue
        kept.add(name)
        pending.extend(definers[name].reads)
        derivation = derivations.get(sweep.names.tensor_of.get(name, ""))
        if derivation is not None:
            pending.extend(n for step in derivation.steps for n in tensors_read(step.after))
    spoken = {t: d for t, d in derivations.items() if d.symbol.name in kept}
    return spoken, tuple(s for s in sweep.trace if not kept.isdisjoint(d.name for d in s.defines))


def scatters(value: Expr) -> bool:
    """Does a condition say where the entries of a sum go, as [j = s i + k] does?"""
    return any(
        isinstance(a, Argmax) or isinstance(a, Bracket) and a.relation == "==" and not a.free.isdisjoint(t.bound)
        for t in value.terms
        for a, _ in t.factors
    )


class Reverse:
    """One reverse sweep over a layer. Where it is `seeded`, the cotangent of the loss is 1."""

    def __init__(self, layer: Layer, wanted: tuple[str, ...], seeded: bool):
        self.layer = layer
        self.wanted = wanted
        self.seeded = seeded
        self.names = AdjointNames(layer)
        self.sublayers = Sublayers(self.names, lambda callee: gradients(callee).backward)
        self.equations = {e.symbol.name: e for e in layer.equations}
        self.context = Context.of(layer)
        self.readers: dict[str, list[Statement]] = {}
        self.definers: dict[str, Statement] = {}
        for statement in layer.statements:
            self.definers.update((s.name, statement) for s in statement.defines)
            for name in dict.fromkeys(statement.reads):
                self.readers.setdefault(name, []).append(statement)
        self.failed: set[str] = set()
        self.needed = self.active(set(wanted))
        # What has been derived: all statements, the equations by name, and how many statements read each name.
        self.trace: list[Statement] = []
        self.recorded: dict[str, Equation] = {}
        self.uses: Counter[str] = Counter()
        # The tensors of which declared facts were used.
        self.pins: dict[str, Fact] = dict(layer.pinned)

    def active(self, wanted: set[str]) -> set[str]:
        """The tensors between the wanted ones and the outputs."""
        forward = set(wanted)
        for statement in self.layer.statements:
            if not forward.isdisjoint(statement.reads):
                forward.update(s.name for s in statement.defines)
        backward = set(self.layer.outputs)
        for statement in reversed(self.layer.statements):
            if not backward.isdisjoint(s.name for s in statement.defines):
                backward.update(statement.reads)
        return (forward & backward) | wanted

    def run(self, required: Iterable[str]) -> dict[str, Derivation]:
        """Derive every gradient; one that has no rule is an error only if it is required."""
        required_tensors = self.active(set(required))
        values = [s.name for t in self.layer.statements for s in t.defines][::-1]
        order = [v for v in values if v in self.needed] + [
            s.name for s in self.layer.variables if s.name in self.needed
        ]
        derivations = {}
        for tensor in order:
            try:
                derivation = self.derive(tensor)
            except DifferentiationError:
                if tensor in required_tensors:
                    raise
                self.failed.add(tensor)
                continue
            if derivation is not None:
                derivations[tensor] = derivation
        return derivations

    def derive(self, tensor: str) -> Derivation | None:
        """Derive ∂L/∂tensor, record its equation, and return the derivation; None for an output that nothing reads."""
        check_free(self.layer, tensor)
        consumers = [s for s in self.readers.get(tensor, ()) if self.reaches(s)]
        if tensor in self.names.cotangents and not consumers:
            self.names.adjoints[tensor] = self.names.cotangents[tensor]
            return None
        lost = self.failed.intersection(s.name for c in consumers for s in c.defines)
        if lost:
            raise DifferentiationError(f"{self.layer.name}: {tensor} is needed through {', '.join(sorted(lost))}.")
        symbol = self.names.adjoint(tensor)
        at = self.names.entry(symbol.axes)
        entry = Read(tensor, tuple(Affine.of(p) for p in at))
        start = atom(Partial(read(self.names.loss), entry))
        trail = Trail(start)
        chained = add(*self.chain(tensor, consumers, at, entry))
        trail.take(Rule("chain rule", CHAIN, replace(start, chained)))
        through = self.through_calls(trail, consumers, entry, at)
        differentiate(trail, self.equations, self.names.symbols)
        simplify(trail, self.context)
        axes = {p: Affine.of(i) for p, i in zip(at, symbol.axes, strict=True)}
        if not through:
            self.put_in_adjoints(trail)
            if tensor not in self.wanted:
                self.name_statistics(trail, axes)
            self.record(Equation(symbol, trail.value.substitute(axes)))
        else:
            self.record_through(symbol, consumers, through, entry)
        self.note_pins(trail)
        names = self.names.symbols
        callees = tuple(dict.fromkeys(c.layer.name for c in consumers if isinstance(c, Call)))
        steps = tuple(trail.steps)
        return Derivation(names[tensor], symbol, at, trail.value, steps, names, self.names.loss, callees, self.layer)

    def reaches(self, statement: Statement) -> bool:
        """Does the loss depend on what the statement defines?"""
        return any(s.name in self.names.adjoints for s in statement.defines)

    def chain(self, tensor: str, consumers: Sequence[Statement], at: tuple[Index, ...], entry: Read) -> list[Expr]:
        """The contributions to ∂L/∂tensor, one for each statement that reads it."""
        parts: list[Expr] = []
        if tensor in self.names.cotangents and not self.seeded:
            parts.append(read(self.names.cotangents[tensor].name, *at))
        elif tensor in self.names.cotangents:
            parts.append(ONE)
        for statement in consumers:
            if isinstance(statement, Call):
                parts.extend(self.call_chain(statement, entry))
            else:
                parts.append(self.link(statement.symbol, entry))
        return parts

    def link(self, symbol: Symbol, entry: Read) -> Expr:
        """Σ_α ∂L/∂Y[α] · ∂Y[α]/∂X[p]"""
        taken = {i.name for i in entry.free}
        alpha = tuple(fresh(i, taken) for i in symbol.axes)
        local = atom(Partial(read(symbol.name, *alpha), entry))
        if self.seeded and self.names.adjoints[symbol.name].role is Role.COTANGENT:
            return local
        return total(multiply(read(self.names.adjoints[symbol.name].name, *alpha), local), alpha)

    # calls of sublayers

    def call_chain(self, call: Call, entry: Read) -> list[Expr]:
        # The backward call needs an adjoint for every output, be it 0.
        self.sublayer(call)
        return [self.link(s, entry) for s in call.outputs]

    def through_calls(self, trail: Trail, consumers: list[Statement], entry: Read, at: tuple[Index, ...]) -> list[Expr]:
        """Replace ∂L/∂Y · ∂Y/∂X through a sublayer by what the sublayer's own derivation gives.

        Returns the entries of the backward calls' outputs that the code adds up.
        """
        entries: list[Expr] = []
        for call in (c for c in consumers if isinstance(c, Call)):
            sublayer = self.sublayer(call)
            positions = [n for n, a in enumerate(call.variables) if a == entry.tensor]
            before = add(*self.call_chain(call, entry))
            after = add(*(sublayer.formula(n, at) for n in positions))
            trail.take(Rule(f"derivation of {call.layer.name}", CALL, swap(before, after)))
            entries.extend(sublayer.entry(n, at) for n in positions)
        return entries

    def sublayer(self, call: Call) -> Sublayer:
        """The backward call of a call, made and recorded once."""
        if call not in self.sublayers.made:
            for output in call.outputs:
                if output.name not in self.names.adjoints:
                    self.record(Equation(self.names.adjoint(output.name), ZERO))
            alone = {t: t in self.needed and self.only_consumer(call, t) for t in call.arguments}
            backward = self.sublayers.make(call, alone).backward
            given = dict(zip((s.name for s in call.layer.arguments), call.arguments, strict=True))
            self.pins.update({given[name]: fact for name, fact in backward.layer.pinned.items() if name in given})
            self.record(backward)
        return self.sublayers.made[call]

    def only_consumer(self, call: Call, tensor: str) -> bool:
        """Is this call, once, all through which the loss depends on the tensor?"""
        readers = [s for s in self.readers.get(tensor, ()) if any(d.name in self.needed for d in s.defines)]
        return readers == [call] and call.arguments.count(tensor) == 1 and tensor not in self.names.cotangents

    def record_through(self, symbol: Symbol, consumers: list[Statement], through: list[Expr], entry: Read) -> None:
        """Record the gradient of a tensor that goes into sublayers: their backward calls' outputs, and the rest."""
        if len(through) == 1 and len(consumers) == 1 and entry.tensor not in self.names.cotangents:
            return
        direct = [c for c in consumers if not isinstance(c, Call)]
        at = [p.plain for p in entry.at if p.plain]
        trail = Trail(add(*self.chain(entry.tensor, direct, tuple(at), entry)))
        differentiate(trail, self.equations, self.names.symbols)
        simplify(trail, self.context)
        axes = {p: Affine.of(i) for p, i in zip(at, symbol.axes, strict=True)}
        self.note_pins(trail)
        self.record(Equation(symbol, add(trail.value, *through).substitute(axes)))

    # adjoints: put in, named, recorded

    def put_in_adjoints(self, trail: Trail) -> None:
        """Put in the adjoints that nothing else needs, where the whole gets shorter for it (or no longer).

        One that is a multiple of another value, as in dR = 2 R, is needed nowhere: that value has a name.
        """
        tried: set[str] = set()
        put_in: set[str] = set()
        while left := [n for n in tensors_read(trail.value) if n in self.recorded and n not in tried]:
            name = left[-1]
            tried.add(name)
            statement = self.recorded[name]
            if self.consumers_of_adjoint(name) > 1 and not is_multiple(statement.expr):
                continue
            trial = Trail(trail.value)
            trial.take(Rule(f"definition of {statement.symbol.shown}", DEFINITION, unfold(statement)))
            if name in tensors_read(trial.value):
                # Where it is read past its ends too, it keeps its name.
                continue
            simplify(trial, self.context.without({*put_in, name}))
            if scatters(statement.expr) and scatters(trial.value):
                # Where entries go is said once, in the adjoint's own equation.
                continue
            if cost(trial.value) <= cost(trail.value) + cost(statement.expr):
                trail.steps.extend(trial.steps)
                trail.value = trial.value
                put_in.add(name)

    def consumers_of_adjoint(self, name: str) -> int:
        """How many gradients are, or may yet be, computed from an adjoint, the one at hand included."""
        tensor = self.names.tensor_of.get(name)
        if tensor is None or tensor in self.wanted:
            return 2
        statement = self.definers.get(tensor)
        if not isinstance(statement, Equation):
            return 2
        done = self.uses[name]
        pending = sum(t in self.needed and t not in self.names.adjoints for t in set(statement.reads))
        return 1 + done + pending

    def name_statistics(self, trail: Trail, axes: dict[Index, Affine]) -> None:
        """In the adjoint of an intermediate, name the summands that are the same along an axis: δ_i = Σ_e G_ie O_ie."""
        named = name_broadcasts(trail.value, lambda: self.names.fresh("delta"))
        if named is None:
            return
        value, name, expression = named
        indices = tuple(p for p in axes if p in expression.free)
        symbol = self.names.statistic(name, tuple(axes[p].plain or p for p in indices))
        self.record(Equation(symbol, expression.substitute(axes)))
        trail.take(Rule(f"name {symbol.shown}", NAMING, replace(trail.value, value)))

    def note_pins(self, trail: Trail) -> None:
        for step in trail.steps:
            self.pins.update(step.rule.pins)

    def record(self, statement: Statement) -> None:
        self.trace.append(statement)
        self.uses.update(dict.fromkeys(statement.reads, 1))
        if isinstance(statement, Equation):
            self.recorded[statement.symbol.name] = statement
            if not is_multiple(statement.expr):
                self.context.learn(statement)
