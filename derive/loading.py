"""Find a layer: by its name in the catalogue (the folder `derive/layers`), or in a file of the user's own."""

from __future__ import annotations

import contextlib
import difflib
import importlib
import importlib.util
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

from derive import layers as catalogue
from derive.core.layer import Layer
from derive.errors import DeriveError, InternalError, UsageError


def load(name: str) -> Layer:
    """The layer that `name` names: one of the catalogue, `FILE.py` with one layer in it, or `FILE.py:NAME`.

    Raises UsageError where there is none, with the nearest names.

    >>> load("softmax").name
    'softmax'
    """
    found = load_all(name)
    if len(found) > 1:
        names = ", ".join(layer.name for layer in found)
        raise UsageError(f"{name} holds {len(found)} layers: {names}. Say which: {name}:{found[0].name}.")
    return found[0]


def load_all(name: str) -> list[Layer]:
    """As `load`, but every layer of a file."""
    path, colon, wanted = split(name)
    if path is None:
        return [named(name)]
    found = own_layers(path)
    if not colon:
        return list(found.values())
    if wanted in found:
        return [found[wanted]]
    raise UsageError(f"{path} has no layer {wanted!r}. {nearest(wanted, found)}")


def split(name: str) -> tuple[Path | None, str, str]:
    """`my_layers.py:NAME` → (my_layers.py, ":", NAME); no path for the name of the catalogue."""
    head, colon, tail = name.rpartition(":")
    if head.endswith(".py"):
        return Path(head), colon, tail
    if name.endswith(".py") or "/" in name or "\\" in name:
        return Path(name), "", ""
    return None, "", name


# the catalogue


def stems() -> dict[str, str]:
    """The modules that hold layers, by stem: softmax is `activations.softmax`."""
    modules = (p.relative_to(folder) for folder in catalogue.__path__ for p in sorted(Path(folder).glob("*/*.py")))
    return {path.stem: ".".join(path.with_suffix("").parts) for path in modules if not path.stem.startswith("_")}


def named(name: str) -> Layer:
    """A layer of the catalogue. Its own module is tried first, so that the others need not be imported."""
    module = stems().get(name)
    if module is not None:
        layer = defined_in(catalogue_module(module)).get(name)
        if layer is not None:
            return layer
    known = all_layers()
    if name not in known:
        hint = nearest(name, known)
        hint = hint if hint.startswith("Did") else "'derive list' shows all."
        raise UsageError(f"there is no layer {name!r}. {hint} For a layer of your own, give its file: my_layers.py.")
    return known[name]


def all_layers() -> dict[str, Layer]:
    """Every layer of the catalogue by name."""
    found: dict[str, Layer] = {}
    for module in stems().values():
        found.update(defined_in(catalogue_module(module)))
    return dict(sorted(found.items()))


def families() -> dict[str, dict[str, Layer]]:
    """The layers by family, which is the folder that they stand in; a family's title is its docstring."""
    found: dict[str, dict[str, Layer]] = {}
    for module in stems().values():
        family = catalogue_module(module.partition(".")[0])
        title = (family.__doc__ or family.__name__.rpartition(".")[2]).partition("\n")[0].rstrip(".")
        found.setdefault(title, {}).update(defined_in(catalogue_module(module)))
    return found


@cache
def catalogue_module(name: str) -> ModuleType:
    return importlib.import_module(f"{catalogue.__name__}.{name}")


def defined_in(module: ModuleType) -> dict[str, Layer]:
    """The layers that a module defines; those that it only imports are not its own."""
    return {name: layer for name, layer in layers_of(module).items() if layer.module == module.__name__}


def layers_of(module: ModuleType) -> dict[str, Layer]:
    return {value.name: value for value in vars(module).values() if isinstance(value, Layer)}


# How alike two names are that may be meant for one another, and by how much one may fall behind the likest.
LIKE, MARGIN = 0.5, 0.15


def nearest(name: str, known: Iterable[str]) -> str:
    """The remedy for a name that does not exist: the ones that look most like it, else all."""
    known = sorted(known)
    likeness = {other: difflib.SequenceMatcher(None, other, name).ratio() for other in known}
    best = max(likeness.values(), default=0.0)
    close = sorted((k for k in known if likeness[k] >= max(best - MARGIN, LIKE)), key=lambda k: -likeness[k])[:3]
    return f"Did you mean {' or '.join(close)}?" if close else f"There are: {', '.join(known)}."


# a user's file


def own_layers(path: Path) -> dict[str, Layer]:
    """The layers that a file defines; those that it only imports from the catalogue are not its own."""
    module = load_file(path)
    imported = {id(layer) for m in catalogue_modules() for layer in layers_of(m).values()}
    found = {name: layer for name, layer in layers_of(module).items() if id(layer) not in imported}
    if not found:
        raise UsageError(f"{path} has no layer. Decorate a function of tensors with @layer from derive.")
    return found


def catalogue_modules() -> Iterator[ModuleType]:
    """The modules of the catalogue that have been imported."""
    prefix = f"{catalogue.__name__}."
    return (module for name, module in list(sys.modules.items()) if name.startswith(prefix))


def load_function(spec: str) -> Callable:
    """The function that `FILE.py:FUNCTION` names."""
    path, _, name = split(spec)
    if path is None or not name:
        raise UsageError(f"{spec!r} does not name a function. Give a file and a function: FILE.py:FUNCTION.")
    module = load_file(path)
    functions = [n for n, v in vars(module).items() if callable(v) and getattr(v, "__module__", "") == module.__name__]
    value = getattr(module, name, None)
    if value is None:
        hint = nearest(name, functions) if functions else "It has no functions."
        raise UsageError(f"{path} has no function {name!r}. {hint}")
    if not callable(value):
        raise UsageError(f"{name} in {path} is not a function but {type(value).__name__}. Name a function.")
    return value


def load_file(path: Path) -> ModuleType:
    """Run a Python file as a module, with its folder importable; leave no compiled files beside it."""
    if not path.is_file():
        raise UsageError(f"there is no file {path}. Check the path.")
    name = f"_derive_user_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} is not a Python file. Give a file that ends in .py.")
    module = importlib.util.module_from_spec(spec)
    keep_bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    sys.modules[name] = module
    sys.path.insert(0, str(path.resolve().parent))
    try:
        spec.loader.exec_module(module)
    except InternalError:
        raise
    except (Exception, SystemExit) as error:
        raise UsageError(failure(path, error)) from None
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(str(path.resolve().parent))
        sys.dont_write_bytecode = keep_bytecode
    return module


def failure(path: Path, error: BaseException) -> str:
    """What went wrong while a file ran, with the line of the file where it did."""
    line = line_of(path, error)
    where = f"{path}, line {line}" if line else f"{path}"
    if isinstance(error, DeriveError):
        return f"{where}: {error}"
    what = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{where}: it fails while loading with {type(error).__name__}: {one_line(what)}. Correct that line."


def line_of(path: Path, error: BaseException) -> int | None:
    """The last line of the file itself on the way to the error."""
    own = str(path.resolve())
    if isinstance(error, SyntaxError) and error.filename == own:
        return error.lineno
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == own]
    return lines[-1] if lines else None


def one_line(text: str) -> str:
    return " ".join(text.split()).rstrip(".")
