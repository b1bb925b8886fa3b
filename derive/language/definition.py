"""The surface: what a person writes to define a layer, in a few lines that look like the mathematics.

    i, o = axes("i=d_in o=d_out")

    @layer
    def linear(X: Tensor[..., i], W: Parameter[i, o], b: Parameter[o]):
        return define("Y", (..., o), Sum(X[..., i] * W[i, o], i) + b[o])

The function runs once, on symbols. Reading a tensor gives a SymPy `Indexed`; `define` records an equation.
"""

from __future__ import annotations

import inspect
import linecache
import traceback
from collections.abc import Callable
from types import FrameType, TracebackType

from derive.core.layer import Layer, Role, Symbol
from derive.core.names import check_latex, check_name, shortened
from derive.errors import DefinitionError, DeriveError, InternalError
from derive.language.declarations import given
from derive.language.functions import Max, iverson, position, sigmoid, softplus, where
from derive.language.handles import (
    Axis,
    Declaration,
    Integer,
    Option,
    Parameter,
    Real,
    Tensor,
    axes,
    leading,
    option_symbol,
    tensor,
)
from derive.language.scope import Opened, Scope, current_scope

__all__ = [
    "Axis",
    "Integer",
    "Max",
    "Parameter",
    "Real",
    "Tensor",
    "axes",
    "define",
    "given",
    "iverson",
    "layer",
    "leading",
    "position",
    "sigmoid",
    "softplus",
    "tensor",
    "where",
]


def define(name: str, shape: tuple, value, *, latex: str | None = None) -> Tensor:
    """Record the equation `name[shape] = value` and return the tensor it defines.

    `shape` is a tuple of axes, which may start with `...`; its axes must be the free indices of `value`, a SymPy
    expression. Raises DefinitionError where the equation contradicts itself.
    """
    scope = current_scope(f"define({shortened(name)})")
    check_name(name, "tensor")
    shape = shape if isinstance(shape, tuple) else (shape,)
    symbol = Symbol(name, scope.shape(name, shape), Role.VALUE, latex=check_latex(latex, name))
    error = scope.define(symbol, value)
    if error is not None:
        # The error is raised later, but it arose here.
        frame = inspect.currentframe()
        error.with_traceback(traceback_at(frame.f_back if frame else None))
    return Tensor(symbol)


def traceback_at(frame: FrameType | None) -> TracebackType | None:
    return TracebackType(None, frame, frame.f_lasti, frame.f_lineno) if frame else None


def layer(function: Callable) -> Layer:
    """Decorator: the layer that a function of tensors defines, with the function's name and docstring.

    Arguments are annotated `Tensor[…]` or `Parameter[…]`; keyword-only options `Integer(least)` or `Real()`, with a
    default. The function returns the tensor, or the tuple of tensors, that the layer computes.
    """
    if not inspect.isfunction(function):
        raise DefinitionError(f"layer: {shortened(function)} is not a function. Decorate a function of tensors.")
    scope = Scope(check_name(function.__name__, "layer"))
    try:
        return defined(function, scope)
    except DefinitionError as error:
        if str(error).startswith(f"{scope.name}: "):
            raise
        # What a tensor or an axis has to say does not know in which layer it stands.
        raise DefinitionError(f"{scope.name}: {error}").with_traceback(error.__traceback__) from None


def defined(function: Callable, scope: Scope) -> Layer:
    with Opened(scope):
        arguments, options, handles = signature(function, scope)
        try:
            result = run(function, scope, handles)
        except Exception:
            # The first mistake first: what follows a read of nothing may only follow from it.
            scope.check_resolved()
            raise
    scope.check_resolved()
    outputs = outputs_of(result, scope)
    scope.check(arguments)
    doc = inspect.cleandoc(function.__doc__ or "")
    statements, spellings = tuple(scope.statements), dict(scope.spellings)
    return Layer(
        scope.name,
        arguments,
        options,
        statements,
        outputs,
        doc,
        spellings,
        function.__module__,
        dict(scope.typical),
        tuple(scope.facts),
        tuple(scope.requires),
    )


# What Python or SymPy say, and what to do then.
REMEDIES = {
    "Invalid limits": "Sum over axes: Sum(X[i], i), with i from axes('i=n').",
    "lower and upper bounds": "Sum over axes: Sum(X[i], i), with i from axes('i=n').",
    "not iterable": "Write a sum over an axis in place of a loop.",
    "truth value of Relational": "Write where(…) in place of if, and And(a <= i, i < b) in place of a <= i < b.",
    "is not defined": "Declare it as an argument, or define() it above.",
}


