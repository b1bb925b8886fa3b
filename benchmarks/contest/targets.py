"""What is to be reached, as rows: the ratio of the generated code's time to another contestant's, at most.

A target is missed where the 95 % interval of the ratio lies above it; where only the median does, it is open. Tiny
sizes are reported and not judged.
"""

from __future__ import annotations

from dataclasses import dataclass

from .cases import Case
from .intervals import Interval

CONVOLUTIONS = ("conv1d", "conv2d", "grouped_conv2d")
ATTENTIONS = ("attention", "causal_attention")
LOSSES = ("cross_entropy", "sparse_cross_entropy")
EVERYTHING = (
    "linear",
    "mlp4",
    *CONVOLUTIONS,
    "depthwise_conv2d",
    *ATTENTIONS,
    "layer_norm",
    *LOSSES,
    "transformer_block",
)


@dataclass(frozen=True)
class Target:
    """At most so many times what the contestant takes, on these layers."""

    contestant: str
    layers: tuple[str, ...]
    at_most: float
    # The generated form that is judged.
    form: str = "generated"
    # Only the large sizes of the table, or the small ones too.
    sizes: tuple[str, ...] = ("small", "large")


TARGETS = (
    Target("handwritten", EVERYTHING, 1.05),
    Target("handwritten blockwise", ATTENTIONS, 1.05, form="generated blockwise"),
    Target("autograd", EVERYTHING, 0.7),
    Target("torch", ("linear", "mlp4", *ATTENTIONS, "layer_norm", *LOSSES), 1.0),
    Target("torch", CONVOLUTIONS, 2.5),
    Target("torch", ("depthwise_conv2d",), 1.0),
    Target("torch fused", ATTENTIONS, 1.0, form="generated blockwise", sizes=("large",)),
    Target("jax", (*ATTENTIONS, "conv2d"), 1.0),
    Target("jax", ("linear", "mlp4"), 2.0),
    Target("jax", ("conv1d", "grouped_conv2d", "depthwise_conv2d", "layer_norm", *LOSSES, "transformer_block"), 1.5),
    Target("matrix products", ("linear", "mlp4"), 1.15),
)
# On the geometric mean over all cases that are judged.
GEOMETRIC_MEAN = ("handwritten", 1.0)


def target(case: Case, form: str, contestant: str) -> Target | None:
    """What is to be reached in a case by one generated form against a contestant; None where nothing is.

    >>> from .cases import linear
    >>> target(linear("large", 512, 1024, 1024), "generated", "jax").at_most
    2.0
    """
    for row in TARGETS:
        if (row.contestant, row.form) == (contestant, form) and case.layer in row.layers and case.size in row.sizes:
            return row
    return None


def verdict(ratio: Interval, at_most: float) -> str:
    """
    >>> [verdict(Interval(1.1, low, 1.2), 1.0) for low in (0.9, 1.05)]
    ['open', 'missed']
    """
    if ratio.median <= at_most:
        return "met"
    return "missed" if ratio.low > at_most else "open"
