"""The rows of the table with what is wanted of them, and what can be measured by itself, within which time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import MappingProxyType

from tests.benchmarks.figures import Better, Row, Wanted
from tests.benchmarks.size import Size

# What a closed loop keeps under way: enough for a server to be busy at any time, and few enough not to queue.
IN_FLIGHT = 8
BATCH, MESSAGE = 100, 16
SHARE_OF_PEAK = 0.7

_MORE, _LESS = Better.MORE, Better.LESS
_CALL, _PANEL = "us CPU a call", "us CPU a panel"
_DO_NOTHING = ("labgloss", "do-nothing")
_ZEN = ("labgloss", "zen-engine, four tables")
_CQL = ("labgloss", "cql-execution, four results")
_UNARY = f"InterpretPanel, records and metrics on, {IN_FLIGHT} in flight"
_START = ("start to first answer", "importing four libraries")


@dataclass(frozen=True)
class Group:
    """Rows that are measured together, in a process of their own, within so many seconds."""

    id: str
    # Module and function that measure it.
    module: str
    function: str
    seconds: float
    rows: tuple[Row, ...]
    # Whether the caller runs on a core of its own, away from the server's.
    apart: bool = True

    @property
    def measure(self) -> Callable[[Size, Path], Iterator[Row]]:
        """What measures it; imported only where it is done, because some of it takes long to import."""
        found: Callable[[Size, Path], Iterator[Row]] = getattr(
            import_module(f"tests.benchmarks.{self.module}"), self.function
        )
        return found


_ALL = (
    Group(
        "P1", "transport", "beside_do_nothing", 900,
        (
            Row("P1", _UNARY, _DO_NOTHING, _CALL, Wanted(_MORE, 0.75, 0.92)),
            Row("P1.single", "the same, one at a time", _DO_NOTHING, _CALL, Wanted(_MORE)),
        ),
    ),
    Group(
        "P2", "transport", "beside_hello", 600,
        (Row("P2", _UNARY, ("labgloss", "asyncio hello-world"), _CALL, Wanted(_MORE, 1.1, 1.3)),),
    ),
    Group(
        "P3", "engines", "measure", 900,
        (
            Row("P3", "four results to a whole report", _ZEN, _PANEL, Wanted(_MORE, 1.0, 3.0)),
            Row("P3.read", "four results read and judged, no more", _ZEN, _PANEL, Wanted(_MORE)),
            Row("P3.cql", "FHIR Bundle to report and Bundle", _CQL, _PANEL, Wanted(_MORE, 20.0, 100.0)),
        ),
        apart=False,
    ),
    Group(
        "P4", "latency", "measure", 900,
        (
            Row("P4", f"p99 at {SHARE_OF_PEAK:.0%} of own peak", _DO_NOTHING, "ms", Wanted(_LESS, 1.5, 1.1)),
            Row("P4.p999", "p99.9 of the same", _DO_NOTHING, "ms", Wanted(_LESS)),
            Row("P4.median", "median of the same", _DO_NOTHING, "ms", Wanted(_LESS)),
        ),
    ),
    Group(
        "P5", "batches", "measure", 900,
        (
            Row("P5", f"a batch of {BATCH}", ("labgloss", "unary"), _PANEL, Wanted(_MORE, 4.0, 12.0)),
            Row("P5.stream", f"a stream, {MESSAGE} a message", ("labgloss", "unary"), _PANEL, Wanted(_MORE, 2.0, 5.0)),
        ),
    ),
    Group(
        "P6", "workers", "measure", 600,
        (
            Row("P6", "calls a second", ("two workers", "one worker"), "calls/s", Wanted(_MORE, 1.6, 1.75)),
            Row("P6.share", "CPU of the busier of two workers", ("busier", "both"), "s", Wanted(_LESS)),
        ),
        apart=False,
    ),
    Group(
        "P7", "starting", "measure", 300,
        (
            Row("P7", "CPU", _START, "ms CPU", Wanted(_LESS, 4.0, 2.0)),
            Row("P7.wall", "by the clock on the wall", _START, "ms", Wanted(_LESS)),
            Row("P7.files", "CPU, the knowledge parsed at the start", _START, "ms CPU", Wanted(_LESS)),
        ),
    ),
    Group(
        "P8", "memory", "measure", 900,
        (
            Row("P8", "resident memory of one worker", _DO_NOTHING, "MB", Wanted(_LESS, 1.6, 1.35)),
            Row("P8.two", "each of two workers, shared pages divided (PSS)", _DO_NOTHING, "MB", Wanted(_LESS)),
        ),
    ),
    Group(
        "P9", "image", "measure", 600,
        (Row("P9", "the image beyond its base, packed", ("labgloss", ""), "MB", Wanted(_LESS, 50.0, 35.0)),),
        apart=False,
    ),
    Group(
        "P10", "evidence", "measure", 900,
        (
            Row("P10", "decision records", ("on", "off"), _CALL, Wanted(_MORE, 0.93, 0.97)),
            Row("P10.metrics", "decision records and metrics", ("on", "off"), _CALL, Wanted(_MORE)),
        ),
    ),
    Group(
        "P11", "encryption", "measure", 600,
        (Row("P11", "transport", ("mutual TLS", "plaintext"), _CALL, Wanted(_MORE, 0.8, 0.85)),),
    ),
)  # fmt: skip

GROUPS: Mapping[str, Group] = MappingProxyType({group.id: group for group in _ALL})
