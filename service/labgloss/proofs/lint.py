"""The exhaustive checks of a release: each asks a question of the whole space of panels, and answers with a panel.

Nothing is sampled. The space is factored into variables (what one analyte, symptom, condition or medication may say),
and a question is decided over every combination of those that it rests on. A panel that answers one is given to the
engine, and must come out as the space says.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from labgloss.domain.panel import Panel
from labgloss.domain.report import PatternState, Urgency
from labgloss.domain.subject import AgeUnit, StatedAge
from labgloss.domain.truth import Truth
from labgloss.engine.interpret import interpret
from labgloss.errors import Fault
from labgloss.knowledge.expression import Combination, Expression, Name
from labgloss.knowledge.release import Release, set_off_by
from labgloss.knowledge.schema import (
    BandRow,
    BringRow,
    LevelRow,
    PatternRow,
    RecommendationRow,
    RedFlagRow,
    RefusalRow,
    WordingRow,
)
from labgloss.proofs.panels import Measured, PanelSpace, build
from labgloss.proofs.places import with_part
from labgloss.proofs.solver import FALSE, NOT_TRUE, TRUE, UNKNOWN, Question, Solver
from labgloss.proofs.space import Part
from labgloss.proofs.witness import in_one_line

# Rules that every panel makes the engine look at; more of them, and the cost grows with the number of rules.
MOST_ALWAYS_LOOKED_AT = 3
# Years from which the values of the space, chosen for an adult, mean what they say.
_ADULT = 18


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was proved of a release, and how much was enumerated."""

    faults: tuple[Fault, ...]
    variables: int
    ways: int
    questions: int
    # The largest number of combinations that one question covered.
    combinations: int

    @property
    def enumerated(self) -> str:
        """What was enumerated, in words."""
        return (
            f"{self.questions} questions over {self.variables} variables with {self.ways} ways in all, each over every "
            f"combination of what it rests on (up to {self.combinations:.1e})"
        )


def prove(release: Release, results: Measured | None = None, only: Collection[str] | None = None) -> Verdict:
    """Every fault of a release that shows only over combinations of facts, each with a panel that meets it.

    `results`: what results can say, where it is known. `only`: ids of the rules to ask about; None: all.
    """
    panels = build(release, results)
    prover = _Prover(release, panels, Solver(panels.space), only)
    faults = [
        *_names(prover),
        *_patterns(prover),
        *_red_flags(prover),
        *_recommendations(prover),
        *_never(prover),
        *_bands(prover),
        *_contradictions(release),
        *_cost(release),
    ]
    ways = panels.ways
    solver = prover.solver
    return Verdict(tuple(faults), len(ways), sum(map(len, ways.values())), solver.questions, solver.combinations)


@dataclass(frozen=True, slots=True)
class _Prover:
    """Questions put to the space, and the panels that answer them."""

    release: Release
    panels: PanelSpace
    solver: Solver
    only: Collection[str] | None = None

    def asked(self, ident: str) -> bool:
        """Whether a rule is asked about."""
        return self.only is None or ident in self.only

    def exists(self, *wanted: tuple[Part, frozenset[Truth]]) -> bool:
        """Whether there is a panel in which every part has one of its wanted truths."""
        return self.solver.possible(Question(wanted))

    def panel(self, *wanted: tuple[Part, frozenset[Truth]]) -> Panel | None:
        """Such a panel, of an adult and of one draw where there is one; None: there is none."""
        one_draw = self.panels.of_one_draw()
        for within in ({**one_draw, "age": self._adults()}, one_draw, {}):
            if (point := self.solver.ask(Question(wanted, within))) is not None:
                return self.panels.panel(point)
        return None

    def witness(self, *wanted: tuple[Part, frozenset[Truth]]) -> str:
        """Such a panel in words; empty where there is none."""
        panel = self.panel(*wanted)
        return in_one_line(panel) if panel else ""

    def _adults(self) -> frozenset[int]:
        """The ways of the age for which the values of the space were chosen."""
        ages = [way.patient.age if way.patient else None for way in self.panels.ways["age"]]
        return frozenset(
            place
            for place, age in enumerate(ages)
            if isinstance(age, StatedAge) and age.unit is AgeUnit.YEARS and age.number >= _ADULT
        )


# ---------------------------------------------------------------------------------------------- names


