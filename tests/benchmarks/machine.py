"""What a run ran on and under: cores, versions, load, what others took of the machine."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from tests.benchmarks.figures import Conditions

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def machine() -> Mapping[str, str]:
    """What two runs must have in common to be compared; nothing that says which machine it is."""
    return {
        "cores": str(len(os.sched_getaffinity(0))),
        "processor": _processor(),
        "python": platform.python_version(),
        **{package: version(package) for package in ("grpcio", "protobuf", "pydantic")},
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


class Watch:
    """Looks at the machine's clocks when made, and again when asked."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._load = os.getloadavg()[0]
        self._busy, self._steal = _busy_and_steal()

    def conditions(self, own_cpu_seconds: float) -> Conditions:
        """What it was like since, of which so many CPU seconds were our own."""
        seconds = max(time.monotonic() - self._begun, 1e-9)
        capacity = seconds * (os.cpu_count() or 1)
        busy, steal = _busy_and_steal()
        foreign = max(0.0, busy - self._busy - own_cpu_seconds) / capacity
        taken = max(0.0, steal - self._steal) / capacity
        load = (self._load, os.getloadavg()[0])
        return Conditions(round(seconds, 1), load, round(foreign, 3), round(taken, 3))


def _busy_and_steal() -> tuple[float, float]:
    """Seconds that all cores worked, and that another machine had them, since this one started."""
    first = Path("/proc/stat").read_text().partition("\n")[0].split()
    user, nice, system, _, _, interrupts, soft, steal = (int(ticks) for ticks in first[1:9])
    return (user + nice + system + interrupts + soft) / _TICKS_PER_SECOND, steal / _TICKS_PER_SECOND
