"""A result as sent to a reading or a refusal (vocabulary.md 2, DEC-09, DEC-46, DEC-51, DEC-69)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest

from labgloss.domain.panel import Coding, Result, SpecimenKind
from labgloss.domain.quantity import Comparator
from labgloss.domain.report import RefusalReason, ResultState
from labgloss.engine.normalise import normalise, parse_value
from labgloss.knowledge.release import Release
from tests.unit.engine.conftest import Read, ReadOne
from tests.unit.engine.panel_builder import cautions, entry, issues, result

EQUAL, LESS, AT_MOST, AT_LEAST, MORE = (Comparator(text) for text in ("", "<", "<=", ">=", ">"))


# ---------------------------------------------------------------------------------------------- value


@pytest.mark.parametrize(
    ("text", "value", "comparator"),
    [
        ("0.41", "0.41", EQUAL),
        ("4", "4", EQUAL),
        (" 4.10 ", "4.10", EQUAL),
        ("+0.41", "0.41", EQUAL),
        (".5", "0.5", EQUAL),
        ("-2.0", "-2.0", EQUAL),
        ("<3.0", "3.0", LESS),
        ("< 3.0", "3.0", LESS),
        ("<=3.0", "3.0", AT_MOST),
        ("≤3.0", "3.0", AT_MOST),
        (">7", "7", MORE),
        (">=7", "7", AT_LEAST),
        ("≥ 7", "7", AT_LEAST),
        ("1e2", "100", EQUAL),
        ("1.5E-1", "0.15", EQUAL),
        ("1.2345678901234567890123456789", "1.2345678901234567890123456789", EQUAL),
    ],
)
def test_a_number_is_read_with_the_comparator_before_it(text: str, value: str, comparator: Comparator) -> None:
    assert parse_value(text, EQUAL) == (Decimal(value), comparator)


@pytest.mark.parametrize(
    "text",
    [
        "NaN",
        "nan",
        "sNaN",
        "Infinity",
        "-inf",
        "1,5",
        "1.234,5",
        "1 000",
        "1_000",
        "5.",
        ".",
        "-",
        "--1",
        "+-1",
        "<",
        "<>3",
        "=3",
        "~3",
        "3.0-4.0",
        "3 4",
        "0x1F",
        "1e10",
        "1e+10",
        "1e",
        "٣.٥",
        "１.５",
        "²",
        "haemolysed",
        "see comment",
        "4.1 H",
        "4.1 mmol/L",
        "positive",
        "4.1\n5",
        "1" * 31,
        "0." + "0" * 40 + "1",
    ],
)
def test_any_other_text_is_no_number(text: str) -> None:
    assert parse_value(text, EQUAL) is None


def test_a_comparator_of_the_field_stands_before_a_bare_number() -> None:
    assert parse_value("3.0", LESS) == (Decimal("3.0"), LESS)


def test_a_comparator_that_is_said_twice_is_one() -> None:
    assert parse_value("<3.0", LESS) == (Decimal("3.0"), LESS)


def test_two_comparators_that_differ_are_no_number() -> None:
    assert parse_value("<3.0", MORE) is None
    assert parse_value("<3.0", AT_MOST) is None


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1,5", "٣.٥", "haemolysed", "1" * 400, "9e999999999"])
def test_text_in_the_place_of_a_number_is_refused(read_one: ReadOne, text: str) -> None:
    found = read_one(result("potassium", text, "mmol/L"))
    assert (found.state, found.refusal_reason) == (ResultState.REFUSED, RefusalReason.VALUE_NOT_NUMERIC)
    assert found.flag == "IND"


# ---------------------------------------------------------------------------------------------- unit


@pytest.mark.parametrize(
    ("analyte", "value", "unit", "compared", "native"),
    [
        ("magnesium", "1.5", "meq/L", "0.75", "mmol/L"),
        ("magnesium", "1.5", "mEq/L", "0.75", "mmol/L"),
        ("magnesium", "1.5", " MEQ/L ", "0.75", "mmol/L"),
        ("magnesium", "0.75", "mmol/l", "0.75", "mmol/L"),
        ("magnesium", "1.8", "MG/DL", "1.8", "mg/dL"),
        ("magnesium", "750", "µmol/L", "0.750", "mmol/L"),
        ("calcium_total", "5.0", "meq/L", "2.5", "mmol/L"),
        ("calcium_total", "10.0", "mg%", "10.0", "mg/dL"),
        ("potassium", "4.1", "meq/L", "4.1", "mmol/L"),
        ("vitamin_d_25oh", "20", "ug/L", "20", "ng/mL"),
        ("albumin", "4.0", "g/dL", "4.0", "g/dL"),
    ],
)
def test_a_value_is_compared_in_a_unit_that_its_limits_are_written_in(
    read_one: ReadOne, analyte: str, value: str, unit: str, compared: str, native: str
) -> None:
    reading = read_one(result(analyte, value, unit)).reading
    assert reading is not None
    assert (reading.compared.value, reading.compared.unit) == (Decimal(compared), native)
    assert reading.quantity.value == Decimal(value)


def test_the_factor_is_echoed(read_one: ReadOne) -> None:
    reading = read_one(result("magnesium", "1.5", "meq/L")).reading
    assert reading is not None
    assert reading.factor == Fraction(1, 2)


def test_mmol_and_mg_are_both_compared_as_reported_and_shown_in_each_other(read_one: ReadOne) -> None:
    """R-UNIT-1: 10 / 24.305 mmol/L a mg/dL, never converted before the comparison."""
    reading = read_one(result("magnesium", "1.7", "mg/dL")).reading
    assert reading is not None
    assert reading.other is not None
    assert reading.factor == 1
    assert (reading.other.unit, round(reading.other.value, 6)) == ("mmol/L", Decimal("0.699445"))


@pytest.mark.parametrize(
    ("analyte", "value", "unit"),
    [
        ("magnesium", "9", "mg/L"),
        ("calcium_total", "92", "mg/L"),
        ("calcium_total", "0.09", "g/L"),
        ("vitamin_d_25oh", "50", "pmol/L"),
        ("vitamin_d_25oh", "50", "nmol/mL"),
        ("potassium", "4.1", "%"),
        ("potassium", "4.1", "mmol"),
        ("potassium", "4.1", "Mmol/L"),
        ("potassium", "4.1", "ratio"),
        ("sodium", "140", "g/L"),
    ],
)
def test_a_unit_that_is_not_the_analytes_is_refused(read_one: ReadOne, analyte: str, value: str, unit: str) -> None:
    """CO 1.5 and DEC-41: never guessed, never scaled."""
    assert read_one(result(analyte, value, unit)).refusal_reason is RefusalReason.UNIT_NOT_ACCEPTED


@pytest.mark.parametrize("unit", ["", "   "])
def test_a_blank_unit_is_missing(read_one: ReadOne, unit: str) -> None:
    assert read_one(result("potassium", "4.1", unit)).refusal_reason is RefusalReason.UNIT_MISSING


@pytest.mark.parametrize(("analyte", "value"), [("ph", "7.40"), ("cccr", "0.006"), ("haemolysis_index", "12")])
def test_a_blank_unit_of_what_has_none_is_accepted(read_one: ReadOne, analyte: str, value: str) -> None:
    """DEC-82."""
    assert read_one(result(analyte, value, "")).refusal_reason is None


def test_urea_in_milligrams_needs_a_code_that_says_what_was_weighed(read_one: ReadOne) -> None:
    """Urea 60.056, urea nitrogen 28.014 g a mole: 28 mg/dL is 4.66 or 10.0 mmol/L (DK 1.2)."""
    assert read_one(result("urea", "28", "mg/dL")).refusal_reason is RefusalReason.UNIT_NOT_ACCEPTED
    as_nitrogen = read_one(result("", "28", "mg/dL", code="3094-0")).reading
    as_urea = read_one(result("", "28", "mg/dL", code="3091-6")).reading
    assert as_nitrogen is not None
    assert as_urea is not None
    assert round(as_nitrogen.compared.value, 2) == Decimal("10.00")
    assert round(as_urea.compared.value, 2) == Decimal("4.66")


# ---------------------------------------------------------------------------------------------- code


def test_a_wrong_check_digit_names_no_measurement(read_one: ReadOne) -> None:
    found = read_one(result("", "4.1", "mmol/L", code="2823-4"))
    assert found.refusal_reason is RefusalReason.CODE_INVALID


def test_a_right_code_that_is_not_listed_is_not_recognised(read_one: ReadOne) -> None:
    """718-7 is haemoglobin, with a right check digit (DEC-69)."""
    found = read_one(result("", "140", "g/L", code="718-7"))
    assert (found.state, found.refusal_reason) == (ResultState.NOT_RECOGNISED, None)
    assert found.flag == "IND"


def test_an_analyte_that_no_one_knows_is_not_recognised(read_one: ReadOne) -> None:
    assert read_one(result("ferritin", "40", "ug/L")).state is ResultState.NOT_RECOGNISED
    assert read_one(result("", "40", "ug/L")).state is ResultState.NOT_RECOGNISED
    assert read_one(result("Magnesium", "0.8", "mmol/L")).state is ResultState.NOT_RECOGNISED


def test_a_code_of_another_system_decides_nothing(release: Release) -> None:
    found = normalise(release, coded(Coding("http://snomed.info/sct", "2823-3")))
    assert found.state is ResultState.NOT_RECOGNISED


def coded(*codings: Coding) -> Result:
    return replace(result("", "4.1", "mmol/L"), codings=codings)


def test_codes_of_one_analyte_agree(release: Release) -> None:
    found = normalise(release, coded(Coding("loinc", "2823-3"), Coding("", "77142-8"), Coding("LN-local", "K")))
    assert found.analyte is not None
    assert (found.analyte.id, found.refusal) == ("potassium", None)


def test_codes_of_two_analytes_are_a_wrong_analyte(release: Release) -> None:
    found = normalise(release, coded(Coding("loinc", "2823-3"), Coding("loinc", "2951-2")))
    assert found.refusal is RefusalReason.WRONG_ANALYTE


def test_a_code_that_contradicts_the_analyte_is_a_wrong_analyte(read_one: ReadOne) -> None:
    assert read_one(result("potassium", "4.1", "mmol/L", code="2951-2")).refusal_reason is RefusalReason.WRONG_ANALYTE


@pytest.mark.parametrize("code", ["1649-3", "62290-2", "1990-1", "2236-8"])
def test_calcitriol_and_the_parent_vitamins_are_not_25_oh_vitamin_d(read: Read, code: str) -> None:
    """D5: the right test is asked for."""
    report = read(result("vitamin_d_25oh", "40", "pg/mL", code=code))
    assert entry(report).refusal_reason is RefusalReason.WRONG_ANALYTE
    assert "CHECK_25OHD" in [item.id for item in report.recommendations]


@pytest.mark.parametrize(
    ("code", "unit"), [("2600-5", "mmol/L"), ("2597-3", "mmol/L"), ("2824-1", "mmol/L"), ("13959-2", "mmol/L"),
                       ("18281-6", "mmol/L"), ("19072-8", "mmol/L"), ("1990-1", "ng/mL")],
)  # fmt: skip
def test_look_alikes_are_never_read_as_the_analyte_that_they_resemble(read_one: ReadOne, code: str, unit: str) -> None:
    """vocabulary.md 1.3."""
    assert read_one(result("", "1.2", unit, code=code)).refusal_reason is RefusalReason.WRONG_ANALYTE


@pytest.mark.parametrize(
    ("code", "component"),
    [("1989-3", "vitamin_d_25oh_d3"), ("14635-7", "vitamin_d_25oh_d3"), ("49054-0", "vitamin_d_25oh_d2")],
)
def test_a_component_code_sent_as_the_total_is_the_component(read_one: ReadOne, code: str, component: str) -> None:
    """DEC-22."""
    unit = "nmol/L" if code == "14635-7" else "ng/mL"
    found = read_one(result("vitamin_d_25oh", "18", unit, code=code))
    assert (found.analyte, found.refusal_reason) == (component, None)


def test_urine_is_not_blood(read_one: ReadOne) -> None:
    urine = {"kind": SpecimenKind.URINE}
    assert read_one(result("potassium", "40", "mmol/L", specimen=urine)).refusal_reason is RefusalReason.WRONG_ANALYTE
    serum = {"kind": SpecimenKind.SERUM}
    assert (
        read_one(result("potassium_urine", "40", "mmol/L", specimen=serum)).refusal_reason
        is RefusalReason.WRONG_ANALYTE
    )
    assert read_one(result("potassium_urine", "40", "mmol/L", specimen=urine)).refusal_reason is None


# ---------------------------------------------------------------------------------------------- status


@pytest.mark.parametrize(
    ("status", "urgency"), [("registered", "SAME_DAY"), ("cancelled", "SAME_DAY"), ("entered_in_error", "NONE")]
)
def test_a_result_without_standing_has_no_value_whatever_number_came(read: Read, status: str, urgency: str) -> None:
    """What its laboratory flagged as critical is looked into all the same, unless it was entered in error (DEC-102)."""
    report = read(result("potassium", "7.9", "mmol/L", status=status, flags=("HH",)))
    found = entry(report)
    assert (found.refusal_reason, found.flag, found.critical.name) == (RefusalReason.NO_VALUE, "IND", "NO")
    assert report.urgency.name == urgency
    assert read(result("potassium", "7.9", "mmol/L", status=status)).urgency.name == "NONE"


def test_an_empty_value_is_none(read_one: ReadOne) -> None:
    """design.md: "potassium missing" is not LL because null is less than 2.5."""
    assert read_one(result("potassium", "", "mmol/L")).refusal_reason is RefusalReason.NO_VALUE
    assert read_one(result("potassium", "  ", "mmol/L")).refusal_reason is RefusalReason.NO_VALUE


@pytest.mark.parametrize("status", ["final", "corrected", "amended"])
def test_a_result_that_stands_is_read(read_one: ReadOne, status: str) -> None:
    found = read_one(result("magnesium", "0.85", "mmol/L", status=status))
    assert (found.flag, cautions(found)) == ("N", {"interval_default_used"})


def test_a_preliminary_result_is_read_and_said_to_be_so(read_one: ReadOne) -> None:
    found = read_one(result("magnesium", "0.85", "mmol/L", status="preliminary"))
    assert found.flag == "N"
    assert "preliminary_result" in cautions(found)


# ---------------------------------------------------------------------------------------------- order of reasons


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (result("", "", "", code="2823-4", status="cancelled"), "no_value"),
        (result("potassium", "text", "", code="2823-4"), "code_invalid"),
        (result("potassium", "text", "", code="2951-2"), "wrong_analyte"),
        (result("potassium", "text", ""), "value_not_numeric"),
        (result("potassium", "99", ""), "unit_missing"),
        (result("potassium", "99", "parsec"), "unit_not_accepted"),
        (result("potassium", "99", "mmol/L", specimen={"additive": "EDTK"}), "value_implausible"),
    ],
)
def test_of_several_reasons_the_first_of_the_vocabulary_counts(read_one: ReadOne, sent: Result, reason: str) -> None:
    assert read_one(sent).refusal_reason is RefusalReason(reason)


def test_a_refusal_is_an_issue_too(read: Read) -> None:
    assert issues(read(result("potassium", "4.1", ""))) == {"unit_missing"}
