"""A layer and its gradients as they are computed block by block: L = log Σ exp(x) in the place of a softmax's matrix.

    residuals    Q, K, V, P, O    →    Q, K, V, L, O
    backward     dS = P ⊙ …       →    S = Q Kᵀ / √d_k,  P = exp(S - L),  dS = P ⊙ …

A matrix of pairs is computed again where the gradients need it, from what is as small as the rows and the columns.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from derive.calculus.backward import Saves, with_sizes
from derive.calculus.derivation import gradients
from derive.calculus.families import Family, expect_proportional, family_of, sorted_in
from derive.calculus.online_softmax import Softmax, applies, contracted, named_parts, refusal, unused
from derive.calculus.second import live
from derive.calculus.steps import Gradients, Step
from derive.calculus.sublayers import call_axes
from derive.core.layer import Call, Equation, Layer, Role, Statement, Symbol, expect_layer


@dataclass(frozen=True)
class Blockwise:
    """A layer, its forward equations and its gradients after the rewrite.

    `softmaxes` are those of the layer itself, `log_sums` the equations of their L; a layer that is called has its own.
    """

    layer: Layer
    derived: Gradients
    forward: Layer
    backward: Layer
    softmaxes: tuple[Softmax, ...]
    log_sums: tuple[Equation, ...]
    # What is handed over from inside each call to its backward call.
    saves: Saves
    # Of each softmax, what is computed with it, forward and backward.
    families: tuple[Family, ...]
    backward_families: tuple[Family, ...]

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The rewrite of each softmax: a rule, the expression before and the expression after."""
        return tuple(s.step(log) for s, log in zip(self.softmaxes, self.log_sums, strict=True))

    @property
    def cotangents(self) -> tuple[Symbol, ...]:
        return self.backward.arguments[-len(self.layer.outputs) :]

    @property
    def residuals(self) -> tuple[Symbol, ...]:
        return self.backward.arguments[: -len(self.layer.outputs)]


def blockwise(layer: Layer, wrt: Iterable[str] | None = None) -> Blockwise:
    """The blockwise form of a layer that contracts a softmax, as attention does, or calls one that does.

    Its code takes rows and columns in blocks and keeps no matrix of all pairs: beside arguments and results it needs
    memory linear in their number. `show`, `numpy_source` and `compiled` take it; the functions have a keyword `block`.
    `wrt` names the arguments whose gradients are wanted, all if it is None. Raises LoweringError where the layer has
    no such softmax, UsageError for a name that is no tensor of the layer.

    Online softmax: Milakov and Gimelshein (2018); with gradients: Dao et al., FlashAttention (2022).

    >>> from derive.layers.attentions.attention import attention
    >>> [s.name for s in blockwise(attention).residuals]
    ['Q', 'K', 'V', 'L', 'O']
    """
    layer = expect_layer(layer)
    if not applies(layer):
        raise refusal(layer)
    return _blockwise(layer, tuple(wrt) if wrt is not None else None)


@lru_cache(maxsize=128)
def _blockwise(layer: Layer, wrt: tuple[str, ...] | None) -> Blockwise:
    derived = wanted_of(named_parts(layer), wrt)
    whole = derived.layer
    softmaxes = tuple(contracted(whole))
    taken = {*whole.symbols, *derived.backward.symbols}
    taken |= {i.name for i in (*whole.indices, *derived.backward.indices)}
    log_sums = tuple(s.log_sum(unused("L", taken)) for s in softmaxes)
    new = {s.equation: (log, s.entry(log)) for s, log in zip(softmaxes, log_sums, strict=True)}
    statements = [t for s in whole.statements for t in (new[s] if isinstance(s, Equation) and s in new else (s,))]
    forward = replace(whole, statements=tuple(statements))
    families = tuple(family_of(whole, s) for s in softmaxes)
    sorted_in(whole, families)
    for family in families:
        expect_proportional(whole, family)
    backward, saves = with_rewritten_calls(derived, taken)
    large = {name for f in families for name in f.pairs}
    backward = recomputing(forward, backward, large, [s for saved in saves.values() for _, s in saved])
    backward_families = tuple(family_of(whole, s) for s in softmaxes)
    for family, first in zip(backward_families, families, strict=True):
        family.pairs |= first.pairs
        family.vanishing |= first.vanishing
    backward = sorted_in(backward, backward_families)
    return Blockwise(layer, derived, forward, backward, softmaxes, log_sums, saves, families, backward_families)


