"""An explanation in words: for people on a page, for programs as plain content."""

from __future__ import annotations

from decimal import Decimal
from itertools import groupby
from typing import Any

from labgloss.domain.position import shown
from labgloss.domain.quantity import plain
from labgloss.domain.report import Urgency
from labgloss.domain.truth import Truth
from labgloss.knowledge.expression import Name
from labgloss.knowledge.release import Release
from labgloss.panels.layout import DIM, Page, Style
from labgloss.proofs.changes import LISTS, NumberMoved, Said, WordChanged
from labgloss.proofs.counterfactual import Flip, Goal, Searched, State
from labgloss.proofs.explanation import Explained, Explanation, Ground
from labgloss.proofs.margins import Margin, Margins

_KINDS = {
    "finding": "FINDING",
    "pattern": "PATTERN",
    "red_flag": "RED FLAG",
    "recommendation": "RECOMMENDATION",
}
_STATES = {
    ("finding", State.ABSENT): "does not hold",
    ("pattern", State.ABSENT): "not met",
    ("red_flag", State.ABSENT): "not raised",
    ("red_flag", State.HELD): "held until the repeat",
    ("recommendation", State.ABSENT): "not given",
}
_TRUTHS = {Truth.TRUE: "true", Truth.FALSE: "false", Truth.UNKNOWN: "not known"}


def explained_text(explained: Explained, release: Release, title: str, style: Style) -> str:
    """The explanation of a panel as text, ending with a line break."""
    page = Page(style)
    page.rule("═")
    page.ends(explained.panel_id or "(panel without id)", explained.urgency.name, "")
    page.text(title, indent=0)
    page.rule("─")
    if explained.margins:
        page.heading("MARGINS: the signed distance of each value from each limit, in the unit compared")
    for margins in explained.margins:
        _margins(page, margins, release)
    if not explained.explanations:
        page.heading("The report holds no finding, pattern, red flag or recommendation to explain.")
    for explanation in explained.explanations:
        _explanation(page, explanation, explained, release)
    page.rule("─")
    page.text(
        f"Every change that is shown was made, and the changed panel interpreted: {explained.evaluations} in all. "
        "Changes are single; age, sex and pregnancy stay.",
        indent=0,
        colour=DIM,
    )
    return str(page)


# ---------------------------------------------------------------------------------------------- margins


def _margins(page: Page, margins: Margins, release: Release) -> None:
    unit = margins.reading.compared.unit
    page.text(f"{_name_of(margins, release)} {_as_read(margins)}")
    digits = None if margins.reading.factor == 1 else margins.reading.digits
    for end, group in groupby(margins.margins, key=lambda margin: margin.end):
        at = list(group)
        distance, limits = _signed(at[0].distance, digits), ", ".join(dict.fromkeys(map(_limit, at)))
        page.text(limits, indent=4, mark=f"{distance:>8} from {shown(end, digits)} {unit}: ")
    if not margins.margins:
        page.text("no limit is in force for it", indent=4)


def _name_of(margins: Margins, release: Release) -> str:
    name = release.analytes[margins.analyte].name
    ident = margins.result.id if margins.result is not None else ""
    return f"{name} ({ident})" if ident and ident != margins.analyte else name


def _as_read(margins: Margins) -> str:
    reading = margins.reading
    sent = f"{reading.quantity.comparator.value}{plain(reading.quantity.value)} {reading.quantity.unit}"
    compared = f"compared as {shown(reading.compared.value, reading.digits)} {reading.compared.unit}"
    parts = [
        sent,
        compared if reading.factor != 1 else "",
        "computed" if margins.index is None else "",
        "earlier" if margins.earlier else "",
        "refused" if margins.refused else "",
    ]
    return ", ".join(part for part in parts if part)


def _limit(margin: Margin) -> str:
    """Which end of what: "severe low up to here", "default interval (age from 16 y) from here"."""
    if margin.lower:
        where = "from here" if margin.inclusive else "above"
    else:
        where = "up to here" if margin.inclusive else "below"
    return f"{_words(margin.name)} {where}"


def _words(name: str) -> str:
    return name if name.isupper() else name.replace("_", " ")


def _signed(distance: Decimal, digits: int | None) -> str:
    text = shown(distance, digits)
    return text if distance <= 0 else f"+{text}"


# ---------------------------------------------------------------------------------------------- one explanation


