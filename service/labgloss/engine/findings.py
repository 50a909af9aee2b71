"""Readings and verdicts to named facts, three-valued."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Final

from labgloss.domain.quantity import Quantity, Span
from labgloss.domain.report import Finding, Reading, RefusalReason, ResultClass
from labgloss.domain.truth import FALSE, TRUE, UNKNOWN, Truth, all_of, any_of
from labgloss.engine.calcium import FAMILY, TOTAL
from labgloss.engine.explain import capitalised
from labgloss.engine.facts import Facts
from labgloss.engine.judged import Judged
from labgloss.engine.kept import by_release
from labgloss.frozen import dataclass
from labgloss.knowledge.expression import Limit
from labgloss.knowledge.release import Release
from labgloss.knowledge.schema import FindingRow
from labgloss.knowledge.units import factor_between

# As names they are found sooner: every result is asked.
_LOW: Final = ResultClass.LOW
_HIGH: Final = ResultClass.HIGH
_INDETERMINATE: Final = ResultClass.INDETERMINATE
_NO_CLASS = (_INDETERMINATE,)
# Findings of a total calcium that is shown beside the primary one (vocabulary.md 7.1).
SECONDARY_TOTAL = {ResultClass.LOW: "CA_TOTAL_LOW", ResultClass.HIGH: "CA_TOTAL_HIGH"}


@dataclass(frozen=True, slots=True)
class Sent:
    """Results by analyte: with a reading of now; that have a verdict and count now; and of these the primary ones."""

    entries: Sequence[Judged]
    # Each once, in the order sent.
    analytes: tuple[str, ...]
    readings: Mapping[str, Sequence[Judged]]
    live: Mapping[str, Sequence[Judged]]
    counting: Mapping[str, Sequence[Judged]]

    @classmethod
    def of(cls, entries: Sequence[Judged]) -> Sent:
        """The results of a panel, laid out."""
        analytes: dict[str, None] = {}
        readings: dict[str, list[Judged]] = {}
        live: dict[str, list[Judged]] = {}
        counting: dict[str, list[Judged]] = {}
        for entry in entries:
            if entry.analyte is None:
                continue
            ident = entry.analyte.id
            analytes[ident] = None
            if entry.refusal is not None or entry.earlier:
                continue
            if entry.reading is not None and not entry.left_open:
                readings.setdefault(ident, []).append(entry)
            if entry.verdict is not None:
                live.setdefault(ident, []).append(entry)
                if entry.primary:
                    counting.setdefault(ident, []).append(entry)
        return cls(entries, tuple(analytes), readings, live, counting)


def measured(release: Release, sent: Sent, facts: Facts) -> dict[str, Truth]:
    """Findings that rest on a number alone, known before anything is graded."""
    return {
        ident: _any_read([_of_limits(release, row, sent.readings.get(row.analyte, ()), facts) for row in rows])
        for ident, rows in _made_by(release, sent.analytes, of_number=True)
    }


@by_release(maxsize=1024)
def _made_by(
    release: Release, analytes: tuple[str, ...], *, of_number: bool
) -> tuple[tuple[str, tuple[FindingRow, ...]], ...]:
    """The findings that results of these analytes can make, each with its rows, in the order of their file."""
    idents = release.finding_index.of(analytes, of_number=of_number)
    return tuple((ident, release.findings[ident]) for ident in idents)


def of_verdicts(
    release: Release, sent: Sent, facts: Facts, before: Mapping[str, Truth] | None = None
) -> dict[str, Truth]:
    """Findings that rest on classes: those of each analyte, then those with a limit inside a class.

    `before`: what they came to of the same results when less was known; only those that ask for facts are asked again.
    """
    truths = _class_findings(release, sent)
    known = facts.adding("finding", truths)
    alone = release.finding_index.alone if before is not None else ()
    for ident, rows in _made_by(release, sent.analytes, of_number=False):
        if before is not None and ident in alone:
            truths[ident] = before[ident]
        else:
            truths[ident] = _any_read([_of_row(release, row, sent, known) for row in rows])
    return truths


def of_rows(release: Release, rows: Sequence[FindingRow], sent: Sent, facts: Facts) -> Truth:
    """A finding whose rows rest on classes, bands or logic."""
    return _any_read([_of_row(release, row, sent, facts) for row in rows])


def _any_read(truths: Sequence[Truth | None]) -> Truth:
    """The truth of a finding over its rows; a row whose analyte is not in the panel (None) says nothing."""
    read = [truth for truth in truths if truth is not None]
    return any_of(read) if read else UNKNOWN


def bands(release: Release, sent: Sent) -> dict[str, Truth]:
    """The truth of every band: TRUE when it is the only one that remains, UNKNOWN when it is one of several."""
    truths: dict[str, Truth] = {}
    for ident, live in sent.counting.items():
        for band in release.analytes[ident].band_ids:
            truths[f"{ident}.{band}"] = any_of(_has_band(entry, band) for entry in live)
    return truths


def open_verdicts(release: Release, sent: Sent) -> dict[str, tuple[Mapping[tuple[str, str], Truth], ...]]:
    """Of each analyte whose class or band is one of several: what they come to in every case that remains.

    A bound is as certain as all the values that it allows: what holds in each of these cases is certain.
    """
    found: dict[str, tuple[Mapping[tuple[str, str], Truth], ...]] = {}
    for ident, of_analyte in sent.live.items():
        cases = next((cases for cases in (_cases(release, entry) for entry in of_analyte) if len(cases) > 1), ())
        if cases:
            # Beside another result of the analyte, what a case leaves out may still be true.
            left_out = {name: FALSE for case in cases for name in case} if len(of_analyte) == 1 else {}
            found[ident] = tuple({**left_out, **dict.fromkeys(case, TRUE)} for case in cases)
    return found


def _cases(release: Release, entry: Judged) -> list[tuple[tuple[str, str], ...]]:
    """The bands of which an entry has one, each with its class; classes alone where not every class has a band."""
    classes = entry.verdict.classes if entry.verdict and not entry.left_open else ()
    if entry.analyte is None or entry.verdict is None or ResultClass.INDETERMINATE in classes:
        return []
    ident, remaining = entry.analyte.id, _remaining(entry) if entry.primary else frozenset()
    if not remaining:
        return [(("class", f"{ident}.{side.value}"),) for side in classes]
    bands = {row.band: row for row in entry.verdict.bands}
    return [
        (("band", f"{ident}.{band}"), ("class", f"{ident}.{bands[band].side}"))
        for band in release.analytes[ident].band_ids
        if band in remaining
    ]


def _remaining(entry: Judged) -> frozenset[str]:
    """The bands of which an entry has one; none where a class that remains has no band, or its class was taken away."""
    if entry.left_open or entry.verdict is None:
        return frozenset()
    sides = {row.side for row in entry.verdict.bands}
    if any(side.value not in sides for side in entry.verdict.classes):
        return frozenset()
    return frozenset(row.band for row in entry.verdict.bands)


def _has_band(entry: Judged, band: str) -> Truth:
    names = [row.band for row in entry.verdict.bands] if entry.verdict else []
    if entry.left_open:
        return UNKNOWN
    if band not in names:
        return FALSE if names else UNKNOWN
    return TRUE if len(names) == 1 and entry.verdict and len(entry.verdict.classes) == 1 else UNKNOWN


def of_entries(entries: Sequence[Judged]) -> dict[tuple[str, str], Truth]:
    """What is said of results by analyte: class, final; of any of them: caution, issue; and by a code: condition."""
    truths: dict[tuple[str, str], Truth] = {}
    for entry in entries:
        if entry.earlier:
            continue
        truths |= {("caution", ident): TRUE for ident in entry.cautions}
        truths |= {("issue", ident): TRUE for ident in entry.issues}
        if entry.analyte is None:
            continue
        if entry.settled:
            truths["final", entry.analyte.id] = TRUE
        if entry.live:
            if entry.condition:
                truths["condition", entry.condition] = TRUE
            for side, name in _class_names(entry.analyte.id):
                truths[name] = any_of((truths.get(name, FALSE), has_class(entry, side)))
    return truths


@lru_cache(maxsize=1024)
def _class_names(analyte: str) -> tuple[tuple[ResultClass, tuple[str, str]], ...]:
    """The classes that say something of an analyte, each with the name of it in rules."""
    return tuple((side, ("class", f"{analyte}.{side.value}")) for side in (_LOW, ResultClass.NORMAL, _HIGH))


def _class_findings(release: Release, sent: Sent) -> dict[str, Truth]:
    sides: dict[str, list[Truth]] = {}
    for analyte, live in sent.counting.items():
        form = release.analytes[analyte].form.findings
        for ident, side in ((form.low, _LOW), (form.high, _HIGH)):
            if ident:
                sides.setdefault(ident, []).extend([has_class(entry, side) for entry in live])
        if form.indeterminate:
            # Of calcium only: two views of it lie on different sides (R-ADJ-4).
            sides.setdefault(form.indeterminate, []).extend(
                Truth.of(entry.verdict is not None and entry.verdict.classes == _NO_CLASS) for entry in live
            )
    truths = {ident: any_of(found) if found else UNKNOWN for ident, found in sides.items()}
    for entry in sent.live.get(TOTAL, ()):
        if not entry.primary:
            for side, ident in SECONDARY_TOTAL.items():
                truths[ident] = any_of((truths.get(ident, FALSE), has_class(entry, side)))
    return truths


def has_class(entry: Judged, side: ResultClass) -> Truth:
    """Whether an entry lies on a side; UNKNOWN where its class is open."""
    return lies(side, entry.verdict.classes if entry.verdict else _NO_CLASS)


def lies(side: ResultClass, classes: tuple[ResultClass, ...]) -> Truth:
    """Whether a value of one of these classes lies on a side."""
    if len(classes) == 1:
        return TRUE if classes[0] is side else UNKNOWN if classes[0] is _INDETERMINATE else FALSE
    return UNKNOWN if side in classes or _INDETERMINATE in classes else FALSE


def _of_row(release: Release, row: FindingRow, sent: Sent, facts: Facts) -> Truth | None:
    """What a row with a class, band or condition comes to; None when its analyte does not count in this panel."""
    if not row.analyte:
        return TRUE if row.when is None else facts.truth(row.when)
    results = (sent.live if row.beside_primary else sent.counting).get(row.analyte)
    if not results:
        return None
    asked = TRUE if row.when is None else facts.truth(row.when)
    if asked is FALSE:
        return asked
    # All of them of one result: of two that count, one may be low and the other below a limit.
    return all_of((asked, any_of([_of_entry(release, row, entry, facts) for entry in results])))


def _of_entry(release: Release, row: FindingRow, entry: Judged, facts: Facts) -> Truth:
    """What a row asks of one result."""
    found = _has_one_class_of(row, entry) if row.classes else TRUE
    if row.bands and found is not FALSE:
        found = all_of((found, _has_one_of(release, row, entry)))
    if row.limits and found is not FALSE:
        readable = entry.reading is not None and not entry.left_open
        meets = _of_limits(release, row, [entry] if readable else (), facts)
        found = all_of((found, UNKNOWN if meets is None else meets))
    return found


def _has_one_class_of(row: FindingRow, entry: Judged) -> Truth:
    """Whether an entry lies on one of the sides of a row."""
    allowed = [ResultClass(name) for name in row.classes]
    if entry.verdict and entry.verdict.classes and set(entry.verdict.classes) <= set(allowed):
        return TRUE
    return any_of(has_class(entry, side) for side in allowed)


def _has_one_of(release: Release, row: FindingRow, entry: Judged) -> Truth:
    """Whether an entry has one of the bands of a row; by limits, where no table in force has such a band (DEC-23)."""
    if row.without_band and not _known_bands(entry) & set(row.bands):
        assert entry.reading is not None
        return UNKNOWN if entry.left_open else _within(release, row.without_band, entry, entry.reading)
    remaining = _remaining(entry)
    if remaining and remaining <= set(row.bands):
        return TRUE
    return any_of(_has_band(entry, band) for band in row.bands)


def _known_bands(entry: Judged) -> set[str]:
    """Every band of the tables that judged an entry."""
    assert entry.analyte is not None and entry.verdict is not None
    rules = entry.verdict.rule_ids
    tables = [
        table for table in entry.analyte.form.band_tables if any(rule.startswith(f"{table.id}.") for rule in rules)
    ]
    return {band.band for table in tables for band in table.bands}


def _of_limits(release: Release, row: FindingRow, readable: Sequence[Judged], facts: Facts) -> Truth | None:
    """Whether a reading of now meets the row's limits; None when there is no reading of its analyte."""
    if row.unless is not None and facts.holds(row.unless):
        return FALSE
    if not readable:
        return None
    return any_of([_meets(release, row, entry, entry.reading) for entry in readable if entry.reading is not None])


