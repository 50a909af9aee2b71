"""Every row of a release that has a status is stated once, and whatever is not "seen" waits for a signature."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import fields, is_dataclass

import pytest

from labgloss.knowledge.loader import load
from labgloss.knowledge.release import Release
from labgloss.knowledge.schema import Form, field_names, items_of
from labgloss.knowledge.stated import KINDS, stated, statuses, unsigned
from labgloss.wire.rules import rules_of


@pytest.fixture(scope="module")
def release() -> Release:
    return load()


def rows_with_a_status(value: object, seen: set[int]) -> Iterator[Form]:
    """Every form with a status, wherever in a release; found without knowing where forms lie."""
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, Form):
        if "status" in field_names(value):
            yield value
        for _, part in items_of(value):
            yield from rows_with_a_status(part, seen)
    elif isinstance(value, tuple):
        for part in value:
            yield from rows_with_a_status(part, seen)
    elif hasattr(value, "values"):
        for part in value.values():
            yield from rows_with_a_status(part, seen)
    elif is_dataclass(value):
        for part in fields(value):
            yield from rows_with_a_status(getattr(value, part.name), seen)


def test_every_row_with_a_status_is_stated_once(release: Release) -> None:
    found = list(rows_with_a_status(release, set()))
    assert len(found) > 1_000
    told = Counter(id(item.row) for item in stated(release) if "status" in field_names(item.row))
    assert Counter(id(row) for row in found) == told


def test_no_two_share_kind_and_id_and_every_kind_has_a_title(release: Release) -> None:
    idents = [(item.kind, item.id) for item in stated(release)]
    assert len(set(idents)) == len(idents)
    assert {kind for kind, _ in idents} == set(KINDS)


def test_a_rule_of_the_api_with_a_status_is_stated_under_its_id(release: Release) -> None:
    told = {item.id.partition(" (")[0] for item in stated(release)}
    assert [rule.id for rule in rules_of(release) if rule.status and rule.id not in told] == []


def test_whatever_is_not_seen_is_unsigned(release: Release) -> None:
    assert {item.status for item in stated(release)} - {item.status for item in unsigned(release)} == {"seen"}
    assert "seen" not in {item.status for item in unsigned(release)}
    assert sum(statuses(release).values()) == len(stated(release))
    assert statuses(release)["not_stated"] == sum(item.status == "not_stated" for item in unsigned(release))
