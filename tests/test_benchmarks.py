"""The benchmark of speed: what it says about made-up times, and that it runs with whoever is installed."""

from __future__ import annotations

import doctest
import json
import math
import random
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from contest import cases
from contest.agreement import Disagreement, agree, expected
from contest.contestants import EVERYBODY, PACKAGES, Contestant, chosen, contestant
from contest.intervals import Interval, paired, rank
from contest.layers import layer_named
from contest.memory import allocates_unseen, peaks
from contest.parts import PARTS
from contest.products import pairs
from contest.report import as_json, brief, handwritten_mean, head, lines, markdown, memory_table, rows, summary
from contest.running import Outcome, outcome, task_of
from contest.targets import TARGETS, target, verdict
from contest.timing import Plan, rounds

ROOT = Path(__file__).resolve().parent.parent
# Of every layer one case, as small as it can be made; what is measured here is nothing.
SMALL = (
    cases.linear("small", 3, 4, 5),
    cases.mlp("small", 3, (4, 5, 6, 7, 2)),
    cases.conv1d("small", 2, 3, 8, 4, 3),
    cases.conv2d("small", 2, 3, 6, 4, 3),
    cases.conv2d("small", 2, 3, 7, 4, 3, stride=2),
    cases.grouped_conv2d("small", 2, 2, 3, 6, 4, 3),
    cases.depthwise_conv2d("small", 2, 3, 6, 3),
    cases.attention("small", (2, 3), 6, 4),
    cases.attention("small", (2, 3), 6, 4, "causal_attention"),
    cases.layer_norm("small", 5, 4),
    cases.cross_entropy("small", 5, 4),
    cases.sparse_cross_entropy("small", 5, 4),
    cases.transformer_block("small", 2, 4, 6, 2),
)
BRIEF = Plan(rounds=6, seconds=0.0, rest=0.0)
NAMES = chosen()[0]


def made_up(case: cases.Case, backward: bool = False, **seconds: list[float]) -> Outcome:
    return Outcome(case, "float32", backward, {name.replace("_", " "): times for name, times in seconds.items()}, {})


# -------------------------------------------------------------------------------- made-up times


@pytest.mark.parametrize("module", ["cases", "contestants", "intervals", "targets", "report", "agreement", "products"])
def test_examples_in_docstrings(module):
    found = doctest.testmod(import_module(f"contest.{module}"))
    assert found.attempted and not found.failed


def test_the_interval_covers_the_median_as_often_as_it_says():
    rng = random.Random(0)
    for count in (6, 9, 15, 31):
        k = rank(count)
        inside = 0
        for _ in range(2000):
            ratios = [rng.gauss(1, 0.1) for _ in range(count)]
            found = paired(ratios, [1.0] * count)
            assert [found.low, found.high] == [sorted(ratios)[k - 1], sorted(ratios)[-k]]
            inside += found.low <= 1 <= found.high
        assert inside >= 0.94 * 2000


def test_ratios_are_paired_round_by_round():
    slow_machine = [1.0, 5.0, 2.0, 9.0, 1.0, 3.0]
    assert paired([2 * t for t in slow_machine], slow_machine) == Interval(2, 2, 2)


def test_a_target_is_missed_where_the_interval_excludes_it():
    assert verdict(Interval(0.99, 0.5, 2.0), 1.0) == "met"
    assert verdict(Interval(1.01, 0.99, 1.1), 1.0) == "open"
    assert verdict(Interval(1.05, 1.01, 1.1), 1.0) == "missed"


def test_tiny_sizes_are_not_judged():
    assert target(cases.linear("large", 8, 8, 8), "generated", "handwritten").at_most == 1.05
    assert target(cases.linear("tiny", 8, 8, 8), "generated", "handwritten") is None


def test_fused_attention_is_judged_by_the_blockwise_form_alone():
    case = cases.attention("large", (1, 1), 512, 64)
    assert target(case, "generated", "torch fused") is None
    assert target(case, "generated blockwise", "torch fused").at_most == 1.0


