"""What changes when a figure or rule moves: what lies on either side of a limit, which rules then hold more or less."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from labgloss.domain.report import Urgency
from labgloss.knowledge import schema
from labgloss.knowledge.expression import Limit, Name
from labgloss.knowledge.release import Analyte, Release, urgencies_of_values
from labgloss.knowledge.stated import Stated
from labgloss.proofs.saying import end_words
from labgloss.proofs.uses import LOWERED, Use, Uses, names_of, names_of_class, urgencies_of_pattern

_FLAGS = {"low": "L", "normal": "N", "high": "H", "indeterminate": "IND"}
# What each computation makes: findings, or classes of analytes ("calcium_adjusted.").
_MADE: Mapping[str, tuple[str, ...]] = {
    "albumin_adjustment": ("calcium_adjusted.",),
    "haemolysis": ("potassium.", "magnesium."),
    "aki": ("AKI",),
    "pregnancy": (),
    "vitamin_d": ("vitamin_d_25oh.", "VITD_SEVERELY_LOW"),
    "specimen": (),
    "fast_rise": ("K_RISE_FAST",),
    "filtration": (),
    "paired": ("K_SERUM_PLASMA_GAP", "K_PLASMA_SERUM_GAP"),
    "refeeding": ("REFEEDING_FALL_MILD", "REFEEDING_FALL_MODERATE", "REFEEDING_FALL_SEVERE"),
    "urea_creatinine": ("UREA_CREAT_RATIO_HIGH",),
    "ionised_at_ph": ("CA_IONISED_PH74_NORMAL",),
    "delay": (),
    "combining": (),
}
_MOVED: Mapping[str, str] = {
    "albumin_adjustment": "The computed adjusted calcium moves, and with it its class, band and critical. Where the "
    "adjustment is not valid or less certain, the report says so, and ionised calcium is asked for.",
    "haemolysis": "A smaller slope calls fewer potassiums of haemolysed specimens indeterminate: a low one may then be "
    "read as normal. A larger slope leaves more of them open.",
    "aki": "Smaller rises, or longer times, find acute kidney injury more often; potassium is critical from a lower "
    "value with it.",
    "pregnancy": "At ages outside, a woman whose pregnancy is not known is judged as not pregnant; inside, by every "
    "trimester that she may be in.",
    "vitamin_d": "Wider windows of C-reactive protein leave more low results open; a wider nearness puts a caution on "
    "more results.",
    "specimen": "A code that is taken off no longer refuses a rejected specimen, or no longer calls it haemolysed.",
    "fast_rise": "A smaller rise, or a longer time, finds a fast rise more often.",
    "filtration": "Wider limits call more pairs of eGFR and creatinine contradictory; nothing else moves.",
    "paired": "A smaller gap lets a paired specimen settle more high potassiums as artefacts; a larger one leaves them "
    "high.",
    "refeeding": "Lower percentages find falls after feeding more often, and call them more severe.",
    "urea_creatinine": "A lower cut-off finds a raised ratio more often.",
    "ionised_at_ph": "A steeper slope moves the ionised calcium at pH 7.40 further from the measured one.",
    "delay": "Shorter times, higher temperatures or more words call more specimens delayed: a high potassium is then "
    "called possibly an artefact, and keeps its band and its critical.",
    "combining": "Longer windows put results of different times together in more patterns; shorter ones in fewer.",
}


def names_made(release: Release, item: Stated) -> tuple[Name, ...]:
    """The names that an item makes, or takes part in making, for the rules that read them."""
    row = item.row
    analyte = release.analytes.get(item.analyte)
    match row:
        case schema.IntervalRow() if analyte is not None:
            return (*names_of_class(analyte), *_by_interval(release, analyte))
        case schema.BandRow() if analyte is not None:
            return Name("band", f"{analyte.id}.{row.band}"), *names_of_class(analyte, row.side)
        case schema.CriticalRow() as row:
            return (Name("critical_limit", row.id),)
        case schema.PlausibilityRow():
            return (_PLAUSIBILITY[row.kind],)
        case schema.FindingRow():
            return names_of("finding", row.id)
        case schema.CodeRow():
            return (Name("condition", row.condition),) if row.condition else ()
        case schema.ContextRow():
            return (Name(item.kind, row.id),)
        case schema.SymptomRow() | schema.GroupRow() | schema.PatternRow() | schema.RedFlagRow():
            return names_of(item.kind, row.id)
        case schema.RecommendationRow() | schema.WordingRow() | schema.RefusalRow():
            return (Name(item.kind, row.id),)
        case schema.ChoiceRow():
            return tuple(_by_choice(release, item.choice, row.id))
        case schema.TimingRow():
            return (Name("timing", row.id),)
        case schema.ValidityRow():
            return (Name("class", "calcium_adjusted.low"), Name("class", "calcium_adjusted.high"))
        case _:
            return _of_computation(release, item) if item.kind == "computation" else ()


def _by_choice(release: Release, choice: str, ident: str) -> Iterator[Name]:
    """What the limits of a policy, a set or a variant make."""
    for analyte in release.analytes.values():
        if choice == "intervals" and ident in analyte.intervals:
            yield from names_of_class(analyte)
        if choice == "critical_limits":
            yield from (Name("critical_limit", row.id) for row in analyte.critical.get(ident, ()))
        for table in analyte.form.band_tables:
            if choice == "vitamin_d_policy" and table.policy == ident:
                yield from (Name("band", f"{analyte.id}.{band.band}") for band in table.bands)


_PLAUSIBILITY: Mapping[str, Name] = {
    "hard": Name("refusal", "value_implausible"),
    "verify": Name("issue", "value_to_verify"),
    "unit_suspect": Name("issue", "unit_suspect"),
}


def _by_interval(release: Release, analyte: Analyte) -> Iterator[Name]:
    """Bands and findings whose limits are ends of the interval in force."""
    for band in _bands_at_interval(analyte):
        yield Name("band", f"{analyte.id}.{band.band}")
    for ident, rows in release.findings.items():
        if any(row.analyte == analyte.id and _needs_interval(row.limits) for row in rows):
            yield from names_of("finding", ident)


def _bands_at_interval(analyte: Analyte) -> Iterator[schema.BandRow]:
    for table in analyte.form.band_tables:
        yield from (band for band in table.bands if _needs_interval(band.limits))


def _needs_interval(limits: Mapping[str, Limit]) -> bool:
    return any(limit.needs_interval for limit in limits.values())


def _of_computation(release: Release, item: Stated) -> tuple[Name, ...]:
    found: list[Name] = []
    for made in _MADE.get(_field_of(release, item), ()):
        ident = made.removesuffix(".")
        found += names_of_class(release.analytes[ident]) if made.endswith(".") else names_of("finding", ident)
    return tuple(found)


def _field_of(release: Release, item: Stated) -> str:
    """The name of a computation's form, such as "aki"."""
    forms = schema.field_names(schema.ComputationsFile)
    return next((name for name in forms if getattr(release.computations, name) is item.row), "")


