"""Patterns and red flags over the facts, each evaluated after what it reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from labgloss.domain.report import Clause, Pattern, PatternState, RedFlag, TraceStep, Urgency
from labgloss.domain.truth import Truth, all_of
from labgloss.engine.facts import Facts
from labgloss.knowledge.expression import Combination, Expression, Name
from labgloss.knowledge.release import Release
from labgloss.knowledge.schema import BringRow, ContextRow, LevelRow, PatternRow, RedFlagRow, SymptomRow

VALUE_ALONE = "VALUE_ALONE"


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
class Alone:
    """The values that call for contact by themselves (RF11): the highest urgency of them, and each with its reason."""

    urgency: Urgency
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What the rules came to."""

    facts: Facts
    patterns: tuple[Pattern, ...]
    red_flags: tuple[RedFlag, ...]
    brought: tuple[Brought, ...]
    trace: tuple[TraceStep, ...]


def evaluate(release: Release, facts: Facts, alone: Alone) -> Evaluated:
    """Every pattern and red flag."""
    patterns: list[Pattern] = []
    red_flags: list[RedFlag] = []
    brought: list[Brought] = []
    trace: list[TraceStep] = []
    for rule in release.rule_order:
        if isinstance(rule, PatternRow):
            truth = _truth_of(rule, facts)
            facts = facts.adding("pattern", {rule.id: truth})
            if (pattern := _pattern(rule, truth, facts)) is not None:
                patterns.append(pattern)
                if pattern.state is PatternState.MATCHED:
                    brought += _brought(rule.recommend, rule.id, pattern.urgency, rule.source, facts)
            kind, urgency = "pattern", rule.urgency
        else:
            urgency = alone.urgency if rule.value_only else _level(rule.levels, facts)
            truth = Truth.of(urgency > Urgency.NONE)
            facts = facts.adding("red_flag", {rule.id: truth})
            if truth is Truth.TRUE:
                red_flags.append(_red_flag(rule, urgency, facts, alone))
                brought += _brought(rule.recommend, rule.id, urgency, rule.source, facts)
            kind = "red_flag"
        trace.append(TraceStep(None, kind, rule.id, _expression(rule), truth, urgency.name, rule.source, rule.status))
    replaced = {ident for row in release.patterns.values() if _matched(patterns, row.id) for ident in row.replaces}
    shown = [pattern for pattern in patterns if pattern.id not in replaced]
    return Evaluated(
        facts,
        tuple(sorted(shown, key=lambda pattern: (pattern.state is not PatternState.MATCHED, -pattern.urgency))),
        tuple(sorted(red_flags, key=lambda flag: -flag.urgency)),
        tuple(item for item in brought if item.because not in replaced),
        tuple(trace),
    )


def _truth_of(rule: PatternRow, facts: Facts) -> Truth:
    """TRUE is matched, UNKNOWN is possible, FALSE is not met (SP 0.2)."""
    required = all_of(facts.truth(part) for part in (*rule.core, *rule.required))
    if required is Truth.FALSE or any(facts.holds(part) for part in rule.excluding):
        return Truth.FALSE
    if required is Truth.UNKNOWN and not any(facts.holds(part) for part in rule.core):
        return Truth.FALSE
    return required


def _pattern(rule: PatternRow, truth: Truth, facts: Facts) -> Pattern | None:
    if truth is Truth.FALSE:
        return None
    required = [_clause(part, facts) for part in (*rule.core, *rule.required)]
    supporting = [_clause(part, facts) for part in rule.supporting]
    excluding = [_clause(part, facts) for part in rule.excluding]
    against = [_clause(part, facts) for part in rule.against]
    matched = truth is Truth.TRUE
    return Pattern(
        id=rule.id,
        number=rule.number,
        state=PatternState.MATCHED if matched else PatternState.POSSIBLE,
        urgency=max(rule.urgency, _level(rule.levels, facts)) if matched else Urgency.NONE,
        title=rule.title,
        text=rule.text if matched else _not_established(required, excluding),
        evidence_for=tuple(clause for clause in (*required, *supporting) if clause.truth is Truth.TRUE),
        evidence_against=tuple(clause for clause in against if clause.truth is Truth.TRUE),
        missing=tuple(clause for clause in (*required, *excluding) if clause.truth is Truth.UNKNOWN),
        explains=rule.explains if matched else (),
        suppresses=(*rule.withholds, *rule.replaces) if matched else (),
        source_ids=rule.source,
        status=rule.status,
    )


