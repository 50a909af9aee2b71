"""What the engine answers: the interpretation of one panel, with its basis."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from decimal import Decimal
from fractions import Fraction

from labgloss.domain.closed import Closed, Ranked
from labgloss.domain.quantity import Quantity, Span
from labgloss.domain.truth import Truth
from labgloss.frozen import dataclass


class Urgency(Ranked):
    """How soon; a higher number is more urgent."""

    NONE = 1
    ROUTINE = 2
    PROMPT = 3
    SAME_DAY = 4
    EMERGENCY = 5


class ResultState(Closed):
    """How far a result was judged."""

    INTERPRETED = "interpreted"
    CONDITIONAL = "conditional"
    REFUSED = "refused"
    NOT_RECOGNISED = "not_recognised"


class ResultClass(Closed):
    """Where a value lies against the interval or policy in force."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    INDETERMINATE = "indeterminate"


class Critical(Ranked):
    """Whether a value lies beyond a critical limit; a higher number is worse."""

    NO = 1
    POSSIBLE = 2
    YES = 3


class RefusalReason(Closed):
    """Why a result has no verdict, in the order in which the first that holds is given."""

    NO_VALUE = "no_value"
    CODE_INVALID = "code_invalid"
    WRONG_ANALYTE = "wrong_analyte"
    VALUE_NOT_NUMERIC = "value_not_numeric"
    UNIT_MISSING = "unit_missing"
    UNIT_NOT_ACCEPTED = "unit_not_accepted"
    UNIT_CONFLICT = "unit_conflict"
    EDTA_CONTAMINATION = "edta_contamination"
    DRIP_ARM_CONTAMINATION = "drip_arm_contamination"
    VALUE_IMPLAUSIBLE = "value_implausible"
    HAEMOLYSIS = "haemolysis"
    ASSAY_INTERFERENCE = "assay_interference"
    SPECIMEN_UNSUITABLE = "specimen_unsuitable"
    SPECIMEN_REJECTED = "specimen_rejected"
    SUPERSEDED_BY_PAIRED_SPECIMEN = "superseded_by_paired_specimen"


class IntervalOrigin(Closed):
    """Whose interval gave the class."""

    LABORATORY = "laboratory"
    DEFAULT = "default"
    VARIANT = "variant"
    OVERLAY = "overlay"
    POLICY = "policy"


class Governed(Closed):
    """Who governed where two statements differ."""

    LABORATORY = "laboratory"
    RELEASE = "release"


class PatternState(Closed):
    """Whether a pattern is met."""

    MATCHED = "MATCHED"
    POSSIBLE = "POSSIBLE"


class SymptomOutcome(Closed):
    """How a symptom ends."""

    EXPLAINED = "explained"
    NOT_EXPLAINED = "not_explained"
    DENIED = "denied"
    UNRECOGNISED = "unrecognised"


class Strength(Closed):
    """How strongly a finding accounts for a symptom."""

    CHARACTERISTIC = "characteristic"
    SUPPORTIVE = "supportive"
    NON_SPECIFIC = "non_specific"
    AGAINST = "against"


@dataclass(frozen=True, slots=True)
class IntervalInForce:
    """An interval that was in force for one admissible partition, in the unit compared."""

    span: Span
    unit: str
    origin: IntervalOrigin
    applies_to: str
    rule_id: str
    status: str
    source_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """A value as read: in its own unit, and in the unit it was compared in."""

    quantity: Quantity
    compared: Quantity
    factor: Fraction
    digits: int
    other: Quantity | None = None
    other_digits: int = 0


@dataclass(frozen=True, slots=True)
class Statement:
    """An id and what it says in words: a caution, for instance."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """The laboratory and this service differ."""

    kind: str
    laboratory: str
    release: str
    governed: Governed
    text: str


@dataclass(frozen=True, slots=True)
class Trend:
    """Change of an analyte against the previous result of its series."""

    previous_id: str
    previous_index: int
    previous_value: Decimal
    previous_collected: str
    change: Decimal
    change_percent: Decimal | None
    hours: Decimal | None
    exceeds_reference_change: bool | None
    text: str


@dataclass(frozen=True, slots=True)
class ResultInterpretation:
    """The reading of one result; `index` is None for an entry that the service computed."""

    id: str
    analyte: str
    index: int | None
    state: ResultState
    result_class: ResultClass
    possible_classes: tuple[ResultClass, ...]
    flag: str
    critical: Critical
    urgency: Urgency
    computed_from: tuple[int, ...] = ()
    earlier: bool = False
    refusal_reason: RefusalReason | None = None
    reading: Reading | None = None
    intervals: tuple[IntervalInForce, ...] = ()
    band: str = ""
    bands: tuple[str, ...] = ()
    ctcae_grade: int | None = None
    cautions: tuple[Statement, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    trend: Trend | None = None
    missing: tuple[str, ...] = ()
    explanation: str = ""
    rule_ids: tuple[str, ...] = ()
    source_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """A named fact about an analyte or the panel, TRUE or UNKNOWN."""

    id: str
    analyte: str
    band: str
    truth: Truth
    results: tuple[int, ...]
    text: str
    rule_id: str
    explained_by: tuple[str, ...] = ()
    unreliable_because: str = ""


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause of a rule, and what it came to."""

    expression: str
    truth: Truth
    text: str


