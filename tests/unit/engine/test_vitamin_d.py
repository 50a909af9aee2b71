"""25-OH vitamin D by policy (DK 2.3, D1 to D13)."""

from __future__ import annotations

from typing import Any

import pytest

from labgloss.domain.report import IntervalOrigin, ResultState, Urgency
from labgloss.domain.subject import AgeUnit, StatedAge
from labgloss.engine.facts import Facts
from labgloss.engine.select import policy_for
from labgloss.knowledge.release import Release
from tests.unit.engine.conftest import Read, ReadOne
from tests.unit.engine.panel_builder import cautions, entry, issues, recommended, result

D, D3, D2 = "vitamin_d_25oh", "vitamin_d_25oh_d3", "vitamin_d_25oh_d2"

# ---------------------------------------------------------------------------------------------- policies


@pytest.mark.parametrize(
    ("policy", "value", "unit", "flag", "band"),
    [
        ("nam_2011", "29.9", "nmol/L", "L", "deficient"),
        ("nam_2011", "30", "nmol/L", "L", "inadequate"),
        ("nam_2011", "49.9", "nmol/L", "L", "inadequate"),
        ("nam_2011", "50", "nmol/L", "N", "sufficient"),
        ("nam_2011", "125", "nmol/L", "N", "sufficient"),
        ("nam_2011", "125.1", "nmol/L", "H", "high"),
        ("nam_2011", "250.1", "nmol/L", "H", "very_high"),
        ("nam_2011", "375.1", "nmol/L", "H", "toxic_range"),
        ("nam_2011", "11.9", "ng/mL", "L", "deficient"),
        ("nam_2011", "12", "ng/mL", "L", "inadequate"),
        ("nam_2011", "20", "ng/mL", "N", "sufficient"),
        ("nam_2011", "50.1", "ng/mL", "H", "high"),
        ("nam_2011", "150.1", "ng/mL", "H", "toxic_range"),
        ("grc_2016", "50", "nmol/L", "L", "inadequate"),
        ("grc_2016", "50.1", "nmol/L", "N", "sufficient"),
        ("grc_2016", "20", "ng/mL", "L", "inadequate"),
        ("ros_2018", "24.9", "nmol/L", "L", "deficient"),
        ("ros_2018", "25", "nmol/L", "L", "inadequate"),
        ("ros_2018", "50", "nmol/L", "L", "inadequate"),
        ("ros_2018", "50.1", "nmol/L", "N", "sufficient"),
        ("nos_2013", "12", "ng/mL", "L", "inadequate"),
        ("nos_2013", "20", "ng/mL", "L", "inadequate"),
        ("sacn_2016", "24.9", "nmol/L", "L", "inadequate"),
        ("sacn_2016", "25", "nmol/L", "N", "sufficient"),
        ("efsa_2016", "49.9", "nmol/L", "L", "inadequate"),
        ("efsa_2016", "50", "nmol/L", "N", "sufficient"),
        ("es_2011", "19.9", "ng/mL", "L", "deficient"),
        ("es_2011", "20", "ng/mL", "L", "inadequate"),
        ("es_2011", "30", "ng/mL", "N", "sufficient"),
        ("es_2011", "100", "ng/mL", "N", "sufficient"),
        ("es_2011", "100.1", "ng/mL", "H", "very_high"),
        ("es_2024", "10", "nmol/L", "IND", "no_band"),
        ("es_2024", "250", "nmol/L", "IND", "no_band"),
        ("es_2024", "250.1", "nmol/L", "H", "very_high"),
        ("es_2024", "375.1", "nmol/L", "H", "toxic_range"),
        ("ags_2014", "29.9", "ng/mL", "L", "inadequate"),
        ("ags_2014", "30", "ng/mL", "N", "sufficient"),
        ("mayo_lab", "24.9", "nmol/L", "L", "deficient"),
        ("mayo_lab", "49.9", "nmol/L", "L", "inadequate"),
        ("mayo_lab", "50", "nmol/L", "N", "sufficient"),
        ("mayo_lab", "80.1", "ng/mL", "H", "very_high"),
        ("mayo_lab", "150.1", "ng/mL", "H", "toxic_range"),
        # Wording only: the default of the age.
        ("kdigo_ckdmbd_2017", "50", "nmol/L", "N", "sufficient"),
        ("kdoqi_legacy", "29.9", "nmol/L", "L", "deficient"),
    ],
)
def test_a_policy_cuts_where_it_was_written_in_the_unit_reported(
    read_one: ReadOne, policy: str, value: str, unit: str, flag: str, band: str
) -> None:
    """D1, D2, vocabulary.md 15.1."""
    found = read_one(result(D, value, unit), vitamin_d_policy=policy)
    assert (found.flag, found.band) == (flag, band)


