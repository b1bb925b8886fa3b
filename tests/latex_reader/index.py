"""Index notation: parse a LaTeX expression and evaluate it for every value of its free indices."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager, suppress

import numpy as np

from .functions import FUNCTIONS, RELATIONS, absolute
from .grids import Axis
from .index_nodes import (
    Apply,
    Computed,
    Definition,
    Derivative,
    Entry,
    FirstLargest,
    IndexValue,
    Iverson,
    Largest,
    Node,
    Number,
    Plus,
    Power,
    Quotient,
    SameEntry,
    Scope,
    Times,
    Total,
    indices_in,
)
from .tokens import Cursor, Key, ReaderError, keyed, spelled, tokenize

Arrays = Mapping[str, np.ndarray]
DELTA = (r"\delta",)
ENDS = frozenset({"", "+", "-", "}", ")", "]", ",", "&", r"\rfloor", r"\rvert", *RELATIONS})
CLOSERS = (r"\right", r"\bigr", r"\Bigr", r"\biggr", r"\Biggr")


def evaluate_index(
    latex: str,
    free: Sequence[str],
    arrays: Mapping[str, np.ndarray],
    sizes: Mapping[str, int],
    scalars: Mapping[str, float] | None = None,
    definitions: Mapping[str, tuple[Sequence[str], str] | Callable[[Arrays], np.ndarray]] | None = None,
    strict: bool = True,
) -> np.ndarray:
    """The value of a LaTeX expression at every value of its free indices, with one axis for each of them.

    All names are LaTeX spellings. An index that is missing in `sizes` takes the size of the axes that are read plainly
    at it. `definitions` says of a tensor which indices it has and what it is equal to, or gives a function that
    computes it from all arrays by spelling; a partial derivative of it is that of this, with every other name held
    fixed. A tensor without a definition depends on itself only. Unless `strict` is False, an index by itself must run
    as far as each axis that is read at it.
    Raises ReaderError where the text is not in the notation or contradicts the arrays.
    """
    world = World(arrays, sizes, scalars or {}, definitions or {}, strict)
    axes = [world.axis(tokenize(name)) for name in free]
    body = world.parse(latex, axes)
    result = body.evaluate(Scope(world.arrays)).filled(axes)
    return np.array(result, dtype=np.result_type(result, float))


class World:
    """Every name that an expression may use, by its tokens."""

    def __init__(self, arrays, sizes, scalars, definitions, strict):
        self.strict = strict
        self.arrays = keyed({name: np.asarray(value) for name, value in arrays.items()})
        self.spellings = {tokenize(name): name for name in arrays}
        self.sizes = keyed(sizes)
        self.scalars = keyed(scalars)
        self.definitions = keyed(definitions)
        both = set(self.arrays) & set(self.scalars)
        if both:
            raise ReaderError(f"{spelled(min(both))} is an array and a scalar")

    def rank(self, name: Key) -> int:
        return self.arrays[name].ndim if name in self.arrays else 0

    def axis(self, name: Key, given: bool = True) -> Axis:
        """A new index. In a definition the sizes are `given` for others of its name: its own reads tell more."""
        size = self.sizes.get(name)
        if size is None or not given:
            return Axis(spelled(name), otherwise=self.sizes.get(original(name)) if size is None else size)
        return Axis(spelled(name), size)

    def parse(self, latex: str, axes: Sequence[Axis], given: bool = True) -> Node:
        cursor = Cursor(latex)
        body = IndexParser(self, cursor, {tuple(a.name.split()): a for a in axes}, given).expression()
        cursor.finish()
        return body

    def definition(self, name: Key) -> Definition:
        if callable(self.definitions[name]):
            axes = tuple(Axis(f"axis {n}", size) for n, size in enumerate(self.arrays[name].shape))
            return Definition(axes, Computed(self.definitions[name], self.spellings, axes))
        indices, latex = self.definitions[name]
        axes = tuple(self.axis(tokenize(i), given=False) for i in indices)
        if name in self.arrays:
            for axis, size in zip(axes, self.arrays[name].shape, strict=True):
                axis.fits(size, spelled(name))
        return Definition(axes, self.parse(latex, axes, given=False))


class IndexParser:
    """Recursive descent: expression = term ± term …, term = factors side by side, a sum reaches to the term's end."""

    def __init__(self, world: World, cursor: Cursor, axes: dict[Key, Axis], given: bool):
        self.world = world
        self.given = given
        self.cursor = cursor
        self.axes = axes
        # Do indices stand as numbers here, as in subscripts and brackets?
        self.counting = False

    def expression(self) -> Node:
        terms = [(self.sign(optional=True), self.term())]
        while self.cursor.peek() in ("+", "-"):
            terms.append((self.sign(), self.term()))
        return terms[0][1] if len(terms) == 1 and terms[0][0] == 1 else Plus(tuple(terms))

    def sign(self, optional: bool = False) -> int:
        if self.cursor.accept("-"):
            return -1
        if not self.cursor.accept("+") and not optional:
            raise self.cursor.fail("expected + or -")
        return 1

    def term(self) -> Node:
        parts: list[Node] = []
        divided = False
        while not self.ended():
            multiplied = bool(parts) and (self.cursor.accept(r"\cdot") or self.cursor.accept(r"\times"))
            if divided and not multiplied and self.cursor.peek() != "/":
                raise self.cursor.fail("a factor after a / is ambiguous")
            if parts and self.cursor.accept("/"):
                parts = [Quotient(Times(tuple(parts)), self.factor())]
                divided = True
                continue
            if parts and not multiplied and self.cursor.peek()[0].isdigit():
                raise self.cursor.fail("a number after a factor")
            parts.append(self.total() if self.cursor.peek() == r"\sum" else self.factor())
            divided = False
        if not parts:
            raise self.cursor.fail("expected a factor")
        if self.counting and sum(indices_in([p]) for p in parts) > 1:
            raise self.cursor.fail("a product of indices is not affine")
        return parts[0] if len(parts) == 1 else Times(tuple(parts))

    def ended(self) -> bool:
        return self.cursor.peek() in ENDS or self.cursor.peek() in CLOSERS

    # sums and maxima

    def total(self) -> Node:
        self.cursor.expect(r"\sum")
        with self.bound() as over:
            return Total(over, self.term())

    def largest(self) -> Node:
        self.cursor.expect(r"\max")
        if self.cursor.peek() != "_":
            return Apply(lambda *v: np.maximum.reduce(np.broadcast_arrays(*v)), self.arguments())
        with self.bound() as over:
            if self.cursor.opens("("):
                return Largest(over, self.cursor.delimited(self.expression))
            return Largest(over, self.factor())

    @contextmanager
    def bound(self):
        """The indices under a Σ, in scope until its term ends."""
        self.cursor.expect("_")
        names = self.cursor.group(self.index_names)
        for name in names:
            if name in self.axes or names.count(name) > 1:
                raise self.cursor.fail(f"index {spelled(name)} is bound twice")
        before = dict(self.axes)
        new = {name: self.world.axis(name, self.given) for name in names}
        self.axes.update(new)
        yield tuple(new.values())
        self.axes.clear()
        self.axes.update(before)

    def index_names(self) -> list[Key]:
        names = [self.index_name()]
        while self.cursor.accept(","):
            names.append(self.index_name())
        return names

    def index_name(self) -> Key:
        """A letter, or a command without arguments, with subscripts and primes."""
        start = self.cursor.at
        first = self.cursor.take()
        if first in (r"\mathit", r"\mathrm", r"\tilde", r"\hat", r"\bar", r"\mathbf"):
            self.skip_group()
        elif not (first.isalpha() and first.isascii() or first[:1] == "\\" and first[1:].isalpha()):
            raise self.cursor.fail(f"{first!r} is not the name of an index")
        while self.cursor.peek() in ("_", "'", "^"):
            if self.cursor.take() != "'":
                self.skip_group()
        return self.cursor.tokens[start : self.cursor.at]

    def skip_group(self) -> None:
        self.cursor.expect("{")
        depth = 1
        while depth:
            token = self.cursor.take()
            if not token:
                raise self.cursor.fail("braces do not match")
            depth += (token == "{") - (token == "}")

    # factors

    def factor(self) -> Node:
        base = self.primary()
        while self.cursor.accept("^"):
            base = Power(base, self.plainly(lambda: self.cursor.group(self.expression)))
        return base

    def primary(self) -> Node:
        number = self.cursor.number()
        if number is not None:
            return Number(number)
        named = self.named()
        if named is not None:
            return named
        special = {
            r"\frac": self.fraction,
            r"\sqrt": self.root,
            r"\max": self.largest,
            "{": self.braces,
        }.get(self.cursor.peek())
        if special is not None:
            return special()
        if self.cursor.opens("("):
            return self.cursor.delimited(self.expression)
        if self.cursor.opens("["):
            return self.cursor.delimited(self.condition)
        if self.cursor.opens("|", r"\lvert"):
            return Apply(absolute, (self.cursor.delimited(self.expression),))
        if self.cursor.opens(r"\lfloor"):
            return Apply(np.floor, (self.cursor.delimited(self.expression),))
        function = self.cursor.word(FUNCTIONS)
        if function is not None:
            arguments = self.arguments()
            if len(arguments) != 1:
                raise self.cursor.fail(f"{spelled(function[0])} takes one argument")
            return Apply(function[1], arguments)
        raise self.cursor.fail("unknown text")

    def arguments(self) -> tuple[Node, ...]:
        if not self.cursor.opens("("):
            raise self.cursor.fail("a function needs its argument in parentheses")
        return tuple(self.cursor.delimited(self.listed))

    def listed(self) -> list[Node]:
        found = [self.expression()]
        while self.cursor.accept(","):
            found.append(self.expression())
        return found

    def braces(self) -> Node:
        """Braces are invisible: what stands in them must be one factor, which they cannot hold together otherwise."""
        return self.cursor.group(self.factor)

    def named(self) -> Node | None:
        """An entry of a tensor, a scalar, a Kronecker delta or, in a subscript or bracket, an index."""
        index = self.index()
        if index is not None:
            return index
        found = self.cursor.braced_word({**self.world.arrays, **self.world.scalars})
        if found is not None:
            name = found[0]
            return Number(float(self.world.scalars[name])) if name in self.world.scalars else self.entry_of(name)
        return self.kronecker() if self.cursor.follows(*DELTA, "_") else None

    def index(self) -> Node | None:
        """An index that stands as a number. Of an index and a value that start alike, the longer name is meant.

        Outside of subscripts and brackets it is the value that is meant.
        """
        start = self.cursor.at
        value = self.cursor.braced_word({**self.world.arrays, **self.world.scalars})
        after_value, scripted, self.cursor.at = self.cursor.at, self.cursor.peek() == "_", start
        index = self.cursor.braced_word(self.axes)
        if index is None:
            return None
        if value is not None and (
            not self.counting or after_value > self.cursor.at or scripted and after_value == self.cursor.at
        ):
            self.cursor.at = start
            return None
        if value is not None and after_value == self.cursor.at and self.world.rank(value[0]) == 0:
            raise self.cursor.fail(f"{spelled(index[0])} is an index and a value")
        return IndexValue(index[1])

    def entry_of(self, name: Key) -> Entry:
        array = self.world.arrays[name]
        at = self.subscript() if self.cursor.accept("_") else ()
        if len(at) != array.ndim:
            raise self.cursor.fail(f"{spelled(name)} has {array.ndim} axes and is read with {len(at)}")
        for index, size in zip(at, array.shape, strict=True):
            if isinstance(index, IndexValue) and (self.world.strict or index.axis.size is None):
                index.axis.fits(size, spelled(name))
        return Entry(name, at)

    def subscript(self) -> tuple[Node, ...]:
        return tuple(self.countingly(lambda: self.cursor.group(self.listed)))

    def kronecker(self) -> Node:
        self.cursor.expect(*DELTA, "_")
        at = self.subscript()
        if len(at) != 2:
            raise self.cursor.fail("a Kronecker delta has two indices")
        return iverson(at, ("=",))

    def condition(self) -> Node:
        return self.countingly(self._condition)

    def _condition(self) -> Node:
        at = self.places()
        if at is not None:
            return self.first_largest(at)
        sides = [self.expression()]
        relations = []
        while self.cursor.peek() in RELATIONS:
            relations.append(self.cursor.take())
            sides.append(self.expression())
        if not relations:
            raise self.cursor.fail("a bracket holds a condition")
        return iverson(tuple(sides), tuple(relations))

    def places(self) -> list[Node] | None:
        """The places on the left of = arg max: one, or several in parentheses; None where there are none."""
        start = self.cursor.at
        with suppress(ReaderError):
            at = self.cursor.delimited(self.listed) if self.cursor.opens("(") else [self.expression()]
            if self.cursor.accept("=", r"\arg"):
                return at
        self.cursor.at = start
        return None

    def first_largest(self, at: list[Node]) -> Node:
        largest = self.plainly(self.largest)
        if not isinstance(largest, Largest) or len(largest.over) != len(at):
            raise self.cursor.fail("arg max has as many indices as there are places")
        for place, axis in zip(at, largest.over, strict=True):
            if isinstance(place, IndexValue):
                place.axis.equals.append(axis)
                axis.equals.append(place.axis)
        return FirstLargest(tuple(at), largest)

    def countingly(self, read):
        return self._mode(True, read)

    def plainly(self, read):
        return self._mode(False, read)

    def _mode(self, counting: bool, read):
        before, self.counting = self.counting, counting
        try:
            return read()
        finally:
            self.counting = before

    # quotients, roots and derivatives

    def root(self) -> Node:
        self.cursor.expect(r"\sqrt")
        return Apply(np.sqrt, (self.cursor.group(self.expression),))

    def fraction(self) -> Node:
        self.cursor.expect(r"\frac")
        if self.cursor.follows("{", r"\partial"):
            return self.derivative()
        above = self.cursor.group(self.expression)
        return Quotient(above, self.cursor.group(self.expression))

    def derivative(self) -> Node:
        """\\frac{\\partial Y_{b,o}}{\\partial W_{p,q}}, or \\frac{\\partial}{\\partial W_{p,q}} of what follows."""
        self.cursor.expect("{", r"\partial")
        of = None if self.cursor.follows("}") else self.plainly(self.factor)
        self.cursor.expect("}", "{", r"\partial")
        entry = self.plainly(self.factor)
        self.cursor.expect("}")
        if not isinstance(entry, Entry):
            raise self.cursor.fail("a derivative is taken by an entry of a tensor")
        if of is None:
            if not self.cursor.opens("("):
                raise self.cursor.fail("what is differentiated stands in parentheses")
            return Derivative(self.cursor.delimited(self.expression), entry)
        return self.derivative_of(of, entry)

    def derivative_of(self, of: Node, entry: Entry) -> Node:
        if not isinstance(of, Entry):
            return Derivative(of, entry)
        if of.name == entry.name:
            return SameEntry(of, entry)
        if of.name not in self.world.definitions:
            return Number(0.0)
        definition = self.world.definition(of.name)
        return Derivative(definition.body, entry, definition.axes, of.at)


def original(name: Key) -> Key:
    """The index of which j' or j_1 is a copy, which runs as far."""
    while name and name[-1] == "'":
        name = name[:-1]
    return name[:-4] if name[-4:-2] == ("_", "{") and name[-2].isdigit() else name


def iverson(sides: tuple[Node, ...], relations: tuple[str, ...]) -> Iverson:
    """A condition. Of two indices that it sets equal, each runs as far as the other where nothing else says how far."""
    for relation, left, right in zip(relations, sides, sides[1:], strict=False):
        if relation == "=" and isinstance(left, IndexValue) and isinstance(right, IndexValue):
            left.axis.equals.append(right.axis)
            right.axis.equals.append(left.axis)
    return Iverson(sides, relations)
