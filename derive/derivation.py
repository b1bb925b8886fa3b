"""Reverse mode over the equations of a layer: from the cotangents of the outputs to the gradient of every argument.

    ∂L/∂X[p] = Σ_Y Σ_α ∂L/∂Y[α] · ∂Y[α]/∂X[p]        over the equations for Y in which X stands

Each gradient is derived step by step and simplified where it arises. The adjoint of an intermediate that several
others need stays a named equation; one that a single other needs is put in where that makes the whole shorter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from functools import lru_cache

from derive.axes import Affine, Index, fresh
from derive.calculus import (
    check_finished,
    d_entry,
    d_function,
    d_power,
    d_product,
    d_sum,
    definition,
    has_partials,
    instantiate,
    rewrite_partials,
)
from derive.compose import Sublayer
from derive.deltas import contract, distribute
from derive.errors import UsageError
from derive.layer import Call, Equation, Layer, Role, Statement, Symbol
from derive.names import latex_of
from derive.simplify import Context, cost, name_broadcasts, simplify
from derive.steps import Derivation, Gradients, Rule, Trail
from derive.terms import ONE, ZERO, Expr, Partial, Read, add, atom, multiply, read, tensors_read, total

LETTERS = "p q r u v a b c d e f g h l m n o s t w x y z".split()

CALCULUS = (
    ("linearity", r"\partial \left(\sum c\, a + b\right) = \sum c\, \partial a + \partial b", d_sum),
    ("product rule", r"\partial (a b) = (\partial a)\, b + a\, \partial b", d_product),
    ("power rule", r"\partial a^{n} = n\, a^{n-1} \partial a", d_power),
    ("function rule", r"\partial f(u) = f'(u)\, \partial u", d_function),
)


def gradients(layer: Layer, wrt: Iterable[str] | None = None) -> Gradients:
    """Derive the gradient of a layer by each of its arguments, or by those named in `wrt`.

    Raises UsageError where a name in `wrt` is not a tensor of the layer.
    """
    return _gradients(layer, tuple(wrt) if wrt is not None else None)


def forget() -> None:
    """Empty the caches of derivations."""
    _gradients.cache_clear()


@lru_cache(maxsize=512)
def _gradients(layer: Layer, wrt: tuple[str, ...] | None) -> Gradients:
    wanted = tuple(dict.fromkeys(wrt)) if wrt is not None else tuple(s.name for s in layer.arguments)
    values = [s.name for t in layer.statements for s in t.defines if s.name not in layer.outputs]
    tensors = [s.name for s in layer.arguments] + values
    for name in wanted:
        if name not in tensors:
            hint = "its gradient is the cotangent" if name in layer.outputs else "it has no such tensor"
            raise UsageError(
                f"{layer.name}: no gradient by {name!r}, {hint}. Choose from {', '.join(tensors)}."
            )
    reverse = Reverse(layer, wanted, seed=layer.scalar)
    derivations = reverse.run()
    # The printed gradient of a loss takes ∂L/∂L = 1; the code multiplies by the cotangent that it is given.
    backward = reverse
    if layer.scalar:
        backward = Reverse(layer, wanted, seed=False)
        backward.run()
    return Gradients(layer, backward.layer_of_adjoints(), derivations, tuple(reverse.trace), dict(backward.saves))


class Reverse:
    """One reverse sweep over a layer."""

    def __init__(self, layer: Layer, wanted: tuple[str, ...], seed: bool):
        self.layer = layer
        self.wanted = wanted
        self.seed = seed
        self.symbols = dict(layer.symbols)
        self.equations = {e.symbol.name: e for e in layer.equations}
        self.context = Context.of(layer)
        self.loss = self.fresh_name("L") if not layer.scalar else self.fresh_name("loss")
        self.cotangents = {s.name: self.cotangent(s) for s in layer.output_symbols}
        self.adjoints: dict[str, Symbol] = {}
        self.adjoint_of: dict[str, str] = {}
        self.trace: list[Statement] = []
        self.statements: list[Statement] = []
        self.sublayers: dict[Call, Sublayer] = {}
        self.saves: dict[Call, tuple[tuple[str, Symbol], ...]] = {}
        self.readers: dict[str, list[Statement]] = {}
        self.definers: dict[str, Statement] = {}
        for statement in layer.statements:
            self.definers.update((s.name, statement) for s in statement.defines)
            for name in dict.fromkeys(statement.reads):
                self.readers.setdefault(name, []).append(statement)
        # The equations of adjoints by name, and how many equations read each adjoint.
        self.recorded: dict[str, Equation] = {}
        self.uses: Counter[str] = Counter()
        self.letters = self.free_letters()
        self.needed = self.active()

    # names

    def fresh_name(self, name: str) -> str:
        number, candidate = 1, name
        while candidate in self.symbols:
            candidate, number = f"{name}_{number}", number + 1
        return candidate

    def declare(self, symbol: Symbol) -> Symbol:
        self.symbols[symbol.name] = symbol
        return symbol

    def cotangent(self, output: Symbol) -> Symbol:
        """∂L/∂Y, displayed as G for an output Y and as g for an output y."""
        letter = "G" if output.name[0].isupper() else "g"
        text = letter if len(self.layer.outputs) == 1 else f"{letter}_{output.shown}"
        if text in self.symbols:
            text = f"{letter}_{output.shown}"
        latex = letter if text == letter else f"{letter}_{{{output.latex or latex_of(output.name)}}}"
        name = self.fresh_name(f"d{output.name}")
        return self.declare(Symbol(name, output.axes, Role.COTANGENT, latex=latex, text=text))

    def adjoint(self, tensor: str) -> Symbol:
        """The symbol of ∂L/∂tensor, fresh at every differentiation."""
        if tensor not in self.adjoints:
            symbol = self.symbols[tensor]
            latex = r"\mathrm{d}" + (symbol.latex or latex_of(symbol.name))
            name = self.fresh_name(f"d{tensor}")
            self.adjoint_of[name] = tensor
            self.adjoints[tensor] = self.declare(
                Symbol(name, symbol.axes, Role.ADJOINT, latex=latex, text=f"d{symbol.shown}")
            )
        return self.adjoints[tensor]

    # which tensors need an adjoint

    def active(self) -> set[str]:
        """The tensors between the wanted ones and the outputs."""
        forward = set(self.wanted)
        for statement in self.layer.statements:
            if not forward.isdisjoint(statement.reads):
                forward.update(s.name for s in statement.defines)
        backward = set(self.layer.outputs)
        for statement in reversed(self.layer.statements):
            if not backward.isdisjoint(s.name for s in statement.defines):
                backward.update(statement.reads)
        return (forward & backward) | set(self.wanted)

    def run(self) -> dict[str, Derivation]:
        values = [s.name for t in self.layer.statements for s in t.defines][::-1]
        order = [v for v in values if v in self.needed] + [
            s.name for s in self.layer.arguments if s.name in self.needed
        ]
        derivations = {}
        for tensor in order:
            derivation = self.derive(tensor)
            if derivation is not None:
                derivations[tensor] = derivation
        return derivations

    def derive(self, tensor: str) -> Derivation | None:
        """Derive ∂L/∂tensor, record its equation, and return the derivation; None for an output that nothing reads."""
        consumers = [s for s in self.readers.get(tensor, ()) if self.reaches(s)]
        if tensor in self.cotangents and not consumers:
            self.adjoints[tensor] = self.cotangents[tensor]
            return None
        symbol = self.adjoint(tensor)
        at = self.entry_indices(symbol.axes)
        entry = Read(tensor, tuple(Affine.of(p) for p in at))
        start = atom(Partial(read(self.loss), entry))
        trail = Trail(start)
        chained = add(*self.chain(tensor, consumers, at, entry))
        trail.take(Rule("chain rule", CHAIN, replace(start, chained)))
        through = self.through_calls(trail, tensor, consumers, at, entry)
        differentiate(trail, self.equations)
        simplify(trail, self.context)
        axes = {p: Affine.of(i) for p, i in zip(at, symbol.axes, strict=True)}
        if not through:
            self.put_in_adjoints(trail)
            if tensor not in self.wanted:
                self.name_statistics(trail, axes)
            self.record(Equation(symbol, trail.value.substitute(axes)))
        else:
            self.record_through(symbol, tensor, consumers, through, at, entry, axes)
        return Derivation(self.symbols[tensor], symbol, at, trail.value, tuple(trail.steps), self.symbols, self.loss)

    def reaches(self, statement: Statement) -> bool:
        """Does the loss depend on what the statement defines?"""
        return any(s.name in self.adjoints for s in statement.defines)

    def free_letters(self) -> list[str]:
        """Letters that name nothing else in this layer."""
        taken = {i.name for i in self.layer.indices} | set(self.symbols) | set(self.layer.spellings.values())
        taken |= {s.latex for s in self.symbols.values() if s.latex}
        return [letter for letter in LETTERS if letter not in taken]

    def entry_indices(self, axes: tuple[Index, ...]) -> tuple[Index, ...]:
        """Fresh letters for the entry that is differentiated by."""
        taken = {"..."} | {i.name for i in axes}
        letters = iter(self.letters)
        chosen: list[Index] = []
        for axis in axes:
            letter = None if axis.leading else next(letters, None)
            index = fresh(axis, taken) if letter is None else Index(letter, axis.size)
            taken.add(index.name)
            chosen.append(index)
        return tuple(chosen)

    def chain(self, tensor: str, consumers: list[Statement], at: tuple[Index, ...], entry: Read) -> list[Expr]:
        """The contributions to ∂L/∂tensor, one for each statement that reads it."""
        parts: list[Expr] = []
        if tensor in self.cotangents and not (self.seed and self.layer.scalar):
            parts.append(read(self.cotangents[tensor].name, *at))
        elif tensor in self.cotangents:
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
        if self.seed and self.adjoints[symbol.name].role is Role.COTANGENT:
            return local
        return total(multiply(read(self.adjoints[symbol.name].name, *alpha), local), alpha)

    # calls of sublayers

    def call_chain(self, call: Call, entry: Read) -> list[Expr]:
        return [self.link(s, entry) for s in call.outputs if s.name in self.adjoints]

    def through_calls(
        self, trail: Trail, tensor: str, consumers: list[Statement], at: tuple[Index, ...], entry: Read
    ) -> list[Expr]:
        """Replace ∂L/∂Y · ∂Y/∂X through a sublayer by what the sublayer's own derivation gives.

        Returns the entries of the backward calls' outputs that the code adds up.
        """
        entries: list[Expr] = []
        for call in (c for c in consumers if isinstance(c, Call)):
            sublayer = self.sublayer(call, tensor)
            positions = [n for n, a in enumerate(call.arguments) if a == tensor]
            before = add(*self.call_chain(call, entry))
            after = add(*(sublayer.formula(n, at) for n in positions))
            trail.take(Rule(f"derivation of {call.layer.name}", CALL, swap(before, after)))
            entries.extend(sublayer.entry(n, at) for n in positions)
        return entries

    def sublayer(self, call: Call, tensor: str) -> Sublayer:
        """The backward call of a call, made once. A gradient that only this call adds to is named for its tensor."""
        if call not in self.sublayers:
            backward = gradients(call.layer).backward
            self.sublayers[call] = Sublayer(call, self.backward_call(call, backward))
            self.record(self.sublayers[call].backward)
        return self.sublayers[call]

    def backward_call(self, call: Call, backward: Layer) -> Call:
        names = dict(zip((s.name for s in call.layer.arguments), call.arguments, strict=True))
        names.update(zip(call.layer.outputs, (s.name for s in call.outputs), strict=True))
        arguments, cotangents = [], iter(call.outputs)
        for symbol in backward.arguments:
            if symbol.role is Role.COTANGENT:
                arguments.append(self.adjoint_of_output(next(cotangents)).name)
            elif symbol.name in names:
                arguments.append(names[symbol.name])
            else:
                arguments.append(self.saved(call, symbol).name)
        outputs = []
        for position, tensor in enumerate(call.arguments):
            shape = self.symbols[tensor]
            if tensor in self.needed and self.only_consumer(call, tensor):
                outputs.append(self.adjoint(tensor))
            else:
                name = self.fresh_name(f"d{tensor}_{call.outputs[0].name}")
                latex = rf"\mathrm{{d}}{shape.latex or latex_of(tensor)}^{{({position + 1})}}"
                outputs.append(self.declare(Symbol(name, shape.axes, Role.ADJOINT, latex=latex)))
        return Call(backward, tuple(arguments), tuple(outputs), call.axes, call.options)

    def adjoint_of_output(self, output: Symbol) -> Symbol:
        if output.name not in self.adjoints:
            self.record(Equation(self.adjoint(output.name), ZERO))
        return self.adjoints[output.name]

    def only_consumer(self, call: Call, tensor: str) -> bool:
        """Is this call, once, all through which the loss depends on the tensor?"""
        readers = [s for s in self.readers.get(tensor, ()) if self.reaches(s)]
        return readers == [call] and call.arguments.count(tensor) == 1 and tensor not in self.cotangents

    def saved(self, call: Call, symbol: Symbol) -> Symbol:
        """The caller's name of a value inside a called layer that its backward pass reads."""
        from derive.compose import call_axes

        for inner, known in self.saves.get(call, ()):
            if inner == symbol.name:
                return known
        name = self.fresh_name(f"{call.outputs[0].name}_{symbol.name}")
        latex = f"{symbol.latex or latex_of(symbol.name)}^{{({call.outputs[0].shown})}}"
        outer = self.declare(Symbol(name, call_axes(call, symbol), Role.VALUE, latex=latex))
        self.saves[call] = (*self.saves.get(call, ()), (symbol.name, outer))
        return outer

    def record_through(self, symbol, tensor, consumers, through, at, entry, axes) -> None:
        """Record the gradient of a tensor that goes into sublayers: their backward calls' outputs, and the rest."""
        if len(through) == 1 and len(consumers) == 1 and tensor not in self.cotangents:
            return
        direct = [c for c in consumers if not isinstance(c, Call)]
        trail = Trail(add(*self.chain(tensor, direct, at, entry)))
        differentiate(trail, self.equations)
        simplify(trail, self.context)
        self.record(Equation(symbol, add(trail.value, *through).substitute(axes)))

    # adjoints: put in, named, recorded

    def put_in_adjoints(self, trail: Trail) -> None:
        """Put in the adjoints that nothing else needs, where the whole gets shorter for it (or no longer)."""
        for name in [n for n in tensors_read(trail.value) if n in self.recorded][::-1]:
            statement = self.recorded[name]
            if name not in tensors_read(trail.value) or self.consumers_of_adjoint(name) > 1:
                continue
            trial = Trail(trail.value)
            trial.take(Rule(f"definition of {statement.symbol.shown}", DEFINITION, unfold(statement)))
            simplify(trial, self.context.without(name))
            if cost(trial.value) <= cost(trail.value) + cost(statement.expr):
                trail.steps.extend(trial.steps)
                trail.value = trial.value

    def consumers_of_adjoint(self, name: str) -> int:
        """How many gradients are, or may yet be, computed from an adjoint, the one at hand included."""
        tensor = self.adjoint_of.get(name)
        if tensor is None or tensor in self.wanted:
            return 2
        statement = self.definers.get(tensor)
        if not isinstance(statement, Equation):
            return 2
        done = self.uses[name]
        pending = sum(t in self.needed and t not in self.adjoints for t in set(statement.reads))
        return 1 + done + pending

    def name_statistics(self, trail: Trail, axes: dict[Index, Affine]) -> None:
        """In the adjoint of an intermediate, name the summands that are the same along an axis: δ_i = Σ_e G_ie O_ie."""
        named = name_broadcasts(trail.value, lambda: self.fresh_name("delta"))
        if named is None:
            return
        value, name, expression = named
        indices = tuple(p for p in axes if p in expression.free)
        symbol = Symbol(
            name, tuple(axes[p].plain or p for p in indices), Role.ADJOINT, latex=_delta_latex(name), text=name
        )
        symbol = symbol.renamed(text=name.replace("delta", "δ"))
        self.declare(symbol)
        self.record(Equation(symbol, expression.substitute(axes)))
        trail.take(Rule(f"name {symbol.shown}", NAMING, replace(trail.value, value)))

    def record(self, statement: Statement) -> None:
        self.trace.append(statement)
        self.uses.update(dict.fromkeys(statement.reads, 1))
        if isinstance(statement, Equation):
            self.recorded[statement.symbol.name] = statement
            self.context.learn(statement)

    # the backward layer

    def layer_of_adjoints(self) -> Layer:
        """The gradient as a layer: from residuals and cotangents to the gradients of the arguments."""
        from derive.backward import backward_layer

        return backward_layer(self)


