"""What every room's tests share."""

from __future__ import annotations

import pytest

from labgloss.knowledge.loader import load
from labgloss.knowledge.release import Release

pytest_plugins = ["tests.skips", "tests.reliability.table"]


@pytest.fixture(scope="session")
def release() -> Release:
    """The release that ships with the package."""
    return load()