def own_urgencies(release: Release, item: Stated) -> frozenset[Urgency]:
    """The urgencies that an item brings by itself, before any rule reads it."""
    analyte = release.analytes.get(item.analyte)
    match item.row:
        case schema.BandRow() as row:
            return frozenset((row.urgency, *(raised.urgency for raised in row.raises)))
        case schema.IntervalRow() if analyte is not None:
            return frozenset(band.urgency for band in _bands_at_interval(analyte))
        case schema.CriticalRow():
            return frozenset((Urgency.SAME_DAY,))
        case schema.PlausibilityRow() as row:
            return _urgencies_of_words(release, _PLAUSIBILITY[row.kind])
        case schema.PatternRow() as row:
            return urgencies_of_pattern(row) | _of_results(release, row)
        case schema.RedFlagRow() as row:
            levels = frozenset(level.urgency for level in row.levels)
            return urgencies_of_values(release) if row.value_only else levels
        case schema.RefusalRow() as row:
            return frozenset((row.urgency, row.urgency_if_possible_critical))
        case schema.WordingRow() as row:
            return frozenset((row.urgency,))
        case _:
            return frozenset()


def _of_results(release: Release, row: schema.PatternRow) -> frozenset[Urgency]:
    """The urgencies that the results which a pattern speaks of can lend it."""
    speaks_of = {*row.urgency_of, *row.unreliable_high, *(row.refuses.analytes if row.refuses else ())}
    return frozenset(
        band.urgency
        for analyte in release.analytes.values()
        if {analyte.id, analyte.family} & speaks_of or (row.refuses is not None and not row.refuses.analytes)
        for table in analyte.form.band_tables
        for band in table.bands
    )


