"""The process: listens, answers, sends on, drains."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import tzinfo

from structlog.typing import FilteringBoundLogger

from labgloss.access.certificates import read_tls
from labgloss.errors import SettingsError
from labgloss.files import content_of
from labgloss.hl7.sites import zone_named
from labgloss.log import make_log, quieten_libraries
from labgloss.mllp.exchanges import Exchanges
from labgloss.mllp.listener import Listener
from labgloss.mllp.sender import Sender
from labgloss.mllp.settings import MllpSettings
from labgloss.mllp.spool import Spool, SpoolError
from labgloss.process import Told, listen, server_context
from labgloss_client import AsyncClient

# Between looks at what may be forgotten.
_TIDY_S = 600.0
_HOUR_S = 3_600.0

# A client over these settings, made in the loop that runs.
Connect = Callable[[], AsyncClient]


def serve(settings: MllpSettings, connect: Connect) -> int:
    """Serves until SIGTERM or SIGINT, then drains; the exit code. A second signal ends it at once.

    Raises SettingsError before anything listens.
    """
    tls = read_tls(settings)
    zone = zone_named("--time-zone", settings.time_zone)
    sending = _client_context(settings)
    log = make_log(sys.stdout.buffer, settings.log_level)
    quieten_libraries(log)
    context = None if tls is None else server_context(settings, tls, log)
    with closing(Spool(settings.spool)) as spool, listen(settings, settings.port) as end:
        asyncio.run(_Process(settings, spool, zone, log).run(connect, end, context, sending))
    log.info("stopped")
    return 0


class _Process:
    """The parts together, in one loop, with one thread for the disk."""

    def __init__(self, settings: MllpSettings, spool: Spool, zone: tzinfo | None, log: FilteringBoundLogger) -> None:
        self._settings = settings
        self._spool = spool
        self._zone = zone
        self._log = log
        self._disk = ThreadPoolExecutor(1, "disk")

    async def run(
        self, connect: Connect, end: socket.socket, context: ssl.SSLContext | None, sending: ssl.SSLContext | None
    ) -> None:
        """Returns when it has drained."""
        settings, log = self._settings, self._log
        async with connect() as client:
            sender = self._sender(sending)
            exchanges = Exchanges(
                client,
                self._spool,
                self._disk,
                onward=sender is not None,
                character_set=settings.character_set,
                zone=self._zone,
                timeout_s=settings.timeout_seconds,
                most_waiting=settings.waiting,
                kept=sender.more if sender else lambda: None,
            )
            listener = Listener(settings, exchanges, log)
            told = Told()
            waiting, refused = self._spool.waiting(), self._spool.refused()
            tasks = [asyncio.create_task(self._tidy())]
            if sender is not None:
                tasks.append(asyncio.create_task(sender.run()))
            await listener.start(end, context)
            log.info(
                "serving", port=end.getsockname()[1], pid=os.getpid(), transport=settings.transport, records=waiting
            )
            if refused:
                log.warning("answer_refused", records=refused)
            await told.once.wait()
            log.info("draining", signal=told.signal, seconds=settings.drain_seconds)
            listener.stop_taking()
            ended = asyncio.ensure_future(self._ended(listener, sender))
            await told.again(settings.drain_seconds, ended)
            ended.cancel()
            await listener.ended(0)
            for task in tasks:
                task.cancel()
            await asyncio.gather(ended, *tasks, return_exceptions=True)
        self._disk.shutdown()

    def _sender(self, sending: ssl.SSLContext | None) -> Sender | None:
        receiver = self._settings.receiver
        if receiver is None:
            return None
        if self._settings.send_refused:
            self._spool.wait_again()
        sender = Sender(receiver, sending, self._spool, self._disk, self._log)
        sender.more()
        return sender

    async def _ended(self, listener: Listener, sender: Sender | None) -> None:
        await listener.ended(self._settings.drain_seconds)
        if sender is not None:
            await sender.all_sent()

    async def _tidy(self) -> None:
        """Forgets what was done with long ago, now and then."""
        loop = asyncio.get_running_loop()
        while True:
            with suppress(SpoolError):
                await loop.run_in_executor(self._disk, self._spool.forget, self._settings.keep_hours * _HOUR_S)
            await asyncio.sleep(_TIDY_S)


def _client_context(settings: MllpSettings) -> ssl.SSLContext | None:
    """What the way to the receiver is encrypted with; None: it is not. Raises SettingsError where files do not fit."""
    if not settings.sends_encrypted:
        return None
    faults = list(_unread(settings))
    if faults:
        raise SettingsError(tuple(faults))
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.send_tls_ca is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_verify_locations(settings.send_tls_ca)
        except (ssl.SSLError, OSError):
            faults.append(f"--send-tls-ca: {settings.send_tls_ca} holds no certificate that can be read; PEM is needed")
    if settings.send_tls_certificate is not None:
        try:
            # An empty passphrase, so that nobody is asked for one.
            context.load_cert_chain(settings.send_tls_certificate, settings.send_tls_key, password="")
        except (ssl.SSLError, OSError, ValueError):
            faults.append(
                f"--send-tls-certificate: {settings.send_tls_certificate} and the key {settings.send_tls_key} are not "
                "a certificate and its key in PEM, without a passphrase"
            )
    if faults:
        raise SettingsError(tuple(faults))
    return context


def _unread(settings: MllpSettings) -> Iterator[str]:
    for name in ("send_tls_ca", "send_tls_certificate", "send_tls_key"):
        file = getattr(settings, name)
        try:
            if file is not None:
                content_of(file)
        except OSError as error:
            yield f"--{name.replace('_', '-')}: {file} cannot be read: {error.strerror}"
