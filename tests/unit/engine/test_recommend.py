"""Merged, ordered, without contradictions; nothing withheld unsaid (vocabulary.md 13)."""

from __future__ import annotations

from typing import Any

import pytest

from labgloss.domain.report import Report, Urgency
from labgloss.domain.truth import Truth
from labgloss.engine.facts import Facts
from labgloss.engine.recommend import recommend
from labgloss.engine.weighing import Brought
from labgloss.knowledge.release import Release
from tests.unit.engine.conftest import Read
from tests.unit.engine.panel_builder import recommended, result

CONTACTS = {"EMERGENCY_PATHWAY", "SAME_DAY_CLINICAL_CONTACT", "PROMPT_CLINICAL_REVIEW", "ROUTINE_REVIEW"}


# vocabulary.md 4.2: a value of a band, in mmol/L or nmol/L, and what the report contains at least.
MINIMA = """
magnesium 0.40: ECG_NOW CHECK_K CHECK_CA_ADJUSTED CHECK_CREATININE_EGFR REVIEW_MEDICATIONS
    SAFETY_RENAL_BEFORE_MG
magnesium 0.55: CHECK_K CHECK_CA_ADJUSTED CHECK_CREATININE_EGFR REVIEW_MEDICATIONS SAFETY_RENAL_BEFORE_MG
    REPEAT_SAMPLE_ROUTINE
magnesium 1.20: CHECK_CREATININE_EGFR REVIEW_MED_MG_CONTAINING REPEAT_SAMPLE_ROUTINE
magnesium 2.10: ECG_NOW CHECK_CREATININE_EGFR CHECK_K CHECK_CA_ADJUSTED REVIEW_MED_MG_CONTAINING
calcium_adjusted 1.85: ECG_NOW CHECK_MG CHECK_K CHECK_PTH CHECK_25OHD CHECK_PHOSPHATE CHECK_CREATININE_EGFR
    CHECK_IONISED_CA
calcium_adjusted 2.05: CHECK_MG CHECK_PTH CHECK_25OHD CHECK_PHOSPHATE CHECK_CREATININE_EGFR REVIEW_MEDICATIONS
    REPEAT_SAMPLE_ROUTINE
calcium_adjusted 2.70: CHECK_PTH CHECK_25OHD CHECK_PHOSPHATE CHECK_CREATININE_EGFR CHECK_MG REVIEW_MEDICATIONS
    REPEAT_SAMPLE_ROUTINE
calcium_adjusted 3.10: ECG_NOW CHECK_PTH CHECK_CREATININE_EGFR CHECK_K CHECK_MG REVIEW_MEDICATIONS
calcium_total 2.05: CHECK_MG CHECK_PHOSPHATE CHECK_CREATININE_EGFR REVIEW_MEDICATIONS CHECK_IONISED_CA
    CHECK_ALBUMIN
calcium_total 3.10: ECG_NOW CHECK_PTH CHECK_CREATININE_EGFR CHECK_K CHECK_MG REVIEW_MEDICATIONS
calcium_ionised 0.95: ECG_NOW CHECK_MG CHECK_K CHECK_PTH CHECK_25OHD CHECK_PHOSPHATE CHECK_CREATININE_EGFR
potassium 2.4: ECG_NOW CHECK_MG CHECK_CA_ADJUSTED CHECK_PHOSPHATE CHECK_BICARBONATE CHECK_CREATININE_EGFR
    CHECK_GLUCOSE CHECK_URINE_K_CL REVIEW_MEDICATIONS
potassium 2.8: ECG_NOW CHECK_MG CHECK_BICARBONATE CHECK_CREATININE_EGFR REVIEW_MEDICATIONS
potassium 3.2: CHECK_MG CHECK_BICARBONATE CHECK_CREATININE_EGFR REVIEW_MEDICATIONS REPEAT_SAMPLE_ROUTINE
potassium 5.4: CHECK_CREATININE_EGFR REVIEW_MEDICATIONS REPEAT_SAMPLE_ROUTINE
potassium 5.7: CHECK_CREATININE_EGFR CHECK_BICARBONATE CHECK_GLUCOSE REVIEW_MEDICATIONS REPEAT_SAMPLE_ROUTINE
potassium 6.2: ECG_NOW REPEAT_SAMPLE_NOW CHECK_CREATININE_EGFR CHECK_BICARBONATE CHECK_GLUCOSE
    REVIEW_MEDICATIONS
potassium 6.5: ECG_NOW REPEAT_SAMPLE_NOW CHECK_CREATININE_EGFR CHECK_BICARBONATE CHECK_GLUCOSE CHECK_CK
    CHECK_CA_ADJUSTED REVIEW_MEDICATIONS
sodium 124: CHECK_OSMOLALITY CHECK_URINE_SODIUM_OSMOLALITY CHECK_GLUCOSE REVIEW_MEDICATIONS
sodium 132: REVIEW_MEDICATIONS REPEAT_SAMPLE_ROUTINE
sodium 148: CONSIDER_VOLUME_ASSESSMENT CHECK_CREATININE_EGFR REPEAT_SAMPLE_ROUTINE
sodium 156: CONSIDER_VOLUME_ASSESSMENT CHECK_OSMOLALITY CHECK_CREATININE_EGFR CHECK_GLUCOSE
vitamin_d_25oh 20: CHECK_CA_ADJUSTED CHECK_PHOSPHATE CHECK_ALP CHECK_PTH CHECK_CREATININE_EGFR CHECK_MG
    CONSIDER_VITD_REPLETION
vitamin_d_25oh 40: CONSIDER_VITD_INTAKE_ADVICE
vitamin_d_25oh 130: CHECK_CA_ADJUSTED REVIEW_MED_CALCIUM_VITD REPEAT_SAMPLE_ROUTINE
vitamin_d_25oh 260: CHECK_CA_ADJUSTED CHECK_CREATININE_EGFR CHECK_PHOSPHATE CHECK_PTH REVIEW_MED_CALCIUM_VITD
    QUERY_UNITS_WITH_LAB
vitamin_d_25oh 400: CHECK_CA_ADJUSTED CHECK_CREATININE_EGFR CHECK_PHOSPHATE CHECK_PTH REVIEW_MED_CALCIUM_VITD
    QUERY_UNITS_WITH_LAB CHECK_ALBUMIN CHECK_125OHD
"""


