"""Which calls are taken when there are more than can be answered, and how the others are refused at little cost.

Each connection is bounded in gRPC's core, which refuses what goes beyond for a thousandth of what an answer costs. What
is let through by all connections together is bounded here, before gRPC asks for anything of a call: refusing is then
one batch of operations and one event; by a handler it is two and two, and each event takes Python's interpreter from
whoever answers. gRPC has no hook there: one is put in the place of a function of its own, which is not public;
tests/reliability (R3) fails where another version differs.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from threading import Lock
from typing import Any

import grpc._server as grpc_server  # type: ignore[import-not-found, unused-ignore]
from grpc._cython import cygrpc  # type: ignore[import-not-found, attr-defined, unused-ignore]
from grpc_status import rpc_status
from structlog.typing import FilteringBoundLogger

from labgloss.errors import OverloadedError
from labgloss.evidence.call import Method
from labgloss.server import health
from labgloss.server.arrival import ArrivedPool
from labgloss.server.lane import Lane, LetGo
from labgloss.server.overdue import NO_PATIENCE, OnUnread, Patience, Watchdog
from labgloss.wire.status import status_of

# As many calls may go before one that is taken as are answered in this time, and from 64 to 256: so a burst is answered
# a little later, and a machine that stands still for a moment refuses nobody. A refusal takes 40 to 60 us of what
# answers, so that a shorter queue, of which more is refused, is not answered much sooner.
MOST_SECONDS = 0.2
MOST_AHEAD = (64, 256)
# Of long calls, which wait for a thread only where all are taken.
LONG_AHEAD = 12
# gRPC lets go of a call that was answered within 0.1 ms in the median, of 99 in 100 within 0.6; of one whose peer takes
# no answer, never.
LET_GO_SECONDS = 0.002
# Whoever has not taken an answer for so long takes none; of so many connections that is known.
_DEAF_SECONDS = 0.1
_DEAF = 1_024
# What is asked of a caller who was refused: longer than a burst takes to be worked off.
RETRY_SECONDS = 1.0
# The metrics count the refused, and whoever waits for a call that hangs is helped, so often.
LOOK_SECONDS = 0.25
# The log says once in so many seconds how many were refused.
_SAY_SECONDS = 1.0
# Health checks have threads of their own, and are never refused.
_HEALTH = f"/{health.SERVICE}/".encode()


class AdmittingPool(ArrivedPool):
    """A pool that takes a call when few go before it.

    Short calls are run in a lane, each connection in its turn, so that one that asks for little waits for one call of
    each other, and is refused only where so many connections are busy: otherwise one client that asks ten times what
    can be answered takes half of their answers from nine that ask for little.
    """

    def __init__(
        self,
        threads: int,
        watchdog: Watchdog,
        log: FilteringBoundLogger,
        on_unread: OnUnread,
        methods: Mapping[bytes, Method],
    ) -> None:
        super().__init__(threads, watchdog, "labgloss")
        # By their paths, for the metrics.
        self._methods = methods
        self._on_unread = on_unread
        self._lane = Lane(threads)
        # By connection, what an answer that was not taken in time holds, and since when.
        self._deaf: dict[str, tuple[Lock, float]] = {}
        self._log = log
        self._error = OverloadedError(RETRY_SECONDS)
        status = rpc_status.to_status(status_of(self._error))
        self._details = status.details.encode()
        self._trailers = tuple(status.trailing_metadata or ())
        # Refused and not counted by the metrics yet, by method; and how many the log has not said yet, since when.
        self._uncounted: Counter[Method] = Counter()
        self._uncounted_lock = Lock()
        self._unsaid, self._unsaid_since = 0, 0.0
        watchdog.looks(self._look, LOOK_SECONDS)

    def refuse(self, event: Any, path: bytes) -> object | None:
        """Refuses a call of which the headers have come and nothing else; what it goes by. None: it is not refused."""
        if path.startswith(_HEALTH) or not self._is_refused(event):
            return None
        call = object()
        event.call.start_server_batch(
            (
                cygrpc.SendInitialMetadataOperation(None, 0),
                cygrpc.ReceiveCloseOnServerOperation(0),
                cygrpc.SendStatusFromServerOperation(
                    self._trailers, cygrpc.StatusCode.resource_exhausted, self._details, 0
                ),
            ),
            lambda _: (call, ()),
        )
        with self._uncounted_lock:
            self._uncounted[self._methods.get(path, NO_PATIENCE.method)] += 1
        self._watchdog.wake()
        return call

    def take(self, run: Callable[[], object], event: Any, state: Any, patience: Patience) -> None:
        """Runs what answers a call: in the lane when it is short."""
        peer = event.call.peer()
        let_go = partial(self._let_go, peer, _held(state))
        if len(state.request or b"") <= patience.short_bytes:
            self._lane.put(peer, run, let_go)
        else:
            super().take(partial(_handing_over, [run], let_go), event, state, patience)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """As any pool."""
        self._count_refused()
        self._lane.close()
        super().shutdown(wait, cancel_futures=cancel_futures)

    def _let_go(self, peer: str, held: Lock) -> None:
        """Waits until gRPC has let go of a call that was answered, which `held` is until then."""
        not_taken, since = self._deaf.get(peer, (None, 0.0))
        if not_taken is not None and not not_taken.locked():
            self._deaf.pop(peer, None)
            not_taken = None
        if not_taken is not None and time.monotonic() - since > _DEAF_SECONDS:
            # Others would wait for it with each of its calls.
            return
        if not held.acquire(timeout=LET_GO_SECONDS) and not_taken is None:
            if len(self._deaf) >= _DEAF:
                self._deaf.clear()
            self._deaf[peer] = held, time.monotonic()

    def _is_refused(self, event: Any) -> bool:
        # Asked by gRPC's one thread that takes calls, and by no other.
        if self._work_queue.qsize() >= LONG_AHEAD:
            return True
        least, most = MOST_AHEAD
        if len(self._lane) < least:
            return False
        room = max(least, min(most, MOST_SECONDS / self._lane.seconds))
        return self._lane.ahead(event.call.peer()) >= room

    def _look(self) -> bool:
        self._lane.look()
        refused, now = self._count_refused(), time.monotonic()
        if not self._unsaid:
            self._unsaid_since = now
        self._unsaid += refused
        if self._unsaid and now - self._unsaid_since >= _SAY_SECONDS:
            self._log.warning("overloaded", calls=self._unsaid, seconds=round(now - self._unsaid_since, 1))
            self._unsaid = 0
        return self._unsaid > 0

    def _count_refused(self) -> int:
        """Tells the metrics; how many they were. To count each by itself took a sixth of what a refusal costs."""
        with self._uncounted_lock:
            uncounted, self._uncounted = self._uncounted, Counter()
        for method, count in uncounted.items():
            self._on_unread(method, self._error, count)
        return uncounted.total()


def _held(state: Any) -> Lock:
    """A lock that is held until gRPC has let go of a call, whose state this is."""
    held = Lock()
    held.acquire()
    with state.condition:
        # It has where there are none any more.
        if state.callbacks is None:
            held.release()
        else:
            state.callbacks.append(held.release)
    return held


def _handing_over(run: list[Callable[[], object]], let_go: LetGo) -> None:
    """Runs what answers a call, and nothing else on this thread before gRPC has let go of it."""
    # Taken out, so that what it holds of the call ends with it.
    run.pop()()
    let_go()


def _handle_call(handle: Callable[..., Any], event: Any, method: Any, interceptors: Any, pool: Any, *rest: Any) -> Any:
    """As gRPC's own: by what a call goes, and the future of whatever handles it."""
    if event.success and isinstance(pool, AdmittingPool):
        # The core names the method where it was told of it; otherwise the call does.
        path = (method.name() or "").encode() or event.call_details.method
        if (refused := pool.refuse(event, path)) is not None:
            return refused, None
    return handle(event, method, interceptors, pool, *rest)


grpc_server._handle_call = partial(_handle_call, grpc_server._handle_call)
