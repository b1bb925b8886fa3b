"""The blockwise form: its rewrite, its code, what it computes and how much memory it takes."""

import ast
import math
import re
import subprocess
import sys
import tracemalloc
import warnings
from functools import cache, partial
from itertools import product
from pathlib import Path

import blockwise_layers
import numpy as np
import pytest
from planted import Bench
from sympy import Sum, sqrt

import derive
from derive.calculus.blockwise import Blockwise, blockwise
from derive.calculus.derivation import gradients
from derive.calculus.online_softmax import NAME, applies, contracted, softmax_of
from derive.calculus.pairs import aligned
from derive.cli import main
from derive.core.layer import Equation, Layer, Symbol
from derive.core.terms import multiply, read
from derive.errors import LoweringError, UsageError
from derive.language import Integer, Tensor, axes, define, layer
from derive.layers.activations.softmax import softmax
from derive.loading import all_layers, layers_of
from derive.lowering.render import compiled, numpy_source
from derive.witnesses.check import check_layer
from derive.witnesses.code import in_blocks
from derive.witnesses.evidence import Code, typed
from derive.witnesses.interpret import interpret
from derive.witnesses.sampling import Case, cases, sample

CATALOGUE = {name: found for name, found in all_layers().items() if applies(found)}
OWN = {name: found for name, found in layers_of(blockwise_layers).items() if applies(found)}
ALL = CATALOGUE | OWN
GOLDEN = ("attention", "causal_attention", "sliding_window_attention", "grouped_query_attention")
BLOCKS = (1, 2, 3, 4, 1000)
ROOT = Path(__file__).resolve().parent.parent

i, j, d, e, h, g = axes("i=n j=m d=d_k e=d_v h=H g=H")


@cache
def code_of(name: str, block: int | None = None) -> Code:
    module = modules(name)
    return in_blocks(module, ALL[name], block) if block else Code.of(module, name)


@cache
def modules(name: str):
    return compiled(blockwise(ALL[name]))


@cache
def dense(name: str) -> Code:
    return Code.of(compiled(ALL[name]), name)


def source_of(name: str) -> str:
    return numpy_source(blockwise(ALL[name]))


def case_of(found: Layer, sizes: dict[str, int], leading=(), seed: int = 0, **options) -> Case:
    options = {o.name: options.get(o.name, o.default) for o in found.options}
    sizes = {**sizes, "...": math.prod(leading)}
    return sample(found, sizes, leading, options, np.random.default_rng(seed))


def close(actual, expected, tolerance=1e-11) -> None:
    for one, other in zip(actual, expected, strict=True):
        assert np.shape(one) == np.shape(other)
        scale = max(1.0, float(np.abs(other).max(initial=0)))
        assert np.abs(one - other).max(initial=0) <= tolerance * scale


# text


@pytest.mark.parametrize("name", GOLDEN)
def test_the_text_is_the_committed_one(name, golden):
    golden(f"blockwise/{name}.py", source_of(name))


def test_no_golden_file_is_left_over():
    assert {p.stem for p in (ROOT / "tests/golden/blockwise").glob("*.py")} == set(GOLDEN)


def test_ruff_has_nothing_to_say(tmp_path):
    for name in ALL:
        (tmp_path / f"{name}.py").write_text(source_of(name), encoding="utf-8")
    for options in (["--isolated"], ["--isolated", "--select", "F,E,W,B,I,UP,C4", "--line-length", "120"]):
        command = [sys.executable, "-m", "ruff", "check", *options, str(tmp_path)]
        done = subprocess.run(command, capture_output=True, encoding="utf-8")
        if "No module named ruff" in done.stderr:
            pytest.skip("ruff is not installed")
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", ALL)
def test_loops_run_over_entries_and_blocks_only(name):
    functions = [n for n in ast.parse(source_of(name)).body if isinstance(n, ast.FunctionDef) and n.name[0] != "_"]
    loops = [n for f in functions for n in ast.walk(f) if isinstance(n, (ast.For, ast.While, ast.ListComp))]
    assert loops
    assert all(re.match(r"(np\.ndindex|range|_blocks|_portions)\(", ast.unparse(n.iter)) for n in loops)


def test_the_rule_and_its_source_are_shown():
    text = derive.show(blockwise(CATALOGUE["attention"]))
    assert "L = log(exp(S) 1)" in text and "P = exp(S - L 1ᵀ)" in text
    assert text.endswith("(Milakov and Gimelshein, 2018; Dao et al., 2022).\n")
    assert f"# {NAME}: " in source_of("attention")
    assert derive.show(blockwise(CATALOGUE["attention"]), ascii=True).isascii()


