"""What a person holds while writing a definition: axes, tensors, and the shapes and options of annotations."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from numbers import Integral

import sympy
from sympy.tensor.indexed import Idx

from derive.core.axes import LEADING, LEADING_SIZE, Index
from derive.core.layer import Role, Symbol
from derive.core.names import check_latex, check_name, shortened
from derive.core.sizes import settled
from derive.errors import DefinitionError

MAX_SIZE = 2**31 - 1
# What a size may be made of, besides names and integers: n // 2 is floor(n/2).
SIZE_NODES = (sympy.Add, sympy.Mul, sympy.Pow, sympy.floor, sympy.Rational, sympy.Symbol)


class Axis(Idx):
    """A named index with a symbolic size: `i = Axis("i", n)` runs over 0..n-1.

    `size` is a SymPy expression, or the name of a size. `latex` spells the index in documents. `typical` tells about
    how large a size of that name is: of two orders of products, the code takes the one that is the cheaper then.
    """

    latex: str | None
    typical: dict[str, int] | None

    def __new__(cls, name: str, size: sympy.Expr | str | int, latex: str | None = None, typical: int | None = None):
        if isinstance(name, sympy.Symbol) and isinstance(size, (tuple, sympy.Tuple)):
            # SymPy makes an expression anew from its parts.
            return cls._make(str(name), size[1] + 1)
        check_name(name, "axis")
        axis = cls._make(name, size_of(size, name), check_latex(latex, name))
        if typical is not None:
            axis.typical = {str(axis.size): check_typical(typical, axis)}
        return axis

    @classmethod
    def _make(cls, name: str, size: sympy.Expr, latex: str | None = None):
        axis = Idx.__new__(cls, sympy.Symbol(name, integer=True), (0, size - 1))
        axis.latex = latex
        axis.typical = None
        return axis

    @property
    def size(self) -> sympy.Expr:
        """How many values the index takes."""
        return self.upper - self.lower + 1


def check_typical(typical: object, axis: Axis) -> int:
    """How large a size typically is: a positive integer, of a size that has a name."""
    if not isinstance(typical, Integral) or isinstance(typical, bool) or not 1 <= int(typical) <= MAX_SIZE:
        raise DefinitionError(f"axis {axis}: {shortened(typical)} is not a typical size. Give a positive integer.")
    if not axis.size.is_Symbol:
        raise DefinitionError(f"axis {axis}: {axis.size} has no name to be typical of. Say it of the sizes in it.")
    return int(typical)


leading = Axis._make("...", LEADING_SIZE)
"""All leading axes at once: what `...` stands for, for sums over them: Sum(X[...]**2, leading)."""


def size_symbol(name: str) -> sympy.Symbol:
    return sympy.Symbol(check_name(name, "size"), integer=True, positive=True)


def size_of(size: sympy.Expr | str | int, axis: str) -> sympy.Expr:
    """A size as SymPy has it: its names checked, and known to be integers."""
    if isinstance(size, str):
        return size_symbol(size)
    if isinstance(size, Integral) and not isinstance(size, bool):
        size = sympy.Integer(int(size))
    if not isinstance(size, sympy.Expr) or not all(isinstance(n, SIZE_NODES) for n in sympy.preorder_traversal(size)):
        raise DefinitionError(
            f"axis {axis}: {shortened(size)} is not a size. Give a name, a positive integer, or an expression in sizes "
            "and options with + - * and //."
        )
    named = {s: size_symbol(str(s)) for s in sorted(size.free_symbols, key=str) if s != LEADING_SIZE}
    size = size.xreplace({s: plain for s, plain in named.items() if not s.is_integer})
    if not size.is_integer:
        raise DefinitionError(f"axis {axis}: {size} need not be an integer. Divide with //.")
    if size.is_nonpositive or size.is_Integer and size > MAX_SIZE:
        raise DefinitionError(f"axis {axis}: a size is between 1 and {MAX_SIZE}, not {shortened(size)}. Correct it.")
    return settled(size)


def axes(text: str) -> tuple[Axis, ...]:
    """Axes from a line of name=size pairs; `~` says about how large a size is: see Axis.

    >>> i, d = axes("i=n d=d_k~64")
    >>> d.size
    d_k
    """
    if not isinstance(text, str) or not text.strip():
        raise DefinitionError(f"axes({shortened(text)}): it takes a text of name=size pairs, for example 'i=n j=m'.")
    pairs = text.replace(",", " ").split()
    for pair in pairs:
        if not re.fullmatch(r"[^=]+=[^=]+", pair):
            raise DefinitionError(f"axes({text!r}): {pair!r} is not name=size. Write, for example, axes('i=n j=m').")
    return tuple(axis_of(*pair.split("=")) for pair in pairs)


def axis_of(name: str, text: str) -> Axis:
    """The axis of one pair: a size by name or number, and what is typical."""
    size, _, typical = text.partition("~")
    about = int(typical) if re.fullmatch("[0-9]{1,10}", typical) else typical
    given = int(size) if re.fullmatch("-?[0-9]{1,20}", size) else size
    return Axis(name, given, typical=about if "~" in text else None)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Declaration:
    """The shape of an argument, as its annotation says it: Tensor[..., i] or Parameter[i, o]."""

    role: Role
    axes: tuple
    spelling: str | None = None
    positions: Axis | None = None

    def latex(self, spelling: str) -> Declaration:
        """The same argument, spelled so in documents."""
        return replace(self, spelling=spelling)

    def into(self, axis: Axis) -> Declaration:
        """An integer tensor, whose entries are positions along an axis: `token: Tensor[..., t].into(v)`."""
        if self.role is Role.PARAMETER:
            raise DefinitionError(
                f"Parameter[…].into({shortened(axis)}): positions are not learned. Declare a Tensor[…]."
            )
        if not isinstance(axis, Axis) or axis is leading:
            raise DefinitionError(f"Tensor[…].into({shortened(axis)}): it takes an axis. Declare one with axes('v=V').")
        if not self.axes:
            raise DefinitionError(
                f"Tensor[()].into({axis}): an integer tensor has an axis. Declare Tensor[...].into({axis}): it takes "
                "one position as it takes many."
            )
        return replace(self, positions=axis)


class Tensor:
    """A tensor inside a layer's definition; as an annotation, `Tensor[..., i]` declares an input of that shape."""

    # Not iterable, though it has __getitem__: an iteration over X[0], X[1], … would never end.
    __iter__ = None

    def __init__(self, symbol: Symbol):
        self.symbol = symbol

    def __class_getitem__(cls, shape) -> Declaration:
        return Declaration(Role.INPUT, shape if isinstance(shape, tuple) else (shape,))

    @property
    def name(self) -> str:
        return self.symbol.name

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes, for reading a tensor that a sublayer has made."""
        return tuple(leading if i.leading else Axis._make(i.name, i.size) for i in self.symbol.axes)

    def __repr__(self) -> str:
        return self.symbol.read_as

    def __getitem__(self, at) -> sympy.Expr:
        at = at if isinstance(at, tuple) else (at,)
        indices = [self.index(a) for a in at]
        if len(indices) != len(self.symbol.axes):
            given = ", ".join(map(str, indices))
            if not self.symbol.axes:
                raise DefinitionError(
                    f"{self.name} is one number but is read as {self.name}[{given}]. Write {self.name}."
                )
            raise DefinitionError(
                f"{self.name} has {counted(len(self.symbol.axes))}, {self!r}, but is read as {self.name}[{given}]. "
                "Give one index for each axis."
            )
        if not indices:
            return sympy.Symbol(self.name, real=True)
        kind = {"real": True} if self.symbol.into is None else {"integer": True}
        return sympy.Indexed(sympy.IndexedBase(self.name, **kind), *indices)

    def index(self, at) -> sympy.Expr:
        """One of the indices of a read, as SymPy has it."""
        if at is Ellipsis:
            return leading
        if isinstance(at, Integral) and not isinstance(at, bool):
            at = sympy.Integer(int(at))
        if isinstance(at, sympy.Expr):
            return at
        if isinstance(at, Tensor) and at.symbol.into is not None:
            raise DefinitionError(
                f"{self.name} is read at {at.name} without indices. Read it at an entry, as in {self.name}[{at!r}, …]."
            )
        raise DefinitionError(
            f"{self.name} is read at {shortened(at)}, which is not an index. "
            f"Read entries at axes and sums of them, as in {self!r}."
        )

    # A tensor without axes is its own only entry; any other needs indices to stand in an expression.

    def _sympy_(self) -> sympy.Expr:
        if self.symbol.axes:
            raise DefinitionError(f"{self.name} stands in an expression without indices. Read its entries: {self!r}.")
        return self[()]

    def __add__(self, other):
        return self._sympy_() + other

    def __radd__(self, other):
        return other + self._sympy_()

    def __sub__(self, other):
        return self._sympy_() - other

    def __rsub__(self, other):
        return other - self._sympy_()

    def __mul__(self, other):
        return self._sympy_() * other

    def __rmul__(self, other):
        return other * self._sympy_()

    def __truediv__(self, other):
        return self._sympy_() / other

    def __rtruediv__(self, other):
        return other / self._sympy_()

    def __pow__(self, other):
        return self._sympy_() ** other

    def __neg__(self):
        return -self._sympy_()

    def __lt__(self, other):
        return self._sympy_() < other

    def __le__(self, other):
        return self._sympy_() <= other

    def __gt__(self, other):
        return self._sympy_() > other

    def __ge__(self, other):
        return self._sympy_() >= other

    def __matmul__(self, other):
        raise DefinitionError(
            f"{self.name} @ …: a matrix product is written by its entries. Write, for example, Sum(A[i, j]*B[j, k], j)."
        )

    def __rmatmul__(self, other):
        return self.__matmul__(other)


def counted(count: int) -> str:
    return f"{count} axis" if count == 1 else f"{count} axes" if count else "no axes"


class Parameter(Tensor):
    """As an annotation, `Parameter[i, o]` declares what is learned; a layer with one is called, not inlined."""

    def __class_getitem__(cls, shape) -> Declaration:
        return Declaration(Role.PARAMETER, shape if isinstance(shape, tuple) else (shape,))


def tensor(name: str, *shape) -> Tensor:
    """A tensor by name and shape, for reading what is defined elsewhere in the same layer."""
    check_name(name, "tensor")
    return Tensor(Symbol(name, tuple(index_of(axis, name) for axis in shape)))


def index_of(axis: object, owner: str) -> Index:
    """An axis of a shape as the engine's index."""
    if axis is Ellipsis or axis is leading:
        return LEADING
    if isinstance(axis, Axis):
        return Index(axis.name, axis.size)
    raise DefinitionError(
        f"{shortened(axis)} in the shape of {owner} is not an axis. Declare axes with axes('i=n') and give those."
    )


