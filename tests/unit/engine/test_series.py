"""Results over time: which count, how they changed, and the kidney (DEC-29, DEC-85)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from labgloss.domain.panel import Haemolysis, SpecimenKind
from labgloss.domain.report import Critical, Urgency
from labgloss.domain.truth import Truth
from labgloss.engine.normalise import normalise
from labgloss.engine.plausibility import refuse_implausible
from labgloss.engine.series import acute_kidney_injury, mark_earlier
from labgloss.knowledge.release import Release
from tests.unit.engine.conftest import Read
from tests.unit.engine.panel_builder import entry, issues, panel, recommended, result

K = "potassium"

# ---------------------------------------------------------------------------------------------- which count


def potassium(value: str, collected: str | None, **more: Any) -> Any:
    return result(K, value, "mmol/L", collected=collected, specimen={"kind": SpecimenKind.SERUM}, **more)


def test_an_earlier_critical_brings_no_alarm_and_keeps_its_class(read: Read) -> None:
    report = read(potassium("6.9", "2026-01-09"), potassium("4.0", "2026-01-10"))
    old, new = report.results
    assert (old.earlier, old.flag, old.band, old.critical, old.urgency) == (
        True, "H", "severe_high", Critical.NO, Urgency.NONE,
    )  # fmt: skip
    assert (new.earlier, new.flag) == (False, "N")
    assert report.urgency is Urgency.NONE
    assert recommended(report) == []


def test_the_order_of_sending_does_not_decide_which_is_earlier(read: Read) -> None:
    report = read(potassium("4.0", "2026-01-10"), potassium("6.9", "2026-01-09"))
    assert [item.earlier for item in report.results] == [False, True]


def test_an_earlier_one_makes_no_finding(read: Read) -> None:
    report = read(
        result("magnesium", "0.50", "mmol/L", collected="2026-01-09"),
        result("magnesium", "0.80", "mmol/L", collected="2026-01-10"),
    )
    assert report.findings == ()


@pytest.mark.parametrize(
    "later",
    [
        result(K, "4.0", "mmol/L"),
        result(K, "haemolysed", "mmol/L", collected="2026-01-10"),
        result(K, "4.0", "", collected="2026-01-10"),
        result(K, "99", "mmol/L", collected="2026-01-10"),
        result(K, "4.0", "mmol/L", collected="2026-01-10", status="cancelled"),
        result("sodium", "140", "mmol/L", collected="2026-01-10"),
    ],
)
def test_only_a_later_valid_result_of_the_analyte_makes_one_earlier(read: Read, later: Any) -> None:
    report = read(potassium("6.9", "2026-01-09"), later)
    assert (entry(report).earlier, entry(report).critical) == (False, Critical.YES)
    assert report.urgency is Urgency.EMERGENCY


@pytest.mark.parametrize(
    "later",
    [
        result(K, "4.2", "mmol/L", collected="2026-01-10", specimen={"conditions": ("QS",)}),
        result(K, "4.2", "mmol/L", collected="2026-01-10", specimen={"additive": "EDTK"}),
        result(K, "4.2", "mmol/L", collected="2026-01-10", specimen={"haemolysis": Haemolysis.GROSS}),
        result("", "4.2", "mg/dL", collected="2026-01-10", code="2823-3"),
    ],
)
def test_a_later_result_that_is_refused_takes_no_critical_from_the_one_before(read: Read, later: Any) -> None:
    """DEC-85: the latest valid result counts."""
    report = read(potassium("6.9", "2026-01-09"), later)
    assert entry(report, 1).refusal_reason is not None
    assert (entry(report).earlier, entry(report).critical) == (False, Critical.YES)


@pytest.mark.parametrize(
    ("first", "second", "earlier"),
    [
        ("2026-01-10T06:00:00+00:00", "2026-01-10T12:00:00+00:00", [True, False]),
        # 20:00 of the 9th and 22:00 of the 9th, in UTC.
        ("2026-01-10T01:00:00+05:00", "2026-01-09T22:00:00+00:00", [True, False]),
        # A day without an hour is neither before nor after an hour of it.
        ("2026-01-10T06:00:00+00:00", "2026-01-10", [False, False]),
        ("2026-01-09", "2026-01-10T00:00:00+00:00", [True, False]),
    ],
)
def test_times_are_compared_as_exactly_as_they_are_known(
    read: Read, first: str, second: str, earlier: list[bool]
) -> None:
    report = read(potassium("4.1", first), potassium("4.2", second))
    assert [item.earlier for item in report.results] == earlier


@pytest.mark.parametrize("collected", [None, "2026-01-10"])
def test_two_of_one_time_both_count_and_are_said(read: Read, collected: str | None) -> None:
    """design.md: two potassium results in one bundle made a peer abort."""
    report = read(potassium("4.0", collected), potassium("6.9", collected))
    assert [item.flag for item in report.results] == ["N", "HH"]
    assert "duplicate_result" in issues(report)
    assert report.urgency is Urgency.EMERGENCY


def test_two_kinds_of_specimen_of_one_time_are_no_duplicates(read: Read) -> None:
    plasma = result(K, "4.0", "mmol/L", collected="2026-01-10", specimen={"kind": SpecimenKind.PLASMA})
    assert "duplicate_result" not in issues(read(potassium("4.1", "2026-01-10"), plasma))


# ---------------------------------------------------------------------------------------------- trend


def test_a_change_is_given_against_the_latest_result_before(read: Read) -> None:
    report = read(
        potassium("5.2", "2026-01-10T12:00:00+00:00"),
        potassium("3.9", "2026-01-08T12:00:00+00:00"),
        potassium("4.0", "2026-01-10T06:30:00+00:00", id="morning"),
    )
    trend = entry(report).trend
    assert trend is not None
    assert (trend.previous_id, trend.previous_index, trend.previous_collected) == (
        "morning",
        2,
        "2026-01-10T06:30:00+00:00",
    )
    assert (trend.change, trend.change_percent, trend.hours) == (Decimal("1.2"), Decimal("30.0"), Decimal("5.5"))
    middle = entry(report, 2).trend
    assert middle is not None
    assert middle.previous_index == 1
    assert entry(report, 1).trend is None


def test_a_value_is_shown_with_the_digits_it_was_reported_with(read: Read) -> None:
    trend = entry(read(potassium("5.2", "2026-01-10"), potassium("4.0", "2026-01-09"))).trend
    assert trend is not None
    assert str(trend.previous_value) == "4.0"


@pytest.mark.parametrize(
    ("analyte", "unit", "old", "new", "real"),
    [
        # Calcium and magnesium: above 6 % is real (MC 1.3).
        ("magnesium", "mmol/L", "0.80", "0.848", False),
        ("magnesium", "mmol/L", "0.80", "0.849", True),
        ("magnesium", "mmol/L", "0.80", "0.751", True),
        ("calcium_adjusted", "mmol/L", "2.40", "2.54", False),
        # Potassium: 12 to 15 % (DK 1.4).
        (K, "mmol/L", "4.0", "4.3", False),
        (K, "mmol/L", "4.0", "4.7", True),
        ("phosphate", "mmol/L", "1.00", "2.00", None),
    ],
)
def test_a_change_is_real_beyond_the_reference_change_value(
    read: Read, analyte: str, unit: str, old: str, new: str, real: bool | None
) -> None:
    report = read(
        result(analyte, new, unit, collected="2026-01-10"), result(analyte, old, unit, collected="2026-01-09")
    )
    trend = entry(report).trend
    assert trend is not None
    assert trend.exceeds_reference_change is real


def test_a_change_between_units_is_given_in_the_later_one(read: Read) -> None:
    """0.80 mmol/L is 1.944 mg/dL."""
    report = read(
        result("magnesium", "1.8", "mg/dL", collected="2026-01-10"),
        result("magnesium", "0.80", "mmol/L", collected="2026-01-09"),
    )
    trend = entry(report).trend
    assert trend is not None
    assert (trend.previous_value, trend.change, trend.change_percent) == (
        Decimal("1.9"),
        Decimal("-0.1"),
        Decimal("-7.4"),
    )
    assert trend.text == ("changed by -0.1 mg/dL from 1.9 mg/dL, more than the reference change value")


@pytest.mark.parametrize(("old", "new"), [("<4.0", "5.2"), ("4.0", ">5.2")])
def test_a_bound_has_no_trend(read: Read, old: str, new: str) -> None:
    assert entry(read(potassium(new, "2026-01-10"), potassium(old, "2026-01-09"))).trend is None


def test_a_refused_result_is_no_starting_point(read: Read) -> None:
    assert entry(read(potassium("4.0", "2026-01-10"), potassium("99", "2026-01-09"))).trend is None


# ---------------------------------------------------------------------------------------------- AKI


def injury(release: Release, *creatinines: tuple[str, str | None], unit: str = "umol/L") -> Truth:
    results = panel(*(result("creatinine", value, unit, collected=at) for value, at in creatinines)).results
    read = [refuse_implausible(normalise(release, item)) for item in results]
    return acute_kidney_injury(release, mark_earlier(release, read))


T, F, U = Truth.TRUE, Truth.FALSE, Truth.UNKNOWN


@pytest.mark.parametrize(
    ("creatinines", "truth"),
    [
        # From 1.5 times the lowest of the last 7 days.
        ([("120", "2026-01-10"), ("80", "2026-01-04")], T),
        ([("119", "2026-01-10"), ("80", "2026-01-04")], F),
        ([("120", "2026-01-10"), ("100", "2026-01-07"), ("80", "2026-01-04")], T),
        ([("120", "2026-01-10"), ("80", "2026-01-03")], T),
        # From 1.5 times the median of days 8 to 365.
        ([("120", "2026-01-10"), ("80", "2026-01-02")], T),
        ([("120", "2026-01-10"), ("60", "2025-12-01"), ("80", "2025-11-01"), ("100", "2025-10-01")], T),
        ([("119", "2026-01-10"), ("60", "2025-12-01"), ("80", "2025-11-01"), ("100", "2025-10-01")], F),
        ([("120", "2026-01-10"), ("80", "2025-01-10")], T),
        ([("120", "2026-01-10"), ("80", "2025-01-09")], U),
        # A rise of 26 umol/L within 48 hours.
        ([("126", "2026-01-10T12:00:00+00:00"), ("100", "2026-01-08T12:00:00+00:00")], T),
        ([("125", "2026-01-10T12:00:00+00:00"), ("100", "2026-01-08T12:00:00+00:00")], F),
        ([("126", "2026-01-10T12:00:01+00:00"), ("100", "2026-01-08T12:00:00+00:00")], F),
        ([("126", "2026-01-10"), ("100", "2026-01-08")], T),
        ([("126", "2026-01-10"), ("100", "2026-01-07")], F),
        # No earlier creatinine in reach: not known.
        ([("400", "2026-01-10")], U),
        ([("400", None)], U),
        ([("400", None), ("80", "2026-01-09")], U),
        ([], U),
        # A bound shows it where every value that it allows does, and never excludes it; a refused result does neither.
        ([("120", "2026-01-10"), ("<80", "2026-01-09")], T),
        ([("105", "2026-01-10"), ("<80", "2026-01-09")], U),
        ([(">120", "2026-01-10"), ("80", "2026-01-09")], T),
        ([("<120", "2026-01-10"), ("80", "2026-01-09")], U),
        ([("120", "2026-01-10"), (">60", "2026-01-09")], U),
        ([("120", "2026-01-10"), ("-80", "2026-01-09")], U),
        # A fall is none.
        ([("80", "2026-01-10"), ("240", "2026-01-09")], F),
    ],
)
def test_acute_kidney_injury_by_kdigo(
    release: Release, creatinines: list[tuple[str, str | None]], truth: Truth
) -> None:
    """vocabulary.md 7.2."""
    assert injury(release, *creatinines) is truth


@pytest.mark.parametrize(("now", "truth"), [("1.3", T), ("1.299", F), ("1.29", F)])
def test_a_rise_in_milligrams_has_its_own_limit(release: Release, now: str, truth: Truth) -> None:
    """0.3 mg/dL, not 26 umol/L converted (0.294): a limit is compared in the unit that was reported."""
    assert injury(release, (now, "2026-01-10"), ("1.0", "2026-01-09"), unit="mg/dL") is truth


def test_creatinines_in_two_units_are_compared(read: Read) -> None:
    """1.5 mg/dL is 132.6 umol/L: exactly 1.5 times 88.4."""
    report = read(
        result("creatinine", "1.5", "mg/dL", collected="2026-01-10"),
        result("creatinine", "88.4", "umol/L", collected="2026-01-09"),
    )
    assert "AKI" in [finding.id for finding in report.findings]


def test_a_recorded_injury_counts_without_creatinine(read: Read) -> None:
    report = read(potassium("6.1", None), conditions=["aki"])
    assert entry(report).critical is Critical.YES


def test_a_creatinine_that_shows_none_does_not_undo_a_recorded_injury(read: Read) -> None:
    report = read(
        potassium("6.1", "2026-01-10"),
        result("creatinine", "80", "umol/L", collected="2026-01-10"),
        result("creatinine", "80", "umol/L", collected="2026-01-09"),
        conditions=["aki"],
    )
    assert entry(report).critical is Critical.YES


def test_creatinine_makes_a_potassium_above_6_critical(read: Read) -> None:
    """DK-M17: 240 against 85."""
    report = read(
        potassium("6.2", "2026-01-10"),
        result("creatinine", "240", "umol/L", collected="2026-01-10"),
        result("creatinine", "85", "umol/L", collected="2026-01-05"),
    )
    assert entry(report).critical is Critical.YES
