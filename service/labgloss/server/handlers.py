"""Requests to answers, bytes in and bytes out; knows nothing of gRPC. Raises CallError for a refused call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from labgloss.domain import panel as domain_panel
from labgloss.domain import report as domain_report
from labgloss.errors import (
    AnswerTooLargeError,
    CallError,
    DeadlineExceededError,
    InternalError,
    MalformedMessageError,
    MessageTooLargeError,
    RequestError,
    Violation,
    without_frames,
)
from labgloss.evidence.call import Decision
from labgloss.frozen import dataclass
from labgloss.knowledge.release import Release
from labgloss.server.settings import Settings
from labgloss.v1 import interpretation_pb2, knowledge_pb2, panel_pb2, report_pb2
from labgloss.wire.decode import decode_panel
from labgloss.wire.encode import encode_report
from labgloss.wire.knowledge import Knowledge
from labgloss.wire.rules import rules_of
from labgloss.wire.status import item_error_of
from labgloss.wire.written import ReportWriter, answer_of, answer_of_outcomes, outcome_of

Request = TypeVar("Request", bound=Message)
Interpret = Callable[[Release, domain_panel.Panel], domain_report.Report]
# Raises when nobody waits for the answer any more: DeadlineExceededError, or what its adapter knows.
Deadline = Callable[[], None]
# Logs a defect, by its type only, and gives the error that names it.
OnDefect = Callable[[BaseException], InternalError]

# interpretation.proto, BatchInterpretPanelsRequest.panels.
PANELS_LIMIT = 100
# What is kept free of an answer for each panel beside its id: its refusal, and what frames it.
_REFUSAL_BYTES = 1_024


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one message, and what was decided in it of each panel; `refused`: nothing, and why."""

    body: bytes
    decisions: tuple[Decision, ...] = ()
    refused: CallError | None = None


class InterpretationHandlers:
    """The methods of InterpretationService over one release."""

    def __init__(self, release: Release, interpret: Interpret, settings: Settings, on_defect: OnDefect) -> None:
        self._release = release
        self._interpret = interpret
        self._settings = settings
        self._on_defect = on_defect
        self._writer = ReportWriter(release)
        self._known_rules = frozenset(rule.id for rule in rules_of(release))

    def interpret_panel(self, body: bytes) -> Answer:
        """Answers InterpretPanel."""
        mend = "send fewer results, or several panels"
        request = parsed(interpretation_pb2.InterpretPanelRequest, body, self._settings.unary_bytes, mend)
        if not request.HasField("panel"):
            raise RequestError((Violation("panel", "REQUIRED", "the panel to interpret is needed"),))
        report, decision = self._decided(request.panel, "panel")
        answer = answer_of(report)
        limit = self._settings.core_bytes
        if len(answer) > limit:
            raise AnswerTooLargeError(len(answer), limit)
        return Answer(answer, (decision,))

    def batch(self, body: bytes, deadline: Deadline) -> Answer:
        """Answers BatchInterpretPanels: each panel has its own outcome, in the order sent."""
        mend = "send fewer panels in one message"
        request = parsed(interpretation_pb2.BatchInterpretPanelsRequest, body, self._settings.batch_bytes, mend)
        outcomes, decisions = self._outcomes(request.panels, deadline)
        return Answer(answer_of_outcomes(outcomes), decisions)

    def stream_message(self, body: bytes, deadline: Deadline) -> Answer:
        """Answers one message of a stream. One that is refused as a whole is told why, and the stream goes on."""
        mend = "send fewer panels in one message"
        try:
            request = parsed(interpretation_pb2.StreamInterpretPanelsRequest, body, self._settings.batch_bytes, mend)
            outcomes, decisions = self._outcomes(request.panels, deadline)
        except DeadlineExceededError:
            raise
        except CallError as error:
            refused = interpretation_pb2.StreamInterpretPanelsResponse(error=item_error_of(error))
            return Answer(serialised(refused), refused=without_frames(error))
        return Answer(answer_of_outcomes(outcomes), decisions)

    def _outcomes(
        self, panels: Sequence[panel_pb2.Panel], deadline: Deadline
    ) -> tuple[list[bytes], tuple[Decision, ...]]:
        """An outcome for each panel, and what was decided.

        The answer never grows beyond what clients take: from the first report that does not fit, all are refused.
        """
        _check_count(panels)
        outcomes: list[bytes] = []
        decisions: list[Decision] = []
        limit = self._settings.core_bytes
        size = sum(_REFUSAL_BYTES + len(panel.id.encode()) for panel in panels)
        for position, panel in enumerate(panels):
            deadline()
            if size <= limit:
                outcome, decision = self._outcome(panel, f"panels[{position}]")
                size += len(outcome)
            if size > limit:
                outcome, decision = _refused(panel, AnswerTooLargeError(size, limit))
            outcomes.append(outcome)
            decisions.append(decision)
        return outcomes, tuple(decisions)

    def _outcome(self, panel: panel_pb2.Panel, path: str) -> tuple[bytes, Decision]:
        try:
            report, decision = self._decided(panel, path)
        except CallError as error:
            return _refused(panel, without_frames(error))
        except Exception as error:  # noqa: BLE001 - a defect that one panel meets must not cost the others their answers
            return _refused(panel, self._on_defect(without_frames(error)))
        return outcome_of(panel.id, report), decision

    def report(self, panel: panel_pb2.Panel, path: str) -> tuple[report_pb2.Report, Decision]:
        """The report of one panel that was sent under `path`, as a message, and what was decided in it."""
        report, decision = self._decided(panel, path)
        return report_pb2.Report.FromString(report), decision

    def _decided(self, panel: panel_pb2.Panel, path: str) -> tuple[bytes, Decision]:
        """The report of one panel as it is sent, and what was decided in it."""
        decoded = decode_panel(panel, path, self._release)
        report = self._interpret(self._release, decoded)
        # An entry of the report may be named by the caller's id; in the log only the release's own ids may stand.
        rule_ids = self._known_rules.intersection(_rule_ids(report))
        written = self._written(report, panel)
        return written, Decision(panel, written, rule_ids, tuple(_refusals(report)), report.urgency)

    def _written(self, report: domain_report.Report, panel: panel_pb2.Panel) -> bytes:
        if self._release.compiled:
            return self._writer.written(report, panel)
        return serialised(encode_report(report, panel, self._release))