def _urgencies_of_words(release: Release, name: Name) -> frozenset[Urgency]:
    """The urgencies that a refusal or an issue brings."""
    if name.kind == "issue":
        return frozenset((release.issues[name.id].urgency,))
    row = release.refusals[name.id]
    return frozenset((row.urgency, row.urgency_if_possible_critical))


# ---------------------------------------------------------------------------------------------- what changes


def moving(release: Release, uses: Uses, item: Stated) -> list[str]:
    """What changes when an item moves, one thing a line, in Markdown; at least one line."""
    lines = list(dict.fromkeys(line for line in _of_row(release, item) if line))
    lines += _more_or_less(uses.reaching(names_made(release, item))) if item.kind in _TRUTHS else []
    return lines or ["Nothing that a rule reads: its words stand in reports as they are here."]


# Kinds whose items are true or not, so that moving them makes rules hold more or less often.
_TRUTHS = frozenset({"finding", "group", "symptom", "condition", "medication", "computation"})


def _of_row(release: Release, item: Stated) -> Iterator[str]:
    analyte = release.analytes.get(item.analyte)
    match item.row:
        case schema.IntervalRow() as row if analyte is not None:
            yield from _interval(analyte, row)
        case schema.BandRow() as row if analyte is not None:
            yield from _band(analyte, item, row)
        case schema.CriticalRow() as row if analyte is not None:
            yield from _critical(analyte, row)
        case schema.PlausibilityRow() as row:
            yield from _plausibility(row, analyte)
        case schema.CtcaeRow():
            yield "Another grade is shown as information; it drives no class, band, urgency or advice."
        case schema.CodeRow():
            yield "Taken off: a result with the code alone is not recognised. Wrong: another quantity is judged."
        case schema.AnalyteFile() as row:
            yield from _figures_of_analyte(row)
        case schema.FindingRow() as row:
            if row.limits or row.without_interval or row.without_band:
                yield "Inside its limits it is true, outside false; without a value that counts it is unknown."
        case schema.GroupRow():
            yield "A member taken off: the group is true less often. One added: more often."
        case schema.PatternRow() as row:
            yield from _pattern(row)
        case schema.RedFlagRow() as row:
            yield from _red_flag(row)
        case schema.RecommendationRow() as row:
            yield from _recommendation(row)
        case schema.ContradictionRow() as row:
            yield f"Taken off: both may be given in one report. Turned round: `{row.loser}` stays instead."
        case schema.NeverRow() as row:
            yield f"Dropped: a rule that gives `{row.recommendation}` there is no longer found by the proofs of lint."
        case schema.ChoiceRow():
            yield "Results are judged by other limits wherever it is chosen, or is the default."
        case schema.ReleaseFile():
            yield "Another patient gets the caution `outside_validated_scope`; no class, urgency or advice changes."
        case schema.AssociationRow():
            yield "The symptom counts as explained by other findings, or as not explained; no urgency changes."
        case schema.SymptomRow() | schema.ContextRow():
            yield "A word taken off: a text that says it so is not recognised, and stays unknown."
            yield "A word added: a text that means something else may count as it."
        case _:
            yield from _rest(release, item)


def _rest(release: Release, item: Stated) -> Iterator[str]:
    match item.row:
        case schema.RefusalRow() as row:
            lower = min(row.urgency, row.urgency_if_possible_critical)
            yield f"Another urgency moves the report's, which is at least {lower.name} with it; no value is judged."
        case schema.WordingRow() as row:
            yield (
                "Other words stand in the report." if not row.recommend else "Other words, or other steps, stand there."
            )
        case schema.UrgencyRow() as row:
            yield f"Every report of urgency {row.id.name} gets other words, time frame or contact line."
        case schema.ValidityRow():
            yield "A wider state withholds trust in the adjustment more often: more calciums are judged in two views."
        case schema.TimingRow():
            yield "A longer range is true more often."
        case _:
            yield _MOVED.get(_field_of(release, item), "")


