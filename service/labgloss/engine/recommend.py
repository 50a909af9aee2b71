"""What the rules bring, as a list for a clinician: merged, ordered, free of contradictions, nothing withheld unsaid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from labgloss.domain.report import (
    Critical,
    Recommendation,
    RefusalReason,
    ResultClass,
    ResultState,
    Urgency,
    WithheldRecommendation,
)
from labgloss.domain.truth import FALSE, TRUE
from labgloss.engine.facts import Facts
from labgloss.engine.judged import Judged, unique
from labgloss.engine.kept import by_release
from labgloss.engine.select import VITAMIN_D
from labgloss.engine.weighing import Brought
from labgloss.engine.words import true_names
from labgloss.frozen import dataclass
from labgloss.knowledge.release import Release
from labgloss.knowledge.schema import RecommendationRow

PHONE_CRITICAL = "PHONE_CRITICAL_RESULT"
REQUEST_NUMBER = "REQUEST_NUMERIC_RESULT"
# As names they are found sooner: every recommendation is asked.
_NONE: Final = Urgency.NONE
_SAME_DAY: Final = Urgency.SAME_DAY
_EMERGENCY: Final = Urgency.EMERGENCY


@dataclass(frozen=True, slots=True)
class Recommended:
    """The recommendations of a report, and those withheld."""

    given: tuple[Recommendation, ...]
    withheld: tuple[WithheldRecommendation, ...]


def of_entries(release: Release, entries: Sequence[Judged], facts: Facts) -> list[Brought]:
    """What bands, refusals, criticals, cautions and issues bring."""
    brought: list[Brought] = []
    for entry in entries:
        if entry.refusal is not None:
            brought += _of_refusal(release, entry)
        elif entry.live and entry.primary:
            brought += _of_bands(entry, facts)
            brought += _of_state(release, entry)
        if entry.critical is not Critical.NO and not entry.settled_by_pair:
            urgency = max(entry.urgency, Urgency.SAME_DAY)
            degree = "critical" if entry.critical is Critical.YES else "possibly critical"
            brought.append(Brought(PHONE_CRITICAL, f"{entry.key}: {degree}", urgency, ()))
        if not entry.earlier:
            for kind, wording in (
                *(("caution", release.cautions[ident]) for ident in entry.cautions),
                *(("issue", release.issues[ident]) for ident in entry.issues if ident in release.issues),
            ):
                because, rule = f"{entry.key}: {wording.id}", f"{kind}.{wording.id}"
                urgency = max(wording.urgency, wording.recommend_urgency, entry.urgency)
                brought += [
                    Brought(ident, because, urgency, wording.source, rule, wording.serial)
                    for ident in wording.recommend
                ]
    return brought


def _of_refusal(release: Release, entry: Judged) -> list[Brought]:
    """What the refusal asks for, and for a wrong analyte the test of the one that was meant."""
    assert entry.refusal is not None
    row = release.refusals[entry.refusal.value]
    ids = list(row.recommend)
    if entry.refusal is RefusalReason.WRONG_ANALYTE and entry.analyte is not None:
        ids += entry.analyte.form.recommend_when_refused
        ids += [item.id for item in release.recommendations.values() if entry.analyte.id in item.satisfied_by]
    because, rule = f"{entry.key}: {row.id}", f"refusal.{row.id}"
    return [Brought(ident, because, entry.urgency, row.source, rule) for ident in unique(tuple(ids))]


def _of_bands(entry: Judged, facts: Facts) -> list[Brought]:
    """The minimum of the worst band that remains (vocabulary.md 4.2)."""
    assert entry.verdict is not None
    left_open = entry.measured is not None and entry.verdict.certain_class is ResultClass.INDETERMINATE
    if not entry.verdict.bands or (left_open and entry.analyte is not None and entry.analyte.id == VITAMIN_D):
        return []
    worst = max(entry.verdict.bands, key=lambda band: band.urgency)
    because = f"{entry.key}: {worst.band}"
    ids = [*worst.recommend, *(ident for also in worst.also if facts.holds(also.when) for ident in also.recommend)]
    rule = next((ident for ident in entry.verdict.rule_ids if ident.endswith(f".{worst.band}")), "")
    return [Brought(ident, because, entry.urgency, worst.source, rule) for ident in ids]


def _of_state(release: Release, entry: Judged) -> list[Brought]:
    """The number behind a bound that leaves the verdict open (D3, K13); the repeat after an acute phase (D6)."""
    form = release.computations.vitamin_d
    if entry.analyte is not None and entry.analyte.id == VITAMIN_D and entry.measured is not None:
        because, rule = f"{entry.key}: acute_phase", "caution.acute_phase"
        return [Brought(ident, because, entry.urgency, form.source, rule) for ident in form.acute_phase_recommend]
    bound = entry.reading is not None and not entry.reading.quantity.measured and not entry.computed_from
    if entry.state is ResultState.CONDITIONAL and bound:
        because, rule = f"{entry.key}: comparator_bound", "caution.comparator_bound"
        return [Brought(REQUEST_NUMBER, because, entry.urgency, (), rule)]
    return []


def of_facts(release: Release, entries: Sequence[Judged], facts: Facts) -> list[Brought]:
    """What facts bring by themselves, at the urgency of the results that they speak of."""
    brought: list[Brought] = []
    for row in release.standing:
        assert row.when is not None
        if not facts.holds(row.when):
            continue
        urgency = max(
            (
                entry.urgency
                for entry in entries
                if entry.analyte is not None and {entry.analyte.id, entry.analyte.family} & set(row.urgency_of)
            ),
            default=Urgency.NONE,
        )
        because = unique(tuple(name.id for name in true_names(row.when, facts) if name.kind != "patient"))
        brought += [Brought(row.id, name, urgency, row.source, f"recommendation.{row.id}") for name in because]
    return brought


def recommend(
    release: Release, entries: Sequence[Judged], facts: Facts, brought: Sequence[Brought], overall: Urgency
) -> Recommended:
    """The recommendations: the contact line first among equals, then by urgency and the order of the release."""
    contact = release.urgencies[overall.name].contact
    raising = (
        [item.because for item in brought if item.urgency is overall]
        or [f"{entry.key}: {entry.urgency.name}" for entry in entries if entry.urgency is overall]
        or [f"overall urgency {overall.name}"]
    )
    every = [*brought, *(Brought(contact, because, overall, ()) for because in raising if contact)]
    by_id: dict[str, list[Brought]] = {}
    for item in every:
        by_id.setdefault(_by_overall(release, item.recommendation, overall), []).append(item)
    settled = {entry.analyte.id for entry in entries if entry.settled and entry.analyte is not None}
    withheld: list[WithheldRecommendation] = []
    kept: dict[str, list[Brought]] = {}
    waiting = list(by_id.items())
    for ident, items in waiting:
        row = release.recommendations[ident]
        if any(analyte in settled for analyte in row.satisfied_by) and not any(item.serial for item in items):
            continue
        if row.needs is not None and facts.truth(row.needs) is FALSE:
            continue
        if (ground := _ground(release, row, facts)) is not None:
            withheld.append(_withheld(ident, *ground, items))
            if row.instead:
                waiting.append((row.instead, items))
            continue
        kept[ident] = [*kept.get(ident, ()), *items]
    for pair in release.contradictions:
        if pair.winner in kept and pair.loser in kept:
            withheld.append(_withheld(pair.loser, pair.winner, pair.reason, kept.pop(pair.loser)))
    order = _order(release)
    given = [_given(release, release.recommendations[ident], items, overall) for ident, items in kept.items()]
    return Recommended(
        tuple(sorted(given, key=lambda item: (-item.urgency, order[item.id]))),
        tuple(sorted(withheld, key=lambda item: order[item.id])),
    )


def _ground(release: Release, row: RecommendationRow, facts: Facts) -> tuple[str, str] | None:
    """What withholds a recommendation, and why: its own condition, or a matched pattern."""
    if row.withheld_when is not None and facts.holds(row.withheld_when):
        return str(row.withheld_when), row.withheld_reason
    for pattern in release.withheld_by.get(row.id, ()):
        if facts.known.get(("pattern", pattern.id)) is TRUE:
            return pattern.id, pattern.withholds_reason
    return None


def _by_overall(release: Release, ident: str, overall: Urgency) -> str:
    """A repeat is asked for now or at the next occasion, by the overall urgency (vocabulary.md 13.3)."""
    row = release.recommendations[ident]
    return (row.when_same_day if overall >= _SAME_DAY else row.when_later) or ident


def _withheld(ident: str, by: str, reason: str, items: Sequence[Brought]) -> WithheldRecommendation:
    return WithheldRecommendation(ident, by, reason, unique(tuple(item.because for item in items)))


def _given(release: Release, row: RecommendationRow, items: Sequence[Brought], overall: Urgency) -> Recommendation:
    urgency = overall if row.as_overall else _NONE
    because: dict[str, None] = {}
    rule_ids = {f"recommendation.{row.id}": None}
    source_ids = dict.fromkeys(row.source)
    for item in items:
        urgency = max(urgency, item.urgency)
        because[item.because] = None
        if item.rule_id:
            rule_ids[item.rule_id] = None
        for source in item.source_ids:
            source_ids[source] = None
    return Recommendation(
        id=row.id,
        kind=row.kind,
        urgency=urgency,
        time_frame=release.urgencies[urgency.name].time_frame,
        text=_text(row, urgency),
        codes=row.codes,
        because=tuple(because),
        safety_conditions=row.safety_conditions,
        rule_ids=tuple(rule_ids),
        source_ids=tuple(source_ids),
        status=row.status,
    )


def _text(row: RecommendationRow, urgency: Urgency) -> str:
    """The words of a recommendation at an urgency: "now" stands where it is meant."""
    if urgency is _EMERGENCY and row.text_emergency:
        return row.text_emergency
    return (row.text_same_day if urgency >= _SAME_DAY else "") or row.text


@by_release(maxsize=64)
def _order(release: Release) -> Mapping[str, int]:
    return {ident: place for place, ident in enumerate(release.recommendations)}
