"""The Node packages of tests/units and tests/reflection: pinned, and without an address to fetch them from."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
FOLDERS = sorted(path.parent for path in TESTS.glob("*/package.json"))


def test_there_are_two_folders_of_node_packages() -> None:
    assert [folder.name for folder in FOLDERS] == ["reflection", "units"]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_package_is_pinned_exactly(folder: Path) -> None:
    asked = json.loads((folder / "package.json").read_text())["dependencies"]
    lock = json.loads((folder / "package-lock.json").read_text())
    assert all(re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+", version) for version in asked.values())
    assert lock["packages"][""]["dependencies"] == asked
    installed = {path: entry for path, entry in lock["packages"].items() if path}
    assert all(entry["integrity"].startswith("sha512-") for entry in installed.values())


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_no_file_says_where_a_package_comes_from(folder: Path) -> None:
    for name in ("package.json", "package-lock.json", ".npmrc"):
        text = (folder / name).read_text()
        assert re.findall(r"[a-z]+://\S+|\bregistry\.\S+|resolved\"", text) == [], f"{folder.name}/{name}"
