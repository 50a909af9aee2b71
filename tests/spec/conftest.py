"""What is loaded or started once for all specs."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

from labgloss.cli.service_process import ServiceProcess
from labgloss.knowledge.release import Release
from labgloss_client import Client
from tests.oracle.people import Table
from tests.oracle.reference import read_knowledge
from tests.spec import interpreters
from tests.spec.interpreters import Interpreter
from tests.spec.specs import DATA, read_specs


@pytest.fixture(scope="session")
def knowledge() -> Table:
    return read_knowledge(DATA)


@pytest.fixture(scope="session")
def client() -> Iterator[Client]:
    """A client of a service in a process of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))
        with ServiceProcess() as service, Client(service.wait()) as client:
            yield client


@pytest.fixture(scope="session")
def oracle(knowledge: Table) -> Interpreter:
    return interpreters.oracle(knowledge)


@pytest.fixture(scope="session")
def engine(release: Release) -> Interpreter:
    return interpreters.engine(release)


@pytest.fixture(scope="session")
def wire(client: Client) -> Interpreter:
    """Over gRPC; every spec is sent at once, in full batches, and each is then answered from what came back."""
    specs = read_specs()
    panels = [panel for spec in specs for panel in spec.panels]
    answers = dict(zip((panel["id"] for panel in panels), interpreters.wire(client)(panels), strict=True))
    return lambda asked: [answers[panel["id"]] for panel in asked]
