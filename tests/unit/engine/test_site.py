"""What a site's overlay does to a report: each setting, and how it is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from labgloss.domain.panel import Coding, ContextItem, Panel, Result
from labgloss.domain.report import ChoiceInForce, Critical, IntervalOrigin, RefusalReason, Report, ResultClass, Urgency
from labgloss.engine.interpret import interpret
from labgloss.knowledge.overlay import lay_over
from labgloss.knowledge.release import Release
from tests.unit.engine.panel_builder import entry, issues, panel, recommended, result

SIGNED = 'signed = { name = "Dr A. Example", date = 2026-01-15 }\n'
SIGNATURE = "; signed by Dr A. Example on 2026-01-15"
# Potassium of adults that reaches over the moderate and severe bands and the critical limits of both sides.
WIDE = """
[[interval]]
analyte = "potassium"
id = "wide"
age = { from = "18 y" }
limits = { "mmol/L" = "1.6 <= x <= 8.0" }
"""
NARROW = WIDE.replace("1.6 <= x <= 8.0", "3.9 <= x <= 4.8").replace("wide", "narrow")
LOCAL = "99LAB"

Read = Callable[..., Report]


@pytest.fixture
def read(release: Release, tmp_path: Path) -> Read:
    """The report on a panel under an overlay whose entries are given as text, each without its signature."""

    def read(overlay: str, *results: Result, source: str = "", **more: Any) -> Report:
        return interpret(laid(release, tmp_path, overlay), replace(panel(*results, **more), source=source))

    return read


def laid(release: Release, folder: Path, overlay: str) -> Release:
    path = folder / "site.toml"
    entries = "".join(f"[[{part.rstrip()}\n{SIGNED}" for part in overlay.split("[[")[1:])
    path.write_text(f'id = "site"\ntitle = "A site"\n{entries}')
    return lay_over(release, path)


def coded(analyte: str, value: str, unit: str, code: str, system: str = LOCAL, **more: Any) -> Result:
    return replace(result(analyte, value, unit, **more), codings=(Coding(system, code),))


def shown(report: Report) -> dict[str, tuple[str, str]]:
    """Value and text of what the overlay brought, by name."""
    return {item.name: (item.value, item.text) for item in report.choices if item.chosen_by == "overlay"}


# ---------------------------------------------------------------------------------------------- intervals


@pytest.mark.parametrize(("value", "flag"), [("3.8", "L"), ("3.9", "N"), ("4.8", "N"), ("4.9", "H")])
def test_an_interval_of_the_site_gives_the_class_and_says_whose_it_is(read: Read, value: str, flag: str) -> None:
    report = read(NARROW, result("potassium", value, "mmol/L"))
    potassium = entry(report)
    (interval,) = potassium.intervals
    assert (flag, IntervalOrigin.OVERLAY, "narrow", "signed") == (
        potassium.flag,
        interval.origin,
        interval.rule_id,
        interval.status,
    )
    assert interval.source_ids == ("site:narrow",)
    assert "the site's interval (3.9-4.8 mmol/L, age from 18 y)" in potassium.explanation
    assert shown(report)["interval"] == (
        "narrow",
        f"interval of the site for potassium: 3.9 <= x <= 4.8 mmol/L{SIGNATURE}",
    )


def test_the_laboratory_s_own_interval_wins_over_the_site_s(read: Read) -> None:
    report = read(NARROW, result("potassium", "3.7", "mmol/L", interval="3.5-5.3"))
    potassium = entry(report)
    assert (potassium.flag, potassium.intervals[0].origin) == ("N", IntervalOrigin.LABORATORY)
    assert potassium.conflicts[0].text.startswith("By the site's interval this result would be low; the laboratory's")
    assert shown(report) == {}


def test_a_request_s_variant_wins_over_the_site_s_interval(read: Read) -> None:
    potassium = entry(read(NARROW, result("potassium", "3.7", "mmol/L"), intervals="nordic"))
    assert (potassium.flag, potassium.intervals[0].origin) == ("N", IntervalOrigin.VARIANT)


def test_a_patient_whom_the_site_does_not_name_has_the_default(read: Read) -> None:
    report = read(NARROW, result("potassium", "3.8", "mmol/L"), age="10 y")
    assert {interval.origin for interval in entry(report).intervals} == {IntervalOrigin.DEFAULT}
    assert shown(report) == {}


@pytest.mark.parametrize(
    ("value", "band", "critical"),
    [
        ("1.9", "severe_low", Critical.YES),
        ("2.5", "moderate_low", Critical.YES),
        ("2.9", "moderate_low", Critical.NO),
        ("3.0", "normal", Critical.NO),
        ("5.9", "normal", Critical.NO),
        ("6.0", "moderate_high", Critical.NO),
        ("6.5", "severe_high", Critical.YES),
        ("7.9", "severe_high", Critical.YES),
    ],
)
def test_an_interval_that_swallows_fixed_limits_moves_only_the_outer_edge_of_the_mild_band(
    read: Read, value: str, band: str, critical: Critical
) -> None:
    """R-RI-2, DEC-49, DEC-87."""
    potassium = entry(read(WIDE, result("potassium", value, "mmol/L")))
    assert (band, critical) == (potassium.band, potassium.critical)
    assert potassium.result_class.value == band.rpartition("_")[2]


def test_an_interval_of_the_site_settles_no_code_that_contradicts_its_unit(release: Release, tmp_path: Path) -> None:
    """DEC-09 judges as sent where both readings have one class; an interval that makes both normal is no proof."""
    wide = '[[interval]]\nanalyte = "magnesium"\nid = "wide"\nage = { from = "18 y" }\n'
    wide += 'limits = { "mmol/L" = "0.55 <= x <= 1.95", "mg/dL" = "1.3 <= x <= 4.7" }\n'
    sent = panel(result("magnesium", "1.8", "mmol/L", code="19123-9"))
    for one in (release, laid(release, tmp_path, wide)):
        assert entry(interpret(one, sent)).refusal_reason is RefusalReason.UNIT_CONFLICT


def test_a_variant_of_the_release_may_be_the_site_s(read: Read) -> None:
    report = read('[[variant]]\nanalyte = "magnesium"\nvariant = "rcpa_aacb"\n', result("magnesium", "1.05", "mmol/L"))
    assert (entry(report).flag, entry(report).intervals[0].origin) == ("N", IntervalOrigin.VARIANT)
    value, text = shown(report)["intervals.magnesium"]
    assert (value, text.endswith(SIGNATURE)) == ("rcpa_aacb", True)


# ---------------------------------------------------------------------------------------------- critical limits

LOW = """
[[critical]]
analyte = "potassium"
id = "own.low"
side = "low"
age = { from = "28 d" }
limits = { "mmol/L" = "x <= 2.8" }
"""


@pytest.mark.parametrize(
    ("value", "critical"), [("2.9", Critical.NO), ("2.8", Critical.YES), ("2.5", Critical.YES), ("6.5", Critical.YES)]
)
def test_a_critical_limit_of_the_site_is_added(read: Read, value: str, critical: Critical) -> None:
    report = read(LOW, result("potassium", value, "mmol/L"))
    assert entry(report).critical is critical
    assert report.urgency >= Urgency.SAME_DAY
    assert shown(report)["critical_limit"] == (
        "own.low",
        f"critical limit of the site for potassium, added to those of the release: x <= 2.8 mmol/L{SIGNATURE}",
    )


@pytest.mark.parametrize("chosen", ["", "default", "rcpath"])
def test_no_choice_of_a_request_takes_a_critical_limit_of_the_site_away(read: Read, chosen: str) -> None:
    assert entry(read(LOW, result("potassium", "2.7", "mmol/L"), critical_limits=chosen)).critical is Critical.YES
    survey = '[[choice]]\nname = "critical_limits"\nvalue = "us_survey"\n'
    report = read(survey, result("potassium", "2.7", "mmol/L"), critical_limits=chosen)
    assert entry(report).critical is Critical.YES
    assert shown(report)["critical_limits"] == ("us_survey", f"United States survey means{SIGNATURE}")


def test_a_critical_limit_for_adults_reaches_no_newborn(read: Read) -> None:
    limit = LOW.replace('"low"', '"high"').replace("x <= 2.8", "x >= 6.3")
    newborn = read(limit, result("potassium", "6.4", "mmol/L"), age="3 d", preterm=False)
    assert (entry(newborn).critical, shown(newborn)) == (Critical.NO, {})
    assert entry(read(limit, result("potassium", "6.4", "mmol/L"))).critical is Critical.YES


def test_a_refused_number_beyond_a_limit_of_the_site_is_possibly_critical(read: Read) -> None:
    report = read(LOW, result("potassium", "2.7", ""))
    assert (entry(report).refusal_reason, entry(report).critical) == (RefusalReason.UNIT_MISSING, Critical.POSSIBLE)
    assert "critical_limit" in shown(report)


def test_an_analyte_without_bands_may_have_one_which_no_interval_hides(read: Read) -> None:
    """DEC-87: a value beyond a critical limit in force is low or high, whatever the laboratory's interval says."""
    limit = '[[critical]]\nanalyte = "phosphate"\nid = "own"\nside = "low"\nage = { from = "18 y" }\n'
    limit += 'limits = { "mmol/L" = "x < 0.32", "mg/dL" = "x < 1.0" }\n'
    report = read(limit, result("phosphate", "0.30", "mmol/L", interval="0.2-1.5"))
    phosphate = entry(report)
    assert (ResultClass.LOW, "LL", Critical.YES) == (phosphate.result_class, phosphate.flag, phosphate.critical)
    assert "PHONE_CRITICAL_RESULT" in recommended(report)
    assert "lies beyond a limit that no interval moves (under 0.32 mmol/L)." in phosphate.explanation


