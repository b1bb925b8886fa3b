"""Lay out one generated function: its header and docstring, what it checks and measures, its statements."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby

import sympy

from derive.core.axes import Index
from derive.core.layer import Layer, Symbol
from derive.lowering.doors import Demand, Door, Measure, Place, door_of
from derive.lowering.program import LOOPS, Assign, CallLayer, Function, MaskOut, Note, Statement, flattened
from derive.lowering.sharing import broken_up
from derive.lowering.stability import is_shifted
from derive.lowering.values import names_read
from derive.printers.code_style import (
    INDENT,
    LONGEST,
    WIDTH,
    comment,
    docstring,
    equation_text,
    filled,
    given_text,
    wrapped,
)
from derive.printers.numpy import NumpyPrinter
from derive.printers.numpy_loops import loop_header, masked_out
from derive.printers.numpy_sizes import number_text, size_code


@dataclass(frozen=True)
class FunctionText:
    """A function, ready for the template: its header, then the lines of its docstring and its statements."""

    header: str
    body: list[str]


def function_texts(function: Function) -> list[FunctionText]:
    """The text of a function; a forward one comes with the function that drops the residuals."""
    text = function_text(function)
    if function.backward or function.alone:
        return [text]
    name = function.layer.name
    arguments = [s.name for s in function.arguments]
    passed = [*arguments, *(f"{o.name}={o.name}" for o in function.layer.options)]
    doc = docstring([_summary(function.layer), "", *_shapes(function), *_given(function)])
    header = f"def {name}({_parameters(arguments, function.layer)}):"
    returned = wrapped(f"return {function.name}({', '.join(passed)})[0]", LONGEST - INDENT)
    return [FunctionText("\n".join(wrapped(header, LONGEST)), [*doc, *returned]), text]


def function_text(function: Function) -> FunctionText:
    door = door_of(function)
    sources = (*function.residuals, *function.arguments) if function.backward else function.arguments
    printer = NumpyPrinter(door.names, f"{numbers(sources)[0].name}.dtype")
    if function.backward:
        arguments = ["residuals", *(s.name for s in function.arguments)]
        first = "residuals" if function.residuals else "_"
        arguments[0] = first
    else:
        arguments = [s.name for s in function.arguments]
    lines = _without_unused([*_opening(function, door), *_body(function, printer), *_return(function)])
    header = f"def {function.name}({_parameters(arguments, function.layer)}):"
    return FunctionText("\n".join(wrapped(header, LONGEST)), [*docstring(_function_doc(function)), *lines])


def _without_unused(lines: Sequence[str]) -> list[str]:
    """The lines without sizes that are measured, and options that are converted, but not used after all."""
    kept: list[str] = []
    for line in reversed(lines):
        measured = re.fullmatch(r"([\w, ]+) = \w+\.shape(\[-?\d*:?-?\d*\])?", line)
        measured = measured or re.fullmatch(r"(\w+) = float\(\1\)", line)
        names = measured.group(1).split(", ") if measured else []
        if not names or any(re.search(rf"\b{name}\b", later) for name in names for later in kept if later[:1] != "#"):
            kept.append(line)
    return kept[::-1]


def _parameters(arguments: Sequence[str], layer: Layer) -> str:
    options = [f"{o.name}={_default(o)}" for o in layer.options]
    return ", ".join([*arguments, *(["*", *options] if options else [])])


def _default(option: Symbol) -> str:
    value = option.default
    if isinstance(value, sympy.Expr):
        value = int(value) if value.is_Integer else float(value)
    return repr(value)


def _function_doc(function: Function) -> list[str]:
    layer = function.layer
    if function.alone:
        said = [line for text in function.doc for line in textwrap.wrap(text, WIDTH - INDENT)]
        return [*said, "", *_shapes(function), *_given(function)]
    if function.backward:
        title = f"The {_listed('gradient', function.outputs)}, given the {_listed('cotangent', function.arguments)}."
        return [*textwrap.wrap(title, WIDTH - INDENT), "", *_shapes(function), *_given(function)]
    saved = ", ".join(s.name for s in function.residuals)
    text = f"The {_listed('output', function.outputs)}, and what {layer.name}_bwd needs: {saved or 'nothing'}."
    return textwrap.wrap(text, WIDTH - INDENT)


def _given(function: Function) -> list[str]:
    """What the gradients rest on."""
    return textwrap.wrap(given_text(function.layer), WIDTH - INDENT, subsequent_indent="    ")


def _listed(what: str, symbols: Sequence[Symbol]) -> str:
    """the gradient dX, the gradients dX, dW"""
    return f"{what}{'s' if len(symbols) > 1 else ''} {', '.join(s.name for s in symbols)}"


def _summary(layer: Layer) -> str:
    """The first line of the layer's documentation, else what it computes."""
    outputs, arguments = (", ".join(s.name for s in side) for side in (layer.output_symbols, layer.arguments))
    return layer.doc.partition("\n")[0] or f"{outputs} from {arguments}."


