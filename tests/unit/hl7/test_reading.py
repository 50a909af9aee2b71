"""Messages to panels: values as they were sent, codes with their system, times, specimens, statuses."""

from zoneinfo import ZoneInfo

import pytest

from labgloss.hl7.faults import MessageError
from labgloss.hl7.message import parse
from labgloss.hl7.reading import PatientRead, read
from labgloss.v1 import panel_pb2 as pb
from tests.unit.hl7.messages import (
    AUSTRALIAN,
    GERMAN,
    OBR,
    PID,
    POTASSIUM,
    UK,
    US,
    V28,
    message,
    of_result,
    patient,
)


def result(read: PatientRead, index: int = 0) -> pb.Result:
    return read.panel.results[index]


def said(read: PatientRead) -> str:
    return "\n".join(map(str, read.notes))


def observation(value: str = "4.1", kind: str = "NM", code: str = "2823-3^Potassium^LN", **fields: str) -> str:
    """An OBX; fields by their numbers, as `f8="HH"`."""
    written = ["OBX", "1", kind, code, "", value, "mmol/L", "", "", "", "", "F", *[""] * 10]
    for name, text in fields.items():
        written[int(name[1:])] = text
    return "|".join(written)


# ---------------------------------------------------------------------------------------------- whole messages


def test_a_us_message_is_read() -> None:
    read = patient(US)
    panel = read.panel
    assert panel.id == "20087.3"
    assert panel.source == "LABX/REFLAB"
    assert (panel.patient.birth_date, panel.patient.sex) == ("1958-07-11", pb.SEX_FEMALE)
    potassium, sodium, magnesium = panel.results
    assert [(coding.system, coding.code) for coding in potassium.codings] == [("loinc", "2823-3"), ("L", "K")]
    assert (potassium.value, potassium.unit, list(potassium.flags)) == ("2.9", "mmol/L", ["L"])
    assert potassium.collected == "2026-01-15T08:00:00-05:00"
    assert (potassium.interval.text, potassium.status) == ("3.5-5.1", pb.RESULT_STATUS_FINAL)
    assert (potassium.specimen.id, potassium.specimen.kind) == ("S-100", pb.SPECIMEN_KIND_SERUM)
    assert sodium.collected == potassium.collected
    assert (magnesium.value, magnesium.comparator) == ("0.9", pb.COMPARATOR_LESS)
    assert list(magnesium.flags) == ["LL", "A"]
    assert [symptom.text for symptom in panel.symptoms] == ["fatigue, cramps in both calves", "Cramp and spasm"]
    assert panel.symptoms[1].coding.system == "icd10cm"
    assert not panel.HasField("conditions")
    assert not panel.HasField("medications")
    assert said(read) == "OBX(4)-5: holds a file, which is not read"


def test_a_british_message_is_read_with_what_it_says_of_the_specimen() -> None:
    read = patient(UK)
    sodium, potassium, egfr = read.panel.results
    assert [(coding.system, coding.code) for coding in potassium.codings] == [("WP", "POT"), ("loinc", "2823-3")]
    assert potassium.interval.text == "3.5 - 5.3"
    # Haemolysis is of the tube, so that the sodium hears of it too.
    assert list(sodium.specimen.comments) == ["Sample haemolysed.\nPlease repeat."]
    assert list(potassium.specimen.comments) == ["Sample haemolysed.\nPlease repeat."]
    assert [(coding.system, coding.code) for coding in egfr.codings] == [("WP", "EGFR")]
    assert potassium.collected == "2026-01-15T07:45:00-00:00"
    assert "times carry no offset from UTC" in said(read)
    assert "OBR(1)-15.1: the kind of specimen is not one that is known here" in said(read)


def test_a_german_message_of_2_3_is_read() -> None:
    read = patient(GERMAN)
    potassium, magnesium, vitamin_d = read.panel.results
    assert (potassium.value, potassium.interval.text) == ("5,4", "3,5-5,1")
    assert (magnesium.value, magnesium.unit) == ("0.52", "mmol/l")
    assert vitamin_d.unit == "µg/l"
    assert potassium.specimen.kind == pb.SPECIMEN_KIND_SERUM
    assert {one.specimen.haemolysis for one in read.panel.results} == {pb.HAEMOLYSIS_SLIGHT}
    assert [symptom.text for symptom in read.panel.symptoms] == ["Muskelkrämpfe"]
    assert "OBX(1)-8: is no flag of table 0078" in said(read)


def test_an_australian_message_is_read() -> None:
    read = patient(AUSTRALIAN)
    albumin, calcium, comment = read.panel.results
    assert [coding.code for coding in albumin.codings] == ["CALB", "1751-7"]
    assert (calcium.value, calcium.interval.text) == ("2.61", "2.10&2.60")
    assert comment.value == "Suggest repeat in \n 4 weeks \\ if symptoms"
    assert calcium.collected == "2026-01-15T10:10:00+11:00"


