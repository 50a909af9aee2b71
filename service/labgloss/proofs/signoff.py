"""What of a release nobody has signed, as one document for a clinical lead. The same bytes for the same release."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from labgloss.domain.report import Urgency
from labgloss.knowledge.release import Release
from labgloss.knowledge.stated import KINDS, SEEN, Stated, stated
from labgloss.proofs.moving import moving, names_made, own_urgencies
from labgloss.proofs.saying import saying
from labgloss.proofs.uses import LOWERED, Use, Uses, by_kind

# Statuses in the order of the columns: first what nobody read in a source.
_STATUSES = ("recalled", "proposal", "decision", "computed", "unit_seen", "not_stated")
_ROLES = ("primary", "computed", "supporting", "never_read")
_NO_ANALYTE = "Not about one analyte"
_READ_BY: Mapping[str, str] = {
    "finding": "findings",
    "group": "groups",
    "timing": "facts of time",
    "condition": "conditions",
    "medication": "medications",
    "pattern": "patterns",
    "red_flag": "red flags",
    "recommendation": "recommendations",
    "band": "bands",
    "critical_limit": "critical limits",
    "plausibility": "plausibility limits",
    "refusal": "refusals",
    "caution": "cautions",
    "issue": "issues",
    "urgency": "urgencies",
    "choice": "choices",
    "computation": "computations",
    "analyte": "analytes",
    "patient": "facts of the patient",
    "association": "symptoms that it accounts for, or argues against",
}
_MEANING: Mapping[str, str] = {
    "recalled": "known to whoever wrote it, and not found in a source that was read",
    "proposal": "proposed by this project",
    "decision": "decided by this project between sources, or where they are silent",
    "computed": "computed from a figure that a source gives in another unit",
    "unit_seen": "only the unit was read, not the whole code",
    "not_stated": "the knowledge files give no status",
}
_HOW_TO_READ = """\
Each entry below is a figure or a rule that nobody has read in its source as it stands. It says what it is, where it \
comes from, what reads it, and what changes when it moves. A signature says: this may be used as it stands here. What \
is not to stand is corrected in its knowledge file, with source and status, and the document is made again; a \
signature stands for one digest.

"Read by" follows findings, groups, context and facts of time to the patterns, red flags, recommendations and limits \
that read them; behind each stands the part of it, and the urgencies that it can bring through that part. "Highest \
urgency" is the highest of these; what one pattern makes of another is said at that pattern. Units and their scales \
are definitions, and are not listed."""
# What reads the items of kinds that no rule reads.
_BESIDE_RULES: Mapping[str, str] = {
    "code": "the reading of results",
    "analyte": "the reading of results",
    "ctcae_grade": "the report, as information",
    "choice": "the selection of limits",
    "computation": "the engine, by itself",
    "interval": "the class and flag of the result",
    "group": "no rule",
    "recommendation": "its own condition, or the engine by itself",
    "symptom": "no rule; it is recognised, and returned in the report",
    "condition": "no rule; it is recognised, and returned in the report",
    "medication": "no rule; it is recognised, and returned in the report",
    "contradiction": "the list of recommendations of every report",
    "association": "the account of symptoms in the report",
    "urgency": "every report of that urgency",
    "refusal": "the result that it refuses",
    "caution": "the result that it stands at",
    "issue": "the report that it stands in",
    "scope": "the cautions of every result",
}
_SIGNATURE = "Name: ______________________ Date: ______________ Signature: ______________________"


@dataclass(frozen=True, slots=True)
class _Part:
    """The entries of one analyte and kind."""

    title: str
    items: tuple[Stated, ...]


@dataclass(frozen=True, slots=True)
class _Section:
    """The entries of one analyte, or those of none."""

    title: str
    parts: tuple[_Part, ...]

    @property
    def items(self) -> tuple[Stated, ...]:
        """Every entry, in order."""
        return tuple(item for part in self.parts for item in part.items)


def signoff(release: Release) -> str:
    """The document: every figure and rule that is not signed, by analyte and kind, as Markdown."""
    every = stated(release)
    sections = _sections(release, [item for item in every if item.unsigned])
    uses = Uses(release)
    lines = [*_title(release, every), *_contents(sections)]
    for section in sections:
        lines += [f"## {section.title}", ""]
        for part in section.parts:
            lines += [f"### {part.title}", ""]
            for item in part.items:
                lines += [*_entry(release, uses, item), ""]
    lines += _with_notes(item for item in every if not item.unsigned and item.note)
    return "\n".join(lines)


# ---------------------------------------------------------------------------------------------- front matter


def _title(release: Release, every: Sequence[Stated]) -> Iterator[str]:
    reference, file = release.reference, release.file
    open_items = sum(item.unsigned for item in every)
    yield from (f"# Sign-off: {file.title}", "")
    yield f"Release {reference.version} of {file.released.isoformat()}, to be reviewed by {file.review_by.isoformat()}."
    yield from ("", f"Digest `{reference.digest}`, engine {reference.engine}.", "")
    yield f"{open_items} of {len(every)} figures and rules are not signed; {len(every) - open_items} were read as seen."
    yield from ("", f"Intended use: {file.intended_use}", "", _HOW_TO_READ, "")
    for status in _STATUSES:
        yield f"- `{status}`: {_MEANING[status]}"
    yield from ("", f"The whole document: {_SIGNATURE}", "")


def _contents(sections: Iterable[_Section]) -> Iterator[str]:
    columns = [status.replace("_", " ") for status in _STATUSES]
    yield from ("## Contents", "", f"| | {' | '.join(columns)} | all |", f"|---|{'---:|' * (len(columns) + 1)}")
    whole: list[Stated] = []
    for section in sections:
        whole += section.items
        yield _counts(f"**[{section.title}](#{_anchor(section.title)})**", section.items)
        for part in section.parts:
            yield _counts(f"[{part.title}](#{_anchor(part.title)})", part.items)
    yield from (_counts("**All**", whole), "")


def _counts(title: str, items: Sequence[Stated]) -> str:
    numbers = Counter(item.status for item in items)
    cells = [str(numbers[status] or "") for status in _STATUSES]
    return f"| {title} | {' | '.join(cells)} | {len(items)} |"


def _anchor(title: str) -> str:
    """The name that Markdown gives a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def _sections(release: Release, items: Sequence[Stated]) -> list[_Section]:
    """Analytes by role and id, then what is about none; kinds in their order."""
    analytes = sorted(release.analytes.values(), key=lambda analyte: (_ROLES.index(analyte.form.role), analyte.id))
    titles = {analyte.id: analyte.id for analyte in analytes} | {"": _NO_ANALYTE}
    found = []
    for ident, title in titles.items():
        own = [item for item in items if item.analyte == ident]
        parts = tuple(
            _Part(f"{title}: {words.lower()}", of_kind)
            for kind, words in KINDS.items()
            if (of_kind := tuple(item for item in own if item.kind == kind))
        )
        if parts:
            found.append(_Section(title, parts))
    return found


