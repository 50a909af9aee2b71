"""A space of facts: variables with the ways in which a panel may say something, and what each name is over them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import prod

from labgloss.domain.truth import Truth
from labgloss.knowledge.expression import AgeClause, Combination, Expression, Name
from labgloss.knowledge.release import Release
from labgloss.knowledge.schema import PatternRow, RedFlagRow


@dataclass(frozen=True, slots=True)
class Leaf:
    """A name that one variable decides: its truth in each way of the variable."""

    variable: str
    truths: tuple[Truth, ...]


@dataclass(frozen=True, slots=True)
class Ruled:
    """A name that a rule decides: a pattern's truth, or whether a red flag holds at least at an urgency."""

    rule: PatternRow | RedFlagRow
    least: int = 0


Definition = Leaf | Ruled | Combination | Name | AgeClause
# What may be asked of: an expression, or a rule that no release holds (one without a clause).
Part = Expression | PatternRow


@dataclass(eq=False)
class Space:
    """Variables with the number of their ways, and what each name is."""

    release: Release
    sizes: dict[str, int] = field(default_factory=dict)
    names: dict[Name, Definition] = field(default_factory=dict)
    ages: Callable[[AgeClause], Leaf] | None = None

    def definition(self, part: Expression) -> Definition | None:
        """What decides a part of an expression; None: nothing, it stays UNKNOWN."""
        if isinstance(part, AgeClause):
            return self.ages(part) if self.ages else None
        return part if isinstance(part, Combination) else self.names.get(part)

    def points(self, parts: Sequence[Part]) -> int:
        """How many combinations the variables have that these parts rest on."""
        support: set[str] = set()
        seen: set[Name] = set()
        for part in parts:
            self._rests_on(part, support, seen)
        return prod(self.sizes[variable] for variable in support)

    def _rests_on(self, part: Part, support: set[str], seen: set[Name]) -> None:
        if isinstance(part, Name):
            if part in seen:
                return
            seen.add(part)
        definition = part if isinstance(part, PatternRow) else self.definition(part)
        if isinstance(definition, Leaf):
            support.add(definition.variable)
        for inside in parts_of(definition):
            self._rests_on(inside, support, seen)


def parts_of(definition: Definition | PatternRow | None) -> Sequence[Expression]:
    """The expressions that a definition rests on."""
    match definition:
        case Combination():
            return definition.parts
        case Name():
            return (definition,)
        case Ruled():
            rule = definition.rule
            return [level.when for level in rule.levels] if isinstance(rule, RedFlagRow) else parts_of(rule)
        case PatternRow():
            possible = [definition.possible_when] if definition.possible_when is not None else []
            return [*definition.core, *definition.required, *definition.excluding, *possible]
        case _:
            return ()
