"""The space of panels: each variable with the ways in which a panel can say it, and what each way makes true.

What a way makes true is asked of the engine itself, on a panel that says nothing else. So the space holds no second
reading of the knowledge; how facts of several variables come together is the only thing it states.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise, product

from labgloss.domain.panel import (
    Coding,
    Collected,
    ContextItem,
    Haemolysis,
    LaboratoryInterval,
    Options,
    Panel,
    Result,
    ResultStatus,
    Specimen,
    SpecimenKind,
    Symptom,
)
from labgloss.domain.quantity import Comparator, plain
from labgloss.domain.report import Urgency
from labgloss.domain.subject import DAYS_PER, AgeUnit, Patient, Sex, StatedAge
from labgloss.domain.truth import Truth
from labgloss.engine import findings, judge
from labgloss.engine.interpret import Laid, lay_out
from labgloss.knowledge.expression import AgeClause, Combination, Expression, Name
from labgloss.knowledge.partition import in_range
from labgloss.knowledge.release import Analyte, Release
from labgloss.knowledge.schema import AgeRange, BandRow, FindingRow, Form, items_of
from labgloss.proofs.space import Leaf, Ruled, Space

ADULT = Patient(StatedAge(40, AgeUnit.YEARS), Sex.MALE, False)
CALCIUM, VITAMIN_D, KIDNEY = "calcium", "vitamin_d_25oh", "kidney"
# Analytes that only come to facts together: one variable for each set.
TOGETHER: Mapping[str, tuple[str, ...]] = {
    CALCIUM: ("calcium_ionised", "calcium_adjusted", "calcium_total", "albumin", "ph"),
    VITAMIN_D: ("vitamin_d_25oh", "crp"),
    KIDNEY: ("creatinine", "urea"),
}
# The laboratory's interval where the release has none; wide enough for every multiple of its upper end to be a number.
_OWN_INTERVAL = LaboratoryInterval("60", "110")
NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
_MADE = ("finding", "band", "class", "final", "caution", "issue")


@dataclass(frozen=True, slots=True)
class Way:
    """One way in which a panel may say something."""

    label: str
    results: tuple[Result, ...] = ()
    symptoms: tuple[Symptom, ...] = ()
    conditions: tuple[ContextItem, ...] = ()
    medications: tuple[ContextItem, ...] = ()
    patient: Patient | None = None
    # Sent, even if empty: what is not on the list is FALSE.
    lists: frozenset[str] = frozenset()
    # What it says of the specimen of every result.
    specimen: Specimen | None = None
    vitamin_d_policy: str = ""


@dataclass(frozen=True, slots=True)
class PanelSpace:
    """The space of a release, and the panel of each of its points."""

    release: Release
    space: Space
    ways: Mapping[str, tuple[Way, ...]]

    def of_one_draw(self) -> Mapping[str, frozenset[int]]:
        """The ways of each variable whose results may be of one specimen."""
        return {
            variable: frozenset(place for place, way in enumerate(ways) if _one_draw(way))
            for variable, ways in self.ways.items()
        }

    def panel(self, point: Mapping[str, int]) -> Panel:
        """The panel that says what a point says, and nothing besides."""
        chosen = [self.ways[variable][place] for variable, place in sorted(point.items())]
        return panel_of(chosen)


def _one_draw(way: Way) -> bool:
    return len({(result.specimen.id, result.collected) for result in way.results}) <= 1


def panel_of(ways: Sequence[Way]) -> Panel:
    """The panel that says all of these."""
    specimens = [way.specimen for way in ways if way.specimen is not None]
    results = [result for way in ways for result in way.results]
    for specimen in specimens:
        results = [replace(result, specimen=_merged(result.specimen, specimen)) for result in results]
    conditions = tuple(item for way in ways for item in way.conditions)
    medications = tuple(item for way in ways for item in way.medications)
    lists: frozenset[str] = frozenset().union(*(way.lists for way in ways))
    return Panel(
        patient=_patient(ways),
        results=tuple(replace(result, index=place) for place, result in enumerate(results)),
        symptoms=tuple(symptom for way in ways for symptom in way.symptoms),
        conditions=_list(conditions, "conditions" in lists),
        medications=_list(medications, "medications" in lists),
        options=Options(vitamin_d_policy="".join(way.vitamin_d_policy for way in ways)),
        as_of=NOW.date(),
    )


def _list(items: tuple[ContextItem, ...], closed: bool) -> tuple[ContextItem, ...] | None:
    """A list as sent; one that is open holds an item that nobody recognises (DEC-88)."""
    if closed:
        return items
    return (*items, ContextItem(text="something that is not in any list")) if items else None


def _merged(own: Specimen, other: Specimen) -> Specimen:
    return replace(
        own,
        kind=own.kind or other.kind,
        additive=own.additive or other.additive,
        haemolysis=own.haemolysis or other.haemolysis,
        transport=own.transport or other.transport,
        comments=(*own.comments, *other.comments),
    )


def _patient(ways: Sequence[Way]) -> Patient:
    patient = ADULT
    for way in ways:
        if way.patient is not None:
            changed = {
                name: getattr(way.patient, name)
                for name in ("age", "sex", "pregnant", "trimester")
                if getattr(way.patient, name) != getattr(ADULT, name)
            }
            patient = replace(patient, **changed)
    return patient


# ---------------------------------------------------------------------------------------------- building


@dataclass(frozen=True, slots=True)
class Measured:
    """What results can say: the ways of each variable of results, and the truth of each name in each of them."""

    ways: Mapping[str, tuple[Way, ...]]
    made: Mapping[Name, Mapping[str, list[Truth | None]]]


def measured(release: Release) -> Measured:
    """What results can say of a release; rules over the panel (no specimen) do not change it."""
    builder = _Builder(release)
    builder.measure()
    return Measured(builder.ways, builder.made)


def build(release: Release, results: Measured | None = None) -> PanelSpace:
    """The space of everything that a rule of a release reads, over what results can say where that is known."""
    results = results or measured(release)
    made = {name: dict(by_variable) for name, by_variable in results.made.items()}
    return _Builder(release, dict(results.ways), made).built()


@dataclass(eq=False)
class _Builder:
    release: Release
    ways: dict[str, tuple[Way, ...]] = field(default_factory=dict)
    # For each name, the variables that make it, with its truth in each of their ways; None: nothing said.
    made: dict[Name, dict[str, list[Truth | None]]] = field(default_factory=dict)
    # The cells of each analyte, by the facts that they make.
    _classes: dict[str, list[list[Way]]] = field(default_factory=dict)

    def built(self) -> PanelSpace:
        self._context()
        space = Space(self.release, {variable: len(ways) for variable, ways in self.ways.items()})
        for name, by_variable in self.made.items():
            self._define(space, name, by_variable)
        self._rules(space)
        self._patient_facts(space)
        space.ages = self._ages(space)
        return PanelSpace(self.release, space, self.ways)

    # ------------------------------------------------------------------------------------------ results

    def measure(self) -> None:
        joined = {analyte for group in TOGETHER.values() for analyte in group}
        for ident in sorted(self._analytes_read() - joined):
            self._results_of(ident, [*self._cells(ident), *self._further(ident)])
        self._results_of(CALCIUM, list(self._calcium()))
        self._results_of(VITAMIN_D, [*self._crossed("vitamin_d_25oh", "crp"), *self._without_bands()])
        self._results_of(KIDNEY, [*self._crossed("creatinine", "urea"), *self._injury()])

    def _analytes_read(self) -> set[str]:
        """The analytes that some rule reads, by a finding, a band or a class."""
        read: set[str] = set()
        for name in _names_read(self.release):
            if name.kind in ("band", "class"):
                read.add(name.id.partition(".")[0])
            elif name.kind == "final":
                read.add(name.id)
            elif name.kind in ("finding", "specimen"):
                read |= _analytes_of(self.release, name.id)
        return {ident for ident in read if ident in self.release.analytes}

    def _results_of(self, variable: str, ways: Sequence[Way]) -> None:
        """A variable of results, with what the engine makes of each of its ways."""
        nothing = lay_out(self.release, panel_of([]))
        laid = [self._laid(way) for way in ways]
        truths = [self._truths(variable, one) for one in laid]
        before = self._truths(variable, nothing)
        # Ways that make the same facts are one.
        distinct: dict[tuple[tuple[Name, Truth | None], ...], int] = {}
        for place, found in enumerate(truths):
            changed = {name: truth for name, truth in found.items() if before.get(name) is not truth}
            distinct.setdefault(tuple(sorted(changed.items(), key=lambda item: str(item[0]))), place)
        distinct.pop((), None)
        kept = [Way("nothing"), *(ways[place] for place in distinct.values())]
        kept_truths = [before, *(truths[place] for place in distinct.values())]
        self.ways[variable] = tuple(kept)
        for name in dict.fromkeys(name for found in kept_truths for name in found):
            by_way = [found.get(name) for found in kept_truths]
            if any(truth is not before.get(name) for truth in by_way):
                self.made.setdefault(name, {})[variable] = by_way

    def _laid(self, way: Way) -> Laid:
        """A panel that says one thing; a fall after feeding shows only while feeding was restarted."""
        if len(way.results) > 1 and way.results[0].analyte in self.release.computations.refeeding.analytes:
            fed = Way("feeding", conditions=(ContextItem(id="feeding_restarted_5d"),))
            return lay_out(self.release, panel_of([way, fed]))
        return lay_out(self.release, panel_of([way]))

    def _truths(self, variable: str, laid: Laid) -> dict[Name, Truth | None]:
        """What a panel makes true; a finding that asks for more than its own number, apart from what it asks for."""
        truths: dict[Name, Truth | None] = {
            Name(kind, ident): truth for (kind, ident), truth in laid.facts.known.items() if kind in _MADE
        }
        settled = any(entry.settled_by_pair for entry in laid.entries)
        truths[Name("specimen", "settled_by_pair")] = Truth.of(settled)
        falls = {row.finding for row in self.release.computations.refeeding.falls}
        for name in [name for name in truths if name.kind == "finding" and name.id in falls]:
            truths[Name("own finding", name.id)] = truths.pop(name)
        for entry in laid.entries:
            for band in entry.verdict.bands if entry.verdict is not None and entry.primary else ():
                if band.value_alone_within and entry.analyte is not None:
                    counts = judge.counts_alone(entry, band)
                    truths[_counting(entry.analyte.id, band)] = Truth.of(counts)
        for ident, rows in self.release.findings.items():
            if rows[0].computed or not any(row.when is not None for row in rows):
                continue
            truths.pop(Name("finding", ident), None)
            for place, row in enumerate(rows):
                if not row.analyte or row.analyte in _members(self.release, variable):
                    truths[_own(ident, place)] = _alone(self.release, row, laid)
        return truths

    def _cells(self, ident: str) -> list[Way]:
        """One result of an analyte, at every place where something may change."""
        analyte = self.release.analytes[ident]
        native = next((unit for unit in analyte.form.units if unit.native), None)
        if native is None:
            return []
        return [
            Way(f"{ident} {value} {native.ucum}", (self._result(ident, value),))
            for value in self._values(analyte, native.ucum)
        ]

    def _values(self, analyte: Analyte, unit: str) -> list[str]:
        """Every limit in a unit, one digit beside it, and the middle between each two."""
        digits = next(row.digits for row in analyte.form.units if row.ucum == unit)
        step = Decimal(1).scaleb(-digits)
        numbers = set(_numbers(analyte.form, unit))
        for rows in self.release.findings.values():
            for row in rows:
                if row.analyte == analyte.id:
                    numbers |= set(_numbers(row, unit))
                    numbers |= {
                        Decimal(times) * Decimal(_OWN_INTERVAL.high or 0)
                        for limit in row.limits.values()
                        for end in (limit.low, limit.high)
                        if isinstance(end, str) and (times := end.removesuffix("ULN").removesuffix("*"))
                    }
        if self._needs_interval(analyte):
            numbers |= {Decimal(_OWN_INTERVAL.low or 0), Decimal(_OWN_INTERVAL.high or 0)}
        ordered = sorted(numbers)
        middles = [(one + other) / 2 for one, other in pairwise(ordered)]
        near = {number + by for number in ordered for by in (-step, 0, step)}
        return [plain(value.quantize(step)) for value in sorted({*near, *middles}) if value > 0]

    def _needs_interval(self, analyte: Analyte) -> bool:
        return not analyte.intervals.get("default") and not analyte.form.band_tables

    def _result(self, ident: str, value: str, **more: object) -> Result:
        analyte = self.release.analytes[ident]
        native = next(unit.ucum for unit in analyte.form.units if unit.native)
        result = Result(0, analyte=ident, value=value, unit=native)
        if self._needs_interval(analyte):
            result = replace(result, interval=_OWN_INTERVAL)
        return replace(result, **more)  # type: ignore[arg-type]

    def _further(self, ident: str) -> list[Way]:
        """What only a bound, a series, a pair, a status, another interval or a wrong unit can say."""
        ways = [*self._bounds(ident), *self._other_intervals(ident)]
        if ident == "magnesium":
            during = [replace(way, conditions=(_INFUSION,)) for way in self._distinct(ident)]
            ways += [replace(way, label=f"{way.label} during an infusion") for way in during]
        if ident == "pth":
            ways.append(Way("pth ordered", (self._result(ident, "", status=ResultStatus.REGISTERED),)))
        if ident in self.release.computations.refeeding.analytes:
            ways += [*self._falls(ident), *self._unchanged(ident)]
        if ident == "potassium":
            ways += [*self._potassium(), *self._wrong_units()]
        return ways

    def _unchanged(self, ident: str) -> Iterator[Way]:
        """A value of each class, as it was before."""
        for way in self._distinct(ident):
            now = replace(way.results[0], collected=_at(0))
            before = replace(way.results[0], collected=_at(-720), id=f"{ident}_before")
            yield Way(f"{way.label} as before", (now, before))

    def _bounds(self, ident: str) -> Iterator[Way]:
        """The first value of each class as a lower bound, the last as an upper one: what it leaves open, it leaves."""
        for comparator, ways in (
            (Comparator.GREATER, self._distinct(ident)),
            (Comparator.LESS, self._distinct(ident, last=True)),
        ):
            for way in ways:
                bound = replace(way.results[0], comparator=comparator)
                yield Way(f"{ident} {comparator.value}{bound.value}", (bound,))

    def _other_intervals(self, ident: str) -> Iterator[Way]:
        """Without the laboratory's interval where the release has none; else with one that is narrower."""
        analyte = self.release.analytes[ident]
        if self._needs_interval(analyte):
            for way in self._cells(ident):
                yield Way(f"{way.label} without an interval", (replace(way.results[0], interval=None),))
            return
        for way in self._distinct(ident):
            result = way.results[0]
            step = Decimal(1).scaleb(Decimal(result.value).as_tuple().exponent)  # type: ignore[arg-type]
            # Of one end: with another one that is far from the default, no laboratory's interval is taken.
            for interval, by in (
                (LaboratoryInterval(high=result.value), step),
                (LaboratoryInterval(low=result.value), -step),
            ):
                beyond = Decimal(result.value) + by
                if beyond > 0:
                    moved = replace(result, value=plain(beyond), interval=interval)
                    end = "to" if by > 0 else "from"
                    yield Way(f"{ident} {moved.value} against an interval {end} {result.value}", (moved,))

    def _wrong_units(self) -> Iterator[Way]:
        result = self._result("potassium", "5")
        coding = (Coding("http://loinc.org", "2823-3"),)
        yield Way("potassium without a unit", (replace(result, unit=""),))
        yield Way("potassium in a foreign unit", (replace(result, unit="g/L"),))
        yield Way("potassium in mg/dL by a molar code", (replace(result, unit="mg/dL", codings=coding),))

    def _without_bands(self) -> Iterator[Way]:
        for value in ("40", "200", "300", "400"):
            yield Way(
                f"vitamin_d_25oh {value} under es_2024",
                (self._result("vitamin_d_25oh", value),),
                vitamin_d_policy="es_2024",
            )

    def _falls(self, ident: str) -> Iterator[Way]:
        """A value after a higher one, by as much as each step of a fall."""
        values = [way.results[0].value for way in self._cells(ident)]
        for value in values:
            for percent in (15, 25, 50):
                earlier = Decimal(value) * 100 / (100 - percent)
                before = self._result(ident, plain(round(earlier, 3)), collected=_at(-96), id=f"{ident}_before")
                now = self._result(ident, value, collected=_at(0))
                yield Way(f"{ident} {value} after a fall of {percent} %", (now, before))

    def _potassium(self) -> Iterator[Way]:
        for value in ("5.4", "5.8", "6.2", "6.8"):
            before = self._result("potassium", "4.4", collected=_at(-8), id="potassium_before")
            yield Way(f"potassium {value} 8 h after 4.4", (self._result("potassium", value, collected=_at(0)), before))
        for high, low in (("6.8", "4.5"), ("5.8", "4.5"), ("6.8", "6.0")):
            for first, second in ((SpecimenKind.SERUM, SpecimenKind.PLASMA), (SpecimenKind.PLASMA, SpecimenKind.SERUM)):
                pair = (
                    self._result("potassium", high, collected=_at(0), specimen=Specimen("S1", first), id="first"),
                    self._result("potassium", low, collected=_at(0), specimen=Specimen("S2", second), id="second"),
                )
                yield Way(f"potassium {high} in {first.value}, {low} in {second.value}", pair)

    def _crossed(self, *idents: str) -> list[Way]:
        """Results of several analytes together, and each alone."""
        cells = [[None, *self._distinct(ident)] for ident in idents]
        return [
            Way(" and ".join(way.label for way in pair if way), tuple(r for way in pair if way for r in way.results))
            for pair in ((one, other) for one in cells[0] for other in cells[1])
        ]

    def _distinct(self, ident: str, *, last: bool = False) -> list[Way]:
        """The cells of an analyte, one for each set of facts that they make: its lowest value or the last."""
        if ident not in self._classes:
            classes: dict[frozenset[object], list[Way]] = {}
            for way in self._cells(ident):
                facts = lay_out(self.release, panel_of([way])).facts
                made = frozenset(item for item in facts.known.items() if item[0][0] in _MADE)
                classes.setdefault(made, []).append(way)
            self._classes[ident] = list(classes.values())
        return [ways[-1 if last else 0] for ways in self._classes[ident]]

    def _injury(self) -> Iterator[Way]:
        for now, then in (("200", "80"), ("100", "60"), ("80", "80"), ("200", "200")):
            pair = (
                self._result("creatinine", now, collected=_at(0)),
                self._result("creatinine", then, collected=_at(-72), id="creatinine_before"),
            )
            yield Way(f"creatinine {now} after {then}", pair)

    def _calcium(self) -> Iterator[Way]:
        """Each calcium at every limit; and a value of each class of every kind beside others, with albumin and pH."""
        for ident in ("calcium_adjusted", "calcium_total", "calcium_ionised", "albumin", "ph"):
            yield from self._cells(ident)
        for ident in ("calcium_adjusted", "calcium_total", "calcium_ionised"):
            yield from self._bounds(ident)
        columns = [[None, *((ident, value) for value in values)] for ident, values in _BESIDE.items()]
        for chosen in product(*columns):
            results = tuple(self._result(*one) for one in chosen if one is not None)
            if len(results) > 1:
                yield Way(" and ".join(f"{result.analyte} {result.value}" for result in results), results)
        shifted = replace(self._result("calcium_ionised", "0.99"), interval=LaboratoryInterval("1.05", "1.30"))
        beside = (self._result("calcium_adjusted", "2.30"), self._result("ph", "7.55"))
        yield Way("calcium_ionised 0.99 against 1.05-1.30, adjusted 2.30, pH 7.55", (shifted, *beside))
        at_its_limit = (self._result("calcium_ionised", "1.15"), self._result("ph", "7.43"))
        normal = self._result("calcium_adjusted", "2.30")
        yield Way("calcium_ionised 1.15, pH 7.43, adjusted 2.30", (*at_its_limit, normal))
        for value in ("2.55", "2.60", "2.70"):
            pair = (
                self._result("calcium_adjusted", value, collected=_at(0)),
                self._result("calcium_adjusted", value, collected=_at(-720), id="calcium_before"),
            )
            yield Way(f"calcium_adjusted {value} twice", pair)

    # ------------------------------------------------------------------------------------------ context

    def _context(self) -> None:
        for ident in self.release.symptoms:
            self._choice("symptom", ident, list(self._of_symptom(ident)), {0: Truth.UNKNOWN, 1: Truth.FALSE})
        for kind, rows in (("condition", self.release.conditions), ("medication", self.release.medications)):
            plural = f"{kind}s"
            self.ways[plural] = (Way("open"), Way("sent whole", lists=frozenset((plural,))))
            self._say(Name("list", plural), plural, [Truth.UNKNOWN, Truth.FALSE])
            for ident in rows:
                self._choice(kind, ident, list(self._of_item(kind, ident)), {0: Truth.FALSE}, own=True)
        sexes = [
            Way("male"),
            Way("female", patient=replace(ADULT, sex=Sex.FEMALE)),
            Way("sex unknown", patient=replace(ADULT, sex=None)),
        ]
        self.ways["sex"] = tuple(sexes)
        self._say(Name("patient", "female"), "sex", [Truth.FALSE, Truth.TRUE, Truth.UNKNOWN])
        for ident, specimen in _SPECIMENS.items():
            said = Way(ident, results=(_ANY_RESULT,), specimen=specimen)
            self.ways[f"specimen {ident}"] = (Way("not said"), said)
            self._say(Name("specimen", ident), f"specimen {ident}", [Truth.FALSE, Truth.TRUE])
        twice = tuple(
            replace(_ANY_RESULT, collected=_at(hours), specimen=Specimen(haemolysis=Haemolysis.MODERATE))
            for hours in (0, -6)
        )
        self.ways["haemolysed"] = (Way("not said"), Way("haemolysed", twice[:1]), Way("haemolysed twice", twice))
        self._say(Name("specimen", "haemolysed"), "haemolysed", [Truth.FALSE, Truth.TRUE, Truth.TRUE])
        self._say(Name("specimen", "haemolysed_again"), "haemolysed", [Truth.FALSE, Truth.FALSE, Truth.TRUE])

    def _choice(self, kind: str, ident: str, ways: list[Way], truths: Mapping[int, Truth], own: bool = False) -> None:
        variable = f"{kind} {ident}"
        self.ways[variable] = tuple(ways)
        found = [truths.get(place, Truth.TRUE) for place in range(len(ways))]
        self._say(Name(f"own {kind}" if own else kind, ident), variable, found)
        for row in self.release.computations.timing:
            if ident in (*row.symptoms, *row.medications):
                said = [lay_out(self.release, panel_of([way])).facts for way in ways]
                timing = [one.known.get(("timing", row.id)) for one in said]
                self._say(Name("timing", row.id), variable, timing)

    def _say(self, name: Name, variable: str, truths: Sequence[Truth | None]) -> None:
        self.made.setdefault(name, {})[variable] = list(truths)

    def _of_symptom(self, ident: str) -> Iterator[Way]:
        yield Way(f"{ident} not mentioned")
        yield Way(f"{ident} denied", symptoms=(Symptom(id=ident, present=False),))
        yield Way(ident, symptoms=(Symptom(id=ident),))
        if any(ident in row.symptoms for row in self.release.computations.timing):
            for duration in ("P2D", "P40D"):
                yield Way(f"{ident} for {duration}", symptoms=(Symptom(id=ident, duration=duration),))

    def _of_item(self, kind: str, ident: str) -> Iterator[Way]:
        yield Way(f"{ident} not listed")
        times = [""]
        if kind == "medication" and any(ident in row.medications for row in self.release.computations.timing):
            times += ["2026-01-01", "2024-01-01"]
        for since in times:
            item = (ContextItem(id=ident, since=since),)
            label = f"{ident} since {since}" if since else ident
            yield Way(label, conditions=item) if kind == "condition" else Way(label, medications=item)

    # ------------------------------------------------------------------------------------------ names

    def _define(self, space: Space, name: Name, by_variable: Mapping[str, Sequence[Truth | None]]) -> None:
        """A name of one variable, or of several: TRUE by any; where none says anything, as absence is."""
        absent = Truth.FALSE if name.kind in ("final", "caution", "issue") else Truth.UNKNOWN
        if len(by_variable) == 1:
            ((variable, truths),) = by_variable.items()
            space.names[name] = _leaf(variable, [truth or absent for truth in truths])
            return
        parts: list[Expression] = []
        silent: list[Expression] = []
        for variable, truths in by_variable.items():
            said, unsaid = Name("said", f"{variable}: {name}"), Name("unsaid", f"{variable}: {name}")
            space.names[said] = _leaf(variable, [_spoken(truth, place) for place, truth in enumerate(truths)])
            space.names[unsaid] = _leaf(
                variable, [absent if truth is None or place == 0 else Truth.FALSE for place, truth in enumerate(truths)]
            )
            parts.append(said)
            silent.append(unsaid)
        space.names[name] = Combination("any", (*parts, Combination("all", tuple(silent))))

    def _rules(self, space: Space) -> None:
        release = self.release
        for ident, group in release.groups.items():
            space.names[Name("group", ident)] = Combination("any", group.members)
        for ident, rows in release.findings.items():
            self._finding(space, ident, rows)
        for pattern in release.patterns.values():
            space.names[Name("pattern", pattern.id)] = Ruled(pattern)
        for flag in release.red_flags.values():
            space.names[Name("red_flag", flag.id)] = Ruled(flag)
            space.names[Name("emergency", flag.id)] = Ruled(flag, Urgency.EMERGENCY)
            if flag.value_only:
                for kind, least in (("red_flag", Urgency.NONE), ("emergency", Urgency.EMERGENCY)):
                    space.names[Name(kind, flag.id)] = Combination("any", tuple(_value_alone(release, least)))
        for kind in ("condition", "medication"):
            listed = release.conditions if kind == "condition" else release.medications
            for ident in listed:
                implying = [other for other, item in listed.items() if ident in (other, *item.implies)]
                parts = (*(Name(f"own {kind}", other) for other in implying), Name("list", f"{kind}s"))
                space.names[Name(kind, ident)] = Combination("any", parts)
        form = release.computations.refeeding
        for fall in form.falls:
            own = Name("own finding", fall.finding)
            if own in space.names:
                space.names[Name("finding", fall.finding)] = Combination("all", (form.when, own))
        injury = Name("finding", "AKI")
        if injury in space.names:
            space.names[Name("own finding", "AKI")] = space.names[injury]
            space.names[injury] = Combination("any", (Name("own finding", "AKI"), Name("condition", "aki")))
        self._specimen(space)

    def _finding(self, space: Space, ident: str, rows: Sequence[FindingRow]) -> None:
        """A finding that asks for more than its own number: with what it asks for."""
        if rows[0].computed or not any(row.when is not None for row in rows):
            return
        parts: list[Expression] = []
        for place, row in enumerate(rows):
            own = _own(ident, place)
            asked = [own] if own in space.names else []
            if row.when is not None:
                parts.append(Combination("all", (*asked, row.when)))
            else:
                parts += asked
        if parts:
            space.names[Name("finding", ident)] = Combination("any", tuple(parts))

    def _specimen(self, space: Space) -> None:
        """A panel of one specimen: what is said of the specimen is said of the panel."""
        for name in _names_read(self.release):
            if name.kind != "specimen" or name in space.names:
                continue
            if "." in name.id:
                space.names[name] = Name("class", name.id)
                continue
            for side in ("low", "high"):
                of_class = [
                    Name("class", f"{analyte.id}.{side}")
                    for analyte in self.release.analytes.values()
                    if getattr(analyte.form.findings, side) == name.id
                ]
                if of_class:
                    space.names[name] = Combination("any", tuple(of_class))
            space.names.setdefault(name, Name("finding", name.id))

    def _patient_facts(self, space: Space) -> None:
        symptoms = tuple(Name("symptom", ident) for ident in self.release.symptoms)
        space.names[Name("patient", "any_symptom")] = Combination("any", symptoms)
        silent, unsaid = [], []
        for ident in self.release.symptoms:
            variable = f"symptom {ident}"
            ways = self.ways[variable]
            silent.append(Name("not present", ident))
            unsaid.append(Name("not mentioned", ident))
            present = [any(symptom.present for symptom in way.symptoms) for way in ways]
            space.names[silent[-1]] = _leaf(variable, [Truth.of(not one) for one in present])
            space.names[unsaid[-1]] = _leaf(variable, [Truth.of(not way.symptoms) for way in ways])
        well = Name("condition", "recorded_well")
        space.names[Name("patient", "no_symptoms")] = Combination("all", (*silent, well))
        space.names[Name("patient", "symptoms_unknown")] = Combination("all", tuple(unsaid))
        flags = tuple(Name("red_flag", flag.id) for flag in self.release.red_flags.values() if not flag.value_only)
        raising = Combination("any", flags)
        space.names[Name("patient", "red_flag_symptom")] = Combination("all", (raising, Name("patient", "any_symptom")))

    def _ages(self, space: Space):  # type: ignore[no-untyped-def]
        """The variable of age, with an age between each two limits that a rule asks for, and none."""
        clauses = {part for part in _parts_read(self.release) if isinstance(part, AgeClause)}
        limits = sorted({limit.days for clause in clauses for limit in (clause.begin, clause.end) if limit})
        days = [Decimal(0), *limits]
        stretches = [StatedAge(int(day) + 1, AgeUnit.DAYS) for day in days]
        years = [
            StatedAge(int(age.number / DAYS_PER[AgeUnit.YEARS]) + 1, AgeUnit.YEARS) if age.number > 730 else age
            for age in stretches
        ]
        ages: list[StatedAge | None] = [StatedAge(40, AgeUnit.YEARS), *years, None]
        self.ways["age"] = tuple(Way(f"age {age or 'unknown'}", patient=replace(ADULT, age=age)) for age in ages)
        space.sizes["age"] = len(ages)

        def leaf(clause: AgeClause) -> Leaf:
            whom = AgeRange(begin=clause.begin, end=clause.end)
            return _leaf("age", [Truth.of(in_range(age, whom)) for age in ages])

        return leaf