def _explanation(page: Page, one: Explanation, explained: Explained, release: Release) -> None:
    number = f" ({one.number})" if one.number else ""
    urgent = f", {one.urgency.name}" if one.urgency is not None and one.urgency is not Urgency.NONE else ""
    page.heading(f"{_KINDS[one.kind]} {one.id}{number}: {state_words(one.kind, one.state)}{urgent}")
    page.text(one.text)
    for ground in one.grounds:
        page.text(_ground(ground), indent=4, mark="- ")
    page.text(_read(one, explained, release), indent=4)
    page.text(f"not known: {'; '.join(one.missing)}" if one.missing else "", indent=4)
    page.text(f"against: {'; '.join(one.against)}" if one.against else "", indent=4)
    page.text(f"shown in its place: {', '.join(one.instead)}" if one.instead else "", indent=4)
    for goal in one.counterfactuals.goals:
        _goal(page, one, goal, explained.urgency, release)
    basis = [f"rule {', '.join(one.rule_ids)}", f"sources {', '.join(one.source_ids)}" if one.source_ids else ""]
    basis.append(f"status {one.status}" if one.status else "")
    page.text("; ".join(part for part in basis if part), indent=4, colour=DIM)


def _read(one: Explanation, explained: Explained, release: Release) -> str:
    """The results that it reads, with their values."""
    read = [
        f"{_name_of(margins, release)} {_as_read(margins)}"
        for margins in explained.margins
        if release.analytes[margins.analyte].family in one.families
    ]
    return f"reads: {'; '.join(read)}" if read else ""


def _ground(ground: Ground) -> str:
    words = f"{ground.role}: {ground.text}"
    expression = f" [{ground.expression}]" if ground.expression != ground.text else ""
    return f"{_TRUTHS[ground.truth]:<9} {words}{expression}"


def state_words(kind: str, state: State) -> str:
    """What a report says of something of a kind."""
    return _STATES.get((kind, state), state.value)


def _goal(page: Page, one: Explanation, goal: Goal, urgency: Urgency, release: Release) -> None:
    aim = _aim(one, goal)
    for flip in goal.flips:
        page.text(f"{aim} with {_flip(one, flip, urgency, release)}", indent=4, mark="> ")
    if not goal.flips:
        verb = "" if one.kind == "finding" else "is "
        tried = _tried(one.counterfactuals.searched)
        page.text(f"no single change was found by which it {verb}{aim}: {tried}", indent=4, mark="> ")


def _aim(one: Explanation, goal: Goal) -> str:
    """The state that is asked for, in words."""
    if State.ABSENT in goal.states:
        return state_words(one.kind, State.ABSENT) if len(goal.states) == 1 else f"no longer {one.state.value}"
    fitting = {"finding": State.HOLDS, "pattern": State.MATCHED, "red_flag": State.RAISED}
    return state_words(one.kind, fitting.get(one.kind, State.GIVEN))


def _flip(one: Explanation, flip: Flip, urgency: Urgency, release: Release) -> str:
    """A change, and what else than the asked for follows from it."""
    # Only where it says more than that something is so no longer.
    between = flip.after in (State.POSSIBLE, State.HELD, State.WITHHELD)
    follows = [f"then {state_words(one.kind, flip.after)}" if between else ""]
    stays = flip.urgency is urgency
    follows.append(f"urgency stays {urgency.name}" if stays else f"urgency {urgency.name} -> {flip.urgency.name}")
    follows.append(f"comes: {', '.join(flip.come)}" if flip.come else "")
    follows.append(f"goes: {', '.join(flip.gone)}" if flip.gone else "")
    return f"{change_words(flip, release)}; {'; '.join(part for part in follows if part)}"


def _tried(searched: Searched) -> str:
    """What was tried in vain."""
    words = f"{searched.words} changes of a symptom, condition or medication"
    results = len(searched.results)
    numbers = f"the number of {results} result{'' if results == 1 else 's'}"
    parts = [words if searched.words else "", numbers if results else ""]
    tried = " and ".join(part for part in parts if part)
    return (
        f"{tried} {'was' if tried.startswith('the') else 'were'} tried"
        if tried
        else "nothing that may change decides it"
    )


