"""The process: listens, answers, drains. HTTP/1.1 is uvicorn's; here it is bounded and given its certificates."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import sys
from collections.abc import Callable
from contextlib import ExitStack

import h11
import uvicorn
from starlette.applications import Starlette
from structlog.typing import FilteringBoundLogger
from uvicorn.protocols.http.h11_impl import H11Protocol

from labgloss.access.callers import read_identity
from labgloss.access.file import watch_access
from labgloss.errors import SettingsError
from labgloss.http.app import Readiness, health_routes, make_app
from labgloss.http.exchange import BODY_SECONDS
from labgloss.http.gate import CERTIFICATE, Gate
from labgloss.http.problems import MEDIA_TYPE, Problem
from labgloss.http.settings import HttpSettings
from labgloss.log import make_log, quieten_libraries
from labgloss.process import Told, listen, server_context
from labgloss_client import AsyncClient

HEAD_BYTES = 16_384
# For a handshake, and for the whole head of a request once the first byte of it, or the connection, came.
HANDSHAKE_SECONDS = 5.0
HEAD_SECONDS = 10.0
KEEP_ALIVE_SECONDS = 30
# From the end of the drain on, for what is under way.
GRACE_SECONDS = 5

# A client over these settings, made in the loop that runs.
Connect = Callable[[], AsyncClient]


class _Protocol(H11Protocol):
    """uvicorn's, with bounds on connections, on how long a head may take, and on how slowly an answer may be read."""

    most_connections = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._waiting: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None
        if len(self.connections) > self.most_connections:
            transport.abort()
            return
        encrypted: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
        if encrypted is not None:
            self.app_state = {**self.app_state, CERTIFICATE: encrypted.getpeercert(binary_form=True)}
        self._await_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._await_head()

    def pause_writing(self) -> None:
        super().pause_writing()
        # So much waits to be read that nothing more is written: not for as long as the caller likes.
        self._unread = self.loop.call_later(BODY_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        if self._unread is not None:
            self._unread.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        # What the caller does not read keeps the answer, and the connection, for as long as it likes.
        self.loop.call_later(BODY_SECONDS, self._abort_unless_read)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002
        problem = Problem("MALFORMED_MESSAGE", "The bytes are not a request of HTTP/1.1 that is taken here.")
        body = problem.body("00000000-0000-0000-0000-000000000000")
        headers = [("content-type", MEDIA_TYPE), ("content-length", str(len(body))), ("connection", "close")]
        try:
            for event in (h11.Response(status_code=400, headers=headers), h11.Data(data=body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        except h11.LocalProtocolError:
            # An answer is under way already.
            pass
        self.transport.close()
        self.loop.call_later(HEAD_SECONDS, self._abort_unless_read)

    def _await_head(self) -> None:
        """Ends a connection on which no head of a request is complete in time."""
        if self.conn.their_state is not h11.IDLE:
            self._stop_waiting()
        elif self._waiting is None and self.timeout_keep_alive_task is None:
            self._waiting = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _abort_unless_read(self) -> None:
        if self.transport.get_write_buffer_size():
            self.transport.abort()


class _Server(uvicorn.Server):
    """uvicorn's, over sockets that are open already, with a bound on handshakes, and without its own signals."""

    def __init__(self, app: Starlette, context: ssl.SSLContext | None, most_connections: int) -> None:
        self._protocol: Callable[..., asyncio.Protocol] = type(
            "Protocol", (_Protocol,), {"most_connections": most_connections}
        )
        super().__init__(
            uvicorn.Config(
                app,
                http=_Protocol,
                ws="none",
                lifespan="off",
                loop="asyncio",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=GRACE_SECONDS,
                h11_max_incomplete_event_size=HEAD_BYTES,
            )
        )
        self._context = context

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        loop = asyncio.get_running_loop()
        handshake_seconds = None if self._context is None else HANDSHAKE_SECONDS

        def protocol() -> asyncio.Protocol:
            return self._protocol(self.config, self.server_state, self.lifespan.state)

        self.servers = [
            await loop.create_server(
                protocol,
                sock=each,
                ssl=self._context,
                backlog=self.config.backlog,
                ssl_handshake_timeout=handshake_seconds,
            )
            for each in sockets or []
        ]
        self.started = True


def serve(settings: HttpSettings, connect: Connect) -> int:
    """Serves until SIGTERM or SIGINT, then drains; the exit code. A second signal ends it at once.

    Raises SettingsError before anything listens.
    """
    tls, access = read_identity(settings)
    if access is not None and access.ehrs and settings.public_url is None:
        fault = (
            "public_url: is needed where the access file lists an [[ehr]]: its tokens are for one URL of this service"
        )
        raise SettingsError((fault,))
    log = make_log(sys.stdout.buffer, settings.log_level)
    quieten_libraries(log)
    gate = Gate(None if access is None else watch_access(settings, access, log), settings.public_url or "")
    context = None if tls is None else server_context(settings, tls, log, ["http/1.1"])
    with ExitStack() as opened:
        listener = opened.enter_context(listen(settings, settings.port))
        health = None if settings.health_port is None else opened.enter_context(listen(settings, settings.health_port))
        asyncio.run(_serve(settings, connect, gate, context, log, listener, health))
    log.info("stopped")
    return 0


async def _serve(
    settings: HttpSettings,
    connect: Connect,
    gate: Gate,
    context: ssl.SSLContext | None,
    log: FilteringBoundLogger,
    listener: socket.socket,
    health: socket.socket | None,
) -> None:
    async with connect() as client:
        readiness = Readiness(client)
        served = _Server(make_app(settings, client, gate, readiness, log), context, settings.connections)
        servers = [(served, listener)]
        if health is not None:
            servers.append((_Server(Starlette(routes=health_routes(readiness)), None, settings.connections), health))
        told = Told()
        running = [asyncio.create_task(server._serve([end])) for server, end in servers]
        while not all(server.started for server, _ in servers):
            await asyncio.sleep(0.001)
        log.info(
            "serving",
            port=listener.getsockname()[1],
            pid=os.getpid(),
            transport=settings.transport,
            **({} if health is None else {"health_port": health.getsockname()[1]}),
        )
        await told.once.wait()
        readiness.stopping = True
        log.info("draining", signal=told.signal, seconds=settings.drain_seconds)
        await told.again(settings.drain_seconds)
        for server, _ in servers:
            server.should_exit = True
        ended = asyncio.gather(*running)
        await told.again(GRACE_SECONDS + 1.0, ended)
        for server, _ in servers:
            server.force_exit = True
        await ended
