"""What a serving process is told to do: by signals, or, as one of several workers, by its supervisor.

A release that a worker is to serve is handed to it with the order, so that no file decides what it serves. Whoever
waits for an order waits on a file descriptor, so that none is missed that comes just before the wait begins.
"""

from __future__ import annotations

import json
import math
import os
import select
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from types import FrameType, TracebackType
from typing import Self

from labgloss.frozen import dataclass

# How often a worker says that it is there.
BEAT_SECONDS = 2.0


class Do(StrEnum):
    """What is to be done."""

    # Balancers are given time to notice, then the server stops.
    DRAIN = "drain"
    # No waiting for balancers; calls under way may end. Told while draining: nor for them.
    STOP = "stop"
    RELOAD = "reload"
    # A child has ended.
    REAP = "reap"


@dataclass(frozen=True, slots=True)
class Order:
    """What to do; the signal that said so; for a worker that is to reload, the release as `parsed.written` gives it."""

    do: Do
    signal: str = ""
    release: bytes = b""


# The next order, or None when there was none in so many seconds.
Wait = Callable[[float | None], Order | None]

_BY_SIGNAL = {
    signal.SIGTERM: Do.DRAIN,
    # A person at a keyboard, for whom no balancer waits.
    signal.SIGINT: Do.STOP,
    signal.SIGHUP: Do.RELOAD,
    signal.SIGCHLD: Do.REAP,
}


class Signals:
    """Orders by signal, from entering the context on; only in the main thread."""

    def __init__(self) -> None:
        # Was it started from a terminal? One that is closed sends SIGHUP too, and then nobody is left to stop it.
        self._terminal = os.isatty(0) if _is_open(0) else False
        self._read, self._write = os.pipe()
        for end in (self._read, self._write):
            os.set_blocking(end, False)

    def __enter__(self) -> Self:
        for number in _BY_SIGNAL:
            signal.signal(number, _ignore)
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        # Where it was kept back until now.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGHUP,))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave(signal.SIG_DFL)

    def leave(self, handling: signal.Handlers) -> None:
        """Gives the signals that tell to stop or reload another handling; as a worker does, told by its supervisor."""
        signal.set_wakeup_fd(-1)
        for number in _BY_SIGNAL:
            signal.signal(number, signal.SIG_DFL if number == signal.SIGCHLD else handling)
        os.close(self._read)
        os.close(self._write)

    def fileno(self) -> int:
        """What is readable when there is an order."""
        return self._read

    def wait(self, seconds: float | None) -> Order | None:
        """The next order, or None after so many seconds."""
        if not _readable(self._read, seconds):
            return None
        number = signal.Signals(os.read(self._read, 1)[0])
        do = _BY_SIGNAL.get(number)
        if do is None:
            return None
        if do is Do.RELOAD and self._terminal and not os.isatty(0):
            do = Do.STOP
        return Order(do, number.name)


class Line:
    """One end of what connects a supervisor and a worker: orders one way, what was done the other, a line each."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._rest = b""
        # Of files that came with what was said, the oldest first.
        self._files: list[int] = []

    def fileno(self) -> int:
        """What is readable when something was said."""
        return self._end.fileno()

    def close(self) -> None:
        """Says nothing more; the other end hears that."""
        self._end.close()

    def say(self, file: int | None = None, **content: object) -> bool:
        """Whether the other end could be told; with a file, it is handed that too."""
        files = [] if file is None else [file]
        try:
            socket.send_fds(self._end, [json.dumps({**content, "files": len(files)}).encode() + b"\n"], files)
        except OSError:
            return False
        return True

    def order(self, order: Order, release: int | None = None) -> bool:
        """Whether a worker could be told what to do; `release`: the file whose content it is to serve."""
        return self.say(release, do=order.do, signal=order.signal)

    def _beat(self) -> None:
        # A supervisor that does not hear now keeps no worker waiting.
        with suppress(OSError):
            self._end.send(b"{}\n", socket.MSG_DONTWAIT)

    def hear(self) -> dict[str, object] | None:
        """What the other end said next; None when it is gone. Waits for it."""
        while b"\n" not in self._rest:
            try:
                more, files, _, _ = socket.recv_fds(self._end, 65_536, 1)
            except OSError:
                more, files = b"", []
            self._files += files
            if not more:
                return None
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\n")
        heard = json.loads(line)
        return heard if isinstance(heard, dict) else {}

    @property
    def has_more(self) -> bool:
        """Whether something that was said is here already."""
        return b"\n" in self._rest

    def wait(self, seconds: float | None) -> Order | None:
        """The next order of the supervisor, or None after so many seconds; to stop, when it is gone.

        While a worker waits, which it does whenever it serves, its supervisor hears of it every BEAT_SECONDS.
        """
        until = math.inf if seconds is None else time.monotonic() + seconds
        while not self.has_more and not _readable(self._end.fileno(), min(BEAT_SECONDS, until - time.monotonic())):
            if time.monotonic() >= until:
                return None
            self._beat()
        heard = self.hear()
        if heard is None:
            return Order(Do.STOP)
        release = _content(self._files.pop(0)) if heard["files"] else b""
        return Order(Do(str(heard["do"])), str(heard["signal"]), release)


def _ignore(_: int, __: FrameType | None) -> None:
    """Nothing: its number is in the pipe already."""


def _readable(descriptor: int, seconds: float | None) -> bool:
    # Not select.select, which refuses descriptors beyond 1,023.
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(None if seconds is None else max(0.0, seconds) * 1_000))


def _content(file: int) -> bytes:
    """What a file holds, which is closed. Others read it too: where one is in it is where all are, so not by that."""
    try:
        return os.pread(file, os.fstat(file).st_size, 0)
    finally:
        os.close(file)


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True