# values


@pytest.mark.parametrize("name", OWN)
def test_all_witnesses_agree(name):
    report = check_layer(OWN[name])
    assert report.ok, str(report)
    assert {"blockwise code", "blockwise code, float32"} <= {check.witness for check in report.checks}


@pytest.mark.parametrize("name", ["attention", "causal_attention", "grouped_query_attention", "of_itself", "capped"])
@pytest.mark.parametrize("leading", [(), (3,), (2, 3)])
def test_any_number_of_leading_axes(name, leading):
    case = cases(ALL[name], 3)[0]
    sizes = {**case.sizes, **{s: n for s, n in zip(("n", "m"), (5, 4), strict=True) if s in case.sizes}}
    sizes.pop("...", None)
    case = case_of(ALL[name], sizes, leading)
    for block in BLOCKS:
        close(code_of(name, block).outputs_and_gradients(case, case.cotangents), dense_values(name, case))


def dense_values(name: str, case: Case) -> tuple:
    return dense(name).outputs_and_gradients(case, case.cotangents)


LARGE = {"n": 9, "m": 7, "d_k": 5, "d_v": 2, "H": 3}
GROUPED = {"n": 5, "m": 4, "d_k": 7, "d_v": 2, "G": 4, "R": 3}


def large(name: str, scale: float = 1.0, leading=(), **options) -> Case:
    found = ALL[name]
    known = {str(x) for axis in found.indices for x in axis.size.free_symbols}
    sizes = GROUPED if "G" in known else LARGE
    case = case_of(found, {n: s for n, s in sizes.items() if n in known}, leading, **options)
    arguments = {n: a * scale if n in ("Q", "K") else a for n, a in case.arguments.items()}
    return Case(found, case.sizes, case.options, arguments, case.cotangents)


SETTINGS = {
    "attention": ({},),
    "causal_attention": ({}, {"past": 2}, {"past": 20}),
    "sliding_window_attention": ({"window": 0}, {"window": 1}, {"window": 3}, {"window": 30}),
    "grouped_query_attention": ({},),
}


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("scale", [1, 30, 1000])
def test_scores_of_thousands_and_rows_without_a_key(name, scale):
    """Nine queries of seven keys: a window of 0 or 1 leaves the last ones nothing."""
    for options, block in product(SETTINGS[name], BLOCKS):
        case = large(name, scale, **options)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = code_of(name, block).outputs_and_gradients(case, case.cotangents)
        close(found, dense_values(name, case), 1e-9 if scale > 1 else 1e-11)
        if options.get("window") in (0, 1):
            assert not found[0][-1].any() and not found[1][-1].any()


@pytest.mark.parametrize("block", BLOCKS)
def test_a_bias_of_minus_infinity_masks_a_row(block):
    case = large("biased_attention")
    case.arguments["B"][2] = -np.inf
    case.arguments["B"][4, ::2] = -np.inf
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = code_of("biased_attention", block).outputs_and_gradients(case, case.cotangents)
    close(found, dense_values("biased_attention", case))
    assert not found[0][2].any() and not found[1][2].any()


@pytest.mark.parametrize("name", ["attention", "causal_attention", "masked_by_data", "dropped"])
def test_single_precision_stays_single(name):
    case = cases(ALL[name], 0)[0]
    outputs, residuals = code_of(name, 2).forward(*typed(case.arguments.values(), "float32"))
    gradients_found = code_of(name, 2).backward(residuals, *typed(case.cotangents, "float32"))
    assert {a.dtype.name for a in (outputs, *residuals, *gradients_found)} == {"float32"}


@pytest.mark.parametrize("name", ALL)
def test_arguments_and_residuals_are_never_written_to(name):
    case = cases(ALL[name], 0)[0]
    arguments = typed(case.arguments.values(), "float64")
    code = code_of(name, 2)
    for array in arguments:
        array.setflags(write=False)
    _, residuals = code.forward(*arguments)
    cotangents = typed(case.cotangents, "float64")
    for array in (*residuals, *cotangents):
        array.setflags(write=False)
    found = code.backward(residuals, *cotangents)
    for array in found if isinstance(found, tuple) else (found,):
        assert not any(np.shares_memory(array, other) for other in (*arguments, *residuals, *cotangents))


