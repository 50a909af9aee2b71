"""The evidence that the settings ask for, opened before anything listens."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from structlog.typing import FilteringBoundLogger

from labgloss import __version__
from labgloss.errors import SettingsError
from labgloss.evidence.evidence import Evidence, Watcher
from labgloss.evidence.journal import Head, StandardOutput, check_folder, journal_on, open_journal
from labgloss.evidence.records import Records, header_of
from labgloss.evidence.site_key import read_key
from labgloss.knowledge.release import ReleaseReference
from labgloss.log import LINES, lines_lost
from labgloss.server.port import why_not_bound
from labgloss.server.settings import Settings

if TYPE_CHECKING:
    from labgloss.evidence.metrics import Metrics

# Between attempts to open a page whose port is taken.
_AGAIN_SECONDS = 5.0


def check_evidence(settings: Settings) -> None:
    """Nothing. Raises SettingsError with every key, folder or package that is not there, before a release is proved."""
    faults: list[str] = []
    for check in (_check_key, _check_folder, _check_packages):
        try:
            check(settings)
        except SettingsError as error:
            faults += error.faults
    if faults:
        raise SettingsError(tuple(faults))


def _check_key(settings: Settings) -> None:
    if settings.audit_key is not None:
        read_key(settings.audit_key)


def _check_folder(settings: Settings) -> None:
    if settings.audit not in (None, "-"):
        check_folder(Path(str(settings.audit)))


def _check_packages(settings: Settings) -> None:
    wanted = (
        (settings.metrics_port is not None, "metrics_port", "metrics", "prometheus_client"),
        (settings.tracing, "tracing", "tracing", "opentelemetry"),
    )
    faults = [
        _missing(setting, extra, package) for asked, setting, extra, package in wanted if asked and not _has(package)
    ]
    if faults:
        raise SettingsError(tuple(faults))


def _has(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ValueError:  # it was marked as not to be had
        return False


def open_evidence(
    settings: Settings,
    log: FilteringBoundLogger,
    release: Callable[[], ReleaseReference],
    worker: int = 0,
) -> Evidence:
    """Records, metrics and spans as set; `release` says which one is in force, `worker` is this one's number.

    Raises SettingsError when a key, a place for records, a port or a package is not there.
    """
    check_evidence(settings)
    records = _records(settings, log, release(), worker)
    watchers: list[Watcher] = []
    try:
        if settings.metrics_port is not None:
            watchers.append(_metrics(settings, log, release, worker, records))
        if settings.tracing:
            watchers.append(_spans())
    except SettingsError:
        Evidence(log, records, watchers=tuple(watchers)).close()
        raise
    return Evidence(log, records, settings.audit_required, tuple(watchers), settings.tracing)


def _records(settings: Settings, log: FilteringBoundLogger, release: ReleaseReference, worker: int) -> Records | None:
    if settings.audit is None:
        return None
    key = read_key(settings.audit_key) if settings.audit_key else None

    # Whatever the level of the log: a head proves what was recorded before it.
    say = {"warning": log.warning, "error": log.error}.get(settings.log_level, log.info)

    def on_head(head: Head) -> None:
        say("audit_head", chain=head.chain, head=head.hash, records=head.records)

    def on_gone(file: str) -> None:
        log.error("records_gone", file=file)

    header = header_of(worker, os.getpid(), __version__, release, key)
    if settings.audit == "-":
        return Records(journal_on(StandardOutput(LINES), header, on_head), key)
    return Records(open_journal(Path(settings.audit), settings.audit_bytes, worker, header, on_head, on_gone), key)


def _metrics(
    settings: Settings,
    log: FilteringBoundLogger,
    release: Callable[[], ReleaseReference],
    worker: int,
    records: Records | None,
) -> Watcher:
    # Only here: an extra, which a service without metrics need not have.
    from labgloss.evidence.metrics import Metrics

    metrics = Metrics(release, __version__, lambda: records.journal.head if records else None, lambda: lines_lost(log))
    port = _page_port(settings, worker)
    try:
        port = metrics.serve(settings.metrics_host, port)
    except OSError as error:
        if settings.workers == 1:
            raise SettingsError((_page_fault(settings, port, error.strerror),)) from None
        # It was free when the service began: whoever took it since, while a worker was away, stops no answer.
        log.error("metrics_closed", port=port, reason=error.strerror, wait_seconds=_AGAIN_SECONDS)
        Thread(target=_open_later, args=(metrics, settings.metrics_host, port, log), daemon=True).start()
        return metrics
    log.info("metrics", port=port)
    return metrics


def _open_later(metrics: Metrics, host: str, port: int, log: FilteringBoundLogger) -> None:
    while True:
        time.sleep(_AGAIN_SECONDS)
        with suppress(OSError):
            log.info("metrics", port=metrics.serve(host, port))
            return


def check_pages(settings: Settings) -> None:
    """Nothing. Raises SettingsError with every page of a worker whose port is taken."""
    if settings.metrics_port is None:
        return
    ports = [_page_port(settings, worker) for worker in range(settings.workers)]
    reasons = {port: why_not_bound(settings.metrics_host, port) for port in ports}
    if faults := tuple(_page_fault(settings, port, reason) for port, reason in reasons.items() if reason):
        raise SettingsError(faults)


def _page_port(settings: Settings, worker: int) -> int:
    """The port of a worker's page, beside the others'; 0 for any free one."""
    return settings.metrics_port + worker if settings.metrics_port else 0


def _page_fault(settings: Settings, port: int, reason: str | None) -> str:
    place = f"{settings.metrics_host}, port {port}, cannot be listened on: {reason}"
    return f"metrics_port: {place}; choose another by --metrics-host and --metrics-port (port 0 takes any free one)"


def _spans() -> Watcher:
    from labgloss.evidence.tracing import Spans, exporter_of_environment

    return Spans(exporter_of_environment(), __version__)


def _missing(setting: str, extra: str, package: str) -> str:
    mend = f"install the extra that brings it: pip install 'labgloss[{extra}]'"
    return f"{setting}: needs the package {package}, which is not installed; {mend}"