class KnowledgeHandlers:
    """The methods of KnowledgeService over one release, by name."""

    def __init__(self, release: Release, settings: Settings) -> None:
        knowledge = Knowledge(release)
        limit = settings.unary_bytes
        self.methods: Mapping[str, Callable[[bytes], Answer]] = MappingProxyType(
            {
                "GetRelease": _method(knowledge_pb2.GetReleaseRequest, knowledge.get_release, limit),
                "ListAnalytes": _method(knowledge_pb2.ListAnalytesRequest, knowledge.list_analytes, limit),
                "ListReferenceIntervals": _method(
                    knowledge_pb2.ListReferenceIntervalsRequest, knowledge.list_reference_intervals, limit
                ),
                "ListRules": _method(knowledge_pb2.ListRulesRequest, knowledge.list_rules, limit),
                "GetRule": _method(knowledge_pb2.GetRuleRequest, knowledge.get_rule, limit),
                "ListSymptoms": _method(knowledge_pb2.ListSymptomsRequest, knowledge.list_symptoms, limit),
                "ListSources": _method(knowledge_pb2.ListSourcesRequest, knowledge.list_sources, limit),
            }
        )


def _method(kind: type[Request], answer: Callable[[Request], Message], limit: int) -> Callable[[bytes], Answer]:
    return lambda body: Answer(serialised(answer(parsed(kind, body, limit, "send the fields of the schema only"))))


def parsed(kind: type[Request], body: bytes, limit: int, mend: str) -> Request:
    """The message that the bytes are. Raises MessageTooLargeError before parsing, and MalformedMessageError."""
    if len(body) > limit:
        raise MessageTooLargeError(len(body), limit, mend)
    try:
        message = kind.FromString(body)
    except DecodeError:
        raise MalformedMessageError from None
    # What this version does not know is not read, so it is not repeated in a report either.
    message.DiscardUnknownFields()
    return message


def serialised(message: Message) -> bytes:
    """The message as bytes, the same for the same message."""
    return message.SerializeToString(deterministic=True)


def _refused(panel: panel_pb2.Panel, error: CallError) -> tuple[bytes, Decision]:
    outcome = interpretation_pb2.PanelOutcome(panel_id=panel.id, error=item_error_of(error))
    return serialised(outcome), Decision(panel, error=error)


def _check_count(panels: Sequence[panel_pb2.Panel]) -> None:
    """Raises RequestError unless a batch or stream message holds 1 to 100 panels."""
    if not panels:
        raise RequestError((Violation("panels", "REQUIRED", f"1 to {PANELS_LIMIT} panels are needed"),))
    if len(panels) > PANELS_LIMIT:
        description = f"at most {PANELS_LIMIT} panels are allowed; send several messages"
        raise RequestError((Violation("panels", "TOO_MANY", description),))


def _refusals(report: domain_report.Report) -> Iterable[str]:
    """The reason of each result that was refused."""
    return (result.refusal_reason.value for result in report.results if result.refusal_reason is not None)


def _rule_ids(report: domain_report.Report) -> set[str]:
    return set().union(
        *[result.rule_ids for result in report.results],
        [finding.rule_id for finding in report.findings],
        [pattern.id for pattern in report.patterns],
        [flag.id for flag in report.red_flags],
        *[recommendation.rule_ids for recommendation in report.recommendations],
    )
