"""Each single change, and what it leaves as it is."""

from __future__ import annotations

from typing import Any

import pytest

from labgloss.domain.panel import Panel, Symptom
from labgloss.domain.quantity import Comparator
from labgloss.engine.recognise import recognise
from labgloss.knowledge.expression import Name
from labgloss.knowledge.release import Release
from labgloss.proofs.changes import NumberMoved, Said, WordChanged, changed, moved, words
from tests.unit.engine.panel_builder import panel, result


def after(release: Release, sent: Panel, change: Any) -> Panel:
    return changed(sent, change, recognise(release, sent))


def symptom(ident: str, said: Said) -> WordChanged:
    return WordChanged(Name("symptom", ident), said)


@pytest.mark.parametrize(
    ("value", "steps", "expected"),
    [
        ("0.41", 1, "0.42"),
        ("0.41", -1, "0.40"),
        ("4", 1, "5"),
        ("4.0", 1, "4.1"),
        ("2.99", 1, "3.00"),
        ("1e3", 1, "1001"),
        (".5", 2, "0.7"),
        ("0.1234567890123456789012345678", 1, "0.1234567890123456789012345679"),
    ],
)
def test_a_number_moves_by_its_last_reported_digit(value: str, steps: int, expected: str) -> None:
    assert moved(result("magnesium", value, "mmol/L"), steps).value == expected


def test_a_bound_stays_a_bound(release: Release) -> None:
    sent = moved(result("potassium", "<4.0", "mmol/L"), -3)
    assert (sent.value, sent.comparator) == ("3.7", Comparator.LESS)


def test_only_the_result_that_is_named_moves(release: Release) -> None:
    sent = panel(result("magnesium", "0.41", "mmol/L"), result("potassium", "4.0", "mmol/L"))
    found = after(release, sent, NumberMoved(1, 2))
    assert [one.value for one in found.results] == ["0.41", "4.2"]
    assert found.patient == sent.patient


def test_a_symptom_that_is_denied_takes_the_place_of_every_mention(release: Release) -> None:
    sent = panel(symptoms=["cramps in both calves", "FATIGUE"])
    found = after(release, sent, symptom("MUSCLE_CRAMP", Said.DENIED))
    assert found.symptoms == (Symptom(id="FATIGUE"), Symptom(id="MUSCLE_CRAMP", present=False))


def test_what_else_a_text_says_stays_said(release: Release) -> None:
    sent = panel(symptoms=[Symptom(text="muscle cramps and fatigue, no palpitations", duration="P2D")])
    found = after(release, sent, symptom("MUSCLE_CRAMP", Said.DENIED))
    read = recognise(release, found).truths["symptom"]
    before = recognise(release, sent).truths["symptom"]
    assert {ident: truth for ident, truth in read.items() if ident != "MUSCLE_CRAMP"} == {
        ident: truth for ident, truth in before.items() if ident != "MUSCLE_CRAMP"
    }
    assert {item.duration for item in found.symptoms[:-1]} == {"P2D"}


def test_a_condition_comes_and_goes(release: Release) -> None:
    sent = panel(conditions=["ckd", "something nobody knows"])
    added = after(release, sent, WordChanged(Name("condition", "dialysis"), Said.ADDED))
    assert [item.id or item.text for item in added.conditions or ()] == ["ckd", "something nobody knows", "dialysis"]
    removed = after(release, sent, WordChanged(Name("condition", "ckd"), Said.REMOVED))
    assert [item.id or item.text for item in removed.conditions or ()] == ["something nobody knows"]
    unread = after(release, sent, WordChanged(Name("condition", "unread[1]"), Said.REMOVED))
    assert [item.id for item in unread.conditions or ()] == ["ckd"]


def test_a_list_that_was_not_sent_is_sent_empty_or_with_the_one_item(release: Release) -> None:
    sent = panel(result("magnesium", "0.41", "mmol/L"))
    assert after(release, sent, WordChanged(Name("medication", ""), Said.NONE_OF_THEM)).medications == ()
    added = after(release, sent, WordChanged(Name("medication", "ppi"), Said.ADDED, 2))
    assert [item.id for item in added.medications or ()] == ["ppi"]
    assert added.conditions is None


def test_changes_come_by_the_fewest_words_first_and_leave_out_what_is_so_already(release: Release) -> None:
    sent = panel(symptoms=["FATIGUE"], conditions=["ckd"])
    names = [Name("medication", "ppi"), Name("symptom", "FATIGUE"), Name("condition", "ckd")]
    assert list(words(sent, recognise(release, sent), names)) == [
        symptom("FATIGUE", Said.DENIED),
        WordChanged(Name("condition", "ckd"), Said.REMOVED),
        WordChanged(Name("medication", ""), Said.NONE_OF_THEM),
        WordChanged(Name("medication", "ppi"), Said.ADDED, 2),
    ]
