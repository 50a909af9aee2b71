"""One gRPC server for the tests of this room."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from labgloss.knowledge.release import Release
from tests.server.wire import Served, serving


@pytest.fixture(scope="session")
def grpc_server(release: Release) -> Iterator[Served]:
    with serving(release) as served:
        yield served


@pytest.fixture(scope="session")
def target(grpc_server: Served) -> str:
    return f"127.0.0.1:{grpc_server.server.port}"
