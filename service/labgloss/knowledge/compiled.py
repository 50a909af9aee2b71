"""The expressions of a release as bit tests over names, each compiled when it is asked for first.

Every name that an expression reads has a bit, and so has every range of ages. What is known of a panel is two numbers:
the bits of the names that are TRUE, and of those that are FALSE; the others are UNKNOWN. An `any` of twenty names is
then one `&` with each of them. `engine.facts` walks the same expressions where a release is not to be compiled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from labgloss.domain.report import Urgency
from labgloss.domain.subject import Age
from labgloss.domain.truth import FALSE, TRUE, UNKNOWN, Truth
from labgloss.knowledge import schema
from labgloss.knowledge.expression import AgeClause, Combination, Expression, Name, names
from labgloss.knowledge.partition import in_range

if TYPE_CHECKING:
    from labgloss.knowledge.release import Release


# Says what an expression comes to by what is known, and not in one of several cases (`possible`, `unknown`).
Ask = Callable[[Expression], Truth]
# What an expression comes to, by the bits that are TRUE and those that are FALSE.
Test = Callable[[int, int, Ask], Truth]

# A name by kind and id, or by its id alone.
Named = TypeVar("Named", tuple[str, str], str)

# Kinds of names that a verdict makes.
OF_VERDICTS = ("band", "class")


class Compiled:
    """The tests of a release, by the identity of its expressions.

    An expression that was made on the way has no test: its identity may be that of another one later.
    """

    def __init__(self, release: Release) -> None:
        self._groups = release.groups
        self._patterns, self._red_flags = release.patterns, release.red_flags
        # Held here, so that an identity stands for one expression only.
        self._lasting = {id(part): part for whole in expressions_of(release) for part in _parts(whole)}
        self.bits: dict[tuple[str, str], int] = {}
        # The same by kind; and all of a kind together.
        self.bits_of: dict[str, dict[str, int]] = {}
        self.of_kind: dict[str, int] = {}
        ages: dict[AgeClause, int] = {}
        for part in self._lasting.values():
            if isinstance(part, Name) and part.kind != "group" and (part.kind, part.id) not in self.bits:
                bit = 1 << len(self.bits) + len(ages)
                self.bits[part.kind, part.id] = bit
                self.bits_of.setdefault(part.kind, {})[part.id] = bit
                self.of_kind[part.kind] = self.of_kind.get(part.kind, 0) | bit
            elif isinstance(part, AgeClause) and part not in ages:
                ages[part] = 1 << len(self.bits) + len(ages)
        self._ages = ages
        self._names = {bit: name for name, bit in self.bits.items()}
        self._named = sum(self._names)
        self._ranges = tuple((schema.AgeRange(begin=clause.begin, end=clause.end), bit) for clause, bit in ages.items())
        # Those that were asked for, by the identity of their expression.
        self.made: dict[int, Test] = {}
        self._judged: dict[int, tuple[str, ...]] = {}
        self._levels: dict[int, tuple[Sequence[schema.LevelRow], tuple[tuple[Urgency, Expression], ...]]] = {}
        self._reads: dict[int, tuple[int, frozenset[str]]] = {}
        self._decides: dict[int, tuple[Test, frozenset[str]]] = {}

    def __getstate__(self) -> dict[str, object]:
        """What can be kept for another process: no identity, and no test that goes by one."""
        own: dict[str, object] = {"made": {}, "_judged": {}, "_levels": {}, "_reads": {}, "_decides": {}}
        return {**vars(self), **own, "_lasting": tuple(self._lasting.values())}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._lasting = {id(part): part for part in state["_lasting"]}

    def test(self, expression: Expression) -> Test | None:
        """The test of an expression of the release; None for any other."""
        found = self.made.get(id(expression))
        if found is None and id(expression) in self._lasting:
            found = self.made[id(expression)] = self._test(expression)
        return found

    def of_age(self, age: Age | None) -> tuple[int, int]:
        """The bits of the ranges of ages that an age lies in, and of those that it does not."""
        true = false = 0
        for ages, bit in self._ranges:
            inside = in_range(age, ages)
            if inside:
                true |= bit
            elif inside is not None:
                false |= bit
        return true, false

    def names_of(self, bits: int) -> Iterator[tuple[str, str]]:
        """The names whose bits are set."""
        bits &= self._named
        while bits:
            bit = bits & -bits
            yield self._names[bit]
            bits ^= bit

    def judged(self, expression: Expression) -> tuple[str, ...]:
        """The analytes whose classes and bands an expression of the release reads, through its groups."""
        found = self._judged.get(id(expression))
        if found is None:
            found = self._judged[id(expression)] = tuple(dict.fromkeys(self._analytes_judged(expression)))
        return found

    def levels(self, rows: Sequence[schema.LevelRow]) -> tuple[tuple[Urgency, Expression], ...] | None:
        """The urgencies of levels, the highest first, each with what asks for it or for more; None: not its own."""
        of, found = self._levels.get(id(rows), (None, ()))
        if of is rows:
            return found
        if not all(id(row.when) in self._lasting for row in rows):
            return None
        found = tuple(
            (urgency, self._lasting_any(row.when for row in rows if row.urgency >= urgency))
            for urgency in sorted({row.urgency for row in rows}, reverse=True)
        )
        self._levels[id(rows)] = rows, found
        return found

    def decides(self, rule: schema.PatternRow) -> tuple[Test, frozenset[str]] | None:
        """Whether a pattern of the release holds or is possible (SP 0.2), and the analytes whose bands and classes
        decide it; None for a pattern that is not the release's."""
        found = self._decides.get(id(rule))
        if found is None and self._patterns.get(rule.id) is rule:
            read = [*rule.core, *rule.required, *rule.excluding]
            read += [] if rule.possible_when is None else [rule.possible_when]
            judged = frozenset(analyte for part in read for analyte in self._analytes_judged(part))
            found = self._decides[id(rule)] = self._decided(rule), judged
        return found

    def reads(self, rule: schema.PatternRow | schema.RedFlagRow) -> tuple[int, frozenset[str]] | None:
        """The bits of all that a rule of the release reads, and the analytes whose bands and classes are among it."""
        found = self._reads.get(id(rule))
        if found is None and (self._patterns.get(rule.id) is rule or self._red_flags.get(rule.id) is rule):
            read = tuple(of_row(rule))
            judged = frozenset(analyte for part in read for analyte in self._analytes_judged(part))
            found = self._reads[id(rule)] = self._mask(read), judged
        return found

    # ------------------------------------------------------------------------------------------ tests

    def _mask(self, expressions: Iterable[Expression]) -> int:
        """The bits of every name and age that expressions read, through groups."""
        found = 0
        for expression in expressions:
            if isinstance(expression, AgeClause):
                found |= self._ages[expression]
            elif isinstance(expression, Combination):
                found |= self._mask(expression.parts)
            elif expression.kind == "group":
                found |= self._mask(self._groups[expression.id].members)
            else:
                found |= self.bits[expression.kind, expression.id]
        return found

    def _lasting_any(self, parts: Iterable[Expression]) -> Expression:
        """An expression that is kept from now on."""
        made = Combination("any", tuple(parts))
        self._lasting[id(made)] = made
        return made

    def _test(self, expression: Expression) -> Test:
        if not isinstance(expression, Combination):
            return self._any((expression,))
        match expression.operator:
            case "all":
                return self._all(expression.parts)
            case "any":
                return self._any(expression.parts)
            case "none":
                any_of = self._any(expression.parts)
                return lambda true, false, ask: ~any_of(true, false, ask)
            case "possible":
                either = self._lasting_any(expression.parts)
                return lambda _true, _false, ask: FALSE if ask(either) is FALSE else TRUE
            case "unknown":
                either = self._lasting_any(expression.parts)
                return lambda _true, _false, ask: TRUE if ask(either) is UNKNOWN else FALSE
            case _:
                return self._at_least(2 if expression.operator == "two_of" else 3, expression.parts)

    def _any(self, parts: Sequence[Expression]) -> Test:
        mask, others = self._divided("any", parts)
        if not others:
            return lambda true, false, _ask: TRUE if true & mask else FALSE if false & mask == mask else UNKNOWN

        def any_of(true: int, false: int, ask: Ask) -> Truth:
            if true & mask:
                return TRUE
            outcome = FALSE if false & mask == mask else UNKNOWN
            for other in others:
                found = other(true, false, ask)
                if found is TRUE:
                    return TRUE
                if found is UNKNOWN:
                    outcome = UNKNOWN
            return outcome

        return any_of

    def _all(self, parts: Sequence[Expression]) -> Test:
        mask, others = self._divided("all", parts)
        if not others:
            return lambda true, false, _ask: FALSE if false & mask else TRUE if true & mask == mask else UNKNOWN

        def all_of(true: int, false: int, ask: Ask) -> Truth:
            if false & mask:
                return FALSE
            outcome = TRUE if true & mask == mask else UNKNOWN
            for other in others:
                found = other(true, false, ask)
                if found is FALSE:
                    return FALSE
                if found is UNKNOWN:
                    outcome = UNKNOWN
            return outcome

        return all_of

    def _decided(self, rule: schema.PatternRow) -> Test:
        excluded, required = self._any(rule.excluding), self._all((*rule.core, *rule.required))
        core = self._any(rule.core)
        possible = None if rule.possible_when is None else self._test(rule.possible_when)

        def decided(true: int, false: int, ask: Ask) -> Truth:
            found = required(true, false, ask)
            if found is FALSE and possible is None:
                return FALSE
            if excluded(true, false, ask) is TRUE:
                return FALSE
            if possible is not None:
                if found is not TRUE and possible(true, false, ask) is TRUE:
                    return UNKNOWN
                return TRUE if found is TRUE else FALSE
            if found is UNKNOWN and core(true, false, ask) is not TRUE:
                return FALSE
            return found

        return decided

    def _at_least(self, number: int, parts: Sequence[Expression]) -> Test:
        # One by one: a name that stands twice counts twice.
        tests = [self._test(part) for part in parts]

        def at_least(true: int, false: int, ask: Ask) -> Truth:
            sure = possible = 0
            for test in tests:
                found = test(true, false, ask)
                sure += found is TRUE
                possible += found is not FALSE
            return FALSE if possible < number else TRUE if sure >= number else UNKNOWN

        return at_least

    def _divided(self, operator: str, parts: Sequence[Expression]) -> tuple[int, tuple[Test, ...]]:
        """The bits of the parts that are names or ages, and the tests of the others.

        What is combined alike again is one with it; a group is an `any` of its members.
        """
        mask = 0
        others: list[Test] = []
        for part in parts:
            if isinstance(part, Name) and part.kind == "group":
                part = Combination("any", self._groups[part.id].members)
            if isinstance(part, Name):
                mask |= self.bits[part.kind, part.id]
            elif isinstance(part, AgeClause):
                mask |= self._ages[part]
            elif part.operator == operator:
                inner, further = self._divided(operator, part.parts)
                mask |= inner
                others += further
            else:
                others.append(self._test(part))
        return mask, tuple(others)

    def _analytes_judged(self, expression: Expression) -> Iterator[str]:
        for name in names(expression):
            if name.kind == "group":
                for member in self._groups[name.id].members:
                    yield from self._analytes_judged(member)
            elif name.kind in OF_VERDICTS:
                yield name.id.partition(".")[0]


