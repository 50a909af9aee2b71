"""Which Python the commands of a checkout take."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ENVIRONMENT = Path(__file__).parents[2] / "deploy" / "environment"


def found(**variables: str) -> subprocess.CompletedProcess[str]:
    """What labgloss_find_python says, on a PATH that knows this Python as python3."""
    return subprocess.run(
        ["bash", "-c", '. "$1"; labgloss_find_python', "bash", str(ENVIRONMENT)],
        env={"PATH": f"{variables.pop('first')}:{os.defpath}", **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def script(file: Path, text: str) -> str:
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return str(file)


def test_the_python_that_is_named_is_taken_and_no_other(tmp_path: Path) -> None:
    script(tmp_path / "python3", f'exec "{sys.executable}" "$@"')
    named = script(tmp_path / "a folder" / "my python", f'exec "{sys.executable}" "$@"')
    assert found(first=str(tmp_path)).stdout == "python3\n"
    assert found(first=str(tmp_path), LABGLOSS_PYTHON=named).stdout == f"{named}\n"


def test_a_python_that_is_named_and_unfit_is_said(tmp_path: Path) -> None:
    script(tmp_path / "python3", f'exec "{sys.executable}" "$@"')
    for unfit in (script(tmp_path / "old", "exit 1"), str(tmp_path / "missing")):
        run = found(first=str(tmp_path), LABGLOSS_PYTHON=unfit)
        assert (run.returncode, run.stdout) == (2, "")
        assert run.stderr == (
            f"LABGLOSS_PYTHON names {unfit}, which is not a Python 3.11, 3.12 or 3.13 that runs; name one, or leave it "
            "out\n"
        )
