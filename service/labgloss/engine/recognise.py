"""Symptoms, conditions and medications by id, code or plain words; what is not recognised comes back verbatim."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from typing import Generic, TypeVar

from labgloss.domain.panel import ContextItem, Panel, Symptom
from labgloss.domain.truth import FALSE, TRUE, UNKNOWN, Truth
from labgloss.engine import complaints, dated, phrases, reach
from labgloss.engine.complaints import UNREAD, Part, Said
from labgloss.engine.kept import by_release
from labgloss.engine.phrases import Clause, Found, PhrasesInAnyOrder, PhrasesInOrder
from labgloss.engine.reach import Reached
from labgloss.frozen import dataclass
from labgloss.knowledge.release import CodeOfSite, Release, SiteEntry
from labgloss.knowledge.schema import ContextRow, SymptomRow, TextKind

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
    # What became of each complaint that the text holds, in its order.
    parts: tuple[Part, ...] = ()

    @property
    def unread(self) -> bool:
        """Whether words that nobody read, or that look like a symptom and mean something else, stand in the text."""
        return any(part.said in UNREAD for part in self.parts)


@dataclass(frozen=True, slots=True)
class RecognisedItem:
    """What one condition or medication names of the patient, what it denies, and whether all of it was read."""

    ids: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()
    read: bool = True
    # The words of it that nobody read, as they were sent.
    unread: tuple[str, ...] = ()
    # It also denies every symptom ("asymptomatic").
    denies_symptoms: bool = False

    @property
    def verbatim(self) -> bool:
        """Whether words of it are given back as they were sent."""
        return bool(self.unread)


@dataclass(frozen=True, slots=True)
class Stated:
    """Conditions that a text states of the patient as a whole ("feels well"), and whether it denies every symptom."""

    ids: tuple[str, ...] = ()
    denies: bool = False


_NOTHING = Stated()


@dataclass(frozen=True, slots=True)
class Recognised:
    """Everything recognised in a panel, and the truths that follow."""

    symptoms: tuple[RecognisedSymptom, ...]
    conditions: tuple[tuple[str, ...], ...]
    medications: tuple[tuple[str, ...], ...]
    # The words of each condition and medication that nobody read, as they were sent.
    unread_words: Mapping[str, tuple[tuple[str, ...], ...]]
    truths: Mapping[str, Mapping[str, Truth]]
    absent: Mapping[str, Truth]
    # Fields of the request that hold words nobody read: "conditions[1]".
    unread: tuple[str, ...] = ()
    # Local codes of the site that named a condition or medication.
    site: tuple[SiteEntry, ...] = ()


def recognise(release: Release, panel: Panel) -> Recognised:
    """What the context of a panel names, with the truth of everything that it does not name."""
    if not panel.symptoms and not panel.conditions and not panel.medications:
        return _nothing_named(panel.conditions is not None, panel.medications is not None)
    words = _Words.of(release)
    read = [words.symptom(symptom) for symptom in panel.symptoms]
    symptoms = tuple([symptom for symptom, _ in read])
    stated = [whole for _, whole in read]
    site: list[SiteEntry] = []
    conditions = _items(release, panel.conditions, "condition", words.condition, site)
    medications = _items(release, panel.medications, "medication", words.medication, site)
    all_denied = any(whole.denies for whole in stated) or any(item.denies_symptoms for item in conditions)
    condition_ids = {ident for named in (conditions, stated) for item in named for ident in item.ids}
    medication_ids = {ident for item in medications for ident in item.ids}
    present = {ident for symptom in symptoms if symptom.present for ident in symptom.ids}
    denied = {ident for symptom in symptoms for ident in symptom.denied} - present
    return Recognised(
        symptoms,
        tuple([item.ids for item in conditions]),
        tuple([item.ids for item in medications]),
        {
            "condition": tuple([item.unread for item in conditions]),
            "medication": tuple([item.unread for item in medications]),
        },
        {
            "symptom": {**dict.fromkeys(denied, FALSE), **dict.fromkeys(present, TRUE)},
            "condition": _context_truths(condition_ids, conditions, release.conditions),
            "medication": _context_truths(medication_ids, medications, release.medications),
            "patient": {"symptoms_unknown": Truth.of(not panel.symptoms)},
        },
        {
            "symptom": FALSE if all_denied else UNKNOWN,
            "condition": _absent(panel.conditions, conditions),
            "medication": _absent(panel.medications, medications),
        },
        (
            *[f"symptoms[{n}]" for n, item in enumerate(symptoms) if item.unread],
            *[f"conditions[{n}]" for n, item in enumerate(conditions) if not item.read],
            *[f"medications[{n}]" for n, item in enumerate(medications) if not item.read],
        ),
        tuple(site),
    )


def how_far(release: Release, kind: TextKind, text: str) -> int:
    """How far a text is recognised: 2 where it names something and all of it is read, 1 where it names something."""
    words = _Words.of(release)
    if kind == "symptom":
        symptom, _ = words.symptom(Symptom(text=text))
        return (1 if symptom.unread else 2) if symptom.ids else 0
    item = (words.condition if kind == "condition" else words.medication)(ContextItem(text=text))
    return (2 if item.read else 1) if item.ids else 0


@lru_cache(maxsize=4)
def _nothing_named(conditions_sent: bool, medications_sent: bool) -> Recognised:
    """Of a panel without symptoms whose lists of conditions and medications are empty, or were not sent."""
    return Recognised(
        (),
        (),
        (),
        {"condition": (), "medication": ()},
        {"symptom": {}, "condition": {}, "medication": {}, "patient": {"symptoms_unknown": TRUE}},
        {
            "symptom": UNKNOWN,
            "condition": FALSE if conditions_sent else UNKNOWN,
            "medication": FALSE if medications_sent else UNKNOWN,
        },
    )


def _items(
    release: Release,
    sent: Sequence[ContextItem] | None,
    kind: str,
    read: Callable[[ContextItem], RecognisedItem],
    site: list[SiteEntry],
) -> tuple[RecognisedItem, ...]:
    """The items of a list as they were read; `site` takes up the codes of the site that named some of them."""
    found: list[RecognisedItem] = []
    for item in sent or ():
        if (code := _local(release, item, kind)) is not None:
            site.append(code.entry)
            found.append(RecognisedItem((code.id,)))
        else:
            found.append(read(item))
    return tuple(found)


def _local(release: Release, item: ContextItem, kind: str) -> CodeOfSite | None:
    """What the code of an item without an id names in the site's own systems, where that is of its kind."""
    if item.id or item.coding is None:
        return None
    code = release.site.codes.get((item.coding.system.strip(), item.coding.code.strip()))
    return code if code is not None and code.kind == kind else None


