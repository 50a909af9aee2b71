"""Concrete kinds of patient: what reference rows distinguish, and which of them a patient may be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import product
from math import ceil
from typing import TYPE_CHECKING

from labgloss.domain.subject import Age, AgeLimit, AgeUnit, Pregnancy, Sex, StatedAge
from labgloss.frozen import dataclass
from labgloss.knowledge.schema import AgeRange, Population

if TYPE_CHECKING:
    from labgloss.knowledge.release import Axes

_TRIMESTERS = (Pregnancy.TRIMESTER_1, Pregnancy.TRIMESTER_2, Pregnancy.TRIMESTER_3)


@dataclass(frozen=True, slots=True)
class Cell:
    """One concrete kind of patient and specimen; a part that no row distinguishes is None."""

    age: Age
    sex: Sex | None = None
    pregnancy: Pregnancy | None = None
    preterm: bool | None = None
    specimen: str | None = None

    def __str__(self) -> str:
        parts = [f"age {self.age}"]
        if self.preterm is not None:
            parts.append("preterm" if self.preterm else "term")
        if self.sex is not None:
            parts.append(self.sex.value)
        if self.pregnancy is not None:
            parts.append("not pregnant" if self.pregnancy is Pregnancy.NONE else self.pregnancy.value.replace("_", " "))
        if self.specimen is not None:
            parts.append(self.specimen)
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a patient and specimen; None is unknown."""

    age: Age | None = None
    sex: Sex | None = None
    pregnant: bool | None = None
    trimester: int | None = None
    preterm: bool | None = None
    specimen: str | None = None


NOTHING_KNOWN = Known()


def in_range(age: Age | None, ages: AgeRange) -> bool | None:
    """Whether an age lies in a half-open range; None when that is open."""
    begin = True if ages.begin is None else (None if age is None else age.reached(ages.begin))
    end = False if ages.end is None else (None if age is None else age.reached(ages.end))
    if begin is False or end is True:
        return False
    return None if begin is None or end is None else True


def covers(row: Population, cell: Cell) -> bool:
    """Whether a row is for such a patient and specimen."""
    return (
        in_range(cell.age, row.age) is True
        and (row.sex is None or cell.sex is None or row.sex == cell.sex.value)
        and (not row.pregnancy or cell.pregnancy is None or cell.pregnancy.value in row.pregnancy)
        and (row.preterm is None or cell.preterm is None or row.preterm == cell.preterm)
        and (not row.specimen or cell.specimen is None or cell.specimen in row.specimen)
    )


def admissible_cells(axes: Axes, known: Known, pregnancy_ages: AgeRange) -> tuple[Cell, ...]:
    """Every kind of patient that the patient may be, over what the rows distinguish; never empty."""
    return tuple(_cells(axes, known, pregnancy_ages))


def _cells(axes: Axes, known: Known, pregnancy_ages: AgeRange) -> Iterator[Cell]:
    sexes: Sequence[Sex | None] = (None,)
    if axes.sex:
        sexes = (known.sex,) if known.sex else (Sex.FEMALE, Sex.MALE)
    specimens: Sequence[str | None] = (None,)
    if axes.specimen:
        specimens = (known.specimen,) if known.specimen else ("serum", "plasma")
    for age in _ages(axes.age_limits, known.age):
        pregnancies: Sequence[Pregnancy | None] = (None,)
        if axes.pregnancy:
            pregnancies = _pregnancies(known, age, pregnancy_ages)
        preterms: Sequence[bool | None] = (None,)
        if axes.preterm_until is not None and not age.reached(axes.preterm_until):
            preterms = (known.preterm,) if known.preterm is not None else (False, True)
        for sex, pregnancy, preterm, specimen in product(sexes, pregnancies, preterms, specimens):
            if sex is Sex.MALE and pregnancy in _TRIMESTERS:
                continue
            yield Cell(age, sex, pregnancy, preterm, specimen)


def _ages(limits: Sequence[AgeLimit], known: Age | None) -> tuple[Age, ...]:
    """The known age where it settles every limit; otherwise one age for each stretch between limits it may be in."""
    if known is not None and all(known.reached(limit) is not None for limit in limits):
        return (known,)
    begins = sorted({Decimal(0), *(limit.days for limit in limits)})
    # The first whole day of a stretch; from 1 month (30.4 days) to 31 days there is none.
    ends = [*begins[1:], None]
    representatives = [
        StatedAge(ceil(begin) if end is None or ceil(begin) < end else begin, AgeUnit.DAYS)
        for begin, end in zip(begins, ends, strict=True)
    ]
    if known is None:
        return tuple(representatives)
    return tuple(
        age for age in representatives if all(known.reached(limit) in (None, age.reached(limit)) for limit in limits)
    )


def _pregnancies(known: Known, age: Age, ages: AgeRange) -> Sequence[Pregnancy]:
    if known.pregnant or (known.pregnant is None and known.trimester is not None):
        return _TRIMESTERS if known.trimester is None else (_TRIMESTERS[known.trimester - 1],)
    if known.pregnant is False or known.sex is Sex.MALE or in_range(age, ages) is False:
        return (Pregnancy.NONE,)
    return (Pregnancy.NONE, *_TRIMESTERS)