def minima() -> list[tuple[str, str, set[str]]]:
    """Analyte, value and recommendations of every row; a row goes on where its lines are indented."""
    rows = MINIMA.strip().replace("\n    ", " ").splitlines()
    pairs = [row.split(": ") for row in rows]
    return [(*named.split(), set(ids.split())) for named, ids in pairs]  # type: ignore[misc]  # two words are two fields


@pytest.mark.parametrize(("analyte", "value", "minimum"), minima())
def test_a_band_brings_at_least_its_minimum(read: Read, analyte: str, value: str, minimum: set[str]) -> None:
    unit = "nmol/L" if analyte == "vitamin_d_25oh" else "mmol/L"
    assert minimum <= set(recommended(read(result(analyte, value, unit), conditions=[])))


@pytest.mark.parametrize(
    ("analyte", "value"), [("magnesium", "0.85"), ("calcium_adjusted", "2.40"), ("potassium", "4.2"), ("sodium", "140")]
)
def test_a_normal_result_brings_nothing(read: Read, analyte: str, value: str) -> None:
    assert recommended(read(result(analyte, value, "mmol/L"))) == []


# ---------------------------------------------------------------------------------------------- contact line, telephone


@pytest.mark.parametrize(
    ("results", "contact"),
    [
        ([result("potassium", "6.9", "mmol/L"), result("sodium", "132", "mmol/L")], "EMERGENCY_PATHWAY"),
        ([result("potassium", "6.2", "mmol/L"), result("magnesium", "0.55", "mmol/L")], "SAME_DAY_CLINICAL_CONTACT"),
        ([result("magnesium", "0.55", "mmol/L")], "PROMPT_CLINICAL_REVIEW"),
        ([result("sodium", "132", "mmol/L")], "ROUTINE_REVIEW"),
        ([result("sodium", "140", "mmol/L")], None),
        ([result("potassium", "2.1", "")], "SAME_DAY_CLINICAL_CONTACT"),
    ],
)
def test_there_is_one_contact_line_that_of_the_overall_urgency(
    read: Read, results: list[Any], contact: str | None
) -> None:
    """DEC-03."""
    report = read(*results)
    assert CONTACTS & set(recommended(report)) == ({contact} if contact else set())
    assert contact is None or recommended(report)[0] == contact


