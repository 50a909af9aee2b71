"""Which rows speak for a patient: interval, band table, critical limits, for each admissible kind of patient."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from labgloss.domain.panel import LaboratoryInterval, Options, Result, SpecimenKind
from labgloss.domain.quantity import ARITHMETIC, Span, scaled_span
from labgloss.domain.report import IntervalInForce, IntervalOrigin, Reading
from labgloss.domain.subject import Age, BirthDate, Patient, Sex
from labgloss.engine.facts import Facts
from labgloss.engine.judged import Judged
from labgloss.frozen import dataclass
from labgloss.knowledge import banding
from labgloss.knowledge.partition import Cell, Known, admissible_cells, covers, in_range
from labgloss.knowledge.release import DEFAULT, SITE, Analyte, Release, Site
from labgloss.knowledge.schema import BandTable, ChoiceRow, CriticalRow, IntervalRow, Population

VITAMIN_D = "vitamin_d_25oh"
VITAMIN_D_COMPONENTS = frozenset({"vitamin_d_25oh_d3", "vitamin_d_25oh_d2"})
VITAMIN_D_POLICY = "vitamin_d_policy"
LABORATORY = "laboratory"

_NUMBER = r"([0-9]+(?:[.,][0-9]{1,2}|\.[0-9]+)?)"
_BETWEEN = re.compile(rf"{_NUMBER}\s*(?:-|–|—|\bto\b|\.\.)\s*{_NUMBER}")
# What systems send in the place of an interval that nobody entered: 0-0, 0-9999. By it every value would be normal.
_PLACEHOLDER = re.compile(r"9{3,}(?:\.9+)?|9{2,}\.9+")
_ONE_END = re.compile(rf"(<=|>=|<|>|≤|≥)\s*{_NUMBER}")


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is chosen for an analyte, by the request before the site."""

    policy: str
    # Used together: a set adds, it never removes (DEC-08), so that no request takes the site's away.
    critical_limits: tuple[str, ...]
    # The first that has an interval for the patient counts.
    intervals: tuple[str, ...]


def chosen_for(site: Site, options: Options, analyte: str) -> Chosen:
    """What the options of a request choose for an analyte, else the site, else nobody."""
    sets = (DEFAULT, SITE, site.choice("critical_limits"), options.critical_limits)
    variants = (options.intervals, *site.variants_of(analyte), DEFAULT)
    return Chosen(
        options.vitamin_d_policy or site.choice("vitamin_d_policy"),
        tuple(dict.fromkeys(name for name in sets if name)),
        tuple(dict.fromkeys(name for name in variants if name)),
    )


@dataclass(frozen=True, slots=True)
class Policy:
    """The vitamin D policy in force for a kind of patient."""

    row: ChoiceRow
    # Chosen, but it speaks for another population: the default of the age is used (DEC-68).
    not_applicable: str = ""


@dataclass(frozen=True, slots=True)
class Ends:
    """The interval in force in the unit compared, where its ends come from, and how the report shows it."""

    span: Span
    shown: tuple[IntervalInForce, ...]
    default_used: bool


@dataclass(frozen=True, slots=True)
class Rows:
    """Everything that speaks for one kind of patient."""

    cell: Cell
    ends: Ends | None
    table: BandTable | None
    critical: tuple[CriticalRow, ...]


def age_of(patient: Patient, judged: Judged, panel_age: Age | None) -> Age | None:
    """The age at collection; at the panel's date of reference when the result has none (DEC-81)."""
    if isinstance(patient.age, BirthDate):
        collected = judged.result.collected if judged.result else None
        return patient.age.age_on(collected.day) if collected else panel_age
    return patient.age


def known_of(patient: Patient, age: Age | None, judged: Judged, blood: bool) -> Known:
    """What is known of a result's patient and specimen for choosing rows."""
    kind = judged.result.specimen.kind if judged.result else None
    specimen = None
    if kind is SpecimenKind.SERUM:
        specimen = "serum"
    elif kind is not None or blood:
        # Whole blood, capillary, venous and arterial samples take the plasma interval (DEC-58).
        specimen = "plasma"
    contradictory = patient.sex is Sex.MALE and bool(patient.pregnant or patient.trimester)
    return Known(
        age,
        None if contradictory else patient.sex,
        None if contradictory else patient.pregnant,
        None if contradictory else patient.trimester,
        patient.preterm,
        specimen,
    )


