"""The service as processes of their own: started from a program, read by its log, ended with whatever it started."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import Any

import labgloss

_LONGEST_SECONDS = 120.0

# Checks as labgloss.cli.candidate does, and proves nothing, which would take 20 s.
CHECK = """
import sys
from pathlib import Path
from labgloss.errors import KnowledgeError
from labgloss.knowledge.loader import load
from labgloss.server.reload import found
try:
    print(found(load(Path(sys.argv[1]), Path(sys.argv[2]) if sys.argv[2] else None).reference))
except KnowledgeError as error:
    print(found(None, error.faults))
"""

# What tests put in front of it changes what is served.
PROGRAM = f"""
import os, sys
from labgloss.knowledge.loader import load
from labgloss.server.app import serve
from labgloss.server.settings import read_settings
from labgloss.server.supervisor import supervise
settings = read_settings(os.environ, {{}})
check = [sys.executable, "-c", {CHECK!r}, str(settings.knowledge), str(settings.overlay or "")]
serving = serve if settings.workers == 1 else supervise
sys.exit(serving(settings, load(settings.knowledge, settings.overlay), check))
"""


class Service:
    """A service that was started, and what it has logged so far."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.lines: list[dict[str, Any]] = []

    @property
    def pid(self) -> int:
        return self.process.pid

    def next(self, *events: str, count: int = 1) -> list[dict[str, Any]]:
        """The lines of these events that are logged from here on, once there are so many."""
        found: list[dict[str, Any]] = []
        assert self.process.stdout is not None
        while len(found) < count:
            line = self.process.stdout.readline()
            assert line, f"the log ended; it said {self.lines}, and on standard error {self.rest()[1]!r}"
            self.lines.append(json.loads(line))
            if self.lines[-1]["event"] in events:
                found.append(self.lines[-1])
        return found

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def rest(self) -> tuple[list[dict[str, Any]], str]:
        """What it still logs until it ends, and its standard error."""
        out, err = self.process.communicate(timeout=60)
        lines = [json.loads(line) for line in out.splitlines()]
        self.lines += lines
        return lines, err.decode()


@contextmanager
def service(program: str = PROGRAM, **settings: object) -> Iterator[Service]:
    """A service on a free port of loopback; killed at the end, with its workers."""
    environment = {name: text for name, text in os.environ.items() if not name.startswith("LABGLOSS_")}
    environment["PYTHONPATH"] = str(Path(labgloss.__file__).parent.parent)
    defaults = {"port": 0, "drain_seconds": 0}
    environment |= {f"LABGLOSS_{name.upper()}": str(value) for name, value in {**defaults, **settings}.items()}
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        started = Service(process)
        # A line that never comes is waited for no longer.
        killer = Timer(_LONGEST_SECONDS, process.kill)
        killer.start()
        try:
            yield started
        finally:
            killer.cancel()
            process.kill()
            _end(line["pid"] for line in started.lines if line["event"] == "serving")


def _end(pids: Iterator[int]) -> None:
    for pid in pids:
        if is_alive(pid):
            os.kill(pid, signal.SIGKILL)


def is_alive(pid: int) -> bool:
    """Whether a process of this id runs: one that waits to be buried does not."""
    return status_of(pid).get("State", "Z")[0] not in "ZX"


def status_of(pid: int) -> Mapping[str, str]:
    """What the kernel says of a process; nothing of one that is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return {}
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    """Waits until it holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it does not come to hold"
        time.sleep(0.01)