def test_every_case_has_at_most_one_target_against_each():
    for case in cases.CASES:
        for row in TARGETS:
            rest = [
                other
                for other in TARGETS
                if (other.contestant, other.form) == (row.contestant, row.form)
                and case.layer in other.layers
                and case.layer in row.layers
            ]
            assert len(rest) <= 1, (case.name, row)


def test_rows_and_what_is_said_about_them():
    case = cases.linear("large", 512, 8, 8)
    slow = made_up(case, generated=[3.0] * 6, handwritten=[2.0] * 6, torch=[6.0] * 6, matrix_products=[2.4] * 6)
    quick = made_up(case, backward=True, generated=[1.0] * 6, handwritten=[2.0] * 6)
    found = {row.contestant: (row.ratio.median, row.verdict) for row in rows(slow)}
    assert found == {"handwritten": (1.5, "missed"), "torch": (0.5, "met"), "matrix products": (1.25, "missed")}
    assert handwritten_mean([slow, quick]) == pytest.approx(math.sqrt(1.5 * 0.5))
    names = ["generated", "handwritten", "matrix products", "torch"]
    table = [head(names), *lines(slow, names), *lines(quick, names)]
    assert table[1:] == [
        ["linear 512x8x8", "float32", "fwd", "plain", "3000 ms", "1.50*", "1.25*", "0.50"],
        ["linear 512x8x8", "float32", "fwd + bwd", "plain", "1000 ms", "0.50", "", ""],
    ]
    assert markdown(brief([slow, quick], names)).splitlines() == [
        "| case | form | time | handwritten | matrix products | torch |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
        "| linear 512x8x8 | plain | 1000 ms | 0.50 |  |  |",
    ]
    said = summary([slow, quick])
    assert "against handwritten: 1 met, 0 open, 1 missed" in said
    assert "handwritten = 1.50 [1.50, 1.50], at most 1.05 (its matrix products alone: 1.20)" in said


def test_blockwise_forms_are_compared_with_each_other():
    case = cases.attention("large", (1, 1), 8, 4)
    whole = made_up(
        case, generated=[4.0] * 6, generated_blockwise=[3.0] * 6, handwritten=[4.0] * 6, handwritten_blockwise=[2.0] * 6
    )
    assert [(row.form, row.contestant, row.ratio.median) for row in rows(whole)] == [
        ("generated", "handwritten", 1.0),
        ("generated blockwise", "handwritten blockwise", 1.5),
    ]


def test_rounds_come_in_an_order_that_changes():
    calls: list[str] = []
    plan = Plan(rounds=8, seconds=60.0, clock=iter(range(10**6)).__next__, rest=0)
    works = {name: lambda name=name: calls.append(name) for name in "abc"}
    seconds = rounds([{"a": works["a"], "b": works["b"]}, {"c": works["c"]}], plan, random.Random(0))
    # Two calls each before the first round.
    assert {name: len(times) for name, times in seconds.items()} == dict.fromkeys("abc", 8)
    # Those of a group stand together.
    assert {"".join(calls[n : n + 3]) for n in range(6, len(calls), 3)} == {"abc", "bac", "cab", "cba"}


# -------------------------------------------------------------------------------- who is installed


def test_every_contestant_is_named_with_what_it_needs():
    for name in NAMES:
        assert contestant(name).name == name
        assert contestant(name).package == PACKAGES.get(name, "numpy")


@pytest.mark.parametrize("case", SMALL, ids=lambda case: case.name)
@pytest.mark.parametrize("backward", [False, True])
def test_all_contestants_agree(case, backward):
    found = outcome(task_of(case, "float64", backward), [contestant(n) for n in NAMES], BRIEF, random.Random(0))
    assert {"generated", "handwritten"} <= set(found.seconds)
    assert all(len(times) == 6 for times in found.seconds.values())
    assert max(found.differences.values()) < 1e-12


def test_the_cases_are_those_of_their_layers():
    for case in {case.layer: case for case in cases.CASES}.values():
        arguments = [symbol.name for symbol in layer_named(case.layer).arguments]
        assert list(case.shapes) == arguments
    assert {case.layer for case in SMALL} == {case.layer for case in cases.CASES}


