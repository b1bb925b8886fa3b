"""Composition: a layer called on tensors inside the definition of another.

A call binds the callee's axes to the caller's, by position or by name, and maps over the rest. A callee with
parameters stays a call, derived once; one without is inlined as named equations, so that rewrites see through it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sympy

from derive.core.layer import Call, Equation, Layer, Role, Symbol
from derive.core.names import shortened
from derive.core.rebind import Rebinding
from derive.errors import DefinitionError
from derive.language.binding import Binding, listed
from derive.language.handles import Tensor
from derive.language.inherited import facts_in_common, with_facts
from derive.language.requirements import inherit
from derive.language.scope import Scope, current_scope


def call(callee: Layer, arguments: Sequence[object], keywords: Mapping[str, object]) -> Tensor | tuple[Tensor, ...]:
    """Use a layer inside another's definition: `H = linear(X, W1, b1, name="H")`, `P = softmax(S, over=j)`.

    Keywords are the callee's options, `name` for the output (a tuple for several outputs), and `axis=caller_axis` for
    an axis of the callee; `over` stands for its only axis. What is declared of an argument of the callee is used where
    this layer declares the same of the tensor that it gives. Raises DefinitionError where sizes cannot agree.
    """
    scope = current_scope(f"the call of {callee.name}")
    binding = Binding(scope, callee, _tensors(scope, callee, arguments))
    options, names = binding.split(dict(keywords))
    binding.bind()
    rebinding = Rebinding(binding.renaming(names), binding.values(options), binding.orders)
    inherit(scope, callee, rebinding)
    binding.callee = callee = with_facts(callee, facts_in_common(binding, rebinding))
    if callee.parameters and not binding.orders:
        _record_call(binding, rebinding, options, names)
    else:
        _inline(binding, rebinding)
    outputs = tuple(Tensor(scope.symbols[rebinding.names[o]]) for o in callee.outputs)
    return outputs[0] if len(outputs) == 1 else outputs


def _tensors(scope: Scope, callee: Layer, arguments: Sequence[object]) -> list[Symbol]:
    if len(arguments) != len(callee.arguments):
        wanted = ", ".join(s.name for s in callee.arguments)
        raise DefinitionError(
            f"{scope.name}: {callee.name} takes {len(callee.arguments)} tensors ({wanted}) but is called with "
            f"{len(arguments)}. Give one for each."
        )
    symbols = []
    for argument, symbol in zip(arguments, callee.arguments, strict=True):
        if not isinstance(argument, Tensor):
            raise DefinitionError(
                f"{scope.name}: {callee.name} is called with {shortened(argument)} for {symbol.read_as}. Give it a "
                "tensor of this layer, without indices."
            )
        if argument.name not in scope.symbols:
            raise DefinitionError(
                f"{scope.name}: {callee.name} is called with {argument!r}, which is not defined. Define it above the "
                "call."
            )
        symbols.append(scope.symbols[argument.name])
    return symbols


def _record_call(binding: Binding, rebinding: Rebinding, options: Mapping[str, object], names: tuple[str, ...]) -> None:
    outputs = []
    for symbol in binding.callee.output_symbols:
        axes = binding.output_axes(symbol, rebinding)
        outputs.append(symbol.renamed(name=rebinding.names[symbol.name], axes=axes, role=Role.VALUE, latex=None))
        binding.scope.declare(outputs[-1])
    values = {s.name: rebinding.values[s.name] for s in binding.callee.options}
    given = tuple(s.name for s in binding.tensors)
    binding.scope.statements.append(Call(binding.callee, given, tuple(outputs), dict(binding.axes), values))


def _inline(binding: Binding, rebinding: Rebinding) -> None:
    for statement in binding.callee.statements:
        outputs = []
        for symbol in statement.defines:
            axes = binding.output_axes(symbol, rebinding)
            name = rebinding.names[symbol.name]
            latex = symbol.latex if name == symbol.name else None
            outputs.append(symbol.renamed(name=name, axes=axes, role=Role.VALUE, latex=latex))
        if isinstance(statement, Equation):
            body = rebinding.expr(statement.expr, binding.groups(statement.symbol))
            binding.scope.statements.append(Equation(outputs[0], body))
        elif binding.orders:
            raise DefinitionError(
                f"{binding.scope.name}: {binding.callee.name} is made of other layers and reads "
                f"{listed(binding.tensors)} along axes that are not the last. Define a tensor with the axes in order, "
                "and call it with that."
            )
        else:
            axes_of = {i: tuple(k for j in js for k in binding.axes.get(j, (j,))) for i, js in statement.axes.items()}
            values = {k: rebinding.size(v) if isinstance(v, sympy.Expr) else v for k, v in statement.options.items()}
            given = tuple(rebinding.names[a] for a in statement.arguments)
            binding.scope.statements.append(Call(statement.layer, given, tuple(outputs), axes_of, values))
        for symbol in outputs:
            binding.scope.declare(symbol)
