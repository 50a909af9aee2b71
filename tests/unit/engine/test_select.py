"""Which interval, policy and limits speak for a patient (R-RI-1, K2, DEC-08, DEC-49, DEC-61, DEC-68, DEC-79)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from labgloss.domain.panel import LaboratoryInterval, SpecimenKind
from labgloss.domain.quantity import Span
from labgloss.domain.report import Critical, IntervalOrigin, ResultState
from labgloss.engine.select import LaboratoryEnds, laboratory_ends, whom
from labgloss.knowledge.schema import Population
from labgloss.knowledge.validation import formed
from tests.unit.engine.conftest import Read, ReadOne
from tests.unit.engine.panel_builder import cautions, entry, issues, result

SERUM = {"kind": SpecimenKind.SERUM}

# -------------------------------------------------------------------------------------------- the laboratory's interval


def span(low: str | None, high: str | None, low_inclusive: bool = True, high_inclusive: bool = True) -> Span:
    return Span(Decimal(low) if low else None, low_inclusive, Decimal(high) if high else None, high_inclusive)


@pytest.mark.parametrize(
    ("text", "read_as"),
    [
        ("0.70-1.00", span("0.70", "1.00")),
        ("0.70 - 1.00", span("0.70", "1.00")),
        (" 0.70–1.00 ", span("0.70", "1.00")),
        ("0.70—1.00", span("0.70", "1.00")),
        ("0,70-1,00", span("0.70", "1.00")),
        ("3.5 to 5.3", span("3.5", "5.3")),
        ("3.5..5.3", span("3.5", "5.3")),
        ("133-146", span("133", "146")),
        ("<5", span(None, "5", high_inclusive=False)),
        ("< 5.0", span(None, "5.0", high_inclusive=False)),
        ("<=5", span(None, "5")),
        ("≤5", span(None, "5")),
        (">60", span("60", None, low_inclusive=False)),
        (">=60", span("60", None)),
        ("≥ 60", span("60", None)),
    ],
)
def test_an_interval_is_read_from_the_texts_that_laboratories_send(text: str, read_as: Span) -> None:
    assert laboratory_ends(LaboratoryInterval(text=text)) == LaboratoryEnds(read_as)


@pytest.mark.parametrize(
    "text",
    [
        "60-",
        "-60",
        "5.3-3.5",
        "see comment",
        "adult: 3.5-5.3",
        "3.5-5.3-7",
        "-1-2",
        "1,000-2,000",
        "٣-٥",
        "NaN-NaN",
        "<",
        "5",
        # In the place of an interval that nobody entered.
        "0-0",
        "0.00-0.00",
        "0-999",
        "0.0 - 9999.99",
        "<9999",
        "0-99.99",
    ],
)
def test_a_text_that_states_no_interval_is_unreadable(text: str) -> None:
    assert laboratory_ends(LaboratoryInterval(text=text)) == LaboratoryEnds(unreadable=True)


@pytest.mark.parametrize(
    ("low", "high", "read_as"),
    [
        ("0.70", "1.00", span("0.70", "1.00")),
        ("0.70", None, span("0.70", None)),
        (None, "1.00", span(None, "1.00")),
        (" 0.70 ", "1.00", span("0.70", "1.00")),
        ("1.00", "1.00", span("1.00", "1.00")),
    ],
)
def test_ends_are_inclusive(low: str | None, high: str | None, read_as: Span) -> None:
    assert laboratory_ends(LaboratoryInterval(low, high)) == LaboratoryEnds(read_as)


@pytest.mark.parametrize(
    ("low", "high"),
    [
        ("1.00", "0.70"),
        ("abc", "1.0"),
        ("0.7", "NaN"),
        ("0.7", "Infinity"),
        ("-1", "1"),
        ("0,7", "1"),
        ("", "1"),
        ("<0.7", "1"),
    ],
)
def test_ends_that_are_no_numbers_or_upside_down_are_unreadable(low: str, high: str) -> None:
    assert laboratory_ends(LaboratoryInterval(low, high)) == LaboratoryEnds(unreadable=True)


@pytest.mark.parametrize("interval", [None, LaboratoryInterval(), LaboratoryInterval(text="  ")])
def test_no_interval_is_no_fault(interval: LaboratoryInterval | None) -> None:
    assert laboratory_ends(interval) == LaboratoryEnds()


@pytest.mark.parametrize("text", ["0.90-1.10 mmol/l", "0.90-1.10MMOL/L", "0.90 - 1.10 (mmol/L)", "(0.90-1.10 mmol/L)"])
def test_a_text_may_repeat_the_unit_in_any_of_its_spellings(read_one: ReadOne, text: str) -> None:
    assert read_one(result("magnesium", "0.85", "mmol/L", interval=text)).band == "mild_low"


@pytest.mark.parametrize("text", ["0.90-1.10 mg/dL", "0.90-1.10 mol/L", "0.90-1.10 µmol/L"])
def test_a_text_in_another_unit_is_unreadable(read: Read, text: str) -> None:
    report = read(result("magnesium", "0.85", "mmol/L", interval=text))
    assert entry(report).band == "normal"
    assert "interval_unreadable" in issues(report)


def test_ends_stand_before_the_text() -> None:
    assert laboratory_ends(LaboratoryInterval("0.70", "1.00", "0.6-1.2")) == LaboratoryEnds(span("0.70", "1.00"))


def test_the_laboratorys_interval_governs_class_and_flag(read_one: ReadOne) -> None:
    """Magnesium 0.65: low by the default 0.70-1.00, normal by 0.60-1.10; 0.85 low by 0.90-1.10."""
    assert read_one(result("magnesium", "0.65", "mmol/L")).flag == "L"
    found = read_one(result("magnesium", "0.65", "mmol/L", interval=("0.60", "1.10")))
    assert (found.flag, found.band) == ("N", "normal")
    assert [shown.origin for shown in found.intervals] == [IntervalOrigin.LABORATORY]
    assert "interval_default_used" not in cautions(found)
    assert read_one(result("magnesium", "0.85", "mmol/L", interval="0.90-1.10")).band == "mild_low"


def test_both_ends_of_an_interval_are_normal(read_one: ReadOne) -> None:
    for value, flag in (("0.89", "L"), ("0.90", "N"), ("1.10", "N"), ("1.11", "H")):
        assert read_one(result("magnesium", value, "mmol/L", interval="0.90-1.10")).flag == flag


def test_an_interval_is_in_the_unit_of_its_result(read_one: ReadOne) -> None:
    """1.3 meq/L is 0.65 mmol/L; the laboratory's 1.2-2.0 meq/L is 0.60-1.00."""
    found = read_one(result("magnesium", "1.3", "meq/L", interval="1.2-2.0"))
    assert found.flag == "N"
    assert (found.intervals[0].unit, found.intervals[0].span) == ("meq/L", span("1.2", "2.0"))


