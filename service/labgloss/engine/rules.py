"""Patterns and red flags over the facts: first which of them hold, each after what it reads; then what they bring.

Only rules that some fact sets off are looked at (`Release.rule_index`), so that the cost grows with the panel and not
with the number of rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from heapq import heappop, heappush

from labgloss.domain.panel import Panel
from labgloss.domain.report import Pattern, PatternState, RedFlag, TraceStep, Urgency
from labgloss.domain.truth import FALSE, TRUE, Truth
from labgloss.engine import combining, findings, openness
from labgloss.engine.artefacts import Examined
from labgloss.engine.facts import Facts
from labgloss.engine.judged import Judged, unique
from labgloss.engine.steps import Steps
from labgloss.engine.weighing import Brought, WeighedFlag, WeighedPattern, lowered, weigh_flag, weigh_pattern
from labgloss.engine.words import true_names
from labgloss.frozen import dataclass
from labgloss.knowledge.expression import Name
from labgloss.knowledge.release import DerivedFinding, Release, Rule
from labgloss.knowledge.schema import (
    BandRow,
    PatternRow,
    RedFlagRow,
    SaysMissingRow,
)

VALUE_ALONE = "VALUE_ALONE"


@dataclass(frozen=True, slots=True)
class Alone:
    """The values that call for contact by themselves (RF11): the highest urgency of them, and each with its reason."""

    urgency: Urgency = Urgency.NONE
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Values:
    """The values that count by themselves, and those that would, were they not made unreliable by an artefact."""

    active: Alone = field(default_factory=Alone)
    held: Alone = field(default_factory=Alone)
    # Analytes and families whose high or low value an artefact makes unreliable.
    unreliable: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Settled:
    """Which rules hold. `reported`: the facts that red flags read, with values as reported (SP 4, rule 5)."""

    facts: Facts
    reported: Facts
    examined: Examined
    values: Values
    # Every rule that was looked at, in the order of the release.
    rules: tuple[Rule, ...]
    red_flags: Mapping[str, Urgency]
    # TRUE where the patient is recorded well and no symptom makes a red flag: what lowers an artefact (DEC-02).
    well: bool


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What the rules came to."""

    facts: Facts
    patterns: tuple[Pattern, ...]
    red_flags: tuple[RedFlag, ...]
    brought: tuple[Brought, ...]
    # Cautions that patterns put on results, by analyte or family.
    cautions: tuple[tuple[str, str], ...]
    trace: tuple[TraceStep, ...]
    # Analytes that a pattern which holds or is possible needs, and that the panel lacks.
    lacking: tuple[str, ...] = ()
    # Those that such a pattern, or one that says what it lacks, cannot use although they are in the panel.
    unusable: tuple[str, ...] = ()


# ---------------------------------------------------------------------------------------------- which rules hold


def settle(
    release: Release, facts: Facts, reported: Facts, entries: Sequence[Judged], examined: Examined, values: Values
) -> Settled:
    """Which patterns, red flags and findings that read patterns hold."""
    board = _Board(release, facts, reported)
    flags: dict[str, Urgency] = {}
    looked_at: list[Rule] = []
    sent = findings.Sent.of(entries)
    apart = combining.Apart.of(release, entries)
    while (rule := board.next()) is not None:
        looked_at.append(rule)
        if isinstance(rule, DerivedFinding):
            board.know("finding", rule.id, findings.of_rows(release, rule.rows, sent, board.facts))
        elif isinstance(rule, PatternRow):
            if rule.scope == "specimen":
                truth = examined.truths.get(rule.id, FALSE)
            else:
                truth = apart.facts_for(rule, board.facts).of_pattern(rule)
            board.know("pattern", rule.id, truth)
        else:
            urgency = values.active.urgency if rule.value_only else board.reported.level(rule.levels)
            if rule.value_only:
                urgency = max(urgency, values.held.urgency)
            board.know("red_flag", rule.id, Truth.of(urgency > Urgency.NONE))
            board.know("emergency", rule.id, Truth.of(urgency is Urgency.EMERGENCY))
            if urgency > Urgency.NONE:
                flags[rule.id] = urgency
    symptomatic = any(_by_symptom(release.red_flags[ident], board.reported) for ident in flags)
    board.know("patient", "red_flag_symptom", Truth.of(symptomatic))
    well = board.facts.known.get(("condition", "recorded_well")) is TRUE and not symptomatic
    return Settled(board.facts, board.reported, examined, values, tuple(looked_at), flags, well)


