"""Which calls are taken when there are more than can be answered, and how the others are refused at little cost.

Each connection is bounded in gRPC's core, which refuses what goes beyond for a thousandth of what an answer costs. What
is let through by all connections together is bounded here, before a thread is taken and before the message is read.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock
from typing import Any

import grpc._server as grpc_server  # type: ignore[import-not-found, unused-ignore]
from grpc._cython import cygrpc  # type: ignore[import-not-found, attr-defined, unused-ignore]
from grpc_status import rpc_status
from structlog.typing import FilteringBoundLogger

from labgloss.errors import OverloadedError
from labgloss.server.arrival import ArrivedPool
from labgloss.server.overdue import NO_PATIENCE, OnUnread, Watchdog
from labgloss.wire.status import status_of

# A burst is answered a little later. What has not been worked off for so long is no burst: who comes then would wait in
# a queue that others keep full, and is told at once, until nobody had to be told for a while.
BURST_CALLS = 64
BURST_SECONDS = 0.5
# So many calls of one connection may wait where there is no room, as long as no more than these wait in all.
SHARE_CALLS = 8
MOST_CALLS = 2 * BURST_CALLS
CALM_SECONDS = 1.0
# How much the last call counts in the share of calls that are refused.
_SHARE_STEP = 0.02
# What is asked of a caller who was refused: longer than a burst takes to be worked off.
RETRY_SECONDS = 1.0
# The log says once in so many seconds how many were refused.
_SAY_SECONDS = 1.0


class AdmittingPool(ArrivedPool):
    """A pool whose queue is long for a burst and shorter for a load that lasts: four calls for each thread.

    While most are refused it is one call for each thread: those that are taken gain nothing by a longer queue, and
    wait. A connection that has less than its share in the queue is taken beside it: otherwise one client that asks ten
    times what can be answered takes half of their answers from nine that ask for little.
    """

    def __init__(
        self,
        threads: int,
        watchdog: Watchdog,
        log: FilteringBoundLogger,
        on_unread: OnUnread,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(threads, watchdog, "labgloss")
        self._on_unread = on_unread
        self._size = threads
        self._log = log
        self._clock = clock
        self._emptied = self._said = clock()
        self._last_refused = self._emptied - CALM_SECONDS
        self._refused = 0
        self._share_refused = 0.0
        self._waiting: Counter[str] = Counter()
        self._lock = Lock()
        self._error = OverloadedError(RETRY_SECONDS)
        status = rpc_status.to_status(status_of(self._error))
        self._details = status.details.encode()
        self._trailers = tuple(status.trailing_metadata or ())

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **keywords: Any) -> Future[Any]:
        """As any pool; the future of a call that is refused is done."""
        # Asked by gRPC's one thread that takes calls, and by no other.
        now = self._clock()
        waiting = self._work_queue.qsize()
        if waiting == 0:
            self._emptied = now
        self._say(now)
        match arguments:
            case (_, event, state, behaviour, *_):
                peer, room = event.call.peer(), self._room(now)
                refused = waiting >= room and (waiting >= MOST_CALLS or self._waiting.get(peer, 0) >= self._share(room))
                self._share_refused += (refused - self._share_refused) * _SHARE_STEP
                if not refused:
                    return self._queue(peer, function, arguments)
                self._refuse(event, state, now)
                self._on_unread(getattr(behaviour, "patience", NO_PATIENCE).method, self._error)
                done: Future[None] = Future()
                done.set_result(None)
                return done
        return super().submit(function, *arguments, **keywords)

    def _share(self, room: int) -> int:
        """How many of the calls that wait may be of one connection where there is no room."""
        return max(SHARE_CALLS, room // max(1, len(self._waiting)))

    def _queue(self, peer: str, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Future[Any]:
        """Counts the call as one that waits, until it has a thread or has ended without."""
        waits = {peer}

        def leave(_: object = None) -> None:
            with self._lock:
                if waits:
                    self._waiting[peer] -= 1
                    if not self._waiting[peer]:
                        del self._waiting[peer]
                    waits.clear()

        def begin(*begun: Any) -> Any:
            leave()
            return function(*begun)

        with self._lock:
            self._waiting[peer] += 1
        future = super().submit(begin, *arguments)
        future.add_done_callback(leave)
        return future

    def _room(self, now: float) -> int:
        if now - self._emptied <= BURST_SECONDS and now - self._last_refused >= CALM_SECONDS:
            return BURST_CALLS
        return 4 * self._size if self._share_refused < 0.5 else self._size

    def _refuse(self, event: Any, state: Any, now: float) -> None:
        if not self._refused:
            self._said = now
        self._refused += 1
        self._last_refused = now
        with state.condition:
            state.trailing_metadata = self._trailers
            grpc_server._abort(state, event.call, cygrpc.StatusCode.resource_exhausted, self._details)

    def _say(self, now: float) -> None:
        if self._refused and now - self._said > _SAY_SECONDS:
            self._log.warning("overloaded", calls=self._refused, seconds=round(now - self._said, 1))
            self._refused, self._said = 0, now
