"""Panels compared with what their files expect, and how that is said."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from labgloss.panels.compare import compare
from labgloss.panels.junit import CheckedPanel
from labgloss.panels.layout import printable
from labgloss.panels.reader import PanelCase
from labgloss_client import Outcome, PanelFailure


def checked_panels(
    cases: Iterable[PanelCase], outcomes: Iterable[Outcome], only_results: bool = False
) -> list[CheckedPanel]:
    """What the comparison found of each panel, in their order."""
    return [_checked(case, outcome, only_results) for case, outcome in zip(cases, outcomes, strict=True)]


def _checked(case: PanelCase, outcome: Outcome, only_results: bool) -> CheckedPanel:
    if isinstance(outcome, PanelFailure):
        return CheckedPanel(case.id, case.file, error=str(outcome.error))
    return CheckedPanel(case.id, case.file, tuple(compare(case.id, outcome, case.expect, only_results)))


def difference_lines(panel: CheckedPanel) -> list[str]:
    """What is to be said of a panel that does not agree, one thing a line; none when it agrees."""
    lines = panel.error.splitlines() or [str(difference) for difference in panel.differences]
    return [printable(line) for line in lines]


def panel_text(panel: CheckedPanel) -> str:
    """What is to be said of a panel that does not agree: where it stands, and each thing on a line below."""
    heading = printable(f"{panel.file}: {panel.id}")
    return "\n".join([heading, *(f"  {line}" for line in difference_lines(panel))])


def counts(panels: Sequence[CheckedPanel]) -> str:
    """How many panels were compared, agree, differ, have no report."""
    differ = sum(bool(panel.differences) for panel in panels)
    without = sum(bool(panel.error) for panel in panels)
    agree = sum(panel.agrees for panel in panels)
    noun = "panel" if len(panels) == 1 else "panels"
    return f"{len(panels)} {noun}: {agree} as expected, {differ} differing, {without} without a report"
