"""Random layers through the whole line: none may raise, and every value agrees with the oracle and its derivatives.

DERIVE_RANDOM_LAYERS says how many valid ones are drawn (200 if it is not set), DERIVE_RANDOM_SEED makes them others,
and with DERIVE_RANDOM_SHRINK the example of a failure is made as small as can be.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from strategies import MISTAKES, layers, spoiled_layers
from strategies.layers import shares
from strategies.source import build
from whole_line import through_the_line

from derive.calculus.derivation import gradients
from derive.errors import DeriveError

COUNT = int(os.environ.get("DERIVE_RANDOM_LAYERS", "200"))
SEED = os.environ.get("DERIVE_RANDOM_SEED")
LEAST_SHARE = 20
MODEST_SHARE = 5
MODEST = ("positions", "maxima over axes")
SHARES = ("affine reads", "conditions", "a tensor read twice", "several equations", "a sublayer")

drawing = settings(
    database=None,
    deadline=None,
    derandomize=SEED is None,
    suppress_health_check=list(HealthCheck),
    # Shrinking takes minutes: it is for the desk.
    phases=[Phase.generate, Phase.shrink] if "DERIVE_RANDOM_SHRINK" in os.environ else [Phase.generate],
    print_blob=False,
)


def seeded(test):
    return test if SEED is None else seed(int(SEED))(test)


def test_random_layers(capsys):
    """Valid layers derive, print, lower and agree; the shares of what they contain are printed."""
    found: Counter[str] = Counter()
    texts: set[str] = set()

    @seeded
    @settings(drawing, max_examples=2 * COUNT)
    @given(layers())
    def drive(drawn):
        # Some are drawn more than once.
        if drawn.text in texts or len(texts) == COUNT:
            return
        layer = build(drawn.text)
        through_the_line(layer)
        texts.add(drawn.text)
        found.update(shares(drawn, layer))

    drive()
    total = len(texts)
    percent = {name: round(100 * count / total) for name, count in found.most_common()}
    with capsys.disabled():
        print(f"\n{total} random layers: " + ", ".join(f"{name} {share} %" for name, share in percent.items()))
    assert total == COUNT
    assert all(percent[name] >= LEAST_SHARE for name in SHARES), percent
    assert all(percent[name] >= MODEST_SHARE for name in MODEST), percent


def test_random_gradients_are_layers():
    """The gradient of a layer is a layer: it goes through the line itself, and so gives second derivatives."""

    @seeded
    @settings(drawing, max_examples=max(10, COUNT // 20))
    @given(layers())
    def drive(drawn):
        through_the_line(gradients(build(drawn.text)).backward)

    drive()


@pytest.mark.parametrize("mistake", MISTAKES)
def test_random_mistakes(mistake):
    """A layer with a mistake is refused, and by an error that is meant for the person who made it."""
    texts = set()

    @seeded
    @settings(drawing, max_examples=max(10, COUNT // 20))
    @given(spoiled_layers(mistake))
    def drive(spoiled):
        texts.add(spoiled.text)
        with pytest.raises(DeriveError) as caught:
            build(spoiled.text)
        assert str(caught.value).endswith((".", "…"))
        assert "object at 0x" not in str(caught.value)

    drive()
    assert len(texts) >= 8
