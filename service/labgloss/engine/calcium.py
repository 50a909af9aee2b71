"""Which calcium counts: albumin adjustment (R-ADJ-1), its validity, and the primary one (R-PRIM, R-ADJ-4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from labgloss.domain.altered import altered
from labgloss.domain.quantity import ARITHMETIC, Comparator, Quantity, Span, round_half_up, scaled
from labgloss.domain.report import Critical, Reading, RefusalReason, ResultClass, ResultState
from labgloss.domain.subject import Age
from labgloss.domain.truth import Truth
from labgloss.engine.facts import Facts
from labgloss.engine.judged import ARTEFACTS, Judged, Verdict
from labgloss.engine.normalise import reading_of
from labgloss.engine.plausibility import lowest_measurable
from labgloss.engine.series import collected_before, elapsed_between, same_draw
from labgloss.frozen import dataclass
from labgloss.knowledge.partition import in_range
from labgloss.knowledge.release import Release
from labgloss.knowledge.schema import AdjustmentFormula, ValidityRow
from labgloss.knowledge.units import factor_between

FAMILY = "calcium"
TOTAL, ADJUSTED, IONISED, ALBUMIN = "calcium_total", "calcium_adjusted", "calcium_ionised", "albumin"
CALCIUMS = frozenset((TOTAL, ADJUSTED, IONISED))
IONISED_MISSING = "an ionised calcium"
PRELIMINARY = "preliminary_result"


@dataclass(frozen=True, slots=True)
class Adjustment:
    """How far the albumin adjustment may be trusted for this patient."""

    not_valid: tuple[ValidityRow, ...] = ()
    low_confidence: tuple[ValidityRow, ...] = ()
    # Below the age of adjustment: TRUE, FALSE, or UNKNOWN.
    newborn: Truth = Truth.UNKNOWN

    @property
    def valid(self) -> bool:
        """Whether an adjusted calcium may stand alone."""
        return not self.not_valid and self.newborn is Truth.FALSE

    @property
    def doubt(self) -> str:
        """Why it may not stand alone, in words."""
        texts = [row.text for row in self.not_valid]
        return " and ".join(texts or ["the patient may be too young for it"])


def adjustment_of(release: Release, entries: Sequence[Judged], age: Age | None, facts: Facts) -> Adjustment:
    """The validity of the adjustment from albumin, eGFR, pH, age and context (MC 4.2); not asked without a calcium."""
    if not any(_is_calcium(entry) for entry in entries):
        return Adjustment()
    form = release.computations.albumin_adjustment
    reached = None if age is None else age.reached(form.from_age)

    def holding(rows: Sequence[ValidityRow], *, may: bool) -> tuple[ValidityRow, ...]:
        return tuple(row for row in rows if _holds(row, entries, age, facts, may=may))

    return Adjustment(holding(form.not_valid, may=False), holding(form.low_confidence, may=True), ~Truth.of(reached))


def _is_calcium(entry: Judged) -> bool:
    return entry.analyte is not None and entry.analyte.id in CALCIUMS


def _holds(row: ValidityRow, entries: Sequence[Judged], age: Age | None, facts: Facts, *, may: bool) -> bool:
    """Whether a row holds; of a bound, whether every value that it allows lies there, or where asked, some value."""
    if row.analyte:
        spans = [
            (reading.compared.span, limit.span())
            for entry in entries
            if (reading := current(entry, row.analyte)) is not None
            and (limit := row.limits.get(reading.compared.unit)) is not None
        ]
        return any(value.overlaps(limit) if may else value.inside(limit) for value, limit in spans)
    return facts.holds(row.when) if row.when is not None else in_range(age, row.age) is True


def current(entry: Judged, analyte_id: str) -> Reading | None:
    """The reading of an entry that is of this analyte, counts now and was not refused."""
    if entry.analyte is None or entry.analyte.id != analyte_id or entry.earlier or entry.refusal is not None:
        return None
    return entry.reading


def computed_adjusted(release: Release, entries: Sequence[Judged], adjustment: Adjustment) -> list[Judged]:
    """An adjusted calcium for each total with an albumin, where the laboratory reported none since; none for a newborn.

    A total is adjusted with the albumin of its draw, else with one that is put together with it; of several, with the
    lowest and the highest. An albumin below a number gives the span of values that it allows; other bounds give none.
    What is computed from a total that its assay may have misread is refused with it (P06), and says by which rules.
    """
    if adjustment.newborn is Truth.TRUE:
        return []
    reported = [entry for entry in entries if current(entry, ADJUSTED) is not None]
    computed = []
    for total in entries:
        reading = current(total, TOTAL) or (total.reading if _misread(total) else None)
        if reading is not None and reading.quantity.measured and not any(_covers(one, total) for one in reported):
            found = (
                _adjusted_entry(release, total, reading, albumin) for albumin in _albumins(release, total, entries)
            )
            computed += [entry for entry in found if entry is not None]
    return computed


def _misread(entry: Judged) -> bool:
    """Whether an entry is a total calcium of now that its assay may have misread (P06)."""
    total = entry.analyte is not None and entry.analyte.id == TOTAL
    return total and entry.refusal is RefusalReason.ASSAY_INTERFERENCE and not entry.earlier


def _covers(better: Judged, other: Judged) -> bool:
    """Whether a calcium of a better kind counts in the place of another: not where that one was drawn since.

    What was measured later may have become critical since (promise 5), so that both count.
    """
    return not collected_before(better, other)


def _albumins(release: Release, total: Judged, entries: Sequence[Judged]) -> list[Judged]:
    """The albumins that may adjust a total: one, or the lowest and the highest of several."""
    within = timedelta(hours=release.computations.albumin_adjustment.combine_within_hours)
    usable = [
        entry
        for entry in entries
        if entry.read and entry.analyte is not None and entry.analyte.id == ALBUMIN and _bounded(entry) is not None
    ]
    drawn = [entry for entry in usable if same_draw(total, entry)]
    near = [entry for entry in usable if (apart := elapsed_between(total, entry)) is None or apart < within]
    ordered = sorted(drawn or near, key=lambda entry: _grams(release, entry))
    return [ordered[0], ordered[-1]] if len(ordered) > 1 else ordered


def _bounded(albumin: Judged) -> Decimal | None:
    """The highest value that an albumin may have, in its native unit; None where nothing bounds it."""
    return albumin.reading.compared.span.high if albumin.reading else None


def _grams(release: Release, albumin: Judged) -> Decimal:
    """The highest value that an albumin may have, in g/L."""
    assert albumin.reading is not None and albumin.analyte is not None
    factor = factor_between(release.unit_table, albumin.analyte.form, albumin.reading.compared.unit, "g/L")
    return scaled(_bounded(albumin) or Decimal(0), factor)


def _adjusted_entry(release: Release, total: Judged, reading: Reading, albumin: Judged) -> Judged | None:
    """The adjusted calcium of a total and an albumin, in the unit of the total, so that its interval goes with it."""
    formula = _formula(release, reading.compared.unit)
    assert albumin.reading is not None and total.index is not None and albumin.index is not None
    if formula is None:
        return None
    span = albumin.reading.compared.span
    factor = factor_between(
        release.unit_table, release.analytes[ALBUMIN].form, albumin.reading.compared.unit, formula.albumin_unit
    )
    measured = albumin.reading.quantity.measured
    lowest = _adjust(formula, reading.compared.value, scaled(span.high or Decimal(0), factor))
    allowed = None
    if not measured:
        least = lowest_measurable(albumin.analyte, albumin.reading) if albumin.analyte else Decimal(0)
        allowed = Span(
            lowest, span.high_inclusive, _adjust(formula, reading.compared.value, scaled(least, factor)), True
        )
    comparator = (
        Comparator.EQUAL if measured else Comparator.GREATER_OR_EQUAL if span.high_inclusive else Comparator.GREATER
    )
    back = 1 / reading.factor
    quantity = Quantity(scaled(lowest, back), reading.quantity.unit, comparator)
    kept = tuple(caution for caution in (PRELIMINARY,) if caution in (*total.cautions, *albumin.cautions))
    return Judged(
        None,
        "",
        release.analytes[ADJUSTED],
        # The total lends its interval, its specimen and its time (vocabulary.md 3).
        replace(total.result, id="", flags=(), codings=()) if total.result else None,
        reading=reading_of(release, release.analytes[ADJUSTED], quantity),
        allowed=allowed,
        unreliable=total.unreliable if _misread(total) else (),
        cautions=kept,
        computed_from=(total.index, albumin.index),
    )


def _adjust(formula: AdjustmentFormula, total: Decimal, albumin: Decimal) -> Decimal:
    """total + slope x (intercept - albumin), rounded half-up (R-ADJ-1)."""
    correction = ARITHMETIC.multiply(formula.slope, ARITHMETIC.subtract(formula.intercept, albumin))
    return max(round_half_up(ARITHMETIC.add(total, correction), formula.digits), Decimal(0))


def _formula(release: Release, unit: str) -> AdjustmentFormula | None:
    formulas = release.computations.albumin_adjustment.formulas
    return next((formula for formula in formulas if formula.total_unit == unit), None)


def choose_primary(entries: Sequence[Judged], adjustment: Adjustment) -> list[Judged]:
    """The entries, with the calcium that counts settled.

    Ionised, else reported adjusted, else computed adjusted, else total, of what was drawn no later. The others keep
    class and flag only. An adjustment that is not valid, without ionised calcium, judges total and adjusted together
    (R-ADJ-4).
    """
    if not any(_is_calcium(entry) for entry in entries):
        return list(entries)
    by_analyte = {
        ident: [entry for entry in entries if entry.live and entry.analyte is not None and entry.analyte.id == ident]
        for ident in (IONISED, ADJUSTED, TOTAL)
    }
    ionised, adjusted, total = by_analyte[IONISED], by_analyte[ADJUSTED], by_analyte[TOTAL]
    settled = [entry for entry in (*adjusted, *total) if any(_covers(one, entry) for one in ionised)]
    changed = _ionised_decides(ionised, settled) if settled else {}
    adjusted, total = ([one for one in kind if id(one) not in changed] for kind in (adjusted, total))
    known_older = adjustment.newborn is not Truth.TRUE
    for one in total:
        covering = _adjusted_of(one, adjusted)
        if not covering and known_older:
            changed[id(one)] = one.noting(cautions=("albumin_missing",))
        elif covering and adjustment.valid:
            changed[id(one)] = _secondary(one)
    if not adjustment.valid:
        for views in _views(adjusted, total):
            changed |= _joint(views, adjustment.doubt)
    changed |= {id(one): _refused_secondary(one) for one in _refused_beside_better(entries, adjustment)}
    return [_confidence(changed.get(id(entry), entry), adjustment) for entry in entries]


def _refused_beside_better(entries: Sequence[Judged], adjustment: Adjustment) -> list[Judged]:
    """The calciums that an artefact refused and that would not be the primary one, were they judged (R-PRIM).

    Where the better one was refused as well, both are read as reported, and it is the primary one of that reading.
    """
    known = [entry for entry in entries if entry.live or (_refused(entry) and not entry.earlier)]
    better = {TOTAL: {IONISED, ADJUSTED} if adjustment.valid else {IONISED}, ADJUSTED: {IONISED}}
    return [
        one
        for one in known
        if _refused(one)
        and one.analyte is not None
        and any(
            other.analyte is not None
            and other.analyte.id in better.get(one.analyte.id, ())
            and not other.computed_from
            and _covers(other, one)
            for other in known
        )
    ]


def _refused(entry: Judged) -> bool:
    return entry.refusal in ARTEFACTS and entry.measured is not None


def _refused_secondary(entry: Judged) -> Judged:
    """A refused calcium beside a better one: what it measured keeps its class, and brings no band and no critical."""
    assert entry.measured is not None
    return altered(entry.noting(cautions=("not_primary_calcium",)), primary=False, measured=_class_only(entry.measured))


def _adjusted_of(total: Judged, adjusted: Sequence[Judged]) -> list[Judged]:
    """The adjusted calciums that count for a total: a computed one for its own, a reported one for every other."""
    return [
        entry
        for entry in adjusted
        if (total.index in entry.computed_from if entry.computed_from else _covers(entry, total))
    ]


def _views(adjusted: Sequence[Judged], total: Sequence[Judged]) -> list[list[Judged]]:
    """Adjusted and total calciums that are views of one calcium: a total with what was computed from it, else all."""
    reported = [entry for entry in adjusted if not entry.computed_from]
    covered = [one for one in total if any(_covers(entry, one) for entry in reported)]
    groups = [[*reported, *covered]] if covered else []
    groups += [[*_adjusted_of(one, adjusted), one] for one in total if one not in covered]
    return [group for group in groups if len(group) > 1]


def _confidence(entry: Judged, adjustment: Adjustment) -> Judged:
    """An adjusted calcium with the caution that its adjustment deserves."""
    if entry.analyte is None or entry.analyte.id != ADJUSTED or not entry.live:
        return entry
    if not adjustment.valid:
        return entry.noting(cautions=("adjustment_not_valid",))
    if adjustment.low_confidence and entry.computed_from:
        return entry.noting(cautions=("adjustment_low_confidence",))
    return entry


def _ionised_decides(ionised: Sequence[Judged], others: Sequence[Judged]) -> dict[int, Judged]:
    sides = {entry.verdict.certain_class for entry in ionised if entry.verdict}
    changed = {id(entry): _secondary(entry) for entry in others}
    opposed = {
        entry.verdict.certain_class
        for entry in others
        if entry.verdict and not (entry.analyte and entry.analyte.id == TOTAL and _has(others, ADJUSTED))
    }
    if opposed - sides and ResultClass.INDETERMINATE not in sides | opposed:
        changed |= {id(entry): entry.noting(cautions=("calcium_discordant",)) for entry in ionised}
    return changed


def _has(entries: Sequence[Judged], analyte_id: str) -> bool:
    return any(entry.analyte is not None and entry.analyte.id == analyte_id for entry in entries)


def _secondary(entry: Judged) -> Judged:
    """A calcium that does not count: class and flag, no band, no critical."""
    verdict = entry.verdict
    assert verdict is not None
    entry = entry.noting(cautions=("not_primary_calcium",))
    return altered(entry, primary=False, verdict=_class_only(verdict))


def _class_only(verdict: Verdict) -> Verdict:
    return altered(verdict, bands=(), critical=Critical.NO, ctcae_grade=None, ctcae_needs_symptoms=False)


def _joint(views: Sequence[Judged], why: str) -> dict[int, Judged]:
    """Views of one calcium judged together: the same side takes the worst, different sides none (R-ADJ-4)."""
    verdicts = [entry.verdict for entry in views if entry.verdict is not None]
    classes = {verdict.classes for verdict in verdicts}
    criticals = [verdict.critical for verdict in verdicts]
    same_side = len(classes) == 1 and len(verdicts[0].classes) == 1
    if same_side:
        worst = max(views, key=_severity)
        assert worst.verdict is not None
        joint = altered(verdicts[0], bands=worst.verdict.bands, critical=max(criticals))
    else:
        every = all(critical is Critical.YES for critical in criticals)
        some = any(critical is not Critical.NO for critical in criticals)
        critical = Critical.YES if every else Critical.POSSIBLE if some else Critical.NO
        joint = altered(verdicts[0], classes=(ResultClass.INDETERMINATE,), bands=(), critical=critical)
    changed = {}
    for place, entry in enumerate(views):
        own = entry.verdict
        assert own is not None
        verdict = altered(own, classes=joint.classes, bands=joint.bands, critical=joint.critical)
        # All carry the verdict; the first brings its urgency, findings and recommendations, so that none doubles.
        if not same_side or place:
            verdict = altered(verdict, ctcae_grade=None, ctcae_needs_symptoms=False)
        changed[id(entry)] = altered(
            entry.noting(missing=(IONISED_MISSING,)),
            state=ResultState.CONDITIONAL,
            verdict=verdict,
            measured=own,
            opposed=tuple(other for other in views if other is not entry),
            because=why,
            primary=not place,
        )
    return changed


def _severity(entry: Judged) -> tuple[int, int]:
    """How far the worst band that remains lies from normal, and then the mildest, in bands."""
    assert entry.analyte is not None and entry.verdict is not None
    order = entry.analyte.band_ids
    steps = [abs(order.index(band.band) - order.index("normal")) for band in entry.verdict.bands] or [0]
    return max(steps), min(steps)
