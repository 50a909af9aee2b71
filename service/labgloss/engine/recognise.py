"""Symptoms, conditions and medications by id, code or plain words; what is not recognised comes back verbatim."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from labgloss.domain.panel import ContextItem, Panel, Symptom
from labgloss.domain.truth import Truth
from labgloss.knowledge.release import Release
from labgloss.knowledge.schema import ContextRow

# Words that turn a symptom into its denial, its past, or somebody else's (SP 1, traps of a free-text matcher).
_DENIED = frozenset({"no", "not", "denies", "denied", "without", "never", "nil"})
# These deny a whole list; the others what stands close behind them.
_DENIES_ALL = frozenset({"denies", "denied"})
_JOINS = frozenset({"or", "nor"})
_BREAKS = re.compile(r"[.;:!?\n]|\b(?:but|however|although|though|except)\b")
_OTHERS = frozenset({"father", "mother", "brother", "sister", "family", "risk"})
_ELSEWHERE = _OTHERS | {"resolved", "previously", "history"}
_REACH = 3
# Words between those of a phrase that change nothing: "tingling in both feet".
_FILLERS = frozenset({"a", "an", "the", "in", "of", "my", "his", "her", "their", "both", "is", "are"})


@dataclass(frozen=True, slots=True)
class RecognisedSymptom:
    """What one symptom was recognised as, and whether the patient has it now."""

    ids: tuple[str, ...] = ()
    present: bool = True


@dataclass(frozen=True, slots=True)
class Recognised:
    """Everything recognised in a panel, and the truths that follow."""

    symptoms: tuple[RecognisedSymptom, ...]
    conditions: tuple[tuple[str, ...], ...]
    medications: tuple[tuple[str, ...], ...]
    truths: Mapping[str, Mapping[str, Truth]]
    absent: Mapping[str, Truth]


def recognise(release: Release, panel: Panel) -> Recognised:
    """What the context of a panel names, with the truth of everything that it does not name."""
    words = _Words.of(release)
    stated = [words.context_in_text(_text(symptom.text)) for symptom in panel.symptoms]
    symptoms = tuple(words.symptom(symptom) for symptom in panel.symptoms)
    conditions = tuple(words.item(item, words.conditions) for item in panel.conditions or ())
    medications = tuple(words.item(item, words.medications) for item in panel.medications or ())
    all_denied = any(denies for _, denies in stated)
    condition_ids = {*(ident for ids in conditions for ident in ids), *(ident for ids, _ in stated for ident in ids)}
    present = {ident for symptom in symptoms if symptom.present for ident in symptom.ids}
    denied = {ident for symptom in symptoms if not symptom.present for ident in symptom.ids} - present
    unknown = not panel.symptoms
    return Recognised(
        symptoms,
        conditions,
        medications,
        {
            "symptom": {**dict.fromkeys(denied, Truth.FALSE), **dict.fromkeys(present, Truth.TRUE)},
            "condition": dict.fromkeys(_implied(condition_ids, release.conditions), Truth.TRUE),
            "medication": dict.fromkeys(
                _implied({ident for ids in medications for ident in ids}, release.medications), Truth.TRUE
            ),
            "patient": {"symptoms_unknown": Truth.of(unknown)},
        },
        {
            "symptom": Truth.FALSE if all_denied else Truth.UNKNOWN,
            "condition": _absent(panel.conditions, conditions),
            "medication": _absent(panel.medications, medications),
        },
    )


def _absent(sent: Sequence[ContextItem] | None, recognised: tuple[tuple[str, ...], ...]) -> Truth:
    """FALSE for what is not on a list that was sent and wholly recognised, else UNKNOWN (DEC-88)."""
    return Truth.FALSE if sent is not None and all(recognised) else Truth.UNKNOWN


def _implied(ids: Iterable[str], rows: Mapping[str, ContextRow]) -> list[str]:
    found = sorted(ids)
    for ident in found:
        found += [implied for implied in rows[ident].implies if implied not in found]
    return found


def _text(text: str) -> str:
    """Case-folded words with one blank between them."""
    return " ".join(re.findall(r"[\w'-]+", text.casefold().replace("’", "'")))


def _words(text: str) -> list[str]:
    """The words of a text, each as its one form: cannot, could not and can't are one."""
    return re.findall(r"[\w'-]+", re.sub(r"\b(?:cannot|can not|could not|couldn't)\b", "can't", _text(text)))


