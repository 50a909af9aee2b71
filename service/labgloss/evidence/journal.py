"""Where records go, one after the other: to standard output, or to files of a folder.

One line is one write, so that a process that dies leaves at most its last line torn. Nothing is synced to the disk line
by line: what a power failure takes from the end, the head that was exported tells.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Protocol

from labgloss.errors import SettingsError
from labgloss.evidence.chain import END, FILE, FRAME_BYTES, NOTHING_BEFORE, START, body_of, sealed
from labgloss.files import is_folder
from labgloss.frozen import dataclass
from labgloss.output import OneAtATime, Output

# How long a record waits for whoever reads standard output; then its call is refused.
READER_SECONDS = 1.0
# The body of the record that ends a chain, at most.
_END_BYTES = 100


class Sink(Protocol):
    """Takes lines."""

    def is_full(self, size: int) -> bool:
        """Whether a line of this size goes to another file."""

    def turn(self) -> None:
        """Goes on in another file."""

    def write(self, line: bytes) -> None:
        """Writes a line whole. Raises OSError when it is not; then it does not count."""

    def close(self) -> None:
        """Nothing more comes."""


@dataclass(frozen=True, slots=True)
class Head:
    """How far a chain has come: the hash of its last record, and how many there are."""

    chain: str
    hash: str
    records: int


class Journal:
    """One chain of records: of one worker, from its start to its end. The first record is its header.

    `on_head` is told the head at the start, at each new file and at the end.
    """

    def __init__(
        self,
        chain: str,
        sink: Sink,
        header: Mapping[str, object],
        on_head: Callable[[Head], None] = lambda _: None,
    ) -> None:
        self._sink = sink
        self._header = header
        self._on_head = on_head
        self._lock = Lock()
        self._files = 1
        self._closed = False
        self.head = Head(chain, NOTHING_BEFORE, 0)
        self._headless = False
        self._write(body_of(START, {"time": now(), **header}))
        on_head(self.head)

    def append(self, bodies: Sequence[bytes]) -> str:
        """The id of the first of these records, once all are written one after the other. Raises OSError."""
        with self._lock:
            if self._closed:
                raise OSError(errno.EPIPE, "the journal is closed")
            first = ""
            for body in bodies:
                self._make_room(len(body))
                ident = self._write(body)
                first = first or ident
            return first

    def close(self) -> None:
        """Writes the record that ends the chain."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            # The head is told also when this is not written: it is that of the last record that was.
            with suppress(OSError):
                self._make_room(_END_BYTES)
                self._write(body_of(END, {"time": now(), "records": self.head.records + 1}))
            self._sink.close()
            self._on_head(self.head)

    def _make_room(self, size: int) -> None:
        if self._headless or self._sink.is_full(size + FRAME_BYTES):
            self._turn()

    def _turn(self) -> None:
        if not self._headless:
            self._sink.turn()
            self._files += 1
        # Each file says of itself what chain it belongs to, and by what it hangs on the one before; when this cannot be
        # written, it is tried again before anything else is.
        self._headless = True
        self._write(body_of(FILE, {"time": now(), "file": self._files, **self._header}))
        self._headless = False
        self._on_head(self.head)

    def _write(self, body: bytes) -> str:
        head = self.head
        line, own = sealed(body, head.chain, head.records, head.hash)
        self._sink.write(line)
        self.head = Head(head.chain, own, head.records + 1)
        return f"{head.chain}-{head.records}"


class StandardOutput:
    """Records among the lines of the log, each on a line of its own. Of one that nobody reads the calls do not wait."""

    def __init__(self, lines: OneAtATime, descriptor: int = 1) -> None:
        self._lines = lines
        self._output = Output(descriptor)
        self._stalled = False

    def is_full(self, size: int) -> bool:  # noqa: ARG002 - whoever collects the output turns its files
        """Never."""
        return False

    def turn(self) -> None:
        """Nothing."""

    def write(self, line: bytes) -> None:
        """Writes a line, after a line break where one was torn. Where nobody reads, the first waits for a while."""
        with self._lines.hold(READER_SECONDS) as held:
            if not held:
                raise _nobody_reads()
            content = b"\n" + line if self._lines.torn else line
            written, error = self._output.write(content, 0.0 if self._stalled else READER_SECONDS)
            self._stalled = written < len(content)
            if written:
                self._lines.torn = content[written - 1 : written] != b"\n"
        if self._stalled:
            raise error or _nobody_reads()

    def close(self) -> None:
        """Nothing: the log goes on."""


