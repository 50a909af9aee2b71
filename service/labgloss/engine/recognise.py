"""Symptoms, conditions and medications by id, code or plain words; what is not recognised comes back verbatim."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from labgloss.domain.panel import ContextItem, Panel, Symptom
from labgloss.domain.truth import Truth
from labgloss.engine import phrases
from labgloss.engine.phrases import Clause, Found, PhrasesInAnyOrder, PhrasesInOrder
from labgloss.knowledge.release import CodeOfSite, Release, SiteEntry
from labgloss.knowledge.schema import ContextRow

# What may stand beside a word that means a symptom only where nothing else does ("feels low"), or beside a statement
# about the patient as a whole ("completely asymptomatic").
_NEUTRAL = phrases.FILLERS | {
    *(
        "feel",
        "feels",
        "feeling",
        "felt",
        "has",
        "have",
        "had",
        "got",
        "having",
        "and",
        "or",
        "with",
        "patient",
        "pt",
        "he",
    ),
    *(
        "she",
        "they",
        "more",
        "often",
        "sometimes",
        "always",
        "lately",
        "recently",
        "again",
        "today",
        "yesterday",
        "now",
    ),
    *(
        "currently",
        "completely",
        "entirely",
        "clinically",
        "generally",
        "at",
        "all",
        "reports",
        "reported",
        "says",
        "for",
    ),
    *("since", "days", "day", "weeks", "week", "months", "month", "keeps", "him", "himself", "herself", "time", "any"),
}
# A dose, a form, a frequency, a date: what a medication is written with, and what is said of a condition besides.
_ABOUT = _NEUTRAL | {
    *("mg", "mcg", "g", "ml", "units", "unit", "iu", "micrograms", "microgram", "mmol", "od", "bd", "tds", "qds", "om"),
    *("on", "once", "twice", "daily", "weekly", "monthly", "nocte", "mane", "prn", "tablet", "tablets", "capsule"),
    *(
        "capsules",
        "injection",
        "infusion",
        "oral",
        "po",
        "iv",
        "sc",
        "im",
        "mr",
        "sr",
        "xl",
        "la",
        "dose",
        "low",
        "high",
    ),
    *("up", "to", "from", "new", "known", "old", "stable", "well", "controlled", "treated", "treatment", "moderate"),
    *("years", "year", "ago", "stage", "taking", "takes", "started", "every", "times", "per"),
}
# What is written of a condition that is over, and of a drug that the patient does not take.
_OVER = frozenset({"resolved"})
_NOT_TAKEN = frozenset({"stopped", "discontinued", "allergic", "allergy", "allergies", "intolerant", "intolerance"})


@dataclass(frozen=True, slots=True)
class RecognisedSymptom:
    """What one symptom was recognised as, and whether the patient has it now."""

    ids: tuple[str, ...] = ()
    present: bool = True
    # What the text denies, or puts into the past.
    denied: tuple[str, ...] = ()
    # Words that look like a symptom and mean something else ("stiff neck") stand in the text.
    unread: bool = False


@dataclass(frozen=True, slots=True)
class RecognisedItem:
    """What one condition or medication names of the patient, what it denies, and whether all of it was read."""

    ids: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()
    read: bool = True
    # It also denies every symptom ("asymptomatic").
    denies_symptoms: bool = False


@dataclass(frozen=True, slots=True)
class Stated:
    """Conditions that a text states of the patient as a whole ("feels well"), and whether it denies every symptom."""

    ids: tuple[str, ...] = ()
    denies: bool = False


@dataclass(frozen=True, slots=True)
class Recognised:
    """Everything recognised in a panel, and the truths that follow."""

    symptoms: tuple[RecognisedSymptom, ...]
    conditions: tuple[tuple[str, ...], ...]
    medications: tuple[tuple[str, ...], ...]
    truths: Mapping[str, Mapping[str, Truth]]
    absent: Mapping[str, Truth]
    # Fields of the request that hold words nobody read: "conditions[1]".
    unread: tuple[str, ...] = ()
    # Local codes of the site that named a condition or medication.
    site: tuple[SiteEntry, ...] = ()


def recognise(release: Release, panel: Panel) -> Recognised:
    """What the context of a panel names, with the truth of everything that it does not name."""
    words = _Words.of(release)
    read = [words.symptom(symptom) for symptom in panel.symptoms]
    symptoms = tuple(symptom for symptom, _ in read)
    local = {
        kind: [_local(release, item, kind) for item in items or ()]
        for kind, items in (("condition", panel.conditions), ("medication", panel.medications))
    }
    conditions = tuple(
        RecognisedItem((code.id,)) if code else words.condition(item)
        for item, code in zip(panel.conditions or (), local["condition"], strict=True)
    )
    medications = tuple(
        RecognisedItem((code.id,)) if code else words.medication(item)
        for item, code in zip(panel.medications or (), local["medication"], strict=True)
    )
    stated = [whole for _, whole in read]
    all_denied = any(whole.denies for whole in stated) or any(item.denies_symptoms for item in conditions)
    condition_ids = {
        *(ident for item in conditions for ident in item.ids),
        *(ident for whole in stated for ident in whole.ids),
    }
    medication_ids = {ident for item in medications for ident in item.ids}
    present = {ident for symptom in symptoms if symptom.present for ident in symptom.ids}
    denied = {ident for symptom in symptoms for ident in symptom.denied} - present
    return Recognised(
        symptoms,
        tuple(item.ids for item in conditions),
        tuple(item.ids for item in medications),
        {
            "symptom": {**dict.fromkeys(denied, Truth.FALSE), **dict.fromkeys(present, Truth.TRUE)},
            "condition": _context_truths(condition_ids, conditions, release.conditions),
            "medication": _context_truths(medication_ids, medications, release.medications),
            "patient": {"symptoms_unknown": Truth.of(not panel.symptoms)},
        },
        {
            "symptom": Truth.FALSE if all_denied else Truth.UNKNOWN,
            "condition": _absent(panel.conditions, conditions),
            "medication": _absent(panel.medications, medications),
        },
        (
            *(f"symptoms[{n}]" for n, item in enumerate(symptoms) if item.unread or (not item.ids and item.present)),
            *(f"conditions[{n}]" for n, item in enumerate(conditions) if not item.read),
            *(f"medications[{n}]" for n, item in enumerate(medications) if not item.read),
        ),
        tuple(code.entry for codes in local.values() for code in codes if code is not None),
    )


def _local(release: Release, item: ContextItem, kind: str) -> CodeOfSite | None:
    """What the code of an item without an id names in the site's own systems, where that is of its kind."""
    if item.id or item.coding is None:
        return None
    code = release.site.codes.get((item.coding.system.strip(), item.coding.code.strip()))
    return code if code is not None and code.kind == kind else None


