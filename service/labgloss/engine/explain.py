"""Verdicts in words: one idea a sentence, the value with its unit and its interval, never a diagnosis (SP 5.2)."""

from __future__ import annotations

from collections.abc import Sequence

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

_ORIGINS = {
    IntervalOrigin.LABORATORY: "the laboratory's interval",
    IntervalOrigin.DEFAULT: "the default interval",
    IntervalOrigin.VARIANT: "the chosen interval",
    IntervalOrigin.OVERLAY: "the site's interval",
    IntervalOrigin.POLICY: "the limits of the policy",
}
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
    sentences = [row.text, row.mend]
    if entry.critical is Critical.POSSIBLE:
        sentences.insert(
            1, "The number may lie beyond a critical limit: it counts as possibly critical until it is settled."
        )
    return " ".join(sentences)


def capitalised(name: str) -> str:
    """A name as it begins a sentence; pH stays as it is."""
    return name if name[1:2].isupper() else name[0].upper() + name[1:]


def quantity_text(reading: Reading) -> str:
    """The value as it was read, in words and its own unit."""
    quantity = reading.quantity
    unit = "" if quantity.unit in ("1", "[pH]") else f" {quantity.unit}"
    return f"{_COMPARATORS[quantity.comparator]}{plain(quantity.value)}{unit}"


def placed(entry: Judged) -> str:
    """Where the value lies, in one sentence."""
    assert entry.reading is not None and entry.verdict is not None and entry.analyte is not None
    subject = f"{capitalised(entry.analyte.name)} {quantity_text(entry.reading)}"
    if entry.reading.factor != 1:
        compared = entry.reading.compared
        subject += f" ({plain(round_half_up(compared.value, entry.reading.digits))} {compared.unit})"
    intervals = entry.verdict.intervals
    found = entry.verdict.certain_class
    if found is ResultClass.INDETERMINATE:
        remaining = [item.value for item in entry.verdict.classes]
        if len(remaining) > 1:
            return f"{subject} may be {' or '.join(remaining)}; the class is open."
        if not intervals and not entry.verdict.bands:
            return f"{subject} came without a reference interval, and the release has none: low and high are unknown."
        return f"{subject} cannot be classed."
    where = {ResultClass.LOW: "is below", ResultClass.NORMAL: "is inside", ResultClass.HIGH: "is above"}[found]
    against = _against(intervals) or "the limits of the policy in force"
    bands = [band.band for band in entry.verdict.bands]
    if found is not ResultClass.NORMAL and _inside_every(entry, intervals):
        # A fixed limit overrules the interval (DEC-49).
        return f"{subject} is {found.value}: it lies beyond a limit that no interval moves ({' or '.join(bands)})."
    band = f": {' or '.join(_words(item) for item in bands)}" if bands and bands != ["normal"] else ""
    return f"{subject} {where} {against}{band}."


def _words(band: str) -> str:
    side = band.rpartition("_")[2]
    return (
        f"{band.removesuffix(f'_{side}')} {side}" if side in ("low", "high") and "_" in band else band.replace("_", " ")
    )


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
        parts.append(
            f"{_ORIGINS[interval.origin]} ({span_words(interval.span)} {interval.unit}{whom})".replace(" 1)", ")")
        )
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
    if entry.critical is Critical.YES:
        return ["It lies beyond a critical limit."]
    if entry.critical is Critical.POSSIBLE:
        return ["It may lie beyond a critical limit, and counts as possibly critical until it is settled."]
    return []
