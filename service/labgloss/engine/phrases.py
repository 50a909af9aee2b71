"""Plain words: their one form, what a denial reaches, whose they are, and the phrases found in them.

What a text costs grows with the text: a phrase is looked for only where one of its words stands, by one look-up.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import field, replace
from itertools import pairwise

from labgloss.frozen import dataclass

# A comparison keeps its direction: "BMI <16" and "BMI less than 16" are one, and neither is "BMI >16".
_COMPARED = (
    (re.compile(r">=|=>|\bat least\b|≥"), " from "),
    (re.compile(r"<=|=<|\bat most\b|≤"), " upto "),
    (re.compile(r"<|\b(?:less|fewer|lower) than\b|\b(?:under|below)(?= ?\d)"), " below "),
    (re.compile(r">|\b(?:more|greater|longer) than\b|\b(?:over|above)(?= ?\d)"), " above "),
)
_CANNOT = re.compile(r"\b(?:cannot|can not|could not|couldn't|cant|unable to)\b")
# Denials of several words, each in one that denies as far: "absence of tetany", "tetany ruled out".
_DENYING = (
    (re.compile(r"\babsence of\b"), "no"),
    (
        re.compile(
            r"(?<!not )(?<!not be )(?<!not been )(?<!not yet )(?<!yet been )(?<!can't be )(?<!never )"
            r"\b(?:ruled out|excluded)\b"
        ),
        "absent",
    ),
)
# One of these stands in whatever the patterns above match: a text without them is plain as it is.
_REPLACED = re.compile(r"[<>=≤≥]|least|most|than|under|below|over|above|can|could|unable|absence|ruled|excluded")
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
    *("wasn't", "weren't", "didn't", "doesn't", "don't", "hadn't", "free"),
}
_JOINS = frozenset({"or", "nor"})
_REACH = 3
# A word of so many letters has no plural to take off.
_SHORT = 3
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
_TOKEN = re.compile(r"\d+\.\d+|[\w'-]+|[,+/&()\u2013\u2014]")
_SEPARATORS = frozenset({",", "+", "/", "&", "(", ")", "-", "\u2013", "\u2014"})
# Words that begin a part of a clause. What a part says begins behind the first of them; "without" is a part of it.
_JOINING = frozenset({"and", "or", "nor", "with", "plus", "also"})
_OPENING = _JOINING | {"without"}
_SPELLINGS = (
    *(("ae", "e"), ("oe", "e"), ("our", "or"), ("yse", "yze"), ("ise", "ize"), ("isa", "iza"), ("sulph", "sulf")),
)
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
    # Where each word stands in the text as it was sent.
    spans: tuple[tuple[int, int], ...]
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
    key: tuple[str, ...] = ()


def clauses(text: str) -> list[Clause]:
    """The clauses of a text."""
    plain = _plain(text)
    found: list[Clause] = []
    begin = 0
    for end, after in (*(match.span() for match in _BREAKS.finditer(plain.text)), (len(plain.text), 0)):
        clause = _clause(plain, begin, end)
        begin = after
        if not clause.words:
            continue
        if found and {word.raw for word in clause.words} <= _ANSWERS_NO:
            found[-1] = replace(found[-1], answered_no=True)
        else:
            found.append(clause)
    return found


@dataclass(frozen=True, slots=True)
class _Plain:
    """A text in one case, with one apostrophe, its comparisons in words and one form of "cannot"."""

    text: str
    # Where each letter of it begins and ends in the text as it was sent.
    starts: Sequence[int]
    ends: Sequence[int]


def _plain(text: str) -> _Plain:
    folded = text.casefold().replace("’", "'")
    if len(folded) == len(text):
        plain = _Plain(folded, range(len(text)), range(1, len(text) + 1))
    else:
        starts = [place for place, letter in enumerate(text) for _ in letter.casefold()]
        plain = _Plain(folded, starts, [place + 1 for place in starts])
    if _REPLACED.search(folded) is None:
        return plain
    for pattern, word in (*_COMPARED, (_CANNOT, "can't"), *_DENYING):
        plain = _replaced(plain, pattern, word)
    return plain


def _replaced(plain: _Plain, pattern: re.Pattern[str], word: str) -> _Plain:
    """A word in the place of a pattern; each of its letters stands where the pattern stood."""
    pieces: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    begin = 0
    for match in pattern.finditer(plain.text):
        first, last = match.span()
        pieces += [plain.text[begin:first], word]
        starts += [*plain.starts[begin:first], *[plain.starts[first]] * len(word)]
        ends += [*plain.ends[begin:first], *[plain.ends[last - 1]] * len(word)]
        begin = last
    if not pieces:
        return plain
    return _Plain(
        "".join((*pieces, plain.text[begin:])), [*starts, *plain.starts[begin:]], [*ends, *plain.ends[begin:]]
    )


def words(text: str) -> tuple[Word, ...]:
    """The words of a phrase."""
    plain = _plain(text)
    return _clause(plain, 0, len(plain.text)).words


def _clause(plain: _Plain, begin: int, end: int) -> Clause:
    found: list[Word] = []
    spans: list[tuple[int, int]] = []
    listed: set[int] = set()
    starts = [0]
    for match in _TOKEN.finditer(plain.text, begin, end):
        token = match.group()
        if token in _SEPARATORS or token in _OPENING:
            if len(found) > starts[-1]:
                starts.append(len(found))
            if token == ",":
                listed.add(len(found))
            if token in _SEPARATORS:
                continue
        span = plain.starts[match.start()], plain.ends[match.end() - 1]
        for part in _unhyphened(token):
            found.append(_word(part))
            spans.append(span)
    ends = [*starts[1:], len(found)]
    parts = tuple(range(first, last) for first, last in zip(starts, ends, strict=True) if last > first)
    return Clause(plain.text[begin:end], tuple(found), tuple(spans), frozenset(listed), parts)


def span_of(clause: Clause, part: range) -> tuple[int, int]:
    """Where a part stands in the text as it was sent, without the word that joins it to what is before it."""
    first = part.start
    while first < part.stop - 1 and clause.words[first].raw in _JOINING:
        first += 1
    return clause.spans[first][0], clause.spans[part.stop - 1][1]


def _unhyphened(token: str) -> list[str]:
    if token.startswith(_PREFIXES):
        return [token]
    return [part for part in token.strip("'-").split("-") if part]


def _word(raw: str) -> Word:
    form = _spelled(raw.removesuffix("'s"))
    return Word(raw, form, _stem(form))


def _spelled(word: str) -> str:
    """One spelling of both kinds of English: haemolysed and hemolyzed, tumour and tumor."""
    for written, one in _SPELLINGS:
        word = word.replace(written, one)
    return word


def _stem(word: str) -> str:
    for ending in ("ing", "es", "s", "e"):
        if word.endswith(ending) and len(word) - len(ending) > 2 and not word.endswith("ss"):
            return word.removesuffix(ending)
    return word


# ---------------------------------------------------------------------------------------------- phrases in any order


def phrase_key(phrase: str) -> tuple[str, ...]:
    """What phrases of the same words share, in any order and number; a single word keeps its form."""
    content = [word for word in words(phrase) if word.raw not in FILLERS] or list(words(phrase))
    return (content[0].form,) if len(content) == 1 else tuple(sorted(word.stem for word in content))


@dataclass(frozen=True, slots=True)
class PhrasesInAnyOrder:
    """Phrases whose words may come in any order and number ("lips numb"); a single word keeps its form."""

    ids: dict[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict)
    lengths: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def add(self, phrase: str, idents: tuple[str, ...], *, replacing: bool = False) -> None:
        """A phrase for ids; the first to claim it keeps it unless it is replaced. No id: it means something else."""
        key = phrase_key(phrase)
        self._put(key, idents, replacing=replacing)
        if len(key) == 1 and not replacing:
            for one in (f"{key[0]}s", f"{key[0].removesuffix('e')}ing"):
                self._put((one,), idents, replacing=False)

    def share(self, phrase: str, ident: str) -> None:
        """A phrase that another id has, and that may mean this one too."""
        key = phrase_key(phrase)
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
                found.append(Found(self.ids[key], places, key))
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
    if len(word) <= _SHORT or word.endswith(("ss", "us", "is")):
        return word
    return f"{word.removesuffix('ies')}y" if word.endswith("ies") else word.removesuffix("s")


# ---------------------------------------------------------------------------------------------- denied, past, others


def denied(clause: Clause, found: Sequence[Found]) -> frozenset[int]:
    """The places that a denial reaches. A denial inside a phrase ("no energy") denies nothing else."""
    if clause.answered_no:
        return frozenset(range(len(clause.words)))
    if not any(denies(word) or word.raw in _ANSWERS_NO for word in clause.words):
        return frozenset()
    inside = {place for phrase in found for place in phrase.places}
    void = _places_of(clause, _NO_DENIAL)
    # "Seizure-free".
    reached = {place for phrase in found if _followed_by_free(clause, phrase) for place in phrase.places}
    last_join = max((place for place, word in enumerate(clause.words) if word.raw in _JOINS), default=-1)
    scope = ""
    for part in _comma_parts(clause):
        goes_on = scope == "all" or (scope == "list" and last_join >= part.start)
        # Words that count since the last denial of this part; none yet: None. After "or" all counts as close.
        distance: int | None = None
        joined = False
        for place in part:
            word = clause.words[place].raw
            if goes_on or (distance is not None and (scope == "all" or joined or distance < _REACH)):
                reached.add(place)
            if word in _DENIED and place not in inside and place not in void:
                distance, joined = 0, False
                scope = "all" if scope == "all" or word in _DENIES_ALL else "list"
            elif distance is not None:
                joined = joined or word in _JOINS
                distance += word not in _REACHED_OVER and word not in FILLERS
        # "Tingling denied": the last word of a part answers it.
        if clause.words[part[-1]].raw in _ANSWERS_NO and part[-1] not in inside | void:
            reached |= set(part)
    return frozenset(reached)


def _followed_by_free(clause: Clause, phrase: Found) -> bool:
    after = phrase.places[-1] + 1
    return after < len(clause.words) and clause.words[after].raw == "free"


def denies(word: Word) -> bool:
    """Whether a word denies."""
    return word.raw in _DENIED


def _comma_parts(clause: Clause) -> list[range]:
    edges = [0, *sorted(place for place in clause.listed if 0 < place < len(clause.words)), len(clause.words)]
    return [range(start, end) for start, end in pairwise(edges) if end > start]


def _places_of(clause: Clause, pattern: re.Pattern[str]) -> frozenset[int]:
    """Places of the words that a pattern covers in the clause."""
    if not (spans := [match.span() for match in pattern.finditer(clause.text)]):
        return frozenset()
    found: set[int] = set()
    place = 0
    waiting = iter(spans)
    span = next(waiting, None)
    for token in _TOKEN.finditer(clause.text):
        if token.group() in _SEPARATORS:
            continue
        while span is not None and span[1] <= token.start():
            span = next(waiting, None)
        count = len(_unhyphened(token.group()))
        if span is not None and span[0] <= token.start():
            found |= set(range(place, place + count))
        place += count
    return frozenset(found)


def past(clause: Clause) -> bool:
    """Whether a clause tells of the past: resolved, previously, a history of."""
    if _PAST_PHRASES.search(clause.text):
        return True
    told = [place for place, word in enumerate(clause.words) if word.raw in _PAST]
    if not told:
        return False
    void = _places_of(clause, _NO_DENIAL) | _places_of(clause, _NO_PAST)
    return any(place not in void for place in told)


@dataclass(frozen=True, slots=True)
class Others:
    """Whom a clause speaks of beside the patient: places of somebody else, and whether it speaks of a risk."""

    clause: Clause
    somebody: tuple[int, ...]
    risk: bool

    @classmethod
    def of(cls, clause: Clause) -> Others:
        """The others of a clause; who only reports, or is like the patient, is none."""
        somebody = [
            place
            for place, word in enumerate(clause.words)
            if _SOMEBODY_WORD.fullmatch(word.raw.removesuffix("'s")) is not None
        ]
        void = _places_of(clause, _REPORTS) if somebody else frozenset()
        counting = tuple(place for place in somebody if place not in void)
        return cls(clause, counting, any(word.raw == _RISK for word in clause.words))

    def have(self, phrase: Found) -> bool:
        """Whether a phrase is said of somebody else, or of a risk, and not of the patient."""
        if not self.somebody and not self.risk:
            return False
        first, last = phrase.places[0], phrase.places[-1]
        if self.risk and not any(self.clause.words[place].raw == _RISK for place in phrase.places):
            return True
        outside = [place for place in self.somebody if place not in phrase.places]
        if not outside:
            return False
        after = next((place for place in outside if place > last), None)
        return outside[0] < first or (
            after is not None and all(word.raw in FILLERS for word in self.clause.words[last + 1 : after])
        )
