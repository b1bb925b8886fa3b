"""The surface: what a person writes to define a layer, in a few lines that look like the mathematics.

    i, o = axes("i=d_in o=d_out")

    @layer
    def linear(X: Tensor[..., i], W: Parameter[i, o], b: Parameter[o]):
        return define("Y", (..., o), Sum(X[..., i] * W[i, o], i) + b[o])

The function runs once, on symbols. Reading a tensor gives a SymPy `Indexed`; `define` records an equation.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass, field

import sympy
from sympy.tensor.indexed import Idx

from derive.axes import LEADING, LEADING_SIZE, Index
from derive.errors import DefinitionError
from derive.layer import Equation, Layer, Role, Statement, Symbol
from derive.names import check_latex, check_name
from derive.scalars import Converter, MaxOver

MAX_RANK = 12


class Axis(Idx):
    """A named index with a symbolic size: `i = Axis("i", n)` runs over 0..n-1.

    `size` is a SymPy expression, or the name of a size. `latex` spells the index in documents.
    """

    latex: str | None

    def __new__(cls, name: str, size: sympy.Expr | str | int, latex: str | None = None):
        check_name(name, "axis")
        return cls._make(name, size_of(size, name), check_latex(latex, name))

    @classmethod
    def _make(cls, name: str, size: sympy.Expr, latex: str | None = None):
        axis = Idx.__new__(cls, sympy.Symbol(name, integer=True), (0, size - 1))
        axis.latex = latex
        return axis

    @property
    def size(self) -> sympy.Expr:
        """How many values the index takes."""
        return self.upper - self.lower + 1


leading = Axis._make("...", LEADING_SIZE)
"""All leading axes at once: what `...` stands for, for sums over them: Sum(X[...]**2, leading)."""


def size_of(size: sympy.Expr | str | int, axis: str) -> sympy.Expr:
    if isinstance(size, str):
        return sympy.Symbol(check_name(size, "size"), integer=True, positive=True)
    if isinstance(size, int) and not isinstance(size, bool) and size > 0:
        return sympy.Integer(size)
    if isinstance(size, sympy.Expr) and size.is_integer is not False and not size.atoms(Idx, sympy.Indexed):
        return size
    raise DefinitionError(f"axis {axis}: {size!r} is not a size. Give a name, a positive integer or an expression.")


def axes(text: str) -> tuple[Axis, ...]:
    """Axes from a line of name=size pairs.

    >>> i, d = axes("i=n d=d_k")
    >>> d.size
    d_k
    """
    pairs = text.replace(",", " ").split()
    for pair in pairs:
        if not re.fullmatch(r"[^=]+=[^=]+", pair):
            raise DefinitionError(f"axes({text!r}): {pair!r} is not name=size. Write, for example, axes('i=n j=m').")
    split = [pair.split("=") for pair in pairs]
    return tuple(Axis(name, int(size) if size.isdigit() else size) for name, size in split)


@dataclass(frozen=True)
class Declaration:
    """The shape of an argument, as its annotation says it: Tensor[..., i] or Parameter[i, o]."""

    role: Role
    axes: tuple
    spelling: str | None = None

    def latex(self, spelling: str) -> Declaration:
        """The same argument, spelled so in documents."""
        return Declaration(self.role, self.axes, spelling)


class Tensor:
    """A tensor inside a layer's definition; as an annotation, `Tensor[..., i]` declares an input of that shape."""

    def __init__(self, symbol: Symbol):
        self.symbol = symbol

    def __class_getitem__(cls, shape) -> Declaration:
        return Declaration(Role.INPUT, shape if isinstance(shape, tuple) else (shape,))

    @property
    def name(self) -> str:
        return self.symbol.name

    def __getitem__(self, at) -> sympy.Expr:
        at = at if isinstance(at, tuple) else (at,)
        if any(isinstance(a, (slice, Tensor)) for a in at):
            raise DefinitionError(f"{self.name}: {at} is not an index. Read entries at axes: {self.shown()}.")
        indices = [leading if a is Ellipsis else a for a in at]
        if len(indices) != len(self.symbol.axes):
            given = ", ".join("..." if a is Ellipsis else str(a) for a in at)
            raise DefinitionError(
                f"{self.name} has {len(self.symbol.axes)} axes, {self.shown()}, but is read as {self.name}[{given}] "
                f"with {len(indices)}. Give one index for each axis."
            )
        if not indices:
            return sympy.Symbol(self.name, real=True)
        return sympy.Indexed(sympy.IndexedBase(self.name, real=True), *indices)

    def shown(self) -> str:
        return f"{self.name}[{', '.join(i.name for i in self.symbol.axes)}]"


