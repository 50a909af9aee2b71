"""Clauses in words: what holds, what is open, and what a name stands for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from labgloss.domain.truth import Truth
from labgloss.engine.facts import Facts
from labgloss.engine.words import clause_of, name_in_words, open_words, true_names
from labgloss.knowledge.expression import Expression, Name, names, parse_expression
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
        ("specimen.haemolysed", "a haemolysed specimen"),
        ("symptom.MUSCLE_CRAMP", "muscle cramp"),
        ("finding.PTH_PENDING", "PTH was ordered and has no value yet"),
        ("pattern.QT_RISK_ELECTROLYTES", "risk of a long QT"),
        ("medication.ppi", "proton pump inhibitor"),
        ("band.calcium_adjusted.severe_low", "albumin-adjusted calcium severely low"),
        ("class.potassium.normal", "potassium normal"),
        ("specimen.potassium.high", "potassium high"),
        ("final.calcium_ionised", "ionised calcium final and reliable"),
        ("patient.any_symptom", "a symptom of any kind"),
        ("timing.SORENESS_OVER_A_WEEK", "soreness for more than a week"),
        ("group.mg_wasting", "a medicine that wastes magnesium"),
        ("emergency.VALUE_ALONE", "a value that alone calls for contact, as an emergency"),
        ("finding.CA_INDETERMINATE", "calcium that cannot be classed"),
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
        ({"none": [MG, CA]}, {"MG_LOW": F, "CA_LOW": F}, T, "neither magnesium low nor calcium low"),
        ({"none": [MG]}, {"MG_LOW": F}, T, "not: magnesium low"),
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
        ({"unknown": [MG]}, {}, T, "magnesium low (not known)"),
        # That something is not known is said where nothing else holds, and not beside what does.
        ({"any": [MG, {"unknown": [CA]}]}, {"MG_LOW": T}, T, "magnesium low"),
        ({"any": [MG, {"unknown": [CA]}]}, {"MG_LOW": F}, T, "calcium low (not known)"),
        ({"possible": [MG]}, {}, T, "magnesium low (not excluded)"),
        ({"possible": [{"none": [MG, CA]}]}, {}, T, "magnesium low or calcium low (not known to be present)"),
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
    assert clause_of(Name("group", "kidney_disease"), knowing()).text == "a kidney disease"


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
        ({"none": [MG, CA]}, {"MG_LOW": F}, "calcium low"),
        ({"any": [MG, {"any": [CA, MG]}]}, {}, "magnesium low or calcium low"),
    ],
)
def test_of_what_is_open_only_the_open_parts_are_said(
    knowing: Knowing, part: Any, facts: dict[str, Truth], words: str
) -> None:
    """SP 0.2: a POSSIBLE pattern lists what is UNKNOWN as the next tests."""
    assert open_words(parse_expression(part), knowing(**facts)) == words


def test_an_open_group_is_said_by_its_title_or_by_the_members_that_are_still_open(knowing: Knowing) -> None:
    group = Name("group", "heart_disease")
    names = [Name("condition", ident) for ident in ("heart_failure", "ischaemic_heart_disease", "arrhythmia")]
    facts = knowing()
    words = [name_in_words(name, facts.release) for name in names]
    assert open_words(group, facts) == "heart disease"
    assert open_words(group, knowing({"condition.arrhythmia": F})) == f"any of: {', '.join(words[:2])}"
    known = {"condition.heart_failure": F, "condition.ischaemic_heart_disease": F}
    assert open_words(group, knowing(known)) == words[2]


def test_every_name_that_a_rule_reads_has_words_of_its_own(release: Release) -> None:
    """Not its id with blanks: "mg wasting", "ppi under 3 months"."""
    parts: list[Expression] = [member for group in release.groups.values() for member in group.members]
    for row in release.patterns.values():
        parts += [*row.core, *row.required, *row.excluding, *row.supporting, *row.against]
    parts += [level.when for flag in release.red_flags.values() for level in flag.levels]
    read = {name for part in parts for name in names(part)}
    short = {
        "mg",
        "ca",
        "k",
        "na",
        "ppi",
        "sx",
        "qt",
        "aki",
        "alp",
        "egfr",
        "pth",
        "ckd",
        "raasi",
        "hypo",
        "hyper",
        "edta",
    }
    said = {name: name_in_words(name, release) for name in read}
    assert {str(name): words for name, words in said.items() if "_" in words or short & set(words.split())} == {}
    assert {name.kind for name in read} >= {"group", "timing", "pattern", "finding"}


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
