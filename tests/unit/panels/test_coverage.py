"""What reports reach of a release: counted by panel, by the outcome of the rule, and never what no report can say."""

from __future__ import annotations

import pytest

from labgloss.panels.coverage import Coverage, coverage, coverage_json, coverage_text, lacking_lines
from labgloss.panels.reader import PanelCase
from labgloss.panels.schema import Expect
from labgloss.v1 import knowledge_pb2, panel_pb2
from labgloss.v1 import report_pb2 as pb

RELEASE = knowledge_pb2.Release(version="1.2.3", digest="ab12")


def rule(kind: str, ident: str, *outcomes: str) -> knowledge_pb2.Rule:
    return knowledge_pb2.Rule(id=ident, kind=knowledge_pb2.RuleKind.Value(f"RULE_KIND_{kind}"), outcomes=outcomes)


RULES = (
    rule("BAND", "magnesium.band.mild_low", "reached"),
    rule("BAND", "magnesium.band.infusion.mild_low", "reached"),
    rule("CRITICAL_LIMIT", "magnesium.critical.low", "reached"),
    rule("INTERVAL", "magnesium.interval"),
    rule("PATTERN", "TRIAD", "matched", "possible"),
    rule("PATTERN", "WASTING", "matched", "possible"),
    rule("RED_FLAG", "TETANY", "EMERGENCY", "SAME_DAY"),
    rule("RED_FLAG", "VALUE_ALONE", "EMERGENCY", "held"),
    rule("RECOMMENDATION", "recommendation.CHECK_PTH", "given"),
    rule("RECOMMENDATION", "recommendation.REST", "given", "withheld"),
    rule("REFUSAL", "refusal.unit_missing", "reached"),
    rule("CAUTION", "caution.comparator_bound", "reached"),
    rule("ISSUE", "issue.unit_suspect", "reached"),
)


def case(*not_patterns: str) -> PanelCase:
    return PanelCase("a", "a.toml", panel_pb2.Panel(), Expect(not_patterns=not_patterns), "", "")


def of(*reported: tuple[PanelCase, pb.Report]) -> Coverage:
    return coverage(RELEASE, RULES, reported)


def reached(report: pb.Report, *not_patterns: str) -> dict[str, dict[str, int]]:
    """What one report reaches, by axis; axes of which it reaches nothing left out."""
    found = of((case(*not_patterns), report))
    return {axis.name: dict(axis.reached) for axis in found.axes if axis.reached}


def entry(*rule_ids: str, **fields: object) -> pb.Report:
    return pb.Report(results=[pb.ResultInterpretation(rule_ids=rule_ids, **fields)])  # type: ignore[arg-type]


def test_a_band_is_reached_by_the_table_that_decided() -> None:
    report = entry("magnesium.interval", "magnesium.band.mild_low", band="mild_low", bands=["mild_low"])
    assert {"bands": {"magnesium.band.mild_low": 1}} == reached(report)


def test_a_band_that_two_tables_give_is_reached_by_neither() -> None:
    report = entry("magnesium.band.mild_low", "magnesium.band.infusion.mild_low", band="mild_low")
    assert {} == reached(report)


@pytest.mark.parametrize("fields", [{"bands": ["mild_low", "normal"]}, {"band": "mild_low", "earlier": True}])
def test_a_band_is_not_reached_while_others_remain_or_by_an_earlier_result(fields: dict[str, object]) -> None:
    assert {} == reached(entry("magnesium.band.mild_low", **fields))


@pytest.mark.parametrize(("critical", "count"), [("YES", 1), ("POSSIBLE", 0), ("NO", 0)])
def test_a_critical_limit_is_reached_by_a_value_beyond_it(critical: str, count: int) -> None:
    report = entry("magnesium.critical.low", critical=pb.Critical.Value(f"CRITICAL_{critical}"))
    assert ({"critical_limits": {"magnesium.critical.low": 1}} if count else {}) == reached(report)


def test_a_matched_pattern_is_no_near_miss_whatever_the_panel_expects() -> None:
    matched = pb.Report(patterns=[pb.Pattern(id="TRIAD", state=pb.PATTERN_STATE_MATCHED)])
    assert {"patterns_matched": {"TRIAD": 1}} == reached(matched, "TRIAD")


