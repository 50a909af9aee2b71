"""The document for sign-off: whole, the same bytes for the same release, and right about either side of a limit."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from labgloss.knowledge import schema
from labgloss.knowledge.expression import parse_limit
from labgloss.knowledge.loader import load
from labgloss.knowledge.release import Release
from labgloss.knowledge.stated import stated, unsigned
from labgloss.proofs import moving
from labgloss.proofs.saying import limit_words
from labgloss.proofs.signoff import signoff
from tests.unit.cli.subprocesses import IMPORTING_LABGLOSS


@pytest.fixture(scope="module")
def release() -> Release:
    return load()


@pytest.fixture(scope="module")
def document(release: Release) -> str:
    return signoff(release)


def entry(document: str, ident: str) -> str:
    """The entry of an id."""
    found = re.search(rf"^#### `{re.escape(ident)}`$\n(.*?)(?=^##)", document, re.MULTILINE | re.DOTALL)
    assert found is not None, ident
    return found[1]


def test_every_unsigned_figure_and_rule_has_one_entry_and_nothing_else_has(document: str, release: Release) -> None:
    entries = re.findall(r"^#### `(.*)`$", document, re.MULTILINE)
    assert sorted(entries) == sorted(item.id for item in unsigned(release))


def test_every_entry_says_where_it_comes_from_what_it_does_and_is_signed(document: str, release: Release) -> None:
    for item in unsigned(release):
        text = entry(document, item.id)
        for title in ("Says", "Source", "Status", "Read by", "If it moves"):
            assert f"- **{title}**:" in text, (item.id, title)
        assert item.status.replace("_", " ") in text
        assert all(release.sources[source].citation in text for source in item.source)
        assert item.note in text
        assert text.rstrip().endswith(
            "Name: ______________________ Date: ______________ Signature: ______________________"
        )


def test_the_contents_count_every_entry_and_link_to_a_heading(document: str, release: Release) -> None:
    rows = re.findall(r"^\| (.+?) \|(.*)\| (\d+) \|$", document, re.MULTILINE)
    numbers = {title: int(count) for title, _, count in rows}
    assert numbers["**All**"] == len(unsigned(release))
    assert sum(count for title, count in numbers.items() if title.startswith("[")) == len(unsigned(release))
    headings = {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^##+ (.*)$", document, re.MULTILINE)
    }
    assert {link for title in numbers for link in re.findall(r"\(#(.*?)\)", title)} <= headings


def test_the_same_release_gives_the_same_bytes_under_any_hash_seed(document: str) -> None:
    script = (
        "import sys\nfrom labgloss.knowledge.loader import load\nfrom labgloss.proofs.signoff import signoff\n"
        "sys.stdout.buffer.write(signoff(load()).encode())"
    )
    for seed in ("0", "1"):
        run = subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            check=True,
            env={**IMPORTING_LABGLOSS, "PYTHONHASHSEED": seed},
        )
        assert run.stdout == document.encode()


def test_a_band_names_what_lies_on_either_side_and_which_urgency_is_lost(document: str) -> None:
    text = entry(document, "potassium.band.borderline_high")
    assert (
        "At 5.5 mmol/L: beyond it `mild_high` (class high, PROMPT), "
        "on this side `borderline_high` (class high, ROUTINE). "
        "Moved down, values leave it for `mild_high` and gain PROMPT; moved up, they enter it from there."
    ) in text
    assert "At the upper end of the interval: below it `normal` (class normal, NONE)" in text
    assert "values leave it for `normal` and lose ROUTINE" in text


def test_an_interval_names_the_class_the_finding_and_the_band_beyond_it(document: str) -> None:
    text = entry(document, "magnesium.interval.default.pregnancy")
    assert "At 0.60 mmol/L (itself inside): below it class low, flag L, finding `MG_LOW`, `mild_low` (class low" in text
    assert "Moved down: values that are low are called normal." in text
    assert "patterns: " in text
    assert "`MG_LOW_WITH_SECONDARY_HYPOKALAEMIA` (core; EMERGENCY or SAME_DAY)" in text
    assert "- **Highest urgency that it can bring**: EMERGENCY" in text


def test_a_critical_limit_names_the_call_that_is_lost(document: str) -> None:
    text = entry(document, "magnesium.critical.default.high")
    assert "At 2.00 mmol/L: beyond it critical `yes`, flag HH, at least SAME_DAY and a telephone call" in text
    assert "Moved away from the interval, values in between lose the call." in text


def test_a_clause_says_which_way_its_pattern_moves(document: str) -> None:
    text = entry(document, "DRIP_ARM_DILUTION")
    assert "Core `any(condition.infusion_same_arm, " in text
    assert "dropped, or made easier to meet: it matches more." in text
    assert "these patterns match less: `SPURIOUS_CALCIUM_AFTER_GADOLINIUM`" in entry(document, "group.hypo_sx")


def test_what_was_seen_with_a_note_is_listed_and_needs_no_signature(document: str, release: Release) -> None:
    _, _, listed = document.partition("## Seen, with a note")
    noted = [item for item in stated(release) if item.status == "seen" and item.note]
    assert noted
    assert [f"- `{item.id}`: {item.note}" for item in noted] == re.findall(r"^- `.*$", listed, re.MULTILINE)


def test_what_a_site_signed_is_named_and_waits_for_no_signature() -> None:
    site = load(overlay=Path(__file__).parents[3] / "deploy" / "overlay.example.toml")
    document = signoff(site)
    assert f"digest `{site.reference.overlay_digest}`" in document
    assert all(f"- {entry.name} {entry.value}: {entry.text}\n" in document for entry in site.site.entries)
    signed = [item.id for item in stated(site) if item.status == "signed"]
    assert signed
    assert not set(signed) & set(re.findall(r"^#### `(.*)`$", document, re.MULTILINE))


def test_a_figure_that_is_seen_at_last_leaves_the_document(release: Release) -> None:
    pattern = replace(release.patterns["DRIP_ARM_DILUTION"], status="seen")
    changed = replace(release, patterns={**release.patterns, pattern.id: pattern})
    assert "#### `DRIP_ARM_DILUTION`" not in signoff(changed)


def test_every_computation_says_what_it_makes_and_what_changes() -> None:
    computations = set(schema.field_names(schema.ComputationsFile)) - {"timing"}
    assert computations == moving._MADE.keys() == moving._MOVED.keys()


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ("0.40 < x < 0.50", "above 0.40 to below 0.50"),
        ("1.50 <= x <= 2.60", "from 1.50 up to 2.60"),
        ("x <= 1.80", "up to 1.80"),
        ("x < LLN", "below the lower end of the interval"),
        ("ULN < x < 3.00", "above the upper end of the interval to below 3.00"),
        ("x >= 5*ULN", "from 5 times the upper end of the interval"),
        ("x = 2.5", "exactly 2.5"),
    ],
)
def test_a_limit_is_said_in_words(limit: str, words: str) -> None:
    assert limit_words(parse_limit(limit)) == words