@pytest.mark.parametrize(
    ("sent", "telephoned"),
    [
        (result("potassium", "6.5", "mmol/L"), True),
        (result("potassium", "6.4", "mmol/L"), False),
        (result("potassium", "<3.0", "mmol/L"), True),
        (result("potassium", "99", "mmol/L"), True),
        (result("potassium", "2.1", ""), True),
        (result("potassium", "6.9", "mmol/L", status="cancelled"), False),
    ],
)
def test_a_critical_or_possible_one_is_telephoned(read: Read, sent: Any, telephoned: bool) -> None:
    assert ("PHONE_CRITICAL_RESULT" in recommended(read(sent))) is telephoned


# ---------------------------------------------------------------------------------------------- merged, ordered


def test_the_same_recommendation_stands_once_with_every_reason(read: Read) -> None:
    report = read(result("magnesium", "0.45", "mmol/L"), result("calcium_adjusted", "1.85", "mmol/L", id="ca"))
    ids = recommended(report)
    assert len(ids) == len(set(ids))
    ecg = next(item for item in report.recommendations if item.id == "ECG_NOW")
    assert {"ca: severe_low", "MG_LOW_WITH_SECONDARY_HYPOCALCAEMIA"} <= set(ecg.because)
    assert ecg.urgency is Urgency.EMERGENCY


def test_the_most_urgent_comes_first_and_equals_in_the_order_of_the_release(read: Read, release: Release) -> None:
    report = read(
        result("potassium", "6.9", "mmol/L"), result("magnesium", "0.55", "mmol/L"), result("sodium", "132", "mmol/L")
    )
    order = list(release.recommendations)
    keys = [(-item.urgency, order.index(item.id)) for item in report.recommendations]
    assert keys == sorted(keys)
    assert [item.urgency for item in report.recommendations][-1] < report.urgency


def test_magnesium_comes_before_calcium_and_potassium(read: Read) -> None:
    """design.md, 10."""
    report = read(result("calcium_adjusted", "2.05", "mmol/L"), result("potassium", "2.8", "mmol/L"))
    ids = recommended(report)
    assert ids.index("CHECK_MG") < ids.index("CHECK_PTH")


def test_a_recommendation_says_by_when_and_what_to_order(read: Read) -> None:
    report = read(result("potassium", "6.2", "mmol/L"))
    ecg = next(item for item in report.recommendations if item.id == "ECG_NOW")
    assert (ecg.kind, ecg.codes, ecg.time_frame) == ("ecg", ("11524-6",), "today, within 24 hours")
    assert "recommendation.ECG_NOW" in ecg.rule_ids


# ---------------------------------------------------------------------------------------------- repeat, checks


@pytest.mark.parametrize(
    ("value", "repeat"), [("5.7", "REPEAT_SAMPLE_ROUTINE"), ("6.2", "REPEAT_SAMPLE_NOW"), ("6.5", "REPEAT_SAMPLE_NOW")]
)
def test_a_repeat_is_now_or_later_by_the_overall_urgency(read: Read, value: str, repeat: str) -> None:
    found = recommended(read(result("potassium", value, "mmol/L")))
    assert [name for name in found if name.startswith("REPEAT_SAMPLE")] == [repeat]


def test_a_routine_repeat_becomes_one_now_beside_an_urgent_result(read: Read) -> None:
    report = read(result("magnesium", "0.55", "mmol/L"), result("sodium", "124", "mmol/L"))
    found = [name for name in recommended(report) if name.startswith("REPEAT_SAMPLE")]
    assert found == ["REPEAT_SAMPLE_NOW"]


