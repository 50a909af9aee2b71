"""An eGFR that contradicts its creatinine is said and never resolved (vocabulary.md 3)."""

from __future__ import annotations

from typing import Any

import pytest

from labgloss.domain.panel import Result
from labgloss.domain.report import Report, ResultClass, Urgency
from tests.unit.engine.conftest import Read
from tests.unit.engine.panel_builder import result

ISSUE = "egfr_contradicts_creatinine"


def egfr(value: str, **fields: Any) -> Result:
    return result("egfr", value, "mL/min/{1.73_m2}", **fields)


def creatinine(value: str, unit: str = "umol/L", interval: str = "60-110", **fields: Any) -> Result:
    return result("creatinine", value, unit, interval=interval, **fields)


def contradicted(report: Report) -> tuple[int, ...]:
    """The results that the issue names; empty where it does not stand."""
    return next((issue.results for issue in report.issues if issue.id == ISSUE), ())


@pytest.mark.parametrize(
    ("results", "said"),
    [
        # Below 30, and a creatinine that is not above its interval.
        ([egfr("29"), creatinine("110")], True),
        ([egfr("29"), creatinine("40")], True),
        ([egfr("30"), creatinine("110")], False),
        ([egfr("29"), creatinine("111")], False),
        # From 60, and a creatinine above 150.
        ([egfr("60"), creatinine("151")], True),
        ([egfr("59"), creatinine("151")], False),
        ([egfr("60"), creatinine("150")], False),
        # 1.70 mg/dL is 150.3 µmol/L, 1.69 is 149.4.
        ([egfr("60"), creatinine("1.70", "mg/dL", "0.7-1.2")], True),
        ([egfr("60"), creatinine("1.69", "mg/dL", "0.7-1.2")], False),
        # A bound contradicts where every value that it allows does.
        ([egfr(">90"), creatinine("300")], True),
        ([egfr(">=60"), creatinine("300")], True),
        ([egfr(">50"), creatinine("300")], False),
        ([egfr("<15"), creatinine("80")], True),
        ([egfr("<45"), creatinine("80")], False),
        # Without an interval nobody knows whether a creatinine is high.
        ([egfr("20"), creatinine("80", interval="")], False),
        ([egfr("90"), creatinine("300", interval="")], True),
        ([egfr("20")], False),
        ([creatinine("300")], False),
    ],
)
def test_an_egfr_contradicts_its_creatinine_from_the_limits_on(read: Read, results: list[Result], said: bool) -> None:
    report = read(*results, age="50 y")
    assert contradicted(report) == (tuple(range(len(results))) if said else ())


def test_results_of_two_times_contradict_nothing(read: Read) -> None:
    before = creatinine("300", collected="2026-01-10T08:00:00Z")
    assert not contradicted(read(before, egfr("90", collected="2026-01-15T08:00:00Z"), age="50 y"))
    at_once = creatinine("300", collected="2026-01-15T08:00:00Z")
    assert contradicted(read(at_once, egfr("90", collected="2026-01-15T08:00:00Z"), age="50 y"))


@pytest.mark.parametrize(("age", "said"), [("17 y", False), ("18 y", True), ("", True)])
def test_a_child_may_have_a_low_egfr_beside_a_low_creatinine(read: Read, age: str, said: bool) -> None:
    patient = {"age": age} if age else {}
    assert bool(contradicted(read(egfr("20"), creatinine("40"), **patient))) is said


def test_what_contradicts_is_judged_as_sent_and_keeps_what_it_brings(read: Read) -> None:
    """Neither is preferred: a low eGFR stays low, beside a creatinine that stays normal."""
    report = read(egfr("20"), creatinine("80"), result("magnesium", "1.20", "mmol/L"), age="50 y")
    assert [item.result_class for item in report.results] == [ResultClass.LOW, ResultClass.NORMAL, ResultClass.HIGH]
    assert {"EGFR_LOW", "EGFR_BELOW_30"} <= {item.id for item in report.findings}
    # Magnesium high with a low eGFR (MC 3.2).
    assert report.urgency is Urgency.PROMPT
    text = next(issue.text for issue in report.issues if issue.id == ISSUE)
    assert "neither was preferred" in text
    assert "What would mend it" in text
