"""Messages made to keep a reader busy: a megabyte of anything is read, or refused, in a few seconds."""

import time

import pytest

from labgloss.hl7.exchange import opened
from labgloss.hl7.faults import MessageError
from tests.unit.hl7.messages import OBR, PID, POTASSIUM, message

MANY = 8_000
HOSTILE = {
    "lines that begin no segment": message(PID, OBR, POTASSIUM) + b"a\n" * 200_000,
    "empty lines": message(PID, OBR, POTASSIUM) + b"\r" * 1_000_000,
    "patients": message(*["PID|1||1", OBR, POTASSIUM] * MANY),
    "orders": message(PID, *[OBR + "||||||cramps", POTASSIUM] * MANY),
    "comments on haemolysis": message(
        PID, OBR, *(line for number in range(MANY) for line in (POTASSIUM, f"NTE|1||haemolysed {number}"))
    ),
    "observations of haemolysis": message(PID, OBR, *["OBX|1|ST|HI^Hemolysis^L||gross||||||F"] * MANY),
    "specimens": message(PID, OBR, POTASSIUM, *[f"SPM|1|^{number}||SER" for number in range(MANY)]),
    "segments that are not read": message(PID, OBR, POTASSIUM, *["ZZZ|1"] * 100_000),
    "files": message(PID, OBR, POTASSIUM, *["OBX|1|ED|P^x^L||a||||||F"] * MANY),
    "continuations": message(PID, OBR, "OBX|1|TX|K^K^L||x", *["ADD|y"] * 100_000),
    "codes": message(PID, OBR, "OBX|1|NM|" + "~".join(["a^b^c"] * 100_000) + "||1"),
    "components": message(PID, OBR, "OBX|1|NM|" + "^" * 1_000_000 + "||1"),
    "fields": message(PID, OBR, "OBX" + "|" * 1_000_000),
    "flags": message(PID, OBR, "OBX|1|NM|2823-3^K^LN||1|mmol/L||" + "~".join(["H"] * 300_000) + "|||F"),
    "escapes": message(PID, OBR, "OBX|1|TX|K^K^L||" + "\\X41\\" * 100_000),
    "half escapes": message(PID, OBR, "OBX|1|TX|K^K^L||" + "\\a" * 200_000),
    "nested statements": message(PID, OBR, POTASSIUM, "OBX|2|ST|symptom^^99LABGLOSS||" + '{"a":' * 100_000),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_message_cannot_keep_the_reader_busy(name: str) -> None:
    begun = time.process_time()
    try:
        patients = opened(HOSTILE[name]).patients
    except MessageError as error:
        patients, said = (), str(error)
        assert "more than 100 patients" in said
    assert time.process_time() - begun < 15
    assert all(len(patient.panel.results) <= 201 for patient in patients)
    assert all(len(patient.notes) <= 201 for patient in patients)


def test_what_is_too_much_to_say_is_counted() -> None:
    (patient,) = opened(HOSTILE["segments that are not read"]).patients
    assert str(patient.notes[-1]) == "99800 more things were not read as usual"
