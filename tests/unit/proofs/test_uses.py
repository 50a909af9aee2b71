"""What reads a name is found through findings and groups, with the direction in which it moves each rule."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from labgloss.domain.report import Urgency
from labgloss.knowledge.expression import Combination, Expression, Name
from labgloss.knowledge.loader import load
from labgloss.knowledge.release import Release
from labgloss.proofs.panels import expressions_in
from labgloss.proofs.uses import Use, Uses


@pytest.fixture(scope="module")
def release() -> Release:
    return load()


@pytest.fixture(scope="module")
def uses(release: Release) -> Uses:
    return Uses(release)


def reached(uses: Uses, kind: str, ident: str) -> dict[tuple[str, str, str], int]:
    return {(use.kind, use.id, use.part): use.sign for use in uses.reaching([Name(kind, ident)])}


def test_a_core_clause_makes_a_pattern_match_more_and_an_excluding_one_less(uses: Uses) -> None:
    found = reached(uses, "symptom", "MUSCLE_CRAMP")
    assert found["pattern", "SPURIOUS_CALCIUM_AFTER_GADOLINIUM", "excluding"] == -1
    assert reached(uses, "finding", "MG_LOW")["pattern", "MG_LOW_WITH_SECONDARY_HYPOKALAEMIA", "core"] == 1


def test_none_turns_the_direction_round(uses: Uses) -> None:
    found = reached(uses, "finding", "EGFR_BELOW_30")
    assert found["pattern", "SAMPLE_EDTA_CONTAMINATION", "required"] == -1


def test_a_group_hands_on_what_its_members_say(uses: Uses) -> None:
    found = reached(uses, "symptom", "CARPOPEDAL_SPASM")
    assert found["group", "hypo_sx", "member"] == 1
    assert found["pattern", "SPURIOUS_CALCIUM_AFTER_GADOLINIUM", "excluding"] == -1


def test_a_red_flag_is_read_at_the_urgency_of_the_level(uses: Uses) -> None:
    levels = {use.urgencies for use in uses.of(Name("symptom", "TETANY")) if use.id == "TETANY_OR_LATENT_TETANY"}
    assert levels == {frozenset({Urgency.EMERGENCY}), frozenset({Urgency.SAME_DAY})}


def test_a_recorded_kidney_injury_is_the_finding(uses: Uses) -> None:
    assert reached(uses, "condition", "aki")["critical_limit", "potassium.critical.default.high_aki", "applies"] == 1


def test_supporting_evidence_decides_nothing(uses: Uses) -> None:
    found = uses.of(Name("finding", "PTH_LOW"))
    supporting = [use for use in found if use.part == "supporting"]
    assert supporting
    assert not any(use.decides for use in supporting)
    assert Use("pattern", "X", "core").decides


def test_every_name_of_every_rule_is_read_by_that_rule(release: Release, uses: Uses) -> None:
    """Found by a walk over the forms that knows nothing of parts: no clause is left out."""
    rules = {
        "pattern": release.patterns,
        "red_flag": release.red_flags,
        "recommendation": release.recommendations,
        "group": release.groups,
    }
    missing = [
        (kind, ident, str(name))
        for kind, rows in rules.items()
        for ident, row in rows.items()
        for expression in expressions_in(row)
        for name in leaves(expression)
        if not any((use.kind, use.id) == (kind, ident) for use in uses.of(name))
    ]
    assert missing == []


def leaves(expression: Expression) -> Iterator[Name]:
    if isinstance(expression, Name):
        yield expression
    elif isinstance(expression, Combination):
        for part in expression.parts:
            yield from leaves(part)
