"""Builders: what is written is what is sent, and what is left out is absent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from google.protobuf.message import Message
from google.protobuf.text_format import Parse

from labgloss.v1 import panel_pb2 as pb
from labgloss_client import (
    coding,
    condition,
    interval,
    medication,
    panel,
    patient,
    result,
    specimen,
    symptom,
)

BUILT = [
    pytest.param(panel(), pb.Panel(), "", id="an empty panel holds nothing"),
    pytest.param(
        panel(
            result("magnesium", "0.41", "mmol/L"),
            result("2823-3", "2.9", "mmol/L"),
            patient=patient(age_years=67, sex="female"),
            symptoms=["cramps in both calves"],
        ),
        pb.Panel(),
        """
        patient { age_years: 67 sex: SEX_FEMALE }
        results { analyte: "magnesium" value: "0.41" unit: "mmol/L" }
        results { codings { code: "2823-3" } value: "2.9" unit: "mmol/L" }
        symptoms { text: "cramps in both calves" }
        """,
        id="the common panel",
    ),
    pytest.param(
        panel(
            id="p1",
            as_of=date(2026, 1, 15),
            source="feed-3",
            vitamin_d_policy="nam_2011",
            critical_limits="rcpath",
            intervals="mayo",
            release="1.0.0",
            language="en",
            trace=False,
        ),
        pb.Panel(),
        """
        id: "p1" source: "feed-3" as_of: "2026-01-15"
        options {
          vitamin_d_policy: "nam_2011" critical_limits: "rcpath" intervals: "mayo" release: "1.0.0" language: "en"
          trace: false
        }
        """,
        id="everything of a panel",
    ),
    pytest.param(
        panel(conditions=[], medications=[]),
        pb.Panel(),
        "conditions {} medications {}",
        id="an empty list of conditions is sent as an empty list",
    ),
    pytest.param(
        panel(
            symptoms=["MUSCLE_CRAMP", "FALLS", "Muscle_Cramp", "tingling lips", symptom(id="FALLS")],
            conditions=["heart_failure", "dialysis", "heart failure", condition(id="dialysis")],
            medications=["loop_diuretic", "ppi", "Furosemide 40 mg", medication(id="ppi")],
        ),
        pb.Panel(),
        """
        symptoms { id: "MUSCLE_CRAMP" }
        symptoms { text: "FALLS" }
        symptoms { text: "Muscle_Cramp" }
        symptoms { text: "tingling lips" }
        symptoms { id: "FALLS" }
        conditions {
          conditions { id: "heart_failure" }
          conditions { text: "dialysis" }
          conditions { text: "heart failure" }
          conditions { id: "dialysis" }
        }
        medications {
          medications { id: "loop_diuretic" }
          medications { text: "ppi" }
          medications { text: "Furosemide 40 mg" }
          medications { id: "ppi" }
        }
        """,
        id="only words joined with underscores are ids",
    ),
    pytest.param(
        result(
            "potassium",
            "3.0",
            "mmol/L",
            id="r1",
            codings=[coding("K", system="local", display="Kalium")],
            comparator="<",
            status="preliminary",
            collected=datetime(2026, 1, 15, 7, 30, tzinfo=timezone(timedelta(hours=1))),
            specimen=specimen(
                "plasma",
                id="s1",
                additive="HEPL",
                haemolysis="slight",
                conditions=["HEM"],
                transport="pneumatic tube",
                site="left arm",
                comments=["small sample"],
            ),
            interval=interval("3.5", Decimal("5.30")),
            flags=["LL"],
        ),
        pb.Result(),
        """
        id: "r1" analyte: "potassium" codings { system: "local" code: "K" display: "Kalium" }
        value: "3.0" comparator: COMPARATOR_LESS unit: "mmol/L" status: RESULT_STATUS_PRELIMINARY
        collected: "2026-01-15T07:30:00+01:00"
        specimen {
          id: "s1" kind: SPECIMEN_KIND_PLASMA additive: "HEPL" haemolysis: HAEMOLYSIS_SLIGHT conditions: "HEM"
          transport: "pneumatic tube" site: "left arm" comments: "small sample"
        }
        interval { low: "3.5" high: "5.30" } flags: "LL"
        """,
        id="everything of a result",
    ),
    pytest.param(
        result("2601-3", None, codings=[coding("19123-9")], collected=date(2026, 1, 15)),
        pb.Result(),
        'codings { code: "2601-3" } codings { code: "19123-9" } collected: "2026-01-15"',
        id="a result that is pending, with two codes",
    ),
    pytest.param(result("", "0.8"), pb.Result(), 'value: "0.8"', id="a result that nothing names"),
    pytest.param(result("potassium", " <3.0"), pb.Result(), 'analyte: "potassium" value: " <3.0"', id="a text"),
    pytest.param(
        result("potassium", Decimal("1E+1")), pb.Result(), 'analyte: "potassium" value: "10"', id="no exponent"
    ),
    pytest.param(
        result("potassium", Decimal("4.10")), pb.Result(), 'analyte: "potassium" value: "4.10"', id="digits are kept"
    ),
    pytest.param(result("potassium", 4), pb.Result(), 'analyte: "potassium" value: "4"', id="a whole number"),
    pytest.param(result("potassium", 0), pb.Result(), 'analyte: "potassium" value: "0"', id="zero is a value"),
    pytest.param(
        result("potassium", "4", collected=datetime(2026, 1, 15, tzinfo=UTC)),
        pb.Result(),
        'analyte: "potassium" value: "4" collected: "2026-01-15T00:00:00+00:00"',
        id="a time in UTC",
    ),
    pytest.param(interval(high=0), pb.LaboratoryInterval(), 'high: "0"', id="an interval without lower limit"),
    pytest.param(interval(text="<5"), pb.LaboratoryInterval(), 'text: "<5"', id="an interval as text"),
    pytest.param(patient(), pb.Patient(), "", id="nothing is known of the patient"),
    pytest.param(
        patient(age_days=0, pregnant=False, preterm=True),
        pb.Patient(),
        "age_days: 0 pregnant: false preterm: true",
        id="zero and False are known",
    ),
    pytest.param(patient(age_months=7), pb.Patient(), "age_months: 7", id="an age in months"),
    pytest.param(
        patient(birth_date=date(1990, 2, 28), pregnant=True, trimester=2),
        pb.Patient(),
        'birth_date: "1990-02-28" pregnant: true trimester: 2',
        id="a birth date",
    ),
    pytest.param(patient(birth_date="1990"), pb.Patient(), 'birth_date: "1990"', id="a birth year"),
    pytest.param(
        symptom("cramps", present=False, onset=date(2026, 1, 1), duration="P1D"),
        pb.Symptom(),
        'text: "cramps" present: false onset: "2026-01-01" duration: "P1D"',
        id="a symptom that was denied",
    ),
    pytest.param(
        medication(coding=coding("4603", system="rxnorm", display="furosemide"), since=date(2026, 1, 1)),
        pb.Medication(),
        'coding { system: "rxnorm" code: "4603" display: "furosemide" } since: "2026-01-01"',
        id="a coded medication",
    ),
    pytest.param(
        condition(coding=coding("N18.3", system="icd10cm")),
        pb.Condition(),
        'coding { system: "icd10cm" code: "N18.3" }',
        id="a coded condition",
    ),
]


@pytest.mark.parametrize(("built", "empty", "expected"), BUILT)
def test_what_is_written_is_what_is_sent(built: Message, empty: Message, expected: str) -> None:
    assert Parse(expected, empty) == built


@pytest.mark.parametrize("field", ["patient", "conditions", "medications", "options"])
def test_what_is_left_out_of_a_panel_is_absent(field: str) -> None:
    assert not panel().HasField(field)  # type: ignore[arg-type]  # the field's name varies
    assert panel(patient=patient(), conditions=[], medications=[], trace=True).HasField(field)  # type: ignore[arg-type]  # as above


def test_a_float_is_refused_because_its_digits_are_not_the_laboratorys() -> None:
    with pytest.raises(TypeError) as raised:
        result("magnesium", 0.41, "mmol/L")  # type: ignore[arg-type]  # what is tested
    assert str(raised.value) == (
        "value is a float, which has lost the digits that the laboratory sent (0.50 becomes 0.5): give the text as it "
        'was sent, such as "0.50", or a Decimal'
    )


REFUSED = [
    pytest.param(
        lambda: interval(low=0.7),  # type: ignore[arg-type]  # what is tested
        TypeError,
        "low is a float, which has lost the digits",
        id="a float limit",
    ),
    pytest.param(
        lambda: result("potassium", True),
        TypeError,
        "value is a text, a Decimal, a whole number or None, not bool",
        id="a bool",
    ),
    pytest.param(
        lambda: result("potassium", b"4.1"),  # type: ignore[arg-type]  # what is tested
        TypeError,
        "value is a text, a Decimal, a whole number or None, not bytes",
        id="bytes",
    ),
    pytest.param(
        lambda: panel(symptoms="cramps"),
        TypeError,
        "symptoms is a list of texts, not one text: put it in brackets",
        id="one symptom without brackets",
    ),
    pytest.param(
        lambda: panel(conditions="dialysis"),
        TypeError,
        "conditions is a list of texts, not one text: put it in brackets",
        id="one condition without brackets",
    ),
    pytest.param(
        lambda: panel(medications="ppi"),
        TypeError,
        "medications is a list of texts, not one text: put it in brackets",
        id="one medication without brackets",
    ),
    pytest.param(
        lambda: result("potassium", "2.1", flags="LL"),
        TypeError,
        "flags is a list of texts, not one text: put it in brackets",
        id="one flag without brackets",
    ),
    pytest.param(
        lambda: specimen(comments="small"),
        TypeError,
        "comments is a list of texts, not one text: put it in brackets",
        id="one comment without brackets",
    ),
    pytest.param(
        lambda: patient(age_years=0, age_days=12),
        ValueError,
        "give one of age_years, age_months, age_days and birth_date: the service takes one age",
        id="two ages, one of them zero",
    ),
    pytest.param(
        lambda: patient(sex="F"),
        ValueError,
        "sex is one of 'female', 'male'; leave it out where it is not known",
        id="a sex of another spelling",
    ),
    pytest.param(
        lambda: patient(sex="unspecified"),
        ValueError,
        "sex is one of 'female', 'male'; leave it out where it is not known",
        id="unknown is said by leaving it out",
    ),
    pytest.param(
        lambda: result("potassium", "3.0", comparator="=<"),
        ValueError,
        "comparator is one of '<', '<=', '>=', '>'; leave it out where it is not known",
        id="a comparator of another spelling",
    ),
    pytest.param(
        lambda: result("potassium", "3.0", status="F"),
        ValueError,
        "status is one of 'registered', 'preliminary', 'final', 'corrected', 'amended', 'cancelled', "
        "'entered_in_error'; leave it out where it is not known",
        id="a status of another code list",
    ),
    pytest.param(
        lambda: specimen("blood"),
        ValueError,
        "kind is one of 'serum', 'plasma', 'whole_blood', 'capillary', 'venous', 'arterial', 'urine'; leave it out "
        "where it is not known",
        id="a specimen kind that does not exist",
    ),
    pytest.param(
        lambda: specimen(haemolysis="3+"),
        ValueError,
        "haemolysis is one of 'none', 'slight', 'moderate', 'gross'; leave it out where it is not known",
        id="a haemolysis grade that does not exist",
    ),
    pytest.param(
        lambda: result("potassium", "3.0", collected=datetime(2026, 1, 15, 7, 30)),
        ValueError,
        "collected has no offset from UTC, so the local date of the draw is not known: give a datetime with a "
        "timezone, or the date alone",
        id="a time without offset",
    ),
    pytest.param(
        lambda: patient(birth_date=datetime(1990, 1, 1, tzinfo=UTC)),
        TypeError,
        "a date without time is needed here: give a date or a text, not a datetime",
        id="a birth date with a time",
    ),
]


@pytest.mark.parametrize(("build", "kind_of_error", "message"), REFUSED)
def test_what_would_arrive_as_something_else_is_refused(
    build: Callable[[], Any], kind_of_error: type[Exception], message: str
) -> None:
    with pytest.raises(kind_of_error) as raised:
        build()
    assert str(raised.value) == message or str(raised.value).startswith(f"{message} that the laboratory sent (")
