"""In which order loops over blocks and other statements come, so that everything is known when it is needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from derive.calculus.families import Family, names, reads_of
from derive.calculus.pairs import Aligned
from derive.core.layer import Statement
from derive.errors import InternalError


@dataclass(frozen=True)
class Sweep:
    """A loop over the blocks of a family: pairs first, then reductions."""

    family: Family
    pairs: tuple[Aligned, ...]
    reductions: tuple[Aligned, ...]

    @property
    def computes(self) -> set[str]:
        return {a.equation.symbol.name for a in self.reductions}


def scheduled(statements: Sequence[Statement], families: Sequence[Family]) -> list[Statement | Sweep]:
    """Loops and statements in an order in which everything is known when it is needed."""
    belongs = {name: f for f in families for name in f.equations}
    pending = list(statements)
    result: list[Statement | Sweep] = []
    while pending:
        missing = {n for s in pending for n in names(s)}
        plain = next((s for s in pending if not names(s) & set(belongs) and missing.isdisjoint(s.reads)), None)
        sweeps = (w for f in families if (w := sweep_of(f, pending, belongs, missing)) is not None)
        chosen = plain or next(sweeps, None)
        if chosen is None:
            # Pairs that no loop reads any more.
            left = [n for s in pending for n in names(s) if n not in belongs or n not in belongs[n].pairs]
            if left:
                raise InternalError(f"no order of loops gives {', '.join(left)}")
            break
        done = names(chosen) if not isinstance(chosen, Sweep) else chosen.computes
        pending = [s for s in pending if not names(s) & done]
        result.append(chosen)
    return result


def sweep_of(
    family: Family, pending: Sequence[Statement], belongs: dict[str, Family], missing: set[str]
) -> Sweep | None:
    """The loop that computes as much of what is pending as can be computed now."""
    missing = set(missing)
    pairs: list[Aligned] = []
    reductions: list[Aligned] = []
    for statement in pending:
        name = next(iter(names(statement)))
        if belongs.get(name) is not family or not missing.isdisjoint(statement.reads):
            continue
        if name in family.pairs:
            missing.discard(name)
            pairs.append(family.equations[name])
        else:
            reductions.append(family.equations[name])
    if not reductions:
        return None
    needed = {r.tensor for a in reductions for r in reads_of(a.expr)}
    kept: list[Aligned] = []
    for pair in reversed(pairs):
        if pair.equation.symbol.name in needed:
            kept.append(pair)
            needed |= {r.tensor for r in reads_of(pair.expr)}
    return Sweep(family, tuple(kept[::-1]), tuple(reductions))