def _nobody_reads() -> OSError:
    return TimeoutError(errno.ETIMEDOUT, "nobody reads standard output")


class Files:
    """Files of a folder that only this chain writes, each up to a size; a file is never opened again.

    `on_gone` is told once of one that somebody removed or moved away while it was written.
    """

    def __init__(self, folder: Path, name: str, limit: int, on_gone: Callable[[str], None] = lambda _: None) -> None:
        self._stem = folder / name
        self._limit = limit
        self._on_gone = on_gone
        self._told = False
        self._number = 0
        self._descriptor = -1
        self._size = 0
        self._torn = False
        self.turn()

    def is_full(self, size: int) -> bool:
        """Whether the file would grow beyond its limit, it holds one record at least; or it is not there any more."""
        return self._torn or self._size + size > self._limit or self._is_gone()

    def turn(self) -> None:
        """Goes on in the next file."""
        number = self._number + 1
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        path = self._path(number)
        descriptor = os.open(path, flags, 0o640)
        self.close()
        self._number, self._descriptor, self._size, self._torn = number, descriptor, 0, False
        self._file, self._told = _identity(path), False

    def _path(self, number: int) -> str:
        return f"{self._stem}-{number:06}.jsonl"

    def _is_gone(self) -> bool:
        """Whether no record would be found where it is written. A file that was removed takes them all the same."""
        path = self._path(self._number)
        if _identity(path) == self._file:
            return False
        if not self._told:
            self._told = True
            self._on_gone(path.rpartition("/")[2])
        return True

    def write(self, line: bytes) -> None:
        """Writes a line; a part that was written, as on a disk that is full, is taken back."""
        written = os.write(self._descriptor, line)
        if written == len(line):
            self._size += written
            return
        try:
            os.ftruncate(self._descriptor, self._size)
        except OSError:
            # What cannot be taken back stays the torn end of this file.
            self._torn = True
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def close(self) -> None:
        """Closes the file, once it is on the disk."""
        if self._descriptor >= 0:
            with suppress(OSError):
                os.fsync(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1


def _identity(path: str) -> tuple[int, int] | None:
    """What a file is, whatever its name; None when there is none. It costs some 2 microseconds."""
    try:
        found = os.stat(path)  # noqa: PTH116 - a Path costs as much again
    except OSError:
        return None
    return found.st_dev, found.st_ino


def check_folder(folder: Path) -> None:
    """Nothing. Raises SettingsError when files cannot be made in a folder."""
    try:
        reason = "" if is_folder(folder) else "it is no folder"
    except OSError as error:
        reason = error.strerror or type(error).__name__
    if reason:
        raise _not_written(str(folder), reason)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _not_written(str(folder), os.strerror(errno.EACCES))


def open_journal(
    folder: Path,
    limit: int,
    worker: int,
    header: Mapping[str, object],
    on_head: Callable[[Head], None],
    on_gone: Callable[[str], None] = lambda _: None,
) -> Journal:
    """A journal in files of a folder. Raises SettingsError when they cannot be written."""
    chain = _new_chain()
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-worker{worker}-{chain}"
    try:
        return Journal(chain, Files(folder, name, limit, on_gone), header, on_head)
    except OSError as error:
        raise _not_written(str(folder), error.strerror or type(error).__name__) from None


def journal_on(output: StandardOutput, header: Mapping[str, object], on_head: Callable[[Head], None]) -> Journal:
    """A journal on standard output. Raises SettingsError when it cannot be written."""
    try:
        return Journal(_new_chain(), output, header, on_head)
    except OSError as error:
        raise _not_written("-", error.strerror or type(error).__name__) from None


def _new_chain() -> str:
    return os.urandom(8).hex()


def _not_written(place: str, reason: str) -> SettingsError:
    mend = "give a folder that can be written, or - for standard output"
    return SettingsError((f"audit: records cannot be written to {place}: {reason}; {mend}",))


def now() -> str:
    """The time in UTC, to a millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
