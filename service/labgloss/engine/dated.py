"""How long ago something was, as a text says it: what was an operation of this month is none years later."""

from __future__ import annotations

import re

from labgloss.domain.truth import FALSE, TRUE, UNKNOWN, Truth

_NUMBERS = {
    word: number
    for number, words in enumerate(
        (
            "",
            "a an one",
            "two couple",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
        )
    )
    for word in words.split()
}
# The fewest days of a unit, so that "6 months ago" is within six months.
_DAYS = {"day": 1, "week": 7, "month": 30, "year": 365}
_AGO = re.compile(
    rf"\b(\d+|{'|'.join(_NUMBERS)})(?: of)?[\s-]+(day|week|month|year)s?\s+"
    r"(?:ago|earlier|previously|back|since|after|post\w*)\b"
)
_DAY_AFTER = re.compile(r"\bday (\d+) (?:after|post)|\bpost\w*(?:[\s-]op\w*)? day (\d+)\b")
_NOW = re.compile(r"\b(?:today|yesterday|this morning|last night|overnight|on the day)\b")
_LAST_WEEK = re.compile(r"\blast week\b")
# From its Monday to the Sunday of this week.
_DAYS_OF_LAST_WEEK = 2 * _DAYS["week"] - 1
_EVERY = re.compile(r"\b(?:every|each|per) (?:\w+ )?(?:day|week|month|year)s?\b")
# Other words of time, from which no number of days follows.
_SOME_TIME = re.compile(
    r"\b(?:19|20)\d\d\b|\b\d{1,2}/\d{1,2}\b"
    r"|\b(?:january|february|march|april|june|july|august|september|october|november|december"
    r"|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec|years?|months?|ago|long|remote\w*|childhood|last year"
    r"|old|past|previous\w*|prior|history|recent\w*|planned|awaiting|due|listed|scheduled|next)\b"
)


def is_within(days: int, text: str) -> Truth | None:
    """Whether a text in small letters puts something into the last so many days; UNKNOWN where it names a time that
    says no number of days, None where it names none."""
    stated = [_days(match[1]) * _DAYS[match[2]] for match in _AGO.finditer(text)]
    stated += [int(match[1] or match[2]) for match in _DAY_AFTER.finditer(text)]
    stated += [0 for _ in _NOW.finditer(text)]
    stated += [_DAYS_OF_LAST_WEEK for _ in _LAST_WEEK.finditer(text)]
    if stated:
        sides = {count <= days for count in stated}
        return UNKNOWN if len(sides) > 1 else TRUE if sides == {True} else FALSE
    # How often is not when.
    return UNKNOWN if _SOME_TIME.search(_EVERY.sub("", text)) else None


def _days(number: str) -> int:
    return _NUMBERS.get(number) or int(number)
