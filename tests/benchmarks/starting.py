"""P7: from the start of the process to its first answer, beside a process that imports the four libraries and ends."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.figures import Row
from tests.benchmarks.groups import GROUPS
from tests.benchmarks.sent import THE_FOUR_LIBRARIES, Panels
from tests.benchmarks.server_process import SERVICE_COMMAND, ServerProcess, cores
from tests.benchmarks.size import Size

_IMPORTING = (sys.executable, "-c", f"import {', '.join(THE_FOUR_LIBRARIES)}")
ROWS = GROUPS["P7"].rows


def measure(size: Size, folder: Path) -> Iterator[Row]:
    """P7; the files are in the page cache and compiled, by a start that is not counted."""
    (request, *_) = Panels(size.panels).fresh(1)
    starts: list[tuple[float, float]] = []
    imports: list[tuple[float, float]] = []
    for number in range(size.starts + 1):
        for turn in (_start, _import) if number % 2 else (_import, _start):
            (starts if turn is _start else imports).append(turn(request))
    for place, row in enumerate(ROWS):
        ours, others = ([1_000 * figures[place] for figures in side[1:]] for side in (starts, imports))
        yield row.measured(ours, others)


def _start(request: bytes) -> tuple[float, float]:
    """Seconds of CPU and by the clock until the first answer."""
    with ServerProcess(SERVICE_COMMAND) as server:
        server.answer(request)
        return server.cpu_seconds(), time.perf_counter() - server.started


def _import(_: bytes) -> tuple[float, float]:
    begun = time.perf_counter()
    process = subprocess.Popen(_IMPORTING, stdin=subprocess.DEVNULL)
    os.sched_setaffinity(process.pid, cores()[0])
    _ended, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"importing the libraries ended with exit code {process.returncode}")
    return used.ru_utime + used.ru_stime, time.perf_counter() - begun
