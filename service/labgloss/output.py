"""What is written for others to read, as standard output is: whoever writes never waits long for whoever reads.

A pipe that is full, or a terminal that was halted, takes nothing until somebody reads, and a write would wait for that.
"""

from __future__ import annotations

import os
import select
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

# What was begun is waited for so long, so that a pipe that is full for a moment tears no line.
_BEGUN_SECONDS = 0.2
# Where poll and write do not agree.
_AGAIN_SECONDS = 0.001


class OneAtATime:
    """Held by whoever writes a line to standard output; `torn` when the last one there is not whole."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.torn = False

    @contextmanager
    def hold(self, seconds: float) -> Iterator[bool]:
        """Whether it is held, which another may do for longer than so many seconds."""
        held = self._lock.acquire(timeout=seconds)
        try:
            yield held
        finally:
            if held:
                self._lock.release()


class Output:
    """A descriptor that others may have too, and set as they want it: its flags are theirs."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor, self._asks = _not_waiting(descriptor)

    def ready(self, seconds: float) -> bool:
        """Whether something can be written, or never again, within so many seconds."""
        # One for each: it is for one thread at a time.
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        return bool(poll.poll(max(0.0, seconds) * 1_000))

    def write(self, content: bytes, seconds: float = 0.0) -> tuple[int, OSError | None]:
        """How many bytes were taken, and why no more; None: nobody reads. It waits for so long until some are."""
        rest = memoryview(content)
        until = time.monotonic() + seconds
        asks = self._asks
        while rest:
            if asks and not self.ready(until - time.monotonic()):
                break
            try:
                # A pipe that is ready takes so much without waiting, and in one piece.
                rest = rest[os.write(self._descriptor, rest[: select.PIPE_BUF]) :]
            except BlockingIOError:
                if asks:
                    time.sleep(_AGAIN_SECONDS)
                asks = True
            except OSError as error:
                return len(content) - len(rest), error
            else:
                until = time.monotonic() + _BEGUN_SECONDS
        return len(content) - len(rest), None


def _not_waiting(descriptor: int) -> tuple[int, bool]:
    """A descriptor of what another is of, and whether to ask it each time before a write that would else wait.

    Of a pipe or terminal one of our own is opened, which alone does not wait: a terminal that is ready may take less
    than it is given, and then wait; another may fill a pipe between question and write.
    """
    kind = os.fstat(descriptor).st_mode
    if stat.S_ISREG(kind):
        return descriptor, False
    if stat.S_ISFIFO(kind) or os.isatty(descriptor):
        flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        try:
            return os.open(f"/proc/self/fd/{descriptor}", flags), False
        except OSError:
            # It is another user's, or nobody reads it any more.
            return descriptor, True
    return descriptor, True
