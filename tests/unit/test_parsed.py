"""The release that was parsed when the image was made: it is the same one, and anything else is not taken."""

from __future__ import annotations

import io
import pickle
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from labgloss import parsed
from labgloss.domain.panel import Panel, Symptom
from labgloss.engine import recognise
from labgloss.engine.interpret import interpret
from labgloss.errors import KnowledgeError
from labgloss.knowledge import compiled
from labgloss.knowledge.compiled import expressions_of
from labgloss.knowledge.loader import DATA, digest_of, load
from labgloss.knowledge.overlay import lay_over
from labgloss.knowledge.release import NO_SITE, Release
from labgloss.panels.reader import read_panels
from labgloss.panels.shipped import sample_panels_folder
from labgloss.parsed import keep, kept, load_served
from labgloss.wire.decode import decode_panel
from labgloss.wire.encode import encode_report

ROOT = Path(__file__).parents[2]
OVERLAY = ROOT / "deploy" / "overlay.example.toml"
EVERY = 4
FLIPS = 300


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("parsed") / "release.parsed"
    keep(made)
    return made


@pytest.fixture
def copy(file: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(file, tmp_path))


def test_a_release_under_an_overlay_is_read_as_it_was_written() -> None:
    laid_over = load(overlay=OVERLAY)
    again = parsed.read(parsed.written(laid_over))
    assert laid_over.reference == again.reference
    assert parsed._plain(laid_over) == parsed._plain(again)
    assert reports(laid_over) == reports(again)


def with_content(file: Path, content: bytes) -> Path:
    """The file with a first line that is right and other content."""
    file.write_bytes(parsed._head(parsed._made_of(), content) + b"\n" + content)
    return file


def reports(release: Release) -> list[bytes]:
    cases = read_panels([sample_panels_folder()])[::EVERY]
    return [
        encode_report(interpret(release, decode_panel(case.panel, "panel", release)), case.panel, release)
        .SerializeToString(deterministic=True)
        for case in cases
    ]  # fmt: skip


def test_it_gives_the_reports_of_the_files(file: Path, release: Release) -> None:
    found = kept(file)
    assert found is not None
    assert found.reference == release.reference
    assert reports(found) == reports(release)


def test_its_expressions_have_tests_of_their_own(file: Path) -> None:
    """Tests go by the identity of an expression, which is that of another thing in another process."""
    found = kept(file)
    assert found is not None
    own = [part for whole in expressions_of(found) for part in compiled._parts(whole)]
    assert len(own) > 1_000
    assert all(found.tests.test(part) is not None for part in own)
    assert {identity: id(part) for identity, part in found.tests._lasting.items() if identity != id(part)} == {}


def test_nothing_that_goes_by_an_identity_is_kept_of_a_release_that_was_asked() -> None:
    release = load()
    tests = release.tests
    for pattern in release.patterns.values():
        assert tests.reads(pattern)
        assert tests.decides(pattern)
    for flag in release.red_flags.values():
        assert tests.levels(flag.levels) is not None
    for expression in expressions_of(release):
        assert tests.test(expression)
        tests.judged(expression)
    by_number = {
        name
        for name, content in tests.__getstate__().items()
        if isinstance(content, dict) and any(isinstance(key, int) for key in content)
    }
    # The names of bits.
    assert by_number == {"_names"}


