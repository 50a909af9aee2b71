"""Reports as an ORU^R01, and ACKs: what a receiver files, in the delimiters and characters that it sent."""

import hl7 as peer
import pytest

from labgloss.engine.interpret import interpret
from labgloss.hl7.acknowledgement import Stamp, refuse
from labgloss.hl7.answer import Answered
from labgloss.hl7.exchange import Exchange, Violation, faults_of, opened, opened_all, unavailable
from labgloss.hl7.faults import MessageError
from labgloss.hl7.message import Message, Segment, parse
from labgloss.knowledge.release import Release
from labgloss.v1.panel_pb2 import COMPARATOR_LESS, COMPARATOR_UNSPECIFIED, Panel
from labgloss.v1.report_pb2 import IntervalInForce, Reading, Report, ResultInterpretation
from labgloss.wire.decode import decode_panel
from labgloss.wire.encode import encode_report
from tests.unit.hl7.messages import ALL, GERMAN, OBR, PID, POTASSIUM, US, V28, message, sent

STAMP = Stamp("20260115100000+0000", "LG1")


def report_on(release: Release, exchange: Exchange) -> list[Answered]:
    """What the service would say of each patient."""
    return [Answered(read, _report(release, read.panel)) for read in exchange.patients]


def _report(release: Release, panel: Panel) -> Report:
    return encode_report(interpret(release, decode_panel(panel, "panel", release)), panel, release)


def answered(release: Release, content: bytes, acknowledging: bool = True) -> Message:
    exchange = opened(sent(content))
    return parse(exchange.answer(report_on(release, exchange), STAMP, acknowledging))


def named(message: Message, name: str) -> list[Segment]:
    return [segment for segment in message.segments if segment.name == name]


def ours(message: Message, code: str) -> list[str]:
    """What OBX of one of our codes say."""
    return [one.code(5) for one in named(message, "OBX") if one.code(3) == code and one.code(3, 3) == "99LABGLOSS"]


@pytest.mark.parametrize("name", ALL)
def test_the_answer_to_every_message_is_an_oru_r01_of_its_own_form(name: str, release: Release) -> None:
    asked, answer = parse(sent(ALL[name])), answered(release, ALL[name])
    header = answer.header
    assert answer.delimiters == asked.delimiters
    assert (header.code(9), header.code(9, 2), header.raw(12), header.raw(18)) == (
        "ORU",
        "R01",
        asked.header.raw(12),
        asked.header.raw(18),
    )
    assert (header.raw(5), header.raw(6)) == (asked.header.raw(3), asked.header.raw(4))
    (acknowledgement,) = named(answer, "MSA")
    assert (acknowledgement.code(1), acknowledgement.raw(2)) == ("AA", asked.header.raw(10))
    assert named(answer, "PID")[0].written == named(asked, "PID")[0].written
    assert [one.name for one in answer.segments if one.name not in ("PV1", "NTE")][:4] == ["MSH", "MSA", "PID", "OBR"]
    assert ours(answer, "URGENCY")
    assert ours(answer, "SUMMARY")
    assert ours(answer, "RELEASE")
    assert answer.notes == ()


@pytest.mark.parametrize("name", ALL)
def test_the_library_hl7_reads_the_answer(name: str, release: Release) -> None:
    exchange = opened(sent(ALL[name]))
    answer = exchange.answer(report_on(release, exchange), STAMP, True)
    theirs = peer.parse(answer.decode(exchange.message.encoding))
    assert len(theirs.segments("OBX")) == len(named(parse(answer), "OBX"))


def test_each_result_comes_back_as_it_was_sent_with_our_flag_interval_and_words(release: Release) -> None:
    answer = answered(release, US)
    potassium = next(one for one in named(answer, "OBX") if one.code(3) == "2823-3")
    asked = next(one for one in parse(sent(US)).segments if one.name == "OBX")
    assert [potassium.raw(number) for number in (2, 3, 5, 6)] == [asked.raw(number) for number in (2, 3, 5, 6)]
    assert (potassium.raw(7), potassium.raw(8), potassium.code(11)) == ("3.5-5.1", "L", "F")
    after = answer.segments[answer.segments.index(potassium) + 1]
    assert (after.name, after.text(3)[:40]) == ("NTE", "Potassium 2.9 mmol/L is below the labora")


def test_our_orders_have_numbers_of_their_own_and_name_the_laboratorys_as_parent(release: Release) -> None:
    """So that no receiver files the answer over the laboratory's report."""
    results, interpretation = named(answered(release, US), "OBR")
    assert (results.code(2), results.code(3), results.code(3, 2)) == ("ORD7", "LAB7.LG1", "LABGLOSS")
    assert results.raw(29) == "ORD7&EHR^LAB7&LABX"
    assert (results.code(4), interpretation.code(4)) == ("RESULTS", "INTERPRETATION")
    assert interpretation.code(3) == "20087.3.LG2"