def _shapes(function: Function) -> list[str]:
    left = ", ".join(_shape(s) for s in function.arguments)
    right = ", ".join(_shape(s) for s in function.outputs)
    lines = [f"{left} -> {right}"] if len(left + right) < WIDTH - 8 else [left, f"-> {right}"]
    return [part for line in lines for part in textwrap.wrap(line, WIDTH - INDENT, subsequent_indent="   ")]


def _shape(symbol: Symbol) -> str:
    """X: (..., d_in)"""
    names: dict[sympy.Expr, str] = {}
    sizes = ["..." if i.leading else size_code(i.size, names)[0] if _short(i) else i.name for i in symbol.axes]
    inside = ", ".join(sizes) + ("," if len(sizes) == 1 else "")
    return f"{symbol.name}: ({inside})" if symbol.axes else f"{symbol.name}: scalar"


def _short(index: Index) -> bool:
    return len(str(index.size)) <= 12


# what comes first


def _opening(function: Function, door: Door) -> list[str]:
    lines = [_option_check(function, o) for o in door.options]
    if function.backward:
        lines += [*_unpacked(function), *_check(function, door)]
    else:
        given = numbers(function.arguments)
        lines += [*_check(function, door), *_floating([s.name for s in given])]
    if door.leading is not None:
        rank = len(door.leading.axes) - 1
        lines.append(f"ell = {door.leading.name}.shape" + (f"[:-{rank}]" if rank else ""))
    lines += _measures(door)
    if not function.backward:
        lines += [_requirement(function, relation, door) for relation in function.layer.requires]
    lines += [_demand(function, demand, door) for demand in door.demands]
    return lines if function.backward else [*lines, *_position_checks(function, door)]


def _requirement(function: Function, relation, door: Door) -> str:
    sides = [size_code(side, door.names)[0] for side in relation.args]
    values = sorted({s.name for s in relation.free_symbols})
    text = f"{sides[0]} {relation.rel_op} {sides[1]}"
    return f'_check_given("{_public(function)}", "{text}", {text}, {", ".join(f"{v}={v}" for v in values)})'


def numbers(symbols: Sequence[Symbol]) -> list[Symbol]:
    """Those that are not integer tensors."""
    return [s for s in symbols if s.into is None]


def _position_checks(function: Function, door: Door) -> Iterator[str]:
    for symbol in function.arguments:
        if symbol.into is not None:
            size = size_code(symbol.into.size, door.names)[0]
            yield f'{symbol.name} = _check_positions("{_public(function)}", "{symbol.name}", {symbol.name}, {size})'


def _option_check(function: Function, option: Symbol) -> str:
    if option.least is None:
        return f"{option.name} = float({option.name})"
    name = _public(function)
    return f'_check_option("{name}", "{option.name}", {option.name}, {option.least})'


def _public(function: Function) -> str:
    """The function that the person called, for messages."""
    return function.name if function.backward else function.layer.name


def _unpacked(function: Function) -> list[str]:
    names = [s.name for s in function.residuals]
    cotangents = [s.name for s in function.arguments]
    if not names:
        return _floating(cotangents)
    lines = joined([], names, [" = residuals"])
    like = numbers(function.residuals)
    if not like:
        return [*lines, *_floating(cotangents)]
    return lines + [f"{c} = np.asarray({c}, dtype={like[0].name}.dtype)" for c in cotangents]


def _floating(names: Sequence[str]) -> list[str]:
    """X, W = _floating(X, W)"""
    bare = ", ".join(names)
    line = f"{bare if len(names) > 1 else f'({bare},)'} = _floating({bare})"
    if len(line) + INDENT <= LONGEST:
        return [line]
    opened, *inner, closed = filled(names)
    return [opened, *inner, f"{closed} = _floating{opened}", *inner, closed]


def joined(before: Sequence[str], names: Sequence[str], after: Sequence[str]) -> list[str]:
    """A tuple of names in a line, in parentheses where it stands in another or takes several lines."""
    bare = ", ".join(names) if len(names) > 1 and not before else f"({', '.join(names)}{',' * (len(names) == 1)})"
    line = "".join([*before, bare, *after])
    if len(line) + INDENT <= LONGEST:
        return [line]
    opened, *inner, closed = filled(names)
    return ["".join([*before, opened]), *inner, "".join([closed, *after])]


def _check(function: Function, door: Door) -> list[str]:
    pairs = [f'{s.name}=({s.name}, "{" ".join(i.name for i in s.axes)}")' for s in door.shapes]
    line = f'_check("{_public(function)}", {", ".join(pairs)})'
    if len(line) + 4 <= WIDTH:
        return [line]
    return ["_check(", f'    "{_public(function)}",', *(f"    {pair}," for pair in pairs), ")"]


