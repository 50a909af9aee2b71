"""The HTTP service in front of the real gRPC server: inside this process, over ASGI or over a port of loopback."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import Any

import httpx

import labgloss
from labgloss.access.callers import read_identity
from labgloss.access.file import watch_access
from labgloss.http.app import Readiness, make_app
from labgloss.http.gate import Gate
from labgloss.http.settings import HttpSettings
from labgloss.log import make_log
from labgloss_client import AsyncClient
from tests.http import contract

BASE = "http://labgloss.example"
_LONGEST_SECONDS = 60.0


@dataclass
class App:
    """The application, asked without a socket, and what it logged."""

    http: httpx.AsyncClient
    stream: io.BytesIO
    readiness: Readiness

    @property
    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


@asynccontextmanager
async def app(target: str, raising: bool = True, **settings: Any) -> AsyncIterator[App]:
    """The application over the gRPC service at the target."""
    chosen, stream = HttpSettings(target=target, **settings), io.BytesIO()
    log = make_log(stream, "info")
    _, access = read_identity(chosen)
    gate = Gate(None if access is None else watch_access(chosen, access, log), chosen.public_url or "")
    async with AsyncClient(target, timeout_s=chosen.timeout_seconds) as client:
        readiness = Readiness(client)
        asgi = make_app(chosen, client, gate, readiness, log)
        transport = httpx.ASGITransport(asgi, raise_app_exceptions=raising)
        hooks = {"response": [_contracted]}
        async with httpx.AsyncClient(transport=transport, base_url=BASE, event_hooks=hooks) as http:
            yield App(http, stream, readiness)


async def _contracted(response: httpx.Response) -> None:
    await response.aread()
    contract.check(response)


def asked(target: str, asking: Any, **settings: Any) -> Any:
    """What comes of asking the application: `asking` is given it, and awaited."""

    async def run() -> Any:
        async with app(target, **settings) as served:
            return await asking(served)

    return asyncio.run(run())


class Process:
    """`labgloss cds serve`, and what it has logged so far."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.lines: list[dict[str, Any]] = []

    def next(self, event: str) -> dict[str, Any]:
        """The next line of an event."""
        assert self.process.stdout is not None
        while True:
            line = self.process.stdout.readline()
            assert line, f"the log ended; it said {self.lines}, and on standard error {self.rest()[1]!r}"
            self.lines.append(json.loads(line))
            if self.lines[-1]["event"] == event:
                return self.lines[-1]

    def rest(self) -> tuple[list[dict[str, Any]], str]:
        out, err = self.process.communicate(timeout=30)
        return [json.loads(line) for line in out.splitlines()], err.decode()

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(20)


@contextmanager
def process(target: str, *flags: str, **settings: object) -> Iterator[Process]:
    """`labgloss cds serve` on a free port of loopback; killed at the end."""
    environment = {name: text for name, text in os.environ.items() if not name.startswith("LABGLOSS_")}
    folders = [Path(labgloss.__file__).parents[1], Path(labgloss.__file__).parents[2] / "clients" / "python"]
    environment["PYTHONPATH"] = os.pathsep.join(map(str, folders))
    given = {"port": 0, "drain_seconds": 0, "target": target, **settings}
    environment |= {f"LABGLOSS_{name.upper()}": str(value) for name, value in given.items()}
    command = [sys.executable, "-m", "labgloss", "cds", "serve", *flags]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as started:
        killer = Timer(_LONGEST_SECONDS, started.kill)
        killer.start()
        try:
            yield Process(started)
        finally:
            killer.cancel()
            started.kill()
