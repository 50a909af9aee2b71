"""The form of the knowledge files. Frozen; a key that is not here is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import MISSING, field, fields
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any, Literal

from labgloss.domain.report import Urgency
from labgloss.domain.subject import AgeLimit
from labgloss.frozen import dataclass
from labgloss.knowledge.expression import Expression, Limit, parse_age, parse_expression, parse_limit

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema


@dataclass(frozen=True)
class Plain:
    """In an annotation: what makes the value of what a file holds, or raises ValueError, in pydantic's place."""

    read: Callable[[object], object]

    def __get_pydantic_core_schema__(self, _: Any, __: GetCoreSchemaHandler) -> CoreSchema:
        """Asked for by pydantic where it validates, and imported only there."""
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(self.read)


@dataclass(frozen=True)
class Before:
    """In an annotation: what is asked before pydantic itself validates."""

    read: Callable[[object], object]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Asked for by pydantic where it validates, and imported only there."""
        from pydantic_core import core_schema

        return core_schema.no_info_before_validator_function(self.read, handler(source))


class Allowed:
    """In an annotation: what pydantic's Field allows, and it is that where pydantic validates."""

    def __init__(self, **stated: Any) -> None:
        self._stated = stated

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Asked for by pydantic where it validates, and imported only there."""
        from pydantic import Field

        return handler.generate_schema(Annotated[source, Field(**self._stated)])


def _decimal(raw: object) -> Decimal:
    if isinstance(raw, bool) or not isinstance(raw, int | Decimal):
        raise ValueError("a decimal number is needed, written without quotes")
    return Decimal(raw)


def _fraction(raw: object) -> Fraction:
    try:
        factor = Fraction(raw) if isinstance(raw, str) else Fraction(0)
    except (ValueError, ZeroDivisionError):
        factor = Fraction(0)
    if factor <= 0:
        raise ValueError("an exact factor above zero is needed, written as text: '0.001', '1/2'")
    return factor


def _urgency(raw: object) -> Urgency:
    if not isinstance(raw, str) or raw not in Urgency.__members__:
        raise ValueError(f"one of {', '.join(Urgency.__members__)} is needed")
    return Urgency[raw]


# Outermost: asked of what a file holds, and not of what pydantic makes of it.
Positive = Annotated[Decimal, Allowed(gt=0), Before(_decimal)]
Factor = Annotated[Fraction, Plain(_fraction)]
LimitText = Annotated[Limit, Plain(parse_limit)]
AgeText = Annotated[AgeLimit, Plain(parse_age)]
Logic = Annotated[Expression, Plain(parse_expression)]
UrgencyName = Annotated[Urgency, Plain(_urgency)]
Ucum = str
Words = Annotated[str, Allowed(min_length=1)]
# At least one id, or one piece of text.
Some = Annotated[tuple[str, ...], Allowed(min_length=1)]
# By unit.
Limits = dict[Ucum, LimitText]
SomeLimits = Annotated[Limits, Allowed(min_length=1)]
# How far the source of a figure was read; "signed" is a figure of a site, which somebody signed there.
Status = Literal["seen", "unit_seen", "recalled", "computed", "decision", "proposal", "signed"]
Property = Literal["mass", "moles", "activity", "other"]

# Keys that Python has other words for.
_KEYS = {"begin": "from", "end": "to"}


def key_of(name: str) -> str:
    """The key that a field has in a file."""
    return _KEYS.get(name, name)


@dataclass(frozen=True, kw_only=True)
class Form:
    """Base of every form: a plain value, which pydantic validates where a file is read (`validation.py`)."""

    # What pydantic does with a form; no annotation, so that it is no field.
    __pydantic_config__ = {"extra": "forbid", "alias_generator": key_of}  # noqa: RUF012


def field_names(form: Form | type[Form]) -> tuple[str, ...]:
    """The names of the fields of a form, in their order."""
    return tuple([part.name for part in fields(form)])


def items_of(form: Form) -> Iterator[tuple[str, Any]]:
    """The fields of a form and what they hold, in their order."""
    return ((name, getattr(form, name)) for name in field_names(form))


def is_required(form: Form, name: str) -> bool:
    """Whether a file must give this field."""
    (asked,) = (part for part in fields(form) if part.name == name)
    return asked.default is MISSING and asked.default_factory is MISSING


@dataclass(frozen=True, kw_only=True)
class Sourced(Form):
    """Something that a source stands behind: the ids of sources.toml, and how far they were read."""

    source: Some
    status: Status
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class AgeRange(Form):
    """Ages from (inclusive) to (exclusive); an end that is absent is open."""

    begin: AgeText | None = None
    end: AgeText | None = None


_ANY_AGE = AgeRange()


@dataclass(frozen=True, kw_only=True)
class Population(Form):
    """Whom a row is for; what is absent is everybody."""

    age: AgeRange = _ANY_AGE
    sex: Literal["female", "male"] | None = None
    pregnancy: tuple[Literal["none", "trimester_1", "trimester_2", "trimester_3"], ...] = ()
    preterm: bool | None = None
    specimen: tuple[Literal["serum", "plasma"], ...] = ()


@dataclass(frozen=True, kw_only=True)
class ReleaseFile(Form):
    """release.toml."""

    version: str
    title: str
    released: date
    review_by: date
    intended_use: str
    # TRUE for a patient whom the rules were not validated for: caution outside_validated_scope (SP, scope).
    outside_validated_scope: Logic


@dataclass(frozen=True, kw_only=True)
class SourceRow(Form):
    """A row of sources.toml."""

    id: str
    citation: str
    tier: Literal["A", "B", "C", ""] = ""
    read: str = ""


@dataclass(frozen=True, kw_only=True)
class UnitRow(Form):
    """A row of units.toml: a UCUM unit, its dimension, its scale to the dimension's base unit, spellings in feeds."""

    ucum: Ucum
    dimension: str
    scale: Factor
    spellings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class CodeRow(Form):
    """A LOINC code of an analyte."""

    loinc: str
    name: str
    property: Property
    specimen: str
    unit: Ucum = ""
    # Makes the result this analyte instead (a component code), or names the moiety (urea nitrogen) of its mass unit.
    molar_mass: Positive | None = None
    # Says with every result what is doubtful about the code.
    issue: str = ""
    # A condition of the patient that the code itself states, TRUE while a result with it counts (after dialysis).
    condition: str = ""
    status: Status
    source: Some


