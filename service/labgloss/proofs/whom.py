"""The kinds of patient that an impact asks of: whom rows tell apart, what may be chosen, what may be recorded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from labgloss.domain.panel import ContextItem, Options, Panel, Result, Specimen, SpecimenKind
from labgloss.domain.subject import DAYS_PER, AgeLimit, AgeUnit, Patient, Pregnancy, StatedAge
from labgloss.knowledge.expression import Expression, Name, names
from labgloss.knowledge.partition import NOTHING_KNOWN, Cell, Known, admissible_cells
from labgloss.knowledge.release import Analyte, Release

_ADULT = AgeLimit(18, AgeUnit.YEARS)
_TRIMESTERS = {Pregnancy.TRIMESTER_1: 1, Pregnancy.TRIMESTER_2: 2, Pregnancy.TRIMESTER_3: 3}


@dataclass(frozen=True, slots=True)
class Whom:
    """A kind of patient, what is chosen for it, a condition or medication that is recorded, and who sends it."""

    cell: Cell
    options: Options = field(default_factory=Options)
    recorded: Name | None = None
    source: str = ""

    def __str__(self) -> str:
        age = _stated(self.cell)
        chosen = [
            f"{name} {value}"
            for name, value in (
                ("vitamin D policy", self.options.vitamin_d_policy),
                ("critical limits", self.options.critical_limits),
                ("intervals", self.options.intervals),
                ("recorded:", self.recorded.id if self.recorded else ""),
                ("source", self.source),
            )
            if value
        ]
        return ", ".join((str(self.cell).replace(str(self.cell.age), str(age), 1), *chosen))

    @property
    def patient(self) -> Patient:
        """The patient as sent: what no row tells apart is not said."""
        cell = self.cell
        pregnant = None if cell.pregnancy is None else cell.pregnancy is not Pregnancy.NONE
        trimester = None if cell.pregnancy is None else _TRIMESTERS.get(cell.pregnancy)
        return Patient(_stated(cell), cell.sex, pregnant, trimester, cell.preterm)

    @property
    def known(self) -> Known:
        """What is known of the patient and the specimen for choosing rows."""
        sent = self.patient
        age = _stated(self.cell)
        return Known(age, sent.sex, sent.pregnant, sent.trimester, sent.preterm, self.cell.specimen)

    def panel(self, analyte: str, value: str, unit: str) -> Panel:
        """The panel with this one result."""
        kind = {"serum": SpecimenKind.SERUM, "plasma": SpecimenKind.PLASMA}.get(self.cell.specimen or "")
        recorded = {kind: (ContextItem(id=ident),) for kind, ident in self._recorded()}
        return Panel(
            patient=self.patient,
            results=(Result(0, analyte=analyte, value=value, unit=unit, specimen=Specimen(kind=kind)),),
            conditions=recorded.get("condition"),
            medications=recorded.get("medication"),
            source=self.source,
            options=self.options,
        )

    def _recorded(self) -> Iterator[tuple[str, str]]:
        if self.recorded is not None:
            yield self.recorded.kind, self.recorded.id


def _stated(cell: Cell) -> StatedAge:
    """The age of a kind of patient; of an adult in years, as it is sent."""
    age = cell.age
    assert isinstance(age, StatedAge)
    days = age.number * DAYS_PER[age.unit]
    return StatedAge(int(days / DAYS_PER[AgeUnit.YEARS]), AgeUnit.YEARS) if age.reached(_ADULT) else age


def kinds(before: Release, after: Release, one: Analyte, other: Analyte, source: str = "") -> Iterator[Whom]:
    """Every kind of patient that either release tells apart, with nothing chosen and with each choice, with nothing
    recorded and with each item that a row asks for; adults first, who are the example where all are alike."""
    cells = {
        cell: None
        for release, analyte in ((before, one), (after, other))
        for cell in admissible_cells(analyte.axes, NOTHING_KNOWN, release.computations.pregnancy.age)
    }
    ordered = sorted(cells, key=lambda cell: not cell.age.reached(_ADULT))
    for options in _options(before, after, one, other):
        for recorded in (None, *_asked(before, one, other)):
            for cell in ordered:
                yield Whom(cell, options, recorded, source)


def _options(before: Release, after: Release, one: Analyte, other: Analyte) -> Iterator[Options]:
    """Nothing chosen, then each variant, set and policy that both releases know, one at a time."""
    yield Options(trace=False)
    forms = (one.form, other.form)
    for variant in dict.fromkeys(row.variant for form in forms for row in form.intervals):
        if variant in before.interval_variants and variant in after.interval_variants and variant != "default":
            yield Options(intervals=variant, trace=False)
    for chosen in dict.fromkeys(row.set for form in forms for row in form.critical):
        if chosen in before.critical_limit_sets and chosen in after.critical_limit_sets and chosen != "default":
            yield Options(critical_limits=chosen, trace=False)
    for policy in dict.fromkeys(table.policy for form in forms for table in form.band_tables):
        if policy and policy in before.vitamin_d_policies and policy in after.vitamin_d_policies:
            yield Options(vitamin_d_policy=policy, trace=False)


def _asked(release: Release, one: Analyte, other: Analyte) -> tuple[Name, ...]:
    """Conditions and medications that make what a row of the analyte asks for TRUE; of a group the first."""
    asked: list[Expression | None] = []
    for form in (one.form, other.form):
        asked += [table.when for table in form.band_tables]
        asked += [condition for row in form.critical for condition in (row.when, row.unless)]
    if one.form.plausibility != other.form.plausibility:
        asked += [row.unless for form in (one.form, other.form) for row in form.plausibility]
    found = (_recordable(release, name) for part in asked if part is not None for name in names(part))
    return tuple(dict.fromkeys(name for name in found if name is not None))


def _recordable(release: Release, name: Name) -> Name | None:
    if name.kind in ("condition", "medication"):
        return name
    if name == Name("finding", "AKI"):
        # Recorded as a condition, it is one (interpret).
        return Name("condition", "aki")
    if name.kind == "group" and name.id in release.groups:
        members: Iterable[Name] = (inner for member in release.groups[name.id].members for inner in names(member))
        return next((found for inner in members if (found := _recordable(release, inner)) is not None), None)
    return None
