"""Domain panels in few words: `panel(result("magnesium", "0.41", "mmol/L"), age="40 y")`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from labgloss.domain.panel import (
    Coding,
    Collected,
    ContextItem,
    LaboratoryInterval,
    Options,
    Panel,
    Result,
    ResultStatus,
    Specimen,
    Symptom,
)
from labgloss.domain.quantity import Comparator
from labgloss.domain.report import Report, ResultInterpretation
from labgloss.domain.subject import AgeUnit, BirthDate, Patient, Sex, StatedAge


def result(analyte: str = "", value: str = "", unit: str = "", **more: Any) -> Result:
    """A result. `code` is a LOINC code, `comparator` "<", `status` a name, `collected` an ISO date or time, `interval`
    a text or a pair of ends, `specimen` the fields of one."""
    return Result(
        index=0,
        id=more.pop("id", ""),
        analyte=analyte,
        codings=(Coding("http://loinc.org", more.pop("code")),) if "code" in more else (),
        value=value,
        comparator=Comparator(more.pop("comparator", "")),
        unit=unit,
        status=ResultStatus(more.pop("status", "final")),
        collected=_collected(more.pop("collected", None)),
        specimen=Specimen(**more.pop("specimen", {})),
        interval=_interval(more.pop("interval", None)),
        flags=more.pop("flags", ()),
        **more,
    )


def _collected(text: str | None) -> Collected | None:
    if text is None:
        return None
    instant = datetime.fromisoformat(text) if "T" in text else None
    return Collected(text, date.fromisoformat(text[:10]), instant)


def _interval(given: str | tuple[str | None, str | None] | None) -> LaboratoryInterval | None:
    if given is None or isinstance(given, str):
        return None if given is None else LaboratoryInterval(text=given)
    return LaboratoryInterval(low=given[0], high=given[1])


def panel(
    *results: Result,
    age: str | None = "40 y",
    sex: str | None = "male",
    pregnant: bool | None = None,
    trimester: int | None = None,
    preterm: bool | None = None,
    symptoms: Sequence[str | Symptom] = (),
    conditions: Sequence[str] | None = None,
    medications: Sequence[str] | None = None,
    as_of: str | None = None,
    **options: Any,
) -> Panel:
    """A panel of a man of 40 unless said otherwise; a symptom in capitals is an id, any other a text."""
    return Panel(
        patient=Patient(age_of(age), Sex(sex) if sex else None, pregnant, trimester, preterm),
        results=tuple(replace(item, index=place) for place, item in enumerate(results)),
        symptoms=tuple(_symptom(item) for item in symptoms),
        conditions=_items(conditions),
        medications=_items(medications),
        options=Options(**options),
        as_of=date.fromisoformat(as_of) if as_of else None,
    )


def age_of(text: str | None) -> StatedAge | BirthDate | None:
    """The age that "27 d" or "40 y" states, or the birth date that "2008-02-29" or "2008" does."""
    if text is None:
        return None
    number, blank, unit = text.partition(" ")
    if blank:
        return StatedAge(int(number), AgeUnit(unit))
    if len(text) == 4:
        return BirthDate(date(int(text), 1, 1), date(int(text), 12, 31))
    return BirthDate(date.fromisoformat(text), date.fromisoformat(text))


def _symptom(item: str | Symptom) -> Symptom:
    if isinstance(item, Symptom):
        return item
    return Symptom(id=item) if item.isupper() else Symptom(text=item)


def _items(names: Sequence[str] | None) -> tuple[ContextItem, ...] | None:
    """Ids, which have no blank, or plain words, which have one."""
    if names is None:
        return None
    return tuple(ContextItem(text=name) if " " in name else ContextItem(id=name) for name in names)


def entry(report: Report, key: str | int = 0) -> ResultInterpretation:
    """The entry with this place, or the only one with this id or analyte."""
    if isinstance(key, int):
        return report.results[key]
    found = [item for item in report.results if key in (item.id, item.analyte)]
    assert len(found) == 1, f"{len(found)} entries are named {key}"
    return found[0]


def recommended(report: Report) -> list[str]:
    """Ids of the recommendations, in the order of the report."""
    return [item.id for item in report.recommendations]


def cautions(item: ResultInterpretation) -> set[str]:
    """Ids of an entry's cautions."""
    return {caution.id for caution in item.cautions}


def issues(report: Report) -> set[str]:
    """Ids of the data-quality issues."""
    return {issue.id for issue in report.issues}
