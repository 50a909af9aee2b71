"""Short calls run one after the other on one thread, each connection in its turn.

Python has one interpreter, and each thread that wants it makes all others wait longer: with eight that computed, gRPC's
own thread, which takes every call and sends every refusal and health check on its way, waited for eight others each
time, and at ten times the load health checks took a second. A thread that goes from one call to the next is not woken
for each, and hands the interpreter to gRPC's thread alone: after each answer, until gRPC has let go of the call. Until
then the core counts it among those that its connection has under way, while its client has the answer and sends the
next: of a client that kept as many under way as it may, every second call was refused. Those that run elsewhere do the
same (admission.py).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Generic, TypeVar

# No short call takes so long; those that wait behind one that hangs are run beside it.
PATIENCE_SECONDS = 0.25
# How much the last call counts in what one takes.
_STEP = 0.05

T = TypeVar("T")
Run = Callable[[], object]
# Waits until gRPC has let go of a call, or for as long as that usually takes.
LetGo = Callable[[], object]
Waiting = tuple[Run, LetGo]


def _at_once() -> None:
    """Nothing is held."""


class FairQueue(Generic[T]):
    """What waits, by connection: one of each, in their order, then the next of each."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[T]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def put(self, peer: str, call: T) -> None:
        """One more of a connection."""
        self._waiting.setdefault(peer, deque()).append(call)
        self._count += 1

    def take(self) -> T | None:
        """The next; None when nothing waits."""
        if not self._count:
            return None
        peer = next(iter(self._waiting))
        of_peer = self._waiting.pop(peer)
        call = of_peer.popleft()
        if of_peer:
            self._waiting[peer] = of_peer
        self._count -= 1
        return call

    def ahead(self, peer: str) -> int:
        """How many would be taken before one that this connection adds, at most."""
        own = len(self._waiting.get(peer, ()))
        return sum(min(len(of_peer), own + 1) for of_peer in self._waiting.values())


class Lane:
    """Runs what is put into it on one thread; on another beside it, of so many at most, while what runs hangs."""

    def __init__(self, threads: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._threads_left = threads
        self._queue = FairQueue[Waiting]()
        self._lock = Lock()
        # Which thread runs what waits: whoever holds the last turn that was given. None while nothing waits or runs.
        self._turn: object | None = None
        self._began = 0.0
        # What one takes, by the clock on the wall.
        self.seconds = 0.001
        self._wake: SimpleQueue[object] = SimpleQueue()
        self._idle = 0
        self._closed = False

    def __len__(self) -> int:
        return len(self._queue)

    def ahead(self, peer: str) -> int:
        """How many that wait would be run before one more of this connection, at most."""
        with self._lock:
            return self._queue.ahead(peer)

    def put(self, peer: str, run: Run, let_go: LetGo = _at_once) -> None:
        """Runs it in its turn; before the next is run `let_go` waits until gRPC has let go of it.

        Raises RuntimeError once it is closed. What `run` raises is nobody's.
        """
        with self._lock:
            if self._closed:
                raise RuntimeError("closed")
            self._queue.put(peer, (run, let_go))
            if self._turn is None:
                self._give_turn()

    def look(self) -> None:
        """Sees to it that those who wait do not wait for one that hangs; to be called now and then."""
        with self._lock:
            if len(self._queue) and self._clock() - self._began > PATIENCE_SECONDS:
                self._give_turn()

    def close(self) -> None:
        """Runs nothing that is put from now on; threads end when nothing waits."""
        with self._lock:
            self._closed = True
            self._wake.put(None)

    def _give_turn(self) -> None:
        """Held: the lock. Whoever has the turn loses it when it comes back."""
        if self._idle:
            self._idle -= 1
        elif self._threads_left:
            try:
                Thread(target=self._work, name="short", daemon=True).start()
            except RuntimeError:
                # The machine gives no thread now: the next call that is put, or the next look, tries again.
                return
            self._threads_left -= 1
        else:
            return
        self._turn, self._began = object(), self._clock()
        self._wake.put(self._turn)

    def _work(self) -> None:
        while (turn := self._wake.get()) is not None:
            while (call := self._next(turn)) is not None:
                run, let_go = call
                with suppress(BaseException):
                    run()
                self.seconds += (self._clock() - self._began - self.seconds) * _STEP
                # What they hold of the call ends with it.
                del call, run
                if len(self._queue):
                    let_go()
                del let_go
        # For the other threads.
        self._wake.put(None)

    def _next(self, turn: object) -> Waiting | None:
        with self._lock:
            # Otherwise another has it since.
            if turn is self._turn:
                if (call := self._queue.take()) is not None:
                    self._began = self._clock()
                    return call
                self._turn = None
            self._idle += 1
            return None
