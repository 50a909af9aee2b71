"""Verdicts at hand are those that grading every value would give."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labgloss.domain.panel import Options, Panel, Result
from labgloss.domain.quantity import Comparator, Quantity, Span
from labgloss.domain.subject import Age, AgeScale, AgeUnit, BirthDate, CalendarAge, Patient, Sex, StatedAge
from labgloss.domain.truth import Truth
from labgloss.engine.bench import Bench
from labgloss.engine.facts import Facts
from labgloss.engine.judged import Judged
from labgloss.engine.normalise import reading_of
from labgloss.engine.verdicts import Scale
from labgloss.knowledge.release import Analyte, Release

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
    number = draw(st.sampled_from(numbers_of(analyte, unit)))
    beside = draw(st.sampled_from(("0", "0.01", "-0.01", "0.0000000000000000000000001", "1")))
    return Quantity(number + Decimal(beside), unit, draw(st.sampled_from(Comparator)))


@settings(max_examples=600, deadline=None)
@given(data=st.data())
def test_a_verdict_at_hand_is_the_one_that_grading_gives(
    data: st.DataObject, release: Release, reference: Release
) -> None:
    analyte = release.analytes[data.draw(st.sampled_from(sorted(release.analytes)))]
    if not analyte.native_units:
        return
    quantity = data.draw(quantities(analyte, data.draw(st.sampled_from(analyte.native_units))))
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
    result = Result(0)
    entry = Judged(0, "", analyte, result, reading=reading)
    known = data.draw(
        st.dictionaries(
            st.sampled_from(
                (("finding", "AKI"), ("condition", "pre_eclampsia_infusion"), ("condition", "osteoporosis"))
            ),
            st.sampled_from(Truth),
        )
    )
    found = []
    for one in (release, reference, release):
        assert not isinstance(patient.age, BirthDate)
        bench = Bench(one, Panel(patient=patient, options=options), patient.age, Facts(one, patient.age).knowing(known))
        found.append(bench.verdict(replace(entry, analyte=one.analytes[analyte.id]), reading))
    assert found[0] == found[1] == found[2]


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
