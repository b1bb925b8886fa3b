"""Code against the oracle: what was generated, what somebody wrote by hand, and the blockwise form."""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

import numpy as np

import numeric
from derive.core.layer import Layer, Symbol
from derive.loading import all_layers
from derive.witnesses.entries import Array
from derive.witnesses.evidence import Code, Evidence, arrays, has_layer
from derive.witnesses.tally import TOLERANCES, Tally

# Rows and columns of a block.
BLOCKS = (1, 2, 3, 1000)


def compare(
    tally: Tally,
    witness: str,
    symbol: Symbol,
    actual: Any,
    expected: Array,
    at: object,
    *,
    row: str = "",
    size: float = 1.0,
) -> None:
    """Compare two arrays of one value; `row` names the row of tolerances where it is not the witness's own.

    `size` is how large entries are here, where that is not about 1.
    """
    tolerance, floor = TOLERANCES[row or witness]
    actual = np.asarray(actual)
    if actual.dtype.kind not in "biufc":
        tally.broke(witness, [symbol], f"{symbol.name} is not an array of numbers", at)
        return
    found = numeric.compare(actual, expected, tolerance=tolerance, name=symbol.name, floor=floor * size)
    tally.compared(witness, symbol, found, at)


def generated_code(evidence: Evidence) -> None:
    """As it is, and where it goes through its arrays a few items at a time, by single ones: data here are small."""
    compare_code(evidence, "generated code", evidence.generated, "float64")
    single = by_single_items(evidence.generated, evidence.layer)
    if single is not None:
        compare_code(evidence, "generated code", single, "float64")


def generated_float32(evidence: Evidence) -> None:
    compare_code(evidence, "generated code, float32", evidence.generated, "float32")


def handwritten_code(evidence: Evidence) -> None:
    """Only for layers of the catalogue: somebody's own layer may share a name and mean another thing."""
    layer = evidence.layer
    if all_layers().get(layer.name) is layer and has_layer(numeric, layer):
        compare_code(evidence, "handwritten code", Code.of(numeric, layer.name), "float64")


def blockwise_code(evidence: Evidence) -> None:
    """Blocks of one row, of sizes that divide an axis and that do not, and one block for all."""
    if evidence.blockwise is not None:
        for block in BLOCKS:
            code = in_blocks(evidence.blockwise, evidence.layer, block)
            compare_code(evidence, "blockwise code", code, "float64")


def blockwise_float32(evidence: Evidence) -> None:
    if evidence.blockwise is not None:
        code = in_blocks(evidence.blockwise, evidence.layer, BLOCKS[1])
        compare_code(evidence, "blockwise code, float32", code, "float32")


def by_single_items(code: Code, layer: Layer) -> Code | None:
    """The same functions, for which items are so large that there is one at a time."""
    from derive.lowering.render import loaded

    source = getattr(code.plain, "__globals__", {}).get("__source__", "")
    if "_portions(" not in source:
        return None
    module = loaded(layer.name, source)
    portions = module.__dict__["_portions"]
    module.__dict__["_portions"] = lambda leading, entries: portions(leading, sys.maxsize)
    return Code.of(module, layer.name)


def in_blocks(module: Any, layer: Layer, block: int) -> Code:
    """The functions of a blockwise form, for blocks of one size."""
    code = Code.of(module, layer.name)
    return Code(*(partial(f, block=block) for f in (code.plain, code.forward, code.backward)))


def compare_code(evidence: Evidence, witness: str, code: Code, dtype: str) -> None:
    """Outputs and gradients of some code against the oracle."""
    outputs = evidence.layer.output_symbols
    symbols = (*outputs, *evidence.gradient_symbols)
    for case, derived in zip(evidence.cases, evidence.derived, strict=True):
        try:
            plain = arrays(code.outputs(case, dtype), outputs)
            values = arrays(code.outputs_and_gradients(case, case.cotangents, dtype), symbols)
        except Exception as error:
            # Whatever the code under test raises is what the check has found.
            evidence.tally.broke(witness, symbols, error, case)
            continue
        expected = (*case.outputs, *case.outputs, *derived)
        for symbol, value, reference in zip((*outputs, *symbols), (*plain, *values), expected, strict=True):
            if value.dtype != dtype:
                what = f"{symbol.name} is {value.dtype} for arguments in {dtype}"
                evidence.tally.broke(witness, [symbol], what, case)
            compare(evidence.tally, witness, symbol, value, reference, case)
