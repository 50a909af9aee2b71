"""Three-valued truth: absence is UNKNOWN, never FALSE."""

from __future__ import annotations

from collections.abc import Iterable

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
            return cls.UNKNOWN
        return cls.TRUE if value else cls.FALSE


_NEGATION = {Truth.TRUE: Truth.FALSE, Truth.FALSE: Truth.TRUE, Truth.UNKNOWN: Truth.UNKNOWN}


def all_of(truths: Iterable[Truth]) -> Truth:
    """FALSE if any is FALSE, else UNKNOWN if any is UNKNOWN, else TRUE (also for none at all)."""
    outcome = Truth.TRUE
    for truth in truths:
        if truth is Truth.FALSE:
            return Truth.FALSE
        if truth is Truth.UNKNOWN:
            outcome = Truth.UNKNOWN
    return outcome


def any_of(truths: Iterable[Truth]) -> Truth:
    """TRUE if any is TRUE, else UNKNOWN if any is UNKNOWN, else FALSE (also for none at all)."""
    outcome = Truth.FALSE
    for truth in truths:
        if truth is Truth.TRUE:
            return Truth.TRUE
        if truth is Truth.UNKNOWN:
            outcome = Truth.UNKNOWN
    return outcome


def at_least(number: int, truths: Iterable[Truth]) -> Truth:
    """TRUE if so many are TRUE, FALSE if fewer can be, else UNKNOWN."""
    counted = [truth for truth in truths if truth is not Truth.FALSE]
    if len(counted) < number:
        return Truth.FALSE
    return Truth.TRUE if counted.count(Truth.TRUE) >= number else Truth.UNKNOWN
