"""A model as generated code: a layer that scores images, the cross-entropy of its scores, and the chain rule.

The two layers are derived and generated apart, and joined in a few lines: the loss gives dZ, and dZ is the cotangent
that the backward pass of the scores asks for (`Model.gradient`).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike

from common.data import Part
from derive import compiled, load
from derive.core.layer import Layer


@dataclass(frozen=True)
class Start:
    """How a parameter begins: normal numbers of a spread, around a mean."""

    shape: tuple[int, ...]
    mean: float = 0.0
    spread: float = 0.0


def weights(*shape: int, reads: int | None = None) -> Start:
    """Weights under which values keep their size, where each output sums over so many inputs (He et al., 2015)."""
    return Start(shape, spread=float(np.sqrt(2 / (reads or shape[0]))))


def constant(value: float, *shape: int) -> Start:
    return Start(shape, mean=value)


class Model:
    """The generated functions of a layer of scores, with all parameters in one vector `w`, as optimizers like it."""

    def __init__(
        self, scores: Layer, start: Sequence[Start], view: Callable[[np.ndarray], np.ndarray] = lambda images: images
    ):
        self.starts, self.view = start, view
        code, loss = compiled(scores, wrt=[p.name for p in scores.parameters]), compiled(load("sparse_cross_entropy"))
        self._fwd, self._bwd = getattr(code, f"{scores.name}_fwd"), getattr(code, f"{scores.name}_bwd")
        self._loss_fwd, self._loss_bwd = loss.sparse_cross_entropy_fwd, loss.sparse_cross_entropy_bwd

    @property
    def functions(self) -> tuple[Callable, ...]:
        return self._fwd, self._bwd, self._loss_fwd, self._loss_bwd

    @property
    def sizes(self) -> list[int]:
        """How many numbers each parameter holds."""
        return [int(np.prod(s.shape)) for s in self.starts]

    def start(self, rng: np.random.Generator, dtype: DTypeLike = np.float32) -> np.ndarray:
        drawn = [s.mean + s.spread * rng.standard_normal(s.shape) for s in self.starts]
        return np.concatenate([array.ravel() for array in drawn]).astype(dtype)

    def parameters(self, w: np.ndarray) -> Iterator[np.ndarray]:
        """The parts of the vector, in their shapes: views, not copies."""
        parts = np.split(w, np.cumsum(self.sizes)[:-1])
        return (part.reshape(s.shape) for part, s in zip(parts, self.starts, strict=True))

    def gradient(self, w: np.ndarray, part: Part) -> tuple[float, np.ndarray]:
        """The loss and its gradient by w."""
        Z, residuals = self._fwd(self.view(part.images), *self.parameters(w))
        loss, loss_residuals = self._loss_fwd(Z, part.labels)
        dZ = self._loss_bwd(loss_residuals, 1)
        return float(loss), np.concatenate([dw.ravel() for dw in self._bwd(residuals, dZ)])

    def accuracy(self, w: np.ndarray, part: Part) -> float:
        """The share of the images whose digit has the highest score."""
        Z, _ = self._fwd(self.view(part.images), *self.parameters(w))
        return float(np.mean(Z.argmax(axis=1) == part.labels))
