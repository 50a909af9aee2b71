"""Only what a panel file expects is compared; a list is contained in the answer, an empty one says there is none."""

from typing import Any

import pytest

from labgloss.panels.compare import compare
from labgloss.panels.schema import Expect
from labgloss.v1 import panel_pb2
from labgloss.v1 import report_pb2 as pb


def entry(**fields: Any) -> pb.ResultInterpretation:
    """An entry; `class_` stands for the field that Python has no name for."""
    return pb.ResultInterpretation(**{name.rstrip("_"): value for name, value in fields.items()})


MAGNESIUM = entry(
    analyte="magnesium",
    as_sent=panel_pb2.Result(analyte="magnesium", value="1.00", unit="mg/dL"),
    state=pb.RESULT_STATE_INTERPRETED,
    class_=pb.RESULT_CLASS_LOW,
    flag="L",
    band="moderate_low",
    bands=["moderate_low"],
    critical=pb.CRITICAL_NO,
    ctcae_grade=2,
    reading=pb.Reading(value="1.00", unit="mg/dL", compared_value="0.41", compared_unit="mmol/L"),
    urgency=pb.URGENCY_PROMPT,
    rule_ids=["magnesium.interval.default.adult", "magnesium.band.moderate_low"],
    trend=pb.Trend(exceeds_reference_change=True),
    cautions=[pb.Caution(id="interval_default_used")],
)
POTASSIUM = entry(
    id="k1",
    analyte="potassium",
    state=pb.RESULT_STATE_REFUSED,
    refusal_reason=pb.REFUSAL_REASON_UNIT_MISSING,
    class_=pb.RESULT_CLASS_INDETERMINATE,
    flag="IND",
    critical=pb.CRITICAL_POSSIBLE,
)
REPORT = pb.Report(
    urgency=pb.URGENCY_PROMPT,
    summary="Magnesium is low.",
    results=[MAGNESIUM, POTASSIUM],
    findings=[pb.Finding(id="MG_LOW", truth=pb.TRUTH_TRUE), pb.Finding(id="K_LOW", truth=pb.TRUTH_UNKNOWN)],
    patterns=[
        pb.Pattern(
            id="TRIAD",
            state=pb.PATTERN_STATE_MATCHED,
            urgency=pb.URGENCY_PROMPT,
            evidence_for=[pb.Clause(expression="finding.MG_LOW"), pb.Clause(expression="medication.ppi")],
        ),
        pb.Pattern(id="WASTING", state=pb.PATTERN_STATE_POSSIBLE),
    ],
    symptoms=[
        pb.SymptomInterpretation(symptom_ids=["MUSCLE_CRAMP"], outcome=pb.SYMPTOM_OUTCOME_NOT_EXPLAINED),
        pb.SymptomInterpretation(symptom_ids=["FATIGUE"], outcome=pb.SYMPTOM_OUTCOME_DENIED),
    ],
    red_flags=[pb.RedFlag(id="TETANY"), pb.RedFlag(id="VALUE_ALONE", held=True)],
    recommendations=[pb.Recommendation(id="CHECK_PTH", text="Consider PTH.", rule_ids=["TRIAD"])],
    issues=[pb.DataQualityIssue(id="unit_missing")],
)


def differences(expect: dict[str, Any], report: pb.Report = REPORT, only_results: bool = False) -> list[str]:
    found = compare("a", report, Expect.model_validate(expect), only_results)
    assert all(difference.panel == "a" for difference in found)
    return [str(difference) for difference in found]


def test_nothing_expected_is_nothing_compared() -> None:
    assert differences({}) == []


