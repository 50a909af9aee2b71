"""`labgloss knowledge`: the knowledge checked, shown, and laid before whoever signs it off."""

from __future__ import annotations

from argparse import Namespace
from collections import Counter
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

from labgloss.cli.console import complain, output_style, write, write_file
from labgloss.cli.proved import keep, place, proved
from labgloss.errors import KnowledgeError
from labgloss.knowledge.loader import DATA, load
from labgloss.knowledge.release import Analyte, Release
from labgloss.knowledge.stated import statuses, unsigned
from labgloss.panels.layout import Page
from labgloss.panels.names import word_of
from labgloss.proofs.lint import prove
from labgloss.proofs.signoff import signoff
from labgloss.v1 import knowledge_pb2 as pb
from labgloss.wire.rules import ids_of, rules_of


def run(arguments: Namespace) -> int:
    """Prints a verdict, or what was asked for. Raises KnowledgeError with every fault of the knowledge."""
    overlay = Path(arguments.overlay) if arguments.overlay else None
    if arguments.action == "lint":
        return _lint(_folder(arguments), overlay)
    if arguments.action == "signoff":
        return _signoff(_folder(arguments), arguments.output)
    return _show(load(overlay=overlay), arguments.id)


def _lint(folder: Path, overlay: Path | None) -> int:
    release = load(folder, overlay)
    verdict = prove(release)
    if verdict.faults:
        raise KnowledgeError(verdict.faults)
    rules = rules_of(release)
    write(f"clean: {len(release.analytes)} analytes, {len(rules)} rules, {len(release.sources)} sources\n")
    page = Page(output_style())
    page.text(f"proved: {verdict.enumerated}")
    where = place(folder, overlay)
    if keep(where, proved(release.reference, verdict.enumerated)):
        page.line(f"verdict: {where.name}, beside what it speaks of; a start takes it, and proves nothing again")
    else:
        page.line(f"verdict: {where.name} cannot be written there; each start proves again")
    _release_lines(page, release, rules)
    write(str(page))
    return 0


def _folder(arguments: Namespace) -> Path:
    return Path(arguments.folder) if arguments.folder else DATA


def _signoff(folder: Path, output: str | None) -> int:
    document = signoff(load(folder))
    if output is None:
        write(document)
    else:
        write_file("--output", output, document.encode())
    return 0


def _show(release: Release, ident: str | None) -> int:
    rules = rules_of(release)
    page = Page(output_style())
    if ident is None:
        _release(page, release, rules)
    elif ident in release.analytes:
        _analyte(page, release.analytes[ident], [rule for rule in rules if rule.analyte == ident])
    elif named := [rule for rule in rules if rule.id in ids_of(ident)]:
        for rule in named:
            _rule(page, rule, release)
    else:
        near = ", ".join(get_close_matches(ident, {*release.analytes, *(rule.id for rule in rules)}))
        complain(f"neither an analyte nor a rule has the id {ident}" + (f"; near it: {near}" if near else ""))
        return 1
    write(str(page).lstrip("\n"))
    return 0


def _release(page: Page, release: Release, rules: Iterable[pb.Rule]) -> None:
    page.heading(release.file.title)
    page.text(release.intended_use)
    _release_lines(page, release, rules)
    if release.site.entries:
        page.heading("laid over it by the site")
    for entry in release.site.entries:
        page.text(f"{entry.name} {entry.value}: {entry.text}", mark="- ")
    page.heading("analytes")
    for analyte in release.analytes.values():
        page.line(f"{analyte.id:<26} {analyte.name}")


def _release_lines(page: Page, release: Release, rules: Iterable[pb.Rule]) -> None:
    """Version and digest, and how many rules there are of each kind and status."""
    reference = release.reference
    page.line(f"version {reference.version}, engine {reference.engine}")
    page.line(f"digest {reference.digest}")
    if reference.overlay:
        page.line(f"overlay {reference.overlay}: {release.site.title}")
        page.line(f"overlay digest {reference.overlay_digest}")
    rules = list(rules)
    page.text(f"rules: {_counted(word_of(pb.RuleKind, rule.kind) for rule in rules)}")
    of_status = statuses(release)
    page.text(f"status: {', '.join(f'{count} {name}' for name, count in of_status.items())}")
    open_items = len(unsigned(release))
    page.text(
        f"unsigned: {open_items} of {sum(of_status.values())} figures and rules; labgloss knowledge signoff lists them"
    )


def _counted(names: Iterable[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(Counter(names).items()))


def _analyte(page: Page, analyte: Analyte, rules: Iterable[pb.Rule]) -> None:
    form = analyte.form
    page.heading(f"{analyte.id}: {analyte.name}")
    page.text(f"LOINC: {', '.join(code.loinc for code in form.codes)}" if form.codes else "")
    page.text(f"units: {', '.join(unit.ucum for unit in form.units)}" if form.units else "")
    kind = ""
    for rule in sorted(rules, key=lambda rule: rule.kind):
        if (name := word_of(pb.RuleKind, rule.kind)) != kind:
            kind = name
            page.heading(kind.replace("_", " "))
        page.text(f"{rule.id}  {_limits(rule)}")


def _rule(page: Page, rule: pb.Rule, release: Release) -> None:
    number = f" ({rule.number})" if rule.number else ""
    page.heading(f"{rule.id}{number}: {word_of(pb.RuleKind, rule.kind).replace('_', ' ')}")
    page.text(rule.title)
    for part in rule.statement.split("; "):
        page.text(part)
    page.text(_limits(rule))
    page.text(f"status: {rule.status}" if rule.status else "")
    page.text(rule.note)
    for source in rule.source_ids:
        citation = release.sources[source].citation if source in release.sources else ""
        page.text(f"{source}: {citation}", mark="- ")


def _limits(rule: pb.Rule) -> str:
    return "; ".join(f"{limit.expression} {limit.unit}" for limit in rule.limits)
