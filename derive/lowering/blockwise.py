"""The program of a blockwise form: the functions of `lower`, with every contracted softmax taken block by block.

They have one more option, the number of rows and columns of a block.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import sympy

from derive.calculus.blockwise import Blockwise, blockwise
from derive.calculus.derivation import gradients
from derive.calculus.online_softmax import applies
from derive.core.layer import Call, Layer, Role, Statement, Symbol
from derive.errors import LoweringError
from derive.lowering.blocks import Sweeping
from derive.lowering.lower import add_functions, add_narrow, callees, lowered, residuals_of
from derive.lowering.program import CallLayer, Function, Program
from derive.lowering.program import Statement as ArrayStatement
from derive.lowering.sharing import fresh_name
from derive.lowering.sweeps import Sweep, scheduled

BLOCK = "block"
# Rows and columns of a block: what a tile of single precision and its gradient need is half a megabyte.
DEFAULT = 256


def lower_blockwise(of: Blockwise) -> Program:
    """The program of a blockwise form and of all that it calls."""
    functions: dict[str, Function] = {}
    collect(of, functions)
    return Program(of.layer, tuple(functions.values()))


def collect(of: Blockwise, functions: dict[str, Function]) -> None:
    """Add the functions of the callees, then those of the layer itself."""
    for callee in callees(of.layer):
        if f"{callee.name}_fwd" in functions:
            continue
        if applies(callee):
            collect(blockwise(callee), functions)
        else:
            inner = gradients(callee)
            add_functions(inner, functions, inner.layer, inner.backward)
    add_narrow(of.backward, functions)
    functions.update((f.name, f) for f in functions_of(of))


def functions_of(of: Blockwise) -> tuple[Function, Function]:
    """The forward and the backward function."""
    forward, backward = with_block(of.forward), with_block(of.backward)
    outputs = tuple(backward.symbols[name] for name in backward.outputs)
    # The forward pass computes P from running sums: its equation stays the author's.
    first = body(of, of.derived.layer, forward=True)
    second = body(of, of.backward, forward=False)
    name, results = of.layer.name, forward.output_symbols
    return (
        Function(f"{name}_fwd", forward, forward.arguments, of.residuals, first, results, False),
        Function(f"{name}_bwd", backward, of.cotangents, of.residuals, second, outputs, True),
    )


def with_block(layer: Layer) -> Layer:
    """The layer with the size of a block for an option."""
    if BLOCK in {*layer.symbols, *(i.name for i in layer.indices)}:
        raise LoweringError(f"{layer.name}: {BLOCK} is the option of the blockwise form. Give your own another name.")
    return replace(layer, options=(*layer.options, Symbol(BLOCK, role=Role.OPTION, default=DEFAULT, least=1)))


def body(of: Blockwise, layer: Layer, forward: bool) -> tuple[ArrayStatement, ...]:
    """The statements of a function: what is plain as ever, and a loop for each softmax."""
    families = of.families if forward else of.backward_families
    symbols = {**of.forward.symbols, **layer.symbols}
    taken = {*symbols, *(i.name for i in (*of.forward.indices, *layer.indices)), "ell", "block"}
    result: list[ArrayStatement] = []
    run: list[Statement] = []
    for item in [*scheduled(layer.statements, families), None]:
        if item is not None and not isinstance(item, (Sweep, Call)):
            run.append(item)
            continue
        result += plain(layer, symbols, run)
        run = []
        if isinstance(item, Call):
            result.append(called(of, item) if forward else called_back(of, item))
        elif isinstance(item, Sweep):
            log_sum = of.log_sums[of.softmaxes.index(item.family.softmax)]
            sweeping = Sweeping(item, symbols, taken, BLOCK)
            if forward:
                result += sweeping.forward(log_sum, *(fresh_name(n, taken) for n in ("M", "Z")))
            else:
                result += sweeping.backward(log_sum)
    return tuple(result)


def plain(layer: Layer, symbols: dict[str, Symbol], statements: Sequence[Statement]) -> Sequence[ArrayStatement]:
    """The statements outside the loops."""
    defined = [s.name for t in statements for s in t.defines]
    known = (s for s in symbols.values() if s.role not in (Role.SIZE, Role.OPTION) and s.name not in defined)
    part = replace(layer, arguments=tuple(known), statements=tuple(statements), outputs=tuple(defined))
    return lowered(part, defined, None)


def called(of: Blockwise, call: Call) -> CallLayer:
    """The call of a sublayer; of its forward function where the backward pass needs what is inside."""
    callee = call.layer
    targets = tuple(s.name for s in call.outputs)
    saved = of.saves.get(call, ())
    if not saved:
        return CallLayer(callee.name, targets, call.arguments, None, False, options(call, applies(callee)))
    names = {inner: symbol.name for inner, symbol in saved}
    residuals = blockwise(callee).residuals if applies(callee) else residuals_of(gradients(callee))
    inside = tuple(names.get(s.name, "_") for s in residuals)
    return CallLayer(f"{callee.name}_fwd", targets, call.arguments, inside, False, options(call, applies(callee)))


def called_back(of: Blockwise, call: Call) -> CallLayer:
    """The call of a sublayer's backward function."""
    blocked = any(call.layer is blockwise(c).backward for c in callees(of.derived.layer) if applies(c))
    count = sum(s.role is Role.COTANGENT for s in call.layer.arguments)
    residuals, cotangents = call.arguments[:-count], call.arguments[-count:]
    targets = tuple(s.name for s in call.outputs)
    return CallLayer(call.layer.name, targets, cotangents, residuals, True, options(call, blocked))


def options(call: Call, blocked: bool) -> tuple[tuple[str, sympy.Expr | int | float], ...]:
    """The options of a call; the blocks of a blockwise callee are the caller's."""
    own = tuple(call.options.items())
    return (*own, (BLOCK, sympy.Symbol(BLOCK))) if blocked else own