def test_twenty_nanograms_are_sufficient_though_they_convert_to_less_than_fifty(read_one: ReadOne) -> None:
    """DK-M09: 49.9 nmol/L."""
    found = read_one(result(D, "20", "ng/mL"), age="52 y")
    assert found.band == "sufficient"
    assert found.reading is not None
    assert found.reading.other is not None
    assert str(found.reading.other.value)[:5] == "49.91"


@pytest.mark.parametrize(("age", "band"), [("17 y", "inadequate"), ("18 y", "sufficient")])
def test_exactly_fifty_is_inadequate_below_18_years_only(read_one: ReadOne, age: str, band: str) -> None:
    """grc_2016 is the default below 18 years, nam_2011 from 18."""
    assert read_one(result(D, "50", "nmol/L"), age=age).band == band


def test_an_unknown_age_leaves_exactly_fifty_open(read_one: ReadOne) -> None:
    found = read_one(result(D, "50", "nmol/L"), age=None)
    assert (found.flag, found.bands, found.missing) == ("IND", ("inadequate", "sufficient"), ("the age at collection",))


def test_the_policy_in_force_is_said(read: Read) -> None:
    for chosen, value, by in (("", "nam_2011", "default"), ("ros_2018", "ros_2018", "request")):
        choice = read(result(D, "40", "nmol/L"), vitamin_d_policy=chosen).choices[0]
        assert (choice.name, choice.value, choice.chosen_by) == ("vitamin_d_policy", value, by)


@pytest.mark.parametrize(
    ("policy", "patient", "applies"),
    [
        ("aace_2020", {"conditions": ["osteoporosis"]}, True),
        ("aace_2020", {"conditions": []}, False),
        ("aace_2020", {}, False),
        ("ags_2014", {"age": "80 y"}, True),
        ("ags_2014", {"age": "17 y"}, False),
    ],
)
def test_a_policy_speaks_for_its_population_only(
    read: Read, policy: str, patient: dict[str, Any], applies: bool
) -> None:
    """DEC-68, DK-M19: 28 ng/mL is below the target of 30, and sufficient by every default."""
    report = read(result(D, "28", "ng/mL"), vitamin_d_policy=policy, **patient)
    assert ("policy_not_applicable" in issues(report)) is not applies
    assert entry(report).band == ("inadequate" if applies else "sufficient")


def test_a_policy_is_not_used_for_a_patient_not_known_to_be_of_its_population(release: Release) -> None:
    for age, applies in ((None, False), (StatedAge(17, AgeUnit.YEARS), False), (StatedAge(80, AgeUnit.YEARS), True)):
        policy = policy_for(release, age, "ags_2014", Facts(release, age))
        assert (policy.row.id == "ags_2014", policy.not_applicable == "") == (applies, applies)


@pytest.mark.parametrize(
    ("policy", "caution"),
    [("es_2011", "policy_withdrawn"), ("nos_2013", "policy_withdrawn"), ("es_2024", "policy_without_bands")],
)
def test_a_policy_that_no_longer_stands_says_so(read_one: ReadOne, policy: str, caution: str) -> None:
    assert caution in cautions(read_one(result(D, "40", "nmol/L"), vitamin_d_policy=policy))


def test_a_policy_without_bands_gives_no_class_and_is_not_open(read: Read) -> None:
    """DEC-67."""
    report = read(result(D, "20", "nmol/L"), vitamin_d_policy="es_2024")
    found = entry(report)
    assert (found.flag, found.band, found.state) == ("IND", "no_band", ResultState.INTERPRETED)
    assert report.urgency is Urgency.NONE


