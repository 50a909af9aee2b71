"""What every room's tests share."""

from __future__ import annotations

import os
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


# Before any fixture that lasts: a command that is called in this process quietens gRPC's core for good.
_VERBOSITY = os.environ.get("GRPC_VERBOSITY")


@pytest.fixture(autouse=True)
def _process_as_before() -> Iterator[None]:
    """What a command sets for good, called in this process, does not reach later tests: signals, and gRPC's words."""
    kept_back, on_end = signal.pthread_sigmask(signal.SIG_BLOCK, ()), signal.getsignal(signal.SIGTERM)
    yield
    signal.pthread_sigmask(signal.SIG_SETMASK, kept_back)
    signal.signal(signal.SIGTERM, on_end)
    os.environ.pop("GRPC_VERBOSITY", None)
    if _VERBOSITY is not None:
        os.environ["GRPC_VERBOSITY"] = _VERBOSITY
