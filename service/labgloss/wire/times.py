"""Dates and times as the wire writes them. Each reader gives None for a text that is not of its form.

Years outside 1800 to 2999 are no patient's: they are the empty dates of databases (0001, 9999).
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

from labgloss.domain.panel import Collected
from labgloss.domain.subject import BirthDate

DAY_FORM = "a date YYYY-MM-DD of the years 1800 to 2999"
PARTIAL_DATE_FORM = f"{DAY_FORM}, or YYYY-MM, or YYYY"
COLLECTED_FORM = f'{DAY_FORM}, or RFC 3339 with its offset, such as "2026-01-15T08:30:00+01:00"'
DURATION_FORM = 'an ISO 8601 duration, such as "P1D" or "PT6H"'
ONSET_FORM = f"{DAY_FORM}, or {DURATION_FORM}"

_YEARS = range(1800, 3000)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_PARTIAL_DATE = re.compile(r"([0-9]{4})(?:-([0-9]{2}))?(?:-([0-9]{2}))?")
_INSTANT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_NUMBER = r"[0-9]+(?:[.,][0-9]+)?"
_DURATION = re.compile(
    rf"P(?=.)(?:{_NUMBER}Y)?(?:{_NUMBER}M)?(?:{_NUMBER}W)?(?:{_NUMBER}D)?"
    rf"(?:T(?=.)(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?"
)


def day(text: str) -> date | None:
    """The date of YYYY-MM-DD."""
    return _date(text) if _DAY.fullmatch(text) else None


def partial_date(text: str) -> BirthDate | None:
    """The first and last day that YYYY-MM-DD, YYYY-MM or YYYY can be."""
    match = _PARTIAL_DATE.fullmatch(text)
    if match is None:
        return None
    year, month, of_month = match.groups()
    first = _date(f"{year}-{month or '01'}-{of_month or '01'}")
    if first is None:
        return None
    if of_month:
        return BirthDate(first, first)
    next_month = date(first.year + 1, 1, 1) if month in (None, "12") else date(first.year, first.month + 1, 1)
    return BirthDate(first, next_month - timedelta(days=1))


def collected(text: str) -> Collected | None:
    """The local day and, where a time of day was sent, the instant; the day decides a birthday."""
    if (whole_day := day(text)) is not None:
        return Collected(text, whole_day, None)
    match = _INSTANT.fullmatch(text)
    local_day = _date(match[1]) if match else None
    if local_day is None:
        return None
    try:
        # Of these years every instant has a time in UTC too.
        return Collected(text, local_day, datetime.fromisoformat(text.upper()))
    except ValueError:
        return None


def is_duration(text: str) -> bool:
    """Whether it is an ISO 8601 duration."""
    return _DURATION.fullmatch(text) is not None


def is_onset(text: str) -> bool:
    """Whether it is a date or an ISO 8601 duration."""
    return day(text) is not None or is_duration(text)


def _date(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if found.year in _YEARS else None
