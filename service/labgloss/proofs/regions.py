"""The stretches of values that two releases judge differently: for every analyte, unit and kind of patient.

Between two neighbouring limits nothing changes, so that one value on each limit and one between each two decide for
all. Kinds of patient, variants, sets, policies and recorded conditions for whom both releases hold the same rows are
not asked one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import chain, pairwise

from labgloss.domain.panel import ContextItem, Options, Panel, Result, Specimen, SpecimenKind
from labgloss.domain.quantity import plain
from labgloss.domain.subject import DAYS_PER, AgeLimit, AgeUnit, Patient, Pregnancy, StatedAge
from labgloss.knowledge import schema
from labgloss.knowledge.expression import Limit, names
from labgloss.knowledge.partition import NOTHING_KNOWN, Cell, admissible_cells, covers
from labgloss.knowledge.release import Analyte, Release
from labgloss.proofs.answers import Answers, Change
from labgloss.proofs.places import parts

_ADULT = AgeLimit(18, AgeUnit.YEARS)
# No laboratory reports more.
_MOST_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Whom:
    """A kind of patient, what is chosen for it, and a condition that is recorded."""

    cell: Cell
    options: Options = field(default_factory=Options)
    condition: str = ""

    def __str__(self) -> str:
        chosen = [
            f"{name} {value}"
            for name, value in (
                ("vitamin D policy", self.options.vitamin_d_policy),
                ("critical limits", self.options.critical_limits),
                ("intervals", self.options.intervals),
                ("recorded:", self.condition),
            )
            if value
        ]
        return ", ".join((str(self.cell), *chosen))


@dataclass(frozen=True, slots=True)
class Region:
    """A stretch of values of an analyte in a unit that some patients get another answer for."""

    analyte: str
    unit: str
    stretch: str
    whom: tuple[Whom, ...]
    changes: tuple[Change, ...]
    # A panel in it, as both releases answer it.
    example: Answers


def regions(before: Release, after: Release) -> list[Region]:
    """Every stretch, in the order of the analytes; kinds of patient with the same change are one."""
    found: dict[tuple[object, ...], Region] = {}
    for ident in dict.fromkeys((*before.analytes, *after.analytes)):
        one, other = before.analytes.get(ident), after.analytes.get(ident)
        if one is None or other is None or _same(before, after, one, other):
            continue
        for whom in _whom(before, after, one, other):
            for region in _of(before, after, one, other, whom):
                key = (region.analyte, region.unit, region.stretch, region.changes)
                known = found.get(key)
                found[key] = replace(known, whom=(*known.whom, whom)) if known else region
    return list(found.values())


def analytes_of_one(before: Release, after: Release) -> tuple[str, ...]:
    """Analytes that only one of the releases knows."""
    return tuple(sorted(before.analytes.keys() ^ after.analytes.keys()))


def _same(before: Release, after: Release, one: Analyte, other: Analyte) -> bool:
    """Whether nothing that judges a result of an analyte differs."""
    findings = [
        [row for rows in release.findings.values() for row in rows if row.analyte == one.id]
        for release in (before, after)
    ]
    return (
        one.form == other.form
        and findings[0] == findings[1]
        and before.choices == after.choices
        and before.computations.pregnancy == after.computations.pregnancy
    )


def _whom(before: Release, after: Release, one: Analyte, other: Analyte) -> Iterator[Whom]:
    """The kinds of patient to ask of: one for each pair of row sets that are in force for somebody."""
    seen: set[tuple[object, ...]] = set()
    cells = [
        cell
        for release, analyte in ((before, one), (after, other))
        for cell in admissible_cells(analyte.axes, NOTHING_KNOWN, release.computations.pregnancy.age)
    ]
    # An adult is the example where the kind of patient makes no difference.
    cells.sort(key=lambda cell: not cell.age.reached(_ADULT))
    for options in _options(before, after, one, other):
        for condition in ("", *_conditions(one, other)):
            for cell in cells:
                whom = Whom(cell, options, condition)
                rows = tuple(_in_force(analyte, whom) for analyte in (one, other))
                policies = tuple(_policy(release, whom) for release in (before, after))
                # The rows differ, or what lies behind all of them: plausibility, grades, findings.
                if (rows, policies) not in seen and (rows[0] != rows[1] or policies[0] != policies[1] or not seen):
                    seen.add((rows, policies))
                    yield whom


def _options(before: Release, after: Release, one: Analyte, other: Analyte) -> Iterator[Options]:
    """Nothing chosen, then each variant, set and policy that both releases know, one at a time."""
    yield Options(trace=False)
    forms = (one.form, other.form)
    for variant in dict.fromkeys(row.variant for form in forms for row in form.intervals):
        if variant in before.interval_variants and variant in after.interval_variants and variant != "default":
            yield Options(intervals=variant, trace=False)
    for chosen in dict.fromkeys(row.set for form in forms for row in form.critical):
        if chosen in before.critical_limit_sets and chosen in after.critical_limit_sets and chosen != "default":
            yield Options(critical_limits=chosen, trace=False)
    for policy in dict.fromkeys(table.policy for form in forms for table in form.band_tables):
        if policy and policy in before.vitamin_d_policies and policy in after.vitamin_d_policies:
            yield Options(vitamin_d_policy=policy, trace=False)


def _conditions(one: Analyte, other: Analyte) -> tuple[str, ...]:
    """The conditions that a row of the analyte asks for."""
    forms = (one.form, other.form)
    asked = [table.when for form in forms for table in form.band_tables]
    asked += [condition for form in forms for row in form.critical for condition in (row.when, row.unless)]
    return tuple(
        dict.fromkeys(
            name.id
            for expression in asked
            if expression is not None
            for name in names(expression)
            if name.kind == "condition"
        )
    )


def _in_force(analyte: Analyte, whom: Whom) -> tuple[object, ...]:
    """The rows that may speak for a kind of patient, as text: their limits and what they bring."""
    form, options = analyte.form, whom.options
    rows: list[schema.Form] = [
        row for row in form.intervals if row.variant in ("default", options.intervals) and covers(row, whom.cell)
    ]
    rows += [
        row
        for row in form.critical
        if row.set in ("default", options.critical_limits) and covers(row, whom.cell) and _asked(row.when, whom)
    ]
    rows += [table for table in form.band_tables if covers(table, whom.cell) and _asked(table.when, whom)]
    return tuple(map(repr, rows))


def _asked(when: object, whom: Whom) -> bool:
    """Whether a row without a condition, or with the one that is recorded."""
    return when is None or bool(whom.condition and f"condition.{whom.condition}" in str(when))


def _policy(release: Release, whom: Whom) -> str:
    return repr(release.choices["vitamin_d_policy"].get(whom.options.vitamin_d_policy))


# ---------------------------------------------------------------------------------------------- values


def _of(before: Release, after: Release, one: Analyte, other: Analyte, whom: Whom) -> Iterator[Region]:
    """The stretches for one kind of patient, in every unit that both releases read."""
    for unit in dict.fromkeys((*one.native_units, *other.native_units)):
        if unit not in one.units or unit not in other.units:
            continue
        run: list[tuple[_Probe, Answers]] = []
        for probe in _probes(_numbers(before, after, one, other, unit)):
            answers = Answers.of(before, after, _panel(one.id, unit, probe.value, whom))
            if run and answers.changes != run[-1][1].changes:
                yield from _region(one.id, unit, whom, run)
                run = []
            run.append((probe, answers))
        yield from _region(one.id, unit, whom, run)


def _region(analyte: str, unit: str, whom: Whom, run: Sequence[tuple[_Probe, Answers]]) -> Iterator[Region]:
    changes = run[0][1].changes if run else ()
    if changes:
        # The value that a laboratory would most likely report.
        example = min(run, key=lambda item: len(plain(item[0].value)))[1]
        yield Region(analyte, unit, _stretch([probe for probe, _ in run]), (whom,), changes, example)


@dataclass(frozen=True, slots=True)
class _Probe:
    """A value that stands for itself, or for all between two limits (or beyond the last)."""

    value: Decimal
    low: Decimal | None
    high: Decimal | None


def _probes(numbers: Iterable[Decimal]) -> Iterator[_Probe]:
    ordered = sorted({number for number in numbers if number > 0})
    if not ordered:
        return
    first, last = ordered[0], ordered[-1]
    yield _Probe(first / 2, Decimal(0), first)
    for number, following in chain(pairwise(ordered), [(last, None)]):
        yield _Probe(number, number, number)
        yield _Probe(last + 1 if following is None else _between(number, following), number, following)


def _between(low: Decimal, high: Decimal) -> Decimal:
    """A value between two limits with as few digits as there are, as a laboratory would report it."""
    middle = (low + high) / 2
    for digits in range(_MOST_DIGITS):
        if low < (rounded := round(middle, digits)) < high:
            return rounded
    return middle


def _stretch(probes: Sequence[_Probe]) -> str:
    """The values from the first probe to the last, as a condition on x."""
    first, last = probes[0], probes[-1]
    if first is last and first.low == first.high:
        return f"x = {plain(first.value)}"
    low = "" if not first.low else f"{plain(first.low)} {'<=' if first.low == first.high else '<'} "
    high = "" if last.high is None else f" {'<=' if last.low == last.high else '<'} {plain(last.high)}"
    return f"{low}x{high}" if low or high else "every value"


def _numbers(before: Release, after: Release, one: Analyte, other: Analyte, unit: str) -> set[Decimal]:
    """Every limit of either release in a unit; those of another unit, converted, when a row has no other."""
    found: set[Decimal] = set()
    for release, analyte in ((before, one), (after, other)):
        forms: list[schema.Form] = [analyte.form]
        forms += [row for rows in release.findings.values() for row in rows if row.analyte == analyte.id]
        for form in forms:
            for way, part in parts(form):
                if isinstance(part, Limit):
                    found |= _in_unit(analyte, way, part, unit)
    return found


def _in_unit(analyte: Analyte, way: tuple[str | int, ...], limit: Limit, unit: str) -> set[Decimal]:
    if unit in way:
        return set(limit.numbers)
    written = next((analyte.units[str(step)] for step in way if step in analyte.units), None)
    shown = None if written is None else analyte.shown_also.get(written.ucum)
    if shown is None or shown.ucum != unit:
        return set()
    return {number * shown.factor.numerator / shown.factor.denominator for number in limit.numbers}


def _panel(analyte: str, unit: str, value: Decimal, whom: Whom) -> Panel:
    cell = whom.cell
    trimesters = {Pregnancy.TRIMESTER_1: 1, Pregnancy.TRIMESTER_2: 2, Pregnancy.TRIMESTER_3: 3}
    pregnant = None if cell.pregnancy is None else cell.pregnancy is not Pregnancy.NONE
    kind = {"serum": SpecimenKind.SERUM, "plasma": SpecimenKind.PLASMA}.get(cell.specimen or "")
    trimester = None if cell.pregnancy is None else trimesters.get(cell.pregnancy)
    patient = Patient(_stated(cell), cell.sex, pregnant, trimester, cell.preterm)
    conditions = (ContextItem(id=whom.condition),) if whom.condition else None
    result = Result(0, analyte=analyte, value=plain(value), unit=unit, specimen=Specimen(kind=kind))
    return Panel(patient=patient, results=(result,), conditions=conditions, options=whom.options)


def _stated(cell: Cell) -> StatedAge:
    """The age of a kind of patient; of an adult in years, as it is sent."""
    age = cell.age
    assert isinstance(age, StatedAge)
    days = age.number * DAYS_PER[age.unit]
    return StatedAge(int(days / DAYS_PER[AgeUnit.YEARS]), AgeUnit.YEARS) if age.reached(_ADULT) else age