def _names(prover: _Prover) -> Iterator[Fault]:
    """Every name that a rule reads can be TRUE."""
    release = prover.release
    read: dict[Name, str] = {}
    rules: list[PatternRow | RedFlagRow] = [*release.patterns.values(), *release.red_flags.values()]
    for rule in (rule for rule in rules if prover.asked(rule.id)):
        for expression in _all_of_rule(rule):
            for name in _leaves(expression):
                read.setdefault(name, rule.id)
    for name, rule_id in read.items():
        if name.kind in ("pattern", "red_flag", "emergency"):
            continue
        if not prover.exists((name, TRUE)):
            reason = f"{name} can never be TRUE; mend the name, or what should make it"
            yield Fault(release.file_of(rule_id), rule_id, reason)


def _leaves(expression: Expression) -> Iterator[Name]:
    if isinstance(expression, Name):
        yield expression
    elif isinstance(expression, Combination):
        for part in expression.parts:
            yield from _leaves(part)


# ---------------------------------------------------------------------------------------------- patterns


def _all_of_rule(rule: PatternRow | RedFlagRow) -> Iterator[Expression]:
    if isinstance(rule, PatternRow):
        yield from (*rule.core, *rule.required, *rule.excluding)
        if rule.possible_when is not None:
            yield rule.possible_when
    yield from (level.when for level in rule.levels)
    yield from (row.when for row in rule.recommend if row.when is not None)


def _patterns(prover: _Prover) -> Iterator[Fault]:
    for rule in prover.release.patterns.values():
        if prover.asked(rule.id):
            yield from _pattern(prover, rule)


def _pattern(prover: _Prover, rule: PatternRow) -> Iterator[Fault]:
    file, here = prover.release.file_of(rule.id), Name("pattern", rule.id)
    found = prover.panel((here, TRUE))
    if found is None:
        yield _unmatched(prover, rule)
        return
    yield from _agrees(prover.release, rule, found)
    yield from _shown(prover, rule)
    for place, level in enumerate(rule.levels):
        if level.urgency <= rule.urgency:
            reason = f"raises to {level.urgency.name}, which is not above its own {rule.urgency.name}"
            yield Fault(file, f"{rule.id}.levels[{place}]", reason, in_one_line(found))
        elif not prover.exists((here, TRUE), (level.when, TRUE)):
            reason = f"never holds while it is MATCHED: {level.when}"
            yield Fault(file, f"{rule.id}.levels[{place}]", reason, in_one_line(found))
    for place, lower in enumerate(rule.lowers):
        if not prover.exists((here, TRUE), (lower.when, TRUE)):
            reason = f"never holds while it is MATCHED: {lower.when}"
            yield Fault(file, f"{rule.id}.lowers[{place}]", reason, in_one_line(found))
    yield from _brings(prover, rule.id, here, rule.recommend)
    for place, row in enumerate(rule.possible):
        if not prover.exists((here, UNKNOWN), (row.when, TRUE)):
            reason = f"never holds while it is POSSIBLE: {row.when}"
            yield Fault(file, f"{rule.id}.possible[{place}]", reason, prover.witness((here, UNKNOWN)))
    yield from _clauses(prover, rule)


def _unmatched(prover: _Prover, rule: PatternRow) -> Fault:
    """A pattern whose clauses exclude each other: the fewest that do, and a panel that meets all but one of them."""
    clauses: list[tuple[str, Part, frozenset[Truth]]] = [
        *((str(part), part, TRUE) for part in (*rule.core, *rule.required)),
        *((f"not {part}", part, NOT_TRUE) for part in rule.excluding),
    ]
    for clause in list(clauses):
        fewer = [other for other in clauses if other is not clause]
        if fewer and not prover.exists(*((part, truths) for _, part, truths in fewer)):
            clauses = fewer
    *others, last = clauses
    words = " and ".join(label for label, _, _ in clauses)
    reason = f"can never be MATCHED: no panel meets {words} together" if others else f"can never be MATCHED: {last[0]}"
    witness = prover.witness(*((part, truths) for _, part, truths in others)) if others else ""
    return Fault(prover.release.file_of(rule.id), rule.id, reason, witness)


def _agrees(release: Release, rule: PatternRow, panel: Panel) -> Iterator[Fault]:
    """The engine finds MATCHED what the space says is MATCHED, or what stands in its place."""
    report = interpret(release, panel)
    matched = {pattern.id for pattern in report.patterns if pattern.state is PatternState.MATCHED}
    stands = {rule.id, *(other.id for other in release.patterns.values() if rule.id in other.replaces)}
    if not matched & stands:
        reason = "the engine does not match what should be MATCHED"
        yield Fault(release.file_of(rule.id), rule.id, reason, in_one_line(panel))


