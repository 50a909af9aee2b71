"""P7: from the start of the process to its first answer, beside a process that imports the four libraries and ends."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from tests.benchmarks.figures import Row
from tests.benchmarks.groups import GROUPS
from tests.benchmarks.packaged import as_in_the_image, compiled
from tests.benchmarks.sent import THE_FOUR_LIBRARIES, Panels
from tests.benchmarks.server_process import SERVICE_COMMAND, ServerProcess, cores
from tests.benchmarks.size import Size

_IMPORTING = (sys.executable, "-c", f"import {', '.join(THE_FOUR_LIBRARIES)}")
ROWS = GROUPS["P7"].rows


def measure(size: Size, folder: Path) -> Iterator[Row]:
    """P7; the files are compiled, and in the page cache, by a start that is not counted."""
    (request, *_) = Panels(size.panels).fresh(1)
    in_image, of_files = as_in_the_image(folder), compiled(folder / "checkout")
    turns = (partial(_start, request, in_image), partial(_start, request, of_files), _import)
    figures: list[list[tuple[float, float]]] = [[] for _ in turns]
    for number in range(size.starts + 1):
        for place in range(len(turns))[:: -1 if number % 2 else 1]:
            figures[place].append(turns[place]())
    (image_cpu, image_wall), (files_cpu, _), (import_cpu, import_wall) = (
        [[1_000 * figure for figure in side] for side in zip(*of_turn[1:], strict=True)] for of_turn in figures
    )
    yield ROWS[0].measured(image_cpu, import_cpu, note="with the release parsed before, as the image holds it")
    yield ROWS[1].measured(image_wall, import_wall)
    yield ROWS[2].measured(files_cpu, import_cpu)


def _start(request: bytes, environment: Mapping[str, str]) -> tuple[float, float]:
    """Seconds of CPU and by the clock until the first answer."""
    with ServerProcess(SERVICE_COMMAND, environment=environment) as server:
        server.answer(request)
        return server.cpu_seconds(), time.perf_counter() - server.started


def _import() -> tuple[float, float]:
    begun = time.perf_counter()
    process = subprocess.Popen(_IMPORTING, stdin=subprocess.DEVNULL)
    os.sched_setaffinity(process.pid, cores()[0])
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"importing the libraries ended with exit code {process.returncode}")
    return used.ru_utime + used.ru_stime, time.perf_counter() - begun
