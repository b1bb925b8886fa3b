"""The layers by name: the catalogue's, and one that the benchmark composes itself."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from types import ModuleType

from derive import compiled, load
from derive.core.layer import Layer
from derive.errors import DeriveError

from .deep_mlp import mlp4

OWN = {mlp4.name: mlp4}


def layer_named(name: str) -> Layer:
    return OWN[name] if name in OWN else load(name)


@cache
def module_named(name: str) -> ModuleType:
    """The generated module of a layer."""
    return compiled(layer_named(name))


@cache
def blockwise_named(name: str) -> tuple[Callable, Callable, Callable] | None:
    """The three functions of a layer's blockwise form; None where it has none."""
    try:
        rewrite = import_module("derive.calculus.blockwise").blockwise
        module = compiled(rewrite(layer_named(name)))
    except (ImportError, DeriveError):
        return None
    return getattr(module, name), getattr(module, f"{name}_fwd"), getattr(module, f"{name}_bwd")
