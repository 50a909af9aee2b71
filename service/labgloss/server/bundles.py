"""FhirService: a Bundle read into a panel, interpreted as any panel, and answered with a Bundle."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from labgloss.errors import AnswerTooLargeError, RequestError, Violation
from labgloss.fhir.answer import answer_bundle
from labgloss.fhir.reading import read_panel
from labgloss.server.handlers import Answer, Deadline, InterpretationHandlers, parsed, serialised
from labgloss.server.settings import Settings
from labgloss.v1 import fhir_pb2

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


class BundleHandlers:
    """The methods of FhirService over one release. The clock is asked where a caller does not say the time itself."""

    def __init__(self, interpretation: InterpretationHandlers, settings: Settings, clock: Clock = utc_now) -> None:
        self._interpretation = interpretation
        self._settings = settings
        self._clock = clock

    def interpret_bundle(self, body: bytes, deadline: Deadline) -> Answer:
        """Answers InterpretBundle."""
        limit = self._settings.core_bytes
        request = parsed(fhir_pb2.InterpretBundleRequest, body, limit, "send the last draws of one patient")
        if not request.bundle:
            raise RequestError((Violation("bundle", "REQUIRED", "the Bundle to interpret is needed"),))
        read = read_panel(request)
        deadline()
        report, decision = self._interpretation.report(read.panel, "panel")
        recorded = request.recorded or self._clock().isoformat(timespec="seconds")
        response = fhir_pb2.InterpretBundleResponse(
            bundle=answer_bundle(read, report, recorded),
            report=report,
            panel=read.panel,
            issues=[
                fhir_pb2.BundleIssue(
                    severity=fhir_pb2.IssueSeverity.Value(f"ISSUE_SEVERITY_{issue.severity.name}"),
                    code=issue.code,
                    path=issue.path,
                    text=issue.text,
                )
                for issue in read.issues
            ],
        )
        if (size := response.ByteSize()) > limit:
            raise AnswerTooLargeError(size, limit)
        return Answer(serialised(response), (decision,))
