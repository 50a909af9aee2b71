"""Facts about time: durations and dates as sent, against the ranges of computations.toml."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from labgloss.domain.panel import ContextItem, Panel, Symptom
from labgloss.domain.truth import Truth
from labgloss.engine.recognise import recognise
from labgloss.engine.timing import duration_in_days, timings
from labgloss.knowledge.release import Release
from tests.unit.engine.panel_builder import panel, result

T, F, U = Truth.TRUE, Truth.FALSE, Truth.UNKNOWN
SORENESS, PPI, MUSCLE = "SORENESS_OVER_A_WEEK", "PPI_UNDER_3_MONTHS", "MUSCLE_SYMPTOM_OVER_4_WEEKS"


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("P1D", "1"),
        ("P2W", "14"),
        ("PT12H", "0.5"),
        ("PT90M", "0.0625"),
        ("PT43200S", "0.5"),
        ("P1DT12H", "1.5"),
        ("P1Y", "365.25"),
        ("P12M", "365.25"),
        (" P3D ", "3"),
    ],
)
def test_an_iso_duration_is_so_many_days(text: str, days: str) -> None:
    found = duration_in_days(text)
    assert found is not None
    # A month, an hour or a second is no finite decimal of a day.
    assert round(found, 9) == Decimal(days)


@pytest.mark.parametrize("text", ["", "P", "PT", "3 days", "1D", "P1.5D", "P1H", "PT1D", "P-1D", "p1d", "P1D2W"])
def test_anything_else_is_no_duration(text: str) -> None:
    assert duration_in_days(text) is None


@pytest.fixture
def timing(release: Release) -> Any:
    def timing(sent: Panel) -> dict[str, Truth]:
        return timings(release, sent, recognise(release, sent))

    return timing


def sore(**times: str) -> Symptom:
    return Symptom(id="POST_EXERCISE_SORENESS", **times)


@pytest.mark.parametrize(
    ("times", "truth"),
    [
        ({"duration": "P7D"}, F),
        # The range begins on the eighth day: "settled by about a week" (SP 6).
        ({"duration": "P8D"}, T),
        ({"duration": "PT191H"}, F),
        ({"onset": "2026-01-08"}, F),
        ({"onset": "2026-01-07"}, T),
        # A month or a year may hold days on both sides.
        ({"onset": "2026-01"}, U),
        ({"onset": "2025-12"}, T),
        ({"onset": "2025"}, T),
        # An onset may be a duration as well.
        ({"onset": "P9D"}, T),
        ({}, U),
        ({"duration": "a while"}, U),
        ({"onset": "2026-02-30"}, U),
        ({"onset": "2026-13"}, U),
    ],
)
def test_how_long_a_symptom_has_lasted(timing: Any, times: dict[str, str], truth: Truth) -> None:
    assert timing(panel(symptoms=[sore(**times)], as_of="2026-01-15"))[SORENESS] is truth


def test_a_date_is_counted_to_the_day_of_the_panel_or_else_the_latest_collection(timing: Any) -> None:
    symptoms = [sore(onset="2026-01-01")]
    early, late = (result("sodium", "140", "mmol/L", collected=f"2026-01-{day}") for day in ("05", "15"))
    assert timing(panel(early, symptoms=symptoms))[SORENESS] is F
    assert timing(panel(early, late, symptoms=symptoms))[SORENESS] is T
    assert timing(panel(late, symptoms=symptoms, as_of="2026-01-05"))[SORENESS] is F
    assert timing(panel(symptoms=symptoms))[SORENESS] is U


def test_a_fact_about_a_symptom_that_is_not_there_is_not_said(timing: Any) -> None:
    assert timing(panel(as_of="2026-01-15")) == {}
    denied = Symptom(id="POST_EXERCISE_SORENESS", present=False, duration="P40D")
    assert timing(panel(symptoms=[denied], as_of="2026-01-15")) == {}


def test_of_several_symptoms_one_in_the_range_is_enough_and_one_without_a_time_leaves_it_open(timing: Any) -> None:
    cramp, weak = Symptom(id="MUSCLE_CRAMP", duration="P3D"), Symptom(id="WEAKNESS_PROXIMAL", duration="P60D")
    assert timing(panel(symptoms=[cramp]))[MUSCLE] is F
    assert timing(panel(symptoms=[cramp, weak]))[MUSCLE] is T
    assert timing(panel(symptoms=[cramp, Symptom(id="MYALGIA")]))[MUSCLE] is U
    assert timing(panel(symptoms=[weak, Symptom(id="MYALGIA")]))[MUSCLE] is T


@pytest.mark.parametrize(
    ("since", "truth"),
    [("2025-12-01", T), ("2025-10-16", T), ("2025-10-15", F), ("2025-08-01", F), ("2024", F), ("2025", U), ("", U)],
)
def test_since_when_a_medication_is_taken(timing: Any, since: str, truth: Truth) -> None:
    """DEC-31: under three months, by the calendar; unknown is not short."""
    sent = panel(as_of="2026-01-15")
    taken = Panel(sent.patient, medications=(ContextItem(id="ppi", since=since),), as_of=sent.as_of)
    assert timing(taken)[PPI] is truth


def test_a_drug_that_is_taken_by_name_has_its_time(timing: Any) -> None:
    sent = panel(as_of="2026-01-15")
    taken = Panel(sent.patient, medications=(ContextItem(text="omeprazole", since="2026-01-01"),), as_of=sent.as_of)
    assert timing(taken)[PPI] is T