def rows_for(
    release: Release,
    analyte: Analyte,
    known: Known,
    reading: Reading,
    laboratory: LaboratoryEnds,
    facts: Facts,
    chosen: Chosen,
) -> tuple[Rows, ...]:
    """The rows for every kind of patient that this one may be; kinds with the same rows are one."""
    distinct: dict[tuple[object, ...], Rows] = {}
    for cell in admissible_cells(analyte.axes, known, release.computations.pregnancy.age):
        ends = _ends(release, analyte, cell, reading, laboratory, chosen.intervals)
        policy = policy_for(release, cell.age, chosen.policy, facts).row.id if analyte.id == VITAMIN_D else ""
        critical = _critical(analyte, cell, chosen.critical_limits, facts)
        rows = Rows(cell, ends, _table(analyte, cell, policy, facts), critical)
        signature = (ends and ends.shown, rows.table and rows.table.id, tuple(row.id for row in rows.critical))
        distinct.setdefault(signature, rows)
    return tuple(distinct.values())


# ---------------------------------------------------------------------------------------------- intervals


@dataclass(frozen=True, slots=True)
class LaboratoryEnds:
    """The laboratory's own interval as read, in the unit of the result; a span that is None was not sent."""

    span: Span | None = None
    unreadable: bool = False
    # Read, and no interval of the analyte in the unit of the result: not used.
    implausible: bool = False


NOT_SENT = LaboratoryEnds()
IMPLAUSIBLE = LaboratoryEnds(implausible=True)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a laboratory's interval can be for one kind of patient, in the unit compared."""

    # The interval in force without the laboratory's, which one of the same analyte and unit meets; None: not known.
    default: Span | None
    # Where severe or critical values begin; the interval of no laboratory reaches beyond.
    lowest: Decimal | None
    highest: Decimal | None

    def admit(self, own: Span) -> bool | None:
        """Whether an interval may be one of this kind of patient; None where nothing says."""
        if self.lowest is not None and own.low is not None and own.low < self.lowest:
            return False
        if self.highest is not None and own.high is not None and own.high > self.highest:
            return False
        return None if self.default is None else own.overlaps(self.default)


def bounds_of(unit: str, rows: Sequence[Rows]) -> tuple[Bounds, ...]:
    """What a laboratory's interval in a unit can be, for each kind of patient; by rows without such an interval."""
    return tuple(_bounds(unit, one) for one in rows)


def _bounds(unit: str, rows: Rows) -> Bounds:
    spans = [row.limits[unit].span() for row in rows.critical if row.set == DEFAULT and unit in row.limits]
    for band in rows.table.bands if rows.table is not None else ():
        if not (band.yields_to_interval or band.side == "normal" or band.limits[unit].needs_interval):
            # Of the bands that no interval moves the outermost one, which is unbounded: a milder one only overrules
            # the interval (DEC-49), and so do the limits of a chosen set (DEC-87).
            spans.append(band.limits[unit].span())
    return Bounds(
        rows.ends.span if rows.ends is not None else None,
        max((span.high for span in spans if span.low is None and span.high is not None), default=None),
        min((span.low for span in spans if span.high is None and span.low is not None), default=None),
    )


def within_bounds(
    release: Release, analyte: Analyte, reading: Reading, own: LaboratoryEnds, bounds: Sequence[Bounds]
) -> LaboratoryEnds:
    """The laboratory's interval of a reading, unless it can be none of its analyte in its unit (DK K2, DEC-101).

    It stands where it may be that of one kind of patient whom the result may be of. Where no interval is known for a
    kind, it falls only to those of other patients: when as sent it meets none, and in another customary unit it does.
    """
    if own.span is None:
        return own
    admitted = {kind.admit(scaled_span(own.span, reading.factor)) for kind in bounds}
    if True in admitted or (
        None in admitted and not _of_another_unit(release, analyte, own.span, reading.quantity.unit)
    ):
        return own
    return IMPLAUSIBLE


