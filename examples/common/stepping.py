"""An optimizer at work: the generated code of its equations, and the state that it keeps from step to step."""

from collections.abc import Callable

import numpy as np

from derive import compiled
from derive.core.layer import Layer


class Optimizer:
    """A layer of `optimizers` and its options; `step(w, g)` gives the next parameters and keeps the state."""

    def __init__(self, of: Layer, **options: float):
        self.name, self.options = of.name, options
        self._states = [bool(symbol.axes) for symbol in of.arguments[2:]]
        self.forward: Callable = getattr(compiled(of), f"{of.name}_fwd")
        self._state: list[np.ndarray] | None = None

    def step(self, w: np.ndarray, g: np.ndarray) -> np.ndarray:
        if self._state is None:
            self._state = [np.zeros(w.shape if shaped else (), w.dtype) for shaped in self._states]
        after, _ = self.forward(w, g, *self._state, **self.options)
        w, *self._state = after if isinstance(after, tuple) else (after,)
        return w
