"""Dates and times are read in the forms of the proto, and in no other."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from labgloss.domain.subject import BirthDate
from labgloss.wire import times


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("1959-02-28", date(1959, 2, 28), date(1959, 2, 28)),
        ("2024-02-29", date(2024, 2, 29), date(2024, 2, 29)),
        ("2024-02", date(2024, 2, 1), date(2024, 2, 29)),
        ("2023-12", date(2023, 12, 1), date(2023, 12, 31)),
        ("1959", date(1959, 1, 1), date(1959, 12, 31)),
        ("2999", date(2999, 1, 1), date(2999, 12, 31)),
    ],
)
def test_a_birth_date_may_be_known_to_the_day_month_or_year(text: str, first: date, last: date) -> None:
    assert BirthDate(first, last) == times.partial_date(text)


@pytest.mark.parametrize(
    "text",
    ["2023-02-29", "2023-13", "2023-00", "2023-1-1", "20230101", "2023-W01", "23", "0001-01-01", "1799", "3000",
     "9999-12-31", " 1959", "1959\n", "１９５９", "1959-01-01T00:00:00Z"],
)  # fmt: skip
def test_a_birth_date_of_another_form_is_not_read(text: str) -> None:
    assert times.partial_date(text) is None


def test_a_collection_keeps_the_local_day_and_the_instant() -> None:
    read = times.collected("2026-01-15T00:30:00.250+01:00")
    assert read is not None
    assert (date(2026, 1, 15), "2026-01-15T00:30:00.250+01:00") == (read.day, read.text)
    assert datetime(2026, 1, 14, 23, 30, 0, 250_000, tzinfo=UTC) == read.instant


def test_a_collection_known_to_the_day_has_no_instant() -> None:
    read = times.collected("2026-01-15")
    assert read is not None
    assert (date(2026, 1, 15), None) == (read.day, read.instant)


def test_lower_case_letters_of_rfc_3339_are_read() -> None:
    read = times.collected("2026-01-15t08:30:00z")
    assert read is not None
    assert datetime(2026, 1, 15, 8, 30, tzinfo=UTC) == read.instant


@pytest.mark.parametrize(
    "text",
    ["2026-01-15T08:30:00", "2026-01-15 08:30:00Z", "2026-01-15T08:30Z", "2026-01-15T25:00:00Z", "2026-01-15T08:30:60Z",
     "2026-02-30T08:30:00Z", "2026-01-15T08:30:00+24:00", "15.01.2026", "2026-01", "0001-01-01T00:00:00+14:00"],
)  # fmt: skip
def test_a_collection_of_another_form_is_not_read(text: str) -> None:
    assert times.collected(text) is None


@pytest.mark.parametrize("text", ["P1D", "PT6H", "P1Y2M3W4DT5H6M7S", "P0.5D", "P1W", "PT0,5H"])
def test_a_duration_is_that_of_iso_8601(text: str) -> None:
    assert times.is_duration(text)


@pytest.mark.parametrize("text", ["P", "PT", "P1DT", "1D", "P1H", "P-1D", "P1D ", "two days"])
def test_anything_else_is_no_duration(text: str) -> None:
    assert not times.is_duration(text)


def test_an_onset_is_a_date_or_a_duration() -> None:
    assert [True, True, False, False] == [times.is_onset(text) for text in ("2026-01-15", "P1D", "2026", "yesterday")]
