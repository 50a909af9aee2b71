"""`labgloss serve`: the service, until it is told to stop."""

from __future__ import annotations

import os
import signal
import sys
import time
from argparse import Namespace

from labgloss.access.callers import read_identity
from labgloss.cli import candidate
from labgloss.cli.garbage import keep_all, not_collecting
from labgloss.cli.proved import is_proved, place, prove_and_keep
from labgloss.cli.service_process import end_by_exit
from labgloss.knowledge.release import Release
from labgloss.log import make_log
from labgloss.parsed import load_served
from labgloss.server.app import serve
from labgloss.server.core_log import check_core_speaks
from labgloss.server.evidence import check_evidence
from labgloss.server.room import open_room
from labgloss.server.settings import Settings, read_settings
from labgloss.server.supervisor import supervise

_FLAGS = (
    "host", "port", "workers", "threads", "log_level", "reflection", "connections", "connection_calls",
    "connection_age_seconds", "connection_idle_seconds", "unary_seconds", "batch_seconds", "stream_idle_seconds",
    "drain_seconds", "knowledge", "overlay",
    "audit", "audit_key", "audit_bytes", "audit_required", "metrics_port", "metrics_host", "tracing",
    "tls_certificate", "tls_key", "tls_client_ca", "access", "plaintext", "health_port",
)  # fmt: skip


def run(arguments: Namespace) -> int:
    """Serves. Raises SettingsError or KnowledgeError before anything is served."""
    # From the first moment: to the first process of a container a signal that it does not handle is never delivered.
    end_by_exit(signal.SIGTERM)
    # What is asked for meanwhile is done once it serves.
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGHUP,))
    flags = {name: getattr(arguments, name) for name in _FLAGS}
    settings = read_settings(os.environ, flags)
    # Before a release is proved, which takes its time.
    open_room(settings)
    read_identity(settings)
    check_evidence(settings)
    if settings.tls_certificate is not None:
        check_core_speaks(os.environ)
    with not_collecting():
        release = load_served(settings.knowledge, settings.overlay)
    prove_unless_proved(settings, release)
    keep_all()
    serving = serve if settings.workers == 1 else supervise
    return serving(settings, release, candidate.command(settings.knowledge, settings.overlay))


def prove_unless_proved(settings: Settings, release: Release) -> None:
    """Proves a release of which no verdict is kept, and keeps the verdict. Raises KnowledgeError with every fault."""
    where, reference = place(settings.knowledge, settings.overlay), release.reference
    if is_proved(where, reference):
        return
    # Shared: workers may be forked after.
    log = make_log(sys.stdout.buffer, settings.log_level, shared=True)
    log.info("proving", release=reference.version, digest=reference.digest, overlay_digest=reference.overlay_digest)
    begun = time.monotonic()
    prove_and_keep(where, release)
    log.info("proved", seconds=round(time.monotonic() - begun, 1), digest=reference.digest)
