"""What a rule comes to by the names that it reads: its words, its urgency by itself, and what it brings.

Panels differ in their numbers more than in what the numbers mean, so that one pattern is often weighed by the same
names again. What was made of them is kept, by the bits of those names and by nothing else of a panel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field

from labgloss.domain.report import Clause, Pattern, PatternState, RedFlag, Urgency
from labgloss.domain.truth import Truth
from labgloss.engine import combining, openness
from labgloss.engine.facts import Facts
from labgloss.engine.judged import unique
from labgloss.engine.kept import Kept, by_release
from labgloss.engine.words import clauses_left_open, clauses_that_hold
from labgloss.frozen import dataclass
from labgloss.knowledge.release import Release
from labgloss.knowledge.schema import BringRow, CautionOfPattern, LowerRow, PatternRow, RedFlagRow


@dataclass(frozen=True, slots=True)
class Brought:
    """A recommendation that a rule brings."""

    recommendation: str
    because: str
    urgency: Urgency
    source_ids: tuple[str, ...]
    rule_id: str = ""
    # Brought although the test is in the panel.
    serial: bool = False


@dataclass(frozen=True, slots=True)
class WeighedPattern:
    """A pattern that holds or is possible, by the names that it reads; equal to one of its rule that says the same."""

    rule: PatternRow = field(compare=False)
    matched: bool
    # By itself and its levels; results may raise it.
    urgency: Urgency
    # What lowers it, whatever raised it (DEC-02).
    at_most: Urgency
    text: str
    evidence_for: tuple[Clause, ...]
    evidence_against: tuple[Clause, ...]
    missing: tuple[Clause, ...]
    cautions: tuple[tuple[str, str], ...]
    # The families that its open clauses ask for; the lists that leave it open, where it is only possible.
    asked: tuple[str, ...]
    open_kinds: tuple[str, ...]
    # Whether it is kept, and so is the pattern as it is reported.
    of_release: bool
    # With the urgency that it brings, where that is not the pattern's own.
    _brings: tuple[tuple[str, Urgency | None, bool], ...]
    _patterns: dict[tuple[Urgency, str], Pattern] = field(default_factory=dict, compare=False)
    _brought: dict[Urgency, tuple[Brought, ...]] = field(default_factory=dict, compare=False)

    def pattern(self, urgency: Urgency, open_since: str) -> Pattern:
        """The pattern as it is reported."""
        found = self._patterns.get((urgency, open_since))
        if found is None:
            rule = self.rule
            found = self._patterns[urgency, open_since] = Pattern(
                id=rule.id,
                number=rule.number,
                state=PatternState.MATCHED if self.matched else PatternState.POSSIBLE,
                urgency=urgency,
                title=rule.title,
                text=self.text,
                evidence_for=self.evidence_for,
                evidence_against=self.evidence_against,
                missing=self.missing,
                explains=rule.explains if self.matched else (),
                suppresses=(*rule.withholds, *rule.replaces) if self.matched else (),
                source_ids=rule.source,
                status=rule.status,
                open_since=open_since,
                of_release=self.of_release,
            )
        return found

    def brought(self, urgency: Urgency) -> tuple[Brought, ...]:
        """What the pattern brings at an urgency."""
        found = self._brought.get(urgency)
        if found is None:
            ident, sources = self.rule.id, self.rule.source
            found = self._brought[urgency] = tuple(
                Brought(name, ident, urgency if own is None else own, sources, ident, serial)
                for name, own, serial in self._brings
            )
        return found


@dataclass(frozen=True, slots=True)
class WeighedFlag:
    """A red flag that holds, by the names that it reads."""

    rule: RedFlagRow
    evidence: tuple[Clause, ...]
    _brings: tuple[tuple[str, bool], ...]
    _flags: dict[tuple[Urgency, bool], RedFlag] = field(default_factory=dict)
    _brought: dict[Urgency, tuple[Brought, ...]] = field(default_factory=dict)

    def flag(self, urgency: Urgency, held: bool) -> RedFlag:
        """The red flag as it is reported."""
        found = self._flags.get((urgency, held))
        if found is None:
            rule = self.rule
            found = self._flags[urgency, held] = RedFlag(
                rule.id, rule.number, urgency, held, rule.text, self.evidence, rule.source, rule.status
            )
        return found

    def brought(self, urgency: Urgency) -> tuple[Brought, ...]:
        """What the red flag brings at an urgency."""
        found = self._brought.get(urgency)
        if found is None:
            ident, sources = self.rule.id, self.rule.source
            found = self._brought[urgency] = tuple(
                Brought(name, ident, urgency, sources, ident, serial) for name, serial in self._brings
            )
        return found


def weigh_pattern(rule: PatternRow, truth: Truth, facts: Facts) -> WeighedPattern:
    """A pattern that is TRUE (matched) or UNKNOWN (possible) by these facts."""
    read = facts.read_by(rule)
    if read is None:
        return _weighed_pattern(rule, truth, facts)
    kept, same = _kept_patterns(facts.release)
    key = rule.id, truth, read
    found = kept.get(key)
    if found is None:
        made = _weighed_pattern(rule, truth, facts, of_release=True)
        # Half of them say what others say: those are one object, which is written once.
        found = kept.put(key, same.get((rule.id, made)) or same.put((rule.id, made), made))
    return found


def weigh_flag(rule: RedFlagRow, facts: Facts) -> WeighedFlag:
    """A red flag that holds by these facts."""
    read = facts.read_by(rule)
    if read is None:
        return _weighed_flag(rule, facts)
    kept = _kept_flags(facts.release)
    key = rule.id, read
    found = kept.get(key)
    return kept.put(key, _weighed_flag(rule, facts)) if found is None else found


# One holds some two thousand bytes; the sample panels make some nine hundred.
@by_release(maxsize=64)
def _kept_patterns(
    _release: Release,
) -> tuple[Kept[tuple[str, Truth, tuple[int, int]], WeighedPattern], Kept[tuple[str, WeighedPattern], WeighedPattern]]:
    """By the names that are read, and by what is said."""
    return Kept(maxsize=1024), Kept(maxsize=1024)


@by_release(maxsize=64)
def _kept_flags(_release: Release) -> Kept[tuple[str, tuple[int, int]], WeighedFlag]:
    return Kept(maxsize=256)


def _weighed_pattern(rule: PatternRow, truth: Truth, facts: Facts, of_release: bool = False) -> WeighedPattern:
    matched = truth is Truth.TRUE
    missing = clauses_left_open((*rule.core, *rule.required, *rule.excluding), facts)
    urgency = rule.urgency
    if matched:
        urgency = max(urgency, facts.level(rule.levels))
    else:
        urgency = max((row.urgency for row in rule.possible if facts.holds(row.when)), default=Urgency.NONE)
    return WeighedPattern(
        rule=rule,
        matched=matched,
        urgency=urgency,
        at_most=lowered(rule.lowers, max(Urgency), facts),
        text=rule.text if matched else _not_established(missing),
        evidence_for=clauses_that_hold((*rule.core, *rule.required, *rule.supporting), facts),
        evidence_against=clauses_that_hold(rule.against, facts),
        missing=missing,
        cautions=_cautions(rule, truth, facts),
        asked=_asked(rule, facts),
        open_kinds=() if matched else openness.kinds_open(rule, facts),
        of_release=of_release,
        _brings=_brings(rule, truth, facts),
    )


def _weighed_flag(rule: RedFlagRow, facts: Facts) -> WeighedFlag:
    evidence = clauses_that_hold((level.when for level in rule.levels), facts)
    return WeighedFlag(rule, evidence, tuple((ident, serial) for ident, _, serial in _rows(rule.recommend, facts)))


def lowered(rows: Sequence[LowerRow], urgency: Urgency, facts: Facts) -> Urgency:
    """An urgency after what lowers it (DEC-02)."""
    return min([urgency, *(row.urgency for row in rows if facts.holds(row.when))])


def _not_established(missing: Sequence[Clause]) -> str:
    """What keeps a pattern from being classified (SP 5.2): what is not known, or that it all falls short."""
    if not missing:
        return "Possible, and not established. What is known points to it and falls short of the whole pattern."
    return f"Possible, and not established. Not known: {'; '.join(unique(tuple(clause.text for clause in missing)))}."


def _brings(rule: PatternRow, truth: Truth, facts: Facts) -> tuple[tuple[str, Urgency | None, bool], ...]:
    if truth is Truth.TRUE:
        return _rows(rule.recommend, facts)
    return tuple(
        (ident, row.urgency, False) for row in rule.possible if facts.holds(row.when) for ident in row.recommend
    )


def _rows(rows: Sequence[BringRow], facts: Facts) -> tuple[tuple[str, Urgency | None, bool], ...]:
    return tuple((ident, None, row.serial) for row in rows if facts.holds(row.when) for ident in row.recommend)


def _cautions(rule: PatternRow, truth: Truth, facts: Facts) -> tuple[tuple[str, str], ...]:
    rows: list[CautionOfPattern] = list(rule.cautions) if truth is Truth.TRUE else []
    if truth is Truth.UNKNOWN:
        rows += [caution for row in rule.possible if facts.holds(row.when) for caution in row.cautions]
    return tuple((analyte, row.caution) for row in rows if facts.holds(row.when) for analyte in row.analytes)


def _asked(rule: PatternRow, facts: Facts) -> tuple[str, ...]:
    """The analytes that the open clauses of a pattern ask for."""
    return tuple(
        family
        for part in (*rule.core, *rule.required)
        if facts.truth(part) is Truth.UNKNOWN
        for family in sorted(combining.families_in(facts.release, part))
    )
