"""The service with one thing broken on purpose: the negative controls of this suite, and nothing else, start it.

    python -m tests.reliability.broken BREAK serve ...

Each break replaces one name of one module before the command runs.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import Any

from labgloss.cli import main
from labgloss.errors import RequestError, Violation
from labgloss.evidence import journal
from labgloss.server import admission, app, arrival, handlers


def _replace_around(module: Any, name: str, around: Callable[..., Any]) -> None:
    """Puts `around(original, *arguments)` in the place of a function of a module."""
    original = getattr(module, name)
    setattr(module, name, lambda *arguments, **keywords: around(original, *arguments, **keywords))


def leak_memory() -> None:
    """Keeps 64 KiB of every panel."""
    kept: list[bytes] = []

    def decode(original: Any, panel: Any, *rest: Any) -> Any:
        kept.append(b"x" * 65_536)
        return original(panel, *rest)

    _replace_around(handlers, "decode_panel", decode)


def unbounded_core() -> None:
    """gRPC's core with its default options."""
    _replace_around(app, "options_of", lambda _, *__: [])


def threads_wait_for_messages() -> None:
    """gRPC's own way: a call takes a thread with its headers."""
    arrival.ArrivedPool.submit = ThreadPoolExecutor.submit  # type: ignore[method-assign, assignment]


def answers_before_it_lets_go() -> None:
    """Goes to the next call before gRPC has let go of the one that was answered."""
    admission.LET_GO_SECONDS = 0.0


def unbounded() -> None:
    """gRPC's core with its default options, and a queue without end."""
    unbounded_core()
    threads_wait_for_messages()
    admission.AdmittingPool.refuse = lambda *_: None  # type: ignore[method-assign]


def forgetful_journal() -> None:
    """Keeps nothing of one append in fifty, and says that it did."""
    count = 0

    def write(original: Any, sink: Any, line: bytes) -> None:
        nonlocal count
        count += 1
        if count % 50:
            original(sink, line)

    for kind in (journal.Files, journal.StandardOutput):
        _replace_around(kind, "write", write)


def tell_defects() -> None:
    """A defect for the panels that ask for one, whose text tells all of the panel: nobody may repeat it."""

    def decode(original: Any, panel: Any, *rest: Any) -> Any:
        if panel.source == "defect":
            raise ValueError(repr(panel))
        return original(panel, *rest)

    _replace_around(handlers, "decode_panel", decode)


def leak_to_stdout() -> None:
    """Prints a panel where the log goes, as a line of it."""
    _tell(lambda panel: print(json.dumps({"event": "call", "panel": panel.id}), flush=True))


def leak_to_stderr() -> None:
    """Prints a panel where tracebacks go."""
    _tell(lambda panel: print(panel.id, file=sys.stderr, flush=True))


def leak_to_status() -> None:
    """Repeats what was sent in a violation."""

    def refuse(panel: Any) -> None:
        raise RequestError((Violation("panel", "BAD_FORM", f"{panel.id} is wrong"),))

    _tell(refuse)


def _tell(tell: Callable[[Any], object]) -> None:
    def decode(original: Any, panel: Any, *rest: Any) -> Any:
        tell(panel)
        return original(panel, *rest)

    _replace_around(handlers, "decode_panel", decode)


BREAKS: Mapping[str, Callable[[], None]] = MappingProxyType(
    {
        each.__name__: each
        for each in (
            leak_memory,
            unbounded_core,
            threads_wait_for_messages,
            answers_before_it_lets_go,
            unbounded,
            forgetful_journal,
            tell_defects,
            leak_to_stdout,
            leak_to_stderr,
            leak_to_status,
        )
    }
)


if __name__ == "__main__":
    BREAKS[sys.argv[1]]()
    sys.exit(main(sys.argv[2:]))