def test_its_vocabulary_is_not_made_again(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = kept(file)
    assert found is not None
    assert parsed._plain(found.vocabulary) == parsed._plain(recognise.vocabulary(found))
    monkeypatch.setattr(recognise, "vocabulary", lambda _: pytest.fail("made again"))
    recognise._Words(found)
    # An overlay's view of it has the same words.
    recognise._Words(replace(found, site=NO_SITE))


def test_a_vocabulary_of_other_rows_is_made_again(file: Path) -> None:
    found = kept(file)
    assert found is not None
    row = next(iter(found.symptoms.values()))
    other = MappingProxyType({**found.symptoms, row.id: replace(row, synonyms=("odd humming",))})
    panel = Panel(symptoms=(Symptom(text="odd humming"),))
    for release, ids in ((found, ()), (replace(found, symptoms=other), (row.id,))):
        assert recognise.recognise(release, panel).symptoms[0].ids == ids


def test_with_an_overlay_it_is_what_the_files_are_with_it(file: Path) -> None:
    one, of_files = load_served(DATA, OVERLAY, file), load()
    other = lay_over(replace(of_files, vocabulary=recognise.vocabulary(of_files)), OVERLAY)
    assert one.reference == other.reference
    assert parsed._plain(one) == parsed._plain(other)


def test_a_faulty_overlay_is_refused_over_it(file: Path, tmp_path: Path) -> None:
    overlay = tmp_path / "overlay.toml"
    overlay.write_text("[[no_such_table]]\n")
    with pytest.raises(KnowledgeError, match="no_such_table"):
        load_served(DATA, overlay, file)


def test_it_is_taken_in_the_place_of_the_files(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsed, "load", lambda *_: pytest.fail("parsed again"))
    assert load_served(DATA, None, file).reference.digest == digest_of(DATA)


def test_without_it_the_files_are_parsed(tmp_path: Path, release: Release) -> None:
    assert load_served(DATA, None, tmp_path / "none").reference == release.reference


def test_it_is_never_looked_for_in_a_folder_that_is_named(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(DATA, tmp_path / "knowledge"))
    shutil.copy(file, folder)
    monkeypatch.setattr(parsed, "kept", lambda _: pytest.fail("looked for"))
    assert load_served(folder, None, folder / file.name).reference.digest == digest_of(DATA)


# ---------------------------------------------------------------------------------------- stale and broken


def test_of_other_files_it_is_not_taken(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(shutil.copytree(DATA, tmp_path / "knowledge"))
    monkeypatch.setattr(parsed, "DATA", folder)
    assert kept(file) is not None
    changed = folder / "analytes" / "magnesium.toml"
    changed.write_bytes(changed.read_bytes() + b"\n")
    assert kept(file) is None


def test_of_other_code_it_is_not_taken(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Path(shutil.copytree(Path(parsed.labgloss.__file__).parent, tmp_path / "labgloss"))
    monkeypatch.setattr(parsed.labgloss, "__file__", str(home / "__init__.py"))
    assert kept(file) is not None
    for changed in (home / "knowledge" / "release.py", home / "engine" / "phrases.py", home / "frozen.py"):
        before = changed.read_text()
        changed.write_text(before + "\n")
        assert kept(file) is None
        changed.write_text(before)
    assert kept(file) is not None


@pytest.mark.parametrize(
    ("of", "name", "value"),
    [(parsed.platform, "python_version", lambda: "3.11.0"), (parsed, "_FORMAT", "other")],
)
def test_of_another_python_or_format_it_is_not_taken(
    of: Any, name: str, value: Any, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of, name, value)
    assert kept(file) is None


def test_without_the_code_to_compare_it_is_not_taken(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parsed, "__file__", str(tmp_path / "parsed.py"))
    assert kept(file) is None


def test_no_changed_byte_and_no_cut_passes(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, made_of, chance = copy.read_bytes(), parsed._made_of(), random.Random(0)
    monkeypatch.setattr(parsed, "_made_of", lambda: made_of)
    assert kept(copy) is not None
    for number in range(FLIPS):
        bent = bytearray(whole)
        # The first line as often as the rest.
        place = chance.randrange(len(whole) if number % 2 else whole.index(b"\n") + 1)
        bent[place] ^= 1 << chance.randrange(8)
        copy.write_bytes(bytes(bent) if number % 3 else whole[:place])
        assert kept(copy) is None, place


# ----------------------------------------------------------------------------------------------- foreign


class Asks:
    """Pickled, it asks for a function to be called on reading."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self._asked = function, arguments

    def __reduce__(self) -> Any:
        return self._asked


def test_nothing_that_a_file_asks_for_is_done_but_making_a_release(copy: Path, tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    for asked in (Asks(Path.touch, touched), Asks(exec, f"open({str(touched)!r}, 'w')"), Asks(load)):
        assert kept(with_content(copy, pickle.dumps(asked))) is None
    assert not touched.exists()


@pytest.mark.parametrize(
    "name",
    [b"cposix\nsystem\n", b"cbuiltins\neval\n", b"clabgloss.knowledge.loader\nload\n", b"cpathlib\nPath\n",
     b"clabgloss.knowledge.loader\nPath\n", b"clabgloss.knowledge.loader\nhashlib\n", b"clabgloss.parsed\nkeep\n",
     b"clabgloss.engine.recognise\nvocabulary\n", b"clabgloss.engine.facts\nFacts\n"],
)  # fmt: skip
def test_what_is_no_part_of_a_release_is_not_even_looked_up(name: bytes) -> None:
    with pytest.raises(pickle.UnpicklingError, match="is no part of a release"):
        parsed._Reader(io.BytesIO(name + b".")).load()


def test_another_value_and_another_release_are_not_taken(copy: Path, release: Release) -> None:
    assert kept(with_content(copy, pickle.dumps("a release"))) is None
    written = io.BytesIO()
    parsed._Writer(written, parsed._PROTOCOL).dump(load(DATA, OVERLAY))
    assert kept(with_content(copy, written.getvalue())) is None


# ------------------------------------------------------------------------------------------------ made


def test_two_that_are_made_are_the_same_bytes(tmp_path: Path) -> None:
    program = "import sys; from pathlib import Path; from labgloss.parsed import keep; keep(Path(sys.argv[1]))"
    made = []
    for name in ("one", "two"):
        command = (sys.executable, "-c", program, str(tmp_path / name))
        paths = f"{ROOT / 'service'}:{ROOT / 'clients' / 'python'}"
        subprocess.run(command, check=True, env={"PYTHONPATH": paths, "PYTHONHASHSEED": "0"}, timeout=120)
        made.append((tmp_path / name).read_bytes())
    assert made[0] == made[1]


def test_one_that_is_read_back_differently_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsed, "read", lambda _: "something else")
    with pytest.raises(ValueError, match="is another one"):
        keep(tmp_path / "release.parsed")
    assert not (tmp_path / "release.parsed").exists()
