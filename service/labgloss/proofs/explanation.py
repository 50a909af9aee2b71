"""Why a report says what it says, or does not: the rule, its clauses and what they came to, what would change it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from labgloss.domain.report import Urgency
from labgloss.domain.truth import Truth
from labgloss.engine.combining import Apart, families_in
from labgloss.engine.facts import Facts
from labgloss.engine.findings import SECONDARY_TOTAL
from labgloss.engine.rules import facts_of
from labgloss.engine.steps import Steps
from labgloss.engine.words import clause_of, name_in_words, open_words
from labgloss.knowledge.expression import Expression, Name, names
from labgloss.knowledge.release import Analyte, Release, deciding
from labgloss.knowledge.schema import PatternRow, RecommendationRow, items_of
from labgloss.proofs.counterfactual import Counterfactuals, Search, State, state_of
from labgloss.proofs.influence import RECOMMENDATION, bringing
from labgloss.proofs.margins import Margins, margins_of

FINDING, PATTERN, RED_FLAG = "finding", "pattern", "red_flag"


@dataclass(frozen=True, slots=True)
class Ground:
    """A clause of a rule: its part in it ("core", "excluding"), and what it came to."""

    role: str
    expression: str
    truth: Truth
    text: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """One finding, pattern, red flag or recommendation: what the report says of it, why, and what would change it."""

    kind: str
    id: str
    number: str
    state: State
    # Of what the report lists; None where it does not.
    urgency: Urgency | None
    text: str
    rule_ids: tuple[str, ...]
    grounds: tuple[Ground, ...]
    # What is not known, in words; and what speaks against it.
    missing: tuple[str, ...]
    against: tuple[str, ...]
    # Patterns that the report shows in its place.
    instead: tuple[str, ...]
    # Families of analytes that it reads.
    families: tuple[str, ...]
    source_ids: tuple[str, ...]
    status: str
    counterfactuals: Counterfactuals


@dataclass(frozen=True, slots=True)
class Explained:
    """A panel with the explanation of what was asked for, and the margins of the results that it rests on."""

    panel_id: str
    urgency: Urgency
    explanations: tuple[Explanation, ...]
    margins: tuple[Margins, ...]
    # Changed panels that the engine was asked about.
    evaluations: int


class UnknownIdError(Exception):
    """An id that no finding, pattern, red flag or recommendation of the release has."""

    def __init__(self, ident: str) -> None:
        self.ident = ident
        super().__init__(ident)


def targets_of(release: Release) -> dict[str, Name]:
    """Everything that can be explained, by id and, of patterns and red flags, by number too."""
    found: dict[str, Name] = {}
    for analyte in release.analytes.values():
        found |= {ident: Name(FINDING, ident) for _, ident in items_of(analyte.form.findings) if ident}
    found |= {ident: Name(FINDING, ident) for ident in (*release.findings, *SECONDARY_TOTAL.values())}
    for kind, rules in ((PATTERN, release.patterns), (RED_FLAG, release.red_flags)):
        for rule in rules.values():
            found |= {name: Name(kind, rule.id) for name in (rule.id, rule.number) if name}
    return found | {ident: Name(RECOMMENDATION, ident) for ident in release.recommendations}


def explain(search: Search, ids: Sequence[str]) -> Explained:
    """The explanation of these ids; of none, of everything that the report lists.

    Raises: UnknownIdError with the first id that nothing has.
    """
    known = targets_of(search.release)
    for ident in ids:
        if ident not in known:
            raise UnknownIdError(ident)
    wanted = [known[ident] for ident in dict.fromkeys(ids)] or list(_listed(search))
    explanations = tuple(_explained(search, target) for target in wanted)
    families = {family for explanation in explanations for family in explanation.families}
    release = search.release
    return Explained(
        search.panel.id,
        search.worked.report.urgency,
        explanations,
        tuple(
            one for one in margins_of(search.worked.laid) if not ids or release.analytes[one.analyte].family in families
        ),
        search.evaluations,
    )


def _listed(search: Search) -> Iterator[Name]:
    """What the report lists, the most pressing first."""
    report = search.worked.report
    yield from (Name(RED_FLAG, flag.id) for flag in report.red_flags)
    yield from (Name(PATTERN, pattern.id) for pattern in report.patterns)
    yield from (Name(FINDING, finding.id) for finding in report.findings)
    yield from (Name(RECOMMENDATION, item.id) for item in report.recommendations)
    yield from (Name(RECOMMENDATION, held.id) for held in report.withheld_recommendations)


def _explained(search: Search, target: Name) -> Explanation:
    match target.kind:
        case "finding":
            return _finding(search, target)
        case "pattern":
            return _pattern(search, target)
        case "red_flag":
            return _red_flag(search, target)
        case _:
            return _recommendation(search, target)


# ---------------------------------------------------------------------------------------------- findings


def _finding(search: Search, target: Name) -> Explanation:
    """A finding: by the limits and the logic of its rows, or by the class of the results that make it."""
    release, facts = search.release, search.worked.settled.facts
    rows = release.findings.get(target.id, ())
    grounds: list[Ground] = []
    rules: list[str] = []
    sources: list[str] = []
    for step in search.worked.report.steps:
        if step.rule_id.endswith(".class") and step.outcome == target.id:
            rules.append(step.rule_id)
            sources += step.source_ids
            name = release.analytes[step.rule_id.removesuffix(".class")].name
            grounds.append(Ground("made by", step.rule_id, step.truth, f"{name}: {step.expression}"))
    makers = {analyte.name: f"{analyte.id}.class" for analyte in _makers(release, target.id)}
    missing = []
    if makers and not grounds:
        missing = [f"a result of {' or '.join(makers)}"]
        rules += makers.values()
        grounds += [Ground("made by", rule, Truth.UNKNOWN, f"{name}: no result") for name, rule in makers.items()]
    status = ""
    if rows:
        step = Steps.of(release).finding(target.id, facts.known.get(("finding", target.id), Truth.UNKNOWN))
        rules.append(step.rule_id)
        sources += step.source_ids
        status = step.status
        grounds.append(Ground("made by", step.expression, step.truth, step.expression))
    for row in rows:
        for role, part in (("while", row.when), ("unless", row.unless)):
            if part is not None:
                grounds.append(_ground(role, part, facts))
    listed = next((item for item in search.worked.report.findings if item.id == target.id), None)
    text = rows[0].text if rows else listed.text if listed else _class_in_words(release, target.id)
    return _explanation(
        search,
        target,
        text=text,
        rules=rules,
        grounds=grounds,
        sources=sources,
        status=status,
        missing=missing,
        families=families_in(release, target) | {release.analytes[row.analyte].family for row in rows if row.analyte},
    )


def _makers(release: Release, ident: str) -> list[Analyte]:
    """The analytes whose class makes a finding."""
    return [
        analyte
        for analyte in release.analytes.values()
        if ident in (made for _, made in items_of(analyte.form.findings))
    ]


def _class_in_words(release: Release, ident: str) -> str:
    return f"{name_in_words(Name(FINDING, ident), release)} (by the class of a result)"


# ---------------------------------------------------------------------------------------------- rules


def _pattern(search: Search, target: Name) -> Explanation:
    release, settled, report = search.release, search.worked.settled, search.worked.report
    rule = release.patterns[target.id]
    facts = _facts_of_pattern(search, rule)
    parts = [
        *(("core", part) for part in rule.core),
        *(("required", part) for part in rule.required),
        *(("excluding", part) for part in rule.excluding),
        *(("possible when", part) for part in (rule.possible_when,) if part is not None),
        *(("supporting", part) for part in rule.supporting),
        *(("against", part) for part in rule.against),
    ]
    matched = {item.id for item in report.patterns if item.state.value == "MATCHED"}
    instead = [
        other.id
        for other in release.patterns.values()
        if other.id in matched
        and rule.id in (*other.replaces, *other.absorbs)
        and settled.facts.known.get(("pattern", rule.id), Truth.FALSE) is not Truth.FALSE
    ]
    return _explanation(
        search,
        target,
        number=rule.number,
        urgency=next((item.urgency for item in report.patterns if item.id == rule.id), None),
        text=rule.title,
        grounds=[_ground(role, part, facts) for role, part in parts],
        missing=[
            open_words(part, facts)
            for role, part in parts
            if role in ("core", "required", "excluding") and facts.truth(part) is Truth.UNKNOWN
        ],
        against=_against(parts, facts),
        instead=instead,
        families=frozenset().union(*(families_in(release, part) for part in deciding(rule))),
        sources=rule.source,
        status=rule.status,
    )


def _facts_of_pattern(search: Search, rule: PatternRow) -> Facts:
    """The facts that a pattern is decided by; of a rule over specimens that holds in none, those of the first."""
    settled = search.worked.settled
    if rule.scope == "specimen" and rule.id not in settled.examined.facts:
        return next(iter(settled.examined.specimens), settled.facts)
    return facts_of(rule, settled, Apart.of(search.release, search.worked.laid.entries))


def _against(parts: Sequence[tuple[str, Expression]], facts: Facts) -> list[str]:
    """What keeps a pattern from being met, in words: what it asks for and is not so, and what excludes it and is so."""
    found = []
    for role, part in parts:
        truth = facts.truth(part)
        if role in ("core", "required") and truth is Truth.FALSE:
            found.append(f"not so: {clause_of(part, facts).text}")
        elif role in ("excluding", "against") and truth is Truth.TRUE:
            found.append(clause_of(part, facts).text)
    return found


def _red_flag(search: Search, target: Name) -> Explanation:
    release, settled, report = search.release, search.worked.settled, search.worked.report
    rule = release.red_flags[target.id]
    flag = next((item for item in report.red_flags if item.id == rule.id), None)
    grounds = [_ground(f"{level.urgency.name} when", level.when, settled.reported) for level in rule.levels]
    if rule.value_only:
        alone = settled.values.active if flag is None or not flag.held else settled.values.held
        grounds += [Ground("value", "a band that counts alone", Truth.TRUE, reason) for reason in alone.reasons]
    open_levels = [level.when for level in rule.levels if settled.reported.truth(level.when) is Truth.UNKNOWN]
    return _explanation(
        search,
        target,
        number=rule.number,
        urgency=None if flag is None else flag.urgency,
        text=rule.title,
        grounds=grounds,
        missing=[] if flag else [open_words(part, settled.reported) for part in open_levels],
        against=[f"held until a repeat: {', '.join(rule.held_by)}"] if flag is not None and flag.held else [],
        families=frozenset().union(*(families_in(release, part) for part in deciding(rule)))
        | {entry.analyte.family for entry in search.worked.laid.entries if rule.value_only and entry.analyte},
        sources=rule.source,
        status=rule.status,
    )


# ---------------------------------------------------------------------------------------------- recommendations


def _recommendation(search: Search, target: Name) -> Explanation:
    """A recommendation: what brings it, whether that is so, and what leaves it out or withholds it."""
    release, facts, report = search.release, search.worked.settled.facts, search.worked.report
    row = release.recommendations[target.id]
    given = next((item for item in report.recommendations if item.id == row.id), None)
    held = next((item for item in report.withheld_recommendations if item.id == row.id), None)
    grounds = [Ground("because of", because, Truth.TRUE, because) for because in given.because] if given else []
    grounds += [Ground("because of", because, Truth.TRUE, because) for because in held.because] if held else []
    if held is not None:
        grounds.append(Ground("withheld by", held.withheld_by, Truth.TRUE, held.reason))
    grounds += [
        _ground(role, part, facts)
        for role, part in (("brought when", row.when), ("needs", row.needs), ("withheld when", row.withheld_when))
        if part is not None
    ]
    settled = [entry.analyte.id for entry in search.worked.laid.entries if entry.settled and entry.analyte is not None]
    done = [ident for ident in row.satisfied_by if ident in settled]
    rules = [] if given or held else list(_rules_bringing(release, row))
    if not given and not held:
        grounds += [_ground("brought by", name, facts) for name in rules]
    because = [*(given.because if given else ()), *(held.because if held else ())]
    return _explanation(
        search,
        target,
        urgency=None if given is None else given.urgency,
        text=row.text,
        rules=given.rule_ids if given else (f"recommendation.{row.id}",),
        grounds=grounds,
        missing=[],
        against=[f"in the panel already, final and reliable: {', '.join(done)}"] if done and not given else [],
        families=_families_of(search, because, [*rules, *([row.when] if row.when else [])]),
        sources=given.source_ids if given else row.source,
        status=row.status,
    )


def _rules_bringing(release: Release, row: RecommendationRow) -> Iterator[Name]:
    yield from dict.fromkeys(name for name in bringing(release, row.id) if name.kind in (PATTERN, RED_FLAG))


def _families_of(search: Search, because: Sequence[str], parts: Sequence[Expression]) -> frozenset[str]:
    """The families of the results and rules that a recommendation rests on."""
    release = search.release
    found: set[str] = set()
    for entry in search.worked.laid.entries:
        if entry.analyte is not None and any(text.partition(":")[0] == entry.key for text in because):
            found.add(entry.analyte.family)
    rules = [*because, *(name.id for part in parts for name in names(part))]
    for ident in rules:
        rule = release.patterns.get(ident) or release.red_flags.get(ident)
        for part in deciding(rule) if rule else ():
            found |= families_in(release, part)
        found |= families_in(release, Name(FINDING, ident))
    for part in parts:
        found |= families_in(release, part)
    return frozenset(found)


# ---------------------------------------------------------------------------------------------- shared


def _ground(role: str, part: Expression, facts: Facts) -> Ground:
    clause = clause_of(part, facts)
    return Ground(role, clause.expression, clause.truth, clause.text)


def _explanation(
    search: Search,
    target: Name,
    *,
    text: str,
    grounds: Sequence[Ground],
    sources: Sequence[str],
    status: str,
    families: frozenset[str],
    missing: Sequence[str],
    number: str = "",
    urgency: Urgency | None = None,
    rules: Sequence[str] = (),
    against: Sequence[str] = (),
    instead: Sequence[str] = (),
) -> Explanation:
    return Explanation(
        target.kind,
        target.id,
        number,
        state_of(search.worked, target),
        urgency,
        text,
        tuple(dict.fromkeys(rules or (target.id,))),
        tuple(grounds),
        tuple(dict.fromkeys(words for words in missing if words)),
        tuple(dict.fromkeys(against)),
        tuple(instead),
        tuple(sorted(families)),
        tuple(dict.fromkeys(sources)),
        status,
        search.counterfactuals(target),
    )
