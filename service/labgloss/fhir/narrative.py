"""The report for people, as the XHTML of a narrative."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from labgloss.fhir.answering import Answering, shown
from labgloss.fhir.issues import Severity
from labgloss.fhir.json_text import Object
from labgloss.v1 import report_pb2


def narrative(answering: Answering) -> Object:
    """The Narrative: what is urgent first, then results, what they mean, what to consider, what was not read."""
    return {
        "status": "generated",
        "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{"".join(_parts(answering))}</div>',
    }


def _parts(answering: Answering) -> Iterator[str]:
    report = answering.report
    yield f"<p><b>Urgency: {_urgency(report.urgency)}</b></p><p>{_text(report.summary)}</p>"
    yield from _list("Red flags", (f"{flag.text} ({_urgency(flag.urgency)})" for flag in report.red_flags))
    yield _table(("Result", "Value", "Flag", "Reading"), [_row(answering, each) for each in report.results])
    matched = [each for each in report.patterns if each.state == report_pb2.PATTERN_STATE_MATCHED]
    yield from _list("Together they fit", (f"{each.title}: {each.text}" for each in matched))
    steps = (f"{each.text} ({each.time_frame})" if each.time_frame else each.text for each in report.recommendations)
    yield from _list("To consider", steps)
    yield from _list("About the data", (issue.text for issue in report.issues))
    lost = [issue for issue in answering.read.issues if issue.severity is Severity.ERROR]
    yield from _list("Not read", (f"{issue.path}: {issue.text}" for issue in lost))
    release = report.release
    yield f"<p>{_text(report.intended_use)} Release {_text(release.version)}, {_text(release.digest[:12])}.</p>"


def _row(answering: Answering, result: report_pb2.ResultInterpretation) -> Sequence[str]:
    analyte = answering.release.analytes.get(result.analyte)
    sent = result.as_sent
    name = analyte.name if analyte is not None else next((code.display or code.code for code in sent.codings), "-")
    value = f"{result.reading.value} {result.reading.unit}" if result.reading.value else f"{sent.value} {sent.unit}"
    return (name, value, result.flag, result.explanation)


def _urgency(urgency: report_pb2.Urgency.ValueType) -> str:
    return report_pb2.Urgency.Name(urgency).removeprefix("URGENCY_").replace("_", " ").lower()


def _table(head: Iterable[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    cells = "".join(f"<th>{_text(each)}</th>" for each in head)
    body = "".join(f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table>"


def _list(title: str, items: Iterable[str]) -> Iterator[str]:
    found = list(dict.fromkeys(items))
    if found:
        yield f"<h3>{_text(title)}</h3><ul>{''.join(f'<li>{_text(item)}</li>' for item in found)}</ul>"


def _text(text: str) -> str:
    return escape(shown(text), quote=False)
