"""Lay out a program as a NumPy module: what stands in each line of each function. The template puts them on a page."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from derive.lowering.program import Assign, Program, flattened
from derive.lowering.values import WINDOWED, walk
from derive.notation.kernels import Kernel, kernels
from derive.printers.code_style import docstring
from derive.printers.numpy_function import FunctionText, function_texts

HELPERS = Path(__file__).with_name("numpy_helpers.py")
OUTSIDE = "hat is read outside a tensor is 0."
CONVENTIONS = {
    Kernel.FORWARD: f"Convolution is cross-correlation; w{OUTSIDE}",
    Kernel.BACKWARD: f"Convolution is that of mathematics: the kernel runs backwards over the data; w{OUTSIDE}",
    Kernel.NONE: f"W{OUTSIDE}",
    Kernel.MAXIMUM: "What is read outside a tensor takes no part in a maximum.",
}
# ruff takes these single letters for ambiguous; they are the author's.
AMBIGUOUS = {"l", "O", "I"}


@dataclass(frozen=True)
class ModuleText:
    """A module, ready for the template."""

    doc: list[str]
    lint: str
    imports: list[str]
    helpers: list[str]
    functions: list[FunctionText]


def module_text(program: Program) -> ModuleText:
    """The text of a program, function by function."""
    functions = [text for function in program.functions for text in function_texts(function)]
    body = "\n".join(line for f in functions for line in [f.header, *f.body])
    helpers = helpers_used(body)
    return ModuleText(
        docstring([*program.doc] or module_doc(program)),
        "# ruff: noqa: E741, RUF100 (the names are those of the equations)" if _ambiguous(program) else "",
        imports(body + "\n".join(helpers)),
        helpers,
        functions,
    )


def module_doc(program: Program) -> list[str]:
    """What the module says of itself: the layer, its equations, the conventions."""
    layer = program.layer
    windows = any(
        isinstance(v, WINDOWED) and len(v.sizes) > 1
        for f in program.functions
        for s in flattened(f.statements)
        if isinstance(s, Assign)
        for v in walk(s.value)
    )
    (first, *_) = layer.variables
    notes = [f"Each gradient is shaped like its variable: d{first.name} like {first.name}."]
    if any(s.axes and s.axes[0].leading for s in layer.arguments):
        notes.append("... stands for any number of leading axes.")
    if windows:
        notes.append(CONVENTIONS[(*kernels(layer), Kernel.NONE)[0]])
    return [*layer.doc.splitlines(), "", *notes] if layer.doc else notes


def _ambiguous(program: Program) -> bool:
    names = {s.name for f in program.functions for s in (*f.residuals, *f.arguments, *f.layer.symbols.values())}
    names |= {s.target for f in program.functions for s in flattened(f.statements) if isinstance(s, Assign)}
    return bool(names & AMBIGUOUS)


def imports(code: str) -> list[str]:
    """The imports that the code needs."""
    lines = ["import math", ""] if re.search(r"\bmath\.", code) else []
    lines.append("import numpy as np")
    if "as_strided(" in code:
        lines.append("from numpy.lib.stride_tricks import as_strided")
    return lines


# helpers


@lru_cache
def helper_sources() -> dict[str, str]:
    """The helper functions by name; their file is read, not imported."""
    text = HELPERS.read_text(encoding="utf-8")
    nodes = (n for n in ast.parse(text).body if isinstance(n, ast.FunctionDef))
    return {n.name: ast.get_source_segment(text, n) or "" for n in nodes}


def helpers_used(code: str) -> list[str]:
    """The helpers that the code calls, and those that these call, in the order of their file."""
    sources = helper_sources()
    used: set[str] = set()
    todo = [code]
    while todo:
        called = {name for name in re.findall(r"\b(_\w+)\(", todo.pop()) if name in sources} - used
        used |= called
        todo.extend(sources[name] for name in called)
    return [source for name, source in sources.items() if name in used]
