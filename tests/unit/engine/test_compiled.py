"""The compiled form and a walk over the files give the same bytes, and the same truth of every expression."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import cache
from itertools import islice
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labgloss.domain.subject import AgeUnit, StatedAge
from labgloss.domain.truth import Truth
from labgloss.engine.facts import NOT_SAID, Facts
from labgloss.errors import RequestError
from labgloss.knowledge.compiled import Compiled, expressions_of
from labgloss.knowledge.expression import AgeClause, Combination, Expression, Name
from labgloss.knowledge.loader import load
from labgloss.knowledge.references import _leaves
from labgloss.knowledge.release import Release
from labgloss.panels.reader import read_panels
from labgloss.v1 import panel_pb2
from labgloss.wire.decode import decode_panel
from tests.walked import differing, walked

ROOT = Path(__file__).parents[3]
FOLDERS = ("panels", "mutation/panels")
OVERLAY = ROOT / "deploy" / "overlay.example.toml"


@cache
def panels(*folders: str) -> tuple[panel_pb2.Panel, ...]:
    return tuple(case.panel for case in read_panels([ROOT / "tests" / folder for folder in folders or FOLDERS]))


@pytest.mark.parametrize("traced", [True, False])
def test_every_report_is_that_of_a_walk_over_the_files(release: Release, traced: bool) -> None:
    sent = []
    for panel in panels():
        sent.append(panel_pb2.Panel())
        sent[-1].CopyFrom(panel)
        sent[-1].options.trace = traced
    # All with a trace, which says most, and without one every seventh; of the mutants' panels, which differ less, some.
    some = sent[: len(panels("panels"))] + sent[len(panels("panels")) :: 4]
    assert differing(release, walked(release), some if traced else sent[::7]) == []


def test_so_it_is_with_an_overlay() -> None:
    release = load(overlay=OVERLAY)
    assert differing(release, walked(release), panels()[::9]) == []


@pytest.mark.parametrize("overlay", [None, OVERLAY], ids=["without a site", "with one"])
def test_so_it_is_of_values_on_a_limit_and_beside_one(overlay: Path | None) -> None:
    release = load(overlay=overlay)
    made = list(islice(on_limits(release, Random(20261127)), 300))
    assert differing(release, walked(release), made) == []


def on_limits(release: Release, random: Random) -> Iterator[panel_pb2.Panel]:
    """Sample panels with values on limits of their unit or a digit beside them, and with other patients."""
    ends = limits_by_unit(release)
    words = sorted(release.symptoms), sorted(release.conditions), sorted(release.medications)
    while True:
        panel = panel_pb2.Panel()
        panel.CopyFrom(random.choice(panels("panels")))
        for result in panel.results:
            if result.unit in ends and random.random() < 0.7:
                end = random.choice(ends[result.unit])
                value = end + random.choice((0, 0, 1, -1)) * Decimal(1).scaleb(int(end.as_tuple().exponent))
                result.value = f"{max(value, Decimal(0)):f}"
                if random.random() < 0.2:
                    low, high = sorted(random.sample(ends[result.unit], 2)) if len(ends[result.unit]) > 1 else (0, end)
                    result.interval.CopyFrom(panel_pb2.LaboratoryInterval(low=str(low), high=str(high)))
            if random.random() < 0.1:
                result.comparator = random.choice(panel_pb2.Comparator.values())
            if random.random() < 0.2:
                result.specimen.kind = random.choice(panel_pb2.SpecimenKind.values())
        patient = {random.choice(("age_years", "age_months", "age_days")): random.choice((0, 1, 6, 16, 28, 30, 60, 90))}
        patient |= {"sex": random.choice(panel_pb2.Sex.values()), "pregnant": random.choice((None, None, False, True))}
        panel.patient.MergeFrom(panel_pb2.Patient(**patient))
        for symptom in random.sample(words[0], random.choice((0, 0, 1, 2))):
            panel.symptoms.add(id=symptom)
        if random.random() < 0.5:
            panel.conditions.conditions.add(id=random.choice(words[1]))
            panel.medications.medications.add(id=random.choice(words[2]))
        panel.options.trace = random.random() < 0.5
        try:
            decode_panel(panel, "panel", release)
        except RequestError:
            continue
        yield panel


def limits_by_unit(release: Release) -> Mapping[str, Sequence[Decimal]]:
    found: dict[str, set[Decimal]] = {}
    for analyte in release.analytes.values():
        form = analyte.form
        rows = (*(band for table in form.band_tables for band in table.bands), *form.critical, *form.intervals)
        for unit, limit in ((unit, limit) for row in rows for unit, limit in row.limits.items()):
            found.setdefault(unit, set()).update(limit.numbers)
    return {unit: sorted(numbers) for unit, numbers in found.items() if numbers}


def test_a_compiled_form_of_something_else_is_found(release: Release) -> None:
    """The comparison can fail: compiled without its groups' last members, a report differs."""
    groups = {ident: replace(row, members=row.members[:1]) for ident, row in release.groups.items()}
    wrong = replace(release)
    vars(wrong)["tests"] = Compiled(replace(release, groups=groups))
    assert differing(wrong, walked(release), panels()[::9])