def test_what_was_not_judged_is_never_flagged_empty_or_normal(release: Release) -> None:
    answer = answered(release, GERMAN)
    comma = next(one for one in named(answer, "OBX") if one.code(3) == "K")
    assert (comma.raw(5), comma.raw(8)) == ("5,4", "IND")


@pytest.mark.parametrize(
    ("status", "ours_is"), [("P", "P"), ("C", "C"), ("W", "W"), ("D", "D"), ("X", "X"), ("R", "P")]
)
def test_an_interpretation_has_the_status_of_what_it_reads(status: str, ours_is: str, release: Release) -> None:
    answer = answered(release, message(PID, OBR, POTASSIUM.replace("|||F", f"|||{status}")))
    assert next(one for one in named(answer, "OBX") if one.code(3) == "2823-3").code(11) == ours_is


def test_what_was_not_read_is_said(release: Release) -> None:
    answer = answered(release, message(PID, OBR, POTASSIUM, "OBX|2|NM|1234^Other^L||1|x|||||F", "ZZZ|1"))
    assert ours(answer, "NOT_RECOGNISED") == ["1234"]
    assert ours(answer, "NOT_READ") == ["ZZZ(1): is a segment that is not read here"]


def test_what_is_not_recognised_or_refused_comes_back_as_it_was_sent_with_the_laboratory_s_flag(
    release: Release,
) -> None:
    answer = answered(
        release,
        message(
            PID,
            f"{OBR}||||||frobnicated",
            "OBX|1|NM|K^Kalium^LN||6.8|mmol/L|3.5-5.0|HH|||F",
            "OBX|2|SN|999^Other^L||<^6.8|mmol/L||HH|||F",
        ),
    )
    comments = [one.text(3) for one in named(answer, "NTE")]
    assert {"not judged: code_invalid", "flagged by the laboratory: HH", "as sent: <6.8 mmol/L"} <= set(comments)
    assert comments.count("flagged by the laboratory: HH") == 2
    assert ours(answer, "SYMPTOM")[0].startswith("frobnicated: Not recognised.")


def test_an_answer_that_goes_onward_goes_to_whom_the_message_was_for(release: Release) -> None:
    header = answered(release, US, acknowledging=False).header
    assert [header.code(number) for number in (3, 4, 5, 6)] == ["LABGLOSS", "REFLAB", "EHR", "CLINIC"]


def test_texts_are_written_in_the_characters_of_the_message(release: Release) -> None:
    exchange = opened(sent(GERMAN))
    answer = exchange.answer(report_on(release, exchange), STAMP, True)
    assert "Müller^Jürgen".encode("latin-1") in answer
    assert "µg/l".encode("latin-1") in answer


def test_several_patients_are_answered_each_by_their_own(release: Release) -> None:
    two = message("PID|1||A||ADA", OBR, POTASSIUM, "PID|2||B||BOB", OBR, POTASSIUM.replace("4.1", "6.9"))
    answer = answered(release, two)
    order = [
        one.written[:9] if one.name == "PID" else one.raw(5)
        for one in answer.segments
        if one.name == "PID" or one.code(3) == "2823-3"
    ]
    assert order == ["PID|1||A|", "4.1", "PID|2||B|", "6.9"]


def test_a_patient_without_a_report_is_said_beside_one_with(release: Release) -> None:
    exchange = opened(message("PID|1||A", OBR, POTASSIUM, "PID|2||B", OBR, POTASSIUM))
    first = report_on(release, exchange)[0]
    answer = parse(exchange.answer([first, Answered(exchange.patients[1], None, ("why not",))], STAMP, True))
    assert ours(answer, "NOT_INTERPRETED") == ["why not"]


def test_a_message_without_a_result_is_accepted_and_said_to_be_so() -> None:
    exchange = opened(message(PID, OBR))
    acknowledgement = parse(exchange.answer((), STAMP, True))
    assert [one.name for one in acknowledgement.segments] == ["MSH", "MSA"]
    assert acknowledgement.segments[1].written == "MSA|AA|M1|no result to interpret"


# ---------------------------------------------------------------------------------------------- refusals


def refused(content: bytes) -> Message:
    with pytest.raises(MessageError) as error:
        opened(content)
    return parse(refuse(content, STAMP, error.value).content)


