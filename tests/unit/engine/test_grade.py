"""A span of values to class, bands, critical and CTCAE grade."""

from __future__ import annotations

from decimal import Decimal

import pytest

from labgloss.domain.panel import SpecimenKind
from labgloss.domain.quantity import Span
from labgloss.domain.report import Critical, ResultClass
from labgloss.domain.truth import Truth
from labgloss.engine.grade import span_text
from tests.unit.engine.conftest import Read, ReadOne
from tests.unit.engine.panel_builder import cautions, entry, result

SERUM = {"kind": SpecimenKind.SERUM}
LOW, NORMAL, HIGH = ResultClass.LOW, ResultClass.NORMAL, ResultClass.HIGH


@pytest.mark.parametrize(
    ("value", "classes", "critical"),
    [
        ("<3.0", (LOW,), Critical.POSSIBLE),
        ("<=2.5", (LOW,), Critical.YES),
        ("<2.51", (LOW,), Critical.POSSIBLE),
        ("<5.0", (LOW, NORMAL), Critical.POSSIBLE),
        ("<3.5", (LOW,), Critical.POSSIBLE),
        ("<=3.5", (LOW, NORMAL), Critical.POSSIBLE),
        (">=3.5", (NORMAL, HIGH), Critical.POSSIBLE),
        (">5.3", (HIGH,), Critical.POSSIBLE),
        (">=5.3", (NORMAL, HIGH), Critical.POSSIBLE),
        (">=6.5", (HIGH,), Critical.YES),
        (">6.4", (HIGH,), Critical.POSSIBLE),
        (">3.0", (LOW, NORMAL, HIGH), Critical.POSSIBLE),
        (">7", (HIGH,), Critical.YES),
    ],
)
def test_a_bound_has_every_class_that_it_allows(
    read_one: ReadOne, value: str, classes: tuple[ResultClass, ...], critical: Critical
) -> None:
    """Potassium in serum, 3.5-5.3; critical to 2.5 and from 6.5."""
    found = read_one(result("potassium", value, "mmol/L", specimen=SERUM))
    assert (found.possible_classes, found.critical) == (classes, critical)
    assert found.result_class is (classes[0] if len(classes) == 1 else ResultClass.INDETERMINATE)


@pytest.mark.parametrize(
    ("value", "bands"),
    [
        ("<4.0", ("deficient",)),
        ("<12", ("deficient",)),
        ("<=12", ("deficient", "inadequate")),
        ("<20", ("deficient", "inadequate")),
        ("<=20", ("deficient", "inadequate", "sufficient")),
        (">150", ("toxic_range",)),
        (">=150", ("very_high", "toxic_range")),
    ],
)
def test_a_bound_names_a_band_only_when_every_value_lies_in_it(
    read_one: ReadOne, value: str, bands: tuple[str, ...]
) -> None:
    """D3, by nam_2011 in ng/mL."""
    found = read_one(result("vitamin_d_25oh", value, "ng/mL"))
    assert found.bands == bands
    assert found.band == (bands[0] if len(bands) == 1 else "")


def test_a_class_may_be_certain_where_the_band_is_not(read_one: ReadOne) -> None:
    found = read_one(result("vitamin_d_25oh", "<20", "ng/mL"))
    assert (found.flag, found.band, found.state.value) == ("L", "", "conditional")


@pytest.mark.parametrize("value", ["2.500000000000000000000000001", "2.5000000000000000000000000001"])
def test_a_limit_is_met_to_the_last_digit(read_one: ReadOne, value: str) -> None:
    assert read_one(result("potassium", value, "mmol/L")).critical is Critical.NO


def test_a_value_between_the_digits_of_two_limits_has_a_band(read_one: ReadOne) -> None:
    """design.md: potassium 5.15 with limits to one decimal; DK 1.4: 6.49 is not 6.5."""
    assert read_one(result("potassium", "5.15", "mmol/L", specimen=SERUM)).band == "normal"
    assert read_one(result("potassium", "5.35", "mmol/L", specimen=SERUM)).band == "borderline_high"
    assert read_one(result("potassium", "6.49", "mmol/L", specimen=SERUM)).band == "moderate_high"


