"""A server as a process of its own on loopback: its address, its CPU time, its memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from threading import Thread
from types import TracebackType

import grpc

METHOD = "/labgloss.v1.InterpretationService/InterpretPanel"
SERVICE_COMMAND = (sys.executable, "-m", "labgloss", "serve", "--port", "0", "--drain-seconds", "0")
_CALL_SECONDS = 30.0
_STOP_SECONDS = 10.0
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def _default_settings() -> dict[str, str]:
    """The environment without settings of the service, so that both servers have its defaults."""
    return {name: value for name, value in os.environ.items() if not name.startswith("LABGLOSS_")}


def do_nothing_command(file: Path) -> tuple[str, ...]:
    """What starts the server that does nothing with the answers of a file."""
    return sys.executable, str(Path(__file__).with_name("do_nothing.py")), str(file)


class ServerProcess:
    """A server that was started, and is stopped on leaving the context."""

    def __init__(self, command: Sequence[str]) -> None:
        self._started = time.perf_counter()
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, env=_default_settings()
        )
        self.target = f"127.0.0.1:{self._port()}"
        self._channel = grpc.insecure_channel(self.target)
        # Neither request nor answer is decoded here: bytes go out and come back.
        self._call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = self._channel.unary_unary(METHOD)
        # The log is read on, so that the pipe never holds the server up.
        self._reader = Thread(target=self._read_log, daemon=True)
        self._reader.start()

    def seconds_to_answer(self, request: bytes) -> float:
        """The time from the start of the process to its first answer, which is asked for here."""
        self.answer(request)
        return time.perf_counter() - self._started

    def answer(self, request: bytes) -> bytes:
        """The bytes of the answer. Raises RpcError when it is not OK."""
        return self._call(request, timeout=_CALL_SECONDS, wait_for_ready=True)

    def cpu_seconds(self) -> float:
        """User and system time of all its threads so far, to a tick of 10 ms."""
        after_name = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        user, system = after_name[11:13]
        return (int(user) + int(system)) / _TICKS_PER_SECOND

    def resident_mb(self) -> float:
        """The memory that it holds (VmRSS), in MB of 1024 x 1024 bytes."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        kilobytes = next(line for line in status.splitlines() if line.startswith("VmRSS:")).split()[1]
        return int(kilobytes) / 1024

    def __enter__(self) -> ServerProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._channel.close()
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise RuntimeError(f"a server did not end within {_STOP_SECONDS:.0f} s of SIGTERM") from None
        finally:
            self._process.wait()
            self._reader.join()

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
