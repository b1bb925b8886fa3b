"""Affine places: where they are known to stay, tried at every index of many sizes."""

from itertools import product

import pytest
from sympy import Integer, Symbol, floor

from derive.core.axes import Affine, Index

h, k, s = (Symbol(name, integer=True, positive=True) for name in "hks")
p = Symbol("p", integer=True, nonnegative=True)


def window(length, stride, padding=0, taps=k):
    """The place stride·y + u - padding of an axis of h entries, and the last entry less it."""
    y, u = Index("y", length), Index("u", taps)
    place = Affine.build([(y, stride), (u, 1)], -padding)
    return place, Affine((), h - 1) - place


INSIDE = {
    "pooled by two": window(floor(h / 2), 2, taps=Integer(2)),
    "stride 1": window(h - k + 1, 1),
    "any stride": window(floor((h - k) / s) + 1, s),
}
OUTSIDE = {
    "padded": window(floor((h + 2 * p - k) / s) + 1, s, p),
    "one window too many": window(floor((h - k) / s) + 2, s),
    "rounded up": window(floor((h + 1) / 2), 2, taps=Integer(2)),
}


def negative_somewhere(place: Affine) -> bool:
    for sizes in product(range(1, 8), range(1, 4), range(1, 4), range(3)):
        at = dict(zip((h, k, s, p), sizes, strict=True))
        lengths = [int(Integer(i.size).subs(at)) if i.size.is_number else int(i.size.subs(at)) for i, _ in place.terms]
        steps = [int(Integer(c) if isinstance(c, int) else c.subs(at)) for _, c in place.terms]
        constant = place.constant if isinstance(place.constant, int) else int(place.constant.subs(at))
        for indices in product(*map(range, lengths)):
            if constant + sum(c * i for c, i in zip(steps, indices, strict=True)) < 0:
                return True
    return False


@pytest.mark.parametrize("name", INSIDE)
def test_windows_that_fit_are_known_to_stay_inside(name):
    for place in INSIDE[name]:
        assert place.never_negative
        assert not negative_somewhere(place)


@pytest.mark.parametrize("name", OUTSIDE)
def test_windows_that_may_reach_beyond_are_not(name):
    assert not all(place.never_negative for place in OUTSIDE[name])
    assert any(negative_somewhere(place) for place in OUTSIDE[name])