def _shown(prover: _Prover, rule: PatternRow) -> Iterator[Fault]:
    """A pattern that another one always replaces is shadowed."""
    here = Name("pattern", rule.id)
    shadows = [other for other in prover.release.patterns.values() if rule.id in other.replaces]
    if not shadows:
        return
    apart = [(Name("pattern", other.id), NOT_TRUE) for other in shadows]
    if not prover.exists((here, TRUE), *apart):
        names = ", ".join(other.id for other in shadows)
        reason = f"is always replaced, by {names}"
        yield Fault(prover.release.file_of(rule.id), rule.id, reason, prover.witness((here, TRUE)))


def _brings(prover: _Prover, ident: str, here: Name, rows: Sequence[BringRow]) -> Iterator[Fault]:
    for place, row in enumerate(rows):
        if row.when is None:
            continue
        when = row.when
        if not prover.exists((here, TRUE), (when, TRUE)):
            reason = f"is never brought: {when} never holds with it"
            file = prover.release.file_of(ident)
            yield Fault(file, f"{ident}.recommend[{place}]", reason, prover.witness((here, TRUE)))


def _clauses(prover: _Prover, rule: PatternRow) -> Iterator[Fault]:
    """Every clause decides something: there is a panel in which the rule comes out otherwise without it."""
    apart = ((TRUE, NOT_TRUE), (NOT_TRUE, TRUE), (UNKNOWN, FALSE), (FALSE, UNKNOWN))
    for label, without in _without_a_clause(rule):
        if not any(prover.exists((rule, mine), (without, others)) for mine, others in apart):
            reason = f"decides nothing: without {label} every panel comes out the same; drop it"
            yield Fault(prover.release.file_of(rule.id), rule.id, reason, prover.witness((rule, TRUE)))


def _without_a_clause(rule: PatternRow) -> Iterator[tuple[str, PatternRow]]:
    """The rule without one clause, for each of them; a clause that stands alone cannot be dropped."""
    for name in ("core", "required", "excluding"):
        parts: tuple[Expression, ...] = getattr(rule, name)
        for place, part in enumerate(parts):
            if len(parts) > 1 or name != "core":
                rest = (*parts[:place], *parts[place + 1 :])
                yield f"{name} {part}", with_part(rule, (name,), rest)
            for dropped, smaller in _smaller(part):
                rest = (*parts[:place], smaller, *parts[place + 1 :])
                yield f"{dropped} in {name}", with_part(rule, (name,), rest)
    if rule.possible_when is not None:
        for dropped, smaller in _smaller(rule.possible_when):
            yield f"{dropped} in possible_when", replace(rule, possible_when=smaller)


def _smaller(expression: Expression) -> Iterator[tuple[Expression, Expression]]:
    """An expression without one of its parts, however deep, and the part."""
    if not isinstance(expression, Combination):
        return
    parts = expression.parts
    for place, part in enumerate(parts):
        if len(parts) > 1:
            yield part, Combination(expression.operator, (*parts[:place], *parts[place + 1 :]))
        for dropped, smaller in _smaller(part):
            yield dropped, Combination(expression.operator, (*parts[:place], smaller, *parts[place + 1 :]))


# ---------------------------------------------------------------------------------------------- red flags


def _red_flags(prover: _Prover) -> Iterator[Fault]:
    for rule in prover.release.red_flags.values():
        if rule.value_only or not prover.asked(rule.id):
            continue
        for place, level in enumerate(rule.levels):
            above = [(other.when, NOT_TRUE) for other in rule.levels if other.urgency > level.urgency]
            if not prover.exists((level.when, TRUE), *above):
                reason = f"{level.urgency.name} never decides: {level.when}"
                witness = prover.witness((level.when, TRUE))
                yield Fault("red_flags.toml", f"{rule.id}.levels[{place}]", reason, witness)
            yield from _level_clauses(prover, rule, level)
        yield from _brings(prover, rule.id, Name("red_flag", rule.id), rule.recommend)


def _level_clauses(prover: _Prover, rule: RedFlagRow, level: LevelRow) -> Iterator[Fault]:
    for dropped, smaller in _smaller(level.when):
        pairs = ((TRUE, NOT_TRUE), (NOT_TRUE, TRUE))
        if not any(prover.exists((level.when, mine), (smaller, others)) for mine, others in pairs):
            reason = f"{level.urgency.name}: {dropped} decides nothing; drop it"
            yield Fault("red_flags.toml", rule.id, reason, prover.witness((level.when, TRUE)))


