"""Results of one analyte over time: which count now, how they changed, and what creatinine says of the kidney."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from statistics import median

from labgloss.domain.panel import Collected
from labgloss.domain.quantity import ARITHMETIC, plain, round_half_up
from labgloss.domain.report import Trend
from labgloss.domain.truth import Truth
from labgloss.engine.judged import Judged
from labgloss.knowledge.release import Release
from labgloss.knowledge.units import factor_between

DUPLICATE = "duplicate_result"
CREATININE = "creatinine"


def mark_earlier(entries: Sequence[Judged]) -> list[Judged]:
    """The entries, those with a later valid result of the same analyte marked (DEC-85).

    A result without a time counts as current. Two that count now, of one analyte and one kind of specimen, are said.
    """
    by_analyte: dict[str, list[Judged]] = defaultdict(list)
    for entry in entries:
        if _valid(entry) and entry.analyte is not None:
            by_analyte[entry.analyte.id].append(entry)
    marked: list[Judged] = []
    for entry in entries:
        peers = by_analyte[entry.analyte.id] if entry.analyte is not None else []
        if _valid(entry) and any(_before(entry, peer) for peer in peers):
            marked.append(replace(entry, earlier=True))
            continue
        same = [peer for peer in peers if _valid(entry) and peer is not entry and _same_moment_and_kind(entry, peer)]
        marked.append(entry.noting(issues=(DUPLICATE,)) if same else entry)
    return marked


def _valid(entry: Judged) -> bool:
    return entry.reading is not None and entry.refusal is None


def _before(entry: Judged, other: Judged) -> bool:
    """Whether a result was collected before another; unknown times are never before."""
    one, two = _collected(entry), _collected(other)
    if one is None or two is None:
        return False
    if one.instant is not None and two.instant is not None:
        return one.instant < two.instant
    return one.day < two.day


def _same_moment_and_kind(entry: Judged, other: Judged) -> bool:
    if _before(entry, other) or _before(other, entry):
        return False
    kinds = [item.result.specimen.kind if item.result else None for item in (entry, other)]
    return kinds[0] == kinds[1]


def _collected(entry: Judged) -> Collected | None:
    return entry.result.collected if entry.result else None


def with_trends(release: Release, entries: Sequence[Judged]) -> list[Judged]:
    """The entries, each with its change against the latest result of the same analyte before it."""
    return [replace(entry, trend=_trend(release, entry, entries)) for entry in entries]


def _trend(release: Release, entry: Judged, entries: Iterable[Judged]) -> Trend | None:
    before = [
        other
        for other in entries
        if _valid(other) and _valid(entry) and other.analyte is entry.analyte and _before(other, entry)
    ]
    if not before or entry.reading is None or entry.analyte is None or not entry.reading.quantity.measured:
        return None
    previous = before[0]
    for other in before[1:]:
        if _before(previous, other):
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
    then, now = _collected(previous), _collected(entry)
    hours = _hours(then, now)
    unit = entry.reading.compared.unit
    text = f"changed by {_signed(round_half_up(change, digits))} {unit} from {plain(round_half_up(old, digits))} {unit}"
    if hours is not None:
        text += f" in {plain(hours)} h"
    if exceeds is not None:
        text += ", more than the reference change value" if exceeds else ", within the reference change value"
    return Trend(
        previous.key,
        previous.index,
        round_half_up(old, digits),
        then.text if then else "",
        round_half_up(change, digits),
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
    """Whether creatinine shows acute kidney injury; UNKNOWN without an earlier creatinine in reach (DEC-29)."""
    form = release.computations.aki
    creatinines = [entry for entry in entries if _valid(entry) and entry.analyte and entry.analyte.id == CREATININE]
    outcome = Truth.UNKNOWN
    for current in (entry for entry in creatinines if not entry.earlier):
        for unit, rise in form.rise.items():
            now = _in(release, current, unit)
            at = _collected(current)
            if now is None or at is None:
                continue
            earlier = [
                (at.day - then.day, _elapsed(then, at), value)
                for other in creatinines
                if other.earlier
                and (then := _collected(other)) is not None
                and (value := _in(release, other, unit)) is not None
            ]
            recent = [value for age, _, value in earlier if age.days <= form.ratio_baseline_days]
            older = [
                value for age, _, value in earlier if form.ratio_baseline_days < age.days <= form.ratio_median_days
            ]
            within = [value for _, elapsed, value in earlier if elapsed <= timedelta(hours=form.rise_hours)]
            baselines = [*([min(recent)] if recent else []), *([median(older)] if older else [])]
            if any(now >= form.ratio * base for base in baselines) or any(now - value >= rise for value in within):
                return Truth.TRUE
            if baselines:
                outcome = Truth.FALSE
            break
    return outcome


def _elapsed(then: Collected, now: Collected) -> timedelta:
    """Time between two collections; by the day where a time of day is missing."""
    if then.instant is not None and now.instant is not None:
        return now.instant - then.instant
    return now.day - then.day


def _in(release: Release, entry: Judged, unit: str) -> Decimal | None:
    if entry.reading is None or entry.analyte is None or not entry.reading.quantity.measured:
        return None
    factor = factor_between(release.unit_table, entry.analyte.form, entry.reading.compared.unit, unit)
    return entry.reading.compared.converted(factor, unit).value
