"""P1 and P2: what a call costs beside a handler that does nothing with the same bytes, and beside a hello-world."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from tests.benchmarks import hello
from tests.benchmarks.figures import Row
from tests.benchmarks.groups import GROUPS, IN_FLIGHT
from tests.benchmarks.sent import Panels, check_answers, do_nothing
from tests.benchmarks.server_process import SERVICE_COMMAND, ServerProcess, python_command
from tests.benchmarks.size import Size
from tests.benchmarks.turns import cpu_microseconds, evidence_flags, in_turn, round_robin

# A turn of a server that does nothing is short: it is made longer.
CHEAP = 4


def beside_do_nothing(size: Size, folder: Path) -> Iterator[Row]:
    """P1. Raises ValueError when the server that does nothing does not give our bytes."""
    panels = Panels(size.panels)
    fixed = panels.fixed()
    with ServerProcess((*SERVICE_COMMAND, *evidence_flags(folder))) as service:
        answers = [service.answer(request) for request in fixed]
        with ServerProcess(do_nothing(folder / "do_nothing.json", fixed, answers)) as other:
            check_answers(other, fixed, answers)
            note = (
                f"{len(fixed)} distinct panels, {_mean(fixed):.0f} bytes a request, {_mean(answers):.0f} an answer; "
                f"both servers gave the same bytes for {len(fixed)} of {len(fixed)}"
            )
            for row, in_flight in zip(GROUPS["P1"].rows, (IN_FLIGHT, 1), strict=True):
                costs = in_turn(
                    size.pairs,
                    partial(_of_service, service, panels, size, in_flight),
                    partial(_of_do_nothing, other, fixed, size, in_flight),
                )
                yield row.measured(*costs, faster=True, note=note)
                note = ""


def beside_hello(size: Size, folder: Path) -> Iterator[Row]:
    """P2."""
    (row,) = GROUPS["P2"].rows
    panels = Panels(size.panels)
    greetings = hello.requests(CHEAP * size.calls)
    with (
        ServerProcess((*SERVICE_COMMAND, *evidence_flags(folder))) as service,
        ServerProcess(python_command("hello.py"), hello.METHOD) as other,
    ):
        if other.answer(greetings[0]) != greetings[0]:
            raise ValueError("the hello-world does not send back what it was sent")
        costs = in_turn(
            size.pairs,
            lambda: cpu_microseconds(service, panels.fresh(size.calls), IN_FLIGHT),
            lambda: cpu_microseconds(other, greetings, IN_FLIGHT),
        )
        yield row.measured(*costs, faster=True, note=f"a greeting has {len(greetings[0])} bytes, and so has its answer")


def _of_service(server: ServerProcess, panels: Panels, size: Size, in_flight: int) -> float:
    return cpu_microseconds(server, panels.fresh(size.calls), in_flight)


def _of_do_nothing(server: ServerProcess, fixed: Sequence[bytes], size: Size, in_flight: int) -> float:
    return cpu_microseconds(server, round_robin(fixed, CHEAP * size.calls), in_flight)


def _mean(messages: Sequence[bytes]) -> float:
    return sum(map(len, messages)) / len(messages)
