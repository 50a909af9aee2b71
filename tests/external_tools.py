"""What some tests need beyond Python packages: one line of skip where it is missing, a failure with CI=true."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from ctypes.util import find_library
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[1]
_NODE_AT_LEAST = 18
_NPM_CI = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent")
_NPM_SECONDS = 300
_SANDBOX = ("--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "true")

# What modules were skipped for, one entry for each module and tool; tests/skips.py counts it at the end of the run.
skipped: list[str] = []


class MissingToolError(Exception):
    """A tool is missing, and nothing may be skipped."""


def needs(*tools: str, to: str) -> None:
    """Nothing, once every tool is there; called at the head of a module, whose tests are skipped otherwise.

    `to` says what the module does with them. Raises MissingToolError with CI=true, where nothing may be skipped.
    """
    problems = [problem for tool in tools if (problem := _problem(tool))]
    if not problems:
        return
    reason = f"needed to {to}: {', '.join(tools)}; {', '.join(problems)}"
    if os.environ.get("CI") == "true":
        raise MissingToolError(f"{reason}; tests/install_tools installs what is missing")
    skipped.extend(problems)
    pytest.skip(reason, allow_module_level=True)


def tool(name: str) -> str | None:
    """Where a tool is, or None; one that came with the environment's Python packages first. A path is itself."""
    if name.startswith("/"):
        return name if Path(name).exists() else None
    beside = Path(sys.executable).with_name(name)
    return str(beside) if os.access(beside, os.X_OK) else shutil.which(name)


def node_environment(folder: Path) -> dict[str, str]:
    """An environment in which Node finds what the package-lock.json of a folder names.

    The packages are installed under .venv, once for each state of the lock, and nothing of theirs is run.
    """
    home = _ROOT / ".venv" / f"node-{folder.name}"
    lock = (folder / "package-lock.json").read_bytes()
    installed = home / "lock"
    if not installed.exists() or installed.read_bytes() != lock:
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(folder / name, home)
        subprocess.run(_NPM_CI, cwd=home, check=True, timeout=_NPM_SECONDS)
        installed.write_bytes(lock)
    return {**os.environ, "NODE_PATH": str(home / "node_modules")}


def _problem(name: str) -> str:
    """What is wrong with a tool; empty when it can be used."""
    if name == "docker engine":
        return _engine_problem()
    if name == "libseccomp":
        return "" if find_library("seccomp") else "libseccomp is not installed"
    found = tool(name)
    if found is None:
        return f"{name} is not installed"
    if name == "bwrap" and subprocess.run((found, *_SANDBOX), capture_output=True, check=False).returncode:
        return "bwrap may not make namespaces here"
    if name == "node" and (version := _node_version(found)) < _NODE_AT_LEAST:
        return f"node is version {version}, and {_NODE_AT_LEAST} or newer is needed"
    return ""


def _engine_problem() -> str:
    address = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if not address.startswith("unix://"):
        # One elsewhere was named on purpose; what it is not is for the tests to find.
        return ""
    with socket.socket(socket.AF_UNIX) as engine:
        try:
            engine.connect(address.removeprefix("unix://"))
        except OSError:
            return "no docker engine answers"
    return ""


def _node_version(node: str) -> int:
    printed = subprocess.run((node, "--version"), check=True, capture_output=True, text=True).stdout
    return int(printed.removeprefix("v").split(".")[0])
