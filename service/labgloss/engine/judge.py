"""One entry: its rows, its verdict, what becomes of a unit conflict, its critical and its urgency."""

from __future__ import annotations

from collections.abc import Sequence

from labgloss.domain.altered import altered
from labgloss.domain.panel import ResultStatus
from labgloss.domain.report import Critical, Reading, RefusalReason, ResultClass, ResultState, Urgency
from labgloss.engine import conflicts, plausibility
from labgloss.engine.bench import Bench
from labgloss.engine.calcium import ADJUSTED, FAMILY
from labgloss.engine.explain import band_words, quantity_text
from labgloss.engine.facts import Facts
from labgloss.engine.judged import ARTEFACTS, CLEAN_REPEAT, Judged
from labgloss.engine.rules import Alone, Settled, Values, band_urgency
from labgloss.engine.select import VITAMIN_D, VITAMIN_D_COMPONENTS
from labgloss.knowledge.release import NO_SITE, Analyte
from labgloss.knowledge.schema import BandRow

# A laboratory that sends one of these has called the value critical (vocabulary.md 14).
CRITICAL_FLAGS = frozenset({"LL", "HH", "AA"})
NO_INTERVAL = "a reference interval from the laboratory"
TOTAL_OF_COMPONENTS = "the total 25-OH vitamin D: one component has no limits of its own"
NUMBER = "the number behind the comparator"

# Refusals of a number that was meant in one of several ways, each of which may be critical (DEC-09, DEC-103).
_MEANT_IN_SOME_WAY = frozenset(
    {
        RefusalReason.VALUE_NOT_NUMERIC,
        RefusalReason.UNIT_MISSING,
        RefusalReason.UNIT_NOT_ACCEPTED,
        RefusalReason.UNIT_CONFLICT,
    }
)
# What would make a number of a computed bound.
_NUMBER_OF = {
    VITAMIN_D: "the total 25-OH vitamin D, or the number of its other component",
    ADJUSTED: "the number of the albumin behind its comparator",
}


def judge(bench: Bench, entry: Judged) -> Judged:
    """The entry with its verdict, or refused where code and unit contradict each other for good."""
    analyte, reading = entry.analyte, entry.reading
    if entry.refusal is not None or reading is None or analyte is None:
        return entry
    if entry.conflicting is not None and not plausibility.inside_hard_limits(analyte, reading):
        return entry.refused(RefusalReason.UNIT_CONFLICT)
    verdict = bench.verdict(entry, reading) if entry.allowed is None else bench.regrade(entry, entry.allowed)
    entry = altered(entry, verdict=verdict, trace=(*plausibility.trace_of(analyte, reading), *verdict.trace))
    if entry.conflicting is not None:
        entry = _after_unit_conflict(bench, entry, entry.conflicting)
    return entry if entry.verdict is None else _noted(bench, entry)


def _after_unit_conflict(bench: Bench, entry: Judged, other: Reading) -> Judged:
    """Judged as sent only when the other reading is impossible or says the same, else refused (DEC-09)."""
    assert entry.analyte is not None and entry.verdict is not None
    same = bench.verdict(entry, other).classes == entry.verdict.classes and len(entry.verdict.classes) == 1
    if bench.release.site is not NO_SITE:
        # A site's interval settles nothing that the release leaves open: what was refused stays so.
        both = [bench.verdict(entry, reading, NO_SITE).classes for reading in (entry.reading, other) if reading]
        same = same and both[0] == both[1] and len(both[0]) == 1
    settled = same or not plausibility.inside_hard_limits(entry.analyte, other)
    if _of_the_four(entry) and settled:
        return entry.noting(issues=(RefusalReason.UNIT_CONFLICT.value,))
    return entry.refused(RefusalReason.UNIT_CONFLICT)


