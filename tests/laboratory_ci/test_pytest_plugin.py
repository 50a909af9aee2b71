"""`pytest --labgloss panels/`: each panel is a test, and fails as `labgloss check` says."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest

from labgloss.cli.service_process import ServiceProcess
from tests.deploy.test_supply_chain import WHEEL_PARTS

ROOT = Path(__file__).parents[2]
PANELS = """
[[panel]]
id = "as-expected"
[[panel.results]]
analyte = "magnesium"
value = "0.41"
unit = "mmol/L"
[panel.expect.results.magnesium]
class = "low"

[[panel]]
id = "differs"
[[panel.results]]
analyte = "potassium"
value = "4.1"
unit = "mmol/L"
[panel.expect]
urgency = "EMERGENCY"
[panel.expect.results.potassium]
class = "high"
flag = "H"
"""
DIFFERENCES = """\
  urgency: expected EMERGENCY, got NONE
  results.potassium.class: expected high, got normal
  results.potassium.flag: expected H, got N
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `pip install .` put what this checkout holds; what it depends on is there already."""
    copy, site = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("site")
    for part in WHEEL_PARTS:
        source, to = ROOT / part, copy / part
        to.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, to, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, to)
    pip = (sys.executable, "-m", "pip", "install", "-qq", "--disable-pip-version-check")
    offline = ("--no-build-isolation", "--no-deps", "--no-index", "--no-compile", "--target", str(site))
    subprocess.run([*pip, *offline, str(copy)], check=True, timeout=120)
    return site


@pytest.fixture
def laboratory(tmp_path: Path) -> Path:
    """A laboratory's checkout: its panels, a test of its own, and files that are no panels."""
    (tmp_path / "panels").mkdir()
    (tmp_path / "panels" / "ours.toml").write_text(PANELS)
    (tmp_path / "test_own.py").write_text("def test_own() -> None: ...\n")
    (tmp_path / "package.json").write_text("{}")
    return tmp_path


def run(site: Path, folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("LABGLOSS_", "PYTEST_"))}
    environment["PYTHONPATH"] = str(site)
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )


def pytest_of(site: Path, folder: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    return run(site, folder, "pytest", "-p", "no:cacheprovider", *flags)


def test_each_panel_is_a_test_and_fails_as_check_says(installed: Path, laboratory: Path) -> None:
    ran = pytest_of(installed, laboratory, "--labgloss", "panels/", "-v")
    assert ran.returncode == 1
    assert "panels/ours.toml::as-expected PASSED" in ran.stdout
    assert "panels/ours.toml::differs FAILED" in ran.stdout
    assert f"\npanels/ours.toml: differs\n{DIFFERENCES}=" in ran.stdout
    assert "1 failed, 1 passed" in ran.stdout
    checked = run(installed, laboratory, "labgloss", "check", "panels/")
    assert checked.stdout.startswith(f"panels/ours.toml: differs\n{DIFFERENCES}")


def test_beside_tests_that_are_named_and_one_by_one(installed: Path, laboratory: Path) -> None:
    flags = ("--labgloss", "panels/ours.toml", "test_own.py", "-k", "own or expected", "-W", "error")
    both = pytest_of(installed, laboratory, *flags)
    assert "2 passed, 1 deselected" in both.stdout


def test_a_bundle_with_its_expectations_is_a_test(installed: Path, laboratory: Path) -> None:
    exchange = json.loads((ROOT / "clients" / "conformance" / "bundle.json").read_text(encoding="utf-8"))
    bundle = base64.b64decode(exchange["requests"][0]["json"]["bundle"])
    (laboratory / "panels" / "sent.json").write_bytes(bundle)
    (laboratory / "panels" / "sent.expect.toml").write_text('[expect.results.potassium]\nclass = "high"\n')
    ran = pytest_of(installed, laboratory, "--labgloss", "panels", "-k", "sent")
    assert "results.potassium.class: expected high, got normal" in ran.stdout, ran.stdout
    (laboratory / "panels" / "alone.expect.toml").write_text('[expect]\nurgency = "NONE"\n')
    ran = pytest_of(installed, laboratory, "--labgloss", "panels")
    assert ran.returncode == 2
    assert "labgloss: panel files cannot be read:\npanels/alone.expect.toml: " in ran.stdout + ran.stderr


def test_a_message_of_hl7_with_its_expectations_is_a_test(installed: Path, laboratory: Path) -> None:
    for name in ("german_hospital.hl7", "german_hospital.expect.toml"):
        shutil.copy(ROOT / "tests" / "hl7" / name, laboratory / "panels")
    ran = pytest_of(installed, laboratory, "--labgloss", "panels", "-v", "-k", "german")
    assert "panels/german_hospital.hl7::german_hospital PASSED" in ran.stdout, ran.stdout


def test_without_the_flag_nothing_is_collected_and_nothing_imported(installed: Path, laboratory: Path) -> None:
    (laboratory / "test_own.py").write_text(
        "import sys\ndef test_own() -> None:\n"
        "    assert 'labgloss.pytest_plugin' in sys.modules\n"
        "    assert not {'grpc', 'pydantic', 'structlog', 'labgloss.cli'} & set(sys.modules)\n"
    )
    ran = pytest_of(installed, laboratory)
    assert (ran.returncode, "1 passed" in ran.stdout) == (0, True), ran.stdout


def test_a_running_service_is_asked(installed: Path, laboratory: Path) -> None:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PYTHONPATH", str(installed))
        with ServiceProcess() as service:
            target = service.wait()
            ran = pytest_of(installed, laboratory, "--labgloss", "panels", "--labgloss-target", target)
            assert "1 failed, 1 passed" in ran.stdout
    gone = pytest_of(installed, laboratory, "--labgloss", "panels", "--labgloss-target", target)
    assert "2 failed" in gone.stdout
    assert "The service was not reached" in gone.stdout


def test_only_results_are_compared_where_that_is_asked(installed: Path, laboratory: Path) -> None:
    ran = pytest_of(installed, laboratory, "--labgloss", "panels", "--labgloss-only", "results")
    assert "expected EMERGENCY" not in ran.stdout
    assert "results.potassium.flag: expected H, got N" in ran.stdout


@pytest.mark.parametrize(
    ("flags", "code", "said"),
    [
        (["--labgloss", "package.json"], 2, "package.json: panel: is required"),
        (["--labgloss", "panels", "--labgloss-target", ""], 2, "labgloss: --target: is empty"),
        (["--labgloss", "panels", "--labgloss-target", "192.0.2.1:1"], 2, "must not travel unencrypted"),
        (["--labgloss", "panels", "--labgloss-overlay", "none.toml"], 2, "labgloss: none.toml: cannot be read"),
        (["--labgloss", "panels", "--labgloss-only", "all"], 4, "invalid choice: 'all'"),
        (["--labgloss-target", "127.0.0.1:1"], 4, "--labgloss-target: is about panels, and none are named"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_passes(
    installed: Path, laboratory: Path, flags: list[str], code: int, said: str
) -> None:
    ran = pytest_of(installed, laboratory, *flags)
    assert said in ran.stdout + ran.stderr
    assert (ran.returncode, "passed" in ran.stdout) == (code, False)


def test_pytest_is_no_dependency(installed: Path) -> None:
    (metadata,) = installed.glob("labgloss-*.dist-info")
    requires = PathDistribution(metadata).requires or []
    assert requires
    assert not [line for line in requires if line.startswith("pytest")]
