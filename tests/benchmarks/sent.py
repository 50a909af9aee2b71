"""What is sent: the sample panels, each time under another id, so that no request comes twice."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from itertools import count, islice
from pathlib import Path

from labgloss.panels.reader import read_panels
from labgloss.panels.shipped import sample_panels_folder
from labgloss.server.app import options_of
from labgloss.server.settings import Settings
from labgloss.v1.interpretation_pb2 import (
    BatchInterpretPanelsRequest,
    InterpretPanelRequest,
    StreamInterpretPanelsRequest,
)
from labgloss.v1.panel_pb2 import Panel
from tests.benchmarks.server_process import AGE_SECONDS, METHOD, ServerProcess, python_command

LEAST = 64
THE_FOUR_LIBRARIES = ("grpc", "google.protobuf.message", "pydantic", "structlog")


class Panels:
    """Sample panels that differ by more than their id: so many, spread over all files.

    Whatever is made begins with the first of them again, so that every turn has the same panels, under ids of its own.
    """

    def __init__(self, limit: int) -> None:
        found: dict[bytes, Panel] = {}
        for case in read_panels([sample_panels_folder()]):
            panel = Panel()
            panel.CopyFrom(case.panel)
            panel.id = ""
            found.setdefault(panel.SerializeToString(), panel)
        every = list(found.values())
        self._panels = [every[place * len(every) // limit] for place in range(min(limit, len(every)))]
        if len(self._panels) < LEAST:
            raise ValueError(f"{len(self._panels)} distinct sample panels are too few; at least {LEAST} are needed")
        self._numbers = count()

    def __len__(self) -> int:
        return len(self._panels)

    def fixed(self) -> tuple[bytes, ...]:
        """Each once, under ids of their own that stay: for a server that has to know the answers."""
        return tuple(_unary(panel, f"f{number:09d}") for number, panel in enumerate(self._panels))

    def fresh(self, calls: int) -> list[bytes]:
        """So many requests, none of which was made before; as long as the fixed ones, and so are the answers."""
        return [_unary(panel, ident) for panel, ident in self._named(calls)]

    def batches(self, calls: int, panels: int) -> list[bytes]:
        """So many requests of BatchInterpretPanels with so many panels each."""
        named = self._named(calls * panels)
        return [_several(BatchInterpretPanelsRequest(), islice(named, panels)) for _ in range(calls)]

    def stream(self, messages: int, panels: int) -> list[bytes]:
        """So many messages of StreamInterpretPanels with so many panels each."""
        named = self._named(messages * panels)
        return [_several(StreamInterpretPanelsRequest(), islice(named, panels)) for _ in range(messages)]

    def _named(self, wanted: int) -> Iterator[tuple[Panel, str]]:
        for place in range(wanted):
            yield self._panels[place % len(self._panels)], f"r{next(self._numbers):09d}"


def _unary(panel: Panel, ident: str) -> bytes:
    named = InterpretPanelRequest(panel=panel)
    named.panel.id = ident
    return named.SerializeToString()


def _several(
    request: BatchInterpretPanelsRequest | StreamInterpretPanelsRequest, named: Iterable[tuple[Panel, str]]
) -> bytes:
    for panel, ident in named:
        added = request.panels.add()
        added.CopyFrom(panel)
        added.id = ident
    return request.SerializeToString()


def do_nothing(
    file: Path, requests: Sequence[bytes], answers: Sequence[bytes], imports: Sequence[str] = ()
) -> tuple[str, ...]:
    """What starts a server that gives these answers on the service's stack; the file tells it which."""
    settings = Settings(connection_age_seconds=AGE_SECONDS)
    pairs = zip(requests, answers, strict=True)
    told = {
        "method": METHOD,
        "imports": list(imports),
        "threads": settings.threads,
        "options": options_of(settings),
        "answers": {b64encode(request).decode(): b64encode(answer).decode() for request, answer in pairs},
    }
    file.write_text(json.dumps(told))
    return python_command("do_nothing.py", str(file))


def check_answers(server: ServerProcess, requests: Sequence[bytes], answers: Sequence[bytes]) -> None:
    """Nothing. Raises ValueError unless the server answers every request with the very same bytes."""
    differing = sum(server.answer(request) != answer for request, answer in zip(requests, answers, strict=True))
    if differing:
        raise ValueError(f"{differing} of {len(requests)} answers are not the same bytes: nothing can be compared")
