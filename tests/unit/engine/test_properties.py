"""What holds of every panel: nothing raises, no defect is normal, what is certain is so, order decides nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any, TypeVar

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from labgloss.domain.panel import (
    Coding,
    Collected,
    ContextItem,
    Haemolysis,
    LaboratoryInterval,
    Options,
    Panel,
    Result,
    ResultStatus,
    Specimen,
    SpecimenKind,
    Symptom,
)
from labgloss.domain.quantity import Comparator
from labgloss.domain.report import Critical, PatternState, ResultClass, ResultState, Urgency
from labgloss.domain.subject import AgeUnit, BirthDate, Patient, Sex, StatedAge
from labgloss.engine.interpret import interpret
from labgloss.knowledge.loader import load
from tests.unit.engine.panel_builder import panel, result

RELEASE = load()
QUICK = settings(max_examples=80, deadline=None, derandomize=True, database=None)
MANY = settings(QUICK, max_examples=150)

PRIMARY = ("magnesium", "calcium_total", "calcium_adjusted", "calcium_ionised", "potassium", "sodium", "vitamin_d_25oh")
UNITS = {ident: tuple(RELEASE.analytes[ident].units) for ident in RELEASE.analytes}
T = TypeVar("T")


# ---------------------------------------------------------------------------------------------- what a panel may hold


def one_of(*items: T) -> st.SearchStrategy[T]:
    return st.sampled_from(items)


numbers = st.one_of(
    st.decimals(min_value=0, max_value=40, places=2).map(lambda value: format(value, "f")),
    st.decimals(min_value=0, max_value=500, places=1).map(lambda value: format(value, "f")),
)
junk = st.one_of(
    st.text(max_size=12),
    one_of(
        "", " ", "NaN", "-inf", "Infinity", "1,5", "-4", "0", "1e9", "٣.٥", "1" * 60, "haemolysed", "<", "1e999", "0x10"
    ),
)
values = st.one_of(
    numbers, numbers, st.builds(lambda sign, number: sign + number, one_of("<", ">", "<=", ">="), numbers), junk
)
spellings = tuple(RELEASE.unit_table.spellings)
foreign = st.one_of(st.text(max_size=8), one_of("parsec", "mmol", "Mmol/L", "%", "mmol/kg"))
units = st.one_of(one_of(*RELEASE.unit_table.units), one_of(*spellings), foreign)
days = st.dates(date(2025, 12, 1), date(2026, 1, 10))
collected = st.one_of(st.none(), days.map(lambda day: Collected(day.isoformat(), day, None)))
codes = st.one_of(one_of(*RELEASE.codes), one_of("2823-4", "718-7", "x", ""), st.text(max_size=6))
codings = st.lists(st.builds(Coding, one_of("", "http://loinc.org", "LOINC", "snomed"), codes), max_size=2).map(tuple)
intervals = st.one_of(
    st.none(),
    st.builds(LaboratoryInterval, st.one_of(st.none(), values), st.one_of(st.none(), values)),
    st.builds(
        LaboratoryInterval,
        text=st.one_of(junk, st.builds("{}-{}".format, numbers, numbers), st.builds("<{}".format, numbers)),
    ),
)
specimens = st.builds(
    Specimen,
    id=one_of("", "A", "B"),
    kind=st.one_of(st.none(), one_of(*SpecimenKind)),
    additive=one_of("", "", "EDTK", "HEPL"),
    haemolysis=st.one_of(st.none(), one_of(*Haemolysis)),
    conditions=one_of((), (), ("HEM",), ("RH",), ("QS",), ("CLOT",)),
    comments=one_of((), (), ("haemolysed",), ("slight haemolysis",), ("not haemolysed",)),
)
flags = st.lists(one_of("L", "H", "N", "LL", "HH", "A", "AA", "IND", "", "W"), max_size=2).map(tuple)
results = st.builds(
    Result,
    index=st.just(0),
    id=one_of("", "a", "b"),
    analyte=st.one_of(one_of(*PRIMARY), one_of(*RELEASE.analytes), st.text(max_size=6)),
    codings=codings,
    value=values,
    comparator=one_of(*Comparator, *[Comparator.EQUAL] * 6),
    unit=units,
    status=one_of(*ResultStatus, *[ResultStatus.FINAL] * 6),
    collected=collected,
    specimen=specimens,
    interval=intervals,
    flags=flags,
)
# Results that can mostly be read, in a unit of their analyte.
sound_results = one_of(
    *PRIMARY, "albumin", "crp", "creatinine", "egfr", "haemolysis_index", "free_haemoglobin"
).flatmap(
    lambda ident: st.builds(
        Result,
        index=st.just(0),
        analyte=st.just(ident),
        value=st.one_of(
            numbers, numbers, numbers, st.builds(lambda sign, number: sign + number, one_of("<", ">="), numbers)
        ),
        unit=one_of(*UNITS[ident]),
        collected=collected,
        specimen=specimens,
        interval=intervals,
    )
)
ages = st.one_of(
    st.none(),
    st.builds(StatedAge, st.integers(0, 100), one_of(*AgeUnit)),
    st.dates(date(1930, 1, 1), date(2026, 1, 10)).map(lambda day: BirthDate(day, day)),
    st.integers(1930, 2025).map(lambda year: BirthDate(date(year, 1, 1), date(year, 12, 31))),
)
maybe = st.one_of(st.none(), st.booleans())
patients = st.builds(
    Patient, ages, st.one_of(st.none(), one_of(*Sex)), maybe, st.one_of(st.none(), st.integers(1, 3)), maybe
)
symptoms = st.lists(
    st.one_of(
        st.builds(Symptom, id=one_of(*RELEASE.symptoms), present=st.booleans()),
        st.builds(
            Symptom, text=st.one_of(st.text(max_size=20), one_of("no symptoms", "feels well", "cramps in both calves"))
        ),
    ),
    max_size=3,
).map(tuple)


def items(known: Any) -> st.SearchStrategy[tuple[ContextItem, ...] | None]:
    item = st.one_of(st.builds(ContextItem, id=one_of(*known)), st.builds(ContextItem, text=st.text(max_size=15)))
    return st.one_of(st.none(), st.lists(item, max_size=3).map(tuple))


options = st.builds(
    Options,
    vitamin_d_policy=one_of("", *RELEASE.vitamin_d_policies),
    critical_limits=one_of("", *RELEASE.critical_limit_sets),
    intervals=one_of("", *RELEASE.interval_variants),
)


def panels(result: st.SearchStrategy[Result], most: int = 5) -> st.SearchStrategy[Panel]:
    return st.builds(
        Panel,
        patient=patients,
        results=st.lists(result, min_size=1, max_size=most).map(numbered),
        symptoms=symptoms,
        conditions=items(RELEASE.conditions),
        medications=items(RELEASE.medications),
        options=options,
        as_of=st.one_of(st.none(), days),
    )


def numbered(sent: list[Result]) -> tuple[Result, ...]:
    return tuple(replace(result, index=place) for place, result in enumerate(sent))


# -------------------------------------------------------------------------------------------- nothing raises or is lost


@MANY
@given(panels(st.one_of(results, sound_results)))
def test_no_panel_raises_and_every_result_has_its_entry(panel: Panel) -> None:
    report = interpret(RELEASE, panel)
    sent = [entry for entry in report.results if entry.index is not None]
    assert [entry.index for entry in sent] == list(range(len(panel.results)))
    assert len(report.symptoms) == len(panel.symptoms)
    assert len(report.conditions) == len(panel.conditions or ())
    assert len(report.medications) == len(panel.medications or ())


@MANY
@given(panels(st.one_of(results, sound_results)))
def test_state_class_flag_and_critical_agree(panel: Panel) -> None:
    report = interpret(RELEASE, panel)
    contacts = {row.contact for row in RELEASE.urgencies.values() if row.contact}
    given = [item.id for item in report.recommendations]
    assert len(given) == len(set(given))
    assert len(contacts & set(given)) == (report.urgency.name != "NONE")
    for entry in report.results:
        assert (
            entry.flag == "IND" or entry.flag[0] == {"low": "L", "normal": "N", "high": "H"}[entry.result_class.value]
        )
        assert (entry.flag in ("LL", "HH")) == (
            entry.critical is Critical.YES and entry.result_class.value in ("low", "high")
        )
        assert entry.critical is Critical.NO or entry.flag != "N"
        assert (entry.refusal_reason is None) == (entry.state is not ResultState.REFUSED)
        assert entry.state is not ResultState.CONDITIONAL or entry.missing
        assert entry.urgency <= report.urgency
        assert (
            entry.critical is Critical.NO
            or entry.refusal_reason is not None
            or entry.urgency.name in ("SAME_DAY", "EMERGENCY")
        )


# ---------------------------------------------------------------------------------------------- no false normal

defects: st.SearchStrategy[Callable[[Result], Result]] = one_of(
    lambda result: replace(result, unit=""),
    lambda result: replace(result, unit="parsec"),
    lambda result: replace(result, value=""),
    lambda result: replace(result, value="normal"),
    lambda result: replace(result, value="NaN"),
    lambda result: replace(result, value="-" + result.value.lstrip("<>=")),
    lambda result: replace(result, value=result.value.replace(".", ",") + ",0"),
    lambda result: replace(result, value="99999999"),
    lambda result: replace(result, status=ResultStatus.CANCELLED),
    lambda result: replace(result, status=ResultStatus.REGISTERED),
    lambda result: replace(result, status=ResultStatus.ENTERED_IN_ERROR),
    lambda result: replace(result, codings=(Coding("http://loinc.org", "2823-4"),)),
    lambda result: replace(result, codings=(Coding("http://loinc.org", "1649-3"),)),
    lambda result: replace(result, analyte="ferritin"),
    lambda result: replace(result, specimen=replace(result.specimen, conditions=("QS",))),
)
normal_values = {
    "magnesium": "0.85", "calcium_total": "2.40", "calcium_adjusted": "2.40", "calcium_ionised": "1.22",
    "potassium": "4.2", "sodium": "140", "vitamin_d_25oh": "70", "albumin": "42", "phosphate": "1.1",
}  # fmt: skip
normal_results = one_of(*normal_values).map(
    lambda ident: Result(0, analyte=ident, value=normal_values[ident], unit=UNITS[ident][0])
)


@MANY
@given(normal_results, defects, st.lists(sound_results, max_size=2))
def test_a_defect_never_leaves_a_result_normal(normal: Result, defect: Any, beside: list[Result]) -> None:
    man = Patient(StatedAge(40, AgeUnit.YEARS), Sex.MALE)
    sound = interpret(RELEASE, Panel(patient=man, results=(normal,)))
    assert sound.results[0].flag == "N"
    entry = interpret(RELEASE, Panel(patient=man, results=numbered([defect(normal), *beside]))).results[0]
    assert entry.flag != "N"
    assert ResultClass.NORMAL not in {entry.result_class, *entry.possible_classes}


# ---------------------------------------------------------------------------------------------- partitions are sound

known_patients = st.builds(
    Patient,
    age=st.builds(StatedAge, st.integers(0, 25), one_of(*AgeUnit)),
    sex=one_of(*Sex),
    pregnant=st.just(False),
    preterm=st.booleans(),
) | st.builds(
    Patient,
    age=st.builds(StatedAge, st.integers(12, 55), st.just(AgeUnit.YEARS)),
    sex=st.just(Sex.FEMALE),
    pregnant=st.just(True),
    trimester=st.integers(1, 3),
    preterm=st.just(False),
)


# What a specimen does to a verdict is test_specimen's.
untouched = sound_results.map(lambda result: replace(result, specimen=Specimen(kind=result.specimen.kind)))


@MANY
@given(
    known_patients, untouched, options, st.sets(one_of("age", "sex", "pregnant", "trimester", "preterm"), min_size=1)
)
def test_what_is_certain_without_a_fact_is_so_with_it(
    patient: Patient, result: Result, chosen: Options, forgotten: set[str]
) -> None:
    """A class, a band and a critical said without a fact about the patient hold for every patient it may be."""
    if "trimester" in forgotten and "pregnant" not in forgotten:
        assume(patient.pregnant)
    if "pregnant" in forgotten:
        forgotten |= {"trimester"}
    fewer = replace(patient, **dict.fromkeys(forgotten, None))
    known = interpret(RELEASE, Panel(patient=patient, results=(result,), options=chosen)).results[0]
    unknown = interpret(RELEASE, Panel(patient=fewer, results=(result,), options=chosen)).results[0]
    if known.refusal_reason is not None or unknown.refusal_reason is not None:
        assert known.refusal_reason is unknown.refusal_reason or None in (known.refusal_reason, unknown.refusal_reason)
        return
    if ResultClass.INDETERMINATE not in {*known.possible_classes, *unknown.possible_classes}:
        assert set(known.possible_classes) <= set(unknown.possible_classes)
        assert set(known.bands) <= set(unknown.bands)
    if unknown.result_class is not ResultClass.INDETERMINATE:
        assert unknown.result_class is known.result_class
    if unknown.critical is not Critical.POSSIBLE:
        assert unknown.critical is known.critical


@QUICK
@given(one_of("3.4", "3.5", "4.9", "5.0", "5.1", "5.3", "5.4", "<5.1", ">5.2"), ages)
def test_an_unknown_specimen_is_certain_only_of_what_serum_and_plasma_share(value: str, age: Any) -> None:
    def read(kind: SpecimenKind | None) -> Any:
        sent = Result(0, analyte="potassium", value=value, unit="mmol/L", specimen=Specimen(kind=kind))
        return interpret(RELEASE, Panel(patient=Patient(age, Sex.MALE), results=(sent,))).results[0]

    serum, plasma, unknown = read(SpecimenKind.SERUM), read(SpecimenKind.PLASMA), read(None)
    assert set(unknown.possible_classes) == set(serum.possible_classes) | set(plasma.possible_classes)


# ---------------------------------------------------------------------------------------------- sets, bounds, units


@MANY
@given(panels(sound_results, most=2), one_of(*RELEASE.critical_limit_sets))
def test_a_chosen_set_of_critical_limits_never_removes_a_critical(panel: Panel, chosen: str) -> None:
    """DEC-08."""
    by_default = interpret(RELEASE, replace(panel, options=replace(panel.options, critical_limits="")))
    by_set = interpret(RELEASE, replace(panel, options=replace(panel.options, critical_limits=chosen)))
    for before, after in zip(by_default.results, by_set.results, strict=True):
        assert after.critical >= before.critical
    assert by_set.urgency >= by_default.urgency


# Low end, high end, and the last digit of the limits: a grid of half that digit has a point between any two of them.
GRIDS = {
    ("potassium", "mmol/L"): ("1", "9", "0.1"),
    ("magnesium", "mmol/L"): ("0.2", "3.8", "0.01"),
    ("magnesium", "mg/dL"): ("0.4", "10", "0.1"),
    ("calcium_adjusted", "mmol/L"): ("1.4", "3.8", "0.01"),
    ("sodium", "mmol/L"): ("110", "170", "1"),
    ("vitamin_d_25oh", "nmol/L"): ("10", "400", "1"),
}
MEN = Patient(StatedAge(40, AgeUnit.YEARS), Sex.MALE)


def judged(analyte: str, unit: str, value: str) -> Any:
    sent = Result(0, analyte=analyte, value=value, unit=unit, specimen=Specimen(kind=SpecimenKind.SERUM))
    return interpret(RELEASE, Panel(patient=MEN, results=(sent,))).results[0]


@pytest.mark.parametrize(("analyte", "unit"), GRIDS)
def test_a_bound_is_the_union_of_every_measurement_that_it_allows(analyte: str, unit: str) -> None:
    """design.md, 1: settled by brute force over a fine grid."""
    low, high, digit = (Decimal(text) for text in GRIDS[analyte, unit])
    grid = [low + digit / 2 * place for place in range(int((high - low) / digit * 2) + 1)]
    measured = {value: judged(analyte, unit, str(value)) for value in grid}
    # A third of the points on a digit: 2, 8, 14 ...
    for bound in grid[2:-2:6]:
        for comparator, allowed in (
            ("<", [value for value in grid if value < bound]),
            ("<=", [value for value in grid if value <= bound]),
            (">=", [value for value in grid if value >= bound]),
            (">", [value for value in grid if value > bound]),
        ):
            found = judged(analyte, unit, f"{comparator}{bound}")
            entries = [measured[value] for value in allowed]
            assert set(found.possible_classes) == {entry.result_class for entry in entries}, f"{comparator}{bound}"
            assert set(found.bands) == {entry.band for entry in entries}, f"{comparator}{bound}"
            criticals = {entry.critical for entry in entries}
            expected = criticals.pop() if len(criticals) == 1 else Critical.POSSIBLE
            assert found.critical is expected, f"{comparator}{bound}"


def limits_in(analyte: str, unit: str) -> list[Decimal]:
    """Every fixed limit of an analyte's bands, findings and intervals in a unit, and two points between two of them."""
    rows = [band for table in RELEASE.analytes[analyte].form.band_tables for band in table.bands]
    rows += [row for rows in RELEASE.findings.values() for row in rows if row.analyte == analyte]
    rows += RELEASE.analytes[analyte].form.intervals
    limits = [row.limits for row in rows] + [getattr(row, "value_alone_within", {}) for row in rows]
    ends = sorted({end for row in limits if unit in row for end in row[unit].numbers if end})
    ends = [ends[0] * Decimal("0.9"), *ends, ends[-1] * Decimal("1.05")]
    between = [low + (high - low) * part / 4 for low, high in pairwise(ends) for part in (1, 3)]
    return sorted([*ends, *between])


