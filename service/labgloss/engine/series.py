"""Results of one analyte over time: which count now, how they changed, and what creatinine says of the kidney."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal

from labgloss.domain.altered import altered
from labgloss.domain.panel import Collected
from labgloss.domain.quantity import ARITHMETIC, Span, plain, round_half_up, with_digits
from labgloss.domain.report import Trend
from labgloss.domain.truth import Truth
from labgloss.engine.judged import ARTEFACTS, Judged
from labgloss.knowledge.release import Release
from labgloss.knowledge.units import factor_between

DUPLICATE = "duplicate_result"
CREATININE = "creatinine"
CALCIUM = "calcium"


def mark_earlier(release: Release, entries: Sequence[Judged]) -> list[Judged]:
    """The entries, those with a later result of the same analyte that stands marked (DEC-85).

    A result without a time counts as current; one that an artefact refused gives way as any other does. A calcium also
    gives way to another kind of calcium that was drawn so much later that the two are not put together. Two that count
    now, of one analyte and one kind of specimen, are said.
    """
    if len(entries) < 2:
        return list(entries)
    apart = timedelta(hours=release.computations.albumin_adjustment.combine_within_hours)
    families: dict[str, list[Judged]] = defaultdict(list)
    for entry in entries:
        if entry.analyte is not None and entry.read:
            families[entry.analyte.family].append(entry)
    marked: list[Judged] = []
    for entry in entries:
        known = entry.read or entry.refusal in ARTEFACTS
        family = families.get(entry.analyte.family, ()) if entry.analyte is not None and known else ()
        if not any(other is not entry for other in family):
            marked.append(entry)
            continue
        if any(other.stands and _retires(other, entry, apart) for other in family):
            marked.append(altered(entry, earlier=True))
        elif entry.read and any(_same_moment_and_kind(entry, other) for other in family):
            marked.append(entry.noting(issues=(DUPLICATE,)))
        else:
            marked.append(entry)
    return marked


def with_computed(entries: Sequence[Judged], computed: Sequence[Judged]) -> list[Judged]:
    """The entries and those computed; a result gives way to a later computed one of its analyte (DEC-85)."""
    kept = [
        altered(entry, earlier=True)
        if entry.read
        and any(one.read and one.analyte is entry.analyte and collected_before(entry, one) for one in computed)
        else entry
        for entry in entries
    ]
    return [*kept, *computed]


def _retires(later: Judged, entry: Judged, apart: timedelta) -> bool:
    """Whether a result takes the place of an earlier one of its analyte, or of its family after so long a time."""
    if not collected_before(entry, later):
        return False
    if later.analyte is entry.analyte:
        return True
    elapsed = elapsed_between(entry, later)
    return entry.analyte is not None and entry.analyte.family == CALCIUM and elapsed is not None and elapsed >= apart


def collected_before(entry: Judged, other: Judged) -> bool:
    """Whether a result was collected before another; unknown times are never before."""
    one, two = collected_at(entry), collected_at(other)
    if one is None or two is None:
        return False
    if one.instant is not None and two.instant is not None:
        return one.instant < two.instant
    return one.day < two.day


def _same_moment_and_kind(entry: Judged, other: Judged) -> bool:
    if (
        other is entry
        or other.analyte is not entry.analyte
        or collected_before(entry, other)
        or collected_before(other, entry)
    ):
        return False
    kinds = [item.result.specimen.kind if item.result else None for item in (entry, other)]
    return kinds[0] == kinds[1]


def same_draw(entry: Judged, other: Judged) -> bool:
    """Whether two results come from one draw: the same specimen id, else the same collection time."""
    if entry.result is None or other.result is None:
        return False
    one, two = entry.result.specimen.id, other.result.specimen.id
    if one and two:
        return one == two
    return entry.result.collected == other.result.collected


def elapsed_between(entry: Judged, other: Judged) -> timedelta | None:
    """The time between two collections, whichever came first; None when a time is unknown."""
    then, now = collected_at(entry), collected_at(other)
    return None if then is None or now is None else abs(_elapsed(then, now))


def collected_at(entry: Judged) -> Collected | None:
    """When a result was collected, where that was sent."""
    return entry.result.collected if entry.result else None


def with_trends(release: Release, entries: Sequence[Judged]) -> list[Judged]:
    """The entries, each with its change against the latest result of the same analyte before it."""
    if len(entries) < 2:
        return list(entries)
    return [
        entry if (trend := _trend(release, entry, entries)) is None else altered(entry, trend=trend)
        for entry in entries
    ]


def _trend(release: Release, entry: Judged, entries: Iterable[Judged]) -> Trend | None:
    if entry.reading is None or entry.analyte is None or not entry.read or not entry.reading.quantity.measured:
        return None
    previously = [
        other
        for other in entries
        if other.analyte is entry.analyte and other is not entry and other.read and collected_before(other, entry)
    ]
    if not previously:
        return None
    previous = previously[0]
    for other in previously[1:]:
        if collected_before(previous, other):
            previous = other
    if previous.reading is None or previous.index is None or not previous.reading.quantity.measured:
        return None
    try:
        factor = factor_between(
            release.unit_table, entry.analyte.form, previous.reading.compared.unit, entry.reading.compared.unit
        )
    except ValueError:
        return None
    old, new = previous.reading.compared.converted(factor, "").value, entry.reading.compared.value
    digits = entry.reading.digits
    change = ARITHMETIC.subtract(new, old)
    percent = ARITHMETIC.divide(100 * change, old) if old else None
    limit = entry.analyte.form.reference_change_percent
    exceeds = None if limit is None or percent is None else abs(percent) > limit
    then, now = collected_at(previous), collected_at(entry)
    hours = _hours(then, now)
    unit = entry.reading.compared.unit
    change, old = with_digits(change, digits), with_digits(old, digits)
    text = f"changed by {_signed(change)} {unit} from {plain(old)} {unit}"
    if hours is not None:
        text += f" in {plain(hours)} h"
    if exceeds is not None:
        text += ", more than the reference change value" if exceeds else ", within the reference change value"
    return Trend(
        previous.key,
        previous.index,
        old,
        then.text if then else "",
        change,
        None if percent is None else round_half_up(percent, 1),
        hours,
        exceeds,
        text,
    )


def _hours(then: Collected | None, now: Collected | None) -> Decimal | None:
    if then is None or now is None or then.instant is None or now.instant is None:
        return None
    seconds = (now.instant - then.instant) // timedelta(seconds=1)
    return round_half_up(ARITHMETIC.divide(Decimal(seconds), Decimal(3600)), 1)


def _signed(value: Decimal) -> str:
    return f"+{plain(value)}" if value > 0 else plain(value)


def acute_kidney_injury(release: Release, entries: Sequence[Judged]) -> Truth:
    """Whether creatinine shows acute kidney injury; UNKNOWN without an earlier creatinine in reach (DEC-29).

    A bound shows it where every value that it allows does, and never excludes it.
    """
    form = release.computations.aki
    creatinines = [entry for entry in entries if entry.read and entry.analyte and entry.analyte.id == CREATININE]
    outcome = Truth.UNKNOWN
    for current in (entry for entry in creatinines if not entry.earlier):
        unit = _unit_of_rise(form.rise, current)
        span, at = _span_in(release, current, unit), collected_at(current)
        if span is None or at is None:
            continue
        earlier = [
            (at.day - then.day, _elapsed(then, at), before)
            for other in creatinines
            if other.earlier
            and (then := collected_at(other)) is not None
            and (before := _span_in(release, other, unit)) is not None
        ]
        # Against the lowest value that now may be stand the highest ones that then may have been.
        now = span.low or Decimal(0)
        highest = [(age.days, elapsed, before.high) for age, elapsed, before in earlier if before.high is not None]
        recent = [value for days, _, value in highest if days <= form.ratio_baseline_days]
        older = [value for days, _, value in highest if form.ratio_baseline_days < days <= form.ratio_median_days]
        within = [value for _, elapsed, value in highest if elapsed <= timedelta(hours=form.rise_hours)]
        baselines = [min(recent)] if recent else []
        if older:
            # Only here: few panels hold a creatinine of months ago.
            from statistics import median

            baselines.append(median(older))
        if any(now >= form.ratio * base for base in baselines):
            return Truth.TRUE
        if any(now - value >= form.rise[unit] for value in within):
            return Truth.TRUE
        if baselines and all(item.low == item.high for item in (span, *(before for _, _, before in earlier))):
            outcome = Truth.FALSE
    return outcome


def _unit_of_rise(rise: Mapping[str, Decimal], entry: Judged) -> str:
    """The unit of the limits that a creatinine is compared in: that in which it was reported, where they have it."""
    unit = entry.reading.compared.unit if entry.reading else ""
    return unit if unit in rise else next(iter(rise))


def _elapsed(then: Collected, now: Collected) -> timedelta:
    """Time between two collections; by the day where a time of day is missing."""
    if then.instant is not None and now.instant is not None:
        return now.instant - then.instant
    return now.day - then.day


def _span_in(release: Release, entry: Judged, unit: str) -> Span | None:
    """Every value that a creatinine allows, in a unit."""
    if entry.reading is None or entry.analyte is None:
        return None
    factor = factor_between(release.unit_table, entry.analyte.form, entry.reading.compared.unit, unit)
    return entry.reading.compared.converted(factor, unit).span
