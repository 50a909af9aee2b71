"""Times of FHIR as the canonical request takes them: a day, or a time with its offset."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from labgloss.fhir.element import Element
from labgloss.wire import times

# Clocks of laboratories run ahead, and a date alone is of their own time zone.
_AHEAD = timedelta(days=1)
_LOCAL_TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})T[0-9:.]+")
_PARTIAL = re.compile(r"[0-9]{4}(-[0-9]{2})?")


def moment_of(element: Element, name: str, latest: datetime) -> str:
    """The time under a choice of types: DateTime, Instant, the start of a Period; empty when none is read.

    What is not a day or a time with its offset, or lies after `latest`, is said: its result counts as current.
    """
    for member in (f"{name}DateTime", f"{name}Instant"):
        if element.has(member):
            return _read(element, member, latest)
    if (period := element.child(f"{name}Period")) is not None:
        return _read(period, "start" if period.has("start") else "end", latest)
    if element.has(f"{name}Timing"):
        said = "a Timing is no time of one draw; without it a result counts as current"
        element.issues.warning("not-supported", element.at(f"{name}Timing"), said)
    return ""


def _read(element: Element, name: str, latest: datetime) -> str:
    text = element.text(name)
    if (local := _LOCAL_TIME.fullmatch(text)) is not None:
        element.issues.warning("value", element.at(name), "a time needs its offset from UTC; its day was read")
        text = local[1]
    found = times.collected(text)
    if found is None:
        said = "only month or year are known" if _PARTIAL.fullmatch(text) else f"{times.COLLECTED_FORM} is needed"
        if text:
            element.issues.warning("value", element.at(name), f"{said}; without its day a result counts as current")
        return ""
    instant = found.instant or datetime(found.day.year, found.day.month, found.day.day, tzinfo=UTC)
    if instant > latest + _AHEAD:
        said = "it lies in the future, so that the time is wrong; without it the result counts as current"
        element.issues.warning("value", element.at(name), said)
        return ""
    return text


def day_of(text: str) -> str:
    """The day of a dateTime; empty where it is not known to the day."""
    return text[:10] if times.day(text[:10]) is not None else ""
