"""What the rules of sample validity make of each specimen, before its values are used (SP, tier 0).

A rule with the scope "specimen" looks at one specimen at a time: its results as they were measured, however
implausible, and what is known of the patient. What it matches is refused, or marked as unreliable; the value stays
visible, and a critical one at least possible.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from decimal import Decimal
from functools import lru_cache
from operator import is_

from labgloss.domain.altered import altered
from labgloss.domain.panel import Haemolysis, SpecimenKind
from labgloss.domain.report import RefusalReason, ResultClass
from labgloss.domain.truth import Truth
from labgloss.engine import findings
from labgloss.engine.bench import Bench
from labgloss.engine.computed import gaps, paired, same_collection
from labgloss.engine.facts import Facts
from labgloss.engine.judged import Judged, Verdict
from labgloss.engine.series import collected_at, same_draw
from labgloss.engine.specimen import POTASSIUM, haemolysis_of
from labgloss.frozen import dataclass
from labgloss.knowledge.release import Analyte, Release
from labgloss.knowledge.schema import DelayForm, PatternRow, RefusesRow

# Reasons that an artefact of the specimen is looked at before (vocabulary.md 2): the number was measured.
_MEASURED_ALL_THE_SAME = frozenset(
    {RefusalReason.VALUE_IMPLAUSIBLE, RefusalReason.HAEMOLYSIS, RefusalReason.SPECIMEN_UNSUITABLE}
)
_HOURS = re.compile(r"\b(\d{1,3}(?:\.\d)?)\s*(?:h|hr|hrs|hour|hours)\b")
_CELSIUS = re.compile(r"(?<![\d.])(-?\d{1,2}(?:\.\d)?)\s*(?:°\s*c|deg(?:rees)?\s*c(?:elsius)?|celsius)\b")
_UNSPUN = re.compile(r"unspun|uncentrifuged|not (?:spun|centrifuged|separated)|before (?:separation|centrifugation)")
_SIDES = (ResultClass.LOW, ResultClass.NORMAL, ResultClass.HIGH)
_NOTHING_SAID: Mapping[str, Truth] = dict.fromkeys(
    ("delayed", "pneumatic_tube", "edta_additive", "heparin"), Truth.FALSE
)
_NOT = re.compile(r"\b(?:no|not|non|without)\W+(?:\w+\W+){0,2}$")


@dataclass(frozen=True, slots=True)
class Examined:
    """What the rules of sample validity came to."""

    entries: tuple[Judged, ...]
    # The entries as they were before.
    before: tuple[Judged, ...] = ()
    truths: Mapping[str, Truth] = field(default_factory=dict)
    # For each rule that holds or is possible, the facts of the specimen in which it does.
    facts: Mapping[str, Facts] = field(default_factory=dict)
    # For each rule that holds, the results (as measured) that it refused or made unreliable.
    concerned: Mapping[str, tuple[Judged, ...]] = field(default_factory=dict)
    # The facts of every specimen, in the order of the panel.
    specimens: tuple[Facts, ...] = ()
    # What numbers alone say, where nothing was refused, marked, or looked at as measured.
    of_numbers: Mapping[str, Truth] | None = None


@dataclass(frozen=True, slots=True)
class _Draw:
    """The results of one draw, by their place in the panel, as they were measured, and what is true of its specimen."""

    places: tuple[int, ...]
    measured: tuple[Judged, ...]
    truths: Mapping[str, Truth]


@dataclass(frozen=True, slots=True)
class _Specimen:
    """A draw with all that is known in it."""

    places: tuple[int, ...]
    measured: tuple[Judged, ...]
    facts: Facts


def examine(bench: Bench, entries: Sequence[Judged]) -> Examined:
    """The entries after every rule of sample validity: refused, marked, or as they were."""
    release = bench.release
    measured = [_as_measured(bench, entry) for entry in entries]
    sent = findings.Sent.of(measured)
    of_numbers = findings.measured(release, sent, bench.facts)
    found = _findings(bench, sent, of_numbers)
    # What the whole panel says: the rules ask for kidney, muscle and tumour, and for pairs.
    facts = bench.facts.adding("finding", {**found, **gaps(release, measured)})
    draws = []
    for places in _draws(entries):
        own = tuple([_by_itself(measured[place]) for place in places])
        # Most panels are of one draw, whose findings are the panel's.
        same = len(own) == len(measured) and all(map(is_, own, measured))
        of_own = found if same else _findings(bench, findings.Sent.of(own))
        draws.append(_Draw(places, own, _of_draw(bench, entries, own, of_own, places)))
    specimens = _specimens(facts, draws)
    changed = list(entries)
    truths: dict[str, Truth] = {}
    held: dict[str, _Specimen] = {}
    concerned: dict[str, tuple[Judged, ...]] = {}
    for rule in _set_off(release, specimens):
        for specimen in specimens:
            truth = specimen.facts.of_pattern(rule)
            touched = _concerned(rule, specimen) if truth is Truth.TRUE else ()
            for place, entry in touched:
                changed[place] = _marked(rule, changed[place], entry)
            if all(entries[place].earlier for place in _spoken_of(rule, specimen)):
                # What it speaks of was replaced by newer results: it is refused, and nothing is said of now (DEC-85).
                continue
            if _rank(truth) > _rank(truths.get(rule.id, Truth.FALSE)):
                truths[rule.id], held[rule.id] = truth, specimen
            if touched:
                concerned[rule.id] = (*concerned.get(rule.id, ()), *(entry for _, entry in touched))
    superseded = _superseded(bench, changed)
    as_sent = all(map(is_, measured, entries))
    return Examined(
        tuple(_settled_by_pair(entry) if place in superseded else entry for place, entry in enumerate(changed)),
        tuple(entries),
        truths,
        {ident: _knowing_pairs(specimen, superseded) for ident, specimen in held.items()},
        concerned,
        tuple(specimen.facts for specimen in specimens),
        of_numbers if as_sent and not superseded and all(map(is_, changed, entries)) else None,
    )


def _set_off(release: Release, specimens: Sequence[_Specimen]) -> list[PatternRow]:
    """The rules that some specimen sets off, in the order of the release; no other one can hold or be possible."""
    index = release.specimen_index
    places = set(index.always)
    for specimen in specimens:
        for name in specimen.facts.names_that_hold():
            places.update(index.by_name.get(name, ()))
    return [release.specimen_rules[place] for place in sorted(places)]


def _rank(truth: Truth) -> int:
    return (Truth.FALSE, Truth.UNKNOWN, Truth.TRUE).index(truth)


# ---------------------------------------------------------------------------------------------- specimens


def _draws(entries: Sequence[Judged]) -> list[tuple[int, ...]]:
    """The places of the results of each draw: by specimen id, else by collection time."""
    sent = [place for place, entry in enumerate(entries) if entry.result is not None and entry.index is not None]
    if len(sent) == 1:
        return [(sent[0],)]
    draws = [tuple([other for other in sent if same_draw(entries[place], entries[other])]) for place in sent]
    return list(dict.fromkeys(draws))


def _specimens(panel: Facts, draws: Sequence[_Draw]) -> list[_Specimen]:
    """The specimens, each with whether one of another collection is haemolysed; tubes of one draw are one."""
    haemolysed = [one for one in draws if one.truths["haemolysed"] is Truth.TRUE]
    found = []
    for draw in draws:
        again = any(_of_another_time(draw, other) for other in haemolysed)
        facts = panel.adding("specimen", {**draw.truths, "haemolysed_again": Truth.of(again)})
        found.append(_Specimen(draw.places, draw.measured, facts))
    return found


def _of_another_time(draw: _Draw, other: _Draw) -> bool:
    one, two = draw.measured[0], other.measured[0]
    return None not in (collected_at(one), collected_at(two)) and not same_collection(one, two)


def _as_measured(bench: Bench, entry: Judged) -> Judged:
    """The entry with the verdict on its number, whatever artefact or implausibility refused it."""
    if entry.refusal is None:
        return altered(entry, verdict=entry.measured, measured=None) if entry.measured else entry
    if entry.refusal not in _MEASURED_ALL_THE_SAME or entry.reading is None or entry.analyte is None:
        return entry
    verdict = entry.measured or bench.verdict(entry, entry.reading)
    return altered(entry, refusal=None, verdict=verdict, measured=None)


def _by_itself(entry: Judged) -> Judged:
    """The entry as if nothing later had replaced it, and no better calcium stood beside it."""
    return altered(entry, earlier=False, primary=True) if entry.earlier or not entry.primary else entry


def _findings(bench: Bench, sent: findings.Sent, of_numbers: Mapping[str, Truth] | None = None) -> dict[str, Truth]:
    """The findings that results make as they were measured; `of_numbers`: those of numbers, where they are known."""
    if of_numbers is None:
        of_numbers = findings.measured(bench.release, sent, bench.facts)
    return {**of_numbers, **findings.of_verdicts(bench.release, sent, bench.facts.adding("finding", of_numbers))}


def _of_draw(
    bench: Bench,
    entries: Sequence[Judged],
    own: tuple[Judged, ...],
    found: Mapping[str, Truth],
    places: tuple[int, ...],
) -> dict[str, Truth]:
    """What is true of the specimen of one draw."""
    truths = dict(found)
    for entry in own:
        if entry.analyte is not None and entry.verdict is not None and entry.refusal is None:
            truths |= _of_classes(entry.analyte.id, entry.verdict.classes)
    sent = [entries[place] for place in places]
    level = [haemolysis_of(bench.release, entry, entries) for entry in sent]
    truths["haemolysed"] = Truth.of(Haemolysis.MODERATE in level or Haemolysis.GROSS in level)
    truths |= _said(bench.release.computations.delay, _texts(sent), _additives(sent))
    truths |= _of_kind([entry for entry in own if _high_potassium(entry)] or own)
    return truths


@lru_cache(maxsize=1024)
def _of_classes(analyte: str, classes: tuple[ResultClass, ...]) -> Mapping[str, Truth]:
    """On which side a result of an analyte lies, as measured."""
    return {f"{analyte}.{side.value}": Truth.of(classes == (side,)) for side in _SIDES}


def _said(form: DelayForm, texts: Sequence[str], additives: Sequence[str]) -> Mapping[str, Truth]:
    """What a specimen's additive, transport and comments say."""
    if not texts and not any(additives):
        return _NOTHING_SAID
    return {
        "delayed": Truth.of(any(_delayed(form, text) for text in texts)),
        "pneumatic_tube": Truth.of(any(word in text for text in texts for word in form.pneumatic_words)),
        "edta_additive": Truth.of(any("edt" in text for text in additives)),
        "heparin": Truth.of(any("hep" in text for text in additives)),
    }


