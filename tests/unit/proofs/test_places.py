"""Every part of a form is found, and changed where it stands without anything else."""

from __future__ import annotations

import pytest

from labgloss.knowledge.expression import Combination, Name
from labgloss.knowledge.release import Release
from labgloss.proofs.places import NOTHING, labels, part_at, parts, with_part, written

MAGNESIUM, LOW = Name("finding", "MG_LOW"), Name("finding", "CA_LOW")


def test_every_part_is_where_its_way_says(release: Release) -> None:
    form = release.analytes["magnesium"].form
    found = list(parts(form))
    assert len(found) > 1000
    assert all(part_at(form, way) is part for way, part in found)


def test_a_part_is_put_in_its_place_and_the_rest_is_kept(release: Release) -> None:
    pattern = release.patterns["MG_LOW_WITH_SECONDARY_HYPOCALCAEMIA"]
    changed = with_part(pattern, ("core", 0), LOW)
    assert changed.core == (LOW, LOW)
    assert pattern.core == (MAGNESIUM, LOW)
    assert with_part(changed, ("core", 0), MAGNESIUM) == pattern


@pytest.mark.parametrize(
    ("value", "way", "left"),
    [
        ((MAGNESIUM, LOW), (0,), (LOW,)),
        (Combination("any", (MAGNESIUM, LOW)), (1,), Combination("any", (MAGNESIUM,))),
        ((Combination("all", (MAGNESIUM, LOW)),), (0, 0), (Combination("all", (LOW,)),)),
    ],
)
def test_a_member_is_taken_out(value: object, way: tuple[int, ...], left: object) -> None:
    assert with_part(value, way, NOTHING) == left


def test_rows_on_the_way_are_named_by_their_ids_where_these_are_unique(release: Release) -> None:
    form = release.analytes["magnesium"].form
    place = next(number for number, row in enumerate(form.intervals) if row.id == "magnesium.interval.abim.adult")
    way = ("intervals", place, "limits", "mg/dL")
    assert written(form, way) == "intervals[magnesium.interval.abim.adult].limits.mg/dL"
    assert labels(form, way) == ("magnesium", "magnesium.interval.abim.adult")
    assert written(form, ("plausibility", 2, "limits", "mg/dL")) == "plausibility[2].limits.mg/dL"
