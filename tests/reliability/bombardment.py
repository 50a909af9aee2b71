"""What a process of its own does for R4: draws messages by a seed, gives them to the handlers, and counts what came."""

from __future__ import annotations

import resource
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import NoReturn

from labgloss.domain.panel import Panel as DecodedPanel
from labgloss.domain.report import Report
from labgloss.engine.interpret import interpret
from labgloss.errors import CallError
from labgloss.knowledge.loader import load
from labgloss.knowledge.release import Release
from labgloss.server.handlers import Answer, InterpretationHandlers, KnowledgeHandlers
from labgloss.server.settings import Settings
from tests.reliability import messages

# By the caller's fault, all of them.
REFUSALS = frozenset(
    {"MALFORMED_MESSAGE", "INVALID_FIELDS", "MESSAGE_TOO_LARGE", "RELEASE_NOT_LOADED", "RULE_NOT_FOUND"}
)
# How many messages before are bent, and every which answer is asked for twice.
_SOURCES, _AGAIN = 400, 20


@dataclass
class Counts:
    """What was sent, and what came: OK or a reason; a defect is anything else, with what meets it in hex."""

    panels: int = 0
    bent: int = 0
    bytes_changed: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    differing: int = 0
    slowest_ms: float = 0.0
    resident_growth_mb: float = 0.0
    defects: list[str] = field(default_factory=list)

    def add(self, other: Counts) -> None:
        """Counts what another process sent as well."""
        self.panels += other.panels
        self.bent += other.bent
        self.bytes_changed += other.bytes_changed
        self.ended += other.ended
        self.differing += other.differing
        self.slowest_ms = max(self.slowest_ms, other.slowest_ms)
        self.resident_growth_mb = max(self.resident_growth_mb, other.resident_growth_mb)
        self.defects += other.defects


def bombard(seed: int, panels: int, bytes_changed: int, defective: bool = False) -> Counts:
    """Sends so many drawn panels, then bent messages until so many bytes were changed."""
    random, counts = Random(seed), Counts()
    methods = _methods(defective)
    sources: list[bytes] = []
    warm = panels // 10
    while counts.panels < panels:
        drawn = messages.panel(random, wild=counts.panels % 2 == 1)
        body = messages.unary(drawn)
        _send(counts, methods["InterpretPanel"], body, again=counts.panels % _AGAIN == 0)
        counts.panels += 1
        if len(sources) < _SOURCES:
            sources.append(body)
        if counts.panels == warm:
            before = _peak_kib()
    while counts.bytes_changed < bytes_changed:
        body, changed = messages.bent(random, random.choice(sources))
        # A request of one panel and a batch of one are the same bytes.
        name = random.choice(("InterpretPanel", "InterpretPanel", "BatchInterpretPanels", "StreamInterpretPanels"))
        if counts.bent % 10 == 0:
            name, whole = messages.knowledge(random)
            body, changed = messages.bent(random, whole)
        _send(counts, methods[name], body, again=False)
        counts.bent += 1
        counts.bytes_changed += changed
    counts.resident_growth_mb = (_peak_kib() - before) / 1024 if warm else 0.0
    return counts


def _send(counts: Counts, call: Callable[[bytes], Answer], body: bytes, again: bool) -> None:
    started = time.thread_time()
    ended = _ended(call, body)
    counts.slowest_ms = max(counts.slowest_ms, (time.thread_time() - started) * 1_000)
    name = ended if isinstance(ended, str) else "OK"
    counts.ended[name] += 1
    if name != "OK" and name not in REFUSALS:
        counts.defects.append(f"{name} {body.hex()}")
    if again and ended != _ended(call, body):
        counts.differing += 1


def _ended(call: Callable[[bytes], Answer], body: bytes) -> bytes | str:
    """The answer, the reason of a refusal, or the type of a defect."""
    try:
        return call(body).body
    except CallError as error:
        return error.reason
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
        return type(error).__name__


def _methods(defective: bool) -> dict[str, Callable[[bytes], Answer]]:
    release = load()
    handlers = InterpretationHandlers(release, _defective if defective else interpret, Settings(), _raise)
    return {
        "InterpretPanel": handlers.interpret_panel,
        "BatchInterpretPanels": lambda body: handlers.batch(body, lambda: None),
        "StreamInterpretPanels": lambda body: handlers.stream_message(body, lambda: None),
        **KnowledgeHandlers(release, Settings()).methods,
    }


def _raise(error: BaseException) -> NoReturn:
    raise error


def _defective(release: Release, panel: DecodedPanel) -> Report:
    """The control: an engine that breaks on one thing in some hundred panels."""
    if any(result.value == "٣" for result in panel.results):
        raise KeyError("control")
    return interpret(release, panel)


def _peak_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
