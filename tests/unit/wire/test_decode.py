"""A panel is decoded as it was sent, or refused with every bad field at once."""

from __future__ import annotations

from datetime import UTC, date, datetime
from operator import attrgetter

import pytest
from google.protobuf.text_format import Parse

from labgloss.domain import panel as domain
from labgloss.domain.quantity import Comparator
from labgloss.domain.subject import AgeUnit, BirthDate, Patient, Sex, StatedAge
from labgloss.errors import ReleaseNotLoadedError, RequestError
from labgloss.knowledge.release import Release
from labgloss.v1 import panel_pb2 as pb
from labgloss.wire.decode import decode_panel

MAGNESIUM = 'results { analyte: "magnesium" value: "0.41" unit: "mmol/L" }'


def panel_of(text: str) -> pb.Panel:
    return Parse(text, pb.Panel())


def violations_of(text: str | pb.Panel, release: Release, path: str = "panel") -> list[tuple[str, str, str]]:
    """Field, reason and description of everything that is wrong, with the path removed."""
    panel = panel_of(text) if isinstance(text, str) else text
    with pytest.raises(RequestError) as raised:
        decode_panel(panel, path, release)
    return [(each.field.removeprefix(f"{path}."), each.reason, each.description) for each in raised.value.violations]


def test_everything_that_is_sent_arrives_in_the_domain(release: Release) -> None:
    panel = panel_of("""
        id: "p1"
        patient { age_years: 67 sex: SEX_FEMALE pregnant: false preterm: true }
        results {
          id: "r1" analyte: "potassium" value: "<3.0 " comparator: COMPARATOR_LESS unit: " mmol/l" flags: "L" flags: "A"
          codings { system: "http://loinc.org" code: "2823-3" display: "K" } status: RESULT_STATUS_PRELIMINARY
          collected: "2026-01-15T08:30:00+01:00"
          specimen {
            id: "s1" kind: SPECIMEN_KIND_PLASMA additive: "HEPL" haemolysis: HAEMOLYSIS_SLIGHT conditions: "HEM"
            transport: "pneumatic tube" site: "left arm" comments: "slow"
          }
          interval { low: "3.5" text: "3.5-5.0" }
        }
        symptoms { id: "MUSCLE_CRAMP" present: false onset: "P1D" duration: "PT6H" }
        symptoms { text: "tired" }
        symptoms { coding { system: "icd10cm" code: "R25.2" } }
        conditions { conditions { id: "dialysis" } conditions { text: "gout" } }
        medications { medications { coding { system: "atc" code: "A02BC01" display: "omeprazole" } since: "2022-03" } }
        source: "feed-7" as_of: "2026-02-01"
        options { vitamin_d_policy: "grc_2016" critical_limits: "rcpath" intervals: "mayo" release: "1.2.3"
                  language: "en" trace: false }
    """)
    instant = datetime(2026, 1, 15, 7, 30, tzinfo=UTC)
    assert decode_panel(panel, "panel", release) == domain.Panel(
        id="p1",
        patient=Patient(StatedAge(67, AgeUnit.YEARS), Sex.FEMALE, pregnant=False, trimester=None, preterm=True),
        results=(
            domain.Result(
                index=0,
                id="r1",
                analyte="potassium",
                codings=(domain.Coding("http://loinc.org", "2823-3", "K"),),
                value="<3.0 ",
                comparator=Comparator.LESS,
                unit=" mmol/l",
                status=domain.ResultStatus.PRELIMINARY,
                collected=domain.Collected("2026-01-15T08:30:00+01:00", date(2026, 1, 15), instant),
                specimen=domain.Specimen(
                    "s1",
                    domain.SpecimenKind.PLASMA,
                    "HEPL",
                    domain.Haemolysis.SLIGHT,
                    ("HEM",),
                    "pneumatic tube",
                    "left arm",
                    ("slow",),
                ),
                interval=domain.LaboratoryInterval("3.5", None, "3.5-5.0"),
                flags=("L", "A"),
            ),
        ),
        symptoms=(
            domain.Symptom(id="MUSCLE_CRAMP", present=False, onset="P1D", duration="PT6H"),
            domain.Symptom(text="tired"),
            domain.Symptom(coding=domain.Coding("icd10cm", "R25.2")),
        ),
        conditions=(domain.ContextItem(id="dialysis"), domain.ContextItem(text="gout")),
        medications=(domain.ContextItem(coding=domain.Coding("atc", "A02BC01", "omeprazole"), since="2022-03"),),
        source="feed-7",
        options=domain.Options("grc_2016", "rcpath", "mayo", trace=False),
        as_of=date(2026, 2, 1),
    )


