"""Verdicts in words: one idea a sentence, the value with its unit and its interval, never a diagnosis (SP 5.2)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from labgloss.domain.quantity import Comparator, Span, plain, round_half_up
from labgloss.domain.report import (
    Critical,
    IntervalInForce,
    IntervalOrigin,
    Reading,
    ResultClass,
    ResultState,
)
from labgloss.engine.judged import Judged
from labgloss.knowledge.release import Release

ORIGINS = {
    IntervalOrigin.LABORATORY: "the laboratory's interval",
    IntervalOrigin.DEFAULT: "the default interval",
    IntervalOrigin.VARIANT: "the chosen interval",
    IntervalOrigin.OVERLAY: "the site's interval",
    IntervalOrigin.POLICY: "the limits of the policy",
}
_WHERE = {ResultClass.LOW: "is below", ResultClass.NORMAL: "is inside", ResultClass.HIGH: "is above"}
_CLASSES = {ResultClass.INDETERMINATE: "without an interval to class it by"}
_COMPARATORS = {
    Comparator.EQUAL: "",
    Comparator.LESS: "below ",
    Comparator.LESS_OR_EQUAL: "at most ",
    Comparator.GREATER_OR_EQUAL: "at least ",
    Comparator.GREATER: "above ",
}


def explanation(release: Release, entry: Judged) -> str:
    """An entry in words: what was read, against which interval, what follows, what is missing."""
    if entry.state is ResultState.NOT_RECOGNISED:
        return "The analyte or code is not known to this release. The result is returned as it was sent, not judged."
    if entry.refusal is not None:
        return _refused(release, entry)
    sentences = [placed(entry)]
    if entry.computed_from:
        sentences.append("The service computed this value from other results of the panel.")
    if not entry.primary and not entry.opposed:
        sentences.append("Another calcium decides; this one is shown with its class only.")
    if entry.earlier:
        sentences.append("A later result decides; this one serves the trend.")
    sentences += _critical(entry)
    if entry.missing and entry.state is ResultState.CONDITIONAL:
        sentences.append(f"What would settle it: {'; '.join(entry.missing)}.")
    if entry.trend is not None:
        sentences.append(f"It {entry.trend.text}.")
    return " ".join(sentences)


def _refused(release: Release, entry: Judged) -> str:
    assert entry.refusal is not None
    row = release.refusals[entry.refusal.value]
    sentences = [row.text] if entry.earlier else [row.text, row.mend]
    if entry.critical is Critical.POSSIBLE:
        sentences.insert(
            1, "The number may lie beyond a critical limit: it counts as possibly critical until it is settled."
        )
    return " ".join(sentences)


# Names, titles, bands and units are those of a release: they come again with every panel.
@lru_cache(maxsize=1024)
def capitalised(name: str) -> str:
    """A name as it begins a sentence; pH stays as it is."""
    return name if name[1:2].isupper() else name[0].upper() + name[1:]


@lru_cache(maxsize=1024)
def inside_a_sentence(title: str) -> str:
    """A title as it stands within a sentence: names and abbreviations keep their capitals."""
    first = title.split(" ", 1)[0]
    return title if any(letter.isupper() or letter.isdigit() for letter in first[1:]) else title[0].lower() + title[1:]


def in_brief(entry: Judged) -> str:
    """An entry in a list: name, value, and behind it interval, band and critical."""
    assert entry.reading is not None and entry.verdict is not None and entry.analyte is not None
    spans = dict.fromkeys(span_words(interval.span) for interval in entry.verdict.intervals)
    bands = [band_words(band.band) for band in entry.verdict.bands]
    parts = [
        f"interval {' or '.join(spans)}" if spans else "",
        " or ".join(bands),
        "critical" if entry.critical is Critical.YES else "",
    ]
    return f"{entry.analyte.name} {quantity_text(entry.reading)} ({'; '.join(part for part in parts if part)})"


def quantity_text(reading: Reading) -> str:
    """The value as it was read, in words and its own unit."""
    quantity = reading.quantity
    return f"{_COMPARATORS[quantity.comparator]}{plain(quantity.value)}{_unit(quantity.unit)}"


@lru_cache(maxsize=1024)
def _unit(ucum: str) -> str:
    """A unit as it is read, with a blank before it; nothing for a number without one."""
    if ucum in ("1", "[pH]"):
        return ""
    plain_unit = ucum.replace("{creat}", " creatinine").translate(str.maketrans("_", " ", "{}"))
    return f" {plain_unit.replace('m2', 'm²')}"


def placed(entry: Judged) -> str:
    """Where the value lies, in one sentence."""
    assert entry.reading is not None and entry.verdict is not None and entry.analyte is not None
    subject = _subject(entry)
    intervals = entry.verdict.intervals
    found = entry.verdict.certain_class
    if entry.opposed:
        return _jointly(entry, subject)
    if found is ResultClass.INDETERMINATE:
        remaining = [_CLASSES.get(item, item.value) for item in entry.verdict.classes]
        if len(remaining) > 1:
            return f"{subject} may be {', '.join(remaining[:-1])} or {remaining[-1]}; the class is open."
        if entry.because:
            return f"{subject} cannot be classed: {entry.because}."
        if not intervals and not entry.verdict.bands:
            return f"{subject} came without a reference interval, and the release has none: low and high are unknown."
        return f"{subject} cannot be classed."
    against = _against(intervals) or "the limits of the policy in force"
    bands = [band_words(band.band) for band in entry.verdict.bands]
    band = f": {' or '.join(bands)}" if bands and bands != ["normal"] else ""
    if found is not ResultClass.NORMAL and _inside_every(entry, intervals):
        # A fixed limit overrules the interval (DEC-49).
        limits = _fixed_limits(entry)
        named = f" ({limits})" if limits else ""
        return (
            f"{subject} is {found.value}: it is inside {against}, and lies beyond a limit that no interval "
            f"moves{named}{band}."
        )
    return f"{subject} {_WHERE[found]} {against}{band}."


def _subject(entry: Judged) -> str:
    """The analyte and its value as read, with the value in the compared unit where that is another."""
    assert entry.reading is not None and entry.analyte is not None
    subject = f"{capitalised(entry.analyte.name)} {quantity_text(entry.reading)}"
    if entry.reading.factor == 1:
        return subject
    compared = entry.reading.compared
    return f"{subject} ({plain(round_half_up(compared.value, entry.reading.digits))}{_unit(compared.unit)})"


def _jointly(entry: Judged, subject: str) -> str:
    """A calcium that is judged together with its other views (R-ADJ-4)."""
    assert entry.verdict is not None
    others = " and ".join(_subject(other)[0].lower() + _subject(other)[1:] for other in entry.opposed)
    why = f"the albumin adjustment cannot be relied on here ({entry.because})"
    found = entry.verdict.certain_class
    if found is ResultClass.INDETERMINATE:
        return f"{subject} cannot be classed: it and {others} do not lie on one side, and {why}."
    bands = " or ".join(band_words(band.band) for band in entry.verdict.bands)
    worse = f"; the worse counts: {bands}" if found is not ResultClass.NORMAL else ""
    return f"{subject} and {others} are judged together, since {why}. Both are {found.value}{worse}."


def _fixed_limits(entry: Judged) -> str:
    """The limits that overrule an interval: the critical ones crossed, else those of the bands."""
    assert entry.verdict is not None and entry.reading is not None
    unit = entry.reading.compared.unit
    limits = [row.limits[unit] for row in entry.verdict.critical_rows] or [
        row.limits[unit] for row in entry.verdict.bands if not row.limits[unit].needs_interval
    ]
    return " or ".join(dict.fromkeys(f"{span_words(limit.span())}{_unit(unit)}" for limit in limits))


_STEPS = {"mild": "mildly", "moderate": "moderately", "severe": "severely"}


@lru_cache(maxsize=1024)
def band_words(band: str) -> str:
    """A band as it is said: severely low, borderline high, toxic range."""
    step, _, side = band.rpartition("_")
    return f"{_STEPS.get(step, step)} {side}" if side in ("low", "high") and step else band.replace("_", " ")


def _inside_every(entry: Judged, intervals: Sequence[IntervalInForce]) -> bool:
    assert entry.reading is not None
    quantities = {
        entry.reading.quantity.unit: entry.reading.quantity,
        entry.reading.compared.unit: entry.reading.compared,
    }
    known = [(interval.span, quantities[interval.unit]) for interval in intervals if interval.unit in quantities]
    return bool(known) and all(quantity.measured and quantity.value in span for span, quantity in known)


def _against(intervals: Sequence[IntervalInForce]) -> str:
    """The intervals in force, in words."""
    parts = []
    for interval in intervals:
        whom = f", {interval.applies_to}" if interval.origin is not IntervalOrigin.LABORATORY else ""
        parts.append(f"{ORIGINS[interval.origin]} ({span_words(interval.span)}{_unit(interval.unit)}{whom})")
    return " or ".join(parts)


def span_words(span: Span) -> str:
    """An interval as laboratories print it: 0.70-1.00, from 60, up to 300, under 5."""
    if span.low is not None and span.high is not None:
        return f"{plain(span.low)}-{plain(span.high)}"
    if span.low is not None:
        return f"{'from' if span.low_inclusive else 'above'} {plain(span.low)}"
    if span.high is not None:
        return f"{'up to' if span.high_inclusive else 'under'} {plain(span.high)}"
    return "any value"


def _critical(entry: Judged) -> list[str]:
    if entry.critical is Critical.NO:
        return []
    limits = _critical_limits(entry)
    if entry.critical is Critical.YES:
        return [f"It lies beyond a critical limit{limits}."]
    return [f"It may lie beyond a critical limit{limits}, and counts as possibly critical until it is settled."]


def _critical_limits(entry: Judged) -> str:
    """The critical limits that the value, or another view of it, lies or may lie beyond."""
    found = []
    for view in (entry, *entry.opposed):
        for row in view.verdict.critical_rows if view.verdict else ():
            unit = view.reading.compared.unit if view.reading else ""
            found.append(f"{span_words(row.limits[unit].span())}{_unit(unit)}")
    return f" ({' or '.join(dict.fromkeys(found))})" if found else ""