def test_a_missing_end_is_the_defaults(read_one: ReadOne) -> None:
    """DEC-79: default 0.70-1.00."""
    low_only = read_one(result("magnesium", "1.05", "mmol/L", interval=("0.60", None)))
    high_only = read_one(result("magnesium", "0.65", "mmol/L", interval="<1.20"))
    for found, flag in ((low_only, "H"), (high_only, "L")):
        assert found.flag == flag
        assert "interval_default_used" in cautions(found)
        assert [shown.origin for shown in found.intervals] == [IntervalOrigin.LABORATORY, IntervalOrigin.DEFAULT]


def test_an_unreadable_interval_is_said_and_the_default_used(read: Read) -> None:
    report = read(result("magnesium", "0.65", "mmol/L", interval=("1.10", "0.60")))
    assert entry(report).flag == "L"
    assert "interval_unreadable" in issues(report)
    assert "interval_default_used" in cautions(entry(report))


@pytest.mark.parametrize(
    ("analyte", "value", "interval", "band"),
    [
        ("magnesium", "0.45", "0.40-1.00", "moderate_low"),
        ("magnesium", "0.40", "0.30-1.00", "severe_low"),
        ("magnesium", "2.00", "0.70-2.50", "moderate_high"),
        ("calcium_adjusted", "1.85", "1.80-2.60", "severe_low"),
        ("calcium_adjusted", "3.00", "2.20-3.20", "moderate_high"),
        ("potassium", "2.9", "2.5-5.0", "moderate_low"),
        ("potassium", "6.0", "3.5-6.5", "moderate_high"),
        ("potassium", "6.5", "3.5-7.0", "severe_high"),
        ("sodium", "124", "120-146", "severe_low"),
        ("sodium", "156", "133-160", "severe_high"),
    ],
)
def test_no_interval_moves_a_moderate_severe_or_critical_limit(
    read: Read, analyte: str, value: str, interval: str, band: str
) -> None:
    """R-RI-2, DEC-49; the conflict is said, or that the interval can be none of the analyte (DEC-101)."""
    report = read(result(analyte, value, "mmol/L", interval=interval))
    found = entry(report)
    assert found.band == band
    assert found.flag[0] == ("L" if band.endswith("low") else "H")
    taken = "interval_implausible" not in issues(report)
    assert [conflict.kind for conflict in found.conflicts] == (["limit"] if taken else [])
    assert taken is (band.startswith("moderate") and value not in ("2.00", "3.00"))