def test_what_is_not_sent_is_unknown_and_never_the_usual(release: Release) -> None:
    decoded = decode_panel(panel_of('results { analyte: "magnesium" }'), "panel", release)
    assert decoded == domain.Panel(results=(domain.Result(index=0, analyte="magnesium"),))
    assert (None, None) == (decoded.conditions, decoded.medications)
    assert Patient() == decoded.patient
    assert decoded.options.trace


def test_a_list_that_is_sent_empty_is_empty_and_not_absent(release: Release) -> None:
    decoded = decode_panel(panel_of(f"{MAGNESIUM} conditions {{}} medications {{}}"), "panel", release)
    assert ((), ()) == (decoded.conditions, decoded.medications)


@pytest.mark.parametrize("value", ["NaN", "-1", "1e400", "0,41", "", "٣", "1" * 1_000, "not a number"])
def test_whatever_is_wrong_with_a_value_is_left_to_the_engine(value: str, release: Release) -> None:
    panel = panel_of('results { analyte: "no such analyte" unit: "furlong" }')
    panel.results[0].value = value
    assert value == decode_panel(panel, "panel", release).results[0].value


def test_an_interval_in_which_nothing_stands_was_not_sent(release: Release) -> None:
    panel = panel_of('results { analyte: "magnesium" interval { low: "" } }')
    assert decode_panel(panel, "panel", release).results[0].interval is None


