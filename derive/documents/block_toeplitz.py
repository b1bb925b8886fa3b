"""A convolution in several directions as a matrix: Toeplitz blocks of Toeplitz blocks, for small concrete sizes.

    Y[i, j] = Σ_{u,v} W[u, v] X[s i + d u - p, s j + d v - p]    is    vec(Y) = T(W) vec(X),
    T(W)[(i, j), (h, w)] = Σ_{u,v} W[u, v] [h = s i + d u - p] [w = s j + d v - p],

with the entries of X and of Y one row after the other. Block (i, h) holds the taps in whose row u it is that output row
i reads input row h: it depends on s i - h alone, and within a block an entry depends on s j - w alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from derive.core.atoms import Bracket, Read
from derive.core.axes import Affine, Index, fresh
from derive.core.layer import Layer
from derive.core.terms import Expr, Term
from derive.documents.aligned import PAGE, chunks
from derive.documents.toeplitz_matrix import LARGEST, number, place
from derive.documents.typeset import Line, Typesetter
from derive.errors import NotationError
from derive.notation.ordering import Names
from derive.printers.latex import LatexStyle


@dataclass(frozen=True)
class BlockOperator:
    """The matrix by which a kernel acts on the last axes of a tensor, channel by channel.

    A row is a place of the output, `rows`; a column is one of the input, `columns`; row i reads under the taps at
    `places`, one for each direction. `kernel` is the read of the kernel, whose other indices are `channels`.
    """

    kernel: Read
    rows: tuple[Index, ...]
    columns: tuple[Index, ...]
    taps: tuple[Index, ...]
    places: tuple[Affine, ...]

    @property
    def channels(self) -> tuple[Index, ...]:
        return tuple(i for a in self.kernel.at for i in a.indices if i not in self.taps)

    def entry(self) -> Expr:
        """The entry in general, in the indices of rows, columns and channels."""
        pairs = zip(self.columns, self.places, strict=True)
        conditions = tuple((Bracket("==", Affine.of(column) - at), 1) for column, at in pairs)
        return Expr((Term(1, ((self.kernel, 1), *conditions), self.taps),))


def block_operators(layer: Layer) -> list[BlockOperator]:
    """The kernels that the forward equations of a layer move in two directions or more."""
    found: dict[str, BlockOperator] = {}
    for equation in layer.equations:
        for term in equation.expr.terms:
            for operator in _in_term(term, layer):
                found.setdefault(operator.kernel.tensor, operator)
    return list(found.values())


def _in_term(term: Term, layer: Layer) -> Iterator[BlockOperator]:
    reads = [a for a, e in term.factors if isinstance(a, Read) and e == 1]
    for moving, kernel in product(reads, reads):
        own = {a.plain for a in kernel.at} & set(term.bound)
        directions = [_direction(at, own) for at in moving.at]
        count = sum(d is not None for d in directions)
        if moving is kernel or count < 2 or None in directions[-count:]:
            continue
        rows, taps = zip(*(d for d in directions if d is not None), strict=True)
        axes = layer.symbols[moving.tensor].axes[-count:]
        taken = {i.name for i in layer.indices} - {i.name for i in axes}
        columns = tuple(fresh(axis, taken) for axis in axes)
        yield BlockOperator(kernel, rows, columns, taps, moving.at[-count:])


def _direction(at: Affine, own: set[Index | None]) -> tuple[Index, Index] | None:
    """The row and the tap of a place that one of each determines."""
    taps = [i for i in at.indices if i in own]
    rows = [i for i in at.indices if i not in own]
    return (rows[0], taps[0]) if len(taps) == len(rows) == 1 else None


def block_toeplitz_latex(
    operator: BlockOperator, sizes: Mapping[str, int], names: Names, spellings: Mapping[str, str] | None = None
) -> str:
    """The matrix with lines between its blocks, for numbers given for every size and option; W at its taps alone.

    Options that are not in `sizes` take their defaults. Raises NotationError where a number is missing or the matrix
    is empty or larger than 12 in a direction.
    """
    numbers = {n: s.default for n, s in names.items() if s.default is not None} | dict(sizes)
    style = LatexStyle(names, spellings)
    rows, columns, taps = (_points(part, numbers) for part in (operator.rows, operator.columns, operator.taps))
    if not (1 <= len(rows) <= LARGEST and 1 <= len(columns) <= LARGEST):
        raise NotationError(
            f"T({operator.kernel.tensor}) is {len(rows)} x {len(columns)} with these sizes. Choose sizes that make it "
            f"between 1 and {LARGEST} in each direction."
        )
    shown = ""
    for number_of_row, row in enumerate(rows):
        shown += r" \hline" * _lines(rows, number_of_row)
        reads = {tuple(_reads(operator, row, tap, numbers)): tap for tap in taps}
        entries = (
            style.entry(operator.kernel.tensor, [str(n) for n in reads[c]]) if c in reads else "0" for c in columns
        )
        shown += f" {' & '.join(entries)}" + (r" \\" if row != rows[-1] else "")
    layout = "".join("|" * _lines(columns, n) + "c" for n in range(len(columns)))
    return rf"\left(\begin{{array}}{{{layout}}}{shown} \end{{array}}\right)"


def _reads(operator: BlockOperator, row: Sequence[int], tap: Sequence[int], numbers: Mapping) -> Iterator[int]:
    values = {**dict(zip(operator.rows, row, strict=True)), **dict(zip(operator.taps, tap, strict=True))}
    return (place(at, values, numbers) for at in operator.places)


def _points(indices: Sequence[Index], numbers: Mapping) -> list[tuple[int, ...]]:
    return list(product(*(range(number(i.size, numbers)) for i in indices)))


def _lines(points: Sequence[tuple[int, ...]], at: int) -> int:
    """How many lines stand in front of a point: one where the block within the outermost ones changes, and so on."""
    if at == 0:
        return 0
    changed = next(n for n, (a, b) in enumerate(zip(points[at - 1], points[at], strict=True)) if a != b)
    return len(points[at]) - 1 - changed


def block_example(operator: BlockOperator, names: Names) -> dict[str, int]:
    """Small numbers that show the pattern: the defaults of the options, two taps each way, three and four entries."""
    sizes: dict[str, int] = {}
    lengths = [3] * (len(operator.columns) - 1) + [4 if len(operator.columns) == 2 else 2]
    for index, length in zip((*operator.taps, *operator.columns), (*(2 for _ in operator.taps), *lengths), strict=True):
        for symbol in sorted(index.size.free_symbols, key=str):
            sizes.setdefault(str(symbol), length)
    options = (s for i in operator.rows for s in sorted(i.size.free_symbols, key=str))
    for symbol in options:
        default = names[str(symbol)].default if str(symbol) in names else None
        sizes.setdefault(str(symbol), 2 if default is None else int(default))
    return sizes


def block_parts(setter: Typesetter) -> list[tuple[str, list[list[str]]]]:
    """What a document says of the matrices: their entries, and an example where that fits on a page."""
    parts = []
    for operator in block_operators(setter.layer):
        style, kernel = setter.style, operator.kernel.tensor
        free = (*operator.channels, *operator.rows, *operator.columns)
        scope = setter.index.scope((*free, *operator.taps))
        rows, columns, taps, channels = (
            [scope.shown[i] for i in part]
            for part in (operator.rows, operator.columns, operator.taps, operator.channels)
        )
        left = style.operator_entry("T", kernel, [f"({','.join(rows)})", f"({','.join(columns)})"])
        prose = f"As a matrix that acts on the entries one row after the other, for each ${', '.join(channels)}$:"
        parts.append((prose, chunks([Line(left, setter.index.print(operator.entry(), free))], PAGE)))
        if len(operator.columns) == 2:
            sizes = block_example(operator, setter.names)
            shown = ", ".join(f"${style.name(n)} = {v}$" for n, v in sizes.items())
            matrix = block_toeplitz_latex(operator, sizes, setter.names, setter.layer.spellings)
            whole = setter.index.print(Expr((Term(1, ((operator.kernel, 1),)),)), (*free, *operator.taps))
            prose = f"For example, with {shown}, and with ${style.entry(kernel, taps)}$ for ${whole}$:"
            parts.append((prose, [[f"{style.operator('T', kernel)} &= {matrix}"]]))
    return parts
