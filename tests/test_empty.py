"""Nothing over the leading axes: arrays of that shape, and sums of nothing, which are 0."""

import numpy as np
import pytest

import numeric
from derive.core.axes import LEADING_SIZE
from derive.core.layer import Layer, Role
from derive.loading import all_layers
from derive.lowering.render import compiled
from derive.witnesses.evidence import tupled
from derive.witnesses.sampling import DATA, Case, choose_sizes, filled_case, option_settings

LAYERS = {name: layer for name, layer in all_layers().items() if layer.has_leading}
# Statistics of nothing are no numbers.
pytestmark = pytest.mark.filterwarnings("ignore:Mean of empty slice:RuntimeWarning")
GROUPS = [(0,), (2, 0), (0, 3)]


def one_item(layer: Layer) -> Case:
    rng, options = np.random.default_rng(1), next(option_settings(layer))
    sizes = choose_sizes(layer, options, (1,), rng) or {}
    return filled_case(layer, {**sizes, LEADING_SIZE.name: 1}, (1,), options, DATA[1], rng)


def without_items(layer: Layer, group: tuple[int, ...]) -> list[np.ndarray]:
    arrays = zip(layer.arguments, map(np.asarray, one_item(layer).arguments.values()), strict=True)
    return [np.zeros((*group, *a.shape[1:]), a.dtype) if s.axes and s.axes[0].leading else a for s, a in arrays]


def passed(code, layer: Layer, group: tuple[int, ...]) -> None:
    """Both functions run, and give what has the shapes of what they are given."""
    arguments = without_items(layer, group)
    with np.errstate(all="ignore"):
        outputs, residuals = getattr(code, f"{layer.name}_fwd")(*arguments)
        for symbol, output in zip(layer.output_symbols, tupled(outputs), strict=True):
            if symbol.axes and symbol.axes[0].leading:
                assert np.shape(output)[: len(group)] == group
        cotangents = [np.zeros_like(o) for o in tupled(outputs)]
        found = tupled(getattr(code, f"{layer.name}_bwd")(residuals, *cotangents))
    given = [(s, a) for s, a in zip(layer.arguments, arguments, strict=True) if s.into is None]
    for (symbol, argument), gradient in zip(given, found, strict=True):
        assert gradient.shape == argument.shape
        if symbol.role is Role.PARAMETER:
            assert not np.any(gradient)


@pytest.mark.parametrize("group", GROUPS, ids=str)
@pytest.mark.parametrize("name", LAYERS)
def test_generated_code_takes_no_items(name, group):
    passed(compiled(LAYERS[name]), LAYERS[name], group)


@pytest.mark.parametrize("group", GROUPS, ids=str)
@pytest.mark.parametrize("name", LAYERS)
def test_handwritten_code_takes_no_items(name, group):
    """Or says that a mean of nothing is none."""
    layer = LAYERS[name]
    if layer.scalar:
        with pytest.raises(ValueError, match="expected at least 1 entry"):
            passed(numeric, layer, group)
    else:
        passed(numeric, layer, group)