def test_a_message_of_2_8_with_its_own_delimiters_is_read() -> None:
    read = patient(V28)
    (potassium,) = read.panel.results
    assert (potassium.id, potassium.value, list(potassium.flags)) == ("ID-1", "5.9", ["H"])
    assert read.panel.patient.sex == pb.SEX_UNSPECIFIED
    specimen = potassium.specimen
    assert (specimen.id, specimen.kind, specimen.additive) == ("S10", pb.SPECIMEN_KIND_CAPILLARY, "LITH")
    assert (list(specimen.conditions), specimen.site) == (["HEM"], "NICU")


# ---------------------------------------------------------------------------------------------- values


@pytest.mark.parametrize(
    ("kind", "written", "value", "comparator"),
    [
        ("NM", "4.10", "4.10", pb.COMPARATOR_UNSPECIFIED),
        ("NM", "<3.0", "<3.0", pb.COMPARATOR_UNSPECIFIED),
        ("NM", "4,1", "4,1", pb.COMPARATOR_UNSPECIFIED),
        ("NM", "4.1~4.3", "4.1~4.3", pb.COMPARATOR_UNSPECIFIED),
        ("NM", "", "", pb.COMPARATOR_UNSPECIFIED),
        ("NM", '""', "", pb.COMPARATOR_UNSPECIFIED),
        ("SN", "^4.1", "4.1", pb.COMPARATOR_UNSPECIFIED),
        ("SN", "=^4.1", "4.1", pb.COMPARATOR_UNSPECIFIED),
        ("SN", "<^3.0", "3.0", pb.COMPARATOR_LESS),
        ("SN", ">=^7", "7", pb.COMPARATOR_GREATER_OR_EQUAL),
        ("SN", "<=^7", "7", pb.COMPARATOR_LESS_OR_EQUAL),
        ("SN", ">^7", "7", pb.COMPARATOR_GREATER),
        ("SN", "^4.1^-^4.3", "4.1-4.3", pb.COMPARATOR_UNSPECIFIED),
        ("SN", "^2^+", "2+", pb.COMPARATOR_UNSPECIFIED),
        ("SN", "^1^:^128", "1:128", pb.COMPARATOR_UNSPECIFIED),
        ("SN", "<>^4", "<>4", pb.COMPARATOR_UNSPECIFIED),
        ("ST", "4.1", "4.1", pb.COMPARATOR_UNSPECIFIED),
        ("ST", ">375", ">375", pb.COMPARATOR_UNSPECIFIED),
        ("TX", "see comment", "see comment", pb.COMPARATOR_UNSPECIFIED),
        ("FT", r"line\.br\two", "line\ntwo", pb.COMPARATOR_UNSPECIFIED),
        ("TX", "one~two", "one\ntwo", pb.COMPARATOR_UNSPECIFIED),
        ("CWE", "HEM^Haemolysed^L", "Haemolysed", pb.COMPARATOR_UNSPECIFIED),
        ("CE", "POS", "POS", pb.COMPARATOR_UNSPECIFIED),
        ("", "4.1", "4.1", pb.COMPARATOR_UNSPECIFIED),
        ("XX", "a^b", "a^b", pb.COMPARATOR_UNSPECIFIED),
    ],
)
def test_a_value_is_the_text_that_was_sent(kind: str, written: str, value: str, comparator: int) -> None:
    found = result(of_result(observation(written, kind)))
    assert (found.value, found.comparator) == (value, comparator)


@pytest.mark.parametrize(
    ("written", "unit"),
    [
        ("mmol/L", "mmol/L"),
        ("mmol/L^millimole per liter^UCUM", "mmol/L"),
        ("mmol/l^^ISO+", "mmol/l"),
        ("MMOLL^mmol/L^L", "mmol/L"),
        ("MMOLL^^99LAB", "MMOLL"),
        ("MMOLL^millimole^L^mmol/L^^UCUM", "mmol/L"),
        ("^mmol/L", "mmol/L"),
        ("^^^mmol/L^^UCUM", "mmol/L"),
        (r"10\S\9/L", "10^9/L"),
        ("", ""),
    ],
)
def test_a_unit_is_the_code_of_ucum_or_what_people_read(written: str, unit: str) -> None:
    assert result(of_result(observation(f6=written))).unit == unit