# ---------------------------------------------------------------------------------------------- recommendations


def given(release: Release, row: RecommendationRow) -> Expression | None:
    """When a recommendation can be given, over names; None where words of a result bring it, which are no names.

    What satisfies a test is left out: it can only take away.
    """
    brought = list(_bringing(release, row))
    if not brought:
        return None
    parts: list[Expression] = [Combination("any", tuple(brought))]
    if row.needs is not None:
        parts.append(Combination("possible", (row.needs,)))
    withheld: list[Expression] = [Name("pattern", pattern.id) for pattern in release.withheld_by.get(row.id, ())]
    if row.withheld_when is not None:
        withheld.append(row.withheld_when)
    for pair in release.contradictions:
        if pair.loser == row.id and (winner := _certain(release, pair.winner)) is not None:
            withheld.append(winner)
    parts += [Combination("possible", (Combination("none", (part,)),)) for part in withheld]
    return Combination("all", tuple(parts))


def _bringing(release: Release, row: RecommendationRow) -> Iterator[Expression]:
    """Whatever brings a recommendation, over names."""
    yield from _brought(release, row.id)
    if row.when is not None:
        yield row.when
    for other in release.recommendations.values():
        if other.instead == row.id and other.withheld_when is not None:
            yield other.withheld_when


def _certain(release: Release, winner: str) -> Expression | None:
    """When the winner of a contradiction is given for certain: nothing takes it away again."""
    row = release.recommendations[winner]
    takes_away = (
        row.needs or row.withheld_when or row.satisfied_by or any(p.loser == winner for p in release.contradictions)
    )
    brought = [*_brought(release, winner), *([row.when] if row.when is not None else [])]
    return None if takes_away or not brought else Combination("any", tuple(brought))


def _brought(release: Release, ident: str) -> Iterator[Expression]:
    """What brings a recommendation: bands, patterns, red flags."""
    for analyte in release.analytes.values():
        for table in analyte.form.band_tables:
            for band in table.bands:
                here = Name("band", f"{analyte.id}.{band.band}")
                if ident in band.recommend:
                    yield here
                yield from (Combination("all", (here, also.when)) for also in band.also if ident in also.recommend)
    rules: list[PatternRow | RedFlagRow] = [*release.patterns.values(), *release.red_flags.values()]
    for rule in rules:
        here = Name("pattern" if isinstance(rule, PatternRow) else "red_flag", rule.id)
        for row in rule.recommend:
            if ident in row.recommend:
                yield here if row.when is None else Combination("all", (here, row.when))
    for pattern in release.patterns.values():
        for possible in pattern.possible:
            if ident in possible.recommend:
                yield Combination("all", (Combination("unknown", (Name("pattern", pattern.id),)), possible.when))


def _by_words(release: Release, ident: str) -> bool:
    """Whether a refusal, caution, issue, urgency, analyte or the engine itself brings a recommendation."""
    rows: list[RefusalRow | WordingRow] = [
        *release.refusals.values(),
        *release.cautions.values(),
        *release.issues.values(),
    ]
    turned = {row.when_later for row in release.recommendations.values()} | {
        row.when_same_day for row in release.recommendations.values()
    }
    return (
        any(ident in row.recommend for row in rows)
        or any(ident == row.contact for row in release.urgencies.values())
        or any(ident in analyte.form.recommend_when_refused for analyte in release.analytes.values())
        or ident in turned
        or ident in release.computations.vitamin_d.acute_phase_recommend
        or ident in ("PHONE_CRITICAL_RESULT", "REQUEST_NUMERIC_RESULT")
    )


def _recommendations(prover: _Prover) -> Iterator[Fault]:
    release = prover.release
    for row in (row for row in release.recommendations.values() if prover.asked(row.id)):
        expression = given(release, row)
        if expression is None:
            if not _by_words(release, row.id):
                yield Fault("recommendations.toml", row.id, "nothing brings it; name it in a band, rule or wording")
        elif not _by_words(release, row.id) and not prover.exists((expression, TRUE)):
            witness = prover.witness((Combination("any", tuple(_bringing(release, row))), TRUE))
            reason = "can never be given: what brings it is always withheld"
            yield Fault("recommendations.toml", row.id, reason, witness)
        if row.withheld_when is not None:
            when = row.withheld_when
            if not prover.exists((when, TRUE)):
                yield Fault("recommendations.toml", row.id, f"is never withheld: {when} never holds")