def run(function: Callable, scope: Scope, handles: dict[str, object]):
    """Run the definition on its handles. What Python or SymPy raise in it becomes an error of ours, with the line."""
    try:
        return function(**handles)
    except (DeriveError, InternalError):
        raise
    except RecursionError:
        raise DefinitionError(
            f"{scope.name}: an expression is nested too deep for SymPy. Name parts of it with define()."
        ) from None
    except Exception as error:
        what = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        remedy = next((r for words, r in REMEDIES.items() if words in what), "Correct that line.")
        raise DefinitionError(
            f"{scope.name}: the definition fails{line_of(function, error)}: {shortened_text(what)}. {remedy}"
        ) from error


def line_of(function: Callable, error: Exception) -> str:
    """The line of the definition in which an error arose, for its message."""
    own = function.__code__.co_filename
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == own and f.lineno]
    text = linecache.getline(own, lines[-1]).strip() if lines else ""
    return f" at `{shortened_text(text)}`" if text else ""


def shortened_text(text: str, length: int = 120) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def outputs_of(result: object, scope: Scope) -> tuple[str, ...]:
    """The names of the tensors that the definition returns."""
    outputs = result if isinstance(result, tuple) else (result,)
    if not outputs:
        raise DefinitionError(f"{scope.name}: it returns nothing. Return the tensor that define() gave.")
    defined = {s.name for statement in scope.statements for s in statement.defines}
    names: list[str] = []
    for output in outputs:
        if not isinstance(output, Tensor) or output.name not in scope.symbols:
            raise DefinitionError(
                f"{scope.name}: it returns {shortened(output)}. "
                "Return the tensor that define() gave, or a tuple of them."
            )
        if output.name not in defined:
            raise DefinitionError(
                f"{scope.name}: output {output.name} is an argument. Define the output by an equation."
            )
        if output.name in names:
            raise DefinitionError(f"{scope.name}: it returns {output.name} twice. Return each tensor once.")
        names.append(output.name)
    return tuple(names)


# the signature


def signature(function: Callable, scope: Scope):
    """The arguments and options that the annotations declare, and the handles that stand for them."""
    declared = list(inspect.signature(function).parameters.values())
    kinds = {p.name: kind_of(p, scope) for p in declared}
    options = [option(p, k, scope) for p in declared if isinstance(k := kinds[p.name], Option)]
    arguments = [argument(p, k, scope) for p in declared if isinstance(k := kinds[p.name], Declaration)]
    if not arguments:
        raise DefinitionError(f"{scope.name}: it has no tensor argument. Annotate one, for example X: Tensor[..., i].")
    if all(s.into is not None for s in arguments):
        raise DefinitionError(
            f"{scope.name}: it has no argument but positions, which have no gradient. Annotate a tensor of numbers, "
            "for example X: Tensor[..., i]."
        )
    handles: dict[str, object] = {s.name: option_symbol(s) for s in options}
    handles.update((s.name, Tensor(s)) for s in arguments)
    return tuple(arguments), tuple(options), handles


def kind_of(parameter: inspect.Parameter, scope: Scope) -> Declaration | Option:
    """What the annotation of a parameter declares."""
    kind, name = parameter.annotation, check_name(parameter.name, "argument")
    if parameter.kind not in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY):
        raise DefinitionError(
            f"{scope.name}: argument {name} is declared with *, ** or /. Name each argument by itself."
        )
    if isinstance(kind, str):
        raise DefinitionError(
            f"{scope.name}: the annotation of {name} is a string. Remove 'from __future__ import annotations'."
        )
    if kind is Integer or kind is Real:
        kind = kind()
    if not isinstance(kind, (Declaration, Option)):
        raise DefinitionError(
            f"{scope.name}: argument {name} has no shape. Annotate it, for example {name}: Tensor[..., i]."
        )
    return kind


def option(parameter: inspect.Parameter, kind: Option, scope: Scope) -> Symbol:
    name, default = parameter.name, parameter.default
    if default is inspect.Parameter.empty or parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
        raise DefinitionError(
            f"{scope.name}: option {name} must be keyword-only, with a default. Put * before it, and = behind it."
        )
    value = kind.number(default)
    if value is None:
        raise DefinitionError(
            f"{scope.name}: the default {shortened(default)} of option {name} is not {kind.wanted}. Change it."
        )
    symbol = Symbol(name, (), Role.OPTION, check_latex(kind.spelling, name), default=value, least=kind.least)
    scope.declare(symbol)
    return symbol


def argument(parameter: inspect.Parameter, kind: Declaration, scope: Scope) -> Symbol:
    name = parameter.name
    if parameter.default is not inspect.Parameter.empty:
        raise DefinitionError(f"{scope.name}: tensor {name} has a default. Remove it; only options have one.")
    axes, into = scope.shape(name, kind.axes), None
    if kind.positions is not None:
        (into,) = scope.shape(name, (kind.positions,))
    symbol = Symbol(name, axes, kind.role, check_latex(kind.spelling, name), into=into)
    scope.declare(symbol)
    return symbol