# ---------------------------------------------------------------------------------------------- choices, texts


def test_the_site_s_policy_counts_where_the_request_chooses_none(read: Read) -> None:
    choice = '[[choice]]\nname = "vitamin_d_policy"\nvalue = "ros_2018"\n'
    vitamin_d = result("vitamin_d_25oh", "28", "nmol/L")
    report = read(choice, vitamin_d)
    assert (entry(report).band, shown(report)["vitamin_d_policy"]) == (
        "inadequate",
        ("ros_2018", f"Royal Osteoporosis Society (UK) 2018{SIGNATURE}"),
    )
    report = read(choice, vitamin_d, vitamin_d_policy="nam_2011")
    assert (entry(report).band, shown(report)) == ("deficient", {})
    assert (
        ChoiceInForce(
            "vitamin_d_policy", "nam_2011", "request", "National Academy of Medicine (Institute of Medicine) 2011"
        )
        in report.choices
    )


def test_a_policy_of_the_site_that_does_not_speak_for_the_patient_is_not_used_in_silence(read: Read) -> None:
    choice = '[[choice]]\nname = "vitamin_d_policy"\nvalue = "aace_2020"\n'
    report = read(choice, result("vitamin_d_25oh", "60", "nmol/L"), conditions=[])
    assert (shown(report), "policy_not_applicable" in issues(report)) == ({}, True)


