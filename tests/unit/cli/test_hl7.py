"""`labgloss hl7 interpret`: what it prints, and how it ends."""

import io
from pathlib import Path
from typing import cast

import pytest
from google.protobuf.json_format import Parse

from labgloss.cli import main
from labgloss.v1.interpretation_pb2 import BatchInterpretPanelsResponse
from labgloss.v1.report_pb2 import URGENCY_EMERGENCY
from tests.unit.hl7.messages import FOLDER, GERMAN, OBR, PID, POTASSIUM, UK, US, message, sent


def file(folder: Path, content: bytes) -> str:
    path = folder / "result.hl7"
    path.write_bytes(content)
    return str(path)


def test_the_reports_are_printed_with_what_was_not_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hl7", "interpret", file(tmp_path, sent(UK))]) == 0
    printed = capsys.readouterr().out
    assert "551234" in printed
    assert "The specimen is haemolysed" in printed
    assert "OBR(1)-15.1: the kind of specimen is not one that is known here" in printed


def test_the_report_is_that_of_the_same_panel(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hl7", "interpret", file(tmp_path, sent(US)), "--format", "json"]) == 0
    written = capsys.readouterr()
    assert written.err == "labgloss: 20087.3: OBX(4)-5: holds a file, which is not read\n"
    response = Parse(written.out, BatchInterpretPanelsResponse())
    (outcome,) = response.outcomes
    assert outcome.panel_id == "20087.3"
    assert [entry.flag for entry in outcome.report.results] == ["L", "N", "LL"]
    assert outcome.report.urgency == URGENCY_EMERGENCY


def test_the_answers_are_written_as_they_would_be_sent(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    batch = sent(US) + message(PID).replace(b"ORU", b"ADT") + sent(GERMAN)
    assert main(["hl7", "interpret", file(tmp_path, batch), "--format", "hl7"]) == 1
    written, complained = capfdbinary.readouterr()
    lines = cast("bytes", written).split(b"\r")
    assert [line.split(b"|")[8] for line in lines if line.startswith(b"MSH")] == [
        b"ORU^R01^ORU_R01",
        b"ACK^R01^ACK",
        b"ORU^R01^ORU_R01",
    ]
    assert b"M\xfcller" in written
    assert complained == b"labgloss: a message is not taken:\nMSH(1)-9: only ORU messages of event R01 are taken here\n"


def test_what_is_no_message_ends_with_1_and_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hl7", "interpret", file(tmp_path, b"hello")]) == 1
    assert "the message does not begin with an MSH segment" in capsys.readouterr().err


def test_a_panel_that_is_not_accepted_ends_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    born_later = message("PID|1||1||DOE||20300101|F", OBR, POTASSIUM)
    assert main(["hl7", "interpret", file(tmp_path, born_later)]) == 1
    assert "patient.birth_date: it lies after" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("missing.hl7",), "missing.hl7: cannot be read: No such file or directory"),
        (("-", "--character-set", "EBCDIC"), "--character-set: EBCDIC is not read here"),
        (("-", "--time-zone", "Mars/Base"), "--time-zone: is no time zone that this machine knows"),
    ],
)
def test_what_is_wrong_with_a_flag_or_file_ends_with_2(
    flags: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(sent(US))))
    assert main(["hl7", "interpret", *flags]) == 2
    assert said in capsys.readouterr().err


def test_messages_are_checked_against_what_is_expected_beside_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(FOLDER)]) == 0
    assert capsys.readouterr().out == "5 panels: 5 as expected, 0 differing, 0 without a report\n"


def test_a_message_of_one_patient_is_interpreted_as_a_panel_file_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["interpret", file(tmp_path, sent(US))]) == 0
    written = capsys.readouterr()
    assert "Low: magnesium below 0.9 mg/dL" in " ".join(written.out.split())
    assert written.err == "labgloss: OBX(4)-5: holds a file, which is not read\n"


OVERLAY = """
id = "kh"
title = "A hospital with codes of its own"
[[code]]
system = "L"
code = "K"
analyte = "potassium"
signed = { name = "Dr A. Example", date = 2026-01-15 }
[[feed.haemolysis_code]]
source = "LAURIS/LAB"
system = "L"
code = "HIX"
limits = { "1" = "x <= 50" }
signed = { name = "Dr A. Example", date = 2026-01-15 }
"""


def test_codes_of_a_laboratory_are_read_by_the_overlay_of_its_site(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = message(
        PID, OBR, "OBX|1|NM|K^Kalium^L||5.9|mmol/l|3.5-5.1|H|||F", "OBX|2|NM|HIX^Hämolyse-Index||120||||||F"
    ).replace(b"|LAB|FAC|", b"|LAURIS|LAB|", 1)
    (tmp_path / "site.toml").write_text(OVERLAY)
    flags = ("--format", "json", "--overlay", str(tmp_path / "site.toml"))
    assert main(["hl7", "interpret", file(tmp_path, content), *flags]) == 0
    (outcome,) = Parse(capsys.readouterr().out, BatchInterpretPanelsResponse()).outcomes
    assert [(entry.analyte, entry.flag) for entry in outcome.report.results] == [
        ("potassium", "H"),
        ("haemolysis_index", "H"),
    ]
    assert "provisional_haemolysis" in [caution.id for caution in outcome.report.results[0].cautions]
