"""CTCAE grades against boundary tables; what cannot be graded has no grade, and is never grade 0."""

from __future__ import annotations

import pytest

from labgloss.domain.panel import Result, SpecimenKind
from labgloss.domain.report import RefusalReason, ResultClass, ResultInterpretation, ResultState
from labgloss.engine.interpret import interpret
from labgloss.knowledge.release import Release
from tests.ctcae.grading_tables import TABLES, Table
from tests.unit.engine.panel_builder import cautions, entry, panel, result

NEEDS_SYMPTOMS = "ctcae_grade_needs_symptoms"
BOUNDARIES = [pytest.param(table, id=f"{table.analyte} {table.unit} {'-'.join(table.interval)}") for table in TABLES]


def read(release: Release, *results: Result, age: str | None = "40 y") -> ResultInterpretation:
    """The entry of the first result of a man of 40."""
    return entry(interpret(release, panel(*results, age=age)))


@pytest.mark.parametrize("table", BOUNDARIES)
def test_the_grade_changes_at_the_cut_off_and_nowhere_else(release: Release, table: Table) -> None:
    grades = [
        (value, read(release, result(table.analyte, value, table.unit, interval=table.interval)).ctcae_grade)
        for value, _ in table.graded
    ]
    assert grades == table.graded


@pytest.mark.parametrize("table", BOUNDARIES)
def test_grade_0_is_normal_and_normal_is_grade_0(release: Release, table: Table) -> None:
    for value, grade in table.graded:
        read_one = read(release, result(table.analyte, value, table.unit, interval=table.interval))
        assert (read_one.result_class is ResultClass.NORMAL) == (grade == 0), value


# ---------------------------------------------------------------------------------- compared in the unit reported


@pytest.mark.parametrize(
    ("analyte", "unit", "value", "grade", "in_the_other_unit"),
    [
        # The partners in MC 3.4 are rounded: converted, each of these values would have another grade.
        ("magnesium", "mg/dL", "1.2", 1, ("mmol/L", "0.4937", 2)),
        ("magnesium", "mg/dL", "0.7", 3, ("mmol/L", "0.2880", 4)),
        ("magnesium", "mg/dL", "3.0", 1, ("mmol/L", "1.2343", 3)),
        ("magnesium", "mmol/L", "1.232", 3, ("mg/dL", "2.9944", 1)),
        ("calcium_adjusted", "mg/dL", "7.0", 2, ("mmol/L", "1.7466", 3)),
        ("calcium_adjusted", "mg/dL", "6.0", 3, ("mmol/L", "1.4971", 4)),
        ("calcium_adjusted", "mmol/L", "3.395", 3, ("mg/dL", "13.606", 4)),
    ],
)
def test_a_value_is_graded_by_the_criterion_of_its_own_unit(
    release: Release, analyte: str, unit: str, value: str, grade: int, in_the_other_unit: tuple[str, str, int]
) -> None:
    other, converted, other_grade = in_the_other_unit
    assert read(release, result(analyte, value, unit)).ctcae_grade == grade
    assert read(release, result(analyte, converted, other)).ctcae_grade == other_grade


# ---------------------------------------------------------------------------------- wrong unit


@pytest.mark.parametrize(
    ("analyte", "value", "unit", "reason"),
    [
        ("magnesium", "0.2", "", RefusalReason.UNIT_MISSING),
        ("magnesium", "2.0", "mg/L", RefusalReason.UNIT_NOT_ACCEPTED),
        ("magnesium", "0.2", "mmol", RefusalReason.UNIT_NOT_ACCEPTED),
        ("calcium_adjusted", "5.0", "", RefusalReason.UNIT_MISSING),
        ("calcium_adjusted", "0.05", "g/L", RefusalReason.UNIT_NOT_ACCEPTED),
        ("calcium_ionised", "0.7", "%", RefusalReason.UNIT_NOT_ACCEPTED),
        ("potassium", "7.5", "", RefusalReason.UNIT_MISSING),
        ("potassium", "7.5", "g/L", RefusalReason.UNIT_NOT_ACCEPTED),
        ("sodium", "118", "mmol/mol", RefusalReason.UNIT_NOT_ACCEPTED),
    ],
)
def test_a_missing_or_foreign_unit_cannot_be_graded(
    release: Release, analyte: str, value: str, unit: str, reason: RefusalReason
) -> None:
    refused = read(release, result(analyte, value, unit))
    assert (refused.state, refused.refusal_reason, refused.ctcae_grade) == (ResultState.REFUSED, reason, None)


