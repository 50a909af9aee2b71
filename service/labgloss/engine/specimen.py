"""What the specimen does to a verdict: haemolysis, the wrong tube, rejection."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal

from labgloss.domain.altered import altered
from labgloss.domain.panel import Haemolysis, Specimen, SpecimenKind
from labgloss.domain.quantity import ARITHMETIC, Comparator, Span, scaled
from labgloss.domain.report import Critical, Reading, RefusalReason, ResultClass, ResultState
from labgloss.engine.judged import CLEAN_REPEAT, Judged, Verdict
from labgloss.engine.series import same_draw
from labgloss.knowledge.release import Analyte, Release
from labgloss.knowledge.units import factor_between

POTASSIUM, MAGNESIUM, HAEMOLYSIS_INDEX = "potassium", "magnesium", "haemolysis_index"
# Words that deny, weaken or strengthen haemolysis when they stand just before it, or deny it just after.
# Only words that change nothing may lie between: "no clot, sample haemolysed" denies a clot.
_FILLERS = r"[\s-]+(?:(?:any|evidence|signs?|of|visible|visibly|significant|significantly|gross|grossly|in vitro)\s+)*$"
_DENIED_BEFORE = re.compile(rf"\b(?:(?:no|not|non|nil|without|absent|nicht|keine?|ohne){_FILLERS}|un$)")
_DENIED_AFTER = re.compile(
    r"^\w*[\s:=(-]*(?:none|nil|absent|negative|keine?|not (?:seen|detected|present)|index (?:is )?(?:within|below))\b"
)
_DISEASE = re.compile(r"[\s-]+(?:an|ur|dis|jaun|cris|strep|transf)")
_SLIGHT_BEFORE = re.compile(rf"\b(?:slight|slightly|trace|traces|minimal|minimally|leichte?|geringe?){_FILLERS}")
_GROSS_BEFORE = re.compile(rf"\b(?:gross|grossly|starke?){_FILLERS}")
# The worst first.
_GRADES = (Haemolysis.GROSS, Haemolysis.MODERATE, Haemolysis.SLIGHT)
# Rejected for a reason without a code: as Specimen.status of FHIR says it, and what adapters pass of a reason in words.
_UNFIT = frozenset({"UNSATISFACTORY", "ENTERED-IN-ERROR", "REJECTED"})
# A laboratory that flags the index so has found it above its limit, whether it sends the limit or not.
_ABOVE_LIMIT = frozenset({"H", "HH", "HU", "H>", "A", "AA"})
# An index sent as a grade, or in a unit of its analyser, is not read, and its flag holds all the same.
_STILL_FLAGGED = frozenset({None, RefusalReason.VALUE_NOT_NUMERIC, RefusalReason.UNIT_NOT_ACCEPTED})

Regrade = Callable[[Judged, Span], Verdict]


def judge_specimens(release: Release, entries: Sequence[Judged], regrade: Regrade) -> list[Judged]:
    """The entries after their specimens were looked at. `regrade` judges a span of values in an entry's place."""
    return [_judge(release, entry, entries, regrade) for entry in entries]


def _judge(release: Release, entry: Judged, entries: Sequence[Judged], regrade: Regrade) -> Judged:
    analyte = entry.analyte
    if entry.result is None or entry.verdict is None or analyte is None:
        return entry
    specimen = entry.result.specimen
    entry = _whole_blood(release, entry)
    entry = _haemolysed(release, entry, entries, regrade)
    if entry.refusal is None and _unsuitable(specimen.additive, analyte):
        return entry.refused(RefusalReason.SPECIMEN_UNSUITABLE)
    if entry.refusal is None and _rejected(release, specimen):
        return entry.refused(RefusalReason.SPECIMEN_REJECTED)
    return entry


def _rejected(release: Release, specimen: Specimen) -> bool:
    if not specimen.conditions:
        return False
    reasons = release.computations.specimen.reject_reasons
    return any(code in reasons or code in _UNFIT for code in _codes(specimen))


def _codes(specimen: Specimen) -> set[str]:
    """The condition and reject codes of a specimen; feeds write them in either case."""
    return {code.strip().upper() for code in specimen.conditions}


def _unsuitable(additive: str, analyte: Analyte) -> bool:
    """Whether an additive, as a code or in words, makes the tube wrong for an analyte (MC 6.8)."""
    sent = additive.strip()
    return bool(sent) and any(
        sent.upper() == listed or (listed.islower() and listed in sent.lower())
        for listed in analyte.form.unsuitable_additives
    )


