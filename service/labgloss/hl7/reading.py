"""A message as panels of the API, one for each patient of it, and what of it could not be read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta, tzinfo

from labgloss import laboratory_words
from labgloss.hl7 import observations, profile, specimens, tables, times
from labgloss.hl7.faults import Fault, MessageError, Note, Place, Table0357
from labgloss.hl7.message import Message, Segment
from labgloss.hl7.specimens import ID_LIMIT, LIST_LIMIT, TEXT_LIMIT
from labgloss.v1 import panel_pb2 as pb

# Of 2.2 and 2.9 what is read here is as in their neighbours.
_VERSIONS = range(2, 10)
_CODED_FROM = (2, 7)
_MOST_PATIENTS = 100
# An answer says so many things that were not read, and how many more there are.
_MOST_NOTES = 200
# Segments that an ORU^R01 may hold and that say nothing about a result.
_SILENT = frozenset(
    {
        "MSH", "SFT", "UAC", "PD1", "NK1", "ARV", "PV1", "PV2", "ROL", "PRT", "TQ1", "TQ2", "CTD", "FT1", "CTI", "SAC",
        "DSC", "ORC", "MSA", "ERR", "EVN",
    }
)  # fmt: skip
# What begins or wraps another message.
_OTHERS = frozenset({"MSH", "FHS", "BHS", "BTS", "FTS"})
_DRUGS = {"RXA": 5, "RXE": 2, "RXO": 1, "RXD": 2, "RXG": 4}


@dataclass(frozen=True, slots=True)
class Order:
    """One order group: its OBR, and the OBX that became results, with their positions in the panel."""

    segment: Segment | None
    results: tuple[tuple[int, Segment], ...]


@dataclass(frozen=True, slots=True)
class PatientRead:
    """What a message says of one patient."""

    panel: pb.Panel
    # PID and PV1, None where the message has none.
    identity: Segment | None
    visit: Segment | None
    orders: tuple[Order, ...]
    notes: tuple[Note, ...]
    # Where in the message stands what the panel holds under a path such as "results[3].collected".
    places: Mapping[str, Place]

    @property
    def empty(self) -> bool:
        """Whether there is nothing to interpret."""
        return not self.panel.results and not self.panel.symptoms

    def place_of(self, path: str) -> Place | None:
        """Where stands what a violation names by its path in the panel; of a part that is not listed, its whole."""
        path = path.partition(".")[2]
        while path:
            if path in self.places:
                return self.places[path]
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return None


def check_envelope(message: Message) -> None:
    """Nothing. Raises MessageError with every reason why the message is none for this receiver."""
    header = message.header
    kind = header.components(9)
    faults = []
    if kind[1].strip() != "ORU":
        faults.append(Fault(header.place(9), Table0357.MESSAGE_TYPE, "only ORU messages of event R01 are taken here"))
    elif kind[2].strip() not in ("R01", ""):
        faults.append(Fault(header.place(9, 2), Table0357.EVENT, "only ORU messages of event R01 are taken here"))
    major, minor = message.version
    if major != 2 or minor not in _VERSIONS:
        faults.append(Fault(header.place(12), Table0357.VERSION, "versions 2.3 to 2.8 are taken here"))
    others = [one for one in message.segments[1:] if one.name in _OTHERS]
    if others:
        wrong = "several messages, or a batch, stand in the place of one; send each by itself"
        faults.append(Fault(others[0].place(), Table0357.SEGMENT_SEQUENCE, wrong))
    rest = next((one for one in message.segments if one.name == "DSC" and one.text(1).strip()), None)
    if rest is not None or header.text(14).strip():
        place = rest.place(1) if rest else header.place(14)
        faults.append(
            Fault(place, Table0357.SEGMENT_SEQUENCE, "a message that another one continues is not taken; send it whole")
        )
    if faults:
        raise MessageError(tuple(faults))


def read(message: Message, zone: tzinfo | None = None) -> tuple[PatientRead, ...]:
    """One reading for each patient of the message, in its order; `zone` is the site's, for times without an offset.

    What belongs to another PID never meets another patient's results. Raises MessageError as `check_envelope` does.
    """
    check_envelope(message)
    groups = list(_patients(message))
    if not groups:
        raise MessageError(
            (Fault(None, Table0357.SEGMENT_SEQUENCE, "the message holds no PID, OBR or OBX, so that it has no result"),)
        )
    if len(groups) > _MOST_PATIENTS:
        wrong = f"the message holds more than {_MOST_PATIENTS} patients; send fewer at once"
        raise MessageError((Fault(None, Table0357.DATA_TYPE, wrong),))
    whole, zones = len(groups) == 1, _zones(message, zone)
    return tuple(
        _Reader(message, group, zones).read("" if whole else f"-{number}") for number, group in enumerate(groups, 1)
    )


# ---------------------------------------------------------------------------------------------- grouping


@dataclass
class _OrderGroup:
    segment: Segment | None
    observations: list[Segment] = field(default_factory=list)
    specimens: list[Segment] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    # Of each observation, by its number in the message.
    remarks: dict[int, list[str]] = field(default_factory=dict)


@dataclass
class _PatientGroup:
    identity: Segment | None = None
    visit: Segment | None = None
    orders: list[_OrderGroup] = field(default_factory=list)
    diagnoses: list[Segment] = field(default_factory=list)
    drugs: list[Segment] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)


def _patients(message: Message) -> Iterator[_PatientGroup]:
    """The patients, each with the segments from its PID to the next."""
    group = _PatientGroup()
    last: Segment | None = None
    for segment in message.segments:
        if segment.name == "PID":
            if group.identity is not None or group.orders:
                yield group
                group = _PatientGroup()
            group.identity = segment
        elif segment.name == "NTE":
            _comment(group, last, segment)
            continue
        else:
            _add(group, segment)
        last = segment
    if group.identity is not None or group.orders:
        yield group


def _add(group: _PatientGroup, segment: Segment) -> None:
    if segment.name == "OBR":
        group.orders.append(_OrderGroup(segment))
    elif segment.name in ("OBX", "SPM"):
        if not group.orders:
            group.orders.append(_OrderGroup(None))
        order = group.orders[-1]
        (order.observations if segment.name == "OBX" else order.specimens).append(segment)
    elif segment.name == "PV1":
        group.visit = segment
    elif segment.name == "DG1":
        group.diagnoses.append(segment)
    elif segment.name in _DRUGS:
        group.drugs.append(segment)
    elif segment.name not in _SILENT:
        group.notes.append(Note(segment.place(), "is a segment that is not read here"))


def _comment(group: _PatientGroup, last: Segment | None, segment: Segment) -> None:
    text = "\n".join(one.text for one in segment.repetitions(3)).strip()
    if not text:
        return
    order = group.orders[-1] if group.orders else None
    if last is not None and last.name == "OBX" and order is not None:
        order.remarks.setdefault(last.number, []).append(text)
    elif last is not None and last.name in ("OBR", "SPM", "ORC", "TQ1") and order is not None:
        order.comments.append(text)
    else:
        group.notes.append(Note(segment.place(3), "is a comment on no order and no result, and is not read"))


# ---------------------------------------------------------------------------------------------- one patient


class _Reader:
    """Makes the panel of one patient."""

    def __init__(self, message: Message, group: _PatientGroup, zones: times.Zones) -> None:
        self._message = message
        self._group = group
        self._zones = zones
        self._superseded = _superseded(group.orders)
        self._sent = times.day_of(message.header.code(7))
        self._notes: list[Note] = [*message.notes, *group.notes]
        self._places: dict[str, Place] = {}
        self._panel = pb.Panel()

    def read(self, suffix: str) -> PatientRead:
        panel, header = self._panel, self._message.header
        panel.id = f"{self._message.control_id[: ID_LIMIT - len(suffix)]}{suffix}"
        panel.source = "/".join(name for number in (3, 4) if (name := header.code(number)))[:TEXT_LIMIT]
        self._patient()
        orders = tuple(self._order(order) for order in self._group.orders)
        self._say_zones()
        self._symptoms()
        self._context()
        if any(not result.collected for result in panel.results):
            self._as_of(header)
        return PatientRead(panel, self._group.identity, self._group.visit, orders, _bounded(self._notes), self._places)

    def _say(self, place: Place | None, text: str) -> None:
        self._notes.append(Note(place, text))

    def _patient(self) -> None:
        identity = self._group.identity
        if identity is None:
            self._say(None, "the message holds no PID: age and sex are not known")
            return
        born, sex = identity.code(7), identity.code(8).upper()
        if born:
            if (born_on := times.birth_date(born)) is None:
                self._say(identity.place(7), "is no date of birth that can be read; the age counts as not known")
            else:
                self._panel.patient.birth_date = born_on
        if sex in tables.SEXES:
            self._panel.patient.sex = tables.SEXES[sex]
        elif sex not in tables.OTHER_SEXES:
            self._say(identity.place(8), "is no code of table 0001; the sex counts as not known")
        self._places["patient"] = identity.place()
        self._places["patient.birth_date"] = identity.place(7)
        self._places["patient.sex"] = identity.place(8)

    def _order(self, order: _OrderGroup) -> Order:
        drawn = specimens.drawn(order.segment, order.specimens, self._say)
        profile.of_specimen(drawn.specimen, order.observations, self._say)
        status = order.segment.code(25).upper() if order.segment else ""
        found: list[tuple[int, Segment]] = []
        shared = list(dict.fromkeys([*_paragraphs(order.comments), *self._haemolysis(order)]))[:LIST_LIMIT]
        series, grade = _series(order.observations), _grade(order, self._standing(order))
        for observation in order.observations:
            if len(self._panel.results) > LIST_LIMIT:
                # The service refuses so many by their number.
                break
            if profile.is_statement(observation):
                profile.state(self._panel, observation, self._say)
                continue
            result = observations.result_of(observation, status, self._say)
            if result is None:
                continue
            if observations.is_haemolysis(observation) and not result.analyte:
                self._say(observation.place(3), "is read as what the laboratory says of haemolysis in the specimen")
            if (later := self._superseded.get(observation.number)) is not None:
                result.status = pb.RESULT_STATUS_ENTERED_IN_ERROR
                said = f"is corrected, deleted or withdrawn by {later}; it is shown, and not judged"
                self._say(observation.place(), said)
            self._time(result, observation, order, drawn, observation.number in series)
            own = _paragraphs(order.remarks.get(observation.number, []))
            specimen = specimens.with_comments(drawn.specimen, [*shared, *own])
            if grade is not None:
                specimen.haemolysis = grade
            if specimen.ListFields():
                result.specimen.CopyFrom(specimen)
            index = len(self._panel.results)
            self._panel.results.append(result)
            found.append((index, observation))
            self._locate(index, observation)
        return Order(order.segment, tuple(found))

    def _locate(self, index: int, observation: Segment) -> None:
        path = f"results[{index}]"
        self._places[path] = observation.place()
        for name, number in (("codings", 3), ("value", 5), ("unit", 6), ("interval", 7), ("flags", 8), ("id", 21)):
            self._places[f"{path}.{name}"] = observation.place(number)

    def _time(
        self, result: pb.Result, observation: Segment, order: _OrderGroup, drawn: specimens.Drawn, in_series: bool
    ) -> None:
        """The time of collection: SPM-17, else OBR-7, else OBX-14, which many send as that of the analysis.

        In a series under one order OBX-14 tells more than the others.
        """
        candidates = [(drawn.time, drawn.time_place)]
        if order.segment is not None:
            candidates.append((order.segment.code(7), order.segment.place(7)))
        candidates.insert(0 if in_series else len(candidates), (observation.code(14), observation.place(14)))
        for text, place in candidates:
            if not text or place is None:
                continue
            collected = times.collected(text, self._zones)
            if collected is None:
                self._say(place, "is no date that can be read; the time of collection is looked for elsewhere")
                continue
            if self._sent is not None and collected[:10] > _day_after(self._sent):
                # As the newest it would make the true one an earlier one.
                self._say(place, "lies after the message, so that it is wrong; the time is looked for elsewhere")
                continue
            result.collected = collected
            self._places[f"results[{len(self._panel.results)}].collected"] = place
            return

    def _haemolysis(self, order: _OrderGroup) -> list[str]:
        """Comments that name haemolysis, wherever in the group they stand: they are about the tube."""
        remarks = [text for texts in order.remarks.values() for text in _paragraphs(texts)]
        said = [text for text in remarks if laboratory_words.speaks_of_haemolysis(text)]
        for observation in self._standing(order):
            words = observations.words_of(observation)
            if laboratory_words.speaks_of_haemolysis(words):
                said.append(words)
            elif words and observations.is_haemolysis(observation) and laboratory_words.haemolysis_grade(words) is None:
                said.append(f"haemolysis: {words}")
        return said

    def _standing(self, order: _OrderGroup) -> list[Segment]:
        """The observations that nothing deletes, withdraws or corrects."""
        return [
            one
            for one in order.observations
            if one.number not in self._superseded and one.code(11).upper() not in tables.WITHDRAWN
        ]

    def _symptoms(self) -> None:
        """OBR-13 and OBR-31 of the latest day's orders; of an earlier draw they are no symptoms of today."""
        orders = [order for order in self._group.orders if order.segment is not None]
        days = [_day(order) for order in orders]
        latest = max(filter(None, days), default=None)
        seen = {symptom.text for symptom in self._panel.symptoms}
        # OBR-13 is text in older versions.
        coded = self._message.version >= _CODED_FROM
        for order, day in zip(orders, days, strict=True):
            assert order.segment is not None
            for symptom, place in _complaints(order.segment, coded, self._say):
                key = symptom.text or symptom.coding.code
                if day is not None and latest is not None and day < latest:
                    self._say(place, "is of an earlier draw, and is not read as a symptom of now")
                elif key not in seen:
                    seen.add(key)
                    self._places[f"symptoms[{len(self._panel.symptoms)}]"] = place
                    self._panel.symptoms.append(symptom)

    def _context(self) -> None:
        profile.diagnoses(self._panel, self._group.diagnoses, self._say)
        profile.drugs(self._panel, [(one, _DRUGS[one.name]) for one in self._group.drugs], self._say)

    def _as_of(self, header: Segment) -> None:
        """The day of the message: what has no time of its own was drawn on it or before."""
        if not self._panel.as_of and (day := times.day_of(header.code(7))) is not None:
            self._panel.as_of = day
            self._places["as_of"] = header.place(7)

    def _say_zones(self) -> None:
        if any(result.collected.endswith(times.UNKNOWN_ZONE) for result in self._panel.results):
            self._say(
                None, "times carry no offset from UTC; they are in order among themselves, and count as of one zone"
            )
        elif self._zones.mixed and any(
            result.collected and "T" not in result.collected for result in self._panel.results
        ):
            self._say(None, "some times carry an offset from UTC and others none; of those only the date is read")