@pytest.mark.parametrize(
    ("analyte", "value", "interval"),
    [("potassium", "5.8", "3.5-5.9"), ("potassium", "3.2", "3.0-5.0"), ("sodium", "127", "126-146"),
     ("calcium_adjusted", "1.95", "1.90-2.60"), ("magnesium", "1.90", "0.70-1.95")],
)  # fmt: skip
def test_an_interval_moves_the_outer_edge_of_a_mild_band(
    read_one: ReadOne, analyte: str, value: str, interval: str
) -> None:
    """DEC-49; for sodium the moderate band as well (rule N1)."""
    assert read_one(result(analyte, value, "mmol/L", interval=interval)).band == "normal"


# --------------------------------------------------------------------------------------------- default intervals by age


@pytest.mark.parametrize(
    ("analyte", "value", "unit", "age", "flag"),
    [
        # MC 2.1, total and adjusted calcium: 2.00-2.70 below 28 d, 2.20-2.70 below 16 y, 2.20-2.60 after.
        ("calcium_total", "2.10", "mmol/L", "27 d", "N"),
        ("calcium_total", "2.10", "mmol/L", "28 d", "L"),
        ("calcium_total", "2.65", "mmol/L", "15 y", "N"),
        ("calcium_total", "2.65", "mmol/L", "16 y", "H"),
        # Ionised: 1.05-1.46 below 1 y, 1.20-1.38 below 18 y, 1.16-1.32 after.
        ("calcium_ionised", "1.10", "mmol/L", "11 mo", "N"),
        ("calcium_ionised", "1.10", "mmol/L", "12 mo", "L"),
        ("calcium_ionised", "1.35", "mmol/L", "17 y", "N"),
        ("calcium_ionised", "1.35", "mmol/L", "18 y", "H"),
        # Magnesium: 0.60-1.00 at term below 28 d, 0.70-1.00 after.
        ("magnesium", "0.65", "mmol/L", "27 d", "N"),
        ("magnesium", "0.65", "mmol/L", "28 d", "L"),
        # DK 2.1, potassium: 3.4-6.0 below 28 d, 3.5-5.7 below 1 y, 3.5-5.0 below 16 y, 3.5-5.3 (serum) after.
        ("potassium", "5.9", "mmol/L", "27 d", "N"),
        ("potassium", "5.9", "mmol/L", "28 d", "H"),
        ("potassium", "5.6", "mmol/L", "11 mo", "N"),
        ("potassium", "5.6", "mmol/L", "12 mo", "H"),
        ("potassium", "5.2", "mmol/L", "15 y", "H"),
        ("potassium", "5.2", "mmol/L", "16 y", "N"),
    ],
)
def test_the_default_interval_changes_on_the_day_of_the_limit(
    read_one: ReadOne, analyte: str, value: str, unit: str, age: str, flag: str
) -> None:
    assert read_one(result(analyte, value, unit, specimen=SERUM), age=age, preterm=False).flag == flag