def _measures(door: Door) -> list[str]:
    lines = []
    for tensor, measures in groupby(door.measures, lambda m: m.value.tensor if isinstance(m.value, Place) else None):
        together = list(measures)
        shape = _whole_shape(tensor, together)
        if tensor and len(together) > 1 and shape:
            lines.append(f"{', '.join(m.name for m in together)} = {shape}")
        else:
            lines += [f"{m.name} = {_measured(m, door)}" for m in together]
    return lines


def _whole_shape(tensor: Symbol | None, measures: Sequence[Measure]) -> str:
    """The shape, or its end, that the measures take apart; nothing if they leave an axis out."""
    if tensor is None:
        return ""
    places = [m.value.position for m in measures if isinstance(m.value, Place)]
    if places == list(range(len(tensor.axes))):
        return f"{tensor.name}.shape"
    return f"{tensor.name}.shape[{places[0]}:]" if places == list(range(-len(places), 0)) else ""


def _measured(measure: Measure, door: Door) -> str:
    if isinstance(measure.value, Place):
        return _place(measure.value)
    # What is computed later cannot be used yet.
    pending = {m.name for m in door.measures[door.measures.index(measure) :]}
    names = {k: v for k, v in door.names.items() if v not in pending}
    return size_code(measure.value, names)[0]


def _place(place: Place) -> str:
    return f"{place.tensor.name}.shape[{place.position}]"


def _demand(function: Function, demand: Demand, door: Door) -> str:
    where = f'"{_public(function)}", "{demand.axis}", "{demand.tensor}"'
    size = size_code(demand.size, door.names)[0]
    if demand.place is None:
        return f"_check_least({where}, {size})"
    return f"_check_size({where}, {_place(demand.place)}, {size})"


# statements


def _body(function: Function, printer: NumpyPrinter) -> list[str]:
    taken = [*function.layer.symbols, *(s.target for s in flattened(function.statements) if isinstance(s, Assign))]
    return _block(function.statements, function, printer, taken, used_in(function), 0)


def _block(
    statements: Sequence[Statement],
    function: Function,
    printer: NumpyPrinter,
    taken: Sequence[str],
    used: Collection[str],
    depth: int,
) -> list[str]:
    """The lines of some statements, at a depth of loops; `used` are the names that are read anywhere."""
    room = INDENT * (depth + 1)
    statements = broken_up(statements, taken, lambda v: len(printer.print(v)), WIDTH - room)
    lines: list[str] = []
    for statement in statements:
        if isinstance(statement, Assign):
            if statement.implements is not None:
                lines += comment(equation_text(statement.implements, function.layer), INDENT * depth)
                if is_shifted(statement.implements):
                    lines.append("# (shifted by the maximum: exp cannot overflow, and the value is the same)")
            lines += wrapped(printer.assign(statement), LONGEST - room)
        elif isinstance(statement, Note):
            lines += comment(statement.text, INDENT * depth)
        elif isinstance(statement, MaskOut):
            lines += masked_out(statement, printer, LONGEST - room)
        elif isinstance(statement, LOOPS):
            lines.append(loop_header(statement, printer))
            inside = _block(statement.statements, function, printer, taken, used, depth + 1)
            lines += [" " * INDENT + line for line in inside]
        else:
            lines += wrapped(_call(statement, used, printer), LONGEST - room)
    return lines


def _call(call: CallLayer, used: Collection[str], printer: NumpyPrinter) -> str:
    options = [f"{name}={_option(value, printer)}" for name, value in call.options]
    arguments = list(call.arguments)
    if call.backward:
        saved = ", ".join(call.residuals or ())
        arguments.insert(0, f"({saved}{',' if len(call.residuals or ()) == 1 else ''})")
    targets = [t if t in used else "_" for t in call.targets]
    shown = ", ".join(targets)
    if call.residuals is not None and not call.backward:
        saved = ", ".join(call.residuals)
        outputs = f"({shown})" if len(targets) > 1 else shown
        shown = f"{outputs}, ({saved}{',' if len(call.residuals) == 1 else ''})"
    return f"{shown} = {call.function}({', '.join([*arguments, *options])})"


def _option(value, printer: NumpyPrinter) -> str:
    if isinstance(value, sympy.Expr) and not value.is_Rational:
        return printer.size_text(value)
    number = Fraction(int(value.p), int(value.q)) if isinstance(value, sympy.Expr) else Fraction(value)
    return number_text(number)[0]


def used_in(function: Function) -> set[str]:
    """The names that are read in a function, or handed back by it."""
    used = {s.name for s in (*function.outputs, *(() if function.backward else function.residuals))}
    for statement in flattened(function.statements):
        if isinstance(statement, Assign):
            used.update(names_read([statement.value]))
        elif isinstance(statement, CallLayer):
            used.update((*statement.arguments, *(statement.residuals or ())))
    return used


def _return(function: Function) -> list[str]:
    outputs = ", ".join(s.name for s in function.outputs)
    if function.backward or function.alone:
        return wrapped(f"return {outputs}", LONGEST - INDENT)
    if len(function.outputs) > 1:
        outputs = f"({outputs})"
    return joined([f"return {outputs}, "], [s.name for s in function.residuals], [])
