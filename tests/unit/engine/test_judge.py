"""What becomes of a unit that contradicts its code, of criticals that may have been meant, and of urgency (DEC-09)."""

from __future__ import annotations

import pytest

from labgloss.domain.report import Critical, RefusalReason, ResultState, Urgency
from tests.unit.engine.conftest import Read
from tests.unit.engine.panel_builder import cautions, entry, issues, recommended, result

# ---------------------------------------------------------------------------------------------- code and unit disagree


@pytest.mark.parametrize(
    ("code", "value", "unit", "flag"),
    [
        # The number in the other unit is impossible: 2.3 and 1.2 mg/dL are below 3.0, 9.2 mmol/L is above 6.00.
        ("17861-6", "2.3", "mmol/L", "N"),
        ("2000-8", "9.2", "mg/dL", "N"),
        ("17861-6", "1.2", "mmol/L", "LL"),
        ("2000-8", "13.0", "mg/dL", "HH"),
        # Both readings say the same: 0.35 mmol/L and 0.35 mg/dL are low, 15 nmol/L and 15 ng/mL as well.
        ("19123-9", "0.35", "mmol/L", "LL"),
        ("62292-8", "15", "nmol/L", "L"),
        # A bound, of which every value is low in both.
        ("19123-9", "<0.35", "mmol/L", "LL"),
    ],
)
def test_only_the_possible_reading_is_judged_as_sent(read: Read, code: str, value: str, unit: str, flag: str) -> None:
    report = read(result("", value, unit, code=code), sex="male")
    assert entry(report).flag == flag
    assert entry(report).refusal_reason is None
    assert "unit_conflict" in issues(report)
    assert "QUERY_UNITS_WITH_LAB" in recommended(report)


@pytest.mark.parametrize(
    ("code", "value", "unit", "critical"),
    [
        # 0.9 mg/dL is critical, 0.9 mmol/L normal.
        ("2601-3", "0.9", "mg/dL", Critical.POSSIBLE),
        # 2.0 mg/dL is normal, 2.0 mmol/L critical.
        ("2601-3", "2.0", "mg/dL", Critical.POSSIBLE),
        # 1.8 mg/dL is normal, 1.8 mmol/L high and not critical.
        ("2601-3", "1.8", "mg/dL", Critical.NO),
        # 4.2 mg/dL is 1.07 mmol/L and critical, 4.2 mmol/L normal.
        ("2823-3", "4.2", "mg/dL", Critical.POSSIBLE),
        # 40 nmol/L is inadequate, 40 ng/mL sufficient; vitamin D is never critical.
        ("62292-8", "40", "nmol/L", Critical.NO),
        ("68438-1", "20", "ng/mL", Critical.NO),
    ],
)
def test_of_two_possible_readings_none_is_picked(
    read: Read, code: str, value: str, unit: str, critical: Critical
) -> None:
    report = read(result("", value, unit, code=code))
    found = entry(report)
    assert (found.refusal_reason, found.flag, found.critical) == (RefusalReason.UNIT_CONFLICT, "IND", critical)
    assert report.urgency is (Urgency.SAME_DAY if critical is Critical.POSSIBLE else Urgency.NONE)
    assert {"QUERY_UNITS_WITH_LAB", "WITHHOLD_INTERPRETATION"} <= set(recommended(report))
    assert ("PHONE_CRITICAL_RESULT" in recommended(report)) is (critical is Critical.POSSIBLE)


@pytest.mark.parametrize(
    ("code", "value", "unit"),
    [("2345-7", "5.0", "mmol/L"), ("14682-9", "0.9", "mg/dL"), ("2160-0", "80", "umol/L"), ("2777-1", "1.1", "mmol/L")],
)
def test_a_supporting_analyte_in_conflict_is_always_refused(read: Read, code: str, value: str, unit: str) -> None:
    assert entry(read(result("", value, unit, code=code))).refusal_reason is RefusalReason.UNIT_CONFLICT


@pytest.mark.parametrize(
    ("code", "value", "unit"),
    [("2601-3", "1.5", "meq/L"), ("2000-8", "4.8", "mEq/L"), ("2823-3", "4.1", "meq/L"), ("62292-8", "30", "ug/L")],
)
def test_a_molar_code_with_equivalents_is_no_conflict(read: Read, code: str, value: str, unit: str) -> None:
    report = read(result("", value, unit, code=code))
    assert entry(report).refusal_reason is None
    assert "unit_conflict" not in issues(report)