@pytest.mark.parametrize(
    ("written", "codings"),
    [
        ("2823-3^Potassium^LN", [("loinc", "2823-3")]),
        ("K^Potassium^L^2823-3^Potassium^LN", [("L", "K"), ("loinc", "2823-3")]),
        ("K^Potassium", [("L", "K")]),
        ("2823-3^Potassium", [("loinc", "2823-3")]),
        ("K^Kalium^99LAB^^^^^^^2823-3^K^LN", [("99LAB", "K"), ("loinc", "2823-3")]),
        ("^Potassium", [("L", "Potassium")]),
        ("K&x^Potassium & more^L", [("L", "K&x")]),
    ],
)
def test_codes_keep_their_systems_and_one_without_is_the_senders(written: str, codings: list[tuple[str, str]]) -> None:
    assert [(one.system, one.code) for one in result(of_result(observation(code=written))).codings] == codings


def test_an_observation_without_any_name_is_said_and_the_rest_is_read() -> None:
    read = patient(message(PID, OBR, observation(code=""), observation()))
    assert len(read.panel.results) == 1
    assert "OBX(1)-3: names no observation, so that its value is not read" in said(read)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ("F", pb.RESULT_STATUS_FINAL),
        ("P", pb.RESULT_STATUS_PRELIMINARY),
        ("C", pb.RESULT_STATUS_CORRECTED),
        ("A", pb.RESULT_STATUS_AMENDED),
        ("W", pb.RESULT_STATUS_ENTERED_IN_ERROR),
        ("D", pb.RESULT_STATUS_ENTERED_IN_ERROR),
        ("X", pb.RESULT_STATUS_CANCELLED),
        ("N", pb.RESULT_STATUS_CANCELLED),
        ("I", pb.RESULT_STATUS_REGISTERED),
        ("R", pb.RESULT_STATUS_PRELIMINARY),
        ("S", pb.RESULT_STATUS_PRELIMINARY),
        ("U", pb.RESULT_STATUS_FINAL),
        ("V", pb.RESULT_STATUS_FINAL),
        ("B", pb.RESULT_STATUS_FINAL),
        ("", pb.RESULT_STATUS_UNSPECIFIED),
        ("?", pb.RESULT_STATUS_PRELIMINARY),
    ],
)
def test_every_status_of_table_0085_has_its_meaning(sent: str, status: int) -> None:
    assert result(of_result(observation(f11=sent))).status == status


def test_an_order_detail_is_no_result() -> None:
    read = patient(message(PID, OBR, observation(f11="O"), observation()))
    assert len(read.panel.results) == 1
    assert "OBX(1)-11: the status says that this is no result" in said(read)


@pytest.mark.parametrize(("order", "status"), [("X", pb.RESULT_STATUS_CANCELLED), ("P", pb.RESULT_STATUS_PRELIMINARY)])
def test_without_a_status_of_its_own_a_result_has_that_of_its_order(order: str, status: int) -> None:
    read = patient(message(PID, f"{OBR}{'|' * 18}{order}", observation(f11="")))
    assert result(read).status == status


def test_flags_repeat_and_a_null_or_empty_one_is_none() -> None:
    assert list(result(of_result(observation(f8="HH~A"))).flags) == ["HH", "A"]
    assert list(result(of_result(observation(f8='""'))).flags) == []
    assert list(result(of_result(observation(f8=""))).flags) == []
    assert list(result(of_result(observation(f8="H^High^HL70078"))).flags) == ["H"]


def test_too_long_a_text_is_shortened_and_said() -> None:
    read = of_result(observation("x" * 2_000, "TX"))
    assert len(result(read).value) == 1_000
    assert "OBX(1)-5: is longer than 1,000 characters, and was shortened" in said(read)


# ---------------------------------------------------------------------------------------------- times


@pytest.mark.parametrize(
    ("order", "own", "specimen", "collected"),
    [
        ("20260115080000+0100", "", "", "2026-01-15T08:00:00+01:00"),
        ("20260115080000+0100", "20260115081500+0100", "", "2026-01-15T08:00:00+01:00"),
        ("", "20260115081500+0100", "", "2026-01-15T08:15:00+01:00"),
        ("20260115080000+0100", "20260115093000+0100", "20260115075500+0100", "2026-01-15T07:55:00+01:00"),
        ("", "", "20260115075500+0100^20260115080000+0100", "2026-01-15T07:55:00+01:00"),
        ("20260115", "", "", "2026-01-15"),
        ("202601150800", "", "", "2026-01-15T08:00:00+01:00"),
        ("2026011508", "", "", "2026-01-15"),
        ("20260115080000.25-0500", "", "", "2026-01-15T08:00:00.25-05:00"),
        ("202601", "", "", ""),
        ("20261315", "", "", ""),
        ("00010101", "", "", ""),
        ("20260115", "yesterday", "", "2026-01-15"),
        ("yesterday", "20260115", "", "2026-01-15"),
        ("20260115256000", "", "", "2026-01-15"),
        ("20260115080000+9900", "", "", "2026-01-15"),
    ],
)
def test_the_time_of_collection_is_that_of_the_specimen_the_order_or_the_result(
    order: str, own: str, specimen: str, collected: str
) -> None:
    segments = [PID, f"OBR|1|P1|F1|C^C^L|||{order}", observation(f14=own)]
    if specimen:
        segments.append(f"SPM|1|^S1||SER{'|' * 13}{specimen}")
    assert result(patient(message(*segments))).collected == collected


