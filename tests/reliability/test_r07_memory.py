"""R7: what a call leaves behind: nothing, whether it was answered, refused or cancelled."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from statistics import median

import grpc
import pytest

from labgloss.v1.knowledge_pb2 import GetRuleRequest
from tests.reliability.bystander import CHEAP
from tests.reliability.messages import PATHS
from tests.reliability.processes import ServiceProcess
from tests.reliability.table import Table

CHECKPOINTS = 10
IN_FLIGHT = 16
# Of a hundred calls: most ask for a rule, which costs a tenth of a panel and goes the same way in and out.
RULE = (PATHS["GetRule"], GetRuleRequest(id="magnesium.band.moderate_low").SerializeToString())
MIX = (
    *[RULE] * 90,
    *[(PATHS["InterpretPanel"], CHEAP)] * 3,
    (PATHS["InterpretPanel"], b"\xff"),
    (PATHS["InterpretPanel"], b""),
    (PATHS["BatchInterpretPanels"], b""),
    (PATHS["GetRule"], b"\x0a\x04none"),
    ("/grpc.health.v1.Health/Check", b""),
    ("/labgloss.v1.None/None", b""),
    (PATHS["GetRule"], b"x" * 70_000),
)
# Memory is taken from the system a page at a time, and from the allocator in larger steps.
NOISE_BYTES = 256 * 1024
ONE_ARENA = {"MALLOC_ARENA_MAX": "1"}


def call_all(channel: grpc.Channel, calls: int) -> None:
    """So many calls of the mix, so many in flight."""
    methods = {path: channel.unary_unary(path) for path, _ in MIX}
    mix = itertools.islice(itertools.cycle(MIX), calls)
    while pending := [methods[path].future(body, timeout=120) for path, body in itertools.islice(mix, IN_FLIGHT)]:
        for call in pending:
            call.code()


def cancel_all(channel: grpc.Channel, calls: int) -> None:
    """So many streams that are cancelled after they began."""
    stream = channel.stream_stream(PATHS["StreamInterpretPanels"])
    for _ in range(calls):
        call = stream(iter([CHEAP]), timeout=120)
        call.cancel()


def slope(service: ServiceProcess, step: Callable[[int], None], calls: int) -> tuple[float, int]:
    """Bytes a call: the median of the slopes between all pairs of checkpoints, which one step of a heap does not move;
    and how many bytes more there are at the end.
    """
    heights = [service.anonymous_bytes]
    for _ in range(CHECKPOINTS):
        step(calls // CHECKPOINTS)
        heights.append(service.anonymous_bytes)
    pairs = itertools.combinations(enumerate(heights), 2)
    per_step = median((later - earlier) / (there - here) for (here, earlier), (there, later) in pairs)
    return per_step / (calls // CHECKPOINTS), heights[-1] - heights[0]


# The heap moves by a few hundred KiB of itself; what leaks does so twice.
@pytest.mark.timed
@pytest.mark.timeout(12 * 3600)
def test_memory_stays_where_it_is(table: Table, tmp_path: Path) -> None:
    warm, calls, cancelled = table.size((20_000, 100_000, 2_000), (100_000, 1_000_000, 100_000))
    with (
        ServiceProcess(tmp_path / "service", "--log-level", "info", environment=ONE_ARENA) as service,
        grpc.insecure_channel(service.target) as channel,
    ):
        call_all(channel, warm)
        cancel_all(channel, cancelled // 4)
        descriptors = service.descriptors
        per_call, more = slope(service, lambda count: call_all(channel, count), calls)
        per_stream, _ = slope(service, lambda count: cancel_all(channel, count), cancelled)
        files = service.descriptors - descriptors
    with (
        ServiceProcess(tmp_path / "leaking", broken="leak_memory", environment=ONE_ARENA) as service,
        grpc.insecure_channel(service.target) as channel,
    ):
        call_all(channel, warm // 10)
        _, control = slope(service, lambda count: call_all(channel, count), calls // 10)
    held = (per_call <= 1 or more <= NOISE_BYTES) and files <= 4
    table.settle(
        "R7",
        "memory after warm-up",
        size=f"{calls} calls of ten kinds, after {warm}",
        figure=f"{per_call:.2f} bytes a call, {more / 1024:+.0f} KiB in all, {files:+d} descriptors",
        target="1 byte a call",
        held=held,
        control=f"an engine that keeps 64 KiB of each panel: {control / 1024:+.0f} KiB after {calls // 10} calls",
        found=control > 4 * NOISE_BYTES,
    )
    table.report(
        "R7",
        "memory of streams that are cancelled",
        size=f"{cancelled} streams",
        figure=f"{per_stream:.0f} bytes a stream",
        target="64 bytes",
    )
