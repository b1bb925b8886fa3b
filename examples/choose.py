"""How the hyperparameters of the digits' models were chosen: by accuracy on validation digits, the test digits unseen.

    python examples/choose.py

Each setting that an example lists as `TRIED` is trained on the training digits alone, from three seeds. Of several that
are best, the first is taken.
"""

from itertools import product
from types import ModuleType

import numpy as np

from common.command import on_one_thread
from common.data import Digits, digits
from common.training import train
from digits import EXAMPLES

SEEDS = (0, 1, 2)


def settings(example: ModuleType) -> list[dict[str, float]]:
    """Every combination of the values that an example says were tried."""
    return [dict(zip(example.TRIED, values, strict=True)) for values in product(*example.TRIED.values())]


def validated(example: ModuleType, setting: dict[str, float], data: Digits) -> float:
    """The mean accuracy on the validation digits."""
    runs = [train(example.experiment(**setting), data.training, seed) for seed in SEEDS]
    return float(np.mean([trained.accuracy(data.validation) for trained in runs]))


def main() -> None:
    data = digits()
    for example in EXAMPLES:
        found = []
        for setting in settings(example):
            found.append(validated(example, setting, data))
            print(f"{found[-1]:.4f}  {example.__name__}: {shown(setting)}", flush=True)
        print(f"best: {shown(settings(example)[int(np.argmax(found))])}\n")


def shown(setting: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in setting.items())


if __name__ == "__main__":
    on_one_thread(main)
