"""Panel files become the messages that are sent; their faults are listed all at once."""

import json
from pathlib import Path
from typing import Any

import pytest

from labgloss.panels import schema
from labgloss.panels.errors import PanelFileError
from labgloss.panels.reader import read_content, read_panels
from labgloss.v1 import panel_pb2 as pb
from labgloss.v1 import report_pb2

FULL = """
[[panel]]
id = "full"
title = "Every key"
why = "Each is read."
as_of = 2026-01-15
source = "ward-feed"
[panel.patient]
age_months = 0
sex = "female"
pregnant = false
trimester = 2
preterm = true
[[panel.results]]
id = "k1"
analyte = "potassium"
code = "2823-3"
value = "5.10"
comparator = "<="
unit = "mmol/L"
status = "preliminary"
collected = 2026-01-14T08:30:00+01:00
flags = ["H"]
[panel.results.specimen]
id = "s1"
kind = "whole_blood"
additive = "HEPL"
haemolysis = "slight"
conditions = ["HEM"]
transport = "pneumatic tube"
site = "left arm"
comments = ["drawn late"]
[panel.results.interval]
low = 3.50
high = "5.3"
text = "3.5-5.3"
[[panel.symptoms]]
text = "cramps"
present = false
onset = "P1D"
duration = "PT2H"
[[panel.symptoms]]
code = "R25.2"
system = "icd10cm"
[[panel.conditions]]
id = "dialysis"
[[panel.medications]]
code = "C03CA01"
system = "atc"
text = "furosemide"
since = 2024-05-01
[panel.options]
vitamin_d_policy = "nam_2011"
critical_limits = "rcpath"
intervals = "mayo"
release = "1.0.0"
language = "en"
trace = false
"""


def panel_of(text: str, spelling: Any = "toml") -> pb.Panel:
    (case,) = read_content(text.encode(), spelling, "a.toml")
    return case.panel


def faults_of(text: str, spelling: Any = "toml") -> list[str]:
    with pytest.raises(PanelFileError) as raised:
        read_content(text.encode(), spelling, "a.toml")
    return [str(fault) for fault in raised.value.faults]


def test_every_key_reaches_the_message() -> None:
    assert panel_of(FULL) == pb.Panel(
        id="full",
        as_of="2026-01-15",
        source="ward-feed",
        patient=pb.Patient(age_months=0, sex=pb.SEX_FEMALE, pregnant=False, trimester=2, preterm=True),
        results=[
            pb.Result(
                id="k1",
                analyte="potassium",
                codings=[pb.Coding(system="loinc", code="2823-3")],
                value="5.10",
                comparator=pb.COMPARATOR_LESS_OR_EQUAL,
                unit="mmol/L",
                status=pb.RESULT_STATUS_PRELIMINARY,
                collected="2026-01-14T08:30:00+01:00",
                specimen=pb.Specimen(
                    id="s1",
                    kind=pb.SPECIMEN_KIND_WHOLE_BLOOD,
                    additive="HEPL",
                    haemolysis=pb.HAEMOLYSIS_SLIGHT,
                    conditions=["HEM"],
                    transport="pneumatic tube",
                    site="left arm",
                    comments=["drawn late"],
                ),
                interval=pb.LaboratoryInterval(low="3.50", high="5.3", text="3.5-5.3"),
                flags=["H"],
            )
        ],
        symptoms=[
            pb.Symptom(text="cramps", present=False, onset="P1D", duration="PT2H"),
            pb.Symptom(coding=pb.Coding(system="icd10cm", code="R25.2")),
        ],
        conditions=pb.ConditionList(conditions=[pb.Condition(id="dialysis")]),
        medications=pb.MedicationList(
            medications=[
                pb.Medication(
                    coding=pb.Coding(system="atc", code="C03CA01", display="furosemide"),
                    text="furosemide",
                    since="2024-05-01",
                )
            ]
        ),
        options=pb.Options(
            vitamin_d_policy="nam_2011",
            critical_limits="rcpath",
            intervals="mayo",
            release="1.0.0",
            language="en",
            trace=False,
        ),
    )


@pytest.mark.parametrize(
    ("written", "sent"), [("0.40", "0.40"), ("4", "4"), ("4.0", "4.0"), ("1_000.50", "1000.50"), ('"<4.0"', "<4.0")]
)
def test_a_value_in_toml_keeps_the_digits_that_were_written(written: str, sent: str) -> None:
    assert panel_of(f'[[panel]]\nid = "a"\n[[panel.results]]\nvalue = {written}').results[0].value == sent


