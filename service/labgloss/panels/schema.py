"""The form of a panel file, the same in TOML and JSON. Frozen; a key that is not here is refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    model_validator,
)

from labgloss.hl7.characters import encoding_named
from labgloss.hl7.sites import zone_of


@dataclass(frozen=True, slots=True)
class WrittenNumber:
    """A number of a file with the digits that were written; only a clinical value may be one."""

    text: str


def _value_text(raw: object) -> object:
    if isinstance(raw, WrittenNumber):
        return raw.text
    return str(raw) if isinstance(raw, int) and not isinstance(raw, bool) else raw


def _day_text(raw: object) -> object:
    if isinstance(raw, datetime):
        raise ValueError("a date is needed, without a time")
    return raw.isoformat() if isinstance(raw, date) else raw


def _moment_text(raw: object) -> object:
    if isinstance(raw, datetime) and raw.tzinfo is None:
        raise ValueError("a time needs its offset from UTC, such as 2026-01-15T08:30:00+01:00")
    return raw.isoformat() if isinstance(raw, date) else raw


def _at_least_one(panels: tuple[object, ...]) -> tuple[object, ...]:
    # A minimum length would count the faultless panels only, and so blame a file whose panels are all faulty.
    if not panels:
        raise ValueError("at least one is needed")
    return panels


Text = Annotated[str, Strict()]
# What an int32 of the message holds; the service says which of them it takes.
Whole = Annotated[int, Strict(), Field(ge=-(2**31), lt=2**31)]
Truth = Annotated[bool, Strict()]
Value = Annotated[Text, BeforeValidator(_value_text)]
Day = Annotated[Text, BeforeValidator(_day_text)]
Moment = Annotated[Text, BeforeValidator(_moment_text)]

SexName = Literal["female", "male", "unknown"]
ComparatorSign = Literal["<", "<=", ">=", ">"]
StatusName = Literal["registered", "preliminary", "final", "corrected", "amended", "cancelled", "entered_in_error"]
KindName = Literal["serum", "plasma", "whole_blood", "capillary", "venous", "arterial", "urine"]
HaemolysisName = Literal["none", "slight", "moderate", "gross"]
UrgencyName = Literal["EMERGENCY", "SAME_DAY", "PROMPT", "ROUTINE", "NONE"]
StateName = Literal["interpreted", "conditional", "refused", "not_recognised"]
ClassName = Literal["low", "normal", "high", "indeterminate"]
FlagName = Literal["L", "H", "N", "LL", "HH", "IND"]
CriticalName = Literal["yes", "no", "possible"]
RefusalName = Literal[
    "no_value",
    "code_invalid",
    "wrong_analyte",
    "value_not_numeric",
    "unit_missing",
    "unit_not_accepted",
    "unit_conflict",
    "edta_contamination",
    "drip_arm_contamination",
    "value_implausible",
    "haemolysis",
    "assay_interference",
    "specimen_unsuitable",
    "specimen_rejected",
    "superseded_by_paired_specimen",
]


class Form(BaseModel):
    """Base of every form."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class PatientForm(Form):
    """Who was sampled; what is absent is unknown."""

    age_years: Whole | None = None
    age_months: Whole | None = None
    age_days: Whole | None = None
    birth_date: Day | None = None
    sex: SexName | None = None
    pregnant: Truth | None = None
    trimester: Whole | None = None
    preterm: Truth | None = None

    @model_validator(mode="after")
    def _one_age(self) -> PatientForm:
        if sum(age is not None for age in (self.age_years, self.age_months, self.age_days, self.birth_date)) > 1:
            raise ValueError("one of age_years, age_months, age_days, birth_date is allowed, not several")
        return self


class IntervalForm(Form):
    """The laboratory's own reference interval, in the unit of the result."""

    low: Value | None = None
    high: Value | None = None
    text: Text | None = None


class SpecimenForm(Form):
    """The specimen of a result."""

    id: Text | None = None
    kind: KindName | None = None
    additive: Text | None = None
    haemolysis: HaemolysisName | None = None
    conditions: tuple[Text, ...] = ()
    transport: Text | None = None
    site: Text | None = None
    comments: tuple[Text, ...] = ()


class ResultForm(Form):
    """One result as the laboratory sent it; `code` is a LOINC code."""

    id: Text | None = None
    analyte: Text | None = None
    code: Text | None = None
    value: Value | None = None
    comparator: ComparatorSign | None = None
    unit: Text | None = None
    status: StatusName | None = None
    collected: Moment | None = None
    specimen: SpecimenForm | None = None
    interval: IntervalForm | None = None
    flags: tuple[Text, ...] = ()


class CodedForm(Form):
    """Something named by id, by code with its system, or in plain words."""

    id: Text | None = None
    code: Text | None = None
    system: Text | None = None
    text: Text | None = None

    @model_validator(mode="after")
    def _code_with_system(self) -> CodedForm:
        if (self.code is None) != (self.system is None):
            raise ValueError("code and system are given together, such as system = 'snomed' or 'icd10cm'")
        if self.id is None and self.code is None and self.text is None:
            raise ValueError("id, code with system, or text is required")
        return self