def _context_truths(
    stated: Iterable[str], items: Sequence[RecognisedItem], rows: Mapping[str, ContextRow]
) -> dict[str, Truth]:
    true = _implied(stated, rows)
    denied = {ident for item in items for ident in item.denied} - set(true)
    return {**dict.fromkeys(sorted(denied), Truth.FALSE), **dict.fromkeys(true, Truth.TRUE)}


def _absent(sent: Sequence[ContextItem] | None, recognised: Sequence[RecognisedItem]) -> Truth:
    """FALSE for what is not on a list that was sent and wholly recognised, else UNKNOWN (DEC-88)."""
    return Truth.FALSE if sent is not None and all(item.read for item in recognised) else Truth.UNKNOWN


def _implied(ids: Iterable[str], rows: Mapping[str, ContextRow]) -> list[str]:
    found = sorted(ids)
    for ident in found:
        found += [implied for implied in rows[ident].implies if implied not in found]
    return found


class _Words:
    """The vocabularies of a release, indexed by what they are recognised by."""

    def __init__(self, release: Release) -> None:
        self.symptom_ids = release.symptoms.keys()
        self.codes: dict[tuple[str, str], list[str]] = {}
        self.symptoms = PhrasesInAnyOrder()
        # Phrases that mean the symptom only where nothing else but neutral words stands in their clause.
        self.alone = {phrases.phrase_key(phrase) for row in release.symptoms.values() for phrase in row.alone}
        self.past_counts = {row.id for row in release.symptoms.values() if row.past_counts}
        for row in release.symptoms.values():
            for code in row.codes:
                self.codes.setdefault((code.system, code.code.upper()), []).append(row.id)
            for synonym in (*row.synonyms, *row.alone, row.display):
                self.symptoms.add(synonym, (row.id,))
        for row in release.symptoms.values():
            for shared in row.may_mean:
                self.symptoms.share(shared, row.id)
        for row in release.symptoms.values():
            for other in row.other_meanings:
                self.symptoms.add(other, (), replacing=True)
        self.conditions = _context_index(release.conditions)
        self.medications = _context_index(release.medications)
        # Words that state a condition of the patient as a whole ("feels well"), and whether they deny every symptom.
        self.whole = PhrasesInOrder()
        self.denying: set[str] = set()
        for context in release.conditions.values():
            if context.denies_symptoms:
                for word in (*context.words, context.id, context.id.replace("_", " "), context.display):
                    self.whole.add(word, (context.id,))
                self.denying |= {" ".join(w.form for w in phrases.words(text)) for text in context.denies_symptoms}

    @staticmethod
    @lru_cache(maxsize=4)
    def of(release: Release) -> _Words:
        """The index of a release, made once."""
        return _Words(release)

    def _stated(self, clauses: Sequence[Clause]) -> Stated:
        if len(clauses) != 1 or clauses[0].answered_no:
            return Stated()
        clause = clauses[0]
        found = self.whole.find(clause)
        if not found or not _all_neutral(clause, found, denials=False):
            return Stated()
        named = {" ".join(clause.words[place].form for place in phrase.places) for phrase in found}
        ids = tuple(dict.fromkeys(ident for phrase in found for ident in phrase.ids))
        return Stated(ids, bool(named & self.denying))

    def symptom(self, symptom: Symptom) -> tuple[RecognisedSymptom, Stated]:
        """What a symptom is recognised as (id, else code, else every phrase of its text), and what it states."""
        if symptom.id in self.symptom_ids:
            return _as_a_whole((symptom.id,), symptom.present), Stated()
        # An id that nobody knows may still be a word ("DOMS").
        clauses = phrases.clauses(symptom.text or (symptom.id if symptom.coding is None else ""))
        whole = self._stated(clauses) if symptom.present else Stated()
        text = self._read(clauses)
        if symptom.coding is not None:
            key = (symptom.coding.system.strip().lower(), symptom.coding.code.strip().upper())
            if ids := self.codes.get(key, []):
                # A code that several symptoms share does not say which is meant: the text does, or all of them count.
                named = tuple(ident for ident in ids if ident in text.stated)
                return _as_a_whole(named or tuple(ids), symptom.present), whole
        stated = tuple(dict.fromkeys(text.stated))
        denied = tuple(ident for ident in dict.fromkeys(text.denied) if ident not in stated)
        others = tuple(ident for ident in dict.fromkeys(text.others) if ident not in (*stated, *denied))
        if stated and symptom.present:
            # What a text states beside what it denies is present.
            return RecognisedSymptom(stated, True, denied, text.unread), whole
        if not symptom.present:
            denied = (*stated, *denied)
        if denied or others:
            return RecognisedSymptom(denied or others, False, denied, text.unread), whole
        return RecognisedSymptom((), symptom.present and not whole.ids, (), text.unread), whole

    def _read(self, clauses: Sequence[Clause]) -> _Text:
        """The symptoms that a text states of the patient now, those it denies or puts into the past, and others'."""
        into = _Text()
        for clause in clauses:
            found = self.symptoms.find(clause)
            if any(phrase.key in self.alone for phrase in found):
                said = [phrase for phrase in found if phrase.ids]
                if not _all_neutral(clause, said, denials=True):
                    found = [phrase for phrase in found if phrase.key not in self.alone]
            reached = phrases.denied(clause, found)
            past = phrases.past(clause)
            others = phrases.Others.of(clause)
            for phrase in sorted(found, key=lambda item: item.places):
                if not phrase.ids:
                    into.unread = True
                elif others.have(phrase):
                    into.others += phrase.ids
                elif phrase.places[0] in reached:
                    # Of a word that may mean several, a denial denies the one it stands for.
                    into.denied += phrase.ids[:1]
                elif past:
                    counting = [ident for ident in phrase.ids if ident in self.past_counts]
                    into.stated += counting
                    into.denied += [ident for ident in phrase.ids if ident not in counting]
                else:
                    into.stated += phrase.ids
        return into

    def condition(self, item: ContextItem) -> RecognisedItem:
        """What a condition names and denies."""
        if item.id in self.conditions.ids:
            return RecognisedItem((item.id,))
        clauses = phrases.clauses(_text_of(item))
        if (whole := self._stated(clauses)).ids:
            return RecognisedItem(whole.ids, denies_symptoms=whole.denies)
        return self._item(clauses, self.conditions, _OVER)

    def medication(self, item: ContextItem) -> RecognisedItem:
        """What a medication names and denies; a coded one is matched by its display."""
        if item.id in self.medications.ids:
            return RecognisedItem((item.id,))
        return self._item(phrases.clauses(_text_of(item)), self.medications, _NOT_TAKEN)

    @staticmethod
    def _item(clauses: Sequence[Clause], index: _ContextIndex, gone: frozenset[str]) -> RecognisedItem:
        stated: list[str] = []
        denied: list[str] = []
        read, anything = True, False
        for clause in clauses:
            found = index.phrases.find(clause)
            reached = phrases.denied(clause, found)
            others = phrases.Others.of(clause)
            is_gone = any(word.raw in gone for word in clause.words)
            for phrase in found:
                anything = anything or bool(phrase.ids)
                if not others.have(phrase):
                    (denied if is_gone or phrase.places[0] in reached else stated).extend(phrase.ids)
            places = {place for phrase in found if phrase.ids for place in phrase.places}
            read = read and all(
                not places.isdisjoint(part) or all(_is_neutral(clause, place, _ABOUT) for place in part)
                for part in clause.parts
            )
        denied_ids = tuple(ident for ident in dict.fromkeys(denied) if ident not in stated)
        return RecognisedItem(tuple(dict.fromkeys(stated)), denied_ids, read and anything)


