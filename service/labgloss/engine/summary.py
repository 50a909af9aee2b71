"""The paragraph that sums a report up: how soon and why, what fits, what lies where, what is open, what comes first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from labgloss.domain.report import Critical, Pattern, PatternState, ResultClass, ResultState, Urgency
from labgloss.engine import explain
from labgloss.engine.judged import Judged, unique
from labgloss.engine.kept import by_release
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
) -> str:
    """One paragraph that a registrar could act on; every sentence rests on something that the report lists."""
    urgency = release.urgencies[overall.name].text
    active = [flag for flag in evaluated.red_flags if not flag.held]
    if stopping := [flag for flag in active if release.red_flags[flag.id].stops_text]:
        # Nothing is interpreted beside a crisis: the pathway stands alone (SP 4, RF21).
        return " ".join((urgency, *(flag.text for flag in stopping)))
    counting = _counting(entries)
    sentences = [urgency]
    if evaluated.red_flags:
        sentences += _red_flags(release, evaluated)
    sentences += _patterns(evaluated)
    sentences += _values(entries, counting)
    if any(DISCORDANT in entry.cautions and entry.live for entry in entries):
        sentences.append(release.cautions[DISCORDANT].text)
    sentences += _open(release, entries)
    within = [_name(entry, entries) for entry, found in counting if found is ResultClass.NORMAL]
    if within:
        sentences.append(f"Inside the interval or policy in force: {joined(within)}.")
    if recognised.unread:
        sentences.append(_UNREAD)
    return " ".join((*sentences, *_first_steps(recommended, overall), *_possible(release, evaluated)))


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
    """What the results mean together: the foremost pattern in full, the others by name."""
    if not evaluated.patterns:
        return []
    matched = [pattern for pattern in evaluated.patterns if pattern.state is _MATCHED]
    pressing = [pattern for pattern in evaluated.patterns if pattern.state is _POSSIBLE and pattern.urgency > _NONE]
    sentences = [matched[0].text] if matched else []
    if len(matched) > 1:
        sentences.append(f"Beside it: {_titles(matched[1:])}.")
    if pressing:
        sentences.append(f"Possible, and to be settled now: {_titles(pressing)}.")
    return sentences


def _possible(release: Release, evaluated: Evaluated) -> list[str]:
    """What is possible and presses nobody: first what a test would settle, then, in one sentence each, the rest."""
    measurable: list[str] = []
    groups: dict[str, list[Pattern]] = {}
    for pattern in evaluated.patterns:
        if pattern.state is not _POSSIBLE or pattern.urgency is not _NONE:
            continue
        lacking = evaluated.lacks.get(pattern.id, ())
        if pattern.open_since or not lacking:
            groups.setdefault(pattern.open_since, []).append(pattern)
        else:
            measurable.append(_to_be_measured(release, pattern.title, lacking))
    sentences = [f"Open until more is measured: {'; '.join(measurable)}."] if measurable else []
    sentences += [f"Not excluded, since {since}: {_titles(group)}." for since, group in groups.items() if since]
    if falling_short := groups.get(""):
        sentences.append(f"Possible, and not established: {_titles(falling_short)}.")
    return sentences


@by_release(maxsize=4096)
def _to_be_measured(release: Release, title: str, families: tuple[str, ...]) -> str:
    """A pattern within a sentence, with what would settle it."""
    names = [family_name(release, family) for family in families]
    return f"{explain.inside_a_sentence(title)} ({joined(names, 'or')})"


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
    return sentences


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