def _meets(release: Release, row: FindingRow, entry: Judged, reading: Reading) -> Truth:
    if not _needs_interval(row):
        return _within(release, row.limits, entry, reading)
    unit = reading.compared.unit
    intervals = entry.verdict.intervals if entry.verdict else ()
    spans = [interval.span for interval in intervals if interval.unit == unit and interval.span.high is not None]
    if spans and unit in row.limits:
        found = {_inside(reading.compared, row.limits[unit].span(span)) for span in spans}
        return found.pop() if len(found) == 1 else UNKNOWN
    return _within(release, row.without_interval, entry, reading) if row.without_interval else UNKNOWN


def _needs_interval(row: FindingRow) -> bool:
    for limit in row.limits.values():  # noqa: SIM110 - asked of every row and result, and a generator costs more
        if limit.needs_interval:
            return True
    return False


def _within(release: Release, limits: Mapping[str, Limit], entry: Judged, reading: Reading) -> Truth:
    """Whether a reading lies within limits, in its own unit where they have it; UNKNOWN where no unit fits."""
    # A limit is compared in the unit that was reported (vocabulary.md), whichever the analyte's own limits are in.
    compared = reading.quantity if reading.quantity.unit in limits else reading.compared
    unit = compared.unit
    if unit not in limits:
        unit = next(iter(limits))
        assert entry.analyte is not None
        try:
            factor = factor_between(release.unit_table, entry.analyte.form, compared.unit, unit)
        except ValueError:
            return UNKNOWN
        compared = compared.converted(factor, unit)
    return _inside(compared, limits[unit].span())