def test_a_report_that_says_all_that_is_expected_does_not_differ() -> None:
    assert (
        differences(
            {
                "urgency": "PROMPT",
                "patterns": ["TRIAD"],
                "patterns_possible": ["WASTING"],
                "not_patterns": ["WASTING", "OTHER"],
                "findings": ["MG_LOW"],
                "red_flags": ["TETANY"],
                "red_flags_held": ["VALUE_ALONE"],
                "recognised_symptoms": ["MUSCLE_CRAMP"],
                "refused": {"k1": "unit_missing"},
                "cautions": ["interval_default_used"],
                "issues": ["unit_missing"],
                "recommend": ["CHECK_PTH"],
                "not_recommend": ["ECG_NOW", "SUGGEST_MG_SUPPLEMENT"],
                "not_patterns_possible": ["TRIAD"],
                "not_findings": ["K_LOW"],
                "not_red_flags": ["VALUE_ALONE"],
                "not_cautions": ["no_interval"],
                "not_issues": ["unit_suspect"],
                "urgencies": {"TRIAD": "PROMPT"},
                "recommended_by": {"CHECK_PTH": ["TRIAD"]},
                "not_recommended_by": {"CHECK_PTH": ["WASTING"], "ECG_NOW": ["TRIAD"]},
                "evidence_for": {"TRIAD": ["medication.ppi"]},
                "evidence_against": {"TRIAD": []},
                "results": {
                    "magnesium": {
                        "state": "interpreted",
                        "class": "low",
                        "flag": "L",
                        "band": "moderate_low",
                        "bands": ["moderate_low"],
                        "critical": "no",
                        "urgency": "PROMPT",
                        "ctcae_grade": 2,
                        "value": "1.0",
                        "unit": "mg/dL",
                        "exceeds_reference_change": True,
                        "rules": ["magnesium.band.moderate_low"],
                        "not_rules": ["magnesium.critical.default.low"],
                    },
                    "k1": {"state": "refused", "class": "indeterminate", "critical": "possible", "bands": []},
                },
            }
        )
        == []
    )


@pytest.mark.parametrize(
    ("key", "ident"),
    [
        ("not_patterns_possible", "WASTING"),
        ("not_findings", "MG_LOW"),
        ("not_red_flags", "TETANY"),
        ("not_cautions", "interval_default_used"),
        ("not_issues", "unit_missing"),
    ],
)
def test_what_should_not_be_there_and_is_differs(key: str, ident: str) -> None:
    assert differences({key: [ident, "OTHER"]}) == [f"{key}: expected {ident} not there, got there"]


def test_urgencies_evidence_and_changes_that_are_not_met_are_differences() -> None:
    assert differences(
        {
            "urgencies": {"TRIAD": "SAME_DAY", "OTHER": "NONE"},
            "recommended_by": {"CHECK_PTH": ["WASTING"], "ECG_NOW": ["TRIAD"]},
            "not_recommended_by": {"CHECK_PTH": ["TRIAD"]},
            "evidence_for": {"TRIAD": ["medication.ppi", "symptom.TETANY"], "WASTING": []},
            "evidence_against": {"TRIAD": ["finding.CA_HIGH"]},
            "results": {
                "magnesium": {
                    "urgency": "NONE",
                    "exceeds_reference_change": False,
                    "rules": ["magnesium.band.mild_low"],
                    "not_rules": ["magnesium.band.moderate_low"],
                },
                "k1": {"exceeds_reference_change": True},
            },
        }
    ) == [
        "urgencies.TRIAD: expected SAME_DAY, got PROMPT",
        "urgencies.OTHER: expected NONE, got not in the report",
        "recommended_by.CHECK_PTH: expected WASTING, got TRIAD (without WASTING)",
        "recommended_by.ECG_NOW: expected TRIAD, got none (without TRIAD)",
        "not_recommended_by.CHECK_PTH: expected not TRIAD, got TRIAD",
        "evidence_for.TRIAD: expected medication.ppi, symptom.TETANY, got finding.MG_LOW, medication.ppi "
        "(without symptom.TETANY)",
        "evidence_against.TRIAD: expected finding.CA_HIGH, got none (without finding.CA_HIGH)",
        "results.magnesium.urgency: expected NONE, got PROMPT",
        "results.magnesium.rules: expected magnesium.band.mild_low, got magnesium.interval.default.adult, "
        "magnesium.band.moderate_low (without magnesium.band.mild_low)",
        "results.magnesium.not_rules: expected magnesium.band.moderate_low not deciding, got deciding",
        "results.magnesium.exceeds_reference_change: expected false, got true",
        "results.k1.exceeds_reference_change: expected true, got false",
    ]


