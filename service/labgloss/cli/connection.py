"""A client of the service that a command asks: the target's, or one inside this process."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc

from labgloss.errors import SettingsError
from labgloss.knowledge.loader import load
from labgloss.server.app import start
from labgloss.server.settings import read_settings
from labgloss_client import Client

_TIMEOUT_S = 10.0
_BATCH_TIMEOUT_S = 60.0


@contextmanager
def connected(arguments: Namespace) -> Iterator[Client]:
    """A client of `--target`; without one, of a service on loopback inside this process, which ends with it.

    Raises: SettingsError when the target is empty, panels would travel unencrypted, or an overlay is given for a
        service that runs already; KnowledgeError when the knowledge or the overlay is faulty.
    """
    if arguments.target is not None and arguments.overlay:
        reason = (
            "is laid over a release when its service starts, and --target names one that runs; leave one of them out"
        )
        raise SettingsError((f"--overlay: {reason}",))
    # An empty target is a wrong one, as of a variable that is not set; it does not ask for a service of our own.
    if arguments.target is not None:
        with client_of(arguments.target, arguments.tls, arguments.plaintext) as client:
            yield client
        return
    settings = read_settings({}, {"port": 0, "log_level": "error", "reflection": False})
    running = start(settings, load(overlay=Path(arguments.overlay) if arguments.overlay else None))
    try:
        with client_of(f"{settings.host}:{running.port}") as client:
            yield client
    finally:
        running.stop()


def client_of(
    target: str, tls: bool = False, plaintext: bool = False, batch_timeout_s: float = _BATCH_TIMEOUT_S
) -> Client:
    """A client of the target.

    Raises: SettingsError when it is empty, or panels would travel unencrypted to another machine.
    """
    if not target:
        raise SettingsError(("--target: is empty; give HOST:PORT, or leave it out for a service inside this process",))
    credentials = grpc.ssl_channel_credentials() if tls else None
    try:
        return Client(
            target,
            credentials=credentials,
            plaintext=plaintext,
            timeout_s=_TIMEOUT_S,
            batch_timeout_s=batch_timeout_s,
        )
    except ValueError as error:
        # The client's words name its own arguments.
        raise SettingsError(
            (
                f"--target: {target} is not on this machine, and panels must not travel unencrypted; "
                "add --tls, or --plaintext where something else encrypts the way",
            )
        ) from error
