"""The service as a process of its own, with and without reflection, and the sample panels that are sent to it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from labgloss.cli.service_process import ServiceProcess
from labgloss.panels.reader import read_panels
from labgloss.panels.shipped import sample_panels_folder
from labgloss.v1.panel_pb2 import Panel

# A pattern with red flags; results without a value; a bound.
SAMPLES = (
    "low-magnesium-holds-calcium-down",
    "specimen-cancelled-and-pending",
    "comparator-beyond-the-critical-limit",
)


@contextmanager
def _serving(**settings: str) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))
        for name in [name for name in os.environ if name.startswith("LABGLOSS_")]:
            environment.delenv(name)
        for name, value in settings.items():
            environment.setenv(name, value)
        with ServiceProcess() as service:
            yield service.wait()


@pytest.fixture(scope="package")
def target() -> Iterator[str]:
    """Where the service is, with the settings that it has on loopback by default."""
    with _serving() as target:
        yield target


@pytest.fixture(scope="package")
def target_without_reflection() -> Iterator[str]:
    """Where a service is whose operator switched reflection off."""
    with _serving(LABGLOSS_REFLECTION="false") as target:
        yield target


@pytest.fixture(params=SAMPLES)
def sample(request: pytest.FixtureRequest) -> Panel:
    """One of three sample panels."""
    return next(case.panel for case in read_panels([sample_panels_folder()]) if case.id == request.param)
