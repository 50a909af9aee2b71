"""Each client in turn, built, and one service that all of them ask."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

from labgloss.cli.service_process import ServiceProcess
from tests.clients.languages import LANGUAGES, Language
from tests.external_tools import needs


@pytest.fixture(scope="session", params=LANGUAGES, ids=lambda language: str(language.name))
def client(request: pytest.FixtureRequest) -> Language:
    """A client that was built as its README says; its tests are skipped where its tools are missing."""
    language: Language = request.param
    needs(*language.needs, to=f"run the client for {language.name}")
    language.build()
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
