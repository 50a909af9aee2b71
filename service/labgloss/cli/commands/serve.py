"""`labgloss serve`: the service, until it is told to stop."""

from __future__ import annotations

import os
from argparse import Namespace

from labgloss.knowledge.loader import load
from labgloss.server.app import serve
from labgloss.server.settings import read_settings

_FLAGS = ("host", "port", "threads", "log_level", "reflection", "drain_seconds", "knowledge", "overlay")


def run(arguments: Namespace) -> int:
    """Serves. Raises SettingsError or KnowledgeError before anything is served."""
    flags = {name: getattr(arguments, name) for name in _FLAGS}
    settings = read_settings(os.environ, flags)
    return serve(settings, load(settings.knowledge, settings.overlay))
