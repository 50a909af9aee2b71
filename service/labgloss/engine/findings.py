"""Readings and verdicts to named facts, three-valued."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from labgloss.domain.quantity import Span
from labgloss.domain.report import Finding, Reading, ResultClass
from labgloss.domain.truth import Truth, all_of, any_of
from labgloss.engine.calcium import FAMILY, TOTAL
from labgloss.engine.explain import capitalised
from labgloss.engine.facts import Facts
from labgloss.engine.judged import Judged
from labgloss.knowledge.release import Release
from labgloss.knowledge.schema import FindingRow
from labgloss.knowledge.units import factor_between

# Findings of a total calcium that is shown beside the primary one (vocabulary.md 7.1).
SECONDARY_TOTAL = {ResultClass.LOW: "CA_TOTAL_LOW", ResultClass.HIGH: "CA_TOTAL_HIGH"}


def measured(release: Release, entries: Sequence[Judged], facts: Facts) -> dict[str, Truth]:
    """Findings that rest on a number alone, known before anything is graded."""
    return {
        ident: _any_read([_of_limits(release, row, entries, facts) for row in rows])
        for ident, rows in release.findings.items()
        if not any(_needs_verdict(row) for row in rows)
    }


def of_verdicts(release: Release, entries: Sequence[Judged], facts: Facts) -> dict[str, Truth]:
    """Findings that rest on classes: those of each analyte, then those with a limit inside a class."""
    truths = _class_findings(release, entries)
    known = facts.adding("finding", truths)
    for ident, rows in release.findings.items():
        if any(_needs_verdict(row) for row in rows):
            truths[ident] = _any_read([_of_row(release, row, entries, known) for row in rows])
    return truths


def _any_read(truths: Sequence[Truth | None]) -> Truth:
    """The truth of a finding over its rows; a row whose analyte is not in the panel (None) says nothing."""
    read = [truth for truth in truths if truth is not None]
    return any_of(read) if read else Truth.UNKNOWN


def bands(release: Release, entries: Sequence[Judged]) -> dict[str, Truth]:
    """The truth of every band: TRUE when it is the only one that remains, UNKNOWN when it is one of several."""
    truths: dict[str, Truth] = {}
    for analyte in release.analytes.values():
        live = [entry for entry in _counting(entries) if entry.analyte is analyte]
        for band in analyte.band_ids:
            truths[f"{analyte.id}.{band}"] = any_of(_has_band(entry, band) for entry in live) if live else Truth.UNKNOWN
    return truths


def _has_band(entry: Judged, band: str) -> Truth:
    names = [row.band for row in entry.verdict.bands] if entry.verdict else []
    if entry.left_open:
        return Truth.UNKNOWN
    if band not in names:
        return Truth.FALSE if names else Truth.UNKNOWN
    return Truth.TRUE if len(names) == 1 and entry.verdict and len(entry.verdict.classes) == 1 else Truth.UNKNOWN


def _counting(entries: Sequence[Judged]) -> list[Judged]:
    return [entry for entry in entries if entry.live and entry.primary]


def _needs_verdict(row: FindingRow) -> bool:
    return bool(row.classes or row.bands or row.when)


def _class_findings(release: Release, entries: Sequence[Judged]) -> dict[str, Truth]:
    sides: dict[str, list[Truth]] = {}
    for analyte in release.analytes.values():
        form = analyte.form.findings
        live = [entry for entry in _counting(entries) if entry.analyte is analyte]
        for ident, side in ((form.low, ResultClass.LOW), (form.high, ResultClass.HIGH)):
            if ident:
                sides.setdefault(ident, []).extend(_has_class(entry, side) for entry in live)
        if form.indeterminate:
            # Of calcium only: two views of it lie on different sides (R-ADJ-4).
            sides.setdefault(form.indeterminate, []).extend(
                Truth.of(entry.verdict is not None and entry.verdict.classes == (ResultClass.INDETERMINATE,))
                for entry in live
            )
    truths = {ident: any_of(found) if found else Truth.UNKNOWN for ident, found in sides.items()}
    for entry in entries:
        if entry.live and not entry.primary and entry.analyte is not None and entry.analyte.id == TOTAL:
            for side, ident in SECONDARY_TOTAL.items():
                truths[ident] = any_of((truths.get(ident, Truth.FALSE), _has_class(entry, side)))
    return truths


def _has_class(entry: Judged, side: ResultClass) -> Truth:
    classes = entry.verdict.classes if entry.verdict else (ResultClass.INDETERMINATE,)
    if classes == (side,):
        return Truth.TRUE
    return Truth.UNKNOWN if side in classes or ResultClass.INDETERMINATE in classes else Truth.FALSE


def _of_row(release: Release, row: FindingRow, entries: Sequence[Judged], facts: Facts) -> Truth | None:
    """What a row with a class, band or condition comes to; None when its analyte does not count in this panel."""
    parts = [] if row.when is None else [facts.truth(row.when)]
    live = [entry for entry in _counting(entries) if entry.analyte is not None and entry.analyte.id == row.analyte]
    if row.analyte and not live:
        return None
    if row.classes:
        allowed = [ResultClass(name) for name in row.classes]
        parts.append(any_of(_has_class(entry, side) for side in allowed for entry in live))
    if row.bands:
        parts.append(any_of(_has_band(entry, band) for entry in live for band in row.bands))
    if row.limits:
        parts.append(_of_limits(release, row, live, facts) or Truth.UNKNOWN)
    return all_of(parts)


def _of_limits(release: Release, row: FindingRow, entries: Sequence[Judged], facts: Facts) -> Truth | None:
    """Whether a reading of now meets the row's limits; None when there is no reading of its analyte."""
    if row.unless is not None and facts.holds(row.unless):
        return Truth.FALSE
    readings = [
        (entry, entry.reading)
        for entry in entries
        if entry.analyte is not None
        and entry.analyte.id == row.analyte
        and entry.reading is not None
        and entry.refusal is None
        and not entry.earlier
        and not entry.left_open
    ]
    return any_of(_meets(release, row, entry, reading) for entry, reading in readings) if readings else None


