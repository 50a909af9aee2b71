"""`labgloss check --coverage`: what the panels reach, as text and JSON; the shipped ones reach the shipped release."""

import json
from pathlib import Path

import pytest

from labgloss.cli import main
from labgloss.panels.shipped import sample_panels_folder
from labgloss.v1 import report_pb2
from labgloss.v1.interpretation_pb2 import PanelOutcome
from labgloss.v1.panel_pb2 import Panel
from tests.unit.cli.decided_service import DecidedService

MAGNESIUM = """
[[panel]]
id = "low"
patient = { age_years = 40, sex = "male" }
results = [{ analyte = "magnesium", value = "0.38", unit = "mmol/L" }]
"""
# Reached by a site's setting for a feed, which no panel file can make.
BY_A_SETTING = {"issues": ["d3_code_used_for_total"]}


@pytest.fixture
def low(tmp_path: Path) -> Path:
    file = tmp_path / "low.toml"
    file.write_text(MAGNESIUM)
    return file


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    """The coverage of the shipped panels, which all agree and lack nothing that is required."""
    file = tmp_path_factory.mktemp("coverage") / "coverage.json"
    assert main(["check", str(sample_panels_folder()), "--coverage", str(file), "--require-coverage"]) == 0
    content = json.loads(file.read_text())
    assert content["complete"] is True
    axes: dict[str, dict[str, object]] = content["coverage"]
    return axes


@pytest.mark.parametrize(
    "axis",
    [
        "bands",
        "critical_limits",
        "patterns_matched",
        "patterns_near_missed",
        "red_flags",
        "red_flags_emergency",
        "red_flags_same_day",
        "red_flags_prompt",
        "red_flags_held",
        "recommendations_given",
        "refusals",
        "cautions",
        "issues",
    ],
)
def test_the_shipped_panels_reach_every_one(axis: str, shipped: dict[str, dict[str, object]]) -> None:
    assert BY_A_SETTING.get(axis, []) == shipped[axis]["not_reached"]
    assert shipped[axis]["known"]


def test_every_band_of_the_four_analytes_and_of_sodium_is_among_them(shipped: dict[str, dict[str, object]]) -> None:
    panels = shipped["bands"]["panels"]
    assert isinstance(panels, dict)
    assert {
        "magnesium",
        "calcium_adjusted",
        "calcium_ionised",
        "calcium_total",
        "vitamin_d_25oh",
        "potassium",
        "sodium",
    } == {ident.partition(".")[0] for ident in panels}


def test_coverage_ends_the_text_and_leaves_the_exit_code_alone(low: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(low), "--coverage", "-"]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("1 panel: 1 as expected, 0 differing, 0 without a report\n\ncoverage of release ")
    assert "  bands                        1 of " in captured.out
    assert captured.err == ""


def test_coverage_is_a_key_of_the_json_output(low: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(low), "--coverage", "-", "--format", "json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert {"magnesium.band.severe_low": 1} == content["coverage"]["bands"]["panels"]
    assert {"magnesium.critical.default.low": 1} == content["coverage"]["critical_limits"]["panels"]
    assert [True] == [panel["agrees"] for panel in content["panels"]]


def test_required_coverage_that_lacks_something_ends_with_1_and_names_it(
    low: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(low), "--require-coverage"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("labgloss: not reached of bands: calcium_adjusted.band.")
    assert len(lines) == 5


def test_a_coverage_file_that_cannot_be_written_is_said(
    low: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(low), "--coverage", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        f"labgloss: cannot start so:\n  --coverage: {tmp_path} cannot be written: Is a directory\n"
    )


def test_a_service_that_does_not_list_its_rules_gives_no_coverage_and_ends_with_1(
    service: DecidedService, low: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def agrees(panel: Panel) -> PanelOutcome:
        return PanelOutcome(panel_id=panel.id, report=report_pb2.Report(panel_id=panel.id))

    service.outcome = agrees
    assert main(["check", str(low), "--target", service.target, "--coverage", "-"]) == 1
    captured = capsys.readouterr()
    assert captured.out == "1 panel: 1 as expected, 0 differing, 0 without a report\n"
    assert captured.err.startswith("labgloss: no coverage: the service does not list its rules: ")