def test_the_site_s_variant_for_all_counts_where_the_request_chooses_none(read: Read) -> None:
    choice = '[[choice]]\nname = "intervals"\nvalue = "rcpa_aacb"\n'
    magnesium = result("magnesium", "1.05", "mmol/L")
    report = read(choice, magnesium)
    assert (entry(report).flag, shown(report)["intervals"][0]) == ("N", "rcpa_aacb")
    assert (entry(read(choice, magnesium, intervals="default")).flag) == "H"


def test_words_of_the_site_stand_in_the_report_and_are_shown_only_there(read: Read) -> None:
    text = '[[text]]\nkind = "recommendation"\nid = "PHONE_CRITICAL_RESULT"\ntext = "Call extension 1234."\n'
    report = read(text, result("potassium", "2.2", "mmol/L"))
    assert "Call extension 1234." in [item.text for item in report.recommendations]
    assert shown(report) == {"text": ("recommendation.PHONE_CRITICAL_RESULT", f"words of the site{SIGNATURE}")}
    assert shown(read(text, result("potassium", "4.2", "mmol/L"))) == {}


# ---------------------------------------------------------------------------------------------- local codes

K = f'[[code]]\nsystem = "{LOCAL}"\ncode = "K"\nanalyte = "potassium"\nproperty = "moles"\n'
MG = f'[[code]]\nsystem = "{LOCAL}"\ncode = "MG"\nanalyte = "magnesium"\nproperty = "mass"\n'


def test_a_local_code_names_an_analyte(read: Read) -> None:
    report = read(K, coded("", "4.2", "mmol/L", "K"))
    assert (entry(report).analyte, entry(report).flag) == ("potassium", "N")
    assert shown(report) == {"code": (f"{LOCAL} K", f"local code of the analyte potassium{SIGNATURE}")}