CHAIN = r"\frac{\partial L}{\partial X} = \sum_{Y} \sum_{\alpha} \frac{\partial L}{\partial Y_{\alpha}} \frac{\partial Y_{\alpha}}{\partial X}"
DEFINITION = r"\text{a name and its definition are equal}"
CALL = r"\text{derived once, for the layer itself}"
NAMING = r"\text{a name for a subexpression}"


def _delta_latex(name: str) -> str:
    return latex_of(name)


def replace(before: Expr, after: Expr) -> Callable[[Expr], Expr]:
    return lambda value: after if value == before else value


def swap(before: Expr, after: Expr) -> Callable[[Expr], Expr]:
    """Replace the terms of `before`, where they stand as summands, by `after`."""

    def rule(value: Expr) -> Expr:
        keys = {t.body_key for t in before.terms}
        if not keys <= {t.body_key for t in value.terms}:
            return value
        return add(after, *(Expr((t,)) for t in value.terms if t.body_key not in keys))

    return rule


def unfold(statement: Equation) -> Callable[[Expr], Expr]:
    """Put the right-hand side of an equation in for its tensor."""
    name = statement.symbol.name

    def unfold_in(value: Expr) -> Expr:
        terms = []
        for term in value.terms:
            parts = []
            for factor, exponent in term.factors:
                if isinstance(factor, Read) and factor.tensor == name:
                    parts.append(instantiate(statement, factor) ** exponent)
                elif factor.children():
                    parts.append(factor.rebuild(tuple(unfold_in(c) for c in factor.children())) ** exponent)
                else:
                    parts.append(atom(factor, exponent))
            terms.append(total(multiply(ONE * term.coefficient, *parts), term.bound))
        return add(*terms)

    return unfold_in


