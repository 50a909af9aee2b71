"""Which calcium counts. Numbers of the M cases: MC 8."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from labgloss.domain.report import Critical, ResultState, Urgency
from tests.unit.engine.conftest import Read
from tests.unit.engine.panel_builder import cautions, entry, recommended, result

TOTAL, ADJUSTED, IONISED = "calcium_total", "calcium_adjusted", "calcium_ionised"


def value_of(item: Any) -> str:
    return str(item.reading.quantity.value)


# ---------------------------------------------------------------------------------------------- R-ADJ-1, the formula


@pytest.mark.parametrize(
    ("total", "albumin", "unit", "albumin_unit", "adjusted"),
    [
        # M01, M04, M05, M10, M11 in mmol/L: total + 0.02 x (40 - albumin).
        ("2.32", "42", "mmol/L", "g/L", "2.28"),
        ("3.62", "30", "mmol/L", "g/L", "3.82"),
        ("1.78", "34", "mmol/L", "g/L", "1.90"),
        ("1.8", "18", "mmol/L", "g/L", "2.24"),
        ("2.05", "28", "mmol/L", "g/L", "2.29"),
        # M02, M03, M14 in mg/dL: total + 0.8 x (4.0 - albumin), 9.22 and 10.82 rounded half-up.
        ("8.1", "2.6", "mg/dL", "g/dL", "9.2"),
        ("10.9", "4.1", "mg/dL", "g/dL", "10.8"),
        ("6.1", "4.0", "mg/dL", "g/dL", "6.1"),
        # Albumin in the other unit, and a total in meq/L: 2.20 mmol/L, in the unit of the total.
        ("2.05", "2.8", "mmol/L", "g/dL", "2.29"),
        ("8.1", "26", "mg/dL", "g/L", "9.2"),
        ("4.0", "30", "meq/L", "g/L", "4.40"),
        # Half-up, not to the even digit: 2.185 and 9.05.
        ("2.085", "35", "mmol/L", "g/L", "2.19"),
        ("8.25", "3.0", "mg/dL", "g/dL", "9.1"),
    ],
)
def test_total_and_albumin_make_an_adjusted_calcium(
    read: Read, total: str, albumin: str, unit: str, albumin_unit: str, adjusted: str
) -> None:
    report = read(result(TOTAL, total, unit), result("albumin", albumin, albumin_unit))
    found = entry(report, ADJUSTED)
    assert value_of(found) == adjusted
    assert (found.index, found.computed_from) == (None, (0, 1))


def test_the_computed_value_is_rounded_before_it_is_compared(read: Read) -> None:
    """2.196 is below 2.20, and rounds to it."""
    report = read(result(TOTAL, "1.996", "mmol/L"), result("albumin", "30", "g/L"))
    assert (value_of(entry(report, ADJUSTED)), entry(report, ADJUSTED).flag) == ("2.20", "N")


def test_a_reported_adjusted_calcium_is_never_adjusted_again(read: Read) -> None:
    report = read(result(ADJUSTED, "2.02", "mmol/L"), result("albumin", "25", "g/L"), result(TOTAL, "1.72", "mmol/L"))
    assert [item.analyte for item in report.results] == [ADJUSTED, "albumin", TOTAL]
    assert value_of(entry(report, ADJUSTED)) == "2.02"


def test_the_computed_one_takes_the_interval_of_its_total(read: Read) -> None:
    """vocabulary.md 3."""
    report = read(result(TOTAL, "2.00", "mmol/L", interval="2.25-2.50"), result("albumin", "30", "g/L"))
    assert entry(report, ADJUSTED).flag == "L"


@pytest.mark.parametrize(
    ("total", "albumin"),
    [
        (result(TOTAL, "<2.00", "mmol/L"), result("albumin", "30", "g/L")),
        (result(TOTAL, "2.00", "mmol/L"), result("albumin", ">20", "g/L")),
        (result(TOTAL, "2.00", "mmol/L"), result("albumin", "low", "g/L")),
        (result(TOTAL, "2.00", "mmol/L"), result("albumin", "30", "")),
        (result(TOTAL, "2.00", "mmol/L"), result("albumin", "30", "g/L", status="cancelled")),
        (result(TOTAL, "2.00", ""), result("albumin", "30", "g/L")),
    ],
)
def test_a_bound_or_a_refused_result_adjusts_nothing(read: Read, total: Any, albumin: Any) -> None:
    assert [item.analyte for item in read(total, albumin).results] == [TOTAL, "albumin"]


@pytest.mark.parametrize(("age", "adjusted"), [("27 d", False), ("28 d", True)])
def test_a_newborns_calcium_is_not_adjusted(read: Read, age: str, adjusted: bool) -> None:
    """MC 4.2: below 28 days the total counts, without a caution for its albumin."""
    report = read(result(TOTAL, "2.00", "mmol/L"), result("albumin", "30", "g/L"), age=age, preterm=False)
    assert (ADJUSTED in [item.analyte for item in report.results]) is adjusted
    if not adjusted:
        assert entry(report, TOTAL).band == "normal"
        assert "albumin_missing" not in cautions(entry(report, TOTAL))


def test_an_age_that_may_be_a_newborns_judges_both_views(read: Read) -> None:
    """0 completed years: adjusted 2.20 and total 2.00 cannot be told apart without the age."""
    report = read(result(TOTAL, "2.00", "mmol/L"), result("albumin", "30", "g/L"), age="0 y", preterm=False)
    assert entry(report, TOTAL).flag == entry(report, ADJUSTED).flag == "IND"


@pytest.mark.parametrize(
    ("total", "albumin"),
    [
        (result(TOTAL, "2.00", "mmol/L"), result("albumin", "30", "g/L", specimen={"conditions": ("QS",)})),
        # 5.0 mg/dL or 5.0 mmol/L: refused, unit_conflict.
        (result("", "5.0", "mg/dL", code="2000-8"), result("albumin", "40", "g/L")),
    ],
)
def test_a_result_refused_for_its_specimen_or_code_adjusts_nothing(read: Read, total: Any, albumin: Any) -> None:
    """SP 0.2: refused is unknown. An adjusted 2.20 would be a false normal."""
    report = read(total, albumin)
    assert any(item.refusal_reason for item in report.results)
    assert [item.result_class.value for item in report.results if item.computed_from] in ([], ["indeterminate"])


def test_two_albumins_of_one_draw_give_one_answer_in_either_order(read: Read) -> None:
    """30 g/L makes 2.20, normal, and 44 g/L 1.92, low."""
    total, albumins = result(TOTAL, "2.00", "mmol/L"), [result("albumin", value, "g/L") for value in ("30", "44")]
    assert read(total, *albumins).urgency is read(total, *reversed(albumins)).urgency


# ---------------------------------------------------------------------------------------------- R-PRIM


def test_ionised_counts_before_every_other(read: Read) -> None:
    """M10: total 1.80 looks critical and adjusted 2.24 normal; ionised 1.12 decides."""
    report = read(
        result(TOTAL, "1.8", "mmol/L"), result("albumin", "18", "g/L"), result(IONISED, "1.12", "mmol/L"),
        result("ph", "7.28", ""), conditions=["critical_illness"],
    )  # fmt: skip
    ionised, total, adjusted = (entry(report, key) for key in (IONISED, TOTAL, ADJUSTED))
    assert (ionised.band, ionised.flag, ionised.ctcae_grade) == ("mild_low", "L", 1)
    assert "calcium_discordant" in cautions(ionised)
    for other, flag in ((total, "L"), (adjusted, "N")):
        assert (other.band, other.critical, other.flag) == ("", Critical.NO, flag)
        assert "not_primary_calcium" in cautions(other)
    assert "adjustment_not_valid" in cautions(adjusted)
    assert report.urgency is Urgency.PROMPT
    assert {"CHECK_MG", "CHECK_IONISED_CA"} <= set(recommended(report))


@pytest.mark.parametrize("better", [IONISED, ADJUSTED])
def test_a_calcium_of_a_better_kind_does_not_hide_a_later_one(read: Read, better: str) -> None:
    """Promise 5: 20 hours later the total has become critical."""
    value = "1.20" if better == IONISED else "2.30"
    before = result(better, value, "mmol/L", collected="2026-01-01T13:00:00Z")
    since = result(TOTAL, "1.60", "mmol/L", collected="2026-01-02T09:00:00Z")
    for sent in ((before, since), (since, before)):
        report = read(*sent)
        assert (entry(report, TOTAL).band, entry(report, TOTAL).critical) == ("severe_low", Critical.YES)
        assert entry(report, better).band == "normal"
        assert report.urgency is Urgency.EMERGENCY


def test_a_later_ionised_calcium_counts_before_what_was_drawn_earlier(read: Read) -> None:
    report = read(
        result(TOTAL, "1.60", "mmol/L", collected="2026-01-01T13:00:00Z"),
        result(IONISED, "1.20", "mmol/L", collected="2026-01-02T09:00:00Z"),
    )
    assert (entry(report, TOTAL).band, entry(report, TOTAL).critical) == ("", Critical.NO)
    assert report.urgency is Urgency.NONE


def test_a_reported_adjusted_calcium_gives_way_to_a_later_computed_one(read: Read) -> None:
    """DEC-85: the latest adjusted calcium counts, and the earlier one keeps its class."""
    now = "2026-01-02T09:00:00Z"
    report = read(
        result(ADJUSTED, "1.70", "mmol/L", id="before", collected="2026-01-01T13:00:00Z"),
        result(TOTAL, "2.10", "mmol/L", collected=now), result("albumin", "30", "g/L", collected=now),
    )  # fmt: skip
    before, adjusted = entry(report, "before"), report.results[-1]
    assert (before.flag, before.critical, before.earlier) == ("L", Critical.NO, True)
    assert (value_of(adjusted), adjusted.band) == ("2.30", "normal")
    # That of LOW_ALBUMIN_PSEUDOHYPOCALCAEMIA: of the calcium itself nothing is left.
    assert report.urgency is Urgency.ROUTINE


def test_reported_adjusted_counts_before_total(read: Read) -> None:
    report = read(result(TOTAL, "1.75", "mmol/L"), result(ADJUSTED, "2.30", "mmol/L"))
    assert entry(report, ADJUSTED).band == "normal"
    assert (entry(report, TOTAL).band, entry(report, TOTAL).critical) == ("", Critical.NO)
    assert report.urgency is Urgency.NONE


def test_computed_adjusted_counts_before_total(read: Read) -> None:
    """M02: an unadjusted 8.1 looks low, adjusted 9.2 is normal; the total keeps its own flag."""
    report = read(result(TOTAL, "8.1", "mg/dL"), result("albumin", "2.6", "g/dL"), age="71 y")
    assert (entry(report, ADJUSTED).band, entry(report, ADJUSTED).ctcae_grade) == ("normal", 0)
    assert (entry(report, TOTAL).flag, entry(report, TOTAL).band) == ("L", "")
    assert "CA_TOTAL_LOW" in [finding.id for finding in report.findings]
    assert "CA_LOW" not in [finding.id for finding in report.findings]


def test_a_total_alone_is_judged_and_said_to_be_unadjusted(read: Read) -> None:
    """M20."""
    report = read(result(TOTAL, "5.0", "mg/dL"))
    found = entry(report)
    assert (found.band, found.critical, found.ctcae_grade) == ("severe_low", Critical.YES, None)
    assert "albumin_missing" in cautions(found)
    assert report.urgency is Urgency.EMERGENCY
    assert {"CHECK_MG", "PHONE_CRITICAL_RESULT", "ECG_NOW", "CHECK_IONISED_CA", "QUERY_UNITS_WITH_LAB"} <= set(
        recommended(report)
    )


def test_a_refused_ionised_calcium_decides_nothing(read: Read) -> None:
    report = read(result(IONISED, "clotted", "mmol/L"), result(ADJUSTED, "1.85", "mmol/L"))
    assert entry(report, ADJUSTED).band == "severe_low"


@pytest.mark.parametrize("code", ["13959-2", "18281-6"])
def test_a_calculated_or_protein_adjusted_calcium_decides_nothing(read: Read, code: str) -> None:
    """MC 8.1, error 6."""
    report = read(result("", "1.20", "mmol/L", code=code), result(ADJUSTED, "1.85", "mmol/L"))
    assert entry(report, ADJUSTED).band == "severe_low"


@pytest.mark.parametrize(
    ("ionised", "adjusted", "discordant"),
    [
        ("1.20", "2.30", False),
        ("1.20", "2.10", True),
        ("1.20", "2.70", True),
        ("1.10", "2.10", False),
        ("1.10", "2.30", True),
        ("1.10", "2.70", True),
        ("1.50", "2.30", True),
    ],
)
def test_ionised_and_adjusted_on_different_sides_are_discordant(
    read: Read, ionised: str, adjusted: str, discordant: bool
) -> None:
    report = read(result(IONISED, ionised, "mmol/L"), result(ADJUSTED, adjusted, "mmol/L"))
    assert ("calcium_discordant" in cautions(entry(report, IONISED))) is discordant
    assert ("CHECK_IONISED_CA" in recommended(report)) is discordant


def test_an_open_ionised_calcium_is_on_no_side_and_so_not_discordant(read: Read) -> None:
    """Below 1.30 may be low or normal, as the adjusted one is."""
    report = read(result(IONISED, "<1.30", "mmol/L"), result(ADJUSTED, "2.30", "mmol/L"))
    assert "calcium_discordant" not in cautions(entry(report, IONISED))


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (
            result(ADJUSTED, "2.30", "mmol/L", collected="2026-01-09"),
            result(TOTAL, "1.70", "mmol/L", collected="2026-01-10"),
        ),
        (
            result(IONISED, "1.20", "mmol/L", collected="2025-01-10"),
            result(ADJUSTED, "1.70", "mmol/L", collected="2026-01-10"),
        ),
    ],
)
def test_a_calcium_of_an_earlier_day_does_not_decide_todays(read: Read, before: Any, now: Any) -> None:
    """DEC-85: the present state decides."""
    report = read(before, now)
    assert entry(report, 1).critical is Critical.YES
    assert report.urgency is Urgency.EMERGENCY


# ---------------------------------------------------------------------------------------------- R-ADJ-4, validity


@pytest.mark.parametrize(
    ("more", "patient", "valid"),
    [
        ([], {}, True),
        ([], {"conditions": ["dialysis"]}, False),
        ([], {"conditions": ["critical_illness"]}, False),
        ([], {"conditions": ["paraprotein"]}, False),
        ([], {"conditions": ["massive_transfusion"]}, False),
        ([result("egfr", "29", "mL/min/{1.73_m2}")], {}, False),
        ([result("egfr", "30", "mL/min/{1.73_m2}")], {}, True),
        ([result("ph", "7.29", "")], {}, False),
        ([result("ph", "7.30", "")], {}, True),
        ([result("ph", "7.50", "")], {}, True),
        ([result("ph", "7.51", "")], {}, False),
    ],
)
def test_a_state_that_spoils_the_adjustment_makes_it_invalid(
    read: Read, more: list[Any], patient: dict[str, Any], valid: bool
) -> None:
    """MC 4.2, first row. Total 2.05 is low, adjusted 2.29 normal."""
    report = read(result(TOTAL, "2.05", "mmol/L"), result("albumin", "28", "g/L"), *more, **patient)
    found = entry(report, ADJUSTED)
    assert ("adjustment_not_valid" in cautions(found)) is not valid
    assert found.flag == ("N" if valid else "IND")


@pytest.mark.parametrize(
    ("albumin", "unit", "caution"),
    [
        ("19", "g/L", "adjustment_not_valid"),
        ("1.9", "g/dL", "adjustment_not_valid"),
        ("20", "g/L", "adjustment_low_confidence"),
        ("2.4", "g/dL", "adjustment_low_confidence"),
        ("24", "g/L", "adjustment_low_confidence"),
        ("25", "g/L", None),
        ("50", "g/L", None),
        ("51", "g/L", "adjustment_low_confidence"),
    ],
)
def test_albumin_decides_how_far_the_adjustment_is_trusted(
    read: Read, albumin: str, unit: str, caution: str | None
) -> None:
    found = entry(read(result(TOTAL, "2.20", "mmol/L"), result("albumin", albumin, unit)), ADJUSTED)
    assert {name for name in cautions(found) if name.startswith("adjustment")} == ({caution} if caution else set())


@pytest.mark.parametrize(("egfr", "low"), [("30", True), ("59", True), ("60", False)])
def test_a_reduced_egfr_lowers_the_confidence(read: Read, egfr: str, low: bool) -> None:
    report = read(
        result(TOTAL, "2.30", "mmol/L"), result("albumin", "38", "g/L"), result("egfr", egfr, "mL/min/{1.73_m2}")
    )
    assert ("adjustment_low_confidence" in cautions(entry(report, ADJUSTED))) is low


@pytest.mark.parametrize(("age", "low"), [("28 d", True), ("15 y", True), ("16 y", False)])
def test_a_childs_adjustment_is_of_low_confidence(read: Read, age: str, low: bool) -> None:
    report = read(result(TOTAL, "2.30", "mmol/L"), result("albumin", "38", "g/L"), age=age)
    assert ("adjustment_low_confidence" in cautions(entry(report, ADJUSTED))) is low


def test_two_views_on_different_sides_give_no_verdict(read: Read) -> None:
    """M11."""
    report = read(
        result(TOTAL, "2.05", "mmol/L"),
        result("albumin", "28", "g/L"),
        age="59 y",
        sex="female",
        conditions=["dialysis"],
    )
    for key in (TOTAL, ADJUSTED):
        found = entry(report, key)
        assert (found.flag, found.band, found.critical, found.ctcae_grade) == ("IND", "", Critical.NO, None)
        assert (found.state, found.missing[:1]) == (ResultState.CONDITIONAL, ("an ionised calcium",))
    assert "CA_INDETERMINATE" in [finding.id for finding in report.findings]
    assert report.urgency is Urgency.PROMPT
    assert "CHECK_IONISED_CA" in recommended(report)


def test_two_views_on_one_side_take_the_worse_band_and_critical(read: Read) -> None:
    """Total 1.75 is severe and critical, adjusted 1.99 mild."""
    report = read(result(TOTAL, "1.75", "mmol/L"), result("albumin", "28", "g/L"), conditions=["dialysis"])
    for key in (TOTAL, ADJUSTED):
        found = entry(report, key)
        assert (found.flag, found.band, found.critical) == ("LL", "severe_low", Critical.YES)
        assert found.state is ResultState.CONDITIONAL
    # The adjusted value is graded: 1.75 <= 1.99 < 2.0.
    assert (entry(report, ADJUSTED).ctcae_grade, entry(report, TOTAL).ctcae_grade) == (2, None)
    assert report.urgency is Urgency.EMERGENCY


def test_both_views_of_m18_are_the_same_number(read: Read) -> None:
    report = read(
        result(TOTAL, "13.1", "mg/dL"), result("albumin", "4.0", "g/dL"), result("egfr", "24", "mL/min/{1.73_m2}"),
        age="70 y", sex="female",
    )  # fmt: skip
    found = entry(report, ADJUSTED)
    assert (found.band, found.flag, found.ctcae_grade) == ("moderate_high", "HH", 3)
    assert {"PHONE_CRITICAL_RESULT", "ECG_NOW", "CHECK_IONISED_CA", "REVIEW_MEDICATIONS"} <= set(recommended(report))


@pytest.mark.parametrize(
    "results",
    [
        [result(TOTAL, "2.30", "mmol/L"), result("albumin", "40", "g/L"), result(TOTAL, "1.70", "mmol/L")],
        [result(ADJUSTED, "2.30", "mmol/L"), result(TOTAL, "2.30", "mmol/L"), result(ADJUSTED, "1.70", "mmol/L")],
    ],
)
def test_no_critical_is_lost_among_several_calciums(read: Read, results: list[Any]) -> None:
    """Promise 5; without the dialysis 1.70 is critical."""
    assert read(*results, conditions=[]).urgency is Urgency.EMERGENCY
    assert read(*results, conditions=["dialysis"]).urgency >= Urgency.SAME_DAY


@pytest.mark.parametrize(
    ("total", "albumin", "critical", "urgency"),
    [
        # Total 1.75 critical, adjusted 2.25 normal.
        ("1.75", "15", Critical.POSSIBLE, Urgency.SAME_DAY),
        # Total 1.95 mild low, adjusted 2.45 normal.
        ("1.95", "15", Critical.NO, Urgency.PROMPT),
        # Total 1.85 severe and not critical, adjusted 2.35 normal.
        ("1.85", "15", Critical.NO, Urgency.SAME_DAY),
        # Total 2.59 normal, adjusted 3.05 moderate and critical.
        ("2.59", "17", Critical.POSSIBLE, Urgency.SAME_DAY),
    ],
)
def test_one_critical_view_is_possible_and_the_worse_one_sets_the_urgency(
    read: Read, total: str, albumin: str, critical: Critical, urgency: Urgency
) -> None:
    """DEC-44, MC 3.2."""
    report = read(result(TOTAL, total, "mmol/L"), result("albumin", albumin, "g/L"))
    assert {entry(report, key).critical for key in (TOTAL, ADJUSTED)} == {critical}
    assert entry(report, ADJUSTED).flag == "IND"
    assert report.urgency is urgency


def test_with_ionised_calcium_the_views_need_not_agree(read: Read) -> None:
    report = read(
        result(TOTAL, "2.05", "mmol/L"), result("albumin", "28", "g/L"), result(IONISED, "1.20", "mmol/L"),
        conditions=["dialysis"],
    )  # fmt: skip
    assert entry(report, IONISED).band == "normal"
    assert entry(report, ADJUSTED).flag == "N"


def test_a_reported_adjusted_calcium_without_a_total_is_judged_with_a_caution(read: Read) -> None:
    """DEC-43."""
    report = read(result(ADJUSTED, "2.05", "mmol/L"), conditions=["dialysis"])
    found = entry(report)
    assert (found.band, found.state) == ("mild_low", ResultState.INTERPRETED)
    assert "adjustment_not_valid" in cautions(found)
    assert "CHECK_IONISED_CA" in recommended(report)


# ---------------------------------------------------------------------------------------------- whole cases


def test_a_normal_panel_is_normal(read: Read) -> None:
    """M01."""
    report = read(
        result(TOTAL, "2.32", "mmol/L"), result("albumin", "42", "g/L"), result("magnesium", "0.82", "mmol/L"),
        age="34 y", sex="female", pregnant=False,
    )  # fmt: skip
    assert [entry(report, key).flag for key in (ADJUSTED, TOTAL, "magnesium")] == ["N", "N", "N"]
    assert report.urgency is Urgency.NONE
    assert recommended(report) == []


def test_adjusted_1_90_is_not_below_1_90(read: Read) -> None:
    """M05."""
    report = read(
        result(TOTAL, "1.78", "mmol/L"), result("albumin", "34", "g/L"), result("magnesium", "0.38", "mmol/L"),
        result("potassium", "2.9", "mmol/L"), age="55 y", conditions=["alcohol_misuse"],
    )  # fmt: skip
    assert (entry(report, ADJUSTED).band, entry(report, ADJUSTED).ctcae_grade) == ("mild_low", 2)
    assert (entry(report, "magnesium").band, entry(report, "magnesium").ctcae_grade) == ("severe_low", 3)
    assert entry(report, "potassium").band == "moderate_low"
    assert report.urgency is Urgency.EMERGENCY
    assert {
        "PHONE_CRITICAL_RESULT", "ECG_NOW", "CONSIDER_MG_REPLETION_FIRST", "SAFETY_RENAL_BEFORE_MG",
        "REVIEW_MEDICATIONS", "CHECK_PTH",
    } <= set(recommended(report))  # fmt: skip


def test_severe_hypercalcaemia_is_a_critical_emergency(read: Read) -> None:
    """M04."""
    report = read(result(TOTAL, "3.62", "mmol/L"), result("albumin", "30", "g/L"), age="66 y")
    found = entry(report, ADJUSTED)
    assert (found.band, found.flag, found.ctcae_grade) == ("severe_high", "HH", 4)
    assert report.urgency is Urgency.EMERGENCY


def test_a_mild_hypercalcaemia_below_11_2_is_routine(read: Read) -> None:
    """M03."""
    report = read(
        result(TOTAL, "10.9", "mg/dL"), result("albumin", "4.1", "g/dL"), age="58 y", sex="female", pregnant=False
    )
    assert (entry(report, ADJUSTED).band, entry(report, ADJUSTED).ctcae_grade) == ("mild_high", 1)
    assert report.urgency is Urgency.ROUTINE


def test_a_jittery_newborn_with_7_4_is_an_emergency_and_not_critical_by_number(read: Read) -> None:
    """M16: 8.0-10.8 at term, critical to 7.0."""
    report = read(
        result(TOTAL, "7.4", "mg/dL"), result("albumin", "2.9", "g/dL"), age="3 d", preterm=False,
        symptoms=["NEONATAL_JITTERINESS"],
    )  # fmt: skip
    found = entry(report, TOTAL)
    assert (found.band, found.critical, found.ctcae_grade) == ("mild_low", Critical.NO, None)
    assert report.urgency is Urgency.EMERGENCY
    assert {"CHECK_MG", "ECG_NOW", "CHECK_IONISED_CA"} <= set(recommended(report))


def test_calcium_of_1_2_is_low_whatever_the_code_says(read: Read) -> None:
    """design.md: a peer compared 1.2 mmol/L with limits in mg/dL and found it normal."""
    for code in ("2000-8", "17861-6", "35246-8"):
        assert entry(read(result("", "1.2", "mmol/L", code=code))).flag == "LL"


def test_two_totals_are_each_adjusted_with_the_albumin_of_their_draw(read: Read) -> None:
    report = read(
        result(TOTAL, "2.00", "mmol/L", specimen={"id": "A"}), result("albumin", "30", "g/L", specimen={"id": "A"}),
        result(TOTAL, "2.00", "mmol/L", specimen={"id": "B"}), result("albumin", "38", "g/L", specimen={"id": "B"}),
    )  # fmt: skip
    values = {
        item.computed_from: item.reading.quantity.value
        for item in report.results
        if item.reading and item.computed_from
    }
    assert values == {(0, 1): Decimal("2.20"), (2, 3): Decimal("2.04")}