@pytest.mark.parametrize("block", [0, -1, 2.0, True, "2", None])
@pytest.mark.parametrize("function", ["causal_attention", "causal_attention_fwd"])
def test_a_block_is_a_positive_integer(block, function):
    Q = np.ones((3, 2))
    with pytest.raises(ValueError, match=re.escape(f"causal_attention: block is {block!r}, expected an integer")):
        getattr(modules("causal_attention"), function)(Q, Q, Q, block=block)
    with pytest.raises(ValueError, match=re.escape(f"causal_attention_bwd: block is {block!r}, expected an integer")):
        modules("causal_attention").causal_attention_bwd((Q, Q, Q, Q[:, 0], Q), Q, block=block)
    assert code_of("causal_attention", np.int64(2)).plain(Q, Q, Q).shape == (3, 2)


def test_the_steps_of_the_rewrite_change_no_value():
    for name in ("attention", "grouped_query_attention", "transposed", "capped"):
        of = blockwise(ALL[name])
        assert [s.rule.name for s in of.steps] == [NAME]
        assert of.steps[0].rule.apply(of.steps[0].before) == of.steps[0].after
        for case in cases(ALL[name], 1)[:2]:
            after = interpret(of.forward, case.arguments, case.options)
            for output in ALL[name].outputs:
                np.testing.assert_allclose(after[output], case.values[output], rtol=1e-12, atol=1e-14)


# work and memory


def loops_of(name: str, monkeypatch, **keywords) -> int:
    """How many blocks the gradients look at."""
    module = modules(name)
    seen = []
    original = module.__dict__["_blocks"]
    monkeypatch.setitem(module.__dict__, "_blocks", lambda *a, **k: seen.append(original(*a, **k)) or seen[-1])
    Q = np.ones((64, 4))
    getattr(module, name)(Q, Q, Q, block=8, **keywords)
    return sum(map(len, seen[1:]))


def test_what_a_mask_leaves_out_is_not_looked_at(monkeypatch):
    """Eight blocks of rows and eight of columns: 64 of them, 36 at or below the diagonal, 15 on it or just below."""
    assert loops_of("attention", monkeypatch) == 64
    assert loops_of("causal_attention", monkeypatch) == 36
    assert loops_of("causal_attention", monkeypatch, past=8) == 43
    assert loops_of("sliding_window_attention", monkeypatch, window=8) == 15


def peak(run) -> int:
    tracemalloc.start()
    kept = run()
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    del kept
    return found


def both_ways(module, name: str, arrays, **keywords):
    output, residuals = getattr(module, f"{name}_fwd")(*arrays, **keywords)
    return getattr(module, f"{name}_bwd")(residuals, output, **keywords), output


@pytest.mark.parametrize("name", ["attention", "causal_attention", "dropped"])
def test_memory_is_linear_in_the_number_of_positions(name):
    def used(n: int) -> int:
        rng = np.random.default_rng(0)
        arrays = [rng.standard_normal((n, 16), dtype=np.float32) for _ in range(3)]
        if name == "dropped":
            # What is given for every pair, and its gradient, are as large as that.
            arrays.append(rng.standard_normal((n, n), dtype=np.float32))
        run = partial(both_ways, modules(name), name, arrays, block=64)
        return peak(run) - (4 * n * n if name == "dropped" else 0)

    assert used(2048) < 2.2 * used(1024)


def test_memory_is_a_tenth_of_the_dense_form_s():
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal((4096, 64), dtype=np.float32) for _ in range(3)]
    small, whole = (
        peak(partial(both_ways, m, "attention", arrays))
        for m in (modules("attention"), compiled(CATALOGUE["attention"]))
    )
    assert small < whole / 10
    found, expected = (
        both_ways(m, "attention", arrays) for m in (modules("attention"), compiled(CATALOGUE["attention"]))
    )
    for one, other in zip((*found[0], found[1]), (*expected[0], expected[1]), strict=True):
        assert np.abs(one - other).max() <= 1e-5 * np.abs(other).max()


def test_no_residual_is_as_large_as_the_pairs():
    for name in ALL:
        of = blockwise(ALL[name])
        for family in of.families:
            large = {family.row.size, family.column.size}
            given = {s.name for s in of.layer.arguments}
            for symbol in of.residuals:
                sizes = [i.size for i in symbol.axes]
                assert symbol.name in given or len([s for s in sizes if s in large]) < 2, (name, symbol.name)


# the parts


