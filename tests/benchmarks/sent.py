"""What is sent: sample panels with other numbers, symptoms and ids each time, so that nothing that was kept of an
earlier request answers a later one."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import count, islice
from pathlib import Path
from random import Random

from labgloss.knowledge.loader import load
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
_DIGITS = re.compile(r"[0-9]+(?:\.[0-9]+)?")
THE_FOUR_LIBRARIES = ("grpc", "google.protobuf.message", "pydantic", "structlog")


class Panels:
    """Sample panels that differ by more than their id: so many, spread over all files.

    Whatever is made begins with the first of them again, so that turns are alike; but each time their numbers are
    others by up to a thirtieth, and half of them have one symptom more.
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
        self._symptoms = sorted(load().symptoms)

    def __len__(self) -> int:
        return len(self._panels)

    def fixed(self) -> tuple[bytes, ...]:
        """Each once, under ids of their own that stay: for a server that has to know the answers."""
        return tuple(_unary(panel, f"f{number:09d}") for number, panel in enumerate(self._panels))

    def fresh(self, calls: int) -> list[bytes]:
        """So many requests, none of which was made before; about as long as the fixed ones, and so are the answers."""
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
            number = next(self._numbers)
            yield self._varied(self._panels[place % len(self._panels)], Random(number)), f"r{number:09d}"

    def _varied(self, panel: Panel, random: Random) -> Panel:
        varied = Panel()
        varied.CopyFrom(panel)
        for result in varied.results:
            if _DIGITS.fullmatch(result.value):
                value = Decimal(result.value)
                result.value = str((value * random.randint(967, 1033) / 1000).quantize(value))
        if random.random() < 0.5:
            varied.symptoms.add(id=random.choice(self._symptoms))
        return varied


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
