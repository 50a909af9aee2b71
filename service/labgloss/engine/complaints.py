"""The complaints that a text of symptoms holds: each in its own words, with what it names and what is said of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from labgloss.domain.closed import Closed
from labgloss.engine import phrases, reach
from labgloss.engine.phrases import Clause, Found, PhrasesInAnyOrder, PhrasesInOrder
from labgloss.engine.reach import Reached
from labgloss.frozen import dataclass

# What may stand beside a word that means a symptom only where nothing else does ("feels low"), or beside a statement
# about the patient as a whole ("completely asymptomatic").
NEUTRAL = (
    phrases.FILLERS
    | {"feel", "feels", "feeling", "felt", "has", "have", "had", "got", "having", "and", "or", "with", "patient", "pt"}
    | {"he", "she", "they", "him", "himself", "herself", "more", "often", "sometimes", "always", "lately", "recently"}
    | {"again", "today", "yesterday", "now", "currently", "completely", "entirely", "clinically", "generally", "at"}
    | {"all", "any", "reports", "reported", "says", "for", "since", "days", "day", "weeks", "week", "months", "month"}
    | {"keeps", "time"}
)


class Said(Closed):
    """What a text says of what it names."""

    STATED = "stated"
    # Denied, or put into the past.
    DENIED = "denied"
    # Said of somebody else, or of a risk.
    OTHERS = "others"
    # Of the patient as a whole: "feels well", "asymptomatic".
    WHOLE = "whole"
    # Words that nobody read.
    UNREAD = "unread"
    # Words that nobody read, within a denial: "no fever or odd humming".
    UNREAD_DENIED = "unread_denied"


UNREAD = (Said.UNREAD, Said.UNREAD_DENIED)


@dataclass(frozen=True, slots=True)
class Complaint:
    """What stands in a text from `begin` to `end`: ids that are one thing there, and what is said of them."""

    said: Said
    ids: tuple[str, ...]
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Part:
    """A complaint of a text in its own words; no words: the whole text is it."""

    words: str
    said: Said
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Index:
    """The symptoms by their phrases, and the words that only qualify."""

    phrases: PhrasesInAnyOrder
    # Phrases that mean the symptom only where nothing else but neutral words stands in their clause.
    alone: Collection[tuple[str, ...]]
    # Symptoms that count although they are past.
    past_counts: Collection[str]
    qualifiers: PhrasesInOrder


def ids_of(complaints: Iterable[Complaint], said: Said) -> tuple[str, ...]:
    """The ids of which this is said, each once."""
    return tuple(dict.fromkeys(ident for complaint in complaints if complaint.said is said for ident in complaint.ids))


def complaints(clauses: Sequence[Clause], index: Index) -> list[Complaint]:
    """The complaints of a text in its order, what only qualifies one taken to the one before it, else behind it.

    A text that holds nothing but qualifiers has none.
    """
    found: list[list[Complaint]] = []
    waiting: int | None = None
    for clause in clauses:
        for section in _sections(clause, index):
            first = section[0]
            if first.said is not Said.WHOLE:
                begin = first.begin if waiting is None else waiting
                found.append([_within(item, begin, item.end) for item in section])
                waiting = None
            elif found:
                found[-1] = [_within(item, item.begin, first.end) for item in found[-1]]
            elif waiting is None:
                waiting = first.begin
    return [complaint for section in found for complaint in section]


def parts(text: str, found: Sequence[Complaint], *, present: bool) -> tuple[Part, ...]:
    """What became of each complaint of a text, nothing twice: what is stated is not denied as well."""
    stated = ids_of(found, Said.STATED)
    denied = ids_of(found, Said.DENIED)
    beaten = {Said.DENIED: stated, Said.OTHERS: (*stated, *denied)}
    kept: dict[Complaint, None] = {}
    for complaint in found:
        ids = tuple(ident for ident in complaint.ids if ident not in beaten.get(complaint.said, ()))
        if ids or not complaint.ids:
            said = Said.DENIED if complaint.said is Said.STATED and not present else complaint.said
            kept[Complaint(said, ids, complaint.begin, complaint.end)] = None
    if not kept:
        return (Part("", Said.UNREAD),)
    several = len(kept) > 1
    return tuple(Part(text[one.begin : one.end] if several else "", one.said, one.ids) for one in kept)


def all_neutral(clause: Clause, found: Sequence[Found], *, denials: bool) -> bool:
    """Whether only neutral words, and denials where they are allowed, stand in a clause beside these phrases."""
    places = {place for phrase in found for place in phrase.places}
    return all(
        place in places or word.raw in NEUTRAL or word.raw[0].isdigit() or (denials and reach.denies(word))
        for place, word in enumerate(clause.words)
    )


def joined(clause: Clause, found: Iterable[Found]) -> list[range]:
    """The parts of a clause, those that a phrase stands across taken together."""
    crossed = {place for phrase in found for place in range(phrase.places[0] + 1, phrase.places[-1] + 1)}
    sections: list[range] = []
    for part in clause.parts:
        if sections and part.start in crossed:
            sections[-1] = range(sections[-1].start, part.stop)
        else:
            sections.append(part)
    return sections


def qualifies(clause: Clause, place: int, qualifying: Collection[int]) -> bool:
    """Whether a word of a clause is one that only qualifies, given the places of those that do."""
    raw = clause.words[place].raw
    return place in qualifying or raw in phrases.FILLERS or raw[0].isdigit()


# ---------------------------------------------------------------------------------------------- one clause


def _sections(clause: Clause, index: Index) -> Iterator[list[Complaint]]:
    """The complaints of each part of a clause; of a part that only qualifies, one that says nothing (WHOLE)."""
    found = _found(clause, index)
    # One word that is a phrase has nothing beside it.
    qualifiers = index.qualifiers.find(clause) if len(clause.words) > 1 or not found else []
    qualifying = {place for phrase in qualifiers for place in phrase.places}
    reached = reach.reach(clause, found, qualifying)
    said = _said(found, reached, index)
    unread: Complaint | None = None
    for section in joined(clause, (*found, *qualifiers)):
        begin, end = phrases.span_of(clause, section)
        here = [(phrase, complaint) for phrase, complaint in said if phrase.places[0] in section]
        if not here and all(qualifies(clause, place, qualifying) for place in section):
            if unread is not None:
                unread = _within(unread, unread.begin, end)
            else:
                yield [Complaint(Said.WHOLE, (), begin, end)]
            continue
        if not here:
            denied = any(reached.get(place) is Reached.DENIED for place in section)
            one = Complaint(Said.UNREAD_DENIED if denied else Said.UNREAD, (), begin, end)
            # What follows on it is given back with it, as it was written.
            if unread is not None and unread.said is one.said:
                unread = _within(unread, unread.begin, end)
                continue
            if unread is not None:
                yield [unread]
            unread = one
            continue
        if unread is not None:
            yield [unread]
            unread = None
        yield [_in_section(clause, phrase, complaint, (begin, end), len(here)) for phrase, complaint in here]
    if unread is not None:
        yield [unread]


def _in_section(clause: Clause, phrase: Found, complaint: Complaint, span: tuple[int, int], several: int) -> Complaint:
    """A complaint with the words of its part; one that means something else, beside others, has its own words."""
    if complaint.said in UNREAD and several > 1:
        return _within(complaint, clause.spans[phrase.places[0]][0], clause.spans[phrase.places[-1]][1])
    return _within(complaint, *span)


def _within(complaint: Complaint, begin: int, end: int) -> Complaint:
    return Complaint(complaint.said, complaint.ids, begin, end)


def _found(clause: Clause, index: Index) -> list[Found]:
    """The phrases of a clause, in its order."""
    found = index.phrases.find(clause)
    if any(phrase.key in index.alone for phrase in found):
        said = [phrase for phrase in found if phrase.ids]
        if not all_neutral(clause, said, denials=True):
            found = [phrase for phrase in found if phrase.key not in index.alone]
    return sorted(found, key=lambda phrase: phrase.places)


def _said(found: Sequence[Found], reached: Mapping[int, Reached], index: Index) -> list[tuple[Found, Complaint]]:
    """What a clause says of each thing that its phrases name; what it does not clearly say is not read."""
    said: list[tuple[Found, Said, tuple[str, ...]]] = []
    for phrase in found:
        of_it = reached.get(phrase.places[0])
        if not phrase.ids:
            said.append((phrase, Said.UNREAD_DENIED if of_it is Reached.DENIED else Said.UNREAD, ()))
        elif of_it is Reached.OTHERS:
            said.append((phrase, Said.OTHERS, phrase.ids))
        elif of_it is Reached.DOUBTFUL:
            said.append((phrase, Said.UNREAD, ()))
        elif of_it is Reached.DENIED:
            # Of a word that may mean several, a denial denies the one it stands for.
            said.append((phrase, Said.DENIED, phrase.ids[:1]))
        elif of_it is Reached.PAST:
            counting = tuple(ident for ident in phrase.ids if ident in index.past_counts)
            over = tuple(ident for ident in phrase.ids if ident not in counting)
            said += [(phrase, said_of, ids) for said_of, ids in ((Said.STATED, counting), (Said.DENIED, over)) if ids]
        else:
            said.append((phrase, Said.STATED, phrase.ids))
    return [(phrase, Complaint(said_of, ids, 0, 0)) for phrase, said_of, ids in said]
