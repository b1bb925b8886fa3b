"""Calls of backward layers for what is used of them: a gradient that nobody reads is not computed.

dA, _, _ = linear_bwd((A, W2), dY)    →    dA = linear_bwd_dX((A, W2), dY)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from derive.core.layer import Call, Layer, Role, Statement, Symbol

# Adds the tensors whose shapes alone are needed: (residuals, cotangents, statements, all there are) -> residuals.
WithSizes = Callable[[list[Symbol], list[Symbol], list[Statement], list[Symbol]], list[Symbol]]


def narrowed(statements: Sequence[Statement], wanted: Iterable[str], with_sizes: WithSizes) -> list[Statement]:
    """The statements that what is wanted depends on; calls give, and take, what is used alone."""
    needed = set(wanted)
    kept: list[Statement] = []
    for statement in reversed(statements):
        used = [s.name in needed for s in statement.defines]
        if not any(used):
            continue
        if isinstance(statement, Call) and not all(used):
            statement = narrow_call(statement, used, with_sizes)
        kept.append(statement)
        needed.update(statement.reads)
    return kept[::-1]


def narrow_call(call: Call, used: Sequence[bool], with_sizes: WithSizes) -> Call:
    """The call of a layer that gives some of the outputs."""
    layer = narrow_layer(call.layer, [name for name, u in zip(call.layer.outputs, used, strict=True) if u], with_sizes)
    given = dict(zip((s.name for s in call.layer.arguments), call.arguments, strict=True))
    axes = {i: group for i, group in call.axes.items() if i in layer.indices}
    outputs = tuple(s for s, u in zip(call.outputs, used, strict=True) if u)
    arguments = tuple(given[s.name] for s in layer.arguments)
    return replace(call, layer=layer, arguments=arguments, outputs=outputs, axes=axes)


def narrow_layer(layer: Layer, outputs: Sequence[str], with_sizes: WithSizes) -> Layer:
    """A backward layer for some of its gradients: the equations that these need, and the residuals."""
    statements = narrowed(layer.statements, outputs, with_sizes)
    reads = {name for statement in statements for name in statement.reads}
    cotangents = [s for s in layer.arguments if s.role is Role.COTANGENT]
    known = [s for s in layer.arguments if s.role is not Role.COTANGENT]
    residuals = with_sizes([s for s in known if s.name in reads], cotangents, statements, known)
    return replace(
        layer,
        name="_".join([layer.name, *outputs]),
        arguments=(*residuals, *cotangents),
        statements=tuple(statements),
        outputs=tuple(outputs),
        facts=tuple(f for f in layer.facts if any(s.name == f.tensor for s in residuals)),
    )
