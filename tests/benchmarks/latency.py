"""P4: how long a call takes at 70 % of what each server can do, timed from the instant at which it was due."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from pathlib import Path

from tests.benchmarks.figures import Row
from tests.benchmarks.groups import GROUPS, IN_FLIGHT, SHARE_OF_PEAK
from tests.benchmarks.lean import closed_loop, open_loop
from tests.benchmarks.sent import Panels, do_nothing
from tests.benchmarks.server_process import SERVICE_COMMAND, ServerProcess
from tests.benchmarks.size import Size
from tests.benchmarks.turns import CONNECTIONS, evidence_flags, in_turn, round_robin

# More connections than keep a server busy, so that a burst waits in the server rather than here.
_CONNECTIONS = 16
# The peak is looked for anew in each turn, for so much of its time: it drifts with the machine.
_PEAK_SHARE = 0.3

ROWS = GROUPS["P4"].rows
_SHARES = (0.99, 0.999, 0.5)


def measure(size: Size, folder: Path) -> Iterator[Row]:
    """P4; calls that had no answer in three times the length of their turn are in the note."""
    panels = Panels(size.panels)
    fixed = panels.fixed()
    with ServerProcess((*SERVICE_COMMAND, *evidence_flags(folder))) as service:
        answers = [service.answer(request) for request in fixed]
        with ServerProcess(do_nothing(folder / "do_nothing.json", fixed, answers)) as other:
            ours = _Side(service, panels.fresh, size)
            others = _Side(other, lambda calls: round_robin(fixed, calls), size)
            in_turn(size.pairs, ours.turn, others.turn)
            # The first turn of each filled caches.
            for side in (ours, others):
                del side.latencies[0], side.rates[0]
    rates = [sum(side.rates) / len(side.rates) for side in (ours, others)]
    note = (
        f"{rates[0]:.0f} calls a second against {rates[1]:.0f} on average, at random instants; "
        f"{ours.late} and {others.late} calls without an answer in time"
    )
    for row, share in zip(ROWS, _SHARES, strict=True):
        figures = [[1_000 * percentile(turn, share) for turn in side.latencies] for side in (ours, others)]
        yield row.measured(figures[0], figures[1], note=note)
        note = ""


class _Side:
    """One server, asked as fast as it answers, and then at a share of that."""

    def __init__(self, server: ServerProcess, bodies: Callable[[int], Sequence[bytes]], size: Size) -> None:
        self._server = server
        self._bodies = bodies
        self._size = size
        self._chance = random.Random(0)
        self._guess = 100.0
        self.latencies: list[Sequence[float]] = []
        self.rates: list[float] = []
        self.late = 0

    def turn(self) -> float:
        """Calls a second of the peak."""
        calls = max(2 * IN_FLIGHT, round(self._guess * self._size.seconds * _PEAK_SHARE))
        with self._server.connected(CONNECTIONS) as connections:
            load = closed_loop(connections, self._bodies(calls), IN_FLIGHT)
        self._guess = load.calls / load.seconds
        rate = SHARE_OF_PEAK * self._guess
        wanted = max(8, round(rate * self._size.seconds))
        due = tuple(accumulate(self._chance.expovariate(rate) for _ in range(wanted)))
        with self._server.connected(_CONNECTIONS) as connections:
            waited = open_loop(connections, self._bodies(wanted), due)
        self.latencies.append(waited.seconds)
        self.rates.append(rate)
        self.late += waited.late
        return self._guess


def percentile(figures: Sequence[float], share: float) -> float:
    """The figure that this share of them does not exceed."""
    ordered = sorted(figures)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