def _interval(analyte: Analyte, row: schema.IntervalRow) -> Iterator[str]:
    findings = analyte.form.findings
    for unit, limit in row.limits.items():
        for end, inclusive, side, finding in (
            (limit.low, limit.low_inclusive, "low", findings.low),
            (limit.high, limit.high_inclusive, "high", findings.high),
        ):
            if end is None:
                continue
            beyond = "below" if side == "low" else "above"
            at = f"{'itself inside' if inclusive else 'itself outside'}"
            made = f", finding `{finding}`" if finding else ""
            bands = ", ".join(dict.fromkeys(_side(band) for band in _bands_at_interval(analyte) if band.side == side))
            band_words = f", {bands}" if bands else ""
            outward = "down" if side == "low" else "up"
            yield (
                f"At {_at(end, unit)} ({at}): {beyond} it class {side}, flag {_FLAGS[side]}{made}{band_words}; "
                f"on the other side class normal, flag N. Moved {outward}: values that are {side} are called normal."
            )


def _band(analyte: Analyte, item: Stated, row: schema.BandRow) -> Iterator[str]:
    assert item.table is not None
    bands = item.table.bands
    place = bands.index(row)
    below = bands[place - 1] if place else None
    above = bands[place + 1] if place + 1 < len(bands) else None
    for unit, limit in row.limits.items():
        for end, other, away, toward in (
            (limit.low, below, "up", "down"),
            (limit.high, above, "down", "up"),
        ):
            if end is None or other is None:
                continue
            where = "below" if other is below else "beyond"
            yield (
                f"At {_at(end, unit)}: {where} it {_side(other)}, on this side {_side(row)}"
                f"{_critical_at(analyte, unit, end)}. Moved {away}, values leave it for {_gain(row, other)}; moved "
                f"{toward}, they enter it from there."
            )
    for raised in row.raises:
        if raised.limits:
            yield f"The limit within it: beyond it {raised.urgency.name}, before it {row.urgency.name}."
    if row.value_alone_within:
        yield "The limit of what counts alone: beyond it the red flag of values alone, before it only the band."


def _at(end: Decimal | str, unit: str) -> str:
    """An end with its unit; an end of the interval in force is the same in every unit."""
    return end_words(end) if isinstance(end, str) else f"{end_words(end)} {unit}"


def _side(row: schema.BandRow) -> str:
    return f"`{row.band}` (class {row.side}, {row.urgency.name})"


def _gain(row: schema.BandRow, other: schema.BandRow) -> str:
    """The band that values go to, and whether urgency is lost on the way."""
    if other.urgency < row.urgency:
        return f"`{other.band}` and lose {row.urgency.name}"
    return f"`{other.band}` and gain {other.urgency.name}" if other.urgency > row.urgency else f"`{other.band}`"


def _critical_at(analyte: Analyte, unit: str, end: Decimal | str) -> str:
    found = [
        row.id
        for row in analyte.form.critical
        if isinstance(end, Decimal) and unit in row.limits and end in row.limits[unit].numbers
    ]
    return f"; critical limits at the same number: {', '.join(f'`{ident}`' for ident in found)}" if found else ""


def _critical(analyte: Analyte, row: schema.CriticalRow) -> Iterator[str]:
    flag = _FLAGS[row.side] * 2
    for unit, limit in row.limits.items():
        for number in limit.numbers:
            there = [
                band
                for table in analyte.form.band_tables
                for band in table.bands
                if unit in band.limits and not band.limits[unit].needs_interval and number in band.limits[unit].span()
            ]
            bands = ", ".join(dict.fromkeys(_side(band) for band in there))
            where = f" There: {bands}." if bands else ""
            yield (
                f"At {_at(number, unit)}: beyond it critical `yes`, flag {flag}, at least SAME_DAY and a "
                f"telephone call; on the other side not critical by this limit.{where} Moved away from the interval, "
                f"values in between lose the call."
            )
    yield f"A value beyond it is {row.side} even inside the interval in force."
    if row.set == "default":
        yield "It holds in every report: no chosen set takes it away."


def _plausibility(row: schema.PlausibilityRow, analyte: Analyte | None) -> Iterator[str]:
    if row.kind == "hard":
        critical = analyte is not None and analyte.form.implausible_may_be_critical
        said = "; it counts as possibly critical then" if critical else ""
        yield f"Inside the limit a value is refused as implausible{said}; outside it is judged."
        yield "Wider: real extreme values are refused. Narrower: values that no patient has are judged."
    elif row.kind == "verify":
        yield "Inside the limit the issue `value_to_verify` is raised; class, band and critical stay."
    else:
        yield "Inside the limit the issue `unit_suspect` is raised; class, band and critical stay."
        yield "Narrower: a value in a wrong unit goes without the warning."