def _never(prover: _Prover) -> Iterator[Fault]:
    """What must never be given together with a fact is never given with it, over the whole space."""
    release = prover.release
    for row in (row for row in release.never if prover.asked(row.recommendation)):
        expression = given(release, release.recommendations[row.recommendation])
        if expression is None:
            continue
        if (found := prover.panel((expression, TRUE), (row.when, TRUE))) is not None:
            reason = f"can be given while {row.when}: {row.reason}"
            yield Fault("recommendations.toml", row.recommendation, reason, in_one_line(found))


# ---------------------------------------------------------------------------------------------- bands, pairs, cost


def _bands(prover: _Prover) -> Iterator[Fault]:
    """Every abnormal band is answered, and whatever a band raises, lowers or adds can hold beside it."""
    release = prover.release
    for analyte in release.analytes.values():
        if not prover.asked(analyte.id):
            continue
        for table in analyte.form.band_tables:
            for band in table.bands:
                file, key = f"analytes/{analyte.id}.toml", f"{table.id}.{band.band}"
                if band.side in ("low", "high") and not _answered(release, band):
                    unit, limit = next(iter(band.limits.items()))
                    reason = "is abnormal and brings neither contact nor a recommendation that stays"
                    yield Fault(file, key, reason, f"{analyte.id} {limit.text} {unit}")
                yield from _beside_band(prover, file, key, Name("band", f"{analyte.id}.{band.band}"), band)


def _answered(release: Release, band: BandRow) -> bool:
    """By contact, or by something that no result makes unnecessary."""
    lasting = [ident for ident in band.recommend if not release.recommendations[ident].satisfied_by]
    return bool(lasting) or (band.urgency > Urgency.NONE and bool(release.urgencies[band.urgency.name].contact))


def _beside_band(prover: _Prover, file: str, key: str, here: Name, band: BandRow) -> Iterator[Fault]:
    if here not in prover.panels.space.names:
        return
    rows: list[tuple[str, Expression]] = [
        *((f"raises[{place}]", row.when) for place, row in enumerate(band.raises) if row.when is not None),
        *((f"lowers[{place}]", row.when) for place, row in enumerate(band.lowers)),
        *((f"also[{place}]", row.when) for place, row in enumerate(band.also)),
    ]
    for label, when in rows:
        if not prover.exists((here, TRUE), (when, TRUE)):
            yield Fault(file, f"{key}.{label}", f"never holds in this band: {when}", prover.witness((here, TRUE)))
    for place, row in enumerate(band.raises):
        if row.urgency <= band.urgency:
            reason = f"raises to {row.urgency.name}, which is not above its own {band.urgency.name}"
            yield Fault(file, f"{key}.raises[{place}]", reason, prover.witness((here, TRUE)))


def _contradictions(release: Release) -> Iterator[Fault]:
    """No pair takes both away, alone or through others."""
    beats: Mapping[str, set[str]] = {}
    for pair in release.contradictions:
        beats = {**beats, pair.winner: {*beats.get(pair.winner, ()), pair.loser}}
        if pair.winner == pair.loser:
            yield Fault("recommendations.toml", pair.winner, "contradicts itself")
    for start in beats:
        seen, waiting = set(), list(beats[start])
        while waiting:
            one = waiting.pop()
            if one == start and start not in beats[start]:
                yield Fault("recommendations.toml", start, "takes itself away through what it beats; break the circle")
                break
            if one not in seen:
                seen.add(one)
                waiting += beats.get(one, ())


def _cost(release: Release) -> Iterator[Fault]:
    """Few rules are looked at for every panel, so that the cost of a panel does not grow with the rules."""
    rules: list[PatternRow | RedFlagRow] = [*release.patterns.values(), *release.red_flags.values()]
    always = [
        rule.id
        for rule in rules
        if not (isinstance(rule, PatternRow) and rule.scope == "specimen")
        and not (isinstance(rule, RedFlagRow) and rule.value_only)
        and set_off_by(rule) is None
    ]
    if len(always) > MOST_ALWAYS_LOOKED_AT:
        reason = "no name sets it off, so that every panel pays for it; give it a core clause that must be TRUE"
        yield from (Fault(release.file_of(ident), ident, reason) for ident in always)
