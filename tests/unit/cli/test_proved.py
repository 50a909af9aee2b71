"""What was proved is kept beside what it speaks of, and speaks of that alone; the shipped verdict is current."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from labgloss.cli.commands import serve
from labgloss.cli.proved import Proved, is_proved, keep, place, proved
from labgloss.errors import KnowledgeError
from labgloss.knowledge.loader import DATA, load
from labgloss.knowledge.release import Release, ReleaseReference
from labgloss.proofs import lint
from labgloss.server.settings import read_settings

REFERENCE = ReleaseReference("1.2.3", "aa", "engine", "site", "bb")


def test_a_verdict_that_was_kept_speaks_of_its_release(tmp_path: Path) -> None:
    where = place(tmp_path, None)
    assert keep(where, proved(REFERENCE, "4 questions"))
    assert is_proved(where, REFERENCE)
    assert "4 questions" == json.loads(where.read_text())["enumerated"]


@pytest.mark.parametrize("changed", [{"digest": "ab"}, {"overlay_digest": ""}, {"engine": "another"}])
def test_a_verdict_speaks_of_no_other_release_overlay_or_engine(tmp_path: Path, changed: dict[str, str]) -> None:
    where = tmp_path / "verdict.json"
    keep(where, proved(REFERENCE, ""))
    assert not is_proved(where, replace(REFERENCE, **changed))


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b'{"digest": "aa"}'])
def test_what_is_no_verdict_proves_nothing(tmp_path: Path, content: bytes) -> None:
    where = tmp_path / "verdict.json"
    where.write_bytes(content)
    assert not is_proved(where, REFERENCE)
    assert not is_proved(tmp_path / "missing.json", REFERENCE)


def test_the_verdict_of_an_overlay_lies_beside_it(tmp_path: Path) -> None:
    assert tmp_path / "site.toml.verdict.json" == place(DATA, tmp_path / "site.toml")


def test_a_folder_that_takes_no_file_is_said(tmp_path: Path) -> None:
    assert not keep(tmp_path / "missing" / "verdict.json", proved(REFERENCE, ""))


def test_the_shipped_verdict_speaks_of_the_shipped_files() -> None:
    """If this fails, `deploy/labgloss knowledge lint` proves the files as they are now, and writes it."""
    assert is_proved(place(DATA, None), load().reference)


def test_a_start_proves_what_no_verdict_speaks_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """The proof itself, over the whole release, is in tests/unproved_knowledge."""
    asked: list[Release] = []
    fault = lint.Fault("patterns/x.toml", "X", "can never be MATCHED", "a panel")

    def prove(release: Release) -> lint.Verdict:
        asked.append(release)
        return lint.Verdict((fault,) if len(asked) == 1 else (), 1, 1, 1, 1)

    monkeypatch.setattr(lint, "prove", prove)
    overlay = tmp_path / "site.toml"
    overlay.write_bytes((Path(__file__).parents[3] / "deploy" / "overlay.example.toml").read_bytes())
    settings = read_settings({}, {"overlay": str(overlay)})
    release = load(overlay=overlay)
    with pytest.raises(KnowledgeError, match=r"patterns/x\.toml: X: can never be MATCHED \(witness: a panel\)"):
        serve.prove_unless_proved(settings, release)
    assert not place(DATA, overlay).exists()
    serve.prove_unless_proved(settings, release)
    serve.prove_unless_proved(settings, release)
    assert [release, release] == asked
    lines = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    assert ["proving", "proving", "proved"] == [line["event"] for line in lines]
    assert {release.reference.digest} == {line["digest"] for line in lines}


def test_what_is_kept_holds_no_place_of_a_machine() -> None:
    assert {"release", "digest", "engine", "overlay", "overlay_digest", "enumerated"} == set(
        Proved.__dataclass_fields__
    )