def _noted(bench: Bench, entry: Judged) -> Judged:
    """The entry with the cautions, issues and conflicts that its verdict and its laboratory's words raise."""
    assert entry.verdict is not None and entry.reading is not None
    cautions: list[str] = []
    if entry.verdict.default_interval_used:
        cautions.append("interval_default_used")
    if not entry.reading.quantity.measured and not entry.computed_from:
        cautions.append("comparator_bound")
    if bench.facts.holds(bench.release.file.outside_validated_scope):
        cautions.append("outside_validated_scope")
    own = bench.laboratory(entry, entry.reading)
    issues = ("interval_unreadable",) if own.unreadable else ("interval_implausible",) if own.implausible else ()
    found = (*conflicts.of_interval(bench, entry, own.span), *conflicts.of_flag(entry))
    if any(conflict.kind == "flag" for conflict in found):
        issues = (*issues, "laboratory_flag_disagrees")
    if found:
        entry = altered(entry, conflicts=found)
    return entry.noting(cautions=tuple(cautions), issues=issues)


def with_state(entry: Judged) -> Judged:
    """The entry with its state settled: conditional where more than one class or band remains."""
    if entry.refusal is not None or entry.verdict is None or entry.analyte is None:
        return entry
    verdict = entry.verdict
    if verdict.closed and not verdict.open_facts and not verdict.ctcae_needs_symptoms:
        return entry
    needs_symptoms = ("ctcae_grade_needs_symptoms",) if verdict.ctcae_needs_symptoms else ()
    return _with_state(entry).noting(cautions=needs_symptoms)


def finish(bench: Bench, entry: Judged, settled: Settled) -> Judged:
    """The entry with critical and urgency settled, when it is known which rules hold."""
    if entry.refusal is not None:
        return _finish_refused(bench, entry)
    analyte, verdict = entry.analyte, entry.verdict
    if verdict is None or analyte is None:
        # Not recognised; the laboratory's own critical flag counts all the same (vocabulary.md 14).
        return altered(entry, urgency=Urgency.SAME_DAY if flagged_critical(entry) else Urgency.NONE)
    if entry.earlier:
        # The present state decides; an older value serves trend and context (DEC-85).
        return altered(entry, critical=Critical.NO, missing=tuple(one for one in entry.missing if one != CLEAN_REPEAT))
    joint = entry.measured is not None and analyte.family == FAMILY
    if (entry.primary or joint) and verdict.critical is not Critical.NO:
        entry = altered(entry, critical=verdict.critical)
    urgency, cautions = _urgency(bench, entry, settled)
    if urgency is not Urgency.NONE:
        entry = altered(entry, urgency=urgency)
    return entry.noting(cautions=cautions)


def _with_state(entry: Judged) -> Judged:
    """Conditional where more than one class or band remains, and what would settle it named."""
    assert entry.verdict is not None and entry.analyte is not None
    verdict = entry.verdict
    open_verdict = len(verdict.classes) > 1 or len(verdict.bands) > 1
    missing = list(verdict.open_facts)
    if open_verdict and entry.reading is not None and not entry.reading.quantity.measured:
        missing.append(_NUMBER_OF.get(entry.analyte.id, NUMBER) if entry.computed_from else NUMBER)
    without_interval = verdict.classes == (ResultClass.INDETERMINATE,) and not verdict.bands and not verdict.intervals
    if without_interval:
        missing.append(TOTAL_OF_COMPONENTS if entry.analyte.id in VITAMIN_D_COMPONENTS else NO_INTERVAL)
    if open_verdict or without_interval:
        entry = altered(entry, state=ResultState.CONDITIONAL)
    return entry.noting(missing=tuple(missing))


# Refused as it was sent: what an artefact of the specimen takes out is a value that is not known, and is counted so.
_AS_SENT = _MEANT_IN_SOME_WAY | {RefusalReason.VALUE_IMPLAUSIBLE}


def refused_and_possibly_critical(bench: Bench, entries: Sequence[Judged], family: str) -> bool:
    """Whether a result of now was refused as it was sent although its number may lie beyond a critical limit."""
    return any(
        entry.refusal in _AS_SENT and not entry.earlier and _may_be_critical(bench, entry, entry.refusal)
        for entry in entries
        if entry.refusal is not None and entry.analyte is not None and entry.analyte.family == family
    )


