"""The service as a process of its own, on a free loopback port."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import deque
from contextlib import AbstractContextManager
from queue import Empty, SimpleQueue
from threading import Thread
from types import FrameType, TracebackType
from typing import IO, NoReturn, cast

from labgloss.cli.health import SERVING, serving_status

_FLAGS = ("--host", "127.0.0.1", "--port", "0", "--log-level", "info", "--drain-seconds", "0")
_COMMAND = (sys.executable, "-m", "labgloss", "serve", *_FLAGS)
# One that ends is noticed at once; one that proves its release first takes some 20 s of a core.
_START_S = 180.0
_STOP_S = 10.0
_HEALTH_S = 1.0
_BETWEEN_S = 0.02
_LINES_KEPT = 20


def end_by_exit(*signals: signal.Signals) -> None:
    """Makes these signals end this process by SystemExit, so that a service that it started is stopped on the way.

    One that is ignored, as by nohup, stays ignored.
    """

    def on_signal(number: int, _: FrameType | None) -> NoReturn:
        raise SystemExit(128 + number)

    for number in signals:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, on_signal)


class ServiceStartError(Exception):
    """The service did not start; its text holds the last lines of its log."""


class ServiceProcess(AbstractContextManager["ServiceProcess"]):
    """A service that starts when it is made, serves after `wait`, and is stopped by SIGTERM on leaving the context."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            _COMMAND,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
        self._last: deque[str] = deque(maxlen=_LINES_KEPT)
        self._ports: SimpleQueue[int | None] = SimpleQueue()
        self._reader = Thread(target=self._read_log, daemon=True)
        self._reader.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def wait(self) -> str:
        """Its target, once its health service says that it serves. Raises ServiceStartError when it does not."""
        deadline = time.monotonic() + _START_S
        try:
            port = self._ports.get(timeout=_START_S)
        except Empty:
            raise self._failed("did not say its port") from None
        if port is None:
            raise self._failed(f"ended at once, with exit code {self.stop()}")
        target = f"127.0.0.1:{port}"
        while (status := serving_status(target, "", _HEALTH_S)) != SERVING:
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise self._failed(f"does not serve: {status}")
            time.sleep(_BETWEEN_S)
        return target

    def stop(self) -> int:
        """Its exit code, after SIGTERM; it is killed when it takes too long."""
        self._process.terminate()
        try:
            code = self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._reader.join(_STOP_S)
        return code

    def _read_log(self) -> None:
        with cast("IO[str]", self._process.stdout) as log:
            for line in log:
                self._last.append(line.rstrip())
                if (port := _port_of(line)) is not None:
                    self._ports.put(port)
        self._ports.put(None)

    def _failed(self, why: str) -> ServiceStartError:
        log = "the end of its log:" if self._last else "its log is empty"
        return ServiceStartError("\n  ".join([f"the service {why}; {log}", *self._last]))


def _port_of(line: str) -> int | None:
    """The port that a log line of event "serving" names, else None."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    if isinstance(entry, dict) and entry.get("event") == "serving" and isinstance(entry.get("port"), int):
        return int(entry["port"])
    return None
