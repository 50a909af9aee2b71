"""The spool: kept once, sent in order, forgotten late, and never by halves."""

import sqlite3
from pathlib import Path

import pytest

from labgloss.errors import SettingsError
from labgloss.mllp.spool import Key, Spool, SpoolError

KEY = Key("LAB|FAC", "M1", b"digest")


def key(number: int) -> Key:
    return Key("LAB|FAC", f"M{number}", b"digest")


def test_a_commit_is_on_disk_before_it_returns(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    pragmas = ("synchronous", "journal_mode", "locking_mode", "secure_delete")
    found = [spool._database.execute(f"PRAGMA {name}").fetchone()[0] for name in pragmas]
    assert found == [2, "wal", "exclusive", 1]
    spool.close()


def test_what_was_kept_first_is_what_the_same_message_is_answered(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    assert spool.reply_to(KEY) is None
    assert spool.keep(KEY, b"first", None) == b"first"
    assert spool.keep(KEY, b"second", None) == b"first"
    assert spool.reply_to(Key("LAB|FAC", "M1", b"other")) is None
    assert spool.reply_to(Key("LAB|OTHER", "M1", b"digest")) is None
    spool.close()


def test_answers_wait_in_their_order_until_they_are_sent_or_refused(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for number in range(3):
        spool.keep(key(number), b"ack", f"answer {number}".encode())
    spool.keep(key(3), b"answer", None)
    assert spool.waiting() == 3
    first = spool.next_waiting()
    assert first is not None
    assert first.content == b"answer 0"
    spool.sent(first.number)
    second = spool.next_waiting()
    assert second is not None
    spool.refuse(second.number)
    third = spool.next_waiting()
    assert third is not None
    assert (third.content, spool.waiting(), spool.refused()) == (b"answer 2", 1, 1)
    spool.close()
    again = Spool(tmp_path)
    assert again.next_waiting() == third
    assert (again.wait_again(), again.next_waiting()) == (1, second)
    again.close()


def test_only_what_is_done_with_is_forgotten(tmp_path: Path) -> None:
    now = 1_000.0
    spool = Spool(tmp_path, clock=lambda: now)
    spool.keep(key(1), b"patient one", None)
    spool.keep(key(2), b"ack", b"patient two")
    now = 2_000.0
    assert spool.forget(1_500.0) == 0
    assert spool.forget(500.0) == 1
    assert spool.reply_to(key(1)) is None
    assert spool.waiting() == 1
    spool.close()
    assert b"patient one" not in b"".join(file.read_bytes() for file in tmp_path.iterdir())


def test_a_disk_that_fails_is_said_without_any_answer(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool._database.execute("PRAGMA max_page_count = 8")
    with pytest.raises(SpoolError) as failed:
        spool.keep(KEY, b"patient" * 100_000, None)
    assert str(failed.value) == "database or disk is full"
    spool.close()


def test_a_folder_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SettingsError, match=r"--spool: .*file cannot be used: "):
        Spool(tmp_path / "file")
    (tmp_path / "answers.sqlite").write_bytes(b"x" * 10_000)
    with pytest.raises(SettingsError, match="cannot be used: file is not a database"):
        Spool(tmp_path)


def test_a_spool_that_was_cut_off_in_a_write_opens_again(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for number in range(20):
        spool.keep(key(number), b"ack", b"x" * 5_000)
    # As a crash leaves them: the log written ahead, and its last bytes torn.
    copies = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    spool.close()
    torn = tmp_path / "torn"
    torn.mkdir()
    for name, content in copies.items():
        (torn / name).write_bytes(content[:-700] if name.endswith("-wal") else content)
    again = Spool(torn)
    assert again.waiting() >= 19
    again.close()
    sqlite3.connect(torn / "answers.sqlite").close()
