"""The port that several workers listen on: held by their supervisor, which listens on nothing."""

from __future__ import annotations

import errno
import socket
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from labgloss.errors import SettingsError
from labgloss.frozen import dataclass
from labgloss.server.settings import Settings


@dataclass(frozen=True, slots=True)
class HeldPort:
    """A port that nobody but workers of this process can open, until the context is left."""

    port: int
    _sockets: ExitStack

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sockets.close()


def hold_port(settings: Settings, port: int) -> HeldPort:
    """A port of the host of the settings, held, or any free one where it is 0. Raises SettingsError when it is taken.

    Each address is bound as if for this process alone, which fails where anybody listens, whether or not they would
    share; only then it is shared, with processes of the same user that ask to. A socket that is bound and does not
    listen gets no connection.
    """
    reason, wanted, bound = "the host has no address", settings.address_of(port), False
    try:
        addresses = socket.getaddrinfo(settings.host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise cannot_listen(wanted, error.strerror or reason) from None
    with ExitStack() as sockets:
        for family, kind, protocol, _, address in addresses:
            try:
                end = sockets.enter_context(socket.socket(family, kind, protocol))
                end.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                end.bind((address[0], port, *address[2:]))
            except OSError as error:
                reason = error.strerror or reason
                if error.errno == errno.EADDRINUSE:
                    break
                # Such as an address of IPv6 where there is none.
                continue
            end.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            port, bound = end.getsockname()[1], True
        else:
            if bound:
                return HeldPort(port, sockets.pop_all())
    raise cannot_listen(wanted, reason)


def cannot_listen(address: str, reason: str) -> SettingsError:
    """The error of an address that cannot be opened, for this reason."""
    mend = "choose another by --host and --port, or LABGLOSS_HOST and LABGLOSS_PORT (port 0 takes any free one)"
    return SettingsError((f"{address} cannot be listened on: {reason}; {mend}",))


def why_not_bound(host: str, port: int) -> str | None:
    """Why no address of the host can be bound; asked before gRPC is, which says why on stderr only."""
    reason = "the host has no address"
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        return error.strerror or reason
    for family, kind, protocol, _, address in addresses:
        try:
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
                return None
        except OSError as error:
            reason = error.strerror or reason
    return reason
