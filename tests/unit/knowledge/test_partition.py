"""Who a patient may be, when not everything is known (vocabulary.md 3, DEC-47, DEC-59)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from labgloss.domain.subject import AgeLimit, AgeUnit, Pregnancy, Sex, StatedAge
from labgloss.knowledge.partition import NOTHING_KNOWN, Cell, Known, admissible_cells, covers, in_range
from labgloss.knowledge.release import Axes, Release
from labgloss.knowledge.schema import AgeRange, Population
from labgloss.knowledge.validation import formed

T1, T2, T3 = Pregnancy.TRIMESTER_1, Pregnancy.TRIMESTER_2, Pregnancy.TRIMESTER_3
NONE = Pregnancy.NONE
BEARING = formed(AgeRange, {"from": "12 y", "to": "56 y"})


def years(number: int) -> StatedAge:
    return StatedAge(number, AgeUnit.YEARS)


def days(number: int) -> StatedAge:
    return StatedAge(number, AgeUnit.DAYS)


def axes(*limits: str, **more: Any) -> Axes:
    ages = tuple(AgeLimit(int(text.split()[0]), AgeUnit(text.split()[1])) for text in limits)
    return Axes(
        ages, more.get("sex", False), more.get("pregnancy", False), more.get("preterm"), more.get("specimen", False)
    )


def cells(of: Axes, **known: Any) -> Sequence[Cell]:
    return admissible_cells(of, Known(**known), BEARING)


def test_what_no_row_distinguishes_is_not_enumerated() -> None:
    assert cells(axes(), age=years(30)) == (Cell(years(30)),)


def test_a_woman_of_30_may_be_pregnant_in_any_trimester() -> None:
    found = cells(axes("12 y", "56 y", pregnancy=True), age=years(30), sex=Sex.FEMALE)
    assert [cell.pregnancy for cell in found] == [NONE, T1, T2, T3]


@pytest.mark.parametrize(("age", "admissible"), [(11, False), (12, True), (55, True), (56, False)])
def test_pregnancy_is_admissible_from_12_to_55_completed_years(age: int, admissible: bool) -> None:
    found = cells(axes("12 y", "56 y", pregnancy=True), age=years(age), sex=Sex.FEMALE)
    assert (T3 in [cell.pregnancy for cell in found]) is admissible


def test_a_man_is_not_pregnant_and_an_unknown_sex_may_be() -> None:
    of = axes("12 y", "56 y", pregnancy=True, sex=True)
    assert [cell.pregnancy for cell in cells(of, age=years(30), sex=Sex.MALE)] == [NONE]
    unknown = cells(of, age=years(30))
    assert {(cell.sex, cell.pregnancy) for cell in unknown} == {
        (Sex.MALE, NONE),
        *((Sex.FEMALE, pregnancy) for pregnancy in (NONE, T1, T2, T3)),
    }


@pytest.mark.parametrize(
    ("known", "pregnancies"),
    [
        ({"pregnant": False}, [NONE]),
        ({"pregnant": True}, [T1, T2, T3]),
        ({"pregnant": True, "trimester": 2}, [T2]),
        ({"trimester": 3}, [T3]),
    ],
)
def test_what_is_known_of_a_pregnancy_leaves_what_it_leaves(known: Any, pregnancies: list[Pregnancy]) -> None:
    found = cells(axes("12 y", "56 y", pregnancy=True), age=years(30), sex=Sex.FEMALE, **known)
    assert [cell.pregnancy for cell in found] == pregnancies


def test_a_birth_before_term_is_asked_for_below_its_age_only() -> None:
    of = axes("28 d", preterm=AgeLimit(28, AgeUnit.DAYS))
    assert [cell.preterm for cell in cells(of, age=days(27))] == [False, True]
    assert [cell.preterm for cell in cells(of, age=days(27), preterm=True)] == [True]
    assert [cell.preterm for cell in cells(of, age=days(28))] == [None]


def test_an_unknown_specimen_may_be_serum_or_plasma() -> None:
    assert [cell.specimen for cell in cells(axes(specimen=True), age=years(30))] == ["serum", "plasma"]
    assert [cell.specimen for cell in cells(axes(specimen=True), age=years(30), specimen="plasma")] == ["plasma"]


def test_an_unknown_age_may_be_any_stretch_between_the_limits() -> None:
    assert [str(cell.age) for cell in cells(axes("28 d", "16 y"))] == ["0 d", "28 d", "5844 d"]


def test_zero_completed_years_may_be_a_newborn_or_an_infant() -> None:
    assert [str(cell.age) for cell in cells(axes("28 d", "1 y", "16 y"), age=years(0))] == ["0 d", "28 d"]


def test_an_age_that_settles_every_limit_stays_itself() -> None:
    assert [str(cell.age) for cell in cells(axes("28 d", "16 y"), age=years(67))] == ["67 y"]


def test_a_patient_of_whom_nothing_is_known_has_a_cell_in_every_analyte(release: Release) -> None:
    ages = release.computations.pregnancy.age
    for analyte in release.analytes.values():
        assert admissible_cells(analyte.axes, NOTHING_KNOWN, ages)


@pytest.mark.parametrize(
    ("age", "ages", "inside"),
    [
        (days(27), {"from": "28 d"}, False),
        (days(28), {"from": "28 d"}, True),
        (days(27), {"to": "28 d"}, True),
        (days(28), {"to": "28 d"}, False),
        (years(0), {"from": "28 d", "to": "1 y"}, None),
        (years(0), {"to": "1 y"}, True),
        (None, {"from": "28 d"}, None),
        (None, {}, True),
    ],
)
def test_an_age_lies_in_a_half_open_range(age: StatedAge | None, ages: dict[str, str], inside: bool | None) -> None:
    assert in_range(age, formed(AgeRange, ages)) is inside


@pytest.mark.parametrize(
    ("row", "cell", "covered"),
    [
        ({}, Cell(years(30)), True),
        ({"age": {"from": "16 y"}}, Cell(years(15)), False),
        ({"sex": "female"}, Cell(years(30), Sex.MALE), False),
        ({"pregnancy": ["none"]}, Cell(years(30), Sex.FEMALE, T2), False),
        ({"pregnancy": ["trimester_2", "trimester_3"]}, Cell(years(30), Sex.FEMALE, T2), True),
        ({"preterm": True}, Cell(days(3), preterm=False), False),
        ({"specimen": ["plasma"]}, Cell(years(30), specimen="serum"), False),
    ],
)
def test_a_row_covers_the_patients_whom_it_names(row: dict[str, Any], cell: Cell, covered: bool) -> None:
    assert covers(formed(Population, row), cell) is covered


def test_a_kind_of_patient_is_written_for_a_reader() -> None:
    assert str(Cell(days(3), Sex.FEMALE, NONE, True, "serum")) == "age 3 d, preterm, female, not pregnant, serum"
    assert str(Cell(years(30), Sex.FEMALE, T2)) == "age 30 y, female, trimester 2"
    assert str(Cell(days(3), preterm=False)) == "age 3 d, term"
