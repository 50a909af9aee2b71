"""A site's overlay by the commands: served, embedded, checked, shown; a faulty one ends with 2."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from labgloss.cli import main
from labgloss.cli.proved import is_proved, place
from labgloss.knowledge.loader import DATA, load
from labgloss.server.settings import read_settings

EXAMPLE = Path(__file__).parents[3] / "deploy" / "overlay.example.toml"
PANEL = """
[[panel]]
id = "between-the-two-intervals"
[panel.patient]
age_years = 40
sex = "male"
[[panel.results]]
analyte = "potassium"
value = "5.2"
unit = "mmol/L"
specimen = {{ kind = "serum" }}
[panel.expect.results.potassium]
class = "{expected}"
"""


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    path = tmp_path / "faulty.toml"
    path.write_text(EXAMPLE.read_text().replace("3.6 <= x <= 5.1", "36 <= x <= 51"))
    return path


def panel_file(folder: Path, expected: str) -> str:
    path = folder / "panel.toml"
    path.write_text(PANEL.format(expected=expected))
    return str(path)


def test_interpret_answers_by_the_overlay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = panel_file(tmp_path, "high")
    assert main(["interpret", file, "--overlay", str(EXAMPLE), "--format", "json"]) == 0
    (outcome,) = json.loads(capsys.readouterr().out)["outcomes"]
    assert outcome["report"]["release"]["overlay"] == "example-hospital"
    assert outcome["report"]["results"][0]["flag"] == "H"
    assert main(["interpret", file, "--overlay", str(EXAMPLE)]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "overlay example-hospital" in out
    assert "by the site: interval potassium.interval.site.adult: interval of the site for potassium" in out


def test_explain_measures_from_the_sites_interval(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = panel_file(tmp_path, "high")
    assert main(["explain", file, "K_HIGH", "--overlay", str(EXAMPLE)]) == 0
    out = capsys.readouterr().out
    assert "+0.1 from 5.1 mmol/L: " in out
    assert "overlay interval" in out
    assert "no longer holds with potassium 5.2 -> 5.1 mmol/L (1 digit down)" in out


def test_check_compares_under_the_overlay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", panel_file(tmp_path, "high"), "--overlay", str(EXAMPLE)]) == 0
    assert main(["check", panel_file(tmp_path, "normal")]) == 0
    assert capsys.readouterr().out.count("1 panel: 1 as expected") == 2


@pytest.mark.parametrize("command", ["interpret", "check"])
def test_an_overlay_for_a_service_that_runs_already_is_refused(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = panel_file(tmp_path, "high")
    assert main([command, file, "--overlay", str(EXAMPLE), "--target", "127.0.0.1:1"]) == 2
    assert "--overlay: is laid over a release when its service starts" in capsys.readouterr().err


def test_lint_and_show_name_the_overlay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    overlay = tmp_path / "site.toml"
    overlay.write_bytes(EXAMPLE.read_bytes())
    assert main(["knowledge", "lint", "--overlay", str(overlay)]) == 0
    assert is_proved(place(DATA, overlay), load(overlay=overlay).reference)
    out = capsys.readouterr().out
    assert out.startswith("clean: ")
    assert "overlay example-hospital: Example Hospital, clinical chemistry" in out
    assert main(["knowledge", "show", "--overlay", str(EXAMPLE)]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "- critical_limit potassium.critical.site.low: critical limit of the site for potassium" in shown
    assert "signed by Dr B. Example, intensive care on 2026-01-15" in shown
    assert main(["knowledge", "show", "potassium.critical.site.low", "--overlay", str(EXAMPLE)]) == 0
    assert "status: signed" in capsys.readouterr().out


@pytest.mark.parametrize(
    "command",
    [["serve", "--port", "0"], ["knowledge", "lint"], ["knowledge", "show"], ["interpret"], ["check"]],
    ids=lambda command: " ".join(command[:2]),
)
def test_a_faulty_overlay_ends_with_2_and_says_what_and_for_whom(
    command: list[str], faulty: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    panels = [panel_file(tmp_path, "high")] if command[0] in ("interpret", "check") else []
    assert main([*command, *panels, "--overlay", str(faulty)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "labgloss: the knowledge is faulty:"
    place = f"  {faulty}: interval[0] (potassium.interval.site.adult): shares no value with the default interval"
    assert any(line.startswith(place) and "(witness: age 6575 d" in line for line in lines[1:])


def test_the_overlay_of_the_environment_is_served(faulty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABGLOSS_OVERLAY", str(faulty))
    assert main(["serve", "--port", "0"]) == 2


def test_a_flag_outweighs_the_environment() -> None:
    settings = read_settings({"LABGLOSS_OVERLAY": "a.toml"}, {"overlay": "b.toml"})
    assert settings.overlay == Path("b.toml")
    assert read_settings({}, {}).overlay is None