@pytest.mark.parametrize(
    ("birth", "collected", "flag"),
    [
        ("2026-01-01", "2026-01-28", "N"),
        ("2026-01-01", "2026-01-29", "L"),
        ("2026-01-01", "2026-01-29T00:00:00+00:00", "L"),
    ],
)
def test_age_is_the_age_at_collection(read_one: ReadOne, birth: str, collected: str, flag: str) -> None:
    """27 and 28 days old."""
    found = read_one(result("magnesium", "0.65", "mmol/L", collected=collected), age=birth, preterm=False)
    assert found.flag == flag


def test_results_of_two_days_have_two_ages(read: Read) -> None:
    report = read(
        result("calcium_total", "2.65", "mmol/L", collected="2026-02-28"),
        result("sodium", "140", "mmol/L", collected="2026-02-28"),
        result("magnesium", "0.85", "mmol/L", collected="2026-03-01"),
        age="2010-03-01",
    )
    assert entry(report).flag == "N"
    assert entry(report).intervals[0].applies_to == "age 28 d to under 16 y, not pregnant"


def test_without_a_collection_time_the_date_of_reference_counts(read_one: ReadOne) -> None:
    """DEC-81."""
    calcium = result("calcium_total", "2.65", "mmol/L")
    assert read_one(calcium, age="2010-03-01", as_of="2026-02-28").flag == "N"
    assert read_one(calcium, age="2010-03-01", as_of="2026-03-01").flag == "H"


def test_without_any_date_the_age_is_unknown(read_one: ReadOne) -> None:
    found = read_one(result("calcium_total", "2.65", "mmol/L"), age="2010-03-01")
    assert (found.flag, found.state) == ("IND", ResultState.CONDITIONAL)
    assert "the age at collection" in found.missing


@pytest.mark.parametrize(("as_of", "flag"), [("2025-12-31", "N"), ("2026-06-01", "IND"), ("2026-12-31", "H")])
def test_a_birth_year_leaves_the_class_open_where_the_year_decides(read_one: ReadOne, as_of: str, flag: str) -> None:
    """Born in 2010: total calcium 2.65 is normal below 16 years and high after."""
    assert read_one(result("calcium_total", "2.65", "mmol/L"), age="2010", as_of=as_of).flag == flag


def test_a_birth_year_does_not_open_what_no_age_changes(read_one: ReadOne) -> None:
    assert read_one(result("calcium_total", "2.40", "mmol/L"), age="2010", as_of="2026-06-01").flag == "N"


# ---------------------------------------------------------------------------------------------- who it may be


@pytest.mark.parametrize(
    ("patient", "flag", "missing"),
    [
        # Magnesium 0.65: 0.70-1.00, in pregnancy 0.60-0.91 (MC 2.1).
        ({"sex": "female", "age": "30 y"}, "IND", "whether the patient is pregnant, and the trimester"),
        ({"sex": None, "age": "30 y"}, "IND", "whether the patient is pregnant, and the trimester"),
        ({"sex": "female", "age": "30 y", "pregnant": False}, "L", None),
        ({"sex": "female", "age": "30 y", "pregnant": True}, "N", None),
        ({"sex": "female", "age": "30 y", "trimester": 2}, "N", None),
        ({"sex": "female", "age": "11 y"}, "L", None),
        ({"sex": "female", "age": "12 y"}, "IND", "whether the patient is pregnant, and the trimester"),
        ({"sex": "female", "age": "55 y"}, "IND", "whether the patient is pregnant, and the trimester"),
        ({"sex": "female", "age": "56 y"}, "L", None),
        ({"sex": "male", "age": "30 y"}, "L", None),
        ({"sex": "male", "age": "10 d"}, "N", None),
        ({"sex": "male", "age": None}, "IND", "the age at collection"),
    ],
)
def test_every_admissible_patient_is_evaluated(
    read_one: ReadOne, patient: dict[str, Any], flag: str, missing: str | None
) -> None:
    found = read_one(result("magnesium", "0.65", "mmol/L"), **patient)
    assert found.flag == flag
    assert found.state is (ResultState.CONDITIONAL if missing else ResultState.INTERPRETED)
    assert (missing in found.missing) if missing else not found.missing