def test_a_softmax_is_recognised_in_other_words():
    found = {name: next(contracted(layer), None) for name, layer in ALL.items()}
    assert found["transposed"].over.name == "j"
    assert found["near"].over.name == "t" and len(found["near"].conditions) == 2
    assert found["masked_by_data"].conditions and not found["masked_by_data"].asked
    assert found["biased_attention"].asked
    assert softmax_of(next(CATALOGUE["attention"].equations)) is None


def test_an_equation_is_put_in_the_alphabet_of_the_pairs():
    """dV[t, e] = Σ_t1 P[t1, t] dO[t1, e] is dV[t1, e] = Σ_t P[t, t1] dO[t, e] where P has t in its rows."""
    derived = gradients(CATALOGUE["multi_head_attention"])
    equation = next(s for s in derived.backward.equations if s.symbol.name == "dV")
    P = derived.layer.symbols["P"].axes
    found = aligned(equation, {"P": P})
    assert [x.name for x in equation.symbol.axes] == ["...", "h", "t", "e"]
    assert [x.name for x in found.axes] == ["...", "h", "t1", "e"]
    (term,) = found.expr.terms
    assert [x.name for x in term.bound] == ["t"]


def test_an_equation_that_reads_pairs_at_two_places_has_no_alphabet():
    P = OWN["transposed"].symbols["W"].axes
    twice = multiply(read("P", *P), read("P", *P[::-1]))
    assert aligned(Equation(Symbol("A", P), twice), {"P": P}) is None


def test_sums_of_several_kinds_are_taken_apart():
    of = blockwise(OWN["of_itself"])
    names = [s.symbol.name for s in of.backward.equations]
    assert [n for n in names if n.startswith("dX")][-1] == "dX" and sum(n.startswith("dX_") for n in names) >= 2


# what it refuses


def refused(made: Layer) -> str:
    with pytest.raises(LoweringError) as caught:
        blockwise(made)
    return str(caught.value)


@pytest.mark.parametrize("name", ["linear", "linear_attention", "softmax", "cross_entropy", "kl_divergence"])
def test_a_layer_without_a_contracted_softmax(name, capsys):
    found = all_layers()[name]
    assert f"{name}: there is no blockwise form, because" in refused(found)
    assert main(["numpy", name, "--blockwise"]) == 2
    assert "It takes a softmax that is summed over its axis" in capsys.readouterr().err
    assert "blockwise code" not in {check.witness for check in check_layer(found).checks}


def test_weights_that_are_mixed_between_heads():
    @layer
    def talking_heads(Q: Tensor[h, i, d], K: Tensor[h, j, d], V: Tensor[g, j, e], W: Tensor[h, g]):
        S = define("S", (h, i, j), Sum(Q[h, i, d] * K[h, j, d], d))
        P = softmax(S, over=j)
        A = define("A", (g, i, j), Sum(P[h, i, j] * W[h, g], h))
        return define("O", (g, i, e), Sum(A[g, i, j] * V[g, j, e], j))

    assert "there is no blockwise form" in refused(talking_heads)
    assert check_layer(talking_heads).ok


def test_weights_that_are_squared():
    @layer
    def squared(Q: Tensor[i, d], K: Tensor[j, d], V: Tensor[j, e]):
        S = define("S", (i, j), Sum(Q[i, d] * K[j, d], d))
        P = softmax(S, over=j)
        return define("O", (i, e), Sum(P[i, j] ** 2 * V[j, e], j))

    assert "there is no blockwise form" in refused(squared)


def test_an_option_of_its_own_called_block():
    @layer
    def with_block(Q: Tensor[i, d], K: Tensor[j, d], V: Tensor[j, e], *, block: Integer() = 1):
        S = define("S", (i, j), Sum(Q[i, d] * K[j, d], d) * block)
        P = softmax(S, over=j)
        return define("O", (i, e), Sum(P[i, j] * V[j, e], j))

    with pytest.raises(LoweringError, match="block is the option of the blockwise form. Give your own another name."):
        numpy_source(blockwise(with_block))


def test_names_that_the_code_uses_itself():
    @layer
    def clashing(M: Tensor[..., i, d], Z: Tensor[..., j, d], E: Tensor[..., j, e], L: Tensor[d]):
        at = define("at", (..., i, j), Sum(M[..., i, d] * Z[..., j, d] * L[d], d) / sqrt(d.size))
        rescale = softmax(at, over=j, name="rescale")
        return define("M_new", (..., i, e), Sum(rescale[..., i, j] * E[..., j, e], j))

    assert check_layer(clashing).ok
    assert "blockwise code" in {check.witness for check in check_layer(clashing).checks}