def _bounded(notes: Sequence[Note]) -> tuple[Note, ...]:
    """The notes, each once, no more than anybody reads."""
    each = list(dict.fromkeys(notes))
    more = len(each) - _MOST_NOTES
    return (*each[:_MOST_NOTES], *([Note(None, f"{more} more things were not read as usual")] if more > 0 else []))


def _paragraphs(lines: Sequence[str]) -> list[str]:
    """The lines of one comment together, as many as a text of the API holds."""
    found: list[str] = []
    for line in lines:
        for start in range(0, len(line), TEXT_LIMIT):
            piece = line[start : start + TEXT_LIMIT]
            if found and len(found[-1]) + 1 + len(piece) <= TEXT_LIMIT:
                found[-1] = f"{found[-1]}\n{piece}"
            else:
                found.append(piece)
    return found


def _grade(order: _OrderGroup, standing: Sequence[Segment]) -> pb.Haemolysis.ValueType | None:
    """The worst grade that the group gives: an observation of haemolysis in one word, or a comment in German."""
    named = [observations.words_of(one) for one in standing if observations.is_haemolysis(one)]
    written = [*order.comments, *(text for texts in order.remarks.values() for text in texts)]
    written += [observations.words_of(one) for one in standing]
    grades = [*map(laboratory_words.haemolysis_grade, named), *map(laboratory_words.german_haemolysis, written)]
    return max((grade for grade in grades if grade is not None), default=None)


