"""One OBX as a result of the API: its codes, value, unit, status, interval and flags as they were sent."""

from __future__ import annotations

import re

from labgloss import laboratory_words
from labgloss.hl7 import tables
from labgloss.hl7.message import Segment
from labgloss.hl7.specimens import ID_LIMIT, LIST_LIMIT, TEXT_LIMIT, Say, clipped
from labgloss.v1 import panel_pb2 as pb

_NUMBER = re.compile(r"\s*(?:[<>]=?|≤|≥)?\s*[+-]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)\s*")
HAEMOLYSIS_INDEX = "haemolysis_index"


def result_of(segment: Segment, order_status: str, say: Say) -> pb.Result | None:
    """The result, without time and specimen; None for what is none, which is said."""
    if segment.code(11).upper() == tables.NO_RESULT:
        say(segment.place(11), "the status says that this is no result; it is not read")
        return None
    if segment.code(2).upper() in tables.FILES:
        say(segment.place(5), "holds a file, which is not read")
        return None
    identifier = segment.components(3)
    codings = _codings(segment, say)
    if not codings:
        say(segment.place(3), "names no observation, so that its value is not read")
        return None
    own = [coding.code for coding in codings if coding.system == tables.OWN]
    result = pb.Result(
        id=_id(segment),
        analyte=own[0] if own else "",
        codings=[coding for coding in codings if coding.system != tables.OWN],
        unit=_unit(segment, say),
        status=_status(segment, order_status, say),
        flags=_flags(segment, say),
    )
    _set_value(result, segment, say)
    if interval := segment.text(7).strip():
        result.interval.text = clipped(interval, TEXT_LIMIT, segment.place(7), say)
    if not result.analyte and is_haemolysis(segment) and _NUMBER.fullmatch(result.value):
        # Laboratories send the index under codes of their own, and LOINC codes of it are not in the release.
        kept = [coding for coding in result.codings if coding.system != tables.LOINC]
        del result.codings[:]
        result.codings.extend(kept)
        result.analyte = HAEMOLYSIS_INDEX
        say(segment.place(3), f"is read as {HAEMOLYSIS_INDEX}, by its name: {identifier[2].strip() or identifier[1]}")
    return result


def is_haemolysis(segment: Segment) -> bool:
    """Whether the observation is the haemolysis of the specimen, by its LOINC code or its name."""
    for one in segment.repetitions(3)[:LIST_LIMIT]:
        for code, name, system in ((1, 2, 3), (4, 5, 6)):
            if tables.system(one[system]) == tables.LOINC and one[code].strip() in laboratory_words.HAEMOLYSIS_CODES:
                return True
            if laboratory_words.names_haemolysis(one[name]) or laboratory_words.names_haemolysis(one[code]):
                return True
    return False


def words_of(segment: Segment) -> str:
    """What an observation says in words, lines and repetitions together; empty for a number."""
    kind = segment.code(2).upper()
    if kind in tables.CODED:
        return "; ".join(one[2].strip() or one[1].strip() for one in segment.repetitions(5))
    if kind not in tables.WORDS:
        return ""
    return "\n".join(one.text for one in segment.repetitions(5))


def _id(segment: Segment) -> str:
    """OBX-21 where the sender gives it as an id of this API; an id of its own system names nothing here."""
    sent = segment.components(21)
    return sent[1].strip()[:ID_LIMIT] if sent[2].strip() == tables.OWN else ""


def _codings(segment: Segment, say: Say) -> list[pb.Coding]:
    """The codes of OBX-3: identifier and alternates."""
    repetitions = segment.repetitions(3)
    if len(repetitions) > 1:
        say(segment.place(3), "repeats; all of its codes are read as codes of one result")
    found: list[pb.Coding] = []
    for one in repetitions[:LIST_LIMIT]:
        for code, name, system in ((1, 2, 3), (4, 5, 6), (10, 11, 12)):
            sent, display = one[code].strip(), one[name].strip()
            if not sent and not display:
                continue
            if not sent:
                # A name without a code identifies nothing; the result is kept as one that is not recognised.
                say(segment.place(3, code), "is without a code; a name identifies no result")
            found.append(
                pb.Coding(
                    system=_system(one[system], sent),
                    code=clipped(sent or display, ID_LIMIT, segment.place(3, code), say),
                    display=clipped(display, TEXT_LIMIT, segment.place(3, name), say),
                )
            )
    return found[:LIST_LIMIT]


def _system(sent: str, code: str) -> str:
    """The system of a code; without one it is the sender's own, unless it has the form of LOINC."""
    if sent.strip():
        return tables.system(sent)[:TEXT_LIMIT]
    return tables.LOINC if re.fullmatch(r"[0-9]{1,7}-[0-9]", code) else tables.NO_SYSTEM


