"""What haemolysis, the tube and a rejection do to a verdict (DEC-14 row by row, DEC-48, DEC-70, DEC-75, DEC-83)."""

from __future__ import annotations

from typing import Any

import pytest

from labgloss.domain.panel import Haemolysis, SpecimenKind
from labgloss.domain.report import Critical, RefusalReason, ResultState, Urgency
from tests.unit.engine.conftest import Read, ReadOne
from tests.unit.engine.panel_builder import cautions, entry, issues, recommended, result

K, MG = "potassium", "magnesium"
NONE, SLIGHT, MODERATE, GROSS = Haemolysis


def serum(**fields: Any) -> dict[str, Any]:
    return {"kind": SpecimenKind.SERUM, **fields}


def haemolysed(analyte: str, value: str, level: Haemolysis = MODERATE) -> Any:
    return result(analyte, value, "mmol/L", specimen=serum(haemolysis=level))


# ---------------------------------------------------------------------------------------------- DEC-14


@pytest.mark.parametrize(
    ("value", "band", "critical", "urgency"),
    [
        ("5.4", "borderline_high", "NO", "ROUTINE"),
        ("6.2", "moderate_high", "NO", "SAME_DAY"),
        ("6.9", "severe_high", "YES", "EMERGENCY"),
    ],
)
def test_a_high_potassium_keeps_band_and_critical_until_the_repeat(
    read: Read, value: str, band: str, critical: str, urgency: str
) -> None:
    """design.md: potassium 6.9 haemolysed 3+ is not dismissed."""
    report = read(haemolysed(K, value))
    found = entry(report)
    assert (found.band, found.critical.name, report.urgency.name) == (band, critical, urgency)
    assert found.state is ResultState.CONDITIONAL
    assert "provisional_haemolysis" in cautions(found)
    assert "haemolysed" in issues(report)
    assert {"REPEAT_SAMPLE_NOW", "REPEAT_SAMPLE_ROUTINE"} & set(recommended(report))


@pytest.mark.parametrize(
    ("value", "critical", "urgency"),
    [
        ("5.4", Critical.NO, Urgency.PROMPT),
        ("6.9", Critical.POSSIBLE, Urgency.EMERGENCY),
        ("4.2", Critical.NO, Urgency.PROMPT),
    ],
)
def test_gross_and_unquantified_haemolysis_refuses_a_potassium_that_is_not_low(
    read: Read, value: str, critical: Critical, urgency: Urgency
) -> None:
    """DEC-11: of a patient who is not recorded well the band's EMERGENCY stays, while the flag on the value is held."""
    report = read(haemolysed(K, value, GROSS))
    found = entry(report)
    assert (found.refusal_reason, found.critical) == (RefusalReason.HAEMOLYSIS, critical)
    assert report.urgency is urgency
    assert [(flag.id, flag.held) for flag in report.red_flags] == [("VALUE_ALONE", True)] * (value == "6.9")
    assert ("PHONE_CRITICAL_RESULT" in recommended(report)) is (critical is Critical.POSSIBLE)


def test_gross_haemolysis_that_is_quantified_refuses_nothing(read: Read) -> None:
    found = entry(read(haemolysed(K, "6.9", GROSS), result("free_haemoglobin", "2", "g/L", specimen=serum())))
    assert (found.refusal_reason, found.band, found.critical) == (None, "severe_high", Critical.YES)


def test_a_normal_potassium_may_hide_a_low_one(read: Read) -> None:
    report = read(haemolysed(K, "4.2"))
    found = entry(report)
    assert (found.flag, found.state) == ("IND", ResultState.CONDITIONAL)
    assert "masked_low_possible" in cautions(found)