CONTEXTS: dict[str, dict[str, Any]] = {
    "weak": {"symptoms": ("WEAKNESS_GENERAL", "DYSPNOEA", "NAUSEA_VOMITING", "PARAESTHESIA_HANDS_FEET", "BONE_PAIN")},
    "ill": {
        "conditions": ("aki", "ckd", "acutely_unwell", "dehydration", "neuropathy_known"),
        "medications": ("digoxin", "thiazide", "acei"),
        "symptoms": ("PARAESTHESIA_HANDS_FEET",),
    },
    "infused": {"conditions": ("pre_eclampsia_infusion",), "symptoms": ("DROWSINESS",)},
}


@pytest.mark.parametrize(
    ("analyte", "context"),
    [
        (analyte, context)
        for analyte in PRIMARY
        for context in CONTEXTS
        if context != "infused" or analyte == "magnesium"
    ],
)
def test_a_rule_that_holds_for_every_value_of_a_bound_holds_for_the_bound(analyte: str, context: str) -> None:
    """design.md, 1: a bound is as certain as all the values that it allows, also where no one band is."""
    unit = next(iter(RELEASE.analytes[analyte].form.band_tables[0].bands[0].limits))

    def rules_of(value: str) -> tuple[Any, dict[str, Any], set[str]]:
        sent = result(analyte, value, unit, specimen={"kind": SpecimenKind.SERUM})
        report = interpret(RELEASE, panel(sent, **CONTEXTS[context]))
        matched = {item.id for item in report.patterns if item.state is PatternState.MATCHED}
        return report, {flag.id: flag.urgency for flag in report.red_flags if not flag.held}, matched

    found = {value: rules_of(format(value, "f")) for value in limits_in(analyte, unit)}
    found = {value: of for value, of in found.items() if of[0].results[0].state is not ResultState.REFUSED}
    values = list(found)
    for place in range(1, len(values) - 1):
        # Beyond a bound there is another point before the next limit: places come as limit, point, point, limit.
        for comparator, allowed, skipped in (("<", values[:place], 1), (">", values[place + 1 :], 2)):
            if place % 3 == skipped:
                continue
            _, flags, matched = rules_of(f"{comparator}{values[place]:f}")
            for ident in set.intersection(*(set(found[value][1]) for value in allowed)):
                least = min(found[value][1][ident] for value in allowed)
                assert flags.get(ident, Urgency.NONE) >= least, (comparator, values[place], ident)
            always = set.intersection(*(found[value][2] for value in allowed))
            assert always <= matched, (comparator, values[place], always - matched)