def _whole_blood(release: Release, entry: Judged) -> Judged:
    """A potassium from whole blood or a gas analyser cannot show haemolysis (K6)."""
    assert entry.result is not None and entry.analyte is not None
    if entry.analyte.id != POTASSIUM:
        return entry
    codes = [release.codes.get(coding.code.strip()) for coding in entry.result.codings]
    blood = any(code is not None and code.row.specimen == "blood" for code in codes)
    if entry.result.specimen.kind is SpecimenKind.WHOLE_BLOOD or blood:
        return entry.noting(cautions=("whole_blood_haemolysis_invisible",))
    return entry


def haemolysis_of(release: Release, entry: Judged, entries: Sequence[Judged]) -> Haemolysis | None:
    """How haemolysed the specimen of an entry is said to be, by grade, condition, comment or index; None: not said.

    What is said of a specimen with one of its results holds for all that name it.
    """
    if not any(_speaks_of_haemolysis(other) for other in entries):
        return None
    own = entry.result.specimen if entry.result else Specimen()
    named = [other.result.specimen for other in entries if other.result and other.result.specimen.id == own.id]
    said = {grade for specimen in (own, *(named if own.id else ())) for grade in _said_of(release, specimen)}
    if _index_high(entry, entries):
        said.add(Haemolysis.MODERATE)
    return next((grade for grade in _GRADES if grade in said), None)


def _speaks_of_haemolysis(entry: Judged) -> bool:
    """Whether an entry may say how haemolysed a specimen is: as an index, or by what was sent of its specimen."""
    if entry.analyte is not None and entry.analyte.id == HAEMOLYSIS_INDEX:
        return True
    specimen = entry.result.specimen if entry.result else None
    return specimen is not None and bool(specimen.haemolysis or specimen.comments or specimen.conditions)


def _said_of(release: Release, specimen: Specimen) -> set[Haemolysis]:
    """Every grade that a specimen is given, in whatever field."""
    said = {grade for grade in (specimen.haemolysis, _commented(release, specimen)) if grade is not None}
    if _codes(specimen) & set(release.computations.specimen.haemolysed_conditions):
        said.add(Haemolysis.MODERATE)
    return said


def speaks_of_haemolysis(release: Release, text: str) -> bool:
    """Whether a text in small letters names haemolysis, be it to deny it."""
    return any(True for _ in _named(release, text))


def _named(release: Release, text: str) -> Iterator[tuple[str, str]]:
    """What stands before and behind each word of haemolysis; a haemolytic disease is none."""
    for word in release.computations.haemolysis.words:
        for named in re.finditer(re.escape(word), text):
            if _DISEASE.match(text[named.end() :]) is None:
                yield text[: named.start()], text[named.end() :]


def _commented(release: Release, specimen: Specimen) -> Haemolysis | None:
    """What comments, or a condition written out, say of haemolysis; one that denies it says nothing."""
    found: list[Haemolysis] = []
    for comment in (*specimen.comments, *specimen.conditions):
        for before, after in _named(release, comment.casefold()):
            if not _DENIED_BEFORE.search(before) and not _DENIED_AFTER.search(after):
                found.append(_grade_in(before))
    return next((grade for grade in _GRADES if grade in found), None)


def _grade_in(before: str) -> Haemolysis:
    """The grade that the words before haemolysis give it; a comment without one counts (P02)."""
    if _GROSS_BEFORE.search(before):
        return Haemolysis.GROSS
    return Haemolysis.SLIGHT if _SLIGHT_BEFORE.search(before) else Haemolysis.MODERATE


def _index_high(entry: Judged, entries: Sequence[Judged]) -> bool:
    """Whether an index of the draw is above the laboratory's limit, by its number or by the laboratory's flag."""
    return any(
        other.analyte is not None
        and other.analyte.id == HAEMOLYSIS_INDEX
        and other.refusal in _STILL_FLAGGED
        and (_is_high(other) or _flagged_above(other))
        and same_draw(entry, other)
        for other in entries
    )


def _is_high(index: Judged) -> bool:
    return index.verdict is not None and index.verdict.classes == (ResultClass.HIGH,)


def _flagged_above(index: Judged) -> bool:
    return index.result is not None and any(flag.strip().upper() in _ABOVE_LIMIT for flag in index.result.flags)