def test_every_key_that_is_not_met_is_a_difference() -> None:
    assert differences(
        {
            "urgency": "NONE",
            "patterns": ["WASTING"],
            "patterns_possible": [],
            "not_patterns": ["TRIAD"],
            "findings": ["MG_LOW", "K_LOW"],
            "red_flags": ["TETANY", "VALUE_ALONE"],
            "red_flags_held": ["TETANY"],
            "recognised_symptoms": ["FATIGUE"],
            "refused": {"magnesium": "no_value", "k1": "no_value"},
            "cautions": [],
            "issues": ["haemolysed"],
            "recommend": [],
            "not_recommend": ["CHECK_PTH"],
            "results": {
                "magnesium": {
                    "state": "refused",
                    "class": "high",
                    "flag": "H",
                    "band": "",
                    "bands": ["mild_low"],
                    "critical": "yes",
                    "ctcae_grade": 3,
                    "value": "1.01",
                    "unit": "mmol/L",
                },
            },
        }
    ) == [
        "urgency: expected NONE, got PROMPT",
        "patterns: expected WASTING, got TRIAD (without WASTING)",
        "patterns_possible: expected none, got WASTING",
        "findings: expected MG_LOW, K_LOW, got MG_LOW (without K_LOW)",
        "red_flags: expected TETANY, VALUE_ALONE, got TETANY (without VALUE_ALONE)",
        "red_flags_held: expected TETANY, got VALUE_ALONE (without TETANY)",
        "recognised_symptoms: expected FATIGUE, got MUSCLE_CRAMP (without FATIGUE)",
        "cautions: expected none, got interval_default_used",
        "issues: expected haemolysed, got unit_missing (without haemolysed)",
        "recommend: expected none, got CHECK_PTH",
        "not_patterns: expected TRIAD not matched, got matched",
        "not_recommend: expected no CHECK_PTH, got recommended",
        "results.magnesium.state: expected refused, got interpreted",
        "results.magnesium.class: expected high, got low",
        "results.magnesium.flag: expected H, got L",
        "results.magnesium.band: expected none, got moderate_low",
        "results.magnesium.critical: expected yes, got no",
        "results.magnesium.ctcae_grade: expected 3, got 2",
        "results.magnesium.bands: expected mild_low, got moderate_low (without mild_low)",
        "results.magnesium.value: expected 1.01 mmol/L, got 1.00 mg/dL or 0.41 mmol/L",
        "refused.magnesium: expected no_value, got not refused",
        "refused.k1: expected no_value, got unit_missing",
    ]


def test_only_results_and_refusals_are_compared_where_only_they_are_asked_for() -> None:
    expect = {"urgency": "NONE", "findings": [], "refused": {}, "results": {"magnesium": {"class": "high"}}}
    assert differences(expect, only_results=True) == [
        "results.magnesium.class: expected high, got low",
        "refused: expected none, got k1 (unit_missing)",
    ]


def test_a_grade_that_is_expected_and_absent_is_a_difference() -> None:
    assert differences({"results": {"k1": {"ctcae_grade": 0}}}) == [
        "results.k1.ctcae_grade: expected 0, got none",
    ]


def test_a_result_without_an_entry_is_a_difference() -> None:
    assert differences({"results": {"potassium": {"class": "low"}}}) == [
        "results.potassium: expected one entry, got none; the report has magnesium, k1"
    ]