@pytest.mark.parametrize(
    ("analyte", "value", "unit", "grade"),
    [
        # MC 3.4, DK 3.1, each end.
        ("calcium_adjusted", "8.0", "mg/dL", 1),
        ("calcium_adjusted", "7.9", "mg/dL", 2),
        ("calcium_adjusted", "7.0", "mg/dL", 2),
        ("calcium_adjusted", "6.9", "mg/dL", 3),
        ("calcium_adjusted", "5.9", "mg/dL", 4),
        ("calcium_adjusted", "1.75", "mmol/L", 2),
        ("calcium_adjusted", "1.74", "mmol/L", 3),
        ("calcium_adjusted", "11.5", "mg/dL", 1),
        ("calcium_adjusted", "11.6", "mg/dL", 2),
        ("calcium_adjusted", "3.4", "mmol/L", 3),
        ("calcium_adjusted", "3.41", "mmol/L", 4),
        ("calcium_adjusted", "2.40", "mmol/L", 0),
        ("calcium_ionised", "0.80", "mmol/L", 3),
        ("calcium_ionised", "0.79", "mmol/L", 4),
        ("calcium_ionised", "1.8", "mmol/L", 3),
        # Ionised rows are in mmol/L only.
        ("calcium_ionised", "3.4", "mg/dL", None),
        ("magnesium", "0.9", "mg/dL", 2),
        ("magnesium", "0.8", "mg/dL", 3),
        ("magnesium", "0.40", "mmol/L", 2),
        ("magnesium", "0.39", "mmol/L", 3),
        ("magnesium", "1.23", "mmol/L", 1),
        # Hypermagnesaemia has no grade 2.
        ("magnesium", "1.24", "mmol/L", 3),
        ("magnesium", "3.30", "mmol/L", 3),
        ("magnesium", "3.31", "mmol/L", 4),
        ("potassium", "3.0", "mmol/L", 1),
        ("potassium", "2.9", "mmol/L", 3),
        ("potassium", "2.5", "mmol/L", 3),
        ("potassium", "2.4", "mmol/L", 4),
        ("potassium", "5.5", "mmol/L", 1),
        ("potassium", "5.6", "mmol/L", 2),
        ("potassium", "6.0", "mmol/L", 2),
        ("potassium", "7.0", "mmol/L", 3),
        ("potassium", "7.1", "mmol/L", 4),
        ("sodium", "130", "mmol/L", 1),
        ("sodium", "125", "mmol/L", 2),
        ("sodium", "120", "mmol/L", 3),
        ("sodium", "119", "mmol/L", 4),
        ("sodium", "150", "mmol/L", 1),
        ("sodium", "161", "mmol/L", 4),
        # No grade for an unadjusted total, nor for vitamin D.
        ("calcium_total", "1.70", "mmol/L", None),
        ("vitamin_d_25oh", "20", "nmol/L", None),
    ],
)
def test_ctcae_is_graded_in_the_unit_reported(
    read_one: ReadOne, analyte: str, value: str, unit: str, grade: int | None
) -> None:
    assert read_one(result(analyte, value, unit)).ctcae_grade == grade


@pytest.mark.parametrize(
    ("analyte", "value", "needed"),
    [("potassium", "3.2", True), ("potassium", "2.9", False), ("sodium", "127", True), ("sodium", "131", False)],
)
def test_a_grade_that_symptoms_would_change_says_so(read_one: ReadOne, analyte: str, value: str, needed: bool) -> None:
    """DK 3.1, DEC-65."""
    assert ("ctcae_grade_needs_symptoms" in cautions(read_one(result(analyte, value, "mmol/L")))) is needed


def test_an_open_class_has_no_grade_and_an_open_grade_none(read_one: ReadOne) -> None:
    assert read_one(result("potassium", "<5.0", "mmol/L")).ctcae_grade is None
    assert read_one(result("potassium", "<3.0", "mmol/L")).ctcae_grade is None
    assert read_one(result("potassium", "<2.5", "mmol/L")).ctcae_grade == 4


