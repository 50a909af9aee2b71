"""What is known of a panel, name by name, and the truth of expressions over it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from labgloss.domain.subject import Age
from labgloss.domain.truth import Truth, all_of, any_of, at_least
from labgloss.knowledge.expression import AgeClause, Expression, Name
from labgloss.knowledge.partition import in_range
from labgloss.knowledge.release import Release
from labgloss.knowledge.schema import AgeRange, PatternRow

# What a name has that nothing made TRUE: a rule that nothing set off is not met, and no result said it.
NOT_SAID: Mapping[str, Truth] = dict.fromkeys(
    ("pattern", "red_flag", "emergency", "final", "caution", "issue"), Truth.FALSE
)


@dataclass(frozen=True, slots=True)
class Facts:
    """Truths by kind and id. A name that is not listed has the truth that absence has for its kind."""

    release: Release
    age: Age | None
    known: Mapping[tuple[str, str], Truth] = field(default_factory=dict)
    absent: Mapping[str, Truth] = field(default_factory=dict)

    def adding(self, kind: str, truths: Mapping[str, Truth]) -> Facts:
        """The facts with more of them known."""
        added = {(kind, ident): truth for ident, truth in truths.items()}
        return replace(self, known={**self.known, **added})

    def knowing(self, truths: Mapping[tuple[str, str], Truth]) -> Facts:
        """The facts with more of them known, of several kinds."""
        return replace(self, known={**self.known, **truths})

    def truth(self, expression: Expression) -> Truth:
        """What an expression comes to."""
        if isinstance(expression, Name):
            return self._of_name(expression)
        if isinstance(expression, AgeClause):
            return Truth.of(in_range(self.age, AgeRange.model_construct(begin=expression.begin, end=expression.end)))
        parts = (self.truth(part) for part in expression.parts)
        match expression.operator:
            case "all":
                return all_of(parts)
            case "any":
                return any_of(parts)
            case "none":
                return ~any_of(parts)
            case "two_of" | "three_of":
                return at_least(2 if expression.operator == "two_of" else 3, parts)
            case "possible":
                return Truth.of(any_of(parts) is not Truth.FALSE)
            case _:
                return Truth.of(any_of(parts) is Truth.UNKNOWN)

    def holds(self, expression: Expression | None) -> bool:
        """Whether an expression is TRUE; nothing asked holds."""
        return expression is None or self.truth(expression) is Truth.TRUE

    def of_pattern(self, rule: PatternRow) -> Truth:
        """TRUE is matched, UNKNOWN is possible, FALSE is not met (SP 0.2)."""
        if any(self.holds(part) for part in rule.excluding):
            return Truth.FALSE
        required = all_of(self.truth(part) for part in (*rule.core, *rule.required))
        if rule.possible_when is not None:
            possible = required is not Truth.TRUE and self.holds(rule.possible_when)
            return Truth.UNKNOWN if possible else Truth.of(required is Truth.TRUE)
        if required is Truth.UNKNOWN and not any(self.holds(part) for part in rule.core):
            return Truth.FALSE
        return required

    def _of_name(self, name: Name) -> Truth:
        if name.kind == "group":
            return any_of(self.truth(member) for member in self.release.groups[name.id].members)
        return self.known.get((name.kind, name.id), self.absent.get(name.kind, Truth.UNKNOWN))