def test_a_result_is_known_by_its_code_when_nothing_else_names_it() -> None:
    coded = entry(as_sent=panel_pb2.Result(codings=[panel_pb2.Coding(code="9999-9")]), flag="IND")
    assert differences({"results": {"9999-9": {"flag": "IND"}}}, pb.Report(results=[coded])) == []


def test_of_a_series_without_ids_the_current_result_is_compared() -> None:
    report = pb.Report(results=[entry(analyte="magnesium", earlier=True, flag="N"), MAGNESIUM])
    assert differences({"results": {"magnesium": {"flag": "L"}}}, report) == []


def test_two_current_results_of_one_key_are_a_difference() -> None:
    report = pb.Report(results=[MAGNESIUM, MAGNESIUM])
    assert differences({"results": {"magnesium": {"flag": "L"}}}, report) == [
        "results.magnesium: expected one entry, got 2 entries; give the results ids to tell them apart"
    ]


@pytest.mark.parametrize(
    ("expected", "agrees"),
    [
        ({"value": "1.0"}, True),
        ({"value": "0.410"}, True),
        ({"unit": "mmol/L"}, True),
        ({"value": "0.41", "unit": "mmol/L"}, True),
        ({"value": "0.41", "unit": "mg/dL"}, False),
        ({"value": "<1.00"}, False),
        ({"value": "low"}, False),
        ({"unit": "mEq/L"}, False),
    ],
)
def test_value_and_unit_agree_together_as_read_or_as_compared(expected: dict[str, str], agrees: bool) -> None:
    assert (differences({"results": {"magnesium": expected}}) == []) is agrees


@pytest.mark.parametrize(("expected", "agrees"), [("4.0", True), ("<4.0", True), ("< 4", True), ("<=4.0", False)])
def test_a_comparator_is_compared_where_it_is_written(expected: str, agrees: bool) -> None:
    bound = entry(analyte="potassium", reading=pb.Reading(value="4.0", comparator=panel_pb2.COMPARATOR_LESS))
    found = differences({"results": {"potassium": {"value": expected}}}, pb.Report(results=[bound]))
    assert (found == []) is agrees


def test_a_forbidden_output_is_looked_for_in_every_text() -> None:
    report = pb.Report(
        summary="Give calcium.",
        recommendations=[pb.Recommendation(id="X", safety_conditions=["Consider a calcium supplement."])],
        trace=[pb.TraceStep(outcome="calcium treatment is advised")],
    )
    assert differences({"not_recommend": ["SUGGEST_CALCIUM_SUPPLEMENT"]}, report) == [
        'not_recommend: expected no SUGGEST_CALCIUM_SUPPLEMENT, got summary says "give calcium"',
        "not_recommend: expected no SUGGEST_CALCIUM_SUPPLEMENT, got recommendations[0].safety_conditions[0] says "
        '"consider a calcium supplement"',
        "not_recommend: expected no SUGGEST_CALCIUM_SUPPLEMENT, got trace[0].outcome says "
        '"calcium treatment is advised"',
    ]


@pytest.mark.parametrize("quoted", ['"{}"', "\u201c{}\u201d", "'{}'"])
def test_what_the_caller_wrote_is_no_text_of_the_release(quoted: str) -> None:
    words = "I was told to take calcium tablets"
    report = pb.Report(
        symptoms=[
            pb.SymptomInterpretation(
                as_sent=panel_pb2.Symptom(text=words), text=f"{quoted.format(words)} is returned as sent."
            )
        ]
    )
    assert differences({"not_recommend": ["SUGGEST_CALCIUM_SUPPLEMENT"]}, report) == []


def test_a_name_that_the_caller_sent_hides_no_text_of_the_release() -> None:
    report = pb.Report(
        medications=[pb.RecognisedItem(as_sent="calcium")], summary="Medication calcium. Consider a calcium supplement."
    )
    assert len(differences({"not_recommend": ["SUGGEST_CALCIUM_SUPPLEMENT"]}, report)) == 1
