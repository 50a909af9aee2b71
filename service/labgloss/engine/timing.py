"""Facts about time: how long a symptom has lasted, since when a medication is taken."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal

from labgloss.domain.panel import ContextItem, Panel, Symptom
from labgloss.domain.subject import DAYS_PER, Age, AgeUnit, BirthDate, StatedAge
from labgloss.domain.truth import Truth, any_of
from labgloss.engine.kept import by_release
from labgloss.engine.recognise import Recognised
from labgloss.knowledge.partition import in_range
from labgloss.knowledge.release import Release
from labgloss.knowledge.schema import TimingRow

_DURATION = re.compile(
    r"P(?:(?P<Y>\d{1,3})Y)?(?:(?P<M>\d{1,4})M)?(?:(?P<W>\d{1,4})W)?(?:(?P<D>\d{1,5})D)?"
    r"(?:T(?:(?P<h>\d{1,5})H)?(?:(?P<m>\d{1,6})M)?(?:(?P<s>\d{1,7})S)?)?"
)
_DAYS = {
    "Y": DAYS_PER[AgeUnit.YEARS],
    "M": DAYS_PER[AgeUnit.MONTHS],
    "W": Decimal(7),
    "D": Decimal(1),
    "h": Decimal(1) / 24,
    "m": Decimal(1) / 1440,
    "s": Decimal(1) / 86400,
}
_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")


def timings(release: Release, panel: Panel, recognised: Recognised) -> dict[str, Truth]:
    """The truth of every fact about time whose symptom or medication is in the panel."""
    if not _timed(release).intersection(_named(recognised)):
        return {}
    on = _reference_day(panel)
    return {row.id: found for row in release.computations.timing if (found := _timing(row, panel, recognised, on))}


@by_release(maxsize=64)
def _timed(release: Release) -> frozenset[str]:
    """Every symptom and medication whose time a release looks at."""
    return frozenset(ident for row in release.computations.timing for ident in (*row.symptoms, *row.medications))


def _named(recognised: Recognised) -> list[str]:
    """Every symptom and medication that the panel names."""
    return [ident for item in recognised.symptoms for ident in item.ids] + [
        ident for ids in recognised.medications for ident in ids
    ]


def _timing(row: TimingRow, panel: Panel, recognised: Recognised, on: date | None) -> Truth | None:
    symptoms = [
        list(_of_symptom(sent, on))
        for sent, found in zip(panel.symptoms, recognised.symptoms, strict=True)
        if found.present and set(found.ids) & set(row.symptoms)
    ]
    medications = [
        list(_of_medication(sent, on))
        for sent, ids in zip(panel.medications or (), recognised.medications, strict=True)
        if set(ids) & set(row.medications)
    ]
    lasting = [*symptoms, *medications]
    return any_of(_in(row, ages) for ages in lasting) if lasting else None


def _in(row: TimingRow, ages: Sequence[Age]) -> Truth:
    """Whether a time that was sent lies in the range; UNKNOWN where none was."""
    return any_of(Truth.of(in_range(age, row.lasting)) for age in ages) if ages else Truth.UNKNOWN


def _of_symptom(symptom: Symptom, on: date | None) -> Iterator[Age]:
    for text in (symptom.duration, symptom.onset):
        if (days := duration_in_days(text)) is not None:
            yield StatedAge(days, AgeUnit.DAYS)
        elif (began := _day(text)) is not None and on is not None:
            yield began.age_on(on)


def _of_medication(item: ContextItem, on: date | None) -> Iterator[Age]:
    if (began := _day(item.since)) is not None and on is not None:
        yield began.age_on(on)


def duration_in_days(text: str) -> Decimal | None:
    """The days of an ISO 8601 duration ("P1D", "PT12H", "P6W"); None for anything else."""
    match = _DURATION.fullmatch(text.strip())
    if match is None or not any(match.groups()):
        return None
    return sum((int(number) * _DAYS[part] for part, number in match.groupdict().items() if number), Decimal(0))


def _day(text: str) -> BirthDate | None:
    """The first and last day that a date may be: YYYY, YYYY-MM or YYYY-MM-DD."""
    match = _DATE.fullmatch(text.strip())
    if match is None:
        return None
    year, month, day = (int(part) if part else None for part in match.groups())
    assert year is not None
    try:
        first = date(year, month or 1, day or 1)
        if day is not None:
            return BirthDate(first, first)
        following = date(year + 1, 1, 1) if month in (None, 12) else date(year, (month or 0) + 1, 1)
    except ValueError:
        return None
    return BirthDate(first, following - timedelta(days=1))


def _reference_day(panel: Panel) -> date | None:
    """The day that times are counted to: the panel's, else that of the latest collection."""
    days = [result.collected.day for result in panel.results if result.collected]
    return panel.as_of or max(days, default=None)