def test_a_series_under_one_order_is_told_apart_by_its_own_times() -> None:
    read = patient(
        message(
            PID,
            OBR,
            observation("5.9", f14="20260115080000+0100"),
            observation("5.1", f14="20260115100000+0100"),
            f"SPM|1|^S1||SER{'|' * 13}20260115075500+0100",
        )
    )
    assert [one.collected[11:16] for one in read.panel.results] == ["08:00", "10:00"]


def test_times_without_an_offset_take_that_of_the_message_or_the_site() -> None:
    segments = (PID, "OBR|1|P1|F1|C^C^L|||20260715080000", observation())
    assert result(patient(message(*segments, time="20260715093000-0500"))).collected.endswith("-05:00")
    content = parse(message(*segments, time="20260715093000"))
    (at_site,) = read(content, ZoneInfo("Europe/Berlin"))
    assert at_site.panel.results[0].collected == "2026-07-15T08:00:00+02:00"
    (nowhere,) = read(content)
    assert nowhere.panel.results[0].collected == "2026-07-15T08:00:00-00:00"
    assert "times carry no offset from UTC" in said(nowhere)


def test_times_of_which_only_some_carry_an_offset_are_not_compared_by_the_hour() -> None:
    read = patient(
        message(
            PID,
            "OBR|1|P1|F1|C^C^L|||20260715080000+0200",
            observation(),
            "OBR|2|P2|F2|C^C^L|||20260714080000",
            observation(),
            time="20260715093000",
        )
    )
    assert [one.collected for one in read.panel.results] == ["2026-07-15T08:00:00+02:00", "2026-07-14"]
    assert "some times carry an offset from UTC and others none" in said(read)


def test_what_has_no_time_is_read_against_the_day_of_the_message() -> None:
    read = patient(message(PID, "OBR|1|P1|F1|C^C^L", observation()))
    assert (result(read).collected, read.panel.as_of) == ("", "2026-01-15")
    assert patient(message(PID, OBR, observation())).panel.as_of == ""


# ---------------------------------------------------------------------------------------------- patients


@pytest.mark.parametrize(
    ("born", "sex", "birth_date", "known"),
    [
        ("19580402", "F", "1958-04-02", pb.SEX_FEMALE),
        ("195804021230", "M", "1958-04-02", pb.SEX_MALE),
        ("195804", "f", "1958-04", pb.SEX_FEMALE),
        ("1958", "U", "1958", pb.SEX_UNSPECIFIED),
        ("", "", "", pb.SEX_UNSPECIFIED),
        ("19581402", "W", "", pb.SEX_UNSPECIFIED),
        ("0000", "O", "", pb.SEX_UNSPECIFIED),
    ],
)
def test_birth_date_and_sex_are_read_or_not_known(born: str, sex: str, birth_date: str, known: int) -> None:
    read = patient(message(f"PID|1||1||DOE||{born}|{sex}", OBR, POTASSIUM))
    assert (read.panel.patient.birth_date, read.panel.patient.sex) == (birth_date, known)


def test_patients_of_one_message_never_meet() -> None:
    both = read(
        parse(
            message(
                "PID|1||A||ADA||19580402|F",
                OBR,
                observation("2.9"),
                "PID|2||B||BOB||20200101|M",
                OBR,
                observation("6.9"),
                "NTE|1||haemolysed",
            )
        )
    )
    ada, bob = both
    assert [one.value for one in ada.panel.results] == ["2.9"]
    assert [one.value for one in bob.panel.results] == ["6.9"]
    assert (ada.panel.patient.birth_date, bob.panel.patient.birth_date) == ("1958-04-02", "2020-01-01")
    assert [list(one.panel.results[0].specimen.comments) for one in both] == [[], ["haemolysed"]]
    assert [one.panel.id for one in both] == ["M1-1", "M1-2"]


def test_without_a_pid_age_and_sex_are_not_known() -> None:
    read = patient(message(OBR, POTASSIUM))
    assert not read.panel.HasField("patient")
    assert "the message holds no PID: age and sex are not known" in said(read)


def test_several_orders_are_one_panel_and_an_earlier_one_says_no_symptom_of_now() -> None:
    read = patient(
        message(
            PID,
            "OBR|1|P1|F1|C^C^L|||20260115080000+0100||||||cramps",
            observation("2.9"),
            "OBR|2|P2|F2|C^C^L|||20251101080000+0100||||||palpitations",
            observation("3.9"),
            "OBR|3|P3|F3|C^C^L|||20260115080000+0100||||||cramps",
            observation("0.5", code="2601-3^Mg^LN"),
        )
    )
    assert [one.collected[:10] for one in read.panel.results] == ["2026-01-15", "2025-11-01", "2026-01-15"]
    assert [one.text for one in read.panel.symptoms] == ["cramps"]
    assert "OBR(2)-13: is of an earlier draw, and is not read as a symptom of now" in said(read)
    assert [index for order in read.orders for index, _ in order.results] == [0, 1, 2]