def _set_value(result: pb.Result, segment: Segment, say: Say) -> None:
    """The value, digit for digit; what is no single number is sent as text, for the service to refuse."""
    kind = segment.code(2).upper()
    repetitions = segment.repetitions(5)
    place = segment.place(5)
    if kind == "SN" and len(repetitions) == 1:
        one = repetitions[0]
        comparator, first, separator, second = (one[number].strip() for number in (1, 2, 3, 4))
        if not separator and not second and comparator in tables.COMPARATORS:
            result.comparator = tables.COMPARATORS[comparator]
            result.value = clipped(first, TEXT_LIMIT, place, say)
            return
        say(place, "is no single number; it is shown as sent, and not judged")
        result.value = clipped(f"{comparator}{first}{separator}{second}", TEXT_LIMIT, place, say)
        return
    if kind in tables.CODED:
        value = words_of(segment)
    elif kind in ("NM", "SN"):
        value = segment.text(5)
        if len(repetitions) > 1:
            say(place, "holds several values, of which none is known to be the result; they are not judged")
    else:
        value = words_of(segment) or segment.text(5)
    result.value = clipped(value, TEXT_LIMIT, place, say)


def _unit(segment: Segment, say: Say) -> str:
    """OBX-6: the code, by preference of UCUM; of a sender's own system the text that stands beside its code."""
    sent = segment.components(6)
    triplets = [(sent[code].strip(), sent[name].strip(), sent[system].strip()) for code, name, system in _TRIPLETS]
    amounts = dict.fromkeys(one for code, name, _ in triplets if (one := _amount(code) or _amount(name)))
    same = amounts.keys() <= _EQUAL_FOR_ONE_CHARGE and _of_one_charge(segment)
    if len(amounts) > 1 and not same:
        say(segment.place(6), "names two different units, so that the unit is open; send the one that is meant")
        return clipped(" or ".join(code or name for code, name, _ in triplets), ID_LIMIT, segment.place(6), say)
    named = next((code for code, _, system in triplets if system.upper() == tables.UCUM and code), "")
    if not named:
        for code, name, system in triplets:
            named = code if system.upper() in tables.UNIT_SYSTEMS else name or code
            named = named or name
            if named:
                break
    return clipped(named, ID_LIMIT, segment.place(6), say)


_TRIPLETS = ((1, 2, 3), (4, 5, 6))
# Amounts in a volume, by which two units of one result are told to differ; what is not listed may be another spelling.
_AMOUNTS = frozenset(
    ("mmol/l", "umol/l", "nmol/l", "pmol/l", "g/l", "mg/l", "ug/l", "ng/l", "g/dl", "mg/dl", "ug/dl", "meq/l")
)
_SAME_AMOUNTS = {"ng/ml": "ug/l", "pg/ml": "ng/l", "mcg/l": "ug/l"}
# The same for what has one charge, of which laboratories send both; of magnesium and calcium one is twice the other.
_EQUAL_FOR_ONE_CHARGE = frozenset({"mmol/l", "meq/l"})


def _of_one_charge(segment: Segment) -> bool:
    """Whether a LOINC code says that the observation is of an ion with one charge."""
    return any(
        tables.system(one[system]) == tables.LOINC and one[code].strip() in tables.OF_ONE_CHARGE
        for one in segment.repetitions(3)[:LIST_LIMIT]
        for code, system in ((1, 3), (4, 6), (10, 12))
    )


def _amount(written: str) -> str:
    """The unit in one spelling; empty for what is not listed."""
    plain = written.lower().replace("µ", "u").replace("μ", "u")
    plain = _SAME_AMOUNTS.get(plain, plain)
    return plain if plain in _AMOUNTS else ""


def _status(segment: Segment, order_status: str, say: Say) -> pb.ResultStatus.ValueType:
    sent = segment.code(11).upper()
    if sent in tables.STATUSES:
        return tables.STATUSES[sent]
    if sent:
        say(segment.place(11), "is no status of table 0085; the result is read as preliminary")
        return pb.RESULT_STATUS_PRELIMINARY
    say(segment.place(11), "is empty; the status of the order is read in its place, else the result as final")
    return tables.ORDER_STATUSES.get(order_status, pb.RESULT_STATUS_UNSPECIFIED)


def _flags(segment: Segment, say: Say) -> list[str]:
    flags = [flag for one in segment.repetitions(8) if (flag := one[1].strip() or one[2].strip())]
    if any(flag.upper() not in tables.FLAGS for flag in flags):
        say(segment.place(8), "is no flag of table 0078; it is shown as sent, and compared with nothing")
    return [clipped(flag, TEXT_LIMIT, segment.place(8), say) for flag in flags[:LIST_LIMIT]]
