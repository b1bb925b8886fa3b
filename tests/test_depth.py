"""Deriving and lowering a deep network takes work in proportion to its depth, and little time."""

import cProfile
import importlib.util
import pstats
import time
from functools import cache
from pathlib import Path

from derive.calculus.derivation import forget, gradients
from derive.lowering.render import numpy_source


@cache
def perceptron(depth):
    """The network of the benchmark of derivations."""
    path = Path(__file__).parents[1] / "benchmarks" / "derivation.py"
    spec = importlib.util.spec_from_file_location("benchmark_of_derivations", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.perceptron(depth)


def whole(depth):
    network = perceptron(depth)
    forget()
    return numpy_source(network, gradients=gradients(network))


def calls(depth):
    """How many functions are called: unlike the time, the same on every machine."""
    whole(2)
    profile = cProfile.Profile()
    profile.runcall(whole, depth)
    return pstats.Stats(profile).total_calls


def test_the_work_grows_with_the_depth():
    few, many = calls(12), calls(48)
    assert many < 5 * few


def test_sixty_four_layers_are_derived_and_lowered_in_two_seconds():
    whole(2)
    perceptron(64)
    start = time.process_time()
    source = whole(64)
    assert time.process_time() - start < 2
    assert source.count("= linear_bwd(") == 64
