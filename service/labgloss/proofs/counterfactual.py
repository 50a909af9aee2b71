"""The smallest single change of a panel that flips a statement about it, found and verified by the engine itself.

Every change is evaluated: what is returned was seen to flip. Numbers are walked outwards over every limit of their
analyte and over steps that double; between the last that does not flip and the first that does, the nearest is found by
halving.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import Enum

from labgloss.domain.panel import Panel, Result
from labgloss.domain.quantity import ARITHMETIC, Quantity
from labgloss.domain.report import Reading, Urgency
from labgloss.domain.truth import Truth
from labgloss.engine.interpret import WorkedThrough, work_through
from labgloss.engine.judged import Judged
from labgloss.engine.plausibility import inside_hard_limits
from labgloss.knowledge.expression import Limit, Name
from labgloss.knowledge.release import Release
from labgloss.knowledge.schema import Form, items_of
from labgloss.proofs.changes import Change, NumberMoved, changed, digit, words
from labgloss.proofs.influence import influence_on
from labgloss.proofs.margins import margins_of

# Steps of the last digit beyond which a number is not walked: a change so large is none that a laboratory mistakes.
MOST_STEPS = 1 << 20


class State(Enum):
    """What a report says of a finding, pattern, red flag or recommendation."""

    HOLDS = "holds"
    MATCHED = "matched"
    POSSIBLE = "possible"
    RAISED = "raised"
    HELD = "held"
    GIVEN = "given"
    WITHHELD = "withheld"
    ABSENT = "absent"


# What is asked of each state: the states that another panel might have instead, each goal apart.
_GOALS: dict[State, tuple[frozenset[State], ...]] = {
    State.POSSIBLE: (frozenset({State.MATCHED}), frozenset({State.ABSENT})),
    State.HELD: (frozenset({State.RAISED}), frozenset({State.ABSENT})),
    State.WITHHELD: (frozenset({State.GIVEN}), frozenset({State.ABSENT})),
    State.ABSENT: (frozenset({State.HOLDS, State.MATCHED, State.RAISED, State.GIVEN}),),
}


@dataclass(frozen=True, slots=True)
class Flip:
    """A change that was seen to flip a statement: to what, and what else it changed."""

    change: Change
    before: State
    after: State
    urgency: Urgency
    # Of the result that was moved: its text before and after.
    number: tuple[Result, Result] | None = None
    # Findings, patterns, red flags that came, and that went.
    come: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Goal:
    """Other states that a statement might have, and the smallest change of a number and of words that gives it one."""

    states: frozenset[State]
    # At most one of each kind, the smaller first: fewest digits moved, then fewest words.
    flips: tuple[Flip, ...]


@dataclass(frozen=True, slots=True)
class Searched:
    """What was tried to flip a statement."""

    words: int
    # Results whose number was moved.
    results: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Counterfactuals:
    """The goals of a statement, and what was tried to reach them."""

    goals: tuple[Goal, ...]
    searched: Searched


def state_of(worked: WorkedThrough, target: Name) -> State:
    """What a report says of a target."""
    report = worked.report
    match target.kind:
        case "finding":
            truth = worked.settled.facts.known.get(("finding", target.id))
            return State.HOLDS if truth is Truth.TRUE else State.ABSENT
        case "pattern":
            found = next((pattern.state.value for pattern in report.patterns if pattern.id == target.id), "")
            return State(found.lower()) if found else State.ABSENT
        case "red_flag":
            held = next((flag.held for flag in report.red_flags if flag.id == target.id), None)
            return State.ABSENT if held is None else State.HELD if held else State.RAISED
        case _:
            if any(item.id == target.id for item in report.recommendations):
                return State.GIVEN
            withheld = any(item.id == target.id for item in report.withheld_recommendations)
            return State.WITHHELD if withheld else State.ABSENT


@dataclass(eq=False)
class Search:
    """A panel, what the engine made of it, and of every change of it that was tried."""

    release: Release
    panel: Panel
    worked: WorkedThrough
    _tried: dict[Change, WorkedThrough] = field(default_factory=dict)
    _walks: dict[int, tuple[tuple[int, ...], tuple[int, ...]]] = field(default_factory=dict)

    @classmethod
    def of(cls, release: Release, panel: Panel) -> Search:
        """The search around a panel."""
        traced = replace(panel, options=replace(panel.options, trace=True))
        # What is changed is asked without a trace, which decides nothing.
        quiet = replace(panel, options=replace(panel.options, trace=False))
        return cls(release, quiet, work_through(release, traced))

    @property
    def present(self) -> frozenset[str]:
        """The analytes of which the panel holds a result, or the service computes one."""
        return frozenset(entry.analyte.id for entry in self.worked.laid.entries if entry.analyte is not None)

    @property
    def evaluations(self) -> int:
        """How many changed panels the engine was asked about."""
        return len(self._tried)

    def counterfactuals(self, target: Name) -> Counterfactuals:
        """The smallest changes that flip a target, for each state that it might have instead."""
        before = state_of(self.worked, target)
        influence = influence_on(self.release, target, self.present)
        said = list(words(self.panel, self.worked.laid.recognised, influence.words))
        moving = [
            entry.index
            for entry in self.worked.laid.entries
            if entry.index is not None
            and entry.analyte is not None
            and entry.analyte.id in influence.analytes
            and any(self.walk(entry.index))
        ]
        goals = []
        for states in _GOALS.get(before, (frozenset({*State} - {before}),)):

            def reached(change: Change, states: frozenset[State] = states) -> bool:
                return state_of(self._after(change), target) in states

            found = [next((change for change in said if reached(change)), None), self._nearest(moving, reached)]
            flips = [self._flip(target, before, change) for change in found if change is not None]
            goals.append(Goal(states, tuple(sorted(flips, key=lambda flip: flip.change.size))))
        return Counterfactuals(tuple(goals), Searched(len(said), tuple(moving)))

    def _after(self, change: Change) -> WorkedThrough:
        if change not in self._tried:
            panel = changed(self.panel, change, self.worked.laid.recognised)
            self._tried[change] = work_through(self.release, panel)
        return self._tried[change]

    def _flip(self, target: Name, before: State, change: Change) -> Flip:
        after = self._after(change)
        now, then = _statements(after), _statements(self.worked)
        number = None
        if isinstance(change, NumberMoved):
            moved = changed(self.panel, change, self.worked.laid.recognised).results[change.index]
            number = (self.panel.results[change.index], moved)
        return Flip(
            change,
            before,
            state_of(after, target),
            after.report.urgency,
            number,
            tuple(ident for ident in now if ident not in then and ident != target.id),
            tuple(ident for ident in then if ident not in now and ident != target.id),
        )

    # ------------------------------------------------------------------------------------------ numbers

    def _nearest(self, moving: Sequence[int], reached: Callable[[Change], bool]) -> NumberMoved | None:
        """The fewest digits by which one of these results moves to where it is asked for."""
        best: NumberMoved | None = None
        for index in moving:
            for walk in self.walk(index):
                last = 0
                for steps in walk:
                    if best is not None and abs(last) + 1 >= abs(best.steps):
                        break
                    if reached(NumberMoved(index, steps)):
                        found = _halved(index, last, steps, reached)
                        best = found if best is None or abs(found.steps) < abs(best.steps) else best
                        break
                    last = steps
        return best

    def walk(self, index: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The steps at which a number may meet something new: upwards, and downwards; none beyond the plausible."""
        if index not in self._walks:
            entry = next(entry for entry in self.worked.laid.entries if entry.index == index)
            steps = sorted(set(self._steps(entry)))
            middle = bisect_left(steps, 0)
            self._walks[index] = tuple(steps[middle:]), tuple(reversed(steps[:middle]))
        return self._walks[index]

    def _steps(self, entry: Judged) -> Iterator[int]:
        read = digit(entry.result) if entry.result is not None else None
        if read is None or entry.reading is None or entry.analyte is None:
            return
        value, step, _ = read
        ends = [ARITHMETIC.divide(end, _factor(entry.reading)) for end in self._ends_of(entry)]
        farthest = max([*(2 * end for end in ends), 4 * value])
        near = {0}
        for end in ends:
            exact = ARITHMETIC.divide(ARITHMETIC.subtract(end, value), step)
            # Away from the number: the end itself, which may still belong to this side of it, and the first beyond.
            place = int(exact.to_integral_value(ROUND_CEILING if exact > 0 else ROUND_FLOOR))
            near |= {place, place + (1 if exact > 0 else -1)} if place == exact else {place}
            if not exact:
                near |= {1, -1}
        doubling = 1
        while doubling < MOST_STEPS:
            near |= {doubling, -doubling}
            doubling *= 2
        for steps in near - {0}:
            number = ARITHMETIC.add(value, ARITHMETIC.multiply(Decimal(steps), step))
            if abs(steps) <= MOST_STEPS and 0 < number <= farthest and _plausible(entry, number):
                yield steps

    def _ends_of(self, entry: Judged) -> set[Decimal]:
        """Every number of the release that a result of the entry's analyte is compared with, in its compared unit."""
        assert entry.analyte is not None and entry.reading is not None
        margins = next(one for one in margins_of(self.worked.laid) if one.index == entry.index)
        ends = {margin.end for margin in margins.margins}
        unit, release = entry.reading.compared.unit, self.release
        computations = release.computations.albumin_adjustment
        rows: list[Form] = [entry.analyte.form, release.computations.vitamin_d]
        rows += [row for row in (*computations.not_valid, *computations.low_confidence) if row.analyte]
        rows += [row for found in release.findings.values() for row in found]
        for row in rows:
            if getattr(row, "analyte", entry.analyte.id) == entry.analyte.id:
                ends |= {number for limit in _limits_in(row, unit) for number in limit.numbers}
        return ends


