"""The commands that bring their own service: embedded, or as a process of its own."""

import json
import re
import shutil
import signal
import time
from pathlib import Path

import pytest

from labgloss.cli import main, manual
from labgloss.cli.commands import demo
from labgloss.cli.proved import is_proved, place
from labgloss.cli.service_process import ServiceProcess
from labgloss.knowledge.loader import DATA, load
from labgloss.knowledge.stated import unsigned
from tests.unit.cli.subprocesses import IMPORTING_LABGLOSS

AGREES = """
[[panel]]
id = "magnesium-in-its-interval"
title = "Magnesium inside the laboratory's interval"
[panel.patient]
age_years = 40
sex = "male"
[[panel.results]]
analyte = "magnesium"
value = 0.80
unit = "mmol/L"
interval = { low = "0.70", high = "1.00" }
[panel.expect.results.magnesium]
class = "normal"
flag = "N"
value = "0.80"
"""
DIFFERS = AGREES.replace('"magnesium-in-its-interval"', '"magnesium-called-low"').replace('"normal"', '"low"')
NOT_ACCEPTED = '[[panel]]\nid = "too-old"\n[panel.patient]\nage_years = 1000\n'


@pytest.fixture(autouse=True)
def ending_signals(monkeypatch: pytest.MonkeyPatch) -> list[signal.Signals]:
    """The signals that a command asked to be ended by; those of the tests' own process are left alone."""
    asked: list[signal.Signals] = []
    monkeypatch.setattr(demo, "end_by_exit", lambda *signals: asked.extend(signals))
    return asked


