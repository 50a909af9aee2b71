"""Results too far apart are not put together (SP 3): windows of a day, of ninety days, and none."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from labgloss.domain.panel import Result, SpecimenKind
from tests.unit.engine.conftest import Read
from tests.unit.engine.panel_builder import entry, result

NOW = datetime.fromisoformat("2026-01-15T12:00:00+00:00")
P10, P11, P21 = (
    "MG_LOW_WITH_SECONDARY_HYPOCALCAEMIA",
    "MG_LOW_WITH_SECONDARY_HYPOKALAEMIA",
    "VITD_DEFICIENCY_HYPOCALCAEMIA_OSTEOMALACIA",
)


def at(analyte: str, value: str, unit: str, hours_before: float | None, **fields: Any) -> Result:
    collected = None if hours_before is None else (NOW - timedelta(hours=hours_before)).isoformat()
    return result(analyte, value, unit, collected=collected, **fields)


def magnesium(hours: float | None) -> Result:
    return at("magnesium", "0.55", "mmol/L", hours)


def calcium(hours: float | None) -> Result:
    return at("calcium_adjusted", "2.05", "mmol/L", hours)


def state(read: Read, ident: str, *results: Result, **context: Any) -> str | None:
    return next((item.state.value for item in read(*results, **context).patterns if item.id == ident), None)


@pytest.mark.parametrize(
    ("magnesium_hours", "calcium_hours", "expected"),
    [
        (0, 0, "MATCHED"),
        (24, 0, "MATCHED"),
        (0, 24, "MATCHED"),
        # Outside the window the clause is UNKNOWN, and the newer one is core: possible.
        (24.1, 0, "POSSIBLE"),
        (0, 24.1, "POSSIBLE"),
        (2000, 0, "POSSIBLE"),
        # A time that was not sent lies nowhere.
        (None, 0, "MATCHED"),
        (None, None, "MATCHED"),
    ],
)
def test_magnesium_and_calcium_are_put_together_within_a_day(
    read: Read, magnesium_hours: float | None, calcium_hours: float | None, expected: str
) -> None:
    assert state(read, P10, magnesium(magnesium_hours), calcium(calcium_hours)) == expected


def test_only_what_a_pattern_reads_is_measured_against_its_window(read: Read) -> None:
    """A later sodium makes no magnesium stale for a pattern that asks for no sodium."""
    sodium = at("sodium", "140", "mmol/L", 0)
    assert state(read, P10, magnesium(100), calcium(100), sodium) == "MATCHED"
    potassium = at("potassium", "3.2", "mmol/L", 0)
    assert state(read, P10, magnesium(100), calcium(100), potassium) == "MATCHED"
    assert state(read, P11, magnesium(100), calcium(100), potassium) == "POSSIBLE"


@pytest.mark.parametrize(
    ("calcium_hours", "vitamin_hours", "expected"),
    [(0, 24 * 90, "MATCHED"), (0, 24 * 91, "POSSIBLE"), (24 * 30, 0, "MATCHED"), (24 * 91, 0, "POSSIBLE")],
)
def test_vitamin_d_stays_beside_a_calcium_for_ninety_days(
    read: Read, calcium_hours: float, vitamin_hours: float, expected: str
) -> None:
    """Of two analytes the longer window counts."""
    found = state(
        read,
        P21,
        calcium(calcium_hours),
        at("vitamin_d_25oh", "20", "nmol/L", vitamin_hours),
        symptoms=["WEAKNESS_PROXIMAL"],
    )
    assert found == expected


def test_the_values_themselves_stay_judged(read: Read) -> None:
    """A window hides nothing: class, band and urgency are those of each result."""
    report = read(magnesium(100), calcium(0))
    assert (entry(report, "magnesium").band, entry(report, "calcium_adjusted").band) == ("mild_low", "mild_low")
    assert {item.id for item in report.findings} >= {"MG_LOW", "CA_LOW"}


def test_an_analyte_without_a_window_is_never_stale(read: Read) -> None:
    """SP names windows for magnesium, calcium, potassium, sodium, creatinine, vitamin D and PTH."""
    platelets = at("platelets", "900", "10*9/L", 2000)
    potassium = at("potassium", "5.8", "mmol/L", 0, specimen={"kind": SpecimenKind.SERUM})
    assert state(read, "PSEUDOHYPERKALAEMIA_CELLULAR", potassium, platelets) == "MATCHED"
    alp = at("alp", "300", "U/L", 2000)
    vitamin = at("vitamin_d_25oh", "20", "nmol/L", 0)
    assert state(read, P21, calcium(0), vitamin, alp) == "MATCHED"


def test_a_day_without_an_hour_begins_at_midnight(read: Read) -> None:
    one = result("magnesium", "0.55", "mmol/L", collected="2026-01-14")
    other = result("calcium_adjusted", "2.05", "mmol/L", collected="2026-01-15")
    later = result("calcium_adjusted", "2.05", "mmol/L", collected="2026-01-16")
    assert state(read, P10, one, other) == "MATCHED"
    assert state(read, P10, one, later) == "POSSIBLE"
