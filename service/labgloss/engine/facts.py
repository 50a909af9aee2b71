"""What is known of a panel, name by name, and the truth of expressions over it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from labgloss.domain.report import Urgency
from labgloss.domain.subject import Age
from labgloss.domain.truth import Truth, all_of, any_of, at_least
from labgloss.knowledge.expression import AgeClause, Combination, Expression, Name, names
from labgloss.knowledge.partition import in_range
from labgloss.knowledge.release import Release
from labgloss.knowledge.schema import AgeRange, LevelRow, PatternRow

# What a name has that nothing made TRUE: a rule that nothing set off is not met, and no result said it.
NOT_SAID: Mapping[str, Truth] = dict.fromkeys(
    ("pattern", "red_flag", "emergency", "final", "caution", "issue"), Truth.FALSE
)

# Kinds of names that a verdict makes, and what they come to in one of several cases.
_OF_VERDICTS = ("band", "class")
Case = Mapping[tuple[str, str], Truth]


@dataclass(frozen=True, slots=True)
class Facts:
    """Truths by kind and id. A name that is not listed has the truth that absence has for its kind."""

    release: Release
    age: Age | None
    known: Mapping[tuple[str, str], Truth] = field(default_factory=dict)
    absent: Mapping[str, Truth] = field(default_factory=dict)
    # Of each analyte whose class or band is one of several: what they come to in every case that remains.
    open_verdicts: Mapping[str, tuple[Case, ...]] = field(default_factory=dict)
    # The case that is looked at, by analyte.
    assumed: Mapping[str, Case] = field(default_factory=dict)

    def adding(self, kind: str, truths: Mapping[str, Truth]) -> Facts:
        """The facts with more of them known."""
        return self.knowing({(kind, ident): truth for ident, truth in truths.items()})

    def knowing(self, truths: Mapping[tuple[str, str], Truth]) -> Facts:
        """The facts with more of them known, of several kinds."""
        return Facts(self.release, self.age, {**self.known, **truths}, self.absent, self.open_verdicts, self.assumed)

    def truth(self, expression: Expression) -> Truth:
        """What an expression comes to; what it comes to in every band that remains is certain."""
        found = self._plain(expression)
        if found is not Truth.UNKNOWN or not self.open_verdicts or isinstance(expression, AgeClause):
            return found
        for analyte in _analytes_judged(self.release, expression):
            if analyte in self.open_verdicts and analyte not in self.assumed:
                cases = self.open_verdicts[analyte]
                in_cases = {replace(self, assumed={**self.assumed, analyte: case}).truth(expression) for case in cases}
                return in_cases.pop() if len(in_cases) == 1 else Truth.UNKNOWN
        return found

    def _plain(self, expression: Expression) -> Truth:
        if isinstance(expression, Name):
            return self._of_name(expression)
        if isinstance(expression, AgeClause):
            return Truth.of(in_range(self.age, AgeRange.model_construct(begin=expression.begin, end=expression.end)))
        if expression.operator in ("possible", "unknown"):
            # What is possible or not known is said of what is known, and not of a case.
            known = replace(self, assumed={}) if self.assumed else self
            either = known.truth(Combination("any", expression.parts))
            return Truth.of(either is Truth.UNKNOWN if expression.operator == "unknown" else either is not Truth.FALSE)
        parts = map(self._plain, expression.parts)
        match expression.operator:
            case "all":
                return all_of(parts)
            case "any":
                return any_of(parts)
            case "none":
                return ~any_of(parts)
            case _:
                return at_least(2 if expression.operator == "two_of" else 3, parts)

    def holds(self, expression: Expression | None) -> bool:
        """Whether an expression is TRUE; nothing asked holds."""
        return expression is None or self.truth(expression) is Truth.TRUE

    def level(self, levels: Sequence[LevelRow]) -> Urgency:
        """The highest urgency of which it is certain that a level asks for it, or for more."""
        for urgency in sorted({level.urgency for level in levels}, reverse=True):
            reaching = tuple(level.when for level in levels if level.urgency >= urgency)
            if self.holds(Combination("any", reaching)):
                return urgency
        return Urgency.NONE

    def of_pattern(self, rule: PatternRow) -> Truth:
        """TRUE is matched, UNKNOWN is possible, FALSE is not met (SP 0.2)."""
        if rule.excluding and self.holds(Combination("any", rule.excluding)):
            return Truth.FALSE
        required = self.truth(Combination("all", (*rule.core, *rule.required)))
        if rule.possible_when is not None:
            possible = required is not Truth.TRUE and self.holds(rule.possible_when)
            return Truth.UNKNOWN if possible else Truth.of(required is Truth.TRUE)
        if required is Truth.UNKNOWN and not any(self.holds(part) for part in rule.core):
            return Truth.FALSE
        return required

    def _of_name(self, name: Name) -> Truth:
        if name.kind == "group":
            return any_of(self._plain(member) for member in self.release.groups[name.id].members)
        if self.assumed and name.kind in _OF_VERDICTS:
            case = self.assumed.get(name.id.partition(".")[0], {})
            if (name.kind, name.id) in case:
                return case[name.kind, name.id]
        return self.known.get((name.kind, name.id), self.absent.get(name.kind, Truth.UNKNOWN))


@lru_cache(maxsize=16384)
def _analytes_judged(release: Release, part: Expression) -> tuple[str, ...]:
    """The analytes whose classes and bands an expression reads, through its groups."""
    found: list[str] = []
    for name in names(part):
        if name.kind == "group":
            for member in release.groups[name.id].members:
                found += _analytes_judged(release, member)
        elif name.kind in _OF_VERDICTS:
            found.append(name.id.partition(".")[0])
    return tuple(dict.fromkeys(found))
