"""Questions to a space of facts: a point that answers, or the proof that no point of the whole space does.

The three-valued logic is written as clauses: each part has one literal for TRUE and one for FALSE, each way of a
variable one of its own. A SAT solver then covers every combination; where it finds none, there is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from pysat.solvers import Cadical153

from labgloss.domain.truth import Truth
from labgloss.knowledge.expression import Combination
from labgloss.knowledge.schema import PatternRow, RedFlagRow
from labgloss.proofs.space import Definition, Leaf, Part, Ruled, Space

TRUE, FALSE, UNKNOWN = frozenset({Truth.TRUE}), frozenset({Truth.FALSE}), frozenset({Truth.UNKNOWN})
NOT_TRUE, NOT_FALSE = FALSE | UNKNOWN, TRUE | UNKNOWN


@dataclass(frozen=True, slots=True)
class Question:
    """What a point is looked for: one of a set of truths for each of several parts, all at once."""

    wanted: tuple[tuple[Part, frozenset[Truth]], ...]
    # Ways that some variables are kept to.
    within: Mapping[str, frozenset[int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Literals:
    """The literals of a part: TRUE, FALSE; UNKNOWN is neither."""

    true: int
    false: int


class Solver:
    """A space as clauses; what was asked once need not be written again."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._solver = Cadical153()
        self._last = 0
        self._always = self._literal()
        self._solver.add_clause([self._always])
        self._ways: dict[str, list[int]] = {}
        self._known: dict[object, _Literals] = {}
        self._asked: list[Part] = []
        self.questions = 0
        # The largest number of combinations that one question covered.
        self.combinations = 0

    def ask(self, question: Question) -> Mapping[str, int] | None:
        """A point in which every part has one of its wanted truths; None: no point of the space has.

        The point says as little as it can: what need not be said is left at its first way, which says nothing.
        """
        self.questions += 1
        self.combinations = max(self.combinations, self._space.points([part for part, _ in question.wanted]))
        assumed = self._assumed(question)
        if not self._solver.solve(assumptions=assumed):
            return None
        point = self._point()
        for variable in sorted(point):
            silent = self._ways[variable][0]
            if point[variable] and self._solver.solve(assumptions=[*assumed, silent]):
                point = self._point()
            if not point[variable]:
                assumed.append(silent)
        return {variable: place for variable, place in point.items() if place}

    def possible(self, question: Question) -> bool:
        """Whether some point answers; quicker than to find one that says little."""
        self.questions += 1
        self.combinations = max(self.combinations, self._space.points([part for part, _ in question.wanted]))
        return bool(self._solver.solve(assumptions=self._assumed(question)))

    def _assumed(self, question: Question) -> list[int]:
        assumed = [literal for part, truths in question.wanted for literal in self._wanted(self._of(part), truths)]
        for variable, ways in question.within.items():
            literals = self._of_variable(variable)
            assumed += [-literal for place, literal in enumerate(literals) if place not in ways]
        return assumed

    def _point(self) -> dict[str, int]:
        chosen = set(self._solver.get_model())
        return {
            variable: next(place for place, literal in enumerate(literals) if literal in chosen)
            for variable, literals in self._ways.items()
        }

    def _wanted(self, literals: _Literals, truths: frozenset[Truth]) -> list[int]:
        unwanted = set(Truth) - truths
        neither = self._or([literals.true, literals.false])
        each = {Truth.TRUE: literals.true, Truth.FALSE: literals.false, Truth.UNKNOWN: -neither}
        return [-each[truth] for truth in Truth if truth in unwanted]

    # ------------------------------------------------------------------------------------------ clauses

    def _literal(self) -> int:
        self._last += 1
        return self._last

    def _or(self, literals: Iterable[int]) -> int:
        """A literal that is true where any of these is."""
        found = list(dict.fromkeys(literals))
        if len(found) == 1:
            return found[0]
        if not found:
            return -self._always
        key = ("or", frozenset(found))
        if key not in self._known:
            here = self._literal()
            self._solver.add_clause([-here, *found])
            for literal in found:
                self._solver.add_clause([-literal, here])
            self._known[key] = _Literals(here, -here)
        return self._known[key].true

    def _and(self, literals: Iterable[int]) -> int:
        """A literal that is true where all of these are."""
        return -self._or(-literal for literal in literals)

    def _of_variable(self, variable: str) -> list[int]:
        """A literal for each way of a variable, exactly one of which is true."""
        if variable not in self._ways:
            literals = [self._literal() for _ in range(self._space.sizes[variable])]
            self._solver.add_clause(literals)
            for one, other in combinations(literals, 2):
                self._solver.add_clause([-one, -other])
            self._ways[variable] = literals
        return self._ways[variable]

    # ------------------------------------------------------------------------------------------ parts

    def _of(self, part: Part) -> _Literals:
        # A rule is known by its identity, so that it must outlive its clauses.
        key: object = id(part) if isinstance(part, PatternRow) else part
        if key not in self._known:
            self._asked.append(part)
            self._known[key] = self._written(part if isinstance(part, PatternRow) else self._space.definition(part))
        return self._known[key]

    def _written(self, definition: Definition | PatternRow | None) -> _Literals:
        match definition:
            case None:
                return _Literals(-self._always, -self._always)
            case Leaf():
                return self._leaf(definition)
            case Combination():
                return self._combination(definition.operator, [self._of(part) for part in definition.parts])
            case Ruled():
                if isinstance(definition.rule, PatternRow):
                    return self._pattern(definition.rule)
                return self._red_flag(definition.rule, definition.least)
            case PatternRow():
                return self._pattern(definition)
            case _:
                return self._of(definition)

    def _leaf(self, leaf: Leaf) -> _Literals:
        ways = self._of_variable(leaf.variable)
        return _Literals(
            self._or(way for way, truth in zip(ways, leaf.truths, strict=True) if truth is Truth.TRUE),
            self._or(way for way, truth in zip(ways, leaf.truths, strict=True) if truth is Truth.FALSE),
        )

    def _combination(self, operator: str, parts: Sequence[_Literals]) -> _Literals:
        any_true, all_false = self._or(p.true for p in parts), self._and(p.false for p in parts)
        match operator:
            case "all":
                return _Literals(self._and(p.true for p in parts), self._or(p.false for p in parts))
            case "any":
                return _Literals(any_true, all_false)
            case "none":
                return _Literals(all_false, any_true)
            case "possible":
                return _Literals(-all_false, all_false)
            case "unknown":
                known = self._or([any_true, all_false])
                return _Literals(-known, known)
            case _:
                number = 2 if operator == "two_of" else 3
                enough = self._at_least(number, [p.true for p in parts])
                return _Literals(enough, -self._at_least(number, [-p.false for p in parts]))

    def _at_least(self, number: int, literals: Sequence[int]) -> int:
        return self._or(self._and(group) for group in combinations(literals, number))

    def _pattern(self, rule: PatternRow) -> _Literals:
        """As `Facts.of_pattern`."""
        excluded = self._or(self._of(part).true for part in rule.excluding)
        needed = [self._of(part) for part in (*rule.core, *rule.required)]
        true = self._and([*(part.true for part in needed), -excluded])
        if rule.possible_when is not None:
            open_ = self._and([-excluded, -true, self._of(rule.possible_when).true])
        else:
            refuted = self._or(part.false for part in needed)
            core = self._or(self._of(part).true for part in rule.core)
            open_ = self._and([-excluded, -true, -refuted, core])
        return _Literals(true, -self._or([true, open_]))

    def _red_flag(self, rule: RedFlagRow, least: int) -> _Literals:
        holds = self._or(self._of(level.when).true for level in rule.levels if level.urgency >= least)
        return _Literals(holds, -holds)
