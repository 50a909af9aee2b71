"""deploy/compose.yaml is what Docker Compose takes: Debian's, which is the oldest that a site may have."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.deploy.compose import DEPLOY, LIMITS, compose
from tests.deploy.kustomization import documents
from tests.external_tools import needs, tool

needs("docker-compose", to="check deploy/compose.yaml")


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The file, where what it builds from is there."""
    (tmp_path / "dist" / "wheelhouse").mkdir(parents=True)
    (tmp_path / "deploy").mkdir()
    for name in ("compose.yaml", "haproxy.cfg", "Dockerfile"):
        shutil.copy(DEPLOY / name, tmp_path / "deploy")
    return tmp_path / "deploy" / "compose.yaml"


def config(file: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    # Not the environment of the tests: it is a program in Python too.
    environment = {"PATH": os.environ["PATH"], "HOME": str(file.parent), **variables}
    command = [str(tool("docker-compose")), "-f", str(file), "--profile", "http", "config"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_it_is_accepted_and_means_what_it_says(copied: Path) -> None:
    said = config(copied, TLS_FOLDER="/etc/labgloss/tls", HTTP_ADDRESS="192.0.2.1")
    assert (said.returncode, said.stderr) == (0, "")
    (understood,) = documents(said.stdout)
    stated = compose()["services"]
    assert set(understood["services"]) == set(stated)
    for name, service in understood["services"].items():
        for limit in (*LIMITS, "profiles", "command"):
            assert str(service.get(limit)) == str(stated[name].get(limit)), (name, limit)
    assert "192.0.2.1:8443:8443" in str(understood["services"]["haproxy"]["ports"])


def test_without_the_folder_of_the_proxy_it_says_what_is_needed(copied: Path) -> None:
    said = config(copied)
    assert said.returncode != 0
    assert "a folder with proxy.pem and ca.crt" in said.stderr


def test_a_key_that_is_misspelt_is_refused(copied: Path) -> None:
    copied.write_text(copied.read_text().replace("read_only", "read_onyl"))
    said = config(copied, TLS_FOLDER="/etc/labgloss/tls")
    assert said.returncode != 0
    assert "read_onyl" in said.stderr