@dataclass(frozen=True, kw_only=True)
class UnitOfAnalyte(Form):
    """A unit that an analyte is accepted in."""

    ucum: Ucum
    property: Property
    # Decimal places for display, and for rounding a computed value.
    digits: Annotated[int, Allowed(ge=0, le=4)]
    # Limits are written in it; a value in it is compared without conversion.
    native: bool = False
    # Accepted only when one of the result's codes names the molar mass (urea or urea nitrogen in mg/dL).
    needs_code: bool = False


@dataclass(frozen=True, kw_only=True)
class PlausibilityRow(Sourced):
    """A condition on the value, in each unit, that refuses it (hard) or raises an issue."""

    kind: Literal["hard", "verify", "unit_suspect"]
    limits: SomeLimits
    # Does not apply while this holds.
    unless: Logic | None = None
    # Does not apply to a bound (a value with a comparator).
    measured_only: bool = False


@dataclass(frozen=True, kw_only=True)
class IntervalRow(Sourced, Population):
    """A reference interval: the values inside it, in each unit that the source gives."""

    id: str
    variant: str = "default"
    limits: SomeLimits


@dataclass(frozen=True, kw_only=True)
class RaiseRow(Form):
    """A condition that raises the urgency of a band: on logic, on the value, or both."""

    urgency: UrgencyName
    when: Logic | None = None
    limits: Limits = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class AlsoRow(Form):
    """Recommendations that a band brings under a condition."""

    recommend: Some
    when: Logic


@dataclass(frozen=True, kw_only=True)
class LowerRow(Form):
    """What lowers an urgency to its own while it holds (DEC-02), and the caution that says so."""

    urgency: UrgencyName
    when: Logic
    caution: str = ""


