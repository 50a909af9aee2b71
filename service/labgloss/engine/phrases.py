"""Plain words: their one form, the clauses that they make, and the phrases found in them.

What a text costs grows with the text: a phrase is looked for only where one of its words stands, by one look-up.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import field, replace

from labgloss.frozen import dataclass

# A comparison keeps its direction: "BMI <16" and "BMI less than 16" are one, and neither is "BMI >16".
_COMPARED = (
    (re.compile(r">=|=>|\bat least\b|≥"), " from "),
    (re.compile(r"<=|=<|\bat most\b|≤"), " upto "),
    (re.compile(r"<|\b(?:less|fewer|lower) than\b|\b(?:under|below)(?= ?\d)"), " below "),
    (re.compile(r">|\b(?:more|greater|longer) than\b|\b(?:over|above)(?= ?\d)"), " above "),
)
_CANNOT = re.compile(r"\b(?:cannot|can not|could not|couldn't|cant|unable to|(?:not|isn't|wasn't|no longer) able to)\b")
# Denials of several words, each in one that denies as far: "absence of tetany", "tetany ruled out".
_DENYING = (
    (re.compile(r"\babsence of\b"), "no"),
    (
        re.compile(
            r"(?<!not )(?<!not be )(?<!not been )(?<!not yet )(?<!yet been )(?<!can't be )(?<!never )"
            r"\b(?:ruled out|excluded)\b|\bnot (?:present|detected|elicited|evident)\b"
        ),
        "absent",
    ),
)
# One of these stands in whatever the patterns above match: a text without them is plain as it is.
_REPLACED = re.compile(r"[<>=≤≥]|least|most|than|under|below|over|above|can|could|able|absence|ruled|excluded|not ")

# A word of so many letters has no plural to take off.
_SHORT = 3

# So many words into a clause it still speaks of what is before it: "but have now returned".
_NEAR = 3

# A clause that is nothing but one of these answers the question before it: "cramps: no".
ANSWERS_NO = frozenset({"no", "none", "nil", "denied", "denies", "absent", "negative", "never", "n"})
_ASKING = frozenset({":", "?"})
# What was over and is there again.
RETURNED = frozenset(
    {"returned", "returning", "returns", "recurred", "recurring", "recurs", "back", "again", "relapsed"}
)
# "Denies: cramps" is one clause; so is what was resolved and is back now.
_BREAKS = re.compile(
    r"(?:[;!?\n]|(?<!\bdenies)(?<!\bpmh)(?<!\bpmhx)(?<!\bfhx)(?<!\bhistory):|\.(?!\d)"
    r"|\b(?:but|however|although|though|except|whereas|while|(?:apart|aside) from|other than)\b"
    r"|\b(?:now|currently)\b"
    r"(?! (?:resolved|gone|settled|better|stopped|denie[sd]|no\b|not\b|well\b|asymptomatic|present\b|or\b))"
    r"|(?:,|\band)(?= (?:i|i'm|i've|the patient|patient|pt)\b)"
    # What follows an answer is another question: "seizure: no, tetany: yes".
    r"|(?:(?<=: no)|(?<=: yes)|(?<=: nil)|(?<=: none)|(?<=: denied)|(?<=: absent)|(?<=: negative)),)"
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
    # The separator before each word, "" where none stands there.
    separators: tuple[str, ...]
    # The parts that any separator, and words like "and", make of it.
    parts: tuple[range, ...]
    # The next clause only says no to it.
    answered_no: bool = False
    # The next clause says that it is there again: "cramps resolved. Returned today".
    returned: bool = False


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
    asked = False
    for end, after in (*(match.span() for match in _BREAKS.finditer(plain.text)), (len(plain.text), 0)):
        clause = _clause(plain, begin, end)
        answers, asked = asked, plain.text[end:after] in _ASKING
        begin = after
        if not clause.words:
            continue
        if found and answers and {word.raw for word in clause.words} <= ANSWERS_NO:
            found[-1] = replace(found[-1], answered_no=True)
        else:
            if found and any(word.raw in RETURNED for word in clause.words[:_NEAR]):
                found[-1] = replace(found[-1], returned=True)
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
    separators: list[str] = []
    separator = ""
    starts = [0]
    for match in _TOKEN.finditer(plain.text, begin, end):
        token = match.group()
        if token in _SEPARATORS or token in _OPENING:
            if len(found) > starts[-1]:
                starts.append(len(found))
            if token in _SEPARATORS:
                # Of several, a comma tells most: "cramps (left), tetany".
                separator = separator if separator == "," else token
                continue
        span = plain.starts[match.start()], plain.ends[match.end() - 1]
        for part in _unhyphened(token):
            found.append(_word(part))
            spans.append(span)
            separators.append(separator)
            separator = ""
    ends = [*starts[1:], len(found)]
    parts = tuple(range(first, last) for first, last in zip(starts, ends, strict=True) if last > first)
    return Clause(plain.text[begin:end], tuple(found), tuple(spans), tuple(separators), parts)


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

        def rank(candidate: tuple[int, int, tuple[str, ...]]) -> tuple[int, bool, int]:
            length, start, _ = candidate
            first, last = content[start][0], content[start + length - 1][0]
            # "Not passing urine, dark urine": rather the words that no comma separates.
            return -length, "," in clause.separators[first + 1 : last + 1], start

        for length, start, key in sorted(candidates, key=rank):
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


# ---------------------------------------------------------------------------------------------- patterns


def places_of(clause: Clause, pattern: re.Pattern[str]) -> frozenset[int]:
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
