"""What the command of an example does: train on all digits but those of the test, and say what came of it."""

import argparse
import sys
from collections.abc import Callable

from common.data import digits
from common.progress import Progress
from common.training import Experiment, Trained, train


def run(experiment: Experiment, seed: int = 0) -> tuple[Trained, float]:
    """Train, showing the progress, and print the accuracy on the test digits."""
    from threadpoolctl import threadpool_limits

    data = digits()
    print(f"{experiment}, seed {seed}")
    # Matrices as small as these are multiplied faster by one thread than by several.
    with threadpool_limits(1), Progress(experiment.name, experiment.epochs) as progress:
        trained = train(experiment, data.both, seed, lambda loss: progress.advance(f"loss {loss:.4f}"))
    accuracy, held_out = trained.accuracy(data.test), len(data.test)
    wrong = round(held_out * (1 - accuracy))
    print(f"held-out accuracy {accuracy:.3f} ({wrong} of {held_out} wrong), seed {seed}, {trained.seconds:.1f} s\n")
    return trained, accuracy


def parser(description: str | None) -> argparse.ArgumentParser:
    """The options that all commands share; the description is the first line of a module's docstring."""
    parser = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    parser.add_argument("--seed", type=int, default=0, help="where training starts, and the order of the images")
    return parser


def main(experiment: Callable[[], Experiment]) -> None:
    options = parser(sys.modules["__main__"].__doc__).parse_args()
    run(experiment(), options.seed)
