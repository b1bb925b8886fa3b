"""Which indices are in scope, and how each is shown so that none shadows another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import sympy

from derive.core.axes import LEADING, Index, fresh
from derive.printers.style import Style


@dataclass(frozen=True)
class Scope:
    """The indices in scope: how each is shown, what is taken, and in which order they are read.

    `sizes` says how far the indices of the tensors run: none is shown like one of another size.
    """

    shown: Mapping[Index, str]
    taken: frozenset[str]
    order: tuple[Index, ...] = ()
    sizes: Mapping[str, sympy.Expr] = field(default_factory=dict)

    def bind(self, indices: Iterable[Index], style: Style, first: Iterable[Index] = ()) -> Scope:
        """The scope inside a sum: indices that would shadow one in sight get another name."""
        shown, taken = dict(self.shown), set(self.taken)
        new = []
        for index in indices:
            copy, avoided = (LEADING if index.leading else index), set()
            while (name := style.index(copy.name)) in taken or self.sizes.get(name, copy.size) != copy.size:
                avoided.add(copy.name)
                copy = fresh(copy, avoided)
            shown[index] = style.index(copy.name)
            taken.add(shown[index])
            new.append(index)
        order = tuple(dict.fromkeys((*first, *self.order, *new)))
        return Scope(shown, frozenset(taken), order, self.sizes)

    def place(self, index: Index) -> tuple:
        return (self.order.index(index) if index in self.order else len(self.order), index.name)