# A value of each class, of what is looked at together with calcium.
_BESIDE: Mapping[str, tuple[str, ...]] = {
    "calcium_ionised": ("0.95", "1.13", "1.20", "1.40"),
    "calcium_adjusted": ("2.05", "2.30", "2.80"),
    "calcium_total": ("2.00", "2.30", "2.80"),
    "albumin": ("26", "40", "52"),
    "ph": ("7.20", "7.43", "7.50"),
}
_INFUSION = ContextItem(id="pre_eclampsia_infusion")
# A result of which no rule reads anything, so that there is a specimen to speak of.
_ANY_RESULT = Result(0, analyte="lipase", value="40", unit="U/L")
_SPECIMENS: Mapping[str, Specimen] = {
    "delayed": Specimen(comments=("delayed separation",)),
    "pneumatic_tube": Specimen(transport="pneumatic tube"),
    "heparin": Specimen(additive="HEPL"),
    "serum": Specimen(kind=SpecimenKind.SERUM),
    "plasma": Specimen(kind=SpecimenKind.PLASMA),
    "whole_blood": Specimen(kind=SpecimenKind.WHOLE_BLOOD),
}


def _leaf(variable: str, truths: Sequence[Truth]) -> Leaf:
    return Leaf(variable, tuple(truths))


