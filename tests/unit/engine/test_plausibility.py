"""Hard limits refuse, windows are said (MC 1.3, DK 1.3, DEC-10, DEC-77)."""

from __future__ import annotations

import pytest

from labgloss.domain.report import Critical, RefusalReason, Urgency
from labgloss.knowledge.release import Release
from tests.unit.engine.conftest import Read, ReadOne
from tests.unit.engine.panel_builder import entry, issues, recommended, result


@pytest.mark.parametrize(
    ("analyte", "unit", "beyond", "within"),
    [
        ("calcium_total", "mmol/L", "0.74", "0.75"),
        ("calcium_total", "mmol/L", "6.01", "6.00"),
        ("calcium_total", "mg/dL", "2.9", "3.0"),
        ("calcium_total", "mg/dL", "24.1", "24.0"),
        ("calcium_adjusted", "mmol/L", "6.01", "6.00"),
        ("calcium_ionised", "mmol/L", "0.39", "0.40"),
        ("calcium_ionised", "mmol/L", "3.01", "3.00"),
        ("calcium_ionised", "mg/dL", "1.59", "1.6"),
        ("calcium_ionised", "mg/dL", "12.1", "12.0"),
        ("magnesium", "mmol/L", "0.09", "0.10"),
        ("magnesium", "mmol/L", "12.1", "12.0"),
        ("magnesium", "mg/dL", "0.23", "0.24"),
        ("magnesium", "mg/dL", "29.1", "29"),
        ("magnesium", "meq/L", "0.19", "0.20"),
        ("albumin", "g/L", "4", "5"),
        ("albumin", "g/L", "81", "80"),
        ("albumin", "g/dL", "0.4", "0.5"),
        ("albumin", "g/dL", "8.1", "8.0"),
        ("potassium", "mmol/L", "0.79", "0.8"),
        ("potassium", "mmol/L", "30.1", "30"),
        ("potassium", "mg/dL", "3.1", "3.2"),
        ("sodium", "mmol/L", "89", "90"),
        ("sodium", "mmol/L", "211", "210"),
        ("vitamin_d_25oh", "nmol/L", "0", "0.1"),
        ("vitamin_d_25oh", "nmol/L", "3745", "3744"),
        ("vitamin_d_25oh", "ng/mL", "1501", "1500"),
    ],
)
def test_a_value_beyond_a_hard_limit_is_refused_and_the_limit_itself_is_not(
    read_one: ReadOne, analyte: str, unit: str, beyond: str, within: str
) -> None:
    assert read_one(result(analyte, beyond, unit)).refusal_reason is RefusalReason.VALUE_IMPLAUSIBLE
    assert read_one(result(analyte, within, unit)).refusal_reason is None


@pytest.mark.parametrize("analyte", ["magnesium", "calcium_total", "calcium_ionised", "potassium", "sodium"])
@pytest.mark.parametrize("value", ["-4.1", "0", "99999"])
def test_what_no_patient_has_may_have_been_critical(read: Read, analyte: str, value: str) -> None:
    """DEC-13."""
    report = read(result(analyte, value, "mmol/L"))
    found = entry(report)
    assert (found.refusal_reason, found.critical) == (RefusalReason.VALUE_IMPLAUSIBLE, Critical.POSSIBLE)
    assert report.urgency is Urgency.SAME_DAY
    assert {"PHONE_CRITICAL_RESULT", "QUERY_UNITS_WITH_LAB"} <= set(recommended(report))


@pytest.mark.parametrize(
    ("analyte", "unit", "urgency"),
    [("albumin", "g/L", "NONE"), ("phosphate", "mmol/L", "NONE"), ("vitamin_d_25oh", "nmol/L", "SAME_DAY")],
)
def test_an_implausible_value_of_another_analyte_is_not_critical(
    read: Read, analyte: str, unit: str, urgency: str
) -> None:
    """vocabulary.md 2: vitamin D asks for contact the same day, a supporting analyte for none."""
    report = read(result(analyte, "-1", unit))
    found = entry(report)
    assert (found.refusal_reason, found.critical) == (RefusalReason.VALUE_IMPLAUSIBLE, Critical.NO)
    assert report.urgency.name == urgency


@pytest.mark.parametrize("analyte", ["creatinine", "alp", "ck", "glucose", "pth", "egfr", "crp", "ph", "wbc", "tsh"])
def test_no_concentration_is_negative(release: Release, read_one: ReadOne, analyte: str) -> None:
    unit = release.analytes[analyte].form.units[0].ucum
    assert read_one(result(analyte, "-1", unit)).refusal_reason is RefusalReason.VALUE_IMPLAUSIBLE


def test_an_implausible_albumin_adjusts_nothing(read: Read) -> None:
    report = read(result("calcium_total", "2.10", "mmol/L"), result("albumin", "400", "g/L"))
    # What would say why the calcium is low is not in the panel (vocabulary.md 6).
    assert issues(report) == {"value_implausible", "albumin_implausible", "result_missing"}
    assert [item.analyte for item in report.results] == ["calcium_total", "albumin"]