def wanted_of(layer: Layer, wrt: tuple[str, ...] | None) -> Gradients:
    """The gradients that are wanted. A sublayer with a blockwise form is called for all of its own."""
    derived = gradients(layer, wrt)
    if wrt is None or not any(isinstance(s, Call) and applies(s.layer) for s in layer.statements):
        return derived
    whole = gradients(layer, [*dict.fromkeys((*(s.name for s in layer.variables), *wrt))])
    outputs = derived.backward.outputs
    statements = live(whole.backward.statements, outputs)
    return replace(whole, backward=replace(whole.backward, statements=statements, outputs=outputs))


def forget() -> None:
    """Empty the cache of blockwise forms."""
    _blockwise.cache_clear()


def recomputing(forward: Layer, backward: Layer, large: Collection[str], inside: Sequence[Symbol]) -> Layer:
    """The backward layer that computes P, and whatever is as large, again from L.

    `inside` are the values that calls hand over.
    """
    count = len(forward.outputs)
    cotangents = backward.arguments[-count:]
    equations = {e.symbol.name: e for e in forward.equations}
    again: list[str] = []
    pending = [n for t in backward.statements for n in t.reads if n in large]
    while pending:
        name = pending.pop()
        if name not in again:
            again.append(name)
            pending += [n for n in equations[name].reads if n in large]
    statements = [*(e for e in forward.equations if e.symbol.name in again), *backward.statements]
    known = [*forward.arguments, *(s for t in forward.statements for s in t.defines)]
    reads = {n for t in statements for n in t.reads} - {s.name for t in statements for s in t.defines}
    kept = with_sizes([s for s in (*known, *inside) if s.name in reads], list(cotangents), statements, known)
    kept = [s.renamed(role=Role.INPUT) if s.role is Role.COTANGENT else s for s in kept]
    return replace(backward, arguments=(*kept, *cotangents), statements=tuple(statements))


# calls


def with_rewritten_calls(derived: Gradients, taken: set[str]) -> tuple[Layer, Saves]:
    """The backward layer that calls blockwise gradients, and what calls hand over to them."""
    saves: dict[Call, tuple[tuple[str, Symbol], ...]] = dict(derived.saves)
    statements: list[Statement] = []
    for statement in derived.backward.statements:
        call = forward_call(derived, statement) if isinstance(statement, Call) else None
        if call is None or not isinstance(statement, Call) or not applies(call.layer):
            statements.append(statement)
            continue
        inner = blockwise(call.layer)
        given = given_to(call)
        before = dict(derived.saves.get(call, ()))
        saved: list[tuple[str, Symbol]] = []
        for symbol in inner.residuals:
            if symbol.name not in given:
                outer = before.get(symbol.name) or new_value(call, symbol, taken)
                saved.append((symbol.name, outer))
                given[symbol.name] = outer.name
        saves[call] = tuple(saved)
        residuals = [given[s.name] for s in inner.residuals]
        arguments = (*residuals, *statement.arguments[-len(call.outputs) :])
        statements.append(replace(statement, layer=inner.backward, arguments=arguments))
    return replace(derived.backward, statements=tuple(statements)), saves


def forward_call(derived: Gradients, statement: Call) -> Call | None:
    """The call whose gradients a backward call gives: it has its arguments and what it handed over."""
    given = dict(zip((s.name for s in statement.layer.arguments), statement.arguments, strict=True))
    for call in (s for s in derived.layer.statements if isinstance(s, Call)):
        if gradients(call.layer).backward is statement.layer:
            known = given_to(call) | {name: s.name for name, s in derived.saves.get(call, ())}
            if all(known.get(name, value) == value for name, value in given.items()):
                return call
    return None


def given_to(call: Call) -> dict[str, str]:
    """The caller's names of a callee's arguments and outputs."""
    known = dict(zip((s.name for s in call.layer.arguments), call.arguments, strict=True))
    return known | dict(zip(call.layer.outputs, (s.name for s in call.outputs), strict=True))


def new_value(call: Call, symbol: Symbol, taken: set[str]) -> Symbol:
    """The caller's symbol for a value inside a call."""
    return Symbol(unused(f"{call.outputs[0].name}_{symbol.name}", taken), call_axes(call, symbol))
