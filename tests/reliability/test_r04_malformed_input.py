"""R4: nothing that a caller can send meets a defect, hangs, or is answered differently when it is sent again."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from random import Random

import grpc
import pytest

from labgloss.knowledge.release import Release
from tests.reliability import messages
from tests.reliability.bombardment import Counts, bombard
from tests.reliability.processes import ServiceProcess
from tests.reliability.table import Table
from tests.server.wire import serving

PROCESSES = 2
# What is looked for is a call that never ends, on a machine that may be busy.
CALL_SECONDS = 60.0
ALLOWED = frozenset({"OK", "INVALID_ARGUMENT", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "NOT_FOUND"})
SLICES = 20


def bombarded(seed: int, panels: int, bytes_changed: int, slices: int, defective: bool = False) -> Counts:
    """What came of so much, shared out over processes."""
    shares = [(seed + number, -(-panels // slices), -(-bytes_changed // slices), defective) for number in range(slices)]
    total = Counts()
    # Not forked: gRPC's threads of this process would be missing there.
    with ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn")) as pool:
        for counts in pool.map(bombard, *zip(*shares, strict=True)):
            total.add(counts)
    return total


@pytest.mark.timeout(24 * 3600)
def test_generated_panels_and_bent_bytes_meet_no_defect(table: Table) -> None:
    panels, changed = table.size((20_000, 1_000_000), (1_000_000, 10_000_000))
    # Few shares, because each loads the release; a long run is cut so that one lives for some minutes.
    counts = bombarded(4_000, panels, changed, table.size(PROCESSES, SLICES))
    control = bombarded(4_000, 400, 0, PROCESSES, defective=True)
    table.settle(
        "R4",
        "generated panels and bent bytes, in process",
        size=f"{counts.panels} panels; {counts.bent} bent messages, {counts.bytes_changed} bytes changed",
        figure=f"{len(counts.defects)} defects, {counts.differing} answered differently again; "
        f"{counts.ended['OK']} OK, {counts.ended['INVALID_FIELDS']} bad fields, {counts.ended['MALFORMED_MESSAGE']} "
        "malformed",
        target="0 defects, 0 differing",
        held=not counts.defects and not counts.differing,
        control=f"an engine that breaks on one value: {len(control.defects)} defects of {control.panels}",
        found=bool(control.defects),
    )
    table.report(
        "R4",
        "the slowest message; growth of peak memory after a tenth",
        size="the same",
        figure=f"{counts.slowest_ms:.0f} ms of CPU; {counts.resident_growth_mb:.1f} MB",
        target="50 ms; 10 MB",
    )
    # What is drawn must come everywhere, or nothing was tried.
    assert counts.ended["OK"] > counts.panels // 4
    assert min(counts.ended[reason] for reason in ("INVALID_FIELDS", "MALFORMED_MESSAGE", "RULE_NOT_FOUND")) > 0


def bodies(random: Random) -> Iterator[tuple[str, bytes]]:
    """Paths with what is sent there, without end: drawn panels, batches, and both bent."""
    sources = [messages.unary(messages.panel(random, wild=number % 2 == 1)) for number in range(200)]
    while True:
        yield messages.PATHS["InterpretPanel"], messages.unary(messages.panel(random, wild=False))
        name, whole = messages.knowledge(random)
        yield messages.PATHS[name], messages.bent(random, whole)[0]
        for name in ("InterpretPanel", "InterpretPanel", "BatchInterpretPanels", "StreamInterpretPanels"):
            yield messages.PATHS[name], messages.bent(random, random.choice(sources))[0]


def statuses(channel: grpc.Channel, calls: int, seed: int) -> Counter[str]:
    """How so many calls ended, 16 at a time."""
    ended: Counter[str] = Counter()
    sent = bodies(Random(seed))
    for _ in range(-(-calls // 16)):
        pending = []
        for path, body in (next(sent) for _ in range(16)):
            if path == messages.PATHS["StreamInterpretPanels"]:
                # As if the stream had one answer: the one way in which a call need not be read to end.
                call = channel.stream_unary(path).future(iter([body]), timeout=CALL_SECONDS)
            else:
                call = channel.unary_unary(path).future(body, timeout=CALL_SECONDS)
            pending.append(call)
        for call in pending:
            ended[call.code().name] += 1
    return ended


@pytest.mark.timeout(4 * 3600)
def test_the_same_over_the_wire_ends_with_a_status_that_is_the_callers(
    table: Table, tmp_path: Path, release: Release
) -> None:
    calls = table.size(5_000, 100_000)
    with ServiceProcess(tmp_path) as service, grpc.insecure_channel(service.target) as channel:
        before = service.pids
        ended = statuses(channel, calls, 5_000)
        same = before == service.pids
    defects = calls_with(ended, outside=ALLOWED)
    with serving(release, raising_always) as served:
        control = calls_with(statuses(served.channel, 160, 5_000), outside=ALLOWED)
    table.settle(
        "R4",
        "the same over the wire",
        size=f"{ended.total()} calls",
        figure=f"{defects} INTERNAL, UNKNOWN or unanswered; {'same' if same else 'another'} process; "
        + ", ".join(f"{count} {name}" for name, count in ended.most_common()),
        target="0; same process",
        held=defects == 0 and same,
        control=f"an engine that breaks: {control} of 160",
        found=control > 0,
    )


def calls_with(ended: Counter[str], outside: frozenset[str]) -> int:
    """How many calls ended with a status outside these."""
    return sum(count for name, count in ended.items() if name not in outside)


def raising_always(*_: object) -> object:
    raise RuntimeError