def _context_truths(
    stated: Collection[str], items: Sequence[RecognisedItem], rows: Mapping[str, ContextRow]
) -> dict[str, Truth]:
    if not stated and not items:
        return {}
    true = _implied(stated, rows)
    denied = {ident for item in items for ident in item.denied} - set(true)
    return {**dict.fromkeys(sorted(denied), FALSE), **dict.fromkeys(true, TRUE)}


def _absent(sent: Sequence[ContextItem] | None, recognised: Sequence[RecognisedItem]) -> Truth:
    """FALSE for what is not on a list that was sent and wholly recognised, else UNKNOWN (DEC-88)."""
    return FALSE if sent is not None and all(item.read for item in recognised) else UNKNOWN


def _implied(ids: Iterable[str], rows: Mapping[str, ContextRow]) -> list[str]:
    found = sorted(ids)
    for ident in found:
        found += [implied for implied in rows[ident].implies if implied not in found]
    return found


@dataclass(frozen=True, slots=True)
class _Text:
    """What a text of a symptom was read as, what it states of the patient as a whole, and the symptoms it states."""

    symptom: RecognisedSymptom
    whole: Stated
    stated: tuple[str, ...]

    @property
    def verbatim(self) -> bool:
        """Whether words of it are given back as they were sent."""
        return any(part.words for part in self.symptom.parts)


_Read = TypeVar("_Read", bound=_Text | RecognisedItem)


class _Kept(Generic[_Read]):
    """What the phrases of a vocabulary are read as, each read once. No other text is kept."""

    def __init__(self, phrases: Iterable[str], read: Callable[[str], _Read]) -> None:
        self._phrases = frozenset(phrase.casefold() for phrase in phrases)
        self._read = read
        self._known: dict[str, _Read] = {}

    def of(self, text: str) -> _Read:
        """What a text is read as. Its case matters only where words of it are given back."""
        phrase = text.casefold()
        if phrase not in self._phrases:
            return self._read(text)
        if (known := self._known.get(phrase)) is not None:
            return known
        read = self._read(text)
        return read if read.verbatim else self._known.setdefault(phrase, read)


