"""Plain words: their one form, what a denial reaches, whose they are, and the phrases found in them.

What a text costs grows with the text: a phrase is looked for only where one of its words stands, by one look-up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

# A comparison keeps its direction: "BMI <16" and "BMI less than 16" are one, and neither is "BMI >16".
_COMPARED = (
    (re.compile(r">=|=>|\bat least\b|≥"), " from "),
    (re.compile(r"<=|=<|\bat most\b|≤"), " upto "),
    (re.compile(r"<|\b(?:less|fewer|lower) than\b|\b(?:under|below)(?= ?\d)"), " below "),
    (re.compile(r">|\b(?:more|greater|longer) than\b|\b(?:over|above)(?= ?\d)"), " above "),
)
_CANNOT = re.compile(r"\b(?:cannot|can not|could not|couldn't|cant|unable to)\b")
# "No improvement" and "not resolved" deny no symptom; "not only cramps" states one.
_NO_DENIAL = re.compile(
    r"\b(?:no|not|never|without|hasn't|haven't|isn't|aren't|wasn't|didn't|doesn't|don't)\s+"
    r"(?:(?:yet|been|fully|completely|much|any|the|really)\s+)*"
    r"(?:improv\w*|chang\w*|better|worse|relie\w+|respon\w+|resol\w+|settl\w+|gone|explain\w*|explanation|cause|reason|"
    r"doubt|wonder|only|just)\b"
)
# A history of days is the present complaint, a previously well patient had nothing, a reporter is not the patient.
_NO_PAST = re.compile(
    r"\b(?:(?:\d\S*|\w+|\d+)[\s-]+(?:hour|day|week|month|year)s?|short|recent|acute|hours?|days?|weeks?|months?|years?)"
    r"[\s-]+history\b|\bpreviously (?:fit and )?(?:well|healthy)\b"
)
_SOMEBODY = (
    r"(?:father|mother|brother|sister|parents?|dad|mum|mom|grand(?:mother|father|parents?)|aunt|uncle|cousin|wife|husband|"
    r"partner|friend|relatives?|siblings?|family)"
)
_REPORTS = re.compile(
    rf"\b{_SOMEBODY} (?:also )?(?:reports?|reported|says?|said|states?|stated|notic\w+|describ\w+|thinks?|is worried|"
    r"worried|concerned|saw|witnessed|found)\b|\b(?:like|unlike|as) (?:my|his|her|their) "
    rf"{_SOMEBODY}\b|\bfamily (?:doctor|physician|gp|practice)\b"
)
_SOMEBODY_WORD = re.compile(_SOMEBODY)
_RISK = "risk"
_PAST = frozenset({"resolved", "previously", "history", "previous", "former", "formerly", "childhood", "pmh"})
_PAST_PHRASES = re.compile(
    r"\bused to\b|\bh/o\b|\bhx of\b|\bin the past\b(?! (?:few|couple|\d|\w+ (?:day|week|month|hour)))|\bas a child\b"
)

# Denials; the first deny a whole list, the others what stands close behind them.
_DENIES_ALL = frozenset({"denies", "denied", "denying"})
_DENIED = _DENIES_ALL | {
    *("no", "not", "without", "never", "nil", "nor", "neither", "negative", "hasn't", "haven't", "isn't", "aren't"),
    *("wasn't", "weren't", "didn't", "doesn't", "don't", "hadn't"),
}
_JOINS = frozenset({"or", "nor"})
_REACH = 3
# Words that a denial reaches over: "no sign of any tetany".
_REACHED_OVER = frozenset(
    {"sign", "signs", "evidence", "any", "complaint", "complaints", "recent", "new", "further", "more", "episodes"}
    | {
        "symptom",
        "symptoms",
        "had",
        "have",
        "having",
        "has",
        "known",
        "history",
        "reported",
        "complain",
        "report",
        "feel",
    }
)
# A clause that is nothing but one of these answers the clause before it: "cramps: no".
_ANSWERS_NO = frozenset({"no", "none", "nil", "denied", "denies", "absent", "negative", "never", "n"})

_BREAKS = re.compile(
    r"(?:[;:!?\n]|\.(?!\d)|\b(?:but|however|although|though|except|whereas|while)\b"
    r"|\b(?:now|currently)\b(?! (?:resolved|gone|settled|better|stopped|denie[sd]|no\b|not\b|well\b|asymptomatic))"
    r"|(?:,|\band)(?= (?:i|i'm|i've|the patient|patient|pt)\b))"
)
_TOKEN = re.compile(r"\d+\.\d+|[\w'-]+|[,+/&]")
_SEPARATORS = frozenset({",", "+", "/", "&", "and"})
# These make one word with what follows: "non-dialysis" names no dialysis.
_PREFIXES = ("non-", "pre-", "post-", "anti-", "ex-", "un-")

# Words between those of a phrase that change nothing: "tingling in both feet".
FILLERS = frozenset(
    {"a", "an", "the", "in", "of", "my", "his", "her", "their", "your", "both", "is", "are", "was", "were", "am", "be"}
    | {"been", "i", "i'm", "left", "right", "some", "very", "really", "quite", "so", "extremely", "severe", "severely"}
    | {"bad", "badly", "terrible", "awful", "mild", "mildly", "slight", "slightly", "bit", "rather", "this", "these"}
)


@dataclass(frozen=True, slots=True)
class Word:
    """A word as it was written, in one case, and the form that is compared."""

    raw: str
    form: str
    stem: str


@dataclass(frozen=True, slots=True)
class Clause:
    """The words of a clause without its separators, and the parts that commas, "and" and the like make of it."""

    text: str
    words: tuple[Word, ...]
    # Places where a part begins after a comma, and after any separator.
    listed: frozenset[int]
    parts: tuple[range, ...]
    # The next clause only says no to it.
    answered_no: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """A phrase found in a clause: the ids it names, none where it means something else, and its places."""

    ids: tuple[str, ...]
    places: tuple[int, ...]


def clauses(text: str) -> list[Clause]:
    """The clauses of a text."""
    plain = plain_text(text)
    found: list[Clause] = []
    for piece in _BREAKS.split(plain):
        clause = _clause(piece)
        if found and [word.raw for word in clause.words] and {word.raw for word in clause.words} <= _ANSWERS_NO:
            last = found[-1]
            found[-1] = Clause(last.text, last.words, last.listed, last.parts, answered_no=True)
        elif clause.words:
            found.append(clause)
    return found


def plain_text(text: str) -> str:
    """A text in one case, with one apostrophe, its comparisons in words and one form of "cannot"."""
    plain = text.casefold().replace("’", "'").replace("_", " ")
    for pattern, word in _COMPARED:
        plain = pattern.sub(word, plain)
    return _CANNOT.sub("can't", plain)


def words(text: str) -> tuple[Word, ...]:
    """The words of a phrase."""
    return _clause(plain_text(text)).words


def _clause(plain: str) -> Clause:
    found: list[Word] = []
    listed: set[int] = set()
    starts = [0]
    for token in _TOKEN.findall(plain):
        if token in _SEPARATORS:
            if len(found) > starts[-1]:
                starts.append(len(found))
            if token == ",":
                listed.add(len(found))
            if token != "and":
                continue
        found += [_word(part) for part in _unhyphened(token)]
    ends = [*starts[1:], len(found)]
    parts = tuple(range(start, end) for start, end in zip(starts, ends, strict=True) if end > start)
    return Clause(plain, tuple(found), frozenset(listed), parts)


def _unhyphened(token: str) -> list[str]:
    if token.startswith(_PREFIXES):
        return [token]
    return [part for part in token.strip("'-").split("-") if part]


def _word(raw: str) -> Word:
    form = _spelled(raw.removesuffix("'s"))
    return Word(raw, form, _stem(form))


def _spelled(word: str) -> str:
    """One spelling of both kinds of English: haemolysed and hemolyzed, tumour and tumor."""
    for written, one in (("ae", "e"), ("oe", "e"), ("our", "or"), ("yse", "yze"), ("ise", "ize"), ("isa", "iza")):
        word = word.replace(written, one)
    return word


def _stem(word: str) -> str:
    for ending in ("ing", "es", "s", "e"):
        if word.endswith(ending) and len(word) - len(ending) > 2 and not word.endswith("ss"):
            return word.removesuffix(ending)
    return word


# ---------------------------------------------------------------------------------------------- phrases in any order


@dataclass(frozen=True, slots=True)
class PhrasesInAnyOrder:
    """Phrases whose words may come in any order and number ("lips numb"); a single word keeps its form."""

    ids: dict[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict)
    lengths: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def add(self, phrase: str, idents: tuple[str, ...], *, replacing: bool = False) -> None:
        """A phrase for ids; the first to claim it keeps it unless it is replaced. No id: it means something else."""
        content = [word for word in words(phrase) if word.raw not in FILLERS] or list(words(phrase))
        if len(content) == 1:
            form = content[0].form
            shorter = form.removesuffix("e")
            endings = () if replacing else (f"{form}s", f"{shorter}ing")
            for one in (form, *endings):
                self._put((one,), idents, replacing=replacing)
            return
        self._put(tuple(sorted(word.stem for word in content)), idents, replacing=replacing)

    def share(self, phrase: str, ident: str) -> None:
        """A phrase that another id has, and that may mean this one too."""
        content = [word for word in words(phrase) if word.raw not in FILLERS]
        key = (content[0].form,) if len(content) == 1 else tuple(sorted(word.stem for word in content))
        self.ids[key] = (*self.ids.get(key, ()), ident)

    def _put(self, key: tuple[str, ...], idents: tuple[str, ...], *, replacing: bool) -> None:
        if key in self.ids and not replacing:
            return
        self.ids[key] = idents
        for word in key if len(key) > 1 else ():
            known = {*self.lengths.get(word, ()), len(key)}
            self.lengths[word] = tuple(sorted(known, reverse=True))

    def find(self, clause: Clause) -> list[Found]:
        """The phrases of a clause, longest first, so that "belly cramps" is not read as "cramps"."""
        content = [(place, word) for place, word in enumerate(clause.words) if word.raw not in FILLERS]
        candidates: list[tuple[int, int, tuple[str, ...]]] = []
        for start, (_, word) in enumerate(content):
            for length in self.lengths.get(word.stem, ()):
                window = content[start : start + length]
                if len(window) == length and all(length in self.lengths.get(w.stem, ()) for _, w in window):
                    key = tuple(sorted(w.stem for _, w in window))
                    if key in self.ids:
                        candidates.append((length, start, key))
            if (word.form,) in self.ids:
                candidates.append((1, start, (word.form,)))
        used: set[int] = set()
        found: list[Found] = []
        for length, start, key in sorted(candidates, key=lambda item: (-item[0], item[1])):
            places = tuple(place for place, _ in content[start : start + length])
            if not used & set(places):
                used |= set(places)
                found.append(Found(self.ids[key], places))
        return found


# ---------------------------------------------------------------------------------------------- phrases in order


@dataclass(frozen=True, slots=True)
class PhrasesInOrder:
    """Phrases whose words stand together in their order, in singular or plural."""

    ids: dict[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict)
    lengths: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def add(self, phrase: str, idents: tuple[str, ...]) -> None:
        """A phrase for ids, beside those that have it already. No id: it means something else."""
        key = tuple(_singular(word.form) for word in words(phrase))
        if key:
            self.ids[key] = tuple(dict.fromkeys((*self.ids.get(key, ()), *idents)))
            known = {*self.lengths.get(key[0], ()), len(key)}
            self.lengths[key[0]] = tuple(sorted(known, reverse=True))

    def find(self, clause: Clause) -> list[Found]:
        """The phrases of a clause, longest first at each place."""
        forms = [_singular(word.form) for word in clause.words]
        found: list[Found] = []
        place = 0
        while place < len(forms):
            for length in self.lengths.get(forms[place], ()):
                idents = self.ids.get(tuple(forms[place : place + length]))
                if idents is not None and place + length <= len(forms):
                    found.append(Found(idents, tuple(range(place, place + length))))
                    place += length - 1
                    break
            place += 1
        return found


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return f"{word[:-3]}y"
    return word.removesuffix("s") if len(word) > 3 and not word.endswith(("ss", "us", "is")) else word


# ---------------------------------------------------------------------------------------------- denied, past, others


def denied(clause: Clause, found: Sequence[Found]) -> frozenset[int]:
    """The places that a denial reaches. A denial inside a phrase ("no energy") denies nothing else."""
    if clause.answered_no:
        return frozenset(range(len(clause.words)))
    inside = {place for phrase in found for place in phrase.places}
    void = _void_places(clause)
    reached: set[int] = set()
    scope = ""
    for part in _comma_parts(clause):
        ahead = {word.raw for word in clause.words[part.start :]}
        goes_on = scope == "all" or (scope == "list" and bool(_JOINS & ahead))
        since: int | None = None
        for place in part:
            word = clause.words[place].raw
            if goes_on or (since is not None and (scope == "all" or _close(clause, since, place))):
                reached.add(place)
            if word in _DENIED and place not in inside and place not in void:
                since = place
                scope = "all" if scope == "all" or word in _DENIES_ALL else "list"
        # "Tingling denied": the last word of a part answers it.
        if clause.words[part[-1]].raw in _ANSWERS_NO and part[-1] not in inside | void:
            reached |= set(part)
    return frozenset(reached)


def denies(word: Word) -> bool:
    """Whether a word denies."""
    return word.raw in _DENIED


def _close(clause: Clause, since: int, place: int) -> bool:
    between = [word.raw for word in clause.words[since + 1 : place]]
    counted = [word for word in between if word not in _REACHED_OVER and word not in FILLERS]
    return len(counted) < _REACH or bool(_JOINS & set(between))


def _comma_parts(clause: Clause) -> list[range]:
    edges = [0, *sorted(place for place in clause.listed if 0 < place < len(clause.words)), len(clause.words)]
    return [range(start, end) for start, end in zip(edges, edges[1:], strict=False) if end > start]


def _void_places(clause: Clause) -> frozenset[int]:
    """Places of denying words that deny nothing: "no improvement"."""
    return _places_of(clause, _NO_DENIAL)


def _places_of(clause: Clause, pattern: re.Pattern[str]) -> frozenset[int]:
    """Places of the words that a pattern covers in the clause."""
    if not (spans := [match.span() for match in pattern.finditer(clause.text)]):
        return frozenset()
    found: set[int] = set()
    place = 0
    for token in _TOKEN.finditer(clause.text):
        if token.group() in _SEPARATORS - {"and"}:
            continue
        count = len(_unhyphened(token.group()))
        if any(start <= token.start() < end for start, end in spans):
            found |= set(range(place, place + count))
        place += count
    return frozenset(found)


def past(clause: Clause) -> bool:
    """Whether a clause tells of the past: resolved, previously, a history of."""
    if _PAST_PHRASES.search(clause.text):
        return True
    void = _void_places(clause) | _places_of(clause, _NO_PAST)
    return any(word.raw in _PAST and place not in void for place, word in enumerate(clause.words))


def of_another(clause: Clause, places: Iterable[int]) -> bool:
    """Whether words at these places are said of somebody else, or of a risk."""
    taken = sorted(places)
    void = _places_of(clause, _REPORTS)
    inside = set(taken)
    for place, word in enumerate(clause.words):
        if place in inside or place in void:
            continue
        somebody = _SOMEBODY_WORD.fullmatch(word.raw.removesuffix("'s")) is not None
        if word.raw == _RISK:
            return True
        if somebody and (place < taken[0] or _only_fillers(clause, taken[-1] + 1, place)):
            return True
    return False


def _only_fillers(clause: Clause, start: int, end: int) -> bool:
    return all(word.raw in FILLERS for word in clause.words[start:end])
