"""How the commands of a checkout set themselves up, shown with a Python that only says what it was asked."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

DEPLOY = Path(__file__).parents[2] / "deploy"

# It makes a virtual environment of itself, and writes down what it was asked to do.
PYTHON = f"""#!/bin/sh
case "$1 $2" in
"-m venv") sleep 0.3; mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && echo venv >>"$ASKED" ;;
"-m pip") echo "pip PIP_USER=$PIP_USER PYTHONPATH=$PYTHONPATH" >>"$ASKED" ;;
"-m labgloss") shift 2; echo "labgloss $*" ;;
*) exec "{sys.executable}" "$@" ;;
esac
"""


def script(file: Path, text: str) -> str:
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    file.chmod(0o755)
    return str(file)


class Checkout:
    """A checkout in a folder whose name has a blank, and the Python that is found on its PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "my checkout"
        shutil.copytree(DEPLOY, self.folder / "deploy")
        self._log = folder / "asked"
        script(folder / "bin" / "python3", PYTHON)
        self._environment = {"PATH": f"{folder}/bin:{os.defpath}", "ASKED": str(self._log)}

    def start(self, **variables: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["deploy/labgloss", "--version"],
            cwd=self.folder,
            env={**self._environment, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, **variables: str) -> tuple[int | None, str, str]:
        """Exit code, output and complaints of `deploy/labgloss --version`."""
        with self.start(**variables) as started:
            out, err = started.communicate(timeout=30)
        return started.returncode, out, err

    @property
    def asked(self) -> list[str]:
        return self._log.read_text().splitlines() if self._log.exists() else []


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_the_first_run_sets_up_and_the_next_does_not(checkout: Checkout) -> None:
    code, out, err = checkout.run(PIP_USER="1", PYTHONPATH="/elsewhere")
    assert (code, out) == (0, "labgloss --version\n")
    assert err.startswith("labgloss: setting up service for Python 3.")
    assert checkout.run() == (0, "labgloss --version\n", "")
    # A wish for --user is one that pip refuses in a virtual environment; what is elsewhere is not installed here.
    assert checkout.asked == ["venv", "pip PIP_USER=0 PYTHONPATH="]


def test_other_packages_are_set_up_anew(checkout: Checkout) -> None:
    checkout.run()
    (checkout.folder / "deploy" / "requirements.txt").write_text("# none\n")
    checkout.run()
    assert checkout.asked == ["venv", "pip PIP_USER=0 PYTHONPATH="] * 2


@pytest.mark.skipif(shutil.which("flock") is None, reason="needs flock, which this system has not")
def test_two_first_runs_at_once_set_up_once(checkout: Checkout) -> None:
    with checkout.start() as one, checkout.start() as other:
        outcomes = [(each.communicate(timeout=30)[0], each.returncode) for each in (one, other)]
    assert outcomes == [("labgloss --version\n", 0)] * 2
    assert checkout.asked == ["venv", "pip PIP_USER=0 PYTHONPATH="]


def test_a_path_for_cd_does_not_mislead(checkout: Checkout) -> None:
    """With CDPATH exported, cd prints where it went."""
    assert checkout.run(CDPATH=".")[:2] == (0, "labgloss --version\n")


def test_a_python_without_venv_is_said(checkout: Checkout, tmp_path: Path) -> None:
    script(tmp_path / "bin" / "python3", PYTHON.replace("sleep 0.3;", "exit 1;"))
    code, out, err = checkout.run()
    assert (code, out) == (2, "")
    assert err.endswith("labgloss: 'python -m venv' failed; install the venv module of this Python\n")


def test_the_python_that_is_named_is_taken_and_no_other(checkout: Checkout, tmp_path: Path) -> None:
    named = script(tmp_path / "a folder" / "my python", PYTHON.replace("echo venv", "echo named"))
    assert checkout.run(LABGLOSS_PYTHON=named)[:2] == (0, "labgloss --version\n")
    assert checkout.asked[0] == "named"


def test_a_python_that_is_named_and_unfit_is_said(checkout: Checkout, tmp_path: Path) -> None:
    for unfit in (script(tmp_path / "old", "#!/bin/sh\nexit 1\n"), str(tmp_path / "missing")):
        assert checkout.run(LABGLOSS_PYTHON=unfit) == (
            2,
            "",
            f"LABGLOSS_PYTHON names {unfit}, which is not a Python 3.11, 3.12 or 3.13 that runs; name one, or leave it "
            "out\n",
        )
    assert checkout.asked == []
