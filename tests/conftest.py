"""What every room's tests share."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from labgloss.knowledge.loader import load
from labgloss.knowledge.release import Release

pytest_plugins = ["tests.skips", "tests.reliability.table"]


@pytest.fixture(scope="session")
def release() -> Release:
    """The release that ships with the package."""
    return load()


@pytest.fixture(autouse=True)
def _signals_as_before() -> Iterator[None]:
    """`serve` keeps SIGHUP back and handles SIGTERM for good; called in this process, neither may reach later tests."""
    kept_back, on_end = signal.pthread_sigmask(signal.SIG_BLOCK, ()), signal.getsignal(signal.SIGTERM)
    yield
    signal.pthread_sigmask(signal.SIG_SETMASK, kept_back)
    signal.signal(signal.SIGTERM, on_end)