@pytest.mark.parametrize(
    ("analyte", "value", "spelling", "grade"),
    [
        ("magnesium", "0.6", "MG/DL", 4),
        ("magnesium", "0.59", "mEq/L", 4),
        ("calcium_adjusted", "13.6", "mg%", 4),
        ("potassium", "2.4", "mEq/L", 4),
        ("sodium", "161", "mmol/l", 4),
    ],
)
def test_an_accepted_spelling_of_a_unit_is_graded(
    release: Release, analyte: str, value: str, spelling: str, grade: int
) -> None:
    assert read(release, result(analyte, value, spelling)).ctcae_grade == grade


@pytest.mark.parametrize("value", ["", "see note", "NaN", "-1", "1e9"])
def test_without_a_value_there_is_no_grade(release: Release, value: str) -> None:
    refused = read(release, result("potassium", value, "mmol/L", interval=("3.5", "5.3")))
    assert (refused.state, refused.ctcae_grade) == (ResultState.REFUSED, None)


@pytest.mark.parametrize("value", ["2.8", "3.5", "4.9", "6.5"])
def test_ionised_calcium_in_mg_per_dl_has_no_criterion(release: Release, value: str) -> None:
    """MC 3.4: "ionised rows, mmol/L only"."""
    ionised = read(release, result("calcium_ionised", value, "mg/dL"))
    assert (ionised.state, ionised.ctcae_grade) == (ResultState.INTERPRETED, None)


@pytest.mark.parametrize("value", ["1.40", "1.95", "2.40", "3.05", "3.50"])
def test_total_calcium_that_was_not_adjusted_is_not_graded(release: Release, value: str) -> None:
    """MC 3.4: "unadjusted total: no grade"."""
    assert read(release, result("calcium_total", value, "mmol/L")).ctcae_grade is None


@pytest.mark.parametrize(
    ("total", "albumin", "adjusted", "grade"),
    [("1.80", "30", "2.00", 1), ("1.79", "30", "1.99", 2), ("2.70", "30", "2.90", 1), ("2.71", "30", "2.91", 2)],
)
def test_an_adjusted_calcium_that_is_computed_is_graded_as_it_was_rounded(
    release: Release, total: str, albumin: str, adjusted: str, grade: int
) -> None:
    report = interpret(
        release, panel(result("calcium_total", total, "mmol/L"), result("albumin", albumin, "g/L"), age="40 y")
    )
    computed = entry(report, "calcium_adjusted")
    assert computed.reading is not None
    assert (str(computed.reading.quantity.value), computed.ctcae_grade) == (adjusted, grade)


# ---------------------------------------------------------------------------------- limit missing, bound, symptoms


@pytest.mark.parametrize(
    ("analyte", "value", "unit", "age", "grade"),
    [
        # Serum 3.5-5.3, plasma 3.5-5.0: whether 5.2 is above ULN depends on a specimen that nobody named.
        ("potassium", "5.2", "mmol/L", "40 y", None),
        ("potassium", "5.4", "mmol/L", "40 y", 1),
        ("potassium", "5.6", "mmol/L", "40 y", 2),
        ("potassium", "2.9", "mmol/L", "40 y", 3),
        # Calcium up to 2.60 from 16 years, 2.70 from 28 days; 2.00-2.70 before.
        ("calcium_adjusted", "2.65", "mmol/L", None, None),
        ("calcium_adjusted", "2.75", "mmol/L", None, None),  # a preterm neonate's ULN
        ("calcium_adjusted", "2.95", "mmol/L", None, 2),
        ("calcium_adjusted", "1.74", "mmol/L", None, 3),
        ("magnesium", "0.65", "mmol/L", None, None),
        ("magnesium", "0.55", "mmol/L", None, 1),
        ("magnesium", "0.45", "mmol/L", None, 2),
        ("sodium", "151", "mmol/L", None, 2),
    ],
)
def test_limit_missing_cannot_grade_unless_every_admissible_limit_gives_the_grade(
    release: Release, analyte: str, value: str, unit: str, age: str | None, grade: int | None
) -> None:
    assert read(release, result(analyte, value, unit), age=age).ctcae_grade == grade


