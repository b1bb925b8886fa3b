"""The mutants that no witness notices, by reason: (function, part of a line, the same part in the mutant)."""

from __future__ import annotations

from survivors import (
    activations,
    attentions,
    convolutions,
    helpers,
    linear_maps,
    losses,
    networks,
    normalizations,
    pooling,
    subspaces,
)
from survivors.reasons import *
from survivors.reasons import Row, Table

FAMILIES = (
    activations,
    attentions,
    convolutions,
    helpers,
    linear_maps,
    losses,
    networks,
    normalizations,
    pooling,
    subspaces,
)


def joined(tables: list[Table]) -> Table:
    """One table of several: the rows of each reason one behind the other."""
    found: dict[str, tuple[Row, ...]] = {}
    for table in tables:
        for reason, rows in table.items():
            found[reason] = found.get(reason, ()) + rows
    return found


GENERATED = joined([family.GENERATED for family in FAMILIES])
HANDWRITTEN = joined([family.HANDWRITTEN for family in FAMILIES])
SUBLAYERS = networks.SUBLAYERS
