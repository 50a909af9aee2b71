"""A row of the table: what was measured on both sides, their ratio with its spread, and what is wanted of it."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from statistics import median
from typing import Any

_RESAMPLES = 2_000
_OUTSIDE = 0.025


class Better(StrEnum):
    """Which way a ratio is better."""

    MORE = "more"
    LESS = "less"


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a row was measured under: seconds it took, load averages at its beginning and end, and which shares of all
    cores went to others on this machine (busy, but not ours) and to others beyond it (steal)."""

    seconds: float
    load: tuple[float, float]
    foreign: float
    steal: float

    @property
    def quiet(self) -> bool:
        """Whether it was left alone."""
        return self.foreign <= 0.05 and self.steal <= 0.05


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is wanted of a ratio; None: it is only reported."""

    better: Better
    must: float | None = None
    aim: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A figure of each side for each pair, and the ratio of each pair; or, without any, why there is none."""

    id: str
    what: str
    sides: tuple[str, str]
    unit: str
    wanted: Wanted
    ours: Sequence[float] = ()
    others: Sequence[float] = ()
    ratios: Sequence[float] = ()
    note: str = ""
    missing: str = ""
    conditions: Conditions | None = None

    def measured(self, ours: Sequence[float], others: Sequence[float], *, faster: bool = False, note: str = "") -> Row:
        """The row with a figure of each side for each pair. `faster`: the ratio is that of rates, where the figures are
        costs, so that it is the other's over ours."""
        pairs = zip(ours, others, strict=True)
        ratios = [other / one if faster else one / other for one, other in pairs]
        return replace(self, ours=tuple(ours), others=tuple(others), ratios=tuple(ratios), note=note)

    def not_measured(self, why: str) -> Row:
        """The row without figures, and why."""
        return replace(self, ours=(), others=(), ratios=(), missing=why)

    @property
    def ratio(self) -> float:
        """The median of the ratios."""
        return median(self.ratios)

    @property
    def interval(self) -> tuple[float, float]:
        """Where the median lies with 95 %, by drawing from the ratios again and again; the same for the same ratios."""
        return median_interval(self.ratios)

    @property
    def verdict(self) -> str:
        """Whether the median meets what is wanted: "aim", "must", "missed", or empty where nothing is wanted."""
        must, aim = self.wanted.must, self.wanted.aim
        if not self.ratios or must is None or aim is None:
            return ""
        reached = [
            self.ratio >= mark if self.wanted.better is Better.MORE else self.ratio <= mark for mark in (must, aim)
        ]
        return "aim" if reached[1] else "must" if reached[0] else "missed"


def median_interval(figures: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval of the median of these figures."""
    chance = random.Random(0)
    drawn = sorted(median(chance.choices(figures, k=len(figures))) for _ in range(_RESAMPLES))
    cut = int(_OUTSIDE * _RESAMPLES)
    return drawn[cut], drawn[-1 - cut]


@dataclass(frozen=True, slots=True)
class Run:
    """The rows of one run in their order, the size it ran in, and the machine it ran on."""

    size: str
    machine: Mapping[str, str]
    begun: str
    rows: Mapping[str, Row] = field(default_factory=dict)

    def with_rows(self, rows: Sequence[Row]) -> Run:
        """The run with these rows in it; a row of the same id is replaced."""
        return Run(self.size, self.machine, self.begun, {**self.rows, **{row.id: row for row in rows}})


def to_json(run: Run) -> dict[str, Any]:
    """The run as plain values."""
    return {
        "begun": run.begun,
        "size": run.size,
        "machine": dict(run.machine),
        "rows": [row_to_json(row) for row in run.rows.values()],
    }


def from_json(content: Mapping[str, Any]) -> Run:
    """The run that these plain values are. Raises KeyError, TypeError or ValueError when they are none."""
    rows = [row_from_json(row) for row in content["rows"]]
    return Run(content["size"], content["machine"], content["begun"], {row.id: row for row in rows})


def row_to_json(row: Row) -> dict[str, Any]:
    """The row as plain values; figures to five digits, which is more than they are good for."""
    plain = asdict(row)
    for name in ("ours", "others", "ratios"):
        plain[name] = [float(f"{figure:.5g}") for figure in plain[name]]
    return plain


def row_from_json(plain: Mapping[str, Any]) -> Row:
    """The row that these plain values are."""
    wanted, conditions = plain["wanted"], plain["conditions"]
    first, second = plain["sides"]
    return Row(
        **{
            **plain,
            "sides": (first, second),
            "wanted": Wanted(Better(wanted["better"]), wanted["must"], wanted["aim"]),
            "conditions": conditions and Conditions(**{**conditions, "load": tuple(conditions["load"])}),
        }
    )