def _inside(compared: Quantity, span: Span) -> Truth:
    if compared.measured:
        return TRUE if compared.value in span else FALSE
    if not compared.span.overlaps(span):
        return FALSE
    return TRUE if compared.span.inside(span) else UNKNOWN


@by_release(maxsize=64)
def _shown(release: Release) -> Mapping[tuple[str, str], tuple[int, FindingRow, frozenset[str]]]:
    """The findings that a list shows, by name: the place of each, its first row, and the analytes of all."""
    return {
        ("finding", ident): (place, rows[0], frozenset(row.analyte for row in rows))
        for place, (ident, rows) in enumerate(release.findings.items())
        if rows[0].shown
    }


def listed(release: Release, known: Mapping[tuple[str, str], Truth], entries: Sequence[Judged]) -> tuple[Finding, ...]:
    """The findings of a report, in the order of their analytes and of findings.toml.

    Those that are TRUE, and those of a value as reported that an artefact took out (UNKNOWN, with the reason).
    """
    found: dict[str, Finding] = {}
    for entry in entries:
        for ident in _ids_of(entry):
            if known.get(("finding", ident)) is TRUE and ident not in found:
                found[ident] = _of_class(release, ident, entry, entries)
    for entry in entries:
        reported = entry.as_reported()
        if reported is not entry and not entry.earlier:
            for ident in _as_reported_ids(entry, reported):
                found.setdefault(ident, _of_class(release, ident, reported, [reported], UNKNOWN))
    shown = _shown(release)
    holding = [shown[name] for name, truth in known.items() if truth is TRUE and name in shown]
    for _, row, analytes in sorted(holding, key=itemgetter(0)):
        resting = [entry for entry in entries if entry.live and entry.analyte and entry.analyte.id in analytes]
        found[row.id] = Finding(
            row.id,
            row.analyte,
            "" if row.computed else _band(resting),
            TRUE,
            _indices(resting),
            row.text,
            f"finding.{row.id}",
        )
    return tuple(found.values())


