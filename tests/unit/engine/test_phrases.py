"""Plain words: what looking for phrases costs, and the clauses of a text."""

from __future__ import annotations

from typing import Any

import pytest

from labgloss.engine.phrases import PhrasesInAnyOrder, PhrasesInOrder, clauses


class Counted(dict[tuple[str, ...], tuple[str, ...]]):
    """A dictionary that counts how often it is asked."""

    asked = 0

    def __contains__(self, key: object) -> bool:
        self.asked += 1
        return super().__contains__(key)

    def get(self, *args: Any) -> Any:
        self.asked += 1
        return super().get(*args)


TEXT = "no cramps, but tingling in the fingers of both hands and furosemide 40 mg since March"


@pytest.mark.parametrize("kind", [PhrasesInAnyOrder, PhrasesInOrder])
def test_what_a_text_costs_does_not_grow_with_the_vocabulary(
    kind: type[PhrasesInAnyOrder] | type[PhrasesInOrder],
) -> None:
    asked = []
    for size in (0, 5000):
        index = kind(ids=Counted())
        for phrase in ("cramps", "tingling fingers", "furosemide", *(f"nothing{n} of this kind" for n in range(size))):
            index.add(phrase, ("X",))
        counted = index.ids
        assert isinstance(counted, Counted)
        counted.asked = 0
        found = [phrase for clause in clauses(TEXT) for phrase in index.find(clause)]
        assert len(found) >= 2
        asked.append(counted.asked)
    assert asked[0] == asked[1]


@pytest.mark.parametrize("text", ["legs " * 4, "cramp, " * 4, "father fits " * 4])
def test_what_a_text_costs_grows_with_its_length(text: str) -> None:
    asked = []
    for times in (10, 20):
        index = PhrasesInAnyOrder(ids=Counted())
        for phrase in ("cramp", "legs gave way and won't move", "weak legs", "fits"):
            index.add(phrase, ("X",))
        counted = index.ids
        assert isinstance(counted, Counted)
        counted.asked = 0
        for clause in clauses(text * times):
            index.find(clause)
        asked.append(counted.asked)
    assert asked[1] <= 2 * asked[0] + 50


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cramps. Fever", [["cramps"], ["fever"]]),
        ("cramps but no fever", [["cramps"], ["no", "fever"]]),
        ("BMI 18.5; self-harm", [["bmi", "18.5"], ["self", "harm"]]),
        ("non-dialysis", [["non-dialysis"]]),
        ("", []),
        (" - ,", []),
    ],
)
def test_a_text_falls_into_clauses_and_words(text: str, expected: list[list[str]]) -> None:
    assert [[word.raw for word in clause.words] for clause in clauses(text)] == expected


def test_a_clause_that_only_says_no_answers_the_one_before() -> None:
    assert [(clause.text.strip(), clause.answered_no) for clause in clauses("cramps: no; fever: yes")] == [
        ("cramps", True), ("fever", False), ("yes", False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        *("bmi >= 16", "bmi => 16", "at least 16", "bmi ≥16", "bmi <= 16", "bmi =< 16", "at most 16", "bmi ≤16"),
        *("bmi <16", "less than 16", "fewer than 3", "lower than 16", "under 16", "below 16"),
        *("bmi >16", "more than 16", "greater than 16", "longer than 3", "over 16", "above 16"),
        *("cannot rise", "can not rise", "could not rise", "couldn't rise", "cant rise", "unable to rise"),
        *("absence of tetany", "tetany ruled out", "tetany excluded"),
    ],
)
def test_a_comparison_or_denial_is_found_however_it_is_put(text: str) -> None:
    """A text is looked through for all of them at once, before each is looked for."""
    assert clauses(text)[0].text != text
