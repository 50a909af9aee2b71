"""25-OH vitamin D: components summed, policies, nearness to a cut-off, the acute phase."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from labgloss.domain.altered import altered
from labgloss.domain.quantity import ARITHMETIC, Comparator, Quantity, Span, scaled, with_digits
from labgloss.domain.report import ResultClass, ResultState
from labgloss.domain.subject import Age
from labgloss.engine.calcium import PRELIMINARY, current
from labgloss.engine.facts import Facts
from labgloss.engine.judged import Judged
from labgloss.engine.kept import by_release
from labgloss.engine.normalise import reading_of
from labgloss.engine.select import VITAMIN_D, VITAMIN_D_COMPONENTS, laboratory_ends_of, policy_for
from labgloss.engine.series import collected_before, same_draw
from labgloss.knowledge.expression import Limit
from labgloss.knowledge.partition import in_range
from labgloss.knowledge.release import Analyte, Release
from labgloss.knowledge.units import factor_between

D3, D2 = "vitamin_d_25oh_d3", "vitamin_d_25oh_d2"
CRP = "crp"
OF_VITAMIN_D = VITAMIN_D_COMPONENTS | {VITAMIN_D}


def computed_total(release: Release, entries: Sequence[Judged]) -> list[Judged]:
    """The total of the components of one draw where none was sent since; one is its lower bound (D4, DEC-22)."""
    if not any(entry.analyte is not None and entry.analyte.id in VITAMIN_D_COMPONENTS for entry in entries):
        return []
    sent = [entry for entry in entries if current(entry, VITAMIN_D) is not None]
    d3, d2 = (
        [
            entry
            for entry in entries
            if current(entry, ident) is not None and all(collected_before(total, entry) for total in sent)
        ]
        for ident in (D3, D2)
    )
    pair = next(((one, other) for one in d3 for other in d2 if same_draw(one, other)), None)
    parts = list(pair) if pair else (d3 or d2)[:1]
    if not parts:
        return []
    analyte = release.analytes[VITAMIN_D]
    first = parts[0]
    assert first.reading is not None
    unit = first.reading.compared.unit
    allowed = _sum(release, parts, unit)
    if pair is None:
        allowed = Span(allowed.low, allowed.low_inclusive)
    reading = reading_of(release, analyte, _as_quantity(allowed, unit))
    digits = analyte.units[unit].digits
    shown = replace(reading.quantity, value=with_digits(reading.quantity.value, digits))
    entry = Judged(
        None,
        "",
        analyte,
        replace(first.result, id="", flags=(), codings=(), interval=None) if first.result else None,
        reading=replace(reading, quantity=shown),
        computed_from=tuple(part.index for part in parts if part.index is not None),
        allowed=allowed,
    )
    if any(PRELIMINARY in part.cautions for part in parts):
        entry = entry.noting(cautions=(PRELIMINARY,))
    return [entry if pair else entry.noting(cautions=("d3_fraction_only",))]


def _sum(release: Release, parts: Sequence[Judged], unit: str) -> Span:
    """Every total that the components allow, in a unit, each converted by its own molar mass; none is negative."""
    low, high = Decimal(0), Decimal(0)
    low_inclusive = high_inclusive = True
    unbounded = False
    for part in parts:
        assert part.reading is not None and part.analyte is not None
        compared = part.reading.compared
        factor = factor_between(release.unit_table, part.analyte.form, compared.unit, unit)
        span = compared.span
        if span.low is not None:
            low = ARITHMETIC.add(low, scaled(span.low, factor))
            low_inclusive = low_inclusive and span.low_inclusive
        if span.high is None:
            unbounded = True
        else:
            high = ARITHMETIC.add(high, scaled(span.high, factor))
            high_inclusive = high_inclusive and span.high_inclusive
    return Span(low, low_inclusive, None if unbounded else high, unbounded or high_inclusive)


def _as_quantity(allowed: Span, unit: str) -> Quantity:
    """The total as a number with one comparator: a measurement, an upper bound from zero, else a lower bound."""
    low, high = allowed.low or Decimal(0), allowed.high
    if low == high:
        return Quantity(low, unit)
    if not low and high is not None:
        return Quantity(high, unit, Comparator.LESS_OR_EQUAL if allowed.high_inclusive else Comparator.LESS)
    return Quantity(low, unit, Comparator.GREATER_OR_EQUAL if allowed.low_inclusive else Comparator.GREATER)


def cautioned(release: Release, entry: Judged, age: Age | None, chosen: str, facts: Facts) -> Judged:
    """A vitamin D entry with the cautions of its policy, its interval, the infant epimer and a near cut-off."""
    analyte = entry.analyte
    if analyte is None or entry.reading is None or entry.verdict is None:
        return entry
    if analyte.id in OF_VITAMIN_D and _interval_supplied(release, entry):
        entry = entry.noting(cautions=("interval_supplied_not_used",))
    if analyte.id != VITAMIN_D:
        return entry
    form = release.computations.vitamin_d
    cautions: list[str] = []
    policy = policy_for(release, age, chosen, facts)
    if policy.row.caution:
        cautions.append(policy.row.caution)
    if in_range(age, form.epimer_age) is True:
        cautions.append("epimer_interference_possible")
    if _near_cut_off(release, entry):
        cautions.append("near_cut_off")
    return entry.noting(cautions=tuple(cautions), issues=("policy_not_applicable",) if policy.not_applicable else ())


def _interval_supplied(release: Release, entry: Judged) -> bool:
    return entry.result is not None and laboratory_ends_of(release, entry.result).span is not None


def _near_cut_off(release: Release, entry: Judged) -> bool:
    """Whether a measurement lies within the percentage of a cut-off of the tables in force (DEC-80)."""
    assert entry.reading is not None and entry.verdict is not None and entry.analyte is not None
    if not entry.reading.quantity.measured:
        return False
    unit, value = entry.reading.compared.unit, entry.reading.compared.value
    percent = release.computations.vitamin_d.near_cut_off_percent
    cut_offs = _cut_offs(release, entry.analyte, unit, entry.verdict.rule_ids)
    return any(100 * abs(value - cut_off) <= percent * cut_off for cut_off in cut_offs)


@by_release(maxsize=256)
def _cut_offs(release: Release, analyte: Analyte, unit: str, rules: tuple[str, ...]) -> frozenset[Decimal]:
    """The cut-offs of the tables that these rules are of."""
    tables = [table for table in analyte.form.band_tables if any(rule.startswith(f"{table.id}.") for rule in rules)]
    limits = [row.limits[unit] for table in tables for row in table.bands]
    limits.append(release.computations.vitamin_d.severely_low[unit])
    return frozenset(number for limit in limits for number in limit.numbers)


def after_acute_phase(release: Release, entries: Sequence[Judged], facts: Callable[[], Facts]) -> list[Judged]:
    """The entries; a low vitamin D in an acute phase is cautioned, and in a strong one left open (D6, DEC-54).

    `facts` makes the facts, of which only a strong acute phase has need.
    """
    form = release.computations.vitamin_d
    if not _crp_meets(entries, form.acute_phase_caution):
        return list(entries)
    strong = _crp_meets(entries, form.acute_phase_conditional)
    open_verdict = strong and not facts().holds(form.acute_phase_unless)
    return [_in_acute_phase(entry, open_verdict) for entry in entries]


def _crp_meets(entries: Sequence[Judged], limits: Mapping[str, Limit]) -> bool:
    """Whether a C-reactive protein of now lies wholly within a limit."""
    return any(
        (reading := current(entry, CRP)) is not None
        and (limit := limits.get(reading.compared.unit)) is not None
        and reading.compared.span.inside(limit.span())
        for entry in entries
    )


def _in_acute_phase(entry: Judged, open_verdict: bool) -> Judged:
    if entry.analyte is None or entry.analyte.id != VITAMIN_D or not entry.live or entry.verdict is None:
        return entry
    if entry.verdict.certain_class is not ResultClass.LOW:
        return entry
    entry = entry.noting(cautions=("acute_phase",))
    if not open_verdict or entry.verdict is None:
        return entry
    return altered(
        entry.noting(missing=("a repeat after the acute phase",)),
        state=ResultState.CONDITIONAL,
        because="an acute phase lowers the measured value",
        measured=entry.verdict,
        verdict=altered(entry.verdict, classes=(ResultClass.INDETERMINATE,)),
    )
