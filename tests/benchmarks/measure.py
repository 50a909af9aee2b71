"""What is measured, and how: both servers side by side, in turn, with the same requests."""

from __future__ import annotations

import json
import os
import time
from base64 import b64encode
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from labgloss.engine.interpret import interpret
from labgloss.knowledge.loader import load
from labgloss.panels.reader import read_panels
from labgloss.panels.shipped import sample_panels_folder
from labgloss.server.app import options_of
from labgloss.server.settings import Settings
from labgloss.v1.interpretation_pb2 import InterpretPanelRequest
from labgloss.wire.decode import decode_panel
from tests.benchmarks.server_process import METHOD, SERVICE_COMMAND, ServerProcess, do_nothing_command

LEAST_REQUESTS = 64
IN_FLIGHT = 8


@dataclass(frozen=True)
class Size:
    """How much is measured: starts of each server, A B B A blocks, passes over the requests a turn, engine rounds."""

    starts: int
    blocks: int
    passes: int
    rounds: int


@dataclass(frozen=True)
class Pair:
    """CPU microseconds per call of both servers, measured one right after the other."""

    service: float
    do_nothing: float

    @property
    def ratio(self) -> float:
        return self.service / self.do_nothing


@dataclass(frozen=True)
class Memory:
    """Resident megabytes after the first answer and at the end."""

    after_start: float
    after_run: float


@dataclass(frozen=True)
class Measured:
    """Everything that the table shows."""

    size: Size
    requests: tuple[bytes, ...]
    answers: tuple[bytes, ...]
    start_up: tuple[Sequence[float], Sequence[float]]
    one_at_a_time: Sequence[Pair]
    in_flight: Sequence[Pair]
    engine: Sequence[float]
    memory: tuple[Memory, Memory]
    calls_in_a_turn: int
    load_before: float


def sample_requests() -> tuple[bytes, ...]:
    """The sample panels as requests, each once. Raises ValueError when they are too few for a cache to be of no use."""
    panels = (case.panel for case in read_panels([sample_panels_folder()]))
    requests = tuple(dict.fromkeys(InterpretPanelRequest(panel=panel).SerializeToString() for panel in panels))
    if len(requests) < LEAST_REQUESTS:
        raise ValueError(f"{len(requests)} distinct sample panels are too few; at least {LEAST_REQUESTS} are needed")
    return requests


def tell_do_nothing(file: Path, requests: Sequence[bytes], answers: Sequence[bytes]) -> Path:
    """The file that tells the server that does nothing what to answer, and on which stack."""
    settings = Settings()
    pairs = zip(requests, answers, strict=True)
    told = {
        "method": METHOD,
        "threads": settings.threads,
        "options": options_of(settings),
        "answers": {b64encode(request).decode(): b64encode(answer).decode() for request, answer in pairs},
    }
    file.write_text(json.dumps(told))
    return file


def check_answers(server: ServerProcess, requests: Sequence[bytes], answers: Sequence[bytes]) -> None:
    """Nothing. Raises ValueError unless the server answers every request with the very same bytes."""
    differing = sum(server.answer(request) != answer for request, answer in zip(requests, answers, strict=True))
    if differing:
        raise ValueError(f"{differing} of {len(requests)} answers are not the same bytes: nothing can be compared")


def measure(size: Size, folder: Path) -> Measured:
    """Both servers started, compared answer by answer, loaded in turn, and stopped."""
    load_before = os.getloadavg()[0]
    requests = sample_requests()
    engine = engine_microseconds(size.rounds)
    with ServerProcess(SERVICE_COMMAND) as service:
        service.answer(requests[0])
        service_after_start = service.resident_mb()
        answers = tuple(service.answer(request) for request in requests)
        told = tell_do_nothing(folder / "do_nothing.json", requests, answers)
        with ServerProcess(do_nothing_command(told)) as do_nothing:
            do_nothing.answer(requests[0])
            do_nothing_after_start = do_nothing.resident_mb()
            for server in (service, do_nothing):
                check_answers(server, requests, answers)
            turn = requests * size.passes
            one_at_a_time = _pairs(service, do_nothing, turn, 1, size.blocks)
            in_flight = _pairs(service, do_nothing, turn, IN_FLIGHT, size.blocks)
            memory = (
                Memory(service_after_start, service.resident_mb()),
                Memory(do_nothing_after_start, do_nothing.resident_mb()),
            )
    start_up = _start_up(size.starts, do_nothing_command(told), requests[0])
    return Measured(size, requests, answers, start_up, one_at_a_time, in_flight, engine, memory, len(turn), load_before)


def engine_microseconds(rounds: int) -> list[float]:
    """CPU microseconds per panel of the engine alone, in this process: no wire, no server; one figure a round."""
    release = load()
    cases = read_panels([sample_panels_folder()])
    panels = [decode_panel(case.panel, "panel", release) for case in cases]
    figures = []
    for _ in range(rounds + 1):
        begin = time.process_time()
        for panel in panels:
            interpret(release, panel)
        figures.append((time.process_time() - begin) * 1e6 / len(panels))
    # The first round fills the caches of the release.
    return figures[1:]


def _pairs(
    service: ServerProcess, do_nothing: ServerProcess, turn: Sequence[bytes], in_flight: int, blocks: int
) -> list[Pair]:
    """A B B A, so that what drifts during the run weighs on both alike: two pairs a block."""
    pairs = []
    for _ in range(blocks):
        first = cpu_microseconds(service, turn, in_flight)
        second = cpu_microseconds(do_nothing, turn, in_flight)
        third = cpu_microseconds(do_nothing, turn, in_flight)
        fourth = cpu_microseconds(service, turn, in_flight)
        pairs += [Pair(first, second), Pair(fourth, third)]
    return pairs


def cpu_microseconds(server: ServerProcess, turn: Sequence[bytes], in_flight: int) -> float:
    """CPU microseconds per call of one server over one turn of requests."""
    begin = server.cpu_seconds()
    if in_flight == 1:
        for request in turn:
            server.answer(request)
    else:
        with ThreadPoolExecutor(in_flight) as callers:
            for _ in callers.map(server.answer, turn):
                pass
    return (server.cpu_seconds() - begin) * 1e6 / len(turn)


def _start_up(starts: int, do_nothing: Sequence[str], request: bytes) -> tuple[list[float], list[float]]:
    """Seconds from starting the process to its first answer, of both servers in turn; files are in the page cache."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(starts):
        for command, figures in zip((SERVICE_COMMAND, do_nothing), seconds, strict=True):
            with ServerProcess(command) as server:
                figures.append(server.seconds_to_answer(request))
    return seconds
