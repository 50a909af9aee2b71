"""What the processes over asyncio share: a socket to listen on, the context of TLS, the signals that tell to stop."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from structlog.typing import FilteringBoundLogger

from labgloss.access.certificates import TlsFiles, watch_tls
from labgloss.errors import SettingsError
from labgloss.settings import Listening


class Told:
    """The signals that told the process to stop, once and again."""

    def __init__(self) -> None:
        self.once = asyncio.Event()
        self.signal = ""
        self._again = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._tell, number.name)

    def _tell(self, name: str) -> None:
        if self.once.is_set() or name == "SIGINT":
            self._again.set()
        self.signal = self.signal or name
        self.once.set()

    async def again(self, seconds: float, ended: asyncio.Future[Any] | None = None) -> None:
        """Returns when it is told again, the time is over, or what is waited for has ended."""
        waited: set[asyncio.Future[Any]] = {asyncio.ensure_future(self._again.wait())}
        if ended is not None:
            waited.add(ended)
        _, left = await asyncio.wait(waited, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for each in left:
            if each is not ended:
                each.cancel()


def listen(settings: Listening, port: int) -> socket.socket:
    """A socket that listens at a port of the host. Raises SettingsError with the reason of the operating system."""
    reason = "the host has no address"
    try:
        addresses = socket.getaddrinfo(settings.host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        addresses, reason = [], error.strerror or reason
    for family, kind, protocol, _, address in addresses:
        end = socket.socket(family, kind, protocol)
        try:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            end.bind(address)
            end.listen(128)
        except OSError as error:
            end.close()
            reason = error.strerror or reason
            continue
        return end
    mend = "choose another by --host and --port, or LABGLOSS_HOST and LABGLOSS_PORT (port 0 takes any free one)"
    raise SettingsError((f"{settings.address_of(port)} cannot be listened on: {reason}; {mend}",))


def server_context(
    settings: Listening, first: TlsFiles, log: FilteringBoundLogger, protocols: Sequence[str] = ()
) -> ssl.SSLContext:
    """What handshakes are made with: each with the newest files that have no fault. `protocols` are those of ALPN.

    Raises SettingsError when OpenSSL does not take the first.
    """
    served = [_context(first, protocols)]

    def proved(tls: TlsFiles) -> None:
        served[0] = _context(tls, protocols)

    watched = watch_tls(settings, first, log, proved)

    def newest(encrypted: ssl.SSLObject, _: str | None, __: ssl.SSLContext) -> None:
        watched.current()
        encrypted.context = served[0]

    class Noted(ssl.SSLObject):
        """A handshake of which the log says why it failed, which nothing else tells."""

        def do_handshake(self) -> None:
            try:
                super().do_handshake()
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                raise
            except ssl.SSLError as error:
                # OpenSSL's own word, such as PEER_DID_NOT_RETURN_A_CERTIFICATE.
                log.warning("refused", cause="handshake", reason=error.reason, transport=settings.transport)
                raise

    context = _context(first, protocols)
    context.sni_callback = newest
    context.sslobject_class = Noted
    return context


def _context(tls: TlsFiles, protocols: Sequence[str]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if protocols:
        context.set_alpn_protocols(list(protocols))
    # Who resumes a session is not verified anew, and an authority may be no more.
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    try:
        with _in_memory(tls.chain) as chain, _in_memory(tls.key) as key:
            context.load_cert_chain(chain, key)
        if tls.client_ca is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(cadata=tls.client_ca.decode("ascii"))
    except OSError as error:
        # OpenSSL's own word, such as EE_KEY_TOO_SMALL, which the system's configuration of it may forbid.
        reason = getattr(error, "reason", None) or error.strerror
        raise SettingsError((f"tls_certificate: {', '.join(map(str, tls.files))}: OpenSSL says {reason}",)) from None
    return context


@contextmanager
def _in_memory(content: bytes) -> Iterator[str]:
    """A file of this content that no disk holds: Python reads a server's certificate and key from files alone."""
    with os.fdopen(os.memfd_create("labgloss-tls"), "wb") as file:
        file.write(content)
        file.flush()
        yield f"/proc/self/fd/{file.fileno()}"