def _meets(release: Release, row: FindingRow, entry: Judged, reading: Reading) -> Truth:
    unit, compared = reading.compared.unit, reading.compared
    if unit not in row.limits:
        unit = next(iter(row.limits))
        assert entry.analyte is not None
        factor = factor_between(release.unit_table, entry.analyte.form, compared.unit, unit)
        compared = compared.converted(factor, unit)
    limit: Span = row.limits[unit].span()
    if not compared.span.overlaps(limit):
        return Truth.FALSE
    return Truth.TRUE if compared.span.inside(limit) else Truth.UNKNOWN


def listed(release: Release, truths: Mapping[str, Truth], entries: Sequence[Judged]) -> tuple[Finding, ...]:
    """The findings that are TRUE, for the report, in the order of their analytes and of findings.toml."""
    found: dict[str, Finding] = {}
    for entry in entries:
        for ident in _ids_of(entry):
            if truths.get(ident) is Truth.TRUE and ident not in found:
                found[ident] = _of_class(ident, entry, entries)
    for ident, rows in release.findings.items():
        if truths.get(ident) is Truth.TRUE:
            analytes = {row.analyte for row in rows}
            resting = [entry for entry in entries if entry.live and entry.analyte and entry.analyte.id in analytes]
            found[ident] = Finding(
                ident, rows[0].analyte, _band(resting), Truth.TRUE, _indices(resting), rows[0].text, f"finding.{ident}"
            )
    if truths.get("AKI") is Truth.TRUE:
        found["AKI"] = Finding(
            "AKI",
            "creatinine",
            "",
            Truth.TRUE,
            (),
            "Acute kidney injury is recorded, or creatinine rose as it does in acute kidney injury.",
            release.computations.aki.id,
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
    by_side = {ResultClass.LOW: form.low, ResultClass.HIGH: form.high, ResultClass.INDETERMINATE: form.indeterminate}
    return tuple(ident for ident in (by_side.get(side),) if ident)


def _of_class(ident: str, entry: Judged, entries: Sequence[Judged]) -> Finding:
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
    return Finding(
        ident, entry.analyte.id, _band([entry]), Truth.TRUE, _indices(resting), text, f"{entry.analyte.id}.class"
    )


def _band(entries: Sequence[Judged]) -> str:
    names = [row.band for entry in entries if entry.verdict for row in entry.verdict.bands]
    return names[0] if len(names) == 1 else ""


def _indices(entries: Sequence[Judged]) -> tuple[int, ...]:
    indices: list[int] = []
    for entry in entries:
        indices += [entry.index] if entry.index is not None else entry.computed_from
    return tuple(dict.fromkeys(indices))
