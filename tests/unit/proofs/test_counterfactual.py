"""The smallest single change that flips a statement: literal cases, and what holds of every sample panel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labgloss.domain.panel import Panel
from labgloss.domain.report import Report
from labgloss.domain.truth import Truth
from labgloss.engine.interpret import interpret
from labgloss.engine.recognise import recognise
from labgloss.knowledge.expression import Name
from labgloss.knowledge.loader import load
from labgloss.proofs.changes import Change, NumberMoved, Said, WordChanged, changed, words
from labgloss.proofs.counterfactual import Counterfactuals, Search, State, state_of
from labgloss.proofs.explanation import targets_of
from labgloss.proofs.influence import influence_on
from labgloss.wire.decode import decode_panel
from tests.unit.engine.panel_builder import panel, result
from tests.unit.proofs.shipped import BY_ID, SHIPPED

RELEASE = load()
TARGETS = targets_of(RELEASE)
MAGNESIUM = panel(result("magnesium", "0.41", "mmol/L"), result("calcium_adjusted", "1.82", "mmol/L"), age="67 y")


def of(sent: Panel, kind: str, ident: str) -> Counterfactuals:
    return Search.of(RELEASE, sent).counterfactuals(Name(kind, ident))


def changes(found: Counterfactuals, place: int = 0) -> list[Change]:
    return [flip.change for flip in found.goals[place].flips]


def test_a_low_magnesium_ends_at_the_lower_end_of_its_interval() -> None:
    found = of(MAGNESIUM, "finding", "MG_LOW")
    assert changes(found) == [NumberMoved(0, 29)]
    flip = found.goals[0].flips[0]
    assert flip.number is not None
    assert [one.value for one in flip.number] == ["0.41", "0.70"]
    assert (flip.before, flip.after) == (State.HOLDS, State.ABSENT)
    assert "MG_LOW_WITH_SECONDARY_HYPOCALCAEMIA" in flip.gone


def test_a_value_in_another_unit_moves_by_its_own_digits() -> None:
    """0.70 mmol/L is 1.40 meq/L: reported to one digit, 1.4 is the first that is not low."""
    assert changes(of(panel(result("magnesium", "1.1", "meq/L")), "finding", "MG_LOW")) == [NumberMoved(0, 3)]


def test_a_pattern_that_did_not_fire_says_which_value_would_make_it() -> None:
    sent = panel(result("magnesium", "0.72", "mmol/L"), result("calcium_adjusted", "2.00", "mmol/L"))
    found = of(sent, "pattern", "MG_LOW_WITH_SECONDARY_HYPOCALCAEMIA")
    assert changes(found) == [NumberMoved(0, -3)]
    assert found.goals[0].flips[0].after is State.MATCHED


def test_a_possible_pattern_has_two_goals() -> None:
    sent = panel(result("magnesium", "0.60", "mmol/L"))
    found = of(sent, "pattern", "PPI_ASSOCIATED_HYPOMAGNESAEMIA")
    assert [goal.states for goal in found.goals] == [frozenset({State.MATCHED}), frozenset({State.ABSENT})]
    assert changes(found, 0) == [WordChanged(Name("medication", "ppi"), Said.ADDED, 2)]
    assert changes(found, 1) == [WordChanged(Name("medication", ""), Said.NONE_OF_THEM), NumberMoved(0, 10)]


def test_a_red_flag_ends_when_its_symptom_is_denied() -> None:
    sent = replace(MAGNESIUM, symptoms=panel(symptoms=["PARAESTHESIA_PERIORAL"]).symptoms)
    found = of(sent, "red_flag", "TETANY_OR_LATENT_TETANY")
    assert changes(found)[0] == WordChanged(Name("symptom", "PARAESTHESIA_PERIORAL"), Said.DENIED)


def test_a_critical_is_lost_by_its_number_alone() -> None:
    """Promise 5: no word removes it."""
    found = of(panel(result("potassium", "6.9", "mmol/L")), "recommendation", "PHONE_CRITICAL_RESULT")
    flips = found.goals[0].flips
    assert [isinstance(flip.change, NumberMoved) for flip in flips] == [True]
    assert found.searched.words > 100


def test_two_criticals_are_lost_by_no_single_change() -> None:
    sent = panel(result("potassium", "6.9", "mmol/L"), result("magnesium", "0.30", "mmol/L"))
    found = of(sent, "recommendation", "PHONE_CRITICAL_RESULT")
    assert changes(found) == []
    assert found.searched.results == (0, 1)


def test_what_no_result_speaks_of_is_changed_by_nothing() -> None:
    found = of(MAGNESIUM, "finding", "K_LOW")
    assert (changes(found), found.searched.words, found.searched.results) == ([], 0, ())


def test_a_number_that_rests_on_another_result_is_found_by_halving() -> None:
    """The adjusted calcium that the service computes is low until the albumin is low enough."""
    sent = panel(result("calcium_total", "2.10", "mmol/L"), result("albumin", "38", "g/L"))
    found = of(sent, "finding", "CA_LOW")
    enough = next(
        steps for steps in range(1, 12) if "CA_LOW" not in said(interpret(RELEASE, after(sent, NumberMoved(1, -steps))))
    )
    assert NumberMoved(1, -enough) in changes(found)


# ---------------------------------------------------------------------------------------------- every sample panel


def after(sent: Panel, change: Change) -> Panel:
    return changed(sent, change, recognise(RELEASE, sent))


def said(report: Report) -> dict[str, State]:
    """What a report says of each thing that it lists."""
    found = {item.id: State.HOLDS for item in report.findings if item.truth is Truth.TRUE}
    found |= {item.id: State(item.state.value.lower()) for item in report.patterns}
    found |= {item.id: State.HELD if item.held else State.RAISED for item in report.red_flags}
    found |= {item.id: State.WITHHELD for item in report.withheld_recommendations}
    return found | {item.id: State.GIVEN for item in report.recommendations}


@lru_cache(maxsize=8)
def search(place: int) -> Search:
    sent = decode_panel(SHIPPED[place].panel, "panel", RELEASE)
    return Search.of(RELEASE, sent)


places = st.integers(0, len(SHIPPED) - 1)


@st.composite
def targets(draw: st.DrawFn) -> tuple[Search, Name]:
    """A sample panel, and something that its report says, or does not."""
    found = search(draw(places))
    report = found.worked.report
    listed = [
        *(Name("finding", item.id) for item in report.findings),
        *(Name("pattern", item.id) for item in report.patterns),
        *(Name("red_flag", item.id) for item in report.red_flags),
        *(Name("recommendation", item.id) for item in report.recommendations),
        *(Name("recommendation", item.id) for item in report.withheld_recommendations),
    ]
    other = st.sampled_from(
        [
            *(Name("pattern", ident) for ident in RELEASE.patterns),
            *(Name("red_flag", ident) for ident in RELEASE.red_flags),
            *(Name("recommendation", ident) for ident in RELEASE.recommendations),
        ]
    )
    return found, draw(st.one_of(st.sampled_from(listed), other) if listed else other)


SOME = settings(max_examples=30, deadline=None, derandomize=True, database=None)


@SOME
@given(targets())
def test_re_evaluated_every_change_flips_and_no_smaller_number_does(found: tuple[Search, Name]) -> None:
    """Read from the report on the changed panel, by nothing that the search uses."""
    around, target = found
    counterfactuals = around.counterfactuals(target)
    before = said(interpret(RELEASE, around.panel)).get(target.id, State.ABSENT)
    for goal in counterfactuals.goals:
        for flip in goal.flips:
            report = interpret(RELEASE, after(around.panel, flip.change))
            state = said(report).get(target.id, State.ABSENT)
            assert before not in goal.states
            assert state in goal.states
            assert (flip.before, flip.after, flip.urgency) == (before, state, report.urgency)
            if isinstance(flip.change, NumberMoved):
                direction = 1 if flip.change.steps > 0 else -1
                for steps in range(max(1, abs(flip.change.steps) - 15), abs(flip.change.steps)):
                    nearer = after(around.panel, NumberMoved(flip.change.index, direction * steps))
                    assert said(interpret(RELEASE, nearer)).get(target.id, State.ABSENT) not in goal.states


def every_word(around: Search) -> Iterator[WordChanged]:
    """Every change of a symptom, condition or medication, whether anything reads it or not."""
    names = [
        *(Name("symptom", ident) for ident in RELEASE.symptoms),
        *(Name("condition", ident) for ident in RELEASE.conditions),
        *(Name("medication", ident) for ident in RELEASE.medications),
    ]
    return words(around.panel, around.worked.laid.recognised, names)


@pytest.mark.parametrize("place", range(7, len(SHIPPED), 100), ids=lambda place: SHIPPED[place].id)
def test_a_word_that_cannot_decide_does_not(place: int) -> None:
    """Of each thing that is said, or that some word makes: every word that changes it is among those tried."""
    around = search(place)
    before = said(around.worked.report)
    # An item on a list that was not sent, against that list sent empty, which is a smaller change.
    closed = {
        change.name.kind: said(interpret(RELEASE, after(around.panel, change)))
        for change in every_word(around)
        if change.said is Said.NONE_OF_THEM
    }
    for change in every_word(around):
        then = closed[change.name.kind] if change.words > 1 else before
        now = said(interpret(RELEASE, after(around.panel, change)))
        for ident in then.keys() | now.keys():
            if then.get(ident) != now.get(ident):
                influence = influence_on(RELEASE, TARGETS[ident], around.present)
                tried = words(around.panel, around.worked.laid.recognised, influence.words)
                assert change in list(tried), f"{change} changes {ident}"


@pytest.mark.parametrize("place", range(3, len(SHIPPED), 100), ids=lambda place: SHIPPED[place].id)
def test_a_number_that_cannot_decide_does_not(place: int) -> None:
    around = search(place)
    states = said(around.worked.report)
    for entry in around.worked.laid.entries:
        if entry.index is None or entry.analyte is None:
            continue
        for walk in around.walk(entry.index):
            for steps in walk[::3]:
                now = said(interpret(RELEASE, after(around.panel, NumberMoved(entry.index, steps))))
                for ident in states.keys() | now.keys():
                    if states.get(ident) != now.get(ident):
                        influence = influence_on(RELEASE, TARGETS[ident], around.present)
                        assert entry.analyte.id in influence.analytes, f"{entry.analyte.id} changes {ident}"


def test_an_analyte_without_a_result_leads_no_further() -> None:
    pattern = Name("pattern", "MG_LOW_WITH_SECONDARY_HYPOCALCAEMIA")
    nothing, alone = (influence_on(RELEASE, pattern, frozenset(present)) for present in ((), ("magnesium",)))
    assert (nothing.analytes, alone.analytes) == (frozenset(), {"magnesium"})
    assert set(nothing.words) < set(alone.words)


def test_a_panel_is_searched_with_a_few_hundred_evaluations() -> None:
    around = Search.of(RELEASE, decode_panel(BY_ID["low-magnesium-holds-calcium-down"].panel, "panel", RELEASE))
    for pattern in around.worked.report.patterns:
        around.counterfactuals(Name("pattern", pattern.id))
    for item in around.worked.report.recommendations:
        around.counterfactuals(Name("recommendation", item.id))
    assert around.evaluations < 600
    assert state_of(around.worked, Name("finding", "MG_LOW")) is State.HOLDS