@dataclass(frozen=True, kw_only=True)
class BandRow(Sourced):
    """A band: its values in each unit, its side, what it brings."""

    band: str
    side: Literal["low", "normal", "high", "indeterminate"]
    limits: SomeLimits
    # A value inside the interval in force is normal, although it lies in this band (DEC-49).
    yields_to_interval: bool = False
    # Default urgency, minimum recommendations (vocabulary.md 4.2).
    urgency: UrgencyName
    recommend: tuple[str, ...] = ()
    raises: tuple[RaiseRow, ...] = ()
    lowers: tuple[LowerRow, ...] = ()
    also: tuple[AlsoRow, ...] = ()
    # Counts for the red flag VALUE_ALONE, at the urgency of the row.
    value_alone: bool = False
    # The values of the band that count so, where not all of them do (RF11 lists sodium from 160, inside severe_high).
    value_alone_within: Limits = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class BandTable(Population):
    """The bands of an analyte for one population, context or policy; together they cover every value."""

    id: str
    # Needed to be TRUE for the table to apply; the table without it applies otherwise.
    when: Logic | None = None
    # Vitamin D policy that it belongs to.
    policy: str = ""
    bands: Annotated[tuple[BandRow, ...], Allowed(min_length=1)]


@dataclass(frozen=True, kw_only=True)
class CriticalRow(Sourced, Population):
    """A critical limit, in each unit."""

    id: str
    set: str = "default"
    side: Literal["low", "high"]
    limits: SomeLimits
    # Meant to reach into a default interval of some patient, whose value is then critical and not normal (DEC-87).
    overrules_interval: bool = False
    # Applies only while this is TRUE / is not TRUE.
    when: Logic | None = None
    unless: Logic | None = None


@dataclass(frozen=True, kw_only=True)
class CtcaeRow(Sourced):
    """CTCAE grades of one term, in the units that CTCAE gives."""

    term: str
    side: Literal["low", "high"]
    grades: Annotated[dict[Ucum, dict[Literal["1", "2", "3", "4"], LimitText]], Allowed(min_length=1)]
    # Grades that the number alone cannot tell from the next: caution ctcae_grade_needs_symptoms.
    needs_symptoms: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class FindingsOfAnalyte(Form):
    """Finding ids that the class of an analyte makes."""

    low: str = ""
    high: str = ""
    indeterminate: str = ""


_NO_FINDINGS = FindingsOfAnalyte()


@dataclass(frozen=True, kw_only=True)
class AnalyteFile(Form):
    """analytes/ID.toml: everything about one analyte."""

    id: str
    name: str
    symbol: str = ""
    role: Literal["primary", "supporting", "computed", "never_read"]
    # Why a never_read analyte is refused, and what to ask for instead.
    note: str = ""
    recommend_when_refused: tuple[str, ...] = ()
    molar_mass: Positive | None = None
    charge: Annotated[int, Allowed(ge=0, le=3)] = 0
    # Measured in the order in which one counts (calcium); equal ids share findings and one primary entry.
    family: str = ""
    family_rank: int = 0
    # A blank unit is accepted (pH, ratios, indices: DEC-82).
    unit_may_be_blank: bool = False
    # Additives that make the tube unsuitable: codes of HL7 table 0371, and words (in small letters) in free text.
    unsuitable_additives: tuple[str, ...] = ()
    # Percent of the previous value beyond which a change is real.
    reference_change_percent: Positive | None = None
    # A refused implausible value may have been critical (DEC-13).
    implausible_may_be_critical: bool = False
    codes: tuple[CodeRow, ...] = ()
    units: tuple[UnitOfAnalyte, ...] = ()
    plausibility: tuple[PlausibilityRow, ...] = ()
    intervals: tuple[IntervalRow, ...] = ()
    band_tables: tuple[BandTable, ...] = ()
    critical: tuple[CriticalRow, ...] = ()
    ctcae: tuple[CtcaeRow, ...] = ()
    findings: FindingsOfAnalyte = _NO_FINDINGS


@dataclass(frozen=True, kw_only=True)
class FindingRow(Sourced):
    """A finding with a limit of its own, made by logic over other names, or computed from several results."""

    id: str
    analyte: str = ""
    text: str
    limits: Limits = field(default_factory=dict)
    # Limits for a result that has no interval, where `limits` are multiples of its ULN.
    without_interval: Limits = field(default_factory=dict)
    # Computed by the engine, by the figures of computations.toml.
    computed: bool = False
    # Computed from results of several times: a rise, a fall, an acute injury, a repeat.
    over_time: bool = False
    # A result in a unit that these do not convert to leaves it UNKNOWN (a spot urine, a 24 h urine).
    only_in_these_units: bool = False
    # Limits for a result whose policy has none of the bands.
    without_band: Limits = field(default_factory=dict)
    # In a list of findings where it is TRUE; else a limit that only rules read.
    shown: bool = True
    # Only while the class of the analyte is one of these.
    classes: tuple[Literal["low", "normal", "high"], ...] = ()
    # A calcium that is shown beside the primary one makes it as well.
    beside_primary: bool = False
    bands: tuple[str, ...] = ()
    when: Logic | None = None
    unless: Logic | None = None


