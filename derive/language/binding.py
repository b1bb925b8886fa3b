"""Which of a caller's indices each axis of a called layer stands for, and what its sizes and options are there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import sympy

from derive.core.axes import LEADING, LEADING_SIZE, Affine, Index, fresh
from derive.core.layer import Layer, Role, Symbol
from derive.core.names import check_name, shortened
from derive.core.rebind import Rebinding
from derive.errors import DefinitionError
from derive.language.handles import Axis, Option, counted, leading
from derive.language.scope import Scope


class Binding:
    """Which of the caller's indices each axis of the callee stands for."""

    def __init__(self, scope: Scope, callee: Layer, tensors: list[Symbol]):
        self.scope = scope
        self.callee = callee
        self.tensors = tensors
        self.by_name: dict[str, Index] = {}
        self.axes: dict[Index, tuple[Index, ...]] = {}
        self.first: dict[Index, str] = {}
        # For a tensor whose axes stand here in another order: which of the callee's each of them is.
        self.orders: dict[str, tuple[int, ...]] = {}

    def split(self, keywords: dict[str, object]) -> tuple[dict[str, object], tuple[str, ...]]:
        """Tell options, axes and the output's name apart."""
        own = {i.name: i for s in self.callee.arguments for i in s.axes if not i.leading}
        options: dict[str, object] = {}
        names = keywords.pop("name", None)
        if "over" in keywords and "over" not in own and len(own) == 1:
            keywords[next(iter(own))] = keywords.pop("over")
        known = {s.name for s in self.callee.options}
        for key, value in keywords.items():
            if key in known:
                options[key] = value
            elif key in own and isinstance(value, Axis):
                self.by_name[key] = LEADING if value is leading else Index(value.name, value.size)
            elif key in own:
                raise DefinitionError(
                    f"{self.scope.name}: axis {key} of {self.callee.name} is bound to {shortened(value)}, which is "
                    f"not an axis. Give it an axis that {listed(self.tensors)} has."
                )
            else:
                choices = ", ".join([*sorted(known), *own, "name"])
                raise DefinitionError(
                    f"{self.scope.name}: {self.callee.name} has no keyword {key}={shortened(value)}. "
                    f"It knows {choices}; an axis of it is bound to an axis of this layer."
                )
        names = () if names is None else names if isinstance(names, tuple) else (names,)
        if names and len(names) != len(self.callee.outputs):
            outputs = ", ".join(self.callee.outputs)
            raise DefinitionError(
                f"{self.scope.name}: {self.callee.name} gives {outputs}, but name={shortened(names)} has {len(names)} "
                f"name{'s' if len(names) > 1 else ''}. Give one for each."
            )
        for name in names:
            check_name(name, "tensor")
        return options, names

    def bind(self) -> None:
        for key, target in self.by_name.items():
            if not any(target in given.axes for given in self.tensors):
                raise DefinitionError(
                    f"{self.scope.name}: axis {key} of {self.callee.name} is bound to {target}, but "
                    f"{', '.join(s.read_as for s in self.tensors)} has no axis {target}. Give it an axis that is there."
                )
        for wanted, given in zip(self.callee.arguments, self.tensors, strict=True):
            self.bind_argument(wanted, given)
            self.bind_positions(wanted, given)

    def bind_argument(self, wanted: Symbol, given: Symbol) -> None:
        own = [i for i in wanted.axes if not i.leading]
        rest = list(given.axes)
        chosen: dict[Index, Index] = {}
        for index in own:
            target = self.by_name.get(index.name)
            if target is not None and target in rest:
                chosen[index] = target
                rest.remove(target)
        free = [i for i in own if i not in chosen]
        if len(rest) < len(free) or (len(rest) > len(free) and LEADING not in wanted.axes):
            raise DefinitionError(
                f"{self.scope.name}: {self.callee.name} reads {wanted.read_as} but is called with {given.read_as}. "
                f"Give it a tensor with {counted(len(own))}{' and any leading ones' if LEADING in wanted.axes else ''}."
            )
        tail = rest[len(rest) - len(free) :]
        chosen.update(zip(free, tail, strict=True))
        group = tuple(rest[: len(rest) - len(free)])
        for index in own:
            self.unify(index, (chosen[index],), wanted, given)
        if LEADING in wanted.axes:
            self.unify(LEADING, group, wanted, given)
        self.note_order(wanted, (*group, *(chosen[i] for i in own)), given.axes)

    def bind_positions(self, wanted: Symbol, given: Symbol) -> None:
        """Of an integer tensor: the axis along which its entries are positions."""
        if wanted.into is not None and given.into is not None:
            self.unify(wanted.into, (given.into,), wanted, given)
        elif wanted.into is not given.into:
            what = "an integer tensor" if wanted.into else "numbers"
            raise DefinitionError(
                f"{self.scope.name}: {self.callee.name} reads {wanted.read_as} as {what}, but {given.read_as} holds "
                f"{'numbers' if wanted.into else 'positions'}. Give it {what}, declared "
                f"{'with' if wanted.into else 'without'} .into(axis)."
            )

    def note_order(self, own: Symbol, order: tuple[Index, ...], here: tuple[Index, ...]) -> None:
        if order != here:
            self.orders[own.name] = tuple(order.index(i) for i in here)

    def unify(self, index: Index, target: tuple[Index, ...], wanted: Symbol, given: Symbol) -> None:
        if index not in self.axes:
            self.axes[index] = self.distinct(target)
        known = self.axes[index]
        self.first.setdefault(index, given.name)
        pairs = zip(known, target, strict=False)
        if len(known) != len(target) or any(sympy.expand(a.size - b.size) != 0 for a, b in pairs):
            raise DefinitionError(
                f"{self.scope.name}: in {self.callee.name}({listed(self.tensors)}), axis {index} is {_sized(known)} in "
                f"{self.first[index]} but {_sized(target)} in {given.name}. They must have the same size."
            )

    def distinct(self, target: tuple[Index, ...]) -> tuple[Index, ...]:
        """The target, with fresh names for indices that another axis of the callee stands for already.

        In self-attention queries and keys have the same axis, but the scores need two.
        """
        used = {i.name for group in self.axes.values() for i in group}
        result = []
        for index in target:
            if index.name in used:
                index = fresh(index, used | set(self.scope.indices))
                self.scope.indices[index.name] = index
            used.add(index.name)
            result.append(index)
        return tuple(result)

    def renaming(self, names: tuple[str, ...]) -> dict[str, str]:
        """The caller's names of the callee's tensors: the given ones, or the callee's own made fresh."""
        renaming = {w.name: g.name for w, g in zip(self.callee.arguments, self.tensors, strict=True)}
        # No names, or one for each output.
        renaming.update(zip(self.callee.outputs, names, strict=False))
        taken = set(self.scope.symbols) | set(names)
        for statement in self.callee.statements:
            for symbol in statement.defines:
                if symbol.name not in renaming:
                    renaming[symbol.name] = _fresh_name(symbol.name, taken)
                    taken.add(renaming[symbol.name])
        return renaming

    def values(self, options: Mapping[str, object]) -> dict[str, sympy.Expr]:
        """The callee's sizes and options in the caller's terms."""
        values: dict[str, sympy.Expr] = {}
        for symbol in self.callee.options:
            values[symbol.name] = self.option(symbol, options.get(symbol.name, symbol.default))
        for index, group in self.axes.items():
            if index.leading:
                values[str(LEADING_SIZE)] = sympy.Tuple(*(i.size for i in group))
            elif index.size.is_Symbol:
                self.set_size(values, index, group[0])
        for index, group in self.axes.items():
            if not index.leading and not index.size.is_Symbol:
                self.check_size(Rebinding({}, values).size(index.size), index, group[0])
        return values

    def check_size(self, wanted: sympy.Expr, index: Index, target: Index) -> None:
        """A size that the callee states as an expression must be the size that the caller's axis has."""
        if sympy.expand(wanted - target.size) != 0:
            raise DefinitionError(
                f"{self.scope.name}: in {self.callee.name}, axis {index} has size {wanted}, but {target} of "
                f"{self.first[index]} has size {target.size}. They must be the same expression."
            )

    def set_size(self, values: dict[str, sympy.Expr], index: Index, target: Index) -> None:
        known = values.setdefault(str(index.size), target.size)
        if sympy.expand(known - target.size) != 0:
            raise DefinitionError(
                f"{self.scope.name}: in {self.callee.name}, size {index.size} would be both {known} and {target.size} "
                f"(axis {index}, {target} of {self.first[index]}). They must agree."
            )

    def option(self, symbol: Symbol, value: object) -> sympy.Expr:
        """The value of a callee's option: a number, or an expression in this layer's options and sizes."""
        kind = Option(symbol.least)
        if isinstance(value, sympy.Number) and value.is_finite:
            value = int(value) if value.is_Integer else float(value)
        if isinstance(value, sympy.Expr) and self.admits(symbol, value):
            return value
        number = kind.number(value)
        if number is not None:
            return sympy.Rational(repr(number))
        raise DefinitionError(
            f"{self.scope.name}: {self.callee.name}({symbol.name}={shortened(value)}): the option {symbol.name} is "
            f"{kind.wanted}. Give one, or an option of this layer."
        )

    def admits(self, symbol: Symbol, value: sympy.Expr) -> bool:
        """May the expression be the option's value, as far as can be told without numbers?"""
        names = [self.scope.symbols.get(str(s)) for s in value.free_symbols]
        if value.is_number or any(s is None or s.role not in (Role.OPTION, Role.SIZE) for s in names):
            return False
        return symbol.least is None or bool(value.is_integer) and (value < symbol.least) != sympy.true

    def output_axes(self, symbol: Symbol, rebinding: Rebinding) -> tuple[Index, ...]:
        """The axes of a tensor that the callee defines; axes of its own get fresh names in the caller."""
        for index in symbol.axes:
            if index not in self.axes:
                new = Index(index.name, rebinding.size(index.size))
                known = self.scope.indices.get(index.name)
                if known is not None and sympy.expand(known.size - new.size) != 0:
                    new = fresh(new, set(self.scope.indices))
                (new,) = self.distinct((new,))
                self.scope.indices[new.name] = new
                self.axes[index] = (new,)
        axes = tuple(i for index in symbol.axes for i in self.axes[index])
        # What is shaped like an argument keeps the order that it has here: softmax(S, over=i) is shaped like S.
        for wanted, given in zip(self.callee.arguments, self.tensors, strict=True):
            if wanted.name in self.orders and wanted.axes == symbol.axes and set(given.axes) == set(axes):
                self.note_order(symbol, axes, given.axes)
                return given.axes
        return axes

    def groups(self, symbol: Symbol) -> dict[Index, tuple[Affine, ...]]:
        return {i: tuple(Affine.of(j) for j in self.axes[i]) for i in symbol.axes}


def _fresh_name(name: str, taken: set[str]) -> str:
    number, candidate = 1, name
    while candidate in taken:
        candidate, number = f"{name}{number}", number + 1
    return candidate


def listed(items: Iterable[Symbol | Index]) -> str:
    return ", ".join(i.name for i in items)


def _sized(indices: tuple[Index, ...]) -> str:
    return ", ".join(f"{i} (size {i.size})" for i in indices) or "no axis"
