"""Three-valued truth: absence is UNKNOWN, never FALSE."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from labgloss.domain.closed import Closed


class Truth(Closed):
    """TRUE, FALSE, or UNKNOWN (Kleene's strong logic)."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"

    def __invert__(self) -> Truth:
        """The negation; the negation of UNKNOWN is UNKNOWN."""
        return _NEGATION[self]

    @classmethod
    def of(cls, value: bool | None) -> Truth:
        """TRUE or FALSE for a bool, UNKNOWN for None."""
        if value is None:
            return UNKNOWN
        return TRUE if value else FALSE


# Before Python 3.12 a member is found by way of its class's class, at five times the cost of a name.
TRUE: Final = Truth.TRUE
FALSE: Final = Truth.FALSE
UNKNOWN: Final = Truth.UNKNOWN

_NEGATION = {TRUE: FALSE, FALSE: TRUE, UNKNOWN: UNKNOWN}


def all_of(truths: Iterable[Truth]) -> Truth:
    """FALSE if any is FALSE, else UNKNOWN if any is UNKNOWN, else TRUE (also for none at all)."""
    outcome = TRUE
    for truth in truths:
        if truth is FALSE:
            return FALSE
        if truth is UNKNOWN:
            outcome = UNKNOWN
    return outcome


def any_of(truths: Iterable[Truth]) -> Truth:
    """TRUE if any is TRUE, else UNKNOWN if any is UNKNOWN, else FALSE (also for none at all)."""
    outcome = FALSE
    for truth in truths:
        if truth is TRUE:
            return TRUE
        if truth is UNKNOWN:
            outcome = UNKNOWN
    return outcome


def at_least(number: int, truths: Iterable[Truth]) -> Truth:
    """TRUE if so many are TRUE, FALSE if fewer can be, else UNKNOWN."""
    counted = [truth for truth in truths if truth is not FALSE]
    if len(counted) < number:
        return FALSE
    return TRUE if counted.count(TRUE) >= number else UNKNOWN
