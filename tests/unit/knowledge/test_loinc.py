from __future__ import annotations

import pytest

from labgloss.knowledge.loinc import valid


@pytest.mark.parametrize("code", ["2601-3", "19123-9", "2823-3", "14866-8", "68438-1", "98979-8", "721-1", "12180-6"])
def test_a_code_with_its_check_digit_is_valid(code: str) -> None:
    assert valid(code)


@pytest.mark.parametrize("code", ["14866-2", "12180-8", "13959-4", "2601-4", "2610-3", "19123-8"])
def test_a_guessed_or_swapped_digit_is_not(code: str) -> None:
    """The first three circulate in public code (MC 1.1, CO 1.4)."""
    assert not valid(code)


@pytest.mark.parametrize(
    "code",
    ["", "-", "2601", "2601-", "-3", "2601-33", " 2601-3", "2601–3", "LP2601-3", "２６０１-3", "26O1-3", "2601-3\n"],
)
def test_what_has_not_the_form_of_a_code_is_not(code: str) -> None:
    assert not valid(code)


def test_one_wrong_digit_is_always_found() -> None:
    right = "19123-9"
    for place in (0, 1, 2, 3, 4, 6):
        for digit in "0123456789":
            wrong = right[:place] + digit + right[place + 1 :]
            assert valid(wrong) is (wrong == right)
