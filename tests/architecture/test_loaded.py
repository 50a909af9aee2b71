"""What a process that serves has loaded: nothing that only reads files, where it reads none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from labgloss.parsed import keep

ROOT = Path(__file__).parents[2]
# What only an option, another command, or a file that is read needs; `pydantic` is what validates a file.
NEEDED_BY_FILES = ("pydantic", "tomllib")
NEVER = ("cryptography", "jwt", "opentelemetry", "prometheus_client", "pysat", "starlette", "uvicorn")

SERVE = """
import sys
from pathlib import Path
from labgloss.cli.commands import serve as command
from labgloss.knowledge.loader import DATA
from labgloss.parsed import load_served
from labgloss.server.app import start
from labgloss.server.settings import read_settings
from labgloss_client import Client, panel, result

settings = read_settings({"LABGLOSS_PORT": "0", "LABGLOSS_LOG_LEVEL": "error"}, {})
command.read_identity(settings)
overlay = Path(sys.argv[2]) if sys.argv[2] else None
server = start(settings, load_served(DATA, overlay, Path(sys.argv[1])))
with Client(f"{settings.host}:{server.port}") as client:
    assert "magnesium" in client.interpret(panel(result("magnesium", "0.41", "mmol/L"))).summary.lower()
server.stop()
print("\\n".join(sys.modules))
"""


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("parsed") / "release.parsed"
    keep(made)
    return made


def loaded_by(program: str, *arguments: str) -> set[str]:
    """The packages that a process has loaded at its end."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'service'}{os.pathsep}{ROOT / 'clients' / 'python'}"}
    command = (sys.executable, "-c", program, *arguments)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_a_process_that_serves_a_parsed_release_has_loaded_nothing_that_reads_files(parsed: Path) -> None:
    loaded = loaded_by(SERVE, str(parsed), "")
    assert {"grpc", "labgloss"} <= loaded
    assert [] == sorted(loaded.intersection(NEEDED_BY_FILES + NEVER))


def test_one_that_reads_the_files_has_loaded_what_validates_them(tmp_path: Path) -> None:
    loaded = loaded_by(SERVE, str(tmp_path / "none"), "")
    assert set(NEEDED_BY_FILES) <= loaded
    assert [] == sorted(loaded.intersection(NEVER))


def test_so_has_one_with_an_overlay(parsed: Path) -> None:
    loaded = loaded_by(SERVE, str(parsed), str(ROOT / "deploy" / "overlay.example.toml"))
    assert set(NEEDED_BY_FILES) <= loaded


def test_and_one_with_an_access_file() -> None:
    program = "import labgloss.access.file, sys; before = 'pydantic' in sys.modules; assert not before; "
    program += "import labgloss.access.form; print(*sys.modules)"
    assert "pydantic" in loaded_by(program)


@pytest.mark.parametrize("module", ["http", "mllp"])
def test_settings_of_other_servers_are_read_without_what_validates_files(module: str) -> None:
    program = f"import labgloss.{module}.settings, sys; print(*sys.modules)"
    assert [] == sorted(loaded_by(program).intersection(NEEDED_BY_FILES + NEVER))
