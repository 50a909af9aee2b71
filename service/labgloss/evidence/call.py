"""What is known of one call and of what it decided: log, record, metrics and span are made of this."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import field

from google.protobuf.message import Message

from labgloss.domain.report import Urgency
from labgloss.errors import CallError
from labgloss.frozen import dataclass
from labgloss.knowledge.release import ReleaseReference

# grpc_type of go-grpc-prometheus.
UNARY = "unary"
STREAM = "bidi_stream"
ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided of one panel: a report, as the bytes that are sent, or an error in its place.

    `rule_ids` and `refusals` are words of the release; a reason stands there for each result that was refused.
    """

    panel: Message
    report: bytes | None = None
    rule_ids: frozenset[str] = frozenset()
    refusals: tuple[str, ...] = ()
    urgency: Urgency | None = None
    error: CallError | None = None


@dataclass(frozen=True, slots=True)
class Method:
    """A method that is served; `kind` is UNARY or STREAM."""

    service: str
    name: str
    kind: str = UNARY


@dataclass(slots=True)
class Call:
    """One call: who asks for what, and what came of it so far."""

    method: Method
    # Of the answer; of a stream, of its last one.
    release: ReleaseReference
    caller: str = ANONYMOUS
    # Of the header of W3C; empty when there was none.
    traceparent: str = ""
    started: float = field(default_factory=time.perf_counter)
    request_bytes: int = 0
    response_bytes: int = 0
    panels: int = 0
    rule_ids: set[str] = field(default_factory=set)
    # Id of the first record of the last answer; empty where none is kept.
    record: str = ""

    def add(self, body: bytes, decisions: Iterable[Decision]) -> None:
        """Counts an answer."""
        self.response_bytes += len(body)
        for decision in decisions:
            self.panels += 1
            self.rule_ids |= decision.rule_ids

    @property
    def seconds(self) -> float:
        """How long it has taken so far."""
        return time.perf_counter() - self.started