@pytest.fixture
def panels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of panels, which the demo takes for the samples."""
    monkeypatch.setattr(demo, "sample_panels_folder", lambda: tmp_path)
    monkeypatch.setenv("PYTHONPATH", IMPORTING_LABGLOSS["PYTHONPATH"])
    (tmp_path / "agrees.toml").write_text(AGREES)
    return tmp_path


def test_check_without_a_target_asks_a_service_of_its_own(panels: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (panels / "b.toml").write_text(DIFFERS)
    (panels / "c.toml").write_text(NOT_ACCEPTED)
    assert main(["check", str(panels)]) == 1
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert [
        f"{panels}/b.toml: magnesium-called-low",
        "  results.magnesium.class: expected low, got normal",
        f"{panels}/c.toml: too-old",
    ] == lines[:3]
    assert lines[-1] == "3 panels: 1 as expected, 1 differing, 1 without a report"
    assert captured.err == ""


def test_interpret_without_a_target_prints_the_report(panels: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["interpret", str(panels / "agrees.toml"), "--format", "json"]) == 0
    (outcome,) = json.loads(capsys.readouterr().out)["outcomes"]
    assert outcome["report"]["results"][0]["flag"] == "N"
    assert outcome["report"]["results"][0]["as_sent"]["value"] == "0.80"


def test_demo_shows_every_report_and_ends_with_0(panels: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (panels / "again.toml").write_text(AGREES)
    assert main(["demo"]) == 0
    out = capsys.readouterr().out
    assert out.count("····· 0.70 [···●······] 1.00 ·····  mmol/L") == 2
    assert out.count("magnesium-in-its-interval: as expected") == 2
    assert out.splitlines()[-1].startswith(
        "2 panels: 2 as expected, 0 differing, 0 without a report. Service ready in "
    )
    assert "stopped with exit code 0" in out


def test_a_demo_that_is_ended_stops_its_service(panels: Path, ending_signals: list[signal.Signals]) -> None:
    """How stands in test_service_process.py."""
    main(["demo"])
    assert ending_signals == [signal.SIGTERM, signal.SIGHUP]


def test_a_demo_whose_service_is_killed_ends_soon(
    panels: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def served_and_killed(service: ServiceProcess) -> str:
        target = waited(service)
        # It stops answering, as one does whose machine is gone: health was asked before.
        monkeypatch.setattr("labgloss.cli.outcomes._reached", lambda _: True)
        service._process.kill()
        service._process.wait()
        return target

    waited = ServiceProcess.wait
    monkeypatch.setattr(ServiceProcess, "wait", served_and_killed)
    monkeypatch.setattr(demo, "_BATCH_TIMEOUT_S", 0.5)
    begin = time.monotonic()
    assert main(["demo"]) == 1
    out = capsys.readouterr().out
    assert "1 panel: 0 as expected, 0 differing, 1 without a report" in out
    assert "stopped with exit code -9" in out
    assert time.monotonic() - begin < 8


def test_demo_says_what_is_not_as_expected_and_ends_with_1(panels: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (panels / "b.toml").write_text(DIFFERS)
    assert main(["demo"]) == 1
    assert (
        "NOT AS EXPECTED: magnesium-called-low\n  results.magnesium.class: expected low, got normal\n"
        in capsys.readouterr().out
    )


def test_demo_says_why_the_service_did_not_start(
    panels: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LABGLOSS_THREADS", "many")
    assert main(["demo"]) == 1
    assert capsys.readouterr().err.splitlines()[:3] == [
        "labgloss: the service ended at once, with exit code 2; the end of its log:",
        "  labgloss: cannot start so:",
        "    LABGLOSS_THREADS: needs a whole number of threads from 2 to 64",
    ]


def test_lint_proves_the_shipped_knowledge_says_what_was_enumerated_and_keeps_the_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a copy, so that no test writes the verdict that ships."""
    folder = tmp_path / "data"
    shutil.copytree(DATA, folder, ignore=shutil.ignore_patterns("verdict.json"))
    assert main(["knowledge", "lint", str(folder)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert said.startswith("clean: ")
    assert re.search(r"proved: \d{4} questions over \d{3} variables with \d{4} ways in all, each over every", said)
    assert is_proved(place(folder, None), load().reference)
    _says_how_many_are_unsigned(said)


def test_show_says_how_many_figures_and_rules_are_unsigned(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["knowledge", "show"]) == 0
    _says_how_many_are_unsigned(" ".join(capsys.readouterr().out.split()))


def _says_how_many_are_unsigned(said: str) -> None:
    found = re.search(r"unsigned: (\d+) of (\d+) figures and rules; labgloss", said)
    assert found is not None
    assert len(unsigned(load())) == int(found[1]) < int(found[2])


def test_signoff_writes_the_document_to_a_file_or_to_standard_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "signoff.md"
    assert main(["knowledge", "signoff", "--output", str(file)]) == 0
    assert capsys.readouterr().out == ""
    assert main(["knowledge", "signoff"]) == 0
    written = capsys.readouterr().out
    assert written.startswith("# Sign-off: ")
    assert written == file.read_text()


def test_a_signoff_that_cannot_be_written_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["knowledge", "signoff", "--output", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        f"labgloss: cannot start so:\n  --output: {tmp_path} cannot be written: Is a directory\n"
    )


def test_an_analyte_is_shown_with_its_rules(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["knowledge", "show", "magnesium"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("magnesium: magnesium\n  LOINC: 2601-3, 19123-9")
    assert "magnesium.interval.default.from_28_days 0.70 <= x <= 1.00 mmol/L; 1.7 <= x <= 2.4 mg/dL" in out


EXAMPLES = f"{manual.KNOWLEDGE_EXAMPLES}\n{manual.SHOW_EXAMPLES}"


@pytest.mark.parametrize("example", sorted(set(re.findall(r"labgloss (knowledge show.*)", EXAMPLES))))
def test_the_examples_of_the_manual_can_be_shown(example: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(example.split()) == 0
    assert capsys.readouterr().err == ""


def test_a_rule_is_shown_with_its_sources(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["knowledge", "show", "magnesium.interval.default.from_28_days"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("magnesium.interval.default.from_28_days: interval\n")
    assert "\n  status: " in out
    assert "\n  - MC-S" in out


def test_the_release_is_shown_without_an_id(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["knowledge", "show"]) == 0
    assert "\n  magnesium                  magnesium\n" in capsys.readouterr().out


def test_an_unknown_id_is_answered_with_those_near_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["knowledge", "show", "magnesum"]) == 1
    assert capsys.readouterr().err.startswith(
        "labgloss: neither an analyte nor a rule has the id magnesum; near it: magnesium, "
    )