@dataclass(frozen=True, kw_only=True)
class SymptomCode(Form):
    """A code of a symptom."""

    system: Literal["icd10cm", "snomed"]
    code: str
    nearest: bool = False


@dataclass(frozen=True, kw_only=True)
class SymptomRow(Form):
    """A row of symptoms.toml."""

    id: str
    display: str
    synonyms: Some
    # Words that mean it only where nothing else is said in their clause ("feels low", not "low back pain").
    alone: tuple[str, ...] = ()
    # Synonyms of another symptom that may mean this one as well: both are kept ("weak").
    may_mean: tuple[str, ...] = ()
    # Words that hold a synonym and mean something else ("period cramps").
    other_meanings: tuple[str, ...] = ()
    # It counts although it is past ("kidney stone, now or past").
    past_counts: bool = False
    codes: tuple[SymptomCode, ...] = ()
    source: Some
    status: Status


@dataclass(frozen=True, kw_only=True)
class AssociationRow(Form):
    """A row of the association matrix: how strongly findings, and patterns as "pattern.ID", account for a symptom."""

    symptom: str
    characteristic: tuple[str, ...] = ()
    supportive: tuple[str, ...] = ()
    non_specific: tuple[str, ...] = ()
    argues_against: tuple[str, ...] = ()
    source: Some
    status: Status


@dataclass(frozen=True, kw_only=True)
class ContextRow(Form):
    """A row of conditions.toml or medications.toml: an id, its meaning, the words it is recognised by."""

    id: str
    display: str
    words: tuple[str, ...] = ()
    # Words that hold one of them and mean something else ("diabetes insipidus").
    other_meanings: tuple[str, ...] = ()
    # It is only what lies so many days back at most; a text that says when it was is read for that.
    within_days: Annotated[int, Allowed(gt=0)] | None = None
    # Words that name it only where a text says when it was ("parathyroidectomy 5 days ago").
    dated: tuple[str, ...] = ()
    # Ids that it implies.
    implies: tuple[str, ...] = ()
    # Words among them that also deny every symptom ("no symptoms", for recorded_well).
    denies_symptoms: tuple[str, ...] = ()
    source: Some
    status: Status


TextKind = Literal["symptom", "condition", "medication"]


@dataclass(frozen=True, kw_only=True)
class QualifierRow(Form):
    """A row of qualifiers.toml: words that name nothing of their own in texts of these kinds."""

    id: str
    of: Annotated[tuple[TextKind, ...], Allowed(min_length=1)]
    words: Some
    source: Some
    status: Status


@dataclass(frozen=True, kw_only=True)
class GroupRow(Form):
    """A named group: TRUE when any member is."""

    id: str
    # As it stands within a sentence.
    title: Words
    members: Annotated[tuple[Logic, ...], Allowed(min_length=1)]
    source: Some
    status: Status


@dataclass(frozen=True, kw_only=True)
class LevelRow(Form):
    """An urgency that a pattern or red flag takes while its condition holds; the highest counts."""

    urgency: UrgencyName
    when: Logic


@dataclass(frozen=True, kw_only=True)
class BringRow(Form):
    """Recommendations that a pattern or red flag brings, always or under a condition."""

    recommend: Some
    when: Logic | None = None
    # Asked for although the test is in the panel: to follow it.
    serial: bool = False


@dataclass(frozen=True, kw_only=True)
class CautionOfPattern(Form):
    """A caution that a pattern puts on the results of these analytes that count."""

    caution: str
    analytes: Some
    when: Logic | None = None