@dataclass(slots=True)
class _Text:
    """What one text was read as."""

    stated: list[str]
    denied: list[str]
    others: list[str]
    unread: bool

    def __init__(self) -> None:
        self.stated, self.denied, self.others, self.unread = [], [], [], False


def _as_a_whole(ids: tuple[str, ...], present: bool) -> RecognisedSymptom:
    return RecognisedSymptom(ids, present, () if present else ids)


def _text_of(item: ContextItem) -> str:
    """Its text, else the display of its code, else its id: one that is none may be a word ("mg_infusion")."""
    return item.text or (item.coding.display if item.coding else "") or item.id


def _all_neutral(clause: Clause, found: Sequence[Found], *, denials: bool) -> bool:
    """Whether only neutral words, and denials where they are allowed, stand in a clause beside these phrases."""
    places = {place for phrase in found for place in phrase.places}
    return all(
        place in places or _is_neutral(clause, place, _NEUTRAL) or (denials and phrases.denies(clause.words[place]))
        for place in range(len(clause.words))
    )


def _is_neutral(clause: Clause, place: int, neutral: frozenset[str]) -> bool:
    raw = clause.words[place].raw
    return raw in neutral or raw[0].isdigit()


@dataclass(frozen=True, slots=True)
class _ContextIndex:
    """Conditions or medications by id and by phrase."""

    ids: frozenset[str]
    phrases: PhrasesInOrder


def _context_index(rows: Mapping[str, ContextRow]) -> _ContextIndex:
    index = PhrasesInOrder()
    for row in rows.values():
        # "Well" states a condition only as the whole text: "well controlled diabetes" does not.
        for word in () if row.denies_symptoms else (*row.words, row.id, row.id.replace("_", " "), row.display):
            index.add(word, (row.id,))
            if word.endswith("onate"):
                # The acid of a salt is the same drug: alendronate, alendronic acid.
                index.add(f"{word.removesuffix('ate')}ic acid", (row.id,))
    for row in rows.values():
        for other in row.other_meanings:
            index.add(other, ())
    return _ContextIndex(frozenset(rows), index)
