"""The pipeline: a panel over a release to a report. Pure: no clock, no I/O, no logging."""

from __future__ import annotations

from collections.abc import Sequence

from labgloss.domain.panel import Panel
from labgloss.domain.report import RefusalReason, Report, Urgency
from labgloss.domain.subject import Age, BirthDate, Sex
from labgloss.domain.truth import Truth
from labgloss.engine import (
    artefacts,
    calcium,
    compose,
    computed,
    contradictions,
    findings,
    recommend,
    rules,
    series,
    specimen,
    vitamin_d,
)
from labgloss.engine.bench import Bench
from labgloss.engine.facts import NOT_SAID, Facts
from labgloss.engine.judge import finish, judge, refused_and_possibly_critical, values, with_state
from labgloss.engine.judged import Judged
from labgloss.engine.normalise import normalise
from labgloss.engine.plausibility import refuse_implausible, with_windows
from labgloss.engine.recognise import Recognised, recognise
from labgloss.engine.timing import timings
from labgloss.frozen import dataclass
from labgloss.knowledge.release import Release


@dataclass(frozen=True, slots=True)
class Laid:
    """A panel read and judged, before any rule over several results."""

    bench: Bench
    recognised: Recognised
    entries: tuple[Judged, ...]
    examined: artefacts.Examined
    facts: Facts
    # The same with values as reported, which red flags read (SP 4, rule 5).
    reported: Facts


@dataclass(frozen=True, slots=True)
class WorkedThrough:
    """A panel with its report, and what the report was made of."""

    laid: Laid
    settled: rules.Settled
    report: Report


def interpret(release: Release, panel: Panel, recognised: Recognised | None = None) -> Report:
    """The report on one panel; the same panel and release give the same report.

    `recognised`: what its words mean, where that was read before by the same vocabulary; no request is answered so.
    """
    return work_through(release, panel, recognised).report


def work_through(release: Release, panel: Panel, recognised: Recognised | None = None) -> WorkedThrough:
    """The report on one panel with every fact and rule that it rests on, also those that it does not name."""
    laid = lay_out(release, panel, recognised)
    settled = rules.settle(
        release, laid.facts, laid.reported, laid.entries, laid.examined, values(laid.entries, laid.facts)
    )
    entries = [finish(laid.bench, entry, settled) for entry in laid.entries]
    evaluated = rules.evaluate(release, settled, entries, panel)
    entries = _with_cautions(entries, evaluated)
    overall = _overall(release, entries, evaluated)
    brought = [
        *recommend.of_entries(release, entries, evaluated.facts),
        *evaluated.brought,
        *recommend.of_facts(release, entries, evaluated.facts),
    ]
    recommended = recommend.recommend(release, entries, evaluated.facts, brought, overall)
    report = compose.report(laid.bench, laid.recognised, entries, evaluated, recommended, overall)
    return WorkedThrough(laid, settled, report)


def lay_out(release: Release, panel: Panel, recognised: Recognised | None = None) -> Laid:
    """Every result of a panel read and judged, and the facts that they make; `recognised` as in `interpret`."""
    # Words and local codes are the same for every feed, so that their index is made once.
    recognised = recognised or recognise(release, panel)
    release = release.for_source(panel.source)
    bench, entries, examined = _read(Bench(release, panel, _panel_age(panel), _context(release, panel, recognised)))
    adjustment = calcium.adjustment_of(release, entries, bench.panel_age, bench.facts)
    entries = series.with_computed(entries, _computed(bench, entries, adjustment))
    entries = calcium.choose_primary(entries, adjustment)
    entries = contradictions.noted(bench, entries)
    entries = _with_vitamin_d(bench, entries)
    entries = [with_state(entry) for entry in series.with_trends(release, entries)]
    reported = [entry.as_reported() for entry in entries]
    facts = _facts(bench, entries)
    as_reported = facts if reported == entries else _facts(bench, reported)
    return Laid(bench, recognised, tuple(entries), examined, facts, as_reported)


def _context(release: Release, panel: Panel, recognised: Recognised) -> Facts:
    """What the panel says of its patient, before any number is read."""
    facts = Facts(release, _panel_age(panel), absent={**NOT_SAID, **recognised.absent})
    # In one piece: each addition makes other facts of all that was known.
    patient, timing = _of_patient(panel, recognised), timings(release, panel, recognised)
    said = {
        (kind, ident): truth
        for kind, truths in (*recognised.truths.items(), ("patient", patient), ("timing", timing))
        for ident, truth in truths.items()
    }
    said["finding", "AKI"] = recognised.truths["condition"].get("aki", Truth.UNKNOWN)
    return facts.knowing(said)


def _of_patient(panel: Panel, recognised: Recognised) -> dict[str, Truth]:
    """Sex and pregnancy, and whether there is any symptom at all; a patient recorded well with none has none."""
    sex = panel.patient.sex
    present = Truth.TRUE in recognised.truths["symptom"].values()
    denied = recognised.absent["symptom"] is Truth.FALSE
    well = recognised.truths["condition"].get("recorded_well") is Truth.TRUE
    return {
        "pregnant": Truth.of(panel.patient.pregnant),
        "female": Truth.of(None if sex is None else sex is Sex.FEMALE),
        "any_symptom": Truth.of(True if present else False if denied else None),
        "no_symptoms": Truth.of(False if present else True if denied or well else None),
    }


