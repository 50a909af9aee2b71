"""The knowledge as loaded: one immutable object, indexed for the engine."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import field
from datetime import date
from fractions import Fraction
from functools import cached_property
from math import ceil
from types import MappingProxyType
from typing import Literal

from labgloss.domain.report import Urgency
from labgloss.domain.subject import AgeLimit
from labgloss.frozen import dataclass
from labgloss.knowledge import schema
from labgloss.knowledge.compiled import Compiled
from labgloss.knowledge.expression import Combination, Expression, Name, names
from labgloss.knowledge.units import UnitTable, factor_between

ENGINE_VERSION = "0.2.0"
# The variant that intervals of a site are, and the set that its critical limits are.
SITE = "site"
DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class ReleaseReference:
    """What a report names of the release that answered."""

    version: str
    digest: str
    engine: str = ENGINE_VERSION
    overlay: str = ""
    overlay_digest: str = ""


@dataclass(frozen=True, slots=True)
class UnitReading:
    """How a unit of an analyte is read: the native unit it is compared in, and the exact factor to it."""

    ucum: str
    property: str
    digits: int
    compared_in: str
    factor: Fraction
    needs_code: bool


@dataclass(frozen=True, slots=True)
class ShownUnit:
    """A unit that a value is shown in beside its own, and the exact factor to it."""

    ucum: str
    factor: Fraction
    digits: int


@dataclass(frozen=True, slots=True)
class Axes:
    """What the rows of an analyte distinguish; the axes that are not here need not be enumerated."""

    age_limits: tuple[AgeLimit, ...]
    sex: bool
    pregnancy: bool
    # The age from which no row asks whether the patient was born preterm; None: no row asks at any age.
    preterm_until: AgeLimit | None
    specimen: bool


@dataclass(frozen=True, eq=False)
class Analyte:
    """One analyte: its file, and what the engine looks up in it."""

    form: schema.AnalyteFile
    units: Mapping[str, UnitReading]
    # For a native unit, the other customary unit that its values are shown in as well.
    shown_also: Mapping[str, ShownUnit]
    axes: Axes
    intervals: Mapping[str, tuple[schema.IntervalRow, ...]]
    critical: Mapping[str, tuple[schema.CriticalRow, ...]]

    # Asked for a hundred times a panel: kept, so that no function runs for it.
    @cached_property
    def id(self) -> str:
        """Its id."""
        return self.form.id

    @property
    def name(self) -> str:
        """Its name for people."""
        return self.form.name

    @cached_property
    def native_units(self) -> tuple[str, ...]:
        """The units that its limits are written in."""
        return tuple(unit.ucum for unit in self.form.units if unit.native)

    @cached_property
    def customary(self) -> Mapping[str, str]:
        """The first unit of each property: mass, moles."""
        units: dict[str, str] = {}
        for unit in self.form.units:
            units.setdefault(unit.property, unit.ucum)
        return units

    @cached_property
    def measured_in_urine(self) -> bool:
        """Whether every code of it is of urine."""
        return bool(self.form.codes) and all(code.specimen.startswith("urine") for code in self.form.codes)

    @cached_property
    def band_ids(self) -> tuple[str, ...]:
        """Every band of its tables from low to high: one that not every table has follows the one before it there."""
        merged: list[str] = []
        for table in self.form.band_tables:
            after = 0
            for row in table.bands:
                if row.band not in merged:
                    merged.insert(after, row.band)
                after = merged.index(row.band) + 1
        return tuple(merged)

    @cached_property
    def family(self) -> str:
        """The family it shares a primary result with, or its own id."""
        return self.form.family or self.form.id


@dataclass(frozen=True, slots=True)
class DerivedFinding:
    """A finding that reads patterns, so that it is known only after them."""

    id: str
    rows: tuple[schema.FindingRow, ...]


Rule = schema.PatternRow | schema.RedFlagRow | DerivedFinding


@dataclass(frozen=True, slots=True)
class CodeOfAnalyte:
    """A LOINC code and the analyte it names."""

    analyte: str
    row: schema.CodeRow


@dataclass(frozen=True, slots=True)
class SiteEntry:
    """An entry of a site's overlay as a report and GetRelease show it: what it is, in words, and who signed it."""

    name: str
    value: str
    words: str
    signed_by: str
    signed_on: date

    @property
    def signature(self) -> str:
        """Who signed it, and when."""
        return f"signed by {self.signed_by} on {self.signed_on.isoformat()}"

    @property
    def text(self) -> str:
        """In words, with its signature."""
        return f"{self.words}; {self.signature}"


