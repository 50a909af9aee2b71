"""The single changes of a panel: one number moved by reported digits, one symptom, condition or medication said or not.

Age, sex and pregnancy are what they are, and stay.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum

from labgloss.domain.panel import ContextItem, Panel, Result, Symptom
from labgloss.domain.quantity import ARITHMETIC, Comparator, plain
from labgloss.engine.normalise import parse_value
from labgloss.engine.recognise import Recognised
from labgloss.knowledge.expression import Name


class Said(Enum):
    """What a change does to a symptom, condition or medication."""

    PRESENT = "present"
    DENIED = "denied"
    ADDED = "added"
    REMOVED = "removed"
    # The whole list sent, and nothing on it.
    NONE_OF_THEM = "none of them"


@dataclass(frozen=True, slots=True)
class NumberMoved:
    """The number of one result moved by so many steps of its last reported digit."""

    index: int
    steps: int

    @property
    def size(self) -> tuple[int, int]:
        """Digits moved, words changed."""
        return abs(self.steps), 0


@dataclass(frozen=True, slots=True)
class WordChanged:
    """One symptom present or denied, one condition or medication added or removed.

    `name` is the thing by its kind and id; an item that nobody recognised is named by its place in the list.
    """

    name: Name
    said: Said
    # A list that was not sent has to be sent to hold an item: one word more.
    words: int = 1

    @property
    def size(self) -> tuple[int, int]:
        """Digits moved, words changed."""
        return 0, self.words


Change = NumberMoved | WordChanged
LISTS = {"condition": "conditions", "medication": "medications"}
# How a change names an item that nobody recognised, by its place.
UNREAD = "unread"


def digit(result: Result) -> tuple[Decimal, Decimal, Comparator] | None:
    """The number of a result, a step of its last reported digit, and its comparator; None where there is no number."""
    number = parse_value(result.value, result.comparator)
    if number is None:
        return None
    value, comparator = number
    exponent = value.as_tuple().exponent
    # A number with an exponent ("1e3") is moved by ones.
    return value, Decimal(1).scaleb(min(exponent, 0) if isinstance(exponent, int) else 0), comparator


def changed(panel: Panel, change: Change, recognised: Recognised) -> Panel:
    """The panel with one change; `recognised` is what the unchanged panel was recognised as."""
    if isinstance(change, NumberMoved):
        results = tuple(
            moved(result, change.steps) if result.index == change.index else result for result in panel.results
        )
        return replace(panel, results=results)
    if change.name.kind == "symptom":
        return replace(panel, symptoms=_symptoms(panel, change, recognised))
    field = LISTS[change.name.kind]
    items = _items(getattr(panel, field), change, getattr(recognised, field))
    return replace(panel, conditions=items) if field == "conditions" else replace(panel, medications=items)


def moved(result: Result, steps: int) -> Result:
    """The result with its number moved by so many steps of its last reported digit."""
    found = digit(result)
    assert found is not None
    value, step, comparator = found
    number = ARITHMETIC.add(value, ARITHMETIC.multiply(steps, step))
    return replace(result, value=plain(number), comparator=comparator)


def _symptoms(panel: Panel, change: WordChanged, recognised: Recognised) -> tuple[Symptom, ...]:
    """The symptoms, every mention of one taken out, and said anew: what else a text says of others stays said."""
    ident, kept = change.name.id, list[Symptom]()
    for symptom, read in zip(panel.symptoms, recognised.symptoms, strict=True):
        if ident not in (*read.ids, *read.denied):
            kept.append(symptom)
            continue
        for other in dict.fromkeys((*read.ids, *read.denied)):
            if other != ident:
                present = read.present and other not in read.denied
                kept.append(Symptom(id=other, present=present, onset=symptom.onset, duration=symptom.duration))
    return (*kept, Symptom(id=ident, present=change.said is Said.PRESENT))


def _items(
    sent: Sequence[ContextItem] | None, change: WordChanged, recognised: Sequence[tuple[str, ...]]
) -> tuple[ContextItem, ...]:
    ident = change.name.id
    if change.said is Said.NONE_OF_THEM:
        return ()
    if change.said is Said.ADDED:
        return (*(sent or ()), ContextItem(id=ident))
    kept: list[ContextItem] = []
    for place, (item, ids) in enumerate(zip(sent or (), recognised, strict=True)):
        if not ids and ident == f"{UNREAD}[{place}]":
            continue
        if ident not in ids:
            kept.append(item)
            continue
        kept += [ContextItem(id=other, since=item.since) for other in ids if other != ident]
    return tuple(kept)


def words(panel: Panel, recognised: Recognised, names: Sequence[Name]) -> Iterator[WordChanged]:
    """Every change of a symptom, condition or medication, in the order of `names`, fewest words first."""
    found: list[WordChanged] = []
    for name in names:
        found += _of_symptom(name, recognised) if name.kind == "symptom" else _of_item(panel, name, recognised)
    for kind, field in LISTS.items():
        if any(name.kind == kind for name in names):
            found += _of_list(kind, getattr(panel, field), getattr(recognised, field))
    yield from sorted(found, key=lambda change: change.words)


def _of_symptom(name: Name, recognised: Recognised) -> list[WordChanged]:
    present = {ident for read in recognised.symptoms if read.present for ident in read.ids}
    denied = {ident for read in recognised.symptoms for ident in read.denied} - present
    return [
        WordChanged(name, said)
        for said, already in ((Said.PRESENT, present), (Said.DENIED, denied))
        if name.id not in already
    ]


def _of_item(panel: Panel, name: Name, recognised: Recognised) -> list[WordChanged]:
    sent = getattr(panel, LISTS[name.kind])
    listed = any(name.id in ids for ids in getattr(recognised, LISTS[name.kind]))
    if listed:
        return [WordChanged(name, Said.REMOVED)]
    return [WordChanged(name, Said.ADDED, 1 if sent is not None else 2)]


def _of_list(kind: str, sent: Sequence[ContextItem] | None, recognised: Sequence[tuple[str, ...]]) -> list[WordChanged]:
    """A list that was not sent, sent empty; and of one that was, each item that nobody recognised, removed."""
    if sent is None:
        return [WordChanged(Name(kind, ""), Said.NONE_OF_THEM)]
    return [
        WordChanged(Name(kind, f"{UNREAD}[{place}]"), Said.REMOVED) for place, ids in enumerate(recognised) if not ids
    ]
