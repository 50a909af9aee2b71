"""A server as a process of its own on loopback: its port, its CPU time, its memory; whatever it started is counted."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Thread
from types import MappingProxyType, TracebackType

from tests.benchmarks.lean import Connection

METHOD = "/labgloss.v1.InterpretationService/InterpretPanel"
# Connections live as long as the measurement, on both sides.
AGE_SECONDS = 3_600
SERVICE_COMMAND = (
    sys.executable, "-m", "labgloss", "serve", "--port", "0", "--drain-seconds", "0",
    "--connection-age-seconds", str(AGE_SECONDS),
)  # fmt: skip
_STOP_SECONDS = 10.0
_CPU_OF_PROCESS = 2


def cores() -> tuple[set[int], set[int]]:
    """The core for a server and the one for its caller; the same where there is only one."""
    allowed = sorted(os.sched_getaffinity(0))
    return {allowed[0]}, {allowed[-1]}


def _default_settings() -> dict[str, str]:
    """The environment without settings of the service, so that servers have its defaults."""
    return {name: value for name, value in os.environ.items() if not name.startswith("LABGLOSS_")}


def python_command(script: str, *arguments: str) -> tuple[str, ...]:
    """What starts a server of this folder, by path, so that it imports nothing of the service."""
    return sys.executable, str(Path(__file__).with_name(script)), *arguments


class ServerProcess:
    """A server with all its workers, which is stopped on leaving the context. On one core unless `everywhere`.

    Its log says "serving" with the port on standard output, once for each worker.
    """

    def __init__(
        self,
        command: Sequence[str],
        method: str = METHOD,
        tls: ssl.SSLContext | None = None,
        everywhere: bool = False,
        workers: int = 1,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._method, self._tls = method, tls
        self.started = time.perf_counter()
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            env={**_default_settings(), **environment},
        )
        self._own = ExitStack()
        try:
            if not everywhere:
                os.sched_setaffinity(self._process.pid, cores()[0])
            (self.port, *_) = [self._port() for _ in range(workers)]
        except BaseException:
            self._stop()
            raise
        # The log is read on, so that the pipe never holds the server up.
        self._reader = Thread(target=self._read_log, daemon=True)
        self._reader.start()
        self._connection: Connection | None = None

    @contextmanager
    def connected(self, count: int, method: str | None = None) -> Iterator[list[Connection]]:
        """So many new connections that the server has taken; for one turn, because nobody reads them afterwards, and
        a server ends what is idle."""
        with ExitStack() as stack:
            made = [stack.enter_context(Connection(self.port, method or self._method, self._tls)) for _ in range(count)]
            for connection in made:
                connection.settle()
            yield made

    def answer(self, request: bytes) -> bytes:
        """The bytes of the answer. Raises LoadError when it is not OK."""
        if self._connection is None:
            self._connection = self._own.enter_context(Connection(self.port, self._method, self._tls))
        return self._connection.ask(request)

    @property
    def pids(self) -> tuple[int, ...]:
        """The process and all that it started."""
        return tuple(_tree(self._process.pid))

    def cpu_seconds(self) -> float:
        """User and system time of all its threads and workers so far, by the kernel's clock of each process."""
        return sum(cpu_of(pid) for pid in self.pids)

    def resident_mb(self) -> float:
        """The memory that it and what it started hold (VmRSS), in MB of 1024 x 1024 bytes."""
        return sum(_kilobytes(f"/proc/{pid}/status", "VmRSS") for pid in self.pids) / 1024

    def proportional_mb(self) -> list[float]:
        """The same of each process by itself, a page that several share divided among them (PSS)."""
        return [_kilobytes(f"/proc/{pid}/smaps_rollup", "Pss") / 1024 for pid in self.pids]

    def __enter__(self) -> ServerProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._own.close()
        self._stop()
        self._reader.join()

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise RuntimeError(f"a server did not end within {_STOP_SECONDS:.0f} s of SIGTERM") from None
        finally:
            self._process.wait()

    def _port(self) -> int:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{") and (entry := json.loads(line)).get("event") == "serving":
                return int(entry["port"])
        raise RuntimeError(f"the server ended before it served, with exit code {self._process.wait()}")

    def _read_log(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as log:
            for _ in log:
                pass


def cpu_of(pid: int) -> float:
    """CPU seconds of one process so far, also of its threads that ended."""
    # The clock that clock_getcpuclockid(3) names.
    return time.clock_gettime((~pid << 3) | _CPU_OF_PROCESS)


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from _tree(int(child))


def _kilobytes(file: str, name: str) -> int:
    lines = Path(file).read_text().splitlines()
    return int(next(line for line in lines if line.startswith(f"{name}:")).split()[1])
