"""One line is one write; what cannot be written does not count; files turn and the chain goes on."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from labgloss.errors import SettingsError
from labgloss.evidence import journal as module
from labgloss.evidence.chain import DECISION, body_of
from labgloss.evidence.journal import Files, Head, Journal, StandardOutput, check_folder, journal_on, open_journal
from labgloss.evidence.verify import Verdict, verify
from labgloss.output import OneAtATime
from tests.unit.evidence.tampering import Memory

HEADER = {"worker": 3, "software": "1"}
BODY = body_of(DECISION, {"rules": ["magnesium.class"]})


def verified(folder: Path, *heads: str) -> Verdict:
    return verify({path.name: path.read_bytes() for path in sorted(folder.iterdir())}, heads)


def opened(folder: Path, limit: int = 4_096, on_head: Callable[[Head], None] = lambda _: None) -> Journal:
    return open_journal(folder, limit, 3, HEADER, on_head)


def test_a_chain_begins_with_its_header_and_ends_with_its_count() -> None:
    sink = Memory(100)
    journal = Journal("0" * 16, sink, HEADER)
    assert "0000000000000000-1" == journal.append([BODY, BODY])
    journal.close()
    journal.close()
    start, *_, end = (json.loads(line) for line in sink.files[0])
    assert ("start", 3, "1") == (start["kind"], start["worker"], start["software"])
    assert ("end", 4, "0000000000000000-3") == (end["kind"], end["records"], end["id"])
    with pytest.raises(OSError):
        journal.append([BODY])


def test_each_file_stays_below_its_size_and_begins_with_what_links_it(tmp_path: Path) -> None:
    heads: list[Head] = []
    journal = opened(tmp_path, on_head=heads.append)
    for _ in range(60):
        journal.append([BODY])
    journal.close()
    files = [path.read_bytes().splitlines() for path in sorted(tmp_path.iterdir())]
    assert len(files) > 3
    assert max(path.stat().st_size for path in tmp_path.iterdir()) <= 4_096
    firsts = [json.loads(lines[0]) for lines in files]
    assert ["start", *["file"] * (len(files) - 1)] == [first["kind"] for first in firsts]
    assert list(range(2, len(files) + 1)) == [first["file"] for first in firsts[1:]]
    assert all(first["worker"] == 3 for first in firsts)
    assert verified(tmp_path, journal.head.hash).whole
    # At the start, for each further file, at the end.
    assert len(files) + 1 == len(heads)
    assert journal.head == heads[-1]


def test_threads_write_one_chain(tmp_path: Path) -> None:
    journal = opened(tmp_path, 1 << 20)

    def append() -> None:
        for _ in range(100):
            journal.append([BODY, BODY])

    threads = [Thread(target=append) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.close()
    verdict = verified(tmp_path, journal.head.hash)
    assert verdict.whole
    assert 1 + 1_600 + 1 == verdict.chains[0].records


def full_once(monkeypatch: pytest.MonkeyPatch, takes: int) -> None:
    """The next write takes so many bytes, as on a disk that is full."""
    write = os.write

    def short(descriptor: int, line: bytes) -> int:
        monkeypatch.setattr(module.os, "write", write)
        return write(descriptor, line[:takes])

    monkeypatch.setattr(module.os, "write", short)


@pytest.mark.parametrize("takes", [0, 1, 100])
def test_what_a_full_disk_took_in_part_is_taken_back(
    takes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = opened(tmp_path)
    journal.append([BODY])
    full_once(monkeypatch, takes)
    with pytest.raises(OSError, match="No space left"):
        journal.append([BODY])
    assert 2 == journal.head.records
    journal.append([BODY])
    journal.close()
    assert verified(tmp_path, journal.head.hash).whole


def test_what_cannot_be_taken_back_stays_torn_and_the_chain_goes_on_in_another_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: Any) -> None:
        raise OSError

    journal = opened(tmp_path)
    monkeypatch.setattr(module.os, "ftruncate", failing)
    full_once(monkeypatch, 100)
    with pytest.raises(OSError):
        journal.append([BODY])
    journal.append([BODY])
    journal.close()
    assert ["torn"] == [flaw.kind for flaw in verified(tmp_path, journal.head.hash).flaws]
    assert 2 == len(list(tmp_path.iterdir()))


def test_a_file_that_lost_its_header_to_a_full_disk_gets_it_before_anything_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = opened(tmp_path)
    while len(list(tmp_path.iterdir())) == 1:
        size = next(tmp_path.iterdir()).stat().st_size
        if size + len(BODY) + 256 > 4_096:
            full_once(monkeypatch, 50)
            with pytest.raises(OSError):
                journal.append([BODY])
        else:
            journal.append([BODY])
    journal.append([BODY])
    journal.close()
    _, second = sorted(tmp_path.iterdir())
    assert "file" == json.loads(second.read_bytes().splitlines()[0])["kind"]
    assert verified(tmp_path, journal.head.hash).whole


def test_a_process_that_dies_leaves_at_most_a_torn_last_line(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.append([BODY])
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    for size in range(len(whole) - 40, len(whole)):
        file.write_bytes(whole[:size])
        assert ["torn"] == [flaw.kind for flaw in verified(tmp_path).flaws]


def test_standard_output_takes_a_line_up_again_after_a_break() -> None:
    reader, writer = os.pipe()
    lines = OneAtATime()
    journal = Journal("0" * 16, StandardOutput(lines, writer), HEADER)
    # By a record, or by a line of the log.
    lines.torn = True
    journal.append([BODY])
    journal.close()
    written = os.read(reader, 65_536).split(b"\n")
    os.close(reader)
    os.close(writer)
    assert ["{", "", "{", "{", ""] == [line[:1].decode() for line in written]


def test_standard_output_that_nobody_reads_refuses_after_a_while_and_then_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "READER_SECONDS", 0.3)
    reader, writer = os.pipe()
    journal = Journal("0" * 16, StandardOutput(OneAtATime(), writer), HEADER)
    content = os.read(reader, 65_536)
    took: list[float] = []
    while len(took) < 4:
        begun = time.monotonic()
        try:
            journal.append([BODY])
        except TimeoutError:
            took.append(time.monotonic() - begun)
    assert 0.3 <= took[0] < 2
    assert max(took[1:]) < 0.2
    # What was refused does not count: the chain goes on where it was.
    content += os.read(reader, 1 << 20)
    journal.append([BODY])
    journal.close()
    content += os.read(reader, 1 << 20)
    os.close(reader)
    os.close(writer)
    assert verify({"output": content}, [journal.head.hash]).whole


def test_standard_output_that_takes_nothing_is_an_error() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    with pytest.raises(SettingsError, match="audit: records cannot be written to -: No space left on device; give"):
        journal_on(StandardOutput(OneAtATime(), full), HEADER, lambda _: None)
    os.close(full)


def test_a_folder_that_is_none_is_said_before_anything_is_written(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for place in (file, tmp_path / "missing"):
        with pytest.raises(SettingsError) as raised:
            opened(place)
        (fault,) = raised.value.faults
        assert fault.startswith(f"audit: records cannot be written to {place}: ")
        assert fault.endswith("; give a folder that can be written, or - for standard output")


def test_a_folder_is_looked_at_before_anything_is_written(tmp_path: Path) -> None:
    check_folder(tmp_path)
    with pytest.raises(SettingsError, match="it is no folder; give a folder that can be written, or - for standard"):
        check_folder(tmp_path / "missing")
    assert [] == list(tmp_path.iterdir())


def test_a_closed_file_is_closed_once(tmp_path: Path) -> None:
    files = Files(tmp_path, "name", 4_096)
    files.close()
    files.close()
    assert ["name-000001.jsonl"] == [path.name for path in tmp_path.iterdir()]


# ------------------------------------------------------------------------------------------------ files gone


def gone(folder: Path) -> None:
    """The file that is written is removed, as by a job that deletes by age."""
    next(folder.glob("*-000001.jsonl")).unlink()


def renamed(folder: Path) -> None:
    """It is moved away."""
    (file,) = folder.glob("*-000001.jsonl")
    file.rename(file.with_suffix(".old"))


def replaced(folder: Path) -> None:
    """The folder is another one of the same name."""
    folder.rename(folder.with_name("moved"))
    folder.mkdir()


@pytest.mark.parametrize("take_away", [gone, renamed, replaced])
@pytest.mark.parametrize("records", [0, 1])
def test_a_file_that_is_taken_away_is_said_and_the_chain_goes_on_in_another(
    records: int, take_away: Callable[[Path], None], tmp_path: Path
) -> None:
    folder = tmp_path / "records"
    folder.mkdir()
    said: list[str] = []
    journal = open_journal(folder, 1 << 20, 3, HEADER, lambda _: None, said.append)
    journal.append([BODY])
    take_away(folder)
    for _ in range(records):
        journal.append([BODY, BODY])
    journal.close()
    (file,) = folder.glob("*.jsonl")
    assert file.name.endswith("-000002.jsonl")
    assert [file.name.replace("-000002", "-000001")] == said
    verdict = verify({file.name: file.read_bytes()}, [journal.head.hash])
    assert [("dropped", 0)] == [(flaw.kind, flaw.number) for flaw in verdict.flaws]
    assert "records 0 to 1 are missing" in str(verdict.flaws[0])


def test_without_its_folder_nothing_is_written_until_it_is_there_again(tmp_path: Path) -> None:
    folder = tmp_path / "records"
    folder.mkdir()
    said: list[str] = []
    journal = open_journal(folder, 1 << 20, 3, HEADER, lambda _: None, said.append)
    journal.append([BODY])
    folder.rename(tmp_path / "moved")
    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            journal.append([BODY])
    assert 1 == len(said)
    (tmp_path / "moved").rename(folder)
    journal.append([BODY])
    journal.close()
    assert verified(folder, journal.head.hash).whole