def test_what_no_partition_changes_is_certain(read_one: ReadOne) -> None:
    found = read_one(result("magnesium", "0.38", "mmol/L"), sex=None, age=None)
    assert (found.flag, found.band, found.critical, found.missing) == ("LL", "severe_low", Critical.YES, ())


@pytest.mark.parametrize(("preterm", "flag"), [(True, "N"), (False, "H"), (None, "IND")])
def test_a_newborn_may_have_been_born_before_term(read_one: ReadOne, preterm: bool | None, flag: str) -> None:
    """Magnesium 1.20: 0.60-1.50 before term, 0.60-1.00 at term (MC 2.1)."""
    found = read_one(result("magnesium", "1.20", "mmol/L"), age="3 d", preterm=preterm)
    assert found.flag == flag
    assert ("whether the patient was born preterm" in found.missing) is (preterm is None)


@pytest.mark.parametrize(
    ("sent", "flag"),
    [
        (result("potassium", "5.2", "mmol/L", specimen=SERUM), "N"),
        (result("potassium", "5.2", "mmol/L", specimen={"kind": SpecimenKind.PLASMA}), "H"),
        (result("potassium", "5.2", "mmol/L", specimen={"kind": SpecimenKind.WHOLE_BLOOD}), "H"),
        (result("potassium", "5.2", "mmol/L", specimen={"kind": SpecimenKind.CAPILLARY}), "H"),
        (result("potassium", "5.2", "mmol/L", specimen={"kind": SpecimenKind.VENOUS}), "H"),
        (result("potassium", "5.2", "mmol/L", specimen={"kind": SpecimenKind.ARTERIAL}), "H"),
        (result("", "5.2", "mmol/L", code="6298-4"), "H"),
        (result("", "5.2", "mmol/L", code="32713-0"), "H"),
        (result("", "5.2", "mmol/L", code="2823-3"), "IND"),
        (result("", "5.2", "mmol/L", code="77142-8"), "IND"),
        (result("potassium", "5.2", "mmol/L"), "IND"),
    ],
)
def test_potassium_is_judged_by_its_specimen(read_one: ReadOne, sent: Any, flag: str) -> None:
    """Serum 3.5-5.3, plasma and every blood 3.5-5.0, unknown both (DK 2.1, DEC-47, DEC-58)."""
    found = read_one(sent)
    assert found.flag == flag
    assert ("whether the specimen is serum or plasma" in found.missing) is (flag == "IND")


def test_a_critical_that_only_some_patients_have_is_possible(read_one: ReadOne) -> None:
    """Potassium 6.6 is severe and critical from 28 days, moderate before (DEC-86); 0 years may be either."""
    found = read_one(result("potassium", "6.6", "mmol/L", specimen=SERUM), age="0 y")
    assert (found.flag, found.critical, found.bands) == ("H", Critical.POSSIBLE, ("moderate_high", "severe_high"))


def test_a_pregnant_man_is_a_contradiction_and_neither_is_preferred(read: Read) -> None:
    report = read(result("magnesium", "0.65", "mmol/L"), sex="male", age="30 y", pregnant=True)
    assert (entry(report).flag, "context_contradiction" in issues(report)) == ("IND", True)


# --------------------------------------------------------------------------------------------- variants, sets, policies


@pytest.mark.parametrize(
    ("variant", "value", "unit", "flag", "origin"),
    [
        ("", "1.05", "mmol/L", "H", IntervalOrigin.DEFAULT),
        ("default", "1.05", "mmol/L", "H", IntervalOrigin.DEFAULT),
        ("rcpa_aacb", "1.05", "mmol/L", "N", IntervalOrigin.VARIANT),
        ("magnet_0_85", "0.84", "mmol/L", "L", IntervalOrigin.VARIANT),
        ("us_adult_mg", "2.5", "mg/dL", "N", IntervalOrigin.VARIANT),
        # 0.73-1.06 for men: 0.75 is normal; 0.73 mmol/L is 1.774 mg/dL.
        ("diasys", "0.75", "mmol/L", "N", IntervalOrigin.VARIANT),
        ("diasys", "1.77", "mg/dL", "L", IntervalOrigin.VARIANT),
        ("diasys", "1.78", "mg/dL", "N", IntervalOrigin.VARIANT),
        # A set for potassium says nothing of magnesium.
        ("nordic", "1.05", "mmol/L", "H", IntervalOrigin.DEFAULT),
    ],
)
def test_a_chosen_variant_stands_before_the_default(
    read_one: ReadOne, variant: str, value: str, unit: str, flag: str, origin: IntervalOrigin
) -> None:
    """MC 2.2; an interval printed in one unit is converted exactly for the other."""
    found = read_one(result("magnesium", value, unit), intervals=variant)
    assert (found.flag, found.intervals[0].origin) == (flag, origin)


