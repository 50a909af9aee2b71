"""A report on a terminal: each result with its interval and where it lies, and nothing that steers the terminal."""

from typing import Any

import pytest

from labgloss.panels.interval_bar import interval_bar
from labgloss.panels.layout import Style, printable
from labgloss.panels.text import report_text
from labgloss.v1 import panel_pb2
from labgloss.v1 import report_pb2 as pb


def bar(value: str, comparator: Any = 0, **limits: Any) -> str:
    usual: dict[str, Any] = {"low": "0.70", "low_inclusive": True, "high": "1.00", "high_inclusive": True}
    given = {name: limit for name, limit in (usual | limits).items() if limit is not None}
    interval = pb.IntervalInForce(unit="mmol/L", **given)
    return interval_bar(interval, pb.Reading(value=value, unit="mmol/L", comparator=comparator))


@pytest.mark.parametrize(
    ("value", "drawn"),
    [
        ("0", "●···· 0.70 [··········] 1.00 ·····"),
        ("0.41", "··●·· 0.70 [··········] 1.00 ·····"),
        ("0.699", "····● 0.70 [··········] 1.00 ·····"),
        ("0.70", "····· 0.70 [●·········] 1.00 ·····"),
        ("0.85", "····· 0.70 [·····●····] 1.00 ·····"),
        ("1.00", "····· 0.70 [·········●] 1.00 ·····"),
        ("1.001", "····· 0.70 [··········] 1.00 ●····"),
        ("1.99", "····· 0.70 [··········] 1.00 ····●"),
        ("9", "····· 0.70 [··········] 1.00 ····►"),
        ("-3", "◄···· 0.70 [··········] 1.00 ·····"),
    ],
)
def test_a_value_is_drawn_below_inside_or_above_its_interval(value: str, drawn: str) -> None:
    assert bar(value) == drawn


def test_a_limit_that_is_not_inside_is_drawn_outside() -> None:
    assert bar("0.70", low_inclusive=False) == "····● 0.70 [··········] 1.00 ·····"
    assert bar("1.00", high_inclusive=False) == "····· 0.70 [··········] 1.00 ●····"


def test_a_bound_is_drawn_as_the_stretch_that_it_allows() -> None:
    assert bar("0.85", panel_pb2.COMPARATOR_LESS) == "━━━━━ 0.70 [━━━━━━····] 1.00 ·····"
    assert bar("0.41", panel_pb2.COMPARATOR_LESS_OR_EQUAL) == "━━━·· 0.70 [··········] 1.00 ·····"
    assert bar("1.50", panel_pb2.COMPARATOR_GREATER) == "····· 0.70 [··········] 1.00 ··━━━"
    assert bar("9", panel_pb2.COMPARATOR_GREATER_OR_EQUAL) == "····· 0.70 [··········] 1.00 ····━"


def test_an_interval_with_one_limit_is_open_at_the_other_end() -> None:
    assert bar("75", low="60", high=None) == "····· 60 [··●·······"
    assert bar("900", low="60", high=None) == "····· 60 [·········►"
    assert bar("3", low=None, high="5") == "      ······●···] 5 ·····"
    assert bar("8", low=None, high="5") == "      ··········] 5 ···●·"


def test_an_interval_from_zero_is_drawn() -> None:
    assert bar("2.5", low="0", high="5") == "····· 0 [·····●····] 5 ·····"


def test_an_interval_without_limits_or_that_cannot_be_read_is_not_drawn() -> None:
    assert bar("1", low=None, high=None) == ""
    assert bar("1", low="x") == ""
    assert bar("NaN") == ""


def test_a_value_of_any_size_is_drawn() -> None:
    assert bar("1e999999") == bar("9")


def test_no_value_is_marked_in_an_interval_of_another_unit() -> None:
    interval = pb.IntervalInForce(low="1.7", high="2.4", unit="mg/dL")
    assert interval_bar(interval, pb.Reading(value="0.41", unit="mmol/L")) == "····· 1.7 [··········] 2.4 ·····"


def test_the_value_as_compared_is_marked_where_the_interval_is_in_its_unit() -> None:
    interval = pb.IntervalInForce(low="0.70", high="1.00", unit="mmol/L")
    reading = pb.Reading(value="1.7", unit="meq/L", compared_value="0.85", compared_unit="mmol/L")
    assert interval_bar(interval, reading) == "····· 0.70 [·····●····] 1.00 ·····"


