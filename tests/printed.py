"""Reads what is printed about a layer as a person would, and compares it with numeric differentiation.

Names, shapes and sizes come from a document's table of symbols, operators from the formula of their entries, partial
derivatives from the forward equations. Only the values come from elsewhere: the oracle's forward, and its derivative by
complex step.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache, cached_property

import numpy as np
from latex_reader import ReaderError, evaluate_index, evaluate_matrix, split_aligned, split_entry

from derive.calculus.derivation import gradients
from derive.core.layer import Call, Layer
from derive.documents.document import latex
from derive.witnesses.entries import evaluated
from derive.witnesses.interpret import STEP, interpret
from derive.witnesses.replay import Replay, replay
from derive.witnesses.sampling import Case, choose_sizes, free_sizes, option_settings, sample

SEED = 5
# How many factors the oracle may multiply for the gradients of one case.
WORK = 60_000
# Of the least work are images that shrink to squares, in which a transpose may not show: these do not.
LONG = {"cnn": {"N": 2, "C": 1, "H": 7, "W": 9, "C_1": 2, "K_1": 2, "C_2": 3, "K_2": 2, "classes": 4}}
TOLERANCE = 1e-9

DISPLAY = re.compile(r"\\begin\{aligned\}.*?\\end\{aligned\}", re.DOTALL)
# A display that starts with no left side and no = goes on with the display before.
GOES_ON = re.compile(r"\\end\{aligned\}\s*\\\]\s*\\\[\s*\\begin\{aligned\}(?=\s*&\\q)")
NO_WORDS = re.compile(r"\\\[|\\\]|\s")
SYMBOL = re.compile(r"^\$(.+?)\$ & \\texttt\{(.+?)\} & (.+?) & .+? \\\\", re.MULTILINE)
RANGE = re.compile(r"\$([^$]+)\$ runs from 0 to \$([^$]+)\$\.")
CALLEE = re.compile(r"(?:The layer|The gradients of) \$\\mathrm\{(.+?)\}\\left\(.*\\right\)\$(?: is|[,:])")
EXAMPLE = re.compile(r"For example, with (.*):")
GIVEN = re.compile(r"\$(.+?) = (-?\d+)\$")
DERIVATIVE = re.compile(r"\\frac\{\\partial (.+?)\}\{\\partial (.+)\}\Z")
EACH = re.compile(r"for each \\\((.+?)\\\)")
CALL = re.compile(r"\\mathrm\{(.+?)\}\\left\((.+)\\right\)\Z")
OPERATOR = re.compile(r"(\\?[A-Za-z]+(?:\{[A-Za-z]+\})?(?:_\{\d+\})?)\((.+)\)(?:_\{(.+)\})?\Z")


@dataclass(frozen=True)
class Printed:
    """A line of a document: left = right, for each of some indices; in the names of a sublayer or of the layer."""

    left: str
    right: str
    each: tuple[str, ...] = ()
    callee: str | None = None
    example: tuple[tuple[str, int], ...] = ()
    # Which output of a sublayer's call the left side is.
    output: int = 0


@dataclass(frozen=True)
class Document:
    """What stands in a document: its lines, its table of symbols (LaTeX, name in code, shape), and what is given."""

    lines: tuple[Printed, ...]
    symbols: tuple[tuple[str, str, str], ...] = ()
    given: tuple[tuple[str, str], ...] = ()
    # How far indices run that stand in no shape: the index, and its last value.
    ranges: tuple[tuple[str, str], ...] = ()


def read_document(text: str) -> Document:
    lines: list[Printed] = []
    given: list[tuple[str, str]] = []
    end, said = 0, ""
    text = GOES_ON.sub(r" \\\\ ", text)
    for display in DISPLAY.finditer(text):
        before, end = text[end : display.start()], display.end()
        if before.rstrip().removesuffix(r"\[").rstrip().endswith("which is given:"):
            given.extend((left, right) for left, right, _ in split_aligned(display.group()))
            continue
        # A display right below another goes on with the same paragraph.
        said = before if NO_WORDS.sub("", before) else said
        callee, example = CALLEE.search(said), EXAMPLE.search(said)
        for left, right, rule in split_aligned(display.group()):
            each = EACH.search(rule)
            line = Printed(
                left,
                right,
                tuple(each.group(1).split(", ")) if each else (),
                callee.group(1).replace(r"\_", "_") if callee else None,
                tuple((n, int(v)) for n, v in GIVEN.findall(example.group(1))) if example else (),
            )
            lines.extend(outputs_of(line))
    symbols = tuple((e, c.replace(r"\_", "_"), s.strip("$")) for e, c, s in SYMBOL.findall(text))
    return Document(tuple(lines), symbols, tuple(given), tuple(RANGE.findall(text)))


def outputs_of(line: Printed) -> Iterator[Printed]:
    """A line for each output of a call: H, S = f(X)."""
    if not CALL.match(line.right):
        yield line
        return
    for number, name in enumerate(line.left.split(", ")):
        yield replace(line, left=name, output=number)


@dataclass
class Reading:
    """The names of a document with their values, and what each left side should be."""

    layer: Layer
    case: Case
    document: Document
    oracle: Replay
    known: dict[str, np.ndarray] = field(default_factory=dict)

    @cached_property
    def codes(self) -> dict[str, str]:
        """The name in code of each name as it is printed."""
        return {entry if shape == "number" else split_entry(entry)[0]: c for entry, c, shape in self.document.symbols}

    @cached_property
    def arrays(self) -> dict[str, np.ndarray]:
        return {name: self.value(code) for name, code in self.codes.items() if name not in self.scalars}

    @cached_property
    def scalars(self) -> dict[str, float]:
        plain = {s.name for s in self.layer.options} | set(self.case.sizes)
        found = {name: float(self.value(code)) for name, code in self.codes.items() if code in plain}
        leading = {r"|\ell|": float(self.value("..."))} if self.layer.has_leading else {}
        return found | leading | {r"\pi": np.pi}

    def value(self, code: str) -> np.ndarray:
        return array_of(self.oracle.tensors[code])

    @cached_property
    def sizes(self) -> dict[str, int]:
        """How far each index of the table runs: the lengths of the axes that it names."""
        found: dict[str, int] = {}
        for entry, code, shape in self.document.symbols:
            indices = split_entry(entry)[1] if shape != "number" else ()
            for index, size in zip(indices, self.value(code).shape, strict=True):
                assert found.setdefault(index, size) == size, f"index {index} has two sizes in the table of symbols"
        for index, last in self.document.ranges:
            assert index not in found, f"index {index} has a range of its own beside that of an axis"
            found[index] = int(evaluate_index(last, (), {}, {}, self.scalars)) + 1
        return found

    # what should come out

    def expected(self, line: Printed) -> tuple[np.ndarray, tuple[str, ...]]:
        """The value of the left side, and its free indices: none in matrix notation."""
        derivative = DERIVATIVE.match(line.left)
        name, indices = self.named(derivative.group(2) if derivative else line.left)
        code = self.codes[name]
        return self.gradient(code) if derivative else self.value(code), indices

    def named(self, entry: str) -> tuple[str, tuple[str, ...]]:
        return (entry, ()) if entry in self.codes else split_entry(entry)

    def gradient(self, code: str) -> np.ndarray:
        """∂L/∂X by complex step through the oracle's forward, all that is computed from X following."""
        if code not in self.known:
            entries = self.oracle.tensors[code]
            self.known[code] = array_of({at: self.oracle.loss_after(code, at).imag / STEP for at in entries})
        return self.known[code]

    # partial derivatives

    @cached_property
    def definitions(self) -> dict:
        """The forward equations as they are printed; sublayers by the oracle."""
        found: dict = {}
        defined = {s.name for t in self.layer.statements for s in t.defines}
        for line in self.document.lines:
            name, indices = self.named(line.left)
            if line.callee is None and self.codes.get(name) in defined and (indices or not np.ndim(self.arrays[name])):
                found.setdefault(name, (indices, line.right))
        for statement in self.layer.statements:
            if isinstance(statement, Call):
                found.update({self.spelled(s.name): self.called(statement, s.name) for s in statement.outputs})
        return found

    def spelled(self, code: str) -> str:
        return next(name for name, c in self.codes.items() if c == code)

    def called(self, call: Call, output: str):
        position = [s.name for s in call.outputs].index(output)
        options = {name: evaluated(value, self.options) for name, value in call.options.items()}

        def compute(arrays) -> np.ndarray:
            given = [arrays[self.spelled(a)] for a in call.arguments]
            inner = dict(zip((s.name for s in call.layer.arguments), given, strict=True))
            return interpret(call.layer, inner, options)[call.layer.outputs[position]]

        return compute

    @property
    def options(self) -> dict:
        return {**self.case.options, **self.case.sizes}

    def read_call(self, line: Printed) -> np.ndarray | None:
        """A sublayer as it is called in print: H = linear(X, W, b)."""
        match, code = CALL.match(line.right), self.codes.get(line.left)
        calls = {s.name: c for c in self.layer.statements if isinstance(c, Call) for s in c.outputs}
        if match is None or code not in calls or match.group(1).replace(r"\_", "_") != calls[code].layer.name:
            return None
        assert calls[code].outputs[line.output].name == code
        call, words = calls[code], match.group(2).split(", ")
        options = dict(word.split(" = ") for word in words if " = " in word)
        for option in call.layer.options:
            printed = evaluate_index(options.pop(option.latex or option.name), (), {}, {}, self.scalars)
            assert float(printed) == float(evaluated(call.options[option.name], self.options))
        assert not options
        given = dict(zip(call.arguments, (word for word in words if " = " not in word), strict=True))
        return self.called(calls[code], code)({self.spelled(a): self.arrays[name] for a, name in given.items()})

    # operators

    @cached_property
    def operators(self) -> dict:
        """T(w) and U(x), by the formula of their entries."""
        found = {}
        for line in self.document.lines:
            match = OPERATOR.match(line.left)
            if match and match.group(3):
                letter, of, at = match.groups()
                found[letter] = self.operator(of, tuple(at.split(",")), line.right)
        return found

    def operator(self, of: str, at: tuple[str, ...], formula: str):
        def entries(array, scalars=None, sizes=None):
            scalars = {**self.scalars, **(scalars or {})}
            return evaluate_index(formula, at, {of: array}, sizes or self.operator_sizes(at), scalars)

        return entries

    def operator_sizes(self, at: tuple[str, ...]) -> dict[str, int]:
        """A copy of an index, as j' or j_1, runs as far as the index."""
        return {i: self.sizes[re.split(r"['_]", i)[0]] for i in at}

    # reading

    def read(self, line: Printed) -> np.ndarray:
        called = self.read_call(line)
        if called is not None:
            return called
        expected, indices = self.expected(line)
        if indices or not np.ndim(expected):
            try:
                return self.read_index(line.right, indices, np.shape(expected))
            except ReaderError as error:
                # The left side of a number does not show in which notation the right side is.
                if indices or r"\sum" in line.right or r"\partial" in line.right:
                    raise error
        derivative = DERIVATIVE.match(line.left)
        axes = self.axes.get(derivative.group(2) if derivative else line.left, ())
        assert axes[: len(line.each)] == line.each, "a form holds for each value of the first indices"
        return self.read_each(line.right, line.each, self.arrays, np.shape(expected), axes)

    @cached_property
    def axes(self) -> dict[str, tuple[str, ...]]:
        """The indices of each tensor in the table of symbols."""
        return dict(split_entry(entry) for entry, _, shape in self.document.symbols if shape != "number")

    def read_index(self, right: str, indices: tuple[str, ...], shape: tuple[int, ...]) -> np.ndarray:
        sizes = {**self.sizes, **dict(zip(indices, shape, strict=True))}
        return evaluate_index(right, indices, self.arrays, sizes, self.scalars, self.definitions)

    def read_each(self, right: str, each: tuple[str, ...], arrays: dict, shape: tuple, axes: tuple) -> np.ndarray:
        """A matrix form for each value of the first indices: the tensors that have them first are sliced."""
        if not each:
            return self.read_matrix(right, arrays, shape, axes)
        sliced = {n for n, own in self.axes.items() if own[len(own) - np.ndim(arrays[n]) :][:1] == each[:1]}
        slices = ({n: a[at] if n in sliced else a for n, a in arrays.items()} for at in range(shape[0]))
        return np.stack([self.read_each(right, each[1:], given, shape[1:], axes[1:]) for given in slices])

    def read_matrix(self, right: str, arrays: dict, shape: tuple[int, ...], axes: tuple[str, ...]) -> np.ndarray:
        small = {name: array for name, array in arrays.items() if np.ndim(array) <= 2}
        return evaluate_matrix(right, small, self.scalars, shape, self.operators, axes)


