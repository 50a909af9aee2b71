from __future__ import annotations

import pytest

from labgloss.domain.truth import Truth, all_of, any_of, at_least

T, F, U = Truth.TRUE, Truth.FALSE, Truth.UNKNOWN


@pytest.mark.parametrize(("truth", "negation"), [(T, F), (F, T), (U, U)])
def test_what_is_not_known_is_not_known_denied_either(truth: Truth, negation: Truth) -> None:
    assert ~truth is negation


@pytest.mark.parametrize(("value", "truth"), [(True, T), (False, F), (None, U)])
def test_none_is_unknown_never_false(value: bool | None, truth: Truth) -> None:
    assert Truth.of(value) is truth


@pytest.mark.parametrize(
    ("one", "other", "both", "either"),
    [
        (T, T, T, T),
        (T, F, F, T),
        (T, U, U, T),
        (F, F, F, F),
        (F, U, F, U),
        (U, U, U, U),
    ],
)
def test_all_and_any_are_kleenes(one: Truth, other: Truth, both: Truth, either: Truth) -> None:
    assert all_of((one, other)) is all_of((other, one)) is both
    assert any_of((one, other)) is any_of((other, one)) is either


def test_all_of_nothing_is_true_and_any_of_nothing_is_false() -> None:
    assert all_of(()) is T
    assert any_of(()) is F


def test_a_false_after_an_unknown_still_decides() -> None:
    assert all_of(iter((U, U, F))) is F
    assert any_of(iter((U, U, T))) is T


@pytest.mark.parametrize(
    ("truths", "two", "three"),
    [
        ((T, T, T), T, T),
        ((T, T, F), T, F),
        ((T, T, U), T, U),
        ((T, U, U), U, U),
        ((T, U, F), U, F),
        ((T, F, F), F, F),
        ((U, U, F), U, F),
        ((), F, F),
    ],
)
def test_so_many_are_true_when_enough_are_and_false_when_too_few_may_be(
    truths: tuple[Truth, ...], two: Truth, three: Truth
) -> None:
    assert (at_least(2, truths), at_least(3, truths)) == (two, three)