@pytest.mark.parametrize(
    ("beside", "asked"),
    [
        ([], True),
        ([result("magnesium", "0.85", "mmol/L")], False),
        ([result("magnesium", "0.85", "mmol/L", status="preliminary")], True),
        ([result("magnesium", "0.85", "")], True),
        ([result("magnesium", "0.85", "mmol/L", status="cancelled")], True),
        ([result("magnesium", "<0.90", "mmol/L")], True),
    ],
)
def test_a_test_is_not_asked_for_when_it_is_in_the_panel_final_and_reliable(
    read: Read, beside: list[Any], asked: bool
) -> None:
    """vocabulary.md 4.2."""
    assert ("CHECK_MG" in recommended(read(result("calcium_adjusted", "2.05", "mmol/L"), *beside))) is asked


def test_a_result_without_an_interval_is_there_all_the_same(read: Read) -> None:
    """CK has no interval of its own; a potassium of 6.5 asks for it."""
    potassium = result("potassium", "6.6", "mmol/L")
    assert "CHECK_CK" in recommended(read(potassium))
    assert "CHECK_CK" not in recommended(read(potassium, result("ck", "240", "U/L")))
    assert "CHECK_CK" in recommended(read(potassium, result("ck", "240", "U/L", status="preliminary")))


def test_an_earlier_result_does_not_make_a_test_unnecessary(read: Read) -> None:
    report = read(
        result("calcium_adjusted", "2.05", "mmol/L", collected="2026-01-10"),
        result("magnesium", "0.85", "mmol/L", collected="2026-01-01"),
        result("magnesium", "haemolysed", "mmol/L", collected="2026-01-10"),
    )
    magnesium = report.results[1]
    assert magnesium.earlier is False
    assert "CHECK_MG" not in recommended(report)


@pytest.mark.parametrize(("taken", "given"), [(Truth.TRUE, True), (Truth.UNKNOWN, True), (Truth.FALSE, False)])
def test_what_a_recommendation_needs_may_be_unknown_and_not_false(release: Release, taken: Truth, given: bool) -> None:
    facts = Facts(release, None, {("medication", "ppi"): taken})
    brought = [Brought("REVIEW_MED_PPI", "made up", Urgency.ROUTINE, ())]
    found = recommend(release, (), facts, brought, Urgency.NONE).given
    assert [item.id for item in found] == (["REVIEW_MED_PPI"] if given else [])


def test_of_several_bands_that_remain_the_worst_brings_its_minimum(read: Read) -> None:
    """Potassium below 3.0: severe_low and moderate_low (D3, K13)."""
    found = set(recommended(read(result("potassium", "<3.0", "mmol/L"))))
    assert {"CHECK_URINE_K_CL", "CHECK_PHOSPHATE", "CHECK_GLUCOSE", "REQUEST_NUMERIC_RESULT"} <= found


def test_a_review_of_a_drug_that_is_known_not_to_be_taken_is_left_out(read: Read) -> None:
    low = (result("magnesium", "0.55", "mmol/L"), result("calcium_adjusted", "2.05", "mmol/L"))
    assert "REVIEW_MED_PPI" not in recommended(read(*low, medications=[]))
    assert "REVIEW_MED_PPI" in recommended(read(*low, medications=["ppi"]))


# --------------------------------------------------------------------------------------------- withheld, contradictions


def test_what_is_withheld_is_said_with_the_reason(read: Read) -> None:
    report = read(result("vitamin_d_25oh", "18", "nmol/L"), result("calcium_adjusted", "2.95", "mmol/L"))
    withheld = {item.id: item for item in report.withheld_recommendations}
    assert set(withheld) == {"CONSIDER_VITD_REPLETION"}
    assert withheld["CONSIDER_VITD_REPLETION"].reason == (
        "With a calcium that is high or may be, granulomatous disease, a parathyroid cause, kidney stones or severely "
        "reduced kidney function vitamin D can do harm; specialist advice comes first."
    )
    assert withheld["CONSIDER_VITD_REPLETION"].because == ("vitamin_d_25oh: deficient",)
    assert "SAFETY_NO_VITD_LOADING" in recommended(report)