def array_of(entries) -> np.ndarray:
    """Entries by place as an array; what the reader calls ℓ is one axis there too."""
    array = np.zeros([max(axis) + 1 for axis in zip(*entries, strict=True)])
    for place, value in entries.items():
        array[place] = value
    return array


# the documents of a layer


VARIANTS = [(n, s, d) for n in ("matrix", "index") for s in (True, False) for d in (True, False)]


@cache
def printed(layer: Layer, notation: str, steps: bool, document: bool) -> Document:
    return read_document(latex(gradients(layer), notation, steps, document))


@cache
def lines_of(layer: Layer) -> tuple[Printed, ...]:
    """All lines of all that is printed about a layer, each once."""
    return tuple(dict.fromkeys(line for variant in VARIANTS for line in printed(layer, *variant).lines))


@cache
def readings(layer: Layer) -> list[Reading]:
    """The document of a layer with data: the options at their defaults, and all moved."""
    document = printed(layer, "matrix", True, True)
    settings = itertools.islice(option_settings(layer), 2)
    found = [small_case(layer, options) for options in settings]
    return [Reading(layer, case, document, replay(gradients(layer), case)) for case in found]


def small_case(layer: Layer, options: dict) -> Case:
    """Little data, on axes of different lengths where that can be, so that no fault hides."""
    group, rng = (), np.random.default_rng(SEED)
    if layer.has_leading:
        group = (2,) if free_sizes(layer) else (7,)
    sizes = choose_sizes(layer, options, group, rng, fixed=LONG.get(layer.name), work=WORK)
    return sample(layer, sizes, group, options, rng)


def faults_in_print(layer: Layer) -> list[str]:
    """Every line that cannot be read, or has another value or shape than what stands on its left."""
    lines = [line for line in lines_of(layer) if line.callee is None and not OPERATOR.match(line.left)]
    return [fault for reading in readings(layer) for line in lines for fault in faults_in(reading, line)]


def faults_in(reading: Reading, line: Printed) -> Iterator[str]:
    try:
        fault = wrong(line, reading.read(line), reading.expected(line)[0])
    except ReaderError as error:
        fault = f"{line.left} = {line.right}\n cannot be read: {error}"
    if fault:
        yield fault


def wrong(line: Printed, found: np.ndarray, expected: np.ndarray) -> str | None:
    """What is wrong about a line, if anything."""
    shape = np.shape(expected)
    if found.shape != shape:
        return f"{line.left} = {line.right}\n has shape {found.shape} instead of {shape}"
    error = float(np.max(np.abs(found - expected), initial=0.0))
    if not error <= TOLERANCE * max(1.0, float(np.max(np.abs(expected), initial=0.0))):
        return f"{line.left} = {line.right}\n is off by {error}"
    return None
