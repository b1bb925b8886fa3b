"""What the command of an example does: train on all digits but those of the test, and say what came of it."""

import argparse
import sys
from collections.abc import Callable

from common.data import digits
from common.progress import Progress
from common.training import Experiment, Trained, train


def run(experiment: Experiment, seed: int = 0) -> tuple[Trained, float]:
    """Train, showing the progress, and print the accuracy on the test digits."""
    data = digits()
    print(f"{experiment}, seed {seed}")
    with Progress(experiment.name, experiment.epochs) as progress:
        trained = train(experiment, data.both, seed, lambda loss: progress.advance(f"loss {loss:.4f}"))
    accuracy, held_out = trained.accuracy(data.test), len(data.test)
    wrong = round(held_out * (1 - accuracy))
    print(f"held-out accuracy {accuracy:.3f} ({wrong} of {held_out} wrong), seed {seed}, {trained.seconds:.1f} s")
    return trained, accuracy


def on_one_thread(work: Callable[[], object]) -> None:
    """Do the work; matrices as small as these are multiplied faster by one thread than by several."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        work()


def parser(description: str | None) -> argparse.ArgumentParser:
    """The options that all commands share; the description is the first line of a module's docstring."""
    parser = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    parser.add_argument("--seed", type=int, default=0, help="for everything that is drawn at random")
    return parser


def main(experiment: Callable[[], Experiment]) -> None:
    options = parser(sys.modules["__main__"].__doc__).parse_args()
    on_one_thread(lambda: run(experiment(), options.seed))
