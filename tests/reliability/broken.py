"""The service with one thing broken on purpose: the negative controls of this suite, and nothing else, start it.

    python -m tests.reliability.broken BREAK serve ...

Each break replaces one name of one module before the command runs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import Any

from labgloss.cli import main
from labgloss.server import app, arrival, handlers


def _replace_around(module: Any, name: str, around: Callable[..., Any]) -> None:
    """Puts `around(original, *arguments)` in the place of a function of a module."""
    original = getattr(module, name)
    setattr(module, name, lambda *arguments, **keywords: around(original, *arguments, **keywords))


def leak_memory() -> None:
    """Keeps 64 bytes of every request."""
    kept: list[bytes] = []

    def decode(original: Any, panel: Any, *rest: Any) -> Any:
        kept.append(bytes(64))
        return original(panel, *rest)

    _replace_around(handlers, "decode_panel", decode)


def unbounded_core() -> None:
    """gRPC's core with its default options."""
    _replace_around(app, "options_of", lambda _, *__: [])


def threads_wait_for_messages() -> None:
    """gRPC's own way: a call takes a thread with its headers."""
    arrival.ArrivedPool.submit = ThreadPoolExecutor.submit  # type: ignore[method-assign, assignment]


BREAKS: Mapping[str, Callable[[], None]] = MappingProxyType(
    {each.__name__: each for each in (leak_memory, unbounded_core, threads_wait_for_messages)}
)


if __name__ == "__main__":
    BREAKS[sys.argv[1]]()
    sys.exit(main(sys.argv[2:]))