REPORT = pb.Report(
    panel_id="low-magnesium",
    release=pb.ReleaseReference(version="1.0.0", digest="0123456789abcdef", engine="0.1.0"),
    urgency=pb.URGENCY_EMERGENCY,
    summary="Magnesium is low; potassium could not be judged.",
    intended_use="Supports a clinician's decision.",
    results=[
        pb.ResultInterpretation(
            analyte="magnesium",
            as_sent=panel_pb2.Result(analyte="magnesium", value="0.41", unit="mmol/L"),
            state=pb.RESULT_STATE_INTERPRETED,
            reading=pb.Reading(value="0.41", unit="mmol/L", compared_unit="mmol/L"),
            intervals=[
                pb.IntervalInForce(
                    low="0.70",
                    low_inclusive=True,
                    high="1.00",
                    high_inclusive=True,
                    unit="mmol/L",
                    origin=pb.INTERVAL_ORIGIN_DEFAULT,
                    applies_to="adults",
                )
            ],
            flag="L",
            band="moderate_low",
            critical=pb.CRITICAL_NO,
            ctcae_grade=2,
            cautions=[pb.Caution(id="interval_default_used", text="No interval came with the result.")],
            conflicts=[pb.Conflict(kind="flag", text="The laboratory's flag N disagrees.")],
            trend=pb.Trend(text="0.10 lower than a day before."),
        ),
        pb.ResultInterpretation(
            id="k1",
            analyte="potassium",
            as_sent=panel_pb2.Result(id="k1", comparator=panel_pb2.COMPARATOR_LESS, value="5.0"),
            state=pb.RESULT_STATE_REFUSED,
            refusal_reason=pb.REFUSAL_REASON_UNIT_MISSING,
            flag="IND",
            critical=pb.CRITICAL_POSSIBLE,
            explanation="No unit came with the value.",
            missing=["the unit"],
        ),
        pb.ResultInterpretation(
            analyte="calcium_adjusted",
            state=pb.RESULT_STATE_INTERPRETED,
            reading=pb.Reading(value="9.2", unit="mg/dL", compared_value="2.30", compared_unit="mmol/L"),
            flag="N",
            band="normal",
            critical=pb.CRITICAL_NO,
            cautions=[pb.Caution(id="interval_default_used", text="No interval came with the result.")],
        ),
    ],
    findings=[pb.Finding(id="MG_LOW", band="moderate_low", truth=pb.TRUTH_TRUE, text="Magnesium is low.")],
    patterns=[
        pb.Pattern(
            id="TRIAD",
            state=pb.PATTERN_STATE_POSSIBLE,
            urgency=pb.URGENCY_PROMPT,
            title="Magnesium, calcium and potassium low",
            evidence_for=[pb.Clause(expression="finding.MG_LOW", text="magnesium is low")],
            missing=[pb.Clause(expression="finding.CA_LOW")],
        ),
        pb.Pattern(
            id="PPI",
            state=pb.PATTERN_STATE_POSSIBLE,
            urgency=pb.URGENCY_NONE,
            title="Low magnesium on a proton pump inhibitor",
            text="Possible, and not established.",
            open_since="no medication list was sent",
        ),
        pb.Pattern(
            id="ALKALOSIS",
            state=pb.PATTERN_STATE_POSSIBLE,
            urgency=pb.URGENCY_NONE,
            title="Alkalosis",
            text="Possible, and not established. Not known: pH.",
            missing=[pb.Clause(expression="finding.PH_HIGH", text="pH")],
        ),
        pb.Pattern(
            id="DIGOXIN",
            state=pb.PATTERN_STATE_POSSIBLE,
            urgency=pb.URGENCY_NONE,
            title="Digoxin",
            open_since="no medication list was sent",
        ),
    ],
    symptoms=[
        pb.SymptomInterpretation(
            as_sent=panel_pb2.Symptom(text="cramps in both calves"),
            symptom_ids=["MUSCLE_CRAMP"],
            outcome=pb.SYMPTOM_OUTCOME_EXPLAINED,
            associations=[pb.Association(finding_id="MG_LOW", strength=pb.STRENGTH_SUPPORTIVE)],
        ),
        pb.SymptomInterpretation(
            as_sent=panel_pb2.Symptom(text="floaty \x1b[2J"), outcome=pb.SYMPTOM_OUTCOME_UNRECOGNISED
        ),
    ],
    red_flags=[pb.RedFlag(id="TETANY", urgency=pb.URGENCY_EMERGENCY, text="Tetany.", held=True)],
    recommendations=[
        pb.Recommendation(
            id="ECG_NOW",
            urgency=pb.URGENCY_EMERGENCY,
            text="Consider an ECG now.",
            time_frame="within one hour",
            because=["TETANY"],
            codes=[panel_pb2.Coding(code="11524-6")],
            safety_conditions=["the patient is monitored"],
        ),
        pb.Recommendation(id="CHECK_PTH", urgency=pb.URGENCY_PROMPT, text="Consider PTH."),
    ],
    withheld_recommendations=[
        pb.WithheldRecommendation(id="CHECK_MG", withheld_by="in_panel", reason="Magnesium is in the panel.")
    ],
    issues=[
        pb.DataQualityIssue(id="unit_missing", results=[1], text="A unit is missing."),
        pb.DataQualityIssue(id="text_not_recognised", field="symptoms[1]", text="Not recognised."),
    ],
)

