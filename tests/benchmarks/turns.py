"""Measurements in turn, so that what drifts during a run weighs on all sides alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from tests.benchmarks.lean import closed_loop
from tests.benchmarks.server_process import ServerProcess

CONNECTIONS = 4


def in_turn(pairs: int, *turns: Callable[[], float]) -> list[list[float]]:
    """The figures of each turn, there and back again; the first of each, which fills caches, is not counted."""
    figures: list[list[float]] = [[] for _ in turns]
    for turn in turns:
        turn()
    for number in range(pairs):
        for place in range(len(turns))[:: -1 if number % 2 else 1]:
            figures[place].append(turns[place]())
    return figures


def cpu_microseconds(
    server: ServerProcess, bodies: Iterable[bytes], in_flight: int, method: str | None = None
) -> float:
    """CPU microseconds a call of a server, over one turn of calls."""
    with server.connected(min(CONNECTIONS, in_flight), method) as connections:
        begin = server.cpu_seconds()
        load = closed_loop(connections, bodies, in_flight)
        return (server.cpu_seconds() - begin) * 1e6 / load.calls


def round_robin(bodies: Sequence[bytes], calls: int) -> list[bytes]:
    """So many of these, again and again in their order."""
    return [bodies[number % len(bodies)] for number in range(calls)]


def evidence_flags(folder: Path, metrics: bool = True) -> tuple[str, ...]:
    """What makes the service keep decision records, keyed, and metrics."""
    key, records = folder / "key", folder / f"records{'-and-metrics' if metrics else ''}"
    key.write_text("k" * 32)
    records.mkdir()
    return ("--audit", str(records), "--audit-key", str(key), *(("--metrics-port", "0") if metrics else ()))
