"""The rules that two releases hold differently, each with a panel for which it makes a difference.

The panel is one of those that were asked anyway, else it is found in the space of the first release: a point where the
rule of one holds and that of the other does not, or where what a rule adds or leaves out is brought. Both releases then
answer it; one that they answer alike is no witness and is not given.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from labgloss.domain.panel import Panel, Result
from labgloss.domain.quantity import plain
from labgloss.domain.report import Report
from labgloss.domain.truth import Truth
from labgloss.knowledge import schema
from labgloss.knowledge.expression import Combination, Expression, Name, names
from labgloss.knowledge.release import Release, deciding
from labgloss.proofs.answers import Answers
from labgloss.proofs.panels import PanelSpace, build
from labgloss.proofs.places import parts
from labgloss.proofs.regions import probes
from labgloss.proofs.solver import FALSE, NOT_TRUE, TRUE, UNKNOWN, Question, Solver

# Rows that are no rule of several results, with their file: analytes have their regions.
_ROWS = (
    ("finding", "findings"),
    ("pattern", "patterns"),
    ("red flag", "red_flags"),
    ("recommendation", "recommendations"),
    ("group", "groups"),
    ("caution", "cautions"),
    ("issue", "issues"),
    ("refusal", "refusals"),
    ("symptom", "symptoms"),
    ("condition", "conditions"),
    ("medication", "medications"),
    ("association", "associations"),
)
# What an analyte holds beside its rows of limits.
_OF_ANALYTE = (
    "codes",
    "unsuitable_additives",
    "reference_change_percent",
    "recommend_when_refused",
    "unit_may_be_blank",
)
_WORDS = frozenset({"title", "text", "note", "source", "status", "number", "withheld_reason", "withholds_reason"})
# Points looked at for one rule before it is left without a witness.
_MOST_QUESTIONS = 40
_Wanted = tuple[tuple[Expression | schema.PatternRow, frozenset[Truth]], ...]


@dataclass(frozen=True, slots=True)
class RuleChange:
    """A rule that differs, in what, and a panel that is answered otherwise for it (None: none was found)."""

    kind: str
    id: str
    # "added", "removed", or some of: logic, urgency, recommendations, words, other; of an analyte, its fields.
    differs: tuple[str, ...]
    witness: Answers | None = None

    @property
    def decides(self) -> bool:
        """Whether an answer may differ for it beside its words."""
        return bool(set(self.differs) - {"words"})


@dataclass(eq=False)
class _Asked:
    """The space of a release, made when the first question is asked: that takes many seconds."""

    release: Release

    @cached_property
    def panels(self) -> PanelSpace:
        """The panel of each of its points."""
        return build(self.release)

    @cached_property
    def solver(self) -> Solver:
        """Who answers questions to it."""
        return Solver(self.panels.space)


@lru_cache(maxsize=1)
def _space_of(release: Release) -> _Asked:
    return _Asked(release)


def rule_changes(before: Release, after: Release, answered: Sequence[Answers] = ()) -> list[RuleChange]:
    """Every rule that differs, in the order of the files; panels that were `answered` are tried as witnesses first."""
    asked = _space_of(before)
    return [
        replace(change, witness=_witness(before, after, asked, change, pair, answered)) if change.decides else change
        for change, *pair in _changed(before, after)
    ]


# A band is asked for by its name.
_Rows = tuple[schema.Form | Name, ...]


def _changed(before: Release, after: Release) -> Iterator[tuple[RuleChange, _Rows, _Rows]]:
    for kind, name in _ROWS:
        one, other = (_rows(getattr(release, name)) for release in (before, after))
        for ident in dict.fromkeys((*one, *other)):
            rows, changed = one.get(ident, ()), other.get(ident, ())
            if rows != changed:
                yield RuleChange(kind, ident, _differs(rows, changed)), rows, changed
    yield from _bands(before, after)
    for ident in before.analytes:
        if ident in after.analytes:
            forms = (before.analytes[ident].form, after.analytes[ident].form)
            if fields := tuple(name for name in _OF_ANALYTE if getattr(forms[0], name) != getattr(forms[1], name)):
                yield RuleChange("analyte", ident, fields), (), ()
    if before.contradictions != after.contradictions:
        yield RuleChange("contradiction", "contradictions", ("recommendations",)), (), ()
    for name in schema.field_names(schema.ComputationsFile):
        if getattr(before.computations, name) != getattr(after.computations, name):
            yield RuleChange("computation", name, ("logic",)), (), ()
    if before.file.outside_validated_scope != after.file.outside_validated_scope:
        yield RuleChange("caution", "outside_validated_scope", ("logic",)), (), ()


def _bands(before: Release, after: Release) -> Iterator[tuple[RuleChange, _Rows, _Rows]]:
    """Bands that do other things in a context; what they do always, and their limits, have their regions."""
    sides = [
        {
            (analyte.id, table.id, band.band): band
            for analyte in release.analytes.values()
            for table in analyte.form.band_tables
            for band in table.bands
        }
        for release in (before, after)
    ]
    for key, one in sides[0].items():
        if (other := sides[1].get(key)) is None:
            continue
        differs = tuple(
            what
            for what, names in (("urgency", ("raises", "lowers", "value_alone")), ("recommendations", ("also",)))
            if any(getattr(one, name) != getattr(other, name) for name in names)
        )
        if differs:
            name = Name("band", f"{key[0]}.{key[2]}")
            yield RuleChange("band", f"{key[1]}.{key[2]}", differs), (name, one), (name, other)


def _rows(table: Mapping[str, object]) -> dict[str, tuple[schema.Form, ...]]:
    return {ident: row if isinstance(row, tuple) else (row,) for ident, row in table.items()}


def _differs(rows: Sequence[schema.Form], changed: Sequence[schema.Form]) -> tuple[str, ...]:
    """In what rows of one id differ."""
    if not rows or not changed:
        return ("added",) if changed else ("removed",)
    if len(rows) != len(changed):
        return ("logic",)
    fields = {
        name
        for row, other in zip(rows, changed, strict=True)
        for name in schema.field_names(row)
        if getattr(row, name) != getattr(other, name)
    }
    found = []
    if any(_logic(row) != _logic(other) for row, other in zip(rows, changed, strict=True)):
        found.append("logic")
    if any(_urgencies(row) != _urgencies(other) for row, other in zip(rows, changed, strict=True)):
        found.append("urgency")
    if any(_brought(row) != _brought(other) for row, other in zip(rows, changed, strict=True)):
        found.append("recommendations")
    if fields & _WORDS:
        found.append("words")
    return tuple(found) or ("other",)


def _logic(row: schema.Form) -> object:
    """What decides whether a rule holds."""
    if isinstance(row, schema.PatternRow | schema.RedFlagRow):
        return tuple(deciding(row))
    skipped = {*_WORDS, "recommend", "urgency"}
    return tuple(item for item in schema.items_of(row) if item[0] not in skipped)


def _urgencies(row: schema.Form) -> object:
    names = ("urgency", "levels", "lowers", "urgency_of", "lowered_when_well", "possible")
    return tuple(_without_advice(getattr(row, name)) for name in names if name in schema.field_names(row))


def _without_advice(value: object) -> object:
    if not isinstance(value, tuple):
        return value
    return tuple((row.when, row.urgency) if hasattr(row, "when") else row for row in value)


def _brought(row: schema.Form) -> object:
    names = ("recommend", "withholds", "possible", "satisfied_by", "needs", "withheld_when", "instead")
    return tuple(
        tuple((part.when, part.recommend) for part in getattr(row, name)) if name == "possible" else getattr(row, name)
        for name in names
        if name in schema.field_names(row)
    )


# ---------------------------------------------------------------------------------------------- witnesses


def _witness(
    before: Release,
    after: Release,
    asked: _Asked,
    change: RuleChange,
    pair: Sequence[_Rows],
    tried: Sequence[Answers],
) -> Answers | None:
    """A panel that is answered otherwise, and names the rule in what differs where it can."""
    idents = (change.id, *(row.id for rows in pair for row in rows if isinstance(row, Name)))
    named = next((answers for answers in tried if _names(answers, idents)), None)
    if named is not None:
        return named
    second: Answers | None = None
    for number, wanted in enumerate(_questions(before, pair)):
        if number == _MOST_QUESTIONS:
            break
        if (point := asked.solver.ask(Question(wanted))) is None:
            continue
        for panel in _with_values(asked.panels.panel(point), pair):
            answers = Answers.of(before, after, panel)
            if _names(answers, idents):
                return answers
            second = second or (answers if answers.changes else None)
    return second


def _with_values(panel: Panel, pair: Sequence[_Rows]) -> Iterator[Panel]:
    """The panel; then, for a finding of an analyte, with a value of it on each side of each of its limits."""
    yield panel
    findings = [row for rows in pair for row in rows if isinstance(row, schema.FindingRow) and row.limits]
    for analyte in dict.fromkeys(row.analyte for row in findings):
        unit = next(unit for row in findings if row.analyte == analyte for unit in row.limits)
        limits = [row.limits[unit] for row in findings if row.analyte == analyte and unit in row.limits]
        others = [result for result in panel.results if result.analyte != analyte]
        for probe in probes(number for limit in limits for number in limit.numbers):
            result = Result(len(others), analyte=analyte, value=plain(probe.value), unit=unit)
            yield replace(panel, results=(*(replace(one, index=n) for n, one in enumerate(others)), result))


def _names(answers: Answers, idents: Sequence[str]) -> bool:
    """Whether what differs is said of the rule: it is in one report and not in the other, or is said otherwise."""
    return any(_said_of(answers.before, ident) != _said_of(answers.after, ident) for ident in idents)


def _said_of(report: Report, ident: str) -> list[object]:
    """What a report says under the id of a rule, and what it recommends because of it."""
    return [
        *((pattern.state, pattern.urgency) for pattern in report.patterns if pattern.id == ident),
        *((flag.urgency, flag.held) for flag in report.red_flags if flag.id == ident),
        *((finding.truth,) for finding in report.findings if finding.id == ident),
        *((entry.urgency,) for entry in report.results if ident in [f"{entry.analyte}.{band}" for band in entry.bands]),
        *((step.id, step.urgency) for step in report.recommendations if ident in (step.id, *step.because)),
        *(
            (step.id,)
            for step in report.withheld_recommendations
            if ident in (step.id, step.withheld_by, *step.because)
        ),
    ]


def _questions(release: Release, pair: Sequence[_Rows]) -> Iterator[_Wanted]:
    """Points at which the rule of one side holds and that of the other does not, then those where a condition of it
    is TRUE while it holds; for a finding, those where a rule that reads it holds."""
    sides = [_holding(rows) for rows in pair]
    holds, fails = TRUE, NOT_TRUE
    for one, other in (sides, sides[::-1]):
        for part in one:
            yield from (((part, holds), (against, fails)) for against in other)
            if not other:
                yield ((part, holds),)
    for finding, rule in _read_by(release, pair):
        yield ((rule, holds), (finding, holds))
        yield ((rule, holds),)
    for one, other in (sides, sides[::-1]):
        yield from (((part, UNKNOWN), (against, TRUE | FALSE)) for part in one for against in other)
    conditions = dict.fromkeys(part for rows in pair for row in rows for part in _conditions(row))
    for part in (*sides[0], *sides[1]):
        yield ((part, holds),)
        yield from (((part, holds), (condition, holds)) for condition in conditions)
        yield from (((part, UNKNOWN), (condition, holds)) for condition in conditions)
    if not any(sides):
        yield from (((condition, holds),) for condition in conditions)


def _read_by(release: Release, pair: Sequence[_Rows]) -> Iterator[tuple[Name, Expression | schema.PatternRow]]:
    """A finding that differs with each pattern and red flag that reads it, as what these are asked as."""
    findings = dict.fromkeys(
        Name("finding", row.id) for rows in pair for row in rows if isinstance(row, schema.FindingRow)
    )
    rules: tuple[schema.PatternRow | schema.RedFlagRow, ...] = (
        *release.patterns.values(),
        *release.red_flags.values(),
    )
    for rule in rules:
        read = {name for expression in deciding(rule) for name in names(expression)}
        for finding in findings:
            if finding in read:
                yield from ((finding, part) for part in _holding((rule,)))


def _holding(rows: _Rows) -> list[Expression | schema.PatternRow]:
    """What a rule is asked as: a pattern as itself, a band by its name, another rule as the conditions that make it."""
    found: list[Expression | schema.PatternRow] = []
    for row in rows:
        match row:
            case schema.PatternRow() | Name():
                found.append(row)
            case schema.RedFlagRow() if row.levels:
                found += [level.when for level in row.levels]
                found.append(Combination("any", tuple(level.when for level in row.levels)))
            case schema.GroupRow():
                found.append(Combination("any", row.members))
            case schema.FindingRow() if row.when is not None:
                found.append(row.when)
            case schema.RecommendationRow() if row.when is not None:
                found.append(row.when)
    return found


def _conditions(row: schema.Form | Name) -> Iterator[Expression]:
    """The conditions of the parts of a row that only sometimes count."""
    for way, part in parts(row):
        if way and way[-1] in ("when", "needs", "withheld_when", "unless") and part is not None:
            yield part  # type: ignore[misc]