def _of_kind(sent: Sequence[Judged]) -> dict[str, Truth]:
    """Whether results come from a kind of specimen; where one says none, what the others do not say is not known.

    Asked of the high potassiums: results without specimen and time stand together, whatever tubes they came from.
    """
    kinds = {entry.result.specimen.kind for entry in sent if entry.result}
    names = {"serum": SpecimenKind.SERUM, "plasma": SpecimenKind.PLASMA, "whole_blood": SpecimenKind.WHOLE_BLOOD}
    absent = Truth.of(None if None in kinds else False)
    return {ident: Truth.TRUE if kind in kinds else absent for ident, kind in names.items()}


def _high_potassium(entry: Judged) -> bool:
    return entry.analyte is not None and entry.analyte.id == POTASSIUM and _class(entry) is ResultClass.HIGH


def _additives(sent: Sequence[Judged]) -> list[str]:
    return [entry.result.specimen.additive.casefold() for entry in sent if entry.result]


def _texts(sent: Sequence[Judged]) -> list[str]:
    texts = [
        text
        for entry in sent
        if entry.result
        for text in (
            *entry.result.specimen.comments,
            entry.result.specimen.transport,
            *entry.result.specimen.conditions,
        )
    ]
    return list(dict.fromkeys([text.casefold() for text in texts if text.strip()]))


