"""Knowledge with one fault each: loading stops, and the error says in which file, at which key, why, and for whom.

A case is a TOML file: `file` of the knowledge; what is done to it (`replace` of one text by another, `append` of a
text, or `delete`); and `expect`, every text that the error must contain. The error names `file` and no other, unless
`named_in` says which one it names instead ("*": any). `not_yet` marks a fault that is not found yet, with what happens.
"""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest

from labgloss.errors import KnowledgeError
from labgloss.knowledge.loader import DATA, load

CASES = sorted(Path(__file__).parent.glob("*.toml"))
KEYS = {"file", "replace", "append", "delete", "expect", "named_in", "not_yet"}


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The knowledge as it ships, without its specs."""
    folder = tmp_path_factory.mktemp("sound") / "data"
    shutil.copytree(DATA, folder, ignore=shutil.ignore_patterns("*.specs.toml"))
    return folder


def test_the_knowledge_before_a_fault_is_put_in_loads(sound: Path) -> None:
    load(sound)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_case_says_what_it_does_to_a_file_and_what_to_expect(path: Path, sound: Path) -> None:
    case = tomllib.loads(path.read_text())
    assert case.keys() <= KEYS
    assert len(case.keys() & {"replace", "append", "delete"}) == 1
    assert case["expect"]
    file = sound / case["file"]
    assert file.exists() or "append" in case
    if "replace" in case:
        assert file.read_text().count(case["replace"][0]) == 1


def parameter(path: Path) -> Any:
    case = tomllib.loads(path.read_text())
    reason = case.get("not_yet")
    return pytest.param(case, id=path.stem, marks=pytest.mark.xfail(strict=True, reason=reason) if reason else ())


@pytest.mark.parametrize("case", [parameter(path) for path in CASES])
def test_a_fault_stops_the_loading_and_is_named(case: dict[str, Any], sound: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    shutil.copytree(sound, folder)
    put_in(case, folder)
    with pytest.raises(KnowledgeError) as error:
        load(folder)
    named_in = case.get("named_in", case["file"])
    assert named_in == "*" or {fault.file for fault in error.value.faults} == {named_in}
    for text in case["expect"]:
        assert text in str(error.value)


def put_in(case: dict[str, Any], folder: Path) -> None:
    """The fault, put into a copy of the knowledge."""
    file = folder / case["file"]
    if case.get("delete"):
        file.unlink()
        return
    text = file.read_text() if file.exists() else ""
    if "replace" in case:
        text = text.replace(*case["replace"])
    file.write_text(text + case.get("append", ""))


def test_every_fault_of_a_folder_is_named_at_once(sound: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    shutil.copytree(sound, folder)
    for file, old, new in (
        ("analytes/zinc.toml", 'role = "supporting"', 'role = "supportive"'),
        ("release.toml", 'version = "', 'edition = "'),
    ):
        put_in({"file": file, "replace": [old, new]}, folder)
    with pytest.raises(KnowledgeError) as error:
        load(folder)
    assert str(error.value).splitlines() == [
        "release.toml: version: Field required",
        "release.toml: edition: Extra inputs are not permitted",
        "analytes/zinc.toml: role: Input should be 'primary', 'supporting', 'computed' or 'never_read' (in zinc)",
    ]


def test_bytes_that_are_no_text_are_named(sound: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    shutil.copytree(sound, folder)
    (folder / "groups.toml").write_bytes(b'id = "\xff"')
    with pytest.raises(KnowledgeError, match=r"groups\.toml: is not TOML: 'utf-8' codec can't decode byte 0xff"):
        load(folder)
