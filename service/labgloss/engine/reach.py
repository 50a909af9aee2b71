"""What is said of the phrases of a clause: denied, past, somebody else's, or stated, which is what is left.

A word that says so reaches forward to the next phrase of its own part, and on over "or"; a denial also over the list
that it begins. Some reach back to the phrase just before them. The first thing it meets takes it, be it a word that
nobody knows ("no warning", "previous thyroidectomy"). Where something else took it and the phrase only follows, it is
not clear what is said (DOUBTFUL): then the phrase is neither stated nor denied.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import pairwise

from labgloss.domain.closed import Closed
from labgloss.engine.phrases import ANSWERS_NO, FILLERS, RETURNED, Clause, Found, Word, places_of
from labgloss.frozen import dataclass


class Reached(Closed):
    """What is said of a word that is not simply stated; of several, the first of these."""

    OTHERS = "others"
    DENIED = "denied"
    PAST = "past"
    DOUBTFUL = "doubtful"


_STRENGTH = tuple(Reached)

# Denials; the first deny a whole list, the others what stands close behind them.
_DENIES_ALL = frozenset({"denies", "denied", "denying"})
# Denials of a thing, which may begin a list whatever its first item is; the others may deny a verb: "not sleeping".
_DENIES_THINGS = _DENIES_ALL | {"no", "without", "nil", "neither", "nor", "negative", "free"}
_DENIED = _DENIES_THINGS | {
    *(
        "not",
        "never",
        "hasn't",
        "haven't",
        "isn't",
        "aren't",
        "wasn't",
        "weren't",
        "didn't",
        "doesn't",
        "don't",
        "hadn't",
    ),
}
# These answer the part of "and" or "or" that they end: "fever negative and tetany".
_ANSWERS = frozenset({"negative", "absent", "denied", "nil", "none"})
_NOT = r"(?:no|not|never|without|nothing|hasn't|haven't|isn't|aren't|wasn't|didn't|doesn't|don't|can't|won't)"
# "No improvement" and "not resolved" deny no symptom; "not only cramps" and "never without cramps" state one.
_NO_DENIAL = re.compile(
    rf"\b{_NOT}\s+(?:(?:yet|been|be|fully|completely|entirely|totally|quite|much|any|the|a|really|to|signs?|of)\s+)*"
    r"(?:improv\w*|chang\w*|better|worse|relie\w+|respon\w+|resol\w+|settl\w+|gone|explain\w*|explanation|cause|reason|"
    r"doubt\w*|wonder|only|just|stop\w*|ceas\w*|sure|certain|clear|control\w*|let[ -]?up|respite|end|break|"
    r"without|free|tolerat\w*|able|surpris\w*|warning|prodrom\w*|aura|provo\w+|trigger\w*|uncommon\w*|unusual\w*|infrequent\w*)\b"
    r"|\b(?:not|wasn't|isn't|never)\s+witness\w*"
)
# What is compared with what was never so bad is there: "never had such cramps", "never had cramps like this".
_COMPARED = re.compile(
    r"\b(?:such|like (?:this|these|that|it)|(?:this|so|as|that) (?:bad|badly|severe|strong|intense|much))\b"
)
# It was so until then: "no cramps until today".
_UNTIL = frozenset({"until", "till"})
# What was not there before may be there now: "never had cramps before", "no previous cramps".
_BEFORE = frozenset({"before", "beforehand", "previously"})
_EARLIER = frozenset({"previous", "prior", "former"})

# A history of days is the present complaint, a previously well patient had nothing, a reporter is not the patient.
_NO_PAST = re.compile(
    r"\b(?:(?:\d\S*|\w+|\d+)[\s-]+(?:hour|day|week|month|year)s?|short|recent|acute|hours?|days?|weeks?|months?|years?)"
    r"[\s-]+history\b|\bpreviously (?:fit and )?(?:well|healthy)\b|\bprior to\b"
    r"|\bpast (?:few|couple|\d|night|(?:\w+ )?(?:hour|day|week|month|year)s?)"
)
# What says of what follows, of what is just before it, or of either, that it is past.
_PAST_AHEAD = _EARLIER | {"past", "history", "previously", "formerly", "childhood", "pmh", "pmhx", "hx"}
_PAST_BEHIND = frozenset({"history", "previously", "formerly", "childhood"})
_PAST_PHRASES = re.compile(
    r"\bused to\b|\bh/o\b|\bhx of\b|\bin the past\b(?! (?:few|couple|\d|\w+ (?:day|week|month|hour)))|\bas a child\b"
)
_YEARS_AGO = re.compile(r"\b(?:\w+ years? ago|last year)\b")
# What is current in spite of a word of the past.
_CURRENT = re.compile(
    r"\b(?:today|tonight|yesterday|overnight|now|currently|current|ongoing|still|again|last night|worse|worsening"
    r"|this (?:morning|afternoon|evening|week)|for (?:\d|the|several|some|a|one|two|three|four|five|six|seven|ten)"
    r"|since (?!childhood|birth|then|age|the age|\d{4}))"
)
_RETURNED = frozenset(
    {"returned", "returning", "returns", "recurred", "recurring", "recurs", "back", "again", "relapsed"}
)

_SOMEBODY = (
    r"(?:father|mother|brother|sister|parents?|dad|mum|mom|grand(?:mother|father|parents?|son|daughter)|aunt|uncle|cousin|"
    r"wife|husband|partner|friend|relatives?|siblings?|family|son|daughter|nephew|niece|neighbou?r|fhx)"
)
_REPORTS = re.compile(
    rf"\b{_SOMEBODY} (?:(?:also|has|have|had|was|is) )*"
    r"(?:reports?|reported|says?|said|states?|stated|notic\w+|noted|describ\w+|thinks?|worried|concerned|saw|seen|sees|"
    r"witnessed|found|finds|heard|observed|called|rang|phoned|brought)\b"
    rf"|\b(?:like|unlike|as) (?:my|his|her|their) {_SOMEBODY}\b|\bfamily (?:doctor|physician|gp|practice)\b"
)
_SOMEBODY_WORD = re.compile(_SOMEBODY)
_RISK = "risk"

# Words that are reached over where nothing took the denial yet, and that end it where something did: "never had a
# seizure", "without warning had a seizure".
_STATING = frozenset(
    {
        "had",
        "has",
        "have",
        "having",
        "gets",
        "got",
        "getting",
        "feel",
        "feels",
        "felt",
        "present",
        "presents",
        "presented",
    }
    | {"presenting", "report", "reports", "reported", "reporting", "complain", "complains", "complained", "complaining"}
    | {"admits", "endorses", "describes", "noted", "noticed", "witnessed", "observed", "seen", "found", "suffered"}
    | {"suffers", "suffering", "experienced", "experiences", "experiencing", "developed", "develops", "developing"}
    | {"positive", "yes", "confirmed", "continues", "persists", "ongoing", "began", "begins", "started", "starts"}
)
_BEING = frozenset({"is", "was", "are", "were"})
# Words that are about something else than what is before them: a denial ends there.
_ENDING = _UNTIL | {
    *("before", "after", "since", "during", "when", "following", "despite", "because", "due", "only", "just", "then"),
    *("followed", "prior", "yet", "if", "whether", "as"),
}
# Whom a relative tells of: "told by his wife he stops breathing".
_PATIENT = frozenset({"he", "she", "him", "i", "patient", "pt"})
# Words that a denial reaches over: "no sign of any tetany".
_REACHED_OVER = (
    FILLERS
    | {"sign", "signs", "evidence", "any", "complaint", "complaints", "recent", "new", "further", "more", "episode"}
    | {"episodes", "symptom", "symptoms", "known", "history", "other", "obvious", "clear", "overt", "frank", "definite"}
    | {"clinical", "significant", "associated", "acute", "current", "longer", "longstanding", "active", "recurrent"}
    | {"problem", "problems", "issue", "issues", "trouble", "record", "diagnosis", "suspicion", "for", "from", "on"}
    | {"taking", "takes", "taken", "take", "prescribed", "who", "also", "all", "diagnosed"}
)
_OR = frozenset({"or", "nor", "/"})
_AND = frozenset({"and", "plus", "also", "&", "+", "with"})
_JOINING = _OR | _AND
# These make a part of their own, which a denial does not reach into.
_APART = frozenset({",", ")", "-", "\u2013", "\u2014"})


def denies(word: Word) -> bool:
    """Whether a word denies."""
    return word.raw in _DENIED


def reach(
    clause: Clause, found: Sequence[Found], qualifying: Collection[int] = (), over: Collection[str] | None = None
) -> Mapping[int, Reached]:
    """What is said of the words of a clause that are not simply stated, by their places.

    `qualifying`: places of words that only qualify. `over`: words that say that a thing is over, which is then denied;
    None: what is resolved or of the past is past.
    """
    return _Reach.of(clause, found, qualifying).of_clause(over)


@dataclass(frozen=True, slots=True)
class _Reach:
    clause: Clause
    # The phrase that begins at a place, the phrases of the clause, and the places of all.
    phrases: Mapping[int, Found]
    order: tuple[Found, ...]
    inside: frozenset[int]
    # Words that change nothing: reached over from both sides.
    light: frozenset[int]
    # The parts that commas make.
    listed: tuple[range, ...]
    # Where a denial, or a word of the past, says something else.
    no_denial: frozenset[int]
    # Where something is compared with how bad it was, and the last word that says until when it was so.
    compared: frozenset[int]
    until: int
    said: dict[int, Reached]

    @classmethod
    def of(cls, clause: Clause, found: Sequence[Found], qualifying: Collection[int]) -> _Reach:
        order = tuple(sorted(found, key=lambda phrase: phrase.places))
        inside = frozenset(place for phrase in order for place in phrase.places)
        light = frozenset(
            place
            for place, word in enumerate(clause.words)
            if place in qualifying or word.raw in _REACHED_OVER or word.raw[0].isdigit()
        )
        edges = [0, *(n for n, sign in enumerate(clause.separators) if sign == "," and n), len(clause.words)]
        return cls(
            clause,
            {phrase.places[0]: phrase for phrase in order},
            order,
            inside,
            light,
            tuple(range(start, end) for start, end in pairwise(edges)),
            # "Without warning" qualifies a seizure, and denies none.
            places_of(clause, _NO_DENIAL) | {place for place in qualifying if clause.words[place].raw in _DENIED},
            places_of(clause, _COMPARED),
            max((place for place, word in enumerate(clause.words) if word.raw in _UNTIL), default=-1),
            {},
        )

    def of_clause(self, over: Collection[str] | None) -> Mapping[int, Reached]:
        if not self.clause.words:
            return self.said
        passed = self._denials()
        if over is None:
            self._past(passed)
        else:
            self._over(over)
        self._others()
        return self.said

    def _mark(self, places: Collection[int], said: Reached) -> None:
        for place in places:
            known = self.said.get(place)
            if known is None or _STRENGTH.index(said) < _STRENGTH.index(known):
                self.said[place] = said

    def _raw(self, place: int) -> str:
        return self.clause.words[place].raw

    # ------------------------------------------------------------------------------------------ denials

    def _denials(self) -> set[int]:
        """Everything that denials reach; the words of the past that they pass over come back."""
        passed: set[int] = set()
        deniers = [
            place
            for place, word in enumerate(self.clause.words)
            if word.raw in _DENIED and place not in self.inside and place not in self.no_denial
        ]
        for phrase in self.order:
            after = phrase.places[-1] + 1
            # "Seizure-free".
            if after in deniers and self._raw(after) == "free" and not self._until(after):
                self._mark(phrase.places, Reached.DENIED)
        answers = {part[-1]: part for part in self.clause.parts if self._raw(part[-1]) in _ANSWERS}
        answers |= {part[-1]: part for part in self.listed}
        for place in deniers:
            # One at the end of its part answers it, and begins nothing: "tingling denied, seizure".
            if place not in answers and not self._until(place) and not self._is_compared(place):
                self._forward(place + 1, Reached.DENIED, self._raw(place), passed)
        for last, part in answers.items():
            if self._raw(last) in ANSWERS_NO and last not in self.inside | self.no_denial:
                self._backward(part.start, last, Reached.DENIED)
        if self.clause.answered_no:
            self._answered()
        return passed

    def _answered(self) -> None:
        """The last part is denied; whether the bare ones before it are as well is not clear."""
        last = self.listed[-1]
        self._backward(last.start, last.stop, Reached.DENIED)
        if not any(place in self.inside for place in last):
            self._mark(last, Reached.DENIED)
        for part in self.listed[:-1]:
            if all(place in self.inside or self._raw(place) in FILLERS for place in part):
                self._mark(part, Reached.DOUBTFUL)

    def _until(self, denier: int) -> bool:
        """Whether a denial held only until some time: "no cramps until today"."""
        return denier < self.until

    def _is_compared(self, denier: int) -> bool:
        if not self.compared:
            return False
        part = next(part for part in self.listed if denier in part)
        return any(place in self.compared for place in range(denier + 1, part.stop))

    # ------------------------------------------------------------------------------------------ forward and back

    def _forward(self, start: int, kind: Reached, denier: str = "", passed: set[int] | None = None) -> None:
        """Says of the phrases from a place on what the word before it says."""
        # Something took it; the next phrase is joined to that; it is clear that it goes on.
        taken, linked, sure = False, False, True
        # What took it first is a phrase; an "and" or "or" closed the list.
        first_known, closed = False, False
        place = start
        while place < len(self.clause.words):
            sign, raw = self.clause.separators[place], self._raw(place)
            if place == start and sign in _JOINING:
                # "Fever negative / tetany".
                return
            if sign in _APART:
                part = next(part for part in self.listed if place in part)
                if kind is not Reached.DENIED or sign != "," or not self._goes_on(part, denier, known=first_known):
                    return
                taken = linked = True
                if closed and not first_known and raw not in _JOINING:
                    return
                clear_list = denier not in _DENIES_ALL or first_known or self._has_conjunction(part.start)
                sure = clear_list and not (closed and raw not in _JOINING)
                sure = sure and not (denier in _DENIES_ALL and self._is_current(part))
            elif sign == "(" and taken:
                sure = False
            linked = linked or (sign in _OR and taken)
            if sign in _AND and taken:
                linked, sure = True, sure and denier in _DENIES_ALL
            if (phrase := self.phrases.get(place)) is not None:
                clear = sure and (linked or not taken)
                if kind is Reached.PAST and self._is_current_from(phrase):
                    return
                if kind is Reached.DENIED and self._affirmed(phrase, clear=clear):
                    return
                first_known = first_known or not taken
                clear = clear and not (kind is Reached.DENIED and self._is_of_before(phrase))
                self._mark(range(phrase.places[0], phrase.places[-1] + 1), kind if clear else Reached.DOUBTFUL)
                # "Nausea, vomiting or" may itself be a phrase.
                taken, linked = True, self._raw(phrase.places[-1]) in _OR
                place = phrase.places[-1] + 1
                continue
            if raw in _DENIED and place not in self.no_denial:
                if kind is Reached.DENIED:
                    return
            elif raw in _OR:
                if place == start:
                    return
                linked, closed = taken, closed or taken
            elif raw in _AND:
                if taken:
                    closed = closed or raw != "with"
                    ends = raw == "with" and kind is not Reached.DENIED and not first_known
                    if ends or not self._goes_on_over_and(place, kind):
                        return
                    linked, sure = True, sure and denier in _DENIES_ALL and raw != "with"
                elif (kind is not Reached.DENIED and raw != "with") or (place == start and kind is Reached.DENIED):
                    return
            elif raw in _STATING:
                if taken:
                    return
            elif raw in _ENDING or self._is_told_anew(kind, raw):
                return
            elif passed is not None and raw in _PAST_AHEAD:
                passed.add(place)
                sure = sure and raw not in _EARLIER
            elif place not in self.light:
                if sure:
                    self._mark((place,), kind if kind is Reached.DENIED else Reached.DOUBTFUL)
                taken, linked = True, False
            elif sure and kind is Reached.DENIED:
                self._mark((place,), kind)
            place += 1

    @staticmethod
    def _is_told_anew(kind: Reached, raw: str) -> bool:
        """Whether a word says for itself what was said so far, or whom it is said of."""
        if kind is Reached.OTHERS:
            return raw in _PATIENT or raw == _RISK or _SOMEBODY_WORD.fullmatch(raw.removesuffix("'s")) is not None
        return kind is Reached.PAST and raw in _PAST_AHEAD

    def _goes_on(self, part: range, denier: str, *, known: bool) -> bool:
        """Whether a denial goes on over the comma before a part: all that follows is denied, or a list with "or"."""
        rest = [other for other in self.listed if other.start >= part.start]
        if denier in _DENIES_ALL:
            stated = any(self._raw(place) in _STATING for place in part if place not in self.inside)
            return not (stated or self._happened(part.start))
        if denier not in _DENIES_THINGS and not known:
            return False
        for other in rest:
            for place in other:
                raw = self._raw(place)
                if raw in _OR or self.clause.separators[place] == "/":
                    return True
                if place not in self.inside and (raw in _STATING or raw in _ENDING or raw in _DENIED):
                    return False
        return False

    def _has_conjunction(self, start: int) -> bool:
        """Whether "and" or "or" makes a list of what follows: "denies chest pain, cramps and tingling"."""
        return any(word.raw in _OR or word.raw == "and" for word in self.clause.words[start:])

    def _goes_on_over_and(self, place: int, kind: Reached) -> bool:
        """Whether what is said may hold for what "and" joins: not where that is stated, or is of now."""
        part = next(part for part in self.clause.parts if place in part)
        if place + 1 < part.stop and self._raw(place + 1) in _BEING:
            return False
        if any(self._raw(other) in _STATING for other in part if other not in self.inside):
            return False
        if self._happened(place):
            return False
        return kind is Reached.DENIED or not self._is_current(part)

    def _happened(self, place: int) -> bool:
        """Whether what begins at a place, behind what joins it, is told: "fainted", but not "blurred vision"."""
        words = [place for place in range(place, len(self.clause.words)) if self._raw(place) not in _JOINING]
        phrase = self.phrases.get(words[0]) if words else None
        if phrase is None or not self._raw(words[0]).endswith("ed"):
            return False
        return len(phrase.places) == 1 or self._raw(phrase.places[1]) == "out"

    def _affirmed(self, phrase: Found, *, clear: bool) -> bool:
        """Whether "present" stands behind a phrase that a denial does not clearly reach."""
        after = phrase.places[-1] + 1
        return not clear and after < len(self.clause.words) and self._raw(after) in ("present", "positive", "yes")

    def _is_of_before(self, phrase: Found) -> bool:
        """Whether a denial of a phrase speaks of a time before: "no cramps before", "no cramps in the past"."""
        part = next(part for part in self.listed if phrase.places[0] in part)
        return any(self._raw(place) in _BEFORE for place in range(phrase.places[-1] + 1, part.stop))

    def _backward(self, first: int, end: int, kind: Reached, *, light: bool = True) -> bool:
        """Says of the phrases just before a place, not before another, what the word there says; whether any was."""
        met, sure, linked = False, True, False
        apart = end < len(self.clause.words) and self.clause.separators[end] in _APART
        ends = {phrase.places[-1]: phrase for phrase in self.order}
        place = end - 1
        while place >= first:
            raw = self._raw(place)
            if apart and (not sure or not light):
                # "Seizure - CT head nil": the nil is of what stands with it.
                return met
            apart = self.clause.separators[place] in _APART
            if (phrase := ends.get(place)) is not None:
                self._mark(
                    range(phrase.places[0], phrase.places[-1] + 1),
                    kind if sure and (linked or not met) else Reached.DOUBTFUL,
                )
                met, linked = True, False
                place = phrase.places[0]
                linked = self.clause.separators[place] == "/"
            elif raw in _OR:
                linked = met
            elif raw == "with":
                return met
            elif raw in _AND:
                # "Cramps and tingling denied" is a list; "seizure and cramps resolved" may be two things.
                linked, sure = met, sure and kind is Reached.DENIED and self._is_bare(first, end)
            elif raw in _ENDING or raw in _DENIED:
                return met
            elif place not in self.inside and not self._is_passed(place, light=light):
                if kind is not Reached.DENIED:
                    return met
                sure = False
            place -= 1
        return met

    def _is_passed(self, place: int, *, light: bool) -> bool:
        """Whether what is said of a phrase passes a word behind it; `light`: also one that only qualifies."""
        raw = self._raw(place)
        return raw in FILLERS or raw.isdigit() or (light and (place in self.light or raw in _STATING))

    def _is_bare(self, first: int, end: int) -> bool:
        return all(
            place in self.inside or self._raw(place) in _AND or self._raw(place) in FILLERS
            for place in range(first, end)
        )

    # ------------------------------------------------------------------------------------------ past, over

    def _past(self, passed: Collection[int]) -> None:
        told = [
            place
            for place, word in enumerate(self.clause.words)
            if (word.raw in _PAST_AHEAD or word.raw in _PAST_BEHIND or word.raw == "resolved")
            and place not in passed
            and place not in self.inside
        ]
        phrased = _runs(places_of(self.clause, _PAST_PHRASES))
        ago = _runs(places_of(self.clause, _YEARS_AGO))
        if not told and not phrased and not ago:
            return
        void = self.no_denial | places_of(self.clause, _NO_PAST)
        for place in told:
            if place in void or any(place in run for run in phrased):
                continue
            raw = self._raw(place)
            if raw == "resolved":
                self._over_at(place, Reached.PAST)
                continue
            if raw in _PAST_AHEAD:
                self._forward(place + 1, Reached.PAST)
            if raw in _PAST_BEHIND:
                self._behind(place, place + 1, light=True)
        for run in phrased:
            self._forward(run[-1] + 1, Reached.PAST)
            self._behind(run[0], run[-1] + 1, light=True)
        for run in ago:
            self._behind(run[0], run[-1] + 1, light=False)

    def _behind(self, place: int, after: int, *, light: bool) -> None:
        """Says of the phrase just before a place that it is past, unless the part says that it is current as well."""
        part = next(part for part in self.listed if place in part)
        rest = range(after, part.stop)
        if not self._is_current(rest) and not self._has_returned(after):
            self._backward(part.start, place, Reached.PAST, light=light)

    def _over(self, words: Collection[str]) -> None:
        for place, word in enumerate(self.clause.words):
            if word.raw in words and place not in self.inside and place not in self.no_denial:
                self._over_at(place, Reached.DENIED)

    def _over_at(self, place: int, kind: Reached) -> None:
        """Says that the phrase before a word like "resolved" is over, or the one behind it where it begins its part."""
        if self._has_returned(place + 1):
            return
        if place + 1 < len(self.clause.words) and self._raw(place + 1) == "to":
            # "Ramipril (allergic to penicillin)".
            self._forward(place + 2, kind)
            return
        part = next(part for part in self.listed if place in part)
        begin = next(own for own in self.clause.parts if place in own).start
        # A list before it is no clear one: "seizure and cramps resolved".
        if self._ahead_of(part.start, place, kind):
            return
        before = self._last_before(part.start)
        if before is not None and part.stop == place + 1 and self._is_light(range(part.start, place)):
            # "Cramps, resolved."
            self._mark(range(before.places[0], before.places[-1] + 1), kind)
        elif self._is_light(range(begin, place)):
            self._forward(place + 1, kind)

    def _is_light(self, places: range) -> bool:
        return all(self._is_passed(place, light=True) for place in places)

    def _ahead_of(self, first: int, place: int, kind: Reached) -> bool:
        if kind is Reached.PAST:
            return self._backward(first, place, kind)
        nearest = [phrase for phrase in self.order if first <= phrase.places[0] and phrase.places[-1] < place]
        if not nearest:
            return False
        if not self._is_light(range(nearest[-1].places[-1] + 1, place)):
            return False
        self._mark(nearest[-1].places, kind)
        for phrase in nearest[:-1]:
            self._mark(phrase.places, Reached.DOUBTFUL)
        return True

    def _last_before(self, place: int) -> Found | None:
        before = [phrase for phrase in self.order if phrase.places[-1] < place]
        if not before or not all(other in self.light for other in range(before[-1].places[-1] + 1, place)):
            return None
        return before[-1]

    def _has_returned(self, place: int) -> bool:
        return self.clause.returned or any(word.raw in RETURNED for word in self.clause.words[place:])

    def _is_current(self, part: range) -> bool:
        return _CURRENT.search(" ".join(self._raw(place) for place in part)) is not None

    def _is_current_from(self, phrase: Found) -> bool:
        part = next(part for part in self.listed if phrase.places[0] in part)
        return self._is_current(range(phrase.places[-1] + 1, part.stop))

    # ------------------------------------------------------------------------------------------ others

    def _others(self) -> None:
        void: frozenset[int] | None = None
        for place, word in enumerate(self.clause.words):
            if word.raw == _RISK and place not in self.inside:
                if place + 1 < len(self.clause.words) and self._raw(place + 1) in ("of", "for"):
                    self._forward(place + 1, Reached.OTHERS)
                else:
                    self._just_before(place)
            elif _SOMEBODY_WORD.fullmatch(word.raw.removesuffix("'s")) is not None and place not in self.inside:
                void = places_of(self.clause, _REPORTS) if void is None else void
                if place not in void:
                    self._forward(place + 1, Reached.OTHERS)
                    self._just_before(place)

    def _just_before(self, place: int) -> None:
        """Says of the phrase before a place, with only small words between, that it is not the patient's."""
        before = [phrase for phrase in self.order if phrase.places[-1] < place]
        between = range(before[-1].places[-1] + 1, place + 1) if before else range(0)
        near = all(self._raw(other) in FILLERS for other in between[:-1])
        if before and near and not any(self.clause.separators[other] in _APART for other in between):
            self._mark(before[-1].places, Reached.OTHERS)


def _runs(places: Collection[int]) -> list[list[int]]:
    """The places in runs of neighbours."""
    return list(_neighbours(sorted(places)))


def _neighbours(places: Sequence[int]) -> Iterator[list[int]]:
    run: list[int] = []
    for place in places:
        if run and place != run[-1] + 1:
            yield run
            run = []
        run.append(place)
    if run:
        yield run