def _read(bench: Bench) -> tuple[Bench, list[Judged], artefacts.Examined]:
    """Every result judged, those that a later one replaces marked, and what numbers alone say of the patient.

    What its code, specimen or an artefact refuses says nothing, replaces nothing and computes nothing, so that all of
    that comes first. An acute kidney injury shows only then, and moves limits: the results are judged again.
    """
    release = bench.release
    sent = [refuse_implausible(normalise(release, result)) for result in bench.panel.results]
    bench, entries = _with_injury(bench, sent)
    examined = artefacts.examine(bench, entries)
    entries = list(examined.entries)
    if any(entry.refusal is not before.refusal for entry, before in zip(entries, examined.before, strict=True)):
        entries = series.mark_earlier(release, [entry.current() for entry in entries])
    found = examined.of_numbers
    if found is None:
        found = findings.measured(release, findings.Sent.of(entries), bench.facts)
    bench = bench.knowing(found)
    return bench, [with_windows(entry, bench.facts) for entry in entries], examined


def _with_injury(bench: Bench, sent: Sequence[Judged]) -> tuple[Bench, list[Judged]]:
    """The results judged, with an acute kidney injury where creatinine shows one."""
    entries = series.mark_earlier(bench.release, _judged(bench, sent))
    if bench.facts.known["finding", "AKI"] is Truth.TRUE:
        return bench, entries
    injury = series.acute_kidney_injury(bench.release, entries)
    if injury is not bench.facts.known["finding", "AKI"]:
        bench = bench.knowing({"AKI": injury})
    if injury is Truth.TRUE:
        entries = series.mark_earlier(bench.release, _judged(bench, sent))
    return bench, entries


def _judged(bench: Bench, entries: Sequence[Judged]) -> list[Judged]:
    judged = [judge(bench, entry) for entry in entries]
    return specimen.judge_specimens(bench.release, judged, bench.regrade)


def _computed(bench: Bench, entries: Sequence[Judged], adjustment: calcium.Adjustment) -> list[Judged]:
    """What the service computes from results of the panel that count, judged."""
    made = [
        *calcium.computed_adjusted(bench.release, entries, adjustment),
        *vitamin_d.computed_total(bench.release, entries),
    ]
    judged = [judge(bench, with_windows(refuse_implausible(entry), bench.facts)) for entry in made]
    return [
        entry.refused(RefusalReason.ASSAY_INTERFERENCE, "result_unreliable")
        if entry.unreliable and entry.refusal is None
        else entry
        for entry in judged
    ]


def _panel_age(panel: Panel) -> Age | None:
    """The age at the panel's date of reference: `as_of`, else the latest collection (DEC-81)."""
    born = panel.patient.age
    if not isinstance(born, BirthDate):
        return born
    days = [result.collected.day for result in panel.results if result.collected]
    day = panel.as_of or max(days, default=None)
    return None if day is None else born.age_on(day)


def _with_vitamin_d(bench: Bench, entries: Sequence[Judged]) -> list[Judged]:
    """The entries with what only vitamin D needs."""
    entries = [
        vitamin_d.cautioned(bench.release, entry, bench.age(entry), bench.policy, bench.facts)
        if entry.analyte is not None and entry.analyte.id in vitamin_d.OF_VITAMIN_D
        else entry
        for entry in entries
    ]
    return vitamin_d.after_acute_phase(bench.release, entries, lambda: _facts(bench, entries))


def _facts(bench: Bench, entries: Sequence[Judged]) -> Facts:
    """The facts that every verdict makes."""
    release = bench.release
    sent = findings.Sent.of(entries)
    facts = bench.facts.adding("finding", findings.measured(release, sent, bench.facts))
    facts = facts.adding("band", findings.bands(release, sent)).knowing(findings.of_entries(entries))
    facts = facts.with_cases(findings.open_verdicts(release, sent))
    found = findings.of_verdicts(release, sent, facts)
    facts = facts.adding("finding", found)
    facts = facts.adding("finding", computed.findings(release, entries, facts))
    telephoned = refused_and_possibly_critical(bench, entries, calcium.FAMILY)
    facts = facts.adding("finding", {"CA_REFUSED_POSSIBLY_CRITICAL": Truth.of(telephoned)})
    # Findings over findings (a panel that is normal, a PTH that is not what calcium asks for) read these.
    return facts.adding("finding", findings.of_verdicts(release, sent, facts, found))


def _with_cautions(entries: Sequence[Judged], evaluated: rules.Evaluated) -> list[Judged]:
    """The entries with the cautions that patterns put on them."""
    return [
        entry.noting(
            cautions=tuple(
                caution
                for analyte, caution in evaluated.cautions
                if entry.live
                and entry.primary
                and entry.analyte
                and analyte in (entry.analyte.id, entry.analyte.family)
            )
        )
        for entry in entries
    ]


def _overall(release: Release, entries: Sequence[Judged], evaluated: rules.Evaluated) -> Urgency:
    """The highest of results, red flags, matched patterns, and what cautions and issues bring (vocabulary.md 14)."""
    found = [Urgency.NONE, *(entry.urgency for entry in entries if not entry.earlier)]
    found += [pattern.urgency for pattern in evaluated.patterns]
    found += [flag.urgency for flag in evaluated.red_flags if not flag.held]
    for entry in entries:
        if not entry.earlier:
            found += [release.cautions[ident].urgency for ident in entry.cautions]
            found += [release.issues[ident].urgency for ident in entry.issues if ident in release.issues]
    return max(found)
