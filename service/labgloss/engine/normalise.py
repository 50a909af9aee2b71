"""A result as sent to a reading, or to a refusal with its reason: code, status, number, comparator, unit."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal

from labgloss.domain.altered import altered
from labgloss.domain.panel import Coding, Result, ResultStatus, SpecimenKind
from labgloss.domain.quantity import MAX_DIGITS, Comparator, Quantity
from labgloss.domain.report import Reading, RefusalReason, ResultState
from labgloss.engine.judged import Judged, unread
from labgloss.frozen import dataclass
from labgloss.knowledge import loinc
from labgloss.knowledge.release import Analyte, CodeOfSite, Release, SiteEntry, UnitReading
from labgloss.knowledge.schema import CodeRow
from labgloss.knowledge.units import factor_between

# A component code sent as the total is read as the component (DEC-22).
_COMPONENTS = {"vitamin_d_25oh": frozenset({"vitamin_d_25oh_d3", "vitamin_d_25oh_d2"})}
DEFAULT_UNIT_USED = "default_unit_used"
MG_PER_LITRE = "mg/L"
# A result of these states has no value to read.
WITHOUT_VALUE = frozenset({ResultStatus.REGISTERED, ResultStatus.CANCELLED, ResultStatus.ENTERED_IN_ERROR})
_NUMBER = re.compile(
    r"(?P<comparator><=|>=|<|>|≤|≥)?\s*(?P<number>[+-]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9])?)"
)
_COMMA = re.compile(r"(?P<comparator>(?:<=|>=|<|>|≤|≥)?)\s*(?P<whole>[0-9]+),(?P<rest>[0-9]+)")
_THOUSANDS = re.compile(r"[1-9][0-9]*,[0-9]{3}")
_COMPARATORS = {"≤": Comparator.LESS_OR_EQUAL, "≥": Comparator.GREATER_OR_EQUAL} | {
    comparator.value: comparator for comparator in Comparator
}


def normalise(release: Release, result: Result) -> Judged:
    """The reading of one result, or its refusal; the first reason of vocabulary.md 2 that holds."""
    named = _identify(release, result)
    analyte = named.analyte
    judged = unread(result, analyte, named.site).noting(issues=named.issues)
    if analyte is None and named.refusal is None:
        return altered(judged, state=ResultState.NOT_RECOGNISED)
    if result.status in WITHOUT_VALUE or not result.value.strip():
        return judged.refused(RefusalReason.NO_VALUE)
    if named.refusal is not None or analyte is None:
        return judged.refused(named.refusal or RefusalReason.WRONG_ANALYTE)
    if result.status is ResultStatus.PRELIMINARY:
        judged = judged.noting(cautions=("preliminary_result",))
    number = parse_value(result.value, result.comparator)
    if number is None:
        meant = _meant_by_comma(result.value, result.comparator)
        read = [_with_unit(release, judged, analyte, named.code, one, result.unit) for one in meant]
        candidates = tuple([reading for one in read for reading in (one.candidates or (one.reading,)) if reading])
        return altered(judged, candidates=candidates).refused(RefusalReason.VALUE_NOT_NUMERIC)
    return _with_unit(release, judged, analyte, named.code, number, result.unit)


@dataclass(frozen=True, slots=True)
class _Named:
    """The analyte and code row that a result names, or what is wrong with them; nothing when it is not recognised."""

    analyte: Analyte | None = None
    code: CodeRow | None = None
    refusal: RefusalReason | None = None
    issues: tuple[str, ...] = ()
    site: tuple[SiteEntry, ...] = ()


def _identify(release: Release, result: Result) -> _Named:
    named = _by_release(release, result)
    local = [code for coding in result.codings if (code := _local(release, coding)) is not None]
    if named.code is not None and (entry := release.site.feed.d3_as_total.get(named.code.loinc)) is not None:
        named = replace(named, site=(entry,))
    if not local or named.refusal is not None:
        return named
    found = {code.id for code in local}
    if named.analyte is not None:
        # The id and the LOINC code go before a local code: a wrong line in an overlay must not take a critical away.
        if found != {named.analyte.id}:
            return replace(named, issues=("local_code_disagrees",))
        return replace(named, code=named.code or local[0].row, site=(*named.site, local[0].entry))
    if result.analyte or any(_is_loinc(coding) for coding in result.codings):
        # An id or a code that the release does not know says that this is something else (DEC-69).
        return named
    analyte = release.analytes[local[0].id]
    refusal = RefusalReason.WRONG_ANALYTE if len(found) > 1 else _wrong(analyte, result)
    return _Named(analyte, local[0].row, refusal, site=(local[0].entry,))


def _local(release: Release, coding: Coding) -> CodeOfSite | None:
    """What a code of the site's own systems names, where it names an analyte."""
    found = release.site.codes.get((coding.system.strip(), coding.code.strip()))
    return found if found is not None and found.kind == "analyte" else None


def _by_release(release: Release, result: Result) -> _Named:
    """What the id and the LOINC codes of a result name."""
    claimed = release.analytes.get(result.analyte)
    sent = [coding.code.strip() for coding in result.codings if _is_loinc(coding)]
    if any(not loinc.valid(code) for code in sent):
        return _Named(claimed, refusal=RefusalReason.CODE_INVALID)
    if result.analyte and claimed is None:
        return _Named()
    named = [release.codes[code] for code in sent if code in release.codes]
    if not named:
        # A right code that is not in the list contradicts nothing and identifies nothing (DEC-69).
        return _Named() if sent or claimed is None else _Named(claimed, refusal=_wrong(claimed, result))
    found = {code.analyte for code in named}
    if claimed is not None and found <= _COMPONENTS.get(claimed.id, frozenset()) and len(found) == 1:
        claimed = None
    if len(found) > 1 or (claimed is not None and claimed.id not in found):
        return _Named(claimed or release.analytes[named[0].analyte], refusal=RefusalReason.WRONG_ANALYTE)
    analyte = release.analytes[named[0].analyte]
    return _Named(analyte, named[0].row, _wrong(analyte, result))