def test_a_code_of_mass_or_moles_takes_the_unit_as_sent(read: Read) -> None:
    for unit, value in (("mmol/L", "0.85"), ("mg/dL", "2.0")):
        report = read(result("", value, unit, code="35249-2"))
        assert (entry(report).flag, issues(report)) == ("N", set())


# ---------------------------------------------------------------------------------------------- no unit, a foreign one


@pytest.mark.parametrize(
    ("sent", "critical"),
    [
        (result("potassium", "2.1", ""), Critical.POSSIBLE),
        # Without a code in either unit: 4.0 mg/dL is 1.02 mmol/L.
        (result("potassium", "4.0", ""), Critical.POSSIBLE),
        # With a code in the unit of its property.
        (result("", "4.0", "", code="2823-3"), Critical.NO),
        (result("", "4.0", "", code="22760-3"), Critical.POSSIBLE),
        (result("", "2.1", "", code="2823-3"), Critical.POSSIBLE),
        (result("magnesium", "0.9", ""), Critical.POSSIBLE),
        (result("", "0.9", "", code="2601-3"), Critical.NO),
        (result("vitamin_d_25oh", "8", ""), Critical.NO),
        (result("sodium", "140", ""), Critical.NO),
        # Every accepted unit of the analyte (DEC-66): 2.1 mmol/L, 10 mmol/L.
        (result("potassium", "2.1", "mmol"), Critical.POSSIBLE),
        (result("magnesium", "10", "mg/L"), Critical.POSSIBLE),
        # 92 is impossible as mmol/L, mg/dL, meq/L and umol/L.
        (result("calcium_total", "92", "mg/L"), Critical.NO),
        (result("albumin", "40", "mmol/L"), Critical.NO),
    ],
)
def test_a_number_without_its_unit_may_have_been_critical(read: Read, sent: object, critical: Critical) -> None:
    report = read(sent)
    found = entry(report)
    assert found.state is ResultState.REFUSED
    assert found.critical is critical
    assert report.urgency is (Urgency.SAME_DAY if critical is Critical.POSSIBLE else Urgency.NONE)


@pytest.mark.parametrize("flag", ["LL", "HH", "AA", " hh "])
@pytest.mark.parametrize(
    "sent",
    [("sodium", "140", ""), ("calcium_total", "92", "mg/L"), ("potassium", "critical", "mmol/L")],
)
def test_a_laboratory_that_called_it_critical_is_believed(read: Read, sent: tuple[str, str, str], flag: str) -> None:
    report = read(result(*sent, flags=(flag,)))
    assert entry(report).critical is Critical.POSSIBLE
    assert report.urgency is Urgency.SAME_DAY


@pytest.mark.parametrize("flag", ["L", "H", "A", "N"])
def test_a_lesser_flag_makes_no_critical(read: Read, flag: str) -> None:
    report = read(result("potassium", "haemolysed", "mmol/L", flags=(flag,)))
    assert entry(report).critical is Critical.NO
    assert report.urgency is Urgency.NONE


# ---------------------------------------------------------------------------------------------- urgency