@pytest.mark.parametrize(
    ("value", "interval", "grade"),
    [
        ("0.72", ("0.75", None), 1),
        ("1.02", ("0.75", None), 1),
        ("1.02", (None, "1.05"), 0),
        ("0.69", (None, "1.05"), 1),
        ("0.45", "see report", 2),
        ("0.69", "see report", 1),
        ("0.45", ("1.00", "0.70"), 2),
        ("0.71", ("1.00", "0.70"), 0),
    ],
)
def test_an_end_that_the_laboratory_did_not_send_is_the_default(
    release: Release, value: str, interval: str | tuple[str | None, str | None], grade: int
) -> None:
    """DEC-79. Magnesium by default: 0.70 to 1.00 mmol/L."""
    assert read(release, result("magnesium", value, "mmol/L", interval=interval)).ctcae_grade == grade


@pytest.mark.parametrize(
    ("value", "interval", "grade"),
    [("0.45", ("0.30", "1.00"), 2), ("0.39", ("0.30", "1.00"), 3), ("3.31", ("0.70", "4.00"), 4)],
)
def test_an_interval_that_swallows_a_moderate_or_severe_limit_does_not_hide_the_grade(
    release: Release, value: str, interval: tuple[str, str], grade: int
) -> None:
    """R-RI-2: "a value beyond one of them is low/high whatever the interval says"."""
    assert read(release, result("magnesium", value, "mmol/L", interval=interval)).ctcae_grade == grade


@pytest.mark.parametrize(
    ("analyte", "value", "grade"),
    [
        ("potassium", "<2.5", 4),
        ("potassium", "<=2.5", None),
        ("potassium", "<3.0", None),
        ("potassium", "<5.0", None),
        ("potassium", ">5.5", None),
        ("potassium", ">6.0", None),
        ("potassium", ">=7.0", None),
        ("potassium", ">7.0", 4),
        ("magnesium", "<0.3", 4),
        ("magnesium", "<=0.3", None),
        ("magnesium", ">3.30", 4),
        ("sodium", "<120", 4),
        ("sodium", ">160", 4),
    ],
)
def test_a_bound_is_graded_where_every_value_that_it_allows_has_the_grade(
    release: Release, analyte: str, value: str, grade: int | None
) -> None:
    assert read(release, result(analyte, value, "mmol/L")).ctcae_grade == grade


@pytest.mark.parametrize(
    ("analyte", "value", "needed"),
    [
        ("potassium", "3.4", True),
        ("potassium", "3.0", True),
        ("potassium", "2.9", False),
        ("potassium", "5.4", False),
        ("sodium", "132", False),
        ("sodium", "129", True),
        ("sodium", "125", True),
        ("sodium", "124", False),
        ("magnesium", "0.6", False),
    ],
)
def test_the_caution_says_where_symptoms_would_decide_the_grade(
    release: Release, analyte: str, value: str, needed: bool
) -> None:
    """DK 3.1: "G1 and G2 cannot be told apart from the number"; DEC-65 for sodium 125 to 129."""
    assert (NEEDS_SYMPTOMS in cautions(read(release, result(analyte, value, "mmol/L")))) == needed


@pytest.mark.parametrize("analyte", ["vitamin_d_25oh", "albumin", "phosphate", "egfr"])
def test_an_analyte_without_a_criterion_here_has_no_grade(release: Release, analyte: str) -> None:
    unit = {"vitamin_d_25oh": "nmol/L", "albumin": "g/L", "phosphate": "mmol/L", "egfr": "mL/min/{1.73_m2}"}[analyte]
    assert read(release, result(analyte, "21" if analyte != "phosphate" else "0.4", unit)).ctcae_grade is None


def test_a_specimen_that_is_named_gives_the_limit_its_grade(release: Release) -> None:
    for kind, grade in ((SpecimenKind.SERUM, 0), (SpecimenKind.PLASMA, 1)):
        assert read(release, result("potassium", "5.2", "mmol/L", specimen={"kind": kind})).ctcae_grade == grade
