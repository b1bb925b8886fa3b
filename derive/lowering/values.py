"""Arrays of a program, as frozen values: what stands on the right of a statement. A printer spells them in a language.

An array knows which index each of its axes carries (`axes`); a group of leading axes always comes first. Equality
ignores the names of the indices: two arrays are equal when they are computed alike, which is what sharing needs.
Positions of axes are counted from the end (-1 is the last), since a leading group has any number of axes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields

from derive.core.axes import Coefficient, Index
from derive.core.terms import Rational

# The size of an axis in code: an expression in sizes and options, a product of such, "rest" (what is left over: -1 in
# NumPy) or "group" (all leading axes, one by one).
Size = Coefficient | str | tuple[Coefficient, ...]
# How an affine index runs through an axis: its constant, then the step of each index of the window.
Row = tuple[Coefficient, ...]


@dataclass(frozen=True)
class Value:
    """What stands on the right of a statement: a number, an array, or a mask of truth values."""

    axes: tuple[Index, ...] = field(default=(), compare=False, kw_only=True)
    kind = "array"

    @property
    def is_number(self) -> bool:
        return self.kind == "number"


@dataclass(frozen=True)
class Name(Value):
    """A tensor by its name."""

    name: str
    kind: str = field(default="array", compare=False)


@dataclass(frozen=True)
class Part(Value):
    """The part of a tensor at which loops are: what stands in its subscript, axis by axis."""

    name: str
    at: tuple[str, ...]


@dataclass(frozen=True)
class Number(Value):
    """A rational number, or a constant by name: pi, minus infinity, the lowest finite number."""

    value: Rational | str
    kind = "number"


@dataclass(frozen=True)
class Extent(Value):
    """A size, an option, or an expression in them."""

    size: Coefficient
    kind = "number"


@dataclass(frozen=True)
class Positions(Value):
    """The index itself, 0, 1, …, n - 1; in a block of its axis, so many from the first on."""

    size: Coefficient
    first: Coefficient = 0
    kind = "positions"


@dataclass(frozen=True)
class Map(Value):
    """A scalar operation, entry by entry, with broadcasting."""

    op: str
    operands: tuple[Value, ...]
    kind: str = field(default="array", compare=False)


@dataclass(frozen=True)
class Reduce(Value):
    """The sum, or the maximum, over some axes; over all of them when `over` is empty. `initial` takes part too."""

    op: str
    operand: Value
    over: tuple[int, ...]
    initial: Value | None = None


@dataclass(frozen=True)
class Contract(Value):
    """A matrix product of two operands laid out for it: […, rows, summed] @ […, summed, columns]."""

    left: Value
    right: Value


@dataclass(frozen=True)
class Inner(Value):
    """Inner products of rows, with no array of the products: a number for each index of left, right and the result."""

    left: Value
    right: Value
    pattern: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True)
class Permute(Value):
    """The same entries, the axes in another order: axis n of the result is axis `order[n]` of the operand."""

    operand: Value
    order: tuple[int, ...]
    kind: str = field(default="array", compare=False)


@dataclass(frozen=True)
class Expand(Value):
    """New axes of size one, where `present` is false; it tells of the last axes, leading groups are not counted."""

    operand: Value
    present: tuple[bool, ...]
    kind: str = field(default="array", compare=False)


@dataclass(frozen=True)
class Reshape(Value):
    """The same entries under another shape; axes are merged or split."""

    operand: Value
    shape: tuple[Size, ...]
    kind: str = field(default="array", compare=False)


@dataclass(frozen=True)
class Diagonal(Value):
    """The entries where two axes have the same index, which becomes the last axis."""

    operand: Value
    first: int
    second: int


@dataclass(frozen=True)
class Window(Value):
    """A read at affine indices, zero outside the tensor: one row for each of the last axes of the operand.

    Where it is `lowest`, a read outside is minus infinity, which no maximum takes.
    """

    operand: Value
    sizes: tuple[Coefficient, ...]
    rows: tuple[Row, ...]
    lowest: bool = False
    # Those of the indices that run over few entries, so that there may be a loop over them.
    taps: tuple[Index, ...] = field(default=(), compare=False, kw_only=True)

    @property
    def own(self) -> tuple[Index, ...]:
        """The last of the axes: those that the rows speak of."""
        return self.axes[len(self.axes) - len(self.sizes) :]


@dataclass(frozen=True)
class TapMax(Value):
    """The largest over some axes of a window, tap by tap."""

    operand: Value
    over: tuple[int, ...]


@dataclass(frozen=True)
class TapSum(Value):
    """The sum over some axes of a window, or of its product with weights: tap by tap, with no array of all products."""

    operand: Value
    weights: Value | None
    over: tuple[int, ...]


@dataclass(frozen=True)
class Correlate(Value):
    """Kernels […, row, tap] times a window [item, …, taps, places]: [item, …, row, places], as matrix products.

    The window is that of an operand [item, …, positions]; its places are the last axes, as many as there are rows, and
    the kernels have all others, but those in front, as one. A bias […, row] is added at each place.
    """

    kernels: Value
    operand: Value
    sizes: tuple[Coefficient, ...]
    rows: tuple[Row, ...]
    bias: Value | None = None


@dataclass(frozen=True)
class TapProducts(Value):
    """Values [item, …, row, places] times a window [item, …, taps, places] of an operand: […, row, taps]."""

    values: Value
    operand: Value
    sizes: tuple[Coefficient, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Spread(Value):
    """The adjoint of Correlate: kernels […, row, taps, summed] times values [item, …, summed, places], added at rows.

    As in a scatter, a row tells where the entry of each tap and place goes along an axis of the given length. A bias
    […, row] is added at each place.
    """

    kernels: Value
    values: Value
    shape: tuple[Coefficient, ...]
    rows: tuple[Row, ...]
    bias: Value | None = None


@dataclass(frozen=True)
class TapInner(Value):
    """Inner products with each tap of a window: its last `taps` axes, which are the last of the result.

    The pattern has a number for each index of the other axes of the window, of the other array and of the result.
    """

    operand: Value
    other: Value
    pattern: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]
    taps: int


@dataclass(frozen=True)
class Scatter(Value):
    """The adjoint of a window: every entry is added where the rows say; what falls outside `shape` is dropped.

    The first `taps` of the axes that are scattered are looped over; the others are added as slices. All are scattered
    entry by entry when it is None. Where there are weights, their product with the operand is what is scattered.
    """

    operand: Value
    shape: tuple[Coefficient, ...]
    rows: tuple[Row, ...]
    taps: int | None
    weights: Value | None = None


@dataclass(frozen=True)
class SpreadMaximum(Value):
    """Values [item, places] added at rows, each at the first tap at which a window of an operand is largest."""

    values: Value
    operand: Value
    sizes: tuple[Coefficient, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Gather(Value):
    """The entries at positions that other arrays hold: of the axes before the last `behind`, or, `along` the last axis,
    of each row at its own positions."""

    operand: Value
    positions: tuple[Value, ...]
    along: bool
    behind: int = 0


@dataclass(frozen=True)
class AddAt(Value):
    """The adjoint of a gather: the rows of the operand, added up by their positions along a new axis of that size.

    The operand's last `behind` axes stand in each row; the positions have the `summed` axes before these, or all when
    it is None.
    """

    operand: Value
    positions: Value
    size: Coefficient
    behind: int
    summed: int | None


@dataclass(frozen=True)
class Marked(Value):
    """An array of its own with something added (or subtracted) at single places: an index array for each axis."""

    operand: Value
    amount: Value
    places: tuple[Value, ...]
    op: str


@dataclass(frozen=True)
class FirstMaximum(Value):
    """The mask of the first of the largest entries over the last axes, so many."""

    operand: Value
    count: int
    kind = "mask"


@dataclass(frozen=True)
class Cast(Value):
    """A mask as an array of zeros and ones."""

    operand: Value


@dataclass(frozen=True)
class Fill(Value):
    """One number, or an array, broadcast to a whole shape: as an array of its own, unless it is only read."""

    operand: Value
    shape: tuple[Size, ...]
    own: bool = True


@dataclass(frozen=True)
class Room(Value):
    """An array of that shape in which nothing stands yet."""

    shape: tuple[Size, ...]


@dataclass(frozen=True)
class Copy(Value):
    """The same entries in memory of its own."""

    operand: Value


# Values that cost nothing: a name, or a view of one.
VIEWS = (Name, Part, Permute, Expand, Diagonal, Window)
# What reads through a window.
WINDOWED = (Window, Correlate, TapProducts, SpreadMaximum)
LEAVES = (Name, Part, Number, Extent, Positions)
# Values that are computed into memory of their own.
# Products of two arrays, which no single pass over their entries makes; and sums over windows.
PRODUCTS = (Contract, Inner, TapInner, TapSum, TapMax, Correlate, TapProducts, Spread, SpreadMaximum)
NEW = (*PRODUCTS, Map, Reduce, Scatter, Gather, AddAt, Marked, Cast, Fill, Room, Copy)


def is_new(value: Value) -> bool:
    """Is it an array in memory of its own, however it is laid out?"""
    while isinstance(value, (Permute, Reshape)):
        value = value.operand
    return isinstance(value, NEW)


def operands(value: Value) -> tuple[Value, ...]:
    """The values that a value is computed from."""
    found: list[Value] = []
    for part in (getattr(value, f.name) for f in fields(value)):
        if isinstance(part, Value):
            found.append(part)
        elif isinstance(part, tuple):
            found.extend(p for p in part if isinstance(p, Value))
    return tuple(found)


def walk(value: Value) -> Iterator[Value]:
    """The value and all it is computed from."""
    yield value
    for operand in operands(value):
        yield from walk(operand)


def names_read(values: Iterable[Value]) -> Iterator[str]:
    """The names of the tensors that values are computed from."""
    return (part.name for value in values for part in walk(value) if isinstance(part, (Name, Part)))


def sizes_used(value: Value) -> Iterator[Size]:
    """Every size and coefficient that the value mentions."""
    for part in walk(value):
        for name in ("size", "first", "sizes", "shape", "rows"):
            yield from _flat(getattr(part, name, ()))


def _flat(value) -> Iterator[Size]:
    if isinstance(value, tuple):
        for part in value:
            yield from _flat(part)
    else:
        yield value
