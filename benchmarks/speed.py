"""How fast the generated code is, against everything that one would use instead, side by side in one process.

    pip install -e '.[bench]' && python benchmarks/speed.py [--json FILE] [--picture FILE] [--markdown FILE]
    python benchmarks/speed.py --only linear,attention --quick

Contestants: the generated code; the handwritten functions of `numeric/`; the same work's matrix products alone;
HIPS autograd; PyTorch on the CPU, eager and with its fused attention; JAX with jit on the CPU. Those that are not
installed are left out, and named. All have as many threads, compute the same from the same arrays, which is checked
first, and take turns in each round. A ratio is the generated code's time divided by the other's: below 1 the generated
code is the faster. `*` marks a target that is missed, that is, the 95 % interval of the ratio lies above it; `?` one
where the median does but not the interval.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from contest.threads import available_cores, limit_threads

if TYPE_CHECKING:
    from contest.cases import Case


def positive(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a number of at least 1, given {text!r}")
    return number


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--only", metavar="WORDS", help="the cases of which the name holds one of these, e.g. linear,conv"
    )
    parser.add_argument("--without", metavar="NAMES", default="", help="contestants to leave out, e.g. jax,autograd")
    parser.add_argument("--size", choices=("tiny", "small", "large"), help="only cases of that size")
    parser.add_argument("--dtype", choices=("float32", "float64"), help="only that precision")
    parser.add_argument("--threads", type=positive, default=min(2, available_cores()), help="default: %(default)s")
    parser.add_argument(
        "--clock", choices=("wall", "cpu"), default="wall", help="cpu: where others use the machine too"
    )
    parser.add_argument("--rounds", type=positive, default=15, help="at most so many, default: %(default)s")
    parser.add_argument("--no-memory", action="store_true", help="leave out the peaks of memory")
    parser.add_argument("--quick", action="store_true", help="seven rounds of at most half a second for each case")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write everything measured as JSON")
    parser.add_argument("--markdown", metavar="FILE", type=Path, help="write the table of both passes in Markdown")
    parser.add_argument("--picture", metavar="FILE", type=Path, help="draw the ratios (needs matplotlib)")
    options = parser.parse_args(arguments)
    if options.picture and not find_spec("matplotlib"):
        parser.error("--picture needs matplotlib: pip install -e '.[bench]'")
    for file in (options.json, options.markdown, options.picture):
        if file is not None and not file.resolve().parent.is_dir():
            parser.error(f"{file}: there is no folder {file.resolve().parent}")
    if options.threads > available_cores():
        parser.error(f"--threads {options.threads}: this process may use {available_cores()} cores")
    if options.clock == "cpu" and options.threads > 1:
        parser.error("--clock cpu adds up the time of all threads: it goes with --threads 1")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    options = parsed(arguments)
    cores = available_cores()
    limit_threads(options.threads)
    # From here on NumPy may be imported.
    from contest.agreement import Disagreement
    from contest.cases import selected
    from contest.contestants import chosen
    from contest.machine import description

    try:
        cases = selected(options.only, options.size)
        names, missing = chosen(options.without)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    machine = description(options.threads, cores)
    print(machine)
    for name in missing:
        print(f"left out, not installed: {name}")
    try:
        measure(options, cases, names, missing, machine)
    except Disagreement as error:
        print(f"stopped: {error}", file=sys.stderr)
        return 1
    return 0


def measure(
    options: argparse.Namespace, cases: Sequence[Case], names: Sequence[str], missing: Sequence[str], machine: str
) -> None:
    """Time everything, and say and write what came out."""
    from contest.contestants import contestant
    from contest.memory import peaks
    from contest.report import aligned, as_json, brief, head, lines, markdown, memory_table, own_products, summary, text
    from contest.running import outcomes
    from contest.timing import REST, Plan

    clock = time.process_time if options.clock == "cpu" else time.perf_counter
    rest = REST if options.threads > 1 else 0.0
    rounds, seconds = (7, 0.5) if options.quick else (options.rounds, 2.5)
    plan = Plan(rounds, seconds, clock=clock, rest=rest)
    dtypes = (options.dtype,) if options.dtype else ("float32", "float64")
    done = []
    print(text(head(names), names, cases))
    for outcome in outcomes(cases, [contestant(name) for name in names], plan, dtypes):
        done.append(outcome)
        for line in lines(outcome, names):
            print(text(line, names, cases), flush=True)
    print(summary(done), end="\n\n")
    print("The handwritten code against its matrix products:")
    print(aligned(own_products(done), 4), end="\n\n")
    large = [case for case in cases if case.size == "large" and not options.no_memory]
    found = peaks(large, names, options.threads)
    if found:
        print("The peak of a forward and a backward pass in float32, beyond the arguments:")
        print(aligned(memory_table(found)))
    if options.json:
        about = {"machine": machine, "threads": options.threads, "clock": options.clock, "left out": list(missing)}
        options.json.write_text(json.dumps(as_json(done, found, about), indent=1) + "\n", encoding="utf-8")
    if options.markdown:
        parts = [machine, markdown(brief(done, names)), *([markdown(memory_table(found), 1)] if found else [])]
        options.markdown.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    if options.picture:
        from contest.picture import draw

        draw(done, machine, options.picture)


if __name__ == "__main__":
    raise SystemExit(main())
