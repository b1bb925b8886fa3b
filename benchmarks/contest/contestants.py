"""Who takes part: each makes, of a case and its arrays, a function without arguments that does the work.

What is done before that function is made (arrays copied to the library's own, compilation) is not timed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from .cases import Case

Array = np.ndarray
Work = Callable[[], Any]
# layer, layer_fwd, layer_bwd.
Triple = tuple[Callable, Callable, Callable]


@dataclass(frozen=True)
class Task:
    """A case with its arrays; with a cotangent, the gradients of all floating arguments are wanted too."""

    case: Case
    arrays: tuple[Array, ...]
    cotangent: Array | None

    @property
    def backward(self) -> bool:
        return self.cotangent is not None

    @property
    def dtype(self) -> np.dtype:
        return self.arrays[self.case.floating[0]].dtype


class Contestant(ABC):
    """`name` is what the report calls it, `package` what it needs, `threads_of` the library whose threads it uses."""

    name: str
    package: str = "numpy"
    threads_of: str = "numpy"

    @abstractmethod
    def can(self, case: Case) -> bool:
        """Whether it has a way to do that case."""

    @abstractmethod
    def prepare(self, task: Task) -> Work:
        """The work: it returns the output, followed by the gradients if the task has a cotangent."""

    def arrays(self, result: Any) -> list[Array]:
        """What the work returned, as NumPy's arrays."""
        return [np.asarray(array) for array in result]


class Functions(Contestant):
    """Three functions in JAX's convention: layer, layer_fwd and layer_bwd."""

    @abstractmethod
    def functions(self, case: Case) -> Triple | None: ...

    # Whether the backward takes the options again, or finds them among the residuals.
    options_again = False

    def can(self, case: Case) -> bool:
        return self.functions(case) is not None

    def prepare(self, task: Task) -> Work:
        found = self.functions(task.case)
        assert found is not None
        layer, forward, back = found
        arrays, options, dY = task.arrays, dict(task.case.options), task.cotangent
        if dY is None:
            return lambda: (layer(*arrays, **options),)
        again = options if self.options_again else {}

        def work() -> tuple[Array, ...]:
            Y, residuals = forward(*arrays, **options)
            gradients = back(residuals, dY, **again)
            return (Y, *gradients) if isinstance(gradients, tuple) else (Y, gradients)

        return work


class Generated(Functions):
    name = "generated"
    options_again = True

    def functions(self, case: Case) -> Triple | None:
        from .layers import module_named

        module = module_named(case.layer)
        return getattr(module, case.layer), getattr(module, f"{case.layer}_fwd"), getattr(module, f"{case.layer}_bwd")


class Handwritten(Functions):
    name = "handwritten"

    def functions(self, case: Case) -> Triple | None:
        from .handwritten import functions_named

        return functions_named(case.layer)


class GeneratedBlockwise(Generated):
    """The rewrite of softmax-then-contract into blocks, where there is one to take."""

    name = "generated blockwise"

    def functions(self, case: Case) -> Triple | None:
        from .layers import blockwise_named

        return blockwise_named(case.layer)


class HandwrittenBlockwise(Handwritten):
    name = "handwritten blockwise"

    def functions(self, case: Case) -> Triple | None:
        from .handwritten import BLOCKWISE, functions_named

        return functions_named(BLOCKWISE[case.layer]) if case.layer in BLOCKWISE else None


def installed(package: str) -> str | None:
    """The version of a package, None where there is none."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


# In the order of the report's columns.
EVERYBODY = {
    "generated": "contestants:Generated",
    "generated blockwise": "contestants:GeneratedBlockwise",
    "handwritten": "contestants:Handwritten",
    "handwritten blockwise": "contestants:HandwrittenBlockwise",
    "matrix products": "products:Products",
    "autograd": "by_autograd:ByAutograd",
    "torch": "by_torch:ByTorch",
    "torch fused": "by_torch:ByTorchFused",
    "jax": "by_jax:ByJax",
}
# What is judged, and what its results are compared with.
INDISPENSABLE = ("generated", "handwritten")
PACKAGES = {"autograd": "autograd", "torch": "torch", "torch fused": "torch", "jax": "jax"}


def contestant(name: str) -> Contestant:
    """The contestant of that name; its library is imported here."""
    module, _, kind = EVERYBODY[name].partition(":")
    return getattr(import_module(f".{module}", __package__), kind)()


def chosen(without: str = "") -> tuple[list[str], list[str]]:
    """The names of those who take part, and of those whose packages are not installed; `without` names more to leave
    out, set apart by commas. A ValueError where there is nobody of that name.

    >>> chosen("jax, torch, torch fused, autograd")[0][:2]
    ['generated', 'generated blockwise']
    """
    others = [name.strip() for name in without.split(",") if name.strip()]
    for name in others:
        if name not in EVERYBODY or name in INDISPENSABLE:
            names = ", ".join(name for name in EVERYBODY if name not in INDISPENSABLE)
            raise ValueError(f"--without {without}: there is nobody called {name!r} to leave out, but {names}.")
    missing = [name for name, package in PACKAGES.items() if installed(package) is None]
    return [name for name in EVERYBODY if name not in (*missing, *others)], missing
