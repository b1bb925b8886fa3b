"""The 1797 handwritten digits that scikit-learn ships, in three parts that never change.

The parts are drawn at random, and scikit-learn's copy does not say who wrote what: the same hands wrote digits of all
three. Accuracy on the test digits is accuracy on new digits by known hands.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike


@dataclass(frozen=True)
class Part:
    """Images as rows of 64 brightnesses between 0 and 1, and the digits that they show."""

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Digits:
    """To choose among models, train on `training` and judge on `validation`; at the end, `both` and `test`."""

    training: Part
    validation: Part
    both: Part
    test: Part


def digits(dtype: DTypeLike = np.float32) -> Digits:
    """Three fifths of the images for training, one fifth for validation, one fifth for the test."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(1).permutation(len(labels))
    images, labels = (images[order] / 16).astype(dtype), labels[order]
    a, b = len(labels) * 3 // 5, len(labels) * 4 // 5
    parts = (slice(0, a), slice(a, b), slice(0, b), slice(b, None))
    return Digits(*(Part(images[part], labels[part]) for part in parts))


def centred() -> np.ndarray:
    """All images as rows of brightnesses about their mean, in double precision."""
    from sklearn.datasets import load_digits

    images = load_digits().data / 16
    return images - images.mean(axis=0)


def covariance() -> np.ndarray:
    X = centred()
    return X.T @ X / len(X)