def _finish_refused(bench: Bench, entry: Judged) -> Judged:
    """A refused result: critical `possible` where its number, in a way it may be meant, lies beyond a limit."""
    assert entry.refusal is not None
    possible = not entry.earlier and _may_be_critical(bench, entry, entry.refusal)
    row = bench.release.refusals[entry.refusal.value]
    # An implausible vitamin D is never critical, and is looked into the same day all the same (vocabulary.md 2).
    pressing = possible or (entry.refusal is RefusalReason.VALUE_IMPLAUSIBLE and _of_the_four(entry))
    urgency = row.urgency_if_possible_critical if pressing else row.urgency
    # A result that was entered in error says nothing, its flag with it; one that was cancelled, or has no value yet,
    # may have been flagged as critical all the same, and what a flag says is looked into the same day (DEC-102).
    withdrawn = entry.result is not None and entry.result.status is ResultStatus.ENTERED_IN_ERROR
    if not entry.earlier and flagged_critical(entry) and entry.refusal not in _QUIET and not withdrawn:
        urgency = max(urgency, Urgency.SAME_DAY)
    return altered(
        entry,
        critical=Critical.POSSIBLE if possible else Critical.NO,
        urgency=Urgency.NONE if entry.earlier else urgency,
        # The later result that replaced it mended it.
        missing=() if entry.earlier else (row.mend,),
    )


_QUIET = frozenset({RefusalReason.SUPERSEDED_BY_PAIRED_SPECIMEN})
_NEVER_CRITICAL = frozenset({RefusalReason.NO_VALUE, RefusalReason.CODE_INVALID, RefusalReason.WRONG_ANALYTE})


def _may_be_critical(bench: Bench, entry: Judged, reason: RefusalReason) -> bool:
    if reason in _NEVER_CRITICAL or entry.analyte is None:
        return False
    if reason is RefusalReason.VALUE_IMPLAUSIBLE:
        return entry.analyte.form.implausible_may_be_critical
    if reason in _MEANT_IN_SOME_WAY:
        analyte = entry.analyte
        return flagged_critical(entry) or any(
            plausibility.inside_hard_limits(analyte, reading)
            and bench.verdict(entry, reading).critical is not Critical.NO
            for reading in entry.candidates
        )
    return entry.measured is not None and entry.measured.critical is not Critical.NO


def _of_the_four(entry: Judged) -> bool:
    return entry.analyte is not None and entry.analyte.form.role == "primary"


def flagged_critical(entry: Judged) -> bool:
    """Whether the laboratory itself flagged a result as critical."""
    flags = entry.result.flags if entry.result is not None else ()
    return bool(flags) and any(flag.strip().upper() in CRITICAL_FLAGS for flag in flags)


def _urgency(bench: Bench, entry: Judged, settled: Settled) -> tuple[Urgency, tuple[str, ...]]:
    """The worst band that remains, raised by a critical and by the laboratory's own critical flag (DEC-63).

    With the cautions of what lowered it: a documented target, or an artefact in a patient recorded well (DEC-02).
    """
    assert entry.verdict is not None
    urgency = Urgency.NONE
    cautions: tuple[str, ...] = ()
    if entry.primary:
        urgency, cautions = _of_bands(bench, entry, settled.facts)
        if settled.well and any(bench.release.patterns[ident].lowered_when_well for ident in entry.unreliable):
            urgency = min(urgency, Urgency.SAME_DAY)
    if entry.critical is not Critical.NO or flagged_critical(entry):
        urgency = max(urgency, Urgency.SAME_DAY)
    return urgency, cautions