def test_a_pattern_is_nearly_missed_where_it_is_possible_or_the_panel_says_that_it_does_not_match() -> None:
    possible = pb.Report(patterns=[pb.Pattern(id="TRIAD", state=pb.PATTERN_STATE_POSSIBLE)])
    assert {
        "patterns_possible": {"TRIAD": 1},
        "patterns_near_missed": {"TRIAD": 1, "WASTING": 1},
    } == reached(possible, "TRIAD", "WASTING")


def test_a_red_flag_is_reached_at_its_urgency_and_a_held_one_only_as_held() -> None:
    report = pb.Report(
        red_flags=[
            pb.RedFlag(id="TETANY", urgency=pb.URGENCY_SAME_DAY),
            pb.RedFlag(id="VALUE_ALONE", urgency=pb.URGENCY_EMERGENCY, held=True),
        ]
    )
    assert {
        "red_flags": {"TETANY": 1},
        "red_flags_same_day": {"TETANY": 1},
        "red_flags_held": {"VALUE_ALONE": 1},
    } == reached(report)


def test_advice_refusals_cautions_and_issues_are_reached_by_the_names_of_a_report() -> None:
    report = pb.Report(
        results=[
            pb.ResultInterpretation(
                state=pb.RESULT_STATE_REFUSED,
                refusal_reason=pb.REFUSAL_REASON_UNIT_MISSING,
                cautions=[pb.Caution(id="comparator_bound")],
            )
        ],
        recommendations=[pb.Recommendation(id="CHECK_PTH")],
        withheld_recommendations=[pb.WithheldRecommendation(id="REST")],
        issues=[pb.DataQualityIssue(id="unit_suspect"), pb.DataQualityIssue(id="unit_missing")],
    )
    assert {
        "recommendations_given": {"CHECK_PTH": 1},
        "recommendations_withheld": {"REST": 1},
        "refusals": {"unit_missing": 1},
        "cautions": {"comparator_bound": 1},
        "issues": {"unit_suspect": 1},
    } == reached(report)


def test_a_panel_counts_once_however_often_its_report_says_it() -> None:
    twice = pb.Report(issues=[pb.DataQualityIssue(id="unit_suspect")] * 2)
    found = of((case(), twice), (case(), twice))
    assert {"unit_suspect": 2} == next(dict(axis.reached) for axis in found.axes if axis.name == "issues")


def test_nothing_counts_as_missing_that_no_report_can_say() -> None:
    missed = {axis.name: axis.missed for axis in of().axes}
    assert ("REST",) == missed["recommendations_withheld"]
    assert ("VALUE_ALONE",) == missed["red_flags_held"]
    assert ("TETANY",) == missed["red_flags_same_day"]
    assert "red_flags_prompt" not in missed


def test_what_is_required_and_missing_is_named_and_the_rest_is_not() -> None:
    lines = lacking_lines(of())
    assert [
        "not reached of bands: magnesium.band.mild_low, magnesium.band.infusion.mild_low",
        "not reached of patterns matched: TRIAD, WASTING",
        "not reached of patterns near missed: TRIAD, WASTING",
        "not reached of red flags: TETANY, VALUE_ALONE",
        "not reached of recommendations given: CHECK_PTH, REST",
    ] == lines


def test_json_holds_counts_and_ids_with_the_release_that_answered() -> None:
    content = coverage_json(of((case(), pb.Report(recommendations=[pb.Recommendation(id="CHECK_PTH")]))))
    assert ({"version": "1.2.3", "digest": "ab12"}, 1, False) == (
        content["release"],
        content["reports"],
        content["complete"],
    )
    axes = content["coverage"]
    assert isinstance(axes, dict)
    assert {
        "required": True,
        "known": 2,
        "reached": 1,
        "panels": {"CHECK_PTH": 1},
        "not_reached": ["REST"],
    } == axes["recommendations_given"]


def test_the_text_says_how_many_are_reached_and_which_are_not() -> None:
    lines = coverage_text(of((case(), pb.Report(issues=[pb.DataQualityIssue(id="unit_suspect")])))).splitlines()
    assert ["", "coverage of release 1.2.3 by 1 report", "  digest ab12"] == lines[:3]
    assert "  issues                       1 of 1" in lines
    assert lines[lines.index("  refusals                     0 of 1") + 1] == "      not reached: unit_missing"