# ---------------------------------------------------------------------------------------------- specimens


@pytest.mark.parametrize(
    ("fields", "check"),
    [
        ({4: "PLAS^Plasma^HL70487"}, {"kind": pb.SPECIMEN_KIND_PLASMA}),
        ({4: "^Serum"}, {"kind": pb.SPECIMEN_KIND_SERUM}),
        ({4: "119361006^Plasma specimen^SCT"}, {"kind": pb.SPECIMEN_KIND_PLASMA}),
        ({4: "UR^Urine^HL70487"}, {"kind": pb.SPECIMEN_KIND_URINE}),
        ({4: "XXX^Other^L"}, {"kind": pb.SPECIMEN_KIND_UNSPECIFIED}),
        ({4: "SER^Plasma^L"}, {"kind": pb.SPECIMEN_KIND_UNSPECIFIED}),
        ({6: "EDTK^Potassium EDTA^HL70371"}, {"additive": "EDTK"}),
        ({6: "^EDTA tube"}, {"additive": "EDTA tube"}),
        ({27: "^K2 EDTA lavender top"}, {"additive": "K2 EDTA lavender top"}),
        ({6: "HEPL", 27: "GREEN^Green top"}, {"additive": "HEPL", "comments": ["GREEN"]}),
        ({24: "HEM^Hemolyzed^HL70493~CLOT^Clotted^HL70493"}, {"conditions": ["HEM", "CLOT"]}),
        ({21: "RH^Hemolysis^HL70490", 24: "HEM"}, {"conditions": ["HEM", "RH"]}),
        ({8: "ARM^Left arm^L"}, {"site": "Left arm"}),
        ({2: "PL1^FI1"}, {"id": "FI1"}),
        ({2: "PL1"}, {"id": "PL1"}),
    ],
)
def test_spm_is_read(fields: dict[int, str], check: dict[str, object]) -> None:
    written = ["SPM", *[""] * 27]
    for number, text in fields.items():
        written[number] = text
    specimen = result(of_result(observation(), "|".join(written))).specimen
    for name, value in check.items():
        found = getattr(specimen, name)
        assert (list(found) if isinstance(value, list) else found) == value


@pytest.mark.parametrize(
    ("source", "kind", "additive"),
    [
        ("SER&Serum&HL70070", pb.SPECIMEN_KIND_SERUM, ""),
        ("Serum", pb.SPECIMEN_KIND_SERUM, ""),
        ("BLDA&Blood arterial", pb.SPECIMEN_KIND_ARTERIAL, ""),
        ("PLAS^EDTA", pb.SPECIMEN_KIND_PLASMA, "EDTA"),
        ("serum", pb.SPECIMEN_KIND_SERUM, ""),
        ("??", pb.SPECIMEN_KIND_UNSPECIFIED, ""),
    ],
)
def test_obr_15_is_read_in_versions_without_spm(source: str, kind: int, additive: str) -> None:
    read = patient(message(PID, f"{OBR}||||||||{source}", POTASSIUM, version="2.3"))
    assert (result(read).specimen.kind, result(read).specimen.additive) == (kind, additive)


def test_several_specimens_of_one_order_count_for_what_they_agree_on() -> None:
    read = of_result(
        observation(),
        f"SPM|1|^A||SER||HEPL{'|' * 11}20260115080000+0100",
        f"SPM|2|^B||SER||EDTK{'|' * 11}20260115090000+0100|||||||HEM",
    )
    specimen = result(read).specimen
    assert (specimen.kind, specimen.additive, specimen.id) == (pb.SPECIMEN_KIND_SERUM, "", "")
    assert list(specimen.conditions) == ["HEM"]
    assert result(read).collected == "2026-01-15T08:00:00+01:00"
    assert "several specimens stand beside one order" in said(read)


