"""A page over HTTP for whoever scrapes it: a few connections at once, and none that keeps one for long."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from contextlib import suppress
from socketserver import ThreadingMixIn
from threading import BoundedSemaphore, Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

_CONNECTIONS = 8
# For a request and its answer together, and so for what is read or written at once.
_SECONDS = 5.0


class Page:
    """Serves what an application answers, on a thread of its own; `port` is the one that it got where 0 was asked for.

    Raises OSError when the port cannot be opened.
    """

    def __init__(self, host: str, port: int, application: Callable[..., Any]) -> None:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        self._server = _Server(family, (str(address[0]), int(address[1])))
        self._server.set_app(application)
        self.port = self._server.server_port
        self._thread = Thread(target=self._server.serve_forever, name="page", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends it; connections that are open end with their requests."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(WSGIRequestHandler):
    timeout = _SECONDS

    def log_message(self, *_: object) -> None:
        """Nothing: the log is for calls, and standard error for nobody."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def __init__(self, family: int, address: tuple[str, int]) -> None:
        self.address_family = family
        self._slots = BoundedSemaphore(_CONNECTIONS)
        self._ends: dict[Any, float] = {}
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        # Not that of the parent, which asks who the host is by its name, and may wait for it.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Gives a connection a thread, or closes it while too many are open."""
        if not self._slots.acquire(blocking=False):
            self.shutdown_request(request)
            return
        self._ends[request] = time.monotonic() + _SECONDS
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # the machine has no room for a thread now
            self._forget(request)
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answers a connection."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._forget(request)

    def service_actions(self) -> None:
        """Ends the connections whose time is over, each byte of which may have come in time. Called twice a second."""
        now = time.monotonic()
        for request, end in tuple(self._ends.items()):
            if now >= end:
                with suppress(OSError):
                    request.shutdown(socket.SHUT_RDWR)

    def _forget(self, request: Any) -> None:
        del self._ends[request]
        self._slots.release()

    def handle_error(self, *_: object) -> None:
        """Nothing: one that breaks off is no news, and its text is not ours to print."""