def _ids_of(entry: Judged) -> tuple[str, ...]:
    """The finding that the class of an entry makes; another result of its analyte may make another."""
    if not entry.live or entry.analyte is None or entry.verdict is None:
        return ()
    side = entry.verdict.certain_class
    if not entry.primary:
        return (SECONDARY_TOTAL[side],) if entry.analyte.id == TOTAL and side in SECONDARY_TOTAL else ()
    form = entry.analyte.form.findings
    if side is ResultClass.NORMAL:
        return ()
    ident = form.low if side is ResultClass.LOW else form.high if side is ResultClass.HIGH else form.indeterminate
    return (ident,) if ident else ()


def _as_reported_ids(entry: Judged, reported: Judged) -> tuple[str, ...]:
    """What an entry that an artefact refused says as it was reported."""
    assert reported.analyte is not None and reported.verdict is not None
    side = reported.verdict.certain_class
    if entry.refusal is RefusalReason.ASSAY_INTERFERENCE or not entry.primary:
        # A total calcium beside a better one, or one that the substance does not disturb.
        total = reported.analyte.id == TOTAL
        return (SECONDARY_TOTAL[side],) if total and side in SECONDARY_TOTAL else ()
    form = reported.analyte.form.findings
    ident = {ResultClass.LOW: form.low, ResultClass.HIGH: form.high}.get(side, "")
    return (ident,) if ident else ()


