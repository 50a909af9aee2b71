"""The rules that two releases hold differently, each with a panel for which it makes a difference.

The panel is found in the space of the first release: a point where the rule of one holds and that of the other does
not, or where what a rule adds or leaves out is brought. Both releases then answer it; one that they answer alike is no
witness and is not given.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from labgloss.domain.panel import Panel
from labgloss.domain.report import Report
from labgloss.domain.truth import Truth
from labgloss.knowledge import schema
from labgloss.knowledge.expression import Combination, Expression
from labgloss.knowledge.release import Release, deciding
from labgloss.proofs.answers import Answers
from labgloss.proofs.panels import PanelSpace, build
from labgloss.proofs.places import parts
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
_WORDS = frozenset({"title", "text", "note", "source", "status", "number", "withheld_reason", "withholds_reason"})
# Points looked at for one rule before it is left without a witness.
_MOST_QUESTIONS = 40
_Wanted = tuple[tuple[Expression | schema.PatternRow, frozenset[Truth]], ...]


@dataclass(frozen=True, slots=True)
class RuleChange:
    """A rule that differs, in what, and a panel that is answered otherwise for it (None: none was found)."""

    kind: str
    id: str
    # "added", "removed", or some of: logic, urgency, recommendations, words, other.
    differs: tuple[str, ...]
    witness: Answers | None = None


@dataclass(frozen=True, slots=True)
class _Asked:
    """The space of the first release, and who answers questions to it."""

    panels: PanelSpace
    solver: Solver


def rule_changes(before: Release, after: Release, panels: Iterable[Panel] = ()) -> list[RuleChange]:
    """Every rule that differs, in the order of the files; `panels` are tried as witnesses as well."""
    found = list(_changed(before, after))
    if not any(_decides(change) for change, _, _ in found):
        return [change for change, _, _ in found]
    tried = [Answers.of(before, after, panel) for panel in panels]
    panels_of = build(before)
    asked = _Asked(panels_of, Solver(panels_of.space))
    return [
        RuleChange(change.kind, change.id, change.differs, _witness(before, after, asked, change, pair, tried))
        for change, *pair in found
    ]


def _decides(change: RuleChange) -> bool:
    return bool(set(change.differs) - {"words"})


_Rows = tuple[schema.Form, ...]


def _changed(before: Release, after: Release) -> Iterator[tuple[RuleChange, _Rows, _Rows]]:
    for kind, name in _ROWS:
        one, other = (_rows(getattr(release, name)) for release in (before, after))
        for ident in dict.fromkeys((*one, *other)):
            rows, changed = one.get(ident, ()), other.get(ident, ())
            if rows != changed:
                yield RuleChange(kind, ident, _differs(rows, changed)), rows, changed
    if before.contradictions != after.contradictions:
        yield RuleChange("contradiction", "contradictions", ("recommendations",)), (), ()
    for name in schema.ComputationsFile.model_fields:
        if getattr(before.computations, name) != getattr(after.computations, name):
            yield RuleChange("computation", name, ("logic",)), (), ()


def _rows(table: Mapping[str, object]) -> dict[str, _Rows]:
    return {ident: row if isinstance(row, tuple) else (row,) for ident, row in table.items()}


def _differs(rows: _Rows, changed: _Rows) -> tuple[str, ...]:
    """In what rows of one id differ."""
    if not rows or not changed:
        return ("added",) if changed else ("removed",)
    if len(rows) != len(changed):
        return ("logic",)
    fields = {
        name
        for row, other in zip(rows, changed, strict=True)
        for name in type(row).model_fields
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
    return tuple((name, getattr(row, name)) for name in type(row).model_fields if name not in skipped)


def _urgencies(row: schema.Form) -> object:
    names = ("urgency", "levels", "lowers", "urgency_of", "lowered_when_well", "possible")
    return tuple(_without_advice(getattr(row, name)) for name in names if name in type(row).model_fields)


def _without_advice(value: object) -> object:
    if not isinstance(value, tuple):
        return value
    return tuple((row.when, row.urgency) if hasattr(row, "when") else row for row in value)


def _brought(row: schema.Form) -> object:
    names = ("recommend", "withholds", "possible", "satisfied_by", "needs", "withheld_when", "instead")
    return tuple(
        tuple((part.when, part.recommend) for part in getattr(row, name)) if name == "possible" else getattr(row, name)
        for name in names
        if name in type(row).model_fields
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
    if not _decides(change):
        return None
    second: Answers | None = None
    for number, wanted in enumerate(_questions(pair)):
        if number == _MOST_QUESTIONS:
            break
        if (point := asked.solver.ask(Question(wanted))) is None:
            continue
        answers = Answers.of(before, after, asked.panels.panel(point))
        if _names(answers, change.id):
            return answers
        second = second or (answers if answers.changes else None)
    named = next((answers for answers in tried if _names(answers, change.id)), None)
    return named or second


def _names(answers: Answers, ident: str) -> bool:
    """Whether what differs is said of the rule: it is in one report and not in the other, or is said otherwise."""
    return _said_of(answers.before, ident) != _said_of(answers.after, ident)


def _said_of(report: Report, ident: str) -> list[object]:
    """What a report says under the id of a rule, and what it recommends because of it."""
    return [
        *((pattern.state, pattern.urgency) for pattern in report.patterns if pattern.id == ident),
        *((flag.urgency, flag.held) for flag in report.red_flags if flag.id == ident),
        *((finding.truth,) for finding in report.findings if finding.id == ident),
        *((step.id, step.urgency) for step in report.recommendations if ident in (step.id, *step.because)),
        *(
            (step.id,)
            for step in report.withheld_recommendations
            if ident in (step.id, step.withheld_by, *step.because)
        ),
    ]


def _questions(pair: Sequence[_Rows]) -> Iterator[_Wanted]:
    """Points at which the rule of one side holds and that of the other does not, then those where a condition of it
    is TRUE while it holds."""
    sides = [_holding(rows) for rows in pair]
    holds, fails = TRUE, NOT_TRUE
    for one, other in (sides, sides[::-1]):
        for part in one:
            yield from (((part, holds), (against, fails)) for against in other)
            if not other:
                yield ((part, holds),)
    for one, other in (sides, sides[::-1]):
        yield from (((part, UNKNOWN), (against, TRUE | FALSE)) for part in one for against in other)
    conditions = dict.fromkeys(part for rows in pair for row in rows for part in _conditions(row))
    for part in (*sides[0], *sides[1]):
        yield ((part, holds),)
        yield from (((part, holds), (condition, holds)) for condition in conditions)
        yield from (((part, UNKNOWN), (condition, holds)) for condition in conditions)
    if not any(sides):
        yield from (((condition, holds),) for condition in conditions)


def _holding(rows: _Rows) -> list[Expression | schema.PatternRow]:
    """What a rule is asked as: a pattern as itself, another rule as the conditions that make it."""
    found: list[Expression | schema.PatternRow] = []
    for row in rows:
        match row:
            case schema.PatternRow():
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


def _conditions(row: schema.Form) -> Iterator[Expression]:
    """The conditions of the parts of a row that only sometimes count."""
    for way, part in parts(row):
        if way and way[-1] in ("when", "needs", "withheld_when", "unless") and part is not None:
            yield part  # type: ignore[misc]
