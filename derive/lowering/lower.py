"""From a layer and its gradient to a program: functions of array statements, callees first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from derive.calculus.derivation import gradients
from derive.calculus.steps import Gradients
from derive.core.layer import Call, Equation, Layer, Role, Statement, Symbol
from derive.errors import LoweringError
from derive.lowering.addends import with_addends
from derive.lowering.again import with_values_again
from derive.lowering.expressions import Expressions
from derive.lowering.fitting import fit
from derive.lowering.gathers import looked_up
from derive.lowering.logarithms import with_logarithms
from derive.lowering.memory import in_place
from derive.lowering.ones import marked, marked_afterwards, ones
from derive.lowering.picked import with_picked_entries
from derive.lowering.portions import in_portions
from derive.lowering.program import Assign, CallLayer, Function, Portions, Program
from derive.lowering.program import Statement as ArrayStatement
from derive.lowering.quotients import with_divisions_last
from derive.lowering.residuals import with_parts_in_common
from derive.lowering.returned import named_as_returned
from derive.lowering.sharing import shared
from derive.lowering.stability import stabilised
from derive.lowering.values import VIEWS, Copy, Name, Part, Value


def lower(derived: Gradients) -> Program:
    """The program of a layer and of all that it calls."""
    functions: dict[str, Function] = {}
    add_functions(derived, functions, *prepared(derived))
    return Program(derived.layer, tuple(functions.values()))


def prepared(derived: Gradients) -> tuple[Layer, Layer]:
    """The layer and its backward layer as they are written in code: with names that no author gave."""
    forward, backward = with_parts_in_common(*with_picked_entries(*with_logarithms(derived.layer, derived.backward)))
    forward, backward = with_divisions_last(forward, backward)
    return forward, with_values_again(forward, backward, made_in_loops)


def made_in_loops(backward: Layer) -> set[str]:
    """What a backward function makes a few items at a time, and drops."""
    loops = (s for s in lowered(backward, backward.outputs, None) if isinstance(s, Portions))
    return {s.target for loop in loops for s in loop.statements if isinstance(s, Assign) and not s.part}


def add_functions(derived: Gradients, functions: dict[str, Function], layer: Layer, backward: Layer) -> None:
    """Add the functions of the callees, then those of the layer itself."""
    for callee in callees(derived.layer):
        if f"{callee.name}_fwd" not in functions:
            inner = gradients(callee)
            add_functions(inner, functions, inner.layer, inner.backward)
    add_narrow(backward, functions)
    for function in (forward_function(derived, layer, backward), backward_function(derived, backward)):
        known = functions.get(function.name)
        if known is not None and known.layer != function.layer:
            raise LoweringError(f"{derived.layer.name}: two functions are named {function.name}. Rename a layer.")
        functions[function.name] = function


def add_narrow(layer: Layer, functions: dict[str, Function]) -> None:
    """Add the backward functions that give some of the gradients of a callee, where these are called."""
    for narrow in callees(layer):
        if narrow.name not in functions:
            add_narrow(narrow, functions)
            cotangents = tuple(s for s in narrow.arguments if s.role is Role.COTANGENT)
            residuals = tuple(s for s in narrow.arguments if s.role is not Role.COTANGENT)
            body = lowered(narrow, narrow.outputs, None)
            functions[narrow.name] = Function(
                narrow.name, narrow, cotangents, residuals, body, narrow.output_symbols, True
            )


def callees(layer: Layer) -> list[Layer]:
    return [s.layer for s in layer.statements if isinstance(s, Call)]


def residuals_of(derived: Gradients, backward: Layer | None = None) -> tuple[Symbol, ...]:
    """What the backward pass needs of the forward pass."""
    arguments = (backward or derived.backward).arguments
    return tuple(s for s in arguments if s.name not in cotangent_names(derived))


def cotangent_names(derived: Gradients) -> tuple[str, ...]:
    """The last arguments of the backward pass: one cotangent for each output."""
    count = len(derived.layer.outputs)
    return tuple(s.name for s in derived.backward.arguments[-count:])


def forward_function(derived: Gradients, layer: Layer, backward: Layer) -> Function:
    """L_fwd: the outputs, and the residuals."""
    residuals = residuals_of(derived, backward)
    body = lowered(layer, [*layer.outputs, *(s.name for s in residuals)], derived)
    return Function(f"{layer.name}_fwd", layer, layer.arguments, residuals, body, layer.output_symbols, False)


def backward_function(derived: Gradients, layer: Layer) -> Function:
    """L_bwd: the gradients, from the residuals and the cotangents."""
    body = lowered(layer, layer.outputs, None)
    cotangents = tuple(s for s in layer.arguments if s.name in cotangent_names(derived))
    outputs = tuple(layer.symbols[name] for name in layer.outputs)
    return Function(f"{derived.layer.name}_bwd", layer, cotangents, residuals_of(derived, layer), body, outputs, True)


def lowered(layer: Layer, wanted: Sequence[str], derived: Gradients | None) -> tuple[ArrayStatement, ...]:
    """The statements that compute what is wanted, each shared part once."""
    lowering = Expressions(layer.symbols)
    saves = derived.saves if derived is not None else {}
    live = _live(layer.statements, wanted, saves)
    if derived is None:
        live = named_as_returned(live, wanted)
    statements = [_statement(s, lowering, saves, backward=derived is None) for s in live]
    taken = [*layer.symbols, *(i.name for i in layer.indices), *(c.name for c in callees(layer))]
    own = _unaliased(marked_afterwards(shared(with_addends(statements), taken)), layer.outputs)
    return tuple(in_place(in_portions(own, wanted, layer.symbols, taken), wanted, layer.symbols))


def _live(statements: Sequence[Statement], wanted: Sequence[str], saves: Mapping) -> list[Statement]:
    """The statements that what is wanted depends on."""
    needed = set(wanted)
    kept: list[Statement] = []
    for statement in reversed(statements):
        defined = {s.name for s in statement.defines}
        if isinstance(statement, Call):
            defined |= {symbol.name for _, symbol in saves.get(statement, ())}
        if needed & defined:
            kept.append(statement)
            needed.update(statement.reads)
    return kept[::-1]


def _statement(statement: Statement, lowering: Expressions, saves: Mapping, backward: bool) -> ArrayStatement:
    if isinstance(statement, Equation):
        return _equation(statement, lowering)
    return _backward_call(statement) if backward else _call(statement, saves.get(statement, ()))


def _equation(equation: Equation, lowering: Expressions) -> Assign:
    axes = equation.symbol.axes
    found = ones(equation)
    if found is not None:
        return Assign(equation.symbol.name, marked(found, axes, lowering.expr, lowering.read), equation)
    value = lowering.expr(looked_up(stabilised(equation).expr), axes)
    return Assign(equation.symbol.name, fit(value, axes), equation)


def _call(call: Call, saved: Sequence[tuple[str, Symbol]]) -> CallLayer:
    """The call of a sublayer; of its forward function where the backward pass needs what is inside."""
    callee = call.layer
    targets = tuple(s.name for s in call.outputs)
    options = tuple(call.options.items())
    if saved:
        names = {inner: symbol.name for inner, symbol in saved}
        inside = tuple(names.get(s.name, "_") for s in residuals_of(gradients(callee)))
        return CallLayer(f"{callee.name}_fwd", targets, call.arguments, inside, False, options)
    return CallLayer(callee.name, targets, call.arguments, None, False, options)


def _backward_call(call: Call) -> CallLayer:
    """The call of a sublayer's backward function: residuals in one tuple, then the cotangents."""
    pairs = list(zip((s.role for s in call.layer.arguments), call.arguments, strict=True))
    residuals = tuple(a for role, a in pairs if role is not Role.COTANGENT)
    cotangents = tuple(a for role, a in pairs if role is Role.COTANGENT)
    targets = tuple(s.name for s in call.outputs)
    return CallLayer(call.layer.name, targets, cotangents, residuals, True, tuple(call.options.items()))


def _unaliased(statements: Sequence[ArrayStatement], outputs: Sequence[str]) -> list[ArrayStatement]:
    """What is handed back shares no memory with what came in, so that neither changes with the other."""
    result: list[ArrayStatement] = []
    for statement in statements:
        if isinstance(statement, Assign) and statement.target in outputs and _is_view(statement.value):
            statement = replace(statement, value=Copy(statement.value, axes=statement.value.axes))
        result.append(statement)
    return result


def _is_view(value: Value) -> bool:
    while isinstance(value, VIEWS) and not isinstance(value, (Name, Part)):
        value = value.operand
    return isinstance(value, (Name, Part))