@QUICK
@given(
    one_of(
        ("magnesium", 2),
        ("calcium_total", 2),
        ("calcium_adjusted", 2),
        ("calcium_ionised", 2),
        ("potassium", 1),
        ("sodium", 1),
    ),
    st.decimals(min_value=Decimal("0.1"), max_value=Decimal(200), places=3),
    patients,
)
def test_the_same_amount_in_equivalents_is_judged_the_same(
    analyte: tuple[str, int], moles: Decimal, patient: Patient
) -> None:
    ident, charge = analyte
    entries = [
        interpret(
            RELEASE, Panel(patient=patient, results=(Result(0, analyte=ident, value=str(value), unit=unit),))
        ).results[0]
        for value, unit in ((moles, "mmol/L"), (moles * charge, "meq/L"))
    ]
    one, other = (
        (entry.flag, entry.possible_classes, entry.bands, entry.critical, entry.refusal_reason) for entry in entries
    )
    assert one == other


# ---------------------------------------------------------------------------------------------- order and repetition


@QUICK
@given(panels(st.one_of(results, sound_results)))
def test_the_same_panel_gives_the_same_report(panel: Panel) -> None:
    assert interpret(RELEASE, panel) == interpret(RELEASE, replace(panel))


@MANY
@given(panels(sound_results), st.randoms(use_true_random=False))
def test_the_order_of_results_does_not_change_what_each_is(panel: Panel, random: Any) -> None:
    named = [replace(result, id=f"r{place}") for place, result in enumerate(panel.results)]
    shuffled = list(named)
    random.shuffle(shuffled)

    def verdicts(sent: list[Result]) -> dict[str, Any]:
        report = interpret(RELEASE, replace(panel, results=numbered(sent)))
        return {
            entry.id: (entry.result_class, entry.flag, entry.bands, entry.critical, entry.refusal_reason)
            for entry in report.results
            if entry.id
        }

    assert verdicts(named) == verdicts(shuffled)
