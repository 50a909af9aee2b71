"""A value made from files, made anew when they change while the server runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Generic, Protocol, TypeVar

from labgloss.errors import SettingsError


class FromFiles(Protocol):
    """What was made from files, and knows from which."""

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that were read."""


ValueT = TypeVar("ValueT", bound=FromFiles)
Stamp = tuple[tuple[int, int, int] | None, ...]


class Watched(Generic[ValueT]):
    """The newest value that could be made: a faulty one is refused, and the one before it kept.

    Args:
        value: the first one.
        make: the next one; raises SettingsError.
        loaded: told of each new one.
        kept: told, once for each text, of the faults for which a new one was refused.
        every_s: seconds for which a look at the files holds.
    """

    def __init__(
        self,
        value: ValueT,
        make: Callable[[], ValueT],
        loaded: Callable[[ValueT], None],
        kept: Callable[[tuple[str, ...]], None],
        every_s: float = 0.0,
    ) -> None:
        self._value = value
        self._make = make
        self._loaded = loaded
        self._kept = kept
        self._every_s = every_s
        self._look_at = 0.0
        # None: the next look makes it anew, because files may have changed between being read and being watched.
        self._stamp: Stamp | None = None
        self._faults: tuple[str, ...] = ()
        self._lock = Lock()

    def current(self) -> ValueT:
        """The value now; it costs a look at the files' times and sizes at most. Never raises."""
        if time.monotonic() >= self._look_at and self._lock.acquire(blocking=False):
            try:
                self._look()
            finally:
                self._lock.release()
        return self._value

    def _look(self) -> None:
        self._look_at = time.monotonic() + self._every_s
        # Taken before the files are read: what is written meanwhile is seen at the next look.
        stamp = _stamp(self._value.files)
        # While faulty it is tried at each look: what mends it may be a file that the kept value does not know.
        if stamp == self._stamp and not self._faults:
            return
        self._stamp = stamp
        try:
            value = self._make()
        except SettingsError as error:
            if error.faults != self._faults:
                self._faults = error.faults
                self._kept(error.faults)
            return
        self._faults = ()
        if value != self._value:
            if value.files != self._value.files:
                self._stamp = None
            self._value = value
            self._loaded(value)


def _stamp(files: tuple[Path, ...]) -> Stamp:
    return tuple(map(_stamp_of, files))


def _stamp_of(file: Path) -> tuple[int, int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
