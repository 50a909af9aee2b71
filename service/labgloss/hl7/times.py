"""Times of HL7 (YYYY[MM[DD[HHMM[SS[.S]]]]][+/-ZZZZ]) as the API writes them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, tzinfo

_TIME = re.compile(
    r"(?P<year>[0-9]{4})(?:(?P<month>[0-9]{2})(?:(?P<day>[0-9]{2})"
    r"(?:(?P<hour>[0-9]{2})(?:(?P<minute>[0-9]{2})(?:(?P<second>[0-9]{2})(?P<part>\.[0-9]{1,6})?)?)?)?)?)?"
    r"(?P<zone>[+-][0-9]{4})?"
)
# Years of the API; others are the empty dates of databases.
_YEARS = range(1800, 3000)
# RFC 3339, 4.3: the local offset is not known. What comes from one sender is then still in order among itself.
UNKNOWN_ZONE = "-00:00"


def zone_of(text: str) -> str:
    """The offset that a time carries, as "+01:00"; empty where it carries none."""
    match = _TIME.fullmatch(text.strip())
    return _offset(match["zone"]) if match and match["zone"] else ""


@dataclass(frozen=True, slots=True)
class Zones:
    """What stands for the offset of a time that carries none: that of MSH-7, else that of the site at the time, else
    UNKNOWN_ZONE; and where other times of the message carry one, nothing, so that only the date is read."""

    of_message: str = ""
    of_site: tzinfo | None = None
    mixed: bool = False

    def offset(self, at: datetime) -> str:
        """The offset at a local time; empty where it is not to be had."""
        if self.of_message:
            return self.of_message
        if self.of_site is not None:
            return f"{at.replace(tzinfo=self.of_site):%z}"[:3] + ":" + f"{at.replace(tzinfo=self.of_site):%z}"[3:5]
        return "" if self.mixed else UNKNOWN_ZONE


def collected(text: str, zones: Zones) -> str | None:
    """RFC 3339 with the time's own offset, else that of `zones`; the date where that is all that can be told.

    None for what is no date: YYYYMM, YYYY, or no time at all.
    """
    match = _TIME.fullmatch(text.strip())
    if match is None or match["day"] is None:
        return None
    day = _day(match)
    if day is None or match["minute"] is None:
        return day
    clock = f"{match['hour']}:{match['minute']}:{match['second'] or '00'}"
    try:
        at = datetime.fromisoformat(f"{day}T{clock}")
    except ValueError:
        return day
    offset = _offset(match["zone"]) if match["zone"] else zones.offset(at)
    return f"{day}T{clock}{match['part'] or ''}{offset}" if offset else day


def day_of(text: str) -> str | None:
    """The date of a time, in its own zone; None for what is no date."""
    match = _TIME.fullmatch(text.strip())
    return _day(match) if match and match["day"] else None


def birth_date(text: str) -> str | None:
    """YYYY-MM-DD, YYYY-MM or YYYY, without a time of day; None for what is no date."""
    match = _TIME.fullmatch(text.strip())
    if match is None or int(match["year"]) not in _YEARS:
        return None
    if match["day"] is not None:
        return _day(match)
    if match["month"] is None:
        return match["year"]
    return f"{match['year']}-{match['month']}" if 1 <= int(match["month"]) <= 12 else None


def _day(match: re.Match[str]) -> str | None:
    try:
        found = date(int(match["year"]), int(match["month"]), int(match["day"]))
    except ValueError:
        return None
    return found.isoformat() if found.year in _YEARS else None


def _offset(zone: str) -> str:
    """The offset of HL7 as RFC 3339 writes it; empty for one that no place on earth has."""
    hours, minutes = int(zone[1:3]), int(zone[3:])
    return f"{zone[:3]}:{zone[3:]}" if hours <= 14 and minutes < 60 else ""
