"""The server: one release behind gRPC, from an open port to the last answer."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from types import TracebackType

import grpc
from structlog.typing import FilteringBoundLogger

from labgloss.access.callers import read_identity
from labgloss.access.certificates import TlsFiles
from labgloss.access.file import Access
from labgloss.engine.interpret import interpret
from labgloss.errors import SettingsError
from labgloss.evidence.evidence import Evidence
from labgloss.knowledge.release import Release, ReleaseReference
from labgloss.log import make_log, quieten_libraries
from labgloss.parsed import read
from labgloss.server import health
from labgloss.server.admission import AdmittingPool
from labgloss.server.arrival import ArrivedPool
from labgloss.server.calls import Answering, Calls, Seconds, logging_defects
from labgloss.server.core_log import auditing_handshakes
from labgloss.server.credentials import Certificates
from labgloss.server.evidence import open_evidence
from labgloss.server.handlers import Interpret
from labgloss.server.identity import ending_refused, make_gate
from labgloss.server.orders import Do, Order, Signals, Wait
from labgloss.server.overdue import Watchdog
from labgloss.server.port import cannot_listen, why_not_bound
from labgloss.server.releases import Releases
from labgloss.server.reload import LOOK_SECONDS, Reload, said_of
from labgloss.server.room import check_threads
from labgloss.server.settings import Settings

INTERPRETATION = "labgloss.v1.InterpretationService"
KNOWLEDGE = "labgloss.v1.KnowledgeService"
FHIR = "labgloss.v1.FhirService"

# How long calls that are under way may take to end, once nothing new is taken.
GRACE_SECONDS = 5.0

# How long a thread that computes may keep the others waiting for Python's one interpreter. By the default of 5 ms a
# health check took up to 0.9 s while four streams and four unary callers kept all threads busy, because it goes through
# several threads; with this it takes 0.15 s, unary calls are answered three times as often, and no fewer panels in all.
SWITCH_SECONDS = 0.000_5


def options_of(settings: Settings) -> list[tuple[str, int]]:
    """The options of gRPC's core: everything that a caller could exhaust is bounded."""
    return [
        # A second server on the same port fails to start, rather than taking half of the calls; among workers the
        # supervisor holds the port (port.py).
        ("grpc.so_reuseport", int(settings.workers > 1)),
        ("grpc.max_receive_message_length", settings.core_bytes),
        ("grpc.max_send_message_length", settings.core_bytes),
        ("grpc.max_metadata_size", 4_096),
        ("grpc.absolute_max_metadata_size", 8_192),
        # A call counts until Python has let go of it, by a protection that stays on (grpc.http.overload_protection):
        # without it 10,000 calls that are reset at once cost 10 to 20 MB, with it 2, and once a bystander lost 3 calls.
        # As many as there are threads may be answered and not let go of; without room for those a client that kept 16
        # under way, 4 batches among them, lost 2 of 5 calls.
        ("grpc.max_concurrent_streams", settings.connection_calls + settings.threads),
        ("grpc.max_allowed_incoming_connections", settings.connections),
        ("grpc.max_connection_age_ms", round(settings.connection_age_seconds * 1_000)),
        # After its age a connection takes no new call; a long stream on it, a backfill, may still end.
        ("grpc.max_connection_age_grace_ms", 600_000),
        ("grpc.max_connection_idle_ms", round(settings.connection_idle_seconds * 1_000)),
        ("grpc.server_handshake_timeout_ms", 3_000),
        ("grpc.keepalive_time_ms", 30_000),
        ("grpc.keepalive_timeout_ms", 5_000),
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
        ("grpc.http2.max_ping_strikes", 2),
        # Identity only: a compressed message can be a thousand times larger than what was received.
        ("grpc.compression_enabled_algorithms_bitset", 1),
        # What waits for Python's thread that takes calls. Beyond the first limit the core drops calls by chance, whose
        # ever they are, and says CANCELLED: with 128, bursts of 512 made a bystander lose 2 calls of a thousand.
        ("grpc.server.max_pending_requests", 512),
        ("grpc.server.max_pending_requests_hard_limit", 576),
        ("grpc.server_max_unrequested_time_in_server", 5),
        ("grpc.enable_channelz", 0),
    ]


