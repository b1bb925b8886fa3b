"""A multilayer perceptron on handwritten digits: the catalogue's layer of that name, by gradient descent with momentum.

python examples/perceptron.py
"""

from common.command import main
from common.model import Model, constant, weights
from common.optimizers import momentum
from common.training import Experiment
from derive import load

TRIED = {"hidden": (64, 128), "rate": (0.02, 0.05, 0.1)}


def experiment(hidden: int = 128, rate: float = 0.05, epochs: int = 50) -> Experiment:
    start = [weights(64, hidden), constant(0, hidden), weights(hidden, 10), constant(0, 10)]
    return Experiment("perceptron", Model(load("mlp"), start), momentum, {"rate": rate, "memory": 0.9}, epochs)


if __name__ == "__main__":
    main(experiment)
