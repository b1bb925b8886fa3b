"""Atoms: the factors of a term. Each says what its free indices are, how it is keyed and how indices are replaced."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import sympy

from derive.core.axes import Affine, Index, fresh

if TYPE_CHECKING:
    from derive.core.terms import Expr

Labels = Mapping[Index, str]
Substitution = Mapping[Index, Affine]


class Atom:
    """A factor of a term. Subclasses say what its free indices are, how it is keyed and how indices are replaced."""

    free: frozenset[Index]
    # Is the value 0 or 1, so that its powers are itself?
    boolean: ClassVar[bool] = False

    @cached_property
    def key(self) -> str:
        return self.key_in({}, 0)

    def labelled(self, labels: Labels, depth: int) -> str:
        """The key under `labels`; the cached one where no label applies."""
        if labels and not self.free.isdisjoint(labels):
            return self.key_in({i: labels[i] for i in self.free if i in labels}, depth)
        return self.key

    def key_in(self, labels: Labels, depth: int) -> str:
        raise NotImplementedError

    def substitute(self, mapping: Substitution) -> Atom:
        raise NotImplementedError

    def children(self) -> tuple[Expr, ...]:
        """The expressions inside."""
        return ()

    def lookups(self) -> tuple[Lookup, ...]:
        """The entries of integer tensors that say where this atom reads, or when it holds."""
        return ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Atom) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


@dataclass(frozen=True, eq=False)
class Read(Atom):
    """An entry of a tensor: X[b, s*i + d*k - p]. Sizes and options are tensors without indices."""

    tensor: str
    at: tuple[Affine, ...] = ()

    @cached_property
    def free(self) -> frozenset[Index]:  # type: ignore[override]
        return frozenset().union(*(a.indices for a in self.at))

    def key_in(self, labels: Labels, depth: int) -> str:
        return f"{self.tensor}[{','.join(a.key(labels) for a in self.at)}]"

    def substitute(self, mapping: Substitution) -> Read:
        return Read(self.tensor, tuple(a.substitute(mapping) for a in self.at))

    def lookups(self) -> tuple[Lookup, ...]:
        return tuple(r for a in self.at for r, _ in a.lookups)


@dataclass(frozen=True, eq=False)
class Lookup(Read):
    """An entry of an integer tensor: a position along an axis of that size. It stands in affine indices alone."""

    size: sympy.Expr = sympy.S.Zero

    def substitute(self, mapping: Substitution) -> Lookup:
        return Lookup(self.tensor, tuple(a.substitute(mapping) for a in self.at), self.size)


@dataclass(frozen=True, eq=False)
class Function(Atom):
    """A scalar function of the primitive table, applied to an expression."""

    name: str
    argument: Expr

    @cached_property
    def free(self) -> frozenset[Index]:  # type: ignore[override]
        return self.argument.free

    def key_in(self, labels: Labels, depth: int) -> str:
        return f"{self.name}({self.argument.key_in(labels, depth)})"

    def substitute(self, mapping: Substitution) -> Function:
        return Function(self.name, self.argument.substitute(mapping))

    def children(self) -> tuple[Expr, ...]:
        return (self.argument,)


def exponential(factor: Atom) -> bool:
    return isinstance(factor, Function) and factor.name == "exp"


@dataclass(frozen=True, eq=False)
class Paren(Atom):
    """An expression in parentheses, kept together as one factor."""

    body: Expr

    @cached_property
    def free(self) -> frozenset[Index]:  # type: ignore[override]
        return self.body.free

    def key_in(self, labels: Labels, depth: int) -> str:
        return f"({self.body.key_in(labels, depth)})"

    def substitute(self, mapping: Substitution) -> Paren:
        return Paren(self.body.substitute(mapping))

    def children(self) -> tuple[Expr, ...]:
        return (self.body,)


@dataclass(frozen=True, eq=False)
class Bracket(Atom):
    """An Iverson bracket on indices: 1 where `affine` is zero ("=="), not zero ("!=") or not negative (">=")."""

    relation: str
    affine: Affine
    boolean: ClassVar[bool] = True

    @cached_property
    def free(self) -> frozenset[Index]:  # type: ignore[override]
        return self.affine.indices

    def key_in(self, labels: Labels, depth: int) -> str:
        key = self.affine.key(labels)
        if self.relation != ">=":
            key = min(key, self.affine.times(-1).key(labels))
        return f"[{key}{self.relation}0]"

    def substitute(self, mapping: Substitution) -> Bracket:
        return Bracket(self.relation, self.affine.substitute(mapping))

    def lookups(self) -> tuple[Lookup, ...]:
        return tuple(r for r, _ in self.affine.lookups)


@dataclass(frozen=True, eq=False)
class Position(Atom):
    """A sum of indices as a number: i, j - i."""

    affine: Affine

    @cached_property
    def free(self) -> frozenset[Index]:  # type: ignore[override]
        return self.affine.indices

    def key_in(self, labels: Labels, depth: int) -> str:
        return f"<{self.affine.key(labels)}>"

    def substitute(self, mapping: Substitution) -> Position:
        return Position(self.affine.substitute(mapping))

    def lookups(self) -> tuple[Lookup, ...]:
        return tuple(r for r, _ in self.affine.lookups)


@dataclass(frozen=True, eq=False)
class Test(Atom):
    """An Iverson bracket on data: 1 where `argument` is ">", ">=", "==" or "!=" zero, else 0.

    Where it is 0 its term is 0, whatever the other factors are: [x > 0] log(x) is 0 at x = -1.
    """

    relation: str
    argument: Expr
    boolean: ClassVar[bool] = True
    __test__: ClassVar[bool] = False

    @cached_property
    def free(self) -> frozenset[Index]:  # type: ignore[override]
        return self.argument.free

    def key_in(self, labels: Labels, depth: int) -> str:
        return f"[{self.argument.key_in(labels, depth)}{self.relation}0]"

    def substitute(self, mapping: Substitution) -> Test:
        return Test(self.relation, self.argument.substitute(mapping))

    def children(self) -> tuple[Expr, ...]:
        return (self.argument,)


@dataclass(frozen=True, eq=False)
class Maximum(Atom):
    """The largest value of an expression over some indices; reads outside a tensor take no part."""

    body: Expr
    over: tuple[Index, ...]

    @cached_property
    def free(self) -> frozenset[Index]:  # type: ignore[override]
        return self.body.free - set(self.over)

    def key_in(self, labels: Labels, depth: int) -> str:
        inner = {**labels, **{i: f"#{depth}.{n}" for n, i in enumerate(self.over)}}
        return f"max[{','.join(str(i.size) for i in self.over)}]({self.body.key_in(inner, depth + 1)})"

    def substitute(self, mapping: Substitution) -> Maximum:
        return Maximum(*substitute_inside(self.body, self.over, mapping))

    def children(self) -> tuple[Expr, ...]:
        return (self.body,)


@dataclass(frozen=True, eq=False)
class Argmax(Atom):
    """An Iverson bracket: 1 where `at` is the first place at which `body` is largest over the indices `over`.

    The first in row-major order; reads outside a tensor take no part.
    """

    body: Expr
    over: tuple[Index, ...]
    at: tuple[Affine, ...]
    boolean: ClassVar[bool] = True

    @cached_property
    def free(self) -> frozenset[Index]:  # type: ignore[override]
        return (self.body.free - set(self.over)).union(*(a.indices for a in self.at))

    def key_in(self, labels: Labels, depth: int) -> str:
        places = ",".join(a.key(labels) for a in self.at)
        return f"[{places}=arg {Maximum(self.body, self.over).key_in(labels, depth)}]"

    def substitute(self, mapping: Substitution) -> Argmax:
        body, over = substitute_inside(self.body, self.over, mapping)
        return Argmax(body, over, tuple(a.substitute(mapping) for a in self.at))

    def children(self) -> tuple[Expr, ...]:
        return (self.body,)

    def lookups(self) -> tuple[Lookup, ...]:
        return tuple(r for a in self.at for r, _ in a.lookups)


@dataclass(frozen=True, eq=False)
class Partial(Atom):
    """A partial derivative ∂(of)/∂(entry) that is still to be worked out: other named tensors are held fixed."""

    of: Expr
    entry: Read

    @cached_property
    def free(self) -> frozenset[Index]:  # type: ignore[override]
        return self.of.free | self.entry.free

    def key_in(self, labels: Labels, depth: int) -> str:
        return f"d({self.of.key_in(labels, depth)})/d({self.entry.key_in(labels, depth)})"

    def substitute(self, mapping: Substitution) -> Partial:
        return Partial(self.of.substitute(mapping), self.entry.substitute(mapping))

    def children(self) -> tuple[Expr, ...]:
        return (self.of,)


def substitute_inside(body: Expr, over: tuple[Index, ...], mapping: Substitution) -> tuple[Expr, tuple[Index, ...]]:
    """A scope in which indices that come from outside are replaced; its own are others, whatever they are called."""
    mapping = {i: a for i, a in mapping.items() if i in body.free and i not in over}
    body, over = open_scope(body, over, {i.name for a in mapping.values() for i in a.indices})
    return body.substitute(mapping), over


def open_scope(body: Expr, over: tuple[Index, ...], names: Collection[str]) -> tuple[Expr, tuple[Index, ...]]:
    """A scope whose own indices are called unlike all of `names`."""
    taken = {*names, *(i.name for i in body.free), *(i.name for i in over)}
    renaming: dict[Index, Index] = {}
    for index in over:
        if index.name in names:
            renaming[index] = fresh(index, taken)
            taken.add(renaming[index].name)
    if not renaming:
        return body, over
    return body.substitute({i: Affine.of(j) for i, j in renaming.items()}), tuple(renaming.get(i, i) for i in over)
