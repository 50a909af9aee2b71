"""A panel as a person would write it down: a panel file that meets a fault."""

from __future__ import annotations

import json
from collections.abc import Iterator

from labgloss.domain.panel import ContextItem, Panel, Result, Symptom
from labgloss.domain.subject import AgeUnit, StatedAge

_AGE_KEYS = {AgeUnit.DAYS: "age_days", AgeUnit.MONTHS: "age_months", AgeUnit.YEARS: "age_years"}


def in_one_line(panel: Panel) -> str:
    """A panel in words, on one line: who, what was measured, what is recorded."""
    age = panel.patient.age
    who = [
        f"age {age}" if age is not None else "age unknown",
        panel.patient.sex.value if panel.patient.sex else "sex unknown",
    ]
    if panel.patient.pregnant:
        who.append(f"pregnant, trimester {panel.patient.trimester or 'unknown'}")
    if panel.patient.preterm is not None:
        who.append("born preterm" if panel.patient.preterm else "born at term")
    results = [_result_in_words(result) for result in panel.results]
    symptoms = [symptom.id if symptom.present else f"no {symptom.id}" for symptom in panel.symptoms]
    parts = [", ".join(who), ", ".join(results), ", ".join(symptoms)]
    for name, items in (("conditions", panel.conditions), ("medications", panel.medications)):
        if items is not None:
            parts.append(f"{name}: {', '.join(item.id or item.text for item in items) or 'none'}")
    parts += [f"{key} {value}" for key, value in _options(panel)]
    parts += [f"source {panel.source}"] if panel.source else []
    return "; ".join(part for part in parts if part)


def _options(panel: Panel) -> Iterator[tuple[str, str]]:
    """What is chosen, by the keys of a panel file."""
    for key in ("vitamin_d_policy", "critical_limits", "intervals"):
        if value := getattr(panel.options, key):
            yield key, value


def _result_in_words(result: Result) -> str:
    notes = [*result.specimen.comments]
    if result.interval is not None:
        notes.append(f"its interval {result.interval.low or ''} to {result.interval.high or ''}")
    beside = f" ({', '.join(notes)})" if notes else ""
    return f"{result.analyte} {result.comparator.value}{result.value} {result.unit}".rstrip() + beside


def as_file(panel: Panel, ident: str) -> str:
    """A panel as a panel file in TOML, to be run with `labgloss check` or `labgloss interpret`."""
    return "\n".join(_lines(panel, ident)) + "\n"


def _lines(panel: Panel, ident: str) -> Iterator[str]:
    yield "[[panel]]"
    yield f'id = "{ident}"'
    if panel.source:
        yield f'source = "{panel.source}"'
    for name, items in (("conditions", panel.conditions), ("medications", panel.medications)):
        if items is not None:
            yield f"{name} = [{', '.join(_item(item) for item in items)}]"
    yield "[panel.patient]"
    age = panel.patient.age
    if isinstance(age, StatedAge):
        yield f"{_AGE_KEYS[age.unit]} = {age.number}"
    if panel.patient.sex is not None:
        yield f'sex = "{panel.patient.sex.value}"'
    for key, said in (("pregnant", panel.patient.pregnant), ("preterm", panel.patient.preterm)):
        if said is not None:
            yield f"{key} = {str(said).lower()}"
    if panel.patient.trimester is not None:
        yield f"trimester = {panel.patient.trimester}"
    if chosen := list(_options(panel)):
        yield "[panel.options]"
        yield from (f'{key} = "{value}"' for key, value in chosen)
    for result in panel.results:
        yield from _result(result)
    for symptom in panel.symptoms:
        yield from _symptom(symptom)


def _item(item: ContextItem) -> str:
    name = f'id = "{item.id}"' if item.id else f'text = "{item.text}"'
    return f'{{ {name}, since = "{item.since}" }}' if item.since else f"{{ {name} }}"


def _result(result: Result) -> Iterator[str]:
    yield "[[panel.results]]"
    for key, value in (
        ("id", result.id),
        ("analyte", result.analyte),
        ("value", result.value),
        ("comparator", result.comparator.value),
        ("unit", result.unit),
        ("status", "" if result.status.value == "final" else result.status.value),
        ("collected", result.collected.text if result.collected else ""),
    ):
        if value:
            yield f'{key} = "{value}"'
    specimen = {
        "id": result.specimen.id,
        "kind": result.specimen.kind.value if result.specimen.kind else "",
        "additive": result.specimen.additive,
        "haemolysis": result.specimen.haemolysis.value if result.specimen.haemolysis else "",
        "transport": result.specimen.transport,
    }
    stated = [f'{key} = "{value}"' for key, value in specimen.items() if value]
    if result.specimen.comments:
        quoted = ", ".join(f'"{text}"' for text in result.specimen.comments)
        stated.append(f"comments = [{quoted}]")
    if stated:
        yield f"specimen = {{ {', '.join(stated)} }}"
    if result.interval is not None:
        ends = [
            f'{key} = "{value}"'
            for key, value in (("low", result.interval.low), ("high", result.interval.high))
            if value
        ]
        yield f"interval = {{ {', '.join(ends)} }}"


def _symptom(symptom: Symptom) -> Iterator[str]:
    yield "[[panel.symptoms]]"
    yield f'id = "{symptom.id}"' if symptom.id else f"text = {json.dumps(symptom.text, ensure_ascii=False)}"
    if not symptom.present:
        yield "present = false"
    if symptom.duration:
        yield f'duration = "{symptom.duration}"'
