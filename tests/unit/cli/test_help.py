"""`--help` reads like a manual and waits for nothing that is slow to import."""

import re
import statistics
import subprocess
import sys
import time

import pytest

from labgloss import __version__
from labgloss.cli import main
from tests.unit.cli.subprocesses import IMPORTING_LABGLOSS

COMMANDS = ("serve", "interpret", "explain", "check", "demo", "hl7", "knowledge", "audit", "replay", "probe")
SLOW = (
    "grpc",
    "pydantic",
    "structlog",
    "google",
    "labgloss.v1",
    "labgloss.panels",
    "labgloss.server",
    "labgloss_client",
)


def help_of(capsys: pytest.CaptureFixture[str], *command: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main([*command, "--help"])
    assert ended.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(
    "command",
    [
        (),
        *((name,) for name in COMMANDS),
        ("knowledge", "lint"),
        ("knowledge", "show"),
        ("knowledge", "signoff"),
        ("audit", "verify"),
        ("hl7", "interpret"),
        ("hl7", "serve"),
    ],
)
def test_every_manual_says_what_the_command_does_with_examples(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    text = help_of(capsys, *command)
    assert text.startswith(f"usage: labgloss {' '.join(command)}".rstrip())
    assert f"examples:\n  labgloss {' '.join(command)}".rstrip() in text
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize(
    "command",
    [
        (),
        ("serve",),
        ("interpret",),
        ("explain",),
        ("check",),
        ("demo",),
        ("knowledge", "lint"),
        ("knowledge", "signoff"),
        ("audit", "verify"),
        ("hl7", "interpret"),
        ("hl7", "serve"),
        ("replay",),
    ],
)
def test_every_manual_of_a_command_lists_its_exit_codes(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert re.search(r"^exit codes:\n  0 ", help_of(capsys, *command), re.MULTILINE)


def test_the_manual_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    text = help_of(capsys)
    assert [name for name in COMMANDS if not re.search(rf"^    {name} +\S", text, re.MULTILINE)] == []


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)])
def test_help_imports_nothing_slow(command: list[str]) -> None:
    script = (
        "import sys; from labgloss.cli import main\n"
        f"try: main({[*command, '--help']!r})\n"
        "except SystemExit: pass\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=IMPORTING_LABGLOSS
    )
    modules = run.stderr.split()
    assert "labgloss.cli" in modules
    assert [name for name in modules if name in SLOW or name.startswith(tuple(f"{slow}." for slow in SLOW))] == []


def test_help_takes_at_most_four_times_as_long_as_an_interpreter_that_does_nothing() -> None:
    # A machine that is busy just now slows both; the best of three rounds of medians is free of it.
    ratios = [seconds_of("-m", "labgloss", "--help") / seconds_of("-c", "pass") for _ in range(3)]
    assert min(ratios) <= 4


def seconds_of(*arguments: str) -> float:
    taken = []
    for _ in range(7):
        begin = time.perf_counter()
        subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True, env=IMPORTING_LABGLOSS)
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "labgloss: error: the following arguments are required: COMMAND"),
        (["check"], "labgloss check: error: the following arguments are required: PATH"),
        (["check", "x", "--jun", "y"], "labgloss: error: unrecognized arguments: --jun y"),
        (
            ["interpret", "x", "--tls", "--plaintext"],
            "labgloss interpret: error: argument --plaintext: not allowed with argument --tls",
        ),
    ],
)
def test_wrong_usage_is_said_and_ends_with_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1] == message


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"labgloss {__version__}\n"