@dataclass(frozen=True, slots=True)
class Pattern:
    """What findings, symptoms and context mean together."""

    id: str
    number: str
    state: PatternState
    urgency: Urgency
    title: str
    text: str
    evidence_for: tuple[Clause, ...]
    evidence_against: tuple[Clause, ...]
    missing: tuple[Clause, ...]
    explains: tuple[str, ...]
    suppresses: tuple[str, ...]
    source_ids: tuple[str, ...]
    status: str
    # Of one that is possible: which lists leave it open, as it stands behind "since"; empty: something else does.
    open_since: str = ""
    # As of a TraceStep.
    of_release: bool = field(default=False, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Association:
    """A finding, or a matched pattern, that accounts for a symptom."""

    finding_id: str
    strength: Strength
    source_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SymptomInterpretation:
    """The reading of one symptom, or of one complaint of several that a text holds."""

    index: int
    symptom_ids: tuple[str, ...]
    outcome: SymptomOutcome
    associations: tuple[Association, ...]
    text: str
    # The words that it speaks of, as they were sent; empty: the whole symptom.
    part: str = ""


@dataclass(frozen=True, slots=True)
class RecognisedItem:
    """A condition or medication as recognised; no ids when it was not."""

    index: int
    as_sent: str
    ids: tuple[str, ...]
    # The words of it that were not recognised, as they were sent.
    not_recognised: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RedFlag:
    """What raises the urgency whatever the band."""

    id: str
    number: str
    urgency: Urgency
    held: bool
    text: str
    evidence: tuple[Clause, ...]
    source_ids: tuple[str, ...]
    status: str


@dataclass(frozen=True, slots=True)
class Recommendation:
    """A follow-up step for a clinician to consider."""

    id: str
    kind: str
    urgency: Urgency
    time_frame: str
    text: str
    codes: tuple[str, ...]
    because: tuple[str, ...]
    safety_conditions: tuple[str, ...]
    rule_ids: tuple[str, ...]
    source_ids: tuple[str, ...]
    status: str


@dataclass(frozen=True, slots=True)
class WithheldRecommendation:
    """A step that one rule would have brought and another withheld."""

    id: str
    withheld_by: str
    reason: str
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DataQualityIssue:
    """Something wrong with the data."""

    id: str
    results: tuple[int, ...]
    field: str
    text: str


@dataclass(frozen=True, slots=True)
class ChoiceInForce:
    """A policy or set that was in force."""

    name: str
    value: str
    chosen_by: str
    text: str


@dataclass(frozen=True, slots=True)
class TraceStep:
    """One limit compared or one rule evaluated."""

    step: str
    rule_id: str
    expression: str
    truth: Truth
    outcome: str
    source_ids: tuple[str, ...] = ()
    status: str = ""
    # Made once of a release, with nothing of a panel in it: what is made of it may be kept beside it.
    of_release: bool = field(default=False, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Traced:
    """Steps of a trace one after the other that are about one result, by its position; None: about the panel."""

    result: int | None
    steps: tuple[TraceStep, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """The interpretation of one panel. Every list is ordered; nothing in it depends on time or chance."""

    panel_id: str
    urgency: Urgency
    summary: str
    results: tuple[ResultInterpretation, ...] = ()
    findings: tuple[Finding, ...] = ()
    patterns: tuple[Pattern, ...] = ()
    symptoms: tuple[SymptomInterpretation, ...] = ()
    conditions: tuple[RecognisedItem, ...] = ()
    medications: tuple[RecognisedItem, ...] = ()
    red_flags: tuple[RedFlag, ...] = ()
    recommendations: tuple[Recommendation, ...] = ()
    withheld_recommendations: tuple[WithheldRecommendation, ...] = ()
    issues: tuple[DataQualityIssue, ...] = ()
    choices: tuple[ChoiceInForce, ...] = ()
    trace: tuple[Traced, ...] = field(default=())

    @property
    def steps(self) -> Iterator[TraceStep]:
        """Every step of the trace, in its order."""
        return (step for traced in self.trace for step in traced.steps)
