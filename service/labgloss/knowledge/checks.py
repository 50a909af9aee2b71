"""What must hold of a release before it may serve; each fault with a concrete patient who meets it, where there is one.

The exhaustive proofs over combinations of findings are `knowledge lint`'s; these run at every start.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from math import ceil

from labgloss.domain.subject import AgeUnit, StatedAge
from labgloss.errors import Fault
from labgloss.knowledge import analyte_checks, needed, references
from labgloss.knowledge.expression import Expression, Limit, Name, names
from labgloss.knowledge.partition import in_range
from labgloss.knowledge.references import Formed
from labgloss.knowledge.release import Analyte, Release, deciding
from labgloss.knowledge.schema import ComputationsFile
from labgloss.knowledge.units import factor_between


def faults(release: Release, formed: Iterable[Formed]) -> list[Fault]:
    """Every fault of a release: analyte by analyte, what its rows (`formed`, with their files) refer to, the rest.

    One that many patients meet is named once, with the first of them.
    """
    witnessed: dict[tuple[str, str, str], str] = {}
    for analyte in release.analytes.values():
        for key, reason, witness in analyte_checks.problems(release, analyte):
            witnessed.setdefault((f"analytes/{analyte.id}.toml", key, reason), witness)
    found = [Fault(*place, witness) for place, witness in witnessed.items()]
    found += references.faults(release, formed)
    # The rest looks analytes up, so that a missing one is named above and not stumbled over here.
    return found or [
        *_computations(release),
        *_findings(release),
        *_rules(release),
        *_policies(release),
        *_words(release),
    ]


# ---------------------------------------------------------------------------------------------- computations


def _computations(release: Release) -> Iterator[Fault]:
    def fault(key: str, reason: str) -> Fault:
        return Fault("computations.toml", key, reason)

    computations = release.computations
    adjustment = computations.albumin_adjustment
    total, albumin = release.analytes["calcium_total"], release.analytes["albumin"]
    for number, formula in enumerate(adjustment.formulas):
        key = f"albumin_adjustment.formulas[{number}]"
        if formula.total_unit not in total.native_units:
            yield fault(key, f"{formula.total_unit!r} is not a native unit of calcium_total")
        if formula.albumin_unit not in albumin.units:
            yield fault(key, f"{formula.albumin_unit!r} is not a unit of albumin; allowed: {', '.join(albumin.units)}")
    for row in (*adjustment.not_valid, *adjustment.low_confidence):
        if row.analyte:
            for reason in _not_covered(release.analytes[row.analyte], row.limits):
                yield fault(row.id, reason)
    for key, analyte_id, units in (
        ("aki.rise", "creatinine", computations.aki.rise),
        ("fast_rise.rise", "potassium", computations.fast_rise.rise),
        ("paired.gap", "potassium", computations.paired.gap),
        ("filtration.egfr_low", "egfr", computations.filtration.egfr_low),
        ("filtration.egfr_kept", "egfr", computations.filtration.egfr_kept),
        ("filtration.creatinine_high", "creatinine", computations.filtration.creatinine_high),
    ):
        for unit in units:
            if unit not in release.analytes[analyte_id].units:
                yield fault(key, f"{unit!r} is not a unit of {analyte_id}")
    for fall in computations.refeeding.falls:
        if fall.finding not in needed.COMPUTED_FINDINGS:
            yield fault("refeeding.falls", f"{fall.finding!r} is no finding that the engine computes")
    yield from _times(computations)
    form = computations.vitamin_d
    for key, analyte_id, limits in (
        ("vitamin_d.severely_low", "vitamin_d_25oh", form.severely_low),
        ("vitamin_d.acute_phase_caution", "crp", form.acute_phase_caution),
        ("vitamin_d.acute_phase_conditional", "crp", form.acute_phase_conditional),
    ):
        for reason in _not_covered(release.analytes[analyte_id], limits):
            yield fault(key, reason)


def _times(computations: ComputationsFile) -> Iterator[Fault]:
    """Facts about time that nothing or nobody could make true, and analytes with two windows."""
    ids: set[str] = set()
    for row in computations.timing:
        if row.id in ids:
            yield Fault("computations.toml", row.id, "stands twice; an id names one fact about time")
        ids.add(row.id)
        if not (row.symptoms or row.medications):
            yield Fault("computations.toml", row.id, "names no symptom and no medication; say whose time it is")
        if row.lasting.begin and row.lasting.end and row.lasting.begin.days >= row.lasting.end.days:
            reason = f"holds for no time: from {row.lasting.begin} to under {row.lasting.end}"
            yield Fault("computations.toml", row.id, reason)
    windowed: set[str] = set()
    for window in computations.combining.windows:
        for analyte in window.analytes:
            if analyte in windowed:
                yield Fault("computations.toml", "combining.windows", f"{analyte} stands twice; give it one window")
            windowed.add(analyte)


def _not_covered(analyte: Analyte, limits: Mapping[str, Limit]) -> Iterator[str]:
    """What is wrong with limits that are looked up by the native unit that a value was compared in."""
    for unit in limits:
        if unit not in analyte.native_units:
            yield f"{unit!r} is not a native unit of {analyte.id}; allowed: {', '.join(analyte.native_units)}"
    for unit in analyte.native_units:
        if unit not in limits:
            yield f"has no limit in {unit}; values of {analyte.id} in it would pass unseen"


# ---------------------------------------------------------------------------------------------- findings


def _findings(release: Release) -> Iterator[Fault]:
    for rows in release.findings.values():
        for row in rows:
            if row.computed and row.id not in needed.COMPUTED_FINDINGS:
                yield Fault("findings.toml", row.id, "is marked as computed, and the engine computes no such finding")
            if not row.computed and row.id in needed.COMPUTED_FINDINGS:
                yield Fault("findings.toml", row.id, "is a finding that the engine computes; mark it as computed")
            if not (row.limits or row.bands):
                continue
            analyte = release.analytes.get(row.analyte)
            if analyte is None:
                yield Fault("findings.toml", row.id, "has limits or bands and no analyte; say whose they are")
                continue
            for band in row.bands:
                if band not in analyte.band_ids:
                    allowed = ", ".join(analyte.band_ids)
                    yield Fault("findings.toml", row.id, f"{band!r} is no band of {row.analyte}; allowed: {allowed}")
            for unit in dict.fromkeys((*row.limits, *row.without_interval, *row.without_band)):
                if unit not in analyte.units:
                    allowed = ", ".join(analyte.units)
                    yield Fault("findings.toml", row.id, f"{unit!r} is not a unit of {row.analyte}; allowed: {allowed}")
            for unit in () if row.only_in_these_units or not row.limits else analyte.native_units:
                if unit not in row.limits and not _converts(release, analyte, unit, next(iter(row.limits))):
                    yield Fault("findings.toml", row.id, f"has no limit that a value in {unit} can be compared with")


def _converts(release: Release, analyte: Analyte, unit: str, target: str) -> bool:
    try:
        factor_between(release.unit_table, analyte.form, unit, target)
    except (ValueError, KeyError):
        return False
    return True


# ---------------------------------------------------------------------------------------------- rules

# What is made of patterns and verdicts is not known while specimens are looked at.
_AFTER_SPECIMENS = ("pattern", "red_flag", "emergency", "band", "class", "final", "caution", "issue")


def _rules(release: Release) -> Iterator[Fault]:
    """Rules that read what is not there when they are looked at, or bring what their kind does not bring."""
    for pattern in release.patterns.values():
        read = [name for part in deciding(pattern) for name in _through_groups(release, part)]
        if pattern.scope == "specimen":
            for name in read:
                if name.kind in _AFTER_SPECIMENS:
                    yield Fault("patterns", pattern.id, f"{name} is not known while specimens are looked at")
            continue
        if pattern.refuses or pattern.unreliable_high:
            reason = "refuses results or makes them unreliable; only a rule with scope specimen does"
            yield Fault("patterns", pattern.id, reason)
        for name in read:
            if name.kind == "specimen":
                yield Fault("patterns", pattern.id, f"{name} is known only to rules with scope specimen")
    for flag in release.red_flags.values():
        if flag.value_only is bool(flag.levels):
            yield Fault("red_flags.toml", flag.id, "needs levels, or value_only; one of them, and not both")
        for part in deciding(flag):
            for name in _through_groups(release, part):
                if name.kind == "specimen":
                    yield Fault("red_flags.toml", flag.id, f"{name} is known only to rules with scope specimen")


def _through_groups(release: Release, part: Expression) -> Iterator[Name]:
    for name in names(part):
        if name.kind == "group":
            for member in release.groups[name.id].members:
                yield from _through_groups(release, member)
        else:
            yield name


# ---------------------------------------------------------------------------------------------- policies, words


def _policies(release: Release) -> Iterator[Fault]:
    rows = release.choices["vitamin_d_policy"]
    tables = {table.policy for table in release.analytes["vitamin_d_25oh"].form.band_tables}
    for row in rows.values():
        if not row.wording_only and row.id not in tables:
            yield Fault("choices.toml", f"vitamin_d_policy.{row.id}", "has no band table; add one, or wording_only")
    limits = {
        limit for row in rows.values() if row.default_for for limit in (row.default_for.begin, row.default_for.end)
    }
    days = {0, *(ceil(limit.days) for limit in limits if limit)}
    for age in (StatedAge(day, AgeUnit.DAYS) for day in sorted(days)):
        defaults = [row.id for row in rows.values() if row.default_for and in_range(age, row.default_for)]
        if len(defaults) != 1:
            spoken = " and ".join(defaults) or "no policy"
            years = ", ".join(sorted(str(limit) for limit in limits if limit))
            reason = f"{spoken} is the default of one age; exactly one must be, on each side of {years}"
            yield Fault("choices.toml", "vitamin_d_policy", reason, f"age {age}")


def _words(release: Release) -> Iterator[Fault]:
    phrases: dict[str, str] = {}
    for symptom in release.symptoms.values():
        for synonym in (*symptom.synonyms, *symptom.alone):
            other = phrases.setdefault(synonym.casefold(), symptom.id)
            if other != symptom.id:
                yield Fault(
                    "symptoms.toml", symptom.id, f"{synonym!r} already stands for {other}; words name one symptom"
                )
    for symptom in release.symptoms.values():
        for word in symptom.may_mean:
            if word.casefold() not in phrases:
                yield Fault(
                    "symptoms.toml", symptom.id, f"{word!r} is no synonym of another symptom; add it to its own"
                )
    for context in (*release.conditions.values(), *release.medications.values()):
        file = "conditions.toml" if context.id in release.conditions else "medications.toml"
        for word in context.denies_symptoms:
            if word not in context.words:
                yield Fault(file, context.id, f"{word!r} denies symptoms and is not among its words; add it there")