class HealthPort:
    """A port that answers health checks, to everybody and unencrypted, and nothing else.

    The kubelet asks by gRPC, and can show no certificate.
    """

    def __init__(self, settings: Settings, port: int, status: health.Health, watchdog: Watchdog) -> None:
        # Health has threads of its own.
        self._pool = ArrivedPool(1, watchdog, "health-port")
        self._server = grpc.server(self._pool, options=options_of(settings))
        status.serve_on(self._server, health.everybody)
        self.port = _open_port(self._server, settings, port, None)
        self._server.start()

    def stop(self) -> None:
        """Returns when it has ended."""
        self._server.stop(0.0).wait()
        self._pool.shutdown(wait=False)


class RunningServer:
    """A server that answers from `releases`; `port` is the one it was given by the machine when the setting was 0."""

    def __init__(
        self,
        server: grpc.Server,
        port: int,
        pool: ThreadPoolExecutor,
        status: health.Health,
        releases: Releases,
        evidence: Evidence,
        health_port: HealthPort | None,
        watchdog: Watchdog,
    ) -> None:
        self._server = server
        self._watchdog = watchdog
        self._evidence = evidence
        self._pool = pool
        self._health = status
        self._stopped = False
        self.port = port
        self.health_port = health_port
        self.releases = releases

    def stop_taking(self) -> None:
        """Says NOT_SERVING to health checks, and still answers whatever comes."""
        self._health.stop_serving()

    def begin_stop(self, grace_seconds: float) -> threading.Event:
        """Takes nothing new; what is set when the calls under way have ended or the grace is over.

        Begun again, the shorter grace counts. `stop` must follow.
        """
        self._health.stop_serving()
        self._health.end_watches()
        return self._server.stop(grace_seconds)

    def stop(self, grace_seconds: float = 0.0) -> None:
        """Takes nothing new, and returns when the calls under way have ended or the grace is over."""
        if self._stopped:
            return
        self._stopped = True
        self.begin_stop(grace_seconds).wait()
        if self.health_port is not None:
            self.health_port.stop()
        # Only now: a call that finds its threads gone would break gRPC's loop.
        self._health.close()
        self._pool.shutdown(wait=False)
        self._watchdog.close()
        self._evidence.close()

    def __enter__(self) -> RunningServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start(
    settings: Settings,
    release: Release,
    log: FilteringBoundLogger | None = None,
    interpret: Interpret = interpret,
    worker: int = 0,
    identity: tuple[TlsFiles | None, Access | None] | None = None,
) -> RunningServer:
    """A server that answers, inside this process, without signal handlers; it logs to stderr unless given a log.

    `worker` is its number among the processes that serve alike; `identity` what `read_identity` gave, or else the files
    are read. Raises SettingsError when files of certificates or callers are faulty, or when a port, or what the
    settings of its evidence name, cannot be opened.
    """
    log = log or make_log(sys.stderr.buffer, settings.log_level)
    tls, access = identity or read_identity(settings)
    gate = make_gate(settings, access, log)
    on_defect = logging_defects(log)
    releases = Releases(release, settings, on_defect, interpret)
    evidence = open_evidence(settings, log, lambda: releases.current.reference, worker)
    watchdog = Watchdog(log, evidence.unread)
    seconds = Seconds(settings.unary_seconds, settings.batch_seconds, settings.stream_idle_seconds)
    calls = Calls(log, settings.stream_slots, releases, on_defect, evidence, gate, seconds)
    pool = AdmittingPool(settings.threads, watchdog, log, evidence.unread, calls.methods)
    status = health.Health((INTERPRETATION, KNOWLEDGE, FHIR), watchdog, seconds.unary, seconds.stream_idle)
    server = grpc.server(
        pool,
        handlers=[*_handlers(settings, calls, releases), _UnknownMethods(log, evidence)],
        options=options_of(settings),
    )
    status.serve_on(server, ending_refused(gate, log))
    # Here, in the process that serves, and never before a fork: gRPC's core would deadlock (grpc/grpc#14258).
    credentials = None if tls is None else Certificates(settings, tls, log).credentials()
    try:
        port = _open_port(server, settings, settings.port, credentials)
        health_port = (
            None if settings.health_port is None else HealthPort(settings, settings.health_port, status, watchdog)
        )
    except SettingsError:
        watchdog.close()
        evidence.close()
        raise
    server.start()
    return RunningServer(server, port, pool, status, releases, evidence, health_port, watchdog)