def test_the_laboratorys_ends_are_lln_and_uln_of_the_grade(read_one: ReadOne) -> None:
    """R-RI-1."""
    assert read_one(result("potassium", "3.6", "mmol/L", interval="3.8-5.0")).ctcae_grade == 1
    assert read_one(result("potassium", "3.6", "mmol/L", interval="3.4-5.0")).ctcae_grade == 0


def test_every_limit_compared_is_traced_with_its_outcome(read: Read) -> None:
    report = read(result("magnesium", "0.45", "mmol/L"))
    steps = {
        (step.step, step.rule_id, step.expression): step.truth
        for traced in report.trace
        if traced.result == 0
        for step in traced.steps
    }
    assert steps == {
        ("plausibility", "magnesium.plausibility.0", "x < 0.10 mmol/L"): Truth.FALSE,
        ("plausibility", "magnesium.plausibility.1", "x > 12.0 mmol/L"): Truth.FALSE,
        ("plausibility", "magnesium.plausibility.3", "1.50 <= x <= 2.60 mmol/L"): Truth.FALSE,
        ("interval", "magnesium.interval.default.from_28_days", "0.70 <= x <= 1.00 mmol/L"): Truth.FALSE,
        ("band", "magnesium.band.severe_low", "x <= 0.40 mmol/L"): Truth.FALSE,
        ("band", "magnesium.band.moderate_low", "0.40 < x < 0.50 mmol/L"): Truth.TRUE,
        ("band", "magnesium.band.mild_low", "0.50 <= x < LLN mmol/L"): Truth.FALSE,
        ("band", "magnesium.band.normal", "LLN <= x <= ULN mmol/L"): Truth.FALSE,
        ("band", "magnesium.band.mild_high", "ULN < x < 2.00 mmol/L"): Truth.FALSE,
        ("band", "magnesium.band.moderate_high", "2.00 <= x <= 3.50 mmol/L"): Truth.FALSE,
        ("band", "magnesium.band.severe_high", "x > 3.50 mmol/L"): Truth.FALSE,
        ("critical", "magnesium.critical.default.low", "x <= 0.40 mmol/L"): Truth.FALSE,
        ("critical", "magnesium.critical.default.high", "x >= 2.00 mmol/L"): Truth.FALSE,
        ("finding", "magnesium.class", "class low"): Truth.TRUE,
        ("finding", "magnesium.class", "class high"): Truth.FALSE,
        ("caution", "caution.interval_default_used", "interval_default_used"): Truth.TRUE,
    }


def test_a_bound_that_some_values_meet_is_traced_as_unknown(read: Read) -> None:
    report = read(result("potassium", "<3.0", "mmol/L", specimen=SERUM))
    truths = {step.outcome: step.truth for step in report.steps if step.step == "band"}
    assert truths["severe_low"] is truths["moderate_low"] is Truth.UNKNOWN
    assert truths["mild_low"] is truths["normal"] is Truth.FALSE


def test_a_verdict_names_the_rules_and_sources_that_it_rests_on(read: Read) -> None:
    found = entry(read(result("magnesium", "0.45", "mmol/L")))
    assert {"magnesium.interval.default.from_28_days", "magnesium.band.moderate_low"} <= set(found.rule_ids)
    assert "magnesium.band.severe_low" not in found.rule_ids
    assert {"MC-S33", "MC-S03"} <= set(found.source_ids)


@pytest.mark.parametrize(
    ("low", "low_inclusive", "high", "high_inclusive", "text"),
    [
        ("0.70", True, "1.00", True, "0.70 <= x <= 1.00"),
        ("0.40", False, "0.50", False, "0.40 < x < 0.50"),
        (None, True, "2.5", True, "x <= 2.5"),
        ("6.5", True, None, True, "6.5 <= x"),
        (None, True, None, True, "x"),
    ],
)
def test_a_span_is_written_as_a_condition(
    low: str | None, low_inclusive: bool, high: str | None, high_inclusive: bool, text: str
) -> None:
    ends = Decimal(low) if low else None, low_inclusive, Decimal(high) if high else None, high_inclusive
    assert span_text(Span(*ends)) == text
