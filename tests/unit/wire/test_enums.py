"""Each closed list of the proto has the same members as that of the domain."""

from __future__ import annotations

from enum import Enum

import pytest

from labgloss.domain.quantity import Comparator
from labgloss.wire import enums
from labgloss.wire.enums import EnumTable

TABLES = {name: table for name, table in vars(enums).items() if isinstance(table, EnumTable)}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_every_member_of_the_domain_has_a_number_and_every_number_a_member(table: EnumTable[Enum, int]) -> None:
    domain = type(next(iter(table.numbers)))
    assert set(domain) == set(table.numbers)
    for number, member in table.members.items():
        assert number == table.numbers[member]


def test_only_the_comparator_sends_its_unspecified_for_a_member() -> None:
    assert {"COMPARATOR": Comparator.EQUAL} == {
        name: member for name, table in TABLES.items() for member, number in table.numbers.items() if number == 0
    }


def test_a_table_names_what_is_allowed_without_the_unspecified() -> None:
    assert ("SEX_FEMALE", "SEX_MALE") == enums.SEX.names
