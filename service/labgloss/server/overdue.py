"""Ends calls that nothing else ends: whose message never comes, whose answer nobody takes, or that take too long.

gRPC's core ends a call at the deadline that its caller gave. Without one a call, or a stream whose caller has fallen
silent or takes no answers, would keep what it holds until its connection's age and grace are over: eleven minutes.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import Any

import grpc
import grpc._server as grpc_server  # type: ignore[import-not-found, unused-ignore]
from grpc._cython import cygrpc  # type: ignore[import-not-found, attr-defined, unused-ignore]
from structlog.typing import FilteringBoundLogger

from labgloss.errors import CallError, StreamIdleError, TakesTooLongError
from labgloss.evidence.call import STREAM, Method
from labgloss.frozen import dataclass

# Told of so many calls that end before their message was read.
OnUnread = Callable[[Method, CallError, int], None]

_SENDS = (grpc_server._SEND_MESSAGE_TOKEN, grpc_server._SEND_INITIAL_METADATA_AND_SEND_MESSAGE_TOKEN)

# How often is looked at least, and what share of the shortest wait.
_LOOK_SECONDS = 1.0
_LOOK_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited for a call of a method; of a stream, for each message and for each answer to be taken.

    It stands at the function that answers the method, as `patience`, which is how the pool of threads knows it.
    """

    method: Method
    seconds: float
    # Messages up to this size are answered by a short call.
    short_bytes: float = -1

    def error(self) -> CallError:
        """Why a call is ended."""
        return (StreamIdleError if self.method.kind == STREAM else TakesTooLongError)(self.seconds)


# Of a method that says nothing of it.
NO_PATIENCE = Patience(Method("", ""), math.inf)


class Awaited:
    """A call that is ended when it is due, unless it ends before."""

    def __init__(self, patience: Patience, call: Any = None, state: Any = None) -> None:
        self.patience = patience
        self.call = call
        self.state = state
        self.ended = False
        self.due = math.inf
        self.wait()

    def wait(self) -> None:
        """From now on the caller is waited for."""
        self.due = time.monotonic() + self.patience.seconds

    def arrived(self) -> None:
        """All has come that it begins with; a stream now waits for a thread, and its handler says when it waits."""
        if self.patience.method.kind == STREAM:
            self.hold()

    def hold(self) -> None:
        """From now on the caller waits for us."""
        self.due = math.inf

    @property
    def error(self) -> CallError | None:
        """Why it has been ended, or is to be; None while it is not due."""
        return self.patience.error() if self.ended or time.monotonic() >= self.due else None


def awaited_of(context: grpc.ServicerContext, patience: Patience) -> Awaited:
    """The call of a context, as the pool began to watch it; one that is not watched is never due."""
    found = getattr(context._state, "awaited", None)  # type: ignore[attr-defined]
    if isinstance(found, Awaited):
        return found
    unwatched = Awaited(patience)
    unwatched.hold()
    return unwatched


class Watchdog:
    """Ends the calls that are due, by one thread, which sleeps while there is none to watch."""

    def __init__(self, log: FilteringBoundLogger, on_unread: OnUnread) -> None:
        self._log = log
        self._on_unread = on_unread
        self._awaited: set[Awaited] = set()
        self._some = threading.Event()
        self._over = threading.Event()
        self._look_seconds = _LOOK_SECONDS
        self._looks: Callable[[], bool] = lambda: False
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
        self._thread.start()

    def looks(self, look: Callable[[], bool], seconds: float) -> None:
        """Calls this so often while there is a call to watch, or it says that it is to be called again."""
        self._looks, self._look_seconds = look, min(self._look_seconds, seconds)

    def watch(self, call: Any, state: Any, patience: Patience) -> Awaited:
        """A call, of which these are gRPC's and whose condition is held, that is ended when the patience is over."""
        awaited = Awaited(patience, call, state)
        if state.callbacks is None or patience is NO_PATIENCE:
            awaited.call = awaited.state = None
            return awaited
        state.awaited = awaited
        self._look_seconds = min(self._look_seconds, _LOOK_SHARE * patience.seconds)
        self._awaited.add(awaited)
        # Called when it has its status and all that was sent is taken.
        state.callbacks.append(lambda: self._forget(awaited))
        self.wake()
        return awaited

    def wake(self) -> None:
        """Looks soon, also when there is no call to watch."""
        if not self._some.is_set():
            self._some.set()

    def _forget(self, awaited: Awaited) -> None:
        self._awaited.discard(awaited)
        # Whatever holds itself in a circle keeps its stream open, until Python looks for circles.
        awaited.call = awaited.state = None

    def close(self) -> None:
        """Watches no more."""
        self._over.set()
        self._some.set()
        self._thread.join()

    def _run(self) -> None:
        while self._some.wait() and not self._over.wait(self._look_seconds):
            try:
                again = self._looks()
            except Exception as error:  # noqa: BLE001 - whatever it is, calls that are due must end
                self._log.error("defect", error_type=type(error).__name__)
                again = True
            now = time.monotonic()
            # In one piece, as Python copies a set: other threads add and discard meanwhile.
            for awaited in tuple(self._awaited):
                if awaited.due <= now:
                    self._end(awaited)
            self._some.clear()
            # Whoever came before it was cleared is seen here, and whoever comes later sets it again; so is the end.
            if self._awaited or again or self._over.is_set():
                self._some.set()

    def _end(self, awaited: Awaited) -> None:
        call, state = awaited.call, awaited.state
        if state is None:
            return
        with state.condition:
            if awaited.due > time.monotonic():
                return
            awaited.ended = True
            awaited.hold()
            cause = _cause(state)
        method, error = awaited.patience.method, awaited.patience.error()
        self._awaited.discard(awaited)
        self._log.warning("overdue", method=method.name, cause=cause, seconds=awaited.patience.seconds)
        if cause == "NO_MESSAGE" and method.kind != STREAM:
            self._on_unread(method, error, 1)
        # Unlike a status that is sent, it also reaches a caller who takes nothing.
        call.cancel(cygrpc.StatusCode.deadline_exceeded, error.message)


def _cause(state: Any) -> str:
    """What a call waits for, from a closed list."""
    if grpc_server._RECEIVE_MESSAGE_TOKEN in state.due:
        return "NO_MESSAGE"
    sends = not state.due.isdisjoint(_SENDS)
    return "NOT_TAKEN" if sends or not grpc_server._is_rpc_state_active(state) else "NOT_ANSWERED"
