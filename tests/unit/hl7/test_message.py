"""The delimited text: delimiters of the message's own, repetitions, escapes, character sets, line ends, batches."""

import hl7 as peer
import pytest
from hl7apy.parser import parse_message
from hypothesis import given, settings
from hypothesis import strategies as st

from labgloss.hl7 import characters
from labgloss.hl7.faults import MessageError
from labgloss.hl7.message import Delimiters, escape, messages_of, parse, unescape
from tests.unit.hl7.messages import ALL, GERMAN, OBR, PID, POTASSIUM, US, V28, message, sent

UTF_8 = characters.hexadecimal("utf-8")


@pytest.mark.parametrize("name", ALL)
def test_the_library_hl7_reads_the_same_fields(name: str) -> None:
    content = sent(ALL[name])
    ours = parse(content)
    theirs = peer.parse(content.decode(ours.encoding).replace("\r\n", "\r"))
    assert [str(segment[0]) for segment in theirs] == [segment.name for segment in ours.segments]
    for mine, other in zip(ours.segments, theirs, strict=True):
        for number in range(1, len(other)):
            written = str(other[number])
            assert mine.raw(number) == ("" if written.strip() == '""' else written), (mine.name, number)


@pytest.mark.parametrize("name", ["us", "uk"])
def test_hl7apy_reads_the_same_results(name: str) -> None:
    content = sent(ALL[name])
    ours = [segment for segment in parse(content).segments if segment.name == "OBX"]
    theirs = [line for line in parse_message(content.decode(), find_groups=False).children if line.name == "OBX"]
    for mine, other in zip(ours, theirs, strict=True):
        assert (mine.code(3), mine.raw(7)) == (other.obx_3.obx_3_1.to_er7(), other.obx_7.to_er7())


def test_delimiters_are_those_that_the_message_names() -> None:
    read = parse(sent(V28))
    assert read.delimiters == Delimiters("*", "%", "~", "!", "@")
    assert read.segments[3].components(3)[2] == "Potassium"
    assert read.segments[3].text(16) == "M%X"


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n", b"\r\r", b"\n\n"])
def test_every_line_end_that_is_sent_is_read(end: bytes) -> None:
    whole = parse(message(PID, OBR, POTASSIUM).replace(b"\r", end))
    assert [segment.name for segment in whole.segments] == ["MSH", "PID", "OBR", "OBX"]
    assert whole.notes == ()


def test_a_line_that_begins_no_segment_goes_on_with_the_one_before_and_is_said() -> None:
    """As public messages have it, broken in the middle of PID."""
    read = parse(message("PID|1||1||DOE||19580402|", "M|", OBR, POTASSIUM))
    assert read.segments[1].code(8) == "M"
    assert [str(note) for note in read.notes] == [
        "line 3 begins no segment, and is read as the rest of the line before it"
    ]


def test_add_goes_on_with_the_field_before_it() -> None:
    read = parse(message(PID, OBR, "OBX|1|TX|T^Text^L||long", "ADD|er text||||||F"))
    assert (read.segments[-1].text(5), read.segments[-1].code(11)) == ("longer text", "F")


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (r"a\F\b\S\c\T\d\R\e\E\f", r"a|b^c&d~e\f"),
        (r"10\S\9/L", "10^9/L"),
        (r"\X0D\x\XC2B5\mol", "\rx\u00b5mol"),
        (r"one\.br\two\.sp 2\three", "one\ntwo\nthree"),
        (r"\.in+4\\.ti-2\text", "text"),
        (r"\H\HIGH\N\ now", "HIGH now"),
        (r"C:\dir", r"C:\dir"),
        (r"C:\dir\file", r"C:\dir\file"),
        (r"\Zlocal\ kept, \C2842\ kept", r"\Zlocal\ kept, \C2842\ kept"),
        (r"\X4\ \XZZ\ ", r"\X4\ \XZZ\ "),
        ("", ""),
        ("\\", "\\"),
    ],
)
def test_escapes_are_undone_and_what_is_none_stays(written: str, text: str) -> None:
    assert unescape(written, Delimiters(), UTF_8) == text


@given(st.text(st.characters(exclude_categories=("Cs", "Cc"))))
@settings(max_examples=200, deadline=None)
def test_what_is_escaped_is_read_back(text: str) -> None:
    for delimiters in (Delimiters(), Delimiters("*", "%", "~", "!", "@")):
        written = escape(text, delimiters)
        assert not set(written) & {delimiters.field, delimiters.component, delimiters.repetition}
        assert unescape(written, delimiters, UTF_8) == text


def test_the_library_hl7_escapes_the_same() -> None:
    text = r"a|b^c&d~e\f"
    assert peer.parse("MSH|^~\\&|\r").escape(text) == escape(text, Delimiters())


def test_hl7_s_null_is_nothing() -> None:
    segment = parse(message(PID, OBR, 'OBX|1|NM|2823-3^Potassium^LN||""|mmol/L|""|""|||F')).segments[-1]
    assert [segment.raw(number) for number in (5, 7, 8)] == ["", "", ""]
    assert segment.repetitions(8) == []