class _Board:
    """Facts in the making, and the rules that they set off, in the order of the release."""

    def __init__(self, release: Release, facts: Facts, reported: Facts) -> None:
        self._release = release
        self.facts = facts.in_the_making()
        self.reported = self.facts if reported is facts else reported.in_the_making()
        self._waiting = list(release.rule_index.always)
        self._seen = set(self._waiting)
        for now in (facts,) if reported is facts else (facts, reported):
            for name in now.names_that_hold():
                self._set_off(name)
            # Of several bands that remain none is TRUE by itself, and a rule that asks for one of them may hold.
            for case in (case for cases in now.open_verdicts.values() for case in cases):
                for name, truth in case.items():
                    if truth is TRUE:
                        self._set_off(name)

    def next(self) -> Rule | None:
        """The next rule to look at; None when all that facts set off were."""
        return self._release.rule_order[heappop(self._waiting)] if self._waiting else None

    def know(self, kind: str, ident: str, truth: Truth) -> None:
        """A fact that a rule came to."""
        self.facts.learn((kind, ident), truth)
        if self.reported is not self.facts:
            self.reported.learn((kind, ident), truth)
        if truth is TRUE:
            self._set_off((kind, ident))

    def _set_off(self, name: tuple[str, str]) -> None:
        for place in self._release.rule_index.by_name.get(name, ()):
            self._wait(place)

    def _wait(self, place: int) -> None:
        if place not in self._seen:
            self._seen.add(place)
            heappush(self._waiting, place)


def _by_symptom(rule: RedFlagRow, facts: Facts) -> bool:
    """Whether a symptom takes part in a red flag that holds."""
    holding = [level.when for level in rule.levels if facts.holds(level.when)]
    return any(name.kind == "symptom" for when in holding for name in true_names(when, facts))


# ---------------------------------------------------------------------------------------------- what they bring


def evaluate(release: Release, settled: Settled, entries: Sequence[Judged], panel: Panel) -> Evaluated:
    """The patterns and red flags of the report, and what they bring; `entries` have their urgency."""
    patterns: list[Pattern] = []
    red_flags: list[RedFlag] = []
    brought: list[Brought] = []
    cautions: list[tuple[str, str]] = []
    trace: list[TraceStep] = []
    steps = Steps.of(release)
    apart = combining.Apart.of(release, entries)
    sent = {entry.analyte.family for entry in entries if entry.analyte is not None}
    lacking: list[tuple[str, str]] = []
    absent: list[str] = []
    unusable: list[str] = []
    known, none = settled.facts.known, Urgency.NONE
    for rule in settled.rules:
        if isinstance(rule, DerivedFinding):
            continue
        if isinstance(rule, PatternRow):
            truth, urgency = known["pattern", rule.id], none
            if truth is not FALSE:
                facts = facts_of(rule, settled, apart)
                weighed = weigh_pattern(rule, truth, facts)
                urgency = _urgency(weighed, facts, settled, entries)
                patterns.append(weighed.pattern(urgency, openness.since(weighed.open_kinds, panel)))
                brought += weighed.brought(urgency)
                cautions += weighed.cautions
                lacking += [(rule.id, family) for family in weighed.asked if family not in sent]
            elif rule.says_missing is not None and settled.facts.holds(rule.says_missing.when):
                missing = _without_final(rule.says_missing, settled.facts, entries)
                absent += [family for family, was_sent in missing if not was_sent]
                unusable += [family for family, was_sent in missing if was_sent]
        else:
            urgency = settled.red_flags.get(rule.id, Urgency.NONE)
            truth = Truth.of(urgency > Urgency.NONE)
            if truth is TRUE:
                weighed_flag = weigh_flag(rule, settled.reported)
                flag = _red_flag(weighed_flag, urgency, settled.values)
                red_flags.append(flag)
                if not flag.held:
                    brought += weighed_flag.brought(urgency)
        trace.append(steps.rule(rule.id, truth, urgency))
    hidden = _hidden(release, patterns)
    shown = [pattern for pattern in patterns if (pattern.id, pattern.state) not in hidden]
    replaced = {ident for ident, state in hidden if state is PatternState.MATCHED}
    return Evaluated(
        settled.facts,
        tuple(sorted(shown, key=_rank)),
        tuple(sorted(red_flags, key=lambda flag: (flag.held, -flag.urgency))),
        tuple(item for item in brought if item.because not in replaced),
        tuple(cautions),
        tuple(trace),
        unique((*(of for ident, of in lacking if any(pattern.id == ident for pattern in shown)), *absent)),
        unique(tuple(unusable)),
    )


