"""The trace: whatever a report names as its basis stands in it, with what it came to and where it is from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from labgloss.domain.report import Report, TraceStep
from labgloss.domain.truth import Truth
from labgloss.engine.interpret import interpret
from labgloss.engine.select import LABORATORY
from labgloss.knowledge.release import Release
from labgloss.panels.reader import PanelCase
from labgloss.wire.decode import decode_panel
from labgloss.wire.rules import rules_of
from tests.unit.engine.conftest import Read
from tests.unit.engine.panel_builder import panel as panel_of
from tests.unit.engine.panel_builder import result
from tests.unit.proofs.shipped import SHIPPED


def named(release: Release, report: Report) -> Iterator[str]:
    """Every rule that a report names, by the id that its trace has for it."""
    for entry in report.results:
        yield from entry.rule_ids
        yield from (interval.rule_id for interval in entry.intervals)
        yield from (f"caution.{caution.id}" for caution in entry.cautions)
    yield from (finding.rule_id for finding in report.findings)
    yield from (pattern.id for pattern in report.patterns)
    yield from (flag.id for flag in report.red_flags)
    for item in report.recommendations:
        yield from item.rule_ids
    yield from (f"recommendation.{held.id}" for held in report.withheld_recommendations)
    # An issue that is a refusal stands in the trace as the refusal.
    yield from (f"issue.{issue.id}" if issue.id in release.issues else f"refusal.{issue.id}" for issue in report.issues)


@pytest.mark.parametrize("case", SHIPPED, ids=lambda case: case.id)
def test_every_rule_that_a_report_names_is_in_its_trace(release: Release, case: PanelCase) -> None:
    report = interpret(release, decode_panel(case.panel, "panel", release))
    if report.trace:
        assert set(named(release, report)) - {step.rule_id for step in report.steps} == set()


def test_every_rule_of_a_trace_is_a_rule_of_the_release_and_has_its_sources(release: Release) -> None:
    """A conversion is arithmetic; what the laboratory's own interval says is the laboratory's."""
    rules = {rule.id for rule in rules_of(release)}
    for case in SHIPPED:
        report = interpret(release, decode_panel(case.panel, "panel", release))
        for step in report.steps:
            if step.step not in ("convert", "urgency") and step.rule_id != LABORATORY:
                assert step.rule_id in rules
                assert step.source_ids or step.rule_id.endswith(".class")


def test_findings_that_do_not_hold_are_traced_as_well(read: Read) -> None:
    report = read(result("potassium", "2.6", "mmol/L"))
    truths = {step.rule_id: step.truth for step in report.steps if step.step == "finding"}
    assert truths["finding.K_AT_MOST_2_5"] is Truth.FALSE
    assert truths["finding.K_UNDER_3_0"] is Truth.TRUE


def test_a_conversion_says_its_factor(read: Read) -> None:
    report = read(result("calcium_total", "9.2", "mg/dL"), result("magnesium", "2.0", "meq/L"))
    assert [
        (traced.result, step.expression, step.outcome)
        for traced in report.trace
        for step in traced.steps
        if step.step == "convert"
    ] == [(1, "2.0 meq/L x 1/2", "1.0 mmol/L")]


def test_a_refusal_says_by_which_rule(read: Read) -> None:
    report = read(result("potassium", "2.1", "mg/dL"))
    refusals = [
        (traced.result, step.rule_id, step.truth)
        for traced in report.trace
        for step in traced.steps
        if step.step == "refusal"
    ]
    assert refusals == [(0, f"refusal.{report.results[0].refusal_reason.value}", Truth.TRUE)]  # type: ignore[union-attr]


def test_what_is_withheld_is_traced_as_withheld(read: Read) -> None:
    report = read(
        result("vitamin_d_25oh", "20", "nmol/L"), result("calcium_adjusted", "2.80", "mmol/L"), symptoms=["FATIGUE"]
    )
    withheld = {held.id: held.withheld_by for held in report.withheld_recommendations}
    assert withheld
    traced = {
        step.rule_id.removeprefix("recommendation."): step.expression.removeprefix("withheld by ")
        for step in report.steps
        if step.outcome == "withheld"
    }
    assert traced == withheld


def test_a_step_of_the_release_is_one_object_and_holds_nothing_of_a_panel(release: Release) -> None:
    """Whoever writes a report may keep what it made of such a step."""
    marked: dict[TraceStep, int] = {}
    for ident in ("ann-1", "bob-2"):
        for symptoms in (["MUSCLE_CRAMP"], []):
            panel = panel_of(result("potassium", "2.6", "mmol/L", id=ident), symptoms=symptoms)
            sent = [
                replace(panel, results=(replace(panel.results[0], value=value),)) for value in ("2.6", "4.2", "nothing")
            ]
            for step in (step for one in sent for step in interpret(release, one).steps if step.of_release):
                assert ident not in str(step)
                assert marked.setdefault(step, id(step)) == id(step)
    assert {step.step for step in marked} >= {"finding", "pattern", "red_flag", "caution", "refusal"}
