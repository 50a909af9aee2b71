"""`labgloss cds serve`: CDS Hooks and JSON over HTTP, until it is told to stop."""

from __future__ import annotations

import os
from argparse import Namespace

from labgloss.cli.connection import asking
from labgloss.errors import SettingsError
from labgloss.readers import readers_of
from labgloss.settings import read_form

_NO_PACKAGE = "cds serve needs the packages starlette and uvicorn: install labgloss[http]"


def run(arguments: Namespace) -> int:
    """Serves. Raises SettingsError before anything listens."""
    try:
        from labgloss.http.serve import serve
        from labgloss.http.settings import HttpSettings
    except ImportError:
        raise SettingsError((_NO_PACKAGE,)) from None

    flags = {name: getattr(arguments, name, None) for name in readers_of(HttpSettings)}
    settings = read_form(HttpSettings, os.environ, flags)
    return serve(settings, asking(settings, settings.timeout_seconds))
