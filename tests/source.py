"""The modules of the two packages as syntax trees: what they import, and which names and strings their code uses."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def modules(package: str) -> dict[str, Path]:
    """The modules of a package by their dotted names."""
    paths = sorted((ROOT / package).rglob("*.py"))
    return {".".join(p.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): p for p in paths}


DERIVE, NUMERIC = modules("derive"), modules("numeric")
ALL = DERIVE | NUMERIC
LAYERS = {name: path for name, path in DERIVE.items() if name.startswith("derive.layers")}
CORE = {name: path for name, path in DERIVE.items() if name not in LAYERS}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


# Imports


@dataclass(frozen=True)
class Import:
    """One imported module; `at_load` where loading the importer imports it."""

    importer: str
    imported: str
    at_load: bool

    def __str__(self) -> str:
        return f"{self.importer} imports {self.imported}"


def imports(files: dict[str, Path]) -> list[Import]:
    return [
        Import(name, target, at_load)
        for name, path in files.items()
        for statement, at_load in import_statements(tree(path))
        for target in targets(name, path, statement)
    ]


def import_statements(node: ast.AST, at_load: bool = True) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    """Every import below `node`; those inside functions and under TYPE_CHECKING do not happen at load."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, at_load
        else:
            yield from import_statements(child, at_load and not is_later(child))


def is_later(node: ast.AST) -> bool:
    if isinstance(node, ast.If):
        return "TYPE_CHECKING" in ast.unparse(node.test)
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)


def targets(importer: str, path: Path, statement: ast.Import | ast.ImportFrom) -> Iterator[str]:
    """The modules that a statement imports; of `from package import name` the module `name`, where there is one."""
    if isinstance(statement, ast.Import):
        yield from (alias.name for alias in statement.names)
        return
    base = ".".join([*parents(importer, path, statement.level), *filter(None, [statement.module])])
    yield from (f"{base}.{a.name}" if f"{base}.{a.name}" in ALL else base for a in statement.names)


def parents(importer: str, path: Path, level: int) -> list[str]:
    """The package that the dots of a relative import stand for."""
    if level == 0:
        return []
    packages = importer.split(".") if path.name == "__init__.py" else importer.split(".")[:-1]
    return packages[: len(packages) - level + 1]


def graph(edges: Iterable[Import]) -> dict[str, set[str]]:
    """Which of our modules each of our modules imports."""
    result: dict[str, set[str]] = {name: set() for name in ALL}
    for edge in edges:
        if edge.imported in ALL and edge.imported != edge.importer:
            result[edge.importer].add(edge.imported)
    return result


def reached(start: str, edges: dict[str, set[str]]) -> set[str]:
    """What a module imports, directly or not."""
    found: set[str] = set()
    todo = [start]
    while todo:
        new = edges[todo.pop()] - found
        found |= new
        todo.extend(new)
    return found


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


# Names and strings


def strings(module: ast.Module) -> Iterator[str]:
    """Every string that the code uses; documentation, which stands alone, is left out."""
    prose = {id(n.value) for n in ast.walk(module) if isinstance(n, ast.Expr)}
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.value


def identifiers(module: ast.Module) -> Iterator[str]:
    """Every name that the code uses: of variables, attributes, arguments, keywords, functions, classes, imports."""
    for node in ast.walk(module):
        if isinstance(node, ast.Constant):
            continue
        for _, value in ast.iter_fields(node):
            yield from (v for v in (value if isinstance(value, list) else [value]) if isinstance(v, str))