def _not_established(required: Sequence[Clause], excluding: Sequence[Clause]) -> str:
    """What keeps a pattern from being classified (SP 5.2)."""
    open_words = dict.fromkeys(clause.text for clause in (*required, *excluding) if clause.truth is Truth.UNKNOWN)
    return f"Possible, and not established. What would settle it: {'; '.join(open_words)}."


def _red_flag(rule: RedFlagRow, urgency: Urgency, facts: Facts, alone: Alone) -> RedFlag:
    evidence = tuple(_clause(level.when, facts) for level in rule.levels if facts.holds(level.when))
    text = f"{rule.text} Here: {'; '.join(alone.reasons)}." if rule.value_only else rule.text
    return RedFlag(rule.id, rule.number, urgency, False, text, evidence, rule.source, rule.status)


def _level(levels: Sequence[LevelRow], facts: Facts) -> Urgency:
    return max((level.urgency for level in levels if facts.holds(level.when)), default=Urgency.NONE)


def _brought(
    rows: Sequence[BringRow], because: str, urgency: Urgency, sources: tuple[str, ...], facts: Facts
) -> list[Brought]:
    return [
        Brought(ident, because, urgency, sources, because, row.serial)
        for row in rows
        if facts.holds(row.when)
        for ident in row.recommend
    ]


def _clause(part: Expression, facts: Facts) -> Clause:
    truth = facts.truth(part)
    return Clause(str(part), truth, _words(part, facts))


def _words(part: Expression, facts: Facts) -> str:
    """An expression in words; of an `any` that holds, only the parts that hold."""
    if isinstance(part, Combination):
        parts = [item for item in part.parts if facts.holds(item)] if part.operator == "any" else list(part.parts)
        joint = " and " if part.operator == "all" else " or "
        words = joint.join(_words(item, facts) for item in parts or part.parts)
        return f"none of: {words}" if part.operator == "none" else words
    return _name_in_words(part, facts.release) if isinstance(part, Name) else str(part)


def _name_in_words(name: Name, release: Release) -> str:
    """What a name stands for, as its row says it."""
    if name.kind == "finding" and (found := _findings_in_words(release).get(name.id)):
        return found
    rows: dict[str, Mapping[str, SymptomRow] | Mapping[str, ContextRow]] = {
        "symptom": release.symptoms,
        "condition": release.conditions,
        "medication": release.medications,
    }
    row = rows.get(name.kind, {}).get(name.id)
    if row is not None:
        return row.display.lower()
    return name.id.replace(".", " ").replace("_", " ").lower()


@lru_cache(maxsize=1)
def _findings_in_words(release: Release) -> Mapping[str, str]:
    """Findings by what they say: "calcium low", or the text of their row."""
    words = {ident: rows[0].text.rstrip(".").lower() for ident, rows in release.findings.items()}
    for analyte in release.analytes.values():
        name = analyte.name if analyte.family == analyte.id else analyte.family.replace("_", " ")
        for ident, side in ((analyte.form.findings.low, "low"), (analyte.form.findings.high, "high")):
            words.setdefault(ident, f"{name} {side}")
    return words


def _expression(rule: PatternRow | RedFlagRow) -> str:
    if isinstance(rule, PatternRow):
        required = " and ".join(str(part) for part in (*rule.core, *rule.required))
        excluded = "".join(f" and not {part}" for part in rule.excluding)
        return required + excluded
    return "; ".join(f"{level.urgency.name} when {level.when}" for level in rule.levels) or "bands that count alone"


def _matched(patterns: Sequence[Pattern], ident: str) -> bool:
    return any(pattern.id == ident and pattern.state is PatternState.MATCHED for pattern in patterns)
