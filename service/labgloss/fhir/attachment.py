"""The canonical report as the JSON that is attached to a DiagnosticReport.

The text is protobuf's own for the whole report. Of three hundred messages in it all but fifty are sources and steps of
the trace, which a release says again and again; each of these is put into JSON once and kept.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Final

from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message

from labgloss.engine.kept import Kept
from labgloss.fhir.json_text import Object
from labgloss.v1 import report_pb2
from labgloss.wire.kept import KEPT

# Steps that say what the release says; others repeat a caller's values, words or ids, and are not kept.
_OF_RELEASE: Final = frozenset(
    ("plausibility", "interval", "band", "critical", "refusal", "caution", "finding", "pattern", "red_flag")
)
_LABORATORY: Final = "laboratory"
# In JSON, by their bytes; as many as the writer of reports keeps.
_SOURCES: Final[Kept[bytes, str]] = Kept(maxsize=KEPT)
_STEPS: Final[Kept[bytes, str]] = Kept(maxsize=KEPT)


def attachment(report: report_pb2.Report, traced: bool) -> Object:
    """An Attachment of the report; `traced`: with its trace."""
    data = base64.b64encode(canonical(report, traced).encode()).decode()
    title = "labgloss.v1.Report" if traced else "labgloss.v1.Report without its trace, for its size"
    return {"contentType": "application/json", "language": "en", "data": data, "title": title}


def canonical(report: report_pb2.Report, traced: bool) -> str:
    """The report as JSON, as protobuf's `MessageToJson` writes it on one line."""
    rest = report_pb2.Report()
    rest.CopyFrom(report)
    for name in ("sources", "trace"):
        rest.ClearField(name)
    # The last two fields of a report.
    sources = [_once(_SOURCES, each) for each in report.sources]
    steps = [_step(each) for each in report.trace] if traced else []
    fields = (_json(rest)[1:-1], _listed("sources", sources), _listed("trace", steps))
    return f"{{{', '.join(filter(None, fields))}}}"


def _listed(name: str, texts: Iterable[str]) -> str:
    joined = ", ".join(texts)
    return f'"{name}": [{joined}]' if joined else ""


def _step(step: report_pb2.TraceStep) -> str:
    of_release = step.step in _OF_RELEASE and step.rule_id != _LABORATORY
    return _once(_STEPS, step) if of_release else _json(step)


def _once(kept: Kept[bytes, str], message: Message) -> str:
    content = message.SerializeToString(deterministic=True)
    found = kept.get(content)
    return kept.put(content, _json(message)) if found is None else found


def _json(message: Message) -> str:
    return MessageToJson(message, preserving_proto_field_name=True, ensure_ascii=False, indent=None)
