"""A run against the baseline: which rows got worse beyond their spread, which better, which cannot be told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tests.benchmarks.figures import Better, Row, Run

# Two runs of the same thing on the same machine differ by this much where nothing changed, whatever their spread says.
NOISE = 0.03
# And of fewer pairs than this an interval says too little.
FEW, NOISE_OF_FEW = 5, 0.15


class Change(StrEnum):
    """What became of a row."""

    WORSE = "WORSE"
    BETTER = "better"
    WITHIN = "within its spread"
    NEW = "not in the baseline"
    MISSING = "not measured"


@dataclass(frozen=True, slots=True)
class Compared:
    """A row of both runs, and what became of it."""

    id: str
    change: Change
    now: Row | None
    before: Row | None


def compare(now: Run, baseline: Run) -> list[Compared]:
    """Every row of either run, those of the run first."""
    idents = [*now.rows, *(ident for ident in baseline.rows if ident not in now.rows)]
    return [_compared(ident, now.rows.get(ident), baseline.rows.get(ident)) for ident in idents]


def _compared(ident: str, now: Row | None, before: Row | None) -> Compared:
    if now is None or not now.ratios:
        change = Change.MISSING
    elif before is None or not before.ratios:
        change = Change.NEW
    else:
        change = _change(now, before)
    return Compared(ident, change, now, before)


def _change(now: Row, before: Row) -> Change:
    """Worse or better only where the intervals of both medians lie apart by more than the noise between runs."""
    (low, high), (low_before, high_before) = now.interval, before.interval
    noise = NOISE_OF_FEW if min(len(now.ratios), len(before.ratios)) < FEW else NOISE
    if high * (1 + noise) < low_before:
        return Change.WORSE if now.wanted.better is Better.MORE else Change.BETTER
    if low > high_before * (1 + noise):
        return Change.BETTER if now.wanted.better is Better.MORE else Change.WORSE
    return Change.WITHIN


def differences(now: Run, baseline: Run) -> list[str]:
    """Why the two may not be compared as they are: size, machine, versions."""
    found = [] if now.size == baseline.size else [f"size {now.size} against {baseline.size}"]
    names = [*now.machine, *(name for name in baseline.machine if name not in now.machine)]
    for name in names:
        one, other = now.machine.get(name, "unknown"), baseline.machine.get(name, "unknown")
        if one != other:
            found.append(f"{name} {one} against {other}")
    return found


def worse(compared: Sequence[Compared]) -> list[Compared]:
    """The rows that got worse beyond their spread."""
    return [one for one in compared if one.change is Change.WORSE]