def test_a_supplied_interval_is_not_used(read_one: ReadOne) -> None:
    """D13: 18-27 ng/mL of trimester 1 describes a poorly replete population."""
    found = read_one(result(D, "18", "ng/mL", interval="18-27"), sex="female", age="30 y", pregnant=True, trimester=1)
    assert (found.flag, found.band) == ("L", "inadequate")
    assert "interval_supplied_not_used" in cautions(found)
    assert {shown.origin for shown in found.intervals} == {IntervalOrigin.POLICY}


def test_a_supplied_interval_with_its_unit_is_not_used_either(read_one: ReadOne) -> None:
    found = read_one(result(D, "18", "ng/mL", interval="10-22 ng/ml"))
    assert found.flag == "L"
    assert "interval_supplied_not_used" in cautions(found)


def test_a_total_of_an_earlier_draw_does_not_hide_later_components(read: Read) -> None:
    """DEC-85."""
    components = [result(ident, value, "ng/mL", collected="2026-01-01") for ident, value in ((D3, "8"), (D2, "2"))]
    report = read(result(D, "70", "nmol/L", id="before", collected="2025-01-01"), *components)
    assert (entry(report, "before").flag, entry(report, "before").earlier) == ("N", True)
    assert report.results[-1].band == "deficient"
    assert read(result(D, "70", "nmol/L", collected="2026-01-01"), *components).urgency is Urgency.NONE


def test_a_sum_of_a_preliminary_component_is_preliminary(read: Read) -> None:
    report = read(result(D3, "15", "ng/mL", status="preliminary"), result(D2, "6", "ng/mL"))
    assert "preliminary_result" in cautions(entry(report, D))


def test_no_interval_judges_a_component(read: Read) -> None:
    """D4, DEC-73: a component alone is no vitamin D status, so that it is never called normal."""
    report = read(result(D3, "15", "ng/mL", code="1989-3", interval=("10", "50")))
    component = entry(report, D3)
    assert (component.flag, component.band, component.intervals) == ("IND", "", ())
    assert "interval_supplied_not_used" in cautions(component)
    assert entry(report, D).flag == "IND"


def test_vitamin_d_is_never_critical(read_one: ReadOne) -> None:
    """D11."""
    for value in ("4", "1500", "<4", ">1000"):
        assert read_one(result(D, value, "ng/mL")).critical.name == "NO"


# ---------------------------------------------------------------------------------------------- near a cut-off


@pytest.mark.parametrize(
    ("value", "unit", "near"),
    [
        # Cut-offs of nam_2011 and 25 nmol/L (10 ng/mL); exactly 10 % is inside (DEC-80).
        ("22.4", "nmol/L", False),
        ("22.5", "nmol/L", True),
        ("33", "nmol/L", True),
        ("33.1", "nmol/L", False),
        ("44.9", "nmol/L", False),
        ("45", "nmol/L", True),
        ("55", "nmol/L", True),
        ("55.1", "nmol/L", False),
        ("112.5", "nmol/L", True),
        ("138", "nmol/L", False),
        ("412.5", "nmol/L", True),
        ("9", "ng/mL", True),
        ("8.9", "ng/mL", False),
        ("22", "ng/mL", True),
        ("22.1", "ng/mL", False),
        ("<22", "ng/mL", False),
    ],
)
def test_within_ten_percent_of_a_cut_off_is_near_it(read_one: ReadOne, value: str, unit: str, near: bool) -> None:
    assert ("near_cut_off" in cautions(read_one(result(D, value, unit)))) is near


def test_the_cut_offs_are_those_of_the_policy(read_one: ReadOne) -> None:
    assert "near_cut_off" not in cautions(read_one(result(D, "50", "nmol/L"), vitamin_d_policy="sacn_2016"))
    assert "near_cut_off" in cautions(read_one(result(D, "27", "nmol/L"), vitamin_d_policy="sacn_2016"))


@pytest.mark.parametrize(("age", "infant"), [("11 mo", True), ("12 mo", False), ("0 y", True), (None, False)])
def test_an_infants_epimer_may_interfere(read_one: ReadOne, age: str | None, infant: bool) -> None:
    """D12: below 1 year of age, where the age is known to be."""
    assert ("epimer_interference_possible" in cautions(read_one(result(D, "60", "nmol/L"), age=age))) is infant