@pytest.mark.parametrize(
    ("sibling", "grade", "comments"),
    [
        ("OBX|2|ST|HEMOLYSIS^Hemolysis^L||Gross||||||F", pb.HAEMOLYSIS_GROSS, []),
        ("OBX|2|CWE|20393-5^Hemolysis^LN||S^slight^L||||||F", pb.HAEMOLYSIS_SLIGHT, []),
        ("OBX|2|ST|HI^Haemolysis index^L||none||||||F", pb.HAEMOLYSIS_NONE, []),
        ("OBX|2|ST|HI^Hemolysis Index^L||2+||||||F", pb.HAEMOLYSIS_UNSPECIFIED, ["haemolysis: 2+"]),
        ("OBX|2|TX|CMT^Comment^L||Sample grossly haemolysed||||||F", 0, ["Sample grossly haemolysed"]),
        ("OBX|2|TX|CMT^Comment^L||Probe stark hämolytisch||||||F", pb.HAEMOLYSIS_GROSS, ["Probe stark hämolytisch"]),
        ("OBX|2|TX|CMT^Comment^L||keine Hämolyse||||||F", 0, ["keine Hämolyse"]),
        ("NTE|1||Specimen is haemolyzed", 0, ["Specimen is haemolyzed"]),
        ("OBX|2|NM|CH50^Hemolytic complement CH50^L||41|U/mL|31-60|N|||F", 0, []),
    ],
)
def test_haemolysis_is_heard_wherever_it_is_told(sibling: str, grade: int, comments: list[str]) -> None:
    specimen = result(of_result(observation(), sibling)).specimen
    assert (specimen.haemolysis, list(specimen.comments)) == (grade, comments)


@pytest.mark.parametrize(
    "name", ["Hemolysis Index", "haemolysis index", "H-Index", "Serum hemolysis index", "Hämolyse-Index"]
)
def test_a_haemolysis_index_is_read_by_its_name(name: str) -> None:
    read = of_result(observation(), f"OBX|2|NM|HIX^{name}^L||180|mg/dL|0-50|H|||F")
    index = result(read, 1)
    assert (index.analyte, index.value, index.unit, list(index.flags)) == ("haemolysis_index", "180", "mg/dL", ["H"])
    assert "is read as haemolysis_index, by its name" in said(read)


def test_a_comment_on_the_order_is_about_every_result_of_it() -> None:
    read = patient(message(PID, OBR, "NTE|1||Drawn from drip arm", observation(), observation(), "NTE|1||own"))
    assert [list(one.specimen.comments) for one in read.panel.results] == [
        ["Drawn from drip arm"],
        ["Drawn from drip arm", "own"],
    ]


# ---------------------------------------------------------------------------------------------- context


def test_no_list_of_conditions_or_drugs_is_no_list() -> None:
    panel = of_result(observation()).panel
    assert not panel.HasField("conditions")
    assert not panel.HasField("medications")


def test_a_diagnosis_of_the_visit_leaves_every_other_condition_open() -> None:
    read = patient(message(PID, "DG1|1||N18.5^Chronic kidney disease, stage 5^I10C", OBR, observation()))
    known, rest = read.panel.conditions.conditions
    assert (known.coding.code, known.coding.system) == ("N18.5", "icd10cm")
    assert rest.text == "(an HL7 message holds no complete list)"
    assert "DG1(1): is a diagnosis of a visit, no problem list" in said(read)


def test_a_drug_that_was_given_leaves_every_other_one_open() -> None:
    read = patient(message(PID, OBR, "RXA|0|1|20260115||1191^Omeprazole^RXNORM|20|mg", observation()))
    assert [one.text for one in read.panel.medications.medications] == [
        "Omeprazole",
        "(an HL7 message holds no complete list)",
    ]


@pytest.mark.parametrize(
    ("code", "value", "check"),
    [
        ("82810-3^Pregnancy status^LN", "77386006^Pregnant^SCT", lambda panel: panel.patient.pregnant is True),
        ("82810-3^Pregnancy status^LN", "60001007^Not pregnant^SCT", lambda panel: panel.patient.pregnant is False),
        ("82810-3^Pregnancy status^LN", "X", lambda panel: not panel.patient.HasField("pregnant")),
        ("patient.trimester^^99LABGLOSS", "2", lambda panel: panel.patient.trimester == 2),
        ("patient.age_days^^99LABGLOSS", "3", lambda panel: panel.patient.age_days == 3),
        ("patient.preterm^^99LABGLOSS", "Y", lambda panel: panel.patient.preterm),
        ("symptom^^99LABGLOSS", "MUSCLE_CRAMP^^99LABGLOSS", lambda panel: panel.symptoms[0].id == "MUSCLE_CRAMP"),
        ("symptom^^99LABGLOSS", "cramps", lambda panel: panel.symptoms[0].text == "cramps"),
        ("symptom.denied^^99LABGLOSS", "SYNCOPE^^99LABGLOSS", lambda panel: panel.symptoms[0].present is False),
        (
            "symptom^^99LABGLOSS",
            '{"id": "MUSCLE_CRAMP", "onset": "P1D"}',
            lambda panel: panel.symptoms[0].onset == "P1D",
        ),
        (
            "condition^^99LABGLOSS",
            "dialysis^^99LABGLOSS",
            lambda panel: panel.conditions.conditions[0].id == "dialysis",
        ),
        ("medication^^99LABGLOSS", "omeprazole", lambda panel: panel.medications.medications[0].text == "omeprazole"),
        ("medications.complete^^99LABGLOSS", "Y", lambda panel: panel.HasField("medications")),
        ("conditions.complete^^99LABGLOSS", "Y", lambda panel: panel.HasField("conditions")),
        ("options.intervals^^99LABGLOSS", "mayo", lambda panel: panel.options.intervals == "mayo"),
    ],
)
def test_what_hl7_has_no_field_for_can_be_stated(code: str, value: str, check: object) -> None:
    panel = of_result(observation(), f"OBX|2|CWE|{code}||{value}||||||F").panel
    assert len(panel.results) == 1
    assert check(panel)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("patient.trimester", "two"),
        ("patient.pregnant", "maybe"),
        ("symptom", '{"id": 3'),
        ("patient.age_years", "9" * 30),
    ],
)
def test_a_statement_that_cannot_be_read_is_said(code: str, value: str) -> None:
    read = of_result(observation(), f"OBX|2|ST|{code}^^99LABGLOSS||{value}||||||F")
    assert f"OBX(2)-5: is no value of {code}, and is not read" in said(read)


