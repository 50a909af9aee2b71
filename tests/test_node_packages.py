"""The Node packages of tests and of the TypeScript client: pinned, and without an address to fetch them from."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PLACES = ("clients/*", "tests/*", "tests/benchmarks/*")
FOLDERS = sorted(path.parent for place in PLACES for path in ROOT.glob(f"{place}/package.json"))
KINDS = ("dependencies", "devDependencies")


def test_there_are_five_folders_of_node_packages() -> None:
    assert [folder.name for folder in FOLDERS] == ["typescript", "cql", "fhir", "reflection", "units"]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_package_is_pinned_exactly(folder: Path) -> None:
    asked = json.loads((folder / "package.json").read_text())
    lock = json.loads((folder / "package-lock.json").read_text())
    for kind in KINDS:
        assert all(re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+", version) for version in asked.get(kind, {}).values())
        assert lock["packages"][""].get(kind) == asked.get(kind)
    installed = {path: entry for path, entry in lock["packages"].items() if path}
    assert all(entry["integrity"].startswith("sha512-") for entry in installed.values())


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_no_file_says_where_a_package_comes_from(folder: Path) -> None:
    for name in ("package.json", "package-lock.json", ".npmrc"):
        text = (folder / name).read_text()
        assert re.findall(r"[a-z]+://\S+|\bregistry\.\S+|resolved\"", text) == [], f"{folder.name}/{name}"