def _superseded(orders: Sequence[_OrderGroup]) -> dict[int, Place]:
    """By its number, an observation that a later one of the message corrects, deletes or withdraws, and that one.

    It is the same observation where order, identifier, sub-id and times (OBR-7, OBX-14) are the same.
    """
    found: dict[int, Place] = {}
    earlier: dict[tuple[str, ...], list[int]] = {}
    for place, order in enumerate(orders):
        number = order.segment.code(3) or order.segment.code(2) if order.segment is not None else ""
        drawn = order.segment.raw(7) if order.segment is not None else ""
        for one in order.observations:
            # By another order of the same number too: a correction may come in an OBR of its own.
            same = (number or f"#{place}", drawn, one.code(3, 1), one.code(3, 3), one.raw(4), one.raw(14))
            before = earlier.setdefault(same, [])
            if one.code(11).upper() in tables.SUPERSEDING:
                found |= dict.fromkeys(before, one.place())
                before.clear()
            before.append(one.number)
    return found


def _day_after(day: str) -> str:
    """The next day: clocks run ahead, and a date alone is of its own time zone."""
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()


def _series(group: Sequence[Segment]) -> frozenset[int]:
    """The numbers of observations that stand several times under one order, at different times (OBX-14)."""
    by_code: dict[str, list[Segment]] = {}
    for observation in group:
        by_code.setdefault(observation.raw(3), []).append(observation)
    return frozenset(
        one.number
        for several in by_code.values()
        if len({one.code(14) for one in several}) > 1 and all(one.code(14) for one in several)
        for one in several
    )


