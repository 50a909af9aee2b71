"""The commands: what they print, and how they end."""

import io
import json
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import IO, Any, cast

import grpc
import pytest
from google.protobuf.json_format import Parse

from labgloss import cli
from labgloss.cli import main
from labgloss.v1 import interpretation_pb2, report_pb2
from labgloss.v1.error_reason_pb2 import (
    ERROR_REASON_INVALID_FIELDS,
    VIOLATION_REASON_OUT_OF_RANGE,
    FieldViolation,
    ItemError,
)
from labgloss.v1.interpretation_pb2 import PanelOutcome
from labgloss.v1.panel_pb2 import Panel
from tests.unit.cli.decided_service import DecidedService
from tests.unit.cli.subprocesses import IMPORTING_LABGLOSS

PANELS = """
[[panel]]
id = "agrees"
title = "It agrees"
expect.urgency = "PROMPT"
expect.results.magnesium.flag = "L"
[[panel]]
id = "differs"
expect.urgency = "NONE"
expect.results.magnesium.flag = "L"
"""


def prompt(panel: Panel) -> PanelOutcome:
    magnesium = report_pb2.ResultInterpretation(
        analyte="magnesium", flag="L", state=report_pb2.RESULT_STATE_INTERPRETED
    )
    report = report_pb2.Report(panel_id=panel.id, urgency=report_pb2.URGENCY_PROMPT, results=[magnesium])
    return PanelOutcome(panel_id=panel.id, report=report)


def not_accepted(panel: Panel) -> PanelOutcome:
    if panel.id == "agrees":
        return prompt(panel)
    error = ItemError(
        code=3,
        reason=ERROR_REASON_INVALID_FIELDS,
        message="1 field is wrong.",
        violations=[
            FieldViolation(field="patient.age_years", reason=VIOLATION_REASON_OUT_OF_RANGE, description="0 to 150")
        ],
    )
    return PanelOutcome(panel_id=panel.id, error=error)


@pytest.fixture
def panels(tmp_path: Path) -> Path:
    file = tmp_path / "panels.toml"
    file.write_text(PANELS)
    return file


@pytest.fixture
def asked(service: DecidedService) -> DecidedService:
    service.outcome = prompt
    return service


def test_check_prints_what_differs_and_ends_with_1(
    asked: DecidedService, panels: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(panels), "--target", asked.target]) == 1
    assert capsys.readouterr().out == (
        f"{panels}: differs\n  urgency: expected NONE, got PROMPT\n"
        "2 panels: 1 as expected, 1 differing, 0 without a report\n"
    )


def test_check_of_results_only_leaves_the_rest_out(
    asked: DecidedService, panels: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(panels), "--target", asked.target, "--only", "results"]) == 0
    assert capsys.readouterr().out == "2 panels: 2 as expected, 0 differing, 0 without a report\n"


def test_check_prints_json(asked: DecidedService, panels: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(panels), "--target", asked.target, "--format", "json"]) == 1
    assert json.loads(capsys.readouterr().out) == {
        "panels": [
            {"panel": "agrees", "file": str(panels), "agrees": True, "error": "", "differences": []},
            {
                "panel": "differs",
                "file": str(panels),
                "agrees": False,
                "error": "",
                "differences": [{"what": "urgency", "expected": "NONE", "got": "PROMPT"}],
            },
        ]
    }