def test_a_variant_by_sex_leaves_an_unknown_sex_open(read_one: ReadOne) -> None:
    """DiaSys: women 0.77-1.03, men 0.73-1.06."""
    found = read_one(result("magnesium", "0.75", "mmol/L"), sex=None, age="60 y", intervals="diasys")
    assert (found.flag, found.missing) == ("IND", ("the sex",))


def test_the_laboratorys_interval_stands_before_a_variant(read_one: ReadOne) -> None:
    assert read_one(result("magnesium", "1.05", "mmol/L", interval="0.7-1.0"), intervals="rcpa_aacb").flag == "H"


def test_a_variant_for_adults_leaves_a_child_the_default(read_one: ReadOne) -> None:
    found = read_one(result("magnesium", "1.05", "mmol/L"), age="10 y", intervals="diasys")
    assert (found.flag, found.intervals[0].origin) == ("H", IntervalOrigin.DEFAULT)


@pytest.mark.parametrize(
    ("chosen", "analyte", "value", "unit", "critical"),
    [
        ("", "potassium", "2.8", "mmol/L", "NO"),
        ("us_survey", "potassium", "2.8", "mmol/L", "YES"),
        ("us_survey", "potassium", "2.81", "mmol/L", "NO"),
        ("us_survey", "potassium", "6.2", "mmol/L", "YES"),
        ("us_survey", "sodium", "158", "mmol/L", "YES"),
        ("us_lab_by_age", "potassium", "2.99", "mmol/L", "YES"),
        ("us_lab_by_age", "potassium", "6.0", "mmol/L", "NO"),
        ("us_lab_by_age", "potassium", "6.01", "mmol/L", "YES"),
        ("royal_melbourne", "calcium_adjusted", "2.80", "mmol/L", "NO"),
        ("royal_melbourne", "calcium_adjusted", "2.81", "mmol/L", "YES"),
        ("davis", "magnesium", "0.49", "mmol/L", "YES"),
        ("davis", "magnesium", "1.1", "mg/dL", "YES"),
        ("davis", "calcium_ionised", "1.56", "mmol/L", "YES"),
        # A laxer set removes nothing of the default (DEC-08): 3.50 against 3.00, 6.5 against 7.2 mg/dL.
        ("rcpath", "calcium_adjusted", "3.00", "mmol/L", "YES"),
        ("us_6_5", "calcium_adjusted", "7.2", "mg/dL", "YES"),
        ("us_13", "calcium_adjusted", "12.0", "mg/dL", "YES"),
    ],
)
def test_a_chosen_set_adds_criticals_and_removes_none(
    read_one: ReadOne, chosen: str, analyte: str, value: str, unit: str, critical: str
) -> None:
    """vocabulary.md 15.2."""
    assert read_one(result(analyte, value, unit), critical_limits=chosen).critical.name == critical


@pytest.mark.parametrize(
    ("chosen", "value", "critical"),
    [("us_survey", "6.5", "NO"), ("royal_melbourne", "6.5", "NO"), ("us_lab_by_age", "7.0", "NO"),
     ("us_lab_by_age", "7.1", "YES"), ("", "7.0", "NO"), ("", "7.1", "YES"), ("", "2.9", "YES"), ("", "3.0", "NO")],
)  # fmt: skip
def test_a_newborn_has_only_the_limits_written_for_that_age(
    read_one: ReadOne, chosen: str, value: str, critical: str
) -> None:
    """DEC-61; potassium below 28 days: below 3.0 and above 7.0 (DK 3.3)."""
    found = read_one(result("potassium", value, "mmol/L"), age="5 d", critical_limits=chosen)
    assert found.critical.name == critical