@pytest.mark.parametrize(
    ("free", "unit", "flag", "bands"),
    [
        # Serum 3.5-5.3: 4.2 - 0.51 x 1.37 is 3.501, with 1.38 it is 3.496; 2.36 g/L leaves 2.996, 3.4 g/L 2.466.
        ("1.37", "g/L", "N", ("normal",)),
        ("1.38", "g/L", "IND", ("mild_low", "normal")),
        ("137", "mg/dL", "N", ("normal",)),
        ("138", "mg/dL", "IND", ("mild_low", "normal")),
        ("2.36", "g/L", "IND", ("moderate_low", "mild_low", "normal")),
        ("3.4", "g/L", "IND", ("severe_low", "moderate_low", "mild_low", "normal")),
    ],
)
def test_free_haemoglobin_bounds_how_low_a_normal_potassium_may_be(
    read: Read, free: str, unit: str, flag: str, bands: tuple[str, ...]
) -> None:
    """K6; never a corrected potassium."""
    report = read(haemolysed(K, "4.2"), result("free_haemoglobin", free, unit, specimen=serum()))
    found = entry(report)
    assert (found.flag, found.bands) == (flag, bands)
    assert found.state is (ResultState.INTERPRETED if flag == "N" else ResultState.CONDITIONAL)
    assert "masked_low_possible" in cautions(found)
    assert found.reading is not None
    assert str(found.reading.compared.value) == "4.2"


def test_a_masked_low_potassium_that_may_be_critical_is_possibly_so(read: Read) -> None:
    """DEC-75: 4.2 - 0.51 x 3.4 is 2.466."""
    report = read(haemolysed(K, "4.2"), result("free_haemoglobin", "3.4", "g/L", specimen=serum()))
    assert entry(report).critical is Critical.POSSIBLE
    assert report.urgency is Urgency.EMERGENCY
    assert "PHONE_CRITICAL_RESULT" in recommended(report)


@pytest.mark.parametrize(
    ("index", "unit", "flag"), [("0.5", "g/L", "N"), ("50", "mg/dL", "N"), ("3", "g/L", "IND"), ("12", "", "IND")]
)
def test_an_index_in_grams_counts_as_free_haemoglobin_and_a_bare_one_does_not(
    read: Read, index: str, unit: str, flag: str
) -> None:
    found = entry(read(haemolysed(K, "4.2"), result("haemolysis_index", index, unit, specimen=serum())))
    assert found.flag == flag


def test_the_free_haemoglobin_of_another_draw_bounds_nothing(read: Read) -> None:
    potassium = result(K, "4.2", "mmol/L", specimen=serum(haemolysis=MODERATE, id="A"))
    other = result("free_haemoglobin", "0.1", "g/L", specimen=serum(id="B"))
    assert entry(read(potassium, other)).flag == "IND"


def test_a_rejected_free_haemoglobin_bounds_nothing(read: Read) -> None:
    free = result("free_haemoglobin", "0.1", "g/L", specimen=serum(conditions=("QS",)))
    assert entry(read(haemolysed(K, "4.2"), free)).flag == "IND"


@pytest.mark.parametrize("level", [MODERATE, GROSS])
def test_a_low_potassium_is_low(read: Read, level: Haemolysis) -> None:
    report = read(haemolysed(K, "2.9", level))
    found = entry(report)
    assert (found.flag, found.band, found.state) == ("L", "moderate_low", ResultState.INTERPRETED)
    assert report.urgency is Urgency.SAME_DAY


@pytest.mark.parametrize("level", [MODERATE, GROSS])
@pytest.mark.parametrize(
    ("value", "critical", "urgency"),
    [("1.08", Critical.NO, Urgency.PROMPT), ("2.00", Critical.POSSIBLE, Urgency.SAME_DAY)],
)
def test_a_high_magnesium_is_refused(
    read: Read, level: Haemolysis, value: str, critical: Critical, urgency: Urgency
) -> None:
    """R-HAEM, M13."""
    report = read(haemolysed(MG, value, level))
    found = entry(report)
    assert (found.refusal_reason, found.critical, report.urgency) == (RefusalReason.HAEMOLYSIS, critical, urgency)
    assert {"haemolysis", "haemolysed"} <= issues(report)