@pytest.mark.parametrize(("system", "code"), [("OTHER", "K"), (LOCAL, "k"), (LOCAL, "KA"), ("", "K")])
def test_another_code_or_system_names_nothing(read: Read, system: str, code: str) -> None:
    assert entry(read(K, coded("", "4.2", "mmol/L", code, system))).flag != "N"


def test_the_property_of_a_local_code_is_held_against_the_unit(read: Read) -> None:
    """DEC-09, as for a LOINC code."""
    assert entry(read(MG, coded("", "1.8", "mmol/L", "MG"))).refusal_reason is RefusalReason.UNIT_CONFLICT
    assert entry(read(MG, coded("", "2.0", "mg/dL", "MG"))).flag == "N"


@pytest.mark.parametrize("analyte", ["potassium", ""])
def test_a_local_code_that_contradicts_id_or_loinc_code_takes_no_critical_away(read: Read, analyte: str) -> None:
    sent = replace(
        result(analyte, "2.2", "mmol/L"), codings=(Coding(LOCAL, "MG"), Coding("http://loinc.org", "2823-3"))
    )
    report = read(MG, sent)
    assert (entry(report).analyte, entry(report).critical) == ("potassium", Critical.YES)
    assert "local_code_disagrees" in issues(report)
    assert shown(report) == {}


def test_a_local_code_beside_a_loinc_code_that_nobody_knows_names_nothing(read: Read) -> None:
    """DEC-69: the code may say that this is no serum potassium at all."""
    sent = replace(result("", "4.2", "mmol/L"), codings=(Coding(LOCAL, "K"), Coding("http://loinc.org", "718-7")))
    assert entry(read(K, sent)).analyte == ""


def test_two_local_codes_of_two_analytes_are_refused(read: Read) -> None:
    sent = replace(result("", "2.2", "mmol/L"), codings=(Coding(LOCAL, "K"), Coding(LOCAL, "MG")))
    assert entry(read(K + MG, sent)).refusal_reason is RefusalReason.WRONG_ANALYTE


def test_a_local_code_names_a_condition_or_a_medication(release: Release, tmp_path: Path) -> None:
    codes = f'[[code]]\nsystem = "{LOCAL}"\ncode = "HD"\ncondition = "dialysis"\n'
    codes += f'[[code]]\nsystem = "{LOCAL}"\ncode = "PPI"\nmedication = "ppi"\n'
    sent: Panel = replace(
        panel(result("magnesium", "0.60", "mmol/L")),
        conditions=(ContextItem(coding=Coding(LOCAL, "HD")), ContextItem(coding=Coding(LOCAL, "PPI"))),
        medications=(ContextItem(coding=Coding(LOCAL, "PPI", "unread words")),),
    )
    report = interpret(laid(release, tmp_path, codes), sent)
    assert [item.ids for item in report.conditions] == [("dialysis",), ()]
    assert [item.ids for item in report.medications] == [("ppi",)]
    assert [issue.field for issue in report.issues if issue.id == "text_not_recognised"] == ["conditions[1]"]
    assert {item.value for item in report.choices if item.name == "code"} == {f"{LOCAL} HD", f"{LOCAL} PPI"}


# ---------------------------------------------------------------------------------------------- feeds

LIS = "lis"
MG_PER_LITRE = f'[[feed.mg_per_litre]]\nsource = "{LIS}"\nanalytes = ["calcium_total", "magnesium"]\n'
D3 = f'[[feed.d3_code_is_total]]\nsource = "{LIS}"\n'
UNIT = f'[[feed.default_unit]]\nsource = "{LIS}"\nanalyte = "potassium"\nunit = "mmol/L"\n'
INDEX = f'[[feed.haemolysis_code]]\nsource = "{LIS}"\nsystem = "{LOCAL}"\ncode = "H"\nlimits = {{ "1" = "x <= 50" }}\n'


@pytest.mark.parametrize(
    ("overlay", "sent"),
    [
        (MG_PER_LITRE, result("calcium_total", "96", "mg/L")),
        (UNIT, result("potassium", "4.2", "")),
        (INDEX, coded("", "80", "", "H")),
        (D3, result("vitamin_d_25oh", "60", "nmol/L", code="14635-7")),
    ],
)
@pytest.mark.parametrize("source", ["", "other", "LIS"])
def test_a_setting_of_one_feed_is_nothing_to_another(read: Read, overlay: str, sent: Result, source: str) -> None:
    report = read(overlay, sent, source=source)
    assert shown(report) == {}
    assert all(item.flag != "N" for item in report.results)