def _figures_of_analyte(row: schema.AnalyteFile) -> Iterator[str]:
    if row.molar_mass is not None or row.charge:
        yield "Another mass or charge moves every value that is converted between units."
    if row.reference_change_percent is not None:
        yield (
            "A smaller percentage calls more changes real; it moves no class or band. A rule that asks for a result "
            "unchanged from the one before then holds less often, and a known target lowers less."
        )
    if row.unsuitable_additives:
        yield "A tube taken off the list: its results are judged instead of refused."
    if row.implausible_may_be_critical:
        yield "Without it, a refused implausible value brings no telephone call."
    if row.unit_may_be_blank:
        yield "Without it, a result without a unit is refused."


def _pattern(row: schema.PatternRow) -> Iterator[str]:
    for part in ("core", "required"):
        for clause in getattr(row, part):
            yield f"{part.capitalize()} `{clause}` dropped, or made easier to meet: it matches more."
    for clause in row.excluding:
        yield f"Excluding `{clause}` dropped: it matches more, where that holds."
    if row.possible_when is not None:
        yield "Its condition for possible, made harder to meet: it is missing where it is only possible."
    if row.supporting or row.against:
        yield "Supporting and against: the evidence shown changes, and nothing else."
    urgencies = sorted(urgencies_of_pattern(row), reverse=True)
    yield f"More matches: more reports at {_urgencies(urgencies)}, with its advice. Fewer: they lose it."
    if row.refuses is not None:
        yield "More matches also refuse more results, whose critical stays possible."
    if row.withholds:
        yield "More matches also withhold more advice; fewer give what it withholds."


def _red_flag(row: schema.RedFlagRow) -> Iterator[str]:
    for level in row.levels:
        name = level.urgency.name
        yield f"Level {name} made harder to meet: reports lose {name}; easier: they gain it."


def _recommendation(row: schema.RecommendationRow) -> Iterator[str]:
    yield "Other words stand in every report that gives it."
    if row.satisfied_by:
        yield "Another test that makes it unnecessary: it is left out, or given, where that is in the panel."
    if row.needs is not None:
        yield "Its need dropped: it is given also where it cannot apply."
    if row.withheld_when is not None:
        yield "Its ground for withholding dropped: it is given where it may do harm."
    if row.safety_conditions:
        yield "A safety condition dropped: it is given without that warning."


def _more_or_less(found: Iterable[Use]) -> list[str]:
    """Which rules hold more, and which less, when what they read holds more often."""
    groups: dict[tuple[int, str], dict[str, None]] = {}
    for use in found:
        if use.decides and (verb := _verb(use)):
            groups.setdefault((use.sign, verb), {}).setdefault(use.id)
    lines = []
    for sign, words in ((1, "more"), (-1, "less"), (0, "more or less")):
        for (of_sign, verb), rules in groups.items():
            if of_sign == sign:
                lines.append(f"Holding more often, {verb} {words}: {', '.join(f'`{ident}`' for ident in rules)}.")
    return lines


def _verb(use: Use) -> str:
    """What a rule does when a part of it holds; empty where the part decides nothing of it."""
    if use.part == LOWERED:
        return f"these {use.kind}s are lowered"
    if use.part.startswith(("brings", "also brings", "caution")):
        return "these add that advice"
    return _VERBS.get((use.kind, use.part.partition(" ")[0])) or _VERBS.get((use.kind, ""), "")


# By kind and the first word of the part; "": any other part.
_VERBS: Mapping[tuple[str, str], str] = {
    ("pattern", "core"): "these patterns match",
    ("pattern", "required"): "these patterns match",
    ("pattern", "excluding"): "these patterns match",
    ("pattern", "possible"): "these patterns are possible",
    ("pattern", "level"): "these patterns take that level of urgency",
    ("pattern", "urgency"): "these patterns take that urgency while possible",
    ("red_flag", ""): "these red flags are raised",
    ("recommendation", ""): "these recommendations are given",
    ("band", "raised"): "these bands take that urgency",
    ("band", "table"): "these bands apply",
    ("critical_limit", ""): "these critical limits apply",
    ("plausibility", ""): "these plausibility limits apply",
    ("choice", ""): "these choices apply",
    ("computation", ""): "these computations apply",
    ("caution", ""): "these cautions are given",
}


def _urgencies(urgencies: Iterable[Urgency]) -> str:
    return " or ".join(urgency.name for urgency in urgencies)
