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
    bench, entries = _read(release, panel, recognised)
    entries = [judge(bench, entry) for entry in entries]
    entries = specimen.judge_specimens(release, entries, bench.regrade)
    entries = calcium.choose_primary(entries, bench.adjustment)
    entries, facts = _with_vitamin_d(bench, entries)
    entries = [finish(bench, entry, facts) for entry in series.with_trends(release, entries)]
    evaluated = rules.evaluate(release, facts, value_alone(entries, facts))
    overall = _overall(release, entries, evaluated)
    brought = [*recommend.of_entries(release, entries, evaluated.facts), *evaluated.brought]
    recommended = recommend.recommend(release, entries, evaluated.facts, brought, overall)
    return compose.report(bench, recognised, entries, evaluated, recommended, overall)


def _read(release: Release, panel: Panel, recognised: Recognised) -> tuple[Bench, list[Judged]]:
    """Every result read, those that the service computes added, and what numbers alone say."""
    facts = Facts(release, _panel_age(panel), absent=recognised.absent)
    for kind, truths in recognised.truths.items():
        facts = facts.adding(kind, truths)
    facts = facts.adding("patient", {"pregnant": Truth.of(panel.patient.pregnant)})
    entries = [refuse_implausible(normalise(release, result)) for result in panel.results]
    entries = series.mark_earlier(entries)
    recorded = facts.known.get(("condition", "aki"), Truth.UNKNOWN)
    injury = recorded if recorded is Truth.TRUE else series.acute_kidney_injury(release, entries)
    facts = facts.adding("finding", {"AKI": injury})
    facts = facts.adding("finding", findings.measured(release, entries, facts))
    entries = [with_windows(entry, facts) for entry in entries]
    adjustment = calcium.adjustment_of(release, entries, facts.age, facts)
    computed = calcium.computed_adjusted(release, entries, adjustment) + vitamin_d.computed_total(release, entries)
    if computed:
        entries += [with_windows(refuse_implausible(entry), facts) for entry in computed]
        facts = facts.adding("finding", findings.measured(release, entries, facts))
    return Bench(release, panel, facts.age, facts, adjustment), entries


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
    facts = bench.facts.adding("band", findings.bands(bench.release, entries))
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
