"""Where the laboratory and the release differ, and who governs; nothing is settled in silence."""

from __future__ import annotations

from labgloss.domain.quantity import Span, plain
from labgloss.domain.report import Conflict, Governed, ResultClass
from labgloss.engine.bench import Bench
from labgloss.engine.explain import ORIGINS, band_words
from labgloss.engine.grade import span_text
from labgloss.engine.judged import Judged

_SIDES = {
    "L": ResultClass.LOW,
    "LL": ResultClass.LOW,
    "LU": ResultClass.LOW,
    "L<": ResultClass.LOW,
    "N": ResultClass.NORMAL,
    "H": ResultClass.HIGH,
    "HH": ResultClass.HIGH,
    "HU": ResultClass.HIGH,
    "H>": ResultClass.HIGH,
}


def of_flag(entry: Judged) -> tuple[Conflict, ...]:
    """The laboratory's flag names another side than the class (DEC-78); A, AA and IND name none."""
    if entry.result is None or entry.verdict is None or entry.computed_from or not entry.result.flags:
        return ()
    ours = entry.verdict.certain_class
    if ours is ResultClass.INDETERMINATE:
        return ()
    return tuple(
        Conflict(
            "flag",
            flag.strip(),
            ours.value,
            Governed.RELEASE,
            f"The laboratory flagged this result {flag.strip()}; against the interval and limits in force it is "
            f"{ours.value}. Both are shown; the limits in force governed.",
        )
        for flag in entry.result.flags
        if _SIDES.get(flag.strip().upper(), ours) is not ours
    )


def of_interval(bench: Bench, entry: Judged, own: Span | None) -> tuple[Conflict, ...]:
    """A laboratory's own interval gives another class than the default, or a fixed limit overrules it (DEC-49)."""
    if own is None or entry.reading is None or entry.analyte is None or entry.verdict is None:
        return ()
    ours = entry.verdict.certain_class
    if ours is ResultClass.INDETERMINATE or not entry.reading.quantity.measured:
        return ()
    found: list[Conflict] = []
    value, unit = entry.reading.quantity.value, entry.reading.quantity.unit
    interval = f"{span_text(own)} {unit}"
    if value in own and ours is not ResultClass.NORMAL:
        band = entry.verdict.bands[0].band if entry.verdict.bands else ours.value
        found.append(
            Conflict(
                "limit",
                interval,
                band,
                Governed.RELEASE,
                f"{plain(value)} {unit} lies inside the laboratory's interval and beyond a limit that no interval "
                f"moves ({band_words(band)}); the limit governed.",
            )
        )
        return tuple(found)
    by_default, whose = _class_by_default(bench, entry)
    if by_default is not None and by_default is not ours:
        found.append(
            Conflict(
                "interval",
                interval,
                by_default.value,
                Governed.LABORATORY,
                f"By {whose} this result would be {by_default.value}; the laboratory's own interval "
                f"governed, and by it the result is {ours.value}.",
            )
        )
    return tuple(found)


def _class_by_default(bench: Bench, entry: Judged) -> tuple[ResultClass | None, str]:
    """The class against the interval that holds without the laboratory's, and whose that is; None where there is none,
    or where it is not one class."""
    assert entry.reading is not None
    value = entry.reading.compared.value
    classes = set()
    whose: dict[str, None] = {}
    for ends in bench.intervals(entry):
        if ends is None:
            return None, ""
        span = ends.span
        whose |= {ORIGINS[shown.origin]: None for shown in ends.shown}
        classes.add(
            ResultClass.NORMAL if value in span else ResultClass.LOW if value in span.below else ResultClass.HIGH
        )
    return (classes.pop() if len(classes) == 1 else None), " or ".join(whose)