def _is_loinc(coding: Coding) -> bool:
    return coding.system.strip().lower() in loinc.SYSTEMS and bool(coding.code.strip())


def _wrong(analyte: Analyte, result: Result) -> RefusalReason | None:
    """Wrong where the analyte is never read, or the specimen is urine and the analyte of blood, or the reverse."""
    kind = result.specimen.kind
    in_urine = kind is not None and (kind is SpecimenKind.URINE) != analyte.measured_in_urine
    return RefusalReason.WRONG_ANALYTE if analyte.form.role == "never_read" or in_urine else None


def parse_value(text: str, comparator: Comparator) -> tuple[Decimal, Comparator] | None:
    """The number and comparator that a text states, or None; a comparator inside the text is a bound (DEC-46)."""
    match = _NUMBER.fullmatch(text.strip())
    if match is None or len(match["number"]) > MAX_DIGITS:
        return None
    inside = _COMPARATORS[match["comparator"] or ""]
    if Comparator.EQUAL not in (inside, comparator) and inside is not comparator:
        return None
    return Decimal(match["number"]), comparator if inside is Comparator.EQUAL else inside


def _meant_by_comma(text: str, comparator: Comparator) -> list[tuple[Decimal, Comparator]]:
    """The numbers that a text with one comma may mean: of decimals, and where three digits follow of thousands.

    None of them is the value: the text is refused, and critical where one of them may be (DEC-103).
    """
    match = _COMMA.fullmatch(text.strip())
    if match is None:
        return []
    meant = [match["whole"] + "." + match["rest"]]
    if _THOUSANDS.fullmatch(f"{match['whole']},{match['rest']}"):
        meant.append(match["whole"] + match["rest"])
    return [number for one in meant if (number := parse_value(match["comparator"] + one, comparator)) is not None]


def _with_unit(
    release: Release,
    judged: Judged,
    analyte: Analyte,
    code: CodeRow | None,
    number: tuple[Decimal, Comparator],
    sent: str,
) -> Judged:
    read = _Reader(release, analyte, code, number)
    if code is not None:
        if code.condition:
            judged = altered(judged, condition=code.condition)
        if code.issue:
            judged = judged.noting(issues=(code.issue,))
    if not sent.strip() and analyte.id in release.site.feed.default_units:
        sent, entry = release.site.feed.default_units[analyte.id]
        judged = altered(judged, site=(*judged.site, entry)).noting(issues=(DEFAULT_UNIT_USED,))
    if not sent.strip() and not analyte.form.unit_may_be_blank:
        units = [analyte.customary[code.property]] if code and code.property in analyte.customary else None
        candidates = read.all(units or list(analyte.customary.values()))
        return altered(judged, candidates=candidates).refused(RefusalReason.UNIT_MISSING)
    ucum = release.unit_table.resolve(sent) if sent.strip() else analyte.form.units[0].ucum
    unit = analyte.units.get(ucum or "")
    if unit is None or (unit.needs_code and not (code and code.molar_mass)):
        candidates = read.all([unit.ucum for unit in analyte.units.values() if not unit.needs_code])
        return altered(judged, candidates=candidates).refused(RefusalReason.UNIT_NOT_ACCEPTED)
    accepted = release.site.feed.mg_per_litre.get(analyte.id)
    if accepted is not None and unit.ucum == MG_PER_LITRE:
        judged = altered(judged, site=(*judged.site, accepted))
    reading = read.as_(unit)
    expected = analyte.customary.get(code.property) if code else None
    # A code for mass or moles alike ("other") contradicts neither.
    if code is None or {unit.property, code.property} != {"mass", "moles"}:
        return altered(judged, reading=reading)
    if expected is None:
        # No other reading could settle it: the analyte has no unit of the code's property (DEC-09).
        return altered(judged, candidates=(reading,)).refused(RefusalReason.UNIT_CONFLICT)
    other = read.as_(analyte.units[expected])
    return altered(judged, reading=reading, conflicting=other, candidates=(reading, other))


class _Reader:
    """One number, read in any unit of its analyte."""

    def __init__(
        self, release: Release, analyte: Analyte, code: CodeRow | None, number: tuple[Decimal, Comparator]
    ) -> None:
        self._release, self._analyte, self._code = release, analyte, code
        self._value, self._comparator = number

    def all(self, units: list[str]) -> tuple[Reading, ...]:
        """A reading for each unit."""
        return tuple(self.as_(self._analyte.units[ucum]) for ucum in units)

    def as_(self, unit: UnitReading) -> Reading:
        """The reading in a unit."""
        quantity = Quantity(self._value, unit.ucum, self._comparator)
        return reading_of(self._release, self._analyte, quantity, self._code.molar_mass if self._code else None)


def reading_of(release: Release, analyte: Analyte, quantity: Quantity, molar_mass: Decimal | None = None) -> Reading:
    """A quantity in one of the analyte's units as a reading: compared in a native unit, shown in another."""
    unit = analyte.units[quantity.unit]
    factor = unit.factor
    if molar_mass is not None and unit.compared_in != unit.ucum:
        factor = factor_between(release.unit_table, analyte.form, unit.ucum, unit.compared_in, molar_mass)
    compared = quantity.converted(factor, unit.compared_in)
    shown = analyte.shown_also.get(unit.compared_in)
    other = compared.converted(shown.factor, shown.ucum) if shown else None
    return Reading(
        quantity, compared, factor, analyte.units[unit.compared_in].digits, other, shown.digits if shown else 0
    )