def _key(words: Sequence[str]) -> tuple[str, ...]:
    """What phrases of the same words share: singular, plural, -ing and word order are one (SP 1).

    A single word keeps its form: "runs" is no "run".
    """
    content = [word for word in words if word not in _FILLERS] or list(words)
    if len(content) == 1:
        return (content[0],)
    return tuple(sorted(_stem(word) for word in content))


def _stem(word: str) -> str:
    for ending in ("ing", "es", "s", "e"):
        if word.endswith(ending) and len(word) - len(ending) > 2 and not word.endswith("ss"):
            return word.removesuffix(ending)
    return word


def _denied(clause: str) -> set[int]:
    """The places of the words of a clause that a denial reaches.

    "Denies" reaches all that follows; "no" what stands close behind it, and of a list that ends in "or" every part.
    """
    reached: set[int] = set()
    first = 0
    scope = ""
    parts = [_words(part) for part in clause.split(",")]
    for number, words in enumerate(parts):
        goes_on = scope == "all" or (scope == "list" and any(_JOINS & set(later) for later in parts[number:]))
        since: int | None = None
        for place, word in enumerate(words):
            close = since is not None and (
                place - since <= _REACH or scope == "all" or bool(_JOINS & set(words[since:place]))
            )
            if goes_on or close:
                reached.add(first + place)
            if word in _DENIED:
                since = place
                scope = "all" if scope == "all" or word in _DENIES_ALL else "list"
        first += len(words)
    return reached


