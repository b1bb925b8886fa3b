"""What keeps NumPy from PyTorch's times: the least that a case is made of, part by part, beside PyTorch's whole.

    pip install -e '.[bench]' && python benchmarks/limits.py [--only attention,conv] [--threads 2]

Each part is timed by itself, in turns with all others and with PyTorch's whole forward and backward pass, in float32.
Of each, the fastest turn counts: this is about what is possible. A part's ratio is its time divided by PyTorch's: where
they come to more than 1, no program of NumPy's calls is as fast.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Sequence

from contest.threads import available_cores, limit_threads


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", metavar="WORDS", help="the cases of which the name holds one of these")
    parser.add_argument("--threads", type=int, default=min(2, available_cores()), help="default: %(default)s")
    options = parser.parse_args(arguments)
    limit_threads(options.threads)
    from contest.cases import selected
    from contest.machine import description
    from contest.parts import PARTS

    try:
        cases = [case for case in selected(options.only, "large") if case.layer in PARTS]
        measured = [(case, *timed(case)) for case in cases]
    except (ValueError, ImportError) as error:
        print(error, file=sys.stderr)
        return 2
    print(description(options.threads, available_cores()), end="\n\n")
    print("| case | against | made of at the least | its time | ratio |\n| --- | --- | --- | ---: | ---: |")
    for case, against, whole, parts in measured:
        for part, seconds in [*parts.items(), ("together", sum(parts.values()))]:
            cells = (case.name, f"{against} {1000 * whole:.1f} ms", part, f"{1000 * seconds:.1f} ms")
            print(f"| {' | '.join(cells)} | {seconds / whole:.2f} |")
    return 0


def timed(case) -> tuple[str, float, dict[str, float]]:
    """Whose whole time it is, that time, and those of the parts; of each the least."""
    from contest.contestants import contestant
    from contest.parts import PARTS
    from contest.running import task_of
    from contest.timing import Plan, rounds

    against = "torch fused" if "attention" in case.layer else "torch"
    whole = contestant(against).prepare(task_of(case, "float32", backward=True))
    found = rounds([dict(PARTS[case.layer](case)), {against: whole}], Plan(), random.Random(0))
    least = {name: min(seconds) for name, seconds in found.items()}
    return against, least.pop(against), least


if __name__ == "__main__":
    raise SystemExit(main())
