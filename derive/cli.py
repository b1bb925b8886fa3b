"""The command line: list, show, latex, numpy, check. Everything heavy is imported by the command that needs it."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NoReturn

from derive import __version__
from derive.errors import DeriveError, UsageError
from derive.terminal import Progress, put, say, shows_unicode

if TYPE_CHECKING:
    from derive.calculus.jacobian import Jacobian, Refusal
    from derive.calculus.steps import Gradients
    from derive.core.layer import Layer

FINE, FAILED, WRONG_USE, INTERRUPTED = 0, 1, 2, 130

LAYER_HELP = "a layer of the catalogue (see 'derive list'), or your own: my_layers.py or my_layers.py:NAME"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 0: fine, 1: a check failed, 2: wrong use, with one line on standard error."""
    options = parser().parse_args(arguments)
    try:
        code = options.run(options)
        sys.stdout.flush()
        return code
    except DeriveError as error:
        say(f"derive: {' '.join(str(error).split())}", sys.stderr)
        return WRONG_USE
    except BrokenPipeError:
        # Whoever read the output has seen enough.
        discard_output()
        return FINE
    except OSError as error:
        discard_output()
        say(f"derive: the output cannot be written: {error.strerror or error}.", sys.stderr)
        return WRONG_USE
    except KeyboardInterrupt:
        return INTERRUPTED