def _rank(pattern: Pattern) -> tuple[bool, int, bool, str]:
    """Matched first, then the more urgent, then in the order of the rule numbers (SP 0.6)."""
    return pattern.state is not PatternState.MATCHED, -pattern.urgency, not pattern.number, pattern.number


def _hidden(release: Release, patterns: Sequence[Pattern]) -> set[tuple[str, PatternState]]:
    """Patterns, by state, that another one stands for."""
    hidden: set[tuple[str, PatternState]] = set()
    for pattern in patterns:
        if pattern.state is PatternState.MATCHED:
            row = release.patterns[pattern.id]
            hidden |= {(ident, state) for ident in row.replaces for state in PatternState}
            hidden |= {(ident, PatternState.POSSIBLE) for ident in row.absorbs}
    return hidden


def facts_of(rule: PatternRow, settled: Settled, apart: combining.Apart) -> Facts:
    """The facts that a pattern was decided by, with all that is known by now."""
    if rule.scope == "panel":
        return apart.facts_for(rule, settled.facts)
    of_specimen = {
        name: truth for name, truth in settled.examined.facts[rule.id].known.items() if name[0] == "specimen"
    }
    return settled.facts.knowing(of_specimen)


def _urgency(weighed: WeighedPattern, facts: Facts, settled: Settled, entries: Sequence[Judged]) -> Urgency:
    """The urgency of a pattern: its own and, matched, that of the results it speaks of; lowered by DEC-02."""
    rule = weighed.rule
    if not weighed.matched:
        return weighed.urgency
    highest = Urgency.NONE
    if rule.urgency_of:
        for entry in entries:
            if entry.live and entry.primary and _named(rule.urgency_of, entry):
                highest = max(highest, entry.urgency)
    for entry in _measured(rule, settled, entries):
        for band in entry.verdict.bands if entry.verdict is not None else ():
            highest = max(highest, band_urgency(entry, band, facts))
    if rule.lowered_when_well and settled.well:
        highest = min(highest, Urgency.SAME_DAY)
    return min(max(weighed.urgency, highest), weighed.at_most)


def _measured(rule: PatternRow, settled: Settled, entries: Sequence[Judged]) -> list[Judged]:
    """The results that a rule of sample validity touched, as measured, with what is computed of them.

    Not those that another result stands for: a paired specimen, or a better calcium.
    """
    stood_for = {entry.index for entry in entries if entry.settled_by_pair or (entry.refusal and not entry.primary)}
    sent = [entry for entry in settled.examined.concerned.get(rule.id, ()) if entry.index not in stood_for]
    computed = [entry for entry in entries if entry.computed_from and rule.id in entry.unreliable and entry.primary]
    return [*sent, *(entry.as_reported() for entry in computed)]


def band_urgency(entry: Judged, band: BandRow, facts: Facts) -> Urgency:
    """The urgency of a band for an entry: its default, raised by context and by the value, lowered by DEC-02."""
    assert entry.reading is not None
    assert entry.verdict is not None
    unit, span = entry.reading.compared.unit, entry.verdict.span
    raised = [
        row.urgency
        for row in band.raises
        if facts.holds(row.when) and (not row.limits or span.overlaps(row.limits[unit].span()))
    ]
    return lowered(band.lowers, max([band.urgency, *raised]), facts)


def _named(ids: Sequence[str], entry: Judged) -> bool:
    return entry.analyte is not None and (entry.analyte.id in ids or entry.analyte.family in ids)


def _without_final(row: SaysMissingRow, facts: Facts, entries: Sequence[Judged]) -> list[tuple[str, bool]]:
    """The families without a result that is final and reliable, each with whether one of them was sent."""
    found = []
    for family in row.analytes:
        of_family = [entry for entry in entries if entry.analyte is not None and entry.analyte.family == family]
        final = any(
            facts.truth(Name("final", entry.analyte.id)) is TRUE for entry in of_family if entry.analyte is not None
        )
        if not final:
            found.append((family, any(not entry.earlier for entry in of_family)))
    return found


def _red_flag(weighed: WeighedFlag, urgency: Urgency, values: Values) -> RedFlag:
    rule = weighed.rule
    if not rule.value_only:
        return weighed.flag(urgency, bool(rule.held_by) and set(rule.held_by) <= values.unreliable)
    held = values.active.urgency is Urgency.NONE
    alone = values.held if held else values.active
    text = f"{rule.text} Here: {'; '.join(alone.reasons)}."
    return RedFlag(rule.id, rule.number, alone.urgency, held, text, weighed.evidence, rule.source, rule.status)
