"""P8: what a worker holds after its calls, beside a server that does nothing and imports the same four libraries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.benchmarks.figures import Row
from tests.benchmarks.groups import GROUPS, IN_FLIGHT
from tests.benchmarks.lean import closed_loop
from tests.benchmarks.packaged import as_in_the_image
from tests.benchmarks.sent import THE_FOUR_LIBRARIES, Panels, do_nothing
from tests.benchmarks.server_process import SERVICE_COMMAND, ServerProcess
from tests.benchmarks.size import Size
from tests.benchmarks.turns import CONNECTIONS, evidence_flags

ROWS = GROUPS["P8"].rows


def measure(size: Size, folder: Path) -> Iterator[Row]:
    """P8, after as many calls as a turn of other rows has; the other server holds one answer only."""
    panels = Panels(size.panels)
    in_image = as_in_the_image(folder)
    ours: list[float] = []
    others: list[float] = []
    each: list[float] = []
    shared: list[float] = []
    for number in range(size.starts):
        kept = folder / str(number)
        kept.mkdir()
        (kept / "two").mkdir()
        with ServerProcess((*SERVICE_COMMAND, *evidence_flags(kept)), environment=in_image) as service:
            request = panels.fixed()[0]
            answer = service.answer(request)
            _call(service, CONNECTIONS, panels.fresh(size.calls))
            ours.append(service.resident_mb())
        command = do_nothing(kept / "do_nothing.json", [request], [answer], THE_FOUR_LIBRARIES)
        with ServerProcess(command) as other:
            _call(other, CONNECTIONS, [request] * size.calls)
            others.append(other.resident_mb())
            shared.append(sum(other.proportional_mb()))
        with ServerProcess(
            (*SERVICE_COMMAND, "--workers", "2", *evidence_flags(kept / "two")), workers=2, environment=in_image
        ) as two:
            _call(two, 2 * IN_FLIGHT, panels.fresh(size.calls))
            _, *workers = two.proportional_mb()
            each.append(sum(workers) / len(workers))
    yield ROWS[0].measured(
        ours,
        others,
        note=f"after {size.calls} calls, records and metrics on, with the release parsed before, as in the image",
    )
    yield ROWS[1].measured(each, shared)


def _call(server: ServerProcess, connections: int, bodies: Sequence[bytes]) -> None:
    with server.connected(connections) as connected:
        closed_loop(connected, bodies, max(IN_FLIGHT, connections))