class _Words:
    """The vocabularies of a release, indexed by what they are recognised by."""

    def __init__(self, release: Release) -> None:
        self.symptom_ids = release.symptoms.keys()
        self.codes: dict[tuple[str, str], list[str]] = {}
        # A phrase without an id means no symptom.
        self.phrases: dict[tuple[str, ...], str] = {}
        for row in release.symptoms.values():
            for code in row.codes:
                self.codes.setdefault((code.system, code.code.upper()), []).append(row.id)
            for synonym in (*row.synonyms, row.display):
                key = _key(_words(synonym))
                self.phrases.setdefault(key, row.id)
                if len(key) == 1:
                    for ending in ("s", "ing"):
                        self.phrases.setdefault((f"{key[0]}{ending}",), row.id)
            for other in row.other_meanings:
                self.phrases[_key(_words(other))] = ""
        self.longest = max(len(key) for key in self.phrases)
        self.conditions = _context_index(release.conditions)
        self.medications = _context_index(release.medications)
        # Words in a symptom's place that state a condition ("feels well"), and whether they deny every symptom.
        self.stated = [
            (_text(word), row.id, word in row.denies_symptoms)
            for row in release.conditions.values()
            if row.denies_symptoms
            for word in row.words
        ]

    @staticmethod
    @lru_cache(maxsize=4)
    def of(release: Release) -> _Words:
        """The index of a release, made once."""
        return _Words(release)

    def context_in_text(self, text: str) -> tuple[tuple[str, ...], bool]:
        """Conditions that a symptom's text states as a whole, and whether it denies every symptom."""
        found = [(ident, denies) for phrase, ident, denies in self.stated if phrase == text]
        return tuple(ident for ident, _ in found), any(denies for _, denies in found)

    def symptom(self, symptom: Symptom) -> RecognisedSymptom:
        """What a symptom is recognised as: its id, else its code, else every phrase in its text."""
        if symptom.id in self.symptom_ids:
            return RecognisedSymptom((symptom.id,), symptom.present)
        if symptom.coding is not None:
            key = (symptom.coding.system.strip().lower(), symptom.coding.code.strip().upper())
            if ids := self.codes.get(key, []):
                # A code that several symptoms share does not say which is meant: the text does, or all of them count.
                named = self._in_text(symptom.text)[0]
                return RecognisedSymptom(tuple(ident for ident in ids if ident in named) or tuple(ids), symptom.present)
        found, denied = self._in_text(symptom.text)
        if not found and not denied and self.context_in_text(_text(symptom.text))[0]:
            return RecognisedSymptom((), present=False)
        # What a text states beside what it denies is present.
        return RecognisedSymptom(found or denied, symptom.present and bool(found or not denied))

    def _in_text(self, text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Symptom ids that a text states of the patient now, and those that it denies or puts elsewhere."""
        stated: list[str] = []
        away: list[str] = []
        for clause in _BREAKS.split(text.casefold().replace("’", "'")):
            denied = _denied(clause)
            words = _words(clause)
            content = [(place, word) for place, word in enumerate(words) if word not in _FILLERS]
            elsewhere = bool(_ELSEWHERE & set(words))
            used: set[int] = set()
            # Longest first, so that "belly cramps" is not read as "cramps".
            for length in range(min(self.longest, len(content)), 0, -1):
                for start in range(len(content) - length + 1):
                    window = content[start : start + length]
                    ident = self.phrases.get(_key([word for _, word in window]))
                    if ident is None or used & {place for place, _ in window}:
                        continue
                    used |= {place for place, _ in window}
                    if ident:
                        (away if elsewhere or window[0][0] in denied else stated).append(ident)
        return tuple(dict.fromkeys(stated)), tuple(ident for ident in dict.fromkeys(away) if ident not in stated)

    def item(self, item: ContextItem, index: _ContextIndex) -> tuple[str, ...]:
        """Condition or medication ids that an item names; a coded one is matched by its display.

        An id that is none may be one of the words: "mg_infusion", "haemodialysis".
        """
        if item.id in index.ids:
            return (item.id,)
        sent = item.text or (item.coding.display if item.coding else "") or item.id
        if (text := _text(sent)) in index.whole:
            return index.whole[text]
        # A denial, or somebody else, reaches no further than its clause: "no fever; on dialysis".
        clauses = [f" {_text(clause)} " for clause in _BREAKS.split(sent.casefold())]
        found = [ident for phrase, ident in index.phrases if any(self._states(clause, phrase) for clause in clauses)]
        return tuple(dict.fromkeys(found))

    @staticmethod
    def _states(clause: str, phrase: str) -> bool:
        """Whether a clause names a phrase of the patient: not denied just before it, not somebody else's."""
        before, found, _ = clause.partition(f" {phrase} ")
        words = before.split()
        return bool(found) and not (_DENIED & set(words[-_REACH:])) and not (_OTHERS & set(words))


@dataclass(frozen=True, slots=True)
class _ContextIndex:
    """Conditions or medications by id, by a phrase inside a text, and by a text as a whole."""

    ids: frozenset[str]
    phrases: tuple[tuple[str, str], ...]
    whole: Mapping[str, tuple[str, ...]]


def _context_index(rows: Mapping[str, ContextRow]) -> _ContextIndex:
    phrases: set[tuple[str, str]] = set()
    whole: dict[str, tuple[str, ...]] = {}
    for row in rows.values():
        for word in (*row.words, row.id.replace("_", " "), row.display):
            whole[_text(word)] = (*whole.get(_text(word), ()), row.id)
            # "well" states a condition only as the whole text: "well controlled diabetes" does not.
            if not row.denies_symptoms:
                phrases.add((_text(word), row.id))
    ordered = tuple(sorted(phrases, key=lambda item: (-len(item[0]), item[0], item[1])))
    return _ContextIndex(frozenset(rows), ordered, {text: tuple(dict.fromkeys(ids)) for text, ids in whole.items()})