def _spoken(truth: Truth | None, place: int) -> Truth:
    """What a variable says of a name beside others: saying nothing (its first way) is no reason for it."""
    return Truth.FALSE if truth is None or place == 0 else truth


def _own(ident: str, place: int) -> Name:
    return Name("own finding", f"{ident} {place}")


def _alone(release: Release, row: FindingRow, laid: Laid) -> Truth | None:
    """What a row's own number comes to, whatever else it asks for; None where its analyte is not in the panel."""
    if not (row.limits or row.classes or row.bands):
        return None
    without = replace(row, when=None)
    sent = [entry for entry in laid.entries if entry.analyte is not None and entry.analyte.id == row.analyte]
    return findings.of_rows(release, (without,), findings.Sent.of(laid.entries), laid.facts) if sent else None


def _members(release: Release, variable: str) -> frozenset[str]:
    if variable in TOGETHER:
        return frozenset(TOGETHER[variable])
    return frozenset({variable}) & release.analytes.keys()


def _at(hours: int) -> Collected:
    moment = datetime.fromtimestamp(NOW.timestamp() + hours * 3600, UTC)
    return Collected(moment.isoformat(), moment.date(), moment)


def _numbers(form: Form, unit: str) -> Iterator[Decimal]:
    """Every number of a form's limits in a unit."""
    for _, value in items_of(form):
        if isinstance(value, dict) and unit in value and hasattr(value[unit], "numbers"):
            yield from value[unit].numbers
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, Form):
                yield from _numbers(part, unit)


