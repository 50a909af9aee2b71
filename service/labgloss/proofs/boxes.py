"""A space of facts cut into boxes until each is decided: every point is covered, none is sampled.

A variable is one thing that a panel says, with every way in which it may say it; a box is a set of ways for each.
A name of the knowledge is a function of one variable, or an expression over other names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod

from labgloss.knowledge.expression import AgeClause, Combination, Expression, Name
from labgloss.knowledge.release import Release
from labgloss.knowledge.schema import PatternRow, RedFlagRow
from labgloss.proofs import masks

Box = dict[str, int]
# Boxes after which a question counts as not decided.
MOST_BOXES = 200_000


@dataclass(frozen=True, slots=True)
class Leaf:
    """A name that one variable decides: for each truth, the ways (as bits) in which it has it."""

    variable: str
    true: int
    false: int
    unknown: int


@dataclass(frozen=True, slots=True)
class Ruled:
    """A name that a rule decides: a pattern's truth, or whether a red flag holds at least at an urgency."""

    rule: PatternRow | RedFlagRow
    least: int = 0


Definition = Leaf | Ruled | Combination | Name | AgeClause


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
        if isinstance(part, Combination):
            return part
        return self.names.get(part)

    def whole(self, support: frozenset[str]) -> Box:
        """Every way of these variables."""
        return {variable: (1 << self.sizes[variable]) - 1 for variable in support}

    def points(self, support: frozenset[str]) -> int:
        """How many combinations these variables have."""
        return prod(self.sizes[variable] for variable in support)


