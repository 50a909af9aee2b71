"""The settings of `labgloss hl7 serve`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import Field, field_validator

from labgloss.hl7.characters import encoding_named
from labgloss.settings import Asking

_NOT_HERE = ("access", "health_port")


class MllpSettings(Asking):
    """What an operator decides of the listener for HL7 v2. Each description says what is allowed."""

    port: int = Field(2575, ge=0, le=65535, description="a whole number from 0 (any free port) to 65535")
    spool: Path = Field(description="a folder of its own, on a disk that outlives the process, for the answers")
    send_to: str | None = Field(
        None,
        pattern=r"^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}$",
        description="HOST:PORT of the receiver of the answers; left out, each goes back on the connection it came by",
    )
    send_tls: bool = Field(False, description="true or false: whether the way to send_to is encrypted")
    send_plaintext: bool = Field(
        False, description="true, where something else encrypts the way to a receiver on another machine, or false"
    )
    send_tls_ca: Path | None = Field(None, description="a PEM file with the authorities of the receiver")
    send_tls_certificate: Path | None = Field(None, description="a PEM file with the certificate to show the receiver")
    send_tls_key: Path | None = Field(None, description="a PEM file with the key of send_tls_certificate")
    send_refused: bool = Field(
        False, description="true or false: whether answers that the receiver refused are sent again at the start"
    )
    character_set: str = Field("", description="a character set as MSH-18 names it, such as 8859/1; left out, UTF-8")
    time_zone: str = Field("", description="an IANA name, such as Europe/Berlin; left out, no zone is assumed")
    timeout_seconds: float = Field(
        10.0, ge=0.1, le=300, allow_inf_nan=False, description="a number of seconds from 0.1 to 300 for a report"
    )
    idle_seconds: float = Field(
        3_600.0, ge=1, le=604_800, allow_inf_nan=False, description="a number of seconds from 1 to 604800"
    )
    message_seconds: float = Field(
        30.0, ge=1, le=3_600, allow_inf_nan=False, description="a number of seconds from 1 to 3600 for one message"
    )
    message_bytes: int = Field(
        1_048_576, ge=1_024, le=67_108_864, description="a number of bytes from 1024 to 67108864 for one message"
    )
    connections: int = Field(64, ge=1, le=4_096, description="a whole number of connections from 1 to 4096")
    waiting: int = Field(
        100_000, ge=1, le=10_000_000, description="a whole number of answers that may wait to be sent, 1 to 10000000"
    )
    keep_hours: float = Field(
        72.0, ge=0.01, le=8_760, allow_inf_nan=False, description="a number of hours from 0.01 to 8760"
    )
    drain_seconds: float = Field(
        10.0, ge=0, le=86_400, allow_inf_nan=False, description="a number of seconds from 0 to 86400"
    )

    @field_validator("character_set")
    @classmethod
    def _is_read(cls, value: str) -> str:
        if value and encoding_named(value) is None:
            raise ValueError("not a character set that is read")
        return value

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
