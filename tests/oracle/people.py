"""Everybody who may be meant when something is not known of a patient (vocabulary.md 3; DEC-47, DEC-59)."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from itertools import product
from typing import Any

Table = dict[str, Any]

# DEC-53: a year is 365.25 days. The API takes ages up to 150 years.
DAYS = {"d": Fraction(1), "mo": Fraction("365.25") / 12, "y": Fraction("365.25")}
OLDEST = 150
# DEC-58: blood that did not clot is judged as plasma; only an unknown kind may be either.
EITHER = ["serum", "plasma"]
KINDS = {"serum": ["serum"], "": EITHER, "serum_or_plasma": EITHER, "serum_plasma_or_blood": EITHER}


@cache
def days(text: str) -> Fraction:
    """An age such as "28 d" or "16 y", in days."""
    number, unit = text.split()
    return int(number) * DAYS[unit]


def within(age: Fraction, limits: Table) -> bool:
    """Ages are half-open: from <= age < to."""
    return ("from" not in limits or age >= days(limits["from"])) and ("to" not in limits or age < days(limits["to"]))


def covers(row: Table, person: Table) -> bool:
    """Whether a row is for this person; what it does not say is for everybody."""
    asked = all(row[key] == person[key] for key in ("sex", "preterm") if key in row)
    listed = all(person[key] in row[key] for key in ("pregnancy", "specimen") if row.get(key))
    return asked and listed and within(person["age"], row.get("age", {}))


def people(patient: Table, kind: str, rows: list[Table], fertile: Table) -> Iterator[Table]:
    """Every patient who may be meant, so far as some row asks; `fertile`: ages at which a woman may be pregnant."""
    trimester = patient.get("trimester")
    trimesters = [f"trimester_{number}" for number in ([trimester] if trimester else [1, 2, 3])]
    kinds = KINDS.get(kind, ["plasma"]) if any("specimen" in row for row in rows) else [""]
    for age, sex in product(_ages(patient, rows), ("female", "male")):
        if patient.get("sex") in ("female", "male") and sex != patient["sex"]:
            continue
        pregnancies = trimesters if patient.get("pregnant") or trimester else ["none"]
        if patient.get("pregnant") is None and not trimester and sex == "female" and within(age, fertile):
            pregnancies = ["none", *trimesters]
        asked = any("preterm" in row and within(age, row.get("age", {})) for row in rows)
        preterm = [False, True] if asked and patient.get("preterm") is None else [patient.get("preterm")]
        for pregnancy, early, specimen in product(pregnancies, preterm, kinds):
            yield {"age": age, "sex": sex, "pregnancy": pregnancy, "preterm": early, "specimen": specimen}


def _ages(patient: Table, rows: list[Table]) -> list[Fraction]:
    """Every age in days: each of the first 60, each year, each limit of a row and a day on either side of it."""
    if "birth_date" in patient:
        raise NotImplementedError("the reference interpreter reads ages, not birth dates")
    first, end = Fraction(0), OLDEST * DAYS["y"]
    for key, unit in (("age_days", "d"), ("age_months", "mo"), ("age_years", "y")):
        if patient.get(key) is not None:
            # A day is itself; a completed month or year lasts until the next one.
            first, end = patient[key] * DAYS[unit], (patient[key] + (unit != "d")) * DAYS[unit]
    limits = {days(row["age"][key]) for row in rows for key in ("from", "to") if key in row.get("age", {})}
    ages = {*map(Fraction, range(61)), *(DAYS["y"] * year for year in range(OLDEST)), first}
    ages |= {limit + step for limit in limits for step in (-1, 0, 1)}
    return [age for age in ages if age == first or first < age < end]
