"""Names in a reverse sweep: cotangents, adjoints and entry indices, fresh at every differentiation."""

from __future__ import annotations

from itertools import count

from derive.core.axes import Index, fresh
from derive.core.layer import Layer, Role, Symbol
from derive.core.names import latex_of
from derive.core.traverse import bound_indices

LETTERS = "p q r u v a b c d e f g h l m n o s t w x y z".split()


def spelling(symbol: Symbol) -> str:
    """How a symbol is spelled in LaTeX."""
    return symbol.latex or latex_of(symbol.name)


class AdjointNames:
    """Every name in scope of a layer and of its gradients."""

    def __init__(self, layer: Layer):
        self.layer = layer
        self.symbols = dict(layer.symbols)
        # How everything in scope is spelled, kept along so that a name costs no search.
        self.spelled = {spelling(s) for s in self.symbols.values()}
        self.letters = self._free_letters()
        # What stands for the scalar that is differentiated; a loss has its own name for it.
        self.loss = self.fresh("loss" if layer.scalar else "L")
        self.cotangents = {s.name: self._cotangent(s) for s in layer.output_symbols}
        self.adjoints: dict[str, Symbol] = {}
        self.tensor_of: dict[str, str] = {}

    def fresh(self, name: str) -> str:
        number, candidate = 1, name
        while candidate in self.symbols:
            candidate, number = f"{name}_{number}", number + 1
        return candidate

    def declare(self, symbol: Symbol) -> Symbol:
        self.symbols[symbol.name] = symbol
        self.spelled.add(spelling(symbol))
        return symbol

    def adjoint(self, tensor: str) -> Symbol:
        """The symbol of ∂L/∂tensor."""
        if tensor not in self.adjoints:
            symbol = self.symbols[tensor]
            name = self.fresh(f"d{tensor}")
            latex = spelling(symbol)
            primes = self._primes(r"\mathrm{d}", latex)
            self.tensor_of[name] = tensor
            self.adjoints[tensor] = self.declare(
                Symbol(
                    name,
                    symbol.axes,
                    Role.ADJOINT,
                    latex=rf"\mathrm{{d}}{primes}{latex}",
                    text=f"d{primes}{symbol.shown}",
                )
            )
        return self.adjoints[tensor]

    def _primes(self, head: str, tail: str = "") -> str:
        """As many primes behind `head` as it takes to be spelled like nothing else: dx, and d'x for its second use."""
        primes = ""
        while f"{head}{primes}{tail}" in self.spelled:
            primes += "'"
        return primes

    def share(self, tensor: str, output: Symbol) -> Symbol:
        """The symbol of one of several contributions to ∂L/∂tensor: what comes through the call that gives `output`."""
        symbol = self.symbols[tensor]
        marks = (f"{spelling(output)},{number}" if number > 1 else spelling(output) for number in count(1))
        spellings = (rf"\mathrm{{d}}{spelling(symbol)}^{{({mark})}}" for mark in marks)
        latex = next(text for text in spellings if text not in self.spelled)
        return self.declare(Symbol(self.fresh(f"d{tensor}_{output.name}"), symbol.axes, Role.ADJOINT, latex=latex))

    def statistic(self, name: str, axes: tuple[Index, ...]) -> Symbol:
        """The symbol of a named part of an adjoint."""
        text = name.replace("delta", "δ")
        return self.declare(Symbol(name, axes, Role.ADJOINT, latex=latex_of(name), text=text))

    def _cotangent(self, output: Symbol) -> Symbol:
        """∂L/∂Y, displayed as G for an output Y and as g for an output y; as the layer has it where it has a name."""
        if output.name in self.layer.directions:
            return self.declare(self.layer.directions[output.name])
        letter = "G" if output.name[0].isupper() else "g"
        alone = len(self.layer.outputs) == 1 and letter not in self.symbols
        tail = "" if alone else f"_{{{spelling(output)}}}"
        primes = self._primes(letter, tail)
        text = f"{letter}{primes}" if alone else f"{letter}{primes}_{output.shown}"
        latex = f"{letter}{primes}{tail}"
        return self.declare(Symbol(self.fresh(f"d{output.name}"), output.axes, Role.COTANGENT, latex=latex, text=text))

    def _free_letters(self) -> list[str]:
        """Letters that name nothing else in this layer."""
        taken = {i.name for i in self.layer.indices} | set(self.symbols) | set(self.layer.spellings.values())
        taken |= {s.latex for s in self.symbols.values() if s.latex}
        taken |= {i.name for e in self.layer.equations for i in bound_indices(e.expr)}
        return [letter for letter in LETTERS if letter not in taken]

    def entry(self, axes: tuple[Index, ...]) -> tuple[Index, ...]:
        """Fresh letters for the entry that is differentiated by."""
        taken = {"..."} | {i.name for i in axes}
        letters = iter(self.letters)
        chosen: list[Index] = []
        for axis in axes:
            letter = None if axis.leading else next(letters, None)
            index = fresh(axis, taken) if letter is None else Index(letter, axis.size)
            taken.add(index.name)
            chosen.append(index)
        return tuple(chosen)