class Parameter(Tensor):
    """As an annotation, `Parameter[i, o]` declares a tensor that is learned; a layer with one is called, not inlined."""

    def __class_getitem__(cls, shape) -> Declaration:
        return Declaration(Role.PARAMETER, shape if isinstance(shape, tuple) else (shape,))


@dataclass(frozen=True)
class Option:
    """The kind of a keyword-only option: Integer(1) is an integer of at least 1, Real() a real number."""

    least: int | None = None
    spelling: str | None = None
    integer: bool = True


def Integer(least: int = 0, latex: str | None = None) -> Option:  # noqa: N802 (it stands where a type would)
    """Declare an integer option with its least value: `stride: Integer(1) = 1`."""
    return Option(least, latex)


def Real(latex: str | None = None) -> Option:  # noqa: N802
    """Declare a real option: `eps: Real() = 1e-5`."""
    return Option(None, latex, integer=False)


@dataclass
class Scope:
    """What a definition has said so far. One is open while a layer's function runs."""

    name: str
    symbols: dict[str, Symbol] = field(default_factory=dict)
    statements: list[Statement] = field(default_factory=list)
    pending: list[tuple[Symbol, sympy.Expr]] = field(default_factory=list)
    sizes: dict[str, Index] = field(default_factory=dict)
    spellings: dict[str, str] = field(default_factory=dict)

    def shape(self, owner: str, shape: tuple) -> tuple[Index, ...]:
        """The axes of a declared tensor, checked against all others of the layer."""
        if len(shape) > MAX_RANK:
            raise DefinitionError(f"{self.name}: {owner} has {len(shape)} axes. At most {MAX_RANK} are supported.")
        result: list[Index] = []
        for position, axis in enumerate(shape):
            if axis is Ellipsis or axis is leading:
                index = LEADING
                if position:
                    raise DefinitionError(f"{self.name}: in the shape of {owner}, '...' must come first. Move it.")
            elif isinstance(axis, Axis):
                index = Index(axis.name, axis.size)
                if axis.latex:
                    self.spellings[axis.name] = axis.latex
            else:
                raise DefinitionError(f"{self.name}: {axis!r} in the shape of {owner} is not an axis. Use axes('i=n').")
            if index in result:
                raise DefinitionError(f"{self.name}: {owner} has axis {index} twice. Give each axis its own index.")
            known = self.sizes.setdefault(index.name, index)
            if sympy.expand(known.size - index.size) != 0:
                raise DefinitionError(
                    f"{self.name}: index {index} has two sizes: {known.size}, and {index.size} in the shape of {owner}. "
                    "Use two indices."
                )
            result.append(index)
        for index in result:
            for size in index.size.free_symbols:
                symbol = self.symbols.get(str(size))
                if symbol is not None and symbol.role not in (Role.SIZE, Role.OPTION):
                    raise DefinitionError(f"{self.name}: {size} is a tensor and the size of {index}. Rename one of them.")
                self.symbols.setdefault(str(size), Symbol(str(size), role=Role.SIZE))
        return tuple(result)

    def declare(self, symbol: Symbol) -> None:
        known = self.symbols.get(symbol.name)
        if known is not None:
            raise DefinitionError(
                f"{self.name}: the name {symbol.name} is used twice, for {self.describe(known)} and for "
                f"{self.describe(symbol)}. Rename one of them."
            )
        self.symbols[symbol.name] = symbol

    @staticmethod
    def describe(symbol: Symbol) -> str:
        axes_ = ", ".join(i.name for i in symbol.axes)
        return f"{symbol.role.value} {symbol.name}[{axes_}]" if axes_ else f"{symbol.role.value} {symbol.name}"

    def define(self, symbol: Symbol, value) -> None:
        where = f"{self.name}: {symbol.name}[{', '.join(i.name for i in symbol.axes)}]"
        converter = Converter(self.symbols, where)
        body = converter.convert(_sympy(value, where))
        left, right = set(symbol.axes), body.free
        if right - left:
            index = min(right - left, key=lambda i: i.name)
            raise DefinitionError(
                f"{where}: index {index} is free on the right but does not stand on the left. "
                f"Sum over it, or add it to the axes of {symbol.name}."
            )
        if left - right:
            index = min(left - right, key=lambda i: i.name)
            raise DefinitionError(
                f"{where}: index {index} stands on the left but nowhere on the right. "
                f"Drop it from the axes of {symbol.name}, or use it on the right."
            )
        self.declare(symbol)
        self.statements.append(Equation(symbol, body))


