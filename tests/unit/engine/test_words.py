"""Clauses in words: what holds, what is open, and what a name stands for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from labgloss.domain.truth import Truth
from labgloss.engine.facts import Facts
from labgloss.engine.words import clause_of, name_in_words, open_words, true_names
from labgloss.knowledge.expression import Name, parse_expression
from labgloss.knowledge.release import Release

T, F, U = Truth.TRUE, Truth.FALSE, Truth.UNKNOWN
MG, CA, K = "finding.MG_LOW", "finding.CA_LOW", "finding.K_LOW"
Knowing = Callable[..., Facts]


@pytest.fixture
def knowing(release: Release) -> Knowing:
    """Facts by their names, as `MG_LOW=T` of a finding or `{"condition.aki": T}`."""

    def knowing(others: dict[str, Truth] | None = None, **findings: Truth) -> Facts:
        known = {("finding", ident): truth for ident, truth in findings.items()}
        for name, truth in (others or {}).items():
            kind, _, ident = name.partition(".")
            known[kind, ident] = truth
        return Facts(release, None, known)

    return knowing


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("finding.MG_LOW", "magnesium low"),
        ("finding.CA_HIGH", "calcium high"),
        ("finding.VITD_LOW", "25-hydroxyvitamin D (total) low"),
        ("finding.EGFR_BELOW_30", "eGFR is severely reduced"),
        ("specimen.CA_LOW", "calcium low in this specimen"),
        ("specimen.haemolysed", "haemolysed"),
        ("symptom.MUSCLE_CRAMP", "muscle cramp"),
        ("finding.PTH_PENDING", "PTH was ordered and has no value yet"),
        ("pattern.QT_RISK_ELECTROLYTES", "risk of a long QT"),
        ("medication.ppi", "proton pump inhibitor"),
        ("band.calcium_adjusted.severe_low", "albumin-adjusted calcium severe low"),
        ("class.potassium.normal", "potassium normal"),
        ("specimen.potassium.high", "potassium high"),
        ("final.calcium_ionised", "ionised calcium final and reliable"),
        ("patient.any_symptom", "any symptom"),
        ("timing.SORENESS_OVER_A_WEEK", "soreness over a week"),
    ],
)
def test_a_name_is_said_as_its_row_says_it(release: Release, name: str, words: str) -> None:
    """Within a sentence, where names and abbreviations keep their capitals."""
    kind, _, ident = name.partition(".")
    assert name_in_words(Name(kind, ident), release) == words


@pytest.mark.parametrize(
    ("part", "facts", "truth", "words"),
    [
        ({"all": [MG, CA]}, {"MG_LOW": T, "CA_LOW": T}, T, "magnesium low and calcium low"),
        # Of an `any` that holds, only what holds; of one that does not, all of it.
        ({"any": [MG, CA]}, {"MG_LOW": T, "CA_LOW": U}, T, "magnesium low"),
        ({"any": [MG, CA]}, {"MG_LOW": F, "CA_LOW": F}, F, "magnesium low or calcium low"),
        ({"none": [MG, CA]}, {"MG_LOW": F, "CA_LOW": F}, T, "none of: magnesium low or calcium low"),
        (
            {"two_of": [MG, CA, K]},
            {"MG_LOW": T, "CA_LOW": T, "K_LOW": F},
            T,
            "two of: magnesium low, calcium low, potassium low",
        ),
        (
            {"three_of": [MG, CA, K]},
            {"MG_LOW": T, "CA_LOW": T, "K_LOW": U},
            U,
            "three of: magnesium low, calcium low, potassium low",
        ),
        ({"unknown": [MG]}, {}, T, "not known: magnesium low"),
        ({"possible": [MG]}, {}, T, "not excluded: magnesium low"),
        ({"age": {"from": "66 y"}}, {}, U, "age >= 66 y"),
    ],
)
def test_a_clause_says_what_it_is_and_what_it_came_to(
    knowing: Knowing, part: Any, facts: dict[str, Truth], truth: Truth, words: str
) -> None:
    expression = parse_expression(part)
    clause = clause_of(expression, knowing(**facts))
    assert (clause.expression, clause.truth, clause.text) == (str(expression), truth, words)


def test_a_group_that_holds_is_said_by_the_members_that_hold(knowing: Knowing) -> None:
    facts = knowing({"condition.ckd": T, "condition.dialysis": F}, AKI=T, EGFR_LOW=U)
    text = clause_of(Name("group", "kidney_disease"), facts).text
    assert text == (
        f"{name_in_words(Name('condition', 'ckd'), facts.release)} or "
        f"{name_in_words(Name('finding', 'AKI'), facts.release)}"
    )
    assert clause_of(Name("group", "kidney_disease"), knowing()).text == "kidney disease"


@pytest.mark.parametrize(
    ("part", "facts", "words"),
    [
        (MG, {}, "magnesium low"),
        ({"all": [MG, CA]}, {"MG_LOW": T}, "calcium low"),
        ({"all": [MG, CA]}, {}, "magnesium low and calcium low"),
        ({"any": [MG, CA]}, {"MG_LOW": F}, "calcium low"),
        ({"any": [MG, CA]}, {}, "magnesium low or calcium low"),
        ({"any": [MG, {"all": [MG, CA]}]}, {"CA_LOW": T}, "magnesium low"),
        ({"two_of": [MG, CA, K]}, {"MG_LOW": T, "CA_LOW": F}, "potassium low"),
        ({"none": [MG, CA]}, {"MG_LOW": F}, "none of: magnesium low or calcium low"),
    ],
)
def test_of_what_is_open_only_the_open_parts_are_said(
    knowing: Knowing, part: Any, facts: dict[str, Truth], words: str
) -> None:
    """SP 0.2: a POSSIBLE pattern lists what is UNKNOWN as the next tests."""
    assert open_words(parse_expression(part), knowing(**facts)) == words


def test_an_open_group_is_said_by_its_open_members(knowing: Knowing) -> None:
    group = Name("group", "heart_disease")
    names = [Name("condition", ident) for ident in ("heart_failure", "ischaemic_heart_disease", "arrhythmia")]
    facts = knowing()
    words = [name_in_words(name, facts.release) for name in names]
    assert open_words(group, facts) == f"any of: {', '.join(words)}"
    known = {"condition.heart_failure": F, "condition.ischaemic_heart_disease": F}
    assert open_words(group, knowing(known)) == words[2]


def test_the_true_names_of_an_expression_are_those_of_its_groups_too(knowing: Knowing) -> None:
    part = parse_expression({"any": [MG, "group.kidney_disease", {"none": [CA]}]})
    facts = knowing({"condition.ckd": T}, MG_LOW=T, CA_LOW=F, EGFR_LOW=F)
    assert true_names(part, facts) == [Name("finding", "MG_LOW"), Name("condition", "ckd")]


def test_every_clause_of_every_rule_has_words(release: Release) -> None:
    """No id in capitals and no underscore reaches a reader."""
    facts = Facts(release, None)
    for rule in release.patterns.values():
        for part in (*rule.core, *rule.required, *rule.excluding, *rule.supporting, *rule.against):
            for text in (clause_of(part, facts).text, open_words(part, facts)):
                assert "_" not in text, f"{rule.id}: {text}"
