"""Whoever answers waits a moment until gRPC has let go of the call, and not for peers that take no answers."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from labgloss.log import make_log
from labgloss.server import admission
from labgloss.server.admission import AdmittingPool
from labgloss.server.overdue import Watchdog


@pytest.fixture
def pool() -> Iterator[AdmittingPool]:
    log = make_log(io.BytesIO(), "info")
    watchdog = Watchdog(log, lambda *_: None)
    made = AdmittingPool(2, watchdog, log, lambda *_: None, {})
    yield made
    made.shutdown()
    watchdog.close()


def state_of(*, over: bool = False) -> Any:
    """What gRPC knows of a call."""
    return SimpleNamespace(condition=threading.Condition(), callbacks=None if over else [])


def waited(pool: AdmittingPool, peer: str, state: Any) -> float:
    begun = time.monotonic()
    pool._let_go(peer, admission._held(state))
    return time.monotonic() - begun


def test_it_waits_until_grpc_has_let_go(pool: AdmittingPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "LET_GO_SECONDS", 10.0)
    state = state_of()
    held = admission._held(state)
    (let_go,) = state.callbacks
    threading.Timer(0.05, let_go).start()
    begun = time.monotonic()
    pool._let_go("a", held)
    assert 0.04 < time.monotonic() - begun < 5
    assert waited(pool, "a", state_of(over=True)) < 1


def test_it_waits_no_more_for_a_peer_that_takes_no_answers_until_it_does(
    pool: AdmittingPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "LET_GO_SECONDS", 0.05)
    stuck = state_of()
    # Not taken yet, which may be the machine's doing.
    assert waited(pool, "deaf", stuck) >= 0.05
    assert waited(pool, "deaf", state_of()) >= 0.05
    time.sleep(admission._DEAF_SECONDS)
    assert waited(pool, "deaf", state_of()) < 0.05
    assert waited(pool, "another", state_of()) >= 0.05
    (let_go,) = stuck.callbacks
    let_go()
    assert waited(pool, "deaf", state_of()) >= 0.05
