"""Ages are half-open: an age limit is reached on its day (vocabulary.md DEC-53, DEC-60)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from labgloss.domain.subject import AgeLimit, AgeUnit, BirthDate, StatedAge


def limit(text: str) -> AgeLimit:
    number, unit = text.split()
    return AgeLimit(int(number), AgeUnit(unit))


def stated(text: str) -> StatedAge:
    number, unit = text.split()
    return StatedAge(int(number), AgeUnit(unit))


def born(first: str, last: str = "") -> BirthDate:
    return BirthDate(date.fromisoformat(first), date.fromisoformat(last or first))


@pytest.mark.parametrize(("text", "days"), [("28 d", "28"), ("1 y", "365.25"), ("12 mo", "365.25"), ("16 y", "5844")])
def test_a_year_is_365_and_a_quarter_days_where_no_date_is_known(text: str, days: str) -> None:
    assert limit(text).days == Decimal(days)


@pytest.mark.parametrize(
    ("age", "of", "reached"),
    [
        ("27 d", "28 d", False),
        ("28 d", "28 d", True),
        ("15 y", "16 y", False),
        ("16 y", "16 y", True),
        ("365 d", "1 y", False),
        ("366 d", "1 y", True),
        ("11 mo", "1 y", False),
        ("12 mo", "1 y", True),
        ("1 mo", "28 d", True),
        ("1 y", "28 d", True),
        ("4 y", "60 mo", False),
        ("5 y", "60 mo", True),
    ],
)
def test_a_stated_age_reaches_a_limit_on_its_day(age: str, of: str, reached: bool) -> None:
    assert stated(age).reached(limit(of)) is reached


@pytest.mark.parametrize(("age", "of"), [("0 y", "28 d"), ("0 mo", "28 d"), ("0 y", "6 mo"), ("1 y", "18 mo")])
def test_completed_years_leave_a_limit_inside_the_year_open(age: str, of: str) -> None:
    assert stated(age).reached(limit(of)) is None


@pytest.mark.parametrize(
    ("birth", "on", "of", "reached"),
    [
        ("2025-12-29", "2026-01-25", "28 d", False),
        ("2025-12-29", "2026-01-26", "28 d", True),
        ("2010-06-15", "2026-06-14", "16 y", False),
        ("2010-06-15", "2026-06-15", "16 y", True),
        ("2025-07-31", "2026-01-30", "6 mo", False),
        ("2025-07-31", "2026-01-31", "6 mo", True),
        ("2025-01-31", "2025-02-28", "1 mo", False),
        ("2025-01-31", "2025-03-01", "1 mo", True),
    ],
)
def test_a_birth_date_is_read_by_the_calendar(birth: str, on: str, of: str, reached: bool) -> None:
    assert born(birth).age_on(date.fromisoformat(on)).reached(limit(of)) is reached


@pytest.mark.parametrize(
    ("on", "reached"), [("2026-02-28", False), ("2026-03-01", True), ("2024-02-29", False), ("2028-02-29", True)]
)
def test_a_leap_birthday_is_kept_on_the_first_of_march_of_a_common_year(on: str, reached: bool) -> None:
    assert born("2008-02-29").age_on(date.fromisoformat(on)).reached(limit("18 y")) is reached


@pytest.mark.parametrize(
    ("on", "reached"),
    [("2025-12-31", False), ("2026-01-01", None), ("2026-06-01", None), ("2026-12-30", None), ("2026-12-31", True)],
)
def test_a_birth_year_leaves_a_limit_open_until_its_last_day_reaches_it(on: str, reached: bool | None) -> None:
    year = born("2010-01-01", "2010-12-31")
    assert year.age_on(date.fromisoformat(on)).reached(limit("16 y")) is reached


def test_ages_are_written_with_their_unit() -> None:
    assert str(limit("28 d")) == "28 d"
    assert str(stated("67 y")) == "67 y"


@pytest.mark.parametrize(
    ("birth", "on", "text"),
    [("1958-11-03", "2026-01-15", "67 y"), ("2026-01-01", "2026-01-15", "14 d"), ("2024-01-16", "2026-01-15", "730 d")],
)
def test_an_age_by_birth_date_is_written_in_days_below_two_years(birth: str, on: str, text: str) -> None:
    assert str(born(birth).age_on(date.fromisoformat(on))) == text


def test_a_birth_after_the_day_is_written_as_no_days() -> None:
    assert str(born("2026-01-16").age_on(date(2026, 1, 15))) == "0 d"
