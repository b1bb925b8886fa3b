"""What is computed: layers at given sizes, and their inputs.

A case is `tiny` where Python's own time counts for more than NumPy's: it is reported, and not judged.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

Array = np.ndarray
Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Case:
    """A layer at one size: the shape of each argument, in their order, and the options."""

    layer: str
    label: str
    size: str
    shapes: Shapes
    options: Mapping[str, int] = field(default_factory=dict)
    # The arguments that are no floating-point tensors: name -> number of classes.
    classes: Mapping[str, int] = field(default_factory=dict)
    # The arguments whose rows are probabilities.
    probabilities: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.layer} {self.label}"

    @property
    def floating(self) -> tuple[int, ...]:
        """The places of the arguments that have a gradient."""
        return tuple(n for n, name in enumerate(self.shapes) if name not in self.classes)

    def draw(self, dtype: np.dtype, seed: int = 0) -> list[Array]:
        """The arguments. Weights and inputs have entries of the size that training keeps them at."""
        rng = np.random.default_rng(seed)
        return [self._argument(name, shape, dtype, rng) for name, shape in self.shapes.items()]

    def _argument(self, name: str, shape: tuple[int, ...], dtype: np.dtype, rng: np.random.Generator) -> Array:
        if name in self.classes:
            return rng.integers(self.classes[name], size=shape)
        if name in self.probabilities:
            weights = rng.random(shape)
            return (weights / weights.sum(axis=-1, keepdims=True)).astype(dtype)
        # The variance of a sum of products stays near 1.
        fan_in = math.prod(shape[self._fan_in(name)]) if name.startswith("W") else 1
        return (rng.standard_normal(shape) / math.sqrt(fan_in)).astype(dtype)

    def _fan_in(self, name: str) -> slice:
        """Where the axes that are summed over stand in the shape of a weight."""
        if "conv" not in self.layer:
            return slice(0, -1) if name == "W_O" else slice(0, 1)
        return slice(-2, None) if "depthwise" in self.layer else slice(-3, None)


def linear(size: str, rows: int, width: int, out: int) -> Case:
    shapes = {"X": (rows, width), "W": (width, out), "b": (out,)}
    return Case("linear", f"{rows}x{width}x{out}", size, shapes)


def mlp(size: str, rows: int, widths: tuple[int, int, int, int, int]) -> Case:
    shapes: dict[str, tuple[int, ...]] = {"X": (rows, widths[0])}
    for n in range(4):
        shapes |= {f"W{n + 1}": widths[n : n + 2], f"b{n + 1}": (widths[n + 1],)}
    return Case("mlp4", f"{rows}x" + "-".join(map(str, widths)), size, shapes)


def conv1d(size: str, images: int, channels: int, length: int, out: int, taps: int) -> Case:
    shapes = {"X": (images, channels, length), "W": (out, channels, taps), "b": (out,)}
    return Case("conv1d", f"{images}x{channels}x{length}, {out}x{taps}", size, shapes, {"padding": taps // 2})


def conv2d(size: str, images: int, channels: int, side: int, out: int, taps: int, stride: int = 1) -> Case:
    shapes = {"X": (images, channels, side, side), "W": (out, channels, taps, taps), "b": (out,)}
    label = f"{images}x{channels}x{side}x{side}, {out}x{taps}x{taps}" + (f", stride {stride}" if stride > 1 else "")
    return Case("conv2d", label, size, shapes, {"stride": stride, "padding": taps // 2})


def grouped_conv2d(size: str, images: int, groups: int, channels: int, side: int, out: int, taps: int) -> Case:
    shapes = {
        "X": (images, groups, channels, side, side),
        "W": (groups, out, channels, taps, taps),
        "b": (groups, out),
    }
    label = f"{images}x{groups}x{channels}x{side}x{side}, {out}x{taps}x{taps}"
    return Case("grouped_conv2d", label, size, shapes, {"stride": 1, "padding": taps // 2})


def depthwise_conv2d(size: str, images: int, channels: int, side: int, taps: int) -> Case:
    shapes = {"X": (images, channels, side, side), "W": (channels, taps, taps), "b": (channels,)}
    label = f"{images}x{channels}x{side}x{side}, {taps}x{taps}"
    return Case("depthwise_conv2d", label, size, shapes, {"stride": 1, "padding": taps // 2})


def attention(size: str, front: tuple[int, int], positions: int, width: int, layer: str = "attention") -> Case:
    shapes = dict.fromkeys("QKV", (*front, positions, width))
    return Case(layer, f"{front[0]}x{front[1]}x{positions}x{width}", size, shapes)


def layer_norm(size: str, rows: int, width: int) -> Case:
    return Case("layer_norm", f"{rows}x{width}", size, {"X": (rows, width), "gamma": (width,), "beta": (width,)})


def cross_entropy(size: str, rows: int, classes: int) -> Case:
    shapes = dict.fromkeys("ZT", (rows, classes))
    return Case("cross_entropy", f"{rows}x{classes}", size, shapes, probabilities=("T",))


def sparse_cross_entropy(size: str, rows: int, classes: int) -> Case:
    shapes = {"Z": (rows, classes), "label": (rows,)}
    return Case("sparse_cross_entropy", f"{rows}x{classes}", size, shapes, classes={"label": classes})


def transformer_block(size: str, texts: int, positions: int, width: int, heads: int) -> Case:
    head = (width, heads, width // heads)
    shapes = {
        "X": (texts, positions, width), "gamma1": (width,), "beta1": (width,),
        "W_Q": head, "W_K": head, "W_V": head, "W_O": (heads, width // heads, width),
        "gamma2": (width,), "beta2": (width,),
        "W1": (width, 4 * width), "b1": (4 * width,), "W2": (4 * width, width), "b2": (width,),
    }  # fmt: skip
    return Case("transformer_block", f"{texts}x{positions}x{width}, {heads} heads", size, shapes)


CASES = (
    linear("tiny", 4, 8, 8),
    linear("small", 64, 256, 256),
    linear("large", 512, 1024, 1024),
    mlp("small", 64, (256, 256, 256, 256, 10)),
    mlp("large", 512, (784, 1024, 1024, 1024, 10)),
    conv1d("small", 4, 16, 256, 32, 5),
    conv1d("large", 8, 64, 2048, 64, 5),
    conv2d("small", 2, 16, 28, 32, 3),
    conv2d("large", 8, 32, 56, 64, 3),
    conv2d("large", 8, 32, 28, 64, 5),
    conv2d("large", 8, 32, 56, 64, 3, stride=2),
    grouped_conv2d("large", 8, 4, 16, 28, 16, 3),
    depthwise_conv2d("small", 2, 32, 28, 3),
    depthwise_conv2d("large", 8, 64, 56, 3),
    attention("tiny", (1, 1), 8, 8),
    attention("small", (2, 8), 64, 64),
    attention("large", (2, 8), 512, 64),
    attention("large", (1, 4), 2048, 64),
    attention("large", (2, 8), 512, 64, "causal_attention"),
    attention("large", (1, 4), 2048, 64, "causal_attention"),
    layer_norm("tiny", 4, 8),
    layer_norm("small", 128, 256),
    layer_norm("large", 4096, 1024),
    cross_entropy("small", 128, 100),
    cross_entropy("large", 2048, 1000),
    sparse_cross_entropy("small", 128, 100),
    sparse_cross_entropy("large", 2048, 1000),
    transformer_block("small", 2, 64, 128, 4),
    transformer_block("large", 2, 512, 512, 8),
)


def selected(only: str | None = None, size: str | None = None) -> tuple[Case, ...]:
    """The cases of that size of which the name holds one of the words, which are set apart by commas.

    A ValueError where there are none for a word.

    >>> [case.name for case in selected("layer_norm 4x")]
    ['layer_norm 4x8']
    """
    cases = tuple(case for case in CASES if size in (None, case.size))
    if only is None:
        return cases
    words = [word.strip() for word in only.split(",")]
    for word in words:
        if not word or not any(word in case.name for case in cases):
            names = ", ".join(dict.fromkeys(case.layer for case in cases))
            raise ValueError(f"--only {only}: no case has {word!r} in its name. There are: {names}.")
    return tuple(case for case in cases if any(word in case.name for word in words))
