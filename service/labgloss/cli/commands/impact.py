"""`labgloss knowledge impact`: what another release, or a site's overlay, changes."""

from __future__ import annotations

import itertools
import json
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from labgloss.cli.console import output_style, write
from labgloss.cli.sides import release_of
from labgloss.domain.panel import Panel
from labgloss.knowledge.release import Release
from labgloss.panels.layout import Page
from labgloss.panels.reader import read_panels
from labgloss.proofs.answers import Answers, answer_of
from labgloss.proofs.impact import Impact, SiteChange, impact
from labgloss.proofs.regions import Region
from labgloss.proofs.witness import as_file, in_one_line
from labgloss.wire.decode import decode_panel

# Kinds of patient written out for one stretch; of more, how many.
_MOST_KINDS = 3


def run(arguments: Namespace) -> int:
    """Prints what differs; 1 when a gate is broken. Raises KnowledgeError or PanelFileError."""
    before, after = release_of(arguments.before), release_of(arguments.after)
    panels = _panels(before, arguments.panels)
    found = impact(before, after, panels, arguments.gate)
    if arguments.format == "json":
        write(json.dumps(_json(found), ensure_ascii=False, indent=2) + "\n")
    else:
        page = Page(output_style())
        _text(page, before, after, found)
        write(str(page).lstrip("\n"))
    return 1 if found.broken else 0


def _panels(release: Release, paths: list[str]) -> list[Panel]:
    cases = read_panels([Path(path) for path in paths])
    panels = [decode_panel(case.panel, "panel", release) for case in cases]
    return [replace(panel, options=replace(panel.options, trace=False)) for panel in panels]


# ---------------------------------------------------------------------------------------------- text


def _text(page: Page, before: Release, after: Release, found: Impact) -> None:
    for side, release in (("A", before), ("B", after)):
        overlay = f", overlay {release.reference.overlay}" if release.reference.overlay else ""
        page.line(f"{side}: version {release.reference.version}{overlay}, digest {release.reference.digest}", indent=0)
    _entries(page, found.site)
    page.heading(f"values: {_number(len(found.regions), 'stretch', 'stretches')} judged otherwise")
    for ident in found.analytes:
        page.text(f"{ident} is an analyte of one of the two only", mark="- ")
    for region in found.regions:
        if not region.read_by_one:
            page.text(f"{region.analyte}, {_stretch(region)}, {_whom(region)}", mark="- ")
            _changes(page, region.example)
    alike = itertools.groupby(
        (region for region in found.regions if region.read_by_one), lambda region: (region.analyte, region.unit)
    )
    for (analyte, unit), group in alike:
        _read_by_one(page, f"{analyte} {f'in {unit}' if unit else 'without a unit'}", list(group))
    page.heading(f"rules: {_number(len(found.rules), 'differs', 'differ')}")
    for rule in found.rules:
        page.text(f"{rule.kind} {rule.id}: {', '.join(rule.differs)}", mark="- ")
        if rule.witness is not None:
            _changes(page, rule.witness)
        elif rule.decides:
            page.text("no panel was found that is answered otherwise for it", indent=4)
    if found.asked:
        page.heading(f"panels: {len(found.panels)} of {found.asked} are answered otherwise")
        for answers in found.panels:
            page.text(answers.panel.id, mark="- ")
            _changes(page, answers, show_panel=False)
    for broken in found.broken:
        page.heading(f"gate {broken.gate} is broken by {_number(broken.panels, 'panel', 'panels')}; the first:")
        page.text("; ".join(broken.what))
        for line in as_file(broken.answers.panel, broken.answers.panel.id or "witness").splitlines():
            page.line(line, indent=4)


def _entries(page: Page, site: SiteChange) -> None:
    """The entries of a site's overlay that one side has."""
    count = len(site.before_only) + len(site.after_only)
    if count:
        page.heading(f"overlay: {_number(count, 'entry', 'entries')} of one of the two only")
    for side, entries in (("A", site.before_only), ("B", site.after_only)):
        for entry in entries:
            page.text(f"{side}: {entry.value}: {entry.text}", mark="- ")


def _stretch(region: Region) -> str:
    unit = region.unit if region.unit != "1" else ""
    return f"{region.stretch} {unit}".rstrip()


def _read_by_one(page: Page, results: str, regions: Sequence[Region]) -> None:
    """What the side that reads a unit says of every value; the other refuses each of them."""
    example = regions[0].example
    reader, refuser = "B", example.before
    if example.before.results[0].reading is not None:
        reader, refuser = "A", example.after
    refusal = refuser.results[0].refusal_reason
    page.text(
        f"{results}, {_whom(regions[0])}: read by {reader} only; refused by the other "
        f"({refusal.value if refusal else 'not read'})",
        mark="- ",
    )
    said: dict[str, list[str]] = {}
    for region in regions:
        entry = (region.example.after if reader == "B" else region.example.before).results[0]
        said.setdefault(_said(answer_of(entry)), []).append(region.stretch)
    for answer, stretches in said.items():
        page.text(f"{', or '.join(stretches)}: {answer}", indent=4)
    page.text(f"example: {in_one_line(example.panel)}", indent=4)


def _said(answer: Mapping[str, str]) -> str:
    """The answer to one result in a line; its state only where there is something to say of it."""
    shown = [f"{what} {answer[what]}" for what in ("class", "band", "critical", "urgency") if answer[what]]
    return ", ".join(shown if answer["state"] == "interpreted" else [answer["state"], *shown])


def _whom(region: Region) -> str:
    shown = [f"({whom})" for whom in region.whom[:_MOST_KINDS]]
    more = len(region.whom) - len(shown)
    return " ".join((*shown, *((f"and {more} more kinds of patient",) if more else ())))


def _changes(page: Page, answers: Answers, show_panel: bool = True) -> None:
    for change in answers.changes:
        page.text(str(change), indent=4)
    if show_panel:
        page.text(f"example: {in_one_line(answers.panel)}", indent=4)


def _number(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


# ---------------------------------------------------------------------------------------------- JSON


def _json(found: Impact) -> dict[str, Any]:
    return {
        "analytes_of_one": list(found.analytes),
        "overlay": {
            side: [{"name": entry.name, "value": entry.value, "text": entry.text} for entry in entries]
            for side, entries in (("before_only", found.site.before_only), ("after_only", found.site.after_only))
        },
        "values": [
            {
                "analyte": region.analyte,
                "unit": region.unit,
                "stretch": region.stretch,
                "patients": [str(whom) for whom in region.whom],
                **_answers(region.example),
            }
            for region in found.regions
        ],
        "rules": [
            {
                "kind": rule.kind,
                "id": rule.id,
                "differs": list(rule.differs),
                **(_answers(rule.witness) if rule.witness else {"changes": [], "example": None}),
            }
            for rule in found.rules
        ],
        "panels": {
            "asked": found.asked,
            "otherwise": [{"id": answers.panel.id, **_answers(answers)} for answers in found.panels],
        },
        "broken_gates": [
            {"gate": broken.gate, "panels": broken.panels, "what": list(broken.what), **_answers(broken.answers)}
            for broken in found.broken
        ],
    }


def _answers(answers: Answers) -> dict[str, Any]:
    return {
        "changes": [
            {"what": change.what, "before": change.before, "after": change.after} for change in answers.changes
        ],
        # A panel file in TOML.
        "example": as_file(answers.panel, answers.panel.id or "example"),
    }