def test_the_raw_products_of_a_strided_convolution_are_as_large_as_its_output():
    case = cases.conv2d("small", 2, 3, 7, 4, 3, stride=2)
    [(weights, columns)] = pairs(case)
    [output] = expected(task_of(case, "float64", backward=False))
    assert (weights, columns) == ((4, 27), (2, 27, 16))
    assert output.shape == (2, 4, 4, 4)


class Wrong(Contestant):
    name = "wrong"

    def can(self, case):
        return True

    def prepare(self, task):
        arrays = [a.copy() for a in expected(task)]
        arrays[-1].flat[0] += 1e-3
        return lambda: [a.astype(task.dtype) for a in arrays]


def test_a_contestant_with_another_result_stops_the_run():
    task = task_of(SMALL[0], "float32", backward=True)
    work = Wrong().prepare(task)
    with pytest.raises(Disagreement, match=r"^wrong, linear 3x4x5, float32: the gradient of b differs from the handw"):
        agree(Wrong(), task, work(), expected(task))
    half = [array.astype(np.float64) for array in work()]
    with pytest.raises(Disagreement, match="the output is float64"):
        agree(Wrong(), task, half, expected(task))


def test_memory_is_counted_to_the_byte_for_numpy():
    names = [name for name in NAMES if not allocates_unseen(name) and name != "autograd"]
    case = cases.linear("large", 300, 200, 100)
    found = peaks([case], names, threads=1)
    output_and_gradients = 4 * (300 * 100 + 300 * 200 + 200 * 100 + 100)
    assert output_and_gradients <= found[case.name]["handwritten"] < 1.1 * output_and_gradients
    assert memory_table(found)[1][0] == case.name


def test_json_is_well_formed_and_complete():
    case = SMALL[0]
    found = outcome(task_of(case, "float32", True), [contestant(n) for n in NAMES[:4]], BRIEF, random.Random(0))
    about = json.loads(json.dumps(as_json([found], {}, {"machine": "made up"}), allow_nan=False))
    [entry] = about["cases"]
    assert entry["shapes"] == {"X": [3, 4], "W": [4, 5], "b": [5]}
    assert {len(times["seconds"]) for times in entry["contestants"].values()} == {6}
    assert {"of", "to", "median", "interval", "at most", "verdict"} == set(entry["ratios"][0])


# -------------------------------------------------------------------------------- the command


def speed(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, str(ROOT / "benchmarks" / "speed.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)


def test_the_command_prints_a_table_and_writes_it(tmp_path):
    others = ", ".join(name for name in EVERYBODY if name in PACKAGES)
    done = speed(
        "--only=linear 4x8,linear 64x", "--quick", "--threads=1", "--dtype=float32", f"--without={others}",
        f"--json={tmp_path / 'speed.json'}", f"--markdown={tmp_path / 'speed.md'}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "linear 4x8x8" in done.stdout
    assert json.loads((tmp_path / "speed.json").read_text(encoding="utf-8"))["threads"] == 1
    assert "| linear 64x256x256 | plain |" in (tmp_path / "speed.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only=liner"], "--only liner: no case has 'liner' in its name. There are: linear, mlp4, "),
        (["--without=handwritten"], "there is nobody called 'handwritten' to leave out"),
        (["--threads=0"], "expected a number of at least 1, given '0'"),
        (["--threads=2", "--clock=cpu"], "--clock cpu adds up the time of all threads"),
        (["--json=nowhere/speed.json"], "there is no folder"),
    ],
)
def test_bad_options_are_refused(arguments, message):
    done = speed(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


# -------------------------------------------------------------------------------- what a case is made of


@pytest.mark.parametrize("layer", PARTS)
def test_each_part_of_a_case_is_work(layer):
    of = next(case for case in cases.selected(layer, "large") if case.layer == layer)
    parts = PARTS[layer](of)
    assert len(parts) > 1
    for work in parts.values():
        work()


def test_limits_say_what_is_wrong():
    command = [sys.executable, str(ROOT / "benchmarks" / "limits.py"), "--only", "nonsense"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no case has 'nonsense' in its name" in done.stderr
