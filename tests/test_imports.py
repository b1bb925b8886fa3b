"""Imports run one way, the core works without the handwritten reference, and that without the core."""

from __future__ import annotations

import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from itertools import combinations

import pytest
from source import ALL, CORE, DERIVE, LAYERS, NUMERIC, ROOT, graph, imports, reached, strings, tree, within

# The line along which a layer travels: no package imports a later one while it loads.
PACKAGES = (
    "errors",
    "core",
    "language",
    "calculus",
    "notation",
    "lowering",
    "printers",
    "documents",
    "witnesses",
    "cli",
    "__main__",
)
# And within it: none of these imports a later one, directly or not.
SPINE = (
    "errors",
    "core.axes",
    "core.terms",
    "core.primitives",
    "calculus.rules",
    "calculus.derivation",
    "lowering.render",
    "witnesses.check",
    "cli",
    "__main__",
)

# Who may use the handwritten reference.
WITNESSES = {
    "derive.witnesses.check",
    "derive.witnesses.code",
    "derive.witnesses.against",
    "derive.witnesses.second",
    "derive.witnesses.second_evidence",
    "derive.cli",
}


def test_no_imports_in_a_circle():
    try:
        TopologicalSorter(graph(e for e in imports(ALL) if e.at_load)).prepare()
    except CycleError as error:
        pytest.fail(" <- ".join(error.args[1]))


def test_imports_run_along_the_spine():
    edges = graph(e for e in imports(ALL) if e.at_load)
    assert [name for name in SPINE if f"derive.{name}" not in DERIVE] == []
    backwards = [
        f"{earlier} reaches {later}"
        for earlier, later in combinations(SPINE, 2)
        if f"derive.{later}" in reached(f"derive.{earlier}", edges)
    ]
    assert backwards == []


def test_packages_import_one_way():
    def place(module: str) -> int:
        parts = module.split(".")
        return PACKAGES.index(parts[1]) if len(parts) > 1 and parts[1] in PACKAGES else -1

    pairs = [(e, place(e.importer), place(e.imported)) for e in imports(ALL) if e.at_load]
    assert [str(e) for e, here, there in pairs if 0 <= here < there] == []


def test_errors_stand_at_the_bottom_and_the_command_line_at_the_top():
    edges = graph(imports(ALL))
    assert edges["derive.errors"] == set()
    assert [name for name in ALL if "derive.cli" in edges[name]] == ["derive.__main__"]


def test_only_the_witnesses_use_the_handwritten_reference():
    importing = {e.importer for e in imports(DERIVE) if within(e.imported, "numeric")}
    # importlib needs the name as a string.
    naming = {name for name, path in DERIVE.items() if any(within(s, "numeric") for s in strings(tree(path)))}
    assert importing | naming <= WITNESSES


def outside(files: dict) -> set[str]:
    """What the modules import that is neither Python's nor ours."""
    return {e.imported.partition(".")[0] for e in imports(files)} - set(sys.stdlib_module_names) - {"derive", "numeric"}


def test_each_package_needs_its_stated_dependencies_and_nothing_else():
    assert outside(DERIVE) == {"jinja2", "numpy", "sympy"}
    assert outside(NUMERIC) == {"numpy"}


def test_the_handwritten_reference_does_not_import_the_core():
    assert [str(e) for e in imports(NUMERIC) if within(e.imported, "derive")] == []


def test_a_layer_is_made_of_definitions_layers_and_sympy():
    others = [e for e in imports(LAYERS) if e.imported not in ("derive", "derive.language", "sympy")]
    assert [str(e) for e in others if not within(e.imported, "derive.layers")] == []


def test_the_core_imports_no_layer():
    # The folder is the registry: its modules are found, not named.
    used = [e for e in imports(CORE) if within(e.imported, "derive.layers")]
    assert [str(e) for e in used if e.imported != "derive.layers"] == []


def words_printed_by(code: str, *arguments: str) -> list[str]:
    """What a new interpreter prints."""
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout.split()


def loaded_by(statement: str, *watched: str) -> list[str]:
    """Which of the modules are loaded after a statement."""
    return words_printed_by(f"import sys; {statement}; print(*[m for m in {watched} if m in sys.modules])")


@pytest.mark.parametrize("module", ["derive", "derive.cli"])
def test_numpy_and_jinja2_are_imported_when_needed(module):
    assert loaded_by(f"import {module}", module, "jinja2", "numeric", "numpy") == [module]


def test_the_handwritten_reference_runs_without_the_core():
    assert loaded_by("import numeric", "derive", "numeric", "sympy") == ["numeric"]


LOAD_ALL = """
import derive, importlib, sys, types
for name in sys.argv[1:]:
    importlib.import_module(name)
print(*[name for name in derive.__all__ if isinstance(getattr(derive, name), types.ModuleType)])
"""


def test_a_public_name_is_not_hidden_by_a_module_of_that_name():
    # Loading derive.core.axes binds `axes` in the package, where a function of that name may be expected.
    assert words_printed_by(LOAD_ALL, *(name for name in CORE if name != "derive.__main__")) == []
