"""Generated functions at their doors: what does not fit is rejected, and argument, axis and both sizes are named."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache

import numpy as np
import own_layers
import pytest

import numeric
from derive.calculus.derivation import gradients
from derive.core.axes import Index
from derive.core.layer import Layer, Symbol
from derive.loading import all_layers, load_all
from derive.lowering.lower import residuals_of
from derive.lowering.render import compiled
from derive.witnesses.evidence import cotangent_symbols
from derive.witnesses.sampling import Case, cases

CATALOGUE = all_layers()
LAYERS = CATALOGUE | {layer.name: layer for layer in load_all(own_layers.__file__)}
module_of = cache(lambda name: compiled(LAYERS[name]))


@cache
def small_case(layer: Layer) -> Case:
    """The first case: with one leading axis, if the layer has any, and the options at their defaults."""
    return cases(layer, work=20_000, first=1)[0]


def case_of(name: str) -> Case:
    return small_case(LAYERS[name])


def forward(name: str, suffix: str, **changed):
    return getattr(module_of(name), name + suffix)(*{**case_of(name).arguments, **changed}.values())


def longer(array: np.ndarray, axis: int) -> np.ndarray:
    """The array with one entry more along an axis."""
    return np.concatenate([array, array.take([0], axis)], axis)


def shared_axes(layer: Layer) -> list[tuple[Symbol, int]]:
    """The axes of the arguments whose size is that of another axis too."""
    sizes = Counter(index.size for symbol in layer.arguments for index in symbol.axes)
    return [(s, n) for s in layer.arguments for n, i in enumerate(s.axes) if i.size.is_Symbol and sizes[i.size] > 1]


SHARED = [
    pytest.param(name, symbol, axis, id=f"{name} {symbol.name} {symbol.axes[axis].name}")
    for name, layer in LAYERS.items()
    for symbol, axis in shared_axes(layer)
]


def measured_axes(layer: Layer) -> Iterator[tuple[int, int, Index]]:
    """The axes of the cotangents that are compared, by the cotangent's number and the axis's.

    What is handed back for the backward function may not tell how many leading axes there were.
    """
    told = {index for symbol in residuals_of(gradients(layer)) for index in symbol.axes}
    for number, symbol in enumerate(layer.output_symbols):
        yield from ((number, axis, i) for axis, i in enumerate(symbol.axes) if not i.leading or i in told)


@pytest.mark.parametrize("name, symbol, axis", SHARED)
@pytest.mark.parametrize("suffix", ["", "_fwd"])
def test_an_argument_of_another_size_is_rejected(name, symbol, axis, suffix):
    changed = longer(case_of(name).arguments[symbol.name], axis)
    with pytest.raises(ValueError, match=rf"^{name}: axis ") as raised:
        forward(name, suffix, **{symbol.name: changed})
    size = symbol.axes[axis].size
    candidates = [s.name for s in LAYERS[name].arguments if any(index.size == size for index in s.axes)]
    pattern = rf"axis (\S+) of ({'|'.join(candidates)}) has size (\S+), expected (\S+?)( \(|\.$)"
    found = re.search(pattern, str(raised.value))
    assert found and found[3].strip("(,)") != found[4].strip("(,)"), raised.value


@pytest.mark.parametrize("name", LAYERS)
def test_a_cotangent_of_another_size_is_rejected(name):
    case = case_of(name)
    _, residuals = forward(name, "_fwd")
    for number, axis, index in measured_axes(LAYERS[name]):
        symbol = cotangent_symbols(gradients(LAYERS[name]))[number]
        cotangents = list(case.cotangents)
        cotangents[number] = longer(cotangents[number], axis)
        place = rf"axis {re.escape(index.name)} of {symbol.name} has size"
        with pytest.raises(ValueError, match=rf"^{name}_bwd: {place} .*expected "):
            getattr(module_of(name), f"{name}_bwd")(residuals, *cotangents)


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_cotangent_of_another_shape_is_rejected_by_handwritten_code(name):
    """By the function itself, or by the one that it calls."""
    case = small_case(CATALOGUE[name])
    _, residuals = getattr(numeric, f"{name}_fwd")(*case.arguments.values())
    for number, right in enumerate(case.cotangents):
        one_more = right[..., None].repeat(2, axis=-1)
        for wrong in (one_more, *(longer(right, axis) for axis in range(right.ndim))):
            cotangents = [*case.cotangents[:number], wrong, *case.cotangents[number + 1 :]]
            with pytest.raises(ValueError, match=r"^\w+_bwd: d\w+[,:]"):
                getattr(numeric, f"{name}_bwd")(residuals, *cotangents)


@pytest.mark.parametrize("name", [name for name, layer in LAYERS.items() if layer.arguments[0].axes])
def test_an_argument_with_another_number_of_axes_is_rejected(name):
    symbol = LAYERS[name].arguments[0]
    array = case_of(name).arguments[symbol.name]
    if not any(index.leading for index in symbol.axes):
        with pytest.raises(ValueError, match=rf"^{name}: {symbol.name}\[.*\] has shape .*, expected {array.ndim} axes"):
            forward(name, "", **{symbol.name: array[None]})
    named = sum(not index.leading for index in symbol.axes)
    if named:
        with pytest.raises(ValueError, match=rf"^{name}: {symbol.name}\[.*\] has shape .*, expected .*{named} axes"):
            forward(name, "", **{symbol.name: np.ones(array.shape[array.ndim - named + 1 :])})


OPTIONS = [("stride", 0, 1), ("padding", -1, 0), ("dilation", 0, 1)]


@pytest.mark.parametrize("name", ["conv1d", "toeplitz"])
@pytest.mark.parametrize("option, value, least", OPTIONS + [("stride", True, 1), ("padding", 1.5, 0)])
def test_an_option_that_is_no_integer_or_too_small_is_rejected(name, option, value, least):
    case, module = case_of(name), module_of(name)
    _, residuals = forward(name, "_fwd")
    message = rf": {option} is {re.escape(repr(value))}, expected an integer of at least {least}"
    for suffix in ("", "_fwd"):
        with pytest.raises(ValueError, match=f"^{name}{message}"):
            getattr(module, name + suffix)(*case.arguments.values(), **{option: value})
    with pytest.raises(ValueError, match=f"^{name}_bwd{message}"):
        getattr(module, f"{name}_bwd")(residuals, *case.cotangents, **{option: value})


@pytest.mark.parametrize("name, output", [("conv1d", "Y"), ("toeplitz", "y")])
def test_an_output_that_would_be_empty_is_rejected(name, output):
    for suffix in ("", "_fwd"):
        with pytest.raises(
            ValueError, match=rf"^{name}: axis t of {output} would have size -?\d+, expected at least 1"
        ):
            getattr(module_of(name), name + suffix)(*case_of(name).arguments.values(), dilation=9)