class _Words:
    """The vocabularies of a release, and what their phrases are read as."""

    def __init__(self, release: Release) -> None:
        kept = release.vocabulary
        made = kept if isinstance(kept, Vocabulary) and kept.is_of(release) else vocabulary(release)
        self.codes, self.symptoms, self.conditions, self.medications = (
            made.codes, made.symptoms, made.conditions, made.medications
        )  # fmt: skip
        self.whole, self.denying = made.whole, made.denying
        # Of a code without a text there is nothing to read.
        said = ["", *(phrase for row in release.symptoms.values() for phrase in _phrases_of_symptom(row))]
        conditions = [phrase for row in release.conditions.values() for phrase in _phrases_of_item(row)]
        medications = [phrase for row in release.medications.values() for phrase in _phrases_of_item(row)]
        self.texts = {
            present: _Kept((*said, *conditions), partial(self._text, present=present)) for present in (False, True)
        }
        self.texts_of_conditions = _Kept(conditions, self._condition)
        self.texts_of_medications = _Kept(medications, self._medication)
        self.by_id = {
            (ident, present): _as_a_whole((ident,), present=present)
            for ident in release.symptoms
            for present in (False, True)
        }

    @staticmethod
    @by_release(maxsize=4)
    def of(release: Release) -> _Words:
        """The index of a release, made once."""
        return _Words(release)

    def _stated(self, clauses: Sequence[Clause]) -> Stated:
        if len(clauses) != 1 or clauses[0].answered_no:
            return Stated()
        clause = clauses[0]
        found = self.whole.find(clause)
        if not found or not complaints.all_neutral(clause, found, denials=False):
            return Stated()
        named = {" ".join(clause.words[place].form for place in phrase.places) for phrase in found}
        ids = tuple(dict.fromkeys(ident for phrase in found for ident in phrase.ids))
        return Stated(ids, bool(named & self.denying))

    def symptom(self, symptom: Symptom) -> tuple[RecognisedSymptom, Stated]:
        """What a symptom is recognised as (id, else code, else every phrase of its text), and what it states."""
        if (known := self.by_id.get((symptom.id, symptom.present))) is not None:
            return known, _NOTHING
        # An id that nobody knows may still be a word ("DOMS").
        read = self.texts[symptom.present].of(symptom.text or (symptom.id if symptom.coding is None else ""))
        if symptom.coding is not None:
            key = (symptom.coding.system.strip().lower(), symptom.coding.code.strip().upper())
            if ids := self.codes.get(key, []):
                # A code that several symptoms share does not say which is meant: the text does, or all of them count.
                named = tuple(ident for ident in ids if ident in read.stated)
                return _as_a_whole(named or tuple(ids), present=symptom.present), read.whole
        return read.symptom, read.whole

    def _text(self, text: str, *, present: bool) -> _Text:
        """What a text of a symptom names, and states."""
        clauses = phrases.clauses(text)
        whole = self._stated(clauses) if present else _NOTHING
        found = complaints.complaints(clauses, self.symptoms)
        stated = complaints.ids_of(found, Said.STATED)
        denied = tuple(ident for ident in complaints.ids_of(found, Said.DENIED) if ident not in stated)
        others = tuple(i for i in complaints.ids_of(found, Said.OTHERS) if i not in (*stated, *denied))
        parts = complaints.parts(text, found, present=present)
        if stated and present:
            # What a text states beside what it denies is present.
            return _Text(RecognisedSymptom(stated, True, denied, parts), whole, stated)
        if not present:
            denied = (*stated, *denied)
        if denied or others:
            return _Text(RecognisedSymptom(denied or others, False, denied, parts), whole, stated)
        if whole.ids:
            return _Text(RecognisedSymptom((), False, (), (Part("", Said.WHOLE, whole.ids),)), whole, stated)
        return _Text(RecognisedSymptom((), present, (), parts), whole, stated)

    def condition(self, item: ContextItem) -> RecognisedItem:
        """What a condition names and denies."""
        if item.id in self.conditions.ids:
            return RecognisedItem((item.id,))
        return self.texts_of_conditions.of(_text_of(item))

    def _condition(self, text: str) -> RecognisedItem:
        clauses = phrases.clauses(text)
        if (whole := self._stated(clauses)).ids:
            return RecognisedItem(whole.ids, denies_symptoms=whole.denies)
        return self._item(text, clauses, self.conditions, _OVER)

    def medication(self, item: ContextItem) -> RecognisedItem:
        """What a medication names and denies; a coded one is matched by its display."""
        if item.id in self.medications.ids:
            return RecognisedItem((item.id,))
        return self.texts_of_medications.of(_text_of(item))

    def _medication(self, text: str) -> RecognisedItem:
        return self._item(text, phrases.clauses(text), self.medications, _NOT_TAKEN)

    @staticmethod
    def _item(text: str, clauses: Sequence[Clause], index: _ContextIndex, gone: frozenset[str]) -> RecognisedItem:
        stated: list[str] = []
        denied: list[str] = []
        unread: list[str] = []
        anything = False
        for clause in clauses:
            found = index.phrases.find(clause)
            qualifiers = index.qualifiers.find(clause) if len(clause.words) > 1 or not found else []
            qualifying = {place for phrase in qualifiers for place in phrase.places}
            reached = reach.reach(clause, found, qualifying, gone)
            stopped = {place for place, word in enumerate(clause.words) if word.raw in gone}
            qualifying |= stopped
            known: list[Found] = []
            for phrase in found:
                anything = anything or bool(phrase.ids)
                said = reached.get(phrase.places[0])
                lasting = bool(stopped) and any(ident in index.within for ident in phrase.ids)
                if said is None:
                    named, clear = index.of_now(clause, found, phrase)
                    stated.extend(named)
                elif said is Reached.DENIED and lasting:
                    # It counts for a time beyond its end: "denosumab stopped 3 months ago".
                    named, clear = index.of_now(clause, found, phrase)
                    clear = clear and not named
                else:
                    clear = said is not Reached.DOUBTFUL
                    denied.extend(phrase.ids if said is Reached.DENIED else ())
                if clear:
                    known.append(phrase)
            unread += [text[begin:end] for begin, end in _unread(clause, known, qualifying)]
        denied_ids = tuple(ident for ident in dict.fromkeys(denied) if ident not in stated)
        if not anything:
            unread = [text]
        return RecognisedItem(tuple(dict.fromkeys(stated)), denied_ids, not unread, tuple(unread))