def _sympy(value, where: str) -> sympy.Expr:
    if isinstance(value, (sympy.Expr, sympy.Basic)):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return sympy.Integer(value) if isinstance(value, int) else sympy.Float(value)
    if isinstance(value, Tensor):
        raise DefinitionError(f"{where}: {value.name} stands without indices. Read its entries: {value.shown()}.")
    raise DefinitionError(f"{where}: {value!r} is not an expression. Write it with tensors, axes and numbers.")


_scopes: list[Scope] = []


def current_scope(what: str) -> Scope:
    """The definition that is running; an error when there is none."""
    if not _scopes:
        raise DefinitionError(f"{what} stands outside a layer. Call it inside a function decorated with @layer.")
    return _scopes[-1]


def define(name: str, shape: tuple, value, *, latex: str | None = None) -> Tensor:
    """Record the equation `name[shape] = value` and return the tensor it defines.

    `shape` is a tuple of axes, which may start with `...`; its axes must be the free indices of `value`, a SymPy
    expression. Raises DefinitionError where the equation contradicts itself.
    """
    scope = current_scope(f"define({name!r})")
    check_name(name, "tensor")
    shape = shape if isinstance(shape, tuple) else (shape,)
    symbol = Symbol(name, scope.shape(name, shape), Role.VALUE, latex=check_latex(latex, name))
    _check_later(scope, name)
    scope.define(symbol, value)
    return Tensor(symbol)


def _check_later(scope: Scope, name: str) -> None:
    for statement in scope.statements:
        if isinstance(statement, Equation) and name in statement.reads and name not in scope.symbols:
            raise DefinitionError(f"{scope.name}: {statement.symbol.name} reads {name}, which is defined later.")


def tensor(name: str, *shape) -> Tensor:
    """A tensor by name and shape, for reading what is defined elsewhere in the same layer."""
    check_name(name, "tensor")
    indices = tuple(LEADING if a is Ellipsis else Index(a.name, a.size) for a in shape)
    return Tensor(Symbol(name, indices))


def where(condition, value, otherwise=0) -> sympy.Expr:
    """`value` where the condition on indices or data holds, else `otherwise`."""
    return sympy.Piecewise((value, condition), (otherwise, True))


def iverson(condition) -> sympy.Expr:
    """The Iverson bracket: 1 where the condition holds, else 0."""
    return where(condition, sympy.Integer(1))