@pytest.mark.parametrize(
    ("analyte", "value", "flag"),
    [
        ("calcium_total", "96", "N"),
        ("calcium_total", "130", "HH"),
        ("magnesium", "21", "N"),
        ("magnesium", "9.6", "LL"),
    ],
)
def test_mg_per_litre_is_read_where_the_feed_means_it(read: Read, analyte: str, value: str, flag: str) -> None:
    """DEC-41."""
    report = read(MG_PER_LITRE, result(analyte, value, "mg/L"), source=LIS)
    assert (entry(report).flag, entry(report).reading.quantity.unit) == (flag, "mg/L")  # type: ignore[union-attr]
    assert shown(report) == {"feed.mg_per_litre": (LIS, f"mg/L is accepted for calcium_total, magnesium{SIGNATURE}")}


def test_mg_per_litre_of_another_analyte_stays_refused(read: Read) -> None:
    report = read(MG_PER_LITRE, result("calcium_ionised", "48", "mg/L"), source=LIS)
    assert entry(report).refusal_reason is RefusalReason.UNIT_NOT_ACCEPTED


def test_a_code_of_the_d3_fraction_is_the_total_where_the_feed_means_it_and_says_so(read: Read) -> None:
    sent = result("", "60", "nmol/L", code="14635-7")
    report = read(D3, sent, source=LIS)
    assert (entry(report).analyte, entry(report).flag, len(report.results)) == ("vitamin_d_25oh", "N", 1)
    assert "d3_code_used_for_total" in issues(report)
    assert shown(report)["feed.d3_code_is_total"][0] == LIS
    assert "d3_code_used_for_total" not in issues(read(D3, sent))


def test_a_d3_that_is_sent_by_its_id_stays_the_fraction(read: Read) -> None:
    report = read(D3, result("vitamin_d_25oh_d3", "60", "nmol/L"), source=LIS)
    assert [item.analyte for item in report.results] == ["vitamin_d_25oh_d3", "vitamin_d_25oh"]
    assert "d3_code_used_for_total" not in issues(report)


def test_a_unit_that_the_feed_leaves_out_is_the_signed_one_and_never_in_silence(read: Read) -> None:
    report = read(UNIT, result("potassium", "4.2", ""), source=LIS)
    assert entry(report).flag == "N"
    (issue,) = [issue for issue in report.issues if issue.id == "default_unit_used"]
    assert (issue.results, issue.text[:38]) == ((0,), "The result came without a unit; a sign")
    assert shown(report) == {"feed.default_unit": (LIS, f"a potassium without a unit is in mmol/L{SIGNATURE}")}


@pytest.mark.parametrize("unit", ["mg/dL", "parsec", "mmol"])
def test_a_unit_that_was_sent_is_never_replaced(read: Read, unit: str) -> None:
    report = read(UNIT, result("potassium", "4.2", unit), source=LIS)
    assert "default_unit_used" not in issues(report)


def test_a_default_unit_that_contradicts_the_code_is_refused(read: Read) -> None:
    unit = UNIT.replace("potassium", "magnesium")
    report = read(unit, result("magnesium", "1.8", "", code="19123-9"), source=LIS)
    assert entry(report).refusal_reason is RefusalReason.UNIT_CONFLICT


@pytest.mark.parametrize(("index", "state"), [("50", "interpreted"), ("51", "conditional")])
def test_a_haemolysis_index_under_the_feed_s_code_counts_from_its_limit_on(read: Read, index: str, state: str) -> None:
    sent = (result("potassium", "5.4", "mmol/L"), coded("", index, "", "H"))
    report = read(INDEX, *sent, source=LIS)
    assert (entry(report, "potassium").state.value, "haemolysed" in issues(report)) == (state, state == "conditional")
    assert entry(report, "haemolysis_index").intervals[0].origin is IntervalOrigin.OVERLAY
    assert shown(report)["feed.haemolysis_code"] == (
        LIS,
        f"{LOCAL} H is the haemolysis index; no haemolysis: x <= 50{SIGNATURE}",
    )


def test_an_index_in_a_unit_that_the_limit_does_not_speak_of_has_no_class(read: Read) -> None:
    report = read(INDEX, coded("", "80", "mg/dL", "H"), source=LIS)
    assert entry(report).result_class is ResultClass.INDETERMINATE
