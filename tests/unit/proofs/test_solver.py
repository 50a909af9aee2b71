"""Questions to small made-up spaces, against looking at every point with the engine's own logic."""

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
from labgloss.knowledge.schema import PatternRow, RedFlagRow
from labgloss.knowledge.validation import formed
from labgloss.proofs.solver import FALSE, NOT_FALSE, TRUE, UNKNOWN, Question, Solver
from labgloss.proofs.space import Leaf, Part, Ruled, Space

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


def made(release: Release) -> Space:
    return Space(release, dict(WAYS), {Name("finding", ident): Leaf(*given) for ident, given in FINDINGS.items()})


@pytest.fixture
def space(release: Release) -> Space:
    return made(release)


def ask(space: Space, *wanted: tuple[Part, frozenset[Truth]]) -> Mapping[str, int] | None:
    return Solver(space).ask(Question(wanted))


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
    return formed(
        PatternRow, {"id": ident, "title": "Title", "core": ["finding.A"], "urgency": "PROMPT", **SOURCED, **fields}
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
wanted = st.frozensets(st.sampled_from(Truth), min_size=1)
lists = st.lists(expressions, max_size=2)
patterns = st.builds(
    lambda core, required, excluding, possible: replace(
        pattern(),
        core=tuple(core),
        required=tuple(required),
        excluding=tuple(excluding),
        possible_when=possible,
    ),
    st.lists(expressions, min_size=1, max_size=2),
    lists,
    lists,
    st.none() | expressions,
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(expressions | patterns, wanted), min_size=1, max_size=3))
def test_a_point_is_found_where_there_is_one_and_only_there(
    release: Release, parts: list[tuple[Part, frozenset[Truth]]]
) -> None:
    solver, question = Solver(made(release)), Question(tuple(parts))
    point = solver.ask(question)

    def fits(point: Mapping[str, int]) -> bool:
        facts = facts_at(release, point)
        return all(truth_at(facts, part) in truths for part, truths in parts)

    assert (point is not None) is solver.possible(question) is any(fits(one) for one in points())
    if point is not None:
        assert fits(point)
        # What need not be said is not said: no way of it can be left at its first without losing the answer.
        assert not [variable for variable in point if fits({**point, variable: 0})]


def small_patterns() -> Iterator[PatternRow]:
    """Every pattern of one name in each of its places."""
    ones = [(name,) for name in LEAVES]
    for core, required, excluding, possible in product(ones, [(), *ones], [(), *ones], [None, *LEAVES]):
        fields = {"core": core, "required": required, "excluding": excluding, "possible_when": possible}
        yield replace(pattern(), **fields)


def test_every_small_pattern_has_each_truth_where_it_has_it_and_nowhere_else(release: Release, space: Space) -> None:
    """Where chance would seldom look: excluded or not, core unknown or not."""
    facts = [facts_at(release, point) for point in points()]
    solver, rows = Solver(space), list(small_patterns())
    for row in rows:
        found = {one.of_pattern(row) for one in facts}
        assert {truth for truth in Truth if solver.possible(Question(((row, frozenset({truth})),)))} == found, row


# ---------------------------------------------------------------------------------------------- what a name may be


def test_a_name_that_nothing_makes_stays_unknown(space: Space) -> None:
    unmade = Name("finding", "NOBODY")
    assert ask(space, (unmade, UNKNOWN)) == {}
    assert ask(space, (unmade, TRUE | FALSE)) is None


def test_two_names_of_one_variable_are_never_both_true(space: Space) -> None:
    """What cannot be said in one panel is no combination."""
    assert ask(space, (Name("finding", "A"), TRUE), (Name("finding", "B"), TRUE)) is None
    assert ask(space, (Name("finding", "A"), TRUE), (Name("finding", "B"), FALSE)) == {"v": 1}


def test_a_variable_can_be_kept_to_some_of_its_ways(space: Space) -> None:
    solver, true = Solver(space), ((Name("finding", "C"), TRUE),)
    assert solver.ask(Question(true, {"w": frozenset({0, 3})})) == {"w": 3}
    assert solver.ask(Question(true, {"w": frozenset({0, 2})})) is None
    # What one question assumed is not held against the next.
    assert solver.ask(Question(true)) is not None


def test_a_pattern_and_a_red_flag_are_read_by_their_names(space: Space) -> None:
    first = pattern("P1", core=["finding.A"], required=["finding.C"])
    flag = formed(
        RedFlagRow,
        {
            "id": "F",
            "number": "RF00",
            "title": "a flag",
            **SOURCED,
            "levels": [
                {"urgency": "EMERGENCY", "when": {"all": ["pattern.P1", "finding.E"]}},
                {"urgency": "SAME_DAY", "when": "pattern.P1"},
            ],
        },
    )
    held, emergency = Name("red_flag", "F"), Name("emergency", "F")
    space.names[Name("pattern", "P1")] = Ruled(first)
    space.names[held] = Ruled(flag)
    space.names[emergency] = Ruled(flag, flag.levels[0].urgency)
    point = ask(space, (held, TRUE), (emergency, FALSE))
    assert point is not None
    assert (point["v"], point["w"] in (1, 3), "x" in point) == (1, True, False)
    # A flag holds or it does not; it is never UNKNOWN.
    assert ask(space, (held, UNKNOWN)) is None
    assert ask(space, (emergency, TRUE), (held, FALSE)) is None


def test_an_age_is_a_variable_like_any_other(space: Space) -> None:
    clause = AgeClause(parse_age("18 y"), None)
    assert ask(space, (clause, UNKNOWN)) == {}
    space.sizes["age"] = 3
    space.ages = lambda _: Leaf("age", (F, T, U))
    assert ask(space, (clause, TRUE), (Name("finding", "E"), NOT_FALSE)) == {"age": 1}


# ---------------------------------------------------------------------------------------------- what was covered


def test_what_a_question_covers_is_told(space: Space) -> None:
    """Variables that a part rests on, through rules; what supports a pattern decides nothing."""
    space.names[Name("pattern", "P")] = Ruled(pattern(required=["finding.E"], supporting=["finding.C"]))
    assert space.points([Name("finding", "D")]) == WAYS["w"]
    assert space.points([parse_expression({"all": ["finding.A", {"none": ["finding.B"]}]})]) == WAYS["v"]
    assert space.points([Name("pattern", "P")]) == WAYS["v"] * WAYS["x"]
    assert space.points([Name("finding", "NOBODY")]) == 1
    solver = Solver(space)
    solver.ask(Question(((Name("pattern", "P"), TRUE),)))
    solver.possible(Question(((Name("finding", "D"), TRUE),)))
    assert (solver.questions, solver.combinations) == (2, WAYS["v"] * WAYS["x"])


def test_names_that_read_each_other_end(space: Space) -> None:
    space.names[Name("pattern", "P")] = Ruled(pattern("P", core=["finding.A", "pattern.Q"]))
    space.names[Name("pattern", "Q")] = Combination("any", (Name("pattern", "P"), Name("finding", "E")))
    assert space.points([Name("pattern", "P")]) == WAYS["v"] * WAYS["x"]