TEXT = """\
════════════════════════════════════════════════════════════════════════════════════════════════════
low-magnesium                                                                              EMERGENCY
Low magnesium
────────────────────────────────────────────────────────────────────────────────────────────────────
Magnesium is low; potassium could not be judged.

RESULTS
  magnesium                 0.41 mmol/L             L    moderate_low     critical no
      ··●·· 0.70 [··········] 1.00 ·····  mmol/L  (default: adults)
      CTCAE grade 2 (information)
      ! The laboratory's flag N disagrees.
      0.10 lower than a day before.
      ! No interval came with the result. (interval_default_used)
  k1 (potassium)            <5.0                    IND  -                critical possible
      refused: unit_missing
  calcium_adjusted          9.2 mg/dL (computed)    N    normal           critical no
      9.2 mg/dL compared as 2.30 mmol/L
      ! interval_default_used

NOT JUDGED, OR ONLY ON A CONDITION
  - k1 (potassium): refused (unit_missing). No unit came with the value.
      needs: the unit
  - "floaty \ufffd[2J": not recognised

FINDINGS
  - MG_LOW [moderate_low] Magnesium is low.

RED FLAGS
  - EMERGENCY TETANY (held until the repeat) Tetany.

PATTERNS
  - POSSIBLE TRIAD PROMPT Magnesium, calcium and potassium low
      for: magnesium is low
      missing: finding.CA_LOW
  - POSSIBLE ALKALOSIS Alkalosis
      Possible, and not established. Not known: pH.
  - POSSIBLE not excluded, since no medication list was sent:
      PPI Low magnesium on a proton pump inhibitor
      DIGOXIN Digoxin

RECOMMENDATIONS, FOR A CLINICIAN TO CONSIDER
  EMERGENCY: within one hour
    - Consider an ECG now. (ECG_NOW)
        because of TETANY; to order: 11524-6
        provided that: the patient is monitored
  PROMPT
    - Consider PTH. (CHECK_PTH)

WITHHELD
  - CHECK_MG: Magnesium is in the panel. (in_panel)

SYMPTOMS
  - "cramps in both calves" = MUSCLE_CRAMP: explained
      MG_LOW: supportive
  - "floaty \ufffd[2J": unrecognised

DATA QUALITY
  - k1 (potassium): A unit is missing. (unit_missing)
  - symptoms[1]: Not recognised. (text_not_recognised)
────────────────────────────────────────────────────────────────────────────────────────────────────
release 1.0.0 (0123456789ab), engine 0.1.0
Supports a clinician's decision.
"""


def test_a_report_is_written_section_by_section() -> None:
    assert report_text(REPORT, "Low magnesium") == TEXT


@pytest.mark.parametrize(("intervals", "more"), [(5, "and 1 more interval that"), (6, "and 2 more intervals that")])
def test_intervals_beyond_the_page_are_counted(intervals: int, more: str) -> None:
    long = pb.Report()
    long.CopyFrom(REPORT)
    long.results[0].intervals.extend([long.results[0].intervals[0]] * (intervals - 1))
    assert more in report_text(long)


def test_what_is_said_of_a_part_names_the_part() -> None:
    sent = panel_pb2.Symptom(text="cramps, odd humming")
    report = pb.Report(
        symptoms=[
            pb.SymptomInterpretation(as_sent=sent, part="cramps", outcome=pb.SYMPTOM_OUTCOME_NOT_EXPLAINED),
            pb.SymptomInterpretation(as_sent=sent, part="odd humming", outcome=pb.SYMPTOM_OUTCOME_UNRECOGNISED),
        ],
        medications=[pb.RecognisedItem(as_sent="furosemide, zorb", ids=["loop_diuretic"], not_recognised=["zorb"])],
    )
    text = report_text(report)
    assert '"odd humming": not recognised' in text
    assert '"cramps": not explained' in text
    assert '"zorb": not recognised' in text
    assert '"furosemide, zorb" = loop_diuretic; not recognised: "zorb"' in text


def test_a_report_in_ascii_holds_nothing_else() -> None:
    text = report_text(REPORT, "Kalium µ ≤ \u201cx\u201d", Style(unicode=False))
    assert text.replace("\ufffd", "").isascii()
    assert "..o.. 0.70 [..........] 1.00 ....." in text


def test_colour_marks_urgency_only_where_it_is_wanted() -> None:
    assert "\x1b[31mEMERGENCY\x1b[0m" in report_text(REPORT, style=Style(colour=True))
    assert "\x1b" not in report_text(REPORT)


def test_no_line_is_longer_than_the_page() -> None:
    long = pb.Report()
    long.CopyFrom(REPORT)
    long.results[0].as_sent.value = "1" * 300
    long.summary = "word " * 100
    assert max(map(len, report_text(long, style=Style(columns=100)).splitlines())) <= 100


def test_what_a_stranger_sent_cannot_steer_the_terminal() -> None:
    assert printable("a\x1b[2Jb\u202ec\r\n") == "a\ufffd[2Jb\ufffdc\ufffd\ufffd"


def test_an_empty_report_is_written() -> None:
    assert "(panel without id)" in report_text(pb.Report())