@pytest.mark.parametrize(("written", "sent"), [("0.40", "0.40"), ("4", "4"), ("1" * 5000, "1" * 5000), ('"x"', "x")])
def test_a_value_in_json_keeps_the_digits_that_were_written(written: str, sent: str) -> None:
    text = f'{{"panel": [{{"id": "a", "results": [{{"value": {written}}}]}}]}}'
    assert panel_of(text, "json").results[0].value == sent


def test_a_list_of_conditions_that_is_absent_differs_from_an_empty_one() -> None:
    absent, empty = panel_of('[[panel]]\nid = "a"'), panel_of('[[panel]]\nid = "a"\nconditions = []\nmedications = []')
    assert [absent.HasField("conditions"), absent.HasField("medications")] == [False, False]
    assert [empty.HasField("conditions"), empty.HasField("medications")] == [True, True]


def test_an_unknown_sex_is_sent_as_unspecified() -> None:
    assert panel_of('[[panel]]\nid = "a"\npatient.sex = "unknown"').patient.sex == pb.SEX_UNSPECIFIED


def test_a_patient_who_is_absent_is_not_sent() -> None:
    assert not panel_of('[[panel]]\nid = "a"').HasField("patient")


@pytest.mark.parametrize("age", ["age_years", "age_months", "age_days"])
def test_an_age_of_zero_is_sent(age: str) -> None:
    assert panel_of(f'[[panel]]\nid = "a"\npatient.{age} = 0').patient.WhichOneof("age") == age


def test_all_faults_of_a_file_are_named_with_panel_key_and_what_is_allowed() -> None:
    assert faults_of(
        """
        [[panel]]
        id = "a"
        titel = "x"
        patient = { age_years = 67.0, sex = "woman" }
        results = [{ value = true, unit = 3, collected = 2026-01-15T08:00:00 }]
        symptoms = [{ code = "x" }, {}, "cramps"]
        [panel.expect]
        results.magnesium = { clas = "low", class = "lo", ctcae_grade = 6 }
        refused = { k1 = "broken" }
        [[panel]]
        id = ""
        as_of = 2026-01-15T08:00:00Z
        patient = { age_years = 3, age_days = 2 }
        conditions = "none"
        """
    ) == [
        'a.toml: panel "a": patient.age_years: a whole number is needed, without quotes',
        "a.toml: panel \"a\": patient.sex: is not allowed; allowed: 'female', 'male' or 'unknown'",
        'a.toml: panel "a": results[0].value: text is needed, in quotes',
        'a.toml: panel "a": results[0].unit: text is needed, in quotes',
        'a.toml: panel "a": results[0].collected: a time needs its offset from UTC, such as 2026-01-15T08:30:00+01:00',
        "a.toml: panel \"a\": symptoms[0]: code and system are given together, such as system = 'snomed' or 'icd10cm'",
        'a.toml: panel "a": symptoms[1]: id, code with system, or text is required',
        'a.toml: panel "a": symptoms[2]: a table is needed',
        "a.toml: panel \"a\": expect.refused.k1: is not allowed; allowed: 'no_value', 'code_invalid', 'wrong_analyte', "
        "'value_not_numeric', 'unit_missing', 'unit_not_accepted', 'unit_conflict', 'edta_contamination', "
        "'drip_arm_contamination', 'value_implausible', 'haemolysis', 'assay_interference', 'specimen_unsuitable', "
        "'specimen_rejected' or 'superseded_by_paired_specimen'",
        "a.toml: panel \"a\": expect.results.magnesium.class: is not allowed; allowed: 'low', 'normal', 'high' or "
        "'indeterminate'",
        'a.toml: panel "a": expect.results.magnesium.ctcae_grade: a number up to 5 is needed',
        'a.toml: panel "a": expect.results.magnesium.clas: is not a key here; allowed: state, class, flag, band, '
        "bands, critical, urgency, ctcae_grade, value, unit, exceeds_reference_change, rules, not_rules",
        'a.toml: panel "a": titel: is not a key here; allowed: id, title, why, as_of, source, patient, results, '
        "symptoms, conditions, medications, options, expect",
        "a.toml: panel at position 2: id: must not be empty",
        "a.toml: panel at position 2: as_of: a date is needed, without a time",
        "a.toml: panel at position 2: patient: one of age_years, age_months, age_days, birth_date is allowed, "
        "not several",
        "a.toml: panel at position 2: conditions: a list is needed",
    ]


