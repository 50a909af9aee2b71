"""Why a pattern is only possible: lists that were not sent, or not wholly read, or what was not said of symptoms."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from labgloss.domain.panel import Panel
from labgloss.domain.truth import Truth
from labgloss.engine.facts import Facts
from labgloss.knowledge.expression import Expression, Name, names
from labgloss.knowledge.schema import PatternRow

_LISTS = ("condition", "medication")
_SYMPTOM = "symptom"
_ABSENT = {"condition": "no list of conditions was sent", "medication": "no medication list was sent"}


def kinds_open(rule: PatternRow, facts: Facts) -> tuple[str, ...]:
    """Which of the lists of conditions and medications leaves a clause that the pattern needs open; else whether
    symptoms alone do."""
    found = {
        name.kind
        for part in (*rule.core, *rule.required)
        if facts.truth(part) is Truth.UNKNOWN
        for name in _open_names(part, facts)
    }
    return tuple(kind for kind in _LISTS if kind in found) or ((_SYMPTOM,) if found == {_SYMPTOM} else ())


def _open_names(part: Expression, facts: Facts) -> Iterator[Name]:
    for name in names(part):
        if facts.truth(name) is not Truth.UNKNOWN:
            continue
        if name.kind == "group":
            for member in facts.release.groups[name.id].members:
                yield from _open_names(member, facts)
        else:
            yield name


def since(kinds: Collection[str], panel: Panel) -> str:
    """What of these was not sent, read or said, as it stands behind "since"; empty for nothing."""
    if _SYMPTOM in kinds:
        return "their symptoms were neither stated nor denied"
    absent = [kind for kind in kinds if _sent(panel, kind) is None]
    if len(absent) == len(_LISTS):
        return "neither conditions nor medications were sent"
    parts = [_ABSENT[kind] if kind in absent else f"a {kind} was not recognised" for kind in kinds]
    return " and ".join(parts)


def _sent(panel: Panel, kind: str) -> Sequence[object] | None:
    return panel.conditions if kind == "condition" else panel.medications
