"""What is deployed: pinned, listed with its licences, built to the same bytes, of few packages, each with a reason."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
PROJECT = (ROOT / "pyproject.toml").read_text()
DECLARED = tomllib.loads(PROJECT)
WHEEL_PARTS = ("pyproject.toml", "README.md", ".gitignore", "service", "clients/python", "proto", "tests/panels")
_PINNED = re.compile(
    r"^([A-Za-z0-9._-]+)(?:\[[a-z,]+\])?==(\S+)(?: ;.*)? \\\n(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+", re.M
)


def names(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(each).name) for each in requirements}


def locked(file: Path) -> dict[str, str]:
    """Name and version of each package of a lock; every line of it belongs to one that has its hashes."""
    text = file.read_text()
    rest = [line for line in _PINNED.sub("", text).splitlines() if not line.lstrip().startswith("#")]
    assert [line for line in rest if line.strip()] == []
    return {canonicalize_name(name): pinned for name, pinned in _PINNED.findall(text)}


def wheelhouse(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LABGLOSS_PYTHON": sys.executable}
    command = [DEPLOY / "wheelhouse", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="module")
def gathered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gathered") / "wheelhouse"
    done = wheelhouse("--python", "{}.{}".format(*sys.version_info), folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def sbom(gathered: Path) -> Any:
    return json.loads((gathered / "sbom.cdx.json").read_text())


def test_at_most_nine_packages_are_needed_each_for_a_stated_reason() -> None:
    needed = DECLARED["project"]["dependencies"]
    assert 0 < len(needed) <= 9
    extras = [each for extra in DECLARED["project"]["optional-dependencies"].values() for each in extra]
    for each in (*needed, *extras):
        assert re.search(rf'"{re.escape(each)}"\]?,? +# \w.{{8,}}', PROJECT), f"no reason stands beside {each}"


def test_what_is_deployed_is_what_is_declared() -> None:
    listed = [line for line in (DEPLOY / "requirements.in").read_text().splitlines() if line and line[0] != "#"]
    optional = DECLARED["project"]["optional-dependencies"]
    needed = names(DECLARED["project"]["dependencies"])
    assert needed <= names(listed) <= needed | names([each for extra in optional.values() for each in extra])


@pytest.mark.parametrize("lock", ["deploy/requirements.txt", "deploy/build.txt", "tests/requirements.txt"])
def test_every_package_is_pinned_by_hash_and_no_index_is_named(lock: str) -> None:
    assert len(locked(ROOT / lock)) > 5
    assert "://" not in (ROOT / lock).read_text()


def test_a_line_without_a_hash_is_noticed(tmp_path: Path) -> None:
    lock = tmp_path / "lock.txt"
    lock.write_text(
        re.sub(r"six==(\S+) \\\n(    --hash\S+(?: \\)?\n)+", r"six==\1\n", (DEPLOY / "requirements.txt").read_text())
    )
    with pytest.raises(AssertionError):
        locked(lock)


def test_the_wheel_is_built_by_what_the_project_names() -> None:
    (builder,) = DECLARED["build-system"]["requires"]
    assert f"hatchling=={locked(DEPLOY / 'build.txt')['hatchling']}" == builder


def test_the_sbom_is_a_strict_cyclonedx_document(gathered: Path) -> None:
    text = (gathered / "sbom.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    broken = text.replace('"bomFormat"', '"bomForm"')
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(broken) is not None


def test_the_sbom_lists_what_the_lock_pins_and_the_environment_holds(sbom: Any) -> None:
    listed = {component["name"]: component["version"] for component in sbom["components"]}
    pinned = locked(DEPLOY / "requirements.txt")
    # A lock holds packages of other systems and Pythons as well.
    assert listed.items() <= pinned.items()
    assert listed == {name: version(name) for name in listed}
    assert sbom["metadata"]["component"]["name"] == "labgloss"


def test_every_licence_is_stated_and_every_package_is_needed(sbom: Any) -> None:
    assert [component["name"] for component in sbom["components"] if not component["licenses"]] == []
    needs = {each["ref"]: each["dependsOn"] for each in sbom["dependencies"]}
    reached, waiting = set(), [sbom["metadata"]["component"]["bom-ref"]]
    while waiting:
        ref = waiting.pop()
        if ref not in reached:
            reached.add(ref)
            waiting += needs[ref]
    assert reached == set(needs)


def test_the_sbom_holds_the_hash_of_each_wheel_and_so_does_the_list_of_files(gathered: Path, sbom: Any) -> None:
    stated = {each["hashes"][0]["content"] for each in (sbom["metadata"]["component"], *sbom["components"])}
    wheels = list((gathered / "wheels").iterdir())
    assert {hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in wheels} == stated
    sums = dict(reversed(line.split("  ./")) for line in (gathered / "SHA256SUMS").read_text().splitlines())
    files = [file for file in gathered.rglob("*") if file.is_file() and file.name != "SHA256SUMS"]
    assert {str(file.relative_to(gathered)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files} == sums


def test_two_builds_of_the_wheel_are_the_same_bytes(tmp_path: Path) -> None:
    """Of two copies of the checkout, with other times, rights, time zones and places."""
    made = [
        built(tmp_path / "one", 0o022, 1_000_000_000, "UTC"),
        built(tmp_path / "another", 0o077, 1_700_000_000, "Asia/Tokyo"),
    ]
    assert made[0].read_bytes() == made[1].read_bytes()
    with zipfile.ZipFile(made[0]) as wheel:
        assert "labgloss/knowledge/data/verdict.json" in wheel.namelist()


def built(folder: Path, umask: int, mtime: int, zone: str) -> Path:
    for part in WHEEL_PARTS:
        source, copy = ROOT / part, folder / part
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy)
    for file in folder.rglob("*"):
        os.utime(file, (mtime, mtime))
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder / "dist"],
        cwd=folder,
        env={**os.environ, "SOURCE_DATE_EPOCH": "1500000000", "TZ": zone},
        umask=umask,
        check=True,
        capture_output=True,
    )
    (wheel,) = (folder / "dist").iterdir()
    return wheel


def test_a_wheelhouse_takes_the_place_of_a_wheelhouse_only(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("of somebody")
    refused = wheelhouse(kept)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith(f"wheelhouse: {kept} is not a wheelhouse, and is not empty; usage: ")
    assert (kept / "file").read_text() == "of somebody"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--python", "3.9"], "--python 3.9 is not 3.11, 3.12 or 3.13"),
        (["--machine", "riscv"], "--machine riscv is not x86_64 or aarch64"),
        (["--pyhton", "3.11"], "--pyhton is not an option"),
        (["--python"], "--python needs a value"),
        (["a", "b"], "one folder is enough, and b is a second"),
    ],
)
def test_a_wrong_argument_is_said(arguments: list[str], said: str) -> None:
    refused = wheelhouse(*arguments)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith(f"wheelhouse: {said}; usage: deploy/wheelhouse ")
