"""The paragraph that sums a report up: how soon and why, what lies where, what fits, what is open, what comes first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from labgloss.domain.report import Critical, Pattern, PatternState, ResultClass, ResultState, Urgency
from labgloss.engine import explain
from labgloss.engine.judge import flagged_critical
from labgloss.engine.judged import Judged, unique
from labgloss.engine.recognise import Recognised
from labgloss.engine.recommend import Recommended
from labgloss.engine.rules import VALUE_ALONE, Evaluated
from labgloss.knowledge.release import Release

DISCORDANT = "calcium_discordant"
# As names they are found sooner: every pattern is asked.
_MATCHED: Final = PatternState.MATCHED
_POSSIBLE: Final = PatternState.POSSIBLE
_NONE: Final = Urgency.NONE
# What a clinician considers, besides contact, tests and reviews, which the report lists.
_FIRST_STEPS = ("ecg", "safety", "consider")


def paragraph(
    release: Release,
    recognised: Recognised,
    entries: Sequence[Judged],
    evaluated: Evaluated,
    recommended: Recommended,
    overall: Urgency,
    unexplained: Sequence[str],
) -> str:
    """One paragraph that a registrar could act on; every sentence rests on something that the report lists.

    `unexplained`: the symptoms that nothing in the panel accounts for, as they stand within a sentence.
    """
    urgency = release.urgencies[overall.name].text
    active = [flag for flag in evaluated.red_flags if not flag.held]
    if stopping := [flag for flag in active if release.red_flags[flag.id].stops_text]:
        # Nothing is interpreted beside a crisis: the pathway stands alone (SP 4, RF21).
        return " ".join((urgency, *(flag.text for flag in stopping)))
    counting = _counting(entries)
    sentences = [urgency, *_values(entries, counting)]
    if evaluated.red_flags:
        sentences += _red_flags(release, evaluated)
    sentences += _patterns(evaluated)
    if any(DISCORDANT in entry.cautions and entry.live for entry in entries):
        sentences.append(release.cautions[DISCORDANT].text)
    sentences += _open(release, entries)
    within = [_name(entry, entries) for entry, found in counting if found is ResultClass.NORMAL]
    if within:
        sentences.append(f"Inside the interval or policy in force: {joined(within)}.")
    if unexplained:
        sentences.append(f"{_UNEXPLAINED}: {joined(unexplained)}. {_NOT_EXCLUDED}")
    if recognised.unread:
        sentences.append(_UNREAD)
    return " ".join((*sentences, *_first_steps(recommended, overall), *_possible(evaluated)))


_UNEXPLAINED = "Not explained by what is known here"
_NOT_EXCLUDED = "Normal values neither explain a symptom nor exclude a cause; other causes remain."
# What nobody read stands in the report as it was sent, not here: this paragraph holds no words but the release's.
_UNREAD = "Some words were not recognised, and no rule read them: the report lists them as they were sent."


def _first_steps(recommended: Recommended, overall: Urgency) -> list[str]:
    """Of each kind of step, the foremost one that is as urgent as the report."""
    steps: dict[str, str] = {}
    for item in recommended.given:
        if item.kind in _FIRST_STEPS and item.urgency is overall:
            steps.setdefault(item.kind, item.text)
    return list(steps.values())


def _red_flags(release: Release, evaluated: Evaluated) -> list[str]:
    """Red flags by name; the values that count alone are named with the values."""
    titles = [
        release.red_flags[flag.id].title for flag in evaluated.red_flags if not flag.held and flag.id != VALUE_ALONE
    ]
    held = [release.red_flags[flag.id].title for flag in evaluated.red_flags if flag.held]
    sentences = [f"Red flags: {joined(titles)}."] if len(titles) > 1 else [f"Red flag: {title}." for title in titles]
    if held:
        sentences.append(f"Held until the repeat: {joined(held)}.")
    return sentences


def _patterns(evaluated: Evaluated) -> list[str]:
    """What the results mean together, by name: the list of patterns has the words."""
    if not evaluated.patterns:
        return []
    matched = [pattern for pattern in evaluated.patterns if pattern.state is _MATCHED]
    pressing = [pattern for pattern in evaluated.patterns if pattern.state is _POSSIBLE and pattern.urgency > _NONE]
    sentences = [f"Pattern{'s' if len(matched) > 1 else ''}: {_titles(matched)}."] if matched else []
    if pressing:
        sentences.append(f"Possible, and to be settled now: {_titles(pressing)}.")
    return sentences


def _possible(evaluated: Evaluated) -> list[str]:
    """That something is possible and presses nobody: what would settle it is the list's."""
    count = sum(pattern.state is _POSSIBLE and pattern.urgency is _NONE for pattern in evaluated.patterns)
    if not count:
        return []
    return [f"Possible, and not established: {count} pattern{'s' if count > 1 else ''}, listed with what is missing."]