def test_an_analyte_of_ours_is_named_in_our_system() -> None:
    read = of_result(observation(code="calcium_adjusted^^99LABGLOSS^CA^Calcium^L"))
    assert (result(read).analyte, [one.code for one in result(read).codings]) == ("calcium_adjusted", ["CA"])


def test_segments_that_are_not_read_are_said_and_those_that_say_nothing_are_not() -> None:
    read = patient(message("SFT|x", PID, "PV1|1", "ZPS|1|LAB", OBR, POTASSIUM, "CTI|1"))
    assert said(read) == "ZPS(1): is a segment that is not read here"


# ---------------------------------------------------------------------------------------------- envelopes


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({b"ORU^R01^ORU_R01": b"ADT^A01^ADT_A01"}, "MSH(1)-9: only ORU messages of event R01 are taken here"),
        ({b"ORU^R01^ORU_R01": b"ORU^R30^ORU_R30"}, "MSH(1)-9.2: only ORU messages of event R01 are taken here"),
        ({b"|2.5.1|": b"|3.0|"}, "MSH(1)-12: versions 2.3 to 2.8 are taken here"),
        ({b"|2.5.1|": b"|2.1|"}, "MSH(1)-12: versions 2.3 to 2.8 are taken here"),
        ({b"|2.5.1|": b"|x|"}, "MSH(1)-12: versions 2.3 to 2.8 are taken here"),
        (
            {b"OBX|": b"MSH|^~\\&|\rOBX|"},
            "MSH(2): several messages, or a batch, stand in the place of one; send each by itself",
        ),
        (
            {b"OBX|": b"BTS|1\rOBX|"},
            "BTS(1): several messages, or a batch, stand in the place of one; send each by itself",
        ),
        ({b"OBX|": b"DSC|next\rOBX|"}, "DSC(1)-1: a message that another one continues is not taken; send it whole"),
    ],
)
def test_what_is_no_message_for_this_receiver_is_refused(changes: dict[bytes, bytes], fault: str) -> None:
    content = message(PID, OBR, POTASSIUM)
    for old, new in changes.items():
        content = content.replace(old, new)
    with pytest.raises(MessageError) as refused:
        read(parse(content))
    assert str(refused.value) == fault


def test_a_message_without_a_patient_or_result_is_refused() -> None:
    with pytest.raises(MessageError, match="holds no PID, OBR or OBX"):
        read(parse(message()))


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("panel.results[1].collected", "OBR(1)-7"),
        ("panel.results[1].value", "OBX(2)-5"),
        ("panel.results[1].codings[0].code", "OBX(2)-3"),
        ("panel.results[1].specimen.id", "OBX(2)"),
        ("panel.patient.birth_date", "PID(1)-7"),
        ("panels[3].patient.age", "PID(1)"),
        ("panel.options.release", "None"),
    ],
)
def test_what_the_service_says_of_a_field_is_said_of_its_place(path: str, place: str) -> None:
    assert str(patient(message(PID, OBR, POTASSIUM, POTASSIUM)).place_of(path)) == place


@pytest.mark.parametrize(
    ("version", "written", "symptoms"),
    [
        ("2.3", "cramps^since May", ["cramps^since May"]),
        ("2.5.1", "cramps~palpitations", ["cramps", "palpitations"]),
        ("2.8", "R25.2^Cramp^I10C~^^^^^^^^palpitations~tetany", ["Cramp", "palpitations", "tetany"]),
        ("2.8", '""', []),
    ],
)
def test_relevant_information_is_text_and_since_2_7_coded(version: str, written: str, symptoms: list[str]) -> None:
    read = patient(message(PID, f"{OBR}||||||{written}", POTASSIUM, version=version))
    assert [one.text for one in read.panel.symptoms] == symptoms


