"""Messages for the tests, as laboratories of several countries send them; people and numbers are made up."""

from pathlib import Path

from labgloss.hl7.message import parse
from labgloss.hl7.reading import PatientRead, read

FOLDER = Path(__file__).parents[2] / "hl7"
# A US reference laboratory, 2.5.1: LOINC and UCUM, a bound as SN, SPM, symptoms in OBR-13 and OBR-31, a file.
US = (FOLDER / "us_reference_laboratory.hl7").read_bytes()
# A British laboratory, 2.4: codes of its own with LOINC beside them, OBR-15, haemolysis in a comment.
UK = (FOLDER / "uk_laboratory.hl7").read_bytes()
# A German hospital, 2.3, in 8859/1: decimal commas, no offset in its times, haemolysis in German.
GERMAN = (FOLDER / "german_hospital.hl7").read_bytes()
# An Australian laboratory, 2.3.1: escapes, formatted text.
AUSTRALIAN = (FOLDER / "australian_laboratory.hl7").read_bytes()
# 2.8, with delimiters of its own.
V28 = (FOLDER / "version_2_8.hl7").read_bytes()

ALL = {"us": US, "uk": UK, "german": GERMAN, "australian": AUSTRALIAN, "v28": V28}


def sent(content: bytes) -> bytes:
    """As it goes over the wire: segments end with a carriage return."""
    return content.replace(b"\n", b"\r")


def patient(content: bytes) -> PatientRead:
    """The one patient of a message."""
    (found,) = read(parse(sent(content)))
    return found


def message(*segments: str, version: str = "2.5.1", charset: str = "", time: str = "20260115093000+0100") -> bytes:
    """A message of these segments, after an MSH."""
    head = f"MSH|^~\\&|LAB|FAC|EHR|FAC|{time}||ORU^R01^ORU_R01|M1|P|{version}||||||{charset}"
    return "\r".join([head, *segments, ""]).encode()


PID = "PID|1||1^^^H^MR||DOE^J||19580402|F"
OBR = "OBR|1|P1|F1|CHEM^Chemistry^L|||20260115080000+0100"
POTASSIUM = "OBX|1|NM|2823-3^Potassium^LN||4.1|mmol/L|3.5-5.1|N|||F"


def of_result(observation: str, *more: str) -> PatientRead:
    """What is read of a message with one OBX, and segments after it."""
    return patient(message(PID, OBR, observation, *more))
