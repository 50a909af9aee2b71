"""Reports as an ORU^R01: the results with our flags and comments, then what they mean together, in OBX of our own.

The laboratory's own report stays as it is: each OBR here has an order number of its own (OBR-3), so that nothing is
replaced where the answer is filed, and names the laboratory's as its parent (OBR-29).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from labgloss.hl7 import characters
from labgloss.hl7.acknowledgement import ACCEPTED, Stamp, acknowledgement, header
from labgloss.hl7.message import Delimiters, Message, Segment, escape, joined
from labgloss.hl7.reading import Order, PatientRead
from labgloss.hl7.tables import OWN
from labgloss.v1 import panel_pb2
from labgloss.v1 import report_pb2 as pb

_PRODUCER = "LABGLOSS"
_CWE_FROM = (2, 6)
_NUMBER_LIMIT = 50
_COMPARATORS = {
    panel_pb2.COMPARATOR_LESS: "<",
    panel_pb2.COMPARATOR_LESS_OR_EQUAL: "<=",
    panel_pb2.COMPARATOR_GREATER_OR_EQUAL: ">=",
    panel_pb2.COMPARATOR_GREATER: ">",
}
# Table 0085: statuses that an interpretation takes over; what was withdrawn takes its interpretation with it.
_STATUSES = {**dict.fromkeys("PRS", "P"), **dict.fromkeys("CA", "C"), **{letter: letter for letter in "DWXI"}}
# Table 0078: the urgency that asks for a person now, and the one that asks for one today.
_URGENT = {pb.URGENCY_EMERGENCY: "AA", pb.URGENCY_SAME_DAY: "A"}
_CRITICAL = {pb.CRITICAL_YES: "critical: a person must be told now", pb.CRITICAL_POSSIBLE: "possibly critical"}


@dataclass(frozen=True, slots=True)
class Answered:
    """One patient of a message with the report on them, or why there is none."""

    read: PatientRead
    report: pb.Report | None
    refusals: tuple[str, ...] = ()


def answer(message: Message, patients: Sequence[Answered], stamp: Stamp, acknowledging: bool) -> bytes:
    """The answer to a message, in its delimiters, version and character set; with MSA where it acknowledges as well."""
    lines = [header(message, stamp, "ORU", "R01", "ORU_R01", onward=not acknowledging)]
    if acknowledging:
        lines += acknowledgement(message, ACCEPTED).split("\r")[:-1]
    for patient in patients:
        lines += _patient(message, patient, stamp)
    return characters.encoded("".join(f"{line}\r" for line in lines), message.encoding)


def _patient(message: Message, patient: Answered, stamp: Stamp) -> Iterator[str]:
    read = patient.read
    for segment in (read.identity, read.visit):
        if segment is not None:
            yield segment.written.replace("\n", " ")
    writer = _Writer(message, stamp)
    if patient.report is not None:
        entries = {entry.index: entry for entry in patient.report.results if entry.HasField("index")}
        for order in read.orders:
            yield from writer.order(order, entries)
        yield from writer.summary(read, patient.report)
    else:
        yield from writer.refusal(read, patient.refusals)


@dataclass
class _Writer:
    """Writes the segments of one patient."""

    message: Message
    stamp: Stamp
    orders: int = 0
    observations: int = field(default=0, init=False)

    @property
    def own(self) -> Delimiters:
        return self.message.delimiters

    def order(self, order: Order, entries: dict[int, pb.ResultInterpretation]) -> Iterator[str]:
        """The results of an order group that were judged or refused; what is not recognised stands in the summary."""
        found = [(segment, entries[index]) for index, segment in order.results if index in entries]
        known = [(s, entry) for s, entry in found if entry.state != pb.RESULT_STATE_NOT_RECOGNISED]
        if not known:
            return
        yield self._request(order.segment, "RESULTS", "Laboratory results interpreted")
        for segment, entry in known:
            yield self._result(segment, entry)
            yield from self._comments(_remarks(entry))

    def summary(self, read: PatientRead, report: pb.Report) -> Iterator[str]:
        """What the results mean together, and what was not read."""
        first = next((order.segment for order in read.orders if order.segment is not None), None)
        yield self._request(first, "INTERPRETATION", "Interpretation of laboratory results", whole=True)
        urgency = pb.Urgency.Name(report.urgency).removeprefix("URGENCY_")
        yield self._coded(
            "URGENCY", "Urgency", urgency, urgency.replace("_", " ").lower(), _URGENT.get(report.urgency, "")
        )
        yield self._text("SUMMARY", "Summary", report.summary)
        for entry in report.results:
            if not entry.HasField("index"):
                yield self._computed(entry)
                yield from self._comments(_remarks(entry))
        for flag in report.red_flags:
            held = " (held until the repeat)" if flag.held else ""
            yield self._coded("RED_FLAG", "Red flag", flag.id, flag.text + held, _URGENT.get(flag.urgency, ""))
        for finding in report.findings:
            certain = finding.truth == pb.TRUTH_TRUE
            code, name = ("FINDING", "Finding") if certain else ("FINDING_POSSIBLE", "Possible finding")
            yield self._coded(code, name, finding.id, finding.text)
        for pattern in report.patterns:
            matched = pattern.state == pb.PATTERN_STATE_MATCHED
            code, name = ("PATTERN", "Pattern") if matched else ("PATTERN_POSSIBLE", "Possible pattern")
            yield self._coded(code, name, pattern.id, pattern.title)
            open_since = f"Not excluded, since {pattern.open_since}." if pattern.open_since else ""
            yield from self._comments((open_since or pattern.text,))
        for step in report.recommendations:
            yield self._coded("RECOMMENDATION", "To consider", step.id, step.text)
            yield from self._comments(_of_step(step))
        for withheld in report.withheld_recommendations:
            yield self._coded("WITHHELD", "Withheld", withheld.id, withheld.reason)
        for symptom in report.symptoms:
            sent = symptom.as_sent
            words = symptom.part or sent.text or sent.id or sent.coding.display or sent.coding.code
            yield self._text("SYMPTOM", "Symptom", f"{words}: {symptom.text}")
        for issue in report.issues:
            yield self._coded("ISSUE", "Data quality", issue.id, issue.text)
        yield from self._unread(read, report)
        release = report.release
        yield self._text("RELEASE", "Basis", f"labgloss {release.engine}, release {release.version}, {release.digest}")
        if release.overlay:
            yield self._text("OVERLAY", "Site overlay", f"{release.overlay}, {release.overlay_digest}")
        yield self._text("INTENDED_USE", "Intended use", report.intended_use)

    def refusal(self, read: PatientRead, reasons: Iterable[str]) -> Iterator[str]:
        """That there is no report on this patient, and why."""
        first = next((order.segment for order in read.orders if order.segment is not None), None)
        yield self._request(first, "INTERPRETATION", "Interpretation of laboratory results", whole=True)
        for reason in reasons:
            yield self._text("NOT_INTERPRETED", "Not interpreted", reason, status="X")

    def _unread(self, read: PatientRead, report: pb.Report) -> Iterator[str]:
        for entry in report.results:
            if entry.state == pb.RESULT_STATE_NOT_RECOGNISED:
                sent = next(iter(entry.as_sent.codings), panel_pb2.Coding())
                yield self._coded("NOT_RECOGNISED", "Not recognised", sent.code, sent.display)
                yield from self._comments((_value_sent(entry), _flagged(entry)))
        for item in (*report.conditions, *report.medications):
            for words in item.not_recognised:
                yield self._text("NOT_RECOGNISED", "Not recognised", words)
        for note in read.notes:
            yield self._text("NOT_READ", "Not read as usual", str(note))

    def _request(self, order: Segment | None, code: str, name: str, whole: bool = False) -> str:
        """OBR with an order number of our own, and the laboratory's as its parent."""
        self.orders += 1
        self.observations = 0
        own = self.own
        fields = [""] * 30
        fields[0], fields[1] = "OBR", str(self.orders)
        number = "" if whole or order is None else order.code(3) or order.code(2)
        number = number or self.message.control_id
        fields[3] = self._parts(f"{number[:_NUMBER_LIMIT]}.LG{self.orders}", _PRODUCER)
        fields[4] = self._parts(code, name, OWN)
        fields[22], fields[25] = self.stamp.time, "F"
        if order is not None:
            fields[2], fields[7], fields[16] = order.raw(2), order.raw(7), order.raw(16)
            if not whole:
                # EIP: the numbers of placer and filler, whose parts are subcomponents here.
                parent = [order.raw(kind).replace(own.component, own.subcomponent) for kind in (2, 3)]
                fields[29] = joined(parent, own.component) if own.component and own.subcomponent else ""
        return joined(fields, own.field)

    def _result(self, segment: Segment, entry: pb.ResultInterpretation) -> str:
        """The laboratory's OBX again, with the interval in force and our flag."""
        status = _STATUSES.get(segment.code(11).upper(), "F")
        interval = _intervals(entry)
        return self._observation(
            segment.raw(2),
            segment.raw(3),
            segment.raw(4),
            segment.raw(5),
            segment.raw(6),
            escape(interval, self.own),
            self._flag(entry),
            status,
            segment.raw(14),
        )

    def _computed(self, entry: pb.ResultInterpretation) -> str:
        """A value that the service computed, such as a calcium adjusted for albumin."""
        comparator = _COMPARATORS.get(entry.reading.comparator, "")
        # SN only where there is a comparator, and a message that divides components to hold it.
        value = escape(f"{comparator}{entry.reading.compared_value}", self.own)
        identifier = self._parts(entry.analyte, f"{entry.analyte.replace('_', ' ')}, computed", OWN)
        return self._observation(
            "ST" if comparator else "NM",
            identifier,
            "",
            value,
            self._parts(entry.reading.compared_unit, "", "UCUM") if entry.reading.compared_unit else "",
            escape(_intervals(entry), self.own),
            self._flag(entry),
            "F",
        )

    def _flag(self, entry: pb.ResultInterpretation) -> str:
        """Our flag. Never empty for what was not judged, since an empty OBX-8 is taken for normal."""
        return entry.flag or "IND"

    def _text(self, code: str, name: str, text: str, status: str = "F") -> str:
        return self._observation("TX", self._parts(code, name, OWN), "", escape(text, self.own), status=status)

    def _coded(self, code: str, name: str, ident: str, text: str, flag: str = "") -> str:
        kind = "CWE" if self.message.version >= _CWE_FROM else "CE"
        value = self._parts(ident, text, OWN)
        return self._observation(kind, self._parts(code, name, OWN), "", value, flag=flag)

    def _observation(
        self,
        kind: str,
        identifier: str,
        sub_id: str,
        value: str,
        unit: str = "",
        interval: str = "",
        flag: str = "",
        status: str = "F",
        time: str = "",
    ) -> str:
        self.observations += 1
        number = sub_id or str(self.observations)
        fields = ["OBX", str(self.observations), kind, identifier, number, value, unit, interval, flag, "", "", status]
        return joined([*fields, "", "", time, self._parts(_PRODUCER, "labgloss", OWN)], self.own.field).replace(
            "\n", " "
        )

    def _comments(self, texts: Iterable[str]) -> Iterator[str]:
        for number, text in enumerate(filter(None, texts), 1):
            yield joined(("NTE", str(number), "L", escape(text, self.own)), self.own.field)

    def _parts(self, *texts: str) -> str:
        written = [escape(text, self.own) for text in texts]
        return joined(written, self.own.component) if self.own.component else written[0]


