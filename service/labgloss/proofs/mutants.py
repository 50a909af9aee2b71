"""Small faults that knowledge may have, one at a time: a limit moved, a bound flipped, a clause or a step left out.

Each is made on the rows of a release in memory. An edge that two neighbours share (bands, grades, ages) is moved in
each of them alone, which the checks at start-up refuse, and in both, which only a case can find.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from labgloss.domain.quantity import plain
from labgloss.domain.report import Urgency
from labgloss.domain.subject import AgeLimit
from labgloss.knowledge import schema
from labgloss.knowledge.expression import AgeClause, Combination, Limit, Name
from labgloss.knowledge.references import Formed
from labgloss.knowledge.release import Release
from labgloss.proofs.places import NOTHING, Way, labels, part_at, parts, with_part, written
from labgloss.proofs.rows import known_here

KINDS: Mapping[str, str] = {
    "limit": "a number moved by one reported digit",
    "bound": "a bound that is inclusive made exclusive, or the other way round",
    "age": "an age moved by one of its unit",
    "clause": "a clause, a condition or a conditional row left out",
    "evidence": "a clause that speaks for or against a pattern left out",
    "urgency": "an urgency moved by one step",
    "recommendation": "a recommendation that a rule brings left out",
    "withholding": "a recommendation that a rule withholds no longer withheld",
}
# The parts of an analyte's file by what they are.
_PARTS = {
    "intervals": "interval",
    "band_tables": "band",
    "critical": "critical",
    "ctcae": "ctcae",
    "plausibility": "plausibility",
    "reference_change_percent": "change",
}
_FORMS: Mapping[type[schema.Form], str] = {
    schema.PatternRow: "pattern",
    schema.RedFlagRow: "red flag",
    schema.RecommendationRow: "recommendation",
    schema.ContradictionRow: "contradiction",
    schema.GroupRow: "group",
    schema.FindingRow: "finding",
    schema.ComputationsFile: "computation",
    schema.WordingRow: "wording",
    schema.RefusalRow: "wording",
    schema.ChoiceRow: "choice",
    schema.ReleaseFile: "release",
}
# Rows that hold under a condition, or that are themselves one: each is left out.
_CONDITIONAL = (
    schema.LevelRow,
    schema.LowerRow,
    schema.RaiseRow,
    schema.AlsoRow,
    schema.PossibleRow,
    schema.CautionOfPattern,
    schema.ValidityRow,
    schema.TimingRow,
)
_BRING = ("recommend", "recommend_when_refused", "acute_phase_recommend")
_JUDGED_BY_POLICY = "vitamin_d_25oh"
# Asks nothing, so it is TRUE.
_NO_CONDITION = Combination("all", ())


@dataclass(frozen=True, slots=True)
class Mutant:
    """One fault: where it is, what it does in words, and the row as it is and as it would be (None: without it)."""

    kind: str
    part: str
    file: str
    key: str
    words: str
    row: Any
    changed: Any
    way: Way
    # Ids of the rows on the way to the place, the file's first; and the analytes whose results it may touch.
    rules: tuple[str, ...]
    analytes: frozenset[str]
    # Of a limit, its end: a number, or a name such as LLN; by how much it is moved; its unit, and all that its row has.
    end: Decimal | str = ""
    step: Decimal = Decimal(0)
    unit: str = ""
    units: frozenset[str] = frozenset()
    # Of an age: what it was.
    age: AgeLimit | None = None

    @property
    def id(self) -> tuple[str, str, str]:
        """What it is called in a list of survivors."""
        return self.file, self.key, self.words


def mutants(release: Release, rows: Iterable[Formed]) -> list[Mutant]:
    """Every mutant of a release, in the order of its files."""
    rows = tuple(rows)
    found: list[Mutant] = []
    seen: Counter[tuple[str, str]] = Counter()
    for row in rows:
        if not known_here(row):
            continue
        ident = _name_of(row)
        seen[row.file, ident] += 1
        # Findings of several analytes carry one id.
        of_several = f"({seen[row.file, ident]})" if seen[row.file, ident] > 1 else ""
        of_row = _OfRow(release, row, f"{ident}{of_several}")
        found += [*_limits(of_row), *_ages(of_row), *_clauses(of_row), *_urgencies(of_row), *_recommendations(of_row)]
    return found


def _name_of(row: Formed) -> str:
    """What a row is called in its file: its array and id; nothing for a file that is one row."""
    if isinstance(row.form, schema.ContradictionRow):
        return f"contradiction.{row.form.winner}.{row.form.loser}"
    return f"{row.key.partition('[')[0]}.{getattr(row.form, 'id', '')}" if row.key else ""


@dataclass(frozen=True, slots=True)
class _OfRow:
    """A row or file, and how its mutants are made."""

    release: Release
    row: Formed
    ident: str

    @property
    def form(self) -> Any:
        return self.row.form

    def mutant(self, kind: str, way: Way, words: str, changed: object, **more: Any) -> Mutant:
        part = _FORMS.get(type(self.form)) or _PARTS.get(str(way[0]), "analyte")
        if "raises" in way:
            part = "raise"
        rules = tuple(dict.fromkeys((*self.row_ids, *labels(self.form, way))))
        key = ".".join(part for part in (self.ident, written(self.form, way)) if part)
        return Mutant(kind, part, self.row.file, key, words, self.form, changed, way, rules, self._analytes(), **more)

    @property
    def row_ids(self) -> tuple[str, ...]:
        ident = getattr(self.form, "id", "")
        return (ident,) if isinstance(ident, str) and ident else ()

    def _analytes(self) -> frozenset[str]:
        """The analytes whose results it may touch; empty: of any."""
        if isinstance(self.form, schema.AnalyteFile):
            return frozenset((self.form.id,))
        if isinstance(self.form, schema.FindingRow) and self.form.analyte:
            return frozenset((self.form.analyte,))
        if isinstance(self.form, schema.ChoiceRow):
            return frozenset((_JUDGED_BY_POLICY,))
        return frozenset()


# ---------------------------------------------------------------------------------------------- limits


@dataclass(frozen=True, slots=True)
class _End:
    """One end of a limit."""

    way: Way
    side: str

    def of(self, limit: Limit) -> Decimal | str | None:
        return limit.low if self.side == "low" else limit.high


def _limits(of_row: _OfRow) -> Iterator[Mutant]:
    ends: list[_End] = []
    for way, part in parts(of_row.form):
        if isinstance(part, Limit):
            ends += [_End(way, side) for side in ("low", "high") if _End(way, side).of(part) is not None]
        elif _is_figure(of_row.form, way, part):
            yield from _figures(of_row, way, part)
    for end in ends:
        yield from _moved(of_row, [end])
        yield from _flipped(of_row, [end])
    for shared in _shared(of_row, ends):
        yield from _moved(of_row, shared)
        yield from _flipped(of_row, shared)


def _is_figure(form: object, way: Way, part: object) -> bool:
    """Whether a bare number is a limit: of a computation all but the digits it is rounded to, of an analyte one."""
    if isinstance(part, bool | Urgency) or not isinstance(part, int | Decimal):
        return False
    if isinstance(form, schema.ComputationsFile):
        return way[-1] != "digits"
    return isinstance(form, schema.AnalyteFile) and way == ("reference_change_percent",)


def _figures(of_row: _OfRow, way: Way, number: Any) -> Iterator[Mutant]:
    step = 1 if isinstance(number, int) else Decimal(1).scaleb(int(number.as_tuple().exponent))
    for by in (-step, step):
        if number + by > 0:
            changed = with_part(of_row.form, way, number + by)
            yield of_row.mutant("limit", way, f"{number} moved to {number + by}", changed)


def _shared(of_row: _OfRow, ends: Iterable[_End]) -> list[list[_End]]:
    """Edges that neighbours share: where one band or grade ends, the next begins, in one unit of one table."""
    edges: dict[tuple[object, ...], list[_End]] = {}
    for end in ends:
        if (table := _table_of(of_row.form, end.way)) is not None:
            value = end.of(_limit(of_row.form, end.way))
            edges.setdefault((table, _unit_of(end.way), str(value)), []).append(end)
    return [found for found in edges.values() if {end.side for end in found} == {"low", "high"}]


def _table_of(form: object, way: Way) -> Way | None:
    """The table that a limit is one row of."""
    if isinstance(form, schema.AnalyteFile) and "raises" not in way and way[0] in ("band_tables", "ctcae"):
        return way[:2]
    if isinstance(form, schema.ComputationsFile) and "falls" in way:
        return way[:2]
    return None


def _limit(form: object, way: Way) -> Limit:
    limit = part_at(form, way)
    assert isinstance(limit, Limit)
    return limit


def _unit_of(way: Way) -> str:
    """The unit of a limit: a key on the way to it."""
    return next((str(step) for step, under in zip(way[1:], way, strict=False) if under in _BY_UNIT), "")


# Not severely_low, which is no limit of a value but a cut-off that a value may be near: cases beside it tell nothing.
_BY_UNIT = (
    *("limits", "grades", "without_interval", "without_band", "value_alone_within"),
    *("egfr_low", "egfr_kept", "creatinine_high"),
    *("acute_phase_caution", "acute_phase_conditional"),
)


def _moved(of_row: _OfRow, ends: list[_End]) -> Iterator[Mutant]:
    limit = _limit(of_row.form, ends[0].way)
    value = ends[0].of(limit)
    if limit.low == limit.high and ends[0].side == "high" and len(ends) == 1:
        return  # one number written once ("x = 2.5"), moved with its low side
    step = _step(of_row, ends[0].way, value)
    for moved in _neighbours(value, step):
        form = of_row.form
        for end in ends:
            form = with_part(form, end.way, _with_end(_limit(form, end.way), end.side, moved))
        words = f"{_of(limit, ends)} {_shown(value)} moved to {_shown(moved)}"
        yield of_row.mutant("limit", ends[0].way, words, form, **_place_of(of_row.form, ends[0], step))


def _of(limit: Limit, ends: list[_End]) -> str:
    """Which end, in words."""
    if len(ends) > 1:
        return "the edge shared by neighbours,"
    return f"of {limit.text!r} the {'lower' if ends[0].side == 'low' else 'upper'} end"


def _shown(value: object) -> str:
    return plain(value) if isinstance(value, Decimal) else str(value)


def _neighbours(value: Decimal | str | None, step: Decimal) -> list[Decimal | str]:
    """The values one step beside a value; a multiple of ULN moves by one; LLN and ULN do not move here."""
    if isinstance(value, Decimal):
        return [value + by for by in (-step, step) if value + by >= 0]
    times, _, name = str(value).rpartition("*")
    return [f"{int(times) + by}*{name}" for by in (-1, 1)] if times else []


def _step(of_row: _OfRow, way: Way, value: Decimal | str | None) -> Decimal:
    """One in the last digit that the unit is reported with, or that the limit is written with where that is finer."""
    digits = -int(value.as_tuple().exponent) if isinstance(value, Decimal) else 0
    analyte, unit = _analyte_of(of_row, way), _unit_of(way)
    if analyte and unit in (units := of_row.release.analytes[analyte].units):
        digits = max(digits, units[unit].digits)
    return Decimal(1).scaleb(-digits)


def _analyte_of(of_row: _OfRow, way: Way) -> str:
    """The analyte whose values a limit is compared with, where its row names one."""
    rows = [of_row.form, *(part_at(of_row.form, way[: place + 1]) for place in range(len(way)))]
    if isinstance(of_row.form, schema.AnalyteFile):
        return of_row.form.id
    return next((row.analyte for row in reversed(rows) if getattr(row, "analyte", "")), "")


def _with_end(limit: Limit, side: str, value: Decimal | str) -> Limit:
    one_number = limit.low == limit.high
    low = value if side == "low" or one_number else limit.low
    high = value if side == "high" or one_number else limit.high
    return _worded(replace(limit, low=low, high=high))


def _worded(limit: Limit) -> Limit:
    """The limit with the text that says it."""
    low = "" if limit.low is None else f"{_shown(limit.low)} {'<=' if limit.low_inclusive else '<'} "
    high = "" if limit.high is None else f" {'<=' if limit.high_inclusive else '<'} {_shown(limit.high)}"
    return replace(limit, text=f"{low}x{high}")


def _flipped(of_row: _OfRow, ends: list[_End]) -> Iterator[Mutant]:
    limit = _limit(of_row.form, ends[0].way)
    if limit.low == limit.high:
        return  # a single number is met by it or by nothing
    form = of_row.form
    for end in ends:
        inside = _limit(form, end.way)
        flipped = (
            replace(inside, low_inclusive=not inside.low_inclusive)
            if end.side == "low"
            else replace(inside, high_inclusive=not inside.high_inclusive)
        )
        form = with_part(form, end.way, _worded(flipped))
    value = ends[0].of(limit)
    inclusive = limit.low_inclusive if ends[0].side == "low" else limit.high_inclusive
    words = f"{_of(limit, ends)} {_shown(value)} made {'exclusive' if inclusive else 'inclusive'}"
    yield of_row.mutant("bound", ends[0].way, words, form, **_place_of(of_row.form, ends[0], Decimal(0)))


def _place_of(form: object, end: _End, step: Decimal) -> dict[str, Any]:
    """Where on the scale an end is, for finding the cases beside it."""
    keys = [place + 1 for place, name in enumerate(end.way) if name in _BY_UNIT]
    table = part_at(form, end.way[: keys[0]]) if keys else {}
    assert isinstance(table, Mapping)
    value = end.of(_limit(form, end.way))
    assert value is not None
    return {"end": value, "step": step, "unit": _unit_of(end.way), "units": frozenset(table)}


# ---------------------------------------------------------------------------------------------- ages


def _ages(of_row: _OfRow) -> Iterator[Mutant]:
    limits: list[tuple[Way, AgeLimit, Callable[[Any, AgeLimit], Any]]] = []
    for way, part in parts(of_row.form):
        if isinstance(part, AgeLimit):
            limits.append((way, part, lambda _, moved: moved))
        elif isinstance(part, AgeClause):
            if part.begin is not None:
                limits.append((way, part.begin, lambda clause, moved: replace(clause, begin=moved)))
            if part.end is not None:
                limits.append((way, part.end, lambda clause, moved: replace(clause, end=moved)))
    shared: dict[tuple[str, str, AgeLimit], list[Way]] = {}
    for way, limit, move in limits:
        for moved in _ages_beside(limit):
            changed = with_part(of_row.form, way, move(part_at(of_row.form, way), moved))
            yield of_row.mutant("age", way, f"{limit} moved to {moved}", changed, age=limit)
        if way[0] in ("intervals", "band_tables", "critical") and isinstance(part_at(of_row.form, way), AgeLimit):
            row: Any = part_at(of_row.form, way[:2])
            group = getattr(row, "variant", "") or getattr(row, "set", "") or getattr(row, "policy", "")
            shared.setdefault((str(way[0]), group, limit), []).append(way)
    for (_, _, meeting), ways in shared.items():
        for moved in _ages_beside(meeting) if len(ways) > 1 else ():
            form = of_row.form
            for way in ways:
                form = with_part(form, way, moved)
            words = f"{meeting} of {len(ways)} rows that meet there moved to {moved}"
            yield of_row.mutant("age", ways[0], words, form, age=meeting)


def _ages_beside(limit: AgeLimit) -> list[AgeLimit]:
    return [replace(limit, number=limit.number + by) for by in (-1, 1) if limit.number + by > 0]


# ---------------------------------------------------------------------------------------------- clauses


def _clauses(of_row: _OfRow) -> Iterator[Mutant]:
    form = of_row.form
    if isinstance(form, schema.ContradictionRow):
        yield of_row.mutant("withholding", ("loser",), f"{form.loser} stands beside {form.winner}", None)
    for way, part in parts(form):
        if not way:
            continue
        if isinstance(part, Name | AgeClause | Combination):
            yield from _clause(of_row, way, part)
        elif isinstance(part, _CONDITIONAL):
            yield of_row.mutant("clause", way, "the row left out", with_part(form, way, NOTHING))
        elif isinstance(form, schema.FindingRow) and way[0] in ("classes", "bands") and len(way) == 2:
            yield of_row.mutant("clause", way, f"{part} left out", with_part(form, way, NOTHING))


def _clause(of_row: _OfRow, way: Way, part: Name | AgeClause | Combination) -> Iterator[Mutant]:
    form = of_row.form
    kind = "evidence" if way[0] in ("supporting", "against") and isinstance(form, schema.PatternRow) else "clause"
    if isinstance(way[-1], int):
        holder = part_at(form, way[:-1])
        members = holder.parts if isinstance(holder, Combination) else holder
        assert isinstance(members, tuple)
        # Left out with the combination that holds it; and a pattern without a core is no pattern.
        needs_one = isinstance(holder, Combination) or way[0] == "core"
        if len(members) > 1 or not needs_one:
            yield of_row.mutant(kind, way, f"{part} left out", with_part(form, way, NOTHING))
    else:
        holder = part_at(form, way[:-1])
        assert isinstance(holder, schema.Form)
        optional = not schema.is_required(holder, str(way[-1]))
        # The condition of a row that is left out as a whole is left out with it.
        if optional or not isinstance(holder, _CONDITIONAL):
            nothing_asked = None if optional else _NO_CONDITION
            yield of_row.mutant(kind, way, f"{part} left out", with_part(form, way, nothing_asked))


# ---------------------------------------------------------------------------------------------- what rules bring


def _urgencies(of_row: _OfRow) -> Iterator[Mutant]:
    for way, part in parts(of_row.form):
        if isinstance(part, Urgency):
            for number in (part - 1, part + 1):
                if number in Urgency._value2member_map_:
                    moved = Urgency(number)
                    words = f"{part.name} moved to {moved.name}"
                    yield of_row.mutant("urgency", way, words, with_part(of_row.form, way, moved))


def _recommendations(of_row: _OfRow) -> Iterator[Mutant]:
    for way, part in parts(of_row.form):
        if len(way) < 2 or not isinstance(part, str) or not isinstance(way[-1], int):
            continue
        if way[-2] in _BRING:
            yield of_row.mutant("recommendation", way, f"{part} left out", with_part(of_row.form, way, NOTHING))
        elif way[-2] == "withholds":
            yield of_row.mutant("withholding", way, f"{part} left out", with_part(of_row.form, way, NOTHING))
