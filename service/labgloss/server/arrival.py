"""Threads for calls whose message is there: a call that still waits for its message holds none.

gRPC's threaded server hands a call to the pool as soon as its headers are there, and waits for the message in the
pool's thread. Eight requests that were sent by half and never ended stopped every unary call, for as long as a
connection may live with its grace: eleven minutes. No option of the core bounds that, so the wait is moved out of the
thread here, by names of grpc's that are not public; tests/reliability (R6) fails where another version differs.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

import grpc._server as grpc_server  # type: ignore[import-not-found, unused-ignore]
from grpc._cython import cygrpc  # type: ignore[import-not-found, attr-defined, unused-ignore]

from labgloss.server.overdue import NO_PATIENCE, Awaited, Patience, Watchdog

# How the function is named that waits for the message of a call that has one.
_WAITING = "unary_request"


class ArrivedPool(ThreadPoolExecutor):
    """A pool of threads that takes a call with one message only when the message has arrived, or never will.

    The watchdog ends those calls at whose function there stands a patience.
    """

    def __init__(self, threads: int, watchdog: Watchdog, name: str) -> None:
        super().__init__(threads, thread_name_prefix=name)
        self._watchdog = watchdog

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **keywords: Any) -> Any:
        """As any pool, but for the future of a call, which nobody needs: there is none."""
        match arguments:
            case (work, event, state, behaviour, waiting, *rest):
                awaited = self._watched(event, state, behaviour)
                if getattr(waiting, "__name__", "") == _WAITING:
                    call = _Call(event, state)
                    run = partial(function, work, event, state, behaviour, call.message, *rest)

                    def take() -> None:
                        awaited.arrived()
                        self.take(run, event, state, awaited.patience)

                    call.when_arrived(take)
                    return None
                awaited.arrived()
        return super().submit(function, *arguments, **keywords)

    def take(self, run: Callable[[], object], event: Any, state: Any, patience: Patience) -> None:  # noqa: ARG002
        """Runs what answers a call whose message is there, on a thread. Raises RuntimeError where there is none."""
        super().submit(run)

    def _watched(self, event: Any, state: Any, behaviour: Any) -> Awaited:
        patience = getattr(behaviour, "patience", NO_PATIENCE)
        return self._watchdog.watch(event.call, state, patience)


class _Call:
    """A call of which the headers are there; `event` and `state` are gRPC's."""

    def __init__(self, event: Any, state: Any) -> None:
        self._event = event
        self._state = state

    def when_arrived(self, take: Callable[[], None]) -> None:
        """Takes the call once its message has come or the peer ended without."""
        received = grpc_server._receive_message(self._state, self._event.call, None)

        def arrived(event: Any) -> Any:
            after = received(event)
            # What was cancelled meanwhile needs no thread. A pool that was shut down has none.
            if grpc_server._is_rpc_state_active(self._state):
                with suppress(RuntimeError):
                    take()
            return after

        with self._state.condition:
            if grpc_server._is_rpc_state_active(self._state):
                self._event.call.start_server_batch((cygrpc.ReceiveMessageOperation(0),), arrived)
                self._state.due.add(grpc_server._RECEIVE_MESSAGE_TOKEN)

    def message(self) -> bytes | None:
        """The message, or None where nobody waits for an answer any more, or none was sent: then the call has ended."""
        with self._state.condition:
            message: bytes | None = self._state.request
            self._state.request = None
            if not grpc_server._is_rpc_state_active(self._state):
                return None
            if message is None:
                missing = b"This method takes one message, and none was sent."
                grpc_server._abort(self._state, self._event.call, cygrpc.StatusCode.unimplemented, missing)
            return message