def speaks_of_delay(form: DelayForm, text: str) -> bool:
    """Whether a text in small letters says how a specimen was kept or sent, be it to deny a delay."""
    named = any(word in text for word in (*form.words, *form.pneumatic_words))
    return named or any(pattern.search(text) is not None for pattern in (_UNSPUN, _CELSIUS))


def _delayed(form: DelayForm, text: str) -> bool:
    """Whether a text says that the specimen was separated late or kept cold."""
    for word in form.words:
        before, found, _ = text.partition(word)
        if found and not _NOT.search(before):
            return True
    hours = [Decimal(match) for match in _HOURS.findall(text)]
    if _UNSPUN.search(text) and any(value in form.hours.span() for value in hours):
        return True
    return any(Decimal(match) in form.celsius.span() for match in _CELSIUS.findall(text))


# ---------------------------------------------------------------------------------------------- what follows


def _concerned(rule: PatternRow, specimen: _Specimen) -> list[tuple[int, Judged]]:
    """The results of a specimen, as measured, that a matched rule refuses or makes unreliable, with their places."""
    return [
        (place, entry)
        for place, entry in zip(specimen.places, specimen.measured, strict=True)
        if entry.analyte is not None
        # Results without specimen and time stand together; a urine is another specimen all the same.
        and not entry.analyte.measured_in_urine
        and entry.refusal is None
        and entry.verdict is not None
        and (_refused_by(rule.refuses, entry.analyte) or _unreliable_by(rule, entry.analyte, entry.verdict))
    ]


def _spoken_of(rule: PatternRow, specimen: _Specimen) -> Sequence[int]:
    """The places of a specimen's results that a rule is about, whatever they came to; without any all of them.

    Another result of the same draw, such as platelets that nobody counted again, does not bring an older value back.
    """
    names = {*rule.unreliable_high, *rule.urgency_of}
    places = [
        place
        for place, entry in zip(specimen.places, specimen.measured, strict=True)
        if entry.analyte is not None
        and (_refused_by(rule.refuses, entry.analyte) or not names.isdisjoint((entry.analyte.id, entry.analyte.family)))
    ]
    return places or specimen.places