@dataclass(frozen=True, kw_only=True)
class PossibleRow(Form):
    """What a pattern brings while it is only possible, under a condition; without such a row it brings nothing."""

    when: Logic
    urgency: UrgencyName
    recommend: tuple[str, ...] = ()
    cautions: tuple[CautionOfPattern, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RefusesRow(Form):
    """What a matched pattern refuses in the specimen: results of these analytes, or of all."""

    refusal: str
    analytes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SaysMissingRow(Form):
    """Results of which a pattern that is not met says which are missing or not usable, under a condition."""

    analytes: Some
    when: Logic


@dataclass(frozen=True, kw_only=True)
class PatternRow(Sourced):
    """A pattern over findings, symptoms, conditions and medications. It holds no number."""

    id: str
    number: str = ""
    # SP 0.6: 0 sample validity, 2 combined patterns, 4 normal panel and other causes.
    tier: Literal[0, 2, 4] = 2
    # "specimen": looked for in each specimen by itself, before values are used; its logic reads specimen.NAME.
    scope: Literal["panel", "specimen"] = "panel"
    title: str
    text: str
    core: Annotated[tuple[Logic, ...], Allowed(min_length=1)]
    required: tuple[Logic, ...] = ()
    excluding: tuple[Logic, ...] = ()
    # Makes it POSSIBLE where it is not MATCHED, in the place of the rule of SP 0.2.
    possible_when: Logic | None = None
    # It is neither matched nor possible without all of these results, and says which it lacks (SP 3, P60).
    says_missing: SaysMissingRow | None = None
    # Make it more, or less, likely; neither decides.
    supporting: tuple[Logic, ...] = ()
    against: tuple[Logic, ...] = ()
    urgency: UrgencyName
    levels: tuple[LevelRow, ...] = ()
    lowers: tuple[LowerRow, ...] = ()
    # Analytes or families (calcium) whose results lend it at least their own urgency.
    urgency_of: tuple[str, ...] = ()
    recommend: tuple[BringRow, ...] = ()
    possible: tuple[PossibleRow, ...] = ()
    refuses: RefusesRow | None = None
    # Analytes whose high value of that specimen it makes unreliable without refusing it.
    unreliable_high: tuple[str, ...] = ()
    # EMERGENCY of the results that it makes unreliable is SAME_DAY while the patient is recorded well and no symptom
    # makes a red flag (DEC-02, DEC-11).
    lowered_when_well: bool = False
    cautions: tuple[CautionOfPattern, ...] = ()
    # Recommendations that it withholds, with the reason.
    withholds: tuple[str, ...] = ()
    withholds_reason: str = ""
    explains: tuple[str, ...] = ()
    # Patterns that it is shown in place of; and those of which only POSSIBLE entries are not shown beside it.
    replaces: tuple[str, ...] = ()
    absorbs: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RedFlagRow(Sourced):
    """A red flag: urgencies by condition, the highest that holds counts."""

    id: str
    number: str
    # As it stands in a list within a sentence.
    title: str
    text: str
    # On values alone: made by bands with value_alone, not by levels.
    value_only: bool = False
    # Analytes whose unreliable value holds the flag until the repeat (SP 4, rule 4).
    held_by: tuple[str, ...] = ()
    # Nothing is interpreted beside it in the summary: only its own words stand there.
    stops_text: bool = False
    levels: tuple[LevelRow, ...] = ()
    recommend: tuple[BringRow, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RecommendationRow(Sourced):
    """A recommendation, and what makes it unnecessary or contradicts it."""

    id: str
    kind: Literal["sample", "contact", "test", "ecg", "review", "consider", "refer", "safety"]
    text: str
    codes: tuple[str, ...] = ()
    # Left out when one of these analytes is in the panel, final and reliable.
    satisfied_by: tuple[str, ...] = ()
    # Brought by itself while this is TRUE, at the urgency of the results of these analytes or families.
    when: Logic | None = None
    urgency_of: tuple[str, ...] = ()
    # Given only while this is not FALSE (a review of a recorded drug).
    needs: Logic | None = None
    # Withheld while this is TRUE, with the reason.
    withheld_when: Logic | None = None
    withheld_reason: str = ""
    # Given in its place while it is withheld.
    instead: str = ""
    # Turned into the other by the overall urgency: REPEAT_SAMPLE_NOW and REPEAT_SAMPLE_ROUTINE.
    when_same_day: str = ""
    when_later: str = ""
    # Its words from an urgency on, where those of `text` would be too slow.
    text_same_day: str = ""
    text_emergency: str = ""
    # As urgent as the report, whatever brought it.
    as_overall: bool = False
    safety_conditions: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ContradictionRow(Sourced):
    """Recommendations that never stand together; the winner stays."""

    winner: str
    loser: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class NeverRow(Sourced):
    """What must never be given while a fact holds: proved over every panel by `knowledge lint`."""

    recommendation: str
    when: Logic
    reason: str


@dataclass(frozen=True, kw_only=True)
class WordingRow(Form):
    """The words of a caution, an issue or a refusal; {braces} hold what the engine fills in."""

    id: str
    text: str
    # What it brings wherever it stands.
    recommend: tuple[str, ...] = ()
    # Asked for although the test is in the panel: to repeat it.
    serial: bool = False
    # How soon what it brings is asked for, where that is sooner than the urgency of the result.
    recommend_urgency: UrgencyName = Urgency.NONE
    urgency: UrgencyName = Urgency.NONE
    source: Some


@dataclass(frozen=True, kw_only=True)
class RefusalRow(Form):
    """A refusal reason: its words, and what it brings."""

    id: str
    # As it stands in a list within a sentence.
    title: Words
    text: str
    mend: str
    # Urgency where the refused number may have been critical, and otherwise.
    urgency_if_possible_critical: UrgencyName
    urgency: UrgencyName
    recommend: tuple[str, ...] = ()
    source: Some


@dataclass(frozen=True, kw_only=True)
class UrgencyRow(Form):
    """An urgency: its words, time frame and contact line."""

    id: UrgencyName
    text: str
    time_frame: str
    contact: str = ""


@dataclass(frozen=True, kw_only=True)
class ChoiceRow(Form):
    """A vitamin D policy, critical-limit set or interval variant that a request may choose."""

    id: str
    title: str
    source: Some
    status: Status
    # Whom it speaks for: chosen for anybody else, the default is used and the report says so.
    age: AgeRange = _ANY_AGE
    when: Logic | None = None
    # Default policy of these ages.
    default_for: AgeRange | None = None
    # Caution that comes with every result judged by it.
    caution: str = ""
    # Has no bands of its own: the default policy's are used.
    wording_only: bool = False


@dataclass(frozen=True, kw_only=True)
class AdjustmentFormula(Form):
    """adjusted = total + slope x (intercept - albumin), rounded half-up to so many digits."""

    total_unit: Ucum
    albumin_unit: Ucum
    slope: Positive
    intercept: Positive
    digits: int


@dataclass(frozen=True, kw_only=True)
class ValidityRow(Sourced):
    """A state in which the albumin adjustment may not be trusted: a value of an analyte, an age, or logic."""

    id: str
    analyte: str = ""
    limits: Limits = field(default_factory=dict)
    age: AgeRange = _ANY_AGE
    when: Logic | None = None
    text: str


@dataclass(frozen=True, kw_only=True)
class AdjustmentForm(Sourced):
    """Albumin adjustment of calcium."""

    id: str
    formulas: tuple[AdjustmentFormula, ...]
    # Never adjusted below this age.
    from_age: AgeText
    # Results of other draws than the same are put together only when fewer hours lie between them.
    combine_within_hours: int
    not_valid: tuple[ValidityRow, ...]
    low_confidence: tuple[ValidityRow, ...]
    # Urgency of a calcium whose two views lie on different sides: when neither, or either, is beyond a mild band.
    indeterminate_urgency: UrgencyName
    indeterminate_urgency_severe: UrgencyName
    mild_bands: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class HaemolysisForm(Sourced):
    """What haemolysis does to a potassium."""

    id: str
    # Fall of the true potassium below the measured one, in mmol/L for each g/L of free haemoglobin.
    potassium_slope: Positive
    # Urgency of a result whose low may be masked, while how low it may be is not known.
    masked_urgency: UrgencyName
    words: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class AkiForm(Sourced):
    """Acute kidney injury from creatinine."""

    id: str
    ratio: Positive
    ratio_baseline_days: int
    ratio_median_days: int
    rise: dict[Ucum, Positive]
    rise_hours: int


@dataclass(frozen=True, kw_only=True)
class FastRiseForm(Sourced):
    """A potassium that rises fast."""

    id: str
    rise: dict[Ucum, Positive]
    within_hours: int


@dataclass(frozen=True, kw_only=True)
class FiltrationForm(Sourced):
    """An eGFR and a creatinine of one time that contradict each other: either pair of limits, at these ages."""

    id: str
    age: AgeRange
    # Too low for a creatinine that is not high by its interval.
    egfr_low: SomeLimits
    # Too high for a creatinine within creatinine_high.
    egfr_kept: SomeLimits
    creatinine_high: SomeLimits


@dataclass(frozen=True, kw_only=True)
class PairedForm(Sourced):
    """Potassium in serum and in plasma or whole blood of one time."""

    id: str
    gap: dict[Ucum, Positive]


@dataclass(frozen=True, kw_only=True)
class FallRow(Form):
    """A fall in percent of the value before feeding, and the finding that it makes."""

    finding: str
    percent: LimitText


@dataclass(frozen=True, kw_only=True)
class RefeedingForm(Sourced):
    """Falls of phosphate, potassium and magnesium after feeding was restarted."""

    id: str
    analytes: tuple[str, ...]
    when: Logic
    falls: tuple[FallRow, ...]


@dataclass(frozen=True, kw_only=True)
class RatioForm(Sourced):
    """Urea to creatinine, by the unit of the urea: moles to moles, or urea nitrogen to creatinine by mass."""

    id: str
    high: dict[Literal["moles", "mass"], LimitText]
    # A molar ratio here is neither: the two cut-offs are not equivalent.
    open: LimitText


@dataclass(frozen=True, kw_only=True)
class IonisedAtPhForm(Sourced):
    """Ionised calcium at pH 7.40 = measured x 10^(-slope x (7.40 - pH)), between these pH."""

    id: str
    slope: Positive
    target: Positive
    valid: LimitText


@dataclass(frozen=True, kw_only=True)
class DelayForm(Sourced):
    """What says that a specimen was separated late or kept cold: words of its comments, transport or conditions."""

    id: str
    words: tuple[str, ...]
    # Beyond so many hours before separation, or below so many degrees Celsius, where the words give a figure.
    hours: LimitText
    celsius: LimitText
    pneumatic_words: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class TimingRow(Sourced):
    """A fact about time: how long ago one of these symptoms began or how long it has lasted, or since when one of these
    medications is taken. TRUE for one that is in a range; UNKNOWN while none is and some time was not sent."""

    id: str
    # As it stands within a sentence.
    title: Words
    symptoms: tuple[str, ...] = ()
    medications: tuple[str, ...] = ()
    lasting: AgeRange


@dataclass(frozen=True, kw_only=True)
class WindowRow(Form):
    """For how many hours a result of these analytes or families may be put together with others."""

    analytes: Some
    hours: Annotated[int, Allowed(gt=0)]


@dataclass(frozen=True, kw_only=True)
class WindowsForm(Sourced):
    """Results that lie further apart are not combined by a pattern (SP 3)."""

    id: str
    windows: tuple[WindowRow, ...]


@dataclass(frozen=True, kw_only=True)
class PregnancyForm(Sourced):
    """Ages at which a pregnancy is admissible when it is unknown."""

    id: str
    age: AgeRange


@dataclass(frozen=True, kw_only=True)
class VitaminDForm(Sourced):
    """Vitamin D: nearness to a cut-off, the acute phase, the infant epimer."""

    id: str
    near_cut_off_percent: Positive
    severely_low: Limits
    acute_phase_caution: Limits
    acute_phase_conditional: Limits
    # TRUE where a low result stands although the acute phase is high (DEC-54).
    acute_phase_unless: Logic
    acute_phase_urgency: UrgencyName
    acute_phase_recommend: tuple[str, ...]
    epimer_age: AgeRange


@dataclass(frozen=True, kw_only=True)
class SpecimenForm(Sourced):
    """Codes of HL7 tables 0490 and 0493 that decide about a specimen."""

    id: str
    reject_reasons: tuple[str, ...]
    haemolysed_conditions: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ComputationsFile(Form):
    """computations.toml: every number that a computation uses."""

    albumin_adjustment: AdjustmentForm
    haemolysis: HaemolysisForm
    aki: AkiForm
    pregnancy: PregnancyForm
    vitamin_d: VitaminDForm
    specimen: SpecimenForm
    fast_rise: FastRiseForm
    filtration: FiltrationForm
    paired: PairedForm
    refeeding: RefeedingForm
    urea_creatinine: RatioForm
    ionised_at_ph: IonisedAtPhForm
    delay: DelayForm
    combining: WindowsForm
    timing: tuple[TimingRow, ...] = ()