# ---------------------------------------------------------------------------------------------- what does not hold


@pytest.mark.parametrize("status", ["C", "A", "D", "W", "X"])
def test_an_observation_that_a_later_one_of_the_message_takes_back_is_not_judged(status: str) -> None:
    later = f"OBX|2|NM|2823-3^Potassium^LN||7.1|mmol/L|3.5-5.1|HH|||{status}"
    read = of_result(POTASSIUM, later)
    assert result(read).status == pb.RESULT_STATUS_ENTERED_IN_ERROR
    assert result(read, 1).status != pb.RESULT_STATUS_FINAL
    assert "OBX(1): is corrected, deleted or withdrawn by OBX(2)" in said(read)


@pytest.mark.parametrize(
    "later",
    [
        "OBX|2|NM|2601-3^Magnesium^LN||0.9|mmol/L|0.7-1.0||||C",
        "OBX|2|NM|2823-3^Potassium^LN|b|7.1|mmol/L|3.5-5.1||||C",
        "OBX|2|NM|2823-3^Potassium^LN||7.1|mmol/L|3.5-5.1||||C|||20260116080000+0100",
        "OBX|2|NM|2823-3^Potassium^LN||7.1|mmol/L|3.5-5.1||||F",
    ],
)
def test_another_observation_takes_nothing_back(later: str) -> None:
    assert result(of_result(POTASSIUM, later)).status == pb.RESULT_STATUS_FINAL


def test_a_correction_of_another_draw_takes_nothing_back() -> None:
    corrected = POTASSIUM.replace("|F", "|C")
    read = of_result(POTASSIUM, OBR.replace("20260115", "20260114"), corrected)
    assert result(read).status == pb.RESULT_STATUS_FINAL


@pytest.mark.parametrize("status", ["D", "W"])
def test_haemolysis_that_was_taken_back_is_said_of_no_result(status: str) -> None:
    read = of_result(POTASSIUM, f"OBX|2|ST|HI^Haemolysis index^L||gross||||||{status}")
    assert result(read).specimen.haemolysis == pb.HAEMOLYSIS_UNSPECIFIED


def test_a_draw_after_the_message_is_no_newest_one() -> None:
    read = patient(message(PID, OBR.replace("2026", "2036"), POTASSIUM, OBR, POTASSIUM))
    assert [one.collected for one in read.panel.results] == ["", "2026-01-15T08:00:00+01:00"]
    assert "OBR(1)-7: lies after the message" in said(read)


@pytest.mark.parametrize(
    ("reason", "conditions"),
    [
        ("QS^^HL70490", ["QS"]),
        ("^Leaked in transit^L", ["Leaked in transit", "rejected"]),
        ("17^^L", ["17", "rejected"]),
    ],
)
def test_a_specimen_that_was_rejected_for_whatever_reason_is_so(reason: str, conditions: list[str]) -> None:
    read = of_result(POTASSIUM, f"SPM|1|S1||SER^Serum^HL70487{'|' * 17}{reason}")
    assert list(result(read).specimen.conditions) == conditions


@pytest.mark.parametrize("written", [f"  {POTASSIUM}", f"\t{POTASSIUM}", POTASSIUM.lower().replace("nm", "NM")])
def test_a_segment_that_is_not_quite_named_is_not_lost(written: str) -> None:
    read = of_result(POTASSIUM.replace("4.1", "4.2"), written)
    assert [one.value for one in read.panel.results] == ["4.2", "4.1"]
    assert "is read as the segment that it does not quite name" in said(read)


@pytest.mark.parametrize(
    ("written", "unit"),
    [
        ("mg/dL^mg/dL^L^mmol/L^^UCUM", "mg/dL or mmol/L"),
        ("mmol/L^^UCUM^umol/L^^L", "mmol/L or umol/L"),
        ("ug/L^^UCUM^ng/mL^^L", "ug/L"),
        ("mEq/L^^L^mmol/L^^UCUM", "mmol/L"),
        ("17^Millimol pro Liter^L^mmol/L^^UCUM", "mmol/L"),
    ],
)
def test_two_units_of_one_result_are_none(written: str, unit: str) -> None:
    assert result(of_result(POTASSIUM.replace("mmol/L", written))).unit == unit


@pytest.mark.parametrize("code", ["2601-3^Magnesium^LN", "MG^Magnesium^L"])
def test_of_two_charges_an_equivalent_is_half_a_mole(code: str) -> None:
    sent = f"OBX|1|NM|{code}||1.6|mEq/L^^L^mmol/L^^UCUM|1.3-2.1|N|||F"
    assert result(of_result(sent)).unit == "mEq/L or mmol/L"
