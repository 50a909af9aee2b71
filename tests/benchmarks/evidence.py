"""What records and metrics cost: servers with and without them, in turn, with the same requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from tests.benchmarks.measure import Size, cpu_microseconds, sample_requests
from tests.benchmarks.server_process import SERVICE_COMMAND, ServerProcess
from tests.benchmarks.table import machine, markdown, spread

WITHOUT = "neither"


def flags(folder: Path) -> Mapping[str, Sequence[str]]:
    """What each server is started with; the first has neither."""
    key = folder / "key"
    key.write_text("k" * 32)
    places = [folder / name for name in ("records", "both")]
    for place in places:
        place.mkdir()
    records, both = (("--audit", str(place), "--audit-key", str(key)) for place in places)
    return {WITHOUT: (), "records": records, "records and metrics": (*both, "--metrics-port", "0")}


def compare_evidence(size: Size, folder: Path) -> Mapping[str, Sequence[float]]:
    """CPU microseconds a call of each server, one figure a turn; the same turn of each belongs together."""
    requests = sample_requests() * size.passes
    with ExitStack() as stack:
        servers = {
            name: stack.enter_context(ServerProcess((*SERVICE_COMMAND, *given)))
            for name, given in flags(folder).items()
        }
        figures: dict[str, list[float]] = {name: [] for name in servers}
        for server in servers.values():
            cpu_microseconds(server, requests, 1)
        for block in range(2 * size.blocks):
            # There and back, so that what drifts during the run weighs on all alike.
            for name in list(servers)[:: 1 if block % 2 == 0 else -1]:
                figures[name].append(cpu_microseconds(servers[name], requests, 1))
    return figures


def evidence_table(figures: Mapping[str, Sequence[float]], calls: int) -> str:
    """The figures as a Markdown table; a ratio above 1 does not occur but by noise."""
    without = figures[WITHOUT]
    rows = [("kept", "server CPU a call, us", "without / with")]
    rows += [
        (name, spread(of, ".0f"), spread([one / other for one, other in zip(without, of, strict=True)], ".3f"))
        for name, of in figures.items()
    ]
    notes = (
        f"CPU of the server, one call at a time: median (smallest-largest) of {len(without)} turns of {calls} "
        "calls each, interleaved.",
        machine(),
    )
    return "\n".join([*markdown(rows), "", *notes]) + "\n"


def evidence_costs(size: Size, folder: Path) -> str:
    """The table, measured now."""
    return evidence_table(compare_evidence(size, folder), len(sample_requests()) * size.passes)