def _of_another_unit(release: Release, analyte: Analyte, own: Span, sent: str) -> bool:
    """Whether an interval meets no default of its analyte in the unit of its result, and one in another unit."""

    def met_in(unit: str) -> bool:
        known = (
            banding.interval_in(release.unit_table, analyte.form, row, unit)
            for row in analyte.intervals.get(DEFAULT, ())
        )
        return any(span is not None and own.overlaps(span) for span in known)

    return not met_in(sent) and any(met_in(unit) for unit in analyte.customary.values() if unit != sent)


def laboratory_ends_of(release: Release, result: Result) -> LaboratoryEnds:
    """The laboratory's interval of a result as read."""
    if result.interval is None:
        return NOT_SENT
    return laboratory_ends(result.interval, release.unit_table.spellings_of(result.unit))


def laboratory_ends(interval: LaboratoryInterval | None, units: Sequence[str] = ()) -> LaboratoryEnds:
    """The laboratory's interval as read; unreadable text, low above high, or a placeholder is said, not used (DEC-79).

    Its text may stand in brackets and repeat the unit of the result, in one of its spellings, and no other.
    """
    if interval is None or (interval.low is None and interval.high is None and not interval.text.strip()):
        return LaboratoryEnds()
    if interval.low is not None or interval.high is not None:
        low, high = _end(interval.low), _end(interval.high)
        if (interval.low is not None and low is None) or (interval.high is not None and high is None):
            return LaboratoryEnds(unreadable=True)
        span: Span | None = Span(low, True, high, True)
    else:
        span = _span_of_text(_without_unit(_unwrapped(interval.text), units))
    unread = span is None or span.empty or _is_placeholder(span)
    return LaboratoryEnds(unreadable=True) if unread else LaboratoryEnds(span)


def _is_placeholder(span: Span) -> bool:
    """Whether a span stands for an interval that nobody entered."""
    return span.high is not None and (span.high == 0 or _PLACEHOLDER.fullmatch(f"{span.high:f}") is not None)


def _unwrapped(text: str) -> str:
    inner = text.strip()
    return inner[1:-1].strip() if inner[:1] + inner[-1:] in ("()", "[]") else inner


def _without_unit(text: str, units: Sequence[str]) -> str:
    endings = (form for unit in units for form in (unit, f"({unit})", f"[{unit}]"))
    return next((_unwrapped(text.removesuffix(ending)) for ending in endings if text.endswith(ending)), text)


def _end(text: str | None) -> Decimal | None:
    match = re.fullmatch(r"[0-9]+(?:\.[0-9]+)?", text.strip()) if text is not None else None
    return Decimal(match.group()) if match and len(match.group()) <= ARITHMETIC.prec // 2 else None


def _span_of_text(text: str) -> Span | None:
    if match := _BETWEEN.fullmatch(text):
        low, high = (Decimal(end.replace(",", ".")) for end in match.groups())
        return Span(low, True, high, True)
    if match := _ONE_END.fullmatch(text):
        operator, end = match[1], Decimal(match[2].replace(",", "."))
        inclusive = operator in ("<=", ">=", "≤", "≥")
        return Span(high=end, high_inclusive=inclusive) if operator[0] in "<≤" else Span(end, inclusive)
    return None


def _ends(
    release: Release,
    analyte: Analyte,
    cell: Cell,
    reading: Reading,
    laboratory: LaboratoryEnds,
    variants: Sequence[str],
) -> Ends | None:
    """The laboratory's interval, else the first of the variants' (K2, R-RI-1); none where none is known."""
    row = _interval_row(analyte, cell, variants)
    unit = reading.compared.unit
    own = laboratory.span
    default = banding.interval_in(release.unit_table, analyte.form, row, unit) if row else None
    if own is None:
        if row is None or default is None:
            return None
        return Ends(default, (_shown_row(row, unit, default),), True)
    span = scaled_span(own, reading.factor)
    shown = [shown_of_laboratory(own, reading.quantity.unit)]
    default_used = False
    if default is not None and row is not None:
        fills_low = span.low is None and default.low is not None
        fills_high = span.high is None and default.high is not None
        if default_used := fills_low or fills_high:
            span = Span(
                default.low if fills_low else span.low,
                default.low_inclusive if fills_low else span.low_inclusive,
                default.high if fills_high else span.high,
                default.high_inclusive if fills_high else span.high_inclusive,
            )
            shown.append(_shown_row(row, unit, default))
    return Ends(span, tuple(shown), default_used)


