"""A fake service for each test that asks for one, and both kinds of client."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.client.fake_labgloss import FakeService


@pytest.fixture
def service() -> Iterator[FakeService]:
    """A service that listens and reports on every panel."""
    fake = FakeService().start()
    yield fake
    fake.stop()


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    """Each test that takes it runs over both clients."""
    return str(request.param)
