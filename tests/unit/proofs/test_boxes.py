"""`ask` over small made-up spaces, against looking at every point with the engine's own logic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labgloss.domain.truth import Truth
from labgloss.engine.facts import Facts
from labgloss.knowledge.expression import AgeClause, Combination, Expression, Name, parse_age, parse_expression
from labgloss.knowledge.release import Release
from labgloss.knowledge.schema import GroupRow, PatternRow, RedFlagRow
from labgloss.proofs import boxes, masks
from labgloss.proofs.boxes import Leaf, Question, Ruled, Space, Undecided, ask, support_of

T, F, U = Truth.TRUE, Truth.FALSE, Truth.UNKNOWN
SOURCED = {"source": ["VO-2"], "status": "proposal", "text": "Words."}
# Each variable with its ways, and the findings that each way makes: two that are one variable's, and one of its own.
WAYS: Mapping[str, int] = {"v": 3, "w": 4, "x": 2}
FINDINGS: Mapping[str, tuple[str, tuple[Truth, ...]]] = {
    "A": ("v", (F, T, U)),
    "B": ("v", (T, F, U)),
    "C": ("w", (F, T, U, T)),
    "D": ("w", (F, F, T, U)),
    "E": ("x", (U, T)),
}
LEAVES = [Name("finding", ident) for ident in FINDINGS]


def leaf(variable: str, truths: tuple[Truth, ...]) -> Leaf:
    bits = {truth: sum(1 << place for place, one in enumerate(truths) if one is truth) for truth in Truth}
    return Leaf(variable, bits[T], bits[F], bits[U])


@pytest.fixture
def space(release: Release) -> Space:
    return Space(release, dict(WAYS), {Name("finding", ident): leaf(*made) for ident, made in FINDINGS.items()})


def points() -> Iterator[dict[str, int]]:
    for ways in product(*(range(number) for number in WAYS.values())):
        yield dict(zip(WAYS, ways, strict=True))


def facts_at(release: Release, point: Mapping[str, int]) -> Facts:
    """The facts that a point makes, as the engine holds them; a variable that is not in it is at its first way."""
    known = {("finding", ident): truths[point.get(variable, 0)] for ident, (variable, truths) in FINDINGS.items()}
    return Facts(release, None, known)


def truth_at(facts: Facts, part: Expression | PatternRow) -> Truth:
    return facts.of_pattern(part) if isinstance(part, PatternRow) else facts.truth(part)


def pattern(ident: str = "P", **fields: Any) -> PatternRow:
    return PatternRow.model_validate(
        {"id": ident, "title": "Title", "core": ["finding.A"], "urgency": "PROMPT", **SOURCED, **fields}
    )


# ---------------------------------------------------------------------------------------------- against every point

operators = st.sampled_from(["all", "any", "none", "possible", "unknown", "two_of", "three_of"])
expressions: st.SearchStrategy[Expression] = st.recursive(
    st.sampled_from(LEAVES),
    lambda parts: st.builds(
        lambda operator, found: Combination(operator, tuple(found)), operators, st.lists(parts, min_size=1, max_size=4)
    ),
    max_leaves=8,
)
wanted = st.integers(1, 7)
lists = st.lists(expressions, max_size=2)
patterns = st.builds(
    lambda core, required, excluding, possible: pattern().model_copy(
        update={
            "core": tuple(core),
            "required": tuple(required),
            "excluding": tuple(excluding),
            "possible_when": possible,
        }
    ),
    st.lists(expressions, min_size=1, max_size=2),
    lists,
    lists,
    st.none() | expressions,
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(expressions | patterns, wanted), min_size=1, max_size=3))
def test_a_point_is_found_where_there_is_one_and_only_there(
    release: Release, parts: list[tuple[Expression | PatternRow, int]]
) -> None:
    made = Space(release, dict(WAYS), {Name("finding", ident): leaf(*given) for ident, given in FINDINGS.items()})
    answer = ask(made, Question(tuple(parts)))

    def fits(point: Mapping[str, int]) -> bool:
        facts = facts_at(release, point)
        return all(masks.BIT[truth_at(facts, part)] & mask for part, mask in parts)

    assert (answer.point is not None) is any(fits(point) for point in points())
    if answer.point is not None:
        assert fits(answer.point)


def small_patterns() -> Iterator[PatternRow]:
    """Every pattern of one name in each of its places."""
    ones = [(name,) for name in LEAVES]
    for core, required, excluding, possible in product(ones, [(), *ones], [(), *ones], [None, *LEAVES]):
        fields = {"core": core, "required": required, "excluding": excluding, "possible_when": possible}
        yield pattern().model_copy(update=fields)


def test_every_small_pattern_has_each_truth_where_it_has_it_and_nowhere_else(release: Release, space: Space) -> None:
    """Where chance would seldom look: excluded or not, core unknown or not."""
    facts = [facts_at(release, point) for point in points()]
    for row in small_patterns():
        found = {one.of_pattern(row) for one in facts}
        for truth, mask in masks.BIT.items():
            assert (ask(space, Question(((row, mask),))).point is not None) is (truth in found), f"{row} {truth}"


# ---------------------------------------------------------------------------------------------- what a name may be


def test_a_name_that_nothing_makes_stays_unknown(space: Space) -> None:
    unmade = Name("finding", "NOBODY")
    assert ask(space, Question(((unmade, masks.UNKNOWN),))).point == {}
    assert ask(space, Question(((unmade, masks.TRUE | masks.FALSE),))).point is None


def test_two_names_of_one_variable_are_never_both_true(space: Space) -> None:
    """What cannot be said in one panel is no combination."""
    both = (Name("finding", "A"), masks.TRUE), (Name("finding", "B"), masks.TRUE)
    answer = ask(space, Question(both))
    assert (answer.point, answer.points) == (None, WAYS["v"])


def test_a_pattern_and_a_red_flag_are_read_by_their_names(release: Release, space: Space) -> None:
    first = pattern("P1", core=["finding.A"], required=["finding.C"])
    flag = RedFlagRow.model_validate(
        {
            "id": "F",
            "number": "RF00",
            "title": "a flag",
            **SOURCED,
            "levels": [
                {"urgency": "EMERGENCY", "when": {"all": ["pattern.P1", "finding.E"]}},
                {"urgency": "SAME_DAY", "when": "pattern.P1"},
            ],
        }
    )
    space.names[Name("pattern", "P1")] = Ruled(first)
    space.names[Name("red_flag", "F")] = Ruled(flag)
    space.names[Name("emergency", "F")] = Ruled(flag, flag.levels[0].urgency)
    held = ask(space, Question(((Name("red_flag", "F"), masks.TRUE), (Name("emergency", "F"), masks.FALSE))))
    assert held.point is not None
    assert (held.point["v"], held.point["w"] in (1, 3), held.point["x"]) == (1, True, 0)
    # A flag holds or it does not; it is never UNKNOWN.
    assert ask(space, Question(((Name("red_flag", "F"), masks.UNKNOWN),))).point is None
    emergency = Question(((Name("emergency", "F"), masks.TRUE), (Name("red_flag", "F"), masks.FALSE)))
    assert ask(space, emergency).point is None


def test_a_group_is_any_of_its_members(release: Release, space: Space) -> None:
    row = GroupRow.model_validate(
        {"id": "g", "members": ["finding.A", "finding.C"], "source": ["VO-2"], "status": "seen"}
    )
    space.names[Name("group", "g")] = Combination("any", row.members)
    group = Name("group", "g")
    release = replace(release, groups={"g": row})
    for truth, mask in masks.BIT.items():
        answer = ask(space, Question(((group, mask),)))
        assert answer.point is not None
        assert facts_at(release, answer.point).truth(group) is truth


def test_an_age_is_a_variable_like_any_other(space: Space) -> None:
    clause = AgeClause(parse_age("18 y"), None)
    assert ask(space, Question(((clause, masks.UNKNOWN),))).point == {}
    space.sizes["age"] = 3
    space.ages = lambda _: leaf("age", (F, T, U))
    answer = ask(space, Question(((clause, masks.TRUE), (Name("finding", "E"), masks.TRUE))))
    assert answer.point == {"age": 1, "x": 1}


# ---------------------------------------------------------------------------------------------- support, and giving up


def test_the_support_is_what_a_part_rests_on_and_nothing_else(space: Space) -> None:
    space.names[Name("pattern", "P")] = Ruled(pattern(required=["finding.E"], supporting=["finding.C"]))
    assert support_of(space, Name("finding", "D")) == {"w"}
    assert support_of(space, parse_expression({"all": ["finding.A", {"none": ["finding.B"]}]})) == {"v"}
    # What supports a pattern decides nothing.
    assert support_of(space, Name("pattern", "P")) == {"v", "x"}
    assert support_of(space, Name("finding", "NOBODY")) == frozenset()


def test_names_that_read_each_other_end(space: Space) -> None:
    space.names[Name("pattern", "P")] = Ruled(pattern("P", core=["finding.A", "pattern.Q"]))
    space.names[Name("pattern", "Q")] = Combination("any", (Name("pattern", "P"), Name("finding", "E")))
    assert support_of(space, Name("pattern", "P")) == {"v", "x"}


def test_a_question_that_takes_too_many_boxes_is_not_decided(space: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boxes, "MOST_BOXES", 3)
    with pytest.raises(Undecided):
        ask(space, Question(tuple((Name("finding", ident), masks.TRUE) for ident in "ACE")))


def test_the_size_of_what_was_looked_at_is_told(space: Space) -> None:
    answer = ask(space, Question(((parse_expression({"all": ["finding.A", "finding.C"]}), masks.TRUE),)))
    assert answer.points == WAYS["v"] * WAYS["w"]
    assert 1 <= answer.boxes <= answer.points * 2