@dataclass(frozen=True, slots=True)
class CodeOfSite:
    """What a code of the site's own systems names; `row` is how one of an analyte is read."""

    kind: Literal["analyte", "condition", "medication"]
    id: str
    entry: SiteEntry
    row: schema.CodeRow | None = None


@dataclass(frozen=True, slots=True)
class Feed:
    """The settings for one source of requests, beside what they change in its analytes and codes."""

    # Analytes read in mg/L.
    mg_per_litre: Mapping[str, SiteEntry] = field(default_factory=dict)
    # LOINC codes of the D3 fraction that are read as the total.
    d3_as_total: Mapping[str, SiteEntry] = field(default_factory=dict)
    # Units of analytes whose results come without one.
    default_units: Mapping[str, tuple[str, SiteEntry]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Site:
    """What a site's overlay adds to a release; without one, nothing."""

    title: str = ""
    # Every entry, in the order of its file.
    entries: tuple[SiteEntry, ...] = ()
    # By the id of the rule: intervals and critical limits of the site.
    rules: Mapping[str, SiteEntry] = field(default_factory=dict)
    # By analyte: a variant of the release that the site uses.
    variants: Mapping[str, SiteEntry] = field(default_factory=dict)
    # By name, what is chosen where a request chooses nothing.
    choices: Mapping[str, SiteEntry] = field(default_factory=dict)
    # By kind and id.
    texts: Mapping[tuple[str, str], SiteEntry] = field(default_factory=dict)
    # By system and code.
    codes: Mapping[tuple[str, str], CodeOfSite] = field(default_factory=dict)
    # The release as the requests of a source are read by it.
    views: Mapping[str, Release] = field(default_factory=dict)
    # Of such a view: the settings of its source.
    feed: Feed = Feed()

    def choice(self, name: str) -> str:
        """What the site chose, or nothing."""
        return self.choices[name].value if name in self.choices else ""

    def variants_of(self, analyte: str) -> tuple[str, ...]:
        """The variants whose intervals the site uses for an analyte: its own, one of the release, one for all."""
        own = SITE if self.rules else ""
        named = self.variants[analyte].value if analyte in self.variants else ""
        return tuple(name for name in (own, named, self.choice("intervals")) if name)


NO_SITE = Site()


@dataclass(frozen=True, eq=False)
class Release:
    """A release of the knowledge base; immutable, made by `loader.load`."""

    reference: ReleaseReference
    file: schema.ReleaseFile
    unit_table: UnitTable
    analytes: Mapping[str, Analyte]
    codes: Mapping[str, CodeOfAnalyte]
    sources: Mapping[str, schema.SourceRow]
    computations: schema.ComputationsFile
    symptoms: Mapping[str, schema.SymptomRow]
    associations: Mapping[str, schema.AssociationRow]
    conditions: Mapping[str, schema.ContextRow]
    medications: Mapping[str, schema.ContextRow]
    qualifiers: Mapping[str, schema.QualifierRow]
    groups: Mapping[str, schema.GroupRow]
    findings: Mapping[str, tuple[schema.FindingRow, ...]]
    patterns: Mapping[str, schema.PatternRow]
    red_flags: Mapping[str, schema.RedFlagRow]
    recommendations: Mapping[str, schema.RecommendationRow]
    contradictions: tuple[schema.ContradictionRow, ...]
    never: tuple[schema.NeverRow, ...]
    cautions: Mapping[str, schema.WordingRow]
    issues: Mapping[str, schema.WordingRow]
    refusals: Mapping[str, schema.RefusalRow]
    urgencies: Mapping[str, schema.UrgencyRow]
    choices: Mapping[str, Mapping[str, schema.ChoiceRow]]
    # Patterns, red flags, and findings that read patterns, in an order in which each comes after what it reads.
    rule_order: tuple[Rule, ...] = field(default=())
    # What a site laid over it.
    site: Site = NO_SITE
    # The file of each pattern, for what is said of it.
    pattern_files: Mapping[str, str] = field(default_factory=dict)
    # Whether the engine answers from what it compiled of the files. Without it walks them as they are written, which is
    # the reference: slow, plain, and to be equal byte for byte.
    compiled: bool = True
    # What the engine reads words by, where it was made with the release: it looks whether it is of these very rows.
    vocabulary: object = None

    def file_of(self, rule_id: str) -> str:
        """The knowledge file of a pattern or red flag."""
        return self.pattern_files.get(rule_id, "red_flags.toml")

    def for_source(self, source: str) -> Release:
        """The release as the requests of a source are read by it: with the settings of its feed."""
        return self.site.views.get(source.strip(), self)

    def intervals(self) -> Iterator[tuple[str, schema.IntervalRow]]:
        """Every reference interval with the id of its analyte, those of single feeds included."""
        seen: set[str] = set()
        for release in (self, *self.site.views.values()):
            for analyte in release.analytes.values():
                for row in analyte.form.intervals:
                    if row.id not in seen:
                        seen.add(row.id)
                        yield analyte.id, row

    @cached_property
    def tests(self) -> Compiled:
        """The expressions of the release as bit tests."""
        return Compiled(self)

    @cached_property
    def rule_index(self) -> RuleIndex:
        """Which rules a name that is TRUE sets off."""
        return RuleIndex.of(self)

    @cached_property
    def specimen_rules(self) -> tuple[schema.PatternRow, ...]:
        """Patterns that look at one specimen at a time, in the order of the files."""
        return tuple(row for row in self.patterns.values() if row.scope == "specimen")

    @cached_property
    def specimen_index(self) -> RuleIndex:
        """Which of `specimen_rules` a name that is TRUE of a specimen sets off."""
        return RuleIndex.made(self.specimen_rules, self.groups)

    @cached_property
    def rule_expressions(self) -> Mapping[str, str]:
        """What decides about each pattern and red flag, as text, by id: a trace repeats it for every panel."""
        patterns = {ident: expression_of(row) for ident, row in self.patterns.items()}
        return patterns | {ident: expression_of(row) for ident, row in self.red_flags.items()}

    @cached_property
    def finding_index(self) -> FindingIndex:
        """Which findings the analytes of a panel can make."""
        return FindingIndex.made(self)

    @cached_property
    def standing(self) -> tuple[schema.RecommendationRow, ...]:
        """Recommendations that facts bring by themselves."""
        return tuple(row for row in self.recommendations.values() if row.when is not None)

    @cached_property
    def withheld_by(self) -> Mapping[str, tuple[schema.PatternRow, ...]]:
        """By recommendation, the patterns that withhold it, in the order of the files."""
        found: dict[str, tuple[schema.PatternRow, ...]] = {}
        for row in self.patterns.values():
            for ident in dict.fromkeys(row.withholds):
                found[ident] = (*found.get(ident, ()), row)
        return found

    @cached_property
    def derived(self) -> frozenset[str]:
        """Ids of the findings that read patterns."""
        return frozenset(rule.id for rule in self.rule_order if isinstance(rule, DerivedFinding))

    @property
    def intended_use(self) -> str:
        """Intended use and its limits, in one sentence."""
        return self.file.intended_use

    @property
    def vitamin_d_policies(self) -> tuple[str, ...]:
        """Vitamin D policies that a request may choose."""
        return tuple(self.choices["vitamin_d_policy"])

    @property
    def critical_limit_sets(self) -> tuple[str, ...]:
        """Critical-limit sets that a request may choose."""
        return tuple(self.choices["critical_limits"])

    @property
    def interval_variants(self) -> tuple[str, ...]:
        """Reference-interval variants that a request may choose."""
        return tuple(self.choices["intervals"])

    def source(self, source_id: str) -> schema.SourceRow:
        """The source with this id. Raises KeyError."""
        return self.sources[source_id]


def compile_analyte(
    form: schema.AnalyteFile, units: UnitTable, pregnancy: schema.PregnancyForm, policies: Iterable[schema.ChoiceRow]
) -> Analyte:
    """The analyte of a file whose units have been checked. Raises ValueError where a unit cannot be compared."""
    readings: dict[str, UnitReading] = {}
    for unit in form.units:
        target = unit.ucum if unit.native else _compared_in(unit, form)
        factor = factor_between(units, form, unit.ucum, target)
        readings[unit.ucum] = UnitReading(unit.ucum, unit.property, unit.digits, target, factor, unit.needs_code)
    intervals: dict[str, tuple[schema.IntervalRow, ...]] = {}
    for row in form.intervals:
        intervals[row.variant] = (*intervals.get(row.variant, ()), row)
    critical: dict[str, tuple[schema.CriticalRow, ...]] = {}
    for limit in form.critical:
        critical[limit.set] = (*critical.get(limit.set, ()), limit)
    return Analyte(
        form,
        MappingProxyType(readings),
        MappingProxyType(_shown_also(form, units)),
        _axes(form, pregnancy, policies),
        MappingProxyType(intervals),
        MappingProxyType(critical),
    )


def _compared_in(unit: schema.UnitOfAnalyte, form: schema.AnalyteFile) -> str:
    """The native unit of the same property, else any that it converts to."""
    native = [other for other in form.units if other.native]
    same = [other for other in native if other.property == unit.property]
    return (same or native)[0].ucum


def _shown_also(form: schema.AnalyteFile, units: UnitTable) -> dict[str, ShownUnit]:
    """For each native unit, the first native unit of another property that it converts to."""
    native = [unit for unit in form.units if unit.native]
    shown: dict[str, ShownUnit] = {}
    for unit in native:
        for other in native:
            if other.property == unit.property or unit.ucum in shown:
                continue
            with suppress(ValueError):  # two native units that nothing joins are simply not shown in each other
                factor = factor_between(units, form, unit.ucum, other.ucum)
                shown[unit.ucum] = ShownUnit(other.ucum, factor, other.digits)
    return shown


def _axes(form: schema.AnalyteFile, pregnancy: schema.PregnancyForm, policies: Iterable[schema.ChoiceRow]) -> Axes:
    populations: list[schema.Population] = [*form.intervals, *form.band_tables, *form.critical]
    uses_pregnancy = any(row.pregnancy for row in populations)
    limits = {limit for row in populations for limit in (row.age.begin, row.age.end) if limit}
    if any(table.policy for table in form.band_tables):
        ranges = [ages for row in policies for ages in (row.age, row.default_for) if ages is not None]
        limits |= {limit for ages in ranges for limit in (ages.begin, ages.end) if limit}
    if uses_pregnancy:
        limits |= {limit for limit in (pregnancy.age.begin, pregnancy.age.end) if limit}
    return Axes(
        # By its words too: how a set of them is ordered is chance, and differs from start to start.
        age_limits=tuple(sorted(limits, key=lambda limit: (ceil(limit.days), str(limit)))),
        sex=any(row.sex for row in populations),
        pregnancy=uses_pregnancy,
        preterm_until=max(
            (row.age.end for row in populations if row.preterm is not None and row.age.end),
            key=lambda limit: limit.days,
            default=None,
        ),
        specimen=any(row.specimen for row in populations),
    )


def urgencies_of_values(release: Release) -> frozenset[Urgency]:
    """The urgencies that a value can have by itself: of its band, and of what its laboratory flagged critical."""
    counting = [
        band
        for analyte in release.analytes.values()
        for table in analyte.form.band_tables
        for band in table.bands
        if band.value_alone
    ]
    found = {Urgency.SAME_DAY}
    for band in counting:
        found |= {band.urgency, *(row.urgency for row in band.raises), *(row.urgency for row in band.lowers)}
    return frozenset(found)


def deciding(rule: schema.PatternRow | schema.RedFlagRow) -> Iterator[Expression]:
    """The expressions that decide whether a rule holds, in the order of its file."""
    if isinstance(rule, schema.PatternRow):
        yield from (*rule.core, *rule.required, *rule.excluding)
        if rule.possible_when is not None:
            yield rule.possible_when
    else:
        yield from (level.when for level in rule.levels)


def reads(
    expressions: Iterable[Expression], groups: Mapping[str, schema.GroupRow], derived: Collection[str] = ()
) -> frozenset[str]:
    """Rules that expressions read, through groups too: patterns and red flags by id, and "finding.ID" of `derived`."""
    found: set[str] = set()
    for name in (name for expression in expressions for name in names(expression)):
        if name.kind in ("pattern", "red_flag", "emergency"):
            found.add(name.id)
        elif name.kind == "finding" and name.id in derived:
            found.add(str(name))
        elif name.kind == "group" and name.id in groups:
            found |= reads(groups[name.id].members, groups, derived)
    return frozenset(found)


def triggers(expression: Expression) -> frozenset[Name] | None:
    """Names of which at least one is TRUE wherever the expression is TRUE; None: it can be TRUE without any."""
    if isinstance(expression, Name):
        return frozenset((expression,))
    if not isinstance(expression, Combination):
        return None
    parts = [triggers(part) for part in expression.parts]
    known = [part for part in parts if part is not None]
    match expression.operator:
        case "all":
            return min(known, key=len, default=None)
        case "any" | "two_of" | "three_of":
            return frozenset().union(*known) if len(known) == len(parts) else None
        case _:
            return None


def expression_of(rule: schema.PatternRow | schema.RedFlagRow) -> str:
    """What decides about a rule, as text."""
    if isinstance(rule, schema.PatternRow):
        required = " and ".join(str(part) for part in (*rule.core, *rule.required))
        excluded = "".join(f" and not {part}" for part in rule.excluding)
        return required + excluded
    return "; ".join(f"{level.urgency.name} when {level.when}" for level in rule.levels) or "bands that count alone"


def set_off_by(rule: schema.PatternRow | schema.RedFlagRow) -> frozenset[Name] | None:
    """Names of which one must be TRUE for a rule to hold or to be possible; None: it has to be looked at always."""
    if isinstance(rule, schema.RedFlagRow):
        roots = [level.when for level in rule.levels]
    elif rule.possible_when is not None:
        # MATCHED needs every core clause, POSSIBLE its own condition.
        roots = [Combination("all", rule.core), rule.possible_when]
    else:
        roots = list(rule.core)
    found = [triggers(root) for root in roots]
    known = [names for names in found if names is not None]
    return frozenset().union(*known) if len(known) == len(found) else None


def needs_verdict(row: schema.FindingRow) -> bool:
    """Whether a finding rests on a class, a band, an interval or logic, and not on a number alone."""
    return bool(row.classes or row.bands or row.when) or any(limit.needs_interval for limit in row.limits.values())


@dataclass(frozen=True, eq=False)
class FindingIndex:
    """Findings by the analytes that make them, in the order of their file; those of no analyte under ""."""

    of_numbers: Mapping[str, tuple[str, ...]]
    of_verdicts: Mapping[str, tuple[str, ...]]
    place: Mapping[str, int]
    # Those of `of_verdicts` that rest on one result alone, whatever else is known.
    alone: frozenset[str]

    @classmethod
    def made(cls, release: Release) -> FindingIndex:
        """The index of a release; computed findings and those that read patterns are made elsewhere."""
        of_numbers: dict[str, list[str]] = {}
        of_verdicts: dict[str, list[str]] = {}
        for ident, rows in release.findings.items():
            if rows[0].computed or ident in release.derived:
                continue
            index = of_verdicts if any(needs_verdict(row) for row in rows) else of_numbers
            for analyte in dict.fromkeys(row.analyte for row in rows):
                index.setdefault(analyte, []).append(ident)
        return cls(
            {analyte: tuple(idents) for analyte, idents in of_numbers.items()},
            {analyte: tuple(idents) for analyte, idents in of_verdicts.items()},
            {ident: place for place, ident in enumerate(release.findings)},
            frozenset(
                ident
                for ident, rows in release.findings.items()
                if all(row.analyte and row.when is None and row.unless is None for row in rows)
            ),
        )

    def of(self, analytes: Iterable[str], *, of_number: bool) -> list[str]:
        """The findings that results of these analytes can make, in the order of their file."""
        index = self.of_numbers if of_number else self.of_verdicts
        found = {ident for analyte in ("", *analytes) for ident in index.get(analyte, ())}
        return sorted(found, key=lambda ident: self.place[ident])


@dataclass(frozen=True, eq=False)
class RuleIndex:
    """Places in the order of rules: by the names that can set a rule off, and of those that are always looked at."""

    by_name: Mapping[tuple[str, str], tuple[int, ...]]
    always: tuple[int, ...]

    @classmethod
    def of(cls, release: Release) -> RuleIndex:
        """The index of a release."""
        rules = (
            None if isinstance(rule, DerivedFinding) or _by_the_engine(rule) else rule for rule in release.rule_order
        )
        return cls.made(rules, release.groups)

    @classmethod
    def made(
        cls, rules: Iterable[schema.PatternRow | schema.RedFlagRow | None], groups: Mapping[str, schema.GroupRow]
    ) -> RuleIndex:
        """The index of rules by their places; None stands for one that is always looked at."""
        by_name: dict[tuple[str, str], list[int]] = {}
        always: list[int] = []
        for place, rule in enumerate(rules):
            found = None if rule is None else set_off_by(rule)
            if found is None:
                always.append(place)
                continue
            for leaf in _leaves(found, groups):
                by_name.setdefault((leaf.kind, leaf.id), []).append(place)
        return cls({name: tuple(sorted(set(places))) for name, places in by_name.items()}, tuple(always))


def _by_the_engine(rule: Rule) -> bool:
    """Whether the engine looks at a rule by itself: for each specimen, by the values alone, after patterns."""
    if isinstance(rule, schema.PatternRow):
        return rule.scope == "specimen"
    return isinstance(rule, DerivedFinding) or rule.value_only


def _leaves(found: Iterable[Name], groups: Mapping[str, schema.GroupRow]) -> Iterator[Name]:
    """The names of a set, with the members of groups in the place of the groups."""
    for name in found:
        if name.kind != "group":
            yield name
            continue
        for member in groups[name.id].members:
            # A member that can be TRUE without a name would have to be looked at always; lint refuses it.
            yield from _leaves(triggers(member) or (), groups)