def _remarks(entry: pb.ResultInterpretation) -> Iterator[str]:
    """What is said of one result: the reading in words, its criticality, cautions, conflicts, what is missing."""
    yield entry.explanation
    yield _CRITICAL.get(entry.critical, "")
    if entry.state == pb.RESULT_STATE_REFUSED:
        reason = pb.RefusalReason.Name(entry.refusal_reason).removeprefix("REFUSAL_REASON_").lower()
        yield f"not judged: {reason}"
        yield _flagged(entry)
    for caution in entry.cautions:
        yield caution.text or caution.id
    for conflict in entry.conflicts:
        yield conflict.text
    if entry.missing:
        yield f"would settle it: {'; '.join(entry.missing)}"
    yield entry.trend.text
    if entry.earlier:
        yield "an earlier result: it serves trend and context"


def _flagged(entry: pb.ResultInterpretation) -> str:
    return f"flagged by the laboratory: {', '.join(entry.as_sent.flags)}" if entry.as_sent.flags else ""


def _value_sent(entry: pb.ResultInterpretation) -> str:
    sent = entry.as_sent
    value = f"{_COMPARATORS.get(sent.comparator, '')}{sent.value} {sent.unit}".strip()
    return f"as sent: {value}" if value else ""


def _of_step(step: pb.Recommendation) -> Iterator[str]:
    yield f"by when: {step.time_frame}" if step.time_frame else ""
    yield f"because of: {', '.join(step.because)}" if step.because else ""
    codes = [f"{coding.code} {coding.display}".strip() for coding in step.codes]
    yield f"codes: {', '.join(codes)}" if codes else ""
    yield f"only where: {'; '.join(step.safety_conditions)}" if step.safety_conditions else ""


def _intervals(entry: pb.ResultInterpretation) -> str:
    """OBX-7: the interval in force; of several, as of a patient whose age or sex is not known, none is the one."""
    if len(entry.intervals) != 1:
        return ""
    interval = entry.intervals[0]
    low, high = interval.low, interval.high
    unit = f" {interval.unit}" if interval.unit != entry.reading.unit else ""
    return f"{_ends(interval, low, high)}{unit}" if low or high else ""


def _ends(interval: pb.IntervalInForce, low: str, high: str) -> str:
    if low and high and interval.low_inclusive and interval.high_inclusive:
        return f"{low}-{high}"
    if low and high:
        signs = (">=" if interval.low_inclusive else ">", "<=" if interval.high_inclusive else "<")
        return f"{signs[0]}{low} and {signs[1]}{high}"
    if high:
        return f"{'<=' if interval.high_inclusive else '<'}{high}"
    return f"{'>=' if interval.low_inclusive else '>'}{low}" if low else ""