def _haemolysed(release: Release, entry: Judged, entries: Sequence[Judged], regrade: Regrade) -> Judged:
    """A potassium or magnesium after haemolysis: high is provisional or refused, normal may hide a low (DEC-14)."""
    assert entry.analyte is not None and entry.verdict is not None
    if entry.analyte.id not in (POTASSIUM, MAGNESIUM) or (level := haemolysis_of(release, entry, entries)) is None:
        return entry
    magnesium = entry.analyte.id == MAGNESIUM
    certain = entry.verdict.certain_class
    if level is Haemolysis.SLIGHT:
        # Slight haemolysis is said, and leaves class and band as they are (DEC-48).
        masked = () if certain is ResultClass.LOW else ("masked_low_possible",)
        return entry.noting(issues=("haemolysed",), cautions=masked)
    entry = entry.noting(issues=("haemolysed", "result_unreliable"))
    if certain is ResultClass.LOW:
        return entry
    if magnesium:
        return entry.refused(RefusalReason.HAEMOLYSIS) if certain is ResultClass.HIGH else _masked(entry)
    free = _free_haemoglobin(release, entry, entries)
    if level is Haemolysis.GROSS and free is None:
        return entry.refused(RefusalReason.HAEMOLYSIS)
    if certain is ResultClass.HIGH:
        entry = entry.noting(cautions=("provisional_haemolysis",), missing=(CLEAN_REPEAT,))
        return altered(entry, state=ResultState.CONDITIONAL)
    if free is None or certain is not ResultClass.NORMAL:
        return _masked(entry)
    return _bounded(release, entry, free, regrade)


def _masked(entry: Judged, verdict: Verdict | None = None) -> Judged:
    """An entry whose true value may be low: no class until the repeat."""
    own = entry.verdict
    assert own is not None
    open_verdict = verdict or own
    if verdict is None and own.certain_class is ResultClass.NORMAL:
        # How low the true value may be is not known, so that no band can be named.
        open_verdict = altered(own, bands=(), critical=Critical.NO)
    elif open_verdict.critical is Critical.YES:
        open_verdict = altered(open_verdict, critical=Critical.POSSIBLE)
    entry = entry.noting(cautions=("masked_low_possible",), missing=(CLEAN_REPEAT,))
    return altered(
        entry,
        state=ResultState.CONDITIONAL,
        because="haemolysis may hide a low value",
        measured=own,
        verdict=altered(open_verdict, classes=(ResultClass.INDETERMINATE,), ctcae_grade=None),
    )


def _bounded(release: Release, entry: Judged, free: Decimal, regrade: Regrade) -> Judged:
    """A normal potassium with known free haemoglobin: normal where even the lowest true value is (K6, DEC-75)."""
    assert entry.reading is not None and entry.verdict is not None
    fall = ARITHMETIC.multiply(release.computations.haemolysis.potassium_slope, free)
    value = entry.reading.compared.value
    below = regrade(entry, Span(ARITHMETIC.subtract(value, fall), True, value, True))
    if below.classes == (ResultClass.NORMAL,):
        return entry.noting(cautions=("masked_low_possible",))
    return _masked(entry, below)


def _free_haemoglobin(release: Release, entry: Judged, entries: Sequence[Judged]) -> Decimal | None:
    """Free haemoglobin of the same draw in g/L: measured, or an index in g/L or mg/dL; of several the most."""
    for analyte_id in ("free_haemoglobin", HAEMOLYSIS_INDEX):
        found = []
        for other in entries:
            if other.analyte is None or other.analyte.id != analyte_id or not same_draw(entry, other):
                continue
            if (reading := other.reading) is None or other.refusal is not None:
                continue
            if other.result is not None and _rejected(release, other.result.specimen):
                continue
            if (grams := _grams_per_litre(release, reading, other)) is not None:
                found.append(grams)
        if found:
            return max(found)
    return None


def _grams_per_litre(release: Release, reading: Reading, entry: Judged) -> Decimal | None:
    """The reading in g/L; None for a unitless index or a bound."""
    assert entry.analyte is not None
    if reading.quantity.comparator is not Comparator.EQUAL:
        return None
    try:
        factor = factor_between(release.unit_table, entry.analyte.form, reading.quantity.unit, "g/L")
    except (ValueError, KeyError):
        return None
    return scaled(reading.quantity.value, factor)