def test_a_normal_magnesium_may_hide_a_low_one(read: Read) -> None:
    report = read(haemolysed(MG, "0.85", GROSS))
    found = entry(report)
    assert (found.flag, found.refusal_reason) == ("IND", None)
    assert "masked_low_possible" in cautions(found)


def test_a_low_magnesium_is_low(read: Read) -> None:
    """MC 8.1, error 11."""
    report = read(haemolysed(MG, "0.38", GROSS))
    assert (entry(report).flag, entry(report).band) == ("LL", "severe_low")


@pytest.mark.parametrize(("analyte", "value"), [(K, "<5.0"), (K, ">=2.0"), (MG, "<0.90")])
def test_haemolysis_takes_no_possible_critical_from_a_bound(read: Read, analyte: str, value: str) -> None:
    """design.md, promise 5: an artefact may qualify a critical, never remove it."""
    assert entry(read(result(analyte, value, "mmol/L", specimen=serum()))).critical is Critical.POSSIBLE
    report = read(haemolysed(analyte, value))
    assert entry(report).critical is Critical.POSSIBLE
    assert report.urgency >= Urgency.SAME_DAY


# -------------------------------------------------------------------------------------------- what counts as haemolysed


@pytest.mark.parametrize(
    ("specimen", "flag"),
    [
        ({}, "N"),
        ({"haemolysis": NONE}, "N"),
        ({"haemolysis": SLIGHT}, "N"),
        ({"haemolysis": MODERATE}, "IND"),
        ({"conditions": ("HEM",)}, "IND"),
        ({"conditions": (" HEM ",)}, "IND"),
        ({"conditions": ("hem",)}, "IND"),
        ({"conditions": ("Hemolyzed",)}, "IND"),
        ({"conditions": ("not haemolysed",)}, "N"),
        ({"conditions": ("CLOT",)}, "N"),
        ({"comments": ("Sample haemolysed",)}, "IND"),
        ({"comments": ("HEMOLYZED ++",)}, "IND"),
        ({"comments": ("hemolytic",)}, "IND"),
        ({"comments": ("sample lysed",)}, "IND"),
        ({"comments": ("Probe hämolytisch",)}, "IND"),
        ({"comments": ("Probe nicht hämolytisch",)}, "N"),
        ({"comments": ("Hämolyse: keine",)}, "N"),
        ({"comments": ("known haemolytic anaemia",)}, "N"),
        ({"comments": ("Sample analysed twice",)}, "N"),
        ({"comments": ("received late", "haemolysis present")}, "IND"),
        ({"comments": ("Not haemolysed",)}, "N"),
        ({"comments": ("No haemolysis seen",)}, "N"),
        ({"comments": ("non-haemolysed",)}, "N"),
        ({"comments": ("no evidence of haemolysis",)}, "N"),
        ({"comments": ("not grossly haemolysed",)}, "N"),
        ({"comments": ("unhaemolysed",)}, "N"),
        ({"comments": ("haemolysis - negative",)}, "N"),
        ({"comments": ("Haemolysis index is within limits",)}, "N"),
        ({"comments": ("haemolysis index not within limits",)}, "IND"),
        ({"comments": ("slight haemolysis",)}, "N"),
        ({"comments": ("trace of haemolysis",)}, "N"),
        ({"comments": ("lipaemic",)}, "N"),
        # What is denied or slight is something else, or another moment.
        ({"comments": ("No clot. Sample haemolysed",)}, "IND"),
        ({"comments": ("Non-fasting sample haemolysed",)}, "IND"),
        ({"comments": ("Nil by mouth, haemolysed",)}, "IND"),
        ({"comments": ("slightly lipaemic, haemolysed",)}, "IND"),
        ({"comments": ("Haemolysed. None left for a repeat",)}, "IND"),
        ({"comments": ("not haemolysed on arrival; haemolysed by index",)}, "IND"),
    ],
)
def test_a_specimen_is_haemolysed_by_grade_condition_or_comment(
    read_one: ReadOne, specimen: dict[str, Any], flag: str
) -> None:
    """P02 and DEC-48."""
    assert read_one(result(K, "4.2", "mmol/L", specimen=serum(**specimen))).flag == flag


