"""A client of the service that a command asks: the target's, or one inside this process."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from labgloss.cli.credentials import NO_CREDENTIALS, Credentials, check_token_is_safe, credentials_of
from labgloss.errors import SettingsError
from labgloss.knowledge.loader import load
from labgloss.server.app import start
from labgloss.server.settings import read_settings
from labgloss.settings import Asking
from labgloss_client import AsyncClient, Client, is_loopback

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
        with client_of(arguments.target, credentials_of(arguments), arguments.plaintext) as client:
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
    target: str,
    shown: Credentials = NO_CREDENTIALS,
    plaintext: bool = False,
    batch_timeout_s: float = _BATCH_TIMEOUT_S,
) -> Client:
    """A client of the target.

    Raises: SettingsError when it is empty, or panels or a token would travel unencrypted to another machine.
    """
    if not target:
        raise SettingsError(("--target: is empty; give HOST:PORT, or leave it out for a service inside this process",))
    check_token_is_safe(target, shown)
    try:
        return Client(
            target,
            credentials=shown.channel,
            plaintext=plaintext,
            timeout_s=_TIMEOUT_S,
            batch_timeout_s=batch_timeout_s,
            token=shown.token,
        )
    except ValueError as error:
        # The client's words name its own arguments.
        raise SettingsError(
            (
                f"--target: {target} is not on this machine, and panels must not travel unencrypted; "
                "add --tls, or --plaintext where something else encrypts the way",
            )
        ) from error


def asking(settings: Asking, timeout_s: float = _TIMEOUT_S) -> Callable[[], AsyncClient]:
    """What makes, in the loop that runs, a client of the target of a server's settings.

    Raises: SettingsError when its files do not fit, or panels or a token would travel unencrypted to another machine.
    """
    shown = credentials_of(settings, "target-")
    check_token_is_safe(settings.target, shown, "target-")
    if shown.channel is None and not settings.target_plaintext and not is_loopback(settings.target):
        raise SettingsError(
            (
                f"--target: {settings.target} is not on this machine, and panels must not travel unencrypted; add "
                "--target-tls, or --target-plaintext where something else encrypts the way",
            )
        )

    def connect() -> AsyncClient:
        return AsyncClient(
            settings.target,
            credentials=shown.channel,
            plaintext=settings.target_plaintext,
            timeout_s=timeout_s,
            token=shown.token,
        )

    return connect
