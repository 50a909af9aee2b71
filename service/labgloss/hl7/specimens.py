"""What an order group says of its specimen: SPM, or OBR-15 of older versions, and comments."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from labgloss import laboratory_words
from labgloss.hl7 import tables
from labgloss.hl7.faults import Place
from labgloss.hl7.message import Components, Segment
from labgloss.v1 import panel_pb2 as pb

Say = Callable[[Place | None, str], None]
_Value = TypeVar("_Value")
TEXT_LIMIT = 1_000
ID_LIMIT = 128
LIST_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Drawn:
    """The specimen of an order group, and when it was drawn, as written (SPM-17), with the place of that."""

    specimen: pb.Specimen
    time: str = ""
    time_place: Place | None = None


def drawn(order: Segment | None, segments: Sequence[Segment], say: Say) -> Drawn:
    """What SPM, else OBR-15, says; of several specimens what they agree on, and every condition of any of them."""
    if not segments:
        return Drawn(_of_order(order, say) if order is not None else pb.Specimen())
    each = [_of_segment(segment, say) for segment in segments]
    if len(each) == 1:
        time = segments[0].components(17)[1].strip()
        return Drawn(each[0], time, segments[0].place(17))
    say(segments[0].place(), "several specimens stand beside one order; what they do not agree on counts as not known")
    times = {segment.components(17)[1].strip() for segment in segments}
    joint = pb.Specimen(
        kind=_same([one.kind for one in each]) or pb.SPECIMEN_KIND_UNSPECIFIED,
        additive=_same([one.additive for one in each]) or "",
        site=_same([one.site for one in each]) or "",
        conditions=_distinct(code for one in each for code in one.conditions),
        comments=_distinct(text for one in each for text in one.comments),
    )
    return Drawn(joint, times.pop() if len(times) == 1 else "", segments[0].place(17))


def _of_segment(segment: Segment, say: Say) -> pb.Specimen:
    identity = segment.components(2)
    kind = segment.components(4)
    additives = [_code_or_text(one) for one in segment.repetitions(6)]
    container = _code_or_text(segment.components(27))
    if len(additives) > 1:
        say(segment.place(6), "several additives; only the first is read as the additive, the others as comments")
    comments = [*additives[1:], segment.text(14)]
    if container and additives:
        comments.append(container)
    return pb.Specimen(
        # Of the filler, whose specimen it is; a placer's number stands for a draw all the same.
        id=clipped(identity.part(2, 1) or identity.part(1, 1), ID_LIMIT, segment.place(2), say),
        kind=_kind(segment.place(4), kind, say),
        # A tube names what is in it.
        additive=clipped(next(iter(additives), container), TEXT_LIMIT, segment.place(6), say),
        conditions=_distinct(
            (*(_code_or_text(one) for field in (24, 21) for one in segment.repetitions(field)), *_rejection(segment))
        ),
        site=clipped(_text_or_code(segment.components(8)), TEXT_LIMIT, segment.place(8), say),
        comments=_distinct(comments),
    )


def _rejection(segment: Segment) -> Iterator[str]:
    """That the specimen was rejected, where the reason is none that the service knows."""
    if any(_code_or_text(one).upper() not in tables.REJECT_REASONS for one in segment.repetitions(21)):
        yield tables.REJECTED


def _of_order(order: Segment, say: Say) -> pb.Specimen:
    source = order.components(15)
    if not source.written.strip():
        return pb.Specimen()
    written = [source.part(1, 1), source.part(1, 2), source.part(1, 4), source.part(1, 5)]
    kind = laboratory_words.specimen_kind(*filter(None, written))
    if kind is None and any(written):
        say(order.place(15, 1), "the kind of specimen is not one that is known here, and counts as not known")
    return pb.Specimen(
        kind=kind or pb.SPECIMEN_KIND_UNSPECIFIED,
        additive=clipped(source.part(2, 1) or source.part(2, 2), TEXT_LIMIT, order.place(15, 2), say),
        site=clipped(source.part(4, 2) or source.part(4, 1), TEXT_LIMIT, order.place(15, 4), say),
        comments=_distinct([source[3]]),
    )


def _kind(place: Place, written: Components, say: Say) -> pb.SpecimenKind.ValueType:
    named = [one for number in (1, 2, 4, 5) if (one := written[number].strip())]
    kind = laboratory_words.specimen_kind(*named)
    if kind is None and named:
        say(place, "the kind of specimen is not one that is known here, and counts as not known")
    return kind or pb.SPECIMEN_KIND_UNSPECIFIED


def _code_or_text(written: Components) -> str:
    return written[1].strip() or written[2].strip()


def _text_or_code(written: Components) -> str:
    return written[2].strip() or written[1].strip()


def _same(values: Sequence[_Value]) -> _Value | None:
    return values[0] if len(set(values)) == 1 else None


def _distinct(texts: Iterable[str]) -> list[str]:
    kept = dict.fromkeys(text.strip()[:TEXT_LIMIT] for text in texts)
    return [text for text in kept if text][:LIST_LIMIT]


def clipped(text: str, limit: int, place: Place, say: Say) -> str:
    """The text, shortened to what the API takes, which is said."""
    if len(text) <= limit:
        return text
    say(place, f"is longer than {limit:,} characters, and was shortened")
    return text[: limit - 1] + "…"


def with_comments(specimen: pb.Specimen, comments: Iterable[str]) -> pb.Specimen:
    """A copy of the specimen that holds these comments too."""
    copy = pb.Specimen()
    copy.CopyFrom(specimen)
    kept = _distinct([*copy.comments, *comments])
    del copy.comments[:]
    copy.comments.extend(kept)
    return copy
