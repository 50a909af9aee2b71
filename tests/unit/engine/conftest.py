"""The engine over the shipped release, in one word."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from labgloss.domain.panel import Result
from labgloss.domain.report import Report, ResultInterpretation
from labgloss.engine.interpret import interpret
from labgloss.knowledge.release import Release
from tests.unit.engine.panel_builder import entry, panel

Read = Callable[..., Report]
ReadOne = Callable[..., ResultInterpretation]


@pytest.fixture
def read(release: Release) -> Read:
    """The report on a panel, given as `panel_builder.panel` takes it."""

    def read(*results: Result, **patient: Any) -> Report:
        return interpret(release, panel(*results, **patient))

    return read


@pytest.fixture
def read_one(read: Read) -> ReadOne:
    """The entry of the first result of a panel."""

    def read_one(*results: Result, **patient: Any) -> ResultInterpretation:
        return entry(read(*results, **patient))

    return read_one
