"""Files and folders that settings and flags name, of which whatever is wrong is an OSError that says why."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


def content_of(file: Path, most_bytes: int = -1) -> bytes:
    """What a file holds, up to so many bytes.

    Raises OSError, also for what is no file on a disk: a server reads it again, waits for nobody who might write to it,
    and takes no folder or device for it.
    """
    # Looked at before it is opened, which of a pipe would wait.
    mode = _status(file).st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is no file on a disk, such as a pipe, which can be read once only")
    with file.open("rb") as opened:
        return opened.read(most_bytes)


def is_folder(path: Path) -> bool:
    """Whether it is a folder; not where there is nothing. Raises OSError where nobody may look, or no name is so."""
    try:
        return stat.S_ISDIR(_status(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def is_listed(path: Path) -> bool:
    """As `is_folder`; raises OSError too when the files of the folder cannot be listed, which a search passes over."""
    if not is_folder(path):
        return False
    os.scandir(path).close()
    return True


def _status(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except ValueError:
        # Such as one with a character that no name has.
        raise OSError(errno.EINVAL, "it is not the name of a file") from None