@dataclass(frozen=True, slots=True)
class Question:
    """What a point is looked for: a set of truths for each of several parts, all at once."""

    wanted: tuple[tuple[Expression | PatternRow, int], ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """A point, or none in the whole space; and how much was looked at."""

    point: Mapping[str, int] | None
    boxes: int
    points: int


class Undecided(Exception):  # noqa: N818 - an outcome of the search, named as such
    """More boxes than `MOST_BOXES` were needed."""


def ask(space: Space, question: Question) -> Answer:
    """A point in which every part has one of its wanted truths, or the proof that there is none."""
    support: frozenset[str] = frozenset()
    for part, _ in question.wanted:
        support |= support_of(space, part)
    waiting: list[Box] = [space.whole(support)]
    boxes, points = 0, space.points(support)
    while waiting:
        box = waiting.pop()
        boxes += 1
        if boxes > MOST_BOXES:
            raise Undecided
        reader = _Reader(space, box)
        open_part: Expression | PatternRow | None = None
        for part, wanted in question.wanted:
            mask = reader.mask(part)
            if not mask & wanted:
                break
            if open_part is None and mask & ~wanted:
                open_part = part
        else:
            if open_part is None:
                return Answer({variable: _lowest(ways) for variable, ways in box.items()}, boxes, points)
            variable = reader.to_split(open_part)
            waiting += _halves(box, variable)
    return Answer(None, boxes, points)


def _lowest(ways: int) -> int:
    return (ways & -ways).bit_length() - 1


def _halves(box: Box, variable: str) -> list[Box]:
    """The box cut in two along a variable; the half with its first ways is looked at first."""
    ways = [place for place in range(box[variable].bit_length()) if box[variable] >> place & 1]
    middle = len(ways) // 2
    first, second = (sum(1 << place for place in part) for part in (ways[:middle], ways[middle:]))
    return [{**box, variable: second}, {**box, variable: first}]


def support_of(space: Space, part: Expression | PatternRow, seen: frozenset[Name] = frozenset()) -> frozenset[str]:
    """The variables that a part rests on, through everything that it names."""
    if isinstance(part, PatternRow):
        return frozenset().union(*(support_of(space, piece, seen) for piece in _pieces(part)))
    if isinstance(part, Combination):
        return frozenset().union(*(support_of(space, piece, seen) for piece in part.parts))
    if isinstance(part, Name) and part in seen:
        return frozenset()
    definition = space.definition(part)
    inside = seen | {part} if isinstance(part, Name) else seen
    match definition:
        case None:
            return frozenset()
        case Leaf():
            return frozenset((definition.variable,))
        case Ruled():
            return frozenset().union(*(support_of(space, piece, inside) for piece in _pieces(definition.rule)))
        case _:
            return support_of(space, definition, inside)


def _pieces(rule: PatternRow | RedFlagRow) -> list[Expression]:
    if isinstance(rule, RedFlagRow):
        return [level.when for level in rule.levels]
    possible = [rule.possible_when] if rule.possible_when is not None else []
    return [*rule.core, *rule.required, *rule.excluding, *possible]


class _Reader:
    """What every part may be in one box."""

    def __init__(self, space: Space, box: Box) -> None:
        self._space, self._box = space, box
        self._known: dict[Name, int] = {}

    def mask(self, part: Expression | PatternRow) -> int:
        """The truths that a part may have."""
        if isinstance(part, PatternRow):
            return self._pattern(part)
        if isinstance(part, Combination):
            return self._combination(part)
        if isinstance(part, Name) and part in self._known:
            return self._known[part]
        definition = self._space.definition(part)
        mask = masks.UNKNOWN if definition is None else self._defined(definition)
        if isinstance(part, Name):
            self._known[part] = mask
        return mask

    def _defined(self, definition: Definition) -> int:
        if isinstance(definition, Leaf):
            ways = self._box[definition.variable]
            return (
                (masks.TRUE if ways & definition.true else 0)
                | (masks.FALSE if ways & definition.false else 0)
                | (masks.UNKNOWN if ways & definition.unknown else 0)
            )
        if isinstance(definition, Ruled):
            if isinstance(definition.rule, PatternRow):
                return self._pattern(definition.rule)
            return masks.disjunction(
                masks.HOLDS[self.mask(level.when)]
                for level in definition.rule.levels
                if level.urgency >= definition.least
            )
        return self.mask(definition)

    def _combination(self, part: Combination) -> int:
        match part.operator:
            case "all":
                return masks.conjunction(self.mask(item) for item in part.parts)
            case "any":
                return masks.disjunction(self.mask(item) for item in part.parts)
            case "none":
                return masks.NOT[masks.disjunction(self.mask(item) for item in part.parts)]
            case "possible":
                return masks.POSSIBLE[masks.disjunction(self.mask(item) for item in part.parts)]
            case "unknown":
                return masks.IS_UNKNOWN[masks.disjunction(self.mask(item) for item in part.parts)]
            case _:
                number = 2 if part.operator == "two_of" else 3
                return masks.at_least(number, [self.mask(item) for item in part.parts])

    def _pattern(self, rule: PatternRow) -> int:
        """As `Facts.of_pattern`, over sets of truths."""
        excluded = masks.disjunction(masks.HOLDS[self.mask(part)] for part in rule.excluding)
        if excluded == masks.TRUE:
            return masks.FALSE
        required = masks.conjunction(self.mask(part) for part in (*rule.core, *rule.required))
        found = masks.FALSE if excluded & masks.TRUE else 0
        if rule.possible_when is not None:
            possible = masks.HOLDS[self.mask(rule.possible_when)]
            found |= required & masks.TRUE
            if required & (masks.FALSE | masks.UNKNOWN):
                found |= masks.UNKNOWN if possible & masks.TRUE else 0
                found |= masks.FALSE if possible & masks.FALSE else 0
            return found
        found |= required & (masks.TRUE | masks.FALSE)
        if required & masks.UNKNOWN:
            core = masks.disjunction(masks.HOLDS[self.mask(part)] for part in rule.core)
            found |= masks.UNKNOWN if core & masks.TRUE else 0
            found |= masks.FALSE if core & masks.FALSE else 0
        return found

    def to_split(self, part: Expression | PatternRow) -> str:
        """A variable of which not everything is decided, on the way to deciding a part."""
        variable = next(self._open(part), None)
        assert variable is not None, "a part that is open rests on a variable that is open"
        return variable

    def _open(self, part: Expression | PatternRow) -> Iterator[str]:
        if isinstance(part, PatternRow):
            pieces: Sequence[Expression] = _pieces(part)
        elif isinstance(part, Combination):
            pieces = part.parts
        else:
            definition = self._space.definition(part)
            if isinstance(definition, Leaf):
                ways = self._box[definition.variable]
                if ways & (ways - 1) and not masks.single(self._defined(definition)):
                    yield definition.variable
                return
            if definition is None:
                return
            if not isinstance(definition, Ruled):
                yield from self._open(definition)
                return
            pieces = _pieces(definition.rule)
        for piece in pieces:
            if not masks.single(self.mask(piece)):
                yield from self._open(piece)
        # Each piece is decided and the whole is not: what they share is open still.
        for piece in pieces:
            yield from self._shared(piece)

    def _shared(self, part: Expression) -> Iterator[str]:
        for variable in sorted(support_of(self._space, part)):
            ways = self._box[variable]
            if ways & (ways - 1):
                yield variable
