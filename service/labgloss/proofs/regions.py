"""The stretches of values that two releases judge differently: for every analyte, unit and kind of patient.

Between two neighbouring limits nothing changes, so that one value on each limit and one between each two decide for
all. Only a value on which something else bears in one release than in the other (`bearing`) is asked of both, and
kinds of patient, variants, sets, policies and what is recorded for whom both hold the same rows are asked once. A
result that comes with its laboratory's own interval is not among those asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from itertools import chain, pairwise

from labgloss.domain.quantity import plain
from labgloss.knowledge.release import Release
from labgloss.proofs.answers import Answers, Change
from labgloss.proofs.bearing import Bearing, Side
from labgloss.proofs.whom import Whom, kinds

# No laboratory reports more: an end that has more, of a limit in another unit, is no value that is sent.
_MOST_DIGITS = 12
# Digits that such an end is shown with.
_SHOWN_DIGITS = 5


@dataclass(frozen=True, slots=True)
class Region:
    """A stretch of values of an analyte in a unit that some patients get another answer for."""

    analyte: str
    unit: str
    stretch: str
    whom: tuple[Whom, ...]
    # A panel in it, as both releases answer it.
    example: Answers
    # Whether only one of them reads the unit: the other refuses every value.
    read_by_one: bool = False

    @property
    def changes(self) -> tuple[Change, ...]:
        """What is answered differently."""
        return self.example.changes


def regions(before: Release, after: Release) -> list[Region]:
    """Every stretch, in the order of the analytes; kinds of patient with the same change are one."""
    found: dict[tuple[object, ...], Region] = {}
    for asked in _asked(before, after):
        for stretch in asked.stretches():
            key = (asked.analyte, stretch.unit, stretch.text, stretch.changes)
            known = found.get(key)
            found[key] = replace(known, whom=(*known.whom, stretch.whom)) if known else asked.region(stretch)
    return list(found.values())


def analytes_of_one(before: Release, after: Release) -> tuple[str, ...]:
    """Analytes that only one of the releases knows."""
    return tuple(sorted(before.analytes.keys() ^ after.analytes.keys()))


_Sides = tuple[Side, Side]


def _asked(before: Release, after: Release) -> Iterator[_Asked]:
    """The analytes that both know and may judge otherwise; then as the requests of a source with settings are read."""
    for ident in before.analytes:
        if ident not in after.analytes:
            continue
        sides = _sides(before, after, ident)
        if not sides[0].judges_as(sides[1]):
            yield _Asked(before, after, sides)
        for source in dict.fromkeys((*before.site.views, *after.site.views)):
            views = _sides(before.for_source(source), after.for_source(source), ident)
            units = tuple(unit for unit in (*_units(views), "") if _read_by_source(sides, views, unit))
            if units and not views[0].judges_as(views[1]):
                yield _Asked(before, after, views, source, units)


def _sides(before: Release, after: Release, analyte: str) -> _Sides:
    return Side(before, before.analytes[analyte]), Side(after, after.analytes[analyte])


def _units(sides: _Sides) -> tuple[str, ...]:
    return tuple(dict.fromkeys(unit for side in sides for unit in side.analyte.units))


def _read_by_source(sides: _Sides, views: _Sides, unit: str) -> bool:
    """Whether a source's results in a unit are read or classed by settings of its feed."""
    return any(
        view.reading(unit) != side.reading(unit)
        or (unit in view.analyte.native_units and view.analyte.form.intervals != side.analyte.form.intervals)
        for side, view in zip(sides, views, strict=True)
    )


# Which limits hold a value on each side, and what hangs on these.
_Bearings = tuple[frozenset[str], frozenset[str]]


