"""The table that is printed."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from statistics import median

import grpc

from tests.benchmarks.measure import IN_FLIGHT, Measured, Pair

_HEAD = ("", "labgloss", "do-nothing", "ratio")


def table(measured: Measured) -> str:
    """The figures as a Markdown table, and what is needed to read them."""
    return "\n".join([*markdown([_HEAD, *_rows(measured)]), "", *_notes(measured)]) + "\n"


def _rows(measured: Measured) -> list[tuple[str, ...]]:
    service_start, do_nothing_start = measured.start_up
    service, do_nothing = measured.memory
    requests, answers = ([len(message) for message in of] for of in (measured.requests, measured.answers))
    return [
        (
            "start-up to first answer, s",
            spread(service_start, ".2f"),
            spread(do_nothing_start, ".2f"),
            spread([one / other for one, other in zip(service_start, do_nothing_start, strict=True)], ".1f"),
        ),
        _cpu("server CPU a call, one at a time, us", measured.one_at_a_time),
        _cpu(f"server CPU a call, {IN_FLIGHT} in flight, us", measured.in_flight),
        ("engine CPU a panel, in process, us", spread(measured.engine, ".0f"), "", ""),
        _memory("resident after start, MB", service.after_start, do_nothing.after_start),
        _memory("resident after the run, MB", service.after_run, do_nothing.after_run),
        ("bytes a request", spread(requests, ".0f"), "the same", ""),
        ("bytes an answer", spread(answers, ".0f"), "the same", ""),
    ]


def _cpu(label: str, pairs: Sequence[Pair]) -> tuple[str, ...]:
    return (
        label,
        spread([pair.service for pair in pairs], ".0f"),
        spread([pair.do_nothing for pair in pairs], ".0f"),
        spread([pair.ratio for pair in pairs], ".1f"),
    )


def _memory(label: str, service: float, do_nothing: float) -> tuple[str, ...]:
    return label, f"{service:.1f}", f"{do_nothing:.1f}", f"{service / do_nothing:.1f}"


def spread(figures: Sequence[float], form: str) -> str:
    """The median, and the smallest and largest behind it."""
    return f"{median(figures):{form}} ({min(figures):{form}}-{max(figures):{form}})"


def markdown(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Rows of a Markdown table; the first is its head."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    return [lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]


def _notes(measured: Measured) -> list[str]:
    size, distinct = measured.size, len(measured.requests)
    return [
        "Median (smallest-largest). The ratios matter; absolute times belong to this machine and this hour.",
        f"{distinct} distinct requests; do-nothing gave the same bytes as labgloss for {distinct} of {distinct}.",
        f"Start-up n={size.starts}; CPU n={len(measured.one_at_a_time)} turns of {measured.calls_in_a_turn} calls for "
        f"each server and way; engine n={size.rounds} rounds of {distinct} panels.",
        machine(measured.load_before),
    ]


def machine(load_before: float | None = None) -> str:
    """What it was measured on; the load before the start, or now."""
    load = f"before the start {load_before:.1f}" if load_before is not None else f"at the end {os.getloadavg()[0]:.1f}"
    python, stack = platform.python_version(), grpc.__version__
    return f"{os.cpu_count()} cores, Python {python}, grpcio {stack}, load average {load}."
