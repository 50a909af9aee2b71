"""No garbage is looked for while what stays is made: it takes a tenth of a start, and finds none."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def not_collecting() -> Iterator[None]:
    """Inside, nothing is collected; afterwards as before."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def keep_all() -> None:
    """What is there now stays, and is not looked through again."""
    gc.freeze()
