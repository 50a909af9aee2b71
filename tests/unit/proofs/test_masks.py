"""Logic over sets of truths: what may come out is exactly what comes out of some choice of what may go in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labgloss.domain.truth import Truth, all_of, any_of, at_least
from labgloss.engine.facts import Facts
from labgloss.knowledge.expression import Combination, Name
from labgloss.knowledge.release import Release
from labgloss.proofs import masks

T, F, U = Truth.TRUE, Truth.FALSE, Truth.UNKNOWN
# Every set with something in it; the empty one says that nothing is possible.
SETS = range(1, 8)
several = st.lists(st.sampled_from(SETS), max_size=5)


def brute(sets: Iterable[int], of: Callable[[tuple[Truth, ...]], Truth]) -> int:
    """The set of what comes out of every choice of a truth from each set."""
    found = 0
    for choice in product(*(masks.members(one) for one in sets)):
        found |= masks.BIT[of(choice)]
    return found


def test_a_set_is_its_members() -> None:
    assert masks.members(masks.ANY) == [T, F, U]
    assert masks.members(0) == []
    assert [masks.members(one) for one in (masks.TRUE, masks.FALSE, masks.UNKNOWN)] == [[T], [F], [U]]
    assert [one for one in range(8) if masks.single(one)] == [masks.TRUE, masks.FALSE, masks.UNKNOWN]


@pytest.mark.parametrize("one", SETS)
def test_operators_of_one_set_are_those_of_its_members(release: Release, one: int) -> None:
    assert masks.NOT[one] == brute([one], lambda choice: ~choice[0])
    assert masks.HOLDS[one] == brute([one], lambda choice: Truth.of(choice[0] is T))
    for operator, table in (("possible", masks.POSSIBLE), ("unknown", masks.IS_UNKNOWN)):
        assert table[one] == brute([one], lambda choice, operator=operator: _by_engine(release, operator, choice))


def _by_engine(release: Release, operator: str, truths: tuple[Truth, ...]) -> Truth:
    """What the engine makes of an operator over findings with these truths."""
    names = tuple(Name("finding", f"F{place}") for place in range(len(truths)))
    known = {("finding", name.id): truth for name, truth in zip(names, truths, strict=True)}
    return Facts(release, None, known).truth(Combination(operator, names))


@pytest.mark.parametrize(("one", "other"), list(product(SETS, SETS)))
def test_pairs_of_sets(one: int, other: int) -> None:
    assert masks.AND[one][other] == brute([one, other], all_of)
    assert masks.OR[one][other] == brute([one, other], any_of)


@given(several)
def test_conjunction_and_disjunction_lose_nothing_and_add_nothing(sets: list[int]) -> None:
    assert masks.conjunction(sets) == brute(sets, all_of)
    assert masks.disjunction(sets) == brute(sets, any_of)


@given(several, st.integers(1, 4))
def test_so_many_of_several(sets: list[int], number: int) -> None:
    assert masks.at_least(number, sets) == brute(sets, lambda choice: at_least(number, choice))


@pytest.mark.parametrize(("operator", "number"), [("two_of", 2), ("three_of", 3)])
@given(sets=several)
def test_so_many_is_what_the_engine_counts_to(release: Release, operator: str, number: int, sets: list[int]) -> None:
    assert masks.at_least(number, sets) == brute(sets, lambda choice: _by_engine(release, operator, choice))