def _refused_by(row: RefusesRow | None, analyte: Analyte) -> bool:
    return row is not None and (not row.analytes or analyte.id in row.analytes or analyte.family in row.analytes)


def _unreliable_by(rule: PatternRow, analyte: Analyte, verdict: Verdict) -> bool:
    named = analyte.id in rule.unreliable_high or analyte.family in rule.unreliable_high
    return named and verdict.certain_class is ResultClass.HIGH


def _marked(rule: PatternRow, entry: Judged, measured: Judged) -> Judged:
    marked = altered(entry, unreliable=(*entry.unreliable, rule.id))
    if entry.analyte is not None and _refused_by(rule.refuses, entry.analyte):
        assert rule.refuses is not None
        if entry.refusal in (RefusalReason.EDTA_CONTAMINATION, RefusalReason.DRIP_ARM_CONTAMINATION):
            return marked
        # What refused the number before gives way to the artefact that explains it.
        issues = tuple(issue for issue in entry.issues if entry.refusal is None or issue != entry.refusal.value)
        return altered(marked, issues=issues, measured=measured.verdict).refused(
            RefusalReason(rule.refuses.refusal), "result_unreliable"
        )
    return marked.noting(issues=("result_unreliable",))


def _superseded(bench: Bench, entries: Sequence[Judged]) -> frozenset[int]:
    """The places of potassiums that a specimen of the same time, less open to the artefact, settles (DEC-15)."""
    if bench.facts.known.get(("condition", "ecg_change")) is Truth.TRUE:
        return frozenset()
    if sum(entry.analyte is not None and entry.analyte.id == POTASSIUM for entry in entries) < 2:
        return frozenset()
    losers = [*_by_gap(bench.release, entries), *_by_haemolysis(bench.release, entries)]
    return frozenset(place for place, entry in enumerate(entries) if any(entry is loser for loser in losers))


def _settled_by_pair(entry: Judged) -> Judged:
    """A potassium that another specimen settles; contamination of the whole specimen names the reason before that."""
    if entry.refusal in (RefusalReason.EDTA_CONTAMINATION, RefusalReason.DRIP_ARM_CONTAMINATION):
        return entry.noting(issues=(RefusalReason.SUPERSEDED_BY_PAIRED_SPECIMEN.value,))
    return entry.refused(RefusalReason.SUPERSEDED_BY_PAIRED_SPECIMEN)


def _knowing_pairs(specimen: _Specimen, superseded: frozenset[int]) -> Facts:
    """The facts of a specimen with whether another one settled its potassium: then nobody hurries for it."""
    settled = any(place in superseded for place in specimen.places)
    return specimen.facts.adding("specimen", {"settled_by_pair": Truth.of(settled)})


def _by_gap(release: Release, entries: Sequence[Judged]) -> list[Judged]:
    """The high one of two kinds of specimen that differ by more than the gap, where the other is normal."""
    losers = []
    unit, gap = next(iter(release.computations.paired.gap.items()))
    for pair in paired(entries):
        numbers = [entry.reading.compared.value for entry in pair if entry.reading and entry.reading.quantity.measured]
        same_unit = all(entry.reading is not None and entry.reading.compared.unit == unit for entry in pair)
        if len(numbers) < 2 or not same_unit or abs(numbers[0] - numbers[1]) <= gap:
            continue
        higher, lower = pair if numbers[0] > numbers[1] else pair[::-1]
        if _class(higher) is ResultClass.HIGH and _class(lower) is ResultClass.NORMAL and lower.settled:
            losers.append(higher)
    return losers


def _by_haemolysis(release: Release, entries: Sequence[Judged]) -> list[Judged]:
    """A haemolysed high beside a clean normal of the same collection."""
    potassiums = [
        entry for entry in entries if entry.analyte is not None and entry.analyte.id == POTASSIUM and not entry.earlier
    ]
    spoilt = (Haemolysis.SLIGHT, Haemolysis.MODERATE, Haemolysis.GROSS)
    haemolysed = [entry for entry in potassiums if haemolysis_of(release, entry, entries) in spoilt[1:]]
    clean = [
        entry
        for entry in potassiums
        if haemolysis_of(release, entry, entries) not in spoilt
        and entry.settled
        and _class(entry) is ResultClass.NORMAL
    ]
    return [
        entry
        for entry in haemolysed
        if _class(entry) is ResultClass.HIGH and any(same_collection(entry, other) for other in clean)
    ]


def _class(entry: Judged) -> ResultClass:
    verdict = entry.verdict or entry.measured
    return verdict.certain_class if verdict else ResultClass.INDETERMINATE
