"""Code with a fault planted in it, and whether the witnesses notice."""

from __future__ import annotations

import ast
import inspect
import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from graphlib import TopologicalSorter
from types import CodeType, ModuleType, SimpleNamespace

import numpy as np
from mutations import Mutant, mutants
from numpy.lib.array_utils import byte_bounds
from numpy.lib.stride_tricks import as_strided
from source import NUMERIC, graph, imports, reached, targets, tree

import numeric
from derive.core.layer import Layer
from derive.loading import all_layers
from derive.lowering.render import numpy_source
from derive.printers.numpy_module import helper_sources
from derive.witnesses.check import compare_code
from derive.witnesses.evidence import Code, Evidence
from derive.witnesses.sampling import sample
from derive.witnesses.tally import Tally
from numeric.activations.elementwise import where_else_zero
from numeric.shapes import portions, row_blocks

# What only looks at arguments: wrong ones are tried elsewhere.
DOORS = ("_floating", "_check", "_check_size", "_check_least", "_check_option", "admit", "cotangent", "output_size")
# How arrays are cut into pieces changes no value: tests of their own look at the pieces.
DOORS += ("_parts", "_portions", "row_blocks", "portions", "_at_a_time")
DOORS += ("_check_given", "_check_positions", "positions", "nonempty", "_admit_options", "option", "each")
# Helpers that give a function of each entry, which layers use in one precision and on few entries.
ENTRYWISE = ("_where", "_erf", "_erf_block", "_polynomial")
# The builder of a dense matrix is no part of a layer's functions.
APART = ("circulant_matrix", "toeplitz_matrix")


# Within the oracle's work all axes of a long layer would be of about one length: they get lengths here. Images of which
# pooling leaves out a last row or column, and of which it does not; losses of more than two classes, in rows for
# several blocks.
SIZES = {
    "cross_entropy": ({"B": 5, "C": 3}, {"B": 2, "C": 4}),
    "cnn": (
        {"N": 2, "C": 3, "H": 11, "W": 15, "C_1": 4, "K_1": 2, "C_2": 5, "K_2": 2, "classes": 6},
        {"N": 2, "C": 1, "H": 19, "W": 15, "C_1": 2, "K_1": 3, "C_2": 3, "K_2": 2, "classes": 4},
    ),
}


def functions_of(layer: str) -> tuple[str, ...]:
    return layer, f"{layer}_fwd", f"{layer}_bwd"


class Noticed(Exception):
    """A witness has found something wrong."""


class Alarm(Tally):
    """A tally that goes no further than the first thing that is wrong, and needs no words for it."""

    def compared(self, witness, symbol, found, at) -> None:
        if not found.ok:
            raise Noticed

    def broke(self, witness, symbols, what, at) -> None:
        raise Noticed


@dataclass
class Bench:
    """A layer, and modules with its three functions in which one function can be replaced by a mutant."""

    layer: Layer
    witness: str
    sources: tuple[str, ...]
    # The package that these modules import from.
    package: str = ""

    @property
    def own(self) -> tuple[str, ...]:
        """The names of the layer's three functions."""
        return functions_of(self.layer.name)

    @cached_property
    def functions(self) -> dict[str, str]:
        """The source of every function."""
        nodes = [node for source in self.sources for node in ast.parse(source).body]
        found = [(node.name, ast.unparse(node)) for node in nodes if isinstance(node, ast.FunctionDef)]
        assert len(found) == len(dict(found)), f"{self.layer.name}: two functions of one name"
        return dict(found)

    @cached_property
    def mutants(self) -> list[Mutant]:
        """Those of the layer's three functions."""
        return self.mutants_of(self.own)

    @cached_property
    def helpers(self) -> list[Mutant]:
        """Those of the functions that belong to no layer."""
        owned = {name for layer in all_layers() for name in functions_of(layer)}
        return self.mutants_of(self.functions.keys() - owned - {*self.own, *DOORS, *APART})

    def mutants_of(self, names: Iterable[str]) -> list[Mutant]:
        return [mutant for name in sorted(names) for mutant in mutants_in(self.functions[name], name)]

    @cached_property
    def codes(self) -> list[CodeType]:
        return [compile(source, f"<code of {self.layer.name}>", "exec") for source in self.sources]

    def module(self, mutant: Mutant | None = None) -> SimpleNamespace:
        """All functions in one namespace, the mutant's in the place of the right one."""
        names = {"__name__": f"{self.package}.planted", "__package__": self.package}
        for code in (*self.codes, *([mutant.code] if mutant else [])):
            exec(code, names)
        names["np"] = Unwritten("numpy")
        return SimpleNamespace(**names)

    @property
    def evidence(self) -> Evidence:
        return evidence_of(self.layer)

    def passes(self, mutant: Mutant | None) -> bool:
        """Does no case notice?"""
        code = Code.of(self.module(mutant), self.layer.name)
        evidence = self.evidence.with_module(None)
        evidence.tally = Alarm(self.layer.name)
        try:
            with np.errstate(all="ignore"):
                compare_code(evidence, self.witness, code, "float64")
        except Noticed:
            return False
        return True


