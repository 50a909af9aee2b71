"""The stretches of an impact against a plain way: each value of a fine grid, of every kind of patient."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from labgloss.cli.sides import release_of
from labgloss.domain.quantity import EVERYTHING, Span
from labgloss.domain.report import Urgency
from labgloss.knowledge.expression import parse_limit
from labgloss.knowledge.release import Release
from labgloss.knowledge.schema import AgeRange, AnalyteFile
from labgloss.knowledge.validation import formed
from labgloss.proofs.answers import Answers, Change
from labgloss.proofs.places import NOTHING, parts, with_part
from labgloss.proofs.regions import Region, regions
from labgloss.proofs.rows import with_row
from labgloss.proofs.whom import kinds

OVERLAY = Path(__file__).parents[3] / "deploy" / "overlay.example.toml"
EGFR = "mL/min/{1.73_m2}"
Seeded = Callable[[Release], Release]


def limits(analyte: str, **moved: str) -> Seeded:
    """Other limits, by the end of the id of a row or the name of a band (of the first table)."""

    def seeded(release: Release) -> Release:
        form = release.analytes[analyte].form
        changed = form
        for named, limit in moved.items():
            changed = with_part(changed, (*way_to(form, named), "limits", "mmol/L"), parse_limit(limit))
        return with_row(release, form, changed)

    return seeded


def way_to(form: AnalyteFile, named: str) -> tuple[Any, ...]:
    return next(
        way
        for way, part in parts(form)
        if getattr(part, "band", "") == named or getattr(part, "id", "").endswith(f".{named.replace('__', '.')}")
    )


def part(analyte: str, named: str, field: tuple[str | int, ...], value: object) -> Seeded:
    """Something else in a row."""

    def seeded(release: Release) -> Release:
        form = release.analytes[analyte].form
        return with_row(release, form, with_part(form, (*way_to(form, named), *field), value))

    return seeded


def neonates_until(days: int) -> Seeded:
    """The age partition of magnesium moved, in every row that ends or begins with it."""

    def seeded(release: Release) -> Release:
        form = changed = release.analytes["magnesium"].form
        for way, found in parts(form):
            if isinstance(found, AgeRange):
                stated = {
                    name: f"{days} d" if str(age) == "28 d" else str(age)
                    for name, age in (("from", found.begin), ("to", found.end))
                    if age is not None
                }
                changed = with_part(changed, way, formed(AgeRange, stated))
        return with_row(release, form, changed)

    return seeded


def finding(ident: str, field: tuple[str | int, ...], value: object) -> Seeded:
    def seeded(release: Release) -> Release:
        row = release.findings[ident][0]
        return with_row(release, row, with_part(row, field, value))

    return seeded


# Each with the analyte and the values that are asked one by one.
SEEDED: dict[str, tuple[Seeded, str, str]] = {
    "interval moved": (limits("magnesium", from_28_days="0.72 <= x <= 1.00"), "magnesium", "0.69 0.73"),
    "band edge moved": (
        limits("magnesium", moderate_low="0.40 < x < 0.54", mild_low="0.54 <= x < LLN"),
        "magnesium",
        "0.48 0.55",
    ),
    "inclusive bound flipped": (
        limits("magnesium", severe_low="x < 0.40", moderate_low="0.40 <= x < 0.50"),
        "magnesium",
        "0.39 0.41",
    ),
    "critical limit moved": (limits("magnesium", critical__default__low="x <= 0.38"), "magnesium", "0.37 0.41"),
    "variant changed": (limits("magnesium", diasys__men="0.75 <= x <= 1.06"), "magnesium", "0.72 0.76"),
    "age partition moved up": (neonates_until(30), "magnesium", "0.59 0.61"),
    "age partition moved down": (neonates_until(20), "magnesium", "0.59 0.61"),
    "finding limit moved": (finding("EGFR_BELOW_30", ("limits", EGFR), parse_limit("x < 35")), "egfr", "28 37"),
    "finding clause changed": (finding("K_UNDER_4_0", ("when",), None), "potassium", "3.8 4.1"),
    "urgency changed": (part("magnesium", "moderate_low", ("urgency",), Urgency.PROMPT), "magnesium", "0.39 0.41"),
    "raise changed": (
        part("magnesium", "moderate_high", ("raises", 0, "limits", "mmol/L"), parse_limit("x >= 2.40")),
        "magnesium",
        "2.38 2.51",
    ),
}


# Kinds of patient asked one by one: every so many of all that there are, and of those that are named.
EVERY, EVERY_NAMED = 41, 7


@pytest.mark.parametrize("seed", SEEDED)
def test_the_stretches_are_those_of_the_plain_way(release: Release, seed: str) -> None:
    seeded, analyte, ends = SEEDED[seed]
    changed = seeded(release)
    found = regions(release, changed)
    assert {region.analyte for region in found} == {analyte}
    sides = (release.analytes[analyte], changed.analytes[analyte])
    unit = sides[0].native_units[0]
    named = list(dict.fromkeys(whom for region in found for whom in region.whom))
    everybody = list(kinds(release, changed, *sides))
    differing = 0
    for whom in dict.fromkeys((*named[::EVERY_NAMED], *everybody[::EVERY])):
        for value in grid(ends):
            plain = Answers.of(release, changed, whom.panel(analyte, str(value), unit)).changes
            here = [region for region in found if region.unit == unit and value in span(region)]
            if whom in named:
                assert [region.changes for region in here if whom in region.whom] == ([plain] if plain else [])
            elif plain:
                # For whom another stands, by whose rows it is judged.
                assert of_result(plain) in [of_result(region.changes) for region in here]
            differing += bool(plain)
    assert differing


def grid(ends: str) -> Iterator[Decimal]:
    """Some ten values from end to end, and one between each two."""
    value, last = map(Decimal, ends.split())
    step = max(Decimal(1).scaleb(value.as_tuple().exponent), (last - value) / 8)  # type: ignore[arg-type]
    while value <= last:
        yield value
        yield value + step / 2
        value += step


def span(region: Region) -> Span:
    return EVERYTHING if region.stretch == "every value" else parse_limit(region.stretch).span()


def of_result(changes: Sequence[Change]) -> list[Change]:
    """What is judged of the one result."""
    return [change for change in changes if change.what.startswith(("magnesium ", "potassium ", "egfr "))]


def test_what_no_answer_shows_is_asked_of_nobody(release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Answers, "of", lambda *_: pytest.fail("both were asked"))
    for field, value in (("note", "another"), ("source", ("DEC-01",)), ("status", "seen")):
        assert regions(release, part("magnesium", "critical__default__low", (field,), value)(release)) == []


def test_a_unit_that_one_does_not_read_is_told_of(release: Release) -> None:
    form = release.analytes["magnesium"].form
    changed = with_row(release, form, with_part(form, ("units", 2), NOTHING))
    found = regions(release, changed)
    assert {(region.unit, region.read_by_one) for region in found} == {("meq/L", True)}
    critical = next(region for region in found if span(region).low == Decimal("4.00"))
    assert Change("magnesium critical", "yes", "possible") in critical.changes


def test_the_choices_and_the_feeds_of_a_site_are_asked() -> None:
    """A variant for one analyte, a policy, mg/L and a unit that is left out: no row of the release differs for them."""
    found = regions(release_of("-"), release_of(str(OVERLAY)))
    assert ("magnesium", "mmol/L", "0.65 <= x < 0.70") in {(one.analyte, one.unit, one.stretch) for one in found}
    assert ("vitamin_d_25oh", "nmol/L", "x = 50") in {(one.analyte, one.unit, one.stretch) for one in found}
    read = {(one.analyte, one.unit, one.whom[0].source) for one in found if one.read_by_one}
    assert read == {
        ("calcium_total", "mg/L", "example-lis"),
        ("magnesium", "mg/L", "example-lis"),
        ("potassium", "", "example-poct"),
    }
    assert all(one.example.panel.source == one.whom[0].source for one in found)