def change_words(flip: Flip, release: Release) -> str:
    """A change in words: "magnesium 0.41 -> 0.70 mmol/L (29 digits up)"."""
    change = flip.change
    if isinstance(change, NumberMoved):
        assert flip.number is not None
        before, after = flip.number
        digits = "digit" if abs(change.steps) == 1 else "digits"
        direction = "up" if change.steps > 0 else "down"
        name = before.id or before.analyte or ", ".join(coding.code for coding in before.codings)
        moved = f"{before.value} -> {after.comparator.value}{after.value} {before.unit}".rstrip()
        return f"{name} {moved} ({abs(change.steps)} {digits} {direction})"
    return _word_change(change, release)


def _word_change(change: WordChanged, release: Release) -> str:
    name, kind = change.name, change.name.kind
    if change.said is Said.NONE_OF_THEM:
        return f"the list of {LISTS[kind]} sent, and nothing on it"
    if name.id.startswith("unread["):
        return f"{LISTS[kind]}{name.id.removeprefix('unread')}, which was not recognised, removed"
    alone = f", alone on the list of {LISTS[kind]}, which was not sent" if change.words > 1 else ""
    return f"{kind} {_display(name, release)} {change.said.value}{alone}"


def _display(name: Name, release: Release) -> str:
    if name.kind == "symptom":
        display = release.symptoms[name.id].display
    else:
        display = (release.conditions if name.kind == "condition" else release.medications)[name.id].display
    return f'"{display}" ({name.id})'


# ---------------------------------------------------------------------------------------------- for programs


def explained_content(explained: Explained, release: Release) -> dict[str, Any]:
    """The explanation of a panel as content for JSON: numbers as text, as the laboratory's are."""
    return {
        "panel": explained.panel_id,
        "urgency": explained.urgency.name,
        "explanations": [_content(one, release) for one in explained.explanations],
        "results": [_margins_content(margins) for margins in explained.margins],
        "evaluations": explained.evaluations,
    }


def _content(one: Explanation, release: Release) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "id": one.id,
        "number": one.number,
        "state": one.state.value,
        "urgency": None if one.urgency is None else one.urgency.name,
        "text": one.text,
        "rule_ids": list(one.rule_ids),
        "clauses": [
            {"role": item.role, "expression": item.expression, "truth": item.truth.value, "text": item.text}
            for item in one.grounds
        ],
        "missing": list(one.missing),
        "against": list(one.against),
        "shown_in_its_place": list(one.instead),
        "analytes": list(one.families),
        "source_ids": list(one.source_ids),
        "status": one.status,
        "would_flip": [
            {
                "to": sorted(state.value for state in goal.states if _can_be(one.kind, state)),
                "changes": [_flip_content(flip, release) for flip in goal.flips],
            }
            for goal in one.counterfactuals.goals
        ],
        "tried": {
            "words": one.counterfactuals.searched.words,
            "results": list(one.counterfactuals.searched.results),
        },
    }


def _can_be(kind: str, state: State) -> bool:
    states = {
        "finding": (State.HOLDS,),
        "pattern": (State.MATCHED, State.POSSIBLE),
        "red_flag": (State.RAISED, State.HELD),
        "recommendation": (State.GIVEN, State.WITHHELD),
    }
    return state is State.ABSENT or state in states[kind]


def _flip_content(flip: Flip, release: Release) -> dict[str, Any]:
    content: dict[str, Any] = {"text": change_words(flip, release), "state": flip.after.value}
    change = flip.change
    if isinstance(change, NumberMoved):
        assert flip.number is not None
        content |= {"result": change.index, "digits": change.steps, "value": flip.number[1].value}
    else:
        content |= {"name": str(change.name), "said": change.said.value, "words": change.words}
    return content | {"urgency": flip.urgency.name, "come": list(flip.come), "gone": list(flip.gone)}


def _margins_content(margins: Margins) -> dict[str, Any]:
    reading = margins.reading
    return {
        "result": margins.index,
        "analyte": margins.analyte,
        "value": plain(reading.quantity.value),
        "comparator": reading.quantity.comparator.value,
        "unit": reading.quantity.unit,
        "earlier": margins.earlier,
        "refused": margins.refused,
        "compared_value": plain(reading.compared.value),
        "compared_unit": reading.compared.unit,
        "margins": [
            {
                "kind": margin.kind,
                "rule_id": margin.rule_id,
                "name": margin.name,
                "limit": margin.limit,
                "end": plain(margin.end),
                "side": "lower" if margin.lower else "upper",
                "inclusive": margin.inclusive,
                "distance": plain(margin.distance),
                "source_ids": list(margin.source_ids),
                "status": margin.status,
            }
            for margin in margins.margins
        ],
    }