@pytest.mark.parametrize(
    ("content", "code", "control_id", "error"),
    [
        (b"", "AR", "", "ERR|||100^Segment sequence error^HL70357|E||||the message does not begin with an MSH segment"),
        (
            b"MSH|^^^^|a|b|c|d|20260115||ORU^R01|X7|P|2.5",
            "AR",
            "X7",
            "ERR||MSH^1^2|102^Data type error^HL70357|E||||MSH-1",
        ),
        (
            message(PID).replace(b"ORU^R01^ORU_R01", b"ADT^A01"),
            "AR",
            "M1",
            "ERR||MSH^1^9|200^Unsupported message type^HL70357|E||||only ORU messages of event R01 are taken here",
        ),
        (
            message(PID).replace(b"|2.5.1|", b"|4.0|"),
            "AR",
            "M1",
            "ERR|MSH^1^12^203&Unsupported version id&HL70357",
        ),
        (message(), "AE", "M1", "ERR|||100^Segment sequence error^HL70357|E||||the message holds no PID, OBR or OBX"),
    ],
)
def test_what_is_not_taken_gets_an_ack_with_an_err(content: bytes, code: str, control_id: str, error: str) -> None:
    answer = refused(content)
    assert answer.header.code(9) == "ACK"
    _, acknowledgement, first = answer.segments
    assert (acknowledgement.code(1), acknowledgement.raw(2)) == (code, control_id)
    if "^12^203" not in error:
        assert first.written.startswith(error)


def test_a_version_before_2_5_gets_the_err_of_its_time() -> None:
    answer = refused(message(version="2.3"))
    assert answer.segments[2].written == "ERR|^^^100&Segment sequence error&HL70357"


def test_a_bad_field_is_named_by_its_place() -> None:
    exchange = opened(message(PID, OBR, POTASSIUM))
    faults = faults_of(exchange.patients[0], [Violation("panel.patient.birth_date", "it lies after the collection")])
    answer = parse(exchange.reject(STAMP, faults))
    assert [one.written for one in answer.segments[1:]] == [
        "MSA|AE|M1|PID(1)-7: it lies after the collection",
        "ERR||PID^1^7|102^Data type error^HL70357|E||||it lies after the collection",
    ]


def test_a_service_that_gives_no_report_just_now_is_no_fault_of_the_message() -> None:
    exchange = opened(message(PID, OBR, POTASSIUM))
    answer = parse(exchange.reject(STAMP, [unavailable("send it again")]))
    assert answer.segments[1].code(1) == "AR"


def test_each_message_of_a_batch_is_taken_or_refused_by_itself() -> None:
    found = opened_all(sent(US) + message().replace(b"ORU", b"ADT") + sent(V28))
    assert [type(one).__name__ for one in found] == ["Exchange", "MessageError", "Exchange"]


@pytest.mark.parametrize(
    ("interval", "written"),
    [
        ({"low": "3.5", "high": "5.1", "low_inclusive": True, "high_inclusive": True}, "3.5-5.1"),
        ({"low": "3.5", "high": "5.1", "high_inclusive": True}, ">3.5 and <=5.1"),
        ({"low": "3.5", "low_inclusive": True}, ">=3.5"),
        ({"low": "3.5"}, ">3.5"),
        ({"high": "5.1", "high_inclusive": True}, "<=5.1"),
        ({"high": "5.1"}, "<5.1"),
        ({}, ""),
        ({"high": "5.1", "unit": "mg/dL"}, "<5.1 mg/dL"),
    ],
)
def test_an_interval_is_written_with_its_ends_and_its_unit_where_it_is_another(
    interval: dict[str, str | bool], written: str
) -> None:
    exchange = opened(message(PID, OBR, POTASSIUM))
    in_force = IntervalInForce(**{"unit": "mmol/L", **interval})  # type: ignore[arg-type]
    entry = ResultInterpretation(index=0, state=1, flag="N", reading=Reading(unit="mmol/L"), intervals=[in_force])
    (read,) = exchange.patients
    answer = parse(exchange.answer([Answered(read, Report(results=[entry]))], STAMP, True))
    assert next(one for one in named(answer, "OBX") if one.code(3) == "2823-3").text(7) == written
    # Of several that may apply none is the one.
    entry.intervals.append(in_force)
    answer = parse(exchange.answer([Answered(read, Report(results=[entry]))], STAMP, True))
    assert next(one for one in named(answer, "OBX") if one.code(3) == "2823-3").text(7) == ""


def test_a_computed_bound_is_text_and_a_computed_number_is_one() -> None:
    exchange = opened(message(PID, OBR, POTASSIUM))
    (read,) = exchange.patients
    computed = [
        ResultInterpretation(
            analyte="calcium_adjusted",
            flag="L",
            reading=Reading(compared_value="1.9", compared_unit="mmol/L", comparator=comparator),
        )
        for comparator in (COMPARATOR_UNSPECIFIED, COMPARATOR_LESS)
    ]
    answer = parse(exchange.answer([Answered(read, Report(results=computed))], STAMP, True))
    found = [one for one in named(answer, "OBX") if one.code(3) == "calcium_adjusted"]
    assert [(one.code(2), one.text(5), one.raw(6), one.code(8)) for one in found] == [
        ("NM", "1.9", "mmol/L^^UCUM", "L"),
        ("ST", "<1.9", "mmol/L^^UCUM", "L"),
    ]