def _unread(clause: Clause, found: Sequence[Found], qualifying: Collection[int]) -> Iterator[tuple[int, int]]:
    """Where the parts of a clause stand in the text that no phrase names and that do not only qualify."""
    named = {place for phrase in found if phrase.ids for place in phrase.places}
    for part in clause.parts:
        if named.isdisjoint(part) and not all(complaints.qualifies(clause, place, qualifying) for place in part):
            yield phrases.span_of(clause, part)


def _as_a_whole(ids: tuple[str, ...], *, present: bool) -> RecognisedSymptom:
    parts = (Part("", Said.STATED if present else Said.DENIED, ids),)
    return RecognisedSymptom(ids, present, () if present else ids, parts)


def _phrases_of_symptom(row: SymptomRow) -> tuple[str, ...]:
    return (*row.synonyms, *row.alone, row.display)


def _phrases_of_item(row: ContextRow) -> tuple[str, ...]:
    return (*row.words, row.id, row.id.replace("_", " "), row.display)


def _text_of(item: ContextItem) -> str:
    """Its text, else the display of its code, else its id: one that is none may be a word ("mg_infusion")."""
    return item.text or (item.coding.display if item.coding else "") or item.id


@dataclass(frozen=True, slots=True)
class _ContextIndex:
    """Conditions or medications by id and by phrase."""

    ids: frozenset[str]
    phrases: PhrasesInOrder
    qualifiers: PhrasesInOrder
    # Days within which an id is meant, and the ids that a phrase names only where a time is stated.
    within: Mapping[str, int]
    dated: Mapping[str, frozenset[str]]

    def of_now(self, clause: Clause, found: Sequence[Found], phrase: Found) -> tuple[tuple[str, ...], bool]:
        """The ids of a phrase that are of now by the time that its clause states, and whether that is clear."""
        if not any(ident in self.within for ident in phrase.ids):
            return phrase.ids, True
        named: list[str] = []
        clear = True
        own = " ".join(clause.words[place].form for place in phrase.places)
        said = _beside(clause, found, phrase)
        for ident in phrase.ids:
            truth = dated.is_within(self.within[ident], said) if ident in self.within else TRUE
            if truth is None:
                truth = UNKNOWN if own in self.dated.get(ident, ()) else TRUE
            if truth is TRUE:
                named.append(ident)
            clear = clear and truth is not UNKNOWN
        return tuple(named), clear


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words of a release, indexed by what they are recognised by; making it reads every phrase of the release."""

    # What it was made of.
    rows: tuple[Mapping[str, object], ...]
    codes: Mapping[tuple[str, str], Sequence[str]]
    symptoms: complaints.Index
    conditions: _ContextIndex
    medications: _ContextIndex
    # Words that state a condition of the patient as a whole ("feels well"), and whether they deny every symptom.
    whole: PhrasesInOrder
    denying: frozenset[str]

    def is_of(self, release: Release) -> bool:
        """Whether it was made of the very rows of a release, which may differ from the one it was made of elsewhere."""
        return all(own is other for own, other in zip(self.rows, _rows(release), strict=True))


def _rows(release: Release) -> tuple[Mapping[str, object], ...]:
    return release.symptoms, release.conditions, release.medications, release.qualifiers


def vocabulary(release: Release) -> Vocabulary:
    """The vocabulary of a release."""
    codes: dict[tuple[str, str], list[str]] = {}
    symptoms = complaints.Index(
        PhrasesInAnyOrder(),
        {phrases.phrase_key(phrase) for row in release.symptoms.values() for phrase in row.alone},
        {row.id for row in release.symptoms.values() if row.past_counts},
        _qualifiers(release, "symptom"),
    )
    for row in release.symptoms.values():
        for code in row.codes:
            codes.setdefault((code.system, code.code.upper()), []).append(row.id)
        for synonym in _phrases_of_symptom(row):
            symptoms.phrases.add(synonym, (row.id,))
    for row in release.symptoms.values():
        for shared in row.may_mean:
            symptoms.phrases.share(shared, row.id)
    for row in release.symptoms.values():
        for other in row.other_meanings:
            symptoms.phrases.add(other, (), replacing=True)
    whole = PhrasesInOrder()
    denying: set[str] = set()
    for context in release.conditions.values():
        if context.denies_symptoms:
            for word in _phrases_of_item(context):
                whole.add(word, (context.id,))
            denying |= {" ".join(w.form for w in phrases.words(text)) for text in context.denies_symptoms}
    return Vocabulary(
        _rows(release),
        codes,
        symptoms,
        _context_index(release.conditions, _qualifiers(release, "condition")),
        _context_index(release.medications, _qualifiers(release, "medication")),
        whole,
        frozenset(denying),
    )


def _qualifiers(release: Release, kind: TextKind) -> PhrasesInOrder:
    """The words that only qualify in texts of a kind."""
    index = PhrasesInOrder()
    for row in release.qualifiers.values():
        for word in row.words if kind in row.of else ():
            index.add(word, (row.id,))
    return index


def _beside(clause: Clause, found: Sequence[Found], phrase: Found) -> str:
    """The words around a phrase, from the phrase before it, or from its comma, to the next phrase."""
    others = [place for other in found if other is not phrase for place in other.places]
    first = max((place + 1 for place in others if place < phrase.places[0]), default=0)
    commas = [place for place in range(first, phrase.places[0] + 1) if clause.separators[place] == ","]
    end = min((place for place in others if place > phrase.places[-1]), default=len(clause.words))
    places = range(commas[-1] if commas else first, end)
    return " ".join(clause.words[place].raw for place in places if place not in phrase.places)


def _context_index(rows: Mapping[str, ContextRow], qualifiers: PhrasesInOrder) -> _ContextIndex:
    index = PhrasesInOrder()
    for row in rows.values():
        # "Well" states a condition only as the whole text: "well controlled diabetes" does not.
        for word in () if row.denies_symptoms else (*_phrases_of_item(row), *row.dated):
            index.add(word, (row.id,))
            if word.endswith("onate"):
                # The acid of a salt is the same drug: alendronate, alendronic acid.
                index.add(f"{word.removesuffix('ate')}ic acid", (row.id,))
    for row in rows.values():
        for other in row.other_meanings:
            index.add(other, ())
    return _ContextIndex(
        frozenset(rows),
        index,
        qualifiers,
        {row.id: row.within_days for row in rows.values() if row.within_days is not None},
        {
            row.id: frozenset(" ".join(word.form for word in phrases.words(text)) for text in row.dated)
            for row in rows.values()
            if row.dated
        },
    )