def _of_class(release: Release, ident: str, entry: Judged, entries: Sequence[Judged], truth: Truth = TRUE) -> Finding:
    assert entry.analyte is not None and entry.verdict is not None
    resting = [entry]
    if entry.analyte.family == FAMILY and ident.endswith("INDETERMINATE"):
        resting = [other for other in entries if other.live and other.analyte and other.analyte.family == FAMILY]
    side = entry.verdict.certain_class.value
    text = (
        f"{capitalised(entry.analyte.name)} is {side}."
        if side != "indeterminate"
        else f"{capitalised(entry.analyte.name)} cannot be classed."
    )
    because = ", ".join(release.patterns[name].title for name in entry.unreliable)
    return Finding(
        ident,
        entry.analyte.id,
        _band([entry]),
        truth,
        _indices(resting),
        text,
        f"{entry.analyte.id}.class",
        unreliable_because=because,
    )


def _band(entries: Sequence[Judged]) -> str:
    names = [row.band for entry in entries if entry.verdict for row in entry.verdict.bands]
    return names[0] if len(names) == 1 else ""


def _indices(entries: Sequence[Judged]) -> tuple[int, ...]:
    indices: list[int] = []
    for entry in entries:
        indices += [entry.index] if entry.index is not None else entry.computed_from
    return tuple(dict.fromkeys(indices))
