"""The answers on disk: written before their message is acknowledged, sent on in order, found again for duplicates.

SQLite, in one file that one process holds: a commit is on disk (synchronous = FULL) before it returns, so that whatever
ends the process, or the machine, takes nothing back that was acknowledged.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from labgloss.errors import SettingsError

_FILE = "answers.sqlite"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS answer (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    sender TEXT NOT NULL,
    control_id TEXT NOT NULL,
    digest BLOB NOT NULL,
    reply BLOB NOT NULL,
    onward BLOB,
    answered REAL NOT NULL,
    done REAL,
    refused INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX IF NOT EXISTS once ON answer (sender, control_id, digest);
CREATE INDEX IF NOT EXISTS waiting ON answer (number) WHERE done IS NULL AND refused = 0;
"""


class SpoolError(Exception):
    """The spool cannot be written or read, as when its disk is full. It names no answer."""


@dataclass(frozen=True, slots=True)
class Key:
    """By which a message is known again: who sent it, its control id, and a digest of all of it."""

    sender: str
    control_id: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class Waiting:
    """An answer that is to be sent on."""

    number: int
    content: bytes


class Spool:
    """The spool in a folder. For one thread at a time.

    Raises SettingsError when the folder cannot be used, or another process uses it.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Before SQLite makes it: what the file holds is patients' data.
            os.close(os.open(folder / _FILE, os.O_RDWR | os.O_CREAT, 0o600))
            self._database = _opened(folder / _FILE)
            # The names of the files too outlive the machine.
            _sync(folder)
        except (OSError, sqlite3.Error) as error:
            raise SettingsError((f"--spool: {folder} cannot be used: {_reason(error)}",)) from error

    def close(self) -> None:
        """Lets go of the file."""
        self._database.close()

    def reply_to(self, key: Key) -> bytes | None:
        """What the same message was answered; None when it has not been."""
        row = self._run(
            "SELECT reply FROM answer WHERE sender = ? AND control_id = ? AND digest = ?",
            (key.sender, key.control_id, key.digest),
        ).fetchone()
        return None if row is None else bytes(row[0])

    def keep(self, key: Key, reply: bytes, onward: bytes | None) -> bytes:
        """What the message is answered, once it is on disk with what goes onward: the first that was kept of it."""
        done = None if onward is not None else self._clock()
        self._run(
            "INSERT INTO answer (sender, control_id, digest, reply, onward, answered, done) "
            "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (sender, control_id, digest) DO NOTHING",
            (key.sender, key.control_id, key.digest, reply, onward, self._clock(), done),
        )
        kept = self.reply_to(key)
        assert kept is not None
        return kept

    def next_waiting(self) -> Waiting | None:
        """The oldest answer that is still to be sent on."""
        row = self._run(
            "SELECT number, onward FROM answer WHERE done IS NULL AND refused = 0 ORDER BY number LIMIT 1"
        ).fetchone()
        return None if row is None else Waiting(row[0], bytes(row[1]))

    def waiting(self) -> int:
        """How many answers are still to be sent on."""
        return int(self._run("SELECT count(*) FROM answer WHERE done IS NULL AND refused = 0").fetchone()[0])

    def refused(self) -> int:
        """How many answers their receiver refused for good."""
        return int(self._run("SELECT count(*) FROM answer WHERE refused = 1").fetchone()[0])

    def sent(self, number: int) -> None:
        """Notes that an answer was accepted by its receiver."""
        self._run("UPDATE answer SET done = ? WHERE number = ?", (self._clock(), number))

    def refuse(self, number: int) -> None:
        """Notes that the receiver will never take an answer as it is; it stays, and those behind it go on."""
        self._run("UPDATE answer SET refused = 1 WHERE number = ?", (number,))

    def wait_again(self) -> int:
        """Lets those that were refused wait again, in their order; how many there are."""
        return self._run("UPDATE answer SET refused = 0 WHERE refused = 1").rowcount

    def forget(self, older_than_s: float) -> int:
        """Removes what was done with so long ago, its bytes overwritten; how many answers that were."""
        return self._run("DELETE FROM answer WHERE done < ?", (self._clock() - older_than_s,)).rowcount

    def _run(self, statement: str, values: tuple[object, ...] = ()) -> sqlite3.Cursor:
        try:
            return self._database.execute(statement, values)
        except sqlite3.Error as error:
            raise SpoolError(_reason(error)) from error


def _opened(file: Path) -> sqlite3.Connection:
    # Each statement is a transaction of its own; used by one thread at a time, not always the same.
    database = sqlite3.connect(file, timeout=0, isolation_level=None, check_same_thread=False)
    try:
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("PRAGMA secure_delete = ON")
        database.executescript(_SCHEMA)
        # Takes the lock now, where nothing was to be made.
        database.execute("UPDATE answer SET refused = refused WHERE number = 0")
    except sqlite3.Error:
        database.close()
        raise
    return database


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or "it cannot be opened"
    if "locked" in str(error):
        return "another process uses it"
    return str(error)