@pytest.mark.parametrize(
    ("declared", "encoding"),
    [
        ("8859/1", "iso8859-1"),
        ("8859/15", "iso8859-15"),
        ("ISO8859-1", "iso8859-1"),
        ("UNICODE UTF-8", "utf-8"),
        ("UTF-8", "utf-8"),
        ("WINDOWS-1252", "cp1252"),
    ],
)
def test_the_declared_character_set_decides_how_bytes_are_read(declared: str, encoding: str) -> None:
    content = message(PID, OBR, "OBX|1|NM|1989-3^D^LN||31|µg/L", charset=declared).decode().encode(encoding)
    read = parse(content)
    assert (read.encoding, read.segments[-1].code(6), read.notes) == (encoding, "µg/L", ())


@pytest.mark.parametrize(
    ("declared", "encoded_as", "default", "unit", "said"),
    [
        ("", "utf-8", "", "µg/L", "names no character set for the bytes beyond ASCII; they are read as UTF-8"),
        ("", "latin-1", "", "\ufffdg/L", "bytes that are not of the character set are read as unknown characters"),
        ("", "latin-1", "8859/1", "µg/L", ""),
        ("ASCII", "latin-1", "8859/1", "µg/L", ""),
        ("NLD", "utf-8", "", "µg/L", "names a character set that is not read here"),
        ("UNICODE UTF-8", "latin-1", "8859/1", "\ufffdg/L", "bytes that are not of the character set are read as"),
    ],
)
def test_bytes_that_nothing_explains_are_said_and_never_guessed(
    declared: str, encoded_as: str, default: str, unit: str, said: str
) -> None:
    content = message(PID, OBR, "OBX|1|NM|1989-3^D^LN||31|µg/L", charset=declared).decode().encode(encoded_as)
    read = parse(content, default)
    assert read.segments[-1].code(6) == unit
    assert said in "\n".join(map(str, read.notes)) if said else read.notes == ()


def test_of_several_character_sets_the_first_is_read_which_is_said() -> None:
    read = parse(message(PID, OBR, POTASSIUM, charset="8859/1~ISO IR87"))
    assert read.encoding == "iso8859-1"
    assert [str(note) for note in read.notes] == ["MSH(1)-18: names several character sets, of which the first is read"]


def test_what_a_character_set_lacks_is_written_in_plain_letters() -> None:
    assert characters.encoded("≤ 5 µmol – “é” 日", "ascii") == b'<= 5 umol - "e" ?'
    assert characters.encoded("≤ 5 µmol é", "iso8859-1") == "<= 5 µmol é".encode("latin-1")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the message does not begin with an MSH segment"),
        (b"hello", "the message does not begin with an MSH segment"),
        (b"PID|1", "the message does not begin with an MSH segment"),
        (b"MSH|", "the message does not begin with an MSH segment"),
        (b"MSH|\r\n", "MSH-1 and MSH-2 name no delimiters"),
        (b"MSHAB~\\&AX", "MSH-1 and MSH-2 name no delimiters"),
        (b"MSH|^^\\&|X", "MSH-1 and MSH-2 name no delimiters"),
        (b"MSH|^~\\&#!|X", "MSH-1 and MSH-2 name no delimiters"),
        ("MSH|^~\\&|X".encode("utf-16"), "the message does not begin with an MSH segment"),
    ],
)
def test_what_does_not_begin_as_a_message_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(MessageError) as refused:
        parse(content)
    assert said in str(refused.value)


@pytest.mark.parametrize("encoding", ["^", "^~", "^~\\", "^~\\&", "^~\\&#"])
def test_delimiters_that_are_not_named_divide_nothing(encoding: str) -> None:
    read = parse(message(PID, OBR, POTASSIUM).replace(b"^~\\&", encoding.encode(), 1))
    assert read.segments[-1].components(3)[2] == "Potassium"


def test_the_messages_of_a_batch_are_read_one_by_one() -> None:
    batch = b"FHS|^~\\&|LAB\rBHS|^~\\&|LAB\r" + sent(US) + sent(GERMAN) + b"BTS|2\rFTS|1\r"
    found = messages_of(batch)
    assert [parse(one).control_id for one in found] == ["20087.3", "LAB4711"]
    assert all(b"BTS" not in one and b"FHS" not in one for one in found)


def test_framing_left_in_a_file_is_no_part_of_its_messages() -> None:
    framed = b"\x0b" + sent(US) + b"\x1c\r\x0b" + sent(GERMAN) + b"\x1c\r"
    assert [parse(one).control_id for one in messages_of(framed)] == ["20087.3", "LAB4711"]


def test_what_stands_before_the_first_message_is_not_lost() -> None:
    assert len(messages_of(b"garbage\r" + sent(US))) == 2
    assert messages_of(b"") == [b""]


@given(st.binary(max_size=300), st.sampled_from(sorted(ALL)), st.integers(0, 900))
@settings(max_examples=300, deadline=None)
def test_no_bytes_do_anything_else_than_be_read_or_refused(noise: bytes, name: str, at: int) -> None:
    for content in (noise, sent(ALL[name])[:at] + noise, sent(ALL[name])[:at] + noise + sent(ALL[name])[at:]):
        for one in messages_of(content):
            try:
                read = parse(one)
            except MessageError:
                continue
            for segment in read.segments:
                for number in range(25):
                    segment.text(number), segment.repetitions(number)
