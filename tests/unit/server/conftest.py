"""A small release that is real to the wire, an engine that answers what a test tells it, and handlers over them."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from labgloss.domain import panel as domain_panel
from labgloss.domain import report as domain_report
from labgloss.errors import InternalError
from labgloss.knowledge.loader import load
from labgloss.knowledge.release import Release
from labgloss.server.handlers import InterpretationHandlers
from labgloss.server.settings import Settings


@pytest.fixture(scope="session")
def release() -> Release:
    return load()


@dataclass
class FakeEngine:
    """Answers each panel with its id as summary; a panel named in `defects` raises instead."""

    defects: dict[str, BaseException] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    summary: str = ""

    def __call__(self, release: Release, panel: domain_panel.Panel) -> domain_report.Report:
        self.asked.append(panel.id)
        if panel.id in self.defects:
            raise self.defects[panel.id]
        pattern = domain_report.Finding("MG_LOW", "", "", domain_report.Truth.TRUE, (), "", "magnesium.class")
        return domain_report.Report(
            panel_id=panel.id,
            urgency=domain_report.Urgency.NONE,
            summary=self.summary or panel.id,
            findings=(pattern,),
        )


@dataclass
class Bench:
    """Handlers with their engine, and the defects that they reported."""

    engine: FakeEngine
    handlers: InterpretationHandlers
    defects: list[BaseException]


@pytest.fixture
def bench(release: Release) -> Bench:
    engine, defects = FakeEngine(), []

    def on_defect(error: BaseException) -> InternalError:
        defects.append(error)
        return InternalError(f"e{len(defects)}")

    return Bench(engine, InterpretationHandlers(release, engine, Settings(), on_defect), defects)