def Max(value, *others):  # noqa: N802 (the name of SymPy's, which it extends to axes)
    """Max(a, b, …), or Max(f, j, …) over axes."""
    if others and all(isinstance(o, Axis) for o in others):
        return MaxOver(value, *others)
    return sympy.Max(value, *others)


def layer(function: Callable) -> Layer:
    """Decorator: the layer that a function of tensors defines, with the function's name and docstring.

    Arguments are annotated `Tensor[…]` or `Parameter[…]`; keyword-only options `Integer(least)` or `Real()`, with a
    default. The function returns the tensor, or the tuple of tensors, that the layer computes.
    """
    name = check_name(function.__name__, "layer")
    scope = Scope(name)
    _scopes.append(scope)
    try:
        arguments, options, handles = _signature(function, scope)
        result = function(**handles)
    finally:
        _scopes.pop()
    outputs = result if isinstance(result, tuple) else (result,)
    for output in outputs:
        if not isinstance(output, Tensor) or output.name not in scope.symbols:
            raise DefinitionError(f"{name}: it returns {output!r}. Return the tensor that define() gave.")
    defined = {s.name for statement in scope.statements for s in statement.defines}
    for output in outputs:
        if output.name not in defined:
            raise DefinitionError(f"{name}: output {output.name} is an argument. Define the output by an equation.")
    return Layer(
        name,
        arguments,
        options,
        tuple(scope.statements),
        tuple(o.name for o in outputs),
        inspect.cleandoc(function.__doc__ or ""),
        dict(scope.spellings),
    )


def _signature(function: Callable, scope: Scope):
    """The arguments and options that the annotations declare, and the handles that stand for them."""
    arguments: list[Symbol] = []
    options: list[Symbol] = []
    handles: dict[str, object] = {}
    declared = inspect.signature(function).parameters.values()
    for parameter in declared:
        kind, name = parameter.annotation, check_name(parameter.name, "argument")
        if isinstance(kind, str):
            raise DefinitionError(
                f"{scope.name}: the annotation of {name} is a string. Remove 'from __future__ import annotations'."
            )
        kind = kind() if kind in (Integer, Real) else kind
        if isinstance(kind, Option):
            if parameter.default is inspect.Parameter.empty or parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
                raise DefinitionError(f"{scope.name}: option {name} must be keyword-only, with a default. Put * first.")
            symbol = Symbol(
                name, (), Role.OPTION, check_latex(kind.spelling, name), default=parameter.default, least=kind.least
            )
            options.append(symbol)
            handles[name] = option_symbol(symbol)
            scope.declare(symbol)
    for parameter in declared:
        kind, name = parameter.annotation, parameter.name
        if isinstance(kind, Option) or kind in (Integer, Real):
            continue
        if not isinstance(kind, Declaration):
            raise DefinitionError(
                f"{scope.name}: argument {name} has no shape. Annotate it, for example {name}: Tensor[..., i]."
            )
        symbol = Symbol(name, scope.shape(name, kind.axes), kind.role, check_latex(kind.spelling, name))
        arguments.append(symbol)
        handles[name] = Tensor(symbol)
        scope.declare(symbol)
    if not arguments:
        raise DefinitionError(f"{scope.name}: it has no tensor argument. Annotate one, for example X: Tensor[..., i].")
    return tuple(arguments), tuple(options), handles


def option_symbol(symbol: Symbol) -> sympy.Symbol:
    """An option as SymPy sees it."""
    if symbol.least is None:
        return sympy.Symbol(symbol.name, real=True)
    if symbol.least > 0:
        return sympy.Symbol(symbol.name, integer=True, positive=True)
    return sympy.Symbol(symbol.name, integer=True, nonnegative=True if symbol.least == 0 else None)


class sigmoid(sympy.Function):  # noqa: N801 (functions are lower case in SymPy)
    """The logistic function 1 / (1 + exp(-x))."""

    nargs = 1


class softplus(sympy.Function):  # noqa: N801
    """log(1 + exp(x))."""

    nargs = 1
