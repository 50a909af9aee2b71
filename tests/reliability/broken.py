"""The service with one thing broken on purpose: the negative controls of this suite, and nothing else, start it.

    python -m tests.reliability.broken BREAK serve ...

Each break replaces one name of one module before the command runs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from labgloss.cli import main
from labgloss.server import handlers


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


BREAKS: Mapping[str, Callable[[], None]] = MappingProxyType({"leak_memory": leak_memory})


if __name__ == "__main__":
    BREAKS[sys.argv[1]]()
    sys.exit(main(sys.argv[2:]))