def bits_of(bits: Mapping[Named, int], truths: Mapping[Named, Truth]) -> tuple[int, int, int]:
    """The bits of the names that are listed, of those that are TRUE, and of those that are FALSE."""
    listed = true = false = 0
    for name, truth in truths.items():
        bit = bits.get(name)
        if bit is not None:
            listed |= bit
            if truth is TRUE:
                true |= bit
            elif truth is FALSE:
                false |= bit
    return listed, true, false


def _parts(expression: Expression) -> Iterator[Expression]:
    yield expression
    if isinstance(expression, Combination):
        for part in expression.parts:
            yield from _parts(part)


def expressions_of(release: Release) -> Iterator[Expression]:
    """Every expression of a release; found by walking its rows, so that a new kind of row cannot escape."""
    for analyte in release.analytes.values():
        yield from _held(analyte.form)
    rows = (
        (release.file, release.computations, *release.never),
        *(
            tuple(of_kind.values())
            for of_kind in (
                release.symptoms,
                release.conditions,
                release.medications,
                release.groups,
                release.findings,
                release.patterns,
                release.red_flags,
                release.recommendations,
            )
        ),
        *(tuple(of_choice.values()) for of_choice in release.choices.values()),
    )
    for row in rows:
        yield from _held(row)


def of_row(row: schema.Form) -> Iterator[Expression]:
    """Every expression of one row."""
    return _held(row)


def _held(value: object) -> Iterator[Expression]:
    if isinstance(value, Name | AgeClause | Combination):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _held(item)
    elif isinstance(value, schema.Form):
        for _, item in schema.items_of(value):
            yield from _held(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _held(item)
