"""Verdicts at hand are those that grading every value would give."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from gc import collect
from itertools import combinations, pairwise
from pathlib import Path
from weakref import ref

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labgloss.domain.panel import LaboratoryInterval, Options, Panel, Result
from labgloss.domain.quantity import Comparator, Quantity, Span
from labgloss.domain.subject import Age, AgeScale, AgeUnit, BirthDate, CalendarAge, Patient, Sex, StatedAge
from labgloss.domain.truth import Truth
from labgloss.engine.bench import Bench
from labgloss.engine.facts import Facts
from labgloss.engine.interpret import interpret
from labgloss.engine.judged import Judged
from labgloss.engine.kept import forget
from labgloss.engine.normalise import reading_of
from labgloss.engine.verdicts import Scale, of_release
from labgloss.knowledge.release import Analyte, Release
from labgloss.panels.reader import read_panels
from labgloss.v1 import panel_pb2
from labgloss.wire.decode import decode_panel

ages = st.none() | st.builds(
    StatedAge,
    st.integers(0, 110) | st.decimals(0, 110, places=1),
    st.sampled_from(AgeUnit),
)


@pytest.fixture(scope="module")
def reference(release: Release) -> Release:
    return replace(release, compiled=False)


def numbers_of(analyte: Analyte, unit: str) -> list[Decimal]:
    """Ends of the limits of an analyte in a unit: where verdicts change."""
    limits = [row.limits[unit] for row in analyte.form.intervals if unit in row.limits]
    limits += [row.limits[unit] for row in analyte.form.critical if unit in row.limits]
    limits += [band.limits[unit] for table in analyte.form.band_tables for band in table.bands]
    limits += [limit for term in analyte.form.ctcae for limit in term.grades.get(unit, {}).values()]
    numbers = {number for limit in limits for number in limit.numbers} | {Decimal(0), Decimal(7)}
    return sorted(numbers | {2 * number for number in numbers})


@st.composite
def quantities(draw: st.DrawFn, analyte: Analyte, unit: str) -> Quantity:
    """Values at the ends of limits and beside them, as measurements and as bounds."""
    number = draw(st.sampled_from(numbers_of(analyte, analyte.units[unit].compared_in)))
    beside = draw(st.sampled_from(("0", "0.01", "-0.01", "0.0000000000000000000000001", "1")))
    return Quantity(number + Decimal(beside), unit, draw(st.sampled_from(Comparator)))


@st.composite
def intervals(draw: st.DrawFn, analyte: Analyte, unit: str, value: Decimal) -> LaboratoryInterval | None:
    """Intervals of a laboratory whose ends lie at other limits, beside them, or at the value."""
    numbers = st.none() | st.sampled_from([*(number for number in numbers_of(analyte, unit)), abs(value)])
    low, high = draw(numbers), draw(numbers)
    if low is None and high is None:
        return None
    if high is not None and (low or Decimal(0)) > high:
        low, high = high, low
    beside = draw(st.sampled_from(("0", "0.001")))
    first, last = (None if end is None else f"{end + Decimal(beside):f}" for end in (low, high))
    return LaboratoryInterval(first, last)


@settings(max_examples=500, deadline=None)
@given(data=st.data())
def test_a_verdict_at_hand_is_the_one_that_grading_gives(
    data: st.DataObject, release: Release, reference: Release
) -> None:
    analyte = release.analytes[data.draw(st.sampled_from(sorted(release.analytes)))]
    if not analyte.native_units:
        return
    unit = data.draw(st.sampled_from([unit for unit in analyte.units if not analyte.units[unit].needs_code]))
    quantity = data.draw(quantities(analyte, unit))
    reading = reading_of(release, analyte, quantity)
    patient = Patient(
        data.draw(ages),
        data.draw(st.sampled_from((None, *Sex))),
        data.draw(st.sampled_from((None, False, True))),
        data.draw(st.sampled_from((None, 1, 2, 3))),
        data.draw(st.sampled_from((None, False, True))),
    )
    options = Options(
        data.draw(st.sampled_from(("", *release.vitamin_d_policies))),
        data.draw(st.sampled_from(("", *release.critical_limit_sets))),
        data.draw(st.sampled_from(("", *release.interval_variants))),
    )
    interval = data.draw(intervals(analyte, reading.compared.unit, reading.compared.value))
    result = Result(0, unit=unit, interval=interval)
    entry = Judged(0, "", analyte, result, reading=reading)
    known = data.draw(
        st.dictionaries(
            st.sampled_from(
                (("finding", "AKI"), ("condition", "pre_eclampsia_infusion"), ("condition", "osteoporosis"))
            ),
            st.sampled_from(Truth),
        )
    )
    found, whose = [], []
    for one in (release, reference, release):
        assert not isinstance(patient.age, BirthDate)
        bench = Bench(one, Panel(patient=patient, options=options), patient.age, Facts(one, patient.age).knowing(known))
        found.append(bench.verdict(entry, reading))
        whose.append(tuple(bench.intervals(entry)))
    assert found[0] == found[1] == found[2]
    assert whose[0] == whose[1] == whose[2]


@pytest.mark.parametrize("ident", ["potassium", "calcium_total", "creatinine"])
def test_a_laboratorys_interval_is_judged_by_its_place(ident: str, release: Release, reference: Release) -> None:
    analyte = release.analytes[ident]
    unit = analyte.native_units[0]
    ends = numbers_of(analyte, unit)[1:9]
    patient = Patient(StatedAge(50, AgeUnit.YEARS), Sex.FEMALE, pregnant=False)
    panel = Panel(patient=patient)
    benches = [Bench(one, panel, StatedAge(50, AgeUnit.YEARS), Facts(one, None)) for one in (release, reference)]
    for low, high in combinations(ends, 2):
        result = Result(0, unit=unit, interval=LaboratoryInterval(f"{low:f}", f"{high:f}"))
        for value in (*ends, *((one + other) / 2 for one, other in pairwise(ends))):
            for comparator in (Comparator.EQUAL, Comparator.LESS, Comparator.GREATER_OR_EQUAL):
                reading = reading_of(release, analyte, Quantity(value, unit, comparator))
                found = [bench.verdict(Judged(0, "", analyte, result, reading=reading), reading) for bench in benches]
                assert found[0] == found[1]


def test_a_multiple_of_the_upper_end_is_a_limit() -> None:
    scale = Scale((Decimal(0), Decimal(5)), multiples=(Decimal(2),))
    value = Span(Decimal(7), True, Decimal(7), True)
    places = {scale.place(value, Span(Decimal(1), True, Decimal(high), True)) for high in ("3.1", "3.3", "3.5", "3.7")}
    assert len(places) == 3


def test_verdicts_go_with_their_release(release: Release) -> None:
    gone = replace(release)
    bench = Bench(gone, Panel(), None, Facts(gone, None))
    analyte = gone.analytes["potassium"]
    reading = reading_of(gone, analyte, Quantity(Decimal(4), "mmol/L"))
    bench.verdict(Judged(0, "", analyte, Result(0), reading=reading), reading)
    seen = ref(gone)
    del gone, bench
    collect()
    assert seen() is None


@given(one=ages, other=ages)
def test_ages_of_one_place_have_reached_the_same_limits(one: Age | None, other: Age | None, release: Release) -> None:
    limits = {limit for analyte in release.analytes.values() for limit in analyte.axes.age_limits}
    reached = [[age and age.reached(limit) for limit in limits] for age in (one, other)]
    scale = AgeScale(limits)
    assert scale.place(one) != scale.place(other) or reached[0] == reached[1]


@given(days=st.lists(st.integers(0, 40_000), min_size=4, max_size=4))
def test_birth_dates_of_one_place_have_reached_the_same_limits(days: list[int], release: Release) -> None:
    limits = {limit for analyte in release.analytes.values() for limit in analyte.axes.age_limits}
    on = date(2026, 3, 1)
    born = [on - timedelta(days=number) for number in days]
    one, other = (CalendarAge(min(pair), max(pair), on) for pair in (born[:2], born[2:]))
    scale = AgeScale(limits)
    for age in (one, other):
        # Ages beside it, of which most share its place.
        near = CalendarAge(age.born_first + timedelta(days=1), age.born_last, on)
        if scale.place(age) == scale.place(near):
            assert [age.reached(limit) for limit in limits] == [near.reached(limit) for limit in limits]


@pytest.mark.parametrize(
    ("span", "walked"),
    [
        (Span(Decimal(4), True, Decimal(4), True), False),
        (Span(Decimal(-4), True, Decimal(-4), True), True),
        (Span(), True),
        (Span(high=Decimal(4)), False),
        # Between this and the next limit `grade` would round.
        (Span(high=Decimal("4." + "9" * 40)), True),
        (Span(Decimal("4." + "9" * 40), True, Decimal("4." + "9" * 40), True), False),
    ],
)
def test_what_its_place_does_not_settle_is_graded_each_time(span: Span, walked: bool) -> None:
    assert (Scale((Decimal(0), Decimal(5))).place(span) is None) is walked


def test_no_value_that_was_sent_is_kept(release: Release) -> None:
    used = replace(release)
    for place, value in enumerate(("3.117391", "0.517391", "5.917391")):
        sent = Result(index=place, id="k", analyte="potassium", value=value, unit="mmol/L")
        interpret(used, Panel(results=(sent,)))
    kept = of_release(used)
    assert kept._verdicts.entries
    assert "17391" not in repr([table.entries for table in (kept._scales, kept._same, kept._verdicts)])


def test_no_release_stays_that_nobody_answers_from_any_more(release: Release) -> None:
    one = replace(release)
    for panel in sample_panels():
        interpret(one, decode_panel(panel, "panel", one))
    gone = ref(one)
    del one
    forget()
    collect()
    assert gone() is None


def sample_panels() -> list[panel_pb2.Panel]:
    folder = Path(__file__).parents[2] / "panels"
    return [case.panel for case in read_panels([folder])][::20]