@dataclass(eq=False)
class _Asked:
    """Both releases asked of one analyte, and what they answered."""

    before: Release
    after: Release
    sides: _Sides
    source: str = ""
    # Those to ask of; none named: all.
    units: tuple[str, ...] = ()
    # A patient of whom the same is said is answered the same for every value on which the same bears.
    answered: dict[tuple[object, ...], tuple[Change, ...]] = field(default_factory=dict)

    @cached_property
    def kinds(self) -> tuple[Whom, ...]:
        """Every kind of patient that is asked of."""
        one, other = self.sides
        return tuple(kinds(self.before, self.after, one.analyte, other.analyte, self.source))

    @property
    def first(self) -> Whom:
        """The plainest of them."""
        return self.kinds[0]

    @property
    def analyte(self) -> str:
        """The id of the analyte."""
        return self.sides[0].analyte.id

    def stretches(self) -> Iterator[_Stretch]:
        """The stretches of the analyte, kind of patient by kind."""
        one, other = self.sides
        read_by_both = one.everywhere() == other.everywhere()
        seen: set[tuple[object, ...]] = set()
        for whom in self.kinds:
            speaking = (one.speaking(whom), other.speaking(whom))
            texts = tuple(tuple(said.text for said in of_side) for of_side in speaking)
            if (texts, whom.recorded) in seen or (read_by_both and texts[0] == texts[1]):
                continue
            seen.add((texts, whom.recorded))
            for unit in self._asked_in(whom):
                yield from self._of(whom, unit, (one.bearing(speaking[0], unit), other.bearing(speaking[1], unit)))

    def _asked_in(self, whom: Whom) -> Iterator[str]:
        """The units that limits are written in; those that are read otherwise, of the first kind of patient alone."""
        one, other = self.sides
        native = dict.fromkeys((*one.analyte.native_units, *other.analyte.native_units))
        for unit in self.units or (*_units(self.sides), ""):
            readings = (one.reading(unit), other.reading(unit))
            by_limits = unit in native and all(readings)
            if by_limits or (readings[0] != readings[1] and whom == self.first):
                yield unit

    def _of(self, whom: Whom, unit: str, bearings: tuple[Bearing, Bearing]) -> Iterator[_Stretch]:
        run: list[Probe] = []
        changes: tuple[Change, ...] = ()
        for probe in probes(chain(bearings[0].numbers, bearings[1].numbers)):
            on = (bearings[0].on(probe.value), bearings[1].on(probe.value))
            changed = () if on[0] == on[1] else self._changes(whom, unit, probe, on)
            if run and changed != changes:
                yield _Stretch(whom, unit, tuple(run), changes)
                run = []
            changes = changed
            if changes:
                run.append(probe)
        if run:
            yield _Stretch(whom, unit, tuple(run), changes)

    def _changes(self, whom: Whom, unit: str, probe: Probe, on: _Bearings) -> tuple[Change, ...]:
        said = (whom.cell, whom.recorded, on)
        if said not in self.answered:
            self.answered[said] = self._ask(whom, unit, probe).changes
        return self.answered[said]

    def _ask(self, whom: Whom, unit: str, probe: Probe) -> Answers:
        return Answers.of(self.before, self.after, whom.panel(self.analyte, plain(probe.value), unit))

    def region(self, stretch: _Stretch) -> Region:
        """The region of a stretch; the example is the value that a laboratory would most likely report."""
        probe = min(stretch.probes, key=lambda probe: len(plain(probe.value)))
        example = self._ask(stretch.whom, stretch.unit, probe)
        read_by_one = not all(side.reading(stretch.unit) for side in self.sides)
        return Region(self.analyte, stretch.unit, stretch.text, (stretch.whom,), example, read_by_one)


# ---------------------------------------------------------------------------------------------- values


@dataclass(frozen=True, slots=True)
class Probe:
    """A value that stands for itself, or for all between two limits (or beyond the last)."""

    value: Decimal
    low: Decimal | None
    high: Decimal | None


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Neighbouring values with the same change, for one kind of patient."""

    whom: Whom
    unit: str
    probes: tuple[Probe, ...]
    changes: tuple[Change, ...]

    @property
    def text(self) -> str:
        """The values from the first probe to the last, as a condition on x."""
        first, last = self.probes[0], self.probes[-1]
        low = None if not first.low else _shown(first.low)
        high = None if last.high is None else _shown(last.high)
        with_low, with_high = first.low == first.high, last.low == last.high
        if low is None:
            return "every value" if high is None else f"x {'<=' if with_high else '<'} {high}"
        if high is None:
            return f"x {'>=' if with_low else '>'} {low}"
        if first is last and with_low:
            return f"x = {low}"
        return f"{low} {'<=' if with_low else '<'} x {'<=' if with_high else '<'} {high}"


def probes(numbers: Iterable[Decimal]) -> Iterator[Probe]:
    """A value on each number, below the first, between each two and above the last."""
    ordered = sorted({number for number in numbers if number > 0})
    if not ordered:
        yield Probe(Decimal(1), None, None)
        return
    first, last = ordered[0], ordered[-1]
    yield Probe(_between(Decimal(0), first), Decimal(0), first)
    for number, following in chain(pairwise(ordered), [(last, None)]):
        if _reported(number):
            yield Probe(number, number, number)
        yield Probe(Decimal(round(last) + 1) if following is None else _between(number, following), number, following)


def _reported(number: Decimal) -> bool:
    return len(number.normalize().as_tuple().digits) <= _MOST_DIGITS


def _between(low: Decimal, high: Decimal) -> Decimal:
    """A value between two limits with as few digits as there are, as a laboratory would report it."""
    middle = (low + high) / 2
    for digits in range(_MOST_DIGITS):
        if low < (rounded := round(middle, digits)) < high:
            return rounded
    return middle


def _shown(number: Decimal) -> str:
    return plain(number if _reported(number) else round(number, _SHOWN_DIGITS))
