"""Findings that rest on several results, or on what a result is not (vocabulary.md 7.2): each at its limit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from labgloss.domain.panel import Panel, Result, SpecimenKind
from labgloss.domain.truth import Truth
from labgloss.engine.interpret import lay_out
from labgloss.knowledge.release import Release
from tests.unit.engine.panel_builder import panel, result

T, F, U = Truth.TRUE, Truth.FALSE, Truth.UNKNOWN
Finding = Callable[..., Truth]


@pytest.fixture
def finding(release: Release) -> Finding:
    """The truth of a finding in a panel, given as `panel_builder.panel` takes it."""

    def finding(ident: str, *results: Result, **context: Any) -> Truth:
        sent: Panel = panel(*results, **context)
        return lay_out(release, sent).facts.known["finding", ident]

    return finding


def at(hour: str, analyte: str, value: str, unit: str = "mmol/L", **fields: Any) -> Result:
    """A result of 15 January at an hour, or of another day that is said in full."""
    collected = hour if "-" in hour else f"2026-01-15T{hour}:00Z"
    return result(analyte, value, unit, collected=collected, **fields)


# ---------------------------------------------------------------------------------------------- PTH_PENDING


@pytest.mark.parametrize(
    ("results", "truth"),
    [
        ([result("pth", "", "pmol/L", status="registered")], T),
        ([result("pth", "", "pmol/L", status="preliminary")], T),
        ([result("pth", "", "pmol/L", status="cancelled")], U),
        ([result("pth", "", "pmol/L", status="final")], U),
        ([result("pth", "5.0", "pmol/L")], F),
        ([result("pth", "", "pmol/L", status="registered"), result("pth", "5.0", "pmol/L")], F),
        ([result("pth", "5.0", "")], U),
        ([], U),
    ],
)
def test_a_pth_is_pending_while_it_is_ordered_and_has_no_value(
    finding: Finding, results: list[Result], truth: Truth
) -> None:
    assert finding("PTH_PENDING", *results) is truth


# ---------------------------------------------------------------------------------------------- unchanged (DEC-02)


@pytest.mark.parametrize(
    ("ident", "results", "truth"),
    [
        # The reference change value is 15 percent of potassium and 6 of magnesium, and a change by all of it is none.
        ("K_UNCHANGED", [at("08:00", "potassium", "4.0"), at("09:00", "potassium", "3.4")], T),
        ("K_UNCHANGED", [at("08:00", "potassium", "4.0"), at("09:00", "potassium", "4.6")], T),
        ("K_UNCHANGED", [at("08:00", "potassium", "4.0"), at("09:00", "potassium", "3.39")], F),
        ("K_UNCHANGED", [at("08:00", "potassium", "4.0"), at("09:00", "potassium", "4.61")], F),
        ("MG_UNCHANGED", [at("08:00", "magnesium", "1.00"), at("09:00", "magnesium", "0.94")], T),
        ("MG_UNCHANGED", [at("08:00", "magnesium", "1.00"), at("09:00", "magnesium", "0.93")], F),
        # Only the result before it counts, and only a number says that nothing changed.
        (
            "K_UNCHANGED",
            [at("07:00", "potassium", "3.0"), at("08:00", "potassium", "4.0"), at("09:00", "potassium", "3.1")],
            F,
        ),
        ("K_UNCHANGED", [at("08:00", "potassium", "<3.0"), at("09:00", "potassium", "3.0")], U),
        ("K_UNCHANGED", [at("08:00", "potassium", "3.0"), at("09:00", "potassium", "<3.0")], U),
        ("K_UNCHANGED", [at("08:00", "magnesium", "0.7"), at("09:00", "potassium", "3.0")], U),
        ("K_UNCHANGED", [result("potassium", "3.0"), result("potassium", "3.0")], U),
        ("K_UNCHANGED", [], U),
    ],
)
def test_a_result_is_unchanged_within_the_reference_change_value(
    finding: Finding, ident: str, results: list[Result], truth: Truth
) -> None:
    assert finding(ident, *results) is truth


# ---------------------------------------------------------------------------------------------- K_RISE_FAST (DEC-04)


@pytest.mark.parametrize(
    ("earlier", "later", "truth"),
    [
        (at("06:00", "potassium", "5.0"), at("12:00", "potassium", "5.6"), T),
        # More than 0.5, within 12 hours, to a value above the interval.
        (at("06:00", "potassium", "5.0"), at("12:00", "potassium", "5.5"), F),
        (at("00:00", "potassium", "5.0"), at("12:00", "potassium", "5.6"), T),
        (at("00:00", "potassium", "5.0"), at("12:01", "potassium", "5.6"), U),
        (at("11:00", "potassium", "5.0"), at("12:00", "potassium", "5.6"), T),
        (at("06:00", "potassium", "3.4"), at("12:00", "potassium", "4.6"), F),
        (at("06:00", "potassium", "5.6"), at("12:00", "potassium", "5.0"), F),
        # A day without an hour says nothing of hours; a bound is no value; another unit is converted.
        (at("2026-01-15", "potassium", "5.0"), at("2026-01-15", "potassium", "5.6"), U),
        (at("06:00", "potassium", "<5.0"), at("12:00", "potassium", "5.6"), F),
        (at("06:00", "potassium", "19.5", "mg/dL"), at("12:00", "potassium", "5.6"), T),
        (at("06:00", "potassium", "5.0", ""), at("12:00", "potassium", "5.6"), U),
    ],
)
def test_a_fast_rise_of_potassium(finding: Finding, earlier: Result, later: Result, truth: Truth) -> None:
    assert finding("K_RISE_FAST", earlier, later) is truth
    assert finding("K_RISE_FAST", later, earlier) is truth


def test_one_potassium_has_not_risen_and_nobody_knows(finding: Finding) -> None:
    assert finding("K_RISE_FAST", at("06:00", "potassium", "5.6")) is U


# ---------------------------------------------------------------------------------------------- urea to creatinine


@pytest.mark.parametrize(
    ("urea", "creatinine", "truth"),
    [
        # 100.1 to 1, 100 to 1, 80.8 to 1, 80.7 to 1 by moles.
        (result("urea", "10.01", "mmol/L"), "100", T),
        (result("urea", "10.00", "mmol/L"), "100", U),
        (result("urea", "8.08", "mmol/L"), "100", U),
        (result("urea", "8.07", "mmol/L"), "100", F),
        (result("urea", ">10.01", "mmol/L"), "100", U),
        (result("urea", "10.01", "mmol/L"), "", U),
    ],
)
def test_urea_is_high_for_the_creatinine_by_moles(
    finding: Finding, urea: Result, creatinine: str, truth: Truth
) -> None:
    assert finding("UREA_CREAT_RATIO_HIGH", urea, result("creatinine", creatinine, "umol/L")) is truth


@pytest.mark.parametrize(("nitrogen", "truth"), [("20.1", T), ("20.0", F), ("17", F)])
def test_urea_nitrogen_is_high_for_the_creatinine_by_mass(finding: Finding, nitrogen: str, truth: Truth) -> None:
    """DK 5: the code says that the mass is that of nitrogen; its cut-off has nothing open."""
    urea = result("urea", nitrogen, "mg/dL", code="3094-0")
    assert finding("UREA_CREAT_RATIO_HIGH", urea, result("creatinine", "1.0", "mg/dL")) is truth


def test_without_both_there_is_no_ratio(finding: Finding) -> None:
    assert finding("UREA_CREAT_RATIO_HIGH", result("urea", "20", "mmol/L")) is U
    assert finding("UREA_CREAT_RATIO_HIGH", result("creatinine", "60", "umol/L")) is U


# ---------------------------------------------------------------------------------------------- ionised at pH 7.40


@pytest.mark.parametrize(
    ("ionised", "ph", "truth"),
    [
        # MC 4.3: measured x 10^(-0.178 x (7.40 - pH)); 1.10 at pH 7.55 is 1.17 at 7.40, inside 1.15 to 1.32.
        ("1.10", "7.55", T),
        ("1.10", "7.40", F),
        ("1.10", "7.50", F),
        ("1.20", "7.40", T),
        ("1.34", "7.35", T),
        ("1.34", "7.40", F),
        # Only between these pH.
        ("1.20", "7.6", T),
        ("1.20", "7.61", U),
        ("1.20", "7.2", F),
        ("1.20", "7.19", U),
        ("<1.20", "7.40", U),
        ("1.20", "<7.40", U),
    ],
)
def test_ionised_calcium_at_the_ph_of_health(finding: Finding, ionised: str, ph: str, truth: Truth) -> None:
    results = result("calcium_ionised", ionised, "mmol/L"), result("ph", ph, "[pH]")
    assert finding("CA_IONISED_PH74_NORMAL", *results) is truth


def test_without_a_ph_nothing_is_known_at_7_40(finding: Finding) -> None:
    assert finding("CA_IONISED_PH74_NORMAL", result("calcium_ionised", "1.20", "mmol/L")) is U


# ---------------------------------------------------------------------------------------------- calcium twice (DEC-19)


def calciums(*values: str, days: tuple[str, ...] = ("2026-01-10", "2026-01-15")) -> list[Result]:
    return [at(day, "calcium_adjusted", value) for day, value in zip(days, values, strict=True)]


@pytest.mark.parametrize(
    ("results", "high", "upper_normal"),
    [
        (calciums("2.70", "2.70"), T, T),
        (calciums("2.70", "2.50"), F, F),
        (calciums("2.60", "2.60"), F, T),
        (calciums("2.60", "2.70"), F, T),
        (calciums("2.60", "2.59"), F, F),
        # One collection twice is one.
        (calciums("2.70", "2.70", days=("2026-01-15", "2026-01-15")), F, F),
        (calciums("2.70", days=("2026-01-15",)), F, F),
    ],
)
def test_calcium_high_at_two_collections(
    finding: Finding, results: list[Result], high: Truth, upper_normal: Truth
) -> None:
    assert finding("CA_HIGH_TWICE", *results) is high
    assert finding("CA_UPPER_NORMAL_TWICE", *results) is upper_normal


def test_the_lower_of_the_two_limits_counts_with_a_feature_of_hyperparathyroidism(finding: Finding) -> None:
    """CA_UPPER_NORMAL from 2.50 with a member of phpt_features, in an adult."""
    results = calciums("2.50", "2.50")
    assert finding("CA_UPPER_NORMAL_TWICE", *results) is F
    assert finding("CA_UPPER_NORMAL_TWICE", *results, conditions=["osteoporosis"]) is T
    assert finding("CA_UPPER_NORMAL_TWICE", *results, conditions=["osteoporosis"], age="17 y") is F


# ---------------------------------------------------------------------------------------------- refeeding

FED = {"conditions": ["feeding_restarted_5d"]}
FALLS = ("REFEEDING_FALL_MILD", "REFEEDING_FALL_MODERATE", "REFEEDING_FALL_SEVERE")


@pytest.mark.parametrize(
    ("before", "now", "which"),
    [
        ("1.000", "0.901", None),
        ("1.000", "0.900", 0),
        ("1.000", "0.800", 0),
        ("1.000", "0.799", 1),
        ("1.000", "0.700", 1),
        ("1.000", "0.699", 2),
        ("1.000", "1.200", None),
    ],
)
def test_a_fall_after_feeding_is_one_of_three(finding: Finding, before: str, now: str, which: int | None) -> None:
    """10 to 20, above 20 to 30, above 30 percent."""
    results = at("2026-01-12", "phosphate", before), at("2026-01-15", "phosphate", now)
    found = [finding(ident, *results, **FED) for ident in FALLS]
    assert found == [T if place == which else F for place in range(3)]


def test_the_largest_fall_of_any_of_the_three_from_the_highest_earlier_value_counts(finding: Finding) -> None:
    results = [
        *(at("2026-01-12", "phosphate", "1.00"), at("2026-01-13", "phosphate", "0.80")),
        *(at("2026-01-15", "phosphate", "0.65"), at("2026-01-12", "potassium", "4.0")),
        at("2026-01-15", "potassium", "3.9"),
    ]
    assert finding("REFEEDING_FALL_SEVERE", *results, **FED) is T
    assert finding("REFEEDING_FALL_MILD", *results, **FED) is F


@pytest.mark.parametrize(
    ("context", "truth"), [({}, U), ({"conditions": []}, F), ({"conditions": ["inpatient"]}, F), (FED, T)]
)
def test_a_fall_counts_only_while_feeding_was_restarted(
    finding: Finding, context: dict[str, Any], truth: Truth
) -> None:
    results = at("2026-01-12", "magnesium", "1.00"), at("2026-01-15", "magnesium", "0.60")
    assert finding("REFEEDING_FALL_SEVERE", *results, **context) is truth


def test_without_an_earlier_value_no_fall_is_known(finding: Finding) -> None:
    assert finding("REFEEDING_FALL_MILD", at("2026-01-15", "phosphate", "0.6"), **FED) is U
    assert finding("REFEEDING_FALL_MILD", result("phosphate", "0.6", "mmol/L"), **FED) is U


# ---------------------------------------------------------------------------------------------- pairs of specimens

PLASMA, WHOLE, SERUM = SpecimenKind.PLASMA, SpecimenKind.WHOLE_BLOOD, SpecimenKind.SERUM


def pair(
    serum: str, other: str, kind: SpecimenKind | None = PLASMA, hours: tuple[str, str] = ("08:00", "08:00")
) -> Any:
    return (
        at(hours[0], "potassium", serum, specimen={"id": "a", "kind": SERUM}),
        at(hours[1], "potassium", other, specimen={"id": "b", "kind": kind}),
    )


@pytest.mark.parametrize(
    ("results", "serum_above", "plasma_above"),
    [
        (pair("5.0", "4.5"), T, F),
        (pair("4.9", "4.5"), F, F),
        (pair("4.5", "5.0"), F, T),
        (pair("4.5", "4.9"), F, F),
        (pair("5.0", "4.5", WHOLE), T, F),
        (pair("5.0", "<4.5"), U, U),
        (pair("5.0", "4.5", SERUM), U, U),
        (pair("5.0", "4.5", None), U, U),
        (pair("5.0", "4.5", hours=("08:00", "08:01")), U, U),
        (pair("5.0", "4.5")[:1], U, U),
    ],
)
def test_the_gap_between_serum_and_plasma(
    finding: Finding, results: tuple[Result, ...], serum_above: Truth, plasma_above: Truth
) -> None:
    """K8: more than 0.4 mmol/L at one time."""
    assert finding("K_SERUM_PLASMA_GAP", *results) is serum_above
    assert finding("K_PLASMA_SERUM_GAP", *results) is plasma_above
