"""The standard health service, on threads of its own, so that no other call can keep it waiting.

grpc_health's own servicer sends to its watchers while it holds the lock that every check takes: one watcher that does
not read (an HTTP/2 window of zero) stops all checks. Here a check takes no lock, and a watcher delays itself only.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import grpc
from google.protobuf.message import DecodeError
from grpc_health.v1 import health_pb2 as pb

from labgloss.evidence.call import STREAM, Method
from labgloss.server.arrival import ArrivedPool
from labgloss.server.overdue import Awaited, Patience, Watchdog, awaited_of

SERVICE = "grpc.health.v1.Health"

_CHECK_THREADS = 2
_WATCH_THREADS = 8
# A service name; a watch keeps it as long as it lasts.
_REQUEST_BYTES = 1_024


# Ends the call of a method when its caller may not use it.
Admit = Callable[[str, grpc.ServicerContext], None]


def everybody(_: str, __: grpc.ServicerContext) -> None:
    """Lets every caller in."""


class Health:
    """SERVING for each of its services and for the whole, until `stop_serving`."""

    def __init__(
        self, services: tuple[str, ...], watchdog: Watchdog, unary_seconds: float, idle_seconds: float
    ) -> None:
        self._services = frozenset(("", *services))
        self._serving = True
        self._check_pool = ArrivedPool(_CHECK_THREADS, watchdog, "health-check")
        self._watch_pool = ArrivedPool(_WATCH_THREADS, watchdog, "health-watch")
        self._check_patience = Patience(Method(SERVICE, "Check"), unary_seconds)
        self._watch_patience = Patience(Method(SERVICE, "Watch", STREAM), idle_seconds)
        self._watchers: set[_Watcher] = set()
        self._watchers_lock = Lock()

    def serve_on(self, server: grpc.Server, admit: Admit) -> None:
        """Lets a server that has not started answer for it, to callers whom `admit` lets in.

        The methods are registered: what gRPC's core could not hand over yet waits in a queue of each registered method,
        and in one of all others, where a check would wait behind thousands of calls.
        """
        server.add_registered_method_handlers(
            SERVICE,
            {
                "Check": grpc.unary_unary_rpc_method_handler(
                    _Check(self, self._check_pool, self._check_patience, admit)
                ),
                "Watch": grpc.unary_stream_rpc_method_handler(
                    _Watch(self, self._watch_pool, self._watch_patience, admit)
                ),
            },
        )

    def status(self, service: str) -> int:
        """The ServingStatus of a service now."""
        if service not in self._services:
            return int(pb.HealthCheckResponse.SERVICE_UNKNOWN)
        return int(pb.HealthCheckResponse.SERVING if self._serving else pb.HealthCheckResponse.NOT_SERVING)

    def watch(self, watcher: _Watcher, context: grpc.ServicerContext) -> None:
        """Tells a watcher the status now, and again when it changes."""
        with self._watchers_lock:
            self._watchers.add(watcher)
        if not context.add_callback(lambda: self._forget(watcher)):
            self._forget(watcher)
        watcher.tell()

    def stop_serving(self) -> None:
        """Turns NOT_SERVING, for good, and tells the watchers."""
        self._serving = False
        for watcher in self._current():
            self._watch_pool.submit(watcher.tell)

    def end_watches(self) -> None:
        """Ends the watches, which would otherwise hold a stopping server for its whole grace."""
        for watcher in self._current():
            self._watch_pool.submit(watcher.end)

    def close(self) -> None:
        """Ends the threads; only once the server has stopped."""
        self._watch_pool.shutdown(wait=False)
        self._check_pool.shutdown(wait=False)

    def _current(self) -> tuple[_Watcher, ...]:
        with self._watchers_lock:
            return tuple(self._watchers)

    def _forget(self, watcher: _Watcher) -> None:
        with self._watchers_lock:
            self._watchers.discard(watcher)


class _Watcher:
    """One watch: tells its service's status, one message at a time, so that the last told is the last there was."""

    def __init__(self, health: Health, service: str, awaited: Awaited, send: Callable[[bytes | None], None]) -> None:
        self._awaited = awaited
        self._health = health
        self._service = service
        self._send = send
        self._lock = Lock()
        self._told: int | None = None
        self._ended = False

    def tell(self) -> None:
        with self._lock:
            status = self._health.status(self._service)
            if not self._ended and status != self._told:
                self._told = status
                self._awaited.wait()
                self._send(_response(status))
                # It may last, and be silent, for as long as its connection does.
                self._awaited.hold()

    def end(self) -> None:
        # A watcher that does not read holds its own lock; the stopping server cancels it.
        if self._lock.acquire(blocking=False):
            try:
                self._ended = True
                self._send(None)
            finally:
                self._lock.release()


class _Check:
    """Health.Check, on its own threads."""

    def __init__(self, health: Health, pool: ThreadPoolExecutor, patience: Patience, admit: Admit) -> None:
        self._health = health
        self._admit = admit
        self.patience = patience
        self.experimental_thread_pool = pool

    def __call__(self, body: bytes, context: grpc.ServicerContext) -> bytes:
        self._admit("Check", context)
        status = self._health.status(_service(body, context))
        if status == pb.HealthCheckResponse.SERVICE_UNKNOWN:
            context.abort(grpc.StatusCode.NOT_FOUND, "No such service; ask for none, or for one that is served.")
        return _response(status)


class _Watch:
    """Health.Watch, on its own threads, none of which it keeps while it waits."""

    experimental_non_blocking = True

    def __init__(self, health: Health, pool: ThreadPoolExecutor, patience: Patience, admit: Admit) -> None:
        self._health = health
        self._admit = admit
        self.patience = patience
        self.experimental_thread_pool = pool

    def __call__(self, body: bytes, context: grpc.ServicerContext, send: Callable[[bytes | None], None]) -> None:
        self._admit("Watch", context)
        awaited = awaited_of(context, self.patience)
        self._health.watch(_Watcher(self._health, _service(body, context), awaited, send), context)


def _service(body: bytes, context: grpc.ServicerContext) -> str:
    """The service that is asked for; ends the call when the bytes are not a request."""
    malformed = "The bytes are not a grpc.health.v1.HealthCheckRequest."
    if len(body) > _REQUEST_BYTES:
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, malformed)
    try:
        return str(pb.HealthCheckRequest.FromString(body).service)
    except DecodeError:
        return context.abort(grpc.StatusCode.INVALID_ARGUMENT, malformed)


def _response(status: int) -> bytes:
    return bytes(pb.HealthCheckResponse(status=status).SerializeToString())
