"""The settings of `labgloss hl7 serve`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from labgloss.frozen import dataclass
from labgloss.hl7.characters import encoding_named
from labgloss.readers import flag, host_and_port, needed, number, path, setting, text, whole
from labgloss.settings import Asking

_NOT_HERE = ("access", "health_port")


def _is_read(character_set: str) -> bool:
    return not character_set or encoding_named(character_set) is not None


@dataclass(frozen=True, kw_only=True)
class MllpSettings(Asking):
    """What an operator decides of the listener for HL7 v2. Each reader says what is allowed."""

    port: int = setting(2575, whole(0, 65535, "a whole number from {} (any free port) to {}"))
    spool: Path = needed(path("a folder of its own, on a disk that outlives the process, for the answers"))
    send_to: str | None = setting(
        None,
        host_and_port(
            "HOST:PORT of the receiver of the answers; left out, each goes back on the connection it came by"
        ),
    )
    send_tls: bool = setting(False, flag("true or false: whether the way to send_to is encrypted"))
    send_plaintext: bool = setting(
        False, flag("true, where something else encrypts the way to a receiver on another machine, or false")
    )
    send_tls_ca: Path | None = setting(None, path("a PEM file with the authorities of the receiver"))
    send_tls_certificate: Path | None = setting(None, path("a PEM file with the certificate to show the receiver"))
    send_tls_key: Path | None = setting(None, path("a PEM file with the key of send_tls_certificate"))
    send_refused: bool = setting(
        False, flag("true or false: whether answers that the receiver refused are sent again at the start")
    )
    character_set: str = setting(
        "", text("a character set as MSH-18 names it, such as 8859/1; left out, UTF-8", _is_read)
    )
    time_zone: str = setting("", text("an IANA name, such as Europe/Berlin; left out, no zone is assumed"))
    timeout_seconds: float = setting(10.0, number(0.1, 300, "a number of seconds from {} to {} for a report"))
    idle_seconds: float = setting(3_600.0, number(1, 604_800, "a number of seconds from {} to {}"))
    message_seconds: float = setting(30.0, number(1, 3_600, "a number of seconds from {} to {} for one message"))
    message_bytes: int = setting(1_048_576, whole(1_024, 67_108_864, "a number of bytes from {} to {} for one message"))
    connections: int = setting(64, whole(1, 4_096, "a whole number of connections from {} to {}"))
    waiting: int = setting(
        100_000, whole(1, 10_000_000, "a whole number of answers that may wait to be sent, {} to {}")
    )
    keep_hours: float = setting(72.0, number(0.01, 8_760, "a number of hours from {} to {}"))
    drain_seconds: float = setting(10.0, number(0, 86_400, "a number of seconds from {} to {}"))

    def _contradictions(self) -> Iterator[str]:
        # Whoever shows a certificate of the authorities may send: MLLP has one method only.
        yield from (fault for fault in super()._contradictions() if not fault.startswith("tls_client_ca: needs access"))
        for name in _NOT_HERE:
            if getattr(self, name) is not None:
                yield f"{name}: is no setting of hl7 serve; leave it out"
        if (self.send_tls_certificate is None) != (self.send_tls_key is None):
            yield "send_tls_certificate and send_tls_key: are needed both, or neither"
        if self.sends_encrypted and self.send_plaintext:
            yield "send_plaintext: contradicts the settings of TLS to the receiver; leave one of them out"
        if self.send_to is None and (self.sends_encrypted or self.send_plaintext or self.send_refused):
            yield "send_to: is missing, and another setting is about the way there"
        if self.send_to is not None and not (self.sends_encrypted or self.send_plaintext or self._receiver_is_here):
            yield (
                f"send_to: {self.send_to} is not on this machine, and answers must not travel unencrypted; give "
                "send_tls, or send_plaintext where something else encrypts the way"
            )

    @property
    def sends_encrypted(self) -> bool:
        """Whether the way to the receiver is encrypted; a file of TLS means so."""
        return self.send_tls or any((self.send_tls_ca, self.send_tls_certificate, self.send_tls_key))

    @property
    def receiver(self) -> tuple[str, int] | None:
        """Host and port of the receiver."""
        if self.send_to is None:
            return None
        host, _, port = self.send_to.rpartition(":")
        return host.strip("[]"), int(port)

    @property
    def _receiver_is_here(self) -> bool:
        assert self.send_to is not None
        host = self.send_to.rpartition(":")[0].strip("[]")
        return host == "localhost" or host == "::1" or host.startswith("127.")
