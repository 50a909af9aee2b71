"""Whatever an option names that cannot be read or written: a line that says so, and exit code 2, of every command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.server.authority import site
from tests.unit.cli import as_anybody, named_paths
from tests.unit.cli.subprocesses import IMPORTING_LABGLOSS

PANEL = '[[panel]]\nid = "p"\nresults = [{ analyte = "magnesium", value = "0.41", unit = "mmol/L" }]\n'


def unreachable(folder: Path) -> str:
    locked = folder / "locked"
    (locked / "inner").mkdir(parents=True)
    locked.chmod(0o000)
    return "locked/inner"


def long(_: Path) -> str:
    return "long" * 1_250


def odd(folder: Path) -> str:
    """A name of nothing, where nothing can be made."""
    (folder / "sealed").mkdir(mode=0o555)
    return "sealed/odd \udcff\n\u202ename"


def other(folder: Path) -> str:
    """A folder, empty and closed, for what is a file; what is a folder cannot be written or has nothing in it."""
    (folder / "other.toml").mkdir()
    (folder / "other.toml").chmod(0o555)
    return "other.toml"


def pipe(folder: Path) -> str:
    os.mkfifo(folder / "pipe.toml")
    (folder / "pipe.toml").chmod(0o666)
    return "pipe.toml"


@pytest.mark.parametrize("make", [unreachable, long, odd, other, pipe])
def test_it_is_said_in_a_line_with_exit_code_2(make: Callable[[Path], str], tmp_path: Path) -> None:
    site(tmp_path)
    (tmp_path / "panel.toml").write_text(PANEL)
    (tmp_path / "key").write_text("k" * 40)
    for file in (tmp_path, *tmp_path.iterdir()):
        file.chmod(0o755)
    tmp_path.chmod(0o755)
    path = make(tmp_path)
    ran = subprocess.run(
        [sys.executable, as_anybody.__file__, named_paths.__file__, str(tmp_path), path, make.__name__],
        env=IMPORTING_LABGLOSS,
        capture_output=True,
        text=True,
        timeout=200,
    )
    if make is unreachable:
        (tmp_path / "locked").chmod(0o755)
    assert "" == ran.stderr
    ended = [json.loads(line) for line in ran.stdout.splitlines()]
    assert len(ended) > (20 if make is pipe else 60)
    wrong = [
        (command, code, said[-300:]) for command, code, said in ended if code != 2 or not said.startswith("labgloss: ")
    ]
    assert [] == wrong
