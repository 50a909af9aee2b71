"""How far a value lies from each limit that speaks for it, signed, in the unit compared."""

from __future__ import annotations

from decimal import Decimal

from labgloss.domain.panel import Panel
from labgloss.engine.interpret import lay_out
from labgloss.knowledge.release import Release
from labgloss.proofs.margins import Margins, margins_of
from tests.unit.engine.panel_builder import panel, result


def first(release: Release, sent: Panel) -> Margins:
    return margins_of(lay_out(release, sent))[0]


def rows(margins: Margins, *kinds: str) -> list[tuple[str, str, bool, bool, str]]:
    return [
        (one.name.split(",")[0], str(one.end), one.lower, one.inclusive, str(one.distance))
        for one in margins.margins
        if one.kind in kinds
    ]


def test_every_end_of_interval_bands_and_critical_limits_has_its_signed_distance(release: Release) -> None:
    margins = first(release, panel(result("magnesium", "0.41", "mmol/L")))
    assert rows(margins, "interval", "critical") == [
        ("critical low", "0.40", False, True, "0.01"),
        ("default interval", "0.70", True, True, "-0.29"),
        ("default interval", "1.00", False, True, "-0.59"),
        ("critical high", "2.00", True, True, "-1.59"),
    ]
    assert rows(margins, "band") == [
        ("severe_low", "0.40", False, True, "0.01"),
        ("moderate_low", "0.40", True, False, "0.01"),
        ("moderate_low", "0.50", False, False, "-0.09"),
        ("mild_low", "0.50", True, True, "-0.09"),
        ("mild_low", "0.70", False, False, "-0.29"),
        ("normal", "0.70", True, True, "-0.29"),
        ("normal", "1.00", False, True, "-0.59"),
        ("mild_high", "1.00", True, False, "-0.59"),
        ("mild_high", "2.00", False, False, "-1.59"),
        ("moderate_high", "2.00", True, True, "-1.59"),
        ("moderate_high", "3.50", False, True, "-3.09"),
        ("severe_high", "3.50", True, False, "-3.09"),
    ]


def test_the_limits_of_findings_are_among_them_with_rule_and_source(release: Release) -> None:
    margins = first(release, panel(result("potassium", "2.6", "mmol/L")))
    found = {one.rule_id: one for one in margins.margins}
    one = found["finding.K_AT_MOST_2_5"]
    assert (one.limit, one.end, one.distance, bool(one.source_ids)) == (
        "x <= 2.5",
        Decimal("2.5"),
        Decimal("0.1"),
        True,
    )


def test_a_converted_value_is_measured_in_the_unit_that_it_was_compared_in(release: Release) -> None:
    margins = first(release, panel(result("magnesium", "1.5", "meq/L")))
    assert (margins.reading.compared.unit, margins.reading.compared.value) == ("mmol/L", Decimal("0.75"))
    assert ("default interval", "0.70", True, True, "0.05") in rows(margins, "interval")


def test_the_laboratorys_interval_moves_the_mild_band_and_no_other(release: Release) -> None:
    margins = first(release, panel(result("magnesium", "0.68", "mmol/L", interval="0.66-1.07")))
    assert rows(margins, "interval") == [
        ("laboratory interval", "0.66", True, True, "0.02"),
        ("laboratory interval", "1.07", False, True, "-0.39"),
    ]
    assert ("mild_low", "0.66", False, False, "0.02") in rows(margins, "band")
    assert ("moderate_low", "0.50", False, False, "0.18") in rows(margins, "band")


def test_limits_of_every_kind_of_patient_that_this_one_may_be_are_there(release: Release) -> None:
    known = first(release, panel(result("magnesium", "0.70", "mmol/L"), sex="female", pregnant=False))
    unknown = first(release, panel(result("magnesium", "0.70", "mmol/L"), sex="female"))
    assert {one.rule_id for one in known.margins} < {one.rule_id for one in unknown.margins}


def test_a_bound_is_measured_from_its_number(release: Release) -> None:
    margins = first(release, panel(result("potassium", "<3.0", "mmol/L")))
    assert {one.distance for one in margins.margins if one.kind == "critical" and not one.lower} == {Decimal("0.5")}


def test_a_refused_value_keeps_its_margins_and_one_without_a_reading_has_none(release: Release) -> None:
    sent = panel(
        result("potassium", "6.9", "mmol/L", specimen={"comments": ("grossly haemolysed",)}),
        result("magnesium", "0.3", "parsec"),
    )
    found = margins_of(lay_out(release, sent))
    assert [(one.analyte, one.refused) for one in found] == [("potassium", True)]
    assert found[0].margins