def test_a_contradiction_never_survives(read: Read, release: Release) -> None:
    """vocabulary.md 13.3, over panels that bring both sides."""
    panels = [
        (
            result("vitamin_d_25oh", value, "nmol/L"),
            result("calcium_adjusted", calcium, "mmol/L"),
            result("potassium", k, "mmol/L"),
        )
        for value in ("18", "40")
        for calcium in ("2.05", "2.95", "3.10")
        for k in ("2.4", "5.4", "6.2")
    ]
    for results in panels:
        found = set(recommended(read(*results, conditions=["sarcoidosis"])))
        assert not any({pair.winner, pair.loser} <= found for pair in release.contradictions)
        assert len(CONTACTS & found) == 1
        assert not {"REPEAT_SAMPLE_NOW", "REPEAT_SAMPLE_ROUTINE"} <= found


def test_a_refused_look_alike_asks_for_the_test_that_was_meant(read: Read) -> None:
    report = read(result("", "0.5", "mmol/L", code="2600-5"))
    assert "CHECK_MG" in recommended(report)
    assert report.urgency is Urgency.ROUTINE


def test_no_text_gives_a_dose_or_an_order(release: Release) -> None:
    """vocabulary.md 13."""
    for row in release.recommendations.values():
        words = set(row.text.casefold().replace(".", " ").replace(",", " ").split())
        assert not words & {"mg", "mmol", "units", "ml", "iu", "give", "start", "stop", "administer", "diagnosis"}, (
            row.id
        )


# ------------------------------------------------------------------------------------------------------- words, time


def test_now_is_said_where_it_is_meant(read: Read) -> None:
    def text_of(report: Report, ident: str) -> str:
        return next(item.text for item in report.recommendations if item.id == ident)

    assert text_of(read(result("potassium", "7.2", "mmol/L")), "ECG_NOW") == "Consider a 12-lead ECG now."
    assert text_of(read(result("potassium", "6.1", "mmol/L")), "ECG_NOW") == "Consider a 12-lead ECG the same day."
    source = "REVIEW_MED_MG_CONTAINING"
    assert text_of(read(result("magnesium", "1.15", "mmol/L")), source).startswith("Review every source")
    assert text_of(read(result("magnesium", "2.20", "mmol/L")), source).startswith("Review at once every source")
    unit = "QUERY_UNITS_WITH_LAB"
    assert "now" not in text_of(read(result("sodium", "140", "")), unit)
    assert "now" in text_of(read(result("potassium", "2.1", "")), unit)


def test_what_is_as_urgent_as_the_report_is_so_whatever_brought_it(read: Read) -> None:
    """A call and a fresh specimen of now stand under no later time (vocabulary.md 13.3)."""
    report = read(result("magnesium", "0.62", "mmol/L"), result("potassium", "7.2", "mmol/L"))
    given = {item.id: item.urgency for item in report.recommendations}
    assert report.urgency is Urgency.EMERGENCY
    assert given["PHONE_CRITICAL_RESULT"] is given["REPEAT_SAMPLE_NOW"] is report.urgency
    later = read(result("magnesium", "2.10", "mmol/L"), result("potassium", "2.4", ""), symptoms=["COMA"])
    assert {item.id: item.urgency for item in later.recommendations}["PHONE_CRITICAL_RESULT"] is later.urgency


def test_a_discordant_calcium_is_repeated_within_a_time(read: Read) -> None:
    """The urgency of the panel is that of the ionised value (R-PRIM)."""
    report = read(result("calcium_ionised", "1.25", "mmol/L"), result("calcium_adjusted", "3.60", "mmol/L"))
    assert report.urgency is Urgency.NONE
    assert {item.id: item.urgency for item in report.recommendations}["CHECK_IONISED_CA"] is Urgency.PROMPT
