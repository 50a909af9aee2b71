"""A report is encoded as the engine gave it: verbatim what was sent, plain digits, sorted sources, equal bytes."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from google.protobuf.text_format import Parse

from labgloss.domain import report as domain
from labgloss.domain.quantity import Comparator, Quantity, Span
from labgloss.domain.truth import Truth
from labgloss.knowledge.release import Release
from labgloss.v1 import panel_pb2, report_pb2
from labgloss.wire.encode import encode_report

PANEL = Parse(
    """
    id: "p1"
    results { id: "r1" analyte: "magnesium" value: "1.00" unit: "mEq/L" comparator: COMPARATOR_UNSPECIFIED flags: "L" }
    results { id: "r2" analyte: "magnesium" value: "abc" }
    symptoms { text: "cramps in both calves" present: true }
    """,
    panel_pb2.Panel(),
)
# Half of an equivalent of a divalent ion.
READING = domain.Reading(
    quantity=Quantity(Decimal("1.00"), "meq/L"),
    compared=Quantity(Decimal("0.500"), "mmol/L"),
    factor=Fraction(1, 2),
    digits=2,
    other=Quantity(Decimal("1.2152500"), "mg/dL"),
    other_digits=1,
)
INTERVAL = domain.IntervalInForce(
    Span(Decimal("0.70"), True, Decimal("1.00"), False),
    "mmol/L",
    domain.IntervalOrigin.DEFAULT,
    "age from 28 d",
    "magnesium.interval.default",
    "seen",
    ("S4", "S3"),
)
TREND = domain.Trend(
    "r0",
    1,
    Decimal("0.41144826"),
    "2026-01-14",
    Decimal("0.08855174"),
    Decimal("21.5220"),
    Decimal("24.04"),
    True,
    "up",
)
RESULT = domain.ResultInterpretation(
    id="r1",
    analyte="magnesium",
    index=0,
    state=domain.ResultState.CONDITIONAL,
    result_class=domain.ResultClass.INDETERMINATE,
    possible_classes=(domain.ResultClass.LOW, domain.ResultClass.NORMAL),
    flag="IND",
    critical=domain.Critical.POSSIBLE,
    urgency=domain.Urgency.SAME_DAY,
    earlier=True,
    reading=READING,
    intervals=(INTERVAL,),
    bands=("mild_low", "normal"),
    ctcae_grade=0,
    cautions=(domain.Statement("interval_default_used", "a default"),),
    conflicts=(domain.Conflict("flag", "N", "L", domain.Governed.RELEASE, "they differ"),),
    trend=TREND,
    missing=("the age",),
    explanation="words",
    rule_ids=("b", "a"),
    source_ids=("S2", "S1"),
)
REFUSED = domain.ResultInterpretation(
    id="r2",
    analyte="magnesium",
    index=1,
    state=domain.ResultState.REFUSED,
    refusal_reason=domain.RefusalReason.VALUE_NOT_NUMERIC,
    result_class=domain.ResultClass.INDETERMINATE,
    possible_classes=(domain.ResultClass.INDETERMINATE,),
    flag="IND",
    critical=domain.Critical.NO,
    urgency=domain.Urgency.NONE,
)
COMPUTED = replace(REFUSED, id="", index=None, computed_from=(0, 1), refusal_reason=None, band="normal")
CLAUSE = domain.Clause("finding.MG_LOW", Truth.UNKNOWN, "magnesium is low")
REPORT = domain.Report(
    panel_id="p1",
    urgency=domain.Urgency.EMERGENCY,
    summary="a paragraph",
    results=(RESULT, REFUSED, COMPUTED),
    findings=(domain.Finding("MG_LOW", "magnesium", "mild_low", Truth.TRUE, (0,), "low", "f1", ("P",), "haemolysed"),),
    patterns=(
        domain.Pattern(
            "P",
            "P10",
            domain.PatternState.POSSIBLE,
            domain.Urgency.PROMPT,
            "title",
            "text",
            (CLAUSE,),
            (CLAUSE, CLAUSE),
            (CLAUSE,),
            ("MG_LOW",),
            ("Q",),
            ("S5",),
            "proposal",
            "no medication list was sent",
        ),
    ),
    symptoms=(
        domain.SymptomInterpretation(
            0,
            ("MUSCLE_CRAMP",),
            domain.SymptomOutcome.EXPLAINED,
            (domain.Association("MG_LOW", domain.Strength.NON_SPECIFIC, ("S6",)),),
            "explained",
            "cramps",
        ),
    ),
    conditions=(domain.RecognisedItem(0, "gout", (), ("gout",)),),
    medications=(domain.RecognisedItem(1, "omeprazole", ("ppi",)),),
    red_flags=(domain.RedFlag("RF", "RF01", domain.Urgency.EMERGENCY, True, "flag", (CLAUSE,), ("S7",), "seen"),),
    recommendations=(
        domain.Recommendation(
            "CHECK_PTH",
            "test",
            domain.Urgency.ROUTINE,
            "weeks",
            "Consider PTH.",
            ("14866-8",),
            ("MG_LOW",),
            ("renal",),
            ("r",),
            ("S8",),
            "seen",
        ),
    ),
    withheld_recommendations=(domain.WithheldRecommendation("X", "Y", "because", ("Z",)),),
    issues=(domain.DataQualityIssue("unit_suspect", (1,), "symptoms[0]", "suspect"),),
    choices=(domain.ChoiceInForce("intervals", "mayo", "request", "chosen"),),
    trace=(
        domain.Traced(
            0, (domain.TraceStep("band", "b", "x < 1 mmol/L", Truth.FALSE, "mild_low", ("S9", "S1"), "seen"),)
        ),
        domain.Traced(None, (domain.TraceStep("urgency", "u", "max", Truth.TRUE, "EMERGENCY"),)),
    ),
)


@pytest.fixture
def encoded(release: Release) -> report_pb2.Report:
    return encode_report(REPORT, PANEL, release)


def test_everything_of_a_report_is_on_the_wire(encoded: report_pb2.Report) -> None:
    trace = "trace { result: 0 step: 'band' rule_id: 'b' expression: 'x < 1 mmol/L' truth: TRUTH_FALSE"
    expected = f"""
        panel_id: "p1"
        release {{ version: "1.2.3" digest: "{"d" * 64}"
                   engine: "0.9" overlay: "site" overlay_digest: "{"e" * 64}" }}
        urgency: URGENCY_EMERGENCY
        summary: "a paragraph"
        intended_use: "Supports, never decides."
        results {{
          id: "r1" analyte: "magnesium" index: 0 earlier: true
          as_sent {{ id: "r1" analyte: "magnesium" value: "1.00" unit: "mEq/L" flags: "L" }}
          state: RESULT_STATE_CONDITIONAL
          reading {{
            value: "1.00" unit: "meq/L" compared_unit: "mmol/L" compared_value: "0.50" factor: "1/2"
            other_value: "1.2" other_unit: "mg/dL"
          }}
          intervals {{
            low: "0.70" low_inclusive: true high: "1.00" high_inclusive: false unit: "mmol/L"
            origin: INTERVAL_ORIGIN_DEFAULT applies_to: "age from 28 d" rule_id: "magnesium.interval.default"
            position: "0.20 below the lower limit 0.70" status: "seen"
          }}
          class: RESULT_CLASS_INDETERMINATE possible_classes: RESULT_CLASS_LOW possible_classes: RESULT_CLASS_NORMAL
          flag: "IND" bands: "mild_low" bands: "normal" critical: CRITICAL_POSSIBLE ctcae_grade: 0
          urgency: URGENCY_SAME_DAY
          cautions {{ id: "interval_default_used" text: "a default" }}
          conflicts {{ kind: "flag" laboratory: "N" release: "L" governed: GOVERNED_RELEASE text: "they differ" }}
          trend {{
            previous_id: "r0" previous_index: 1 previous_value: "0.41" previous_collected: "2026-01-14"
            change: "+0.09" change_percent: "+21.5" hours: "24.0" exceeds_reference_change: true text: "up"
          }}
          missing: "the age" explanation: "words" rule_ids: "b" rule_ids: "a" source_ids: "S2" source_ids: "S1"
        }}
        results {{
          id: "r2" analyte: "magnesium" index: 1 as_sent {{ id: "r2" analyte: "magnesium" value: "abc" }}
          state: RESULT_STATE_REFUSED refusal_reason: REFUSAL_REASON_VALUE_NOT_NUMERIC
          class: RESULT_CLASS_INDETERMINATE possible_classes: RESULT_CLASS_INDETERMINATE flag: "IND"
          critical: CRITICAL_NO urgency: URGENCY_NONE
        }}
        results {{
          analyte: "magnesium" computed_from: 0 computed_from: 1 state: RESULT_STATE_REFUSED band: "normal"
          class: RESULT_CLASS_INDETERMINATE possible_classes: RESULT_CLASS_INDETERMINATE flag: "IND"
          critical: CRITICAL_NO urgency: URGENCY_NONE
        }}
        findings {{
          id: "MG_LOW" analyte: "magnesium" band: "mild_low" truth: TRUTH_TRUE results: 0 text: "low"
          explained_by: "P" unreliable_because: "haemolysed" rule_id: "f1"
        }}
        patterns {{
          id: "P" number: "P10" state: PATTERN_STATE_POSSIBLE urgency: URGENCY_PROMPT title: "title" text: "text"
          evidence_for {{ expression: "finding.MG_LOW" truth: TRUTH_UNKNOWN text: "magnesium is low" }}
          evidence_against {{ expression: "finding.MG_LOW" truth: TRUTH_UNKNOWN text: "magnesium is low" }}
          evidence_against {{ expression: "finding.MG_LOW" truth: TRUTH_UNKNOWN text: "magnesium is low" }}
          missing {{ expression: "finding.MG_LOW" truth: TRUTH_UNKNOWN text: "magnesium is low" }}
          explains: "MG_LOW" suppresses: "Q" source_ids: "S5" status: "proposal"
          open_since: "no medication list was sent"
        }}
        symptoms {{
          index: 0 as_sent {{ text: "cramps in both calves" present: true }} symptom_ids: "MUSCLE_CRAMP"
          outcome: SYMPTOM_OUTCOME_EXPLAINED
          associations {{ finding_id: "MG_LOW" strength: STRENGTH_NON_SPECIFIC source_ids: "S6" }}
          text: "explained" part: "cramps"
        }}
        conditions {{ index: 0 as_sent: "gout" not_recognised: "gout" }}
        medications {{ index: 1 as_sent: "omeprazole" ids: "ppi" }}
        red_flags {{
          id: "RF" number: "RF01" urgency: URGENCY_EMERGENCY held: true text: "flag"
          evidence {{ expression: "finding.MG_LOW" truth: TRUTH_UNKNOWN text: "magnesium is low" }}
          source_ids: "S7" status: "seen"
        }}
        recommendations {{
          id: "CHECK_PTH" kind: RECOMMENDATION_KIND_TEST urgency: URGENCY_ROUTINE time_frame: "weeks"
          text: "Consider PTH." codes {{ system: "http://loinc.org" code: "14866-8" }} because: "MG_LOW"
          safety_conditions: "renal" rule_ids: "r" source_ids: "S8" status: "seen"
        }}
        withheld_recommendations {{ id: "X" withheld_by: "Y" reason: "because" because: "Z" }}
        issues {{ id: "unit_suspect" results: 1 field: "symptoms[0]" text: "suspect" }}
        choices {{ name: "intervals" value: "mayo" chosen_by: "request" text: "chosen" }}
        {"".join(f'sources {{ id: "S{n}" citation: "citation of S{n}" }} ' for n in range(1, 10))}
        {trace} outcome: "mild_low" source_ids: "S9" source_ids: "S1" status: "seen" }}
        trace {{ step: "urgency" rule_id: "u" expression: "max" truth: TRUTH_TRUE outcome: "EMERGENCY" }}
    """
    assert Parse(expected, report_pb2.Report()) == encoded


def test_no_field_of_a_report_is_left_out_of_that_test(encoded: report_pb2.Report) -> None:
    seen: set[str] = set()
    every: set[str] = set()

    def walk(message: object, descriptor: object) -> None:
        for field in descriptor.fields:  # type: ignore[attr-defined]
            every.add(field.full_name)
            values = [value for one, value in message.ListFields() if one is field] if message is not None else []  # type: ignore[attr-defined]
            seen.update(field.full_name for _ in values)
            if field.message_type is None or field.message_type.file.name.endswith("panel.proto"):
                continue
            for value in values:
                for one in value if field.is_repeated else (value,):
                    walk(one, field.message_type)

    walk(encoded, report_pb2.Report.DESCRIPTOR)
    # False and 0 are not listed as sent; a bound stands in another test.
    left_out = {
        "labgloss.v1.Reading.comparator",
        "labgloss.v1.IntervalInForce.high_inclusive",
        "labgloss.v1.SymptomInterpretation.index",
    }
    assert left_out == every - seen


def test_the_same_report_gives_the_same_bytes(encoded: report_pb2.Report, release: Release) -> None:
    again = encode_report(REPORT, panel_pb2.Panel.FromString(PANEL.SerializeToString()), release)
    assert encoded.SerializeToString(deterministic=True) == again.SerializeToString(deterministic=True)


def reading_on_the_wire(reading: domain.Reading, release: Release) -> report_pb2.ResultInterpretation:
    report = replace(REPORT, results=(replace(RESULT, reading=reading),))
    return encode_report(report, PANEL, release).results[0]


def test_a_number_that_was_not_converted_is_shown_as_sent(release: Release) -> None:
    quantity = Quantity(Decimal("5.150"), "mmol/L", Comparator.GREATER)
    same = domain.Reading(quantity, quantity, Fraction(1), 1)
    read = reading_on_the_wire(same, release).reading
    assert ("5.150", "5.150", "1", "", "") == (
        read.value,
        read.compared_value,
        read.factor,
        read.other_value,
        read.other_unit,
    )
    assert panel_pb2.COMPARATOR_GREATER == read.comparator
    # One milliequivalent of potassium is one millimole: the unit differs, the number does not.
    other_unit = replace(same, quantity=replace(quantity, unit="meq/L"))
    assert "5.150" == reading_on_the_wire(other_unit, release).reading.compared_value


def test_a_large_factor_is_written_as_a_fraction_too(release: Release) -> None:
    read = reading_on_the_wire(replace(READING, factor=Fraction(10)), release).reading
    assert "10/1" == read.factor


def test_no_number_is_written_with_an_exponent(release: Release) -> None:
    tiny = Quantity(Decimal("1E-7"), "mmol/L")
    large = Quantity(Decimal("1E+7"), "mmol/L")
    reading = domain.Reading(tiny, large, Fraction(1), 2)
    read = reading_on_the_wire(reading, release).reading
    assert ("0.0000001", "10000000") == (read.value, read.compared_value)


@pytest.mark.parametrize(
    ("unit", "span", "words"),
    [
        ("meq/L", Span(Decimal("1.45")), "0.45 below the lower limit 1.45"),
        ("mmol/L", Span(Decimal("0.725")), "0.23 below the lower limit 0.725"),
        ("mg/dL", Span(Decimal("1.7")), "0.5 below the lower limit 1.7"),
        ("umol/L", Span(Decimal(700)), "not placed: the value was compared in mmol/L"),
    ],
)
def test_the_value_is_placed_in_the_unit_in_which_the_interval_stands(
    unit: str, span: Span, words: str, release: Release
) -> None:
    result = replace(RESULT, intervals=(replace(INTERVAL, unit=unit, span=span),))
    interval = encode_report(replace(REPORT, results=(result,)), PANEL, release).results[0].intervals[0]
    assert words == interval.position
    assert not interval.HasField("high")
    assert not interval.high_inclusive


@pytest.mark.parametrize(
    ("change", "percent", "shown"),
    [
        ("-0.10", "-20.04", ("-0.10", "-20.0")),
        ("0.00", "0", ("0.00", "0.0")),
        ("-0.001", "-0.04", ("0.00", "0.0")),
        ("0.10", None, ("+0.10", "")),
    ],
)
def test_a_change_has_a_sign_unless_there_is_none(
    change: str, percent: str | None, shown: tuple[str, str], release: Release
) -> None:
    trend = replace(
        TREND, change=Decimal(change), change_percent=None if percent is None else Decimal(percent), hours=None
    )
    encoded = encode_report(replace(REPORT, results=(replace(RESULT, trend=trend),)), PANEL, release).results[0].trend
    assert shown == (encoded.change, encoded.change_percent)
    assert encoded.hours == ""


def test_a_trend_keeps_the_digits_that_were_sent(release: Release) -> None:
    quantity = Quantity(Decimal("0.412"), "mmol/L")
    trend = replace(TREND, previous_value=Decimal("0.4114"), change=Decimal("0.0006"), exceeds_reference_change=None)
    result = replace(RESULT, reading=domain.Reading(quantity, quantity, Fraction(1), 2), trend=trend)
    encoded = encode_report(replace(REPORT, results=(result,)), PANEL, release).results[0].trend
    assert ("0.411", "+0.001") == (encoded.previous_value, encoded.change)
    assert not encoded.HasField("exceeds_reference_change")