def discard_output() -> None:
    """Python flushes standard output once more on the way out: to nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(WRONG_USE, f"{self.prog}: {message}. Try '{self.prog} --help'.\n")


def parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    top = Parser(
        prog="derive",
        description="Write a layer once, as mathematics; get its derivation, its NumPy code and the evidence "
        "that they agree.",
        epilog=examples(
            "derive list",
            "derive show attention",
            "derive latex attention --steps --document -o attention.tex",
            "derive numpy conv1d -o conv1d.py",
            "derive check",
        )
        + "\n\nexit codes: 0 fine, 1 a check failed, 2 wrong use",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"derive {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)

    command(commands, "list", run_list, "every layer with its forward equation, by family", "derive list")

    show = command(
        commands,
        "show",
        run_show,
        "the forward equations and every gradient, or second derivative, in matrix notation",
        "derive show linear",
        "derive show my_layers.py:gated_unit",
        "derive show ridge --order 2 --wrt w",
        "derive show softmax --jacobian",
        "derive show attention --blockwise",
    )
    show.add_argument("layer", metavar="LAYER", help=LAYER_HELP)
    add_wrt(show)
    add_order(show)
    add_jacobian(show)
    add_blockwise(show)

    latex = command(
        commands,
        "latex",
        run_latex,
        "the gradients as LaTeX",
        "derive latex linear",
        "derive latex attention --wrt Q --wrt K --notation index",
        "derive latex attention --steps --document -o attention.tex",
    )
    add_artefact_options(latex)
    latex.add_argument("--notation", choices=("matrix", "index"), default="matrix", help="default: matrix")
    latex.add_argument("--steps", action="store_true", help="every step of the derivation, with its rule's name")
    latex.add_argument("--document", action="store_true", help="a complete file for pdflatex, with a table of symbols")

    numpy = command(
        commands,
        "numpy",
        run_numpy,
        "the generated NumPy module: LAYER, LAYER_fwd, LAYER_bwd",
        "derive numpy linear",
        "derive numpy conv1d --wrt W -o conv1d.py",
        "derive numpy attention --blockwise",
    )
    add_artefact_options(numpy)
    add_blockwise(numpy)

    check = command(
        commands,
        "check",
        run_check,
        "independent witnesses that the equations, the gradients and the code agree",
        "derive check",
        "derive check attention softmax --seed 7",
        "derive check --json > report.json",
        "derive check --order 2",
        "derive check linear --against mine.py:linear_backward --dtype float32 --sizes d_in=64,d_out=32",
    )
    check.add_argument("layers", metavar="LAYER", nargs="*", help=f"{LAYER_HELP}; default: the whole catalogue")
    add_order(check)
    check.add_argument("--json", action="store_true", help="print the report as JSON")
    check.add_argument("--seed", type=seed_number, default=0, metavar="N", help="seed of the random data (default: 0)")
    check.add_argument(
        "--against",
        metavar="FILE.py:FUNCTION",
        help="check your own backward, FUNCTION(inputs..., cotangents...) -> gradients in the order of the inputs",
    )
    check.add_argument(
        "--dtype", choices=("float32", "float64"), help="with --against: what FUNCTION is given (default: float64)"
    )
    check.add_argument("--sizes", metavar="n=64,d=32", help="with --against: sizes of the axes (default: small primes)")
    return top


def command(commands, name: str, run: Callable, summary: str, *example: str) -> argparse.ArgumentParser:
    """A subcommand with a summary and examples."""
    added = commands.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=examples(*example),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    added.set_defaults(run=run)
    return added


def examples(*lines: str) -> str:
    return "examples:\n" + "\n".join(f"  {line}" for line in lines)


def add_artefact_options(added: argparse.ArgumentParser) -> None:
    added.add_argument("layer", metavar="LAYER", help=LAYER_HELP)
    add_wrt(added)
    add_order(added)
    add_jacobian(added)
    added.add_argument("-o", "--output", metavar="FILE", help="write to FILE instead of standard output")


def add_wrt(added: argparse.ArgumentParser) -> None:
    added.add_argument(
        "--wrt", action="append", metavar="NAME", help="only the gradient by this tensor (repeat for several)"
    )


def add_order(added: argparse.ArgumentParser) -> None:
    added.add_argument(
        "--order", type=int, choices=(1, 2), default=1, help="1: gradients; 2: Hessians and their products (default: 1)"
    )


def add_jacobian(added: argparse.ArgumentParser) -> None:
    added.add_argument("--jacobian", action="store_true", help="the Jacobian of the output by every variable instead")


def add_blockwise(added: argparse.ArgumentParser) -> None:
    added.add_argument("--blockwise", action="store_true", help="a softmax and what sums over it, block by block")


def seed_number(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a seed; give an integer of at least 0")
    return int(text)


# the commands


def run_list(_: argparse.Namespace) -> int:
    from derive.documents.document import equation_line
    from derive.loading import families

    found = families()
    width = max(len(name) for layers in found.values() for name in layers)
    for number, (title, layers) in enumerate(found.items()):
        say(f"{chr(10) * bool(number)}{title}")
        for name, layer in layers.items():
            say(f"  {name:{width}}  {equation_line(layer, ascii=not shows_unicode(sys.stdout))}")
    return FINE


def run_show(options: argparse.Namespace) -> int:
    from derive.loading import load_all

    ascii_only = not shows_unicode(sys.stdout)
    texts = (shown(layer, options, ascii_only).rstrip() for layer in load_all(options.layer))
    say("\n\n".join(texts))
    return FINE


def shown(layer: Layer, options: argparse.Namespace, ascii_only: bool) -> str:
    if of_matrices(options):
        from derive.documents.second_order import second_text

        return second_text(layer, matrices(layer, options), ascii=ascii_only)
    if options.blockwise:
        from derive.api import show
        from derive.calculus.blockwise import blockwise

        return show(blockwise(layer, wanted(layer, options.wrt)), ascii=ascii_only)
    from derive.documents.document import show_text

    return show_text(derived(layer, options.wrt), ascii=ascii_only)


def run_latex(options: argparse.Namespace) -> int:
    from derive.documents.document import latex
    from derive.documents.second_order import second_latex
    from derive.loading import load

    layer = load(options.layer)
    if of_matrices(options):
        found = matrices(layer, options)
        put(second_latex(layer, found, options.notation, options.steps, options.document), options.output)
        return FINE
    text = latex(derived(layer, options.wrt), notation=options.notation, steps=options.steps, document=options.document)
    put(text, options.output)
    return FINE


def run_numpy(options: argparse.Namespace) -> int:
    from derive.loading import load
    from derive.lowering.render import numpy_jacobian_source, numpy_second_source, numpy_source

    layer = load(options.layer)
    if of_matrices(options):
        written = numpy_jacobian_source if options.jacobian else numpy_second_source
        put(written(layer, wanted(layer, options.wrt)), options.output)
        return FINE
    if options.blockwise:
        from derive.calculus.blockwise import blockwise

        put(numpy_source(blockwise(layer, wanted(layer, options.wrt))), options.output)
        return FINE
    put(numpy_source(layer, wanted(layer, options.wrt)), options.output)
    return FINE


def derived(layer: Layer, wrt: Sequence[str] | None = None) -> Gradients:
    from derive.calculus.derivation import gradients

    return gradients(layer, wanted(layer, wrt))


def of_matrices(options: argparse.Namespace) -> bool:
    """Are Hessians or Jacobians asked for?"""
    if options.jacobian and options.order == 2:
        raise UsageError("--jacobian is of order 1. Leave --order 2 or --jacobian out.")
    if getattr(options, "blockwise", False) and (options.jacobian or options.order == 2):
        raise UsageError("--blockwise is of gradients. Leave --blockwise out, or --order 2 and --jacobian.")
    return bool(options.jacobian or options.order == 2)


def matrices(layer: Layer, options: argparse.Namespace) -> Sequence[Jacobian | Refusal]:
    from derive.calculus.jacobian import hessians, jacobians

    names = wanted(layer, options.wrt)
    return jacobians(layer, names) if options.jacobian else hessians(layer, names)


def wanted(layer: Layer, names: Sequence[str] | None) -> list[str] | None:
    """The tensors asked for with --wrt, each once; None for all."""
    from derive.loading import nearest

    tensors = [s.name for s in layer.variables] + [s.name for t in layer.statements for s in t.defines]
    # Positions have a name too, and `gradients` says what they are.
    known = {*tensors, *(s.name for s in layer.arguments)}
    for name in names or ():
        if name not in known:
            raise UsageError(f"{layer.name} has no tensor {name!r} to differentiate by. {nearest(name, tensors)}")
    return list(dict.fromkeys(names)) if names else None


def run_check(options: argparse.Namespace) -> int:
    if options.against is None and (options.dtype or options.sizes):
        raise UsageError("--dtype and --sizes say how to call the function of --against. Give --against too.")
    if options.order == 2 and options.against:
        raise UsageError("--against checks a backward pass, which is of order 1. Leave --order 2 out.")
    with Progress() as progress:
        reports = against(options, progress) if options.against else checked(options, progress)
    if options.json:
        import json

        from derive.witnesses.report import as_json

        print(json.dumps(as_json(reports), indent=2))
    else:
        from derive.witnesses.report import table

        say(table(reports))
    return FINE if all(report.ok for report in reports) else FAILED


def checked(options: argparse.Namespace, progress: Progress) -> list:
    from derive.loading import all_layers, load_all
    from derive.witnesses.check import check_layer
    from derive.witnesses.second import check_second

    check = check_second if options.order == 2 else check_layer
    layers = [layer for name in options.layers for layer in load_all(name)] or list(all_layers().values())
    reports = []
    for number, layer in enumerate(layers, 1):

        def say_witness(witness: str, layer=layer, number=number) -> None:
            progress.say(f"{number}/{len(layers)} {layer.name}: {witness}")

        reports.append(check(layer, options.seed, progress=say_witness))
    return reports


def against(options: argparse.Namespace, progress: Progress) -> list:
    from derive.loading import load, load_function
    from derive.witnesses.against import check_against, parse_sizes

    if len(options.layers) != 1:
        raise UsageError("--against checks one function against one layer. Name exactly one LAYER.")
    layer = load(options.layers[0])
    progress.say(f"{layer.name}: {options.against}")
    return [
        check_against(
            layer,
            load_function(options.against),
            dtype=options.dtype or "float64",
            sizes=parse_sizes(layer, options.sizes or ""),
            seed=options.seed,
        )
    ]
