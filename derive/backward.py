"""The gradient of a layer as a layer: residuals and cotangents in, gradients of the arguments out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from derive.axes import LEADING_SIZE
from derive.layer import Call, Layer, Role, Statement, Symbol
from derive.terms import tensors_read

if TYPE_CHECKING:
    from derive.derivation import Reverse


def backward_layer(reverse: Reverse) -> Layer:
    """Keep the adjoint equations that the wanted gradients need, and ask for the forward values that they read."""
    outputs = tuple(reverse.adjoints[name].name for name in reverse.wanted)
    statements = _live(reverse.trace, set(outputs))
    defined = {s.name for statement in statements for s in statement.defines}
    reads = {name for statement in statements for name in statement.reads} - defined
    forward = _forward_symbols(reverse.layer)
    residuals = [s for s in (*forward, *(s for saved in reverse.saves.values() for _, s in saved)) if s.name in reads]
    cotangents = [reverse.cotangents[name] for name in reverse.layer.outputs]
    residuals = _with_sizes(residuals, cotangents, statements, forward)
    return Layer(
        f"{reverse.layer.name}_bwd",
        (*residuals, *cotangents),
        reverse.layer.options,
        tuple(statements),
        outputs,
        f"The gradient of {reverse.layer.name}.",
        reverse.layer.spellings,
    )


def _forward_symbols(layer: Layer) -> list[Symbol]:
    return [*layer.arguments, *(s for statement in layer.statements for s in statement.defines)]


def _live(trace: list[Statement], wanted: set[str]) -> list[Statement]:
    """The statements that what is wanted depends on, in order."""
    kept: list[Statement] = []
    needed = set(wanted)
    for statement in reversed(trace):
        if not needed.isdisjoint(s.name for s in statement.defines):
            kept.append(statement)
            needed.update(statement.reads)
    return kept[::-1]


def _with_sizes(
    residuals: list[Symbol], cotangents: list[Symbol], statements: list[Statement], forward: list[Symbol]
) -> list[Symbol]:
    """Add the forward tensors whose shapes alone tell a size that the gradients need."""
    needed = {str(i.size) for t in statements for s in t.defines for i in s.axes if i.size.is_Symbol}
    needed |= {str(x) for t in statements for s in t.defines for i in s.axes for x in i.size.free_symbols}
    for statement in statements:
        if not isinstance(statement, Call):
            needed |= set(_sizes_in(statement.expr))
    sizes = {str(i.size) for s in forward for i in s.axes}
    known = {str(i.size) for s in (*residuals, *cotangents) for i in s.axes}
    for symbol in forward:
        gives = {str(i.size) for i in symbol.axes} & needed & sizes - known
        if gives:
            residuals = [s for s in forward if s in residuals or s == symbol]
            known |= gives
    return residuals


def _sizes_in(value) -> set[str]:
    from derive.terms import Bracket, Maximum, Read, atoms

    names = set(tensors_read(value))
    for term in value.terms:
        names |= {str(x) for i in term.bound for x in i.size.free_symbols}
    for factor in atoms(value):
        affines = factor.at if isinstance(factor, Read) else (factor.affine,) if isinstance(factor, Bracket) else ()
        for affine in affines:
            parts = [affine.constant, *(c for _, c in affine.terms)]
            names |= {str(x) for part in parts if not isinstance(part, int) for x in part.free_symbols}
        for child in factor.children():
            for term in child.terms:
                names |= {str(x) for i in term.bound for x in i.size.free_symbols}
        if isinstance(factor, Maximum):
            names |= {str(x) for i in factor.over for x in i.size.free_symbols}
    return names | {str(LEADING_SIZE)} if Role and str(LEADING_SIZE) in names else names
