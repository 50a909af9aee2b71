"""Room for what a process opens and starts: each connection and each file is a descriptor, and calls need threads."""

from __future__ import annotations

import resource
from threading import Event, Thread

from labgloss.errors import SettingsError
from labgloss.server.settings import Settings

# Of everything beside connections: a worker holds some 20, with records and a page, and scrapes and rotation take more.
_BESIDE = 64

# Beside those that compute: gRPC's core, health, the page and its readers.
_THREADS_BESIDE = 16


def check_threads(settings: Settings) -> None:
    """Nothing. Raises SettingsError where the machine has no room for the threads of a process that serves.

    gRPC, which finds that out one by one, waits, aborts, or stays without serving and without ending.
    """
    wanted, ended = settings.threads + _THREADS_BESIDE, Event()
    started: list[Thread] = []
    try:
        for _ in range(wanted):
            thread = Thread(target=ended.wait, daemon=True)
            thread.start()
            started.append(thread)
    except RuntimeError:
        raise SettingsError(
            (
                f"threads: a process with {settings.threads} starts up to {wanted}, and there is room for "
                f"{len(started)}; choose fewer, or raise the limit (ulimit -u, TasksMax, pids_limit)",
            )
        ) from None
    finally:
        ended.set()
        for thread in started:
            thread.join()


def open_room(settings: Settings) -> None:
    """Lets this process, and those that it starts, open as many files as the machine allows.

    Raises SettingsError where these are too few for the connections of a worker: calls would end because their record
    cannot be written, or be taken and not answered.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    ports = 1 if settings.health_port is None else 2
    needed = ports * settings.connections + _BESIDE
    if hard != resource.RLIM_INFINITY and hard < needed:
        most = (hard - _BESIDE) // ports
        fewer = f"choose {most} or fewer by --connections, or " if most > 0 else ""
        raise SettingsError(
            (
                f"connections: a worker with {settings.connections} opens up to {needed} files, and this process may "
                f"open {hard}; {fewer}raise the limit (ulimit -n, LimitNOFILE, --ulimit nofile)",
            )
        )
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