@pytest.mark.parametrize("comment", ["Grossly haemolysed", "GROSS HEMOLYSIS", "slight lipaemia, gross haemolysis"])
def test_a_comment_that_says_gross_is_gross(read_one: ReadOne, comment: str) -> None:
    """K6: gross and unquantified, high or normal."""
    for value in ("4.2", "6.9"):
        found = read_one(result(K, value, "mmol/L", specimen=serum(comments=(comment,))))
        assert found.refusal_reason is RefusalReason.HAEMOLYSIS
    kept = read_one(result(K, "6.9", "mmol/L", specimen=serum(comments=("grossly lipaemic and haemolysed",))))
    assert kept.band == "severe_high"


@pytest.mark.parametrize(("index", "flag"), [("49", "N"), ("50", "N"), ("51", "IND")])
def test_an_index_above_the_laboratorys_limit_makes_slight_haemolysis_count(read: Read, index: str, flag: str) -> None:
    sent = result("haemolysis_index", index, "", interval="<=50", specimen=serum())
    assert entry(read(haemolysed(K, "4.2", SLIGHT), sent)).flag == flag


@pytest.mark.parametrize(
    ("index", "flags", "flag"),
    [("3", ("H",), "IND"), ("3", ("HH",), "IND"), ("2+", ("A",), "IND"), ("3", ("N",), "N"), ("3", (), "N")],
)
def test_an_index_that_the_laboratory_flags_is_above_its_limit(
    read: Read, index: str, flags: tuple[str, ...], flag: str
) -> None:
    """P02; analysers send the flag without the limit, or the index as a grade."""
    sent = result("haemolysis_index", index, "", flags=flags, specimen=serum())
    assert entry(read(result(K, "4.2", "mmol/L", specimen=serum()), sent)).flag == flag


def test_of_several_free_haemoglobins_the_most_bounds_the_potassium(read: Read) -> None:
    """K6: 4.2 - 0.51 x 2.0 is 3.18."""
    free = [result("free_haemoglobin", value, "g/L", specimen=serum()) for value in ("0.1", "2.0")]
    assert entry(read(haemolysed(K, "4.2"), *free)).bands == ("mild_low", "normal")


def test_a_withdrawn_index_says_nothing(read: Read) -> None:
    sent = result("haemolysis_index", "3", "", flags=("H",), status="cancelled", specimen=serum())
    assert entry(read(result(K, "4.2", "mmol/L", specimen=serum()), sent)).flag == "N"


def test_what_is_said_of_a_specimen_holds_for_every_result_of_it(read: Read) -> None:
    for said in ({"haemolysis": GROSS}, {"conditions": ("HEM",)}, {"comments": ("haemolysed",)}):
        sodium = result("sodium", "140", "mmol/L", specimen=serum(id="S1", **said))
        for specimen_id, flag in (("S1", "IND"), ("S2", "N"), ("", "N")):
            sent = result(K, "4.2", "mmol/L", specimen=serum(id=specimen_id))
            assert entry(read(sent, sodium)).flag == flag


def test_slight_haemolysis_is_said_and_changes_no_class(read: Read) -> None:
    """DEC-48."""
    for value, flag, masked in (("4.2", "N", True), ("5.6", "H", True), ("2.9", "L", False)):
        report = read(haemolysed(K, value, SLIGHT))
        assert entry(report).flag == flag
        assert "haemolysed" in issues(report)
        assert "result_unreliable" not in issues(report)
        assert ("masked_low_possible" in cautions(entry(report))) is masked


