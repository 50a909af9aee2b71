"""Everything that a report says in words."""

from __future__ import annotations

import re
from collections.abc import Iterator

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from labgloss.v1.report_pb2 import Report

# The fields that hold words of the release. What the caller sent (as_sent) and what is cited are not its words.
_WORDS = frozenset(
    {
        "explanation",
        "intended_use",
        "missing",
        "outcome",
        "position",
        "reason",
        "safety_conditions",
        "summary",
        "text",
        "time_frame",
        "title",
        "unreliable_because",
    }
)
_NOT_OURS = frozenset({"as_sent", "sources"})
_OPENING, _CLOSING = "[\"'\u201c\u2018\u00ab]", "[\"'\u201d\u2019\u00bb]"


def texts_of(report: Report) -> Iterator[tuple[str, str]]:
    """Each text of the release with its path, in order of the message; what it quotes of the caller's is blanked."""
    sent = _sent_words(report)
    for path, text in _walk(report, ""):
        yield path, sent.sub('""', text) if sent else text


def _walk(message: Message, path: str) -> Iterator[tuple[str, str]]:
    for field, value in message.ListFields():
        if field.name in _NOT_OURS:
            continue
        items = value if field.is_repeated else [value]
        for position, item in enumerate(items):
            here = f"{path}{field.name}[{position}]" if field.is_repeated else f"{path}{field.name}"
            if field.type == FieldDescriptor.TYPE_MESSAGE:
                yield from _walk(item, f"{here}.")
            elif field.type == FieldDescriptor.TYPE_STRING and field.name in _WORDS:
                yield here, item


def _sent_words(report: Report) -> re.Pattern[str] | None:
    """What the caller wrote in plain words, wherever it stands in quotes."""
    words = {symptom.as_sent.text for symptom in report.symptoms}
    words |= {symptom.part for symptom in report.symptoms}
    words |= {item.as_sent for item in (*report.conditions, *report.medications)}
    choices = "|".join(sorted((re.escape(word) for word in words if word), key=len, reverse=True))
    return re.compile(f"{_OPENING}(?:{choices}){_CLOSING}", re.IGNORECASE) if choices else None