@pytest.mark.parametrize(
    ("analyte", "value", "unit", "suspect"),
    [
        ("calcium_total", "3.9", "mg/dL", False),
        ("calcium_total", "4.0", "mg/dL", True),
        ("calcium_total", "5.6", "mg/dL", True),
        ("calcium_total", "5.7", "mg/dL", False),
        ("calcium_total", "1.00", "mmol/L", True),
        ("calcium_total", "1.40", "mmol/L", True),
        ("calcium_total", "1.41", "mmol/L", False),
        ("calcium_ionised", "1.90", "mmol/L", True),
        ("calcium_ionised", "2.81", "mmol/L", False),
        ("calcium_ionised", "7.5", "mg/dL", True),
        ("magnesium", "0.60", "mg/dL", True),
        ("magnesium", "1.10", "mg/dL", True),
        ("magnesium", "1.11", "mg/dL", False),
        ("magnesium", "1.50", "mmol/L", True),
        ("magnesium", "1.49", "mmol/L", False),
        ("potassium", "12", "mmol/L", True),
        ("potassium", "11.9", "mmol/L", False),
        ("potassium", "5.8", "mg/dL", True),
        ("potassium", "5.9", "mg/dL", False),
    ],
)
def test_a_value_that_looks_like_another_unit_is_said_and_judged_as_reported(
    read: Read, analyte: str, value: str, unit: str, suspect: bool
) -> None:
    report = read(result(analyte, value, unit))
    assert ("unit_suspect" in issues(report)) is suspect
    assert entry(report).refusal_reason is None
    assert not suspect or "QUERY_UNITS_WITH_LAB" in recommended(report)


def test_only_the_unit_that_was_sent_is_suspected(read: Read) -> None:
    """2.4 meq/L of calcium is 1.20 mmol/L, which as mmol/L would look ionised."""
    assert "unit_suspect" not in issues(read(result("calcium_total", "2.4", "meq/L")))
    assert "unit_suspect" in issues(read(result("calcium_total", "1.20", "mmol/L")))


def test_potassium_in_milligrams_is_never_read_as_millimoles(read: Read) -> None:
    """design.md: potassium 2.1 "mg/dL" was read as mmol/L by a peer; 4.2 mg/dL is 1.07 mmol/L."""
    report = read(result("potassium", "4.2", "mg/dL"))
    assert entry(report).flag == "LL"
    assert {"unit_suspect", "value_to_verify"} <= issues(report)


@pytest.mark.parametrize(
    ("explained_by", "suspect"),
    [({}, True), ({"medications": ["mg_oxide"]}, False), ({"conditions": ["pre_eclampsia_infusion"]}, False)],
)
def test_a_high_magnesium_that_has_a_reason_is_not_suspect(
    read: Read, explained_by: dict[str, list[str]], suspect: bool
) -> None:
    report = read(result("magnesium", "1.80", "mmol/L"), sex="female", pregnant=False, **explained_by)
    assert ("unit_suspect" in issues(report)) is suspect


def test_kidney_failure_explains_a_high_magnesium(read: Read) -> None:
    egfr = result("egfr", "29", "mL/min/{1.73_m2}")
    assert "unit_suspect" not in issues(read(result("magnesium", "1.80", "mmol/L"), egfr))


@pytest.mark.parametrize(
    ("analyte", "value", "unit", "verify"),
    [
        ("potassium", "1.49", "mmol/L", True),
        ("potassium", "1.5", "mmol/L", False),
        ("potassium", "9.0", "mmol/L", False),
        ("potassium", "9.1", "mmol/L", True),
        ("sodium", "104", "mmol/L", True),
        ("sodium", "105", "mmol/L", False),
        ("sodium", "186", "mmol/L", True),
        ("vitamin_d_25oh", "376", "nmol/L", True),
        ("vitamin_d_25oh", "375", "nmol/L", False),
        ("vitamin_d_25oh", "3.9", "ng/mL", True),
        ("vitamin_d_25oh", "4", "ng/mL", False),
        ("vitamin_d_25oh", "<4.0", "ng/mL", False),
    ],
)
def test_an_unusual_value_is_to_be_verified_and_never_dropped(
    read: Read, analyte: str, value: str, unit: str, verify: bool
) -> None:
    report = read(result(analyte, value, unit))
    assert ("value_to_verify" in issues(report)) is verify
    assert entry(report).refusal_reason is None


@pytest.mark.parametrize(
    ("value", "refused"),
    [("<0.7", True), ("<0.8", True), ("<0.9", False), (">30", True), (">29", False), (">=30", False)],
)
def test_a_bound_is_refused_only_when_every_value_it_allows_is(read_one: ReadOne, value: str, refused: bool) -> None:
    """DEC-77, potassium: below 0.8 and above 30 is refused."""
    assert (read_one(result("potassium", value, "mmol/L")).refusal_reason is not None) is refused


def test_a_bound_is_suspect_only_when_every_value_it_allows_is(read: Read) -> None:
    assert "unit_suspect" not in issues(read(result("calcium_total", "<5.0", "mg/dL")))
    assert "unit_suspect" in issues(read(result("potassium", "<5.0", "mg/dL")))
