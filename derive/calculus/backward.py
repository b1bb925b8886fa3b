"""The gradient of a layer as a layer: residuals and cotangents in, gradients of the arguments out."""

from __future__ import annotations

from collections.abc import Mapping

from derive.calculus.adjoint_names import AdjointNames
from derive.calculus.narrow import narrowed
from derive.calculus.restate import restated
from derive.core.atoms import Argmax, Bracket, Maximum, Position, Read
from derive.core.facts import Fact
from derive.core.layer import Call, Layer, Role, Statement, Symbol
from derive.core.terms import Expr
from derive.core.traverse import atoms, tensors_read

Saves = Mapping[Call, tuple[tuple[str, Symbol], ...]]


def backward_layer(
    layer: Layer,
    wanted: tuple[str, ...],
    names: AdjointNames,
    trace: list[Statement],
    saves: Saves,
    pins: Mapping[str, Fact],
) -> Layer:
    """Keep the adjoint equations that the wanted gradients need, and ask for the forward values that they read.

    `pins` are the tensors of which declared facts were used on the way.
    """
    outputs = tuple(names.adjoints[name].name for name in wanted)
    statements = restated(narrowed(trace, outputs, with_sizes), tuple(layer.equations))
    defined = {s.name for statement in statements for s in statement.defines}
    reads = {name for statement in statements for name in statement.reads} - defined
    forward = _forward_symbols(layer)
    inside = [s for saved in saves.values() for _, s in saved]
    residuals = [s for s in (*forward, *inside) if s.name in reads]
    cotangents = [names.cotangents[name] for name in layer.outputs]
    residuals = with_sizes(residuals, cotangents, statements, forward)
    # What was a cotangent is an input like any other where a gradient itself is differentiated.
    residuals = [s.renamed(role=Role.INPUT) if s.role is Role.COTANGENT else s for s in residuals]
    return Layer(
        f"{layer.name}_bwd",
        (*residuals, *cotangents),
        layer.options,
        tuple(statements),
        outputs,
        f"The gradient of {layer.name}.",
        layer.spellings,
        typical=layer.typical,
        requires=layer.requires,
        facts=tuple(f for f in layer.facts if any(s.name == f.tensor for s in residuals)),
        pinned=dict(pins),
    )


def _forward_symbols(layer: Layer) -> list[Symbol]:
    return [*layer.arguments, *(s for statement in layer.statements for s in statement.defines)]


def with_sizes(
    residuals: list[Symbol], cotangents: list[Symbol], statements: list[Statement], forward: list[Symbol]
) -> list[Symbol]:
    """Add the forward tensors whose shapes alone tell a size that the gradients need."""
    needed = {str(x) for t in statements for s in t.defines for i in s.axes for x in i.size.free_symbols}
    for statement in statements:
        if not isinstance(statement, Call):
            needed |= _sizes_in(statement.expr)
    sizes = {str(i.size) for s in forward for i in s.axes}
    known = {str(i.size) for s in (*residuals, *cotangents) for i in s.axes}
    for symbol in forward:
        gives = {str(i.size) for i in symbol.axes} & needed & sizes - known
        if gives:
            inside = [s for s in residuals if s not in forward]
            residuals = [*(s for s in forward if s in residuals or s == symbol), *inside]
            known |= gives
    return residuals


def _sizes_in(value: Expr) -> set[str]:
    """The names of all sizes and options that evaluating an expression takes."""
    sizes = [i.size for t in value.terms for i in t.bound]
    names = set(tensors_read(value))
    for factor in atoms(value):
        sizes.extend(i.size for child in factor.children() for t in child.terms for i in t.bound)
        if isinstance(factor, (Argmax, Maximum)):
            sizes.extend(i.size for i in factor.over)
        names.update(r.tensor for r in factor.lookups())
        affines = factor.at if isinstance(factor, Read) else ()
        affines += (factor.affine,) if isinstance(factor, (Bracket, Position)) else ()
        sizes.extend(c for a in affines for c in (a.constant, *(c for _, c in a.terms)) if not isinstance(c, int))
    return names | {str(x) for size in sizes for x in size.free_symbols}
