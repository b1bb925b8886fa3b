"""A progress display: one line that fills on a terminal, a few plain lines anywhere else."""

import sys
from typing import TextIO

WIDTH = 24
LINES = 5


class Progress:
    """Counts `total` rounds of some work.

    with Progress("perceptron", 50) as progress:
        progress.advance("loss 0.1234")
    """

    def __init__(self, name: str, total: int, stream: TextIO | None = None):
        self.name, self.total, self.done = name, total, 0
        self.stream = stream or sys.stdout
        self.terminal = self.stream.isatty()

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        if self.terminal:
            self.stream.write("\n")

    def advance(self, said: str) -> None:
        """One more round is done, of which there is something to say."""
        self.done += 1
        if self.terminal:
            filled = WIDTH * self.done // self.total
            bar = "█" * filled + "░" * (WIDTH - filled)
            self.stream.write(f"\r{self.name} {bar} {self.done}/{self.total}  {said}\x1b[K")
        elif self.done * LINES // self.total > (self.done - 1) * LINES // self.total:
            self.stream.write(f"{self.name} {self.done}/{self.total}  {said}\n")
        self.stream.flush()
