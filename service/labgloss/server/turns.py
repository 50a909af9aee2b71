"""Few threads compute at a time: Python has one interpreter, and each that wants it makes all others wait longer.

Those that wait here do not want it.
"""

from __future__ import annotations

from collections import deque
from threading import Lock
from types import TracebackType

# Nothing that computes takes so long; who waits for one that hangs goes in beside it.
PATIENCE_SECONDS = 0.25


class Turns:
    """So many may be inside at a time; whoever waits longest is next."""

    def __init__(self, count: int) -> None:
        # Below zero: so many went in beside those whose turn it was.
        self._free = count
        self._waiting: deque[Lock] = deque()
        self._lock = Lock()

    def __enter__(self) -> None:
        with self._lock:
            if self._free > 0:
                self._free -= 1
                return
            turn = Lock()
            turn.acquire()
            self._waiting.append(turn)
        if turn.acquire(timeout=PATIENCE_SECONDS):
            return
        with self._lock:
            # Otherwise its turn came just now.
            if turn in self._waiting:
                self._waiting.remove(turn)
                self._free -= 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            if self._waiting and self._free >= 0:
                self._waiting.popleft().release()
            else:
                self._free += 1