def test_no_fault_repeats_a_value_of_the_file() -> None:
    text = '[[panel]]\nid = "a"\npatient = { sex = "SECRET", age_years = "SECRET" }\nresults = ["SECRET"]'
    assert "SECRET" not in " ".join(faults_of(text))


def test_an_id_that_stands_twice_in_a_file_is_a_fault() -> None:
    text = '[[panel]]\nid = "a"\n[[panel]]\nid = "a"\n[[panel]]\nid = "b"'
    assert faults_of(text) == ['a.toml: panel "a": id: stands twice; an id is unique in its file']


@pytest.mark.parametrize(
    ("spelling", "text", "fault"),
    [
        ("toml", "panel = [", "a.toml: is not TOML: Invalid value (at end of document)"),
        ("toml", "", "a.toml: panel: is required"),
        ("toml", "panel = []", "a.toml: panel: at least one is needed"),
        ("json", "[]", 'a.toml: is not a panel file; {"panel": [...]} is needed'),
        ("json", '{"panel": 1, "panel": 2}', "a.toml: is not JSON: a key stands twice in one object: panel"),
        ("json", '{"panel": NaN}', "a.toml: is not JSON: NaN is no number of JSON; write it as text, in quotes"),
        ("json", "[" * 100_000, "a.toml: is not JSON: is nested too deeply"),
        ("json", '{"panel": [3]}', "a.toml: panel at position 1: a table is needed"),
    ],
)
def test_what_is_no_panel_file_is_said(spelling: str, text: str, fault: str) -> None:
    assert faults_of(text, spelling) == [fault]


def test_a_folder_is_read_recursively_in_order(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "x.toml").write_text('[[panel]]\nid = "second"')
    (tmp_path / "a.json").write_text(json.dumps({"panel": [{"id": "first"}]}))
    (tmp_path / "c.TXT").write_text("no panel")
    assert [case.id for case in read_panels([tmp_path])] == ["first", "second"]


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_bytes(b'\xef\xbb\xbf[[panel]]\nid = "a"')
    assert [case.id for case in read_panels([file])] == ["a"]


def test_the_faults_of_all_files_are_listed_at_once(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "bytes.toml").write_bytes(b"\xff")
    (tmp_path / "text.txt").write_text("")
    (tmp_path / "keys.toml").write_text("[[panel]]\ntitle = 3")
    paths = [tmp_path / name for name in ("empty", "bytes.toml", "text.txt", "keys.toml", "absent.toml")]
    with pytest.raises(PanelFileError) as raised:
        read_panels(paths)
    assert str(raised.value).replace(str(tmp_path), "DIR").splitlines() == [
        "DIR/empty: the folder holds no panel file; *.toml and *.json are read",
        "DIR/bytes.toml: is not UTF-8 at byte 0; save it as UTF-8",
        "DIR/text.txt: a panel file is named *.toml or *.json",
        "DIR/keys.toml: panel at position 1: id: is required",
        "DIR/keys.toml: panel at position 1: title: text is needed, in quotes",
        "DIR/absent.toml: cannot be read: No such file or directory",
    ]


@pytest.mark.parametrize(
    ("form", "enumeration", "extra"),
    [
        (schema.StatusName, pb.ResultStatus, set()),
        (schema.KindName, pb.SpecimenKind, set()),
        (schema.HaemolysisName, pb.Haemolysis, set()),
        (schema.SexName, pb.Sex, {"UNKNOWN"}),
        (schema.UrgencyName, report_pb2.Urgency, set()),
        (schema.StateName, report_pb2.ResultState, set()),
        (schema.ClassName, report_pb2.ResultClass, set()),
        (schema.CriticalName, report_pb2.Critical, set()),
        (schema.RefusalName, report_pb2.RefusalReason, set()),
    ],
)
def test_the_names_of_a_panel_file_are_those_of_the_api(form: Any, enumeration: Any, extra: set[str]) -> None:
    prefix = enumeration.Name(0).removesuffix("UNSPECIFIED")
    names = {name.removeprefix(prefix) for name, number in enumeration.items() if number}
    assert {name.upper() for name in form.__args__} == names | extra
