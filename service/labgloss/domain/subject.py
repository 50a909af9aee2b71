"""Who was sampled; every part may be unknown."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal

from labgloss.domain.closed import Closed
from labgloss.frozen import dataclass


class Sex(Closed):
    """Sex as reference intervals use it."""

    FEMALE = "female"
    MALE = "male"


class Pregnancy(Closed):
    """Not pregnant, or the trimester."""

    NONE = "none"
    TRIMESTER_1 = "trimester_1"
    TRIMESTER_2 = "trimester_2"
    TRIMESTER_3 = "trimester_3"


class AgeUnit(Closed):
    """Units in which ages and their limits are written."""

    DAYS = "d"
    MONTHS = "mo"
    YEARS = "y"


# vocabulary.md DEC-53: a year is 365.25 days where no calendar date is known.
DAYS_PER: Mapping[AgeUnit, Decimal] = {
    AgeUnit.DAYS: Decimal(1),
    AgeUnit.MONTHS: Decimal("365.25") / 12,
    AgeUnit.YEARS: Decimal("365.25"),
}


@dataclass(frozen=True, slots=True)
class AgeLimit:
    """An age at which something begins to apply: "28 d", "16 y"."""

    number: int
    unit: AgeUnit

    @property
    def days(self) -> Decimal:
        """The limit in days, by DEC-53."""
        return self.number * DAYS_PER[self.unit]

    def __str__(self) -> str:
        return f"{self.number} {self.unit.value}"


@dataclass(frozen=True, slots=True)
class StatedAge:
    """An age sent as a number of completed days, months or years."""

    number: int | Decimal
    unit: AgeUnit

    def reached(self, limit: AgeLimit) -> bool | None:
        """Whether the limit is reached; None when the stated age leaves it open (0 years against 28 days)."""
        if self.unit is limit.unit:
            return self.number >= limit.number
        youngest = self.number * DAYS_PER[self.unit]
        # Completed days are counted as the day itself; months and years span until the next one.
        oldest = youngest if self.unit is AgeUnit.DAYS else (self.number + 1) * DAYS_PER[self.unit]
        if youngest >= limit.days:
            return True
        return None if oldest > limit.days else False

    def __str__(self) -> str:
        return f"{self.number} {self.unit.value}"


@dataclass(frozen=True, slots=True)
class CalendarAge:
    """An age from a birth date, which may be known to the month or year only, on a date of reference (DEC-60)."""

    born_first: date
    born_last: date
    on: date

    def reached(self, limit: AgeLimit) -> bool | None:
        """Whether the limit is reached by calendar birthdays; None when the birth date leaves it open."""
        oldest = _completed(self.born_first, self.on, limit.unit) >= limit.number
        youngest = _completed(self.born_last, self.on, limit.unit) >= limit.number
        return oldest if oldest == youngest else None

    def __str__(self) -> str:
        years = _completed(self.born_last, self.on, AgeUnit.YEARS)
        if years >= 2:
            return f"{years} y"
        return f"{max(_completed(self.born_last, self.on, AgeUnit.DAYS), 0)} d"


Age = StatedAge | CalendarAge


def _completed(born: date, on: date, unit: AgeUnit) -> int:
    if unit is AgeUnit.DAYS:
        return (on - born).days
    months = (on.year - born.year) * 12 + on.month - born.month
    if on.day < born.day:
        months -= 1
    # Someone born on 29 February completes a year on 1 March of a common year, as `on.day < born.day` gives.
    return months if unit is AgeUnit.MONTHS else months // 12


class AgeScale:
    """Ages at which something begins to apply, from low to high."""

    def __init__(self, limits: Iterable[AgeLimit]) -> None:
        distinct = set(limits)
        self._days = sorted(limit.days for limit in distinct)
        self._numbers = {unit: sorted(limit.number for limit in distinct if limit.unit is unit) for unit in AgeUnit}

    def place(self, age: Age | None) -> tuple[int | str, ...]:
        """Where an age lies: two ages of one place have reached the same limits, and leave the same ones open."""
        match age:
            case None:
                return ()
            case StatedAge(number, unit):
                youngest = number * DAYS_PER[unit]
                return (
                    unit.value,
                    bisect_right(self._numbers[unit], number),
                    bisect_right(self._days, youngest),
                    bisect_left(self._days, youngest if unit is AgeUnit.DAYS else (number + 1) * DAYS_PER[unit]),
                )
            case CalendarAge(born_first, born_last, on):
                return tuple(
                    bisect_right(numbers, _completed(born, on, unit))
                    for unit, numbers in self._numbers.items()
                    for born in (born_first, born_last)
                )


@dataclass(frozen=True, slots=True)
class BirthDate:
    """A birth date, known to the day, month or year: the first and last day that it can be."""

    first: date
    last: date

    def age_on(self, day: date) -> CalendarAge:
        """The age on a day."""
        return CalendarAge(self.first, self.last, day)


@dataclass(frozen=True, slots=True)
class Patient:
    """Who was sampled, as sent; None is unknown."""

    age: StatedAge | BirthDate | None = None
    sex: Sex | None = None
    pregnant: bool | None = None
    trimester: int | None = None
    preterm: bool | None = None