def _day(order: _OrderGroup) -> str | None:
    written = [segment.components(17)[1] for segment in order.specimens]
    written += [order.segment.code(7)] if order.segment is not None else []
    return next((day for text in written if (day := times.day_of(text)) is not None), None)


def _complaints(order: Segment, coded: bool, say: specimens.Say) -> Iterator[tuple[pb.Symptom, Place]]:
    for one in order.repetitions(13):
        text = (one[2].strip() or one[9].strip() or one[1].strip()) if coded else one.text.strip()
        if text:
            yield pb.Symptom(text=specimens.clipped(text, TEXT_LIMIT, order.place(13), say)), order.place(13)
    for one in order.repetitions(31):
        code, text, system = one[1].strip(), one[2].strip() or one[9].strip(), tables.system(one[3])
        if code and system == tables.OWN:
            yield pb.Symptom(id=code[:ID_LIMIT]), order.place(31)
        elif code or text:
            symptom = pb.Symptom(text=specimens.clipped(text or code, TEXT_LIMIT, order.place(31), say))
            if code and system:
                symptom.coding.CopyFrom(
                    pb.Coding(system=system[:TEXT_LIMIT], code=code[:ID_LIMIT], display=text[:TEXT_LIMIT])
                )
            yield symptom, order.place(31)


def _zones(message: Message, site: tzinfo | None) -> times.Zones:
    fields = {"OBR": 7, "SPM": 17, "OBX": 14}
    written = [one.code(fields[one.name]) for one in message.segments if one.name in fields]
    return times.Zones(times.zone_of(message.header.code(7)), site, any(times.zone_of(text) for text in written))
