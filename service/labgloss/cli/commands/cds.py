"""`labgloss cds serve`: CDS Hooks and JSON over HTTP, until it is told to stop."""

from __future__ import annotations

import os
from argparse import Namespace

from labgloss.cli.credentials import check_token_is_safe, credentials_of
from labgloss.errors import SettingsError
from labgloss.settings import read_form

_NO_PACKAGE = "cds serve needs the packages starlette and uvicorn: install labgloss[http]"


def run(arguments: Namespace) -> int:
    """Serves. Raises SettingsError before anything listens."""
    try:
        from labgloss.http.serve import serve
        from labgloss.http.settings import HttpSettings
    except ImportError:
        raise SettingsError((_NO_PACKAGE,)) from None
    from labgloss_client import AsyncClient, is_loopback

    flags = {name: getattr(arguments, name, None) for name in HttpSettings.model_fields}
    settings = read_form(HttpSettings, os.environ, flags)
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
            timeout_s=settings.timeout_seconds,
            token=shown.token,
        )

    return serve(settings, connect)