@pytest.mark.parametrize(
    ("analyte", "value", "unit", "urgency", "critical"),
    [
        ("magnesium", "0.40", "mmol/L", "EMERGENCY", "YES"),
        ("magnesium", "0.41", "mmol/L", "SAME_DAY", "NO"),
        ("magnesium", "0.50", "mmol/L", "PROMPT", "NO"),
        ("magnesium", "1.01", "mmol/L", "ROUTINE", "NO"),
        ("magnesium", "2.49", "mmol/L", "SAME_DAY", "YES"),
        ("magnesium", "2.50", "mmol/L", "EMERGENCY", "YES"),
        ("magnesium", "6.0", "mg/dL", "EMERGENCY", "YES"),
        ("magnesium", "5.9", "mg/dL", "SAME_DAY", "YES"),
        ("calcium_adjusted", "1.80", "mmol/L", "EMERGENCY", "YES"),
        ("calcium_adjusted", "1.81", "mmol/L", "EMERGENCY", "NO"),
        ("calcium_adjusted", "1.90", "mmol/L", "PROMPT", "NO"),
        ("calcium_adjusted", "2.79", "mmol/L", "ROUTINE", "NO"),
        ("calcium_adjusted", "2.80", "mmol/L", "PROMPT", "NO"),
        ("calcium_adjusted", "11.2", "mg/dL", "PROMPT", "NO"),
        ("calcium_adjusted", "3.00", "mmol/L", "SAME_DAY", "YES"),
        ("calcium_adjusted", "12.0", "mg/dL", "SAME_DAY", "YES"),
        ("calcium_adjusted", "14.0", "mg/dL", "EMERGENCY", "YES"),
        ("calcium_ionised", "0.80", "mmol/L", "EMERGENCY", "YES"),
        ("calcium_ionised", "0.81", "mmol/L", "EMERGENCY", "NO"),
        ("calcium_ionised", "1.42", "mmol/L", "PROMPT", "NO"),
        ("calcium_ionised", "1.59", "mmol/L", "SAME_DAY", "NO"),
        ("calcium_ionised", "1.60", "mmol/L", "SAME_DAY", "YES"),
        ("potassium", "2.4", "mmol/L", "EMERGENCY", "YES"),
        ("potassium", "2.5", "mmol/L", "EMERGENCY", "YES"),
        ("potassium", "2.51", "mmol/L", "SAME_DAY", "NO"),
        ("potassium", "3.0", "mmol/L", "PROMPT", "NO"),
        ("potassium", "5.4", "mmol/L", "ROUTINE", "NO"),
        ("potassium", "5.5", "mmol/L", "PROMPT", "NO"),
        ("potassium", "6.0", "mmol/L", "SAME_DAY", "NO"),
        ("potassium", "6.49", "mmol/L", "SAME_DAY", "NO"),
        ("potassium", "6.5", "mmol/L", "EMERGENCY", "YES"),
        ("sodium", "120", "mmol/L", "EMERGENCY", "YES"),
        ("sodium", "121", "mmol/L", "SAME_DAY", "NO"),
        ("sodium", "129", "mmol/L", "SAME_DAY", "NO"),
        ("sodium", "132", "mmol/L", "ROUTINE", "NO"),
        ("sodium", "147", "mmol/L", "PROMPT", "NO"),
        ("sodium", "159", "mmol/L", "SAME_DAY", "NO"),
        ("sodium", "160", "mmol/L", "EMERGENCY", "YES"),
        ("vitamin_d_25oh", "29", "nmol/L", "ROUTINE", "NO"),
        ("vitamin_d_25oh", "251", "nmol/L", "PROMPT", "NO"),
        ("vitamin_d_25oh", "376", "nmol/L", "SAME_DAY", "NO"),
    ],
)
def test_a_band_alone_has_the_urgency_and_critical_of_its_row(
    read: Read, analyte: str, value: str, unit: str, urgency: str, critical: str
) -> None:
    """vocabulary.md 4.2."""
    report = read(result(analyte, value, unit))
    assert (report.urgency.name, entry(report).critical.name) == (urgency, critical)


def test_a_bound_takes_the_urgency_of_the_worst_value_that_it_allows(read: Read) -> None:
    """Sodium below 124 is severe, and an EMERGENCY at 120 or less (D3, K13)."""
    report = read(result("sodium", "<124", "mmol/L"))
    assert (entry(report).bands, report.urgency) == (("severe_low",), Urgency.EMERGENCY)


@pytest.mark.parametrize(
    ("sent", "context", "urgency"),
    [
        (("potassium", "2.9", "mmol/L"), {"medications": ["digoxin"]}, "EMERGENCY"),
        (("potassium", "2.9", "mmol/L"), {"conditions": ["cirrhosis"]}, "EMERGENCY"),
        (("potassium", "3.2", "mmol/L"), {"medications": ["digoxin"]}, "SAME_DAY"),
        (("potassium", "5.4", "mmol/L"), {"medications": ["acei"], "conditions": ["ckd"]}, "PROMPT"),
        (("potassium", "5.4", "mmol/L"), {"medications": ["acei"]}, "ROUTINE"),
        (("potassium", "5.7", "mmol/L"), {"conditions": ["acutely_unwell"]}, "SAME_DAY"),
        (("potassium", "6.2", "mmol/L"), {"conditions": ["acutely_unwell"]}, "EMERGENCY"),
        (("magnesium", "1.20", "mmol/L"), {"medications": ["mg_laxative"]}, "PROMPT"),
        (("vitamin_d_25oh", "20", "nmol/L"), {"symptoms": ["BONE_PAIN"]}, "PROMPT"),
        (("vitamin_d_25oh", "20", "nmol/L"), {"conditions": ["antiresorptive_planned"]}, "PROMPT"),
        (("vitamin_d_25oh", "20", "nmol/L"), {"age": "10 y"}, "PROMPT"),
    ],
)
def test_context_raises_the_urgency_of_a_band(
    read: Read, sent: tuple[str, str, str], context: dict[str, list[str]], urgency: str
) -> None:
    """MC 3.2, DK 3.4 and 6, vocabulary.md 4.2."""
    assert read(result(*sent), **context).urgency.name == urgency


