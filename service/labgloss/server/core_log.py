"""What gRPC's core writes to standard error of handshakes that failed, as audit lines of our log.

A caller who is refused in the TLS handshake never becomes a call, and gRPC tells Python nothing of it. The core writes
one line for each; here standard error goes through a pipe, those lines become events, and all others go on to where
they would have gone.
"""

from __future__ import annotations

import faulthandler
import fcntl
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import Thread

from structlog.typing import FilteringBoundLogger

from labgloss.errors import SettingsError

_STDERR = 2
_READ_BYTES = 65_536
_PIPE_BYTES = 1_048_576
_LONGEST_LINE_BYTES = 65_536
_FAILED = re.compile(rb"ssl_transport_security\S*\] Handshake failed with (?:fatal )?error (.*)")
# The first whose words the line holds counts.
_CAUSES: Mapping[bytes, str] = {
    b"PEER_DID_NOT_RETURN_A_CERTIFICATE": "NO_CERTIFICATE",
    b"certificate has expired": "CERTIFICATE_EXPIRED",
    b"certificate is not yet valid": "CERTIFICATE_NOT_YET_VALID",
    b"self signed certificate": "CERTIFICATE_UNTRUSTED",
    b"self-signed certificate": "CERTIFICATE_UNTRUSTED",
    b"unable to get local issuer certificate": "CERTIFICATE_UNTRUSTED",
    b"unable to verify the first certificate": "CERTIFICATE_UNTRUSTED",
    b"certificate signature failure": "CERTIFICATE_UNTRUSTED",
    b"unsupported certificate purpose": "CERTIFICATE_PURPOSE",
    b"CERTIFICATE_VERIFY_FAILED": "CERTIFICATE_INVALID",
    b"WRONG_VERSION_NUMBER": "NOT_TLS",
    b"HTTP_REQUEST": "NOT_TLS",
    b"UNSUPPORTED_PROTOCOL": "TLS_VERSION",
    b"_ALERT_": "CALLER_ENDED_IT",
}
_OTHER = "HANDSHAKE_FAILED"
# At these the core does not write the lines.
_SILENT = frozenset({"NONE", "ERROR", "WARNING"})


def check_core_speaks(environment: Mapping[str, str]) -> None:
    """Nothing. Raises SettingsError when the environment keeps the core from saying which handshakes failed."""
    if environment.get("GRPC_VERBOSITY", "").upper() in _SILENT:
        raise SettingsError(
            (
                "GRPC_VERBOSITY: hides callers that are refused in the TLS handshake from the audit; leave it out, or "
                "set it to INFO",
            )
        )


@contextmanager
def auditing_handshakes(log: FilteringBoundLogger) -> Iterator[None]:
    """While it lasts, a failed handshake leaves one line of event "refused" in the log; its caller is not known.

    The end of a crash that the core writes itself may be lost in the pipe; Python's own traces go past it.
    """
    original = os.dup(_STDERR)
    reading, writing = os.pipe()
    with suppress(OSError, AttributeError):
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    # The core's threads never wait for a reader: should a million bytes be unread, lines are lost.
    os.set_blocking(writing, False)
    os.dup2(writing, _STDERR)
    os.close(writing)
    faulthandler.enable(original)
    reader = Thread(target=_relay, args=(log, reading, original), name="core-log", daemon=True)
    reader.start()
    try:
        yield
    finally:
        os.dup2(original, _STDERR)
        # The pipe has no writer any more, so that the reader comes to its end.
        reader.join(1.0)


def _relay(log: FilteringBoundLogger, reading: int, original: int) -> None:
    rest = b""
    while content := os.read(reading, _READ_BYTES):
        *lines, rest = (rest + content).split(b"\n")
        if len(rest) > _LONGEST_LINE_BYTES:
            lines, rest = [*lines, rest], b""
        for line in lines:
            _hand_on(log, line, original)
    if rest:
        _hand_on(log, rest, original)
    os.close(reading)


def _hand_on(log: FilteringBoundLogger, line: bytes, original: int) -> None:
    failed = _FAILED.search(line)
    if failed is None:
        with suppress(OSError):
            os.write(original, line + b"\n")
        return
    log.warning(
        "refused",
        method="handshake",
        status="UNAUTHENTICATED",
        reason="UNAUTHENTICATED",
        cause=cause_of(failed[1]),
        caller="unknown",
    )


def cause_of(error: bytes) -> str:
    """Why a handshake failed, from a closed list, by the core's words."""
    return next((cause for words, cause in _CAUSES.items() if words in error), _OTHER)
