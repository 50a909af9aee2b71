"""What another release changes: for which values, in which rules, for which panels; and the gates."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from labgloss.cli.sides import release_of
from labgloss.domain.panel import Panel, Result, Symptom
from labgloss.domain.report import Urgency
from labgloss.domain.subject import AgeUnit, Patient, Sex, StatedAge
from labgloss.errors import KnowledgeError
from labgloss.knowledge.expression import Name, parse_limit
from labgloss.knowledge.release import Release
from labgloss.proofs.answers import GATES, Answers
from labgloss.proofs.impact import impact
from labgloss.proofs.places import NOTHING, parts, with_part
from labgloss.proofs.rows import with_row
from labgloss.proofs.rule_changes import rule_changes

MAN = Patient(StatedAge(40, AgeUnit.YEARS), Sex.MALE, False)


def with_limit(release: Release, analyte: str, ident: str, unit: str, limit: str) -> Release:
    """The release with another limit in the row of an id."""
    form = release.analytes[analyte].form
    way = next(way for way, part in parts(form) if getattr(part, "id", "") == ident)
    return with_row(release, form, with_part(form, (*way, "limits", unit), parse_limit(limit)))


def with_pattern(release: Release, ident: str, way: tuple[Any, ...], part: object) -> Release:
    row = release.patterns[ident]
    return with_row(release, row, with_part(row, way, part))


def panel(*results: tuple[str, str, str], symptoms: tuple[str, ...] = ()) -> Panel:
    return Panel(
        patient=MAN,
        results=tuple(
            Result(n, analyte=analyte, value=value, unit=unit) for n, (analyte, value, unit) in enumerate(results)
        ),
        symptoms=tuple(Symptom(id=ident) for ident in symptoms),
    )


def test_a_release_changes_nothing_against_itself(release: Release) -> None:
    found = impact(release, replace(release), [panel(("magnesium", "0.41", "mmol/L"))], GATES)
    assert (found.regions, found.rules, found.panels, found.broken, found.asked) == ((), (), (), (), 1)


# ---------------------------------------------------------------------------------------------- values


def test_a_moved_critical_limit_is_a_stretch_for_those_it_is_for(release: Release) -> None:
    changed = with_limit(release, "magnesium", "magnesium.critical.default.low", "mmol/L", "x <= 0.38")
    found = impact(release, changed, (), GATES)
    region = next(one for one in found.regions if (one.unit, one.stretch) == ("mmol/L", "0.38 < x <= 0.40"))
    assert {"magnesium"} == {one.analyte for one in found.regions}
    assert ("magnesium critical", "yes", "no") in [
        (change.what, change.before, change.after) for change in region.changes
    ]
    value = Decimal(region.example.panel.results[0].value)
    assert Decimal("0.38") < value <= Decimal("0.40")
    assert "no-critical-lost" in {one.gate for one in found.broken}


# ---------------------------------------------------------------------------------------------- rules

TRIAD, LOW_CALCIUM = "MG_CA_K_TRIAD", "MG_LOW_WITH_SECONDARY_HYPOCALCAEMIA"


def test_a_clause_left_out_is_shown_by_a_panel_that_both_answer(release: Release) -> None:
    changed = with_pattern(release, LOW_CALCIUM, ("core", 0), NOTHING)
    (change,) = rule_changes(release, changed)
    assert (change.kind, change.id, change.differs) == ("pattern", LOW_CALCIUM, ("logic",))
    assert change.witness is not None
    matched = [[one.id for one in report.patterns if one.state.value == "MATCHED"] for report in _both(change.witness)]
    assert LOW_CALCIUM not in matched[0]
    assert LOW_CALCIUM in matched[1]


def _both(answers: Answers) -> tuple[Any, Any]:
    return answers.before, answers.after


def test_an_urgency_and_a_recommendation_are_told_apart(release: Release) -> None:
    urgent = with_pattern(release, "CALCIUM_ABNORMAL_PTH_PENDING", ("urgency",), Urgency.EMERGENCY)
    (change,) = rule_changes(release, urgent)
    assert change.differs == ("urgency",)
    assert change.witness is not None
    silent = with_pattern(release, LOW_CALCIUM, ("recommend", 0, "recommend", 0), NOTHING)
    (change,) = rule_changes(release, silent)
    assert change.differs == ("recommendations",)
    assert change.witness is not None


def test_other_words_need_no_witness(release: Release) -> None:
    (change,) = rule_changes(release, with_pattern(release, LOW_CALCIUM, ("title",), "Another title"))
    assert (change.differs, change.witness) == (("words",), None)


def test_a_group_is_shown_by_the_rules_that_read_it(release: Release) -> None:
    row = release.groups["diuretic"]
    changed = with_row(release, row, with_part(row, ("members",), (Name("medication", "thiazide"),)))
    (change,) = rule_changes(release, changed)
    assert (change.kind, change.id) == ("group", "diuretic")
    assert change.witness is not None
    assert change.witness.changes


def test_a_limit_that_only_rules_read_is_shown_by_one_of_them(release: Release) -> None:
    row = release.findings["K_UNDER_3_0"][0]
    changed = with_row(release, row, with_part(row, ("limits", "mmol/L"), parse_limit("x < 3.2")))
    (change,) = rule_changes(release, changed)
    assert (change.kind, change.id) == ("finding", "K_UNDER_3_0")
    assert change.witness is not None
    (value,) = (Decimal(one.value) for one in change.witness.panel.results if one.analyte == "potassium")
    assert Decimal("3.0") <= value < Decimal("3.2")


def test_what_a_band_does_in_a_context_is_shown_in_it(release: Release) -> None:
    form = release.analytes["magnesium"].form
    way = next(way for way, part in parts(form) if getattr(part, "band", "") == "moderate_low")
    changed = with_row(release, form, with_part(form, (*way, "raises", 0), NOTHING))
    (change,) = rule_changes(release, changed)
    assert (change.kind, change.id, change.differs) == ("band", "magnesium.band.moderate_low", ("urgency",))
    assert change.witness is not None
    assert "magnesium urgency: EMERGENCY -> SAME_DAY" in [str(one) for one in change.witness.changes]


def test_a_panel_that_was_asked_anyway_is_a_witness(release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    """No space is built then."""
    monkeypatch.setattr("labgloss.proofs.rule_changes.build", lambda *_: pytest.fail("the space was built"))
    changed = with_pattern(replace(release), LOW_CALCIUM, ("urgency",), Urgency.EMERGENCY)
    both_low = panel(("magnesium", "0.60", "mmol/L"), ("calcium_adjusted", "2.10", "mmol/L"))
    (change,) = impact(replace(release), changed, [both_low]).rules
    assert change.witness is not None
    assert change.witness.panel == both_low


def test_codes_and_additives_of_an_analyte_are_named(release: Release) -> None:
    form = release.analytes["magnesium"].form
    changed = with_row(release, form, with_part(with_part(form, ("codes", 0), NOTHING), ("unsuitable_additives",), ()))
    (change,) = rule_changes(release, changed)
    assert (change.kind, change.id, change.differs) == ("analyte", "magnesium", ("codes", "unsuitable_additives"))


# ---------------------------------------------------------------------------------------------- gates


def test_a_panel_is_asked_of_both(release: Release) -> None:
    changed = with_pattern(release, LOW_CALCIUM, ("urgency",), Urgency.EMERGENCY)
    both_low = panel(("magnesium", "0.60", "mmol/L"), ("calcium_adjusted", "2.10", "mmol/L"))
    normal = panel(("magnesium", "0.80", "mmol/L"))
    found = impact(release, changed, [both_low, normal])
    assert (found.asked, [one.panel for one in found.panels]) == (2, [both_low])
    assert "urgency: SAME_DAY -> EMERGENCY" in [str(change) for change in found.panels[0].changes]


# ---------------------------------------------------------------------------------------------- sides


def test_a_side_is_the_shipped_release_or_a_folder(release: Release, tmp_path: Path) -> None:
    assert release_of("-").reference == release.reference
    with pytest.raises(KnowledgeError, match="is missing; a release needs this file"):
        release_of(str(tmp_path))


def test_a_side_may_be_a_site_overlay() -> None:
    overlay = Path(__file__).parents[3] / "deploy" / "overlay.example.toml"
    assert release_of(str(overlay)).reference.overlay == "example-hospital"
