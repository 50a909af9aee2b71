"""R18: one client asks ten times as much as can be answered; nine others, who ask for little, hardly lose by it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reliability.processes import ServiceProcess
from tests.reliability.rude import Ended, Rude
from tests.reliability.table import Table

OTHERS = 9
# Of what can be answered, each of the others; the noisy one on its one connection.
EACH, NOISE = 0.05, 10
TARGET, GATED = 0.95, 0.7
UNDER_WAY = 16


def beside(service: ServiceProcess, noise: float, seconds: float) -> tuple[Ended, Ended]:
    """What came of the calls of the others, and of those of one client that asks so many times what can be answered."""
    with Rude(service.port) as noisy, Rude(service.port) as others:
        capacity = noisy.phase(connections=4, under_way=UNDER_WAY, seconds=1.5).goodput
        noisy.begin(connections=1, per_second=noise * capacity, seconds=seconds)
        quiet = others.phase(connections=OTHERS, per_second=OTHERS * EACH * capacity, seconds=seconds)
        return quiet, noisy.end()


def share(quiet: Ended) -> float:
    """Of all that was asked, what was answered while it was of use."""
    return quiet.useful / quiet.offered


@pytest.mark.timed
@pytest.mark.timeout(3600)
def test_a_noisy_client_costs_the_others_hardly_an_answer(table: Table, tmp_path: Path) -> None:
    seconds = table.size(4.0, 60.0)
    with ServiceProcess(tmp_path / "service") as service:
        before, _ = beside(service, 0.05, seconds / 2)
        quiet, noisy = beside(service, NOISE, seconds)
    with ServiceProcess(tmp_path / "unbounded", broken="unbounded") as service:
        control, _ = beside(service, NOISE, seconds)
    table.settle(
        "R18",
        f"one client at {NOISE} times the capacity, {OTHERS} at {EACH} each",
        size=f"{noisy.offered} calls of the one, {quiet.offered} of the others",
        figure=f"others {share(quiet):.1%} answered within a second, p99 {quiet.p99:.0f} ms (without the one "
        f"{share(before):.1%}, {before.p99:.0f} ms); of the one {noisy.answered} answered, {noisy.refused} refused by "
        f"Python, {noisy.reset} by the core",
        target=f"{TARGET:.0%} (gated at {GATED:.0%}: others share the machine)",
        held=share(quiet) >= GATED,
        control=f"without bounds {share(control):.1%}",
        found=share(control) < GATED,
    )
