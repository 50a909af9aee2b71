"""Findings that rest on several results, or on what a result is not; their figures stand in computations.toml."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal

from labgloss.domain.altered import altered
from labgloss.domain.panel import ResultStatus, SpecimenKind
from labgloss.domain.quantity import ARITHMETIC
from labgloss.domain.report import RefusalReason, ResultClass
from labgloss.domain.truth import Truth, all_of
from labgloss.engine.calcium import ADJUSTED, FAMILY, IONISED
from labgloss.engine.facts import Facts
from labgloss.engine.findings import Sent, of_rows
from labgloss.engine.judged import Judged
from labgloss.engine.series import collected_at, collected_before, elapsed_between, same_draw
from labgloss.knowledge.release import Release
from labgloss.knowledge.units import factor_between

POTASSIUM, MAGNESIUM, PTH, UREA, CREATININE, PH = "potassium", "magnesium", "pth", "urea", "creatinine", "ph"


def findings(release: Release, entries: Sequence[Judged], facts: Facts) -> dict[str, Truth]:
    """The truth of every computed finding, over results judged; those of paired specimens are `gaps`."""
    return {
        "PTH_PENDING": _pending(entries),
        "K_RISE_FAST": _fast_rise(release, entries),
        "UREA_CREAT_RATIO_HIGH": _urea_creatinine(release, entries),
        "CA_IONISED_PH74_NORMAL": _ionised_at_ph(release, entries),
        "CA_HIGH_TWICE": _twice(entries, lambda entry: entry.primary and _is(entry, ResultClass.HIGH)),
        "CA_UPPER_NORMAL_TWICE": _upper_normal_twice(release, entries, facts),
        **_refeeding(release, entries, facts),
        "K_UNCHANGED": _unchanged(_of(entries, POTASSIUM)),
        "MG_UNCHANGED": _unchanged(_of(entries, MAGNESIUM)),
        **gaps(release, entries),
    }


def _of(entries: Sequence[Judged], analyte: str) -> list[Judged]:
    return [entry for entry in entries if entry.analyte is not None and entry.analyte.id == analyte]


def _pending(entries: Sequence[Judged]) -> Truth:
    """PTH ordered, without a value yet; one that was cancelled is not awaited."""
    sent = _of(entries, PTH)
    if not sent:
        return Truth.UNKNOWN
    if any(entry.read for entry in sent):
        return Truth.FALSE
    awaited = (ResultStatus.REGISTERED, ResultStatus.PRELIMINARY)
    pending = any(
        entry.refusal is RefusalReason.NO_VALUE and entry.result is not None and entry.result.status in awaited
        for entry in sent
    )
    return Truth.TRUE if pending else Truth.UNKNOWN


def _value(release: Release, entry: Judged, unit: str) -> Decimal | None:
    """A measurement in a unit; None for a bound."""
    if entry.reading is None or entry.analyte is None or not entry.reading.quantity.measured:
        return None
    factor = factor_between(release.unit_table, entry.analyte.form, entry.reading.compared.unit, unit)
    return entry.reading.compared.converted(factor, unit).value


def _fast_rise(release: Release, entries: Sequence[Judged]) -> Truth:
    """A rise of potassium within the hours, to a value above its interval (DEC-04)."""
    potassiums = [entry for entry in _of(entries, POTASSIUM) if entry.read]
    if len(potassiums) < 2:
        return Truth.UNKNOWN
    form = release.computations.fast_rise
    within = timedelta(hours=form.within_hours)
    outcome = Truth.UNKNOWN
    for now in (entry for entry in potassiums if entry.live):
        for then in potassiums:
            apart = elapsed_between(then, now)
            if not collected_before(then, now) or apart is None or not _timed(then, now) or apart > within:
                continue
            outcome = Truth.FALSE if outcome is Truth.UNKNOWN else outcome
            for unit, rise in form.rise.items():
                old, new = _value(release, then, unit), _value(release, now, unit)
                if old is not None and new is not None and new - old > rise and _is(now, ResultClass.HIGH):
                    return Truth.TRUE
    return outcome


def _unchanged(series: Sequence[Judged]) -> Truth:
    """Whether every result that counts now is within the reference change value of the one before it (DEC-02).

    UNKNOWN without an earlier number to compare with, and for a bound: what may have changed is not unchanged.
    """
    exceeds = [entry.trend.exceeds_reference_change if entry.trend else None for entry in series if entry.live]
    if not exceeds:
        return Truth.UNKNOWN
    return all_of(~Truth.of(one) for one in exceeds)


def _timed(*entries: Judged) -> bool:
    return all((at := collected_at(entry)) is not None and at.instant is not None for entry in entries)


def _is(entry: Judged, side: ResultClass) -> bool:
    return entry.verdict is not None and entry.verdict.classes == (side,)


def _urea_creatinine(release: Release, entries: Sequence[Judged]) -> Truth:
    """The ratio by the unit of the urea that was reported: the two cut-offs are not equivalent (DK 5)."""
    ureas = [entry for entry in _of(entries, UREA) if entry.live]
    if not ureas:
        return Truth.UNKNOWN
    form = release.computations.urea_creatinine
    for urea in ureas:
        for creatinine in (entry for entry in _of(entries, CREATININE) if entry.live):
            assert urea.reading is not None
            nitrogen = urea.reading.quantity.unit == "mg/dL" and _as_nitrogen(release, urea)
            top = urea.reading.quantity.value if nitrogen else _value(release, urea, "mmol/L")
            bottom = _value(release, creatinine, "mg/dL" if nitrogen else "mmol/L")
            if top is None or not bottom or not urea.reading.quantity.measured:
                continue
            ratio = ARITHMETIC.divide(top, bottom)
            if ratio in form.high["mass" if nitrogen else "moles"].span():
                return Truth.TRUE
            return Truth.UNKNOWN if not nitrogen and ratio in form.open.span() else Truth.FALSE
    return Truth.UNKNOWN


def _as_nitrogen(release: Release, urea: Judged) -> bool:
    """Whether a code says that a mass of urea is that of its nitrogen."""
    codes = [release.codes.get(coding.code.strip()) for coding in urea.result.codings] if urea.result else []
    own = urea.analyte.form.molar_mass if urea.analyte else None
    return any(code is not None and code.row.molar_mass not in (None, own) for code in codes)


def _ionised_at_ph(release: Release, entries: Sequence[Judged]) -> Truth:
    """Whether ionised calcium, normalised to pH 7.40, lies inside its interval (MC 4.3)."""
    calciums = [entry for entry in _of(entries, IONISED) if entry.live]
    if not calciums:
        return Truth.UNKNOWN
    form = release.computations.ionised_at_ph
    for calcium in calciums:
        for acidity in (entry for entry in _of(entries, PH) if entry.live):
            if calcium.reading is None or acidity.reading is None or calcium.verdict is None:
                continue
            measured = calcium.reading.quantity.measured and acidity.reading.quantity.measured
            if not measured or acidity.reading.compared.value not in form.valid.span():
                return Truth.UNKNOWN
            exponent = ARITHMETIC.multiply(form.slope, ARITHMETIC.subtract(acidity.reading.compared.value, form.target))
            at_target = ARITHMETIC.multiply(calcium.reading.compared.value, ARITHMETIC.power(Decimal(10), exponent))
            spans = [item.span for item in calcium.verdict.intervals if item.unit == calcium.reading.compared.unit]
            found = {at_target in span for span in spans}
            return Truth.of(found.pop()) if len(found) == 1 else Truth.UNKNOWN
    return Truth.UNKNOWN


def _twice(entries: Sequence[Judged], holds: Callable[[Judged], bool]) -> Truth:
    """Whether something holds of calciums of two collections."""
    calciums = [entry for entry in entries if entry.read and entry.analyte and entry.analyte.family == FAMILY]
    if len(calciums) < 2:
        return Truth.FALSE
    times = {at.text for entry in calciums if holds(entry) and (at := collected_at(entry))}
    return Truth.of(len(times) > 1)


def _upper_normal_twice(release: Release, entries: Sequence[Judged], facts: Facts) -> Truth:
    rows = release.findings["CA_UPPER_NORMAL"]

    def holds(entry: Judged) -> bool:
        alone = [altered(entry, earlier=False)] if entry.analyte is not None and entry.analyte.id == ADJUSTED else []
        high = entry.primary and _is(entry, ResultClass.HIGH)
        return high or of_rows(release, rows, Sent.of(alone), facts) is Truth.TRUE

    return _twice(entries, holds)


def _refeeding(release: Release, entries: Sequence[Judged], facts: Facts) -> Mapping[str, Truth]:
    """The largest fall from the highest earlier value, while feeding was restarted; UNKNOWN without earlier values."""
    form = release.computations.refeeding
    truth = facts.truth(form.when)
    if truth is not Truth.TRUE:
        return {row.finding: truth for row in form.falls}
    falls = [fall for analyte in form.analytes for fall in _falls(release, _of(entries, analyte))]
    if not falls:
        return {row.finding: Truth.UNKNOWN for row in form.falls}
    return {row.finding: Truth.of(max(falls) in row.percent.span()) for row in form.falls}


def _falls(release: Release, series: Sequence[Judged]) -> list[Decimal]:
    """Falls in percent of the highest earlier value of one analyte."""
    falls = []
    for now in (entry for entry in series if entry.live and entry.reading is not None):
        assert now.reading is not None
        unit = now.reading.compared.unit
        new = _value(release, now, unit)
        earlier = [
            old for then in series if then.read and collected_before(then, now) and (old := _value(release, then, unit))
        ]
        if new is not None and earlier:
            highest = max(earlier)
            falls.append(ARITHMETIC.divide(100 * (highest - new), highest))
    return falls


# ---------------------------------------------------------------------------------------------- paired specimens


NO_GAPS: Mapping[str, Truth] = {"K_SERUM_PLASMA_GAP": Truth.UNKNOWN, "K_PLASMA_SERUM_GAP": Truth.UNKNOWN}


def gaps(release: Release, entries: Sequence[Judged]) -> Mapping[str, Truth]:
    """Whether potassium in serum and in plasma or whole blood of one time differ by more than the gap, either way."""
    pairs = paired(entries)
    if not pairs:
        return NO_GAPS
    unit, gap = next(iter(release.computations.paired.gap.items()))
    values = [(_value(release, serum, unit), _value(release, other, unit)) for serum, other in pairs]
    known = [(serum, other) for serum, other in values if serum is not None and other is not None]
    if not known:
        return NO_GAPS
    return {
        "K_SERUM_PLASMA_GAP": Truth.of(any(serum - other > gap for serum, other in known)),
        "K_PLASMA_SERUM_GAP": Truth.of(any(other - serum > gap for serum, other in known)),
    }


def paired(entries: Sequence[Judged]) -> list[tuple[Judged, Judged]]:
    """Potassium in serum, each with one in another kind of specimen of the same collection (DEC-74)."""
    potassiums = [entry for entry in _of(entries, POTASSIUM) if entry.reading is not None and not entry.earlier]
    if len(potassiums) < 2:
        return []
    return [
        (serum, other)
        for serum in potassiums
        for other in potassiums
        if _kind(serum) is SpecimenKind.SERUM
        and _kind(other) not in (None, SpecimenKind.SERUM)
        and same_collection(serum, other)
    ]


def _kind(entry: Judged) -> SpecimenKind | None:
    return entry.result.specimen.kind if entry.result else None


def same_collection(one: Judged, other: Judged) -> bool:
    """Whether two results are of one collection: by time, else by one specimen id."""
    then, now = collected_at(one), collected_at(other)
    if then is not None and now is not None:
        if then.instant is not None and now.instant is not None:
            return then.instant == now.instant
        return then.text == now.text
    named = bool(one.result and other.result and one.result.specimen.id and other.result.specimen.id)
    return named and same_draw(one, other)