# ---------------------------------------------------------------------------------------------- components


def test_two_components_are_summed(read: Read) -> None:
    """D4."""
    report = read(result(D3, "30", "nmol/L"), result(D2, "25", "nmol/L"))
    total = entry(report, D)
    assert total.reading is not None
    assert (str(total.reading.quantity.value), total.band, total.computed_from) == ("55", "sufficient", (0, 1))
    assert "d3_fraction_only" not in cautions(total)


def test_components_in_two_units_are_summed_by_their_own_molar_masses(read: Read) -> None:
    """10 ng/mL of D2 is 24.23 nmol/L (M 412.7)."""
    total = entry(read(result(D3, "30", "nmol/L"), result(D2, "10", "ng/mL")), D)
    assert total.reading is not None
    assert str(total.reading.quantity.value) == "54.2"


@pytest.mark.parametrize(
    ("component", "value", "bands", "flag"),
    [
        (D3, "18", ("inadequate", "sufficient", "high", "very_high", "toxic_range"), "IND"),
        (D3, "20", ("sufficient", "high", "very_high", "toxic_range"), "IND"),
        (D3, "51", ("high", "very_high", "toxic_range"), "H"),
        (D3, "151", ("toxic_range",), "H"),
        (D2, "5", ("deficient", "inadequate", "sufficient", "high", "very_high", "toxic_range"), "IND"),
    ],
)
def test_one_component_is_a_lower_bound_of_the_total(
    read: Read, component: str, value: str, bands: tuple[str, ...], flag: str
) -> None:
    """DEC-22, DEC-73; in ng/mL."""
    report = read(result(component, value, "ng/mL"))
    total = entry(report, D)
    assert (total.bands, total.flag) == (bands, flag)
    assert "d3_fraction_only" in cautions(total)
    part = entry(report, component)
    assert (part.flag, part.band, part.bands) == ("IND", "", ())
    assert part.reading is not None
    assert str(part.reading.quantity.value) == value


def test_a_total_that_was_sent_counts_before_its_components(read: Read) -> None:
    report = read(result(D3, "30", "nmol/L"), result(D2, "25", "nmol/L"), result(D, "48", "nmol/L"))
    assert entry(report, D).band == "inadequate"
    assert entry(report, D).computed_from == ()


def test_a_component_below_a_value_bounds_nothing_from_below(read: Read) -> None:
    total = entry(read(result(D3, "<10", "nmol/L")), D)
    assert total.flag == "IND"
    assert "deficient" in total.bands


def test_two_components_below_values_bound_their_sum(read: Read) -> None:
    total = entry(read(result(D3, "<10", "nmol/L"), result(D2, "<5", "nmol/L")), D)
    assert (total.flag, total.bands) == ("L", ("deficient",))


def test_a_component_below_a_value_adds_nothing_to_the_bound(read: Read) -> None:
    """48 and less than 5 may be 48: the bound stays below 50."""
    total = entry(read(result(D3, "48", "nmol/L"), result(D2, "<5", "nmol/L")), D)
    assert total.bands[0] == "inadequate"


@pytest.mark.parametrize(
    "parts",
    [
        [result(D3, "30", "nmol/L"), result(D2, "25", "nmol/L", specimen={"conditions": ("QS",)})],
        # 22 ng/mL or 22 nmol/L: refused, unit_conflict.
        [result("", "22", "ng/mL", code="14635-7"), result("", "1", "ng/mL", code="49054-0")],
    ],
)
def test_a_refused_component_is_not_summed(read: Read, parts: list[Any]) -> None:
    """A sum of 55 nmol/L or 23 ng/mL would be a false normal."""
    report = read(*parts)
    assert any(item.refusal_reason for item in report.results)
    assert "N" not in [item.flag for item in report.results if item.analyte == D]


# ---------------------------------------------------------------------------------------------- acute phase