def differentiate(trail: Trail, equations: dict[str, Equation]) -> None:
    """Work out every partial derivative, down to Kronecker deltas, and contract them."""
    names = sorted({r.tensor for r in _derived_reads(trail.value)} & set(equations))
    if names:
        rule = definition(equations)
        shown = ", ".join(equations[n].symbol.shown for n in names)
        trail.take(Rule(f"definition of {shown}", DEFINITION, lambda v: rewrite_partials(v, rule)))
    while has_partials(trail.value):
        changed = False
        for name, law, rule in CALCULUS:
            changed |= trail.take(Rule(name, law, lambda v, rule=rule: rewrite_partials(v, rule)))
        if not changed:
            trail.take(Rule("independent entries", ENTRIES, lambda v: rewrite_partials(v, d_entry)))
            check_finished(trail.value)
    while True:
        changed = trail.take(Rule("distribute", r"a (b + c) = a b + a c", distribute))
        changed |= trail.take(Rule("contract deltas", r"\sum_{j} \delta_{j,k} f_{j} = f_{k}", contract))
        if not changed:
            break


ENTRIES = r"\frac{\partial X_{i}}{\partial X_{p}} = \delta_{i,p}"


def _derived_reads(value: Expr) -> list[Read]:
    from derive.calculus import bare_read
    from derive.terms import Paren

    found = []
    for term in value.terms:
        for factor, _ in term.factors:
            if isinstance(factor, Partial) and (bare := bare_read(factor.of)) is not None:
                found.append(bare)
            elif isinstance(factor, Paren):
                found.extend(_derived_reads(factor.body))
    return found