def shown_of_laboratory(span: Span, unit: str) -> IntervalInForce:
    """A laboratory's own interval as the report shows it, in the unit of the result."""
    return IntervalInForce(span, unit, IntervalOrigin.LABORATORY, "as the laboratory sent it", LABORATORY, LABORATORY)


def _interval_row(analyte: Analyte, cell: Cell, variants: Sequence[str]) -> IntervalRow | None:
    """The first variant's row for the patient: a variant need not speak for everybody, the default does."""
    for name in variants:
        for row in analyte.intervals.get(name, ()):
            if covers(row, cell):
                return row
    return None


_ORIGINS = {DEFAULT: IntervalOrigin.DEFAULT, SITE: IntervalOrigin.OVERLAY}


def _shown_row(row: IntervalRow, unit: str, span: Span) -> IntervalInForce:
    origin = _ORIGINS.get(row.variant, IntervalOrigin.VARIANT)
    if unit not in row.limits:
        unit, limit = next(iter(row.limits.items()))
        span = limit.span()
    return IntervalInForce(span, unit, origin, whom(row), row.id, row.status, row.source)


def whom(row: Population) -> str:
    """Whom a row is for, in words."""
    parts: list[str] = []
    begin, end = row.age.begin, row.age.end
    if begin and end:
        parts.append(f"age {begin} to under {end}")
    elif begin or end:
        parts.append(f"age from {begin}" if begin else f"age under {end}")
    if row.preterm is not None:
        parts.append("born preterm" if row.preterm else "born at term")
    if row.sex:
        parts.append(row.sex)
    if row.pregnancy and row.pregnancy != ("none",):
        trimesters = [name.removeprefix("trimester_") for name in row.pregnancy if name != "none"]
        parts.append(f"pregnancy, trimester {' or '.join(trimesters)}")
    elif row.pregnancy:
        parts.append("not pregnant")
    if row.specimen:
        parts.append(" or ".join(row.specimen))
    return ", ".join(parts) or "everybody"


# ---------------------------------------------------------------------------------------------- limits


def _table(analyte: Analyte, cell: Cell, policy: str, facts: Facts) -> BandTable | None:
    """The band table for the patient: one whose context is TRUE, else the one that asks for none."""
    candidates = [table for table in analyte.form.band_tables if table.policy == policy and covers(table, cell)]
    in_context = [table for table in candidates if table.when is not None and facts.holds(table.when)]
    return next(iter(in_context or [table for table in candidates if table.when is None]), None)


def _critical(analyte: Analyte, cell: Cell, sets: Sequence[str], facts: Facts) -> tuple[CriticalRow, ...]:
    """Critical limits of all sets together: a set adds, it never removes (DEC-08)."""
    return tuple(
        row
        for name in sets
        for row in analyte.critical.get(name, ())
        if covers(row, cell) and facts.holds(row.when) and not (row.unless is not None and facts.holds(row.unless))
    )


def policy_for(release: Release, age: Age | None, chosen: str, facts: Facts) -> Policy:
    """The vitamin D policy chosen where it speaks for the patient, else the default of the age (D2, DEC-68)."""
    rows = release.choices[VITAMIN_D_POLICY]
    default = next(
        row for row in rows.values() if row.default_for is not None and in_range(age, row.default_for) is not False
    )
    row = rows.get(chosen)
    if row is None or row.wording_only:
        return Policy(default)
    if in_range(age, row.age) is not True or not facts.holds(row.when):
        return Policy(default, row.id)
    return Policy(row)