def _of_bands(bench: Bench, entry: Judged, facts: Facts) -> tuple[Urgency, tuple[str, ...]]:
    assert entry.verdict is not None and entry.analyte is not None
    bands = entry.verdict.bands
    if entry.left_open:
        if entry.analyte.family == FAMILY:
            return _of_opposed_calcium(bench, entry), ()
        if entry.analyte.id == VITAMIN_D:
            return bench.release.computations.vitamin_d.acute_phase_urgency, ()
        if not bands:
            return bench.release.computations.haemolysis.masked_urgency, ()
    cautions = [row.caution for band in bands for row in band.lowers if row.caution and facts.holds(row.when)]
    urgency = max((band_urgency(entry, band, facts) for band in bands), default=Urgency.NONE)
    return urgency, tuple(cautions)


def _of_opposed_calcium(bench: Bench, entry: Judged) -> Urgency:
    """Two views of calcium on different sides: by the worse of them (MC 3.2)."""
    form = bench.release.computations.albumin_adjustment
    verdicts = (entry.measured, *(other.verdict for other in entry.opposed))
    views = [band.band for verdict in verdicts if verdict for band in verdict.bands]
    severe = entry.critical is not Critical.NO or any(band not in form.mild_bands for band in views)
    return form.indeterminate_urgency_severe if severe else form.indeterminate_urgency


def values(entries: Sequence[Judged], facts: Facts) -> Values:
    """The values that count by themselves (RF11), and those that an artefact holds back (SP 4, rule 4)."""
    reliable = [entry for entry in entries if not entry.unreliable and entry.refusal not in ARTEFACTS]
    doubtful = [
        altered(entry.as_reported(), primary=True)
        for entry in entries
        if (entry.unreliable or entry.refusal in ARTEFACTS) and not entry.earlier and not entry.settled_by_pair
    ]
    families = {entry.analyte.family for entry in doubtful if entry.analyte is not None and entry.verdict is not None}
    sound = {entry.analyte.family for entry in reliable if entry.analyte is not None and entry.live}
    return Values(_alone(reliable, facts), _alone(doubtful, facts), frozenset(families - sound))


def counts_alone(entry: Judged, band: BandRow) -> bool:
    """Whether every value that an entry may have in one of its bands counts by itself (RF11)."""
    assert entry.reading is not None and entry.verdict is not None
    if not band.value_alone or not band.value_alone_within:
        return band.value_alone
    unit = entry.reading.compared.unit
    # The band has fixed ends where only a part of it counts (analyte_checks).
    here = entry.verdict.span.intersection(band.limits[unit].span())
    return here.inside(band.value_alone_within[unit].span())


def _may_count_alone(analyte: Analyte) -> bool:
    """Whether RF11 speaks of an analyte; at every age its own critical limits count then (DEC-38)."""
    return any(band.value_alone for table in analyte.form.band_tables for band in table.bands)


def _value(analyte: Analyte, reading: Reading) -> str:
    return f"{analyte.name} {quantity_text(reading)}"


def _alone(entries: Sequence[Judged], facts: Facts) -> Alone:
    """The values that count by themselves: in bands marked so, critical by limit, or flagged critical (RF11)."""
    urgency, reasons = Urgency.NONE, []
    for entry in entries:
        if not entry.live or entry.verdict is None or entry.reading is None or entry.analyte is None:
            continue
        if flagged_critical(entry):
            urgency = max(urgency, Urgency.SAME_DAY)
            reasons.append(f"{_value(entry.analyte, entry.reading)} (flagged critical by the laboratory)")
        bands = entry.verdict.bands if entry.primary and not entry.left_open else ()
        # Of several bands that remain, and of all values of a bound, the flag stands only on what every one says.
        if bands and all(counts_alone(entry, band) for band in bands):
            urgency = max(urgency, *(band_urgency(entry, band, facts) for band in bands))
            value = _value(entry.analyte, entry.reading)
            reasons.append(f"{value} ({' or '.join(band_words(band.band) for band in bands)})")
        elif bands and entry.verdict.critical is Critical.YES and _may_count_alone(entry.analyte):
            urgency = max(urgency, Urgency.SAME_DAY, *(band_urgency(entry, band, facts) for band in bands))
            reasons.append(f"{_value(entry.analyte, entry.reading)} (critical)")
    return Alone(urgency, tuple(reasons))
