"""Room for what a process opens and starts: raised to what the machine allows, or refused before anything listens."""

from __future__ import annotations

import resource
import threading

import pytest

from labgloss.errors import SettingsError
from labgloss.server.room import check_threads, open_room
from labgloss.server.settings import Settings


class Limit:
    """The limit of a process that is not this one."""

    def __init__(self, soft: int, hard: int) -> None:
        self.value = soft, hard

    def getrlimit(self, _: int) -> tuple[int, int]:
        return self.value

    def setrlimit(self, _: int, value: tuple[int, int]) -> None:
        self.value = value


def limited(monkeypatch: pytest.MonkeyPatch, soft: int, hard: int) -> Limit:
    limit = Limit(soft, hard)
    monkeypatch.setattr(resource, "getrlimit", limit.getrlimit)
    monkeypatch.setattr(resource, "setrlimit", limit.setrlimit)
    return limit


@pytest.mark.parametrize("hard", [576, 20_000, resource.RLIM_INFINITY])
def test_the_limit_is_raised_to_what_the_machine_allows(monkeypatch: pytest.MonkeyPatch, hard: int) -> None:
    limit = limited(monkeypatch, 256, hard)
    open_room(Settings())
    assert (hard, hard) == limit.value


def test_too_few_files_for_the_connections_are_said_with_how_many_would_do(monkeypatch: pytest.MonkeyPatch) -> None:
    limit = limited(monkeypatch, 256, 575)
    with pytest.raises(SettingsError) as raised:
        open_room(Settings())
    assert (
        "connections: a worker with 512 opens up to 576 files, and this process may open 575; choose 511 or fewer by "
        "--connections, or raise the limit (ulimit -n, LimitNOFILE, --ulimit nofile)",
    ) == raised.value.faults
    assert (256, 575) == limit.value
    open_room(Settings(connections=511))


def test_a_health_port_takes_connections_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    limited(monkeypatch, 256, 576)
    with pytest.raises(SettingsError, match=r"opens up to 1088 files, .* choose 256 or fewer"):
        open_room(Settings(health_port=0))


def test_where_no_connection_fits_none_is_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    limited(monkeypatch, 64, 64)
    with pytest.raises(SettingsError, match="this process may open 64; raise the limit"):
        open_room(Settings())


def test_threads_that_cannot_be_started_are_said_and_those_that_were_end(monkeypatch: pytest.MonkeyPatch) -> None:
    before, starting = threading.active_count(), threading.Thread.start

    def start(thread: threading.Thread) -> None:
        if threading.active_count() - before == 5:
            raise RuntimeError("can't start new thread")
        starting(thread)

    check_threads(Settings())
    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(SettingsError) as raised:
        check_threads(Settings())
    assert (
        "threads: a process with 8 starts up to 24, and there is room for 5; choose fewer, or raise the limit "
        "(ulimit -u, TasksMax, pids_limit)",
    ) == raised.value.faults
    assert before == threading.active_count()