def serve(settings: Settings, release: Release, check: Sequence[str] = ()) -> int:
    """Serves until SIGTERM or SIGINT, then drains; the exit code. A second signal stops at once.

    The log on stdout says "serving", with the port, once calls are answered. On SIGHUP the command `check` checks the
    files again (reload.py), and what it finds sound is served.
    """
    log = make_log(sys.stdout.buffer, settings.log_level, gathers=True)
    quieten_libraries(log)
    with Signals() as signals:
        serve_until_told(settings, release, log, signals.wait, Reload(settings, release.reference, log, check))
    return 0


def serve_until_told(
    settings: Settings,
    release: Release,
    log: FilteringBoundLogger,
    wait: Wait,
    reload: Reload | None,
    on_serving: Callable[[ReleaseReference], object] = lambda _: None,
    worker: int = 0,
    identity: tuple[TlsFiles | None, Access | None] | None = None,
) -> None:
    """Serves until an order says otherwise, and stops as it says. Raises SettingsError as `start` does.

    A worker, which has no `reload`, is handed each release by its supervisor, and tells it what it serves. `identity`:
    as for `start`.
    """
    check_threads(settings)
    sys.setswitchinterval(SWITCH_SECONDS)
    with auditing_handshakes(log) if settings.tls_certificate else nullcontext():
        running = start(settings, release, log, worker=worker, identity=identity)
        health_port = {} if running.health_port is None else {"health_port": running.health_port.port}
        log.info(
            "serving",
            port=running.port,
            pid=os.getpid(),
            transport=settings.transport,
            **health_port,
            **said_of(release.reference),
        )
        on_serving(release.reference)
        while (order := wait(reload.wait_seconds if reload else None)) is None or order.do in (Do.RELOAD, Do.REAP):
            if reload is None:
                if order is not None and order.do is Do.RELOAD:
                    on_serving(_swap(running.releases, read(order.release), log))
            elif order is None:
                reload.look(running.releases.swap)
            elif order.do is Do.RELOAD:
                reload.ask(order.signal)
        if reload is not None:
            reload.abandon()
        _end(running, order, settings, log, wait)
        log.info("stopped")


def _swap(releases: Releases, release: Release, log: FilteringBoundLogger) -> ReleaseReference:
    """Puts in force what a worker was handed."""
    begun = time.monotonic()
    releases.swap(release)
    log.info("reloaded", seconds=round(time.monotonic() - begun, 3), **said_of(release.reference))
    return release.reference


def _end(running: RunningServer, order: Order, settings: Settings, log: FilteringBoundLogger, wait: Wait) -> None:
    """Drains and stops, or, told a second time, stops at once."""
    seconds = settings.drain if order.do is Do.DRAIN else 0.0
    log.info("draining", signal=order.signal, seconds=seconds)
    # Connections move away while everything is still answered: a server that stops loses the calls in its queue.
    running.stop_taking()
    if _told_again(wait, time.monotonic() + seconds):
        running.begin_stop(0.0)
    else:
        ended = running.begin_stop(GRACE_SECONDS)
        if _told_again(wait, time.monotonic() + GRACE_SECONDS, ended):
            running.begin_stop(0.0)
    running.stop()