def _halved(index: int, last: int, steps: int, reached: Callable[[Change], bool]) -> NumberMoved:
    """The step nearest to `last` that reaches what is asked for, where `steps` does and `last` does not."""
    direction = 1 if steps > last else -1
    # Mostly a limit is met exactly.
    if steps - last != direction and not reached(NumberMoved(index, steps - direction)):
        return NumberMoved(index, steps)
    while steps - last != direction:
        middle = last + (steps - last) // 2
        if reached(NumberMoved(index, middle)):
            steps = middle
        else:
            last = middle
    return NumberMoved(index, steps)


def _factor(reading: Reading) -> Decimal:
    return ARITHMETIC.divide(Decimal(reading.factor.numerator), Decimal(reading.factor.denominator))


def _plausible(entry: Judged, number: Decimal) -> bool:
    """Whether a patient can have it: what no patient has would only be refused."""
    assert entry.reading is not None and entry.analyte is not None
    quantity = Quantity(number, entry.reading.quantity.unit, entry.reading.quantity.comparator)
    compared = quantity.converted(entry.reading.factor, entry.reading.compared.unit)
    return inside_hard_limits(entry.analyte, replace(entry.reading, quantity=quantity, compared=compared))


def _limits_in(form: Form, unit: str) -> Iterator[Limit]:
    """Every limit of a form and of its parts in a unit."""
    for _, value in items_of(form):
        if isinstance(value, dict) and isinstance(value.get(unit), Limit):
            yield value[unit]
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, Form):
                yield from _limits_in(part, unit)


def _statements(worked: WorkedThrough) -> tuple[str, ...]:
    """Findings, patterns that are matched, and red flags of a report."""
    report = worked.report
    return (
        *(flag.id for flag in report.red_flags if not flag.held),
        *(pattern.id for pattern in report.patterns if pattern.state.value == "MATCHED"),
        *(finding.id for finding in report.findings if finding.truth is Truth.TRUE),
    )