@dataclass(frozen=True)
class Option:
    """The kind of a keyword-only option: Integer(1) is an integer of at least 1, Real() a real number."""

    least: int | None = None
    spelling: str | None = None

    @property
    def wanted(self) -> str:
        """What a value of this option is."""
        return "a finite real number" if self.least is None else f"an integer of at least {self.least}"

    def number(self, value: object) -> int | float | None:
        """The value as a number of Python's, where it may be the option's; else None."""
        if isinstance(value, bool):
            return None
        if self.least is None:
            # A NumPy number becomes one of Python's.
            plain = float(value) if isinstance(value, float) else value if isinstance(value, int) else None
            return plain if plain is not None and abs(plain) <= MAX_REAL else None
        return int(value) if isinstance(value, Integral) and self.least <= int(value) <= MAX_SIZE else None


MAX_REAL = 1e100


def Integer(least: int = 0, latex: str | None = None) -> Option:  # noqa: N802 (it stands where a type would)
    """Declare an integer option with its least value: `stride: Integer(1) = 1`."""
    if not isinstance(least, int) or isinstance(least, bool):
        raise DefinitionError(f"Integer({shortened(least)}): the least value of an option is an integer. Give one.")
    return Option(least, latex)


def Real(latex: str | None = None) -> Option:  # noqa: N802
    """Declare a real option: `eps: Real() = 1e-5`."""
    return Option(None, latex)


def option_symbol(symbol: Symbol) -> sympy.Symbol:
    """An option as SymPy sees it."""
    if symbol.least is None:
        return sympy.Symbol(symbol.name, real=True)
    if symbol.least > 0:
        return sympy.Symbol(symbol.name, integer=True, positive=True)
    return sympy.Symbol(symbol.name, integer=True, nonnegative=True if symbol.least == 0 else None)