class Unwritten(ModuleType):
    """NumPy, where in new memory there is no number: by luck there would be what was written there a moment ago."""

    def __getattr__(self, name: str):
        return getattr(np, name)

    @staticmethod
    def empty(shape, dtype=float) -> np.ndarray:
        return nothing_in(np.empty(shape, dtype))

    @staticmethod
    def empty_like(array, **options) -> np.ndarray:
        return nothing_in(np.empty_like(array, **options))


def nothing_in(array: np.ndarray) -> np.ndarray:
    array.fill(np.nan if array.dtype.kind in "fc" else 99)
    return array


@cache
def mutants_in(source: str, name: str) -> tuple[Mutant, ...]:
    """Those of a function; many modules hold the same helpers."""
    return tuple(mutants(source, [name], DOORS))


@cache
def evidence_of(layer: Layer) -> Evidence:
    """One for generated and handwritten code."""
    evidence = Evidence(layer)
    if layer.name in SIZES:
        rng = np.random.default_rng(0)
        evidence.__dict__["cases"] = [sample(layer, sizes, (), {}, rng) for sizes in SIZES[layer.name]]
    return evidence


def unnoticed(found: Iterable[Mutant], benches: Iterable[Bench]) -> list[Mutant]:
    """The mutants that pass on every bench that has the function."""
    benches = list(benches)
    return [m for m in found if all(bench.passes(m) for bench in benches if m.function in bench.functions)]


# generated code


class GeneratedBench(Bench):
    """The generated module of a layer; what it computes in pieces is cut into some here that small arrays have.

    Where it goes through the leading axes a few items at a time, it does so item by item, and with all of them at once.
    """

    def __init__(self, layer: Layer, portion: str = "2**3") -> None:
        source = numpy_source(layer).replace("total // 2**20", "total // 2**8").replace("2**16", portion)
        super().__init__(layer, "generated code", (source,))
        self.at_once = GeneratedBench(layer, "2**40") if "_portions(" in source and portion != "2**40" else None

    def passes(self, mutant: Mutant | None) -> bool:
        return super().passes(mutant) and (self.at_once is None or self.at_once.passes(mutant))

    def module(self, mutant: Mutant | None = None) -> SimpleNamespace:
        module = super().module(mutant)
        getattr(module, self.layer.name).__globals__["as_strided"] = within
        return module


def within(array, shape, strides):
    """as_strided, where a view that leaves its memory is an error: a mutant must not write there, nor pass by luck."""
    view, owner = as_strided(array, shape, strides), array
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    (low, high), (least, most) = byte_bounds(view), byte_bounds(owner)
    if view.size and not least <= low <= high <= most:
        raise IndexError("a view outside of its array")
    return view


# handwritten code


class HandwrittenBench(Bench):
    """The handwritten functions of a layer, and of the modules that they use."""

    def __init__(self, layer: Layer) -> None:
        home = getattr(numeric, f"{layer.name}_bwd").__module__
        used = sorted((reached(home, USES) | {home}) & HOMES, key=ORDER.index)
        super().__init__(layer, "handwritten code", tuple(alone(name) for name in used), home.rpartition(".")[0])

    def module(self, mutant: Mutant | None = None) -> SimpleNamespace:
        """What is computed a few rows or maps at a time is cut into parts here that small arrays have."""
        module = super().module(mutant)
        names = getattr(module, self.layer.name).__globals__
        small = {
            "row_blocks": lambda rows, entries=0: row_blocks(rows, 3 * rows.shape[-1]),
            "portions": three_at_a_time,
            "ENTRIES": 2**8,
        }
        names.update({name: value for name, value in small.items() if name in names})
        return module