def family_name(release: Release, family: str) -> str:
    """An analyte or a family of analytes, as it is called."""
    return release.analytes[family].name if family in release.analytes else family.replace("_", " ")


def _titles(patterns: Iterable[Pattern]) -> str:
    return "; ".join(explain.inside_a_sentence(pattern.title) for pattern in patterns)


def _counting(entries: Sequence[Judged]) -> list[tuple[Judged, ResultClass]]:
    """The results that count, each with its class."""
    return [(entry, _class_of(entry)) for entry in entries if entry.live and (entry.primary or entry.opposed)]


_SIDES = {ResultClass.LOW: "Low", ResultClass.HIGH: "High"}


def _values(entries: Sequence[Judged], counting: Sequence[tuple[Judged, ResultClass]]) -> list[str]:
    """What is low or high, each with its interval, the most urgent first; then what may be critical."""
    outside = [one for one in counting if one[1] in _SIDES]
    outside.sort(key=lambda one: -one[0].urgency)
    sentences = []
    for side, name in _SIDES.items() if outside else ():
        if listed := [explain.in_brief(entry) for entry, found in outside if found is side]:
            sentences.append(f"{name}: {joined(listed)}.")
    possible = [
        _name(entry, entries)
        for entry in entries
        # What a paired specimen settled is nothing to call about; its own entry says it.
        if entry.critical is Critical.POSSIBLE and not entry.settled_by_pair
    ]
    if possible:
        sentences.append(f"Possibly critical: {joined(possible)}.")
    flagged = [_name(entry, entries) for entry in entries if _by_flag_alone(entry)]
    if flagged:
        sentences.append(f"Flagged as critical by the laboratory, which asks for contact: {joined(flagged)}.")
    return [*sentences, *_critical_before(entries)]


def _critical_before(entries: Sequence[Judged]) -> list[str]:
    """What is critical no more: an earlier value that nothing explains, and a change that no assay makes (DEC-85)."""
    sentences = []
    for entry in entries:
        if entry.trend is None or not entry.trend.exceeds_reference_change or entry.analyte is None or not entry.live:
            continue
        was = any(
            other.index == entry.trend.previous_index
            and other.verdict is not None
            and other.verdict.critical is Critical.YES
            and not other.unreliable
            for other in entries
        )
        if was and entry.verdict is not None and entry.verdict.critical is Critical.NO:
            name = explain.capitalised(entry.analyte.name)
            sentences.append(f"{name} {entry.trend.text}; the earlier value lay beyond a critical limit.")
    return sentences


def _by_flag_alone(entry: Judged) -> bool:
    """Whether the laboratory's own critical flag made the urgency of an entry, and no limit of ours."""
    return (
        not entry.earlier
        and entry.critical is Critical.NO
        and entry.urgency >= Urgency.SAME_DAY
        and flagged_critical(entry)
        and not (entry.verdict and any(band.urgency >= Urgency.SAME_DAY for band in entry.verdict.bands))
    )


def _class_of(entry: Judged) -> ResultClass:
    return entry.verdict.certain_class if entry.verdict else ResultClass.INDETERMINATE


def _open(release: Release, entries: Sequence[Judged]) -> list[str]:
    """What could not be judged, or only on a condition: each named, with its reason."""
    refused: dict[str, list[str]] = {}
    for entry in entries:
        if entry.state in (ResultState.REFUSED, ResultState.NOT_RECOGNISED) and not entry.earlier:
            refused.setdefault(_reason(release, entry), []).append(_name(entry, entries))
    listed = "; ".join(f"{joined(names)} ({reason})" for reason, names in refused.items())
    sentences = [f"Not judged, and not to be read as normal: {listed}."] if refused else []
    for entry in entries:
        if entry.live and entry.primary and entry.state is ResultState.CONDITIONAL:
            if entry.analyte is not None and entry.analyte.form.role != "primary" and entry.urgency is Urgency.NONE:
                # A supporting result without an interval is open all the time; its own entry says so.
                continue
            if _class_of(entry) is ResultClass.INDETERMINATE:
                sentences.append(explain.placed(entry))
            if entry.missing:
                sentences.append(f"What would settle {_name(entry, entries)}: {joined(entry.missing)}.")
    return sentences


def _reason(release: Release, entry: Judged) -> str:
    return release.refusals[entry.refusal.value].title if entry.refusal else "not recognised"


def _name(entry: Judged, entries: Sequence[Judged]) -> str:
    """The analyte, with its value where the panel holds several of it."""
    if entry.analyte is None:
        return "a result"
    if entry.reading is not None and any(other.analyte is entry.analyte and other is not entry for other in entries):
        return f"{entry.analyte.name} {explain.quantity_text(entry.reading)}"
    return entry.analyte.name


def joined(names: Sequence[str], joint: str = "and") -> str:
    """The names as a list within a sentence."""
    parts = unique(tuple(names)) if len(names) > 1 else names
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {joint} {parts[-1]}"