# ---------------------------------------------------------------------------------------------- expressions


def test_every_expression_of_the_release_is_compiled(release: Release) -> None:
    forms = [
        *(analyte.form for analyte in release.analytes.values()),
        *(release.file, release.computations, *release.never, *release.groups.values()),
        *(*release.patterns.values(), *release.red_flags.values(), *release.recommendations.values()),
        *(row for rows in release.findings.values() for row in rows),
        *(row for rows in release.choices.values() for row in rows.values()),
    ]
    stated = [
        value
        for form in forms
        for _, _, value in _leaves(form, "", "")
        if isinstance(value, Name | AgeClause | Combination)
    ]
    assert stated
    assert all(release.tests.test(expression) is not None for expression in stated)


def test_one_made_on_the_way_is_walked(release: Release) -> None:
    made = Combination("any", (Name("symptom", "CRAMPS"), Name("symptom", "NEVER_HEARD_OF")))
    assert release.tests.test(made) is None
    assert Facts(release, None, {("symptom", "CRAMPS"): Truth.TRUE}).truth(made) is Truth.TRUE


def expressions() -> tuple[Expression, ...]:
    return tuple(expressions_of(shipped()))


@cache
def shipped() -> Release:
    return load()


TRUTHS = st.sampled_from((Truth.TRUE, Truth.FALSE, Truth.UNKNOWN))


@cache
def readable() -> tuple[tuple[str, str], ...]:
    return tuple(sorted(shipped().tests.bits))


@st.composite
def known(draw: st.DrawFn) -> Mapping[tuple[str, str], Truth]:
    names = draw(st.sets(st.sampled_from(readable()), max_size=60))
    return {name: draw(TRUTHS) for name in sorted(names)}


@st.composite
def cases(draw: st.DrawFn) -> Mapping[str, tuple[Mapping[tuple[str, str], Truth], ...]]:
    """Bands of which one is had, each with its class, as findings.open_verdicts makes them."""
    found = {}
    for analyte in draw(st.sets(st.sampled_from(("calcium_total", "magnesium", "potassium", "vitamin_d_25oh")))):
        form = shipped().analytes[analyte].form
        rows = draw(st.lists(st.sampled_from([b for t in form.band_tables for b in t.bands]), min_size=2, max_size=4))
        one_of = [(("band", f"{analyte}.{row.band}"), ("class", f"{analyte}.{row.side}")) for row in rows]
        left_out = {name: Truth.FALSE for case in one_of for name in case} if draw(st.booleans()) else {}
        found[analyte] = tuple({**left_out, **dict.fromkeys(case, Truth.TRUE)} for case in one_of)
    return found


@given(known(), cases(), st.none() | st.integers(0, 90), st.sampled_from(({}, NOT_SAID, {"symptom": Truth.FALSE})))
@settings(max_examples=60, deadline=None)
def test_every_expression_comes_to_what_a_walk_over_it_comes_to(
    truths: Mapping[tuple[str, str], Truth],
    open_verdicts: Mapping[str, tuple[Mapping[tuple[str, str], Truth], ...]],
    years: int | None,
    absent: Mapping[str, Truth],
) -> None:
    age = None if years is None else StatedAge(years, AgeUnit.YEARS)
    fast = Facts(shipped(), age, truths, absent, open_verdicts)
    slow = Facts(walked(shipped()), age, truths, absent, open_verdicts)
    assert [fast.truth(one) for one in expressions()] == [slow.truth(one) for one in expressions()]
    patterns = shipped().patterns.values()
    assert [fast.of_pattern(one) for one in patterns] == [slow.of_pattern(one) for one in patterns]
    flags = shipped().red_flags.values()
    assert [fast.level(one.levels) for one in flags] == [slow.level(one.levels) for one in flags]


@given(st.lists(st.tuples(st.sampled_from(("finding", "symptom", "band")), known()), max_size=4), known())
@settings(max_examples=40, deadline=None)
def test_facts_that_were_added_one_after_the_other_are_those_that_were_added_at_once(
    steps: list[tuple[str, Mapping[tuple[str, str], Truth]]], learnt: Mapping[tuple[str, str], Truth]
) -> None:
    facts, everything = Facts(shipped(), None, absent=NOT_SAID), {}
    for kind, truths in steps:
        of_kind = {ident: truth for (of, ident), truth in truths.items() if of == kind}
        facts = facts.adding(kind, of_kind).knowing(truths)
        everything |= {(kind, ident): truth for ident, truth in of_kind.items()} | dict(truths)
    facts = facts.in_the_making()
    for name, truth in learnt.items():
        facts.learn(name, truth)
        everything[name] = truth
    at_once = Facts(shipped(), None, everything, NOT_SAID)
    assert facts.known == at_once.known == everything
    assert set(facts.names_that_hold()) == {name for name, truth in everything.items() if truth is Truth.TRUE}
    assert [facts.truth(one) for one in expressions()] == [at_once.truth(one) for one in expressions()]
