"""LOINC codes: form and check digit."""

from __future__ import annotations

import re

# How the code system is named in feeds, in small letters; a code without a system is one of LOINC.
SYSTEMS = frozenset({"", "loinc", "http://loinc.org"})

_FORM = re.compile(r"[0-9]{1,7}-[0-9]")


def valid(code: str) -> bool:
    """Whether a code has the form of a LOINC code and the right check digit (mod 10, LOINC Users' Guide)."""
    if not _FORM.fullmatch(code):
        return False
    number, _, check = code.partition("-")
    total = 0
    for position, digit in enumerate(reversed(number)):
        value = int(digit) * (1 if position % 2 else 2)
        total += value - 9 if value > 9 else value
    return -total % 10 == int(check)