def test_check_says_which_panel_has_no_report_and_why(
    service: DecidedService, panels: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    service.outcome = not_accepted
    assert main(["check", str(panels), "--target", service.target]) == 1
    assert capsys.readouterr().out == (
        f"{panels}: differs\n  1 field is wrong.\n    patient.age_years: 0 to 150 (OUT_OF_RANGE)\n"
        "2 panels: 1 as expected, 0 differing, 1 without a report\n"
    )


def test_check_writes_junit_with_one_test_case_per_panel(asked: DecidedService, panels: Path, tmp_path: Path) -> None:
    junit = tmp_path / "junit.xml"
    assert main(["check", str(panels), "--target", asked.target, "--junit", str(junit)]) == 1
    cases = ET.parse(junit).findall(".//testcase")
    assert [(case.get("name"), case.find("failure") is not None) for case in cases] == [
        ("agrees", False),
        ("differs", True),
    ]


def test_a_junit_file_that_cannot_be_written_is_said(
    asked: DecidedService, panels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(panels), "--target", asked.target, "--junit", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        f"labgloss: cannot start so:\n  --junit: {tmp_path} cannot be written: Is a directory\n"
    )


def test_a_file_that_cannot_be_read_ends_with_2_and_every_fault(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.toml").write_text("[[panel]]\nid = 3\nname = 4")
    assert main(["check", str(tmp_path), "absent.toml"]) == 2
    assert capsys.readouterr().err.replace(str(tmp_path), "DIR") == (
        "labgloss: panel files cannot be read:\n"
        "  DIR/a.toml: panel at position 1: id: text is needed, in quotes\n"
        "  DIR/a.toml: panel at position 1: name: is not a key here; allowed: id, title, why, as_of, source, patient, "
        "results, symptoms, conditions, medications, options, expect\n"
        "  absent.toml: cannot be read: No such file or directory\n"
    )


def test_many_panels_go_in_batches(asked: DecidedService, tmp_path: Path) -> None:
    file = tmp_path / "many.json"
    file.write_text(json.dumps({"panel": [{"id": str(number)} for number in range(120)]}))
    assert main(["check", str(file), "--target", asked.target]) == 0
    assert asked.batches == [50, 50, 20]
    assert asked.singles == []


def test_large_panels_go_in_batches_that_the_service_takes(asked: DecidedService, tmp_path: Path) -> None:
    file = tmp_path / "large.json"
    panel = {"why": "", "symptoms": [{"text": "x" * 1000}] * 200}
    file.write_text(json.dumps({"panel": [{"id": str(number), **panel} for number in range(11)]}))
    assert main(["check", str(file), "--target", asked.target]) == 0
    assert asked.batches == [5, 5, 1]


def test_a_batch_that_is_refused_as_a_whole_is_sent_panel_by_panel(asked: DecidedService, panels: Path) -> None:
    asked.batch_limit = 1
    assert main(["check", str(panels), "--target", asked.target, "--only", "results"]) == 0
    assert asked.singles == ["agrees", "differs"]


def test_a_service_that_is_not_reached_is_no_report_and_no_long_wait(
    panels: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begin = time.monotonic()
    assert main(["interpret", str(panels), "--target", "127.0.0.1:1"]) == 1
    why = "The service was not reached, or says that it does not serve; labgloss probe tells which."
    assert capsys.readouterr().err == (
        f'labgloss: panel "agrees" has no report: {why}\nlabgloss: panel "differs" has no report: {why}\n'
    )
    assert time.monotonic() - begin < 5


def test_a_service_without_a_health_service_is_asked_all_the_same(
    asked: DecidedService, panels: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked.health_code = grpc.StatusCode.UNIMPLEMENTED
    assert main(["interpret", str(panels), "--target", asked.target]) == 0
    assert "PROMPT" in capsys.readouterr().out


def test_the_rest_is_not_sent_once_the_service_is_gone(
    asked: DecidedService, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "many.json"
    file.write_text(json.dumps({"panel": [{"id": str(number)} for number in range(120)]}))
    asked.gone_after = 1
    assert main(["check", str(file), "--target", asked.target]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "120 panels: 50 as expected, 0 differing, 70 without a report"
    assert asked.batches == [50, 50]


def test_interpret_prints_each_report(asked: DecidedService, panels: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["interpret", str(panels), "--target", asked.target]) == 0
    out = capsys.readouterr().out
    assert out.index("agrees") < out.index("It agrees") < out.index("differs")
    assert "\x1b" not in out


def test_interpret_prints_the_outcomes_as_the_message_of_a_batch(
    service: DecidedService, panels: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    service.outcome = not_accepted
    assert main(["interpret", str(panels), "--target", service.target, "--format", "json"]) == 1
    captured = capsys.readouterr()
    answered = Parse(captured.out, interpretation_pb2.BatchInterpretPanelsResponse())
    assert list(answered.outcomes) == [not_accepted(Panel(id="agrees")), not_accepted(Panel(id="differs"))]
    assert captured.err == (
        'labgloss: panel "differs" has no report: 1 field is wrong.\n  patient.age_years: 0 to 150 (OUT_OF_RANGE)\n'
    )


@pytest.mark.parametrize(
    ("flags", "text"), [([], '[[panel]]\nid = "a"'), (["--input-format", "json"], '{"panel": [{"id": "a"}]}')]
)
def test_interpret_reads_standard_input(
    flags: list[str],
    text: str,
    asked: DecidedService,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert main(["interpret", "-", "--target", asked.target, *flags]) == 0
    assert "PROMPT" in capsys.readouterr().out


def test_interpret_takes_the_spelling_it_is_told(asked: DecidedService, tmp_path: Path) -> None:
    file = tmp_path / "panel.txt"
    file.write_text('{"panel": [{"id": "a"}]}')
    assert main(["interpret", str(file), "--target", asked.target, "--input-format", "json"]) == 0


def test_panels_do_not_travel_unencrypted(panels: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["interpret", str(panels), "--target", "labgloss.example:50051"]) == 2
    assert capsys.readouterr().err == (
        "labgloss: cannot start so:\n  --target: labgloss.example:50051 is not on this machine, and panels must not "
        "travel unencrypted; add --tls, or --plaintext where something else encrypts the way\n"
    )


def test_an_empty_target_asks_no_other_service(panels: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As of a CI variable that is not set: the panels must not look as if that service had agreed."""
    assert main(["check", str(panels), "--target", ""]) == 2
    assert capsys.readouterr().err == (
        "labgloss: cannot start so:\n  --target: is empty; give HOST:PORT, or leave it out for a service inside this "
        "process\n"
    )


@pytest.mark.parametrize("command", [["interpret", "FILE"], ["knowledge", "lint"], ["explain", "FILE"]])
def test_an_overlay_without_a_name_is_not_left_out_in_silence(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main([*command, "--overlay="])
    assert end.value.code == 2
    assert "argument --overlay: is empty; name one, or leave it out\n" in capsys.readouterr().err


def test_wrong_settings_end_with_2(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABGLOSS_THREADS", "1")
    assert main(["serve", "--port", "high"]) == 2
    error = capsys.readouterr().err.splitlines()
    assert error[0] == "labgloss: cannot start so:"
    assert sorted(line.split(":")[0] for line in error[1:]) == ["  --port", "  LABGLOSS_THREADS"]


def test_faulty_knowledge_ends_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["knowledge", "lint", str(tmp_path / "absent")]) == 2
    error = capsys.readouterr().err.splitlines()
    assert error[0] == "labgloss: the knowledge is faulty:"
    assert str(tmp_path / "absent") in error[1]


@pytest.mark.parametrize(
    ("health", "service_name", "code", "out", "err"),
    [
        (1, "", 0, "TARGET: SERVING\n", ""),
        (1, "labgloss.v1.InterpretationService", 0, "TARGET (labgloss.v1.InterpretationService): SERVING\n", ""),
        (2, "", 1, "", "labgloss: TARGET: NOT_SERVING\n"),
        (1, "other", 1, "", "labgloss: TARGET (other): no service of this name\n"),
        (9, "", 1, "", "labgloss: TARGET: 9\n"),
    ],
)
def test_probe_says_whether_a_service_serves(
    health: int,
    service_name: str,
    code: int,
    out: str,
    err: str,
    service: DecidedService,
    capsys: pytest.CaptureFixture[str],
) -> None:
    service.health = health
    assert main(["probe", "--target", service.target, "--service", service_name]) == code
    captured = capsys.readouterr()
    assert (captured.out.replace(service.target, "TARGET"), captured.err.replace(service.target, "TARGET")) == (
        out,
        err,
    )


def test_probe_says_that_nobody_answers(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", "--target", "127.0.0.1:1", "--timeout", "0.5"]) == 1
    assert capsys.readouterr().err.startswith("labgloss: 127.0.0.1:1: no answer (")


@pytest.mark.parametrize("timeout", ["0", "-1", "nan", "inf", "x"])
def test_probe_waits_some_time(timeout: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["probe", "--timeout", timeout])
    assert ended.value.code == 2
    assert "argument --timeout: a number of seconds above 0, at most 3600, is needed" in capsys.readouterr().err


def test_an_interrupt_is_quiet(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(_: Any) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_run", interrupted)
    assert main(["demo"]) == 130
    assert capsys.readouterr() == ("", "")


# One report waits in the buffer until the end; many overflow it.
@pytest.mark.parametrize("count", [1, 500])
def test_a_reader_that_goes_away_is_quiet(count: int, asked: DecidedService, tmp_path: Path) -> None:
    file = tmp_path / "many.json"
    file.write_text(json.dumps({"panel": [{"id": str(number)} for number in range(count)]}))
    command = subprocess.Popen(
        [sys.executable, "-m", "labgloss", "interpret", str(file), "--target", asked.target],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=IMPORTING_LABGLOSS,
    )
    with cast("IO[bytes]", command.stdout), cast("IO[bytes]", command.stderr) as errors:
        cast("IO[bytes]", command.stdout).close()
        assert (errors.read(), command.wait(timeout=30)) == (b"", 141)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
@pytest.mark.parametrize("count", [1, 500])
def test_output_that_cannot_be_written_is_said_in_one_line(count: int, asked: DecidedService, tmp_path: Path) -> None:
    file = tmp_path / "many.json"
    file.write_text(json.dumps({"panel": [{"id": str(number)} for number in range(count)]}))
    with Path("/dev/full").open("wb") as full:
        run = subprocess.run(
            [sys.executable, "-m", "labgloss", "interpret", str(file), "--target", asked.target],
            stdout=full,
            stderr=subprocess.PIPE,
            env=IMPORTING_LABGLOSS,
            check=False,
        )
    assert run.stderr == b"labgloss: the output cannot be written: No space left on device\n"
    assert run.returncode == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
@pytest.mark.parametrize("unbuffered", [{}, {"PYTHONUNBUFFERED": "1"}], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["serve", "--help"]], ids=" ".join)
def test_help_that_cannot_be_written_is_said_in_one_line_and_that_nobody_reads_is_quiet(
    arguments: list[str], unbuffered: dict[str, str]
) -> None:
    command, env = [sys.executable, "-m", "labgloss", *arguments], {**IMPORTING_LABGLOSS, **unbuffered}
    with Path("/dev/full").open("wb") as full:
        run = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, env=env, check=False)
    assert (run.returncode, run.stderr) == (1, b"labgloss: the output cannot be written: No space left on device\n")
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as nobody:
        run = subprocess.run(command, stdout=nobody, stderr=subprocess.PIPE, env=env, check=False)
    assert (run.returncode, run.stderr) == (141, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        ("KeyboardInterrupt", 130, b""),
        ("SettingsError(('x: is wrong',))", 2, b"labgloss: cannot start so:\n  x: is wrong\n"),
    ],
)
def test_a_command_that_ends_otherwise_says_why_in_its_own_words(raised: str, code: int, said: bytes) -> None:
    program = f"""
from labgloss import cli
from labgloss.cli.commands import check
from labgloss.errors import SettingsError
def run(_):
    print("written, and not taken")
    raise {raised}
check.run = run
raise SystemExit(cli.main(["check", "x.toml"]))
"""
    with Path("/dev/full").open("wb") as full:
        run = subprocess.run(
            [sys.executable, "-c", program], stdout=full, stderr=subprocess.PIPE, env=IMPORTING_LABGLOSS, check=False
        )
    assert (run.returncode, run.stderr) == (code, said)


def test_output_that_was_closed_is_no_fault(asked: DecidedService, panels: Path) -> None:
    command = [sys.executable, "-m", "labgloss", "interpret", str(panels), "--target", asked.target]
    run = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *command], stderr=subprocess.PIPE, env=IMPORTING_LABGLOSS, check=False
    )
    assert (run.returncode, run.stderr) == (0, b"")


@pytest.mark.parametrize(
    "arguments", [["check", "ok.toml"], ["interpret", "ok.toml"], ["check", "faulty.toml"]], ids=" ".join
)
def test_what_a_file_holds_never_steers_the_terminal(
    arguments: list[str], service: DecidedService, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    service.outcome = not_accepted
    (tmp_path / "ok.toml").write_text('[[panel]]\nid = "a\\u001b[2J\\u009b"\n')
    (tmp_path / "faulty.toml").write_text('[[panel]]\nid = "a\\u001b[2J\\u009b"\nresults = 1\n')
    command, file = arguments
    assert main([command, str(tmp_path / file), "--target", service.target]) in (1, 2)
    captured = capsys.readouterr()
    assert "a\ufffd[2J\ufffd" in captured.out + captured.err
    assert not {"\x1b", "\x9b"} & set(captured.out + captured.err)


def test_output_is_ascii_where_the_terminal_knows_no_more(asked: DecidedService, panels: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "labgloss", "interpret", str(panels), "--target", asked.target],
        capture_output=True,
        check=True,
        env={**IMPORTING_LABGLOSS, "PYTHONIOENCODING": "ascii"},
    )
    assert run.stdout.startswith(b"=====")
    assert run.stdout.isascii()


def test_what_the_terminal_cannot_write_is_replaced(asked: DecidedService, tmp_path: Path) -> None:
    file = tmp_path / "panel.toml"
    file.write_text('[[panel]]\nid = "größe"\nexpect.urgency = "NONE"', encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-m", "labgloss", "check", str(file), "--target", asked.target],
        capture_output=True,
        check=False,
        env={**IMPORTING_LABGLOSS, "PYTHONIOENCODING": "ascii"},
    )
    assert (run.returncode, run.stderr) == (1, b"")
    assert b"panel.toml: gr??e\n" in run.stdout


def test_serve_with_faulty_knowledge_says_so_once_and_ends_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing listens; the fault is named with its file and key."""
    (tmp_path / "release.toml").write_text("version = ")
    assert 2 == main(["serve", "--port", "0", "--knowledge", str(tmp_path)])
    assert "release.toml: is not TOML" in capsys.readouterr().err
