"""How long calls take through `labgloss cds serve` and `labgloss serve`, as processes of their own, on this machine.

    python -m tests.http.measure [SECONDS]

Calls begin at a steady rate, whether or not those before have ended, so that waiting counts; each row says the rate,
the median, the 99th percentile and the longest, and the CPU time of the two processes for a call.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.http.test_cds_hooks import NORMAL, call, observation, searched
from tests.http.test_panels import MAGNESIUM

SENT = {
    "2601-3": ("0.85", "mmol/L"), "2000-8": ("2.4", "mmol/L"), "2823-3": ("2.4", "mmol/L"), "1751-7": ("4.2", "g/dL"),
    "14682-9": ("80", "umol/L"), "2951-2": ("140", "mmol/L"), "2075-0": ("100", "mmol/L"), "1963-8": ("25", "mmol/L"),
    "14879-1": ("1.1", "mmol/L"), "14866-8": ("4", "pmol/L"), "6768-6": ("80", "U/L"), "62292-8": ("30", "ng/mL"),
}  # fmt: skip
DRAWS = searched(
    *(
        observation(code, value, unit, f"o{code}-{day}", effectiveDateTime=f"2026-01-{day:02}T08:00:00Z")
        for day in range(20, 15, -1)
        for code, (value, unit) in SENT.items()
    )
)
RATES = (5, 10, 20, 40)
ASKED: dict[str, tuple[str, Any]] = {
    "a panel as JSON": ("/v1/panels:interpret", MAGNESIUM),
    "a hook, nothing found": ("/cds-services/labgloss-patient-view", call(observations=NORMAL)),
    "a hook, 60 results of 5 draws": ("/cds-services/labgloss-patient-view", call(observations=DRAWS)),
    "a hook, two critical results": ("/cds-services/labgloss-patient-view", call()),
}


@contextmanager
def started(*command: str) -> Iterator[tuple[int, int]]:
    """Process id and port of a command of labgloss, once it serves."""
    environment = {name: text for name, text in os.environ.items() if not name.startswith("LABGLOSS_")}
    whole = [sys.executable, "-m", "labgloss", *command, "--port", "0"]
    with subprocess.Popen(whole, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            while (line := json.loads(process.stdout.readline()))["event"] != "serving":
                pass
            # Its log is read by nobody; a pipe that is full would stop it.
            subprocess.Popen(["cat"], stdin=process.stdout, stdout=subprocess.DEVNULL)
            yield process.pid, line["port"]
        finally:
            process.terminate()


def cpu_seconds(pid: int) -> float:
    with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def load(port: int, path: str, body: Any, rate: int, seconds: float) -> list[float]:
    """Seconds that each call took from when it was to begin, in order of size; without end where it failed."""
    content, headers = json.dumps(body).encode(), {"content-type": "application/json"}
    took: list[float] = []

    async def one(http: httpx.AsyncClient, at: float) -> None:
        await asyncio.sleep(at - time.perf_counter())
        response = await http.post(path, content=content, headers=headers)
        took.append(time.perf_counter() - at if response.status_code == 200 else float("inf"))

    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as http:
        begun = time.perf_counter() + 0.1
        await asyncio.gather(*(one(http, begun + number / rate) for number in range(int(rate * seconds))))
    return sorted(took)


def main(seconds: float) -> None:
    """Prints a row for each request and rate."""
    with (
        started("serve") as (grpc_pid, grpc_port),
        started("cds", "serve", "--target", f"127.0.0.1:{grpc_port}") as served,
    ):
        pid, port = served
        for name, (path, body) in ASKED.items():
            asyncio.run(load(port, path, body, 5, 2))
            for rate in RATES:
                before = cpu_seconds(pid), cpu_seconds(grpc_pid)
                took = asyncio.run(load(port, path, body, rate, seconds))
                used = [
                    (cpu_seconds(each) - at) * 1_000 / len(took)
                    for each, at in zip((pid, grpc_pid), before, strict=True)
                ]
                at = [took[min(len(took) - 1, int(len(took) * part))] * 1_000 for part in (0.5, 0.99, 1)]
                print(
                    f"{name:<30} {rate:>3}/s  median {at[0]:6.1f}  p99 {at[1]:6.1f}  longest {at[2]:6.1f} ms   "
                    f"cpu {used[0]:4.1f} + {used[1]:4.1f} ms"
                )


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 10)