@pytest.mark.parametrize(
    ("chosen", "analyte", "value", "interval", "flag", "band"),
    [
        ("us_survey", "potassium", "2.8", "2.5-5.0", "LL", "moderate_low"),
        ("royal_melbourne", "calcium_adjusted", "2.85", "2.20-2.90", "HH", "mild_high"),
        ("us_lab_by_age", "potassium", "6.05", "3.5-6.1", "HH", "moderate_high"),
    ],
)
def test_a_value_beyond_a_critical_limit_in_force_is_never_normal(
    read_one: ReadOne, chosen: str, analyte: str, value: str, interval: str, flag: str, band: str
) -> None:
    """DEC-87: the supplied interval reaches beyond a critical limit of the chosen set."""
    found = read_one(result(analyte, value, "mmol/L", interval=interval), critical_limits=chosen)
    assert (found.flag, found.band) == (flag, band)
    assert [conflict.kind for conflict in found.conflicts] == ["limit"]


def test_the_window_of_an_infusion_stands_before_a_chosen_set(read_one: ReadOne) -> None:
    """R-CTX-MGINF, DEC-62: 2.00-3.50 is therapeutic, above it critical."""
    infusion = {"sex": "female", "age": "29 y", "trimester": 3, "conditions": ["pre_eclampsia_infusion"]}
    for value, band, critical in (
        ("1.99", "below_target", "NO"), ("2.00", "therapeutic", "NO"), ("3.50", "therapeutic", "NO"),
        ("3.51", "severe_high", "YES"), ("0.40", "severe_low", "YES"),
    ):  # fmt: skip
        for chosen in ("", "royal_melbourne", "davis"):
            found = read_one(result("magnesium", value, "mmol/L"), critical_limits=chosen, **infusion)
            assert (found.band, found.critical.name) == (band, critical)


# ---------------------------------------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({}, "everybody"),
        ({"age": {"from": "28 d", "to": "16 y"}, "pregnancy": ["none"]}, "age 28 d to under 16 y, not pregnant"),
        ({"age": {"from": "16 y"}, "sex": "female"}, "age from 16 y, female"),
        ({"age": {"to": "28 d"}, "preterm": True}, "age under 28 d, born preterm"),
        ({"age": {"to": "28 d"}, "preterm": False}, "age under 28 d, born at term"),
        ({"pregnancy": ["trimester_2", "trimester_3"]}, "pregnancy, trimester 2 or 3"),
        ({"specimen": ["serum"]}, "serum"),
    ],
)
def test_whom_a_row_is_for_is_said_in_words(row: dict[str, Any], words: str) -> None:
    assert whom(formed(Population, row)) == words


@pytest.mark.parametrize(
    ("sent", "refused"),
    [
        (("potassium", "5.9", "mmol/L", "13.7-20.7"), True),
        (("potassium", "5.4", "mmol/L", "0-9"), True),
        (("potassium", "5.4", "mmol/L", "3.5-6.6"), True),
        # It ends where the severe band begins, and reaches beyond a milder one that no interval moves (DEC-49).
        (("potassium", "5.4", "mmol/L", "2.8-6.5"), False),
        (("potassium", "3.4", "mmol/L", "3.4-5.6"), False),
        (("potassium", "3.4", "mmol/L", "<5.6"), False),
        (("potassium", "3.4", "mmol/L", "<3.0"), True),
        (("magnesium", "0.66", "mmol/L", "0.66-1.07"), False),
        (("pth", "5", "pg/mL", "1.6-6.9"), True),
        (("pth", "12", "pg/mL", "9-55"), False),
    ],
)
def test_an_interval_judges_where_it_can_be_one_of_its_analyte_and_unit(
    read: Read, sent: tuple[str, str, str, str], refused: bool
) -> None:
    analyte, value, unit, interval = sent
    report = read(result(analyte, value, unit, interval=interval))
    assert ("interval_implausible" in issues(report)) is refused
    assert ("laboratory" in entry(report).rule_ids) is not refused
