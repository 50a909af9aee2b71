"""Each client in turn, built, and one service that all of them ask."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from labgloss.cli.service_process import ServiceProcess
from tests.clients.languages import THERE, Language


@pytest.fixture(scope="session")
def builds(request: pytest.FixtureRequest) -> Iterator[Mapping[str, Future[None]]]:
    """The builds of the clients that this run asks, two at a time."""
    asked = {item.callspec.params.get("client") for item in request.session.items if hasattr(item, "callspec")}
    with ThreadPoolExecutor(2) as pool:
        yield {language.name: pool.submit(language.build) for language in THERE if language in asked}


@pytest.fixture(scope="session", params=THERE, ids=lambda language: str(language.name))
def client(request: pytest.FixtureRequest, builds: Mapping[str, Future[None]]) -> Language:
    """A client that was built as its README says."""
    language: Language = request.param
    builds[language.name].result()
    return language


@pytest.fixture(scope="package")
def target() -> Iterator[str]:
    """Where the service is."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))
        for name in [name for name in os.environ if name.startswith("LABGLOSS_")]:
            environment.delenv(name)
        with ServiceProcess() as service:
            yield service.wait()