def test_one_query_has_no_rows():
    @layer
    def one_query(q: Tensor[..., d], K: Tensor[..., j, d], V: Tensor[..., j, e]):
        S = define("S", (..., j), Sum(q[..., d] * K[..., j, d], d))
        P = softmax(S, over=j)
        return define("o", (..., e), Sum(P[..., j] * V[..., j, e], j))

    assert "has no axis of rows beside j" in refused(one_query)


def test_the_gradients_that_are_asked_for():
    of = blockwise(CATALOGUE["attention"], ["Q"])
    assert isinstance(of, Blockwise) and of.backward.outputs == ("dQ",)
    assert "dV" not in numpy_source(of)
    with pytest.raises(UsageError, match="no gradient by 'X'"):
        blockwise(CATALOGUE["attention"], ["X"])


def test_some_of_the_gradients_through_a_sublayer():
    """The sublayer is called for all of its own."""
    found = CATALOGUE["transformer_block"]
    case = cases(found, 0)[0]
    modules_of = compiled(blockwise(found, ["b2", "W_K"])), compiled(found, ["b2", "W_K"])
    both = []
    for module, options in zip(modules_of, ({"block": 2}, {}), strict=True):
        _, residuals = module.transformer_block_fwd(*case.arguments.values(), **options)
        both.append(module.transformer_block_bwd(residuals, *case.cotangents, **options))
    close(*both)


def test_the_command_line(capsys):
    assert main(["show", "attention", "--blockwise"]) == 0
    assert "block by block" in capsys.readouterr().out
    assert main(["numpy", "attention", "--blockwise", "--wrt", "K"]) == 0
    assert "def attention_bwd(residuals, dO, *, block=256):" in capsys.readouterr().out
    assert main(["numpy", "attention", "--blockwise", "--order", "2"]) == 2
    assert "--blockwise is of gradients" in capsys.readouterr().err


# planted faults

# Parts of lines that may be changed, by reason; the function does not matter.
EQUIVALENT = {
    "how large a block is by default is a matter of speed": ((r"block=256", r"block=25[57]"),),
    "minus nothing is nothing": ((r"= np\.zeros", r"= -np\.zeros"),),
    "a cotangent of the arguments' type is not converted": ((r"= np\.asarray\(dO, dtype=Q\.dtype\)", r"= dO"),),
    "where nothing is to be masked, a mask changes nothing": ((r"^if .*:$", r"^if .*:$"),),
    "what is 0 may be divided by any number": ((r"np\.where\(Z > 0, Z, 1\)", r"np\.where\(Z > 0, Z, (2|-1)\)"),),
    "of what is shifted by its maximum, a sum is 0 or at least 1": (
        (r"np\.where\(Z > 0, Z, 1\)", r"np\.where\(Z >=? 1, Z, 1\)"),
    ),
    "a block that starts earlier than it need is masked": ((r"start=max\(0, ", r"start=max\((0|-1), "),),
}


PLANTED = ("attention", "causal_attention", "sliding_window_attention")


class BlockwiseBench(Bench):
    """The blockwise module of a layer, on cases in which blocks are of several sizes, full and not."""

    def __init__(self, name: str) -> None:
        super().__init__(ALL[name], "blockwise code", (source_of(name),))
        self.cases = [large(name, scale, (6,), **o) for o in SETTINGS[name] for scale in (1, 1000)]
        self.expected = [dense_values(name, case) for case in self.cases]

    def passes(self, mutant) -> bool:
        module = self.module(mutant)
        for (case, expected), block in product(zip(self.cases, self.expected, strict=True), (2, 1000)):
            code = in_blocks(module, self.layer, block)
            try:
                with np.errstate(all="ignore"):
                    close(code.outputs(case), expected[: len(self.layer.outputs)], 1e-9)
                    close(code.outputs_and_gradients(case, case.cotangents), expected, 1e-9)
            except Exception:
                return False
        return True


def excused(mutant) -> bool:
    rows = [row for group in EQUIVALENT.values() for row in group]
    return any(re.search(before, mutant.before) and re.search(after, mutant.after) for before, after in rows)


@pytest.mark.parametrize("name", PLANTED)
def test_every_planted_fault_is_noticed(name):
    own = BlockwiseBench(name)
    assert own.passes(None) and len(own.mutants) > 300
    helpers = [m for m in own.helpers if m.function == "_blocks"] if "window" in name else []
    found = [*own.mutants, *helpers]
    assert [str(m) for m in found if not excused(m) and own.passes(m)] == []
