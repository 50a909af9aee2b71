"""What is to be reloaded is checked by a process of its own, which says what it found and ends with whoever asked."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from labgloss.cli import candidate
from labgloss.cli.proved import keep, place, proved
from labgloss.knowledge.loader import DATA, load
from labgloss.knowledge.release import Release

EXAMPLE = Path(__file__).parents[3] / "deploy" / "overlay.example.toml"


def checked(knowledge: Path, overlay: Path | None = None) -> tuple[int, dict[str, object]]:
    """The exit code, and what was found."""
    command = candidate.command(knowledge, overlay)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        said = process.stdout.read()
        return process.wait(), json.loads(said)


@pytest.fixture(scope="module")
def shipped() -> Release:
    return load()


def test_a_release_of_which_a_verdict_is_kept_is_found_sound(shipped: Release) -> None:
    code, found = checked(DATA)
    assert (0, [], shipped.reference.digest) == (code, found["faults"], found["reference"]["digest"])


def test_an_overlay_of_which_a_verdict_is_kept_is_found_sound(tmp_path: Path) -> None:
    overlay = tmp_path / "site.toml"
    overlay.write_text(EXAMPLE.read_text())
    release = load(overlay=overlay)
    assert keep(place(DATA, overlay), proved(release.reference, "as a test says"))
    code, found = checked(DATA, overlay)
    assert (0, release.reference.overlay_digest) == (code, found["reference"]["overlay_digest"])


def test_every_fault_is_found_with_file_key_and_reason(tmp_path: Path) -> None:
    overlay = tmp_path / "site.toml"
    overlay.write_text(EXAMPLE.read_text().replace(", date = 2026-01-15", ""))
    code, found = checked(DATA, overlay)
    assert (2, None) == (code, found["reference"])
    assert len(found["faults"]) > 1
    for file, key, reason in found["faults"]:
        assert (str(overlay), True, True) == (file, bool(key), bool(reason))


def test_it_ends_with_whoever_asked() -> None:
    command = candidate.command(DATA, None)
    asked = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=30)
    assert (1, b"") == (asked.returncode, asked.stdout)