@pytest.mark.parametrize(
    ("text", "violation"),
    [
        ("", ("results", "REQUIRED", "at least one result or one symptom is needed")),
        (
            'results { value: "1" }',
            ("results[0].analyte", "REQUIRED", "an analyte id, or a coding with a code, is needed"),
        ),
        (
            'results { codings { display: "Mg" } }',
            ("results[0].analyte", "REQUIRED", "an analyte id, or a coding with a code, is needed"),
        ),
        ("symptoms { present: true }", ("symptoms[0]", "REQUIRED", "an id, a coding with a code, or a text is needed")),
        (
            f"{MAGNESIUM} conditions {{ conditions {{}} }}",
            ("conditions.conditions[0]", "REQUIRED", "an id, a coding with a code, or a text is needed"),
        ),
        (
            f"{MAGNESIUM} medications {{ medications {{ coding {{ display: 'x' }} }} }}",
            ("medications.medications[0]", "REQUIRED", "an id, a coding with a code, or a text is needed"),
        ),
        (
            f"{MAGNESIUM} patient {{ age_years: 151 }}",
            ("patient.age_years", "OUT_OF_RANGE", "completed years 0 to 150 are allowed"),
        ),
        (
            f"{MAGNESIUM} patient {{ age_months: -1 }}",
            ("patient.age_months", "OUT_OF_RANGE", "completed months 0 to 1,800 are allowed"),
        ),
        (
            f"{MAGNESIUM} patient {{ age_days: 54788 }}",
            ("patient.age_days", "OUT_OF_RANGE", "completed days 0 to 54,787 are allowed"),
        ),
        (
            f"{MAGNESIUM} patient {{ trimester: 4 }}",
            ("patient.trimester", "OUT_OF_RANGE", "trimesters 1 to 3 are allowed"),
        ),
        (
            f"{MAGNESIUM} patient {{ trimester: 2 pregnant: false }}",
            (
                "patient.trimester",
                "CONTRADICTION",
                "a patient who is not pregnant has none; leave it out, or correct pregnant",
            ),
        ),
        (
            f'{MAGNESIUM} patient {{ birth_date: "1959-02-30" }}',
            (
                "patient.birth_date",
                "BAD_FORM",
                "a date YYYY-MM-DD of the years 1800 to 2999, or YYYY-MM, or YYYY is needed",
            ),
        ),
        (
            f'{MAGNESIUM} patient {{ birth_date: "" }}',
            (
                "patient.birth_date",
                "BAD_FORM",
                "a date YYYY-MM-DD of the years 1800 to 2999, or YYYY-MM, or YYYY is needed",
            ),
        ),
        (
            f'{MAGNESIUM} patient {{ birth_date: "2027" }} as_of: "2026-01-01"',
            ("patient.birth_date", "CONTRADICTION", "it lies after panel.as_of; correct one of the two"),
        ),
        (
            'results { analyte: "magnesium" collected: "2026-03-01" } results { analyte: "magnesium" '
            'collected: "2025-12-31T23:00:00Z" } patient { birth_date: "2026-01" } as_of: "2026-06-01"',
            ("patient.birth_date", "CONTRADICTION", "it lies after panel.results[1].collected; correct one of the two"),
        ),
        (
            f'{MAGNESIUM} patient {{ birth_date: "1800-01-01" }} as_of: "2026-01-01"',
            ("patient.birth_date", "OUT_OF_RANGE", "it lies more than 150 years before panel.as_of"),
        ),
        (
            'results { analyte: "magnesium" collected: "yesterday" }',
            (
                "results[0].collected",
                "BAD_FORM",
                "a date YYYY-MM-DD of the years 1800 to 2999, or RFC 3339 with its offset, "
                'such as "2026-01-15T08:30:00+01:00" is needed',
            ),
        ),
        (
            f'{MAGNESIUM} as_of: "2026-01-15T08:30:00Z"',
            ("as_of", "BAD_FORM", "a date YYYY-MM-DD of the years 1800 to 2999 is needed"),
        ),
        (
            'symptoms { id: "FATIGUE" onset: "last week" }',
            (
                "symptoms[0].onset",
                "BAD_FORM",
                "a date YYYY-MM-DD of the years 1800 to 2999, or an ISO 8601 duration, such as "
                '"P1D" or "PT6H" is needed',
            ),
        ),
        (
            'symptoms { id: "FATIGUE" duration: "2026-01-01" }',
            ("symptoms[0].duration", "BAD_FORM", 'an ISO 8601 duration, such as "P1D" or "PT6H" is needed'),
        ),
        (
            f'{MAGNESIUM} medications {{ medications {{ id: "ppi" since: "2022-3" }} }}',
            (
                "medications.medications[0].since",
                "BAD_FORM",
                "a date YYYY-MM-DD of the years 1800 to 2999, or YYYY-MM, or YYYY is needed",
            ),
        ),
        (
            'results { id: "a" analyte: "x" } results { analyte: "x" } results { id: "a" analyte: "y" }',
            ("results[2].id", "DUPLICATE", "it is also the id of panel.results[0]; give each result its own"),
        ),
        (
            f'{MAGNESIUM} options {{ language: "de" }}',
            ("options.language", "UNKNOWN_VALUE", '"en" is allowed, or none, which means the same'),
        ),
        (
            f'{MAGNESIUM} options {{ vitamin_d_policy: "x" }}',
            (
                "options.vitamin_d_policy",
                "UNKNOWN_VALUE",
                "one of nam_2011, grc_2016 is allowed, or none for the default",
            ),
        ),
        (
            f'{MAGNESIUM} options {{ critical_limits: "x" }}',
            ("options.critical_limits", "UNKNOWN_VALUE", "one of default, rcpath is allowed, or none for the default"),
        ),
        (
            f'{MAGNESIUM} options {{ intervals: "x" }}',
            ("options.intervals", "UNKNOWN_VALUE", "one of default, mayo is allowed, or none for the default"),
        ),
    ],
)
def test_a_bad_field_is_named_with_what_is_allowed(
    text: str, violation: tuple[str, str, str], release: Release
) -> None:
    assert [violation] == violations_of(text, release)


@pytest.mark.parametrize(
    "text",
    [
        'patient { birth_date: "2026" } as_of: "2026-01-15"',
        'patient { birth_date: "2026-01-15" } as_of: "2026-01-15"',
        'patient { birth_date: "1876" } as_of: "2026-12-31"',
        'patient { birth_date: "2030" }',
        "patient { trimester: 2 }",
        "patient { age_years: 0 }",
        "patient { age_years: 150 }",
        'results { analyte: "magnesium" id: "magnesium" }',
        'options { vitamin_d_policy: "nam_2011" critical_limits: "default" intervals: "default" language: "en" }',
    ],
)
def test_what_may_be_is_let_pass(text: str, release: Release) -> None:
    decode_panel(panel_of(f"{MAGNESIUM} {text}"), "panel", release)