@pytest.mark.parametrize(
    ("crp", "flag", "caution"),
    [
        ("10", "L", False),
        ("10.1", "L", True),
        ("30", "L", True),
        ("30.1", "IND", True),
        (">140", "IND", True),
        (">5", "L", False),
    ],
)
def test_an_acute_phase_cautions_and_then_opens_a_low_result(read: Read, crp: str, flag: str, caution: bool) -> None:
    """D6, DK-M15."""
    report = read(result(D, "24", "nmol/L"), result("crp", crp, "mg/L"), result("calcium_adjusted", "2.40", "mmol/L"))
    found = entry(report)
    assert (found.flag, found.bands) == (flag, ("deficient",))
    assert ("acute_phase" in cautions(found)) is caution
    if flag == "IND":
        assert (found.state, found.missing) == (ResultState.CONDITIONAL, ("a repeat after the acute phase",))
        assert report.urgency is Urgency.ROUTINE
        assert "REPEAT_SAMPLE_ROUTINE" in recommended(report)
        assert "CONSIDER_VITD_REPLETION" not in recommended(report)
        assert found.band == ""


def test_a_sufficient_result_stands_in_an_acute_phase(read: Read) -> None:
    found = entry(read(result(D, "60", "nmol/L"), result("crp", "140", "mg/L")))
    assert (found.flag, cautions(found)) == ("N", set())


@pytest.mark.parametrize(
    ("more", "stands"),
    [
        ([result("calcium_adjusted", "2.05", "mmol/L")], True),
        ([result("alp", "200", "U/L"), result("phosphate", "0.60", "mmol/L")], True),
        ([result("alp", "200", "U/L"), result("pth", "18", "pmol/L")], True),
        ([result("alp", "200", "U/L")], False),
        ([result("phosphate", "0.60", "mmol/L")], False),
        ([result("calcium_adjusted", "2.40", "mmol/L")], False),
    ],
)
def test_osteomalacia_or_a_low_calcium_makes_the_low_result_real(read: Read, more: list[Any], stands: bool) -> None:
    """DEC-54."""
    found = entry(read(result(D, "24", "nmol/L"), result("crp", "140", "mg/L"), *more))
    assert (found.flag == "L") is stands


def test_an_earlier_crp_decides_nothing(read: Read) -> None:
    found = entry(
        read(
            result(D, "24", "nmol/L", collected="2026-01-10"),
            result("crp", "140", "mg/L", collected="2026-01-01"),
            result("crp", "4", "mg/L", collected="2026-01-10"),
        )
    )
    assert found.flag == "L"
    assert "acute_phase" not in cautions(found)


# ---------------------------------------------------------------------------------------------- safety


@pytest.mark.parametrize(
    ("more", "patient"),
    [
        ([result("calcium_adjusted", "2.95", "mmol/L")], {}),
        ([], {"conditions": ["sarcoidosis"]}),
        ([], {"conditions": ["primary_hyperparathyroidism_known"]}),
        ([], {"symptoms": ["KIDNEY_STONE"]}),
        ([result("egfr", "29", "mL/min/{1.73_m2}")], {}),
    ],
)
@pytest.mark.parametrize(
    ("value", "advice"), [("18", "CONSIDER_VITD_REPLETION"), ("40", "CONSIDER_VITD_INTAKE_ADVICE")]
)
def test_vitamin_d_is_withheld_where_it_may_harm(
    read: Read, more: list[Any], patient: dict[str, Any], value: str, advice: str
) -> None:
    """D8, P24, DK-M13."""
    report = read(result(D, value, "nmol/L"), *more, **patient)
    assert advice not in recommended(report)
    assert advice in [item.id for item in report.withheld_recommendations]


def test_without_a_reason_against_it_vitamin_d_is_considered(read: Read) -> None:
    report = read(result(D, "18", "nmol/L"), result("calcium_adjusted", "2.40", "mmol/L"), conditions=[])
    assert "CONSIDER_VITD_REPLETION" in recommended(report)
    assert report.withheld_recommendations == ()


def test_a_severely_low_result_is_a_finding(read: Read) -> None:
    for value, unit, found in (
        ("24.9", "nmol/L", True),
        ("25", "nmol/L", False),
        ("9.9", "ng/mL", True),
        ("10", "ng/mL", False),
    ):
        report = read(result(D, value, unit))
        assert ("VITD_SEVERELY_LOW" in [finding.id for finding in report.findings]) is found
