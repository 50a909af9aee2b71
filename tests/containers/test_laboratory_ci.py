"""The jobs of deploy/ci, each run by its vendor's shell on a laboratory's checkout, against the image."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.deploy.ci_templates import Template, github, gitlab
from tests.external_tools import needs

needs("docker engine", to="run the jobs of deploy/ci against the image")

ROOT = Path(__file__).parents[2]
SENT = ROOT / "clients" / "conformance" / "bundle.json"


@pytest.fixture(params=[github, gitlab], ids=["github", "gitlab"])
def template(request: pytest.FixtureRequest) -> Template:
    job: Template = request.param()
    return job


@pytest.fixture
def laboratory(tmp_path: Path) -> Path:
    """A checkout with panels, and a Bundle as an EHR sends it."""
    panels = tmp_path / "panels"
    panels.mkdir()
    (panels / "magnesium.toml").write_text((ROOT / "tests" / "panels" / "magnesium.toml").read_text())
    exchange = json.loads(SENT.read_text(encoding="utf-8"))
    (panels / "sent.json").write_bytes(base64.b64decode(exchange["requests"][0]["json"]["bundle"]))
    (panels / "sent.expect.toml").write_text('[expect.results.potassium]\nclass = "normal"\n')
    return tmp_path


def run(template: Template, image: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """What the job printed, with its variables as the file sets them, but for the image."""
    environment = {**os.environ, **template.variables, "LABGLOSS_IMAGE": image}
    command = [*template.shell, template.script]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)


def test_a_job_passes_and_leaves_its_results(template: Template, image: str, laboratory: Path) -> None:
    ran = run(template, image, laboratory)
    assert ran.returncode == 0, ran
    suite = ET.parse(laboratory / "results" / "junit.xml").getroot()[0]
    count = int(suite.attrib["tests"])
    assert f"{count} panels: {count} as expected, 0 differing, 0 without a report\n" in ran.stdout
    assert {case.attrib["classname"] for case in suite} == {"panels/magnesium.toml", "panels/sent.json"}
    assert "coverage" in json.loads((laboratory / "results" / "reached.json").read_text())


def test_a_job_fails_where_a_report_is_not_as_expected(template: Template, image: str, laboratory: Path) -> None:
    (laboratory / "panels" / "sent.expect.toml").write_text('[expect.results.potassium]\nclass = "high"\n')
    ran = run(template, image, laboratory)
    assert ran.returncode == 1, ran
    assert "  results.potassium.class: expected high, got normal\n" in ran.stdout
    suite = ET.parse(laboratory / "results" / "junit.xml").getroot()[0]
    assert suite.attrib["failures"] == "1"


def test_a_job_fails_where_a_file_cannot_be_read(template: Template, image: str, laboratory: Path) -> None:
    (laboratory / "panels" / "broken.toml").write_text("[[panel")
    ran = run(template, image, laboratory)
    assert ran.returncode == 2, ran
    assert "panels/broken.toml: is not TOML" in ran.stderr


def test_a_job_changes_nothing_but_its_results(template: Template, image: str, laboratory: Path) -> None:
    before = {file.relative_to(laboratory) for file in laboratory.rglob("*")}
    run(template, image, laboratory)
    made = {file.relative_to(laboratory) for file in laboratory.rglob("*")} - before
    assert made == {Path("results"), Path("results/junit.xml"), Path("results/reached.json")}