def test_numbers_that_a_closed_list_does_not_hold_are_refused_with_the_list(release: Release) -> None:
    # The text form refuses unknown numbers, the wire does not.
    panel = panel_of('results { analyte: "magnesium" specimen {} } patient {}')
    for message, field in (
        (panel.patient, "sex"),
        (panel.results[0], "comparator"),
        (panel.results[0], "status"),
        (panel.results[0].specimen, "kind"),
        (panel.results[0].specimen, "haemolysis"),
    ):
        setattr(message, field, 99)
    found = violations_of(pb.Panel.FromString(panel.SerializeToString()), release)
    assert {"UNKNOWN_VALUE"} == {reason for _, reason, _ in found}
    assert {
        "patient.sex": "one of SEX_FEMALE, SEX_MALE is allowed, or none",
        "results[0].comparator": "one of COMPARATOR_LESS, COMPARATOR_LESS_OR_EQUAL, COMPARATOR_GREATER_OR_EQUAL, "
        "COMPARATOR_GREATER is allowed, or none",
        "results[0].status": "one of RESULT_STATUS_REGISTERED, RESULT_STATUS_PRELIMINARY, RESULT_STATUS_FINAL, "
        "RESULT_STATUS_CORRECTED, RESULT_STATUS_AMENDED, RESULT_STATUS_CANCELLED, RESULT_STATUS_ENTERED_IN_ERROR "
        "is allowed, or none",
        "results[0].specimen.kind": "one of SPECIMEN_KIND_SERUM, SPECIMEN_KIND_PLASMA, SPECIMEN_KIND_WHOLE_BLOOD, "
        "SPECIMEN_KIND_CAPILLARY, SPECIMEN_KIND_VENOUS, SPECIMEN_KIND_ARTERIAL, SPECIMEN_KIND_URINE "
        "is allowed, or none",
        "results[0].specimen.haemolysis": "one of HAEMOLYSIS_NONE, HAEMOLYSIS_SLIGHT, HAEMOLYSIS_MODERATE, "
        "HAEMOLYSIS_GROSS is allowed, or none",
    } == {field: description for field, _, description in found}


def every_text() -> list[tuple[str, int]]:
    """The path of every text of a panel, and its limit, from the schema itself."""
    short = {"id", "analyte", "unit", "code", "release"}
    paths: list[tuple[str, int]] = []

    def walk(descriptor: object, path: str) -> None:
        for field in descriptor.fields:  # type: ignore[attr-defined]
            at = f"{path}{field.name}{'[0]' if field.is_repeated else ''}"
            if field.message_type is not None:
                walk(field.message_type, f"{at}.")
            elif field.type == field.TYPE_STRING:
                paths.append((at, 128 if field.name in short else 1_000))

    walk(pb.Panel.DESCRIPTOR, "")
    return paths


# Texts of a form or from a list, which are refused for that.
FORMED = {"birth_date", "collected", "as_of", "onset", "duration", "since", "vitamin_d_policy", "critical_limits"}
FORMED |= {"intervals", "language"}


@pytest.mark.parametrize(
    ("path", "limit"), [(path, limit) for path, limit in every_text() if path.rpartition(".")[2] not in FORMED]
)
def test_every_text_of_the_schema_has_its_limit(path: str, limit: int, release: Release) -> None:
    def with_text(length: int) -> pb.Panel:
        panel = panel_of('results { analyte: "x" } symptoms { text: "x" }')
        panel.medications.medications.add(text="x")
        panel.conditions.conditions.add(text="x")
        message: object = panel
        *parents, last = path.split(".")
        for name in parents:
            message = getattr(message, name.removesuffix("[0]"))
            if name.endswith("[0]"):
                message = message[0] if len(message) else message.add()  # type: ignore[arg-type,index,attr-defined]
        if last.endswith("[0]"):
            getattr(message, last.removesuffix("[0]")).append("é" * length)
        else:
            setattr(message, last, "é" * length)
        return panel

    too_long = (path, "TOO_LONG", f"at most {limit:,} characters are allowed; shorten it")
    assert [too_long] == violations_of(with_text(limit + 1), release)
    if path == "options.release":
        with pytest.raises(ReleaseNotLoadedError):
            decode_panel(with_text(limit), "panel", release)
    else:
        decode_panel(with_text(limit), "panel", release)


