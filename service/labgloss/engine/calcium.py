"""Which calcium counts: albumin adjustment (R-ADJ-1), its validity, and the primary one (R-PRIM, R-ADJ-4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from labgloss.domain.quantity import ARITHMETIC, Quantity, round_half_up, scaled
from labgloss.domain.report import Critical, Reading, ResultClass, ResultState
from labgloss.domain.subject import Age
from labgloss.domain.truth import Truth
from labgloss.engine.facts import Facts
from labgloss.engine.judged import Judged, Verdict
from labgloss.engine.normalise import reading_of
from labgloss.knowledge.partition import in_range
from labgloss.knowledge.release import Analyte, Release
from labgloss.knowledge.schema import AdjustmentFormula, ValidityRow
from labgloss.knowledge.units import factor_between

FAMILY = "calcium"
TOTAL, ADJUSTED, IONISED, ALBUMIN = "calcium_total", "calcium_adjusted", "calcium_ionised", "albumin"
IONISED_MISSING = "an ionised calcium"


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


def adjustment_of(release: Release, entries: Sequence[Judged], age: Age | None, facts: Facts) -> Adjustment:
    """The validity of the adjustment from albumin, eGFR, pH, age and context (MC 4.2)."""
    form = release.computations.albumin_adjustment
    reached = None if age is None else age.reached(form.from_age)

    def holding(rows: Sequence[ValidityRow]) -> tuple[ValidityRow, ...]:
        return tuple(row for row in rows if _holds(row, entries, age, facts))

    return Adjustment(holding(form.not_valid), holding(form.low_confidence), ~Truth.of(reached))


def _holds(row: ValidityRow, entries: Sequence[Judged], age: Age | None, facts: Facts) -> bool:
    if row.analyte:
        return any(
            (reading := current(entry, row.analyte)) is not None
            and (limit := row.limits.get(reading.compared.unit)) is not None
            and reading.compared.span.inside(limit.span())
            for entry in entries
        )
    return facts.holds(row.when) if row.when is not None else in_range(age, row.age) is True


def current(entry: Judged, analyte_id: str) -> Reading | None:
    """The reading of an entry that is of this analyte, counts now and was not refused."""
    if entry.analyte is None or entry.analyte.id != analyte_id or entry.earlier or entry.refusal is not None:
        return None
    return entry.reading


def computed_adjusted(release: Release, entries: Sequence[Judged], adjustment: Adjustment) -> list[Judged]:
    """An adjusted calcium for each total with an albumin, where the laboratory reported none; none for a newborn."""
    reported = any(current(entry, ADJUSTED) is not None for entry in entries)
    albumins = [entry for entry in entries if (found := current(entry, ALBUMIN)) and found.quantity.measured]
    if reported or not albumins or adjustment.newborn is Truth.TRUE:
        return []
    analyte = release.analytes[ADJUSTED]
    computed = []
    for entry in entries:
        reading = current(entry, TOTAL)
        if reading is None or not reading.quantity.measured:
            continue
        albumin = next((other for other in albumins if _same_draw(entry, other)), albumins[0])
        assert albumin.reading is not None and entry.index is not None and albumin.index is not None
        value = _adjusted(release, reading, albumin.reading)
        if value is None:
            continue
        computed.append(
            Judged(
                None,
                "",
                analyte,
                # The total lends its interval, its specimen and its time (vocabulary.md 3).
                replace(entry.result, id="", flags=(), codings=()) if entry.result else None,
                reading=reading_of(release, analyte, value),
                computed_from=(entry.index, albumin.index),
            )
        )
    return computed


def _same_draw(entry: Judged, other: Judged) -> bool:
    return entry.result is not None and other.result is not None and entry.result.collected == other.result.collected


def _adjusted(release: Release, total: Reading, albumin: Reading) -> Quantity | None:
    """total + slope x (intercept - albumin), in the unit of the total, rounded half-up (R-ADJ-1)."""
    formula = _formula(release, total.compared.unit)
    if formula is None:
        return None
    form = release.analytes[ALBUMIN].form
    factor = factor_between(release.unit_table, form, albumin.compared.unit, formula.albumin_unit)
    grams = scaled(albumin.compared.value, factor)
    value = ARITHMETIC.add(
        total.compared.value, ARITHMETIC.multiply(formula.slope, ARITHMETIC.subtract(formula.intercept, grams))
    )
    rounded = round_half_up(value, formula.digits)
    return Quantity(max(rounded, Decimal(0)), formula.total_unit)


def _formula(release: Release, unit: str) -> AdjustmentFormula | None:
    formulas = release.computations.albumin_adjustment.formulas
    return next((formula for formula in formulas if formula.total_unit == unit), None)


def choose_primary(entries: Sequence[Judged], adjustment: Adjustment) -> list[Judged]:
    """The entries, with the calcium that counts settled.

    Ionised, else reported adjusted, else computed adjusted, else total. The others keep class and flag only. An
    adjustment that is not valid, without ionised calcium, judges total and adjusted together (R-ADJ-4).
    """
    by_analyte = {
        ident: [entry for entry in entries if entry.live and entry.analyte is not None and entry.analyte.id == ident]
        for ident in (IONISED, ADJUSTED, TOTAL)
    }
    ionised, adjusted, total = by_analyte[IONISED], by_analyte[ADJUSTED], by_analyte[TOTAL]
    if ionised:
        changed = _ionised_decides(ionised, [*adjusted, *total])
    elif adjusted and total and not adjustment.valid:
        changed = _joint(adjusted[0], total[0])
        changed |= {id(other): _secondary(other) for other in (*adjusted[1:], *total[1:])}
    elif adjusted:
        changed = {id(entry): _secondary(entry) for entry in total}
    else:
        known_older = adjustment.newborn is not Truth.TRUE
        changed = {id(entry): entry.noting(cautions=("albumin_missing",)) for entry in total if known_older}
    return [_confidence(changed.get(id(entry), entry), adjustment) for entry in entries]


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
    if (sides | opposed) - sides and ResultClass.INDETERMINATE not in opposed:
        changed |= {id(entry): entry.noting(cautions=("calcium_discordant",)) for entry in ionised}
    return changed


def _has(entries: Sequence[Judged], analyte_id: str) -> bool:
    return any(entry.analyte is not None and entry.analyte.id == analyte_id for entry in entries)


def _secondary(entry: Judged) -> Judged:
    """A calcium that does not count: class and flag, no band, no critical."""
    verdict = entry.verdict
    assert verdict is not None
    entry = entry.noting(cautions=("not_primary_calcium",))
    verdict = replace(verdict, bands=(), critical=Critical.NO, ctcae_grade=None, ctcae_needs_symptoms=False)
    return replace(entry, primary=False, verdict=verdict)


def _joint(adjusted: Judged, total: Judged) -> dict[int, Judged]:
    """Total and adjusted judged together: the same side takes the worse of the two, different sides none (R-ADJ-4)."""
    assert adjusted.verdict is not None and total.verdict is not None
    one, two = adjusted.verdict, total.verdict
    same_side = one.classes == two.classes and len(one.classes) == 1
    if same_side:
        worse = one if _severity(adjusted, one) >= _severity(total, two) else two
        critical, bands, classes = max(one.critical, two.critical), worse.bands, one.classes
    else:
        both = one.critical is Critical.YES and two.critical is Critical.YES
        either = max(one.critical, two.critical) is not Critical.NO
        critical = Critical.YES if both else Critical.POSSIBLE if either else Critical.NO
        bands, classes = (), (ResultClass.INDETERMINATE,)
    changed = {}
    for entry, own, other, primary in ((adjusted, one, two, True), (total, two, one, False)):
        verdict = replace(own, classes=classes, bands=bands, critical=critical)
        if not same_side or not primary:
            verdict = replace(verdict, ctcae_grade=None, ctcae_needs_symptoms=False)
        noted = entry.noting(missing=(IONISED_MISSING,))
        # Both carry the verdict; one of them brings its urgency, findings and recommendations, so that none doubles.
        changed[id(entry)] = replace(
            noted, state=ResultState.CONDITIONAL, verdict=verdict, measured=own, opposed=other, primary=primary
        )
    return changed


def _severity(entry: Judged, verdict: Verdict) -> int:
    """How far the worst band lies from normal, in bands."""
    analyte: Analyte | None = entry.analyte
    assert analyte is not None
    order = analyte.band_ids
    return max((abs(order.index(band.band) - order.index("normal")) for band in verdict.bands), default=0)
