"""The training loop: small batches in random order, a gradient and a step for each."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from common.data import Part
from common.model import Model
from common.stepping import Optimizer
from derive.core.layer import Layer


@dataclass(frozen=True)
class Experiment:
    """A model and how it is trained."""

    name: str
    model: Model
    optimizer: Layer
    options: Mapping[str, float]
    epochs: int
    batch: int = 32

    def __str__(self) -> str:
        options = ", ".join(f"{name} {value:g}" for name, value in self.options.items())
        return f"{self.name}: {self.optimizer.name} ({options}), {self.epochs} epochs in batches of {self.batch}"


@dataclass(frozen=True)
class Trained:
    """The parameters at the end, the mean loss in each epoch, and how long the loop took."""

    experiment: Experiment
    w: np.ndarray
    losses: tuple[float, ...]
    seconds: float

    def accuracy(self, part: Part) -> float:
        return self.experiment.model.accuracy(self.w, part)


def batches(part: Part, size: int, rng: np.random.Generator) -> Iterator[Part]:
    """Every image once, in random order, a few at a time."""
    order = rng.permutation(len(part))
    for some in np.split(order, range(size, len(order), size)):
        yield Part(part.images[some], part.labels[some])


def train(
    experiment: Experiment, part: Part, seed: int = 0, after_epoch: Callable[[float], None] = lambda loss: None
) -> Trained:
    """Run an experiment on some images. The seed decides where it starts and the order of the images."""
    rng, model = np.random.default_rng(seed), experiment.model
    optimizer, w = Optimizer(experiment.optimizer, **experiment.options), model.start(rng, part.images.dtype)
    losses = []
    begun = time.perf_counter()
    for _ in range(experiment.epochs):
        total = 0.0
        for batch in batches(part, experiment.batch, rng):
            loss, g = model.gradient(w, batch)
            w = optimizer.step(w, g)
            total += loss * len(batch)
        losses.append(total / len(part))
        after_epoch(losses[-1])
    return Trained(experiment, w, tuple(losses), time.perf_counter() - begun)