@pytest.mark.parametrize("field", ["results", "symptoms", "conditions.conditions", "medications.medications"])
def test_every_list_ends_at_200_items(field: str, release: Release) -> None:
    panel = panel_of(MAGNESIUM if field != "results" else "")
    items = attrgetter(field)(panel)
    for _ in range(200):
        items.add(**{"analyte" if field == "results" else "text": "x"})
    decode_panel(panel, "panel", release)
    items.add()
    too_many = (field, "TOO_MANY", "at most 200 items are allowed; send fewer, or several panels")
    assert [too_many] == violations_of(panel, release)


def test_lists_inside_a_result_end_at_200_items_too(release: Release) -> None:
    panel = panel_of('results { analyte: "x" specimen {} }')
    panel.results[0].flags.extend(["L"] * 201)
    panel.results[0].codings.extend([pb.Coding(code="x")] * 201)
    panel.results[0].specimen.conditions.extend(["HEM"] * 201)
    panel.results[0].specimen.comments.extend(["x"] * 201)
    assert {
        "results[0].flags",
        "results[0].codings",
        "results[0].specimen.conditions",
        "results[0].specimen.comments",
    } == {field for field, reason, _ in violations_of(panel, release) if reason == "TOO_MANY"}


def test_every_violation_is_said_at_once_under_the_path_of_the_caller(release: Release) -> None:
    panel = panel_of("""
        patient { age_years: 200 trimester: 0 }
        results { collected: "x" }
        results { id: "a" analyte: "x" }
        results { id: "a" analyte: "x" }
        symptoms {}
        as_of: "x"
        options { language: "xx" release: "other" }
    """)
    assert [
        ("panels[3].patient.trimester", "OUT_OF_RANGE"),
        ("panels[3].patient.age_years", "OUT_OF_RANGE"),
        ("panels[3].results[0].analyte", "REQUIRED"),
        ("panels[3].results[0].collected", "BAD_FORM"),
        ("panels[3].results[2].id", "DUPLICATE"),
        ("panels[3].symptoms[0]", "REQUIRED"),
        ("panels[3].options.language", "UNKNOWN_VALUE"),
        ("panels[3].as_of", "BAD_FORM"),
    ] == [(f"panels[3].{field}", reason) for field, reason, _ in violations_of(panel, release, "panels[3]")]


def test_no_violation_repeats_what_was_sent(release: Release) -> None:
    canary = "canary7391"
    panel = panel_of(
        f"""
        id: "{canary * 20}" patient {{ birth_date: "{canary}" }} as_of: "{canary}" source: "{canary * 200}"
        results {{ id: "{canary}" collected: "{canary}" unit: "{canary * 20}" }} results {{ id: "{canary}" }}
        symptoms {{ id: "{canary}" onset: "{canary}" duration: "{canary}" }}
        medications {{ medications {{ text: "{canary}" since: "{canary}" }} }}
        options {{ vitamin_d_policy: "{canary}" critical_limits: "{canary}" intervals: "{canary}" }}
        """
    )
    panel.options.language = canary
    with pytest.raises(RequestError) as raised:
        decode_panel(panel, "panel", release)
    assert 16 == len(raised.value.violations)
    assert canary not in repr(raised.value.violations) + str(raised.value)


@pytest.mark.parametrize("pinned", ["", "1.2.3", "d" * 64])
def test_a_release_may_be_pinned_by_version_or_digest(pinned: str, release: Release) -> None:
    decode_panel(panel_of(f'{MAGNESIUM} options {{ release: "{pinned}" }}'), "panel", release)


@pytest.mark.parametrize("pinned", ["1.2", "d" * 63, "1.2.3 "])
def test_a_pinned_release_that_is_not_loaded_is_an_error_of_its_own(pinned: str, release: Release) -> None:
    with pytest.raises(ReleaseNotLoadedError) as raised:
        decode_panel(panel_of(f'{MAGNESIUM} options {{ release: "{pinned}" }}'), "panel", release)
    assert {"loaded_version": "1.2.3", "loaded_digest": "d" * 64} == raised.value.metadata
    assert (
        f"The pinned release is not loaded; version 1.2.3, digest {'d' * 64}, is. "
        "Pin that one, or leave options.release empty." == raised.value.message
    )


def test_a_birth_date_of_a_year_is_every_day_of_it(release: Release) -> None:
    decoded = decode_panel(panel_of(f'{MAGNESIUM} patient {{ birth_date: "1959" }}'), "panel", release)
    assert BirthDate(date(1959, 1, 1), date(1959, 12, 31)) == decoded.patient.age
