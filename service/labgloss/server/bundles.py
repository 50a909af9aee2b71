"""FhirService: a Bundle read into a panel, interpreted as any panel, and answered with a Bundle."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from labgloss.errors import AnswerTooLargeError, RequestError, Violation
from labgloss.knowledge.release import Release
from labgloss.server.handlers import Answer, Deadline, InterpretationHandlers, parsed, serialised
from labgloss.server.settings import Settings
from labgloss.v1 import fhir_pb2
from labgloss.wire import times

# Of an answer, the report with its trace may be so much: a fifth.
_PARTS = 5

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


class BundleHandlers:
    """The methods of FhirService over one release. The clock is asked where a caller does not say the time itself."""

    def __init__(
        self, release: Release, interpretation: InterpretationHandlers, settings: Settings, clock: Clock = utc_now
    ) -> None:
        self._release = release
        self._interpretation = interpretation
        self._settings = settings
        self._clock = clock

    def interpret_bundle(self, body: bytes, deadline: Deadline) -> Answer:
        """Answers InterpretBundle."""
        # Only here: it takes a tenth of a start to import, and many a server is never sent a Bundle.
        from labgloss.fhir.answer import answer_bundle
        from labgloss.fhir.reading import read_panel

        limit = self._settings.core_bytes
        request = parsed(fhir_pb2.InterpretBundleRequest, body, limit, "send the last draws of one patient")
        if not request.bundle:
            raise RequestError((Violation("bundle", "REQUIRED", "the Bundle to interpret is needed"),))
        recorded = self._recorded(request)
        read = read_panel(request, self._release, recorded)
        deadline()
        try:
            report, decision = self._interpretation.report(read.panel, "panel")
        except RequestError as error:
            raise read.in_terms_of_the_bundle(error) from None
        response = fhir_pb2.InterpretBundleResponse(
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
        deadline()
        if request.answer_type != fhir_pb2.BUNDLE_TYPE_NONE:
            # As JSON in base64 the report is some three times as large as it is here, where it stands as well.
            traced = report.ByteSize() <= limit // _PARTS
            response.bundle = answer_bundle(read, report, self._release, recorded, request.answer_type, traced)
        if (size := response.ByteSize()) > limit:
            raise AnswerTooLargeError(size, limit)
        return Answer(serialised(response), (decision,))

    def _recorded(self, request: fhir_pb2.InterpretBundleRequest) -> datetime:
        if not request.recorded:
            return self._clock()
        found = times.collected(request.recorded)
        if found is None or found.instant is None:
            description = 'RFC 3339 with its offset is needed, such as "2026-01-15T08:30:00+01:00", or nothing'
            raise RequestError((Violation("recorded", "BAD_FORM", description),))
        return found.instant
