"""What gRPC's handshakes are made with."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import grpc
from structlog.typing import FilteringBoundLogger

from labgloss.access.certificates import TlsFiles, watch_tls
from labgloss.server.settings import Settings


class Certificates:
    """What handshakes are made with: the newest files that have no fault. Made after a fork, never before."""

    def __init__(self, settings: Settings, first: TlsFiles, log: FilteringBoundLogger) -> None:
        self._served = first
        self._watched = watch_tls(settings, first, log)

    def credentials(self) -> grpc.ServerCredentials:
        """Credentials whose certificate is that of the files at each handshake."""
        first = self._served
        # The stubs do not know that it may return None: as before.
        fetched = cast("Callable[[], grpc.ServerCertificateConfiguration]", self._fetched)
        return grpc.dynamic_ssl_server_credentials(
            _configuration(first), fetched, require_client_authentication=first.client_ca is not None
        )

    def _fetched(self) -> grpc.ServerCertificateConfiguration | None:
        """Asked by the core at each handshake; None: as before."""
        tls = self._watched.current()
        if tls is self._served:
            return None
        self._served = tls
        return _configuration(tls)


def _configuration(tls: TlsFiles) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration([(tls.key, tls.chain)], tls.client_ca)