# ---------------------------------------------------------------------------------------------- one entry


def _entry(release: Release, uses: Uses, item: Stated) -> Iterator[str]:
    yield from (f"#### `{item.id}`", "")
    yield from _lines("Says", saying(release, item))
    yield from _lines("Source", [_source(release, ident) for ident in item.source] or ["none is given"])
    yield f"- **Status**: {item.status.replace('_', ' ')}{f'. {item.note}' if item.note else ''}"
    found = uses.reaching(names_made(release, item))
    yield from _lines("Read by", list(_readers(found, deciding=True)) or [_BESIDE_RULES.get(item.kind, "no rule")])
    yield from _lines("Shown as evidence by, deciding nothing", list(_readers(found, deciding=False)))
    if (urgency := _highest(release, item, found)) is not None:
        yield f"- **Highest urgency that it can bring**: {urgency.name}"
    yield from _lines("If it moves", moving(release, uses, item))
    yield from ("", _SIGNATURE)


def _lines(title: str, lines: Sequence[str]) -> Iterator[str]:
    """A point with one line, or with a list below it; nothing without a line."""
    if len(lines) == 1:
        yield f"- **{title}**: {lines[0]}"
    elif lines:
        yield f"- **{title}**:"
        yield from (f"    {line}" if line.startswith("- ") else f"  - {line}" for line in lines)


def _source(release: Release, ident: str) -> str:
    row = release.sources[ident]
    tier = f", tier {row.tier}" if row.tier else ""
    read = f", read {row.read}" if row.read else ""
    return f"{ident}: {row.citation}{tier}{read}"


def _readers(found: Iterable[Use], *, deciding: bool) -> Iterator[str]:
    of_kinds = by_kind(found, deciding=deciding)
    for kind, words in _READ_BY.items():
        if kind in of_kinds:
            yield f"{words}: {', '.join(_rules(of_kinds[kind]))}"


def _rules(uses: Iterable[Use]) -> Iterator[str]:
    """Each rule once, with the parts that read the name and the urgencies that they can bring."""
    of_rules: dict[str, list[Use]] = {}
    for use in uses:
        of_rules.setdefault(use.id, []).append(use)
    for ident, own in of_rules.items():
        if own[0].kind == "association":
            yield f"`{ident}`"
            continue
        parts = ", ".join(dict.fromkeys(use.part for use in own))
        urgencies = sorted({urgency for use in own for urgency in use.urgencies}, reverse=True)
        said = f"; {' or '.join(urgency.name for urgency in urgencies)}" if urgencies else ""
        yield f"`{ident}` ({parts}{said})"


def _highest(release: Release, item: Stated, found: Iterable[Use]) -> Urgency | None:
    """The highest urgency that an item can bring; None where it brings none."""
    deciding = {urgency for use in found if use.decides and use.part != LOWERED for urgency in use.urgencies}
    if item.kind in ("recommendation", "caution", "contradiction"):
        # What brings advice brings its urgency, and not the advice.
        deciding = set()
    highest = max((*own_urgencies(release, item), *deciding), default=Urgency.NONE)
    return None if highest is Urgency.NONE else highest


def _with_notes(items: Iterable[Stated]) -> Iterator[str]:
    """What was seen in its source, and has a note that says how it was read."""
    noted = list(items)
    if not noted:
        return
    yield from ("## Seen, with a note", "")
    yield f"These {len(noted)} need no signature by their status `{SEEN}`. A note says how the source was read, or what"
    yield "of the entry is not in it."
    yield ""
    yield from (f"- `{item.id}`: {item.note}" for item in noted)
    yield ""
