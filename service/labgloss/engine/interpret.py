"""The pipeline: a panel over a release to a report. Pure: no clock, no I/O, no logging."""

from __future__ import annotations

from collections.abc import Sequence

from labgloss.domain.panel import Panel
from labgloss.domain.report import Report, Urgency
from labgloss.domain.subject import Age, BirthDate
from labgloss.domain.truth import Truth
from labgloss.engine import calcium, compose, findings, recommend, rules, series, specimen, vitamin_d
from labgloss.engine.bench import Bench
from labgloss.engine.facts import Facts
from labgloss.engine.judge import finish, judge, value_alone
from labgloss.engine.judged import Judged
from labgloss.engine.normalise import normalise
from labgloss.engine.plausibility import refuse_implausible, with_windows
from labgloss.engine.recognise import Recognised, recognise
from labgloss.knowledge.release import Release


def interpret(release: Release, panel: Panel) -> Report:
    """The report on one panel; the same panel and release give the same report."""
    recognised = recognise(release, panel)
    bench, entries = _read(Bench(release, panel, _panel_age(panel), _context(release, panel, recognised)))
    adjustment = calcium.adjustment_of(release, entries, bench.panel_age, bench.facts)
    entries = series.with_computed(entries, _computed(bench, entries, adjustment))
    entries = calcium.choose_primary(entries, adjustment)
    entries, facts = _with_vitamin_d(bench, entries)
    entries = [finish(bench, entry, facts) for entry in series.with_trends(release, entries)]
    evaluated = rules.evaluate(release, facts, value_alone(entries, facts))
    overall = _overall(release, entries, evaluated)
    brought = [*recommend.of_entries(release, entries, evaluated.facts), *evaluated.brought]
    recommended = recommend.recommend(release, entries, evaluated.facts, brought, overall)
    return compose.report(bench, recognised, entries, evaluated, recommended, overall)


def _context(release: Release, panel: Panel, recognised: Recognised) -> Facts:
    """What the panel says of its patient, before any number is read."""
    facts = Facts(release, _panel_age(panel), absent=recognised.absent)
    for kind, truths in recognised.truths.items():
        facts = facts.adding(kind, truths)
    facts = facts.adding("patient", {"pregnant": Truth.of(panel.patient.pregnant)})
    return facts.adding("finding", {"AKI": facts.known.get(("condition", "aki"), Truth.UNKNOWN)})


def _read(bench: Bench) -> tuple[Bench, list[Judged]]:
    """Every result judged, those that a later one replaces marked, and what numbers alone say of the patient.

    What its code or specimen refuses says nothing, replaces nothing and computes nothing, so that all of that comes
    first. An acute kidney injury shows only then, and moves limits: the results are judged again.
    """
    release = bench.release
    sent = [refuse_implausible(normalise(release, result)) for result in bench.panel.results]
    entries = series.mark_earlier(release, _judged(bench, sent))
    if bench.facts.known[("finding", "AKI")] is not Truth.TRUE:
        injury = series.acute_kidney_injury(release, entries)
        bench = bench.knowing({"AKI": injury})
        if injury is Truth.TRUE:
            entries = series.mark_earlier(release, _judged(bench, sent))
    bench = bench.knowing(findings.measured(release, entries, bench.facts))
    return bench, [with_windows(entry, bench.facts) for entry in entries]


def _judged(bench: Bench, entries: Sequence[Judged]) -> list[Judged]:
    judged = [judge(bench, entry) for entry in entries]
    return specimen.judge_specimens(bench.release, judged, bench.regrade)


def _computed(bench: Bench, entries: Sequence[Judged], adjustment: calcium.Adjustment) -> list[Judged]:
    """What the service computes from results of the panel that count, judged."""
    computed = [
        *calcium.computed_adjusted(bench.release, entries, adjustment),
        *vitamin_d.computed_total(bench.release, entries),
    ]
    return [judge(bench, with_windows(refuse_implausible(entry), bench.facts)) for entry in computed]


def _panel_age(panel: Panel) -> Age | None:
    """The age at the panel's date of reference: `as_of`, else the latest collection (DEC-81)."""
    born = panel.patient.age
    if not isinstance(born, BirthDate):
        return born
    days = [result.collected.day for result in panel.results if result.collected]
    day = panel.as_of or max(days, default=None)
    return None if day is None else born.age_on(day)


def _with_vitamin_d(bench: Bench, entries: Sequence[Judged]) -> tuple[list[Judged], Facts]:
    """The entries with what only vitamin D needs, and the facts that every verdict makes."""
    policy = bench.panel.options.vitamin_d_policy
    entries = [vitamin_d.cautioned(bench.release, entry, bench.age(entry), policy, bench.facts) for entry in entries]
    facts = _with_verdicts(bench, entries)
    settled = vitamin_d.after_acute_phase(bench.release, entries, facts)
    return settled, facts if settled == entries else _with_verdicts(bench, settled)


def _with_verdicts(bench: Bench, entries: Sequence[Judged]) -> Facts:
    facts = bench.facts.adding("finding", findings.measured(bench.release, entries, bench.facts))
    facts = facts.adding("band", findings.bands(bench.release, entries))
    return facts.adding("finding", findings.of_verdicts(bench.release, entries, facts))


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