def _told_again(wait: Wait, until: float, ended: threading.Event | None = None) -> bool:
    """Whether a second order to stop comes before the time, or before what is waited for has ended."""
    while (left := until - time.monotonic()) > 0 and not (ended and ended.is_set()):
        order = wait(min(left, LOOK_SECONDS) if ended else left)
        if order is not None and order.do in (Do.DRAIN, Do.STOP):
            return True
    return False


class _UnknownMethods(grpc.GenericRpcHandler):
    """Stands behind all others: who asks for what there is not is counted and said, never by the name that was sent."""

    def __init__(self, log: FilteringBoundLogger, evidence: Evidence) -> None:
        self._log = log
        self._evidence = evidence

    def service(self, _: grpc.HandlerCallDetails) -> None:
        """None, by which gRPC says UNIMPLEMENTED."""
        self._evidence.unknown()
        self._log.warning("refused", method="unknown", status="UNIMPLEMENTED", cause="UNKNOWN_METHOD", caller="unknown")


def _handlers(settings: Settings, calls: Calls, releases: Releases) -> list[grpc.GenericRpcHandler]:
    served = [
        grpc.method_handlers_generic_handler(
            INTERPRETATION,
            {
                "InterpretPanel": calls.unary(
                    INTERPRETATION,
                    "InterpretPanel",
                    lambda serving, body, _: serving.interpretation.interpret_panel(body),
                ),
                "BatchInterpretPanels": calls.batch(
                    INTERPRETATION, "BatchInterpretPanels", lambda serving, *asked: serving.interpretation.batch(*asked)
                ),
                "StreamInterpretPanels": calls.stream(
                    INTERPRETATION,
                    "StreamInterpretPanels",
                    lambda serving, *asked: serving.interpretation.stream_message(*asked),
                ),
            },
        ),
        grpc.method_handlers_generic_handler(
            KNOWLEDGE,
            {name: calls.unary(KNOWLEDGE, name, _asking(name)) for name in releases.current.knowledge.methods},
        ),
        grpc.method_handlers_generic_handler(
            FHIR,
            {
                "InterpretBundle": calls.sized(
                    FHIR, "InterpretBundle", lambda serving, *asked: serving.bundles.interpret_bundle(*asked)
                )
            },
        ),
    ]
    if settings.serves_reflection:
        # Only here: a server that others reach has none, and need not hold what it takes.
        from labgloss.server import reflection

        answering = reflection.reflection_answering((INTERPRETATION, KNOWLEDGE, FHIR, health.SERVICE))
        method = "ServerReflectionInfo"
        served.append(
            grpc.method_handlers_generic_handler(
                reflection.SERVICE, {method: calls.stream(reflection.SERVICE, method, answering)}
            )
        )
    return served


def _asking(method: str) -> Answering:
    return lambda serving, body, _: serving.knowledge.methods[method](body)


def _open_port(server: grpc.Server, settings: Settings, port: int, credentials: grpc.ServerCredentials | None) -> int:
    """The port that was opened. Raises SettingsError with the reason of the operating system."""
    address = settings.address_of(port)
    # Among several workers the supervisor asked, and holds the port.
    reason = why_not_bound(settings.host, port) if settings.workers == 1 else None
    if reason is None:
        try:
            if credentials is None:
                return server.add_insecure_port(address)
            return server.add_secure_port(address, credentials)
        except RuntimeError:
            reason = "gRPC could not open it"
            if credentials is not None:
                words = "gRPC takes it or its key not (its own words stand on stderr), or else"
                fault = f"tls_certificate: {settings.tls_certificate}: {words} {address} was taken just now"
                raise SettingsError((fault,)) from None
    raise cannot_listen(address, reason)
