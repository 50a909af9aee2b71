"""What a figure or rule says, in words, for somebody who signs it and reads no knowledge files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from labgloss.domain.quantity import plain
from labgloss.engine.select import whom
from labgloss.engine.words import figure_in_words, in_words
from labgloss.knowledge import schema
from labgloss.knowledge.expression import LLN, ULN, Expression, Limit
from labgloss.knowledge.release import Release
from labgloss.knowledge.stated import Stated

_TIMES = f"*{ULN}"
_NO_FIGURES = frozenset({"id", "source", "status", "note", "not_valid", "low_confidence"})


def saying(release: Release, item: Stated) -> list[str]:
    """What an item says, one thing a line, in Markdown; at least one line."""
    return [line for line in _lines(release, item) if line]


def _lines(release: Release, item: Stated) -> Iterator[str]:
    match item.row:
        case schema.IntervalRow() as row:
            yield f"Reference interval, variant `{row.variant}`, for: {whom(row)}."
            yield _limits(row.limits)
        case schema.BandRow() as row:
            yield from _band(release, item, row)
        case schema.CriticalRow() as row:
            yield f"Critical when {row.side}, set `{row.set}`, for: {whom(row)}."
            yield _limits(row.limits)
            yield from _conditions(release, row.when, row.unless)
            if row.overrules_interval:
                yield "It is meant to reach into a reference interval of some patient, whose value is critical then."
        case schema.PlausibilityRow() as row:
            yield _PLAUSIBILITY[row.kind]
            yield _limits(row.limits)
            yield from _conditions(release, None, row.unless)
            yield "Of measurements only, not of bounds." if row.measured_only else ""
        case schema.CtcaeRow() as row:
            yield f"CTCAE grades of {row.term}, from the number alone."
            for unit, grades in row.grades.items():
                yield from (f"Grade {name}: {limit_words(limit)} {unit}." for name, limit in grades.items())
        case schema.CodeRow() as row:
            unit = f", customarily in {row.unit}" if row.unit else ""
            yield f"LOINC {row.loinc} is read as {item.analyte}: {row.name} ({row.property}, {row.specimen}{unit})."
            yield row.issue
        case schema.AnalyteFile() as row:
            yield from _figures_of_analyte(row)
        case schema.FindingRow() as row:
            yield from _finding(release, row)
        case schema.PatternRow() as row:
            yield from _pattern(release, row)
        case schema.RedFlagRow() as row:
            yield row.text
            yield "Made by the bands that count alone." if row.value_only else ""
            for level in row.levels:
                yield f"{level.urgency.name} while {_logic(release, level.when)}."
            yield f"Held while only an unreliable {' and '.join(row.held_by)} makes it." if row.held_by else ""
            yield from _brings(release, row.recommend)
        case schema.GroupRow() as row:
            yield "True when any of these is:"
            yield from (f"- {_logic(release, member)}" for member in row.members)
        case schema.RecommendationRow() as row:
            yield from _recommendation(release, row)
        case schema.ContradictionRow() as row:
            yield f"`{row.winner}` and `{row.loser}` never stand together: `{row.winner}` stays. {row.reason}"
        case schema.NeverRow() as row:
            yield f"`{row.recommendation}` is never given while {_logic(release, row.when)}: {row.reason}."
        case schema.ChoiceRow() as row:
            yield from _choice(release, item.choice, row)
        case schema.ReleaseFile() as row:
            scope = _logic(release, row.outside_validated_scope)
            yield f"A patient is outside what the rules were validated for while {scope}."
        case schema.AssociationRow() as row:
            for part in ("characteristic", "supportive", "non_specific", "argues_against"):
                cells = getattr(row, part)
                yield f"{part.replace('_', ' ').capitalize()}: {_ids(cells)}." if cells else ""
        case schema.SymptomRow() | schema.ContextRow() as row:
            yield from _vocabulary(row)
        case _:
            yield from _rest(release, item)


_PLAUSIBILITY: Mapping[str, str] = {
    "hard": "A value here is refused as implausible.",
    "verify": "A value here is judged and shown, with the request to verify it.",
    "unit_suspect": "A value here is judged and shown, with the suspicion that its unit is wrong.",
}


def _band(release: Release, item: Stated, row: schema.BandRow) -> Iterator[str]:
    table = item.table
    assert table is not None
    policy = f", policy `{table.policy}`" if table.policy else ""
    yield f"Band `{row.band}` (class {row.side}){policy}, for: {whom(table)}."
    yield _limits(row.limits)
    if table.when is not None:
        yield f"Its table applies while {_logic(release, table.when)}."
    if row.yields_to_interval:
        yield "A value inside the reference interval in force is normal instead."
    yield f"Urgency {row.urgency.name}."
    for raised in row.raises:
        reasons = [_limits(raised.limits)] if raised.limits else []
        reasons += [_logic(release, raised.when)] if raised.when is not None else []
        yield f"{raised.urgency.name} while {' and '.join(reason.rstrip('.') for reason in reasons)}."
    for lower in row.lowers:
        yield f"Lowered to {lower.urgency.name} while {_logic(release, lower.when)}."
    yield f"Brings {_ids(row.recommend)}." if row.recommend else ""
    for also in row.also:
        yield f"Brings {_ids(also.recommend)} while {_logic(release, also.when)}."
    within = f" Of it, only: {_limits(row.value_alone_within)}" if row.value_alone_within else ""
    yield f"Counts for the red flag of values alone.{within}" if row.value_alone else ""


def _figures_of_analyte(row: schema.AnalyteFile) -> Iterator[str]:
    if row.molar_mass is not None:
        yield f"Molar mass {plain(row.molar_mass)} g/mol."
    yield f"Charge {row.charge}." if row.charge else ""
    if row.reference_change_percent is not None:
        yield f"A change above {plain(row.reference_change_percent)} percent of the previous value is called real."
    if row.unsuitable_additives:
        yield f"Not to be measured from tubes with {', '.join(row.unsuitable_additives)}."
    if row.implausible_may_be_critical:
        yield "A refused implausible value may have been critical."
    yield "A blank unit is accepted." if row.unit_may_be_blank else ""


def _finding(release: Release, row: schema.FindingRow) -> Iterator[str]:
    yield row.text
    of = f" of {row.analyte}" if row.analyte else ""
    yield f"True for a value{of}: {_limits(row.limits)}" if row.limits else ""
    yield f"Without a reference interval: {_limits(row.without_interval)}" if row.without_interval else ""
    yield f"Where the policy has none of the bands: {_limits(row.without_band)}" if row.without_band else ""
    yield f"Only while the class is {' or '.join(row.classes)}." if row.classes else ""
    yield "Also of a result that is shown beside the primary one." if row.beside_primary else ""
    yield f"Only in the bands {_ids(row.bands)}." if row.bands else ""
    yield "Computed from several results; its figures stand under Computations." if row.computed else ""
    yield from _conditions(release, row.when, row.unless)


def _pattern(release: Release, row: schema.PatternRow) -> Iterator[str]:
    yield f"{row.title}. {row.text}"
    for part in ("core", "required", "excluding", "supporting", "against"):
        expressions: Sequence[Expression] = getattr(row, part)
        if expressions:
            yield f"{part.capitalize()}:"
            yield from (f"- {_logic(release, expression)}" for expression in expressions)
    if row.possible_when is not None:
        yield f"Possible, where it is not matched, while {_logic(release, row.possible_when)}."
    if row.says_missing is not None:
        which = f"which of {_ids(row.says_missing.analytes)} is missing or not usable"
        yield f"Where it is not met, says {which} while {_logic(release, row.says_missing.when)}."
    yield f"Urgency {row.urgency.name}."
    for level in row.levels:
        yield f"{level.urgency.name} while {_logic(release, level.when)}."
    for lower in row.lowers:
        yield f"Lowered to {lower.urgency.name} while {_logic(release, lower.when)}."
    yield f"At least the urgency of the results of {_ids(row.urgency_of)}." if row.urgency_of else ""
    yield from _brings(release, row.recommend)
    for possible in row.possible:
        steps = f" and {_ids(possible.recommend)}" if possible.recommend else ""
        yield f"While it is only possible: {possible.urgency.name}{steps} while {_logic(release, possible.when)}."
    if row.refuses is not None:
        whose = _ids(row.refuses.analytes) if row.refuses.analytes else "every result"
        yield f"Refuses {whose} of the specimen (`{row.refuses.refusal}`)."
    yield f"Makes a high {_ids(row.unreliable_high)} of the specimen unreliable." if row.unreliable_high else ""
    yield "EMERGENCY becomes SAME_DAY in a patient recorded well." if row.lowered_when_well else ""
    yield f"Withholds {_ids(row.withholds)}: {row.withholds_reason}" if row.withholds else ""
    yield f"Shown in the place of {_ids(row.replaces)}." if row.replaces else ""
    yield f"Shown in the place of what is only possible of {_ids(row.absorbs)}." if row.absorbs else ""


def _recommendation(release: Release, row: schema.RecommendationRow) -> Iterator[str]:
    yield f"Kind {row.kind}. Its words: {row.text}"
    yield f"Codes to order: {', '.join(row.codes)}." if row.codes else ""
    if row.when is not None:
        yield f"Given while {_logic(release, row.when)}."
    yield (
        f"Left out where one of these is in the panel, final and reliable: {_ids(row.satisfied_by)}."
        if (row.satisfied_by)
        else ""
    )
    if row.needs is not None:
        yield f"Left out where this is known to be false: {_logic(release, row.needs)}."
    if row.withheld_when is not None:
        yield f"Withheld while {_logic(release, row.withheld_when)}: {row.withheld_reason}"
    yield f"In its place then: `{row.instead}`." if row.instead else ""
    yield f"At SAME_DAY and above it becomes `{row.when_same_day}`." if row.when_same_day else ""
    yield f"Below SAME_DAY it becomes `{row.when_later}`." if row.when_later else ""
    yield f"Stands under: {' '.join(row.safety_conditions)}" if row.safety_conditions else ""


def _choice(release: Release, name: str, row: schema.ChoiceRow) -> Iterator[str]:
    yield f"Choice of {name.replace('_', ' ')}: {row.title}."
    if row.age.begin or row.age.end:
        yield f"Speaks for: {_ages(row.age)}."
    if row.when is not None:
        yield f"Speaks for a patient while {_logic(release, row.when)}."
    yield f"Default for: {_ages(row.default_for)}." if row.default_for is not None else ""
    yield f"Comes with the caution `{row.caution}`." if row.caution else ""
    yield "Has no bands of its own; the default policy's are used." if row.wording_only else ""


def _vocabulary(row: schema.SymptomRow | schema.ContextRow) -> Iterator[str]:
    yield f"{row.display}."
    words = row.synonyms if isinstance(row, schema.SymptomRow) else row.words
    yield f"Recognised by: {', '.join(words)}." if words else "Recognised by its id alone."
    if isinstance(row, schema.SymptomRow):
        yield f"Standing alone also by: {', '.join(row.alone)}." if row.alone else ""
        yield f"May also be meant by: {', '.join(row.may_mean)}." if row.may_mean else ""
        codes = ", ".join(f"{code.system} {code.code}{' (nearest)' if code.nearest else ''}" for code in row.codes)
        yield f"Codes: {codes}." if codes else ""
        yield "Counts although it is past." if row.past_counts else ""
    else:
        yield f"With a stated time also by: {', '.join(row.dated)}." if row.dated else ""
        yield f"Meant of the last {row.within_days} days." if row.within_days else ""
        yield f"Implies {_ids(row.implies)}." if row.implies else ""
        yield f"Denies every symptom: {', '.join(row.denies_symptoms)}." if row.denies_symptoms else ""
    yield f"Not meant by: {', '.join(row.other_meanings)}." if row.other_meanings else ""


def _rest(release: Release, item: Stated) -> Iterator[str]:
    match item.row:
        case schema.RefusalRow() as row:
            yield f"{row.text} {row.mend}"
            yield f"Urgency {row.urgency.name}; {row.urgency_if_possible_critical.name} where it may be critical."
            yield f"Brings {_ids(row.recommend)}." if row.recommend else ""
        case schema.WordingRow() as row:
            yield row.text
            yield f"Urgency {row.urgency.name}." if row.urgency else ""
            yield f"Brings {_ids(row.recommend)}." if row.recommend else ""
        case schema.UrgencyRow() as row:
            yield f"{row.text} Time frame: {row.time_frame}."
            yield f"Contact line: `{row.contact}`." if row.contact else ""
        case schema.ValidityRow() as row:
            yield f"{row.text[:1].upper()}{row.text[1:]}."
            yield f"{row.analyte}: {_limits(row.limits)}" if row.limits else ""
            yield from _conditions(release, row.when, None)
        case _:
            for key, value in schema.items_of(item.row):
                if key not in _NO_FIGURES and (words := figure_in_words(value)):
                    yield f"{key.replace('_', ' ').capitalize()}: {words}."


def _conditions(release: Release, when: Expression | None, unless: Expression | None) -> Iterator[str]:
    if when is not None:
        yield f"Only while {_logic(release, when)}."
    if unless is not None:
        yield f"Not while {_logic(release, unless)}."


def _brings(release: Release, rows: Sequence[schema.BringRow]) -> Iterator[str]:
    for row in rows:
        when = f" while {_logic(release, row.when)}" if row.when is not None else ""
        serial = ", although the test is in the panel" if row.serial else ""
        yield f"Brings {_ids(row.recommend)}{when}{serial}."


def _logic(release: Release, expression: Expression) -> str:
    """An expression in words, and in the names that it is traced by."""
    return f"{in_words(expression, release)} (`{expression}`)"


def _ids(idents: Sequence[str]) -> str:
    return ", ".join(f"`{ident}`" for ident in idents)


def _ages(ages: schema.AgeRange) -> str:
    if ages.begin and ages.end:
        return f"from {ages.begin} to under {ages.end}"
    return f"from {ages.begin}" if ages.begin else f"under {ages.end}"


def _limits(limits: Mapping[str, Limit]) -> str:
    """A limit in each of its units, as one sentence."""
    return f"{'; '.join(f'{limit_words(limit)} {unit}'.rstrip() for unit, limit in limits.items())}."


def limit_words(limit: Limit) -> str:
    """A limit in words: "above 0.40 to below 0.50", "from 1.5 up to 2.6", "below the lower end of the interval"."""
    if limit.low is not None and limit.low == limit.high:
        return f"exactly {end_words(limit.low)}"
    low = "" if limit.low is None else f"{'from' if limit.low_inclusive else 'above'} {end_words(limit.low)}"
    below = "to below" if limit.low is not None else "below"
    high = "" if limit.high is None else f"{'up to' if limit.high_inclusive else below} {end_words(limit.high)}"
    return " ".join(filter(None, (low, high)))


def end_words(end: Decimal | str) -> str:
    """An end of a limit: a number, or the end of the interval in force that it stands for."""
    if isinstance(end, Decimal):
        return plain(end)
    if end == LLN:
        return "the lower end of the interval"
    times = end.removesuffix(_TIMES) if end.endswith(_TIMES) else ""
    return f"{times} times the upper end of the interval" if times else "the upper end of the interval"
