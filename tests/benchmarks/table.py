"""What is printed: the table of ratios, and how they compare with the baseline."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from statistics import median

from tests.benchmarks.comparison import Compared, differences, worse
from tests.benchmarks.figures import Row, Run

_HEAD = ("", "what", "ours", "other", "ratio", "95 %", "n", "must", "aim", "", "others / steal")


def table(run: Run) -> str:
    """The ratios of a run as a Markdown table, and what is needed to read them."""
    rows = list(run.rows.values())
    return "\n".join([*markdown([_HEAD, *map(_cells, rows)]), "", *_notes(run)]) + "\n"


def _cells(row: Row) -> tuple[str, ...]:
    must, aim = (wanted(row, mark) for mark in (row.wanted.must, row.wanted.aim))
    what = f"{row.what}: {row.sides[0]} / {row.sides[1]}" if row.sides[1] else row.what
    if not row.ratios:
        return row.id, what, "", "", "not measured", "", "", must, aim, "", ""
    low, high = row.interval
    under = row.conditions
    ours, others = (f"{figure(median(side))} {row.unit}" if side else "" for side in (row.ours, row.others))
    return (
        row.id,
        what,
        ours,
        others,
        figure(row.ratio),
        f"{figure(low)}-{figure(high)}",
        str(len(row.ratios)),
        must,
        aim,
        row.verdict,
        f"{under.foreign:.0%} / {under.steal:.0%}{'' if under.quiet else ' NOT QUIET'}" if under else "",
    )


def wanted(row: Row, mark: float | None) -> str:
    """A target as it is written."""
    return "" if mark is None else f"{'>=' if row.wanted.better == 'more' else '<='} {mark:g}"


def figure(value: float) -> str:
    """Three digits, and none after the point from a hundred on."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _notes(run: Run) -> list[str]:
    notes = [f"- {row.id}: {row.note or row.missing}" for row in run.rows.values() if row.note or row.missing]
    about = ", ".join(f"{name} {value}" for name, value in run.machine.items())
    under = [row.conditions for row in run.rows.values() if row.conditions]
    load = (
        f" Load average {min(one.load[0] for one in under):.1f} to {max(one.load[1] for one in under):.1f}."
        if under
        else ""
    )
    loud = sum(not one.quiet for one in under)
    quiet = (
        f" {loud} of {len(under)} rows were measured while others took more than 5 % of the machine." if loud else ""
    )
    return [
        "Medians; the ratio is that of neighbouring turns, with the 95 % interval of its median.",
        *notes,
        f"Begun {run.begun}, size {run.size}; {about}.{load}{quiet}",
    ]


def comparison_table(compared: Sequence[Compared], now: Run, baseline: Run) -> str:
    """What became of each row since the baseline, and in plain words which got worse."""
    rows = [("", "baseline", "now", ""), *map(_compared_cells, compared)]
    fell = worse(compared)
    said = (
        f"{len(fell)} of {len(compared)} rows got worse beyond their spread: {', '.join(one.id for one in fell)}."
        if fell
        else "No row got worse beyond its spread."
    )
    differing = differences(now, baseline)
    caution = [f"Not measured alike: {'; '.join(differing)}."] if differing else []
    return "\n".join([*markdown(rows), "", f"Baseline of {baseline.begun}. {said}", *caution]) + "\n"


def _compared_cells(one: Compared) -> tuple[str, ...]:
    return one.id, _with_interval(one.before), _with_interval(one.now), one.change.value


def _with_interval(row: Row | None) -> str:
    if row is None or not row.ratios:
        return ""
    low, high = row.interval
    return f"{figure(row.ratio)} ({figure(low)}-{figure(high)})"


def spread(figures: Sequence[float], form: str) -> str:
    """The median, and the smallest and largest behind it."""
    return f"{median(figures):{form}} ({min(figures):{form}}-{max(figures):{form}})"


def markdown(rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Rows of a Markdown table; the first is its head."""
    lines = [tuple(cell.replace("|", "/") for cell in row) for row in rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    made = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    return [made[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *made[1:]]


def machine_now() -> str:
    """What it was measured on, and the load now."""
    load = f"at the end {os.getloadavg()[0]:.1f}"
    return (
        f"{os.cpu_count()} cores, Python {platform.python_version()}, grpcio {version('grpcio')}, load average {load}."
    )
