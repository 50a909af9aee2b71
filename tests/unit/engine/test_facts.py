from __future__ import annotations

import pytest

from labgloss.domain.report import Urgency
from labgloss.domain.subject import AgeUnit, StatedAge
from labgloss.domain.truth import Truth
from labgloss.engine.facts import Facts
from labgloss.knowledge.expression import parse_expression
from labgloss.knowledge.release import Release
from labgloss.knowledge.schema import LevelRow
from labgloss.knowledge.validation import formed

T, F, U = Truth.TRUE, Truth.FALSE, Truth.UNKNOWN


@pytest.fixture
def facts(release: Release) -> Facts:
    """One finding is true, one false; a list of conditions was sent, none of medications."""
    known = {("finding", "MG_LOW"): T, ("finding", "CA_LOW"): F, ("medication", "ppi"): T}
    return Facts(release, StatedAge(17, AgeUnit.YEARS), known, {"condition": F})


@pytest.mark.parametrize(
    ("raw", "truth"),
    [
        ("finding.MG_LOW", T),
        ("finding.CA_LOW", F),
        ("finding.K_LOW", U),
        ("condition.ckd", F),
        ("symptom.TETANY", U),
        ({"all": ["finding.MG_LOW", "finding.K_LOW"]}, U),
        ({"all": ["finding.MG_LOW", "finding.K_LOW", "finding.CA_LOW"]}, F),
        ({"any": ["finding.MG_LOW", "finding.K_LOW"]}, T),
        ({"any": ["finding.CA_LOW", "finding.K_LOW"]}, U),
        ({"none": ["finding.CA_LOW"]}, T),
        ({"none": ["finding.CA_LOW", "finding.K_LOW"]}, U),
        ({"none": ["finding.MG_LOW"]}, F),
        ({"possible": ["finding.K_LOW"]}, T),
        ({"possible": ["finding.CA_LOW"]}, F),
        ({"unknown": ["finding.K_LOW"]}, T),
        ({"unknown": ["finding.MG_LOW", "finding.K_LOW"]}, F),
        ({"unknown": ["finding.CA_LOW"]}, F),
        ({"two_of": ["finding.MG_LOW", "medication.ppi", "finding.CA_LOW"]}, T),
        ({"two_of": ["finding.MG_LOW", "finding.K_LOW", "finding.CA_LOW"]}, U),
        ({"two_of": ["finding.MG_LOW", "condition.ckd", "finding.CA_LOW"]}, F),
        ({"three_of": ["finding.MG_LOW", "medication.ppi", "finding.CA_LOW"]}, F),
        ({"three_of": ["finding.MG_LOW", "medication.ppi", "finding.K_LOW"]}, U),
        ({"age": {"to": "18 y"}}, T),
        ({"age": {"from": "18 y"}}, F),
        # A medication that is listed, and one of whose class nothing is known.
        ("group.mg_loss_risk", T),
        ("group.diuretic", U),
        ("group.granulomatous", F),
    ],
)
def test_an_expression_has_three_values(facts: Facts, raw: object, truth: Truth) -> None:
    assert facts.truth(parse_expression(raw)) is truth


def test_an_unknown_age_leaves_a_range_open(release: Release) -> None:
    assert Facts(release, None).truth(parse_expression({"age": {"to": "18 y"}})) is U


def test_only_true_holds_and_nothing_asked_holds(facts: Facts) -> None:
    assert facts.holds(parse_expression("finding.MG_LOW"))
    assert not facts.holds(parse_expression("finding.K_LOW"))
    assert facts.holds(None)


def test_facts_are_added_without_changing_those_before(facts: Facts) -> None:
    more = facts.adding("finding", {"K_LOW": T})
    assert more.truth(parse_expression("finding.K_LOW")) is T
    assert facts.truth(parse_expression("finding.K_LOW")) is U


@pytest.fixture
def of_two_bands(release: Release) -> Facts:
    """A magnesium that is moderately or severely high."""
    bands = ("magnesium.moderate_high", "magnesium.severe_high")
    known = {("band", "magnesium.mild_high"): F, ("symptom", "WEAKNESS_GENERAL"): T, ("finding", "MG_LOW"): F}
    cases = tuple({("band", name): Truth.of(name == case) for name in bands} for case in bands)
    return Facts(release, None, known, open_verdicts={"magnesium": cases})


BOTH = ["band.magnesium.moderate_high", "band.magnesium.severe_high"]


@pytest.mark.parametrize(
    ("raw", "truth"),
    [
        (BOTH[0], U),
        ({"any": BOTH}, T),
        ({"none": BOTH}, F),
        ({"all": BOTH}, F),
        ({"any": ["band.magnesium.mild_high", BOTH[0]]}, U),
        ({"any": [{"all": [BOTH[0], "symptom.WEAKNESS_GENERAL"]}, BOTH[1]]}, T),
        ({"any": [{"all": [BOTH[0], "symptom.TETANY"]}, BOTH[1]]}, U),
        ("group.mg_tox", T),
        # What is possible or not known is said of what is known, and not of a case.
        ({"all": [{"unknown": [BOTH[0]]}, {"any": BOTH}]}, T),
        ({"unknown": BOTH}, F),
        ({"possible": [{"none": BOTH}]}, F),
        ({"possible": [{"none": [BOTH[0]]}]}, T),
        ({"all": [{"possible": [BOTH[1]]}, {"any": BOTH}]}, T),
    ],
)
def test_what_holds_in_every_band_that_remains_is_certain(of_two_bands: Facts, raw: object, truth: Truth) -> None:
    assert of_two_bands.truth(parse_expression(raw)) is truth


def test_the_urgency_of_levels_is_that_which_every_band_that_remains_reaches(of_two_bands: Facts) -> None:
    same_day, emergency = (
        formed(LevelRow, {"urgency": urgency, "when": band})
        for urgency, band in zip(("SAME_DAY", "EMERGENCY"), BOTH, strict=True)
    )
    assert of_two_bands.level([same_day, emergency]) is Urgency.SAME_DAY
    assert of_two_bands.level([emergency]) is Urgency.NONE