def _value_alone(release: Release, least: Urgency) -> Iterator[Name]:
    for analyte in release.analytes.values():
        for table in analyte.form.band_tables:
            for row in table.bands:
                if row.value_alone and _urgency_alone(row) >= least:
                    yield (
                        _counting(analyte.id, row)
                        if row.value_alone_within
                        else Name("band", f"{analyte.id}.{row.band}")
                    )


def _counting(analyte: str, row: BandRow) -> Name:
    """The name of a value that counts alone, of a band of which only a part does."""
    return Name("alone", f"{analyte}.{row.band}")


def _urgency_alone(row: BandRow) -> Urgency:
    """The urgency that every value of a band has that counts alone: raised where the value by itself raises it."""
    within = row.value_alone_within
    raised = [
        raises.urgency
        for raises in row.raises
        if within
        and raises.when is None
        and all(
            unit in raises.limits and limit.span().inside(raises.limits[unit].span()) for unit, limit in within.items()
        )
    ]
    return max([row.urgency, *raised])


def _analytes_of(release: Release, ident: str) -> set[str]:
    """The analytes that a finding rests on."""
    found = {row.analyte for row in release.findings.get(ident, ()) if row.analyte}
    for analyte in release.analytes.values():
        form = analyte.form.findings
        if ident in (form.low, form.high, form.indeterminate):
            found.add(analyte.id)
    return found


def _parts_read(release: Release) -> Iterator[Expression]:
    """Every leaf of every expression of a release's rules."""
    forms: list[Form] = [
        *release.patterns.values(),
        *release.red_flags.values(),
        *release.recommendations.values(),
        *release.groups.values(),
        *(row for rows in release.findings.values() for row in rows),
        *(analyte.form for analyte in release.analytes.values()),
    ]
    for form in forms:
        for expression in expressions_in(form):
            yield from _leaves_of(expression)


def expressions_in(form: Form) -> Iterator[Expression]:
    """Every expression of a form and of its parts."""
    for _, value in items_of(form):
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, Form):
                yield from expressions_in(part)
            elif isinstance(part, Name | AgeClause | Combination):
                yield part


def _leaves_of(expression: Expression) -> Iterator[Expression]:
    if isinstance(expression, Combination):
        for part in expression.parts:
            yield from _leaves_of(part)
    else:
        yield expression


def _names_read(release: Release) -> list[Name]:
    return list(dict.fromkeys(part for part in _parts_read(release) if isinstance(part, Name)))
