"""What is known of a panel, name by name, and the truth of expressions over it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from labgloss.domain.report import Urgency
from labgloss.domain.subject import Age
from labgloss.domain.truth import FALSE, TRUE, UNKNOWN, Truth, all_of, any_of, at_least
from labgloss.engine.kept import by_release
from labgloss.knowledge.compiled import OF_VERDICTS, Test, bits_of
from labgloss.knowledge.expression import AgeClause, Combination, Expression, Name, names
from labgloss.knowledge.partition import in_range
from labgloss.knowledge.release import Release
from labgloss.knowledge.schema import AgeRange, LevelRow, PatternRow, RedFlagRow

# What a name has that nothing made TRUE: a rule that nothing set off is not met, and no result said it.
NOT_SAID: Mapping[str, Truth] = dict.fromkeys(("pattern", "red_flag", "emergency", "final", "caution", "issue"), FALSE)

# What the classes and bands of an analyte come to in one of several cases.
Case = Mapping[tuple[str, str], Truth]
NONE: Mapping[Any, Any] = MappingProxyType({})


class Facts:
    """Truths by kind and id. A name that is not listed has the truth that absence has for its kind.

    Nothing changes them once they are made, except where rules come to more, one after the other (`learn`).
    """

    __slots__ = (
        "_cases",
        "_false",
        "_known",
        "_more",
        "_tests",
        "_true",
        "_without",
        "absent",
        "age",
        "assumed",
        "open_verdicts",
        "release",
    )

    def __init__(
        self,
        release: Release,
        age: Age | None,
        known: Mapping[tuple[str, str], Truth] = NONE,
        absent: Mapping[str, Truth] = NONE,
        open_verdicts: Mapping[str, tuple[Case, ...]] = NONE,
        assumed: Mapping[str, Case] = NONE,
    ) -> None:
        self.release = release
        self.age = age
        self.absent = absent
        # Of each analyte whose class or band is one of several: what they come to in every case that remains.
        self.open_verdicts = open_verdicts
        # The case that is looked at, by analyte.
        self.assumed = assumed
        # None until it is asked for: then these facts are those without, and more of one kind, or of several ("").
        self._known: Mapping[tuple[str, str], Truth] | None = known
        self._without: Facts | None = None
        self._more: tuple[str, Mapping[Any, Truth]] = "", NONE
        # The same as bits of names, for the tests of the release; None: expressions are walked.
        self._tests = release.tests if release.compiled else None
        self._true = self._false = 0
        self._cases: dict[str, list[tuple[int, int, int]]] = {}
        if self._tests is not None:
            self._true, self._false = self._tests.of_age(age)
            for kind, truth in absent.items():
                if truth is TRUE:
                    self._true |= self._tests.of_kind.get(kind, 0)
                elif truth is FALSE:
                    self._false |= self._tests.of_kind.get(kind, 0)
            self._note(self._tests.bits, known)

    def _note(self, bits: Mapping[Any, int], truths: Mapping[Any, Truth]) -> None:
        listed, true, false = bits_of(bits, truths)
        self._true = self._true & ~listed | true
        self._false = self._false & ~listed | false

    def _copy(self) -> Facts:
        copy = object.__new__(Facts)
        copy.release, copy.age, copy.absent, copy.assumed = self.release, self.age, self.absent, self.assumed
        copy._known, copy._without, copy._more = self._known, self._without, self._more
        copy.open_verdicts, copy._cases = self.open_verdicts, self._cases
        copy._tests, copy._true, copy._false = self._tests, self._true, self._false
        return copy

    @property
    def known(self) -> Mapping[tuple[str, str], Truth]:
        """Every truth that was said, by kind and id; put together when it is asked for."""
        if self._known is None:
            assert self._without is not None
            kind, truths = self._more
            more = {(kind, ident): truth for ident, truth in truths.items()} if kind else truths
            self._known, self._without = {**self._without.known, **more}, None
        return self._known

    def adding(self, kind: str, truths: Mapping[str, Truth]) -> Facts:
        """The facts with more of one kind known."""
        if not truths:
            return self
        copy = self._copy()
        copy._known, copy._without, copy._more = None, self, (kind, dict(truths))
        if self._tests is not None and (bits := self._tests.bits_of.get(kind)):
            copy._note(bits, truths)
        return copy

    def knowing(self, truths: Mapping[tuple[str, str], Truth]) -> Facts:
        """The facts with more of them known, of several kinds."""
        if not truths:
            return self
        copy = self._copy()
        copy._known, copy._without, copy._more = None, self, ("", dict(truths))
        if self._tests is not None:
            copy._note(self._tests.bits, truths)
        return copy

    def with_cases(self, open_verdicts: Mapping[str, tuple[Case, ...]]) -> Facts:
        """The facts with other verdicts open."""
        copy = self._copy()
        copy.open_verdicts, copy._cases = open_verdicts, {}
        return copy

    def in_the_making(self) -> Facts:
        """The same facts, that may learn."""
        copy = self._copy()
        copy._known, copy._without = dict(self.known), None
        return copy

    def learn(self, name: tuple[str, str], truth: Truth) -> None:
        """One more fact, in these facts themselves: only for those that were made to learn."""
        assert isinstance(self._known, dict)
        self._known[name] = truth
        if self._tests is not None and (bit := self._tests.bits.get(name)):
            self._true = self._true | bit if truth is TRUE else self._true & ~bit
            self._false = self._false | bit if truth is FALSE else self._false & ~bit

    def names_that_hold(self) -> Iterable[tuple[str, str]]:
        """The names that were said to be TRUE; where the release is compiled, those that some expression reads."""
        if self._tests is None:
            return [name for name, truth in self.known.items() if truth is TRUE]
        return self._tests.names_of(self._true)

    def truth(self, expression: Expression) -> Truth:
        """What an expression comes to; what it comes to in every band that remains is certain."""
        tests = self._tests
        if tests is None:
            return self._walked(expression)
        test = tests.made.get(id(expression)) or tests.test(expression)
        if test is None:
            return self._walked(expression)
        found = test(self._true, self._false, self.truth)
        if found is UNKNOWN and self.open_verdicts:
            judged = [analyte for analyte in tests.judged(expression) if analyte in self.open_verdicts]
            return self._in_cases(test, self._true, self._false, judged) if judged else found
        return found

    def _in_cases(self, test: Test, true: int, false: int, judged: Sequence[str]) -> Truth:
        """What every case of the open verdicts comes to, if they come to the same."""
        found = set()
        for listed, case_true, case_false in self._cases_of(judged[0]):
            here_true, here_false = true & ~listed | case_true, false & ~listed | case_false
            one = test(here_true, here_false, self.truth)
            if one is UNKNOWN and len(judged) > 1:
                one = self._in_cases(test, here_true, here_false, judged[1:])
            found.add(one)
        return found.pop() if len(found) == 1 else UNKNOWN

    def _cases_of(self, analyte: str) -> list[tuple[int, int, int]]:
        assert self._tests is not None
        found = self._cases.get(analyte)
        if found is None:
            bits = self._tests.bits
            found = self._cases[analyte] = [bits_of(bits, case) for case in self.open_verdicts[analyte]]
        return found

    def read_by(self, rule: PatternRow | RedFlagRow) -> tuple[int, int] | None:
        """The bits that are TRUE, and FALSE, of the names that a rule reads; they decide all that it says.

        None where more than they decides: cases of an open verdict; and for a rule that is not the release's.
        """
        if self._tests is None or (reads := self._tests.reads(rule)) is None:
            return None
        mask, judged = reads
        if self.open_verdicts and not judged.isdisjoint(self.open_verdicts):
            return None
        return self._true & mask, self._false & mask

    # ------------------------------------------------------------------------------------------ the reference

    def _walked(self, expression: Expression) -> Truth:
        found = self._plain(expression)
        if found is not UNKNOWN or not self.open_verdicts or isinstance(expression, AgeClause):
            return found
        for analyte in _analytes_judged(self.release, expression):
            if analyte in self.open_verdicts and analyte not in self.assumed:
                cases = self.open_verdicts[analyte]
                in_cases = {self._assuming({**self.assumed, analyte: case})._walked(expression) for case in cases}
                return in_cases.pop() if len(in_cases) == 1 else UNKNOWN
        return found

    def _assuming(self, assumed: Mapping[str, Case]) -> Facts:
        copy = self._copy()
        copy.assumed = assumed
        return copy

    def _plain(self, expression: Expression) -> Truth:
        if isinstance(expression, Name):
            return self._of_name(expression)
        if isinstance(expression, AgeClause):
            return Truth.of(in_range(self.age, AgeRange(begin=expression.begin, end=expression.end)))
        if expression.operator in ("possible", "unknown"):
            # What is possible or not known is said of what is known, and not of a case.
            known = self._assuming(NONE) if self.assumed else self
            either = known._walked(Combination("any", expression.parts))
            return Truth.of(either is UNKNOWN if expression.operator == "unknown" else either is not FALSE)
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

    def _of_name(self, name: Name) -> Truth:
        if name.kind == "group":
            return any_of(self._plain(member) for member in self.release.groups[name.id].members)
        if self.assumed and name.kind in OF_VERDICTS:
            case = self.assumed.get(name.id.partition(".")[0], {})
            if (name.kind, name.id) in case:
                return case[name.kind, name.id]
        return self.known.get((name.kind, name.id), self.absent.get(name.kind, UNKNOWN))

    # ------------------------------------------------------------------------------------------ what is asked

    def holds(self, expression: Expression | None) -> bool:
        """Whether an expression is TRUE; nothing asked holds."""
        if expression is None:
            return True
        if self._tests is not None and (test := self._tests.made.get(id(expression))) is not None:
            found = test(self._true, self._false, self.truth)
            if found is not UNKNOWN or not self.open_verdicts:
                return found is TRUE
        return self.truth(expression) is TRUE

    def level(self, levels: Sequence[LevelRow]) -> Urgency:
        """The highest urgency of which it is certain that a level asks for it, or for more."""
        if self._tests is not None and (found := self._tests.levels(levels)) is not None:
            return next((urgency for urgency, reaching in found if self.holds(reaching)), Urgency.NONE)
        for urgency in sorted({level.urgency for level in levels}, reverse=True):
            reaching = tuple(level.when for level in levels if level.urgency >= urgency)
            if self.holds(Combination("any", reaching)):
                return urgency
        return Urgency.NONE

    def of_pattern(self, rule: PatternRow) -> Truth:
        """TRUE is matched, UNKNOWN is possible, FALSE is not met (SP 0.2)."""
        if self._tests is not None and (decides := self._tests.decides(rule)) is not None:
            test, judged = decides
            if not self.open_verdicts or judged.isdisjoint(self.open_verdicts):
                return test(self._true, self._false, self.truth)
        if rule.excluding and self.holds(Combination("any", rule.excluding)):
            return FALSE
        required = self.truth(Combination("all", (*rule.core, *rule.required)))
        if rule.possible_when is not None:
            possible = required is not TRUE and self.holds(rule.possible_when)
            return UNKNOWN if possible else Truth.of(required is TRUE)
        if required is UNKNOWN and not any(self.holds(part) for part in rule.core):
            return FALSE
        return required


@by_release(maxsize=16384)
def _analytes_judged(release: Release, part: Expression) -> tuple[str, ...]:
    """The analytes whose classes and bands an expression reads, through its groups."""
    found: list[str] = []
    for name in names(part):
        if name.kind == "group":
            for member in release.groups[name.id].members:
                found += _analytes_judged(release, member)
        elif name.kind in OF_VERDICTS:
            found.append(name.id.partition(".")[0])
    return tuple(dict.fromkeys(found))
