"""Promise 5, for overlays: none loses a critical, and only a signed feed setting makes a refused result readable."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labgloss.domain.panel import Coding, Panel, Result, Specimen
from labgloss.domain.report import Critical, RefusalReason, Report
from labgloss.engine.interpret import interpret
from labgloss.engine.judged import ARTEFACTS
from labgloss.errors import KnowledgeError
from labgloss.knowledge.overlay import lay_over
from labgloss.knowledge.release import Release
from tests.unit.engine.test_properties import (
    MANY,
    PRIMARY,
    RELEASE,
    UNITS,
    one_of,
    panels,
    results,
    sound_results,
)

SIGNED = 'signed = { name = "Dr A. Example", date = 2026-01-15 }\n'
SYSTEM = "99LAB"
# Intervals around which those of sites lie, in the units that the release compares in; as many decimals as written.
USUAL = {
    "magnesium": {"mmol/L": ("0.70", "1.00"), "mg/dL": ("1.70", "2.43")},
    "calcium_total": {"mmol/L": ("2.20", "2.60"), "mg/dL": ("8.82", "10.42")},
    "calcium_adjusted": {"mmol/L": ("2.20", "2.60"), "mg/dL": ("8.82", "10.42")},
    "calcium_ionised": {"mmol/L": ("1.15", "1.32"), "mg/dL": ("4.61", "5.29")},
    "potassium": {"mmol/L": ("3.5", "5.3")},
    "sodium": {"mmol/L": ("133", "146")},
    "albumin": {"g/L": ("35", "50"), "g/dL": ("3.5", "5.0")},
}
SEEDS = range(8)
# Refusals of a number that was read: what an artefact made of it.
VERDICTS = {None, *ARTEFACTS, RefusalReason.SUPERSEDED_BY_PAIRED_SPECIMEN}


def some_overlay(random: Random) -> str:
    """An overlay of every kind of entry that is no feed setting; its intervals may swallow any limit."""
    parts = ['id = "site"\ntitle = "A site"\n']
    for analyte, usual in USUAL.items():
        # From much narrower to so wide that moderate, severe and critical limits lie inside.
        down, up = random.uniform(0.6, 1.08), random.uniform(0.95, 1.5)
        limits = ", ".join(
            f'"{unit}" = "{float(low) * down:.3f} <= x <= {float(high) * up:.3f}"'
            for unit, (low, high) in usual.items()
        )
        parts.append(f'[[interval]]\nanalyte = "{analyte}"\nid = "{analyte}.own"\nage = {{ from = "18 y" }}\n')
        parts.append(f"limits = {{ {limits} }}\n{SIGNED}")
    parts.append('[[critical]]\nanalyte = "potassium"\nid = "k.low"\nside = "low"\nage = { from = "28 d" }\n')
    parts.append(f'limits = {{ "mmol/L" = "x <= {random.uniform(2.55, 2.9):.2f}" }}\n{SIGNED}')
    for name, known in RELEASE.choices.items():
        value = random.choice([row.id for row in known.values() if not row.wording_only])
        parts.append(f'[[choice]]\nname = "{name}"\nvalue = "{value}"\n{SIGNED}')
    for analyte in PRIMARY:
        parts.append(f'[[code]]\nsystem = "{SYSTEM}"\ncode = "{analyte}"\nanalyte = "{analyte}"\n{SIGNED}')
    return "".join(parts)


@lru_cache(maxsize=64)
def overlaid(seed: int, more: str = "") -> Release:
    """The release with the overlay of a seed, whose faulty entries a site would have to mend: here they go."""
    random = Random(seed)
    text = some_overlay(random) + more
    head, *entries = text.split("[[")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "site.toml"
        while True:
            path.write_text("[[".join([head, *entries]))
            try:
                return lay_over(RELEASE, path)
            except KnowledgeError as error:
                faulty = {key for fault in error.faults for key in fault.key.split(" and ")}
            kept = [entry for name, entry in named(entries) if name not in faulty]
            assert len(kept) < len(entries), faulty
            entries = kept


def named(entries: list[str]) -> list[tuple[str, str]]:
    """The entries with the keys that faults name them by."""
    found, places = [], dict[str, int]()
    for entry in entries:
        array, values = (
            entry.partition("]]")[0],
            dict(line.split(" = ", 1) for line in entry.splitlines() if " = " in line),
        )
        number = places[array] = places.get(array, -1) + 1
        label = {"choice": "name", "code": "code"}.get(array, "id")
        text = values.get(label, "").strip('"')
        found.append((f"{array}[{number}] ({f'{SYSTEM} {text}' if array == 'code' else text})", entry))
    return found


def in_force(report: Report) -> set[str]:
    return {choice.name for choice in report.choices if choice.chosen_by == "overlay"}


# One result of each analyte: which of two results of one analyte decides is not what an overlay is about.
one_of_each = st.lists(
    st.one_of(results, sound_results, sound_results), min_size=1, max_size=4, unique_by=lambda result: result.analyte
)
with_local_codes = st.builds(
    lambda result, code: replace(result, codings=(*result.codings, Coding(SYSTEM, code))) if code else result,
    st.one_of(results, sound_results).filter(lambda result: bool(result.analyte or result.codings)),
    one_of("", *PRIMARY),
)
seeds = st.sampled_from(SEEDS)


def test_the_overlays_swallow_limits_and_hold_every_kind_of_entry() -> None:
    sites = [overlaid(seed).site for seed in SEEDS]
    assert {name for site in sites for name in ("interval", "critical_limit") if name in {e.name for e in site.entries}}
    assert all(len(site.choices) == 3 and len(site.codes) == len(PRIMARY) for site in sites)
    spans = [
        row.limits["mmol/L"].span()
        for seed in SEEDS
        for row in overlaid(seed).analytes["potassium"].intervals.get("site", ())
    ]
    assert any(span.low is not None and span.low < 3 for span in spans)
    assert any(span.high is not None and span.high > 6 for span in spans)


@MANY
@given(seeds, panels(sound_results), one_of_each)
def test_an_overlay_never_takes_a_critical_away(seed: int, context: Panel, sent: list[Result]) -> None:
    panel = replace(context, results=tuple(replace(one, index=place) for place, one in enumerate(sent)))
    for before, after in zip(interpret(RELEASE, panel).results, interpret(overlaid(seed), panel).results, strict=False):
        if before.critical is not Critical.NO:
            assert after.critical is not Critical.NO
        if before.critical is Critical.YES and after.refusal_reason is None:
            assert after.critical is Critical.YES
            assert after.flag != "N"


@MANY
@given(seeds, panels(with_local_codes))
def test_without_a_feed_setting_what_cannot_be_read_stays_refused(seed: int, panel: Panel) -> None:
    """What an artefact made of a number that was read is a verdict, and may rest on an interval; a refusal is none."""
    before, after = interpret(RELEASE, panel), interpret(overlaid(seed), panel)
    for one, other in zip(before.results, after.results, strict=False):
        if one.index is not None and one.refusal_reason not in {
            None,
            *ARTEFACTS,
            RefusalReason.SUPERSEDED_BY_PAIRED_SPECIMEN,
        }:
            assert other.refusal_reason is not None
            assert other.flag != "N"
    assert not any(name.startswith("feed.") for name in in_force(after))


FEED = f"""
[[feed.mg_per_litre]]
source = "lis"
analytes = ["calcium_total", "magnesium"]
{SIGNED}
[[feed.d3_code_is_total]]
source = "lis"
{SIGNED}
[[feed.default_unit]]
source = "lis"
analyte = "potassium"
unit = "mmol/L"
{SIGNED}
[[feed.haemolysis_code]]
source = "lis"
system = "{SYSTEM}"
code = "H"
limits = {{ "1" = "x <= 50" }}
{SIGNED}"""


@lru_cache(maxsize=1)
def with_feed() -> Release:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "site.toml"
        path.write_text(f'id = "site"\ntitle = "A site"\n{FEED}')
        return lay_over(RELEASE, path)


# Results as a feed without units, in mg/L or with D3 codes sends them.
of_feed = st.builds(
    lambda result, change: replace(result, **change),
    sound_results,
    one_of({"unit": ""}, {"unit": "mg/L"}, {"codings": (Coding("http://loinc.org", "14635-7"),)}, {}),
)


@MANY
@given(panels(st.one_of(of_feed, results)))
def test_the_settings_of_a_feed_are_nothing_to_any_other(panel: Panel) -> None:
    before, after = interpret(RELEASE, panel), interpret(with_feed(), replace(panel, source="another"))
    assert replace(before, choices=()) == replace(after, choices=())
    assert before.choices == after.choices


@MANY
@given(panels(of_feed, 4))
def test_what_a_feed_setting_makes_readable_is_said(panel: Panel) -> None:
    panel = replace(panel, results=tuple(replace(one, specimen=Specimen()) for one in panel.results))
    before, after = interpret(RELEASE, panel), interpret(with_feed(), replace(panel, source="lis"))
    for one, other in zip(before.results, after.results, strict=False):
        if one.index is None or one.refusal_reason is None or other.refusal_reason is not None:
            continue
        assert any(name.startswith("feed.") for name in in_force(after))
        if one.refusal_reason is RefusalReason.UNIT_MISSING:
            assert any(issue.id == "default_unit_used" and one.index in issue.results for issue in after.issues)


@pytest.mark.parametrize("analyte", ["potassium"])
@pytest.mark.parametrize("value", ["2.2", "7.1"])
def test_a_critical_of_a_feed_without_units_is_critical(analyte: str, value: str) -> None:
    sent = Panel(results=(Result(0, analyte=analyte, value=value),), source="lis")
    assert UNITS[analyte][0] == "mmol/L"
    assert interpret(with_feed(), sent).results[0].critical is not Critical.NO
