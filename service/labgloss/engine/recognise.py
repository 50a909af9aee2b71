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
_OTHERS = frozenset({"father", "mother", "brother", "sister", "family", "risk"})
_ELSEWHERE = _OTHERS | {"resolved", "previously", "history"}
_REACH = 3


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


class _Words:
    """The vocabularies of a release, indexed by what they are recognised by."""

    def __init__(self, release: Release) -> None:
        self.symptom_ids = release.symptoms.keys()
        self.codes: dict[tuple[str, str], list[str]] = {}
        phrases: dict[str, str] = {}
        for row in release.symptoms.values():
            for code in row.codes:
                self.codes.setdefault((code.system, code.code.upper()), []).append(row.id)
            for synonym in (*row.synonyms, row.display):
                phrases.setdefault(_text(synonym), row.id)
        # Longest first, so that "belly cramps" is not read as "cramps".
        self.phrases = sorted(phrases.items(), key=lambda item: (-len(item[0]), item[0]))
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
                named = self._in_text(_text(symptom.text))[0]
                return RecognisedSymptom(tuple(ident for ident in ids if ident in named) or tuple(ids), symptom.present)
        text = _text(symptom.text)
        found, denied = self._in_text(text)
        if not found and self.context_in_text(text)[0]:
            return RecognisedSymptom((), present=False)
        return RecognisedSymptom(found, symptom.present and not denied)

    def _in_text(self, text: str) -> tuple[tuple[str, ...], bool]:
        """Symptom ids in a text, and whether it denies them or puts them elsewhere."""
        found: list[str] = []
        rest = f" {text} "
        away = False
        for phrase, ident in self.phrases:
            at = rest.find(f" {phrase} ")
            if at < 0:
                continue
            before = rest[:at].split()[-_REACH:]
            after = rest[at + len(phrase) + 1 :].split()
            away = away or bool(_DENIED & set(before)) or bool(_ELSEWHERE & {*rest[:at].split(), *after})
            found.append(ident)
            rest = f"{rest[:at]} | {rest[at + len(phrase) + 1 :]}"
        return tuple(dict.fromkeys(found)), away

    def item(self, item: ContextItem, index: _ContextIndex) -> tuple[str, ...]:
        """Condition or medication ids that an item names; a coded one is matched by its display."""
        if item.id in index.ids:
            return (item.id,)
        text = _text(item.text or (item.coding.display if item.coding else ""))
        if text in index.whole:
            return index.whole[text]
        found = [ident for phrase, ident in index.phrases if self._states(f" {text} ", phrase)]
        return tuple(dict.fromkeys(found))

    @staticmethod
    def _states(text: str, phrase: str) -> bool:
        """Whether a text names a phrase of the patient: not denied just before it, not somebody else's."""
        before, found, _ = text.partition(f" {phrase} ")
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