def test_high_calcium_raises_a_high_vitamin_d(read: Read) -> None:
    """DEC-21."""
    calcium = result("calcium_adjusted", "2.65", "mmol/L")
    assert read(result("vitamin_d_25oh", "130", "nmol/L"), calcium).urgency is Urgency.PROMPT
    assert read(result("vitamin_d_25oh", "251", "nmol/L"), calcium).urgency is Urgency.SAME_DAY


def test_potassium_above_6_is_critical_with_acute_kidney_injury(read: Read) -> None:
    """DK 3.3: above 6.0, not at it."""
    for value, critical in (("6.0", Critical.NO), ("6.1", Critical.YES)):
        report = read(result("potassium", value, "mmol/L"), conditions=["aki"])
        assert entry(report).critical is critical
    assert entry(read(result("potassium", "6.1", "mmol/L"), conditions=[])).critical is Critical.NO


def test_a_critical_is_told_the_same_day_whatever_its_band_says(read: Read) -> None:
    """Sodium 130 below 16 years: mild, ROUTINE, and critical (DEC-63, DEC-64)."""
    report = read(result("sodium", "130", "mmol/L"), age="10 y")
    found = entry(report)
    assert (found.band, found.critical, report.urgency) == ("mild_low", Critical.YES, Urgency.SAME_DAY)
    adult = read(result("sodium", "130", "mmol/L"), age="16 y")
    assert (entry(adult).critical, adult.urgency) == (Critical.NO, Urgency.ROUTINE)


def test_a_critical_flag_of_the_laboratory_asks_for_contact_the_same_day(read: Read) -> None:
    """vocabulary.md 14, although the number is normal."""
    report = read(result("potassium", "4.2", "mmol/L", flags=("HH",)))
    assert (entry(report).flag, report.urgency) == ("N", Urgency.SAME_DAY)
    assert "laboratory_flag_disagrees" in issues(report)


# ---------------------------------------------------------------------------------------------- state, cautions


@pytest.mark.parametrize(
    ("value", "state", "flag", "bands"),
    [
        ("<1.5", ResultState.INTERPRETED, "LL", ("severe_low",)),
        ("<3.0", ResultState.CONDITIONAL, "L", ("severe_low", "moderate_low")),
        ("<5.0", ResultState.CONDITIONAL, "IND", ("severe_low", "moderate_low", "mild_low", "normal")),
        (">7", ResultState.INTERPRETED, "HH", ("severe_high",)),
        (">5.4", ResultState.CONDITIONAL, "H", ("borderline_high", "mild_high", "moderate_high", "severe_high")),
    ],
)
def test_a_bound_keeps_every_band_that_it_allows(
    read: Read, value: str, state: ResultState, flag: str, bands: tuple[str, ...]
) -> None:
    """design.md: "<3.0" is {critical low, low}, "<5.0" is {low, normal}."""
    report = read(result("potassium", value, "mmol/L"))
    found = entry(report)
    assert (found.state, found.flag, found.bands) == (state, flag, bands)
    assert "comparator_bound" in cautions(found)
    assert ("REQUEST_NUMERIC_RESULT" in recommended(report)) is (state is ResultState.CONDITIONAL)


def test_what_would_settle_a_bound_is_its_number_and_nothing_else(read: Read) -> None:
    """Serum or plasma changes nothing about a potassium below 3.0."""
    assert entry(read(result("potassium", "<3.0", "mmol/L"))).missing == ("the number behind the comparator",)


def test_without_any_interval_low_and_high_are_unknown(read: Read) -> None:
    found = entry(read(result("creatinine", "88", "umol/L")))
    assert (found.state, found.flag) == (ResultState.CONDITIONAL, "IND")
    assert found.missing == ("a reference interval from the laboratory",)


@pytest.mark.parametrize(
    ("patient", "outside"),
    [
        ({"age": "17 y"}, True),
        ({"age": "18 y"}, False),
        ({"age": None}, False),
        ({"sex": "female", "pregnant": True, "trimester": 1}, True),
        ({"conditions": ["dialysis"]}, True),
        ({"conditions": ["palliative_care"]}, True),
    ],
)
def test_a_patient_for_whom_the_rules_were_not_written_is_said_to_be_one(
    read: Read, patient: dict[str, object], outside: bool
) -> None:
    found = entry(read(result("magnesium", "0.85", "mmol/L"), **patient))
    assert ("outside_validated_scope" in cautions(found)) is outside
