"""Logistic regression on handwritten digits: one linear layer of the catalogue and its cross-entropy, by plain descent.

    python examples/logistic_regression.py

The loss is convex, so that it can start from zero, and nothing but the step decides how it goes.
"""

from common.command import main
from common.model import Model, constant
from common.optimizers import gradient_descent
from common.training import Experiment
from derive import load

TRIED = {"rate": (0.1, 0.3, 1.0), "epochs": (50, 100)}


def experiment(rate: float = 1.0, epochs: int = 50) -> Experiment:
    model = Model(load("linear"), [constant(0, 64, 10), constant(0, 10)])
    return Experiment("logistic regression", model, gradient_descent, {"rate": rate}, epochs)


if __name__ == "__main__":
    main(experiment)