@pytest.mark.parametrize(
    ("analyte", "unit"), [("sodium", "mmol/L"), ("calcium_adjusted", "mmol/L"), ("vitamin_d_25oh", "nmol/L")]
)
def test_haemolysis_changes_potassium_and_magnesium_only(read_one: ReadOne, analyte: str, unit: str) -> None:
    value = {"sodium": "140", "calcium_adjusted": "2.40", "vitamin_d_25oh": "70"}[analyte]
    assert read_one(result(analyte, value, unit, specimen=serum(haemolysis=GROSS))).flag == "N"


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (result(K, "4.2", "mmol/L", specimen={"kind": SpecimenKind.WHOLE_BLOOD}), True),
        (result("", "4.2", "mmol/L", code="6298-4"), True),
        (result(K, "4.2", "mmol/L", specimen=serum()), False),
        (result("", "4.2", "mmol/L", code="2823-3"), False),
        (result("sodium", "140", "mmol/L", specimen={"kind": SpecimenKind.WHOLE_BLOOD}), False),
    ],
)
def test_haemolysis_cannot_be_seen_in_whole_blood(read_one: ReadOne, sent: Any, said: bool) -> None:
    assert ("whole_blood_haemolysis_invisible" in cautions(read_one(sent))) is said


# ---------------------------------------------------------------------------------------------- tube, rejection


@pytest.mark.parametrize("additive", ["EDTK", "EDTK15", "EDTK75", "EDTN", "C32", "C38", " EDTK "])
def test_the_wrong_tube_is_unsuitable(read_one: ReadOne, additive: str) -> None:
    """MC 6.8, DEC-70, codes of HL7 table 0371."""
    for analyte, value in ((K, "4.2"), (MG, "0.85"), ("calcium_total", "2.40"), ("calcium_ionised", "1.20")):
        sent = result(analyte, value, "mmol/L", specimen=serum(additive=additive))
        assert read_one(sent).refusal_reason is RefusalReason.SPECIMEN_UNSUITABLE


def test_edta_spoils_alp_too_and_not_vitamin_d(read_one: ReadOne) -> None:
    edta = serum(additive="EDTK")
    assert read_one(result("alp", "80", "U/L", specimen=edta)).refusal_reason is RefusalReason.SPECIMEN_UNSUITABLE
    assert read_one(result("vitamin_d_25oh", "70", "nmol/L", specimen=edta)).flag == "N"


@pytest.mark.parametrize("additive", ["", "HEPL", "SST"])
def test_heparin_and_gel_are_suitable(read_one: ReadOne, additive: str) -> None:
    assert read_one(result(K, "4.2", "mmol/L", specimen=serum(additive=additive))).flag == "N"


@pytest.mark.parametrize(
    "code",
    [
        "RH",
        "QS",
        "RC",
        "RN",
        "RR",
        "EX",
        "RB",
        "RM",
        "RI",
        "RA",
        "RD",
        "RE",
        "RP",
        "RS",
        "qs",
        "rejected",
        "unsatisfactory",
    ],
)
def test_a_reject_reason_refuses_a_value_that_came_all_the_same(read: Read, code: str) -> None:
    """DEC-83, HL7 table 0490; rejected for a reason without a code, as FHIR and HL7 may say it."""
    report = read(result("sodium", "140", "mmol/L", specimen=serum(conditions=(code,))))
    assert entry(report).refusal_reason is RefusalReason.SPECIMEN_REJECTED
    assert report.urgency is Urgency.PROMPT


@pytest.mark.parametrize("specimen", [{"additive": "EDTK"}, {"conditions": ("QS",)}])
@pytest.mark.parametrize(
    ("analyte", "value", "critical"),
    [(K, "6.9", Critical.POSSIBLE), (K, "4.2", Critical.NO), (MG, "0.38", Critical.POSSIBLE)],
)
def test_a_refused_number_beyond_a_limit_may_have_been_critical(
    read: Read, specimen: dict[str, Any], analyte: str, value: str, critical: Critical
) -> None:
    """DEC-13."""
    report = read(result(analyte, value, "mmol/L", specimen=serum(**specimen)))
    assert (entry(report).critical, entry(report).flag) == (critical, "IND")
    assert report.urgency is (Urgency.SAME_DAY if critical is Critical.POSSIBLE else Urgency.PROMPT)
    assert ("PHONE_CRITICAL_RESULT" in recommended(report)) is (critical is Critical.POSSIBLE)