def three_at_a_time(leading: int, *arrays: np.ndarray) -> Iterable[tuple[np.ndarray, ...]]:
    return portions(leading, *arrays, entries=3 * math.prod(arrays[0].shape[leading:]))


def alone(name: str) -> str:
    """The source of a module of `numeric`, without what it imports from those that hold layers."""
    path = NUMERIC[name]
    body = [
        node
        for node in tree(path).body
        if not (isinstance(node, ast.ImportFrom) and HOMES & set(targets(name, path, node)))
    ]
    return ast.unparse(ast.Module(body, []))


# The modules that hold layers, each behind those that it uses.
USES = graph(imports(NUMERIC))
HOMES = {name for name, path in NUMERIC.items() if name.count(".") > 1 and path.name != "__init__.py"}
ORDER = [name for name in TopologicalSorter(USES).static_order() if name in HOMES]


# helpers that work entry by entry


class EntrywiseBench:
    """The helpers that give a function of each entry, in both precisions and over several blocks."""

    def __init__(self) -> None:
        self.functions = {name: source for name, source in helper_sources().items() if name in ENTRYWISE}
        self.x = np.concatenate([np.linspace(-7, 7, 40_000), [-1e-9, 1e-9]])
        self.erf = np.array([math.erf(value) for value in self.x.tolist()])

    def passes(self, mutant: Mutant | None) -> bool:
        names: dict = {"np": np, "math": math}
        for source in self.functions.values():
            exec(source, names)
        if mutant is not None:
            exec(mutant.code, names)
        try:
            with np.errstate(all="ignore"):
                return self.right(SimpleNamespace(**names))
        except Exception:
            return False

    def right(self, helpers: SimpleNamespace) -> bool:
        for dtype, tolerance in ((np.float32, 3e-7), (np.float64, 1e-14)):
            for sign in (1, -1):
                x = (sign * self.x).astype(dtype)
                x.flags.writeable = False
                expected = np.array([math.erf(v) for v in x[-2:].tolist()])
                if not np.abs(helpers._erf(x) - sign * self.erf).max() <= tolerance:
                    return False
                if not np.allclose(helpers._erf(x)[-2:], expected, rtol=tolerance, atol=0):
                    return False
        return all(self.chosen(helpers, dtype) for dtype in (np.float32, np.float64, np.longdouble))

    def chosen(self, helpers: SimpleNamespace, dtype: type) -> bool:
        x, y = self.x[:15].reshape(5, 3).astype(dtype), self.x[20:35].reshape(5, 3).astype(dtype)
        mask = np.arange(15).reshape(5, 3) % 4 == 1
        pairs = ((x, y), (x, 0), (2, y), (x, -1.5), (x[0], y))
        if not all(np.array_equal(helpers._where(mask, *p), np.where(mask, *p)) for p in pairs):
            return False
        kept = np.where(mask, x, 0)
        return dtype is np.longdouble or bool(
            np.shares_memory(helpers._where(mask, x, 0, out=x), x) and np.array_equal(x, kept)
        )


class ChosenBench:
    """The helper that keeps an entry or puts 0, for numbers of every width: those of up to 8 bytes without a branch."""

    def __init__(self) -> None:
        self.functions = {"where_else_zero": inspect.getsource(where_else_zero)}

    def passes(self, mutant: Mutant) -> bool:
        names: dict = {"np": SimpleNamespace(int8=np.int8, where=self.where), "Array": np.ndarray}
        exec(mutant.code, names)
        values = np.array([[1.5, -2, np.inf], [-np.inf, np.nan, -3]])
        condition = np.array([[True, False, True], [False, False, True]])
        try:
            return all(
                np.array_equal(found := names["where_else_zero"](condition, given), np.where(condition, given, 0))
                and found.dtype == given.dtype
                for given in (values.astype(dtype) for dtype in (np.float16, np.float32, np.float64, np.longdouble))
            )
        except Exception:
            return False

    @staticmethod
    def where(condition: np.ndarray, values: np.ndarray, other: int) -> np.ndarray:
        if isinstance(values, np.ndarray) and values.dtype.itemsize <= 8:
            raise Noticed
        return np.where(condition, values, other)
