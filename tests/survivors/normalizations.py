"""The surviving mutants of the normalizations."""

from __future__ import annotations

from survivors.reasons import Table

GENERATED: Table = {}

HANDWRITTEN: Table = {}