class SymptomForm(CodedForm):
    """A symptom or sign; present unless it is denied."""

    present: Truth | None = None
    onset: Moment | None = None
    duration: Text | None = None


class ConditionForm(CodedForm):
    """A condition of the problem list."""


class MedicationForm(CodedForm):
    """A current medication; a coded one is matched by its text."""

    since: Day | None = None


class OptionsForm(Form):
    """How to interpret; what is absent is the release's default."""

    vitamin_d_policy: Text | None = None
    critical_limits: Text | None = None
    intervals: Text | None = None
    release: Text | None = None
    language: Text | None = None
    trace: Truth | None = None


class ExpectedResult(Form):
    """What is expected of one result; what is absent is not compared."""

    state: StateName | None = None
    class_: ClassName | None = Field(default=None, alias="class")
    flag: FlagName | None = None
    band: Text | None = None
    bands: tuple[Text, ...] | None = None
    critical: CriticalName | None = None
    urgency: UrgencyName | None = None
    ctcae_grade: Annotated[Whole, Field(ge=0, le=5)] | None = None
    value: Value | None = None
    unit: Text | None = None
    exceeds_reference_change: Truth | None = None
    # Ids of the intervals, band tables and critical limits that decided, and of those that did not.
    rules: tuple[Text, ...] | None = None
    not_rules: tuple[Text, ...] = ()


class Expect(Form):
    """What is expected of a report: a list is contained in it, an empty list says that there is none."""

    urgency: UrgencyName | None = None
    patterns: tuple[Text, ...] | None = None
    patterns_possible: tuple[Text, ...] | None = None
    not_patterns: tuple[Text, ...] = ()
    findings: tuple[Text, ...] | None = None
    red_flags: tuple[Text, ...] | None = None
    red_flags_held: tuple[Text, ...] | None = None
    recognised_symptoms: tuple[Text, ...] | None = None
    # Words of symptoms, conditions and medications, as they were sent.
    not_recognised: tuple[Text, ...] | None = None
    refused: dict[str, RefusalName] | None = None
    cautions: tuple[Text, ...] | None = None
    issues: tuple[Text, ...] | None = None
    recommend: tuple[Text, ...] | None = None
    not_recommend: tuple[Text, ...] = ()
    # Not in the report, where others of their kind are.
    not_patterns_possible: tuple[Text, ...] = ()
    not_findings: tuple[Text, ...] = ()
    not_red_flags: tuple[Text, ...] = ()
    not_cautions: tuple[Text, ...] = ()
    not_issues: tuple[Text, ...] = ()
    # By id of a pattern, red flag or recommendation.
    urgencies: dict[Text, UrgencyName] = Field(default_factory=dict)
    # By id of a recommendation: rules that bring it, or do not, whatever else does.
    recommended_by: dict[Text, tuple[Text, ...]] = Field(default_factory=dict)
    not_recommended_by: dict[Text, tuple[Text, ...]] = Field(default_factory=dict)
    # By id of a pattern: clauses in the rule's own names that speak for it, or against it.
    evidence_for: dict[Text, tuple[Text, ...]] = Field(default_factory=dict)
    evidence_against: dict[Text, tuple[Text, ...]] = Field(default_factory=dict)
    results: dict[str, ExpectedResult] = Field(default_factory=dict)


class PanelForm(Form):
    """One panel: what is sent, and what is expected of the report."""

    id: Annotated[Text, Field(min_length=1)]
    title: Text = ""
    why: Text = ""
    as_of: Day | None = None
    source: Text | None = None
    patient: PatientForm | None = None
    results: tuple[ResultForm, ...] = ()
    symptoms: tuple[SymptomForm, ...] = ()
    conditions: tuple[ConditionForm, ...] | None = None
    medications: tuple[MedicationForm, ...] | None = None
    options: OptionsForm | None = None
    expect: Expect = Field(default_factory=Expect)


class PanelFile(Form):
    """A panel file: at least one panel."""

    panel: Annotated[tuple[PanelForm, ...], AfterValidator(_at_least_one)]


def _a_character_set(name: str) -> str:
    if name and encoding_named(name) is None:
        raise ValueError("is not read here; name one as MSH-18 does, such as 8859/1")
    return name


def _a_zone(name: str) -> str:
    zone_of(name)
    return name


class ExpectationFile(Form):
    """NAME.expect.toml: what is expected of the report on NAME.json or NAME.hl7, and what is asked for beside it."""

    title: Text = ""
    why: Text = ""
    # Whose results, where the Bundle holds those of several, or the message: by PID-3.
    subject: Text | None = None
    # What a site says of the sender of a message.
    character_set: Annotated[Text, AfterValidator(_a_character_set)] = ""
    time_zone: Annotated[Text, AfterValidator(_a_zone)] = ""
    source: Text | None = None
    as_of: Day | None = None
    options: OptionsForm | None = None
    expect: Expect = Field(default_factory=Expect)
